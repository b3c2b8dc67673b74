//! `lpctl orch set-uri`.

use clap::Args;
use engine::chain::PlanOptions;

use crate::{
    connection::connect,
    context::Context,
    failure::Failure,
    transact::{self, TransactionArgs},
};

/// Publish the address gateways are told to use
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl orch set-uri https://o1.example.org:8935")]
pub struct SetUriArgs {
    /// Address with its port, like https://o1.example.org:8935
    #[arg(value_name = "URI")]
    pub uri: String,
    /// Publish an address only your own network can reach
    #[arg(long)]
    pub allow_private: bool,
    /// Options of every transaction.
    #[command(flatten)]
    pub transaction: TransactionArgs,
}

/// Publishes it.
///
/// # Errors
/// A refusal with everything that stands in the way; what became of a transaction that was sent.
pub async fn run(args: SetUriArgs, context: &mut Context) -> eyre::Result<()> {
    let sender = transact::sender(context).await?;
    let chain = connect(context).await?;
    let options = PlanOptions {
        allow_private: args.allow_private,
        ..args.transaction.options(context)
    };
    let plan = chain
        .plan_set_service_uri(sender.address, &args.uri, options)
        .await
        .map_err(Failure::from)?;
    transact::run(&chain, plan, sender, args.transaction, context).await
}
