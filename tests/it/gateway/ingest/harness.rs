//! A gateway on ports of its own in front of an orchestrator that does as it is told.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use engine::{
    gateway::{
        Discovery, GatewaySettings,
        ingest::{IngestConfig, RunningIngest, start},
    },
    view::ingest::IngestEvent,
    wire::signature::Offchain,
};
use reqwest::{Client, Method, Response};
use testbed::clip::{ClipSpec, segment};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::mpsc,
    time::timeout,
};

use crate::gateway::{
    rung,
    scripted::{Deed, Scripted},
};

/// A test that waits longer than this for anything hangs.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A running gateway and its orchestrator.
pub struct Rig {
    pub ingest: RunningIngest,
    pub orchestrator: Scripted,
    pub events: mpsc::Receiver<IngestEvent>,
    pub client: Client,
}

/// A gateway whose orchestrator is honest.
pub async fn rig(change: impl FnOnce(&mut IngestConfig)) -> Rig {
    scripted_rig(|_, _| Deed::Honest, change).await
}

/// A gateway whose orchestrator does what the script says; it gives back each segment as its one rendition.
pub async fn scripted_rig(
    script: impl Fn(i64, u32) -> Deed + Send + Sync + 'static,
    change: impl FnOnce(&mut IngestConfig),
) -> Rig {
    let orchestrator = Scripted::start(script).await;
    let (told, events) = mpsc::channel(1000);
    let mut config = IngestConfig {
        events: Some(told),
        ..IngestConfig::local(vec![rung("same", 320, 180)])
    };
    change(&mut config);
    let discovery = Discovery::list([orchestrator.uri().parse().unwrap()]);
    let settings = GatewaySettings::new(discovery, std::sync::Arc::new(Offchain));
    Rig {
        ingest: start(config, settings).await.unwrap(),
        orchestrator,
        events,
        client: client(),
    }
}

/// A client as simple ones are: HTTP/1.1, no proxies.
pub fn client() -> Client {
    engine::wire::client::download_client(PATIENCE).unwrap()
}

/// Two seconds of 320x180.
pub fn clip() -> Bytes {
    segment(ClipSpec::default())
}

/// The second part of a stream of which [`clip`] is the first.
pub fn later_clip(number: u32) -> Bytes {
    segment(ClipSpec {
        start_pts: 126_000 + 180_000 * u64::from(number),
        ..ClipSpec::default()
    })
}

impl Rig {
    pub fn address(&self) -> SocketAddr {
        self.ingest.http_addr()
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address())
    }

    pub fn operator_url(&self, path: &str) -> String {
        format!("http://{}{path}", self.ingest.operator_addr())
    }

    /// Pushes a segment and takes the whole answer.
    pub async fn push(&self, path: &str, headers: &[(&str, &str)], body: Bytes) -> (u16, String) {
        let response = self.send(Method::PUT, path, headers, body).await;
        let status = response.status().as_u16();
        let body = response.bytes().await.unwrap();
        (status, String::from_utf8_lossy(&body).into_owned())
    }

    pub async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: Bytes) -> Response {
        let mut request = self.client.request(method, self.url(path)).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap()
    }

    pub async fn get(&self, path: &str) -> (u16, String) {
        let response = self.client.get(self.url(path)).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    /// The next event.
    pub async fn event(&mut self) -> IngestEvent {
        let event = timeout(PATIENCE, self.events.recv()).await;
        event.expect("something happens").expect("the gateway lives")
    }

    /// The reason of the next stream's end.
    pub async fn end_of_stream(&mut self) -> (String, String) {
        loop {
            if let IngestEvent::StreamEnded {
                manifest_id, reason, ..
            } = self.event().await
            {
                return (manifest_id, reason);
            }
        }
    }
}

/// Sends bytes as they are and takes what comes back until the other side closes.
pub async fn raw(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let mut answer = Vec::new();
    let talk = async {
        // The gateway may answer before it has heard everything.
        let _ = stream.write_all(bytes).await;
        let _ = stream.read_to_end(&mut answer).await;
    };
    timeout(PATIENCE, talk)
        .await
        .expect("the gateway closes the connection");
    answer
}

/// A request that asks for its connection to be closed.
pub fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut head = format!(
        "{method} {path} HTTP/1.1\r\nHost: gateway.example:9935\r\nConnection: close\r\nContent-Length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    [head.as_bytes(), b"\r\n", body].concat()
}

/// Status, head and body of an answer; chunks are put together.
pub fn parsed(answer: &[u8]) -> (u16, String, Vec<u8>) {
    let at = answer
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .unwrap_or_else(|| panic!("no head in {:?}", String::from_utf8_lossy(answer)));
    let head = String::from_utf8(answer[..at].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let mut rest = &answer[at + 4..];
    if !head.to_ascii_lowercase().contains("transfer-encoding: chunked") {
        return (status, head, rest.to_vec());
    }
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|window| window == b"\r\n").unwrap();
        let length = usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap(), 16).unwrap();
        if length == 0 {
            return (status, head, body);
        }
        body.extend(&rest[end + 2..end + 2 + length]);
        rest = &rest[end + 2 + length + 2..];
    }
}
