//! `lpctl round init`.

use clap::Args;

use crate::{
    connection::connect,
    context::Context,
    failure::Failure,
    transact::{self, TransactionArgs},
};

/// Initialise the current round, if nobody has yet
///
/// Until somebody does, nobody can bond, call reward or redeem tickets. Anybody may; it costs only gas.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl round init --yes")]
pub struct InitArgs {
    /// Options of every transaction.
    #[command(flatten)]
    pub transaction: TransactionArgs,
}

/// Initialises it.
///
/// # Errors
/// A refusal when it is initialised; what became of a transaction that was sent.
pub async fn run(args: InitArgs, context: &mut Context) -> eyre::Result<()> {
    let sender = transact::sender(context).await?;
    let chain = connect(context).await?;
    let options = args.transaction.options(context);
    let plan = chain
        .plan_initialize_round(sender.address, options)
        .await
        .map_err(Failure::from)?;
    transact::run(&chain, plan, sender, args.transaction, context).await
}
