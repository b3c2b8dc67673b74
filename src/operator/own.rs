//! `/api/v1` of lpctl's nodes.

use std::pin::Pin;

use eventsource_stream::{EventStreamError, Eventsource};
use futures_util::{Stream, StreamExt};
use reqwest::{
    StatusCode,
    header::{ACCEPT, CONTENT_TYPE},
};

use super::{
    ApiError, MAX_BYTES, NodeUrl,
    http::{ANSWER, Answer, Http, content_type, garbled, head},
};
use crate::{node::SettingsChange, view::node::NodeStatus};

/// The operator API of one of lpctl's nodes.
#[derive(Debug, Clone)]
pub struct NodeApi(Http);

impl NodeApi {
    /// The API of the node at `url`. Nothing is sent yet.
    ///
    /// # Errors
    /// If this machine has no HTTP client to offer.
    pub fn new(url: &NodeUrl) -> Result<Self, ApiError> {
        Http::new(url).map(Self)
    }

    /// What carries its requests.
    pub(super) fn http(&self) -> &Http {
        &self.0
    }

    /// Scheme, host and port: what messages say.
    #[must_use]
    pub fn shown(&self) -> String {
        self.0.url().to_string()
    }

    /// The status now.
    ///
    /// # Errors
    /// If there is no connection, no answer in time, or no status in it.
    pub async fn status(&self) -> Result<NodeStatus, ApiError> {
        status_in(&self.0.get("api/v1/status", ANSWER).await?)
    }

    /// Asks the node to take no new sessions; returns its status after that.
    ///
    /// # Errors
    /// As [`NodeApi::status`]; the node may then drain or not.
    pub async fn drain(&self) -> Result<NodeStatus, ApiError> {
        status_in(&Answer::read(self.0.posting("api/v1/drain")?, ANSWER).await?)
    }

    /// Changes settings of the node; returns its status after that.
    ///
    /// # Errors
    /// As [`NodeApi::status`], and [`ApiError::Refused`]; if no answer came the change may be made or not.
    pub async fn change(&self, change: &SettingsChange) -> Result<NodeStatus, ApiError> {
        let body = serde_json::to_vec(change).map_err(|error| garbled(&error))?;
        let request = self.0.posting("api/v1/settings")?;
        let request = request.header(CONTENT_TYPE, "application/json").body(body);
        status_or_refusal(&Answer::read(request, ANSWER).await?)
    }

    /// Ends a session: its running work is stopped, its renditions are dropped. Returns the status after that.
    ///
    /// # Errors
    /// As [`NodeApi::change`]; [`ApiError::Refused`] if there is no such session.
    pub async fn end_session(&self, id: &str) -> Result<NodeStatus, ApiError> {
        let body = serde_json::to_vec(&serde_json::json!({ "session": id }));
        let body = body.map_err(|error| garbled(&error))?;
        let request = self.0.posting("api/v1/end-session")?;
        let request = request.header(CONTENT_TYPE, "application/json").body(body);
        status_or_refusal(&Answer::read(request, ANSWER).await?)
    }

    /// Statuses as the node reports them.
    ///
    /// # Errors
    /// If there is no connection, no answer in time, or no event stream in it.
    pub async fn events(&self) -> Result<Statuses, ApiError> {
        let request = self
            .0
            .asking("api/v1/events")?
            .header(ACCEPT, "text/event-stream");
        let response = head(request, ANSWER).await?;
        accepted(response.status())?;
        if !content_type(response.headers()).starts_with("text/event-stream") {
            return Err(ApiError::NotANode);
        }
        let mut room = Room::default();
        let bounded = response.bytes_stream().map(move |chunk| {
            let chunk = chunk?;
            room.admit(&chunk)?;
            Ok::<_, ApiError>(chunk)
        });
        let statuses = bounded.eventsource().filter_map(async |event| match event {
            Ok(event) if event.event == "status" => Some(parse(event.data.as_bytes())),
            Ok(_) => None,
            Err(EventStreamError::Transport(error)) => Some(Err(error)),
            Err(error) => Some(Err(garbled(&error))),
        });
        Ok(Statuses(Box::pin(statuses)))
    }
}

/// A node's event stream.
pub struct Statuses(Pin<Box<dyn Stream<Item = Result<NodeStatus, ApiError>> + Send>>);

impl std::fmt::Debug for Statuses {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Statuses(…)")
    }
}

impl Statuses {
    /// The next status.
    ///
    /// # Errors
    /// If the stream ends, breaks, or holds something else.
    pub async fn next(&mut self) -> Result<NodeStatus, ApiError> {
        self.0.next().await.unwrap_or(Err(ApiError::Closed))
    }
}

/// Counts what has come since the last event, which nothing else bounds.
#[derive(Debug, Default)]
struct Room {
    event: usize,
    line: usize,
}

impl Room {
    fn admit(&mut self, bytes: &[u8]) -> Result<(), ApiError> {
        for byte in bytes {
            self.event += 1;
            match byte {
                b'\n' if self.line == 0 => self.event = 0,
                b'\n' => self.line = 0,
                b'\r' => {}
                _ => self.line += 1,
            }
        }
        if self.event > MAX_BYTES {
            Err(ApiError::TooLarge)
        } else {
            Ok(())
        }
    }
}

fn accepted(status: StatusCode) -> Result<(), ApiError> {
    match status {
        StatusCode::OK => Ok(()),
        StatusCode::NOT_FOUND => Err(ApiError::NotANode),
        status => Err(ApiError::Status(status)),
    }
}

fn status_or_refusal(answer: &Answer) -> Result<NodeStatus, ApiError> {
    match answer.status {
        StatusCode::BAD_REQUEST
        | StatusCode::FORBIDDEN
        | StatusCode::CONFLICT
        | StatusCode::INTERNAL_SERVER_ERROR => Err(answer.refusal()),
        _ => status_in(answer),
    }
}

fn status_in(answer: &Answer) -> Result<NodeStatus, ApiError> {
    accepted(answer.status)?;
    if !answer.is_json() {
        return Err(ApiError::NotANode);
    }
    parse(&answer.body)
}

fn parse(json: &[u8]) -> Result<NodeStatus, ApiError> {
    serde_json::from_slice(json).map_err(|error| garbled(&error))
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
}
