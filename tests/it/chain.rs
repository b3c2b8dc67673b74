//! Tests of the engine's `chain`.
