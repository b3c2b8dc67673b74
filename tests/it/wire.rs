//! Tests of the engine's `wire`.
