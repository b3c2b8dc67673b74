//! What stands before the operator's API: which names it answers to, web pages kept out, tokens and their scopes, writes
//! that are writes, bounds, the audit log. What is behind it contains none of that.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::{
    Json,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{
        HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode,
        header::{
            ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HOST, ORIGIN, REFERER, RETRY_AFTER,
            WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
        },
        request::Parts,
    },
    middleware::Next,
    response::IntoResponse,
};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use jiff::Timestamp;
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::time::timeout;

use super::{
    access::Access,
    audit::Audit,
    idempotency::{Fingerprint, Kept, LARGEST, Replays, Seen, Ticket, is_key},
    scope::{self, Need, Scope},
};
use crate::{node::listener::Peer, view::node::AuditLine};

/// Longest body of a request, in bytes.
const MAX_BODY: usize = 64 << 10;
/// How long a body may take to come.
const BODY_TIME: Duration = Duration::from_secs(10);
/// What is kept of what a write asked for, in characters.
const WHAT: usize = 400;
/// What is kept of a path, in characters.
const PATH: usize = 200;
/// Names an answer given once for all repetitions of a write.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// On an answer that was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
/// Whoever is on the machine.
const LOOPBACK: &str = "loopback";

/// Who asks: an extension of every request behind the guard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The token's name, or `loopback` for who needs none.
    pub name: String,
    /// What is allowed.
    pub scope: Scope,
}

/// The guard of one port. Cheap to clone.
#[derive(Debug, Clone)]
pub(in crate::node) struct Guard(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    access: Access,
    body_time: Duration,
    audit: Arc<Audit>,
    replays: Replays,
    writes: Bucket,
    strangers: Bucket,
}

/// So much at once, and so much a second.
#[derive(Debug)]
struct Bucket {
    most: u32,
    every: Duration,
    level: Mutex<(u32, Instant)>,
}

impl Bucket {
    fn new(most: u32, every: Duration) -> Self {
        Self {
            most,
            every,
            level: Mutex::new((most, Instant::now())),
        }
    }

    /// Takes one, if there is one.
    fn take(&self, now: Instant) -> bool {
        let mut level = self.level.lock().unwrap_or_else(PoisonError::into_inner);
        let (left, since) = &mut *level;
        let gone = now.saturating_duration_since(*since).as_nanos() / self.every.as_nanos().max(1);
        let came = u32::try_from(gone).unwrap_or(u32::MAX);
        if came > 0 {
            *left = left.saturating_add(came).min(self.most);
            *since = match *left == self.most {
                true => now,
                false => *since + self.every * came,
            };
        }
        let has_one = *left > 0;
        *left -= u32::from(has_one);
        has_one
    }
}

/// Why a request goes no further.
struct Refused {
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl Refused {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response<Body> {
        let mut response = failure(self.status, self.code, &self.message);
        let headers = response.headers_mut();
        match self.status {
            StatusCode::UNAUTHORIZED => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            StatusCode::METHOD_NOT_ALLOWED => {
                headers.insert(ALLOW, HeaderValue::from_static("POST"));
            }
            StatusCode::TOO_MANY_REQUESTS => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
            }
            _ => {}
        }
        response
    }
}

/// An error as the API tells it.
pub(super) fn failure(status: StatusCode, code: &str, message: &str) -> Response<Body> {
    (
        status,
        Json(json!({ "error": { "code": code, "message": message } })),
    )
        .into_response()
}

impl Guard {
    /// The guard of a port.
    pub(in crate::node) fn new(access: Access, data_dir: &std::path::Path) -> Self {
        Self::with(access, data_dir, BODY_TIME)
    }

    /// The same, with another time for a body to come in.
    fn with(access: Access, data_dir: &std::path::Path, body_time: Duration) -> Self {
        Self(Arc::new(Inner {
            access,
            body_time,
            audit: Arc::new(Audit::new(data_dir)),
            replays: Replays::default(),
            writes: Bucket::new(100, Duration::from_millis(50)),
            strangers: Bucket::new(20, Duration::from_secs(3)),
        }))
    }

    pub(super) fn audit(&self) -> &Arc<Audit> {
        &self.0.audit
    }

