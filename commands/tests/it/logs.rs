//! `lpctl logs`, and what is in it: one id a segment through gateway, orchestrator and transcoder, levels at run time,
//! logs as they lie about.

use std::{
    fs,
    io::{BufRead, BufReader, Write as _},
    process::{Child, ChildStdout, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::RawQuery,
    http::{HeaderMap, StatusCode, header::CONTENT_TYPE},
    response::IntoResponse as _,
    routing::get,
};
use engine::wire::client;
use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};

use crate::{environment::Environment, remote::Network, run::Node};

/// A test that waits longer than this for anything hangs.
const PATIENCE: Duration = Duration::from_secs(60);

fn lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

#[test]
fn a_segment_has_one_id_in_the_logs_of_gateway_orchestrator_and_transcoder() {
    let network = Network::start("auto");
    let transcoder = network.transcoder("first");
    let pushed = network.push(3).wait_with_output().unwrap();
    let said = String::from_utf8(pushed.stderr).unwrap();
    assert!(pushed.status.success(), "{said}");
    // What the gateway wrote is read as a file.
    let file = network.environment.home().join("gateway.log");
    fs::write(&file, &said).unwrap();
    let of_gateway =
        network
            .environment
            .lpctl(&["logs", "--file", "gateway.log", "--json", "--text", "came back"]);
    let of_gateway = lines(&of_gateway.expect_code(0).stdout);
    assert_eq!(of_gateway.len(), 3, "{said}");
    let ids: std::collections::BTreeSet<&str> = of_gateway
        .iter()
        .map(|line| line["segment"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), 3);
    for id in &ids {
        for (node, words) in [
            (network.orchestrator_url(), "transcoded a segment"),
            (transcoder.operator(), "handed in a task"),
        ] {
            let told = network
                .environment
                .lpctl(&["--node", node, "logs", "--segment", id, "--json", "--text", words])
                .expect_code(0);
            let told = lines(&told.stdout);
            assert_eq!(told.len(), 1, "{id} {words}");
            assert_eq!(told[0]["session"], id.split_once('/').unwrap().0);
            assert_eq!(told[0]["manifest"], of_gateway[0]["manifest"]);
        }
    }
    let secret = "open sesame";
    for node in [network.orchestrator_url(), transcoder.operator()] {
        let all = network
            .environment
            .lpctl(&["--node", node, "logs", "-n", "1000"])
            .expect_code(0);
        assert!(!all.stdout.contains(secret));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_level_is_changed_while_it_runs_and_the_log_is_followed() {
    let environment = Environment::new();
    let arguments = ["--offchain", "--gpus", "none", "--preset", "ultrafast"];
    let mut node = Node::start(&environment, &arguments);
    let url = node.operator_url();
    let level = |level: &str| {
        environment
            .lpctl(&["--node", &url, "node", "log-level", level])
            .expect_code(0);
    };
    let client = client::download_client(PATIENCE).unwrap();
    let answer = client
        .get(format!("{url}/api/v1/log?limit=1"))
        .send()
        .await
        .unwrap();
    let page: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    assert_eq!(page["level"], "info", "{page}");
    level("trace");
    let mut following = Following::start(&environment, &url, &["--text", "log level"]);
    let mut seen = Vec::new();
    let mut next = || {
        let line = following.next();
        seen.push(line.to_string());
        line
    };
    assert_eq!(next()["fields"]["level"], "trace");
    // The API takes go-livepeer's numbers too; a line at that level is the one about it.
    let post = async |body: &'static str| {
        let request = client.post(format!("{url}/api/v1/log-level"));
        let request = request.header("content-type", "application/json").body(body);
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    assert_eq!(
        post("{\"level\":5}").await,
        (200, "{\"log_level\":\"debug\"}".to_string())
    );
    assert_eq!(next()["fields"]["level"], "debug");
    for wrong in ["{\"level\":7}", "{\"level\":\"loud\"}", "{}", "x"] {
        assert_eq!(post(wrong).await.0, 400, "{wrong}");
    }
    // The node is killed and started again: its lines go on, each of them once.
    drop(node);
    let address = url.trim_start_matches("http://");
    let ports = [
        "run",
        "--json",
        "--bind",
        "127.0.0.1:0",
        "--operator-addr",
        address,
    ];
    node = Node::spawn(environment.command(&[&ports[..], &arguments].concat()));
    assert_eq!(node.operator_url(), url);
    level("trace");
    while next()["fields"]["level"] != "trace" {}
    level("debug");
    while next()["fields"]["level"] != "debug" {}
    drop(following);
    let once: std::collections::BTreeSet<&String> = seen.iter().collect();
    assert_eq!(once.len(), seen.len(), "{seen:?}");

    // The stream goes on from a position, over a broken connection too.
    let page: Value = serde_json::from_slice(
        &client
            .get(format!("{url}/api/v1/log?limit=1000"))
            .send()
            .await
            .unwrap()
            .bytes()
            .await
            .unwrap(),
    )
    .unwrap();
    let first = page["lines"][0]["position"].as_u64().unwrap();
    let request = client
        .get(format!("{url}/api/v1/log/events"))
        .header("last-event-id", first.to_string());
    let mut stream = request.send().await.unwrap();
    let piece = tokio::time::timeout(PATIENCE, stream.chunk())
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    let piece = String::from_utf8(piece.to_vec()).unwrap();
    assert!(
        piece.starts_with(&format!("id: {}\nevent: line\ndata: ", first + 1)),
        "{piece}"
    );
    assert_eq!(page["level"], "debug");
}

/// `lpctl logs --follow --json` of a node.
struct Following {
    child: Child,
    told: BufReader<ChildStdout>,
}

impl Following {
    fn start(environment: &Environment, url: &str, arguments: &[&str]) -> Self {
        let mut child = environment
            .command(&[&["--node", url, "logs", "--follow", "--json"], arguments].concat())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let told = BufReader::new(child.stdout.take().unwrap());
        Self { child, told }
    }

    fn next(&mut self) -> Value {
        let mut line = String::new();
        self.told.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn line(position: u64, level: &str, message: &str) -> Value {
    json!({
        "position": position, "time": "2026-03-14T12:41:07Z", "level": level, "target": "engine::node",
        "message": message, "from_a_newer_node": [1],
    })
}

fn serve(runtime: &tokio::runtime::Runtime, routes: Router) -> String {
    let bound = tokio::net::TcpListener::bind("127.0.0.1:0");
    let listener = runtime.block_on(bound).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    runtime.spawn(async move { axum::serve(listener, routes).await });
    url
}

#[test]
fn broken_streams_are_taken_up_where_they_broke_and_what_is_gone_is_told() {
    let told = |line: Value| format!("id: {}\nevent: line\ndata: {line}\n\n", line["position"]);
    let pieces = [
        told(line(11, "warn", "one"))
            + &told(line(12, "info", "not asked for"))
            + &told(line(13, "warn", "two")),
        ": \n\nid: 40\nevent: position\ndata: 40\n\nevent: from_a_newer_node\ndata: 7\n\n".to_string(),
        "event: missed\ndata: 7\n\n".to_string() + &told(line(50, "error", "three")),
    ];
    let asked = Arc::new(Mutex::new(Vec::new()));
    let events = {
        let asked = Arc::clone(&asked);
        async move |headers: HeaderMap, RawQuery(query): RawQuery| {
            let last = headers["last-event-id"].to_str().unwrap().to_string();
            let mut asked = asked.lock().unwrap();
            let piece = pieces.get(asked.len()).cloned();
            asked.push((last, query.unwrap_or_default()));
            // After the last piece the node says nothing any more.
            let is_last = piece.is_none();
            let first =
                stream::iter(piece).map(|piece| Ok::<_, std::convert::Infallible>(Bytes::from(piece)));
            let rest = stream::pending().take(usize::from(is_last));
            (
                [(CONTENT_TYPE, "text/event-stream")],
                Body::from_stream(first.chain(rest)),
            )
        }
    };
    let pages = Arc::new(Mutex::new(0));
    let page = {
        let pages = Arc::clone(&pages);
        async move || {
            *pages.lock().unwrap() += 1;
            Json(json!({ "lines": [], "next": 10, "missed": 0, "level": "info" }))
        }
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let routes = Router::new()
        .route("/api/v1/log", get(page))
        .route("/api/v1/log/events", get(events));
    let url = serve(&runtime, routes);
    let environment = Environment::new();
    let mut following = Following::start(&environment, &url, &["--level", "warn"]);
    assert_eq!(following.next()["message"], "one");
    assert_eq!(following.next()["message"], "two");
    assert_eq!(following.next(), json!({ "event": "missed", "lines": 7 }));
    assert_eq!(following.next()["message"], "three");
    let since = Instant::now();
    while asked.lock().unwrap().len() < 4 {
        assert!(since.elapsed() < PATIENCE);
        std::thread::yield_now();
    }
    let asked = asked.lock().unwrap();
    let positions: Vec<&str> = asked.iter().map(|(last, _)| last.as_str()).collect();
    assert_eq!(positions, ["10", "13", "40", "50"]);
    assert!(asked.iter().all(|(_, query)| query == "level=warn"), "{asked:?}");
    assert_eq!(*pages.lock().unwrap(), 1, "nothing is asked again and again");
}

#[test]
fn a_node_that_tells_no_lines_as_they_come_is_asked_again_and_again() {
    let page = async |RawQuery(query): RawQuery| {
        let query = query.unwrap_or_default();
        let (lines, next) = match query.as_str() {
            "since=10" => (vec![line(11, "info", "one")], 11),
            "since=11" => (vec![line(12, "info", "two")], 12),
            _ => (Vec::new(), if query.starts_with("since") { 12 } else { 10 }),
        };
        Json(json!({ "lines": lines, "next": next, "missed": 0, "level": null }))
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let environment = Environment::new();
    for status in [StatusCode::NOT_FOUND, StatusCode::SERVICE_UNAVAILABLE] {
        let routes = Router::new()
            .route("/api/v1/log", get(page))
            .route("/api/v1/log/events", get(async move || status.into_response()));
        let mut following = Following::start(&environment, &serve(&runtime, routes), &[]);
        assert_eq!(following.next()["message"], "one");
        assert_eq!(following.next()["message"], "two");
    }
}

#[test]
fn logs_of_both_nodes_are_read_filtered_and_explained_whatever_else_is_in_them() {
    let environment = Environment::new();
    let mut log = Vec::new();
    log.extend(b"E0102 03:04:05.678901       1 rewardservice.go:60] Error trying to call reward for round 3000 err=\"timeout\"\n");
    log.extend(b"I0102 03:04:06.000001       1 broadcast.go:1] manifestID=news seqNo=4 orchSessionID=3f2a91bc Submitting segment\n");
    log.extend(b"2026-01-02T03:04:07.000000Z  WARN segment{segment=\"3f2a91bc/4\" session=\"3f2a91bc\" seq=4 manifest=\"news\"}: a segment failed error=\"OrchestratorBusy\"\n");
    log.extend(vec![b'x'; 3 << 20]);
    log.extend(b"\n\xff\xfe\x1b[2J\x1b]0;title\x07 rubbish\n");
    fs::write(environment.home().join("node.log"), &log).unwrap();
    let shown = environment
        .lpctl(&["logs", "--file", "node.log", "--explain"])
        .expect_code(0);
    assert!(
        shown.stdout.contains("`lpctl reward call` now"),
        "{}",
        shown.stdout
    );
    assert!(
        shown.stdout.contains("the orchestrator had no free place"),
        "{}",
        shown.stdout
    );
    assert!(
        !shown.stdout.contains('\u{1b}') && !shown.stdout.contains('\u{7}'),
        "escaped"
    );
    assert!(shown.stdout.len() < 80 << 10, "a line is bounded");

    let filtered = |arguments: &[&str]| {
        let all = [&["logs", "--file", "node.log", "--json"], arguments].concat();
        lines(&environment.lpctl(&all).expect_code(0).stdout)
    };
    assert_eq!(filtered(&["--segment", "3f2a91bc/4"]).len(), 2);
    assert_eq!(
        filtered(&["--manifest", "news", "--level", "warn"])[0]["message"],
        "a segment failed"
    );
    assert_eq!(
        filtered(&["--text", "reward", "--explain"])[0]["known"]["id"],
        "Error trying to call reward"
    );
    assert_eq!(filtered(&["-n", "1"]).len(), 1);
    assert_eq!(filtered(&[]).len(), 5);
    assert_eq!(
        filtered(&["--since", "2099-01-01T00:00:00Z"]).len(),
        2,
        "lines without a time are kept"
    );

    // A pipe, whose last line does not end.
    let mut child = environment
        .command(&["logs", "--file", "-", "--json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"one\ntwo").unwrap();
    let output = child.wait_with_output().unwrap();
    let told = lines(&String::from_utf8(output.stdout).unwrap());
    assert_eq!(
        told.iter()
            .map(|line| line["message"].as_str().unwrap())
            .collect::<Vec<_>>(),
        ["one", "two"]
    );

    let missing = environment
        .lpctl(&["logs", "--file", "none.log", "--json"])
        .expect_code(1);
    assert_eq!(missing.error()["code"], "log_unreadable");
    let nobody = environment
        .lpctl(&["--node", "http://127.0.0.1:9", "logs", "--json"])
        .expect_code(7);
    assert_eq!(nobody.error()["code"], "node_unreachable");
}

#[test]
fn a_file_is_followed_over_its_rotation() {
    let environment = Environment::new();
    let path = environment.home().join("node.log");
    fs::write(&path, "one\n").unwrap();
    let mut child = environment
        .command(&["logs", "--file", "node.log", "--follow", "--json"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut told = BufReader::new(child.stdout.take().unwrap());
    let mut next = || {
        let mut line = String::new();
        told.read_line(&mut line).unwrap();
        serde_json::from_str::<Value>(&line).unwrap()["message"].clone()
    };
    assert_eq!(next(), "one");
    fs::OpenOptions::new()
        .append(true)
        .open(&path)
        .unwrap()
        .write_all(b"two\n")
        .unwrap();
    assert_eq!(next(), "two");
    fs::rename(&path, environment.home().join("node.log.1")).unwrap();
    fs::write(&path, "three\n").unwrap();
    let since = Instant::now();
    assert_eq!(next(), "three");
    assert!(since.elapsed() < PATIENCE);
    child.kill().unwrap();
    child.wait().unwrap();
}
