//! `lpctl stake unbond`.

use clap::Args;
use engine::{
    chain::{PlanOptions, StakeChange},
    units::Lpt,
};

use crate::{
    context::Context,
    stake::SettlingArgs,
    transact::{self, TransactionArgs},
};

/// Begin to take stake back
///
/// It stops earning at once and lies in a lock until it can be withdrawn: seven rounds on the main network. Unbonding
/// settles earnings: before this round's reward is called it gives that reward up, and is refused unless you say so. An
/// orchestrator that unbonds all of its own stake resigns.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl stake unbond 100
  lpctl stake unbond --all
  lpctl stake unbond 100.5lpt --yes --json | jq .data.changes
  lpctl stake unbond 100 --dry-run         the plan, nothing signed")]
pub struct UnbondArgs {
    /// LPT to take back, like 100 or 100.5lpt
    #[arg(
        value_name = "AMOUNT",
        required_unless_present = "all",
        conflicts_with = "all"
    )]
    pub amount: Option<Lpt>,
    /// All of it, with rewards up to the moment the plan is made
    #[arg(long)]
    pub all: bool,
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

/// Unbonds.
///
/// # Errors
/// A refusal with everything that stands in the way; what became of a transaction that was sent.
pub async fn run(args: UnbondArgs, context: &mut Context) -> eyre::Result<()> {
    let sender = transact::sender(context).await?;
    let options = PlanOptions {
        resign: args.resign,
        ..args
            .settling
            .options(sender.address, &args.transaction, context)
            .await
    };
    let change = StakeChange::Unbond { amount: args.amount };
    super::send(change, sender, options, args.transaction, context).await
}
