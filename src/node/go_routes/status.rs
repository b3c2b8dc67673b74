//! What it is and how it is: status, chain, log, and routes with nothing behind them.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::{
    Ask, Role,
    answer::{Answer, Refused, Reply},
};
use crate::{config::LogLevel, node::settings::SettingsChange};

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Status {
    manifests: BTreeMap<String, Value>,
    internal_manifests: BTreeMap<String, String>,
    stream_info: BTreeMap<String, Value>,
    orchestrator_pool: Vec<String>,
    orchestrator_pool_infos: Option<Vec<Value>>,
    version: &'static str,
    golang_runtime_version: &'static str,
    #[serde(rename = "GOArch")]
    arch: &'static str,
    #[serde(rename = "GOOS")]
    os: &'static str,
    registered_transcoders_number: usize,
    registered_transcoders: Vec<Registered>,
    local_transcoding: bool,
    broadcaster_prices: BTreeMap<String, String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Registered {
    address: String,
    capacity: u32,
}

pub(super) async fn status(ask: Ask) -> Reply {
    let front = ask.go.front();
    let now = front.status();
    let registered: Vec<Registered> = now
        .transcoders
        .iter()
        .map(|transcoder| Registered {
            address: transcoder.address.clone(),
            capacity: transcoder.capacity,
        })
        .collect();
    Answer::json(&Status {
        manifests: BTreeMap::new(),
        internal_manifests: BTreeMap::new(),
        stream_info: BTreeMap::new(),
        orchestrator_pool: Vec::new(),
        orchestrator_pool_infos: None,
        version: concat!("lpctl-", env!("CARGO_PKG_VERSION")),
        golang_runtime_version: "rust",
        arch: match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        },
        os: match std::env::consts::OS {
            "macos" => "darwin",
            other => other,
        },
        registered_transcoders_number: registered.len(),
        registered_transcoders: registered,
        // True of every node without a pool of remote transcoders.
        local_transcoding: now.mode != crate::view::node::NodeMode::Orchestrator,
        broadcaster_prices: front.prices(),
    })
}

/// The last stream of a gateway: an orchestrator has none.
pub(super) async fn no_stream(_: Ask) -> Reply {
    Ok(Answer::Nothing)
}

pub(super) async fn local_streams(_: Ask) -> Reply {
    Answer::json(&[(); 0])
}

pub(super) async fn chain_id(ask: Ask) -> Reply {
    let outbox = ask.go.front().outbox();
    Answer::text(&outbox.map_or(0, |outbox| outbox.chain().chain_id()))
}

/// The bytes of the last block's number, the highest first and none for zeros before it.
pub(super) async fn current_block(ask: Ask) -> Reply {
    match ask.go.front().block() {
        Some(block) => {
            let bytes = block.to_be_bytes();
            let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
            Ok(Answer::Bytes(bytes[zeros..].to_vec()))
        }
        None => Err(Refused::failed(
            "could not query last seen block: no block was seen yet",
        )),
    }
}

pub(super) async fn is_orchestrator(ask: Ask) -> Reply {
    Answer::text(&(ask.go.front().role() == Role::Orchestrator))
}

pub(super) async fn is_redeemer(_: Ask) -> Reply {
    Answer::text(&false)
}

/// The playlist of a gateway's last stream, as Go prints none.
pub(super) async fn debug(_: Ask) -> Reply {
    Answer::text(&"\n\nLatestPlaylist: <nil>")
}

pub(super) async fn set_log_level(ask: Ask) -> Reply {
    // The name it is told by is not the parameter's, and scripts may look for it.
    let undefined = || Refused::bad("parameter 'logLevel' not defined");
    let number: u8 = ask.form.value("loglevel").parse().map_err(|_| undefined())?;
    let level = LogLevel::from_go(number).ok_or_else(undefined)?;
    let change = SettingsChange {
        log_level: Some(level),
        ..SettingsChange::default()
    };
    let changed = ask.change(change).await;
    changed.map_err(|error| Refused::failed(error.to_string()))?;
    *ask.go.level() = Some((number, level));
    Ok(Answer::Nothing)
}

pub(super) async fn log_level(ask: Ask) -> Reply {
    let now = ask.go.front().log_level();
    let set = *ask.go.level();
    match (now, set) {
        (Some(now), Some((number, level))) if level == now => Answer::text(&number),
        (Some(now), _) => Answer::text(&now.go_number()),
        (None, _) => Err(Refused::failed("nil log level")),
    }
}

/// Pools of AI orchestrators: none before AI is used, and it is not used here.
pub(super) async fn ai_pools(_: Ask) -> Reply {
    Answer::json(&json!({}))
}

pub(super) async fn network_capabilities(_: Ask) -> Reply {
    Err(Refused::bad(
        "Node must be gateway node to get network capabilities",
    ))
}

pub(super) async fn live_runners(ask: Ask) -> Reply {
    if ask.method != axum::http::Method::POST {
        return Err(Refused {
            status: axum::http::StatusCode::METHOD_NOT_ALLOWED,
            text: "Method not allowed".to_string(),
        });
    }
    Err(Refused {
        status: axum::http::StatusCode::NOT_FOUND,
        text: "live runners are not supported".to_string(),
    })
}
