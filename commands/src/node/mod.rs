//! `lpctl node`: running nodes, over their operator APIs. lpctl's or go-livepeer's, one or several at once.
//!
//! | module | holds |
//! |---|---|
//! | `target` | which nodes are meant, and what answers there |
//! | `fleet` | one node asked, or several at once: the answer, or a table with a row a node |
//! | `show`, `sessions`, `transcoders` | what a node tells |
//! | `price`, `capacity`, `limits`, `log`, `broadcast` | what is changed while it runs |
//! | `drain`, `end` | what ends |
//! | `token`, `audit` | who may do that from elsewhere, and who did |

mod audit;
mod broadcast;
mod capacity;
mod drain;
mod end;
mod fleet;
mod limits;
mod log;
mod price;
mod sessions;
mod show;
pub(crate) mod target;
pub(crate) mod token;
mod transcoders;

use clap::{Args, Subcommand};

use crate::context::Context;

const ABOUT_SEVERAL: &str = "\
Examples:
  lpctl node show
  lpctl --node http://127.0.0.1:6935 node show
  lpctl --node eu1 --node us1 node show           two of the config's [nodes]
  lpctl node --all set-max-sessions 12 --yes
  lpctl config set nodes.eu1 http://127.0.0.1:7935

A node is one of lpctl's, or one of go-livepeer's at its CLI port; which of them
answers is found out. What that node's API does not offer is refused (exit 4).

Several nodes are asked at once, and each is a row of one table; with --json the
answer is an array of {node, url, data, error}. Exit code: 0 if all did it; what
is wrong with all of them if it is the same for all, so 7 if all are dead; else 1.
Changes to several nodes are confirmed, or need --yes.

An operator API of go-livepeer is plain HTTP and lets in everybody: reach nodes
elsewhere through a tunnel.";

/// See and command running nodes
#[derive(Debug, Args)]
#[command(after_help = ABOUT_SEVERAL)]
pub struct NodeArgs {
    /// All nodes of the config's [nodes]
    #[arg(long, global = true)]
    all: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: NodeCommand,
}

/// What can be done with nodes.
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
    EndSession(end::EndSessionArgs),
    SetPrice(price::SetPriceArgs),
    SetCapabilityPrice(price::SetCapabilityPriceArgs),
    SetMaxSessions(capacity::SetMaxSessionsArgs),
    SetMaxFaceValue(limits::SetMaxFaceValueArgs),
    SetMaxGasPrice(limits::SetMaxGasPriceArgs),
    SetMinGasPrice(limits::SetMinGasPriceArgs),
    /// See and change how a go-livepeer gateway sends
    #[command(subcommand)]
    BroadcastConfig(broadcast::BroadcastCommand),
    LogLevel(log::LogLevelArgs),
    Audit(audit::AuditArgs),
    /// Make, list and take back tokens of the operator API
    #[command(subcommand)]
    Token(token::TokenCommand),
}

impl NodeCommand {
    /// Whether it changes nothing.
    #[must_use]
    pub fn only_looks(&self) -> bool {
        matches!(
            self,
            Self::Show(_)
                | Self::Sessions(_)
                | Self::Transcoders(_)
                | Self::Audit(_)
                | Self::Token(token::TokenCommand::List(_))
                | Self::BroadcastConfig(broadcast::BroadcastCommand::Show(_))
        )
    }
}

/// Carries out one of them.
///
/// # Errors
/// Unreachable when no node answers, refused for what a node does not offer; else as the command says.
pub async fn run(args: NodeArgs, context: &mut Context) -> eyre::Result<()> {
    if let NodeCommand::Token(command) = args.command {
        return token::run(command, context);
    }
    let targets = target::chosen(args.all, context.settings())?;
    match args.command {
        NodeCommand::Show(verb) => fleet::run(&verb, targets, context).await,
        NodeCommand::Sessions(verb) => fleet::run(&verb, targets, context).await,
        NodeCommand::Transcoders(verb) => fleet::run(&verb, targets, context).await,
        NodeCommand::Drain(verb) => fleet::run(&verb, targets, context).await,
        NodeCommand::EndSession(verb) => fleet::run(&verb, targets, context).await,
        NodeCommand::SetPrice(verb) => fleet::run(&verb, targets, context).await,
        NodeCommand::SetCapabilityPrice(verb) => fleet::run(&verb, targets, context).await,
        NodeCommand::SetMaxSessions(verb) => fleet::run(&verb, targets, context).await,
        NodeCommand::SetMaxFaceValue(verb) => fleet::run(&verb, targets, context).await,
        NodeCommand::SetMaxGasPrice(verb) => fleet::run(&verb, targets, context).await,
        NodeCommand::SetMinGasPrice(verb) => fleet::run(&verb, targets, context).await,
        NodeCommand::BroadcastConfig(broadcast::BroadcastCommand::Show(verb)) => {
            fleet::run(&verb, targets, context).await
        }
        NodeCommand::BroadcastConfig(broadcast::BroadcastCommand::Set(verb)) => {
            fleet::run(&verb, targets, context).await
        }
        NodeCommand::LogLevel(verb) => fleet::run(&verb, targets, context).await,
        NodeCommand::Audit(verb) => fleet::run(&verb, targets, context).await,
        NodeCommand::Token(command) => token::run(command, context),
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

/// What becomes of a change when the node starts again.
fn lasting(is_kept: bool) -> &'static str {
    match is_kept {
        true => "It is kept for the next start",
        false => "It holds until the node ends: go-livepeer keeps it in memory only",
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
