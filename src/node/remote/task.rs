//! One task: from the orchestrator's message to what is handed in (`go-livepeer server/ot_rpc.go`, `runTranscode`).

use std::{
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, Instant},
};

use alloy::primitives::keccak256;
use futures_util::FutureExt;
use tokio::time::timeout_at;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::{
    Remote,
    download::DownloadError,
    results::{PostError, TaskResult},
};
use crate::{
    media::{
        arrival::Source,
        job::{Clip, SegmentJob, TranscodeError, Transcoded},
        ladder::Profile,
    },
    node::{
        credentials::{clip, rungs},
        metrics,
        segment::rung_made,
        session::{Made, NoPlace, Opener, Place, shortened},
        work::Outcome,
    },
    view::node::SegmentTiming,
    way,
    wire::{
        capability, net,
        segment::{self, ProfileError},
    },
};

/// Segments of one session at once: one being worked on, four waiting (`go-livepeer core/lb.go`).
const DEPTH: usize = 5;
/// The least time an orchestrator waits for a result; it waits four times the playing time otherwise
/// (`go-livepeer core/orchestrator.go`).
const LEAST_PATIENCE: Duration = Duration::from_secs(8);
/// Longest session id that is taken as it is.
const SESSION_ID: usize = 64;

/// Why a task came to nothing. `Display` is what the orchestrator is told, and it the gateway.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("empty seg data")]
    NoSegment,
    #[error(transparent)]
    Profile(#[from] ProfileError),
    #[error("incompatible segment capabilities")]
    Incompatible,
    #[error("TranscoderBusy")]
    Busy,
    #[error(transparent)]
    Download(#[from] DownloadError),
    #[error("TranscoderStopped")]
    Stopped,
    #[error("TranscoderTimeout")]
    TimedOut,
    #[error(transparent)]
    Transcode(TranscodeError),
    #[error("TranscoderFailed: internal error")]
    Ours,
}

impl Failure {
    /// Stable name of what was at fault.
    fn reason(&self) -> &'static str {
        match self {
            Self::NoSegment | Self::Profile(_) | Self::Incompatible => "request",
            Self::Busy => "late",
            Self::Download(_) => "download",
            Self::Stopped => "stopped",
            Self::TimedOut => "timeout",
            Self::Transcode(error) => metrics::of_transcode(error),
            Self::Ours => "ours",
        }
    }
}

impl From<TranscodeError> for Failure {
    fn from(error: TranscodeError) -> Self {
        match error {
            // The orchestrator is somebody else.
            TranscodeError::Busy => Self::Busy,
            TranscodeError::Stopped => Self::Stopped,
            error => Self::Transcode(error),
        }
    }
}

/// A task that can be worked on.
struct Order {
    session: String,
    manifest_id: String,
    seq: u64,
    url: String,
    duration: Duration,
    profiles: Vec<Profile>,
    perceptual_hash: bool,
    clip: Option<Clip>,
    orchestrator: String,
    /// What the session has ready is of no use any more.
    begins_anew: bool,
}

impl Order {
    /// Reads a task, in the order in which go-livepeer finds fault with it.
    fn read(task: net::NotifySegment, own: &net::Capabilities) -> Result<Self, Failure> {
        let id = task.task_id;
        let segment = task.seg_data.ok_or(Failure::NoSegment)?;
        let profiles = segment::to_profiles(&segment)?;
        let duration = segment::duration_of(&segment)?;
        if let Err(reason) = capability::compatible(segment.capabilities.as_ref(), own) {
            tracing::warn!(task = id, %reason, "a task asks for what this transcoder does not do");
            return Err(Failure::Incompatible);
        }
        let session = segment.auth_token.map(|token| token.session_id);
        let manifest_id = String::from_utf8_lossy(&segment.manifest_id).into_owned();
        Ok(Self {
            session: session_name(
                session
                    .filter(|id| !id.is_empty())
                    .as_ref()
                    .unwrap_or(&manifest_id),
            ),
            manifest_id,
            seq: segment.seq.unsigned_abs(),
            url: task.url,
            duration,
            profiles,
            perceptual_hash: segment.calc_perceptual_hash,
            clip: segment.segment_parameters.and_then(clip),
            orchestrator: orchestrator_name(&task.orch_id),
            begins_anew: segment.force_session_reinit,
        })
    }
}

