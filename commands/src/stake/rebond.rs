//! `lpctl stake rebond`.

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use engine::chain::StakeChange;

use crate::{
    account::select,
    complete,
    context::Context,
    stake::SettlingArgs,
    transact::{self, TransactionArgs},
};

/// Bond what is in a lock again
///
/// No waiting and no approval: stake on its way back earns again, before or after its lock is ready. It goes to whom the
/// rest of your stake is with; name somebody with --to if you have nothing bonded.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl stake rebond 0
  lpctl stake rebond 2 --to 0x70997970C51812dc3A010C7d01b50e0d17dc79C8
  lpctl stake rebond 0 --yes --json | jq .data.transactions")]
pub struct RebondArgs {
    /// The lock's number, as `lpctl stake locks` shows it
    #[arg(value_name = "LOCK")]
    pub lock: u64,
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

/// Bonds it again.
///
/// # Errors
/// A refusal with everything that stands in the way; what became of a transaction that was sent.
pub async fn run(args: RebondArgs, context: &mut Context) -> eyre::Result<()> {
    let sender = transact::sender(context).await?;
    let to = args
        .to
        .as_deref()
        .map(|to| select::address(Some(to), context))
        .transpose()?;
    let options = args
        .settling
        .options(sender.address, &args.transaction, context)
        .await;
    let change = StakeChange::Rebond { lock: args.lock, to };
    super::send(change, sender, options, args.transaction, context).await
}
