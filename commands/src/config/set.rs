//! `lpctl config set`.

use std::ffi::OsStr;

use clap::{
    Args, ValueEnum,
    builder::{EnumValueParser, PossibleValue, TypedValueParser},
};
use engine::config::NodeName;
use serde::Serialize;

use crate::{
    context::Context,
    settings,
    shell::{Report, Style},
};

/// Change one setting of a profile, or of the defaults
///
/// The profile is the one in use, or the one named with --profile, which need not exist yet. Comments and order of the
/// file stay as they are; a value that would not be understood changes nothing.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl config set rpc_urls https://one.example https://two.example
  lpctl config set account cold --defaults
  lpctl config set profile devnet          choose the profile in use
  lpctl config set transcode.cpu.slowest fast
  lpctl config set nodes.eu1 http://127.0.0.1:7935

Keys of the config file, in [defaults] and in each [profiles.NAME]:
  network        arbitrum-one, devnet, offchain, or a name of your own with controller
  chain_id       what the endpoints must answer with, for a network of your own
  rpc_urls       [\"https://…\", …] in order of preference
  controller     address of the protocol's Controller, for a network of your own
  account        name, address or keystore file
  password_file  file whose first line unlocks the account
  keystore_dir   folder of keystore files; go-livepeer's works as it is
  data_dir       where lpctl keeps what it must not lose
  node_url       operator API of a running node
  node_token_file  file of tokens for operator APIs beyond loopback: a token, or lines of a URL and its token
  node_certificate  PEM certificate by which operator APIs are known, like a copy of operator-cert.pem
  max_gas_price  like \"0.1gwei\"
  max_sessions   streams a node serves at once, or auto; `lpctl bench transcode --write-config` measures it
  mode           what `lpctl run` is: combined, orchestrator or transcoder
  orch_addr      where a transcoder finds its orchestrator, like \"orchestrator.example:8935\"
  service_addr   address gateways are told, like \"https://o1.example.org:8935\"
  orch_secret_file  file whose first line orchestrator and transcoders share
  log_level      how much a node logs: error, warn, info, debug or trace
  transcode.cpu.preset            auto (the slowest that keeps up), or ultrafast … placebo
  transcode.cpu.slowest           the slowest preset auto may choose [medium]
  transcode.cpu.fastest           the fastest preset auto may choose [ultrafast]
  transcode.cpu.headroom_percent  part of a segment's playing time to be left over [20]
  orchestrator.region             label for where the node is, like eu-west
  orchestrator.nodes              further addresses of the orchestrator that gateways are told
  orchestrator.peers              nodes to measure the way to
  orchestrator.object_store_file  file whose first line is an object store's URL with its keys
  orchestrator.discovery_webhook  asked whether a gateway is served
  operator.hosts                  names, besides addresses, by which the operator API may be asked; they take a token
  operator.tls                    true: the operator API speaks TLS, with a certificate made here unless there are files
  operator.certificate_file       PEM certificate of the operator API, with what leads to its issuer
  operator.key_file               its PEM key
  operator.token_file             file of the operator API's tokens [operator-tokens.json in lpctl's data folder]
  operator.get_writes             true: scripts on this machine may change things with GET, as with go-livepeer
  reward.orchestrator             whose rewards are called, where the account is its reward caller
  reward.patient_gas_price        what gas may cost at the beginning of a round [a quarter of max_gas_price]
  reward.min_reward               what a reward has to bring, like \"0.5 LPT\"
  reward.lpt_per_eth              what an ETH is worth in LPT: a reward has to bring what its gas costs
  reward.initialize_rounds        true: open rounds that nobody has opened
  reward.initialize_max_delay     seconds others are given to do so at most [30]
  reward.alert_at                 parts of a round at which to alert [25,50,75]
  reward.alert_webhook            gets alerts as JSON
  reward.alert_program            is run for alerts
  alerts.webhook                  gets alerts of a node as JSON
  alerts.webhook_header_file      file whose first line lets them in, like \"Authorization: Bearer TOKEN\"
  alerts.program                  is run for alerts of a node
  alerts.desktop                  true: they are shown on the desktop
  alerts.repeat_minutes           until what lasts is told again; 0 for never [0]
  otel.endpoint                   collector of traces over gRPC, like http://127.0.0.1:4317
  payments.price                  what gateways pay, like 1200 (wei a pixel) or 0.02usd
  payments.pixels_per_unit        pixels that prices are for [1]
  payments.ticket_ev              what each ticket is worth [8gwei]
  payments.max_face_value         the most a winning ticket pays
  payments.auto_adjust_price      true: prices grow by what redeeming costs [true]
  payments.price_feed             contract that tells what ETH costs in a currency
  gateway.http_addr               where segments are pushed to and streams play from [127.0.0.1:9935]
  gateway.rtmp_addr               where RTMP comes in; not at all unless set
  gateway.cli_addr                loopback address of the gateway's own API [127.0.0.1:5935]
  gateway.http_ingest             true: anybody may send streams, also from elsewhere
  gateway.orchestrators           [\"https://…\", …] to send to
  gateway.orch_webhook            where to ask for orchestrators
  gateway.ladder                  renditions to ask for [P240p30fps16x9,P360p30fps16x9]
  gateway.max_sessions            streams at once [10]
  gateway.auth_webhook            who decides which streams are taken
  gateway.keys_file               file of API keys
  gateway.log_file                file with a line for each segment
  gateway.verify                  off, signatures or full [signatures]
  gateway.max_price               most to pay for a pixel, in wei, like 1200 or 1/3; any price unless set
  gateway.max_ticket_ev           most one ticket may be worth [3000gwei]
  gateway.max_total_ev            most all tickets of one segment may be worth [20000gwei]
  gateway.deposit_multiplier      how many winning tickets the deposit must cover [1]
`nodes.NAME` is a node's operator API, in [nodes]; `lpctl node --all` asks them all.
`profile = \"NAME\"` at the top chooses the profile in use.")]
pub struct SetArgs {
    /// What to set
    #[arg(value_parser = SettingParser)]
    pub key: Setting,
    /// Its value; several for rpc_urls and other lists
    #[arg(required = true, value_name = "VALUE")]
    pub values: Vec<String>,
    /// Change the defaults of all profiles
    #[arg(long)]
    pub defaults: bool,
}

/// What can be changed: one of the keys, or a node of the inventory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Setting {
    /// A key of a profile, or of the defaults.
    Key(Key),
    /// Where the node of that name is.
    Node(NodeName),
}

