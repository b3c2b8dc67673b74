//! Bearer tokens of the operator's API: shown once, kept as hashes in a private file. The file is looked at for every
//! request that brings a token, so that what is made or revoked counts at once.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::scope::Scope;
use crate::private_file;

/// What tokens begin with, so that they are found where they should not be.
const PREFIX: &str = "lpctl_";
/// Tokens of one file.
const MOST: usize = 100;
/// Longest name, in characters.
const LONGEST_NAME: usize = 40;

/// Why tokens cannot be used, made or revoked.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The file cannot be read or written.
    #[error("{} cannot be used: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Others could read it, or put tokens of their own there.
    #[error("others can read {}: its mode is {mode:o}", path.display())]
    Readable {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// What is in it is none of ours.
    #[error("{} holds something else: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is the matter.
        reason: String,
    },
    /// A name nobody could write.
    #[error("a token's name has 1 to {LONGEST_NAME} letters, digits, `-`, `_` or `.`")]
    Name,
    /// There is one of that name.
    #[error("there is a token `{0}` already")]
    Taken(String),
    /// There is none of that name.
    #[error("there is no token `{0}`")]
    Unknown(String),
    /// There are as many as may be.
    #[error("there are {MOST} tokens, as many as may be")]
    Full,
}

/// What may be told of a token: everything but itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenFacts {
    /// Its name, which the audit log tells.
    pub name: String,
    /// What it allows.
    pub scope: Scope,
    /// When it was made.
    pub created: Timestamp,
}

/// A token in the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    #[serde(flatten)]
    facts: TokenFacts,
    /// SHA-256 of the whole token, in hexadecimal. A token has 256 random bits: nothing slower is needed.
    hash: String,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Contents {
    tokens: Vec<Entry>,
}

/// What tells one state of the file from another.
type Mark = (u64, i64, i64, u64);

/// The tokens of a file.
#[derive(Debug)]
pub struct TokenBook {
    path: PathBuf,
    seen: Mutex<Option<(Mark, Vec<Entry>)>>,
}

impl TokenBook {
    /// The tokens of this file, which need not be there yet.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self {
            path,
            seen: Mutex::default(),
        }
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All of them, in the order they were made.
    ///
    /// # Errors
    /// See [`TokenError`].
    pub fn list(&self) -> Result<Vec<TokenFacts>, TokenError> {
        Ok(self.read()?.into_iter().map(|entry| entry.facts).collect())
    }

    /// Makes one. It is returned, and cannot be had again.
    ///
    /// # Errors
    /// See [`TokenError`].
    pub fn make(&self, name: &str, scope: Scope) -> Result<Zeroizing<String>, TokenError> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.is_empty() || name.len() > LONGEST_NAME || !name.chars().all(is_plain) || name == "loopback" {
            return Err(TokenError::Name);
        }
        let random = Zeroizing::new(rand::random::<[u8; 32]>());
        let token = Zeroizing::new(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(*random)));
        self.edit(|tokens| {
            if tokens.iter().any(|entry| entry.facts.name == name) {
                return Err(TokenError::Taken(name.to_string()));
            }
            if tokens.len() >= MOST {
                return Err(TokenError::Full);
            }
            tokens.push(Entry {
                facts: TokenFacts {
                    name: name.to_string(),
                    scope,
                    created: Timestamp::now(),
                },
                hash: hash_of(&token),
            });
            Ok(())
        })?;
        Ok(token)
    }

    /// Takes one away: from the next request on it is worth nothing.
    ///
    /// # Errors
    /// See [`TokenError`].
    pub fn revoke(&self, name: &str) -> Result<(), TokenError> {
        self.edit(|tokens| {
            let before = tokens.len();
            tokens.retain(|entry| entry.facts.name != name);
            match tokens.len() < before {
                true => Ok(()),
                false => Err(TokenError::Unknown(name.to_string())),
            }
        })
    }

    /// Whose token this is; none if nobody's, or if the file cannot be used.
    pub(super) fn holder(&self, token: &str) -> Option<TokenFacts> {
        let hash = hash_of(token);
        let mark = mark_of(&self.path).ok()?;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let tokens = match &mut *seen {
            Some((known, tokens)) if *known == mark => tokens,
            seen => match self.read() {
                Ok(tokens) => &mut seen.insert((mark, tokens)).1,
                Err(error) => {
                    tracing::warn!(%error, "no token is accepted");
                    *seen = None;
                    return None;
                }
            },
        };
        // What is compared are hashes: how long that takes tells nothing of a token.
        let found = tokens.iter().find(|entry| entry.hash == hash);
        found.map(|entry| entry.facts.clone())
    }

    fn read(&self) -> Result<Vec<Entry>, TokenError> {
        let path = || self.path.clone();
        let (text, mode) = match private_file::read(&self.path) {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(TokenError::File { path: path(), source }),
        };
        if mode & 0o077 != 0 {
            return Err(TokenError::Readable { path: path(), mode });
        }
        let contents: Contents = serde_json::from_str(&text).map_err(|error| TokenError::Damaged {
            path: path(),
            reason: error.to_string(),
        })?;
        Ok(contents.tokens)
    }

    /// Changes them, one program at a time.
    fn edit(&self, change: impl FnOnce(&mut Vec<Entry>) -> Result<(), TokenError>) -> Result<(), TokenError> {
        let failed = |source| TokenError::File {
            path: self.path.clone(),
            source,
        };
        if let Some(folder) = self.path.parent() {
            private_file::make_directory(folder).map_err(failed)?;
        }
        let _held = self.hold().map_err(failed)?;
        let mut contents = Contents { tokens: self.read()? };
        change(&mut contents.tokens)?;
        let text = serde_json::to_vec_pretty(&contents).map_err(|error| failed(error.into()))?;
        private_file::replace(&self.path, text).map_err(failed)
    }

    /// Held until it is dropped.
    fn hold(&self) -> io::Result<File> {
        let mut name = self.path.clone().into_os_string();
        name.push(".lock");
        let file = OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(false)
            .mode(0o600)
            .open(PathBuf::from(name))?;
        file.lock()?;
        Ok(file)
    }
}

