//! `lpctl devnet up`.

use std::{path::PathBuf, time::Duration};

use clap::{Args, ValueHint};
use engine::{
    devnet::{
        Beginning, Contracts, Devnet, DevnetConfig, Held, Home, Parameters, Presence, Running, SavedState,
    },
    process::Launcher,
};
use jiff::Timestamp;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::{MissedTickBehavior, interval},
};

use super::{Teller, detach, failure, home, profile, status};
use crate::{
    context::Context,
    failure::{Failure, Kind},
};

/// Where a devnet listens unless told otherwise: where everybody's tools look for a local chain.
const DEFAULT_PORT: u16 = 8545;
/// How often the chain is saved while it runs, if it moved.
const SAVE_EVERY: Duration = Duration::from_secs(30);
/// How often a devnet that keeps its rounds looks whether one is to be opened.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Start a devnet, or go on with the one before
///
/// The first start downloads anvil and Livepeer's contracts from npm (pinned and checked) and deploys them; later ones
/// take about a second. Accounts for an orchestrator, a second one, a delegator, a gateway and a treasury have ETH and
/// LPT; a profile `devnet` and a keystore for it are written, so that `lpctl --profile devnet` reaches all of it.
///
/// Runs until Ctrl-C, then saves the chain and ends. Listens on 127.0.0.1 only. Everything on it is worthless, and its
/// keys are public knowledge.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  lpctl devnet up                          in this terminal, until Ctrl-C
  lpctl devnet up --detach                 in the background; `lpctl devnet down` ends it
  lpctl devnet up --fresh --round-length 20
  lpctl devnet up --block-time 2 --keep-rounds    a chain that moves by itself")]
pub struct UpArgs {
    /// Run in the background and return when it is ready
    #[arg(long)]
    pub detach: bool,
    /// Forget the chain of the last time and start anew
    #[arg(long)]
    pub fresh: bool,
    /// Port on 127.0.0.1; 0 takes a free one
    #[arg(long, value_name = "N", default_value_t = DEFAULT_PORT)]
    pub port: u16,
    /// Blocks in a round; 50 for a new chain
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(2..=100_000))]
    pub round_length: Option<u64>,
    /// Seconds between blocks; without it every transaction makes a block at once
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub block_time: Option<u64>,
    /// Open (initialise) every round as it comes
    #[arg(long)]
    pub keep_rounds: bool,
    /// An anvil of your own, used instead of the pinned one
    #[arg(long, value_name = "PATH", env = "LPCTL_ANVIL", hide_env = true, value_hint = ValueHint::FilePath)]
    pub anvil: Option<PathBuf>,
    /// What `--detach` starts: leave the terminal for good
    #[arg(long, hide = true, conflicts_with = "detach")]
    pub background: bool,
}

/// The signals that end a devnet, listened to before there is anything to clean up.
pub(super) struct Stop {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Stop {
    pub(super) fn listen() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    pub(super) async fn asked(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hang_up.recv() => {}
        }
    }
}

/// Starts it, and holds it until it is told to end.
///
/// # Errors
/// Another one runs, the parts cannot be got, the port is taken, or anvil ends by itself.
pub async fn run(args: UpArgs, context: &mut Context) -> eyre::Result<()> {
    let mut stop = Stop::listen()?;
    if args.detach {
        return detach::run(args, &mut stop, context).await;
    }
    if args.background {
        // Away from the terminal, whose closing would end us. Being there already is as good.
        if let Err(error) = rustix::process::setsid() {
            tracing::debug!(%error, "in a session of its own already");
        }
    }
    let home = home(context);
    let started = tokio::select! {
        started = Box::pin(start(&args, &home, context)) => started?,
        () = stop.asked() => {
            return Err(Failure::new(Kind::Interrupted, "interrupted", "interrupted; no devnet was started").into());
        }
    };
    hold(&args, &home, started, &mut stop, context).await
}

/// A devnet that is up, and the folder it runs from.
struct Started {
    devnet: Devnet,
    held: Held,
}

