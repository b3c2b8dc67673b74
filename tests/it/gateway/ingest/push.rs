//! `PUT|POST /live/…`: every row of the table of statuses, and the answer byte for byte.

use std::{process::Command, time::Duration};

use bytes::Bytes;
use engine::{
    gateway::{
        Discovery, GatewaySettings,
        ingest::{IngestConfig, LogSettings, start},
    },
    view::ingest::{IngestEvent, Origin, SegmentOutcome, SegmentRecord},
    wire::signature::Offchain,
};
use reqwest::Method;
use serde_json::Value;
use testbed::clip::{ClipSpec, drawn, segment};

use super::harness::{PATIENCE, client, clip, later_clip, parsed, raw, request, rig, scripted_rig};
use crate::gateway::{rung, scripted::Deed};

#[tokio::test]
async fn what_is_wrong_with_a_request_is_answered_before_its_segment_is_looked_at() {
    let rig = rig(|_| {}).await;
    let say = async |method: &str, path: &str, headers: &[(&str, &str)]| {
        let answer = raw(rig.address(), &request(method, path, headers, b"no segment")).await;
        let (status, head, body) = parsed(&answer);
        assert!(head.contains("content-type: text/plain; charset=utf-8"), "{head}");
        (status, String::from_utf8(body).unwrap())
    };
    let (status, text) = say("GET", "/live/m/1.ts", &[]).await;
    assert_eq!(status, 405);
    assert_eq!(
        text,
        "http push request wrong method=GET url=/live/m/1.ts host=gateway.example:9935\n"
    );
    let (status, text) = say(
        "PUT",
        "/live/m/1.ts",
        &[("Livepeer-Transcode-Configuration", "{\"profiles\":")],
    )
    .await;
    assert_eq!(status, 400);
    assert!(
        text.starts_with("failed to parse transcode config header: "),
        "{text}"
    );
    assert_eq!(
        say("POST", "/live/m/index.m3u8", &[]).await,
        (400, "ignoring file extension: .m3u8\n".into())
    );
    assert_eq!(
        say("POST", "/live//1.ts", &[]).await,
        (400, "Bad URL url=http://gateway.example:9935/live//1.ts\n".into())
    );
    let slice = [("Content-Slice-From", "2"), ("Content-Slice-To", "1")];
    assert_eq!(say("PUT", "/live/m/1.ts", &slice).await.0, 400);
    assert_eq!(say("PUT", "/nothing/here", &[]).await.0, 404);
    // Nothing of that opened a stream.
    assert!(rig.ingest.status().streams.is_empty());
}

#[tokio::test]
async fn a_segment_is_transcoded_and_answered_with_nothing_or_with_its_renditions() {
    let rig = rig(|_| {}).await;
    let data = clip();
    let (status, body) = rig.push("/live/movie/0.ts", &[], data.clone()).await;
    assert_eq!((status, body.as_str()), (200, ""));
    // Only the exact word asks for renditions.
    let (status, body) = rig
        .push(
            "/live/movie/1.ts",
            &[("Accept", "multipart/mixed; q=1")],
            data.clone(),
        )
        .await;
    assert_eq!((status, body.as_str()), (200, ""));

    let headers = [("Accept", "multipart/mixed"), ("Content-Duration", "2000")];
    let answer = raw(
        rig.address(),
        &request("POST", "/live/movie/2.ts", &headers, &data),
    )
    .await;
    let (status, head, body) = parsed(&answer);
    assert_eq!(status, 200);
    let kind = head
        .lines()
        .find_map(|line| line.strip_prefix("content-type: "))
        .unwrap();
    let boundary = kind.strip_prefix("multipart/mixed; boundary=").unwrap();
    assert_eq!(boundary.len(), 20);
    assert!(boundary.bytes().all(|byte| b"0123456789abcdef".contains(&byte)));
    let expected = [
        format!(
            "--{boundary}\r\n\
             Content-Disposition: attachment; filename=\"same_2.ts\"\r\n\
             Content-Length: {}\r\n\
             Content-Type: video/mp2t; name=\"same_2.ts\"\r\n\
             Rendition-Name: same\r\n\r\n",
            data.len()
        )
        .as_bytes(),
        &data,
        format!("\r\n--{boundary}--\r\n").as_bytes(),
    ]
    .concat();
    assert!(body == expected, "the answer is another one");

    let status = rig.ingest.status();
    assert_eq!(status.totals.segments_done, 3);
    assert_eq!(status.streams[0].manifest_id, "movie");
    assert_eq!(status.streams[0].origin, Origin::Push);
}

