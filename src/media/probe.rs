//! Files and renditions as ffprobe sees them.

use std::{io, path::Path, process::Stdio, time::Duration};

use serde::Deserialize;
use tokio::{io::AsyncReadExt as _, time::timeout};

use super::{ffmpeg::Ffmpeg, ladder::Container, recipe::MAX_PIXELS, size::Size};
use crate::process::{Job, Launcher, Limits, Spawner, Streams, keep_log};

/// How long reading headers may take.
const HEADERS: Duration = Duration::from_secs(30);
/// How long decoding a whole segment may take.
const DECODING: Duration = Duration::from_secs(120);
/// Most of ffprobe's answer that is read.
const ANSWER: u64 = 4 << 20;

/// A media file.
#[derive(Debug, Clone, PartialEq)]
pub struct Probe {
    /// Name of the container, as ffprobe lists it (`mov,mp4,m4a,3gp,3g2,mj2`).
    pub container: String,
    /// Playing time, if the file tells it.
    pub duration: Option<Duration>,
    /// The streams, in the file's order.
    pub streams: Vec<ProbedStream>,
}

impl Probe {
    /// The first video stream.
    #[must_use]
    pub fn video(&self) -> Option<&ProbedStream> {
        self.streams
            .iter()
            .find(|stream| stream.size.is_some() && stream.kind == "video")
    }

    /// The first stream with sound.
    #[must_use]
    pub fn audio(&self) -> Option<&ProbedStream> {
        self.streams.iter().find(|stream| stream.kind == "audio")
    }
}

/// A stream of a media file.
#[derive(Debug, Clone, PartialEq)]
pub struct ProbedStream {
    /// `video`, `audio`, `subtitle`, `data`, …
    pub kind: String,
    /// Codec, like `h264`; empty if unknown.
    pub codec: String,
    /// Size of the pictures, for video.
    pub size: Option<Size>,
    /// Frames a second as numerator and denominator, if they are regular.
    pub frame_rate: Option<(u32, u32)>,
    /// Playing time, if the stream tells it.
    pub duration: Option<Duration>,
    /// Frames that were decoded, by [`decode`] only.
    pub frames: Option<u64>,
}

