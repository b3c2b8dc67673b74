//! A whole file through the network: cut, sent, fetched and checked, several segments at a time.

use std::{
    collections::HashSet,
    io,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use tokio::{
    sync::{Semaphore, mpsc},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use super::{
    cut::{CutError, CutPlan, Cutter},
    discovery::{Discovery, Nobody},
    orchestrator::OrchestratorError,
    output::{Output, PlaylistEntry, PlaylistRow, is_path_name},
    price::Price,
    roster::Selection,
    send::{Contact, Outcome, Sender},
    source::{Source, SourceError, Uncuttable, examine},
    stream::{
        Gateway, GatewayError, GatewaySettings, SourceFacts, Stream, StreamSettings, VerificationPolicy,
    },
    tools::{ToolError, Tools},
};
use crate::{
    media::{ffmpeg::Ffmpeg, ladder::Profile},
    payments::TicketSender,
    process::Launcher,
    view::push::PushReport,
    wire::{
        capability::{Incompatible, SourceCodec, UnsupportedPixelFormat},
        signature::{MessageSigner, Offchain},
    },
};

mod report;

/// How long one segment waits for a node to come back.
const PATIENCE: Duration = Duration::from_millis(1500);

/// What to send where.
#[derive(Clone)]
pub struct PushConfig {
    /// The file: anything ffmpeg can read.
    pub input: PathBuf,
    /// Where orchestrators come from.
    pub discovery: Discovery,
    /// The same in words, for the report.
    pub orchestrator: String,
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
    /// Whether signatures are checked and renditions are decoded and compared with what was promised.
    pub verifies: bool,
    /// How many times the file is sent, one after the other in one stream.
    pub times: u32,
    /// ffmpeg, with its ffprobe.
    pub ffmpeg: Ffmpeg,
    /// How ffmpeg is started.
    pub launcher: Launcher,
    /// Who sends.
    pub signer: Arc<dyn MessageSigner>,
    /// Who pays orchestrators that want tickets; without it they get none.
    pub payment: Option<TicketSender>,
    /// Orchestrators that name a higher price get nothing; without it any price will do.
    pub max_price: Option<Price>,
}

impl PushConfig {
    /// Two-second segments, two at a time, three attempts, everything verified, sent by nobody.
    #[must_use]
    pub fn new(input: PathBuf, discovery: Discovery, ladder: Vec<Profile>, ffmpeg: Ffmpeg) -> Self {
        let known = discovery.known();
        let known: Vec<&str> = known
            .iter()
            .map(|candidate| candidate.uri.as_str().trim_end_matches('/'))
            .collect();
        Self {
            input,
            orchestrator: known.join(", "),
            discovery,
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
            payment: None,
            max_price: None,
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
    /// No orchestrator gives a session.
    #[error(transparent)]
    Nobody(Arc<Nobody>),
    /// No transcoder could be asked for the source, not even encoded again.
    #[error(transparent)]
    PixelFormat(#[from] UnsupportedPixelFormat),
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
    /// Our own side of the network cannot be set up.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
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
    let usual = GatewaySettings::new(config.discovery.clone(), Arc::clone(&config.signer));
    let gateway = Gateway::new(GatewaySettings {
        payment: config.payment.clone(),
        selection: Selection {
            max_price: config.max_price,
            ..usual.selection
        },
        max_attempts: config.attempts.max(1),
        patience: PATIENCE,
        verification: match config.verifies {
            true => VerificationPolicy::Full(tools.clone()),
            false => VerificationPolicy::Off,
        },
        ..usual
    })?;
    let stream = open(&gateway, &mut source, &config.ladder).await?;
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
    let sender = Arc::new(Sender {
        stream,
        profiles: config.ladder.clone(),
        output,
        progress,
        contact: Mutex::new(Contact {
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
    let (outcomes, not_sent) = send_all(&sender, &tools, &source, &config).await?;
    let mut report = finish(sender, &config, &source, outcomes, not_sent, start).await?;
    report.payments = gateway.payments();
    Ok(report)
}

/// Opens the stream and asks for sessions. A source nobody decodes is encoded as plain H.264 instead.
async fn open(gateway: &Gateway, source: &mut Source, ladder: &[Profile]) -> Result<Stream, PushError> {
    let manifest_id = hex::encode(rand::random::<[u8; 4]>());
    let settings = |source: &Source| StreamSettings {
        manifest_id: manifest_id.clone(),
        profiles: ladder.to_vec(),
        source: facts(source),
        pushed: true,
        verification_frequency: 0,
        timeout_multiplier: 1,
    };
    if gateway.open(settings(source)).is_err() {
        source.uncuttable = Some(Uncuttable::NotDecodedThere);
    }
    let stream = gateway.open(settings(source))?;
    let lacks = |(_, error): &(_, OrchestratorError)| {
        matches!(error, OrchestratorError::Incompatible(Incompatible::Missing(_)))
    };
    match stream.prepare().await {
        Ok(()) => Ok(stream),
        Err(nobody) if source.uncuttable.is_none() && nobody.refusals.iter().any(lacks) => {
            source.uncuttable = Some(Uncuttable::NotDecodedThere);
            let stream = gateway.open(settings(source))?;
            stream.prepare().await.map_err(PushError::Nobody)?;
            Ok(stream)
        }
        Err(nobody) => Err(PushError::Nobody(nobody)),
    }
}

/// What the segments that will be sent hold.
fn facts(source: &Source) -> SourceFacts {
    let (codec, pixel_format) = match (&source.uncuttable, source.codec.as_str()) {
        (None, "hevc") => (SourceCodec::Hevc, ""),
        (None, _) => (SourceCodec::H264, source.pixel_format.as_str()),
        (Some(_), _) => (SourceCodec::H264, ""),
    };
    SourceFacts {
        codec,
        pixel_format: pixel_format.to_string(),
        size: Some(source.size),
    }
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
    tools: &Tools,
    source: &Source,
    config: &PushConfig,
) -> Result<(Vec<Outcome>, Option<String>), PushError> {
    let plan = CutPlan {
        input: config.input.clone(),
        segment_length: config.segment_length,
        times: config.times,
    };
    let mut cutter = Cutter::start(tools, source, &plan).await?;
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
    let (sessions, account) = (
        sender.stream.sessions(),
        sender.stream.accounts().first().copied(),
    );
    sender.stream.clone().close().await;
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
        sessions,
        account,
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