async fn start(args: &UpArgs, home: &Home, context: &mut Context) -> eyre::Result<Started> {
    let held = home.hold().await.map_err(failure::of_home)?;
    let (parts, _) = super::parts(args.anvil.clone(), context).await?;
    if args.fresh {
        SavedState::remove(&home.state_dir()).map_err(failure::of)?;
    }
    let config = DevnetConfig {
        parts,
        parameters: parameters(args, home),
        port: args.port,
        block_time: args.block_time,
        cache_dir: context.directories().cache_dir.clone(),
        saved: Some(home.state_dir()),
        log_file: home.anvil_log(),
        launcher: Launcher::through_this_program().words(),
    };
    let round_length = config.parameters.round_length;
    let devnet = {
        let teller = Teller::new(&mut context.shell);
        Devnet::up(config, &|progress| teller.tell(&progress))
            .await
            .map_err(failure::of)?
    };
    if devnet.beginning() != Beginning::Saved {
        devnet.save(&home.state_dir()).await.map_err(failure::of)?;
    }
    profile::write(home, devnet.chain().rpc_url(), context).await?;
    let running = Running {
        rpc_url: devnet.chain().rpc_url().clone(),
        controller: Contracts::standard().controller,
        started: Timestamp::now(),
        round_length,
        block_time: args.block_time,
        keep_rounds: args.keep_rounds,
        anvil_pid: devnet.anvil_pid(),
    };
    let presence = Presence::Up {
        pid: std::process::id(),
        running: running.clone(),
    };
    // The answer first: who waits for the announcement finds it complete.
    let answer = status::status(home, presence).await?;
    if let Err(error) = context.shell.report(&answer) {
        context.shell.warn(format_args!("the devnet is up, but {error}"));
    }
    held.announce(&running).map_err(failure::of_home)?;
    if !args.background {
        context
            .shell
            .status("Ctrl-C ends it and saves the chain; `lpctl devnet down` from elsewhere does the same");
    }
    Ok(Started { devnet, held })
}

/// A chain that is there keeps its own round length unless another is asked for.
fn parameters(args: &UpArgs, home: &Home) -> Parameters {
    let saved = SavedState::load(&home.state_dir()).ok().flatten();
    match (args.round_length, saved) {
        (Some(length), _) => Parameters::with_round_length(length),
        (None, Some(saved)) => Parameters::with_round_length(saved.origin.parameters.round_length),
        (None, None) => Parameters::interactive(),
    }
}

async fn hold(
    args: &UpArgs,
    home: &Home,
    started: Started,
    stop: &mut Stop,
    context: &mut Context,
) -> eyre::Result<()> {
    let devnet = &started.devnet;
    let mut save = interval(SAVE_EVERY);
    let mut look = interval(LOOK_EVERY);
    save.set_missed_tick_behavior(MissedTickBehavior::Delay);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    save.tick().await;
    let mut saved_at = None;
    let mut told = false;
    loop {
        tokio::select! {
            () = stop.asked() => break,
            how = devnet.ended() => {
                let failure = Failure::new(Kind::Failed, "devnet_ended", format!("anvil ended by itself: {how}"));
                return Err(failure.hint("`lpctl devnet up` goes on from the last saved block").into());
            }
            _ = save.tick() => {
                let block = devnet.chain().state().await.ok().map(|state| state.block);
                if block.is_some() && block != saved_at {
                    match devnet.save(&home.state_dir()).await {
                        Ok(()) => saved_at = block,
                        Err(error) => context.shell.warn(format_args!("the chain could not be saved: {error}")),
                    }
                }
            }
            _ = look.tick(), if args.keep_rounds => {
                match devnet.chain().initialize_round().await {
                    Ok(true) => context.shell.status("opened a round"),
                    Ok(false) => {}
                    Err(error) if told => tracing::debug!(%error, "the round could not be opened"),
                    Err(error) => {
                        context.shell.warn(format_args!("the round could not be opened: {error}"));
                        told = true;
                    }
                }
            }
        }
    }
    // A second Ctrl-C does not wait for the save.
    let state_dir = home.state_dir();
    let kept = tokio::select! {
        kept = devnet.save(&state_dir) => kept.map_err(failure::of),
        () = stop.asked() => Err(Failure::new(
            Kind::Interrupted,
            "interrupted",
            "interrupted while saving; the chain as last saved stays",
        )),
    };
    started.devnet.down().await;
    drop(started.held);
    kept?;
    context.shell.status("the chain is saved and anvil is gone");
    Ok(())
}
