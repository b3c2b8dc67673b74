//! The orchestrator's side: winners go to a redeemer elsewhere, and it says what one ticket of a sender can pay.
//!
//! A winner is in the orchestrator's own books first, and leaves them only when the redeemer has said that it took it. A
//! redeemer that is away costs nothing but time.

use std::{
    collections::HashMap,
    fmt,
    str::FromStr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use alloy::primitives::{Address, U256};
use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream};
use tokio::{sync::watch, task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request, Status, metadata::MetadataValue, transport::Channel};
use url::Url;

use super::message::to_wire;
use crate::{
    payments::{
        Books, ChainTime, SenderFacts, SenderFailure, Senders, WinningTicket,
        books::{Filter, Settlement, Waiting, Winner, WinnerState},
        senders::Asking,
    },
    secret::OrchestratorSecret,
    units::Wei,
    wire::{
        client::{ConnectError, GRPC_CONNECT_TIMEOUT, Pings, connect_grpc_lasting},
        net::{self, ticket_redeemer_client::TicketRedeemerClient},
    },
};

/// How long a call may take (`go-livepeer server/redeemer.go`).
const CALL_TIMEOUT: Duration = Duration::from_secs(8);
/// How long an unasked sender's float is followed.
const UNUSED: Duration = Duration::from_secs(300);
/// How often a followed float is asked for.
const REFRESH: Duration = Duration::from_secs(30);
/// Senders followed at once.
const FOLLOWED: usize = 1_000;
/// How long after a failure winners are offered again.
const RETRY: Duration = Duration::from_secs(15);
/// Winners offered in one go.
const OFFERED: usize = 1_000;
/// Blocks of Ethereum after which a refused winner is offered again.
const REFUSED_FOR: u64 = 50;

/// Where a redeemer is: `host`, `host:port` (8935 without one), or a URL whose scheme says whether TLS is spoken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedeemerAddress(Url);

/// No address of a redeemer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an address of a redeemer, like `host:8935`")]
pub struct NoRedeemerAddress;

impl FromStr for RedeemerAddress {
    type Err = NoRedeemerAddress;

    fn from_str(text: &str) -> Result<Self, NoRedeemerAddress> {
        let text = match text.contains("://") {
            true => text.to_string(),
            false => format!("https://{text}"),
        };
        let mut url: Url = text.parse().map_err(|_| NoRedeemerAddress)?;
        let bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.username().is_empty();
        if !bare || url.host_str().is_none_or(str::is_empty) || !matches!(url.scheme(), "https" | "http") {
            return Err(NoRedeemerAddress);
        }
        if url.port().is_none() && !has_port(&text) {
            url.set_port(Some(8935)).map_err(|()| NoRedeemerAddress)?;
        }
        Ok(Self(url))
    }
}

/// Whether a port is written out: the usual one of the scheme is not kept in a URL.
fn has_port(text: &str) -> bool {
    let end = text.trim_end_matches('/');
    end.ends_with(":443") || end.ends_with(":80")
}

impl fmt::Display for RedeemerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.0.host_str().unwrap_or_default();
        write!(f, "{host}:{}", self.0.port_or_known_default().unwrap_or(8935))
    }
}

/// Why there is no redeemer.
#[derive(Debug, thiserror::Error)]
pub enum RemoteRedeemerError {
    /// It cannot be reached.
    #[error(transparent)]
    Connect(#[from] ConnectError),
}

/// A redeemer elsewhere. Cheap to clone.
#[derive(Clone)]
pub struct RemoteRedeemer(Arc<Inner>);

struct Inner {
    address: RedeemerAddress,
    secret: Option<OrchestratorSecret>,
    /// What is known here of senders.
    local: Arc<dyn Senders>,
    channel: tokio::sync::Mutex<Option<Channel>>,
    floats: Mutex<HashMap<Address, Followed>>,
    stop: CancellationToken,
}

impl fmt::Debug for RemoteRedeemer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RemoteRedeemer({})", self.0.address)
    }
}

/// A float that a stream keeps true.
struct Followed {
    float: Wei,
    asked: Instant,
}

impl RemoteRedeemer {
    /// Connects, within three seconds. Senders' funds are still judged by what `local` says; only the float is asked for.
    ///
    /// # Errors
    /// [`RemoteRedeemerError::Connect`].
    pub async fn connect(
        address: RedeemerAddress,
        secret: Option<OrchestratorSecret>,
        local: Arc<dyn Senders>,
        stop: CancellationToken,
    ) -> Result<Self, RemoteRedeemerError> {
        let remote = Self(Arc::new(Inner {
            address,
            secret,
            local,
            channel: tokio::sync::Mutex::new(None),
            floats: Mutex::default(),
            stop,
        }));
        remote.channel().await?;
        Ok(remote)
    }

    /// Where it is.
    #[must_use]
    pub fn address(&self) -> &RedeemerAddress {
        &self.0.address
    }

