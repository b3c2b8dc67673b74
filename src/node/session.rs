//! Stream sessions: who may open one, how its segments queue, and when it ends.
//!
//! A session begins with its first segment and holds four waiting segments besides the one being worked on
//! (`go-livepeer core/orchestrator.go`). A segment takes its place when its first byte is awaited, and its turn too if
//! nothing is before it; one that is here goes before those still arriving. A session none of whose segments turned out
//! to be right never was. Ending it stops its work and drops its renditions.

use std::{
    collections::{HashMap, VecDeque},
    future::pending,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use alloy::primitives::Address;
use jiff::Timestamp;
use tokio::sync::{Semaphore, SemaphorePermit, watch};
use tokio_util::sync::CancellationToken;

use super::{
    AnyTranscoder,
    outlet::Outlet,
    store::Store,
    work::{Outcome, push_bounded},
};
use crate::{
    media::arrival::Source,
    view::node::{RenditionView, Rung, SegmentTiming, StreamSession},
};

/// Segments a session holds: one being worked on, four waiting.
const DEPTH: u32 = 5;
/// Timings kept of each session.
const RECENT: usize = 60;
/// Longest text kept of what a gateway sent.
const TEXT: usize = 200;

/// Why a segment finds no place. The texts travel to the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoPlace {
    /// All sessions are taken, the machine carries no more of them, or the node takes no new ones.
    #[error("OrchestratorCapped")]
    Capped,
    /// The session has all the waiting segments it may have.
    #[error("OrchestratorBusy")]
    Busy,
    /// The renditions would come out when the gateway has stopped waiting for them.
    #[error("OrchestratorBusy")]
    Late,
}

impl NoPlace {
    /// Stable name of it.
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::Capped => "capped",
            Self::Busy => "busy",
            Self::Late => "late",
        }
    }
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
    /// How long the segment plays.
    pub playing: Duration,
    /// Where renditions go, if not into memory.
    pub outlet: Option<Arc<Outlet>>,
}

