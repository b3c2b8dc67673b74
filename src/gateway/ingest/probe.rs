//! What a segment is, by its bytes, before anybody is paid to look at it.

use crate::media::{
    inspect::{Inspection, PixelFormat, inspect, is_sound_alone},
    job::TranscodeError,
    ladder::VideoCodec,
    size::Size,
};

/// What must stay the same from segment to segment for encoders to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Facts {
    pub codec: VideoCodec,
    pub pixels: Option<PixelFormat>,
    pub size: Option<Size>,
}

impl From<Inspection> for Facts {
    fn from(inspection: Inspection) -> Self {
        Self {
            codec: inspection.codec,
            pixels: inspection.pixels,
            size: inspection.size,
        }
    }
}

impl Facts {
    /// Whether encoders can go on with `next`; what is not known does not stand in the way.
    pub(super) fn go_on_with(&self, next: &Self) -> bool {
        let agrees =
            |one: Option<Size>, other: Option<Size>| one.is_none() || other.is_none() || one == other;
        let same_pixels = self.pixels.is_none() || next.pixels.is_none() || self.pixels == next.pixels;
        self.codec == next.codec && same_pixels && agrees(self.size, next.size)
    }

    /// The pixel format as ffmpeg names it, where that matters for who can decode it; empty for the usual one and
    /// for one that is not known.
    pub(super) fn pixel_format(&self) -> String {
        let Some(pixels) = self.pixels else {
            return String::new();
        };
        let layout = match pixels.chroma {
            1 => "420",
            2 => "422",
            3 => "444",
            _ => return "gray".to_string(),
        };
        match pixels.bits {
            8 => format!("yuv{layout}p"),
            bits => format!("yuv{layout}p{bits}le"),
        }
    }
}

/// A segment that can be worked on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Probed {
    /// Video.
    Pictures(Facts),
    /// A video track without pictures, and sound: nothing to transcode (`go-livepeer server/broadcast.go`).
    SoundAlone,
}

/// Why it cannot; the texts travel to whoever pushes (`go-livepeer server/mediaserver.go`).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum ProbeError {
    #[error("Error getting codec info url={address}: {reason}")]
    Unreadable { address: String, reason: String },
    #[error("Unknown input stream codec=neither H.264 nor HEVC")]
    Codec,
}

/// Looks at a segment's bytes. Takes a while for large ones.
pub(super) fn probe(data: &[u8], address: &str) -> Result<Probed, ProbeError> {
    match inspect(data) {
        Ok(inspection) => Ok(Probed::Pictures(inspection.into())),
        Err(error) if error == TranscodeError::UNSUPPORTED_CODEC => Err(ProbeError::Codec),
        Err(_) if is_sound_alone(data) => Ok(Probed::SoundAlone),
        Err(error) => Err(ProbeError::Unreadable {
            address: address.to_string(),
            reason: error.to_string(),
        }),
    }
}

#[cfg(test)]
mod tests {

    use super::*;

    #[test]
    fn a_change_of_the_source_is_seen_and_what_is_not_known_is_none() {
        let usual = Facts {
            codec: VideoCodec::H264,
            pixels: Some(PixelFormat { chroma: 1, bits: 8 }),
            size: Some(Size {
                width: 320,
                height: 180,
            }),
        };
        assert!(usual.go_on_with(&usual));
        assert!(usual.go_on_with(&Facts { size: None, ..usual }));
        let codec = VideoCodec::H265;
        assert!(!usual.go_on_with(&Facts { codec, ..usual }));
        let size = Some(Size {
            width: 640,
            height: 360,
        });
        assert!(!usual.go_on_with(&Facts { size, ..usual }));
        let pixels = Some(PixelFormat { chroma: 2, bits: 10 });
        let other = Facts { pixels, ..usual };
        assert!(!usual.go_on_with(&other));
        assert_eq!(
            (usual.pixel_format(), other.pixel_format()),
            ("yuv420p".into(), "yuv422p10le".into())
        );
    }
}
