//! A winning ticket from the draw to its end. Whoever redeems it writes each step down before taking it.

use alloy::primitives::{Address, B256, TxHash};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{Books, error::BooksError, ledger, rows, writer::Batch};
use crate::{
    payments::ticket::WinningTicket,
    units::{Round, Wei},
    wire::ticket::Ticket,
};

/// A ticket that won, and what has become of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Winner {
    /// The ticket's hash: what the contract knows it by.
    pub hash: B256,
    /// The ticket itself.
    pub ticket: WinningTicket,
    /// When it was written down.
    pub recorded_at: Timestamp,
    /// How far it is.
    pub state: WinnerState,
    /// How often its redemption failed or was put off.
    pub attempts: u32,
    /// What it waits for, as far as somebody said.
    pub waiting: Option<Waiting>,
}

/// How far a winning ticket is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WinnerState {
    /// To be redeemed.
    Pending,
    /// A transaction is being made for it, or is on its way.
    InFlight {
        /// Its hash, once it is known.
        tx: Option<TxHash>,
        /// Block of the chain from which on the transaction can be.
        since_block: u64,
    },
    /// Nothing more is done for it.
    Settled {
        /// Since when.
        at: Timestamp,
        /// How it ended.
        settlement: Settlement,
    },
}

/// Why a ticket is not redeemed now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// A word for programs, like `sender_short`.
    pub reason: String,
    /// A sentence for people.
    pub message: String,
    /// Block of Ethereum before which nothing changes.
    pub not_before: Option<u64>,
}

/// How a winning ticket ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settlement {
    /// It was paid.
    Redeemed {
        /// The transaction that was mined.
        tx: TxHash,
        /// What it paid, which can be less than its face value.
        paid: Wei,
        /// Block of the chain.
        block: u64,
        /// What its part of the transaction cost.
        cost: Wei,
    },
    /// It can never be paid.
    Lost {
        /// Why.
        reason: String,
    },
    /// Somebody else redeemed it for the recipient.
    UsedElsewhere,
    /// A redeemer elsewhere has it.
    HandedOver {
        /// Which one.
        to: String,
    },
}

/// Which tickets. The usual one is all of them, the newest first, a thousand at most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// Only those not settled, the oldest first.
    pub pending: bool,
    /// Only those redeemed at this block of the chain or later.
    pub settled_since_block: Option<u64>,
    /// Only those that ended this way.
    pub ended: Option<Ended>,
    /// Only those of one gateway.
    pub sender: Option<Address>,
    /// At most so many.
    pub limit: usize,
    /// Not the first so many of them.
    pub offset: usize,
}

/// How a winning ticket can end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It was paid.
    Redeemed,
    /// It can never be paid.
    Lost,
}

impl Ended {
    fn state(self) -> &'static str {
        match self {
            Self::Redeemed => "redeemed",
            Self::Lost => "lost",
        }
    }
}

impl Default for Filter {
    fn default() -> Self {
        Self {
            pending: false,
            settled_since_block: None,
            ended: None,
            sender: None,
            limit: 1000,
            offset: 0,
        }
    }
}

/// Winning tickets in figures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WinnerTotals {
    /// Not settled.
    pub pending: u64,
    /// What those pay together, if all are paid in full.
    pub pending_value: Wei,
    /// Redeemed.
    pub redeemed: u64,
    /// What those paid.
    pub redeemed_value: Wei,
    /// Gone without payment.
    pub lost: u64,
    /// What those would have paid.
    pub lost_value: Wei,
}

const COLUMNS: &str = "hash, sender, recipient, face_value, win_prob, sender_nonce, recipient_rand_hash, creation_round, \
     creation_round_block_hash, signature, recipient_rand, params_expiration_block, recorded_at, state, attempts, \
     waiting_reason, waiting_message, not_before, since_block, tx, settled_at, paid, block, cost, said";