/// The sessions running now, and their renditions.
pub(super) struct Sessions {
    table: Mutex<HashMap<String, Arc<Session>>>,
    store: Store,
    most: AtomicU32,
    device: String,
    transcoder: Arc<dyn AnyTranscoder>,
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
        transcoder: Arc<dyn AnyTranscoder>,
        halt: CancellationToken,
        changed: watch::Sender<()>,
    ) -> Self {
        Self {
            table: Mutex::default(),
            store,
            most: AtomicU32::new(most),
            device,
            transcoder,
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

    /// How many there may be at once.
    pub(super) fn most(&self) -> u32 {
        self.most.load(Ordering::Relaxed)
    }

    /// From now on there may be so many at once; those there are stay.
    pub(super) fn set_most(&self, most: u32) {
        self.most.store(most, Ordering::Relaxed);
        self.changed.send_replace(());
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
            false => {
                intake == Intake::Everything as u8
                    && table.len() < usize::try_from(self.most()).unwrap_or(usize::MAX)
                    && self.transcoder.has_capacity()
            }
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

    /// A place in the session's queue for a segment that is yet to come. The first one opens the session.
    pub(super) fn enter(&self, id: &str, opener: &Opener) -> Result<Place, NoPlace> {
        let mut table = self.table();
        self.check(&table, Some(id))?;
        let session = Arc::clone(table.entry(id.to_string()).or_insert_with(|| {
            self.store.open(id);
            Arc::new(Session::new(id, opener, &self.device, self.halt.child_token()))
        }));
        // Under the table's lock, so that no segment slips past the depth or into a session being ended.
        if session.in_flight.load(Ordering::Acquire) >= DEPTH {
            return Err(NoPlace::Busy);
        }
        session.in_flight.fetch_add(1, Ordering::AcqRel);
        drop(table);
        let playing_ms = u64::try_from(opener.playing.as_millis()).unwrap_or(u64::MAX);
        let ahead_ms = session.playing_ms.fetch_add(playing_ms, Ordering::AcqRel);
        session.seen();
        self.changed.send_replace(());
        Ok(Place {
            session,
            playing_ms,
            ahead: Duration::from_millis(ahead_ms),
            transcoder: Arc::clone(&self.transcoder),
            changed: self.changed.clone(),
        })
    }

    /// Gives back the place of a segment that did not arrive as announced. If that was all there ever was of its
    /// session, the session goes too.
    pub(super) fn withdraw(&self, place: Place) {
        let session = Arc::clone(&place.session);
        let mut table = self.table();
        drop(place);
        let was_nothing =
            !session.is_real.load(Ordering::Acquire) && session.in_flight.load(Ordering::Acquire) == 0;
        let is_listed = table
            .get(&session.id)
            .is_some_and(|listed| Arc::ptr_eq(listed, &session));
        if was_nothing && is_listed {
            table.remove(&session.id);
            self.close(&session);
        }
    }

    /// Ends a session: stops its work, drops its renditions. False if there is none.
    pub(super) fn end(&self, id: &str) -> bool {
        let mut table = self.table();
        let Some(session) = table.remove(id) else {
            return false;
        };
        self.close(&session);
        drop(table);
        self.changed.send_replace(());
        true
    }

    /// Under the table's lock: the same session may begin again right after.
    fn close(&self, session: &Session) {
        session.stop.cancel();
        self.store.close(&session.id);
        self.transcoder.close(&session.id);
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
        let mut sessions: Vec<StreamSession> = self.table().values().map(|session| session.view()).collect();
        sessions.sort_by(|a, b| b.last_active.cmp(&a.last_active).then_with(|| a.id.cmp(&b.id)));
        sessions
    }
}

/// One stream's running assignment.
struct Session {
    id: String,
    manifest_id: String,
    gateway: Option<Address>,
    outlet: Option<Arc<Outlet>>,
    started: Timestamp,
    stop: CancellationToken,
    turn: Semaphore,
    /// Segments that are here and wait for their turn.
    pressing: watch::Sender<u32>,
    in_flight: AtomicU32,
    /// How long those in flight play, all together.
    playing_ms: AtomicU64,
    /// Whether one of its segments has arrived and was right.
    is_real: AtomicBool,
    facts: Mutex<Facts>,
}

struct Facts {
    last_active: Timestamp,
    last_moment: Instant,
    source: Option<String>,
    rungs: Vec<Rung>,
    device: String,
    done: u64,
    failed: u64,
    pixels: u64,
    recent: VecDeque<SegmentTiming>,
    last_error: Option<String>,
    renditions: Vec<RenditionView>,
}

impl Facts {
    /// Counts what was made of each rung. A gateway that asks for others begins them anew.
    fn count(&mut self, timing: &SegmentTiming, made: &[RungMade]) {
        let is_same = self.renditions.len() == made.len()
            && self
                .renditions
                .iter()
                .zip(made)
                .all(|(rung, made)| rung.name == made.name);
        if !is_same {
            self.renditions = made
                .iter()
                .map(|made| RenditionView {
                    name: made.name.clone(),
                    ..RenditionView::default()
                })
                .collect();
        }
        for (rung, made) in self.renditions.iter_mut().zip(made) {
            rung.width = made.width;
            rung.height = made.height;
            rung.segments += 1;
            rung.pixels += made.pixels;
            rung.bytes += made.bytes;
            rung.last_bytes = made.bytes;
            rung.bitrate = made
                .bytes
                .saturating_mul(8000)
                .checked_div(u64::from(timing.duration_ms))
                .unwrap_or_default();
            rung.latency_ms = timing.total_ms;
            rung.real_time_permille = u64::from(timing.duration_ms)
                .saturating_mul(1000)
                .checked_div(u64::from(timing.transcode_ms));
        }
    }
}

impl Session {
    fn new(id: &str, opener: &Opener, device: &str, stop: CancellationToken) -> Self {
        let now = Timestamp::now();
        Self {
            id: id.to_string(),
            manifest_id: shortened(&opener.manifest_id),
            gateway: opener.gateway,
            outlet: opener.outlet.clone(),
            started: now,
            stop,
            turn: Semaphore::new(1),
            pressing: watch::Sender::new(0),
            in_flight: AtomicU32::new(0),
            playing_ms: AtomicU64::new(0),
            is_real: AtomicBool::new(false),
            facts: Mutex::new(Facts {
                last_active: now,
                last_moment: Instant::now(),
                source: None,
                rungs: opener.rungs.clone(),
                device: device.to_string(),
                done: 0,
                failed: 0,
                pixels: 0,
                recent: VecDeque::new(),
                last_error: None,
                renditions: Vec::new(),
            }),
        }
    }

    fn facts(&self) -> MutexGuard<'_, Facts> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn seen(&self) {
        let mut facts = self.facts();
        facts.last_active = Timestamp::now();
        facts.last_moment = Instant::now();
    }

    fn is_idle(&self, limit: Duration) -> bool {
        self.in_flight.load(Ordering::Acquire) == 0 && self.facts().last_moment.elapsed() > limit
    }

    fn view(&self) -> StreamSession {
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
            device: facts.device.clone(),
            last_error: facts.last_error.clone(),
            renditions: facts.renditions.clone(),
        }
    }
}

