//! `lpctl orch set-uri`.

use alloy::primitives::Address;
use clap::{Args, ValueEnum};
use engine::chain::{PlanOptions, Publication};

use crate::{
    connection::connect,
    context::Context,
    failure::{Failure, Kind},
    transact::{self, TransactionArgs},
};

/// Publish the address gateways are told to use
///
/// There are two registries: the Controller's, for transcoding, and a second one for AI on the main network. Gateways of
/// one kind do not look into the other, so a node that does both publishes in both.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl orch set-uri https://o1.example.org:8935
  lpctl orch set-uri https://o1.example.org:8935 --registry both
  lpctl orch set-uri https://ai.example.org:8936 --registry ai --dry-run")]
pub struct SetUriArgs {
    /// Address with its port, like https://o1.example.org:8935
    #[arg(value_name = "URI")]
    pub uri: String,
    /// Where to publish it
    #[arg(long, value_name = "WHICH", value_enum, default_value_t)]
    pub registry: Registry,
    /// The AI registry's contract, on a network lpctl does not know it for
    #[arg(long, value_name = "0x…")]
    pub ai_registry: Option<Address>,
    /// Publish an address only your own network can reach
    #[arg(long)]
    pub allow_private: bool,
    /// Options of every transaction.
    #[command(flatten)]
    pub transaction: TransactionArgs,
}

/// A place for published addresses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Registry {
    /// The Controller's, for transcoding.
    #[default]
    Main,
    /// The one for AI.
    Ai,
    /// Both of them.
    Both,
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
    let plan = if args.registry == Registry::Main {
        chain
            .plan_set_service_uri(sender.address, &args.uri, options)
            .await
    } else {
        let ai = args.ai_registry.or(chain.ai_registry()).ok_or_else(|| {
            let message = format!("no AI registry is known on {}", chain.network().name);
            Failure::new(Kind::Config, "no_ai_registry", message)
                .hint("name its contract: `--ai-registry 0x…`")
        })?;
        let publication = Publication {
            uri: args.uri,
            main: args.registry == Registry::Both,
            ai: Some(ai),
        };
        chain.plan_publish(sender.address, publication, options).await
    };
    let plan = plan.map_err(Failure::from)?;
    transact::run(&chain, plan, sender, args.transaction, context).await
}
