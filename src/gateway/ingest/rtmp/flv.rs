//! RTMP's pictures and sound as an FLV file, which ffmpeg reads from its input (Adobe FLV 10.1, annex E).

use super::{chunk::kind, session::Media};

/// What begins a file with sound and pictures.
pub(super) const HEADER: [u8; 13] = [b'F', b'L', b'V', 1, 5, 0, 0, 0, 9, 0, 0, 0, 0];

/// One tag with its length behind it; none for a message that is too long for one.
pub(super) fn tag(media: &Media) -> Option<Vec<u8>> {
    let length = u32::try_from(media.body.len())
        .ok()
        .filter(|length| *length < 1 << 24)?;
    let [high, stamp @ ..] = media.stamp.to_be_bytes();
    let mut tag = Vec::with_capacity(media.body.len() + 15);
    tag.push(media.kind);
    tag.extend(&length.to_be_bytes()[1..]);
    tag.extend(stamp);
    tag.push(high);
    tag.extend([0; 3]);
    tag.extend(&media.body);
    tag.extend((length + 11).to_be_bytes());
    Some(tag)
}

/// What is known of a stream by its first messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// There are pictures, of a codec that segments can carry.
    pub video: Option<bool>,
    /// There is sound, and it is AAC.
    pub audio: Option<bool>,
}

impl Found {
    /// Looks at a message.
    pub(super) fn note(&mut self, media: &Media) {
        let Some(first) = media.body.first() else {
            return;
        };
        match media.kind {
            kind::VIDEO if self.video.is_none() => {
                // Enhanced RTMP names the codec; before it there was a number, 7 for H.264.
                let is_known = match first & 0x80 {
                    0 => first & 0x0f == 7,
                    _ => matches!(media.body.get(1..5), Some(b"avc1" | b"hvc1")),
                };
                self.video = Some(is_known);
            }
            kind::AUDIO if self.audio.is_none() => self.audio = Some(first >> 4 == 10),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_has_its_stamp_in_four_odd_bytes() {
        let media = Media {
            kind: kind::VIDEO,
            stamp: 0x0102_0304,
            body: b"abc".to_vec(),
        };
        let expected = [&[9, 0, 0, 3, 2, 3, 4, 1, 0, 0, 0][..], b"abc", &[0, 0, 0, 14]].concat();
        assert_eq!(tag(&media).unwrap(), expected);
    }

    #[test]
    fn codecs_are_told_by_the_first_bytes() {
        let found = |messages: &[(u8, &[u8])]| {
            let mut found = Found::default();
            for (kind, body) in messages {
                found.note(&Media {
                    kind: *kind,
                    stamp: 0,
                    body: body.to_vec(),
                });
            }
            (found.video, found.audio)
        };
        let (audio, video) = (kind::AUDIO, kind::VIDEO);
        assert_eq!(
            found(&[(video, &[0x17, 0]), (audio, &[0xaf, 0])]),
            (Some(true), Some(true))
        );
        assert_eq!(found(&[(video, b"\x90hvc1")]), (Some(true), None));
        // VP6 and MP3.
        assert_eq!(
            found(&[(audio, &[0x2f]), (video, &[0x14]), (video, &[0x17])]),
            (Some(false), Some(false))
        );
        assert_eq!(found(&[(video, &[])]), (None, None));
    }
}
