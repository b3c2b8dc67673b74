//! What the engine is measured against: ffmpeg as one would start it by hand, a cold process for every segment, with
//! the engine's own arguments.
//!
//! It reads the whole segment from a file, writes to the same kind of place, is not fenced or limited and not started
//! through a helper. It has the same environment and the same nice value as the engine's, so that a busy machine
//! treats both alike. Its time ends with the process: its renditions are neither read nor counted within it.

use std::{
    ffi::OsString,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use bytes::Bytes;
use rustix::process::{Pid, getpriority_process, setpriority_process};
use tokio::time::timeout;

use super::clip::Piece;
use crate::{
    media::{
        ffmpeg::{Ffmpeg, NICENESS},
        inspect::inspect,
        job::SegmentJob,
        recipe::{Recipe, output_file},
        target::{Effort, Target},
    },
    process::{Launcher, Limits, Spawner, Streams},
};

/// The segment in the directory of a run.
const INPUT: &str = "segment";
/// What ffmpeg said.
const LOG: &str = "log";
/// How long a run may take.
const LONGEST: Duration = Duration::from_secs(300);
/// Most of the log that is read for a reason.
const REASON: usize = 200;

/// A bare ffmpeg; cheap to clone.
#[derive(Debug, Clone)]
pub struct Bare {
    ffmpeg: Ffmpeg,
    spawner: Spawner,
    work_dir: PathBuf,
    effort: Effort,
    encoder_threads: Option<u32>,
}

/// Why it made no renditions.
#[derive(Debug, thiserror::Error)]
pub enum BareError {
    /// A file of the run could not be written or read.
    #[error("cannot work in {}: {source}", .path.display())]
    Folder {
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It could not be started or was lost.
    #[error("the bare ffmpeg could not be run: {0}")]
    Run(#[source] io::Error),
    /// It gave up.
    #[error("the bare ffmpeg failed: {0}")]
    Failed(String),
    /// It was still busy.
    #[error("the bare ffmpeg took more than {} s", LONGEST.as_secs())]
    TimedOut,
    /// The engine would not have started one.
    #[error("the engine refuses the segment: {0}")]
    Refused(String),
}

/// What one run came to.
#[derive(Debug)]
pub struct Made {
    /// From starting the process to its end.
    pub elapsed: Duration,
    /// The renditions, if they were to be kept.
    pub renditions: Vec<Bytes>,
}

impl Bare {
    /// With the thread that starts it. Runs have directories of their own in `work_dir`.
    ///
    /// # Errors
    /// The system gives no further thread, or the directory cannot be made.
    pub fn new(
        ffmpeg: Ffmpeg,
        work_dir: PathBuf,
        effort: Effort,
        encoder_threads: Option<u32>,
    ) -> io::Result<Self> {
        fs::create_dir_all(&work_dir)?;
        Ok(Self {
            ffmpeg,
            spawner: Spawner::start(Launcher::Direct)?,
            work_dir,
            effort,
            encoder_threads,
        })
    }

    /// The program.
    #[must_use]
    pub fn ffmpeg(&self) -> &Ffmpeg {
        &self.ffmpeg
    }

    /// Transcodes one segment.
    ///
    /// # Errors
    /// See [`BareError`].
    pub async fn transcode(&self, piece: &Piece, job: &SegmentJob, keep: bool) -> Result<Made, BareError> {
        let directory = tempfile::Builder::new()
            .prefix("lpctl-bare-")
            .tempdir_in(&self.work_dir);
        let directory = directory.map_err(|source| self.folder(source))?;
        let here = directory.path();
        fs::write(here.join(INPUT), &piece.data).map_err(|source| self.folder(source))?;
        let log = File::create(here.join(LOG)).map_err(|source| self.folder(source))?;
        let mut command = self.ffmpeg.command(self.ffmpeg.path());
        command.args(self.arguments(piece, job)?).current_dir(here);
        let streams = Streams {
            stdin: Stdio::null(),
            stdout: Stdio::null(),
            stderr: log.into(),
        };
        let started = Instant::now();
        let mut process = self
            .spawner
            .spawn(&command, streams, &Limits::default())
            .await
            .map_err(BareError::Run)?;
        step_back(process.id());
        let ended = timeout(LONGEST, process.wait()).await;
        let elapsed = started.elapsed();
        process.kill().await;
        let status = ended.map_err(|_| BareError::TimedOut)?.map_err(BareError::Run)?;
        if !status.success() {
            return Err(BareError::Failed(reason(here, status)));
        }
        let mut renditions = Vec::new();
        for (index, profile) in job.profiles.iter().enumerate() {
            let data = fs::read(here.join(output_file(index, profile.format)));
            let data = data.map_err(|source| self.folder(source))?;
            if data.is_empty() {
                return Err(BareError::Failed(format!("rendition {index} is empty")));
            }
            if keep {
                renditions.push(data.into());
            }
        }
        Ok(Made { elapsed, renditions })
    }

    /// The engine's arguments, with the segment's file in place of what the engine feeds.
    fn arguments(&self, piece: &Piece, job: &SegmentJob) -> Result<Vec<OsString>, BareError> {
        let inspection = inspect(&piece.data).map_err(|error| BareError::Refused(error.to_string()))?;
        let recipe = Recipe {
            program: self.ffmpeg.path(),
            target: Target::Cpu,
            effort: self.effort,
            input: inspection.input,
            source_size: inspection.size,
            cpu_decode: false,
            encoder_threads: self.encoder_threads,
            big_probe: false,
            profiles: &job.profiles,
            clip: None,
            perceptual_hash: false,
            orchestrator: &job.orchestrator,
        };
        let command = recipe.command();
        let mut arguments: Vec<OsString> = Vec::new();
        let mut is_input = false;
        for word in command.get_args() {
            arguments.push(if is_input { INPUT.into() } else { word.into() });
            is_input = word == "-i";
        }
        Ok(arguments)
    }

    fn folder(&self, source: io::Error) -> BareError {
        BareError::Folder {
            path: self.work_dir.clone(),
            source,
        }
    }
}

/// The same nice value as the engine's processes have. Threads that are started later have it too.
fn step_back(id: Option<u32>) {
    let process = id.and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    if let (Some(process), Ok(ours)) = (process, getpriority_process(None)) {
        // Only fairness: a process that has ended already has none to give.
        let _ = setpriority_process(Some(process), ours + i32::from(NICENESS));
    }
}

/// The last line it said, or how it ended.
fn reason(directory: &Path, status: std::process::ExitStatus) -> String {
    let log = fs::read(directory.join(LOG)).unwrap_or_default();
    let log = String::from_utf8_lossy(&log);
    let last = log
        .lines()
        .rev()
        .find(|line| line.contains("[error]") || line.contains("[fatal]"));
    last.map_or_else(
        || format!("it ended with {status}"),
        |line| line.chars().take(REASON).collect(),
    )
}
