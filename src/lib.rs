//! The engine of lpctl: everything that is not a flag, a prompt, a table or a screen.
//!
//! The engine never prints, prompts, draws, exits, or reads flags, environment or home directory. It is given
//! configuration and returns facts ([`view`]) or typed errors; the `lpctl` binary and the dashboard do the rest.
//!
//! | module | owns |
//! |---|---|
//! | [`units`] | amounts, percentages and rounds as types |
//! | [`secret`] | values that must never be shown |
//! | [`private_file`] | files that are nobody else's business |
//! | [`config`] | settings as layers |
//! | [`view`] | answers: plain serialisable types, the JSON contract |
//! | [`chain`] | contracts, endpoints, reads, plans and the one way a transaction is sent |
//! | [`wallet`] | keystore files and signers |
//! | [`devnet`] | a whole Livepeer protocol on this machine |
//! | [`wire`] | messages, signatures and capabilities between nodes |
//! | [`process`] | starting, bounding and ending other programs |
//! | [`gpu`] | readings of GPUs and the CPU |
//! | [`store`] | object stores outside of the node: rights to put files there |
//! | [`media`] | ladders, probing and transcoding with ffmpeg |
//! | [`node`] | the orchestrator node |
//! | [`operator`] | a running node from outside, lpctl's or go-livepeer's |
//! | [`remote`] | the transcoder of an orchestrator elsewhere |
//! | [`relay`] | a JSON-RPC endpoint on this machine in front of several elsewhere |
//! | [`payments`] | tickets: made, checked, kept, redeemed |
//! | [`reward`] | the guardian that calls each round's reward, and what became of past ones |
//! | [`gateway`] | the sending side: cut, submit, download, verify |
//! | [`explorer`] | the subgraph: history as somebody else indexed it |
//! | [`studio`] | Livepeer Studio: an account's streams and files |
//! | [`web`] | JSON services of others, bounded |
//! | [`exporter`] | orchestrators for Prometheus, from the chain alone |
//! | [`metrics`] | what nodes and gateways tell Prometheus |
//! | [`way`] | a segment's way through the nodes, for the log and for traces |
//! | [`bench`] | measuring the transcoder |

pub mod bench;
pub mod chain;
pub mod config;
pub mod devnet;
pub mod explorer;
pub mod exporter;
pub mod gateway;
pub mod gpu;
pub mod media;
pub mod metrics;
pub mod node;
pub mod operator;
pub mod payments;
pub mod private_file;
pub mod process;
pub mod relay;
pub mod reward;
pub mod secret;
pub mod store;
pub mod studio;
mod telling;
pub mod units;
pub mod view;
pub mod wallet;
pub mod way;
pub mod web;
pub mod wire;

pub use node::remote;
pub use telling::{ParseHeaderError, SecretHeader};
