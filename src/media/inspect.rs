//! What is known of a source segment before ffmpeg sees it, and the reasons to refuse it. ffmpeg's own exit codes
//! and messages differ from version to version; a judgement on the bytes does not.

use super::{
    job::TranscodeError,
    ladder::{Container, VideoCodec},
    mp4, nal,
    size::Size,
    ts::{self, Kind},
};

/// Longest segment taken, in seconds (`go-livepeer common/types.go`).
pub const LONGEST: u64 = 300;

/// A segment that may be transcoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inspection {
    /// Which demuxer it needs.
    pub container: Container,
    /// Codec of the first video track.
    pub codec: VideoCodec,
    /// No more pictures than this can come out of the decoder. Both fields of an interlaced frame may count.
    pub pictures: u64,
    /// Size of the first picture, if the stream says it.
    pub size: Option<Size>,
    /// From the first to the last video time stamp, in milliseconds.
    pub span_ms: u64,
}

/// Looks at a segment's bytes.
///
/// # Errors
/// [`TranscodeError::INVALID_VIDEO`] if it is no MPEG-TS or MP4 with video in it, [`TranscodeError::UNSUPPORTED_CODEC`],
/// [`TranscodeError::INVALID_DURATION`] and [`TranscodeError::NO_KEY_FRAMES`].
pub fn inspect(source: &[u8]) -> Result<Inspection, TranscodeError> {
    let inspection = if ts::is_transport_stream(source) {
        inspect_transport_stream(source)?
    } else if mp4::is_mp4(source) {
        inspect_mp4(source)?
    } else {
        return Err(TranscodeError::INVALID_VIDEO);
    };
    if inspection.span_ms > LONGEST * 1000 {
        return Err(TranscodeError::INVALID_DURATION);
    }
    Ok(inspection)
}

fn inspect_transport_stream(source: &[u8]) -> Result<Inspection, TranscodeError> {
    let streams = ts::streams(source);
    let video = streams
        .iter()
        .find(|stream| stream.kind.is_video())
        .ok_or(TranscodeError::INVALID_VIDEO)?;
    let codec = match video.kind {
        Kind::H264 => VideoCodec::H264,
        Kind::Hevc => VideoCodec::H265,
        Kind::OtherVideo | Kind::Audio | Kind::Other => return Err(TranscodeError::UNSUPPORTED_CODEC),
    };
    let track = ts::elementary(source, video.pid, true);
    if track.units == 0 {
        return Err(TranscodeError::INVALID_VIDEO);
    }
    let sound = streams.iter().filter(|stream| stream.kind == Kind::Audio);
    let span = sound
        .map(|stream| ts::elementary(source, stream.pid, false).span())
        .fold(track.span(), u64::max);
    if span / 90_000 > LONGEST {
        return Err(TranscodeError::INVALID_DURATION);
    }
    let pictures = nal::pictures(codec, &track.payload);
    if !pictures.has_key_frame {
        return Err(TranscodeError::NO_KEY_FRAMES);
    }
    Ok(Inspection {
        container: Container::MpegTs,
        codec,
        pictures: pictures.count.max(track.units),
        size: pictures.size,
        span_ms: track.span() / 90,
    })
}

fn inspect_mp4(source: &[u8]) -> Result<Inspection, TranscodeError> {
    let tracks = mp4::tracks(source);
    let track = tracks
        .iter()
        .find(|track| track.is_video())
        .ok_or(TranscodeError::INVALID_VIDEO)?;
    let codec = track.codec().ok_or(TranscodeError::UNSUPPORTED_CODEC)?;
    if track.samples == 0 {
        return Err(TranscodeError::INVALID_VIDEO);
    }
    if !track.has_key_frame {
        return Err(TranscodeError::NO_KEY_FRAMES);
    }
    let longest = tracks.iter().map(play_ms).fold(0, u64::max);
    if longest > LONGEST * 1000 {
        return Err(TranscodeError::INVALID_DURATION);
    }
    Ok(Inspection {
        container: Container::Mp4,
        codec,
        pictures: track.samples,
        size: track.size,
        span_ms: play_ms(track),
    })
}

fn play_ms(track: &mp4::Track) -> u64 {
    track
        .ticks
        .saturating_mul(1000)
        .checked_div(u64::from(track.timescale))
        .unwrap_or_default()
}
