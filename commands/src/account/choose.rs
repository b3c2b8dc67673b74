//! `lpctl account use`.

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use engine::view::account::AccountView;
use serde::Serialize;

use super::{failure, select, view};
use crate::{
    complete,
    context::Context,
    settings,
    shell::{Report, Style},
};

/// Choose the account commands act for
///
/// Writes it into the profile in use, or into the defaults if there is none. --account and LPCTL_ACCOUNT still win.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl account use orchestrator
  lpctl --profile devnet account use delegator")]
pub struct UseArgs {
    /// Name, address or keystore file
    #[arg(value_name = "NAME|0x…", add = ArgValueCompleter::new(complete::accounts))]
    pub which: String,
}

#[derive(Serialize)]
struct Chosen {
    account: AccountView,
    /// The profile it was written to; none for the defaults.
    profile: Option<String>,
    config_file: String,
}

/// Chooses it.
///
/// # Errors
/// A config failure when there is no such account or the config file cannot be written.
pub async fn run(args: UseArgs, context: &mut Context) -> eyre::Result<()> {
    let account = select::keystore(context).find(&args.which).map_err(failure::of)?;
    // A path works from every folder only when it is whole.
    let value = match (&account.name, account.address) {
        _ if args.which.contains('/') => std::path::absolute(&account.file)?.display().to_string(),
        (Some(name), _) => name.clone(),
        (None, Some(address)) => address.to_string(),
        (None, None) => args.which.clone(),
    };
    let path = context.directories().config_file.clone();
    let profile = context.settings().profile.clone();
    settings::edit(&path, |document| {
        let table = match &profile {
            Some(profile) => &mut document["profiles"][profile.as_str()],
            None => &mut document["defaults"],
        };
        if table.is_none() {
            *table = toml_edit::table();
        }
        table["account"] = toml_edit::value(value);
    })?;
    let overruled = context.settings().from_command_line.account.clone();
    if let Some(other) = overruled {
        context
            .shell
            .warn(format_args!("`--account` or LPCTL_ACCOUNT still says {other}"));
    }
    let answer = Chosen {
        account: view(&account, true),
        profile,
        config_file: path.display().to_string(),
    };
    Ok(context.shell.report(&answer)?)
}

impl Report for Chosen {
    fn text(&self, style: &Style) -> String {
        let account = &self.account;
        let label = account
            .name
            .clone()
            .or_else(|| account.address.map(|address| address.to_string()));
        let place = self.profile.as_ref().map_or_else(
            || "the defaults".to_string(),
            |profile| format!("profile {profile}"),
        );
        format!(
            "{} commands act for {} now, by {place} in {}",
            style.good_mark(),
            label.unwrap_or_else(|| account.file.clone()),
            self.config_file
        )
    }
}
