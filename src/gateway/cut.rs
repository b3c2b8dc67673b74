//! A file as a row of MPEG-TS segments, cut by one ffmpeg that is never far ahead of us.
//!
//! ffmpeg's segment muxer tells each finished segment in a line on stdout. The lines are padded so that only a few
//! fit into the pipe: once it is full ffmpeg waits, so a long file never fills the disk and nothing has to be
//! paused by hand. Time stamps run on from segment to segment. Those of the file are kept; only a file that starts
//! at (almost) zero is moved by one second, because a transport stream has no room below zero for the decode times
//! of pictures that are shown later than decoded.

use std::{
    ffi::OsString,
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use bytes::Bytes;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    process::ChildStdout,
    task::JoinHandle,
    time::timeout,
};

use super::{
    source::{Source, micros},
    tools::{ToolError, Tools, local, reason},
};
use crate::{
    process::{Job, Log},
    wire::segment::MAX_SEGMENT_BYTES,
};

/// Padding of an announcement. A Linux pipe holds 64 KiB: eight announcements.
pub(super) const PADDING: usize = 8000;
/// Longest announcement that is read.
const LINE: u64 = 16 * 1024;
/// How long one segment may take; encoding a large picture on a busy machine is slow.
const STALL: Duration = Duration::from_secs(300);
/// Start given to files that start at zero.
const HEAD_ROOM_MICROS: i64 = 1_000_000;
/// Playing time of a segment of one frame whose length is not told.
pub(super) const ONE_FRAME: Duration = Duration::from_millis(40);

/// One segment, ready to be sent.
#[derive(Debug, Clone)]
pub struct Segment {
    /// Number, from 0.
    pub seq: u64,
    /// How long its video plays.
    pub duration: Duration,
    /// The whole MPEG-TS file.
    pub data: Bytes,
}

