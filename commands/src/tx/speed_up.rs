//! `lpctl tx speed-up`.

use alloy::primitives::TxHash;
use clap::Args;
use engine::{chain::outbox::ReplacementKind, units::Wei};

use super::replace::{self, WaitArgs};
use crate::context::Context;

/// Offer more for a transaction that waits
///
/// Sends the same call with the same nonce for a higher gas price, 11 % more at least: only one of the two can be mined. On
/// Arbitrum, which takes transactions in the order they come, it helps only when the price rose above what was offered.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl tx speed-up                        the one the others wait for
  lpctl tx speed-up 0x4f1b…dd2e --gas-price 0.2gwei
  lpctl tx speed-up 0x4f1b…dd2e --max-gas-price 1gwei --yes --json")]
pub struct SpeedUpArgs {
    /// The transaction's hash; without it the one that is next to be mined
    #[arg(value_name = "HASH")]
    pub hash: Option<TxHash>,
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
/// A refusal where it makes no sense; what became of it otherwise.
pub async fn run(args: SpeedUpArgs, context: &mut Context) -> eyre::Result<()> {
    replace::run(
        ReplacementKind::SpeedUp,
        args.hash,
        args.gas_price,
        args.wait,
        context,
    )
    .await
}
