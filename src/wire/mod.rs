//! What travels between gateways, orchestrators and transcoders: messages, signatures, capabilities.
//!
//! | module | owns |
//! |---|---|
//! | [`net`] | the messages and services themselves, generated |
//! | [`signature`] | what is signed, by whom, and how it is checked |
//! | [`segment`] | a segment's credentials and its profiles on the wire |
//! | [`token`] | the orchestrator's session tokens |
//! | [`ticket`] | what is signed of a ticket |
//! | [`capability`] | what a node can do and what a job needs |
//! | [`tls`] | certificates nobody checks, and the client that does not |
//! | [`client`] | gRPC and HTTP clients as the protocol wants them |

pub mod capability;
pub mod certificate;
pub mod client;
pub mod segment;
pub mod signature;
pub mod ticket;
pub mod tls;
pub mod token;

/// The protocol's messages and services, generated from `assets/proto/net.proto`.
#[allow(missing_docs, clippy::all, reason = "generated code")]
pub mod net {
    tonic::include_proto!("net");
}
