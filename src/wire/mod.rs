//! What travels between gateways, orchestrators and transcoders: messages, signatures, capabilities.

/// The protocol's messages and services, generated from `assets/proto/net.proto`.
#[allow(missing_docs, clippy::all, reason = "generated code")]
pub mod net {
    tonic::include_proto!("net");
}
