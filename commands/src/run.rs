//! `lpctl run`: the node, until it is told to stop.

pub(crate) mod chain;
mod devices;
pub(crate) mod failure;
pub(crate) mod fence;
pub(crate) mod places;

use std::{fmt, net::SocketAddr, path::PathBuf, sync::Arc, thread::available_parallelism};

use clap::{
    Args, ValueEnum, ValueHint,
    builder::{PossibleValuesParser, TypedValueParser as _},
};
use engine::{
    config::{CpuLayer, PresetChoice, SessionLimit},
    media::{
        ffmpeg::Ffmpeg,
        pace::Pacer,
        transcode::{FfmpegSettings, FfmpegTranscoder},
    },
    node::{self, Listen, NodeConfig, RunningNode, StopReport},
    process::Launcher,
    wire::signature::{LocalSigner, MessageSigner, Offchain},
};
use serde::Serialize;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::{
    context::Context,
    failure::{Failure, Kind},
};

/// Run the node: take segments from gateways and transcode them on this machine
///
/// Gateways reach it on one port with gRPC and HTTP, over TLS unless --plain is given. The operator's API answers on
/// a loopback port; `lpctl dashboard` shows it. Without a profile or a network the node runs off-chain: it takes any
/// gateway's work. On a chain it signs what it made with the account in use, and gateways must sign what they send.
/// It asks for no payment yet.
///
/// The first Ctrl-C or SIGTERM lets running segments finish; the second one ends the node at once.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl run                                             off-chain, for this machine only
  lpctl run --service-addr orchestrator.example:8935    for gateways anywhere
  lpctl --profile devnet run                            as the devnet's orchestrator
  lpctl run --gpus 0,1 --fallback never                 on two GPUs, and never on the CPU
  lpctl run --bind 127.0.0.1:0 --operator-addr 127.0.0.1:0 --json")]
pub struct RunArgs {
    /// What the node is
    #[arg(long, value_enum, default_value_t)]
    mode: Mode,
    /// Address gateways are told to use
    #[arg(long, value_name = "HOST:PORT", env = "LPCTL_SERVICE_ADDR", hide_env = true)]
    service_addr: Option<String>,
    /// Address to listen on; without it every address for a public --service-addr, else 127.0.0.1:8935
    #[arg(long, value_name = "IP:PORT", env = "LPCTL_BIND", hide_env = true)]
    bind: Option<SocketAddr>,
    /// Loopback address of the operator's API
    #[arg(
        long,
        value_name = "IP:PORT",
        default_value = "127.0.0.1:7935",
        env = "LPCTL_OPERATOR_ADDR",
        hide_env = true
    )]
    operator_addr: SocketAddr,
    /// Streams to serve at once [default: max_sessions of the config file, else 10]
    #[arg(long, value_name = "COUNT", env = "LPCTL_MAX_SESSIONS", hide_env = true)]
    max_sessions: Option<SessionLimit>,
    /// Speak HTTP without TLS
    #[arg(long)]
    plain: bool,
    /// Fetch sources also from private addresses, if gateways keep their segments there
    ///
    /// A gateway may send a URL in place of a segment. A node others can reach asks public addresses only, so that
    /// strangers cannot make it talk to its neighbours.
    #[arg(long)]
    private_sources: bool,
    /// Leave the chain out of it, whatever the profile says
    #[arg(long)]
    offchain: bool,
    /// The ffmpeg to use, instead of the one on the search path
    #[arg(long, value_name = "PATH", env = "LPCTL_FFMPEG", hide_env = true, value_hint = ValueHint::FilePath)]
    ffmpeg: Option<PathBuf>,
    /// How thoroughly to encode: faster presets make larger or worse renditions [default: transcode.cpu.preset of the
    /// config file, else auto]
    ///
    /// With auto it is the slowest preset with which every session stays ahead of real time, chosen again as the load
    /// changes, within the bounds of transcode.cpu in the config file.
    #[arg(long, value_name = "PRESET", env = "LPCTL_PRESET", hide_env = true)]
    #[arg(value_parser = PossibleValuesParser::new(PresetChoice::names()).try_map(|name| name.parse::<PresetChoice>()))]
    preset: Option<PresetChoice>,
    /// What to do where this kernel cannot fence ffmpeg off from files, sockets and programs
    #[arg(
        long,
        value_enum,
        value_name = "POLICY",
        default_value_t,
        env = "LPCTL_FENCE",
        hide_env = true
    )]
    fence: fence::FenceChoice,
    #[command(flatten)]
    devices: devices::DeviceArgs,
    /// The node's own files; one node at a time [default: `node` in lpctl's data folder]
    #[arg(long, value_name = "PATH", env = "LPCTL_NODE_DIR", hide_env = true, value_hint = ValueHint::DirPath)]
    data_dir: Option<PathBuf>,
    /// Where segments are worked on [default: in memory, if there is room]
    #[arg(long, value_name = "PATH", env = "LPCTL_WORK_DIR", hide_env = true, value_hint = ValueHint::DirPath)]
    work_dir: Option<PathBuf>,
}

