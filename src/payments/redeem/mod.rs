//! Redeeming winning tickets: what goes when, how it is sent, and what became of it.
//!
//! | module | holds |
//! |---|---|
//! | `schedule` | what to redeem now, as a pure function: the rules |
//! | `gas` | gas prices of the last day, and what a redemption takes |
//! | `reasons` | why a ticket waits, why one is lost |
//! | `driver` | the task that looks at every block and does what the schedule says |
//! | `attempt` | one transaction: simulated, written down, signed, sent |
//! | `outcome` | what became of it, read from the chain: also after a restart or a reorganisation |
//! | `review`, `look` | the same for whoever asks, without doing anything |
//!
//! Who pays is judged by the contract's own word: a ticket is settled when the contract calls it used and an event says
//! how it was paid, never because a transaction was sent or a receipt says so.

mod attempt;
pub mod driver;
pub mod gas;
pub mod look;
mod outcome;
pub mod reasons;
pub mod review;
pub mod schedule;
#[cfg(test)]
mod simulation;
pub mod state;

pub use self::{
    driver::{RedeemFailure, RedeemParts, Redeemer, redeem_now},
    gas::GasUse,
    look::{Look, LookError, look},
    state::{Moment, RedeemSettings, RedeemState},
};
