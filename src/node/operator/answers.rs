//! What `/api/v1` answers to who only looks.

use std::sync::Arc;

use alloy::primitives::Address;
use axum::{
    Json,
    body::Body,
    extract::{Path, Query, State},
    http::{HeaderMap, Response, StatusCode, Uri, header::CONTENT_TYPE},
    response::IntoResponse,
};
use serde::{Deserialize, de::DeserializeOwned};
use utoipa::IntoParams;

use super::{Operator, document, events::Told, guard::failure, telling};
use crate::{
    node::treasury,
    view::node::{
        API_VERSION, AuditLines, ChainAnswer, ConfigView, DeviceList, MoneyView, NodeStatus, RewardAnswer,
        SessionPage, SessionView, TicketChoice, TicketPage, TranscoderList, VersionView,
    },
};

/// Entries of a page when nobody says how many.
const PAGE: usize = 100;
/// Entries of a page at most.
const LONGEST_PAGE: usize = 1000;

/// Reads the query, or says what is wrong with it.
fn query<T: DeserializeOwned>(uri: &Uri) -> Result<T, Box<Response<Body>>> {
    Query::<T>::try_from_uri(uri)
        .map(|Query(query)| query)
        .map_err(|error| Box::new(failure(StatusCode::BAD_REQUEST, "bad_query", &error.body_text())))
}

/// Everything on one screen
#[utoipa::path(get, path = "/api/v1/status", tag = "read", responses((status = 200, body = NodeStatus)))]
pub(super) async fn status(State(operator): State<Operator>) -> impl IntoResponse {
    Json(operator.node.status())
}

/// Which lpctl it is, and what its API has
#[utoipa::path(get, path = "/api/v1/version", tag = "read", responses((status = 200, body = VersionView)))]
pub(super) async fn version(State(operator): State<Operator>) -> impl IntoResponse {
    let status = operator.node.status();
    Json(VersionView {
        version: status.version,
        api_version: API_VERSION,
        mode: status.mode,
        started: status.started,
        address: status.address,
    })
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct EventsQuery {
    /// Tell what changed where the event before was told [false]
    changes: bool,
}

/// Statuses as they change
///
/// Server-sent events named `status`, each the whole status, at most four a second. Every event has an id: a reader that
/// comes back with `Last-Event-ID` is told what it missed, as far as that is still kept, and then the status now; with an
/// id that is too old, or of another run of the node, the status now comes first. A comment comes where there was no event
/// for 15 seconds.
///
/// With `changes=true` an event that follows the one told before it is named `change` and is a StatusChange: the sessions
/// that are not what they were, and of their last segments the new ones. Who was too slow for one is told the whole again.
#[utoipa::path(
    get,
    path = "/api/v1/events",
    tag = "read",
    params(
        EventsQuery,
        ("Last-Event-ID" = Option<String>, Header, description = "The last event that was read"),
    ),
    responses(
        (status = 200, body = String, content_type = "text/event-stream"),
        (status = 400, description = "A query that is none"),
        (status = 503, description = "Too many readers"),
    )
)]
pub(super) async fn events(State(operator): State<Operator>, uri: Uri, headers: HeaderMap) -> Response<Body> {
    let asked: EventsQuery = match query(&uri) {
        Ok(asked) => asked,
        Err(refused) => return *refused,
    };
    let told = match asked.changes {
        true => Told::Changes,
        false => Told::Whole,
    };
    let Some(reader) = operator.readers.join() else {
        return failure(
            StatusCode::SERVICE_UNAVAILABLE,
            "too_many_readers",
            "too many readers of the event stream",
        );
    };
    match serde_json::to_string(&operator.node.status()) {
        Ok(now) => operator.feed.stream(&headers, &now, told, reader, operator.stop),
        Err(_) => telling::internal(),
    }
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct SessionQuery {
    /// How many at most [100, at most 1000]
    limit: Option<usize>,
    /// How many to leave out before that
    offset: Option<usize>,
    /// Only those whose id, stream name, gateway or device contains this
    filter: Option<String>,
}

/// Sessions, with the speed and latency of each and of each rendition
#[utoipa::path(
    get,
    path = "/api/v1/sessions",
    tag = "read",
    params(SessionQuery),
    responses((status = 200, body = SessionPage), (status = 400, description = "A query that is none"))
)]
pub(super) async fn sessions(State(operator): State<Operator>, uri: Uri) -> Response<Body> {
    let asked: SessionQuery = match query(&uri) {
        Ok(asked) => asked,
        Err(refused) => return *refused,
    };
    let filter = asked.filter.unwrap_or_default().to_lowercase();
    let mut sessions = operator.node.status().sessions;
    if !filter.is_empty() {
        sessions.retain(|session| {
            let gateway = session.gateway.map(|gateway| gateway.to_checksum(None));
            [
                session.id.as_str(),
                &session.manifest_id,
                &session.device,
                gateway.as_deref().unwrap_or_default(),
            ]
            .iter()
            .any(|text| text.to_lowercase().contains(&filter))
        });
    }
    let page = sessions.len() as u64;
    let shown = sessions
        .into_iter()
        .skip(asked.offset.unwrap_or_default())
        .take(asked.limit.unwrap_or(PAGE).min(LONGEST_PAGE));
    Json(SessionPage {
        total: page,
        sessions: shown.map(SessionView::from).collect(),
    })
    .into_response()
}

