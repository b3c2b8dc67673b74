//! `lpctl exporter`.

use std::{fmt, net::SocketAddr, time::Duration};

use alloy::primitives::Address;
use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use engine::{
    chain::LedgerError,
    exporter::{Exporter, ExporterError, ExporterPort, ExporterSettings, MOST_ACCOUNTS, once},
    view::exporter::Exported,
};
use serde::Serialize;

use crate::{
    account::select,
    complete,
    connection::connect,
    context::Context,
    failure::{Failure, Kind},
    run::Signals,
    shell::{Report, Style, escape},
    wording,
};

/// Tell Prometheus how orchestrators stand and what they earned, from the chain alone
///
/// Answers GET /metrics with livepeer-exporter's series: stake, rounds, commission, delegators, each reward and
/// redemption with its gas, and sums over days, for one or several orchestrators, whoever runs their node. No key is
/// needed. The chain is read at an interval; a scrape is told what was read last, and how old it is, also while no
/// endpoint answers. What is old enough is kept on disk and read once.
///
/// What is not on the chain is left out: success rates, scores and test streams by region, the price per pixel, and
/// prices of LPT and ETH. `lpctl explain METRIC` tells what each series means, and what is put right.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl exporter
  lpctl exporter --once
  lpctl exporter --once --json | jq '.data.samples'
  lpctl exporter --orchestrator 0x… --secondary 0x… --interval 300
  curl -s http://127.0.0.1:9153/metrics | grep livepeer_orch_stake")]
pub struct ExporterArgs {
    /// Orchestrator: a name or an address; repeat it for several [default: the account in use]
    #[arg(long = "orchestrator", value_name = "NAME|0x…", value_delimiter = ',')]
    #[arg(env = "LPCTL_EXPORTER_ORCHESTRATORS", hide_env = true, add = ArgValueCompleter::new(complete::accounts))]
    orchestrators: Vec<String>,
    /// Another account of the operator's, whose stake counts as own with the orchestrator it is with; may be repeated
    #[arg(long = "secondary", value_name = "NAME|0x…", value_delimiter = ',')]
    #[arg(env = "LPCTL_EXPORTER_SECONDARIES", hide_env = true, add = ArgValueCompleter::new(complete::accounts))]
    secondaries: Vec<String>,
    /// Address to listen on
    #[arg(
        long,
        value_name = "IP:PORT",
        default_value = "127.0.0.1:9153",
        env = "LPCTL_EXPORTER_LISTEN",
        hide_env = true
    )]
    listen: SocketAddr,
    /// Let other machines scrape it, and why: it tells which accounts are yours
    #[arg(long, value_name = "REASON", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    allow_remote: Option<String>,
    /// Seconds from one reading of the chain to the next
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=86_400))]
    interval: u64,
    /// Block from which history is read: sums of all time begin there [default: the protocol's first]
    #[arg(long, value_name = "BLOCK")]
    from: Option<u64>,
    /// Newest rewards and redemptions, and largest delegators, with series of their own
    #[arg(long, value_name = "NUMBER", default_value_t = 100)]
    #[arg(value_parser = clap::value_parser!(u16).range(..=1000))]
    ids: u16,
    /// Read the chain once, print what would be told, and end
    #[arg(long)]
    once: bool,
}

/// What `--json` tells while it runs: one object a line.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Event<'a> {
    /// The port is open.
    Ready {
        url: &'a str,
        network: &'a str,
        orchestrators: &'a [Address],
    },
    /// It has ended, having done this.
    Stopped { readings: u64, failures: u64 },
}

impl fmt::Display for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready {
                url,
                network,
                orchestrators,
            } => {
                let count = wording::counted(orchestrators.len(), "orchestrator");
                write!(f, "ready: {count} of {network} at {url}")
            }
            Self::Stopped { readings, failures } => {
                write!(f, "stopped: {readings} readings worked, {failures} failed")
            }
        }
    }
}

/// One reading.
#[derive(Serialize)]
struct Once {
    #[serde(flatten)]
    exported: Exported,
    #[serde(skip)]
    text: String,
}

impl Report for Once {
    fn text(&self, _: &Style) -> String {
        self.text.trim_end().to_string()
    }
}

