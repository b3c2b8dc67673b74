//! What a file is, and whether its video can be cut into segments as it is.
//!
//! A segment must start with a key frame that needs nothing before it, and the key frames must come often enough.
//! Where that does not hold the video is encoded again before it is sent.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Deserialize;

use super::tools::{ToolError, Tools, reason};
use crate::media::size::Size;

/// How long ffprobe may read headers.
const HEADERS: Duration = Duration::from_secs(30);
/// How long ffprobe may read the first packets.
const PACKETS: Duration = Duration::from_secs(60);
/// How much of the file, in seconds of playing time, tells how its key frames lie.
const SAMPLE_SECONDS: u32 = 30;
/// What ffmpeg calls the contents of text files.
const TEXT_CODECS: [&str; 4] = ["ansi", "bintext", "idf", "xbin"];
/// Most of ffprobe's answers that is read.
const ANSWER_BYTES: u64 = 4 << 20;

/// Why a file cannot be sent.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// It is not there or may not be read.
    #[error("{} cannot be opened", .path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// ffmpeg does not know what it is.
    #[error("{} is not a media file ffmpeg can read: {reason}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// ffmpeg's reason.
        reason: String,
    },
    /// It has no moving picture; the cover of a record is none.
    #[error("{} has no video", .path.display())]
    NoVideo {
        /// The file.
        path: PathBuf,
    },
    /// ffprobe itself failed.
    #[error(transparent)]
    Tool(#[from] ToolError),
}

/// A file with video in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Video codec, as ffmpeg names it.
    pub codec: String,
    /// Pixel format, as ffmpeg names it; empty if it is not known.
    pub pixel_format: String,
    /// Size of the picture as it is stored.
    pub size: Size,
    /// Codec of the first sound stream.
    pub audio_codec: Option<String>,
    /// Playing time, if the file tells it.
    pub duration: Option<Duration>,
    /// First time stamp of the file, in microseconds.
    pub start_micros: i64,
    /// How much later than the file the video starts.
    pub video_delay: Duration,
    /// Why the video cannot be cut as it is; none if it can.
    pub uncuttable: Option<Uncuttable>,
}

/// Why video must be encoded again before it can be cut.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Uncuttable {
    /// Segments carry H.264 or HEVC.
    #[error("segments cannot carry {0}")]
    Codec(String),
    /// The picture is turned when shown, which a transport stream cannot say.
    #[error("the picture is stored turned")]
    Turned,
    /// The first picture needs others before it, or packets without time stamps.
    #[error("its pictures have no usable time stamps")]
    Stamps,
    /// Pictures after a key frame are shown before it, so they need the segment before.
    #[error("pictures reach back over key frames")]
    OpenGroups,
    /// Key frames are too far apart.
    #[error("its key frames are {} s apart", seconds(*.0))]
    Sparse(Duration),
    /// The orchestrator does not decode this.
    #[error("the orchestrator does not decode it")]
    NotDecodedThere,
}

/// Seconds with one digit after the point, rounded down.
fn seconds(duration: Duration) -> String {
    format!("{}.{}", duration.as_secs(), duration.subsec_millis() / 100)
}

/// Reads headers and the first packets of a file that is to be cut into segments of about this length.
///
/// # Errors
/// See [`SourceError`].
pub async fn examine(tools: &Tools, path: &Path, segment_length: Duration) -> Result<Source, SourceError> {
    let open = |source| SourceError::Open {
        path: path.to_owned(),
        source,
    };
    let file = tokio::fs::File::open(path).await.map_err(open)?;
    if file.metadata().await.map_err(open)?.is_dir() {
        return Err(open(io::ErrorKind::IsADirectory.into()));
    }
    drop(file);
    let mut source = read_headers(tools, path).await?;
    source.uncuttable = match source.uncuttable {
        None => judge_key_frames(&packets(tools, path).await?, segment_length),
        known => known,
    };
    Ok(source)
}

