//! `lpctl tx`: what was sent from here, and what can still be done about it.

mod cancel;
mod list;
mod replace;
mod show;
mod speed_up;

use clap::Subcommand;
use engine::chain::outbox::{RecordError, ReplacementError};

use crate::{
    context::Context,
    failure::{Failure, Kind},
};

/// Look at transactions that were sent from here, hurry or cancel those that wait
#[derive(Debug, Subcommand)]
#[allow(
    missing_docs,
    reason = "the help of a command is the doc comment of its `Args`"
)]
pub enum TransactionCommand {
    List(list::ListArgs),
    Show(show::ShowArgs),
    SpeedUp(speed_up::SpeedUpArgs),
    Cancel(cancel::CancelArgs),
}

/// Carries out one of them.
///
/// # Errors
/// As the command says.
pub async fn run(command: TransactionCommand, context: &mut Context) -> eyre::Result<()> {
    match command {
        TransactionCommand::List(args) => list::run(args, context).await,
        TransactionCommand::Show(args) => show::run(args, context).await,
        TransactionCommand::SpeedUp(args) => speed_up::run(args, context).await,
        TransactionCommand::Cancel(args) => cancel::run(args, context).await,
    }
}

impl From<RecordError> for Failure {
    fn from(error: RecordError) -> Self {
        match error {
            RecordError::Chain(error) => error.into(),
            RecordError::Journal(_) => Self::new(Kind::Failed, "journal", error.to_string())
                .hint("correct the permissions of the state folder: `lpctl config path` names it"),
        }
    }
}

impl From<ReplacementError> for Failure {
    fn from(error: ReplacementError) -> Self {
        let (code, hint) = (error.code(), error.hint());
        match error {
            ReplacementError::Record(error) => error.into(),
            other => Self::new(Kind::Refused, code, format!("not sent: {other}")).hint(hint),
        }
    }
}
