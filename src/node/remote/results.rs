//! Handing in what became of a task: `POST /transcodeResults` over HTTP/2, and again if that did not arrive while the
//! orchestrator still waits for it (`go-livepeer server/ot_rpc.go`).

use std::{
    collections::VecDeque,
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::http::HeaderMap;
use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use reqwest::{
    Client, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue},
};
use tokio::time::{Instant, sleep_until, timeout_at};
use url::Url;

use super::address::{AddressError, OrchestratorAddress};
use crate::{
    media::{
        job::Rendition,
        ladder::{Container, Profile},
    },
    secret::OrchestratorSecret,
    wire::client::{self, ConnectError, Pings, innermost},
};

/// What transcoders show instead of a scheme of authorization.
const AUTHORIZATION_TEXT: HeaderValue = HeaderValue::from_static("Livepeer-Transcoder-1.0");
const CREDENTIALS: HeaderName = HeaderName::from_static("credentials");
const TASK_ID: HeaderName = HeaderName::from_static("taskid");
const PIXELS: HeaderName = HeaderName::from_static("pixels");
/// What an error's text is sent as.
const ERROR_TYPE: HeaderValue = HeaderValue::from_static("livepeer/transcoding-error");
/// Most attempts to hand in one result.
const ATTEMPTS: u32 = 6;
/// The wait after the first attempt; it doubles.
const FIRST_WAIT: Duration = Duration::from_millis(100);
/// Most of an answer that is read.
const MOST_ANSWER: usize = 1 << 10;

/// What became of a task.
#[derive(Debug)]
pub(super) enum TaskResult {
    /// Renditions, one for each profile, in order.
    Made {
        /// Pixels decoded from the source.
        decoded: u64,
        renditions: Vec<(Container, Rendition)>,
    },
    /// None, and why; the text travels to the gateway.
    Failed(String),
}

impl TaskResult {
    /// Renditions with what they were asked for as; a failure if they are not as many.
    pub(super) fn made(decoded: u64, profiles: &[Profile], renditions: Vec<Rendition>) -> Self {
        if profiles.len() != renditions.len() {
            return Self::Failed("segment / profile mismatch".to_string());
        }
        let formats = profiles.iter().map(|profile| profile.format);
        Self::Made {
            decoded,
            renditions: formats.zip(renditions).collect(),
        }
    }
}

/// Why a result was not handed in.
#[derive(Debug, thiserror::Error)]
pub(super) enum PostError {
    /// The orchestrator does not want it. Text from outside.
    #[error("the orchestrator refused the result: {status} {text}")]
    Refused { status: StatusCode, text: String },
    /// It could not be reached, or did not answer, as often as was tried.
    #[error("the result did not arrive: {0}")]
    Lost(String),
}

/// Hands in results.
pub(super) struct Results {
    client: Client,
    url: Url,
    secret: HeaderValue,
}

/// Why results could never be handed in.
#[derive(Debug, thiserror::Error)]
pub(super) enum ResultsError {
    #[error(transparent)]
    Client(#[from] ConnectError),
    #[error(transparent)]
    Address(#[from] AddressError),
    #[error("the secret has characters that cannot be in a header")]
    Secret,
}

impl Results {
    pub(super) fn new(
        orchestrator: &OrchestratorAddress,
        secret: &OrchestratorSecret,
        pings: Pings,
    ) -> Result<Self, ResultsError> {
        let mut url = orchestrator.url()?;
        url.set_path("/transcodeResults");
        let mut secret =
            HeaderValue::from_bytes(secret.expose().as_bytes()).map_err(|_| ResultsError::Secret)?;
        secret.set_sensitive(true);
        Ok(Self {
            client: client::results_client(pings)?,
            url,
            secret,
        })
    }

    /// Hands in one result, again and again until it arrived, was refused, or nobody waits for it any more.
    pub(super) async fn post(&self, task: i64, result: &TaskResult, until: Instant) -> Result<(), PostError> {
        let message = Message::of(task, result);
        let mut wait = FIRST_WAIT;
        let mut last = "there was no time left to hand it in".to_string();
        for attempt in 1..=ATTEMPTS {
            match timeout_at(until, self.post_once(&message)).await {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(refused @ PostError::Refused { .. })) => return Err(refused),
                Ok(Err(PostError::Lost(reason))) => last = reason,
                Err(_) if attempt == 1 => last = "no answer while the orchestrator waits for it".to_string(),
                Err(_) => {}
            }
            if Instant::now() + wait >= until {
                break;
            }
            tracing::debug!(task, attempt, reason = last, "handing in a result again");
            sleep_until(Instant::now() + wait).await;
            wait *= 2;
        }
        Err(PostError::Lost(last))
    }

    async fn post_once(&self, message: &Message) -> Result<(), PostError> {
        let lost = |error: reqwest::Error| PostError::Lost(innermost(&error.without_url()));
        let sent = self
            .client
            .post(self.url.clone())
            .headers(message.headers.clone())
            .header(CREDENTIALS, self.secret.clone())
            .body(reqwest::Body::wrap(Chunks::of(&message.chunks)))
            .send();
        let mut response = sent.await.map_err(lost)?;
        let status = response.status();
        let mut text = Vec::new();
        while text.len() < MOST_ANSWER {
            match response.chunk().await {
                Ok(Some(chunk)) => text.extend_from_slice(&chunk),
                Ok(None) | Err(_) => break,
            }
        }
        text.truncate(MOST_ANSWER);
        let text = String::from_utf8_lossy(&text).trim().to_string();
        match status {
            status if status.is_success() => Ok(()),
            // Somebody between us and the orchestrator, or an orchestrator that is not ready.
            StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
            | StatusCode::REQUEST_TIMEOUT
            | StatusCode::TOO_MANY_REQUESTS => Err(PostError::Lost(format!("the answer was {status}"))),
            status => Err(PostError::Refused { status, text }),
        }
    }
}

/// A result as it goes over the wire.
struct Message {
    headers: HeaderMap,
    chunks: Vec<Bytes>,
}

impl Message {
    fn of(task: i64, result: &TaskResult) -> Self {
        let (kind, pixels, chunks) = match result {
            TaskResult::Failed(text) => (ERROR_TYPE, 0, vec![Bytes::from(text.clone())]),
            TaskResult::Made { decoded, renditions } => {
                let boundary = hex::encode(rand::random::<[u8; 10]>());
                let kind = HeaderValue::from_str(&format!("multipart/mixed; boundary={boundary}"));
                // Hexadecimal digits are never refused.
                let kind = kind.unwrap_or(HeaderValue::from_static("multipart/mixed"));
                (kind, *decoded, multipart(&boundary, renditions))
            }
        };
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, AUTHORIZATION_TEXT);
        headers.insert(TASK_ID, HeaderValue::from(task));
        headers.insert(PIXELS, HeaderValue::from(pixels));
        headers.insert(CONTENT_TYPE, kind);
        Self { headers, chunks }
    }
}

