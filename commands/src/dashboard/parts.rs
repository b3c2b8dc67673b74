//! What of a node is asked for only while somebody looks at it: its winning tickets, when its statuses tell that they are
//! not what they were, and its log, line by line as it comes.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use engine::{
    node::{LogLine, LogPage, LogQuery},
    operator::{LogEvent, NodeApi, NodeUrl, TicketQuery},
};
use jiff::Timestamp;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tui::{FeedState, Interest, Link, LogBook, Part, TicketBook};

use super::feed::{FeedError, Slot};

/// Winning tickets that are listed.
const MOST_TICKETS: usize = 500;
/// Lines of the log that are listed.
const MOST_LINES: usize = 500;
/// Between two requests at least.
const APART: Duration = Duration::from_secs(2);
/// What no status tells of tickets, how long they can wait and how much is logged, is asked for so often.
const AGAIN: Duration = Duration::from_secs(30);
/// Lines that come within this are shown together.
const TOGETHER: Duration = Duration::from_millis(250);

type Feeds = watch::Receiver<Vec<FeedState>>;

/// Keeps tickets or log lines of the node in front up to date while somebody looks at them, and asks for nothing otherwise.
pub async fn follow(
    nodes: Vec<NodeUrl>,
    feeds: watch::Sender<Vec<FeedState>>,
    mut looked_at: watch::Receiver<Interest>,
    stop: CancellationToken,
) {
    loop {
        let interest = *looked_at.borrow_and_update();
        let node = nodes
            .get(interest.node)
            .filter(|_| interest.tickets || interest.log)
            .and_then(|url| NodeApi::new(url).ok());
        let is_interested = node.is_some();
        let keeping = async {
            let Some(node) = node else { return };
            let slot = Slot::new(feeds.clone(), interest.node);
            let shown = Shown {
                node,
                slot,
                feeds: feeds.subscribe(),
                number: interest.node,
            };
            match interest.tickets {
                true => shown.keep_tickets().await,
                false => shown.keep_log().await,
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            changed = looked_at.changed() => match changed {
                Ok(()) => {}
                Err(_) => return,
            },
            () = Box::pin(keeping), if is_interested => {}
        }
    }
}

/// Asks once for what is looked at. What cannot be had this time leaves what is known.
pub async fn ask(node: &NodeApi, interest: Interest, state: &mut FeedState) {
    if interest.tickets {
        state.tickets = tickets(node, &state.tickets).await;
    }
    if interest.log {
        let answer = node.log(&newest_lines()).await;
        state.log = match answer {
            Ok(page) => Part::known(log_book(page), Instant::now()),
            Err(error) => no_log(&state.log, &error),
        };
    }
}

async fn tickets(node: &NodeApi, known: &Part<TicketBook>) -> Part<TicketBook> {
    let newest = TicketQuery {
        limit: MOST_TICKETS,
        ..TicketQuery::default()
    };
    match node.tickets(&newest).await {
        Ok(page) => Part::known(TicketBook::new(page.tickets, page.has_more), Instant::now()),
        Err(FeedError::NotANode) => {
            Part::Absent("this node does not tell its tickets: `lpctl ticket list` does".to_string())
        }
        Err(error) => known.failed(error.to_string()),
    }
}

fn newest_lines() -> LogQuery {
    LogQuery {
        limit: Some(MOST_LINES),
        ..LogQuery::default()
    }
}

fn no_log(known: &Part<LogBook>, error: &FeedError) -> Part<LogBook> {
    match error {
        FeedError::NotANode => Part::Absent("this node does not tell its log: `journalctl` does".to_string()),
        error => known.failed(error.to_string()),
    }
}

/// What a status tells of winning tickets: while it stays the same, so does most of their list.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Told {
    started: Timestamp,
    winners: Option<(u64, u64, u64)>,
    redeem: Option<Redeeming>,
}

/// How it goes with redeeming them, without what every look at the chain changes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Redeeming {
    in_flight: u64,
    redeemed: u64,
    reasons: BTreeMap<String, u64>,
    trouble: Option<String>,
}

