//! `lpctl stake transfer`.

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use engine::{
    chain::{PlanOptions, StakeChange},
    units::Lpt,
};

use crate::{
    account::select,
    complete,
    context::Context,
    stake::SettlingArgs,
    transact::{self, TransactionArgs},
};

/// Give bonded LPT to another account
///
/// At once and without unbonding. The receiver keeps whom its own stake is with; one that has nobody gets your
/// orchestrator. An orchestrator that gives all of its own stake away resigns, and is refused unless you say so.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl stake transfer 100 --to 0x70997970C51812dc3A010C7d01b50e0d17dc79C8
  lpctl stake transfer 100 --to delegator --dry-run")]
pub struct TransferArgs {
    /// LPT to give, like 100 or 100.5lpt
    #[arg(value_name = "AMOUNT")]
    pub amount: Lpt,
    /// Who gets it: an account's name or an address
    #[arg(long, value_name = "NAME|0x…", add = ArgValueCompleter::new(complete::accounts))]
    pub to: String,
    /// Go on although you are no orchestrator afterwards
    #[arg(long)]
    pub resign: bool,
    /// What settling may give up.
    #[command(flatten)]
    pub settling: SettlingArgs,
    /// Options of every transaction.
    #[command(flatten)]
    pub transaction: TransactionArgs,
}

/// Gives it away.
///
/// # Errors
/// A refusal with everything that stands in the way; what became of a transaction that was sent.
pub async fn run(args: TransferArgs, context: &mut Context) -> eyre::Result<()> {
    let sender = transact::sender(context).await?;
    let to = select::address(Some(&args.to), context)?;
    let options = PlanOptions {
        resign: args.resign,
        ..args
            .settling
            .options(sender.address, &args.transaction, context)
            .await
    };
    let change = StakeChange::Transfer {
        to,
        amount: args.amount,
    };
    super::send(change, sender, options, args.transaction, context).await
}
