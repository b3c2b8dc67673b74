//! Rewards round by round: what became of each, and what the guardian sees and does.

use std::fmt;

use alloy::primitives::{Address, B256};
use jiff::Timestamp;
use serde::Serialize;

use crate::{
    units::{Lpt, Round, Wei},
    view::chain::{ReadAt, RoundFacts},
};

/// Who beside the orchestrator itself may call its reward (LIP-118).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RewardCaller {
    /// This protocol knows no such role.
    Unsupported,
    /// The orchestrator has named nobody.
    Nobody,
    /// The account it has named.
    Account(Address),
}

/// What became of one round's reward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RewardOutcome {
    /// It was called.
    Called,
    /// The round is over, the orchestrator was active in it, and nobody called.
    Missed,
    /// The orchestrator was not in the round's active set.
    NotActive,
    /// Nobody opened the round while it lasted, so that nobody could call.
    NotInitialized,
    /// The round is not over and it is not called yet.
    Open,
}

/// One round of [`RewardHistory`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RoundReward {
    /// The round.
    pub round: Round,
    /// What became of its reward.
    pub outcome: RewardOutcome,
    /// What was minted for the orchestrator and its delegators, the treasury's part taken off.
    pub amount_lpt: Option<Lpt>,
    /// The stake it was minted for, where the contract keeps it.
    pub stake_lpt: Option<Lpt>,
    /// The chain's block of the call.
    pub block: Option<u64>,
}

/// The answer of `lpctl reward history`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RewardHistory {
    /// Where and when.
    #[serde(flatten)]
    pub at: ReadAt,
    /// Whose.
    pub orchestrator: Address,
    /// The round now.
    pub current: RoundFacts,
    /// Rounds in which it was called.
    pub called: u64,
    /// Rounds whose reward is lost.
    pub missed: u64,
    /// All amounts together.
    pub total_lpt: Lpt,
    /// The rounds, the newest first.
    pub rounds: Vec<RoundReward>,
}

/// Why the guardian does nothing at the moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Waiting {
    /// This round's reward is called.
    Called,
    /// The orchestrator is not in this round's active set.
    NotActive,
    /// Governance has paused the protocol.
    Paused,
    /// Nobody has opened the round.
    RoundNotInitialized,
    /// Gas costs more than may be paid at this point of the round.
    GasPrice {
        /// What a unit costs now.
        price_wei: Wei,
        /// What may be paid now; it rises towards the end of the round.
        limit_wei: Wei,
        /// What may be paid at the end of the round.
        ceiling_wei: Wei,
    },
    /// It brings less than the operator's floor.
    NotWorth {
        /// What it brings.
        reward_lpt: Lpt,
        /// The least it has to bring now.
        floor_lpt: Lpt,
    },
    /// The account has sent something that is not mined.
    OtherTransaction,
    /// Another host may do it: this one waits for its turn.
    Turn,
    /// The last try failed; there is another one soon.
    BackOff {
        /// Tries in a row that failed.
        failures: u32,
    },
    /// Something stands in the way that only the operator can mend.
    Obstacle {
        /// Stable name for scripts.
        code: String,
        /// What it is.
        message: String,
    },
    /// The chain cannot be read.
    Unreachable {
        /// Why.
        message: String,
    },
}

impl Waiting {
    /// Whether only the kind counts: prices and messages change all the time.
    #[must_use]
    pub fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Obstacle { code, .. }, Self::Obstacle { code: other, .. }) => code == other,
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Called => f.write_str("reward is called"),
            Self::NotActive => f.write_str("not in the active set"),
            Self::Paused => f.write_str("the protocol is paused by governance"),
            Self::RoundNotInitialized => f.write_str("nobody has initialised the round"),
            Self::GasPrice {
                price_wei,
                limit_wei,
                ceiling_wei,
            } => write!(
                f,
                "gas costs {}, at most {} may be paid now and {} at the end of the round",
                price_wei.human_gwei(),
                limit_wei.human_gwei(),
                ceiling_wei.human_gwei()
            ),
            Self::NotWorth {
                reward_lpt,
                floor_lpt,
            } => write!(
                f,
                "it brings {}, less than the {} it has to bring",
                reward_lpt.human(),
                floor_lpt.human()
            ),
            Self::OtherTransaction => f.write_str("an earlier transaction of the account is not mined yet"),
            Self::Turn => f.write_str("another host may call it first"),
            Self::BackOff { failures: 1 } => f.write_str("the last try failed"),
            Self::BackOff { failures } => write!(f, "the last {failures} tries failed"),
            Self::Obstacle { message, .. } => f.write_str(message),
            Self::Unreachable { message } => write!(f, "the chain cannot be read: {message}"),
        }
    }
}

/// What an alert is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertKind {
    /// So much of the round has passed, and reward is not called.
    RewardLate,
    /// A round ended without it: that reward is lost.
    RewardMissed,
    /// The account that pays for gas can do so for only a few more rounds.
    BalanceLow,
    /// The chain could not be read for a while.
    ChainUnreachable,
}

