//! A redeemer as a process: its own books, its own account, one port.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use alloy::{primitives::Address, signers::local::PrivateKeySigner};
use tokio::{sync::watch, task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;

use super::service::{
    QueueLimits, RedeemerServer, RedeemerServerError, RedeemerServerParts, RedeemerServerSettings,
};
use crate::{
    chain::{Chain, GasPolicy, Outbox, WatchSettings, Watcher},
    node::{DataDirLock, NodeError},
    payments::{
        Books, BooksError,
        redeem::{RedeemParts, RedeemSettings, RedeemState, Redeemer, gas::GasUse},
    },
    secret::OrchestratorSecret,
};

/// How long what runs gets to end.
const GRACE: Duration = Duration::from_secs(10);

/// How a redeemer runs.
#[derive(Debug)]
pub struct RedeemerConfig {
    /// Where orchestrators reach it.
    pub bind: SocketAddr,
    /// Whether it speaks TLS; orchestrators expect it.
    pub tls: bool,
    /// Whose tickets it redeems.
    pub recipient: Address,
    /// What orchestrators have to know; none: whoever reaches the port may leave tickets.
    pub secret: Option<OrchestratorSecret>,
    /// Its bounds.
    pub limits: QueueLimits,
    /// Its own files; one process at a time.
    pub data_dir: PathBuf,
    /// Where the account's transactions are written down, the same for every process that uses it.
    pub state_dir: PathBuf,
    /// What gas may cost.
    pub gas: GasPolicy,
    /// Whether to open rounds when what waits is worth it.
    pub open_rounds: bool,
    /// How often the chain is read.
    pub interval: Duration,
}

/// Why a redeemer does not start.
#[derive(Debug, thiserror::Error)]
pub enum RedeemerError {
    /// Its files: another process has them, or they cannot be made.
    #[error(transparent)]
    Files(#[from] NodeError),
    /// Its books.
    #[error(transparent)]
    Books(#[from] BooksError),
    /// The folder in which the account's transactions are written down.
    #[error("the folder {} cannot be used: {source}", path.display())]
    StateDir {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Its port.
    #[error(transparent)]
    Server(#[from] RedeemerServerError),
}

/// A running redeemer.
pub struct RunningRedeemer {
    address: SocketAddr,
    redeemer: Redeemer,
    server: JoinHandle<()>,
    task: JoinHandle<()>,
    stop: CancellationToken,
    /// The files are its own as long as this is open.
    _held: DataDirLock,
}

impl RunningRedeemer {
    /// Takes its files, opens its books and its port, and redeems what waits. `account` pays the gas.
    ///
    /// # Errors
    /// See [`RedeemerError`].
    pub async fn start(
        config: RedeemerConfig,
        chain: Chain,
        account: PrivateKeySigner,
    ) -> Result<Self, RedeemerError> {
        let held = DataDirLock::take(&config.data_dir)?;
        let path = Books::path(&config.data_dir);
        let books = tokio::task::spawn_blocking(move || Books::open(&path))
            .await
            .map_err(|_| BooksError::Closed)??;
        let stop = CancellationToken::new();
        let outbox = Outbox::open(chain.clone(), account, &config.state_dir, config.gas);
        let outbox = outbox.map_err(|source| RedeemerError::StateDir {
            path: config.state_dir.clone(),
            source,
        })?;
        let settings = WatchSettings {
            recipient: Some(config.recipient),
            interval: config.interval,
            ..WatchSettings::default()
        };
        let watcher = Watcher::start(chain.clone(), settings, stop.clone());
        let parts = RedeemParts {
            books: books.clone(),
            chain: chain.clone(),
            outbox,
            clock: watcher.clock(),
            senders: watcher.senders(),
        };
        let settings = RedeemSettings {
            open_rounds: config.open_rounds,
            gas: GasUse::of_chain(chain.chain_id()),
            ..RedeemSettings::new(config.recipient)
        };
        let (redeemer, task) = Redeemer::start(parts, settings, stop.clone());
        let parts = RedeemerServerParts {
            books,
            redeemer: redeemer.clone(),
            senders: watcher.senders(),
            clock: watcher.clock(),
        };
        let settings = RedeemerServerSettings {
            bind: config.bind,
            tls: config.tls,
            recipient: config.recipient,
            secret: config.secret,
            limits: config.limits,
        };
        let served = RedeemerServer::start(parts, settings, &config.data_dir, stop.clone()).await;
        let server = match served {
            Ok(server) => server,
            Err(error) => {
                stop.cancel();
                return Err(error.into());
            }
        };
        Ok(Self {
            address: server.address,
            redeemer,
            server: server.task,
            task,
            stop,
            _held: held,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What waits and why.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<RedeemState> {
        self.redeemer.state()
    }

    /// Resolves when a part of it has ended by itself; it should be stopped then.
    pub async fn ended(&mut self) -> &'static str {
        tokio::select! {
            _ = &mut self.server => "its port was closed",
            _ = &mut self.task => "its books were closed",
        }
    }

    /// Stops it. What was sent is followed up at the next start.
    pub async fn stop(self) -> RedeemState {
        self.stop.cancel();
        let (server, task) = (self.server, self.task);
        let all = async {
            // What has ended already is as good.
            if !server.is_finished() {
                let _ = server.await;
            }
            if !task.is_finished() {
                let _ = task.await;
            }
        };
        if timeout(GRACE, all).await.is_err() {
            tracing::warn!("the redeemer did not stop in time");
        }
        self.redeemer.state().borrow().clone()
    }
}
