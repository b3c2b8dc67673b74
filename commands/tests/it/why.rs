//! `lpctl why` on a devnet: two orchestrators whose nodes run, and each thing taken away in turn.

use std::net::TcpListener;

use serde_json::Value;

use crate::{operator::Operator, run::Node};

/// Weights by code.
fn weight(why: &Value, code: &str) -> Option<String> {
    let reasons = why["reasons"].as_array().unwrap();
    let found = reasons.iter().find(|reason| reason["code"] == code)?;
    Some(found["weight"].as_str().unwrap().to_string())
}

#[track_caller]
fn expect(why: &Value, expected: &[(&str, &str)]) {
    for (code, wanted) in expected {
        assert_eq!(weight(why, code).as_deref(), Some(*wanted), "{code}: {why:#}");
    }
    // What stops everything stands first, and each thing in the way has its next step.
    let reasons = why["reasons"].as_array().unwrap();
    let order = |weight: &Value| {
        ["stops", "less", "fine"]
            .iter()
            .position(|name| weight == name)
            .unwrap()
    };
    assert!(
        reasons.is_sorted_by_key(|reason| order(&reason["weight"])),
        "{why:#}"
    );
    assert!(
        reasons
            .iter()
            .all(|reason| reason["weight"] == "fine" || reason["next"].is_string())
    );
    assert_eq!(why["stopped"], reasons[0]["weight"] == "stops");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_reason_for_no_work_is_named_with_what_to_do() {
    let operator = Operator::new().await;
    operator.add_key("second", &operator.devnet.accounts.second_orchestrator);
    let why = |arguments: &[&str]| {
        operator
            .lpctl(&[&["why", "--json"][..], arguments].concat())
            .expect_code(0)
            .data()
    };

    expect(&why(&[]), &[("not_registered", "stops")]);
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let activate = |account: &str, uri: &str| {
        let usual = [
            "orch",
            "activate",
            "--bond",
            "50",
            "--reward-cut",
            "10",
            "--fee-share",
            "40",
            "-y",
        ];
        let arguments = [&usual[..], &["--account", account, "--service-uri", uri]].concat();
        operator.lpctl(&arguments).expect_code(0);
    };
    activate("orchestrator", &format!("https://{gone}"));
    activate("second", &format!("https://{gone}"));
    expect(
        &why(&[]),
        &[("not_active_yet", "stops"), ("unreachable", "stops")],
    );
    operator.devnet.next_round().await;
    expect(&why(&[]), &[("active", "fine"), ("unreachable", "stops")]);

    let first = Node::start(
        &operator.environment,
        &["--price", "1300", "--no-reward", "--preset", "ultrafast"],
    );
    let folder = operator.environment.home().join("second-node");
    let folder = folder.to_str().unwrap();
    let second = Node::start(
        &operator.environment,
        &[
            "--account",
            "second",
            "--data-dir",
            folder,
            "--price",
            "1200",
            "--no-reward",
            "--preset",
            "ultrafast",
        ],
    );
    let set_uri = |account: &str, uri: &str| {
        operator
            .lpctl(&["orch", "set-uri", uri, "-y", "--account", account])
            .expect_code(0);
    };
    set_uri("second", second.service_uri());
    // The other one's node answers at the published address.
    set_uri("orchestrator", second.service_uri());
    expect(&why(&[]), &[("stranger", "stops")]);
    set_uri("orchestrator", first.service_uri());

    // Asked by nobody in particular, they answer and keep their prices to themselves.
    let unpaid = why(&[]);
    expect(
        &unpaid,
        &[
            ("active", "fine"),
            ("reachable", "fine"),
            ("asks_for_a_reserve", "fine"),
            ("stake", "fine"),
        ],
    );
    assert_eq!(
        (&unpaid["market"]["asked"], &unpaid["market"]["answered"]),
        (&1.into(), &1.into())
    );
    assert_eq!(unpaid["market"]["priced"], 0, "{unpaid:#}");
    assert_eq!(unpaid["stopped"], false);

    // A gateway with a reserve is told.
    let fund = [
        "deposit",
        "fund",
        "--deposit",
        "5eth",
        "--reserve",
        "20eth",
        "-y",
        "--account",
        "delegator",
    ];
    operator.lpctl(&fund).expect_code(0);
    let asking = async {
        loop {
            let why = why(&["--as", "delegator"]);
            if why["market"]["priced"] == 1 && weight(&why, "gives_sessions").is_some() {
                return why;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    };
    let asked = tokio::time::timeout(std::time::Duration::from_secs(60), asking)
        .await
        .expect("prices are told");
    expect(
        &asked,
        &[("dear", "less"), ("gives_sessions", "fine"), ("version", "fine")],
    );
    assert_eq!(asked["market"]["cheaper"], 1);
    let other = why(&["second", "--as", "delegator"]);
    expect(&other, &[("price", "fine")]);
    assert_eq!(weight(&other, "dear"), None);

    // What the node itself knows.
    let with_node = why(&["--as", "delegator", "--node", &first.operator_url()]);
    expect(&with_node, &[("capacity", "fine")]);
    let of_another = operator
        .lpctl(&["why", "--json", "--node", &second.operator_url()])
        .expect_code(0);
    assert!(
        of_another.stdout.contains("works for another account"),
        "{of_another:?}"
    );

    // For people: the first line answers the question.
    let shown = operator
        .lpctl(&["why", "--as", "delegator"])
        .expect_code(0)
        .stdout;
    assert!(
        shown
            .lines()
            .next()
            .unwrap()
            .contains("less than it could: it asks 13"),
        "{shown}"
    );
    assert!(shown.contains("lpctl node set-price"), "{shown}");
    drop(first);
    let shown = operator.lpctl(&["why"]).expect_code(0).stdout;
    assert!(
        shown.lines().next().unwrap().contains("gets no work: "),
        "{shown}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_asked_is_told_with_its_class() {
    let operator = Operator::new().await;
    let refused = |arguments: &[&str], code: i32| {
        let outcome = operator
            .lpctl(&[&["why", "--json"][..], arguments].concat())
            .expect_code(code);
        outcome.error()["code"].as_str().unwrap().to_string()
    };
    refused(&["nobody"], 3);
    refused(&["--as", "nobody"], 3);
    assert_eq!(
        refused(&["--rpc-url", "http://127.0.0.1:9"], 7),
        "rpc_unreachable"
    );
    refused(&["--ask", "201"], 2);
}
