//! The journal of sent transactions: a line before each is sent and one for its outcome, on disk at once.
//!
//! Whoever finds a line without outcome knows what a killed process may have sent, and has the signed bytes.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
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
            fs::rename(&path, path.with_extension("jsonl.old"))?;
        }
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&path)?;
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
