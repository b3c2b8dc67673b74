//! Who may register, what the node says then, and how streams end.

use engine::wire::{
    capability::{Capability, CapabilitySet},
    net,
    segment::LEGACY_PROFILES,
    signature::Offchain,
};
use tonic::Code;

use super::raw::{
    Raw, finished, introduction, pool_node, source, submit, submit_as, transcoders, until, usual_node,
};
use crate::node::harness::{credentials, data, error, h1, ladder};

async fn refused(rig: &crate::node::harness::Rig, introduction: net::RegisterRequest) -> (Code, String) {
    let status = Raw::introduce(rig, introduction).await.err().expect("a refusal");
    (status.code(), status.message().to_string())
}

#[tokio::test]
async fn secret_and_capacity_are_checked_in_that_order() {
    let rig = usual_node().await;
    let invalid = (Code::Unknown, "invalid secret".to_string());
    let zero = (Code::Unknown, "zero capacity".to_string());
    for secret in ["", "another", "an orchestrator secret "] {
        for capacity in [0, 1] {
            let request = net::RegisterRequest {
                secret: secret.to_string(),
                ..introduction(capacity)
            };
            assert_eq!(refused(&rig, request).await, invalid, "{secret:?}");
        }
    }
    for capacity in [0, -1, i64::MIN] {
        assert_eq!(refused(&rig, introduction(capacity)).await, zero);
    }
    assert!(transcoders(&rig).is_empty());
}

#[tokio::test]
async fn there_are_only_so_many_and_nobody_is_believed_everything() {
    let rig = pool_node(|_, settings| {
        settings.most_transcoders = 1;
        settings.most_capacity = 30;
    })
    .await;
    let first = Raw::join(&rig, i64::MAX).await;
    let view = transcoders(&rig);
    assert_eq!((view[0].capacity, view[0].version.as_str()), (30, "0.9.1"));
    assert_eq!(refused(&rig, introduction(1)).await.0, Code::Unavailable);
    drop(first);
    until(&rig, |status| status.transcoders.is_empty()).await;
    Raw::join(&rig, 1).await;
}

#[tokio::test]
async fn capabilities_and_the_session_limit_follow_who_is_there() {
    let rig = pool_node(|config, _| config.auto_sessions = true).await;
    let capped = rig
        .grpc()
        .await
        .get_orchestrator(net::OrchestratorRequest::default())
        .await;
    assert_eq!(
        capped.unwrap_err().message(),
        "Invalid orchestrator request: OrchestratorCapped"
    );
    assert!(
        rig.node
            .status()
            .notices
            .iter()
            .any(|notice| notice.code == "no_transcoders")
    );

    let mut able = CapabilitySet::default_set();
    able.insert(Capability::HevcDecode);
    let with_hevc = net::RegisterRequest {
        capabilities: Some(able.to_message("0.9.1")),
        ..introduction(2)
    };
    let first = Raw::introduce(&rig, with_hevc).await.unwrap();
    let second = Raw::join(&rig, 3).await;
    let status = rig.node.status();
    assert_eq!(status.max_sessions, 5);
    assert!(
        status
            .notices
            .iter()
            .any(|notice| notice.code == "transcoder_joined")
    );
    let advertised = rig.offer().await.capabilities.unwrap();
    let capacity = |capabilities: &net::Capabilities, id| capabilities.capacities.get(&id).copied();
    assert_eq!(
        (capacity(&advertised, 15), capacity(&advertised, 0)),
        (Some(1), Some(3))
    );
    assert!(CapabilitySet::from_words(&advertised.bitstring).contains(Capability::HevcDecode));

    drop(first);
    until(&rig, |status| status.transcoders.len() == 1).await;
    let status = rig.node.status();
    assert_eq!(status.max_sessions, 3);
    assert!(
        status
            .notices
            .iter()
            .any(|notice| notice.code == "transcoder_left")
    );
    let advertised = rig.offer().await.capabilities.unwrap();
    assert_eq!(
        (capacity(&advertised, 15), capacity(&advertised, 0)),
        (None, Some(2))
    );
    assert_eq!(advertised.bitstring, CapabilitySet::default_set().words());
    drop(second);
}

