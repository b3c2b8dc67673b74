//! The folder of the devnet a person runs: who holds it, where it listens, its saved chain, keys and logs.
//!
//! The holder keeps a lock on a file as long as it lives; the kernel lets go of it however the holder ends. The
//! record beside it is believed only while the lock is held, so whatever a killed holder left is never mistaken
//! for a running devnet.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use alloy::primitives::Address;
use jiff::Timestamp;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};

use super::{error::DevnetError, state::write_whole};
use crate::secret::RpcUrl;

/// How long a holder may take to save its chain and end.
const STOP_LIMIT: Duration = Duration::from_secs(60);
/// How long a start waits for those who only look who is there.
const GLANCE_LIMIT: Duration = Duration::from_secs(1);
/// Between two looks at the lock.
const LOOK: Duration = Duration::from_millis(20);

/// What a running devnet tells about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// Where its chain is.
    pub rpc_url: RpcUrl,
    /// Its Controller.
    pub controller: Address,
    /// When it was started.
    pub started: Timestamp,
    /// Blocks in a round.
    pub round_length: u64,
    /// Seconds between blocks; none makes a block for every transaction.
    pub block_time: Option<u64>,
    /// Whether every round is opened as it comes.
    pub keep_rounds: bool,
    /// anvil's process id.
    pub anvil_pid: u32,
}

/// The record on the disk.
#[derive(Debug, Serialize, Deserialize)]
struct Record {
    pid: u32,
    running: Option<Running>,
}

/// Whether a devnet runs from a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    /// None.
    Down,
    /// One that is not ready yet.
    Starting {
        /// The holder's process id.
        pid: u32,
    },
    /// One that answers.
    Up {
        /// The holder's process id.
        pid: u32,
        /// What it tells about itself.
        running: Running,
    },
}

/// Why a devnet's folder could not be taken, or its holder not ended.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// Another process holds it.
    #[error("a devnet runs already (process {pid})")]
    Held {
        /// The holder's process id.
        pid: u32,
    },
    /// The holder does not end.
    #[error("the devnet (process {pid}) did not end within {} s", waited.as_secs())]
    Stuck {
        /// The holder's process id.
        pid: u32,
        /// How long was waited.
        waited: Duration,
    },
    /// The holder belongs to somebody else.
    #[error("the devnet (process {pid}) cannot be asked to end: {source}")]
    Signal {
        /// The holder's process id.
        pid: u32,
        /// Why.
        source: std::io::Error,
    },
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] DevnetError),
}

/// The folder.
#[derive(Debug, Clone)]
pub struct Home(PathBuf);

/// The folder, held by this process until dropped.
#[derive(Debug)]
pub struct Held {
    home: Home,
    _lock: File,
}

impl Home {
    /// The folder at `path`. Nothing is read or made yet.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Folder of the saved chain.
    #[must_use]
    pub fn state_dir(&self) -> PathBuf {
        self.0.join("chain")
    }

    /// What anvil complained about, since the last start.
    #[must_use]
    pub fn anvil_log(&self) -> PathBuf {
        self.0.join("anvil.log")
    }

