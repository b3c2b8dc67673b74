//! API keys: who may send streams, which, and how much. The file holds hashes; keys are random, so that a plain hash
//! is enough, and a key cannot be got back from the file.

use std::{
    fmt,
    hint::black_box,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use serde::Deserialize;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// How every key begins, so that leaked ones can be found.
const KEY_PREFIX: &str = "lpk_";
/// How a hash begins in the file.
const HASH_PREFIX: &str = "sha256:";
/// Longest text that is taken for a key.
const LONGEST_KEY: usize = 256;
/// Most keys of a file.
const MOST_KEYS: usize = 10_000;
/// A limit by the second allows so many seconds' worth at once.
const BURST_SECONDS: u64 = 10;

/// Why a text is no file of keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyFileError {
    /// Not TOML, or not of this form. Does not repeat the line.
    #[error("line {line}: {reason}")]
    Syntax {
        /// Line it was found at, from 1.
        line: usize,
        /// What was not understood.
        reason: String,
    },
    /// No `[[key]]` in it: nobody could send anything.
    #[error("it has no [[key]]")]
    Empty,
    /// More keys than are looked through for each segment.
    #[error("it has {0} keys, {MOST_KEYS} are the most")]
    TooMany(usize),
    /// A hash nobody can have a key for.
    #[error("the hash of key `{0}` is not `{HASH_PREFIX}` and 64 hexadecimal digits")]
    Hash(String),
    /// Two keys with one name, or one hash.
    #[error("two keys are named `{0}`, or have the same hash")]
    Twice(String),
}

/// Why a stream is not taken. The texts travel to whoever sends it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyRefusal {
    /// No key was given.
    #[error("an API key is needed: send `Authorization: Bearer KEY`")]
    Missing,
    /// The key is none of ours.
    #[error("the API key is not known")]
    Unknown,
    /// The key is for other streams.
    #[error("this API key is for streams whose names begin with `{0}`")]
    Prefix(String),
    /// The key is another one than the stream began with.
    #[error("the stream belongs to another API key")]
    OtherKey,
    /// The key has as many streams as it may.
    #[error("this API key may send {0} streams at once, and does")]
    Streams(u32),
    /// The key has used up its pixels.
    #[error("this API key has used up its pixels; try again in {} s", .0.as_secs().max(1))]
    Pixels(Duration),
}

/// A new key and the hash for the file.
#[must_use]
pub fn new_key() -> (Zeroizing<String>, String) {
    let random = Zeroizing::new(rand::random::<[u8; 32]>());
    let key = Zeroizing::new(format!("{KEY_PREFIX}{}", hex::encode(*random)));
    let hash = format!("{HASH_PREFIX}{}", hex::encode(Sha256::digest(key.as_bytes())));
    (key, hash)
}

/// The keys of a file. Cheap to clone.
#[derive(Clone)]
pub struct KeyRing(Arc<[Arc<Key>]>);

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyRing({} keys)", self.0.len())
    }
}

