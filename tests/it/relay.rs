//! A local endpoint in front of real anvils: failover under load, transactions, and what it does not pass on.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use alloy::{
    network::EthereumWallet,
    primitives::{Address, U256},
    providers::{Provider, ProviderBuilder},
    rpc::types::TransactionRequest,
};
use engine::{
    chain::{Chain, provider::Endpoints},
    relay::{Relay, RelayError, RelaySettings},
};
use serde_json::{Value, json};

use crate::chain::{
    activate, config,
    proxy::{Fault, Proxy, dead},
};

async fn relay(urls: &[&str]) -> (Relay, String) {
    let urls = urls.iter().map(|url| url.parse().unwrap()).collect();
    let endpoints = Endpoints::new(urls, "devnet", Some(31337), Duration::from_secs(10)).unwrap();
    let settings = RelaySettings {
        listen: "127.0.0.1:0".parse().unwrap(),
        allow_remote: false,
    };
    let relay = Relay::start(endpoints, settings).await.unwrap();
    let url = format!("http://{}", relay.address());
    (relay, url)
}

fn client() -> reqwest::Client {
    testbed::install_tls();
    reqwest::Client::builder().no_proxy().build().unwrap()
}

async fn ask(client: &reqwest::Client, url: &str, body: &Value) -> Value {
    let answer = client.post(url).json(body).send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.status());
    serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap()
}

fn request(id: impl Into<Value>, method: &str, params: Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id.into(), "method": method, "params": params })
}

