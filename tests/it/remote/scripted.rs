//! An orchestrator that does what a test says, over TLS with HTTP/2 and HTTP/1.1 as the real ones, and the transcoder
//! that works for it.

use std::{
    collections::{HashMap, VecDeque},
    net::SocketAddr,
    path::Path,
    pin::Pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{Path as UrlPath, Request, State},
    http::{HeaderMap, Response, StatusCode, Version},
    routing::{get, post},
};
use bytes::Bytes;
use engine::{
    media::{
        job::{SegmentJob, SegmentTranscoder, TranscodeError, Transcoded},
        ladder::Profile,
    },
    remote::{self, RemoteConfig, RunningTranscoder},
    view::node::{EngineView, NodeStatus, RemoteView},
    wire::{
        capability::{Job, SourceCodec, job_capabilities, job_message},
        net::{self, transcoder_server},
        segment::fill_profiles,
        tls,
    },
};
use futures_util::Stream;
use http_body_util::BodyExt;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
    service::TowerToHyperService,
};
use tempfile::TempDir;
use tokio::{
    net::TcpListener,
    sync::{mpsc, watch},
};
use tokio_rustls::TlsAcceptor;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::Status;

/// A test that waits longer than this for anything hangs.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// What both sides share.
pub const SECRET: &str = "open sesame";

/// What is answered to the next registrations.
#[derive(Clone)]
pub enum Answer {
    /// They are taken.
    Take,
    /// They are taken, and nothing is said of it until there is a task, as Go's servers do.
    TakeSilently,
    /// They are refused with this.
    Refuse(Status),
}

