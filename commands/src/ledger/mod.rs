//! `lpctl ledger`: an account's books, from the chain.

mod export;
mod formats;

use clap::Subcommand;

use crate::context::Context;

/// What moved in and out of an account, for accounts and taxes
#[derive(Debug, Subcommand)]
#[allow(
    missing_docs,
    reason = "the help of a command is the doc comment of its `Args`"
)]
pub enum LedgerCommand {
    Export(export::ExportArgs),
}

/// Carries out one of them.
///
/// # Errors
/// As the command says.
pub async fn run(command: LedgerCommand, context: &mut Context) -> eyre::Result<()> {
    match command {
        LedgerCommand::Export(args) => export::run(args, context).await,
    }
}