fn hash_of(token: &str) -> String {
    hex::encode(Sha256::digest(token.as_bytes()))
}

fn mark_of(path: &Path) -> io::Result<Mark> {
    let metadata = std::fs::metadata(path)?;
    Ok((
        metadata.ino(),
        metadata.mtime(),
        metadata.mtime_nsec(),
        metadata.size() ^ u64::from(metadata.mode()) << 32,
    ))
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    #[test]
    fn a_token_is_shown_once_and_kept_as_a_hash() {
        let folder = tempfile::tempdir().unwrap();
        let book = TokenBook::new(folder.path().join("tokens.json"));
        let token = book.make("grafana", Scope::Read).unwrap();
        assert!(
            token.starts_with(PREFIX) && token.len() == PREFIX.len() + 43,
            "{}",
            token.len()
        );
        let kept = fs::read_to_string(book.path()).unwrap();
        assert!(
            !kept.contains(token.trim_start_matches(PREFIX)),
            "the file holds the token"
        );
        assert_eq!(
            fs::metadata(book.path()).unwrap().permissions().mode() & 0o777,
            0o600
        );
        let holder = book.holder(&token).unwrap();
        assert_eq!((holder.name.as_str(), holder.scope), ("grafana", Scope::Read));
        for wrong in [
            "",
            "lpctl_",
            &token[1..],
            &token[..token.len() - 1],
            &format!("{}x", *token),
        ] {
            assert_eq!(book.holder(wrong), None);
        }
    }

    #[test]
    fn what_is_made_and_revoked_by_another_program_counts_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens.json");
        let (node, command) = (TokenBook::new(path.clone()), TokenBook::new(path));
        assert_eq!(node.holder("lpctl_x"), None);
        let token = command.make("a", Scope::Money).unwrap();
        assert_eq!(node.holder(&token).map(|holder| holder.scope), Some(Scope::Money));
        assert!(matches!(
            command.make("a", Scope::Read),
            Err(TokenError::Taken(_))
        ));
        command.revoke("a").unwrap();
        assert_eq!(node.holder(&token), None);
        assert!(matches!(command.revoke("a"), Err(TokenError::Unknown(_))));
    }

    #[test]
    fn a_file_others_can_read_makes_no_token_good() {
        let folder = tempfile::tempdir().unwrap();
        let book = TokenBook::new(folder.path().join("tokens.json"));
        let token = book.make("a", Scope::Read).unwrap();
        assert!(book.holder(&token).is_some());
        fs::set_permissions(book.path(), fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(book.holder(&token), None);
        assert!(matches!(
            book.list(),
            Err(TokenError::Readable { mode: 0o644, .. })
        ));
        fs::set_permissions(book.path(), fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(book.path(), "{\"tokens\":7}").unwrap();
        assert_eq!(book.holder(&token), None);
    }

    #[test]
    fn names_are_plain() {
        let folder = tempfile::tempdir().unwrap();
        let book = TokenBook::new(folder.path().join("tokens.json"));
        for wrong in ["", "a b", "ü", "a\n", "loopback", &"x".repeat(41)] {
            assert!(
                matches!(book.make(wrong, Scope::Read), Err(TokenError::Name)),
                "{wrong:?}"
            );
        }
        for number in 0..MOST {
            book.make(&format!("t{number}"), Scope::Read).unwrap();
        }
        assert!(matches!(
            book.make("one-more", Scope::Read),
            Err(TokenError::Full)
        ));
        assert_eq!(book.list().unwrap().len(), MOST, "a full file can still be read");
    }
}
