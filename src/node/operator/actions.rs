//! What `/api/v1` is told to do.

use std::sync::Arc;

use axum::{
    Json,
    body::Body,
    extract::State,
    http::{Response, StatusCode},
    response::IntoResponse,
};
use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::{Operator, guard::failure, telling};
use crate::{
    chain::SubmitError,
    node::{
        settings::{SettingsChange, SettingsError},
        treasury::ActionError,
    },
    payments::{books::BooksError, redeem::RedeemFailure},
    view::node::{ActionAnswer, EndSession, NodeStatus, RedeemOrder, RewardOrder},
};

/// Reads an order, or says what is wrong with it. No body is an order that says nothing.
fn order<T: DeserializeOwned>(body: &[u8]) -> Result<T, Box<Response<Body>>> {
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body)
        .map_err(|error| Box::new(failure(StatusCode::BAD_REQUEST, "bad_order", &error.to_string())))
}

/// Take nothing new
#[utoipa::path(post, path = "/api/v1/drain", tag = "operate", responses((status = 200, body = NodeStatus)))]
pub(super) async fn drain(State(operator): State<Operator>) -> impl IntoResponse {
    operator.node.drain();
    Json(operator.node.status())
}

/// End a session
#[utoipa::path(
    post,
    path = "/api/v1/end-session",
    tag = "operate",
    request_body = EndSession,
    responses(
        (status = 200, body = NodeStatus),
        (status = 400, description = "An order that is none"),
        (status = 409, description = "There is no such session, or it is not this node's to end"),
    )
)]
pub(super) async fn end_session(State(operator): State<Operator>, body: Bytes) -> Response<Body> {
    let asked: EndSession = match order(&body) {
        Ok(asked) => asked,
        Err(refused) => return *refused,
    };
    match operator.node.end_session(&asked.session) {
        Ok(true) => Json(operator.node.status()).into_response(),
        Ok(false) => failure(StatusCode::CONFLICT, "no_session", "there is no such session"),
        Err(error) => failure(StatusCode::CONFLICT, "not_here", &error.to_string()),
    }
}

/// Change what can be changed while it runs, and keep it for the next start
#[utoipa::path(
    post,
    path = "/api/v1/settings",
    tag = "operate",
    request_body = SettingsChange,
    responses(
        (status = 200, body = NodeStatus),
        (status = 400, description = "A change that is none"),
        (status = 409, description = "This node has no such setting, or cannot take this value"),
    )
)]
pub(super) async fn change(State(operator): State<Operator>, body: Bytes) -> Response<Body> {
    if body.is_empty() {
        return failure(
            StatusCode::BAD_REQUEST,
            "bad_order",
            "nothing is said that should change",
        );
    }
    let change: SettingsChange = match order(&body) {
        Ok(change) => change,
        Err(refused) => return *refused,
    };
    let node = Arc::clone(&operator.node);
    match tokio::task::spawn_blocking(move || node.change(&change)).await {
        Ok(Ok(())) => Json(operator.node.status()).into_response(),
        Ok(Err(error)) => of_settings(&error),
        Err(_) => telling::internal(),
    }
}

fn of_settings(error: &SettingsError) -> Response<Body> {
    let (status, code) = match error {
        SettingsError::NotHere(_) => (StatusCode::CONFLICT, "not_here"),
        SettingsError::Price(_) => (StatusCode::CONFLICT, "price"),
        SettingsError::Log(_) => (StatusCode::INTERNAL_SERVER_ERROR, "log"),
        SettingsError::NotKept { .. } | SettingsError::Unreadable { .. } => {
            (StatusCode::INTERNAL_SERVER_ERROR, "not_kept")
        }
    };
    failure(status, code, &error.to_string())
}

/// Call this round's reward
///
/// With `dry_run` only the plan is told: what would be sent, what it would change and cost, and what stands in its way.
/// Otherwise it is sent by the account's one sender, beside the guardian, and the answer comes once it is mined, which can
/// take two minutes, and as long again behind another order. Send an `Idempotency-Key` with it.
#[utoipa::path(
    post,
    path = "/api/v1/reward",
    tag = "money",
    request_body = RewardOrder,
    responses(
        (status = 200, body = ActionAnswer),
        (status = 409, description = "Something stands in the way: nothing was sent; `plan` tells all of it"),
        (status = 502, description = "The chain cannot be read, or what became of the transaction is in `error`"),
    )
)]
pub(super) async fn reward(State(operator): State<Operator>, body: Bytes) -> Response<Body> {
    let asked: RewardOrder = match order(&body) {
        Ok(asked) => asked,
        Err(refused) => return *refused,
    };
    let Some(treasury) = operator.node.treasury() else {
        return no_treasury();
    };
    tell(Box::pin(treasury.call_reward(asked.dry_run)).await)
}

/// Redeem winning tickets now
///
/// Those that are named, or all that can be redeemed, 20 at most, whatever gas costs up to the node's limit. With `dry_run`
/// only the plan is told. No ticket is redeemed before its parameters have expired, and none twice.
#[utoipa::path(
    post,
    path = "/api/v1/redeem",
    tag = "money",
    request_body = RedeemOrder,
    responses(
        (status = 200, body = ActionAnswer),
        (status = 400, description = "An order that is none"),
        (status = 409, description = "Something stands in the way: nothing was sent; `plan` tells all of it"),
        (status = 502, description = "The chain cannot be read, or what became of the transaction is in `error`"),
    )
)]
pub(super) async fn redeem(State(operator): State<Operator>, body: Bytes) -> Response<Body> {
    let asked: RedeemOrder = match order(&body) {
        Ok(asked) => asked,
        Err(refused) => return *refused,
    };
    let Some(treasury) = operator.node.treasury() else {
        return no_treasury();
    };
    tell(Box::pin(treasury.redeem(&asked)).await)
}

fn no_treasury() -> Response<Body> {
    failure(
        StatusCode::CONFLICT,
        "not_here",
        "this node sends no transactions: it is on no chain, or a transcoder",
    )
}

fn tell(done: Result<ActionAnswer, ActionError>) -> Response<Body> {
    let error = match done {
        Ok(answer) => return Json(answer).into_response(),
        Err(error) => error,
    };
    tracing::warn!(%error, "an order over the operator's API was not carried out");
    let status = match &error {
        ActionError::Order(_) => StatusCode::BAD_REQUEST,
        ActionError::NotHere(_)
        | ActionError::Refused(_)
        | ActionError::Submit(
            SubmitError::Refused(_) | SubmitError::PlanChanged(_) | SubmitError::OnItsWay { .. },
        )
        | ActionError::Books(BooksError::NotPending(_))
        | ActionError::Redeem(RedeemFailure::Books(BooksError::NotPending(_))) => StatusCode::CONFLICT,
        ActionError::Books(_) => StatusCode::INTERNAL_SERVER_ERROR,
        ActionError::Chain(_) | ActionError::Submit(_) | ActionError::Redeem(_) => StatusCode::BAD_GATEWAY,
    };
    let mut told = json!({ "error": { "code": error.code(), "message": error.to_string() } });
    if let (ActionError::Refused(plan), Some(told)) = (&error, told.as_object_mut()) {
        told.insert("plan".to_string(), json!(plan));
    }
    (status, Json(told)).into_response()
}
