//! `lpctl bench`: what this machine can do.

mod chart;
mod csv;
mod failure;
mod report;
mod tickets;
mod transcode;
mod values;

use clap::Subcommand;

use crate::context::Context;

/// Measure what this machine can do
#[derive(Debug, Subcommand)]
#[allow(
    missing_docs,
    reason = "the help of a command is the doc comment of its `Args`"
)]
pub enum BenchCommand {
    Transcode(Box<transcode::TranscodeArgs>),
    Tickets(tickets::TicketsArgs),
}

/// Carries out one of them.
///
/// # Errors
/// A failure of the class that fits.
pub async fn run(command: BenchCommand, context: &mut Context) -> eyre::Result<()> {
    match command {
        BenchCommand::Transcode(args) => transcode::run(*args, context).await,
        BenchCommand::Tickets(args) => tickets::run(args, context).await,
    }
}
