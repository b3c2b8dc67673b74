//! A ticket's hash: what its sender signs, and what the contract works out again (`go-livepeer pm/ticket.go`).

use alloy::primitives::{Address, B256, U256, keccak256};

use super::signature;
use crate::units::{Round, Wei};

/// A payment that pays its face value if it wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    /// Who is paid.
    pub recipient: Address,
    /// Who pays.
    pub sender: Address,
    /// What it pays if it wins.
    pub face_value: Wei,
    /// It wins if the hash of its signature and the recipient's number is lower.
    pub win_prob: U256,
    /// Counts up from 1 for each hash of the recipient's number.
    pub sender_nonce: u32,
    /// Hash of the number the recipient reveals when redeeming it.
    pub recipient_rand_hash: B256,
    /// Round it was made in.
    pub creation_round: Round,
    /// Hash of that round's block.
    pub creation_round_block_hash: B256,
}

impl Ticket {
    /// The bytes whose hash is the ticket's, and which its sender therefore signs as a message. Round and block are left
    /// out where both are zero.
    #[must_use]
    pub fn message(&self) -> Vec<u8> {
        let mut packed = Vec::with_capacity(2 * 20 + 6 * 32);
        packed.extend_from_slice(self.recipient.as_slice());
        packed.extend_from_slice(self.sender.as_slice());
        let mut number = |value: U256| packed.extend_from_slice(&value.to_be_bytes::<32>());
        number(self.face_value.0);
        number(self.win_prob);
        number(U256::from(self.sender_nonce));
        packed.extend_from_slice(self.recipient_rand_hash.as_slice());
        if self.creation_round != Round(0) || !self.creation_round_block_hash.is_zero() {
            packed.extend_from_slice(&U256::from(self.creation_round.0).to_be_bytes::<32>());
            packed.extend_from_slice(self.creation_round_block_hash.as_slice());
        }
        packed
    }

    /// The ticket's hash.
    #[must_use]
    pub fn hash(&self) -> B256 {
        keccak256(self.message())
    }

    /// The digest its sender signs.
    #[must_use]
    pub fn digest(&self) -> B256 {
        signature::hash_digest(self.hash())
    }
    /// Whether it wins with this signature, as it came, and the recipient's number.
    #[must_use]
    pub fn wins(&self, signature: &[u8; signature::SIGNATURE_LENGTH], recipient_rand: U256) -> bool {
        draw(signature, recipient_rand) < self.win_prob
    }
}

/// What a ticket draws: it wins if this is lower than its chance. Every byte of the signature counts, V included
/// (`protocol contracts/pm/mixins/MixinTicketBrokerCore.sol`).
#[must_use]
pub fn draw(signature: &[u8; signature::SIGNATURE_LENGTH], recipient_rand: U256) -> U256 {
    let mut drawn = [0; signature::SIGNATURE_LENGTH + 32];
    let (head, tail) = drawn.split_at_mut(signature::SIGNATURE_LENGTH);
    head.copy_from_slice(signature);
    tail.copy_from_slice(&recipient_rand.to_be_bytes::<32>());
    keccak256(drawn).into()
}

/// What stands for the recipient's number until it is revealed.
#[must_use]
pub fn rand_hash(recipient_rand: U256) -> B256 {
    keccak256(recipient_rand.to_be_bytes::<32>())
}
