//! Transactions that were sent from here, and what became of them.

use alloy::primitives::{Address, B256};
use jiff::Timestamp;
use serde::Serialize;

use super::chain::ReadAt;
use crate::units::Wei;

/// What became of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SentState {
    /// An endpoint has it; it is not mined.
    Waiting,
    /// No endpoint has it, and its nonce is free.
    Lost,
    /// Mined, and it worked.
    Mined,
    /// Mined, and it failed.
    Reverted,
    /// Another transaction with its nonce was mined.
    Replaced,
    /// It was never sent: every endpoint turned it down, or none was reached.
    NotSent,
    /// It was for another chain of the same id that is gone.
    OtherChain,
}

/// One transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SentTransaction {
    /// The transaction.
    pub hash: B256,
    /// When it was written down; none for one the journal does not know.
    pub time: Option<Timestamp>,
    /// What it does.
    pub title: String,
    /// Its step of that.
    pub step: String,
    /// Who sent it.
    pub from: Address,
    /// Its nonce.
    pub nonce: Option<u64>,
    /// What became of it.
    pub state: SentState,
    /// The block it is in.
    pub block: Option<u64>,
    /// What its gas cost.
    pub cost_wei: Option<Wei>,
    /// The transaction whose nonce it took, or was to take.
    pub replaces: Option<B256>,
    /// It does nothing but take the nonce.
    pub cancels: bool,
    /// How it failed.
    pub error: Option<String>,
}

/// The answer of `lpctl tx list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SentList {
    /// Network.
    pub network: String,
    /// Chain id.
    pub chain_id: u64,
    /// Whose.
    pub account: Address,
    /// Newest first.
    pub transactions: Vec<SentTransaction>,
    /// How many older ones the journal has.
    pub older: usize,
}

/// The answer of `lpctl tx show`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SentDetail {
    /// Where and when.
    #[serde(flatten)]
    pub at: ReadAt,
    /// The transaction.
    #[serde(flatten)]
    pub transaction: SentTransaction,
    /// The contract or account called.
    pub to: Option<Address>,
    /// ETH sent along.
    pub value_wei: Option<Wei>,
    /// Gas it may use.
    pub gas_limit: Option<u64>,
    /// Gas it used.
    pub gas_used: Option<u64>,
    /// The most it offers for a unit of gas.
    pub gas_price_wei: Option<Wei>,
    /// What a unit of gas costs now.
    pub gas_price_now_wei: Wei,
    /// Earlier transactions of the account it waits for.
    pub behind: Option<u64>,
    /// Why it reverted.
    pub revert: Option<String>,
    /// Other transactions with its nonce, oldest first.
    pub rivals: Vec<B256>,
}

/// The answer of `lpctl tx speed-up` and `lpctl tx cancel`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReplacementReport {
    /// Network.
    pub network: String,
    /// Whose.
    pub account: Address,
    /// `speed_up` or `cancel`.
    pub action: &'static str,
    /// `planned`, `replaced`, `original_mined` or `cancelled`.
    pub outcome: &'static str,
    /// What the transaction does.
    pub title: String,
    /// Its nonce.
    pub nonce: u64,
    /// The transaction that waited.
    pub original: B256,
    /// What it offers for a unit of gas.
    pub gas_price_wei: Wei,
    /// What is offered in its place.
    pub new_gas_price_wei: Wei,
    /// The most that can cost, what it sends along included.
    pub max_cost_wei: Wei,
    /// The one that was mined.
    pub mined: Option<B256>,
    /// Its block.
    pub block: Option<u64>,
    /// What its gas cost.
    pub cost_wei: Option<Wei>,
}
