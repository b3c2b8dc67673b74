//! Tickets, as far as nodes and the contract must agree on them.

use alloy::primitives::{Address, B256, U256};
use engine::{
    units::{Round, Wei},
    wire::{signature, ticket::Ticket},
};
use serde::Deserialize;

use super::vectors;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TicketVectors {
    #[serde(rename = "origin")]
    _origin: String,
    sender_nonce: u32,
    hash: B256,
}

#[test]
fn a_ticket_hashes_as_the_contract_has_it() {
    let vectors: TicketVectors = vectors::read("ticket.json");
    let ticket = Ticket {
        recipient: Address::ZERO,
        sender: Address::ZERO,
        face_value: Wei::ZERO,
        win_prob: U256::ZERO,
        sender_nonce: vectors.sender_nonce,
        recipient_rand_hash: B256::ZERO,
        creation_round: Round(0),
        creation_round_block_hash: B256::ZERO,
    };
    assert_eq!(ticket.hash(), vectors.hash);
    assert_eq!(ticket.digest(), signature::hash_digest(vectors.hash));
    // Round and block count as soon as one of them is there, and every other field does.
    let changed = [
        Ticket {
            recipient: Address::with_last_byte(1),
            ..ticket
        },
        Ticket {
            sender: Address::with_last_byte(1),
            ..ticket
        },
        Ticket {
            face_value: Wei::gwei(1),
            ..ticket
        },
        Ticket {
            win_prob: U256::from(1),
            ..ticket
        },
        Ticket {
            recipient_rand_hash: B256::with_last_byte(1),
            ..ticket
        },
        Ticket {
            creation_round: Round(1),
            ..ticket
        },
        Ticket {
            creation_round_block_hash: B256::with_last_byte(1),
            ..ticket
        },
    ];
    let hashes: std::collections::HashSet<_> =
        changed.iter().map(Ticket::hash).chain([ticket.hash()]).collect();
    assert_eq!(hashes.len(), 8);
}
