//! The operator's API: what a node tells its operator, and what it is told to do.
//!
//! | module | holds |
//! |---|---|
//! | `answers`, `actions` | the routes of `/api/v1` that look and those that change something |
//! | `events` | the event stream, which can be taken up again |
//! | `document` | the routes' description in OpenAPI |
//! | `guard` | everything that stands before them: names, web pages, tokens, bounds |
//! | `access` | what the operator said about that, and TLS |
//! | `scope`, `token` | what each path takes, and who has it |
//! | `audit`, `idempotency` | each write is written down, and can be repeated without being done twice |

mod access;
mod actions;
mod answers;
mod audit;
mod document;
mod events;
mod guard;
mod idempotency;
pub(crate) mod scope;
mod telling;
mod token;

use std::sync::Arc;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::StatusCode,
    middleware,
    routing::{get, post},
};
use tokio_util::sync::CancellationToken;

use self::guard::failure;
pub(crate) use self::guard::only_local;
pub(super) use self::{
    access::Access,
    events::{Feed, Readers},
    guard::Guard,
};
pub use self::{
    access::{AccessError, OperatorSettings, OperatorTls},
    document::document,
    guard::Caller,
    token::{TokenBook, TokenError, TokenFacts},
};
use super::{
    settings::{SettingsChange, SettingsError},
    treasury::Treasury,
};
use crate::{
    payments::Books,
    view::node::{ConfigView, NodeStatus},
};

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
    /// What it was started with, and what was changed since. May block.
    fn config(&self) -> ConfigView;
    /// Its winning tickets; none where nobody pays.
    fn books(&self) -> Option<Books> {
        None
    }
    /// What it may do on the chain; none: nothing.
    fn treasury(&self) -> Option<Treasury> {
        None
    }
}

/// What the operator's port serves.
pub(super) struct Served {
    /// The node.
    pub node: Arc<dyn Operated>,
    /// Who may ask.
    pub guard: Guard,
    /// Its events.
    pub feed: Feed,
    /// Who reads them.
    pub readers: Readers,
    /// Routes of others, without a fallback: the guard is laid over them too.
    pub more: Router,
    /// Event streams end when it is cancelled.
    pub stop: CancellationToken,
}

#[derive(Clone)]
struct Operator {
    node: Arc<dyn Operated>,
    guard: Guard,
    feed: Feed,
    readers: Readers,
    stop: CancellationToken,
}

/// The routes of the operator's port, with the guard before all of them.
pub(super) fn routes(served: Served) -> Router {
    let Served {
        node,
        guard,
        feed,
        readers,
        more,
        stop,
    } = served;
    let own = Router::new()
        .route("/healthz", get(|| async {}))
        .route("/api/v1/openapi.json", get(answers::openapi))
        .route("/api/v1/status", get(answers::status))
        .route("/api/v1/version", get(answers::version))
        .route("/api/v1/events", get(answers::events))
        .route("/api/v1/sessions", get(answers::sessions))
        .route("/api/v1/sessions/{id}", get(answers::session))
        .route("/api/v1/tickets", get(answers::tickets))
        .route("/api/v1/money", get(answers::money))
        .route("/api/v1/devices", get(answers::devices))
        .route("/api/v1/transcoders", get(answers::transcoders))
        .route("/api/v1/chain", get(answers::chain))
        .route("/api/v1/reward", get(answers::reward).post(actions::reward))
        .route("/api/v1/redeem", post(actions::redeem))
        .route("/api/v1/config", get(answers::config))
        .route("/api/v1/audit", get(answers::audit))
        .route("/api/v1/drain", post(actions::drain))
        .route("/api/v1/end-session", post(actions::end_session))
        .route("/api/v1/settings", post(actions::change))
        .fallback(|| async { failure(StatusCode::NOT_FOUND, "no_such_path", "no such path") })
        .method_not_allowed_fallback(|| async {
            failure(StatusCode::METHOD_NOT_ALLOWED, "method", "not with this method")
        })
        .with_state(Operator {
            node,
            guard: guard.clone(),
            feed,
            readers,
            stop,
        });
    own.merge(more)
        // The guard has read the body, within its own bounds.
        .layer(DefaultBodyLimit::disable())
        .layer(middleware::from_fn_with_state(guard, guard::watch_over))
}
