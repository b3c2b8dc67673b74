//! The config file as it will be, and the answer.

use std::fmt::Write as _;

use alloy::primitives::Address;
use engine::view::{node::NodeMode, rpc::RpcTest};
use serde::Serialize;
use toml_edit::{Item, value};

use super::{
    Role,
    key::folder,
    reach::{self, Found},
    steps::Answers,
};
use crate::{
    config::set::{place, put},
    context::Context,
    settings,
    shell::{Report, Style},
};

/// What was written, and what comes next.
#[derive(Serialize)]
struct Written {
    config_file: String,
    /// False for a dry run.
    written: bool,
    profile: Option<String>,
    role: Option<Role>,
    network: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoints: Option<RpcTest>,
    account: Option<WrittenAccount>,
    price: Option<String>,
    service_uri: Option<String>,
    service_uri_found: Option<Found>,
    /// The command that does the same without asking.
    command: String,
    next: Vec<String>,
}

#[derive(Serialize)]
struct WrittenAccount {
    account: String,
    address: Option<Address>,
    /// `there`, `made` or `imported`.
    origin: &'static str,
    keystore_dir: String,
}

/// The keys and values to write, as people read them and as the file has them.
fn entries(answers: &Answers) -> Vec<(&'static str, String, Item)> {
    let mut entries: Vec<(&'static str, String, Item)> = Vec::new();
    let mut text = |key, text: String| entries.push((key, text.clone(), value(text)));
    if let Some(network) = &answers.network {
        text("network", network.clone());
    }
    if let Some(controller) = answers.controller {
        text("controller", controller.to_string());
    }
    if let Some(account) = &answers.account {
        text("account", account.value().to_string());
    }
    if let Some(folder) = &answers.keystore_dir {
        text("keystore_dir", folder.display().to_string());
    }
    if let Some(file) = &answers.password_file {
        let whole = std::path::absolute(file).unwrap_or_else(|_| file.clone());
        text("password_file", whole.display().to_string());
    }
    match (answers.role, answers.before.mode) {
        (Some(Role::Transcoder), _) => text("mode", NodeMode::Transcoder.to_string()),
        (Some(Role::Orchestrator), Some(NodeMode::Transcoder)) => {
            text("mode", NodeMode::Combined.to_string());
        }
        _ => {}
    }
    if let Some(address) = &answers.orch_addr {
        text("orch_addr", address.clone());
    }
    if let Some(file) = &answers.orch_secret_file {
        text("orch_secret_file", file.display().to_string());
    }
    if let Some(service) = &answers.service {
        text("service_addr", reach::shown(service));
    }
    if let Some(tag) = answers.price.as_ref().and_then(|asked| asked.tag.as_ref()) {
        match answers.role {
            Some(Role::Gateway) => {
                let price = tag
                    .in_wei(None)
                    .map_or_else(|_| tag.to_string(), |price| price.to_string());
                text("gateway.max_price", price);
            }
            _ => text("payments.price", tag.to_string()),
        }
    }
    if !answers.rpc_urls.is_empty() {
        let shown: Vec<String> = answers.rpc_urls.iter().map(ToString::to_string).collect();
        let urls = answers.rpc_urls.iter().map(|url| url.expose().as_str());
        entries.push((
            "rpc_urls",
            shown.join(", "),
            value(urls.collect::<toml_edit::Array>()),
        ));
    }
    entries.sort_by_key(|(key, ..)| key.contains('.'));
    entries
}

/// What the profile says now of a key, as people read it.
fn before(answers: &Answers, key: &str) -> Option<String> {
    let layer = &answers.before;
    let path = |path: &std::path::PathBuf| path.display().to_string();
    match key {
        "network" => layer.network.clone(),
        "controller" => layer.controller.map(|address| address.to_string()),
        "account" => layer.account.clone(),
        "keystore_dir" => layer.keystore_dir.as_ref().map(path),
        "password_file" => layer.password_file.as_ref().map(path),
        "mode" => layer.mode.map(|mode| mode.to_string()),
        "orch_addr" => layer.orch_addr.clone(),
        "orch_secret_file" => layer.orch_secret_file.as_ref().map(path),
        "service_addr" => layer.service_addr.clone(),
        "gateway.max_price" => layer.gateway.max_price.as_ref().map(ToString::to_string),
        "payments.price" => layer.payments.price.as_ref().map(ToString::to_string),
        "rpc_urls" => layer.rpc_urls.as_ref().map(|urls| {
            let shown: Vec<String> = urls.iter().map(ToString::to_string).collect();
            shown.join(", ")
        }),
        _ => None,
    }
}

/// Everything that will be written, with what it replaces.
pub fn summary(answers: &Answers, context: &Context) -> String {
    let mut text = format!(
        "{} of {}:\n",
        crate::wording::sentence(&place(answers.profile.as_deref())),
        context.directories().config_file.display()
    );
    for (key, new, _) in entries(answers) {
        // Writing to a String cannot fail.
        let _ = match before(answers, key).filter(|old| *old != new) {
            Some(old) => writeln!(text, "  {key:<18} {old} → {new}"),
            None => writeln!(text, "  {key:<18} {new}"),
        };
    }
    if let Some(account) = answers
        .account
        .as_ref()
        .filter(|account| account.origin() != "there")
    {
        let address = account.address().map(|address| address.to_string());
        let _ = writeln!(
            text,
            "  {:<18} {} into {}",
            format!("key {}", account.origin()),
            address.unwrap_or_default(),
            folder(answers, context).display()
        );
    }
    if answers.becomes_used {
        let _ = writeln!(text, "  and that profile is the one in use");
    }
    text.trim_end().to_string()
}

/// The command that does the same without asking. URLs that may hold a key are left to its author.
fn command(answers: &Answers) -> String {
    let mut words: Vec<String> = vec!["lpctl init".to_string()];
    let mut flag = |name: &str, value: &str| words.push(format!("--{name} {}", quoted(value)));
    if let Some(role) = answers.role {
        flag("role", role.name());
    }
    if let Some(network) = &answers.network {
        flag("network", network);
    }
    for url in &answers.rpc_urls {
        let whole = url.expose();
        let is_bare = whole.path() == "/" && whole.query().is_none() && whole.username().is_empty();
        match is_bare {
            true => flag("rpc-url", &url.to_string()),
            false => flag("rpc-url", "URL"),
        }
    }
    if let Some(account) = &answers.account {
        flag("account", account.value());
    }
    if let Some(price) = &answers.price {
        flag(
            "price",
            &price.tag.as_ref().map_or("any".to_string(), ToString::to_string),
        );
    }
    if let Some(service) = &answers.service {
        flag("service-uri", &reach::shown(service));
    }
    if let Some(address) = &answers.orch_addr {
        flag("orch-addr", address);
    }
    if let Some(file) = &answers.orch_secret_file {
        flag("orch-secret-file", &file.display().to_string());
    }
    words.push("--yes".to_string());
    words.join(" ")
}

/// A word as a shell takes it.
pub fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:,=@%+".contains(c);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_string(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

fn next(answers: &Answers) -> Vec<String> {
    let mut next = Vec::new();
    let service = answers.service.as_ref().map(reach::shown).unwrap_or_default();
    let off_chain = answers.network.as_deref() == Some("offchain");
    match answers.role {
        Some(Role::Orchestrator) if !off_chain => {
            next.push(format!(
                "lpctl orch activate --bond AMOUNT --reward-cut 10 --fee-share 50 --service-uri {service}"
            ));
            next.push("lpctl run".to_string());
        }
        Some(Role::Orchestrator | Role::Transcoder) => next.push("lpctl run".to_string()),
        Some(Role::Gateway) if !off_chain => {
            next.push("lpctl deposit fund --deposit AMOUNT --reserve AMOUNT".to_string());
            next.push("lpctl gateway run".to_string());
        }
        Some(Role::Gateway) => next.push("lpctl gateway run --orch URI".to_string()),
        _ => next.push("lpctl stake bond AMOUNT --to ORCHESTRATOR".to_string()),
    }
    next
}

/// Writes the key, then the config file, and tells about it.
pub async fn write(answers: Answers, context: &mut Context) -> eyre::Result<()> {
    let path = context.directories().config_file.clone();
    let folder = folder(&answers, context);
    let mut answer = Written {
        config_file: path.display().to_string(),
        written: !context.settings().dry_run,
        profile: answers.profile.clone(),
        role: answers.role,
        network: answers.network.clone(),
        endpoints: answers.tested.clone(),
        account: answers.account.as_ref().map(|account| WrittenAccount {
            account: account.value().to_string(),
            address: account.address(),
            origin: account.origin(),
            keystore_dir: folder.display().to_string(),
        }),
        price: answers
            .price
            .as_ref()
            .and_then(|asked| asked.tag.as_ref().map(ToString::to_string)),
        service_uri: answers.service.as_ref().map(reach::shown),
        service_uri_found: answers.found,
        command: command(&answers),
        next: next(&answers),
    };
    if context.settings().dry_run {
        answer.next = vec![answer.command.clone()];
        return Ok(context.shell.report(&answer)?);
    }
    let entries = entries(&answers);
    let (profile, becomes_used) = (answers.profile.clone(), answers.becomes_used);
    // The key first: a config that names an account must find it.
    if let Some(account) = answers.account {
        account.store(&folder).await?;
    }
    let network_changes = answers.network.is_some() && answers.network != answers.before.network;
    let keeps_chain_id = answers.chain_id.is_some();
    settings::edit(&path, |document| {
        if let (true, Some(profile)) = (becomes_used, &profile) {
            document["profile"] = value(profile.as_str());
        }
        for (key, _, item) in entries {
            put(document, profile.as_deref(), key, item);
        }
        if network_changes && !keeps_chain_id {
            let table = match &profile {
                Some(profile) => document.get_mut("profiles").and_then(|all| all.get_mut(profile)),
                None => document.get_mut("defaults"),
            };
            if let Some(table) = table.and_then(Item::as_table_like_mut) {
                table.remove("chain_id");
            }
        }
    })?;
    Ok(context.shell.report(&answer)?)
}

impl Report for Written {
    fn text(&self, style: &Style) -> String {
        let place = place(self.profile.as_deref());
        let mut text = match self.written {
            true => format!(
                "{} {} is set up in {place} of {}\n",
                style.good_mark(),
                self.role.map_or("it", Role::name),
                self.config_file
            ),
            false => "Nothing was written: this was a dry run.\n".to_string(),
        };
        // Writing to a String cannot fail.
        if let Some(account) = &self.account {
            let address = account.address.map(|address| address.to_string());
            let _ = writeln!(
                text,
                "account  {} {}",
                account.account,
                address.unwrap_or_default()
            );
            if account.origin != "there" {
                let _ = writeln!(
                    text,
                    "  Back up {} and keep the password elsewhere: without both, what the account holds is lost.",
                    account.keystore_dir
                );
            }
        }
        if self.written {
            let _ = writeln!(text, "again    {}", self.command);
        }
        for (position, next) in self.next.iter().enumerate() {
            let label = if position == 0 { "next" } else { "" };
            let _ = writeln!(text, "{label:<8} {next}");
        }
        text.trim_end().to_string()
    }
}