/// None while the node is not there, and of go-livepeer's nodes, whose panels say what they do not tell.
fn told(feed: &FeedState) -> Option<Told> {
    let reading = feed.reading.as_ref()?;
    if feed.link != Link::Live || reading.go.is_some() {
        return None;
    }
    let status = &reading.status;
    let winners = status.payments.as_ref().map(|payments| {
        (
            payments.winners_pending,
            payments.winners_redeemed,
            payments.winners_lost,
        )
    });
    let redeem = status.redeem.as_ref().map(|redeem| Redeeming {
        in_flight: redeem.in_flight,
        redeemed: redeem.redeemed,
        reasons: redeem.reasons.clone(),
        trouble: redeem.trouble.clone(),
    });
    Some(Told {
        started: status.started,
        winners,
        redeem,
    })
}

/// The node in front.
struct Shown {
    node: NodeApi,
    slot: Slot,
    feeds: Feeds,
    number: usize,
}

impl Shown {
    /// Waits until the node is there and tells something else than `before`; never resolves once nobody shows it.
    async fn told(&mut self, before: Option<&Told>) -> Told {
        loop {
            let now = self.feeds.borrow_and_update().get(self.number).and_then(told);
            match now {
                Some(now) if Some(&now) != before => return now,
                _ => {}
            }
            if self.feeds.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    fn known(&self) -> FeedState {
        let feeds = self.feeds.borrow();
        let known = feeds.get(self.number).cloned();
        known.unwrap_or_else(|| FeedState::connecting(Instant::now()))
    }

    async fn keep_tickets(mut self) {
        loop {
            let before = self.told(None).await;
            let tickets = tickets(&self.node, &self.known().tickets).await;
            self.slot.change(|feed| feed.tickets = tickets);
            tokio::time::sleep(APART).await;
            // It tells something else, or it is time anyway.
            let _ = tokio::time::timeout(AGAIN, self.told(Some(&before))).await;
        }
    }

    async fn keep_log(mut self) {
        loop {
            self.told(None).await;
            let error = match self.node.log(&newest_lines()).await {
                Ok(page) => {
                    let position = page.next;
                    let book = log_book(page);
                    self.slot
                        .change(|feed| feed.log = Part::known(book, Instant::now()));
                    self.go_on_from(position).await
                }
                Err(error) => error,
            };
            self.slot.change(|feed| {
                if let Part::Known { received, .. } = &mut feed.log {
                    *received = Instant::now();
                }
                feed.log = no_log(&feed.log, &error);
            });
            tokio::time::sleep(APART).await;
        }
    }

    /// Adds lines as they come; returns why no more do.
    async fn go_on_from(&mut self, position: u64) -> FeedError {
        let all = LogQuery::default();
        let mut lines = match self.node.log_after(&all, position).await {
            Ok(lines) => lines,
            // An older node, or one with too many readers: it is asked again and again.
            Err(FeedError::NotANode | FeedError::Status(_)) => return self.poll(position).await,
            Err(error) => return error,
        };
        let mut level = tokio::time::interval_at(tokio::time::Instant::now() + AGAIN, AGAIN);
        loop {
            let first = tokio::select! {
                first = lines.next() => first,
                _ = level.tick() => {
                    self.ask_level().await;
                    continue;
                }
            };
            let mut batch = Batch::default();
            let mut end = first.map(|event| batch.take(event)).err();
            let until = tokio::time::Instant::now() + TOGETHER;
            while end.is_none() && batch.lines.len() < MOST_LINES {
                match tokio::time::timeout_at(until, lines.next()).await {
                    Ok(Ok(event)) => batch.take(event),
                    Ok(Err(error)) => end = Some(error),
                    Err(_) => break,
                }
            }
            self.add(batch);
            if let Some(end) = end {
                return end;
            }
        }
    }

    /// For nodes that do not tell lines as they come.
    async fn poll(&mut self, mut position: u64) -> FeedError {
        loop {
            tokio::time::sleep(APART).await;
            let query = LogQuery {
                since: Some(position),
                ..newest_lines()
            };
            match self.node.log(&query).await {
                Ok(page) => {
                    position = page.next;
                    self.add(Batch {
                        lines: page.lines,
                        missed: page.missed,
                    });
                }
                Err(error) => return error,
            }
        }
    }

    /// How much is logged: no line tells.
    async fn ask_level(&self) {
        let query = LogQuery {
            limit: Some(0),
            ..LogQuery::default()
        };
        let Ok(page) = self.node.log(&query).await else {
            return;
        };
        if self
            .known()
            .log
            .value()
            .is_some_and(|book| book.level != page.level)
        {
            self.change_book(|book| book.level = page.level);
        }
    }

    fn add(&self, batch: Batch) {
        if batch.lines.is_empty() && batch.missed == 0 {
            return;
        }
        self.change_book(|book| {
            book.lines.extend(batch.lines.into_iter().map(log_line));
            book.missed = book.missed.saturating_add(batch.missed);
            let surplus = book.lines.len().saturating_sub(MOST_LINES);
            book.lines.drain(..surplus);
        });
    }

    fn change_book(&self, change: impl FnOnce(&mut LogBook)) {
        self.slot.change(|feed| {
            if let Part::Known {
                value,
                received,
                trouble,
            } = &mut feed.log
            {
                change(Arc::make_mut(value));
                (*received, *trouble) = (Instant::now(), None);
            }
        });
    }
}

/// What is added to the log at once.
#[derive(Default)]
struct Batch {
    lines: Vec<LogLine>,
    missed: u64,
}

impl Batch {
    fn take(&mut self, event: LogEvent) {
        match event {
            LogEvent::Line(line) => self.lines.push(line),
            LogEvent::Missed(lines) => self.missed = self.missed.saturating_add(lines),
        }
    }
}

/// A node's log as the dashboard shows it.
fn log_book(page: LogPage) -> LogBook {
    LogBook {
        lines: page.lines.into_iter().map(log_line).collect(),
        missed: page.missed,
        level: page.level,
    }
}

fn log_line(line: LogLine) -> tui::LogLine {
    let about = [
        ("segment", line.segment),
        ("session", line.session),
        ("manifest", line.manifest),
    ];
    let about = about
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_string(), value?)));
    tui::LogLine {
        position: line.position.to_string(),
        time: line.time,
        level: line.level,
        target: line.target,
        message: line.message,
        fields: about.chain(line.fields).collect(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::{
        Json, Router,
        body::Body,
        http::{HeaderMap, header::CONTENT_TYPE},
        routing::get,
    };
    use engine::view::node::NodeStatus;
    use serde_json::json;
    use tokio::{net::TcpListener, sync::Semaphore, task::JoinHandle};

    use super::*;

    /// A test that waits longer than this for anything hangs.
    const PATIENCE: Duration = Duration::from_secs(30);

    fn status(winners: u64) -> NodeStatus {
        serde_json::from_value(json!({
            "time": "2026-03-14T12:41:07Z", "version": "0.1.0", "started": "2026-03-14T10:00:00Z", "service_uri": "",
            "address": null, "network": "devnet", "draining": false, "max_sessions": 1, "sessions": [],
            "work": {
                "segments_done": 0, "segments_failed": 0, "renditions": 0, "pixels": 0, "bytes_in": 0, "media_ms": 0,
                "latency": null, "real_time_permille": null, "sessions_refused": 0,
            },
            "devices": [], "chain": null, "notices": [], "payments": { "winners_pending": winners },
        }))
        .unwrap()
    }

    /// Parts of a node that is looked at.
    struct Looking {
        slot: Slot,
        feeds: watch::Receiver<Vec<FeedState>>,
        // Following ends with it.
        _interest: watch::Sender<Interest>,
        following: JoinHandle<()>,
    }

    impl Looking {
        async fn at(routes: Router, interest: Interest) -> Self {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let url = format!("http://{}", listener.local_addr().unwrap());
            tokio::spawn(async move { axum::serve(listener, routes).await });
            let (sender, feeds) = watch::channel(vec![FeedState::connecting(Instant::now())]);
            let slot = Slot::new(sender.clone(), 0);
            let (interested, looked_at) = watch::channel(interest);
            let nodes = vec![url.parse().unwrap()];
            let following = tokio::spawn(follow(nodes, sender, looked_at, CancellationToken::new()));
            let looking = Self {
                slot,
                feeds,
                _interest: interested,
                following,
            };
            looking.tell(0);
            looking
        }

        fn tell(&self, winners: u64) {
            self.slot
                .change(|feed| feed.take(status(winners), None, Instant::now()));
        }

        async fn until(&mut self, holds: impl Fn(&FeedState) -> bool) {
            let waiting = self.feeds.wait_for(|feeds| holds(&feeds[0]));
            let held = tokio::time::timeout(PATIENCE, waiting).await;
            assert!(held.expect("in time").is_ok());
        }
    }

    impl Drop for Looking {
        fn drop(&mut self) {
            self.following.abort();
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_node_that_answers_late_is_asked_one_thing_at_a_time() {
        let asked = Arc::new(AtomicUsize::new(0));
        let may_answer = Arc::new(Semaphore::new(0));
        let tickets = {
            let (asked, may_answer) = (Arc::clone(&asked), Arc::clone(&may_answer));
            async move || {
                let number = asked.fetch_add(1, Ordering::SeqCst) + 1;
                may_answer.acquire().await.unwrap().forget();
                let totals = json!({
                    "pending": 0, "pending_wei": "0", "redeemed": 0, "redeemed_wei": "0", "lost": 0, "lost_wei": "0",
                });
                Json(json!({ "round": null, "totals": totals, "tickets": [], "has_more": number > 1 }))
            }
        };
        let interest = Interest {
            tickets: true,
            ..Interest::default()
        };
        let routes = Router::new().route("/api/v1/tickets", get(tickets));
        let mut looking = Looking::at(routes, interest).await;
        while asked.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        for winners in 1..100 {
            looking.tell(winners);
            tokio::task::yield_now().await;
        }
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        may_answer.add_permits(1);
        looking.until(|feed| feed.tickets.value().is_some()).await;
        // All that was told meanwhile is one more question, and no sooner than it may be.
        let since = Instant::now();
        may_answer.add_permits(1);
        looking
            .until(|feed| feed.tickets.value().is_some_and(|book| book.has_more))
            .await;
        assert!(since.elapsed() > APART - Duration::from_millis(100));
        assert_eq!(asked.load(Ordering::SeqCst), 2);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn lines_of_the_log_are_added_as_they_come() {
        let pages = Arc::new(AtomicUsize::new(0));
        let line = |position: u64| {
            json!({
                "position": position, "time": "2026-03-14T12:41:07Z", "level": "info", "target": "node",
                "message": format!("line {position}"),
            })
        };
        let page = {
            let pages = Arc::clone(&pages);
            async move || {
                pages.fetch_add(1, Ordering::SeqCst);
                Json(json!({ "lines": [line(10)], "next": 10, "missed": 0, "level": "info" }))
            }
        };
        let events = async move |headers: HeaderMap| {
            assert_eq!(headers["last-event-id"], "10");
            let told: String = (11..=600)
                .map(|position| format!("event: line\ndata: {}\n\n", line(position)))
                .collect();
            let told = futures_util::stream::iter([Ok::<_, std::convert::Infallible>(told)]);
            let held = futures_util::StreamExt::chain(told, futures_util::stream::pending());
            ([(CONTENT_TYPE, "text/event-stream")], Body::from_stream(held))
        };
        let routes = Router::new()
            .route("/api/v1/log", get(page))
            .route("/api/v1/log/events", get(events));
        let interest = Interest {
            log: true,
            ..Interest::default()
        };
        let mut looking = Looking::at(routes, interest).await;
        looking
            .until(|feed| {
                let last = feed.log.value().and_then(|book| book.lines.last());
                last.is_some_and(|line| line.position == "600")
            })
            .await;
        let feeds = looking.feeds.borrow().clone();
        let lines = &feeds[0].log.value().unwrap().lines;
        assert_eq!((lines.len(), lines[0].message.as_str()), (MOST_LINES, "line 101"));
        assert_eq!(pages.load(Ordering::SeqCst), 1);
    }
}
