//! Where lpctl's files are, and what flags, variables and the config file together say.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use alloy::primitives::Address;
use engine::{
    config::{
        AlertsLayer, Amount, ConfigError, ConfigFile, CpuLayer, DEFAULT_NETWORK, GasPrice, GatewayLayer,
        Layer, LogLevel, NodeName, OperatorLayer, OrchestratorLayer, OtelLayer, PaymentsLayer, RewardLayer,
        SessionsChoice, TranscodeLayer,
    },
    media::ladder::Ladder,
    operator::{Access, AccessFileError, NodeUrl},
    private_file,
    remote::OrchestratorAddress,
    secret::RpcUrl,
    units::Wei,
    view::node::NodeMode,
    wire::client::parse_node_address,
};

use crate::{
    cli::GlobalArgs,
    failure::{Failure, Kind},
};

/// The operator API a node offers when nothing else is said.
pub const DEFAULT_NODE_URL: &str = "http://127.0.0.1:7935";

/// A config file larger than this is not one.
const MAX_CONFIG_BYTES: u64 = 1 << 20;

/// The places of lpctl's files.
#[derive(Debug, Clone)]
pub struct Directories {
    /// The config file.
    pub config_file: PathBuf,
    /// What must not be lost: keystores, the node's data.
    pub data_dir: PathBuf,
    /// What can be made again.
    pub cache_dir: PathBuf,
    /// What helps after a crash: the journal of transactions, logs.
    pub state_dir: PathBuf,
    /// Keystore files.
    pub keystore_dir: PathBuf,
}

impl Directories {
    /// The XDG places of this user. `LPCTL_DATA_DIR` and `LPCTL_CACHE_DIR` move two of them.
    ///
    /// # Errors
    /// A config failure when there is no home directory.
    pub fn find() -> Result<Self, Failure> {
        let project = directories::ProjectDirs::from("", "", "lpctl").ok_or_else(|| {
            Failure::new(
                Kind::Config,
                "no_home",
                "cannot tell where your files belong: there is no home directory",
            )
            .hint("set HOME, or pass `--config PATH` and set LPCTL_DATA_DIR and LPCTL_CACHE_DIR")
        })?;
        let from_variable = |name: &str| {
            std::env::var_os(name)
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
        };
        let data_dir = from_variable("LPCTL_DATA_DIR").unwrap_or_else(|| project.data_dir().to_path_buf());
        Ok(Self {
            config_file: project.config_dir().join("config.toml"),
            keystore_dir: data_dir.join("keystore"),
            state_dir: project
                .state_dir()
                .map_or_else(|| data_dir.join("state"), Path::to_path_buf),
            cache_dir: from_variable("LPCTL_CACHE_DIR").unwrap_or_else(|| project.cache_dir().to_path_buf()),
            data_dir,
        })
    }
}

/// Where the value of a setting came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A flag or its variable.
    CommandLine,
    /// The profile or the defaults of the config file.
    ConfigFile,
    /// What lpctl does when nobody says anything.
    BuiltIn,
}

