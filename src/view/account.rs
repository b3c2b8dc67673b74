//! Accounts on this machine. No secrets: what a keystore file says without being unlocked.

use alloy::primitives::{Address, B256, Bytes};
use serde::Serialize;

/// One account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AccountView {
    /// The name given to it.
    pub name: Option<String>,
    /// Its address; none for files of tools that do not write it.
    pub address: Option<Address>,
    /// Its keystore file.
    pub file: String,
    /// Whether commands act for it when nothing else is said.
    pub in_use: bool,
    /// Whether other users of the machine may read the file.
    pub readable_by_others: bool,
}

/// All accounts of a keystore folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AccountList {
    /// The folder.
    pub keystore_dir: String,
    /// What is in it, sorted by file name.
    pub accounts: Vec<AccountView>,
}

/// An account that was made or brought in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewAccount {
    /// The account.
    pub account: AccountView,
    /// True if its key came from elsewhere.
    pub imported: bool,
}

/// What was signed, by whom, and the signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SignatureAnswer {
    /// Who signed.
    pub account: Address,
    /// The 32 bytes the signature is over.
    pub hash: B256,
    /// r, s and v, 65 bytes; v is 27 or 28.
    pub signature: Bytes,
}

/// An account whose file has another password now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PasswordChanged {
    /// The account.
    pub account: AccountView,
}

/// An account that was taken out of the keystore folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AccountRemoved {
    /// The account as it was.
    pub account: AccountView,
    /// Where its file is kept now.
    pub kept_file: String,
}

/// What the desktop's keyring keeps of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeyringAnswer {
    /// The account.
    pub account: AccountView,
    /// Whether its password is kept there now.
    pub kept: bool,
}
