//! One ffmpeg in a directory of its own, started for a segment or ahead of it.

use std::{ffi::OsString, fmt, io, process::Stdio};

use tempfile::TempDir;
use tokio::{
    process::{ChildStderr, ChildStdin},
    runtime::Handle,
};

use super::{FfmpegSettings, directory::job_dir};
use crate::{
    media::{ffmpeg::limits, inspect::InputFormat, recipe::Recipe, target::Target},
    process::{Job, Spawner, Streams},
};

/// All that tells one ffmpeg from another: where two are equal, the process started for the one serves the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Command {
    pub(super) target: Target,
    input: InputFormat,
    arguments: Vec<OsString>,
}

impl Command {
    pub(super) fn of(recipe: &Recipe<'_>) -> Self {
        Self {
            target: recipe.target,
            input: recipe.input,
            arguments: recipe.command().get_args().map(OsString::from).collect(),
        }
    }

    /// Whether it reads its standard input, and so can wait for a segment.
    pub(super) fn reads_stdin(&self) -> bool {
        self.input != InputFormat::Mp4File
    }
}

/// A running ffmpeg. Dropped, it is killed, and its directory goes when it is gone.
pub(super) struct Process {
    parts: Option<(Job, TempDir)>,
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = self.parts.as_ref().and_then(|(job, _)| job.id());
        f.debug_struct("Process").field("id", &id).finish()
    }
}

impl Process {
    /// Starts one in `directory`.
    pub(super) async fn start(
        spawner: &Spawner,
        settings: &FfmpegSettings,
        command: &Command,
        directory: TempDir,
    ) -> io::Result<Self> {
        let ffmpeg = &settings.ffmpeg;
        let mut line = ffmpeg.command(ffmpeg.path());
        line.args(&command.arguments).current_dir(directory.path());
        let streams = Streams {
            stdin: match command.reads_stdin() {
                true => Stdio::piped(),
                false => Stdio::null(),
            },
            stdout: Stdio::null(),
            stderr: Stdio::piped(),
        };
        // The longest segment's, so that the same process fits the next segment whatever its length: one that waits
        // uses no processor time.
        let limits = limits(settings.deadline.most);
        let limits = settings.fencing.around(limits, command.target != Target::Cpu);
        let job = spawner.spawn(&line, streams, &limits).await?;
        Ok(Self {
            parts: Some((job, directory)),
        })
    }

    /// A directory for one, in the work directory, which is made again should somebody have removed it.
    pub(super) fn directory(settings: &FfmpegSettings) -> io::Result<TempDir> {
        job_dir(&settings.work_dir).or_else(|error| match error.kind() {
            io::ErrorKind::NotFound => {
                std::fs::create_dir_all(&settings.work_dir)?;
                job_dir(&settings.work_dir)
            }
            _ => Err(error),
        })
    }

    /// Whether it is over already. Never waits.
    pub(super) fn has_ended(&mut self) -> bool {
        self.parts.as_mut().is_none_or(|(job, _)| job.has_ended())
    }

    pub(super) fn take_streams(&mut self) -> (Option<ChildStdin>, Option<ChildStderr>) {
        match &mut self.parts {
            Some((job, _)) => (job.take_stdin(), job.take_stderr()),
            None => (None, None),
        }
    }

    /// Waits for its end. May be called again, and be cancelled.
    pub(super) async fn wait(&mut self) -> io::Result<std::process::ExitStatus> {
        match &mut self.parts {
            Some((job, _)) => job.wait().await,
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    /// Makes sure that it is gone and hands out what it left.
    pub(super) async fn end(mut self) -> Option<TempDir> {
        let (job, directory) = self.parts.take()?;
        job.kill().await;
        Some(directory)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let Some((job, directory)) = self.parts.take() else {
            return;
        };
        // Killed at once, and the directory removed when nothing writes to it any more. Without a runtime both go now.
        if let Ok(runtime) = Handle::try_current() {
            job.kill_group();
            runtime.spawn(async move {
                job.kill().await;
                drop(directory);
            });
        } else {
            drop(job);
            drop(directory);
        }
    }
}
