//! The port: JSON by POST at `/`, from programs of this machine and not from web pages.

use std::sync::Arc;

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, Request, State},
    http::{
        HeaderMap, StatusCode,
        header::{CONTENT_TYPE, ORIGIN},
    },
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::post,
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::Core;
use crate::node::{
    ConnectionLimits,
    listener::{self, Routes},
    operator::only_local,
};

/// A body is at most this long: a batch of large calls, or a signed transaction.
const LONGEST_BODY: usize = 2 << 20;

/// Answers until stopped.
pub(super) async fn serve(
    listener: TcpListener,
    core: Arc<Core>,
    allow_remote: bool,
    stop: CancellationToken,
) {
    let router = Router::new()
        .route("/", post(answer))
        .fallback(|| async { (StatusCode::NOT_FOUND, "JSON-RPC is at /\n") })
        .method_not_allowed_fallback(|| async { (StatusCode::METHOD_NOT_ALLOWED, "JSON-RPC goes by POST\n") })
        .layer(DefaultBodyLimit::max(LONGEST_BODY))
        .with_state(core);
    let router = match allow_remote {
        false => router.layer(middleware::from_fn(only_local)),
        true => router.layer(middleware::from_fn(no_web_page)),
    };
    let routes = Routes {
        grpc: None,
        http: router,
    };
    listener::serve(listener, None, routes, ConnectionLimits::default(), stop).await;
}

/// Programs send no `Origin`; browsers do.
async fn no_web_page(request: Request, next: Next) -> Response<Body> {
    match request.headers().contains_key(ORIGIN) {
        true => (StatusCode::FORBIDDEN, "not for web pages\n").into_response(),
        false => next.run(request).await,
    }
}

async fn answer(State(core): State<Arc<Core>>, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let is_json = headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind.to_ascii_lowercase().starts_with("application/json"));
    if !is_json {
        return (
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "the content type must be application/json\n",
        )
            .into_response();
    }
    match core.answer(&body).await {
        Some(answer) => ([(CONTENT_TYPE, "application/json")], answer).into_response(),
        None => StatusCode::NO_CONTENT.into_response(),
    }
}
