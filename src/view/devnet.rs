//! A devnet as `lpctl devnet` tells it.

use alloy::primitives::Address;
use jiff::Timestamp;
use serde::Serialize;

use crate::{
    devnet::Contracts,
    units::{Lpt, Round, Wei},
};

/// Whether a devnet runs, and everything one needs to use it: the answer of `devnet up` and `devnet status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DevnetStatus {
    /// Whether it answers.
    pub running: bool,
    /// True while it is being started; then nothing else is known.
    pub starting: bool,
    /// Whether a saved chain is there to go on from.
    pub saved: bool,
    /// The rest, if it runs.
    #[serde(flatten)]
    pub devnet: Option<RunningDevnet>,
}

/// A running devnet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunningDevnet {
    /// The lpctl process that holds it.
    pub pid: u32,
    /// Its anvil.
    pub anvil_pid: u32,
    /// When it was started.
    pub started: Timestamp,
    /// Where its chain is.
    pub rpc_url: String,
    /// The chain's id.
    pub chain_id: u64,
    /// The profile that reaches it.
    pub profile: String,
    /// Seconds between blocks; none makes a block for every transaction.
    pub block_time: Option<u64>,
    /// Whether every round is opened as it comes.
    pub keep_rounds: bool,
    /// Where the chain stands.
    #[serde(flatten)]
    pub chain: DevnetChainStatus,
    /// The contracts' addresses by name.
    pub contracts: Contracts,
    /// The funded accounts.
    pub accounts: Vec<DevnetAccount>,
}

/// Where a devnet's chain stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct DevnetChainStatus {
    /// The newest block.
    pub block: u64,
    /// The round it is in.
    pub round: Round,
    /// Whether that round has been opened.
    pub round_initialized: bool,
    /// Blocks in a round.
    pub round_length: u64,
    /// Blocks of this round that have passed.
    pub round_elapsed: u64,
}

/// One of a devnet's funded accounts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DevnetAccount {
    /// Its name, also in the profile's keystore.
    pub name: String,
    /// Its address.
    pub address: Address,
    /// ETH in it.
    pub eth_wei: Wei,
    /// LPT in it; stake is not part of it.
    pub balance_lpt: Lpt,
}

/// What mining did: the answer of `devnet mine`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct DevnetMined {
    /// Where the chain stood.
    pub before: DevnetChainStatus,
    /// Where it stands.
    pub after: DevnetChainStatus,
}

/// What an account was given: the answer of `devnet fund`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DevnetFunded {
    /// The account.
    pub address: Address,
    /// What it was called on the command line.
    pub account: String,
    /// ETH before.
    pub eth_before_wei: Wei,
    /// ETH now, read back.
    pub eth_wei: Wei,
    /// LPT before.
    pub balance_before_lpt: Lpt,
    /// LPT now, read back.
    pub balance_lpt: Lpt,
}

/// What taking a devnet down did: the answer of `devnet down`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct DevnetDown {
    /// Whether there was one.
    pub was_running: bool,
    /// The block it stood at, where it could still be asked.
    pub block: Option<u64>,
    /// Whether its chain is saved to go on from.
    pub saved: bool,
}

/// The parts on this machine: the answer of `devnet setup`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DevnetParts {
    /// The chain's executable.
    pub anvil: String,
    /// The folder of compiled contracts.
    pub contracts: String,
    /// Whether anything had to be downloaded.
    pub downloaded: bool,
}