/// A segment's place in its session's queue, given back when dropped.
pub(super) struct Place {
    session: Arc<Session>,
    playing_ms: u64,
    /// How long the segments before it play, all together.
    pub ahead: Duration,
    transcoder: Arc<dyn AnyTranscoder>,
    changed: watch::Sender<()>,
}

impl Place {
    /// Cancelled when the session ends or the node gives up waiting for work to finish.
    pub(super) fn stop(&self) -> &CancellationToken {
        &self.session.stop
    }

    /// Where the session's renditions go, if not into memory.
    pub(super) fn outlet(&self) -> Option<&Outlet> {
        self.session.outlet.as_deref()
    }

    /// The segment has arrived and is right: the session is one, and this is what it wants.
    pub(super) fn confirm(&self, rungs: Vec<Rung>) {
        self.session.is_real.store(true, Ordering::Release);
        self.session.facts().rungs = rungs;
    }

    /// Waits until the earlier segments of the session are done; none if the session ended meanwhile. Earlier ones that
    /// are still arriving give way to one that is here.
    pub(super) async fn turn(&self, source: &Source) -> Option<SemaphorePermit<'_>> {
        let session = &self.session;
        let waiting = async {
            let mut turn = std::pin::pin!(session.turn.acquire());
            tokio::select! {
                biased;
                turn = &mut turn => return turn.ok(),
                whole = source.whole() => if whole.is_err() {
                    return turn.await.ok();
                }
            }
            let _pressing = Pressing::raise(&session.pressing);
            turn.await.ok()
        };
        tokio::select! {
            biased;
            () = session.stop.cancelled() => None,
            turn = waiting => turn,
        }
    }

    /// Resolves when this segment has the turn, is still arriving, and another one of the session that is here waits.
    pub(super) async fn is_in_the_way(&self, source: &Source) {
        let mut pressing = self.session.pressing.subscribe();
        let another = async {
            let _ = pressing.wait_for(|count| *count > 0).await;
        };
        let is_here = tokio::select! {
            biased;
            _ = source.whole() => true,
            () = another => false,
        };
        if is_here {
            pending().await
        }
    }

    /// Notes what became of the segment, before its place is given back.
    pub(super) fn record(&self, outcome: &Outcome, made: Option<Made>, error: Option<&str>) {
        let mut facts = self.session.facts();
        if outcome.timing.ok {
            facts.done += 1;
        } else {
            facts.failed += 1;
        }
        facts.pixels += outcome.pixels;
        push_bounded(&mut facts.recent, outcome.timing, RECENT);
        if let Some(Made {
            source,
            device,
            rungs,
        }) = made
        {
            facts.count(&outcome.timing, &rungs);
            facts.source = source.map(|(width, height)| format!("{width}x{height}"));
            facts.device = device;
        }
        if let Some(error) = error {
            facts.last_error = Some(shortened(error));
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let session = &self.session;
        session.seen();
        session.playing_ms.fetch_sub(self.playing_ms, Ordering::AcqRel);
        let left = session.in_flight.fetch_sub(1, Ordering::AcqRel) - 1;
        if left == 0 && session.stop.is_cancelled() {
            // Its last work may have made something ready for the next.
            self.transcoder.close(&session.id);
        }
        self.changed.send_replace(());
    }
}

