//! Draining and stopping lose nothing.

use super::scripted::{Orchestrator, PATIENCE, held_transcoder, ladder, task, transcoder};
use crate::node::transcoder::clip;

#[tokio::test]
async fn draining_leaves_first_and_finishes_what_runs() {
    let orchestrator = Orchestrator::start().await;
    let rig = held_transcoder(&orchestrator).await;
    orchestrator.registered(1).await;
    let url = orchestrator.serve("segment", clip());
    for id in 0..2 {
        orchestrator
            .give(task(id, &url, &format!("session{id}"), &ladder()))
            .await;
    }
    rig.gate.entered(2).await;
    rig.transcoder.drain();
    orchestrator.left(1).await;
    let status = rig
        .until(|status| status.remote.as_ref().unwrap().registered_since.is_none())
        .await;
    assert!(status.draining);
    assert_eq!(status.remote.unwrap().tasks_running, 2);
    assert!(status.notices.is_empty(), "{:?}", status.notices);
    rig.gate.open();
    tokio::time::timeout(PATIENCE, rig.transcoder.idle())
        .await
        .unwrap();
    assert_eq!(orchestrator.result_count(), 2);
    for posted in orchestrator.results(2).await {
        assert!(posted.header("content-type").starts_with("multipart/mixed"));
    }
    assert_eq!(orchestrator.registrations(), 1);
    let report = tokio::time::timeout(PATIENCE, rig.transcoder.stop())
        .await
        .unwrap();
    assert!(report.finished && report.cause.is_none());
    assert_eq!((report.segments_done, report.segments_failed), (2, 0));
}

#[tokio::test]
async fn stopping_is_draining_and_then_ending() {
    let orchestrator = Orchestrator::start().await;
    let rig = held_transcoder(&orchestrator).await;
    orchestrator.registered(1).await;
    let url = orchestrator.serve("segment", clip());
    orchestrator.give(task(0, &url, "a", &ladder())).await;
    rig.gate.entered(1).await;
    let gate = rig.gate.clone();
    let (report, ()) = tokio::join!(rig.transcoder.stop(), async {
        orchestrator.left(1).await;
        gate.open();
    });
    assert!(report.finished);
    assert_eq!((report.segments_done, report.segments_failed), (1, 0));
    assert_eq!(orchestrator.result_count(), 1);
    gate.closed("a").await;
}

#[tokio::test]
async fn ending_at_once_waits_for_nothing() {
    let orchestrator = Orchestrator::start().await;
    let mut rig = held_transcoder(&orchestrator).await;
    orchestrator.registered(1).await;
    let url = orchestrator.serve("segment", clip());
    orchestrator.give(task(0, &url, "a", &ladder())).await;
    rig.gate.entered(1).await;
    rig.transcoder.hard_stop().cancel();
    let report = tokio::time::timeout(PATIENCE, rig.transcoder.ended())
        .await
        .unwrap();
    assert!(!report.finished);
}

#[tokio::test]
async fn two_transcoders_do_not_share_their_files() {
    let orchestrator = Orchestrator::start().await;
    let rig = transcoder(&orchestrator).await;
    let config = engine::remote::RemoteConfig::local(
        orchestrator.address.to_string().parse().unwrap(),
        "x".parse().unwrap(),
        rig.data_dir(),
    );
    let work = tempfile::tempdir().unwrap();
    let second = engine::remote::start(
        config,
        crate::node::transcoder::real(work.path()),
        tokio_util::sync::CancellationToken::new(),
    );
    let error = second.await.unwrap_err();
    assert!(error.to_string().starts_with("another node uses"), "{error}");
}
