//! `lpctl account remove`.

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use engine::view::account::AccountRemoved;

use super::{failure, select, view};
use crate::{
    complete,
    context::Context,
    shell::{Report, Style, escape},
};

/// Take an account out of the keystore; its file is kept aside
///
/// Its name has to be typed, or confirmed with --yes. The key is never deleted: the file is moved into the folder `removed`
/// inside the keystore, where nothing looks for accounts, and `lpctl account import` brings it back.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl account remove old
  lpctl account remove old --yes --json | jq -r .data.kept_file")]
pub struct RemoveArgs {
    /// Name, address or keystore file
    #[arg(value_name = "NAME|0x…", add = ArgValueCompleter::new(complete::accounts))]
    pub which: String,
}

/// Puts it aside.
///
/// # Errors
/// A config failure for an account that is not there, a refusal where it was not confirmed.
pub async fn run(args: RemoveArgs, context: &mut Context) -> eyre::Result<()> {
    let keystore = select::keystore(context);
    let account = keystore.find(&args.which).map_err(failure::of)?;
    let before = view(&account, select::is_in_use(context, &account));
    let label = account.label();
    context
        .shell
        .confirm_typed(&format!("Type `{}` to remove it:", escape(&label)), &label)?;
    let kept = tokio::task::spawn_blocking(move || keystore.remove(&account));
    let kept = kept.await?.map_err(failure::of)?;
    if before.in_use {
        context
            .shell
            .warn("it was the account in use: choose another one with `lpctl account use NAME`");
    }
    let answer = AccountRemoved {
        account: before,
        kept_file: kept.display().to_string(),
    };
    Ok(context.shell.report(&answer)?)
}

impl Report for AccountRemoved {
    fn text(&self, style: &Style) -> String {
        let name = self
            .account
            .name
            .clone()
            .or(self.account.address.map(|address| address.to_string()));
        let kept = escape(&self.kept_file);
        format!(
            "{} removed {}\n  its key is kept in {kept}\n  Delete that file only if no other copy is needed: `lpctl account import {kept}` brings it back.",
            style.good_mark(),
            name.unwrap_or_else(|| "the account".to_string())
        )
    }
}
