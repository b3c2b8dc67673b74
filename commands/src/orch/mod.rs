//! `lpctl orch`: orchestrators, one's own and others'.

mod activate;
mod deactivate;
mod list;
mod set_uri;
mod show;
mod update;

use clap::Subcommand;

use crate::context::Context;

/// Become an orchestrator, and look at those there are
#[derive(Debug, Subcommand)]
#[allow(
    missing_docs,
    reason = "the help of a command is the doc comment of its `Args`"
)]
pub enum OrchestratorCommand {
    Activate(activate::ActivateArgs),
    Deactivate(deactivate::DeactivateArgs),
    Update(update::UpdateArgs),
    List(list::ListArgs),
    Show(show::ShowArgs),
    SetUri(set_uri::SetUriArgs),
}

/// Carries out one of them.
///
/// # Errors
/// As the command says.
pub async fn run(command: OrchestratorCommand, context: &mut Context) -> eyre::Result<()> {
    match command {
        OrchestratorCommand::Activate(args) => activate::run(args, context).await,
        OrchestratorCommand::Deactivate(args) => deactivate::run(args, context).await,
        OrchestratorCommand::Update(args) => update::run(args, context).await,
        OrchestratorCommand::List(args) => list::run(args, context).await,
        OrchestratorCommand::Show(args) => show::run(args, context).await,
        OrchestratorCommand::SetUri(args) => set_uri::run(args, context).await,
    }
}
