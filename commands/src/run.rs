//! `lpctl run`: the node, until it is told to stop.

mod access;
mod advertise;
pub(crate) mod chain;
mod devices;
pub(crate) mod failure;
pub(crate) mod fence;
mod kept;
mod outside;
pub(crate) mod payments;
pub(crate) mod places;
mod redeemer;
mod secret;
mod transcoder;

use std::{
    fmt,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    thread::available_parallelism,
};

use clap::{
    Args, ValueEnum, ValueHint,
    builder::{PossibleValuesParser, TypedValueParser as _},
};
use engine::{
    config::{CpuLayer, PresetChoice, SessionsChoice},
    media::{
        ffmpeg::Ffmpeg,
        pace::Pacer,
        transcode::{FfmpegSettings, FfmpegTranscoder},
    },
    node::{
        self, DataDirLock, DeviceReader, Listen, NodeConfig, PoolSettings, RunningNode, StopReport,
        TranscoderPool,
    },
    process::Launcher,
    remote::RunningTranscoder,
    view::node::NodeMode,
    wire::{
        capability::CapabilitySet,
        signature::{LocalSigner, MessageSigner, Offchain},
    },
};
use serde::Serialize;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use self::payments::Beside;
use crate::{
    alerts::channels as alerting,
    context::Context,
    failure::{Failure, Kind},
    logging::send_traces,
    reward::guardian::GuardianArgs,
};

/// Run the node: take segments from gateways and transcode them, here or on other machines
///
/// Gateways reach it on one port with gRPC and HTTP, over TLS unless --plain is given. The operator's API answers on
/// a loopback port; `lpctl dashboard` shows it. Without a profile or a network the node runs off-chain: it takes any
/// gateway's work. On a chain it signs what it made with the account in use, and gateways pay for it with tickets, at
/// the price it asks for. Its books are in its folder: what was paid, and tickets that won, outlive any end of it.
///
/// With --mode orchestrator the work is done by transcoders elsewhere that share a secret with it: lpctl's, with --mode
/// transcoder, or go-livepeer's. A transcoder needs no port that others can reach.
///
/// The first Ctrl-C or SIGTERM lets running segments finish; the second one ends the node at once. What was changed
/// with `lpctl node` while a node ran holds at its next start too, where the command line says nothing else.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl run                                             off-chain, for this machine only
  lpctl run --service-addr orchestrator.example:8935    for gateways anywhere
  lpctl --profile devnet run --price 1200               as the devnet's orchestrator, for 1200 wei a pixel
  lpctl --network arbitrum-one run --price 0.02usd --pixels-per-unit 1000000 --service-addr orchestrator.example:8935
  lpctl run --gpus 0,1 --fallback never                 on two GPUs, and never on the CPU
  lpctl run --mode orchestrator --orch-secret-file FILE --service-addr orchestrator.example:8935 --max-sessions auto
  lpctl run --mode transcoder --orch-secret-file FILE --orch-addr orchestrator.example:8935 --max-sessions 8
  lpctl --account hot run --mode redeemer --recipient 0x…    redeem an orchestrator's tickets at this account's cost
  lpctl run --bind 127.0.0.1:0 --operator-addr 127.0.0.1:0 --json")]
