//! Whether a node can be reached where it says it is, and how far its peers are.

use std::{net::TcpListener, time::Duration};

use alloy::signers::local::PrivateKeySigner;
use engine::{
    node::{Advertise, Listen, ProbeTimes},
    view::{
        node::NodeStatus,
        reach::{Probe, ProbeRole, ProbeState},
    },
    wire::signature::LocalSigner,
};
use tokio::time::timeout;

use super::harness::{Gate, PATIENCE, Rig, h1, node, node_of, node_with};

fn often() -> Option<ProbeTimes> {
    Some(ProbeTimes {
        again: Duration::from_millis(50),
        retry: Duration::from_millis(50),
        longest_retry: Duration::from_millis(100),
        ..ProbeTimes::default()
    })
}

/// Waits until the node's status is as wanted.
async fn until(rig: &Rig, what: &str, holds: impl Fn(&NodeStatus) -> bool) -> NodeStatus {
    let waiting = async {
        loop {
            let status = rig.node.status();
            if holds(&status) {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, waiting)
        .await
        .unwrap_or_else(|_| panic!("{what}: {:?}", rig.node.status().reach))
}

fn state(status: &NodeStatus, role: ProbeRole) -> Option<&Probe> {
    status.reach.probes.iter().find(|probe| probe.role == role)
}

fn is(status: &NodeStatus, role: ProbeRole, wanted: ProbeState) -> bool {
    state(status, role).is_some_and(|probe| probe.state == wanted)
}

fn has_notice(status: &NodeStatus, code: &str) -> bool {
    status.notices.iter().any(|notice| notice.code == code)
}

#[tokio::test]
async fn a_node_finds_itself_and_its_peers() {
    let peer = node().await;
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let rig = node_with(|config| {
        config.advertise = Advertise {
            region: Some("eu-west".parse().unwrap()),
            nodes: vec![peer.node.service_uri().parse().unwrap()],
            peers: vec![
                peer.node.service_uri().parse().unwrap(),
                format!("https://{gone}").parse().unwrap(),
            ],
            probing: often(),
        };
    })
    .await;
    assert_eq!(rig.offer().await.nodes, [peer.node.service_uri()]);
    until(&rig, "all are asked", |status| {
        status.reach.probes.iter().all(|probe| probe.checked.is_some())
    })
    .await;
    let answer = h1().get(rig.operator_url("/api/v1/status")).send().await.unwrap();
    let status: NodeStatus = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    assert_eq!(status.reach.region.as_deref(), Some("eu-west"));
    assert_eq!(status.reach.nodes, [peer.node.service_uri()]);
    let states: Vec<_> = status.reach.probes.iter().map(|probe| probe.state).collect();
    use ProbeState::{Reachable, Unreachable};
    assert_eq!(states, [Reachable, Reachable, Reachable, Unreachable]);
    for probe in &status.reach.probes[..3] {
        assert!(
            probe.connect_us > Some(0) && probe.round_trip_us > Some(0),
            "{probe:?}"
        );
        assert_eq!(probe.error, None);
    }
    let unreachable = &status.reach.probes[3];
    assert!(
        unreachable.round_trip_us.is_none() && unreachable.error.is_some(),
        "{unreachable:?}"
    );
    assert!(
        status.notices.is_empty(),
        "a peer that is away is nobody's trouble"
    );
    // A peer is asked again: when it goes, that shows.
    drop(peer);
    let status = until(&rig, "the peer is gone", |status| {
        is(status, ProbeRole::Node, ProbeState::Unreachable)
    })
    .await;
    assert!(has_notice(&status, "node_unreachable"));
}

#[tokio::test]
async fn a_public_address_that_leads_elsewhere_is_told() {
    let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = elsewhere.local_addr().unwrap();
    drop(elsewhere);
    let rig = node_with(|config| {
        config.service_uri = Some(format!("https://{address}"));
        config.advertise.probing = often();
    })
    .await;
    let status = until(&rig, "nobody answers", |status| {
        is(status, ProbeRole::Own, ProbeState::Unreachable)
    })
    .await;
    assert!(has_notice(&status, "unreachable"));
    let other = node_with(|config| config.service = Listen::Address(address)).await;
    let status = until(&rig, "another answers", |status| {
        is(status, ProbeRole::Own, ProbeState::Stranger)
    })
    .await;
    assert!(has_notice(&status, "not_this_node") && !has_notice(&status, "unreachable"));
    drop(other);
}

#[tokio::test]
async fn an_orchestrator_knows_its_own_by_their_signature() {
    let account = LocalSigner(PrivateKeySigner::random());
    let twin = node_of(account.clone(), Gate::new(true), |_| {}).await;
    let stranger = node_of(LocalSigner(PrivateKeySigner::random()), Gate::new(true), |_| {}).await;
    let rig = node_of(account, Gate::new(true), |config| {
        // Behind one address there may be several nodes of the same account.
        config.service_uri = Some(twin.node.service_uri().to_string());
        config.advertise.nodes = vec![stranger.node.service_uri().parse().unwrap()];
        config.advertise.probing = often();
    })
    .await;
    let status = until(&rig, "both are asked", |status| {
        is(status, ProbeRole::Own, ProbeState::Reachable) && is(status, ProbeRole::Node, ProbeState::Stranger)
    })
    .await;
    assert!(has_notice(&status, "node_unreachable") && !has_notice(&status, "not_this_node"));
}
