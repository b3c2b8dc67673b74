//! What a machine's devices can do, as `lpctl gpu test` tells it.

use serde::{Deserialize, Serialize};

/// The outcome of trial runs on each device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeReport {
    /// Version of the ffmpeg they were made with.
    pub ffmpeg: String,
    /// One for each device asked about, in that order.
    pub devices: Vec<DeviceProbe>,
}

/// The trial runs of one device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceProbe {
    /// `cpu`, `gpu0`, …
    pub device: String,
    /// One for each kind of trial, always in the same order.
    pub trials: Vec<TrialResult>,
}

impl DeviceProbe {
    /// The outcome of one kind of trial.
    #[must_use]
    pub fn result(&self, trial: Trial) -> Option<&TrialResult> {
        self.trials.iter().find(|result| result.trial == trial)
    }

    /// Whether a trial of this kind worked, if only with fewer renditions at once than were tried.
    #[must_use]
    pub fn can(&self, trial: Trial) -> bool {
        self.result(trial).is_some_and(|result| match result.verdict {
            Verdict::Works => true,
            Verdict::SessionLimit => result.renditions > 0,
            _ => false,
        })
    }
}

/// What is tried: decoding of one kind of source and encoding to one codec.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trial {
    /// H.264 to four renditions in H.264 at once.
    H264,
    /// H.264 to four renditions in HEVC at once.
    HevcEncode,
    /// HEVC to H.264.
    HevcDecode,
    /// H.264 in 4:4:4 with eight bits to H.264.
    H264Decode444,
    /// H.264 in 4:2:2 with eight bits to H.264.
    H264Decode422,
    /// H.264 in 4:4:4 with ten bits to H.264.
    H264Decode444TenBit,
    /// H.264 in 4:2:2 with ten bits to H.264.
    H264Decode422TenBit,
    /// H.264 in 4:2:0 with ten bits to H.264.
    H264Decode420TenBit,
}

impl Trial {
    /// All of them, the one everything else rests on first.
    pub const ALL: [Self; 8] = [
        Self::H264,
        Self::HevcEncode,
        Self::HevcDecode,
        Self::H264Decode444,
        Self::H264Decode422,
        Self::H264Decode444TenBit,
        Self::H264Decode422TenBit,
        Self::H264Decode420TenBit,
    ];
}

/// How one trial went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrialResult {
    /// What was tried.
    pub trial: Trial,
    /// What came of it.
    pub verdict: Verdict,
    /// Renditions that were made at once in the last run; none if none was.
    pub renditions: u32,
    /// Whether the source was decoded on the CPU, as GPUs do not take all of them.
    pub decoded_on_cpu: bool,
    /// Time of the last run.
    pub milliseconds: u64,
    /// What ffmpeg, or the system, said to it; none if it worked.
    pub reason: Option<String>,
}

/// What came of a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// All renditions came out whole.
    Works,
    /// The device's driver is missing, does not answer or is too old for this ffmpeg.
    Driver,
    /// There is no such device.
    NoDevice,
    /// The device gives fewer encoder sessions at once than were asked for.
    SessionLimit,
    /// The device's memory is full.
    Memory,
    /// The device has no such encoder or decoder.
    Unsupported,
    /// This ffmpeg was built without what it takes.
    Build,
    /// ffmpeg crashed.
    Crash,
    /// It took too long.
    TimedOut,
    /// It failed in another way.
    Failed,
    /// Not tried: something it rests on failed.
    NotTried,
}
