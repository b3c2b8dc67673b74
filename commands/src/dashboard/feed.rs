//! A node's operator API as the dashboard uses it: the event stream, followed through losses, and the drain request.

use std::{
    error::Error,
    io,
    pin::Pin,
    time::{Duration, Instant},
};

use engine::{node::SettingsChange, view::node::NodeStatus};
use eventsource_stream::{EventStreamError, Eventsource};
use futures_util::{Stream, StreamExt};
use reqwest::{
    Client, Response, StatusCode, Url,
    header::{ACCEPT, CONTENT_TYPE},
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tui::{FeedState, Link};

use crate::{
    failure::{Failure, Kind},
    shell::escape,
};

/// Longest text of a refusal that is shown, in characters.
const MAX_TEXT: usize = 500;
/// A status larger than this is not one.
const MAX_STATUS_BYTES: usize = 8 << 20;
/// To connect.
const CONNECT: Duration = Duration::from_secs(2);
/// From the request to the answer's head.
const ANSWER: Duration = Duration::from_secs(5);
/// A node reports every five seconds; after this much silence the connection is dead.
const SILENCE: Duration = Duration::from_secs(20);
/// Waits between attempts: doubled from the first to the last.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(3));

/// Why the node gave no status.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// No connection, or it broke.
    #[error("{0}")]
    Connection(String),
    /// No answer in time.
    #[error("no answer within {} s", .0.as_secs())]
    NoAnswer(Duration),
    /// Connected, and nothing came.
    #[error("silent for {} s", .0.as_secs())]
    Silent(Duration),
    /// The node ended the stream.
    #[error("the node closed the connection")]
    Closed,
    /// An HTTP status that is no answer.
    #[error("it answers HTTP {}", .0.as_u16())]
    Status(StatusCode),
    /// The node does not do that, and says why. Text from outside, made harmless.
    #[error("{0}")]
    Refused(String),
    /// Something else listens there.
    #[error("it does not speak lpctl's `/api/v1`")]
    NotANode,
    /// An answer that cannot be read.
    #[error("its status cannot be read: {0}")]
    Garbled(String),
    /// More than any status can be.
    #[error("its status is larger than {} MiB", MAX_STATUS_BYTES >> 20)]
    TooLarge,
}

impl From<reqwest::Error> for FeedError {
    /// Says the deepest cause in its plainest form; the address is known to who reads it.
    fn from(error: reqwest::Error) -> Self {
        if error.is_timeout() {
            return Self::NoAnswer(CONNECT);
        }
        let mut cause: &(dyn Error + 'static) = &error;
        let mut plain = None;
        while let Some(source) = cause.source() {
            cause = source;
            if let Some(error) = cause.downcast_ref::<io::Error>() {
                plain = Some(error.kind().to_string());
            }
        }
        Self::Connection(plain.unwrap_or_else(|| cause.to_string()))
    }
}

/// The operator API of one node.
#[derive(Debug, Clone)]
pub struct NodeApi {
    client: Client,
    base: Url,
    shown: String,
}

impl NodeApi {
    /// An API at `url`, like `http://127.0.0.1:7935`. Nothing is sent yet.
    ///
    /// # Errors
    /// A usage failure if `url` is no HTTP URL.
    pub fn new(url: &str) -> Result<Self, Failure> {
        let bad_url = |what: &str| {
            Failure::new(Kind::Usage, "bad_node_url", format!("the node's URL {what}"))
                .hint("write it like `--node http://127.0.0.1:7935`; LPCTL_NODE and `node_url` in the config say the same")
        };
        let mut base = Url::parse(url).map_err(|error| bad_url(&format!("is not one: {error}")))?;
        let host = match (base.scheme(), base.host_str()) {
            ("http" | "https", Some(host)) => host.to_string(),
            _ => return Err(bad_url("must start with http:// or https://")),
        };
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        let port = base.port().map(|port| format!(":{port}")).unwrap_or_default();
        let shown = format!("{}://{host}{port}", base.scheme());
        // Harmless if the process has chosen one already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .connect_timeout(CONNECT)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| Failure::new(Kind::Failed, "no_client", format!("no HTTP client: {error}")))?;
        Ok(Self { client, base, shown })
    }

