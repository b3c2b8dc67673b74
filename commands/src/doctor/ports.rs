//! The two ports of a node: free, or a node's already.

use std::{
    io,
    net::{IpAddr, SocketAddr, TcpListener},
    time::Duration,
};

use engine::{node::probe_once, view::reach::ProbeState};
use url::Url;

use super::Check;
use crate::{dashboard::feed::node_api, settings::Settings, shell::escape};

/// How long whoever has a port may take to say who it is.
const PATIENCE: Duration = Duration::from_secs(3);

/// Whether a port can be listened on.
enum Port {
    Free,
    Taken,
    Refused(io::Error),
}

/// Binds it for a moment.
fn try_port(address: SocketAddr) -> Port {
    match TcpListener::bind(address) {
        Ok(_) => Port::Free,
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Port::Taken,
        Err(error) => Port::Refused(error),
    }
}

fn shown(address: SocketAddr) -> String {
    match address.port() {
        0 => format!("any free port of {}", address.ip()),
        _ => address.to_string(),
    }
}

fn cannot(name: &'static str, address: SocketAddr, error: &io::Error, flag: &str) -> Check {
    let next = match error.kind() {
        io::ErrorKind::PermissionDenied => {
            format!("ports below 1024 need CAP_NET_BIND_SERVICE; choose a higher one with `{flag}`")
        }
        io::ErrorKind::AddrNotAvailable => {
            format!("that address is not this machine's: name one that is with `{flag}`")
        }
        _ => format!("choose another one with `{flag}`"),
    };
    Check::bad(name, format!("{address} cannot be listened on: {error}"), next)
}

/// The port gateways use. Says whether a node answers on it now.
pub(super) async fn service(address: SocketAddr, plain: bool) -> (Check, bool) {
    const NAME: &str = "service_port";
    match try_port(address) {
        Port::Free => return (Check::good(NAME, format!("{} is free", shown(address))), false),
        Port::Refused(error) => return (cannot(NAME, address, &error, "--bind"), false),
        Port::Taken => {}
    }
    let host = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => "127.0.0.1".to_string(),
        IpAddr::V6(ip) if ip.is_unspecified() => "[::1]".to_string(),
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    };
    let scheme = if plain { "http" } else { "https" };
    let uri = format!("{scheme}://{host}:{}", address.port()).parse::<Url>();
    let is_node = match uri {
        Ok(uri) => probe_once(&uri, None, PATIENCE).await.state == ProbeState::Reachable,
        Err(_) => false,
    };
    let check = match is_node {
        true => Check::good(NAME, format!("a node answers on {address}")),
        false => Check::bad(
            NAME,
            format!("{address} is taken by a program that does not answer as a node"),
            format!(
                "`ss -ltnp 'sport = :{}'` names it; end it, or choose another port with `--bind`",
                address.port()
            ),
        ),
    };
    (check, is_node)
}

/// The operator's port.
pub(super) async fn operator(address: SocketAddr, settings: &Settings) -> Check {
    const NAME: &str = "operator_port";
    match try_port(address) {
        Port::Free => return Check::good(NAME, format!("{} is free", shown(address))),
        Port::Refused(error) => return cannot(NAME, address, &error, "--operator-addr"),
        Port::Taken => {}
    }
    let taken = || {
        Check::bad(
            NAME,
            format!("{address} is taken by a program that does not answer as a node of lpctl"),
            format!(
                "`ss -ltnp 'sport = :{}'` names it; end it, or choose another port with `--operator-addr`",
                address.port()
            ),
        )
    };
    let Ok(node) = node_api(&format!("http://{address}"), settings) else {
        return taken();
    };
    match tokio::time::timeout(PATIENCE, node.status()).await {
        Ok(Ok(status)) => Check::good(
            NAME,
            format!("a node answers on {address}: lpctl {}", escape(&status.version)),
        ),
        _ => taken(),
    }
}
