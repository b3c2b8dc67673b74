//! Renditions compared with what was promised: decoded, counted and measured, because what the orchestrator says is
//! what it is paid for (`go-livepeer verification/verify.go`).

use std::{io, path::Path, time::Duration};

use alloy::primitives::Address;
use bytes::Bytes;

use super::tools::{ToolError, Tools, reason};
use crate::{
    media::{
        ladder::{Container, Profile},
        recipe::MAX_PIXELS,
        size::{Size, rendition_size},
    },
    process::Log,
    wire::signature,
};

/// How long decoding one rendition may take.
const DECODING: Duration = Duration::from_secs(120);
/// Most of ffprobe's list of frames that is read: some 300 000 frames, fifteen times what a segment may hold.
const LIST_BYTES: u64 = 8 << 20;

/// What is wrong with a rendition.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// It is no media file, or has no picture that can be decoded.
    #[error("it does not decode: {0}")]
    Undecodable(String),
    /// Some of it does not decode.
    #[error("it is damaged: {0}")]
    Damaged(String),
    /// It cannot be played from its start.
    #[error("its first frame is not a key frame")]
    FirstFrame,
    /// The picture has another size than source and profile give.
    #[error("its picture is {}, it should be {}", size_text(.found), size_text(.expected))]
    WrongSize {
        /// Size of the decoded frames.
        found: Size,
        /// Size it should have.
        expected: Size,
    },
    /// The orchestrator reports other pixels than there are.
    #[error("{reported} pixels were reported, its {frames} frames have {found}")]
    Pixels {
        /// What the orchestrator says.
        reported: i64,
        /// Width times height, summed over the frames.
        found: u64,
        /// How many frames there are.
        frames: u64,
    },
    /// It could not be written for ffprobe to read.
    #[error("the rendition cannot be kept for checking")]
    Write(#[source] io::Error),
    /// ffprobe itself failed.
    #[error(transparent)]
    Tool(#[from] ToolError),
}

/// How bad it is, the least first: what decides which of several wrong results is the best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The count is off by so many pixels.
    Pixels(u64),
    /// The picture has the wrong size.
    Size,
    /// Players may have to wait for a picture.
    FirstFrame,
    /// Some pictures are broken.
    Damaged,
    /// There is nothing to play.
    Useless,
}

impl VerifyError {
    /// How bad it is; none if it could not be found out, which is not the orchestrator's fault.
    #[must_use]
    pub fn severity(&self) -> Option<Severity> {
        match self {
            Self::Pixels { reported, found, .. } => {
                let reported = u64::try_from(*reported).unwrap_or(0);
                Some(Severity::Pixels(reported.abs_diff(*found)))
            }
            Self::WrongSize { .. } => Some(Severity::Size),
            Self::FirstFrame => Some(Severity::FirstFrame),
            Self::Damaged(_) => Some(Severity::Damaged),
            Self::Undecodable(_) => Some(Severity::Useless),
            Self::Write(_) | Self::Tool(_) => None,
        }
    }
}

/// A size as people write it.
pub(super) fn size_text(size: &Size) -> String {
    format!("{}x{}", size.width, size.height)
}

/// What a rendition should be.
#[derive(Debug, Clone, Copy)]
pub struct Promise<'a> {
    /// The profile it was made for.
    pub profile: &'a Profile,
    /// Size of the source segment, if it is known.
    pub source: Option<Size>,
    /// Pixels the orchestrator reported.
    pub pixels: i64,
}

/// What a rendition is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// Frames that were decoded.
    pub frames: u64,
    /// Width times height, summed over the frames.
    pub pixels: u64,
    /// Their size.
    pub size: Size,
    /// Whether there is sound in it.
    pub has_sound: bool,
}

/// Decodes a rendition, kept at `file` meanwhile, and compares it with the promise.
///
/// # Errors
/// The first thing that is wrong, see [`VerifyError`].
pub async fn verify(
    tools: &Tools,
    file: &Path,
    data: &Bytes,
    promise: &Promise<'_>,
) -> Result<Verified, VerifyError> {
    tokio::fs::write(file, data).await.map_err(VerifyError::Write)?;
    let decoded = decode(tools, file, promise.profile.format).await;
    tokio::fs::remove_file(file).await.map_err(VerifyError::Write)?;
    let Decoded {
        verified: found,
        starts_with_key,
    } = decoded?;
    if !starts_with_key {
        return Err(VerifyError::FirstFrame);
    }
    let want = Size {
        width: promise.profile.width,
        height: promise.profile.height,
    };
    let expected = promise
        .source
        .and_then(|source| rendition_size(promise.profile.codec, want, source));
    if let Some(expected) = expected
        && expected != found.size
    {
        return Err(VerifyError::WrongSize {
            found: found.size,
            expected,
        });
    }
    if u64::try_from(promise.pixels) != Ok(found.pixels) {
        return Err(VerifyError::Pixels {
            reported: promise.pixels,
            found: found.pixels,
            frames: found.frames,
        });
    }
    Ok(found)
}

