//! `lpctl orch activate`.

use clap::Args;
use engine::{
    chain::{Activation, PlanOptions},
    units::Lpt,
};

use crate::{
    connection::connect,
    context::Context,
    failure::Failure,
    set_fees::CommissionArgs,
    stake::SettlingArgs,
    transact::{self, TransactionArgs},
};

/// Become an orchestrator: stake, commission and published address in one go
///
/// Sends only what is not so yet, in the order the protocol wants: bond to yourself, set the commission, publish the
/// address. Active from the next round on, if your stake is enough for a place. Running it again is harmless.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl orch activate --bond 1000 --reward-cut 10 --fee-share 40 --service-uri https://o1.example.org:8935
  lpctl orch activate --reward-cut 10 --fee-share 40 --service-uri https://o1.example.org:8935 --dry-run")]
#[command(override_usage = "\
lpctl orch activate [OPTIONS] --service-uri <URI> --reward-cut <PERCENT>
       <--fee-share <PERCENT>|--fee-cut <PERCENT>>")]
pub struct ActivateArgs {
    /// Address gateways are told to use, with its port
    #[arg(long, value_name = "URI")]
    pub service_uri: String,
    /// LPT to add to your own stake; without it what is bonded must do
    #[arg(long, value_name = "AMOUNT")]
    pub bond: Option<Lpt>,
    /// What you keep and give.
    #[command(flatten)]
    pub commission: CommissionArgs,
    /// What settling may give up.
    #[command(flatten)]
    pub settling: SettlingArgs,
    /// Publish an address only your own network can reach
    #[arg(long)]
    pub allow_private: bool,
    /// Options of every transaction.
    #[command(flatten)]
    pub transaction: TransactionArgs,
}

/// Activates.
///
/// # Errors
/// A refusal with everything that stands in the way; what became of transactions that were sent.
pub async fn run(args: ActivateArgs, context: &mut Context) -> eyre::Result<()> {
    let sender = transact::sender(context).await?;
    let chain = connect(context).await?;
    let activation = Activation {
        amount: args.bond,
        reward_cut: args.commission.reward_cut,
        fee_share: args.commission.fee_share(),
        service_uri: args.service_uri,
    };
    let options = PlanOptions {
        allow_private: args.allow_private,
        ..args
            .settling
            .options(sender.address, &args.transaction, context)
            .await
    };
    let plan = chain
        .plan_activate(sender.address, activation, options)
        .await
        .map_err(Failure::from)?;
    transact::run(&chain, plan, sender, args.transaction, context).await
}
