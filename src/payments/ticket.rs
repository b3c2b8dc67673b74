//! A ticket's parameters, and a ticket that won.

use alloy::primitives::Address;
use alloy::primitives::{B256, U256};

use crate::{
    units::{Round, Wei},
    wire::ticket::Ticket,
};

/// What the recipient wants tickets to look like (`go-livepeer pm/ticket.go`, `TicketParams`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameters {
    /// Who is paid.
    pub recipient: Address,
    /// What a winning ticket pays.
    pub face_value: Wei,
    /// Chance to win, over 2²⁵⁶ − 1.
    pub win_prob: U256,
    /// Hash of the recipient's number.
    pub recipient_rand_hash: B256,
    /// What the recipient needs back to find its number again: 32 bytes at most.
    pub seed: U256,
    /// Block of Ethereum from which no ticket is accepted, and from which one may be redeemed.
    pub expiration_block: u64,
    /// Round the tickets name.
    pub creation_round: Round,
    /// Hash of that round's block.
    pub creation_round_block_hash: B256,
}

/// A ticket that pays its face value: what is kept until it is redeemed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WinningTicket {
    /// The ticket.
    pub ticket: Ticket,
    /// Its sender's signature, 65 bytes as they came: the draw depends on each of them.
    pub signature: [u8; 65],
    /// The recipient's number, to be revealed only once the parameters have expired.
    pub recipient_rand: U256,
    /// Block of Ethereum at which the parameters expire.
    pub params_expiration_block: u64,
}
