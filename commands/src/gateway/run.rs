//! `lpctl gateway run`: the gateway as a service, until it is told to stop.

mod failure;
pub(super) mod settings;

use std::{fmt, net::SocketAddr, path::PathBuf};

use clap::{
    Args, ValueHint,
    builder::{PossibleValuesParser, TypedValueParser as _},
};
use engine::{
    config::{SessionLimit, VerifyChoice},
    gateway::ingest::{IngestReport, RunningIngest, start},
    view::ingest::IngestEvent,
};
use serde::Serialize;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::payer::PaymentArgs;
use crate::{
    context::Context,
    failure::{Failure, Kind},
    logging::send_traces,
    run::{Signals, fence::FenceChoice},
    shell::escape,
};

/// Events that may wait to be told.
const EVENTS: usize = 1024;

/// Run a gateway: take live streams, have them transcoded by orchestrators, and play them over HLS
///
/// Segments are pushed over HTTP to /live/STREAM/NUMBER.ts (or .mp4), by PUT or POST, as go-livepeer takes them; with
/// `Accept: multipart/mixed` the renditions are the answer. With --rtmp-addr, OBS and ffmpeg publish to
/// rtmp://HOST:PORT/live/STREAM, H.264 or HEVC with AAC sound; any number of publishers share the port, and each stream
/// is cut at its own key frames, so a key frame every two seconds serves best. Every stream plays from
/// http://HOST:PORT/stream/STREAM.m3u8 while it runs and for a minute after its end; playing needs no key.
///
/// Anybody who can send streams uses what the operator pays for. Beyond this machine the ports therefore open only with
/// --auth-webhook, with --keys, or with --http-ingest, which lets anybody in. The status is on a port for this machine
/// alone: /status as go-livepeer's tools read it, /api/v1/status with all of it.
///
/// On a chain, that of the profile or --network, orchestrators are paid with tickets from the account's deposit and
/// reserve, which `lpctl deposit fund` makes. What each session was paid, and what is left of it, is in /api/v1/status
/// under `payments`, and what each segment took in the log.
///
/// The first Ctrl-C or SIGTERM lets segments under way finish; the second one ends the gateway at once.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl gateway run --orch o1.example.org --orch o2.example.org
  lpctl gateway run --orch https://127.0.0.1:8935 --rtmp-addr 127.0.0.1:1935
  lpctl gateway run --orch o1.example.org --http-addr 0.0.0.0:9935 --keys keys.toml --log segments.jsonl
  lpctl gateway run --profile main --account gateway --max-price 1200 --deposit-multiplier 3
  curl -T 0.ts -H 'Accept: multipart/mixed' -H 'Content-Duration: 2000' http://127.0.0.1:9935/live/test/0.ts
  ffmpeg -re -i clip.mp4 -c:v libx264 -g 60 -c:a aac -f flv rtmp://127.0.0.1:1935/live/test
  ffplay http://127.0.0.1:9935/stream/test.m3u8")]
