//! A whole Livepeer protocol on this machine: a real chain with the real contracts and funded accounts.
//!
//! [`Parts`] are fetched from npm once. [`Devnet::up`] starts anvil and puts the protocol on it, from the state of
//! an earlier deployment wherever it can. A [`Devnet`] holds its anvil: dropped, the process is gone.

mod accounts;
mod artifacts;
mod chain;
mod deploy;
mod error;
mod home;
mod packages;
mod parameters;
mod parts;
mod process;
mod state;

use std::{ffi::OsString, fmt, path::Path, path::PathBuf, process::ExitStatus};

pub use accounts::{Role, UnknownRole};
pub use artifacts::ArtifactError;
pub use chain::{Balance, ChainState, DevnetChain};
pub use error::DevnetError;
pub use home::{Held, Home, HomeError, Presence, Running};
pub use packages::{Package, Packages};
pub use parameters::{Contracts, Parameters};
pub use parts::{Parts, PartsConfig, PartsError};
pub use process::CHAIN_ID;
pub use state::{DamagedState, Origin, SavedState};

use self::{
    artifacts::Artifacts,
    process::{Anvil, AnvilCommand, make_parent},
};
use crate::secret::RpcUrl;

/// Told what is going on while it goes on.
pub type Observer<'a> = &'a (dyn Fn(Progress) + Send + Sync);

/// What is going on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// npm is downloading.
    Fetching {
        /// Names and versions.
        packages: String,
    },
    /// Another process is downloading the same.
    WaitingForFetch,
    /// The protocol is put on a new chain.
    Deploying,
    /// A saved chain cannot be used; the devnet starts anew.
    Damaged {
        /// What is wrong with it.
        detail: String,
    },
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fetching { packages } => write!(f, "downloading {packages} from npm (once)"),
            Self::WaitingForFetch => f.write_str("waiting for another lpctl that is downloading the same"),
            Self::Deploying => f.write_str("deploying Livepeer's contracts (once)"),
            Self::Damaged { detail } => {
                write!(f, "the saved devnet is damaged ({detail}); starting anew")
            }
        }
    }
}

/// How a devnet is to run.
#[derive(Debug, Clone)]
pub struct DevnetConfig {
    /// What it is made of.
    pub parts: Parts,
    /// How its protocol is set up.
    pub parameters: Parameters,
    /// Where it listens on 127.0.0.1; 0 for any free port.
    pub port: u16,
    /// Seconds between blocks; none makes a block for every transaction.
    pub block_time: Option<u64>,
    /// lpctl's cache folder: deployed chains are kept there to start from.
    pub cache_dir: PathBuf,
    /// A folder with the chain of an earlier run, to go on from if it holds one.
    pub saved: Option<PathBuf>,
    /// Where anvil's complaints go.
    pub log_file: PathBuf,
    /// Words put before anvil's command line: a program that makes itself die with the calling process and becomes
    /// anvil. Empty for none; then only dropping the [`Devnet`] ends anvil.
    pub launcher: Vec<OsString>,
}

/// Where a devnet's chain came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beginning {
    /// Deployed just now.
    Deployed,
    /// The state of an earlier deployment, nothing else ever happened on it.
    Cached,
    /// The chain of an earlier run.
    Saved,
}

/// A running devnet, held by this process.
#[derive(Debug)]
pub struct Devnet {
    anvil: Anvil,
    chain: DevnetChain,
    origin: Origin,
    beginning: Beginning,
}

impl Devnet {
    /// Starts a devnet: from the chain in `saved` if there is one, else from the cached deployment, else by
    /// deploying. What is damaged is told to the observer, put aside and made anew.
    ///
    /// # Errors
    /// The port is taken, anvil does not run, the parameters make no protocol or are not those of the saved chain.
    pub async fn up(config: DevnetConfig, observer: Observer<'_>) -> Result<Self, DevnetError> {
        let origin = Origin::new(&config.parts, &config.parameters);
        let started = match Self::from_saved(&config, &origin, observer).await? {
            Some(devnet) => devnet,
            None => Self::from_cache(&config, &origin, observer).await?,
        };
        if config.block_time.is_some() {
            started.chain.set_block_time(config.block_time).await?;
        }
        Ok(started)
    }

