//! One segment, with all the runs it takes.

use std::{sync::OnceLock, time::Duration};

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::{
    Shared,
    feed::{Head, first_look, head},
    outcome::Outcome,
    plan::Pictures,
    process::Command,
    request::check_request,
    run::{Cut, Inspecting, Run, inspecting, was_not_started},
    slots::NoTurn,
    tally::count,
};
use crate::media::{
    job::{FailureClass, SegmentJob, TranscodeError, Transcoded},
    recipe::Recipe,
    target::Target,
};

/// The least time a segment waits for its turn, however short it plays.
const PATIENCE: Duration = Duration::from_secs(2);

/// Most runs over one segment, whatever the reasons.
const MOST_RUNS: u32 = 5;

/// What has been tried for a segment, so that nothing is tried twice.
#[derive(Debug, Default)]
struct Tried {
    runs: u32,
    big_probe: bool,
    /// No waiting process any more.
    cold: bool,
    with_less_memory: bool,
    elsewhere: bool,
}

impl Shared {
    /// Transcodes one segment. With `ahead`, the ffmpeg for the session's next one is started meanwhile.
    pub(super) async fn transcode(
        &self,
        job: &SegmentJob,
        stop: &CancellationToken,
        ahead: bool,
    ) -> Result<Transcoded, TranscodeError> {
        let made = self.try_all(job, stop, ahead).await;
        match &made {
            Ok(_) => {}
            Err(TranscodeError::Stopped) if job.source.is_broken() => {
                count(&self.tally.speculative_discarded)
            }
            Err(TranscodeError::Busy) => count(&self.tally.segments_shed),
            Err(error) => self.tally.failed(error),
        }
        made
    }

    async fn try_all(
        &self,
        job: &SegmentJob,
        stop: &CancellationToken,
        ahead: bool,
    ) -> Result<Transcoded, TranscodeError> {
        check_request(job, &self.settings.ffmpeg)?;
        let _working = self.pool.enter(&job.session);
        let head = timeout(self.settings.deadline.arrival, head(&job.source));
        let head = unless_stopped(stop, head).await?;
        let head = head
            .map_err(|_| TranscodeError::TimedOut)?
            .map_err(|_| TranscodeError::Stopped)?
            .ok_or(TranscodeError::INVALID_VIDEO)?;
        let patience = job.duration.max(PATIENCE);
        let turn = self.slots.turn(&job.source, patience, &self.tally.waiting);
        let mut turn = unless_stopped(stop, turn).await?.map_err(|error| match error {
            NoTurn::Broken => TranscodeError::Stopped,
            NoTurn::TooLate => TranscodeError::Busy,
        })?;
        let inspecting = inspecting(job);
        let arrived = OnceLock::new();
        let mut target = self.target_for(job)?;
        let mut pace = self.pace(job, target, turn.waited());
        let mut tried = Tried::default();
        let mut pictures = unless_stopped(stop, self.pictures_for(job, &head, target)).await?;
        loop {
            tried.runs += 1;
            let command = self.command(job, &head, target, pictures, tried.big_probe);
            let waiting = match tried.cold {
                false => self.pool.take(&job.session, &command),
                true => None,
            };
            let warm = waiting.is_some();
            let run = Run {
                job,
                stop,
                inspecting: &inspecting,
                arrived: &arrived,
                command: &command,
                pictures: pictures.filter(|_| self.needs_pictures(target)),
                next: ahead.then(|| self.command(job, &head, target, pictures, false)),
            };
            let cut = match self.run(run, waiting, &mut turn).await {
                Ok(Outcome::Made(made)) => {
                    let size = made.inspection.size;
                    self.pool.remember(&job.session, Pictures::of(&made.inspection));
                    self.report(job, target, None);
                    return Ok(Transcoded {
                        renditions: made.renditions,
                        decoded_frames: made.decoded,
                        source_width: size.map_or(0, |size| size.width),
                        source_height: size.map_or(0, |size| size.height),
                        elapsed: pace.finished(arrived.get().copied()),
                        target,
                        warm,
                    });
                }
                Ok(Outcome::TooSmallProbe) => Cut::TooSmallProbe,
                Err(cut) => cut,
            };
            let tried_on = target;
            if let Cut::Failed(error) = &cut {
                self.report(job, target, Some(error));
            }
            if let Err(error) = self.decide(job, cut, warm, &mut tried, &mut target, &mut pictures) {
                if error == TranscodeError::TimedOut {
                    pace.finished(arrived.get().copied());
                }
                return Err(self.final_word(error, stop, &inspecting).await);
            }
            if target != tried_on {
                pace = self.pace(job, target, Duration::ZERO);
                pictures = unless_stopped(stop, self.pictures_for(job, &head, target)).await?;
            }
        }
    }