impl AlertKind {
    /// Its name in JSON and in the environment of a program.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RewardLate => "reward_late",
            Self::RewardMissed => "reward_missed",
            Self::BalanceLow => "balance_low",
            Self::ChainUnreachable => "chain_unreachable",
        }
    }
}

/// What an operator is told, by webhook, by a program and in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Alert {
    /// What it is about.
    pub alert: AlertKind,
    /// False: something is wrong. True: what an earlier alert said is over.
    pub recovered: bool,
    /// The network.
    pub network: String,
    /// Whose reward it is.
    pub orchestrator: Address,
    /// The account that calls it.
    pub account: Address,
    /// The round it is about.
    pub round: Option<Round>,
    /// How much of that round has passed, in percent.
    pub round_percent: Option<u64>,
    /// Blocks of the round that are left.
    pub blocks_left: Option<u64>,
    /// Seconds of it, where blocks have a rhythm.
    pub seconds_left: Option<u64>,
    /// It in one line.
    pub message: String,
    /// When.
    pub time: Timestamp,
}

/// What the guardian tells: one object a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum GuardianEvent {
    /// It watches from now on.
    Started {
        /// The network.
        network: String,
        /// Whose rewards.
        orchestrator: Address,
        /// The account that calls.
        account: Address,
        /// When.
        time: Timestamp,
    },
    /// Nothing is to be done, or nothing can be done; told when the reason changes.
    Waiting {
        /// The round, if it is known.
        round: Option<Round>,
        /// Why.
        #[serde(flatten)]
        waiting: Waiting,
        /// When.
        time: Timestamp,
    },
    /// The guardian called reward.
    RewardCalled {
        /// The round.
        round: Round,
        /// The transaction.
        transaction: B256,
        /// Its block.
        block: u64,
        /// What it minted, if that could be read.
        amount_lpt: Option<Lpt>,
        /// What it cost.
        cost_wei: Wei,
        /// When.
        time: Timestamp,
    },
    /// Reward of the round is called, by somebody else: another host, or by hand.
    CalledElsewhere {
        /// The round.
        round: Round,
        /// When it was seen.
        time: Timestamp,
    },
    /// The guardian opened the round.
    RoundInitialized {
        /// The round.
        round: Round,
        /// The transaction.
        transaction: B256,
        /// What it cost.
        cost_wei: Wei,
        /// When.
        time: Timestamp,
    },
    /// A try failed.
    TryFailed {
        /// The round.
        round: Round,
        /// What was tried: `reward` or `initialize_round`.
        what: &'static str,
        /// Stable name of the error.
        code: String,
        /// The error.
        message: String,
        /// When.
        time: Timestamp,
    },
    /// An alert was raised, or is over.
    Alert(Alert),
    /// An alert could not be handed over.
    AlertNotDelivered {
        /// By which way: `webhook` or `program`.
        way: &'static str,
        /// Why.
        message: String,
        /// When.
        time: Timestamp,
    },
    /// It has ended, as asked.
    Stopped {
        /// Rewards it called.
        rewards: u64,
        /// When.
        time: Timestamp,
    },
}

impl fmt::Display for GuardianEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started {
                network,
                orchestrator,
                account,
                ..
            } if orchestrator == account => write!(f, "watching the rewards of {orchestrator} on {network}"),
            Self::Started {
                network,
                orchestrator,
                account,
                ..
            } => write!(
                f,
                "watching the rewards of {orchestrator} on {network} as its reward caller {account}"
            ),
            Self::Waiting {
                round: Some(round),
                waiting,
                ..
            } => write!(f, "round {round}: {waiting}"),
            Self::Waiting { waiting, .. } => waiting.fmt(f),
            Self::RewardCalled {
                round,
                amount_lpt,
                cost_wei,
                transaction,
                ..
            } => {
                let amount = amount_lpt.map_or_else(String::new, |amount| format!(" {}", amount.human()));
                let cost = cost_wei.human();
                write!(
                    f,
                    "round {round}: reward called,{amount} for {cost} of gas ({transaction})"
                )
            }
            Self::CalledElsewhere { round, .. } => write!(f, "round {round}: somebody else called reward"),
            Self::RoundInitialized {
                round,
                cost_wei,
                transaction,
                ..
            } => write!(
                f,
                "round {round}: initialised for {} of gas ({transaction})",
                cost_wei.human()
            ),
            Self::TryFailed {
                round, what, message, ..
            } => {
                let what = if *what == "reward" {
                    "calling reward"
                } else {
                    "initialising it"
                };
                write!(f, "round {round}: {what} failed: {message}")
            }
            Self::Alert(alert) if alert.recovered => write!(f, "over: {}", alert.message),
            Self::Alert(alert) => write!(f, "alert: {}", alert.message),
            Self::AlertNotDelivered { way, message, .. } => {
                write!(f, "the {way} for alerts failed: {message}")
            }
            Self::Stopped { rewards, .. } => write!(f, "stopped; rewards called: {rewards}"),
        }
    }
}
