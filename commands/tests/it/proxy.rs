//! An HTTP endpoint between `lpctl` and the chain: counts what is asked, takes its time, or answers nonsense.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// How it answers.
#[derive(Debug, Clone)]
pub enum Answer {
    /// As the endpoint at this URL does.
    Forward(String),
    /// As the endpoint at this URL does, from so far away: a connection takes as long as a question and its answer.
    Far(String, Duration),
    /// As the endpoint at this URL does; never where the text stands in the request, which goes no further.
    Hang(String, &'static str),
    /// Always with this status and body.
    Always(u16, String),
}

/// The endpoint; ends with the test's runtime.
pub struct Proxy {
    port: u16,
    count: Arc<AtomicU64>,
}

impl Proxy {
    pub async fn start(answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let count = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&count);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, answer.clone(), Arc::clone(&counter)));
            }
        });
        Self { port, count }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    /// Requests since it was last asked.
    pub fn take_count(&self) -> u64 {
        self.count.swap(0, Ordering::SeqCst)
    }
}

/// Answers as long as somebody asks.
async fn serve_from_afar(mut client: TcpStream, url: &str, round_trip: Duration, count: &AtomicU64) {
    tokio::time::sleep(round_trip).await;
    while let Some(body) = read_request(&mut client).await {
        count.fetch_add(1, Ordering::SeqCst);
        let (answer, ()) = tokio::join!(ask(url, &body), tokio::time::sleep(round_trip));
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            answer.len()
        );
        if client
            .write_all(&[head.as_bytes(), &answer].concat())
            .await
            .is_err()
        {
            return;
        }
    }
}

/// One request, one answer, one connection: enough to count by.
async fn serve(mut client: TcpStream, answer: Answer, count: Arc<AtomicU64>) {
    if let Answer::Far(url, round_trip) = &answer {
        return serve_from_afar(client, url, *round_trip, &count).await;
    }
    let Some(body) = read_request(&mut client).await else {
        return;
    };
    count.fetch_add(1, Ordering::SeqCst);
    let (status, text) = match answer {
        Answer::Always(status, text) => (status, text.into_bytes()),
        Answer::Forward(url) | Answer::Far(url, _) => (200, ask(&url, &body).await),
        Answer::Hang(_, text) if String::from_utf8_lossy(&body).contains(text) => {
            // Until whoever asked is gone.
            let _ = client.read(&mut [0]).await;
            return;
        }
        Answer::Hang(url, _) => (200, ask(&url, &body).await),
    };
    let head = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        text.len()
    );
    let _ = client.write_all(&[head.as_bytes(), &text].concat()).await;
}

async fn ask(url: &str, body: &[u8]) -> Vec<u8> {
    let host = url.trim_start_matches("http://").trim_end_matches('/');
    let mut server = TcpStream::connect(host).await.unwrap();
    let head = format!(
        "POST / HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    server.write_all(&[head.as_bytes(), body].concat()).await.unwrap();
    read_request(&mut server).await.unwrap()
}

/// The body of a message; empty if no length is announced.
async fn read_request(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut read = Vec::new();
    loop {
        let head_end = read.windows(4).position(|four| four == b"\r\n\r\n");
        if let Some(end) = head_end {
            let head = String::from_utf8_lossy(&read[..end]).to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
            let length = length.map_or(Some(0), |length| length.trim().parse::<usize>().ok())?;
            if read.len() >= end + 4 + length {
                return Some(read[end + 4..end + 4 + length].to_vec());
            }
        }
        if stream.read_buf(&mut read).await.ok()? == 0 {
            return None;
        }
    }
}
