//! `lpctl account keyring`, and the keyring as a place passwords come from.
//!
//! The keyring is the desktop's (Secret Service over D-Bus): GNOME Keyring, KWallet, KeePassXC. Servers have none, which
//! is said where one is asked for by name and passed over otherwise.

use std::time::Duration;

use alloy::primitives::Address;
use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use engine::{secret::Password, view::account::KeyringAnswer, wallet::Account};
use keyring_core::{Entry, Error, api::CredentialStoreApi as _};
use zbus_secret_service_keyring_store::Store;

use super::{failure, password, select, view};
use crate::{
    complete,
    context::Context,
    failure::{Failure, Kind},
    shell::{Report, Style, escape},
};

/// Whose entries these are, as the keyring calls it.
const SERVICE: &str = "lpctl";

/// How long the keyring may take: it may have to be unlocked by its owner first.
const PATIENCE: Duration = Duration::from_secs(60);

/// Keep an account's password in the desktop's keyring, or forget it there
///
/// Commands take it from there when there is no --password-file and no systemd credential. The password is tried before
/// it is kept. Servers have no keyring: give them a password file or a credential.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl account keyring orchestrator
  lpctl account keyring orchestrator --forget")]
pub struct KeyringArgs {
    /// Name, address or keystore file; without it the account in use
    #[arg(value_name = "NAME|0x…", add = ArgValueCompleter::new(complete::accounts))]
    pub which: Option<String>,
    /// Forget it
    #[arg(long)]
    pub forget: bool,
}

/// Keeps or forgets it.
///
/// # Errors
/// A refusal for a wrong password; a failure where no keyring answers.
pub async fn run(args: KeyringArgs, context: &mut Context) -> eyre::Result<()> {
    let account = match &args.which {
        Some(which) => select::keystore(context).find(which).map_err(failure::of)?,
        None => select::selected(context)?,
    };
    let address = account.address.ok_or_else(|| {
        let message = format!("{} does not say whose key it holds", account.file.display());
        Failure::new(Kind::Config, "address_unknown", message)
            .hint("bring the file in with `lpctl account import`")
    })?;
    let kept = if args.forget {
        if !forget(address).await.map_err(unavailable)? {
            let message = format!("the keyring has no password of {}", account.label());
            return Err(Failure::new(Kind::Refused, "not_in_keyring", message)
                .hint("nothing to do")
                .into());
        }
        false
    } else {
        // Before anybody types anything.
        lookup(address).await.map_err(unavailable)?;
        let secret = password::checked(&account, context).await?;
        store(address, secret).await.map_err(unavailable)?;
        true
    };
    let in_use = select::is_in_use(context, &account);
    let answer = KeyringAnswer {
        account: view(&account, in_use),
        kept,
    };
    Ok(context.shell.report(&answer)?)
}

impl Report for KeyringAnswer {
    fn text(&self, style: &Style) -> String {
        let name = self.account.name.clone();
        let name = name
            .or(self.account.address.map(|address| address.to_string()))
            .unwrap_or_default();
        if self.kept {
            format!("{} the keyring keeps the password of {name}", style.good_mark())
        } else {
            format!(
                "{} the keyring has no password of {name} any more",
                style.good_mark()
            )
        }
    }
}

/// Why the keyring did not do what was asked.
#[derive(Debug)]
pub(super) struct Unavailable(String);

fn unavailable(error: Unavailable) -> Failure {
    let message = format!("no keyring answers here: {}", escape(&error.0));
    Failure::new(Kind::Failed, "keyring_unavailable", message).hint(
        "desktops have one; elsewhere use `--password-file`, or a systemd credential: `LoadCredential=lpctl-password:PATH`",
    )
}

/// The password the keyring keeps for an account.
pub(super) async fn lookup(address: Address) -> Result<Option<Password>, Unavailable> {
    with_entry(address, |entry| match entry.get_password() {
        Ok(password) => Ok(Some(Password::new(password))),
        Err(Error::NoEntry) => Ok(None),
        Err(error) => Err(error),
    })
    .await
}

/// As [`lookup`]; no keyring is as good as an empty one.
pub(super) async fn find(account: &Account) -> Option<Password> {
    match lookup(account.address?).await {
        Ok(found) => found,
        Err(Unavailable(reason)) => {
            tracing::debug!(reason, "no keyring");
            None
        }
    }
}

async fn store(address: Address, secret: Password) -> Result<(), Unavailable> {
    with_entry(address, move |entry| entry.set_password(secret.expose())).await
}

/// Puts a changed password in the place of the one the keyring keeps, if it keeps one. True if it did.
pub(super) async fn replace(address: Address, secret: Password) -> Result<bool, Unavailable> {
    with_entry(address, move |entry| match entry.get_password() {
        Ok(old) => {
            drop(Password::new(old));
            entry.set_password(secret.expose()).map(|()| true)
        }
        Err(Error::NoEntry) => Ok(false),
        Err(error) => Err(error),
    })
    .await
}

async fn forget(address: Address) -> Result<bool, Unavailable> {
    with_entry(address, |entry| match entry.delete_credential() {
        Ok(()) => Ok(true),
        Err(Error::NoEntry) => Ok(false),
        Err(error) => Err(error),
    })
    .await
}

/// Does something with an account's entry, off the async threads: D-Bus answers when it likes.
async fn with_entry<T: Send + 'static>(
    address: Address,
    work: impl FnOnce(Entry) -> Result<T, Error> + Send + 'static,
) -> Result<T, Unavailable> {
    let working = tokio::task::spawn_blocking(move || {
        let entry = Store::new()?.build(SERVICE, &address.to_string(), None)?;
        work(entry)
    });
    match tokio::time::timeout(PATIENCE, working).await {
        Ok(Ok(done)) => done.map_err(|error| Unavailable(reason(&error))),
        Ok(Err(_)) => Err(Unavailable("it was interrupted".to_string())),
        Err(_) => Err(Unavailable(format!("no answer within {} s", PATIENCE.as_secs()))),
    }
}

/// What is wrong, without anything that was kept.
fn reason(error: &Error) -> String {
    match error {
        Error::PlatformFailure(error) | Error::NoStorageAccess(error) => error.to_string(),
        Error::Ambiguous(_) => "it has several passwords for the account".to_string(),
        _ => "its answer cannot be used".to_string(),
    }
}
