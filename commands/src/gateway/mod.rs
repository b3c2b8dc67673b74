//! `lpctl gateway`: the sending side.

mod failure;
pub mod push;
mod report;

use clap::Subcommand;

use crate::context::Context;

/// Send video to orchestrators, as gateways do
#[derive(Debug, Subcommand)]
pub enum GatewayCommand {
    /// Send a file through an orchestrator and check what comes back
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
