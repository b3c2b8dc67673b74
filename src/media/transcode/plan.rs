//! Where a segment is encoded and how hard the CPU tries: what is asked of the placement and the pacer, and what they
//! are told.

use std::time::{Duration, Instant};

use super::Shared;
use crate::{
    gpu::{Cost, RunOutcome},
    media::{
        inspect::Inspection,
        job::{FailureClass, SegmentJob, TranscodeError},
        pace::Pacer,
        size::Size,
        target::{Effort, Target},
    },
};

/// Frame rate of a profile that keeps the source's, and of sources.
const USUAL_FPS: u32 = 30;

/// What NVENC says when it takes no further session, as a consumer card does after a few.
const NO_MORE_SESSIONS: &str = "out of memory (10)";

/// What some command lines have to know of a source's pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pictures {
    pub(super) size: Size,
    pub(super) decode_on_gpu: bool,
}

impl Pictures {
    pub(super) fn of(inspection: &Inspection) -> Option<Self> {
        Some(Self {
            size: inspection.size?,
            decode_on_gpu: inspection.decodes_on_gpu(),
        })
    }
}

impl Shared {
    /// The device for the session's next run.
    pub(super) fn target_for(&self, job: &SegmentJob) -> Result<Target, TranscodeError> {
        let placed = self.settings.placement.place(&job.session, self.cost(job));
        placed.map_err(|error| {
            tracing::warn!(session = job.session, seq = job.seq, "not begun: {error}");
            TranscodeError::Busy
        })
    }

    /// What the session asks of a device. Until its source was seen it is taken to be as large as the largest rendition.
    fn cost(&self, job: &SegmentJob) -> Cost {
        let profiles = job.profiles.iter();
        let renditions = profiles.map(|profile| {
            let fps = match profile.fps {
                0 => USUAL_FPS,
                fps => fps / profile.fps_den.max(1),
            };
            (profile.width, profile.height, fps.max(1))
        });
        let source = match self.pool.pictures(&job.session) {
            Some(pictures) => Some((pictures.size.width, pictures.size.height, USUAL_FPS)),
            None => renditions
                .clone()
                .max_by_key(|(width, height, _)| u64::from(*width) * u64::from(*height)),
        };
        Cost::of(source.into_iter().chain(renditions))
    }

    /// Tells the placement how a run ended.
    pub(super) fn report(&self, job: &SegmentJob, target: Target, failed: Option<&TranscodeError>) {
        let outcome = match failed {
            None => RunOutcome::Done,
            Some(TranscodeError::Failed {
                class: FailureClass::Device,
                reason,
            }) if reason.contains(NO_MORE_SESSIONS) => RunOutcome::DeviceFull,
            Some(error) if error.class() == Some(FailureClass::Device) => RunOutcome::DeviceFault,
            Some(_) => RunOutcome::Other,
        };
        self.settings.placement.outcome(&job.session, target, outcome);
    }

    /// How hard to try.
    pub(super) fn effort(&self) -> Effort {
        self.settings.pacer.effort()
    }

    /// Bytes free in a device's memory, if it has one of its own.
    pub(super) fn free_device_memory(&self, target: Target) -> Option<u64> {
        self.settings.placement.free_memory(target)
    }

    /// Begins to measure a segment.
    pub(super) fn pace<'a>(&'a self, job: &'a SegmentJob, target: Target, waited: Duration) -> Pace<'a> {
        // GPUs have one way of working, and nothing is learned from them about the CPU.
        let pacer = (target == Target::Cpu).then_some(&self.settings.pacer);
        if let Some(pacer) = pacer {
            pacer.started(&job.session, job.duration);
        }
        Pace {
            pacer,
            job,
            began: Instant::now(),
            waited,
        }
    }
}

/// A segment that is being measured. Dropped before it is finished, it says nothing about speed.
pub(super) struct Pace<'a> {
    pacer: Option<&'a Pacer>,
    job: &'a SegmentJob,
    began: Instant,
    waited: Duration,
}

impl Pace<'_> {
    /// It is done. The time it took from when it was here, or from when its turn came.
    pub(super) fn finished(&mut self, arrived: Option<Instant>) -> Duration {
        let now = Instant::now();
        let whole = now.saturating_duration_since(self.began);
        let here = arrived.map_or(self.began, |arrived| arrived.max(self.began));
        let after = now.saturating_duration_since(here);
        let arriving = whole.saturating_sub(after);
        if let Some(pacer) = self.pacer.take() {
            // What was slower than the bytes was so all the time.
            let busy = if after > arriving { whole } else { after };
            pacer.finished(&self.job.session, self.job.duration, busy, self.waited);
        }
        after
    }
}

impl Drop for Pace<'_> {
    fn drop(&mut self) {
        if let Some(pacer) = self.pacer {
            pacer.failed(&self.job.session);
        }
    }
}
