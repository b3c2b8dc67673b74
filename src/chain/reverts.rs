//! Why a contract said no, decoded, with what to do about the reasons an operator can cause.

use std::fmt;

use alloy::{
    hex,
    primitives::Bytes,
    sol_types::{Panic, Revert as RevertString, SolError},
};

use super::text::plain;

/// The data a reverted call gave back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revert {
    /// `require` with a text.
    Message(String),
    /// A failed check of the compiler's own, like 0x12 for a division by zero.
    Panic(String),
    /// A custom error or something else: the raw bytes.
    Data(Bytes),
    /// Nothing: an old-fashioned revert, or a call to a contract that is not there.
    Silent,
}

impl Revert {
    /// Reads revert data. Length and selector are checked first: unknown bytes would decode to junk text.
    #[must_use]
    pub fn decode(data: &[u8]) -> Self {
        if data.is_empty() {
            return Self::Silent;
        }
        if let Some(Ok(revert)) = data
            .starts_with(&RevertString::SELECTOR)
            .then(|| RevertString::abi_decode(data))
        {
            return Self::Message(plain(&revert.reason, 200));
        }
        if let Some(Ok(panic)) = data
            .starts_with(&Panic::SELECTOR)
            .then(|| Panic::abi_decode(data))
        {
            return Self::Panic(panic.to_string());
        }
        Self::Data(Bytes::copy_from_slice(data))
    }

    /// What is known about it, matched loosely: wording differs between contract versions.
    #[must_use]
    pub fn explain(&self) -> Option<&'static Explanation> {
        let Self::Message(message) = self else { return None };
        let message = message.to_lowercase();
        KNOWN.iter().find(|known| message.contains(known.contains))
    }
}

impl fmt::Display for Revert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message(message) => f.write_str(message),
            Self::Panic(panic) => f.write_str(panic),
            Self::Data(data) => {
                let shown = &data[..data.len().min(68)];
                let more = if shown.len() < data.len() { "…" } else { "" };
                write!(f, "error 0x{}{more}", hex::encode(shown))
            }
            Self::Silent => f.write_str("no reason given"),
        }
    }
}

/// A known reason.
#[derive(Debug, PartialEq, Eq)]
pub struct Explanation {
    contains: &'static str,
    /// Stable name for scripts.
    pub code: &'static str,
    /// What to do about it.
    pub fix: &'static str,
}

