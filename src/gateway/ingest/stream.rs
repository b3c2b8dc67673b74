//! One stream that comes in: each segment is kept for players, transcoded, recorded and counted.

use std::{
    future::Future,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use jiff::Timestamp;
use tokio::{sync::Semaphore, task::JoinHandle};
use tokio_util::task::TaskTracker;

use super::{
    Shared,
    answer::Answer,
    body::Held,
    keys::{Key, KeyedStream},
    multipart::ending,
    playlist::{Playlists, SOURCE, Turn},
    probe::{Facts, Probed},
};
use crate::{
    gateway::stream::{SegmentDone, SourceFacts, SourceSegment, Stream, StreamError, StreamSettings},
    media::{
        job::Clip,
        ladder::{Container, Profile, VideoCodec},
    },
    view::{
        gateway::Verification,
        ingest::{IngestEvent, Origin, SegmentOutcome, SegmentRecord, StreamTotals, StreamView},
    },
    wire::capability::{SourceCodec, UnsupportedPixelFormat},
};

/// Segments of one stream that are worked on at once; orchestrators queue four.
const IN_FLIGHT: usize = 8;

/// Why a segment has no renditions. The texts travel to whoever pushes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum CarryError {
    /// Nobody takes the stream.
    #[error("No sessions available")]
    NoSessions,
    /// Transcoding failed, for good or as often as it may be tried. Text from outside.
    #[error("{0}")]
    Transcode(String),
    /// Too many segments of the stream are on their way.
    #[error("{IN_FLIGHT} segments of this stream are being transcoded already")]
    Busy,
    /// The stream has ended, or the gateway is stopping.
    #[error("the stream has ended")]
    Ended,
}

impl CarryError {
    /// go-livepeer's code for it, where it has one.
    fn code(&self) -> &'static str {
        match self {
            Self::NoSessions => "NoOrchestrators",
            Self::Transcode(text) if text.starts_with("hit max transcode attempts") => "MaxAttempts",
            Self::Transcode(_) => "NonRetryable",
            Self::Busy => "Busy",
            Self::Ended => "SessionEnded",
        }
    }
}

/// A segment as it came in.
pub(super) struct Segment {
    pub seq: u64,
    pub data: Bytes,
    pub held: Held,
    pub duration: Duration,
    pub container: Container,
    pub probed: Probed,
    pub clip: Option<Clip>,
    pub force_reinit: bool,
    pub arrived: Instant,
}

/// What came of a segment, in the order of the profiles.
pub(super) type Renditions = Vec<(Profile, Bytes)>;

/// How a stream was asked for and admitted.
pub(super) struct Opening {
    /// Its name.
    pub manifest: String,
    /// The name in its address.
    pub external: String,
    pub origin: Origin,
    /// What is wanted of it.
    pub answer: Answer,
    pub keyed: Option<KeyedStream>,
}

/// One stream.
pub(super) struct LiveStream {
    shared: Arc<Shared>,
    manifest: String,
    external: String,
    origin: Origin,
    stream_id: Option<String>,
    session_id: Option<String>,
    keyed: Mutex<Option<KeyedStream>>,
    key_name: Option<String>,
    profiles: Vec<Profile>,
    started: Timestamp,
    /// Who transcodes; none where nothing is to be transcoded, and once the stream has ended.
    stream: Mutex<Option<Stream>>,
    playlists: Mutex<Playlists>,
    facts: Mutex<Option<Facts>>,
    totals: Mutex<StreamTotals>,
    last_used: Mutex<Instant>,
    places: Arc<Semaphore>,
    work: TaskTracker,
    has_ended: AtomicBool,
    ended_at: Mutex<Option<Instant>>,
}

