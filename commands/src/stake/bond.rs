//! `lpctl stake bond`.

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use engine::{chain::PlanOptions, units::Lpt};

use crate::{
    account::select,
    complete,
    connection::connect,
    context::Context,
    failure::Failure,
    transact::{self, TransactionArgs},
};

/// Bond LPT to yourself or to another orchestrator
///
/// Adds to your stake. Without --to it stays with whom it is delegated to, or becomes your own if you have none. Naming
/// another orchestrator moves all your stake there. Bonding settles earnings: before this round's reward is called it
/// gives that reward up, and is refused unless you say so.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl stake bond 500
  lpctl stake bond 100.5lpt --to 0x70997970C51812dc3A010C7d01b50e0d17dc79C8
  lpctl stake bond 100 --yes --json | jq .data.transactions
  lpctl stake bond 100 --dry-run           the plan, nothing signed")]
pub struct BondArgs {
    /// LPT to add to your stake, like 100 or 100.5lpt
    #[arg(value_name = "AMOUNT")]
    pub amount: Lpt,
    /// Orchestrator to delegate to: an account's name or an address
    #[arg(long, value_name = "NAME|0x…", add = ArgValueCompleter::new(complete::accounts))]
    pub to: Option<String>,
    /// Go on although this round's reward on your stake is lost by it
    #[arg(long)]
    pub give_up_reward: bool,
    /// Options of every transaction.
    #[command(flatten)]
    pub transaction: TransactionArgs,
}

/// Bonds.
///
/// # Errors
/// A refusal with everything that stands in the way; what became of a transaction that was sent.
pub async fn run(args: BondArgs, context: &mut Context) -> eyre::Result<()> {
    let sender = transact::sender(context).await?;
    let to = args
        .to
        .as_deref()
        .map(|to| select::address(Some(to), context))
        .transpose()?;
    let chain = connect(context).await?;
    let to = match to {
        Some(to) => to,
        None => {
            let stake = chain.stake(sender.address).await.map_err(Failure::from)?.stake;
            stake
                .delegate
                .filter(|_| stake.stake_lpt > Lpt::ZERO)
                .unwrap_or(sender.address)
        }
    };
    let options = PlanOptions {
        give_up_reward: args.give_up_reward,
        ..args.transaction.options(context)
    };
    let plan = chain
        .plan_bond(sender.address, args.amount, to, options)
        .await
        .map_err(Failure::from)?;
    transact::run(&chain, plan, sender, args.transaction, context).await
}
