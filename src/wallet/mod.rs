//! Accounts on this machine: keystore files, their names, and unlocking them into signers.
//!
//! Files are Web3 Secret Storage version 3, as geth and go-livepeer write them: theirs are read as they are, ours can be
//! read by them. Nothing here asks for a password: it is given a [`unlock::PasswordSource`].

pub mod keystore;
pub mod names;
pub mod private_key;
pub mod sign;
pub mod unlock;
pub mod v3;

use std::{io, path::PathBuf};

use alloy::primitives::Address;

pub use keystore::{Account, KeystoreDir};

/// What can be wrong with keystore files, names and passwords. Never holds a secret.
#[derive(Debug, thiserror::Error)]
pub enum WalletError {
    /// A file or folder could not be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file or folder could not be written. What was there before is untouched.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is not a keystore file this version understands.
    #[error("{} is not a keystore file: {reason}", path.display())]
    NotAKeystore {
        /// Which one.
        path: PathBuf,
        /// What it lacks.
        reason: v3::FormatError,
    },
    /// The password does not open the file.
    #[error("wrong password for {}", path.display())]
    WrongPassword {
        /// The keystore file.
        path: PathBuf,
    },
    /// The key inside belongs to another account than the file says.
    #[error("{} says it holds {written} but its key is that of {actual}", path.display())]
    AddressMismatch {
        /// The keystore file.
        path: PathBuf,
        /// What its `address` field or name says.
        written: Address,
        /// Whose key it is.
        actual: Address,
    },
    /// No account of that name, address or file.
    #[error("there is no account `{wanted}` in {}", directory.display())]
    UnknownAccount {
        /// What was asked for.
        wanted: String,
        /// Where was looked.
        directory: PathBuf,
        /// The accounts that are there, as people call them.
        known: Vec<String>,
    },
    /// Several files hold that account.
    #[error("`{wanted}` is in {} files", files.len())]
    SeveralFiles {
        /// What was asked for.
        wanted: String,
        /// The files.
        files: Vec<PathBuf>,
    },
    /// An address in mixed case whose checksum (EIP-55) is wrong: a digit was mistyped.
    #[error("`{0}` fails its checksum: a digit or a letter's case is wrong")]
    BadChecksum(String),
    /// The account is already in the folder.
    #[error("{address} is already in {}", path.display())]
    AccountExists {
        /// The account.
        address: Address,
        /// Its keystore file.
        path: PathBuf,
    },
    /// The name belongs to another account.
    #[error("the name `{name}` belongs to {address}")]
    NameTaken {
        /// The name.
        name: String,
        /// Whose it is.
        address: Address,
    },
    /// Not usable as a name.
    #[error("`{0}` cannot be a name: use up to 64 letters, digits, `-`, `_` or `.`, beginning with a letter")]
    BadName(String),
    /// The file of names cannot be understood.
    #[error("cannot read the account names in {}: {reason}", path.display())]
    BadNames {
        /// The file.
        path: PathBuf,
        /// What is wrong in it.
        reason: String,
    },
    /// Others may write to the folder, so a key put there could be exchanged.
    #[error("others may write to {} (mode {mode:03o})", path.display())]
    DirectoryOpen {
        /// The folder.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file is not in the keystore folder, so it is not for us to put away.
    #[error("{} is not in the keystore folder {}", path.display(), directory.display())]
    Elsewhere {
        /// The file.
        path: PathBuf,
        /// The folder.
        directory: PathBuf,
    },
    /// The text is not a private key. Never repeats it.
    #[error("that is not a private key: 64 hexadecimal digits are expected")]
    NotAPrivateKey,
    /// An empty password would leave the key unprotected.
    #[error("the password is empty")]
    EmptyPassword,
    /// The work could not be run to its end: the process is shutting down.
    #[error("unlocking was interrupted")]
    Interrupted,
}