/// One session, with its last segments
#[utoipa::path(
    get,
    path = "/api/v1/sessions/{id}",
    tag = "read",
    params(("id" = String, Path, description = "The session's id")),
    responses((status = 200, body = SessionView), (status = 404, description = "There is none of this id"))
)]
pub(super) async fn session(State(operator): State<Operator>, Path(id): Path<String>) -> Response<Body> {
    let sessions = operator.node.status().sessions;
    match sessions.into_iter().find(|session| session.id == id) {
        Some(session) => Json(SessionView::from(session)).into_response(),
        None => failure(StatusCode::NOT_FOUND, "no_session", "there is no such session"),
    }
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct TicketQuery {
    /// Which of them
    #[param(inline)]
    state: TicketChoice,
    /// Only those of one gateway
    #[param(value_type = Option<String>)]
    sender: Option<Address>,
    /// How many at most [100, at most 1000]
    limit: Option<usize>,
    /// How many to leave out before that
    offset: Option<usize>,
}

/// Winning tickets
#[utoipa::path(
    get,
    path = "/api/v1/tickets",
    tag = "read",
    params(TicketQuery),
    responses(
        (status = 200, body = TicketPage),
        (status = 400, description = "A query that is none"),
        (status = 409, description = "This node takes no payments"),
    )
)]
pub(super) async fn tickets(State(operator): State<Operator>, uri: Uri) -> Response<Body> {
    let asked: TicketQuery = match query(&uri) {
        Ok(asked) => asked,
        Err(refused) => return *refused,
    };
    let Some(books) = operator.node.books() else {
        return failure(
            StatusCode::CONFLICT,
            "not_here",
            "this node takes no payments: it has no tickets",
        );
    };
    let treasury = operator.node.treasury();
    let limit = asked.limit.unwrap_or(PAGE).clamp(1, LONGEST_PAGE);
    let offset = asked.offset.unwrap_or_default();
    match treasury::page(
        &books,
        treasury.as_ref(),
        asked.state,
        asked.sender,
        limit,
        offset,
    )
    .await
    {
        Ok(page) => Json(page).into_response(),
        Err(error) => failure(StatusCode::INTERNAL_SERVER_ERROR, "books", &error.to_string()),
    }
}

/// Prices, books, redeeming and the account's ETH
#[utoipa::path(get, path = "/api/v1/money", tag = "read", responses((status = 200, body = MoneyView)))]
pub(super) async fn money(State(operator): State<Operator>) -> impl IntoResponse {
    let status = operator.node.status();
    Json(MoneyView {
        payments: status.payments,
        redeem: status.redeem,
        fees_wei: status.chain.as_ref().map(|chain| chain.fees_wei),
        eth_wei: status.chain.as_ref().map(|chain| chain.eth_wei),
    })
}

/// Where the encoding happens: GPUs, or the CPU
#[utoipa::path(get, path = "/api/v1/devices", tag = "read", responses((status = 200, body = DeviceList)))]
pub(super) async fn devices(State(operator): State<Operator>) -> impl IntoResponse {
    let devices = operator.node.status().devices;
    Json(DeviceList { devices })
}

/// Remote transcoders connected now
#[utoipa::path(get, path = "/api/v1/transcoders", tag = "read", responses((status = 200, body = TranscoderList)))]
pub(super) async fn transcoders(State(operator): State<Operator>) -> impl IntoResponse {
    let transcoders = operator.node.status().transcoders;
    Json(TranscoderList { transcoders })
}

/// The orchestrator's stake and the round
#[utoipa::path(get, path = "/api/v1/chain", tag = "read", responses((status = 200, body = ChainAnswer)))]
pub(super) async fn chain(State(operator): State<Operator>) -> impl IntoResponse {
    let status = operator.node.status();
    Json(ChainAnswer {
        network: status.network,
        chain: status.chain,
    })
}

/// How it goes with calling reward
#[utoipa::path(get, path = "/api/v1/reward", tag = "read", responses((status = 200, body = RewardAnswer)))]
pub(super) async fn reward(State(operator): State<Operator>) -> impl IntoResponse {
    let reward = operator
        .node
        .treasury()
        .and_then(|treasury| treasury.reward_view());
    Json(RewardAnswer { reward })
}

/// What the node was started with, and what was changed since: without what is secret
#[utoipa::path(get, path = "/api/v1/config", tag = "read", responses((status = 200, body = ConfigView)))]
pub(super) async fn config(State(operator): State<Operator>) -> Response<Body> {
    let reading = tokio::task::spawn_blocking(move || operator.node.config()).await;
    match reading {
        Ok(config) => Json(config).into_response(),
        Err(_) => telling::internal(),
    }
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct AuditQuery {
    /// How many at most [100, at most 1000]
    limit: Option<usize>,
}

/// The last writes, whoever made them
#[utoipa::path(
    get,
    path = "/api/v1/audit",
    tag = "operate",
    params(AuditQuery),
    responses((status = 200, body = AuditLines), (status = 403, description = "The token allows only to look"))
)]
pub(super) async fn audit(State(operator): State<Operator>, uri: Uri) -> Response<Body> {
    let asked: AuditQuery = match query(&uri) {
        Ok(asked) => asked,
        Err(refused) => return *refused,
    };
    let audit = Arc::clone(operator.guard.audit());
    let most = asked.limit.unwrap_or(PAGE).min(LONGEST_PAGE);
    match tokio::task::spawn_blocking(move || audit.last(most)).await {
        Ok(Ok(lines)) => Json(AuditLines { lines }).into_response(),
        Ok(Err(error)) => failure(StatusCode::INTERNAL_SERVER_ERROR, "audit", &error.to_string()),
        Err(_) => telling::internal(),
    }
}

/// This description
#[utoipa::path(
    get,
    path = "/api/v1/openapi.json",
    tag = "read",
    responses((status = 200, body = Object, description = "OpenAPI 3.1"))
)]
pub(super) async fn openapi() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], document())
}
