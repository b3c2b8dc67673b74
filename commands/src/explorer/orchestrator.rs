//! `lpctl explorer orchestrator`.

use alloy::primitives::Address;
use clap::Args;
use engine::view::explorer::IndexedHistory;

use super::{SourceArgs, align_right, as_of, failure, unknown};
use crate::{
    context::Context,
    shell::{Report, Style, escape, table},
};

/// Show an orchestrator's last rounds: rewards, fees and stake
///
/// A round without a reward was missed; in the newest one it may yet come.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl explorer orchestrator 0x… --limit 30
  lpctl explorer orchestrator 0x… --json | jq '.data.rounds[0]'")]
pub struct OrchestratorArgs {
    /// Its address
    #[arg(value_name = "0x…")]
    address: Address,
    #[command(flatten)]
    source: SourceArgs,
}

/// Shows it.
///
/// # Errors
/// Unreachable when the subgraph does not answer; failed when it does not know the address.
pub async fn run(args: OrchestratorArgs, context: &mut Context) -> eyre::Result<()> {
    let explorer = args.source.connect(context).await?;
    let answer = explorer.orchestrator(args.address, args.source.limit()).await;
    let answer = answer.map_err(failure)?.ok_or_else(|| unknown(args.address))?;
    Ok(context.shell.report(&answer)?)
}

impl Report for IndexedHistory {
    fn text(&self, _: &Style) -> String {
        let who = &self.orchestrator;
        let mut text = format!(
            "{}{}\nstake {} · keeps {} of rewards, shares {} of fees · {} in 30 days\n",
            who.address,
            if who.active { "" } else { ", not active" },
            who.total_stake_lpt.human(),
            who.reward_cut_percent,
            who.fee_share_percent,
            who.thirty_day_fees_wei.human(),
        );
        if let Some(uri) = &who.service_uri {
            text += &format!("at {}\n", escape(uri));
        }
        let mut rows = table();
        rows.set_header(["round", "reward", "fees", "stake"]);
        for round in &self.rounds {
            rows.add_row([
                round.round.to_string(),
                round
                    .reward_lpt
                    .map_or_else(|| "-".to_string(), |lpt| lpt.human()),
                round.fees_wei.human(),
                round.total_stake_lpt.human(),
            ]);
        }
        align_right(&mut rows, &[0, 1, 2, 3]);
        format!("{text}\n{}\n{}", rows.trim_fmt(), as_of(&self.at))
    }
}
