//! Settings as layers: what a flag, a variable, a profile and the file's defaults say, merged in that order.
//!
//! Finding and reading files is the command line's work; this module is given their text.

use std::{collections::BTreeMap, path::PathBuf};

use alloy::primitives::Address;
use serde::{Deserialize, Serialize};

use crate::{
    media::pace::{PaceError, PaceSettings, automatic_presets, preset_named},
    operator::NodeUrl,
    secret::{RpcUrl, WebhookUrl},
    units::Wei,
    view::node::NodeMode,
};

mod alerts;
mod gateway;
mod operator;
mod payments;
mod reward;

pub use alerts::{AlertsLayer, OtelLayer, RuleCode, RuleLayer};
pub use gateway::{Amount, GatewayLayer, VerifyChoice};
pub use operator::{HostName, OperatorLayer};
pub use payments::{PaymentsLayer, Pixels};
pub use reward::{AlertParts, LptAmount, RewardLayer};

/// The network a command talks to when nothing else is said.
pub const DEFAULT_NETWORK: &str = "arbitrum-one";

/// One source of settings; what it does not say is none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Layer {
    /// Network name: `arbitrum-one`, `devnet`, `offchain`, or any name with a `controller`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// Chain id the endpoints must answer with, for a network lpctl does not know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chain_id: Option<u64>,
    /// JSON-RPC endpoints, tried in this order. Shown without path and query.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rpc_urls: Option<Vec<RpcUrl>>,
    /// Address of the protocol's Controller contract.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub controller: Option<Address>,
    /// Account to act for: a name, an address or a keystore file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// File whose first line unlocks the account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_file: Option<PathBuf>,
    /// Folder of keystore files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keystore_dir: Option<PathBuf>,
    /// Where lpctl keeps what it must not lose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_dir: Option<PathBuf>,
    /// Operator API of a running node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_url: Option<String>,
    /// File of tokens for operator APIs beyond loopback.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_token_file: Option<PathBuf>,
    /// The certificate, PEM, by which operator APIs are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_certificate: Option<PathBuf>,
    /// Do not send while gas costs more than this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_gas_price: Option<GasPrice>,
    /// Streams a node serves at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_sessions: Option<SessionsChoice>,
    /// What a node does: serve gateways, transcode, or both.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<NodeMode>,
    /// Where a transcoder finds its orchestrator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub orch_addr: Option<String>,
    /// Address gateways are told to use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_addr: Option<String>,
    /// File whose first line orchestrator and transcoders share.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub orch_secret_file: Option<PathBuf>,
    /// How much a node logs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_level: Option<LogLevel>,
    /// How a gateway runs.
    #[serde(skip_serializing_if = "GatewayLayer::is_empty")]
    pub gateway: GatewayLayer,
    /// How segments are transcoded.
    #[serde(skip_serializing_if = "TranscodeLayer::is_empty")]
    pub transcode: TranscodeLayer,
    /// What an orchestrator tells of itself, and whom it asks.
    #[serde(skip_serializing_if = "OrchestratorLayer::is_empty")]
    pub orchestrator: OrchestratorLayer,
    /// What an orchestrator asks gateways to pay.
    #[serde(skip_serializing_if = "PaymentsLayer::is_empty")]
    pub payments: PaymentsLayer,
    /// How the guardian of rewards works.
    #[serde(skip_serializing_if = "RewardLayer::is_empty")]
    pub reward: RewardLayer,
    /// Who is told of what needs attention.
    #[serde(skip_serializing_if = "AlertsLayer::is_empty")]
    pub alerts: AlertsLayer,
    /// Where traces of segments go.
    #[serde(skip_serializing_if = "OtelLayer::is_empty")]
    pub otel: OtelLayer,
    /// Who may use a node's operator API, and how.
    #[serde(skip_serializing_if = "OperatorLayer::is_empty")]
    pub operator: OperatorLayer,
}

/// The `orchestrator` section of a layer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OrchestratorLayer {
    /// Label for where the node is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
    /// Further addresses of the orchestrator that gateways are told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nodes: Option<Vec<String>>,
    /// Nodes to measure the way to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peers: Option<Vec<String>>,
    /// File whose first line is the URL, with keys, of an object store for sources and renditions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object_store_file: Option<PathBuf>,
    /// Asked before a gateway is offered anything. Shown without path and query.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discovery_webhook: Option<WebhookUrl>,
}

