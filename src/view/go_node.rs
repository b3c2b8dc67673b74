//! A running go-livepeer node as its operator API tells it, each part as far as that node has it.

use std::collections::BTreeMap;

use alloy::primitives::Address;
use serde::{Deserialize, Serialize};

use crate::{
    operator::{Number, Ratio},
    units::Wei,
};

/// What `/status` tells (`go-livepeer common/types.go`). Texts are from outside: escape before drawing.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct GoStatus {
    /// Version of the node.
    pub version: String,
    /// Version of its Go runtime; every answer of a node has it.
    pub golang_runtime_version: String,
    /// Processor, like `amd64`.
    #[serde(rename = "GOArch")]
    pub arch: String,
    /// Operating system.
    #[serde(rename = "GOOS")]
    pub os: String,
    /// Streams of a gateway.
    #[serde(deserialize_with = "or_default")]
    pub stream_info: BTreeMap<String, StreamBytes>,
    /// Orchestrators of a gateway; null without a pool.
    #[serde(deserialize_with = "or_default")]
    pub orchestrator_pool_infos: Vec<PoolMember>,
    /// Remote transcoders of an orchestrator.
    #[serde(deserialize_with = "or_default")]
    pub registered_transcoders: Vec<GoTranscoder>,
    /// True wherever there is no pool of remote transcoders, in gateways too.
    pub local_transcoding: bool,
    /// Wei for a pixel by gateway, in small letters, or `default`.
    #[serde(deserialize_with = "or_default")]
    pub broadcaster_prices: BTreeMap<String, Ratio>,
}

/// Go writes what it does not have as null.
fn or_default<'de, D: serde::Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// What went through a stream of a gateway, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all(deserialize = "PascalCase"))]
pub struct StreamBytes {
    /// Received.
    #[serde(default)]
    pub source_bytes: u64,
    /// Renditions.
    #[serde(default)]
    pub transcoded_bytes: u64,
}

/// An orchestrator a gateway knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all(deserialize = "PascalCase"))]
pub struct PoolMember {
    /// Where it is.
    pub url: String,
    /// How long it took to answer, in nanoseconds.
    #[serde(rename(serialize = "latency_ns"), default)]
    pub latency: Option<u64>,
}

/// A remote transcoder of an orchestrator. Its load is not told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all(deserialize = "PascalCase"))]
pub struct GoTranscoder {
    /// Address and port its connection comes from.
    pub address: String,
    /// Sessions it takes at once.
    pub capacity: u32,
}

/// How a gateway sends.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all(deserialize = "PascalCase"))]
pub struct BroadcastConfig {
    /// The most it pays, in wei for a pixel; none: any price.
    #[serde(rename(serialize = "max_price_wei_per_pixel"), default)]
    pub max_price: Option<Ratio>,
    /// Names of the renditions it asks for, with commas between them.
    #[serde(default)]
    pub transcoding_options: String,
}

/// What stands behind a gateway's tickets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all(deserialize = "PascalCase"))]
pub struct GoSender {
    /// Pays winning tickets.
    #[serde(rename(serialize = "deposit_wei"))]
    pub deposit: Number,
    /// Behind the deposit.
    #[serde(rename(serialize = "reserve_wei"))]
    pub reserve: GoReserve,
    /// Round from which both can be taken out; 0: they are locked.
    pub withdraw_round: Number,
}

/// A gateway's reserve.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GoReserve {
    /// What is left of it.
    pub funds_remaining: Number,
}

impl Serialize for GoReserve {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.funds_remaining.serialize(serializer)
    }
}

/// How an orchestrator is registered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all(deserialize = "PascalCase"))]
pub struct GoOrchestrator {
    /// Where gateways are told to go.
    #[serde(rename(deserialize = "ServiceURI"))]
    pub service_uri: String,
    /// `Registered` or `Not Registered`.
    pub status: String,
    /// Whether it is in the active set.
    pub active: bool,
    /// LPT behind it, in base units.
    #[serde(rename(serialize = "delegated_stake_base_units"))]
    pub delegated_stake: Option<Number>,
    /// The last round whose reward it called.
    pub last_reward_round: Option<Number>,
    /// Parts per million of the minted LPT that it keeps.
    #[serde(rename(serialize = "reward_cut_ppm"))]
    pub reward_cut: Option<Number>,
    /// Parts per million of the fees that its delegators get.
    #[serde(rename(serialize = "fee_share_ppm"))]
    pub fee_share: Option<Number>,
}

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GoRole {
    /// Serves gateways.
    Orchestrator,
    /// Redeems tickets for orchestrators.
    Redeemer,
    /// A gateway, or a transcoder or worker: their APIs do not tell which.
    GatewayOrWorker,
}

impl std::fmt::Display for GoRole {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Orchestrator => "orchestrator",
            Self::Redeemer => "redeemer",
            Self::GatewayOrWorker => "gateway or worker",
        })
    }
}

/// Everything its API tells of a node, with what was not to be had left out.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GoNode {
    /// What it is.
    pub role: GoRole,
    /// Its version.
    pub version: String,
    /// Of its Go runtime.
    pub go_version: String,
    /// Operating system and processor.
    pub platform: String,
    /// The chain's id; none where it could not be asked, 0 off-chain.
    pub chain_id: Option<u64>,
    /// Its account; none off-chain.
    pub account: Option<Address>,
    /// ETH of the account.
    pub balance_wei: Option<Wei>,
    /// LPT of the account, in base units.
    pub balance_lpt_base_units: Option<Number>,
    /// The current round.
    pub round: Option<u64>,
    /// The last block it has seen.
    pub block: Option<u64>,
    /// The most it pays for gas; none: no limit, or off-chain.
    pub max_gas_price_wei: Option<Wei>,
    /// The least it offers for gas.
    pub min_gas_price_wei: Option<Wei>,
    /// How much it logs, 0 to 6.
    pub log_level: Option<u8>,
    /// Its prices in wei for a pixel, by gateway or `default`.
    pub prices_wei_per_pixel: BTreeMap<String, Ratio>,
    /// Whether it transcodes itself; none in what is no orchestrator, where it says nothing.
    pub transcodes_itself: Option<bool>,
    /// Its remote transcoders.
    pub transcoders: Vec<GoTranscoder>,
    /// Streams of a gateway.
    pub streams: BTreeMap<String, StreamBytes>,
    /// Orchestrators of a gateway.
    pub orchestrators: Vec<PoolMember>,
    /// How an orchestrator is registered; none elsewhere.
    pub orchestrator: Option<GoOrchestrator>,
    /// How a gateway sends; none elsewhere.
    pub broadcast: Option<BroadcastConfig>,
    /// What stands behind a gateway's tickets; none elsewhere.
    pub sender: Option<GoSender>,
}
