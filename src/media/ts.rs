//! MPEG transport streams read from memory: packets, tables, elementary streams. Nothing here trusts its input
//! and nothing takes more than a few passes over it (ISO/IEC 13818-1).

/// Bytes of a packet.
const PACKET: usize = 188;
/// First byte of every packet.
const SYNC: u8 = 0x47;
/// How far into the data the first packet may start.
const SYNC_WITHIN: usize = 64 * 1024;
/// Programs looked at; real segments have one.
const PROGRAMS: usize = 16;
/// 90 kHz time stamps count modulo this.
const WRAP: u64 = 1 << 33;

/// A packet that carries something.
#[derive(Debug, Clone, Copy)]
struct Packet<'a> {
    pid: u16,
    unit_start: bool,
    random_access: bool,
    payload: &'a [u8],
}

/// A stream of the first programs' maps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stream {
    /// Packet id.
    pub pid: u16,
    /// What it carries, by the number in the map.
    pub kind: Kind,
}

/// What a stream carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// H.264 video.
    H264,
    /// HEVC video.
    Hevc,
    /// Video of a codec that is not taken.
    OtherVideo,
    /// Sound.
    Audio,
    /// Anything else.
    Other,
}

impl Kind {
    fn of(stream_type: u8) -> Self {
        match stream_type {
            0x1b => Self::H264,
            0x24 => Self::Hevc,
            0x01 | 0x02 | 0x10 | 0x1e | 0x20 | 0x21 | 0x33 | 0x42 | 0xd1 | 0xd2 | 0xea => Self::OtherVideo,
            0x03 | 0x04 | 0x0f | 0x11 | 0x1c | 0x81 | 0x82 | 0x87 => Self::Audio,
            _ => Self::Other,
        }
    }

    /// Whether it is video of any codec.
    #[must_use]
    pub fn is_video(self) -> bool {
        matches!(self, Self::H264 | Self::Hevc | Self::OtherVideo)
    }
}

/// An elementary stream without its packaging.
#[derive(Debug, Default)]
pub struct Elementary {
    /// Units (PES packets) that start in the data.
    pub units: u64,
    /// Presentation time stamps in 90 kHz, one a unit that has one, unwrapped so that they can be compared.
    pub stamps: Vec<i64>,
    /// A unit marked as one where decoding can start.
    pub random_access: bool,
    /// The payload of all units, in order.
    pub payload: Vec<u8>,
}

impl Elementary {
    /// Distance of the earliest and the latest time stamp, in 90 kHz ticks.
    #[must_use]
    pub fn span(&self) -> u64 {
        match (self.stamps.iter().min(), self.stamps.iter().max()) {
            (Some(first), Some(last)) => last.abs_diff(*first),
            _ => 0,
        }
    }
}

/// Whether data that begins like this is a transport stream; none if it is too short to tell.
#[must_use]
pub fn starts(head: &[u8]) -> Option<bool> {
    let is_beat = |at: usize| (0..3).all(|ahead| head.get(at + ahead * PACKET) == Some(&SYNC));
    match (0..=SYNC_WITHIN).any(is_beat) {
        true => Some(true),
        false if head.len() > SYNC_WITHIN + 2 * PACKET => Some(false),
        false => None,
    }
}

/// Whether the data looks like a transport stream: packets follow each other at the right distance.
#[must_use]
pub fn is_transport_stream(data: &[u8]) -> bool {
    first_packet(data).is_some()
}

/// The streams of the program maps, in their order. Empty if there is no readable map.
#[must_use]
pub fn streams(data: &[u8]) -> Vec<Stream> {
    let Some(association) = section(data, 0, 0) else {
        return Vec::new();
    };
    let body = association
        .get(8..association.len().saturating_sub(4))
        .unwrap_or_default();
    let maps = body
        .chunks_exact(4)
        .filter(|entry| (entry[0], entry[1]) != (0, 0))
        .take(PROGRAMS);
    let mut streams = Vec::new();
    for entry in maps {
        if let Some(map) = section(data, pid(entry[2], entry[3]), 2) {
            read_map(&map, &mut streams);
        }
    }
    streams
}

fn read_map(map: &[u8], streams: &mut Vec<Stream>) {
    let end = map.len().saturating_sub(4);
    let Some(&[high, low]) = map.get(10..12) else {
        return;
    };
    let mut at = 12 + length(high, low);
    while let Some(&[stream_type, pid_high, pid_low, high, low]) =
        map.get(at..at + 5).filter(|_| at + 5 <= end)
    {
        let stream = Stream {
            pid: pid(pid_high, pid_low),
            kind: Kind::of(stream_type),
        };
        if !streams.iter().any(|known| known.pid == stream.pid) {
            streams.push(stream);
        }
        at += 5 + length(high, low);
    }
}

/// Collects one elementary stream. `keep_payload` false leaves the payload empty.
#[must_use]
pub fn elementary(data: &[u8], pid: u16, keep_payload: bool) -> Elementary {
    let mut stream = Elementary::default();
    let mut unit = Vec::new();
    let mut started = false;
    for packet in packets(data).filter(|packet| packet.pid == pid) {
        if packet.unit_start {
            end_unit(&mut stream, &mut unit, keep_payload);
            started = true;
            stream.units += u64::from(packet.payload.starts_with(&[0, 0, 1]));
        }
        stream.random_access |= packet.random_access && packet.unit_start;
        if started && (keep_payload || unit.len() < 14) {
            unit.extend_from_slice(packet.payload);
        }
    }
    end_unit(&mut stream, &mut unit, keep_payload);
    stream
}

