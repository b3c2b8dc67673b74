//! `lpctl node set-max-sessions` and `lpctl node log-level`: changes that outlast the node's next start.

use clap::{
    Args,
    builder::{PossibleValuesParser, TypedValueParser as _},
};
use engine::{
    config::{LogLevel, SessionsChoice},
    node::SettingsChange,
    view::node::NodeMode,
};
use serde::Serialize;

use super::failed;
use crate::{
    context::Context,
    dashboard::feed::NodeApi,
    shell::{Report, Style},
};

/// Change how many streams a node serves at once
///
/// Sessions that run go on, also if they are more. A transcoder registers anew, which tells its orchestrator; the
/// streams it has may move to others. The change is kept: it holds at the next start too, unless --max-sessions is given.
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

/// Change how much a node logs
///
/// The change is kept: it holds at the next start too, unless -v, -q or LPCTL_LOG says otherwise.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl node log-level debug
  lpctl node log-level info")]
pub struct LogLevelArgs {
    /// From the least to the most
    #[arg(value_parser = PossibleValuesParser::new(LogLevel::ALL.map(LogLevel::name)).try_map(|name| name.parse::<LogLevel>()))]
    level: LogLevel,
}

#[derive(Serialize)]
struct SessionsSet {
    max_sessions: SessionsChoice,
    mode: NodeMode,
    sessions: usize,
}

impl Report for SessionsSet {
    fn text(&self, style: &Style) -> String {
        format!(
            "{} sessions at once: {}; {} now. It is kept for the next start",
            style.good_mark(),
            self.max_sessions,
            self.sessions
        )
    }
}

#[derive(Serialize)]
struct LevelSet {
    log_level: LogLevel,
}

impl Report for LevelSet {
    fn text(&self, style: &Style) -> String {
        format!(
            "{} the node logs at level {}. It is kept for the next start",
            style.good_mark(),
            self.log_level
        )
    }
}

/// Changes it.
///
/// # Errors
/// Unreachable when no node answers, refused by a node that cannot.
pub async fn set_max_sessions(
    args: SetMaxSessionsArgs,
    node: &NodeApi,
    context: &mut Context,
) -> eyre::Result<()> {
    let change = SettingsChange {
        max_sessions: Some(args.sessions),
        ..SettingsChange::default()
    };
    let status = node.change(&change).await.map_err(|error| failed(node, &error))?;
    Ok(context.shell.report(&SessionsSet {
        max_sessions: args.sessions,
        mode: status.mode,
        sessions: status.sessions.len(),
    })?)
}

/// Changes it.
///
/// # Errors
/// Unreachable when no node answers, refused by a node that cannot.
pub async fn log_level(args: LogLevelArgs, node: &NodeApi, context: &mut Context) -> eyre::Result<()> {
    let change = SettingsChange {
        log_level: Some(args.level),
        ..SettingsChange::default()
    };
    node.change(&change).await.map_err(|error| failed(node, &error))?;
    Ok(context.shell.report(&LevelSet {
        log_level: args.level,
    })?)
}
