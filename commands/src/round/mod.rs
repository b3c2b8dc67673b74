//! `lpctl round`: the protocol's clock.

mod init;
mod show;

use clap::Subcommand;

use crate::context::Context;

/// The protocol's clock
#[derive(Debug, Subcommand)]
#[allow(
    missing_docs,
    reason = "the help of a command is the doc comment of its `Args`"
)]
pub enum RoundCommand {
    Show(show::ShowArgs),
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
