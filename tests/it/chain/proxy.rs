//! HTTP between the engine and anvil that counts, and fails as told.

use std::{
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use alloy::primitives::Address;
use axum::{Router, body::Bytes, extract::State, http::StatusCode, response::IntoResponse, routing::post};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::AbortHandle,
};

/// What to do with a request in whose body the text stands; with all others: forward.
#[derive(Debug, Clone)]
pub enum Fault {
    /// Forward it, then answer with an error.
    LoseAnswer(&'static str),
    /// Answer with an error without forwarding it.
    Swallow(&'static str),
    /// Answer with this instead.
    Answer(&'static str, &'static str),
    /// Answer what is asked about the latest block as of this one: a node that lags behind.
    Behind(u64),
    /// Never answer it.
    Hang(&'static str),
    /// Ask to be left alone for so many seconds.
    Rest(u64),
    /// Refuse to give the logs of more blocks than this, as many services do.
    MostBlocks(u64),
    /// Say that this contract logged nothing, as an endpoint does that has not indexed its newest blocks.
    NoLogs(Address),
    /// Put this block of Ethereum into every header, as Arbitrum does.
    L1Block(u64),
    /// Say of every transaction without a receipt that it was mined in this block and worked.
    ForgeReceipts(u64),
    /// Answer calls without a recipient with this member, as some nodes do; forward the rest of the batch.
    NoCreation(&'static str),
}

#[derive(Clone)]
pub struct Proxy {
    pub url: String,
    target: String,
    requests: Arc<AtomicUsize>,
    bodies: Arc<Mutex<Vec<String>>>,
    faults: Arc<Mutex<Vec<Fault>>>,
    server: Arc<OnceLock<AbortHandle>>,
    client: reqwest::Client,
}

impl Proxy {
    pub async fn to(target: &str) -> Self {
        testbed::install_tls();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            target: target.to_string(),
            requests: Arc::default(),
            bodies: Arc::default(),
            faults: Arc::default(),
            server: Arc::default(),
            client: reqwest::Client::builder().no_proxy().build().unwrap(),
        };
        let router = Router::new()
            .route("/", post(Self::pass))
            .with_state(proxy.clone());
        let server = tokio::spawn(async move { axum::serve(listener, router).await });
        proxy.server.set(server.abort_handle()).unwrap();
        proxy
    }

    /// HTTP requests since the last call.
    pub fn take_requests(&self) -> usize {
        self.requests.swap(0, Ordering::SeqCst)
    }

    /// Requests so far in whose body the text stands.
    pub fn requests_with(&self, marker: &str) -> usize {
        let bodies = self.bodies.lock().unwrap();
        bodies.iter().filter(|body| body.contains(marker)).count()
    }

    pub fn fault(&self, fault: Fault) {
        self.faults.lock().unwrap().push(fault);
    }

    /// Forgets all faults.
    pub fn heal(&self) {
        self.faults.lock().unwrap().clear();
    }

    /// Ends it, and comes back when its port is closed. Needs a second thread to be ended on.
    pub fn stop(&self) {
        self.server.get().unwrap().abort();
        let address = self.url.trim_start_matches("http://");
        let closed = (0..100_000).any(|_| std::net::TcpStream::connect(address).is_err());
        assert!(closed, "the proxy goes on");
    }

    async fn forward(&self, body: Bytes) -> Bytes {
        let sent = self
            .client
            .post(&self.target)
            .header("content-type", "application/json")
            .body(body);
        sent.send().await.unwrap().bytes().await.unwrap()
    }

    async fn pass(State(proxy): State<Self>, body: Bytes) -> axum::response::Response {
        let faults = proxy.faults.lock().unwrap().clone();
        proxy.requests.fetch_add(1, Ordering::SeqCst);
        let text = String::from_utf8_lossy(&body).into_owned();
        proxy.bodies.lock().unwrap().push(text.clone());
        let fault = faults.into_iter().find(|fault| match fault {
            Fault::LoseAnswer(marker)
            | Fault::Swallow(marker)
            | Fault::Answer(marker, _)
            | Fault::Hang(marker) => text.contains(marker),
            Fault::Rest(_) => true,
            Fault::NoCreation(_) => text.contains("eth_call"),
            Fault::Behind(_) => text.contains("\"latest\""),
            Fault::MostBlocks(_) | Fault::NoLogs(_) => text.contains("eth_getLogs"),
            Fault::L1Block(_) => text.contains("eth_getBlockBy"),
            Fault::ForgeReceipts(_) => text.contains("eth_getTransactionReceipt"),
        });
        let mut refused = Vec::new();
        let mut forwarded = body;
        match fault {
            Some(Fault::Hang(_)) => std::future::pending().await,
            Some(Fault::Rest(seconds)) => {
                let headers = [("retry-after", seconds.to_string())];
                return (StatusCode::TOO_MANY_REQUESTS, headers).into_response();
            }
            Some(Fault::Swallow(_)) => return StatusCode::GATEWAY_TIMEOUT.into_response(),
            Some(Fault::Answer(_, answer)) => return answer.into_response(),
            Some(Fault::NoCreation(member)) => {
                let batch: Vec<Value> = serde_json::from_str(&text).unwrap();
                let (creations, others): (Vec<Value>, Vec<Value>) = batch
                    .into_iter()
                    .partition(|one| one["method"] == "eth_call" && one["params"][0].get("to").is_none());
                refused.extend(creations.iter().map(|one| {
                    let answer = format!(r#"{{"jsonrpc":"2.0","id":{},{member}}}"#, one["id"]);
                    serde_json::from_str::<Value>(&answer).unwrap()
                }));
                forwarded = serde_json::to_vec(&others).unwrap().into();
            }
            Some(Fault::Behind(block)) => {
                forwarded = text.replace("\"latest\"", &format!("\"{block:#x}\"")).into();
            }
            Some(Fault::MostBlocks(most)) => {
                let asked: Value = serde_json::from_str(&text).unwrap();
                let is_wide = |one: &Value| blocks_of_logs(one).is_some_and(|blocks| blocks > most);
                let refuse = |one: &Value| {
                    json!({ "jsonrpc": "2.0", "id": one["id"], "error": { "code": -32005,
                        "message": "query returned more than 10000 results" } })
                };
                let Value::Array(batch) = asked else {
                    if is_wide(&asked) {
                        return refuse(&asked).to_string().into_response();
                    }
                    return proxy.forward(forwarded).await.into_response();
                };
                let (wide, others): (Vec<Value>, Vec<Value>) = batch.into_iter().partition(is_wide);
                refused.extend(wide.iter().map(refuse));
                forwarded = serde_json::to_vec(&others).unwrap().into();
            }
            Some(Fault::LoseAnswer(_) | Fault::L1Block(_) | Fault::ForgeReceipts(_) | Fault::NoLogs(_))
            | None => {}
        }
        let mut answer = proxy.forward(forwarded).await;
        if !refused.is_empty() {
            let mut answers: Vec<Value> = serde_json::from_slice(&answer).unwrap();
            answers.extend(refused);
            answer = serde_json::to_vec(&answers).unwrap().into();
        }
        if let Some(Fault::ForgeReceipts(block)) = fault {
            answer = forged(&text, &answer, block);
        }
        if let Some(Fault::NoLogs(contract)) = fault {
            answer = without_logs(&text, &answer, contract);
        }
        if let Some(Fault::L1Block(block)) = fault {
            let mut answers: Value = serde_json::from_slice(&answer).unwrap();
            let list = match &mut answers {
                Value::Array(list) => list.iter_mut().collect(),
                one => vec![one],
            };
            for one in list {
                if let Some(header) = one["result"].as_object_mut() {
                    header.insert("l1BlockNumber".to_string(), json!(format!("{block:#x}")));
                }
            }
            answer = serde_json::to_vec(&answers).unwrap().into();
        }
        let status = match fault {
            Some(Fault::LoseAnswer(_)) => StatusCode::GATEWAY_TIMEOUT,
            _ => StatusCode::OK,
        };
        // Each request comes over its own connection, so that a stopped proxy is gone for good.
        (status, [("connection", "close")], answer).into_response()
    }
}

/// The answers, with none of this contract's logs.
fn without_logs(request: &str, answer: &[u8], contract: Address) -> Bytes {
    let is_its = |log: &Value| log["address"].as_str().and_then(|text| text.parse().ok()) == Some(contract);
    let list = |value: Value| match value {
        Value::Array(list) => (list, true),
        one => (vec![one], false),
    };
    let (asked, _) = list(serde_json::from_str(request).unwrap());
    let (mut answers, is_batch) = list(serde_json::from_slice(answer).unwrap());
    for one in asked.iter().filter(|one| one["method"] == "eth_getLogs") {
        for answer in answers.iter_mut().filter(|answer| answer["id"] == one["id"]) {
            if let Some(logs) = answer["result"].as_array_mut() {
                logs.retain(|log| !is_its(log));
            }
        }
    }
    let answers = match is_batch {
        true => Value::Array(answers),
        false => answers.remove(0),
    };
    serde_json::to_vec(&answers).unwrap().into()
}

/// The answers, with a receipt wherever there was none.
fn forged(asked: &str, answer: &[u8], block: u64) -> Bytes {
    let list = |value: Value| match value {
        Value::Array(list) => list,
        one => vec![one],
    };
    let asked = list(serde_json::from_str(asked).unwrap());
    let mut answers: Value = serde_json::from_slice(answer).unwrap();
    let all = match &mut answers {
        Value::Array(all) => all.iter_mut().collect(),
        one => vec![one],
    };
    for one in all {
        let request = asked.iter().find(|request| request["id"] == one["id"]);
        if let Some(request) = request
            && request["method"] == "eth_getTransactionReceipt"
            && one["result"].is_null()
        {
            one["result"] = json!({
                "transactionHash": request["params"][0], "blockNumber": format!("{block:#x}"),
                "gasUsed": "0x30d40", "effectiveGasPrice": "0x3b9aca00", "status": "0x1", "logs": [],
            });
        }
    }
    serde_json::to_vec(&answers).unwrap().into()
}

/// How many blocks a request for logs is about; all up to the latest are too many.
fn blocks_of_logs(request: &Value) -> Option<u64> {
    let filter = (request["method"] == "eth_getLogs").then(|| &request["params"][0])?;
    let number = |key: &str| {
        let text = filter[key].as_str().unwrap_or_default();
        u64::from_str_radix(text.trim_start_matches("0x"), 16).ok()
    };
    match (number("fromBlock"), number("toBlock")) {
        (Some(from), Some(to)) => Some(to + 1 - from),
        _ => Some(u64::MAX),
    }
}

/// A server that answers every connection with the same bytes, and closes it or keeps it open.
pub async fn canned(answer: Vec<u8>, keep_open: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let answer = answer.clone();
            tokio::spawn(async move {
                let mut request = vec![0; 64 << 10];
                let _ = stream.read(&mut request).await;
                let _ = stream.write_all(&answer).await;
                if keep_open {
                    tokio::time::sleep(Duration::from_secs(60)).await;
                }
            });
        }
    });
    url
}

/// An HTTP answer.
pub fn http(status: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// A port nobody listens on.
pub async fn dead() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}
