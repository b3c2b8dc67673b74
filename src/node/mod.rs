//! The orchestrator node: sessions and transcoding for gateways on one port, an API for its operator on another. And the
//! transcoder that works for somebody else's orchestrator, which shares most of its parts.
//!
//! | module | holds |
//! |---|---|
//! | `supervisor`, `running` | the node's tasks and why they stopped, and the handle on all of them |
//! | `listener`, `guests`, `stall`, `tls`, `files` | a port that stays bounded, its certificate, the data directory |
//! | `http`, `rpc`, `webhook` | the two halves of the node's port, and who may be refused on it |
//! | `credentials`, `upload`, `sources`, `segment` | a segment from its headers to its signed result |
//! | `payment` | what a segment costs, and the node's books at a glance |
//! | `transcoders` | remote transcoders: who is there, who gets what, and what came of it |
//! | `disk` | room where the books are |
//! | `session`, `store`, `outlet`, `work` | who is served, where renditions wait for download, what was done |
//! | `status`, `notices`, `reach`, `devices`, `follow`, `operator` | what the operator sees, and the API that tells it |
//! | `metrics` | what Prometheus is told |
//! | `go_routes` | go-livepeer's routes on the operator's port, for its tools |
//! | `log`, `log_routes` | the last lines of the log, and where to go on from |
//! | [`alerts`] | who is told of what needs attention, and when |
//! | `settings` | what the operator changes while it runs, and what of it is kept |
//! | [`remote`] | the transcoder of an orchestrator elsewhere |
//!
//! With a [`Cashier`] the node charges: it names a price and ticket parameters, takes payments before it takes segments,
//! and charges for what it made. Without one, off-chain, nobody pays.

