//! RTMP: published by real ffmpeg, cut, transcoded and played.

use std::process::{Command, Output, Stdio};

use engine::{
    gateway::ingest::{IngestConfig, KeyRing, RtmpSettings, new_key},
    node::Listen,
    process::Fencing,
    view::ingest::{IngestEvent, Origin},
};
use testbed::clip::{ClipSpec, drawn, file};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::{
    harness::{PATIENCE, Rig, rig},
    hls::ffprobe,
};
use crate::gateway::tools;

/// Takes publishers.
pub fn listening(config: &mut IngestConfig) {
    config.rtmp = Some(RtmpSettings {
        listen: Listen::Address(([127, 0, 0, 1], 0).into()),
        tools: tools(),
        fencing: Fencing::none("a test of something else"),
    });
}

pub fn address(rig: &Rig, path: &str) -> String {
    format!("rtmp://{}{path}", rig.ingest.rtmp_addr().unwrap())
}

pub fn clip(seconds: u32, audio: bool) -> String {
    let spec = ClipSpec {
        seconds,
        audio,
        ..ClipSpec::default()
    };
    file(spec).to_str().unwrap().to_string()
}

/// Publishes a file as fast as it goes, and waits for ffmpeg's end.
pub async fn publish(input: String, url: String) -> Output {
    let publishing = move || {
        let mut command = Command::new("ffmpeg");
        command.args([
            "-v", "error", "-nostdin", "-i", &input, "-c", "copy", "-f", "flv", &url,
        ]);
        command.stdin(Stdio::null()).output().unwrap()
    };
    let published = timeout(PATIENCE, tokio::task::spawn_blocking(publishing)).await;
    published.expect("ffmpeg ends").unwrap()
}

#[tokio::test]
async fn what_ffmpeg_publishes_is_cut_transcoded_and_played() {
    let mut rig = rig(listening).await;
    let published = publish(clip(6, true), address(&rig, "/live/show")).await;
    assert!(published.status.success(), "{published:?}");
    let started = rig.event().await;
    assert!(
        matches!(
            started,
            IngestEvent::StreamStarted { ref manifest_id, origin: Origin::Rtmp, .. } if manifest_id == "show"
        ),
        "{started:?}"
    );
    let IngestEvent::StreamEnded { totals, reason, .. } = rig.event().await else {
        panic!("the stream ends")
    };
    assert_eq!(reason, "the publisher left");
    assert_eq!((totals.segments_done, totals.segments_failed), (3, 0));
    for track in ["source", "same"] {
        let found = ffprobe(&rig.url(&format!("/stream/show/{track}.m3u8"))).await;
        let streams = found["streams"].as_array().unwrap();
        let packets = |kind: &str| {
            let stream = streams
                .iter()
                .find(|stream| stream["codec_type"] == kind)
                .unwrap();
            stream["nb_read_packets"]
                .as_str()
                .unwrap()
                .parse::<u32>()
                .unwrap()
        };
        assert_eq!(packets("video"), 180, "no picture is lost: {found}");
        assert!(packets("audio") > 270, "{found}");
    }
    // Whoever publishes again goes on where it stopped.
    let published = publish(clip(2, true), address(&rig, "/live/show")).await;
    assert!(published.status.success(), "{published:?}");
    assert_eq!(rig.end_of_stream().await.1, "the publisher left");
    let playlist = rig.get("/stream/show/same.m3u8").await.1;
    assert!(
        playlist.contains("same/2.ts\n#EXT-X-DISCONTINUITY\n#EXTINF:2.") && playlist.contains("same/3.ts\n"),
        "{playlist}"
    );
}

