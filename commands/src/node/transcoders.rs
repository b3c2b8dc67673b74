//! `lpctl node transcoders`.

use clap::Args;
use comfy_table::CellAlignment;
use engine::view::node::{NodeMode, RemoteTranscoder};
use jiff::Timestamp;
use serde::Serialize;

use super::{ago, status};
use crate::{
    context::Context,
    dashboard::feed::NodeApi,
    failure::{Failure, Kind},
    shell::{Report, Style, escape, table},
};

/// List the transcoders registered with an orchestrator
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl node transcoders
  lpctl node transcoders --json | jq '[.data.transcoders[].capacity] | add'")]
pub struct TranscodersArgs {}

#[derive(Serialize)]
struct Transcoders {
    time: Timestamp,
    transcoders: Vec<RemoteTranscoder>,
}

impl Report for Transcoders {
    fn text(&self, _: &Style) -> String {
        if self.transcoders.is_empty() {
            return "no transcoder is registered: start one with `lpctl run --mode transcoder`".to_string();
        }
        let mut rows = table();
        rows.set_header([
            "from",
            "version",
            "sessions",
            "tasks",
            "done",
            "failed",
            "since",
            "last error",
        ]);
        for transcoder in &self.transcoders {
            rows.add_row([
                escape(&transcoder.address),
                escape(&transcoder.version),
                format!("{} of {}", transcoder.load, transcoder.capacity),
                transcoder.running.to_string(),
                transcoder.tasks_done.to_string(),
                transcoder.tasks_failed.to_string(),
                ago(self.time, transcoder.since),
                transcoder.last_error.as_deref().map_or("-".to_string(), escape),
            ]);
        }
        for column in 2..=6 {
            if let Some(column) = rows.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        rows.trim_fmt()
    }
}

/// Lists them.
///
/// # Errors
/// Unreachable when no node answers, failed for a node that has no transcoders.
pub async fn run(
    TranscodersArgs {}: TranscodersArgs,
    node: &NodeApi,
    context: &mut Context,
) -> eyre::Result<()> {
    let status = status(node).await?;
    if status.mode != NodeMode::Orchestrator {
        return Err(Failure::new(
            Kind::Failed,
            "no_pool",
            format!(
                "the node at {} is a {} node: no transcoders register with it",
                node.shown(),
                status.mode
            ),
        )
        .hint(
            "`lpctl run --mode orchestrator` takes transcoders; `lpctl node show` tells how this node stands",
        )
        .into());
    }
    Ok(context.shell.report(&Transcoders {
        time: status.time,
        transcoders: status.transcoders,
    })?)
}
