//! `lpctl deposit cancel-unlock`.

use clap::Args;
use engine::chain::DepositChange;

use crate::{context::Context, transact::TransactionArgs};

/// Keep deposit and reserve locked after all
///
/// Ends an unlocking that is under way; orchestrators take tickets again.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl deposit cancel-unlock
  lpctl deposit cancel-unlock --yes --json")]
pub struct CancelUnlockArgs {
    /// Options of every transaction.
    #[command(flatten)]
    pub transaction: TransactionArgs,
}

/// Ends the unlocking.
///
/// # Errors
/// A refusal with everything that stands in the way; what became of a transaction that was sent.
pub async fn run(args: CancelUnlockArgs, context: &mut Context) -> eyre::Result<()> {
    super::change(DepositChange::CancelUnlock, args.transaction, context).await
}
