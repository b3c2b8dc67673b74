//! A node that belongs to an orchestrator on a chain.

use std::time::Duration;

use alloy::signers::local::PrivateKeySigner;
use engine::{node, view::node::NodeChain};
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

/// Connects, unlocks the account in use, and starts reading its standing until `stop` is cancelled.
///
/// # Errors
/// A config failure without an account, unreachable without a chain, refused without its password.
pub async fn join(
    context: &mut Context,
    stop: &CancellationToken,
) -> eyre::Result<(PrivateKeySigner, watch::Receiver<Option<NodeChain>>)> {
    let account = select::selected(context).map_err(|failure| {
        failure.hint("choose the orchestrator's account with `--account`, or run with `--offchain`")
    })?;
    let chain = connection::connect(context).await?;
    let network = context.settings().network.clone();
    let is_devnet = network == "devnet";
    let signer = password::unlock(&account, context).await?;
    if !is_devnet {
        context.shell.warn(format_args!(
            "no payment is asked for yet: whoever reaches this node on {network} is served for nothing"
        ));
    }
    let (facts, receiver) = watch::channel(None);
    let interval = if is_devnet { DEVNET_INTERVAL } else { INTERVAL };
    tokio::spawn(node::follow(
        chain,
        signer.address(),
        interval,
        facts,
        stop.clone(),
    ));
    Ok((signer, receiver))
}
