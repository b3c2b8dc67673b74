//! The orchestrator node: sessions and transcoding for gateways on one port, an API for its operator on another.
//!
//! | module | holds |
//! |---|---|
//! | `supervisor` | the node's tasks, and why they stopped |
//! | `listener`, `stall`, `tls`, `files` | a port that stays bounded, its certificate, the data directory |
//! | `http`, `rpc` | the two halves of the node's port |
//! | `credentials`, `upload`, `sources`, `segment` | a segment from its headers to its signed result |
//! | `session`, `store`, `work` | who is served, what waits for download, what was done |
//! | `status`, `notices`, `devices`, `follow`, `operator` | what the operator sees, and the API that tells it |
//!
//! No payment is asked for yet: neither off-chain nor on a chain does the node announce a price or ticket parameters.

mod credentials;
mod devices;
mod files;
mod follow;
pub(crate) mod http;
pub(crate) mod listener;
mod notices;
pub(crate) mod operator;
mod rpc;
mod run;
mod segment;
mod session;
mod sources;
mod stall;
mod status;
pub(crate) mod store;
pub(crate) mod supervisor;
mod tls;
mod upload;
mod work;

use std::{
    future::Future,
    io,
    net::SocketAddr,
    path::PathBuf,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use tokio::sync::watch;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use devices::DeviceReader;
pub use follow::follow;
pub use listener::ConnectionLimits;
pub use run::{RunningNode, StopReport, start};

use crate::{
    media::job::{SegmentJob, SegmentTranscoder, TranscodeError, Transcoded},
    view::node::{Device, EngineView, NodeChain},
    wire::{
        capability::{CapabilitySet, PROTOCOL_VERSION},
        net,
        signature::MessageSigner,
        tls::TlsError,
        token::AuthTokens,
    },
};

/// Where to listen.
#[derive(Debug)]
pub enum Listen {
    /// Bind this address; port 0 takes any free one.
    Address(SocketAddr),
    /// A socket that listens already.
    Bound(std::net::TcpListener),
}

/// What a node takes at most, and how long it waits.
#[derive(Debug, Clone, Copy)]
pub struct NodeLimits {
    /// The port gateways use.
    pub service: ConnectionLimits,
    /// The operator's port.
    pub operator: ConnectionLimits,
    /// Bytes of segments being received and transcoded, all together.
    pub upload_bytes: usize,
    /// Bytes of renditions waiting for download, all together.
    pub store_bytes: usize,
    /// A session without a segment for so long is ended (`go-livepeer core/orchestrator.go`).
    pub session_idle: Duration,
    /// How long running segments may take to finish when the node stops.
    pub grace: Duration,
    /// How long gateways get to fetch the last renditions when the node stops: what one download may take.
    pub last_downloads: Duration,
    /// How often devices are read.
    pub device_interval: Duration,
}

impl Default for NodeLimits {
    fn default() -> Self {
        Self {
            service: ConnectionLimits::default(),
            operator: ConnectionLimits {
                connections: 64,
                ..ConnectionLimits::default()
            },
            upload_bytes: 2 << 30,
            store_bytes: 2 << 30,
            session_idle: Duration::from_secs(70),
            grace: Duration::from_secs(30),
            last_downloads: Duration::from_secs(4),
            device_interval: Duration::from_secs(1),
        }
    }
}

/// What a node is started with.
#[derive(Debug)]
pub struct NodeConfig {
    /// The port gateways use; 8935 by custom.
    pub service: Listen,
    /// Address gateways are told to use, like `https://orchestrator.example:8935`. None: the bound address.
    pub service_uri: Option<String>,
    /// TLS with a certificate of our own on the service port; plain HTTP otherwise.
    pub tls: bool,
    /// The operator's port on a loopback address; 7935 by custom.
    pub operator: Listen,
    /// Stream sessions at once.
    pub max_sessions: u32,
    /// The node's files; one node at a time.
    pub data_dir: PathBuf,
    /// `offchain`, or the network's name.
    pub network: String,
    /// Where it encodes, like `cpu` or `gpu0`.
    pub device: String,
    /// Makes and checks session tokens; those of an earlier run would let its sessions live on.
    pub tokens: AuthTokens,
    /// What its transcoder can do.
    pub capabilities: CapabilitySet,
    /// Whether gateways may name sources on addresses that are not public, which this machine then asks.
    pub private_sources: bool,
    /// What encodes on this machine; none: no devices are shown.
    pub devices: Option<DeviceReader>,
    /// What is read of the chain, by whoever reads it; none off-chain.
    pub chain: Option<watch::Receiver<Option<NodeChain>>>,
    /// Bounds.
    pub limits: NodeLimits,
}

impl NodeConfig {
    /// A node off-chain on loopback, on ports the system chooses: the rest is go-livepeer's defaults.
    #[must_use]
    pub fn local(data_dir: PathBuf) -> Self {
        let any = || Listen::Address(SocketAddr::from(([127, 0, 0, 1], 0)));
        Self {
            service: any(),
            service_uri: None,
            tls: true,
            operator: any(),
            max_sessions: 10,
            data_dir,
            network: "offchain".to_string(),
            device: "cpu".to_string(),
            tokens: AuthTokens::generate(),
            capabilities: CapabilitySet::default_set(),
            private_sources: true,
            devices: None,
            chain: None,
            limits: NodeLimits::default(),
        }
    }
}

/// Why a node does not start.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The address cannot be listened on: taken, not ours, or not allowed.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The operator's API would be reachable from outside, where nothing protects it.
    #[error("the operator API would listen on {address}, which others can reach")]
    OperatorExposed {
        /// The address.
        address: SocketAddr,
    },
    /// The node's files cannot be written.
    #[error("cannot write {path}")]
    DataDir {
        /// Directory or file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another node works with these files.
    #[error("another node uses {path}")]
    DataDirTaken {
        /// The directory.
        path: PathBuf,
    },
    /// Gateways could not use the service URI.
    #[error("`{uri}` is no service URI")]
    ServiceUri {
        /// What was given.
        uri: String,
    },
    /// No session could ever be taken.
    #[error("a node needs at least one session")]
    NoSessions,
    /// The certificate cannot be made.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// A [`SegmentTranscoder`] whose type does not show.
trait AnyTranscoder: Send + Sync {
    fn transcode<'a>(&'a self, job: SegmentJob, stop: CancellationToken) -> Transcoding<'a>;
    fn close(&self, session: &str);
    fn has_capacity(&self) -> bool;
    fn expected(&self, session: &str, playing: Duration) -> Option<Duration>;
    fn view(&self) -> EngineView;
}

type Transcoding<'a> = Pin<Box<dyn Future<Output = Result<Transcoded, TranscodeError>> + Send + 'a>>;

impl<T: SegmentTranscoder> AnyTranscoder for T {
    fn transcode<'a>(&'a self, job: SegmentJob, stop: CancellationToken) -> Transcoding<'a> {
        Box::pin(SegmentTranscoder::transcode(self, job, stop))
    }

    fn close(&self, session: &str) {
        SegmentTranscoder::close(self, session);
    }

    fn has_capacity(&self) -> bool {
        SegmentTranscoder::has_capacity(self)
    }

    fn expected(&self, session: &str, playing: Duration) -> Option<Duration> {
        SegmentTranscoder::expected(self, session, playing)
    }

    fn view(&self) -> EngineView {
        SegmentTranscoder::view(self)
    }
}

