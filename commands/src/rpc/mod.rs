//! `lpctl rpc`: the JSON-RPC endpoints, tested, and offered as one.

mod serve;
pub(crate) mod test;

use clap::Subcommand;

use crate::context::Context;

/// Test the RPC endpoints, and offer them to any node as one
#[derive(Debug, Subcommand)]
#[allow(
    missing_docs,
    reason = "the help of a command is the doc comment of its `Args`"
)]
pub enum RpcCommand {
    Test(test::TestArgs),
    Serve(serve::ServeArgs),
}

/// Carries out one of them.
///
/// # Errors
/// As the command says.
pub async fn run(command: RpcCommand, context: &mut Context) -> eyre::Result<()> {
    match command {
        RpcCommand::Test(args) => test::run(args, context).await,
        RpcCommand::Serve(args) => serve::run(args, context).await,
    }
}
