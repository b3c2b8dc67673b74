//! A transcoder as bare as it can be, and a node for it.

use std::time::Duration;

use bytes::Bytes;
use engine::{
    node::{NodeConfig, PoolSettings, TranscoderPool},
    view::node::{NodeStatus, RemoteTranscoder},
    wire::{
        capability::CapabilitySet,
        client,
        net::{self, NotifySegment, transcoder_client::TranscoderClient},
        signature::Offchain,
    },
};
use reqwest::{Client, RequestBuilder};
use tokio::{task::JoinHandle, time::timeout};
use tonic::{Status, Streaming};

use crate::node::harness::{self, PATIENCE, Rig, credentials, h2, ladder, result};

/// What the node and its transcoders share.
pub const SECRET: &str = "an orchestrator secret";

/// A source segment: nobody looks into it.
pub fn source() -> Bytes {
    Bytes::from(vec![0x47; 188 * 100])
}

/// A rendition that holds something.
pub fn rendition(fill: u8) -> Vec<u8> {
    vec![fill; 188 * 10]
}

/// A node with a pool nobody has joined yet.
pub async fn pool_node(change: impl FnOnce(&mut NodeConfig, &mut PoolSettings)) -> Rig {
    let mut settings = PoolSettings::new(SECRET.parse().unwrap());
    harness::node_with_transcoder(|config| {
        change(config, &mut settings);
        let pool = TranscoderPool::new(settings);
        config.transcoders = Some(pool.clone());
        pool
    })
    .await
}

/// The usual one.
pub async fn usual_node() -> Rig {
    pool_node(|_, _| {}).await
}

/// What a transcoder that can do the usual says of itself.
pub fn introduction(capacity: i64) -> net::RegisterRequest {
    net::RegisterRequest {
        secret: SECRET.to_string(),
        capacity,
        capabilities: Some(CapabilitySet::default_set().to_message("0.9.1")),
    }
}

/// A registered transcoder.
pub struct Raw {
    tasks: Streaming<NotifySegment>,
    http: Client,
    results: String,
}

impl Raw {
    pub async fn join(rig: &Rig, capacity: i64) -> Self {
        Self::introduce(rig, introduction(capacity)).await.unwrap()
    }

    pub async fn introduce(rig: &Rig, introduction: net::RegisterRequest) -> Result<Self, Status> {
        Self::introduce_at(rig, rig.node.service_uri(), introduction).await
    }

    /// Registers through another address than the node's own.
    pub async fn introduce_at(
        rig: &Rig,
        address: &str,
        introduction: net::RegisterRequest,
    ) -> Result<Self, Status> {
        let uri = address.parse().unwrap();
        let channel = client::connect_grpc(&uri, PATIENCE).await.unwrap();
        let tasks = TranscoderClient::new(channel)
            .register_transcoder(introduction)
            .await?
            .into_inner();
        Ok(Self {
            tasks,
            http: h2(),
            results: rig.url("/transcodeResults"),
        })
    }

    /// The next message.
    pub async fn message(&mut self) -> NotifySegment {
        timeout(PATIENCE, self.tasks.message())
            .await
            .expect("a message")
            .expect("the stream goes on")
            .expect("the stream goes on")
    }

    /// The next task, which is none but a task.
    pub async fn task(&mut self) -> NotifySegment {
        let task = self.message().await;
        assert!(!task.url.is_empty(), "{task:?}");
        task
    }

    /// How the stream ends: nothing if cleanly.
    pub async fn end(&mut self) -> Option<Status> {
        loop {
            match timeout(PATIENCE, self.tasks.message())
                .await
                .expect("the stream ends")
            {
                Ok(Some(_)) => {}
                Ok(None) => return None,
                Err(status) => return Some(status),
            }
        }
    }

    /// A post to which nothing but the body is missing.
    pub fn post(&self, task: i64, content_type: &str) -> RequestBuilder {
        self.http
            .post(&self.results)
            .header("Authorization", "Livepeer-Transcoder-1.0")
            .header("Credentials", SECRET)
            .header("TaskId", task.to_string())
            .header("Pixels", "1000")
            .header("Content-Type", content_type)
    }

    pub async fn answer(request: RequestBuilder) -> (u16, String) {
        let response = timeout(PATIENCE, request.send())
            .await
            .expect("an answer")
            .unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    /// Posts renditions of 1000 pixels each.
    pub async fn deliver(&self, task: i64, renditions: &[Vec<u8>]) -> (u16, String) {
        let parts: Vec<_> = renditions
            .iter()
            .map(|data| ("Content-Type: video/mp2t\r\nPixels: 1000\r\n", &data[..]))
            .collect();
        self.post_parts(task, &parts).await
    }

    pub async fn post_parts(&self, task: i64, parts: &[(&str, &[u8])]) -> (u16, String) {
        let post = self.post(task, "multipart/mixed; boundary=17b336b3a4b5c6d7e8f9");
        Self::answer(post.body(multipart(parts))).await
    }

    pub async fn fail(&self, task: i64, text: &str) -> (u16, String) {
        Self::answer(
            self.post(task, "livepeer/transcoding-error")
                .body(text.to_string()),
        )
        .await
    }

    /// Takes the next task and does it.
    pub async fn work(&mut self) -> NotifySegment {
        let task = self.task().await;
        let done = self.deliver(task.task_id, &[rendition(1), rendition(2)]).await;
        assert_eq!(done, (200, "OK".into()));
        task
    }
}

pub const BOUNDARY: &str = "17b336b3a4b5c6d7e8f9";

/// A body as Go writes it.
pub fn multipart(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (index, (headers, data)) in parts.iter().enumerate() {
        let before = if index == 0 { "" } else { "\r\n" };
        body.extend_from_slice(format!("{before}--{BOUNDARY}\r\n{headers}\r\n").as_bytes());
        body.extend_from_slice(data);
    }
    body.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
    body
}

/// Sends a segment as a gateway does; its result comes later.
pub fn submit(rig: &Rig, token: &net::AuthToken, seq: u64) -> JoinHandle<net::TranscodeResult> {
    let data = source();
    let credentials = credentials(&Offchain, token, seq, &data, &ladder());
    submit_as(rig, &credentials)
}

pub fn submit_as(rig: &Rig, credentials: &net::SegData) -> JoinHandle<net::TranscodeResult> {
    let request = h2()
        .post(rig.url("/segment"))
        .header("Livepeer-Segment", engine::wire::segment::to_header(credentials))
        .header("Livepeer-Payment", "")
        .body(source());
    tokio::spawn(async move { result(request.send().await.expect("an answer")).await })
}

pub async fn finished(submitted: JoinHandle<net::TranscodeResult>) -> net::TranscodeResult {
    timeout(PATIENCE, submitted).await.expect("a result").unwrap()
}

/// Resolves once the node's status is so.
pub async fn until(rig: &Rig, is_so: impl Fn(&NodeStatus) -> bool) {
    let waiting = async {
        while !is_so(&rig.node.status()) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    if timeout(PATIENCE, waiting).await.is_err() {
        panic!("the status stayed as it is: {:#?}", rig.node.status());
    }
}

pub fn transcoders(rig: &Rig) -> Vec<RemoteTranscoder> {
    rig.node.status().transcoders
}