impl OrchestratorLayer {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn over(self, below: Self) -> Self {
        Self {
            region: self.region.or(below.region),
            nodes: self.nodes.or(below.nodes),
            peers: self.peers.or(below.peers),
            object_store_file: self.object_store_file.or(below.object_store_file),
            discovery_webhook: self.discovery_webhook.or(below.discovery_webhook),
        }
    }
}

/// A label for where a node is, like `eu-west`: 1 to 32 letters, digits, `-`, `_` and `.`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Region(String);

impl std::str::FromStr for Region {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match is_label(text) {
            true => Ok(Self(text.to_string())),
            false => Err(format!(
                "`{}` is no region; write up to 32 letters, digits, `-`, `_` and `.`, like `eu-west`",
                text.chars().take(40).collect::<String>().escape_debug()
            )),
        }
    }
}

impl TryFrom<String> for Region {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Region> for String {
    fn from(region: Region) -> Self {
        region.0
    }
}

impl std::fmt::Display for Region {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

/// 1 to 32 letters, digits, `-`, `_` and `.`.
fn is_label(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=32).contains(&text.len()) && text.bytes().all(fits)
}

/// What the operator calls a node, like `eu1`: 1 to 32 letters, digits, `-`, `_` and `.`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NodeName(String);

impl NodeName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for NodeName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match is_label(text) {
            true => Ok(Self(text.to_string())),
            false => Err(format!(
                "`{}` is no name for a node; write up to 32 letters, digits, `-`, `_` and `.`, like `eu1`",
                text.chars().take(40).collect::<String>().escape_debug()
            )),
        }
    }
}

impl TryFrom<String> for NodeName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<NodeName> for String {
    fn from(name: NodeName) -> Self {
        name.0
    }
}

impl std::fmt::Display for NodeName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

/// The `transcode` section of a layer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TranscodeLayer {
    /// How hard the CPU tries.
    pub cpu: CpuLayer,
}

impl TranscodeLayer {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The `transcode.cpu` section of a layer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CpuLayer {
    /// Encoder preset, or `auto`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preset: Option<PresetChoice>,
    /// The slowest preset that `auto` may choose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slowest: Option<AutomaticPreset>,
    /// The fastest preset that `auto` may choose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fastest: Option<AutomaticPreset>,
    /// Part of a segment's playing time that shall be left over when it is encoded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub headroom_percent: Option<Headroom>,
}

impl CpuLayer {
    fn over(self, below: Self) -> Self {
        Self {
            preset: self.preset.or(below.preset),
            slowest: self.slowest.or(below.slowest),
            fastest: self.fastest.or(below.fastest),
            headroom_percent: self.headroom_percent.or(below.headroom_percent),
        }
    }

    /// What it says, and the usual where it says nothing; whether that fits together is not asked.
    #[must_use]
    pub fn spelled_out(&self) -> PaceSettings {
        let usual = PaceSettings::default();
        PaceSettings {
            preset: self.preset.unwrap_or_default().0,
            slowest: self.slowest.map_or(usual.slowest, |preset| preset.0),
            fastest: self.fastest.map_or(usual.fastest, |preset| preset.0),
            headroom_percent: self
                .headroom_percent
                .map_or(usual.headroom_percent, |headroom| headroom.0),
        }
    }

    /// The same, if it fits together.
    ///
    /// # Errors
    /// [`PaceError::Crossed`].
    pub fn pace(&self) -> Result<PaceSettings, PaceError> {
        let pace = self.spelled_out();
        pace.check().map(|()| pace)
    }
}

/// An encoder preset, or `auto`: chosen by load.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(into = "&'static str")]
pub struct PresetChoice(pub Option<&'static str>);

impl PresetChoice {
    /// All names there are.
    pub fn names() -> impl Iterator<Item = &'static str> {
        std::iter::once(AUTO).chain(crate::media::transcode::PRESETS)
    }
}

/// What stands for a preset chosen by load.
const AUTO: &str = "auto";

impl From<PresetChoice> for &'static str {
    fn from(choice: PresetChoice) -> Self {
        choice.0.unwrap_or(AUTO)
    }
}

