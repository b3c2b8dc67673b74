//! The log over the operator API: a part of it, its lines as they come, and how much is logged.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{Query, State, rejection::QueryRejection},
    http::{
        HeaderMap, StatusCode,
        header::{CACHE_CONTROL, CONTENT_TYPE},
    },
    response::{IntoResponse, Response},
    routing::{get, post},
};
use futures_util::stream;
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use super::{
    log::{LevelChange, LevelSet, LogLine, LogPage, LogQuery},
    operator::Operated,
    settings::{LogControl, SettingsChange},
};

/// Readers of the stream at once.
const READERS: usize = 32;
/// Lines of one piece of the stream.
const AT_ONCE: usize = 200;
/// How long the stream is silent at most.
const HEARTBEAT: Duration = Duration::from_secs(15);

#[derive(Clone)]
pub(in crate::node) struct Log {
    node: Arc<dyn Operated>,
    control: Option<LogControl>,
    readers: Arc<Semaphore>,
    stop: CancellationToken,
}

/// `/api/v1/log`, `/api/v1/log/events` and `/api/v1/log-level`, without any guard. Streams end when `stop` is cancelled.
pub(in crate::node) fn routes(
    node: Arc<dyn Operated>,
    control: Option<LogControl>,
    stop: CancellationToken,
) -> Router {
    Router::new()
        .route("/api/v1/log", get(page))
        .route("/api/v1/log/events", get(events))
        .route("/api/v1/log-level", post(level))
        .with_state(Log {
            node,
            control,
            readers: Arc::new(Semaphore::new(READERS)),
            stop,
        })
}

fn failure(status: StatusCode, code: &str, message: &str) -> Response {
    (
        status,
        Json(json!({ "error": { "code": code, "message": message } })),
    )
        .into_response()
}

/// A part of the log: the newest lines, or those after a position
#[utoipa::path(
    get,
    path = "/api/v1/log",
    tag = "read",
    params(LogQuery),
    responses((status = 200, body = LogPage), (status = 400, description = "A query that is none"))
)]
pub(in crate::node) async fn page(
    State(log): State<Log>,
    query: Result<Query<LogQuery>, QueryRejection>,
) -> Response {
    match (log.control, query) {
        (Some(control), Ok(Query(query))) => Json(control.page(&query)).into_response(),
        (None, Ok(_)) => Json(LogPage::default()).into_response(),
        (_, Err(error)) => failure(StatusCode::BAD_REQUEST, "bad_query", &error.body_text()),
    }
}

/// Changes how much is logged, and keeps it for the next start
#[utoipa::path(
    post,
    path = "/api/v1/log-level",
    tag = "operate",
    request_body = LevelChange,
    responses(
        (status = 200, body = LevelSet),
        (status = 400, description = "No level"),
        (status = 409, description = "It cannot be changed or kept"),
    )
)]
pub(in crate::node) async fn level(State(log): State<Log>, body: Bytes) -> Response {
    let change: LevelChange = match serde_json::from_slice(&body) {
        Ok(change) => change,
        Err(error) => return failure(StatusCode::BAD_REQUEST, "bad_request", &error.to_string()),
    };
    let log_level = change.level;
    let change = SettingsChange {
        log_level: Some(log_level),
        ..SettingsChange::default()
    };
    // It is written down before it is answered.
    let changed = tokio::task::spawn_blocking(move || log.node.change(&change)).await;
    match changed {
        Ok(Ok(())) => Json(LevelSet { log_level }).into_response(),
        Ok(Err(error)) => failure(StatusCode::CONFLICT, "not_changed", &error.to_string()),
        Err(_) => failure(StatusCode::INTERNAL_SERVER_ERROR, "internal", "internal error"),
    }
}

/// What the stream of one reader goes on from.
struct Following {
    control: LogControl,
    query: LogQuery,
    newest: tokio::sync::watch::Receiver<u64>,
    stop: CancellationToken,
    _place: OwnedSemaphorePermit,
}

/// Lines of the log as they come
///
/// Server-sent events named `line`, each one line, with its position as id; `missed` tells how many lines were gone before
/// they could be sent, and `position` how far the log is where there was no line to send for 15 seconds. A reader that comes
/// back with `Last-Event-ID` goes on after that position; one that says nothing is sent what comes from now on.
#[utoipa::path(
    get,
    path = "/api/v1/log/events",
    tag = "read",
    params(LogQuery, ("Last-Event-ID" = Option<String>, Header, description = "The last line that was read")),
    responses(
        (status = 200, body = LogLine, content_type = "text/event-stream"),
        (status = 400, description = "A query that is none"),
        (status = 409, description = "This process keeps no lines of its log"),
        (status = 503, description = "Too many readers"),
    )
)]
pub(in crate::node) async fn events(
    State(log): State<Log>,
    headers: HeaderMap,
    query: Result<Query<LogQuery>, QueryRejection>,
) -> Response {
    let mut query = match query {
        Ok(Query(query)) => query,
        Err(error) => return failure(StatusCode::BAD_REQUEST, "bad_query", &error.body_text()),
    };
    let Some((control, newest)) = log.control.and_then(|control| {
        control
            .ring()
            .map(super::log::LogRing::newest)
            .map(|newest| (control, newest))
    }) else {
        return failure(
            StatusCode::CONFLICT,
            "no_log",
            "this process keeps no lines of its log",
        );
    };
    let Ok(place) = log.readers.try_acquire_owned() else {
        return failure(
            StatusCode::SERVICE_UNAVAILABLE,
            "too_many_readers",
            "too many readers of the log",
        );
    };
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    query.since = last.and_then(|id| id.parse().ok()).or(query.since);
    // Whoever says nothing wants what comes from now on.
    query.since = query.since.or(Some(*newest.borrow()));
    query.limit = Some(AT_ONCE);
    let following = Following {
        control,
        query,
        newest,
        stop: log.stop,
        _place: place,
    };
    let pieces = stream::unfold(following, |mut following| async {
        let piece = following.next().await?;
        Some((Ok::<_, Infallible>(piece), following))
    });
    let headers = [(CONTENT_TYPE, "text/event-stream"), (CACHE_CONTROL, "no-store")];
    (headers, Body::from_stream(pieces)).into_response()
}

impl Following {
    /// The next lines, or a sign of life with how far the log is; none once it is to end.
    async fn next(&mut self) -> Option<Bytes> {
        let heartbeat = tokio::time::sleep(HEARTBEAT);
        tokio::pin!(heartbeat);
        let mut is_last = self.stop.is_cancelled();
        loop {
            self.newest.mark_unchanged();
            let page = self.control.page(&self.query);
            self.query.since = Some(page.next);
            let mut text = String::new();
            if page.missed > 0 {
                text += &format!("event: missed\ndata: {}\n\n", page.missed);
            }
            for line in &page.lines {
                let data = serde_json::to_string(line).ok()?;
                text += &format!("id: {}\nevent: line\ndata: {data}\n\n", line.position);
            }
            if !text.is_empty() {
                return Some(text.into());
            }
            if is_last {
                return None;
            }
            tokio::select! {
                // What was logged up to the end is told.
                () = self.stop.cancelled() => is_last = true,
                () = &mut heartbeat => {
                    // Lines that were not asked for are not gone when somebody comes back.
                    let position = page.next;
                    return Some(format!("id: {position}\nevent: position\ndata: {position}\n\n").into());
                }
                changed = self.newest.changed() => changed.ok()?,
            }
        }
    }
}
