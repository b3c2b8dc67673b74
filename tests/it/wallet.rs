//! Tests of the engine's `wallet`.