pub struct RunArgs {
    /// What the node is [default: mode of the config file, else combined]
    #[arg(long, value_enum, value_name = "MODE", env = "LPCTL_MODE", hide_env = true)]
    mode: Option<Mode>,
    /// Where a transcoder finds its orchestrator [default: orch_addr of the config file]
    #[arg(long, value_name = "HOST:PORT", env = "LPCTL_ORCH_ADDR", hide_env = true)]
    orch_addr: Option<String>,
    /// File whose first line orchestrator and transcoders share [default: orch_secret_file of the config file]
    #[arg(long, value_name = "PATH", env = "LPCTL_ORCH_SECRET_FILE", hide_env = true, value_hint = ValueHint::FilePath)]
    orch_secret_file: Option<PathBuf>,
    /// Address gateways are told to use [default: service_addr of the config file]
    #[arg(long, value_name = "HOST:PORT", env = "LPCTL_SERVICE_ADDR", hide_env = true)]
    service_addr: Option<String>,
    /// Address to listen on; without it every address for a public --service-addr, else 127.0.0.1:8935
    #[arg(long, value_name = "IP:PORT", env = "LPCTL_BIND", hide_env = true)]
    bind: Option<SocketAddr>,
    /// Address of the operator's API; beyond loopback it takes a token [default: 127.0.0.1:7935, of a transcoder 127.0.0.1:6935]
    #[arg(long, value_name = "IP:PORT", env = "LPCTL_OPERATOR_ADDR", hide_env = true)]
    operator_addr: Option<SocketAddr>,
    /// Streams to serve at once [default: max_sessions of the config file, else 10]
    ///
    /// With auto, an orchestrator takes as many as its transcoders offer together, and a combined node as many as stay
    /// ahead of real time. A transcoder needs a number.
    #[arg(long, value_name = "COUNT|auto", env = "LPCTL_MAX_SESSIONS", hide_env = true)]
    max_sessions: Option<SessionsChoice>,
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
    advertise: advertise::AdvertiseArgs,
    #[command(flatten)]
    outside: outside::OutsideArgs,
    #[command(flatten)]
    devices: devices::DeviceArgs,
    /// The node's own files; one node at a time [default: `node`, of a transcoder `transcoder`, of a redeemer `redeemer`, in lpctl's data folder]
    #[arg(long, value_name = "PATH", env = "LPCTL_NODE_DIR", hide_env = true, value_hint = ValueHint::DirPath)]
    data_dir: Option<PathBuf>,
    /// Where segments are worked on [default: in memory, if there is room]
    #[arg(long, value_name = "PATH", env = "LPCTL_WORK_DIR", hide_env = true, value_hint = ValueHint::DirPath)]
    work_dir: Option<PathBuf>,
    // Groups with a heading come last: it would stand over what follows them.
    #[command(flatten)]
    payments: Box<payments::PaymentArgs>,
    #[command(flatten)]
    rewards: Box<GuardianArgs>,
    /// Leave it to others to call reward: another host, or `lpctl reward watch`
    #[arg(long, help_heading = "Rewards")]
    no_reward: bool,
    #[command(flatten)]
    redeemer: Box<redeemer::RedeemerArgs>,
}

/// What a node can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Mode {
    /// Serves gateways and transcodes by itself.
    Combined,
    /// Serves gateways; transcoders elsewhere do the work.
    Orchestrator,
    /// Works for an orchestrator elsewhere.
    Transcoder,
    /// Redeems the winning tickets an orchestrator leaves with it.
    Redeemer,
}

impl Mode {
    /// The node it is; none: it is not a node.
    fn node(self) -> Option<NodeMode> {
        match self {
            Self::Combined => Some(NodeMode::Combined),
            Self::Orchestrator => Some(NodeMode::Orchestrator),
            Self::Transcoder => Some(NodeMode::Transcoder),
            Self::Redeemer => None,
        }
    }
}

