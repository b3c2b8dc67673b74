//! `lpctl account`: the keys on this machine.

pub mod change_password;
pub mod choose;
pub(crate) mod failure;
pub mod import;
pub mod keyring;
pub mod list;
pub mod new;
pub mod password;
pub mod remove;
pub mod select;
pub mod show;
pub mod sign;
pub mod sign_typed;

use std::fmt::Write as _;

use clap::Subcommand;
use engine::{
    view::account::{AccountView, NewAccount},
    wallet::{Account, v3::Strength},
};

use crate::{
    context::Context,
    shell::{Report, Style},
};

/// Make, import, list and choose the accounts that sign transactions
#[derive(Debug, Subcommand)]
#[allow(
    missing_docs,
    reason = "the help of a command is the doc comment of its `Args`"
)]
pub enum AccountCommand {
    New(new::NewArgs),
    Import(import::ImportArgs),
    List(list::ListArgs),
    Show(show::ShowArgs),
    Use(choose::UseArgs),
    Sign(sign::SignArgs),
    SignTyped(sign_typed::SignTypedArgs),
    ChangePassword(change_password::ChangePasswordArgs),
    Keyring(keyring::KeyringArgs),
    Remove(remove::RemoveArgs),
}

/// Carries out one of them.
///
/// # Errors
/// A config failure for what does not exist, a refusal for what must not be done.
pub async fn run(command: AccountCommand, context: &mut Context) -> eyre::Result<()> {
    match command {
        AccountCommand::New(args) => new::run(args, context).await,
        AccountCommand::Import(args) => import::run(args, context).await,
        AccountCommand::List(args) => list::run(args, context).await,
        AccountCommand::Show(args) => show::run(args, context).await,
        AccountCommand::Use(args) => choose::run(args, context).await,
        AccountCommand::Sign(args) => sign::run(args, context).await,
        AccountCommand::SignTyped(args) => sign_typed::run(args, context).await,
        AccountCommand::ChangePassword(args) => change_password::run(args, context).await,
        AccountCommand::Keyring(args) => keyring::run(args, context).await,
        AccountCommand::Remove(args) => remove::run(args, context).await,
    }
}

/// The account as it is shown; `in_use` is decided by the caller.
fn view(account: &Account, in_use: bool) -> AccountView {
    AccountView {
        name: account.name.clone(),
        address: account.address,
        file: account.file.display().to_string(),
        in_use,
        readable_by_others: account.readable_by_others(),
    }
}

/// Encrypts a key into the keystore folder and tells about it: the common end of `new` and `import`.
async fn add(
    signer: alloy::signers::local::PrivateKeySigner,
    secret: engine::secret::Password,
    name: Option<String>,
    imported: bool,
    context: &mut Context,
) -> eyre::Result<()> {
    let keystore = select::keystore(context);
    let added = tokio::task::spawn_blocking(move || {
        keystore.add(&signer, &secret, name.as_deref(), Strength::Standard)
    });
    let account = added.await?.map_err(failure::of)?;
    let in_use = select::is_in_use(context, &account);
    let answer = NewAccount {
        account: view(&account, in_use),
        imported,
    };
    Ok(context.shell.report(&answer)?)
}

impl Report for NewAccount {
    fn text(&self, style: &Style) -> String {
        let account = &self.account;
        let address = account
            .address
            .map(|address| address.to_string())
            .unwrap_or_default();
        let verb = if self.imported { "imported" } else { "made" };
        let named = account
            .name
            .as_deref()
            .map_or_else(String::new, |name| format!("{name}, "));
        let mut text = format!("{} {verb} {named}{}\n", style.good_mark(), style.bold(&address));
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {}", account.file);
        text.push_str("  Back this file up and keep its password elsewhere: without both, what the account holds is lost.\n");
        if account.in_use {
            let _ = write!(
                text,
                "next: send ETH for gas and LPT to it, then `lpctl stake bond AMOUNT`"
            );
        } else {
            let label = account.name.clone().unwrap_or(address);
            let _ = write!(text, "next: `lpctl account use {label}` to act for it");
        }
        text
    }
}