    /// Scheme, host and port: what messages say.
    #[must_use]
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// The status now.
    ///
    /// # Errors
    /// If there is no connection, no answer in time, or no status in it.
    pub async fn status(&self) -> Result<NodeStatus, FeedError> {
        let url = self.path("api/v1/status")?;
        read_status(in_time(self.client.get(url).send()).await?).await
    }

    /// Asks the node to take no new sessions; returns its status after that.
    ///
    /// # Errors
    /// As [`NodeApi::status`]; the node may then drain or not.
    pub async fn drain(&self) -> Result<NodeStatus, FeedError> {
        let url = self.path("api/v1/drain")?;
        read_status(in_time(self.client.post(url).send()).await?).await
    }

    /// Changes settings of the node; returns its status after that.
    ///
    /// # Errors
    /// As [`NodeApi::status`], and [`FeedError::Refused`]; if no answer came the change may be made or not.
    pub async fn change(&self, change: &SettingsChange) -> Result<NodeStatus, FeedError> {
        let url = self.path("api/v1/settings")?;
        let body = serde_json::to_vec(change).map_err(|error| FeedError::Garbled(error.to_string()))?;
        let request = self
            .client
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .body(body);
        let response = in_time(request.send()).await?;
        match response.status() {
            StatusCode::BAD_REQUEST | StatusCode::CONFLICT | StatusCode::INTERNAL_SERVER_ERROR => {
                Err(refusal(response).await)
            }
            _ => read_status(response).await,
        }
    }

    /// Statuses as the node reports them.
    ///
    /// # Errors
    /// If there is no connection, no answer in time, or no event stream in it.
    pub async fn events(&self) -> Result<Statuses, FeedError> {
        let url = self.path("api/v1/events")?;
        let request = self.client.get(url).header(ACCEPT, "text/event-stream");
        let response = accepted(in_time(request.send()).await?)?;
        if !content_type(&response).starts_with("text/event-stream") {
            return Err(FeedError::NotANode);
        }
        let mut room = Room::default();
        let bounded = response.bytes_stream().map(move |chunk| {
            let chunk = chunk?;
            room.admit(&chunk)?;
            Ok::<_, FeedError>(chunk)
        });
        let statuses = bounded.eventsource().filter_map(async |event| match event {
            Ok(event) if event.event == "status" => Some(parse(event.data.as_bytes())),
            Ok(_) => None,
            Err(EventStreamError::Transport(error)) => Some(Err(error)),
            Err(error) => Some(Err(FeedError::Garbled(error.to_string()))),
        });
        Ok(Statuses(Box::pin(statuses)))
    }