impl std::str::FromStr for PresetChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match preset_named(text) {
            _ if text == AUTO => Ok(Self(None)),
            Some(preset) => Ok(Self(Some(preset))),
            None => Err(unknown(text, Self::names())),
        }
    }
}

impl<'de> Deserialize<'de> for PresetChoice {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// An encoder preset that `auto` can choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(into = "&'static str")]
pub struct AutomaticPreset(pub &'static str);

impl From<AutomaticPreset> for &'static str {
    fn from(preset: AutomaticPreset) -> Self {
        preset.0
    }
}

impl<'de> Deserialize<'de> for AutomaticPreset {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let known = automatic_presets().find(|preset| *preset == text);
        known
            .map(Self)
            .ok_or_else(|| serde::de::Error::custom(unknown(&text, automatic_presets())))
    }
}

fn unknown(text: &str, known: impl Iterator<Item = &'static str>) -> String {
    let known: Vec<_> = known.collect();
    format!("`{}` is none of {}", text.escape_debug(), known.join(", "))
}

/// A part of the playing time in percent, at most 90.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "u32")]
pub struct Headroom(u32);

impl From<Headroom> for u32 {
    fn from(headroom: Headroom) -> Self {
        headroom.0
    }
}

impl TryFrom<i64> for Headroom {
    type Error = String;

    fn try_from(percent: i64) -> Result<Self, Self::Error> {
        match u32::try_from(percent) {
            Ok(percent @ 0..=PaceSettings::MOST_HEADROOM) => Ok(Self(percent)),
            _ => Err(format!(
                "{percent} is not a head-room from 0 to {} percent",
                PaceSettings::MOST_HEADROOM
            )),
        }
    }
}

/// A gas price in a config file: text with a unit, like `0.1gwei`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GasPrice(pub Wei);

impl Serialize for GasPrice {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{}wei", self.0.0))
    }
}

impl<'de> Deserialize<'de> for GasPrice {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(serde::de::Error::custom)
    }
}

/// How many streams a node serves at once: 1 to 10000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "u32")]
pub struct SessionLimit(u32);

impl SessionLimit {
    /// The largest.
    pub const MOST: u32 = 10_000;

    /// The number.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0
    }
}

/// Ten, as long as nobody has measured what the machine carries.
impl Default for SessionLimit {
    fn default() -> Self {
        Self(10)
    }
}

/// A number of sessions no node takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not a number of sessions from 1 to {most}", most = SessionLimit::MOST)]
pub struct SessionLimitError(i64);

impl TryFrom<i64> for SessionLimit {
    type Error = SessionLimitError;

    fn try_from(sessions: i64) -> Result<Self, SessionLimitError> {
        match u32::try_from(sessions) {
            Ok(limit @ 1..=Self::MOST) => Ok(Self(limit)),
            _ => Err(SessionLimitError(sessions)),
        }
    }
}

impl From<SessionLimit> for u32 {
    fn from(limit: SessionLimit) -> Self {
        limit.0
    }
}

impl std::str::FromStr for SessionLimit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a number of sessions from 1 to {}", Self::MOST);
        text.parse::<i64>()
            .ok()
            .and_then(|sessions| sessions.try_into().ok())
            .ok_or_else(wrong)
    }
}

/// How many streams at once: a number, or `auto`, as many as those who do the work can carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "NumberOrText", into = "NumberOrText")]
pub enum SessionsChoice {
    /// As many as the transcoders offer, or as stay ahead of real time.
    Auto,
    /// At most so many.
    Most(SessionLimit),
}

impl SessionsChoice {
    /// The bound it stands for: for `auto` the largest there is, since what decides is measured.
    #[must_use]
    pub fn most(self) -> u32 {
        match self {
            Self::Auto => SessionLimit::MOST,
            Self::Most(limit) => limit.get(),
        }
    }
}

impl Default for SessionsChoice {
    fn default() -> Self {
        Self::Most(SessionLimit::default())
    }
}

