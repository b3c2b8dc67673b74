//! Accounts by gateway and session: what is credited and charged, and what it came to in all.

use std::{
    collections::HashMap,
    path::Path,
    sync::PoisonError,
    time::{Duration, Instant},
};

use alloy::primitives::Address;
use num_bigint::BigInt;
use rusqlite::{Connection, OptionalExtension, params};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::{
    Books,
    error::{BooksError, opening},
    rows, winners,
    writer::{Batch, Remains, Task},
};
use crate::payments::{
    amount::{Exact, Price},
    recipient::SeenNonce,
    ticket::WinningTicket,
};

/// A payment that was checked: all of it is written, or nothing.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The gateway.
    pub sender: Address,
    /// Session whose account it is for.
    pub session: String,
    /// What its tickets are worth.
    pub credit: Exact,
    /// The session's price from now on, if it has none yet.
    pub price: Option<Price>,
    /// Nonces it used up.
    pub nonces: Vec<SeenNonce>,
    /// Tickets that won; those known already are left as they are.
    pub winners: Vec<WinningTicket>,
}

/// How a session stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Account {
    /// Credit left; below zero once work cost more than was paid.
    pub balance: Exact,
    /// What a pixel costs in this session; none before its first payment.
    pub price: Option<Price>,
}

/// What came of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// The account after it.
    pub account: Account,
    /// Winning tickets that were not known.
    pub new_winners: usize,
}

/// Everything a gateway ever paid and was charged, rounded down to 10⁻¹⁸ wei at each entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// The gateway.
    pub sender: Address,
    /// What its tickets were worth.
    pub credited: Exact,
    /// What work cost.
    pub charged: Exact,
    /// Balances of sessions that ended: credit that was left, less debts.
    pub expired: Exact,
    /// Pixels it was charged for.
    pub pixels: u64,
    /// Tickets taken.
    pub tickets: u64,
    /// Tickets that won.
    pub winners: u64,
    /// What they pay together, if all are paid in full.
    pub face_value: crate::units::Wei,
}

/// Whose account.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) sender: Address,
    pub(super) session: String,
}

/// An account in memory.
#[derive(Debug, Clone)]
pub(super) struct AccountRow {
    account: Account,
    touched: Instant,
}

impl Default for AccountRow {
    fn default() -> Self {
        Self {
            account: Account::default(),
            touched: Instant::now(),
        }
    }
}

impl AccountRow {
    /// Takes a fee.
    pub(super) fn charge(&mut self, fee: &Exact) {
        self.account.balance -= fee.clone();
        self.touched = Instant::now();
    }
}

/// All accounts, as they are on the disk.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    pub(super) rows: HashMap<Key, AccountRow>,
}

impl Accounts {
    /// Reads them. The time that nobody was here does not count towards their end.
    pub(super) fn load(connection: &Connection, path: &Path) -> Result<Self, BooksError> {
        let damaged = |error: rusqlite::Error| match error {
            rusqlite::Error::FromSqlConversionFailure(..) => BooksError::Damaged {
                path: path.to_path_buf(),
                what: format!("an account: {error}"),
            },
            error => opening(path, &error),
        };
        let mut statement = connection
            .prepare("SELECT sender, session, balance, price FROM accounts")
            .map_err(damaged)?;
        let read = statement.query_map([], |row| {
            let key = Key {
                sender: rows::address(row, 0)?,
                session: row.get(1)?,
            };
            let price = match row.get_ref(3)?.as_str_or_null()? {
                None => None,
                Some(_) => Some(rows::text(row, 3)?),
            };
            let account = Account {
                balance: rows::text(row, 2)?,
                price,
            };
            let touched = Instant::now();
            Ok((key, AccountRow { account, touched }))
        });
        let rows = read.and_then(Iterator::collect).map_err(damaged)?;
        Ok(Self { rows })
    }