/// Everything a command needs to know, resolved once.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Profile in use, if any.
    pub profile: Option<String>,
    /// Network name.
    pub network: String,
    /// Chain id the endpoints must answer with, where the network does not settle it.
    pub chain_id: Option<u64>,
    /// Endpoints, in order of preference.
    pub rpc_urls: Vec<RpcUrl>,
    /// The Controller contract, where the network does not settle it.
    pub controller: Option<Address>,
    /// Account to act for: a name, an address or a file.
    pub account: Option<String>,
    /// File whose first line unlocks the account.
    pub password_file: Option<PathBuf>,
    /// Operator API of the node.
    pub node_url: String,
    /// File of tokens for operator APIs beyond loopback.
    pub node_token_file: Option<PathBuf>,
    /// The certificate by which operator APIs are known.
    pub node_certificate: Option<PathBuf>,
    /// Who may use the operator API of a node that is run here.
    pub operator: OperatorLayer,
    /// Nodes named on the command line: each its name, if it is one of the inventory, and its URL.
    pub named_nodes: Vec<(Option<String>, String)>,
    /// The config's nodes.
    pub inventory: BTreeMap<NodeName, NodeUrl>,
    /// Ceiling for the gas price.
    pub max_gas_price: Option<Wei>,
    /// Streams a node serves at once, unless the command says otherwise.
    pub max_sessions: SessionsChoice,
    /// What a node does, unless the command says otherwise.
    pub mode: NodeMode,
    /// Where a transcoder finds its orchestrator, unless the command says otherwise.
    pub orch_addr: Option<String>,
    /// Address gateways are told to use, unless the command says otherwise.
    pub service_addr: Option<String>,
    /// File whose first line orchestrator and transcoders share, unless the command says otherwise.
    pub orch_secret_file: Option<PathBuf>,
    /// How much a node logs, unless the command says otherwise.
    pub log_level: Option<LogLevel>,
    /// How a gateway runs, unless the command says otherwise.
    pub gateway: GatewayLayer,
    /// How hard the CPU tries when a node transcodes, unless the command says otherwise.
    pub cpu: CpuLayer,
    /// What an orchestrator tells of itself, unless the command says otherwise.
    pub orchestrator: OrchestratorLayer,
    /// What gateways are asked to pay, unless the command says otherwise.
    pub payments: PaymentsLayer,
    /// How the guardian of rewards works, unless the command says otherwise.
    pub reward: RewardLayer,
    /// Who is told of what needs attention.
    pub alerts: AlertsLayer,
    /// Where traces of segments go, unless a variable says otherwise.
    pub otel: OtelLayer,
    /// Answer every question with yes.
    pub yes: bool,
    /// Stop before signing.
    pub dry_run: bool,
    /// What the command line and its variables said.
    pub from_command_line: Layer,
    /// What the config file said for this profile.
    pub from_config_file: Layer,
}

impl Settings {
    /// Merges what was typed with what the config file says.
    ///
    /// # Errors
    /// A config failure for an unknown profile, a usage failure for an RPC URL that is none.
    pub fn resolve(globals: &GlobalArgs, file: &ConfigFile) -> Result<Self, Failure> {
        let (profile, from_config_file) = file.layer(globals.profile.as_deref()).map_err(|error| {
            Failure::new(Kind::Config, "unknown_profile", error.to_string())
                .hint("`lpctl config show` lists the profiles; `lpctl devnet up` makes one called `devnet`")
        })?;
        let named_nodes: Vec<(Option<String>, String)> = globals
            .node
            .iter()
            .map(
                |text| match file.nodes.iter().find(|(name, _)| name.as_str() == text) {
                    Some((name, url)) => (Some(name.to_string()), url.expose().to_string()),
                    None => (None, text.clone()),
                },
            )
            .collect();
        let mut from_command_line = command_line_layer(globals)?;
        from_command_line.node_url = named_nodes.first().map(|(_, url)| url.clone());
        let merged = from_command_line
            .clone()
            .over(fitting(&from_command_line, &from_config_file));
        Ok(Self {
            profile,
            network: merged.network.unwrap_or_else(|| DEFAULT_NETWORK.to_string()),
            chain_id: merged.chain_id,
            rpc_urls: merged.rpc_urls.unwrap_or_default(),
            controller: merged.controller,
            account: merged.account,
            password_file: merged.password_file,
            node_url: merged.node_url.unwrap_or_else(|| DEFAULT_NODE_URL.to_string()),
            node_token_file: merged.node_token_file,
            node_certificate: merged.node_certificate,
            operator: merged.operator,
            max_gas_price: merged.max_gas_price.map(|GasPrice(wei)| wei),
            max_sessions: merged.max_sessions.unwrap_or_default(),
            mode: merged.mode.unwrap_or_default(),
            orch_addr: merged.orch_addr,
            service_addr: merged.service_addr,
            orch_secret_file: merged.orch_secret_file,
            log_level: merged.log_level,
            gateway: merged.gateway,
            cpu: merged.transcode.cpu,
            orchestrator: merged.orchestrator,
            payments: merged.payments,
            reward: merged.reward,
            alerts: merged.alerts,
            otel: merged.otel,
            named_nodes,
            inventory: file.nodes.clone(),
            yes: globals.yes,
            dry_run: globals.dry_run,
            from_command_line,
            from_config_file,
        })
    }

