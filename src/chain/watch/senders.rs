//! Gateways' funds, as the node is told them: read once, kept by events, less what is being redeemed.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use alloy::primitives::Address;
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::{
    super::{Chain, ChainError},
    book::{Book, ReadMark, SenderChange, available, max_float},
    event::ChainEvent,
};
use crate::{
    payments::{ChainTime, SenderFacts, SenderFailure, Senders, senders::Asking},
    units::Wei,
};

/// Questions about unknown gateways that wait at most.
const QUESTIONS: usize = 1_024;
/// Gateways read with one request.
const AT_ONCE: usize = 100;
/// How long somebody waits for a gateway to be read.
const PATIENCE: Duration = Duration::from_secs(30);
/// Endpoints keep the state of the last blocks only: a read is pinned to the last block seen while that is this young.
const STATE_KEPT: Duration = Duration::from_secs(20);
/// Without the chain, what it last said is believed for so long: a gateway that wants its funds back waits for longer.
const TRUST: Duration = Duration::from_secs(3_600);
/// Between two looks for gateways nobody asks about (`go-livepeer pm/sendermonitor.go`).
const SWEEP: Duration = Duration::from_secs(600);

/// Gateways' funds, kept by the [`super::Watcher`].
#[derive(Debug)]
pub struct ChainSenders {
    book: Mutex<Book>,
    pending: Mutex<HashMap<Address, Wei>>,
    clock: watch::Receiver<Option<ChainTime>>,
    /// When the chain was last read.
    read_at: Mutex<Option<Instant>>,
    asked: mpsc::Sender<Question>,
    changes: broadcast::Sender<SenderChange>,
}

type Question = (Address, oneshot::Sender<Result<SenderFacts, SenderFailure>>);

/// Face value that counts as being redeemed until this is dropped.
#[derive(Debug)]
#[must_use = "dropped at once, nothing is held"]
pub struct Held {
    senders: Arc<ChainSenders>,
    sender: Address,
    face_value: Wei,
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut pending = lock(&self.senders.pending);
        if let Some(held) = pending.get_mut(&self.sender) {
            *held = held.saturating_sub(self.face_value);
            if *held == Wei::ZERO {
                pending.remove(&self.sender);
            }
        }
        drop(pending);
        self.senders.tell(SenderChange::One(self.sender));
    }
}

impl ChainSenders {
    pub(super) fn new(
        recipient: Option<Address>,
        clock: watch::Receiver<Option<ChainTime>>,
    ) -> (Arc<Self>, mpsc::Receiver<Question>) {
        let (asked, questions) = mpsc::channel(QUESTIONS);
        let (changes, _) = broadcast::channel(QUESTIONS);
        let senders = Self {
            book: Mutex::new(Book::new(recipient)),
            pending: Mutex::default(),
            clock,
            read_at: Mutex::new(None),
            asked,
            changes,
        };
        (Arc::new(senders), questions)
    }

    /// Counts a ticket's face value as being redeemed until the guard is dropped.
    pub fn hold(self: &Arc<Self>, sender: Address, face_value: Wei) -> Held {
        let mut pending = lock(&self.pending);
        let held = pending.entry(sender).or_default();
        let before = *held;
        *held = held.saturating_add(face_value);
        // What is taken off later is what was really added.
        let face_value = held.saturating_sub(before);
        drop(pending);
        self.tell(SenderChange::One(sender));
        Held {
            senders: Arc::clone(self),
            sender,
            face_value,
        }
    }

    /// Face value of the gateway's tickets that are being redeemed.
    #[must_use]
    pub fn pending(&self, sender: Address) -> Wei {
        lock(&self.pending).get(&sender).copied().unwrap_or_default()
    }

    /// What further redemptions of the gateway's tickets can be paid from (`go-livepeer pm/sendermonitor.go`).
    ///
    /// # Errors
    /// Nothing can be said about the gateway now.
    pub async fn available(&self, sender: Address) -> Result<Wei, SenderFailure> {
        let facts = self.facts(sender).await?;
        Ok(available(&facts, self.pool_size()?, self.pending(sender)))
    }

    /// Tells whenever the most a gateway's ticket can pay may have changed.
    #[must_use]
    pub fn changes(&self) -> broadcast::Receiver<SenderChange> {
        self.changes.subscribe()
    }

    /// Reads the gateway from the chain again when it is next asked about.
    pub fn forget(&self, sender: Address) {
        lock(&self.book).forget(sender);
    }

    /// Takes the events of the blocks up to `tip`.
    pub(super) fn advance(&self, events: &[(u64, ChainEvent)], tip: u64, keep_from: u64) {
        let mut book = lock(&self.book);
        let changes = book.advance(events, tip);
        book.forget_events_before(keep_from);
        drop(book);
        for change in changes {
            self.tell(change);
        }
    }

    /// Everything is to be read again.
    pub(super) fn reset(&self, tip: u64) {
        lock(&self.book).reset(tip);
        self.tell(SenderChange::All);
    }

