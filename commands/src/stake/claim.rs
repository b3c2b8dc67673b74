//! `lpctl stake claim`.

use clap::Args;
use engine::chain::{PlanOptions, StakeChange};

use crate::{
    context::Context,
    transact::{self, TransactionArgs},
};

/// Settle rewards and fees up to this round
///
/// Brings nothing by itself: your stake earns and compounds without it, `lpctl stake show` counts all rewards in, and
/// every other command that moves stake or fees settles first. It only writes the figures down on the chain, as some
/// other tools read them there.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl stake claim
  lpctl stake claim --dry-run              the plan, nothing signed")]
pub struct ClaimArgs {
    /// Go on although this round's reward on your stake is lost by it
    #[arg(long)]
    pub give_up_reward: bool,
    /// Options of every transaction.
    #[command(flatten)]
    pub transaction: TransactionArgs,
}

/// Settles.
///
/// # Errors
/// A refusal with everything that stands in the way; what became of a transaction that was sent.
pub async fn run(args: ClaimArgs, context: &mut Context) -> eyre::Result<()> {
    let sender = transact::sender(context).await?;
    let options = PlanOptions {
        give_up_reward: args.give_up_reward,
        ..args.transaction.options(context)
    };
    super::send(StakeChange::Claim, sender, options, args.transaction, context).await
}
