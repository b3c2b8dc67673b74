//! The outcome of sending a file through an orchestrator: the answer of `lpctl gateway push`.

use alloy::primitives::Address;
use serde::{Deserialize, Serialize};

use super::{gateway::PaymentsView, node::Latency};

/// What became of every segment of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushReport {
    /// The file, as it was named.
    pub input: String,
    /// The orchestrators' addresses, as they were given, with commas between.
    pub orchestrator: String,
    /// Who made the renditions, most segments first.
    #[serde(default)]
    pub orchestrators: Vec<OrchestratorShare>,
    /// The account that signs the results, of several the one used last; none off-chain.
    pub orchestrator_account: Option<Address>,
    /// Sessions that were opened, oldest first. Text from outside: escape before showing.
    pub sessions: Vec<String>,
    /// What the file is and how it was cut.
    pub source: PushSource,
    /// Segments by outcome.
    pub segments: SegmentCounts,
    /// Renditions by outcome.
    pub renditions: RenditionCounts,
    /// One for each profile of the ladder, in its order.
    pub ladder: Vec<RungOutcome>,
    /// Pixels the orchestrator says it encoded, over all answered segments.
    pub pixels_reported: u64,
    /// Pixels found in the renditions by decoding them.
    pub pixels_verified: u64,
    /// Results whose signature was checked against the orchestrator's account.
    pub signatures_verified: u64,
    /// Source bytes sent, repeats included; attempts that found no connection are not.
    pub bytes_sent: u64,
    /// Rendition bytes received.
    pub bytes_received: u64,
    /// Playing time of the segments that were answered.
    pub media_ms: u64,
    /// From the first segment's departure to the last rendition's arrival.
    pub transfer_ms: u64,
    /// From the start of the push to its end: cutting, sending and verifying.
    pub wall_ms: u64,
    /// Playing time divided by transfer time, in thousandths; none if nothing was answered.
    pub real_time_permille: Option<u64>,
    /// Time from a segment's departure to its answer; none if nothing was answered.
    pub latency: Option<Latency>,
    /// What went wrong, in the order of the segments.
    pub failures: Vec<SegmentFailure>,
    /// Why the rest of the file was not sent; none if all of it was. Text from outside possible.
    pub not_sent: Option<String>,
    /// True if the operator stopped it.
    pub interrupted: bool,
    /// What was paid, session by session; none if the gateway does not pay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payments: Option<PaymentsView>,
    /// Folder with the renditions and playlists, if one was asked for.
    pub output: Option<String>,
}

impl PushReport {
    /// True if every segment was sent and every rendition came back right.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        !self.interrupted
            && self.not_sent.is_none()
            && self.failures.is_empty()
            && self.segments.cut > 0
            && self.segments.done == self.segments.cut
    }
}

/// One orchestrator's part of a push.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrchestratorShare {
    /// Its address for segments. Text from outside: escape before showing.
    pub url: String,
    /// Segments it answered with renditions that were taken.
    pub segments: u64,
}

/// The file that was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushSource {
    /// Video codec, as ffmpeg names it.
    pub codec: String,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Playing time, if the file tells it.
    pub duration_ms: Option<u64>,
    /// Codec of the sound; none if there is none.
    pub audio_codec: Option<String>,
    /// Why the video was encoded again before it was sent; none if it was sent as it is.
    pub encoded_because: Option<String>,
}

/// Segments by outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentCounts {
    /// Cut from the file.
    pub cut: u64,
    /// Answered, with all renditions received and right.
    pub done: u64,
    /// Not answered, or not right.
    pub failed: u64,
    /// Sent more than once.
    pub retried: u64,
}

/// Renditions by outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenditionCounts {
    /// One for each segment and profile.
    pub expected: u64,
    /// Downloaded.
    pub received: u64,
    /// Decoded and found right; zero if verification was off.
    pub verified: u64,
    /// Without sound although the source has some. Told, not counted as failed: sound may end before the picture.
    pub silent: u64,
}

/// What came back for one profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RungOutcome {
    /// The profile's name.
    pub name: String,
    /// Size of the renditions, like `640x360`; none before one was verified.
    pub size: Option<String>,
    /// Renditions downloaded.
    pub received: u64,
    /// Renditions decoded and found right.
    pub verified: u64,
    /// Frames in the verified renditions.
    pub frames: u64,
    /// Bytes downloaded.
    pub bytes: u64,
}

/// What went wrong with a segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentFailure {
    /// The segment's number, from 0.
    pub seq: u64,
    /// The profile, if it concerns one rendition.
    pub rendition: Option<String>,
    /// Where it went wrong.
    pub stage: PushStage,
    /// What happened. Text from outside possible: escape before showing.
    pub message: String,
    /// How many times the segment was tried.
    pub attempts: u32,
    /// True if no word came from an orchestrator: it may be down.
    #[serde(default)]
    pub unreachable: bool,
}

/// The steps of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PushStage {
    /// Sending it and waiting for the answer.
    Submit,
    /// The answer itself: number of renditions, signature.
    Answer,
    /// Fetching a rendition.
    Download,
    /// Decoding and comparing a rendition.
    Verify,
    /// Writing a rendition to disk.
    Write,
}

impl std::fmt::Display for PushStage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Submit => "submit",
            Self::Answer => "answer",
            Self::Download => "download",
            Self::Verify => "verify",
            Self::Write => "write",
        })
    }
}
