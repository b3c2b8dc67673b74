//! Measuring tickets: how long checking one takes, all of it, beside a bare recovery of its signer; and how many winners
//! a second are on disk before anybody is answered.

use std::{
    path::Path,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use alloy::{
    primitives::{Address, U256},
    signers::local::PrivateKeySigner,
};
use futures_util::{StreamExt as _, future::try_join_all, stream};
use jiff::Timestamp;
use secp256k1::{
    Message, Secp256k1, VerifyOnly,
    ecdsa::{RecoverableSignature, RecoveryId},
};
use tokio::sync::watch;

use crate::{
    payments::{
        Books, BooksError, ChainTime, Parameters, Payment, Price, Recipient, RecipientSecret,
        RecipientSettings, SeenNonce, SenderFacts, Senders, TicketFailure, WinningTicket, books::Entry,
        senders::Asking,
    },
    units::{Round, Wei},
    view::bench::{TicketRun, TicketSpeed, WinnerRun},
    wire::{
        net,
        signature::{LocalSigner, MessageSigner as _, SIGNATURE_LENGTH},
    },
};

/// Tickets of one payment: as many as go-livepeer's remote signer sends at most.
pub const BATCH: usize = 100;

/// Why there are no figures.
#[derive(Debug, thiserror::Error)]
pub enum TicketBenchError {
    /// A ticket made here was not taken here.
    #[error("a ticket was not taken: {0}")]
    Refused(TicketFailure),
    /// A ticket made here cannot be read.
    #[error("a signature cannot be read")]
    Signature,
    /// The books could not be written.
    #[error(transparent)]
    Books(#[from] BooksError),
    /// The tickets could not be made.
    #[error("the tickets could not be made: {0}")]
    Made(String),
}

/// A gateway whose funds never end.
struct Solvent;

impl Senders for Solvent {
    fn facts(&self, _sender: Address) -> Asking<'_, SenderFacts> {
        let facts = SenderFacts {
            deposit: Wei::ether(1000),
            reserve: Wei::ether(1000),
            ..SenderFacts::default()
        };
        Box::pin(async move { Ok(facts) })
    }

    fn max_float(&self, _sender: Address) -> Asking<'_, Wei> {
        Box::pin(async { Ok(Wei::ether(1000)) })
    }
}

/// One payment, and what a bare recovery needs of it.
struct Made {
    parameters: Parameters,
    tickets: Vec<net::TicketSenderParams>,
    bare: Vec<(Message, RecoverableSignature)>,
}

/// Payments to be checked again and again.
pub struct Tickets {
    sender: Address,
    price: Price,
    secret: RecipientSecret,
    settings: RecipientSettings,
    clock: watch::Sender<Option<ChainTime>>,
    payments: Vec<Made>,
}

impl Tickets {
    /// Makes and signs so many, rounded up to whole payments.
    ///
    /// # Errors
    /// [`TicketBenchError`].
    pub async fn make(count: usize) -> Result<Self, TicketBenchError> {
        let signer = LocalSigner(PrivateKeySigner::random());
        let (clock, _) = watch::channel(Some(time()));
        let mut tickets = Self {
            sender: signer.address(),
            price: Price::new(1200, 1).unwrap_or_default(),
            secret: RecipientSecret::random(),
            settings: RecipientSettings {
                address: Address::repeat_byte(1),
                ticket_ev: Wei::gwei(8),
                max_face_value: None,
                redeem_gas: 1_200_000,
            },
            clock,
            payments: Vec::new(),
        };
        let recipient = tickets.recipient(1)?;
        for _ in 0..count.div_ceil(BATCH).max(1) {
            let parameters = recipient.parameters(tickets.sender, &tickets.price).await;
            let parameters = parameters.map_err(|error| TicketBenchError::Made(error.to_string()))?;
            let (signer, agreed) = (signer.clone(), parameters.clone());
            let signing = tokio::task::spawn_blocking(move || sign(&signer, &agreed));
            let (signed, bare) = signing
                .await
                .map_err(|error| TicketBenchError::Made(error.to_string()))??;
            tickets.payments.push(Made {
                parameters,
                tickets: signed,
                bare,
            });
        }
        Ok(tickets)
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.payments.iter().map(|payment| payment.tickets.len()).sum()
    }

