//! How the transcoder is set up, and why it may not be.

use std::{io, num::NonZeroUsize, path::PathBuf, thread::available_parallelism, time::Duration};

use crate::{
    media::ffmpeg::Ffmpeg,
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
    /// Encoder preset, one of [`PRESETS`].
    pub preset: String,
    /// Threads of each encoder; none leaves it to the encoder, which is faster. For comparing renditions.
    pub encoder_threads: Option<u32>,
    /// Segments transcoded at the same time; the others wait.
    pub concurrency: NonZeroUsize,
    /// How long a segment may take once it runs.
    pub deadline: Deadline,
}

impl FfmpegSettings {
    /// Settings for a node on this machine's CPU: preset `veryfast`, as many segments at once as it has cores.
    #[must_use]
    pub fn new(ffmpeg: Ffmpeg, launcher: Launcher, work_dir: PathBuf) -> Self {
        Self {
            ffmpeg,
            launcher,
            fencing: Fencing::default(),
            work_dir,
            preset: "veryfast".into(),
            encoder_threads: None,
            concurrency: available_parallelism().unwrap_or(NonZeroUsize::MIN),
            deadline: Deadline::default(),
        }
    }
}

/// How long a segment may take: three times its playing time and two seconds, within bounds. Gateways give up
/// after four times the playing time, but not before eight seconds (`go-livepeer server/broadcast.go`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    /// However short the segment.
    pub least: Duration,
    /// However long the segment.
    pub most: Duration,
}

impl Default for Deadline {
    fn default() -> Self {
        Self {
            least: Duration::from_secs(10),
            most: Duration::from_secs(70),
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
    UnknownPreset(String),
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