pub struct RunArgs {
    /// Where segments are pushed to and streams play from [default: gateway.http_addr of the config file, else
    /// 127.0.0.1:9935]
    #[arg(long, value_name = "IP:PORT", env = "LPCTL_HTTP_ADDR", hide_env = true)]
    http_addr: Option<SocketAddr>,
    /// Where RTMP comes in, usually on port 1935; not at all unless given
    #[arg(long, value_name = "IP:PORT", env = "LPCTL_RTMP_ADDR", hide_env = true)]
    rtmp_addr: Option<SocketAddr>,
    /// Loopback address of the gateway's own API [default: gateway.cli_addr of the config file, else 127.0.0.1:5935]
    #[arg(long, value_name = "IP:PORT", env = "LPCTL_CLI_ADDR", hide_env = true)]
    cli_addr: Option<SocketAddr>,
    /// Let anybody send streams, also from elsewhere
    #[arg(long, env = "LPCTL_HTTP_INGEST", hide_env = true, value_parser = clap::builder::FalseyValueParser::new(), action = clap::ArgAction::SetTrue)]
    http_ingest: bool,
    /// Orchestrator to send to; repeat it for more. https and port 8935 unless told otherwise. Without any, those active
    /// on the chain of the profile or --network
    #[arg(long = "orch", visible_alias = "orchestrator", value_name = "URL", value_hint = ValueHint::Url)]
    #[arg(env = "LPCTL_ORCH", hide_env = true, value_delimiter = ',')]
    orchestrators: Vec<String>,
    /// Ask this webhook for orchestrators, in place of --orch
    // Kept as text here: a parse error of clap would repeat the value, which may hold a token.
    #[arg(long, value_name = "URL", env = "LPCTL_ORCH_WEBHOOK", hide_env = true, value_hint = ValueHint::Url)]
    #[arg(conflicts_with = "orchestrators")]
    orch_webhook: Option<String>,
    /// Renditions to ask for, where the webhook or the request says nothing else: presets, WIDTHxHEIGHT@BITRATE[@FPS],
    /// or JSON [default: gateway.ladder of the config file, else P240p30fps16x9,P360p30fps16x9]
    #[arg(long, value_name = "LADDER", env = "LPCTL_LADDER", hide_env = true)]
    ladder: Option<String>,
    /// Streams at once [default: gateway.max_sessions of the config file, else 10]
    #[arg(long, value_name = "COUNT", env = "LPCTL_MAX_SESSIONS", hide_env = true)]
    max_sessions: Option<SessionLimit>,
    /// Ask this webhook whether a stream is taken and what is to be made of it
    #[arg(long, value_name = "URL", env = "LPCTL_AUTH_WEBHOOK", hide_env = true, value_hint = ValueHint::Url)]
    auth_webhook: Option<String>,
    /// Take streams only with one of the API keys of this file; `lpctl gateway key new` makes them
    #[arg(long = "keys", value_name = "FILE", env = "LPCTL_KEYS_FILE", hide_env = true, value_hint = ValueHint::FilePath)]
    keys_file: Option<PathBuf>,
    /// Write a line of JSON for each segment into this file
    ///
    /// At 64 MiB it becomes FILE.1, in place of an older one, and a new file begins.
    #[arg(long = "log", value_name = "FILE", env = "LPCTL_GATEWAY_LOG", hide_env = true, value_hint = ValueHint::FilePath)]
    log_file: Option<PathBuf>,
    /// How far results are checked: not at all, the orchestrator's signature, or all renditions decoded [default:
    /// gateway.verify of the config file, else signatures]
    #[arg(long, value_name = "HOW", env = "LPCTL_VERIFY", hide_env = true)]
    #[arg(value_parser = PossibleValuesParser::new(VerifyChoice::NAMES).try_map(|name| name.parse::<VerifyChoice>()))]
    verify: Option<VerifyChoice>,
    /// How often a segment is sent at most, each time to another orchestrator if there is one
    #[arg(long, value_name = "COUNT", default_value_t = 3)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=10))]
    attempts: u32,
    /// Account of an orchestrator not to work with; repeat it for more
    #[arg(long = "block", value_name = "0x…", value_delimiter = ',')]
    blocked: Vec<alloy::primitives::Address>,
    /// How many of the further addresses an orchestrator names are asked as well
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    extra_nodes: u8,
    /// Oldest version of an orchestrator that will do, like 0.8.0
    #[arg(long, value_name = "VERSION", default_value = "", hide_default_value = true)]
    min_version: String,
    /// Sign and pay nothing, whatever the profile says: off-chain orchestrators do not ask for it
    #[arg(long)]
    offchain: bool,
    #[command(flatten)]
    payment: PaymentArgs,
    /// The ffmpeg to use, instead of the one on the search path
    #[arg(long, value_name = "PATH", env = "LPCTL_FFMPEG", hide_env = true, value_hint = ValueHint::FilePath)]
    ffmpeg: Option<PathBuf>,
    /// What to do where this kernel cannot fence ffmpeg off from files, sockets and programs
    #[arg(
        long,
        value_enum,
        value_name = "POLICY",
        default_value_t,
        env = "LPCTL_FENCE",
        hide_env = true
    )]
    fence: FenceChoice,
}

/// What `--json` tells while the gateway runs: one object a line.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Event<'a> {
    Own(OwnEvent<'a>),
    Stream(&'a IngestEvent),
}

#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum OwnEvent<'a> {
    /// The ports are open.
    Ready {
        http_url: &'a str,
        rtmp_url: Option<&'a str>,
        operator_url: &'a str,
    },
    /// The gateway has ended.
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
            Self::Own(OwnEvent::Ready {
                http_url,
                rtmp_url,
                operator_url,
            }) => {
                write!(
                    f,
                    "ready: push to {http_url}/live/STREAM/NUMBER.ts, play {http_url}/stream/STREAM.m3u8"
                )?;
                if let Some(rtmp_url) = rtmp_url {
                    write!(f, ", publish to {rtmp_url}/live/STREAM")?;
                }
                write!(f, "; status at {operator_url}/status")
            }
            Self::Own(OwnEvent::Stopped {
                finished,
                segments_done,
                segments_failed,
                ..
            }) => {
                let how = if *finished {
                    "stopped"
                } else {
                    "stopped before everything was finished"
                };
                write!(
                    f,
                    "{how}: {segments_done} segments done, {segments_failed} failed"
                )
            }
            Self::Stream(IngestEvent::StreamStarted {
                manifest_id,
                renditions,
                ..
            }) => {
                let renditions = match renditions.as_slice() {
                    [] => "no renditions".to_string(),
                    names => escape(&names.join(", ")),
                };
                write!(f, "stream {} began: {renditions}", escape(manifest_id))
            }
            Self::Stream(IngestEvent::StreamEnded {
                manifest_id,
                reason,
                totals,
                ..
            }) => write!(
                f,
                "stream {} ended, {}: {} segments done, {} failed",
                escape(manifest_id),
                escape(reason),
                totals.segments_done,
                totals.segments_failed
            ),
        }
    }
}

