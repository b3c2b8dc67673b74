//! A node on ports of its own, clients for it, and a transcoder that can be held up.

use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use alloy::primitives::keccak256;
use bytes::Bytes;
use engine::{
    media::{
        job::{SegmentJob, SegmentTranscoder, TranscodeError, Transcoded},
        ladder::Profile,
    },
    node::{NodeConfig, RunningNode, StopReport},
    view::node::EngineView,
    wire::{
        capability::{Job, SourceCodec, job_capabilities, job_message},
        client,
        net::{self, orchestrator_client::OrchestratorClient, transcode_result},
        segment::{Credentials, to_header},
        signature::{MessageSigner, Offchain},
    },
};
use prost::Message;
use reqwest::{Client, Response, StatusCode};
use tempfile::TempDir;
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

/// A test that waits longer than this for anything hangs.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Lets jobs into the real transcoder only while it is open.
#[derive(Clone)]
pub struct Gate {
    open: watch::Sender<bool>,
    entered: watch::Sender<usize>,
    inside: watch::Sender<usize>,
    machine: Arc<Mutex<Machine>>,
}

/// What the transcoder says of its machine, and what it was told.
#[derive(Default)]
struct Machine {
    is_full: bool,
    slowness: Option<u32>,
    closed: Vec<String>,
}

impl Gate {
    pub fn new(open: bool) -> Self {
        Self {
            open: watch::Sender::new(open),
            entered: watch::Sender::new(0),
            inside: watch::Sender::new(0),
            machine: Arc::default(),
        }
    }

    /// From now on the machine carries no more sessions, or does.
    pub fn set_full(&self, is_full: bool) {
        self.machine.lock().unwrap().is_full = is_full;
    }

    /// From now on segments are said to take so many times their playing time.
    pub fn set_slowness(&self, times: Option<u32>) {
        self.machine.lock().unwrap().slowness = times;
    }

    pub fn was_closed(&self, session: &str) -> bool {
        self.machine
            .lock()
            .unwrap()
            .closed
            .iter()
            .any(|closed| closed == session)
    }

    /// Resolves once no job is in the transcoder.
    pub async fn empty(&self) {
        let mut inside = self.inside.subscribe();
        tokio::time::timeout(PATIENCE, inside.wait_for(|inside| *inside == 0))
            .await
            .expect("the jobs end")
            .unwrap();
    }

    pub fn open(&self) {
        self.open.send_replace(true);
    }

    /// Resolves once so many jobs have arrived.
    pub async fn entered(&self, count: usize) {
        let mut entered = self.entered.subscribe();
        tokio::time::timeout(PATIENCE, entered.wait_for(|entered| *entered >= count))
            .await
            .expect("the job arrives")
            .unwrap();
    }
}

struct Inside<'a>(&'a watch::Sender<usize>);

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|inside| *inside -= 1);
    }
}

/// The real transcoder behind a gate.
struct Gated<T> {
    transcoder: T,
    gate: Gate,
}

impl<T: SegmentTranscoder> SegmentTranscoder for Gated<T> {
    async fn transcode(
        &self,
        job: SegmentJob,
        stop: CancellationToken,
    ) -> Result<Transcoded, TranscodeError> {
        self.gate.inside.send_modify(|inside| *inside += 1);
        let _inside = Inside(&self.gate.inside);
        self.gate.entered.send_modify(|entered| *entered += 1);
        let mut open = self.gate.open.subscribe();
        tokio::select! {
            _ = open.wait_for(|open| *open) => {}
            () = stop.cancelled() => {}
        }
        self.transcoder.transcode(job, stop).await
    }

    fn close(&self, session: &str) {
        self.gate.machine.lock().unwrap().closed.push(session.to_string());
        self.transcoder.close(session);
    }

    // What the real one measures on a machine that runs many tests at once is not asked here.
    fn has_capacity(&self) -> bool {
        !self.gate.machine.lock().unwrap().is_full
    }

    fn expected(&self, _: &str, playing: Duration) -> Option<Duration> {
        let slowness = self.gate.machine.lock().unwrap().slowness;
        slowness.map(|times| playing * times)
    }

    fn view(&self) -> EngineView {
        self.transcoder.view()
    }
}

/// A running node. Its files go with it.
pub struct Rig {
    pub node: RunningNode,
    pub gate: Gate,
    _files: TempDir,
}

/// A node off-chain, with TLS and an open gate.
pub async fn node() -> Rig {
    node_with(|_| {}).await
}

/// A node off-chain whose config is changed first.
pub async fn node_with(change: impl FnOnce(&mut NodeConfig)) -> Rig {
    node_of(Offchain, Gate::new(true), change).await
}

