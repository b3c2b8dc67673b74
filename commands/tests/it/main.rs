//! Tests of the `lpctl` binary as its users run it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    reason = "a test that cannot go on should stop where it is"
)]

mod account;
mod alerts;
mod bench;
mod child;
mod command_line;
mod dashboard;
mod described;
mod devnet;
mod doctor;
mod environment;
mod explorer;
mod exporter;
mod fence;
mod funds;
mod fuzz;
mod gateway;
mod gateway_run;
mod go_routes;
mod gov;
mod gpu;
mod guide;
mod help;
mod kill;
mod ledger;
mod logs;
mod metrics;
mod migrate;
mod node_go;
mod operator;
mod operator_tls;
mod orders;
mod outcomes;
mod pool;
mod preflight;
mod proxy;
mod reach;
mod remote;
mod reward;
mod rpc;
mod run;
mod stake;
mod staking;
mod status;
mod studio;
mod ticket;
mod traces;
mod transactions;
mod why;
