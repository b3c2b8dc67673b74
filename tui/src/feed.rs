//! What the dashboard is fed with: the node's last reading, and how the connection to the node is doing.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use engine::{
    config::LogLevel,
    view::{go_node::GoNode, node::NodeStatus, ticket::TicketFacts},
};
use jiff::Timestamp;

use crate::words;

/// A node reports at least every five seconds. Silence beyond this makes the picture stale.
pub const STALE_AFTER: Duration = Duration::from_secs(7);

/// One status of the node, and when it arrived here.
#[derive(Debug, Clone)]
pub struct Reading {
    /// What the node said.
    pub status: Arc<NodeStatus>,
    /// When it arrived.
    pub received: Instant,
    /// What a go-livepeer node told, of which `status` is a translation with much left at nothing.
    pub go: Option<Arc<GoFacts>>,
}

/// What a go-livepeer node tells.
#[derive(Debug, Clone)]
pub struct GoFacts {
    /// Its operator routes.
    pub node: GoNode,
    /// Whether it serves metrics (`-monitor`), from which the figures of work come.
    pub has_metrics: bool,
    /// Sessions now, which it counts and does not list.
    pub sessions: Option<u64>,
}

/// Something that is asked for only while it is looked at.
#[derive(Debug, Clone)]
pub enum Part<T> {
    /// Not yet.
    NotAsked,
    /// The node does not tell. Says why; may hold text from outside.
    Absent(String),
    /// It was told.
    Known {
        /// What.
        value: Arc<T>,
        /// When it arrived.
        received: Instant,
        /// Why it is not newer. May hold text from outside.
        trouble: Option<String>,
    },
}

impl<T> Part<T> {
    /// It has just arrived.
    #[must_use]
    pub fn known(value: T, now: Instant) -> Self {
        Self::Known {
            value: Arc::new(value),
            received: now,
            trouble: None,
        }
    }

    /// It could not be had this time; what was known is kept.
    #[must_use]
    pub fn failed(&self, reason: String) -> Self {
        match self {
            Self::Known { value, received, .. } => Self::Known {
                value: Arc::clone(value),
                received: *received,
                trouble: Some(reason),
            },
            Self::NotAsked | Self::Absent(_) => Self::Absent(reason),
        }
    }

    /// Whether both show the same.
    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::NotAsked, Self::NotAsked) => true,
            (Self::Absent(one), Self::Absent(other)) => one == other,
            (
                Self::Known { value, trouble, .. },
                Self::Known {
                    value: other_value,
                    trouble: other_trouble,
                    ..
                },
            ) => Arc::ptr_eq(value, other_value) && trouble == other_trouble,
            _ => false,
        }
    }

    /// What is known.
    #[must_use]
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Known { value, .. } => Some(value),
            Self::NotAsked | Self::Absent(_) => None,
        }
    }
}

/// A node's winning tickets, the newest or most urgent ones.
#[derive(Debug, Clone)]
pub struct TicketBook {
    /// Each with its hash as text.
    pub tickets: Vec<(String, TicketFacts)>,
    /// Whether there are more than these.
    pub has_more: bool,
}

impl TicketBook {
    /// Of these tickets.
    #[must_use]
    pub fn new(tickets: Vec<TicketFacts>, has_more: bool) -> Self {
        let tickets = tickets
            .into_iter()
            .map(|ticket| (ticket.hash.to_string(), ticket))
            .collect();
        Self { tickets, has_more }
    }
}

/// A line a node logged.
#[derive(Debug, Clone)]
pub struct LogLine {
    /// Its position in the node's log, as text: what the line is known by.
    pub position: String,
    /// When.
    pub time: Timestamp,
    /// How bad.
    pub level: LogLevel,
    /// Which part of the node said it.
    pub target: String,
    /// What it said. Text from outside possible: escape before drawing.
    pub message: String,
    /// Names and values with it.
    pub fields: Vec<(String, String)>,
}

