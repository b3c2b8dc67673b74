//! `lpctl account new`.

use alloy::signers::local::PrivateKeySigner;
use clap::Args;
use engine::wallet::{KeystoreDir, names::is_name};

use super::{failure, password, select};
use crate::{
    context::Context,
    failure::{Failure, Kind},
};

/// Make a new key, encrypted by a password
///
/// The key is written to a keystore file (Web3 Secret Storage version 3, as geth and go-livepeer use it) that only you
/// can read. The password is asked for twice, or is the first line of --password-file.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl account new --name orchestrator
  lpctl account new --name hot --password-file /run/keys/hot --json")]
pub struct NewArgs {
    /// Name to call it by
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
}

/// Makes the key.
///
/// # Errors
/// A refusal when the name is taken or there is no password.
pub async fn run(args: NewArgs, context: &mut Context) -> eyre::Result<()> {
    check_name(args.name.as_deref(), context)?;
    let secret = password::new_password(context).await?;
    super::add(PrivateKeySigner::random(), secret, args.name, false, context).await
}

/// Refuses a name before anyone is asked for a password.
pub(super) fn check_name(name: Option<&str>, context: &Context) -> Result<(), Failure> {
    check_name_in(name, &select::keystore(context))
}

/// The same for any folder of keys.
pub(crate) fn check_name_in(name: Option<&str>, keystore: &KeystoreDir) -> Result<(), Failure> {
    let Some(name) = name else { return Ok(()) };
    if !is_name(name) {
        return Err(failure::of(engine::wallet::WalletError::BadName(
            name.to_string(),
        )));
    }
    let accounts = keystore.list().map_err(failure::of)?.accounts;
    match accounts
        .iter()
        .find(|account| account.name.as_deref() == Some(name))
    {
        Some(taken) => {
            let message = format!(
                "the name `{name}` belongs to {}",
                taken
                    .address
                    .map_or_else(|| taken.file.display().to_string(), |address| address.to_string())
            );
            Err(Failure::new(Kind::Refused, "name_taken", message)
                .hint("nothing was changed; choose another name"))
        }
        None => Ok(()),
    }
}
