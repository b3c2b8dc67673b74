//! Whether gateways can reach this node where it says it is, and how far its peers are: a `Ping` over gRPC, as gateways
//! connect, at the start and now and then (`go-livepeer server/rpc.go`).
//!
//! The node asks its own public address with a value nobody can guess and checks what comes back: an orchestrator with an
//! account must have signed it; and without one, it must be this very process that was asked.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use alloy::primitives::{Address, B256, keccak256};
use futures_util::future::join_all;
use jiff::Timestamp;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::{Node, NodeError, session::shortened, supervisor::TaskError};
use crate::{
    config::Region,
    view::reach::{Probe, ProbeRole, ProbeState, Reach},
    wire::{
        client::connect_grpc,
        net::{self, orchestrator_client::OrchestratorClient},
        signature,
    },
};

/// More addresses of one kind than this are not asked for, nor told.
pub const MOST_ADDRESSES: usize = 32;

/// What gateways and the operator are told of where a node is, besides its service URI.
#[derive(Debug, Clone, Default)]
pub struct Advertise {
    /// A label for where it is, for the operator and who reads the node's API.
    pub region: Option<Region>,
    /// Further addresses of this orchestrator, `https` only. At most [`MOST_ADDRESSES`].
    pub nodes: Vec<Url>,
    /// Other nodes to measure the way to. At most [`MOST_ADDRESSES`].
    pub peers: Vec<Url>,
    /// When its own address, `nodes` and `peers` are asked; none: never.
    pub probing: Option<ProbeTimes>,
}

/// When addresses are asked.
#[derive(Debug, Clone, Copy)]
pub struct ProbeTimes {
    /// How long an answer may take, connection included (`go-livepeer server/rpc.go`).
    pub limit: Duration,
    /// From one answer to the next question.
    pub again: Duration,
    /// From the first failure to the next question; doubled from failure to failure.
    pub retry: Duration,
    /// The longest pause after a failure.
    pub longest_retry: Duration,
}

impl Default for ProbeTimes {
    fn default() -> Self {
        Self {
            limit: Duration::from_secs(8),
            again: Duration::from_secs(120),
            retry: Duration::from_secs(5),
            longest_retry: Duration::from_secs(300),
        }
    }
}

/// One address to ask.
struct Target {
    uri: Url,
    role: ProbeRole,
}

/// What is told, what is asked, and what came of it.
pub(super) struct Reaching {
    region: Option<Region>,
    nodes: Vec<String>,
    targets: Vec<Target>,
    probing: Option<ProbeTimes>,
    probes: Mutex<Vec<Probe>>,
    /// Values on their way, and whether this process was asked for them.
    asked: Mutex<HashMap<B256, bool>>,
}

/// What an address answered.
struct Answer {
    state: ProbeState,
    connect: Option<Duration>,
    round_trip: Option<Duration>,
    error: Option<String>,
}

impl Reaching {
    /// Nothing is asked yet.
    pub(super) fn new(advertise: Advertise, service_uri: &str) -> Result<Self, NodeError> {
        let Advertise {
            region,
            nodes,
            peers,
            probing,
        } = advertise;
        let wrong = |uri: &Url, reason| NodeError::Advertised {
            uri: uri.to_string(),
            reason,
        };
        if let Some(node) = nodes.iter().find(|node| node.scheme() != "https") {
            return Err(wrong(node, "gateways take only https ones"));
        }
        if let Some(uri) = nodes
            .iter()
            .chain(&peers)
            .find(|uri| uri.path() != "/" || !uri.has_host())
        {
            return Err(wrong(uri, "it must be a host and a port, without a path"));
        }
        if let Some(uri) = nodes.get(MOST_ADDRESSES).or(peers.get(MOST_ADDRESSES)) {
            return Err(wrong(uri, "it is one too many"));
        }
        let told = |uri: &Url| uri.as_str().trim_end_matches('/').to_string();
        let node_uris: Vec<String> = nodes.iter().map(told).collect();
        let own = service_uri.parse().ok();
        let own = own.into_iter().map(|uri| (uri, ProbeRole::Own));
        let nodes = nodes.into_iter().map(|uri| (uri, ProbeRole::Node));
        let peers = peers.into_iter().map(|uri| (uri, ProbeRole::Peer));
        let targets = own.chain(nodes).chain(peers);
        let targets: Vec<Target> = match probing {
            Some(_) => targets.map(|(uri, role)| Target { uri, role }).collect(),
            None => Vec::new(),
        };
        let probes = targets.iter().map(|target| Probe {
            uri: told(&target.uri),
            role: target.role,
            state: ProbeState::Waiting,
            checked: None,
            connect_us: None,
            round_trip_us: None,
            error: None,
        });
        Ok(Self {
            region,
            nodes: node_uris,
            probes: Mutex::new(probes.collect()),
            targets,
            probing,
            asked: Mutex::default(),
        })
    }

