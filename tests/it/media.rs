//! The transcode engine with real ffmpeg. Encoders run at their fastest preset: what is tested is not their art.

mod exact;
mod faults;
mod hostile;
mod lifetime;
mod nvidia;
mod output;
mod probe;
mod program;
mod refusal;
mod timing;
mod warm;

use std::{
    fs,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
    time::Duration,
};

use bytes::Bytes;
use engine::{
    media::{
        ffmpeg::Ffmpeg,
        job::{SegmentJob, SegmentTranscoder as _, TranscodeError, Transcoded},
        ladder::{Ladder, Profile},
        pace::Pacer,
        size::Size,
        transcode::{FfmpegSettings, FfmpegTranscoder, WarmSettings},
    },
    process::Launcher,
};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// The system's.
static FFMPEG: LazyLock<Ffmpeg> = LazyLock::new(|| Ffmpeg::locate(None).unwrap());

/// A newer one.
static FFMPEG_7: LazyLock<Ffmpeg> = LazyLock::new(|| Ffmpeg::locate(Some(&testbed::ffmpeg_7())).unwrap());

/// All that a node may meet.
fn every_ffmpeg() -> [&'static Ffmpeg; 2] {
    [&FFMPEG, &FFMPEG_7]
}

/// A transcoder with a work directory of its own.
struct Bench {
    work: TempDir,
    transcoder: FfmpegTranscoder,
}

impl Bench {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut FfmpegSettings)) -> Self {
        let work = tempfile::tempdir().unwrap();
        let mut settings = FfmpegSettings::new(FFMPEG.clone(), Launcher::Direct, work.path().into());
        settings.pacer = Pacer::fixed("ultrafast");
        settings.warm = WarmSettings::OFF;
        settings.concurrency = NonZeroUsize::new(2).unwrap();
        // This machine may be busy with other tests.
        settings.deadline.least = Duration::from_secs(60);
        change(&mut settings);
        Self {
            work,
            transcoder: FfmpegTranscoder::new(settings).unwrap(),
        }
    }

    async fn transcode(&self, job: SegmentJob) -> Result<Transcoded, TranscodeError> {
        let result = self.transcoder.transcode(job, CancellationToken::new()).await;
        self.assert_nothing_left();
        result
    }

    /// No process, no file, no count.
    fn assert_nothing_left(&self) {
        assert_eq!(self.processes(), Vec::<u32>::new());
        assert_eq!(self.entries(), 0);
        assert_eq!((self.transcoder.running(), self.transcoder.waiting()), (0, 0));
    }

    /// Job directories that are there.
    fn entries(&self) -> usize {
        fs::read_dir(self.work.path()).unwrap().count()
    }

    /// Processes whose working directory is in ours.
    fn processes(&self) -> Vec<u32> {
        let all = fs::read_dir("/proc").unwrap().flatten();
        all.filter(|entry| {
            fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd.starts_with(self.work.path()))
        })
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
    }
}

/// A bench for every ffmpeg.
fn benches() -> [Bench; 2] {
    every_ffmpeg().map(|ffmpeg| Bench::with(|settings| settings.ffmpeg = ffmpeg.clone()))
}

fn job(source: Bytes, ladder: &str) -> SegmentJob {
    job_for(source, Ladder::parse(ladder).unwrap().into())
}

fn job_for(source: Bytes, profiles: Vec<Profile>) -> SegmentJob {
    SegmentJob {
        session: "5e551011".into(),
        seq: 1,
        source: source.into(),
        duration: Duration::from_secs(2),
        profiles,
        perceptual_hash: false,
        clip: None,
        orchestrator: "0x00000000000000000000000000000000000000aa".into(),
    }
}

/// Profiles of a JSON ladder.
fn profiles(json: &str) -> Vec<Profile> {
    Ladder::parse(json).unwrap().into()
}

/// A segment as a file, for looking at it.
fn on_disk(data: &[u8]) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), data).unwrap();
    file
}

/// What ffprobe decodes from a segment.
struct Decoded {
    /// As ffprobe lists it (`mov,mp4,m4a,3gp,3g2,mj2`).
    container: String,
    video_codec: String,
    size: Size,
    frames: u64,
    audio_codec: Option<String>,
}

fn decoded(data: &[u8]) -> Decoded {
    let mut ffprobe = Command::new(FFMPEG.ffprobe().unwrap());
    ffprobe.args([
        "-loglevel",
        "error",
        "-count_frames",
        "-show_format",
        "-show_streams",
    ]);
    let said = ffprobe
        .args(["-of", "json"])
        .arg(on_disk(data).path())
        .output()
        .unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let answer: serde_json::Value = serde_json::from_slice(&said.stdout).unwrap();
    let streams = answer["streams"].as_array().unwrap();
    let first = |kind: &str| streams.iter().find(|stream| stream["codec_type"] == kind);
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let number = |value: &serde_json::Value| u32::try_from(value.as_u64().unwrap()).unwrap();
    let video = first("video").unwrap();
    Decoded {
        container: text(&answer["format"]["format_name"]),
        video_codec: text(&video["codec_name"]),
        size: Size {
            width: number(&video["width"]),
            height: number(&video["height"]),
        },
        frames: video["nb_read_frames"].as_str().unwrap().parse().unwrap(),
        audio_codec: first("audio").map(|audio| text(&audio["codec_name"])),
    }
}

/// A packet of a stream, in file order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Packet {
    pts: i64,
    is_key: bool,
    hash: String,
}

/// The packets of `v:0` or `a:0`.
fn packets(data: &[u8], stream: &str) -> Vec<Packet> {
    let file = on_disk(data);
    let mut ffprobe = Command::new(FFMPEG.ffprobe().unwrap());
    ffprobe.args([
        "-loglevel",
        "error",
        "-select_streams",
        stream,
        "-show_data_hash",
        "md5",
    ]);
    ffprobe
        .args(["-show_entries", "packet=pts,flags,data_hash", "-of", "json"])
        .arg(file.path());
    let answer: serde_json::Value = serde_json::from_slice(&ffprobe.output().unwrap().stdout).unwrap();
    let packets = answer["packets"].as_array().unwrap().iter();
    packets
        .map(|packet| Packet {
            pts: packet["pts"].as_i64().unwrap(),
            is_key: packet["flags"].as_str().unwrap().starts_with('K'),
            hash: packet["data_hash"].as_str().unwrap().to_owned(),
        })
        .collect()
}

/// Presentation times, in order, as a transport stream can hold them.
fn times(packets: &[Packet]) -> Vec<i64> {
    let mut times: Vec<_> = packets.iter().map(|packet| packet.pts).collect();
    times.sort_unstable();
    times.iter().map(|time| time.rem_euclid(1 << 33)).collect()
}

/// A clip for one purpose: `name` must be its own.
fn drawn(name: &str, arguments: &[&str]) -> Bytes {
    let clip: PathBuf = testbed::clip::drawn(name, |ffmpeg| {
        ffmpeg.args(arguments);
    });
    fs::read(Path::new(&clip)).unwrap().into()
}
