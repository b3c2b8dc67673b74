//! Secrets that are made once, and small facts that must be there after a restart.

use rusqlite::{OptionalExtension, params};

use super::{Books, error::BooksError, rows};

/// Neither a fact nor its name is longer than this.
const MOST_BYTES: usize = 64 << 10;

impl Books {
    /// The secret of this name: 32 bytes from the cryptographic generator, made the first time it is asked for.
    ///
    /// # Errors
    /// [`BooksError`].
    pub async fn secret(&self, name: &str) -> Result<[u8; 32], BooksError> {
        let name = name.to_string();
        let path = self.0.path.clone();
        self.write(move |batch| {
            let connection = batch.connection();
            connection
                .prepare_cached("INSERT OR IGNORE INTO secrets (name, value) VALUES (?1, ?2)")?
                .execute(params![name, rand::random::<[u8; 32]>()])?;
            let value: Vec<u8> = connection
                .prepare_cached("SELECT value FROM secrets WHERE name = ?1")?
                .query_row([&name], |row| row.get(0))?;
            value.try_into().map_err(|_| BooksError::Damaged {
                path: path.clone(),
                what: format!("the secret `{name}` is not 32 bytes"),
            })
        })
        .await
    }

    /// What was kept under a key.
    ///
    /// # Errors
    /// [`BooksError`].
    pub async fn kept(&self, key: &str) -> Result<Option<String>, BooksError> {
        let key = key.to_string();
        self.read(move |connection| {
            Ok(connection
                .prepare_cached("SELECT value FROM kept WHERE key = ?1")?
                .query_row([&key], |row| row.get(0))
                .optional()?)
        })
        .await
    }

    /// What was kept under keys that begin so: keys in descending order, at most so many.
    ///
    /// # Errors
    /// [`BooksError`].
    pub async fn kept_under(&self, prefix: &str, limit: usize) -> Result<Vec<(String, String)>, BooksError> {
        let prefix = prefix.to_string();
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT key, value FROM kept WHERE substr(key, 1, length(?1)) = ?1 ORDER BY key DESC LIMIT ?2",
            )?;
            let read = statement.query_map(params![prefix, rows::whole(limit as u64)], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?;
            Ok(read.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Keeps a text under a key, in place of what was there.
    ///
    /// # Errors
    /// [`BooksError`], also for a text beyond 64 KiB.
    pub async fn keep(&self, key: &str, value: &str) -> Result<(), BooksError> {
        if key.len() > MOST_BYTES || value.len() > MOST_BYTES {
            return Err(BooksError::TooLong {
                key: key.chars().take(100).collect(),
            });
        }
        let (key, value) = (key.to_string(), value.to_string());
        self.write(move |batch| {
            batch
                .connection()
                .prepare_cached("INSERT OR REPLACE INTO kept (key, value, changed_at) VALUES (?1, ?2, ?3)")?
                .execute(params![key, value, rows::now()])?;
            Ok(())
        })
        .await
    }
}