    /// Takes over what a transaction changed.
    pub(super) fn apply(&mut self, changed: HashMap<Key, Option<AccountRow>>) {
        for (key, row) in changed {
            match row {
                Some(row) => self.rows.insert(key, row),
                None => self.rows.remove(&key),
            };
        }
    }
}

impl Books {
    /// A session's account, from memory; none before its first payment and after its end.
    #[must_use]
    pub fn account(&self, sender: Address, session: &str) -> Option<Account> {
        let key = Key {
            sender,
            session: session.to_string(),
        };
        let accounts = self.0.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        accounts.rows.get(&key).map(|row| row.account.clone())
    }

    /// How many accounts there are.
    #[must_use]
    pub fn accounts(&self) -> usize {
        let accounts = self.0.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        accounts.rows.len()
    }

    /// Writes a payment down: when this returns it outlives the process and the power.
    ///
    /// # Errors
    /// [`BooksError`]: nothing was written, and the gateway must not be told otherwise. Winning tickets are tried again with
    /// all that is written later.
    pub async fn record(&self, entry: Entry) -> Result<Recorded, BooksError> {
        let (answer, answered) = oneshot::channel();
        let task = Recording {
            entry,
            made: None,
            answer,
            place: None,
        };
        self.submit(Box::new(task), answered).await
    }

    /// Charges a session for work that was done.
    ///
    /// # Errors
    /// [`BooksError`]: it is not written, but charged in memory, and written with what is written next.
    pub async fn debit(
        &self,
        sender: Address,
        session: &str,
        fee: Exact,
        pixels: u64,
    ) -> Result<Account, BooksError> {
        let (answer, answered) = oneshot::channel();
        let task = Charging {
            key: Key {
                sender,
                session: session.to_string(),
            },
            fee,
            pixels,
            made: None,
            answer,
            place: None,
        };
        self.submit(Box::new(task), answered).await
    }

    /// Ends the accounts nobody used for so long, with what is left on them. Says how many.
    ///
    /// # Errors
    /// [`BooksError`].
    pub async fn expire(&self, idle: Duration) -> Result<usize, BooksError> {
        self.write(move |batch| {
            let mut ended = 0;
            for key in batch.keys() {
                let Some(row) = batch.account(&key) else { continue };
                if row.touched.elapsed() < idle {
                    continue;
                }
                batch
                    .connection()
                    .prepare_cached("DELETE FROM accounts WHERE sender = ?1 AND session = ?2")?
                    .execute(params![key.sender.as_slice(), key.session])?;
                let mut totals = Totals::read(batch.connection(), key.sender)?;
                totals.expired += rows::parts(&row.account.balance);
                totals.write(batch.connection(), key.sender)?;
                batch.set_account(key, None);
                ended += 1;
            }
            Ok(ended)
        })
        .await
    }

