//! The database of go-livepeer, read: tickets that won and were not redeemed (`go-livepeer common/db.go`).
//!
//! Nothing of the source is opened for writing, not even SQLite's own files beside it: what is read is a copy.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use alloy::primitives::{Address, B256, U256};
use rusqlite::{Connection, Row, types::ValueRef};

use super::WinningTicket;
use crate::{
    units::{Round, Wei},
    wire::{
        signature,
        ticket::{Ticket, rand_hash},
    },
};

/// The file's name in go-livepeer's data directory.
const FILE: &str = "lpdb.sqlite3";
/// Files SQLite may have beside it.
const BESIDE: [&str; 2] = ["-journal", "-wal"];
/// The only version there ever was.
const VERSION: &str = "1";

/// Why a database of go-livepeer cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LpdbError {
    /// There is none.
    #[error("there is no {}", path.display())]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
    /// The file or its copy cannot be read or written.
    #[error("{} cannot be copied to be read: {source}", path.display())]
    Copy {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// No database of go-livepeer, or a damaged one.
    #[error("{} is no database of go-livepeer that can be read: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Of a version nobody knows.
    #[error("{} has version {version}, which is not known", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: String,
    },
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lpdb {
    /// Chain it was used with, if it says.
    pub chain_id: Option<u64>,
    /// Winning tickets not redeemed yet, the oldest first. Each of them was checked: signature, numbers and draw.
    pub tickets: Vec<WinningTicket>,
    /// How many were redeemed, or given up.
    pub redeemed: u64,
    /// Tickets not redeemed that are none, and why.
    pub refused: Vec<String>,
}

impl Lpdb {
    /// Reads the database in a data directory of go-livepeer. Blocks.
    ///
    /// # Errors
    /// See [`LpdbError`].
    pub fn read(data_dir: &Path) -> Result<Self, LpdbError> {
        let path = data_dir.join(FILE);
        if !path.is_file() {
            return Err(LpdbError::Missing { path });
        }
        let copied = |source| LpdbError::Copy {
            path: path.clone(),
            source,
        };
        let folder = tempfile::tempdir().map_err(copied)?;
        let copy = folder.path().join(FILE);
        fs::copy(&path, &copy).map_err(copied)?;
        for suffix in BESIDE {
            let beside = |path: &Path| {
                let mut name = path.as_os_str().to_owned();
                name.push(suffix);
                PathBuf::from(name)
            };
            match fs::copy(beside(&path), beside(&copy)) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(copied(error)),
            }
        }
        let unreadable = |error: rusqlite::Error| LpdbError::Unreadable {
            path: path.clone(),
            reason: error.to_string(),
        };
        let connection = Connection::open(&copy).map_err(unreadable)?;
        let checked: String = connection
            .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
            .map_err(unreadable)?;
        if checked != "ok" {
            return Err(LpdbError::Unreadable {
                path,
                reason: checked,
            });
        }
        let version = kept(&connection, "dbVersion").map_err(unreadable)?;
        if version.as_deref() != Some(VERSION) {
            return Err(LpdbError::Version {
                path,
                version: version.unwrap_or_else(|| "none".to_string()),
            });
        }
        let chain_id = kept(&connection, "chainID").map_err(unreadable)?;
        let mut found = Self {
            chain_id: chain_id.and_then(|text| text.parse().ok()),
            redeemed: connection
                .query_row(
                    "SELECT COUNT(*) FROM ticketQueue WHERE redeemedAt IS NOT NULL",
                    [],
                    |row| row.get::<_, u32>(0),
                )
                .map_err(unreadable)?
                .into(),
            ..Self::default()
        };
        let mut statement = connection
            .prepare(
                "SELECT sender, recipient, faceValue, winProb, senderNonce, recipientRand, recipientRandHash, sig,
                 creationRound, creationRoundBlockHash, paramsExpirationBlock FROM ticketQueue
                 WHERE redeemedAt IS NULL ORDER BY createdAt, rowid",
            )
            .map_err(unreadable)?;
        let mut rows = statement.query([]).map_err(unreadable)?;
        while let Some(row) = rows.next().map_err(unreadable)? {
            match ticket(row).and_then(checked_ticket) {
                Ok(ticket) => found.tickets.push(ticket),
                Err(reason) => found.refused.push(reason),
            }
        }
        Ok(found)
    }
}

