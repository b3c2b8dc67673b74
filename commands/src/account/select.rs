//! Which account a command acts for or asks about.

use alloy::primitives::Address;
use engine::wallet::{Account, KeystoreDir, keystore::parse_address};

use super::failure;
use crate::{
    context::Context,
    failure::{Failure, Kind},
};

/// The keystore folder in force.
pub fn keystore(context: &Context) -> KeystoreDir {
    KeystoreDir::open(&context.directories().keystore_dir)
}

/// The account commands act for: the one chosen, or the only one there is. Never makes one.
///
/// # Errors
/// A config failure that names the accounts there are.
pub fn selected(context: &Context) -> Result<Account, Failure> {
    let keystore = keystore(context);
    if let Some(chosen) = &context.settings().account {
        return keystore.find(chosen).map_err(failure::of);
    }
    let mut accounts = keystore.list().map_err(failure::of)?.accounts;
    if accounts.len() == 1 {
        return Ok(accounts.remove(0));
    }
    let known: Vec<String> = accounts.iter().map(Account::label).collect();
    let (message, hint) = if known.is_empty() {
        ("no account to act for", failure::known_accounts(&known))
    } else {
        let hint = format!(
            "choose one with `--account`, or for good with `lpctl account use`; {}",
            failure::known_accounts(&known)
        );
        ("several accounts and none chosen", hint)
    };
    Err(Failure::new(Kind::Config, "no_account", message).hint(hint))
}

/// The address a read-only command asks about: the one named, else that of the account in use. Needs no key for an address.
///
/// # Errors
/// A config failure when the name is unknown or no account is in use.
pub fn address(named: Option<&str>, context: &Context) -> Result<Address, Failure> {
    let named = named.or(context.settings().account.as_deref());
    if let Some(text) = named {
        if let Some(address) = parse_address(text).map_err(failure::of)? {
            return Ok(address);
        }
        let account = keystore(context).find(text).map_err(failure::of)?;
        return known_address(&account);
    }
    known_address(&selected(context)?)
}

/// The account's address, if its file tells it without being unlocked.
fn known_address(account: &Account) -> Result<Address, Failure> {
    account.address.ok_or_else(|| {
        let message = format!("{} does not say whose key it holds", account.file.display());
        Failure::new(Kind::Config, "address_unknown", message)
            .hint("name the address itself, or bring the file in with `lpctl account import`")
    })
}

/// Whether commands act for this account when nothing else is said.
pub fn is_in_use(context: &Context, account: &Account) -> bool {
    selected(context).is_ok_and(|selected| selected.file == account.file)
}