/// What a node can be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Mode {
    /// Serves gateways and transcodes by itself.
    #[default]
    Orchestrator,
}

/// What `--json` tells while the node runs: one object a line.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Event<'a> {
    /// Both ports are open.
    Ready {
        service_uri: &'a str,
        service_addr: SocketAddr,
        operator_url: &'a str,
        network: &'a str,
        address: Option<alloy::primitives::Address>,
    },
    /// The node has ended.
    Stopped {
        /// False if something had to be cut.
        finished: bool,
        segments_done: u64,
        segments_failed: u64,
        cause: Option<&'a str>,
    },
}

impl fmt::Display for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready {
                service_uri,
                operator_url,
                network,
                ..
            } => write!(
                f,
                "ready ({network}): gateways at {service_uri}, operator at {operator_url}; watch it with `lpctl --node {operator_url} dashboard`"
            ),
            Self::Stopped {
                finished,
                segments_done,
                segments_failed,
                ..
            } => {
                let how = if *finished {
                    "stopped"
                } else {
                    "stopped before everything was finished"
                };
                write!(
                    f,
                    "{how}: {segments_done} segments transcoded, {segments_failed} failed"
                )
            }
        }
    }
}

/// Runs the node until a signal or a failure ends it.
///
/// # Errors
/// A failure of the class that fits: usage for addresses nobody can use, config for a missing account, unreachable for
/// a chain that does not answer, failed for a port or ffmpeg that cannot be had.
pub async fn run(args: RunArgs, context: &mut Context) -> eyre::Result<()> {
    let Mode::Orchestrator = args.mode;
    let mut signals = Signals::new()?;
    let stop = CancellationToken::new();
    let starting = start(&args, context, &stop);
    let node = tokio::select! {
        node = Box::pin(starting) => node?,
        () = signals.next() => {
            stop.cancel();
            return Err(Failure::new(Kind::Interrupted, "interrupted", "interrupted before the node was ready").into());
        }
    };
    let status = node.status();
    let operator_url = format!("http://{}", node.operator_addr());
    tell(
        context,
        &Event::Ready {
            service_uri: node.service_uri(),
            service_addr: node.service_addr(),
            operator_url: &operator_url,
            network: &status.network,
            address: status.address,
        },
    );
    let (report, interrupted) = until_ended(node, &mut signals, context).await;
    stop.cancel();
    tell(
        context,
        &Event::Stopped {
            finished: report.finished,
            segments_done: report.segments_done,
            segments_failed: report.segments_failed,
            cause: report.cause.as_deref(),
        },
    );
    match report.cause {
        Some(cause) => Err(Failure::new(
            Kind::Failed,
            "node_failed",
            format!("the node stopped by itself: {cause}"),
        )
        .hint("the log above says what led to it")
        .into()),
        None if interrupted => Err(Failure::new(
            Kind::Interrupted,
            "interrupted",
            "ended at once, as asked by the second signal",
        )
        .into()),
        None => Ok(()),
    }
}