impl LiveStream {
    /// Opens a stream whose first segment has this container and is this. `before` is a stream of the same name that
    /// ended a short while ago: its players go on with this one.
    pub(super) fn open(
        shared: &Arc<Shared>,
        opening: Opening,
        container: Container,
        probed: Probed,
        before: Option<&Self>,
    ) -> Result<Arc<Self>, UnsupportedPixelFormat> {
        let Opening {
            manifest,
            external,
            origin,
            answer,
            keyed,
        } = opening;
        let mut profiles = answer.profiles.unwrap_or_else(|| shared.ladder.clone());
        for profile in &mut profiles {
            profile.format = container;
        }
        let facts = match probed {
            Probed::Pictures(facts) => Some(facts),
            Probed::SoundAlone => None,
        };
        let stream = match profiles.is_empty() {
            true => None,
            false => Some(shared.gateway.open(StreamSettings {
                manifest_id: manifest.clone(),
                profiles: profiles.clone(),
                source: source_facts(facts),
                pushed: origin == Origin::Push,
                verification_frequency: answer.verification_frequency,
                timeout_multiplier: answer.timeout_multiplier,
            })?),
        };
        let tracks = || {
            profiles
                .iter()
                .map(|profile| (profile.name.as_str(), u64::from(profile.bitrate)))
        };
        let playlists = before
            .and_then(|before| before.playlists().resumed(tracks()))
            .unwrap_or_else(|| Playlists::new(tracks()));
        shared.store.open(&manifest);
        shared.tell(IngestEvent::StreamStarted {
            manifest_id: manifest.clone(),
            origin,
            renditions: names(&profiles),
            playlist: playlist_path(&manifest),
        });
        tracing::info!(manifest, ?origin, renditions = profiles.len(), "a stream began");
        shared.metrics.stream_began();
        Ok(Arc::new(Self {
            shared: Arc::clone(shared),
            manifest,
            external,
            origin,
            stream_id: answer.stream_id,
            session_id: answer.session_id,
            key_name: keyed.as_ref().map(|keyed| keyed.key().name.clone()),
            keyed: Mutex::new(keyed),
            profiles,
            started: Timestamp::now(),
            stream: Mutex::new(stream),
            playlists: Mutex::new(playlists),
            facts: Mutex::new(facts),
            totals: Mutex::default(),
            last_used: Mutex::new(Instant::now()),
            places: Arc::new(Semaphore::new(IN_FLIGHT)),
            work: TaskTracker::new(),
            has_ended: AtomicBool::new(false),
            ended_at: Mutex::new(None),
        }))
    }

    pub(super) fn manifest(&self) -> &str {
        &self.manifest
    }

    pub(super) fn external(&self) -> &str {
        &self.external
    }

    pub(super) fn origin(&self) -> Origin {
        self.origin
    }