    /// Checks all of them on so many threads, first bare and then whole, again and again: whatever else the machine does
    /// hits both. Nothing of a turn is remembered in the next.
    ///
    /// # Errors
    /// [`TicketBenchError::Refused`].
    pub async fn run(&self, threads: usize, turns: usize) -> Result<TicketRun, TicketBenchError> {
        let (mut bare, mut whole) = (Vec::new(), Vec::new());
        for _ in 0..turns.max(1) {
            bare.push(self.bare(threads));
            whole.push(self.whole(threads).await?);
        }
        let speed = |times: &mut Vec<Duration>| {
            times.sort_unstable();
            let median = times[times.len() / 2].as_secs_f64();
            #[expect(clippy::cast_precision_loss, reason = "a count, for a rate")]
            let count = self.count() as f64;
            TicketSpeed {
                microseconds: median / count * 1e6,
                per_second: count / median.max(f64::MIN_POSITIVE),
            }
        };
        let (bare, whole) = (speed(&mut bare), speed(&mut whole));
        Ok(TicketRun {
            threads,
            ratio: whole.microseconds / bare.microseconds.max(f64::MIN_POSITIVE),
            bare,
            whole,
        })
    }

    /// The time recovering every signer takes, and nothing else.
    fn bare(&self, threads: usize) -> Duration {
        let secp = Secp256k1::verification_only();
        let all: Vec<_> = self.payments.iter().flat_map(|payment| &payment.bare).collect();
        let share = all.len().div_ceil(threads.max(1)).max(1);
        let start = Instant::now();
        thread::scope(|scope| {
            for part in all.chunks(share) {
                let secp = &secp;
                scope.spawn(move || recover_all(secp, part));
            }
        });
        start.elapsed()
    }

    /// The time a recipient takes that has seen none of them, of as many gateways at once as it has threads.
    async fn whole(&self, threads: usize) -> Result<Duration, TicketBenchError> {
        let recipient = self.recipient(threads)?;
        let start = Instant::now();
        // Gateways pay at the same time: a thread that waits for the last ticket of one payment begins with the next.
        let payments = self.payments.iter().map(|payment| {
            recipient.receive(Payment {
                sender: self.sender,
                price: &self.price,
                parameters: &payment.parameters,
                tickets: &payment.tickets,
            })
        });
        let mut received = stream::iter(payments).buffer_unordered(threads);
        while let Some(received) = received.next().await {
            if let Some(failure) = received.failure {
                return Err(TicketBenchError::Refused(failure));
            }
        }
        Ok(start.elapsed())
    }

    fn recipient(&self, threads: usize) -> Result<Recipient, TicketBenchError> {
        let (secret, clock) = (self.secret.clone(), self.clock.subscribe());
        Recipient::on_threads(self.settings, secret, clock, Arc::new(Solvent), threads)
            .map_err(|error| TicketBenchError::Made(error.to_string()))
    }
}

fn recover_all(secp: &Secp256k1<VerifyOnly>, signatures: &[&(Message, RecoverableSignature)]) {
    for (digest, signature) in signatures {
        // Looked at, so that it is not left out.
        std::hint::black_box(secp.recover_ecdsa(*digest, signature)).ok();
    }
}

type Signed = (Vec<net::TicketSenderParams>, Vec<(Message, RecoverableSignature)>);

fn sign(signer: &LocalSigner, parameters: &Parameters) -> Result<Signed, TicketBenchError> {
    let (mut tickets, mut bare) = (Vec::new(), Vec::new());
    for sender_nonce in (1..).take(BATCH) {
        let ticket = parameters.ticket(signer.address(), sender_nonce);
        let sig = signer.sign(&ticket.message());
        let parts = sig.split_at_checked(SIGNATURE_LENGTH - 1).and_then(|(parts, v)| {
            let parity = i32::from(*v.first()?) - 27;
            RecoverableSignature::from_compact(parts, RecoveryId::try_from(parity).ok()?).ok()
        });
        let digest = Message::from_digest(ticket.digest().0);
        bare.push((digest, parts.ok_or(TicketBenchError::Signature)?));
        tickets.push(net::TicketSenderParams { sender_nonce, sig });
    }
    Ok((tickets, bare))
}

