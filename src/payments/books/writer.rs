//! The thread that writes: everything that waits becomes one transaction, and is answered once it is on the disk.
//!
//! When the disk takes nothing, whoever waits hears so and nothing is acknowledged. Two things are kept in memory
//! nevertheless and written as soon as the disk is back: tickets that won, because they are money that is here already,
//! and what gateways were charged, because the work is done.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    time::Duration,
};

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::{OwnedSemaphorePermit, oneshot, watch};

use super::{
    error::BooksError,
    ledger::{self, AccountRow, Accounts, Key},
    winners,
};
use crate::payments::{amount::Exact, ticket::WinningTicket};

/// As many writes make one transaction.
const MOST_TOGETHER: usize = 256;
/// How often what could not be written is tried again when nothing else is.
const RETRY: Duration = Duration::from_secs(5);
/// As many winning tickets are kept in memory while the disk takes none.
const MOST_UNWRITTEN: usize = 10_000;

/// Something to be written.
pub(super) trait Task: Send {
    /// Takes a place in the queue, until the task is done.
    fn occupy(&mut self, place: OwnedSemaphorePermit);
    /// Writes, within a transaction that may still fail.
    fn run(&mut self, batch: &mut Batch<'_>) -> Result<(), BooksError>;
    /// Tells whoever waits. If nothing was written, what must not be lost goes to `remains`.
    fn end(self: Box<Self>, result: Result<(), BooksError>, remains: &mut Remains);
}

/// A task that is one function.
pub(super) struct Work<T, F> {
    work: F,
    made: Option<T>,
    answer: oneshot::Sender<Result<T, BooksError>>,
    place: Option<OwnedSemaphorePermit>,
}

impl<T, F> Work<T, F> {
    pub(super) fn new(work: F, answer: oneshot::Sender<Result<T, BooksError>>) -> Self {
        Self {
            work,
            made: None,
            answer,
            place: None,
        }
    }
}

impl<T, F> Task for Work<T, F>
where
    T: Send,
    F: FnMut(&mut Batch<'_>) -> Result<T, BooksError> + Send,
{
    fn occupy(&mut self, place: OwnedSemaphorePermit) {
        self.place = Some(place);
    }

    fn run(&mut self, batch: &mut Batch<'_>) -> Result<(), BooksError> {
        self.made = Some((self.work)(batch)?);
        Ok(())
    }

    fn end(self: Box<Self>, result: Result<(), BooksError>, _: &mut Remains) {
        let Self { made, answer, .. } = *self;
        // Whoever asked may have gone.
        let _ = answer.send(result.and_then(|()| made.ok_or(BooksError::Closed)));
    }
}

/// A transaction in the making.
pub(super) struct Batch<'a> {
    connection: &'a Connection,
    accounts: &'a Mutex<Accounts>,
    /// Accounts as the tasks before this one left them; none: gone.
    changed: HashMap<Key, Option<AccountRow>>,
    /// Accounts as this task leaves them.
    changing: HashMap<Key, Option<AccountRow>>,
    won: u64,
}

impl<'a> Batch<'a> {
    /// Where to write.
    pub(super) fn connection(&self) -> &'a Connection {
        self.connection
    }

    /// An account, as it is after everything written before.
    pub(super) fn account(&self, key: &Key) -> Option<AccountRow> {
        let known = self.changing.get(key).or_else(|| self.changed.get(key));
        match known {
            Some(row) => row.clone(),
            None => lock(self.accounts).rows.get(key).cloned(),
        }
    }

    /// All accounts, for looking them over: those of the tasks before this one in the same batch as they were before.
    pub(super) fn keys(&self) -> Vec<Key> {
        lock(self.accounts).rows.keys().cloned().collect()
    }

    /// What an account is once the transaction holds; none: gone.
    pub(super) fn set_account(&mut self, key: Key, row: Option<AccountRow>) {
        self.changing.insert(key, row);
    }