    fn path(&self, path: &str) -> Result<Url, FeedError> {
        self.base.join(path).map_err(|_| FeedError::NotANode)
    }
}

/// A node's event stream.
pub struct Statuses(Pin<Box<dyn Stream<Item = Result<NodeStatus, FeedError>> + Send>>);

impl Statuses {
    /// The next status.
    ///
    /// # Errors
    /// If the stream ends, breaks, or holds something else.
    pub async fn next(&mut self) -> Result<NodeStatus, FeedError> {
        self.0.next().await.unwrap_or(Err(FeedError::Closed))
    }
}

/// Counts what has come since the last event, which nothing else bounds.
#[derive(Debug, Default)]
struct Room {
    event: usize,
    line: usize,
}

impl Room {
    fn admit(&mut self, bytes: &[u8]) -> Result<(), FeedError> {
        for byte in bytes {
            self.event += 1;
            match byte {
                b'\n' if self.line == 0 => self.event = 0,
                b'\n' => self.line = 0,
                b'\r' => {}
                _ => self.line += 1,
            }
        }
        if self.event > MAX_STATUS_BYTES {
            Err(FeedError::TooLarge)
        } else {
            Ok(())
        }
    }
}

async fn in_time(
    answer: impl Future<Output = Result<Response, reqwest::Error>>,
) -> Result<Response, FeedError> {
    tokio::time::timeout(ANSWER, answer)
        .await
        .map_err(|_| FeedError::NoAnswer(ANSWER))?
        .map_err(FeedError::from)
}

fn accepted(response: Response) -> Result<Response, FeedError> {
    match response.status() {
        StatusCode::OK => Ok(response),
        StatusCode::NOT_FOUND => Err(FeedError::NotANode),
        status => Err(FeedError::Status(status)),
    }
}

fn content_type(response: &Response) -> &str {
    response
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

/// The node's own words for what it does not do.
async fn refusal(response: Response) -> FeedError {
    let status = response.status();
    let body = read_body(response).await.unwrap_or_default();
    let answer: Option<serde_json::Value> = serde_json::from_slice(&body).ok();
    let text = answer
        .as_ref()
        .and_then(|answer| answer["error"]["message"].as_str());
    match text {
        Some(text) => FeedError::Refused(escape(&text.chars().take(MAX_TEXT).collect::<String>())),
        None => FeedError::Status(status),
    }
}

async fn read_status(response: Response) -> Result<NodeStatus, FeedError> {
    let response = accepted(response)?;
    if !content_type(&response).starts_with("application/json") {
        return Err(FeedError::NotANode);
    }
    parse(&read_body(response).await?)
}

async fn read_body(mut response: Response) -> Result<Vec<u8>, FeedError> {
    let mut body = Vec::new();
    let whole = async {
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > MAX_STATUS_BYTES {
                return Err(FeedError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(())
    };
    tokio::time::timeout(ANSWER, whole)
        .await
        .map_err(|_| FeedError::NoAnswer(ANSWER))??;
    Ok(body)
}

fn parse(json: &[u8]) -> Result<NodeStatus, FeedError> {
    serde_json::from_slice(json).map_err(|error| FeedError::Garbled(error.to_string()))
}

/// Follows the node until `stop` or until nobody looks any more: each status goes to `feed`, each loss too, and the
/// connection is made again with growing pauses.
pub async fn follow(node: NodeApi, feed: watch::Sender<FeedState>, stop: CancellationToken) {
    let mut pause = BACK_OFF.0;
    loop {
        let lost = tokio::select! {
            () = stop.cancelled() => return,
            () = feed.closed() => return,
            lost = follow_once(&node, &feed, &mut pause) => lost,
        };
        let now = Instant::now();
        feed.send_modify(|state| {
            let since = match &state.link {
                Link::Lost { since, .. } => *since,
                _ => now,
            };
            state.link = Link::Lost {
                since,
                reason: lost.to_string(),
                retry_at: Some(now + pause),
            };
        });
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        pause = (pause * 2).min(BACK_OFF.1);
        feed.send_modify(|state| {
            if let Link::Lost { retry_at, .. } = &mut state.link {
                *retry_at = None;
            }
        });
    }
}

/// One connection from beginning to end; says why it ended.
async fn follow_once(node: &NodeApi, feed: &watch::Sender<FeedState>, pause: &mut Duration) -> FeedError {
    let mut events = match node.events().await {
        Ok(events) => events,
        Err(error) => return error,
    };
    loop {
        match tokio::time::timeout(SILENCE, events.next()).await {
            Ok(Ok(status)) => {
                *pause = BACK_OFF.0;
                feed.send_replace(FeedState::live(status, Instant::now()));
            }
            Ok(Err(error)) => return error,
            Err(_) => return FeedError::Silent(SILENCE),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_that_never_ends_is_refused_and_many_small_ones_are_not() {
        let mut room = Room::default();
        let chunk = vec![b'x'; 1 << 20];
        let refused = (0..9).find(|_| room.admit(&chunk).is_err());
        assert_eq!(refused, Some(8));

        let mut room = Room::default();
        let event = [b"data: ", vec![b'x'; 1 << 20].as_slice(), b"\r\n\r\n"].concat();
        assert!((0..20).all(|_| room.admit(&event).is_ok()));
        let mut room = Room::default();
        let lines = b"data: x\n".repeat(1 << 17);
        let refused = (0..20).find(|_| room.admit(&lines).is_err());
        assert_eq!(
            refused,
            Some(8),
            "lines without a blank one between them are one event"
        );
    }

    #[test]
    fn messages_show_no_more_of_a_url_than_they_must() {
        let api = NodeApi::new("http://name:secret@127.0.0.1:7935/behind/proxy?key=1").unwrap();
        assert_eq!(api.shown(), "http://127.0.0.1:7935");
        for bad in ["", "127.0.0.1:7935", "ftp://x", "unix:/run/x"] {
            assert_eq!(NodeApi::new(bad).unwrap_err().kind, Kind::Usage, "{bad}");
        }
    }
}
