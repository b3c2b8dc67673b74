//! The journal of sent transactions: a line before each is sent and one for its outcome, on disk at once.
//!
//! A line without outcome tells what a killed process may have sent, with the signed bytes. All processes of a user
//! write to the same file; each line is one call, made under a lock that lasts as long as that.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use alloy::primitives::{Address, Bytes, TxHash};
use jiff::Timestamp;
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use crate::units::Wei;

/// The file's name in the state folder.
pub const FILE_NAME: &str = "transactions.jsonl";

/// Past this the file is put aside as `.old` and a new one begun: some thousand transactions.
const MAX_BYTES: u64 = 4 << 20;

/// Longest wait for another process that is writing its line.
const TURN: Duration = Duration::from_secs(5);

/// What became of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Signed and about to be sent, or sent: it can be mined.
    Sending,
    /// Mined, and it worked.
    Mined,
    /// Not mined or failed: the error said which.
    Ended,
}

/// How a transaction ended that did not work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// It reached nobody.
    NotSent,
    /// It was mined and failed.
    Reverted,
    /// Another transaction with its nonce was mined.
    Replaced,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When it was written.
    pub time: Timestamp,
    /// What became of it.
    pub state: State,
    /// The transaction.
    pub hash: TxHash,
    /// The chain it is for.
    pub chain_id: u64,
    /// Which chain of that id, on networks that come and go: what the node says it is, or the hash of its first block.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub chain: Option<String>,
    /// Who sends it.
    pub from: Address,
    /// What the plan does, in one line.
    pub title: String,
    /// The step of the plan.
    pub step: String,
    /// Its nonce.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub nonce: Option<u64>,
    /// The signed bytes, to send them again.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub raw: Option<Bytes>,
    /// The process that sends it and waits for it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub owner: Option<String>,
    /// The transaction whose nonce it takes.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub replaces: Option<TxHash>,
    /// It only takes the nonce, so that nothing else does.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub cancels: bool,
    /// The block it is in.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub block: Option<u64>,
    /// What its gas cost, in wei.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cost_wei: Option<Wei>,
    /// How it ended, if it did not work.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ended: Option<Ending>,
    /// That in words.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error: Option<String>,
}

/// The journal in a state folder. Cheap to clone; clones share what was read.
#[derive(Debug, Clone)]
pub struct Journal(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    read: Mutex<Read>,
}

/// What was read of the file, and how far.
#[derive(Debug, Default)]
struct Read {
    file: Option<(u64, u64)>,
    to: u64,
    open: Vec<Entry>,
}

impl Journal {
    /// The journal of a state folder, which need not be there yet.
    #[must_use]
    pub fn new(state_dir: &Path) -> Self {
        Self(Arc::new(Inner {
            path: state_dir.join(FILE_NAME),
            read: Mutex::default(),
        }))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// Makes the folder and the file, private to their owner from the first byte.
    ///
    /// # Errors
    /// When they cannot be made or written.
    pub fn make(&self) -> io::Result<()> {
        if let Some(folder) = self.0.path.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        append(&self.0.path).map(drop)
    }

    /// Writes a line; when this returns it is on disk.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, entry: &Entry) -> io::Result<()> {
        let path = &self.0.path;
        let mut line = serde_json::to_vec(entry)?;
        line.push(b'\n');
        let _turn = turn(path)?;
        if fs::metadata(path).is_ok_and(|metadata| metadata.len() > MAX_BYTES) {
            rotate(path)?;
        }
        let mut file = append(path)?;
        // A line that a full disk cut off must not swallow the next one.
        if file.metadata()?.len() > 0 {
            let mut last = [0];
            file.seek(SeekFrom::End(-1))?;
            file.read_exact(&mut last)?;
            if last != *b"\n" {
                line.insert(0, b'\n');
            }
        }
        // One call: two processes' lines never mix.
        file.write_all(&line)?;
        file.sync_data()
    }

