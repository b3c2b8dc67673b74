//! Several JSON-RPC endpoints as one: the last good one first, the others when it fails, every failure kept.
//!
//! An endpoint is asked for its chain id first, or beside its first batch of reads, none of which counts if the id is
//! wrong: falling over can never read from, or send to, another chain. Nothing here shows an endpoint's path or query: both often are keys.
//!
//! A read goes to a second endpoint when the first takes longer than it usually does, and an answer from behind a head
//! that is known already counts only when nobody has a later one. An endpoint that asks to be left alone is left alone.

mod endpoint;
mod health;
mod probe;

use std::{
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use alloy::{
    hex,
    primitives::U64,
    rpc::json_rpc::{Id, Request, RequestPacket, Response, ResponsePacket, ResponsePayload},
    transports::{TransportError, TransportErrorKind, TransportFut},
};
use futures_util::{StreamExt, future::join_all, stream::FuturesUnordered};
use jiff::Timestamp;
use tokio::sync::mpsc;
use tower::Service;

pub use self::probe::MOST_READS;
use self::{
    endpoint::Endpoint,
    health::{Head, Needs, oldest_head, tolerance},
};
use super::errors::{ChainError, EndpointFailure, EndpointFailures, FailureKind};
use crate::{secret::RpcUrl, view::rpc::RelayEndpoint};

/// Between two rounds over the endpoints, when one of them asked to be left alone for a moment.
const PAUSE: Duration = Duration::from_millis(300);
/// Rounds over all endpoints.
const ROUNDS: usize = 2;
/// The longest rest of an endpoint that is waited for, rather than said to be in the way.
const WORTH_WAITING: Duration = Duration::from_secs(3);
/// Heads of endpoints nobody asks are found out this often, and a head that is old for its chain is compared this often.
const COMPARED: Duration = Duration::from_secs(10);

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
    /// Requests that were asked of a second endpoint because the first was slow.
    hedges: AtomicU64,
    /// The latest head any endpoint told, and when an old one was last compared.
    heads: Mutex<Heads>,
}

