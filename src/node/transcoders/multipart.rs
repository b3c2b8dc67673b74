//! A streaming reader of `multipart/mixed` (RFC 2046), bounded whatever is sent: what is between two boundaries is handed on
//! as it comes, and no line or header block grows without end.

use std::fmt;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use memchr::memmem::Finder;

/// Longest header block of a part.
const MOST_HEADER_BYTES: usize = 16 << 10;
/// Most headers of a part.
const MOST_HEADERS: usize = 32;
/// Most bytes before the first boundary, and after the last.
const MOST_PADDING: usize = 16 << 10;
/// Longest boundary (RFC 2046).
const MOST_BOUNDARY: usize = 70;

/// Why the parts cannot be read. The texts are those of Go's `mime/multipart` where it has one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum MultipartError {
    /// There is no boundary to look for.
    #[error("multipart: boundary is empty")]
    NoBoundary,
    /// It ended before the last boundary.
    #[error("multipart: NextPart: EOF")]
    NoEnd,
    /// It ended in the middle of a part.
    #[error("unexpected EOF")]
    CutOff,
    /// Something else where a part should begin.
    #[error("multipart: expecting a new Part")]
    NoPart,
    /// A part's headers are no headers.
    #[error("malformed MIME header")]
    Headers,
    /// A part's headers, or what precedes the first part, are too long.
    #[error("multipart: message too large")]
    TooLong,
    /// The sender broke off.
    #[error("unexpected EOF")]
    Broken(String),
}

/// Where the reader is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Before the first boundary.
    Preamble,
    /// At the first byte of a part's content.
    Start,
    /// Within a part's content.
    Content,
    /// Right after a boundary.
    Boundary,
    /// After the last boundary.
    End,
}

/// Reads part after part.
pub(super) struct Reader<S> {
    source: S,
    has_ended: bool,
    buffer: BytesMut,
    /// `\r\n--boundary`.
    delimiter: Vec<u8>,
    finder: Finder<'static>,
    place: Place,
}

