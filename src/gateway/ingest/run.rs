//! Ports and tasks of a gateway, from its start to its end.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, extract::DefaultBodyLimit, http::StatusCode, routing::any};
use jiff::Timestamp;
use tokio::{net::TcpListener, task::JoinHandle, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    IngestConfig, IngestError, Shared, answer,
    body::Room,
    metrics::Metrics,
    playback::play,
    push::push,
    record::{CoreRecords, SegmentLog},
    rtmp, status,
    stream::lock,
    streams::Streams,
    webhook::Webhook,
};
use crate::{
    gateway::stream::{Gateway, GatewaySettings},
    node::{
        Listen,
        http::Refusal,
        listener::{self, Routes},
        running::{Report, Running},
        store::Store,
        supervisor::Supervisor,
    },
    view::ingest::{GatewayStatus, StreamTotals},
};

/// How long tasks that were told to stop may take.
const LAST_CALL: Duration = Duration::from_secs(5);

/// How a gateway ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IngestReport {
    /// What went wrong, if it stopped by itself.
    pub cause: Option<String>,
    /// False if segments had to be given up.
    pub finished: bool,
    /// What was done.
    pub totals: StreamTotals,
}

impl Report for IngestReport {
    fn lost(cause: String) -> Self {
        Self {
            cause: Some(cause),
            ..Self::default()
        }
    }
}

/// A running gateway. Dropping it ends it at once.
#[derive(Debug)]
pub struct RunningIngest {
    shared: Arc<Shared>,
    operator_addr: SocketAddr,
    running: Running<IngestReport>,
}

/// Opens the ports and takes streams.
///
/// # Errors
/// See [`IngestError`].
pub async fn start(
    config: IngestConfig,
    mut settings: GatewaySettings,
) -> Result<RunningIngest, IngestError> {
    if config.max_streams == 0 {
        return Err(IngestError::NoStreams);
    }
    answer::check_names(&config.ladder).map_err(|error| match error {
        answer::AnswerError::ProfileName(name) => IngestError::ProfileName(name),
        other => IngestError::ProfileName(other.to_string()),
    })?;
    let address = config.operator.wanted();
    if !address.ip().is_loopback() {
        return Err(IngestError::OperatorExposed { address });
    }
    let is_guarded = config.webhook.is_some() || config.keys.is_some() || config.open_to_all;
    let doors = std::iter::once(&config.http).chain(config.rtmp.as_ref().map(|rtmp| &rtmp.listen));
    for address in doors.map(Listen::wanted) {
        if !is_guarded && !address.ip().is_loopback() {
            return Err(IngestError::OpenToAll { address });
        }
    }
    let (operator, operator_addr) = listen(config.operator).await?;
    let (http, http_addr) = listen(config.http).await?;
    let rtmp = match config.rtmp {
        Some(rtmp) => {
            let (listener, address) = listen(rtmp.listen).await?;
            Some((listener, address, rtmp.tools, rtmp.fencing))
        }
        None => None,
    };
    let (log, writer) = match config.log {
        Some(settings) => {
            let path = settings.path.clone();
            let opened = SegmentLog::open(settings).await;
            let (log, writer) = opened.map_err(|source| IngestError::Log { path, source })?;
            (log, Some(writer))
        }
        None => (SegmentLog::default(), None),
    };
    let webhook = config.webhook.map(Webhook::new).transpose();
    let (core_records, records) = CoreRecords::new();
    settings.records = Some(records);
    let limits = config.limits;
    let shared = Arc::new(Shared {
        gateway: Gateway::new(settings)?,
        ladder: config.ladder,
        max_streams: config.max_streams,
        webhook: webhook.map_err(IngestError::Webhook)?,
        keys: config.keys,
        store: Store::new(limits.store_bytes),
        room: Room::new(limits.upload_bytes),
        streams: Streams::new(usize::try_from(config.max_streams).unwrap_or(usize::MAX)),
        totals: Mutex::default(),
        metrics: Metrics::new(),
        log,
        core_records,
        events: config.events,
        limits,
        started: Timestamp::now(),
        http_addr,
        rtmp_addr: rtmp.as_ref().map(|(_, address, ..)| *address),
        running: TaskTracker::new(),
        endings: TaskTracker::new(),
        intake: CancellationToken::new(),
    });
    let supervisor = Supervisor::default();
    let log_stop = CancellationToken::new();
    let writing = writer.map(|writer| tokio::spawn(writer.run(log_stop.clone())));
    let routes = routes(Arc::clone(&shared));
    supervisor.spawn("HTTP port", |stop| async move {
        listener::serve(http, None, routes, limits.http, stop).await;
        Ok(())
    });
    let routes = Routes {
        grpc: None,
        http: status::routes(Arc::clone(&shared)),
    };
    supervisor.spawn("operator port", |stop| async move {
        listener::serve(operator, None, routes, limits.operator, stop).await;
        Ok(())
    });
    let sweeper = Arc::clone(&shared);
    supervisor.spawn("idle streams", |stop| async move {
        sweeper.sweep(stop).await;
        Ok(())
    });
    if let Some((listener, _, tools, fencing)) = rtmp {
        let door = rtmp::Door {
            shared: Arc::clone(&shared),
            tools,
            fencing,
        };
        supervisor.spawn("RTMP port", |stop| async move {
            rtmp::serve(listener, door, stop).await;
            Ok(())
        });
    }
    let (stop, hard_stop) = (CancellationToken::new(), CancellationToken::new());
    let ending = tokio::spawn(conduct(
        Arc::clone(&shared),
        supervisor,
        stop.clone(),
        hard_stop.clone(),
        log_stop,
        writing,
    ));
    Ok(RunningIngest {
        shared,
        operator_addr,
        running: Running::new(stop, hard_stop, ending),
    })
}