    /// Whether a request may be answered, and for whom.
    fn admit(&self, head: &Parts) -> Result<(Caller, Need), Refused> {
        let need = scope::of(&head.method, head.uri.path());
        let place = self.place(head)?;
        from_no_page(&head.headers, &place, self.0.access.is_tls())?;
        let caller = self.caller(head, &place, need)?;
        if caller.scope < need.scope {
            let message = format!(
                "token `{}` allows `{}`, this takes `{}`",
                caller.name, caller.scope, need.scope
            );
            if need.is_write {
                self.note(head, &caller, need, None, StatusCode::FORBIDDEN, false);
            }
            return Err(Refused::new(StatusCode::FORBIDDEN, "scope", message));
        }
        let is_get = matches!(head.method, Method::GET | Method::HEAD);
        if need.is_write && is_get && !self.may_write_with_get(head, &place) {
            return Err(Refused::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "post_only",
                "this changes something: send it with POST (or set `operator.get_writes` for scripts on this machine)",
            ));
        }
        if need.is_write && !self.0.writes.take(Instant::now()) {
            return Err(Refused::new(
                StatusCode::TOO_MANY_REQUESTS,
                "too_many_writes",
                "more changes than this node takes at once: try again in a second",
            ));
        }
        Ok((caller, need))
    }

    /// The name the request is for, if this port answers to it.
    fn place(&self, head: &Parts) -> Result<Place, Refused> {
        let access = &self.0.access;
        let place = Place::of(head).filter(|place| match place.kind(access.hosts()) {
            Kind::Loopback | Kind::Named => true,
            Kind::Address => !access.is_local(),
            Kind::Stranger => false,
        });
        place.ok_or_else(|| {
            let message = match access.is_local() {
                true => "this API answers only to localhost and loopback addresses",
                false => "this API answers to addresses and to the names in `operator.hosts`",
            };
            Refused::new(StatusCode::FORBIDDEN, "host", message)
        })
    }

    fn caller(&self, head: &Parts, place: &Place, need: Need) -> Result<Caller, Refused> {
        let access = &self.0.access;
        let stranger = |code, message: &str| match self.0.strangers.take(Instant::now()) {
            true => {
                tracing::warn!(from = %from(head), code, "refused a request to the operator's API");
                Refused::new(StatusCode::UNAUTHORIZED, code, message)
            }
            false => Refused::new(
                StatusCode::TOO_MANY_REQUESTS,
                "too_many_strangers",
                "too many requests without a good token: try again later",
            ),
        };
        let mut given = head.headers.get_all(AUTHORIZATION).iter();
        match (given.next(), given.next()) {
            (Some(value), None) => {
                let token = value.to_str().ok().and_then(|text| {
                    let (kind, token) = text.split_once(' ')?;
                    kind.eq_ignore_ascii_case("bearer").then_some(token.trim())
                });
                let holder = token
                    .zip(access.tokens())
                    .and_then(|(token, tokens)| tokens.holder(token));
                holder
                    .map(|holder| Caller {
                        name: holder.name,
                        scope: holder.scope,
                    })
                    .ok_or_else(|| stranger("bad_token", "this token is not known here"))
            }
            (Some(_), Some(_)) => Err(stranger("bad_token", "one token is enough")),
            // A proxy on this machine speaks for others: who comes by a name of the network needs a token.
            (None, _) if access.is_local() && place.kind(&[]) == Kind::Loopback => Ok(Caller {
                name: LOOPBACK.to_string(),
                scope: Scope::Money,
            }),
            (None, _) if head.uri.path() == "/healthz" && !need.is_write => Ok(Caller {
                name: "anybody".to_string(),
                scope: Scope::Read,
            }),
            (None, _) => Err(stranger(
                "token_missing",
                "beyond loopback this API takes a token: `Authorization: Bearer …`",
            )),
        }
    }

    /// Scripts on this machine, made for go-livepeer, may change things with GET if the operator says so. Browsers say
    /// where a request comes from, and none of them may.
    fn may_write_with_get(&self, head: &Parts, place: &Place) -> bool {
        let access = &self.0.access;
        let is_near = head
            .extensions
            .get::<Peer>()
            .is_some_and(|Peer(peer)| peer.ip().is_loopback());
        let told_by_browsers = [ORIGIN, REFERER, SEC_FETCH_SITE];
        access.takes_get_writes()
            && access.is_local()
            && is_near
            && place.kind(&[]) == Kind::Loopback
            && told_by_browsers
                .iter()
                .all(|name| !head.headers.contains_key(name))
            && !head.uri.path().starts_with("/api/")
    }

    /// Writes a line of the audit log, from a thread that may wait.
    fn note(
        &self,
        head: &Parts,
        caller: &Caller,
        need: Need,
        what: Option<String>,
        status: StatusCode,
        replayed: bool,
    ) -> tokio::task::JoinHandle<()> {
        let line = AuditLine {
            time: Timestamp::now(),
            who: caller.name.clone(),
            from: from(head),
            action: format!("{} {}", head.method, plain(head.uri.path(), PATH)),
            scope: need.scope,
            status: status.as_u16(),
            what,
            replayed,
        };
        let audit = Arc::clone(&self.0.audit);
        tokio::task::spawn_blocking(move || {
            if let Err(error) = audit.write(&line) {
                tracing::error!(%error, who = line.who, action = line.action, status = line.status,
                    "a write is not in the audit log, which cannot be written");
            }
        })
    }

    /// Carries a write out, once for each key, and writes it down.
    async fn write(
        &self,
        head: Parts,
        body: Bytes,
        caller: Caller,
        need: Need,
        next: Next,
    ) -> Response<Body> {
        let ticket = match self.ticket(&head, &body, &caller) {
            Ok(ticket) => ticket,
            Err(Early::Again(kept)) => {
                let what = what_of(&head, &body);
                let noting = self.note(&head, &caller, need, what, kept.status, true);
                let _ = noting.await;
                return again(kept);
            }
            Err(Early::Refused(refused)) => return refused.into_response(),
        };
        let what = what_of(&head, &body);
        let mut asked = Request::new(Body::from(body));
        *asked.method_mut() = head.method.clone();
        *asked.uri_mut() = head.uri.clone();
        *asked.version_mut() = head.version;
        *asked.headers_mut() = head.headers.clone();
        *asked.extensions_mut() = head.extensions.clone();
        let response = next.run(asked).await;
        let status = response.status();
        let response = match ticket {
            Some(ticket) => keep(ticket, response).await,
            None => response,
        };
        // The line is there before anybody hears of the outcome.
        let _ = self.note(&head, &caller, need, what, status, false).await;
        response
    }

    /// The place for the answer to a write with a key.
    fn ticket(&self, head: &Parts, body: &Bytes, caller: &Caller) -> Result<Option<Ticket>, Early> {
        let refused = |status, code, message| Early::Refused(Refused::new(status, code, message));
        let mut keys = head.headers.get_all(IDEMPOTENCY_KEY).iter();
        let key = match (keys.next(), keys.next()) {
            (None, _) => return Ok(None),
            (Some(key), None) => key.to_str().ok().filter(|key| is_key(key)),
            (Some(_), Some(_)) => None,
        };
        let Some(key) = key else {
            return Err(refused(
                StatusCode::BAD_REQUEST,
                "bad_idempotency_key",
                "an idempotency key is one header of 1 to 128 visible characters",
            ));
        };
        match self
            .0
            .replays
            .look(&caller.name, key, fingerprint(head, body), Instant::now())
        {
            Seen::New(ticket) => Ok(Some(ticket)),
            Seen::Again(kept) => Err(Early::Again(kept)),
            Seen::Other => Err(refused(
                StatusCode::UNPROCESSABLE_ENTITY,
                "idempotency_key_reused",
                "this idempotency key was used for another request: take a new one",
            )),
            Seen::Running => Err(refused(
                StatusCode::CONFLICT,
                "in_flight",
                "the request with this idempotency key is still being carried out: ask again later",
            )),
            Seen::Full => Err(refused(
                StatusCode::SERVICE_UNAVAILABLE,
                "too_many_keys",
                "too many writes are being carried out: try again later",
            )),
        }
    }
}

