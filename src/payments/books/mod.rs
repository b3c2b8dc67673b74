//! What must outlive the process: winning tickets, credit, fixed prices, nonces and secrets, in one SQLite file.
//!
//! One thread writes. It takes what is waiting, makes one transaction of it, and answers only once that is on the disk:
//! while one commit is synced the next batch gathers by itself, so no timer is needed. A ticket that won is here before
//! its sender hears of it (`synchronous=FULL`).
//!
//! | module | holds |
//! |---|---|
//! | `schema` | the tables, and the way from older files |
//! | `writer` | the thread, its batches, and what it does when the disk is full |
//! | `ledger` | accounts: credit, debit, expiry, and totals by gateway |
//! | `winners` | a winning ticket from the draw to the end |
//! | `facts` | secrets and small facts |

mod error;
mod facts;
mod ledger;
mod rows;
mod schema;
mod winners;
mod writer;

use std::{
    fs::OpenOptions,
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use rusqlite::{Connection, OpenFlags};
use tokio::sync::{Semaphore, oneshot, watch};

pub use self::{
    error::BooksError,
    ledger::{Account, Entry, Recorded, Tally},
    winners::{Ended, Filter, Settlement, Waiting, Winner, WinnerState, WinnerTotals},
};
use self::{
    ledger::Accounts,
    writer::{Batch, Task, Work, Writer},
};

/// The file's name in the node's directory.
const FILE: &str = "lpctl.sqlite3";
/// As many writes wait at once; more callers wait outside.
const MOST_WAITING: usize = 1024;

/// The books. Cheap to clone; the file is closed when the last clone is gone and everything waiting is written.
#[derive(Clone)]
pub struct Books(Arc<Inner>);

struct Inner {
    path: PathBuf,
    /// None: opened for reading only.
    writer: Option<std::sync::mpsc::Sender<Box<dyn Task>>>,
    waiting: Arc<Semaphore>,
    accounts: Arc<Mutex<Accounts>>,
    trouble: Arc<Mutex<Option<BooksError>>>,
    won: watch::Sender<u64>,
    written: watch::Sender<()>,
    reader: Arc<Mutex<Connection>>,
}

impl std::fmt::Debug for Books {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Books").field(&self.0.path).finish()
    }
}

impl Books {
    /// Where a node keeps its books.
    #[must_use]
    pub fn path(data_dir: &Path) -> PathBuf {
        data_dir.join(FILE)
    }

    /// Opens the books, makes them if they are not there, and brings older ones up to date. Blocks.
    ///
    /// Who opens them must be the only one to write: a node holds the lock of its data directory.
    ///
    /// # Errors
    /// See [`BooksError`]: not ours, damaged, of a newer version, or not writable.
    pub fn open(path: &Path) -> Result<Self, BooksError> {
        create_private(path).map_err(|error| BooksError::Open {
            path: path.to_path_buf(),
            reason: error.to_string(),
        })?;
        let opening = |error: rusqlite::Error| error::opening(path, &error);
        let mut connection = Connection::open_with_flags(
            path,
            OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )
        .map_err(opening)?;
        schema::prepare(&connection).map_err(opening)?;
        schema::bring_up_to_date(&mut connection, path)?;
        let accounts = Arc::new(Mutex::new(Accounts::load(&connection, path)?));
        let (won, written) = (watch::Sender::new(0), watch::Sender::new(()));
        let told = (won.clone(), written.clone());
        let trouble = Arc::default();
        let writer = Writer::start(connection, Arc::clone(&accounts), Arc::clone(&trouble), told)?;
        Self::assemble(path, Some(writer), accounts, trouble, (won, written))
    }

    /// Opens books that another process may be writing: everything can be read, nothing written. Blocks.
    ///
    /// # Errors
    /// See [`BooksError`]: there are none, or they are of another version.
    pub fn open_read_only(path: &Path) -> Result<Self, BooksError> {
        let connection = Self::reader(path)?;
        schema::check_version(&connection, path)?;
        let accounts = Arc::new(Mutex::new(Accounts::load(&connection, path)?));
        Self::assemble(path, None, accounts, Arc::default(), Default::default())
    }

    fn assemble(
        path: &Path,
        writer: Option<std::sync::mpsc::Sender<Box<dyn Task>>>,
        accounts: Arc<Mutex<Accounts>>,
        trouble: Arc<Mutex<Option<BooksError>>>,
        (won, written): (watch::Sender<u64>, watch::Sender<()>),
    ) -> Result<Self, BooksError> {
        Ok(Self(Arc::new(Inner {
            path: path.to_path_buf(),
            writer,
            waiting: Arc::new(Semaphore::new(MOST_WAITING)),
            accounts,
            trouble,
            won,
            written,
            reader: Arc::new(Mutex::new(Self::reader(path)?)),
        })))
    }

    fn reader(path: &Path) -> Result<Connection, BooksError> {
        let opening = |error: rusqlite::Error| error::opening(path, &error);
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(opening)?;
        schema::be_patient(&connection).map_err(opening)?;
        Ok(connection)
    }

    /// Whether somebody else writes these books.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        self.0.writer.is_none()
    }

    /// Why nothing could be written the last time, if nothing could.
    #[must_use]
    pub fn trouble(&self) -> Option<BooksError> {
        let trouble = self.0.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        trouble.clone()
    }

    /// Changes whenever winning tickets were written.
    #[must_use]
    pub fn new_winners(&self) -> watch::Receiver<u64> {
        self.0.won.subscribe()
    }

    /// Changes whenever anything was written.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<()> {
        self.0.written.subscribe()
    }

    /// Has the thread write, and waits until it is on the disk.
    async fn write<T: Send + 'static>(
        &self,
        work: impl FnMut(&mut Batch<'_>) -> Result<T, BooksError> + Send + 'static,
    ) -> Result<T, BooksError> {
        let (answer, answered) = oneshot::channel();
        self.submit(Box::new(Work::new(work, answer)), answered).await
    }

    /// Gives the thread a task, and waits for its answer.
    async fn submit<T>(
        &self,
        mut task: Box<dyn Task>,
        answered: oneshot::Receiver<Result<T, BooksError>>,
    ) -> Result<T, BooksError> {
        let writer = self.0.writer.as_ref().ok_or(BooksError::ReadOnly)?;
        let place = Arc::clone(&self.0.waiting).acquire_owned().await;
        task.occupy(place.map_err(|_| BooksError::Closed)?);
        writer.send(task).map_err(|_| BooksError::Closed)?;
        answered.await.map_err(|_| BooksError::Closed)?
    }

    /// Reads on a thread of its own, at one moment of the books.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, BooksError> + Send + 'static,
    ) -> Result<T, BooksError> {
        let reader = Arc::clone(&self.0.reader);
        tokio::task::spawn_blocking(move || {
            let reader = reader.lock().unwrap_or_else(PoisonError::into_inner);
            read(&reader)
        })
        .await
        .map_err(|_| BooksError::Closed)?
    }
}

/// Makes the file, for its owner only, unless it is there.
fn create_private(path: &Path) -> io::Result<()> {
    let file = OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)?;
    file.metadata().map(drop)
}

#[cfg(test)]
mod tests;
