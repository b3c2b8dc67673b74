//! Renditions as one `multipart/mixed` answer, byte for byte as Go's `mime/multipart` writes it: header names in
//! alphabetical order, lines that end in CR LF (`go-livepeer server/mediaserver.go`).

use bytes::{BufMut, Bytes, BytesMut};

use crate::media::ladder::{Container, Profile};

/// File ending and media type of a container (`go-livepeer common/videoprofile.go`).
pub(super) fn ending(container: Container) -> (&'static str, &'static str) {
    match container {
        Container::MpegTs => ("ts", "video/mp2t"),
        Container::Mp4 => ("mp4", "video/mp4"),
    }
}

/// A new boundary: 20 hexadecimal digits.
pub(super) fn boundary() -> String {
    hex::encode(rand::random::<[u8; 10]>())
}

/// The renditions of one segment between boundaries, as pieces so that no rendition is copied.
pub(super) fn body(boundary: &str, seq: u64, renditions: &[(Profile, Bytes)]) -> Vec<Bytes> {
    let mut pieces = Vec::with_capacity(2 * renditions.len() + 1);
    for (index, (profile, data)) in renditions.iter().enumerate() {
        let (ending, kind) = ending(profile.format);
        let name = format!("\"{}_{seq}.{ending}\"", profile.name);
        let mut head = BytesMut::new();
        if index > 0 {
            head.put_slice(b"\r\n");
        }
        head.put_slice(
            format!(
                "--{boundary}\r\n\
                 Content-Disposition: attachment; filename={name}\r\n\
                 Content-Length: {}\r\n\
                 Content-Type: {kind}; name={name}\r\n\
                 Rendition-Name: {}\r\n\r\n",
                data.len(),
                profile.name
            )
            .as_bytes(),
        );
        pieces.push(head.freeze());
        pieces.push(data.clone());
    }
    pieces.push(Bytes::from(format!("\r\n--{boundary}--\r\n")));
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::ladder::preset;

    #[test]
    fn parts_are_written_as_gos_writer_does() {
        let small = preset("P144p30fps16x9").unwrap();
        let other = Profile {
            name: "other".into(),
            format: Container::Mp4,
            ..small.clone()
        };
        let renditions = [
            (small, Bytes::from_static(b"abc")),
            (other, Bytes::from_static(b"\r\n--")),
        ];
        let written = body("0123456789abcdef0123", 7, &renditions).concat();
        let expected = "--0123456789abcdef0123\r\n\
            Content-Disposition: attachment; filename=\"P144p30fps16x9_7.ts\"\r\n\
            Content-Length: 3\r\n\
            Content-Type: video/mp2t; name=\"P144p30fps16x9_7.ts\"\r\n\
            Rendition-Name: P144p30fps16x9\r\n\r\n\
            abc\r\n--0123456789abcdef0123\r\n\
            Content-Disposition: attachment; filename=\"other_7.mp4\"\r\n\
            Content-Length: 4\r\n\
            Content-Type: video/mp4; name=\"other_7.mp4\"\r\n\
            Rendition-Name: other\r\n\r\n\
            \r\n--\r\n--0123456789abcdef0123--\r\n";
        assert_eq!(String::from_utf8(written).unwrap(), expected);
    }

    #[test]
    fn a_boundary_has_twenty_hexadecimal_digits() {
        let made = boundary();
        assert_eq!(made.len(), 20);
        assert!(made.bytes().all(|byte| byte.is_ascii_hexdigit()));
        assert_ne!(made, boundary());
    }
}
