//! Starting a transcoder, and stopping it without losing what it was given.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use jiff::Timestamp;
use tokio::{
    sync::{Semaphore, watch},
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Fatal, Link, Remote, RemoteConfig, RemoteError, RemoteLimits, download::Downloader, registration,
    results::Results,
};
use crate::{
    config::SessionLimit,
    media::job::{SegmentJob, SegmentTranscoder, TranscodeError, Transcoded},
    node::{
        AnyTranscoder, DataDirLock, NodeError, StopReport, advertised_version, alerts, devices, go_routes,
        listener::{self, Routes},
        log_routes,
        metrics::{self, Metrics},
        notices::Notices,
        operator::{self, Access, Feed, Guard, Operated, Readers, Served},
        run::{KILL_TIME, SWEEP, listen},
        running::Running,
        session::Sessions,
        settings::RunTimeSettings,
        status,
        store::Store,
        supervisor::{Supervisor, TaskError},
        work::Work,
    },
    view::node::{EngineView, NodeMode, NodeStatus},
};

/// Refusals on their way at once.
const REFUSALS: usize = 64;

/// A transcoder at work. Dropping it ends it at once; [`Self::stop`] lets it finish what it was given.
pub struct RunningTranscoder {
    operator_addr: SocketAddr,
    remote: Arc<Remote>,
    running: Running<StopReport>,
}

impl std::fmt::Debug for RunningTranscoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RunningTranscoder")
            .field("operator_addr", &self.operator_addr)
            .finish_non_exhaustive()
    }
}

