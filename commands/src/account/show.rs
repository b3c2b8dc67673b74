//! `lpctl account show`.

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use engine::view::account::AccountView;

use super::{failure, select, view};
use crate::{
    complete,
    context::Context,
    shell::{Report, Style, escape},
};

/// Show one account
///
/// Its name, address and file; nothing is unlocked and no secret is shown. Without a name it is the one in use.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl account show
  lpctl account show orchestrator --json")]
pub struct ShowArgs {
    /// Name, address or keystore file
    #[arg(value_name = "NAME|0x…", add = ArgValueCompleter::new(complete::accounts))]
    pub which: Option<String>,
}

/// Shows it.
///
/// # Errors
/// A config failure that names the accounts there are.
pub async fn run(args: ShowArgs, context: &mut Context) -> eyre::Result<()> {
    let account = match &args.which {
        Some(which) => select::keystore(context).find(which).map_err(failure::of)?,
        None => select::selected(context)?,
    };
    let answer = view(&account, select::is_in_use(context, &account));
    Ok(context.shell.report(&answer)?)
}

impl Report for AccountView {
    fn text(&self, style: &Style) -> String {
        let address = self.address.map_or_else(
            || "not told by the file".to_string(),
            |address| address.to_string(),
        );
        let name = self.name.as_deref().unwrap_or("without a name");
        let mut text = format!("{address}\nname    {name}\nfile    {}", escape(&self.file));
        if self.readable_by_others {
            text.push_str(&format!(
                "\n        {} others may read it: `chmod 600 {}`",
                style.warn_mark(),
                escape(&self.file)
            ));
        }
        text.push_str(if self.in_use {
            "\nin use  yes: commands act for it"
        } else {
            "\nin use  no"
        });
        text
    }
}
