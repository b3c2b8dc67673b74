//! What is refused before any byte of the segment is looked at.

use crate::media::{
    ffmpeg::Ffmpeg,
    job::{SegmentJob, TranscodeError},
    ladder::{CodecProfile, VideoCodec},
};

/// Most renditions of one segment (`lpms ffmpeg/transcoder.h`).
pub const MOST_OUTPUTS: usize = 10;

/// Refuses what no source could make good.
pub(super) fn check_request(job: &SegmentJob, ffmpeg: &Ffmpeg) -> Result<(), TranscodeError> {
    if job.profiles.is_empty() {
        return Err(TranscodeError::INVALID_ARGUMENT);
    }
    if job.profiles.len() > MOST_OUTPUTS {
        return Err(TranscodeError::TOO_MANY_OUTPUTS);
    }
    for profile in &job.profiles {
        if profile.width == 0 || profile.height == 0 {
            return Err(TranscodeError::INVALID_RESOLUTION);
        }
        if ffmpeg.encoder(profile.codec).is_none() {
            return Err(TranscodeError::NO_ENCODER);
        }
        // The profiles are H.264's; HEVC encoders refuse their names, on the whole network.
        if profile.codec == VideoCodec::H265 && profile.codec_profile != CodecProfile::Default {
            return Err(TranscodeError::INVALID_ARGUMENT);
        }
    }
    match job.clip {
        Some(clip) if !clip.to.is_zero() && clip.to < clip.from => Err(TranscodeError::INVALID_CLIP),
        _ => Ok(()),
    }
}