/// What was made of a segment, for the operator's eyes.
#[derive(Debug, Clone)]
pub(super) struct Made {
    /// Width and height of the source, if known.
    pub source: Option<(u32, u32)>,
    /// What encoded it.
    pub device: String,
    /// What came out, one for each rung.
    pub rungs: Vec<RungMade>,
}

/// One rendition of a segment, for the operator's eyes.
#[derive(Debug, Clone)]
pub(super) struct RungMade {
    /// The profile's name.
    pub name: String,
    /// Width; zero if whoever made it did not say.
    pub width: u32,
    /// Height, likewise.
    pub height: u32,
    /// Encoded pixels reported.
    pub pixels: u64,
    /// Its length.
    pub bytes: u64,
}

/// Counts a waiting segment as long as it lives.
struct Pressing<'a>(&'a watch::Sender<u32>);

impl<'a> Pressing<'a> {
    fn raise(count: &'a watch::Sender<u32>) -> Self {
        count.send_modify(|count| *count += 1);
        Self(count)
    }
}

impl Drop for Pressing<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

/// The beginning of a text from outside.
pub(super) fn shortened(text: &str) -> String {
    text.chars().take(TEXT).collect()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures_util::poll;

    use super::*;
    use crate::media::{
        arrival::arrival,
        job::{SegmentJob, SegmentTranscoder, TranscodeError, Transcoded},
    };

    /// Refuses when told to, and notes which sessions were closed.
    #[derive(Default)]
    struct Noting {
        is_full: AtomicBool,
        closed: Mutex<Vec<String>>,
    }

    impl SegmentTranscoder for Arc<Noting> {
        async fn transcode(&self, _: SegmentJob, _: CancellationToken) -> Result<Transcoded, TranscodeError> {
            Err(TranscodeError::Stopped)
        }

        fn close(&self, session: &str) {
            self.closed.lock().unwrap().push(session.to_string());
        }

        fn has_capacity(&self) -> bool {
            !self.is_full.load(Ordering::Relaxed)
        }
    }

    fn sessions(most: u32) -> Sessions {
        sessions_on(most, &Arc::default())
    }

    fn sessions_on(most: u32, transcoder: &Arc<Noting>) -> Sessions {
        Sessions::new(
            most,
            Store::new(1 << 20),
            "cpu".into(),
            Arc::new(Arc::clone(transcoder)),
            CancellationToken::new(),
            watch::Sender::new(()),
        )
    }

    fn opener() -> Opener {
        Opener {
            manifest_id: "stream".into(),
            gateway: None,
            rungs: Vec::new(),
            playing: Duration::from_secs(2),
            outlet: None,
        }
    }

    fn here() -> Source {
        Source::from(Bytes::new())
    }

    #[tokio::test]
    async fn a_session_works_on_one_segment_and_holds_four() {
        let sessions = sessions(1);
        let first = sessions.enter("a", &opener()).unwrap();
        let turn = first.turn(&here()).await.unwrap();
        let waiting: Vec<Place> = (0..4).map(|_| sessions.enter("a", &opener()).unwrap()).collect();
        assert_eq!(sessions.enter("a", &opener()).err(), Some(NoPlace::Busy));
        assert_eq!(sessions.enter("b", &opener()).err(), Some(NoPlace::Capped));
        assert_eq!(sessions.refused(), 1);
        assert_eq!(waiting[3].ahead, Duration::from_secs(8));
        let source = here();
        let mut second = Box::pin(waiting[0].turn(&source));
        assert!(poll!(second.as_mut()).is_pending());
        drop(turn);
        assert!(poll!(second.as_mut()).is_ready());
        drop(first);
        assert!(sessions.enter("a", &opener()).is_ok());
    }

    #[tokio::test]
    async fn ending_stops_the_work_and_frees_the_place() {
        let sessions = sessions(1);
        let place = sessions.enter("a", &opener()).unwrap();
        assert!(!sessions.end("b"));
        assert!(sessions.end("a"));
        assert!(place.stop().is_cancelled());
        assert!(place.turn(&here()).await.is_none());
        assert!(sessions.enter("b", &opener()).is_ok());
        assert!(sessions.store().fetch("a", "x", "y").is_none());
    }

    #[test]
    fn only_idle_sessions_end_by_themselves() {
        let sessions = sessions(2);
        let busy = sessions.enter("busy", &opener()).unwrap();
        drop(sessions.enter("idle", &opener()).unwrap());
        assert_eq!(sessions.end_idle(Duration::from_secs(60)), 0);
        assert_eq!(sessions.end_idle(Duration::ZERO), 1);
        assert_eq!(sessions.view()[0].id, "busy");
        drop(busy);
        assert_eq!(sessions.end_idle(Duration::ZERO), 1);
    }

    #[test]
    fn draining_keeps_the_sessions_there_are() {
        let sessions = sessions(5);
        drop(sessions.enter("a", &opener()).unwrap());
        sessions.drain();
        assert!(sessions.is_draining());
        assert!(sessions.has_room(Some("a")).is_ok());
        assert_eq!(sessions.has_room(None), Err(NoPlace::Capped));
        sessions.close_intake();
        sessions.drain();
        assert_eq!(sessions.has_room(Some("a")), Err(NoPlace::Capped));
    }

    #[tokio::test]
    async fn what_is_here_goes_before_what_is_still_arriving() {
        let sessions = sessions(1);
        let (first, second) = (
            sessions.enter("a", &opener()).unwrap(),
            sessions.enter("a", &opener()).unwrap(),
        );
        let (incoming, arriving) = arrival(0);
        let turn = first.turn(&arriving).await.unwrap();
        let mut in_the_way = Box::pin(first.is_in_the_way(&arriving));
        assert!(poll!(in_the_way.as_mut()).is_pending());
        let source = here();
        let mut next = Box::pin(second.turn(&source));
        assert!(poll!(next.as_mut()).is_pending());
        in_the_way.await;
        drop(turn);
        let turn = next.await.unwrap();
        // One that is here itself makes no room.
        let third = sessions.enter("a", &opener()).unwrap();
        let mut waiting = Box::pin(third.turn(&source));
        assert!(poll!(waiting.as_mut()).is_pending());
        let _ = incoming.finish();
        assert!(poll!(Box::pin(first.is_in_the_way(&arriving))).is_pending());
        drop(turn);
        assert!(waiting.await.is_some());
        assert_eq!(*first.session.pressing.borrow(), 0);
    }

    #[tokio::test]
    async fn a_session_none_of_whose_segments_was_right_never_was() {
        let transcoder = Arc::default();
        let sessions = sessions_on(1, &transcoder);
        let (first, second) = (
            sessions.enter("a", &opener()).unwrap(),
            sessions.enter("a", &opener()).unwrap(),
        );
        sessions.withdraw(first);
        assert_eq!(sessions.view().len(), 1);
        sessions.withdraw(second);
        assert!(sessions.view().is_empty());
        assert!(transcoder.closed.lock().unwrap().contains(&"a".to_string()));
        let real = sessions.enter("b", &opener()).unwrap();
        real.confirm(Vec::new());
        sessions.withdraw(real);
        assert_eq!(sessions.view()[0].id, "b");
    }

    #[test]
    fn sessions_that_end_are_closed_and_new_ones_need_a_machine_that_can() {
        let transcoder = Arc::<Noting>::default();
        let sessions = sessions_on(5, &transcoder);
        let place = sessions.enter("a", &opener()).unwrap();
        transcoder.is_full.store(true, Ordering::Relaxed);
        assert_eq!(sessions.enter("b", &opener()).err(), Some(NoPlace::Capped));
        assert_eq!(sessions.has_room(None), Err(NoPlace::Capped));
        assert!(sessions.enter("a", &opener()).is_ok());
        sessions.end_all();
        assert_eq!(*transcoder.closed.lock().unwrap(), ["a"]);
        // Work that ends later may have left something ready.
        drop(place);
        assert_eq!(*transcoder.closed.lock().unwrap(), ["a", "a"]);
    }
}
