//! `lpctl devnet setup`.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use engine::view::devnet::DevnetParts;

use crate::{
    context::Context,
    shell::{Report, Style},
};

/// Download what a devnet is made of, and nothing else
///
/// anvil and Livepeer's compiled contracts come from npm at pinned versions, are checked against pinned hashes and
/// kept in lpctl's cache (19 MB to download, once). `lpctl devnet up` does the same when it needs to.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl devnet setup
  lpctl devnet setup --json | jq -r .data.anvil")]
pub struct SetupArgs {
    /// An anvil of your own, used instead of the pinned one
    #[arg(long, value_name = "PATH", env = "LPCTL_ANVIL", hide_env = true, value_hint = ValueHint::FilePath)]
    pub anvil: Option<PathBuf>,
}

/// Downloads them.
///
/// # Errors
/// npm is missing or offline, or a download is not what was pinned.
pub async fn run(args: SetupArgs, context: &mut Context) -> eyre::Result<()> {
    let (parts, downloaded) = super::parts(args.anvil, context).await?;
    let answer = DevnetParts {
        anvil: parts.anvil.display().to_string(),
        contracts: parts.contracts.display().to_string(),
        downloaded,
    };
    Ok(context.shell.report(&answer)?)
}

impl Report for DevnetParts {
    fn text(&self, style: &Style) -> String {
        let how = match self.downloaded {
            true => "downloaded and checked",
            false => "there already",
        };
        let mark = style.good_mark();
        format!(
            "{mark} the parts of a devnet are {how}\nanvil      {}\ncontracts  {}",
            self.anvil, self.contracts
        )
    }
}