impl std::fmt::Display for SessionsChoice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Auto => f.write_str(AUTO),
            Self::Most(limit) => write!(f, "{}", limit.get()),
        }
    }
}

impl std::str::FromStr for SessionsChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            AUTO => Ok(Self::Auto),
            text => text
                .parse()
                .map(Self::Most)
                .map_err(|error| format!("{error}, nor `auto`")),
        }
    }
}

/// A number or a text, as files write them.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum NumberOrText {
    Number(i64),
    Text(String),
}

impl TryFrom<NumberOrText> for SessionsChoice {
    type Error = String;

    fn try_from(value: NumberOrText) -> Result<Self, String> {
        match value {
            NumberOrText::Number(number) => SessionLimit::try_from(number)
                .map(Self::Most)
                .map_err(|error| error.to_string()),
            NumberOrText::Text(text) if text == AUTO => Ok(Self::Auto),
            NumberOrText::Text(text) => Err(format!(
                "`{}` is neither a number of sessions nor `auto`",
                text.escape_debug()
            )),
        }
    }
}

impl From<SessionsChoice> for NumberOrText {
    fn from(choice: SessionsChoice) -> Self {
        match choice {
            SessionsChoice::Auto => Self::Text(AUTO.to_string()),
            SessionsChoice::Most(limit) => Self::Number(i64::from(limit.get())),
        }
    }
}

/// How much a node logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// What failed.
    Error,
    /// What deserves attention.
    Warn,
    /// What happens.
    Info,
    /// Why it happens.
    Debug,
    /// Everything.
    Trace,
}

impl LogLevel {
    /// All of them, from the least to the most.
    pub const ALL: [Self; 5] = [Self::Error, Self::Warn, Self::Info, Self::Debug, Self::Trace];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }

    /// What go-livepeer calls it: 3 is its usual level, 4 to 6 are for looking closer (`go-livepeer common/util.go`).
    #[must_use]
    pub fn go_number(self) -> u8 {
        match self {
            Self::Error => 0,
            Self::Warn => 1,
            Self::Info => 3,
            Self::Debug => 5,
            Self::Trace => 6,
        }
    }

    /// The level nearest to go-livepeer's, from 0 to 6.
    #[must_use]
    pub fn from_go(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Error),
            1 | 2 => Some(Self::Warn),
            3 => Some(Self::Info),
            4 | 5 => Some(Self::Debug),
            6 => Some(Self::Trace),
            _ => None,
        }
    }
}

impl std::fmt::Display for LogLevel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

impl std::str::FromStr for LogLevel {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|level| level.name() == text);
        known.ok_or_else(|| unknown(text, Self::ALL.into_iter().map(Self::name)))
    }
}

impl Layer {
    /// This layer, with what it does not say taken from `below`.
    #[must_use]
    pub fn over(self, below: Self) -> Self {
        Self {
            network: self.network.or(below.network),
            chain_id: self.chain_id.or(below.chain_id),
            rpc_urls: self.rpc_urls.or(below.rpc_urls),
            controller: self.controller.or(below.controller),
            account: self.account.or(below.account),
            password_file: self.password_file.or(below.password_file),
            keystore_dir: self.keystore_dir.or(below.keystore_dir),
            data_dir: self.data_dir.or(below.data_dir),
            node_url: self.node_url.or(below.node_url),
            node_token_file: self.node_token_file.or(below.node_token_file),
            node_certificate: self.node_certificate.or(below.node_certificate),
            max_gas_price: self.max_gas_price.or(below.max_gas_price),
            max_sessions: self.max_sessions.or(below.max_sessions),
            mode: self.mode.or(below.mode),
            orch_addr: self.orch_addr.or(below.orch_addr),
            service_addr: self.service_addr.or(below.service_addr),
            orch_secret_file: self.orch_secret_file.or(below.orch_secret_file),
            log_level: self.log_level.or(below.log_level),
            gateway: self.gateway.over(below.gateway),
            transcode: TranscodeLayer {
                cpu: self.transcode.cpu.over(below.transcode.cpu),
            },
            orchestrator: self.orchestrator.over(below.orchestrator),
            payments: self.payments.over(below.payments),
            reward: self.reward.over(below.reward),
            alerts: self.alerts.over(below.alerts),
            otel: OtelLayer {
                endpoint: self.otel.endpoint.or(below.otel.endpoint),
            },
            operator: self.operator.over(below.operator),
        }
    }
}