    /// Further addresses gateways are told.
    pub(super) fn nodes(&self) -> &[String] {
        &self.nodes
    }

    /// This process was asked to sign `value`.
    pub(super) fn heard(&self, value: &[u8]) {
        let Ok(value) = B256::try_from(value) else {
            return;
        };
        if let Some(was_here) = self.asked().get_mut(&value) {
            *was_here = true;
        }
    }

    /// For the node's status.
    pub(super) fn view(&self) -> Reach {
        Reach {
            region: self.region.as_ref().map(ToString::to_string),
            nodes: self.nodes.clone(),
            probes: self.probes().clone(),
        }
    }

    fn asked(&self) -> MutexGuard<'_, HashMap<B256, bool>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn probes(&self) -> MutexGuard<'_, Vec<Probe>> {
        self.probes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes an answer, and logs it if it is news.
    fn note(&self, index: usize, answer: &Answer) {
        let mut probes = self.probes();
        let Some(probe) = probes.get_mut(index) else {
            return;
        };
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let was = probe.state;
        probe.state = answer.state;
        probe.checked = Some(Timestamp::now());
        probe.connect_us = answer.connect.map(micros);
        probe.round_trip_us = answer.round_trip.map(micros);
        probe.error = answer.error.as_deref().map(shortened);
        if was == probe.state {
            return;
        }
        match probe.state {
            ProbeState::Waiting => {}
            ProbeState::Reachable => tracing::info!(uri = probe.uri, role = ?probe.role, "reachable"),
            ProbeState::Stranger | ProbeState::Unreachable => match warning(probe) {
                Some(warning) => tracing::warn!("{warning}"),
                None => tracing::info!(uri = probe.uri, error = probe.error, "a peer cannot be reached"),
            },
        }
    }
}

/// What an address of this orchestrator that does not work means, and what to do; none for those that do, and for
/// peers.
pub(super) fn warning(probe: &Probe) -> Option<String> {
    let Probe { uri, error, .. } = probe;
    let reason = error.as_deref().unwrap_or("no answer");
    match (probe.role, probe.state) {
        (ProbeRole::Own, ProbeState::Unreachable) => Some(format!(
            "gateways are told {uri}, where this node does not reach itself ({reason}): open the port in firewall and \
             router, or correct --service-addr; if the router does not lead traffic back in, check from elsewhere with \
             `curl -k {uri}/healthz`"
        )),
        (ProbeRole::Own, ProbeState::Stranger) => Some(format!(
            "gateways are told {uri}, where not this node answers but another one: correct --service-addr, or where \
             the name and the router lead"
        )),
        (ProbeRole::Node, ProbeState::Unreachable) => Some(format!(
            "gateways are also told {uri}, which cannot be reached ({reason}): start that node, or take it out of --nodes"
        )),
        (ProbeRole::Node, ProbeState::Stranger) => Some(format!(
            "gateways are also told {uri}, which answers for another account: take it out of --nodes"
        )),
        _ => None,
    }
}

/// Asks all addresses, each at its own pace, until told to stop.
pub(super) async fn watch(node: Arc<Node>, stop: CancellationToken) -> Result<(), TaskError> {
    let reaching = &node.reaching;
    if let Some(times) = reaching.probing {
        join_all((0..reaching.targets.len()).map(|index| watch_one(&node, index, times, &stop))).await;
    }
    stop.cancelled().await;
    Ok(())
}

async fn watch_one(node: &Node, index: usize, times: ProbeTimes, stop: &CancellationToken) {
    let target = &node.reaching.targets[index];
    let mut retry = times.retry;
    loop {
        let answer = tokio::select! {
            () = stop.cancelled() => return,
            answer = Box::pin(ask(node, target, times.limit)) => answer,
        };
        node.reaching.note(index, &answer);
        node.changed.send_replace(());
        let pause = if answer.state == ProbeState::Reachable {
            retry = times.retry;
            times.again
        } else {
            let pause = retry;
            retry = (retry * 2).min(times.longest_retry);
            pause
        };
        // Nodes started together shall not ask together for ever.
        let pause = pause.mul_f64(rand::random_range(0.9..1.1));
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

async fn ask(node: &Node, target: &Target, limit: Duration) -> Answer {
    let on_chain = node.is_on_chain();
    let value = match on_chain {
        true => keccak256(node.signer().sign(Timestamp::now().to_string().as_bytes())),
        false => keccak256(rand::random::<[u8; 32]>()),
    };
    node.reaching.asked().insert(value, false);
    let mut connect = None;
    let pinged = within(limit, ping(&target.uri, value, limit, &mut connect)).await;
    let was_here = node.reaching.asked().remove(&value).unwrap_or(false);
    let (reply, round_trip) = match pinged {
        Ok(answered) => answered,
        Err(error) => {
            return Answer {
                state: ProbeState::Unreachable,
                connect,
                round_trip: None,
                error: Some(error),
            };
        }
    };
    let is_right = match (target.role, on_chain) {
        (ProbeRole::Peer, _) | (ProbeRole::Node, false) => true,
        (_, true) => signature::verify(node.signer().address(), value.as_slice(), &reply),
        (ProbeRole::Own, false) => was_here,
    };
    Answer {
        state: match is_right {
            true => ProbeState::Reachable,
            false => ProbeState::Stranger,
        },
        connect,
        round_trip: Some(round_trip),
        error: (!is_right).then(|| "the answer is not this orchestrator's".to_string()),
    }
}

/// Asks an address once, as gateways connect, and says whether who answers signs for `account`. Without an account
/// anybody who answers as a node is right.
pub async fn probe_once(uri: &Url, account: Option<Address>, limit: Duration) -> Probe {
    let value = keccak256(rand::random::<[u8; 32]>());
    let mut connect = None;
    let pinged = within(limit, ping(uri, value, limit, &mut connect)).await;
    let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    let (state, round_trip, error) = match pinged {
        Err(error) => (ProbeState::Unreachable, None, Some(shortened(&error))),
        Ok((reply, took)) => {
            let is_right = account.is_none_or(|account| signature::verify(account, value.as_slice(), &reply));
            match is_right {
                true => (ProbeState::Reachable, Some(took), None),
                false => {
                    let error = "the answer is not signed by this orchestrator's account".to_string();
                    (ProbeState::Stranger, Some(took), Some(error))
                }
            }
        }
    };
    Probe {
        uri: uri.as_str().trim_end_matches('/').to_string(),
        role: ProbeRole::Own,
        state,
        checked: Some(Timestamp::now()),
        connect_us: connect.map(micros),
        round_trip_us: round_trip.map(micros),
        error,
    }
}

async fn within<T>(limit: Duration, asking: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    timeout(limit, asking)
        .await
        .unwrap_or_else(|_| Err(format!("no answer within {limit:?}")))
}

/// Connects and asks once; the connection's time stays known if the answer does not come.
async fn ping(
    uri: &Url,
    value: B256,
    limit: Duration,
    connect: &mut Option<Duration>,
) -> Result<(Vec<u8>, Duration), String> {
    let begun = Instant::now();
    let channel = connect_grpc(uri, limit)
        .await
        .map_err(|error| error.to_string())?;
    *connect = Some(begun.elapsed());
    let mut client = OrchestratorClient::new(channel);
    let question = net::PingPong {
        value: value.to_vec(),
    };
    let begun = Instant::now();
    let answer = client
        .ping(question)
        .await
        .map_err(|status| format!("it answers, but not as a node does: {}", status.message()))?;
    Ok((answer.into_inner().value, begun.elapsed()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(nodes: &[&str], peers: &[&str]) -> Result<Reaching, NodeError> {
        let urls = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        let advertise = Advertise {
            nodes: urls(nodes),
            peers: urls(peers),
            probing: Some(ProbeTimes::default()),
            ..Advertise::default()
        };
        Reaching::new(advertise, "https://own.example:8935")
    }

    #[test]
    fn what_is_asked_is_bounded_and_each_has_its_role() {
        let reaching = new(&["https://b.example:8935"], &["http://c.example:1"]).unwrap();
        assert_eq!(reaching.nodes(), ["https://b.example:8935"]);
        let probes = reaching.view().probes;
        let told: Vec<_> = probes
            .iter()
            .map(|probe| (probe.uri.as_str(), probe.role))
            .collect();
        assert_eq!(
            told,
            [
                ("https://own.example:8935", ProbeRole::Own),
                ("https://b.example:8935", ProbeRole::Node),
                ("http://c.example:1", ProbeRole::Peer),
            ]
        );
        let many = vec!["https://b.example:8935"; MOST_ADDRESSES + 1];
        for (nodes, peers) in [
            (vec!["http://b.example:8935"], vec![]),
            (vec!["https://b.example:8935/x"], vec![]),
            (vec![], vec!["http://c.example:1/x"]),
            (many.clone(), vec![]),
            (vec![], many),
        ] {
            let refused = new(&nodes, &peers).map(|_| ());
            assert!(
                matches!(refused, Err(NodeError::Advertised { .. })),
                "{refused:?}"
            );
        }
    }

    #[test]
    fn only_values_on_their_way_are_heard() {
        let reaching = new(&[], &[]).unwrap();
        reaching.heard(b"short");
        reaching.heard(&[7; 32]);
        assert!(reaching.asked().is_empty());
        reaching.asked().insert(B256::repeat_byte(7), false);
        reaching.heard(&[7; 32]);
        assert_eq!(reaching.asked().get(&B256::repeat_byte(7)), Some(&true));
    }
}
