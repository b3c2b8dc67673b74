//! The event stream: numbered events, the last ones kept so that a reader who comes back misses nothing that is still
//! there. An event is the whole status, or what the one before it became: who reads slowly skips instead of queueing.

use std::{
    collections::VecDeque,
    convert::Infallible,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    body::Body,
    http::{
        HeaderMap, Response,
        header::{CACHE_CONTROL, CONTENT_TYPE},
    },
    response::IntoResponse,
};
use bytes::Bytes;
use futures_util::stream;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Events kept.
const MOST: usize = 240;
/// Their bytes all together.
const MOST_BYTES: usize = 8 << 20;
/// A reader who was told nothing for so long is told that the node is there.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// What that is: a comment, which readers drop.
const HEART: &[u8] = b": \n\n";
/// Readers of event streams at once.
const MAX_READERS: usize = 32;

/// Who reads event streams now.
#[derive(Debug, Clone, Default)]
pub(in crate::node) struct Readers(watch::Sender<usize>);

impl Readers {
    /// A place for one more; none if all are taken.
    pub(super) fn join(&self) -> Option<Reader> {
        let has_joined = self.0.send_if_modified(|count| {
            let has_room = *count < MAX_READERS;
            *count += usize::from(has_room);
            has_room
        });
        has_joined.then(|| Reader(self.0.clone()))
    }

    /// Resolves as soon as anybody reads.
    pub(in crate::node) async fn any(&self) {
        // It fails only without a sender, and this is one.
        let _ = self.0.subscribe().wait_for(|count| *count > 0).await;
    }
}

/// A reader's place, given back when dropped.
#[derive(Debug)]
pub(super) struct Reader(watch::Sender<usize>);

impl Drop for Reader {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count = count.saturating_sub(1));
    }
}

/// The events of this run of the node. Cheap to clone.
#[derive(Debug, Clone)]
pub(in crate::node) struct Feed(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// Tells this run's numbers from those of others.
    run: u64,
    ring: Mutex<Ring>,
    newest: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Ring {
    events: VecDeque<(u64, Bytes)>,
    bytes: usize,
    /// What the last event but one became.
    change: Bytes,
}

/// What a reader is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// Each status as a whole.
    Whole,
    /// Where the event before was told, what it became.
    Changes,
}

impl Feed {
    /// No events yet.
    pub(in crate::node) fn new() -> Self {
        Self(Arc::new(Shared {
            run: rand::random::<u64>() >> 24,
            ring: Mutex::default(),
            newest: watch::Sender::new(0),
        }))
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.0.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, number: u64, name: &str, data: &str) -> Bytes {
        format!("id: {:x}-{number}\nevent: {name}\ndata: {data}\n\n", self.0.run).into()
    }

    /// Adds an event: the status, and what the last one became. Each is one line of JSON.
    pub(in crate::node) fn push(&self, status: &str, change: &str) {
        let number = *self.0.newest.borrow() + 1;
        let event = self.write(number, "status", status);
        let change = self.write(number, "change", change);
        let mut ring = self.ring();
        ring.change = change;
        ring.bytes += event.len();
        ring.events.push_back((number, event));
        // The newest one stays, however large.
        while ring.events.len() > 1 && (ring.events.len() > MOST || ring.bytes > MOST_BYTES) {
            if let Some((_, oldest)) = ring.events.pop_front() {
                ring.bytes -= oldest.len();
            }
        }
        drop(ring);
        self.0.newest.send_replace(number);
    }

    /// The number an id stands for, if it is of this run.
    fn number(&self, id: &str) -> Option<u64> {
        let (run, number) = id.split_once('-')?;
        let number = number.parse().ok()?;
        (run == format!("{:x}", self.0.run)).then_some(number)
    }

    /// What came after an event; none if some of that is gone, or the event is not of this run.
    fn after(&self, id: &str) -> Option<VecDeque<Bytes>> {
        let last = self.number(id)?;
        let ring = self.ring();
        let newest = *self.0.newest.borrow();
        let oldest = ring.events.front().map_or(newest + 1, |(number, _)| *number);
        if last > newest || last + 1 < oldest {
            return None;
        }
        let missed = ring.events.iter().filter(|(number, _)| *number > last);
        Some(missed.map(|(_, event)| event.clone()).collect())
    }

    /// The newest event for who was told that of number `last`.
    fn newest(&self, last: Option<u64>, told: Told) -> Option<(u64, Bytes)> {
        let ring = self.ring();
        let (number, event) = ring.events.back()?;
        let follows = last.is_some_and(|last| last + 1 == *number);
        let event = match told {
            Told::Changes if follows => &ring.change,
            Told::Changes | Told::Whole => event,
        };
        Some((*number, event.clone()))
    }

    /// The stream for a reader: what it missed, then `now`, the status at this moment, then every change.
    pub(super) fn stream(
        &self,
        headers: &HeaderMap,
        now: &str,
        told: Told,
        reader: Reader,
        stop: CancellationToken,
    ) -> Response<Body> {
        let mut newest = self.0.newest.subscribe();
        newest.mark_unchanged();
        let last = headers.get("last-event-id").and_then(|id| id.to_str().ok());
        let mut waiting = last.and_then(|id| self.after(id)).unwrap_or_default();
        // The newest event may be old: nobody needed a newer one.
        waiting.push_back(self.write(*newest.borrow(), "status", now));
        let following = Following {
            feed: self.clone(),
            waiting,
            newest,
            told,
            // The status now is none of the events: what follows it is told as a whole.
            last: None,
            _reader: reader,
            heartbeat: HEARTBEAT,
            stop,
        };
        let events = stream::unfold(following, async |mut following| {
            let event = following.next().await?;
            Some((Ok::<_, Infallible>(event), following))
        });
        respond(Body::from_stream(events))
    }
}

