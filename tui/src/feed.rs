//! What the dashboard is fed with: the node's last reading, and how the connection to the node is doing.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use engine::view::node::NodeStatus;

/// A node reports at least every five seconds. Silence beyond this makes the picture stale.
pub const STALE_AFTER: Duration = Duration::from_secs(7);

/// One status of the node, and when it arrived here.
#[derive(Debug, Clone)]
pub struct Reading {
    /// What the node said.
    pub status: Arc<NodeStatus>,
    /// When it arrived.
    pub received: Instant,
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
}

impl FeedState {
    /// Before anything is known.
    #[must_use]
    pub fn connecting(now: Instant) -> Self {
        Self {
            link: Link::Connecting { since: now },
            reading: None,
        }
    }

    /// A reading has just arrived.
    #[must_use]
    pub fn live(status: NodeStatus, now: Instant) -> Self {
        Self {
            link: Link::Live,
            reading: Some(Reading {
                status: Arc::new(status),
                received: now,
            }),
        }
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

    /// When [`FeedState::freshness`], or an age shown for it, next changes by itself; none while all is well for good.
    #[must_use]
    pub fn next_change(&self, now: Instant) -> Option<Instant> {
        let next_second = |since: Instant| {
            let age = now.saturating_duration_since(since);
            since + Duration::from_secs(age.as_secs() + 1)
        };
        match (&self.link, &self.reading) {
            (Link::Live, None) => None,
            (Link::Live, Some(reading)) if now < reading.received + STALE_AFTER => {
                Some(reading.received + STALE_AFTER)
            }
            (Link::Live | Link::Lost { .. }, Some(reading)) => Some(next_second(reading.received)),
            (Link::Lost { since, .. } | Link::Connecting { since }, _) => Some(next_second(*since)),
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
        assert_eq!(feed.next_change(start), Some(start + STALE_AFTER));
        let later = start + Duration::from_millis(12_300);
        assert_eq!(
            feed.freshness(later),
            Freshness::Stale {
                age: Duration::from_millis(12_300)
            }
        );
        assert_eq!(feed.next_change(later), Some(start + Duration::from_secs(13)));
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
}