/// Everything up to open ports. `stop` ends what runs beside the node.
async fn start(args: &RunArgs, context: &mut Context, stop: &CancellationToken) -> eyre::Result<RunningNode> {
    let data_dir = match &args.data_dir {
        Some(path) => path.clone(),
        None => context.directories().data_dir.join("node"),
    };
    let (bind, service_uri) = places::addresses(args.service_addr.as_deref(), args.bind, args.plain)?;
    let pacer = pacer(args.preset, context.settings().cpu)?;
    let fencing = fence::choose(args.fence, &Launcher::through_this_program(), &mut context.shell).await?;
    let ffmpeg = locate(args.ffmpeg.clone()).await?;
    let work_dir = match &args.work_dir {
        Some(path) => path.clone(),
        None => places::work_dir(&data_dir),
    };
    let devices = devices::find(&args.devices, &mut context.shell).await?;
    let capabilities = devices
        .probe(&ffmpeg, &work_dir, &fencing, &mut context.shell)
        .await?;
    let settings = FfmpegSettings {
        pacer,
        placement: devices.placement.clone(),
        fencing,
        ..FfmpegSettings::new(ffmpeg, Launcher::through_this_program(), work_dir)
    };
    let transcoder = FfmpegTranscoder::new(settings).map_err(failure::of_transcoder)?;
    transcoder.self_test().await.map_err(failure::of_transcoder)?;
    let mut config = NodeConfig {
        service: Listen::Address(bind),
        service_uri,
        tls: !args.plain,
        operator: Listen::Address(args.operator_addr),
        max_sessions: args.max_sessions.unwrap_or(context.settings().max_sessions).get(),
        private_sources: args.private_sources || bind.ip().is_loopback(),
        devices: Some(devices.into_reader(&transcoder)),
        ..NodeConfig::local(data_dir)
    };
    if let Some(capabilities) = capabilities {
        config.capabilities = capabilities;
    }
    let signer: Arc<dyn MessageSigner> = match chain::wanted(args.offchain, context.settings()) {
        false => {
            context
                .shell
                .status("off-chain: work is taken from any gateway, nothing is signed or paid");
            Arc::new(Offchain)
        }
        true => {
            let (account, facts) = chain::join(context, stop).await?;
            config.network.clone_from(&context.settings().network);
            config.chain = Some(facts);
            Arc::new(LocalSigner(account))
        }
    };
    let started = node::start(config, transcoder, signer, CancellationToken::new()).await;
    Ok(started.map_err(failure::of_node)?)
}

/// How hard the CPU tries: as the flag says, else the config file.
pub(crate) fn pacer(preset: Option<PresetChoice>, cpu: CpuLayer) -> Result<Pacer, Failure> {
    let cpu = CpuLayer {
        preset: preset.or(cpu.preset),
        ..cpu
    };
    let cores = available_parallelism().map_or(1, std::num::NonZero::get);
    let pacer = cpu.pace().and_then(|pace| Pacer::new(pace, cores));
    pacer.map_err(|error| {
        Failure::new(Kind::Config, "bad_config", format!("transcode.cpu: {error}"))
            .hint("`lpctl config show` lists what holds; change it with `lpctl config set transcode.cpu.slowest PRESET`")
    })
}

pub(crate) async fn locate(path: Option<PathBuf>) -> Result<Ffmpeg, Failure> {
    let located = tokio::task::spawn_blocking(move || Ffmpeg::locate(path.as_deref()))
        .await
        .map_err(|error| Failure::new(Kind::Bug, "bug", error.to_string()))?;
    let ffmpeg = located.map_err(failure::of_ffmpeg)?;
    tracing::info!(version = ffmpeg.version(), path = %ffmpeg.path().display(), "found ffmpeg");
    Ok(ffmpeg)
}

/// Waits for the node's end, passing signals on: the first asks it to finish, the second cuts it short.
async fn until_ended(
    mut node: RunningNode,
    signals: &mut Signals,
    context: &mut Context,
) -> (StopReport, bool) {
    let hard_stop = node.hard_stop();
    tokio::select! {
        report = node.ended() => return (report, false),
        () = signals.next() => {}
    }
    context
        .shell
        .status("stopping: running segments finish first; once more ends the node at once");
    let mut stopping = Box::pin(node.stop());
    tokio::select! {
        report = &mut stopping => (report, false),
        () = signals.next() => {
            hard_stop.cancel();
            (stopping.await, true)
        }
    }
}

/// The node goes on, and ends as it would have, also when nobody takes its events.
fn tell(context: &mut Context, event: &Event<'_>) {
    if !context.shell.is_json() {
        context.shell.status(event);
    } else if let Err(error) = context.shell.event(event) {
        context.shell.warn(format_args!("an event is lost: {error}"));
    }
}

/// Ctrl-C and the service manager's request to end.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    pub(crate) fn new() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
