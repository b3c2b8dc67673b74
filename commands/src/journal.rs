//! The journal of sent transactions: a line before each is sent and one for its outcome, on disk at once.
//!
//! A line without outcome tells what a killed process may have sent, with the signed bytes: [`outstanding`] finds those.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use alloy::primitives::{Address, Bytes, TxHash};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The file's name in the state folder.
pub const FILE_NAME: &str = "transactions.jsonl";

/// Past this the file is put aside as `.old` and a new one begun: some thousand transactions.
const MAX_BYTES: u64 = 4 << 20;

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
    /// How it failed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error: Option<String>,
}

/// The open journal.
#[derive(Debug)]
pub struct Journal {
    file: File,
    path: PathBuf,
}

impl Journal {
    /// Opens it for writing, private to its owner from the first byte.
    ///
    /// # Errors
    /// When the folder or the file cannot be made or written.
    pub fn open(state_dir: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(state_dir)?;
        let path = state_dir.join(FILE_NAME);
        if fs::metadata(&path).is_ok_and(|metadata| metadata.len() > MAX_BYTES) {
            rotate(&path)?;
        }
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&path)?;
        // A line that a full disk cut off must not swallow the next one.
        if file.metadata()?.len() > 0 {
            let mut last = [0];
            file.seek(SeekFrom::End(-1))?;
            file.read_exact(&mut last)?;
            if last != *b"\n" {
                file.write_all(b"\n")?;
            }
        }
        Ok(Self { file, path })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a line; when this returns it is on disk.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&mut self, entry: &Entry) -> io::Result<()> {
        let mut line = serde_json::to_vec(entry)?;
        line.push(b'\n');
        // One call: two processes' lines never mix.
        self.file.write_all(&line)?;
        self.file.sync_data()
    }
}

/// Transactions of `from` that were written down as being sent and have no outcome yet, oldest first. Those below
/// `mined_nonce` have one, whether anybody saw it or not: their nonce is used.
///
/// # Errors
/// When there is a journal that cannot be read.
pub fn outstanding(
    state_dir: &Path,
    chain_id: u64,
    from: Address,
    mined_nonce: u64,
) -> io::Result<Vec<Entry>> {
    let mut entries = without_outcome(&state_dir.join(FILE_NAME))?;
    entries.retain(|entry| {
        entry.chain_id == chain_id
            && entry.from == from
            && entry.nonce.is_none_or(|nonce| nonce >= mined_nonce)
    });
    Ok(entries)
}

fn without_outcome(path: &Path) -> io::Result<Vec<Entry>> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut open: Vec<Entry> = Vec::new();
    for line in text.split(|byte| *byte == b'\n') {
        // Half a line comes from a disk that was full: then nothing was sent.
        let Ok(entry) = serde_json::from_slice::<Entry>(line) else {
            continue;
        };
        open.retain(|known| known.hash != entry.hash);
        if entry.state == State::Sending {
            open.push(entry);
        }
    }
    Ok(open)
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
    let open = without_outcome(path)?;
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&new)?;
    let mut carried = Journal { file, path: new };
    for entry in &open {
        carried.write(entry)?;
    }
    fs::hard_link(path, &old)?;
    fs::rename(&carried.path, path)
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
            from: Address::repeat_byte(1),
            title: "bond 1 LPT".to_string(),
            step: "bond".to_string(),
            nonce: (state == State::Sending).then_some(u64::from(number)),
            raw: None,
            error: None,
        }
    }

    #[test]
    fn lines_without_outcome_are_found_and_outlive_rotation() {
        let directory = tempfile::tempdir().unwrap();
        let state_dir = directory.path().join("state");
        let found = |mined_nonce| -> Vec<u8> {
            outstanding(&state_dir, 31337, Address::repeat_byte(1), mined_nonce)
                .unwrap()
                .iter()
                .map(|entry| entry.hash[0])
                .collect()
        };
        assert!(found(0).is_empty(), "no journal yet");

        let mut journal = Journal::open(&state_dir).unwrap();
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
        let elsewhere = Entry {
            chain_id: 1,
            ..entry(State::Sending, 5)
        };
        journal.write(&elsewhere).unwrap();
        assert_eq!(found(0), [2, 4]);
        assert_eq!(found(3), [4], "a used nonce has an outcome");

        // Cut off in the middle of a line, and too long.
        let path = journal.path().to_path_buf();
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        let padding = usize::try_from(MAX_BYTES).unwrap();
        file.write_all(&vec![b'x'; padding]).unwrap();
        drop(file);
        let mut journal = Journal::open(&state_dir).unwrap();
        assert!(fs::metadata(&path).unwrap().len() < MAX_BYTES);
        assert_eq!(found(0), [2, 4]);
        journal.write(&entry(State::Ended, 2)).unwrap();
        assert_eq!(found(0), [4]);

        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"{\"time\":").unwrap();
        drop(file);
        let mut journal = Journal::open(&state_dir).unwrap();
        journal.write(&entry(State::Sending, 6)).unwrap();
        assert_eq!(found(0), [4, 6]);
    }
}
