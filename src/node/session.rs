//! Stream sessions: who may open one, how its segments queue, and when it ends.
//!
//! A session begins with its first segment and holds four waiting segments besides the one being worked on
//! (`go-livepeer core/orchestrator.go`). Ending it stops its work and drops its renditions.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use alloy::primitives::Address;
use jiff::Timestamp;
use tokio::sync::{Semaphore, SemaphorePermit, watch};
use tokio_util::sync::CancellationToken;

use super::{
    store::Store,
    work::{Outcome, push_bounded},
};
use crate::view::node::{Rung, SegmentTiming, StreamSession};

/// Segments a session holds: one being worked on, four waiting.
const DEPTH: u32 = 5;
/// Timings kept of each session.
const RECENT: usize = 60;
/// Longest text kept of what a gateway sent.
const TEXT: usize = 200;

/// Why a segment finds no place. The texts travel to the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoPlace {
    /// All sessions are taken, or the node takes no new ones.
    #[error("OrchestratorCapped")]
    Capped,
    /// The session has all the waiting segments it may have.
    #[error("OrchestratorBusy")]
    Busy,
}

/// What the node still takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
enum Intake {
    Everything = 0,
    /// Segments of the sessions there are.
    KnownSessions = 1,
    Nothing = 2,
}

/// Who opens a session with its first segment.
#[derive(Debug, Clone)]
pub(super) struct Opener {
    /// The gateway's stream name.
    pub manifest_id: String,
    /// The gateway's account; none off-chain.
    pub gateway: Option<Address>,
    /// Rungs asked for.
    pub rungs: Vec<Rung>,
}

/// The sessions running now, and their renditions.
pub(super) struct Sessions {
    table: Mutex<HashMap<String, Arc<Session>>>,
    store: Store,
    most: usize,
    device: String,
    intake: AtomicU8,
    refused: AtomicU64,
    halt: CancellationToken,
    changed: watch::Sender<()>,
}

impl Sessions {
    /// No sessions yet; cancelling `halt` stops the work of all of them.
    pub(super) fn new(
        most: u32,
        store: Store,
        device: String,
        halt: CancellationToken,
        changed: watch::Sender<()>,
    ) -> Self {
        Self {
            table: Mutex::default(),
            store,
            most: usize::try_from(most).unwrap_or(usize::MAX),
            device,
            intake: AtomicU8::new(Intake::Everything as u8),
            refused: AtomicU64::new(0),
            halt,
            changed,
        }
    }

    fn table(&self) -> MutexGuard<'_, HashMap<String, Arc<Session>>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The renditions.
    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    /// Takes no new sessions from now on.
    pub(super) fn drain(&self) {
        self.intake
            .fetch_max(Intake::KnownSessions as u8, Ordering::AcqRel);
        self.changed.send_replace(());
    }

    /// Takes no segments from now on.
    pub(super) fn close_intake(&self) {
        self.intake.fetch_max(Intake::Nothing as u8, Ordering::AcqRel);
        self.changed.send_replace(());
    }

    /// Whether new sessions are refused on purpose.
    pub(super) fn is_draining(&self) -> bool {
        self.intake.load(Ordering::Acquire) > Intake::Everything as u8
    }

    /// How often a session was refused.
    pub(super) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    fn check(&self, table: &HashMap<String, Arc<Session>>, id: Option<&str>) -> Result<(), NoPlace> {
        let intake = self.intake.load(Ordering::Acquire);
        let known = id.is_some_and(|id| table.contains_key(id));
        let open = match known {
            true => intake < Intake::Nothing as u8,
            false => intake == Intake::Everything as u8 && table.len() < self.most,
        };
        if open {
            return Ok(());
        }
        self.refused.fetch_add(1, Ordering::Relaxed);
        self.changed.send_replace(());
        Err(NoPlace::Capped)
    }

    /// Whether there is room for this session, or for any new one.
    pub(super) fn has_room(&self, id: Option<&str>) -> Result<(), NoPlace> {
        self.check(&self.table(), id)
    }