/// One of two anvils dies while requests come in: nobody but the statistics notices.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_killed_under_load_fails_no_request() {
    let (first, second) = tokio::join!(testbed::devnet(), testbed::devnet());
    let (relay, url) = relay(&[&first.rpc_url, &second.rpc_url]).await;
    let stop = Arc::new(AtomicBool::new(false));
    let answered = Arc::new(AtomicUsize::new(0));
    let gateway = first.accounts.gateway.address();
    let workers: Vec<_> = (0..4)
        .map(|worker| {
            let (url, stop, answered) = (url.clone(), Arc::clone(&stop), Arc::clone(&answered));
            tokio::spawn(async move {
                let client = client();
                let mut number = 0_u64;
                while !stop.load(Ordering::Relaxed) {
                    number += 1;
                    let one = request(number, "eth_getBalance", json!([gateway, "latest"]));
                    let body = match worker % 2 {
                        0 => one,
                        _ => json!([one, request(format!("b{number}"), "eth_blockNumber", json!([]))]),
                    };
                    let answer = ask(&client, &url, &body).await;
                    let answers = match answer {
                        Value::Array(answers) => answers,
                        one => vec![one],
                    };
                    for answer in answers {
                        assert!(answer["result"].is_string(), "{answer}");
                    }
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let more = |count: usize| {
        let wanted = answered.load(Ordering::Relaxed) + count;
        let answered = Arc::clone(&answered);
        async move {
            while answered.load(Ordering::Relaxed) < wanted {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), more(200))
        .await
        .unwrap();
    let pid = i32::try_from(first.anvil_pid()).unwrap();
    rustix::process::kill_process(
        rustix::process::Pid::from_raw(pid).unwrap(),
        rustix::process::Signal::KILL,
    )
    .unwrap();
    tokio::time::timeout(Duration::from_secs(60), more(400))
        .await
        .unwrap();
    stop.store(true, Ordering::Relaxed);
    for worker in workers {
        worker.await.unwrap();
    }
    let status = relay.stop().await;
    assert_eq!((status.failed, status.refused), (0, 0));
    assert!(status.endpoints[1].answered >= 400, "{status:?}");
    assert!(status.endpoints.iter().any(|endpoint| endpoint.failure.is_some()));
}

/// lpctl's own chain module and a common client, with nothing but the relay between them and the chain.
#[tokio::test]
async fn a_node_works_through_it() {
    let devnet = testbed::devnet().await;
    let dead = dead().await;
    let (relay, url) = relay(&[&dead, &devnet.rpc_url]).await;
    let me = &devnet.accounts.orchestrator;
    let chain = Chain::connect(config(&devnet, &[&url])).await.unwrap();
    activate(&chain, me, 100).await;
    assert_eq!(chain.orchestrators().await.unwrap().orchestrators.len(), 1);

    let wallet = EthereumWallet::from(devnet.accounts.gateway.clone());
    let provider = ProviderBuilder::new()
        .wallet(wallet)
        .connect_http(url.parse().unwrap());
    let to = Address::repeat_byte(0x42);
    let transfer = TransactionRequest::default().to(to).value(U256::from(7));
    let sent = provider.send_transaction(transfer).await.unwrap();
    let receipt = sent.get_receipt().await.unwrap();
    assert!(receipt.status());
    assert_eq!(provider.get_balance(to).await.unwrap(), U256::from(7));
    let status = relay.stop().await;
    assert!(status.transactions >= 2 && status.failed == 0, "{status:?}");
}

#[tokio::test]
async fn a_transaction_goes_to_every_endpoint_once() {
    let devnet = testbed::devnet().await;
    let (first, second) = (Proxy::to(&devnet.rpc_url).await, Proxy::to(&devnet.rpc_url).await);
    // Its word is lost, and the other one says that the nonce is used: by this very transaction.
    first.fault(Fault::LoseAnswer("eth_sendRawTransaction"));
    let dead = dead().await;
    let (relay, url) = relay(&[&first.url, &dead, &second.url]).await;
    let wallet = EthereumWallet::from(devnet.accounts.gateway.clone());
    let provider = ProviderBuilder::new()
        .wallet(wallet)
        .connect_http(url.parse().unwrap());
    let transfer = TransactionRequest::default()
        .to(Address::repeat_byte(0x42))
        .value(U256::from(7));
    let sent = provider.send_transaction(transfer).await.unwrap();
    let hash = *sent.tx_hash();
    assert!(sent.get_receipt().await.unwrap().status());
    for proxy in [&first, &second] {
        let sent = async {
            while proxy.requests_with("eth_sendRawTransaction") == 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), sent).await.unwrap();
    }
    let raw = {
        let found = devnet.provider().get_raw_transaction_by_hash(hash).await.unwrap();
        found.unwrap()
    };
    let client = client();
    // Sent again after it was mined: it is on the chain, and no other one.
    let again = ask(&client, &url, &request(1, "eth_sendRawTransaction", json!([raw]))).await;
    assert_eq!(again["result"], json!(hash), "{again}");
    // Both times to each of the two that live, and no oftener.
    let both = async {
        while first.requests_with("eth_sendRawTransaction") + second.requests_with("eth_sendRawTransaction")
            < 4
        {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), both).await.unwrap();
    assert_eq!(first.requests_with("eth_sendRawTransaction"), 2);
    assert_eq!(second.requests_with("eth_sendRawTransaction"), 2);
    for bad in [json!([]), json!([7]), json!(["0x"]), json!(["no hex"])] {
        let answer = ask(&client, &url, &request(1, "eth_sendRawTransaction", bad)).await;
        assert_eq!(answer["error"]["code"], -32602, "{answer}");
    }
    relay.stop().await;
}

#[tokio::test]
async fn ids_come_back_as_they_came_and_in_order() {
    let devnet = testbed::devnet().await;
    let (relay, url) = relay(&[&devnet.rpc_url]).await;
    let client = client();
    let batch = json!([
        request("a", "eth_chainId", json!([])),
        request(1, "eth_blockNumber", json!([])),
        request(1, "personal_unlockAccount", json!(["0x0", "password"])),
        { "jsonrpc": "2.0", "method": "eth_blockNumber" },
        request(Value::Null, "eth_getBalance", json!([Address::ZERO, "latest"])),
        7,
        request("a", "eth_chainId", json!([])),
    ]);
    let answers = ask(&client, &url, &batch).await;
    let answers = answers.as_array().unwrap();
    let ids: Vec<&Value> = answers.iter().map(|answer| &answer["id"]).collect();
    assert_eq!(
        ids,
        [
            &json!("a"),
            &json!(1),
            &json!(1),
            &Value::Null,
            &Value::Null,
            &json!("a")
        ]
    );
    assert_eq!(answers[0]["result"], "0x7a69");
    assert_eq!(answers[2]["error"]["code"], -32601);
    assert_eq!(answers[4]["error"]["code"], -32600);
    // A revert keeps its data: nodes decode it.
    let broker = devnet.contracts.ticket_broker;
    let withdraw = json!([{ "to": broker, "data": "0x3ccfd60b" }, "latest"]);
    let reverted = ask(&client, &url, &request(1, "eth_call", withdraw)).await;
    assert!(
        reverted["error"]["data"]
            .as_str()
            .unwrap()
            .starts_with("0x08c379a0"),
        "{reverted}"
    );
    // What cannot change is not asked twice.
    let before = relay.status();
    ask(&client, &url, &request(9, "eth_chainId", json!([]))).await;
    assert_eq!(relay.status().remembered, before.remembered + 1);
    relay.stop().await;
}

#[tokio::test]
async fn web_pages_strangers_and_nonsense_are_turned_away() {
    let devnet = testbed::devnet().await;
    let (relay, url) = relay(&[&devnet.rpc_url]).await;
    let client = client();
    let body = request(1, "eth_chainId", json!([])).to_string();
    let post = || client.post(&url).header("content-type", "application/json");
    let status = |sent: reqwest::RequestBuilder| async move { sent.send().await.unwrap().status().as_u16() };
    assert_eq!(status(post().body(body.clone())).await, 200);
    assert_eq!(
        status(post().header("origin", "https://evil.example").body(body.clone())).await,
        403
    );
    assert_eq!(
        status(post().header("host", "evil.example").body(body.clone())).await,
        403
    );
    assert_eq!(
        status(
            client
                .post(&url)
                .header("content-type", "text/plain")
                .body(body.clone())
        )
        .await,
        415
    );
    assert_eq!(status(client.get(&url)).await, 405);
    assert_eq!(
        status(client.post(format!("{url}/v1")).json(&json!({}))).await,
        404
    );
    assert_eq!(status(post().body(vec![b' '; 3 << 20])).await, 413);
    let nonsense = post().body("{").send().await.unwrap().bytes().await.unwrap();
    let nonsense: Value = serde_json::from_slice(&nonsense).unwrap();
    assert_eq!(
        (&nonsense["id"], &nonsense["error"]["code"]),
        (&Value::Null, &json!(-32700))
    );

    let open: BTreeSet<SocketAddr> = ["0.0.0.0:0".parse().unwrap(), "[::]:0".parse().unwrap()].into();
    for listen in open {
        let url = devnet.rpc_url.parse().unwrap();
        let endpoints = Endpoints::new(vec![url], "devnet", None, Duration::from_secs(1)).unwrap();
        let settings = RelaySettings {
            listen,
            allow_remote: false,
        };
        assert!(matches!(
            Relay::start(endpoints, settings).await,
            Err(RelayError::Exposed(_))
        ));
    }
    relay.stop().await;
}

/// What an endpoint says about itself may hold its key; nobody behind the relay is to see it.
#[tokio::test]
async fn a_key_does_not_get_through() {
    const KEY: &str = "SECRETKEY0123456789";
    let body = format!("no such project {KEY}");
    let upstream =
        crate::chain::proxy::canned(crate::chain::proxy::http("401 Unauthorized", &body), false).await;
    let (relay, url) = relay(&[&format!("{upstream}/v2/{KEY}")]).await;
    let answer = ask(&client(), &url, &request(1, "eth_blockNumber", json!([]))).await;
    let text = answer.to_string();
    assert!(text.contains("HTTP status 401") && !text.contains(KEY), "{text}");
    let status = serde_json::to_string(&relay.status()).unwrap();
    assert!(!status.contains(KEY), "{status}");
    relay.stop().await;
}
