//! `lpctl token`: LPT that is not bonded.

mod balance;
mod faucet;
mod transfer;

use clap::Subcommand;

use crate::context::Context;

/// LPT in the wallet
#[derive(Debug, Subcommand)]
#[allow(
    missing_docs,
    reason = "the help of a command is the doc comment of its `Args`"
)]
pub enum TokenCommand {
    Balance(balance::BalanceArgs),
    Transfer(transfer::TransferArgs),
    Faucet(faucet::FaucetArgs),
}

/// Carries out one of them.
///
/// # Errors
/// As the command says.
pub async fn run(command: TokenCommand, context: &mut Context) -> eyre::Result<()> {
    match command {
        TokenCommand::Balance(args) => balance::run(args, context).await,
        TokenCommand::Transfer(args) => transfer::run(args, context).await,
        TokenCommand::Faucet(args) => faucet::run(args, context).await,
    }
}
