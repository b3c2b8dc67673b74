//! The segments that are transcoded: cut from a file as a gateway cuts it, listed in a playlist, or drawn.

use std::{
    ffi::OsString,
    fmt, io,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use bytes::Bytes;

use super::playlist::{self, Listed, PlaylistError};
use crate::{
    gateway::{
        cut::{CutError, CutPlan, Cutter},
        source::{SourceError, examine},
        tools::{ToolError, Tools, local, reason},
    },
    media::{count::count, inspect::inspect, size::Size},
    wire::segment::MAX_SEGMENT_BYTES,
};

/// Most bytes of segments that are kept in memory.
const MOST_BYTES: u64 = 512 << 20;
/// Largest side of a drawn picture.
const LARGEST_SIDE: u32 = 8192;
/// Most frames a second of a drawn picture.
const FASTEST: u32 = 240;

/// One segment of the clip.
#[derive(Debug, Clone)]
pub struct Piece {
    /// The whole file.
    pub data: Bytes,
    /// How long it plays.
    pub duration: Duration,
    /// Video frames in it.
    pub frames: u64,
    /// Size of its pictures, if it says it.
    pub size: Option<Size>,
}

/// Why there are no segments.
#[derive(Debug, thiserror::Error)]
pub enum ClipError {
    /// The file cannot be read, or is none with video.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The file cannot be cut.
    #[error(transparent)]
    Cut(#[from] CutError),
    /// The playlist is of no use.
    #[error("{} is no playlist of segments", .path.display())]
    Playlist {
        /// The playlist.
        path: PathBuf,
        /// What is wrong with it.
        source: PlaylistError,
    },
    /// A file cannot be read.
    #[error("{} cannot be read", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file is larger than any node takes.
    #[error("{} is too large", .path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// A segment nothing can be measured with.
    #[error("segment {number} of the clip cannot be transcoded: {reason}")]
    Useless {
        /// Its number, from 0.
        number: usize,
        /// The engine's words.
        reason: String,
    },
    /// ffmpeg did not draw the clip.
    #[error("ffmpeg cannot draw a clip: {0}")]
    Draw(String),
    /// A temporary file could not be made.
    #[error("the clip cannot be kept in {}", .folder.display())]
    Folder {
        /// Where it was to be.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// ffmpeg could not be run.
    #[error(transparent)]
    Tool(#[from] ToolError),
}

/// A picture to be drawn, like `1280x720@30`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drawing {
    /// Its size.
    pub size: Size,
    /// Frames a second.
    pub fps: u32,
}

impl FromStr for Drawing {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = || {
            let (size, fps) = text.split_once('@')?;
            let (width, height) = size.split_once('x')?;
            let size = Size {
                width: width.parse().ok()?,
                height: height.parse().ok()?,
            };
            let side = |side: u32| (16..=LARGEST_SIDE).contains(&side) && side.is_multiple_of(2);
            let fps = fps.parse().ok().filter(|fps| (1..=FASTEST).contains(fps))?;
            (side(size.width) && side(size.height)).then_some(Self { size, fps })
        };
        read().ok_or_else(|| {
            format!(
                "write it like 1280x720@30: even sides of 16 to {LARGEST_SIDE} pixels, 1 to {FASTEST} frames a second"
            )
        })
    }
}

impl fmt::Display for Drawing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}@{}", self.size.width, self.size.height, self.fps)
    }
}

/// The first segments of a file, `most` at most; or those a playlist lists.
///
/// # Errors
/// See [`ClipError`].
pub async fn load(
    tools: &Tools,
    path: &Path,
    segment_length: Duration,
    most: usize,
) -> Result<Vec<Piece>, ClipError> {
    let pieces = if playlist::is_playlist(path) {
        read_playlist(path, most).await?
    } else {
        cut(tools, path, segment_length, most).await?
    };
    Ok(pieces)
}

/// Draws a test clip of so many segments, with sound, and cuts it. The moving picture has film grain: without it
/// encoders have less to do than with what cameras see.
///
/// # Errors
/// See [`ClipError`].
pub async fn draw(
    tools: &Tools,
    drawing: Drawing,
    segment_length: Duration,
    segments: usize,
) -> Result<Vec<Piece>, ClipError> {
    let folder = tempfile::Builder::new().prefix("lpctl-clip-").tempdir();
    let folder = folder.map_err(|source| ClipError::Folder {
        folder: std::env::temp_dir(),
        source,
    })?;
    let file = folder.path().join("clip.ts");
    let count = u32::try_from(segments).unwrap_or(u32::MAX);
    let length = segment_length.saturating_mul(count);
    let args = drawing_args(drawing, segment_length, length, &file)?;
    let (mut job, stdout, log) = tools.ffmpeg(&args, folder.path()).await?;
    drop(stdout);
    let status = job.wait().await.map_err(|source| ClipError::Folder {
        folder: folder.path().to_owned(),
        source,
    })?;
    let log = log.await.unwrap_or_default();
    if !status.success() {
        return Err(ClipError::Draw(reason(&log)));
    }
    cut(tools, &file, segment_length, segments).await
}