    /// Like [`Journal::write`], without holding up what else runs on this thread.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn record(&self, entry: Entry) -> io::Result<()> {
        let journal = self.clone();
        let written = tokio::task::spawn_blocking(move || journal.write(&entry)).await;
        written.unwrap_or_else(|error| Err(io::Error::other(error)))
    }

    /// Transactions without outcome, oldest first. Reads only what was written since the last time.
    ///
    /// # Errors
    /// When there is a journal that cannot be read.
    pub fn open_entries(&self) -> io::Result<Vec<Entry>> {
        let mut read = self.0.read.lock().unwrap_or_else(PoisonError::into_inner);
        let mut file = match File::open(&self.0.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                *read = Read::default();
                return Ok(Vec::new());
            }
            Err(error) => return Err(error),
        };
        let metadata = file.metadata()?;
        let identity = Some((metadata.dev(), metadata.ino()));
        if read.file != identity || metadata.len() < read.to {
            *read = Read {
                file: identity,
                ..Read::default()
            };
        }
        file.seek(SeekFrom::Start(read.to))?;
        let mut text = Vec::new();
        file.read_to_end(&mut text)?;
        // What has no end yet is being written.
        let whole = text
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |end| end + 1);
        read.to += u64::try_from(whole).unwrap_or_default();
        for entry in entries(&text[..whole]) {
            settle(&mut read.open, entry);
        }
        Ok(read.open.clone())
    }

    /// Every line there is, oldest first, those of the file put aside before.
    ///
    /// # Errors
    /// When there is a journal that cannot be read.
    pub fn history(&self) -> io::Result<Vec<Entry>> {
        let mut all = Vec::new();
        for path in [self.0.path.with_extension("jsonl.old"), self.0.path.clone()] {
            all.extend(entries(&read_if_there(&path)?));
        }
        Ok(all)
    }
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
}

/// The right to write, until it is dropped or the process dies.
fn turn(journal: &Path) -> io::Result<File> {
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(journal.with_extension("lock"))?;
    let begun = Instant::now();
    loop {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(file),
            Err(rustix::io::Errno::WOULDBLOCK | rustix::io::Errno::INTR) if begun.elapsed() < TURN => {
                std::thread::park_timeout(Duration::from_millis(2));
            }
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let waited = format!("another process has kept it locked for {} s", TURN.as_secs());
                return Err(io::Error::new(io::ErrorKind::WouldBlock, waited));
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// The lines of a text that are whole. Half a line comes from a disk that was full: then nothing was sent.
fn entries(text: &[u8]) -> impl Iterator<Item = Entry> {
    text.split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice(line).ok())
}

/// What is open after one more line.
fn settle(open: &mut Vec<Entry>, entry: Entry) {
    open.retain(|known| known.hash != entry.hash);
    if entry.state == State::Sending {
        open.push(entry);
    }
}

fn read_if_there(path: &Path) -> io::Result<Vec<u8>> {
    match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        other => other,
    }
}

