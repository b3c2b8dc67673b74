//! The operator's API of a transcoder.

use engine::{
    config::{LogLevel, SessionsChoice},
    node::{KeptSettings, LogControl},
    view::node::{NodeMode, NodeStatus},
    wire::client::download_client,
};
use eventsource_stream::Eventsource;
use futures_util::StreamExt;
use reqwest::StatusCode;

use super::scripted::{Gate, Orchestrator, PATIENCE, Rig, transcoder_at};

async fn post(rig: &Rig, path: &str, body: &str) -> (StatusCode, Vec<u8>) {
    let client = download_client(PATIENCE).unwrap();
    let answer = client
        .post(rig.operator_url(path))
        .body(body.to_string())
        .send()
        .await
        .unwrap();
    (answer.status(), answer.bytes().await.unwrap().to_vec())
}

#[tokio::test]
async fn it_tells_changes_and_drains_like_any_node() {
    let orchestrator = Orchestrator::start().await;
    let told = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let heard = std::sync::Arc::clone(&told);
    let rig = transcoder_at(orchestrator.address, Gate::new(true), |config| {
        config.capacity = 3;
        config.log = Some(LogControl::new(move |level| {
            told.lock().unwrap().push(level);
            Ok(())
        }));
    })
    .await;
    orchestrator.registered(1).await;
    let client = download_client(PATIENCE).unwrap();
    let health = client.get(rig.operator_url("/healthz")).send().await.unwrap();
    assert_eq!(health.status(), StatusCode::OK);
    let events = client
        .get(rig.operator_url("/api/v1/events"))
        .send()
        .await
        .unwrap();
    let mut events = events.bytes_stream().eventsource();
    let event = tokio::time::timeout(PATIENCE, events.next()).await.unwrap();
    let status: NodeStatus = serde_json::from_str(&event.unwrap().unwrap().data).unwrap();
    assert_eq!(status.mode, NodeMode::Transcoder);
    assert_eq!(status.service_uri, format!("https://{}", orchestrator.address));

    // More sessions are told by registering again.
    let (answered, body) = post(&rig, "/api/v1/settings", r#"{"max_sessions":5}"#).await;
    assert_eq!(answered, StatusCode::OK);
    let status: NodeStatus = serde_json::from_slice(&body).unwrap();
    assert_eq!(status.max_sessions, 5);
    assert_eq!(orchestrator.registered(2).await.capacity, 5);
    let (answered, _) = post(&rig, "/api/v1/settings", r#"{"log_level":"debug"}"#).await;
    assert_eq!(answered, StatusCode::OK);
    assert_eq!(*heard.lock().unwrap(), [LogLevel::Debug]);
    let kept = KeptSettings::read(&rig.data_dir()).unwrap();
    assert_eq!(kept.log_level, Some(LogLevel::Debug));
    assert_eq!(kept.max_sessions.map(SessionsChoice::most), Some(5));

    let (answered, body) = post(&rig, "/api/v1/settings", r#"{"max_sessions":"auto"}"#).await;
    assert_eq!(answered, StatusCode::CONFLICT);
    assert!(String::from_utf8(body).unwrap().contains("`auto` is none"));
    for wrong in [
        "",
        "{",
        r#"{"max_sessions":0}"#,
        r#"{"log_level":"loud"}"#,
        r#"{"price":1}"#,
    ] {
        let (answered, _) = post(&rig, "/api/v1/settings", wrong).await;
        assert_eq!(answered, StatusCode::BAD_REQUEST, "{wrong}");
    }
    let (answered, body) = post(&rig, "/api/v1/drain", "").await;
    assert_eq!(answered, StatusCode::OK);
    let status: NodeStatus = serde_json::from_slice(&body).unwrap();
    assert!(status.draining);
    orchestrator.left(2).await;
}