#[derive(Debug, Default)]
struct Heads {
    best: u64,
    /// When an old head was last compared, before anything was answered.
    compared: Option<Instant>,
    /// When all heads were last found out, beside the answers.
    surveyed: Option<Instant>,
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
        let list = urls.into_iter().map(Endpoint::new).collect();
        Ok(Self(Arc::new(Inner {
            list,
            last_good: AtomicUsize::new(0),
            timeout,
            network: network.to_string(),
            chain_id: fixed,
            requests: AtomicU64::new(0),
            hedges: AtomicU64::new(0),
            heads: Mutex::default(),
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
            let kind = endpoint.health().failure.clone();
            kind.map(|kind| EndpointFailure {
                endpoint: endpoint.url.clone(),
                kind,
            })
        };
        self.0.list.iter().filter_map(failure).collect()
    }

    /// Asks for the chain's id until one endpoint tells it.
    ///
    /// # Errors
    /// [`ChainError`]: no endpoint gives a usable answer, or one is on another chain.
    pub async fn check(&self) -> Result<(), ChainError> {
        let request = Request::new("eth_chainId", Id::Number(0), ())
            .serialize()
            .map_err(|error| ChainError::Garbage(error.to_string()))?;
        let answer = self.0.first_answer(&RequestPacket::Single(request)).await;
        answer.map(|_| ()).map_err(ChainError::from_failures)
    }

    /// The first usable answer to any requests that change nothing.
    pub(crate) async fn answer(&self, packet: &RequestPacket) -> Result<ResponsePacket, EndpointFailures> {
        let answer = self.0.first_answer(packet).await;
        if self.0.is_survey_due(packet) {
            let inner = Arc::clone(&self.0);
            tokio::spawn(async move { inner.survey().await });
        }
        answer
    }

    /// The latest block any endpoint told of; 0 before one did.
    pub(crate) fn best_block(&self) -> u64 {
        self.0.best()
    }

    /// How each endpoint has been doing.
    #[must_use]
    pub fn status(&self) -> Vec<RelayEndpoint> {
        let now = Instant::now();
        let one = |endpoint: &Endpoint| {
            let health = endpoint.health();
            RelayEndpoint {
                endpoint: endpoint.url.to_string(),
                answered: health.answered,
                failed: health.failed,
                failure: health.failure.as_ref().map(ToString::to_string),
                latency_ms: health.usual().map(milliseconds),
                block: health.head(now).map(|head| head.block),
            }
        };
        self.0.list.iter().map(one).collect()
    }

    /// Hands a signed transaction to every endpoint at once, and comes back with the first one's word that it took it;
    /// else with what the others say. Endpoints that asked for a rest are left alone.
    ///
    /// The same bytes at many endpoints are one transaction: hash and nonce are the same.
    pub(crate) async fn broadcast_everywhere(&self, raw: &[u8]) -> Everywhere {
        let Some(packet) = raw_transaction(raw) else {
            return Everywhere::Refused {
                code: -32602,
                message: "it could not be serialised".to_string(),
                is_final: true,
            };
        };
        let packet = Arc::new(packet);
        let order = self.0.order(&Needs::default());
        let (told, mut tells) = mpsc::channel(order.len().max(1));
        for index in order {
            let (inner, packet, told) = (Arc::clone(&self.0), Arc::clone(&packet), told.clone());
            // Goes on when the first one has taken it, for at most as long as a request may take.
            tokio::spawn(async move {
                let endpoint = &inner.list[index];
                let answer = match inner.verify(endpoint).await {
                    Ok(()) => inner.ask(endpoint, &packet).await.map_err(|kind| (true, kind)),
                    Err(kind) => Err((false, kind)),
                };
                let outcome = inner.judge(index, answer);
                // Nobody waits for it any more.
                let _ = told.send(outcome).await;
            });
        }
        drop(told);
        let mut failures = Vec::new();
        let (mut used, mut refused) = (None, None);
        let mut is_unsure = false;
        while let Some(outcome) = tells.recv().await {
            match outcome {
                Everywhere::Accepted => return Everywhere::Accepted,
                // The nonce is mined: by this very transaction perhaps, which another one took a moment ago.
                Everywhere::Refused { is_final: true, .. } => used = Some(outcome),
                Everywhere::Refused { .. } => refused = Some(outcome),
                Everywhere::Unsure => is_unsure = true,
                Everywhere::Failed(more) => failures.extend(more),
            }
        }
        match (used, is_unsure, refused) {
            (Some(used), _, _) => used,
            (None, true, _) => Everywhere::Unsure,
            (None, false, Some(refused)) => refused,
            (None, false, None) => Everywhere::Failed(failures),
        }
    }

    /// Hands a signed transaction to the first endpoint that takes it.
    ///
    /// Handing the same bytes to a second endpoint is harmless: hash and nonce are the same.
    pub(crate) async fn broadcast(&self, raw: &[u8]) -> Broadcast {
        let Some(packet) = raw_transaction(raw) else {
            return Broadcast::Rejected("it could not be serialised".to_string());
        };
        let mut failures = Vec::new();
        let mut unsure = false;
        for index in self.0.order(&Needs::default()) {
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
                    unsure |= !matches!(kind, FailureKind::NoConnection(_) | FailureKind::Limited(_));
                    failures.push(self.0.failed(endpoint, kind));
                }
            }
        }
        if unsure {
            Broadcast::Unsure
        } else {
            if failures.is_empty()
                && let Some((index, rest)) = self.0.shortest_rest()
            {
                failures.push(self.0.resting(index, rest));
            }
            Broadcast::NotSent(EndpointFailures(failures))
        }
    }
}

/// What became of a transaction handed to all endpoints.
#[derive(Debug)]
pub(crate) enum Everywhere {
    /// One of them took it, or has it already.
    Accepted,
    /// Turned down by one that understood it; finally, if its nonce is used.
    Refused {
        code: i64,
        message: String,
        is_final: bool,
    },
    /// It may have reached the network, nobody confirmed it.
    Unsure,
    /// It certainly reached nobody.
    Failed(Vec<EndpointFailure>),
}

fn raw_transaction(raw: &[u8]) -> Option<RequestPacket> {
    let request = Request::new(
        "eth_sendRawTransaction",
        Id::Number(0),
        (hex::encode_prefixed(raw),),
    );
    request.serialize().map(RequestPacket::Single).ok()
}

pub(super) fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 10_000.0).round() / 10.0
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
            let answer = inner.first_answer(&packet).await;
            if inner.is_survey_due(&packet) {
                tokio::spawn(async move { inner.survey().await });
            }
            answer.map_err(TransportErrorKind::custom)
        })
    }
}

/// What came of asking one endpoint.
struct Attempt {
    index: usize,
    outcome: Result<ResponsePacket, FailureKind>,
}

/// A usable answer from behind a head that is known, and how far behind.
struct Behind {
    index: usize,
    answer: ResponsePacket,
    head: Head,
}