#[tokio::test]
async fn publishers_share_the_port_and_one_name_has_one_of_them() {
    let mut rig = rig(listening).await;
    let names = ["one", "two", "three"];
    let publishing =
        names.map(|name| publish(clip(4, name == "one"), address(&rig, &format!("/live/{name}"))));
    for published in futures_util::future::join_all(publishing).await {
        assert!(published.status.success(), "{published:?}");
    }
    let mut ended = Vec::new();
    for _ in names {
        ended.push(rig.end_of_stream().await.0);
    }
    ended.sort();
    assert_eq!(ended, ["one", "three", "two"]);
    assert_eq!(rig.ingest.status().totals.segments_done, 6);

    // Two of one name: one is told that there is another.
    let twice = [0, 1].map(|_| publish(clip(20, true), address(&rig, "/live/twice")));
    let [first, second] = <[Output; 2]>::try_from(futures_util::future::join_all(twice).await).unwrap();
    let refused = [&first, &second]
        .iter()
        .filter(|output| String::from_utf8_lossy(&output.stderr).contains("being published already"))
        .count();
    assert_eq!(refused, 1, "{first:?} {second:?}");
}

#[tokio::test]
async fn a_publisher_needs_its_key_and_a_codec_that_segments_carry() {
    let (key, hash) = new_key();
    let ring = KeyRing::parse(&format!("[[key]]\nname = \"obs\"\nhash = \"{hash}\"\n")).unwrap();
    let mut rig = rig(|config| {
        listening(config);
        config.keys = Some(ring);
    })
    .await;
    for path in ["/live/show", "/live/show/lpk_wrong"] {
        let refused = publish(clip(2, true), address(&rig, path)).await;
        let complaint = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(
            !refused.status.success() && complaint.contains("API key"),
            "{complaint}"
        );
    }
    assert!(rig.ingest.status().streams.is_empty());
    let published = publish(clip(2, true), address(&rig, &format!("/live/show/{}", *key))).await;
    assert!(published.status.success(), "{published:?}");
    assert_eq!(
        rig.end_of_stream().await,
        ("show".into(), "the publisher left".into())
    );

    let old = drawn("gateway-sorenson.flv", |command: &mut Command| {
        command.args(["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=30:duration=4"]);
        command.args(["-c:v", "flv1", "-f", "flv"]);
    });
    publish(
        old.to_str().unwrap().to_string(),
        address(&rig, &format!("/live/old/{}", *key)),
    )
    .await;
    assert_eq!(rig.get("/stream/old.m3u8").await.0, 404);
}

#[tokio::test]
async fn strangers_on_the_port_are_cut_off() {
    let rig = rig(listening).await;
    let port = rig.ingest.rtmp_addr().unwrap();
    for bytes in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[3; 5000]] {
        let mut stream = TcpStream::connect(port).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        // Closed or reset: in any case over.
        let read = timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
        let _ = read.expect("the connection ends");
    }
    // Somebody who begins and says nothing more holds nobody up.
    let _silent = TcpStream::connect(port).await.unwrap();
    let published = publish(clip(2, true), address(&rig, "/live/show")).await;
    assert!(published.status.success(), "{published:?}");
}

#[tokio::test]
async fn a_stream_under_way_is_finished_when_the_gateway_stops() {
    let mut rig = rig(listening).await;
    let mut command = Command::new("ffmpeg");
    command.args([
        "-v",
        "quiet",
        "-nostdin",
        "-re",
        "-stream_loop",
        "20",
        "-i",
        &clip(4, true),
    ]);
    command.args(["-c", "copy", "-f", "flv", &address(&rig, "/live/show")]);
    let mut publisher = command.stdin(Stdio::null()).spawn().unwrap();
    let started = rig.event().await;
    assert!(
        matches!(started, IngestEvent::StreamStarted { .. }),
        "{started:?}"
    );
    let report = timeout(PATIENCE, rig.ingest.stop()).await.unwrap();
    let _ = publisher.kill();
    let _ = publisher.wait();
    assert!(report.finished, "{report:?}");
    assert!(report.totals.segments_done >= 1, "{report:?}");
    assert_eq!(report.totals.segments_failed, 0, "{report:?}");
}
