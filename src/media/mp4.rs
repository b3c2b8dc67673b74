//! MP4 files read from memory: tracks, their sizes, sample counts and playing times (ISO/IEC 14496-12).
//! Plain and fragmented files. Counts a file claims without carrying the entries for them are not believed.

use super::{
    ladder::VideoCodec,
    nal::{self, PixelFormat},
    size::Size,
};

/// One track.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Track {
    /// Number of the track within the file.
    pub id: u32,
    /// Handler, `vide` for video.
    pub handler: [u8; 4],
    /// Format of the samples, like `avc1`.
    pub format: [u8; 4],
    /// Size of the pictures as the encoder made them.
    pub size: Option<Size>,
    /// How their pixels are kept, if the decoder's configuration tells.
    pub pixels: Option<PixelFormat>,
    /// Samples; a video sample is a frame.
    pub samples: u64,
    /// Whether decoding can start anywhere: no table of key frames means every sample is one.
    pub has_key_frame: bool,
    /// Ticks a second.
    pub timescale: u32,
    /// Playing time of all samples in ticks. Zero in a fragmented file.
    pub ticks: u64,
}

impl Track {
    /// Whether it is video.
    #[must_use]
    pub fn is_video(&self) -> bool {
        &self.handler == b"vide"
    }

    /// Codec of a video track, if it is one the network knows.
    #[must_use]
    pub fn codec(&self) -> Option<VideoCodec> {
        match &self.format {
            b"avc1" | b"avc3" => Some(VideoCodec::H264),
            b"hvc1" | b"hev1" => Some(VideoCodec::H265),
            _ => None,
        }
    }
}

/// Whether the data starts like an MP4 or QuickTime file.
#[must_use]
pub fn is_mp4(data: &[u8]) -> bool {
    boxes(data).next().is_some_and(|first| {
        matches!(
            &first.kind,
            b"ftyp" | b"styp" | b"moov" | b"moof" | b"sidx" | b"mdat" | b"wide" | b"free" | b"skip"
        )
    })
}

/// Where a file keeps the index of its samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Index {
    /// Before any sample: it can be read as it arrives.
    First,
    /// After samples, or nowhere.
    Later,
    /// Not within these bytes.
    Unknown,
}

/// Where the index is in a file that begins like this.
#[must_use]
pub fn index(head: &[u8]) -> Index {
    let kinds = boxes(head).map(|part| part.kind);
    kinds
        .map(|kind| match &kind {
            b"moov" => Index::First,
            b"mdat" | b"moof" => Index::Later,
            _ => Index::Unknown,
        })
        .find(|index| *index != Index::Unknown)
        .unwrap_or(Index::Unknown)
}

/// The tracks, in the file's order.
#[must_use]
pub fn tracks(data: &[u8]) -> Vec<Track> {
    let mut tracks = Vec::new();
    for moov in boxes(data).filter(|part| &part.kind == b"moov").take(1) {
        tracks.extend(
            boxes(moov.body)
                .filter(|part| &part.kind == b"trak")
                .take(64)
                .map(|part| track(part.body)),
        );
    }
    for moof in boxes(data).filter(|part| &part.kind == b"moof") {
        for traf in boxes(moof.body).filter(|part| &part.kind == b"traf") {
            add_fragment(traf.body, &mut tracks);
        }
    }
    tracks
}

fn track(body: &[u8]) -> Track {
    let mut track = Track::default();
    if let Some(header) = child(body, b"tkhd") {
        let at = if header.first() == Some(&1) { 20 } else { 12 };
        track.id = u32_at(header, at).unwrap_or_default();
    }
    let Some(media) = child(body, b"mdia") else {
        return track;
    };
    if let Some(handler) = child(media, b"hdlr").and_then(|hdlr| hdlr.get(8..12)) {
        track.handler.copy_from_slice(handler);
    }
    if let Some(header) = child(media, b"mdhd") {
        let at = if header.first() == Some(&1) { 20 } else { 12 };
        track.timescale = u32_at(header, at).unwrap_or_default();
    }
    let Some(table) = child(media, b"minf").and_then(|minf| child(minf, b"stbl")) else {
        return track;
    };
    if let Some(entry) = child(table, b"stsd").and_then(|stsd| boxes(stsd.get(8..)?).next()) {
        track.format = entry.kind;
        if let (true, Some(&[a, b, c, d])) = (track.is_video(), entry.body.get(24..28)) {
            let size = Size {
                width: u16::from_be_bytes([a, b]).into(),
                height: u16::from_be_bytes([c, d]).into(),
            };
            track.size = (size.width > 0 && size.height > 0).then_some(size);
            track.pixels = entry.body.get(78..).and_then(pixels);
        }
    }
    track.samples = child(table, b"stsz").map(samples).unwrap_or_default();
    track.has_key_frame =
        child(table, b"stss").is_none_or(|stss| u32_at(stss, 4).is_some_and(|count| count > 0));
    track.ticks = child(table, b"stts").map(ticks).unwrap_or_default();
    track
}