#[tokio::test]
async fn what_cannot_be_transcoded_is_answered_with_422() {
    let rig = scripted_rig(
        |seq, _| match seq {
            0 => Deed::Fail("TranscoderInvalidVideo"),
            1 => Deed::Fail("something went wrong"),
            _ => Deed::Honest,
        },
        |_| {},
    )
    .await;
    let (status, text) = rig.push("/live/m/0.ts", &[], clip()).await;
    assert_eq!(status, 422);
    assert_eq!(
        text,
        format!(
            "http push error processing segment url={} manifestID=m err=\"TranscoderInvalidVideo\"\n",
            rig.url("/live/m/0.ts")
        )
    );
    assert_eq!(rig.orchestrator.attempts(0), 1);
    let (status, text) = rig.push("/live/m/1.ts", &[], clip()).await;
    assert_eq!(status, 422);
    assert!(text.contains("err=\"hit max transcode attempts: "), "{text}");
    // The stream goes on.
    assert_eq!(rig.push("/live/m/2.ts", &[], clip()).await.0, 200);

    let (status, text) = rig
        .push("/live/m/3.ts", &[], Bytes::from_static(b"no video"))
        .await;
    assert_eq!(status, 422);
    assert!(text.starts_with("Error getting codec info url="), "{text}");
    let foreign = drawn("gateway-mpeg2.ts", |command: &mut Command| {
        command.args(["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=30:duration=1"]);
        command.args(["-c:v", "mpeg2video", "-f", "mpegts"]);
    });
    let foreign = std::fs::read(foreign).unwrap().into();
    let (status, text) = rig.push("/live/m/4.ts", &[], foreign).await;
    assert_eq!(status, 422);
    assert!(text.starts_with("Unknown input stream codec="), "{text}");
}

#[tokio::test]
async fn without_an_orchestrator_there_are_no_sessions() {
    let nobody = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("https://{}", listener.local_addr().unwrap())
    };
    let settings = GatewaySettings::new(
        Discovery::list([nobody.parse().unwrap()]),
        std::sync::Arc::new(Offchain),
    );
    let config = IngestConfig::local(vec![rung("same", 320, 180)]);
    let ingest = start(config, settings).await.unwrap();
    let url = format!("http://{}/live/m/0.ts", ingest.http_addr());
    let response = client().put(url).body(clip()).send().await.unwrap();
    assert_eq!(response.status(), 503);
    assert_eq!(response.text().await.unwrap(), "No sessions available\n");
    // The source plays nevertheless.
    let url = format!("http://{}/stream/m/source.m3u8", ingest.http_addr());
    let playlist = client().get(url).send().await.unwrap().text().await.unwrap();
    assert!(playlist.contains("source/0.ts"), "{playlist}");
}

#[tokio::test]
async fn more_streams_than_may_be_are_refused() {
    let rig = rig(|config| config.max_streams = 2).await;
    for name in ["a", "b"] {
        let path = format!("/live/{name}/0.ts");
        assert_eq!(rig.push(&path, &[], clip()).await.0, 200);
    }
    let (status, text) = rig.push("/live/c/0.ts", &[], clip()).await;
    assert_eq!(status, 500);
    assert_eq!(text, "too many streams: this gateway takes 2 at once\n");
    assert_eq!(rig.push("/live/b/1.ts", &[], later_clip(1)).await.0, 200);
}