    /// Runs something so that it writes all it wants or nothing. The outer error means that the whole transaction is gone.
    fn alone(
        &mut self,
        run: impl FnOnce(&mut Self) -> Result<(), BooksError>,
    ) -> Result<Result<(), BooksError>, BooksError> {
        self.connection.execute_batch("SAVEPOINT task")?;
        let won = self.won;
        let result = run(self);
        let changing = std::mem::take(&mut self.changing);
        match &result {
            Ok(()) => self.changed.extend(changing),
            // SQLite gives some transactions up by itself.
            Err(error) if self.connection.is_autocommit() => return Err(error.clone()),
            Err(_) => {
                self.won = won;
                self.connection.execute_batch("ROLLBACK TO task")?;
            }
        }
        self.connection.execute_batch("RELEASE task")?;
        Ok(result)
    }

    /// So many winning tickets are new.
    pub(super) fn has_won(&mut self, winners: usize) {
        self.won = self.won.saturating_add(winners as u64);
    }
}

fn lock(accounts: &Mutex<Accounts>) -> std::sync::MutexGuard<'_, Accounts> {
    accounts.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What could not be written and must not be lost, and the accounts as memory has them.
pub(super) struct Remains {
    unwritten: Unwritten,
    accounts: Arc<Mutex<Accounts>>,
}

/// What could not be written.
#[derive(Default)]
struct Unwritten {
    winners: Vec<WinningTicket>,
    /// Fees and pixels; memory has the fees already.
    charges: HashMap<Key, (Exact, u64)>,
}

impl Remains {
    fn is_empty(&self) -> bool {
        self.unwritten.winners.is_empty() && self.unwritten.charges.is_empty()
    }

    /// Keeps tickets that won.
    pub(super) fn keep_winners(&mut self, winners: Vec<WinningTicket>) {
        if winners.is_empty() {
            return;
        }
        tracing::error!(
            tickets = winners.len(),
            "winning tickets could not be written down; they are tried again as long as this process lives"
        );
        let kept = &mut self.unwritten.winners;
        let room = MOST_UNWRITTEN.saturating_sub(kept.len());
        kept.extend(winners.into_iter().take(room));
    }

    /// Keeps what a gateway was charged.
    pub(super) fn keep_charge(&mut self, key: Key, fee: &Exact, pixels: u64) {
        lock(&self.accounts)
            .rows
            .entry(key.clone())
            .or_default()
            .charge(fee);
        let (fees, all) = self.unwritten.charges.entry(key).or_default();
        *fees += fee.clone();
        *all = all.saturating_add(pixels);
    }
}

impl Unwritten {
    fn write(&self, batch: &mut Batch<'_>) -> Result<(), BooksError> {
        for (key, (fee, pixels)) in &self.charges {
            // An account that has expired meanwhile took what was charged with it.
            if let Some(row) = batch.account(key) {
                ledger::write_account(batch.connection(), key, &row)?;
            }
            ledger::add_charge(batch.connection(), key.sender, fee, *pixels)?;
        }
        let mut new = 0;
        for winner in &self.winners {
            if winners::insert(batch.connection(), winner)? {
                ledger::add_winner(batch.connection(), winner)?;
                new += 1;
            }
        }
        batch.has_won(new);
        Ok(())
    }
}

/// The thread's side.
pub(super) struct Writer {
    connection: Connection,
    accounts: Arc<Mutex<Accounts>>,
    /// New winning tickets, and anything at all.
    told: (watch::Sender<u64>, watch::Sender<()>),
    remains: Remains,
    /// Why the last batch was not written, for whoever asks.
    trouble: Arc<Mutex<Option<BooksError>>>,
}

impl Writer {
    /// Starts it. It ends when nobody can give it tasks any more and all it has are done.
    pub(super) fn start(
        connection: Connection,
        accounts: Arc<Mutex<Accounts>>,
        trouble: Arc<Mutex<Option<BooksError>>>,
        told: (watch::Sender<u64>, watch::Sender<()>),
    ) -> Result<Sender<Box<dyn Task>>, BooksError> {
        let (sender, receiver) = channel();
        let remains = Remains {
            unwritten: Unwritten::default(),
            accounts: Arc::clone(&accounts),
        };
        let writer = Self {
            connection,
            accounts,
            told,
            remains,
            trouble,
        };
        std::thread::Builder::new()
            .name("books".to_string())
            .spawn(move || writer.run(&receiver))
            .map_err(|error| BooksError::Storage(error.to_string()))?;
        Ok(sender)
    }

