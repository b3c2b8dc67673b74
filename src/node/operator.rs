//! The operator's API: on loopback only, for programs on this machine, not for web pages that happen to run on it.

use std::{convert::Infallible, net::IpAddr, sync::Arc};

use axum::{
    Json, Router,
    body::Body,
    extract::{DefaultBodyLimit, Request, State},
    http::{
        HeaderMap, Method, Response, StatusCode,
        header::{CACHE_CONTROL, CONTENT_TYPE, HOST, ORIGIN},
    },
    middleware::{self, Next},
    response::IntoResponse,
    routing::{get, post},
};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::watch;
use tokio_stream::wrappers::WatchStream;
use tokio_util::sync::CancellationToken;

use super::{
    settings::{SettingsChange, SettingsError},
    status::event,
};
use crate::view::node::NodeStatus;

/// Readers of the event stream at once.
const MAX_READERS: usize = 32;
/// Longest body of a request, in bytes.
const MAX_BODY: usize = 4 << 10;

/// What the API tells of and commands: whatever runs as a node.
pub(super) trait Operated: Send + Sync + 'static {
    /// Everything on one screen.
    fn status(&self) -> NodeStatus;
    /// Nothing new is begun from now on.
    fn drain(&self);
    /// Ends a session: its running work is stopped, its renditions are dropped. False if there is none.
    fn end_session(&self, id: &str) -> Result<bool, SettingsError>;
    /// Changes what can be changed while it runs, and keeps it for the next start. May block.
    fn change(&self, change: &SettingsChange) -> Result<(), SettingsError>;
}

/// Who reads the event stream now.
#[derive(Debug, Clone, Default)]
pub(super) struct Readers(watch::Sender<usize>);

impl Readers {
    /// A place for one more; none if all are taken.
    fn join(&self) -> Option<Reader> {
        let has_joined = self.0.send_if_modified(|count| {
            let has_room = *count < MAX_READERS;
            *count += usize::from(has_room);
            has_room
        });
        has_joined.then(|| Reader(self.0.clone()))
    }

    /// Resolves as soon as anybody reads.
    pub(super) async fn any(&self) {
        // It fails only without a sender, and this is one.
        let _ = self.0.subscribe().wait_for(|count| *count > 0).await;
    }
}

/// A reader's place, given back when dropped.
struct Reader(watch::Sender<usize>);

impl Drop for Reader {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count = count.saturating_sub(1));
    }
}

#[derive(Clone)]
struct Operator {
    node: Arc<dyn Operated>,
    feed: watch::Receiver<Bytes>,
    readers: Readers,
    stop: CancellationToken,
}

/// The API's routes. Event streams end when `stop` is cancelled.
pub(super) fn routes(
    node: Arc<dyn Operated>,
    feed: watch::Receiver<Bytes>,
    readers: Readers,
    more: Router,
    stop: CancellationToken,
) -> Router {
    Router::new()
        .merge(more)
        .route("/healthz", get(|| async {}))
        .route("/api/v1/status", get(status))
        .route("/api/v1/events", get(events))
        .route("/api/v1/drain", post(drain))
        .route("/api/v1/end-session", post(end_session))
        .route("/api/v1/settings", post(change))
        .fallback(|| async { failure(StatusCode::NOT_FOUND, "no such path") })
        .method_not_allowed_fallback(|| async {
            failure(StatusCode::METHOD_NOT_ALLOWED, "not with this method")
        })
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn(only_local))
        .with_state(Operator {
            node,
            feed,
            readers,
            stop,
        })
}

async fn status(State(operator): State<Operator>) -> impl IntoResponse {
    Json(operator.node.status())
}

