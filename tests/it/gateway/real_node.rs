//! Whole pushes through a real node.

use std::{sync::Arc, time::Duration};

use alloy::signers::local::PrivateKeySigner;
use engine::{
    gateway::{Discovery, PushError, PushEvent, orchestrator::OrchestratorError, push},
    media::{
        ladder::Container,
        pace::Pacer,
        transcode::{FfmpegSettings, FfmpegTranscoder},
    },
    node::{Listen, NodeConfig, RunningNode, start},
    process::Launcher,
    view::push::{PushReport, PushStage},
    wire::signature::{LocalSigner, MessageSigner, Offchain},
};
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{
    clip, config, ffmpeg, pushed, refusal, rung,
    stream::{open, over, segment},
};

async fn node(signer: impl MessageSigner + 'static, tls: bool) -> (RunningNode, TempDir) {
    node_at("127.0.0.1:0", signer, tls).await
}

async fn node_at(bind: &str, signer: impl MessageSigner + 'static, tls: bool) -> (RunningNode, TempDir) {
    let files = tempfile::tempdir().unwrap();
    let transcoder = FfmpegTranscoder::new(FfmpegSettings {
        pacer: Pacer::fixed("ultrafast"),
        ..FfmpegSettings::new(ffmpeg(), Launcher::Direct, files.path().join("work"))
    });
    let node_config = NodeConfig {
        tls,
        service: Listen::Address(bind.parse().unwrap()),
        ..NodeConfig::local(files.path().join("node"))
    };
    let node = start(node_config, transcoder.unwrap(), signer, CancellationToken::new())
        .await
        .unwrap();
    (node, files)
}

fn assert_complete(report: &PushReport, segments: u64, rungs: u64) {
    assert!(report.is_complete(), "{report:#?}");
    assert_eq!((report.segments.cut, report.segments.done), (segments, segments));
    assert_eq!(report.renditions.expected, segments * rungs);
    assert_eq!(report.renditions.verified, segments * rungs);
    assert_eq!(report.renditions.silent, 0);
    assert_eq!(report.pixels_verified, report.pixels_reported);
}

#[tokio::test]
async fn every_rendition_of_a_clip_comes_back_exact() {
    let (node, _files) = node(Offchain, true).await;
    let out = tempfile::tempdir().unwrap();
    let mut config = config(
        &clip(6),
        node.service_uri(),
        vec![rung("small", 256, 144), rung("same", 320, 180)],
    );
    config.output = Some(out.path().join("renditions"));
    let (report, events) = pushed(config).await;
    let report = report.unwrap();
    assert_complete(&report, 3, 2);
    assert_eq!(report.pixels_reported, 180 * (256 * 144 + 320 * 180));
    assert_eq!(
        node.status().work.pixels,
        report.pixels_reported,
        "the node counted something else"
    );
    assert_eq!(report.media_ms, 6000);
    assert_eq!(report.source.encoded_because, None);
    assert_eq!(report.ladder[0].frames, 180);
    assert_eq!(report.ladder[0].size.as_deref(), Some("256x144"));
    assert!(report.real_time_permille.unwrap() > 0 && report.latency.unwrap().p99_ms > 0);
    for seq in 0..3 {
        assert!(events.contains(&PushEvent::Done { seq }), "{events:?}");
    }

    let read = |path: &str| std::fs::read_to_string(out.path().join("renditions").join(path)).unwrap();
    let master = read("master.m3u8");
    assert!(
        master.contains("RESOLUTION=256x144\nsmall/index.m3u8"),
        "{master}"
    );
    let playlist = read("small/index.m3u8");
    assert!(
        playlist.contains("#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:2.000,\n0.ts\n"),
        "{playlist}"
    );
    assert!(playlist.ends_with("2.ts\n#EXT-X-ENDLIST\n"), "{playlist}");
    let played = std::process::Command::new("ffprobe")
        .args([
            "-v",
            "error",
            "-count_frames",
            "-select_streams",
            "v:0",
            "-show_entries",
            "stream=nb_read_frames",
        ])
        .args(["-of", "csv=p=0"])
        .arg(out.path().join("renditions/same/index.m3u8"))
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8_lossy(&played.stdout)
            .lines()
            .next()
            .map(str::trim),
        Some("180")
    );
    // The session was given back, not left to time out.
    assert!(node.status().sessions.is_empty(), "{:?}", node.status().sessions);
    node.stop().await;
}

