//! `lpctl stake`: LPT put behind an orchestrator.

mod bond;
mod claim;
mod locks;
mod rebond;
mod settling;
mod show;
mod transfer;
mod unbond;
mod withdraw;

use clap::Subcommand;
use engine::chain::{PlanOptions, StakeChange};
pub(crate) use settling::SettlingArgs;

use crate::{
    connection::connect,
    context::Context,
    failure::Failure,
    transact::{self, Sender, TransactionArgs},
};

/// Put LPT behind an orchestrator, and see how it stands
#[derive(Debug, Subcommand)]
#[allow(
    missing_docs,
    reason = "the help of a command is the doc comment of its `Args`"
)]
pub enum StakeCommand {
    Bond(bond::BondArgs),
    Unbond(unbond::UnbondArgs),
    Rebond(rebond::RebondArgs),
    Withdraw(withdraw::WithdrawArgs),
    Locks(locks::LocksArgs),
    Claim(claim::ClaimArgs),
    Transfer(transfer::TransferArgs),
    Show(show::ShowArgs),
}

/// Carries out one of them.
///
/// # Errors
/// As the command says.
pub async fn run(command: StakeCommand, context: &mut Context) -> eyre::Result<()> {
    match command {
        StakeCommand::Bond(args) => bond::run(args, context).await,
        StakeCommand::Unbond(args) => unbond::run(args, context).await,
        StakeCommand::Rebond(args) => rebond::run(args, context).await,
        StakeCommand::Withdraw(args) => withdraw::run(args, context).await,
        StakeCommand::Locks(args) => locks::run(args, context).await,
        StakeCommand::Claim(args) => claim::run(args, context).await,
        StakeCommand::Transfer(args) => transfer::run(args, context).await,
        StakeCommand::Show(args) => show::run(args, context).await,
    }
}

/// Plans a change of the sender's stake and takes it all the way.
pub(crate) async fn send(
    change: StakeChange,
    sender: Sender,
    options: PlanOptions,
    args: TransactionArgs,
    context: &mut Context,
) -> eyre::Result<()> {
    let chain = connect(context).await?;
    let plan = chain
        .plan_stake(sender.address, change, options)
        .await
        .map_err(Failure::from)?;
    transact::run(&chain, plan, sender, args, context).await
}
