//! A TCP port with HTTP/1.1 and HTTP/2 on it, with or without TLS, that stays bounded whatever strangers do to it.

use std::{
    convert::Infallible,
    future::Future,
    io,
    panic::AssertUnwindSafe,
    pin::pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Body,
    http::{Request, Response, Version, header::CONTENT_TYPE},
};
use futures_util::FutureExt;
use http_body_util::BodyExt;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::Status;
use tower::Service;

use super::{http::Refusal, stall::WriteLimit};

/// Headers of one request, all together (Go's default, which `Livepeer-Payment` with many tickets needs).
const MAX_HEADERS: u32 = 1 << 20;

/// What a peer may take of a port.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionLimits {
    /// Connections at once; more are closed as they come.
    pub connections: usize,
    /// How long the TLS handshake may take.
    pub handshake: Duration,
    /// How long a new connection may take to make its first request.
    pub first_request: Duration,
    /// How long an HTTP/1.1 connection may take from one request to the end of the next one's head. Gateways keep
    /// unused connections for 60 seconds and must not find them closed.
    pub next_request: Duration,
    /// How long a connection without a request is kept (`go-livepeer server/rpc.go`).
    pub idle: Duration,
    /// How long a peer may take nothing of what is sent to it.
    pub write_stall: Duration,
    /// How long connections get to finish when the node stops.
    pub shutdown: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            connections: 1024,
            handshake: Duration::from_secs(10),
            first_request: Duration::from_secs(15),
            next_request: Duration::from_secs(90),
            idle: Duration::from_secs(600),
            write_stall: Duration::from_secs(30),
            shutdown: Duration::from_secs(5),
        }
    }
}

/// What answers requests: gRPC where there is any, HTTP for the rest.
#[derive(Clone)]
pub(crate) struct Routes {
    /// Requests over HTTP/2 whose content type begins with `application/grpc`.
    pub grpc: Option<Router>,
    /// All others.
    pub http: Router,
}

impl Routes {
    /// Answers one request; a panic becomes an answer too, since a reset stream would look to gRPC clients like a
    /// shutdown of ours.
    async fn call(self, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
        let is_grpc = request.version() == Version::HTTP_2
            && request
                .headers()
                .get(CONTENT_TYPE)
                .is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"));
        let (mut router, is_grpc) = match self.grpc {
            Some(grpc) if is_grpc => (grpc, true),
            _ => (self.http, false),
        };
        let answered = AssertUnwindSafe(router.call(request.map(Body::new))).catch_unwind();
        match answered.await {
            Ok(response) => response,
            Err(_) if is_grpc => Ok(Status::unknown("internal error").into_http()),
            Err(_) => Ok(Refusal::internal().into_response()),
        }
    }
}

/// Serves a port until told to stop; then lets requests finish for as long as the limits say.
pub(crate) async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    routes: Routes,
    limits: ConnectionLimits,
    stop: CancellationToken,
) {
    let connections = TaskTracker::new();
    let cut = CancellationToken::new();
    let places = Arc::new(Semaphore::new(limits.connections));
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, or the peer was faster: neither is solved by asking again at once.
                tracing::warn!(%error, "no connection was accepted");
                tokio::select! {
                    () = stop.cancelled() => break,
                    () = sleep(Duration::from_millis(100)) => continue,
                }
            }
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            tracing::warn!(%peer, most = limits.connections, "closed a connection: there are as many as may be");
            continue;
        };
        let (tls, routes, stop, cut) = (tls.clone(), routes.clone(), stop.clone(), cut.clone());
        connections.spawn(async move {
            let _place = place;
            tokio::select! {
                () = cut.cancelled() => {}
                ended = connection(stream, tls, routes, limits, stop) => {
                    if let Err(error) = ended {
                        tracing::debug!(%peer, error, "a connection broke off");
                    }
                }
            }
        });
    }
    drop(listener);
    connections.close();
    if timeout(limits.shutdown, connections.wait()).await.is_err() {
        tracing::warn!("cutting connections that did not finish in time");
        cut.cancel();
        connections.wait().await;
    }
}

async fn connection(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    routes: Routes,
    limits: ConnectionLimits,
    stop: CancellationToken,
) -> Result<(), String> {
    stream.set_nodelay(true).map_err(|error| error.to_string())?;
    let stream = WriteLimit::new(stream, limits.write_stall);
    match tls {
        None => requests(stream, routes, limits, stop).await,
        Some(tls) => {
            let shaken = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                shaken = timeout(limits.handshake, tls.accept(stream)) => shaken,
            };
            let stream = shaken
                .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
                .map_err(|error| format!("TLS handshake: {error}"))?;
            requests(stream, routes, limits, stop).await
        }
    }
}

async fn requests(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    routes: Routes,
    limits: ConnectionLimits,
    stop: CancellationToken,
) -> Result<(), String> {
    let activity = Arc::new(Activity::new());
    let service = {
        let activity = Arc::clone(&activity);
        service_fn(move |request: Request<Incoming>| {
            let routes = routes.clone();
            let request_runs = activity.begin();
            async move {
                let response = routes.call(request).await?;
                // The request runs until the last byte of its answer is on its way.
                Ok::<_, Infallible>(response.map(|body| {
                    body.map_frame(move |frame| {
                        let _ = &request_runs;
                        frame
                    })
                }))
            }
        })
    };
    let builder = protocols(limits);
    let mut serving = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let mut stopping = pin!(stop.cancelled().fuse());
    let mut unused = pin!(activity.unused(limits));
    let mut is_stopping = false;
    loop {
        tokio::select! {
            served = serving.as_mut() => return served.map_err(|error| error.to_string()),
            () = stopping.as_mut(), if !is_stopping => {
                is_stopping = true;
                serving.as_mut().graceful_shutdown();
            }
            () = unused.as_mut() => return Ok(()),
        }
    }
}

fn protocols(limits: ConnectionLimits) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.next_request)
        .max_buf_size(MAX_HEADERS as usize);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(MAX_HEADERS)
        .keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(10));
    builder
}

/// Whether a connection is being used.
struct Activity {
    running: AtomicUsize,
    begun: AtomicUsize,
    last_end: Mutex<Instant>,
}

impl Activity {
    fn new() -> Self {
        Self {
            running: AtomicUsize::new(0),
            begun: AtomicUsize::new(0),
            last_end: Mutex::new(Instant::now()),
        }
    }

    fn begin(self: &Arc<Self>) -> RequestRuns {
        self.running.fetch_add(1, Ordering::AcqRel);
        self.begun.fetch_add(1, Ordering::AcqRel);
        RequestRuns(Arc::clone(self))
    }

    /// Resolves once no request has run for as long as the limits allow.
    fn unused(self: &Arc<Self>, limits: ConnectionLimits) -> impl Future<Output = ()> + use<> {
        let activity = Arc::clone(self);
        async move {
            loop {
                let limit = match activity.begun.load(Ordering::Acquire) {
                    0 => limits.first_request,
                    _ => limits.idle,
                };
                let last_end = *activity.last_end.lock().unwrap_or_else(PoisonError::into_inner);
                let left = match activity.running.load(Ordering::Acquire) {
                    0 => limit.saturating_sub(last_end.elapsed()),
                    _ => limit,
                };
                if left.is_zero() {
                    return;
                }
                sleep(left).await;
            }
        }
    }
}

/// Held while a request runs.
struct RequestRuns(Arc<Activity>);

impl Drop for RequestRuns {
    fn drop(&mut self) {
        *self.0.last_end.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        self.0.running.fetch_sub(1, Ordering::AcqRel);
    }
}
