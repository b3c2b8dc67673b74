//! HLS: what players are given, read by one.

use std::process::Command;

use serde_json::Value;

use super::harness::{later_clip, rig};

/// What ffprobe makes of an address, as JSON.
pub async fn ffprobe(url: &str) -> Value {
    let url = url.to_string();
    let probe = move || {
        let mut command = Command::new("ffprobe");
        command.args(["-v", "error", "-print_format", "json", "-count_packets"]);
        command.args(["-show_streams", "-show_format", "-show_programs", &url]);
        command.output().unwrap()
    };
    let output = tokio::task::spawn_blocking(probe).await.unwrap();
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ffprobe cannot read it: {complaints}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test]
async fn a_player_reads_the_last_six_segments_of_every_track() {
    let mut rig = rig(|config| config.limits.push_idle = std::time::Duration::from_secs(2)).await;
    for seq in 0..8 {
        let path = format!("/live/show/{seq}.ts");
        assert_eq!(rig.push(&path, &[], later_clip(seq)).await.0, 200);
    }
    let (status, master) = rig.get("/stream/show.m3u8").await;
    assert_eq!(status, 200);
    assert!(
        master.starts_with("#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-STREAM-INF:PROGRAM-ID=0,BANDWIDTH="),
        "{master}"
    );
    assert!(
        master.contains(",RESOLUTION=320x180\nshow/source.m3u8\n"),
        "{master}"
    );
    assert!(
        master.ends_with("#EXT-X-STREAM-INF:PROGRAM-ID=0,BANDWIDTH=300000\nshow/same.m3u8\n"),
        "{master}"
    );
    let (status, media) = rig.get("/stream/show/same.m3u8").await;
    assert_eq!(status, 200);
    let listed: Vec<_> = media.lines().filter(|line| line.ends_with(".ts")).collect();
    let expected: Vec<_> = (2..8).map(|seq| format!("same/{seq}.ts")).collect();
    assert_eq!(listed, expected);
    assert!(media.contains("#EXT-X-MEDIA-SEQUENCE:2\n"), "{media}");
    // What left the list can still be fetched for a while.
    assert_eq!(rig.get("/stream/show/same/0.ts").await.0, 200);
    // A list that has ended is read from its beginning.
    rig.end_of_stream().await;
    for track in ["source", "same"] {
        let found = ffprobe(&rig.url(&format!("/stream/show/{track}.m3u8"))).await;
        let video = &found["streams"][0];
        assert_eq!(
            (&video["codec_name"], &video["width"]),
            (&"h264".into(), &320.into())
        );
        assert_eq!(video["nb_read_packets"], (6 * 60).to_string());
    }
    let found = ffprobe(&rig.url("/stream/show.m3u8")).await;
    assert_eq!(found["programs"].as_array().map(Vec::len), Some(2), "{found}");
}

#[tokio::test]
async fn players_anywhere_are_given_what_they_need_to_know() {
    let rig = rig(|_| {}).await;
    assert_eq!(rig.push("/live/show/0.ts", &[], later_clip(0)).await.0, 200);
    for (path, kind, cache) in [
        ("/stream/show.m3u8", "application/vnd.apple.mpegurl", "no-cache"),
        (
            "/stream/show/source.m3u8",
            "application/vnd.apple.mpegurl",
            "no-cache",
        ),
        ("/stream/show/same/0.ts", "video/mp2t", "max-age=5"),
    ] {
        let response = rig.client.get(rig.url(path)).send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        let header = |name: &str| response.headers()[name].to_str().unwrap();
        assert_eq!(header("content-type"), kind);
        assert_eq!(header("cache-control"), cache);
        assert_eq!(header("access-control-allow-origin"), "*");
        let head = rig.client.head(rig.url(path)).send().await.unwrap();
        assert_eq!(head.headers()["content-length"], header("content-length"));
    }
    let asked = rig
        .client
        .request(reqwest::Method::OPTIONS, rig.url("/stream/show.m3u8"))
        .send()
        .await
        .unwrap();
    assert_eq!(asked.status(), 204);
    assert_eq!(
        asked.headers()["access-control-allow-methods"],
        "GET, HEAD, OPTIONS"
    );
    for path in [
        "/stream/other.m3u8",
        "/stream/show/other.m3u8",
        "/stream/show/same/9.ts",
        "/stream/show/same/0.txt",
        "/stream/show/same/0.ts/more",
    ] {
        assert_eq!(rig.get(path).await.0, 404, "{path}");
    }
    assert_eq!(rig.get("/healthz").await, (200, String::new()));
    let posted = rig
        .send(reqwest::Method::POST, "/stream/show.m3u8", &[], later_clip(0))
        .await;
    assert_eq!(posted.status(), 405);
}

#[tokio::test]
async fn an_mp4_comes_back_as_one() {
    let rig = rig(|_| {}).await;
    let clip = testbed::clip::segment(testbed::clip::ClipSpec {
        container: engine::media::ladder::Container::Mp4,
        ..testbed::clip::ClipSpec::default()
    });
    let response = rig
        .send(
            reqwest::Method::POST,
            "/live/m/3.mp4",
            &[("Accept", "multipart/mixed")],
            clip.clone(),
        )
        .await;
    assert_eq!(response.status(), 200);
    let body = response.bytes().await.unwrap();
    let head = String::from_utf8_lossy(&body[..300]).into_owned();
    assert!(
        head.contains("Content-Type: video/mp4; name=\"same_3.mp4\"\r\n"),
        "{head}"
    );
    let response = rig
        .client
        .get(rig.url("/stream/m/same/3.mp4"))
        .send()
        .await
        .unwrap();
    assert_eq!(response.headers()["content-type"], "video/mp4");
    assert_eq!(response.bytes().await.unwrap(), clip);
}
