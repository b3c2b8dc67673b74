//! `lpctl studio` against a server that behaves as Livepeer Studio does (its `openapi.yaml`): lists in pages with a `Link`
//! header, times in milliseconds, errors as an array; and against servers that do not.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, Method, Uri},
    response::Response,
};
use serde_json::{Value, json};

use crate::environment::{Environment, Outcome};

const KEY: &str = "studio-0123456789abcdef";
const STREAM_KEY: &str = "a1b2-c3d4-e5f6-0000";
const ID: &str = "6b7fdb2e-1c1f-4f6c-9d64-1a2b3c4d5e6f";
/// More than a page.
const STREAMS: usize = 130;

/// How a server answers.
#[derive(Clone, Copy, PartialEq)]
enum Manner {
    Well,
    /// Every page names itself as the next.
    InCircles,
    /// This status, these headers, this body.
    With(u16, &'static [(&'static str, &'static str)], &'static str),
    Silent,
}

struct Request {
    method: Method,
    uri: String,
    key: String,
    body: Value,
}

struct Shared {
    manner: Manner,
    asked: Mutex<Vec<Request>>,
}

struct Server {
    url: String,
    shared: Arc<Shared>,
    environment: Environment,
}

impl Server {
    async fn start(manner: Manner) -> Self {
        let shared = Arc::new(Shared {
            manner,
            asked: Mutex::default(),
        });
        let router = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/api", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let environment = Environment::new();
        for (name, first) in [("key", KEY), ("hook.secret", "hook-secret")] {
            let path = environment.home().join(name);
            fs::write(&path, format!("{first}\n")).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        }
        Self {
            url,
            shared,
            environment,
        }
    }

    /// Runs a command; the key is in no output of any.
    #[track_caller]
    fn studio(&self, arguments: &[&str]) -> Outcome {
        let account = ["--url", &self.url, "--key-file", "key", "-vv"];
        let outcome = self
            .environment
            .lpctl(&[&["studio"], arguments, &account].concat());
        for said in [&outcome.stdout, &outcome.stderr] {
            assert!(!said.contains(KEY) && !said.contains('\u{1b}'), "{said}");
        }
        outcome
    }

    /// Method, path with query, and body of every request.
    fn asked(&self) -> Vec<(String, String, Value)> {
        let asked = self.shared.asked.lock().unwrap();
        assert!(asked.iter().all(|request| request.key == format!("Bearer {KEY}")));
        asked
            .iter()
            .map(|request| {
                (
                    request.method.to_string(),
                    request.uri.clone(),
                    request.body.clone(),
                )
            })
            .collect()
    }
}

fn respond(status: u16, headers: &[(&str, &str)], body: impl Into<Body>) -> Response {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body(body.into()).unwrap()
}

async fn answer(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let order: Value = serde_json::from_slice(&body).unwrap_or_default();
    shared.asked.lock().unwrap().push(Request {
        method: method.clone(),
        uri: uri.to_string(),
        key: headers["authorization"].to_str().unwrap().to_string(),
        body: order.clone(),
    });
    match shared.manner {
        Manner::Well | Manner::InCircles => good(&method, &uri, &order, shared.manner),
        Manner::With(status, headers, body) => respond(status, headers, body),
        Manner::Silent => {
            tokio::time::sleep(Duration::from_secs(600)).await;
            respond(200, &[], "")
        }
    }
}

fn stream(id: &str) -> Value {
    json!({
        "id": id, "name": "mor\u{1b}[2Jning", "playbackId": "play1", "isActive": true, "isHealthy": false,
        "issues": ["frames are missing"], "streamKey": STREAM_KEY, "ingestRate": 312_500.5, "record": true,
        "createdAt": 1_790_000_000_000_i64, "lastSeen": 1_790_000_100_000_i64, "suspended": false,
        "profiles": [{ "name": "360p", "width": 640, "height": 360, "bitrate": 800_000, "fps": 30 }],
    })
}