    /// Hands over the winners in the books, those of earlier too, until stopped.
    pub fn hand_over(&self, books: Books, clock: watch::Receiver<Option<ChainTime>>) -> JoinHandle<()> {
        let remote = self.clone();
        tokio::spawn(async move {
            let mut news = books.new_winners();
            let stop = remote.0.stop.clone();
            loop {
                let time = *clock.borrow();
                if let Err(reason) = remote.offer_all(&books, time).await {
                    tracing::warn!(redeemer = %remote.0.address, %reason, "winning tickets could not be handed over; they are kept");
                }
                tokio::select! {
                    () = stop.cancelled() => return,
                    changed = news.changed() => if changed.is_err() { return },
                    () = tokio::time::sleep(RETRY) => {}
                }
            }
        })
    }

    async fn offer_all(&self, books: &Books, time: Option<ChainTime>) -> Result<(), String> {
        let filter = Filter {
            pending: true,
            limit: OFFERED,
            ..Filter::default()
        };
        let block = time.map_or(0, |time| time.l1_block);
        for winner in books.winners(filter).await.map_err(|error| error.to_string())? {
            let held_back = winner.waiting.as_ref().and_then(|waiting| waiting.not_before);
            if !matches!(winner.state, WinnerState::Pending) || held_back.is_some_and(|from| block < from) {
                continue;
            }
            self.offer(books, &winner, time).await?;
        }
        Ok(())
    }

    /// Offers one; an error says that the redeemer is away.
    async fn offer(&self, books: &Books, winner: &Winner, time: Option<ChainTime>) -> Result<(), String> {
        let expired = time.filter(|time| !time.is_valid(winner.ticket.ticket.creation_round));
        if let Some(time) = expired {
            let reason = format!(
                "expired in round {} before the redeemer took it",
                time.current_round
            );
            let lost = (winner.hash, Settlement::Lost { reason });
            return books.settle(&[lost]).await.map_err(|error| error.to_string());
        }
        let written = match self.queue(&winner.ticket).await {
            Ok(()) => {
                tracing::info!(ticket = %winner.hash, redeemer = %self.0.address, "a winning ticket was handed over");
                let to = self.0.address.to_string();
                books
                    .settle(&[(winner.hash, Settlement::HandedOver { to })])
                    .await
            }
            // It is there and does not want this ticket now.
            Err(status) if is_refusal(status.code()) => {
                let message = plain(status.message());
                tracing::warn!(ticket = %winner.hash, %message, "the redeemer refuses a winning ticket");
                let waiting = Waiting {
                    reason: "redeemer_refused".to_string(),
                    message,
                    not_before: time.map(|time| time.l1_block.saturating_add(REFUSED_FOR)),
                };
                books.note(winner.hash, waiting).await
            }
            Err(status) => return Err(plain(status.message())),
        };
        written.map_err(|error| error.to_string())
    }

    /// Leaves a winner with the redeemer. It may have been left there before.
    ///
    /// # Errors
    /// What the redeemer or the network says.
    pub async fn queue(&self, won: &WinningTicket) -> Result<(), Status> {
        let mut client = self.client().await?;
        let request = self.request(to_wire(won))?;
        self.judge(timeout(CALL_TIMEOUT, client.queue_ticket(request)).await)
            .await?;
        Ok(())
    }

    async fn client(&self) -> Result<TicketRedeemerClient<Channel>, Status> {
        let channel = self
            .channel()
            .await
            .map_err(|error| Status::unavailable(error.to_string()))?;
        Ok(TicketRedeemerClient::new(channel).max_decoding_message_size(64 << 10))
    }

    /// The connection, made anew when the last call failed.
    async fn channel(&self) -> Result<Channel, ConnectError> {
        let mut kept = self.0.channel.lock().await;
        if let Some(channel) = &*kept {
            return Ok(channel.clone());
        }
        let pings = Pings {
            interval: Duration::from_secs(20),
            patience: Duration::from_secs(10),
        };
        let channel = connect_grpc_lasting(&self.0.address.0, GRPC_CONNECT_TIMEOUT, pings).await?;
        *kept = Some(channel.clone());
        Ok(channel)
    }

    fn request<T>(&self, message: T) -> Result<Request<T>, Status> {
        let mut request = Request::new(message);
        if let Some(secret) = &self.0.secret {
            let mut value = MetadataValue::try_from(format!("Bearer {}", secret.expose()))
                .map_err(|_| Status::internal("the secret cannot be sent"))?;
            value.set_sensitive(true);
            request.metadata_mut().insert("authorization", value);
        }
        Ok(request)
    }

