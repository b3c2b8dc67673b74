//! HTTP between the engine and anvil that counts, and fails as told.

use std::{
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{Router, body::Bytes, extract::State, http::StatusCode, response::IntoResponse, routing::post};
use serde_json::Value;
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
    /// Answer calls without a recipient with this member, as some nodes do; forward the rest of the batch.
    NoCreation(&'static str),
}

#[derive(Clone)]
pub struct Proxy {
    pub url: String,
    target: String,
    requests: Arc<AtomicUsize>,
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

    pub fn fault(&self, fault: Fault) {
        self.faults.lock().unwrap().push(fault);
    }

    /// Ends it, and comes back when its port is closed. Needs a second thread to be ended on.
    pub fn stop(&self) {
        self.server.get().unwrap().abort();
        let address = self.url.trim_start_matches("http://");
        let closed = (0..100_000).any(|_| std::net::TcpStream::connect(address).is_err());
        assert!(closed, "the proxy goes on");
    }

    async fn pass(State(proxy): State<Self>, body: Bytes) -> axum::response::Response {
        proxy.requests.fetch_add(1, Ordering::SeqCst);
        let text = String::from_utf8_lossy(&body).into_owned();
        let faults = proxy.faults.lock().unwrap().clone();
        let fault = faults.into_iter().find(|fault| match fault {
            Fault::LoseAnswer(marker) | Fault::Swallow(marker) | Fault::Answer(marker, _) => {
                text.contains(marker)
            }
            Fault::NoCreation(_) => text.contains("eth_call"),
            Fault::Behind(_) => text.contains("\"latest\""),
        });
        let mut refused = Vec::new();
        let mut forwarded = body;
        match fault {
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
            Some(Fault::LoseAnswer(_)) | None => {}
        }
        let answer = proxy
            .client
            .post(&proxy.target)
            .header("content-type", "application/json")
            .body(forwarded);
        let mut answer = answer.send().await.unwrap().bytes().await.unwrap();
        if !refused.is_empty() {
            let mut answers: Vec<Value> = serde_json::from_slice(&answer).unwrap();
            answers.extend(refused);
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
