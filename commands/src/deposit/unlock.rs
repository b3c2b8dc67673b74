//! `lpctl deposit unlock`.

use clap::Args;
use engine::chain::DepositChange;

use crate::{context::Context, transact::TransactionArgs};

/// Begin to unlock deposit and reserve
///
/// They can be withdrawn some rounds later. Orchestrators take no more tickets from the round before that on.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl deposit unlock
  lpctl deposit unlock --yes --json")]
pub struct UnlockArgs {
    /// Options of every transaction.
    #[command(flatten)]
    pub transaction: TransactionArgs,
}

/// Begins.
///
/// # Errors
/// A refusal with everything that stands in the way; what became of a transaction that was sent.
pub async fn run(args: UnlockArgs, context: &mut Context) -> eyre::Result<()> {
    super::change(DepositChange::Unlock, args.transaction, context).await
}
