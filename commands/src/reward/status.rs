//! `lpctl reward status`.

use std::fmt::Write as _;

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use engine::{units::Lpt, view::chain::RewardAnswer};

use crate::{
    account::select,
    complete,
    connection::connect,
    context::Context,
    failure::Failure,
    shell::{Report, Style},
    wording,
};

/// Show whether it was called and what it brings
///
/// No key is needed.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl reward status
  lpctl reward status --json | jq .data.orchestrator.reward_called")]
pub struct StatusArgs {
    /// Orchestrator: a name or an address; without it the account in use
    #[arg(value_name = "NAME|0x…", add = ArgValueCompleter::new(complete::accounts))]
    pub which: Option<String>,
}

/// Shows it.
///
/// # Errors
/// A config failure for an unknown account, unreachable when the chain does not answer.
pub async fn run(args: StatusArgs, context: &mut Context) -> eyre::Result<()> {
    let address = select::address(args.which.as_deref(), context)?;
    let chain = connect(context).await?;
    let answer = chain.reward_status(address).await.map_err(Failure::from)?;
    Ok(context.shell.report(&answer)?)
}

impl Report for RewardAnswer {
    fn text(&self, style: &Style) -> String {
        let orchestrator = &self.orchestrator;
        let round = &self.round;
        let mut text = format!(
            "reward of round {} for {}: {}\n",
            round.round,
            wording::short(orchestrator.address),
            wording::reward_line(orchestrator, style)
        );
        // Writing to a String cannot fail.
        if self.expected_reward_lpt > Lpt::ZERO {
            let _ = writeln!(
                text,
                "brings    {}, {} of it your commission",
                self.expected_reward_lpt.human(),
                self.expected_commission_lpt.human()
            );
        }
        let _ = writeln!(text, "last      round {}", orchestrator.last_reward_round);
        let _ = writeln!(text, "round     {}", wording::round_line(round, style));
        let _ = writeln!(
            text,
            "minted    {} of {} this round, by all together",
            self.minted_lpt.human(),
            self.mintable_lpt.human()
        );
        let _ = write!(text, "{}", wording::read_at(&self.at));
        text
    }
}