/// Why there are no more segments.
#[derive(Debug, thiserror::Error)]
pub enum CutError {
    /// A temporary file could not be made or read.
    #[error("the segments cannot be kept in {}", .folder.display())]
    Folder {
        /// Where they were to be.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// ffmpeg gave up in the middle of the file.
    #[error("ffmpeg stopped cutting: {0}")]
    Failed(String),
    /// ffmpeg read the file and found no picture in it.
    #[error("the file's video track is empty")]
    Empty,
    /// A segment is larger than any node takes.
    #[error("segment {seq} has {bytes} bytes, nodes take {MAX_SEGMENT_BYTES}")]
    TooLarge {
        /// Its number.
        seq: u64,
        /// Its size.
        bytes: u64,
    },
    /// ffmpeg finished no segment for a long time.
    #[error("ffmpeg finished no segment for {} s", STALL.as_secs())]
    Stalled,
    /// ffmpeg could not be run.
    #[error(transparent)]
    Tool(#[from] ToolError),
}

/// How a file is to be cut.
#[derive(Debug, Clone)]
pub struct CutPlan {
    /// The file.
    pub input: PathBuf,
    /// Shortest playing time of a segment; it ends at the next key frame.
    pub segment_length: Duration,
    /// How many times the file is sent, one after the other.
    pub times: u32,
}

/// A running cut.
#[derive(Debug)]
pub struct Cutter {
    run: Run,
    tools: Tools,
    source: Source,
    plan: CutPlan,
    /// Number of the next segment.
    next: u64,
    /// Number of the first segment of this run of ffmpeg.
    first: u64,
    /// How long all segments so far play.
    played: Duration,
    rounds_left: u32,
    folder: TempDir,
}

/// One ffmpeg, going through the file once.
#[derive(Debug)]
struct Run {
    job: Job,
    lines: BufReader<ChildStdout>,
    log: JoinHandle<Log>,
}

impl Cutter {
    /// Starts ffmpeg.
    ///
    /// # Errors
    /// [`CutError::Folder`] without a temporary folder, [`CutError::Tool`] if ffmpeg does not start.
    pub async fn start(tools: &Tools, source: &Source, plan: &CutPlan) -> Result<Self, CutError> {
        let folder = tempfile::Builder::new().prefix("lpctl-cut-").tempdir();
        let folder = folder.map_err(|source| CutError::Folder {
            folder: std::env::temp_dir(),
            source,
        })?;
        Ok(Self {
            run: Run::start(tools, source, plan, &folder, Duration::ZERO).await?,
            tools: tools.clone(),
            source: source.clone(),
            plan: plan.clone(),
            next: 0,
            first: 0,
            played: Duration::ZERO,
            rounds_left: plan.times.saturating_sub(1),
            folder,
        })
    }

    /// The next segment; none at the end of the file.
    ///
    /// # Errors
    /// See [`CutError`]; there are no more segments after one.
    pub async fn next(&mut self) -> Result<Option<Segment>, CutError> {
        let line = loop {
            let line = timeout(STALL, self.run.read_line())
                .await
                .map_err(|_| CutError::Stalled)?;
            if let Some(line) = line.map_err(|source| self.folder_error(source))? {
                break line;
            }
            self.finish().await?;
            if self.rounds_left == 0 {
                return Ok(None);
            }
            self.rounds_left -= 1;
            self.first = self.next;
            self.run = Run::start(&self.tools, &self.source, &self.plan, &self.folder, self.played).await?;
        };
        let (seq, place) = (self.next, self.next - self.first);
        let Some((start, end)) = read_announcement(&line, place) else {
            return Err(CutError::Failed("its list of segments cannot be read".into()));
        };
        let path = self.folder.path().join(format!("{place}.ts"));
        let size = tokio::fs::metadata(&path)
            .await
            .map_err(|source| self.folder_error(source))?
            .len();
        if size > MAX_SEGMENT_BYTES {
            return Err(CutError::TooLarge { seq, bytes: size });
        }
        let data = tokio::fs::read(&path)
            .await
            .map_err(|source| self.folder_error(source))?;
        tokio::fs::remove_file(&path)
            .await
            .map_err(|source| self.folder_error(source))?;
        // The muxer tells zero as the start of the first segment, whenever its video starts.
        let start = if place == 0 {
            self.source.video_delay
        } else {
            start
        };
        let duration = match end.saturating_sub(start) {
            Duration::ZERO => ONE_FRAME,
            duration => duration,
        };
        self.next += 1;
        self.played += duration;
        Ok(Some(Segment {
            seq,
            duration,
            data: data.into(),
        }))
    }

    /// Where segments lie until they are read.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Ends ffmpeg and removes what it made. Dropping does the same without waiting.
    pub async fn stop(self) {
        self.run.job.kill().await;
        drop(self.folder);
    }

    async fn finish(&mut self) -> Result<(), CutError> {
        let status = timeout(STALL, self.run.job.wait())
            .await
            .map_err(|_| CutError::Stalled)?;
        let status = status.map_err(|source| self.folder_error(source))?;
        let log = (&mut self.run.log).await.unwrap_or_default();
        if !status.success() {
            return Err(CutError::Failed(reason(&log)));
        }
        if self.next == self.first {
            return Err(CutError::Empty);
        }
        Ok(())
    }

    fn folder_error(&self, source: io::Error) -> CutError {
        CutError::Folder {
            folder: self.folder.path().to_owned(),
            source,
        }
    }
}

impl Run {
    /// Starts ffmpeg over the file, with its time stamps moved by `shift`.
    async fn start(
        tools: &Tools,
        source: &Source,
        plan: &CutPlan,
        folder: &TempDir,
        shift: Duration,
    ) -> Result<Self, CutError> {
        let input = local(&plan.input).map_err(|source| CutError::Folder {
            folder: plan.input.clone(),
            source,
        })?;
        let mut args: Vec<OsString> = Vec::new();
        args.extend(["-hide_banner", "-nostdin", "-nostats", "-loglevel", "error"].map(Into::into));
        args.extend(["-protocol_whitelist", "file", "-i"].map(Into::into));
        args.push(input);
        args.extend(output_args(source, plan, shift).into_iter().map(Into::into));
        let (job, stdout, log) = tools.ffmpeg(&args, folder.path()).await?;
        Ok(Self {
            job,
            lines: BufReader::with_capacity(PADDING, stdout),
            log,
        })
    }

    async fn read_line(&mut self) -> io::Result<Option<String>> {
        read_line(&mut self.lines).await
    }
}

/// The next announcement; none when ffmpeg has closed its list.
pub(super) async fn read_line(lines: &mut BufReader<ChildStdout>) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    let mut limited = lines.take(LINE);
    if limited.read_until(b'\n', &mut line).await? == 0 {
        return Ok(None);
    }
    Ok(Some(String::from_utf8_lossy(&line).into_owned()))
}

/// Options between the input and the end of the command line.
pub(super) fn output_args(source: &Source, plan: &CutPlan, shift: Duration) -> Vec<String> {
    let words = |text: &str| text.split(' ').map(str::to_string).collect::<Vec<_>>();
    let length = decimal_seconds(plan.segment_length);
    let mut args = words("-map 0:V:0 -map 0:a:0? -map_metadata -1 -map_chapters -1");
    if source.uncuttable.is_none() {
        args.extend(words("-c:v copy"));
    } else {
        args.extend(words(
            "-c:v libx264 -preset veryfast -crf 20 -pix_fmt yuv420p -sc_threshold 0",
        ));
        args.extend(words(
            "-vf scale=trunc(iw/2)*2:trunc(ih/2)*2 -fps_mode passthrough -enc_time_base 1:90000",
        ));
        // Half a tick of the 90 kHz clock guards against sums of fractions that miss by a hair.
        args.extend([
            "-force_key_frames".to_string(),
            format!("expr:if(isnan(prev_forced_t),1,gte(t,prev_forced_t+{length}-0.000005))"),
        ]);
    }
    match source.audio_codec.as_deref() {
        Some("aac") => args.extend(words("-c:a copy")),
        _ => args.extend(words("-c:a aac -b:a 128k")),
    }
    let start = if source.start_micros < HEAD_ROOM_MICROS {
        source
            .start_micros
            .saturating_add(HEAD_ROOM_MICROS)
            .max(HEAD_ROOM_MICROS)
    } else {
        source.start_micros
    };
    let start = start.saturating_add(i64::try_from(shift.as_micros()).unwrap_or(0));
    // Neither muxer may move time stamps on its own: the inner one would do so anew for each segment.
    args.extend(words(
        "-muxdelay 0 -muxpreload 0 -avoid_negative_ts disabled -f segment -segment_format mpegts",
    ));
    args.extend([
        "-segment_format_options".to_string(),
        format!("output_ts_offset={start}us:avoid_negative_ts=disabled"),
    ]);
    args.extend(["-segment_time".to_string(), length]);
    args.extend(words(
        "-segment_list pipe:1 -segment_list_type csv -segment_list_entry_prefix",
    ));
    args.extend(["x".repeat(PADDING), "%d.ts".to_string()]);
    args
}

/// Reads `xxx…7.ts,14.000000,16.000000` of segment 7 into its start and end.
pub(super) fn read_announcement(line: &str, seq: u64) -> Option<(Duration, Duration)> {
    let mut fields = line.trim_end().trim_start_matches('x').split(',');
    if fields.next()? != format!("{seq}.ts") {
        return None;
    }
    let mut time = || {
        let micros = micros(fields.next())?;
        Some(Duration::from_micros(u64::try_from(micros).unwrap_or(0)))
    };
    Some((time()?, time()?))
}

fn decimal_seconds(duration: Duration) -> String {
    format!("{}.{:06}", duration.as_secs(), duration.subsec_micros())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn announcements_are_read_for_the_segment_that_is_due() {
        let line = format!("{}7.ts,14.000000,16.033333\n", "x".repeat(PADDING));
        let read = read_announcement(&line, 7);
        assert_eq!(
            read,
            Some((Duration::from_secs(14), Duration::from_micros(16_033_333)))
        );
        assert_eq!(read_announcement(&line, 8), None);
        for bad in ["", "\n", "7.ts", "7.ts,1", "7.ts,a,b", "../7.ts,1,2"] {
            assert_eq!(read_announcement(bad, 7), None, "{bad:?}");
        }
    }

    #[test]
    fn several_announcements_fill_a_pipe() {
        assert!(PADDING * 9 > 65_536 && (PADDING as u64) < LINE);
    }
}
