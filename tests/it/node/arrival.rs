//! Segments that are worked on while they arrive, and what becomes of those that do not arrive.

use std::time::Duration;

use bytes::Bytes;
use engine::wire::{net, signature::Offchain};
use tokio::time::timeout;

use super::{
    harness::{
        PATIENCE, Rig, Upload, credentials, data, error, h1, h2, held_node, ladder, node, node_with, refusal,
        result,
    },
    transcoder::clip,
};

fn segment(token: &net::AuthToken, seq: u64, data: &[u8]) -> net::SegData {
    credentials(&Offchain, token, seq, data, &ladder())
}

fn half(clip: &Bytes) -> usize {
    clip.len() / 2
}

/// Waits until the node's status is as wanted.
async fn until(rig: &Rig, what: &str, is_so: impl Fn(&engine::view::node::NodeStatus) -> bool) {
    let waiting = async {
        while !is_so(&rig.node.status()) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, waiting).await.expect(what);
}

#[tokio::test]
async fn work_begins_before_the_last_byte() {
    let clip = clip();
    for client in [h1(), h2()] {
        let rig = node().await;
        let token = rig.token().await;
        let upload = Upload::begin(&rig, &client, &segment(&token, 0, &clip));
        upload.send(&clip[..half(&clip)]).await;
        rig.gate.entered(1).await;
        until(&rig, "ffmpeg runs", |status| status.engine.running == 1).await;
        let status = rig.node.status();
        assert_eq!(status.sessions[0].segments_in_flight, 1);
        assert_eq!(status.work.bytes_in, 0);
        for chunk in clip[half(&clip)..].chunks(clip.len() / 7) {
            upload.send(chunk).await;
        }
        let made = data(result(upload.finish().await).await);
        assert_eq!(made.segments[0].pixels, 30 * 426 * 240);
        let status = rig.node.status();
        assert_eq!(status.work.bytes_in, clip.len() as u64);
        let timing = status.sessions[0].recent[0];
        assert!(
            timing.upload_ms + timing.wait_ms + timing.transcode_ms <= timing.total_ms + 2,
            "{timing:?}"
        );
    }
}

#[tokio::test]
async fn what_turns_out_to_be_another_segment_was_nothing() {
    let clip = clip();
    for client in [h1(), h2()] {
        let rig = node().await;
        let token = rig.token().await;
        let upload = Upload::begin(&rig, &client, &segment(&token, 0, b"something else"));
        upload.send(&clip[..half(&clip)]).await;
        rig.gate.entered(1).await;
        upload.send(&clip[half(&clip)..]).await;
        let answer = upload.finish().await;
        assert_eq!(refusal(answer).await, (403, "Forbidden".to_string()));
        rig.gate.empty().await;
        until(&rig, "its session goes", |status| status.sessions.is_empty()).await;
        assert!(rig.gate.was_closed(&token.session_id));
        let status = rig.node.status();
        assert_eq!((status.work.segments_done, status.work.segments_failed), (0, 0));
        assert_eq!(status.engine.running, 0);
        assert_eq!(status.engine.speculative_discarded, 1);
        // The same session can begin with the right one.
        data(rig.transcode(&client, &token, 0, &clip).await);
    }
}

#[tokio::test]
async fn a_broken_upload_frees_all_it_held() {
    let clip = clip();
    for client in [h1(), h2()] {
        let rig = node_with(|config| {
            config.max_sessions = 1;
            config.limits.upload_bytes = clip.len() + (64 << 10);
        })
        .await;
        let token = rig.token().await;
        let upload = Upload::begin(&rig, &client, &segment(&token, 0, &clip));
        upload.send(&clip[..half(&clip)]).await;
        rig.gate.entered(1).await;
        let other = rig.post(&client, &segment(&token, 1, &clip), clip.clone()).await;
        assert_eq!(refusal(other).await, (503, "OrchestratorBusy".to_string()));
        upload.break_off();
        rig.gate.empty().await;
        until(&rig, "its session goes", |status| status.sessions.is_empty()).await;
        assert!(rig.gate.was_closed(&token.session_id));
        assert_eq!(rig.node.status().work.segments_failed, 0);
        let another = rig.token().await;
        data(rig.transcode(&client, &another, 0, &clip).await);
    }
}

#[tokio::test]
async fn slow_senders_hold_up_nobody_else() {
    let rig = node().await;
    let (clip, client) = (clip(), h2());
    let mut stalled = Vec::new();
    for count in 1..=4 {
        let token = rig.token().await;
        let upload = Upload::begin(&rig, &client, &segment(&token, 0, &clip));
        upload.send(&clip[..half(&clip)]).await;
        rig.gate.entered(count).await;
        stalled.push(upload);
    }
    let token = rig.token().await;
    for seq in 0..2 {
        data(rig.transcode(&client, &token, seq, &clip).await);
    }
    for upload in stalled {
        upload.send(&clip[half(&clip)..]).await;
        data(result(upload.finish().await).await);
    }
    assert_eq!(rig.node.status().work.segments_done, 6);
}

