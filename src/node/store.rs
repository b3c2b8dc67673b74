//! Renditions waiting to be downloaded, in memory (`go-tools drivers/local.go`): each directory of a session is a
//! ring of twelve objects, and all of them together are bounded in bytes.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;

/// Objects one directory holds; the oldest makes room (`go-tools drivers/local.go`).
pub(super) const RING: usize = 12;

/// The session is gone; nothing can be saved for it any more. The text travels to the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Session ended")]
pub(crate) struct SessionEnded;

/// What an object costs beyond its bytes: without it, endless tiny objects would be free.
const OVERHEAD: usize = 256;

struct Object {
    name: String,
    data: Bytes,
    saved: Instant,
    /// Counts up over all objects: the lowest is the oldest.
    age: u64,
    fetched: bool,
}

impl Object {
    fn cost(&self) -> usize {
        self.data.len() + self.name.len() + OVERHEAD
    }
}

#[derive(Default)]
struct Contents {
    sessions: HashMap<String, HashMap<String, VecDeque<Object>>>,
    bytes: usize,
    next_age: u64,
}

/// The renditions of all sessions.
pub(crate) struct Store {
    contents: Mutex<Contents>,
    max_bytes: usize,
}

impl Store {
    /// An empty store that holds at most so many bytes; beyond that the oldest objects go first.
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self {
            contents: Mutex::default(),
            max_bytes,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Contents> {
        // Nothing under the lock can leave it half-changed in a way that matters: bytes are recounted from objects.
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes room for a session's objects.
    pub(crate) fn open(&self, session: &str) {
        self.lock().sessions.entry(session.to_string()).or_default();
    }

    /// Drops a session's objects. Downloads under way finish.
    pub(crate) fn close(&self, session: &str) {
        let mut contents = self.lock();
        if let Some(directories) = contents.sessions.remove(session) {
            let freed: usize = directories.values().flatten().map(Object::cost).sum();
            contents.bytes -= freed;
        }
    }

    /// Saves an object under `session/directory/name`, replacing one of the same name.
    pub(crate) fn save(
        &self,
        session: &str,
        directory: &str,
        name: String,
        data: Bytes,
    ) -> Result<(), SessionEnded> {
        let mut contents = self.lock();
        let age = contents.next_age;
        let object = Object {
            name,
            data,
            saved: Instant::now(),
            age,
            fetched: false,
        };
        let added = object.cost();
        let ring = contents
            .sessions
            .get_mut(session)
            .ok_or(SessionEnded)?
            .entry(directory.to_string())
            .or_default();
        let mut freed = 0;
        if let Some(position) = ring.iter().position(|old| old.name == object.name)
            && let Some(old) = ring.remove(position)
        {
            freed += old.cost();
        }
        if ring.len() == RING
            && let Some(old) = ring.pop_front()
        {
            freed += old.cost();
        }
        ring.push_back(object);
        contents.next_age += 1;
        contents.bytes = contents.bytes + added - freed;
        while contents.bytes > self.max_bytes && contents.drop_oldest() {}
        Ok(())
    }

    /// Drops an object that nobody needs any more, unless another one has taken its name.
    pub(crate) fn withdraw(&self, session: &str, directory: &str, name: &str, data: &Bytes) {
        let mut contents = self.lock();
        let directories = contents.sessions.get_mut(session);
        let Some(ring) = directories.and_then(|directories| directories.get_mut(directory)) else {
            return;
        };
        let is_it = |object: &Object| object.name == name && object.data.as_ptr() == data.as_ptr();
        let Some(position) = ring.iter().position(is_it) else {
            return;
        };
        if let Some(object) = ring.remove(position) {
            contents.bytes -= object.cost();
        }
    }

    /// The object, if it is still there.
    pub(crate) fn fetch(&self, session: &str, directory: &str, name: &str) -> Option<Bytes> {
        let mut contents = self.lock();
        let ring = contents.sessions.get_mut(session)?.get_mut(directory)?;
        let object = ring.iter_mut().find(|object| object.name == name)?;
        object.fetched = true;
        Some(object.data.clone())
    }

    /// Whether an object saved within the last `window` was never asked for: somebody may be about to.
    pub(super) fn awaits_download(&self, window: Duration) -> bool {
        self.lock()
            .sessions
            .values()
            .flat_map(HashMap::values)
            .flatten()
            .any(|object| !object.fetched && object.saved.elapsed() < window)
    }
}

impl Contents {
    fn drop_oldest(&mut self) -> bool {
        let oldest = self
            .sessions
            .values_mut()
            .flat_map(|directories| {
                directories
                    .iter()
                    .filter_map(|(directory, ring)| Some((ring.front()?.age, directory.clone())))
                    .min()
                    .map(|(age, directory)| (age, directory, directories))
            })
            .min_by_key(|(age, ..)| *age);
        let Some((_, directory, directories)) = oldest else {
            return false;
        };
        let Some(ring) = directories.get_mut(&directory) else {
            return false;
        };
        if let Some(object) = ring.pop_front() {
            self.bytes -= object.cost();
        }
        if ring.is_empty() {
            directories.remove(&directory);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Store {
        /// The bytes there are, counted afresh.
        fn counted(&self) -> usize {
            let contents = self.lock();
            let directories = contents.sessions.values().flat_map(HashMap::values);
            directories.flatten().map(Object::cost).sum()
        }
    }

    fn save(store: &Store, directory: &str, name: &str, size: usize) {
        store
            .save("s", directory, name.to_string(), Bytes::from(vec![0; size]))
            .unwrap();
    }

    #[test]
    fn a_directory_keeps_the_twelve_newest() {
        let store = Store::new(usize::MAX);
        store.open("s");
        for seq in 0..13 {
            save(&store, "P720p", &format!("{seq}.ts"), 1);
        }
        save(&store, "P360p", "0.ts", 1);
        assert!(store.fetch("s", "P720p", "0.ts").is_none());
        assert!(store.fetch("s", "P720p", "1.ts").is_some());
        assert!(store.fetch("s", "P360p", "0.ts").is_some());
        // Replacing makes no room by throwing out another one.
        save(&store, "P720p", "5.ts", 3);
        assert!(store.fetch("s", "P720p", "1.ts").is_some());
        assert_eq!(store.fetch("s", "P720p", "5.ts").unwrap().len(), 3);
        assert_eq!(store.counted(), store.lock().bytes);
    }

    #[test]
    fn only_what_was_meant_is_withdrawn() {
        let store = Store::new(usize::MAX);
        store.open("s");
        let (first, second) = (Bytes::from(vec![1; 10]), Bytes::from(vec![2; 10]));
        for data in [&first, &second] {
            store
                .save("s", "", "0.tempfile".to_string(), data.clone())
                .unwrap();
        }
        store.withdraw("s", "", "0.tempfile", &first);
        assert_eq!(store.fetch("s", "", "0.tempfile"), Some(second.clone()));
        store.withdraw("s", "", "0.tempfile", &second);
        assert_eq!(store.fetch("s", "", "0.tempfile"), None);
        assert_eq!((store.counted(), store.lock().bytes), (0, 0));
        store.withdraw("nobody", "", "0.tempfile", &second);
    }

    #[test]
    fn the_oldest_make_room_when_bytes_run_out() {
        let store = Store::new(100_000);
        store.open("s");
        save(&store, "a", "0.ts", 60_000);
        save(&store, "b", "0.ts", 30_000);
        save(&store, "b", "1.ts", 30_000);
        assert!(store.fetch("s", "a", "0.ts").is_none());
        assert!(store.fetch("s", "b", "0.ts").is_some());
        assert_eq!(store.counted(), store.lock().bytes);
        assert!(store.lock().bytes > 60_000);
        // Names count too: directories without end do not fit either.
        for directory in 0..10_000 {
            save(&store, &directory.to_string(), "0.ts", 0);
        }
        assert!(store.lock().sessions["s"].len() <= 100_000 / OVERHEAD);
    }

    #[test]
    fn an_ended_session_holds_and_takes_nothing() {
        let store = Store::new(1000);
        store.open("s");
        save(&store, "a", "0.ts", 10);
        assert!(store.awaits_download(Duration::from_secs(60)));
        store.close("s");
        assert!(store.fetch("s", "a", "0.ts").is_none());
        assert_eq!(
            store.save("s", "a", "1.ts".into(), Bytes::new()),
            Err(SessionEnded)
        );
        assert_eq!(store.lock().bytes, 0);
        assert!(!store.awaits_download(Duration::from_secs(60)));
    }
}
