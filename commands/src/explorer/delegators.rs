//! `lpctl explorer delegators`.

use alloy::primitives::Address;
use clap::Args;
use engine::view::explorer::IndexedDelegators;

use super::{SourceArgs, align_right, as_of, failure, tell_unreadable};
use crate::{
    context::Context,
    shell::{Report, Style, table},
};

/// List an orchestrator's delegators by stake
///
/// Stake and fees are as of each one's last claim: what came since is not in.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl explorer delegators 0x… --limit 20
  lpctl explorer delegators 0x… --json | jq '.data.total'")]
pub struct DelegatorsArgs {
    /// The orchestrator's address
    #[arg(value_name = "0x…")]
    address: Address,
    #[command(flatten)]
    source: SourceArgs,
}

/// Lists them.
///
/// # Errors
/// Unreachable when the subgraph does not answer.
pub async fn run(args: DelegatorsArgs, context: &mut Context) -> eyre::Result<()> {
    let explorer = args.source.connect(context).await?;
    let answer = explorer.delegators(args.address, args.source.limit()).await;
    let answer = answer.map_err(failure)?;
    tell_unreadable(answer.unreadable, context);
    Ok(context.shell.report(&answer)?)
}

impl Report for IndexedDelegators {
    fn text(&self, _: &Style) -> String {
        let last = as_of(&self.at);
        if self.delegators.is_empty() {
            return format!("no delegators\n{last}");
        }
        let mut rows = table();
        rows.set_header(["delegator", "stake", "fees", "since round"]);
        for row in &self.delegators {
            rows.add_row([
                row.address.to_string(),
                row.bonded_lpt.human(),
                row.fees_wei.human(),
                row.start_round.to_string(),
            ]);
        }
        align_right(&mut rows, &[1, 2, 3]);
        let shown = self.delegators.len();
        format!("{}\n{shown} of {} · {last}", rows.trim_fmt(), self.total)
    }
}
