//! How dear and how likely to win tickets are, and how their parameters travel (`go-livepeer pm/recipient.go`).
//!
//! | module | holds |
//! |---|---|
//! | `terms` | face value and chance to win, from gas, funds and the operator's wishes |
//! | `message` | parameters as protocol messages |

mod message;
mod terms;

pub use message::ParametersFault;
pub use terms::{InsufficientReserve, Terms, win_prob};

use alloy::primitives::Address;

use super::{Exact, Parameters};
use crate::wire::ticket::Ticket;

/// Blocks of Ethereum for which parameters are good: about eight minutes.
pub const LIFETIME_BLOCKS: u64 = 40;

impl Parameters {
    /// What each ticket is worth.
    #[must_use]
    pub fn expected_value(&self) -> Exact {
        Exact::expected_value(self.face_value, self.win_prob)
    }

    /// The ticket of a sender with a number of its own.
    #[must_use]
    pub fn ticket(&self, sender: Address, nonce: u32) -> Ticket {
        Ticket {
            recipient: self.recipient,
            sender,
            face_value: self.face_value,
            win_prob: self.win_prob,
            sender_nonce: nonce,
            recipient_rand_hash: self.recipient_rand_hash,
            creation_round: self.creation_round,
            creation_round_block_hash: self.creation_round_block_hash,
        }
    }
}