/// One part for each rendition and one for each of their perceptual hashes; headers in the order Go writes them.
fn multipart(boundary: &str, renditions: &[(Container, Rendition)]) -> Vec<Bytes> {
    let mut chunks = Vec::with_capacity(renditions.len() * 4 + 1);
    let mut begin = "";
    for (format, rendition) in renditions {
        let kind = match format {
            Container::MpegTs => "video/mp2t",
            Container::Mp4 => "video/mp4",
        };
        let (length, pixels) = (rendition.data.len(), rendition.pixels());
        let head = format!(
            "{begin}--{boundary}\r\nContent-Length: {length}\r\nContent-Type: {kind}\r\nPixels: {pixels}\r\n\r\n"
        );
        chunks.extend([head.into(), rendition.data.clone()]);
        begin = "\r\n";
        if let Some(hash) = &rendition.perceptual_hash {
            let length = hash.len();
            let head = format!(
                "{begin}--{boundary}\r\nContent-Length: {length}\r\nContent-Type: application/octet-stream\r\n\r\n"
            );
            chunks.extend([head.into(), hash.clone()]);
        }
    }
    chunks.push(format!("{begin}--{boundary}--\r\n").into());
    chunks
}

/// A body of known length from pieces that are not copied.
struct Chunks {
    chunks: VecDeque<Bytes>,
    left: u64,
}

impl Chunks {
    fn of(chunks: &[Bytes]) -> Self {
        Self {
            left: chunks.iter().map(|chunk| chunk.len() as u64).sum(),
            chunks: chunks.iter().cloned().collect(),
        }
    }
}

impl Body for Chunks {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let next = self.chunks.pop_front();
        if let Some(chunk) = &next {
            self.left -= chunk.len() as u64;
        }
        Poll::Ready(next.map(|chunk| Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        self.chunks.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendition(data: &'static [u8], hash: Option<&'static [u8]>) -> Rendition {
        Rendition {
            data: Bytes::from_static(data),
            frames: 2,
            width: 4,
            height: 3,
            perceptual_hash: hash.map(Bytes::from_static),
            reported_pixels: None,
        }
    }

    fn text(message: &Message) -> String {
        String::from_utf8(message.chunks.concat()).unwrap()
    }

    #[test]
    fn renditions_and_hashes_are_parts_as_go_writes_them() {
        let result = TaskResult::Made {
            decoded: 77,
            renditions: vec![
                (Container::MpegTs, rendition(b"first", Some(b"hash"))),
                (Container::Mp4, rendition(b"second", None)),
            ],
        };
        let message = Message::of(0, &result);
        let kind = message.headers[CONTENT_TYPE].to_str().unwrap();
        let boundary = kind.strip_prefix("multipart/mixed; boundary=").unwrap();
        assert_eq!(boundary.len(), 20);
        assert!(
            boundary
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        );
        assert_eq!(message.headers[PIXELS], "77");
        assert_eq!(message.headers[TASK_ID], "0");
        assert_eq!(message.headers[AUTHORIZATION], "Livepeer-Transcoder-1.0");
        assert_eq!(
            text(&message),
            format!(
                "--{boundary}\r\nContent-Length: 5\r\nContent-Type: video/mp2t\r\nPixels: 24\r\n\r\nfirst\r\n\
                 --{boundary}\r\nContent-Length: 4\r\nContent-Type: application/octet-stream\r\n\r\nhash\r\n\
                 --{boundary}\r\nContent-Length: 6\r\nContent-Type: video/mp4\r\nPixels: 24\r\n\r\nsecond\r\n\
                 --{boundary}--\r\n"
            )
        );
        let body = Chunks::of(&message.chunks);
        assert_eq!(body.size_hint().exact(), Some(text(&message).len() as u64));
    }

    #[test]
    fn a_failure_is_its_text() {
        let message = Message::of(7, &TaskResult::Failed("TranscoderInvalidVideo".to_string()));
        assert_eq!(message.headers[CONTENT_TYPE], "livepeer/transcoding-error");
        assert_eq!(message.headers[PIXELS], "0");
        assert_eq!(text(&message), "TranscoderInvalidVideo");
    }

    #[test]
    fn as_many_renditions_as_profiles() {
        let result = TaskResult::made(0, &[], vec![rendition(b"x", None)]);
        assert!(matches!(result, TaskResult::Failed(text) if text == "segment / profile mismatch"));
    }
}
