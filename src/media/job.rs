//! What is asked of a transcoder and what it answers.

use std::{future::Future, time::Duration};

use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use super::{arrival::Source, ladder::Profile, target::Target};
use crate::view::node::EngineView;

/// One source segment to be transcoded.
#[derive(Debug, Clone)]
pub struct SegmentJob {
    /// Session it belongs to; names the work directory and the log lines.
    pub session: String,
    /// Sequence number within the session.
    pub seq: u64,
    /// The segment, MPEG-TS or MP4, which may still be arriving.
    pub source: Source,
    /// How long the sender says it plays.
    pub duration: Duration,
    /// One rendition each, in this order.
    pub profiles: Vec<Profile>,
    /// Whether to compute an MPEG-7 perceptual hash of each rendition.
    pub perceptual_hash: bool,
    /// Part of the segment to keep, relative to its first frame.
    pub clip: Option<Clip>,
    /// Account named in the renditions' metadata, or `offchain`.
    pub orchestrator: String,
}

/// Part of a segment, relative to its first frame; zero leaves an end open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clip {
    /// Keep from here.
    pub from: Duration,
    /// Keep up to here.
    pub to: Duration,
}

/// One rendition of a segment.
#[derive(Debug, Clone)]
pub struct Rendition {
    /// The file.
    pub data: Bytes,
    /// Video frames in the file.
    pub frames: u64,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// MPEG-7 video signature, if asked for.
    pub perceptual_hash: Option<Bytes>,
    /// Encoded pixels as another machine reports them, which tells neither frames nor size: those are zero then.
    pub reported_pixels: Option<u64>,
}

impl Rendition {
    /// Encoded pixels: what the gateway pays for and checks.
    #[must_use]
    pub fn pixels(&self) -> u64 {
        let counted = self.frames * u64::from(self.width) * u64::from(self.height);
        self.reported_pixels.unwrap_or(counted)
    }
}

/// A segment transcoded.
#[derive(Debug, Clone)]
pub struct Transcoded {
    /// One for each profile, in order.
    pub renditions: Vec<Rendition>,
    /// Source frames decoded; zero if another machine did it and did not say.
    pub decoded_frames: u64,
    /// Source width; zero like `decoded_frames`.
    pub source_width: u32,
    /// Source height; zero like `decoded_frames`.
    pub source_height: u32,
    /// From when the whole segment was there and its turn had come to the last rendition.
    pub elapsed: Duration,
    /// What encoded it.
    pub target: Target,
    /// Whether an ffmpeg was waiting for it.
    pub warm: bool,
}

/// Why no renditions were made. `Display` is the text that travels to the gateway, byte for byte
/// (`go-livepeer core/transcoder.go`, `lpms ffmpeg/ffmpeg.go`); details for the operator are in the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TranscodeError {
    /// The segment or the request is at fault; the text is one of the protocol's canonical strings.
    #[error("{0}")]
    Input(&'static str),
    /// Stopped before it was done: the node is going down or the session ended.
    #[error("TranscoderStopped")]
    Stopped,
    /// It took longer than a segment may.
    #[error("TranscoderTimeout")]
    TimedOut,
    /// Not begun: it would have come out too late. The gateway takes it elsewhere at once.
    #[error("OrchestratorBusy")]
    Busy,
    /// ffmpeg failed in a way the input does not explain.
    #[error("TranscoderFailed: {reason}")]
    Failed {
        /// What was at fault.
        class: FailureClass,
        /// What ffmpeg or the system said last.
        reason: String,
    },
    /// A remote transcoder failed, or there is none for it; the text is its own, or that of
    /// `go-livepeer core/orchestrator.go`.
    #[error("{0}")]
    Remote(String),
}

/// What was at fault when a run failed; it decides what is done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureClass {
    /// The segment or the request: it is refused, and would be everywhere.
    Input,
    /// A GPU or its driver: the device is reported, and another one tried.
    Device,
    /// Memory, disk, time, processes: waiting processes are given up, and it is tried once more.
    Resource,
    /// lpctl or ffmpeg: tried once more if the process had waited, since it may have been ill before.
    Ours,
}