/// Starts a transcoder: the operator's port is open when this returns, and it registers from now on.
///
/// Cancelling `stop` stops it like [`RunningTranscoder::stop`]; it also stops by itself when the orchestrator will never
/// take it, or one of its own tasks fails.
///
/// # Errors
/// See [`RemoteError`]; nothing is left running.
pub async fn start(
    config: RemoteConfig,
    transcoder: impl SegmentTranscoder + 'static,
    stop: CancellationToken,
) -> Result<RunningTranscoder, RemoteError> {
    if config.capacity == 0 {
        return Err(NodeError::NoSessions.into());
    }
    let data_dir = DataDirLock::take(&config.data_dir)?;
    let (operator, operator_addr) = listen(config.operator).await?;
    let (access, operator_tls) =
        Access::open(config.access, operator_addr, &config.data_dir).map_err(NodeError::from)?;
    let guard = Guard::new(access, &config.data_dir);
    let limits = config.limits;
    let data_dir_path = config.data_dir.clone();
    let client = |error: &dyn std::fmt::Display| RemoteError::Client(error.to_string());
    let downloader = Downloader::new(limits.download_bytes).map_err(|error| client(&error))?;
    let results = Results::new(&config.orchestrator, &config.secret, limits.result_pings)
        .map_err(|error| client(&error))?;

    let halt = CancellationToken::new();
    let hard_stop = CancellationToken::new();
    let changed = watch::Sender::new(());
    let device_list = Arc::new(watch::Sender::new(Vec::new()));
    let transcoder: Arc<dyn AnyTranscoder> = Arc::new(AsToldByOrchestrator(transcoder));
    let remote = Arc::new(Remote {
        capabilities: config
            .capabilities
            .to_message(&config.version.unwrap_or_else(advertised_version)),
        orchestrator: config.orchestrator,
        secret: config.secret,
        capacity: watch::Sender::new(config.capacity),
        started: Timestamp::now(),
        // The orchestrator counts sessions, and forgets them when the stream is lost: here they only must stay bounded.
        sessions: Sessions::new(
            SessionLimit::MOST,
            Store::new(0),
            config.device,
            Arc::clone(&transcoder),
            halt.clone(),
            changed.clone(),
        ),
        transcoder,
        downloader,
        results,
        work: Mutex::new(Work::default()),
        notices: Mutex::new(Notices::default()),
        metrics: Metrics::new(NodeMode::Transcoder, None),
        link: Mutex::new(Link {
            lost_since: Some(Timestamp::now()),
            ..Link::default()
        }),
        settings: RunTimeSettings::new(config.data_dir, config.log),
        told: config.told,
        running: TaskTracker::new(),
        refusals: Arc::new(Semaphore::new(REFUSALS)),
        devices: device_list.subscribe(),
        draining: CancellationToken::new(),
        hard_stop: hard_stop.clone(),
        fatal: Arc::default(),
        limits,
        changed,
    });

    let supervisor = Supervisor::default();
    let (feed, readers) = (Feed::new(), Readers::default());
    let (events, counted) = (feed.clone(), readers.clone());
    let answering: Arc<dyn Operated> = Arc::<Remote>::clone(&remote);
    let metrics = metrics::routes(Arc::<Remote>::clone(&remote));
    let log = remote.settings.log().cloned();
    let more = go_routes::routes(Arc::<Remote>::clone(&remote));
    supervisor.spawn("operator port", |stop| async move {
        let logs = log_routes::routes(Arc::clone(&answering), log, stop.clone());
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
    let (telling, changes) = (Arc::<Remote>::clone(&remote), remote.changed.subscribe());
    supervisor.spawn("status feed", |stop| {
        status::publish(telling, changes, None, feed, readers, stop)
    });
    supervisor.spawn("idle sessions", |stop| sweep(Arc::clone(&remote), stop));
    if let Some(reader) = config.devices {
        let changed = remote.changed.clone();
        supervisor.spawn("devices", |stop| {
            devices::watch(reader, device_list, changed, limits.device_interval, stop)
        });
    }
    if let Some(settings) = config.alerts {
        let watched: Arc<dyn Operated> = Arc::<Remote>::clone(&remote);
        supervisor.spawn("alerts", |stop| {
            alerts::watch(watched, settings, data_dir_path, stop)
        });
    }
    supervisor.spawn("registration", |stop| {
        registration::keep(Arc::clone(&remote), stop)
    });

    let stop = stop.child_token();
    let ending = tokio::spawn(conduct(Ending {
        remote: Arc::clone(&remote),
        supervisor,
        limits,
        stop: stop.clone(),
        hard_stop: hard_stop.clone(),
        halt,
        _data_dir: data_dir,
    }));
    Ok(RunningTranscoder {
        operator_addr,
        remote,
        running: Running::new(stop, hard_stop, ending),
    })
}

impl RunningTranscoder {
    /// The bound address of the operator's API.
    #[must_use]
    pub fn operator_addr(&self) -> SocketAddr {
        self.operator_addr
    }

    /// Everything on one screen.
    #[must_use]
    pub fn view(&self) -> NodeStatus {
        self.remote.status()
    }

    /// Takes no more tasks: leaves the orchestrator, finishes and hands in what runs, and stays for its operator.
    pub fn drain(&self) {
        self.remote.drain();
    }

    /// Resolves once a drained transcoder has nothing left to do.
    pub async fn idle(&self) {
        // It resolves only on a closed tracker; those who come later than that are counted all the same.
        self.remote.running.close();
        self.remote.running.wait().await;
    }

    /// Holds why the orchestrator will never take it, once that is known: then it ends.
    #[must_use]
    pub fn fatal_cause(&self) -> Arc<OnceLock<Fatal>> {
        Arc::clone(&self.remote.fatal)
    }

    /// Cancelling it ends the transcoder at once, also while it is stopping: running tasks fail.
    #[must_use]
    pub fn hard_stop(&self) -> CancellationToken {
        self.running.hard_stop()
    }

    /// Resolves when it has ended, for whatever reason. May be called again, and be cancelled.
    pub async fn ended(&mut self) -> StopReport {
        self.running.ended().await
    }

    /// Leaves the orchestrator, finishes within the grace what runs, and ends.
    pub async fn stop(self) -> StopReport {
        self.running.stop().await
    }
}

/// What the end of a transcoder needs.
struct Ending {
    remote: Arc<Remote>,
    supervisor: Supervisor,
    limits: RemoteLimits,
    stop: CancellationToken,
    hard_stop: CancellationToken,
    halt: CancellationToken,
    /// Held until everything has ended: the next node must not begin before.
    _data_dir: DataDirLock,
}

/// Waits for a reason to stop, then stops in order.
async fn conduct(ending: Ending) -> StopReport {
    let Ending {
        remote,
        supervisor,
        limits,
        stop,
        hard_stop,
        halt,
        _data_dir,
    } = ending;
    supervisor.reason(&stop, &hard_stop).await;
    remote.draining.cancel();
    remote.running.close();
    let is_useless = remote.fatal.get().is_some();
    let finished = tokio::select! {
        done = timeout(limits.grace, remote.running.wait()), if !is_useless => done.is_ok(),
        () = hard_stop.cancelled() => remote.running.is_empty(),
        () = std::future::ready(()), if is_useless => remote.running.is_empty(),
    };
    halt.cancel();
    if timeout(KILL_TIME, remote.running.wait()).await.is_err() {
        tracing::error!("tasks are still running after their transcoder was told to stop");
    }
    remote.sessions.end_all();
    let grace = limits.operator.shutdown + KILL_TIME;
    if !supervisor.shut_down_until(grace, &hard_stop).await {
        tracing::error!("some of the transcoder's tasks did not stop");
    }
    let totals = remote.work().totals(0);
    StopReport {
        cause: supervisor.cause(),
        finished,
        segments_done: totals.segments_done,
        segments_failed: totals.segments_failed,
    }
}

async fn sweep(remote: Arc<Remote>, stop: CancellationToken) -> Result<(), TaskError> {
    let limit = remote.limits.session_idle;
    let interval = SWEEP.min(limit);
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(interval) => {}
        }
        remote.sessions.end_idle(limit);
    }
}

/// How many sessions come is the orchestrator's business, which was told how many may: none is refused here.
struct AsToldByOrchestrator<T>(T);

impl<T: SegmentTranscoder> SegmentTranscoder for AsToldByOrchestrator<T> {
    async fn transcode(
        &self,
        job: SegmentJob,
        stop: CancellationToken,
    ) -> Result<Transcoded, TranscodeError> {
        self.0.transcode(job, stop).await
    }

    fn close(&self, session: &str) {
        self.0.close(session);
    }

    fn expected(&self, session: &str, playing: Duration) -> Option<Duration> {
        self.0.expected(session, playing)
    }

    fn view(&self) -> EngineView {
        self.0.view()
    }
}
