//! RTMP's messages out of its chunks, and into them (Adobe RTMP 1.0, section 5). Bounded: a peer chooses neither how
//! long a message gets nor how many are open at once.

use std::{collections::HashMap, io};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Longest message: a key frame of a large picture.
const MESSAGE: usize = 8 << 20;
/// What all messages that are not complete may hold.
const OPEN: usize = 16 << 20;
/// Both, for somebody who has not been admitted.
const STRANGER: usize = 64 << 10;
/// Chunk streams at once; publishers use about five.
const STREAMS: usize = 64;
/// Chunks as they are before anything else is said.
const FIRST_CHUNK: usize = 128;
/// Chunks we send.
pub(super) const OUR_CHUNK: u32 = 4096;

/// Kinds of messages.
pub(super) mod kind {
    pub const SET_CHUNK_SIZE: u8 = 1;
    pub const ABORT: u8 = 2;
    pub const ACKNOWLEDGEMENT: u8 = 3;
    pub const USER_CONTROL: u8 = 4;
    pub const WINDOW: u8 = 5;
    pub const PEER_BANDWIDTH: u8 = 6;
    pub const AUDIO: u8 = 8;
    pub const VIDEO: u8 = 9;
    pub const COMMAND: u8 = 20;
}

/// A whole message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    pub kind: u8,
    /// Milliseconds.
    pub stamp: u32,
    pub stream: u32,
    pub body: Vec<u8>,
}

/// Reads messages.
pub(super) struct Reader<R> {
    inner: R,
    chunk: usize,
    streams: HashMap<u32, ChunkStream>,
    open: usize,
    /// Longest message, and most in all that are not complete.
    most: (usize, usize),
    /// Bytes read so far, which the peer may want to hear of.
    pub received: u32,
}

#[derive(Debug, Default)]
struct ChunkStream {
    stamp: u32,
    delta: u32,
    length: usize,
    kind: u8,
    stream: u32,
    is_extended: bool,
    body: Vec<u8>,
}

fn broken(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

fn three(bytes: &[u8; 3]) -> u32 {
    u32::from_be_bytes([0, bytes[0], bytes[1], bytes[2]])
}

impl<R: AsyncRead + Unpin> Reader<R> {
    pub(super) fn new(inner: R) -> Self {
        Self {
            inner,
            chunk: FIRST_CHUNK,
            streams: HashMap::new(),
            open: 0,
            most: (STRANGER, STRANGER),
            received: 0,
        }
    }

    /// From now on messages may be as long as pictures are.
    pub(super) fn trust(&mut self) {
        self.most = (MESSAGE, OPEN);
    }

    pub(super) async fn bytes<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.inner.read_exact(&mut bytes).await?;
        self.received = self.received.wrapping_add(u32::try_from(N).unwrap_or(0));
        Ok(bytes)
    }

    /// The next message that is not about chunks themselves.
    pub(super) async fn next(&mut self) -> io::Result<Message> {
        loop {
            let Some(message) = self.chunk().await? else {
                continue;
            };
            let number = || {
                let bytes = message.body.get(..4)?.try_into().ok()?;
                Some(u32::from_be_bytes(bytes))
            };
            match message.kind {
                kind::SET_CHUNK_SIZE => {
                    let size = number().ok_or_else(|| broken("a chunk size without a number"))?;
                    self.chunk = usize::try_from(size & 0x7fff_ffff)
                        .unwrap_or(usize::MAX)
                        .clamp(1, MESSAGE);
                }
                kind::ABORT => {
                    if let Some(stream) = number().and_then(|id| self.streams.get_mut(&id)) {
                        self.open -= stream.body.len();
                        stream.body = Vec::new();
                    }
                }
                _ => return Ok(message),
            }
        }
    }

    /// One chunk, and the message it completes.
    async fn chunk(&mut self) -> io::Result<Option<Message>> {
        let [first] = self.bytes().await?;
        let id = match first & 0x3f {
            0 => {
                let [low] = self.bytes().await?;
                64 + u32::from(low)
            }
            1 => {
                let [low, high] = self.bytes().await?;
                64 + u32::from(low) + 256 * u32::from(high)
            }
            id => id.into(),
        };
        let format = first >> 6;
        let mut stream = match self.streams.remove(&id) {
            Some(stream) => stream,
            None if format > 1 => return Err(broken("a chunk that goes on with nothing")),
            None if self.streams.len() >= STREAMS => return Err(broken("too many chunk streams")),
            None => ChunkStream::default(),
        };
        if format < 3 && !stream.body.is_empty() {
            return Err(broken("a message inside another one"));
        }
        let mut stamp = None;
        if format < 3 {
            stamp = Some(three(&self.bytes().await?));
        }
        if format < 2 {
            stream.length = usize::try_from(three(&self.bytes().await?)).unwrap_or(usize::MAX);
            [stream.kind] = self.bytes().await?;
        }
        if format == 0 {
            stream.stream = u32::from_le_bytes(self.bytes().await?);
        }
        if let Some(stamp) = stamp {
            stream.is_extended = stamp == 0x00ff_ffff;
        }
        if stream.is_extended {
            let extended = u32::from_be_bytes(self.bytes().await?);
            stamp = stamp.map(|_| extended);
        }
        let (longest, most_open) = self.most;
        if stream.length > longest {
            return Err(broken("a message that is too long"));
        }
        if stream.body.is_empty() {
            match (format, stamp) {
                (0, Some(stamp)) => (stream.stamp, stream.delta) = (stamp, 0),
                (_, Some(delta)) => {
                    stream.delta = delta;
                    stream.stamp = stream.stamp.wrapping_add(delta);
                }
                (_, None) => stream.stamp = stream.stamp.wrapping_add(stream.delta),
            }
        }
        let has = stream.body.len();
        let more = self.chunk.min(stream.length - has);
        if self.open + more > most_open {
            return Err(broken("too much in messages that are not complete"));
        }
        stream.body.resize(has + more, 0);
        self.inner.read_exact(&mut stream.body[has..]).await?;
        self.received = self.received.wrapping_add(u32::try_from(more).unwrap_or(0));
        self.open += more;
        let message = (stream.body.len() == stream.length).then(|| {
            self.open -= stream.length;
            Message {
                kind: stream.kind,
                stamp: stream.stamp,
                stream: stream.stream,
                body: std::mem::take(&mut stream.body),
            }
        });
        self.streams.insert(id, stream);
        Ok(message)
    }
}