    /// The chain was read just now.
    pub(super) fn is_fresh(&self) {
        *lock(&self.read_at) = Some(Instant::now());
    }

    pub(super) fn tell(&self, change: SenderChange) {
        // Nobody listens: nothing is lost.
        let _ = self.changes.send(change);
    }

    fn pool_size(&self) -> Result<u64, SenderFailure> {
        let clock = *self.clock.borrow();
        clock
            .map(|clock| clock.pool_size)
            .ok_or_else(|| SenderFailure("the chain has not been read yet".to_string()))
    }

    fn age(&self) -> Option<Duration> {
        lock(&self.read_at).map(|read_at| read_at.elapsed())
    }

    async fn find(&self, sender: Address) -> Result<SenderFacts, SenderFailure> {
        if let Some(age) = self.age().filter(|age| *age > TRUST) {
            return Err(SenderFailure(format!(
                "the chain has not been read for {} minutes",
                age.as_secs() / 60
            )));
        }
        if let Some(facts) = lock(&self.book).facts(sender, Instant::now()) {
            return Ok(facts);
        }
        let (answer, answered) = oneshot::channel();
        self.asked
            .try_send((sender, answer))
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => {
                    SenderFailure("too many unknown gateways are asked about at once".to_string())
                }
                mpsc::error::TrySendError::Closed(_) => {
                    SenderFailure("the chain is not watched any more".to_string())
                }
            })?;
        match tokio::time::timeout(PATIENCE, answered).await {
            Ok(Ok(found)) => found,
            Ok(Err(_)) => Err(SenderFailure("the chain is not watched any more".to_string())),
            Err(_) => Err(SenderFailure(format!(
                "the chain did not tell the gateway's funds within {} s",
                PATIENCE.as_secs()
            ))),
        }
    }

    /// Answers questions about gateways that are not known yet, many with one request, until stopped.
    pub(super) async fn answer(
        self: Arc<Self>,
        chain: Chain,
        recipient: Option<Address>,
        mut questions: mpsc::Receiver<Question>,
        stop: CancellationToken,
    ) {
        let mut sweep = tokio::time::interval(SWEEP);
        let mut waiting = Vec::with_capacity(AT_ONCE);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = sweep.tick() => lock(&self.book).sweep(Instant::now()),
                count = questions.recv_many(&mut waiting, AT_ONCE) => if count == 0 {
                    return;
                },
            }
            if waiting.is_empty() {
                continue;
            }
            let mut wanted: Vec<Address> = waiting.iter().map(|(sender, _)| *sender).collect();
            wanted.sort_unstable();
            wanted.dedup();
            let found = tokio::select! {
                () = stop.cancelled() => return,
                found = self.read(&chain, recipient, &wanted) => found,
            };
            for (sender, answer) in waiting.drain(..) {
                let facts = match &found {
                    Ok(found) => found
                        .get(&sender)
                        .copied()
                        .ok_or_else(|| SenderFailure("no answer about the gateway".to_string())),
                    Err(error) => Err(SenderFailure(format!(
                        "the gateway's funds cannot be read: {error}"
                    ))),
                };
                // Whoever asked has gone.
                let _ = answer.send(facts);
            }
        }
    }

    async fn read(
        &self,
        chain: &Chain,
        recipient: Option<Address>,
        wanted: &[Address],
    ) -> Result<HashMap<Address, SenderFacts>, ChainError> {
        let mark = lock(&self.book).mark();
        let is_young = self.age().is_some_and(|age| age < STATE_KEPT);
        if let Some(mark) = mark.filter(|_| is_young) {
            match chain.sender_facts(mark.block, recipient, wanted).await {
                Ok(facts) => return Ok(self.keep(wanted, facts, mark)),
                Err(error) => {
                    tracing::debug!(%error, block = mark.block, "gateways are read at the latest block")
                }
            }
        }
        // Not kept: nobody watches what happens after that block.
        let head = chain.header("latest").await?;
        if mark.is_some_and(|mark| head.number() < mark.block) {
            return Err(ChainError::Garbage(format!(
                "block {} is the latest, but there was a later one",
                head.number()
            )));
        }
        let facts = chain.sender_facts(head.number(), recipient, wanted).await?;
        Ok(wanted.iter().copied().zip(facts).collect())
    }

    fn keep(
        &self,
        wanted: &[Address],
        read: Vec<SenderFacts>,
        mark: ReadMark,
    ) -> HashMap<Address, SenderFacts> {
        let now = Instant::now();
        let mut book = lock(&self.book);
        wanted
            .iter()
            .zip(read)
            .map(|(sender, read)| (*sender, book.insert(*sender, read, mark, now).unwrap_or(read)))
            .collect()
    }
}

impl Senders for ChainSenders {
    fn facts(&self, sender: Address) -> Asking<'_, SenderFacts> {
        Box::pin(self.find(sender))
    }

    fn max_float(&self, sender: Address) -> Asking<'_, Wei> {
        Box::pin(async move {
            let facts = self.find(sender).await?;
            Ok(max_float(&facts, self.pool_size()?, self.pending(sender)))
        })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