async fn events(State(operator): State<Operator>) -> Response<Body> {
    let Some(reader) = operator.readers.join() else {
        return failure(
            StatusCode::SERVICE_UNAVAILABLE,
            "too many readers of the event stream",
        );
    };
    // The newest event may be old: nobody needed a newer one.
    let Ok(now) = event(&*operator.node) else {
        return failure(StatusCode::INTERNAL_SERVER_ERROR, "internal error");
    };
    let events = stream::once(async { now })
        .chain(WatchStream::from_changes(operator.feed))
        .take_until(operator.stop.cancelled_owned())
        .map(move |event| keep(&reader, event));
    let headers = [(CONTENT_TYPE, "text/event-stream"), (CACHE_CONTROL, "no-store")];
    (headers, Body::from_stream(events)).into_response()
}

/// The reader's place is taken as long as the stream, and this closure with it, lives.
fn keep(_reader: &Reader, event: Bytes) -> Result<Bytes, Infallible> {
    Ok(event)
}

async fn drain(State(operator): State<Operator>) -> impl IntoResponse {
    operator.node.drain();
    Json(operator.node.status())
}

/// The body of `POST /api/v1/end-session`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EndSession {
    /// Its id, as the status tells it.
    session: String,
}

async fn end_session(State(operator): State<Operator>, body: Bytes) -> Response<Body> {
    let asked: EndSession = match serde_json::from_slice(&body) {
        Ok(asked) => asked,
        Err(error) => return failure(StatusCode::BAD_REQUEST, &error.to_string()),
    };
    match operator.node.end_session(&asked.session) {
        Ok(true) => Json(operator.node.status()).into_response(),
        Ok(false) => failure(StatusCode::CONFLICT, "there is no such session"),
        Err(error) => failure(StatusCode::CONFLICT, &error.to_string()),
    }
}

async fn change(State(operator): State<Operator>, body: Bytes) -> Response<Body> {
    let change: SettingsChange = match serde_json::from_slice(&body) {
        Ok(change) => change,
        Err(error) => return failure(StatusCode::BAD_REQUEST, &error.to_string()),
    };
    let node = Arc::clone(&operator.node);
    let changed = tokio::task::spawn_blocking(move || node.change(&change)).await;
    match changed {
        Ok(Ok(())) => Json(operator.node.status()).into_response(),
        Ok(Err(error @ (SettingsError::NotHere(_) | SettingsError::Price(_)))) => {
            failure(StatusCode::CONFLICT, &error.to_string())
        }
        Ok(Err(error)) => failure(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
        Err(_) => failure(StatusCode::INTERNAL_SERVER_ERROR, "internal error"),
    }
}

fn failure(status: StatusCode, message: &str) -> Response<Body> {
    (status, Json(json!({ "error": { "message": message } }))).into_response()
}

/// Refuses what comes from a web page: a name that was rebound to this machine, or another page's form.
pub(crate) async fn only_local(request: Request, next: Next) -> Response<Body> {
    let headers = request.headers();
    let host = request
        .uri()
        .authority()
        .map(|authority| authority.as_str())
        .or_else(|| headers.get(HOST)?.to_str().ok());
    let Some(host) = host.filter(|host| is_loopback(host)) else {
        return failure(
            StatusCode::FORBIDDEN,
            "this API answers only to localhost and loopback addresses",
        );
    };
    if *request.method() != Method::GET && !is_same_origin(headers, host) {
        return failure(StatusCode::FORBIDDEN, "this API takes no orders from web pages");
    }
    next.run(request).await
}

/// Whether `host`, with or without a port, names this machine and nothing else.
fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((name, _)) => name,
            None => return false,
        },
        None => host.split(':').next().unwrap_or_default(),
    };
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Programs send no `Origin`; browsers do, and it must be the API's own.
fn is_same_origin(headers: &HeaderMap, host: &str) -> bool {
    match headers.get(ORIGIN) {
        None => true,
        Some(origin) => origin
            .to_str()
            .is_ok_and(|origin| origin == format!("http://{host}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_loopback() {
        for host in [
            "localhost",
            "LOCALHOST:7935",
            "127.0.0.1:7935",
            "127.8.9.1",
            "[::1]:7935",
            "[::1]",
        ] {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "",
            "evil.example:7935",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "10.0.0.1",
            "[::2]",
            "[::1",
            "0.0.0.0:7935",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