/// One key, without the key.
pub(super) struct Key {
    pub name: String,
    hash: [u8; 32],
    prefix: String,
    max_streams: Option<u32>,
    streams: AtomicU32,
    budgets: Mutex<Vec<Budget>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenFile {
    #[serde(default)]
    key: Vec<WrittenKey>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenKey {
    name: String,
    hash: String,
    #[serde(default)]
    manifest_prefix: String,
    max_streams: Option<u32>,
    max_pixels_per_second: Option<u64>,
    max_pixels_per_day: Option<u64>,
}

/// What the parser says, but for the value it does not like: that may be a key.
fn without_values(message: &str) -> &str {
    match message.starts_with("invalid type") || message.starts_with("invalid value") {
        true => "a value of the wrong kind",
        false => message,
    }
}

impl KeyRing {
    /// Reads a file's text.
    ///
    /// # Errors
    /// See [`KeyFileError`].
    pub fn parse(text: &str) -> Result<Self, KeyFileError> {
        let file: WrittenFile = toml::from_str(text).map_err(|error| {
            let offset = error.span().map_or(0, |span| span.start);
            KeyFileError::Syntax {
                line: text.bytes().take(offset).filter(|&byte| byte == b'\n').count() + 1,
                reason: without_values(error.message()).to_string(),
            }
        })?;
        match file.key.len() {
            0 => return Err(KeyFileError::Empty),
            1..=MOST_KEYS => {}
            more => return Err(KeyFileError::TooMany(more)),
        }
        let mut keys: Vec<Arc<Key>> = Vec::with_capacity(file.key.len());
        for written in file.key {
            let name = written.name.clone();
            let key = Key::read(written).ok_or_else(|| KeyFileError::Hash(name.escape_debug().collect()))?;
            if keys
                .iter()
                .any(|other| other.name == key.name || other.hash == key.hash)
            {
                return Err(KeyFileError::Twice(name.escape_debug().collect()));
            }
            keys.push(Arc::new(key));
        }
        Ok(Self(keys.into()))
    }

    /// How many keys there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The key a text is, compared with all of them in the same time.
    pub(super) fn find(&self, key: Option<&str>) -> Result<Arc<Key>, KeyRefusal> {
        let key = key.ok_or(KeyRefusal::Missing)?;
        if key.len() > LONGEST_KEY {
            return Err(KeyRefusal::Unknown);
        }
        let hash: [u8; 32] = Sha256::digest(key.as_bytes()).into();
        let mut found = None;
        for known in self.0.iter() {
            if is_same(&known.hash, &hash) {
                found = Some(known);
            }
        }
        found.cloned().ok_or(KeyRefusal::Unknown)
    }
}

/// Whether two hashes are equal, in a time that does not depend on where they differ.
fn is_same(one: &[u8; 32], other: &[u8; 32]) -> bool {
    let difference = one.iter().zip(other).fold(0, |sum, (a, b)| sum | (a ^ b));
    black_box(difference) == 0
}

impl Key {
    fn read(written: WrittenKey) -> Option<Self> {
        let mut hash = [0; 32];
        hex::decode_to_slice(written.hash.strip_prefix(HASH_PREFIX)?, &mut hash).ok()?;
        let second = written.max_pixels_per_second.map(|pixels| {
            let burst = pixels.saturating_mul(BURST_SECONDS);
            Budget::new(burst, Duration::from_secs(BURST_SECONDS))
        });
        let day = written
            .max_pixels_per_day
            .map(|pixels| Budget::new(pixels, Duration::from_secs(24 * 60 * 60)));
        Some(Self {
            name: written.name,
            hash,
            prefix: written.manifest_prefix,
            max_streams: written.max_streams,
            streams: AtomicU32::new(0),
            budgets: Mutex::new(second.into_iter().chain(day).collect()),
        })
    }

    /// Whether the key is for a stream of this name.
    pub(super) fn admits(&self, manifest: &str) -> Result<(), KeyRefusal> {
        match manifest.starts_with(&self.prefix) {
            true => Ok(()),
            false => Err(KeyRefusal::Prefix(self.prefix.clone())),
        }
    }

    /// Whether a further segment may be worked on.
    pub(super) fn has_pixels(&self) -> Result<(), KeyRefusal> {
        let now = Instant::now();
        let mut budgets = self.budgets.lock().unwrap_or_else(PoisonError::into_inner);
        let waits = budgets.iter_mut().filter_map(|budget| budget.wait(now));
        match waits.max() {
            Some(wait) => Err(KeyRefusal::Pixels(wait)),
            None => Ok(()),
        }
    }

    /// So many pixels were made for it.
    pub(super) fn spend(&self, pixels: u64) {
        let now = Instant::now();
        let mut budgets = self.budgets.lock().unwrap_or_else(PoisonError::into_inner);
        for budget in budgets.iter_mut() {
            budget.spend(pixels, now);
        }
    }

    /// A place for a further stream.
    pub(super) fn open_stream(self: &Arc<Self>) -> Result<KeyedStream, KeyRefusal> {
        let most = self.max_streams.unwrap_or(u32::MAX);
        self.streams
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |open| {
                (open < most).then(|| open + 1)
            })
            .map_err(|_| KeyRefusal::Streams(most))?;
        Ok(KeyedStream(Arc::clone(self)))
    }
}

/// A stream counted against its key, until this is dropped.
pub(super) struct KeyedStream(Arc<Key>);

impl KeyedStream {
    pub(super) fn key(&self) -> &Arc<Key> {
        &self.0
    }
}

impl Drop for KeyedStream {
    fn drop(&mut self) {
        self.0.streams.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Pixels that come back evenly over a period. What a segment really cost is known only afterwards, so the level may
/// fall below zero; then nothing more is taken until it is made up for.
#[derive(Debug)]
struct Budget {
    most: u64,
    period: Duration,
    /// In pixels × nanoseconds of the period: whole numbers whatever the time that passed.
    level: i128,
    looked: Instant,
}

impl Budget {
    fn new(most: u64, period: Duration) -> Self {
        Self {
            most,
            period,
            level: i128::from(most) * nanos(period),
            looked: Instant::now(),
        }
    }

    fn refill(&mut self, now: Instant) {
        let passed = nanos(now.saturating_duration_since(self.looked));
        let full = i128::from(self.most) * nanos(self.period);
        self.level = (self.level + i128::from(self.most).saturating_mul(passed)).min(full);
        self.looked = now;
    }

    fn spend(&mut self, pixels: u64, now: Instant) {
        self.refill(now);
        self.level = self
            .level
            .saturating_sub(i128::from(pixels).saturating_mul(nanos(self.period)));
    }

    /// How long nothing more is taken.
    fn wait(&mut self, now: Instant) -> Option<Duration> {
        self.refill(now);
        if self.level > 0 {
            return None;
        }
        let nanos = (-self.level / i128::from(self.most.max(1))).saturating_add(1);
        Some(Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)))
    }
}

fn nanos(duration: Duration) -> i128 {
    i128::try_from(duration.as_nanos()).unwrap_or(i128::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(more: &str) -> (KeyRing, Zeroizing<String>) {
        let (key, hash) = new_key();
        let text = format!("[[key]]\nname = \"studio\"\nhash = \"{hash}\"\n{more}\n");
        (KeyRing::parse(&text).unwrap(), key)
    }

    #[test]
    fn only_the_key_itself_is_found() {
        let (ring, key) = ring("");
        assert_eq!(ring.find(Some(&key)).unwrap().name, "studio");
        let (other, _) = new_key();
        let long = "x".repeat(LONGEST_KEY + 1);
        for wrong in ["", "lpk_", &key[..67], &format!("{}0", *key), &other, &long] {
            assert_eq!(ring.find(Some(wrong)).err(), Some(KeyRefusal::Unknown));
        }
        assert_eq!(ring.find(None).err(), Some(KeyRefusal::Missing));
        assert!(!format!("{ring:?}").contains("studio"));
    }

    #[test]
    fn a_key_is_for_its_prefix_and_its_number_of_streams() {
        let (ring, key) = ring("manifest_prefix = \"studio-\"\nmax_streams = 2");
        let key = ring.find(Some(&key)).unwrap();
        assert_eq!(key.admits("studio-1"), Ok(()));
        assert_eq!(key.admits("other"), Err(KeyRefusal::Prefix("studio-".into())));
        let first = key.open_stream().unwrap();
        let _second = key.open_stream().unwrap();
        assert_eq!(key.open_stream().err(), Some(KeyRefusal::Streams(2)));
        drop(first);
        assert!(key.open_stream().is_ok());
    }

    #[test]
    fn pixels_run_out_and_come_back() {
        let second = Duration::from_secs(1);
        let mut budget = Budget::new(1000, 10 * second);
        let start = budget.looked;
        assert_eq!(budget.wait(start), None);
        budget.spend(999, start);
        assert_eq!(budget.wait(start), None);
        // The segment that goes over is still paid for whole.
        budget.spend(101, start);
        let wait = budget.wait(start).unwrap();
        assert!(
            wait > second && wait < second + Duration::from_millis(1),
            "{wait:?}"
        );
        assert_eq!(budget.wait(start + wait), None);
        // What is not used does not pile up.
        budget.refill(start + 1000 * second);
        assert_eq!(budget.level, 1000 * nanos(10 * second));
    }

    #[test]
    fn a_key_without_pixels_left_is_refused() {
        let (ring, key) = ring("max_pixels_per_second = 10\nmax_pixels_per_day = 1000");
        let key = ring.find(Some(&key)).unwrap();
        assert_eq!(key.has_pixels(), Ok(()));
        key.spend(150);
        assert!(matches!(key.has_pixels(), Err(KeyRefusal::Pixels(_))));
    }

    #[test]
    fn what_is_no_file_of_keys_is_told_why() {
        let (_, hash) = new_key();
        let key = |name: &str, hash: &str| format!("[[key]]\nname = \"{name}\"\nhash = \"{hash}\"\n");
        let error = |text: &str| KeyRing::parse(text).unwrap_err();
        assert_eq!(error(""), KeyFileError::Empty);
        assert_eq!(error(&key("a", "sha256:00")), KeyFileError::Hash("a".into()));
        assert_eq!(
            error(&(key("a", &hash) + &key("b", &hash))),
            KeyFileError::Twice("b".into())
        );
        let wrong = error(&(key("a", &hash) + "max_stream = 1\n"));
        assert!(
            wrong
                .to_string()
                .starts_with("line 4: unknown field `max_stream`"),
            "{wrong}"
        );
        for text in [
            "hash = \"lpk_SECRET\"",
            "key = \"lpk_SECRET\"",
            "[[key]]\nname = [\"lpk_SECRET\"]",
        ] {
            assert!(!error(text).to_string().contains("SECRET"), "{}", error(text));
        }
    }
}
