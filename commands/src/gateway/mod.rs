//! `lpctl gateway`: the sending side.

mod failure;
pub mod key;
mod payer;
pub mod push;
mod report;
pub mod run;

use clap::Subcommand;

use crate::context::Context;

/// Send video to orchestrators, as gateways do
#[derive(Debug, Subcommand)]
#[allow(
    missing_docs,
    reason = "the help of a command is the doc comment of its `Args`"
)]
pub enum GatewayCommand {
    Run(Box<run::RunArgs>),
    Push(push::PushArgs),
    /// Keys that let others send streams
    #[command(subcommand)]
    Key(key::KeyCommand),
}

/// Carries one of them out.
///
/// # Errors
/// Unreachable if no orchestrator answered, failed if anything did not come back right.
pub async fn run(command: GatewayCommand, context: &mut Context) -> eyre::Result<()> {
    match command {
        GatewayCommand::Run(args) => run::run(*args, context).await,
        GatewayCommand::Push(args) => push::run(args, context).await,
        GatewayCommand::Key(command) => key::run(&command, context),
    }
}
