//! `lpctl node audit`.

use clap::Args;
use engine::{operator::Found, view::node::AuditLine};
use serde::Serialize;

use super::{
    fleet::{Answer, Teller, Verb},
    target::Node,
};
use crate::{
    failure::Failure,
    shell::{Report, Style, escape, table},
};

/// Show who changed what over a node's operator API
///
/// Each request that could change something, with its outcome, the newest first. The node keeps it in `audit.jsonl` of
/// its folder.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl node audit
  lpctl node audit --limit 500 --json | jq '.data.lines[] | select(.who != \"loopback\")'")]
pub struct AuditArgs {
    /// How many
    #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
}

/// What was asked for.
#[derive(Serialize)]
pub(super) struct Audit {
    lines: Vec<AuditLine>,
}

impl Report for Audit {
    fn text(&self, style: &Style) -> String {
        if self.lines.is_empty() {
            return "nothing was changed over this node's API so far".to_string();
        }
        let mut rows = table();
        rows.set_header(["time (UTC)", "who", "from", "did", "what", "outcome"]);
        for line in &self.lines {
            let time = line.time.strftime("%Y-%m-%d %H:%M:%S").to_string();
            let again = if line.replayed { ", answered again" } else { "" };
            rows.add_row([
                style.dim(&time),
                escape(&line.who),
                escape(&line.from),
                escape(&line.action),
                line.what.as_deref().map(escape).unwrap_or_default(),
                format!("{}{again}", line.status),
            ]);
        }
        rows.trim_fmt()
    }
}

impl Answer for Audit {
    const COLUMNS: &'static [&'static str] = &["changes", "last"];

    fn cells(&self, _: &Style) -> Vec<String> {
        let last = self.lines.first();
        vec![
            self.lines.len().to_string(),
            last.map_or("-".to_string(), |line| escape(&line.action)),
        ]
    }
}

impl Verb for AuditArgs {
    type Answer = Audit;

    async fn ask(&self, node: &Node, _: &Teller) -> Result<Audit, Failure> {
        let Found::Own(_) = &node.found else {
            return Err(node.not_offered(
                "it writes down nothing of what is changed over its API",
                "a node of lpctl's does",
            ));
        };
        let audit = node.api()?.audit(usize::from(self.limit)).await;
        let audit = audit.map_err(|error| node.failed(&error))?;
        Ok(Audit { lines: audit.lines })
    }
}
