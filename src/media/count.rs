//! Video frames and picture sizes counted in the bytes of a segment, without decoding: what a node reports and a
//! gateway checks.

use super::{
    ladder::VideoCodec,
    mp4, nal,
    size::Size,
    ts::{self, Kind},
};

/// What was counted in a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// Coded video frames of the first video track.
    pub frames: u64,
    /// Their size, if the stream says it.
    pub size: Option<Size>,
}

impl Counted {
    /// Pixels of all frames.
    #[must_use]
    pub fn pixels(&self) -> Option<u64> {
        let size = self.size?;
        Some(self.frames * u64::from(size.width) * u64::from(size.height))
    }
}

/// Counts the video frames of an MPEG-TS or MP4 segment. `None` if it is neither or has no video track. In a
/// transport stream every unit (PES packet) is a frame, as every known muxer writes it.
///
/// Takes time in proportion to the data; any bytes are survived.
#[must_use]
pub fn count(data: &[u8]) -> Option<Counted> {
    if ts::is_transport_stream(data) {
        let stream = ts::streams(data)
            .into_iter()
            .find(|stream| stream.kind.is_video())?;
        let video = ts::elementary(data, stream.pid, true);
        let codec = match stream.kind {
            Kind::H264 => Some(VideoCodec::H264),
            Kind::Hevc => Some(VideoCodec::H265),
            Kind::OtherVideo | Kind::Audio | Kind::Other => None,
        };
        let parameters = codec.and_then(|codec| nal::pictures(codec, &video.payload).parameters);
        Some(Counted {
            frames: video.units,
            size: parameters.map(|parameters| parameters.size),
        })
    } else if mp4::is_mp4(data) {
        let track = mp4::tracks(data).into_iter().find(mp4::Track::is_video)?;
        Some(Counted {
            frames: track.samples,
            size: track.size,
        })
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_packets_are_survived(
            packets in proptest::collection::vec(
                (0_u16..4, any::<u8>(), proptest::collection::vec(any::<u8>(), 184)), 0..12,
            ),
        ) {
            let mut data = Vec::new();
            for (pid, control, body) in packets {
                data.extend([0x47, 0x40 | u8::try_from(pid >> 8).unwrap(), u8::try_from(pid).unwrap(), control]);
                data.extend(body);
            }
            let _ = count(&data);
            for pid in 0..4 {
                let _ = ts::elementary(&data, pid, true);
            }
        }

        #[test]
        fn any_bytes_are_survived(data in proptest::collection::vec(any::<u8>(), 0..1000)) {
            let _ = count(&data);
        }
    }
}
