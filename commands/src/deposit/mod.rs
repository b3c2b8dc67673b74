//! `lpctl deposit`: what stands behind a gateway's tickets.

mod cancel_unlock;
mod fund;
mod show;
mod unlock;
mod withdraw;

use clap::Subcommand;
use engine::chain::DepositChange;

use crate::{
    connection::connect,
    context::Context,
    failure::Failure,
    transact::{self, TransactionArgs},
};

/// Put ETH behind a gateway's tickets, and take it out again
#[derive(Debug, Subcommand)]
#[allow(
    missing_docs,
    reason = "the help of a command is the doc comment of its `Args`"
)]
pub enum DepositCommand {
    Show(show::ShowArgs),
    Fund(fund::FundArgs),
    Unlock(unlock::UnlockArgs),
    CancelUnlock(cancel_unlock::CancelUnlockArgs),
    Withdraw(withdraw::WithdrawArgs),
}

/// Carries out one of them.
///
/// # Errors
/// As the command says.
pub async fn run(command: DepositCommand, context: &mut Context) -> eyre::Result<()> {
    match command {
        DepositCommand::Show(args) => show::run(args, context).await,
        DepositCommand::Fund(args) => fund::run(args, context).await,
        DepositCommand::Unlock(args) => unlock::run(args, context).await,
        DepositCommand::CancelUnlock(args) => cancel_unlock::run(args, context).await,
        DepositCommand::Withdraw(args) => withdraw::run(args, context).await,
    }
}

/// Plans a change and takes it all the way.
async fn change(change: DepositChange, args: TransactionArgs, context: &mut Context) -> eyre::Result<()> {
    let sender = transact::sender(context).await?;
    let chain = connect(context).await?;
    let options = args.options(context);
    let plan = chain
        .plan_deposit(sender.address, change, options)
        .await
        .map_err(Failure::from)?;
    transact::run(&chain, plan, sender, args, context).await
}