impl TranscodeError {
    /// What was at fault; none if nothing failed: it was stopped, or not begun.
    #[must_use]
    pub fn class(&self) -> Option<FailureClass> {
        match self {
            Self::Input(_) => Some(FailureClass::Input),
            Self::TimedOut => Some(FailureClass::Resource),
            Self::Failed { class, .. } => Some(*class),
            Self::Remote(text) if is_final(text) => Some(FailureClass::Input),
            Self::Remote(_) => Some(FailureClass::Device),
            Self::Stopped | Self::Busy => None,
        }
    }
}

/// Whether a gateway takes the text for the source's or the request's fault: it tries nobody else then, and punishes
/// nobody (`go-livepeer server/broadcast.go`, non-retryable errors).
#[must_use]
pub fn is_final(text: &str) -> bool {
    FINAL_TEXTS.contains(&text)
}

/// See [`is_final`].
const FINAL_TEXTS: [&str; 19] = [
    "Unsupported input pixel format",
    "Error initializing filtergraph",
    "Too many outputs",
    "Unsupported input codec",
    "No keyframes in input",
    "Unrecoverable state, restart process",
    "Encoded frames runaway",
    "Decoder not found",
    "Demuxer not found",
    "Encoder not found",
    "Muxer not found",
    "Option not found",
    "Invalid argument",
    "TranscoderInvalidResolution",
    "TranscoderInvalidVideo",
    "TranscoderUnrecognizedFormat",
    "TranscoderUnrecognizedProfile",
    "TranscoderInvalidGOP",
    "TranscoderIncompatibleDevices",
];

/// The canonical texts this side gives. All but the duration and the clip keep the gateway from punishing the node
/// (`go-livepeer server/broadcast.go`, non-retryable errors).
impl TranscodeError {
    /// No video in it, or none that can be read.
    pub const INVALID_VIDEO: Self = Self::Input("TranscoderInvalidVideo");
    /// Longer than a segment may be.
    pub const INVALID_DURATION: Self = Self::Input("TranscoderInvalidDuration");
    /// A profile without a size.
    pub const INVALID_RESOLUTION: Self = Self::Input("TranscoderInvalidResolution");
    /// The part to keep ends before it begins.
    pub const INVALID_CLIP: Self = Self::Input("TranscoderInvalidClipConfig");
    /// Decoding can start nowhere.
    pub const NO_KEY_FRAMES: Self = Self::Input("No keyframes in input");
    /// Many more frames came out than went in.
    pub const RUNAWAY: Self = Self::Input("Encoded frames runaway");
    /// More than ten profiles.
    pub const TOO_MANY_OUTPUTS: Self = Self::Input("Too many outputs");
    /// A source codec that is not taken.
    pub const UNSUPPORTED_CODEC: Self = Self::Input("Unsupported input codec");
    /// No encoder for the codec asked for.
    pub const NO_ENCODER: Self = Self::Input("Encoder not found");
    /// The encoder does not take what was asked for.
    pub const INVALID_ARGUMENT: Self = Self::Input("Invalid argument");
}

/// One source segment in, one rendition per rung out.
pub trait SegmentTranscoder: Send + Sync {
    /// Transcodes one segment.
    ///
    /// # Errors
    /// See [`TranscodeError`]; nothing is left running or on disk afterwards.
    fn transcode(
        &self,
        job: SegmentJob,
        stop: CancellationToken,
    ) -> impl Future<Output = Result<Transcoded, TranscodeError>> + Send;

    /// Nothing more comes of this session: what is kept ready for it goes.
    fn close(&self, session: &str) {
        let _ = session;
    }

    /// Whether one more session could be carried in real time. The node refuses new sessions otherwise.
    fn has_capacity(&self) -> bool {
        true
    }

    /// How long a segment of this session that plays so long takes once it is its turn, going by those before it; none
    /// if that is not known.
    fn expected(&self, session: &str, playing: Duration) -> Option<Duration> {
        let _ = (session, playing);
        None
    }

    /// How it is doing.
    fn view(&self) -> EngineView {
        EngineView::default()
    }
}