/// What `--json` tells while the node runs: one object a line.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Event<'a> {
    /// Both ports are open.
    Ready {
        mode: NodeMode,
        service_uri: &'a str,
        service_addr: SocketAddr,
        operator_url: &'a str,
        network: &'a str,
        address: Option<alloy::primitives::Address>,
    },
    /// The operator's port is open, and the transcoder registers.
    #[serde(rename = "ready")]
    TranscoderReady {
        mode: NodeMode,
        orchestrator: &'a str,
        operator_url: &'a str,
        max_sessions: u32,
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
            Self::TranscoderReady {
                orchestrator,
                operator_url,
                max_sessions,
                ..
            } => write!(
                f,
                "ready: registering with {orchestrator} for {}, operator at {operator_url}; watch it with `lpctl --node {operator_url} node show`",
                crate::wording::counted(usize::try_from(*max_sessions).unwrap_or(usize::MAX), "session")
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
    if args.mode == Some(Mode::Redeemer) {
        return redeemer::run(args, context).await;
    }
    let mode = args.mode.and_then(Mode::node).unwrap_or(context.settings().mode);
    args.check(mode)?;
    if mode == NodeMode::Transcoder {
        return transcoder::run(args, context).await;
    }
    let mut signals = Signals::new()?;
    let traces = send_traces(context.settings().otel.endpoint.as_ref(), &mode.to_string())?;
    let stop = CancellationToken::new();
    let starting = start(&args, mode, context, &stop);
    let (node, beside) = tokio::select! {
        started = Box::pin(starting) => started?,
        () = signals.next() => {
            stop.cancel();
            return Err(interrupted_before_ready().into());
        }
    };
    let status = node.status();
    let operator_url = access::url(node.operator_addr(), context.settings());
    tell(
        context,
        &Event::Ready {
            mode,
            service_uri: node.service_uri(),
            service_addr: node.service_addr(),
            operator_url: &operator_url,
            network: &status.network,
            address: status.address,
        },
    );
    let (mut report, interrupted) = until_ended(node, &mut signals, context).await;
    stop.cancel();
    report.cause = report.cause.or_else(|| beside.cause());
    beside.end().await;
    traces.finish().await;
    tell_stopped(context, &report);
    conclude(report, interrupted)
}

fn interrupted_before_ready() -> Failure {
    Failure::new(
        Kind::Interrupted,
        "interrupted",
        "interrupted before the node was ready",
    )
}

fn tell_stopped(context: &mut Context, report: &StopReport) {
    tell(
        context,
        &Event::Stopped {
            finished: report.finished,
            segments_done: report.segments_done,
            segments_failed: report.segments_failed,
            cause: report.cause.as_deref(),
        },
    );
}

/// What the end of a node means for the command.
fn conclude(report: StopReport, interrupted: bool) -> eyre::Result<()> {
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

impl RunArgs {
    /// Refuses what would do nothing in this mode.
    fn check(&self, mode: NodeMode) -> Result<(), Failure> {
        let serving = [
            ("--service-addr", self.service_addr.is_some()),
            ("--bind", self.bind.is_some()),
            ("--plain", self.plain),
            ("--private-sources", self.private_sources),
            ("--offchain", self.offchain),
            ("--nodes, --region and --peers", self.advertise.is_given()),
            (
                "--object-store-file and --discovery-webhook",
                self.outside.is_given(),
            ),
            ("--price and what belongs to it", self.payments.is_given()),
        ];
        let encoding = [
            ("--ffmpeg", self.ffmpeg.is_some()),
            ("--preset", self.preset.is_some()),
            ("--work-dir", self.work_dir.is_some()),
            ("--gpus", self.devices.is_chosen()),
        ];
        let (useless, why) = match mode {
            NodeMode::Combined => return Ok(()),
            NodeMode::Orchestrator => (&encoding[..], "an orchestrator's transcoders encode elsewhere"),
            NodeMode::Transcoder => (&serving[..], "a transcoder serves no gateways"),
        };
        match useless.iter().find(|(_, is_given)| *is_given) {
            None => Ok(()),
            Some((flag, _)) => Err(Failure::new(
                Kind::Usage,
                "not_in_this_mode",
                format!("`{flag}` does nothing with `--mode {mode}`: {why}"),
            )
            .hint("leave it out, and its LPCTL_ variable")),
        }
    }

    /// Refuses what does nothing where only tickets are redeemed.
    fn check_redeemer(&self) -> Result<(), Failure> {
        let of_nodes = [
            ("--service-addr", self.service_addr.is_some()),
            ("--operator-addr", self.operator_addr.is_some()),
            ("--max-sessions", self.max_sessions.is_some()),
            ("--orch-addr", self.orch_addr.is_some()),
            ("--orch-secret-file", self.orch_secret_file.is_some()),
            ("--private-sources", self.private_sources),
            ("--offchain", self.offchain),
            ("--ffmpeg", self.ffmpeg.is_some()),
            ("--preset", self.preset.is_some()),
            ("--work-dir", self.work_dir.is_some()),
            ("--gpus", self.devices.is_chosen()),
            ("--nodes, --region and --peers", self.advertise.is_given()),
            (
                "--object-store-file and --discovery-webhook",
                self.outside.is_given(),
            ),
            ("--redeemer", self.redeemer.redeemer.is_some()),
            ("--price and what belongs to it", self.payments.is_given()),
            ("--no-reward", self.no_reward),
        ];
        match of_nodes.iter().find(|(_, is_given)| *is_given) {
            None => Ok(()),
            Some((flag, _)) => Err(Failure::new(
                Kind::Usage,
                "not_in_this_mode",
                format!("`{flag}` does nothing with `--mode redeemer`: it only redeems tickets"),
            )
            .hint("leave it out, and its LPCTL_ variable")),
        }
    }

    /// The node's own files.
    fn data_dir(&self, mode: NodeMode, context: &Context) -> PathBuf {
        let usual = match mode {
            NodeMode::Combined | NodeMode::Orchestrator => "node",
            NodeMode::Transcoder => "transcoder",
        };
        let place = || context.directories().data_dir.join(usual);
        self.data_dir.clone().unwrap_or_else(place)
    }

    /// Where the operator's API listens.
    fn operator(&self, mode: NodeMode) -> Listen {
        let port = match mode {
            NodeMode::Combined | NodeMode::Orchestrator => 7935,
            // As go-livepeer's, so that both can be on one machine.
            NodeMode::Transcoder => 6935,
        };
        let usual = SocketAddr::from(([127, 0, 0, 1], port));
        Listen::Address(self.operator_addr.unwrap_or(usual))
    }
}

/// Everything up to open ports. `stop` ends what runs beside the node.
async fn start(
    args: &RunArgs,
    mode: NodeMode,
    context: &mut Context,
    stop: &CancellationToken,
) -> eyre::Result<(RunningNode, Beside)> {
    let data_dir = args.data_dir(mode, context);
    let service_addr = args
        .service_addr
        .clone()
        .or(context.settings().service_addr.clone());
    let (bind, service_uri) = places::addresses(service_addr.as_deref(), args.bind, args.plain)?;
    let advertise = args.advertise.resolve(&context.settings().orchestrator)?;
    let object_store = args.outside.object_store(&context.settings().orchestrator)?;
    let discovery_webhook = args.outside.discovery_webhook(&context.settings().orchestrator);
    let kept = kept::read(&data_dir)?;
    let sessions = kept::hold(args.max_sessions, &kept, context);
    let asked = match chain::wanted(args.offchain, context.settings()) {
        true => Some(args.payments.resolve(&kept, context)?),
        false if args.payments.is_given() => return Err(no_payments().into()),
        false => None,
    };
    let mut config = NodeConfig {
        service: Listen::Address(bind),
        service_uri,
        advertise,
        object_store,
        discovery_webhook,
        tls: !args.plain,
        operator: args.operator(mode),
        max_sessions: sessions.most(),
        private_sources: args.private_sources || bind.ip().is_loopback(),
        log: Some(crate::logging::control(kept::level(&kept, context))),
        alerts: Some(alerting::settings(&context.settings().alerts)?),
        access: access::settings(context)?,
        told: crate::config::show::told(context.settings()),
        ..NodeConfig::local(data_dir.clone())
    };
    if mode == NodeMode::Orchestrator {
        let (secret, _) = secret::read(args.orch_secret_file.as_deref(), context).await?;
        let pool = TranscoderPool::new(PoolSettings::new(secret));
        config.transcoders = Some(pool.clone());
        config.auto_sessions = sessions == SessionsChoice::Auto;
        let (signer, beside) = join(asked, args, &mut config, context, stop).await?;
        let started = node::start(config, pool, signer, beside.broken()).await;
        return Ok((started.map_err(failure::of_node)?, beside));
    }
    let engine = Engine::start(args, &data_dir, context).await?;
    config.devices = Some(engine.devices);
    if let Some(capabilities) = engine.capabilities {
        config.capabilities = capabilities;
    }
    let (signer, beside) = join(asked, args, &mut config, context, stop).await?;
    let started = node::start(config, engine.transcoder, signer, beside.broken()).await;
    Ok((started.map_err(failure::of_node)?, beside))
}

/// Joins the chain, if something is asked for there: who signs for the node, and what runs beside it. The rest goes into
/// its config.
async fn join(
    asked: Option<payments::Asked>,
    args: &RunArgs,
    config: &mut NodeConfig,
    context: &mut Context,
    stop: &CancellationToken,
) -> eyre::Result<(Arc<dyn MessageSigner>, Beside)> {
    let Some(asked) = asked else {
        context
            .shell
            .status("off-chain: work is taken from any gateway, nothing is signed or paid");
        return Ok((Arc::new(Offchain), Beside::default()));
    };
    // Before the books are opened: another node may be writing them.
    let lock = DataDirLock::take(&config.data_dir).map_err(failure::of_node)?;
    let joined = chain::join(context, stop).await?;
    let signer: Arc<dyn MessageSigner> = Arc::new(LocalSigner(joined.signer.clone()));
    config.network.clone_from(&context.settings().network);
    config.chain = Some(joined.standing.clone());
    config.rpc = Some(joined.chain.clone());
    let rewards = (!args.no_reward).then_some(&*args.rewards);
    let paid = Box::pin(payments::open(
        asked,
        &args.redeemer,
        rewards,
        joined,
        &config.data_dir,
        context,
    ))
    .await?;
    config.payments = Some(paid.cashier);
    config.outbox = Some(paid.outbox);
    config.treasury = Some(paid.treasury);
    config.lock = Some(lock);
    Ok((signer, paid.beside))
}

fn no_payments() -> Failure {
    Failure::new(
        Kind::Usage,
        "not_offchain",
        "nobody pays off-chain: prices and tickets need a chain",
    )
    .hint("choose one with `--profile` or `--network`, or leave `--price` and the others, and their LPCTL_ variables, out")
}

/// What encodes on this machine, tried out.
struct Engine {
    transcoder: FfmpegTranscoder,
    devices: DeviceReader,
    /// None without GPUs: what go-livepeer's CPU transcoders can.
    capabilities: Option<CapabilitySet>,
}

impl Engine {
    async fn start(args: &RunArgs, data_dir: &Path, context: &mut Context) -> eyre::Result<Self> {
        let pacer = pacer(args.preset, context.settings().cpu)?;
        let fencing =
            fence::choose(args.fence, &Launcher::through_this_program(), &mut context.shell).await?;
        let ffmpeg = locate(args.ffmpeg.clone()).await?;
        let work_dir = match &args.work_dir {
            Some(path) => path.clone(),
            None => places::work_dir(data_dir),
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
        Ok(Self {
            devices: devices.into_reader(&transcoder),
            transcoder,
            capabilities,
        })
    }
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

/// What runs until it is stopped.
trait Running {
    /// Cancelling it ends it at once.
    fn hard_stop(&self) -> CancellationToken;
    /// Resolves when it has ended.
    async fn ended(&mut self) -> StopReport;
    /// Lets it finish what it has begun.
    async fn stop(self) -> StopReport;
}

impl Running for RunningNode {
    fn hard_stop(&self) -> CancellationToken {
        RunningNode::hard_stop(self)
    }

    async fn ended(&mut self) -> StopReport {
        RunningNode::ended(self).await
    }

    async fn stop(self) -> StopReport {
        RunningNode::stop(self).await
    }
}

impl Running for RunningTranscoder {
    fn hard_stop(&self) -> CancellationToken {
        RunningTranscoder::hard_stop(self)
    }

    async fn ended(&mut self) -> StopReport {
        RunningTranscoder::ended(self).await
    }

    async fn stop(self) -> StopReport {
        RunningTranscoder::stop(self).await
    }
}

/// Waits for the node's end, passing signals on: the first asks it to finish, the second cuts it short.
async fn until_ended(
    mut node: impl Running,
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
