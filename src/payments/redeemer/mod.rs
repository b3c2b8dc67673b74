//! The redeemer service: a process of its own redeems what orchestrators win (`go-livepeer server/redeemer.go`).
//!
//! | module | holds |
//! |---|---|
//! | `message` | a winner on the wire, and what is checked of one |
//! | `node` | a redeemer as a process |
//! | `service` | the redeemer's side: takes winners, tells what senders can pay |
//! | `remote` | the orchestrator's side: hands winners over, asks what senders can pay |
//!
//! The orchestrator stays the recipient, and its books keep every winner until the redeemer has taken it. The redeemer
//! pays the gas and needs no key of the orchestrator.

pub mod message;
mod node;
pub mod remote;
pub mod service;

pub use self::{
    node::{RedeemerConfig, RedeemerError, RunningRedeemer},
    remote::{RedeemerAddress, RemoteRedeemer, RemoteRedeemerError},
    service::{QueueLimits, RedeemerServer, RedeemerServerError, RedeemerServerSettings},
};
