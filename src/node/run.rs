//! Starting a node, and stopping it without dropping what it has begun.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use jiff::Timestamp;
use tokio::{net::TcpListener, sync::watch, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use url::Url;

use super::{
    AnyTranscoder, DataDirLock, Listen, Node, NodeConfig, NodeError, NodeLimits, advertised_version, alerts,
    devices, disk, files, go_routes, http,
    listener::{self, Routes},
    log_routes,
    metrics::{self, Metrics},
    notices::Notices,
    operator::{self, Access, Feed, Guard, Readers, Served},
    payment,
    reach::{self, Reaching},
    rpc::OrchestratorService,
    running::{Report, Running},
    session::Sessions,
    settings::RunTimeSettings,
    status,
    store::Store,
    supervisor::Supervisor,
    tls,
    transcoders::TranscoderService,
    upload::Room,
    webhook::Webhook,
    work::Work,
};
use crate::{
    media::job::SegmentTranscoder,
    view::node::{NodeMode, NodeStatus},
    wire::{
        net::{orchestrator_server::OrchestratorServer, transcoder_server::TranscoderServer},
        signature::MessageSigner,
    },
};

/// How often sessions are looked over for idle ones.
pub(super) const SWEEP: Duration = Duration::from_secs(5);
/// How long a transcoder gets to end its processes once it is told to stop.
pub(super) const KILL_TIME: Duration = Duration::from_secs(5);
/// How often is asked whether the last renditions were fetched.
const DOWNLOAD_CHECK: Duration = Duration::from_millis(50);

/// A node at work. Dropping it ends it at once; [`Self::stop`] lets it finish what it has begun.
#[derive(Debug)]
pub struct RunningNode {
    service_addr: SocketAddr,
    operator_addr: SocketAddr,
    service_uri: String,
    status: StatusSource,
    running: Running<StopReport>,
}

/// How a node ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StopReport {
    /// Why it stopped, if nobody asked it to.
    pub cause: Option<String>,
    /// True if every running segment was answered with its renditions or its own failure, and nothing had to be cut.
    pub finished: bool,
    /// The last status, for the last words.
    pub segments_done: u64,
    /// See `segments_done`.
    pub segments_failed: u64,
}

impl Report for StopReport {
    fn lost(cause: String) -> Self {
        Self {
            cause: Some(cause),
            ..Self::default()
        }
    }
}

struct StatusSource(Arc<Node>);

impl std::fmt::Debug for StatusSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StatusSource(…)")
    }
}

