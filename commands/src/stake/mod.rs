//! `lpctl stake`: LPT put behind an orchestrator.

mod bond;
mod show;

use clap::Subcommand;

use crate::context::Context;

/// Put LPT behind an orchestrator, and see how it stands
#[derive(Debug, Subcommand)]
#[allow(
    missing_docs,
    reason = "the help of a command is the doc comment of its `Args`"
)]
pub enum StakeCommand {
    Bond(bond::BondArgs),
    Show(show::ShowArgs),
}

/// Carries out one of them.
///
/// # Errors
/// As the command says.
pub async fn run(command: StakeCommand, context: &mut Context) -> eyre::Result<()> {
    match command {
        StakeCommand::Bond(args) => bond::run(args, context).await,
        StakeCommand::Show(args) => show::run(args, context).await,
    }
}
