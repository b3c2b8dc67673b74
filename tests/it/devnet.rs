//! Tests of the engine's `devnet`.
