//! What the chain says: account, stake, orchestrators, round, protocol. Every answer names the block it was read at.
//!
//! Amounts carry their unit in the key; rounds are counted in blocks of the round's clock, which is Ethereum's also on
//! Arbitrum.

use alloy::primitives::Address;
use jiff::Timestamp;
use serde::Serialize;

use crate::units::{Lpt, Percent, Round, Wei};

/// Where and when facts were read: all of one answer at the same block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReadAt {
    /// The network's name.
    pub network: String,
    /// Its chain id.
    pub chain_id: u64,
    /// The block, which is Arbitrum's own on Arbitrum.
    pub block: u64,
    /// That block's time.
    pub time: Timestamp,
}

/// The current round.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RoundFacts {
    /// Its number.
    pub round: Round,
    /// Whether somebody initialised it. Until then stake, reward and tickets wait.
    pub initialized: bool,
    /// Whether commission changes are closed.
    pub locked: bool,
    /// The last round that was initialised.
    pub last_initialized: Round,
    /// The clock's block now.
    pub clock_block: u64,
    /// The clock's block it began with.
    pub start_block: u64,
    /// Blocks in a round.
    pub length: u64,
    /// Blocks of it that have passed.
    pub elapsed: u64,
    /// Blocks until the next one.
    pub blocks_left: u64,
    /// Blocks at a round's end in which commission changes are closed.
    pub lock_blocks: u64,
    /// Blocks until commission changes close; 0 when they are closed.
    pub blocks_until_lock: u64,
    /// Seconds until the next round; none where blocks have no fixed rhythm.
    pub seconds_left: Option<u64>,
    /// Seconds until commission changes close; none where blocks have no fixed rhythm.
    pub seconds_until_lock: Option<u64>,
}

/// How an account's stake stands (`protocol contracts/bonding/BondingManager.sol`, `DelegatorStatus`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StakeStatus {
    /// Bonded, and counting from the next round.
    Pending,
    /// Bonded and counting.
    Bonded,
    /// Nothing bonded.
    Unbonded,
}

/// An account as a delegator; an orchestrator delegates to itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DelegatorFacts {
    /// How the stake stands.
    pub status: StakeStatus,
    /// The true stake: what was bonded and all rewards since.
    pub stake_lpt: Lpt,
    /// ETH fees that can be withdrawn.
    pub fees_wei: Wei,
    /// Who it is delegated to.
    pub delegate: Option<Address>,
    /// Stake others delegate to this account, its own included.
    pub delegated_lpt: Lpt,
    /// The round from which the stake counts.
    pub start_round: Round,
    /// The round up to which rewards are settled.
    pub last_claim_round: Round,
    /// How many unbonding locks were ever made; they are numbered from 0.
    pub locks_made: u64,
}

/// An orchestrator, or an account that could be one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OrchestratorFacts {
    /// Its account.
    pub address: Address,
    /// Bonded to itself.
    pub registered: bool,
    /// In this round's active set.
    pub active: bool,
    /// Place in the pool by stake, from 1. The pool is who will be active next round.
    pub rank: Option<u32>,
    /// Its own stake.
    pub own_stake_lpt: Lpt,
    /// Own and delegated stake together.
    pub total_stake_lpt: Lpt,
    /// Part of newly minted LPT it keeps.
    pub reward_cut_percent: Percent,
    /// Part of ticket income its delegators get.
    pub fee_share_percent: Percent,
    /// The last round it called reward in.
    pub last_reward_round: Round,
    /// Whether it called reward this round.
    pub reward_called: bool,
    /// The round from which it is, or was, active; none if never.
    pub activation_round: Option<Round>,
    /// The round from which it is no longer active; none while there is no such round.
    pub deactivation_round: Option<Round>,
    /// The address it publishes for gateways. Text from outside, with control characters escaped.
    pub service_uri: Option<String>,
}

/// The pool: the orchestrators that will be active next round.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PoolFacts {
    /// How many are in it.
    pub size: u32,
    /// How many it takes.
    pub max_size: u32,
    /// The smallest stake in it. When it is full, joining takes more than this.
    pub cut_off_lpt: Lpt,
    /// Whether it is full.
    pub full: bool,
}

/// The answer of `lpctl status`: an account, its stake, its orchestrator and the round.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StatusFacts {
    /// Where and when.
    #[serde(flatten)]
    pub at: ReadAt,
    /// Whose.
    pub account: Address,
    /// ETH for gas.
    pub eth_wei: Wei,
    /// LPT not bonded.
    pub wallet_lpt: Lpt,
    /// What a unit of gas costs now.
    pub gas_price_wei: Wei,
    /// Whether governance paused the protocol.
    pub paused: bool,
    /// The round.
    pub round: RoundFacts,
    /// The account's stake.
    pub stake: DelegatorFacts,
    /// The orchestrator it is delegated to: the account itself for an orchestrator. None without stake.
    pub orchestrator: Option<OrchestratorFacts>,
    /// The pool.
    pub pool: PoolFacts,
}

/// The answer of `lpctl round show`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RoundAnswer {
    /// Where and when.
    #[serde(flatten)]
    pub at: ReadAt,
    /// Whether governance paused the protocol.
    pub paused: bool,
    /// The round.
    #[serde(flatten)]
    pub round: RoundFacts,
}

