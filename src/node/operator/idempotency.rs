//! Answers that are given again: who repeats a write with the same key and the same body is told what came of it the
//! first time. Kept in memory: a node that was started again has forgotten them.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use axum::http::{HeaderValue, StatusCode};
use bytes::Bytes;

/// How long an answer is kept.
const LIFETIME: Duration = Duration::from_secs(6 * 3600);
/// Keys at once.
const MOST: usize = 1024;
/// Bytes of all answers together.
const MOST_BYTES: usize = 32 << 20;
/// An answer larger than this is not kept whole.
pub(super) const LARGEST: usize = 8 << 20;
/// Longest key.
const LONGEST_KEY: usize = 128;

/// What makes two requests the same.
pub(super) type Fingerprint = [u8; 32];

/// An answer as it went out.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub status: StatusCode,
    pub content_type: Option<HeaderValue>,
    pub body: Bytes,
}

/// What is known of a key.
#[derive(Debug)]
pub(super) enum Seen {
    /// Nothing: go on, and tell the ticket what came of it.
    New(Ticket),
    /// It was answered.
    Again(Kept),
    /// It was used for something else.
    Other,
    /// It is being carried out.
    Running,
    /// There is no room for another key: all are being carried out.
    Full,
}

/// Answers by key. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Replays(Arc<Mutex<Table>>);

#[derive(Debug, Default)]
struct Table {
    entries: HashMap<String, Entry>,
    /// Keys in the order they came.
    order: VecDeque<String>,
    bytes: usize,
}

#[derive(Debug)]
struct Entry {
    fingerprint: Fingerprint,
    since: Instant,
    answer: Option<Kept>,
}

/// A key can be used: 1 to 128 visible characters.
pub(super) fn is_key(text: &str) -> bool {
    !text.is_empty() && text.len() <= LONGEST_KEY && text.bytes().all(|byte| byte.is_ascii_graphic())
}

impl Replays {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks a key up, and takes it if it is new. `whose` keeps the keys of one apart from another's.
    pub(super) fn look(&self, whose: &str, key: &str, fingerprint: Fingerprint, now: Instant) -> Seen {
        let name = format!("{whose} {key}");
        let mut table = self.table();
        table.forget(now);
        if let Some(entry) = table.entries.get(&name) {
            return match &entry.answer {
                _ if entry.fingerprint != fingerprint => Seen::Other,
                Some(answer) => Seen::Again(answer.clone()),
                None => Seen::Running,
            };
        }
        if table.entries.len() >= MOST && !table.drop_oldest() {
            return Seen::Full;
        }
        table.order.push_back(name.clone());
        table.entries.insert(
            name.clone(),
            Entry {
                fingerprint,
                since: now,
                answer: None,
            },
        );
        Seen::New(Ticket {
            name,
            table: Arc::clone(&self.0),
            is_done: false,
        })
    }
}

impl Table {
    /// Forgets what is too old. What is being carried out stays.
    fn forget(&mut self, now: Instant) {
        while let Some(oldest) = self.order.front() {
            let is_over = self.entries.get(oldest).is_none_or(|entry| {
                entry.answer.is_some() && now.saturating_duration_since(entry.since) >= LIFETIME
            });
            if !is_over {
                return;
            }
            if let Some(name) = self.order.pop_front() {
                self.remove(&name);
            }
        }
    }

    fn remove(&mut self, name: &str) {
        if let Some(Entry {
            answer: Some(answer), ..
        }) = self.entries.remove(name)
        {
            self.bytes = self.bytes.saturating_sub(answer.body.len());
        }
    }

    /// Makes room: the oldest answer goes. False if there is none.
    fn drop_oldest(&mut self) -> bool {
        let answered = |name: &String| self.entries.get(name).is_none_or(|entry| entry.answer.is_some());
        let Some(place) = self.order.iter().position(answered) else {
            return false;
        };
        if let Some(name) = self.order.remove(place) {
            self.remove(&name);
        }
        true
    }
}

/// A key whose write is being carried out. Dropped without an answer, the key is free again.
#[derive(Debug)]
pub(super) struct Ticket {
    name: String,
    table: Arc<Mutex<Table>>,
    is_done: bool,
}

impl Ticket {
    /// Keeps what it was answered with.
    pub(super) fn answered(mut self, kept: Kept) {
        self.is_done = true;
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let length = kept.body.len();
        while table.bytes + length > MOST_BYTES && table.drop_oldest() {}
        if let Some(entry) = table.entries.get_mut(&self.name) {
            entry.answer = Some(kept);
            table.bytes += length;
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if !self.is_done {
            let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
            table.remove(&self.name);
            table.order.retain(|name| *name != self.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Fingerprint = [1; 32];

    fn kept(length: usize) -> Kept {
        Kept {
            status: StatusCode::OK,
            content_type: None,
            body: vec![0; length].into(),
        }
    }

    fn take(replays: &Replays, key: &str, now: Instant) -> Ticket {
        match replays.look("a", key, ONE, now) {
            Seen::New(ticket) => ticket,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_key_is_answered_once_and_then_the_same_again() {
        let (replays, now) = (Replays::default(), Instant::now());
        let ticket = take(&replays, "k", now);
        assert!(matches!(replays.look("a", "k", ONE, now), Seen::Running));
        assert!(
            matches!(replays.look("b", "k", ONE, now), Seen::New(_)),
            "somebody else's key"
        );
        ticket.answered(kept(3));
        assert!(matches!(replays.look("a", "k", ONE, now), Seen::Again(_)));
        assert!(matches!(replays.look("a", "k", [2; 32], now), Seen::Other));
        assert!(matches!(
            replays.look("a", "k", ONE, now + LIFETIME),
            Seen::New(_)
        ));
    }

    #[test]
    fn a_write_that_broke_off_frees_its_key() {
        let (replays, now) = (Replays::default(), Instant::now());
        drop(take(&replays, "k", now));
        drop(take(&replays, "k", now));
        assert!(replays.table().entries.is_empty() && replays.table().order.is_empty());
    }

    #[test]
    fn keys_and_bytes_are_bounded_and_what_runs_is_never_forgotten() {
        let (replays, now) = (Replays::default(), Instant::now());
        let running = take(&replays, "running", now);
        for number in 0..3000 {
            take(&replays, &number.to_string(), now).answered(kept(0));
        }
        assert_eq!(replays.table().entries.len(), MOST);
        for number in 0..9 {
            take(&replays, &format!("large{number}"), now).answered(kept(LARGEST));
        }
        assert!(replays.table().bytes <= MOST_BYTES);
        assert!(matches!(replays.look("a", "running", ONE, now), Seen::Running));
        drop(running);
        let _all: Vec<Ticket> = (0..MOST)
            .map(|number| take(&replays, &format!("r{number}"), now))
            .collect();
        assert!(matches!(replays.look("a", "more", ONE, now), Seen::Full));
    }

    #[test]
    fn keys_are_visible_and_short() {
        assert!(is_key("4f0c-77") && is_key(&"x".repeat(128)));
        assert!(!is_key("") && !is_key("a b") && !is_key("ü") && !is_key(&"x".repeat(129)));
    }
}
