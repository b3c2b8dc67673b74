//! Results that do not arrive at the first attempt, or at all.

use axum::http::StatusCode;

use super::{
    proxy::Proxy,
    scripted::{Gate, Orchestrator, held_transcoder, ladder, task, transcoder, transcoder_at},
};
use crate::node::transcoder::clip;

#[tokio::test]
async fn a_result_that_did_not_arrive_is_handed_in_again() {
    let orchestrator = Orchestrator::start().await;
    let rig = transcoder(&orchestrator).await;
    orchestrator.registered(1).await;
    orchestrator.judge(&[StatusCode::SERVICE_UNAVAILABLE, StatusCode::BAD_GATEWAY]);
    let url = orchestrator.serve("segment", clip());
    orchestrator.give(task(0, &url, "a", &ladder())).await;
    let results = orchestrator.results(3).await;
    assert_eq!(results[0].body, results[2].body);
    let status = rig.until(|status| status.work.segments_done == 1).await;
    assert_eq!(status.remote.unwrap().results_lost, 0);
}

#[tokio::test]
async fn a_refused_result_is_not_handed_in_again() {
    let orchestrator = Orchestrator::start().await;
    let rig = transcoder(&orchestrator).await;
    orchestrator.registered(1).await;
    orchestrator.judge(&[StatusCode::UNAUTHORIZED]);
    let url = orchestrator.serve("segment", clip());
    orchestrator.give(task(0, &url, "a", &ladder())).await;
    let status = rig.until(|status| status.work.segments_failed == 1).await;
    let remote = status.remote.unwrap();
    assert_eq!(
        (remote.results_lost, remote.last_error.as_deref()),
        (1, Some("a result was refused: 401 Unauthorized said so"))
    );
    orchestrator.give(task(1, &url, "a", &ladder())).await;
    rig.until(|status| status.work.segments_done == 1).await;
    assert_eq!(orchestrator.result_count(), 2);
}

#[tokio::test]
async fn a_result_waits_out_a_network_that_comes_back() {
    let orchestrator = Orchestrator::start().await;
    let proxy = Proxy::start(orchestrator.address).await;
    let rig = transcoder_at(proxy.address, Gate::new(false), |_| {}).await;
    orchestrator.registered(1).await;
    let url = orchestrator.serve("segment", clip());
    orchestrator.give(task(0, &url, "a", &ladder())).await;
    rig.gate.entered(1).await;
    proxy.freeze();
    rig.gate.open();
    // The result is on its way into the silence, over a connection of its own.
    proxy.holds().await;
    assert_eq!(orchestrator.result_count(), 0);
    proxy.thaw();
    orchestrator.results(1).await;
    rig.until(|status| status.work.segments_done == 1).await;
}

#[tokio::test]
async fn an_orchestrator_that_ends_does_not_take_the_transcoder_with_it() {
    let orchestrator = Orchestrator::start().await;
    let rig = held_transcoder(&orchestrator).await;
    orchestrator.registered(1).await;
    let url = orchestrator.serve("segment", clip());
    orchestrator.give(task(0, &url, "a", &ladder())).await;
    rig.gate.entered(1).await;
    drop(orchestrator);
    rig.gate.open();
    let status = rig.until(|status| status.work.segments_failed == 1).await;
    let remote = status.remote.unwrap();
    assert_eq!((remote.results_lost, remote.tasks_running), (1, 0));
}
