//! `lpctl stake withdraw`.

use clap::Args;
use engine::chain::StakeChange;

use crate::{
    context::Context,
    transact::{self, TransactionArgs},
};

/// Take unbonded stake into the wallet
///
/// One lock, or every lock that is ready, one transaction each. If you mean to bond it again, `lpctl stake rebond` does so
/// without waiting and without an approval.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl stake withdraw 0
  lpctl stake withdraw --all
  lpctl stake withdraw --all --yes --json | jq .data.transactions")]
pub struct WithdrawArgs {
    /// The lock's number, as `lpctl stake locks` shows it
    #[arg(value_name = "LOCK", required_unless_present = "all", conflicts_with = "all")]
    pub lock: Option<u64>,
    /// Every lock that is ready
    #[arg(long)]
    pub all: bool,
    /// Options of every transaction.
    #[command(flatten)]
    pub transaction: TransactionArgs,
}

/// Withdraws.
///
/// # Errors
/// A refusal with everything that stands in the way; what became of transactions that were sent.
pub async fn run(args: WithdrawArgs, context: &mut Context) -> eyre::Result<()> {
    let sender = transact::sender(context).await?;
    let options = args.transaction.options(context);
    let change = StakeChange::Withdraw { lock: args.lock };
    super::send(change, sender, options, args.transaction, context).await
}
