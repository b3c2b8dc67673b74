//! The server's side of an RTMP publisher: handshake, commands, acknowledgements (Adobe RTMP 1.0, sections 5.2 and 7).

use std::{io, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufReader},
    time::timeout,
};

use super::{
    amf::{self, Value},
    chunk::{Message, OUR_CHUNK, Reader, kind, write},
};

/// How long a peer may take to say what it wants.
const PRELUDE: Duration = Duration::from_secs(10);
/// Messages it may need for that.
const PRELUDE_MESSAGES: usize = 64;
/// After so many bytes we want to hear that they arrived.
const WINDOW: u32 = 2_500_000;
/// Random bytes of the handshake.
const NOISE: usize = 1528;
/// The number of the one stream of a connection.
const STREAM: u32 = 1;

/// Somebody who wants to publish.
pub(super) struct Publisher<R, W> {
    reader: Reader<BufReader<R>>,
    writer: W,
    /// `rtmp://host:port/app` as the peer wrote it.
    tc_url: String,
    /// Application and stream name, with what is behind a question mark.
    path: String,
    /// The peer wants to hear after so many bytes that they arrived.
    window: u32,
    acknowledged: u32,
}

/// Pictures or sound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Media {
    pub kind: u8,
    pub stamp: u32,
    pub body: Vec<u8>,
}

