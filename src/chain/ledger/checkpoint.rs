//! Logs that were read, kept line by line: a header, then a line for each range of blocks. What was half written when
//! the power went is left out; whatever does not fit what is asked for is begun anew.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    path::{Path, PathBuf},
};

use alloy::primitives::{Address, B256};
use serde::{Deserialize, Serialize};

use super::events::Kept;
use crate::private_file;

/// A file larger than this is none of ours.
const MOST_BYTES: u64 = 512 << 20;

/// Logs in one line after it was written anew: short lines of a long following become a few.
const LINE: usize = 1000;

/// What a checkpoint is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::chain) struct Mark {
    pub(in crate::chain) chain_id: u64,
    pub(in crate::chain) controller: Address,
    pub(in crate::chain) account: Address,
    /// The first block read.
    pub(in crate::chain) from: u64,
}

/// One range that was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Line {
    /// Its last block.
    to: u64,
    /// The hash of that block.
    hash: B256,
    logs: Vec<Kept>,
}

/// The file, and what is in it.
#[derive(Debug)]
pub(in crate::chain) struct Checkpoint {
    path: PathBuf,
    mark: Mark,
    lines: Vec<Line>,
    last: Option<(u64, B256)>,
}

impl Checkpoint {
    /// What is kept for this mark, or for one that begins earlier; none if there is nothing of use.
    pub(in crate::chain) fn find(path: &Path, wanted: &Mark) -> Option<Self> {
        let file = File::open(path).ok()?;
        if !file.metadata().ok()?.is_file() {
            return None;
        }
        let mut texts = BufReader::new(file.take(MOST_BYTES)).lines();
        let mark: Mark = serde_json::from_str(&texts.next()?.ok()?).ok()?;
        let is_the_same = Mark {
            from: wanted.from,
            ..mark.clone()
        } == *wanted;
        let lines: Vec<Line> = texts
            .map_while(|text| serde_json::from_str(&text.ok()?).ok())
            .collect();
        let last = lines.last().map(|line: &Line| (line.to, line.hash));
        let is_in_order = lines.is_sorted_by(|one, other| one.to < other.to);
        let is_of_use = last.is_some_and(|(block, _)| block >= wanted.from);
        (is_the_same && mark.from <= wanted.from && is_in_order && is_of_use).then(|| Self {
            path: path.to_path_buf(),
            mark,
            lines,
            last,
        })
    }

    /// A new one in place of whatever is there.
    ///
    /// # Errors
    /// The system's.
    pub(in crate::chain) fn begin(path: PathBuf, mark: Mark) -> io::Result<Self> {
        let checkpoint = Self {
            path,
            mark,
            lines: Vec::new(),
            last: None,
        };
        checkpoint.rewritten()
    }

    /// The file with what was understood of it, in few lines, so that the next one begins where a line should.
    ///
    /// # Errors
    /// The system's.
    pub(in crate::chain) fn rewritten(mut self) -> io::Result<Self> {
        let mut lines: Vec<Line> = Vec::new();
        for line in std::mem::take(&mut self.lines) {
            match lines.last_mut() {
                Some(before) if before.logs.len() + line.logs.len() <= LINE => {
                    before.to = line.to;
                    before.hash = line.hash;
                    before.logs.extend(line.logs);
                }
                _ => lines.push(line),
            }
        }
        self.lines = lines;
        let mut text = serde_json::to_string(&self.mark)?;
        text.push('\n');
        for line in &self.lines {
            text.push_str(&serde_json::to_string(line)?);
            text.push('\n');
        }
        if let Some(folder) = self.path.parent() {
            private_file::make_directory(folder)?;
        }
        private_file::replace(&self.path, text)?;
        Ok(self)
    }

    /// The last block read, and its hash.
    pub(in crate::chain) fn last(&self) -> Option<(u64, B256)> {
        self.last
    }

    pub(in crate::chain) fn path(&self) -> &Path {
        &self.path
    }

    /// The logs it holds, once.
    pub(in crate::chain) fn take_logs(&mut self) -> Vec<Kept> {
        std::mem::take(&mut self.lines)
            .into_iter()
            .flat_map(|line| line.logs)
            .collect()
    }

    /// Keeps one more range.
    ///
    /// # Errors
    /// The system's.
    pub(in crate::chain) fn add(&mut self, to: u64, hash: B256, logs: &[Kept]) -> io::Result<()> {
        let line = Line {
            to,
            hash,
            logs: logs.to_vec(),
        };
        let mut text = serde_json::to_string(&line)?;
        text.push('\n');
        let mut file = OpenOptions::new().append(true).open(&self.path)?;
        file.write_all(text.as_bytes())?;
        self.last = Some((to, hash));
        Ok(())
    }

    /// Everything is read.
    pub(in crate::chain) fn remove(self) {
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::debug!(%error, "the checkpoint stays");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(from: u64) -> Mark {
        Mark {
            chain_id: 31_337,
            controller: Address::repeat_byte(1),
            account: Address::repeat_byte(2),
            from,
        }
    }

    fn log(block: u64) -> Kept {
        Kept {
            address: Address::repeat_byte(3),
            topics: vec![B256::repeat_byte(4)],
            data: alloy::primitives::Bytes::from_static(b"data"),
            block,
            index: 0,
            transaction: B256::repeat_byte(5),
        }
    }

    #[test]
    fn what_was_read_is_there_again_and_a_torn_line_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger/one");
        let mut first = Checkpoint::begin(path.clone(), mark(10)).unwrap();
        assert!(Checkpoint::find(&path, &mark(10)).is_none(), "nothing is in it");
        first.add(20, B256::repeat_byte(7), &[log(11)]).unwrap();
        first.add(40, B256::repeat_byte(8), &[log(30)]).unwrap();
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"{\"to\":80,\"hash\":\"0x09").unwrap();
        let mut found = Checkpoint::find(&path, &mark(12)).unwrap().rewritten().unwrap();
        assert_eq!(found.last(), Some((40, B256::repeat_byte(8))));
        assert_eq!(found.take_logs(), [log(11), log(30)]);
        found.add(50, B256::repeat_byte(9), &[]).unwrap();
        assert_eq!(
            Checkpoint::find(&path, &mark(10)).unwrap().last(),
            Some((50, B256::repeat_byte(9)))
        );
        // Of another account, from earlier on, or all of it before: of no use.
        let other = Mark {
            account: Address::repeat_byte(9),
            ..mark(10)
        };
        for wanted in [other, mark(9), mark(51)] {
            assert!(Checkpoint::find(&path, &wanted).is_none(), "{wanted:?}");
        }
        found.remove();
        assert!(!path.exists());
    }
}
