//! Rewards: the guardian that calls each round's for an orchestrator, and what became of past ones.
//!
//! | module | holds |
//! |---|---|
//! | `policy` | what the operator wants: gas, floor, alerts |
//! | `vigil` | the decision: facts and time in, what to do and what to tell out; pure |
//! | `guardian` | carries it out: reads, sends, tells |
//! | `alerts` | alerts by webhook and program |
//! | `history` | past rounds from events |
//!
//! The guardian acts from what the chain says now, never from an event alone: after a pause of any length it does what
//! is left to do, and what another host has done it leaves alone. The contract pays a round's reward once.

pub mod alerts;
pub mod guardian;
pub(crate) mod history;
pub mod policy;
pub mod vigil;

pub use self::{
    alerts::AlertSettings,
    guardian::{Guardian, GuardianSettings},
    policy::{Floor, GasLimit, Policy},
    vigil::{Act, Attempt, Notice, Outcome, Sight, Vigil},
};