/// A chain on which nothing happens.
fn time() -> ChainTime {
    ChainTime {
        l1_block: 1000,
        block: 1000,
        round: Round(10),
        round_hash: alloy::primitives::B256::repeat_byte(1),
        previous_round_hash: alloy::primitives::B256::repeat_byte(2),
        round_start: 990,
        round_length: 100,
        current_round: Round(10),
        ticket_validity: 2,
        pool_size: 1,
        gas_price: Wei::ZERO,
        read_at: Timestamp::now(),
    }
}

/// Keeps so many winners in books of their own in a folder, of so many gateways at once, each of which waits for one
/// before it sends the next.
///
/// # Errors
/// [`TicketBenchError::Books`].
pub async fn keep_winners(
    folder: &Path,
    winners: usize,
    clients: usize,
) -> Result<WinnerRun, TicketBenchError> {
    let place = tempfile::Builder::new().prefix("lpctl-bench-").tempdir_in(folder);
    let place = place.map_err(|error| TicketBenchError::Made(error.to_string()))?;
    let path = Books::path(place.path());
    let books = tokio::task::spawn_blocking(move || Books::open(&path)).await;
    let books = books.map_err(|error| TicketBenchError::Made(error.to_string()))??;
    let clients = clients.clamp(1, winners.max(1));
    let each = winners.div_ceil(clients);
    let start = Instant::now();
    let all = (0..clients).map(|client| {
        let books = books.clone();
        async move {
            let mut times = Vec::with_capacity(each);
            for number in 0..each {
                let start = Instant::now();
                books.record(entry(client, number)).await?;
                times.push(start.elapsed());
            }
            Ok::<_, BooksError>(times)
        }
    });
    let mut times: Vec<Duration> = try_join_all(all).await?.into_iter().flatten().collect();
    let took = start.elapsed();
    times.sort_unstable();
    let rank = |percent: usize| {
        let place = (times.len() * percent).div_ceil(100).saturating_sub(1);
        times.get(place).map_or(0.0, |time| time.as_secs_f64() * 1e3)
    };
    #[expect(clippy::cast_precision_loss, reason = "a count, for a rate")]
    let count = times.len() as f64;
    Ok(WinnerRun {
        winners: times.len(),
        clients,
        per_second: count / took.as_secs_f64().max(f64::MIN_POSITIVE),
        median_ms: rank(50),
        p99_ms: rank(99),
        folder: folder.display().to_string(),
    })
}

/// A payment of one ticket that won.
fn entry(client: usize, number: usize) -> Entry {
    let sender = Address::left_padding_from(&(client as u64 + 1).to_be_bytes());
    let parameters = Parameters {
        recipient: Address::repeat_byte(1),
        face_value: Wei::gwei(800),
        win_prob: U256::MAX,
        recipient_rand_hash: alloy::primitives::B256::new(rand::random()),
        seed: U256::from(number),
        expiration_block: 1040,
        creation_round: Round(10),
        creation_round_block_hash: alloy::primitives::B256::repeat_byte(1),
    };
    Entry {
        sender,
        session: format!("bench-{client}"),
        credit: parameters.expected_value(),
        price: Price::new(1200, 1),
        nonces: vec![SeenNonce {
            rand_hash: parameters.recipient_rand_hash,
            nonce: 1,
            expiration_block: parameters.expiration_block,
        }],
        winners: vec![WinningTicket {
            ticket: parameters.ticket(sender, 1),
            signature: [7; SIGNATURE_LENGTH],
            recipient_rand: U256::from_be_bytes(rand::random::<[u8; 32]>()),
            params_expiration_block: parameters.expiration_block,
        }],
    }
}
