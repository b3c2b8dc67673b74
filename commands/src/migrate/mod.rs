//! `lpctl migrate`: from go-livepeer to lpctl.

mod flags;
mod import;
mod line;
mod table;

use clap::Subcommand;

use crate::context::Context;

/// Come over from go-livepeer
#[derive(Debug, Subcommand)]
#[allow(
    missing_docs,
    reason = "the help of a command is the doc comment of its `Args`"
)]
pub enum MigrateCommand {
    Flags(flags::FlagsArgs),
    Import(import::ImportArgs),
}

/// Carries out one of them.
///
/// # Errors
/// As the command says.
pub async fn run(command: MigrateCommand, context: &mut Context) -> eyre::Result<()> {
    match command {
        MigrateCommand::Flags(args) => flags::run(args, context).await,
        MigrateCommand::Import(args) => import::run(args, context).await,
    }
}
