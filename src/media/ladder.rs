//! A ladder and its rungs: what a gateway asks for. No encoder flags here.

use serde::{Deserialize, Serialize};

mod parse;
mod presets;

pub use parse::LadderError;
pub use presets::{PRESETS, preset};

/// The rungs asked for, one to ten with different names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Ladder(Vec<Profile>);

impl Ladder {
    /// The rungs, in the order they were given.
    #[must_use]
    pub fn profiles(&self) -> &[Profile] {
        &self.0
    }
}

impl From<Ladder> for Vec<Profile> {
    fn from(ladder: Ladder) -> Self {
        ladder.0
    }
}

/// What gateways ask for unless told otherwise (`go-livepeer cmd/livepeer/starter/starter.go`).
impl Default for Ladder {
    fn default() -> Self {
        Self(
            ["P240p30fps16x9", "P360p30fps16x9"]
                .into_iter()
                .filter_map(preset)
                .collect(),
        )
    }
}

/// One rung of a ladder: the description of a rendition (`lpms ffmpeg/videoprofile.go`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// Name; signed by the gateway and part of the rendition's URL, so never empty.
    pub name: String,
    /// Width asked for. The source's aspect ratio decides the real size.
    pub width: u32,
    /// Height asked for.
    pub height: u32,
    /// Bits per second; 0 leaves it to the encoder.
    #[serde(default)]
    pub bitrate: u32,
    /// Frames per second, numerator; 0 keeps the source's timing.
    #[serde(default)]
    pub fps: u32,
    /// Denominator of the frame rate; 0 means 1 (and is told apart from 1 on the wire).
    #[serde(default, rename = "fpsDen")]
    pub fps_den: u32,
    /// Container of the rendition.
    #[serde(default)]
    pub format: Container,
    /// Codec of the rendition.
    #[serde(default)]
    pub codec: VideoCodec,
    /// H.264 profile.
    #[serde(default)]
    pub codec_profile: CodecProfile,
    /// Distance of key frames.
    #[serde(default)]
    pub gop: Gop,
    /// Constant-quality value, 0 for none.
    #[serde(default)]
    pub quality: u32,
}

/// Container of a segment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Container {
    /// MPEG transport stream.
    #[default]
    MpegTs,
    /// MP4, not fragmented.
    Mp4,
}

/// Video codec of a rendition.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VideoCodec {
    /// H.264.
    #[default]
    H264,
    /// HEVC.
    H265,
    /// VP8; no encoder of the network makes it.
    Vp8,
    /// VP9; no encoder of the network makes it.
    Vp9,
}

/// H.264 profile of a rendition.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CodecProfile {
    /// The encoder's choice.
    #[default]
    Default,
    /// Baseline.
    H264Baseline,
    /// Main.
    H264Main,
    /// High.
    H264High,
    /// High without B-frames.
    H264ConstrainedHigh,
}

/// Distance of key frames.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Gop {
    /// The encoder's choice.
    #[default]
    Default,
    /// Every frame is a key frame.
    Intra,
    /// So many milliseconds.
    Millis(u32),
}
