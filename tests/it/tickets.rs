//! Tests of the engine's tickets, on both sides.

pub mod parties;
mod recipient;
mod sender;
mod vectors;
