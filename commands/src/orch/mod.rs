//! `lpctl orch`: orchestrators, one's own and others'.

mod activate;
mod list;
mod set_uri;
mod show;

use clap::Subcommand;

use crate::context::Context;

/// Become an orchestrator, and look at those there are
#[derive(Debug, Subcommand)]
pub enum OrchestratorCommand {
    /// Become an orchestrator: stake, commission and published address in one go
    Activate(activate::ActivateArgs),
    /// List the orchestrators of the pool
    List(list::ListArgs),
    /// Show one orchestrator
    Show(show::ShowArgs),
    /// Publish the address gateways are told to use
    SetUri(set_uri::SetUriArgs),
}

/// Carries out one of them.
///
/// # Errors
/// As the command says.
pub async fn run(command: OrchestratorCommand, context: &mut Context) -> eyre::Result<()> {
    match command {
        OrchestratorCommand::Activate(args) => activate::run(args, context).await,
        OrchestratorCommand::List(args) => list::run(args, context).await,
        OrchestratorCommand::Show(args) => show::run(args, context).await,
        OrchestratorCommand::SetUri(args) => set_uri::run(args, context).await,
    }
}