/// The newest lines of a log, oldest first.
#[derive(Debug, Clone, Default)]
pub struct LogBook {
    /// The lines.
    pub lines: Vec<LogLine>,
    /// Lines the node no longer had when they were asked for.
    pub missed: u64,
    /// What the node logs.
    pub level: Option<LogLevel>,
}

/// The connection to the node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    /// The first connection is being made.
    Connecting {
        /// Since when.
        since: Instant,
    },
    /// Connected.
    Live,
    /// Not connected; the last reading is kept.
    Lost {
        /// Since when.
        since: Instant,
        /// Why, in a few words. May hold text from outside.
        reason: String,
        /// When the next attempt starts; none while one is running.
        retry_at: Option<Instant>,
    },
}

/// What travels through the watch channel from the client of the node to the screen.
#[derive(Debug, Clone)]
pub struct FeedState {
    /// The connection.
    pub link: Link,
    /// The last reading; none before the first.
    pub reading: Option<Reading>,
    /// Its winning tickets.
    pub tickets: Part<TicketBook>,
    /// Its log.
    pub log: Part<LogBook>,
}

/// What of a node is not as it was.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct News {
    /// A reading came, or the connection changed.
    pub status: bool,
    /// Its winning tickets.
    pub tickets: bool,
    /// Its log.
    pub log: bool,
}

impl FeedState {
    /// What is not as it was in `before`.
    #[must_use]
    pub fn news(&self, before: &Self) -> News {
        let is_same = match (&self.reading, &before.reading) {
            (Some(one), Some(other)) => Arc::ptr_eq(&one.status, &other.status),
            (one, other) => one.is_none() && other.is_none(),
        };
        News {
            status: !is_same || self.link != before.link,
            tickets: !self.tickets.is_same(&before.tickets),
            log: !self.log.is_same(&before.log),
        }
    }

    /// Before anything is known.
    #[must_use]
    pub fn connecting(now: Instant) -> Self {
        Self {
            link: Link::Connecting { since: now },
            reading: None,
            tickets: Part::NotAsked,
            log: Part::NotAsked,
        }
    }

    /// Takes a reading in that has just arrived.
    pub fn take(&mut self, status: NodeStatus, go: Option<GoFacts>, now: Instant) {
        self.link = Link::Live;
        self.reading = Some(Reading {
            status: Arc::new(status),
            received: now,
            go: go.map(Arc::new),
        });
    }

    /// A reading has just arrived.
    #[must_use]
    pub fn live(status: NodeStatus, now: Instant) -> Self {
        let mut state = Self::connecting(now);
        state.take(status, None, now);
        state
    }

    /// How much the picture can be trusted at `now`.
    #[must_use]
    pub fn freshness(&self, now: Instant) -> Freshness {
        let age = self
            .reading
            .as_ref()
            .map(|reading| now.saturating_duration_since(reading.received));
        match (&self.link, age) {
            (Link::Lost { since, .. }, _) => Freshness::Lost {
                age: age.unwrap_or_else(|| now.saturating_duration_since(*since)),
            },
            (Link::Connecting { since }, _) => Freshness::Connecting {
                waited: now.saturating_duration_since(*since),
            },
            (Link::Live, Some(age)) if age >= STALE_AFTER => Freshness::Stale { age },
            (Link::Live, _) => Freshness::Live,
        }
    }

    /// When [`FeedState::freshness`], or words shown for it, next change by themselves. Alone on the screen a node shows the age
    /// of its reading and how long until the next attempt; among others only the age of what is old.
    #[must_use]
    pub fn next_change(&self, now: Instant, is_alone: bool) -> Option<Instant> {
        let age = |since: Instant| since + words::next_span(now.saturating_duration_since(since));
        match (&self.link, &self.reading) {
            (Link::Live, None) | (Link::Connecting { .. }, _) => None,
            (Link::Live, Some(reading)) => Some(match self.freshness(now) {
                Freshness::Live if !is_alone => reading.received + STALE_AFTER,
                _ => age(reading.received),
            }),
            (Link::Lost { since, retry_at, .. }, reading) => {
                let shown = age(reading.as_ref().map_or(*since, |reading| reading.received));
                // The seconds left go down just after each whole one.
                let left = retry_at.map(|at| (at, at.saturating_duration_since(now).as_secs()));
                let counted = left
                    .filter(|(_, seconds)| is_alone && *seconds > 0)
                    .and_then(|(at, seconds)| at.checked_sub(Duration::from_secs(seconds)))
                    .map(|at| at + Duration::from_millis(1));
                Some(counted.map_or(shown, |counted| counted.min(shown)))
            }
        }
    }
}