/// Why a write is not carried out.
enum Early {
    Again(Kept),
    Refused(Refused),
}

/// The layer that is laid over all routes of the operator's port.
pub(super) async fn watch_over(State(guard): State<Guard>, request: Request, next: Next) -> Response<Body> {
    let (mut head, body) = request.into_parts();
    let mut response = match guard.admit(&head) {
        Ok((caller, need)) => {
            head.extensions.insert(caller.clone());
            match read(&head, body, guard.0.body_time).await {
                Ok(Some(body)) if need.is_write => {
                    // Who asked may hang up: what was begun is carried out and written down.
                    let written =
                        tokio::spawn(async move { guard.write(head, body, caller, need, next).await });
                    written.await.unwrap_or_else(|_| {
                        failure(StatusCode::INTERNAL_SERVER_ERROR, "internal", "internal error")
                    })
                }
                Ok(body) => {
                    let body = body.map_or_else(Body::empty, Body::from);
                    next.run(Request::from_parts(head, body)).await
                }
                Err(refused) => refused.into_response(),
            }
        }
        Err(refused) => refused.into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
    headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

/// The whole body, in time and within bounds.
async fn read(head: &Parts, body: Body, within: Duration) -> Result<Option<Bytes>, Refused> {
    let reading = Limited::new(body, MAX_BODY).collect();
    match timeout(within, reading).await {
        Ok(Ok(read)) => Ok(Some(read.to_bytes())),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Refused::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too_large",
            format!("a request has {} KiB at most", MAX_BODY >> 10),
        )),
        Ok(Err(_)) => Err(Refused::new(
            StatusCode::BAD_REQUEST,
            "broken_off",
            "the request broke off",
        )),
        Err(_) => {
            tracing::debug!(from = %from(head), "a request came too slowly");
            Err(Refused::new(
                StatusCode::REQUEST_TIMEOUT,
                "too_slow",
                format!("the request did not come within {} s", within.as_secs()),
            ))
        }
    }
}