/// A session's id as files and processes may be named after it.
fn session_name(id: &str) -> String {
    let is_plain = (1..=SESSION_ID).contains(&id.len())
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    match is_plain {
        true => id.to_string(),
        false => hex::encode(&keccak256(id.as_bytes())[..8]),
    }
}

/// The account named in the renditions' metadata: text from outside that ends in a file.
fn orchestrator_name(id: &str) -> String {
    let is_plain = id.len() <= 42 && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    match is_plain && !id.is_empty() {
        true => id.to_string(),
        false => "offchain".to_string(),
    }
}

/// How long an orchestrator waits for the result of a segment that plays so long.
fn patience(segment: Option<&net::SegData>) -> Duration {
    let playing = segment.and_then(|segment| segment::duration_of(segment).ok());
    playing.unwrap_or_default().saturating_mul(4).max(LEAST_PATIENCE)
}

/// What a task needs to be kept in the books.
struct Books {
    since: Instant,
    /// From when the segment was here.
    here: Option<Instant>,
    duration: Duration,
    bytes: u64,
}

/// The segment a task is about, as its orchestrator's log names it.
fn span(task: &net::NotifySegment) -> tracing::Span {
    let span = way::arriving();
    if let Some(segment) = &task.seg_data {
        let session = segment.auth_token.as_ref().map(|token| token.session_id.as_str());
        let manifest = String::from_utf8_lossy(&segment.manifest_id);
        let session = session.filter(|id| !id.is_empty()).unwrap_or(&manifest);
        way::name(&span, session, segment.seq.unsigned_abs(), &manifest);
    }
    span
}

impl Remote {
    /// Takes a message of the stream: a task, or the end of a session.
    pub(super) fn take(self: &Arc<Self>, task: net::NotifySegment) {
        let token = task
            .seg_data
            .as_ref()
            .and_then(|segment| segment.auth_token.as_ref());
        let session = token.map_or("", |token| token.session_id.as_str());
        // The number says nothing: it counts from zero, and zero is not sent.
        if task.url.is_empty() {
            match session {
                "" => tracing::warn!("the orchestrator sent a task without a segment"),
                id => {
                    tracing::debug!(session = shortened(id), "the orchestrator ended a session");
                    self.sessions.end(&session_name(id));
                }
            }
            return;
        }
        let since = Instant::now();
        let until = since + patience(task.seg_data.as_ref());
        let most = usize::try_from(*self.capacity.borrow()).unwrap_or(usize::MAX);
        if self.running.len() < most.saturating_mul(DEPTH) {
            let remote = Arc::clone(self);
            let span = span(&task);
            // The task is counted from here on: draining waits for it.
            self.running
                .spawn(async move { remote.see_to(task, since, until).await }.instrument(span));
        } else if let Ok(place) = Arc::clone(&self.refusals).try_acquire_owned() {
            let (remote, id) = (Arc::clone(self), task.task_id);
            tracing::warn!(task = id, "refused a task: there are as many as may be");
            self.running.spawn(async move {
                remote
                    .hand_in(id, &TaskResult::Failed(Failure::Busy.to_string()), until)
                    .await;
                drop(place);
            });
        } else {
            tracing::error!(
                task = task.task_id,
                "dropped a task: the orchestrator sends far more than it may"
            );
        }
        self.tell();
    }

