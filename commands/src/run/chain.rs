//! A node that belongs to an orchestrator on a chain.

use std::time::Duration;

use alloy::signers::local::PrivateKeySigner;
use engine::{chain::Chain, node, view::node::NodeChain};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    account::{password, select},
    connection,
    context::Context,
    settings::Settings,
};

/// How often the chain is read. A round of Arbitrum takes most of a day.
const INTERVAL: Duration = Duration::from_secs(15);
/// How often new blocks are looked for (`go-livepeer -blockPollingInterval`).
const BLOCKS: Duration = Duration::from_secs(5);
/// How often where blocks cost nothing and rounds are short.
const DEVNET_INTERVAL: Duration = Duration::from_secs(1);

/// Whether the settings name a chain to be on.
pub fn wanted(offchain: bool, settings: &Settings) -> bool {
    let names_one = |layer: &engine::config::Layer| layer.network.is_some() || layer.rpc_urls.is_some();
    let is_named = settings.profile.is_some()
        || names_one(&settings.from_command_line)
        || names_one(&settings.from_config_file);
    !offchain && is_named && settings.network != "offchain"
}

/// A node's place on a chain.
pub struct Joined {
    /// The chain.
    pub chain: Chain,
    /// The orchestrator's key.
    pub signer: PrivateKeySigner,
    /// How the orchestrator stands.
    pub standing: watch::Receiver<Option<NodeChain>>,
    /// How often the chain is looked at.
    pub interval: Duration,
}

/// Connects, unlocks the account in use, and starts reading its standing until `stop` is cancelled.
///
/// # Errors
/// A config failure without an account, unreachable without a chain, refused without its password.
pub async fn join(context: &mut Context, stop: &CancellationToken) -> eyre::Result<Joined> {
    let account = select::selected(context).map_err(|failure| {
        failure.hint("choose the orchestrator's account with `--account`, or run with `--offchain`")
    })?;
    let chain = connection::connect(context).await?;
    let signer = password::unlock(&account, context).await?;
    let (facts, standing) = watch::channel(None);
    let is_devnet = context.settings().network == "devnet";
    let (reading, interval) = match is_devnet {
        true => (DEVNET_INTERVAL, DEVNET_INTERVAL),
        false => (INTERVAL, BLOCKS),
    };
    tokio::spawn(node::follow(
        chain.clone(),
        signer.address(),
        reading,
        facts,
        stop.clone(),
    ));
    Ok(Joined {
        chain,
        signer,
        standing,
        interval,
    })
}