fn broken(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Publisher<R, W> {
    /// Goes through the handshake and the commands up to the wish to publish, which is neither granted nor refused yet.
    pub(super) async fn meet(reader: R, writer: W) -> io::Result<Self> {
        let meeting = Box::pin(Self::prelude(reader, writer));
        timeout(PRELUDE, meeting)
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }

    async fn prelude(reader: R, mut writer: W) -> io::Result<Self> {
        let mut reader = Reader::new(BufReader::new(reader));
        let [version] = reader.bytes().await?;
        if version != 3 {
            return Err(broken("this is not RTMP"));
        }
        let theirs: [u8; NOISE + 8] = reader.bytes().await?;
        let mut ours = vec![3];
        ours.extend([0; 8]);
        ours.extend(std::iter::repeat_with(rand::random::<u8>).take(NOISE));
        ours.extend(theirs);
        writer.write_all(&ours).await?;
        writer.flush().await?;
        let _echo: [u8; NOISE + 8] = reader.bytes().await?;
        let mut this = Self {
            reader,
            writer,
            tc_url: String::new(),
            path: String::new(),
            window: u32::MAX,
            acknowledged: 0,
        };
        let mut application = String::new();
        for _ in 0..PRELUDE_MESSAGES {
            let message = this.reader.next().await?;
            if message.kind != kind::COMMAND {
                this.control(&message).await?;
                continue;
            }
            let values = amf::read(&message.body);
            let text = |index: usize| values.get(index).and_then(Value::text).unwrap_or_default();
            let number = values.get(1).and_then(Value::number).unwrap_or(0.0);
            match text(0) {
                "connect" => {
                    let property = |name| {
                        let value = values.get(2).and_then(|value| value.get(name));
                        value.and_then(Value::text).unwrap_or_default().to_string()
                    };
                    application = property("app");
                    this.tc_url = property("tcUrl");
                    this.welcome(number).await?;
                }
                "createStream" => {
                    let answer = [
                        Value::Text("_result".into()),
                        Value::Number(number),
                        Value::Null,
                        Value::Number(STREAM.into()),
                    ];
                    this.command(0, &answer).await?;
                }
                "publish" => {
                    this.path = format!("{}/{}", application.trim_matches('/'), text(3));
                    return Ok(this);
                }
                "play" => return Err(broken("RTMP is for publishers here; players use HLS")),
                // Old ways of announcing what `publish` says.
                _ => {}
            }
        }
        Err(broken("it never wanted to publish"))
    }

    /// Application and stream name, with what is behind a question mark.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// The whole address as the peer used it.
    pub(super) fn address(&self) -> String {
        let authority = self
            .tc_url
            .split_once("://")
            .map_or("", |(_, rest)| rest)
            .split('/')
            .next()
            .unwrap_or_default();
        format!("rtmp://{authority}/{}", self.path.trim_matches('/'))
    }

    async fn welcome(&mut self, number: f64) -> io::Result<()> {
        let control = |kind, body: Vec<u8>| Message {
            kind,
            stamp: 0,
            stream: 0,
            body,
        };
        let window = WINDOW.to_be_bytes();
        let first = [
            control(kind::WINDOW, window.to_vec()),
            control(kind::PEER_BANDWIDTH, [&window[..], &[2]].concat()),
            control(kind::SET_CHUNK_SIZE, OUR_CHUNK.to_be_bytes().to_vec()),
        ];
        for message in first {
            write(&mut self.writer, OUR_CHUNK, &message).await?;
        }
        let text = |text: &str| Value::Text(text.into());
        let answer = [
            text("_result"),
            Value::Number(number),
            Value::Object(vec![
                ("fmsVer".into(), text("FMS/3,0,1,123")),
                ("capabilities".into(), Value::Number(31.0)),
            ]),
            Value::Object(vec![
                ("level".into(), text("status")),
                ("code".into(), text("NetConnection.Connect.Success")),
                ("description".into(), text("Connection succeeded.")),
                ("objectEncoding".into(), Value::Number(0.0)),
            ]),
        ];
        self.command(0, &answer).await
    }

    /// Grants the wish.
    pub(super) async fn approve(&mut self) -> io::Result<()> {
        self.reader.trust();
        // Stream begin.
        let begin = [&[0, 0][..], &STREAM.to_be_bytes()].concat();
        self.send(kind::USER_CONTROL, begin).await?;
        self.status("status", "NetStream.Publish.Start", "publishing")
            .await
    }

    /// Refuses it; the text is shown to whoever publishes.
    pub(super) async fn refuse(&mut self, why: &str) -> io::Result<()> {
        self.status("error", "NetStream.Publish.Denied", why).await?;
        self.writer.shutdown().await
    }

    async fn status(&mut self, level: &str, code: &str, description: &str) -> io::Result<()> {
        let text = |text: &str| Value::Text(text.into());
        let status = [
            text("onStatus"),
            Value::Number(0.0),
            Value::Null,
            Value::Object(vec![
                ("level".into(), text(level)),
                ("code".into(), text(code)),
                ("description".into(), text(description)),
            ]),
        ];
        self.command(STREAM, &status).await
    }

    async fn command(&mut self, stream: u32, values: &[Value]) -> io::Result<()> {
        let message = Message {
            kind: kind::COMMAND,
            stamp: 0,
            stream,
            body: amf::write(values),
        };
        write(&mut self.writer, OUR_CHUNK, &message).await
    }

    async fn send(&mut self, kind: u8, body: Vec<u8>) -> io::Result<()> {
        let message = Message {
            kind,
            stamp: 0,
            stream: 0,
            body,
        };
        write(&mut self.writer, OUR_CHUNK, &message).await
    }

    async fn control(&mut self, message: &Message) -> io::Result<()> {
        match message.kind {
            kind::WINDOW => {
                let bytes = message.body.get(..4).and_then(|bytes| bytes.try_into().ok());
                let window = bytes.map_or(u32::MAX, u32::from_be_bytes);
                // Nobody gets a word for every few bytes.
                self.window = window.max(64 << 10);
            }
            // A ping wants its stamp back.
            kind::USER_CONTROL if message.body.starts_with(&[0, 6]) => {
                let stamp = message.body.get(2..6).unwrap_or_default();
                self.send(kind::USER_CONTROL, [&[0, 7][..], stamp].concat())
                    .await?;
            }
            _ => {}
        }
        Ok(())
    }

    /// The next pictures or sound; none when the publisher says it is done.
    pub(super) async fn next(&mut self) -> io::Result<Option<Media>> {
        loop {
            let message = self.reader.next().await?;
            if self.reader.received.wrapping_sub(self.acknowledged) >= self.window {
                self.acknowledged = self.reader.received;
                let received = self.acknowledged.to_be_bytes().to_vec();
                self.send(kind::ACKNOWLEDGEMENT, received).await?;
            }
            match message.kind {
                kind::AUDIO | kind::VIDEO => {
                    return Ok(Some(Media {
                        kind: message.kind,
                        stamp: message.stamp,
                        body: message.body,
                    }));
                }
                kind::COMMAND => {
                    let values = amf::read(&message.body);
                    let name = values.first().and_then(Value::text);
                    if matches!(name, Some("deleteStream" | "closeStream" | "FCUnpublish")) {
                        return Ok(None);
                    }
                }
                _ => self.control(&message).await?,
            }
        }
    }
}
