//! Redeeming winning tickets: what goes when, how it is sent, and what became of it.
//!
//! | module | holds |
//! |---|---|
//! | `schedule` | what to redeem now, as a pure function: the rules |
//! | `gas` | gas prices of the last day, and what a redemption takes |
//! | `reasons` | why a ticket waits, why one is lost |

pub mod gas;
pub mod reasons;
pub mod schedule;
#[cfg(test)]
mod simulation;