/// An answer that was given before.
fn again(kept: Kept) -> Response<Body> {
    let mut response = Response::new(Body::from(kept.body));
    *response.status_mut() = kept.status;
    let headers = response.headers_mut();
    if let Some(kind) = kept.content_type {
        headers.insert(CONTENT_TYPE, kind);
    }
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    response
}

/// Keeps an answer for who repeats the write.
async fn keep(ticket: Ticket, response: Response<Body>) -> Response<Body> {
    let (head, body) = response.into_parts();
    let Ok(body) = to_bytes(body, LARGEST).await else {
        // It was carried out all the same: whoever repeats it must not do it twice.
        let message = "it was carried out; its answer is too large to be kept: ask for the status";
        let told = failure(head.status, "answer_too_large", message);
        let (head, body) = told.into_parts();
        let body = to_bytes(body, LARGEST).await.unwrap_or_default();
        ticket.answered(Kept {
            status: head.status,
            content_type: head.headers.get(CONTENT_TYPE).cloned(),
            body: body.clone(),
        });
        return Response::from_parts(head, Body::from(body));
    };
    ticket.answered(Kept {
        status: head.status,
        content_type: head.headers.get(CONTENT_TYPE).cloned(),
        body: body.clone(),
    });
    Response::from_parts(head, Body::from(body))
}

fn fingerprint(head: &Parts, body: &Bytes) -> Fingerprint {
    let mut hash = Sha256::new();
    let target = head.uri.path_and_query().map_or("", |target| target.as_str());
    let kind = head
        .headers
        .get(CONTENT_TYPE)
        .map_or(&[][..], HeaderValue::as_bytes);
    for part in [head.method.as_str().as_bytes(), target.as_bytes(), kind, body] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// What a write asks for, for the audit log. Nothing in the bodies of `/api/v1` is secret; elsewhere only the names are
/// told.
fn what_of(head: &Parts, body: &Bytes) -> Option<String> {
    if head.uri.path().starts_with("/api/") {
        let text = String::from_utf8_lossy(body);
        return (!text.trim().is_empty()).then(|| plain(&text, WHAT));
    }
    let query = head.uri.query().unwrap_or_default().as_bytes();
    let names: Vec<String> = url::form_urlencoded::parse(query)
        .chain(url::form_urlencoded::parse(body))
        .take(20)
        .map(|(name, _)| plain(&name, 40))
        .collect();
    (!names.is_empty()).then(|| names.join(" "))
}

/// The beginning of a text, without what could act on a terminal.
fn plain(text: &str, most: usize) -> String {
    let harmless = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    text.trim().chars().take(most).map(harmless).collect()
}

fn from(head: &Parts) -> String {
    let peer: Option<SocketAddr> = head.extensions.get::<Peer>().map(|Peer(peer)| *peer);
    peer.map_or_else(|| "unknown".to_string(), |peer| peer.to_string())
}

/// Host and port as the client wrote them.
struct Place {
    host: String,
}

/// What a host is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// This machine and nothing else.
    Loopback,
    /// A name the operator gave it.
    Named,
    /// An address: nobody can rebind it.
    Address,
    /// Any other name.
    Stranger,
}

