//! The tables, and the way from older files. A version that was released never changes: what comes next is a migration.

use std::{path::Path, time::Duration};

use rusqlite::Connection;
use rusqlite_migration::{Error, M, MigrationDefinitionError, Migrations};

use super::error::{BooksError, opening};

/// How long a reader and the writer wait for each other.
const PATIENCE: Duration = Duration::from_secs(5);

/// Amounts are text: `fraction` in lowest terms like `22/7`, or whole wei. Hashes, addresses and numbers of 256 bits are
/// blobs, big-endian, of their full length. Times are Unix seconds. Totals are whole parts of 10⁻¹⁸ wei, so that adding up
/// fractions for years does not make them longer.
const VERSION_1: &str = "
CREATE TABLE secrets (
    name TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE kept (
    key TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL,
    changed_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE accounts (
    sender BLOB NOT NULL,
    session TEXT NOT NULL,
    balance TEXT NOT NULL,
    price TEXT,
    touched_at INTEGER NOT NULL,
    PRIMARY KEY (sender, session)
) STRICT, WITHOUT ROWID;

CREATE TABLE totals (
    sender BLOB NOT NULL PRIMARY KEY,
    credited TEXT NOT NULL,
    charged TEXT NOT NULL,
    expired TEXT NOT NULL,
    pixels INTEGER NOT NULL,
    tickets INTEGER NOT NULL,
    winners INTEGER NOT NULL,
    face_value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE nonces (
    rand_hash BLOB NOT NULL,
    nonce INTEGER NOT NULL,
    expiration_block INTEGER NOT NULL,
    PRIMARY KEY (rand_hash, nonce)
) STRICT, WITHOUT ROWID;
CREATE INDEX nonces_by_block ON nonces (expiration_block);

CREATE TABLE winners (
    hash BLOB NOT NULL PRIMARY KEY,
    sender BLOB NOT NULL,
    recipient BLOB NOT NULL,
    face_value TEXT NOT NULL,
    win_prob BLOB NOT NULL,
    sender_nonce INTEGER NOT NULL,
    recipient_rand_hash BLOB NOT NULL,
    creation_round INTEGER NOT NULL,
    creation_round_block_hash BLOB NOT NULL,
    signature BLOB NOT NULL,
    recipient_rand BLOB NOT NULL,
    params_expiration_block INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'in_flight', 'redeemed', 'lost', 'used_elsewhere', 'handed_over')),
    attempts INTEGER NOT NULL DEFAULT 0,
    waiting_reason TEXT,
    waiting_message TEXT,
    not_before INTEGER,
    since_block INTEGER,
    tx BLOB,
    settled_at INTEGER,
    paid TEXT,
    block INTEGER,
    cost TEXT,
    said TEXT
) STRICT;
CREATE INDEX winners_by_state ON winners (state, recorded_at);
CREATE INDEX winners_by_sender ON winners (sender);
";

/// In order, the first one for a file without tables.
fn migrations() -> Migrations<'static> {
    Migrations::new(vec![M::up(VERSION_1)])
}

/// The version this lpctl writes.
pub(super) const VERSION: i64 = 1;

/// What every connection that writes is told.
pub(super) fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    be_patient(connection)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", "ON")?;
    // SQLite's own limit on a file is terabytes; the log is cut back after it has grown.
    connection.pragma_update(None, "journal_size_limit", 64 << 20)
}

/// Waits for others instead of failing at once.
pub(super) fn be_patient(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(PATIENCE)
}

/// Makes the tables, or what is missing of them.
pub(super) fn bring_up_to_date(connection: &mut Connection, path: &Path) -> Result<(), BooksError> {
    migrations().to_latest(connection).map_err(|error| match error {
        Error::MigrationDefinition(MigrationDefinitionError::DatabaseTooFarAhead) => BooksError::Newer {
            path: path.to_path_buf(),
        },
        Error::RusqliteError { err, .. } => opening(path, &err),
        other => BooksError::Open {
            path: path.to_path_buf(),
            reason: other.to_string(),
        },
    })
}

/// Whether the file is of the version this lpctl reads.
pub(super) fn check_version(connection: &Connection, path: &Path) -> Result<(), BooksError> {
    let version: i64 = connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(|error| opening(path, &error))?;
    let path = path.to_path_buf();
    match version {
        VERSION => Ok(()),
        0..VERSION => Err(BooksError::Older { path }),
        _ => Err(BooksError::Newer { path }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_apply_and_end_at_the_version_that_is_read() {
        migrations().validate().unwrap();
        let mut connection = Connection::open_in_memory().unwrap();
        let path = Path::new("memory");
        bring_up_to_date(&mut connection, path).unwrap();
        check_version(&connection, path).unwrap();
        connection
            .pragma_update(None, "user_version", VERSION + 1)
            .unwrap();
        assert!(matches!(
            check_version(&connection, path),
            Err(BooksError::Newer { .. })
        ));
        assert!(matches!(
            bring_up_to_date(&mut connection, path),
            Err(BooksError::Newer { .. })
        ));
    }
}
