//! `lpctl node set-max-sessions`.

use clap::Args;
use engine::{
    config::SessionsChoice,
    node::SettingsChange,
    operator::{Found, GoCall},
    view::node::NodeMode,
};
use serde::Serialize;

use super::{
    fleet::{Answer, Teller, Verb},
    lasting,
    target::{GATEWAY_IS_FIXED, Node},
};
use crate::{
    failure::Failure,
    shell::{Report, Style},
};

/// Change how many streams a node serves at once
///
/// Sessions that run go on, also if they are more. A transcoder registers anew, which tells its orchestrator; the
/// streams it has may move to others. The change is kept by lpctl's nodes: it holds at the next start too, unless
/// --max-sessions is given. go-livepeer's forget it when they end.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl node set-max-sessions 12
  lpctl node set-max-sessions auto        as many as the transcoders offer, or as stay ahead of real time")]
pub struct SetMaxSessionsArgs {
    /// How many, or auto
    #[arg(value_name = "COUNT|auto")]
    sessions: SessionsChoice,
}

#[derive(Serialize)]
pub(super) struct SessionsSet {
    max_sessions: SessionsChoice,
    /// None of a go-livepeer node, which does not tell.
    mode: Option<NodeMode>,
    /// Sessions now; none of a go-livepeer node, which does not tell.
    sessions: Option<usize>,
    kept: bool,
}

impl Report for SessionsSet {
    fn text(&self, style: &Style) -> String {
        let now = self
            .sessions
            .map(|now| format!("; {now} now"))
            .unwrap_or_default();
        format!(
            "{} sessions at once: {}{now}. {}",
            style.good_mark(),
            self.max_sessions,
            lasting(self.kept)
        )
    }
}

impl Answer for SessionsSet {
    const COLUMNS: &'static [&'static str] = &["sessions at once", "now"];

    fn cells(&self, _: &Style) -> Vec<String> {
        let now = self.sessions.map_or("-".to_string(), |now| now.to_string());
        vec![self.max_sessions.to_string(), now]
    }
}

impl Verb for SetMaxSessionsArgs {
    type Answer = SessionsSet;

    fn question(&self) -> Option<String> {
        Some(format!("set the sessions at once to {}", self.sessions))
    }

    async fn ask(&self, node: &Node, _: &Teller) -> Result<SessionsSet, Failure> {
        match &node.found {
            Found::Own(_) => {
                let change = SettingsChange {
                    max_sessions: Some(self.sessions),
                    ..SettingsChange::default()
                };
                let status = node
                    .api()?
                    .change(&change)
                    .await
                    .map_err(|error| node.failed(&error))?;
                Ok(SessionsSet {
                    max_sessions: self.sessions,
                    mode: Some(status.mode),
                    sessions: Some(status.sessions.len()),
                    kept: true,
                })
            }
            Found::OwnGateway(_) => Err(node.not_offered(
                GATEWAY_IS_FIXED,
                "`lpctl config set gateway.max_sessions COUNT`, then start the gateway again",
            )),
            Found::Go(go) => {
                let status = go.status().await.map_err(|error| node.failed(&error))?;
                // It would break off, and set nothing.
                if self.sessions == SessionsChoice::Auto && status.local_transcoding {
                    return Err(node.not_offered(
                        "it has no remote transcoders, whose capacities `auto` would add up",
                        "give it a number",
                    ));
                }
                node.go_change(go, &GoCall::max_sessions(self.sessions)).await?;
                Ok(SessionsSet {
                    max_sessions: self.sessions,
                    mode: None,
                    sessions: None,
                    kept: false,
                })
            }
        }
    }
}
