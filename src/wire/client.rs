//! Clients as the protocol wants them: any certificate, HTTP/2 for gRPC, HTTP/1.1 alone for downloads.

use std::{sync::Arc, time::Duration};

use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::TlsConnector;
use tonic::transport::{Channel, Endpoint};
use url::Url;

use super::tls::{self, TlsError};

/// How long a gRPC connection may take to be there (`go-livepeer server/rpc.go`).
pub const GRPC_CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a connection for segments may take (`go-livepeer common/util.go`).
pub const HTTP_CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How long an unused connection for segments is kept.
const POOL_IDLE: Duration = Duration::from_secs(60);

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The address cannot be connected to at all.
    #[error("`{0}` is not an address of a node; write it like `https://host:8935`")]
    Address(String),
    /// Nobody answered, or not in time, or not with TLS and HTTP/2.
    #[error("{address} cannot be reached: {reason}")]
    Unreachable {
        /// Host and port.
        address: String,
        /// What the network said.
        reason: String,
    },
    /// Our own side is at fault.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The HTTP client could not be made.
    #[error("the HTTP client could not be made: {0}")]
    Client(String),
}

/// HTTP/2 PINGs that find out when the other side has gone without a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pings {
    /// How often one is sent while nothing comes.
    pub interval: Duration,
    /// How long the answer may take; the connection is given up after that.
    pub patience: Duration,
}

/// Opens one gRPC connection to a node: TLS with any certificate for `https`, plain HTTP/2 for `http`. All of it
/// (name look-up, TCP, TLS) happens here, within `limit`.
///
/// # Errors
/// See [`ConnectError`].
pub async fn connect_grpc(uri: &Url, limit: Duration) -> Result<Channel, ConnectError> {
    connect(uri, limit, None).await
}

/// The same, for a connection that is to last: it ends when the node does not answer PINGs any more.
///
/// # Errors
/// See [`ConnectError`].
pub async fn connect_grpc_lasting(uri: &Url, limit: Duration, pings: Pings) -> Result<Channel, ConnectError> {
    connect(uri, limit, Some(pings)).await
}

async fn connect(uri: &Url, limit: Duration, pings: Option<Pings>) -> Result<Channel, ConnectError> {
    let (host, port) = host_and_port(uri)?;
    let address = format!("{host}:{port}");
    let unreachable = |reason: String| ConnectError::Unreachable {
        address: address.clone(),
        reason,
    };
    let connector = match uri.scheme() {
        "https" => Some(TlsConnector::from(Arc::new(tls::accept_any_client_config(&[
            tls::HTTP2,
        ])?))),
        _ => None,
    };
    let target = (host.trim_matches(['[', ']']).to_string(), port);
    // The scheme is only what tonic looks at: TLS is ours.
    let mut endpoint = Endpoint::from_shared(format!("http://{address}"))
        .map_err(|_| ConnectError::Address(uri.to_string()))?;
    if let Some(pings) = pings {
        endpoint = endpoint
            .http2_keep_alive_interval(pings.interval)
            .keep_alive_timeout(pings.patience)
            .keep_alive_while_idle(true);
    }
    let dial = tower::service_fn(move |_| {
        let (target, connector) = (target.clone(), connector.clone());
        async move { dial(target, connector).await }
    });
    match timeout(limit, endpoint.connect_with_connector(dial)).await {
        Ok(Ok(channel)) => Ok(channel),
        Ok(Err(error)) => Err(unreachable(innermost(&error))),
        Err(_) => Err(unreachable(format!("no answer within {limit:?}"))),
    }
}

/// A byte stream to the peer, encrypted or not.
trait Stream: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin {}
impl<S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin> Stream for S {}

async fn dial(
    (host, port): (String, u16),
    connector: Option<TlsConnector>,
) -> std::io::Result<TokioIo<Box<dyn Stream>>> {
    let tcp = TcpStream::connect((host.as_str(), port)).await?;
    tcp.set_nodelay(true)?;
    let Some(connector) = connector else {
        return Ok(TokioIo::new(Box::new(tcp)));
    };
    let name = ServerName::try_from(host).map_err(std::io::Error::other)?;
    let encrypted = connector.connect(name, tcp).await?;
    if encrypted.get_ref().1.alpn_protocol() != Some(tls::HTTP2) {
        return Err(std::io::Error::other("the peer does not speak HTTP/2"));
    }
    Ok(TokioIo::new(Box::new(encrypted)))
}

