//! What the operator sees, and who may not.

use std::time::Duration;

use engine::{
    node::DeviceReader,
    operator::NodeApi,
    view::node::{Device, NodeStatus, StatusChange, StreamSession},
    wire::{net, signature::Offchain},
};
use eventsource_stream::{Event, Eventsource};
use futures_util::{Stream, StreamExt};
use reqwest::{Client, StatusCode};
use tokio::{io::AsyncWriteExt, net::TcpStream};

use super::{
    harness::{PATIENCE, Rig, credentials, data, h1, h2, held_node, ladder, node, node_with, result},
    transcoder::clip,
};

/// Reads events until one fits.
async fn event(
    events: &mut (impl Stream<Item = NodeStatus> + Unpin),
    fits: impl Fn(&NodeStatus) -> bool,
) -> NodeStatus {
    let waiting = async {
        loop {
            let status = events.next().await.expect("the stream goes on");
            if fits(&status) {
                return status;
            }
        }
    };
    tokio::time::timeout(PATIENCE, waiting)
        .await
        .expect("the event comes")
}

async fn raw_events(rig: &Rig, path: &str) -> impl Stream<Item = Event> + Unpin + use<> {
    let answer = h1().get(rig.operator_url(path)).send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    answer.bytes_stream().eventsource().map(Result::unwrap)
}

async fn events(rig: &Rig) -> impl Stream<Item = NodeStatus> + Unpin + use<> {
    raw_events(rig, "/api/v1/events").await.map(|event| {
        assert_eq!(event.event, "status");
        serde_json::from_str(&event.data).unwrap()
    })
}

