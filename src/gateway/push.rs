//! A whole file through one orchestrator: cut, sent, fetched and checked, several segments at a time.

use std::{
    collections::HashSet,
    io,
    path::PathBuf,
    sync::{Arc, Mutex as SyncMutex},
    time::{Duration, Instant},
};

use tokio::{
    sync::{Mutex, Semaphore, mpsc},
    task::JoinSet,
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use url::Url;

use super::{
    cut::{CutError, CutPlan, Cutter},
    download::DOWNLOAD_LIMIT,
    orchestrator::{Orchestrator, OrchestratorError, Session},
    output::{Output, PlaylistEntry, PlaylistRow, is_path_name},
    send::{Contact, Outcome, Sender, Sessions},
    source::{Source, SourceError, Uncuttable, examine},
    tools::{ToolError, Tools},
};
use crate::{
    media::{ffmpeg::Ffmpeg, ladder::Profile},
    process::Launcher,
    view::push::PushReport,
    wire::{
        capability::{
            CapabilitySet, Incompatible, Job, SourceCodec, UnsupportedPixelFormat, job_capabilities,
        },
        client::{self, ConnectError},
        signature::{MessageSigner, Offchain},
    },
};

mod report;

/// How long giving the sessions back may take at the end.
const FAREWELL: Duration = Duration::from_secs(5);

/// What to send where.
#[derive(Clone)]
pub struct PushConfig {
    /// The file: anything ffmpeg can read.
    pub input: PathBuf,
    /// The orchestrator, like `https://127.0.0.1:8935`.
    pub orchestrator: Url,
    /// What to make of it.
    pub ladder: Vec<Profile>,
    /// Folder for renditions and playlists.
    pub output: Option<PathBuf>,
    /// Shortest playing time of a segment.
    pub segment_length: Duration,
    /// How many segments are sent at the same time.
    pub in_flight: usize,
    /// How many times one segment is sent at most.
    pub attempts: u32,
    /// Whether renditions are decoded and compared with what was promised.
    pub verifies: bool,
    /// How many times the file is sent, one after the other in one stream.
    pub times: u32,
    /// ffmpeg, with its ffprobe.
    pub ffmpeg: Ffmpeg,
    /// How ffmpeg is started.
    pub launcher: Launcher,
    /// Who sends.
    pub signer: Arc<dyn MessageSigner>,
}

impl PushConfig {
    /// Two-second segments, two at a time, three attempts, everything verified, sent by nobody.
    #[must_use]
    pub fn new(input: PathBuf, orchestrator: Url, ladder: Vec<Profile>, ffmpeg: Ffmpeg) -> Self {
        Self {
            input,
            orchestrator,
            ladder,
            output: None,
            segment_length: Duration::from_secs(2),
            in_flight: 2,
            attempts: 3,
            verifies: true,
            times: 1,
            ffmpeg,
            launcher: Launcher::Direct,
            signer: Arc::new(Offchain),
        }
    }
}

/// Why nothing was sent.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// The ladder is empty.
    #[error("the ladder has no profiles")]
    NoProfiles,
    /// A profile's name cannot be part of an address and a path.
    #[error("`{0}` cannot be a profile's name: use letters, digits, `_`, `-` and `.`")]
    ProfileName(String),
    /// Two profiles have one name.
    #[error("two profiles are named `{0}`")]
    SameName(String),
    /// The file cannot be sent.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The file cannot be cut.
    #[error(transparent)]
    Cut(#[from] CutError),
    /// The orchestrator gives no session.
    #[error(transparent)]
    Orchestrator(#[from] OrchestratorError),
    /// The folder for the renditions cannot be written.
    #[error("{} cannot be written", .folder.display())]
    Output {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// ffmpeg cannot be run.
    #[error(transparent)]
    Tool(#[from] ToolError),
    /// Our own HTTP clients cannot be made.
    #[error(transparent)]
    Client(#[from] ConnectError),
}

/// What happens on the way, for a progress bar. Dropped when nobody keeps up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PushEvent {
    /// The file is known and the first session open.
    Started {
        /// Playing time of all that will be sent, if the file tells it.
        duration: Option<Duration>,
        /// Why the video is encoded again, if it is.
        encoded_because: Option<String>,
    },
    /// A further session was opened.
    Session {
        /// Its id. Text from outside.
        id: String,
    },
    /// A segment was cut.
    Cut {
        /// Its number.
        seq: u64,
        /// How long it plays.
        duration: Duration,
    },
    /// A segment left.
    Sent {
        /// Its number.
        seq: u64,
        /// Which attempt it is, from 1.
        attempt: u32,
    },
    /// A segment was answered with renditions.
    Answered {
        /// Its number.
        seq: u64,
        /// From departure to answer.
        latency: Duration,
    },
    /// A segment will be sent again.
    Retried {
        /// Its number.
        seq: u64,
        /// Why. Text from outside possible.
        reason: String,
    },
    /// A segment's renditions are here and right.
    Done {
        /// Its number.
        seq: u64,
    },
    /// A segment failed for good.
    Failed {
        /// Its number.
        seq: u64,
        /// Why. Text from outside possible.
        reason: String,
    },
}

/// Sends a file and reports what became of every segment. Cancelling `stop` ends it soon, with a report.
///
/// # Errors
/// [`PushError`] if nothing could be sent. Once the first segment has left, whatever fails is in the report.
pub async fn push(
    config: PushConfig,
    progress: mpsc::Sender<PushEvent>,
    stop: CancellationToken,
) -> Result<PushReport, PushError> {
    let start = Instant::now();
    check_names(&config.ladder)?;
    let tools = Tools::new(config.ffmpeg.clone(), config.launcher.clone())?;
    let mut source = examine(&tools, &config.input, config.segment_length).await?;
    let orchestrator = Orchestrator::new(config.orchestrator.clone(), Arc::clone(&config.signer));
    let (job, session) = open(&orchestrator, &mut source, &config.ladder).await?;
    let output = match &config.output {
        Some(folder) => {
            Some(
                Output::create(folder, &config.ladder)
                    .await
                    .map_err(|source| PushError::Output {
                        folder: folder.clone(),
                        source,
                    })?,
            )
        }
        None => None,
    };
    let checks = tempfile::Builder::new().prefix("lpctl-check-").tempdir();
    let checks = checks.map_err(|source| PushError::Output {
        folder: std::env::temp_dir(),
        source,
    })?;
    let sender = Arc::new(Sender {
        tools: tools.clone(),
        orchestrator,
        signer: Arc::clone(&config.signer),
        job,
        manifest_id: hex::encode(rand::random::<[u8; 4]>()),
        profiles: config.ladder.clone(),
        source_size: source.size,
        upload: client::segment_client()?,
        fetch: client::download_client(DOWNLOAD_LIMIT)?,
        attempts: config.attempts.max(1),
        verifies: config.verifies,
        output,
        checks,
        checking: Arc::new(Semaphore::new(config.in_flight.max(1))),
        progress,
        sessions: Mutex::new(Sessions {
            current: session,
            earlier: Vec::new(),
        }),
        contact: SyncMutex::new(Contact {
            last: Instant::now(),
            silent_segments: 0,
        }),
        stop,
        lost: CancellationToken::new(),
    });
    sender.tell(PushEvent::Started {
        duration: source.duration.map(|duration| duration * config.times.max(1)),
        encoded_because: source.uncuttable.as_ref().map(ToString::to_string),
    });
    let (outcomes, not_sent) = send_all(&sender, &source, &config).await?;
    finish(sender, &config, &source, outcomes, not_sent, start).await
}

/// Asks for a session. A source the orchestrator does not decode is encoded as plain H.264 instead.
async fn open(
    orchestrator: &Orchestrator,
    source: &mut Source,
    ladder: &[Profile],
) -> Result<(CapabilitySet, Session), PushError> {
    let mut job = capabilities(source, ladder);
    if job.is_err() {
        source.uncuttable = Some(Uncuttable::NotDecodedThere);
        job = capabilities(source, ladder);
    }
    // Plain H.264 has a capability, so this cannot fail any more; the type does not know.
    let job = job.unwrap_or_default();
    match orchestrator.open(&job).await {
        Err(OrchestratorError::Incompatible(Incompatible::Missing(_))) if source.uncuttable.is_none() => {
            source.uncuttable = Some(Uncuttable::NotDecodedThere);
            let job = capabilities(source, ladder).unwrap_or_default();
            let session = orchestrator.open(&job).await?;
            Ok((job, session))
        }
        opened => Ok((job, opened?)),
    }
}

/// What the job needs for the segments that will be sent.
fn capabilities(source: &Source, ladder: &[Profile]) -> Result<CapabilitySet, UnsupportedPixelFormat> {
    let (codec, pixel_format) = match (&source.uncuttable, source.codec.as_str()) {
        (None, "hevc") => (SourceCodec::Hevc, ""),
        (None, _) => (SourceCodec::H264, source.pixel_format.as_str()),
        (Some(_), _) => (SourceCodec::H264, ""),
    };
    job_capabilities(&Job {
        source: codec,
        pixel_format,
        profiles: ladder,
        is_pushed: true,
        verifies_by_hash: false,
    })
}

fn check_names(ladder: &[Profile]) -> Result<(), PushError> {
    if ladder.is_empty() {
        return Err(PushError::NoProfiles);
    }
    let mut names = HashSet::new();
    for profile in ladder {
        if !is_path_name(&profile.name) {
            return Err(PushError::ProfileName(profile.name.clone()));
        }
        if !names.insert(&profile.name) {
            return Err(PushError::SameName(profile.name.clone()));
        }
    }
    Ok(())
}

/// Cuts and sends until the file ends, the orchestrator is lost or the operator stops it. With the outcomes comes the
/// reason why the rest was not sent, if there is a rest.
async fn send_all(
    sender: &Arc<Sender>,
    source: &Source,
    config: &PushConfig,
) -> Result<(Vec<Outcome>, Option<String>), PushError> {
    let plan = CutPlan {
        input: config.input.clone(),
        segment_length: config.segment_length,
        times: config.times,
    };
    let mut cutter = Cutter::start(&sender.tools, source, &plan).await?;
    let slots = Arc::new(Semaphore::new(config.in_flight.max(1)));
    let mut running = JoinSet::new();
    let mut outcomes = Vec::new();
    let not_sent = loop {
        let next = async {
            let slot = Arc::clone(&slots).acquire_owned().await;
            (slot, cutter.next().await)
        };
        let (slot, segment) = tokio::select! {
            // A free slot of a lost orchestrator is no reason to go on.
            biased;
            () = sender.stop.cancelled() => break Some("stopped".to_string()),
            () = sender.lost.cancelled() => break Some("nothing was heard of the orchestrator any more".to_string()),
            next = next => next,
        };
        let (Ok(slot), segment) = (slot, segment) else {
            break None;
        };
        let segment = match segment {
            Ok(Some(segment)) => segment,
            Ok(None) => break None,
            Err(error) if outcomes.is_empty() && running.is_empty() => {
                cutter.stop().await;
                return Err(error.into());
            }
            Err(error) => break Some(error.to_string()),
        };
        sender.tell(PushEvent::Cut {
            seq: segment.seq,
            duration: segment.duration,
        });
        let carrier = Arc::clone(sender);
        running.spawn(async move { carrier.carry(segment, slot).await });
        while let Some(done) = running.try_join_next() {
            outcomes.push(joined(done));
        }
    };
    cutter.stop().await;
    while let Some(done) = running.join_next().await {
        outcomes.push(joined(done));
    }
    outcomes.sort_by_key(|outcome| outcome.seq);
    Ok((outcomes, not_sent))
}

/// A panic in a segment's task is one of ours: it goes on here.
fn joined(done: Result<Outcome, tokio::task::JoinError>) -> Outcome {
    match done {
        Ok(outcome) => outcome,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

async fn finish(
    sender: Arc<Sender>,
    config: &PushConfig,
    source: &Source,
    outcomes: Vec<Outcome>,
    not_sent: Option<String>,
    start: Instant,
) -> Result<PushReport, PushError> {
    let wall = start.elapsed();
    let sessions = sender.sessions.lock().await;
    let tokens: Vec<_> = sessions
        .earlier
        .iter()
        .chain([&sessions.current.token])
        .cloned()
        .collect();
    if !sender.lost.is_cancelled() {
        let farewell = async {
            for token in &tokens {
                if let Err(error) = sender.orchestrator.end(token.clone()).await {
                    tracing::debug!(%error, "a session was not given back");
                    break;
                }
            }
        };
        // The orchestrator ends idle sessions by itself.
        let _ = timeout(FAREWELL, farewell).await;
    }
    if let Some(output) = &sender.output {
        let rows: Vec<_> = config
            .ladder
            .iter()
            .enumerate()
            .map(|(index, profile)| row(index, profile, &outcomes))
            .collect();
        output
            .write_playlists(&rows)
            .await
            .map_err(|source| PushError::Output {
                folder: config.output.clone().unwrap_or_default(),
                source,
            })?;
    }
    let ending = report::Ending {
        sessions: tokens.into_iter().map(|token| token.session_id).collect(),
        account: sessions.current.account,
        not_sent: not_sent.filter(|_| !sender.stop.is_cancelled()),
        interrupted: sender.stop.is_cancelled(),
        wall,
    };
    Ok(report::report(config, source, &outcomes, ending))
}

fn row<'a>(index: usize, profile: &'a Profile, outcomes: &[Outcome]) -> PlaylistRow<'a> {
    let of = |outcome: &Outcome| outcome.renditions.get(index).cloned().unwrap_or_default();
    PlaylistRow {
        profile,
        size: outcomes
            .iter()
            .find_map(|outcome| of(outcome).verified)
            .map(|verified| verified.size),
        entries: outcomes
            .iter()
            .filter(|outcome| of(outcome).is_kept)
            .map(|outcome| PlaylistEntry {
                seq: outcome.seq,
                duration: outcome.duration,
            })
            .collect(),
    }
}
