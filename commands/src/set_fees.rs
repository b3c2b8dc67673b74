//! `lpctl set-fees`.

use clap::{ArgGroup, Args};
use engine::units::Percent;

use crate::{
    connection::connect,
    context::Context,
    failure::Failure,
    transact::{self, TransactionArgs},
};

/// Set the reward cut you keep and the fee share your delegators get
///
/// Both are said back as sentences before anything is sent. Changes are closed in the last part of each round, and wait
/// until this round's reward is called.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl set-fees --reward-cut 10 --fee-share 40     you keep 10 % of rewards, delegators get 40 % of fees
  lpctl set-fees --reward-cut 10 --fee-cut 60       the same: you keep 60 % of fees")]
#[command(override_usage = "\
lpctl set-fees [OPTIONS] --reward-cut <PERCENT>
       <--fee-share <PERCENT>|--fee-cut <PERCENT>>")]
pub struct SetFeesArgs {
    /// What you keep and give.
    #[command(flatten)]
    pub commission: CommissionArgs,
    /// Options of every transaction.
    #[command(flatten)]
    pub transaction: TransactionArgs,
}

/// An orchestrator's commission
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("fee").required(true).args(["fee_share", "fee_cut"]))]
pub struct CommissionArgs {
    /// Part of newly minted LPT you keep, like 10 or 12.5%
    #[arg(long, value_name = "PERCENT")]
    pub reward_cut: Percent,
    /// Part of ticket income your delegators get
    #[arg(long, value_name = "PERCENT")]
    pub fee_share: Option<Percent>,
    /// Part of ticket income you keep: 100 % less the fee share
    #[arg(long, value_name = "PERCENT")]
    pub fee_cut: Option<Percent>,
}

impl CommissionArgs {
    /// What delegators get, whichever way round it was said.
    #[must_use]
    pub fn fee_share(&self) -> Percent {
        match (self.fee_share, self.fee_cut) {
            (Some(share), _) => share,
            (None, Some(cut)) => cut.complement(),
            // The group requires one of them.
            (None, None) => Percent::ZERO,
        }
    }
}

/// Sets them.
///
/// # Errors
/// A refusal with everything that stands in the way; what became of a transaction that was sent.
pub async fn run(args: SetFeesArgs, context: &mut Context) -> eyre::Result<()> {
    let sender = transact::sender(context).await?;
    let chain = connect(context).await?;
    let options = args.transaction.options(context);
    let (reward_cut, fee_share) = (args.commission.reward_cut, args.commission.fee_share());
    let plan = chain
        .plan_commission(sender.address, reward_cut, fee_share, options)
        .await
        .map_err(Failure::from)?;
    transact::run(&chain, plan, sender, args.transaction, context).await
}
