//! `lpctl reward history`.

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use comfy_table::CellAlignment;
use engine::view::reward::{RewardHistory, RewardOutcome};

use crate::{
    account::select,
    complete,
    connection::connect,
    context::Context,
    failure::Failure,
    shell::{Report, Style, table},
    wording,
};

/// Show what became of each round's reward: called, missed, or nothing to call
///
/// Read from the contracts' events, so it needs an endpoint that keeps logs of that time. No key is needed.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl reward history
  lpctl reward history 0x… --rounds 90
  lpctl reward history --json | jq '.data.rounds[] | select(.outcome == \"missed\").round'")]
pub struct HistoryArgs {
    /// Orchestrator: a name or an address; without it the account in use
    #[arg(value_name = "NAME|0x…", add = ArgValueCompleter::new(complete::accounts))]
    which: Option<String>,
    /// Rounds to go back, the current one included
    #[arg(long, value_name = "COUNT", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=1000))]
    rounds: u64,
}

/// Shows it.
///
/// # Errors
/// A config failure for an unknown account, unreachable when the chain does not answer.
pub async fn run(args: HistoryArgs, context: &mut Context) -> eyre::Result<()> {
    let address = select::address(args.which.as_deref(), context)?;
    let chain = connect(context).await?;
    let bar = context.shell.progress(Some(1), "reading blocks");
    let history = chain
        .reward_history(address, args.rounds, &|progress| {
            bar.set_length(progress.all);
            bar.set_position(progress.done);
        })
        .await;
    bar.finish_and_clear();
    Ok(context.shell.report(&history.map_err(Failure::from)?)?)
}

impl Report for RewardHistory {
    fn text(&self, style: &Style) -> String {
        let mut rows = table();
        rows.set_header(["round", "reward", "amount", "for a stake of", "block"]);
        for row in &self.rounds {
            let outcome = match row.outcome {
                RewardOutcome::Called => format!("{} called", style.good_mark()),
                RewardOutcome::Missed => format!("{} {}", style.bad_mark(), style.bad("missed")),
                RewardOutcome::NotActive => style.dim("- not active"),
                RewardOutcome::NotInitialized => style.dim("- round never opened"),
                RewardOutcome::Open => format!("{} not called yet", style.warn_mark()),
            };
            let dash = || "-".to_string();
            rows.add_row([
                row.round.to_string(),
                outcome,
                row.amount_lpt.map_or_else(dash, |amount| amount.human()),
                row.stake_lpt.map_or_else(dash, |stake| stake.human()),
                row.block.map_or_else(dash, wording::grouped),
            ]);
        }
        for column in [0, 2, 3, 4] {
            if let Some(column) = rows.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        let missed = match self.missed {
            0 => "none missed".to_string(),
            missed => style.bad(&format!("{missed} missed")),
        };
        format!(
            "rewards of {}\n{}\n{} called, {missed}, {} in all · {}",
            wording::short(self.orchestrator),
            rows.trim_fmt(),
            self.called,
            self.total_lpt.human(),
            wording::read_at(&self.at)
        )
    }
}