impl Place {
    /// One host, told once, or in the request line.
    fn of(head: &Parts) -> Option<Self> {
        let mut told = head.headers.get_all(HOST).iter();
        let in_header = match (told.next(), told.next()) {
            (None, _) => None,
            (Some(host), None) => Some(host.to_str().ok()?),
            (Some(_), Some(_)) => return None,
        };
        let in_line = head.uri.authority().map(|authority| authority.as_str());
        match (in_line, in_header) {
            (Some(line), Some(header)) if !line.eq_ignore_ascii_case(header) => None,
            (line, header) => Some(Self {
                host: line.or(header)?.to_string(),
            }),
        }
    }

    fn kind(&self, names: &[String]) -> Kind {
        let Some(name) = name_in(&self.host) else {
            return Kind::Stranger;
        };
        if is_loopback(&self.host) {
            return Kind::Loopback;
        }
        match name.parse::<IpAddr>() {
            Ok(_) => Kind::Address,
            Err(_) if names.iter().any(|known| known.eq_ignore_ascii_case(name)) => Kind::Named,
            Err(_) => Kind::Stranger,
        }
    }
}

/// Refuses what a page of somebody else's made a browser send.
fn from_no_page(headers: &HeaderMap, place: &Place, is_tls: bool) -> Result<(), Refused> {
    let refused = || {
        Refused::new(
            StatusCode::FORBIDDEN,
            "cross_site",
            "this API takes nothing from web pages of others",
        )
    };
    let scheme = if is_tls { "https" } else { "http" };
    let own = format!("{scheme}://{}", place.host);
    let is_foreign = |origin: &HeaderValue| {
        !origin
            .to_str()
            .is_ok_and(|origin| origin.eq_ignore_ascii_case(&own))
    };
    if headers.get_all(ORIGIN).iter().any(is_foreign) {
        return Err(refused());
    }
    let is_far = |site: &HeaderValue| !matches!(site.as_bytes(), b"same-origin" | b"none");
    match headers.get_all(SEC_FETCH_SITE).iter().any(is_far) {
        true => Err(refused()),
        false => Ok(()),
    }
}

/// Refuses what comes from a web page: a name that was rebound to this machine, or another page's form. For ports on
/// loopback that change nothing.
pub(crate) async fn only_local(request: Request, next: Next) -> Response<Body> {
    let (head, body) = request.into_parts();
    let local = Place::of(&head).filter(|place| place.kind(&[]) == Kind::Loopback);
    let Some(place) = local else {
        return failure(
            StatusCode::FORBIDDEN,
            "host",
            "this API answers only to localhost and loopback addresses",
        );
    };
    let is_read = head.method == Method::GET;
    if let (false, Err(refused)) = (is_read, from_no_page(&head.headers, &place, false)) {
        return refused.into_response();
    }
    next.run(Request::from_parts(head, body)).await
}

/// The name in a host with or without a port; none if it is neither.
fn name_in(host: &str) -> Option<&str> {
    match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map(|(name, _)| name),
        None => host.split(':').next(),
    }
}

/// Whether `host`, with or without a port, names this machine and nothing else.
fn is_loopback(host: &str) -> bool {
    name_in(host).is_some_and(|name| {
        name.eq_ignore_ascii_case("localhost")
            || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    })
}

