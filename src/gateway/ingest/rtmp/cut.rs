//! A publisher's stream cut into segments by an ffmpeg of its own, which is fed FLV and touches nothing but a folder
//! that goes with it. The work folder stays small: a segment is read and removed as soon as it is announced, and
//! ffmpeg waits once a few are not.

use std::{io, time::Duration};

use bytes::Bytes;
use tempfile::TempDir;
use tokio::{
    io::BufReader,
    process::{ChildStdin, ChildStdout},
    task::JoinHandle,
    time::timeout,
};

use super::flv::Found;
use crate::{
    gateway::{
        cut::{CutPlan, ONE_FRAME, PADDING, output_args, read_announcement, read_line},
        source::Source,
        tools::{ToolError, Tools, reason},
    },
    media::size::Size,
    process::{Fencing, Job, Limits, Log},
    wire::segment::MAX_SEGMENT_BYTES,
};

/// Shortest segment: it ends at the next key frame (`go-livepeer server/mediaserver.go`).
const SEGMENT: Duration = Duration::from_secs(2);
/// How long ffmpeg may take to end once its input has.
const ENDING: Duration = Duration::from_secs(10);

/// Why there are no more segments.
#[derive(Debug, thiserror::Error)]
pub(super) enum CutError {
    #[error("no folder for segments: {0}")]
    Folder(#[source] io::Error),
    #[error(transparent)]
    Tool(#[from] ToolError),
    #[error("ffmpeg stopped cutting: {0}")]
    Failed(String),
}

/// A segment.
pub(super) struct Cut {
    pub duration: Duration,
    pub data: Bytes,
}

/// The reading end of a running ffmpeg.
pub(super) struct LiveCutter {
    job: Job,
    lines: BufReader<ChildStdout>,
    log: JoinHandle<Log>,
    folder: TempDir,
    next: u64,
}

/// Memory the cutter may ask for: it copies packets, and should hold few.
const MEMORY: u64 = 2 << 30;

impl LiveCutter {
    /// Starts ffmpeg for a stream of which this is known; what is written into the pipe is cut.
    pub(super) async fn start(
        tools: &Tools,
        fencing: &Fencing,
        found: Found,
    ) -> Result<(Self, ChildStdin), CutError> {
        let folder = tempfile::Builder::new()
            .prefix("lpctl-rtmp-")
            .tempdir()
            .map_err(CutError::Folder)?;
        let limits = Limits {
            file_bytes: Some(MAX_SEGMENT_BYTES),
            open_files: Some(64),
            address_space: Some(MEMORY),
            ..Limits::default()
        };
        let limits = fencing.around(limits, false);
        let (job, stdin, stdout, log) = tools.fed_ffmpeg(arguments(found), folder.path(), &limits).await?;
        let cutter = Self {
            job,
            lines: BufReader::with_capacity(PADDING, stdout),
            log,
            folder,
            next: 0,
        };
        Ok((cutter, stdin))
    }

    /// The next segment; none once the input has ended. Not to be cancelled.
    pub(super) async fn next(&mut self) -> Result<Option<Cut>, CutError> {
        let Some(line) = read_line(&mut self.lines).await.map_err(CutError::Folder)? else {
            return self.finish().await.map(|()| None);
        };
        let (start, end) = read_announcement(&line, self.next)
            .ok_or_else(|| CutError::Failed("its list of segments cannot be read".into()))?;
        let path = self.folder.path().join(format!("{}.ts", self.next));
        self.next += 1;
        let data = tokio::fs::read(&path).await.map_err(CutError::Folder)?;
        tokio::fs::remove_file(&path).await.map_err(CutError::Folder)?;
        let duration = match end.saturating_sub(start) {
            Duration::ZERO => ONE_FRAME,
            duration => duration,
        };
        Ok(Some(Cut {
            duration,
            data: data.into(),
        }))
    }

    async fn finish(&mut self) -> Result<(), CutError> {
        let status = timeout(ENDING, self.job.wait())
            .await
            .map_err(|_| CutError::Failed("it did not end".into()))?
            .map_err(CutError::Folder)?;
        let log = (&mut self.log).await.unwrap_or_default();
        // A publisher that goes away in the middle of a picture leaves ffmpeg something to complain about.
        match status.success() || self.next > 0 {
            true => Ok(()),
            false => Err(CutError::Failed(reason(&log))),
        }
    }

    /// Ends ffmpeg and removes what it made.
    pub(super) async fn stop(self) {
        self.job.kill().await;
        drop(self.folder);
    }
}

/// ffmpeg's command line. What it needs to know before it cuts comes with the first second.
fn arguments(found: Found) -> Vec<String> {
    let source = Source {
        codec: "h264".into(),
        pixel_format: String::new(),
        size: Size { width: 0, height: 0 },
        // Sound that comes later is taken for AAC, as nearly all is.
        audio_codec: Some(
            if found.audio == Some(false) {
                "other"
            } else {
                "aac"
            }
            .into(),
        ),
        duration: None,
        start_micros: 0,
        video_delay: Duration::ZERO,
        uncuttable: None,
    };
    let plan = CutPlan {
        input: "pipe:0".into(),
        segment_length: SEGMENT,
        times: 1,
    };
    let words = "-hide_banner -nostdin -nostats -loglevel error -protocol_whitelist pipe,file \
                 -probesize 5000000 -analyzeduration 1000000 -f flv -i pipe:0";
    let mut arguments: Vec<String> = words.split_whitespace().map(str::to_string).collect();
    arguments.extend(output_args(&source, &plan, Duration::ZERO));
    arguments
}