/// What all parts of a running node share.
struct Node {
    service_uri: String,
    network: String,
    started: Timestamp,
    max_sessions: u32,
    signer: Arc<dyn MessageSigner>,
    tokens: AuthTokens,
    capabilities: net::Capabilities,
    transcoder: Arc<dyn AnyTranscoder>,
    sessions: session::Sessions,
    work: Mutex<work::Work>,
    notices: Mutex<notices::Notices>,
    room: upload::Room,
    private_sources: bool,
    running: TaskTracker,
    arriving: TaskTracker,
    devices: watch::Receiver<Vec<Device>>,
    chain: Option<watch::Receiver<Option<NodeChain>>>,
    changed: watch::Sender<()>,
}

impl Node {
    /// Whether there is an account behind this node: then gateways must sign what they send.
    fn is_on_chain(&self) -> bool {
        !self.signer.address().is_zero()
    }

    fn signer(&self) -> &Arc<dyn MessageSigner> {
        &self.signer
    }

    fn tokens(&self) -> &AuthTokens {
        &self.tokens
    }

    fn capabilities(&self) -> &net::Capabilities {
        &self.capabilities
    }

    fn sessions(&self) -> &session::Sessions {
        &self.sessions
    }

    fn transcoder(&self) -> &dyn AnyTranscoder {
        &*self.transcoder
    }

    fn room(&self) -> &upload::Room {
        &self.room
    }

    fn may_fetch_privately(&self) -> bool {
        self.private_sources
    }

    fn service_uri(&self) -> &str {
        &self.service_uri
    }

    /// Segments being transcoded and answered.
    fn running(&self) -> &TaskTracker {
        &self.running
    }

    /// Work on segments that have not arrived whole.
    fn arriving(&self) -> &TaskTracker {
        &self.arriving
    }

    fn work(&self) -> MutexGuard<'_, work::Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn notices(&self) -> MutexGuard<'_, notices::Notices> {
        self.notices.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn record(&self, outcome: &work::Outcome) {
        self.work().record(outcome);
        self.changed.send_replace(());
    }

    /// The account named in renditions' metadata.
    fn metadata_name(&self) -> String {
        match self.is_on_chain() {
            true => self.signer.address().to_checksum(None),
            false => "offchain".to_string(),
        }
    }

    /// What gateways are told about this node. Ticket parameters and price are absent: nothing is charged.
    fn info(&self, token: Option<net::AuthToken>, with_hardware: bool) -> net::OrchestratorInfo {
        net::OrchestratorInfo {
            transcoder: self.service_uri.clone(),
            address: self.signer.address().to_vec(),
            capabilities: Some(self.capabilities.clone()),
            auth_token: token,
            hardware: match with_hardware {
                true => devices::hardware(&self.devices.borrow()),
                false => Vec::new(),
            },
            ..net::OrchestratorInfo::default()
        }
    }
}

/// The version gateways compare with their minimum: that of the protocol, followed by our own, which they ignore.
fn advertised_version() -> String {
    format!("{PROTOCOL_VERSION}-lpctl.{}", env!("CARGO_PKG_VERSION"))
}