/// Writes a ticket down unless it is known; says whether it was new.
pub(super) fn insert(connection: &Connection, winner: &WinningTicket) -> Result<bool, BooksError> {
    let ticket = &winner.ticket;
    let new = connection
        .prepare_cached(
            "INSERT OR IGNORE INTO winners
             (hash, sender, recipient, face_value, win_prob, sender_nonce, recipient_rand_hash, creation_round,
              creation_round_block_hash, signature, recipient_rand, params_expiration_block, recorded_at, state)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, 'pending')",
        )?
        .execute(params![
            ticket.hash().as_slice(),
            ticket.sender.as_slice(),
            ticket.recipient.as_slice(),
            ticket.face_value.0.to_string(),
            ticket.win_prob.to_be_bytes::<32>(),
            ticket.sender_nonce,
            ticket.recipient_rand_hash.as_slice(),
            rows::whole(ticket.creation_round.0),
            ticket.creation_round_block_hash.as_slice(),
            winner.signature,
            winner.recipient_rand.to_be_bytes::<32>(),
            rows::whole(winner.params_expiration_block),
            rows::now(),
        ])?;
    Ok(new == 1)
}

impl Books {
    /// Winning tickets.
    ///
    /// # Errors
    /// [`BooksError`].
    pub async fn winners(&self, filter: Filter) -> Result<Vec<Winner>, BooksError> {
        self.read(move |connection| {
            let order = match filter.pending {
                true => "AND state IN ('pending', 'in_flight') ORDER BY recorded_at, rowid",
                false => "ORDER BY recorded_at DESC, rowid DESC",
            };
            let mut statement = connection.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM winners
                 WHERE (?1 IS NULL OR sender = ?1) AND (?2 IS NULL OR block >= ?2) AND (?4 IS NULL OR state = ?4)
                 {order} LIMIT ?3 OFFSET ?5"
            ))?;
            let read = statement.query_map(
                params![
                    filter.sender.as_ref().map(|sender| sender.as_slice()),
                    filter.settled_since_block.map(rows::whole),
                    rows::whole(filter.limit as u64),
                    filter.ended.map(Ended::state),
                    rows::whole(filter.offset as u64),
                ],
                winner,
            )?;
            Ok(read.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// One winning ticket.
    ///
    /// # Errors
    /// [`BooksError`].
    pub async fn winner(&self, hash: B256) -> Result<Option<Winner>, BooksError> {
        self.read(move |connection| {
            let select = format!("SELECT {COLUMNS} FROM winners WHERE hash = ?1");
            let mut statement = connection.prepare_cached(&select)?;
            Ok(statement.query_row([hash.as_slice()], winner).optional()?)
        })
        .await
    }

    /// Winning tickets in figures.
    ///
    /// # Errors
    /// [`BooksError`].
    pub async fn winner_totals(&self) -> Result<WinnerTotals, BooksError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached("SELECT state, face_value, paid FROM winners")?;
            let mut found = statement.query([])?;
            let mut totals = WinnerTotals::default();
            while let Some(row) = found.next()? {
                let (state, face_value): (String, Wei) = (row.get(0)?, rows::wei(row, 1)?);
                let (count, value, amount) = match state.as_str() {
                    "pending" | "in_flight" => (&mut totals.pending, &mut totals.pending_value, face_value),
                    "redeemed" => (
                        &mut totals.redeemed,
                        &mut totals.redeemed_value,
                        rows::wei(row, 2)?,
                    ),
                    "lost" => (&mut totals.lost, &mut totals.lost_value, face_value),
                    _ => continue,
                };
                *count += 1;
                *value = value.saturating_add(amount);
            }
            Ok(totals)
        })
        .await
    }

    /// Writes a winning ticket down by itself; says whether it was new.
    ///
    /// # Errors
    /// [`BooksError`].
    pub async fn keep_winner(&self, ticket: WinningTicket) -> Result<bool, BooksError> {
        self.write(move |batch| {
            let is_new = insert(batch.connection(), &ticket)?;
            if is_new {
                ledger::add_winner(batch.connection(), &ticket)?;
                batch.has_won(1);
            }
            Ok(is_new)
        })
        .await
    }

    /// Says what a ticket waits for. Nothing happens to one that is settled.
    ///
    /// # Errors
    /// [`BooksError`].
    pub async fn note(&self, hash: B256, waiting: Waiting) -> Result<(), BooksError> {
        self.write(move |batch| {
            batch
                .connection()
                .prepare_cached(
                    "UPDATE winners SET state = 'pending', tx = NULL, since_block = NULL, attempts = attempts + 1,
                     waiting_reason = ?2, waiting_message = ?3, not_before = ?4
                     WHERE hash = ?1 AND state IN ('pending', 'in_flight')",
                )?
                .execute(params![
                    hash.as_slice(),
                    waiting.reason,
                    waiting.message,
                    waiting.not_before.map(rows::whole)
                ])?;
            Ok(())
        })
        .await
    }

    /// Begins the redemption of all of these, or of none.
    ///
    /// # Errors
    /// [`BooksError::NotPending`] for one that is under way or settled already; else [`BooksError`].
    pub async fn begin(&self, hashes: &[B256], since_block: u64) -> Result<(), BooksError> {
        let hashes = hashes.to_vec();
        self.write(move |batch| {
            for hash in &hashes {
                let begun = batch
                    .connection()
                    .prepare_cached(
                        "UPDATE winners SET state = 'in_flight', since_block = ?2, tx = NULL, waiting_reason = NULL,
                         waiting_message = NULL, not_before = NULL
                         WHERE hash = ?1 AND state = 'pending'",
                    )?
                    .execute(params![hash.as_slice(), rows::whole(since_block)])?;
                if begun != 1 {
                    return Err(missing(batch, *hash));
                }
            }
            Ok(())
        })
        .await
    }

    /// The transaction that redeems these, before it is sent and after it is replaced.
    ///
    /// # Errors
    /// [`BooksError::NotPending`] for one whose redemption has not begun; else [`BooksError`].
    pub async fn sent(&self, hashes: &[B256], tx: TxHash) -> Result<(), BooksError> {
        let hashes = hashes.to_vec();
        self.write(move |batch| {
            for hash in &hashes {
                let told = batch
                    .connection()
                    .prepare_cached("UPDATE winners SET tx = ?2 WHERE hash = ?1 AND state = 'in_flight'")?
                    .execute(params![hash.as_slice(), tx.as_slice()])?;
                if told != 1 {
                    return Err(missing(batch, *hash));
                }
            }
            Ok(())
        })
        .await
    }

    /// How these ended; all or none. The last word holds.
    ///
    /// # Errors
    /// [`BooksError::Unknown`] for one that is not here; else [`BooksError`].
    pub async fn settle(&self, settled: &[(B256, Settlement)]) -> Result<(), BooksError> {
        let settled = settled.to_vec();
        self.write(move |batch| {
            for (hash, settlement) in &settled {
                let (state, tx, paid, block, cost, said) = columns(settlement);
                let told = batch
                    .connection()
                    .prepare_cached(
                        "UPDATE winners SET state = ?2, tx = COALESCE(?3, tx), paid = ?4, block = ?5, cost = ?6, said = ?7,
                         settled_at = ?8, since_block = NULL, waiting_reason = NULL, waiting_message = NULL,
                         not_before = NULL WHERE hash = ?1",
                    )?
                    .execute(params![
                        hash.as_slice(),
                        state,
                        tx.as_ref().map(|tx| tx.as_slice()),
                        paid,
                        block,
                        cost,
                        said,
                        rows::now()
                    ])?;
                if told != 1 {
                    return Err(BooksError::Unknown(*hash));
                }
            }
            Ok(())
        })
        .await
    }

    /// Back to the beginning: nothing was mined, or it was taken back.
    ///
    /// # Errors
    /// [`BooksError::Unknown`]; else [`BooksError`].
    pub async fn reopen(&self, hash: B256) -> Result<(), BooksError> {
        self.write(move |batch| {
            let told = batch
                .connection()
                .prepare_cached(
                    "UPDATE winners SET state = 'pending', tx = NULL, paid = NULL, block = NULL, cost = NULL, said = NULL,
                     settled_at = NULL, since_block = NULL WHERE hash = ?1",
                )?
                .execute([hash.as_slice()])?;
            match told {
                1 => Ok(()),
                _ => Err(BooksError::Unknown(hash)),
            }
        })
        .await
    }
}

