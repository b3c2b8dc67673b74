//! The gateway as a service: streams come in over HTTP or RTMP, are sent to orchestrators segment by segment, and play
//! from here over HLS (`go-livepeer server/mediaserver.go`).
//!
//! | module | owns |
//! |---|---|
//! | `push`, `multipart`, `body` | segments pushed over HTTP and their answers |
//! | `rtmp` | publishers over RTMP, cut into segments by ffmpeg |
//! | `admit`, `answer`, `webhook`, `keys` | who may send what |
//! | `streams`, `stream`, `probe` | which streams there are, and the life of one |
//! | `playlist`, `playback` | HLS |
//! | `record`, `status`, `metrics` | what the operator sees |
//! | `run` | ports, tasks, and their end |
//!
//! Whoever sends is a stranger: every body, queue, wait and number of streams has a bound.

mod admit;
mod answer;
mod body;
mod keys;
mod metrics;
mod multipart;
mod playback;
mod playlist;
mod probe;
mod push;
mod record;
mod rtmp;
mod run;
mod status;
mod stream;
mod streams;
mod webhook;

use std::{fmt, io, net::SocketAddr, sync::Mutex, time::Duration};

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use keys::{KeyFileError, KeyRing, new_key};
pub use record::LogSettings;
pub use run::{IngestReport, RunningIngest, start};

use super::{
    stream::{Gateway, GatewayError},
    tools::Tools,
};
use crate::{
    media::ladder::Profile,
    node::{ConnectionLimits, Listen, store::Store},
    process::Fencing,
    secret::WebhookUrl,
    view::ingest::{IngestEvent, StreamTotals},
};

/// What the gateway's ports take at most, and how long they wait.
#[derive(Debug, Clone, Copy)]
pub struct IngestLimits {
    /// The port for pushes and players.
    pub http: ConnectionLimits,
    /// The operator's port.
    pub operator: ConnectionLimits,
    /// Bytes of segments being received and transcoded, all together.
    pub upload_bytes: usize,
    /// How long one segment may take to arrive.
    pub upload_time: Duration,
    /// Bytes of segments and renditions kept for players, all together.
    pub store_bytes: usize,
    /// A pushed stream without a segment for so long ends (`go-livepeer server/mediaserver.go`).
    pub push_idle: Duration,
    /// An RTMP stream without a segment for so long ends.
    pub rtmp_idle: Duration,
    /// How long a stream that ended still plays.
    pub linger: Duration,
    /// How long segments being transcoded may take to finish when the gateway stops.
    pub grace: Duration,
}

impl Default for IngestLimits {
    fn default() -> Self {
        Self {
            http: ConnectionLimits::default(),
            operator: ConnectionLimits {
                connections: 64,
                ..ConnectionLimits::default()
            },
            upload_bytes: 2 << 30,
            upload_time: Duration::from_secs(30),
            store_bytes: 2 << 30,
            push_idle: Duration::from_secs(60),
            rtmp_idle: Duration::from_secs(20),
            linger: Duration::from_secs(60),
            grace: Duration::from_secs(30),
        }
    }
}

/// Publishers over RTMP.
#[derive(Debug)]
pub struct RtmpSettings {
    /// The port; 1935 by custom.
    pub listen: Listen,
    /// What cuts their streams.
    pub tools: Tools,
    /// What ffmpeg is kept from: it reads what strangers send.
    pub fencing: Fencing,
}

/// What a gateway is started with.
#[derive(Debug)]
pub struct IngestConfig {
    /// The port for pushes and players; 9935 by custom.
    pub http: Listen,
    /// Whether strangers may be able to reach the ports without a webhook or keys.
    pub open_to_all: bool,
    /// Publishers over RTMP, if they are taken.
    pub rtmp: Option<RtmpSettings>,
    /// The operator's port on a loopback address; 5935 by custom.
    pub operator: Listen,
    /// What is made of streams about which nothing else is said.
    pub ladder: Vec<Profile>,
    /// Streams at once.
    pub max_streams: u32,
    /// Who decides which streams are taken.
    pub webhook: Option<WebhookUrl>,
    /// Who may send streams.
    pub keys: Option<KeyRing>,
    /// Where segments are recorded.
    pub log: Option<LogSettings>,
    /// Who is told what happens; dropped when nobody keeps up.
    pub events: Option<mpsc::Sender<IngestEvent>>,
    /// Bounds.
    pub limits: IngestLimits,
}

impl IngestConfig {
    /// A gateway on loopback, on ports the system chooses, without RTMP, for ten streams.
    #[must_use]
    pub fn local(ladder: Vec<Profile>) -> Self {
        let any = || Listen::Address(SocketAddr::from(([127, 0, 0, 1], 0)));
        Self {
            http: any(),
            open_to_all: false,
            rtmp: None,
            operator: any(),
            ladder,
            max_streams: 10,
            webhook: None,
            keys: None,
            log: None,
            events: None,
            limits: IngestLimits::default(),
        }
    }
}

/// Why a gateway does not start.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The address cannot be listened on: taken, not ours, or not allowed.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// Anybody could send streams, which the operator pays for.
    #[error("anybody who reaches {address} could send streams")]
    OpenToAll {
        /// The address.
        address: SocketAddr,
    },
    /// The operator's API would be reachable from outside, where nothing protects it.
    #[error("the operator API would listen on {address}, which others can reach")]
    OperatorExposed {
        /// The address.
        address: SocketAddr,
    },
    /// A profile's name cannot be part of addresses, or Go nodes could not serve it.
    #[error(
        "`{0}` cannot be a profile's name: use letters, digits, `_`, `-` and `.`, and no `live` at its end"
    )]
    ProfileName(String),
    /// No stream could ever be taken.
    #[error("a gateway needs room for at least one stream")]
    NoStreams,
    /// The session log cannot be written.
    #[error("the session log {} cannot be written", .path.display())]
    Log {
        /// The file.
        path: std::path::PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The core cannot be made.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    /// The webhook's client cannot be made.
    #[error("the auth webhook cannot be asked: {0}")]
    Webhook(String),
}

/// What all parts of a running gateway share.
struct Shared {
    gateway: Gateway,
    ladder: Vec<Profile>,
    max_streams: u32,
    webhook: Option<webhook::Webhook>,
    keys: Option<KeyRing>,
    store: Store,
    room: body::Room,
    streams: streams::Streams,
    totals: Mutex<StreamTotals>,
    metrics: metrics::Metrics,
    log: record::SegmentLog,
    core_records: record::CoreRecords,
    events: Option<mpsc::Sender<IngestEvent>>,
    limits: IngestLimits,
    started: Timestamp,
    http_addr: SocketAddr,
    rtmp_addr: Option<SocketAddr>,
    /// Segments being worked on.
    running: TaskTracker,
    /// Streams being ended.
    endings: TaskTracker,
    /// Publishers over RTMP stop when this is cancelled.
    intake: CancellationToken,
}

impl Shared {
    fn tell(&self, event: IngestEvent) {
        if let Some(events) = &self.events {
            // Whoever does not keep up misses some; the log and the status tell the rest.
            let _ = events.try_send(event);
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("http_addr", &self.http_addr)
            .finish_non_exhaustive()
    }
}
