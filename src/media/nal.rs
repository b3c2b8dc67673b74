//! H.264 and HEVC byte streams: where pictures start, whether decoding can start, how large a picture is
//! (ITU-T H.264 §7.3, H.265 §7.3). Only what is needed to judge a segment; nothing is decoded.

use super::{ladder::VideoCodec, size::Size};

/// What a byte stream of one video track holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pictures {
    /// Pictures that start; both fields of an interlaced frame may count.
    pub count: u64,
    /// A picture is there at which decoding can start, and the parameters it needs.
    pub has_key_frame: bool,
    /// The first parameters that are understood.
    pub parameters: Option<Parameters>,
}

/// What a sequence parameter set tells of its pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameters {
    /// Size, cropped.
    pub size: Size,
    /// How their pixels are kept.
    pub pixels: PixelFormat,
}

/// How a picture's pixels are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PixelFormat {
    /// `chroma_format_idc`: 0 has no colours, 1 is 4:2:0, 2 is 4:2:2, 3 is 4:4:4.
    pub chroma: u8,
    /// Bits of a sample: the larger number if brightness and colours differ.
    pub bits: u8,
}

impl PixelFormat {
    fn new(chroma: u32, bits: [u32; 2]) -> Option<Self> {
        let [luma, chroma_bits] = bits;
        // Numbers above these are none of the standards'.
        let bits = luma.max(chroma_bits).checked_add(8).filter(|bits| *bits <= 16)?;
        Some(Self {
            chroma: u8::try_from(chroma).ok().filter(|chroma| *chroma <= 3)?,
            bits: u8::try_from(bits).ok()?,
        })
    }
}

/// A single parameter set with its header, as MP4 keeps them apart from the pictures.
#[must_use]
pub fn parameters(codec: VideoCodec, unit: &[u8]) -> Option<Parameters> {
    match read_unit(codec, unit) {
        Unit::Parameters(parameters) => parameters,
        Unit::Picture { .. } | Unit::Other => None,
    }
}

/// Reads a byte stream with start codes.
#[must_use]
pub fn pictures(codec: VideoCodec, stream: &[u8]) -> Pictures {
    let mut pictures = Pictures::default();
    let mut has_parameters = false;
    for unit in units(stream) {
        match read_unit(codec, unit) {
            Unit::Picture { starts, is_key } => {
                pictures.count += u64::from(starts);
                pictures.has_key_frame |= is_key;
            }
            Unit::Parameters(parameters) => {
                has_parameters = true;
                pictures.parameters = pictures.parameters.or(parameters);
            }
            Unit::Other => {}
        }
    }
    // Without a parameter set nothing can be decoded, whatever the pictures are.
    pictures.has_key_frame &= has_parameters;
    pictures
}

/// A unit of a byte stream.
enum Unit {
    /// Part of a picture.
    Picture {
        /// The first part of it.
        starts: bool,
        /// Decoding can start here.
        is_key: bool,
    },
    /// Sequence parameters, if they are understood.
    Parameters(Option<Parameters>),
    /// Anything else.
    Other,
}

fn read_unit(codec: VideoCodec, unit: &[u8]) -> Unit {
    match (codec, unit) {
        (VideoCodec::H264, [header, body @ ..]) => match header & 0x1f {
            kind @ (1 | 5) => {
                let mut bits = Bits::new(body.get(..16).unwrap_or(body));
                let starts = bits.ue() == Some(0);
                // Streams of some encoders start with an I picture that is no IDR; decoders take that.
                let is_key = kind == 5 || bits.ue().is_some_and(|slice| slice % 5 == 2);
                Unit::Picture { starts, is_key }
            }
            7 => Unit::Parameters(h264_parameters(&unescaped(body))),
            _ => Unit::Other,
        },
        (VideoCodec::H265, [header, _, body @ ..]) => match header >> 1 & 0x3f {
            kind @ 0..=31 => Unit::Picture {
                starts: body.first().is_some_and(|first| first & 0x80 != 0),
                is_key: (16..=21).contains(&kind),
            },
            33 => Unit::Parameters(hevc_parameters(&unescaped(body))),
            _ => Unit::Other,
        },
        _ => Unit::Other,
    }
}

