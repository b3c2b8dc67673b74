//! Segments that went wrong: real ones with bits flipped, parts cut, spliced, doubled, swapped, or headers changed.
//! The same seed and number give the same bytes.

#![expect(
    clippy::unwrap_used,
    reason = "a clip that cannot be drawn fails the test that asked for it"
)]

use std::fmt::Write as _;

use bytes::Bytes;

use crate::clip::drawn;

/// Bytes of a transport stream's packet.
const PACKET: usize = 188;
/// Most changes of one kind.
const CHANGES: usize = 60;

/// A segment before anything happened to it.
#[derive(Debug, Clone)]
pub struct Original {
    /// What it is.
    pub name: &'static str,
    /// Its bytes.
    pub data: Bytes,
    /// Video frames in it.
    pub frames: u64,
}

/// A segment that went wrong.
#[derive(Debug, Clone)]
pub struct Mutant {
    /// What was done to what, in words.
    pub story: String,
    /// Its bytes.
    pub data: Bytes,
}

/// One second of 256x144 at 20 frames a second, in every packaging a node takes.
///
/// # Panics
/// If ffmpeg is missing.
#[must_use]
pub fn originals() -> Vec<Original> {
    let h264 = ["-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "10"];
    let hevc = [
        "-c:v",
        "libx265",
        "-preset",
        "ultrafast",
        "-x265-params",
        "log-level=error",
    ];
    let kinds: [(&'static str, &[&str], bool, &[&str]); 8] = [
        ("h264-sound.ts", &h264, true, &["-f", "mpegts"]),
        ("h264.ts", &h264, false, &["-f", "mpegts"]),
        ("hevc-sound.ts", &hevc, true, &["-f", "mpegts"]),
        ("hevc.ts", &hevc, false, &["-f", "mpegts"]),
        (
            "h264-sound-index-first.mp4",
            &h264,
            true,
            &["-movflags", "+faststart", "-f", "mp4"],
        ),
        ("h264-sound-index-last.mp4", &h264, true, &["-f", "mp4"]),
        (
            "h264-index-first.mp4",
            &h264,
            false,
            &["-movflags", "+faststart", "-f", "mp4"],
        ),
        ("hevc-index-last.mp4", &hevc, false, &["-f", "mp4"]),
    ];
    kinds
        .into_iter()
        .map(|(name, encoder, sound, format)| {
            let file = drawn(&format!("original-{name}"), |ffmpeg| {
                ffmpeg.args(["-f", "lavfi", "-i", "testsrc2=size=256x144:rate=20:duration=1"]);
                if sound {
                    let tone = "sine=frequency=440:sample_rate=48000:duration=1";
                    ffmpeg.args(["-f", "lavfi", "-i", tone, "-c:a", "aac", "-b:a", "64k"]);
                }
                ffmpeg
                    .args(encoder)
                    .args(["-pix_fmt", "yuv420p", "-threads", "1"])
                    .args(format);
            });
            Original {
                name,
                data: std::fs::read(file).unwrap().into(),
                frames: 20,
            }
        })
        .collect()
}

/// Numbers that look random and are not (SplitMix64).
#[derive(Debug)]
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below `end`, which may be zero: then zero.
    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.roll() % (end as u64).max(1)).unwrap_or(0)
    }

    fn byte(&mut self) -> u8 {
        self.roll().to_le_bytes()[0]
    }

    /// Where a part begins and how long it is: within `whole`, not empty unless that is.
    fn part(&mut self, whole: usize, most: usize) -> (usize, usize) {
        let start = self.below(whole);
        let length = (1 + self.below(most)).min(whole - start);
        (start, length)
    }
}

/// Mutant `number` of a series.
#[must_use]
pub fn mutant(originals: &[Original], seed: u64, number: u64) -> Mutant {
    let mut dice = Dice(seed ^ number.wrapping_mul(0xd134_2543_de82_ef95));
    dice.roll();
    let original = &originals[dice.below(originals.len())];
    let mut data = original.data.to_vec();
    let mut story = original.name.to_string();
    for _ in 0..=dice.below(3) {
        let what = change(&mut dice, &mut data, originals);
        let _ = write!(story, ", {what}");
    }
    Mutant {
        story,
        data: data.into(),
    }
}

