//! What stands behind a gateway's tickets, and what tickets earned an orchestrator.

use alloy::primitives::Address;
use serde::Serialize;

use super::chain::{OrchestratorFacts, ReadAt, RoundFacts};
use crate::units::{Round, Wei};

/// How a gateway's funds bear on the tickets orchestrators take from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Neither deposit nor reserve.
    Empty,
    /// The deposit is used up, or there never was one: the gateway itself sends no tickets.
    NoDeposit,
    /// No reserve: orchestrators refuse tickets.
    NoReserve,
    /// Unlocking, and so close to the end that orchestrators refuse tickets.
    Unlocking,
    /// Too little for any ticket worth its redemption.
    Refused,
    /// Tickets are smaller than orchestrators want them, which makes their redemption dearer.
    Small,
    /// Tickets are as large as orchestrators want them.
    Full,
}

/// What face value deposit and reserve allow with the pool and the gas price as they are now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sizing {
    /// How it stands.
    pub standing: Standing,
    /// Orchestrators in the pool: the reserve is shared among so many.
    pub pool_size: u64,
    /// What a unit of gas costs now.
    pub gas_price_wei: Wei,
    /// What redeeming one ticket costs now, as orchestrators reckon.
    pub redemption_wei: Wei,
    /// The largest ticket the reserve allows: one orchestrator's share of it.
    pub reserve_allows_wei: Wei,
    /// The largest ticket the deposit allows.
    pub deposit_allows_wei: Wei,
    /// The smaller of both.
    pub usable_face_value_wei: Wei,
    /// The ticket orchestrators want: a hundred redemptions.
    pub wanted_face_value_wei: Wei,
    /// The smallest ticket they take.
    pub least_face_value_wei: Wei,
    /// Reserve it takes for tickets as they want them.
    pub reserve_for_wanted_wei: Wei,
    /// Reserve it takes to be served at all.
    pub reserve_for_least_wei: Wei,
    /// Winning tickets of the wanted face value the deposit pays.
    pub wins_in_deposit: u64,
}

/// The answer of `lpctl deposit show`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DepositAnswer {
    /// Where and when.
    #[serde(flatten)]
    pub at: ReadAt,
    /// Whose.
    pub account: Address,
    /// Winning tickets are paid from this first.
    pub deposit_wei: Wei,
    /// What is left of the reserve.
    pub reserve_wei: Wei,
    /// What orchestrators claimed of it in this round.
    pub claimed_this_round_wei: Wei,
    /// The round from which both can be withdrawn; none while they are locked.
    pub withdraw_round: Option<Round>,
    /// Whether that is now.
    pub withdrawable: bool,
    /// Rounds until then.
    pub rounds_left: Option<u64>,
    /// Rounds unlocking takes.
    pub unlock_rounds: u64,
    /// ETH in the wallet.
    pub eth_wei: Wei,
    /// The round.
    pub round: RoundFacts,
    /// What it is good for.
    pub sizing: Sizing,
}

/// The answer of `lpctl fees show`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FeesAnswer {
    /// Where and when.
    #[serde(flatten)]
    pub at: ReadAt,
    /// Whose.
    pub account: Address,
    /// What can be withdrawn.
    pub fees_wei: Wei,
    /// ETH in the wallet.
    pub eth_wei: Wei,
    /// The round.
    pub round: RoundFacts,
    /// Who the account's stake is with; none without stake.
    pub orchestrator: Option<OrchestratorFacts>,
    /// Withdrawing now gives this round's reward up: it is not called yet.
    pub before_reward: bool,
}
