//! Tasks: what is handed in, header by header.

use axum::http::Version;
use bytes::Bytes;
use engine::media::ladder::{Container, VideoCodec};

use super::scripted::{
    Gate, Orchestrator, PATIENCE, held_transcoder, ladder, task, teardown, transcoder, transcoder_at,
};
use crate::node::transcoder::clip;

/// One part of a `multipart/mixed` body, read by hand: what Go wrote is what is compared.
struct Part {
    headers: Vec<String>,
    body: Vec<u8>,
}

fn parts(body: &[u8], boundary: &str) -> Vec<Part> {
    let find = |haystack: &[u8], needle: &[u8]| haystack.windows(needle.len()).position(|at| at == needle);
    let mut rest = body.strip_prefix(format!("--{boundary}").as_bytes()).unwrap();
    let end = format!("\r\n--{boundary}");
    let mut parts = Vec::new();
    while let Some(part) = rest.strip_prefix(b"\r\n") {
        let head = find(part, b"\r\n\r\n").unwrap();
        let length = find(&part[head + 4..], end.as_bytes()).unwrap();
        let headers = std::str::from_utf8(&part[..head]).unwrap();
        parts.push(Part {
            headers: headers.split("\r\n").map(str::to_string).collect(),
            body: part[head + 4..head + 4 + length].to_vec(),
        });
        rest = &part[head + 4 + length + end.len()..];
    }
    assert_eq!(rest, b"--\r\n");
    parts
}

#[tokio::test]
async fn the_first_task_has_number_zero_and_its_result_is_as_go_writes_it() {
    let orchestrator = Orchestrator::start().await;
    let rig = transcoder(&orchestrator).await;
    orchestrator.registered(1).await;
    let mut profiles = ladder();
    profiles[1].format = Container::Mp4;
    let url = orchestrator.serve("0.tempfile", clip());
    let mut given = task(0, &url, "deadbeef", &profiles);
    given.seg_data.as_mut().unwrap().calc_perceptual_hash = true;
    orchestrator.give(given).await;
    let posted = orchestrator.last_result(1).await;
    assert_eq!(posted.version, Version::HTTP_2);
    assert_eq!(orchestrator.downloads(), [Version::HTTP_11]);
    assert_eq!(posted.header("authorization"), "Livepeer-Transcoder-1.0");
    assert_eq!(posted.header("credentials"), "open sesame");
    assert_eq!(posted.header("taskid"), "0");
    assert_eq!(posted.header("pixels"), (30 * 640 * 360).to_string());
    assert_eq!(posted.header("content-length"), posted.body.len().to_string());
    let kind = posted.header("content-type");
    let boundary = kind.strip_prefix("multipart/mixed; boundary=").unwrap();
    let parts = parts(&posted.body, boundary);
    let shapes: Vec<Vec<String>> = parts
        .iter()
        .map(|part| {
            assert_eq!(part.headers[0], format!("Content-Length: {}", part.body.len()));
            part.headers[1..].to_vec()
        })
        .collect();
    let hash = ["Content-Type: application/octet-stream".to_string()];
    assert_eq!(shapes.len(), 4);
    assert_eq!(
        shapes[0],
        [
            "Content-Type: video/mp2t".to_string(),
            format!("Pixels: {}", 30 * 426 * 240)
        ]
    );
    assert_eq!(shapes[1], hash);
    assert_eq!(
        shapes[2],
        [
            "Content-Type: video/mp4".to_string(),
            format!("Pixels: {}", 30 * 256 * 144)
        ]
    );
    assert_eq!(shapes[3], hash);
    assert_eq!(parts[0].body[0], 0x47);
    assert_eq!(&parts[2].body[4..8], b"ftyp");
    let status = rig.until(|status| status.work.segments_done == 1).await;
    assert_eq!(status.sessions[0].id, "deadbeef");
    assert_eq!(status.sessions[0].source.as_deref(), Some("640x360"));
    assert_eq!(status.work.pixels, 30 * (426 * 240 + 256 * 144));
    let remote = status.remote.unwrap();
    assert_eq!(
        (remote.tasks_done, remote.tasks_failed, remote.tasks_running),
        (1, 0, 0)
    );
}

