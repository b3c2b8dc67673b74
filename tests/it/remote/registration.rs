//! The registration: what is said, what ends it, and what brings it back.

use std::time::{Duration, Instant};

use engine::{
    remote::Fatal,
    wire::{capability::CapabilitySet, net::capabilities::Constraints},
};
use tonic::{Code, Status};

use super::{
    proxy::Proxy,
    scripted::{
        Answer, Gate, Orchestrator, PATIENCE, held_transcoder, ladder, task, transcoder, transcoder_at,
    },
};
use crate::node::transcoder::clip;

#[tokio::test]
async fn it_says_secret_capacity_and_what_it_can() {
    let orchestrator = Orchestrator::start().await;
    let rig = transcoder_at(orchestrator.address, Gate::new(true), |config| {
        config.capacity = 7;
        config.version = Some("0.9.1-test".to_string());
    })
    .await;
    let request = orchestrator.registered(1).await;
    assert_eq!((request.secret.as_str(), request.capacity), ("open sesame", 7));
    let capabilities = request.capabilities.unwrap();
    // The default set, as wire-protocol has it.
    assert_eq!(capabilities.bitstring, [67_133_439]);
    assert_eq!(
        capabilities.capacities.len(),
        CapabilitySet::default_set().iter().count()
    );
    assert!(capabilities.capacities.values().all(|capacity| *capacity == 1));
    assert_eq!(capabilities.version, "0.9.1-test");
    assert!(capabilities.mandatories.is_empty());
    assert_eq!(capabilities.constraints, Some(Constraints::default()));
    let status = rig
        .until(|status| status.remote.as_ref().unwrap().registered_since.is_some())
        .await;
    assert_eq!(status.max_sessions, 7);
    assert!(status.notices.is_empty(), "{:?}", status.notices);
}

#[tokio::test]
async fn a_secret_or_capacity_it_does_not_take_is_fatal() {
    for (said, fatal) in [
        ("invalid secret", Fatal::Secret),
        ("zero capacity", Fatal::Capacity),
    ] {
        let orchestrator = Orchestrator::start().await;
        orchestrator.answer(Answer::Refuse(Status::unknown(said)));
        let mut rig = transcoder(&orchestrator).await;
        let cause = rig.transcoder.fatal_cause();
        let report = tokio::time::timeout(PATIENCE, rig.transcoder.ended())
            .await
            .expect("it ends");
        assert_eq!(cause.get(), Some(&fatal));
        assert!(report.cause.unwrap().contains(said));
        assert_eq!(orchestrator.registrations(), 1);
    }
}

#[tokio::test]
async fn all_other_ends_bring_it_back() {
    let orchestrator = Orchestrator::start().await;
    let rig = transcoder(&orchestrator).await;
    orchestrator.registered(1).await;
    orchestrator
        .fail(Status::new(Code::Cancelled, "context canceled"))
        .await;
    orchestrator.registered(2).await;
    orchestrator.fail(Status::new(Code::Unavailable, "")).await;
    orchestrator.registered(3).await;
    orchestrator.end_stream();
    orchestrator.registered(4).await;
    // Almost what is fatal is not.
    orchestrator.fail(Status::unknown("invalid secret ")).await;
    orchestrator.registered(5).await;
    let remote = rig
        .until(|status| status.remote.as_ref().unwrap().registrations == 5)
        .await
        .remote
        .unwrap();
    assert!(remote.registered_since.is_some());
    assert_eq!(
        remote.last_error.as_deref(),
        Some("the stream broke: invalid secret ")
    );
}

#[tokio::test]
async fn an_orchestrator_that_says_nothing_till_there_is_a_task_has_taken_it() {
    let orchestrator = Orchestrator::start().await;
    orchestrator.answer(Answer::TakeSilently);
    let rig = transcoder(&orchestrator).await;
    orchestrator.registered(1).await;
    rig.until(|status| status.remote.as_ref().unwrap().registered_since.is_some())
        .await;
    assert_eq!(orchestrator.registrations(), 1);
}

#[tokio::test]
async fn the_back_off_begins_anew_after_a_registration() {
    let orchestrator = Orchestrator::start().await;
    orchestrator.answer(Answer::Refuse(Status::unavailable("not yet")));
    let rig = transcoder(&orchestrator).await;
    orchestrator.registered(4).await;
    assert_eq!(rig.remote().registered_since, None);
    orchestrator.answer(Answer::Take);
    orchestrator.registered(5).await;
    rig.until(|status| status.remote.as_ref().unwrap().registered_since.is_some())
        .await;
    let ended = Instant::now();
    orchestrator.end_stream();
    orchestrator.registered(6).await;
    // Without beginning anew the wait would be 1.27 s at least; it is 0.75 s at most.
    assert!(
        ended.elapsed() < Duration::from_millis(1200),
        "{:?}",
        ended.elapsed()
    );
}

#[tokio::test]
async fn a_task_outlives_the_stream_it_came_on() {
    let orchestrator = Orchestrator::start().await;
    let rig = held_transcoder(&orchestrator).await;
    orchestrator.registered(1).await;
    let url = orchestrator.serve("segment", clip());
    orchestrator.give(task(3, &url, "a", &ladder())).await;
    rig.gate.entered(1).await;
    // Back at once, while it still works: not only when all is done.
    orchestrator.end_stream();
    orchestrator.registered(2).await;
    assert_eq!(rig.remote().tasks_running, 1);
    orchestrator.answer(Answer::Refuse(Status::unavailable("going down")));
    orchestrator.end_stream();
    orchestrator.registered(3).await;
    rig.gate.open();
    let posted = orchestrator.last_result(1).await;
    assert_eq!(posted.header("taskid"), "3");
    assert!(posted.header("content-type").starts_with("multipart/mixed"));
}

#[tokio::test]
async fn an_orchestrator_that_is_gone_without_a_word_is_noticed() {
    let orchestrator = Orchestrator::start().await;
    let proxy = Proxy::start(orchestrator.address).await;
    let rig = transcoder_at(proxy.address, Gate::new(true), |config| {
        config.limits.registration_pings.interval = Duration::from_millis(100);
        config.limits.registration_pings.patience = Duration::from_millis(200);
    })
    .await;
    orchestrator.registered(1).await;
    rig.until(|status| status.remote.as_ref().unwrap().registered_since.is_some())
        .await;
    // Nothing is closed: nothing comes any more.
    proxy.freeze();
    let status = rig
        .until(|status| status.remote.as_ref().unwrap().registered_since.is_none())
        .await;
    assert_eq!(status.notices[0].code, "not_registered_with_orchestrator");
    proxy.thaw();
    orchestrator.registered(2).await;
    rig.until(|status| status.remote.as_ref().unwrap().registrations == 2)
        .await;
}

#[tokio::test]
async fn nobody_there_is_no_reason_to_end() {
    // A port that nobody listens on.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let rig = transcoder_at(address, Gate::new(true), |_| {}).await;
    let status = rig
        .until(|status| status.remote.as_ref().unwrap().registrations_failed >= 2)
        .await;
    let said = status.remote.unwrap().last_error.unwrap();
    assert!(said.contains("cannot be reached"), "{said}");
    let report = tokio::time::timeout(PATIENCE, rig.transcoder.stop())
        .await
        .unwrap();
    assert!(report.finished && report.cause.is_none());
}