#[tokio::test]
async fn a_stream_that_ended_makes_room_and_gives_its_sessions_back() {
    let mut rig = rig(|config| {
        config.max_streams = 1;
        config.limits.push_idle = Duration::from_millis(500);
    })
    .await;
    // A segment that is none holds no place.
    assert_eq!(
        rig.push("/live/a/0.ts", &[], Bytes::from_static(b"x")).await.0,
        422
    );
    assert_eq!(rig.push("/live/b/0.ts", &[], clip()).await.0, 200);
    let (_, reason) = rig.end_of_stream().await;
    assert_eq!(reason, "nothing was pushed for 0 s");
    assert_eq!(rig.push("/live/c/0.ts", &[], clip()).await.0, 200);
    rig.end_of_stream().await;
    tokio::time::timeout(PATIENCE, async {
        while rig.orchestrator.ended().len() < 2 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("the sessions are given back");
}

#[tokio::test]
async fn the_header_chooses_profiles_and_none_of_them_is_no_transcoding() {
    let rig = scripted_rig(|_, _| Deed::Fail("TranscoderInvalidVideo"), |_| {}).await;
    let header = |text: &'static str| {
        [
            ("Livepeer-Transcode-Configuration", text),
            ("Accept", "multipart/mixed"),
        ]
    };
    let (status, body) = rig
        .push("/live/none/0.ts", &header("{\"profiles\":[]}"), clip())
        .await;
    assert_eq!((status, body.as_str()), (200, ""));
    assert_eq!(rig.orchestrator.attempts(0), 0);
    let playlist = rig.get("/stream/none.m3u8").await.1;
    assert!(
        playlist.contains("none/source.m3u8") && !playlist.contains("same"),
        "{playlist}"
    );
    // Its own name for the stream.
    let (status, _) = rig
        .push(
            "/live/other/0.ts",
            &header("{\"manifestID\":\"mine\",\"profiles\":[]}"),
            clip(),
        )
        .await;
    assert_eq!(status, 200);
    assert_eq!(rig.get("/stream/mine/source.m3u8").await.0, 200);
    assert_eq!(rig.get("/stream/other.m3u8").await.0, 404);
    let (status, text) = rig
        .push(
            "/live/bad/0.ts",
            &header("{\"profiles\":[{\"width\":1}]}"),
            clip(),
        )
        .await;
    assert_eq!(status, 400, "{text}");
}

#[tokio::test]
async fn a_segment_without_pictures_is_its_own_rendition() {
    let rig = scripted_rig(|_, _| Deed::Fail("TranscoderInvalidVideo"), |_| {}).await;
    // Everything but the packets of the video track, which ffmpeg numbers 256.
    let silent: Vec<u8> = clip()
        .chunks(188)
        .filter(|packet| u16::from_be_bytes([packet[1] & 0x1f, packet[2]]) != 256)
        .flatten()
        .copied()
        .collect();
    let headers = [("Accept", "multipart/mixed")];
    let response = rig
        .send(Method::POST, "/live/m/0.ts", &headers, silent.clone().into())
        .await;
    assert_eq!(response.status(), 200);
    let body = response.bytes().await.unwrap();
    assert!(body.windows(silent.len()).any(|window| window == silent));
    assert_eq!(rig.orchestrator.attempts(0), 0);
}

#[tokio::test]
async fn a_source_that_changes_is_a_break_and_a_stream_without_pushes_ends() {
    let mut rig = rig(|config| config.limits.push_idle = Duration::from_secs(1)).await;
    let small = segment(ClipSpec {
        width: 160,
        height: 90,
        ..ClipSpec::default()
    });
    for (seq, data) in [clip(), later_clip(1), small].into_iter().enumerate() {
        assert_eq!(rig.push(&format!("/live/m/{seq}.ts"), &[], data).await.0, 200);
    }
    let playlist = rig.get("/stream/m/same.m3u8").await.1;
    assert!(
        playlist.ends_with(
            "#EXTINF:2.000,\nsame/0.ts\n#EXTINF:2.000,\nsame/1.ts\n#EXT-X-DISCONTINUITY\n#EXTINF:2.000,\nsame/2.ts\n"
        ),
        "{playlist}"
    );
    let started = rig.event().await;
    assert!(
        matches!(started, IngestEvent::StreamStarted { ref manifest_id, .. } if manifest_id == "m"),
        "{started:?}"
    );
    let (manifest, reason) = rig.end_of_stream().await;
    assert_eq!(
        (manifest.as_str(), reason.as_str()),
        ("m", "nothing was pushed for 1 s")
    );
    let playlist = rig.get("/stream/m/same.m3u8").await.1;
    assert!(playlist.ends_with("#EXT-X-ENDLIST\n"), "{playlist}");
}

#[tokio::test]
async fn the_log_has_a_line_for_each_segment_and_the_status_gos_keys() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("segments.jsonl");
    let rig = scripted_rig(
        |seq, attempt| match (seq, attempt) {
            (1, 1) => Deed::Fail("busy for once"),
            (2, _) => Deed::Fail("TranscoderInvalidVideo"),
            _ => Deed::Honest,
        },
        |config| config.log = Some(LogSettings::new(path.clone())),
    )
    .await;
    for seq in 0..3 {
        rig.push(&format!("/live/m/{seq}.ts"), &[], clip()).await;
    }
    let status: Value = rig
        .client
        .get(rig.operator_url("/status"))
        .send()
        .await
        .unwrap()
        .bytes()
        .await
        .map(|body| serde_json::from_slice(&body).unwrap())
        .unwrap();
    for key in [
        "Manifests",
        "InternalManifests",
        "StreamInfo",
        "OrchestratorPool",
        "OrchestratorPoolInfos",
        "Version",
        "GolangRuntimeVersion",
        "GOArch",
        "GOOS",
        "RegisteredTranscodersNumber",
        "RegisteredTranscoders",
        "LocalTranscoding",
        "BroadcasterPrices",
    ] {
        assert!(!status[key].is_null(), "{key} is missing: {status}");
    }
    assert_eq!(status["Manifests"]["m"]["Variants"][1]["URI"], "m/same.m3u8");
    assert_eq!(status["StreamInfo"]["m"]["SourceBytes"], 3 * clip().len());
    assert!(
        status["OrchestratorPool"][0]
            .as_str()
            .unwrap()
            .starts_with("http://127.0.0.1:")
    );

    let report = tokio::time::timeout(PATIENCE, rig.ingest.stop()).await.unwrap();
    assert!(report.finished && report.cause.is_none(), "{report:?}");
    assert_eq!(
        (report.totals.segments_done, report.totals.segments_failed),
        (2, 1)
    );
    let text = std::fs::read_to_string(&path).unwrap();
    let records: Vec<SegmentRecord> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let outcomes: Vec<_> = records.iter().map(|record| record.outcome).collect();
    assert_eq!(
        outcomes,
        [SegmentOutcome::Done, SegmentOutcome::Done, SegmentOutcome::Failed]
    );
    assert_eq!(records[0].attempts.len(), 1);
    assert_eq!(records[1].attempts.len(), 2);
    assert_eq!(records[1].attempts[0].failure.as_deref(), Some("busy for once"));
    assert_eq!(records[0].pixels, 60 * 320 * 180);
    assert_eq!(records[2].error.as_deref(), Some("TranscoderInvalidVideo"));
}

#[tokio::test]
async fn a_gateway_answers_what_gos_tools_ask_of_one() {
    let rig = rig(|_| {}).await;
    let ask = async |path: &str| {
        let answer = rig.client.get(rig.operator_url(path)).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        String::from_utf8(answer.bytes().await.unwrap().to_vec()).unwrap()
    };
    assert_eq!(ask("/IsOrchestrator").await, "false");
    assert_eq!(ask("/IsRedeemer").await, "false");
    assert_eq!(ask("/localStreams").await, "[]");
    assert_eq!(ask("/getAISessionPoolsInfo").await, "{}");
    assert_eq!(ask("/manifestID").await, "");
    assert_eq!(rig.push("/live/m/0.ts", &[], clip()).await.0, 200);
    assert_eq!(ask("/manifestID").await, "m");
    let config: Value = serde_json::from_str(&ask("/getBroadcastConfig").await).unwrap();
    assert_eq!(config["MaxPrice"], Value::Null);
    assert_eq!(config["TranscodingOptions"], "same");
    let names: Vec<String> = serde_json::from_str(&ask("/getAvailableTranscodingOptions").await).unwrap();
    assert_eq!(names.len(), 13);
}