impl<S, E> Reader<S>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
    E: fmt::Display,
{
    /// Reads what comes from `source`.
    pub(super) fn new(source: S, boundary: &str) -> Result<Self, MultipartError> {
        if boundary.is_empty() {
            return Err(MultipartError::NoBoundary);
        }
        if boundary.len() > MOST_BOUNDARY {
            return Err(MultipartError::TooLong);
        }
        let delimiter = format!("\r\n--{boundary}").into_bytes();
        Ok(Self {
            source,
            has_ended: false,
            buffer: BytesMut::new(),
            finder: Finder::new(&delimiter).into_owned(),
            delimiter,
            place: Place::Preamble,
        })
    }

    /// The next part's headers; none after the last. What is left of the part before is skipped.
    pub(super) async fn next_part(&mut self) -> Result<Option<HeaderMap>, MultipartError> {
        if self.place == Place::Preamble {
            self.skip_preamble().await?;
        }
        while matches!(self.place, Place::Start | Place::Content) {
            self.chunk().await?;
        }
        if self.place == Place::End {
            return Ok(None);
        }
        self.end_boundary_line().await?;
        if self.place == Place::End {
            return Ok(None);
        }
        let headers = self.headers().await?;
        self.place = Place::Start;
        Ok(Some(headers))
    }

    /// The next bytes of this part; none at its end.
    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>, MultipartError> {
        if self.place == Place::Start {
            // An empty part's boundary follows its headers at once.
            let dashes = self.delimiter.len() - 2;
            self.fill_to(dashes + 2).await?;
            self.place = Place::Content;
            if self.buffer.starts_with(&self.delimiter[2..]) && self.ends_boundary(dashes) {
                let _ = self.buffer.split_to(dashes);
                self.place = Place::Boundary;
            }
        }
        if self.place != Place::Content {
            return Ok(None);
        }
        let length = self.delimiter.len();
        loop {
            match self.finder.find(&self.buffer) {
                Some(0) => {
                    self.fill_to(length + 2).await?;
                    if self.ends_boundary(length) {
                        let _ = self.buffer.split_to(length);
                        self.place = Place::Boundary;
                        return Ok(None);
                    }
                    // It only begins like one.
                    return Ok(Some(self.buffer.split_to(2).freeze()));
                }
                Some(at) => return Ok(Some(self.buffer.split_to(at).freeze())),
                // The last bytes may be the beginning of a boundary.
                None if self.buffer.len() >= length => {
                    let sure = self.buffer.len() - (length - 1);
                    return Ok(Some(self.buffer.split_to(sure).freeze()));
                }
                None if self.fill().await? => {}
                None => return Err(MultipartError::CutOff),
            }
        }
    }

    /// Reads to the end of what is sent, so that the sender is not cut off; what does not end soon is left.
    pub(super) async fn finish(&mut self) {
        let mut left = MOST_PADDING;
        while let Ok(true) = self.fill().await {
            let Some(rest) = left.checked_sub(self.buffer.len()) else {
                return;
            };
            left = rest;
            self.buffer.clear();
        }
    }

    /// Whether what follows a boundary of this length makes it one.
    fn ends_boundary(&self, length: usize) -> bool {
        match self.buffer.get(length) {
            None => self.has_ended,
            Some(byte) => matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b'-'),
        }
    }

    async fn skip_preamble(&mut self) -> Result<(), MultipartError> {
        // As if a line had ended before the first byte.
        let mut text = BytesMut::from(&b"\r\n"[..]);
        text.extend_from_slice(&self.buffer);
        self.buffer = text;
        self.place = Place::Content;
        let mut skipped = 0;
        loop {
            match self.chunk().await {
                Ok(Some(chunk)) => skipped += chunk.len(),
                Ok(None) => return Ok(()),
                Err(MultipartError::CutOff) => return Err(MultipartError::NoEnd),
                Err(error) => return Err(error),
            }
            if skipped > MOST_PADDING {
                return Err(MultipartError::TooLong);
            }
        }
    }

    /// What follows a boundary on its line: `--` after the last, spaces, the line's end.
    async fn end_boundary_line(&mut self) -> Result<(), MultipartError> {
        self.fill_to(2).await?;
        if self.buffer.starts_with(b"--") {
            self.place = Place::End;
            return Ok(());
        }
        loop {
            if let Some(end) = memchr::memchr(b'\n', &self.buffer) {
                let line = self.buffer.split_to(end + 1);
                return match line.iter().all(|byte| byte.is_ascii_whitespace()) {
                    true => Ok(()),
                    false => Err(MultipartError::NoPart),
                };
            }
            if self.buffer.len() > MOST_HEADER_BYTES {
                return Err(MultipartError::TooLong);
            }
            if !self.fill().await? {
                return Err(MultipartError::NoEnd);
            }
        }
    }

    async fn headers(&mut self) -> Result<HeaderMap, MultipartError> {
        let mut searched = 0;
        let length = loop {
            if self.buffer.starts_with(b"\r\n") {
                break 2;
            }
            let found = memchr::memmem::find(&self.buffer[searched..], b"\r\n\r\n");
            if let Some(at) = found {
                break searched + at + 4;
            }
            if self.buffer.len() > MOST_HEADER_BYTES {
                return Err(MultipartError::TooLong);
            }
            searched = self.buffer.len().saturating_sub(3);
            if !self.fill().await? {
                return Err(MultipartError::NoEnd);
            }
        };
        if length > MOST_HEADER_BYTES {
            return Err(MultipartError::TooLong);
        }
        read_headers(&self.buffer.split_to(length))
    }

    /// Waits until so many bytes are here, or all there will be.
    async fn fill_to(&mut self, length: usize) -> Result<(), MultipartError> {
        while self.buffer.len() < length && self.fill().await? {}
        Ok(())
    }

    /// Waits for more; false at the end.
    async fn fill(&mut self) -> Result<bool, MultipartError> {
        if self.has_ended {
            return Ok(false);
        }
        match self.source.next().await {
            None => {
                self.has_ended = true;
                Ok(false)
            }
            Some(Ok(bytes)) => {
                self.buffer.extend_from_slice(&bytes);
                Ok(true)
            }
            Some(Err(error)) => Err(MultipartError::Broken(error.to_string())),
        }
    }
}