    async fn see_to(self: Arc<Self>, task: net::NotifySegment, since: Instant, until: Instant) {
        let id = task.task_id;
        let mut books = Books {
            since,
            here: None,
            duration: Duration::ZERO,
            bytes: 0,
        };
        let (place, made) = match Order::read(task, &self.capabilities) {
            Err(failure) => (None, Err(failure)),
            Ok(order) => {
                books.duration = order.duration;
                self.metrics.segment_arrived(order.duration);
                self.carry_out(order, &mut books, until).await
            }
        };
        let seen = made.as_ref().ok().map(|(profiles, made)| Made {
            rungs: profiles
                .iter()
                .zip(&made.renditions)
                .map(|(profile, rendition)| rung_made(profile, rendition))
                .collect(),
            source: Some((made.source_width, made.source_height)),
            device: made.target.to_string(),
        });
        let elapsed = made.as_ref().ok().map(|(_, made)| made.elapsed);
        let reason = made.as_ref().err().map(Failure::reason);
        let profiles = made
            .as_ref()
            .map_or_else(|_| Vec::new(), |(profiles, _)| profiles.clone());
        let result = match made {
            Ok((profiles, made)) => {
                let pictures = u64::from(made.source_width) * u64::from(made.source_height);
                TaskResult::made(
                    made.decoded_frames.saturating_mul(pictures),
                    &profiles,
                    made.renditions,
                )
            }
            Err(failure) => TaskResult::Failed(failure.to_string()),
        };
        let leaving = Instant::now();
        let handing = self.hand_in(id, &result, until).instrument(way::answering());
        let is_handed_in = handing.await;
        if is_handed_in && reason.is_none() {
            self.metrics.handed_in(leaving.elapsed());
        }
        let error = match &result {
            TaskResult::Failed(text) => Some(text.clone()),
            TaskResult::Made { .. } if !is_handed_in => Some("the result was not handed in".to_string()),
            TaskResult::Made { .. } => None,
        };
        let outcome = books.close(&result, elapsed, error.is_none());
        match &error {
            None => tracing::info!(task = id, total_ms = outcome.timing.total_ms, "handed in a task"),
            Some(error) => tracing::warn!(task = id, error, "a task failed"),
        }
        if let Some((place, seq)) = place {
            let outcome = Outcome {
                timing: SegmentTiming {
                    seq,
                    ..outcome.timing
                },
                ..outcome
            };
            place.record(&outcome, seen, error.as_deref());
            // A session of which no segment was ever here is none.
            match books.here {
                Some(_) => drop(place),
                None => self.sessions.withdraw(place),
            }
        }
        let reason = reason.or((!is_handed_in).then_some("lost"));
        self.metrics.segment_ended(&outcome, &profiles, reason);
        self.work().record(&outcome);
        self.tell();
    }

    /// Fetches the segment and transcodes it, within the time the orchestrator waits.
    async fn carry_out(
        &self,
        order: Order,
        books: &mut Books,
        until: Instant,
    ) -> (Option<(Place, u64)>, Result<(Vec<Profile>, Transcoded), Failure>) {
        let opener = Opener {
            manifest_id: order.manifest_id.clone(),
            gateway: None,
            rungs: rungs(order.profiles.iter()),
            playing: order.duration,
            outlet: None,
        };
        let place = match self.sessions.enter(&order.session, &opener) {
            Ok(place) => place,
            Err(NoPlace::Busy | NoPlace::Late | NoPlace::Capped) => return (None, Err(Failure::Busy)),
        };
        let seq = order.seq;
        let stop = place.stop().child_token();
        let made = {
            let encoding = self.encode(&place, order, books, stop.clone());
            let mut encoding = Box::pin(AssertUnwindSafe(encoding).catch_unwind());
            let in_time = timeout_at(until.into(), &mut encoding).await;
            match in_time {
                Ok(ended) => ended.unwrap_or(Err(Failure::Ours)),
                Err(_) => {
                    // Nobody waits for it any more; the transcoder cleans up behind it.
                    stop.cancel();
                    match encoding.await {
                        Ok(Ok(made)) => Ok(made),
                        _ => Err(Failure::TimedOut),
                    }
                }
            }
        };
        (Some((place, seq)), made)
    }

