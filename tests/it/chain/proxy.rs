//! HTTP between the engine and anvil that counts, and fails as told.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{Router, body::Bytes, extract::State, http::StatusCode, response::IntoResponse, routing::post};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
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
}

#[derive(Clone)]
pub struct Proxy {
    pub url: String,
    target: String,
    requests: Arc<AtomicUsize>,
    faults: Arc<Mutex<Vec<Fault>>>,
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
            client: reqwest::Client::builder().no_proxy().build().unwrap(),
        };
        let router = Router::new()
            .route("/", post(Self::pass))
            .with_state(proxy.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        proxy
    }

    /// HTTP requests since the last call.
    pub fn take_requests(&self) -> usize {
        self.requests.swap(0, Ordering::SeqCst)
    }

    pub fn fault(&self, fault: Fault) {
        self.faults.lock().unwrap().push(fault);
    }

    async fn pass(State(proxy): State<Self>, body: Bytes) -> axum::response::Response {
        proxy.requests.fetch_add(1, Ordering::SeqCst);
        let text = String::from_utf8_lossy(&body).into_owned();
        let faults = proxy.faults.lock().unwrap().clone();
        let fault = faults.into_iter().find(|fault| match fault {
            Fault::LoseAnswer(marker) | Fault::Swallow(marker) | Fault::Answer(marker, _) => {
                text.contains(marker)
            }
        });
        match fault {
            Some(Fault::Swallow(_)) => return StatusCode::GATEWAY_TIMEOUT.into_response(),
            Some(Fault::Answer(_, answer)) => return answer.into_response(),
            Some(Fault::LoseAnswer(_)) | None => {}
        }
        let answer = proxy
            .client
            .post(&proxy.target)
            .header("content-type", "application/json")
            .body(body);
        let answer = answer.send().await.unwrap().bytes().await.unwrap();
        match fault {
            Some(Fault::LoseAnswer(_)) => StatusCode::GATEWAY_TIMEOUT.into_response(),
            _ => answer.into_response(),
        }
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
