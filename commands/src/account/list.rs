//! `lpctl account list`.

use clap::Args;
use engine::view::account::AccountList;

use super::{failure, select, view};
use crate::{
    context::Context,
    shell::{Report, Style, escape, table},
};

/// List the accounts on this machine
///
/// Nothing is unlocked. The account commands act for is marked.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl account list
  lpctl account list --json | jq -r '.data.accounts[].address'")]
pub struct ListArgs {}

/// Lists them.
///
/// # Errors
/// A config failure when the keystore folder cannot be read.
pub async fn run(_: ListArgs, context: &mut Context) -> eyre::Result<()> {
    let keystore = select::keystore(context);
    let listing = keystore.list().map_err(failure::of)?;
    for skipped in &listing.skipped {
        context.shell.warn(format_args!(
            "passed over: {}",
            escape(&skipped.reason.to_string())
        ));
    }
    let in_use = select::selected(context).ok().map(|account| account.file);
    let accounts = listing
        .accounts
        .iter()
        .map(|account| view(account, in_use.as_ref() == Some(&account.file)))
        .collect();
    let answer = AccountList {
        keystore_dir: keystore.path().display().to_string(),
        accounts,
    };
    Ok(context.shell.report(&answer)?)
}

impl Report for AccountList {
    fn text(&self, style: &Style) -> String {
        if self.accounts.is_empty() {
            return format!(
                "no accounts in {}\nnext: `lpctl account new` or `lpctl account import FILE`",
                self.keystore_dir
            );
        }
        let mut rows = table();
        rows.set_header(["", "name", "address", "file"]);
        for account in &self.accounts {
            let file = account.file.rsplit('/').next().unwrap_or_default();
            rows.add_row([
                if account.in_use {
                    style.good_mark()
                } else {
                    String::new()
                },
                account.name.clone().unwrap_or_else(|| "-".to_string()),
                account.address.map_or_else(
                    || "not told by the file".to_string(),
                    |address| address.to_string(),
                ),
                escape(file),
            ]);
        }
        let chosen = self.accounts.iter().any(|account| account.in_use);
        let last = if chosen {
            format!(
                "in {}; {} is the one in use",
                self.keystore_dir,
                style.good_mark()
            )
        } else {
            format!(
                "in {}; none is in use: `lpctl account use NAME`",
                self.keystore_dir
            )
        };
        format!("{}\n{last}", rows.trim_fmt())
    }
}