    async fn encode(
        &self,
        place: &Place,
        order: Order,
        books: &mut Books,
        stop: CancellationToken,
    ) -> Result<(Vec<Profile>, Transcoded), Failure> {
        let download = tokio::select! {
            download = self.downloader.fetch(&order.url).instrument(way::receiving()) => download?,
            () = stop.cancelled() => return Err(Failure::Stopped),
        };
        books.here = Some(Instant::now());
        self.metrics.segment_received(books.since.elapsed());
        books.bytes = download.data.len() as u64;
        let source = Source::from(download.data.clone());
        place.confirm(rungs(order.profiles.iter()));
        let turn = tokio::select! {
            turn = place.turn(&source).instrument(way::waiting()) => turn.ok_or(Failure::Stopped)?,
            () = stop.cancelled() => return Err(Failure::Stopped),
        };
        if order.begins_anew {
            self.transcoder.close(&order.session);
        }
        let job = SegmentJob {
            session: order.session,
            seq: order.seq,
            source,
            duration: order.duration,
            profiles: order.profiles.clone(),
            perceptual_hash: order.perceptual_hash,
            clip: order.clip,
            orchestrator: order.orchestrator,
        };
        let made = self
            .transcoder
            .transcode(job, stop)
            .instrument(way::transcoding())
            .await;
        drop(turn);
        Ok((order.profiles, made?))
    }

    /// Hands a result in; false if the orchestrator does not have it.
    async fn hand_in(&self, task: i64, result: &TaskResult, until: Instant) -> bool {
        let posted = tokio::select! {
            posted = self.results.post(task, result, until.into()) => posted,
            () = self.hard_stop.cancelled() => Err(PostError::Lost("this transcoder ended at once".to_string())),
        };
        let Err(error) = posted else { return true };
        let text = match &error {
            PostError::Refused { status, text } => {
                format!("a result was refused: {status} {}", shortened(text))
            }
            PostError::Lost(_) => error.to_string(),
        };
        tracing::error!(task, error = text, "a result was not handed in");
        let mut link = self.link();
        link.results_lost += 1;
        link.last_error = Some(text);
        false
    }
}

impl Books {
    /// What became of the task.
    fn close(&self, result: &TaskResult, elapsed: Option<Duration>, ok: bool) -> Outcome {
        let total = self.since.elapsed();
        let upload = self.here.map_or(total, |here| here - self.since);
        let transcoded = elapsed.unwrap_or_default();
        let after = total.saturating_sub(upload);
        let (renditions, pixels) = match result {
            TaskResult::Made { renditions, .. } => (
                renditions.len() as u64,
                renditions.iter().map(|(_, rendition)| rendition.pixels()).sum(),
            ),
            TaskResult::Failed(_) => (0, 0),
        };
        Outcome {
            timing: SegmentTiming {
                seq: 0,
                duration_ms: millis(self.duration),
                upload_ms: millis(upload),
                wait_ms: millis(after.saturating_sub(transcoded)),
                transcode_ms: millis(transcoded.min(after)),
                total_ms: millis(total),
                ok,
            },
            renditions,
            pixels,
            bytes_in: self.bytes,
        }
    }
}

fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_from_outside_stay_names() {
        assert_eq!(session_name("deadbeef"), "deadbeef");
        for odd in ["", "../../etc", "a b", &"x".repeat(65), "a/b", "ü"] {
            let name = session_name(odd);
            assert!(
                name.len() == 16 && name.bytes().all(|byte| byte.is_ascii_hexdigit()),
                "{name}"
            );
        }
        assert_ne!(session_name("a b"), session_name("a c"));
        assert_eq!(orchestrator_name("offchain"), "offchain");
        let account = "0x2c7536E3605D9C16a7a3D7b1898e529396a65c23";
        assert_eq!(orchestrator_name(account), account);
        assert_eq!(orchestrator_name("x\" -vf evil"), "offchain");
    }

    #[test]
    fn an_orchestrator_waits_four_times_the_playing_time_but_eight_seconds() {
        let of = |duration| {
            let segment = net::SegData {
                duration,
                ..net::SegData::default()
            };
            patience(Some(&segment)).as_millis()
        };
        assert_eq!(
            [of(0), of(1000), of(2001), of(10_000)],
            [8000, 8000, 8004, 40_000]
        );
        assert_eq!(patience(None), LEAST_PATIENCE);
    }
}
