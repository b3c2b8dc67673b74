//! `lpctl protocol`: the parameters governance sets.

mod show;

use clap::Subcommand;

use crate::context::Context;

/// The protocol's contracts and parameters
#[derive(Debug, Subcommand)]
pub enum ProtocolCommand {
    /// Show contracts, rounds, inflation and limits
    Show(show::ShowArgs),
}

/// Carries out one of them.
///
/// # Errors
/// As the command says.
pub async fn run(command: ProtocolCommand, context: &mut Context) -> eyre::Result<()> {
    match command {
        ProtocolCommand::Show(args) => show::run(args, context).await,
    }
}