/// What it means that a ticket was not as it should be.
fn missing(batch: &Batch<'_>, hash: B256) -> BooksError {
    let known = batch
        .connection()
        .prepare_cached("SELECT 1 FROM winners WHERE hash = ?1")
        .and_then(|mut statement| statement.exists([hash.as_slice()]));
    match known {
        Ok(true) => BooksError::NotPending(hash),
        Ok(false) => BooksError::Unknown(hash),
        Err(error) => error.into(),
    }
}

type Columns<'a> = (
    &'static str,
    Option<TxHash>,
    Option<String>,
    Option<i64>,
    Option<String>,
    Option<&'a str>,
);

fn columns(settlement: &Settlement) -> Columns<'_> {
    match settlement {
        Settlement::Redeemed {
            tx,
            paid,
            block,
            cost,
        } => (
            "redeemed",
            Some(*tx),
            Some(paid.0.to_string()),
            Some(rows::whole(*block)),
            Some(cost.0.to_string()),
            None,
        ),
        Settlement::Lost { reason } => ("lost", None, None, None, None, Some(reason)),
        Settlement::UsedElsewhere => ("used_elsewhere", None, None, None, None, None),
        Settlement::HandedOver { to } => ("handed_over", None, None, None, None, Some(to)),
    }
}

/// A row as it was selected.
fn winner(row: &Row<'_>) -> rusqlite::Result<Winner> {
    let ticket = Ticket {
        sender: rows::address(row, 1)?,
        recipient: rows::address(row, 2)?,
        face_value: rows::wei(row, 3)?,
        win_prob: rows::big(row, 4)?,
        sender_nonce: row.get(5)?,
        recipient_rand_hash: rows::hash(row, 6)?,
        creation_round: Round(rows::number(row, 7)?),
        creation_round_block_hash: rows::hash(row, 8)?,
    };
    let waiting = match row.get::<_, Option<String>>(15)? {
        None => None,
        Some(reason) => Some(Waiting {
            reason,
            message: row.get::<_, Option<String>>(16)?.unwrap_or_default(),
            not_before: rows::number_if_any(row, 17)?,
        }),
    };
    Ok(Winner {
        hash: rows::hash(row, 0)?,
        ticket: WinningTicket {
            ticket,
            signature: rows::bytes(row, 9)?,
            recipient_rand: rows::big(row, 10)?,
            params_expiration_block: rows::number(row, 11)?,
        },
        recorded_at: rows::time(row, 12)?,
        state: state(row)?,
        attempts: row.get(14)?,
        waiting,
    })
}

