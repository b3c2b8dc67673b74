//! GPUs: a driver's library of our own behind the real loading path, and simulated machines for placement.

mod driver;
mod simulation;