#[tokio::test]
async fn a_segment_that_is_here_passes_one_of_its_session_that_is_not() {
    let rig = node().await;
    let (clip, client) = (clip(), h2());
    let token = rig.token().await;
    let upload = Upload::begin(&rig, &client, &segment(&token, 0, &clip));
    upload.send(&clip[..half(&clip)]).await;
    rig.gate.entered(1).await;
    data(rig.transcode(&client, &token, 1, &clip).await);
    upload.send(&clip[half(&clip)..]).await;
    let late = result(upload.finish().await).await;
    assert_eq!(late.seq, 0);
    data(late);
}

#[tokio::test]
async fn a_full_queue_is_told_after_the_hash_was_looked_at() {
    let rig = held_node(|_| {}).await;
    let (clip, client) = (clip(), h2());
    let token = rig.token().await;
    let mut answers = Vec::new();
    for seq in 0..5 {
        answers.push(
            rig.post(&client, &segment(&token, seq, &clip), clip.clone())
                .await,
        );
    }
    let wrong = rig
        .post(&client, &segment(&token, 5, b"something else"), clip.clone())
        .await;
    assert_eq!(refusal(wrong).await, (403, "Forbidden".to_string()));
    let right = rig.post(&client, &segment(&token, 5, &clip), clip.clone()).await;
    assert_eq!(error(result(right).await), "OrchestratorBusy");
    // One that is announced while the queue is full may find it empty when it is here.
    let upload = Upload::begin(&rig, &client, &segment(&token, 6, &clip));
    upload.send(&clip[..half(&clip)]).await;
    rig.gate.open();
    for answer in answers {
        data(result(answer).await);
    }
    upload.send(&clip[half(&clip)..]).await;
    data(result(upload.finish().await).await);
}

#[tokio::test]
async fn what_would_come_out_too_late_is_refused_in_time() {
    let rig = held_node(|_| {}).await;
    let (clip, client) = (clip(), h2());
    let token = rig.token().await;
    // A second of playing takes three: two segments fit into what a gateway waits, a third does not.
    rig.gate.set_slowness(Some(3));
    let mut answers = Vec::new();
    for seq in 0..2 {
        answers.push(
            rig.post(&client, &segment(&token, seq, &clip), clip.clone())
                .await,
        );
    }
    let late = rig.transcode(&client, &token, 2, &clip).await;
    assert_eq!(error(late), "OrchestratorBusy");
    let status = rig.node.status();
    assert_eq!(
        (status.engine.segments_shed, status.sessions[0].segments_in_flight),
        (1, 2)
    );
    assert_eq!(status.notices[0].code, "shedding");
    rig.gate.open();
    for answer in answers {
        data(result(answer).await);
    }
    // Nothing of a session can be in time on a machine this slow.
    rig.gate.set_slowness(Some(20));
    let other = rig.token().await;
    let late = rig.transcode(&client, &other, 0, &clip).await;
    assert_eq!(error(late), "OrchestratorBusy");
    assert_eq!(rig.node.status().sessions.len(), 1);
}

#[tokio::test]
async fn a_machine_at_its_limit_takes_no_new_sessions() {
    let rig = node_with(|config| config.device = "gpu7".into()).await;
    let (clip, client) = (clip(), h2());
    let (known, new) = (rig.token().await, rig.token().await);
    data(rig.transcode(&client, &known, 0, &clip).await);
    assert_eq!(
        rig.node.status().sessions[0].device,
        "cpu",
        "where it was encoded"
    );
    rig.gate.set_full(true);
    let answer = rig.post(&client, &segment(&new, 0, &clip), clip.clone()).await;
    assert_eq!(refusal(answer).await, (403, "OrchestratorCapped".to_string()));
    let asked = rig
        .grpc()
        .await
        .get_orchestrator(net::OrchestratorRequest::default())
        .await;
    assert_eq!(
        asked.unwrap_err().message(),
        "Invalid orchestrator request: OrchestratorCapped"
    );
    data(rig.transcode(&client, &known, 1, &clip).await);
    let status = rig.node.status();
    assert_eq!(status.work.sessions_refused, 2);
    assert_eq!(status.notices[0].code, "at_capacity");
    rig.gate.set_full(false);
    data(rig.transcode(&client, &new, 0, &clip).await);
    rig.end_session(new.clone()).await;
    assert!(rig.gate.was_closed(&new.session_id) && !rig.gate.was_closed(&known.session_id));
}
