//! The audit log: one line of JSON for each write, in files that are private and bounded.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use crate::view::node::AuditLine;

/// The newest lines' file, in the node's directory.
const FILE: &str = "operator-audit.jsonl";
/// A file that has grown to this is put aside.
const LARGEST: u64 = 4 << 20;
/// Older files that are kept, numbered from the newest.
const KEPT: u32 = 3;

/// The audit log of one node.
#[derive(Debug)]
pub(super) struct Audit {
    path: PathBuf,
    largest: u64,
    file: Mutex<Option<File>>,
}

impl Audit {
    /// The log of a node with these files. Nothing is opened yet.
    pub(super) fn new(data_dir: &Path) -> Self {
        Self {
            path: data_dir.join(FILE),
            largest: LARGEST,
            file: Mutex::default(),
        }
    }

    fn older(&self, number: u32) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(format!(".{number}"));
        PathBuf::from(name)
    }

    /// Adds a line. May block for as long as the disk takes.
    pub(super) fn write(&self, line: &AuditLine) -> io::Result<()> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if file.is_none() {
            *file = Some(self.open()?);
        }
        if let Some(open) = file.as_mut() {
            if open.metadata()?.len() + text.len() as u64 > self.largest {
                self.put_aside()?;
                *open = self.open()?;
            }
            // In one piece: a line that is there is whole, whoever else appends.
            if let Err(error) = open.write_all(&text) {
                *file = None;
                return Err(error);
            }
        }
        Ok(())
    }

    fn open(&self) -> io::Result<File> {
        OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&self.path)
    }

    fn put_aside(&self) -> io::Result<()> {
        for number in (1..KEPT).rev() {
            match fs::rename(self.older(number), self.older(number + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        fs::rename(&self.path, self.older(1))
    }

    /// The last lines, the newest first. May block. A line that cannot be read is left out.
    pub(super) fn last(&self, most: usize) -> io::Result<Vec<AuditLine>> {
        let files = std::iter::once(self.path.clone()).chain((1..=KEPT).map(|number| self.older(number)));
        let mut lines = Vec::new();
        for path in files {
            let mut file = match File::open(&path) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            let length = file.metadata()?.len();
            file.seek(SeekFrom::Start(length.saturating_sub(2 * LARGEST)))?;
            let mut text = Vec::new();
            file.take(2 * LARGEST).read_to_end(&mut text)?;
            let newest = text.rsplit(|byte| *byte == b'\n');
            let read = newest.filter_map(|line| serde_json::from_slice(line).ok());
            lines.extend(read.take(most - lines.len()));
            if lines.len() >= most {
                break;
            }
        }
        Ok(lines)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use jiff::Timestamp;

    use super::*;
    use crate::view::node::Scope;

    fn line(number: u16) -> AuditLine {
        AuditLine {
            time: Timestamp::UNIX_EPOCH,
            who: "loopback".into(),
            from: "127.0.0.1:1".into(),
            action: "POST /api/v1/drain".into(),
            scope: Scope::Operate,
            status: number,
            what: None,
            replayed: false,
        }
    }

    #[test]
    fn the_newest_lines_come_first_and_files_are_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let mut audit = Audit::new(folder.path());
        audit.largest = 1000;
        assert_eq!(audit.last(10).unwrap(), []);
        for number in 0..200 {
            audit.write(&line(number)).unwrap();
        }
        let last: Vec<u16> = audit.last(12).unwrap().iter().map(|line| line.status).collect();
        assert_eq!(last, (188..200).rev().collect::<Vec<_>>(), "across files");
        let files: Vec<_> = fs::read_dir(folder.path()).unwrap().map(Result::unwrap).collect();
        assert_eq!(files.len(), 4);
        for file in files {
            let metadata = file.metadata().unwrap();
            assert!(metadata.len() <= 1000);
            assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn a_torn_line_hides_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let audit = Audit::new(folder.path());
        audit.write(&line(1)).unwrap();
        let mut torn = OpenOptions::new()
            .append(true)
            .open(folder.path().join(FILE))
            .unwrap();
        torn.write_all(b"{\"time\":\"19\n").unwrap();
        audit.write(&line(2)).unwrap();
        let last: Vec<u16> = audit.last(9).unwrap().iter().map(|line| line.status).collect();
        assert_eq!(last, [2, 1]);
    }
}