/// From the boxes that follow a video sample entry's fields (ISO/IEC 14496-15).
fn pixels(entry: &[u8]) -> Option<PixelFormat> {
    if let Some(record) = child(entry, b"avcC") {
        let (&count, sets) = record.get(5..)?.split_first()?;
        let (length, sets) = sets.split_first_chunk::<2>().filter(|_| count & 0x1f > 0)?;
        let set = sets.get(..usize::from(u16::from_be_bytes(*length)))?;
        return Some(nal::parameters(VideoCodec::H264, set)?.pixels);
    }
    let &[chroma, luma_bits, chroma_bits] = child(entry, b"hvcC")?.get(16..19)? else {
        return None;
    };
    Some(PixelFormat {
        chroma: chroma & 3,
        bits: 8 + (luma_bits & 7).max(chroma_bits & 7),
    })
}

/// Samples of a size table; without one entry a sample, no more than it has bytes for.
fn samples(stsz: &[u8]) -> u64 {
    let (Some(each), Some(count)) = (u32_at(stsz, 4), u32_at(stsz, 8)) else {
        return 0;
    };
    let carried = (stsz.len() - 12) as u64 / 4;
    if each == 0 {
        u64::from(count).min(carried)
    } else {
        u64::from(count)
    }
}

fn ticks(stts: &[u8]) -> u64 {
    let entries = stts.get(8..).unwrap_or_default().chunks_exact(8);
    entries.fold(0, |sum, entry| {
        let (Some(count), Some(each)) = (u32_at(entry, 0), u32_at(entry, 4)) else {
            return sum;
        };
        sum.saturating_add(u64::from(count) * u64::from(each))
    })
}

fn add_fragment(traf: &[u8], tracks: &mut [Track]) {
    let id = child(traf, b"tfhd").and_then(|header| u32_at(header, 4));
    let Some(track) = tracks.iter_mut().find(|track| Some(track.id) == id) else {
        return;
    };
    for run in boxes(traf).filter(|part| &part.kind == b"trun") {
        let (Some(flags), Some(count)) = (u32_at(run.body, 0), u32_at(run.body, 4)) else {
            continue;
        };
        let fields = (flags & 0xf00).count_ones() as usize * 4;
        // Samples without a field of their own cannot be checked against the bytes; one run holds a few seconds.
        let carried = run
            .body
            .len()
            .checked_div(fields)
            .map_or(u64::from(u16::MAX), |carried| carried as u64);
        track.samples = track.samples.saturating_add(u64::from(count).min(carried));
    }
}

/// One box.
struct Part<'a> {
    kind: [u8; 4],
    body: &'a [u8],
}

fn child<'a>(body: &'a [u8], kind: &[u8; 4]) -> Option<&'a [u8]> {
    boxes(body).find(|part| &part.kind == kind).map(|part| part.body)
}

/// The boxes of a level. A box that is cut off at the end is given with what is there.
fn boxes(data: &[u8]) -> impl Iterator<Item = Part<'_>> {
    let mut rest = data;
    std::iter::from_fn(move || {
        let kind: [u8; 4] = rest.get(4..8)?.try_into().ok()?;
        let (header, size) = match u32_at(rest, 0)? {
            0 => (8, rest.len()),
            1 => {
                let high = usize::try_from(u32_at(rest, 8)?).ok()?;
                (
                    16,
                    high.checked_mul(1 << 32)?
                        .checked_add(usize::try_from(u32_at(rest, 12)?).ok()?)?,
                )
            }
            size => (8, usize::try_from(size).ok()?),
        };
        if size < header {
            return None;
        }
        let end = size.min(rest.len());
        let body = rest.get(header..end)?;
        rest = &rest[end..];
        Some(Part { kind, body })
    })
}

fn u32_at(data: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(data.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn part(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
        let mut made = u32::try_from(body.len() + 8).unwrap().to_be_bytes().to_vec();
        made.extend_from_slice(kind);
        made.extend_from_slice(body);
        made
    }

    #[test]
    fn a_claimed_count_without_entries_is_not_believed() {
        let claim = [[0; 4], [0; 4], u32::MAX.to_be_bytes(), 7_u32.to_be_bytes()].concat();
        assert_eq!(samples(&claim), 1);
    }

    #[test]
    fn what_does_not_begin_with_a_box_is_no_mp4() {
        assert!(is_mp4(&part(b"ftyp", b"isom")));
        assert!(!is_mp4(b""));
        assert!(!is_mp4(b"G@\0\x10\0\0\xb0\x0d"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(body in proptest::collection::vec(any::<u8>(), 0..400), depth in 0_usize..7) {
            let path: [&[u8; 4]; 6] = [b"stsz", b"stbl", b"minf", b"mdia", b"trak", b"moov"];
            let file = path[..depth.min(6)].iter().fold(body, |body, kind| part(kind, &body));
            let _ = tracks(&file);
            let _ = is_mp4(&file);
        }
    }
}
