//! Why a winning ticket is not redeemed yet, and why one never will be.

use std::fmt;

use crate::units::{Round, Wei};

/// Why a ticket waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wait {
    /// Its parameters are still in use: redeeming would tell its sender which tickets lose.
    ParametersLive {
        /// Block of Ethereum at which they expire.
        until: u64,
    },
    /// Nobody has opened the round: nothing at all is redeemed.
    RoundNotInitialized {
        /// The round.
        round: Round,
    },
    /// The chain has not said what stands behind its sender.
    SenderUnknown,
    /// The sender's funds do not cover it now.
    SenderShort {
        /// What it would pay.
        payable: Wei,
        /// Block of Ethereum from which what there is will be taken.
        until: u64,
    },
    /// The recipient is not registered: nothing is paid to it.
    NotRegistered,
    /// Gas costs more than the operator allows.
    GasAboveLimit {
        /// What it costs.
        price: Wei,
        /// What is allowed.
        limit: Wei,
    },
    /// Gas is dear for what the ticket is worth, and there is time.
    GasDear {
        /// What it costs.
        price: Wei,
        /// What is hoped for.
        hoped: Wei,
        /// Block of Ethereum from which the price no longer matters.
        until: u64,
    },
    /// It would cost more than it brings.
    NotWorthIt {
        /// The gas.
        cost: Wei,
        /// What it would pay.
        payable: Wei,
    },
    /// Others are to share the gas with it.
    Company {
        /// Block of Ethereum at which it goes alone.
        until: u64,
    },
    /// An attempt failed.
    BackingOff {
        /// Block of Ethereum of the next one.
        until: u64,
    },
}

impl Wait {
    /// Stable name for scripts.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::ParametersLive { .. } => "parameters_live",
            Self::RoundNotInitialized { .. } => "round_not_initialized",
            Self::SenderUnknown => "sender_unknown",
            Self::SenderShort { .. } => "sender_short",
            Self::NotRegistered => "not_registered",
            Self::GasAboveLimit { .. } => "gas_above_limit",
            Self::GasDear { .. } => "gas_dear",
            Self::NotWorthIt { .. } => "not_worth_it",
            Self::Company { .. } => "company",
            Self::BackingOff { .. } => "backing_off",
        }
    }

    /// Block of Ethereum at which it ends by itself, where that is known.
    #[must_use]
    pub fn until(&self) -> Option<u64> {
        match self {
            Self::ParametersLive { until }
            | Self::SenderShort { until, .. }
            | Self::GasDear { until, .. }
            | Self::Company { until }
            | Self::BackingOff { until } => Some(*until),
            _ => None,
        }
    }
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ParametersLive { until } => write!(f, "its parameters are in use until block {until}"),
            Self::RoundNotInitialized { round } => write!(f, "round {round} is not initialised"),
            Self::SenderUnknown => f.write_str("the sender's funds could not be read"),
            Self::SenderShort { payable, until } => write!(
                f,
                "the sender is short: {} would be paid; from block {until} on that is taken",
                payable.human()
            ),
            Self::NotRegistered => f.write_str("the recipient is not registered as an orchestrator"),
            Self::GasAboveLimit { price, limit } => write!(
                f,
                "gas costs {}, the limit is {}",
                price.human_gwei(),
                limit.human_gwei()
            ),
            Self::GasDear { price, hoped, until } => write!(
                f,
                "gas costs {}, {} was seen lately; from block {until} on the price no longer matters",
                price.human_gwei(),
                hoped.human_gwei()
            ),
            Self::NotWorthIt { cost, payable } => write!(
                f,
                "the gas costs {}, the ticket pays {}",
                cost.human(),
                payable.human()
            ),
            Self::Company { until } => write!(f, "others are to share the gas with it, until block {until}"),
            Self::BackingOff { until } => {
                write!(f, "an attempt failed, the next one is at block {until}")
            }
        }
    }
}

/// Why a ticket is given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Loss {
    /// Its last round is over.
    Expired {
        /// The round it was made in.
        created: Round,
        /// The round now.
        round: Round,
    },
    /// The contract will never pay it.
    Invalid(String),
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired { created, round } => {
                write!(f, "expired: made in round {created}, now it is round {round}")
            }
            Self::Invalid(reason) => write!(f, "invalid: {reason}"),
        }
    }
}
