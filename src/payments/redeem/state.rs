//! What the redeemer is told beforehand, what it tells while it works.

use std::{fmt, sync::Arc, time::Duration};

use alloy::primitives::{Address, B256};

use super::{gas::GasUse, reasons::Wait, schedule::Window};
use crate::{payments::ChainTime, units::Wei};

/// What the operator decided.
#[derive(Clone)]
pub struct RedeemSettings {
    /// Whose tickets are redeemed; the account that pays the gas may be another.
    pub recipient: Address,
    /// Whether to open rounds nobody opened, when what waits is worth more than that costs.
    pub open_rounds: bool,
    /// Tickets of one transaction, at most.
    pub batch: usize,
    /// Gas a redemption is thought to take before one was seen.
    pub gas: GasUse,
    /// How long a transaction is waited for before other things are done meanwhile.
    pub timeout: Duration,
    /// Is told of every moment at which a process that ends leaves something behind.
    pub observer: Option<Arc<dyn Fn(Moment) + Send + Sync>>,
}

impl RedeemSettings {
    /// The usual: twenty tickets a transaction, rounds left to others.
    #[must_use]
    pub fn new(recipient: Address) -> Self {
        Self {
            recipient,
            open_rounds: false,
            batch: 20,
            gas: GasUse::ETHEREUM,
            timeout: Duration::from_secs(120),
            observer: None,
        }
    }
}

impl fmt::Debug for RedeemSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedeemSettings")
            .field("recipient", &self.recipient)
            .field("open_rounds", &self.open_rounds)
            .field("batch", &self.batch)
            .finish_non_exhaustive()
    }
}

/// How far a redemption is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Chosen and simulated; nothing is written down.
    Chosen,
    /// The books say that it is under way.
    Begun,
    /// Signed; nothing has left this process.
    Signed,
    /// The books know the transaction.
    Named,
    /// Handed to the network.
    Sent,
    /// In a block; the books do not know.
    Mined,
    /// Settled in the books.
    Settled,
}

impl Moment {
    /// All of them, in their order.
    pub const ALL: [Self; 7] = [
        Self::Chosen,
        Self::Begun,
        Self::Signed,
        Self::Named,
        Self::Sent,
        Self::Mined,
        Self::Settled,
    ];
}

/// What waits and why, as of the last look.
#[derive(Debug, Clone, Default)]
pub struct RedeemState {
    /// The chain's clock then; none before the first look.
    pub time: Option<ChainTime>,
    /// Tickets not yet redeemed, those under way included.
    pub pending: usize,
    /// What they are worth together.
    pub value: Wei,
    /// Tickets under way.
    pub in_flight: usize,
    /// Why the others wait.
    pub waiting: Vec<(B256, Wait)>,
    /// Tickets paid since the start.
    pub redeemed: u64,
    /// What they paid.
    pub paid: Wei,
    /// What that cost.
    pub cost: Wei,
    /// When each of those not under way can be redeemed, and what it pays if its sender can.
    pub windows: Vec<(B256, Wei, Window)>,
    /// What failed at the last look, if anything did.
    pub trouble: Option<String>,
}
