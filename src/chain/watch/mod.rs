//! The chain, followed: what block and round it is, what happened, and what stands behind gateways' tickets.
//!
//! | module | holds |
//! |---|---|
//! | `contracts` | events and views that are watched |
//! | `event` | a log, and what it says |
//! | `window` | the last blocks' logs, compared with the next reading of them |
//! | `reading` | what an endpoint is asked, and how answers become facts |
//! | `follow` | the loop: reorganisations, absences, endpoints that lag behind |
//! | `book` | gateways' funds as events leave them |
//! | `senders` | the same as the node is told them |
//!
//! The state of the contracts is read afresh wherever it can be; events only tell when, and keep what was read true.

mod book;
mod contracts;
mod event;
mod follow;
mod reading;
mod senders;
mod window;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use alloy::primitives::Address;
use jiff::Timestamp;
use tokio::sync::{broadcast, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::follow::Follower;
pub(crate) use self::reading::is_too_many;
pub use self::{
    book::SenderChange,
    event::{At, ChainEvent, Checkpoint, ParseCheckpointError},
    reading::OwnFacts,
    senders::{ChainSenders, Held},
};
use super::Chain;
use crate::{payments::ChainTime, units::Wei};

/// Events a slow listener may lag behind by.
const EVENTS: usize = 4_096;

/// How the chain is watched.
#[derive(Debug, Clone)]
pub struct WatchSettings {
    /// The orchestrator tickets are made out to; none for a gateway.
    pub recipient: Option<Address>,
    /// Between two looks at the chain (`go-livepeer`, `-blockPollingInterval`).
    pub interval: Duration,
    /// What gas is taken to cost at least. A lower price is raised to it, not ignored (trap 40).
    pub min_gas_price: Wei,
    /// Where an earlier watcher stopped; none: what happened before is not told.
    pub resume: Option<Checkpoint>,
    /// Blocks gone through after an absence at most. Beyond, only the state is read, and a [`ChainEvent::Gap`] is told.
    pub most_replayed: u64,
}

impl Default for WatchSettings {
    /// For nobody in particular, every five seconds; seven hours of Arbitrum are gone through after an absence.
    fn default() -> Self {
        Self {
            recipient: None,
            interval: Duration::from_secs(5),
            min_gas_price: Wei::ZERO,
            resume: None,
            most_replayed: 100_000,
        }
    }
}

/// The chain cannot be read, or not further.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outage {
    /// Since when.
    pub since: Timestamp,
    /// What the last look ended with, fit to be shown.
    pub reason: String,
}

/// Follows the chain in tasks of its own. Cheap to clone; ends with the token it was started with.
#[derive(Debug, Clone)]
pub struct Watcher(Arc<Shared>);

/// What the loop writes and everybody reads.
#[derive(Debug)]
struct Shared {
    clock: watch::Sender<Option<ChainTime>>,
    own: watch::Sender<Option<OwnFacts>>,
    events: broadcast::Sender<ChainEvent>,
    senders: Arc<ChainSenders>,
    outage: Mutex<Option<Outage>>,
    checkpoint: Mutex<Option<Checkpoint>>,
    tasks: TaskTracker,
}

impl Watcher {
    /// Starts to follow the chain. It never fails: what cannot be read is tried again until `stop` is cancelled.
    #[must_use]
    pub fn start(chain: Chain, settings: WatchSettings, stop: CancellationToken) -> Self {
        let clock = watch::Sender::new(None);
        let (senders, questions) = ChainSenders::new(settings.recipient, clock.subscribe());
        let shared = Arc::new(Shared {
            clock,
            own: watch::Sender::new(None),
            events: broadcast::channel(EVENTS).0,
            senders: Arc::clone(&senders),
            outage: Mutex::default(),
            checkpoint: Mutex::new(settings.resume),
            tasks: TaskTracker::new(),
        });
        let answering = senders.answer(chain.clone(), settings.recipient, questions, stop.clone());
        shared.tasks.spawn(answering);
        let follower = Follower::new(chain, settings, Arc::clone(&shared));
        shared.tasks.spawn(follower.run(stop));
        shared.tasks.close();
        Self(shared)
    }

    /// Block, round and price of gas; none until the chain was read once.
    #[must_use]
    pub fn clock(&self) -> watch::Receiver<Option<ChainTime>> {
        self.0.clock.subscribe()
    }

    /// Waits until the chain was read once. With a chain that never answers this never ends.
    pub async fn ready(&self) -> ChainTime {
        let mut clock = self.clock();
        loop {
            let now = *clock.borrow_and_update();
            if let Some(now) = now {
                return now;
            }
            // The sender lives as long as this watcher.
            let _ = clock.changed().await;
        }
    }

    /// What stands behind gateways' tickets.
    #[must_use]
    pub fn senders(&self) -> Arc<ChainSenders> {
        Arc::clone(&self.0.senders)
    }

    /// What happens from now on. A listener that lags behind has missed what [`ChainEvent::Gap`] would tell.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<ChainEvent> {
        self.0.events.subscribe()
    }

    /// The recipient as an orchestrator; none without one, or until it was read once.
    #[must_use]
    pub fn own(&self) -> watch::Receiver<Option<OwnFacts>> {
        self.0.own.subscribe()
    }

    /// Whether the recipient is active in the current round; assumed to be until it was read.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.0.own.borrow().as_ref().is_none_or(|own| own.active)
    }

    /// Since when and why the chain cannot be read, if it cannot.
    #[must_use]
    pub fn outage(&self) -> Option<Outage> {
        lock(&self.0.outage).clone()
    }

    /// Where a later watcher can go on.
    #[must_use]
    pub fn checkpoint(&self) -> Option<Checkpoint> {
        *lock(&self.0.checkpoint)
    }

    /// Waits for the end of its tasks, after it was told to stop.
    pub async fn ended(&self) {
        self.0.tasks.wait().await;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
