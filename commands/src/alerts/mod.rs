//! `lpctl alerts`: who is told of what needs attention.

pub(crate) mod channels;
mod list;
mod test;

use clap::Subcommand;

use crate::context::Context;

/// Who is told of what needs attention
#[derive(Debug, Subcommand)]
#[allow(
    missing_docs,
    reason = "the help of a command is the doc comment of its `Args`"
)]
pub enum AlertsCommand {
    List(list::ListArgs),
    Test(test::TestArgs),
}

/// Carries out one of them.
///
/// # Errors
/// As the command says.
pub async fn run(command: AlertsCommand, context: &mut Context) -> eyre::Result<()> {
    match command {
        AlertsCommand::List(args) => list::run(args, context).await,
        AlertsCommand::Test(args) => test::run(args, context).await,
    }
}
