//! `lpctl protocol`: the parameters governance sets.

mod show;

use clap::Subcommand;

use crate::context::Context;

/// The protocol's contracts and parameters
#[derive(Debug, Subcommand)]
#[allow(
    missing_docs,
    reason = "the help of a command is the doc comment of its `Args`"
)]
pub enum ProtocolCommand {
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
