//! `lpctl gov power`.

use std::fmt::Write as _;

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use engine::{
    units::Lpt,
    view::gov::{PowerAnswer, PowerSource},
};

use crate::{
    account::select,
    complete,
    connection::connect,
    context::Context,
    shell::{Report, Style},
    wording,
};

/// Explain what an account's vote weighs
///
/// In polls it is the stake when the poll ends; on treasury proposals the stake at the end of the round the proposal
/// names. No key is needed.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl gov power
  lpctl gov power delegator --json | jq -r .data.poll_power_lpt")]
pub struct PowerArgs {
    /// Account: a name or an address; without it the one in use
    #[arg(value_name = "NAME|0x…", add = ArgValueCompleter::new(complete::accounts))]
    which: Option<String>,
}

/// Explains it.
///
/// # Errors
/// A config failure for an unknown account, unreachable when the chain does not answer.
pub async fn run(args: PowerArgs, context: &mut Context) -> eyre::Result<()> {
    let address = select::address(args.which.as_deref(), context)?;
    let chain = connect(context).await?;
    let answer = chain.voting_power(address).await.map_err(super::failure)?;
    Ok(context.shell.report(&answer)?)
}

impl Report for PowerAnswer {
    fn text(&self, style: &Style) -> String {
        let mut text = format!("{}\n", style.bold(&self.account.to_string()));
        let because = match (self.source, self.delegate) {
            (PowerSource::Orchestrator, _) => {
                "a registered orchestrator votes with its whole stake; delegators who vote themselves take theirs out"
                    .to_string()
            }
            (PowerSource::Delegator, Some(delegate)) => format!(
                "a delegator votes with its own stake; while it does not, {} votes with it",
                wording::short(delegate)
            ),
            (_, Some(delegate)) => format!(
                "the stake is with {}, which is not a registered orchestrator: on treasury proposals it does not count",
                wording::short(delegate)
            ),
            _ => "there is no stake, and votes are weighed by stake: `lpctl stake bond` makes some".to_string(),
        };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "because   {because}");
        let _ = writeln!(
            text,
            "polls     {} of {} active stake, as things stand; what counts is the stake when a poll ends",
            self.poll_power_lpt.human(),
            self.total_stake_lpt.human()
        );
        let _ = writeln!(
            text,
            "          making one takes {} of stake",
            self.poll_threshold_lpt.human()
        );
        match (self.treasury_power_lpt, self.treasury_threshold_lpt) {
            (Some(power), Some(threshold)) => {
                let _ = writeln!(
                    text,
                    "treasury  {}; a proposal counts the stake at the end of a round of its own",
                    power.human()
                );
                let enough = if power >= threshold {
                    "enough"
                } else {
                    "not enough"
                };
                let _ = writeln!(text, "          proposing takes {}: {enough}", threshold.human());
            }
            _ => {
                let _ = writeln!(text, "treasury  this protocol has none");
            }
        }
        let _ = write!(text, "{}", wording::read_at(&self.at));
        if self.poll_power_lpt > Lpt::ZERO {
            text.push_str("\nnext: `lpctl gov polls`, `lpctl gov proposals`");
        }
        text
    }
}
