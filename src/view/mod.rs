//! Answers as plain serialisable types: the JSON contract of the command line and of the node's API, and what the
//! dashboard draws. No clients, no async, no formatting for people.

pub mod account;
pub mod bench;
pub mod chain;
pub mod devnet;
pub mod explorer;
pub mod exporter;
pub mod funds;
pub mod gateway;
pub mod go_node;
pub mod gov;
pub mod gpu;
pub mod ingest;
pub mod ledger;
pub mod node;
pub mod payments;
pub mod probe;
pub mod push;
pub mod reach;
pub mod reward;
pub mod rpc;
pub mod sent;
pub mod studio;
pub mod ticket;
pub mod transaction;
