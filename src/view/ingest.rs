//! What a running gateway tells of itself: its status, and one line for each segment.

use std::net::SocketAddr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::gateway::{AttemptRecord, Verification};

/// How a stream comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Segments pushed over HTTP.
    Push,
    /// RTMP, cut into segments here.
    Rtmp,
}

/// What became of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SegmentOutcome {
    /// Transcoded.
    Done,
    /// It has no pictures: its bytes are every rendition.
    Copied,
    /// No renditions are wanted.
    Kept,
    /// It has no renditions, for the reason in `error`.
    Failed,
}

/// One segment, as a line of the session log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentRecord {
    /// When its work ended.
    pub time: Timestamp,
    /// The stream.
    pub manifest_id: String,
    /// What the auth webhook calls the stream.
    pub stream_id: Option<String>,
    /// What the auth webhook calls this session.
    pub session_id: Option<String>,
    /// Name of the API key it came with.
    pub key: Option<String>,
    /// How it came in.
    pub origin: Origin,
    /// Its number.
    pub seq: u64,
    /// How long it plays, in milliseconds.
    pub duration_ms: u64,
    /// Its size.
    pub source_bytes: u64,
    /// What became of it.
    pub outcome: SegmentOutcome,
    /// Names of its renditions.
    pub renditions: Vec<String>,
    /// Size of all renditions.
    pub rendition_bytes: u64,
    /// Who transcoded it.
    pub orchestrator: Option<String>,
    /// Every time it was tried, in order.
    pub attempts: Vec<AttemptRecord>,
    /// How far the result was checked.
    pub verified: Verification,
    /// From its arrival to the end of its work, in milliseconds.
    pub latency_ms: u64,
    /// Pixels of all renditions.
    pub pixels: u64,
    /// Why it has no renditions. May hold text from outside.
    pub error: Option<String>,
}

/// Segments and bytes of one stream, or of all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamTotals {
    /// Segments that have what was wanted of them.
    pub segments_done: u64,
    /// Segments that have not.
    pub segments_failed: u64,
    /// Bytes that came in.
    pub source_bytes: u64,
    /// Bytes of renditions.
    pub rendition_bytes: u64,
    /// Pixels of renditions.
    pub pixels: u64,
}

impl StreamTotals {
    /// Adds others.
    pub fn add(&mut self, others: Self) {
        self.segments_done += others.segments_done;
        self.segments_failed += others.segments_failed;
        self.source_bytes += others.source_bytes;
        self.rendition_bytes += others.rendition_bytes;
        self.pixels += others.pixels;
    }
}

/// One stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamView {
    /// Its name.
    pub manifest_id: String,
    /// The name it is pushed to, where that is another one.
    pub pushed_as: Option<String>,
    /// What the auth webhook calls the stream.
    pub stream_id: Option<String>,
    /// What the auth webhook calls this session.
    pub session_id: Option<String>,
    /// Name of its API key.
    pub key: Option<String>,
    /// How it comes in.
    pub origin: Origin,
    /// When it began.
    pub started: Timestamp,
    /// Names of its renditions.
    pub renditions: Vec<String>,
    /// Where it plays, on the HTTP port.
    pub playlist: String,
    /// Segments being worked on.
    pub in_flight: usize,
    /// What was done so far.
    pub totals: StreamTotals,
}

/// A running gateway.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GatewayStatus {
    /// lpctl's version.
    pub version: String,
    /// When it began.
    pub started: Timestamp,
    /// Where segments are pushed to and streams play from.
    pub http_addr: SocketAddr,
    /// Where RTMP comes in, if it does.
    pub rtmp_addr: Option<SocketAddr>,
    /// Streams at once.
    pub max_streams: u32,
    /// Streams that are open.
    pub streams: Vec<StreamView>,
    /// All streams since the start.
    pub totals: StreamTotals,
    /// Lines the session log has lost.
    pub log_lines_lost: u64,
}

/// What happens while a gateway runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum IngestEvent {
    /// A stream began.
    StreamStarted {
        /// Its name.
        manifest_id: String,
        /// How it comes in.
        origin: Origin,
        /// Names of its renditions.
        renditions: Vec<String>,
        /// Where it plays, on the HTTP port.
        playlist: String,
    },
    /// A stream ended.
    StreamEnded {
        /// Its name.
        manifest_id: String,
        /// How it came in.
        origin: Origin,
        /// Why.
        reason: String,
        /// What was done for it.
        #[serde(flatten)]
        totals: StreamTotals,
    },
}