    /// All nonces that were used up and are not forgotten.
    ///
    /// # Errors
    /// [`BooksError`].
    pub async fn restore(&self) -> Result<Vec<SeenNonce>, BooksError> {
        self.read(|connection| {
            let mut statement =
                connection.prepare("SELECT rand_hash, nonce, expiration_block FROM nonces")?;
            let read = statement.query_map([], |row| {
                Ok(SeenNonce {
                    rand_hash: rows::hash(row, 0)?,
                    nonce: row.get(1)?,
                    expiration_block: rows::number(row, 2)?,
                })
            })?;
            Ok(read.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Forgets the nonces of parameters that expire at this block of Ethereum or before it: nobody accepts them again.
    ///
    /// # Errors
    /// [`BooksError`].
    pub async fn forget_nonces(&self, block: u64) -> Result<usize, BooksError> {
        self.write(move |batch| {
            let forgotten = batch
                .connection()
                .prepare_cached("DELETE FROM nonces WHERE expiration_block <= ?1")?
                .execute([rows::whole(block)])?;
            Ok(forgotten)
        })
        .await
    }

    /// What each gateway ever paid and was charged, who paid most first.
    ///
    /// # Errors
    /// [`BooksError`].
    pub async fn tally(&self) -> Result<Vec<Tally>, BooksError> {
        let mut tallies: Vec<Tally> = self
            .read(|connection| {
                let mut statement = connection.prepare(
                    "SELECT sender, credited, charged, expired, pixels, tickets, winners, face_value FROM totals",
                )?;
                let read = statement.query_map([], |row| {
                    Ok(Tally {
                        sender: rows::address(row, 0)?,
                        credited: rows::total(row, 1)?,
                        charged: rows::total(row, 2)?,
                        expired: rows::total(row, 3)?,
                        pixels: rows::number(row, 4)?,
                        tickets: rows::number(row, 5)?,
                        winners: rows::number(row, 6)?,
                        face_value: rows::wei(row, 7)?,
                    })
                })?;
                Ok(read.collect::<Result<_, _>>()?)
            })
            .await?;
        tallies.sort_by(|one, other| other.credited.cmp(&one.credited));
        Ok(tallies)
    }
}

/// A payment on its way to the disk.
struct Recording {
    entry: Entry,
    made: Option<Recorded>,
    answer: oneshot::Sender<Result<Recorded, BooksError>>,
    place: Option<OwnedSemaphorePermit>,
}

impl Task for Recording {
    fn occupy(&mut self, place: OwnedSemaphorePermit) {
        self.place = Some(place);
    }

    fn run(&mut self, batch: &mut Batch<'_>) -> Result<(), BooksError> {
        let entry = &self.entry;
        let key = Key {
            sender: entry.sender,
            session: entry.session.clone(),
        };
        let mut row = batch.account(&key).unwrap_or_default();
        row.account.balance += entry.credit.clone();
        row.touched = Instant::now();
        if row.account.price.is_none() {
            row.account.price.clone_from(&entry.price);
        }
        write_account(batch.connection(), &key, &row)?;
        for seen in &entry.nonces {
            batch
                .connection()
                .prepare_cached(
                    "INSERT OR IGNORE INTO nonces (rand_hash, nonce, expiration_block) VALUES (?1, ?2, ?3)",
                )?
                .execute(params![
                    seen.rand_hash.as_slice(),
                    seen.nonce,
                    rows::whole(seen.expiration_block)
                ])?;
        }
        let mut totals = Totals::read(batch.connection(), key.sender)?;
        totals.credited += rows::parts(&entry.credit);
        totals.tickets = totals.tickets.saturating_add(entry.nonces.len() as u64);
        totals.write(batch.connection(), key.sender)?;
        let mut new_winners = 0;
        for winner in &entry.winners {
            if winners::insert(batch.connection(), winner)? {
                add_winner(batch.connection(), winner)?;
                new_winners += 1;
            }
        }
        batch.has_won(new_winners);
        self.made = Some(Recorded {
            account: row.account.clone(),
            new_winners,
        });
        batch.set_account(key, Some(row));
        Ok(())
    }

    fn end(self: Box<Self>, result: Result<(), BooksError>, remains: &mut Remains) {
        let Self {
            entry, made, answer, ..
        } = *self;
        if result.is_err() {
            remains.keep_winners(entry.winners);
        }
        // Whoever asked may have gone.
        let _ = answer.send(result.and_then(|()| made.ok_or(BooksError::Closed)));
    }
}

/// A charge on its way to the disk.
struct Charging {
    key: Key,
    fee: Exact,
    pixels: u64,
    made: Option<Account>,
    answer: oneshot::Sender<Result<Account, BooksError>>,
    place: Option<OwnedSemaphorePermit>,
}

impl Task for Charging {
    fn occupy(&mut self, place: OwnedSemaphorePermit) {
        self.place = Some(place);
    }

    fn run(&mut self, batch: &mut Batch<'_>) -> Result<(), BooksError> {
        let mut row = batch.account(&self.key).unwrap_or_default();
        row.charge(&self.fee);
        write_account(batch.connection(), &self.key, &row)?;
        add_charge(batch.connection(), self.key.sender, &self.fee, self.pixels)?;
        self.made = Some(row.account.clone());
        batch.set_account(self.key.clone(), Some(row));
        Ok(())
    }

    fn end(self: Box<Self>, result: Result<(), BooksError>, remains: &mut Remains) {
        let Self {
            key,
            fee,
            pixels,
            made,
            answer,
            ..
        } = *self;
        if result.is_err() {
            remains.keep_charge(key, &fee, pixels);
        }
        // Whoever asked may have gone.
        let _ = answer.send(result.and_then(|()| made.ok_or(BooksError::Closed)));
    }
}

/// Writes an account as it is.
pub(super) fn write_account(connection: &Connection, key: &Key, row: &AccountRow) -> Result<(), BooksError> {
    connection
        .prepare_cached(
            "INSERT INTO accounts (sender, session, balance, price, touched_at) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (sender, session) DO UPDATE SET balance = ?3, price = ?4, touched_at = ?5",
        )?
        .execute(params![
            key.sender.as_slice(),
            key.session,
            row.account.balance.to_string(),
            row.account.price.as_ref().map(ToString::to_string),
            rows::now(),
        ])?;
    Ok(())
}

/// Adds a charge to a gateway's totals.
pub(super) fn add_charge(
    connection: &Connection,
    sender: Address,
    fee: &Exact,
    pixels: u64,
) -> Result<(), BooksError> {
    let mut totals = Totals::read(connection, sender)?;
    totals.charged += rows::parts(fee);
    totals.pixels = totals.pixels.saturating_add(pixels);
    totals.write(connection, sender)
}

/// Adds a winning ticket to its gateway's totals.
pub(super) fn add_winner(connection: &Connection, winner: &WinningTicket) -> Result<(), BooksError> {
    let sender = winner.ticket.sender;
    let mut totals = Totals::read(connection, sender)?;
    totals.winners = totals.winners.saturating_add(1);
    totals.face_value = totals.face_value.saturating_add(winner.ticket.face_value);
    totals.write(connection, sender)
}

/// A gateway's totals, in parts of a wei.
#[derive(Default)]
struct Totals {
    credited: BigInt,
    charged: BigInt,
    expired: BigInt,
    pixels: u64,
    tickets: u64,
    winners: u64,
    face_value: crate::units::Wei,
}

impl Totals {
    fn read(connection: &Connection, sender: Address) -> Result<Self, BooksError> {
        let read = connection
            .prepare_cached(
                "SELECT credited, charged, expired, pixels, tickets, winners, face_value FROM totals WHERE sender = ?1",
            )?
            .query_row([sender.as_slice()], |row| {
                Ok(Self {
                    credited: rows::text(row, 0)?,
                    charged: rows::text(row, 1)?,
                    expired: rows::text(row, 2)?,
                    pixels: rows::number(row, 3)?,
                    tickets: rows::number(row, 4)?,
                    winners: rows::number(row, 5)?,
                    face_value: rows::wei(row, 6)?,
                })
            })
            .optional()?;
        Ok(read.unwrap_or_default())
    }

    fn write(&self, connection: &Connection, sender: Address) -> Result<(), BooksError> {
        connection
            .prepare_cached(
                "INSERT OR REPLACE INTO totals
                 (sender, credited, charged, expired, pixels, tickets, winners, face_value)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?
            .execute(params![
                sender.as_slice(),
                self.credited.to_string(),
                self.charged.to_string(),
                self.expired.to_string(),
                rows::whole(self.pixels),
                rows::whole(self.tickets),
                rows::whole(self.winners),
                self.face_value.0.to_string(),
            ])?;
        Ok(())
    }
}
