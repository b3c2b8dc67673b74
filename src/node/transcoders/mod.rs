//! The orchestrator's side of remote transcoders (`go-livepeer server/ot_rpc.go`, `core/orchestrator.go`).
//!
//! | module | holds |
//! |---|---|
//! | `registry` | who is connected, in the order of load, and which session is with whom |
//! | `service` | `net.Transcoder/RegisterTranscoder`: checks, and the stream tasks go out on |
//! | `task` | one segment on its way through one or more transcoders |
//! | `results`, `multipart`, `media_type` | `POST /transcodeResults` |
//!
//! A transcoder that does not answer pings is gone within seconds, and what it was working on goes to another one while
//! the segment's deadline allows. Its own late result is still taken if it is the first.

mod media_type;
mod multipart;
mod registry;
mod results;
mod service;
mod task;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use jiff::Timestamp;
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

pub(super) use results::receive;
pub(super) use service::TranscoderService;

use self::{
    registry::{Introduction, MemberId, Nobody, Registry},
    task::{Event, News},
};
use super::Node;
use crate::{
    media::job::{SegmentJob, SegmentTranscoder, TranscodeError, Transcoded},
    secret::OrchestratorSecret,
    view::node::{EngineView, RemoteTranscoder},
    wire::net,
};

/// What a pool of remote transcoders takes at most, and how long it waits.
#[derive(Debug, Clone)]
pub struct PoolSettings {
    /// What transcoders must know.
    pub secret: OrchestratorSecret,
    /// Transcoders at once.
    pub most_transcoders: usize,
    /// Sessions one transcoder is believed to take; who claims more gets so many.
    pub most_capacity: u32,
    /// A connection of which nothing is heard for so long is asked whether it is still there. This goes for gateways' too:
    /// which connection is a transcoder's shows only on its first request.
    pub ping_interval: Duration,
    /// How long it may take to say so; a transcoder that does not is gone.
    pub ping_timeout: Duration,
}

impl PoolSettings {
    /// The usual bounds.
    #[must_use]
    pub fn new(secret: OrchestratorSecret) -> Self {
        Self {
            secret,
            most_transcoders: 500,
            most_capacity: 1000,
            ping_interval: Duration::from_secs(2),
            ping_timeout: Duration::from_secs(4),
        }
    }
}

/// Remote transcoders as one [`SegmentTranscoder`]. Cloning gives another handle on the same ones.
///
/// It works for the node it is given to, as transcoder and in its config.
#[derive(Clone)]
pub struct TranscoderPool {
    shared: Arc<Shared>,
}

struct Shared {
    settings: PoolSettings,
    state: Mutex<State>,
    /// Counts what may have made room for a task nobody took.
    room: watch::Sender<u64>,
}

/// How long transcoders may take to come back when the node was restarted: they try again after half a second, then
/// after half as long again, spread by half.
const GATHERING: Duration = Duration::from_secs(10);

#[derive(Default)]
struct State {
    registry: Registry,
    tasks: Tasks,
    node: Weak<Node>,
    /// When the node began.
    serving: Option<Instant>,
    auto_sessions: bool,
    is_stopping: bool,
    joined: Option<Moved>,
    left: Option<Moved>,
    /// What the node advertises, until the next one comes or goes.
    advertised: Option<Arc<net::Capabilities>>,
}

/// Tasks handed out and not answered, by their number, which counts from zero.
#[derive(Default)]
struct Tasks {
    next: i64,
    waiting: HashMap<i64, Waiting>,
}

struct Waiting {
    member: MemberId,
    deadline: Instant,
    /// Renditions and their perceptual hashes, all together.
    most_parts: usize,
    news: mpsc::Sender<News>,
}

/// A transcoder that came or went.
#[derive(Debug, Clone)]
pub(super) struct Moved {
    /// When.
    pub at: Timestamp,
    /// Its address.
    pub who: String,
    /// Its capacity, or why it went.
    pub why: String,
}