    pub(super) fn playlists(&self) -> MutexGuard<'_, Playlists> {
        lock(&self.playlists)
    }

    /// Whether the stream came with this key, or with none.
    pub(super) fn belongs_to(&self, key: Option<&Arc<Key>>) -> bool {
        self.key_name.as_deref() == key.map(|key| key.name.as_str())
    }

    /// Notes that somebody sends something.
    pub(super) fn touch(&self) {
        *lock(&self.last_used) = Instant::now();
    }

    /// How long nothing was sent and nothing was worked on.
    pub(super) fn idle(&self) -> Duration {
        match self.work.is_empty() {
            true => lock(&self.last_used).elapsed(),
            false => Duration::ZERO,
        }
    }

    pub(super) fn has_ended(&self) -> bool {
        self.has_ended.load(Ordering::Acquire)
    }

    /// How long ago it ended.
    pub(super) fn ended_for(&self) -> Option<Duration> {
        lock(&self.ended_at).map(|ended| ended.elapsed())
    }

    pub(super) fn totals(&self) -> StreamTotals {
        *lock(&self.totals)
    }

    pub(super) fn view(&self) -> StreamView {
        StreamView {
            manifest_id: self.manifest.clone(),
            pushed_as: (self.external != self.manifest).then(|| self.external.clone()),
            stream_id: self.stream_id.clone(),
            session_id: self.session_id.clone(),
            key: self.key_name.clone(),
            origin: self.origin,
            started: self.started,
            renditions: names(&self.profiles),
            playlist: playlist_path(&self.manifest),
            in_flight: IN_FLIGHT - self.places.available_permits(),
            totals: self.totals(),
        }
    }

    /// Works on a segment to its end, also when whoever sent it does not wait for that.
    pub(super) fn carry(
        self: &Arc<Self>,
        segment: Segment,
    ) -> Result<JoinHandle<Result<Renditions, CarryError>>, CarryError> {
        self.shared.metrics.segment_arrived(segment.duration);
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            self.lose(&segment, &CarryError::Busy);
            return Err(CarryError::Busy);
        };
        // Counted before the end is looked for, so that the end waits for it.
        let token = self.work.token();
        if self.has_ended() {
            return Err(CarryError::Ended);
        }
        self.touch();
        let this = Arc::clone(self);
        Ok(self.shared.running.spawn(async move {
            let (_place, _token) = (place, token);
            let made = this.work_on(segment).await;
            this.touch();
            made
        }))
    }

    async fn work_on(&self, segment: Segment) -> Result<Renditions, CarryError> {
        let Segment {
            seq,
            data,
            held,
            duration,
            container,
            probed,
            clip,
            force_reinit,
            arrived,
        } = segment;
        let _held = held;
        let turn = self.playlists().begin(seq);
        self.shared.metrics.segment_taken();
        let source_bytes = data.len() as u64;
        self.keep(SOURCE, seq, container, &data);
        let is_change = self.notice(probed);
        self.playlists()
            .describe_source(known_size(probed), bandwidth(source_bytes, duration));
        let mut record = SegmentRecord {
            time: Timestamp::UNIX_EPOCH,
            manifest_id: self.manifest.clone(),
            stream_id: self.stream_id.clone(),
            session_id: self.session_id.clone(),
            key: self.key_name.clone(),
            origin: self.origin,
            seq,
            duration_ms: u64::try_from(duration.as_millis()).unwrap_or(u64::MAX),
            source_bytes,
            outcome: SegmentOutcome::Done,
            renditions: Vec::new(),
            rendition_bytes: 0,
            orchestrator: None,
            attempts: Vec::new(),
            verified: Verification::None,
            latency_ms: 0,
            pixels: 0,
            error: None,
        };
        let source = SourceSegment {
            seq,
            data: data.clone(),
            duration,
            clip,
            force_reinit: force_reinit || is_change,
        };
        let made = if self.profiles.is_empty() {
            record.outcome = SegmentOutcome::Kept;
            Ok(Vec::new())
        } else if probed == Probed::SoundAlone {
            record.outcome = SegmentOutcome::Copied;
            Ok(self
                .profiles
                .iter()
                .map(|profile| (profile.clone(), data.clone()))
                .collect())
        } else {
            let ended = self.transcode(source).await;
            if let Some(told) = self.shared.core_records.claim(&self.manifest, seq) {
                record.attempts = told.attempts;
                record.orchestrator = told.orchestrator;
                record.verified = told.verified;
                record.pixels = told.pixels;
            }
            ended.map(|done| done.renditions)
        };
        drop(data);
        match &made {
            Ok(renditions) => {
                for (profile, rendition) in renditions {
                    self.keep(&profile.name, seq, profile.format, rendition);
                    record.rendition_bytes += rendition.len() as u64;
                    record.renditions.push(profile.name.clone());
                }
            }
            Err(error) => {
                record.outcome = SegmentOutcome::Failed;
                record.error = Some(error.to_string());
                tracing::warn!(manifest = self.manifest, seq, %error, "a segment has no renditions");
            }
        }
        if turn == Turn::Listed {
            match container {
                Container::MpegTs => {
                    self.playlists()
                        .finish(seq, duration, made.is_ok(), is_change || force_reinit);
                }
                // No part of a playlist: the segments carry no header of their own that players could share.
                Container::Mp4 => self.playlists().give_up(seq),
            }
        }
        record.latency_ms = u64::try_from(arrived.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.count(record, made.as_ref().err().map(CarryError::code));
        made
    }

    async fn transcode(&self, source: SourceSegment) -> Result<SegmentDone, CarryError> {
        let stream = lock(&self.stream).clone().ok_or(CarryError::Ended)?;
        stream.transcode(source).await.map_err(|error| match error {
            StreamError::NoSessions(_) => CarryError::NoSessions,
            StreamError::Stopped => CarryError::Ended,
            StreamError::Final(_) | StreamError::Exhausted { .. } => CarryError::Transcode(error.to_string()),
        })
    }

    /// Notes what the source is now; true if it was something else before.
    fn notice(&self, probed: Probed) -> bool {
        let Probed::Pictures(now) = probed else {
            return false;
        };
        let mut facts = lock(&self.facts);
        match &*facts {
            Some(before) if before.go_on_with(&now) => false,
            before => {
                let is_change = before.is_some();
                *facts = Some(now);
                is_change
            }
        }
    }

    fn keep(&self, track: &str, seq: u64, container: Container, data: &Bytes) {
        let (ending, _) = ending(container);
        // A stream whose end came first is not kept any more.
        let _ = self
            .shared
            .store
            .save(&self.manifest, track, format!("{seq}.{ending}"), data.clone());
    }

    fn count(&self, mut record: SegmentRecord, code: Option<&'static str>) {
        record.time = Timestamp::now();
        let is_done = record.outcome != SegmentOutcome::Failed;
        let one = StreamTotals {
            segments_done: u64::from(is_done),
            segments_failed: u64::from(!is_done),
            source_bytes: record.source_bytes,
            rendition_bytes: record.rendition_bytes,
            pixels: record.pixels,
        };
        lock(&self.totals).add(one);
        lock(&self.shared.totals).add(one);
        if let Some(keyed) = &*lock(&self.keyed) {
            keyed.key().spend(record.pixels);
        }
        self.shared.metrics.segment_ended(&record, code);
        self.shared.log.write(&record);
    }

    /// Records a segment that was never worked on.
    fn lose(&self, segment: &Segment, error: &CarryError) {
        tracing::warn!(manifest = self.manifest, seq = segment.seq, %error, "a segment is dropped");
        let record = SegmentRecord {
            time: Timestamp::UNIX_EPOCH,
            manifest_id: self.manifest.clone(),
            stream_id: self.stream_id.clone(),
            session_id: self.session_id.clone(),
            key: self.key_name.clone(),
            origin: self.origin,
            seq: segment.seq,
            duration_ms: u64::try_from(segment.duration.as_millis()).unwrap_or(u64::MAX),
            source_bytes: segment.data.len() as u64,
            outcome: SegmentOutcome::Failed,
            renditions: Vec::new(),
            rendition_bytes: 0,
            orchestrator: None,
            attempts: Vec::new(),
            verified: Verification::None,
            latency_ms: 0,
            pixels: 0,
            error: Some(error.to_string()),
        };
        self.count(record, Some(error.code()));
    }

    /// Gives up what is being worked on.
    pub(super) fn cut_short(&self) -> Option<impl Future<Output = ()> + Send + use<>> {
        let stream = lock(&self.stream).take()?;
        Some(stream.close())
    }

    /// Takes no more segments, waits for those being worked on and gives the sessions back. Only the first call does
    /// anything; the future it gives back does the waiting.
    pub(super) fn end(self: &Arc<Self>, reason: &str) -> Option<impl Future<Output = ()> + Send + use<>> {
        if self.has_ended.swap(true, Ordering::AcqRel) {
            return None;
        }
        self.work.close();
        let this = Arc::clone(self);
        let reason = reason.to_string();
        Some(async move {
            this.work.wait().await;
            this.playlists().end();
            drop(lock(&this.keyed).take());
            *lock(&this.ended_at) = Some(Instant::now());
            let totals = this.totals();
            tracing::info!(
                manifest = this.manifest,
                reason,
                segments_done = totals.segments_done,
                "a stream ended"
            );
            this.shared.metrics.stream_ended(&this.manifest);
            this.shared.tell(IngestEvent::StreamEnded {
                manifest_id: this.manifest.clone(),
                origin: this.origin,
                reason,
                totals,
            });
            let stream = lock(&this.stream).take();
            if let Some(stream) = stream {
                stream.close().await;
            }
        })
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that is kept under these locks can be left half-changed.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn names(profiles: &[Profile]) -> Vec<String> {
    profiles.iter().map(|profile| profile.name.clone()).collect()
}

fn playlist_path(manifest: &str) -> String {
    format!("/stream/{}.m3u8", crate::node::http::escape(manifest))
}

fn known_size(probed: Probed) -> Option<crate::media::size::Size> {
    match probed {
        Probed::Pictures(facts) => facts.size,
        Probed::SoundAlone => None,
    }
}

/// Bits a second.
fn bandwidth(bytes: u64, duration: Duration) -> u64 {
    let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).max(1);
    bytes.saturating_mul(8000) / millis
}

fn source_facts(facts: Option<Facts>) -> SourceFacts {
    SourceFacts {
        codec: match facts.map(|facts| facts.codec) {
            Some(VideoCodec::H265) => SourceCodec::Hevc,
            Some(VideoCodec::Vp8) => SourceCodec::Vp8,
            Some(VideoCodec::Vp9) => SourceCodec::Vp9,
            Some(VideoCodec::H264) | None => SourceCodec::H264,
        },
        pixel_format: facts.map(|facts| facts.pixel_format()).unwrap_or_default(),
        size: facts.and_then(|facts| facts.size),
    }
}
