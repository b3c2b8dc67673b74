//! `lpctl stake claim`.

use clap::Args;
use engine::chain::StakeChange;

use crate::{
    context::Context,
    stake::SettlingArgs,
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
    /// What settling may give up.
    #[command(flatten)]
    pub settling: SettlingArgs,
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
    let options = args
        .settling
        .options(sender.address, &args.transaction, context)
        .await;
    super::send(StakeChange::Claim, sender, options, args.transaction, context).await
}
