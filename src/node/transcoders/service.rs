//! `net.Transcoder/RegisterTranscoder` (`go-livepeer server/ot_rpc.go`).
//!
//! The stream stays open until the transcoder goes or is sent away, and then ends with status `OK`, or `UNAVAILABLE` when
//! the node stops. It never ends with `CANCELLED` or a reset: a Go transcoder takes those for its own shutdown.

use std::pin::Pin;

use futures_util::{Stream, stream};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use super::{
    TranscoderPool,
    registry::{Introduction, MemberId},
};
use crate::{
    node::{advertised_version, listener::Peer},
    wire::{
        capability::CapabilitySet,
        net::{self, transcoder_server::Transcoder},
    },
};

/// Words of capabilities that are looked at: far more than there are.
const MOST_WORDS: usize = 8;
/// Longest version.
const MOST_VERSION: usize = 128;
/// Messages that may wait for one transcoder beside those its sessions need.
const SPARE_MESSAGES: usize = 64;

/// Lets transcoders register.
pub(in crate::node) struct TranscoderService {
    pool: TranscoderPool,
}

impl TranscoderService {
    /// Lets them register with this pool.
    pub(in crate::node) fn new(pool: TranscoderPool) -> Self {
        Self { pool }
    }

    fn introduction(&self, request: Request<net::RegisterRequest>) -> Result<Introduction, Status> {
        let address = request.extensions().get::<Peer>().map(|peer| peer.0);
        let request = request.into_inner();
        if !self.pool.settings().secret.matches(request.secret.as_bytes()) {
            tracing::warn!(?address, "a transcoder with another secret was refused");
            return Err(Status::unknown("invalid secret"));
        }
        if request.capacity <= 0 {
            return Err(Status::unknown("zero capacity"));
        }
        let most = self.pool.settings().most_capacity.max(1);
        Ok(Introduction {
            address,
            capacity: u32::try_from(request.capacity).unwrap_or(u32::MAX).min(most),
            capabilities: match request.capabilities {
                Some(claimed) => bounded(claimed, most),
                None => CapabilitySet::default_set().to_message(&advertised_version()),
            },
        })
    }
}

/// What of a claim is kept.
fn bounded(claimed: net::Capabilities, most_capacity: u32) -> net::Capabilities {
    let words = &claimed.bitstring[..claimed.bitstring.len().min(MOST_WORDS)];
    let ids = u32::try_from(words.len()).unwrap_or(0) * 64;
    let capacities = claimed.capacities.into_iter().filter(|(id, _)| *id < ids);
    net::Capabilities {
        bitstring: words.to_vec(),
        mandatories: Vec::new(),
        capacities: capacities
            .map(|(id, count)| (id, count.min(most_capacity)))
            .collect(),
        version: claimed.version.chars().take(MOST_VERSION).collect(),
        constraints: None,
    }
}

#[tonic::async_trait]
impl Transcoder for TranscoderService {
    type RegisterTranscoderStream = Pin<Box<dyn Stream<Item = Result<net::NotifySegment, Status>> + Send>>;

    async fn register_transcoder(
        &self,
        request: Request<net::RegisterRequest>,
    ) -> Result<Response<Self::RegisterTranscoderStream>, Status> {
        let introduction = self.introduction(request)?;
        let places = usize::try_from(introduction.capacity).unwrap_or(0) + SPARE_MESSAGES;
        let (queue, messages) = mpsc::channel(places);
        let (id, gone) = self
            .pool
            .join(introduction, queue)
            .map_err(|full| Status::unavailable(full.to_string()))?;
        let seat = Seat {
            pool: self.pool.clone(),
            id,
            gone,
        };
        Ok(Response::new(Box::pin(outgoing(seat, messages))))
    }
}

/// A transcoder's place for as long as its stream is there.
struct Seat {
    pool: TranscoderPool,
    id: MemberId,
    gone: CancellationToken,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.pool.leave(self.id, "its connection ended");
    }
}

/// The messages to a transcoder, until it is gone; what it has not been sent by then goes to others.
fn outgoing(
    seat: Seat,
    messages: mpsc::Receiver<net::NotifySegment>,
) -> impl Stream<Item = Result<net::NotifySegment, Status>> + Send {
    stream::unfold(Some((seat, messages)), |state| async move {
        let (seat, mut messages) = state?;
        let message = tokio::select! {
            biased;
            () = seat.gone.cancelled() => None,
            message = messages.recv() => message,
        };
        match message.or_else(|| last_words(&mut messages)) {
            Some(message) => Some((Ok(message), Some((seat, messages)))),
            None if seat.pool.state().is_stopping => {
                Some((Err(Status::unavailable("the orchestrator is stopping")), None))
            }
            None => None,
        }
    })
}

/// The next end of a session among the messages that wait: what a transcoder that is being left still has to know.
fn last_words(messages: &mut mpsc::Receiver<net::NotifySegment>) -> Option<net::NotifySegment> {
    std::iter::from_fn(|| messages.try_recv().ok()).find(|message| message.url.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_are_cut_to_what_can_be() {
        let claim = net::Capabilities {
            bitstring: vec![u64::MAX; 100_000],
            mandatories: vec![1],
            capacities: (0..10_000).map(|id| (id, u32::MAX)).collect(),
            version: "9".repeat(1000),
            constraints: None,
        };
        let kept = bounded(claim, 7);
        assert_eq!(
            (kept.bitstring.len(), kept.version.len()),
            (MOST_WORDS, MOST_VERSION)
        );
        assert_eq!(kept.capacities.len(), MOST_WORDS * 64);
        assert!(kept.mandatories.is_empty() && kept.capacities.values().all(|count| *count == 7));
    }
}