fn good(method: &Method, uri: &Uri, order: &Value, manner: Manner) -> Response {
    let json = |value: &Value| respond(200, &[("content-type", "application/json")], value.to_string());
    let path = uri.path().strip_prefix("/api/").unwrap();
    let mut query = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    let mut value = |name: &str| {
        query
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    };
    let asset = json!({
        "id": ID, "name": "talk", "status": { "phase": "failed", "errorMessage": "no \u{1b}[2Jvideo" },
        "size": 12_345_678, "videoSpec": { "format": "mp4", "duration": 61.4 }, "createdAt": 1_790_000_000_000_i64,
    });
    let task = json!({
        "id": "t1", "type": "import", "status": { "phase": "running", "progress": 0.25 }, "outputAssetId": ID,
    });
    let webhook = json!({
        "id": "w1", "name": "desk", "url": "https://hooks.example/token-in-path", "events": ["stream.started"],
        "sharedSecret": "hook-secret", "status": {
            "lastTriggeredAt": 1_790_000_000_000_i64,
            "lastFailure": { "timestamp": 1_790_000_000_000_i64, "statusCode": 503 },
        },
    });
    let target = json!({ "id": "m1", "name": "there", "url": "rtmp://live.example/app/their-key" });
    match (method.as_str(), path) {
        ("GET", "stream") => {
            let limit: usize = value("limit").unwrap().parse().unwrap();
            assert!(limit <= 100, "a page");
            let from: usize = value("cursor").map_or(0, |cursor| cursor.parse().unwrap());
            let end = if from < STREAMS - 1 { STREAMS - 1 } else { STREAMS };
            let rows: Vec<Value> = (from..end.min(from + limit))
                .map(|number| match number {
                    // A row no reader of today understands.
                    7 => json!({ "id": 7 }),
                    // Nor one that is the whole of its page.
                    number if number + 1 == STREAMS => json!({ "id": number }),
                    number => stream(&format!("s{number}")),
                })
                .collect();
            let next = match manner {
                Manner::InCircles => from,
                _ => from + rows.len(),
            };
            let link = format!("<http://192.0.2.1/api/stream?limit=100&cursor={next}>; rel=\"next\"");
            let body = Value::Array(rows).to_string();
            let json = ("content-type", "application/json");
            match next < STREAMS {
                true => respond(200, &[json, ("link", &link)], body),
                false => respond(200, &[json], body),
            }
        }
        ("POST", "stream") => {
            let mut made = stream(ID);
            made["name"] = order["name"].clone();
            json(&made)
        }
        ("GET", _) if path == format!("stream/{ID}") => json(&stream(ID)),
        ("PATCH", _) if path == format!("stream/{ID}") => respond(204, &[], ""),
        ("DELETE", _) if path.ends_with(ID) || path.ends_with("/terminate") => respond(204, &[], ""),
        ("GET", "session") => json(&json!([])),
        ("GET", _) if path == format!("stream/{ID}/sessions") => json(&json!([
            { "id": "e1", "name": "x", "createdAt": 1_790_000_000_000_i64, "sourceSegmentsDuration": 3661.2, "recordingStatus": "ready" }
        ])),
        ("GET", "asset") => json(&json!([asset])),
        ("GET", _) if path == format!("asset/{ID}") => json(&asset),
        ("POST", "asset/upload/url") => json(&json!({ "asset": asset, "task": task })),
        ("GET", "task") => json(&json!([task])),
        ("GET", "playback/play1") => json(&json!({
            "type": "live", "meta": { "live": 1, "source": [
                { "hrn": "HLS (TS)", "type": "html5/application/vnd.apple.mpegurl", "url": "https://cdn.example/play1/index.m3u8" }
            ] },
        })),
        ("GET", "webhook") => json(&json!([webhook])),
        ("POST", "webhook") => json(&webhook),
        ("GET", "multistream/target") => json(&json!([target])),
        _ => respond(
            404,
            &[("content-type", "application/json")],
            "{\"errors\":[\"not found\"]}",
        ),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_comes_from_every_page_and_says_what_it_leaves_out() {
    let server = Server::start(Manner::Well).await;
    let outcome = server.studio(&["stream", "list", "--limit", "500", "--json"]);
    let list = outcome.data();
    assert_eq!(list["rows"].as_array().unwrap().len(), STREAMS - 2);
    assert_eq!(
        (&list["unreadable"], &list["has_more"]),
        (&json!(2), &json!(false))
    );
    assert!(outcome.stdout.contains("2 rows of Studio's could not be read"));
    assert!(!outcome.stdout.contains(STREAM_KEY));
    let row = &list["rows"][0];
    assert_eq!(row["last_seen"], "2026-09-21T14:15:00Z");
    assert_eq!(
        (&row["is_healthy"], &row["playback_id"]),
        (&json!(false), &json!("play1"))
    );
    let asked = server.asked();
    let uris: Vec<&str> = asked.iter().map(|(_, uri, _)| uri.as_str()).collect();
    assert_eq!(
        uris,
        [
            "/api/stream?streamsonly=1&limit=100",
            "/api/stream?streamsonly=1&limit=100&cursor=100",
            "/api/stream?streamsonly=1&limit=100&cursor=129"
        ],
        "the cursor is followed, the address in the header is not"
    );
    let text = server
        .studio(&["stream", "list", "--limit", "2"])
        .expect_code(0)
        .stdout;
    assert!(text.contains("live, unwell: frames are missing"), "{text}");
    assert!(text.contains("2500 kbit/s"), "{text}");
    assert!(text.contains("2 streams, and there are more"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_made_changed_cut_off_and_deleted() {
    let server = Server::start(Manner::Well).await;
    let made = server
        .studio(&[
            "stream",
            "create",
            "show",
            "--record",
            "--ladder",
            "640x360@800k@30",
            "--json",
        ])
        .data();
    assert_eq!(made["name"], "show");
    assert!(made.get("stream_key").is_none());
    let (method, uri, order) = server.asked().pop().unwrap();
    assert_eq!((method.as_str(), uri.as_str()), ("POST", "/api/stream"));
    assert_eq!((&order["name"], &order["record"]), (&json!("show"), &json!(true)));
    let rung = &order["profiles"][0];
    assert_eq!(
        (&rung["width"], &rung["height"], &rung["bitrate"], &rung["fps"]),
        (&json!(640), &json!(360), &json!(800_000), &json!(30))
    );
    server
        .studio(&["stream", "create", "x", "--ladder", "none"])
        .expect_code(2);

    server.studio(&["stream", "set", ID]).expect_code(2);
    server
        .studio(&["stream", "set", ID, "--suspended", "true"])
        .expect_code(0);
    let asked = server.asked();
    let [.., changed, read] = &asked[..] else { panic!() };
    assert_eq!(
        (changed.0.as_str(), &changed.2),
        ("PATCH", &json!({ "suspended": true }))
    );
    assert_eq!(read.0, "GET");

    for (verb, path) in [("terminate", "/terminate"), ("delete", "")] {
        let before = server.asked().len();
        let unasked = server.studio(&["stream", verb, ID, "--json"]).expect_code(4);
        assert_eq!(unasked.error()["code"], "confirmation_needed");
        assert_eq!(server.asked().len(), before, "nothing was sent");
        let done = server.studio(&["stream", verb, ID, "--yes", "--json"]).data();
        assert_eq!(done["id"], ID);
        let (method, uri, _) = server.asked().pop().unwrap();
        assert_eq!(
            (method, uri),
            ("DELETE".to_string(), format!("/api/stream/{ID}{path}"))
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_key_is_shown_to_who_asks_for_it_only() {
    let server = Server::start(Manner::Well).await;
    for hidden in [&["stream", "show", ID][..], &["stream", "show", ID, "--json"]] {
        let text = server.studio(hidden).expect_code(0).stdout;
        assert!(!text.contains(STREAM_KEY), "{text}");
        assert!(text.contains("640x360") || text.contains("640"), "{text}");
    }
    let shown = server
        .studio(&["stream", "show", ID, "--show-key", "--json"])
        .data();
    assert_eq!(shown["stream_key"], STREAM_KEY);
    let text = server.studio(&["stream", "show", ID, "--show-key"]).stdout;
    assert!(text.contains(&format!("stream key   {STREAM_KEY}")), "{text}");
    assert!(text.contains("name         mor\\u{1b}[2Jning\n"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_files_tasks_and_playback_are_told() {
    let server = Server::start(Manner::Well).await;
    let text = |arguments: &[&str]| server.studio(arguments).expect_code(0).stdout;
    assert_eq!(text(&["session", "list"]), "no sessions\n");
    let sessions = text(&["session", "list", "--stream", ID]);
    assert!(
        sessions.contains("ready") && sessions.contains("1 session"),
        "{sessions}"
    );
    let files = text(&["asset", "list"]);
    assert!(
        files.contains("failed: no \\u{1b}[2Jvideo") && files.contains("12 MB"),
        "{files}"
    );
    let shown = text(&["asset", "show", ID]);
    assert!(shown.contains("name         talk\n"), "{shown}");
    let one = server.studio(&["asset", "show", ID, "--json"]).data();
    assert_eq!(one["status"]["phase"], "failed");
    assert!(text(&["task", "list"]).contains("running 25 %"));
    let plays = text(&["playback", "play1"]);
    assert!(
        plays.contains("https://cdn.example/play1/index.m3u8") && plays.contains("live now"),
        "{plays}"
    );

    let fetched = server
        .studio(&[
            "asset",
            "import",
            "https://files.example/a/talk.mp4?token=x",
            "--json",
        ])
        .data();
    assert_eq!(fetched["task"]["id"], "t1");
    let (_, uri, order) = server.asked().pop().unwrap();
    assert_eq!(uri, "/api/asset/upload/url");
    assert_eq!(
        order,
        json!({ "url": "https://files.example/a/talk.mp4?token=x", "name": "talk.mp4" })
    );
    let error = server
        .studio(&["asset", "import", "file:///secret", "--json"])
        .expect_code(2)
        .error();
    assert!(!error.to_string().contains("secret"), "{error}");
    server.studio(&["asset", "delete", ID, "--yes"]).expect_code(0);
    assert_eq!(server.asked().pop().unwrap().1, format!("/api/asset/{ID}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_and_targets_are_told_without_their_secrets() {
    let server = Server::start(Manner::Well).await;
    let create = [
        "webhook",
        "create",
        "desk",
        "--to",
        "https://hooks.example/token-in-path",
        "--event",
        "stream.started",
        "--secret-file",
        "hook.secret",
        "--json",
    ];
    for arguments in [
        &["webhook", "list"][..],
        &["webhook", "list", "--json"],
        &create,
        &["target", "list"],
        &["target", "list", "--json"],
    ] {
        let said = server.studio(arguments).expect_code(0).stdout;
        for secret in ["token-in-path", "hook-secret", "their-key"] {
            assert!(!said.contains(secret), "{said}");
        }
        assert!(
            said.contains("https://hooks.example") || said.contains("rtmp://live.example"),
            "{said}"
        );
    }
    let asked = server.asked();
    let made = asked.iter().find(|(method, ..)| method == "POST").unwrap();
    assert_eq!(
        made.2,
        json!({
            "name": "desk", "url": "https://hooks.example/token-in-path", "events": ["stream.started"],
            "sharedSecret": "hook-secret",
        })
    );
    let text = server.studio(&["webhook", "list"]).stdout;
    assert!(
        text.contains("failed 2026-") && text.contains("HTTP 503"),
        "{text}"
    );
    let bad = server.studio(&[
        "webhook",
        "create",
        "x",
        "--to",
        "ftp://secret",
        "--event",
        "e",
        "--json",
    ]);
    assert!(!bad.expect_code(2).error().to_string().contains("secret"));
    for (kind, path) in [("webhook", "webhook"), ("target", "multistream/target")] {
        server.studio(&[kind, "delete", ID, "--yes"]).expect_code(0);
        assert_eq!(server.asked().pop().unwrap().1, format!("/api/{path}/{ID}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_bad_answer_of_studio_is_told_from_the_others() {
    const HTML: &[(&str, &str)] = &[("content-type", "text/html; charset=utf-8")];
    const JSON: &[(&str, &str)] = &[("content-type", "application/json")];
    const REFUSAL: &str = "{\"errors\":[\"no \\u001b[2J quota for studio-0123456789abcdef\"]}";
    for (manner, code, exit, says) in [
        (Manner::With(401, JSON, "{}"), "studio_key_refused", 4, "401"),
        (Manner::With(403, JSON, "{}"), "studio_key_refused", 4, "403"),
        (
            Manner::With(404, JSON, "{}"),
            "studio_unknown",
            1,
            "no such thing",
        ),
        (
            Manner::With(422, JSON, REFUSAL),
            "studio_refused",
            4,
            "quota for …",
        ),
        (
            Manner::With(429, &[("retry-after", "17")], ""),
            "studio_busy",
            7,
            "in 17 s",
        ),
        (Manner::With(502, HTML, "<html>"), "studio_unreachable", 7, "502"),
        (
            Manner::With(200, HTML, "<html>"),
            "studio_bad_answer",
            1,
            "not JSON",
        ),
        (Manner::With(200, JSON, "[{\"id\""), "studio_bad_answer", 1, "EOF"),
        (
            Manner::With(200, JSON, "[{\"id\":1}]"),
            "studio_bad_answer",
            1,
            "invalid type",
        ),
        (Manner::InCircles, "studio_bad_answer", 1, "in circles"),
        (Manner::Silent, "studio_unreachable", 7, "within 1 s"),
    ] {
        let server = Server::start(manner).await;
        // Only where it must run out: a busy machine may need more than a second for the others.
        let patience = if manner == Manner::Silent { "1" } else { "60" };
        let outcome = server.studio(&[
            "stream",
            "list",
            "--limit",
            "300",
            "--timeout",
            patience,
            "--json",
        ]);
        let error = outcome.expect_code(exit).error();
        assert_eq!(error["code"], code, "{error}");
        assert!(error.to_string().contains(says), "{says}: {error}");
        assert!(error["hint"].is_string(), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_nothing_is_sent() {
    let server = Server::start(Manner::Well).await;
    let home = &server.environment;
    let error_of = |arguments: &[&str]| {
        let outcome = home.lpctl(&[&["studio", "stream", "list", "--json"], arguments].concat());
        let error = outcome.expect_code(3).error();
        assert!(!error.to_string().contains("secret"), "{error}");
        error["code"].as_str().unwrap().to_string()
    };
    assert_eq!(error_of(&["--url", &server.url]), "studio_key");
    assert_eq!(
        error_of(&["--url", &server.url, "--key-file", "absent"]),
        "studio_key"
    );
    assert_eq!(
        error_of(&["--url", "ftp://secret@host/secret", "--key-file", "key"]),
        "studio_url"
    );
    // The documentation's network: nobody is there, and nobody is asked.
    let plain = ["--url", "http://192.0.2.1/secret", "--key-file", "key"];
    assert_eq!(error_of(&plain), "studio_key");
    for id in ["../asset", "a/b", ""] {
        home.lpctl(&[
            "studio",
            "stream",
            "delete",
            id,
            "--yes",
            "--url",
            &server.url,
            "--key-file",
            "key",
        ])
        .expect_code(2);
    }
    assert!(server.asked().is_empty());

    // The service manager's credential.
    let folder = home.home().join("credentials");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("studio-key"), KEY).unwrap();
    let mut command = home.command(&["studio", "task", "list", "--url", &server.url]);
    assert!(
        command
            .env("CREDENTIALS_DIRECTORY", &folder)
            .output()
            .unwrap()
            .status
            .success()
    );
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_without_a_good_answer_is_told_for_what_it_is() {
    const JSON: &[(&str, &str)] = &[("content-type", "application/json")];
    // What was sent is not repeated, whatever the server says.
    let echo = "{\"errors\":[\"bad: https://hooks.example/token-in-path?q=more with hook-secret\"]}";
    let server = Server::start(Manner::With(422, JSON, echo)).await;
    let create = [
        "webhook",
        "create",
        "desk",
        "--to",
        "https://hooks.example/token-in-path?q=more",
        "--event",
        "stream.started",
        "--secret-file",
        "hook.secret",
        "--json",
    ];
    let outcome = server.studio(&create).expect_code(4);
    for secret in ["token-in-path", "q=more", "hook-secret"] {
        assert!(!outcome.stdout.contains(secret), "{}", outcome.stdout);
    }
    assert!(
        outcome.stdout.contains("https://hooks.example"),
        "{}",
        outcome.stdout
    );

    for (manner, patience) in [
        (Manner::Silent, "1"),
        (Manner::With(502, &[], ""), "60"),
        (Manner::With(200, JSON, "{"), "60"),
    ] {
        let server = Server::start(manner).await;
        let outcome = server.studio(&["stream", "create", "x", "--timeout", patience, "--json"]);
        let error = outcome.expect_code(5).error();
        assert_eq!(error["code"], "studio_outcome_unknown", "{error}");
    }
    // Nobody there: nothing was sent.
    let home = &server.environment;
    let nobody = ["--url", "http://127.0.0.1:9/api", "--key-file", "key", "--json"];
    let outcome = home.lpctl(&[&["studio", "stream", "create", "x"], &nobody[..]].concat());
    assert_eq!(outcome.expect_code(7).error()["code"], "studio_unreachable");
}
