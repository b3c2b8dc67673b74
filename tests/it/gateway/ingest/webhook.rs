//! The auth webhook: what it is asked, and what comes of each of its answers, right or wrong.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use engine::gateway::ingest::IngestConfig;
use futures_util::StreamExt as _;
use serde_json::Value;

use super::{
    harness::{PATIENCE, clip, later_clip, rig},
    rtmp::{address, clip as clip_of, listening, publish},
};

/// What a webhook does when it is asked.
#[derive(Debug, Clone)]
enum Say {
    Answer(u16, String),
    Hang,
    Huge,
    Redirect,
}

#[derive(Clone)]
struct Webhook {
    say: Arc<Mutex<Say>>,
    asked: Arc<Mutex<Vec<Value>>>,
    address: SocketAddr,
}

impl Webhook {
    async fn start(say: Say) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let webhook = Self {
            say: Arc::new(Mutex::new(say)),
            asked: Arc::default(),
            address: listener.local_addr().unwrap(),
        };
        let routes = Router::new()
            .route("/auth", post(answer))
            .route("/elsewhere", post(|| async { "{\"manifestID\":\"stolen\"}" }))
            .with_state(webhook.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        webhook
    }

    async fn saying(status: u16, text: &str) -> Self {
        Self::start(Say::Answer(status, text.into())).await
    }

    fn guard(&self, config: &mut IngestConfig) {
        let url = format!("http://{}/auth?token=SECRET", self.address);
        config.webhook = Some(url.parse().unwrap());
    }

    fn asked(&self) -> Vec<Value> {
        self.asked.lock().unwrap().clone()
    }
}

async fn answer(State(webhook): State<Webhook>, headers: HeaderMap, body: String) -> Response {
    assert_eq!(headers["content-type"], "application/json");
    webhook
        .asked
        .lock()
        .unwrap()
        .push(serde_json::from_str(&body).unwrap());
    let say = webhook.say.lock().unwrap().clone();
    match say {
        Say::Answer(status, text) => (StatusCode::from_u16(status).unwrap(), text).into_response(),
        Say::Hang => std::future::pending().await,
        Say::Huge => {
            let block = bytes::Bytes::from(vec![b' '; 1 << 16]);
            let endless = futures_util::stream::repeat(block).map(Ok::<_, std::io::Error>);
            Body::from_stream(endless).into_response()
        }
        Say::Redirect => (StatusCode::TEMPORARY_REDIRECT, [("location", "/elsewhere")]).into_response(),
    }
}

#[tokio::test]
async fn a_yes_to_one_sender_is_none_to_the_next() {
    let webhook = Webhook::saying(200, "").await;
    let rig = rig(|config| webhook.guard(config)).await;
    assert_eq!(rig.push("/live/x/0.ts", &[], clip()).await.0, 200);
    *webhook.say.lock().unwrap() = Say::Answer(403, String::new());
    let elsewhere = [("host", "elsewhere.example")];
    let refused = rig.push("/live/x/1.ts", &elsewhere, later_clip(1)).await;
    assert_ne!(refused.0, 200);
    assert_eq!(rig.push("/live/x/1.ts", &[], later_clip(1)).await.0, 200);
    assert_eq!(webhook.asked().len(), 2);
}

#[tokio::test]
async fn the_webhook_is_asked_once_a_stream_and_names_it() {
    let webhook = Webhook::saying(
        200,
        r#"{"manifestID":"inner","streamID":"s1","sessionID":"t1","presets":[],"profiles":[{"name":"tiny","width":320,"height":180,"bitrate":100000}]}"#,
    )
    .await;
    let rig = rig(|config| webhook.guard(config)).await;
    for seq in 0..2 {
        let path = format!("/live/outer/{seq}.ts?query=1");
        assert_eq!(rig.push(&path, &[], later_clip(seq)).await.0, 200);
    }
    let asked = webhook.asked();
    assert_eq!(asked.len(), 1);
    let url = format!("http://{}/live/outer/0.ts", rig.address());
    assert_eq!(asked[0], serde_json::json!({ "url": url }));
    let stream = rig.ingest.status().streams.remove(0);
    assert_eq!(stream.manifest_id, "inner");
    assert_eq!(stream.pushed_as.as_deref(), Some("outer"));
    assert_eq!(stream.stream_id.as_deref(), Some("s1"));
    assert_eq!(stream.session_id.as_deref(), Some("t1"));
    assert_eq!(stream.renditions, ["tiny"]);
    assert_eq!(rig.get("/stream/inner/tiny/1.ts").await.0, 200);
    let status: Value = serde_json::from_slice(
        &rig.client
            .get(rig.operator_url("/status"))
            .send()
            .await
            .unwrap()
            .bytes()
            .await
            .unwrap(),
    )
    .unwrap();
    assert_eq!(status["InternalManifests"]["outer"], "inner");
}

