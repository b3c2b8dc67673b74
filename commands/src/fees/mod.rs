//! `lpctl fees`: what tickets earned.

mod show;
mod withdraw;

use clap::Subcommand;

use crate::context::Context;

/// See and take out what tickets earned
#[derive(Debug, Subcommand)]
#[allow(
    missing_docs,
    reason = "the help of a command is the doc comment of its `Args`"
)]
pub enum FeesCommand {
    Show(show::ShowArgs),
    Withdraw(withdraw::WithdrawArgs),
}

/// Carries out one of them.
///
/// # Errors
/// As the command says.
pub async fn run(command: FeesCommand, context: &mut Context) -> eyre::Result<()> {
    match command {
        FeesCommand::Show(args) => show::run(args, context).await,
        FeesCommand::Withdraw(args) => withdraw::run(args, context).await,
    }
}
