//! One node that is watched: what it said, its past, and how it is looked at.

use std::time::{Duration, Instant};

use crate::{
    feed::{FeedState, Freshness, News},
    history::History,
    panels::Panels,
    words,
};

/// A picture that is held while the node goes on.
#[derive(Debug)]
struct Held {
    feed: FeedState,
    history: History,
    since: Instant,
}

/// One node.
#[derive(Debug)]
pub struct Watched {
    /// The newest that is known of it.
    pub feed: FeedState,
    history: History,
    held: Option<Held>,
    /// How its lists are looked at.
    pub panels: Panels,
}

impl Watched {
    /// Nothing is known yet.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self {
            feed: FeedState::connecting(now),
            history: History::default(),
            held: None,
            panels: Panels::default(),
        }
    }

    /// Takes in what the node said, or that it is gone. Says what of it is new.
    pub fn take(&mut self, feed: FeedState) -> News {
        let is_new = match (&feed.reading, &self.feed.reading) {
            (Some(new), Some(old)) => new.received != old.received,
            (Some(_), None) => true,
            (None, _) => false,
        };
        let news = feed.news(&self.feed);
        self.feed = feed;
        if let (true, Some(reading)) = (is_new, &self.feed.reading) {
            self.history.record(&reading.status, reading.received);
        }
        news
    }

    /// Holds the picture, or lets it go on. Readings are kept either way.
    pub fn toggle_hold(&mut self, now: Instant) {
        self.held = match self.held {
            Some(_) => None,
            None => Some(Held {
                feed: self.feed.clone(),
                history: self.history.clone(),
                since: now,
            }),
        };
    }

    /// What is shown: what is held, else the newest.
    #[must_use]
    pub fn shown(&self) -> (&FeedState, &History) {
        match &self.held {
            Some(held) => (&held.feed, &held.history),
            None => (&self.feed, &self.history),
        }
    }

    /// Whether the picture is held.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.held.is_some()
    }

    /// For how long the picture has been held.
    #[must_use]
    pub fn held_for(&self, now: Instant) -> Option<Duration> {
        let since = self.held.as_ref()?.since;
        Some(now.saturating_duration_since(since))
    }

    /// How much what is shown can be trusted: a held picture as much as when it was taken.
    #[must_use]
    pub fn freshness(&self, now: Instant) -> Freshness {
        match &self.held {
            Some(held) => held.feed.freshness(held.since),
            None => self.feed.freshness(now),
        }
    }

    /// When words on its picture next change by themselves: for how long it is held, or its age.
    #[must_use]
    pub fn next_change(&self, now: Instant) -> Option<Instant> {
        match &self.held {
            Some(held) => Some(held.since + words::next_span(now.saturating_duration_since(held.since))),
            None => self.feed.next_change(now, true),
        }
    }
}