    async fn from_saved(
        config: &DevnetConfig,
        origin: &Origin,
        observer: Observer<'_>,
    ) -> Result<Option<Self>, DevnetError> {
        let Some(folder) = &config.saved else {
            return Ok(None);
        };
        let detail = match SavedState::load(folder) {
            Ok(None) => return Ok(None),
            Ok(Some(saved)) => {
                if let Some(difference) = saved.origin.difference(origin) {
                    return Err(DevnetError::OtherDevnet { difference });
                }
                match Self::load(config, origin, &saved.file, Beginning::Saved).await {
                    Err(error) if is_of_the_state(&error) => error.to_string(),
                    result => return result.map(Some),
                }
            }
            Err(damage) => damage.to_string(),
        };
        observer(Progress::Damaged { detail });
        SavedState::set_aside(folder)?;
        Ok(None)
    }

    async fn from_cache(
        config: &DevnetConfig,
        origin: &Origin,
        observer: Observer<'_>,
    ) -> Result<Self, DevnetError> {
        let folder = config.cache_dir.join("devnet/states").join(origin.folder());
        match SavedState::load(&folder) {
            Ok(Some(saved)) if saved.origin == *origin => {
                match Self::load(config, origin, &saved.file, Beginning::Cached).await {
                    Err(error) if is_of_the_state(&error) => {
                        tracing::warn!(%error, "the cached deployment cannot be used");
                    }
                    result => return result,
                }
            }
            Ok(_) => {}
            Err(damage) => tracing::warn!(%damage, "the cached deployment is damaged"),
        }
        observer(Progress::Deploying);
        let (anvil, chain) = start(config, None).await?;
        deploy::deploy(
            &chain,
            &Artifacts::new(&config.parts.contracts),
            &config.parameters,
        )
        .await?;
        SavedState::store(&folder, origin, &chain.dump().await?)?;
        Ok(Self {
            anvil,
            chain,
            origin: origin.clone(),
            beginning: Beginning::Deployed,
        })
    }

    async fn load(
        config: &DevnetConfig,
        origin: &Origin,
        state: &Path,
        beginning: Beginning,
    ) -> Result<Self, DevnetError> {
        let (anvil, chain) = start(config, Some(state)).await?;
        chain.verify().await?;
        Ok(Self {
            anvil,
            chain,
            origin: origin.clone(),
            beginning,
        })
    }

    /// The chain, to be driven.
    #[must_use]
    pub fn chain(&self) -> &DevnetChain {
        &self.chain
    }

    /// Where the chain came from.
    #[must_use]
    pub fn beginning(&self) -> Beginning {
        self.beginning
    }

    /// What the chain is made from.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Where the chain listens on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.anvil.port()
    }

    /// anvil's process id.
    #[must_use]
    pub fn anvil_pid(&self) -> u32 {
        self.anvil.pid()
    }

    /// Waits until anvil ends of itself and tells how, with its last words.
    pub async fn ended(&self) -> String {
        let status: ExitStatus = self.anvil.exited().await;
        let complaint = self.anvil.last_words();
        match complaint.is_empty() {
            true => status.to_string(),
            false => format!("{complaint} ({status})"),
        }
    }

    /// Saves the chain into a folder, for a later [`Devnet::up`] to go on from.
    ///
    /// # Errors
    /// anvil does not hand its state out, or the folder cannot be written.
    pub async fn save(&self, folder: &Path) -> Result<(), DevnetError> {
        SavedState::store(folder, &self.origin, &self.chain.dump().await?)
    }

    /// Ends anvil and waits for its end. Nothing is saved.
    pub async fn down(self) {
        self.anvil.stop().await;
    }
}

/// Starts anvil on a new chain or a dumped one.
async fn start(config: &DevnetConfig, state: Option<&Path>) -> Result<(Anvil, DevnetChain), DevnetError> {
    make_parent(&config.log_file)?;
    if config.port != 0 {
        check_free(config.port)?;
    }
    let anvil = Anvil::start(AnvilCommand {
        anvil: &config.parts.anvil,
        launcher: &config.launcher,
        port: config.port,
        state,
        log_file: &config.log_file,
    })
    .await?;
    let url = format!("http://127.0.0.1:{}", anvil.port());
    let rpc_url: RpcUrl = url.parse().map_err(|_| DevnetError::Start {
        detail: format!("it listens at {url}"),
    })?;
    Ok((anvil, DevnetChain::at(rpc_url)?))
}

/// A taken port is told before anything is loaded or deployed; anvil itself tells the rest.
fn check_free(port: u16) -> Result<(), DevnetError> {
    match std::net::TcpListener::bind(("127.0.0.1", port)) {
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => Err(DevnetError::PortTaken { port }),
        _ => Ok(()),
    }
}

/// Whether a start failed for what is in the state, and not for the machine it is started on.
fn is_of_the_state(error: &DevnetError) -> bool {
    matches!(error, DevnetError::Start { .. } | DevnetError::NotADevnet { .. })
}
