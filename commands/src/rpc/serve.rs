//! `lpctl rpc serve`.

use std::{fmt, net::SocketAddr, time::Duration};

use clap::Args;
use engine::{
    chain::Class,
    relay::{Relay, RelayError, RelaySettings},
    view::rpc::RelayStatus,
};
use serde::Serialize;

use crate::{
    connection,
    context::Context,
    failure::{Failure, Kind},
    run::Signals,
    shell::escape,
    wording,
};

/// Offer all RPC endpoints as one on this machine, for any node
///
/// Requests go to the endpoint that does best, and to another one when it fails, is slow, or falls behind. A signed
/// transaction goes to all of them once. Methods that need an account, or that rule a node, are not passed on.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl rpc serve
  lpctl rpc serve --listen 127.0.0.1:9545 --rpc-url https://one.example --rpc-url https://two.example
  livepeer -ethUrl http://127.0.0.1:8545 …      go-livepeer behind it")]
pub struct ServeArgs {
    /// Address to listen on
    #[arg(
        long,
        value_name = "IP:PORT",
        default_value = "127.0.0.1:8545",
        env = "LPCTL_RPC_LISTEN",
        hide_env = true
    )]
    listen: SocketAddr,
    /// Let other machines use it too, and why: whoever reaches it spends your endpoints' requests
    #[arg(long, value_name = "REASON", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    allow_remote: Option<String>,
    /// Seconds between two lines that tell what was done; 0 for none
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    #[arg(value_parser = clap::value_parser!(u64).range(..=86_400))]
    stats: u64,
}

/// What `--json` tells while it runs: one object a line.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Event<'a> {
    /// The port is open.
    Ready { url: &'a str, network: &'a str },
    /// What was done so far.
    Stats(&'a RelayStatus),
    /// It has ended, having done this.
    Stopped(&'a RelayStatus),
}

impl fmt::Display for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready { url, network } => write!(f, "ready: {network} at {url}"),
            Self::Stats(status) => write!(f, "{}", line(status)),
            Self::Stopped(status) => write!(f, "stopped: {}", line(status)),
        }
    }
}

fn line(status: &RelayStatus) -> String {
    let requests = wording::counted(usize::try_from(status.requests).unwrap_or(usize::MAX), "request");
    let mut line = format!(
        "{requests}, {} from memory, {} refused, {} failed",
        status.remembered, status.refused, status.failed
    );
    if status.transactions > 0 {
        let sent = usize::try_from(status.transactions).unwrap_or(usize::MAX);
        line = format!("{line}, {}", wording::counted(sent, "transaction"));
    }
    for endpoint in &status.endpoints {
        let state = match (&endpoint.failure, endpoint.latency_ms) {
            (Some(failure), _) => escape(failure),
            (None, Some(latency)) => format!("{latency:.0} ms"),
            (None, None) => "not asked yet".to_string(),
        };
        line = format!("{line}; {} {}: {state}", endpoint.endpoint, endpoint.answered);
    }
    line
}

/// Serves until a signal ends it.
///
/// # Errors
/// Config for endpoints of another chain, failed for a port that cannot be had, refused for one others could use.
pub async fn run(args: ServeArgs, context: &mut Context) -> eyre::Result<()> {
    let mut signals = Signals::new()?;
    let endpoints = connection::endpoints(context)?;
    tokio::select! {
        checked = endpoints.check() => {
            if let Err(error) = checked {
                if error.class() == Class::Config {
                    return Err(Failure::from(error).into());
                }
                context.shell.warn(format_args!("no endpoint answers yet; they are asked with each request: {error}"));
            }
        }
        () = signals.next() => {
            return Err(Failure::new(Kind::Interrupted, "interrupted", "interrupted before the port was open").into());
        }
    }
    let settings = RelaySettings {
        listen: args.listen,
        allow_remote: args.allow_remote.is_some(),
    };
    let relay = Relay::start(endpoints, settings).await.map_err(of_relay)?;
    if let Some(reason) = args.allow_remote.filter(|_| !relay.address().ip().is_loopback()) {
        context.shell.warn(format_args!(
            "whoever reaches {} spends your endpoints' requests; allowed, because: {}",
            relay.address(),
            escape(&reason)
        ));
    }
    let network = context.settings().network.clone();
    let url = format!("http://{}", relay.address());
    tell(
        context,
        &Event::Ready {
            url: &url,
            network: &network,
        },
    );
    let mut told = relay.status();
    loop {
        let pause = Duration::from_secs(args.stats.max(1));
        tokio::select! {
            () = signals.next() => break,
            () = tokio::time::sleep(pause), if args.stats > 0 => {
                let status = relay.status();
                // Nobody asked anything: nothing to tell.
                if status.requests != told.requests {
                    tell(context, &Event::Stats(&status));
                }
                told = status;
            }
        }
    }
    let status = relay.stop().await;
    tell(context, &Event::Stopped(&status));
    Ok(())
}

fn of_relay(error: RelayError) -> Failure {
    match &error {
        RelayError::Exposed(_) => Failure::new(Kind::Refused, "exposed", error.to_string()).hint(
            "listen on 127.0.0.1, or pass `--allow-remote REASON` and keep strangers out with a firewall",
        ),
        RelayError::Listen { .. } => Failure::new(Kind::Failed, "port_not_available", error.to_string())
            .hint("choose another port with `--listen`, or end what listens there"),
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

#[cfg(test)]
mod tests {
    use engine::view::rpc::RelayEndpoint;

    use super::*;

    #[test]
    fn the_line_tells_what_each_endpoint_did() {
        let endpoint = |name: &str| RelayEndpoint {
            endpoint: name.to_string(),
            answered: 1_204,
            failed: 0,
            failure: None,
            latency_ms: Some(23.4),
            block: Some(7),
        };
        let status = RelayStatus {
            requests: 1_300,
            remembered: 90,
            transactions: 1,
            refused: 3,
            failed: 0,
            endpoints: vec![
                endpoint("https://one.example"),
                RelayEndpoint {
                    failure: Some("no connection (\u{7}refused)".to_string()),
                    ..endpoint("https://two.example")
                },
            ],
        };
        insta::assert_snapshot!(Event::Stopped(&status).to_string(), @r"stopped: 1300 requests, 90 from memory, 3 refused, 0 failed, 1 transaction; https://one.example 1204: 23 ms; https://two.example 1204: no connection (\u{7}refused)");
    }
}
