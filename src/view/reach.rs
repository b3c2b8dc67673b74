//! Where a node says it is, and what can be reached from it: part of its status.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where gateways find the node, and what came of asking there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct Reach {
    /// The operator's label for where the node is, like `eu-west`; none: not given.
    pub region: Option<String>,
    /// Further addresses of this orchestrator that gateways are told.
    pub nodes: Vec<String>,
    /// The node's own address first, then `nodes`, then the peers the operator named. Empty if nothing is asked.
    pub probes: Vec<Probe>,
}

/// An address that is asked now and then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Probe {
    /// The address.
    pub uri: String,
    /// Whose it is.
    pub role: ProbeRole,
    /// What came of asking it last.
    pub state: ProbeState,
    /// When that was; none before the first answer.
    #[serde(default)]
    pub checked: Option<Timestamp>,
    /// Microseconds until a connection was there (TCP and TLS); none if it is not.
    #[serde(default)]
    pub connect_us: Option<u64>,
    /// Microseconds a `Ping` took on that connection; none without an answer.
    #[serde(default)]
    pub round_trip_us: Option<u64>,
    /// What is the matter. Text from outside possible: escape before drawing.
    #[serde(default)]
    pub error: Option<String>,
}

/// Whose an address is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProbeRole {
    /// The node's own, as gateways are told it.
    Own,
    /// Another one of the same orchestrator.
    Node,
    /// Somebody else's.
    Peer,
}

/// What came of asking an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProbeState {
    /// Nothing yet.
    Waiting,
    /// Who should answer did.
    Reachable,
    /// Somebody answered who is not this orchestrator.
    Stranger,
    /// Nobody answered.
    Unreachable,
}
