//! `lpctl orch list`.

use clap::Args;
use comfy_table::CellAlignment;
use engine::{units::Lpt, view::chain::OrchestratorList};

use crate::{
    connection::connect,
    context::Context,
    failure::Failure,
    shell::{Report, Style, escape, table},
    wording,
};

/// List the orchestrators of the pool
///
/// By stake, largest first: who will be active next round. No key is needed.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl orch list
  lpctl orch list --json | jq -r '.data.orchestrators[] | select(.reward_called | not) | .address'")]
pub struct ListArgs {}

/// Lists them.
///
/// # Errors
/// Unreachable when the chain does not answer.
pub async fn run(_: ListArgs, context: &mut Context) -> eyre::Result<()> {
    let chain = connect(context).await?;
    let answer = chain.orchestrators().await.map_err(Failure::from)?;
    Ok(context.shell.report(&answer)?)
}

/// How much of a published address a row shows.
const ADDRESS_WIDTH: usize = 48;

impl Report for OrchestratorList {
    fn text(&self, style: &Style) -> String {
        let mut rows = table();
        rows.set_header([
            "rank",
            "orchestrator",
            "stake",
            "keeps",
            "shares",
            "active",
            "reward",
            "address",
        ]);
        for orchestrator in &self.orchestrators {
            let mark = |is_so: bool| if is_so { style.good_mark() } else { "-".to_string() };
            let uri = orchestrator
                .service_uri
                .as_deref()
                .map(escape)
                .unwrap_or_default();
            let uri: String = uri.chars().take(ADDRESS_WIDTH).collect();
            rows.add_row([
                orchestrator
                    .rank
                    .map_or_else(|| "-".to_string(), |rank| rank.to_string()),
                orchestrator.address.to_string(),
                orchestrator.total_stake_lpt.human(),
                orchestrator.reward_cut_percent.to_string(),
                orchestrator.fee_share_percent.to_string(),
                mark(orchestrator.active),
                mark(orchestrator.reward_called),
                uri,
            ]);
        }
        for column in [0, 2, 3, 4] {
            if let Some(column) = rows.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        let pool = &self.pool;
        let last = if pool.full {
            format!(
                "all {} places are taken: joining takes more than {}",
                pool.max_size,
                pool.cut_off_lpt.human()
            )
        } else {
            format!("{} of {} places are taken", pool.size, pool.max_size)
        };
        let last = format!(
            "{last} · round {} · {}",
            self.round.round,
            wording::read_at(&self.at)
        );
        if self.orchestrators.is_empty() {
            return format!("no orchestrators\n{last}");
        }
        let active: Lpt = self.orchestrators.iter().fold(Lpt::ZERO, |sum, orchestrator| {
            sum.saturating_add(orchestrator.total_stake_lpt)
        });
        format!("{}\n{} in the pool · {last}", rows.trim_fmt(), active.human())
    }
}
