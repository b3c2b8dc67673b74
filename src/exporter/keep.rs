//! The folder in which history is kept. One exporter writes there; another one beside it keeps its own for as long as
//! it runs.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use rustix::fs::{FlockOperation, flock};
use tempfile::TempDir;

use crate::private_file;

/// A folder nobody else writes to.
#[derive(Debug)]
pub(super) struct Keep {
    folder: PathBuf,
    /// The kernel lets go of it when the process ends, however it ends.
    _lock: Option<File>,
    _own: Option<TempDir>,
}

impl Keep {
    /// The folder, or a passing one if somebody else holds it.
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        private_file::make_directory(folder)?;
        let lock = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(folder.join("lock"))?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self {
                folder: folder.to_path_buf(),
                _lock: Some(lock),
                _own: None,
            }),
            Err(rustix::io::Errno::WOULDBLOCK) => {
                tracing::info!("another exporter keeps the history; this one reads its own");
                let own = tempfile::tempdir()?;
                Ok(Self {
                    folder: own.path().to_path_buf(),
                    _lock: None,
                    _own: Some(own),
                })
            }
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_one_keeps_its_own_until_the_first_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let first = Keep::open(folder.path()).unwrap();
        assert_eq!(first.folder(), folder.path());
        let second = Keep::open(folder.path()).unwrap();
        assert_ne!(second.folder(), folder.path());
        drop(first);
        assert_eq!(Keep::open(folder.path()).unwrap().folder(), folder.path());
    }
}
