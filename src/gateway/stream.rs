//! A gateway and its streams: each segment goes to an orchestrator that can be trusted to be quick, to another one
//! when that fails, and its renditions come back fetched and checked (`go-livepeer server/broadcast.go`).

use std::{
    collections::HashSet,
    fmt,
    sync::{Arc, Mutex as SyncMutex, PoisonError, Weak},
    time::{Duration, Instant},
};

use alloy::primitives::Address;
use bytes::Bytes;
use reqwest::Client;
use tempfile::TempDir;
use tokio::{
    sync::{Semaphore, mpsc},
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    discovery::{Discovery, Nobody},
    download::DOWNLOAD_LIMIT,
    orchestrator::Orchestrator,
    payment::Purse,
    roster::{Retired, Roster, Selection, Tried, Weights},
    tools::Tools,
    verify::Severity,
};
use crate::{
    media::{job::Clip, ladder::Profile, size::Size},
    payments::TicketSender,
    view::gateway::{AttemptRecord, OrchestratorView, PaymentsView, SegmentRecord},
    wire::{
        capability::{self, CapabilitySet, Job, SourceCodec, UnsupportedPixelFormat, job_capabilities},
        client::{self, ConnectError},
        net,
        signature::MessageSigner,
    },
};

mod attempt;
mod compare;
mod look;
mod overview;
mod sessions;

pub use attempt::{AttemptError, Checked, Fault};

use attempt::Best;
use look::look_at;

/// Pause before a segment is tried again where there is no other orchestrator; doubled for each further time.
const PAUSE: Duration = Duration::from_millis(250);
/// Longest pause before orchestrators are asked again when there was nobody.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// How long giving the sessions back may take at the end.
const FAREWELL: Duration = Duration::from_secs(5);

/// What a gateway works with.
pub struct GatewaySettings {
    /// Where orchestrators come from.
    pub discovery: Discovery,
    /// Who sends.
    pub signer: Arc<dyn MessageSigner>,
    /// How many times one segment is tried at most.
    pub max_attempts: u32,
    /// How long a segment waits for somebody to come back when all orchestrators of its stream are gone.
    pub patience: Duration,
    /// How results are checked.
    pub verification: VerificationPolicy,
    /// Who is chosen among those not tried yet.
    pub selection: Selection,
    /// Who pays orchestrators that want tickets; without it they get none.
    pub payment: Option<TicketSender>,
    /// Accounts not to work with.
    pub blocked: HashSet<Address>,
    /// How many of the further addresses an orchestrator names are asked as well.
    pub extra_nodes: usize,
    /// The oldest version of an orchestrator that will do, like `0.8.0`; empty for any.
    pub minimum_version: String,
    /// Where a record of each segment goes, whatever became of it; dropped when nobody keeps up.
    pub records: Option<mpsc::Sender<SegmentRecord>>,
}

impl GatewaySettings {
    /// Three attempts, five seconds for somebody to come back, signatures checked where there are accounts, any price and
    /// any version. Those found on the chain are chosen by stake and chance, others by their first answer.
    #[must_use]
    pub fn new(discovery: Discovery, signer: Arc<dyn MessageSigner>) -> Self {
        let selection = Selection {
            weights: discovery.is_on_chain().then(Weights::default),
            max_price: None,
        };
        Self {
            discovery,
            signer,
            max_attempts: 3,
            patience: Duration::from_secs(5),
            verification: VerificationPolicy::Signatures,
            selection,
            payment: None,
            blocked: HashSet::new(),
            extra_nodes: 0,
            minimum_version: String::new(),
            records: None,
        }
    }
}

/// How results are checked.
#[derive(Debug, Clone, Default)]
pub enum VerificationPolicy {
    /// Not at all.
    Off,
    /// The orchestrator's signature, where it names an account.
    #[default]
    Signatures,
    /// The signature, and every rendition decoded and compared with what was reported.
    Full(Tools),
}

/// The sending side of the network: opens streams. Cheap to clone.
#[derive(Clone)]
pub struct Gateway(Arc<Core>);

struct Core {
    settings: GatewaySettings,
    upload: Client,
    fetch: Client,
    checking: Semaphore,
    /// What orchestrators are paid from.
    purse: Option<Purse>,
    /// Where renditions lie while they are decoded.
    checks: Option<TempDir>,
    streams: SyncMutex<Vec<Weak<Shared>>>,
    /// Who gave no offer when asked last, and why, by address.
    refusals: SyncMutex<overview::Refusals>,
}

/// Why there is no gateway.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// Its HTTP clients cannot be made.
    #[error(transparent)]
    Client(#[from] ConnectError),
    /// Renditions cannot be kept while they are checked.
    #[error("renditions cannot be kept for checking")]
    Folder(#[source] std::io::Error),
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway")
            .field("discovery", &self.0.settings.discovery)
            .finish_non_exhaustive()
    }
}

