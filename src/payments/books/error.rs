//! What can stand in the way of keeping books.

use std::path::{Path, PathBuf};

use alloy::primitives::B256;
use rusqlite::ErrorCode;

/// Why books cannot be opened, read or written. Unless it says otherwise nothing was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BooksError {
    /// The file cannot be opened.
    #[error("the books {} cannot be opened: {reason}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What is in the way.
        reason: String,
    },
    /// There are no books yet.
    #[error("there are no books at {}", path.display())]
    Missing {
        /// Where they would be.
        path: PathBuf,
    },
    /// A later lpctl wrote them.
    #[error("the books {} are of a newer version of lpctl", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
    },
    /// An earlier lpctl wrote them, and nobody has brought them up to date.
    #[error("the books {} are of an older version of lpctl", path.display())]
    Older {
        /// The file.
        path: PathBuf,
    },
    /// Something in them cannot be what was written.
    #[error("the books {} are damaged: {what}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// The disk is full.
    #[error("the disk with the books is full")]
    Full,
    /// The disk did not take it, or did not give it back.
    #[error("the books cannot be used: {0}")]
    Storage(String),
    /// They were opened for reading.
    #[error("these books are open for reading only")]
    ReadOnly,
    /// The ticket is not there.
    #[error("no winning ticket {0} is in the books")]
    Unknown(B256),
    /// Its redemption has begun, or it has found its end.
    #[error("the winning ticket {0} is not waiting to be redeemed")]
    NotPending(B256),
    /// A fact larger than facts are.
    #[error("{key} is too long to be kept")]
    TooLong {
        /// Its name.
        key: String,
    },
    /// The thread that writes has ended.
    #[error("the books are closed")]
    Closed,
}

impl From<rusqlite::Error> for BooksError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full,
            _ => Self::Storage(error.to_string()),
        }
    }
}

/// What an error means when it comes from opening.
pub(super) fn opening(path: &Path, error: &rusqlite::Error) -> BooksError {
    let path = path.to_path_buf();
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => BooksError::Damaged {
            path,
            what: error.to_string(),
        },
        Some(ErrorCode::DiskFull) => BooksError::Full,
        Some(ErrorCode::CannotOpen) if !path.exists() => BooksError::Missing { path },
        _ => BooksError::Open {
            path,
            reason: error.to_string(),
        },
    }
}