impl Inner {
    /// All endpoints that may be asked now: the last good one first, then as they come, those that failed lately or lag
    /// behind last. Those that asked for a rest are left out.
    fn order(&self, needs: &Needs) -> Vec<usize> {
        let now = Instant::now();
        let count = self.list.len();
        let first = self.last_good.load(Ordering::Relaxed);
        let wanted = needs
            .block
            .unwrap_or_default()
            .max(self.best().saturating_sub(self.tolerance()));
        let mut order: Vec<(bool, bool, usize)> = (0..count)
            .map(|offset| (first + offset) % count)
            .filter_map(|index| {
                let health = self.list[index].health();
                let lags = count > 1 && health.head(now).is_some_and(|head| head.block < wanted);
                let may_be_asked = health.rest(now).is_none();
                may_be_asked.then_some((health.is_avoided(now), lags, index))
            })
            .collect();
        order.sort_by_key(|(is_avoided, lags, _)| (*is_avoided, *lags));
        order.into_iter().map(|(_, _, index)| index).collect()
    }

    fn best(&self) -> u64 {
        self.heads().best
    }

    fn heads(&self) -> std::sync::MutexGuard<'_, Heads> {
        self.heads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tolerance(&self) -> u64 {
        tolerance(self.chain_id.get().copied())
    }

    fn failed(&self, endpoint: &Endpoint, kind: FailureKind) -> EndpointFailure {
        tracing::debug!(endpoint = %endpoint.url, failure = %kind, "endpoint failed");
        endpoint.health().failed(&kind, Instant::now());
        EndpointFailure {
            endpoint: endpoint.url.clone(),
            kind,
        }
    }

    fn worked(&self, index: usize) {
        self.last_good.store(index, Ordering::Relaxed);
        self.list[index].health().worked();
    }

    /// The first usable answer, or every endpoint's last failure.
    async fn first_answer(&self, packet: &RequestPacket) -> Result<ResponsePacket, EndpointFailures> {
        let needs = Needs::of(packet);
        let mut failures = Vec::new();
        for round in 0..ROUNDS {
            failures.clear();
            if let Some(answer) = self.round(packet, &needs, &mut failures).await {
                return Ok(answer);
            }
            let rest = match self.order(&needs).is_empty() {
                true => self.shortest_rest(),
                false => None,
            };
            if let Some((index, rest)) = rest
                && rest > WORTH_WAITING
            {
                if failures.is_empty() {
                    failures.push(self.resting(index, rest));
                }
                break;
            }
            let again = rest.is_some() || failures.iter().any(|failure| failure.kind.is_transient());
            if !again || round + 1 == ROUNDS {
                break;
            }
            tokio::time::sleep(rest.map_or(PAUSE, |(_, rest)| rest.max(PAUSE))).await;
        }
        Err(EndpointFailures(failures))
    }

    fn resting(&self, index: usize, rest: Duration) -> EndpointFailure {
        EndpointFailure {
            endpoint: self.list[index].url.clone(),
            kind: FailureKind::Limited(rest),
        }
    }

    /// Who can be asked first again, of those that asked for a rest.
    fn shortest_rest(&self) -> Option<(usize, Duration)> {
        let now = Instant::now();
        let rests = self.list.iter().enumerate();
        rests
            .filter_map(|(index, endpoint)| Some((index, endpoint.health().rest(now)?)))
            .min_by_key(|(_, rest)| *rest)
    }

    /// Asks one endpoint after the other, and a second one beside the first when that is slower than usual.
    async fn round(
        &self,
        packet: &RequestPacket,
        needs: &Needs,
        failures: &mut Vec<EndpointFailure>,
    ) -> Option<ResponsePacket> {
        let mut waiting = self.order(needs).into_iter().peekable();
        let mut under_way = FuturesUnordered::new();
        let mut best_behind: Option<Behind> = None;
        let mut hedge_after = self.timeout;
        loop {
            if under_way.is_empty() {
                let Some(index) = waiting.next() else {
                    break;
                };
                hedge_after = self.list[index].health().hedge_after(self.timeout);
                under_way.push(self.attempt(index, packet));
            }
            let may_hedge = under_way.len() == 1
                && self.can_afford_a_hedge()
                && waiting
                    .peek()
                    .is_some_and(|index| !self.list[*index].health().is_avoided(Instant::now()));
            let attempt = tokio::select! {
                attempt = under_way.next() => attempt,
                () = tokio::time::sleep(hedge_after), if may_hedge => {
                    if let Some(index) = waiting.next() {
                        self.hedges.fetch_add(1, Ordering::Relaxed);
                        tracing::debug!(endpoint = %self.list[index].url, "another endpoint is slow: this one is asked too");
                        under_way.push(self.attempt(index, packet));
                    }
                    continue;
                }
            };
            let Some(Attempt { index, outcome }) = attempt else {
                continue;
            };
            match outcome {
                Ok(answer) => match self.is_behind(index, needs, &answer) {
                    Some(head) => {
                        if best_behind
                            .as_ref()
                            .is_none_or(|best| best.head.block < head.block)
                        {
                            best_behind = Some(Behind { index, answer, head });
                        }
                    }
                    None => {
                        self.worked(index);
                        return Some(answer);
                    }
                },
                Err(kind) => failures.push(self.failed(&self.list[index], kind)),
            }
        }
        // Nobody has a later head: what was known is gone, or nobody who had it can be asked now.
        let behind = best_behind?;
        if failures.is_empty() {
            self.heads().best = behind.head.block;
        }
        self.worked(behind.index);
        Some(behind.answer)
    }

