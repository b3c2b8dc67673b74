//! One run of ffmpeg over a segment, from its first bytes to the judgement on what came out.

use std::{
    future::pending,
    io,
    sync::OnceLock,
    time::{Duration, Instant},
};

use futures_util::future::{BoxFuture, FutureExt as _, Shared as SharedFuture};
use rustix::io::Errno;
use tokio::{
    task::spawn_blocking,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::{
    Shared,
    feed::{feed, spool},
    outcome::{Outcome, failed, judge},
    plan::Pictures,
    process::{Command, Process},
    slots::Turn,
    tally::Now,
    verdict,
};
use crate::{
    media::{
        arrival::Broken,
        inspect::{Inspection, inspect},
        job::{FailureClass, SegmentJob, TranscodeError},
    },
    process::{Log, keep_log_until},
};

/// How the reason begins where there was no process.
const CANNOT_START: &str = "cannot start ffmpeg";

/// Lines of ffmpeg's own that are logged with a failure.
const TOLD: usize = 12;

/// Why a run ended before ffmpeg did, or does not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cut {
    /// The segment did not arrive whole, or is not the one that was promised.
    Broken,
    /// Sound starts after what was looked at: worth a second, longer look.
    TooSmallProbe,
    /// The command line was made for other pictures.
    OtherPictures(Pictures),
    /// Anything else.
    Failed(TranscodeError),
}

impl From<Broken> for Cut {
    fn from(_: Broken) -> Self {
        Self::Broken
    }
}

impl From<TranscodeError> for Cut {
    fn from(error: TranscodeError) -> Self {
        Self::Failed(error)
    }
}

/// The inspection of the whole segment, once for all runs.
pub(super) type Inspecting = SharedFuture<BoxFuture<'static, Result<Inspection, Cut>>>;

/// Inspects the segment when its last byte is here.
pub(super) fn inspecting(job: &SegmentJob) -> Inspecting {
    let (source, profiles) = (job.source.clone(), job.profiles.clone());
    let inspected = async move {
        let whole = source.whole().await?;
        let inspected = spawn_blocking(move || {
            let inspection = inspect(&whole)?;
            inspection.admits(&profiles)?;
            Ok::<_, TranscodeError>(inspection)
        });
        Ok(inspected.await.map_err(|_| TranscodeError::Stopped)??)
    };
    inspected.boxed().shared()
}

/// What a run is of.
pub(super) struct Run<'a> {
    pub(super) job: &'a SegmentJob,
    pub(super) stop: &'a CancellationToken,
    pub(super) inspecting: &'a Inspecting,
    pub(super) command: &'a Command,
    /// When the whole segment was here.
    pub(super) arrived: &'a OnceLock<Instant>,
    /// What the command line counts on.
    pub(super) pictures: Option<Pictures>,
    /// The one to start for the next segment.
    pub(super) next: Option<Command>,
}

impl Shared {
    /// Runs ffmpeg once: `waiting`, or one that is started now. The directory goes when this ends, however it ends, and
    /// the process before it.
    pub(super) async fn run(
        &self,
        run: Run<'_>,
        waiting: Option<Process>,
        turn: &mut Turn<'_>,
    ) -> Result<Outcome, Cut> {
        let Run { job, stop, .. } = run;
        let began = Instant::now();
        let warm = waiting.is_some();
        let mut process = match waiting {
            Some(process) => process,
            None => self.start(&run).await?,
        };
        let running = Now::raise(&self.tally.running);
        let (stdin, stderr) = process.take_streams();
        let feeding = async {
            if let Some(stdin) = stdin {
                feed(stdin, &job.source).await?;
            }
            turn.arrived();
            // The next segment comes when this one is done, if those before it did: loading an ffmpeg costs this one
            // less than waiting for it would cost the next.
            if let Some(next) = run.next.as_ref().filter(|_| self.pool.hurries(&job.session)) {
                self.start_ahead(&job.session, next).await;
            }
            Ok(())
        };
        let inspecting = async {
            let inspection = run.inspecting.clone().await?;
            inspection.admits(&job.profiles)?;
            match (run.pictures, Pictures::of(&inspection)) {
                (Some(expected), Some(found)) if expected != found => Err(Cut::OtherPictures(found)),
                _ => Ok(inspection),
            }
        };
        let ending = async {
            let (log, status) = match stderr {
                Some(stderr) => keep_log_until(stderr, process.wait()).await,
                None => (Log::default(), process.wait().await),
            };
            let status =
                status.map_err(|error| Cut::Failed(failed(FailureClass::Ours, "lost ffmpeg", &error)))?;
            // No need to wait for the rest of the segment.
            if !status.success() && verdict::probe_was_too_small(&log) {
                return Err(Cut::TooSmallProbe);
            }
            if !status.success() && job.source.complete().is_none() {
                let error = verdict::failure(status, &log, run.command.target);
                if error.class() != Some(FailureClass::Input) {
                    tell(job, &error, &log, warm);
                    return Err(error.into());
                }
            }
            Ok((log, status))
        };
        let ended = tokio::select! {
            biased;
            () = stop.cancelled() => Err(TranscodeError::Stopped.into()),
            () = self.too_late(&run) => Err(TranscodeError::TimedOut.into()),
            all = async { tokio::try_join!(feeding, inspecting, ending) } => all,
        };
        let directory = process.end().await;
        drop(running);
        let ((), inspection, (log, status)) = ended?;
        let Some(directory) = directory else {
            return Err(TranscodeError::Stopped.into());
        };
        // A live stream pauses until its next segment: there is time to load, and no encoder to be disturbed.
        let ahead = async {
            if let Some(next) = &run.next {
                self.start_ahead(&job.session, next).await;
            }
        };
        let judging = judge(job, inspection, run.command.target, status, &log, directory);
        let (outcome, ()) = tokio::join!(judging, ahead);
        match &outcome {
            Ok(_) => {
                debug!(session = job.session, seq = job.seq, warm, took = ?began.elapsed(), "ffmpeg ended")
            }
            Err(error) => tell(job, error, &log, warm),
        }
        Ok(outcome?)
    }