async fn read_headers(tools: &Tools, path: &Path) -> Result<Source, SourceError> {
    let unreadable = |reason| SourceError::Unreadable {
        path: path.to_owned(),
        reason,
    };
    let entries = "format=start_time,duration:stream=codec_type,codec_name,pix_fmt,width,height,start_time\
                   :stream_disposition=attached_pic:stream_side_data=rotation";
    let args = [
        "-protocol_whitelist",
        "file",
        "-print_format",
        "json",
        "-show_entries",
        entries,
    ];
    let probed = tools.ffprobe(&args, path, ANSWER_BYTES, HEADERS).await?;
    if !probed.status.success() {
        return Err(unreadable(reason(&probed.log)));
    }
    let headers: Headers =
        serde_json::from_slice(&probed.answer).map_err(|error| unreadable(error.to_string()))?;
    let video = headers.streams.iter().find(|stream| stream.is_video());
    let video = video.ok_or_else(|| SourceError::NoVideo {
        path: path.to_owned(),
    })?;
    // ffmpeg draws text files as pictures.
    if TEXT_CODECS.contains(&video.codec_name.as_str()) {
        return Err(unreadable("it is text".into()));
    }
    let start_micros = micros(headers.format.start_time.as_deref()).unwrap_or(0);
    let video_start = micros(video.start_time.as_deref()).unwrap_or(start_micros);
    let duration = micros(headers.format.duration.as_deref());
    let is_turned = video
        .side_data_list
        .iter()
        .any(|side| side.rotation.is_some_and(|angle| angle != 0.0));
    Ok(Source {
        uncuttable: match video.codec_name.as_str() {
            "h264" | "hevc" if is_turned => Some(Uncuttable::Turned),
            "h264" | "hevc" => None,
            other => Some(Uncuttable::Codec(other.to_string())),
        },
        codec: video.codec_name.clone(),
        pixel_format: video.pix_fmt.clone(),
        size: Size {
            width: video.width,
            height: video.height,
        },
        audio_codec: headers
            .streams
            .iter()
            .find(|stream| stream.codec_type == "audio")
            .map(|stream| stream.codec_name.clone()),
        duration: duration
            .and_then(|micros| u64::try_from(micros).ok())
            .map(Duration::from_micros),
        start_micros,
        video_delay: Duration::from_micros(u64::try_from(video_start - start_micros).unwrap_or(0)),
    })
}

/// A video packet: when it is shown, in microseconds, and whether it is a key frame.
type Packet = (Option<i64>, bool);

async fn packets(tools: &Tools, path: &Path) -> Result<Vec<Packet>, SourceError> {
    let sample = format!("%+{SAMPLE_SECONDS}");
    let args = [
        "-protocol_whitelist",
        "file",
        "-select_streams",
        "V:0",
        "-read_intervals",
        &sample,
        "-print_format",
        "csv=p=0",
        "-show_entries",
        "packet=pts_time,flags",
    ];
    let probed = tools.ffprobe(&args, path, ANSWER_BYTES, PACKETS).await?;
    let text = String::from_utf8_lossy(&probed.answer);
    let packets = text.lines().filter_map(|line| {
        let (stamp, flags) = line.split_once(',')?;
        Some((micros(Some(stamp)), flags.starts_with('K')))
    });
    Ok(packets.collect())
}

/// Looks at the packets of the first seconds, in the order they are decoded.
fn judge_key_frames(packets: &[Packet], segment_length: Duration) -> Option<Uncuttable> {
    let longest = (segment_length * 2).max(Duration::from_secs(4));
    let mut key: Option<i64> = None;
    let mut furthest = Duration::ZERO;
    for (stamp, is_key) in packets {
        let Some(stamp) = *stamp else {
            return Some(Uncuttable::Stamps);
        };
        let Some(last) = key else {
            if !is_key {
                return Some(Uncuttable::Stamps);
            }
            key = Some(stamp);
            continue;
        };
        match u64::try_from(stamp - last) {
            Ok(ahead) => furthest = furthest.max(Duration::from_micros(ahead)),
            Err(_) if *is_key => return Some(Uncuttable::Stamps),
            Err(_) => return Some(Uncuttable::OpenGroups),
        }
        if *is_key {
            key = Some(stamp);
        }
    }
    match key {
        None => Some(Uncuttable::Stamps),
        Some(_) if furthest > longest => Some(Uncuttable::Sparse(furthest)),
        Some(_) => None,
    }
}

