//! Several JSON-RPC endpoints as one: the last good one first, the others when it fails, every failure kept.
//!
//! An endpoint is asked for its chain id before anything else is asked of it, so falling over can never read from, or
//! send to, another chain. Nothing here shows an endpoint's path or query: both often are keys.

use std::{
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use alloy::{
    hex,
    primitives::{U64, map::HashSet},
    rpc::json_rpc::{Id, Request, RequestPacket, Response, ResponsePacket, ResponsePayload},
    transports::{TransportError, TransportErrorKind, TransportFut},
};
use bytes::Bytes;
use tower::Service;

use super::{
    errors::{ChainError, EndpointFailure, EndpointFailures, FailureKind},
    text::plain,
};
use crate::secret::RpcUrl;

/// More than any answer of ours: a batch of reads is well below a megabyte.
const LONGEST_ANSWER: usize = 16 << 20;
/// Between two rounds over the endpoints, when one of them asked to be left alone for a moment.
const PAUSE: Duration = Duration::from_millis(300);
/// Rounds over all endpoints.
const ROUNDS: usize = 2;

/// The endpoints of one network. Cheap to clone; clones share which endpoint is good.
#[derive(Clone, Debug)]
pub struct Endpoints(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    list: Vec<Endpoint>,
    last_good: AtomicUsize,
    timeout: Duration,
    network: String,
    /// Fixed by the network, or by the first endpoint that answers.
    chain_id: OnceLock<u64>,
    requests: AtomicU64,
}

#[derive(Debug)]
struct Endpoint {
    url: RpcUrl,
    /// Built on first use: loading the system's certificates takes a while.
    client: OnceLock<reqwest::Client>,
    /// Whether it has shown to be on the right chain.
    verified: AtomicBool,
    failure: Mutex<Option<FailureKind>>,
}

/// What became of a transaction handed to the endpoints.
#[derive(Debug)]
pub(crate) enum Broadcast {
    /// An endpoint took it, or has it already.
    Accepted,
    /// The nonce is used: by this very transaction, or by another one.
    NonceTooLow,
    /// Turned down for what it is: no endpoint can have passed it on.
    Rejected(String),
    /// It may have reached the network, nobody confirmed it.
    Unsure,
    /// It certainly reached nobody.
    NotSent(EndpointFailures),
}

impl Endpoints {
    /// `timeout` is for one request to one endpoint.
    ///
    /// # Errors
    /// [`ChainError::NoEndpoint`] for an empty list.
    pub fn new(
        urls: Vec<RpcUrl>,
        network: &str,
        chain_id: Option<u64>,
        timeout: Duration,
    ) -> Result<Self, ChainError> {
        if urls.is_empty() {
            return Err(ChainError::NoEndpoint);
        }
        let fixed = OnceLock::new();
        if let Some(chain_id) = chain_id {
            let _ = fixed.set(chain_id);
        }
        let list = urls
            .into_iter()
            .map(|url| Endpoint {
                url,
                client: OnceLock::new(),
                verified: AtomicBool::new(false),
                failure: Mutex::new(None),
            })
            .collect();
        Ok(Self(Arc::new(Inner {
            list,
            last_good: AtomicUsize::new(0),
            timeout,
            network: network.to_string(),
            chain_id: fixed,
            requests: AtomicU64::new(0),
        })))
    }

    /// HTTP requests sent so far, to all endpoints together.
    #[must_use]
    pub fn http_requests(&self) -> u64 {
        self.0.requests.load(Ordering::Relaxed)
    }

    /// The chain id all endpoints must have; none before the first answer on a network without a fixed one.
    #[must_use]
    pub fn chain_id(&self) -> Option<u64> {
        self.0.chain_id.get().copied()
    }

    /// Endpoints whose last request failed: worth a warning even when another one answered.
    #[must_use]
    pub fn failing(&self) -> Vec<EndpointFailure> {
        let failure = |endpoint: &Endpoint| {
            let kind = endpoint
                .failure
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone();
            kind.map(|kind| EndpointFailure {
                endpoint: endpoint.url.clone(),
                kind,
            })
        };
        self.0.list.iter().filter_map(failure).collect()
    }

    /// Hands a signed transaction to the first endpoint that takes it.
    ///
    /// Handing the same bytes to a second endpoint is harmless: hash and nonce are the same.
    pub(crate) async fn broadcast(&self, raw: &[u8]) -> Broadcast {
        let request = Request::new(
            "eth_sendRawTransaction",
            Id::Number(0),
            (hex::encode_prefixed(raw),),
        );
        let Ok(packet) = request.serialize().map(RequestPacket::Single) else {
            return Broadcast::Rejected("it could not be serialised".to_string());
        };
        let mut failures = Vec::new();
        let mut unsure = false;
        for index in self.0.order() {
            let endpoint = &self.0.list[index];
            let answer = match self.0.verify(endpoint).await {
                Ok(()) => self.0.ask(endpoint, &packet).await,
                // The transaction itself was not shown to this endpoint.
                Err(kind) => {
                    failures.push(self.0.failed(endpoint, kind));
                    continue;
                }
            };
            match answer {
                Ok(ResponsePacket::Single(Response {
                    payload: ResponsePayload::Failure(error),
                    ..
                })) => {
                    let message = endpoint.readable(&error.message);
                    match judge_refusal(&message) {
                        Refusal::Known => return Broadcast::Accepted,
                        Refusal::NonceTooLow => return Broadcast::NonceTooLow,
                        Refusal::Other if error.is_retry_err() => {
                            failures.push(self.0.failed(endpoint, FailureKind::Busy(message)));
                        }
                        Refusal::Invalid if unsure => return Broadcast::Unsure,
                        Refusal::Invalid => return Broadcast::Rejected(message),
                        // A failure behind this endpoint may have come after passing it on.
                        Refusal::Other => {
                            unsure = true;
                            failures.push(self.0.failed(endpoint, FailureKind::Busy(message)));
                        }
                    }
                }
                Ok(_) => {
                    self.0.worked(index);
                    return Broadcast::Accepted;
                }
                Err(kind) => {
                    unsure |= !matches!(kind, FailureKind::NoConnection(_));
                    failures.push(self.0.failed(endpoint, kind));
                }
            }
        }
        if unsure {
            Broadcast::Unsure
        } else {
            Broadcast::NotSent(EndpointFailures(failures))
        }
    }
}

enum Refusal {
    Known,
    NonceTooLow,
    /// It says what is wrong with the transaction itself.
    Invalid,
    /// Anything else.
    Other,
}

/// Reads the wordings of geth, Nitro, Erigon, Nethermind, Besu and anvil.
fn judge_refusal(message: &str) -> Refusal {
    let message = message.to_lowercase();
    let any = |texts: &[&str]| texts.iter().any(|text| message.contains(text));
    if any(&[
        "already known",
        "alreadyknown",
        "known transaction",
        "already imported",
        "already exists",
    ]) {
        Refusal::Known
    } else if any(&["nonce too low", "nonce is too low", "noncetoolow", "oldnonce"]) {
        Refusal::NonceTooLow
    } else if any(&[
        "insufficient funds",
        "insufficient balance",
        "intrinsic gas",
        "underpriced",
        "less than block base fee",
        "lower than the current base fee",
        "feecap too low",
        "feetoolow",
        "wrong chain",
        "invalid chain id",
        "invalid chainid",
        "chain id mismatch",
        "invalid sender",
    ]) {
        Refusal::Invalid
    } else {
        Refusal::Other
    }
}

impl Service<RequestPacket> for Endpoints {
    type Response = ResponsePacket;
    type Error = TransportError;
    type Future = TransportFut<'static>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, packet: RequestPacket) -> Self::Future {
        let inner = Arc::clone(&self.0);
        Box::pin(async move {
            inner
                .first_answer(&packet)
                .await
                .map_err(TransportErrorKind::custom)
        })
    }
}