    /// What a detached devnet said, since the last start.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.0.join("devnet.log")
    }

    /// The accounts' keystore files.
    #[must_use]
    pub fn keystore_dir(&self) -> PathBuf {
        self.0.join("keystore")
    }

    /// The file whose first line unlocks the accounts.
    #[must_use]
    pub fn password_file(&self) -> PathBuf {
        self.0.join("password")
    }

    fn record_file(&self) -> PathBuf {
        self.0.join("running.json")
    }

    fn open_lock(&self) -> Result<File, DevnetError> {
        fs::create_dir_all(&self.0).map_err(DevnetError::at(&self.0))?;
        let path = self.0.join("lock");
        OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(DevnetError::at(&path))
    }

    fn record(&self) -> Option<Record> {
        // Half of a record cannot be: it is replaced in one step.
        serde_json::from_slice(&fs::read(self.record_file()).ok()?).ok()
    }

    /// Takes the folder for this process.
    ///
    /// # Errors
    /// Another process holds it, or it cannot be written.
    pub async fn hold(&self) -> Result<Held, HomeError> {
        let lock = self.open_lock()?;
        let started = Instant::now();
        loop {
            match lock.try_lock() {
                Ok(()) => break,
                Err(TryLockError::Error(source)) => return Err(DevnetError::at(&self.0)(source).into()),
                Err(TryLockError::WouldBlock) if started.elapsed() > GLANCE_LIMIT => {
                    let pid = self.record().map_or(0, |record| record.pid);
                    return Err(HomeError::Held { pid });
                }
                Err(TryLockError::WouldBlock) => tokio::time::sleep(LOOK).await,
            }
        }
        let held = Held {
            home: self.clone(),
            _lock: lock,
        };
        held.write(None)?;
        Ok(held)
    }

    /// Who is there. What a killed holder left behind counts for nothing.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn presence(&self) -> Result<Presence, HomeError> {
        if !self.0.is_dir() {
            return Ok(Presence::Down);
        }
        match self.open_lock()?.try_lock_shared() {
            Ok(()) => Ok(Presence::Down),
            Err(TryLockError::Error(source)) => Err(DevnetError::at(&self.0)(source).into()),
            Err(TryLockError::WouldBlock) => Ok(match self.record() {
                Some(Record {
                    pid,
                    running: Some(running),
                }) => Presence::Up { pid, running },
                record => Presence::Starting {
                    pid: record.map_or(0, |record| record.pid),
                },
            }),
        }
    }

    /// Asks the holder to end and waits until it has; tells whether there was one.
    ///
    /// # Errors
    /// The holder is not ours to end, or does not end.
    pub async fn take_down(&self) -> Result<bool, HomeError> {
        let started = Instant::now();
        let mut asked = false;
        loop {
            let (Presence::Starting { pid } | Presence::Up { pid, .. }) = self.presence()? else {
                return Ok(asked);
            };
            if !asked && pid != 0 {
                // The handle first, then another look: if the same holder is still there, the handle is its own.
                let signal = |source: rustix::io::Errno| HomeError::Signal {
                    pid,
                    source: source.into(),
                };
                let number = i32::try_from(pid).ok().and_then(Pid::from_raw);
                let handle = number.map(|number| pidfd_open(number, PidfdFlags::empty()));
                if let Some(Ok(handle)) = handle
                    && self.is_held_by(pid)?
                {
                    pidfd_send_signal(&handle, Signal::TERM).map_err(signal)?;
                    asked = true;
                }
            }
            if started.elapsed() > STOP_LIMIT {
                return Err(HomeError::Stuck {
                    pid,
                    waited: started.elapsed(),
                });
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    fn is_held_by(&self, wanted: u32) -> Result<bool, HomeError> {
        Ok(match self.presence()? {
            Presence::Starting { pid } | Presence::Up { pid, .. } => pid == wanted,
            Presence::Down => false,
        })
    }
}

impl Held {
    /// Tells everybody that the devnet is ready.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn announce(&self, running: &Running) -> Result<(), HomeError> {
        self.write(Some(running.clone()))
    }

    fn write(&self, running: Option<Running>) -> Result<(), HomeError> {
        let path = self.home.record_file();
        let record = Record {
            pid: std::process::id(),
            running,
        };
        let text = serde_json::to_vec_pretty(&record).map_err(|error| DevnetError::File {
            path: path.display().to_string(),
            source: error.into(),
        })?;
        Ok(write_whole(&path, &text)?)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let path = self.home.record_file();
        if let Err(error) = fs::remove_file(&path) {
            tracing::warn!(path = %path.display(), %error, "the record of this devnet stays; it counts for nothing");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn running() -> Running {
        Running {
            rpc_url: "http://127.0.0.1:8545".parse().unwrap(),
            controller: Address::repeat_byte(1),
            started: Timestamp::UNIX_EPOCH,
            round_length: 50,
            block_time: Some(2),
            keep_rounds: true,
            anvil_pid: 7,
        }
    }

    #[tokio::test]
    async fn a_folder_has_one_holder_and_tells_who_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::new(folder.path().join("devnet"));
        assert_eq!(home.presence().unwrap(), Presence::Down);
        let pid = std::process::id();
        let held = home.hold().await.unwrap();
        assert_eq!(home.presence().unwrap(), Presence::Starting { pid });
        held.announce(&running()).unwrap();
        assert_eq!(
            home.presence().unwrap(),
            Presence::Up {
                pid,
                running: running()
            }
        );
        let refused = home.hold().await.unwrap_err();
        assert!(matches!(refused, HomeError::Held { pid: holder } if holder == pid));
        drop(held);
        assert_eq!(home.presence().unwrap(), Presence::Down);
    }

    #[tokio::test]
    async fn what_a_killed_holder_left_counts_for_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::new(folder.path());
        let record = Record {
            pid: 1,
            running: Some(running()),
        };
        fs::write(home.record_file(), serde_json::to_vec(&record).unwrap()).unwrap();
        assert_eq!(home.presence().unwrap(), Presence::Down);
        assert!(!home.take_down().await.unwrap());
        let held = home.hold().await.unwrap();
        let pid = std::process::id();
        assert_eq!(home.presence().unwrap(), Presence::Starting { pid });
        drop(held);
        assert!(!home.record_file().exists());
    }
}
