//! What is known of a source segment before ffmpeg sees it, and the reasons to refuse it. ffmpeg's own exit codes
//! and messages differ from version to version; a judgement on the bytes does not.

pub use super::nal::PixelFormat;
use super::{
    job::TranscodeError,
    ladder::{Profile, VideoCodec},
    mp4::{self, Index},
    nal,
    recipe::{MAX_PIXELS, RUNAWAY},
    size::Size,
    ts::{self, Kind},
};

/// Longest segment taken, in seconds (`go-livepeer common/types.go`).
pub const LONGEST: u64 = 300;

/// What a source is and how ffmpeg can be given it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum InputFormat {
    /// MPEG transport stream, while it arrives.
    MpegTs,
    /// MP4 whose index comes first, while it arrives.
    Mp4Streamed,
    /// MP4 whose index comes last: as a file, once it is whole.
    Mp4File,
}

/// What the first bytes of a source tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sniffed {
    /// More bytes are needed.
    Undecided,
    /// It looks like this. [`inspect`] comes to the same once all bytes are there.
    Format(InputFormat),
    /// Neither a transport stream nor an MP4, whatever follows.
    Neither,
}

/// A segment that may be transcoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inspection {
    /// Which demuxer it needs, and how it is given the bytes.
    pub input: InputFormat,
    /// Codec of the first video track.
    pub codec: VideoCodec,
    /// No more pictures than this can come out of the decoder. Both fields of an interlaced frame may count.
    pub pictures: u64,
    /// Size of the first picture, if the stream says it.
    pub size: Option<Size>,
    /// How its pixels are kept, if the stream says it.
    pub pixels: Option<PixelFormat>,
    /// From the first to the last video time stamp, in milliseconds.
    pub span_ms: u64,
}

impl Inspection {
    /// What the source rules out of what is asked for.
    ///
    /// # Errors
    /// [`TranscodeError::RUNAWAY`] where so few pictures are so far apart that a rendition of a fixed frame rate would
    /// be more than [`RUNAWAY`] times as many, [`TranscodeError::INVALID_ARGUMENT`] for a rate ffmpeg has no number for.
    pub fn admits(&self, profiles: &[Profile]) -> Result<(), TranscodeError> {
        let most = u64::from(i32::MAX.unsigned_abs());
        for profile in profiles.iter().filter(|profile| profile.fps > 0) {
            let (fps, den) = (u64::from(profile.fps), u64::from(profile.fps_den.max(1)));
            if fps > most || den > most {
                return Err(TranscodeError::INVALID_ARGUMENT);
            }
            let frames = self.span_ms.saturating_mul(fps) / (1000 * den);
            if frames > self.pictures.saturating_mul(RUNAWAY) {
                return Err(TranscodeError::RUNAWAY);
            }
        }
        Ok(())
    }

    /// Whether the decoders of GPUs take it: H.264 with eight bits, HEVC with up to ten, both 4:2:0. What is not known
    /// is tried.
    #[must_use]
    pub fn decodes_on_gpu(&self) -> bool {
        let most = match self.codec {
            VideoCodec::H265 => 10,
            VideoCodec::H264 | VideoCodec::Vp8 | VideoCodec::Vp9 => 8,
        };
        self.pixels
            .is_none_or(|pixels| pixels.chroma == 1 && pixels.bits <= most)
    }
}

/// Looks at a segment's first bytes. With every byte more the answer stays or gets more certain.
#[must_use]
pub fn sniff(head: &[u8]) -> Sniffed {
    if head.len() < 8 {
        return Sniffed::Undecided;
    }
    // MP4 first: a file's first box has a name, while chance alone puts the marks of packets into long files.
    if mp4::is_mp4(head) {
        return match mp4::index(head) {
            Index::First => Sniffed::Format(InputFormat::Mp4Streamed),
            Index::Later => Sniffed::Format(InputFormat::Mp4File),
            Index::Unknown => Sniffed::Undecided,
        };
    }
    match ts::starts(head) {
        Some(true) => Sniffed::Format(InputFormat::MpegTs),
        Some(false) => Sniffed::Neither,
        None => Sniffed::Undecided,
    }
}

/// [`sniff`] when nothing follows.
fn format_of(source: &[u8]) -> Option<InputFormat> {
    match sniff(source) {
        Sniffed::Format(format) => Some(format),
        Sniffed::Neither => None,
        Sniffed::Undecided if mp4::is_mp4(source) => Some(InputFormat::Mp4File),
        Sniffed::Undecided => ts::is_transport_stream(source).then_some(InputFormat::MpegTs),
    }
}

/// Looks at a segment's bytes.
///
/// # Errors
/// [`TranscodeError::INVALID_VIDEO`] if it is no MPEG-TS or MP4 with video in it or its pictures are larger than 8K, [`TranscodeError::UNSUPPORTED_CODEC`],
/// [`TranscodeError::INVALID_DURATION`] and [`TranscodeError::NO_KEY_FRAMES`].
pub fn inspect(source: &[u8]) -> Result<Inspection, TranscodeError> {
    let inspection = match format_of(source) {
        Some(InputFormat::MpegTs) => inspect_transport_stream(source)?,
        Some(input @ (InputFormat::Mp4Streamed | InputFormat::Mp4File)) => inspect_mp4(source, input)?,
        None => return Err(TranscodeError::INVALID_VIDEO),
    };
    if inspection.span_ms > LONGEST * 1000 {
        return Err(TranscodeError::INVALID_DURATION);
    }
    let area = |size: Size| u64::from(size.width) * u64::from(size.height);
    if inspection.size.is_some_and(|size| area(size) > MAX_PIXELS.into()) {
        return Err(TranscodeError::INVALID_VIDEO);
    }
    Ok(inspection)
}

