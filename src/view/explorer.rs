//! What the Livepeer subgraph tells: the protocol's history as somebody else indexed it, never the chain's own word.

use alloy::primitives::{Address, B256};
use serde::Serialize;

use crate::units::{Lpt, Percent, Wei};

/// How far the index was when it answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct IndexedAt {
    /// The last block that was indexed.
    pub block: u64,
    /// When that block was made, in seconds since 1970; none if the index does not say.
    pub timestamp: Option<i64>,
}

/// Orchestrators by stake, largest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IndexedOrchestrators {
    /// At most as many as were asked for.
    pub orchestrators: Vec<IndexedOrchestrator>,
    /// How many there are.
    pub total: usize,
    /// Rows that could not be read and are left out.
    pub unreadable: usize,
    /// The index.
    pub at: IndexedAt,
}

/// An orchestrator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IndexedOrchestrator {
    /// Who.
    pub address: Address,
    /// Whether it works in this round.
    pub active: bool,
    /// Its own stake and that of its delegators.
    pub total_stake_lpt: Lpt,
    /// What it keeps of rewards.
    pub reward_cut_percent: Percent,
    /// What it gives its delegators of fees.
    pub fee_share_percent: Percent,
    /// The last round it called reward for; none: never.
    pub last_reward_round: Option<u64>,
    /// Fees of the last thirty days.
    pub thirty_day_fees_wei: Wei,
    /// Its published address. Text from outside: escape before drawing.
    pub service_uri: Option<String>,
}

/// One orchestrator and its last rounds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IndexedHistory {
    /// Who.
    pub orchestrator: IndexedOrchestrator,
    /// Its last rounds, newest first.
    pub rounds: Vec<IndexedPool>,
    /// The index.
    pub at: IndexedAt,
}

/// An orchestrator's round.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IndexedPool {
    /// The round.
    pub round: u64,
    /// What it minted; none: reward was not called, in the newest round not yet.
    pub reward_lpt: Option<Lpt>,
    /// Fees of the round.
    pub fees_wei: Wei,
    /// Stake in the round.
    pub total_stake_lpt: Lpt,
}

/// An orchestrator's delegators by stake, largest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IndexedDelegators {
    /// At most as many as were asked for.
    pub delegators: Vec<IndexedDelegator>,
    /// How many there are.
    pub total: usize,
    /// Rows that could not be read and are left out.
    pub unreadable: usize,
    /// The index.
    pub at: IndexedAt,
}

/// A delegator, as of its last claim: what it earned since then is not counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IndexedDelegator {
    /// Who.
    pub address: Address,
    /// Stake at the last claim.
    pub bonded_lpt: Lpt,
    /// Fees at the last claim, not taken out.
    pub fees_wei: Wei,
    /// The round its stake counts from.
    pub start_round: u64,
}

/// Rounds, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IndexedRounds {
    /// At most as many as were asked for.
    pub rounds: Vec<IndexedRound>,
    /// Rows that could not be read and are left out.
    pub unreadable: usize,
    /// The index.
    pub at: IndexedAt,
}

/// A round of the protocol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IndexedRound {
    /// Its number.
    pub round: u64,
    /// Whether somebody began it.
    pub initialized: bool,
    /// When it began, in seconds since 1970.
    pub start_timestamp: i64,
    /// What could be minted in it.
    pub mintable_lpt: Lpt,
    /// Fees paid in it.
    pub fees_wei: Wei,
    /// Stake of those who worked in it.
    pub total_active_stake_lpt: Lpt,
}

/// What an orchestrator earned, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IndexedEvents {
    /// At most as many as were asked for.
    pub events: Vec<IndexedEvent>,
    /// Whether there are older ones since the time that was asked for.
    pub has_more: bool,
    /// Rows that could not be read and are left out.
    pub unreadable: usize,
    /// The index.
    pub at: IndexedAt,
}

/// An earning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IndexedEvent {
    /// When, in seconds since 1970.
    pub timestamp: i64,
    /// The transaction.
    pub transaction: B256,
    /// What it was.
    #[serde(flatten)]
    pub earned: Earned,
}

/// Kinds of earnings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Earned {
    /// Reward was called.
    Reward {
        /// What was minted.
        reward_lpt: Lpt,
        /// For which round.
        round: u64,
    },
    /// A ticket was redeemed.
    Ticket {
        /// What it paid.
        face_value_wei: Wei,
        /// The gateway that paid.
        sender: Address,
    },
}