/// The config file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConfigFile {
    /// Profile in use when none is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Nodes by name: where their operator APIs are. Shown without path and password.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub nodes: BTreeMap<NodeName, NodeUrl>,
    /// What holds for every profile that does not say otherwise.
    pub defaults: Layer,
    /// Named sets of settings.
    pub profiles: BTreeMap<String, Layer>,
}

/// What is wrong with a config file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Not TOML, or a key or value that is not understood. Shows the line, except where it could hold a secret.
    #[error("line {line}, column {column}: {reason}")]
    Syntax {
        /// Line it was found at, from 1.
        line: usize,
        /// Character of that line, from 1.
        column: usize,
        /// What was not understood.
        reason: String,
    },
    /// A profile that the file does not have.
    #[error("there is no profile `{name}`; the config has {known}")]
    UnknownProfile {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: String,
    },
}

impl ConfigFile {
    /// Reads the file's text.
    ///
    /// # Errors
    /// [`ConfigError::Syntax`] with the line; the text itself is not repeated, it may hold an RPC key.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        toml::from_str(text).map_err(|error| {
            let offset = error.span().map_or(0, |span| span.start);
            let before = text.get(..offset).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
            ConfigError::Syntax {
                line,
                column,
                reason: error.message().to_string(),
            }
        })
    }

    /// The file's settings for a profile: the named one, else the file's own choice, else the defaults alone.
    ///
    /// # Errors
    /// [`ConfigError::UnknownProfile`].
    pub fn layer(&self, named: Option<&str>) -> Result<(Option<String>, Layer), ConfigError> {
        let Some(name) = named.or(self.profile.as_deref()) else {
            return Ok((None, self.defaults.clone()));
        };
        let profile = self.profiles.get(name).ok_or_else(|| {
            let known: Vec<String> = self.profiles.keys().map(|known| format!("`{known}`")).collect();
            let known = if known.is_empty() {
                "none".to_string()
            } else {
                known.join(", ")
            };
            ConfigError::UnknownProfile {
                name: name.to_string(),
                known,
            }
        })?;
        Ok((
            Some(name.to_string()),
            profile.clone().over(self.defaults.clone()),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"
        profile = "main"
        [defaults]
        account = "cold"
        max_gas_price = "0.1gwei"
        max_sessions = 4
        [profiles.main]
        network = "arbitrum-one"
        rpc_urls = ["https://one.example/KEY", "https://two.example/KEY"]
        [profiles.devnet]
        account = "orchestrator"
    "#;

    #[test]
    fn a_profile_stands_over_the_defaults() {
        let file = ConfigFile::parse(FILE).unwrap();
        let (name, main) = file.layer(None).unwrap();
        assert_eq!(name.as_deref(), Some("main"));
        assert_eq!(main.account.as_deref(), Some("cold"));
        let (_, devnet) = file.layer(Some("devnet")).unwrap();
        assert_eq!(devnet.account.as_deref(), Some("orchestrator"));
        assert_eq!(devnet.max_gas_price, Some(GasPrice("0.1gwei".parse().unwrap())));
        assert_eq!(devnet.network, None);
        assert_eq!(devnet.max_sessions.map(SessionsChoice::most), Some(4));
    }

    #[test]
    fn a_region_is_a_label() {
        for good in ["eu-west", "FRA", "us_east.1"] {
            assert_eq!(good.parse::<Region>().unwrap().to_string(), good);
        }
        for bad in ["", "a b", "\u{1b}[2J", &"x".repeat(33)] {
            assert!(bad.parse::<Region>().is_err(), "{bad:?}");
        }
        let text = "[defaults.orchestrator]\nregion = \"eu\"\nnodes = [\"a\"]\n[profiles.p.orchestrator]\nregion = \"us\"\n";
        let (_, layer) = ConfigFile::parse(text).unwrap().layer(Some("p")).unwrap();
        assert_eq!(layer.orchestrator.region.unwrap().to_string(), "us");
        assert_eq!(layer.orchestrator.nodes.unwrap(), ["a"]);
        assert!(ConfigFile::parse("[defaults.orchestrator]\nregion = \"a b\"\n").is_err());
    }

    #[test]
    fn nodes_have_names() {
        let file = ConfigFile::parse("[nodes]\neu1 = \"http://127.0.0.1:7935\"\n").unwrap();
        let (name, url) = file.nodes.first_key_value().unwrap();
        assert_eq!(
            (name.as_str(), url.to_string().as_str()),
            ("eu1", "http://127.0.0.1:7935")
        );
        for wrong in ["\"a b\" = \"http://x\"", "a = \"x:7935\"", "a = \"ftp://x\""] {
            let error = ConfigFile::parse(&format!("[nodes]\n{wrong}\n")).unwrap_err();
            assert!(matches!(error, ConfigError::Syntax { line: 2, .. }), "{error}");
        }
    }

    #[test]
    fn mistakes_name_their_line_and_no_secret() {
        let error =
            ConfigFile::parse("profile = \"x\"\n[defaults]\nrpc_urls = [\"ftp://KEY\"]\n").unwrap_err();
        assert!(matches!(error, ConfigError::Syntax { line: 3, .. }), "{error}");
        assert!(!error.to_string().contains("KEY"));
        for bad in ["0", "-1", "10001", "99999999999"] {
            let error = ConfigFile::parse(&format!("[defaults]\nmax_sessions = {bad}\n")).unwrap_err();
            assert!(error.to_string().contains(bad), "{error}");
        }
        let error = ConfigFile::parse("[defaults]\nnetwrk = 1\n").unwrap_err();
        assert!(error.to_string().contains("netwrk"), "{error}");
        assert!(error.to_string().starts_with("line 2, column 1: "), "{error}");
        let error = ConfigFile::parse("[defaults]\nnetwork = 7\n").unwrap_err();
        assert!(error.to_string().starts_with("line 2, column 11: "), "{error}");
        let error = ConfigFile::parse(FILE).unwrap().layer(Some("test")).unwrap_err();
        assert!(error.to_string().contains("`devnet`, `main`"), "{error}");
    }

    #[test]
    fn how_hard_the_cpu_tries_has_layers_too() {
        let file = ConfigFile::parse(
            "[defaults.transcode.cpu]\npreset = \"fast\"\nheadroom_percent = 35\n\
             [profiles.a.transcode.cpu]\npreset = \"auto\"\nslowest = \"faster\"\n[profiles.b]\n",
        )
        .unwrap();
        let pace = |name| file.layer(Some(name)).unwrap().1.transcode.cpu.pace().unwrap();
        let usual = PaceSettings::default();
        assert_eq!(
            pace("a"),
            PaceSettings {
                slowest: "faster",
                headroom_percent: 35,
                ..usual
            }
        );
        assert_eq!(
            pace("b"),
            PaceSettings {
                preset: Some("fast"),
                headroom_percent: 35,
                ..usual
            }
        );
        let crossed =
            ConfigFile::parse("[defaults.transcode.cpu]\nslowest = \"ultrafast\"\nfastest = \"fast\"\n");
        let crossed = crossed.unwrap().defaults.transcode.cpu.pace().unwrap_err();
        assert!(matches!(crossed, PaceError::Crossed { .. }));
        for (mistake, said) in [
            ("preset = \"warp\"", "`warp` is none of auto, ultrafast"),
            ("slowest = \"placebo\"", "`placebo` is none of ultrafast"),
            ("headroom_percent = 91", "91 is not a head-room"),
            ("speed = 1", "unknown field `speed`"),
        ] {
            let error = ConfigFile::parse(&format!("[defaults.transcode.cpu]\n{mistake}\n")).unwrap_err();
            assert!(error.to_string().starts_with("line 2, column "), "{error}");
            assert!(error.to_string().contains(said), "{error}");
        }
        let text = toml::to_string(&file).unwrap();
        assert_eq!(ConfigFile::parse(&text).unwrap(), file);
        assert!(
            !toml::to_string(&ConfigFile::default())
                .unwrap()
                .contains("transcode")
        );
    }
}
