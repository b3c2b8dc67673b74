//! A TCP port with HTTP/1.1 and HTTP/2 on it, with or without TLS, that stays bounded whatever strangers do to it.

use std::{
    convert::Infallible, io, net::SocketAddr, panic::AssertUnwindSafe, pin::pin, sync::Arc, time::Duration,
};

use axum::{
    Router,
    body::Body,
    http::{Request, Response, Version, header::CONTENT_TYPE},
};
use futures_util::FutureExt;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::Status;
use tower::Service;

use super::{
    guests::{Activity, Answering, Guests},
    http::Refusal,
    stall::WriteLimit,
};

/// Headers of one request, all together (Go's default, which `Livepeer-Payment` with many tickets needs).
const MAX_HEADERS: u32 = 1 << 20;

/// The answer to HTTP on a port with TLS.
const PLAIN_REQUEST: &[u8] = b"HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n\
    this port speaks HTTPS only\n";

/// What a peer may take of a port.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionLimits {
    /// Connections at once. One more takes the place of one without a request; if all have one, it is closed.
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
    /// An HTTP/2 peer of whom nothing is heard for so long is asked whether it is still there.
    pub ping_interval: Duration,
    /// How long it may take to say so.
    pub ping_timeout: Duration,
}

/// Who made a request: an extension of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer(pub SocketAddr);

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
            ping_interval: Duration::from_secs(20),
            ping_timeout: Duration::from_secs(10),
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
    let guests = Guests::new(limits.connections);
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
        let Some(guest) = guests.admit() else {
            tracing::warn!(%peer, most = limits.connections, "closed a connection: there are as many as may be");
            continue;
        };
        let (tls, routes, stop, cut) = (tls.clone(), routes.clone(), stop.clone(), cut.clone());
        connections.spawn(async move {
            tokio::select! {
                () = cut.cancelled() => {}
                () = guest.displaced() => tracing::debug!(%peer, "an unused connection made room for a new one"),
                ended = connection(stream, peer, tls, routes, limits, guest.activity(), stop) => {
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
    peer: SocketAddr,
    tls: Option<TlsAcceptor>,
    routes: Routes,
    limits: ConnectionLimits,
    activity: &Arc<Activity>,
    stop: CancellationToken,
) -> Result<(), String> {
    stream.set_nodelay(true).map_err(|error| error.to_string())?;
    let Some(tls) = tls else {
        let stream = WriteLimit::new(stream, limits.write_stall);
        return requests(stream, peer, routes, limits, activity, stop).await;
    };
    let handshake = async {
        if is_plain(&stream).await? {
            return refuse_plain(stream).await;
        }
        tls.accept(WriteLimit::new(stream, limits.write_stall)).await
    };
    let shaken = tokio::select! {
        () = stop.cancelled() => return Ok(()),
        shaken = timeout(limits.handshake, handshake) => shaken,
    };
    let stream = shaken
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
        .map_err(|error| format!("TLS handshake: {error}"))?;
    requests(stream, peer, routes, limits, activity, stop).await
}

/// Whether the peer begins with a letter, as requests do, and not with a TLS record.
async fn is_plain(stream: &TcpStream) -> io::Result<bool> {
    let mut first = [0];
    let length = stream.peek(&mut first).await?;
    Ok(length == 1 && first[0].is_ascii_uppercase())
}

/// Tells who speaks HTTP where TLS is spoken, since nothing else would tell them; always an error.
async fn refuse_plain<T>(mut stream: TcpStream) -> io::Result<T> {
    // What is left unread would make the system cut the answer off.
    let mut request = vec![0; 16 << 10];
    let _length = stream.read(&mut request).await?;
    stream.write_all(PLAIN_REQUEST).await?;
    stream.shutdown().await?;
    Err(io::Error::other("the peer speaks HTTP without TLS"))
}

async fn requests(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: SocketAddr,
    routes: Routes,
    limits: ConnectionLimits,
    activity: &Arc<Activity>,
    stop: CancellationToken,
) -> Result<(), String> {
    let service = {
        let activity = Arc::clone(activity);
        service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(Peer(peer));
            let routes = routes.clone();
            let request_runs = activity.begin();
            async move {
                let response = routes.call(request).await?;
                Ok::<_, Infallible>(response.map(|body| Answering::new(body, request_runs)))
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
        .keep_alive_interval(limits.ping_interval)
        .keep_alive_timeout(limits.ping_timeout);
    builder
}
