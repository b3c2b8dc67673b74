//! `lpctl node audit`.

use clap::Args;
use engine::view::node::AuditLines;

use super::{
    fleet::{Answer, Teller, Verb},
    target::Node,
};
use crate::{
    failure::Failure,
    shell::{Report, Style, escape, table},
};

/// Show what was changed over a node's operator API, by whom and with what outcome
///
/// Every change leaves a line in operator-audit.jsonl of the node's folder, the newest file and three older ones of 4 MiB.
/// From elsewhere this takes a token of scope operate.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl node audit
  lpctl node audit --limit 1000 --json | jq '.data.lines[] | select(.who != \"loopback\")'")]
pub struct AuditArgs {
    /// Lines to show, the newest first
    #[arg(long, value_name = "COUNT", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
}

impl Report for AuditLines {
    fn text(&self, style: &Style) -> String {
        if self.lines.is_empty() {
            return "nothing was changed over this node's API".to_string();
        }
        let mut rows = table();
        rows.set_header(["time", "who", "from", "what", "outcome"]);
        for line in &self.lines {
            let what = match &line.what {
                Some(what) => format!("{} {}", escape(&line.action), style.dim(&escape(what))),
                None => escape(&line.action),
            };
            let again = if line.replayed { " (again)" } else { "" };
            rows.add_row([
                line.time.strftime("%Y-%m-%d %H:%M:%S").to_string(),
                escape(&line.who),
                escape(&line.from),
                what,
                format!("{}{again}", line.status),
            ]);
        }
        rows.trim_fmt()
    }
}

impl Answer for AuditLines {
    const COLUMNS: &'static [&'static str] = &["changes", "last"];

    fn cells(&self, _: &Style) -> Vec<String> {
        let last = self.lines.first().map(|line| escape(&line.action));
        vec![
            self.lines.len().to_string(),
            last.unwrap_or_else(|| "none".to_string()),
        ]
    }
}

impl Verb for AuditArgs {
    type Answer = AuditLines;

    async fn ask(&self, node: &Node, _: &Teller) -> Result<AuditLines, Failure> {
        let (_, api) = node.own(
            "it keeps no audit log",
            "its own log may tell of changes; only `lpctl run` writes them down",
        )?;
        api.audit(usize::from(self.limit))
            .await
            .map_err(|error| node.failed(&error))
    }
}
