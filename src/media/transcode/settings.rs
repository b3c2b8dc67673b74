//! How the transcoder is set up, and why it may not be.

use std::{io, num::NonZeroUsize, path::PathBuf, thread::available_parallelism, time::Duration};

use super::memory;
use crate::{
    gpu::Placement,
    media::{ffmpeg::Ffmpeg, pace::Pacer},
    process::{Fencing, Launcher},
};

/// Encoder presets of libx264 and libx265, fastest first.
pub const PRESETS: [&str; 10] = [
    "ultrafast",
    "superfast",
    "veryfast",
    "faster",
    "fast",
    "medium",
    "slow",
    "slower",
    "veryslow",
    "placebo",
];

/// How to run ffmpeg.
#[derive(Debug, Clone)]
pub struct FfmpegSettings {
    /// The program.
    pub ffmpeg: Ffmpeg,
    /// How it is started.
    pub launcher: Launcher,
    /// What it is kept from; takes a launcher that puts up fences.
    pub fencing: Fencing,
    /// Where job directories are made, best in memory (`/dev/shm`). Made if it is missing.
    pub work_dir: PathBuf,
    /// How hard the CPU tries.
    pub pacer: Pacer,
    /// What encodes.
    pub placement: Placement,
    /// Threads of each encoder; none leaves it to the encoder, which is faster. For comparing renditions.
    pub encoder_threads: Option<u32>,
    /// Segments at work at the same time; the others wait. Processes share the cores, so it is memory that sets it.
    pub concurrency: NonZeroUsize,
    /// How long a segment may take.
    pub deadline: Deadline,
    /// What is kept ready for segments to come.
    pub warm: WarmSettings,
}

/// ffmpeg processes started before their segment comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WarmSettings {
    /// Most that may wait; none leaves it to the free memory.
    pub most: Option<u32>,
    /// How long one may wait.
    pub idle: Duration,
}

impl Default for WarmSettings {
    fn default() -> Self {
        Self {
            most: None,
            idle: Duration::from_secs(75),
        }
    }
}

impl WarmSettings {
    /// None are kept.
    pub const OFF: Self = Self {
        most: Some(0),
        idle: Duration::ZERO,
    };
}

/// Memory set aside for an ffmpeg at work: pictures of a large source, and what its encoders look ahead.
const MEMORY_EACH: u64 = 512 << 20;

/// As many segments at once as the machine has memory for, within reason.
fn concurrency() -> NonZeroUsize {
    let total = memory::read().map_or(0, |(_, total)| total);
    let by_memory = usize::try_from(total / MEMORY_EACH).unwrap_or(usize::MAX);
    let cores = available_parallelism().map_or(1, NonZeroUsize::get);
    let most = by_memory.clamp(cores.max(4), 256);
    NonZeroUsize::new(most).unwrap_or(NonZeroUsize::MIN)
}

impl FfmpegSettings {
    /// Settings for a node on this machine's CPU: preset `veryfast`, as many segments at once as it has memory for.
    #[must_use]
    pub fn new(ffmpeg: Ffmpeg, launcher: Launcher, work_dir: PathBuf) -> Self {
        Self {
            ffmpeg,
            launcher,
            fencing: Fencing::default(),
            work_dir,
            pacer: Pacer::fixed("veryfast"),
            placement: Placement::cpu_only(),
            encoder_threads: None,
            concurrency: concurrency(),
            deadline: Deadline::default(),
            warm: WarmSettings::default(),
        }
    }
}

/// How long a segment may take from when it is here: three times its playing time and two seconds, within bounds. Gateways give up
/// after four times the playing time, but not before eight seconds (`go-livepeer server/broadcast.go`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    /// However short the segment.
    pub least: Duration,
    /// However long the segment.
    pub most: Duration,
    /// How long its bytes may take to arrive. Receivers have stricter bounds; this one ends what they forget.
    pub arrival: Duration,
}

impl Default for Deadline {
    fn default() -> Self {
        Self {
            least: Duration::from_secs(10),
            most: Duration::from_secs(70),
            arrival: Duration::from_secs(310),
        }
    }
}

impl Deadline {
    /// The time for a segment that plays this long.
    #[must_use]
    pub fn of(&self, playing: Duration) -> Duration {
        playing
            .saturating_mul(3)
            .saturating_add(Duration::from_secs(2))
            .max(self.least)
            .min(self.most)
    }
}

/// Why there is no transcoder.
#[derive(Debug, thiserror::Error)]
pub enum TranscoderError {
    /// No such preset.
    #[error("{0} is no encoder preset; there are {list}", list = PRESETS.join(", "))]
    UnknownPreset(&'static str),
    /// The work directory cannot be made or written.
    #[error("cannot work in {}", .path.display())]
    WorkDir {
        /// The directory.
        path: PathBuf,
        /// What is wrong with it.
        source: io::Error,
    },
    /// ffmpeg starts, but does not transcode.
    #[error("ffmpeg {version} at {} fails to transcode a picture of its own: {reason}", .path.display())]
    SelfTest {
        /// Where it is.
        path: PathBuf,
        /// What it says it is.
        version: String,
        /// What happened.
        reason: String,
    },
    /// No thread for starting programs.
    #[error("cannot start a thread")]
    Thread(#[source] io::Error),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_keeps_within_its_bounds() {
        let deadline = Deadline::default();
        let of = |seconds| deadline.of(Duration::from_secs(seconds)).as_secs();
        assert_eq!([of(0), of(2), of(5), of(20), of(300)], [10, 10, 17, 62, 70]);
        assert_eq!(deadline.of(Duration::MAX).as_secs(), 70);
    }
}