/// What a stream is and what is to be made of it.
#[derive(Debug, Clone)]
pub struct StreamSettings {
    /// Its name, as orchestrators see it.
    pub manifest_id: String,
    /// What to make of it; names must not be empty.
    pub profiles: Vec<Profile>,
    /// What its segments hold.
    pub source: SourceFacts,
    /// Whether its segments are pushed over HTTP and carry clip parameters; those of an RTMP stream do not.
    pub pushed: bool,
    /// Fast verification, 0 for none: perceptual hashes are asked for with every segment. Under
    /// [`VerificationPolicy::Full`], and with trusted orchestrators and strangers to choose from, on average one of so
    /// many segments is made by one of the former and two of the latter, and the strangers' pictures compared.
    pub verification_frequency: u32,
    /// How many times longer than usual a segment may take; 0 and 1 are the same.
    pub timeout_multiplier: u32,
}

/// What is known of a source before its segments are looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceFacts {
    /// Its video codec.
    pub codec: SourceCodec,
    /// ffmpeg's name of its pixel format; empty if it is not known.
    pub pixel_format: String,
    /// Size of its picture, for segments that do not tell.
    pub size: Option<Size>,
}

/// A segment to be transcoded: MPEG-TS or MP4.
#[derive(Debug, Clone)]
pub struct SourceSegment {
    /// Its number in the stream.
    pub seq: u64,
    /// All of it.
    pub data: Bytes,
    /// How long it plays.
    pub duration: Duration,
    /// Part of it to keep; only in a pushed stream.
    pub clip: Option<Clip>,
    /// Whether decoders should start anew, since codec, pixel format or size changed.
    pub force_reinit: bool,
}

/// A segment with its renditions.
#[derive(Debug, Clone)]
pub struct SegmentDone {
    /// One for each profile, in the order of the profiles.
    pub renditions: Vec<(Profile, Bytes)>,
    /// How many times it was tried; none if it holds no pictures and stands for its own renditions.
    pub attempts: u32,
    /// Who made them, by the address for segments; none if nobody had to.
    pub orchestrator: Option<String>,
    /// From the segment's last departure to its answer.
    pub latency: Duration,
    /// Encoded pixels, as the orchestrator reports them.
    pub pixels: u64,
    /// What was found out about each rendition, and what is wrong with them.
    pub checked: Checked,
}

/// Why a segment has no renditions. `Display` is what push clients are told.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// Nobody gives a session.
    #[error("No sessions available")]
    NoSessions(#[source] Arc<Nobody>),
    /// The segment is at fault: everybody would say the same. Text from outside.
    #[error("{0}")]
    Final(String),
    /// Nobody managed it.
    #[error("hit max transcode attempts: {last}")]
    Exhausted {
        /// Why the last one did not. Text from outside possible.
        last: Box<AttemptError>,
    },
    /// The stream was closed.
    #[error("the stream was closed")]
    Stopped,
}