    /// One request in ten, after the first few: where all endpoints are slow, asking twice makes them slower.
    fn can_afford_a_hedge(&self) -> bool {
        let requests = self.requests.load(Ordering::Relaxed);
        self.hedges.load(Ordering::Relaxed) < 4 + requests / 10
    }

    /// Whether an answer tells a head that others are far ahead of, or one that is old for its chain and has not been
    /// compared for a while. Alone, an endpoint is behind nobody.
    fn is_behind(&self, index: usize, needs: &Needs, answer: &ResponsePacket) -> Option<Head> {
        if !needs.tells_head() {
            return None;
        }
        let head = needs.head_in(answer)?;
        let now = Instant::now();
        self.list[index].health().heard(head, now);
        let mut heads = self.heads();
        if self.list.len() == 1 {
            heads.best = head.block;
            return None;
        }
        let age = head.time.map(|time| {
            let now = u64::try_from(Timestamp::now().as_second()).unwrap_or_default();
            Duration::from_secs(now.saturating_sub(time))
        });
        let is_old = oldest_head(self.chain_id.get().copied())
            .zip(age)
            .is_some_and(|(oldest, age)| age > oldest);
        let is_compared = heads.compared.is_some_and(|compared| now - compared < COMPARED);
        if head.block.saturating_add(self.tolerance()) < heads.best {
            return Some(head);
        }
        heads.best = heads.best.max(head.block);
        if is_old && !is_compared {
            heads.compared = Some(now);
            return Some(head);
        }
        None
    }

    /// Whether it is time to find out where endpoints are that nobody asks. Not in the first seconds: a command that asks
    /// a question or two has no use for it.
    fn is_survey_due(&self, packet: &RequestPacket) -> bool {
        if self.list.len() == 1 || !Needs::of(packet).tells_head() {
            return false;
        }
        let now = Instant::now();
        let mut heads = self.heads();
        let surveyed = *heads.surveyed.get_or_insert(now);
        let is_due = now - surveyed >= COMPARED;
        if is_due {
            heads.surveyed = Some(now);
        }
        is_due
    }

    /// Asks every endpoint that is not left alone for its head, so that one that has stopped to follow the chain is not
    /// taken for the chain itself.
    async fn survey(&self) {
        let Ok(request) = Request::new("eth_blockNumber", Id::Number(0), ()).serialize() else {
            return;
        };
        let packet = RequestPacket::Single(request);
        let needs = Needs::of(&packet);
        let asked = self.order(&Needs::default()).into_iter().map(|index| {
            let (packet, needs) = (&packet, &needs);
            async move {
                if self.list[index].health().is_avoided(Instant::now()) {
                    return None;
                }
                match self.attempt(index, packet).await.outcome {
                    Ok(answer) => needs.head_in(&answer).map(|head| (index, head)),
                    Err(kind) => {
                        self.failed(&self.list[index], kind);
                        None
                    }
                }
            }
        });
        let now = Instant::now();
        let mut best = 0;
        for (index, head) in join_all(asked).await.into_iter().flatten() {
            self.list[index].health().heard(head, now);
            best = best.max(head.block);
        }
        let mut heads = self.heads();
        heads.best = heads.best.max(best);
    }

    async fn attempt(&self, index: usize, packet: &RequestPacket) -> Attempt {
        let endpoint = &self.list[index];
        let outcome = match self.introduced(endpoint, packet).await {
            Ok(Some(answer)) => Ok(answer),
            Ok(None) => self.ask(endpoint, packet).await,
            Err(kind) => Err(kind),
        };
        Attempt {
            index,
            outcome: outcome.and_then(|answer| endpoint.accept(packet, answer)),
        }
    }

