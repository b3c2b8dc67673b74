//! `lpctl rpc`: endpoints tested, and offered as one.

use std::{
    io::{BufRead, BufReader, Read},
    process::Stdio,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::{
    environment::Environment,
    proxy::{Answer, Proxy},
};

fn dead() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_of_endpoints_ends_with_the_code_that_fits() {
    let devnet = testbed::devnet().await;
    let environment = Environment::new();
    let test = |urls: &[&str], more: &[&str]| {
        let mut arguments = vec!["rpc", "test", "--network", "devnet", "--reads", "3"];
        for url in urls {
            arguments.extend(["--rpc-url", url]);
        }
        arguments.extend(more);
        environment.lpctl(&arguments)
    };
    let good = test(&[&devnet.rpc_url], &["--json"]).expect_code(0).data();
    assert_eq!(
        (&good["chain_id"], &good["endpoints"][0]["usable"]),
        (&json!(31337), &json!(true))
    );
    let shown = test(&[&devnet.rpc_url], &[]).expect_code(0);
    assert!(
        shown.stdout.contains(devnet.rpc_url.trim_end_matches('/')),
        "{shown:?}"
    );

    let dead = dead();
    let keyed = format!("{dead}/v2/SECRETKEY0123456789");
    let some = test(&[&devnet.rpc_url, &keyed], &["--json"]).expect_code(1);
    assert!(!some.stdout.contains("SECRETKEY") && !some.stderr.contains("SECRETKEY"));
    let some = some.error();
    assert_eq!(some["code"], "endpoint_unusable");
    assert_eq!(some["details"]["endpoints"][1]["usable"], false);
    let none = test(&[&dead], &[]).expect_code(7);
    assert!(none.stdout.contains("no connection"), "{none:?}");
    let elsewhere = environment
        .lpctl(&[
            "rpc",
            "test",
            "--network",
            "arbitrum-one",
            "--rpc-url",
            &devnet.rpc_url,
            "--json",
        ])
        .expect_code(3)
        .error();
    assert_eq!(elsewhere["code"], "wrong_chain");
    environment
        .lpctl(&["rpc", "test", "--network", "offchain"])
        .expect_code(3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_behind_it_outlives_its_first_endpoint() {
    let devnet = testbed::devnet().await;
    let environment = Environment::new();
    let failing = Proxy::start(Answer::Always(503, "no backend".to_string())).await;
    let mut child = environment
        .command(&[
            "rpc",
            "serve",
            "--json",
            "--network",
            "devnet",
            "--listen",
            "127.0.0.1:0",
        ])
        .args(["--rpc-url", &failing.url(), "--rpc-url", &devnet.rpc_url])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    let ready: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(ready["event"], "ready");
    let url = ready["url"].as_str().unwrap();

    // lpctl itself is a node like any other.
    let round = environment.lpctl(&[
        "round",
        "show",
        "--network",
        "devnet",
        "--controller",
        &devnet.controller.to_string(),
        "--rpc-url",
        url,
        "--json",
    ]);
    assert_eq!(round.expect_code(0).data()["initialized"], true);
    let client = reqwest::Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(30))
        .build()
        .unwrap();
    let body = json!({ "jsonrpc": "2.0", "id": "x", "method": "anvil_mine", "params": [] });
    let refused = client
        .post(url)
        .json(&body)
        .send()
        .await
        .unwrap()
        .bytes()
        .await
        .unwrap();
    let refused: Value = serde_json::from_slice(&refused).unwrap();
    assert_eq!(
        (&refused["id"], &refused["error"]["code"]),
        (&json!("x"), &json!(-32601))
    );

    kill_process(
        Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap(),
        Signal::TERM,
    )
    .unwrap();
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let last: Value = serde_json::from_str(rest.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&last["event"], &last["failed"], &last["refused"]),
        (&json!("stopped"), &json!(0), &json!(1))
    );
    assert!(last["requests"].as_u64().unwrap() > 4, "{last}");
}

#[test]
fn it_is_not_offered_to_others_without_a_reason() {
    let environment = Environment::new();
    let serve = [
        "rpc",
        "serve",
        "--network",
        "devnet",
        "--rpc-url",
        "http://127.0.0.1:1",
        "--json",
    ];
    let refused = environment.lpctl(&[&serve[..], &["--listen", "0.0.0.0:0"]].concat());
    let refused = refused.expect_code(4).error();
    assert_eq!(refused["code"], "exposed");
    assert!(refused["hint"].as_str().unwrap().contains("--allow-remote"));
    environment
        .lpctl(&[&serve[..], &["--listen", "0.0.0.0:0", "--allow-remote", ""]].concat())
        .expect_code(2);
    environment
        .lpctl(&[&serve[..], &["--dry-run"]].concat())
        .expect_code(2);
}
