//! `lpctl token transfer`.

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use engine::{chain::TokenChange, units::Lpt};

use crate::{
    account::select,
    complete,
    context::Context,
    transact::{self, TransactionArgs},
};

/// Send LPT from the wallet to another account
///
/// LPT that is bonded has to be unbonded and withdrawn first, or given away as stake: `lpctl stake transfer`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl token transfer 10 --to 0x70997970C51812dc3A010C7d01b50e0d17dc79C8
  lpctl token transfer 10.5lpt --to delegator --yes --json | jq .data.transactions")]
pub struct TransferArgs {
    /// LPT to send, like 100 or 100.5lpt
    #[arg(value_name = "AMOUNT")]
    pub amount: Lpt,
    /// Who gets it: an account's name or an address
    #[arg(long, value_name = "NAME|0x…", add = ArgValueCompleter::new(complete::accounts))]
    pub to: String,
    /// Options of every transaction.
    #[command(flatten)]
    pub transaction: TransactionArgs,
}

/// Sends it.
///
/// # Errors
/// A refusal with everything that stands in the way; what became of a transaction that was sent.
pub async fn run(args: TransferArgs, context: &mut Context) -> eyre::Result<()> {
    let sender = transact::sender(context).await?;
    let to = select::address(Some(&args.to), context)?;
    let change = TokenChange::Transfer {
        to,
        amount: args.amount,
    };
    super::send(change, sender, args.transaction, context).await
}
