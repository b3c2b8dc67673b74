//! `lpctl fees show`.

use std::fmt::Write as _;

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use engine::{units::Wei, view::funds::FeesAnswer};

use crate::{
    account::select,
    complete,
    connection::connect,
    context::Context,
    failure::Failure,
    shell::{Report, Style},
    wording,
};

/// Show the fees an account can withdraw
///
/// An orchestrator's part of what its tickets earned, or a delegator's. Tickets that are not redeemed yet are not in it. No
/// key is needed.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl fees show
  lpctl fees show 0x70997970C51812dc3A010C7d01b50e0d17dc79C8 --json | jq -r .data.fees_wei")]
pub struct ShowArgs {
    /// Account: a name or an address; without it the one in use
    #[arg(value_name = "NAME|0x…", add = ArgValueCompleter::new(complete::accounts))]
    pub which: Option<String>,
}

/// Shows them.
///
/// # Errors
/// A config failure for an unknown account, unreachable when the chain does not answer.
pub async fn run(args: ShowArgs, context: &mut Context) -> eyre::Result<()> {
    let address = select::address(args.which.as_deref(), context)?;
    let chain = connect(context).await?;
    let answer = chain.fees(address).await.map_err(Failure::from)?;
    Ok(context.shell.report(&answer)?)
}

impl Report for FeesAnswer {
    fn text(&self, style: &Style) -> String {
        let mut text = format!(
            "{} to withdraw  {}\n",
            style.bold(&self.fees_wei.human()),
            self.account
        );
        // Writing to a String cannot fail.
        if let Some(orchestrator) = &self.orchestrator {
            let sentence = if orchestrator.address == self.account {
                wording::commission(orchestrator.reward_cut_percent, orchestrator.fee_share_percent)
            } else {
                wording::their_commission(orchestrator)
            };
            let _ = writeln!(text, "from     tickets; {sentence}");
        }
        let _ = writeln!(text, "wallet   {}", self.eth_wei.human());
        let _ = write!(text, "{}", wording::read_at(&self.at));
        if self.fees_wei > Wei::ZERO {
            let next = if self.before_reward {
                "after this round's reward is called, `lpctl fees withdraw`: before it, that reward would be given up"
            } else {
                "`lpctl fees withdraw`"
            };
            let _ = write!(text, "\nnext: {next}");
        }
        text
    }
}