/// The units between start codes.
fn units(stream: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut at = start_code(stream, 0);
    std::iter::from_fn(move || {
        let start = at? + 3;
        at = start_code(stream, start);
        stream.get(start..at.unwrap_or(stream.len()))
    })
}

/// Where the next `00 00 01` is.
fn start_code(stream: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    // Looking at every third byte first skips most of a compressed stream.
    while let Some(&third) = stream.get(at + 2) {
        match third {
            0 => at += 1,
            1 if stream[at] == 0 && stream[at + 1] == 0 => return Some(at),
            _ => at += 3,
        }
    }
    None
}

/// The first bytes of a parameter set without emulation prevention.
fn unescaped(unit: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(unit.len().min(1024));
    let mut zeros = 0;
    for &byte in unit.iter().take(1024) {
        if zeros >= 2 && byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        bytes.push(byte);
    }
    bytes
}

/// An H.264 sequence parameter set (after its header byte).
fn h264_parameters(set: &[u8]) -> Option<Parameters> {
    let mut bits = Bits::new(set);
    let profile = bits.take(8)?;
    bits.take(16)?;
    bits.ue()?;
    let mut chroma = 1;
    let mut planes = false;
    let mut depth = [0; 2];
    if matches!(
        profile,
        100 | 110 | 122 | 244 | 44 | 83 | 86 | 118 | 128 | 138 | 139 | 134 | 135
    ) {
        chroma = bits.ue()?;
        if chroma == 3 {
            planes = bits.flag()?;
        }
        depth = [bits.ue()?, bits.ue()?];
        bits.flag()?;
        if bits.flag()? {
            for list in 0..if chroma == 3 { 12 } else { 8 } {
                if bits.flag()? {
                    skip_scaling_list(&mut bits, if list < 6 { 16 } else { 64 })?;
                }
            }
        }
    }
    bits.ue()?;
    match bits.ue()? {
        0 => {
            bits.ue()?;
        }
        1 => {
            bits.flag()?;
            bits.ue()?;
            bits.ue()?;
            for _ in 0..bits.ue()?.min(255) {
                bits.ue()?;
            }
        }
        _ => {}
    }
    bits.ue()?;
    bits.flag()?;
    let columns = bits.ue()?.checked_add(1)?.checked_mul(16)?;
    let rows = bits.ue()?.checked_add(1)?;
    let fields = 2 - bits.take(1)?;
    if fields == 2 {
        bits.flag()?;
    }
    let rows = rows.checked_mul(16 * fields)?;
    bits.flag()?;
    let crop = if bits.flag()? {
        [bits.ue()?, bits.ue()?, bits.ue()?, bits.ue()?]
    } else {
        [0; 4]
    };
    let pixels = PixelFormat::new(chroma, depth)?;
    let chroma = if planes { 0 } else { chroma };
    let (across, down) = (chroma_width(chroma), chroma_height(chroma) * fields);
    let size = cropped(columns, rows, crop, across, down)?;
    Some(Parameters { size, pixels })
}

fn skip_scaling_list(bits: &mut Bits<'_>, entries: usize) -> Option<()> {
    let (mut last, mut next) = (8_i64, 8_i64);
    for _ in 0..entries {
        if next != 0 {
            next = (last + bits.se()? + 256).rem_euclid(256);
        }
        if next != 0 {
            last = next;
        }
    }
    Some(())
}

/// An HEVC sequence parameter set (after its two header bytes).
fn hevc_parameters(set: &[u8]) -> Option<Parameters> {
    let mut bits = Bits::new(set);
    bits.take(4)?;
    let layers = bits.take(3)?;
    bits.flag()?;
    bits.skip(88 + 8)?;
    let mut present = Vec::new();
    for _ in 0..layers {
        present.push((bits.flag()?, bits.flag()?));
    }
    if layers > 0 {
        bits.skip(2 * usize::try_from(8 - layers).ok()?)?;
    }
    for (profile, level) in present {
        bits.skip(if profile { 88 } else { 0 } + if level { 8 } else { 0 })?;
    }
    bits.ue()?;
    let chroma = bits.ue()?;
    let planes = chroma == 3 && bits.flag()?;
    let (columns, rows) = (bits.ue()?, bits.ue()?);
    let crop = if bits.flag()? {
        [bits.ue()?, bits.ue()?, bits.ue()?, bits.ue()?]
    } else {
        [0; 4]
    };
    let pixels = PixelFormat::new(chroma, [bits.ue()?, bits.ue()?])?;
    let chroma = if planes { 0 } else { chroma };
    let size = cropped(columns, rows, crop, chroma_width(chroma), chroma_height(chroma))?;
    Some(Parameters { size, pixels })
}