#[tokio::test]
async fn rates_containers_and_files_of_other_kinds_work() {
    let (node, _files) = node(Offchain, false).await;
    let mut mp4 = rung("mp4", 320, 180);
    mp4.format = Container::Mp4;
    let mut slow = rung("slow", 160, 90);
    slow.fps = 15;
    let mjpeg = testbed::clip::drawn("gateway-turning.avi", |command| {
        command.args(["-f", "lavfi", "-i", "testsrc=size=240x320:rate=30:duration=4"]);
        command.args(["-f", "lavfi", "-i", "sine=duration=4"]);
        command.args(["-c:v", "mjpeg", "-c:a", "pcm_s16le", "-f", "avi"]);
    });
    let (report, _) = pushed(config(&mjpeg, node.service_uri(), vec![mp4, slow])).await;
    let report = report.unwrap();
    assert_complete(&report, 2, 2);
    assert_eq!(
        report.source.encoded_because.as_deref(),
        Some("segments cannot carry mjpeg")
    );
    // Portrait: the longer side becomes the longer side asked for.
    assert_eq!(report.ladder[0].size.as_deref(), Some("240x320"));
    assert_eq!(report.ladder[1].size.as_deref(), Some("146x194"));
    node.stop().await;
}

#[tokio::test]
async fn with_accounts_both_sides_sign_and_check() {
    let account = LocalSigner(PrivateKeySigner::random());
    let address = account.address();
    let (node, _files) = node(account, true).await;
    let mut config = config(&clip(4), node.service_uri(), vec![rung("a", 160, 90)]);
    config.signer = Arc::new(LocalSigner(PrivateKeySigner::random()));
    let (report, _) = pushed(config).await;
    let report = report.unwrap();
    assert_complete(&report, 2, 1);
    assert_eq!(report.orchestrator_account, Some(address));
    assert_eq!(report.signatures_verified, 2);
    node.stop().await;
}

#[tokio::test]
async fn an_orchestrator_that_is_not_there_is_unreachable() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let (error, _) = pushed(config(
        &clip(2),
        &format!("https://{address}"),
        vec![rung("a", 160, 90)],
    ))
    .await;
    let error = error.unwrap_err();
    assert!(refusal(&error).is_unreachable(), "{error}");
}

#[tokio::test]
async fn a_node_without_room_says_so() {
    let files = tempfile::tempdir().unwrap();
    let settings = FfmpegSettings::new(ffmpeg(), Launcher::Direct, files.path().join("work"));
    let small = NodeConfig {
        max_sessions: 1,
        ..NodeConfig::local(files.path().join("node"))
    };
    let transcoder = FfmpegTranscoder::new(settings).unwrap();
    let node = start(small, transcoder, Offchain, CancellationToken::new())
        .await
        .unwrap();
    let mut first = config(&clip(4), node.service_uri(), vec![rung("a", 160, 90)]);
    first.times = 100;
    let (progress, mut events) = mpsc::channel(10_000);
    let stop = CancellationToken::new();
    let pushing = tokio::spawn(push(first, progress, stop.clone()));
    while events.recv().await.unwrap() != (PushEvent::Done { seq: 0 }) {}

    let (second, _) = pushed(config(&clip(2), node.service_uri(), vec![rung("a", 160, 90)])).await;
    match refusal(&second.unwrap_err()) {
        OrchestratorError::Refused(text) => assert!(text.contains("OrchestratorCapped"), "{text}"),
        other => panic!("{other}"),
    }
    stop.cancel();
    pushing.await.unwrap().unwrap();
    node.stop().await;
}

#[tokio::test]
async fn a_node_that_goes_away_leaves_a_list_of_what_failed() {
    let (node, _files) = node(Offchain, true).await;
    let file = clip(20);
    let size = std::fs::metadata(&file).unwrap().len();
    let mut config = config(&file, node.service_uri(), vec![rung("a", 160, 90)]);
    config.in_flight = 1;
    let (progress, mut events) = mpsc::channel(1000);
    let pushing = tokio::spawn(push(config, progress, CancellationToken::new()));
    while events.recv().await.unwrap() != (PushEvent::Done { seq: 1 }) {}
    node.stop().await;
    let report = pushing.await.unwrap().unwrap();
    assert!(!report.is_complete());
    assert_eq!(report.segments.cut, 10, "all of the file is tried");
    assert!(
        report.segments.done >= 2 && report.segments.failed > 0,
        "{:?}",
        report.segments
    );
    assert_eq!(report.failures.len() as u64, report.segments.failed);
    let last = report.failures.last().unwrap();
    assert_eq!((last.seq, last.stage, last.attempts), (9, PushStage::Submit, 3));
    assert!(last.message.contains("cannot be reached"), "{}", last.message);
    assert!(last.unreachable);
    // What found no connection was not sent, however often it was tried.
    assert!(report.bytes_sent < size, "{} of {size}", report.bytes_sent);
}

