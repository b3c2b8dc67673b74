//! `lpctl token faucet`.

use clap::Args;
use engine::chain::TokenChange;

use crate::{
    context::Context,
    transact::{self, TransactionArgs},
};

/// Get test LPT, where the network has a faucet
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl --profile devnet token faucet
  lpctl --profile devnet token faucet --account delegator --yes --json")]
pub struct FaucetArgs {
    /// Options of every transaction.
    #[command(flatten)]
    pub transaction: TransactionArgs,
}

/// Asks for some.
///
/// # Errors
/// A refusal with everything that stands in the way; what became of a transaction that was sent.
pub async fn run(args: FaucetArgs, context: &mut Context) -> eyre::Result<()> {
    let sender = transact::sender(context).await?;
    super::send(TokenChange::Faucet, sender, args.transaction, context).await
}
