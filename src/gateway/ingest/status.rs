//! What the operator's port tells: `/status` with go-livepeer's keys, `/api/v1/status` and `/metrics` with ours
//! (`go-livepeer server/cliserver.go`, `common/types.go`).

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    middleware,
    response::{IntoResponse, Response},
    routing::{any, get},
};
use num_rational::BigRational;
use serde_json::{Value, json};

use super::{Shared, stream::lock};
use crate::{
    media::ladder::PRESETS,
    node::{http::Refusal, operator::only_local},
    view::ingest::GatewayStatus,
};

/// The routes of the operator's port.
pub(super) fn routes(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/healthz", get(|| async {}))
        .route("/status", get(go_status))
        .route("/api/v1/status", get(status))
        .route("/metrics", get(metrics))
        .route("/IsOrchestrator", any(|| async { "false" }))
        .route("/IsRedeemer", any(|| async { "false" }))
        .route("/localStreams", any(|| async { Json(json!([])) }))
        .route("/getAISessionPoolsInfo", any(|| async { Json(json!({})) }))
        .route("/getAvailableTranscodingOptions", any(|| async { Json(PRESETS) }))
        .route("/manifestID", any(manifest_id))
        .route("/getBroadcastConfig", any(broadcast_config))
        .fallback(|| async { Refusal::new(StatusCode::NOT_FOUND, "404 page not found").into_response() })
        .layer(middleware::from_fn(only_local))
        .with_state(shared)
}

async fn status(State(shared): State<Arc<Shared>>) -> impl IntoResponse {
    Json(json!({
        "gateway": shared.status(),
        "orchestrators": shared.gateway.orchestrators(),
        "payments": shared.gateway.payments(),
    }))
}

async fn metrics(State(shared): State<Arc<Shared>>) -> Response {
    crate::metrics::answer(shared.metrics_text())
}

impl Shared {
    /// The gateway on one screen.
    pub(super) fn status(&self) -> GatewayStatus {
        GatewayStatus {
            version: env!("CARGO_PKG_VERSION").to_string(),
            started: self.started,
            http_addr: self.http_addr,
            rtmp_addr: self.rtmp_addr,
            max_streams: self.max_streams,
            streams: self.streams.open().iter().map(|live| live.view()).collect(),
            totals: *lock(&self.totals),
            log_lines_lost: self.log.lost(),
        }
    }
}

/// The keys `livepeer_cli` and operators' scripts read.
async fn go_status(State(shared): State<Arc<Shared>>) -> impl IntoResponse {
    let mut manifests = BTreeMap::new();
    let mut bytes = BTreeMap::new();
    for live in shared.streams.open() {
        let variants: Vec<Value> = live
            .playlists()
            .tracks()
            .map(|(name, bandwidth)| {
                json!({
                    "URI": format!("{}/{name}.m3u8", live.manifest()),
                    "Bandwidth": bandwidth,
                })
            })
            .collect();
        let playlist = json!({ "Variants": variants, "Args": "" });
        manifests.insert(live.manifest().to_string(), playlist);
        let totals = live.totals();
        bytes.insert(
            live.manifest().to_string(),
            json!({ "SourceBytes": totals.source_bytes, "TranscodedBytes": totals.rendition_bytes }),
        );
    }
    let pool = shared.gateway.orchestrators();
    let infos: Vec<Value> = pool
        .iter()
        .map(|one| {
            json!({
                "Url": one.url,
                "Score": f64::from(one.score),
                // Go's durations are nanoseconds.
                "Latency": one.latency_ms.map(|millis| millis.saturating_mul(1_000_000)),
            })
        })
        .collect();
    let aliases: BTreeMap<String, String> = shared.streams.aliases().into_iter().collect();
    Json(json!({
        "Manifests": manifests,
        "InternalManifests": aliases,
        "StreamInfo": bytes,
        "OrchestratorPool": pool.iter().map(|one| &one.url).collect::<Vec<_>>(),
        "OrchestratorPoolInfos": infos,
        "Version": concat!("lpctl-", env!("CARGO_PKG_VERSION")),
        "GolangRuntimeVersion": "",
        "GOArch": go_architecture(),
        "GOOS": std::env::consts::OS,
        "RegisteredTranscodersNumber": 0,
        "RegisteredTranscoders": [],
        // True of every node without remote transcoders, gateways too.
        "LocalTranscoding": true,
        "BroadcasterPrices": {},
    }))
}

/// The manifest of the stream that began last; nothing without one.
async fn manifest_id(State(shared): State<Arc<Shared>>) -> String {
    let open = shared.streams.open();
    let last = open.iter().max_by_key(|live| live.view().started);
    last.map(|live| live.manifest().to_string()).unwrap_or_default()
}

/// The most it pays, in wei for a pixel as a fraction in lowest terms, and what it asks for.
async fn broadcast_config(State(shared): State<Arc<Shared>>) -> impl IntoResponse {
    let price = shared.gateway.max_price().map(|price| price.to_string());
    let price = price.and_then(|price| price.parse::<BigRational>().ok());
    let names: Vec<&str> = shared.ladder.iter().map(|profile| &*profile.name).collect();
    Json(json!({
        "MaxPrice": price.map(|price| price.to_string()),
        "TranscodingOptions": names.join(","),
    }))
}

/// This machine as Go names it.
fn go_architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}
