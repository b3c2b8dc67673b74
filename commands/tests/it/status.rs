//! `lpctl status`: the screen, what it asks for, and what it does when nobody answers.

use engine::view::node::{Device, NodeStatus, WorkTotals};

use crate::{
    operator::Operator,
    proxy::{Answer, Proxy},
};

#[tokio::test(flavor = "multi_thread")]
async fn the_screen_follows_an_orchestrators_life() {
    let operator = Operator::new().await;
    let empty = operator.lpctl(&["status"]).expect_code(0);
    operator.assert_snapshot("status_empty", &empty);
    let uri = "https://127.0.0.1:8935";
    let activate = [
        "orch",
        "activate",
        "--bond",
        "100",
        "--reward-cut",
        "10",
        "--fee-share",
        "40",
        "--service-uri",
        uri,
    ];
    operator.lpctl(&[&activate[..], &["-y"]].concat()).expect_code(0);
    let waiting = operator.lpctl(&["status"]).expect_code(0);
    operator.assert_snapshot("status_waiting", &waiting);
    operator.devnet.next_round().await;
    let due = operator.lpctl(&["status"]).expect_code(0);
    operator.assert_snapshot("status_reward_due", &due);
    operator.lpctl(&["reward", "call", "-y"]).expect_code(0);
    let done = operator.lpctl(&["status"]).expect_code(0);
    operator.assert_snapshot("status_done", &done);
    let json = operator.lpctl(&["status", "--json"]).expect_code(0).data();
    assert_eq!(json["orchestrator"]["reward_called"], true);
    assert_eq!(json["node"], serde_json::Value::Null, "nobody listens at --node");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_answers_is_on_the_screen_and_one_that_is_strange_is_not() {
    let operator = Operator::new().await;
    let now = jiff::Timestamp::now();
    let node = NodeStatus {
        time: now,
        version: "0.1.0".into(),
        started: now,
        service_uri: "https://o1.example.org:8935\u{1b}[2J".into(),
        address: None,
        network: "devnet".into(),
        draining: true,
        max_sessions: 40,
        sessions: Vec::new(),
        engine: engine::view::node::EngineView::default(),
        work: WorkTotals {
            segments_done: 1,
            segments_failed: 2,
            ..WorkTotals::default()
        },
        transcoders: Vec::new(),
        devices: vec![Device {
            id: "gpu0".into(),
            name: "RTX 4090".into(),
            encoder_percent: Some(48),
            memory_used: Some(7_150_000_000),
            memory_total: Some(24_000_000_000),
            temperature_celsius: Some(71),
            ..Device::default()
        }],
        payments: None,
        chain: None,
        reach: Default::default(),
        notices: Vec::new(),
        mode: Default::default(),
        remote: None,
        api_version: 0,
        reward: None,
        redeem: None,
    };
    let proxy = Proxy::start(Answer::Always(200, serde_json::to_string(&node).unwrap())).await;
    let shown = operator.lpctl(&["status", "--node", &proxy.url()]).expect_code(0);
    operator.assert_snapshot("status_with_node", &shown);
    let strange = Proxy::start(Answer::Always(200, "<html>".into())).await;
    let shown = operator
        .lpctl(&["status", "--node", &strange.url(), "--json"])
        .expect_code(0);
    assert_eq!(shown.data()["node"], serde_json::Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_takes_two_round_trips_after_connecting() {
    let operator = Operator::new().await;
    let proxy = Proxy::start(Answer::Forward(operator.devnet.rpc_url.clone())).await;
    operator
        .lpctl(&["round", "show", "--rpc-url", &proxy.url()])
        .expect_code(0);
    proxy.take_count();
    operator
        .lpctl(&["status", "--rpc-url", &proxy.url()])
        .expect_code(0);
    let requests = proxy.take_count();
    assert!(requests >= 2, "the proxy was asked");
    assert!(requests <= 4, "two to connect and two to read, not {requests}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_answer_or_answers_nonsense_is_exit_7_and_another_chain_exit_3() {
    let operator = Operator::new().await;
    let refused = operator
        .lpctl(&["status", "--rpc-url", "http://127.0.0.1:9"])
        .expect_code(7);
    operator.assert_snapshot("status_rpc_down", &refused);
    for (answer, what) in [
        (Answer::Always(200, "<html>welcome</html>".into()), "a web page"),
        (
            Answer::Always(200, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":7}".into()),
            "an answer of another shape",
        ),
        (Answer::Always(401, "who are you?".into()), "a refusal"),
        (Answer::Always(200, "".into()), "nothing"),
    ] {
        let proxy = Proxy::start(answer).await;
        let outcome = operator.lpctl(&["stake", "bond", "1", "-y", "--json", "--rpc-url", &proxy.url()]);
        assert_eq!(outcome.code, Some(7), "{what}: {outcome:?}");
        outcome.error();
    }
    let elsewhere = operator
        .lpctl(&[
            "status",
            "--network",
            "arbitrum-one",
            "--rpc-url",
            &operator.devnet.rpc_url,
            "--json",
        ])
        .expect_code(3);
    assert_eq!(elsewhere.error()["code"], "wrong_chain");
    let missing = operator
        .lpctl(&[
            "status",
            "--controller",
            "0x0000000000000000000000000000000000000001",
            "--json",
        ])
        .expect_code(3);
    assert_eq!(missing.error()["code"], "controller_missing");
    // A second endpoint is used, the first one mentioned.
    let both = format!("http://127.0.0.1:9,{}", operator.devnet.rpc_url);
    let served = operator
        .lpctl(&["token", "balance", "--rpc-url", &both, "--json"])
        .expect_code(0);
    let envelope: serde_json::Value = serde_json::from_str(&served.stdout).unwrap();
    assert_eq!(envelope["data"]["wallet_lpt"], "100000");
    assert!(
        envelope["warnings"][0].as_str().unwrap().contains("127.0.0.1:9"),
        "{served:?}"
    );
    assert_eq!(operator.nonce().await, 0);
}
