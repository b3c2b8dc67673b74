//! Event streams of lpctl's nodes: bounded in size and silence, and taken up again after an event.

use std::{pin::Pin, time::Duration};

use eventsource_stream::{Event, EventStreamError, Eventsource};
use futures_util::{Stream, StreamExt, stream};
use reqwest::{StatusCode, header::ACCEPT};

use super::{
    ApiError, MAX_BYTES,
    http::{ANSWER, Http, content_type, garbled, head},
};

/// A node gives a sign of life every fifteen seconds; after this much silence the connection is dead.
const SILENCE: Duration = Duration::from_secs(40);

/// Events as they come; after an error nothing more does.
pub(super) type Events = Pin<Box<dyn Stream<Item = Result<Event, ApiError>> + Send>>;

/// Asks for the events at `path`, those after `last` first, as far as the node still has them.
pub(super) async fn open(http: &Http, path: &str, last: Option<&str>) -> Result<Events, ApiError> {
    let mut request = http.asking(path)?.header(ACCEPT, "text/event-stream");
    if let Some(last) = last {
        request = request.header("last-event-id", last);
    }
    let response = head(request, ANSWER).await?;
    accepted(response.status())?;
    if !content_type(response.headers()).starts_with("text/event-stream") {
        return Err(ApiError::NotANode);
    }
    let body = Box::pin(response.bytes_stream());
    let pieces = stream::unfold(Some((body, Lines::default())), async |state| {
        let (mut body, mut lines) = state?;
        let piece = match tokio::time::timeout(SILENCE, body.next()).await {
            Err(_) => Err(ApiError::Silent(SILENCE)),
            Ok(None) => return None,
            Ok(Some(Err(error))) => Err(error.into()),
            Ok(Some(Ok(piece))) => lines.take(&piece),
        };
        let next = piece.is_ok().then_some((body, lines));
        Some((piece, next))
    });
    let events = pieces.eventsource().map(|event| match event {
        Ok(event) => Ok(event),
        Err(EventStreamError::Transport(error)) => Err(error),
        Err(error) => Err(garbled(&error)),
    });
    Ok(Box::pin(events))
}

/// Whether a status is that of an answer.
pub(super) fn accepted(status: StatusCode) -> Result<(), ApiError> {
    match status {
        StatusCode::OK => Ok(()),
        StatusCode::NOT_FOUND => Err(ApiError::NotANode),
        StatusCode::UNAUTHORIZED => Err(ApiError::TokenNeeded),
        status => Err(ApiError::Status(status)),
    }
}

/// Holds back what has come of a line until its end is there: who reads events would begin with it again at every piece.
#[derive(Debug, Default)]
struct Lines {
    room: Room,
    begun: Vec<u8>,
}

impl Lines {
    /// Whole lines, nothing if none ends in this piece.
    fn take(&mut self, piece: &[u8]) -> Result<Vec<u8>, ApiError> {
        self.room.admit(piece)?;
        let end = memchr::memrchr(b'\n', piece).map_or(0, |end| end + 1);
        let (ended, begun) = piece.split_at(end);
        let mut whole = Vec::new();
        if end > 0 {
            whole = std::mem::take(&mut self.begun);
            whole.extend_from_slice(ended);
        }
        self.begun.extend_from_slice(begun);
        Ok(whole)
    }
}

/// Counts what has come since the last event, which nothing else bounds.
#[derive(Debug, Default)]
struct Room {
    event: usize,
    /// Whether something of a line has come.
    is_begun: bool,
}

impl Room {
    fn admit(&mut self, bytes: &[u8]) -> Result<(), ApiError> {
        let holds = |part: &[u8]| part.iter().any(|byte| *byte != b'\r');
        let mut from = 0;
        for end in memchr::memchr_iter(b'\n', bytes) {
            let is_blank = !self.is_begun && !holds(&bytes[from..end]);
            self.event = match is_blank {
                true => 0,
                false => self.event + end + 1 - from,
            };
            self.is_begun = false;
            from = end + 1;
        }
        self.event += bytes.len() - from;
        self.is_begun |= holds(&bytes[from..]);
        if self.event > MAX_BYTES {
            Err(ApiError::TooLarge)
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_given_on_whole_wherever_pieces_end() {
        let told = "id: 1\nevent: line\ndata: {\"a\":\"é\"}\n\nid: 2\ndata";
        for size in 1..told.len() {
            let mut lines = Lines::default();
            let given: Vec<Vec<u8>> = told
                .as_bytes()
                .chunks(size)
                .map(|piece| lines.take(piece).unwrap())
                .collect();
            assert!(
                given
                    .iter()
                    .all(|whole| whole.is_empty() || whole.ends_with(b"\n"))
            );
            assert_eq!([given.concat(), lines.begun].concat(), told.as_bytes(), "{size}");
        }
    }

    #[test]
    fn an_event_that_never_ends_is_refused_and_many_small_ones_are_not() {
        let mut room = Room::default();
        let chunk = vec![b'x'; 1 << 20];
        let refused = (0..65).find(|_| room.admit(&chunk).is_err());
        assert_eq!(refused, Some(64));

        let mut room = Room::default();
        let event = [b"data: ", vec![b'x'; 1 << 20].as_slice(), b"\r\n\r\n"].concat();
        assert!((0..70).all(|_| room.admit(&event).is_ok()));
        let mut room = Room::default();
        let lines = b"data: x\n".repeat(1 << 17);
        let refused = (0..70).find(|_| room.admit(&lines).is_err());
        assert_eq!(
            refused,
            Some(64),
            "lines without a blank one between them are one event"
        );
    }
}
