//! Signatures and draws of many tickets at once, off the runtime's threads: each signature takes some forty
//! microseconds, and answers to others must not wait for them.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

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

/// Tickets a thread takes at once; fewer are not worth a thread of their own.
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
    tickets: Vec<net::TicketSenderParams>,
    threads: usize,
) -> Vec<Option<Signed>> {
    let threads = threads.min(tickets.len().div_ceil(CHUNK)).max(1);
    let mut all = vec![None; tickets.len()];
    let work = Arc::new(Work {
        agreement,
        tickets,
        taken: AtomicUsize::new(0),
    });
    let workers = (0..threads).map(|_| {
        let work = Arc::clone(&work);
        spawn_blocking(move || work.take())
    });
    for done in join_all(workers).await {
        // A runtime that shuts down checks nothing, and nothing unchecked is taken.
        for (first, checked) in done.unwrap_or_default() {
            all[first..first + checked.len()].copy_from_slice(&checked);
        }
    }
    all
}

/// One payment's tickets, which threads take in chunks: one that the system holds back leaves its share to the others.
struct Work {
    agreement: Agreement,
    tickets: Vec<net::TicketSenderParams>,
    /// Tickets that some thread has taken.
    taken: AtomicUsize,
}

impl Work {
    /// Checks chunk after chunk until none is left; each with the place of its first ticket.
    fn take(&self) -> Vec<(usize, Vec<Option<Signed>>)> {
        let chunks = std::iter::from_fn(|| {
            let first = self.taken.fetch_add(CHUNK, Ordering::Relaxed);
            let rest = self.tickets.get(first..).filter(|rest| !rest.is_empty())?;
            Some((first, &rest[..rest.len().min(CHUNK)]))
        });
        chunks
            .map(|(first, chunk)| {
                let checked = chunk.iter().map(|named| self.agreement.check(named));
                (first, checked.collect())
            })
            .collect()
    }
}