fn drawing_args(
    drawing: Drawing,
    segment_length: Duration,
    length: Duration,
    file: &Path,
) -> Result<Vec<OsString>, ClipError> {
    let Drawing { size, fps } = drawing;
    let seconds = length.as_secs_f64();
    let picture = format!(
        "testsrc2=size={}x{}:rate={fps}:duration={seconds},noise=alls=6:allf=t,format=yuv420p",
        size.width, size.height
    );
    let tone = format!("sine=frequency=440:sample_rate=48000:duration={seconds}");
    let keys = format!("expr:gte(t,n_forced*{}-0.000005)", segment_length.as_secs_f64());
    let mut args: Vec<OsString> = Vec::new();
    args.extend(["-hide_banner", "-nostdin", "-nostats", "-loglevel", "error"].map(Into::into));
    args.extend(["-f", "lavfi", "-i", &picture, "-f", "lavfi", "-i", &tone].map(Into::into));
    args.extend(
        [
            "-c:v",
            "libx264",
            "-preset",
            "veryfast",
            "-crf",
            "23",
            "-sc_threshold",
            "0",
        ]
        .map(Into::into),
    );
    args.extend(["-force_key_frames", &keys, "-forced-idr", "1"].map(Into::into));
    args.extend(["-c:a", "aac", "-b:a", "128k", "-ac", "2", "-f", "mpegts"].map(Into::into));
    args.push(local(file).map_err(|source| ClipError::Folder {
        folder: file.to_owned(),
        source,
    })?);
    Ok(args)
}

async fn cut(
    tools: &Tools,
    path: &Path,
    segment_length: Duration,
    most: usize,
) -> Result<Vec<Piece>, ClipError> {
    let source = examine(tools, path, segment_length).await?;
    let plan = CutPlan {
        input: path.to_owned(),
        segment_length,
        times: 1,
    };
    let mut cutter = Cutter::start(tools, &source, &plan).await?;
    let mut pieces: Vec<Piece> = Vec::new();
    let mut bytes = 0;
    while pieces.len() < most && bytes < MOST_BYTES {
        let Some(segment) = cutter.next().await? else {
            break;
        };
        bytes += segment.data.len() as u64;
        pieces.push(piece(pieces.len(), segment.data, segment.duration)?);
    }
    cutter.stop().await;
    drop_rest(&mut pieces);
    Ok(pieces)
}

async fn read_playlist(path: &Path, most: usize) -> Result<Vec<Piece>, ClipError> {
    let text = read_file(path, playlist::MOST_BYTES).await?;
    let listed =
        playlist::read(&String::from_utf8_lossy(&text), most).map_err(|source| ClipError::Playlist {
            path: path.to_owned(),
            source,
        })?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut pieces: Vec<Piece> = Vec::new();
    let mut bytes = 0;
    for Listed { path, duration } in listed {
        if bytes >= MOST_BYTES {
            break;
        }
        let data = read_file(&folder.join(path), MAX_SEGMENT_BYTES).await?;
        bytes += data.len() as u64;
        pieces.push(piece(pieces.len(), data.into(), duration)?);
    }
    drop_rest(&mut pieces);
    Ok(pieces)
}

async fn read_file(path: &Path, most: u64) -> Result<Vec<u8>, ClipError> {
    let unreadable = |source| ClipError::Read {
        path: path.to_owned(),
        source,
    };
    let size = tokio::fs::metadata(path).await.map_err(unreadable)?.len();
    if size > most {
        return Err(ClipError::TooLarge {
            path: path.to_owned(),
        });
    }
    tokio::fs::read(path).await.map_err(unreadable)
}

fn piece(number: usize, data: Bytes, duration: Duration) -> Result<Piece, ClipError> {
    let inspection = inspect(&data).map_err(|error| ClipError::Useless {
        number,
        reason: error.to_string(),
    })?;
    let counted = count(&data);
    Ok(Piece {
        frames: counted.map_or(0, |counted| counted.frames),
        size: inspection.size,
        data,
        duration,
    })
}

/// What is left at the end of a file is shorter than the other segments and would blur the figures.
fn drop_rest(pieces: &mut Vec<Piece>) {
    if let [first, .., last] = &pieces[..]
        && last.duration * 10 < first.duration * 9
    {
        pieces.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drawings_are_read_within_bounds() {
        let drawing: Drawing = "1280x720@30".parse().unwrap();
        assert_eq!(
            (drawing.size.width, drawing.size.height, drawing.fps),
            (1280, 720, 30)
        );
        assert_eq!(drawing.to_string(), "1280x720@30");
        for bad in [
            "",
            "1280x720",
            "1280@30",
            "0x0@30",
            "1281x720@30",
            "9000x720@30",
            "64x64@0",
            "64x64@241",
        ] {
            assert!(bad.parse::<Drawing>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_short_rest_is_left_out_unless_it_is_all_there_is() {
        let piece = |millis| Piece {
            data: Bytes::new(),
            duration: Duration::from_millis(millis),
            frames: 0,
            size: None,
        };
        let left = |lengths: &[u64]| {
            let mut pieces: Vec<_> = lengths.iter().copied().map(piece).collect();
            drop_rest(&mut pieces);
            pieces.len()
        };
        assert_eq!(
            [
                left(&[2000, 2000, 500]),
                left(&[2000, 1900]),
                left(&[500]),
                left(&[])
            ],
            [2, 2, 1, 0]
        );
    }
}
