//! Whose turn it is. Processes are bounded by memory, not by cores: one that waits for bytes costs no time, and those
//! that do not share the cores fairly. Who comes first runs first.

use std::{
    num::NonZeroUsize,
    sync::atomic::AtomicU32,
    time::{Duration, Instant},
};

use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::timeout,
};

use super::tally::Now;
use crate::media::arrival::{Broken, Source};

/// Turns for segments.
#[derive(Debug)]
pub(super) struct Slots {
    all: Semaphore,
    /// Segments still arriving may take no more than these: one who sends slowly cannot keep those out who are here.
    arriving: Semaphore,
}

/// A segment's turn, until it is dropped.
pub(super) struct Turn<'a> {
    _slot: SemaphorePermit<'a>,
    arriving: Option<SemaphorePermit<'a>>,
    waited: Duration,
}

/// Why there is no turn.
#[derive(Debug)]
pub(super) enum NoTurn {
    /// The segment is void.
    Broken,
    /// The segment would come out too late.
    TooLate,
}

impl From<Broken> for NoTurn {
    fn from(_: Broken) -> Self {
        Self::Broken
    }
}

impl Slots {
    pub(super) fn new(most: NonZeroUsize) -> Self {
        let most = most.get().min(Semaphore::MAX_PERMITS);
        Self {
            all: Semaphore::new(most),
            arriving: Semaphore::new(most - most.div_ceil(4)),
        }
    }

    /// A turn for a segment. While it arrives it may have one that nobody waits for; once it is here it waits in line,
    /// for so long at most, and is counted in `waiting`. May be cancelled.
    pub(super) async fn turn(
        &self,
        source: &Source,
        at_most: Duration,
        waiting: &AtomicU32,
    ) -> Result<Turn<'_>, NoTurn> {
        if source.complete().is_none() {
            if let Ok(arriving) = self.arriving.try_acquire()
                && let Ok(slot) = self.all.try_acquire()
            {
                return Ok(Turn {
                    _slot: slot,
                    arriving: Some(arriving),
                    waited: Duration::ZERO,
                });
            }
            source.whole().await?;
        }
        let (slot, waited) = match self.all.try_acquire() {
            Ok(slot) => (slot, Duration::ZERO),
            Err(_) => {
                let _waiting = Now::raise(waiting);
                let since = Instant::now();
                let slot = timeout(at_most, self.all.acquire()).await;
                // Nobody closes the line; one that is closed never moves.
                let slot = slot.ok().and_then(Result::ok).ok_or(NoTurn::TooLate)?;
                (slot, since.elapsed())
            }
        };
        Ok(Turn {
            _slot: slot,
            arriving: None,
            waited,
        })
    }
}

impl Turn<'_> {
    /// How long it took to come.
    pub(super) fn waited(&self) -> Duration {
        self.waited
    }

    /// The segment is here.
    pub(super) fn arrived(&mut self) {
        self.arriving = None;
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures_util::poll;

    use super::*;
    use crate::media::arrival::arrival;

    const LONG: Duration = Duration::from_secs(60);

    fn slots(most: usize) -> Slots {
        Slots::new(NonZeroUsize::new(most).unwrap())
    }

    #[tokio::test]
    async fn slow_senders_leave_room_for_those_who_are_here() {
        let slots = slots(4);
        let waiting = AtomicU32::new(0);
        let ends: Vec<_> = (0..4).map(|_| arrival(0)).collect();
        let mut held = Vec::new();
        for (_, source) in &ends[..3] {
            held.push(slots.turn(source, LONG, &waiting).await.unwrap());
        }
        let (_, slow) = &ends[3];
        let mut fourth = Box::pin(slots.turn(slow, LONG, &waiting));
        assert!(poll!(fourth.as_mut()).is_pending());
        let here = Source::from(Bytes::from_static(b"x"));
        let turn = slots.turn(&here, LONG, &waiting).await.unwrap();
        assert_eq!(waiting.load(std::sync::atomic::Ordering::Relaxed), 0);
        // What has arrived makes room for the next that arrives.
        held[0].arrived();
        drop(turn);
        let (_incoming, next) = arrival(0);
        assert!(slots.turn(&next, LONG, &waiting).await.is_ok());
    }

    #[tokio::test]
    async fn first_come_first_served_and_not_for_ever() {
        let slots = slots(1);
        let waiting = AtomicU32::new(0);
        let here = Source::from(Bytes::from_static(b"x"));
        let turn = slots.turn(&here, LONG, &waiting).await.unwrap();
        let mut first = Box::pin(slots.turn(&here, LONG, &waiting));
        let mut second = Box::pin(slots.turn(&here, LONG, &waiting));
        assert!(poll!(first.as_mut()).is_pending() && poll!(second.as_mut()).is_pending());
        assert_eq!(waiting.load(std::sync::atomic::Ordering::Relaxed), 2);
        drop(turn);
        assert!(poll!(second.as_mut()).is_pending());
        let turn = first.await.unwrap();
        let late = slots.turn(&here, Duration::ZERO, &waiting).await;
        assert!(matches!(late, Err(NoTurn::TooLate)));
        drop(turn);
        assert!(second.await.is_ok());
        assert_eq!(waiting.load(std::sync::atomic::Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn what_breaks_while_it_waits_gets_no_turn() {
        let slots = slots(1);
        let (incoming, source) = arrival(0);
        drop(incoming);
        let turn = slots.turn(&source, LONG, &AtomicU32::new(0)).await;
        assert!(matches!(turn, Err(NoTurn::Broken)));
    }
}
