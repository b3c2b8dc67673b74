//! Answers and orders of `/api/v1` beside the status.

use alloy::primitives::Address;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Device, Latency, NodeChain, NodeMode, RemoteTranscoder, RewardView, StreamSession};
use crate::node::KeptSettings;

/// Counts what was added to `/api/v1`. What is there stays as it is; clients look whether what they want is there yet.
///
/// 1: status, events, drain, end-session, settings. 2: the rest. 3: events of what changed.
pub const API_VERSION: u32 = 3;

/// What somebody may do with a node. Each contains those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// See.
    Read,
    /// Drain, end sessions, change prices and other settings.
    Operate,
    /// Whatever signs or sends.
    Money,
}

impl Scope {
    /// All of them, from the least to the most.
    pub const ALL: [Self; 3] = [Self::Read, Self::Operate, Self::Money];

    /// Its name in JSON and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Operate => "operate",
            Self::Money => "money",
        }
    }
}

impl std::fmt::Display for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// The answer of `GET /api/v1/version`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VersionView {
    /// lpctl's version.
    pub version: String,
    /// See [`API_VERSION`].
    pub api_version: u32,
    /// What kind of node it is.
    pub mode: NodeMode,
    /// When it started.
    pub started: Timestamp,
    /// The orchestrator's account; none off-chain.
    #[schema(value_type = Option<String>)]
    pub address: Option<Address>,
}

/// A session with what follows from its last segments.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SessionView {
    /// The session.
    #[serde(flatten)]
    pub session: StreamSession,
    /// Latency of its last segments; none before the first that succeeded.
    pub latency: Option<Latency>,
    /// Playing time divided by transcoding time over them, in thousandths; none before the first.
    pub real_time_permille: Option<u64>,
}

impl From<StreamSession> for SessionView {
    fn from(session: StreamSession) -> Self {
        let made = session.recent.iter().filter(|timing| timing.ok);
        let mut totals: Vec<u32> = made.clone().map(|timing| timing.total_ms).collect();
        totals.sort_unstable();
        let (playing, worked) = made.fold((0_u64, 0_u64), |(playing, worked), timing| {
            (
                playing + u64::from(timing.duration_ms),
                worked + u64::from(timing.transcode_ms),
            )
        });
        Self {
            latency: Latency::of_sorted(&totals),
            real_time_permille: playing.saturating_mul(1000).checked_div(worked),
            session,
        }
    }
}

/// The answer of `GET /api/v1/sessions`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SessionPage {
    /// How many fit what was asked for, on this page or not.
    pub total: u64,
    /// The page, newest activity first.
    pub sessions: Vec<SessionView>,
}

/// The answer of `GET /api/v1/devices`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DeviceList {
    /// Where the encoding happens.
    pub devices: Vec<Device>,
}

/// The answer of `GET /api/v1/transcoders`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TranscoderList {
    /// Remote transcoders connected now, the least loaded first.
    pub transcoders: Vec<RemoteTranscoder>,
}

/// The answer of `GET /api/v1/chain`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ChainAnswer {
    /// `offchain`, or the network's name.
    pub network: String,
    /// Stake and round; none off-chain, or before they were read.
    pub chain: Option<NodeChain>,
}

/// The answer of `GET /api/v1/reward`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RewardAnswer {
    /// How it goes with calling reward; none: this node calls none.
    pub reward: Option<RewardView>,
}

/// One setting a node runs with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConfigEntry {
    /// Its name in the config file, like `payments.price`.
    pub key: String,
    /// Its value, without what is secret in it.
    pub value: String,
    /// Where it came from: `command_line`, `config_file` or `built_in`.
    pub source: String,
}

/// The answer of `GET /api/v1/config`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConfigView {
    /// What the node was started with.
    pub settings: Vec<ConfigEntry>,
    /// What was changed while it ran, in this run and earlier ones: it comes before `settings`.
    pub changed: KeptSettings,
}

/// The body of `POST /api/v1/end-session`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EndSession {
    /// Its id, as the status tells it.
    pub session: String,
}

/// One write, as the audit log has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditLine {
    /// When it was answered.
    pub time: Timestamp,
    /// The name of the token, or `loopback` for whoever is on the machine.
    pub who: String,
    /// Address and port it came from.
    pub from: String,
    /// Method and path.
    pub action: String,
    /// What it took.
    pub scope: Scope,
    /// The HTTP status it was answered with.
    pub status: u16,
    /// What was asked for, shortened; only names where values could be secret. Text from outside: escape before drawing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub what: Option<String>,
    /// Whether it was an earlier answer given again, for the same idempotency key.
    #[serde(default)]
    pub replayed: bool,
}

/// The answer of `GET /api/v1/audit`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditLines {
    /// The newest first.
    pub lines: Vec<AuditLine>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_scope_contains_those_before_it() {
        assert!(Scope::Money > Scope::Operate && Scope::Operate > Scope::Read);
        for scope in Scope::ALL {
            assert_eq!(serde_json::to_value(scope).unwrap(), scope.as_str());
        }
    }
}
