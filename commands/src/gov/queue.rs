//! `lpctl gov queue`.

use alloy::primitives::U256;
use clap::Args;

use crate::{
    connection::connect,
    context::Context,
    transact::{self, TransactionArgs},
};

/// Put a proposal that won into the treasury's queue
///
/// Anybody may, once voting has ended and enough stake was for it. What it does is done by `lpctl gov execute` later.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl gov queue 66153081234 --dry-run
  lpctl gov queue 66153081234 --yes --json")]
pub struct QueueArgs {
    /// The proposal's number
    #[arg(value_name = "NUMBER", value_parser = super::number)]
    id: U256,
    /// Options of every transaction.
    #[command(flatten)]
    transaction: TransactionArgs,
}

/// Queues it.
///
/// # Errors
/// A refusal with everything that stands in the way; what became of a transaction that was sent.
pub async fn run(args: QueueArgs, context: &mut Context) -> eyre::Result<()> {
    let sender = transact::sender(context).await?;
    let chain = connect(context).await?;
    let options = args.transaction.options(context);
    let plan = chain
        .plan_queue(sender.address, args.id, options)
        .await
        .map_err(super::failure)?;
    transact::run(&chain, plan, sender, args.transaction, context).await
}
