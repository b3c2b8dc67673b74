//! `lpctl explorer orchestrators`.

use clap::Args;
use engine::view::explorer::IndexedOrchestrators;

use super::{SourceArgs, align_right, as_of, failure, tell_unreadable};
use crate::{
    context::Context,
    shell::{Report, Style, escape, table},
};

/// List orchestrators by stake, with their fees of thirty days
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl explorer orchestrators --key-file graph.key --limit 10
  lpctl explorer orchestrators --url http://127.0.0.1:8000/subgraphs/livepeer
  lpctl explorer orchestrators --all --json")]
pub struct OrchestratorsArgs {
    #[command(flatten)]
    source: SourceArgs,
    /// Those too that are not active
    #[arg(long)]
    all: bool,
}

/// Lists them.
///
/// # Errors
/// Unreachable when the subgraph does not answer.
pub async fn run(args: OrchestratorsArgs, context: &mut Context) -> eyre::Result<()> {
    let explorer = args.source.connect(context).await?;
    let answer = explorer
        .orchestrators(args.source.limit(), args.all)
        .await
        .map_err(failure)?;
    tell_unreadable(answer.unreadable, context);
    Ok(context.shell.report(&answer)?)
}

/// How much of a published address a row shows.
const ADDRESS_WIDTH: usize = 48;

impl Report for IndexedOrchestrators {
    fn text(&self, style: &Style) -> String {
        let mut rows = table();
        rows.set_header([
            "orchestrator",
            "stake",
            "keeps",
            "shares",
            "30 days",
            "rewarded",
            "active",
            "address",
        ]);
        for row in &self.orchestrators {
            let uri = row.service_uri.as_deref().map(escape).unwrap_or_default();
            rows.add_row([
                row.address.to_string(),
                row.total_stake_lpt.human(),
                row.reward_cut_percent.to_string(),
                row.fee_share_percent.to_string(),
                row.thirty_day_fees_wei.human(),
                row.last_reward_round
                    .map_or_else(|| "-".to_string(), |round| round.to_string()),
                if row.active {
                    style.good_mark()
                } else {
                    "-".to_string()
                },
                uri.chars().take(ADDRESS_WIDTH).collect(),
            ]);
        }
        align_right(&mut rows, &[1, 2, 3, 4, 5]);
        let last = as_of(&self.at);
        if self.orchestrators.is_empty() {
            return format!("no orchestrators\n{last}");
        }
        let shown = self.orchestrators.len();
        format!("{}\n{shown} of {} · {last}", rows.trim_fmt(), self.total)
    }
}
