//! The transcoder: an ffmpeg for every segment, started before the segment comes where it can be, fed while the
//! segment arrives, judged by what it made and not by what it said.
//!
//! | module | holds |
//! |---|---|
//! | `request` | what is refused before anything runs |
//! | `slots` | whose turn it is |
//! | `segment` | one segment with all the runs it takes: what is tried again, and how |
//! | `plan` | where it is encoded, and how hard the CPU tries |
//! | `run` | one run of ffmpeg |
//! | `feed` | how bytes reach it while they arrive |
//! | `process` | one ffmpeg in its directory, and what its command line is |
//! | `pool` | the processes that wait for segments to come |
//! | `memory` | how many of them there may be |
//! | `outcome`, `verdict` | what came out, and why nothing did |

use std::{
    fs,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio_util::sync::CancellationToken;
use tracing::debug;

use self::{
    directory::{job_dir, sweep},
    pool::Pool,
    slots::Slots,
    tally::Tally,
};
use super::{
    ffmpeg::Ffmpeg,
    job::{SegmentJob, SegmentTranscoder, TranscodeError, Transcoded},
};
use crate::{gpu::Cost, process::Spawner, view::node::EngineView};

pub(super) mod directory;
mod feed;
mod memory;
mod outcome;
mod plan;
mod pool;
mod process;
mod request;
mod run;
mod segment;
mod self_test;
mod settings;
mod slots;
mod tally;
mod verdict;

pub use request::MOST_OUTPUTS;
pub use settings::{Deadline, FfmpegSettings, PRESETS, TranscoderError, WarmSettings};

/// What a session of which nothing is known is taken to ask of a device: 720p30 to 480p, 360p and 240p.
const USUAL: Cost = Cost {
    pixels_per_second: 30 * (1280 * 720 + 854 * 480 + 640 * 360 + 426 * 240),
    renditions: 3,
};

/// Transcodes with the ffmpeg program. Cheap to clone; with the last clone everything it runs ends.
#[derive(Debug, Clone)]
pub struct FfmpegTranscoder {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    settings: FfmpegSettings,
    spawner: Spawner,
    slots: Slots,
    pool: Arc<Pool>,
    tally: Tally,
}

impl FfmpegTranscoder {
    /// Makes the work directory and removes what earlier processes that were killed have left in it.
    ///
    /// # Errors
    /// See [`TranscoderError`].
    pub fn new(settings: FfmpegSettings) -> Result<Self, TranscoderError> {
        let preset = settings.pacer.effort().preset;
        if !PRESETS.contains(&preset) {
            return Err(TranscoderError::UnknownPreset(preset));
        }
        let work_dir = |source| TranscoderError::WorkDir {
            path: settings.work_dir.clone(),
            source,
        };
        fs::create_dir_all(&settings.work_dir).map_err(work_dir)?;
        sweep(&settings.work_dir).map_err(work_dir)?;
        drop(job_dir(&settings.work_dir).map_err(work_dir)?);
        let spawner = Spawner::start(settings.launcher.clone()).map_err(TranscoderError::Thread)?;
        Ok(Self {
            shared: Arc::new(Shared {
                slots: Slots::new(settings.concurrency),
                pool: Pool::new(settings.warm),
                tally: Tally::default(),
                settings,
                spawner,
            }),
        })
    }

    /// Transcodes a tiny clip that ffmpeg draws itself, through everything a segment goes through: some builds
    /// answer what they are and then crash on every transport stream. Takes half a second. A build that cannot
    /// draw is taken as it is.
    ///
    /// # Errors
    /// [`TranscoderError::SelfTest`].
    pub async fn self_test(&self) -> Result<(), TranscoderError> {
        let made = self.shared.self_test().await;
        let made = made.map_err(|error| TranscoderError::SelfTest {
            path: self.ffmpeg().path().to_owned(),
            version: self.ffmpeg().version().to_owned(),
            reason: match error {
                TranscodeError::Failed { reason, .. } => reason,
                other => other.to_string(),
            },
        })?;
        if let Some(made) = made {
            debug!(frames = made.decoded_frames, took = ?made.elapsed, "ffmpeg transcodes");
        }
        Ok(())
    }

    /// ffmpeg processes at work on a segment now.
    #[must_use]
    pub fn running(&self) -> u32 {
        self.shared.tally.running.load(Ordering::Relaxed)
    }

    /// Segments waiting for their turn.
    #[must_use]
    pub fn waiting(&self) -> u32 {
        self.shared.tally.waiting.load(Ordering::Relaxed)
    }

    /// The ffmpeg in use.
    #[must_use]
    pub fn ffmpeg(&self) -> &Ffmpeg {
        &self.shared.settings.ffmpeg
    }
}

impl SegmentTranscoder for FfmpegTranscoder {
    async fn transcode(
        &self,
        job: SegmentJob,
        stop: CancellationToken,
    ) -> Result<Transcoded, TranscodeError> {
        // The work is done on the heap: it is large, and callers hold many of these.
        Box::pin(self.shared.transcode(&job, &stop, true)).await
    }

    fn close(&self, session: &str) {
        let settings = &self.shared.settings;
        settings.placement.close(session);
        settings.pacer.close(session);
        self.shared.pool.close(session);
    }

    fn has_capacity(&self) -> bool {
        let settings = &self.shared.settings;
        let has_device = !settings.placement.has_gpus() || settings.placement.has_room(USUAL);
        has_device && settings.pacer.has_capacity()
    }

    fn expected(&self, session: &str, playing: Duration) -> Option<Duration> {
        self.shared.settings.pacer.expected(session, playing)
    }

    fn view(&self) -> EngineView {
        let tally = &self.shared.tally;
        EngineView {
            ffmpeg: self.ffmpeg().version().to_owned(),
            running: self.running(),
            waiting: self.waiting(),
            warm: self.shared.pool.view(),
            speculative_discarded: tally.speculative_discarded.load(Ordering::Relaxed),
            segments_shed: tally.segments_shed.load(Ordering::Relaxed),
            failures: tally.failures(),
            effort: Some(self.shared.settings.pacer.view()),
            fence: self.shared.settings.fencing.to_string(),
        }
    }
}