/// Reads `nodes.NAME`, or one of the keys, which are also what is completed.
#[derive(Debug, Clone)]
struct SettingParser;

impl TypedValueParser for SettingParser {
    type Value = Setting;

    fn parse_ref(
        &self,
        command: &clap::Command,
        argument: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<Setting, clap::Error> {
        match value.to_str().and_then(|text| text.strip_prefix("nodes.")) {
            Some(name) => name.parse().map(Setting::Node).map_err(|reason| {
                clap::Error::raw(clap::error::ErrorKind::ValueValidation, format!("{reason}\n"))
                    .with_cmd(command)
            }),
            None => EnumValueParser::<Key>::new()
                .parse_ref(command, argument, value)
                .map(Setting::Key),
        }
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let keys = Key::value_variants().iter();
        Some(Box::new(keys.filter_map(ValueEnum::to_possible_value)))
    }
}

/// Settings that can be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
#[allow(missing_docs, reason = "each is explained by `lpctl config set --help`")]
pub enum Key {
    Profile,
    Network,
    ChainId,
    RpcUrls,
    Controller,
    Account,
    PasswordFile,
    KeystoreDir,
    DataDir,
    NodeUrl,
    NodeTokenFile,
    NodeCertificate,
    MaxGasPrice,
    MaxSessions,
    Mode,
    OrchAddr,
    ServiceAddr,
    OrchSecretFile,
    LogLevel,
    #[value(name = "transcode.cpu.preset")]
    CpuPreset,
    #[value(name = "transcode.cpu.slowest")]
    CpuSlowest,
    #[value(name = "transcode.cpu.fastest")]
    CpuFastest,
    #[value(name = "transcode.cpu.headroom_percent")]
    CpuHeadroom,
    #[value(name = "orchestrator.region")]
    OrchestratorRegion,
    #[value(name = "orchestrator.nodes")]
    OrchestratorNodes,
    #[value(name = "orchestrator.peers")]
    OrchestratorPeers,
    #[value(name = "orchestrator.object_store_file")]
    OrchestratorObjectStoreFile,
    #[value(name = "orchestrator.discovery_webhook")]
    OrchestratorDiscoveryWebhook,
    #[value(name = "operator.hosts")]
    OperatorHosts,
    #[value(name = "operator.tls")]
    OperatorTls,
    #[value(name = "operator.certificate_file")]
    OperatorCertificateFile,
    #[value(name = "operator.key_file")]
    OperatorKeyFile,
    #[value(name = "operator.token_file")]
    OperatorTokenFile,
    #[value(name = "operator.get_writes")]
    OperatorGetWrites,
    #[value(name = "reward.orchestrator")]
    RewardOrchestrator,
    #[value(name = "reward.patient_gas_price")]
    RewardPatientGasPrice,
    #[value(name = "reward.min_reward")]
    RewardMinReward,
    #[value(name = "reward.lpt_per_eth")]
    RewardLptPerEth,
    #[value(name = "reward.initialize_rounds")]
    RewardInitializeRounds,
    #[value(name = "reward.initialize_max_delay")]
    RewardInitializeMaxDelay,
    #[value(name = "reward.alert_at")]
    RewardAlertAt,
    #[value(name = "reward.alert_webhook")]
    RewardAlertWebhook,
    #[value(name = "reward.alert_program")]
    RewardAlertProgram,
    #[value(name = "payments.price")]
    PaymentsPrice,
    #[value(name = "payments.pixels_per_unit")]
    PaymentsPixelsPerUnit,
    #[value(name = "payments.ticket_ev")]
    PaymentsTicketEv,
    #[value(name = "payments.max_face_value")]
    PaymentsMaxFaceValue,
    #[value(name = "payments.auto_adjust_price")]
    PaymentsAutoAdjustPrice,
    #[value(name = "payments.price_feed")]
    PaymentsPriceFeed,
    #[value(name = "gateway.http_addr")]
    GatewayHttpAddr,
    #[value(name = "gateway.rtmp_addr")]
    GatewayRtmpAddr,
    #[value(name = "gateway.cli_addr")]
    GatewayCliAddr,
    #[value(name = "gateway.http_ingest")]
    GatewayHttpIngest,
    #[value(name = "gateway.orchestrators")]
    GatewayOrchestrators,
    #[value(name = "gateway.orch_webhook")]
    GatewayOrchWebhook,
    #[value(name = "gateway.ladder")]
    GatewayLadder,
    #[value(name = "gateway.max_sessions")]
    GatewayMaxSessions,
    #[value(name = "gateway.auth_webhook")]
    GatewayAuthWebhook,
    #[value(name = "gateway.keys_file")]
    GatewayKeysFile,
    #[value(name = "gateway.log_file")]
    GatewayLogFile,
    #[value(name = "gateway.verify")]
    GatewayVerify,
    #[value(name = "gateway.max_price")]
    GatewayMaxPrice,
    #[value(name = "gateway.max_ticket_ev")]
    GatewayMaxTicketEv,
    #[value(name = "gateway.max_total_ev")]
    GatewayMaxTotalEv,
    #[value(name = "gateway.deposit_multiplier")]
    GatewayDepositMultiplier,
}

#[derive(Serialize)]
struct Changed {
    key: String,
    place: String,
    config_file: String,
}

impl Report for Changed {
    fn text(&self, style: &Style) -> String {
        format!(
            "{} {} of {} is set in {}",
            style.good_mark(),
            self.key,
            self.place,
            self.config_file
        )
    }
}

/// Changes the file.
///
/// # Errors
/// A config failure when the file or the value is not understood.
pub async fn run(args: SetArgs, context: &mut Context) -> eyre::Result<()> {
    let path = context.directories().config_file.clone();
    let changing = match args.key {
        Setting::Key(key) => key,
        Setting::Node(name) => {
            let url = args.values.join(" ");
            settings::edit(&path, |document| {
                let nodes = document.entry("nodes").or_insert_with(toml_edit::table);
                if let Some(nodes) = nodes.as_table_like_mut() {
                    nodes.insert(name.as_str(), toml_edit::value(url));
                }
            })?;
            return Ok(context.shell.report(&Changed {
                key: format!("nodes.{name}"),
                place: "the file".to_string(),
                config_file: path.display().to_string(),
            })?);
        }
    };
    let key = changing
        .to_possible_value()
        .map(|value| value.get_name().to_string())
        .unwrap_or_default();
    let profile = context
        .settings()
        .profile
        .clone()
        .filter(|_| !args.defaults && changing != Key::Profile);
    let value: toml_edit::Item = match changing {
        Key::RpcUrls
        | Key::OperatorHosts
        | Key::OrchestratorNodes
        | Key::OrchestratorPeers
        | Key::GatewayOrchestrators => toml_edit::value(args.values.iter().collect::<toml_edit::Array>()),
        Key::OperatorTls
        | Key::OperatorGetWrites
        | Key::GatewayHttpIngest
        | Key::RewardInitializeRounds
        | Key::PaymentsAutoAdjustPrice
        | Key::AlertsDesktop => match args.values.first().and_then(|text| text.parse::<bool>().ok()) {
            Some(value) => toml_edit::value(value),
            None => toml_edit::value(args.values.join(" ")),
        },
        Key::ChainId
        | Key::MaxSessions
        | Key::CpuHeadroom
        | Key::GatewayMaxSessions
        | Key::RewardInitializeMaxDelay
        | Key::AlertsRepeatMinutes
        | Key::GatewayDepositMultiplier
        | Key::PaymentsPixelsPerUnit => match args.values.first().and_then(|text| text.parse::<i64>().ok()) {
            Some(id) => toml_edit::value(id),
            None => toml_edit::value(args.values.join(" ")),
        },
        _ => toml_edit::value(args.values.join(" ")),
    };
    let place = match (&profile, changing) {
        (_, Key::Profile) => "the file".to_string(),
        _ => place(profile.as_deref()),
    };
    settings::edit(&path, |document| {
        if changing == Key::Profile {
            document["profile"] = value;
        } else {
            put(document, profile.as_deref(), &key, value);
        }
    })?;
    Ok(context.shell.report(&Changed {
        key,
        place,
        config_file: path.display().to_string(),
    })?)
}

/// What a profile, or none, is called.
pub(crate) fn place(profile: Option<&str>) -> String {
    profile.map_or_else(
        || "the defaults".to_string(),
        |profile| format!("profile {profile}"),
    )
}

/// Sets a key of a profile, or of the defaults; points lead into its sections.
pub(crate) fn put(
    document: &mut toml_edit::DocumentMut,
    profile: Option<&str>,
    key: &str,
    value: toml_edit::Item,
) {
    let table = match profile {
        Some(profile) => {
            let profiles = document.entry("profiles").or_insert_with(implicit_table);
            profiles
                .as_table_like_mut()
                .map(|profiles| profiles.entry(profile).or_insert_with(toml_edit::table))
        }
        None => Some(document.entry("defaults").or_insert_with(toml_edit::table)),
    };
    let mut sections: Vec<&str> = key.split('.').collect();
    let Some(last) = sections.pop() else { return };
    let mut table = table;
    for (depth, section) in sections.iter().enumerate() {
        let new = match depth + 1 < sections.len() {
            true => implicit_table(),
            false => toml_edit::table(),
        };
        table = table
            .and_then(toml_edit::Item::as_table_like_mut)
            .map(|table| table.entry(section).or_insert_with(|| new));
    }
    if let Some(table) = table.and_then(toml_edit::Item::as_table_like_mut) {
        table.insert(last, value);
    }
}

fn implicit_table() -> toml_edit::Item {
    let mut table = toml_edit::Table::new();
    table.set_implicit(true);
    toml_edit::Item::Table(table)
}
