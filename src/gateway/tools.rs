//! ffmpeg and ffprobe as the sending side runs them.

use std::{
    ffi::OsStr,
    io,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use tokio::{
    io::AsyncReadExt,
    process::{ChildStdin, ChildStdout},
    time::timeout,
};

use crate::{
    media::ffmpeg::{self, Ffmpeg},
    process::{Job, Launcher, Limits, Log, Spawner, Streams, keep_log},
};

/// Why a program of ours gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    /// There is no ffprobe with this ffmpeg.
    #[error("ffprobe was not found beside {}", .0.display())]
    NoFfprobe(PathBuf),
    /// It could not be started or read.
    #[error("{program} cannot be run")]
    Run {
        /// Which one.
        program: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// It was still busy.
    #[error("{program} was still busy after {} s", .limit.as_secs())]
    TimedOut {
        /// Which one.
        program: &'static str,
        /// How long it had.
        limit: Duration,
    },
}

/// ffmpeg, ffprobe and what starts them.
#[derive(Debug, Clone)]
pub struct Tools {
    ffmpeg: Ffmpeg,
    spawner: Spawner,
}

/// What a run of ffprobe gave.
#[derive(Debug)]
pub struct Probed {
    /// Its answer, as far as it was read.
    pub answer: Vec<u8>,
    /// What it complained about.
    pub log: Log,
    /// How it ended.
    pub status: ExitStatus,
}

impl Tools {
    /// With the thread that starts programs.
    ///
    /// # Errors
    /// [`ToolError::Run`] if the system gives no further thread.
    pub fn new(ffmpeg: Ffmpeg, launcher: Launcher) -> Result<Self, ToolError> {
        let spawner = Spawner::start(launcher).map_err(|source| ToolError::Run {
            program: "ffmpeg",
            source,
        })?;
        Ok(Self { ffmpeg, spawner })
    }

    /// Starts ffmpeg with a pipe from its stdout, and keeps its log.
    ///
    /// # Errors
    /// [`ToolError::Run`] if it cannot be started.
    pub async fn ffmpeg<A: AsRef<OsStr>>(
        &self,
        args: impl IntoIterator<Item = A>,
        directory: &Path,
    ) -> Result<(Job, ChildStdout, tokio::task::JoinHandle<Log>), ToolError> {
        let mut command = self.ffmpeg.command(self.ffmpeg.path());
        command.args(args).current_dir(directory);
        // Over a file of the user's own, however long it is.
        self.start("ffmpeg", &command, Stdio::null(), &Limits::default())
            .await
    }

    /// Starts ffmpeg with pipes to its stdin and from its stdout, within these limits, and keeps its log.
    ///
    /// # Errors
    /// [`ToolError::Run`] if it cannot be started.
    pub(super) async fn fed_ffmpeg<A: AsRef<OsStr>>(
        &self,
        args: impl IntoIterator<Item = A>,
        directory: &Path,
        limits: &Limits,
    ) -> Result<(Job, ChildStdin, ChildStdout, tokio::task::JoinHandle<Log>), ToolError> {
        let mut command = self.ffmpeg.command(self.ffmpeg.path());
        command.args(args).current_dir(directory);
        let (mut job, stdout, log) = self.start("ffmpeg", &command, Stdio::piped(), limits).await?;
        match job.take_stdin() {
            Some(stdin) => Ok((job, stdin, stdout, log)),
            None => Err(ToolError::Run {
                program: "ffmpeg",
                source: io::ErrorKind::BrokenPipe.into(),
            }),
        }
    }

    /// Runs ffmpeg for what it says, over files that are a stranger's, for so long at most.
    ///
    /// # Errors
    /// [`ToolError`] if it cannot be run or takes longer; what it thinks of the files is in its log.
    pub(super) async fn ffmpeg_log<A: AsRef<OsStr>>(
        &self,
        args: impl IntoIterator<Item = A>,
        directory: &Path,
        limit: Duration,
    ) -> Result<Log, ToolError> {
        let program = "ffmpeg";
        let failed = |source| ToolError::Run { program, source };
        let mut command = self.ffmpeg.command(self.ffmpeg.path());
        command.args(args).current_dir(directory);
        let (mut job, stdout, log) = self
            .start(program, &command, Stdio::null(), &ffmpeg::limits(limit))
            .await?;
        drop(stdout);
        let ended = timeout(limit, job.wait()).await;
        job.kill().await;
        ended
            .map_err(|_| ToolError::TimedOut { program, limit })?
            .map_err(failed)?;
        Ok(log.await.unwrap_or_default())
    }

    async fn start(
        &self,
        program: &'static str,
        command: &std::process::Command,
        stdin: Stdio,
        limits: &Limits,
    ) -> Result<(Job, ChildStdout, tokio::task::JoinHandle<Log>), ToolError> {
        let failed = |source| ToolError::Run { program, source };
        let streams = Streams {
            stdin,
            stdout: Stdio::piped(),
            stderr: Stdio::piped(),
        };
        let mut job = self
            .spawner
            .spawn(command, streams, limits)
            .await
            .map_err(failed)?;
        match (job.take_stdout(), job.take_stderr()) {
            (Some(stdout), Some(stderr)) => Ok((job, stdout, tokio::spawn(keep_log(stderr)))),
            _ => Err(failed(io::ErrorKind::BrokenPipe.into())),
        }
    }

    /// Runs ffprobe over one file and reads at most `most` bytes of its answer; a longer answer ends it.
    ///
    /// # Errors
    /// See [`ToolError`]; what ffprobe thinks of the file is in [`Probed`].
    pub async fn ffprobe(
        &self,
        args: &[&str],
        file: &Path,
        most: u64,
        limit: Duration,
    ) -> Result<Probed, ToolError> {
        let program = "ffprobe";
        let failed = |source| ToolError::Run { program, source };
        let ffprobe = self
            .ffmpeg
            .ffprobe()
            .ok_or_else(|| ToolError::NoFfprobe(self.ffmpeg.path().to_owned()))?;
        let mut command = self.ffmpeg.command(ffprobe);
        command
            .args(["-hide_banner", "-loglevel", "error"])
            .args(args)
            .arg(local(file).map_err(failed)?);
        let limits = ffmpeg::limits(limit);
        let (mut job, stdout, log) = self.start(program, &command, Stdio::null(), &limits).await?;
        let mut answer = Vec::new();
        let reading = async {
            // The pipe closes when enough was read, and ffprobe ends itself.
            stdout.take(most).read_to_end(&mut answer).await?;
            job.wait().await
        };
        let ended = timeout(limit, reading).await;
        job.kill().await;
        let status = ended
            .map_err(|_| ToolError::TimedOut { program, limit })?
            .map_err(failed)?;
        let log = log.await.unwrap_or_default();
        Ok(Probed { answer, log, status })
    }
}

/// A path as ffmpeg takes it for a file and never for an option, a protocol or a pattern.
///
/// # Errors
/// The working directory is gone.
pub fn local(file: &Path) -> io::Result<std::ffi::OsString> {
    let mut url = std::ffi::OsString::from("file:");
    url.push(std::path::absolute(file)?);
    Ok(url)
}

/// The reason in the last line of a log, without the name of the file before it.
#[must_use]
pub fn reason(log: &Log) -> String {
    let last = log.lines().next_back().unwrap_or("no reason given");
    last.rsplit_once(": ")
        .map_or(last, |(_, reason)| reason)
        .to_string()
}