/// A node whose transcoder waits for the gate to be opened.
pub async fn held_node(change: impl FnOnce(&mut NodeConfig)) -> Rig {
    node_of(Offchain, Gate::new(false), change).await
}

pub async fn node_of(
    signer: impl MessageSigner + 'static,
    gate: Gate,
    change: impl FnOnce(&mut NodeConfig),
) -> Rig {
    let files = tempfile::tempdir().unwrap();
    Rig {
        node: node_in(files.path(), signer, gate.clone(), change).await,
        gate,
        _files: files,
    }
}

/// A node off-chain with another transcoder than the real one; what it is may go into the config.
pub async fn node_with_transcoder<T: SegmentTranscoder + 'static>(
    prepare: impl FnOnce(&mut NodeConfig) -> T,
) -> Rig {
    let files = tempfile::tempdir().unwrap();
    let mut config = NodeConfig::local(files.path().join("node"));
    let transcoder = prepare(&mut config);
    let node = engine::node::start(config, transcoder, Offchain, CancellationToken::new())
        .await
        .unwrap();
    Rig {
        node,
        gate: Gate::new(true),
        _files: files,
    }
}

/// A node whose files are there before it and after it.
pub async fn node_in(
    files: &Path,
    signer: impl MessageSigner + 'static,
    gate: Gate,
    change: impl FnOnce(&mut NodeConfig),
) -> RunningNode {
    let mut config = NodeConfig::local(files.join("node"));
    change(&mut config);
    let transcoder = Gated {
        transcoder: super::transcoder::real(&files.join("work")),
        gate,
    };
    engine::node::start(config, transcoder, signer, CancellationToken::new())
        .await
        .unwrap()
}

impl Rig {
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.node.service_uri())
    }

    pub fn operator_url(&self, path: &str) -> String {
        format!("http://{}{path}", self.node.operator_addr())
    }

    pub async fn grpc(&self) -> OrchestratorClient<Channel> {
        grpc_to(self.node.service_uri()).await
    }

    /// What a gateway is told, with a token for a new session.
    pub async fn offer(&self) -> net::OrchestratorInfo {
        offer_of(self.node.service_uri()).await
    }

    pub async fn token(&self) -> net::AuthToken {
        token_of(self.node.service_uri()).await
    }

    pub async fn end_session(&self, token: net::AuthToken) {
        let request = net::EndTranscodingSessionRequest {
            auth_token: Some(token),
        };
        self.grpc().await.end_transcoding_session(request).await.unwrap();
    }

    /// Posts a segment with credentials as they are.
    pub async fn post(
        &self,
        client: &Client,
        credentials: &net::SegData,
        body: impl Into<reqwest::Body>,
    ) -> Response {
        let request = client
            .post(self.url("/segment"))
            .header("Livepeer-Segment", to_header(credentials))
            .header("Livepeer-Payment", "")
            .header("Content-Type", "video/MP2T")
            .body(body);
        tokio::time::timeout(PATIENCE, request.send())
            .await
            .expect("an answer")
            .unwrap()
    }

    /// Posts a segment and waits for its result.
    pub async fn transcode(
        &self,
        client: &Client,
        token: &net::AuthToken,
        seq: u64,
        data: &Bytes,
    ) -> net::TranscodeResult {
        let credentials = credentials(&Offchain, token, seq, data, &ladder());
        result(self.post(client, &credentials, data.clone()).await).await
    }

    pub async fn stop(self) -> StopReport {
        tokio::time::timeout(PATIENCE, self.node.stop())
            .await
            .expect("the node stops")
    }
}

async fn grpc_to(uri: &str) -> OrchestratorClient<Channel> {
    let uri = uri.parse().unwrap();
    OrchestratorClient::new(client::connect_grpc(&uri, PATIENCE).await.unwrap())
}

/// What a gateway is told at this address, with a token for a new session.
pub async fn offer_of(uri: &str) -> net::OrchestratorInfo {
    let request = net::OrchestratorRequest {
        capabilities: Some(job_message(&job_capabilities(&job(&[])).unwrap(), "")),
        ..net::OrchestratorRequest::default()
    };
    let offered = grpc_to(uri).await.get_orchestrator(request).await;
    offered.unwrap().into_inner()
}

/// A token for a new session at this address.
pub async fn token_of(uri: &str) -> net::AuthToken {
    offer_of(uri).await.auth_token.unwrap()
}

/// A segment that is sent as the test goes on.
pub struct Upload {
    chunks: mpsc::Sender<Result<Bytes, std::io::Error>>,
    answer: JoinHandle<Response>,
}

