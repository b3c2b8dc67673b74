//! `lpctl config show`.

use std::borrow::Cow;

use clap::Args;
use engine::config::{Amount, LogLevel, PaymentsLayer};
use serde::Serialize;

use crate::{
    context::Context,
    settings::{Settings, Source},
    shell::{Report, Style, table},
};

/// Show the settings in force and where each comes from
///
/// RPC URLs are shown without path and query, which often hold an API key.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl config show
  lpctl config show --profile devnet --json")]
pub struct ShowArgs {}

#[derive(Serialize)]
struct Setting {
    key: Cow<'static, str>,
    value: Option<String>,
    source: Source,
}

#[derive(Serialize)]
struct Shown {
    config_file: String,
    profile: Option<String>,
    settings: Vec<Setting>,
}

impl Report for Shown {
    fn text(&self, style: &Style) -> String {
        let mut rows = table();
        for setting in &self.settings {
            let source = match setting.source {
                Source::CommandLine => "command line or variable",
                Source::ConfigFile => "config file",
                Source::BuiltIn => "built in",
            };
            let value = setting.value.as_deref().unwrap_or("not set");
            rows.add_row([&*setting.key, value, &style.dim(source)]);
        }
        let profile = self.profile.as_deref().unwrap_or("none");
        format!(
            "profile {} of {}\n\n{}",
            style.bold(profile),
            self.config_file,
            rows.trim_fmt()
        )
    }
}