/// Whether there is a video track without a single picture beside sound. Gateways let such a segment stand for its own
/// renditions (`go-livepeer server/broadcast.go`).
#[must_use]
pub fn is_sound_alone(source: &[u8]) -> bool {
    match format_of(source) {
        Some(InputFormat::MpegTs) => {
            let streams = ts::streams(source);
            let has_units = |pid| ts::elementary(source, pid, false).units > 0;
            let video = streams.iter().find(|stream| stream.kind.is_video());
            let mut sound = streams.iter().filter(|stream| stream.kind == Kind::Audio);
            video.is_some_and(|video| !has_units(video.pid)) && sound.any(|sound| has_units(sound.pid))
        }
        Some(InputFormat::Mp4Streamed | InputFormat::Mp4File) => {
            let tracks = mp4::tracks(source);
            let video = tracks.iter().find(|track| track.is_video());
            video.is_some_and(|video| video.samples == 0)
                && tracks.iter().any(|track| !track.is_video() && track.samples > 0)
        }
        None => false,
    }
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
        input: InputFormat::MpegTs,
        codec,
        pictures: pictures.count.max(track.units),
        size: pictures.parameters.map(|parameters| parameters.size),
        pixels: pictures.parameters.map(|parameters| parameters.pixels),
        span_ms: track.span() / 90,
    })
}

fn inspect_mp4(source: &[u8], input: InputFormat) -> Result<Inspection, TranscodeError> {
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
        input,
        codec,
        pictures: track.samples,
        size: track.size,
        pixels: track.pixels,
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

/// Whether a segment has a video track without a single picture beside sound that plays: a camera that was covered for
/// the length of a segment looks like that (`go-livepeer server/broadcast.go`).
#[must_use]
pub fn has_sound_alone(source: &[u8]) -> bool {
    match format_of(source) {
        Some(InputFormat::MpegTs) => {
            let streams = ts::streams(source);
            let units = |pid| ts::elementary(source, pid, false).units;
            let mut videos = streams.iter().filter(|stream| stream.kind.is_video()).peekable();
            let mut sounds = streams.iter().filter(|stream| stream.kind == Kind::Audio);
            videos.peek().is_some()
                && videos.all(|video| units(video.pid) == 0)
                && sounds.any(|sound| units(sound.pid) > 0)
        }
        Some(InputFormat::Mp4Streamed | InputFormat::Mp4File) => {
            let tracks = mp4::tracks(source);
            let mut videos = tracks.iter().filter(|track| track.is_video()).peekable();
            videos.peek().is_some()
                && videos.all(|video| video.samples == 0)
                && tracks
                    .iter()
                    .any(|track| &track.handler == b"soun" && track.samples > 0)
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(kind: &[u8; 4], body: usize) -> Vec<u8> {
        let mut made = u32::try_from(body + 8).unwrap().to_be_bytes().to_vec();
        made.extend_from_slice(kind);
        made.resize(body + 8, 0x47);
        made
    }

    #[test]
    fn the_order_of_boxes_decides_how_an_mp4_is_given() {
        let first = [part(b"ftyp", 16), part(b"free", 900), part(b"moov", 50)].concat();
        let last = [part(b"ftyp", 16), part(b"mdat", 900), part(b"moov", 50)].concat();
        for (file, format, known_at) in [
            (first, InputFormat::Mp4Streamed, 24 + 908 + 8),
            (last, InputFormat::Mp4File, 24 + 8),
        ] {
            for length in 0..file.len() {
                let expected = match length < known_at {
                    true => Sniffed::Undecided,
                    false => Sniffed::Format(format),
                };
                assert_eq!(sniff(&file[..length]), expected, "{length} bytes");
            }
            assert_eq!(format_of(&file), Some(format));
        }
    }

    #[test]
    fn packets_show_after_three_of_them() {
        let mut stream = [&[0x47][..], &[0; 187]].concat().repeat(10);
        assert_eq!(sniff(&stream[..376]), Sniffed::Undecided);
        assert_eq!(sniff(&stream[..377]), Sniffed::Format(InputFormat::MpegTs));
        stream.splice(0..0, *b"a few lines that are no packets");
        assert_eq!(sniff(&stream), Sniffed::Format(InputFormat::MpegTs));
    }

    #[test]
    fn what_is_neither_is_known_after_some_time() {
        let text = "#EXTM3U\n".repeat(20_000);
        assert_eq!(sniff(&text.as_bytes()[..60_000]), Sniffed::Undecided);
        assert_eq!(sniff(text.as_bytes()), Sniffed::Neither);
        assert_eq!(format_of(&text.as_bytes()[..60_000]), None);
        assert_eq!(sniff(b"1234567"), Sniffed::Undecided);
    }
}
