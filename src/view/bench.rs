//! How fast this machine transcodes: the answer of `lpctl bench transcode`. Times are milliseconds, rounded to tenths.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::node::Rung;

/// What was measured, with what, and what came out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BenchReport {
    /// lpctl's version.
    pub version: String,
    /// Processor cores this process may use.
    pub cores: usize,
    /// The ffmpeg the engine ran.
    pub ffmpeg: String,
    /// What was transcoded.
    pub input: BenchInput,
    /// How.
    pub settings: BenchSettings,
    /// One for each number of sessions, in the order they were measured.
    pub runs: Vec<BenchRun>,
    /// Sessions this machine carries in real time; none if that cannot be told from these runs.
    pub capacity: Option<Capacity>,
    /// Whether the renditions equal those of the bare ffmpeg; none if they were not compared.
    pub comparison: Option<Comparison>,
    /// Where the capacity was stored, if it was.
    pub stored_in: Option<String>,
}

/// The segments that were transcoded, again and again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BenchInput {
    /// The file or playlist as it was named, or what was drawn.
    pub name: String,
    /// Different segments.
    pub segments: usize,
    /// Playing time of the median segment.
    pub segment_ms: f64,
    /// Bytes of all of them.
    pub bytes: u64,
    /// Size of the picture, like `1280x720`.
    pub size: Option<String>,
    /// Video frames in all of them.
    pub frames: u64,
}

/// How it was measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BenchSettings {
    /// Renditions of each segment.
    pub ladder: Vec<Rung>,
    /// Encoder preset.
    pub preset: String,
    /// Threads of each encoder; none leaves it to the encoder.
    pub encoder_threads: Option<u32>,
    /// Segments each session sends, after one that is not counted.
    pub segments: u32,
    /// How segments come.
    pub pace: BenchPace,
    /// Rest before each turn.
    pub gap_ms: f64,
    /// Segments each session sends in one turn; with a bare ffmpeg to compare with, the turns alternate.
    pub turn: u32,
    /// The bare ffmpeg that was run in turn; none if there was none.
    pub against: Option<BareFfmpeg>,
}

/// How segments come.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum BenchPace {
    /// Each as soon as the one before it is done.
    FlatOut,
    /// At playing pace, each spread over this time.
    Live {
        /// From a segment's first byte to its last.
        arrive_ms: f64,
    },
}

/// A plain ffmpeg started anew for every segment, with the engine's own arguments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BareFfmpeg {
    /// Its version.
    pub version: String,
    /// How its runs differ from the engine's.
    pub runs: String,
}

/// One number of sessions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BenchRun {
    /// Sessions at once.
    pub sessions: u32,
    /// The engine.
    pub engine: Figures,
    /// The bare ffmpeg, in turn with it.
    pub bare: Option<Figures>,
    /// The engine's figures divided by those of the bare ffmpeg.
    pub ratio: Option<Ratio>,
    /// Whether every session was served in real time with head-room; none if segments did not come live.
    pub keeps_real_time: Option<bool>,
}

/// What one side did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Segments measured.
    pub segments: u64,
    /// Those that were not transcoded.
    pub failed: u64,
    /// Why, with how many each. Text from outside possible.
    pub failures: BTreeMap<String, u64>,
    /// From a segment's last byte to its last rendition, over those that succeeded; none if none did.
    pub latency_ms: Option<Spread>,
    /// Source frames transcoded a second, over all sessions.
    pub frames_per_second: f64,
    /// Playing time transcoded in one second, over all sessions.
    pub real_time_factor: f64,
    /// Part of the segments that found an ffmpeg waiting for them; none for the bare ffmpeg.
    pub warm: Option<f64>,
}

/// A distribution.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// Smallest.
    pub min: f64,
    /// Half are smaller.
    pub median: f64,
    /// Nine in ten are smaller.
    pub p90: f64,
    /// All but one in a hundred are smaller.
    pub p99: f64,
    /// Largest.
    pub max: f64,
}

/// The engine's figure divided by the bare ffmpeg's.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Ratio {
    /// Of the median latencies: below one the engine is faster.
    pub latency: Option<f64>,
    /// Of the frames a second: above one the engine is faster.
    pub frames_per_second: Option<f64>,
}

/// How many sessions this machine carries.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Capacity {
    /// The number.
    pub sessions: u32,
    /// Where it comes from.
    pub basis: CapacityBasis,
}

/// Where a capacity comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CapacityBasis {
    /// Measured with live segments: so many were served in real time, and the next larger number was not.
    Live,
    /// Measured with live segments: so many were served in real time, and no larger number was tried.
    LiveAtLeast,
    /// Calculated from the speed at which segments without pauses were transcoded.
    Speed,
}

/// Renditions of the engine beside those of a bare ffmpeg.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comparison {
    /// Renditions looked at.
    pub renditions: u64,
    /// Those with the same number of frames.
    pub same_frames: u64,
    /// Those whose frames have the same time stamps.
    pub same_timestamps: u64,
    /// Those of the same size.
    pub same_size: u64,
    /// Those that are equal byte for byte. Encoders with several threads do not repeat themselves.
    pub same_bytes: u64,
    /// The first differences, in words.
    pub differences: Vec<String>,
}

impl Comparison {
    /// Whether all renditions have the frames, time stamps and sizes of the bare run's, and the bytes if those
    /// can be expected.
    #[must_use]
    pub fn holds(&self, bytes: bool) -> bool {
        let all = |count| count == self.renditions;
        let plain = all(self.same_frames) && all(self.same_timestamps) && all(self.same_size);
        self.renditions > 0 && plain && (!bytes || all(self.same_bytes))
    }
}

/// How fast this machine checks and keeps tickets: the answer of `lpctl bench tickets`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TicketBenchReport {
    /// lpctl's version.
    pub version: String,
    /// Processor cores this process may use.
    pub cores: usize,
    /// Tickets that were checked in each turn.
    pub tickets: usize,
    /// Turns of each side; the median counts.
    pub turns: usize,
    /// On one thread, and on all.
    pub runs: Vec<TicketRun>,
    /// How many times faster all threads are than one; none with one core.
    pub speed_up: Option<SpeedUp>,
    /// Winners that were kept; none if that was not measured.
    pub winners: Option<WinnerRun>,
}

/// Tickets checked on so many threads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TicketRun {
    /// Threads.
    pub threads: usize,
    /// A bare recovery of each signer by libsecp256k1.
    pub bare: TicketSpeed,
    /// All of it: hash, signer, the recipient's number, draw, and whether it was paid with before.
    pub whole: TicketSpeed,
    /// How many times longer all of it takes.
    pub ratio: f64,
}

/// How long one ticket takes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TicketSpeed {
    /// Microseconds a ticket.
    pub microseconds: f64,
    /// Tickets a second.
    pub per_second: f64,
}

/// How many times faster several threads are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SpeedUp {
    /// Threads.
    pub threads: usize,
    /// The bare recovery.
    pub bare: f64,
    /// All of it.
    pub whole: f64,
}

/// Winners written to disk, each on its own before its gateway would have been answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WinnerRun {
    /// How many.
    pub winners: usize,
    /// Payments on their way at the same time.
    pub clients: usize,
    /// Winners a second.
    pub per_second: f64,
    /// Half of them took no longer.
    pub median_ms: f64,
    /// 99 in 100 took no longer.
    pub p99_ms: f64,
    /// Where.
    pub folder: String,
}