/// A result as it came in.
pub struct Posted {
    pub version: Version,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Posted {
    pub fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

type Tasks = mpsc::Sender<Result<net::NotifySegment, Status>>;

struct Script {
    answer: Mutex<Answer>,
    requests: Mutex<Vec<net::RegisterRequest>>,
    tasks: Mutex<Option<Tasks>>,
    registered: watch::Sender<usize>,
    left: watch::Sender<usize>,
    files: Mutex<HashMap<String, Bytes>>,
    posted: Mutex<Vec<Arc<Posted>>>,
    count: watch::Sender<usize>,
    verdicts: Mutex<VecDeque<StatusCode>>,
    downloads: Mutex<Vec<Version>>,
}

/// The orchestrator. It ends with the test.
pub struct Orchestrator {
    pub address: SocketAddr,
    script: Arc<Script>,
    stop: CancellationToken,
}

impl Drop for Orchestrator {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Tells when the transcoder has left the stream.
struct Leaving {
    tasks: ReceiverStream<Result<net::NotifySegment, Status>>,
    script: Arc<Script>,
}

impl Stream for Leaving {
    type Item = Result<net::NotifySegment, Status>;

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        Pin::new(&mut self.tasks).poll_next(context)
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        self.script.left.send_modify(|left| *left += 1);
    }
}

struct Service(Arc<Script>);

#[tonic::async_trait]
impl transcoder_server::Transcoder for Service {
    type RegisterTranscoderStream = Leaving;

    async fn register_transcoder(
        &self,
        request: tonic::Request<net::RegisterRequest>,
    ) -> Result<tonic::Response<Leaving>, Status> {
        let script = &self.0;
        script.requests.lock().unwrap().push(request.into_inner());
        let answer = script.answer.lock().unwrap().clone();
        let is_silent = matches!(answer, Answer::TakeSilently);
        let taken = match answer {
            Answer::Refuse(status) => Err(status),
            Answer::Take | Answer::TakeSilently => {
                let (sender, tasks) = mpsc::channel(64);
                *script.tasks.lock().unwrap() = Some(sender);
                Ok(Leaving {
                    tasks: ReceiverStream::new(tasks),
                    script: Arc::clone(script),
                })
            }
        };
        script.registered.send_modify(|registered| *registered += 1);
        if is_silent {
            std::future::pending::<()>().await;
        }
        taken.map(tonic::Response::new)
    }
}

async fn result(State(script): State<Arc<Script>>, request: Request) -> Response<Body> {
    let (head, body) = request.into_parts();
    let Ok(body) = body.collect().await else {
        return Response::new(Body::empty());
    };
    let posted = Posted {
        version: head.version,
        headers: head.headers,
        body: body.to_bytes(),
    };
    script.posted.lock().unwrap().push(Arc::new(posted));
    let verdict = script.verdicts.lock().unwrap().pop_front();
    script.count.send_modify(|count| *count += 1);
    Response::builder()
        .status(verdict.unwrap_or(StatusCode::OK))
        .body(Body::from("said so"))
        .unwrap()
}

async fn file(
    State(script): State<Arc<Script>>,
    UrlPath(name): UrlPath<String>,
    request: Request,
) -> Response<Body> {
    script.downloads.lock().unwrap().push(request.version());
    let found = script.files.lock().unwrap().get(&name).cloned();
    let answer = Response::builder();
    match (found, name.as_str()) {
        (Some(data), _) => answer.body(Body::from(data)),
        (None, "moved") => answer
            .status(StatusCode::FOUND)
            .header("location", "/stream/there")
            .body(Body::empty()),
        (None, "vast") => answer
            .header("content-length", "300000001")
            .body(Body::from_stream(futures_util::stream::pending::<
                Result<Bytes, std::io::Error>,
            >())),
        (None, "stuck") => answer.body(Body::from_stream(futures_util::stream::pending::<
            Result<Bytes, std::io::Error>,
        >())),
        _ => answer.status(StatusCode::NOT_FOUND).body(Body::empty()),
    }
    .unwrap()
}

impl Orchestrator {
    /// It takes whoever registers.
    pub async fn start() -> Self {
        let script = Arc::new(Script {
            answer: Mutex::new(Answer::Take),
            requests: Mutex::default(),
            tasks: Mutex::default(),
            registered: watch::Sender::new(0),
            left: watch::Sender::new(0),
            files: Mutex::default(),
            posted: Mutex::default(),
            count: watch::Sender::new(0),
            verdicts: Mutex::default(),
            downloads: Mutex::default(),
        });
        let service = transcoder_server::TranscoderServer::new(Service(Arc::clone(&script)));
        let grpc = tonic::service::Routes::new(service).prepare().into_axum_router();
        let routes = Router::new()
            .route("/transcodeResults", post(result))
            .route("/stream/{*name}", get(file))
            .layer(axum::extract::DefaultBodyLimit::disable())
            .with_state(Arc::clone(&script))
            .merge(grpc);
        let acceptor = TlsAcceptor::from(tls::self_signed("orchestrator").unwrap().server_config().unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        tokio::spawn(stop.clone().run_until_cancelled_owned(async move {
            let mut connections = tokio::task::JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (acceptor, routes) = (acceptor.clone(), routes.clone());
                connections.spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else {
                        return;
                    };
                    let service = TowerToHyperService::new(routes);
                    let _ = auto::Builder::new(TokioExecutor::new())
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        }));
        Self {
            address,
            script,
            stop,
        }
    }

    pub fn answer(&self, answer: Answer) {
        *self.script.answer.lock().unwrap() = answer;
    }

    /// The next results are answered so, one after the other; all others with 200.
    pub fn judge(&self, verdicts: &[StatusCode]) {
        self.script.verdicts.lock().unwrap().extend(verdicts);
    }

    /// Serves `/stream/<name>`.
    pub fn serve(&self, name: &str, data: Bytes) -> String {
        self.script.files.lock().unwrap().insert(name.to_string(), data);
        self.url(name)
    }

    pub fn url(&self, name: &str) -> String {
        format!("https://{}/stream/{name}", self.address)
    }

    /// Resolves once so many have registered, or tried to; gives the last request.
    pub async fn registered(&self, count: usize) -> net::RegisterRequest {
        reaches(&self.script.registered, count).await;
        self.script.requests.lock().unwrap().last().unwrap().clone()
    }

    pub fn registrations(&self) -> usize {
        *self.script.registered.borrow()
    }

    /// Resolves once so many streams were left or ended.
    pub async fn left(&self, count: usize) {
        reaches(&self.script.left, count).await;
    }

    /// Gives a task to whoever registered last.
    pub async fn give(&self, task: net::NotifySegment) {
        self.send(Ok(task)).await;
    }

    /// Ends the stream with an error.
    pub async fn fail(&self, status: Status) {
        self.send(Err(status)).await;
    }

    async fn send(&self, item: Result<net::NotifySegment, Status>) {
        let tasks = self.script.tasks.lock().unwrap().clone();
        tasks.expect("somebody registered").send(item).await.unwrap();
    }

    /// Ends the stream without an error.
    pub fn end_stream(&self) {
        self.script.tasks.lock().unwrap().take();
    }

    /// Resolves with the first results in the order they came.
    pub async fn results(&self, count: usize) -> Vec<Arc<Posted>> {
        reaches(&self.script.count, count).await;
        self.script.posted.lock().unwrap().clone()
    }

    pub async fn last_result(&self, count: usize) -> Arc<Posted> {
        self.results(count).await.pop().unwrap()
    }

    pub fn result_count(&self) -> usize {
        *self.script.count.borrow()
    }

    /// How segments were fetched.
    pub fn downloads(&self) -> Vec<Version> {
        self.script.downloads.lock().unwrap().clone()
    }
}

async fn reaches(counter: &watch::Sender<usize>, count: usize) {
    let mut counter = counter.subscribe();
    tokio::time::timeout(PATIENCE, counter.wait_for(|reached| *reached >= count))
        .await
        .unwrap_or_else(|_| panic!("it does not come to {count}"))
        .unwrap();
}

/// Lets jobs into the real transcoder only while it is open, and notes what it was told.
#[derive(Clone)]
pub struct Gate {
    open: watch::Sender<bool>,
    entered: watch::Sender<usize>,
    closed: watch::Sender<Vec<String>>,
}

impl Gate {
    pub fn new(open: bool) -> Self {
        Self {
            open: watch::Sender::new(open),
            entered: watch::Sender::new(0),
            closed: watch::Sender::new(Vec::new()),
        }
    }

    pub fn open(&self) {
        self.open.send_replace(true);
    }

    /// Resolves once so many jobs have arrived.
    pub async fn entered(&self, count: usize) {
        reaches(&self.entered, count).await;
    }

    /// Resolves once the transcoder was told that nothing more comes of this session.
    pub async fn closed(&self, session: &str) {
        let mut closed = self.closed.subscribe();
        let told = closed.wait_for(|closed| closed.iter().any(|closed| closed == session));
        tokio::time::timeout(PATIENCE, told)
            .await
            .expect("the session ends")
            .unwrap();
    }
}

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
        self.gate.entered.send_modify(|entered| *entered += 1);
        let mut open = self.gate.open.subscribe();
        tokio::select! {
            _ = open.wait_for(|open| *open) => {}
            () = stop.cancelled() => {}
        }
        self.transcoder.transcode(job, stop).await
    }

    fn close(&self, session: &str) {
        self.gate
            .closed
            .send_modify(|closed| closed.push(session.to_string()));
        self.transcoder.close(session);
    }

    /// A machine that carries no more: a transcoder works all the same, its orchestrator knows how much it may give.
    fn has_capacity(&self) -> bool {
        false
    }

    fn view(&self) -> EngineView {
        self.transcoder.view()
    }
}

/// A transcoder at work for an orchestrator. Its files go with it.
pub struct Rig {
    pub transcoder: RunningTranscoder,
    pub gate: Gate,
    files: TempDir,
}

/// A transcoder for this orchestrator.
pub async fn transcoder(orchestrator: &Orchestrator) -> Rig {
    transcoder_at(orchestrator.address, Gate::new(true), |_| {}).await
}

/// A transcoder that waits for its gate to be opened.
pub async fn held_transcoder(orchestrator: &Orchestrator) -> Rig {
    transcoder_at(orchestrator.address, Gate::new(false), |_| {}).await
}

pub async fn transcoder_at(address: SocketAddr, gate: Gate, change: impl FnOnce(&mut RemoteConfig)) -> Rig {
    let files = tempfile::tempdir().unwrap();
    let transcoder = begin(files.path(), address, gate.clone(), change).await;
    Rig {
        transcoder,
        gate,
        files,
    }
}

async fn begin(
    files: &Path,
    address: SocketAddr,
    gate: Gate,
    change: impl FnOnce(&mut RemoteConfig),
) -> RunningTranscoder {
    let mut config = RemoteConfig::local(
        address.to_string().parse().unwrap(),
        SECRET.parse().unwrap(),
        files.join("transcoder"),
    );
    change(&mut config);
    let transcoder = Gated {
        transcoder: crate::node::transcoder::real(&files.join("work")),
        gate,
    };
    remote::start(config, transcoder, CancellationToken::new())
        .await
        .unwrap()
}

impl Rig {
    pub fn remote(&self) -> RemoteView {
        self.transcoder.view().remote.unwrap()
    }

