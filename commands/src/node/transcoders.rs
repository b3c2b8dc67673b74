//! `lpctl node transcoders`.

use clap::Args;
use comfy_table::CellAlignment;
use engine::{
    operator::Found,
    view::{
        go_node::GoTranscoder,
        node::{NodeMode, RemoteTranscoder},
    },
};
use jiff::Timestamp;
use serde::Serialize;

use super::{
    ago,
    fleet::{Answer, Teller, Verb},
    target::Node,
};
use crate::{
    failure::Failure,
    shell::{Report, Style, escape, table},
};

/// List the transcoders registered with an orchestrator
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl node transcoders
  lpctl node transcoders --json | jq '[.data.transcoders[].capacity] | add'")]
pub struct TranscodersArgs {}

/// An orchestrator's transcoders.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Transcoders {
    Lpctl {
        time: Timestamp,
        transcoders: Vec<RemoteTranscoder>,
    },
    /// It tells no load.
    GoLivepeer { transcoders: Vec<GoTranscoder> },
}

impl Report for Transcoders {
    fn text(&self, _: &Style) -> String {
        let mut rows = table();
        let numbers = match self {
            Self::Lpctl { transcoders, .. } if transcoders.is_empty() => {
                return "no transcoder is registered: start one with `lpctl run --mode transcoder`"
                    .to_string();
            }
            Self::GoLivepeer { transcoders } if transcoders.is_empty() => {
                return "no transcoder is registered".to_string();
            }
            Self::Lpctl { time, transcoders } => {
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
                for transcoder in transcoders {
                    rows.add_row([
                        escape(&transcoder.address),
                        escape(&transcoder.version),
                        format!("{} of {}", transcoder.load, transcoder.capacity),
                        transcoder.running.to_string(),
                        transcoder.tasks_done.to_string(),
                        transcoder.tasks_failed.to_string(),
                        ago(*time, transcoder.since),
                        transcoder.last_error.as_deref().map_or("-".to_string(), escape),
                    ]);
                }
                2..=6
            }
            Self::GoLivepeer { transcoders } => {
                rows.set_header(["from", "capacity"]);
                for transcoder in transcoders {
                    rows.add_row([escape(&transcoder.address), transcoder.capacity.to_string()]);
                }
                1..=1
            }
        };
        for column in numbers {
            if let Some(column) = rows.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        rows.trim_fmt()
    }
}

impl Answer for Transcoders {
    const COLUMNS: &'static [&'static str] = &["transcoders", "sessions", "at most"];

    fn cells(&self, _: &Style) -> Vec<String> {
        let sum = |numbers: &mut dyn Iterator<Item = u32>| numbers.map(u64::from).sum::<u64>().to_string();
        match self {
            Self::Lpctl { transcoders, .. } => vec![
                transcoders.len().to_string(),
                sum(&mut transcoders.iter().map(|transcoder| transcoder.load)),
                sum(&mut transcoders.iter().map(|transcoder| transcoder.capacity)),
            ],
            Self::GoLivepeer { transcoders } => vec![
                transcoders.len().to_string(),
                "-".to_string(),
                sum(&mut transcoders.iter().map(|transcoder| transcoder.capacity)),
            ],
        }
    }
}

impl Verb for TranscodersArgs {
    type Answer = Transcoders;

    async fn ask(&self, node: &Node, _: &Teller) -> Result<Transcoders, Failure> {
        let no_pool = || {
            node.not_offered(
                "no transcoders register with it",
                "`lpctl run --mode orchestrator` takes transcoders, as go-livepeer with `-orchestrator` alone does",
            )
        };
        match &node.found {
            Found::Own(status) if status.mode == NodeMode::Orchestrator => Ok(Transcoders::Lpctl {
                time: status.time,
                transcoders: status.transcoders.clone(),
            }),
            Found::Own(_) | Found::OwnGateway(_) => Err(no_pool()),
            Found::Go(go) => {
                let status = go.status().await.map_err(|error| node.failed(&error))?;
                match status.local_transcoding {
                    true => Err(no_pool()),
                    false => Ok(Transcoders::GoLivepeer {
                        transcoders: status.registered_transcoders,
                    }),
                }
            }
        }
    }
}
