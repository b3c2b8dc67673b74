//! `lpctl explorer` against a server that behaves as the Livepeer subgraph does (`livepeer/subgraph schema.graphql`): ids
//! and filters in lower case, pages of at most a thousand, big numbers as text; and against servers that do not.

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
    http::{HeaderMap, Uri},
    response::Response,
};
use serde_json::{Value, json};

use crate::environment::{Environment, Outcome};

const KEY: &str = "graph-0123456789abcdef";
const WHO: &str = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";
/// More than a page.
const DELEGATORS: u64 = 1003;

/// How a server answers.
#[derive(Clone, Copy, PartialEq)]
enum Manner {
    Well,
    /// Repeats the first page for ever.
    InCircles,
    /// This status, these headers, this body.
    With(u16, &'static [(&'static str, &'static str)], &'static str),
    /// GraphQL's error with the key in it and what would act on a terminal.
    Error,
    Huge,
    Silent,
}

struct Shared {
    manner: Manner,
    /// Headers, path with query, body.
    asked: Mutex<Vec<(HeaderMap, String, Value)>>,
}

struct Subgraph {
    url: String,
    shared: Arc<Shared>,
    environment: Environment,
}

impl Subgraph {
    async fn start(manner: Manner) -> Self {
        let shared = Arc::new(Shared {
            manner,
            asked: Mutex::default(),
        });
        let router = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/subgraphs/id/x", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let environment = Environment::new();
        let key = environment.home().join("key");
        fs::write(&key, format!("{KEY}\n")).unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
        Self {
            url,
            shared,
            environment,
        }
    }

    /// Runs a command; the key is in no output of any.
    #[track_caller]
    fn explorer(&self, arguments: &[&str]) -> Outcome {
        let source = ["--url", &self.url, "--key-file", "key", "-vv"];
        let outcome = self
            .environment
            .lpctl(&[&["explorer"], arguments, &source].concat());
        assert!(!outcome.stdout.contains(KEY), "{}", outcome.stdout);
        assert!(!outcome.stderr.contains(KEY), "{}", outcome.stderr);
        outcome
    }
}

fn respond(status: u16, headers: &[(&str, &str)], body: impl Into<Body>) -> Response {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body(body.into()).unwrap()
}

async fn answer(State(shared): State<Arc<Shared>>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let question: Value = serde_json::from_slice(&body).unwrap();
    shared
        .asked
        .lock()
        .unwrap()
        .push((headers, uri.to_string(), question.clone()));
    let json = |value: &Value| respond(200, &[("content-type", "application/json")], value.to_string());
    match shared.manner {
        Manner::Well | Manner::InCircles => json(&json!({ "data": data(&question, shared.manner) })),
        Manner::With(status, headers, body) => respond(status, headers, body),
        Manner::Error => json(&json!({
            "errors": [{ "message": format!("no \u{1b}[2Jfield for {KEY}") }], "data": null
        })),
        Manner::Huge => json(&json!({ "data": "x".repeat(9 * 1024 * 1024) })),
        Manner::Silent => {
            tokio::time::sleep(Duration::from_secs(600)).await;
            respond(200, &[], "")
        }
    }
}

