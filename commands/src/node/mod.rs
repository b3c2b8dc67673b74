//! `lpctl node`: a running node, over its operator API.

mod drain;
mod price;
mod sessions;
mod settings;
mod show;
mod transcoders;

use clap::Subcommand;
use engine::view::node::NodeStatus;

use crate::{
    context::Context,
    dashboard::{
        feed::{FeedError, NodeApi},
        no_answer,
    },
    failure::{Failure, Kind},
};

/// See and command a running node
#[derive(Debug, Subcommand)]
#[allow(
    missing_docs,
    reason = "the help of a command is the doc comment of its `Args`"
)]
pub enum NodeCommand {
    Show(show::ShowArgs),
    Sessions(sessions::SessionsArgs),
    Transcoders(transcoders::TranscodersArgs),
    Drain(drain::DrainArgs),
    SetMaxSessions(settings::SetMaxSessionsArgs),
    SetPrice(price::SetPriceArgs),
    LogLevel(settings::LogLevelArgs),
}

/// Carries out one of them.
///
/// # Errors
/// Unreachable when no node answers; else as the command says.
pub async fn run(command: NodeCommand, context: &mut Context) -> eyre::Result<()> {
    let node = NodeApi::new(&context.settings().node_url)?;
    match command {
        NodeCommand::Show(args) => show::run(args, &node, context).await,
        NodeCommand::Sessions(args) => sessions::run(args, &node, context).await,
        NodeCommand::Transcoders(args) => transcoders::run(args, &node, context).await,
        NodeCommand::Drain(args) => drain::run(args, &node, context).await,
        NodeCommand::SetMaxSessions(args) => settings::set_max_sessions(args, &node, context).await,
        NodeCommand::SetPrice(args) => price::run(args, &node, context).await,
        NodeCommand::LogLevel(args) => settings::log_level(args, &node, context).await,
    }
}

async fn status(node: &NodeApi) -> Result<NodeStatus, Failure> {
    node.status().await.map_err(|error| failed(node, &error))
}

/// What it means that a node did not do what it was asked.
fn failed(node: &NodeApi, error: &FeedError) -> Failure {
    match error {
        FeedError::Refused(text) => Failure::new(
            Kind::Refused,
            "node_refused",
            format!("the node at {} did not do that: {text}", node.shown()),
        )
        .hint("`lpctl node show` tells what kind of node it is"),
        error => no_answer(node, error),
    }
}

/// How many seconds ago that was, as people say it.
fn ago(now: jiff::Timestamp, then: jiff::Timestamp) -> String {
    let seconds = (now.as_second() - then.as_second()).max(0);
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7199 => format!("{} min", seconds / 60),
        7200..=172_799 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_said_shortly() {
        let at = |second| jiff::Timestamp::from_second(second).unwrap();
        let said = |seconds| ago(at(seconds), at(0));
        assert_eq!(
            [said(5), said(300), said(7200), said(864_000), ago(at(0), at(9))],
            ["5 s", "5 min", "2 h", "10 d", "0 s"]
        );
    }
}