/// Starts a node: both ports are open when this returns.
///
/// Cancelling `stop` stops the node like [`RunningNode::stop`]; it also stops by itself when one of its tasks fails.
///
/// # Errors
/// See [`NodeError`]; nothing is left running.
pub async fn start(
    config: NodeConfig,
    transcoder: impl SegmentTranscoder + 'static,
    signer: impl MessageSigner + 'static,
    stop: CancellationToken,
) -> Result<RunningNode, NodeError> {
    if config.max_sessions == 0 && !config.auto_sessions {
        return Err(NodeError::NoSessions);
    }
    let data_dir = match config.lock {
        Some(lock) => lock,
        None => DataDirLock::take(&config.data_dir)?,
    };
    let tokens = match config.tokens {
        Some(tokens) => tokens,
        None => files::kept_tokens(&config.data_dir)?,
    };
    let (operator, operator_addr) = listen(config.operator).await?;
    let (access, operator_tls) = Access::open(config.access, operator_addr, &config.data_dir)?;
    let guard = Guard::new(access, &config.data_dir);
    let (service, service_addr) = listen(config.service).await?;
    let data_dir_path = config.data_dir.clone();
    let (service_uri, host) = service_uri(config.service_uri, config.tls, service_addr)?;
    let acceptor = match config.tls {
        true => Some(tls::acceptor(&host, &config.data_dir)?),
        false => None,
    };

    let reaching = Reaching::new(config.advertise, &service_uri)?;
    let webhook = config.discovery_webhook.map(Webhook::new).transpose();
    let webhook = webhook.map_err(|reason| NodeError::Webhook { reason })?;
    let mut limits = config.limits;
    if let Some(pool) = &config.transcoders {
        (limits.service.ping_interval, limits.service.ping_timeout) = pool.pings();
    }
    let hard_stop = CancellationToken::new();
    let halt = CancellationToken::new();
    let changed = watch::Sender::new(());
    let device_list = Arc::new(watch::Sender::new(Vec::new()));
    let transcoder: Arc<dyn AnyTranscoder> = Arc::new(transcoder);
    let mode = match config.transcoders {
        Some(_) => NodeMode::Orchestrator,
        None => NodeMode::Combined,
    };
    let account = signer.address();
    let metrics = Metrics::new(mode, (!account.is_zero()).then_some(account));
    let node = Arc::new(Node {
        sessions: Sessions::new(
            match config.auto_sessions {
                true => 0,
                false => config.max_sessions,
            },
            Store::new(limits.store_bytes),
            config.device,
            Arc::clone(&transcoder),
            halt.clone(),
            changed.clone(),
        ),
        service_uri: service_uri.clone(),
        reaching,
        network: config.network,
        started: Timestamp::now(),
        settings: RunTimeSettings::new(config.data_dir, config.log),
        mode,
        signer: Arc::new(signer),
        tokens,
        capabilities: Arc::new(config.capabilities.to_message(&advertised_version())),
        transcoders: config.transcoders.clone(),
        transcoder,
        work: Mutex::new(Work::default()),
        notices: Mutex::new(Notices::default()),
        metrics,
        room: Room::new(limits.upload_bytes),
        upload_time: limits.upload_time,
        private_sources: config.private_sources,
        object_store: config.object_store,
        webhook,
        payments: config.payments.map(payment::Till::new),
        outbox: config.outbox,
        treasury: config.treasury,
        told: config.told,
        running: TaskTracker::new(),
        arriving: TaskTracker::new(),
        devices: device_list.subscribe(),
        disk: disk::Seen::default(),
        rpc: config.rpc,
        chain: config.chain,
        changed,
    });

    let supervisor = Supervisor::default();
    let mut grpc = tonic::service::Routes::new(OrchestratorServer::new(OrchestratorService::new(
        Arc::clone(&node),
    )));
    if let Some(pool) = &config.transcoders {
        pool.serve(&node);
        pool.set_auto_sessions(config.auto_sessions);
        grpc = grpc.add_service(TranscoderServer::new(TranscoderService::new(pool.clone())));
    }
    let routes = Routes {
        grpc: Some(grpc.prepare().into_axum_router()),
        http: http::routes(Arc::clone(&node)),
    };
    supervisor.spawn("service port", |stop| async move {
        listener::serve(service, acceptor, routes, limits.service, stop).await;
        Ok(())
    });
    let (feed, readers) = (Feed::new(), Readers::default());
    let (events, counted) = (feed.clone(), readers.clone());
    let answering = Arc::clone(&node);
    let metrics = metrics::routes(Arc::<Node>::clone(&node));
    let log = node.settings.log().cloned();
    let more = go_routes::routes(Arc::<Node>::clone(&node));
    supervisor.spawn("operator port", |stop| async move {
        let logs = log_routes::routes(Arc::<Node>::clone(&answering), log, stop.clone());
        let served = Served {
            node: answering,
            guard,
            feed: events,
            readers: counted,
            more: more.merge(metrics).merge(logs),
            stop: stop.clone(),
        };
        let routes = Routes {
            grpc: None,
            http: operator::routes(served),
        };
        listener::serve(operator, operator_tls, routes, limits.operator, stop).await;
        Ok(())
    });
    let (telling, changes, chain) = (Arc::clone(&node), node.changed.subscribe(), node.chain.clone());
    supervisor.spawn("status feed", |stop| {
        status::publish(telling, changes, chain, feed, readers, stop)
    });
    if node.payments.is_some() {
        supervisor.spawn("payments", |stop| payment::look_after(Arc::clone(&node), stop));
    }
    supervisor.spawn("idle sessions", |stop| sweep(Arc::clone(&node), limits, stop));
    let (folder, seen) = (data_dir_path.clone(), Arc::clone(&node.disk));
    supervisor.spawn("disk", |stop| disk::watch(folder, seen, stop));
    if let Some(settings) = config.alerts {
        let watched = Arc::<Node>::clone(&node);
        supervisor.spawn("alerts", |stop| {
            alerts::watch(watched, settings, data_dir_path, stop)
        });
    }
    supervisor.spawn("reachability", |stop| reach::watch(Arc::clone(&node), stop));
    if let Some(reader) = config.devices {
        let changed = node.changed.clone();
        supervisor.spawn("devices", |stop| {
            devices::watch(reader, device_list, changed, limits.device_interval, stop)
        });
    }

    let stop = stop.child_token();
    let ending = tokio::spawn(conduct(Ending {
        node: Arc::clone(&node),
        supervisor,
        limits,
        stop: stop.clone(),
        hard_stop: hard_stop.clone(),
        halt,
        _data_dir: data_dir,
    }));
    Ok(RunningNode {
        service_addr,
        operator_addr,
        service_uri,
        status: StatusSource(node),
        running: Running::new(stop, hard_stop, ending),
    })
}

impl RunningNode {
    /// The bound address of the port gateways use.
    #[must_use]
    pub fn service_addr(&self) -> SocketAddr {
        self.service_addr
    }

    /// The bound address of the operator's API.
    #[must_use]
    pub fn operator_addr(&self) -> SocketAddr {
        self.operator_addr
    }

    /// The address gateways are told to use, without a slash at the end.
    #[must_use]
    pub fn service_uri(&self) -> &str {
        &self.service_uri
    }

    /// Everything on one screen.
    #[must_use]
    pub fn status(&self) -> NodeStatus {
        self.status.0.status()
    }