const KNOWN: &[Explanation] = &[
    Explanation {
        contains: "system is paused",
        code: "protocol_paused",
        fix: "governance paused the protocol: wait until it is unpaused",
    },
    Explanation {
        contains: "current round is not initialized",
        code: "round_not_initialized",
        fix: "run `lpctl round init`, or wait until somebody does",
    },
    Explanation {
        contains: "round already initialized",
        code: "round_already_initialized",
        fix: "nothing to do",
    },
    Explanation {
        contains: "current round is locked",
        code: "round_locked",
        fix: "try again when the next round has begun, after calling reward",
    },
    Explanation {
        contains: "must have already called reward",
        code: "reward_not_called",
        fix: "run `lpctl reward call` first",
    },
    Explanation {
        contains: "caller has already called reward",
        code: "reward_already_called",
        fix: "nothing to do until the next round",
    },
    Explanation {
        contains: "caller must be an active transcoder",
        code: "not_active",
        fix: "`lpctl orch show` tells when this account becomes active",
    },
    Explanation {
        contains: "transcoder must be registered",
        code: "not_registered",
        fix: "bond to yourself first: `lpctl orch activate`",
    },
    Explanation {
        contains: "registered transcoders can't delegate",
        code: "registered_elsewhere",
        fix: "a registered orchestrator delegates to itself only; unbond fully first",
    },
    Explanation {
        contains: "delegation amount must be greater than 0",
        code: "nothing_to_bond",
        fix: "give an amount above zero",
    },
    Explanation {
        contains: "insufficient allowance",
        code: "insufficient_allowance",
        fix: "run the command again: it sends the approval first",
    },
    Explanation {
        contains: "exceeds allowance",
        code: "insufficient_allowance",
        fix: "run the command again: it sends the approval first",
    },
    Explanation {
        contains: "exceeds balance",
        code: "insufficient_lpt",
        fix: "`lpctl token balance` shows what the account holds",
    },
    Explanation {
        contains: "invalid rewardcut percentage",
        code: "invalid_percentage",
        fix: "use a reward cut between 0 and 100 %",
    },
    Explanation {
        contains: "invalid feeshare percentage",
        code: "invalid_percentage",
        fix: "use a fee share between 0 and 100 %",
    },
    Explanation {
        contains: "minted tokens cannot exceed mintable tokens",
        code: "nothing_to_mint",
        fix: "this round's rewards are all minted",
    },
    Explanation {
        contains: "caller must be bonded",
        code: "not_bonded",
        fix: "`lpctl stake show` tells what this account has bonded and from when it counts",
    },
    Explanation {
        contains: "ticket is used",
        code: "ticket_used",
        fix: "nothing to do: it was redeemed",
    },
    Explanation {
        contains: "ticket is expired",
        code: "ticket_expired",
        fix: "its last round is over: it can no longer be redeemed",
    },
    Explanation {
        contains: "sender is unlocked",
        code: "sender_unlocked",
        fix: "only the gateway can undo it; try again if it funds its deposit",
    },
    Explanation {
        contains: "sender deposit and reserve",
        code: "sender_short",
        fix: "the gateway's funds do not cover it; try again when they do",
    },
    Explanation {
        contains: "insufficient_stake",
        code: "insufficient_stake",
        fix: "making a poll takes 100 LPT of stake: `lpctl gov power` tells what there is",
    },
    Explanation {
        contains: "poll is over",
        code: "poll_over",
        fix: "`lpctl gov poll` shows how it ended",
    },
    Explanation {
        contains: "vote not currently active",
        code: "proposal_not_active",
        fix: "`lpctl gov proposal` tells when votes count",
    },
    Explanation {
        contains: "proposer votes below proposal threshold",
        code: "below_threshold",
        fix: "`lpctl gov power` tells where votes come from",
    },
    Explanation {
        contains: "unknown proposal id",
        code: "unknown_proposal",
        fix: "`lpctl gov proposals` lists those there are",
    },
    Explanation {
        contains: "proposal not successful",
        code: "wrong_state",
        fix: "`lpctl gov proposal` tells how it stands",
    },
    Explanation {
        contains: "proposal already exists",
        code: "proposal_exists",
        fix: "change the description to propose it again",
    },
    Explanation {
        contains: "vote already cast",
        code: "voted_already",
        fix: "nothing to do: a vote cannot be changed",
    },
    Explanation {
        contains: "target contract must be registered",
        code: "contract_missing",
        fix: "check the Controller address: `--controller`",
    },
];

#[cfg(test)]
mod tests {
    use alloy::primitives::U256;
    use proptest::prelude::*;

    use super::*;

    fn message(text: &str) -> Vec<u8> {
        RevertString::from(text).abi_encode()
    }

    #[test]
    fn each_kind_of_revert_is_told_apart() {
        let locked = Revert::decode(&message(
            "can't update transcoder params, current round is locked",
        ));
        assert_eq!(locked.explain().unwrap().code, "round_locked");
        let panic = Panic {
            code: U256::from(0x12),
        }
        .abi_encode();
        assert!(matches!(Revert::decode(&panic), Revert::Panic(text) if text.contains("zero")));
        assert_eq!(Revert::decode(&[]), Revert::Silent);
        assert_eq!(Revert::decode(&[1, 2, 3, 4]).to_string(), "error 0x01020304");
        // The selector of a message with nothing readable after it.
        assert!(matches!(
            Revert::decode(&[0x08, 0xc3, 0x79, 0xa0, 0xff]),
            Revert::Data(_)
        ));
    }

    #[test]
    fn both_wordings_of_a_short_allowance_are_known() {
        for text in [
            "ERC20: insufficient allowance",
            "ERC20: transfer amount exceeds allowance",
        ] {
            assert_eq!(
                Revert::decode(&message(text)).explain().unwrap().code,
                "insufficient_allowance"
            );
        }
    }

    #[test]
    fn control_characters_in_a_reason_are_escaped() {
        let shown = Revert::decode(&message("a\u{1b}[2Jb\n")).to_string();
        assert!(!shown.contains('\u{1b}') && !shown.contains('\n'), "{shown:?}");
    }

    proptest! {
        #[test]
        fn no_data_panics_or_floods_the_screen(data in proptest::collection::vec(any::<u8>(), 0..600)) {
            prop_assert!(Revert::decode(&data).to_string().chars().count() < 300);
        }
    }
}