/// Takes the header off a finished unit.
fn end_unit(stream: &mut Elementary, unit: &mut Vec<u8>, keep_payload: bool) {
    if let Some((stamp, header)) = unit_header(unit) {
        if let Some(stamp) = stamp {
            let stamp = match stream.stamps.last() {
                Some(&last) => unwrapped(stamp, last),
                None => stamp.cast_signed(),
            };
            stream.stamps.push(stamp);
        }
        if keep_payload {
            stream
                .payload
                .extend_from_slice(unit.get(header..).unwrap_or_default());
        }
    }
    unit.clear();
}

/// Time stamp and length of a PES header with the optional part that audio and video always have.
fn unit_header(unit: &[u8]) -> Option<(Option<u64>, usize)> {
    let &[0, 0, 1, _, _, _, _, flags, rest] = unit.get(..9)? else {
        return None;
    };
    let stamp = match unit.get(9..14) {
        Some(&[a, b, c, d, e]) if flags & 0x80 != 0 => Some(
            (u64::from(a) >> 1 & 7) << 30
                | u64::from(b) << 22
                | (u64::from(c) >> 1) << 15
                | u64::from(d) << 7
                | u64::from(e) >> 1,
        ),
        _ => None,
    };
    Some((stamp, 9 + usize::from(rest)))
}

/// The value of a stamp that is nearest to the one before it.
fn unwrapped(stamp: u64, last: i64) -> i64 {
    let ahead = stamp.wrapping_sub(last.cast_unsigned()) % WRAP;
    let step = if ahead < WRAP / 2 {
        ahead.cast_signed()
    } else {
        ahead.cast_signed() - WRAP.cast_signed()
    };
    last.saturating_add(step)
}

/// Where the first packet starts: up to three packets in a row begin with the sync byte.
fn first_packet(data: &[u8]) -> Option<usize> {
    let last = data.len().checked_sub(PACKET)?.min(SYNC_WITHIN);
    (0..=last).find(|&at| (0..3).all(|ahead| data.get(at + ahead * PACKET).is_none_or(|&byte| byte == SYNC)))
}

/// All packets with a payload, finding the beat again where it is lost.
fn packets(data: &[u8]) -> impl Iterator<Item = Packet<'_>> {
    let mut at = first_packet(data).unwrap_or(data.len());
    std::iter::from_fn(move || {
        loop {
            let packet = data.get(at..at + PACKET)?;
            if packet[0] != SYNC {
                at += 1;
                continue;
            }
            at += PACKET;
            if let Some(packet) = read_packet(packet) {
                return Some(packet);
            }
        }
    })
}

fn read_packet(packet: &[u8]) -> Option<Packet<'_>> {
    let &[_, high, low, control, adaptation, flags, ..] = packet else {
        return None;
    };
    if high & 0x80 != 0 || control & 0xc0 != 0 || control & 0x10 == 0 {
        return None; // broken, scrambled, or nothing but adaptation
    }
    let has_adaptation = control & 0x20 != 0;
    let start = if has_adaptation {
        5 + usize::from(adaptation)
    } else {
        4
    };
    Some(Packet {
        pid: pid(high, low),
        unit_start: high & 0x40 != 0,
        random_access: has_adaptation && adaptation > 0 && flags & 0x40 != 0,
        payload: packet.get(start..)?,
    })
}

/// The first whole section with this table id on a packet id.
fn section(data: &[u8], on: u16, table: u8) -> Option<Vec<u8>> {
    let mut section = Vec::new();
    for packet in packets(data).filter(|packet| packet.pid == on) {
        if packet.unit_start {
            let (&skip, rest) = packet.payload.split_first()?;
            section.clear();
            section.extend_from_slice(rest.get(usize::from(skip)..).unwrap_or_default());
        } else if !section.is_empty() {
            section.extend_from_slice(packet.payload);
        }
        if let &[id, high, low, ..] = section.as_slice() {
            let whole = 3 + length(high, low);
            if id != table {
                section.clear();
            } else if section.len() >= whole {
                section.truncate(whole);
                return Some(section);
            }
        }
    }
    None
}

fn pid(high: u8, low: u8) -> u16 {
    u16::from_be_bytes([high & 0x1f, low])
}

fn length(high: u8, low: u8) -> usize {
    usize::from(u16::from_be_bytes([high & 0x0f, low]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_count_on_over_the_wrap() {
        let last = WRAP.cast_signed() - 10;
        assert_eq!(unwrapped(5, last), last + 15);
        assert_eq!(unwrapped(WRAP - 40, last), last - 30);
        assert_eq!(unwrapped(WRAP - 40, 5), -40);
    }

    #[test]
    fn text_is_no_transport_stream() {
        assert!(!is_transport_stream(b""));
        assert!(!is_transport_stream(&[SYNC; 187]));
        assert!(!is_transport_stream("#EXTM3U\n".repeat(100).as_bytes()));
    }
}
