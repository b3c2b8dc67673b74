//! `lpctl reward`: newly minted LPT, called for once a round.

mod call;
pub(crate) mod guardian;
mod history;
mod status;
mod watch;

use clap::Subcommand;

use crate::context::Context;

/// Mint each round's reward
#[derive(Debug, Subcommand)]
#[allow(
    missing_docs,
    reason = "the help of a command is the doc comment of its `Args`"
)]
pub enum RewardCommand {
    Call(call::CallArgs),
    Status(status::StatusArgs),
    History(history::HistoryArgs),
    Watch(Box<watch::WatchArgs>),
}

/// Carries out one of them.
///
/// # Errors
/// As the command says.
pub async fn run(command: RewardCommand, context: &mut Context) -> eyre::Result<()> {
    match command {
        RewardCommand::Call(args) => call::run(args, context).await,
        RewardCommand::Status(args) => status::run(args, context).await,
        RewardCommand::History(args) => history::run(args, context).await,
        RewardCommand::Watch(args) => watch::run(*args, context).await,
    }
}
