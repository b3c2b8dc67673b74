//! `lpctl devnet down`.

use clap::Args;
use engine::{
    devnet::{DevnetChain, Presence, SavedState},
    view::devnet::DevnetDown,
};

use super::{failure, home};
use crate::{
    context::Context,
    shell::{Report, Style},
};

/// Stop the devnet and keep its chain for the next time
///
/// Works on a detached devnet and on one in another terminal. Where none runs there is nothing to do, and that is no
/// failure.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl devnet down
  lpctl devnet down && lpctl devnet up --fresh --detach    start anew")]
pub struct DownArgs {}

/// Stops it.
///
/// # Errors
/// It does not end, or belongs to another user.
pub async fn run(_: DownArgs, context: &mut Context) -> eyre::Result<()> {
    let home = home(context);
    let block = match home.presence().map_err(failure::of_home)? {
        Presence::Up { running, .. } => block(running.rpc_url).await,
        Presence::Starting { .. } | Presence::Down => None,
    };
    let was_running = home.take_down().await.map_err(failure::of_home)?;
    let answer = DevnetDown {
        was_running,
        block,
        saved: matches!(SavedState::load(&home.state_dir()), Ok(Some(_))),
    };
    Ok(context.shell.report(&answer)?)
}

/// The newest block, if the chain still tells.
async fn block(rpc_url: engine::secret::RpcUrl) -> Option<u64> {
    let chain = DevnetChain::connect(rpc_url).await.ok()?;
    Some(chain.state().await.ok()?.block)
}

impl Report for DevnetDown {
    fn text(&self, style: &Style) -> String {
        let next = match (self.saved, self.block) {
            (true, Some(block)) => {
                format!("\nnext: `lpctl devnet up` goes on from block {block}, `--fresh` starts anew")
            }
            (true, None) => {
                "\nnext: `lpctl devnet up` goes on from where it was, `--fresh` starts anew".to_string()
            }
            (false, _) => "\nnext: `lpctl devnet up` starts one".to_string(),
        };
        match self.was_running {
            true => format!(
                "{} the devnet is down, its anvil is gone{next}",
                style.good_mark()
            ),
            false => format!("no devnet was running{next}"),
        }
    }
}
