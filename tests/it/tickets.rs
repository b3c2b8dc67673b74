//! Tests of the engine's tickets, on both sides.

mod both;
pub mod parties;
mod recipient;
mod sender;
mod vectors;