impl Upload {
    /// Posts credentials; the body comes later.
    pub fn begin(rig: &Rig, client: &Client, credentials: &net::SegData) -> Self {
        let (chunks, body) = mpsc::channel(1);
        let request = client
            .post(rig.url("/segment"))
            .header("Livepeer-Segment", to_header(credentials))
            .header("Content-Type", "video/MP2T")
            .body(reqwest::Body::wrap_stream(ReceiverStream::new(body)));
        let answer = tokio::spawn(async move { request.send().await.expect("an answer") });
        Self { chunks, answer }
    }

    pub async fn send(&self, chunk: &[u8]) {
        let sending = self.chunks.send(Ok(Bytes::copy_from_slice(chunk)));
        let sent = tokio::time::timeout(PATIENCE, sending).await;
        sent.expect("the node reads").expect("the client sends");
    }

    /// The last byte is sent.
    pub async fn finish(self) -> Response {
        drop(self.chunks);
        tokio::time::timeout(PATIENCE, self.answer)
            .await
            .expect("an answer")
            .unwrap()
    }

    /// Gives up in the middle.
    pub fn break_off(self) {
        self.answer.abort();
    }
}

fn job(profiles: &[Profile]) -> Job<'_> {
    Job {
        source: SourceCodec::H264,
        pixel_format: "",
        profiles,
        is_pushed: true,
        verifies_by_hash: false,
    }
}

/// Credentials as a gateway makes them.
pub fn credentials(
    signer: &impl MessageSigner,
    token: &net::AuthToken,
    seq: u64,
    data: &[u8],
    profiles: &[Profile],
) -> net::SegData {
    Credentials {
        manifest_id: "stream",
        seq,
        hash: keccak256(data),
        duration: Duration::from_secs(1),
        profiles,
        auth_token: token.clone(),
        capabilities: job_message(&job_capabilities(&job(profiles)).unwrap(), "0.9.0"),
    }
    .build(signer)
}

/// Two small rungs.
pub fn ladder() -> Vec<Profile> {
    let rung = |name: &str, width, height, bitrate| Profile {
        name: name.to_string(),
        width,
        height,
        bitrate,
        fps: 0,
        fps_den: 0,
        format: Default::default(),
        codec: Default::default(),
        codec_profile: Default::default(),
        gop: Default::default(),
        quality: 0,
    };
    vec![
        rung("P240p30fps16x9", 426, 240, 300_000),
        rung("P144p30fps16x9", 256, 144, 100_000),
    ]
}

/// The message in a response with status 200.
pub async fn result(response: Response) -> net::TranscodeResult {
    assert_eq!(response.status(), StatusCode::OK);
    let body = tokio::time::timeout(PATIENCE, response.bytes())
        .await
        .expect("a result")
        .unwrap();
    net::TranscodeResult::decode(body).unwrap()
}

pub fn data(result: net::TranscodeResult) -> net::TranscodeData {
    match result.result {
        Some(transcode_result::Result::Data(data)) => data,
        other => panic!("no renditions but {other:?}"),
    }
}

pub fn error(result: net::TranscodeResult) -> String {
    match result.result {
        Some(transcode_result::Result::Error(error)) => error,
        other => panic!("no error but {other:?}"),
    }
}

/// HTTP/2 where it is offered.
pub fn h2() -> Client {
    client::segment_client().unwrap()
}

/// HTTP/1.1 alone.
pub fn h1() -> Client {
    client::download_client(PATIENCE).unwrap()
}

/// Status and text of a refusal.
pub async fn refusal(response: Response) -> (u16, String) {
    let status = response.status().as_u16();
    let kind = response.headers().get("content-type").cloned();
    let text = response.text().await.unwrap();
    assert_eq!(kind.unwrap(), "text/plain; charset=utf-8");
    let text = text.strip_suffix('\n').expect("a line end").to_string();
    (status, text)
}

/// An orchestrator of which all is well but the reward.
pub fn chain() -> engine::view::node::NodeChain {
    use engine::units::{Lpt, Percent, Round, Wei};
    engine::view::node::NodeChain {
        time: jiff::Timestamp::now(),
        block: 100,
        round: Round(3),
        round_initialized: true,
        round_locked: false,
        round_length: 100,
        round_elapsed: 10,
        active: true,
        registered: true,
        rank: Some(1),
        pool_size: 100,
        own_stake_lpt: Lpt::whole(100),
        total_stake_lpt: Lpt::whole(150),
        reward_cut_percent: Percent::ZERO,
        fee_share_percent: Percent::HUNDRED,
        reward_called: false,
        fees_wei: Wei::ZERO,
        eth_wei: Wei::ether(1),
    }
}
