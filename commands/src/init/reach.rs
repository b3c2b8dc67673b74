//! The address gateways are told: whether its name resolves, and who answers there.

use std::{net::IpAddr, time::Duration};

use engine::wire::client::parse_node_address;
use serde::Serialize;
use url::{Host, Url};

use super::{InitArgs, steps::Answers};
use crate::{
    context::Context,
    failure::{Failure, Kind},
    shell::escape,
};

/// How long a name and a node may take.
const PATIENCE: Duration = Duration::from_secs(4);

/// What was found at an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Found {
    /// A node answered.
    Node,
    /// Nobody answers: right while the node does not run.
    Nobody,
    /// The name leads nowhere.
    Unresolved,
}

/// Takes the address from the flag, or asks; then looks who is there.
pub async fn take(
    args: &InitArgs,
    answers: &mut Answers,
    asks: bool,
    again: bool,
    context: &mut Context,
) -> eyre::Result<bool> {
    let current = answers
        .service
        .as_ref()
        .map(shown)
        .or_else(|| answers.before.service_addr.clone());
    let url = match args.service_uri.as_deref().filter(|_| !again) {
        Some(text) => parse(text).map_err(|error| {
            Failure::new(Kind::Usage, "bad_service_addr", error)
                .hint("write it like `https://o1.example.org:8935`")
        })?,
        None if asks => loop {
            let help =
                "like https://o1.example.org:8935: what others reach this machine by; later: --service-uri";
            let answer = context
                .shell
                .ask_text("Address for gateways:", current.as_deref(), help)?;
            let text = answer.or_else(|| current.clone()).unwrap_or_default();
            match parse(&text) {
                Ok(url) => break url,
                Err(error) => context.shell.status(error),
            }
        },
        None => match current.as_deref().map(parse) {
            None => return Ok(false),
            Some(url) => url.map_err(|error| Failure::new(Kind::Config, "bad_service_addr", error))?,
        },
    };
    answers.found = Some(probe(&url, context).await);
    answers.service = Some(url);
    Ok(true)
}

/// As it is written and published: without a slash at its end.
pub fn shown(url: &Url) -> String {
    let text = url.as_str().trim_end_matches('/').to_string();
    // `Url` drops a port that is the scheme's own; gateways would take 8935 for it.
    match url.port() {
        Some(_) => text,
        None => format!("{text}:{}", url.port_or_known_default().unwrap_or(8935)),
    }
}

fn parse(text: &str) -> Result<Url, String> {
    let url = parse_node_address(text).map_err(|error| error.to_string())?;
    match (url.scheme(), url.path()) {
        ("https", "/") => Ok(url),
        ("https", _) => Err("leave the path out: gateways ask for their own".to_string()),
        _ => Err("gateways speak TLS: write https://".to_string()),
    }
}

async fn probe(url: &Url, context: &mut Context) -> Found {
    let style = context.shell.style();
    let port = url.port_or_known_default().unwrap_or(8935);
    let name = escape(url.host_str().unwrap_or_default());
    let addresses = match url.host() {
        Some(Host::Ipv4(ip)) => vec![IpAddr::V4(ip)],
        Some(Host::Ipv6(ip)) => vec![IpAddr::V6(ip)],
        _ => {
            let looking = tokio::net::lookup_host((url.host_str().unwrap_or_default(), port));
            let found = tokio::time::timeout(PATIENCE, looking).await;
            let found = found.ok().and_then(Result::ok);
            found.map_or_else(Vec::new, |found| found.map(|address| address.ip()).collect())
        }
    };
    let Some(first) = addresses.first() else {
        context.shell.warn(format_args!(
            "{name} resolves to no address: no gateway will find it until it does"
        ));
        return Found::Unresolved;
    };
    if addresses.iter().all(|ip| ip.is_loopback()) {
        context
            .shell
            .warn(format_args!("{name} is this machine alone: fine for trying out"));
    }
    let spinner = context.shell.progress(None, "asking who is there");
    let answered = engine::node::probe_once(url, None, PATIENCE).await;
    spinner.finish_and_clear();
    match answered.round_trip_us {
        Some(micros) => {
            context.shell.status(format_args!(
                "{} a node answers at {} ({first}) in {} ms",
                style.good_mark(),
                escape(&shown(url)),
                micros.div_ceil(1000)
            ));
            Found::Node
        }
        None => {
            let error = answered.error.unwrap_or_default();
            context.shell.status(format_args!(
                "nobody answers at {} ({first}) yet: {}\n  right while the node does not run; `lpctl run` and `lpctl node show` tell whether it is reached",
                escape(&shown(url)),
                escape(&error)
            ));
            Found::Nobody
        }
    }
}