#[tokio::test]
async fn a_task_is_all_of_the_request_but_its_signature_and_a_session_ends_with_a_word() {
    let rig = usual_node().await;
    let mut transcoder = Raw::join(&rig, 1).await;
    let token = rig.token().await;
    let mut request = credentials(&Offchain, &token, 7, &source(), &ladder());
    request.segment_parameters = Some(net::SegParameters { from: 0, to: 0 });
    request.force_session_reinit = true;
    request.calc_perceptual_hash = true;
    let submitted = submit_as(&rig, &request);
    let task = transcoder.task().await;
    let session = &token.session_id;
    assert_eq!(task.url, rig.url(&format!("/stream/{session}/7.tempfile")));
    assert_eq!((task.task_id, task.orch_id.as_str()), (0, "offchain"));
    assert_eq!(task.profiles, LEGACY_PROFILES);
    let expected = net::SegData {
        hash: vec![0; 32],
        sig: Vec::new(),
        storage: Vec::new(),
        ..request
    };
    assert_eq!(task.seg_data, Some(expected));
    let fetched = h1().get(&task.url).send().await.unwrap();
    assert_eq!(fetched.status(), 200);
    assert_eq!(fetched.bytes().await.unwrap(), source());
    let done = transcoder
        .deliver(0, &[super::raw::rendition(1), super::raw::rendition(2)])
        .await;
    assert_eq!(done, (200, "OK".into()));
    let segments = data(finished(submitted).await).segments;
    assert_eq!(
        segments.iter().map(|segment| segment.pixels).collect::<Vec<_>>(),
        [1000, 1000]
    );
    let rendition = h1().get(&segments[1].url).send().await.unwrap();
    assert_eq!(rendition.bytes().await.unwrap(), super::raw::rendition(2));
    let status = rig.node.status();
    assert_eq!(status.sessions[0].device, status.transcoders[0].address);
    assert_eq!(
        (status.transcoders[0].tasks_done, status.transcoders[0].load),
        (1, 1)
    );

    rig.end_session(token.clone()).await;
    let teardown = transcoder.message().await;
    assert_eq!(
        teardown,
        net::NotifySegment {
            seg_data: Some(net::SegData {
                auth_token: Some(net::AuthToken {
                    session_id: token.session_id.clone(),
                    ..Default::default()
                }),
                ..Default::default()
            }),
            ..Default::default()
        }
    );
    assert_eq!(transcoders(&rig)[0].load, 0);
    assert_eq!(h1().get(&task.url).send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn who_names_no_capabilities_gets_the_usual_work() {
    let rig = usual_node().await;
    let unsaid = net::RegisterRequest {
        capabilities: None,
        ..introduction(1)
    };
    let mut transcoder = Raw::introduce(&rig, unsaid).await.unwrap();
    let submitted = submit(&rig, &rig.token().await, 0);
    transcoder.work().await;
    data(finished(submitted).await);
}

#[tokio::test]
async fn who_cannot_do_it_does_not_get_it() {
    let rig = usual_node().await;
    let old = net::RegisterRequest {
        capabilities: Some(CapabilitySet::default_set().to_message("0.8.9")),
        ..introduction(1)
    };
    let _transcoder = Raw::introduce(&rig, old).await.unwrap();
    let submitted = submit(&rig, &rig.token().await, 0);
    assert_eq!(
        error(finished(submitted).await),
        "no transcoders can provide requested capabilities"
    );
}

#[tokio::test]
async fn a_node_that_stops_ends_streams_so_that_transcoders_come_back() {
    let rig = usual_node().await;
    let mut transcoder = Raw::join(&rig, 1).await;
    let submitted = submit(&rig, &rig.token().await, 0);
    let task = transcoder.task().await;
    let stopping = tokio::spawn(rig.stop());
    // What runs is finished first.
    let done = transcoder
        .deliver(
            task.task_id,
            &[super::raw::rendition(1), super::raw::rendition(2)],
        )
        .await;
    assert_eq!(done, (200, "OK".into()));
    let segments = data(finished(submitted).await).segments;
    for segment in segments {
        h1().get(&segment.url).send().await.unwrap();
    }
    h1().get(&task.url).send().await.unwrap();
    let status = transcoder.end().await.expect("a status");
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    assert!(stopping.await.unwrap().finished);
}