#[tokio::test]
async fn an_empty_answer_is_a_plain_yes_and_an_empty_list_no_transcoding() {
    let webhook = Webhook::saying(200, "").await;
    let rig = rig(|config| webhook.guard(config)).await;
    assert_eq!(rig.push("/live/plain/0.ts", &[], clip()).await.0, 200);
    assert_eq!(rig.get("/stream/plain/same/0.ts").await.0, 200);
    *webhook.say.lock().unwrap() = Say::Answer(200, r#"{"manifestID":"kept","profiles":[]}"#.into());
    assert_eq!(rig.push("/live/kept/0.ts", &[], clip()).await.0, 200);
    assert_eq!(rig.get("/stream/kept/source/0.ts").await.0, 200);
    assert_eq!(rig.get("/stream/kept/same/0.ts").await.0, 404);
}

#[tokio::test]
async fn a_no_and_what_cannot_be_followed_are_answered_without_the_reason() {
    let webhook = Webhook::saying(403, "SECRET reason").await;
    let rig = rig(|config| webhook.guard(config)).await;
    let told = format!("Could not create stream ID: url={}\n", rig.url("/live/m/0.ts"));
    for (status, text, expected) in [
        (403, "SECRET reason", 403),
        (500, "SECRET reason", 403),
        (204, "", 403),
        (200, "SECRET garbage", 403),
        (200, r#"{"streamID":"SECRET"}"#, 403),
        (200, r#"{"manifestID":"m","profiles":[{"width":1}]}"#, 500),
        (200, r#"{"manifestID":"m","objectStore":"s3://SECRET"}"#, 500),
        (
            200,
            r#"{"manifestID":"m","recordObjectStore":"s3://SECRET"}"#,
            500,
        ),
    ] {
        *webhook.say.lock().unwrap() = Say::Answer(status, text.into());
        let answered = rig.push("/live/m/0.ts", &[], clip()).await;
        assert_eq!(answered, (expected, told.clone()), "{status} {text}");
    }
    for say in [Say::Huge, Say::Redirect] {
        *webhook.say.lock().unwrap() = say.clone();
        let answered = rig.push("/live/m/0.ts", &[], clip()).await;
        assert_eq!(answered, (403, told.clone()), "{say:?}");
    }
    assert!(rig.ingest.status().streams.is_empty());
    // A no is no memory: asked again, it may be a yes.
    *webhook.say.lock().unwrap() = Say::Answer(200, String::new());
    assert_eq!(rig.push("/live/m/0.ts", &[], clip()).await.0, 200);
}

#[tokio::test]
async fn a_webhook_that_never_answers_or_is_not_there_lets_nobody_in() {
    let webhook = Webhook::start(Say::Hang).await;
    let rig1 = rig(|config| webhook.guard(config)).await;
    let asking = tokio::time::timeout(PATIENCE, rig1.push("/live/m/0.ts", &[], clip()));
    assert_eq!(asking.await.unwrap().0, 403);
    let nobody = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let rig2 = rig(|config| config.webhook = Some(format!("http://{nobody}/").parse().unwrap())).await;
    assert_eq!(rig2.push("/live/m/0.ts", &[], clip()).await.0, 403);
}

#[tokio::test]
async fn header_and_webhook_must_ask_for_the_same_profiles() {
    let profiles = r#""profiles":[{"name":"tiny","width":320,"height":180,"bitrate":1}]"#;
    let webhook = Webhook::saying(200, &format!(r#"{{"manifestID":"m",{profiles}}}"#)).await;
    let rig = rig(|config| webhook.guard(config)).await;
    let push = async |name: &str, header: String| {
        let headers = [("Livepeer-Transcode-Configuration", header.as_str())];
        rig.push(&format!("/live/{name}/0.ts"), &headers, clip()).await.0
    };
    assert_eq!(push("a", r#"{"profiles":[]}"#.into()).await, 500);
    let other = profiles.replace("tiny", "small");
    assert_eq!(push("a", format!("{{{other}}}")).await, 500);
    assert_eq!(push("a", format!("{{{profiles}}}")).await, 200);
}

#[tokio::test]
async fn two_names_of_one_stream_leave_it_to_the_newer() {
    let webhook = Webhook::saying(200, r#"{"manifestID":"one"}"#).await;
    let mut rig = rig(|config| {
        webhook.guard(config);
        config.limits.push_idle = Duration::from_secs(600);
    })
    .await;
    assert_eq!(rig.push("/live/a/0.ts", &[], clip()).await.0, 200);
    assert_eq!(rig.push("/live/b/1.ts", &[], later_clip(1)).await.0, 200);
    let (manifest, reason) = rig.end_of_stream().await;
    assert_eq!(manifest, "one");
    assert_eq!(reason, "another stream of the same name has begun");
    let playlist = rig.get("/stream/one/same.m3u8").await.1;
    assert!(playlist.contains("same/0.ts\n#EXT-X-DISCONTINUITY"), "{playlist}");
    assert!(
        playlist.contains("same/1.ts") && !playlist.contains("ENDLIST"),
        "{playlist}"
    );
}

#[tokio::test]
async fn publishers_over_rtmp_are_asked_about_too() {
    let webhook = Webhook::saying(403, "").await;
    let mut rig = rig(|config| {
        webhook.guard(config);
        listening(config);
    })
    .await;
    let url = address(&rig, "/live/show/key?token=1");
    let refused = publish(clip_of(2, true), url.clone()).await;
    assert!(!refused.status.success(), "{refused:?}");
    assert_eq!(webhook.asked(), [serde_json::json!({ "url": url })]);
    *webhook.say.lock().unwrap() = Say::Answer(
        200,
        r#"{"manifestID":"inner","presets":["P144p30fps16x9"]}"#.into(),
    );
    let published = publish(clip_of(2, true), url).await;
    assert!(published.status.success(), "{published:?}");
    assert_eq!(rig.end_of_stream().await.0, "inner");
    let master = rig.get("/stream/inner.m3u8").await.1;
    assert!(master.contains("inner/P144p30fps16x9.m3u8"), "{master}");
}