/// Whether the orchestrator's account vouches for exactly these renditions.
#[must_use]
pub fn is_signed(account: Address, renditions: &[Bytes], signature: &[u8]) -> bool {
    signature::verify(account, &signature::renditions_message(renditions), signature)
}

#[derive(Debug)]
struct Decoded {
    verified: Verified,
    starts_with_key: bool,
}

async fn decode(tools: &Tools, file: &Path, container: Container) -> Result<Decoded, VerifyError> {
    let format = match container {
        Container::MpegTs => "mpegts",
        Container::Mp4 => "mov",
    };
    let most_pixels = MAX_PIXELS.to_string();
    // The format is given, not guessed, no picture is larger than a node would make, and nothing but this file may
    // be opened: the bytes are a stranger's.
    let args = [
        "-protocol_whitelist",
        "file",
        "-max_pixels",
        &most_pixels,
        "-f",
        format,
        "-print_format",
        "csv=p=0",
        "-show_entries",
        "frame=media_type,key_frame,width,height:frame_side_data=",
    ];
    let probed = tools.ffprobe(&args, file, LIST_BYTES, DECODING).await?;
    if probed.answer.len() as u64 == LIST_BYTES {
        return Err(VerifyError::Undecodable(
            "it has more frames than a segment can have".into(),
        ));
    }
    let decoded = read_frames(&String::from_utf8_lossy(&probed.answer));
    if !probed.status.success() || decoded.verified.frames == 0 {
        return Err(VerifyError::Undecodable(reason(&probed.log)));
    }
    match damage(&probed.log) {
        Some(line) => Err(VerifyError::Damaged(line)),
        None => Ok(decoded),
    }
}

/// Reads lines like `video,1,640,360` and `audio,1`. The first frame gives the size.
fn read_frames(list: &str) -> Decoded {
    let mut found = Verified {
        frames: 0,
        pixels: 0,
        size: Size { width: 0, height: 0 },
        has_sound: false,
    };
    let mut starts_with_key = false;
    for line in list.lines() {
        let mut fields = line.split(',');
        match fields.next() {
            Some("audio") => found.has_sound = true,
            Some("video") => {
                let is_key = fields.next() == Some("1");
                let mut number = || {
                    fields
                        .next()
                        .and_then(|field| field.parse::<u32>().ok())
                        .unwrap_or(0)
                };
                let size = Size {
                    width: number(),
                    height: number(),
                };
                if found.frames == 0 {
                    starts_with_key = is_key;
                    found.size = size;
                }
                found.frames += 1;
                found.pixels += u64::from(size.width) * u64::from(size.height);
            }
            _ => {}
        }
    }
    Decoded {
        verified: found,
        starts_with_key,
    }
}

/// The first complaint of a video decoder. What the demuxer or the sound decoder say is no damage to the picture:
/// sound is copied from the source as it is.
fn damage(log: &Log) -> Option<String> {
    let is_video = |line: &&str| line.starts_with("[h264 @") || line.starts_with("[hevc @");
    let line = log.lines().find(is_video)?;
    Some(line.split_once("] ").map_or(line, |(_, text)| text).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_counted_and_measured_one_by_one() {
        let decoded = read_frames("video,1,640,360,\naudio,1\nvideo,0,640,360\n\nvideo,0,320,180\n");
        let found = decoded.verified;
        assert_eq!(found.frames, 3);
        assert_eq!(found.pixels, 2 * 640 * 360 + 320 * 180);
        assert_eq!((found.size.width, found.size.height), (640, 360));
        assert!(decoded.starts_with_key && found.has_sound);
        assert!(!read_frames("video,0,2,2\nvideo,1,2,2").starts_with_key);
        assert_eq!(read_frames("garbage\naudio,1").verified.frames, 0);
    }

    #[test]
    fn only_the_picture_can_be_damaged() {
        let mut log = Log::default();
        log.push(b"[aac @ 0x5] channel element is not allocated\n[mpegts @ 0x5] Packet corrupt\n");
        assert_eq!(damage(&log.clone().finish()), None);
        log.push(b"[h264 @ 0x5] error while decoding MB 11 19\n");
        assert_eq!(
            damage(&log.finish()).as_deref(),
            Some("error while decoding MB 11 19")
        );
    }
}
