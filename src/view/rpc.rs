//! How JSON-RPC endpoints do, and what a local endpoint in front of them has done.

use serde::Serialize;

/// Endpoints tested one by one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RpcTest {
    /// The network they are meant for.
    pub network: String,
    /// The chain id they must have: the network's, or the first endpoint's.
    pub chain_id: Option<u64>,
    /// Timed reads of each.
    pub reads: u32,
    /// The latest block any of those on the right chain has.
    pub best_block: Option<u64>,
    /// Each of them, in the order of the settings.
    pub endpoints: Vec<RpcEndpoint>,
}

/// One endpoint, as it did in a test.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RpcEndpoint {
    /// Scheme, host and port: the rest often is a key.
    pub endpoint: String,
    /// Whether lpctl can work with it: it answers, for the right chain, and takes batches.
    pub usable: bool,
    /// Whether it is further behind the best one than endpoints of its chain are at any time.
    pub lagging: bool,
    /// The chain it is on.
    pub chain_id: Option<u64>,
    /// Median time of a read, in milliseconds.
    pub latency_median_ms: Option<f64>,
    /// The time 95 of 100 reads stay below, in milliseconds.
    pub latency_p95_ms: Option<f64>,
    /// Reads that failed.
    pub failed_reads: u32,
    /// Its latest block.
    pub block: Option<u64>,
    /// How long ago that block was made.
    pub head_age_seconds: Option<u64>,
    /// Blocks behind the best one.
    pub lag_blocks: Option<u64>,
    /// Whether it takes several requests at once.
    pub batch: Option<bool>,
    /// Of how many blocks it gives logs at once; as many as were tried, or as there are.
    pub log_range_blocks: Option<u64>,
    /// Whether it keeps the state of old blocks.
    pub archive: Option<bool>,
    /// What is wrong with it.
    pub failure: Option<String>,
}

/// One endpoint behind a local one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RelayEndpoint {
    /// Scheme, host and port.
    pub endpoint: String,
    /// Answers it gave that were passed on.
    pub answered: u64,
    /// Requests to it that failed.
    pub failed: u64,
    /// How its last request failed; none if it did not.
    pub failure: Option<String>,
    /// Its usual time of an answer, in milliseconds.
    pub latency_ms: Option<f64>,
    /// Its latest block, as last heard.
    pub block: Option<u64>,
}

/// What a local endpoint has done so far.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct RelayStatus {
    /// Requests, each of a batch counted.
    pub requests: u64,
    /// Answered from memory.
    pub remembered: u64,
    /// Transactions handed on.
    pub transactions: u64,
    /// Not passed on: a method that is not, or no request at all.
    pub refused: u64,
    /// No endpoint gave an answer.
    pub failed: u64,
    /// The endpoints behind it.
    pub endpoints: Vec<RelayEndpoint>,
}
