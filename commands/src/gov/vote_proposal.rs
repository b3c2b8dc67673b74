//! `lpctl gov vote-proposal`.

use alloy::primitives::U256;
use clap::{Args, ValueEnum};
use engine::chain::Support;

use crate::{
    connection::connect,
    context::Context,
    failure::{Failure, Kind},
    transact::{self, TransactionArgs},
};

/// Of a reason, bytes: it is kept on the chain, and paid for by the byte.
const LONGEST_REASON: usize = 4096;

/// Vote on a proposal about the treasury
///
/// One vote an account, for good. It weighs what the stake was at the end of the round the proposal names; a delegator's
/// vote takes its stake out of its orchestrator's, whichever came first. Abstaining counts for the quorum only.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl gov vote-proposal 66153081234 for
  lpctl gov vote-proposal 66153081234 against --reason 'too much' --yes")]
pub struct VoteProposalArgs {
    /// The proposal's number
    #[arg(value_name = "NUMBER", value_parser = super::number)]
    id: U256,
    /// What you say
    #[arg(value_name = "CHOICE", value_enum)]
    choice: Choice,
    /// Why, for everybody to read
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    reason: String,
    /// Options of every transaction.
    #[command(flatten)]
    transaction: TransactionArgs,
}

/// What can be said about a proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Choice {
    /// For it.
    For,
    /// Against it.
    Against,
    /// Neither: counts for the quorum.
    Abstain,
}

/// Votes.
///
/// # Errors
/// A refusal with everything that stands in the way; what became of a transaction that was sent.
pub async fn run(args: VoteProposalArgs, context: &mut Context) -> eyre::Result<()> {
    if args.reason.len() > LONGEST_REASON {
        let message = format!(
            "the reason has {} bytes, more than {LONGEST_REASON}",
            args.reason.len()
        );
        return Err(Failure::new(Kind::Usage, "reason_too_long", message)
            .hint("say it shorter, or link to it")
            .into());
    }
    let sender = transact::sender(context).await?;
    let chain = connect(context).await?;
    let options = args.transaction.options(context);
    let support = match args.choice {
        Choice::For => Support::For,
        Choice::Against => Support::Against,
        Choice::Abstain => Support::Abstain,
    };
    let plan = chain
        .plan_cast_vote(sender.address, args.id, support, &args.reason, options)
        .await
        .map_err(super::failure)?;
    transact::run(&chain, plan, sender, args.transaction, context).await
}
