//! `lpctl fees withdraw`.

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use engine::units::Wei;

use crate::{
    account::select,
    complete,
    connection::connect,
    context::Context,
    failure::Failure,
    stake::SettlingArgs,
    transact::{self, TransactionArgs},
};

/// Take out what tickets earned
///
/// All of it, or the amount named, to the account itself or to another one. Withdrawing settles earnings: before this round's
/// reward is called it gives that reward up, and is refused unless you say so.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl fees withdraw
  lpctl fees withdraw 0.5eth --to 0x70997970C51812dc3A010C7d01b50e0d17dc79C8
  lpctl fees withdraw --yes --json | jq -r .data.cost_wei")]
pub struct WithdrawArgs {
    /// How much, like 0.5eth; without it all there is
    #[arg(value_name = "AMOUNT")]
    pub amount: Option<Wei>,
    /// Who gets it: an account's name or an address; without it the account itself
    #[arg(long, value_name = "NAME|0x…", add = ArgValueCompleter::new(complete::accounts))]
    pub to: Option<String>,
    /// What settling may give up.
    #[command(flatten)]
    pub settling: SettlingArgs,
    /// Options of every transaction.
    #[command(flatten)]
    pub transaction: TransactionArgs,
}

/// Takes it out.
///
/// # Errors
/// A refusal with everything that stands in the way; what became of a transaction that was sent.
pub async fn run(args: WithdrawArgs, context: &mut Context) -> eyre::Result<()> {
    let sender = transact::sender(context).await?;
    let to = args
        .to
        .as_deref()
        .map(|to| select::address(Some(to), context))
        .transpose()?;
    let chain = connect(context).await?;
    let options = args
        .settling
        .options(sender.address, &args.transaction, context)
        .await;
    let plan = chain
        .plan_withdraw_fees(sender.address, args.amount, to, options)
        .await
        .map_err(Failure::from)?;
    transact::run(&chain, plan, sender, args.transaction, context).await
}