    /// Cancelling it ends the node at once, also while it is stopping: running segments fail.
    #[must_use]
    pub fn hard_stop(&self) -> CancellationToken {
        self.running.hard_stop()
    }

    /// Resolves when the node has ended, for whatever reason. May be called again, and be cancelled.
    pub async fn ended(&mut self) -> StopReport {
        self.running.ended().await
    }

    /// Takes no more segments, lets the running ones finish within the grace and their renditions be fetched, ends
    /// sessions and closes both ports.
    pub async fn stop(self) -> StopReport {
        self.running.stop().await
    }
}

/// What the end of a node needs.
struct Ending {
    node: Arc<Node>,
    supervisor: Supervisor,
    limits: NodeLimits,
    stop: CancellationToken,
    hard_stop: CancellationToken,
    halt: CancellationToken,
    /// Held until everything has ended: the next node must not begin before.
    _data_dir: DataDirLock,
}

/// Waits for a reason to stop, then stops in order.
async fn conduct(ending: Ending) -> StopReport {
    let Ending {
        node,
        supervisor,
        limits,
        stop,
        hard_stop,
        halt,
        _data_dir,
    } = ending;
    supervisor.reason(&stop, &hard_stop).await;
    node.sessions().close_intake();
    node.running().close();
    let finished = tokio::select! {
        done = timeout(limits.grace, node.running().wait()) => done.is_ok(),
        () = hard_stop.cancelled() => node.running().is_empty(),
    };
    halt.cancel();
    node.arriving().close();
    let ended = async { tokio::join!(node.running().wait(), node.arriving().wait()) };
    if timeout(KILL_TIME, ended).await.is_err() {
        tracing::error!("segments are still running after their transcoder was told to stop");
    }
    tokio::select! {
        _ = timeout(limits.last_downloads, last_downloads(&node, limits)) => {}
        () = hard_stop.cancelled() => {}
        () = supervisor.stopping() => {}
    }
    node.sessions().end_all();
    if let Some(pool) = node.transcoders() {
        pool.stop();
    }
    let grace = limits.service.shutdown + KILL_TIME;
    if !supervisor.shut_down_until(grace, &hard_stop).await {
        tracing::error!("some of the node's tasks did not stop");
    }
    let totals = node.work().totals(0);
    StopReport {
        cause: supervisor.cause(),
        finished,
        segments_done: totals.segments_done,
        segments_failed: totals.segments_failed,
    }
}

/// Resolves once nobody can be about to fetch a rendition.
async fn last_downloads(node: &Node, limits: NodeLimits) {
    while node.sessions().store().awaits_download(limits.last_downloads) {
        tokio::time::sleep(DOWNLOAD_CHECK).await;
    }
}

async fn sweep(
    node: Arc<Node>,
    limits: NodeLimits,
    stop: CancellationToken,
) -> Result<(), super::supervisor::TaskError> {
    let interval = SWEEP.min(limits.session_idle);
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(interval) => {}
        }
        node.sessions().end_idle(limits.session_idle);
    }
}

pub(super) async fn listen(on: Listen) -> Result<(TcpListener, SocketAddr), NodeError> {
    let address = on.wanted();
    let failed = |source| NodeError::Listen { address, source };
    on.open().await.map_err(failed)
}

/// The URI gateways append paths to, without a slash at its end, and its host, which the certificate is for.
fn service_uri(given: Option<String>, tls: bool, bound: SocketAddr) -> Result<(String, String), NodeError> {
    let uri = given.unwrap_or_else(|| {
        let scheme = if tls { "https" } else { "http" };
        format!("{scheme}://{bound}")
    });
    let url = Url::parse(&uri).ok().filter(|url| {
        matches!(url.scheme(), "http" | "https") && url.query().is_none() && url.fragment().is_none()
    });
    let host = url.as_ref().and_then(Url::host_str);
    match host {
        Some(host) => Ok((
            uri.trim_end_matches('/').to_string(),
            host.trim_matches(['[', ']']).to_string(),
        )),
        None => Err(NodeError::ServiceUri { uri }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_uri_ends_without_a_slash_and_names_a_host() {
        let bound = SocketAddr::from(([127, 0, 0, 1], 8935));
        let uri = |given: Option<&str>, tls| service_uri(given.map(str::to_string), tls, bound);
        assert_eq!(
            uri(None, true).unwrap(),
            ("https://127.0.0.1:8935".into(), "127.0.0.1".into())
        );
        assert_eq!(uri(None, false).unwrap().0, "http://127.0.0.1:8935");
        assert_eq!(
            uri(Some("https://orchestrator.example:443/"), true).unwrap(),
            (
                "https://orchestrator.example:443".into(),
                "orchestrator.example".into()
            )
        );
        assert_eq!(uri(Some("https://[::1]:8935"), true).unwrap().1, "::1");
        for wrong in ["", "orchestrator.example:8935", "ftp://x", "https://x/?a=b"] {
            assert!(uri(Some(wrong), true).is_err(), "{wrong}");
        }
    }
}
