//! A transcoder that works for an orchestrator elsewhere (`go-livepeer server/ot_rpc.go`, `-transcoder`): it registers
//! over a stream that stays open, is told of tasks on it, fetches each segment and hands in the renditions.
//!
//! | module | holds |
//! |---|---|
//! | `address` | where the orchestrator is |
//! | `registration`, `back_off` | the stream of tasks, made again whenever it is lost |
//! | `task`, `download`, `results` | one task, from the orchestrator's message to what is handed in |
//! | `status` | how it stands, for its operator |
//! | `run` | starting, draining and stopping |
//!
//! A lost stream does not touch the tasks that run: the orchestrator knows them by number and still takes their results.

mod address;
mod back_off;
mod download;
mod front;
mod registration;
mod results;
mod run;
mod status;
mod task;

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use tokio::sync::{Semaphore, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use address::{AddressError, OrchestratorAddress};
pub use run::{RunningTranscoder, start};

use super::{
    AnyTranscoder, ConnectionLimits, DeviceReader, Listen, LogControl, NodeError, OperatorSettings, notices,
    session::Sessions, settings::RunTimeSettings, work::Work,
};
use crate::{
    secret::OrchestratorSecret,
    view::node::{ConfigEntry, Device},
    wire::{capability::CapabilitySet, client::Pings, net},
};

/// What a transcoder takes at most, and how long it waits.
#[derive(Debug, Clone, Copy)]
pub struct RemoteLimits {
    /// The operator's port.
    pub operator: ConnectionLimits,
    /// Bytes of segments fetched and not yet transcoded, all together.
    pub download_bytes: usize,
    /// A session without a task for so long is ended (`go-livepeer core/lb.go`).
    pub session_idle: Duration,
    /// How long running tasks may take to finish when the transcoder stops.
    pub grace: Duration,
    /// How often devices are read.
    pub device_interval: Duration,
    /// How the registration notices that the orchestrator has gone without a word.
    pub registration_pings: Pings,
    /// How a connection for results notices it.
    pub result_pings: Pings,
    /// A registration that is neither confirmed nor refused for so long holds: orchestrators may answer only with the
    /// first task.
    pub settle: Duration,
}

impl Default for RemoteLimits {
    fn default() -> Self {
        Self {
            operator: ConnectionLimits {
                connections: 64,
                ..ConnectionLimits::default()
            },
            download_bytes: 2 << 30,
            session_idle: Duration::from_secs(70),
            grace: Duration::from_secs(30),
            device_interval: Duration::from_secs(1),
            registration_pings: Pings {
                interval: Duration::from_secs(5),
                patience: Duration::from_secs(5),
            },
            result_pings: Pings {
                interval: Duration::from_secs(2),
                patience: Duration::from_secs(5),
            },
            settle: Duration::from_secs(1),
        }
    }
}

/// What a transcoder is started with.
#[derive(Debug)]
pub struct RemoteConfig {
    /// Where the orchestrator is.
    pub orchestrator: OrchestratorAddress,
    /// What orchestrator and transcoder share.
    pub secret: OrchestratorSecret,
    /// Sessions at once: what the orchestrator is told it may give.
    pub capacity: u32,
    /// What the transcoder can do.
    pub capabilities: CapabilitySet,
    /// The version the orchestrator is told; none: that of the protocol, followed by lpctl's own.
    pub version: Option<String>,
    /// The operator's port on a loopback address; 7935 by custom.
    pub operator: Listen,
    /// The transcoder's files; one node at a time.
    pub data_dir: PathBuf,
    /// Where it encodes, like `cpu` or `gpu0`.
    pub device: String,
    /// What encodes on this machine; none: no devices are shown.
    pub devices: Option<DeviceReader>,
    /// Changes what is logged; none: that cannot be changed while it runs.
    pub log: Option<LogControl>,
    /// Who is told of what needs attention; none: it is only shown.
    pub alerts: Option<crate::node::alerts::AlertSettings>,
    /// Who may use the operator's API, and how.
    pub access: OperatorSettings,
    /// What the transcoder was started with, for its operator: without what is secret.
    pub told: Vec<ConfigEntry>,
    /// Bounds.
    pub limits: RemoteLimits,
}

impl RemoteConfig {
    /// A transcoder of an orchestrator, with an operator port the system chooses and go-livepeer's defaults.
    #[must_use]
    pub fn local(orchestrator: OrchestratorAddress, secret: OrchestratorSecret, data_dir: PathBuf) -> Self {
        Self {
            orchestrator,
            secret,
            capacity: 10,
            capabilities: CapabilitySet::default_set(),
            version: None,
            operator: Listen::Address(([127, 0, 0, 1], 0).into()),
            data_dir,
            device: "cpu".to_string(),
            devices: None,
            log: None,
            alerts: None,
            access: OperatorSettings::default(),
            told: Vec::new(),
            limits: RemoteLimits::default(),
        }
    }
}

/// Why a transcoder does not start.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// As with any node.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// The orchestrator cannot be spoken to.
    #[error("no client for the orchestrator: {0}")]
    Client(String),
}

/// Why an orchestrator will never take this transcoder as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fatal {
    /// Orchestrator and transcoder do not share the secret.
    #[error("the orchestrator does not know the secret: `invalid secret`")]
    Secret,
    /// It takes no transcoder without sessions.
    #[error("the orchestrator takes no transcoder without sessions: `zero capacity`")]
    Capacity,
}

/// How the transcoder stands with its orchestrator.
#[derive(Debug, Default)]
struct Link {
    registered_since: Option<Timestamp>,
    /// When it was last known to be lost, or the start.
    lost_since: Option<Timestamp>,
    registrations: u64,
    registrations_failed: u64,
    results_lost: u64,
    last_error: Option<String>,
}

/// What all parts of a running transcoder share.
struct Remote {
    orchestrator: OrchestratorAddress,
    secret: OrchestratorSecret,
    capacity: watch::Sender<u32>,
    capabilities: net::Capabilities,
    started: Timestamp,
    transcoder: Arc<dyn AnyTranscoder>,
    sessions: Sessions,
    downloader: download::Downloader,
    results: results::Results,
    work: Mutex<Work>,
    notices: Mutex<notices::Notices>,
    metrics: super::metrics::Metrics,
    link: Mutex<Link>,
    settings: RunTimeSettings,
    told: Vec<ConfigEntry>,
    /// Tasks that run.
    running: TaskTracker,
    /// Refusals on their way: they are bounded too.
    refusals: Arc<Semaphore>,
    devices: watch::Receiver<Vec<Device>>,
    /// Cancelled once no more tasks are to come.
    draining: CancellationToken,
    /// Cancelled once nothing is to be waited for any more.
    hard_stop: CancellationToken,
    fatal: Arc<OnceLock<Fatal>>,
    limits: RemoteLimits,
    changed: watch::Sender<()>,
}

impl Remote {
    fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn notices(&self) -> MutexGuard<'_, notices::Notices> {
        self.notices.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn link(&self) -> MutexGuard<'_, Link> {
        self.link.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the operator's readers that something is different.
    fn tell(&self) {
        self.changed.send_replace(());
    }
}