/// Runs the gateway until a signal or a failure ends it.
///
/// # Errors
/// A failure of the class that fits: usage for addresses nobody can use, config for a file that is not understood,
/// failed for a port or ffmpeg that cannot be had.
pub async fn run(args: RunArgs, context: &mut Context) -> eyre::Result<()> {
    let mut signals = Signals::new()?;
    let traces = send_traces(context.settings().otel.endpoint.as_ref(), "gateway")?;
    let (told, events) = mpsc::channel(EVENTS);
    // The chain is followed for as long as the gateway runs.
    let following = CancellationToken::new();
    let _end_of_following = following.clone().drop_guard();
    let starting = async {
        let (config, gateway) = settings::resolve(&args, context, told, &following).await?;
        start(config, gateway)
            .await
            .map_err(|error| eyre::Report::from(failure::of_ingest(&error)))
    };
    let gateway = tokio::select! {
        gateway = Box::pin(starting) => gateway?,
        () = signals.next() => {
            return Err(Failure::new(Kind::Interrupted, "interrupted", "interrupted before the gateway was ready").into());
        }
    };
    let url = |scheme: &str, address: SocketAddr| format!("{scheme}://{address}");
    let rtmp_url = gateway.rtmp_addr().map(|address| url("rtmp", address));
    tell(
        context,
        &Event::Own(OwnEvent::Ready {
            http_url: &url("http", gateway.http_addr()),
            rtmp_url: rtmp_url.as_deref(),
            operator_url: &url("http", gateway.operator_addr()),
        }),
    );
    let (report, interrupted) = until_ended(gateway, events, &mut signals, context).await;
    traces.finish().await;
    tell(
        context,
        &Event::Own(OwnEvent::Stopped {
            finished: report.finished,
            segments_done: report.totals.segments_done,
            segments_failed: report.totals.segments_failed,
            cause: report.cause.as_deref(),
        }),
    );
    match report.cause {
        Some(cause) => Err(Failure::new(
            Kind::Failed,
            "gateway_failed",
            format!("the gateway stopped by itself: {cause}"),
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

/// Waits for the gateway's end, telling what happens and passing signals on: the first asks it to finish, the second
/// cuts it short.
async fn until_ended(
    mut gateway: RunningIngest,
    mut events: mpsc::Receiver<IngestEvent>,
    signals: &mut Signals,
    context: &mut Context,
) -> (IngestReport, bool) {
    let hard_stop = gateway.hard_stop();
    loop {
        tokio::select! {
            report = gateway.ended() => {
                tell_rest(&mut events, context);
                return (report, false);
            }
            Some(event) = events.recv() => tell(context, &Event::Stream(&event)),
            () = signals.next() => break,
        }
    }
    context
        .shell
        .status("stopping: segments under way finish first; once more ends the gateway at once");
    let mut stopping = Box::pin(gateway.stop());
    let mut interrupted = false;
    let report = loop {
        tokio::select! {
            report = &mut stopping => break report,
            Some(event) = events.recv() => tell(context, &Event::Stream(&event)),
            () = signals.next() => {
                interrupted = true;
                hard_stop.cancel();
            }
        }
    };
    tell_rest(&mut events, context);
    (report, interrupted)
}

fn tell_rest(events: &mut mpsc::Receiver<IngestEvent>, context: &mut Context) {
    while let Ok(event) = events.try_recv() {
        tell(context, &Event::Stream(&event));
    }
}

/// The gateway goes on, and ends as it would have, also when nobody takes its events.
fn tell(context: &mut Context, event: &Event<'_>) {
    if !context.shell.is_json() {
        context.shell.status(event);
    } else if let Err(error) = context.shell.event(event) {
        context.shell.warn(format_args!("an event is lost: {error}"));
    }
}
