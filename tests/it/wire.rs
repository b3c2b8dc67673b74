//! Tests of the engine's `wire`.

mod capability;
mod credentials;
mod ticket;
mod tls;
pub mod vectors;
