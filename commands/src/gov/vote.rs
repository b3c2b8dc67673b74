//! `lpctl gov vote`.

use alloy::primitives::Address;
use clap::{Args, ValueEnum};

use crate::{
    connection::connect,
    context::Context,
    transact::{self, TransactionArgs},
};

/// Vote in a poll
///
/// The last vote of an account counts, weighed by its stake when the poll ends. An orchestrator votes for its delegators
/// as well, but for those who vote themselves.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl gov vote 0xf8e3b34ae8ea5c5f0dc5d1bd3f0bcdc5a5e15a2e yes
  lpctl gov vote 0xf8e3b34ae8ea5c5f0dc5d1bd3f0bcdc5a5e15a2e no --yes --json")]
pub struct VoteArgs {
    /// The poll's contract
    #[arg(value_name = "POLL", value_parser = super::contract)]
    poll: Address,
    /// What you say
    #[arg(value_name = "CHOICE", value_enum)]
    choice: Choice,
    /// Options of every transaction.
    #[command(flatten)]
    transaction: TransactionArgs,
}

/// What can be said in a poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Choice {
    /// For it.
    Yes,
    /// Against it.
    No,
}

/// Votes.
///
/// # Errors
/// A refusal with everything that stands in the way; what became of a transaction that was sent.
pub async fn run(args: VoteArgs, context: &mut Context) -> eyre::Result<()> {
    let sender = transact::sender(context).await?;
    let chain = connect(context).await?;
    let options = args.transaction.options(context);
    let plan = chain
        .plan_vote(sender.address, args.poll, args.choice == Choice::Yes, options)
        .await
        .map_err(super::failure)?;
    transact::run(&chain, plan, sender, args.transaction, context).await
}