/// Reads decimal seconds into microseconds, exactly.
pub(super) fn micros(text: Option<&str>) -> Option<i64> {
    let text = text?;
    let (is_negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_number(whole) || !is_number(fraction) {
        return None;
    }
    let fraction = format!("{:0<6}", fraction.get(..6).unwrap_or(fraction));
    let micros = whole.parse::<i64>().ok()?.checked_mul(1_000_000)? + fraction.parse::<i64>().ok()?;
    Some(if is_negative { -micros } else { micros })
}

#[derive(Deserialize)]
struct Headers {
    #[serde(default)]
    streams: Vec<Stream>,
    #[serde(default)]
    format: Format,
}

#[derive(Default, Deserialize)]
struct Format {
    start_time: Option<String>,
    duration: Option<String>,
}

#[derive(Deserialize)]
struct Stream {
    #[serde(default)]
    codec_type: String,
    #[serde(default)]
    codec_name: String,
    #[serde(default)]
    pix_fmt: String,
    #[serde(default)]
    width: u32,
    #[serde(default)]
    height: u32,
    start_time: Option<String>,
    #[serde(default)]
    disposition: Disposition,
    #[serde(default)]
    side_data_list: Vec<SideData>,
}

impl Stream {
    fn is_video(&self) -> bool {
        self.codec_type == "video" && self.width > 0 && self.height > 0 && self.disposition.attached_pic == 0
    }
}

#[derive(Default, Deserialize)]
struct Disposition {
    #[serde(default)]
    attached_pic: u8,
}

#[derive(Deserialize)]
struct SideData {
    rotation: Option<f64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: Duration = Duration::from_secs(2);

    fn at(stamps: &[(i64, bool)]) -> Vec<Packet> {
        stamps
            .iter()
            .map(|(millis, key)| (Some(millis * 1000), *key))
            .collect()
    }

    #[test]
    fn decimal_seconds_become_exact_microseconds() {
        assert_eq!(micros(Some("999.976778")), Some(999_976_778));
        assert_eq!(micros(Some("-0.066667")), Some(-66_667));
        assert_eq!(micros(Some("2")), Some(2_000_000));
        assert_eq!(micros(Some("0.1234567")), Some(123_456));
        for bad in ["N/A", "", "-", "1e3", "99999999999999999999"] {
            assert_eq!(micros(Some(bad)), None, "{bad}");
        }
    }

    #[test]
    fn closed_groups_often_enough_are_cut_as_they_are() {
        let video = at(&[
            (0, true),
            (100, false),
            (33, false),
            (2000, true),
            (2100, false),
            (2033, false),
        ]);
        assert_eq!(judge_key_frames(&video, TWO), None);
        assert_eq!(judge_key_frames(&at(&[(0, true)]), TWO), None);
    }

    #[test]
    fn what_a_segment_could_not_decode_is_encoded_again() {
        let open = at(&[(0, true), (2000, true), (1966, false), (2033, false)]);
        assert_eq!(judge_key_frames(&open, TWO), Some(Uncuttable::OpenGroups));
        let sparse = at(&[(0, true), (4000, false), (8000, true)]);
        assert_eq!(
            judge_key_frames(&sparse, TWO),
            Some(Uncuttable::Sparse(Duration::from_secs(8)))
        );
        // The window ends before the next key frame comes.
        let rare = at(&[(0, true), (29_000, false)]);
        assert!(matches!(
            judge_key_frames(&rare, TWO),
            Some(Uncuttable::Sparse(_))
        ));
        assert_eq!(judge_key_frames(&[(None, true)], TWO), Some(Uncuttable::Stamps));
        assert_eq!(
            judge_key_frames(&at(&[(0, false)]), TWO),
            Some(Uncuttable::Stamps)
        );
        assert_eq!(judge_key_frames(&[], TWO), Some(Uncuttable::Stamps));
        let back = at(&[(2000, true), (0, true)]);
        assert_eq!(judge_key_frames(&back, TWO), Some(Uncuttable::Stamps));
    }

    #[test]
    fn a_distance_is_told_in_tenths_of_seconds() {
        let far = Uncuttable::Sparse(Duration::from_millis(8341));
        assert_eq!(far.to_string(), "its key frames are 8.3 s apart");
    }
}