    /// A node's address, with what it takes to get in there.
    ///
    /// # Errors
    /// A usage failure for what is no address, a config failure for a token or certificate that cannot be used.
    pub fn reach(&self, url: &str) -> Result<NodeUrl, Failure> {
        let url: NodeUrl = url.parse()?;
        let failed = |code, error: AccessFileError| {
            Failure::new(Kind::Config, code, error.to_string()).hint(match code {
                "node_token" => {
                    "`node_token_file` (LPCTL_NODE_TOKEN_FILE) names a file with mode 600 that holds a token, or lines of a URL and its token"
                }
                _ => "`node_certificate` (LPCTL_NODE_CERTIFICATE) names a PEM file: operator-cert.pem of the node's folder",
            })
        };
        let mut access = Access::default();
        if let Some(path) = &self.node_token_file {
            let read = access.with_token_file(path, url.expose());
            access = read.map_err(|error| failed("node_token", error))?;
        }
        if let Some(path) = &self.node_certificate {
            let read = access.with_certificate_file(path);
            access = read.map_err(|error| failed("node_certificate", error))?;
        }
        Ok(url.with_access(access))
    }

    /// Moves the directories to where the settings want them.
    #[must_use]
    pub fn place(&self, mut directories: Directories) -> Directories {
        let merged = self.from_command_line.clone().over(self.from_config_file.clone());
        if let Some(data_dir) = merged.data_dir {
            directories.keystore_dir = data_dir.join("keystore");
            directories.data_dir = data_dir;
        }
        if let Some(keystore_dir) = merged.keystore_dir {
            directories.keystore_dir = keystore_dir;
        }
        directories
    }
}

/// The file's layer without what belongs to another network than the one named on the command line: a chain must never
/// be spoken to under another chain's name.
fn fitting(typed: &Layer, file: &Layer) -> Layer {
    let mut file = file.clone();
    if typed.network.is_some() && typed.network != file.network {
        file.chain_id = None;
        file.controller = None;
        file.rpc_urls = None;
    }
    file
}

fn command_line_layer(globals: &GlobalArgs) -> Result<Layer, Failure> {
    let rpc_urls = globals
        .rpc_urls
        .iter()
        .map(|text| text.parse::<RpcUrl>())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| {
            Failure::new(Kind::Usage, "bad_rpc_url", error.to_string())
                .hint("check `--rpc-url` and LPCTL_RPC_URL")
        })?;
    Ok(Layer {
        network: globals.network.clone(),
        chain_id: None,
        rpc_urls: (!rpc_urls.is_empty()).then_some(rpc_urls),
        controller: globals.controller,
        account: globals.account.clone(),
        password_file: globals.password_file.clone(),
        keystore_dir: None,
        data_dir: None,
        // Names are looked up in the config file first.
        node_url: None,
        node_token_file: path_variable("LPCTL_NODE_TOKEN_FILE"),
        node_certificate: path_variable("LPCTL_NODE_CERTIFICATE"),
        max_gas_price: globals.max_gas_price.map(GasPrice),
        // A flag of `run` alone; its variable is shown with the others. What it cannot read, `run` refuses.
        max_sessions: std::env::var("LPCTL_MAX_SESSIONS")
            .ok()
            .and_then(|text| text.parse().ok()),
        mode: std::env::var("LPCTL_MODE")
            .ok()
            .and_then(|text| mode_named(&text)),
        orch_addr: std::env::var("LPCTL_ORCH_ADDR").ok(),
        service_addr: std::env::var("LPCTL_SERVICE_ADDR").ok(),
        orch_secret_file: std::env::var_os("LPCTL_ORCH_SECRET_FILE").map(PathBuf::from),
        log_level: None,
        // Flags of `gateway run` alone.
        gateway: GatewayLayer::default(),
        transcode: TranscodeLayer {
            cpu: CpuLayer {
                preset: std::env::var("LPCTL_PRESET")
                    .ok()
                    .and_then(|text| text.parse().ok()),
                ..CpuLayer::default()
            },
        },
        orchestrator: orchestrator_variables(),
        payments: payments_variables(),
        // Flags of `reward watch` and `run` alone.
        reward: RewardLayer::default(),
        // The config file's alone; the variables of OpenTelemetry are not lpctl's.
        alerts: AlertsLayer::default(),
        otel: OtelLayer::default(),
        operator: OperatorLayer::default(),
    })
}

