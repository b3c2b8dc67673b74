//! `lpctl orch update`.

use clap::Args;
use engine::{
    chain::{OrchestratorUpdate, PlanOptions},
    units::Percent,
};

use crate::{
    connection::connect,
    context::Context,
    failure::Failure,
    transact::{self, TransactionArgs},
};

/// Change an orchestrator's commission or published address
///
/// What is not named stays as it is, and only what is not so yet is sent. Commission can change after this round's reward
/// is called and before the round is locked.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("changes").required(true).multiple(true).args(["reward_cut", "fee_share", "fee_cut", "service_uri"]))]
#[command(after_help = "\
Examples:
  lpctl orch update --reward-cut 15
  lpctl orch update --fee-share 40 --service-uri https://o1.example.org:8935
  lpctl orch update --reward-cut 15 --dry-run")]
#[command(override_usage = "\
lpctl orch update [OPTIONS] [--reward-cut <PERCENT>]
       [--fee-share <PERCENT>|--fee-cut <PERCENT>] [--service-uri <URI>]")]
pub struct UpdateArgs {
    /// Part of newly minted LPT you keep, like 10 or 12.5%
    #[arg(long, value_name = "PERCENT")]
    pub reward_cut: Option<Percent>,
    /// Part of ticket income your delegators get
    #[arg(long, value_name = "PERCENT")]
    pub fee_share: Option<Percent>,
    /// Part of ticket income you keep: 100 % less the fee share
    #[arg(long, value_name = "PERCENT", conflicts_with = "fee_share")]
    pub fee_cut: Option<Percent>,
    /// Address gateways are told to use, with its port
    #[arg(long, value_name = "URI")]
    pub service_uri: Option<String>,
    /// Publish an address only your own network can reach
    #[arg(long)]
    pub allow_private: bool,
    /// Options of every transaction.
    #[command(flatten)]
    pub transaction: TransactionArgs,
}

/// Changes it.
///
/// # Errors
/// A refusal with everything that stands in the way; what became of transactions that were sent.
pub async fn run(args: UpdateArgs, context: &mut Context) -> eyre::Result<()> {
    let sender = transact::sender(context).await?;
    let chain = connect(context).await?;
    let options = PlanOptions {
        allow_private: args.allow_private,
        ..args.transaction.options(context)
    };
    let update = OrchestratorUpdate {
        reward_cut: args.reward_cut,
        fee_share: args.fee_share.or(args.fee_cut.map(Percent::complement)),
        service_uri: args.service_uri,
    };
    let plan = chain
        .plan_update(sender.address, update, options)
        .await
        .map_err(Failure::from)?;
    transact::run(&chain, plan, sender, args.transaction, context).await
}