/// A value of the table of facts. Its columns are declared `STRING`, which SQLite takes for numbers: `1` comes back as one.
fn kept(connection: &Connection, key: &str) -> rusqlite::Result<Option<String>> {
    let mut statement = connection.prepare("SELECT value FROM kv WHERE key = ?1")?;
    let mut rows = statement.query([key])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    Ok(match row.get_ref(0)? {
        ValueRef::Integer(number) => Some(number.to_string()),
        ValueRef::Text(text) => Some(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Null | ValueRef::Real(_) | ValueRef::Blob(_) => None,
    })
}

fn ticket(row: &Row<'_>) -> Result<WinningTicket, String> {
    let blob = |index: usize, name: &str| match row.get_ref(index) {
        Ok(ValueRef::Blob(bytes)) => Ok(bytes.to_vec()),
        // Nothing at all is zero.
        Ok(ValueRef::Null) => Ok(Vec::new()),
        _ => Err(format!("its {name} is no number")),
    };
    let big = |index: usize, name: &str| {
        let bytes = blob(index, name)?;
        U256::try_from_be_slice(&bytes).ok_or_else(|| format!("its {name} is too large"))
    };
    let whole = |index: usize, name: &str| {
        let number = row.get::<_, i64>(index).ok();
        let number = number.and_then(|number| u64::try_from(number).ok());
        number.ok_or_else(|| format!("its {name} is no number"))
    };
    let text = |index: usize, name: &str| {
        row.get::<_, String>(index)
            .map_err(|_| format!("its {name} is no text"))
    };
    let address = |index: usize, name: &str| {
        let text = text(index, name)?;
        text.parse::<Address>()
            .map_err(|_| format!("its {name} is no address"))
    };
    let hash = |index: usize, name: &str| {
        let text = text(index, name)?;
        text.parse::<B256>().map_err(|_| format!("its {name} is no hash"))
    };
    let ticket = Ticket {
        sender: address(0, "sender")?,
        recipient: address(1, "recipient")?,
        face_value: Wei(big(2, "face value")?),
        win_prob: big(3, "chance to win")?,
        sender_nonce: u32::try_from(whole(4, "number")?)
            .map_err(|_| "its number is too large".to_string())?,
        recipient_rand_hash: hash(6, "recipient's hash")?,
        creation_round: Round(whole(8, "round")?),
        creation_round_block_hash: hash(9, "round's block")?,
    };
    let signature = blob(7, "signature")?;
    Ok(WinningTicket {
        ticket,
        signature: signature
            .try_into()
            .map_err(|_| "its signature is not of 65 bytes".to_string())?,
        recipient_rand: big(5, "recipient's number")?,
        params_expiration_block: whole(10, "expiration block")?,
    })
}

/// Only what the contract would take is taken over.
fn checked_ticket(winner: WinningTicket) -> Result<WinningTicket, String> {
    let ticket = &winner.ticket;
    let named = |reason: &str| format!("{}: {reason}", ticket.hash());
    if rand_hash(winner.recipient_rand) != ticket.recipient_rand_hash {
        return Err(named("the recipient's number is not the one it was made with"));
    }
    if !signature::verify(ticket.sender, &ticket.message(), &winner.signature) {
        return Err(named("its sender did not sign it"));
    }
    if !ticket.wins(&winner.signature, winner.recipient_rand) {
        return Err(named("it did not win"));
    }
    Ok(winner)
}

#[cfg(test)]
mod tests {
    use alloy::signers::local::PrivateKeySigner;
    use rusqlite::params;

    use super::*;
    use crate::wire::signature::{LocalSigner, MessageSigner};

    /// go-livepeer's tables, as far as tickets need them, with its odd `STRING` columns.
    const TABLES: &str = "
        CREATE TABLE kv (key STRING PRIMARY KEY, value STRING, updatedAt STRING DEFAULT CURRENT_TIMESTAMP);
        CREATE TABLE ticketQueue (
            createdAt DATETIME DEFAULT CURRENT_TIMESTAMP,
            sender STRING, recipient STRING, faceValue BLOB, winProb BLOB, senderNonce INTEGER, recipientRand BLOB,
            recipientRandHash STRING, sig BLOB PRIMARY KEY, creationRound int64, creationRoundBlockHash STRING,
            paramsExpirationBlock int64, redeemedAt DATETIME, txHash STRING
        );
        CREATE INDEX idx_ticketqueue_sender ON ticketQueue(sender);
        INSERT INTO kv (key, value) VALUES ('dbVersion', '1'), ('chainID', '42161');";

    fn minimal(number: U256) -> Vec<u8> {
        number.to_be_bytes_trimmed_vec()
    }

    fn signed(nonce: u32, sender: &LocalSigner) -> WinningTicket {
        let recipient_rand = U256::from(0x1234);
        let ticket = Ticket {
            recipient: Address::repeat_byte(2),
            sender: sender.address(),
            face_value: Wei::gwei(1000),
            win_prob: U256::MAX,
            sender_nonce: nonce,
            recipient_rand_hash: rand_hash(recipient_rand),
            creation_round: Round(10),
            creation_round_block_hash: B256::repeat_byte(4),
        };
        WinningTicket {
            signature: sender.sign(&ticket.message()).try_into().unwrap(),
            ticket,
            recipient_rand,
            params_expiration_block: 140,
        }
    }

    fn insert(connection: &Connection, winner: &WinningTicket, redeemed: Option<&str>) {
        let ticket = &winner.ticket;
        connection
            .execute(
                "INSERT INTO ticketQueue (sender, recipient, faceValue, winProb, senderNonce, recipientRand,
                 recipientRandHash, sig, creationRound, creationRoundBlockHash, paramsExpirationBlock, redeemedAt, txHash)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?12)",
                params![
                    ticket.sender.to_checksum(None),
                    ticket.recipient.to_checksum(None),
                    minimal(ticket.face_value.0),
                    minimal(ticket.win_prob),
                    ticket.sender_nonce,
                    minimal(winner.recipient_rand),
                    ticket.recipient_rand_hash.to_string(),
                    winner.signature,
                    10,
                    ticket.creation_round_block_hash.to_string(),
                    140,
                    redeemed,
                ],
            )
            .unwrap();
    }

    // Trap 45.
    #[test]
    fn every_unredeemed_ticket_appears_and_the_source_stays_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let sender = LocalSigner(PrivateKeySigner::random());
        let connection = Connection::open(&path).unwrap();
        connection.execute_batch(TABLES).unwrap();
        let winners: Vec<_> = (1..=3).map(|nonce| signed(nonce, &sender)).collect();
        for winner in &winners {
            insert(&connection, winner, None);
        }
        insert(&connection, &signed(4, &sender), Some("2024-01-01 00:00:00"));
        let forged = WinningTicket {
            params_expiration_block: 140,
            ..signed(5, &LocalSigner(PrivateKeySigner::random()))
        };
        let mut stranger = forged.clone();
        stranger.ticket.sender = sender.address();
        insert(&connection, &stranger, None);
        let mut loser = signed(6, &sender);
        loser.ticket.win_prob = U256::from(1);
        loser.signature = sender.sign(&loser.ticket.message()).try_into().unwrap();
        insert(&connection, &loser, None);
        drop(connection);
        let before = fs::read(&path).unwrap();
        let files = || fs::read_dir(folder.path()).unwrap().count();
        let (count, found) = (files(), Lpdb::read(folder.path()).unwrap());
        assert_eq!(found.tickets, winners);
        assert_eq!((found.chain_id, found.redeemed), (Some(42161), 1));
        assert_eq!(found.refused.len(), 2, "{:?}", found.refused);
        assert_eq!((fs::read(&path).unwrap(), files()), (before, count));
    }

    #[test]
    fn what_is_no_database_of_go_livepeer_is_told() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(
            Lpdb::read(folder.path()),
            Err(LpdbError::Missing { .. })
        ));
        let path = folder.path().join(FILE);
        fs::write(&path, "no database").unwrap();
        assert!(matches!(
            Lpdb::read(folder.path()),
            Err(LpdbError::Unreadable { .. })
        ));
        fs::remove_file(&path).unwrap();
        let connection = Connection::open(&path).unwrap();
        connection.execute_batch(TABLES).unwrap();
        connection
            .execute("UPDATE kv SET value = '2' WHERE key = 'dbVersion'", [])
            .unwrap();
        drop(connection);
        let read = Lpdb::read(folder.path());
        assert!(matches!(read, Err(LpdbError::Version { version, .. }) if version == "2"));
    }
}