    /// The error that is told. What looks like a fault of this side may still be explained by a segment that has not
    /// been seen whole.
    async fn final_word(
        &self,
        error: TranscodeError,
        stop: &CancellationToken,
        inspecting: &Inspecting,
    ) -> TranscodeError {
        if !matches!(error, TranscodeError::Failed { .. }) {
            return error;
        }
        let inspected = timeout(self.settings.deadline.arrival, inspecting.clone());
        match unless_stopped(stop, inspected).await {
            Err(stopped) => stopped,
            Ok(Ok(Err(Cut::Failed(refusal)))) => refusal,
            Ok(Ok(Err(Cut::Broken))) => TranscodeError::Stopped,
            Ok(_) => error,
        }
    }

    /// Whether a run that was cut is worth another, and what is to be different.
    fn decide(
        &self,
        job: &SegmentJob,
        cut: Cut,
        warm: bool,
        tried: &mut Tried,
        target: &mut Target,
        pictures: &mut Option<Pictures>,
    ) -> Result<(), TranscodeError> {
        let (session, seq) = (job.session.as_str(), job.seq);
        let last = tried.runs >= MOST_RUNS;
        // What waits for the next segment is left for it.
        tried.cold = true;
        let error = match cut {
            Cut::Broken => return Err(TranscodeError::Stopped),
            Cut::TooSmallProbe if !tried.big_probe && !last => {
                debug!(
                    session,
                    seq, "sound starts late, trying again with a long look ahead"
                );
                tried.big_probe = true;
                return Ok(());
            }
            // What the network's own transcoder says where a muxer refuses sound without a sample rate.
            Cut::TooSmallProbe => TranscodeError::INVALID_ARGUMENT,
            Cut::OtherPictures(other) if !last => {
                debug!(session, seq, ?other, "the pictures are not like those before");
                *pictures = Some(other);
                return Ok(());
            }
            Cut::OtherPictures(_) => TranscodeError::INVALID_VIDEO,
            Cut::Failed(error) => error,
        };
        // What has taken all its time gets no more.
        if last || error == TranscodeError::TimedOut {
            return Err(error);
        }
        match error.class() {
            Some(FailureClass::Device) if !tried.elsewhere => {
                tried.elsewhere = true;
                *target = self.target_for(job)?;
            }
            Some(FailureClass::Resource) if !tried.with_less_memory => {
                tried.with_less_memory = true;
                self.pool.give_up(was_not_started(&error));
            }
            // It may have been ill before the segment came.
            Some(FailureClass::Ours) if warm => {}
            _ => return Err(error),
        }
        self.tally.failed(&error);
        debug!(session, seq, %error, ?tried, "trying again");
        Ok(())
    }

    fn command(
        &self,
        job: &SegmentJob,
        head: &Head,
        target: Target,
        pictures: Option<Pictures>,
        big_probe: bool,
    ) -> Command {
        let pictures = pictures.filter(|_| self.needs_pictures(target));
        Command::of(&Recipe {
            program: self.settings.ffmpeg.path(),
            target,
            effort: self.effort(),
            input: head.input,
            source_size: pictures.map(|pictures| pictures.size),
            cpu_decode: pictures.is_some_and(|pictures| !pictures.decode_on_gpu),
            encoder_threads: self.settings.encoder_threads,
            big_probe,
            profiles: &job.profiles,
            clip: job.clip,
            perceptual_hash: job.perceptual_hash,
            orchestrator: &job.orchestrator,
        })
    }

    /// What the source's pictures are like where the command line needs it: the session's last ones, or what the first
    /// bytes tell.
    async fn pictures_for(&self, job: &SegmentJob, head: &Head, target: Target) -> Option<Pictures> {
        if !self.needs_pictures(target) {
            return None;
        }
        if let Some(pictures) = self.pool.pictures(&job.session) {
            return Some(pictures);
        }
        let looked = first_look(&job.source, head.bytes.clone()).await;
        Pictures::of(&looked.ok().flatten()?)
    }

    /// GPU scalers and renditions that are scaled from one another are given numbers.
    fn needs_pictures(&self, target: Target) -> bool {
        target != Target::Cpu || self.effort().cascaded
    }
}

/// Waits for something that may be cancelled.
async fn unless_stopped<T>(
    stop: &CancellationToken,
    waiting: impl Future<Output = T>,
) -> Result<T, TranscodeError> {
    tokio::select! {
        biased;
        () = stop.cancelled() => Err(TranscodeError::Stopped),
        done = waiting => Ok(done),
    }
}