fn path_variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}

/// Flags of `run` alone, like the number of sessions.
fn orchestrator_variables() -> OrchestratorLayer {
    let variable = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
    let list = |name: &str| {
        let text = variable(name)?;
        Some(text.split(',').map(str::to_string).collect())
    };
    OrchestratorLayer {
        region: variable("LPCTL_REGION").and_then(|text| text.parse().ok()),
        nodes: list("LPCTL_NODES"),
        peers: list("LPCTL_PEERS"),
        object_store_file: variable("LPCTL_OBJECT_STORE_FILE").map(PathBuf::from),
        discovery_webhook: variable("LPCTL_DISCOVERY_WEBHOOK").and_then(|text| text.parse().ok()),
    }
}

/// Flags of `run` alone, like the number of sessions.
fn payments_variables() -> PaymentsLayer {
    fn read<T: std::str::FromStr>(name: &str) -> Option<T> {
        std::env::var(name).ok().and_then(|text| text.parse().ok())
    }
    PaymentsLayer {
        price: read("LPCTL_PRICE"),
        pixels_per_unit: read("LPCTL_PIXELS_PER_UNIT"),
        price_per_gateway: BTreeMap::new(),
        ticket_ev: read("LPCTL_TICKET_EV").map(Amount),
        max_face_value: read("LPCTL_MAX_FACE_VALUE").map(Amount),
        auto_adjust_price: read("LPCTL_AUTO_ADJUST_PRICE"),
        price_feed: read("LPCTL_PRICE_FEED"),
    }
}

/// What kind of node a word names.
fn mode_named(word: &str) -> Option<NodeMode> {
    let modes = [NodeMode::Combined, NodeMode::Orchestrator, NodeMode::Transcoder];
    modes.into_iter().find(|mode| mode.to_string() == word)
}

/// Reads a config file; one that does not exist is empty.
///
/// # Errors
/// A config failure that names the file and the line.
pub fn read_config_file(path: &Path) -> Result<ConfigFile, Failure> {
    ConfigFile::parse(&read_config_text(path)?).map_err(|error| {
        let message = error.to_string();
        let failure = |message: &str| {
            let message = format!("{}: {message}", path.display());
            Failure::new(Kind::Config, "bad_config", message)
        };
        match meant(&message) {
            Some((said, names)) => failure(&said).hint(format!("did you mean {names}?")),
            None => {
                failure(&message).hint("mend that line; the keys are listed by `lpctl config set --help`")
            }
        }
    })
}

/// What an unknown key or word in a config file may have been meant to be: what is said without the names that are
/// known, and the nearest of them.
fn meant(message: &str) -> Option<(String, String)> {
    let (said, known) = message
        .split_once(", expected one of ")
        .or_else(|| message.split_once(", expected "))?;
    let (_, typed) = said.split_once('`')?;
    let (typed, _) = typed.split_once('`')?;
    let known = known.split('`').skip(1).step_by(2);
    let names = crate::explain::nearest(typed, known);
    (!names.is_empty()).then(|| (said.to_string(), crate::explain::listed(&names)))
}