/// The answer of `lpctl orch show`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OrchestratorAnswer {
    /// Where and when.
    #[serde(flatten)]
    pub at: ReadAt,
    /// The round.
    pub round: RoundFacts,
    /// The orchestrator.
    #[serde(flatten)]
    pub orchestrator: OrchestratorFacts,
    /// ETH fees it can withdraw.
    pub fees_wei: Wei,
    /// ETH for gas.
    pub eth_wei: Wei,
    /// The pool.
    pub pool: PoolFacts,
}

/// The answer of `lpctl orch list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OrchestratorList {
    /// Where and when.
    #[serde(flatten)]
    pub at: ReadAt,
    /// The round.
    pub round: RoundFacts,
    /// The pool.
    pub pool: PoolFacts,
    /// Everybody in it, by stake, largest first.
    pub orchestrators: Vec<OrchestratorFacts>,
}

/// Stake on its way back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnbondingLock {
    /// Its number.
    pub id: u64,
    /// How much.
    pub amount_lpt: Lpt,
    /// The round from which it can be withdrawn.
    pub withdraw_round: Round,
    /// Whether that is now.
    pub withdrawable: bool,
    /// Rounds until then.
    pub rounds_left: u64,
}

/// The answer of `lpctl stake show`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StakeAnswer {
    /// Where and when.
    #[serde(flatten)]
    pub at: ReadAt,
    /// Whose.
    pub account: Address,
    /// ETH for gas.
    pub eth_wei: Wei,
    /// LPT not bonded.
    pub wallet_lpt: Lpt,
    /// The round.
    pub round: RoundFacts,
    /// The stake.
    pub stake: DelegatorFacts,
    /// Who it is delegated to.
    pub orchestrator: Option<OrchestratorFacts>,
    /// Stake on its way back, by number. Used locks are left out.
    pub locks: Vec<UnbondingLock>,
}

/// The answer of `lpctl reward status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RewardAnswer {
    /// Where and when.
    #[serde(flatten)]
    pub at: ReadAt,
    /// The round.
    pub round: RoundFacts,
    /// The orchestrator.
    pub orchestrator: OrchestratorFacts,
    /// What calling reward mints for it and its delegators, the treasury's part taken off. Zero when it was called,
    /// or cannot be.
    pub expected_reward_lpt: Lpt,
    /// The orchestrator's commission in that.
    pub expected_commission_lpt: Lpt,
    /// What is minted this round for all together.
    pub mintable_lpt: Lpt,
    /// What of it is minted already.
    pub minted_lpt: Lpt,
}

/// The answer of `lpctl token balance`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BalanceAnswer {
    /// Where and when.
    #[serde(flatten)]
    pub at: ReadAt,
    /// Whose.
    pub account: Address,
    /// LPT not bonded.
    pub wallet_lpt: Lpt,
    /// LPT the protocol may take for bonding.
    pub approved_lpt: Lpt,
    /// ETH.
    pub eth_wei: Wei,
}

/// A contract and where it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ContractAddress {
    /// The name the Controller keeps it under.
    pub name: &'static str,
    /// Its address.
    pub address: Address,
}

/// The answer of `lpctl protocol show`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProtocolAnswer {
    /// Where and when.
    #[serde(flatten)]
    pub at: ReadAt,
    /// Whether governance paused it.
    pub paused: bool,
    /// The Controller and what it knows.
    pub contracts: Vec<ContractAddress>,
    /// The round.
    pub round: RoundFacts,
    /// Part of a round in which commission changes are closed.
    pub round_lock_percent: Percent,
    /// Rounds until unbonded stake can be withdrawn.
    pub unbonding_rounds: u64,
    /// The pool.
    pub pool: PoolFacts,
    /// Stake that counts this round.
    pub active_stake_lpt: Lpt,
    /// LPT there is, on both layers.
    pub supply_lpt: Lpt,
    /// Minted per round, in percent of the supply, as a decimal number of up to seven places.
    pub inflation_percent: String,
    /// Change of that from round to round, likewise.
    pub inflation_change_percent: String,
    /// The share of supply the protocol wants bonded, likewise. Inflation falls above and rises below it.
    pub target_bonding_percent: String,
    /// What is minted this round for all together.
    pub mintable_lpt: Lpt,
    /// What of it is minted already.
    pub minted_lpt: Lpt,
    /// Part of rewards that goes to the treasury, in percent; none on a protocol without treasury.
    pub treasury_cut_percent: Option<String>,
    /// Treasury balance at which that part becomes nothing; none on a protocol without treasury.
    pub treasury_ceiling_lpt: Option<Lpt>,
    /// Rounds a winning ticket can be redeemed in.
    pub ticket_validity_rounds: u64,
    /// Rounds until an unlocked deposit can be withdrawn.
    pub unlock_rounds: u64,
}

/// The answer of `lpctl stake locks`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LocksAnswer {
    /// Where and when.
    #[serde(flatten)]
    pub at: ReadAt,
    /// Whose.
    pub account: Address,
    /// The round now.
    pub round: Round,
    /// Stake on its way back, by number. Used locks are left out.
    pub locks: Vec<DueLock>,
    /// In all of them.
    pub total_lpt: Lpt,
    /// What can be withdrawn now.
    pub ready_lpt: Lpt,
}

/// A lock, and how long it takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DueLock {
    /// The lock.
    #[serde(flatten)]
    pub lock: UnbondingLock,
    /// Seconds until it can be withdrawn, about; none on a chain without rhythm.
    pub seconds_left: Option<u64>,
}