fn chroma_width(chroma: u32) -> u32 {
    if matches!(chroma, 1 | 2) { 2 } else { 1 }
}

fn chroma_height(chroma: u32) -> u32 {
    if chroma == 1 { 2 } else { 1 }
}

/// `crop` counts left, right, top and bottom in units of `across` and `down` pixels.
fn cropped(width: u32, height: u32, crop: [u32; 4], across: u32, down: u32) -> Option<Size> {
    let [left, right, top, bottom] = crop;
    let width = width.checked_sub(left.checked_add(right)?.checked_mul(across)?)?;
    let height = height.checked_sub(top.checked_add(bottom)?.checked_mul(down)?)?;
    (width > 0 && height > 0).then_some(Size { width, height })
}

/// Bits from the most significant down.
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Bits<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    fn flag(&mut self) -> Option<bool> {
        let byte = self.bytes.get(self.at / 8)?;
        let flag = byte >> (7 - self.at % 8) & 1 == 1;
        self.at += 1;
        Some(flag)
    }

    fn take(&mut self, count: u32) -> Option<u32> {
        let mut value = 0;
        for _ in 0..count {
            value = value << 1 | u32::from(self.flag()?);
        }
        Some(value)
    }

    fn skip(&mut self, count: usize) -> Option<()> {
        self.at = self.at.checked_add(count)?;
        (self.at <= self.bytes.len() * 8).then_some(())
    }

    /// Unsigned Exp-Golomb code.
    fn ue(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while !self.flag()? {
            zeros += 1;
            if zeros > 31 {
                return None;
            }
        }
        Some((1_u32 << zeros) - 1 + self.take(zeros)?)
    }

    /// Signed Exp-Golomb code.
    fn se(&mut self) -> Option<i64> {
        let code = i64::from(self.ue()?);
        Some(if code % 2 == 0 {
            -(code / 2)
        } else {
            (code + 1) / 2
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn exp_golomb_codes() {
        // 1, 010, 011, 00100, 1 …
        let mut bits = Bits::new(&[0b1010_0110, 0b0100_1000]);
        assert_eq!(
            [bits.ue(), bits.ue(), bits.ue(), bits.ue(), bits.ue()].map(Option::unwrap),
            [0, 1, 2, 3, 0]
        );
        assert_eq!(Bits::new(&[0b0010_1000]).se(), Some(-2));
        assert_eq!(Bits::new(&[0; 8]).ue(), None);
    }

    #[test]
    fn units_are_found_between_start_codes() {
        let stream = [9, 0, 0, 0, 1, 7, 8, 0, 0, 1, 5, 0, 0, 1];
        assert_eq!(units(&stream).collect::<Vec<_>>(), [&[7, 8][..], &[5], &[]]);
        assert_eq!(units(&[0, 0]).count(), 0);
    }

    proptest! {
        #[test]
        fn the_quick_search_finds_what_the_plain_one_finds(
            stream in proptest::collection::vec(0_u8..3, 0..200),
        ) {
            let plain = stream.windows(3).position(|window| window == [0, 0, 1]);
            prop_assert_eq!(start_code(&stream, 0), plain);
        }

        #[test]
        fn any_bytes_are_survived(stream in proptest::collection::vec(any::<u8>(), 0..600)) {
            for codec in [VideoCodec::H264, VideoCodec::H265] {
                let mut marked = vec![0, 0, 1, if codec == VideoCodec::H264 { 0x67 } else { 0x42 }, 1];
                marked.extend_from_slice(&stream);
                let _ = pictures(codec, &marked);
                h264_parameters(&stream);
                hevc_parameters(&stream);
            }
        }
    }
}