fn state(row: &Row<'_>) -> rusqlite::Result<WinnerState> {
    let tx = || -> rusqlite::Result<Option<TxHash>> {
        match row.get::<_, Option<Vec<u8>>>(19)? {
            None => Ok(None),
            Some(_) => rows::hash(row, 19).map(Some),
        }
    };
    let said = || -> rusqlite::Result<String> { Ok(row.get::<_, Option<String>>(24)?.unwrap_or_default()) };
    let name: String = row.get(13)?;
    let settlement = match name.as_str() {
        "pending" => return Ok(WinnerState::Pending),
        "in_flight" => {
            return Ok(WinnerState::InFlight {
                tx: tx()?,
                since_block: rows::number_if_any(row, 18)?.unwrap_or_default(),
            });
        }
        "redeemed" => Settlement::Redeemed {
            tx: rows::hash(row, 19)?,
            paid: rows::wei(row, 21)?,
            block: rows::number(row, 22)?,
            cost: rows::wei(row, 23)?,
        },
        "lost" => Settlement::Lost { reason: said()? },
        "handed_over" => Settlement::HandedOver { to: said()? },
        _ => Settlement::UsedElsewhere,
    };
    Ok(WinnerState::Settled {
        at: rows::time(row, 20)?,
        settlement,
    })
}
