//! `lpctl token balance`.

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use engine::{units::Lpt, view::chain::BalanceAnswer};

use crate::{
    account::select,
    complete,
    connection::connect,
    context::Context,
    failure::Failure,
    shell::{Report, Style},
    wording,
};

/// Show an account's LPT and ETH
///
/// What is in the wallet; bonded LPT is shown by `lpctl stake show`. No key is needed.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl token balance
  lpctl token balance treasury --json | jq -r .data.wallet_lpt")]
pub struct BalanceArgs {
    /// Account: a name or an address; without it the one in use
    #[arg(value_name = "NAME|0x…", add = ArgValueCompleter::new(complete::accounts))]
    pub which: Option<String>,
}

/// Shows it.
///
/// # Errors
/// A config failure for an unknown account, unreachable when the chain does not answer.
pub async fn run(args: BalanceArgs, context: &mut Context) -> eyre::Result<()> {
    let address = select::address(args.which.as_deref(), context)?;
    let chain = connect(context).await?;
    let answer = chain.balances(address).await.map_err(Failure::from)?;
    Ok(context.shell.report(&answer)?)
}

impl Report for BalanceAnswer {
    fn text(&self, style: &Style) -> String {
        let approved = if self.approved_lpt > Lpt::ZERO {
            format!(
                "\n{} of it the protocol may take for bonding",
                self.approved_lpt.human()
            )
        } else {
            String::new()
        };
        format!(
            "{}, {}  {}{approved}\n{}",
            style.bold(&self.wallet_lpt.human()),
            self.eth_wei.human(),
            self.account,
            wording::read_at(&self.at)
        )
    }
}