fn settings(settings: &Settings) -> Vec<Setting> {
    let (typed, file) = (&settings.from_command_line, &settings.from_config_file);
    let row = |key, value: Option<String>, is_typed: bool, is_in_file: bool| {
        let source = match (is_typed, is_in_file) {
            (true, _) => Source::CommandLine,
            (false, true) => Source::ConfigFile,
            (false, false) => Source::BuiltIn,
        };
        Setting {
            key: Cow::Borrowed(key),
            value,
            source,
        }
    };
    let urls: Vec<String> = settings.rpc_urls.iter().map(ToString::to_string).collect();
    let path = |path: &std::path::PathBuf| path.display().to_string();
    let (pace, in_file) = (settings.cpu.spelled_out(), file.transcode.cpu);
    let told = &settings.orchestrator;
    let mut rows = vec![
        row(
            "network",
            Some(settings.network.clone()),
            typed.network.is_some(),
            file.network.is_some(),
        ),
        row(
            "chain_id",
            settings.chain_id.map(|id| id.to_string()),
            false,
            file.chain_id.is_some(),
        ),
        row(
            "rpc_urls",
            (!urls.is_empty()).then(|| urls.join(", ")),
            typed.rpc_urls.is_some(),
            file.rpc_urls.is_some(),
        ),
        row(
            "controller",
            settings.controller.map(|it| it.to_string()),
            typed.controller.is_some(),
            file.controller.is_some(),
        ),
        row(
            "account",
            settings.account.clone(),
            typed.account.is_some(),
            file.account.is_some(),
        ),
        row(
            "password_file",
            settings.password_file.as_ref().map(path),
            typed.password_file.is_some(),
            file.password_file.is_some(),
        ),
        row(
            "keystore_dir",
            file.keystore_dir.as_ref().map(path),
            false,
            file.keystore_dir.is_some(),
        ),
        row(
            "data_dir",
            file.data_dir.as_ref().map(path),
            false,
            file.data_dir.is_some(),
        ),
        row(
            "node_url",
            Some(settings.node_url.clone()),
            typed.node_url.is_some(),
            file.node_url.is_some(),
        ),
        row(
            "node_token_file",
            settings.node_token_file.as_ref().map(path),
            typed.node_token_file.is_some(),
            file.node_token_file.is_some(),
        ),
        row(
            "node_certificate",
            settings.node_certificate.as_ref().map(path),
            typed.node_certificate.is_some(),
            file.node_certificate.is_some(),
        ),
        row(
            "max_gas_price",
            settings.max_gas_price.map(|it| it.human_gwei()),
            typed.max_gas_price.is_some(),
            file.max_gas_price.is_some(),
        ),
        row(
            "max_sessions",
            Some(settings.max_sessions.to_string()),
            typed.max_sessions.is_some(),
            file.max_sessions.is_some(),
        ),
        row(
            "mode",
            Some(settings.mode.to_string()),
            typed.mode.is_some(),
            file.mode.is_some(),
        ),
        row(
            "orch_addr",
            settings.orch_addr.clone(),
            typed.orch_addr.is_some(),
            file.orch_addr.is_some(),
        ),
        row(
            "service_addr",
            settings.service_addr.clone(),
            typed.service_addr.is_some(),
            file.service_addr.is_some(),
        ),
        row(
            "orch_secret_file",
            settings.orch_secret_file.as_ref().map(path),
            typed.orch_secret_file.is_some(),
            file.orch_secret_file.is_some(),
        ),
        row(
            "log_level",
            Some(settings.log_level.unwrap_or(LogLevel::Info).to_string()),
            false,
            file.log_level.is_some(),
        ),
        row(
            "transcode.cpu.preset",
            Some(pace.preset.unwrap_or("auto").to_string()),
            typed.transcode.cpu.preset.is_some(),
            in_file.preset.is_some(),
        ),
        row(
            "transcode.cpu.slowest",
            Some(pace.slowest.to_string()),
            false,
            in_file.slowest.is_some(),
        ),
        row(
            "transcode.cpu.fastest",
            Some(pace.fastest.to_string()),
            false,
            in_file.fastest.is_some(),
        ),
        row(
            "transcode.cpu.headroom_percent",
            Some(pace.headroom_percent.to_string()),
            false,
            in_file.headroom_percent.is_some(),
        ),
        row(
            "orchestrator.region",
            told.region.as_ref().map(ToString::to_string),
            typed.orchestrator.region.is_some(),
            file.orchestrator.region.is_some(),
        ),
        row(
            "orchestrator.nodes",
            told.nodes.as_ref().map(|nodes| nodes.join(", ")),
            typed.orchestrator.nodes.is_some(),
            file.orchestrator.nodes.is_some(),
        ),
        row(
            "orchestrator.peers",
            told.peers.as_ref().map(|peers| peers.join(", ")),
            typed.orchestrator.peers.is_some(),
            file.orchestrator.peers.is_some(),
        ),
        row(
            "orchestrator.object_store_file",
            told.object_store_file.as_ref().map(path),
            typed.orchestrator.object_store_file.is_some(),
            file.orchestrator.object_store_file.is_some(),
        ),
        row(
            "orchestrator.discovery_webhook",
            told.discovery_webhook.as_ref().map(ToString::to_string),
            typed.orchestrator.discovery_webhook.is_some(),
            file.orchestrator.discovery_webhook.is_some(),
        ),
    ];
    rows.extend(payments(&settings.payments).map(|(key, value, is_set)| {
        let (is_typed, is_in_file) = (is_set(&typed.payments), is_set(&file.payments));
        row(key, value, is_typed, is_in_file)
    }));
    rows.extend(
        reward(settings)
            .into_iter()
            .chain(alerts(settings))
            .chain(operator(settings))
            .chain(gateway(settings))
            .map(|(key, value)| {
                let is_in_file = value.is_some();
                row(key, value, false, is_in_file)
            }),
    );
    rows
}