#[tokio::test]
async fn a_node_that_restarts_costs_no_segment() {
    let (before, _files) = node(Offchain, true).await;
    let uri: url::Url = before.service_uri().parse().unwrap();
    let (gateway, mut records) = over(Discovery::list([uri.clone()]), |_| {});
    let stream = open(&gateway);
    stream.transcode(segment(0)).await.unwrap();
    before.stop().await;
    let waiting = tokio::spawn({
        let stream = stream.clone();
        async move { stream.transcode(segment(1)).await }
    });
    // It was tried in vain before anybody is there again.
    let tried = async {
        while gateway.orchestrators()[0].refusal.is_none() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), tried)
        .await
        .unwrap();
    let bind = format!("127.0.0.1:{}", uri.port().unwrap());
    let (after, _files) = node_at(&bind, Offchain, true).await;
    let done = waiting.await.unwrap().unwrap();
    assert_eq!(done.orchestrator.as_deref(), Some(after.service_uri()));
    records.recv().await.unwrap();
    let attempts = records.recv().await.unwrap().attempts;
    assert!(attempts.len() >= 3, "{attempts:?}");
    assert!(attempts.last().unwrap().failure.is_none(), "{attempts:?}");
    assert_eq!(stream.sessions().len(), 2);
    stream.close().await;
    assert!(after.status().sessions.is_empty());
    after.stop().await;
}

#[tokio::test]
async fn of_two_nodes_one_may_go_and_no_segment_is_lost() {
    let (one, _one_files) = node(Offchain, true).await;
    let (two, _two_files) = node(Offchain, true).await;
    let mut config = config(&clip(20), one.service_uri(), vec![rung("a", 160, 90)]);
    let uris = [one.service_uri(), two.service_uri()].map(|uri| uri.parse().unwrap());
    config.discovery = Discovery::list(uris);
    let (progress, mut events) = mpsc::channel(1000);
    let pushing = tokio::spawn(push(config, progress, CancellationToken::new()));
    while events.recv().await.unwrap() != (PushEvent::Done { seq: 1 }) {}
    // The one that works goes away in the middle of it.
    let (goes, stays) = if one.status().work.pixels > 0 {
        (one, two)
    } else {
        (two, one)
    };
    let gone = goes.service_uri().to_string();
    goes.stop().await;
    let report = pushing.await.unwrap().unwrap();
    assert_complete(&report, 10, 1);
    let segments = |uri: &str| {
        let share = report.orchestrators.iter().find(|share| share.url == uri);
        share.map_or(0, |share| share.segments)
    };
    assert!(
        segments(&gone) >= 2 && segments(stays.service_uri()) >= 1,
        "{report:#?}"
    );
    assert_eq!(segments(&gone) + segments(stays.service_uri()), 10);
    stays.stop().await;
}

#[tokio::test]
async fn stopping_ends_it_soon_and_reports_what_was_done() {
    let (node, _files) = node(Offchain, true).await;
    let mut config = config(&clip(20), node.service_uri(), vec![rung("a", 160, 90)]);
    config.times = 50;
    let (progress, mut events) = mpsc::channel(10_000);
    let stop = CancellationToken::new();
    let pushing = tokio::spawn(push(config, progress, stop.clone()));
    while events.recv().await.unwrap() != (PushEvent::Done { seq: 0 }) {}
    stop.cancel();
    let report = tokio::time::timeout(Duration::from_secs(10), pushing)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    assert!(report.interrupted && !report.is_complete());
    assert!(report.segments.done >= 1);
    assert_eq!(report.segments.cut, report.segments.done + report.segments.failed);
    node.stop().await;
}

#[tokio::test]
async fn ladders_with_impossible_names_are_refused_before_anything_happens() {
    let refused = |ladder| async {
        pushed(config(&clip(2), "https://127.0.0.1:1", ladder))
            .await
            .0
            .unwrap_err()
    };
    assert!(matches!(refused(vec![]).await, PushError::NoProfiles));
    assert!(matches!(
        refused(vec![rung("../up", 1, 1)]).await,
        PushError::ProfileName(_)
    ));
    assert!(matches!(
        refused(vec![rung("a", 1, 1), rung("a", 2, 2)]).await,
        PushError::SameName(_)
    ));
}
