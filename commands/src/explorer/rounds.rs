//! `lpctl explorer rounds`.

use clap::Args;
use engine::view::explorer::IndexedRounds;

use super::{SourceArgs, align_right, as_of, failure, tell_unreadable, time};
use crate::{
    context::Context,
    shell::{Report, Style, table},
};

/// List the last rounds: what was minted, paid and staked
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl explorer rounds --limit 7
  lpctl explorer rounds --json | jq -r '.data.rounds[].fees_wei'")]
pub struct RoundsArgs {
    #[command(flatten)]
    source: SourceArgs,
}

/// Lists them.
///
/// # Errors
/// Unreachable when the subgraph does not answer.
pub async fn run(args: RoundsArgs, context: &mut Context) -> eyre::Result<()> {
    let explorer = args.source.connect(context).await?;
    let answer = explorer.rounds(args.source.limit()).await.map_err(failure)?;
    tell_unreadable(answer.unreadable, context);
    Ok(context.shell.report(&answer)?)
}

impl Report for IndexedRounds {
    fn text(&self, style: &Style) -> String {
        let last = as_of(&self.at);
        if self.rounds.is_empty() {
            return format!("no rounds\n{last}");
        }
        let mut rows = table();
        rows.set_header([
            "round",
            "began",
            "initialized",
            "mintable",
            "fees",
            "active stake",
        ]);
        for row in &self.rounds {
            rows.add_row([
                row.round.to_string(),
                time(row.start_timestamp),
                if row.initialized {
                    style.good_mark()
                } else {
                    "-".to_string()
                },
                row.mintable_lpt.human(),
                row.fees_wei.human(),
                row.total_active_stake_lpt.human(),
            ]);
        }
        align_right(&mut rows, &[0, 3, 4, 5]);
        format!("{}\n{last}", rows.trim_fmt())
    }
}
