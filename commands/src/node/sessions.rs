//! `lpctl node sessions`.

use clap::Args;
use comfy_table::CellAlignment;
use engine::{
    operator::Found,
    view::{
        go_node::{GoRole, StreamBytes},
        ingest::StreamView,
        node::StreamSession,
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
    wording::counted,
};

/// List the streams a node serves now
///
/// Of a gateway the streams it sends. A go-livepeer orchestrator does not tell its sessions.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl node sessions
  lpctl node sessions --json | jq '.data.sessions[].manifest_id'")]
pub struct SessionsArgs {}

/// Sessions of an orchestrator or transcoder, streams of a gateway.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Sessions {
    Lpctl {
        time: Timestamp,
        max_sessions: u32,
        sessions: Vec<StreamSession>,
    },
    LpctlGateway {
        max_sessions: u32,
        sessions: Vec<StreamView>,
    },
    GoLivepeer {
        sessions: Vec<GoStream>,
    },
}

/// A stream of a go-livepeer gateway.
#[derive(Serialize)]
pub(super) struct GoStream {
    manifest_id: String,
    #[serde(flatten)]
    bytes: StreamBytes,
}

impl Report for Sessions {
    fn text(&self, _: &Style) -> String {
        let (count, most) = self.count();
        if count == 0 {
            return match most {
                Some(most) => format!("no sessions; the node takes {most}"),
                None => "no streams".to_string(),
            };
        }
        let mut rows = table();
        let numbers = match self {
            Self::Lpctl { time, sessions, .. } => {
                rows.set_header([
                    "session", "stream", "source", "rungs", "done", "failed", "now", "on", "active",
                ]);
                for session in sessions {
                    rows.add_row([
                        escape(&session.id),
                        escape(&session.manifest_id),
                        session.source.as_deref().map_or("-".to_string(), escape),
                        session.rungs.len().to_string(),
                        session.segments_done.to_string(),
                        session.segments_failed.to_string(),
                        session.segments_in_flight.to_string(),
                        escape(&session.device),
                        format!("{} ago", ago(*time, session.last_active)),
                    ]);
                }
                3..=6
            }
            Self::LpctlGateway { sessions, .. } => {
                rows.set_header(["stream", "renditions", "done", "failed", "now"]);
                for stream in sessions {
                    rows.add_row([
                        escape(&stream.manifest_id),
                        stream.renditions.len().to_string(),
                        stream.totals.segments_done.to_string(),
                        stream.totals.segments_failed.to_string(),
                        stream.in_flight.to_string(),
                    ]);
                }
                1..=4
            }
            Self::GoLivepeer { sessions } => {
                rows.set_header(["stream", "source bytes", "rendition bytes"]);
                for stream in sessions {
                    rows.add_row([
                        escape(&stream.manifest_id),
                        stream.bytes.source_bytes.to_string(),
                        stream.bytes.transcoded_bytes.to_string(),
                    ]);
                }
                1..=2
            }
        };
        for column in numbers {
            if let Some(column) = rows.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        let full = match most {
            Some(most) => format!("\n{count} of {most} sessions"),
            None => format!("\n{}", counted(count, "stream")),
        };
        rows.trim_fmt() + &full
    }
}

impl Sessions {
    /// How many there are, and may be.
    fn count(&self) -> (usize, Option<u32>) {
        match self {
            Self::Lpctl {
                max_sessions,
                sessions,
                ..
            } => (sessions.len(), Some(*max_sessions)),
            Self::LpctlGateway {
                max_sessions,
                sessions,
            } => (sessions.len(), Some(*max_sessions)),
            Self::GoLivepeer { sessions } => (sessions.len(), None),
        }
    }
}

impl Answer for Sessions {
    const COLUMNS: &'static [&'static str] = &["sessions", "at most"];

    fn cells(&self, _: &Style) -> Vec<String> {
        let (count, most) = self.count();
        vec![
            count.to_string(),
            most.map_or("-".to_string(), |most| most.to_string()),
        ]
    }
}

impl Verb for SessionsArgs {
    type Answer = Sessions;

    async fn ask(&self, node: &Node, _: &Teller) -> Result<Sessions, Failure> {
        match &node.found {
            Found::Own(status) => Ok(Sessions::Lpctl {
                time: status.time,
                max_sessions: status.max_sessions,
                sessions: status.sessions.clone(),
            }),
            Found::OwnGateway(status) => Ok(Sessions::LpctlGateway {
                max_sessions: status.max_streams,
                sessions: status.streams.clone(),
            }),
            Found::Go(go) => {
                if node.role(go).await? == GoRole::Orchestrator {
                    return Err(node.not_offered(
                        "an orchestrator's API does not tell its sessions",
                        "started with `-monitor` it counts them: `livepeer_current_sessions_total` of its /metrics",
                    ));
                }
                let status = go.status().await.map_err(|error| node.failed(&error))?;
                let streams = status.stream_info.into_iter();
                Ok(Sessions::GoLivepeer {
                    sessions: streams
                        .map(|(manifest_id, bytes)| GoStream { manifest_id, bytes })
                        .collect(),
                })
            }
        }
    }
}
