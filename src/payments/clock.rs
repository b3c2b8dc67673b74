//! What block and round it is. Whoever follows the chain publishes it; whoever makes, checks or redeems tickets reads it.

use alloy::primitives::B256;
use jiff::Timestamp;

use crate::units::{Round, Wei};

/// The chain's clock at one block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainTime {
    /// Block by which rounds are counted and tickets expire: Ethereum's, also on Arbitrum.
    pub l1_block: u64,
    /// Block of the chain itself; the same number where there is only one chain.
    pub block: u64,
    /// Last initialised round.
    pub round: Round,
    /// Its block hash; zero if the contract has none.
    pub round_hash: B256,
    /// Block hash of the round before it; zero if the contract has none.
    pub previous_round_hash: B256,
    /// First block of the last initialised round, in blocks of rounds.
    pub round_start: u64,
    /// Blocks a round has.
    pub round_length: u64,
    /// Round the block is in; later than `round` while nobody has initialised it.
    pub current_round: Round,
    /// Rounds a ticket can be redeemed in, its own included.
    pub ticket_validity: u64,
    /// Orchestrators in the pool: a gateway's reserve is shared among so many.
    pub pool_size: u64,
    /// What gas costs now.
    pub gas_price: Wei,
    /// When it was read.
    pub read_at: Timestamp,
}

impl ChainTime {
    /// Round and block hash a ticket made now names: the last initialised round's, or those of the one before where the
    /// contract stored no hash, which happens on Arbitrum (`go-livepeer pm/recipient.go`).
    #[must_use]
    pub fn ticket_round(&self) -> (Round, B256) {
        match self.round_hash.is_zero() {
            true => (Round(self.round.0.saturating_sub(1)), self.previous_round_hash),
            false => (self.round, self.round_hash),
        }
    }

    /// Whether the round the block is in has been initialised: without that nothing is redeemed.
    #[must_use]
    pub fn is_initialized(&self) -> bool {
        self.round == self.current_round
    }

    /// Whether a ticket of `round` can still be redeemed.
    #[must_use]
    pub fn is_valid(&self, round: Round) -> bool {
        round.0.saturating_add(self.ticket_validity) > self.current_round.0
    }
}