    pub fn data_dir(&self) -> std::path::PathBuf {
        self.files.path().join("transcoder")
    }

    pub fn operator_url(&self, path: &str) -> String {
        format!("http://{}{path}", self.transcoder.operator_addr())
    }

    /// Waits until its status fits.
    pub async fn until(&self, fits: impl Fn(&NodeStatus) -> bool) -> NodeStatus {
        let waiting = async {
            loop {
                let status = self.transcoder.view();
                if fits(&status) {
                    return status;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting)
            .await
            .unwrap_or_else(|_| panic!("it stays {:?}", self.transcoder.view()))
    }
}

/// A task as a Go orchestrator sends it.
pub fn task(id: i64, url: &str, session: &str, profiles: &[Profile]) -> net::NotifySegment {
    let job = Job {
        source: SourceCodec::H264,
        pixel_format: "",
        profiles,
        is_pushed: true,
        verifies_by_hash: false,
    };
    let mut segment = net::SegData {
        manifest_id: b"stream".to_vec(),
        seq: id,
        hash: vec![0; 32],
        duration: 1000,
        capabilities: Some(job_message(&job_capabilities(&job).unwrap(), "0.9.0")),
        auth_token: Some(net::AuthToken {
            token: vec![1; 32],
            session_id: session.to_string(),
            expiration: 1_900_000_000,
        }),
        segment_parameters: Some(net::SegParameters::default()),
        ..net::SegData::default()
    };
    fill_profiles(&mut segment, profiles);
    net::NotifySegment {
        url: url.to_string(),
        seg_data: Some(segment),
        task_id: id,
        profiles: b"invalid".to_vec(),
        orch_id: "offchain".to_string(),
    }
}

/// The end of a session.
pub fn teardown(session: &str) -> net::NotifySegment {
    net::NotifySegment {
        seg_data: Some(net::SegData {
            auth_token: Some(net::AuthToken {
                session_id: session.to_string(),
                ..net::AuthToken::default()
            }),
            ..net::SegData::default()
        }),
        ..net::NotifySegment::default()
    }
}

/// Two small rungs.
pub fn ladder() -> Vec<Profile> {
    let names = "P240p30fps16x9,P144p30fps16x9";
    let ladder = engine::media::ladder::Ladder::parse(names).unwrap();
    ladder.profiles().to_vec()
}