/// How much the picture can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// Nothing is known yet.
    Connecting {
        /// For how long.
        waited: Duration,
    },
    /// As new as the node makes it.
    Live,
    /// Connected, and silent for too long.
    Stale {
        /// Age of the last reading.
        age: Duration,
    },
    /// Not connected.
    Lost {
        /// Age of the last reading, or of the loss if there is none.
        age: Duration,
    },
}

impl Freshness {
    /// Whether what is shown may be old.
    #[must_use]
    pub fn is_old(self) -> bool {
        matches!(self, Self::Stale { .. } | Self::Lost { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    #[test]
    fn silence_makes_a_live_picture_stale_and_a_reading_makes_it_live_again() {
        let start = Instant::now();
        let feed = FeedState::live(fixtures::busy(), start);
        assert_eq!(feed.freshness(start), Freshness::Live);
        assert_eq!(
            feed.next_change(start, true),
            Some(start + Duration::from_secs(1)),
            "its age is shown, so it changes with the second"
        );
        assert_eq!(
            feed.next_change(start, false),
            Some(start + STALE_AFTER),
            "no age is shown before it is old"
        );
        let later = start + Duration::from_millis(12_300);
        assert_eq!(
            feed.freshness(later),
            Freshness::Stale {
                age: Duration::from_millis(12_300)
            }
        );
        assert_eq!(
            feed.next_change(later, true),
            Some(start + Duration::from_secs(13))
        );
        let hours_later = start + Duration::from_secs(7_250);
        assert_eq!(
            feed.next_change(hours_later, true),
            Some(start + Duration::from_secs(7_260)),
            "an age in hours and minutes changes with the minute"
        );
        assert_eq!(
            FeedState::live(fixtures::busy(), later).freshness(later),
            Freshness::Live
        );
    }

    #[test]
    fn a_lost_node_counts_from_its_last_reading() {
        let start = Instant::now();
        let mut feed = FeedState::live(fixtures::busy(), start);
        feed.link = Link::Lost {
            since: start + Duration::from_secs(4),
            reason: "connection refused".to_string(),
            retry_at: None,
        };
        let later = start + Duration::from_secs(10);
        assert_eq!(
            feed.freshness(later),
            Freshness::Lost {
                age: Duration::from_secs(10)
            }
        );
    }

    #[test]
    fn the_seconds_until_the_next_attempt_are_counted_down() {
        let start = Instant::now();
        let mut feed = FeedState::live(fixtures::busy(), start);
        feed.link = Link::Lost {
            since: start,
            reason: "connection refused".to_string(),
            retry_at: Some(start + Duration::from_millis(2_500)),
        };
        let next = feed.next_change(start, true);
        assert_eq!(next, Some(start + Duration::from_millis(501)));
        assert_eq!(
            feed.next_change(start, false),
            Some(start + Duration::from_secs(1))
        );
    }

    #[test]
    fn the_same_told_again_is_no_news() {
        let now = Instant::now();
        let mut feed = FeedState::live(fixtures::busy(), now);
        feed.log = Part::known(LogBook::default(), now);
        assert_eq!(feed.news(&feed.clone()), News::default());
        let mut newer = feed.clone();
        newer.take(fixtures::busy(), None, now + Duration::from_secs(1));
        newer.log = feed.log.failed("gone".to_string());
        let news = newer.news(&feed);
        assert!(news.status && news.log && !news.tickets);
    }
}
