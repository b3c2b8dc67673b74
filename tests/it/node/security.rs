//! Who gets into the operator's API, what is written down of it, and what comes of repeating oneself. Over sockets.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use engine::{
    node::{OperatorTls, TokenBook},
    operator::{Access, ApiError, NodeApi, NodeUrl},
    view::node::Scope,
};
use reqwest::{Response, StatusCode};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::harness::{Rig, h1, node, node_with};

/// A name by which nodes of these tests may be asked.
const NAME: &str = "node.example:7935";

/// A node that may be asked by a name of the network, with a token of each scope.
async fn named() -> (Rig, tempfile::TempDir, Vec<(Scope, String)>) {
    let folder = tempfile::tempdir().unwrap();
    let book = TokenBook::new(folder.path().join("tokens.json"));
    let tokens = Scope::ALL.map(|scope| (scope, book.make(scope.as_str(), scope).unwrap().to_string()));
    let file = book.path().to_path_buf();
    let rig = node_with(move |config| {
        config.access.hosts = vec!["node.example".to_string()];
        config.access.tokens = Some(file);
    })
    .await;
    (rig, folder, tokens.to_vec())
}

async fn ask(rig: &Rig, method: &str, path: &str, headers: &[(&'static str, &str)]) -> Response {
    let mut request = h1().request(method.parse().unwrap(), rig.operator_url(path));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap()
}

async fn code(answer: Response) -> (StatusCode, String) {
    let status = answer.status();
    let body: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    (
        status,
        body["error"]["code"].as_str().unwrap_or_default().to_string(),
    )
}

#[tokio::test]
async fn who_comes_by_a_name_of_the_network_needs_a_good_token() {
    let (rig, _folder, tokens) = named().await;
    let answer = ask(&rig, "GET", "/api/v1/status", &[("host", NAME)]).await;
    assert_eq!(answer.headers()["www-authenticate"], "Bearer");
    assert_eq!(
        code(answer).await,
        (StatusCode::UNAUTHORIZED, "token_missing".into())
    );
    for wrong in [
        "Bearer lpctl_wrong",
        "Bearer",
        "Basic bHBjdGw6eA==",
        "Bearer \u{20}",
    ] {
        let answer = ask(
            &rig,
            "GET",
            "/api/v1/status",
            &[("host", NAME), ("authorization", wrong)],
        )
        .await;
        assert_eq!(
            code(answer).await,
            (StatusCode::UNAUTHORIZED, "bad_token".into()),
            "{wrong}"
        );
    }
    let good = format!("Bearer {}", tokens[0].1);
    let answer = ask(
        &rig,
        "GET",
        "/api/v1/status",
        &[("host", NAME), ("authorization", &good)],
    )
    .await;
    assert_eq!(answer.status(), StatusCode::OK);
    // Nobody who guesses is answered for ever.
    let mut last = StatusCode::OK;
    for _ in 0..40 {
        let guess = [("host", NAME), ("authorization", "Bearer lpctl_guess")];
        last = ask(&rig, "GET", "/api/v1/status", &guess).await.status();
    }
    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
    let answer = ask(
        &rig,
        "GET",
        "/api/v1/status",
        &[("host", NAME), ("authorization", &good)],
    )
    .await;
    assert_eq!(answer.status(), StatusCode::OK, "guessing shuts nobody out");
}

#[tokio::test]
async fn a_token_allows_its_scope_and_no_more() {
    let (rig, _folder, tokens) = named().await;
    let takes = [
        ("GET", "/api/v1/status", Scope::Read),
        ("GET", "/api/v1/audit", Scope::Operate),
        ("POST", "/api/v1/settings", Scope::Operate),
        ("POST", "/api/v1/reward", Scope::Money),
        ("POST", "/api/v1/redeem", Scope::Money),
    ];
    for (held, token) in &tokens {
        let bearer = format!("Bearer {token}");
        for (method, path, needed) in takes {
            let answer = ask(&rig, method, path, &[("host", NAME), ("authorization", &bearer)]).await;
            let (status, code) = code(answer).await;
            let is_refused = (status, code.as_str()) == (StatusCode::FORBIDDEN, "scope");
            assert_eq!(is_refused, *held < needed, "{held} {path}: {status} {code}");
        }
    }
}

#[tokio::test]
async fn writes_by_get_take_the_setting_and_stay_on_this_machine() {
    let most = "/setMaxSessions?maxSessions=7";
    let plain = node().await;
    let answer = ask(&plain, "GET", most, &[]).await;
    assert_eq!(
        code(answer).await,
        (StatusCode::METHOD_NOT_ALLOWED, "post_only".into())
    );

    let rig = node_with(|config| {
        config.access.get_writes = true;
        config.access.hosts = vec!["node.example".to_string()];
    })
    .await;
    let limit = async || {
        let status = ask(&rig, "GET", "/api/v1/config", &[]).await;
        status.text().await.unwrap()
    };
    let before = limit().await;
    // What a page of the web, or another name than this machine's, would send; and our own API has no such past.
    for (path, headers) in [
        (most, &[("origin", "http://evil.example")][..]),
        (most, &[("referer", "http://evil.example/")]),
        (most, &[("sec-fetch-site", "none")]),
        (most, &[("host", NAME)]),
        ("/api/v1/drain", &[]),
    ] {
        let answer = ask(&rig, "GET", path, headers).await;
        assert!(
            answer.status().is_client_error(),
            "{path} {headers:?}: {}",
            answer.status()
        );
        assert_eq!(limit().await, before, "{path} {headers:?}");
    }
    assert_eq!(ask(&rig, "GET", most, &[]).await.status(), StatusCode::OK);
    assert_ne!(limit().await, before);
}

#[tokio::test]
async fn a_token_that_was_taken_back_is_worth_nothing_at_once() {
    let (rig, folder, tokens) = named().await;
    let bearer = format!("Bearer {}", tokens[0].1);
    let headers = [("host", NAME), ("authorization", bearer.as_str())];
    assert_eq!(
        ask(&rig, "GET", "/api/v1/version", &headers).await.status(),
        StatusCode::OK
    );
    TokenBook::new(folder.path().join("tokens.json"))
        .revoke("read")
        .unwrap();
    let answer = ask(&rig, "GET", "/api/v1/version", &headers).await;
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_repeated_write_is_answered_the_same_and_another_with_its_key_is_refused() {
    let rig = node().await;
    let send = async |key: &str, body: &'static str| {
        let request = h1().post(rig.operator_url("/api/v1/settings"));
        let request = request.header("idempotency-key", key.to_string());
        request.body(body).send().await.unwrap()
    };
    let first = send("k1", "{\"max_sessions\":3}").await;
    assert!(first.headers().get("idempotency-replayed").is_none());
    let first = first.bytes().await.unwrap();
    assert_eq!(rig.node.status().max_sessions, 3);
    let other = send("k2", "{\"max_sessions\":5}").await;
    assert_eq!(other.status(), StatusCode::OK);
    let again = send("k1", "{\"max_sessions\":3}").await;
    assert_eq!(again.headers()["idempotency-replayed"], "true");
    assert_eq!(again.bytes().await.unwrap(), first);
    assert_eq!(rig.node.status().max_sessions, 5, "it is not done again");
    let reused = send("k1", "{\"max_sessions\":4}").await;
    assert_eq!(reused.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let strange = send("a b", "{}").await;
    assert_eq!(strange.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn every_write_is_in_the_audit_log_with_who_and_outcome() {
    let (rig, _folder, tokens) = named().await;
    let read = format!("Bearer {}", tokens[0].1);
    ask(
        &rig,
        "POST",
        "/api/v1/drain",
        &[("host", NAME), ("authorization", &read)],
    )
    .await;
    ask(&rig, "POST", "/api/v1/drain", &[]).await;
    let ending = h1().post(rig.operator_url("/api/v1/end-session"));
    ending.body("{\"session\":\"none\"}").send().await.unwrap();
    ask(&rig, "GET", "/api/v1/status", &[]).await;
    let api = NodeApi::new(&rig.operator_url("/").parse().unwrap()).unwrap();
    // A refusal is answered before it is written down.
    let mut lines = Vec::new();
    while lines.len() < 3 {
        lines = api.audit(10).await.unwrap().lines;
    }
    lines.sort_by(|a, b| (&a.action, &a.who).cmp(&(&b.action, &b.who)));
    let told: Vec<_> = lines
        .iter()
        .map(|line| {
            (
                line.action.as_str(),
                line.who.as_str(),
                line.status,
                line.what.as_deref(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("POST /api/v1/drain", "loopback", 200, None),
            ("POST /api/v1/drain", "read", 403, None),
            (
                "POST /api/v1/end-session",
                "loopback",
                409,
                Some("{\"session\":\"none\"}")
            ),
        ]
    );
    assert!(lines.iter().all(|line| line.from.starts_with("127.0.0.1:")));
}

#[tokio::test]
async fn a_request_is_bounded_and_has_one_host() {
    let rig = node().await;
    let large = h1().post(rig.operator_url("/api/v1/settings"));
    let answer = large.body(vec![b' '; (64 << 10) + 1]).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
    for hosts in ["", "Host: localhost\r\nHost: evil.example\r\n"] {
        let mut stream = TcpStream::connect(rig.node.operator_addr()).await.unwrap();
        let request = format!("GET /api/v1/status HTTP/1.1\r\n{hosts}Connection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let status = answer.split(' ').nth(1).unwrap_or_default();
        assert!(matches!(status, "400" | "403"), "{hosts:?}: {answer}");
    }
}

#[tokio::test]
async fn the_event_stream_is_taken_up_where_it_was_left() {
    let rig = node().await;
    let api = NodeApi::new(&rig.operator_url("/").parse().unwrap()).unwrap();
    let mut events = api.events().await.unwrap();
    events.next().await.unwrap();
    let change = |most: u32| serde_json::from_value(serde_json::json!({ "max_sessions": most })).unwrap();
    api.change(&change(3)).await.unwrap();
    while events.next().await.unwrap().max_sessions != 3 {}
    let last = events.last_id().unwrap().to_string();
    api.change(&change(4)).await.unwrap();
    while events.next().await.unwrap().max_sessions != 4 {}
    drop(events);
    // What was missed, then what holds now.
    let mut resumed = api.events_after(Some(&last)).await.unwrap();
    let missed = resumed.next().await.unwrap();
    assert!(missed.time < resumed.next().await.unwrap().time);
    // An id nobody knows: the whole of it as it is now.
    let mut anew = api.events_after(Some("1-1")).await.unwrap();
    assert_eq!(anew.next().await.unwrap().max_sessions, 4);
}

fn access(folder: &Path, certificate: &Path, token: &str, url: &NodeUrl) -> Access {
    let file = folder.join("token");
    fs::write(&file, token).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let access = Access::default().with_token_file(&file, url.expose()).unwrap();
    access.with_certificate_file(certificate).unwrap()
}

#[tokio::test]
async fn a_node_is_known_by_its_certificate_and_by_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let book = TokenBook::new(folder.path().join("tokens.json"));
    let token = book.make("me", Scope::Read).unwrap().to_string();
    let mut certificates = Vec::new();
    let mut rigs = Vec::new();
    for _ in 0..2 {
        let mut data_dir = None;
        let file = book.path().to_path_buf();
        let rig = node_with(|config| {
            config.access.tls = OperatorTls::Own;
            config.access.tokens = Some(file);
            data_dir = Some(config.data_dir.clone());
        })
        .await;
        certificates.push(data_dir.unwrap().join("operator-cert.pem"));
        rigs.push(rig);
    }
    let url: NodeUrl = format!("https://{}", rigs[0].node.operator_addr())
        .parse()
        .unwrap();
    let with = |certificate: &Path| {
        let access = access(folder.path(), certificate, &token, &url);
        NodeApi::new(&url.clone().with_access(access)).unwrap()
    };
    assert!(with(&certificates[0]).status().await.is_ok());
    let stranger = with(&certificates[1]).status().await;
    assert!(matches!(stranger, Err(ApiError::Connection(_))), "{stranger:?}");
    // Nor is it taken for one the system trusts.
    assert!(NodeApi::new(&url).unwrap().status().await.is_err());
    assert!(
        h1().get(rigs[0].operator_url("/healthz"))
            .send()
            .await
            .is_ok_and(|answer| answer.status() == 400)
    );
}

#[tokio::test]
async fn the_description_that_is_served_is_the_one_that_is_checked_in() {
    let rig = node().await;
    let answer = ask(&rig, "GET", "/api/v1/openapi.json", &[]).await;
    assert_eq!(answer.headers()["content-type"], "application/json");
    let served = answer.text().await.unwrap();
    assert_eq!(served, engine::node::document());
    let checked_in = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/openapi.json");
    let checked_in = fs::read_to_string(checked_in).unwrap();
    assert!(
        served == checked_in,
        "`cargo xtask gen` writes assets/openapi.json anew"
    );
}