/// Serves until a signal ends it, or prints one reading.
///
/// # Errors
/// Usage for too many accounts, config for one that is not known, unreachable when no endpoint answers at the start,
/// failed for a port or a folder that cannot be had, refused for a port others could use.
pub async fn run(args: ExporterArgs, context: &mut Context) -> eyre::Result<()> {
    let mut signals = Signals::new()?;
    let settings = ExporterSettings {
        orchestrators: match args.orchestrators.is_empty() {
            true => vec![select::address(None, context)?],
            false => accounts(&args.orchestrators, "orchestrator", context)?,
        },
        secondaries: accounts(&args.secondaries, "secondary", context)?,
        interval: Duration::from_secs(args.interval),
        from: args.from,
        ids: args.ids.into(),
        folder: context.directories().state_dir.join("exporter"),
    };
    let begun = async {
        let chain = connect(context).await?;
        if args.once {
            let bar = context.shell.progress(Some(1_000), "reading the history");
            let shown = bar.clone();
            let read = once(chain, settings, move |permille| {
                shown.set_position(permille.into())
            })
            .await;
            bar.finish_and_clear();
            let (text, exported) = read.map_err(of_exporter)?;
            context.shell.report(&Once { exported, text })?;
            return Ok(None);
        }
        let orchestrators = settings.orchestrators.clone();
        let port = ExporterPort {
            listen: args.listen,
            allow_remote: args.allow_remote.is_some(),
        };
        let exporter = Exporter::start(chain, settings, port)
            .await
            .map_err(of_exporter)?;
        if let Some(reason) = args
            .allow_remote
            .filter(|_| !exporter.address().ip().is_loopback())
        {
            context.shell.warn(format_args!(
                "whoever reaches {} sees which accounts are yours; allowed, because: {}",
                exporter.address(),
                escape(&reason)
            ));
        }
        let network = context.settings().network.clone();
        let url = format!("http://{}/metrics", exporter.address());
        let ready = Event::Ready {
            url: &url,
            network: &network,
            orchestrators: &orchestrators,
        };
        tell(context, &ready);
        eyre::Ok(Some(exporter))
    };
    let exporter = tokio::select! {
        begun = begun => begun?,
        () = signals.next() => {
            return Err(Failure::new(Kind::Interrupted, "interrupted", "interrupted").into());
        }
    };
    let Some(exporter) = exporter else {
        return Ok(());
    };
    signals.next().await;
    let status = exporter.stop().await;
    let stopped = Event::Stopped {
        readings: status.readings,
        failures: status.failures,
    };
    tell(context, &stopped);
    Ok(())
}

/// Each once, in their order.
fn accounts(named: &[String], option: &str, context: &Context) -> Result<Vec<Address>, Failure> {
    let mut found: Vec<Address> = Vec::new();
    for name in named {
        let address = select::address(Some(name), context)?;
        if !found.contains(&address) {
            found.push(address);
        }
    }
    if found.len() > MOST_ACCOUNTS {
        let message = format!(
            "{} accounts with `--{option}`, at most {MOST_ACCOUNTS} are told of",
            found.len()
        );
        return Err(Failure::new(Kind::Usage, "too_many_accounts", message)
            .hint("start another exporter with its own `--listen` for the rest"));
    }
    Ok(found)
}

fn of_exporter(error: ExporterError) -> Failure {
    match error {
        ExporterError::Exposed(_) => Failure::new(Kind::Refused, "exposed", error.to_string()).hint(
            "listen on 127.0.0.1, or pass `--allow-remote REASON` and keep strangers out with a firewall",
        ),
        ExporterError::Listen { .. } => Failure::new(Kind::Failed, "port_not_available", error.to_string())
            .hint("choose another port with `--listen`, or end what listens there"),
        ExporterError::Folder { .. } => Failure::new(Kind::Failed, "not_written", error.to_string())
            .hint("check the folder's owner and mode, and the room on the disk"),
        ExporterError::Reading(error) => of_reading(error),
    }
}

fn of_reading(error: LedgerError) -> Failure {
    match error {
        LedgerError::Chain(error) => error.into(),
        LedgerError::Empty { .. } | LedgerError::TooMany { .. } => {
            Failure::new(Kind::Failed, "too_many_events", error.to_string())
                .hint("read a shorter history with `--from`")
        }
        LedgerError::Checkpoint { .. } => Failure::new(Kind::Failed, "checkpoint", error.to_string())
            .hint("check the folder's owner and mode, and the room on the disk"),
    }
}

/// It goes on also when nobody takes its events.
fn tell(context: &mut Context, event: &Event<'_>) {
    if !context.shell.is_json() {
        context.shell.status(event);
    } else if let Err(error) = context.shell.event(event) {
        context.shell.warn(format_args!("an event is lost: {error}"));
    }
}