fn routes(shared: Arc<Shared>) -> Routes {
    let http = Router::new()
        .route("/live/{*path}", any(push))
        .route("/stream/{*path}", any(play))
        .route("/healthz", any(|| async {}))
        .fallback(|| async { Refusal::new(StatusCode::NOT_FOUND, "404 page not found").into_response() })
        .layer(DefaultBodyLimit::disable())
        .with_state(shared);
    Routes { grpc: None, http }
}

async fn listen(on: Listen) -> Result<(TcpListener, SocketAddr), IngestError> {
    let address = on.wanted();
    let failed = |source| IngestError::Listen { address, source };
    on.open().await.map_err(failed)
}

/// Waits for a reason to stop, then stops in order: no new segments, those under way, their streams, the ports.
async fn conduct(
    shared: Arc<Shared>,
    supervisor: Supervisor,
    stop: CancellationToken,
    hard_stop: CancellationToken,
    log_stop: CancellationToken,
    writing: Option<JoinHandle<()>>,
) -> IngestReport {
    supervisor.reason(&stop, &hard_stop).await;
    shared.streams.close();
    shared.intake.cancel();
    shared.running.close();
    let finished = tokio::select! {
        done = timeout(shared.limits.grace, shared.running.wait()) => done.is_ok(),
        () = hard_stop.cancelled() => shared.running.is_empty(),
    };
    for live in shared.streams.open() {
        if !finished && let Some(cut) = live.cut_short() {
            shared.endings.spawn(cut);
        }
        shared.end(&live, "the gateway stopped");
    }
    shared.endings.close();
    if timeout(LAST_CALL, shared.endings.wait()).await.is_err() {
        tracing::warn!("some streams did not end in time");
    }
    let grace = shared.limits.http.shutdown + LAST_CALL;
    if !supervisor.shut_down_until(grace, &hard_stop).await {
        tracing::error!("some of the gateway's tasks did not stop");
    }
    log_stop.cancel();
    if let Some(writing) = writing
        && timeout(LAST_CALL, writing).await.is_err()
    {
        tracing::warn!("the last lines of the session log were not written in time");
    }
    IngestReport {
        cause: supervisor.cause(),
        finished,
        totals: *lock(&shared.totals),
    }
}

impl RunningIngest {
    /// The bound address for pushes and players.
    #[must_use]
    pub fn http_addr(&self) -> SocketAddr {
        self.shared.http_addr
    }

    /// The bound address for publishers over RTMP, if they are taken.
    #[must_use]
    pub fn rtmp_addr(&self) -> Option<SocketAddr> {
        self.shared.rtmp_addr
    }

    /// The bound address of the operator's port.
    #[must_use]
    pub fn operator_addr(&self) -> SocketAddr {
        self.operator_addr
    }

    /// Everything on one screen.
    #[must_use]
    pub fn status(&self) -> GatewayStatus {
        self.shared.status()
    }

    /// Cancelling it ends the gateway at once, also while it is stopping: segments being transcoded are given up.
    #[must_use]
    pub fn hard_stop(&self) -> CancellationToken {
        self.running.hard_stop()
    }

    /// Resolves when the gateway has ended, for whatever reason. May be called again, and be cancelled.
    pub async fn ended(&mut self) -> IngestReport {
        self.running.ended().await
    }

    /// Takes no more segments, lets those being transcoded finish within the grace, ends the streams and closes the
    /// ports.
    pub async fn stop(self) -> IngestReport {
        self.running.stop().await
    }
}