#[cfg(test)]
mod tests {
    use axum::{
        Router, middleware,
        routing::{get, post},
    };
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::{TcpListener, TcpStream},
    };
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::node::{
        listener::{ConnectionLimits, Routes, serve},
        operator::OperatorSettings,
    };

    /// What comes back of a request that is sent whole, or that ends with a body that comes a drop at a time for ever.
    async fn say(address: SocketAddr, request: &'static str, drips: bool) -> String {
        let (mut back, mut there) = TcpStream::connect(address).await.unwrap().into_split();
        there.write_all(request.as_bytes()).await.unwrap();
        let dripping = async {
            while drips && there.write_all(b" ").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            std::future::pending::<()>().await;
        };
        let mut answer = Vec::new();
        tokio::select! {
            // A connection that is cut with drops on their way is reset.
            _ = back.read_to_end(&mut answer) => {}
            () = dripping => {}
        }
        String::from_utf8(answer).unwrap()
    }

    #[tokio::test]
    async fn a_body_that_never_ends_is_ended_and_others_are_served_meanwhile() {
        let folder = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (access, _) = Access::open(OperatorSettings::default(), address, folder.path()).unwrap();
        let guard = Guard::with(access, folder.path(), Duration::from_millis(300));
        let http = Router::new()
            .route("/setMaxSessions", post(async |_: Bytes| "set"))
            .route("/healthz", get(async || "well"))
            .layer(middleware::from_fn_with_state(guard, watch_over));
        let (routes, stop) = (Routes { grpc: None, http }, CancellationToken::new());
        let serving = serve(listener, None, routes, ConnectionLimits::default(), stop.clone());
        let serving = tokio::spawn(serving);

        let head = "POST /setMaxSessions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000\r\n\r\n";
        let dripping = tokio::spawn(timeout(Duration::from_secs(60), say(address, head, true)));
        loop {
            let other = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
            let answer = say(address, other, false).await;
            assert!(
                answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("well"),
                "{answer}"
            );
            if dripping.is_finished() {
                break;
            }
        }
        let answer = dripping.await.unwrap().expect("it is ended");
        assert!(
            answer.starts_with("HTTP/1.1 408 ") && answer.contains("\"too_slow\""),
            "{answer}"
        );
        stop.cancel();
        serving.await.unwrap();
    }

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

    #[test]
    fn names_are_told_from_addresses_and_from_strangers() {
        let kind = |host: &str| {
            Place {
                host: host.to_string(),
            }
            .kind(&["node.example".to_string()])
        };
        assert_eq!(kind("NODE.example:7935"), Kind::Named);
        assert_eq!(kind("10.0.0.7:7935"), Kind::Address);
        assert_eq!(kind("[2001:db8::1]:7935"), Kind::Address);
        for strange in [
            "evil.example",
            "node.example.evil.example",
            "10.0.0.7.evil.example",
            "",
            "[",
        ] {
            assert_eq!(kind(strange), Kind::Stranger, "{strange}");
        }
    }

    #[test]
    fn a_bucket_is_filled_again_in_time_and_never_beyond() {
        let bucket = Bucket::new(3, Duration::from_secs(1));
        let start = Instant::now();
        let taken = |after: u64| {
            (0..9)
                .filter(|_| bucket.take(start + Duration::from_secs(after)))
                .count()
        };
        assert_eq!((taken(0), taken(0), taken(2), taken(100)), (3, 0, 2, 3));
    }

    #[test]
    fn what_could_be_secret_is_not_in_the_audit_log() {
        let head = |path: &str| Request::post(path).body(()).unwrap().into_parts().0;
        let form = Bytes::from_static(b"passphrase=hunter2&amount=1\x1b");
        let what = what_of(&head("/unlock?key=hunter3"), &form).unwrap();
        assert_eq!(what, "key passphrase amount");
        let order = Bytes::from_static(b"{\"session\":\"9f3c21ab\"}\x1b[2J");
        let what = what_of(&head("/api/v1/end-session"), &order).unwrap();
        assert_eq!(what, "{\"session\":\"9f3c21ab\"}\u{fffd}[2J");
    }
}