/// An event stream as an answer.
fn respond(body: Body) -> Response<Body> {
    let headers = [(CONTENT_TYPE, "text/event-stream"), (CACHE_CONTROL, "no-store")];
    (headers, body).into_response()
}

/// A reader of the stream.
struct Following {
    feed: Feed,
    waiting: VecDeque<Bytes>,
    newest: watch::Receiver<u64>,
    told: Told,
    last: Option<u64>,
    _reader: Reader,
    heartbeat: Duration,
    stop: CancellationToken,
}

impl Following {
    async fn next(&mut self) -> Option<Bytes> {
        if self.stop.is_cancelled() {
            return None;
        }
        if let Some(event) = self.waiting.pop_front() {
            return Some(event);
        }
        tokio::select! {
            () = self.stop.cancelled() => None,
            changed = self.newest.changed() => {
                changed.ok()?;
                let (number, event) = self.feed.newest(self.last, self.told)?;
                self.last = Some(number);
                Some(event)
            }
            () = tokio::time::sleep(self.heartbeat) => Some(Bytes::from_static(HEART)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(feed: &Feed, number: u64) -> String {
        format!("{:x}-{number}", feed.0.run)
    }

    #[test]
    fn what_is_still_there_is_told_again_and_what_is_not_is_not_made_up() {
        let feed = Feed::new();
        for number in 1..=300 {
            feed.push(&format!("{number}"), "");
        }
        let missed = feed.after(&id(&feed, 298)).unwrap();
        assert_eq!(missed.len(), 2);
        assert!(
            missed[0].ends_with(b"-299\nevent: status\ndata: 299\n\n"),
            "{:?}",
            missed[0]
        );
        assert_eq!(feed.after(&id(&feed, 300)).unwrap().len(), 0);
        assert_eq!(feed.after(&id(&feed, 60)).unwrap().len(), MOST);
        assert_eq!(feed.after(&id(&feed, 59)), None, "event 60 is gone");
        for strange in [
            "",
            "x",
            "1-1",
            "-1",
            "301",
            &id(&feed, 301),
            &id(&Feed::new(), 298),
        ] {
            assert_eq!(feed.after(strange), None, "{strange}");
        }
    }

    #[test]
    fn large_events_are_bounded_by_their_bytes() {
        let feed = Feed::new();
        let large = "x".repeat(3 << 20);
        for _ in 0..5 {
            feed.push(&large, "");
        }
        assert_eq!(feed.ring().events.len(), 2);
        assert!(feed.ring().bytes <= MOST_BYTES);
        feed.push(&"x".repeat(9 << 20), "");
        assert_eq!(feed.ring().events.len(), 1, "the newest one is always there");
    }

    #[test]
    fn there_is_a_most_of_readers() {
        let readers = Readers::default();
        let mut all: Vec<_> = std::iter::from_fn(|| readers.join()).collect();
        assert_eq!(all.len(), MAX_READERS);
        all.pop();
        assert!(readers.join().is_some());
    }

    fn following(feed: &Feed, told: Told) -> Following {
        let mut newest = feed.0.newest.subscribe();
        newest.mark_unchanged();
        Following {
            feed: feed.clone(),
            waiting: VecDeque::new(),
            newest,
            told,
            last: None,
            _reader: Readers::default().join().unwrap(),
            heartbeat: Duration::from_millis(5),
            stop: CancellationToken::new(),
        }
    }

    #[tokio::test]
    async fn a_reader_of_changes_who_misses_one_is_told_the_whole() {
        let feed = Feed::new();
        let mut changes = following(&feed, Told::Changes);
        let mut whole = following(&feed, Told::Whole);
        let told = async |reader: &mut Following| {
            let event = String::from_utf8(reader.next().await.unwrap().to_vec()).unwrap();
            event.split_once('\n').unwrap().1.to_string()
        };
        let (status, change) = (
            |number| format!("event: status\ndata: {number}\n\n"),
            |number| format!("event: change\ndata: +{number}\n\n"),
        );
        for (number, heard) in [(1, status(1)), (2, change(2)), (3, change(3))] {
            feed.push(&number.to_string(), &format!("+{number}"));
            assert_eq!(told(&mut changes).await, heard);
            assert_eq!(told(&mut whole).await, status(number));
        }
        feed.push("4", "+4");
        feed.push("5", "+5");
        assert_eq!(told(&mut changes).await, status(5));
        feed.push("6", "+6");
        assert_eq!(told(&mut changes).await, change(6));
    }

    #[tokio::test]
    async fn a_silent_node_is_heard_to_live() {
        let feed = Feed::new();
        let mut following = following(&feed, Told::Whole);
        assert_eq!(following.next().await.unwrap(), HEART);
        feed.push("1", "");
        assert!(following.next().await.unwrap().ends_with(b"data: 1\n\n"));
        following.stop.cancel();
        assert_eq!(following.next().await, None);
    }
}
