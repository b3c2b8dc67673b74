//! Signatures and draws of many tickets at once, off the runtime's threads: each signature takes some forty
//! microseconds, and answers to others must not wait for them.

use std::sync::Arc;

use alloy::primitives::{Address, U256};
use futures_util::future::join_all;
use tokio::task::spawn_blocking;

use crate::{
    payments::Parameters,
    wire::{
        net,
        signature::{SIGNATURE_LENGTH, recover},
        ticket::Ticket,
    },
};

/// Tickets that are worth a thread of their own.
const CHUNK: usize = 8;

/// A ticket with an account's signature.
#[derive(Debug, Clone, Copy)]
pub(super) struct Signed {
    pub ticket: Ticket,
    pub signature: [u8; SIGNATURE_LENGTH],
    pub is_winner: bool,
}

/// What the tickets of one payment have in common.
pub(super) struct Agreement {
    pub sender: Address,
    pub parameters: Parameters,
    pub recipient_rand: U256,
}

impl Agreement {
    /// The ticket of these numbers; none if its sender did not sign it.
    fn check(&self, named: &net::TicketSenderParams) -> Option<Signed> {
        let ticket = self.parameters.ticket(self.sender, named.sender_nonce);
        let signature = <[u8; SIGNATURE_LENGTH]>::try_from(named.sig.as_slice()).ok()?;
        (recover(ticket.digest(), &signature)? == self.sender).then(|| Signed {
            ticket,
            signature,
            is_winner: ticket.wins(&signature, self.recipient_rand),
        })
    }
}

/// Checks tickets on at most so many threads; the answers are in the order of the tickets.
pub(super) async fn check_all(
    agreement: Agreement,
    tickets: &[net::TicketSenderParams],
    threads: usize,
) -> Vec<Option<Signed>> {
    let agreement = Arc::new(agreement);
    let threads = threads.min(tickets.len().div_ceil(CHUNK)).max(1);
    let chunks = tickets.chunks(tickets.len().div_ceil(threads).max(1));
    let checks = chunks.map(|chunk| {
        let (agreement, chunk) = (Arc::clone(&agreement), chunk.to_vec());
        let count = chunk.len();
        let checked = spawn_blocking(move || -> Vec<Option<Signed>> {
            chunk.iter().map(|named| agreement.check(named)).collect()
        });
        // A runtime that shuts down checks nothing, and nothing unchecked is taken.
        async move { checked.await.unwrap_or_else(|_| vec![None; count]) }
    });
    join_all(checks).await.into_iter().flatten().collect()
}