    /// What one endpoint's answer to a transaction means; a failure says whether the endpoint was shown it.
    fn judge(&self, index: usize, answer: Result<ResponsePacket, (bool, FailureKind)>) -> Everywhere {
        let endpoint = &self.list[index];
        let error = match answer {
            Ok(ResponsePacket::Single(Response {
                payload: ResponsePayload::Failure(error),
                ..
            })) => error,
            Ok(_) => {
                endpoint.health().worked();
                return Everywhere::Accepted;
            }
            Err((was_shown, kind)) => {
                let is_unsure =
                    was_shown && !matches!(kind, FailureKind::NoConnection(_) | FailureKind::Limited(_));
                let failure = self.failed(endpoint, kind);
                return match is_unsure {
                    true => Everywhere::Unsure,
                    false => Everywhere::Failed(vec![failure]),
                };
            }
        };
        let message = endpoint.readable(&error.message);
        let refusal = judge_refusal(&message);
        match refusal {
            Refusal::Known => Everywhere::Accepted,
            Refusal::Other if error.is_retry_err() => {
                Everywhere::Failed(vec![self.failed(endpoint, FailureKind::Busy(message))])
            }
            _ => Everywhere::Refused {
                code: error.code,
                message,
                is_final: matches!(refusal, Refusal::NonceTooLow),
            },
        }
    }

    /// Asks a new endpoint for its chain id beside its first batch, which saves a round trip: no answer counts unless
    /// the id is right. None: the endpoint is known by now, and what is wanted is still to be asked.
    async fn introduced(
        &self,
        endpoint: &Endpoint,
        packet: &RequestPacket,
    ) -> Result<Option<ResponsePacket>, FailureKind> {
        if endpoint.verified.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let RequestPacket::Batch(requests) = packet else {
            return self.verify(endpoint).await.map(|()| None);
        };
        let id = Id::String("chain id".to_string());
        let question = Request::new("eth_chainId", id.clone(), ())
            .serialize()
            .map_err(|error| FailureKind::Broken(error.to_string()))?;
        let all = requests.iter().cloned().chain([question]).collect();
        let answer = self.ask(endpoint, &RequestPacket::Batch(all)).await?;
        if let ResponsePacket::Batch(mut answers) = answer
            && let Some(place) = answers.iter().position(|answer| answer.id == id)
        {
            let found = answers.remove(place);
            self.believe(endpoint, chain_id_in(endpoint, &found)?)?;
            return Ok(Some(ResponsePacket::Batch(answers)));
        }
        // Whatever that was: alone it may know better.
        self.verify(endpoint).await.map(|()| None)
    }

    /// Asks for the chain id, once per endpoint.
    async fn verify(&self, endpoint: &Endpoint) -> Result<(), FailureKind> {
        if endpoint.verified.load(Ordering::Relaxed) {
            return Ok(());
        }
        let found = self.chain_id_of(endpoint).await?;
        self.believe(endpoint, found)
    }

    /// The first endpoint's id is the chain's, unless the network fixes it; all others must have the same.
    fn believe(&self, endpoint: &Endpoint, found: u64) -> Result<(), FailureKind> {
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

    async fn chain_id_of(&self, endpoint: &Endpoint) -> Result<u64, FailureKind> {
        let request = Request::new("eth_chainId", Id::Number(0), ())
            .serialize()
            .map_err(|error| FailureKind::Broken(error.to_string()))?;
        match self.ask(endpoint, &RequestPacket::Single(request)).await? {
            ResponsePacket::Single(answer) => chain_id_in(endpoint, &answer),
            ResponsePacket::Batch(_) => Err(FailureKind::NotJsonRpc("an array".to_string())),
        }
    }

    /// One HTTP request.
    async fn ask(&self, endpoint: &Endpoint, packet: &RequestPacket) -> Result<ResponsePacket, FailureKind> {
        let body = serde_json::to_vec(packet).map_err(|error| FailureKind::Broken(error.to_string()))?;
        self.requests.fetch_add(1, Ordering::Relaxed);
        let asked = Instant::now();
        let answer = tokio::time::timeout(self.timeout, endpoint.post(body.into())).await;
        let answer = answer.unwrap_or(Err(FailureKind::Timeout(self.timeout)));
        if answer.is_ok() {
            endpoint.health().took(asked.elapsed());
        }
        answer
    }
}

fn chain_id_in(endpoint: &Endpoint, answer: &Response) -> Result<u64, FailureKind> {
    match &answer.payload {
        ResponsePayload::Success(value) => serde_json::from_str::<U64>(value.get())
            .map(|id| id.to())
            .map_err(|_| FailureKind::NotJsonRpc(endpoint.readable(value.get()))),
        ResponsePayload::Failure(error) => Err(FailureKind::Busy(endpoint.readable(&error.message))),
    }
}
