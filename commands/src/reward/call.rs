//! `lpctl reward call`.

use alloy::primitives::Address;
use clap::Args;
use engine::{chain::PlanOptions, units::Lpt};

use crate::{
    connection::connect,
    context::Context,
    failure::Failure,
    transact::{self, TransactionArgs},
};

/// Mint this round's reward for you and your delegators
///
/// Once a round, by an active orchestrator. A round that passes without it is lost.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl reward call
  lpctl reward call --yes --max-gas-price 0.1gwei --json     from a timer; `lpctl reward watch` does it better
  lpctl reward call --lpt-per-eth 500                       warns where gas costs more than it brings
  lpctl --account caller reward call --orchestrator 0x…      as its reward caller")]
pub struct CallArgs {
    /// Orchestrator whose reward is called, where the account is its reward caller (LIP-118)
    #[arg(long, value_name = "0x…")]
    orchestrator: Option<Address>,
    /// LPT for one ETH, at your own price: warns where gas costs more than your part of the reward brings [default:
    /// reward.lpt_per_eth of the config file]
    #[arg(long, value_name = "AMOUNT", conflicts_with = "orchestrator")]
    lpt_per_eth: Option<Lpt>,
    /// Options of every transaction.
    #[command(flatten)]
    pub transaction: TransactionArgs,
}

/// Calls it.
///
/// # Errors
/// A refusal with everything that stands in the way; what became of a transaction that was sent.
pub async fn run(args: CallArgs, context: &mut Context) -> eyre::Result<()> {
    let sender = transact::sender(context).await?;
    let chain = connect(context).await?;
    let in_file = context.settings().reward.lpt_per_eth.map(|price| price.0);
    let lpt_per_eth = args.lpt_per_eth.or(in_file);
    let options = PlanOptions {
        lpt_per_eth,
        ..args.transaction.options(context)
    };
    let orchestrator = args.orchestrator.unwrap_or(sender.address);
    let plan = chain
        .plan_reward_for(sender.address, orchestrator, options)
        .await
        .map_err(Failure::from)?;
    transact::run(&chain, plan, sender, args.transaction, context).await
}
