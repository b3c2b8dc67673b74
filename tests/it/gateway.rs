//! Tests of the engine's `gateway`.