    /// Resolves when a run takes too long: the time starts when the segment is here, and it has to be here in time.
    async fn too_late(&self, run: &Run<'_>) {
        let deadline = &self.settings.deadline;
        match timeout(deadline.arrival, run.job.source.whole()).await {
            Err(_) => return,
            // Others tell of it.
            Ok(Err(Broken)) => pending().await,
            Ok(Ok(_)) => {}
        }
        let arrived = run.arrived.get_or_init(Instant::now);
        sleep(deadline.of(run.job.duration)).await;
        // It may play longer than the sender says.
        if let Ok(inspection) = run.inspecting.clone().await {
            let playing = run.job.duration.max(Duration::from_millis(inspection.span_ms));
            sleep(deadline.of(playing).saturating_sub(arrived.elapsed())).await;
        }
    }

    /// Starts an ffmpeg for this segment; one that cannot read while it arrives waits for all of it.
    async fn start(&self, run: &Run<'_>) -> Result<Process, Cut> {
        let unwritable = |error: io::Error| failed(FailureClass::Resource, "no job directory", &error);
        let directory = Process::directory(&self.settings).map_err(unwritable)?;
        if !run.command.reads_stdin() {
            let whole = tokio::select! {
                biased;
                () = run.stop.cancelled() => return Err(TranscodeError::Stopped.into()),
                whole = timeout(self.settings.deadline.arrival, run.job.source.whole()) => whole,
            };
            let whole = whole.map_err(|_| TranscodeError::TimedOut)??;
            run.arrived.get_or_init(Instant::now);
            run.inspecting.clone().await?;
            spool(whole, directory.path())
                .await
                .map_err(|error| failed(FailureClass::Resource, "cannot keep the source", &error))?;
        }
        let started = Process::start(&self.spawner, &self.settings, run.command, directory).await;
        Ok(started.map_err(|error| failed(spawn_class(&error), CANNOT_START, &error))?)
    }

    /// Starts the ffmpeg for the session's next segment. Without one that segment starts its own.
    async fn start_ahead(&self, session: &str, command: &Command) {
        if !self
            .pool
            .wants(session, command, self.free_device_memory(command.target))
        {
            return;
        }
        let started = async {
            let directory = Process::directory(&self.settings)?;
            Process::start(&self.spawner, &self.settings, command, directory).await
        };
        match started.await {
            Ok(process) => self.pool.put(session, command.clone(), process),
            Err(error) => debug!(session, %error, "cannot start an ffmpeg ahead"),
        }
    }
}

/// Whether the run failed before there was a process.
pub(super) fn was_not_started(error: &TranscodeError) -> bool {
    matches!(error, TranscodeError::Failed { reason, .. } if reason.starts_with(CANNOT_START))
}

/// Tells the operator why a run failed.
fn tell(job: &SegmentJob, error: &TranscodeError, log: &Log, warm: bool) {
    let said: Vec<_> = log.lines().rev().take(TOLD).collect();
    let class = error.class();
    warn!(
        session = job.session,
        seq = job.seq,
        ?class,
        warm,
        ?said,
        "transcoding failed: {error}"
    );
}

/// Whether the machine is short of something or lpctl's own set-up is wrong.
fn spawn_class(error: &io::Error) -> FailureClass {
    let short = [
        Errno::AGAIN,
        Errno::NOMEM,
        Errno::MFILE,
        Errno::NFILE,
        Errno::NOSPC,
    ];
    match short
        .iter()
        .any(|short| error.raw_os_error() == Some(short.raw_os_error()))
    {
        true => FailureClass::Resource,
        false => FailureClass::Ours,
    }
}
