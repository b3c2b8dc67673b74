//! `lpctl node end-session`.

use clap::Args;
use serde::Serialize;

use super::{
    fleet::{Answer, Teller, Verb},
    target::Node,
};
use crate::{
    failure::Failure,
    shell::{Report, Style, escape},
};

/// End a session: its running work is stopped, its renditions are dropped
///
/// Its gateway is told that the session is over at its next segment, and takes another orchestrator or begins anew here.
/// `lpctl node drain` ends no session and takes no new ones.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl node sessions
  lpctl node end-session 3f2a91c0")]
pub struct EndSessionArgs {
    /// Its id, as `lpctl node sessions` shows it
    #[arg(value_name = "SESSION")]
    session: String,
}

#[derive(Serialize)]
pub(super) struct SessionEnded {
    session: String,
    /// Sessions that are left.
    sessions: usize,
}

impl Report for SessionEnded {
    fn text(&self, style: &Style) -> String {
        format!(
            "{} session {} is ended; {} left",
            style.good_mark(),
            escape(&self.session),
            self.sessions
        )
    }
}

impl Answer for SessionEnded {
    const COLUMNS: &'static [&'static str] = &["ended", "sessions"];

    fn cells(&self, _: &Style) -> Vec<String> {
        vec![escape(&self.session), self.sessions.to_string()]
    }
}

impl Verb for EndSessionArgs {
    type Answer = SessionEnded;

    fn question(&self) -> Option<String> {
        Some(format!("end session {}", escape(&self.session)))
    }

    async fn ask(&self, node: &Node, _: &Teller) -> Result<SessionEnded, Failure> {
        let (_, api) = node.own(
            "its API has nothing that ends a session",
            "end the stream at its source; `lpctl node set-max-sessions` keeps new ones away",
        )?;
        let ended = api.end_session(&self.session).await;
        let status = ended.map_err(|error| {
            node.failed(&error)
                .hint("`lpctl node sessions` lists the sessions there are")
        })?;
        Ok(SessionEnded {
            session: self.session.clone(),
            sessions: status.sessions.len(),
        })
    }
}
