//! One tiny clip through everything a segment goes through.

use std::{fs, process::Stdio, time::Duration};

use bytes::Bytes;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{Shared, outcome::failed, process::Process, verdict};
use crate::{
    media::{
        ffmpeg::limits,
        job::{FailureClass, SegmentJob, TranscodeError, Transcoded},
        ladder::preset,
        target::Target,
    },
    process::{Streams, keep_log},
};

const DRAWN: &str = "self-test.ts";

/// Ten small pictures, made without any file.
const DRAWING: [&str; 18] = [
    "-hide_banner",
    "-nostdin",
    "-nostats",
    "-loglevel",
    "level+warning",
    "-f",
    "lavfi",
    "-i",
    "testsrc=size=256x144:rate=10",
    "-frames:v",
    "10",
    "-pix_fmt",
    "yuv420p",
    "-c:v",
    "libx264",
    "-preset",
    "ultrafast",
    "-y",
];

impl Shared {
    /// Draws and transcodes the clip; none if this ffmpeg has no test pictures.
    pub(super) async fn self_test(&self) -> Result<Option<Transcoded>, TranscodeError> {
        let Some(source) = self.draw().await? else {
            return Ok(None);
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
        let made = Box::pin(self.transcode(&job, &CancellationToken::new(), false)).await;
        self.pool.close(&job.session);
        self.settings.placement.close(&job.session);
        self.settings.pacer.close(&job.session);
        made.map(Some)
    }

    async fn draw(&self) -> Result<Option<Bytes>, TranscodeError> {
        let resource = |what, error| failed(FailureClass::Resource, what, &error);
        let ours = |what, error| failed(FailureClass::Ours, what, &error);
        let directory =
            Process::directory(&self.settings).map_err(|error| resource("no job directory", error))?;
        let ffmpeg = &self.settings.ffmpeg;
        let mut command = ffmpeg.command(ffmpeg.path());
        command.args(DRAWING).args(["-f", "mpegts", DRAWN]);
        command.current_dir(directory.path());
        let streams = Streams {
            stdin: Stdio::null(),
            stdout: Stdio::null(),
            stderr: Stdio::piped(),
        };
        let deadline = self.settings.deadline.of(Duration::ZERO);
        let limits = self.settings.fencing.around(limits(deadline), false);
        let spawned = self.spawner.spawn(&command, streams, &limits).await;
        let mut process = spawned.map_err(|error| ours("cannot start ffmpeg", error))?;
        let Some(stderr) = process.take_stderr() else {
            return Ok(None);
        };
        let ended = timeout(deadline, async { tokio::join!(keep_log(stderr), process.wait()) }).await;
        process.kill().await;
        let (log, status) = ended.map_err(|_| TranscodeError::TimedOut)?;
        let status = status.map_err(|error| ours("lost ffmpeg", error))?;
        if status.success() {
            let drawn = fs::read(directory.path().join(DRAWN));
            return Ok(Some(
                drawn
                    .map_err(|error| resource("the clip is missing", error))?
                    .into(),
            ));
        }
        match log.says("Unknown input format") || log.says("No such filter") {
            true => Ok(None),
            false => Err(verdict::failure(status, &log, Target::Cpu)),
        }
    }
}
