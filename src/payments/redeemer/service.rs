//! The redeemer's side: takes winning tickets over gRPC, and tells what one ticket of a sender can pay
//! (`go-livepeer server/redeemer.go`).
//!
//! go-livepeer's redeemer takes anything from anybody. This one takes what the contract would pay and its books have room
//! for, and if it was given a secret, only from those who know it.

use std::{
    net::SocketAddr,
    path::Path,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use alloy::{hex, primitives::Address};
use axum::http::StatusCode;
use futures_util::Stream;
use tokio::{
    net::TcpListener,
    sync::{Semaphore, broadcast::error::RecvError, mpsc, watch},
    task::JoinHandle,
};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, service::Routes as GrpcRoutes};

use super::message::{account, check, from_wire, shortest};
use crate::{
    chain::{ChainSenders, SenderChange},
    node::{
        ConnectionLimits,
        http::Refusal,
        listener::{Routes, serve},
        tls::acceptor,
    },
    payments::{
        Books, ChainTime, Senders as _,
        books::Filter,
        redeem::{RedeemState, Redeemer},
    },
    secret::OrchestratorSecret,
    wire::net::{
        self,
        ticket_redeemer_server::{TicketRedeemer, TicketRedeemerServer},
    },
};

/// How long the chain may take to say what a sender can pay.
const FLOAT_TIMEOUT: Duration = Duration::from_secs(7);

/// What strangers may take of a redeemer.
#[derive(Debug, Clone, Copy)]
pub struct QueueLimits {
    /// Winners waiting, at most.
    pub pending: usize,
    /// Open streams of changes, at most.
    pub streams: usize,
}

impl Default for QueueLimits {
    fn default() -> Self {
        Self {
            pending: 9_000,
            streams: 1_024,
        }
    }
}

/// How a redeemer serves.
#[derive(Debug)]
pub struct RedeemerServerSettings {
    /// Where it listens.
    pub bind: SocketAddr,
    /// Whether it speaks TLS; orchestrators expect it.
    pub tls: bool,
    /// Whose tickets it takes.
    pub recipient: Address,
    /// What callers have to know; none: everybody may call.
    pub secret: Option<OrchestratorSecret>,
    /// Its bounds.
    pub limits: QueueLimits,
}

/// Why a redeemer does not serve.
#[derive(Debug, thiserror::Error)]
pub enum RedeemerServerError {
    /// The port cannot be had.
    #[error("{address} cannot be listened on: {reason}")]
    Port {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        reason: String,
    },
    /// There is no certificate.
    #[error("no certificate: {0}")]
    Certificate(String),
}

/// A serving redeemer.
#[derive(Debug)]
pub struct RedeemerServer {
    /// Where it listens.
    pub address: SocketAddr,
    /// Ends after the stop.
    pub task: JoinHandle<()>,
}

/// What the service works with.
pub struct RedeemerServerParts {
    /// Where winners are kept.
    pub books: Books,
    /// Who redeems them.
    pub redeemer: Redeemer,
    /// What stands behind senders.
    pub senders: Arc<ChainSenders>,
    /// What time it is.
    pub clock: watch::Receiver<Option<ChainTime>>,
}

impl RedeemerServer {
    /// Opens the port and serves until stopped. The certificate is made anew and left in `data_dir`.
    ///
    /// # Errors
    /// See [`RedeemerServerError`].
    pub async fn start(
        parts: RedeemerServerParts,
        settings: RedeemerServerSettings,
        data_dir: &Path,
        stop: CancellationToken,
    ) -> Result<Self, RedeemerServerError> {
        let port = |error: std::io::Error| RedeemerServerError::Port {
            address: settings.bind,
            reason: error.to_string(),
        };
        let tls = match settings.tls {
            true => Some(
                acceptor(&settings.bind.ip().to_string(), data_dir)
                    .map_err(|error| RedeemerServerError::Certificate(error.to_string()))?,
            ),
            false => None,
        };
        let listener = TcpListener::bind(settings.bind).await.map_err(port)?;
        let address = listener.local_addr().map_err(port)?;
        let service = Service {
            state: parts.redeemer.state(),
            parts,
            recipient: settings.recipient,
            secret: settings.secret,
            most: settings.limits.pending,
            new: AtomicUsize::new(0),
            streams: Arc::new(Semaphore::new(settings.limits.streams)),
            stop: stop.clone(),
        };
        let grpc = GrpcRoutes::new(TicketRedeemerServer::new(service).max_decoding_message_size(64 << 10));
        let nothing = || async { Refusal::new(StatusCode::NOT_FOUND, "not found").into_response() };
        let routes = Routes {
            grpc: Some(grpc.prepare().into_axum_router()),
            http: axum::Router::new().fallback(nothing),
        };
        let task = tokio::spawn(serve(listener, tls, routes, ConnectionLimits::default(), stop));
        Ok(Self { address, task })
    }
}

struct Service {
    parts: RedeemerServerParts,
    state: watch::Receiver<RedeemState>,
    recipient: Address,
    secret: Option<OrchestratorSecret>,
    most: usize,
    /// Taken since the redeemer last counted.
    new: AtomicUsize,
    streams: Arc<Semaphore>,
    stop: CancellationToken,
}

