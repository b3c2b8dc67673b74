//! Polls, treasury proposals, and what an account's vote weighs.

use alloy::primitives::{Address, Bytes};
use jiff::Timestamp;
use serde::Serialize;

use super::chain::ReadAt;
use crate::units::{Lpt, Percent, Round, Wei};

/// How a poll stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PollState {
    /// Votes count.
    Open,
    /// Over; enough stake voted and enough of it said yes.
    Passed,
    /// Over; enough stake voted and too little of it said yes.
    Rejected,
    /// Over; too little stake voted.
    QuorumNotMet,
    /// Over, and not counted here.
    Ended,
}

/// A voter's last word in a poll.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PollVoteView {
    /// Who.
    pub voter: Address,
    /// `yes` or `no`.
    pub choice: &'static str,
    /// What it weighs: an orchestrator's whole stake without that of delegators who voted themselves, else the own stake.
    pub weight_lpt: Lpt,
}

/// The votes of a poll, weighed by stake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Stake that said yes.
    pub yes_lpt: Lpt,
    /// Stake that said no.
    pub no_lpt: Lpt,
    /// Stake of all active orchestrators.
    pub total_stake_lpt: Lpt,
    /// How much of it voted.
    pub participation_percent: Percent,
    /// How much of what voted said yes.
    pub support_percent: Percent,
    /// The block the stake was read at.
    pub block: u64,
}

/// One poll.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PollView {
    /// Its contract.
    pub poll: Address,
    /// What it is about: the IPFS address of a text.
    pub proposal: String,
    /// How it stands.
    pub state: PollState,
    /// The block of the round's clock after which votes no longer count.
    pub end_block: u64,
    /// Blocks of that clock until then.
    pub blocks_left: u64,
    /// Seconds until then; none where blocks have no fixed rhythm.
    pub seconds_left: Option<u64>,
    /// Part of all stake that has to vote.
    pub quorum_percent: Percent,
    /// Part of the votes that has to be yes.
    pub quota_percent: Percent,
    /// How many voted.
    pub voters: u64,
    /// The count; none where it was not made or cannot be.
    pub tally: Option<Tally>,
    /// Why there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uncounted: Option<String>,
    /// Who voted what, heaviest first; only of one poll.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub votes: Vec<PollVoteView>,
}

/// Polls, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PollList {
    /// Where and when.
    #[serde(flatten)]
    pub at: ReadAt,
    /// How many rounds back was looked.
    pub rounds: u64,
    /// The polls.
    pub polls: Vec<PollView>,
}

/// One poll, with its votes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PollAnswer {
    /// Where and when.
    #[serde(flatten)]
    pub at: ReadAt,
    /// The poll.
    #[serde(flatten)]
    pub poll: PollView,
}

/// How a treasury proposal stands (OpenZeppelin's `IGovernor.ProposalState`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProposalState {
    /// Voting has not begun.
    Pending,
    /// Voting is open.
    Active,
    /// Taken back.
    Canceled,
    /// Lost, or too few voted.
    Defeated,
    /// Won; it can be queued.
    Succeeded,
    /// In the treasury's queue; it can be executed.
    Queued,
    /// Not executed in time.
    Expired,
    /// Done.
    Executed,
}

/// One call a proposal makes in the treasury's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProposedCall {
    /// The contract called.
    pub target: Address,
    /// ETH sent along.
    pub value_wei: Wei,
    /// Its input.
    pub calldata: Bytes,
    /// What it does, where that is known: `pay 100 LPT to 0x…`.
    pub meaning: Option<String>,
}

/// One treasury proposal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProposalView {
    /// Its number, in decimal.
    pub id: String,
    /// How it stands.
    pub state: ProposalState,
    /// Who made it.
    pub proposer: Address,
    /// What it says, at most 16 KiB. Written by strangers.
    pub description: String,
    /// What it does.
    pub calls: Vec<ProposedCall>,
    /// Votes weigh what they weighed at the end of this round; voting is open in the rounds after it.
    pub vote_start: Round,
    /// The last round of voting.
    pub vote_end: Round,
    /// Stake against it.
    pub against_lpt: Lpt,
    /// Stake for it.
    pub for_lpt: Lpt,
    /// Stake that abstains: it counts for the quorum only.
    pub abstain_lpt: Lpt,
    /// Stake that has to vote; none before the snapshot.
    pub quorum_lpt: Option<Lpt>,
    /// Part of for and against that has to be for; none where the governor does not say.
    pub quota_percent: Option<Percent>,
    /// From when on it can be executed; none if it is not queued.
    pub executable_from: Option<Timestamp>,
}

/// Treasury proposals, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProposalList {
    /// Where and when.
    #[serde(flatten)]
    pub at: ReadAt,
    /// The current round: the governor's clock.
    pub round: Round,
    /// How many rounds back was looked.
    pub rounds: u64,
    /// The proposals.
    pub proposals: Vec<ProposalView>,
}

/// One treasury proposal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProposalAnswer {
    /// Where and when.
    #[serde(flatten)]
    pub at: ReadAt,
    /// The current round: the governor's clock.
    pub round: Round,
    /// The proposal.
    #[serde(flatten)]
    pub proposal: ProposalView,
}

/// Where an account's votes come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PowerSource {
    /// A registered orchestrator: its whole stake, with that of its delegators.
    Orchestrator,
    /// A delegator of a registered orchestrator: its own stake.
    Delegator,
    /// Nothing, or stake with somebody who is not registered.
    None,
}

/// What an account's vote weighs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PowerAnswer {
    /// Where and when.
    #[serde(flatten)]
    pub at: ReadAt,
    /// Whose.
    pub account: Address,
    /// The current round.
    pub round: Round,
    /// Where the votes come from.
    pub source: PowerSource,
    /// The orchestrator the stake is with.
    pub delegate: Option<Address>,
    /// The own stake.
    pub stake_lpt: Lpt,
    /// What a vote in a poll weighs now.
    pub poll_power_lpt: Lpt,
    /// Stake of all active orchestrators.
    pub total_stake_lpt: Lpt,
    /// Stake it takes to make a poll.
    pub poll_threshold_lpt: Lpt,
    /// What a vote on a treasury proposal whose snapshot is now would weigh; none on a protocol without a treasury.
    pub treasury_power_lpt: Option<Lpt>,
    /// Power it takes to propose; none on a protocol without a treasury.
    pub treasury_threshold_lpt: Option<Lpt>,
}
