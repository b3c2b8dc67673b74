//! Orchestrators for Prometheus, from the chain alone: livepeer-exporter's series without its data source.
//!
//! | module | holds |
//! |---|---|
//! | `reader` | the task that reads the chain at an interval |
//! | `progress` | how far it is with the history |
//! | `keep` | the folder in which history is kept over restarts |
//! | `state` | what is told between one reading and the next |
//! | `figures` | sums over what happened |
//! | `tell` | what is known, as values |
//! | `page` | values as text, exact |
//!
//! A scrape never waits for the chain: it is told what was read last, and how old that is. No key is needed, and nothing
//! is signed.

mod figures;
mod keep;
mod page;
mod progress;
mod reader;
mod state;
mod tell;

use std::{
    convert::Infallible,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use alloy::primitives::Address;
use axum::{
    Router,
    body::{Body, Bytes},
    http::StatusCode,
    middleware,
    response::Response,
    routing::get,
};
use futures_util::stream;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use self::{page::Page, progress::Shown, reader::Reader, state::State};
use crate::{
    chain::{Chain, LedgerError},
    metrics,
    node::{
        ConnectionLimits,
        listener::{self, Routes},
        operator::only_local,
    },
    view::exporter::Exported,
};

/// Orchestrators, and accounts beside them, that one exporter tells of.
pub const MOST_ACCOUNTS: usize = 16;
/// Scrapers at once.
const CONNECTIONS: usize = 64;
/// How long a scraper may take to ask, and to take the answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is told, and how.
#[derive(Debug, Clone)]
pub struct ExporterSettings {
    /// Of whom it tells; at most [`MOST_ACCOUNTS`].
    pub orchestrators: Vec<Address>,
    /// Other accounts of the operators': their stake counts as own with whomever of these it is; at most as many.
    pub secondaries: Vec<Address>,
    /// From one reading of the chain to the next.
    pub interval: Duration,
    /// The first block of the history; none for the protocol's first.
    pub from: Option<u64>,
    /// Newest rewards and redemptions, and largest delegators, that have series of their own.
    pub ids: usize,
    /// Where the history is kept.
    pub folder: PathBuf,
}

/// How it is reached.
#[derive(Debug, Clone, Copy)]
pub struct ExporterPort {
    /// Where it listens; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// Whether others than this machine may scrape it.
    pub allow_remote: bool,
}

/// Why an exporter did not start, or did not read.
#[derive(Debug, thiserror::Error)]
pub enum ExporterError {
    /// Others could scrape it.
    #[error("{0} is no loopback address: everybody who reaches it could scrape it")]
    Exposed(SocketAddr),
    /// The port cannot be had.
    #[error("{address} cannot be listened on: {source}")]
    Listen {
        /// Where it should listen.
        address: SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
    /// The history cannot be kept.
    #[error("{}: {source}", .folder.display())]
    Folder {
        /// Where it should be kept.
        folder: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The chain was not read.
    #[error(transparent)]
    Reading(#[from] LedgerError),
}

/// Tells what was read.
#[derive(Debug, Clone)]
struct Teller {
    chain: Chain,
    state: Arc<Mutex<State>>,
}

impl Teller {
    /// Puts down how the reading and the endpoints do; gives back what was read.
    fn reading(&self, page: &mut Page) -> Bytes {
        tell::rpc(page, &self.chain.endpoints());
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        tell::readings(page, &state);
        state.facts.clone()
    }

    fn answer(&self) -> Response {
        let mut page = Page::default();
        let facts = self.reading(&mut page);
        let parts = [Bytes::from(page.text()), facts].map(Ok::<_, Infallible>);
        metrics::text(Body::from_stream(stream::iter(parts)))
    }
}

/// A running exporter. It ends with [`Exporter::stop`].
#[derive(Debug)]
pub struct Exporter {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    stop: CancellationToken,
    serving: JoinHandle<()>,
    reading: JoinHandle<()>,
}

/// What an exporter has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExporterStatus {
    /// Readings of the chain that worked.
    pub readings: u64,
    /// Readings that did not.
    pub failures: u64,
}

impl Exporter {
    /// Opens the port and begins to read.
    ///
    /// # Errors
    /// [`ExporterError`]: the port or the folder cannot be had, or others could scrape it without having been allowed to.
    pub async fn start(
        chain: Chain,
        settings: ExporterSettings,
        port: ExporterPort,
    ) -> Result<Self, ExporterError> {
        let ExporterPort { listen, allow_remote } = port;
        if !listen.ip().is_loopback() && !allow_remote {
            return Err(ExporterError::Exposed(listen));
        }
        let failed = |source| ExporterError::Listen {
            address: listen,
            source,
        };
        let listener = TcpListener::bind(listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let (teller, reader) = prepare(chain, settings, progress::logged())?;
        let state = Arc::clone(&teller.state);
        let stop = CancellationToken::new();
        let routes = Routes {
            grpc: None,
            http: router(teller, allow_remote),
        };
        let limits = ConnectionLimits {
            connections: CONNECTIONS,
            first_request: PATIENCE,
            write_stall: PATIENCE,
            ..ConnectionLimits::default()
        };
        let serving = listener::serve(listener, None, routes, limits, stop.clone());
        Ok(Self {
            address,
            state,
            serving: tokio::spawn(serving),
            reading: tokio::spawn(reader.run(stop.clone())),
            stop,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it has done so far.
    #[must_use]
    pub fn status(&self) -> ExporterStatus {
        status(&self.state)
    }

    /// Ends reading and serving, and tells what was done.
    pub async fn stop(self) -> ExporterStatus {
        self.stop.cancel();
        for task in [self.reading, self.serving] {
            if let Err(error) = task.await {
                tracing::warn!(%error, "the exporter did not end as it should");
            }
        }
        status(&self.state)
    }
}

/// Reads once: the text for Prometheus, and the same as a list. `shown` is told how many thousandths of the history were
/// read.
///
/// # Errors
/// [`ExporterError`]: the folder cannot be had, or the chain was not read whole.
pub async fn once(
    chain: Chain,
    settings: ExporterSettings,
    shown: impl Fn(u16) + Send + Sync + 'static,
) -> Result<(String, Exported), ExporterError> {
    let (teller, mut reader) = prepare(chain, settings, Box::new(shown))?;
    reader.read().await?;
    let mut page = reader.page();
    teller.reading(&mut page);
    Ok((page.text(), page.list()))
}

fn prepare(
    chain: Chain,
    settings: ExporterSettings,
    shown: Shown,
) -> Result<(Teller, Reader), ExporterError> {
    let teller = Teller {
        chain: chain.clone(),
        state: Arc::default(),
    };
    let folder = settings.folder.clone();
    let reader = Reader::new(chain, settings, Arc::clone(&teller.state), shown)
        .map_err(|source| ExporterError::Folder { folder, source })?;
    Ok((teller, reader))
}

fn status(state: &Mutex<State>) -> ExporterStatus {
    let state = state.lock().unwrap_or_else(PoisonError::into_inner);
    ExporterStatus {
        readings: state.readings,
        failures: state.failures,
    }
}

fn router(teller: Teller, allow_remote: bool) -> Router {
    // axum itself leaves the body of an answer to HEAD away.
    let answer = move || async move { teller.answer() };
    let router = Router::new()
        .route("/metrics", get(answer))
        .fallback(|| async { (StatusCode::NOT_FOUND, "metrics are at /metrics\n") })
        .method_not_allowed_fallback(|| async { (StatusCode::METHOD_NOT_ALLOWED, "metrics go by GET\n") });
    match allow_remote {
        false => router.layer(middleware::from_fn(only_local)),
        true => router,
    }
}