pub mod alerts;
mod credentials;
mod devices;
mod disk;
mod files;
mod follow;
pub mod go_routes;
mod guests;
pub(crate) mod http;
pub(crate) mod listener;
mod log;
mod log_routes;
mod metrics;
mod notices;
pub(crate) mod operator;
mod outlet;
mod payment;
mod reach;
pub mod remote;
mod rpc;
mod run;
pub(crate) mod running;
mod segment;
mod session;
mod settings;
mod sources;
mod stall;
mod status;
pub(crate) mod store;
pub(crate) mod supervisor;
pub(crate) mod tls;
mod transcoders;
mod treasury;
mod upload;
mod webhook;
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
use tokio::{net::TcpListener, sync::watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use devices::DeviceReader;
pub use files::DataDirLock;
pub use follow::follow;
pub use listener::ConnectionLimits;
pub use log::{LevelChange, LogLine, LogPage, LogQuery, LogRing, NewLine, harmless};
pub use operator::{
    AccessError, Caller, OperatorSettings, OperatorTls, TokenBook, TokenError, TokenFacts, document,
};
pub use reach::{Advertise, MOST_ADDRESSES, ProbeTimes, probe_once};
pub use run::{RunningNode, StopReport, start};
pub use settings::{KeptSettings, Limit, LogControl, PriceChange, SettingsChange, SettingsError};
pub use transcoders::{PoolSettings, TranscoderPool};
pub use treasury::{ActionError, Redeeming, Treasury};

use crate::{
    chain::Outbox,
    media::job::{SegmentJob, SegmentTranscoder, TranscodeError, Transcoded},
    payments::{Cashier, Offer},
    secret::WebhookUrl,
    store::ObjectStore,
    view::node::{ConfigEntry, Device, EngineView, NodeChain, NodeMode},
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

impl Listen {
    /// Where it is to be listened. A socket that cannot tell is taken for one that all can reach.
    pub(crate) fn wanted(&self) -> SocketAddr {
        match self {
            Self::Address(address) => *address,
            Self::Bound(socket) => socket
                .local_addr()
                .unwrap_or_else(|_| SocketAddr::from(([0, 0, 0, 0], 0))),
        }
    }

    /// The open port, and its address.
    pub(crate) async fn open(self) -> io::Result<(TcpListener, SocketAddr)> {
        let listener = match self {
            Self::Address(address) => TcpListener::bind(address).await?,
            Self::Bound(socket) => {
                socket.set_nonblocking(true)?;
                TcpListener::from_std(socket)?
            }
        };
        let address = listener.local_addr()?;
        Ok((listener, address))
    }
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
    /// The least time an upload gets, however short the segment plays.
    pub upload_time: Duration,
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
            upload_time: Duration::from_secs(10),
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
    /// What is told of where the node is, and which addresses are asked whether they can be reached.
    pub advertise: Advertise,
    /// TLS with a certificate of our own on the service port; plain HTTP otherwise.
    pub tls: bool,
    /// The operator's port; 7935 of a loopback address by custom. Others take a token.
    pub operator: Listen,
    /// Stream sessions at once.
    pub max_sessions: u32,
    /// As many sessions as the remote transcoders have capacity for, in place of `max_sessions`.
    pub auto_sessions: bool,
    /// The node's files; one node at a time.
    pub data_dir: PathBuf,
    /// `data_dir`, if it was taken for this node before; none: the node takes it itself.
    pub lock: Option<DataDirLock>,
    /// `offchain`, or the network's name.
    pub network: String,
    /// Where it encodes, like `cpu` or `gpu0`.
    pub device: String,
    /// Makes and checks session tokens; none: with the secret kept in `data_dir`, so that sessions outlive a restart.
    pub tokens: Option<AuthTokens>,
    /// What its transcoder can do.
    pub capabilities: CapabilitySet,
    /// Whether gateways may name sources on addresses that are not public, which this machine then asks.
    pub private_sources: bool,
    /// A store of the node's own for sources and renditions; none: renditions wait in memory.
    pub object_store: Option<ObjectStore>,
    /// Asked before a gateway is offered anything; none: all are served.
    pub discovery_webhook: Option<WebhookUrl>,
    /// What encodes on this machine; none: no devices are shown.
    pub devices: Option<DeviceReader>,
    /// What is read of the chain, by whoever reads it; none off-chain.
    pub chain: Option<watch::Receiver<Option<NodeChain>>>,
    /// Changes what is logged; none: that cannot be changed while the node runs.
    pub log: Option<LogControl>,
    /// Who is told of what needs attention; none: it is only shown.
    pub alerts: Option<alerts::AlertSettings>,
    /// The chain, to tell which of its endpoints fail.
    pub rpc: Option<crate::chain::Chain>,
    /// Remote transcoders may register with this pool, which is also what the node is given to transcode with. None: the
    /// node transcodes itself.
    pub transcoders: Option<TranscoderPool>,
    /// Takes the gateways' payments; none: nobody pays.
    pub payments: Option<Cashier>,
    /// Sends the node's transactions: what they may cost can be changed while it runs. None: it sends none.
    pub outbox: Option<Outbox>,
    /// What it may do on the chain for whoever asks over the operator's API; none: nothing.
    pub treasury: Option<Treasury>,
    /// Who may use the operator's API, and how.
    pub access: OperatorSettings,
    /// What the node was started with, for its operator: without what is secret.
    pub told: Vec<ConfigEntry>,
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
            advertise: Advertise::default(),
            tls: true,
            operator: any(),
            max_sessions: 10,
            auto_sessions: false,
            data_dir,
            lock: None,
            network: "offchain".to_string(),
            device: "cpu".to_string(),
            tokens: None,
            capabilities: CapabilitySet::default_set(),
            private_sources: true,
            object_store: None,
            discovery_webhook: None,
            devices: None,
            chain: None,
            log: None,
            alerts: None,
            rpc: None,
            transcoders: None,
            payments: None,
            outbox: None,
            treasury: None,
            access: OperatorSettings::default(),
            told: Vec::new(),
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
    /// The operator's API cannot be opened as it should be, or others could reach it and nothing protects it.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The node's files cannot be written.
    #[error("cannot write {path}")]
    DataDir {
        /// Directory or file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The secret of the session tokens is there and cannot be used. It is left as it is.
    #[error("the secret of the session tokens in {path} cannot be used: {reason}")]
    TokenSecret {
        /// The file.
        path: PathBuf,
        /// What is the matter with it.
        reason: String,
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
    /// An address of another node that cannot be told to gateways, or asked.
    #[error("`{uri}` cannot be advertised or asked: {reason}")]
    Advertised {
        /// The address.
        uri: String,
        /// Why not.
        reason: &'static str,
    },
    /// The webhook cannot be asked.
    #[error("the discovery webhook cannot be asked: {reason}")]
    Webhook {
        /// Why not.
        reason: String,
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
    reaching: reach::Reaching,
    network: String,
    started: Timestamp,
    mode: NodeMode,
    settings: settings::RunTimeSettings,
    signer: Arc<dyn MessageSigner>,
    tokens: AuthTokens,
    capabilities: Arc<net::Capabilities>,
    transcoders: Option<TranscoderPool>,
    transcoder: Arc<dyn AnyTranscoder>,
    sessions: session::Sessions,
    work: Mutex<work::Work>,
    notices: Mutex<notices::Notices>,
    metrics: metrics::Metrics,
    room: upload::Room,
    upload_time: Duration,
    private_sources: bool,
    object_store: Option<ObjectStore>,
    webhook: Option<webhook::Webhook>,
    payments: Option<payment::Till>,
    outbox: Option<Outbox>,
    treasury: Option<Treasury>,
    told: Vec<ConfigEntry>,
    running: TaskTracker,
    arriving: TaskTracker,
    devices: watch::Receiver<Vec<Device>>,
    disk: disk::Seen,
    rpc: Option<crate::chain::Chain>,
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

    /// What the node can do now: remote transcoders add to it.
    fn capabilities(&self) -> Arc<net::Capabilities> {
        match &self.transcoders {
            Some(pool) => pool.capabilities(&self.capabilities),
            None => Arc::clone(&self.capabilities),
        }
    }

    /// Who takes payments; none: nobody pays.
    fn cashier(&self) -> Option<&Cashier> {
        self.payments.as_ref().map(payment::Till::cashier)
    }

    fn transcoders(&self) -> Option<&TranscoderPool> {
        self.transcoders.as_ref()
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

    /// The least time an upload gets.
    fn upload_time(&self) -> Duration {
        self.upload_time
    }

    fn may_fetch_privately(&self) -> bool {
        self.private_sources
    }

    /// The node's own store outside of it.
    fn object_store(&self) -> Option<&ObjectStore> {
        self.object_store.as_ref()
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

    /// What gateways are told about this node. Without an offer nothing is charged.
    fn info(
        &self,
        token: Option<net::AuthToken>,
        with_hardware: bool,
        offer: Option<Offer>,
    ) -> net::OrchestratorInfo {
        let (price_info, ticket_params) = offer.map(|offer| (offer.price, offer.parameters)).unzip();
        let storage = token.as_ref().zip(self.object_store.as_ref());
        let storage = storage.map(|(token, store)| store.offer(&token.session_id, Timestamp::now()));
        net::OrchestratorInfo {
            storage: storage.into_iter().collect(),
            transcoder: self.service_uri.clone(),
            ticket_params,
            price_info,
            address: self.signer.address().to_vec(),
            capabilities: Some((*self.capabilities()).clone()),
            auth_token: token,
            nodes: self.reaching.nodes().to_vec(),
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