/// The client for `POST /segment`: HTTP/2 where the node offers it, HTTP/1.1 elsewhere, no redirects, no proxies.
///
/// # Errors
/// [`ConnectError::Client`] if it cannot be made.
pub fn segment_client() -> Result<reqwest::Client, ConnectError> {
    build(
        reqwest::Client::builder().pool_idle_timeout(POOL_IDLE),
        &[tls::HTTP2, tls::HTTP1],
    )
}

/// The client for services that are no nodes, like webhooks: certificates are checked, no proxies. `limit` is for the
/// whole request with its body, `redirects` for where an answer leads on to.
///
/// # Errors
/// [`ConnectError::Client`] if it cannot be made.
pub fn verifying_client(
    service: &Url,
    limit: Duration,
    redirects: reqwest::redirect::Policy,
) -> Result<reqwest::Client, ConnectError> {
    // Fails when one is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = reqwest::Client::builder()
        .timeout(limit)
        .redirect(redirects)
        .no_proxy();
    if service.scheme() == "http" {
        // Loading the system's certificates takes a while; a redirect to https has none to go by and fails.
        builder = builder.tls_certs_only(Vec::<reqwest::Certificate>::new());
    }
    builder
        .build()
        .map_err(|error| ConnectError::Client(innermost(&error)))
}

/// The body of an answer; none if it is longer than `most` bytes.
///
/// # Errors
/// The answer broke off or took too long.
pub async fn read_at_most(
    response: &mut reqwest::Response,
    most: usize,
) -> Result<Option<Vec<u8>>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > most {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body))
}

/// The client for downloads: HTTP/1.1 alone. `limit` is for the whole request with its body.
///
/// # Errors
/// [`ConnectError::Client`] if it cannot be made.
pub fn download_client(limit: Duration) -> Result<reqwest::Client, ConnectError> {
    build(
        reqwest::Client::builder().timeout(limit).http1_only(),
        &[tls::HTTP1],
    )
}

/// The client for `POST /transcodeResults`: HTTP/2 alone. Connections that do not answer PINGs are given up.
///
/// # Errors
/// [`ConnectError::Client`] if it cannot be made.
pub fn results_client(pings: Pings) -> Result<reqwest::Client, ConnectError> {
    build(
        reqwest::Client::builder()
            .http2_prior_knowledge()
            .http2_keep_alive_interval(pings.interval)
            .http2_keep_alive_timeout(pings.patience)
            .pool_idle_timeout(POOL_IDLE),
        &[tls::HTTP2],
    )
}

fn build(builder: reqwest::ClientBuilder, protocols: &[&[u8]]) -> Result<reqwest::Client, ConnectError> {
    builder
        .tls_backend_preconfigured(tls::accept_any_client_config(protocols)?)
        .connect_timeout(HTTP_CONNECT_TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .map_err(|error| ConnectError::Client(innermost(&error)))
}

/// Reads a node's address as people write it: `host`, `host:port` or a URL. Without a scheme it is `https`, without a
/// port 8935 (`go-livepeer discovery`).
///
/// # Errors
/// [`ConnectError::Address`] if it is none.
pub fn parse_node_address(text: &str) -> Result<Url, ConnectError> {
    let wrong = || ConnectError::Address(text.to_string());
    let text = text.trim().trim_end_matches('/');
    let with_scheme = match text.contains("://") {
        true => text.to_string(),
        false => format!("https://{text}"),
    };
    let mut url: Url = with_scheme.parse().map_err(|_| wrong())?;
    let is_node = matches!(url.scheme(), "http" | "https")
        && url.host().is_some()
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    if !is_node {
        return Err(wrong());
    }
    // `Url` drops a port that is the scheme's own, so the text tells whether one was written.
    if url.port().is_none() && !writes_port(&with_scheme) {
        url.set_port(Some(8935)).map_err(|()| wrong())?;
    }
    Ok(url)
}

fn writes_port(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split('/').next().unwrap_or_default();
    let port = authority.rsplit_once(':').map(|(_, port)| port);
    port.is_some_and(|port| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()))
}

pub(super) fn host_and_port(uri: &Url) -> Result<(&str, u16), ConnectError> {
    let address = || ConnectError::Address(uri.to_string());
    let host = uri.host_str().ok_or_else(address)?;
    let port = uri.port_or_known_default().ok_or_else(address)?;
    Ok((host, port))
}

/// The last cause of an error: libraries wrap what happened into what they were doing.
pub(crate) fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
