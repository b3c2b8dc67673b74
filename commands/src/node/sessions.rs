//! `lpctl node sessions`.

use clap::Args;
use comfy_table::CellAlignment;
use engine::view::node::StreamSession;
use jiff::Timestamp;
use serde::Serialize;

use super::{ago, status};
use crate::{
    context::Context,
    dashboard::feed::NodeApi,
    shell::{Report, Style, escape, table},
};

/// List the streams a node serves now
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl node sessions
  lpctl node sessions --json | jq '.data.sessions[].manifest_id'")]
pub struct SessionsArgs {}

#[derive(Serialize)]
struct Sessions {
    time: Timestamp,
    max_sessions: u32,
    sessions: Vec<StreamSession>,
}

impl Report for Sessions {
    fn text(&self, _: &Style) -> String {
        if self.sessions.is_empty() {
            return format!("no sessions; the node takes {}", self.max_sessions);
        }
        let mut rows = table();
        rows.set_header([
            "session", "stream", "source", "rungs", "done", "failed", "now", "on", "active",
        ]);
        for session in &self.sessions {
            rows.add_row([
                escape(&session.id),
                escape(&session.manifest_id),
                session.source.as_deref().map_or("-".to_string(), escape),
                session.rungs.len().to_string(),
                session.segments_done.to_string(),
                session.segments_failed.to_string(),
                session.segments_in_flight.to_string(),
                escape(&session.device),
                format!("{} ago", ago(self.time, session.last_active)),
            ]);
        }
        for column in 3..=6 {
            if let Some(column) = rows.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        let full = format!("\n{} of {} sessions", self.sessions.len(), self.max_sessions);
        rows.trim_fmt() + &full
    }
}

/// Lists them.
///
/// # Errors
/// Unreachable when no node answers.
pub async fn run(SessionsArgs {}: SessionsArgs, node: &NodeApi, context: &mut Context) -> eyre::Result<()> {
    let status = status(node).await?;
    Ok(context.shell.report(&Sessions {
        time: status.time,
        max_sessions: status.max_sessions,
        sessions: status.sessions,
    })?)
}
