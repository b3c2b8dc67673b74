//! `lpctl deposit fund`.

use clap::{ArgGroup, Args};
use engine::{chain::DepositChange, units::Wei};

use crate::{context::Context, transact::TransactionArgs};

/// Pay into the deposit and the reserve of a gateway
///
/// Winning tickets are paid from the deposit. The reserve stands in when it is used up: each orchestrator in the pool can
/// claim an equal share of it, and takes no ticket larger than that. Paying in ends an unlocking. `lpctl deposit show` tells
/// how much of each it takes.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).multiple(true).args(["deposit", "reserve"]))]
#[command(after_help = "\
Examples:
  lpctl deposit fund --deposit 0.5eth --reserve 0.12eth
  lpctl deposit fund --deposit 0.02eth --yes --json
  lpctl deposit fund --reserve 0.1eth --dry-run")]
pub struct FundArgs {
    /// ETH to add to the deposit, like 0.02eth
    #[arg(long, value_name = "AMOUNT")]
    pub deposit: Option<Wei>,
    /// ETH to add to the reserve, like 0.1eth
    #[arg(long, value_name = "AMOUNT")]
    pub reserve: Option<Wei>,
    /// Options of every transaction.
    #[command(flatten)]
    pub transaction: TransactionArgs,
}

/// Pays in.
///
/// # Errors
/// A refusal with everything that stands in the way; what became of a transaction that was sent.
pub async fn run(args: FundArgs, context: &mut Context) -> eyre::Result<()> {
    let change = DepositChange::Fund {
        deposit: args.deposit.unwrap_or_default(),
        reserve: args.reserve.unwrap_or_default(),
    };
    super::change(change, args.transaction, context).await
}