    /// A place in the session's queue. The first segment opens the session.
    pub(super) fn enter(&self, id: &str, opener: Opener) -> Result<Place, NoPlace> {
        let mut table = self.table();
        self.check(&table, Some(id))?;
        let session = Arc::clone(table.entry(id.to_string()).or_insert_with(|| {
            self.store.open(id);
            Arc::new(Session::new(id, &opener, self.halt.child_token()))
        }));
        // Under the table's lock, so that no segment slips past the depth or into a session being ended.
        if session.in_flight.load(Ordering::Acquire) >= DEPTH {
            return Err(NoPlace::Busy);
        }
        session.in_flight.fetch_add(1, Ordering::AcqRel);
        drop(table);
        session.seen(Some(opener.rungs));
        self.changed.send_replace(());
        Ok(Place {
            session,
            changed: self.changed.clone(),
        })
    }

    /// Ends a session: stops its work, drops its renditions. False if there is none.
    pub(super) fn end(&self, id: &str) -> bool {
        let mut table = self.table();
        let Some(session) = table.remove(id) else {
            return false;
        };
        session.stop.cancel();
        self.store.close(id);
        drop(table);
        self.changed.send_replace(());
        true
    }

    /// Ends every session that has had nothing to do for so long; tells how many.
    pub(super) fn end_idle(&self, limit: Duration) -> usize {
        let idle: Vec<String> = self
            .table()
            .values()
            .filter(|session| session.is_idle(limit))
            .map(|session| session.id.clone())
            .collect();
        for id in &idle {
            tracing::info!(session = %id, "ending an idle session");
            self.end(id);
        }
        idle.len()
    }

    /// Ends every session.
    pub(super) fn end_all(&self) {
        let all: Vec<String> = self.table().keys().cloned().collect();
        for id in all {
            self.end(&id);
        }
    }

    /// The sessions as the operator sees them, newest activity first.
    pub(super) fn view(&self) -> Vec<StreamSession> {
        let mut sessions: Vec<StreamSession> = self
            .table()
            .values()
            .map(|session| session.view(&self.device))
            .collect();
        sessions.sort_by(|a, b| b.last_active.cmp(&a.last_active).then_with(|| a.id.cmp(&b.id)));
        sessions
    }
}

/// One stream's running assignment.
struct Session {
    id: String,
    manifest_id: String,
    gateway: Option<Address>,
    started: Timestamp,
    stop: CancellationToken,
    turn: Semaphore,
    in_flight: AtomicU32,
    facts: Mutex<Facts>,
}

struct Facts {
    last_active: Timestamp,
    last_moment: Instant,
    source: Option<String>,
    rungs: Vec<Rung>,
    done: u64,
    failed: u64,
    pixels: u64,
    recent: VecDeque<SegmentTiming>,
    last_error: Option<String>,
}

impl Session {
    fn new(id: &str, opener: &Opener, stop: CancellationToken) -> Self {
        let now = Timestamp::now();
        Self {
            id: id.to_string(),
            manifest_id: shortened(&opener.manifest_id),
            gateway: opener.gateway,
            started: now,
            stop,
            turn: Semaphore::new(1),
            in_flight: AtomicU32::new(0),
            facts: Mutex::new(Facts {
                last_active: now,
                last_moment: Instant::now(),
                source: None,
                rungs: Vec::new(),
                done: 0,
                failed: 0,
                pixels: 0,
                recent: VecDeque::new(),
                last_error: None,
            }),
        }
    }

    fn facts(&self) -> MutexGuard<'_, Facts> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn seen(&self, rungs: Option<Vec<Rung>>) {
        let mut facts = self.facts();
        facts.last_active = Timestamp::now();
        facts.last_moment = Instant::now();
        if let Some(rungs) = rungs {
            facts.rungs = rungs;
        }
    }

    fn is_idle(&self, limit: Duration) -> bool {
        self.in_flight.load(Ordering::Acquire) == 0 && self.facts().last_moment.elapsed() > limit
    }

    fn view(&self, device: &str) -> StreamSession {
        let facts = self.facts();
        StreamSession {
            id: self.id.clone(),
            manifest_id: self.manifest_id.clone(),
            gateway: self.gateway,
            started: self.started,
            last_active: facts.last_active,
            source: facts.source.clone(),
            rungs: facts.rungs.clone(),
            segments_done: facts.done,
            segments_failed: facts.failed,
            segments_in_flight: self.in_flight.load(Ordering::Acquire),
            pixels: facts.pixels,
            recent: facts.recent.iter().copied().collect(),
            device: device.to_string(),
            last_error: facts.last_error.clone(),
        }
    }
}