/// What the config file says of the guardian of rewards. Its flags and variables belong to `reward watch` and `run`.
fn reward(settings: &Settings) -> [(&'static str, Option<String>); 9] {
    fn text(value: Option<&impl ToString>) -> Option<String> {
        value.map(ToString::to_string)
    }
    let reward = &settings.reward;
    [
        ("reward.orchestrator", text(reward.orchestrator.as_ref())),
        (
            "reward.patient_gas_price",
            reward.patient_gas_price.map(|price| price.0.human_gwei()),
        ),
        (
            "reward.min_reward",
            reward.min_reward.map(|least| least.0.human()),
        ),
        (
            "reward.lpt_per_eth",
            reward.lpt_per_eth.map(|price| price.0.human()),
        ),
        (
            "reward.initialize_rounds",
            text(reward.initialize_rounds.as_ref()),
        ),
        (
            "reward.initialize_max_delay",
            text(reward.initialize_max_delay.as_ref()),
        ),
        ("reward.alert_at", text(reward.alert_at.as_ref())),
        ("reward.alert_webhook", text(reward.alert_webhook.as_ref())),
        (
            "reward.alert_program",
            reward
                .alert_program
                .as_ref()
                .map(|path| path.display().to_string()),
        ),
    ]
}

/// What the config file says of alerts and traces.
fn alerts(settings: &Settings) -> Vec<(&'static str, Option<String>)> {
    let path = |path: &std::path::PathBuf| path.display().to_string();
    let alerts = &settings.alerts;
    let rules: Vec<_> = alerts.rules.keys().map(|code| code.as_str()).collect();
    vec![
        ("alerts.webhook", alerts.webhook.as_ref().map(ToString::to_string)),
        (
            "alerts.webhook_header_file",
            alerts.webhook_header_file.as_ref().map(path),
        ),
        ("alerts.program", alerts.program.as_ref().map(path)),
        ("alerts.desktop", alerts.desktop.map(|value| value.to_string())),
        (
            "alerts.repeat_minutes",
            alerts.repeat_minutes.map(|value| value.to_string()),
        ),
        ("alerts.rules", (!rules.is_empty()).then(|| rules.join(", "))),
        (
            "otel.endpoint",
            settings.otel.endpoint.as_ref().map(ToString::to_string),
        ),
    ]
}

/// What the config file says of the operator's API.
fn operator(settings: &Settings) -> [(&'static str, Option<String>); 6] {
    let layer = &settings.operator;
    let path = |path: &Option<std::path::PathBuf>| path.as_ref().map(|path| path.display().to_string());
    let hosts = layer.hosts.as_ref().map(|hosts| {
        let names: Vec<&str> = hosts.iter().map(engine::config::HostName::as_str).collect();
        names.join(", ")
    });
    [
        ("operator.hosts", hosts),
        ("operator.tls", layer.tls.map(|tls| tls.to_string())),
        ("operator.certificate_file", path(&layer.certificate_file)),
        ("operator.key_file", path(&layer.key_file)),
        ("operator.token_file", path(&layer.token_file)),
        ("operator.get_writes", layer.get_writes.map(|get| get.to_string())),
    ]
}

/// What a node is told it was started with: values that are set, or usual, and shown here without what is secret.
pub(crate) fn told(settings: &Settings) -> Vec<engine::view::node::ConfigEntry> {
    let rows = self::settings(settings)
        .into_iter()
        .filter(|row| row.key != "node_url");
    rows.filter_map(|row| {
        let source = match row.source {
            Source::CommandLine => "command_line",
            Source::ConfigFile => "config_file",
            Source::BuiltIn => "built_in",
        };
        Some(engine::view::node::ConfigEntry {
            key: row.key.into_owned(),
            value: row.value?,
            source: source.to_string(),
        })
    })
    .collect()
}

type IsSet = fn(&PaymentsLayer) -> bool;

/// What gateways are asked to pay, and whether a layer says so.
fn payments(asked: &PaymentsLayer) -> impl Iterator<Item = (&'static str, Option<String>, IsSet)> {
    fn text(value: Option<impl ToString>) -> Option<String> {
        value.map(|value| value.to_string())
    }
    let human = |amount: Option<Amount>| amount.map(|Amount(wei)| wei.human());
    let each = asked.price_per_gateway.iter();
    let each: Vec<_> = each
        .map(|(gateway, price)| format!("{gateway}={price}"))
        .collect();
    let rows: [(_, _, IsSet); 7] = [
        ("payments.price", text(asked.price.as_ref()), |layer| {
            layer.price.is_some()
        }),
        (
            "payments.pixels_per_unit",
            Some(asked.pixels_per_unit.unwrap_or_default().get().to_string()),
            |layer| layer.pixels_per_unit.is_some(),
        ),
        (
            "payments.price_per_gateway",
            (!each.is_empty()).then(|| each.join(", ")),
            |layer| !layer.price_per_gateway.is_empty(),
        ),
        ("payments.ticket_ev", human(asked.ticket_ev), |layer| {
            layer.ticket_ev.is_some()
        }),
        ("payments.max_face_value", human(asked.max_face_value), |layer| {
            layer.max_face_value.is_some()
        }),
        (
            "payments.auto_adjust_price",
            text(asked.auto_adjust_price),
            |layer| layer.auto_adjust_price.is_some(),
        ),
        ("payments.price_feed", text(asked.price_feed), |layer| {
            layer.price_feed.is_some()
        }),
    ];
    rows.into_iter()
}

/// What the config file says of a gateway. Its flags and variables belong to `gateway run` alone.
fn gateway(settings: &Settings) -> impl Iterator<Item = (&'static str, Option<String>)> {
    fn text(value: Option<&impl ToString>) -> Option<String> {
        value.map(ToString::to_string)
    }
    let gateway = &settings.gateway;
    let path = |path: &Option<std::path::PathBuf>| path.as_ref().map(|path| path.display().to_string());
    [
        ("gateway.http_addr", text(gateway.http_addr.as_ref())),
        ("gateway.rtmp_addr", text(gateway.rtmp_addr.as_ref())),
        ("gateway.cli_addr", text(gateway.cli_addr.as_ref())),
        ("gateway.http_ingest", text(gateway.http_ingest.as_ref())),
        (
            "gateway.orchestrators",
            gateway.orchestrators.as_ref().map(|all| all.join(", ")),
        ),
        ("gateway.orch_webhook", text(gateway.orch_webhook.as_ref())),
        ("gateway.ladder", gateway.ladder.clone()),
        (
            "gateway.max_sessions",
            gateway.max_sessions.map(|most| most.get().to_string()),
        ),
        ("gateway.auth_webhook", text(gateway.auth_webhook.as_ref())),
        ("gateway.keys_file", path(&gateway.keys_file)),
        ("gateway.log_file", path(&gateway.log_file)),
        ("gateway.verify", text(gateway.verify.as_ref())),
        ("gateway.max_price", text(gateway.max_price.as_ref())),
        (
            "gateway.max_ticket_ev",
            gateway.max_ticket_ev.map(|Amount(wei)| wei.human()),
        ),
        (
            "gateway.max_total_ev",
            gateway.max_total_ev.map(|Amount(wei)| wei.human()),
        ),
        (
            "gateway.deposit_multiplier",
            text(gateway.deposit_multiplier.as_ref()),
        ),
    ]
    .into_iter()
}

/// Shows the settings.
///
/// # Errors
/// When stdout cannot be written.
pub async fn run(ShowArgs {}: ShowArgs, context: &mut Context) -> eyre::Result<()> {
    let nodes = context.settings().inventory.iter().map(|(name, url)| Setting {
        key: Cow::Owned(format!("nodes.{name}")),
        value: Some(url.to_string()),
        source: Source::ConfigFile,
    });
    let shown = Shown {
        config_file: context.directories().config_file.display().to_string(),
        profile: context.settings().profile.clone(),
        settings: settings(context.settings()).into_iter().chain(nodes).collect(),
    };
    Ok(context.shell.report(&shown)?)
}