/// The text of a config file; empty when there is none.
///
/// # Errors
/// A config failure that names the file.
pub fn read_config_text(path: &Path) -> Result<String, Failure> {
    let unreadable = |error: std::io::Error| {
        Failure::new(
            Kind::Config,
            "unreadable_config",
            format!("{}: {error}", path.display()),
        )
        .hint("name another file with `--config PATH`, or make this one readable")
    };
    match fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(String::new()),
        Err(error) => return Err(unreadable(error)),
        Ok(metadata) if metadata.len() > MAX_CONFIG_BYTES => {
            return Err(Failure::new(
                Kind::Config,
                "bad_config",
                format!("{}: larger than 1 MiB", path.display()),
            ));
        }
        Ok(_) => {}
    }
    fs::read_to_string(path).map_err(unreadable)
}

/// Whether what the file says can be followed, in each of its profiles: that every value is understood does not mean
/// that they fit together.
///
/// # Errors
/// What does not fit, and where.
pub fn check_fit(file: &ConfigFile) -> Result<(), String> {
    let defaults = ("the defaults".to_string(), file.defaults.clone());
    let profiles = file.profiles.iter().map(|(name, layer)| {
        let name = format!("profile {}", name.escape_debug());
        (name, layer.clone().over(file.defaults.clone()))
    });
    for (place, layer) in std::iter::once(defaults).chain(profiles) {
        let pace = layer.transcode.cpu.pace();
        pace.map_err(|error| format!("{place}: transcode.cpu: {error}"))?;
        let orchestrator = layer.orch_addr.map(|text| text.parse::<OrchestratorAddress>());
        if let Some(Err(error)) = orchestrator {
            return Err(format!("{place}: orch_addr: {error}"));
        }
        let ladder = layer.gateway.ladder.as_deref().map(Ladder::parse);
        if let Some(Err(error)) = ladder {
            return Err(format!("{place}: gateway.ladder: {error}"));
        }
        for address in layer.gateway.orchestrators.iter().flatten() {
            parse_node_address(address)
                .map_err(|error| format!("{place}: gateway.orchestrators: {error}"))?;
        }
    }
    Ok(())
}