/// What happens to a segment on its way.
#[derive(Debug)]
pub(super) enum Progress<'a> {
    /// A session is used for the first time.
    Session(&'a str),
    /// It is tried, for the first time or again, since the time before this went wrong.
    Attempt { since: Option<&'a AttemptError> },
    /// So many bytes of it may have left.
    Bytes(u64),
    /// There was a word from an orchestrator.
    Heard,
    /// It was answered with renditions.
    Answered { latency: Duration },
    /// Its renditions are here and about to be checked.
    Arrived,
}

/// Told of what happens to a segment.
pub(super) type Observer<'a> = &'a (dyn Fn(Progress<'_>) + Send + Sync);

/// A running stream. Cheap to clone; segments may be sent at the same time.
#[derive(Clone)]
pub struct Stream(Arc<Shared>);

struct Shared {
    core: Arc<Core>,
    settings: StreamSettings,
    job: net::Capabilities,
    roster: SyncMutex<Roster>,
    /// Held while orchestrators are asked for sessions; why there was none the last time.
    asking: tokio::sync::Mutex<Option<Arc<Nobody>>>,
    /// Held while a session is replaced, so that it is done once for all segments that wait for it.
    renewing: tokio::sync::Mutex<()>,
    stop: CancellationToken,
    /// Ids of the sessions that were used, oldest first, for the observer.
    used: SyncMutex<Vec<String>>,
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream")
            .field("settings", &self.0.settings)
            .finish_non_exhaustive()
    }
}

impl Gateway {
    /// A gateway without streams.
    ///
    /// # Errors
    /// [`GatewayError`]; nothing was asked of anybody.
    pub fn new(settings: GatewaySettings) -> Result<Self, GatewayError> {
        let checks = match settings.verification {
            VerificationPolicy::Full(_) => {
                let folder = tempfile::Builder::new().prefix("lpctl-check-").tempdir();
                Some(folder.map_err(GatewayError::Folder)?)
            }
            VerificationPolicy::Off | VerificationPolicy::Signatures => None,
        };
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Ok(Self(Arc::new(Core {
            upload: client::segment_client()?,
            fetch: client::download_client(DOWNLOAD_LIMIT)?,
            checking: Semaphore::new(processors),
            purse: settings.payment.clone().map(Purse::new),
            checks,
            streams: SyncMutex::default(),
            refusals: SyncMutex::default(),
            settings,
        })))
    }

    /// A stream without sessions; they are asked for when the first segment comes, or by [`Stream::prepare`].
    ///
    /// # Errors
    /// [`UnsupportedPixelFormat`] if no transcoder can be asked to decode the source.
    pub fn open(&self, settings: StreamSettings) -> Result<Stream, UnsupportedPixelFormat> {
        let job: CapabilitySet = job_capabilities(&Job {
            source: settings.source.codec,
            pixel_format: &settings.source.pixel_format,
            profiles: &settings.profiles,
            is_pushed: settings.pushed,
            verifies_by_hash: settings.verification_frequency > 0,
        })?;
        let core = Arc::clone(&self.0);
        let shared = Arc::new(Shared {
            job: capability::job_message(&job, &core.settings.minimum_version),
            roster: SyncMutex::new(Roster::new(core.settings.selection)),
            asking: tokio::sync::Mutex::default(),
            renewing: tokio::sync::Mutex::default(),
            stop: CancellationToken::new(),
            used: SyncMutex::default(),
            settings,
            core,
        });
        let mut streams = self.0.streams.lock().unwrap_or_else(PoisonError::into_inner);
        streams.retain(|stream| stream.strong_count() > 0);
        streams.push(Arc::downgrade(&shared));
        Ok(Stream(shared))
    }

    /// The most it pays, in wei for a pixel; none: any price.
    pub(crate) fn max_price(&self) -> Option<super::price::Price> {
        self.0.settings.selection.max_price
    }

    /// All orchestrators that are known, by address: those a stream has a session with and those that could be asked.
    #[must_use]
    pub fn orchestrators(&self) -> Vec<OrchestratorView> {
        overview::orchestrators(&self.0)
    }

    /// What was paid since it began, session by session; none if it does not pay.
    #[must_use]
    pub fn payments(&self) -> Option<PaymentsView> {
        self.0.purse.as_ref().map(Purse::view)
    }
}

impl Stream {
    /// Asks for sessions before there is a segment.
    ///
    /// # Errors
    /// [`Nobody`] if there is not one; segments may be sent nevertheless.
    pub async fn prepare(&self) -> Result<(), Arc<Nobody>> {
        match self.0.refresh(None).await {
            Some(nobody) => Err(nobody),
            None => Ok(()),
        }
    }

    /// Has a segment transcoded.
    ///
    /// # Errors
    /// [`StreamError`], once there is nothing left to try.
    pub async fn transcode(&self, segment: SourceSegment) -> Result<SegmentDone, StreamError> {
        self.transcode_observed(segment, &|_| {}).await
    }

    /// As [`Self::transcode`], telling what happens on the way.
    pub(super) async fn transcode_observed(
        &self,
        segment: SourceSegment,
        observer: Observer<'_>,
    ) -> Result<SegmentDone, StreamError> {
        let start = Instant::now();
        let mut log = Vec::new();
        let facts = (segment.seq, segment.duration, segment.data.len() as u64);
        let ended = tokio::select! {
            // A stream that is closed takes nothing on.
            biased;
            () = self.0.stop.cancelled() => Err(StreamError::Stopped),
            ended = self.0.carry(&segment, observer, &mut log) => ended,
        };
        self.0.record(facts, start.elapsed(), log, &ended);
        ended
    }

    /// Ends the stream: segments on their way are given up, and the sessions given back.
    pub async fn close(self) {
        self.0.stop.cancel();
        let retired = self.0.roster().disband();
        let core = &self.0.core;
        let farewells = retired.into_iter().map(|retired| give_back(core, retired));
        // Those who are not told end the sessions by themselves.
        let _ = timeout(FAREWELL, futures_util::future::join_all(farewells)).await;
    }

    /// Accounts whose signatures count, the one of the last segment first.
    #[must_use]
    pub fn accounts(&self) -> Vec<Address> {
        self.0.roster().accounts()
    }

    /// Ids of the sessions that were used so far, oldest first, at most a thousand. Text from outside.
    #[must_use]
    pub fn sessions(&self) -> Vec<String> {
        self.0.used.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Ends one session.
async fn give_back(core: &Core, retired: Retired) {
    let orchestrator = Orchestrator::new(retired.uri, Arc::clone(&core.settings.signer));
    if let Err(error) = orchestrator.end(retired.token).await {
        tracing::debug!(%error, "a session was not given back");
    }
}

/// Pauses while nobody is there.
struct Absence {
    left: Duration,
    pause: Duration,
}

impl Absence {
    fn new(patience: Duration) -> Self {
        Self {
            left: patience,
            pause: 2 * PAUSE,
        }
    }

    fn next_pause(&mut self) -> Option<Duration> {
        let pause = self.pause;
        self.left = self.left.checked_sub(pause)?;
        self.pause = (2 * pause).min(LONGEST_PAUSE);
        Some(pause)
    }
}

impl Shared {
    fn roster(&self) -> std::sync::MutexGuard<'_, Roster> {
        self.roster.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tries until there is a result, or trying again makes no sense.
    async fn carry(
        self: &Arc<Self>,
        segment: &SourceSegment,
        observer: Observer<'_>,
        log: &mut Vec<AttemptRecord>,
    ) -> Result<SegmentDone, StreamError> {
        let look = look_at(segment.data.clone()).await;
        if look.has_no_pictures {
            return Ok(self.stand_in(segment));
        }
        if let Some(done) = self.compare(segment, &look, observer, log).await {
            return Ok(done);
        }
        let most = self.core.settings.max_attempts.max(1);
        let mut tried = Tried::default();
        let mut best: Option<Best> = None;
        let mut last: Option<AttemptError> = None;
        let mut pause = PAUSE;
        let mut absence = Absence::new(self.patience());
        let mut number = 0;
        while number < most {
            let assignment = match self.assign(segment.duration, &mut tried).await {
                Ok(assignment) => assignment,
                // All there are had it, and would only say the same again.
                Err(_) if best.is_some() || (last.is_some() && !self.roster().is_empty()) => break,
                Err(nobody) => {
                    observer(Progress::Attempt { since: last.as_ref() });
                    log.push(AttemptRecord {
                        failure: Some(nobody.to_string()),
                        ..AttemptRecord::default()
                    });
                    if !matches!(&last, Some(error) if !error.is_nobody()) {
                        last = Some(AttemptError::Nobody(nobody));
                    }
                    match absence.next_pause() {
                        Some(pause) => sleep(pause).await,
                        None => break,
                    }
                    continue;
                }
            };
            number += 1;
            if assignment.is_again {
                sleep(pause).await;
                pause *= 2;
            }
            self.note_session(&assignment.session.token.session_id, observer);
            observer(Progress::Attempt { since: last.as_ref() });
            let (attempt, record) = self.attempt(&assignment, segment, &look, observer).await;
            log.push(record);
            let error = match attempt {
                Ok(made) => match made.severity {
                    None => return Ok(made.done(number)),
                    // Nothing can be played of it: no result is as good.
                    Some(Severity::Useless) => made.error(),
                    Some(_) => {
                        let error = made.error();
                        if best.as_ref().is_none_or(|best| made.severity < best.severity) {
                            best = Some(made);
                        }
                        error
                    }
                },
                Err(error) => error,
            };
            if error.is_final() {
                return Err(StreamError::Final(error.to_string()));
            }
            if error.is_own_fault() {
                last = Some(error);
                break;
            }
            tried.note(&assignment.session.transcoder, error.may_be_tried_again());
            last = Some(error);
        }
        match (best, last) {
            (Some(best), _) => Ok(best.done(u32::try_from(log.len()).unwrap_or(most))),
            (None, Some(AttemptError::Nobody(nobody))) => Err(StreamError::NoSessions(nobody)),
            (None, Some(last)) => Err(StreamError::Exhausted { last: Box::new(last) }),
            (None, None) => Err(StreamError::Stopped),
        }
    }

    /// How long somebody may be away: a restart should not cost a segment. Where there never was anybody, not at all.
    fn patience(&self) -> Duration {
        let used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        match used.is_empty() {
            true => Duration::ZERO,
            false => self.core.settings.patience,
        }
    }

    /// A segment without pictures is its own rendition, for every profile.
    fn stand_in(&self, segment: &SourceSegment) -> SegmentDone {
        let profiles = self.settings.profiles.iter();
        SegmentDone {
            renditions: profiles
                .map(|profile| (profile.clone(), segment.data.clone()))
                .collect(),
            attempts: 0,
            orchestrator: None,
            latency: Duration::ZERO,
            pixels: 0,
            checked: Checked::default(),
        }
    }
}
