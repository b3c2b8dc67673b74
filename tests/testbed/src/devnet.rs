//! A real Livepeer protocol for a test: anvil with the real contracts, gone with the test.

use std::{ffi::OsString, path::PathBuf};

use alloy::{primitives::Address, providers::DynProvider, signers::local::PrivateKeySigner};
use engine::devnet::{
    CHAIN_ID, Contracts, Devnet as EngineDevnet, DevnetChain, DevnetConfig, Parameters, Parts, PartsConfig,
    Role,
};
use tempfile::TempDir;

/// A running devnet. Dropping it, also in a failing test, ends its anvil.
#[derive(Debug)]
pub struct Devnet {
    /// Where its JSON-RPC is, like `http://127.0.0.1:40123`.
    pub rpc_url: String,
    /// The Controller.
    pub controller: Address,
    /// All contracts.
    pub contracts: Contracts,
    /// 31337.
    pub chain_id: u64,
    /// The funded accounts.
    pub accounts: Accounts,
    engine: EngineDevnet,
    folder: TempDir,
}

/// The accounts of a devnet, by role; each has 10 000 ETH and LPT.
#[derive(Debug, Clone)]
pub struct Accounts {
    /// Owns the contracts.
    pub deployer: PrivateKeySigner,
    /// Neither bonded nor registered yet.
    pub orchestrator: PrivateKeySigner,
    /// Another orchestrator, the same.
    pub second_orchestrator: PrivateKeySigner,
    /// Not bonded yet.
    pub delegator: PrivateKeySigner,
    /// Has no deposit yet.
    pub gateway: PrivateKeySigner,
    /// Has the most LPT.
    pub treasury: PrivateKeySigner,
}

impl Accounts {
    fn known() -> Self {
        Self {
            deployer: Role::Deployer.signer(),
            orchestrator: Role::Orchestrator.signer(),
            second_orchestrator: Role::SecondOrchestrator.signer(),
            delegator: Role::Delegator.signer(),
            gateway: Role::Gateway.signer(),
            treasury: Role::Treasury.signer(),
        }
    }
}

/// The folder tests share what is slow to get in: `LPCTL_TEST_CACHE_DIR`, or `testbed` in cargo's target folder.
#[must_use]
pub fn cache_dir() -> PathBuf {
    match std::env::var_os("LPCTL_TEST_CACHE_DIR") {
        Some(folder) => PathBuf::from(folder),
        None => std::env::current_exe()
            .expect("a test knows where it is")
            .ancestors()
            .find(|folder| folder.join("CACHEDIR.TAG").is_file())
            .expect("a test is in cargo's target folder")
            .join("testbed"),
    }
}

/// The cache folder of the installed lpctl, where `make setup` puts the parts.
#[must_use]
pub fn installed_cache_dir() -> Option<PathBuf> {
    let named = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    named("LPCTL_CACHE_DIR")
        .or_else(|| Some(named("XDG_CACHE_HOME")?.join("lpctl")))
        .or_else(|| Some(named("HOME")?.join(".cache/lpctl")))
}

/// The parts of a devnet: those `make setup` fetched, else fetched from npm by whichever test needs them first.
///
/// # Panics
/// They cannot be fetched: the message says what to install.
pub async fn devnet_parts() -> Parts {
    if let Some(installed) = installed_cache_dir()
        && let Ok(Some(parts)) = Parts::locate(&PartsConfig::pinned(installed)).await
    {
        return parts;
    }
    let config = PartsConfig::pinned(cache_dir());
    match Parts::fetch(&config, &|_| {}).await {
        Ok(parts) => parts,
        Err(error) => panic!(
            "no devnet for this test: {error}\n\
             `make setup` fetches what is missing; it needs npm (Debian: `apt install npm`) and its registry"
        ),
    }
}

/// How a test's devnet is started, for tests that want it otherwise. `folder` is the test's own.
pub async fn devnet_config(folder: &std::path::Path) -> DevnetConfig {
    DevnetConfig {
        parts: devnet_parts().await,
        parameters: Parameters::brief(),
        port: 0,
        block_time: None,
        cache_dir: cache_dir(),
        saved: None,
        log_file: folder.join("anvil.log"),
        launcher: dies_with_parent(),
    }
}

/// Rounds of 20 blocks, the first one open, nobody bonded.
///
/// # Panics
/// There is no devnet; the message says why.
pub async fn devnet() -> Devnet {
    devnet_with(Parameters::brief()).await
}

/// A devnet with parameters of the test's own.
///
/// # Panics
/// There is no devnet; the message says why.
pub async fn devnet_with(parameters: Parameters) -> Devnet {
    crate::install_tls();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let config = DevnetConfig {
        parameters,
        ..devnet_config(folder.path()).await
    };
    let engine = match EngineDevnet::up(config, &|_| {}).await {
        Ok(engine) => engine,
        Err(error) => panic!("no devnet for this test: {error}"),
    };
    let contracts = Contracts::standard();
    Devnet {
        rpc_url: engine.chain().rpc_url().expose().to_string(),
        controller: contracts.controller,
        contracts,
        chain_id: CHAIN_ID,
        accounts: Accounts::known(),
        engine,
        folder,
    }
}

/// util-linux's own way to tie a program to its parent: a test run that is killed leaves no anvil either.
fn dies_with_parent() -> Vec<OsString> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|folder| folder.join("setpriv"))
        .find(|candidate| candidate.is_file())
        .map(|setpriv| vec![setpriv.into(), "--pdeathsig".into(), "KILL".into(), "--".into()])
        .unwrap_or_default()
}

impl Devnet {
    /// The chain, with everything a devnet's operator can do to it.
    #[must_use]
    pub fn chain(&self) -> &DevnetChain {
        self.engine.chain()
    }

    /// A connection for reads and anvil's own methods; it fills nothing in and signs nothing.
    #[must_use]
    pub fn provider(&self) -> &DynProvider {
        self.chain().provider()
    }

    /// A folder that goes with the devnet.
    #[must_use]
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// The signer of a role.
    #[must_use]
    pub fn signer(&self, role: Role) -> PrivateKeySigner {
        role.signer()
    }

    /// anvil's process id.
    #[must_use]
    pub fn anvil_pid(&self) -> u32 {
        self.engine.anvil_pid()
    }

    /// Mines blocks.
    ///
    /// # Panics
    /// The chain does not answer.
    pub async fn mine(&self, blocks: u64) {
        self.chain().mine(blocks).await.expect("mined blocks");
    }

    /// Mines to the end of the round and opens the next; gives back its number.
    ///
    /// # Panics
    /// The chain does not answer.
    pub async fn next_round(&self) -> u64 {
        self.chain().next_round().await.expect("a new round").0
    }

    /// Mines to the next round and leaves it unopened; gives back its number.
    ///
    /// # Panics
    /// The chain does not answer.
    pub async fn enter_next_round(&self) -> u64 {
        self.chain().enter_next_round().await.expect("a new round").0
    }

    /// Moves the clock forward.
    ///
    /// # Panics
    /// The chain does not answer.
    pub async fn increase_time(&self, seconds: u64) {
        self.chain().increase_time(seconds).await.expect("a moved clock");
    }
}
