//! `lpctl gateway`: the sending side.

mod failure;
pub mod push;
mod report;

use clap::Subcommand;

use crate::context::Context;

/// Send video to orchestrators, as gateways do
#[derive(Debug, Subcommand)]
#[allow(
    missing_docs,
    reason = "the help of a command is the doc comment of its `Args`"
)]
pub enum GatewayCommand {
    Push(push::PushArgs),
}

/// Carries one of them out.
///
/// # Errors
/// Unreachable if no orchestrator answered, failed if anything did not come back right.
pub async fn run(command: GatewayCommand, context: &mut Context) -> eyre::Result<()> {
    match command {
        GatewayCommand::Push(args) => push::run(args, context).await,
    }
}
