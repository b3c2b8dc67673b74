//! `lpctl tx cancel`.

use alloy::primitives::TxHash;
use clap::Args;
use engine::{chain::outbox::ReplacementKind, units::Wei};

use super::replace::{self, WaitArgs};
use crate::context::Context;

/// Take the nonce of a transaction that waits, so that it can never be mined
///
/// Sends an empty payment to yourself with its nonce for a higher gas price. Whichever of the two is mined first wins: the
/// answer says which it was.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl tx cancel 0x4f1b…dd2e
  lpctl tx cancel 0x4f1b…dd2e --gas-price 0.2gwei --yes --json")]
pub struct CancelArgs {
    /// The transaction's hash
    #[arg(value_name = "HASH")]
    pub hash: TxHash,
    /// What to offer for a unit of gas; without it what a new transaction would offer, 11 % more at least
    #[arg(long, value_name = "AMOUNT")]
    pub gas_price: Option<Wei>,
    /// How long to wait.
    #[command(flatten)]
    pub wait: WaitArgs,
}

/// Replaces it.
///
/// # Errors
/// A refusal where it makes no sense; that it came too late; what became of it otherwise.
pub async fn run(args: CancelArgs, context: &mut Context) -> eyre::Result<()> {
    replace::run(
        ReplacementKind::Cancel,
        Some(args.hash),
        args.gas_price,
        args.wait,
        context,
    )
    .await
}
