//! `lpctl gov execute`.

use alloy::primitives::U256;
use clap::Args;

use crate::{
    connection::connect,
    context::Context,
    transact::{self, TransactionArgs},
};

/// Do what a queued proposal says
///
/// Anybody may, once the treasury's waiting time is over. The calls of the proposal are made in the treasury's name.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl gov execute 66153081234 --dry-run
  lpctl gov execute 66153081234 --yes --json")]
pub struct ExecuteArgs {
    /// The proposal's number
    #[arg(value_name = "NUMBER", value_parser = super::number)]
    id: U256,
    /// Options of every transaction.
    #[command(flatten)]
    transaction: TransactionArgs,
}

/// Executes it.
///
/// # Errors
/// A refusal with everything that stands in the way; what became of a transaction that was sent.
pub async fn run(args: ExecuteArgs, context: &mut Context) -> eyre::Result<()> {
    let sender = transact::sender(context).await?;
    let chain = connect(context).await?;
    let options = args.transaction.options(context);
    let plan = chain
        .plan_execute(sender.address, args.id, options)
        .await
        .map_err(super::failure)?;
    transact::run(&chain, plan, sender, args.transaction, context).await
}