/// Begins a new file with the lines that have no outcome yet; the old one stays beside it. The name always leads to
/// one of them.
fn rotate(path: &Path) -> io::Result<()> {
    let (old, new) = (path.with_extension("jsonl.old"), path.with_extension("jsonl.new"));
    for stale in [&old, &new] {
        match fs::remove_file(stale) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    let mut open = Vec::new();
    for entry in entries(&read_if_there(path)?) {
        settle(&mut open, entry);
    }
    let mut carried = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&new)?;
    for entry in &open {
        let mut line = serde_json::to_vec(entry)?;
        line.push(b'\n');
        carried.write_all(&line)?;
    }
    carried.sync_data()?;
    fs::hard_link(path, &old)?;
    fs::rename(&new, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(state: State, number: u8) -> Entry {
        Entry {
            time: Timestamp::UNIX_EPOCH,
            state,
            hash: TxHash::repeat_byte(number),
            chain_id: 31337,
            chain: None,
            from: Address::repeat_byte(1),
            title: "bond 1 LPT".to_string(),
            step: "bond".to_string(),
            nonce: (state == State::Sending).then_some(u64::from(number)),
            raw: None,
            owner: None,
            replaces: None,
            cancels: false,
            block: None,
            cost_wei: None,
            ended: None,
            error: None,
        }
    }

    fn numbers(entries: &[Entry]) -> Vec<u8> {
        entries.iter().map(|entry| entry.hash[0]).collect()
    }

    #[test]
    fn lines_without_outcome_are_found_and_outlive_rotation() {
        let directory = tempfile::tempdir().unwrap();
        let state_dir = directory.path().join("state");
        let journal = Journal::new(&state_dir);
        // One that reads on, and one that begins anew each time, must agree.
        let found = || {
            let fresh = Journal::new(&state_dir).open_entries().unwrap();
            assert_eq!(journal.open_entries().unwrap(), fresh);
            numbers(&fresh)
        };
        assert!(found().is_empty(), "no journal yet");

        journal.make().unwrap();
        for (state, number) in [
            (State::Sending, 1),
            (State::Mined, 1),
            (State::Sending, 2),
            (State::Sending, 3),
            (State::Ended, 3),
            (State::Sending, 4),
        ] {
            journal.write(&entry(state, number)).unwrap();
        }
        assert_eq!(found(), [2, 4]);

        // Cut off in the middle of a line, and too long.
        let mut file = OpenOptions::new().append(true).open(journal.path()).unwrap();
        let padding = usize::try_from(MAX_BYTES).unwrap();
        file.write_all(&vec![b'x'; padding]).unwrap();
        drop(file);
        assert_eq!(found(), [2, 4]);
        journal.write(&entry(State::Sending, 5)).unwrap();
        assert!(fs::metadata(journal.path()).unwrap().len() < MAX_BYTES);
        assert_eq!(found(), [2, 4, 5]);
        journal.write(&entry(State::Ended, 2)).unwrap();
        assert_eq!(found(), [4, 5]);
        // The file put aside still tells of all of them.
        assert_eq!(
            numbers(&journal.history().unwrap()),
            [1, 1, 2, 3, 3, 4, 2, 4, 5, 2]
        );

        let mut file = OpenOptions::new().append(true).open(journal.path()).unwrap();
        file.write_all(b"{\"time\":").unwrap();
        drop(file);
        journal.write(&entry(State::Sending, 6)).unwrap();
        assert_eq!(found(), [4, 5, 6]);
    }

    #[test]
    fn two_writers_at_once_lose_no_line_while_the_file_is_put_aside() {
        let directory = tempfile::tempdir().unwrap();
        let journal = Journal::new(directory.path());
        journal.make().unwrap();
        let mut file = OpenOptions::new().append(true).open(journal.path()).unwrap();
        file.write_all(&vec![b'x'; usize::try_from(MAX_BYTES).unwrap() - 2000])
            .unwrap();
        drop(file);
        std::thread::scope(|scope| {
            for writer in 0..2_u8 {
                let journal = Journal::new(directory.path());
                scope.spawn(move || {
                    for number in 0..20 {
                        journal
                            .write(&entry(State::Sending, writer * 100 + number))
                            .unwrap();
                    }
                });
            }
        });
        assert_eq!(journal.open_entries().unwrap().len(), 40);
        assert!(journal.path().with_extension("jsonl.old").exists());
    }

    #[test]
    fn lines_of_earlier_versions_are_still_read() {
        let line = r#"{"time":"2026-01-02T03:04:05Z","state":"sending","hash":"0x0101010101010101010101010101010101010101010101010101010101010101","chain_id":42161,"from":"0x70997970C51812dc3A010C7d01b50e0d17dc79C8","title":"call reward","step":"reward","nonce":7,"raw":"0x02"}"#;
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join(FILE_NAME), format!("{line}\n")).unwrap();
        let open = Journal::new(directory.path()).open_entries().unwrap();
        assert_eq!((open[0].nonce, open[0].chain_id), (Some(7), 42161));
    }
}
