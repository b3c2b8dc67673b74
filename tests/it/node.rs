//! Tests of the engine's `node`.
