//! `lpctl stake bond`.

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use engine::units::Lpt;

use crate::{
    account::select,
    complete,
    connection::connect,
    context::Context,
    failure::Failure,
    stake::SettlingArgs,
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
    /// What settling may give up.
    #[command(flatten)]
    pub settling: SettlingArgs,
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
    let options = args
        .settling
        .options(sender.address, &args.transaction, context)
        .await;
    let plan = chain
        .plan_bond(sender.address, args.amount, to, options)
        .await
        .map_err(Failure::from)?;
    transact::run(&chain, plan, sender, args.transaction, context).await
}
