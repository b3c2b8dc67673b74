//! `lpctl token`: LPT that is not bonded.

mod balance;
mod faucet;
mod transfer;

use clap::Subcommand;
use engine::chain::TokenChange;

use crate::{
    connection::connect,
    context::Context,
    failure::Failure,
    transact::{self, Sender, TransactionArgs},
};

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

/// Plans what is done with LPT in the sender's wallet and takes it all the way.
async fn send(
    change: TokenChange,
    sender: Sender,
    args: TransactionArgs,
    context: &mut Context,
) -> eyre::Result<()> {
    let chain = connect(context).await?;
    let plan = chain
        .plan_token(sender.address, change, args.options(context))
        .await
        .map_err(Failure::from)?;
    transact::run(&chain, plan, sender, args, context).await
}