/// What the subgraph knows.
fn data(question: &Value, manner: Manner) -> Value {
    let (query, variables) = (question["query"].as_str().unwrap(), &question["variables"]);
    let first = variables["first"].as_u64().unwrap_or(1000);
    assert!(first <= 1000, "the subgraph's largest page");
    let is_known = variables["of"].is_null() || variables["of"] == WHO.to_lowercase();
    let mut data = json!({ "_meta": { "block": { "number": 250_000_000, "timestamp": 1_790_000_000 } } });
    let transcoder = |id: &str, stake: &str| {
        json!({
            "id": id, "active": true, "totalStake": stake, "rewardCut": "50000", "feeShare": "1000000",
            "serviceURI": "https://a\u{1b}[2J.example:8935", "thirtyDayVolumeETH": "1.000000000000000001",
            "lastRewardRound": { "id": "3500" },
        })
    };
    let transaction = json!({ "id": format!("0x{}", "ab".repeat(32)) });
    if query.contains("delegators(") {
        let after = match manner {
            Manner::InCircles => "",
            _ => variables["after"].as_str().unwrap(),
        };
        let rows = (1..=DELEGATORS).map(|number| (format!("0x{number:040x}"), number));
        let rows = rows.filter(|(id, _)| is_known && id.as_str() > after).take(1000);
        data["rows"] = rows
            .map(|(id, number)| {
                json!({ "id": id, "bondedAmount": format!("{number}.5"), "fees": "0", "startRound": "12" })
            })
            .collect();
    } else if query.contains("transcoders(") {
        let rows = [
            transcoder("0x0000000000000000000000000000000000000001", "9.5"),
            transcoder("0x0000000000000000000000000000000000000002", "10"),
        ];
        data["rows"] = json!(rows);
    } else if query.contains("transcoder(") {
        let mut row = transcoder(&WHO.to_lowercase(), "10");
        row["pools"] = json!([
            { "round": { "id": "3501" }, "rewardTokens": null, "fees": "0", "totalStake": "10" },
            { "round": { "id": "3500" }, "rewardTokens": "1.25", "fees": "0.5", "totalStake": "8.75" },
        ]);
        data["row"] = if is_known { row } else { Value::Null };
    } else if query.contains("rounds(") {
        data["rows"] = json!([{
            "id": "3501", "initialized": true, "startTimestamp": 1_789_990_000, "mintableTokens": "100.000000000000000001",
            "volumeETH": "0.25", "totalActiveStake": "20000000",
        }]);
    } else {
        data["tickets"] = json!([{
            "timestamp": 1_789_000_002, "faceValue": "0.003", "transaction": transaction,
            "sender": { "id": "0x0000000000000000000000000000000000000009" },
        }]);
        data["rewards"] = json!([
            // More than there can be.
            { "timestamp": 1_789_000_004, "rewardTokens": "1e90", "round": { "id": "3501" }, "transaction": transaction },
            { "timestamp": 1_789_000_003, "rewardTokens": "7", "round": { "id": "3501" }, "transaction": transaction },
            { "timestamp": 1_789_000_001, "rewardTokens": "6", "round": { "id": "3500" }, "transaction": transaction },
        ]);
    }
    data
}

