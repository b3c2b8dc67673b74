//! Names people give their accounts: `names.toml` beside the keystore files.

use std::{collections::BTreeMap, io, path::Path};

use alloy::primitives::Address;
use serde::{Deserialize, Serialize};

use super::WalletError;
use crate::private_file;

/// The file's name inside a keystore folder.
pub const FILE_NAME: &str = "names.toml";

/// Names and the accounts they stand for. One account may have several, one name has one account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Names {
    #[serde(default)]
    names: BTreeMap<String, Address>,
}

impl Names {
    /// Reads the names of a keystore folder; no file means no names.
    ///
    /// # Errors
    /// When the file cannot be read or understood.
    pub fn read(directory: &Path) -> Result<Self, WalletError> {
        let path = directory.join(FILE_NAME);
        let text = match private_file::read(&path) {
            Ok((text, _)) => text,
            Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(source) => return Err(WalletError::Read { path, source }),
        };
        let names: Self = toml::from_str(&text).map_err(|error| WalletError::BadNames {
            path: path.clone(),
            reason: error.message().to_string(),
        })?;
        match names.names.keys().find(|name| !is_name(name)) {
            Some(bad) => Err(WalletError::BadNames {
                path,
                reason: WalletError::BadName(bad.clone()).to_string(),
            }),
            None => Ok(names),
        }
    }

    /// Writes the names, replacing the file in one step.
    ///
    /// # Errors
    /// When the folder cannot be written; the old file stays.
    pub fn write(&self, directory: &Path) -> Result<(), WalletError> {
        let path = directory.join(FILE_NAME);
        let text = toml::to_string(self).map_err(|error| WalletError::BadNames {
            path: path.clone(),
            reason: error.to_string(),
        })?;
        private_file::replace(&path, &text).map_err(|source| WalletError::Write { path, source })
    }

    /// The account a name stands for.
    #[must_use]
    pub fn address(&self, name: &str) -> Option<Address> {
        self.names.get(name).copied()
    }

    /// The (first) name of an account.
    #[must_use]
    pub fn name(&self, address: Address) -> Option<&str> {
        self.names
            .iter()
            .find(|(_, named)| **named == address)
            .map(|(name, _)| name.as_str())
    }

    /// Takes an account's names away; tells whether it had any.
    pub fn forget(&mut self, address: Address) -> bool {
        let before = self.names.len();
        self.names.retain(|_, named| *named != address);
        self.names.len() < before
    }

    /// Gives an account a name.
    ///
    /// # Errors
    /// When the name is another account's, or cannot be a name.
    pub fn add(&mut self, name: &str, address: Address) -> Result<(), WalletError> {
        if !is_name(name) {
            return Err(WalletError::BadName(name.to_string()));
        }
        match self.address(name) {
            Some(other) if other != address => Err(WalletError::NameTaken {
                name: name.to_string(),
                address: other,
            }),
            _ => {
                self.names.insert(name.to_string(), address);
                Ok(())
            }
        }
    }
}

/// Whether a text can be a name: short, plain, and never to be taken for an address or a path.
#[must_use]
pub fn is_name(text: &str) -> bool {
    text.len() <= 64
        && text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}
