//! Tests of the engine's `media`.