/// Why a file could not be probed.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// There is no ffprobe beside ffmpeg.
    #[error("ffprobe was not found beside {}", .0.display())]
    NoFfprobe(std::path::PathBuf),
    /// It could not be run.
    #[error("cannot run ffprobe")]
    Run(#[source] io::Error),
    /// It took too long.
    #[error("ffprobe was still busy after {} s", .0.as_secs())]
    TimedOut(Duration),
    /// The file is not readable as media.
    #[error("not readable as media: {0}")]
    Unreadable(String),
    /// It answered something else than expected.
    #[error("ffprobe gave an answer that cannot be read")]
    Answer(#[source] serde_json::Error),
}

/// Reads the headers of a file of the user's own, in any format ffmpeg knows.
///
/// # Errors
/// See [`ProbeError`].
pub async fn probe(ffmpeg: &Ffmpeg, file: &Path) -> Result<Probe, ProbeError> {
    run(ffmpeg, file, &[], HEADERS).await
}

/// Decodes a segment that came from a stranger and counts the frames of its streams. Its container is given, not
/// guessed; it cannot make ffprobe open anything else.
///
/// # Errors
/// See [`ProbeError`]. Frames that do not decode are missing from the count, which is no error.
pub async fn decode(ffmpeg: &Ffmpeg, file: &Path, container: Container) -> Result<Probe, ProbeError> {
    let format = match container {
        Container::MpegTs => "mpegts",
        Container::Mp4 => "mov",
    };
    let most = MAX_PIXELS.to_string();
    let options = [
        "-protocol_whitelist",
        "file",
        "-max_pixels",
        &most,
        "-count_frames",
        "-f",
        format,
    ];
    run(ffmpeg, file, &options, DECODING).await
}

async fn run(ffmpeg: &Ffmpeg, file: &Path, options: &[&str], limit: Duration) -> Result<Probe, ProbeError> {
    let ffprobe = ffmpeg
        .ffprobe()
        .ok_or_else(|| ProbeError::NoFfprobe(ffmpeg.path().to_owned()))?;
    let file = std::path::absolute(file).map_err(ProbeError::Run)?;
    let mut command = ffmpeg.command(ffprobe);
    command.args([
        "-hide_banner",
        "-loglevel",
        "error",
        "-print_format",
        "json",
        "-show_format",
        "-show_streams",
    ]);
    // An absolute path is never taken for an option or a protocol.
    command.args(options).arg("-i").arg(file);
    let streams = Streams {
        stdin: Stdio::null(),
        stdout: Stdio::piped(),
        stderr: Stdio::piped(),
    };
    let spawner = Spawner::start(Launcher::Direct).map_err(ProbeError::Run)?;
    let mut process = spawner
        .spawn(&command, streams, &Limits::default())
        .await
        .map_err(ProbeError::Run)?;
    let ended = timeout(limit, answer(&mut process)).await;
    process.kill().await;
    let (answer, log, status) = ended
        .map_err(|_| ProbeError::TimedOut(limit))?
        .map_err(ProbeError::Run)?;
    if !status.success() {
        let last = log.lines().next_back().unwrap_or("no reason given");
        let reason = last.rsplit_once(": ").map_or(last, |(_, reason)| reason);
        return Err(ProbeError::Unreadable(reason.to_owned()));
    }
    read(&answer).map_err(ProbeError::Answer)
}

async fn answer(process: &mut Job) -> io::Result<(Vec<u8>, crate::process::Log, std::process::ExitStatus)> {
    let (stdout, stderr) = (process.take_stdout(), process.take_stderr());
    let (Some(stdout), Some(stderr)) = (stdout, stderr) else {
        return Err(io::ErrorKind::BrokenPipe.into());
    };
    let mut answer = Vec::new();
    let mut stdout = stdout.take(ANSWER);
    let (read, log, status) = tokio::join!(stdout.read_to_end(&mut answer), keep_log(stderr), process.wait());
    read?;
    Ok((answer, log, status?))
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    streams: Vec<AnsweredStream>,
    #[serde(default)]
    format: AnsweredFormat,
}

#[derive(Default, Deserialize)]
struct AnsweredFormat {
    #[serde(default)]
    format_name: String,
    duration: Option<String>,
}

#[derive(Deserialize)]
struct AnsweredStream {
    #[serde(default)]
    codec_type: String,
    #[serde(default)]
    codec_name: String,
    #[serde(default)]
    width: u32,
    #[serde(default)]
    height: u32,
    avg_frame_rate: Option<String>,
    duration: Option<String>,
    nb_read_frames: Option<String>,
}

fn read(answer: &[u8]) -> serde_json::Result<Probe> {
    let Answer { streams, format } = serde_json::from_slice(answer)?;
    let streams = streams.into_iter().map(|stream| ProbedStream {
        size: (stream.width > 0 && stream.height > 0).then_some(Size {
            width: stream.width,
            height: stream.height,
        }),
        frame_rate: stream.avg_frame_rate.as_deref().and_then(frame_rate),
        duration: stream.duration.as_deref().and_then(seconds),
        frames: stream.nb_read_frames.and_then(|frames| frames.parse().ok()),
        kind: stream.codec_type,
        codec: stream.codec_name,
    });
    Ok(Probe {
        container: format.format_name,
        duration: format.duration.as_deref().and_then(seconds),
        streams: streams.collect(),
    })
}

fn seconds(text: &str) -> Option<Duration> {
    Duration::try_from_secs_f64(text.parse().ok()?).ok()
}

fn frame_rate(text: &str) -> Option<(u32, u32)> {
    let (numerator, denominator) = text.split_once('/')?;
    let rate = (numerator.parse().ok()?, denominator.parse().ok()?);
    (rate.0 > 0 && rate.1 > 0).then_some(rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_becomes_facts() {
        let answer = br#"{"streams":[
            {"codec_name":"h264","codec_type":"video","width":1280,"height":720,"avg_frame_rate":"30000/1001",
             "duration":"2.002000","nb_read_frames":"60"},
            {"codec_type":"audio","codec_name":"aac","avg_frame_rate":"0/0"}, {"codec_type":"data"}],
            "format":{"format_name":"mpegts","duration":"2.100000"}}"#;
        let probe = read(answer).unwrap();
        let video = probe.video().unwrap();
        assert_eq!(
            video.size,
            Some(Size {
                width: 1280,
                height: 720
            })
        );
        assert_eq!((video.frame_rate, video.frames), (Some((30000, 1001)), Some(60)));
        assert_eq!(probe.audio().unwrap().frame_rate, None);
        assert_eq!(probe.duration, Some(Duration::from_millis(2100)));
        assert_eq!(probe.streams.len(), 3);
    }

    #[test]
    fn an_answer_that_is_none_is_an_error() {
        assert!(read(b"").is_err());
        assert!(read(br#"{"streams":[{"width":-1}]}"#).is_err());
        assert_eq!(read(b"{}").unwrap().streams, []);
    }
}
