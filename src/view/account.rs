//! Accounts on this machine. No secrets: what a keystore file says without being unlocked.

use alloy::primitives::Address;
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