#[tokio::test]
async fn who_is_told_of_changes_knows_all_the_same() {
    let rig = node().await;
    let api = NodeApi::new(&rig.operator_url("/").parse().unwrap()).unwrap();
    let mut known = api.events().await.unwrap();
    let mut whole = events(&rig).await;
    let changes = raw_events(&rig, "/api/v1/events?changes=true").await;
    let changes = changes.filter_map(async |event| {
        let change = serde_json::from_str::<StatusChange>(&event.data);
        (event.event == "change").then(|| change.unwrap())
    });
    let mut changes = std::pin::pin!(changes);
    let (token, clip, client) = (rig.token().await, clip(), h2());
    for number in 0..3 {
        data(rig.transcode(&client, &token, number, &clip).await);
        let is_done = |sessions: &[StreamSession]| {
            let session = sessions.first();
            session
                .is_some_and(|session| session.segments_done == number + 1 && session.segments_in_flight == 0)
        };
        let told = event(&mut whole, |status| is_done(&status.sessions))
            .await
            .sessions;
        assert_eq!(told[0].recent.len() as u64, number + 1);
        let same = async {
            loop {
                let mut sessions = known.next().await.unwrap().sessions;
                if is_done(&sessions) {
                    sessions[0].last_active = told[0].last_active;
                    return assert_eq!(sessions, told);
                }
            }
        };
        tokio::time::timeout(PATIENCE, same)
            .await
            .expect("it is told too");
    }
    let added = async {
        let mut added = Vec::new();
        while added.last() != Some(&2) {
            let change = changes.next().await.unwrap();
            let sessions = change.sessions.iter();
            added.extend(sessions.flat_map(|change| change.session.recent.iter().map(|timing| timing.seq)));
        }
        added
    };
    let added = tokio::time::timeout(PATIENCE, added).await.expect("changes come");
    // The first one may have been told as part of a whole.
    assert!([&[0, 1, 2][..], &[1, 2]].contains(&added.as_slice()), "{added:?}");
    let unknown = h1().get(rig.operator_url("/api/v1/events?change=true")).send();
    assert_eq!(unknown.await.unwrap().status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_running_segment_shows_while_it_runs_and_after() {
    let rig = held_node(|config| {
        config.limits.last_downloads = Duration::ZERO;
        config.devices = Some(DeviceReader::new(|| {
            vec![Device {
                id: "cpu".into(),
                load_percent: Some(42),
                ..Device::default()
            }]
        }));
    })
    .await;
    let mut events = events(&rig).await;
    let idle = event(&mut events, |status| !status.devices.is_empty()).await;
    assert!(idle.sessions.is_empty());
    let (token, clip) = (rig.token().await, clip());
    let segment = credentials(&Offchain, &token, 7, &clip, &ladder());
    let answer = rig.post(&h2(), &segment, clip.clone()).await;
    let running = event(&mut events, |status| {
        status
            .sessions
            .first()
            .is_some_and(|session| session.segments_in_flight == 1)
    })
    .await;
    assert_eq!(running.sessions[0].id, token.session_id);
    assert_eq!(running.sessions[0].manifest_id, "stream");
    assert_eq!(running.sessions[0].rungs[0].name, ladder()[0].name);
    assert_eq!(running.devices[0].sessions, 1);
    rig.gate.open();
    let made = data(result(answer).await);
    let done = event(&mut events, |status| status.work.segments_done == 1).await;
    let session = &done.sessions[0];
    assert_eq!(
        (session.segments_done, session.recent[0].seq, session.recent[0].ok),
        (1, 7, true)
    );
    assert_eq!(session.source.as_deref(), Some("640x360"));
    let pixels: i64 = made.segments.iter().map(|segment| segment.pixels).sum();
    assert_eq!(done.work.pixels, pixels.unsigned_abs());
    assert_eq!(done.work.bytes_in, clip.len() as u64);
    assert_eq!(done.work.media_ms, 1000);
    assert!(done.work.latency.is_some());
    let asked: NodeStatus = h1()
        .get(rig.operator_url("/api/v1/status"))
        .send()
        .await
        .unwrap()
        .bytes()
        .await
        .map(|body| serde_json::from_slice(&body).unwrap())
        .unwrap();
    assert_eq!((asked.network.as_str(), asked.address), ("offchain", None));
    // The stream ends with the node, which does not wait for its readers.
    let (report, ()) = tokio::join!(rig.stop(), async { while events.next().await.is_some() {} });
    assert!(report.finished);
}

#[tokio::test]
async fn draining_refuses_new_sessions_and_keeps_the_others() {
    let rig = node().await;
    let (clip, client) = (clip(), h2());
    let token = rig.token().await;
    data(rig.transcode(&client, &token, 0, &clip).await);
    let drain = h1().post(rig.operator_url("/api/v1/drain")).send().await.unwrap();
    let status: NodeStatus = serde_json::from_slice(&drain.bytes().await.unwrap()).unwrap();
    assert!(status.draining);
    let request = net::OrchestratorRequest::default();
    let refused = rig.grpc().await.get_orchestrator(request).await.unwrap_err();
    assert_eq!(
        refused.message(),
        "Invalid orchestrator request: OrchestratorCapped"
    );
    data(rig.transcode(&client, &token, 1, &clip).await);
}

#[tokio::test]
async fn web_pages_cannot_use_the_api() {
    let rig = node().await;
    let client = h1();
    let own = format!("http://{}", rig.node.operator_addr());
    let send = |client: &Client, method: &str, path: &str, headers: &[(&'static str, &str)]| {
        let mut request = client.request(method.parse().unwrap(), rig.operator_url(path));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send()
    };
    let rebound = [("host", "evil.example:7935")];
    for path in ["/api/v1/status", "/api/v1/events", "/healthz"] {
        let answer = send(&client, "GET", path, &rebound).await.unwrap();
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{path}");
        for foreign in [
            ("origin", "http://evil.example"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ] {
            let answer = send(&client, "GET", path, &[foreign]).await.unwrap();
            assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{path} {foreign:?}");
            assert!(answer.headers().get("access-control-allow-origin").is_none());
        }
        for own in [("origin", own.as_str()), ("sec-fetch-site", "none")] {
            let answer = send(&client, "GET", path, &[own]).await.unwrap();
            assert_eq!(answer.status(), StatusCode::OK, "{path} {own:?}");
        }
    }
    for headers in [
        &rebound[..],
        &[("origin", "http://evil.example")],
        &[("origin", "null")],
        &[("origin", "http://127.0.0.1:1")],
        &[("sec-fetch-site", "cross-site")],
    ] {
        let answer = send(&client, "POST", "/api/v1/drain", headers).await.unwrap();
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{headers:?}");
    }
    let answer = send(&client, "GET", "/api/v1/drain", &[]).await.unwrap();
    assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert!(!rig.node.status().draining);
    let answer = send(&client, "POST", "/api/v1/drain", &[("origin", own.as_str())])
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(rig.node.status().draining);
}

#[tokio::test]
async fn the_chain_shows_as_soon_as_it_is_read() {
    let (chain, receiver) = tokio::sync::watch::channel(None);
    let rig = node_with(|config| config.chain = Some(receiver)).await;
    let mut events = events(&rig).await;
    assert_eq!(event(&mut events, |_| true).await.chain, None);
    let read = super::harness::chain();
    chain.send_replace(Some(read.clone()));
    let status = event(&mut events, |status| status.chain.is_some()).await;
    assert_eq!(status.chain, Some(read));
    assert_eq!(status.notices[0].code, "reward_not_called");
}

#[tokio::test]
async fn a_reader_that_does_not_read_loses_its_place() {
    let rig = node_with(|config| {
        config.limits.operator.connections = 1;
        config.limits.operator.write_stall = Duration::from_millis(200);
        config.limits.device_interval = Duration::from_millis(1);
        let mut load = 0;
        config.devices = Some(DeviceReader::new(move || {
            load += 1;
            vec![Device {
                id: "cpu".into(),
                // Events large enough to fill whatever the system holds for a connection.
                name: "x".repeat(1 << 20),
                load_percent: Some(load),
                ..Device::default()
            }]
        }));
    })
    .await;
    let mut deaf = TcpStream::connect(rig.node.operator_addr()).await.unwrap();
    let request = b"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n";
    deaf.write_all(request).await.unwrap();
    deaf.readable().await.unwrap();
    // The only connection is taken, until the node has had enough.
    let again = async {
        while h1().get(rig.operator_url("/healthz")).send().await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, again)
        .await
        .expect("the place is given back");
}

#[tokio::test]
async fn who_drips_or_never_reads_is_ended_and_others_are_served_meanwhile() {
    let rig = node_with(|config| {
        config.limits.operator.first_request = Duration::from_millis(300);
        config.limits.operator.write_stall = Duration::from_millis(300);
    })
    .await;
    let address = rig.node.operator_addr();
    // A head that comes a drop at a time.
    let dripping = async move {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let mut drop = &b"GET /api/v1/status HTTP/1.1\r\nHost: localhost\r\nX-Slow: "[..];
        while stream.write_all(drop).await.is_ok() {
            drop = b"x";
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    // Requests without end, by somebody who takes none of the answers.
    let deaf = move |path: &'static str| async move {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        while stream.write_all(request.as_bytes()).await.is_ok() {}
    };
    let hostile = tokio::spawn(async move {
        let all = async { tokio::join!(dripping, deaf("/metrics"), deaf("/api/v1/openapi.json")) };
        tokio::time::timeout(PATIENCE, all).await
    });
    loop {
        let answer = h1().get(rig.operator_url("/metrics")).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        if hostile.is_finished() {
            break;
        }
    }
    hostile.await.unwrap().expect("all of them are ended");
}