    fn run(mut self, tasks: &Receiver<Box<dyn Task>>) {
        while let Some(first) = self.next(tasks) {
            let mut together: Vec<Box<dyn Task>> = first.into_iter().collect();
            while together.len() < MOST_TOGETHER
                && let Ok(task) = tasks.try_recv()
            {
                together.push(task);
            }
            self.write(together);
        }
        if !self.remains.is_empty() {
            self.write(Vec::new());
        }
    }

    /// The next task, or nothing but the time to try again what could not be written; none at the end.
    fn next(&self, tasks: &Receiver<Box<dyn Task>>) -> Option<Option<Box<dyn Task>>> {
        if self.remains.is_empty() {
            return tasks.recv().ok().map(Some);
        }
        match tasks.recv_timeout(RETRY) {
            Ok(task) => Some(Some(task)),
            Err(RecvTimeoutError::Timeout) => Some(None),
            Err(RecvTimeoutError::Disconnected) => None,
        }
    }

    /// What was left over first, by itself: it must not stand in the way of others.
    fn write(&mut self, tasks: Vec<Box<dyn Task>>) {
        if !self.remains.is_empty() {
            let unwritten = std::mem::take(&mut self.remains.unwritten);
            if self.transact(|batch| unwritten.write(batch)).is_err() {
                self.remains.unwritten = unwritten;
            }
        }
        if !tasks.is_empty() {
            self.write_together(tasks);
        }
    }

    /// One transaction of all of them. A task that fails takes back what it wrote and nothing else.
    fn write_together(&mut self, mut tasks: Vec<Box<dyn Task>>) {
        let written = self.transact(|batch| {
            let mut results = Vec::with_capacity(tasks.len());
            for task in &mut tasks {
                let result = batch.alone(|batch| task.run(batch))?;
                if result == Err(BooksError::Full) {
                    // Whoever is small enough to fit would go before others.
                    return Err(BooksError::Full);
                }
                results.push(result);
            }
            Ok(results)
        });
        match written {
            Ok(results) => {
                for (task, result) in tasks.into_iter().zip(results) {
                    task.end(result, &mut self.remains);
                }
            }
            Err(error) => {
                for task in tasks {
                    task.end(Err(error.clone()), &mut self.remains);
                }
            }
        }
    }

    /// Writes all of it or nothing; memory follows once it is on the disk.
    fn transact<T>(
        &mut self,
        run: impl FnOnce(&mut Batch<'_>) -> Result<T, BooksError>,
    ) -> Result<T, BooksError> {
        let written = self.attempt(run);
        match &written {
            Ok(_) => {
                if self.set_trouble(None).is_some() {
                    tracing::info!("the books are written again");
                }
            }
            Err(error) => {
                if self.set_trouble(Some(error.clone())).is_none() {
                    tracing::error!(%error, "the books cannot be written: no payment is taken until they can");
                }
            }
        }
        self.told.1.send_replace(());
        written
    }

    fn attempt<T>(
        &mut self,
        run: impl FnOnce(&mut Batch<'_>) -> Result<T, BooksError>,
    ) -> Result<T, BooksError> {
        let transaction = Transaction::new(&mut self.connection, TransactionBehavior::Immediate)?;
        let mut batch = Batch {
            connection: &transaction,
            accounts: &self.accounts,
            changed: HashMap::new(),
            changing: HashMap::new(),
            won: 0,
        };
        let made = run(&mut batch)?;
        let (changed, won) = (std::mem::take(&mut batch.changed), batch.won);
        transaction.commit()?;
        lock(&self.accounts).apply(changed);
        if won > 0 {
            let (winners, _) = &self.told;
            winners.send_modify(|count| *count = count.wrapping_add(won));
        }
        Ok(made)
    }

    /// Says what is wrong now; returns what was before.
    fn set_trouble(&self, now: Option<BooksError>) -> Option<BooksError> {
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *trouble, now)
    }
}