fn change(dice: &mut Dice, data: &mut Vec<u8>, originals: &[Original]) -> String {
    let is_ts = data.first() == Some(&0x47);
    match dice.below(if is_ts { 10 } else { 7 }) {
        0 => flip_bits(dice, data),
        1 => noise(dice, data),
        2 => {
            let end = dice.below(data.len());
            data.truncate(end);
            format!("cut at {end}")
        }
        3 => {
            let (start, length) = dice.part(data.len(), 20_000);
            data.drain(start..start + length);
            format!("{length} bytes lost at {start}")
        }
        4 => splice(dice, data, originals),
        5 if is_ts => edit_packet_heads(dice, data),
        5 => edit_boxes(dice, data),
        6 => {
            let count = 1 + dice.below(2000);
            let byte = if dice.below(2) == 0 { 0 } else { 0xff };
            let at = dice.below(data.len() + 1);
            data.splice(at..at, std::iter::repeat_n(byte, count));
            format!("{count} times {byte} put in at {at}")
        }
        7 => packets(dice, data, "doubled", |list, from, to| {
            let packet = list[from];
            list.insert(to, packet);
        }),
        8 => packets(dice, data, "swapped", |list, from, to| list.swap(from, to)),
        _ => packets(dice, data, "lost", |list, from, _| {
            if list.len() > 1 {
                list.remove(from);
            }
        }),
    }
}

fn flip_bits(dice: &mut Dice, data: &mut [u8]) -> String {
    let count = 1 + dice.below(CHANGES);
    // Half of the time near the start, where the headers are.
    let reach = if dice.below(2) == 0 {
        data.len()
    } else {
        data.len().min(1500)
    };
    for _ in 0..count {
        let (place, bit) = (dice.below(reach), dice.below(8));
        if let Some(byte) = data.get_mut(place) {
            *byte ^= 1 << bit;
        }
    }
    format!("{count} bits flipped in the first {reach} bytes")
}

fn noise(dice: &mut Dice, data: &mut [u8]) -> String {
    let (start, length) = dice.part(data.len(), 4000);
    for byte in data.iter_mut().skip(start).take(length) {
        *byte = dice.byte();
    }
    format!("{length} bytes of noise at {start}")
}

/// The beginning of one and the end of another.
fn splice(dice: &mut Dice, data: &mut Vec<u8>, originals: &[Original]) -> String {
    let other = &originals[dice.below(originals.len())];
    let (mut end, mut start) = (dice.below(data.len()), dice.below(other.data.len()));
    if dice.below(2) == 0 {
        (end, start) = (end / PACKET * PACKET, start / PACKET * PACKET);
    }
    data.truncate(end);
    data.extend_from_slice(&other.data[start..]);
    format!("from {end} on {} from {start} on", other.name)
}

/// Header fields of packets and of the units in them: sync, program, counters, adaptation, time stamps.
fn edit_packet_heads(dice: &mut Dice, data: &mut [u8]) -> String {
    let count = 1 + dice.below(CHANGES);
    let packets = data.len() / PACKET;
    // The first packets hold the tables.
    let reach = if dice.below(2) == 0 {
        packets
    } else {
        packets.min(4)
    };
    for _ in 0..count {
        let place = dice.below(reach) * PACKET + dice.below(32);
        let value = dice.byte();
        if let Some(byte) = data.get_mut(place) {
            *byte = value;
        }
    }
    format!("{count} bytes changed in the heads of {reach} packets")
}

/// Sizes, names and the first fields of boxes.
fn edit_boxes(dice: &mut Dice, data: &mut [u8]) -> String {
    const NAMES: [&[u8; 4]; 14] = [
        b"moov", b"trak", b"mdia", b"stbl", b"stsd", b"stts", b"stss", b"stsz", b"stco", b"stsc", b"ctts",
        b"avcC", b"mdat", b"elst",
    ];
    let name = NAMES[dice.below(NAMES.len())];
    let places: Vec<usize> = (4..data.len().saturating_sub(4))
        .filter(|at| &data[*at..at + 4] == name)
        .collect();
    let Some(at) = places.get(dice.below(places.len())).copied() else {
        return flip_bits(dice, data);
    };
    // The size is before the name, versions, counts and entries behind it.
    let place = (at - 4 + 4 * dice.below(10)).min(data.len() - 4);
    let value = match dice.below(5) {
        0 => 0,
        1 => u32::MAX,
        2 => 0x7fff_ffff,
        3 => u32::try_from(dice.below(4096)).unwrap_or(0),
        _ => u32::from_le_bytes([dice.byte(), dice.byte(), dice.byte(), dice.byte()]),
    };
    data[place..place + 4].copy_from_slice(&value.to_be_bytes());
    format!("{value} written at {place}, by {}", name.escape_ascii())
}

/// Whole packets, some times.
fn packets(
    dice: &mut Dice,
    data: &mut Vec<u8>,
    what: &str,
    alter: impl Fn(&mut Vec<[u8; PACKET]>, usize, usize),
) -> String {
    let (whole, rest) = data.as_chunks::<PACKET>();
    let (mut list, rest) = (whole.to_vec(), rest.to_vec());
    let count = 1 + dice.below(CHANGES);
    for _ in 0..count {
        if !list.is_empty() {
            let (from, to) = (dice.below(list.len()), dice.below(list.len()));
            alter(&mut list, from, to);
        }
    }
    *data = list.concat();
    data.extend(rest);
    format!("{count} packets {what}")
}
