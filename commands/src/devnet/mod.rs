//! `lpctl devnet`: a whole Livepeer protocol on this machine.

mod detach;
pub mod down;
mod failure;
pub mod fund;
pub mod mine;
mod profile;
pub mod setup;
pub mod status;
pub mod up;

use std::{path::PathBuf, sync::Mutex};

use clap::Subcommand;
use engine::{
    devnet::{ChainState, DevnetChain, Home, Parts, PartsConfig, Presence, Progress, Running},
    view::devnet::DevnetChainStatus,
};

use crate::{
    context::Context,
    failure::{Failure, Kind},
    shell::Shell,
};

/// The profile that reaches the devnet.
const PROFILE: &str = "devnet";

/// Run a whole Livepeer protocol on this machine: a real chain, the real contracts, funded accounts
#[derive(Debug, Subcommand)]
#[allow(
    missing_docs,
    reason = "the help of a command is the doc comment of its `Args`"
)]
pub enum DevnetCommand {
    Up(up::UpArgs),
    Down(down::DownArgs),
    Status(status::StatusArgs),
    Mine(mine::MineArgs),
    Fund(fund::FundArgs),
    Setup(setup::SetupArgs),
}

impl DevnetCommand {
    /// Long-running commands end themselves on Ctrl-C.
    #[must_use]
    pub fn ends_itself(&self) -> bool {
        matches!(self, Self::Up(_))
    }
}

/// Carries out one of them.
///
/// # Errors
/// A failure of its own class; see each command.
pub async fn run(command: DevnetCommand, context: &mut Context) -> eyre::Result<()> {
    if context.settings().dry_run {
        let told = Failure::new(
            Kind::Usage,
            "no_dry_run",
            "a devnet has no dry run: nothing on it is worth anything",
        );
        return Err(told.hint("leave out `--dry-run`, and unset LPCTL_DRY_RUN").into());
    }
    match command {
        DevnetCommand::Up(args) => Box::pin(up::run(args, context)).await,
        DevnetCommand::Down(args) => down::run(args, context).await,
        DevnetCommand::Status(args) => status::run(args, context).await,
        DevnetCommand::Mine(args) => mine::run(args, context).await,
        DevnetCommand::Fund(args) => fund::run(args, context).await,
        DevnetCommand::Setup(args) => setup::run(args, context).await,
    }
}

/// The folder of this user's devnet.
fn home(context: &Context) -> Home {
    Home::new(context.directories().data_dir.join("devnet"))
}

/// The running devnet's chain and what it tells about itself.
async fn running(context: &Context) -> eyre::Result<(DevnetChain, Running)> {
    match home(context).presence().map_err(failure::of_home)? {
        Presence::Up { running, .. } => {
            let chain = DevnetChain::connect(running.rpc_url.clone()).await;
            Ok((chain.map_err(failure::of)?, running))
        }
        Presence::Starting { .. } => Err(Failure::new(
            Kind::Unreachable,
            "devnet_starting",
            "the devnet is still being started",
        )
        .hint("try again in a moment; `lpctl devnet status` tells when it is ready")
        .into()),
        Presence::Down => Err(
            Failure::new(Kind::Unreachable, "devnet_down", "no devnet is running")
                .hint("start one with `lpctl devnet up --detach`")
                .into(),
        ),
    }
}

/// What a devnet is made of, downloaded if it is not there; tells what it does. Whether anything was downloaded
/// comes with it.
async fn parts(own_anvil: Option<PathBuf>, context: &mut Context) -> eyre::Result<(Parts, bool)> {
    let config = PartsConfig {
        own_anvil,
        ..PartsConfig::pinned(context.directories().cache_dir.clone())
    };
    if let Some(parts) = Parts::locate(&config).await.map_err(failure::of_parts)? {
        return Ok((parts, false));
    }
    let spinner = context
        .shell
        .progress(None, "getting the parts of a devnet (once)");
    let teller = Teller::new(&mut context.shell);
    let fetched = Parts::fetch(&config, &|progress| teller.tell(&progress)).await;
    spinner.finish_and_clear();
    Ok((fetched.map_err(failure::of_parts)?, true))
}

/// Says on stderr what the engine says is going on.
struct Teller<'a>(Mutex<&'a mut Shell>);

impl<'a> Teller<'a> {
    fn new(shell: &'a mut Shell) -> Self {
        Self(Mutex::new(shell))
    }

    fn tell(&self, progress: &Progress) {
        // Nothing that holds the lock can panic; if it ever did, silence is all that is lost.
        if let Ok(mut shell) = self.0.lock() {
            match progress {
                Progress::Damaged { .. } => shell.warn(progress),
                _ => shell.status(progress),
            }
        }
    }
}

/// The chain's place in its round, as it is shown.
fn chain_status(state: &ChainState) -> DevnetChainStatus {
    DevnetChainStatus {
        block: state.block,
        round: state.round,
        round_initialized: state.round_initialized,
        round_length: state.round_length,
        round_elapsed: state.block.saturating_sub(state.round_start),
    }
}