/// A segment's place in its session's queue, given back when dropped.
pub(super) struct Place {
    session: Arc<Session>,
    changed: watch::Sender<()>,
}

impl Place {
    /// Cancelled when the session ends or the node gives up waiting for work to finish.
    pub(super) fn stop(&self) -> &CancellationToken {
        &self.session.stop
    }

    /// Waits until the earlier segments of the session are done; none if the session ended meanwhile.
    pub(super) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        tokio::select! {
            biased;
            () = self.session.stop.cancelled() => None,
            turn = self.session.turn.acquire() => turn.ok(),
        }
    }

    /// Notes what became of the segment, before its place is given back.
    pub(super) fn record(&self, outcome: &Outcome, source: Option<(u32, u32)>, error: Option<&str>) {
        let mut facts = self.session.facts();
        if outcome.timing.ok {
            facts.done += 1;
        } else {
            facts.failed += 1;
        }
        facts.pixels += outcome.pixels;
        push_bounded(&mut facts.recent, outcome.timing, RECENT);
        if let Some((width, height)) = source {
            facts.source = Some(format!("{width}x{height}"));
        }
        if let Some(error) = error {
            facts.last_error = Some(shortened(error));
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.session.seen(None);
        self.session.in_flight.fetch_sub(1, Ordering::AcqRel);
        self.changed.send_replace(());
    }
}

/// The beginning of a text from outside.
pub(super) fn shortened(text: &str) -> String {
    text.chars().take(TEXT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sessions(most: u32) -> Sessions {
        Sessions::new(
            most,
            Store::new(1 << 20),
            "cpu".into(),
            CancellationToken::new(),
            watch::Sender::new(()),
        )
    }

    fn opener() -> Opener {
        Opener {
            manifest_id: "stream".into(),
            gateway: None,
            rungs: Vec::new(),
        }
    }

    #[tokio::test]
    async fn a_session_works_on_one_segment_and_holds_four() {
        let sessions = sessions(1);
        let first = sessions.enter("a", opener()).unwrap();
        let turn = first.turn().await.unwrap();
        let waiting: Vec<Place> = (0..4).map(|_| sessions.enter("a", opener()).unwrap()).collect();
        assert_eq!(sessions.enter("a", opener()).err(), Some(NoPlace::Busy));
        assert_eq!(sessions.enter("b", opener()).err(), Some(NoPlace::Capped));
        assert_eq!(sessions.refused(), 1);
        let mut second = Box::pin(waiting[0].turn());
        assert!(futures_util::poll!(second.as_mut()).is_pending());
        drop(turn);
        assert!(futures_util::poll!(second.as_mut()).is_ready());
        drop(first);
        assert!(sessions.enter("a", opener()).is_ok());
    }

    #[tokio::test]
    async fn ending_stops_the_work_and_frees_the_place() {
        let sessions = sessions(1);
        let place = sessions.enter("a", opener()).unwrap();
        assert!(!sessions.end("b"));
        assert!(sessions.end("a"));
        assert!(place.stop().is_cancelled());
        assert!(place.turn().await.is_none());
        assert!(sessions.enter("b", opener()).is_ok());
        assert!(sessions.store().fetch("a", "x", "y").is_none());
    }

    #[test]
    fn only_idle_sessions_end_by_themselves() {
        let sessions = sessions(2);
        let busy = sessions.enter("busy", opener()).unwrap();
        drop(sessions.enter("idle", opener()).unwrap());
        assert_eq!(sessions.end_idle(Duration::from_secs(60)), 0);
        assert_eq!(sessions.end_idle(Duration::ZERO), 1);
        assert_eq!(sessions.view()[0].id, "busy");
        drop(busy);
        assert_eq!(sessions.end_idle(Duration::ZERO), 1);
    }

    #[test]
    fn draining_keeps_the_sessions_there_are() {
        let sessions = sessions(5);
        drop(sessions.enter("a", opener()).unwrap());
        sessions.drain();
        assert!(sessions.is_draining());
        assert!(sessions.has_room(Some("a")).is_ok());
        assert_eq!(sessions.has_room(None), Err(NoPlace::Capped));
        sessions.close_intake();
        sessions.drain();
        assert_eq!(sessions.has_room(Some("a")), Err(NoPlace::Capped));
    }
}
