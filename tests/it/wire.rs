//! Tests of the engine's `wire`.

mod capability;
mod credentials;
mod tls;
pub mod vectors;