#[tokio::test(flavor = "multi_thread")]
async fn delegators_come_from_every_page_and_the_largest_first() {
    let subgraph = Subgraph::start(Manner::Well).await;
    let data = subgraph
        .explorer(&["delegators", WHO, "--limit", "2", "--json"])
        .data();
    assert_eq!(data["total"], DELEGATORS);
    assert_eq!(data["delegators"].as_array().unwrap().len(), 2);
    assert_eq!(data["delegators"][0]["bonded_lpt"], "1003.5");
    let asked = subgraph.shared.asked.lock().unwrap();
    assert_eq!(asked.len(), 2);
    assert_eq!(asked[0].2["variables"]["after"], "");
    assert_eq!(asked[1].2["variables"]["after"], format!("0x{:040x}", 1000));
    for (headers, uri, body) in asked.iter() {
        assert_eq!(headers["authorization"], format!("Bearer {KEY}"));
        assert_eq!(uri, "/subgraphs/id/x");
        assert!(!body.to_string().contains(KEY));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn amounts_are_exact_and_a_missed_reward_is_none() {
    let subgraph = Subgraph::start(Manner::Well).await;
    let list = subgraph.explorer(&["orchestrators", "--json"]).data();
    let stakes = [0, 1].map(|row| list["orchestrators"][row]["total_stake_lpt"].as_str().unwrap());
    assert_eq!(stakes, ["10", "9.5"]);
    let fees = &list["orchestrators"][0]["thirty_day_fees_wei"];
    assert_eq!(fees, "1000000000000000001");
    assert_eq!(list["orchestrators"][0]["reward_cut_percent"], "5");
    let one = subgraph.explorer(&["orchestrator", WHO, "--json"]).data();
    assert_eq!(one["rounds"][0]["reward_lpt"], Value::Null);
    assert_eq!(one["rounds"][1]["reward_lpt"], "1.25");
    let rounds = subgraph.explorer(&["rounds", "--json"]).data();
    assert_eq!(rounds["rounds"][0]["mintable_lpt"], "100.000000000000000001");
    assert_eq!(rounds["rounds"][0]["fees_wei"], "250000000000000000");
    let events = subgraph.explorer(&["events", WHO, "--json"]).data();
    let kinds = [0, 1, 2].map(|row| events["events"][row]["event"].as_str().unwrap());
    assert_eq!(kinds, ["reward", "ticket", "reward"]);
    assert_eq!(events["events"][1]["face_value_wei"], "3000000000000000");
    assert_eq!(
        (&events["unreadable"], &events["has_more"]),
        (&json!(1), &json!(false))
    );
    // What is left out is said.
    let few = subgraph.explorer(&["events", WHO, "--limit", "2"]).expect_code(0);
    assert!(
        few.stderr.contains("1 row of the subgraph could not be read"),
        "{}",
        few.stderr
    );
    assert!(
        few.stderr.contains("there are older ones in these 30 days"),
        "{}",
        few.stderr
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn text_is_harmless_and_says_how_old_it_is() {
    let subgraph = Subgraph::start(Manner::Well).await;
    for arguments in [
        &["orchestrators"][..],
        &["orchestrator", WHO],
        &["delegators", WHO],
        &["rounds"],
        &["events", WHO],
    ] {
        let text = subgraph.explorer(arguments).expect_code(0).stdout;
        assert!(!text.contains('\u{1b}'), "{text}");
        assert!(text.contains("indexed to block 250000000, 2026-"), "{text}");
    }
    let text = subgraph.explorer(&["orchestrator", WHO]).stdout;
    assert!(text.contains("https://a\\u{1b}[2J.example:8935"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_bad_answer_is_told_from_the_others() {
    const HTML: &[(&str, &str)] = &[("content-type", "text/html; charset=utf-8")];
    const JSON: &[(&str, &str)] = &[("content-type", "application/json")];
    const LATER: &[(&str, &str)] = &[("retry-after", "17")];
    for (manner, code, exit, says) in [
        (Manner::With(401, &[], ""), "explorer_key_refused", 4, "401"),
        (Manner::With(403, &[], ""), "explorer_key_refused", 4, "403"),
        (Manner::With(404, &[], ""), "explorer_url", 3, "404"),
        (Manner::With(429, LATER, ""), "explorer_busy", 7, "in 17 s"),
        (
            Manner::With(502, HTML, "<html>"),
            "explorer_unreachable",
            7,
            "502",
        ),
        (
            Manner::With(200, HTML, "<html>"),
            "explorer_bad_answer",
            1,
            "not JSON",
        ),
        (
            Manner::With(200, JSON, "{\"data\":{\"_m"),
            "explorer_bad_answer",
            1,
            "EOF",
        ),
        (
            Manner::With(200, JSON, "{\"data\":null}"),
            "explorer_bad_answer",
            1,
            "no data",
        ),
        (
            Manner::With(200, JSON, "{\"data\":{}}"),
            "explorer_bad_answer",
            1,
            "missing field",
        ),
        (
            Manner::With(302, &[("location", "/")], ""),
            "explorer_unreachable",
            7,
            "302",
        ),
        (Manner::Error, "explorer_bad_answer", 1, "field for …"),
        (Manner::Huge, "explorer_bad_answer", 1, "larger than 8 MiB"),
        (Manner::Silent, "explorer_unreachable", 7, "within 1 s"),
        (Manner::InCircles, "explorer_bad_answer", 1, "not in order"),
    ] {
        let subgraph = Subgraph::start(manner).await;
        // Only where it must run out: a busy machine may need more than a second for the others.
        let patience = if manner == Manner::Silent { "1" } else { "60" };
        let outcome = subgraph.explorer(&["delegators", WHO, "--timeout", patience, "--json"]);
        let error = outcome.expect_code(exit).error();
        assert_eq!(error["code"], code, "{error}");
        assert!(error.to_string().contains(says), "{says}: {error}");
        assert!(!error.to_string().contains("u001b"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_asked_is_said_before_anything_is_sent() {
    let subgraph = Subgraph::start(Manner::Well).await;
    let stranger = "0x0000000000000000000000000000000000000003";
    let error = subgraph.explorer(&["orchestrator", stranger, "--json"]).error();
    assert_eq!(error["code"], "explorer_unknown");
    let home = &subgraph.environment;
    let error_of = |arguments: &[&str]| {
        let outcome = home.lpctl(&[&["explorer", "rounds", "--json"], arguments].concat());
        let error = outcome.expect_code(3).error();
        assert!(!error.to_string().contains("secret"), "{error}");
        error["code"].as_str().unwrap().to_string()
    };
    assert_eq!(error_of(&[]), "explorer_url");
    assert_eq!(error_of(&["--url", "ftp://secret@host/secret"]), "explorer_url");
    let absent = ["--url", &subgraph.url, "--key-file", "absent"];
    assert_eq!(error_of(&absent), "explorer_key");
    // The documentation's network: nobody is there, and nobody is asked.
    let plain = ["--url", "http://192.0.2.1/secret", "--key-file", "key"];
    assert_eq!(error_of(&plain), "explorer_key");
    assert_eq!(subgraph.shared.asked.lock().unwrap().len(), 1);
}
