//! A JSON-RPC endpoint on this machine, in front of several elsewhere: any node that speaks to one endpoint gets the
//! failover of [`crate::chain::provider::Endpoints`].
//!
//! | module | holds |
//! |---|---|
//! | `message` | requests and answers of JSON-RPC, single and in batches |
//! | `method` | what is passed on, and what is not |
//! | `memory` | answers that cannot change any more |
//! | `serve` | the port |
//!
//! Nothing is signed here and no account is known: a transaction comes signed, and goes to every endpoint once.

mod memory;
mod message;
mod method;
mod serve;

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use alloy::{
    hex,
    primitives::{B256, keccak256},
    rpc::json_rpc::{Id, Request, RequestPacket, ResponsePacket, ResponsePayload},
};
use futures_util::future::join_all;
use serde_json::value::RawValue;
use tokio::{net::TcpListener, sync::Semaphore, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use self::{
    memory::Memory,
    message::{Body, Fault, Incoming, answered, failed},
    method::Treatment,
};
use crate::{
    chain::{
        errors::EndpointFailures,
        provider::{Endpoints, Everywhere},
    },
    view::rpc::RelayStatus,
};

/// Requests under way at once; one more is told to come back.
const AT_ONCE: usize = 256;
/// A signed transaction is at most this long: what nodes take.
const LONGEST_TRANSACTION: usize = 256 << 10;

/// How a relay is reached.
#[derive(Debug, Clone, Copy)]
pub struct RelaySettings {
    /// Where it listens; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// Whether others than this machine may use it: they spend the endpoints' requests, and nobody is asked who he is.
    pub allow_remote: bool,
}

/// Why a relay did not start.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// Others could use it.
    #[error("{0} is no loopback address: everybody who reaches it could use the endpoints behind it")]
    Exposed(SocketAddr),
    /// The port cannot be had.
    #[error("{address} cannot be listened on: {source}")]
    Listen {
        /// Where it should listen.
        address: SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
}

/// A running relay. It ends with [`Relay::stop`].
#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    core: Arc<Core>,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

impl Relay {
    /// Opens the port.
    ///
    /// # Errors
    /// The port cannot be had, or others could use it without having been allowed to.
    pub async fn start(endpoints: Endpoints, settings: RelaySettings) -> Result<Self, RelayError> {
        let exposed = |address: SocketAddr| !address.ip().is_loopback() && !settings.allow_remote;
        if exposed(settings.listen) {
            return Err(RelayError::Exposed(settings.listen));
        }
        let failed = |source| RelayError::Listen {
            address: settings.listen,
            source,
        };
        let listener = TcpListener::bind(settings.listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let core = Arc::new(Core {
            endpoints,
            memory: Memory::default(),
            room: Semaphore::new(AT_ONCE),
            counts: Counts::default(),
        });
        let stop = CancellationToken::new();
        let serving = serve::serve(listener, Arc::clone(&core), settings.allow_remote, stop.clone());
        Ok(Self {
            address,
            core,
            stop,
            serving: tokio::spawn(serving),
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it has done so far.
    #[must_use]
    pub fn status(&self) -> RelayStatus {
        self.core.status()
    }

    /// Takes no new connection, lets requests under way finish for a few seconds, and tells what was done.
    pub async fn stop(self) -> RelayStatus {
        self.stop.cancel();
        if let Err(error) = self.serving.await {
            tracing::warn!(%error, "the port did not end as it should");
        }
        self.core.status()
    }
}

#[derive(Debug, Default)]
struct Counts {
    requests: AtomicU64,
    remembered: AtomicU64,
    transactions: AtomicU64,
    refused: AtomicU64,
    failed: AtomicU64,
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// What answers requests.
#[derive(Debug)]
struct Core {
    endpoints: Endpoints,
    memory: Memory,
    room: Semaphore,
    counts: Counts,
}

/// The inner part of an answer: what stands behind `"result":` or `"error":`.
type Outcome = Result<Box<RawValue>, Fault>;

impl Core {
    fn status(&self) -> RelayStatus {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        RelayStatus {
            requests: read(&self.counts.requests),
            remembered: read(&self.counts.remembered),
            transactions: read(&self.counts.transactions),
            refused: read(&self.counts.refused),
            failed: read(&self.counts.failed),
            endpoints: self.endpoints.status(),
        }
    }

    /// Answers a body: one answer, or as many as a batch has requests. None: nobody waits for an answer.
    async fn answer(&self, body: &[u8]) -> Option<String> {
        let Ok(_place) = self.room.try_acquire() else {
            count(&self.counts.refused);
            return Some(failed("null", &Fault::new(-32005, "too many requests at once")));
        };
        match message::read(body) {
            Err(fault) => {
                count(&self.counts.refused);
                Some(failed("null", &fault))
            }
            Ok(Body::One(request)) => {
                let answers = self.answer_all(vec![request]).await;
                answers.into_iter().next().flatten()
            }
            Ok(Body::Batch(requests)) => {
                let answers: Vec<String> = self.answer_all(requests).await.into_iter().flatten().collect();
                (!answers.is_empty()).then(|| format!("[{}]", answers.join(",")))
            }
        }
    }

    /// Answers in the order of the requests; none to those that want none.
    async fn answer_all(&self, requests: Vec<Result<Incoming, Fault>>) -> Vec<Option<String>> {
        let best = self.endpoints.best_block();
        let mut outcomes: Vec<Option<Outcome>> = Vec::with_capacity(requests.len());
        let mut forwarded = Vec::new();
        let mut transactions = Vec::new();
        for (place, request) in requests.iter().enumerate() {
            count(&self.counts.requests);
            outcomes.push(match request {
                Err(fault) => {
                    count(&self.counts.refused);
                    Some(Err(fault.clone()))
                }
                Ok(request) => match method::treatment(&request.method) {
                    Treatment::Refuse => {
                        count(&self.counts.refused);
                        Some(Err(Fault::no_method(&request.method)))
                    }
                    Treatment::Broadcast => {
                        transactions.push((place, self.broadcast(request)));
                        None
                    }
                    Treatment::Forward => match self.memory.find(request, best) {
                        Some(remembered) => {
                            count(&self.counts.remembered);
                            Some(Ok(remembered))
                        }
                        None => {
                            forwarded.push(place);
                            None
                        }
                    },
                },
            });
        }
        let (places, sending): (Vec<usize>, Vec<_>) = transactions.into_iter().unzip();
        let (sent, answers) = tokio::join!(join_all(sending), self.forward(&requests, &forwarded));
        for (place, outcome) in places.into_iter().zip(sent) {
            outcomes[place] = Some(outcome);
        }
        for (place, outcome) in forwarded.into_iter().zip(answers) {
            outcomes[place] = Some(outcome);
        }
        requests
            .into_iter()
            .zip(outcomes)
            .map(|(request, outcome)| {
                let id = match &request {
                    Ok(request) => request.id.as_ref()?.get().to_string(),
                    Err(_) => "null".to_string(),
                };
                Some(match outcome {
                    Some(Ok(result)) => answered(&id, &result),
                    Some(Err(fault)) => failed(&id, &fault),
                    None => failed(&id, &Fault::new(-32603, "no answer")),
                })
            })
            .collect()
    }

    /// Asks the endpoints, all in one request.
    async fn forward(&self, requests: &[Result<Incoming, Fault>], places: &[usize]) -> Vec<Outcome> {
        let mut packet = Vec::with_capacity(places.len());
        for place in places {
            let Some(Ok(request)) = requests.get(*place) else {
                continue;
            };
            let id = Id::Number(u64::try_from(*place).unwrap_or_default());
            let made = Request::new(request.method.clone(), id, request.params.clone()).serialize();
            match made {
                Ok(made) => packet.push(made),
                Err(error) => tracing::debug!(%error, "a request cannot be passed on"),
            }
        }
        if packet.is_empty() {
            return Vec::new();
        }
        let packet = match packet.len() {
            1 => packet.remove(0).into(),
            _ => RequestPacket::Batch(packet),
        };
        let answers = match self.endpoints.answer(&packet).await {
            Ok(ResponsePacket::Single(answer)) => vec![answer],
            Ok(ResponsePacket::Batch(answers)) => answers,
            Err(failures) => {
                let fault = unreachable_fault(&failures);
                return places
                    .iter()
                    .map(|_| {
                        count(&self.counts.failed);
                        Err(fault.clone())
                    })
                    .collect();
            }
        };
        let best = self.endpoints.best_block();
        places
            .iter()
            .map(|place| {
                let id = Id::Number(u64::try_from(*place).unwrap_or_default());
                let answer = answers.iter().find(|answer| answer.id == id);
                match answer.map(|answer| &answer.payload) {
                    Some(ResponsePayload::Success(result)) => {
                        if let Some(Ok(request)) = requests.get(*place) {
                            self.memory.keep(request, result, best);
                        }
                        Ok(result.clone())
                    }
                    Some(ResponsePayload::Failure(error)) => Err(Fault {
                        code: error.code,
                        message: error.message.to_string(),
                        data: error.data.clone(),
                    }),
                    None => {
                        count(&self.counts.failed);
                        Err(Fault::new(-32603, "the endpoint gave no answer to this request"))
                    }
                }
            })
            .collect()
    }

    /// Whether the chain has a transaction.
    async fn is_known(&self, hash: B256) -> bool {
        let Some(packet) = by_hash(hash) else {
            return false;
        };
        match self.endpoints.answer(&packet).await {
            Ok(ResponsePacket::Single(answer)) => match &answer.payload {
                ResponsePayload::Success(found) => found.get() != "null",
                ResponsePayload::Failure(_) => false,
            },
            _ => false,
        }
    }

    /// Hands a signed transaction to all endpoints.
    async fn broadcast(&self, request: &Incoming) -> Outcome {
        let raw = request
            .first_text()
            .filter(|text| text.len() <= LONGEST_TRANSACTION)
            .and_then(|text| hex::decode(text).ok())
            .filter(|raw| !raw.is_empty());
        let Some(raw) = raw else {
            count(&self.counts.refused);
            return Err(Fault::new(-32602, "the parameter is no signed transaction"));
        };
        count(&self.counts.transactions);
        let hash = keccak256(&raw);
        let taken =
            || RawValue::from_string(format!("\"{hash}\"")).map_err(|_| Fault::new(-32603, "no hash"));
        match self.endpoints.broadcast_everywhere(&raw).await {
            Everywhere::Accepted => {
                tracing::info!(%hash, "a transaction was handed on");
                taken()
            }
            // Mined already: by way of an endpoint whose answer was lost, or when it was sent before.
            Everywhere::Refused { is_final: true, .. } if self.is_known(hash).await => taken(),
            Everywhere::Refused { code, message, .. } => Err(Fault {
                code,
                message,
                data: None,
            }),
            Everywhere::Unsure => {
                count(&self.counts.failed);
                Err(Fault::new(
                    -32000,
                    "no endpoint confirmed that it took the transaction, which may be out all the same: ask for its receipt",
                ))
            }
            Everywhere::Failed(failures) => {
                count(&self.counts.failed);
                Err(unreachable_fault(&EndpointFailures(failures)))
            }
        }
    }
}

/// Asks for a transaction by its hash.
fn by_hash(hash: B256) -> Option<RequestPacket> {
    let request = Request::new("eth_getTransactionByHash", Id::Number(0), (hash,));
    request.serialize().map(RequestPacket::Single).ok()
}

/// What a node is told when no endpoint is of use. The endpoints' keys are not in it.
fn unreachable_fault(failures: &EndpointFailures) -> Fault {
    Fault::new(-32000, &format!("no RPC endpoint gave an answer: {failures}"))
}