fn read_headers(block: &[u8]) -> Result<HeaderMap, MultipartError> {
    let mut headers = HeaderMap::new();
    if block == b"\r\n" {
        return Ok(headers);
    }
    let mut places = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let Ok(httparse::Status::Complete((_, found))) = httparse::parse_headers(block, &mut places) else {
        return Err(MultipartError::Headers);
    };
    for header in found {
        let name = HeaderName::from_bytes(header.name.as_bytes()).map_err(|_| MultipartError::Headers)?;
        let value = HeaderValue::from_bytes(header.value).map_err(|_| MultipartError::Headers)?;
        headers.append(name, value);
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, pin::pin};

    use futures_util::{FutureExt, stream};
    use proptest::prelude::*;

    use super::*;

    type Parts = Vec<(HeaderMap, Vec<u8>)>;

    /// Reads a body that comes in pieces of these sizes, again and again.
    fn read(body: &[u8], boundary: &str, sizes: &[usize]) -> Result<Parts, MultipartError> {
        let mut pieces = Vec::new();
        let mut rest = body;
        for size in sizes.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, after) = rest.split_at((*size).clamp(1, rest.len()));
            pieces.push(Ok::<_, Infallible>(Bytes::copy_from_slice(piece)));
            rest = after;
        }
        let reading = async {
            let mut reader = Reader::new(stream::iter(pieces), boundary)?;
            let mut parts = Vec::new();
            while let Some(headers) = reader.next_part().await? {
                let mut data = Vec::new();
                while let Some(chunk) = reader.chunk().await? {
                    data.extend_from_slice(&chunk);
                }
                parts.push((headers, data));
            }
            reader.finish().await;
            Ok(parts)
        };
        pin!(reading).now_or_never().expect("all of it is here")
    }

    /// Writes parts as Go's `multipart.Writer` does.
    fn write(parts: &[(&str, &[u8])], boundary: &str) -> Vec<u8> {
        let mut body = Vec::new();
        for (index, (headers, data)) in parts.iter().enumerate() {
            let before = if index == 0 { "" } else { "\r\n" };
            body.extend_from_slice(format!("{before}--{boundary}\r\n{headers}\r\n").as_bytes());
            body.extend_from_slice(data);
        }
        body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        body
    }

    #[test]
    fn parts_are_read_as_they_were_written() {
        let body = write(
            &[
                (
                    "Content-Length: 4\r\nContent-Type: video/mp2t\r\nPixels: 12\r\n",
                    b"data",
                ),
                ("Content-Type: application/octet-stream\r\n", b""),
                ("", b"\r\n--bound\r\n--boundaryless\r\n"),
            ],
            "boundary",
        );
        for sizes in [&[1][..], &[3, 7], &[4096]] {
            let parts = read(&body, "boundary", sizes).unwrap();
            assert_eq!(parts.len(), 3, "{sizes:?}");
            assert_eq!(
                (&parts[0].0["pixels"], &parts[0].1[..]),
                (&HeaderValue::from(12), &b"data"[..])
            );
            assert_eq!(parts[1].1, b"");
            assert_eq!(parts[2].1, b"\r\n--bound\r\n--boundaryless\r\n");
        }
    }

    #[test]
    fn what_may_be_around_parts_is_skipped() {
        let body = b"preamble\r\n--b  \r\nA: b\r\n\r\n--b\r\n\r\nx\r\n--b-- \r\nepilogue\r\n--b\r\n";
        let parts = read(body, "b", &[2]).unwrap();
        assert_eq!(parts.len(), 2);
        assert_eq!((&parts[0].1[..], &parts[1].1[..]), (&b""[..], &b"x"[..]));
        assert_eq!(read(b"--b--\r\n", "b", &[99]).unwrap().len(), 0);
        assert_eq!(read(b"--b--", "b", &[99]).unwrap().len(), 0);
    }

    #[test]
    fn what_is_no_multipart_is_refused() {
        let long = format!("--b\r\nA: {}\r\n\r\nx\r\n--b--", "a".repeat(MOST_HEADER_BYTES));
        let many = format!("--b\r\n{}\r\nx\r\n--b--", "A: b\r\n".repeat(MOST_HEADERS + 1));
        let endless = vec![b'x'; 2 * MOST_PADDING];
        for (body, error) in [
            (&b""[..], MultipartError::NoEnd),
            (b"garbage", MultipartError::NoEnd),
            (b"--b\r\n", MultipartError::NoEnd),
            (b"--b\r\nA: b\r\n\r\ndata", MultipartError::CutOff),
            (b"--b\r\nA: b\r\n\r\ndata\r\n--", MultipartError::CutOff),
            (b"--b x\r\n\r\n--b--", MultipartError::NoPart),
            (b"--b\r\nno header\r\n\r\n--b--", MultipartError::Headers),
            (long.as_bytes(), MultipartError::TooLong),
            (many.as_bytes(), MultipartError::Headers),
            (&endless, MultipartError::TooLong),
        ] {
            for sizes in [&[1][..], &[5000]] {
                let read = read(body, "b", sizes);
                let shown = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
                assert_eq!(read.err(), Some(error.clone()), "{shown}");
            }
        }
        assert_eq!(read(b"", "", &[1]).unwrap_err(), MultipartError::NoBoundary);
        assert_eq!(
            read(b"", &"b".repeat(71), &[1]).unwrap_err(),
            MultipartError::TooLong
        );
    }

    proptest! {
        #[test]
        fn any_content_survives_in_any_pieces(
            contents in prop::collection::vec(
                prop::collection::vec(prop_oneof![Just(b'\r'), Just(b'\n'), Just(b'-'), Just(b'b'), any::<u8>()], 0..60),
                0..5,
            ),
            sizes in prop::collection::vec(1_usize..40, 1..5),
        ) {
            // Nothing in it can be the boundary: that is longer than all of it together with its own beginning.
            let boundary = "bb-0123456789-0123456789-0123456789-0123456789-0123456789";
            let parts: Vec<_> = contents.iter().map(|data| ("A: b\r\n", data.as_slice())).collect();
            let body = match parts.is_empty() {
                true => format!("--{boundary}--\r\n").into_bytes(),
                false => write(&parts, boundary),
            };
            let found: Vec<_> = read(&body, boundary, &sizes).unwrap().into_iter().map(|(_, data)| data).collect();
            prop_assert_eq!(found, contents);
        }

        #[test]
        fn garbage_is_read_or_refused_and_never_hangs(
            body in prop::collection::vec(prop_oneof![Just(b'\r'), Just(b'\n'), Just(b'-'), Just(b'b'), Just(b':')], 0..200),
            sizes in prop::collection::vec(1_usize..20, 1..4),
        ) {
            let one_way = read(&body, "b", &sizes);
            prop_assert_eq!(one_way, read(&body, "b", &[1]));
        }
    }
}
