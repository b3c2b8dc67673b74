//! `lpctl round`: the protocol's clock.

mod init;
mod show;

use clap::Subcommand;

use crate::context::Context;

/// The protocol's clock
#[derive(Debug, Subcommand)]
pub enum RoundCommand {
    /// Show the current round and when things open and close
    Show(show::ShowArgs),
    /// Initialise the current round, if nobody has yet
    Init(init::InitArgs),
}

/// Carries out one of them.
///
/// # Errors
/// As the command says.
pub async fn run(command: RoundCommand, context: &mut Context) -> eyre::Result<()> {
    match command {
        RoundCommand::Show(args) => show::run(args, context).await,
        RoundCommand::Init(args) => init::run(args, context).await,
    }
}
