//! go-livepeer's operator routes (`go-livepeer server/webserver.go`, `server/handlers.go`), so that `livepeer_cli` and
//! operators' scripts run against this node: the same names, parameters, encodings and texts.
//!
//! | module | holds |
//! |---|---|
//! | `table` | every route: who may ask, what it needs, what it answers |
//! | `form`, `number` | parameters as Go reads them, numbers exactly |
//! | `answer`, `transact` | texts, bytes, JSON and errors as Go sends them, and plans sent by the node's one sender |
//! | `front` | what the routes need of whatever runs |
//! | `status`, `broadcast`, `rounds`, `orchestrator`, `stake`, `account`, `gov`, `gas`, `deposits` | the routes |
//!
//! Where go-livepeer loses money by a slip of the pen, these do not follow it: `docs/go_routes.md` names each place. Whoever may
//! ask is the business of the port's guard; no route looks at who it is.

mod account;
mod answer;
mod broadcast;
mod deposits;
mod form;
mod front;
mod gas;
mod gov;
mod number;
mod orchestrator;
mod rounds;
mod stake;
mod status;
mod table;
mod transact;

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use alloy::primitives::Address;
use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, Method, Response, StatusCode},
    routing::any,
};

pub(crate) use self::front::{Front, Role};
pub use self::table::{GoAnswer, GoRoute, ROUTES};
use self::{
    answer::{Refused, Reply, respond},
    broadcast::Broadcast,
    form::Form,
};
use crate::{
    chain::{Chain, Outbox},
    config::LogLevel,
    node::settings::SettingsChange,
    view::node::Scope,
};

/// What a node without an account on a chain says.
const NO_CLIENT: &str = "missing ETH client";

/// Answers a request of one route.
type Call = fn(Ask) -> Pin<Box<dyn Future<Output = Reply> + Send>>;

/// What whoever asks for `path` must be allowed to; none for a path that is none of these.
pub(crate) fn scope(path: &str) -> Option<Scope> {
    let route = ROUTES.iter().find(|route| route.path == path);
    route.map(|route| route.scope)
}

/// The routes, for what runs behind `front`.
pub(crate) fn routes(front: Arc<dyn Front>) -> Router {
    let mut router = Router::new();
    for route in ROUTES.iter().filter(|route| route.call.is_some()) {
        let answer = move |State(go): State<Go>, request: Request| serve(go, route, request);
        router = router.route(route.path, any(answer));
    }
    // Go's profiler tells a process's arguments, passwords among them: there is none here.
    for path in ["/debug/pprof/", "/debug/pprof/{*rest}"] {
        router = router.route(path, any(no_profiler));
    }
    router.with_state(Go(Arc::new(Shared {
        front,
        broadcast: Mutex::default(),
        level: Mutex::default(),
    })))
}

async fn no_profiler() -> Response<Body> {
    respond(Err(Refused {
        status: StatusCode::NOT_FOUND,
        text: "404 page not found".to_string(),
    }))
}

/// What all routes share.
#[derive(Clone)]
struct Go(Arc<Shared>);

struct Shared {
    front: Arc<dyn Front>,
    broadcast: Mutex<Broadcast>,
    /// The number the log level was last set by, and what that meant.
    level: Mutex<Option<(u8, LogLevel)>>,
}

impl Go {
    fn front(&self) -> &dyn Front {
        &*self.0.front
    }

    fn broadcast(&self) -> MutexGuard<'_, Broadcast> {
        self.0.broadcast.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn level(&self) -> MutexGuard<'_, Option<(u8, LogLevel)>> {
        self.0.level.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request, as a route gets it.
struct Ask {
    go: Go,
    method: Method,
    headers: HeaderMap,
    form: Form,
}

impl Ask {
    /// Who sends the node's transactions. There is one wherever the table says that a chain is needed.
    fn outbox(&self) -> Result<&Outbox, Refused> {
        let outbox = self.go.front().outbox();
        outbox.ok_or_else(|| Refused::failed(NO_CLIENT))
    }

    fn chain(&self) -> Result<&Chain, Refused> {
        Ok(self.outbox()?.chain())
    }

    fn account(&self) -> Result<Address, Refused> {
        Ok(self.outbox()?.account())
    }

    /// Changes what can be changed while the node runs.
    async fn change(&self, change: SettingsChange) -> Result<(), crate::node::SettingsError> {
        let go = self.go.clone();
        let changed = tokio::task::spawn_blocking(move || go.front().change(&change)).await;
        changed.unwrap_or(Err(crate::node::SettingsError::NotHere("internal error")))
    }
}

async fn serve(go: Go, route: &'static GoRoute, request: Request) -> Response<Body> {
    let method = request.method().clone();
    let (form, headers) = match Form::read(request).await {
        Ok(read) => read,
        Err(form::TooLarge) => {
            return respond(Err(Refused {
                status: StatusCode::PAYLOAD_TOO_LARGE,
                text: "http: request body too large".to_string(),
            }));
        }
    };
    let ask = Ask {
        go,
        method,
        headers,
        form,
    };
    if let Err(refused) = check(route, &ask) {
        return respond(Err(refused));
    }
    let Some(call) = route.call else {
        return respond(Err(Refused::failed("internal error")));
    };
    if route.scope == Scope::Read {
        return respond(call(ask).await);
    }
    // Whoever asks may hang up: what was begun is brought to its end all the same.
    let doing = tokio::spawn(call(ask));
    let reply = doing.await;
    respond(reply.unwrap_or_else(|_| Err(Refused::failed("internal error"))))
}

/// What every route asks for, in go-livepeer's order.
fn check(route: &GoRoute, ask: &Ask) -> Result<(), Refused> {
    if route.is_form
        && let Some(error) = &ask.form.error
    {
        return Err(Refused::failed(format!("parse form error: {error}")));
    }
    for name in route.required {
        if ask.form.bytes(name).is_empty() {
            return Err(Refused::bad(format!("missing form param: {name}")));
        }
    }
    if route.needs_chain && ask.go.front().outbox().is_none() {
        return Err(Refused::failed(NO_CLIENT));
    }
    Ok(())
}
