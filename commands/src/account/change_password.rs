//! `lpctl account change-password`.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use clap_complete::engine::ArgValueCompleter;
use engine::{
    view::account::PasswordChanged,
    wallet::{Account, v3::Strength},
};

use super::{failure, keyring, password, select, view};
use crate::{
    complete,
    context::Context,
    shell::{Report, Style, escape},
};

/// Encrypt an account's key with another password
///
/// The file keeps its place and is replaced in one step: whatever happens, the old one or the new one is there. The old
/// password comes from where passwords come from, the new one is asked for twice or is the first line of a file. Copies
/// of the file keep the old password.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl account change-password
  lpctl account change-password hot --new-password-file new --json")]
pub struct ChangePasswordArgs {
    /// Name, address or keystore file; without it the account in use
    #[arg(value_name = "NAME|0x…", add = ArgValueCompleter::new(complete::accounts))]
    pub which: Option<String>,
    /// File whose first line is the new password
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath)]
    pub new_password_file: Option<PathBuf>,
}

/// Changes it.
///
/// # Errors
/// A refusal for a wrong password or none.
pub async fn run(args: ChangePasswordArgs, context: &mut Context) -> eyre::Result<()> {
    let keystore = select::keystore(context);
    let account = match &args.which {
        Some(which) => keystore.find(which).map_err(failure::of)?,
        None => select::selected(context)?,
    };
    let signer = password::unlock(&account, context).await?;
    let new_file = args.new_password_file.clone();
    let new = password::changed_password(args.new_password_file, &account.label(), context).await?;
    let (changing, kept) = (account.clone(), new.clone());
    let changed = tokio::task::spawn_blocking(move || {
        keystore.change_password(&changing, &signer, &new, Strength::Standard)
    });
    changed.await?.map_err(failure::of)?;
    if let Some(address) = account.address
        && keyring::find(&account).await.is_some()
        && keyring::replace(address, kept).await.is_err()
    {
        let label = account.label();
        context.shell.warn(format_args!(
            "the keyring still has the old password: `lpctl account keyring {label}`"
        ));
    }
    // A pipe, which cannot be stale, is none of these.
    let read_from = password::password_file(context, account.name.as_deref());
    if let Some(file) = read_from.filter(|file| file.is_file() && new_file.as_ref() != Some(file)) {
        context.shell.warn(format_args!(
            "{} still has the old password, and is what unlocks the account: write the new one there",
            file.display()
        ));
    }
    let private = Account {
        mode: 0o600,
        ..account
    };
    let in_use = select::is_in_use(context, &private);
    let answer = PasswordChanged {
        account: view(&private, in_use),
    };
    Ok(context.shell.report(&answer)?)
}

impl Report for PasswordChanged {
    fn text(&self, style: &Style) -> String {
        let file = escape(&self.account.file);
        let name = self
            .account
            .name
            .clone()
            .or(self.account.address.map(|address| address.to_string()));
        format!(
            "{} {} has another password now\n  {file}\n  Copies of this file, like backups, keep the old one.",
            style.good_mark(),
            name.unwrap_or_else(|| "the account".to_string())
        )
    }
}