/// Changes the config file in place: keeps comments and order, checks the result, replaces the file at once.
///
/// # Errors
/// A config failure when the file cannot be read or written, or would no longer be understood.
pub fn edit(path: &Path, change: impl FnOnce(&mut toml_edit::DocumentMut)) -> Result<(), Failure> {
    let failed = |what: String| {
        Failure::new(
            Kind::Config,
            "config_not_written",
            format!("{}: {what}", path.display()),
        )
    };
    let unwritable = |error: std::io::Error| {
        failed(error.to_string())
            .hint("make room there and let your account write, or name another file with `--config`")
    };
    let mut document: toml_edit::DocumentMut = read_config_text(path)?.parse().map_err(|_| {
        failed("not valid TOML, so it was left alone".to_string()).hint("`lpctl config check` shows the line")
    })?;
    change(&mut document);
    let text = document.to_string();
    let hint = "the keys and what they take are listed by `lpctl config set --help`";
    let changed = ConfigFile::parse(&text).map_err(|error| match error {
        // The line is one of a file that was never written: naming it would only confuse.
        ConfigError::Syntax { reason, .. } => failed(format!("not changed, {reason}")).hint(hint),
        other => failed(other.to_string()),
    })?;
    check_fit(&changed).map_err(|reason| failed(format!("not changed, {reason}")).hint(hint))?;
    // A config file kept elsewhere and linked to stays linked to.
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let folder = target.parent().unwrap_or(Path::new("."));
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(unwritable)?;
    // RPC URLs hold keys: the file is the owner's alone from its first byte.
    private_file::replace(&target, text).map_err(unwritable)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> ConfigFile {
        ConfigFile::parse(
            "profile = \"a\"\n[defaults]\naccount = \"from-defaults\"\nnode_url = \"http://127.0.0.1:1\"\n\
             [profiles.a]\naccount = \"from-profile\"\nnetwork = \"devnet\"\n[profiles.b]\n",
        )
        .unwrap()
    }

    #[test]
    fn a_flag_stands_over_the_profile_over_the_defaults_over_the_built_in() {
        let flags = GlobalArgs {
            account: Some("from-flag".into()),
            ..GlobalArgs::default()
        };
        assert_eq!(
            Settings::resolve(&flags, &file()).unwrap().account.as_deref(),
            Some("from-flag")
        );
        let none = GlobalArgs::default();
        let settings = Settings::resolve(&none, &file()).unwrap();
        assert_eq!(settings.account.as_deref(), Some("from-profile"));
        assert_eq!(settings.network, "devnet");
        assert_eq!(settings.node_url, "http://127.0.0.1:1");
        let named = GlobalArgs {
            profile: Some("b".into()),
            ..GlobalArgs::default()
        };
        let settings = Settings::resolve(&named, &file()).unwrap();
        assert_eq!(settings.account.as_deref(), Some("from-defaults"));
        assert_eq!(settings.network, DEFAULT_NETWORK);
    }

    #[test]
    fn another_network_takes_nothing_of_the_profiles_chain() {
        let file = ConfigFile::parse(
            "profile = \"a\"\n[profiles.a]\nnetwork = \"devnet\"\nchain_id = 31337\nrpc_urls = [\"http://127.0.0.1:1\"]\n\
             controller = \"0x5FbDB2315678afecb367f032d93F642f64180aa3\"\naccount = \"mine\"\n",
        )
        .unwrap();
        let flags = GlobalArgs {
            network: Some("arbitrum-one".into()),
            ..GlobalArgs::default()
        };
        let settings = Settings::resolve(&flags, &file).unwrap();
        assert_eq!(
            (settings.chain_id, settings.controller, settings.rpc_urls.len()),
            (None, None, 0)
        );
        assert_eq!(settings.account.as_deref(), Some("mine"));
        let same = GlobalArgs {
            network: Some("devnet".into()),
            ..GlobalArgs::default()
        };
        assert_eq!(Settings::resolve(&same, &file).unwrap().chain_id, Some(31337));
    }

    #[test]
    fn a_bad_rpc_url_is_a_usage_failure_that_does_not_repeat_it() {
        let flags = GlobalArgs {
            rpc_urls: vec!["SECRETKEY".into()],
            ..GlobalArgs::default()
        };
        let failure = Settings::resolve(&flags, &file()).unwrap_err();
        assert_eq!(failure.kind, Kind::Usage);
        assert!(!failure.message.contains("SECRETKEY"));
    }

    #[test]
    fn editing_keeps_comments_and_refuses_what_would_not_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        fs::write(&path, "# mine\nprofile = \"a\"\n[profiles.a]\n").unwrap();
        edit(&path, |document| {
            document["profiles"]["a"]["account"] = toml_edit::value("cold")
        })
        .unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert!(
            text.starts_with("# mine\n") && text.contains("account = \"cold\""),
            "{text}"
        );
        let failure = edit(&path, |document| {
            document["profiles"]["a"]["acount"] = toml_edit::value("x")
        })
        .unwrap_err();
        assert_eq!(failure.kind, Kind::Config);
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }

    #[test]
    fn editing_refuses_what_does_not_fit_together() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        let text = "[defaults.transcode.cpu]\nfastest = \"fast\"\n[profiles.a]\n";
        fs::write(&path, text).unwrap();
        let failure = edit(&path, |document| {
            document["profiles"]["a"]["transcode"]["cpu"]["slowest"] = toml_edit::value("ultrafast");
        })
        .unwrap_err();
        assert!(
            failure
                .message
                .contains("profile a: transcode.cpu: the slowest preset"),
            "{}",
            failure.message
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }

    #[test]
    fn a_linked_config_file_stays_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real.toml"), folder.path().join("config.toml"));
        fs::write(&real, "").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        edit(&link, |document| document["profile"] = toml_edit::value("a")).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert!(fs::read_to_string(&real).unwrap().contains("profile = \"a\""));
    }
}