impl Service {
    /// Whether the caller knows the secret.
    fn admit<T>(&self, request: &Request<T>) -> Result<(), Status> {
        let Some(secret) = &self.secret else { return Ok(()) };
        let given = request.metadata().get("authorization");
        let given = given.and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
        match given {
            Some(given) if secret.matches(given) => Ok(()),
            _ => Err(Status::unauthenticated(
                "this redeemer needs the secret it shares with its orchestrators",
            )),
        }
    }

    /// Whether there is room for one more.
    async fn has_room(&self) -> Result<(), Status> {
        let full = || {
            Status::resource_exhausted(format!(
                "{} tickets are waiting, which is all there can be",
                self.most
            ))
        };
        let counted = self.state.borrow().pending;
        if counted.saturating_add(self.new.load(Ordering::Relaxed)) < self.most {
            return Ok(());
        }
        // Counted anew, from the books: some may have gone.
        let filter = Filter {
            pending: true,
            limit: self.most,
            ..Filter::default()
        };
        let waiting = self.parts.books.winners(filter).await;
        let waiting = waiting
            .map_err(|error| Status::internal(error.to_string()))?
            .len();
        if waiting >= self.most {
            return Err(full());
        }
        self.new.store(waiting.saturating_sub(counted), Ordering::Relaxed);
        Ok(())
    }

    async fn float(senders: &ChainSenders, sender: Address) -> Result<net::MaxFloatUpdate, Status> {
        match tokio::time::timeout(FLOAT_TIMEOUT, senders.max_float(sender)).await {
            Ok(Ok(float)) => Ok(net::MaxFloatUpdate {
                max_float: shortest(float.0),
            }),
            Ok(Err(error)) => Err(Status::internal(error.to_string())),
            Err(_) => Err(Status::internal("the chain did not answer in time")),
        }
    }

    fn sender(request: &net::MaxFloatReq) -> Result<Address, Status> {
        account(&request.sender, "sender").map_err(|fault| Status::invalid_argument(fault.to_string()))
    }
}

#[tonic::async_trait]
impl TicketRedeemer for Service {
    async fn queue_ticket(
        &self,
        request: Request<net::Ticket>,
    ) -> Result<Response<net::QueueTicketRes>, Status> {
        self.admit(&request)?;
        let invalid = |reason: String| Status::invalid_argument(reason);
        let won = from_wire(request.get_ref()).map_err(|fault| invalid(fault.to_string()))?;
        if won.ticket.recipient != self.recipient {
            return Err(Status::permission_denied(format!(
                "invalid ticket recipient 0x{}, expected {}",
                hex::encode(won.ticket.recipient),
                self.recipient
            )));
        }
        if let Some(time) = *self.parts.clock.borrow()
            && !time.is_valid(won.ticket.creation_round)
        {
            return Err(invalid("ticket is expired".to_string()));
        }
        let checked = tokio::task::spawn_blocking(move || check(&won).map(|()| won)).await;
        let won = checked
            .map_err(|error| Status::internal(error.to_string()))?
            .map_err(|fault| invalid(fault.to_string()))?;
        self.has_room().await?;
        let kept = self.parts.books.keep_winner(won).await;
        if kept.map_err(|error| Status::internal(error.to_string()))? {
            self.new.fetch_add(1, Ordering::Relaxed);
            self.parts.redeemer.wake();
        }
        Ok(Response::new(net::QueueTicketRes {}))
    }

    async fn max_float(
        &self,
        request: Request<net::MaxFloatReq>,
    ) -> Result<Response<net::MaxFloatUpdate>, Status> {
        self.admit(&request)?;
        let sender = Self::sender(request.get_ref())?;
        Self::float(&self.parts.senders, sender).await.map(Response::new)
    }

    type MonitorMaxFloatStream = Pin<Box<dyn Stream<Item = Result<net::MaxFloatUpdate, Status>> + Send>>;

    async fn monitor_max_float(
        &self,
        request: Request<net::MaxFloatReq>,
    ) -> Result<Response<Self::MonitorMaxFloatStream>, Status> {
        self.admit(&request)?;
        let sender = Self::sender(request.get_ref())?;
        let place = Arc::clone(&self.streams)
            .try_acquire_owned()
            .map_err(|_| Status::resource_exhausted("there are as many streams as there can be"))?;
        let (updates, stream) = mpsc::channel(4);
        let (senders, stop) = (Arc::clone(&self.parts.senders), self.stop.clone());
        let mut changes = senders.changes();
        tokio::spawn(async move {
            let _place = place;
            loop {
                let change = tokio::select! {
                    () = stop.cancelled() => return,
                    () = updates.closed() => return,
                    change = changes.recv() => change,
                };
                match change {
                    Ok(SenderChange::One(changed)) if changed != sender => continue,
                    // Some were missed: this sender may be among them.
                    Ok(_) | Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => {
                        let _ = updates.send(Err(Status::cancelled("subscription closed"))).await;
                        return;
                    }
                }
                let update = Self::float(&senders, sender).await;
                let failed = update.is_err();
                if updates.send(update).await.is_err() || failed {
                    return;
                }
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(stream))))
    }
}
