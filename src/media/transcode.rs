//! The transcoder: one ffmpeg a segment, judged by what it made and not by what it said.

use std::{
    fs, io,
    path::Path,
    process::{ExitStatus, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use tempfile::TempDir;
use tokio::{
    io::AsyncWriteExt as _, process::ChildStdin, sync::Semaphore, task::spawn_blocking, time::timeout,
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use self::{
    directory::{job_dir, sweep},
    verdict::Summary,
};
use super::{
    count::{Counted, count},
    ffmpeg::{Ffmpeg, limits},
    inspect::{InputFormat, Inspection, inspect},
    job::{Rendition, SegmentJob, SegmentTranscoder, TranscodeError, Transcoded},
    ladder::{CodecProfile, Profile, VideoCodec, preset},
    recipe::{RUNAWAY, Recipe, SOURCE, output_file, signature_file},
    target::{Effort, Target},
};
use crate::process::{Job, Limits, Log, Spawner, Streams, keep_log};

pub(super) mod directory;
mod settings;
mod verdict;

pub use settings::{Deadline, FfmpegSettings, PRESETS, TranscoderError};

/// Most renditions of one segment (`lpms ffmpeg/transcoder.h`).
pub const MOST_OUTPUTS: usize = 10;

/// Transcodes with the ffmpeg program on the CPU, a process a segment. Cheap to clone.
#[derive(Debug, Clone)]
pub struct FfmpegTranscoder {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    settings: FfmpegSettings,
    spawner: Spawner,
    slots: Semaphore,
    running: AtomicU32,
    waiting: AtomicU32,
}

impl FfmpegTranscoder {
    /// Makes the work directory and removes what earlier processes that were killed have left in it.
    ///
    /// # Errors
    /// See [`TranscoderError`].
    pub fn new(settings: FfmpegSettings) -> Result<Self, TranscoderError> {
        if !PRESETS.contains(&settings.preset.as_str()) {
            return Err(TranscoderError::UnknownPreset(settings.preset));
        }
        let work_dir = |source| TranscoderError::WorkDir {
            path: settings.work_dir.clone(),
            source,
        };
        fs::create_dir_all(&settings.work_dir).map_err(work_dir)?;
        sweep(&settings.work_dir).map_err(work_dir)?;
        drop(job_dir(&settings.work_dir).map_err(work_dir)?);
        let spawner = Spawner::start(settings.launcher.clone()).map_err(TranscoderError::Thread)?;
        let slots = Semaphore::new(settings.concurrency.get().min(Semaphore::MAX_PERMITS));
        let (running, waiting) = (AtomicU32::new(0), AtomicU32::new(0));
        Ok(Self {
            shared: Arc::new(Shared {
                settings,
                spawner,
                slots,
                running,
                waiting,
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
        let failed = |error: TranscodeError| TranscoderError::SelfTest {
            path: self.ffmpeg().path().to_owned(),
            version: self.ffmpeg().version().to_owned(),
            reason: match error {
                TranscodeError::Failed(reason) => reason,
                other => other.to_string(),
            },
        };
        let Some(source) = self.shared.draw().await.map_err(failed)? else {
            return Ok(());
        };
        let job = SegmentJob {
            session: "self-test".into(),
            seq: 0,
            source: source.into(),
            duration: Duration::from_secs(1),
            profiles: preset("P144p30fps16x9").into_iter().collect(),
            perceptual_hash: false,
            clip: None,
            orchestrator: String::new(),
        };
        let made = self
            .transcode(job, CancellationToken::new())
            .await
            .map_err(failed)?;
        debug!(frames = made.decoded_frames, took = ?made.elapsed, "ffmpeg transcodes");
        Ok(())
    }

    /// ffmpeg processes running now.
    #[must_use]
    pub fn running(&self) -> u32 {
        self.shared.running.load(Ordering::Relaxed)
    }

    /// Segments waiting for their turn.
    #[must_use]
    pub fn waiting(&self) -> u32 {
        self.shared.waiting.load(Ordering::Relaxed)
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
        Box::pin(self.shared.transcode(&job, &stop)).await
    }
}

impl Shared {
    async fn transcode(
        &self,
        job: &SegmentJob,
        stop: &CancellationToken,
    ) -> Result<Transcoded, TranscodeError> {
        check_request(job, &self.settings.ffmpeg)?;
        let whole = job.source.whole().await.map_err(stopped)?;
        let source = whole.clone();
        let inspection = spawn_blocking(move || inspect(&source))
            .await
            .map_err(stopped)??;
        inspection.admits(&job.profiles)?;
        let waiting = Counter::raise(&self.waiting);
        let _slot = tokio::select! {
            biased;
            () = stop.cancelled() => return Err(TranscodeError::Stopped),
            slot = self.slots.acquire() => slot.map_err(stopped)?,
        };
        drop(waiting);
        let started = Instant::now();
        let mut made = self.attempt(job, &whole, &inspection, false, stop).await?;
        if let Attempt::TooSmallProbe = made {
            debug!(
                session = job.session,
                seq = job.seq,
                "sound starts late, trying again with a long look ahead"
            );
            made = self.attempt(job, &whole, &inspection, true, stop).await?;
        }
        match made {
            Attempt::Made(renditions, decoded_frames) => Ok(Transcoded {
                renditions,
                decoded_frames,
                source_width: inspection.size.map_or(0, |size| size.width),
                source_height: inspection.size.map_or(0, |size| size.height),
                elapsed: started.elapsed(),
                target: Target::Cpu,
                warm: false,
            }),
            Attempt::TooSmallProbe => Err(TranscodeError::Failed("the sound cannot be read".into())),
        }
    }

    /// A tiny clip; none if this ffmpeg has no test pictures.
    async fn draw(&self) -> Result<Option<Bytes>, TranscodeError> {
        const DRAWN: &str = "self-test.ts";
        let directory =
            job_dir(&self.settings.work_dir).map_err(|error| failed("no job directory", &error))?;
        let ffmpeg = &self.settings.ffmpeg;
        let mut command = ffmpeg.command(ffmpeg.path());
        command.args([
            "-hide_banner",
            "-nostdin",
            "-nostats",
            "-loglevel",
            "level+warning",
            "-f",
            "lavfi",
        ]);
        command.args([
            "-i",
            "testsrc=size=256x144:rate=10",
            "-frames:v",
            "10",
            "-pix_fmt",
            "yuv420p",
        ]);
        command.args(["-c:v", "libx264", "-preset", "ultrafast", "-f", "mpegts", DRAWN]);
        command.current_dir(directory.path());
        let streams = Streams {
            stdin: Stdio::null(),
            stdout: Stdio::null(),
            stderr: Stdio::piped(),
        };
        let deadline = self.settings.deadline.of(Duration::ZERO);
        let spawned = self
            .spawner
            .spawn(&command, streams, &self.limits(deadline))
            .await;
        let mut process = spawned.map_err(|error| failed("cannot start ffmpeg", &error))?;
        let Some(stderr) = process.take_stderr() else {
            return Ok(None);
        };
        let ended = timeout(deadline, async { tokio::join!(keep_log(stderr), process.wait()) }).await;
        process.kill().await;
        let (log, status) = ended.map_err(|_| TranscodeError::TimedOut)?;
        let status = status.map_err(|error| failed("lost ffmpeg", &error))?;
        if status.success() {
            let drawn = fs::read(directory.path().join(DRAWN));
            return Ok(Some(
                drawn
                    .map_err(|error| failed("the clip is missing", &error))?
                    .into(),
            ));
        }
        match log.says("Unknown input format") || log.says("No such filter") {
            true => Ok(None),
            false => Err(verdict::failure(status, &log)),
        }
    }

    fn limits(&self, deadline: Duration) -> Limits {
        self.settings.fencing.around(limits(deadline), false)
    }

    /// Runs ffmpeg once. The directory goes when this ends, however it ends, and the process before it.
    async fn attempt(
        &self,
        job: &SegmentJob,
        whole: &Bytes,
        inspection: &Inspection,
        big_probe: bool,
        stop: &CancellationToken,
    ) -> Result<Attempt, TranscodeError> {
        let directory =
            job_dir(&self.settings.work_dir).map_err(|error| failed("no job directory", &error))?;
        if inspection.input == InputFormat::Mp4File {
            let file = directory.path().join(SOURCE);
            tokio::fs::write(file, whole)
                .await
                .map_err(|error| failed("cannot keep the source", &error))?;
        }
        let playing = job.duration.max(Duration::from_millis(inspection.span_ms));
        let deadline = self.settings.deadline.of(playing);
        let mut process = self
            .start(job, inspection, big_probe, directory.path(), deadline)
            .await?;
        let running = Counter::raise(&self.running);
        let (stdin, stderr) = (process.take_stdin(), process.take_stderr());
        let whole = async {
            let feed = feed(stdin, whole.clone());
            let log = async {
                match stderr {
                    Some(stderr) => keep_log(stderr).await,
                    None => Log::default(),
                }
            };
            // All at once: whichever waited for another would stop ffmpeg.
            let ((), log, status) = tokio::join!(feed, log, process.wait());
            (log, status)
        };
        let ended = tokio::select! {
            biased;
            () = stop.cancelled() => Err(TranscodeError::Stopped),
            () = tokio::time::sleep(deadline) => Err(TranscodeError::TimedOut),
            (log, status) = whole => Ok((log, status)),
        };
        process.kill().await;
        drop(running);
        let (log, status) = ended?;
        let status = status.map_err(|error| failed("lost ffmpeg", &error))?;
        let outcome = judge(job, inspection, status, &log, directory, big_probe).await;
        if let Err(error) = &outcome {
            let said: Vec<_> = log.lines().rev().take(12).collect();
            warn!(session = job.session, seq = job.seq, %status, ?said, "transcoding failed: {error}");
        }
        outcome
    }

    async fn start(
        &self,
        job: &SegmentJob,
        inspection: &Inspection,
        big_probe: bool,
        directory: &Path,
        deadline: Duration,
    ) -> Result<Job, TranscodeError> {
        let ffmpeg = &self.settings.ffmpeg;
        let preset = self.settings.preset.as_str();
        let recipe = Recipe {
            program: ffmpeg.path(),
            target: Target::Cpu,
            effort: Effort {
                preset: PRESETS
                    .into_iter()
                    .find(|known| *known == preset)
                    .unwrap_or("veryfast"),
                cascaded: false,
            },
            input: inspection.input,
            source_size: inspection.size,
            cpu_decode: false,
            encoder_threads: self.settings.encoder_threads,
            big_probe,
            profiles: &job.profiles,
            clip: job.clip,
            perceptual_hash: job.perceptual_hash,
            orchestrator: &job.orchestrator,
        };
        let mut command = ffmpeg.command(ffmpeg.path());
        command.args(recipe.command().get_args()).current_dir(directory);
        let stdin = match inspection.input {
            InputFormat::MpegTs | InputFormat::Mp4Streamed => Stdio::piped(),
            InputFormat::Mp4File => Stdio::null(),
        };
        let streams = Streams {
            stdin,
            stdout: Stdio::null(),
            stderr: Stdio::piped(),
        };
        let spawned = self
            .spawner
            .spawn(&command, streams, &self.limits(deadline))
            .await;
        spawned.map_err(|error| failed("cannot start ffmpeg", &error))
    }
}

/// What one run came to, apart from failures.
enum Attempt {
    /// Renditions and the number of frames decoded.
    Made(Vec<Rendition>, u64),
    /// Worth a second try.
    TooSmallProbe,
}

/// Refuses what no source could make good.
fn check_request(job: &SegmentJob, ffmpeg: &Ffmpeg) -> Result<(), TranscodeError> {
    if job.profiles.is_empty() {
        return Err(TranscodeError::INVALID_ARGUMENT);
    }
    if job.profiles.len() > MOST_OUTPUTS {
        return Err(TranscodeError::TOO_MANY_OUTPUTS);
    }
    for profile in &job.profiles {
        if profile.width == 0 || profile.height == 0 {
            return Err(TranscodeError::INVALID_RESOLUTION);
        }
        if ffmpeg.encoder(profile.codec).is_none() {
            return Err(TranscodeError::NO_ENCODER);
        }
        // The profiles are H.264's; HEVC encoders refuse their names, on the whole network.
        if profile.codec == VideoCodec::H265 && profile.codec_profile != CodecProfile::Default {
            return Err(TranscodeError::INVALID_ARGUMENT);
        }
    }
    match job.clip {
        Some(clip) if !clip.to.is_zero() && clip.to < clip.from => Err(TranscodeError::INVALID_CLIP),
        _ => Ok(()),
    }
}

/// Writes the source and closes the pipe the moment the last byte is through: until then ffmpeg waits for more.
/// A failing write is no error by itself, ffmpeg may have seen enough.
async fn feed(stdin: Option<ChildStdin>, source: Bytes) {
    if let Some(mut stdin) = stdin {
        let _ = stdin.write_all(&source).await;
        let _ = stdin.shutdown().await;
    }
}

/// Success is exit code zero and frames in every file; anything else gets its reason.
async fn judge(
    job: &SegmentJob,
    inspection: &Inspection,
    status: ExitStatus,
    log: &Log,
    directory: TempDir,
    big_probe: bool,
) -> Result<Attempt, TranscodeError> {
    if !status.success() {
        if !big_probe && verdict::probe_was_too_small(log) {
            return Ok(Attempt::TooSmallProbe);
        }
        return Err(verdict::failure(status, log));
    }
    let profiles = job.profiles.clone();
    let perceptual_hash = job.perceptual_hash;
    let read = spawn_blocking(move || {
        let path = directory.path();
        let renditions = profiles.iter().enumerate();
        renditions
            .map(|(index, profile)| read_rendition(path, index, profile, perceptual_hash))
            .collect::<io::Result<Vec<_>>>()
    });
    let renditions = read.await.map_err(stopped)?.map_err(|error| match error.kind() {
        io::ErrorKind::InvalidData => TranscodeError::INVALID_VIDEO,
        _ => failed("a rendition is missing", &error),
    })?;
    let decoded = Summary::of(log).decoded.unwrap_or(inspection.pictures);
    let most = renditions
        .iter()
        .map(|rendition| rendition.frames)
        .max()
        .unwrap_or_default();
    if most > decoded.saturating_mul(RUNAWAY) {
        return Err(TranscodeError::RUNAWAY);
    }
    Ok(Attempt::Made(renditions, decoded))
}

/// Reads a rendition and counts it. `InvalidData` means there is no frame in it.
fn read_rendition(directory: &Path, index: usize, profile: &Profile, hash: bool) -> io::Result<Rendition> {
    let data = fs::read(directory.join(output_file(index, profile.format)))?;
    match count(&data) {
        Some(Counted {
            frames,
            size: Some(size),
        }) if frames > 0 => Ok(Rendition {
            data: data.into(),
            frames,
            width: size.width,
            height: size.height,
            perceptual_hash: match hash {
                true => Some(fs::read(directory.join(signature_file(index)))?.into()),
                false => None,
            },
        }),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

fn failed(what: &str, error: &io::Error) -> TranscodeError {
    TranscodeError::Failed(format!("{what}: {error}"))
}

/// The runtime is going down.
fn stopped<E>(_: E) -> TranscodeError {
    TranscodeError::Stopped
}

/// One more for as long as it lives.
struct Counter<'a>(&'a AtomicU32);

impl<'a> Counter<'a> {
    fn raise(count: &'a AtomicU32) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Counter<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
