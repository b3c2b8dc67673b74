//! `lpctl orch deactivate`.

use clap::Args;
use engine::chain::{PlanOptions, StakeChange};

use crate::{
    context::Context,
    stake::SettlingArgs,
    transact::{self, TransactionArgs},
};

/// Stop being an orchestrator: unbond all of your own stake
///
/// You stay active, and have to call reward, until the round is over. Delegators stay with you but earn nothing from then
/// on, and winning tickets cannot be paid out any more: redeem them first. `lpctl stake rebond` undoes it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl orch deactivate --dry-run          the plan, nothing signed
  lpctl orch deactivate --yes --json | jq .data.changes")]
pub struct DeactivateArgs {
    /// What settling may give up.
    #[command(flatten)]
    pub settling: SettlingArgs,
    /// Options of every transaction.
    #[command(flatten)]
    pub transaction: TransactionArgs,
}

/// Deactivates.
///
/// # Errors
/// A refusal with everything that stands in the way; what became of a transaction that was sent.
pub async fn run(args: DeactivateArgs, context: &mut Context) -> eyre::Result<()> {
    let sender = transact::sender(context).await?;
    let options = PlanOptions {
        // That is what the command is for; the plan warns of it all the same.
        resign: true,
        ..args
            .settling
            .options(sender.address, &args.transaction, context)
            .await
    };
    crate::stake::send(
        StakeChange::Deactivate,
        sender,
        options,
        args.transaction,
        context,
    )
    .await
}