/// Writes a message, whole, in chunks of `chunk` bytes.
pub(super) async fn write(
    inner: &mut (impl AsyncWrite + Unpin),
    chunk: u32,
    message: &Message,
) -> io::Result<()> {
    let length = u32::try_from(message.body.len()).map_err(|_| broken("a message that is too long"))?;
    let id = match message.kind {
        kind::COMMAND => 3,
        _ => 2,
    };
    let mut bytes = vec![id, 0, 0, 0];
    bytes.extend(&length.to_be_bytes()[1..]);
    bytes.push(message.kind);
    bytes.extend(message.stream.to_le_bytes());
    let size = usize::try_from(chunk).unwrap_or(FIRST_CHUNK).max(1);
    for (index, part) in message.body.chunks(size).enumerate() {
        if index > 0 {
            bytes.push(0xc0 | id);
        }
        bytes.extend(part);
    }
    inner.write_all(&bytes).await?;
    inner.flush().await
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reading(bytes: &[u8]) -> io::Result<Vec<Message>> {
        futures_util::future::FutureExt::now_or_never(async {
            let mut reader = Reader::new(bytes);
            let mut messages = Vec::new();
            loop {
                match reader.next().await {
                    Ok(message) => messages.push(message),
                    Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(messages),
                    Err(error) => return Err(error),
                }
            }
        })
        .expect("bytes in memory are always there")
    }

    fn stamps(messages: &[Message]) -> Vec<(u8, u32, usize)> {
        messages
            .iter()
            .map(|message| (message.kind, message.stamp, message.body.len()))
            .collect()
    }

    #[test]
    fn headers_leave_out_what_stays_the_same() {
        let bytes = [
            // Whole header: stamp 1000, 2 bytes, video, stream 1.
            &[0x06, 0, 3, 0xe8, 0, 0, 2, 9, 1, 0, 0, 0, b'a', b'b'][..],
            // 40 ms later, 1 byte.
            &[0x46, 0, 0, 40, 0, 0, 1, 9, b'c'],
            // 20 ms later, the same length and kind.
            &[0x86, 0, 0, 20, b'd'],
            // As far apart as the last two.
            &[0xc6, b'e'],
            // A stamp with more than three bytes.
            &[0x07, 0xff, 0xff, 0xff, 0, 0, 1, 8, 1, 0, 0, 0, 1, 0, 0, 0, b'f'],
        ]
        .concat();
        let read = reading(&bytes).unwrap();
        assert_eq!(
            stamps(&read),
            [
                (9, 1000, 2),
                (9, 1040, 1),
                (9, 1060, 1),
                (9, 1080, 1),
                (8, 0x0100_0000, 1)
            ]
        );
        assert_eq!(read[0].body, b"ab");
    }

    #[test]
    fn messages_come_in_pieces_and_between_each_other() {
        let mut bytes = vec![0x06, 0, 0, 0, 0, 0, 200, 9, 1, 0, 0, 0];
        bytes.extend([1; 128]);
        // A sound in the middle of the picture.
        bytes.extend([0x04, 0, 0, 5, 0, 0, 1, 8, 1, 0, 0, 0, 7]);
        bytes.push(0xc6);
        bytes.extend([2; 72]);
        // From now on chunks of 3 bytes.
        bytes.extend([0x02, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 0, 0, 0, 3]);
        bytes.extend([0x46, 0, 0, 1, 0, 0, 5, 9, 1, 2, 3, 0xc6, 4, 5]);
        let read = reading(&bytes).unwrap();
        assert_eq!(stamps(&read), [(8, 5, 1), (9, 0, 200), (9, 1, 5)]);
        assert_eq!(read[2].body, [1, 2, 3, 4, 5]);
    }

    #[test]
    fn what_would_cost_too_much_is_refused() {
        let long = |length: u32| [&[0x06, 0, 0, 0], &length.to_be_bytes()[1..], &[9, 1, 0, 0, 0]].concat();
        assert!(reading(&long(64 << 10)).is_ok());
        assert!(reading(&long((64 << 10) + 1)).is_err());
        assert!(reading(&[0xc6]).is_err());
        let mut many = Vec::new();
        for id in 0..=64_u8 {
            many.extend([0x00, id, 0, 0, 0, 0, 0, 0, 9, 1, 0, 0, 0]);
        }
        assert!(reading(&many).is_err());
    }

    #[tokio::test]
    async fn what_is_written_is_read() {
        let message = Message {
            kind: kind::COMMAND,
            stamp: 0,
            stream: 1,
            body: (0..=255).cycle().take(1000).collect(),
        };
        let mut bytes = Vec::new();
        write(&mut bytes, 128, &message).await.unwrap();
        assert_eq!(reading(&bytes).unwrap(), [message]);
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_much_for_it(bytes: Vec<u8>) {
            let _ = reading(&bytes);
        }
    }
}