/// Comings and goings.
#[derive(Debug, Clone)]
pub(super) struct Movements {
    /// How many are connected.
    pub here: usize,
    /// Who came last.
    pub joined: Option<Moved>,
    /// Who went last.
    pub left: Option<Moved>,
}

impl std::fmt::Debug for TranscoderPool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TranscoderPool")
            .field("transcoders", &self.state().registry.len())
            .finish_non_exhaustive()
    }
}

impl TranscoderPool {
    /// A pool nobody has joined yet.
    #[must_use]
    pub fn new(settings: PoolSettings) -> Self {
        Self {
            shared: Arc::new(Shared {
                settings,
                state: Mutex::default(),
                room: watch::Sender::new(0),
            }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn settings(&self) -> &PoolSettings {
        &self.shared.settings
    }

    /// How often connections are asked whether they are there, and how long they may take to answer.
    pub(super) fn pings(&self) -> (Duration, Duration) {
        (self.settings().ping_interval, self.settings().ping_timeout)
    }

    /// Works for this node from now on: its service URI and its store are where transcoders find their sources.
    pub(super) fn serve(&self, node: &Arc<Node>) {
        let mut state = self.state();
        state.node = Arc::downgrade(node);
        state.serving = Some(Instant::now());
        state.is_stopping = false;
        state.advertised = None;
        state.moved();
    }

    /// Whether the node takes as many sessions as the transcoders have capacity for, from now on.
    pub(super) fn set_auto_sessions(&self, is_auto: bool) {
        let mut state = self.state();
        state.auto_sessions = is_auto;
        state.moved();
    }

    /// Ends every stream such that transcoders look for the next node, and takes nobody any more.
    pub(super) fn stop(&self) {
        let mut state = self.state();
        state.is_stopping = true;
        for id in state.registry.ids() {
            state.leave(id, "the node stops");
        }
        drop(state);
        self.made_room();
    }

    /// What a node advertises that itself can do `base`.
    pub(super) fn capabilities(&self, base: &net::Capabilities) -> Arc<net::Capabilities> {
        let mut state = self.state();
        let known = state.advertised.take();
        let advertised = known.unwrap_or_else(|| Arc::new(state.registry.add_to(base)));
        state.advertised = Some(Arc::clone(&advertised));
        advertised
    }

    /// The transcoders connected now, the least loaded first.
    pub(super) fn members(&self) -> Vec<RemoteTranscoder> {
        self.state().registry.view()
    }

    /// Who came and went.
    pub(super) fn movements(&self) -> Movements {
        let state = self.state();
        Movements {
            here: state.registry.len(),
            joined: state.joined.clone(),
            left: state.left.clone(),
        }
    }

    /// The address of the transcoder a session is with.
    pub(super) fn place_of(&self, session: &str) -> Option<String> {
        Some(self.state().registry.holder(session)?.name())
    }

    /// Transcodes one segment of a session whose gateway asked with `request`.
    pub(super) async fn transcode_for(
        &self,
        job: SegmentJob,
        request: Arc<net::SegData>,
        stop: CancellationToken,
    ) -> Result<Transcoded, TranscodeError> {
        let source = tokio::select! {
            biased;
            () = stop.cancelled() => return Err(TranscodeError::Stopped),
            source = job.source.whole() => source.map_err(|_| TranscodeError::Stopped)?,
        };
        task::transcode(self, &job, &request, source, &stop).await
    }

    /// Until when transcoders may be on their way back from the node's restart; none once they had their time.
    pub(super) fn gathering_until(&self) -> Option<std::time::Instant> {
        let until = self.state().serving? + GATHERING;
        (Instant::now() < until).then_some(until.into_std())
    }

    /// Waits for a transcoder with room.
    pub(super) async fn room_until(&self, until: std::time::Instant) {
        let mut room = self.shared.room.subscribe();
        let there_is_room =
            async { while !self.state().registry.has_room() && room.changed().await.is_ok() {} };
        // Whoever waited looks for itself.
        let _ = tokio::time::timeout_at(until.into(), there_is_room).await;
    }

    /// Tells those that wait for a transcoder to look again.
    fn made_room(&self) {
        self.shared.room.send_modify(|count| *count += 1);
    }

    fn join(
        &self,
        introduction: Introduction,
        queue: mpsc::Sender<net::NotifySegment>,
    ) -> Result<(MemberId, CancellationToken), Full> {
        let mut state = self.state();
        if state.is_stopping {
            return Err(Full::Stopping);
        }
        if state.registry.len() >= self.settings().most_transcoders {
            return Err(Full::Crowded);
        }
        let (id, gone) = state.registry.join(introduction, queue);
        if let Some(member) = state.registry.get_mut(id) {
            let (who, capacity) = (member.name(), member.capacity());
            tracing::info!(transcoder = who, capacity, "a transcoder joined");
            state.joined = Some(Moved {
                at: Timestamp::now(),
                who,
                why: format!("{capacity} sessions"),
            });
        }
        state.moved();
        drop(state);
        self.made_room();
        Ok((id, gone))
    }

    /// Takes a transcoder out and ends its stream; what it was working on learns of it.
    fn leave(&self, id: MemberId, why: &str) {
        self.state().leave(id, why);
        self.made_room();
    }
}

/// Why a transcoder cannot join.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum Full {
    #[error("the orchestrator is stopping")]
    Stopping,
    #[error("the orchestrator has as many transcoders as it takes")]
    Crowded,
}

impl State {
    fn leave(&mut self, id: MemberId, why: &str) {
        let Some(member) = self.registry.leave(id) else {
            return;
        };
        member.gone.cancel();
        let who = member.name();
        tracing::warn!(transcoder = who, why, "a transcoder left");
        for task in &member.running {
            if let Some(waiting) = self.tasks.waiting.get(task) {
                waiting.tell(*task, Event::Lost);
            }
        }
        self.left = Some(Moved {
            at: Timestamp::now(),
            who,
            why: why.to_string(),
        });
        self.moved();
    }

    /// Somebody came or went: what the node advertises and takes changes.
    fn moved(&mut self) {
        self.advertised = None;
        if let Some(node) = self.node.upgrade() {
            if self.auto_sessions {
                let capacity = self.registry.capacity();
                node.sessions()
                    .set_most(u32::try_from(capacity).unwrap_or(u32::MAX));
            }
            node.changed.send_replace(());
        }
    }
}

impl Waiting {
    fn tell(&self, task: i64, event: Event) {
        // The queue holds all there can be for one segment; who does not listen any more needs none of it.
        let _ = self.news.try_send(News { task, event });
    }
}

impl SegmentTranscoder for TranscoderPool {
    /// For a job that no gateway asked for: the request is made up from it.
    async fn transcode(
        &self,
        job: SegmentJob,
        stop: CancellationToken,
    ) -> Result<Transcoded, TranscodeError> {
        let request = Arc::new(task::request_of(&job));
        self.transcode_for(job, request, stop).await
    }

    fn close(&self, session: &str) {
        let mut state = self.state();
        let Some(id) = state.registry.release(session) else {
            return;
        };
        let is_full = state.registry.get_mut(id).is_some_and(|member| {
            let told = member.queue.try_send(task::teardown(session));
            matches!(told, Err(mpsc::error::TrySendError::Full(_)))
        });
        if is_full {
            state.leave(id, "it does not take its messages");
        }
        drop(state);
        self.made_room();
    }

    fn has_capacity(&self) -> bool {
        self.state().registry.has_room()
    }

    fn view(&self) -> EngineView {
        let running = self.state().tasks.waiting.len();
        EngineView {
            running: u32::try_from(running).unwrap_or(u32::MAX),
            ..EngineView::default()
        }
    }
}