#[tokio::test]
async fn what_is_wrong_with_a_task_is_its_result() {
    let orchestrator = Orchestrator::start().await;
    let rig = transcoder(&orchestrator).await;
    orchestrator.registered(1).await;
    let (profiles, good) = (ladder(), orchestrator.serve("good", clip()));
    let text = orchestrator.serve(
        "text",
        Bytes::from_static(b"this is no video at all, whatever is said of it"),
    );
    let mut odd_codec = task(1, &good, "a", &profiles);
    odd_codec.seg_data.as_mut().unwrap().full_profiles[0].encoder = 9;
    let mut odd_gop = task(2, &good, "a", &profiles);
    odd_gop.seg_data.as_mut().unwrap().full_profiles[0].gop = -2;
    let mut no_data = task(3, &good, "a", &profiles);
    no_data.seg_data = None;
    let mut long = task(4, &good, "a", &profiles);
    long.seg_data.as_mut().unwrap().duration = 300_001;
    let mut vp9 = profiles.clone();
    vp9[0].codec = VideoCodec::Vp9;
    let mut newer = task(6, &good, "a", &profiles);
    let capabilities = newer.seg_data.as_mut().unwrap().capabilities.as_mut().unwrap();
    capabilities.constraints.as_mut().unwrap().min_version = "1.0.0".to_string();
    let mut no_capabilities = task(7, &good, "a", &profiles);
    no_capabilities.seg_data.as_mut().unwrap().capabilities = None;
    let missing = orchestrator.url("missing");
    let cases = [
        (odd_codec, "unrecognized video codec"),
        (odd_gop, "TranscoderInvalidGOP"),
        (no_data, "empty seg data"),
        (long, "invalid duration"),
        (task(5, &good, "a", &vp9), "incompatible segment capabilities"),
        (newer, "incompatible segment capabilities"),
        (no_capabilities, "incompatible segment capabilities"),
        (task(8, &missing, "a", &profiles), "404 Not Found"),
        (task(9, &orchestrator.url("moved"), "a", &profiles), "302 Found"),
        (
            task(10, &orchestrator.url("vast"), "a", &profiles),
            "input bigger than max buffer size",
        ),
        (task(11, &text, "a", &profiles), "TranscoderInvalidVideo"),
        (
            task(12, "file:///etc/passwd", "a", &profiles),
            "the task's url is no address of a segment",
        ),
    ];
    for (position, (given, said)) in cases.into_iter().enumerate() {
        let id = given.task_id;
        orchestrator.give(given).await;
        let posted = orchestrator.last_result(position + 1).await;
        assert_eq!(posted.text(), said);
        assert_eq!(posted.header("taskid"), id.to_string());
        assert_eq!(posted.header("content-type"), "livepeer/transcoding-error");
        assert_eq!(posted.header("pixels"), "0");
    }
    // The session goes on where it was, at any number.
    orchestrator.give(task(400, &good, "a", &profiles)).await;
    let posted = orchestrator.last_result(13).await;
    assert!(posted.header("content-type").starts_with("multipart/mixed"));
    let remote = rig
        .until(|status| status.work.segments_done == 1)
        .await
        .remote
        .unwrap();
    assert_eq!(remote.tasks_failed, 12);
}

#[tokio::test]
async fn a_source_that_does_not_come_is_given_up() {
    let orchestrator = Orchestrator::start().await;
    let _rig = transcoder(&orchestrator).await;
    orchestrator.registered(1).await;
    let url = orchestrator.url("stuck");
    orchestrator.give(task(0, &url, "a", &ladder())).await;
    let posted = orchestrator.last_result(1).await;
    assert_eq!(posted.text(), "the segment was not here within 4 s");
}

#[tokio::test]
async fn the_end_of_a_session_ends_its_work_and_says_nothing() {
    let orchestrator = Orchestrator::start().await;
    let rig = held_transcoder(&orchestrator).await;
    orchestrator.registered(1).await;
    let url = orchestrator.serve("segment", clip());
    orchestrator.give(task(0, &url, "first", &ladder())).await;
    orchestrator.give(task(1, &url, "second", &ladder())).await;
    rig.gate.entered(2).await;
    orchestrator.give(teardown("first")).await;
    rig.gate.closed("first").await;
    let posted = orchestrator.last_result(1).await;
    assert_eq!(
        (posted.header("taskid"), posted.text()),
        ("0", "TranscoderStopped")
    );
    rig.gate.open();
    let posted = orchestrator.last_result(2).await;
    assert_eq!(posted.header("taskid"), "1");
    assert!(posted.header("content-type").starts_with("multipart/mixed"));
    assert_eq!(orchestrator.result_count(), 2);
}

#[tokio::test]
async fn an_idle_session_ends_by_itself() {
    let orchestrator = Orchestrator::start().await;
    let rig = transcoder_at(orchestrator.address, Gate::new(true), |config| {
        config.limits.session_idle = std::time::Duration::from_millis(50);
    })
    .await;
    orchestrator.registered(1).await;
    let url = orchestrator.serve("segment", clip());
    orchestrator.give(task(0, &url, "idle", &ladder())).await;
    orchestrator.last_result(1).await;
    rig.gate.closed("idle").await;
    rig.until(|status| status.sessions.is_empty()).await;
}

#[tokio::test]
async fn more_tasks_than_may_be_are_refused_at_once() {
    let orchestrator = Orchestrator::start().await;
    let rig = transcoder_at(orchestrator.address, Gate::new(false), |config| {
        config.capacity = 2
    })
    .await;
    orchestrator.registered(1).await;
    let url = orchestrator.serve("segment", clip());
    // One session holds five.
    for id in 0..6 {
        orchestrator.give(task(id, &url, "one", &ladder())).await;
    }
    let posted = orchestrator.last_result(1).await;
    assert_eq!(posted.text(), "TranscoderBusy");
    // All sessions hold five each, whatever they are called.
    for id in 6..12 {
        orchestrator
            .give(task(id, &url, &format!("session{id}"), &ladder()))
            .await;
    }
    let posted = orchestrator.last_result(2).await;
    assert_eq!(posted.text(), "TranscoderBusy");
    rig.gate.open();
    tokio::time::timeout(PATIENCE, orchestrator.results(12))
        .await
        .unwrap();
}
