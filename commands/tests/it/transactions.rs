//! What was sent, and what can be done about it: `lpctl tx`, two processes at once, and `kill -9` where it hurts.

use std::{
    process::{Child, Stdio},
    time::Duration,
};

use alloy::{
    primitives::U256,
    providers::{Provider, ext::AnvilApi},
};
use serde_json::Value;

use crate::{
    environment::Outcome,
    operator::Operator,
    proxy::{Answer, Proxy},
};

/// Waits for something that happens within moments.
async fn until<T>(what: &str, mut found: impl AsyncFnMut() -> Option<T>) -> T {
    for _ in 0..1200 {
        if let Some(found) = found().await {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("{what}: it never came");
}

impl Operator {
    fn start(&self, arguments: &[&str]) -> Child {
        self.environment
            .command(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// The lines of the journal in a state.
    fn lines(&self, state: &str) -> Vec<Value> {
        let lines = self.journal();
        let lines = lines
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.filter(|line| line["state"] == state).collect()
    }

    async fn auto_mine(&self, on: bool) {
        self.devnet.provider().anvil_set_auto_mine(on).await.unwrap();
    }

    /// Sends something that nobody mines; gives back its hash once the node has it.
    async fn leave_waiting(&self) -> String {
        self.auto_mine(false).await;
        let arguments = [
            "orch",
            "set-uri",
            "https://127.0.0.1:1",
            "-y",
            "--wait",
            "1",
            "--json",
        ];
        let left = self.lpctl(&arguments).expect_code(5).error();
        left["details"]["hash"].as_str().unwrap().to_string()
    }
}

/// Mines a block each moment until a process has ended.
async fn mine_until_ended(operator: &Operator, mut child: Child) -> Outcome {
    until("the process", async || {
        operator.devnet.mine(1).await;
        child.try_wait().unwrap()
    })
    .await;
    Outcome::from(child.wait_with_output().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_listed_shown_and_sped_up() {
    let operator = Operator::new().await;
    let empty = operator.lpctl(&["tx", "list"]).expect_code(0);
    assert!(empty.stdout.contains("was sent from here"), "{empty:?}");
    let nothing = operator.lpctl(&["tx", "speed-up", "-y", "--json"]).expect_code(4);
    assert_eq!(nothing.error()["code"], "nothing_waits");

    let hash = operator.leave_waiting().await;
    let listed = operator
        .lpctl(&["tx", "list", "--open", "--json"])
        .expect_code(0)
        .data();
    assert_eq!(listed["transactions"][0]["hash"], hash);
    assert_eq!(listed["transactions"][0]["state"], "waiting");
    let shown = operator.lpctl(&["tx", "show", &hash]).expect_code(0);
    operator.assert_snapshot("tx_show_waiting", &shown);

    // What would be done, and what cannot be.
    let planned = operator
        .lpctl(&["tx", "speed-up", "--dry-run", "--json"])
        .expect_code(0)
        .data();
    assert_eq!(
        (planned["outcome"].as_str(), planned["original"].as_str()),
        (Some("planned"), Some(&*hash))
    );
    let price = |key: &str| planned[key].as_str().unwrap().parse::<U256>().unwrap();
    assert!(price("new_gas_price_wei") * U256::from(100) >= price("gas_price_wei") * U256::from(111));
    for (arguments, code) in [
        (&["--gas-price", "1wei"][..], "price_too_low"),
        (&["--max-gas-price", "1wei"], "gas_price_above_limit"),
        (&["--account", "delegator"], "other_account"),
    ] {
        let refused = operator.lpctl(&[&["tx", "speed-up", &hash, "-y", "--json"], arguments].concat());
        assert_eq!(refused.expect_code(4).error()["code"], code, "{arguments:?}");
    }
    let unasked = operator.lpctl(&["tx", "speed-up"]).expect_code(4);
    operator.assert_snapshot("tx_speed_up_unasked", &unasked);

    let hurrying = operator.start(&["tx", "speed-up", "-y", "--json"]);
    until("the replacement", async || {
        (operator.lines("sending").len() == 2).then_some(())
    })
    .await;
    let done = mine_until_ended(&operator, hurrying).await.expect_code(0).data();
    assert_eq!(done["outcome"], "replaced");
    assert_ne!(done["mined"], hash);
    assert_eq!(operator.nonce().await, 1);
    let over = operator
        .lpctl(&["tx", "speed-up", &hash, "-y", "--json"])
        .expect_code(4);
    assert_eq!(over.error()["code"], "already_mined");
    let original = operator
        .lpctl(&["tx", "show", &hash, "--json"])
        .expect_code(0)
        .data();
    assert_eq!(original["state"], "replaced");
    let mined = operator
        .lpctl(&["tx", "show", done["mined"].as_str().unwrap()])
        .expect_code(0);
    assert!(mined.stdout.contains("mined in block"), "{mined:?}");
    let list = operator.lpctl(&["tx", "list"]).expect_code(0);
    assert!(list.stdout.contains("replaced: its nonce is used"), "{list:?}");

    let nowhere = format!("0x{}", "09".repeat(32));
    let unknown = operator.lpctl(&["tx", "show", &nowhere, "--json"]).expect_code(1);
    assert_eq!(unknown.error()["code"], "transaction_unknown");
    let unknown = operator
        .lpctl(&["tx", "cancel", &nowhere, "-y", "--json"])
        .expect_code(4);
    assert_eq!(unknown.error()["code"], "transaction_unknown");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_transaction_can_never_be_mined() {
    let operator = Operator::new().await;
    let hash = operator.leave_waiting().await;
    let cancelling = operator.start(&["tx", "cancel", &hash, "-y"]);
    until("the cancellation", async || {
        (operator.lines("sending").len() == 2).then_some(())
    })
    .await;
    let done = mine_until_ended(&operator, cancelling).await.expect_code(0);
    operator.assert_snapshot("tx_cancel", &done);
    operator.auto_mine(true).await;
    let uri = operator.lpctl(&["orch", "show", "--json"]).expect_code(0).data();
    assert_eq!(uri["service_uri"], Value::Null);
    // The account is free again, without `--queue`.
    operator
        .lpctl(&["orch", "set-uri", "https://127.0.0.1:2", "-y"])
        .expect_code(0);
    assert_eq!(operator.nonce().await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_at_once_take_turns() {
    let operator = Operator::new().await;
    operator.auto_mine(false).await;
    let uris = [
        "https://127.0.0.1:1",
        "https://127.0.0.1:2",
        "https://127.0.0.1:3",
    ];
    let running: Vec<Child> = uris
        .iter()
        .map(|uri| operator.start(&["orch", "set-uri", uri, "-y", "--queue", "--json"]))
        .collect();
    until("all three", async || {
        (operator.lines("sending").len() == 3).then_some(())
    })
    .await;
    for child in running {
        mine_until_ended(&operator, child).await.expect_code(0);
    }
    let mut nonces: Vec<u64> = operator
        .lines("sending")
        .iter()
        .map(|line| line["nonce"].as_u64().unwrap())
        .collect();
    nonces.sort_unstable();
    assert_eq!(nonces, [0, 1, 2]);
    assert_eq!(operator.nonce().await, 3);
}

/// Written down, shown to an endpoint that passes it on to nobody, and killed.
#[tokio::test(flavor = "multi_thread")]
async fn killed_between_signing_and_sending_leaves_no_gap_and_sends_nothing_twice() {
    let operator = Operator::new().await;
    let hanging = Answer::Hang(operator.devnet.rpc_url.clone(), "eth_sendRawTransaction");
    let proxy = Proxy::start(hanging).await;
    let arguments = [
        "orch",
        "set-uri",
        "https://127.0.0.1:1",
        "-y",
        "--rpc-url",
        &proxy.url(),
    ];
    let mut child = operator.start(&arguments);
    let line = until("the line", async || operator.lines("sending").pop()).await;
    // It holds the account while it sends.
    let pid = child.id();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(operator.nonce().await, 0);
    let hash = line["hash"].as_str().unwrap();
    assert!(line["owner"].as_str().unwrap().starts_with(&format!("{pid}.")));

    let shown = operator
        .lpctl(&["tx", "show", hash, "--json"])
        .expect_code(0)
        .data();
    assert_eq!(shown["state"], "lost");
    let held_back = operator
        .lpctl(&["orch", "set-uri", "https://127.0.0.1:2", "-y", "--json"])
        .expect_code(4);
    assert_eq!(held_back.error()["code"], "unconfirmed_transaction");
    // Its nonce goes to the next one; it can never be mined any more.
    operator
        .lpctl(&["orch", "set-uri", "https://127.0.0.1:2", "-y", "--queue"])
        .expect_code(0);
    assert_eq!(operator.nonce().await, 1);
    let shown = operator
        .lpctl(&["tx", "show", hash, "--json"])
        .expect_code(0)
        .data();
    assert_eq!(shown["state"], "replaced");
    let uri = operator.lpctl(&["orch", "show", "--json"]).expect_code(0).data();
    assert_eq!(uri["service_uri"], "https://127.0.0.1:2");
    operator
        .lpctl(&["orch", "set-uri", "https://127.0.0.1:3", "-y"])
        .expect_code(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_between_sending_and_the_receipt_is_found_again() {
    let operator = Operator::new().await;
    let mut child = operator
        .start_until_sending(&["orch", "set-uri", "https://127.0.0.1:1", "-y"])
        .await;
    let line = operator.lines("sending").pop().unwrap();
    let hash = line["hash"].as_str().unwrap().to_string();
    let provider = operator.devnet.provider();
    let parsed = hash.parse().unwrap();
    until("the transaction", async || {
        provider.get_transaction_by_hash(parsed).await.unwrap().map(drop)
    })
    .await;
    child.kill().unwrap();
    child.wait().unwrap();
    let state = |wanted: &str| {
        let shown = operator
            .lpctl(&["tx", "show", &hash, "--json"])
            .expect_code(0)
            .data();
        assert_eq!(shown["state"], wanted);
    };
    state("waiting");
    operator.auto_mine(true).await;
    operator.devnet.mine(1).await;
    state("mined");
    // Nothing is held back by it.
    operator
        .lpctl(&["orch", "set-uri", "https://127.0.0.1:2", "-y"])
        .expect_code(0);
    assert_eq!(operator.nonce().await, 2);
}
