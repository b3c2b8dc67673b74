//! `lpctl deposit withdraw`.

use clap::Args;
use engine::chain::DepositChange;

use crate::{context::Context, transact::TransactionArgs};

/// Take unlocked deposit and reserve out
///
/// Both at once, to the account they are from. They have to be unlocked first: `lpctl deposit unlock`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl deposit withdraw
  lpctl deposit withdraw --yes --json")]
pub struct WithdrawArgs {
    /// Options of every transaction.
    #[command(flatten)]
    pub transaction: TransactionArgs,
}

/// Takes them out.
///
/// # Errors
/// A refusal with everything that stands in the way; what became of a transaction that was sent.
pub async fn run(args: WithdrawArgs, context: &mut Context) -> eyre::Result<()> {
    super::change(DepositChange::Withdraw, args.transaction, context).await
}
