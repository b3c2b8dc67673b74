//! API keys and their limits.

use engine::gateway::ingest::{KeyRing, new_key};

use super::harness::{clip, later_clip, rig};

fn entry(name: &str, more: &str) -> (String, String) {
    let (key, hash) = new_key();
    let entry = format!("[[key]]\nname = \"{name}\"\nhash = \"{hash}\"\n{more}\n");
    (format!("Bearer {}", *key), entry)
}

#[tokio::test]
async fn a_stream_needs_a_key_that_is_for_it() {
    let (studio, studio_entry) = entry("studio", "manifest_prefix = \"studio-\"");
    let (other, other_entry) = entry("other", "");
    let ring = KeyRing::parse(&(studio_entry + &other_entry)).unwrap();
    let rig = rig(|config| config.keys = Some(ring)).await;
    let push = async |path: &str, authorization: Option<&str>| {
        let headers: Vec<_> = authorization
            .map(|value| ("Authorization", value))
            .into_iter()
            .collect();
        rig.push(path, &headers, clip()).await
    };
    let (status, text) = push("/live/studio-1/0.ts", None).await;
    assert_eq!(status, 401);
    assert_eq!(text, "an API key is needed: send `Authorization: Bearer KEY`\n");
    let (status, text) = push("/live/studio-1/0.ts", Some("Bearer lpk_wrong")).await;
    assert_eq!((status, text.as_str()), (401, "the API key is not known\n"));
    let (status, text) = push("/live/mine/0.ts", Some(&studio)).await;
    assert_eq!(status, 403);
    assert_eq!(
        text,
        "this API key is for streams whose names begin with `studio-`\n"
    );
    assert_eq!(push("/live/studio-1/0.ts", Some(&studio)).await.0, 200);
    // Another key, though a good one, gets nothing into that stream.
    let (status, text) = push("/live/studio-1/1.ts", Some(&other)).await;
    assert_eq!(
        (status, text.as_str()),
        (403, "the stream belongs to another API key\n")
    );
    assert_eq!(rig.ingest.status().streams[0].key.as_deref(), Some("studio"));
    let unknown = rig.send(reqwest::Method::PUT, "/live/x/0.ts", &[], clip()).await;
    assert_eq!(unknown.headers()["www-authenticate"], "Bearer");
    // Playing needs none.
    assert_eq!(rig.get("/stream/studio-1.m3u8").await.0, 200);
}

#[tokio::test]
async fn a_name_that_comes_with_the_segment_is_no_way_around_the_key() {
    let (studio, studio_entry) = entry("studio", "manifest_prefix = \"studio-\"");
    let (other, other_entry) = entry("other", "");
    let ring = KeyRing::parse(&(studio_entry + &other_entry)).unwrap();
    let rig = rig(|config| config.keys = Some(ring)).await;
    let push = async |path: &str, key: &str, manifest: &str| {
        let header = format!("{{\"manifestID\":\"{manifest}\"}}");
        let headers = [
            ("Authorization", key),
            ("Livepeer-Transcode-Configuration", header.as_str()),
        ];
        rig.push(path, &headers, clip()).await
    };
    assert_eq!(push("/live/mine/0.ts", &other, "mine").await.0, 200);
    assert_eq!(
        push("/live/studio-1/0.ts", &studio, "mine").await,
        (
            403,
            "this API key is for streams whose names begin with `studio-`\n".into()
        )
    );
    assert_eq!(push("/live/studio-2/0.ts", &studio, "studio-3").await.0, 200);
    assert_eq!(
        push("/live/else/0.ts", &other, "studio-3").await,
        (403, "the stream belongs to another API key\n".into())
    );
    let streams = rig.ingest.status().streams;
    let open: Vec<_> = streams.iter().map(|stream| stream.manifest_id.as_str()).collect();
    assert_eq!(open, ["mine", "studio-3"]);
}

#[tokio::test]
async fn streams_and_pixels_of_a_key_are_limited() {
    // One segment has 60 frames of 320x180: more than may be made in ten seconds.
    let (pixels, pixels_entry) = entry("pixels", "max_pixels_per_second = 300000");
    let (streams, streams_entry) = entry("streams", "max_streams = 1");
    let ring = KeyRing::parse(&(pixels_entry + &streams_entry)).unwrap();
    let rig = rig(|config| config.keys = Some(ring)).await;
    let push = async |path: &str, key: &str| rig.push(path, &[("Authorization", key)], clip()).await;
    assert_eq!(push("/live/a/0.ts", &streams).await.0, 200);
    let (status, text) = push("/live/b/0.ts", &streams).await;
    assert_eq!(status, 429);
    assert_eq!(text, "this API key may send 1 streams at once, and does\n");
    assert_eq!(push("/live/a/1.ts", &streams).await.0, 200);

    assert_eq!(push("/live/p/0.ts", &pixels).await.0, 200);
    let authorization = [("Authorization", pixels.as_str())];
    let response = rig
        .send(
            reqwest::Method::PUT,
            "/live/p/1.ts",
            &authorization,
            later_clip(1),
        )
        .await;
    assert_eq!(response.status(), 429);
    let wait: u64 = response.headers()["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..=10).contains(&wait), "{wait}");
    let text = response.text().await.unwrap();
    assert!(
        text.starts_with("this API key has used up its pixels; try again in "),
        "{text}"
    );
}
