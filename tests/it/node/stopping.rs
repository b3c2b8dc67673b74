//! How a node starts when it cannot, and how it ends.

use std::{net::SocketAddr, time::Duration};

use engine::{
    node::{AccessError, Listen, NodeConfig, NodeError, start},
    wire::signature::Offchain,
};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{
    harness::{PATIENCE, credentials, data, error, h1, h2, held_node, ladder, node, refusal, result},
    transcoder::{clip, real},
};

#[tokio::test]
async fn a_running_segment_is_finished_and_can_be_fetched() {
    let rig = held_node(|_| {}).await;
    let (clip, client) = (clip(), h2());
    let (token, other) = (rig.token().await, rig.token().await);
    let segment = credentials(&Offchain, &token, 0, &clip, &ladder());
    let answer = rig.post(&client, &segment, clip.clone()).await;
    rig.gate.entered(1).await;

    let gate = rig.gate.clone();
    let url = rig.url("/segment");
    let stopping = tokio::spawn(rig.stop());
    // From the moment it stops it takes nothing, of old sessions neither.
    for token in [&token, &other] {
        let segment = credentials(&Offchain, token, 1, &clip, &ladder());
        let header = engine::wire::segment::to_header(&segment);
        let refused = async {
            loop {
                let post = client
                    .post(&url)
                    .header("Livepeer-Segment", &header)
                    .body(clip.clone());
                let answer = post.send().await.unwrap();
                if answer.status() != 200 {
                    return refusal(answer).await;
                }
            }
        };
        let refused = timeout(PATIENCE, refused)
            .await
            .expect("the node stops taking segments");
        assert_eq!(refused, (403, "OrchestratorCapped".to_string()));
    }
    gate.open();
    let made = data(result(answer).await);
    for segment in &made.segments {
        assert_eq!(h1().get(&segment.url).send().await.unwrap().status(), 200);
    }
    let report = stopping.await.unwrap();
    assert!(report.finished && report.cause.is_none());
    assert!(
        h1().get(&made.segments[0].url).send().await.is_err(),
        "the port is closed"
    );
}

#[tokio::test]
async fn what_does_not_finish_within_the_grace_fails() {
    let rig = held_node(|config| config.limits.grace = Duration::from_millis(50)).await;
    let clip = clip();
    let segment = credentials(&Offchain, &rig.token().await, 0, &clip, &ladder());
    let answer = rig.post(&h2(), &segment, clip.clone()).await;
    rig.gate.entered(1).await;
    let (report, answer) = tokio::join!(rig.stop(), result(answer));
    assert_eq!(error(answer), "TranscoderStopped");
    assert!(!report.finished);
    assert_eq!(report.segments_failed, 1);
}

#[tokio::test]
async fn a_second_signal_waits_for_nothing() {
    let rig = held_node(|config| config.limits.grace = Duration::from_secs(3600)).await;
    let clip = clip();
    let segment = credentials(&Offchain, &rig.token().await, 0, &clip, &ladder());
    let answer = rig.post(&h2(), &segment, clip.clone()).await;
    rig.gate.entered(1).await;
    let hard_stop = rig.node.hard_stop();
    let stopping = tokio::spawn(rig.stop());
    hard_stop.cancel();
    let report = stopping.await.unwrap();
    assert!(!report.finished);
    assert_eq!(error(result(answer).await), "TranscoderStopped");
}

#[tokio::test]
async fn a_data_directory_belongs_to_one_node() {
    let files = tempfile::tempdir().unwrap();
    let begin = |stop| {
        start(
            NodeConfig::local(files.path().join("node")),
            real(files.path()),
            Offchain,
            stop,
        )
    };
    let stop = CancellationToken::new();
    let mut first = begin(stop.clone()).await.unwrap();
    let second = begin(CancellationToken::new()).await;
    assert!(
        matches!(second, Err(NodeError::DataDirTaken { .. })),
        "{second:?}"
    );
    // The token it was started with stops it too; then the next one may have the directory.
    stop.cancel();
    let report = first.ended().await;
    assert!(report.finished);
    assert_eq!(first.ended().await, report);
    begin(CancellationToken::new()).await.unwrap().stop().await;
}

#[tokio::test]
async fn a_node_does_not_start_where_it_cannot_serve() {
    let taken = node().await;
    let files = tempfile::tempdir().unwrap();
    let begin = |change: &dyn Fn(&mut NodeConfig)| {
        let mut config = NodeConfig::local(files.path().join("node"));
        change(&mut config);
        start(config, real(files.path()), Offchain, CancellationToken::new())
    };
    let address = taken.node.service_addr();
    let result = begin(&|config| config.service = Listen::Address(address)).await;
    match result.unwrap_err() {
        NodeError::Listen { address: named, .. } => assert_eq!(named, address),
        other => panic!("{other:?}"),
    }
    let exposed = SocketAddr::from(([0, 0, 0, 0], 0));
    let result = begin(&|config| config.operator = Listen::Address(exposed)).await;
    assert!(matches!(
        result,
        Err(NodeError::Access(AccessError::Exposed { .. }))
    ));
    let result = begin(&|config| config.service_uri = Some("not a uri".into())).await;
    assert!(matches!(result, Err(NodeError::ServiceUri { .. })));
    let result = begin(&|config| config.max_sessions = 0).await;
    assert!(matches!(result, Err(NodeError::NoSessions)));
    // Nothing of the failed attempts holds the directory.
    begin(&|_| {}).await.unwrap().stop().await;
}
