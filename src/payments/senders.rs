//! What stands behind a gateway's tickets: its deposit, its reserve, and what of them is spoken for.

use std::{future::Future, pin::Pin};

use alloy::primitives::Address;

use crate::units::{Round, Wei};

/// A gateway's funds in the TicketBroker (`protocol contracts/pm/TicketBroker.sol`, `getSenderInfo`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SenderFacts {
    /// Winning tickets are paid from this first.
    pub deposit: Wei,
    /// Round from which the gateway may take its funds out; zero: it has not asked to.
    pub withdraw_round: Round,
    /// What is left of the reserve.
    pub reserve: Wei,
    /// What all orchestrators claimed of it in this round.
    pub claimed: Wei,
    /// What the recipient itself claimed of it in this round.
    pub claimed_by_recipient: Wei,
}

impl SenderFacts {
    /// What the recipient may claim of the reserve in this round: an equal share for each orchestrator in the pool, less
    /// what it has claimed; never below zero (`go-livepeer pm/sendermonitor.go`, where it may be).
    #[must_use]
    pub fn claimable(&self, pool_size: u64) -> Wei {
        let whole = self.reserve.saturating_add(self.claimed);
        let share = whole.0.checked_div(alloy::primitives::U256::from(pool_size));
        Wei(share.unwrap_or_default()).saturating_sub(self.claimed_by_recipient)
    }

    /// Whether its funds are gone soon: one round before they can be taken out, and from then on.
    #[must_use]
    pub fn is_unlocking(&self, last_initialized: Round) -> bool {
        self.withdraw_round != Round(0) && self.withdraw_round.0 <= last_initialized.0.saturating_add(1)
    }
}

/// Why nothing can be said about a gateway now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SenderFailure(pub String);

/// What a door to the chain is asked about gateways; the answer may need a request.
pub type Asking<'a, T> = Pin<Box<dyn Future<Output = Result<T, SenderFailure>> + Send + 'a>>;

/// Who knows gateways: the watcher of the chain, or a redeemer elsewhere.
pub trait Senders: Send + Sync {
    /// The gateway's funds as they are now, from events where the gateway is known.
    fn facts(&self, sender: Address) -> Asking<'_, SenderFacts>;

    /// The most one ticket of the gateway can pay the recipient now: what it may claim of the reserve, less redemptions
    /// under way unless the deposit covers them three times; never below zero (`go-livepeer pm/sendermonitor.go`).
    fn max_float(&self, sender: Address) -> Asking<'_, Wei>;
}