impl Inner {
    /// All endpoints, the last good one first.
    fn order(&self) -> impl Iterator<Item = usize> + use<> {
        let count = self.list.len();
        let first = self.last_good.load(Ordering::Relaxed);
        (0..count).map(move |offset| (first + offset) % count)
    }

    fn failed(&self, endpoint: &Endpoint, kind: FailureKind) -> EndpointFailure {
        tracing::debug!(endpoint = %endpoint.url, failure = %kind, "endpoint failed");
        *endpoint.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(kind.clone());
        EndpointFailure {
            endpoint: endpoint.url.clone(),
            kind,
        }
    }

    fn worked(&self, index: usize) {
        self.last_good.store(index, Ordering::Relaxed);
        let failure = &self.list[index].failure;
        *failure.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The first usable answer, or every endpoint's last failure.
    async fn first_answer(&self, packet: &RequestPacket) -> Result<ResponsePacket, EndpointFailures> {
        let mut failures = Vec::new();
        for round in 0..ROUNDS {
            failures.clear();
            for index in self.order() {
                let endpoint = &self.list[index];
                let answer = match self.verify(endpoint).await {
                    Ok(()) => self.ask(endpoint, packet).await,
                    Err(kind) => Err(kind),
                };
                match answer.and_then(|answer| endpoint.accept(packet, answer)) {
                    Ok(answer) => {
                        self.worked(index);
                        return Ok(answer);
                    }
                    Err(kind) => failures.push(self.failed(endpoint, kind)),
                }
            }
            let again = failures.iter().any(|failure| failure.kind.is_transient());
            if !again || round + 1 == ROUNDS {
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
        Err(EndpointFailures(failures))
    }

    /// Asks for the chain id, once per endpoint.
    async fn verify(&self, endpoint: &Endpoint) -> Result<(), FailureKind> {
        if endpoint.verified.load(Ordering::Relaxed) {
            return Ok(());
        }
        let request = Request::new("eth_chainId", Id::Number(0), ())
            .serialize()
            .map_err(|error| FailureKind::Broken(error.to_string()))?;
        let answer = self.ask(endpoint, &RequestPacket::Single(request)).await?;
        let found = match &answer {
            ResponsePacket::Single(Response {
                payload: ResponsePayload::Success(value),
                ..
            }) => serde_json::from_str::<U64>(value.get())
                .map_err(|_| FailureKind::NotJsonRpc(endpoint.readable(value.get())))?
                .to::<u64>(),
            ResponsePacket::Single(Response {
                payload: ResponsePayload::Failure(error),
                ..
            }) => return Err(FailureKind::Busy(endpoint.readable(&error.message))),
            ResponsePacket::Batch(_) => return Err(FailureKind::NotJsonRpc("an array".to_string())),
        };
        let expected = *self.chain_id.get_or_init(|| found);
        if found != expected {
            return Err(FailureKind::WrongChain {
                network: self.network.clone(),
                expected,
                found,
            });
        }
        endpoint.verified.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// One HTTP request.
    async fn ask(&self, endpoint: &Endpoint, packet: &RequestPacket) -> Result<ResponsePacket, FailureKind> {
        let body = serde_json::to_vec(packet).map_err(|error| FailureKind::Broken(error.to_string()))?;
        self.requests.fetch_add(1, Ordering::Relaxed);
        let answer = tokio::time::timeout(self.timeout, endpoint.post(body.into())).await;
        answer.unwrap_or(Err(FailureKind::Timeout(self.timeout)))
    }
}

impl Endpoint {
    /// Built without redirects, which could lead a signed transaction elsewhere, and without proxies from the
    /// environment.
    fn client(&self) -> Result<&reqwest::Client, FailureKind> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        // Fails when one is installed already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .user_agent(concat!("lpctl/", env!("CARGO_PKG_VERSION")));
        if self.url.expose().scheme() == "http" {
            builder = builder.tls_certs_only(Vec::<reqwest::Certificate>::new());
        }
        let client = builder
            .build()
            .map_err(|error| FailureKind::NoConnection(error.without_url().to_string()))?;
        Ok(self.client.get_or_init(|| client))
    }

    async fn post(&self, body: Bytes) -> Result<ResponsePacket, FailureKind> {
        let sent = self
            .client()?
            .post(self.url.expose().clone())
            .header(reqwest::header::CONTENT_TYPE, "application/json")
            .body(body)
            .send()
            .await;
        let mut response = sent.map_err(|error| {
            let is_connect = error.is_connect();
            let cause = self.readable(&root_cause(&error.without_url()));
            if is_connect {
                FailureKind::NoConnection(cause)
            } else {
                FailureKind::Broken(cause)
            }
        })?;
        let status = response.status();
        let mut answer = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if answer.len() + chunk.len() > LONGEST_ANSWER => {
                    return Err(FailureKind::TooLong(LONGEST_ANSWER));
                }
                Ok(Some(chunk)) => answer.extend_from_slice(&chunk),
                Ok(None) => break,
                Err(error) => {
                    return Err(FailureKind::Broken(
                        self.readable(&root_cause(&error.without_url())),
                    ));
                }
            }
        }
        // Some services put a JSON-RPC error into the body of an HTTP error: the former says more.
        match serde_json::from_slice::<ResponsePacket>(&answer) {
            Ok(packet) if status.is_success() || packet.is_error() => Ok(packet),
            Ok(_) | Err(_) if !status.is_success() => Err(FailureKind::Status {
                status: status.as_u16(),
                excerpt: self.readable(&String::from_utf8_lossy(&answer)),
            }),
            Ok(_) | Err(_) => Err(FailureKind::NotJsonRpc(
                self.readable(&String::from_utf8_lossy(&answer)),
            )),
        }
    }

    /// Whether an answer answers; errors about the request itself (a revert) do.
    fn accept(&self, asked: &RequestPacket, answer: ResponsePacket) -> Result<ResponsePacket, FailureKind> {
        let mut answers = match answer {
            ResponsePacket::Single(answer) => vec![answer],
            ResponsePacket::Batch(answers) => answers,
        };
        for answer in &mut answers {
            if let ResponsePayload::Failure(error) = &mut answer.payload {
                // Code 3 is a revert, whose text is the contract's.
                if error.code != 3 && (error.is_retry_err() || is_missing_block(&error.message)) {
                    return Err(FailureKind::Busy(self.readable(&error.message)));
                }
                error.message = self.without_secrets(&error.message).into();
            }
        }
        let answered: HashSet<&Id> = answers.iter().map(|answer| &answer.id).collect();
        let missing = asked
            .requests()
            .iter()
            .filter(|request| !answered.contains(request.id()))
            .count();
        if missing > 0 {
            let error = answers.iter().find_map(|answer| match &answer.payload {
                ResponsePayload::Failure(error) => Some(self.readable(&error.message)),
                ResponsePayload::Success(_) => None,
            });
            return Err(FailureKind::Incomplete {
                missing,
                asked: asked.len(),
                message: error.unwrap_or_default(),
            });
        }
        Ok(match asked {
            RequestPacket::Single(_) => answers.into(),
            RequestPacket::Batch(_) => ResponsePacket::Batch(answers),
        })
    }

    /// Text this endpoint sent, fit to be shown.
    fn readable(&self, text: &str) -> String {
        plain(&self.without_secrets(text), 120)
    }

    /// Endpoints like to repeat the key in their complaints.
    fn without_secrets(&self, text: &str) -> String {
        let url = self.url.expose();
        let path = url.path_segments().into_iter().flatten().map(str::to_string);
        let query = url.query_pairs().map(|(_, value)| value.into_owned());
        let credentials = [url.username(), url.password().unwrap_or_default()].map(str::to_string);
        let mut clean = text.to_string();
        for secret in path.chain(query).chain(credentials) {
            // Shorter ones are version numbers and names of networks.
            if secret.len() >= 8 {
                clean = clean.replace(&secret, "…");
            }
        }
        clean
    }
}

/// The innermost error: `Connection refused`, not `error sending request`.
fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// An endpoint behind the others: it has not seen, or no longer keeps, the block a read is pinned to.
fn is_missing_block(message: &str) -> bool {
    let message = message.to_lowercase();
    [
        "header not found",
        "header for hash not found",
        "block not found",
        "unknown block",
        "missing trie node",
        "blockoutofrange",
        "block out of range",
    ]
    .iter()
    .any(|text| message.contains(text))
}