    /// An answer, or why there is none; the connection is given up where it may be its fault.
    async fn judge<T>(
        &self,
        answer: Result<Result<T, Status>, tokio::time::error::Elapsed>,
    ) -> Result<T, Status> {
        let status = match answer {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(status)) => status,
            Err(_) => Status::deadline_exceeded("no answer in time"),
        };
        if !is_refusal(status.code()) {
            *self.0.channel.lock().await = None;
        }
        Err(status)
    }

    fn floats(&self) -> std::sync::MutexGuard<'_, HashMap<Address, Followed>> {
        self.0.floats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn float(&self, sender: Address) -> Result<Wei, Status> {
        if let Some(followed) = self.floats().get_mut(&sender) {
            followed.asked = Instant::now();
            return Ok(followed.float);
        }
        let float = self.ask(sender).await?;
        let mut floats = self.floats();
        if floats.len() < FOLLOWED {
            let asked = Instant::now();
            if floats.insert(sender, Followed { float, asked }).is_none() {
                tokio::spawn(self.clone().follow(sender));
            }
        }
        Ok(float)
    }

    async fn ask(&self, sender: Address) -> Result<Wei, Status> {
        let mut client = self.client().await?;
        let request = self.request(net::MaxFloatReq {
            sender: sender.to_vec(),
        })?;
        let update = self
            .judge(timeout(CALL_TIMEOUT, client.max_float(request)).await)
            .await?;
        float_of(update.get_ref())
    }

    /// Changes of a float as the redeemer tells them. go-livepeer's says nothing at all before the first one, so nothing
    /// waits for the stream to be there.
    async fn changes(
        &self,
        sender: Address,
    ) -> Result<impl Stream<Item = Result<net::MaxFloatUpdate, Status>> + use<>, Status> {
        let mut client = self.client().await?;
        let request = self.request(net::MaxFloatReq {
            sender: sender.to_vec(),
        })?;
        let opening = async move {
            client
                .monitor_max_float(request)
                .await
                .map(tonic::Response::into_inner)
        };
        Ok(stream::once(opening).try_flatten())
    }

    /// Keeps a float true until nobody asks for it any more or the redeemer is gone: by the changes it tells, and by asking
    /// now and then, as one may have been missed.
    async fn follow(self, sender: Address) {
        if let Ok(changes) = self.changes(sender).await {
            let mut changes = Box::pin(changes);
            let mut again = tokio::time::interval_at(tokio::time::Instant::now() + REFRESH, REFRESH);
            loop {
                let told = tokio::select! {
                    () = self.0.stop.cancelled() => break,
                    update = changes.next() => match update {
                        Some(update) => update.and_then(|update| float_of(&update)),
                        None => break,
                    },
                    _ = again.tick() => self.ask(sender).await,
                };
                let Ok(float) = told else { break };
                let mut floats = self.floats();
                match floats.get_mut(&sender) {
                    Some(followed) if followed.asked.elapsed() < UNUSED => followed.float = float,
                    _ => break,
                }
            }
        }
        self.floats().remove(&sender);
    }
}

impl Senders for RemoteRedeemer {
    fn facts(&self, sender: Address) -> Asking<'_, SenderFacts> {
        self.0.local.facts(sender)
    }

    fn max_float(&self, sender: Address) -> Asking<'_, Wei> {
        Box::pin(async move {
            self.float(sender).await.map_err(|status| {
                let (address, reason) = (&self.0.address, plain(status.message()));
                SenderFailure(format!(
                    "the redeemer {address} does not say what the sender can pay: {reason}"
                ))
            })
        })
    }
}

fn float_of(update: &net::MaxFloatUpdate) -> Result<Wei, Status> {
    match update.max_float.len() {
        0..=32 => Ok(Wei(U256::from_be_slice(&update.max_float))),
        _ => Err(Status::internal("more than 256 bits of max float")),
    }
}

/// Whether the redeemer itself said no, which it may say again.
fn is_refusal(code: Code) -> bool {
    matches!(
        code,
        Code::InvalidArgument
            | Code::PermissionDenied
            | Code::Unauthenticated
            | Code::ResourceExhausted
            | Code::FailedPrecondition
            | Code::Internal
            | Code::Unimplemented
    )
}

/// What the other side says, fit to be shown.
fn plain(text: &str) -> String {
    let shown: String = text.chars().take(200).flat_map(char::escape_debug).collect();
    if shown.is_empty() {
        "no reason given".to_string()
    } else {
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_go_livepeer_reads_them() {
        for (text, shown) in [
            ("redeemer.example", "redeemer.example:8935"),
            ("127.0.0.1:9000", "127.0.0.1:9000"),
            ("https://redeemer.example", "redeemer.example:8935"),
            ("https://redeemer.example:443", "redeemer.example:443"),
            ("http://[::1]:8935/", "[::1]:8935"),
        ] {
            assert_eq!(text.parse::<RedeemerAddress>().unwrap().to_string(), shown);
        }
        for text in [
            "",
            "https://",
            "ftp://host",
            "https://user@host",
            "https://host/path",
            "a b",
        ] {
            assert_eq!(text.parse::<RedeemerAddress>(), Err(NoRedeemerAddress), "{text}");
        }
    }

    #[test]
    fn trap_12_a_float_is_never_below_zero_nor_beyond_bounds() {
        let float = |bytes: Vec<u8>| float_of(&net::MaxFloatUpdate { max_float: bytes });
        assert_eq!(float(Vec::new()).unwrap(), Wei::ZERO);
        assert_eq!(float(vec![1, 0]).unwrap(), Wei(U256::from(256)));
        assert!(float(vec![1; 33]).is_err());
    }
}
