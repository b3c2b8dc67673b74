//! The side that is paid: it says what tickets must look like and checks those that come
//! (`go-livepeer pm/recipient.go`, `core/orchestrator.go`).
//!
//! | module | holds |
//! |---|---|
//! | `secret` | the numbers behind the draws |
//! | `verify` | signatures and draws, many at once |
//! | `nonces` | which tickets were paid with already |
//! | `failure` | why a ticket is not taken |
//!
//! What a payment is worth is told, not kept: credit, numbers and winners belong into the books before the gateway is
//! answered.

mod failure;
mod nonces;
mod secret;
mod verify;

pub use failure::{NoExpectedValue, ParametersError, TicketFailure};
pub use nonces::{NONCES, SeenNonce};
pub use secret::RecipientSecret;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
};

use alloy::primitives::{Address, U256};
use num_bigint::BigInt;
use num_rational::BigRational;
use tokio::sync::watch;

use super::{
    ChainTime, Exact, Parameters, Price, Senders, WinningTicket,
    amount::integer,
    parameters::{LIFETIME_BLOCKS, Terms, win_prob},
};
use crate::{
    units::Wei,
    wire::{net, ticket::rand_hash},
};
use nonces::{NonceRefusal, Nonces};
use verify::{Agreement, Signed, check_all};

/// How a recipient wants to be paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecipientSettings {
    /// Who is paid.
    pub address: Address,
    /// What each ticket shall be worth.
    pub ticket_ev: Wei,
    /// The most one may pay, if there is a limit.
    pub max_face_value: Option<Wei>,
    /// Gas one redemption takes.
    pub redeem_gas: u64,
}

/// Tickets as they came, with what they were made by.
#[derive(Debug, Clone, Copy)]
pub struct Payment<'a> {
    /// Who pays.
    pub sender: Address,
    /// The price the gateway names. It is the one that was agreed, or no ticket is taken.
    pub price: &'a Price,
    /// The parameters the gateway names. They are those that were agreed, or no ticket is taken.
    pub parameters: &'a Parameters,
    /// Numbers and signatures.
    pub tickets: &'a [net::TicketSenderParams],
}

/// What came of a payment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Received {
    /// What the tickets before the first failure are worth.
    pub credit: Exact,
    /// Every ticket that was taken just now, the ones after a failure too: they do not count a second time.
    pub accepted: Vec<SeenNonce>,
    /// Every ticket that won, whatever else is wrong with it or the payment; the same one may come again.
    pub winners: Vec<WinningTicket>,
    /// The first failure: what the gateway is told.
    pub failure: Option<TicketFailure>,
}

impl Received {
    fn refused(failure: TicketFailure) -> Self {
        Self {
            failure: Some(failure),
            ..Self::default()
        }
    }

    fn fail(&mut self, failure: TicketFailure) {
        self.failure.get_or_insert(failure);
    }
}

/// What can be changed while it runs.
#[derive(Debug, Clone, Copy)]
struct Wishes {
    ticket_ev: Wei,
    max_face_value: Option<Wei>,
}

/// The side that is paid. Cheap to clone.
#[derive(Clone)]
pub struct Recipient(Arc<Shared>);

struct Shared {
    address: Address,
    redeem_gas: u64,
    wishes: RwLock<Wishes>,
    secret: RecipientSecret,
    clock: watch::Receiver<Option<ChainTime>>,
    senders: Arc<dyn Senders>,
    nonces: Mutex<Nonces>,
    threads: usize,
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recipient")
            .field("address", &self.0.address)
            .finish_non_exhaustive()
    }
}

impl Recipient {
    /// A recipient that checks tickets on all processors.
    ///
    /// # Errors
    /// [`NoExpectedValue`] if tickets would be worth nothing.
    pub fn new(
        settings: RecipientSettings,
        secret: RecipientSecret,
        clock: watch::Receiver<Option<ChainTime>>,
        senders: Arc<dyn Senders>,
    ) -> Result<Self, NoExpectedValue> {
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self::on_threads(settings, secret, clock, senders, threads)
    }

    /// As [`Self::new`], checking the tickets of one payment on at most so many threads.
    ///
    /// # Errors
    /// [`NoExpectedValue`] if tickets would be worth nothing.
    pub fn on_threads(
        settings: RecipientSettings,
        secret: RecipientSecret,
        clock: watch::Receiver<Option<ChainTime>>,
        senders: Arc<dyn Senders>,
        threads: usize,
    ) -> Result<Self, NoExpectedValue> {
        let recipient = Self(Arc::new(Shared {
            address: settings.address,
            redeem_gas: settings.redeem_gas,
            wishes: RwLock::new(Wishes {
                ticket_ev: Wei(U256::from(1)),
                max_face_value: settings.max_face_value,
            }),
            secret,
            clock,
            senders,
            nonces: Mutex::default(),
            threads,
        }));
        recipient.set_ticket_ev(settings.ticket_ev)?;
        Ok(recipient)
    }

    /// Who is paid.
    #[must_use]
    pub fn address(&self) -> Address {
        self.0.address
    }

    /// What each ticket shall be worth: the least a gateway must have credited before work is done for it.
    #[must_use]
    pub fn ticket_ev(&self) -> Wei {
        self.wishes().ticket_ev
    }

    /// Has tickets be worth something else from now on.
    ///
    /// # Errors
    /// [`NoExpectedValue`] for nothing; all stays as it was.
    pub fn set_ticket_ev(&self, ticket_ev: Wei) -> Result<(), NoExpectedValue> {
        if ticket_ev.0.is_zero() {
            return Err(NoExpectedValue);
        }
        self.0
            .wishes
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .ticket_ev = ticket_ev;
        Ok(())
    }

    /// The most a ticket may pay; none for no limit.
    #[must_use]
    pub fn max_face_value(&self) -> Option<Wei> {
        self.wishes().max_face_value.filter(|limit| *limit > Wei::ZERO)
    }

    /// Sets the most a ticket may pay from now on; none for no limit.
    pub fn set_max_face_value(&self, max_face_value: Option<Wei>) {
        let mut wishes = self.0.wishes.write().unwrap_or_else(PoisonError::into_inner);
        wishes.max_face_value = max_face_value;
    }

    /// What tickets of a gateway must look like at a price. At no price tickets are worth nothing, and nobody is asked
    /// about the gateway.
    ///
    /// # Errors
    /// [`ParametersError`].
    pub async fn parameters(&self, sender: Address, price: &Price) -> Result<Parameters, ParametersError> {
        let time = self.time().ok_or(ParametersError::NoClock)?;
        let (face_value, win_prob) = match price.is_free() {
            true => (Wei::ZERO, U256::ZERO),
            false => {
                let terms = self.terms(sender, &time).await?;
                let face_value = terms.face_value()?;
                (face_value, win_prob(face_value, terms.ticket_ev))
            }
        };
        let (creation_round, creation_round_block_hash) = time.ticket_round();
        let now = self.nonces().pass(time.l1_block);
        let mut parameters = Parameters {
            recipient: self.0.address,
            face_value,
            win_prob,
            recipient_rand_hash: alloy::primitives::B256::ZERO,
            seed: U256::from_be_bytes(rand::random::<[u8; 32]>()),
            expiration_block: now.saturating_add(LIFETIME_BLOCKS),
            creation_round,
            creation_round_block_hash,
        };
        let number = self.0.secret.recipient_rand(sender, &parameters, price);
        parameters.recipient_rand_hash = rand_hash(number);
        Ok(parameters)
    }

    /// How many times its redemption a ticket of a gateway pays; none while redeeming costs nothing.
    ///
    /// # Errors
    /// [`ParametersError`].
    pub async fn tx_cost_multiplier(&self, sender: Address) -> Result<Option<BigRational>, ParametersError> {
        let time = self.time().ok_or(ParametersError::NoClock)?;
        let terms = self.terms(sender, &time).await?;
        let (face_value, cost) = (terms.face_value()?, terms.redemption_cost());
        let ratio = |cost: BigInt| BigRational::new(integer(face_value.0), cost);
        Ok((!cost.0.is_zero()).then(|| ratio(integer(cost.0))))
    }

    /// Checks the tickets of a payment, in their order. Nothing is credited twice.
    ///
    /// At most [`NONCES`] tickets of one payment are looked at: there can be no more by the same parameters.
    pub async fn receive(&self, payment: Payment<'_>) -> Received {
        let Payment {
            sender,
            price,
            parameters,
            tickets,
        } = payment;
        let number = self.0.secret.recipient_rand(sender, parameters, price);
        let time = match self.admit(sender, parameters, number).await {
            Ok(time) => time,
            Err(failure) => return Received::refused(failure),
        };
        let agreement = Agreement {
            sender,
            parameters: parameters.clone(),
            recipient_rand: number,
        };
        let looked_at = &tickets[..tickets.len().min(NONCES)];
        let checked = check_all(agreement, looked_at.to_vec(), self.0.threads).await;
        let mut received = self.take(&time, parameters, number, checked);
        if let Some(surplus) = tickets.get(NONCES) {
            received.fail(TicketFailure::TooManyNonces {
                sender,
                nonce: surplus.sender_nonce,
            });
        }
        received
    }

    /// Takes back what was accepted, where it could not be kept: the gateway is told that it was not paid, and may come
    /// again.
    pub fn forget(&self, accepted: &[SeenNonce]) {
        let mut nonces = self.nonces();
        for nonce in accepted {
            nonces.forget(nonce);
        }
    }

    /// Remembers what was accepted before a restart. Without it a kept secret would let tickets be paid with twice.
    pub fn restore(&self, nonces: impl IntoIterator<Item = SeenNonce>) {
        self.nonces().restore(nonces);
    }

    /// Whether parameters that end at this block are over. What is may be forgotten, for the clock never goes back.
    #[must_use]
    pub fn is_over(&self, expiration_block: u64) -> bool {
        let now = self.time().map_or(0, |time| time.l1_block);
        expiration_block <= self.nonces().pass(now)
    }

    /// Tickets that are remembered.
    #[must_use]
    pub fn remembered(&self) -> usize {
        self.nonces().len()
    }

    /// What all tickets of a payment must have in common with what was agreed.
    async fn admit(
        &self,
        sender: Address,
        parameters: &Parameters,
        number: U256,
    ) -> Result<ChainTime, TicketFailure> {
        let unknown = |reason: String| TicketFailure::Unknown { sender, reason };
        let time = self
            .time()
            .ok_or_else(|| unknown(ParametersError::NoClock.to_string()))?;
        let facts = self.0.senders.facts(sender).await;
        let facts = facts.map_err(|failure| unknown(failure.to_string()))?;
        if facts.is_unlocking(time.round) {
            return Err(TicketFailure::Unlocking(sender));
        }
        if parameters.recipient != self.0.address {
            return Err(TicketFailure::Recipient);
        }
        if sender.is_zero() {
            return Err(TicketFailure::Sender);
        }
        if rand_hash(number) != parameters.recipient_rand_hash {
            return Err(TicketFailure::RecipientRand);
        }
        Ok(time)
    }

    /// Takes tickets one after the other: credit ends with the first failure, winning does not.
    fn take(
        &self,
        time: &ChainTime,
        parameters: &Parameters,
        number: U256,
        checked: Vec<Option<Signed>>,
    ) -> Received {
        let mut received = Received::default();
        let mut credited: u64 = 0;
        let mut nonces = self.nonces();
        nonces.pass(time.l1_block);
        for signed in checked {
            let Some(signed) = signed else {
                received.fail(TicketFailure::Signature);
                continue;
            };
            if signed.is_winner {
                received.winners.push(WinningTicket {
                    ticket: signed.ticket,
                    signature: signed.signature,
                    recipient_rand: number,
                    params_expiration_block: parameters.expiration_block,
                });
            }
            let (sender, nonce) = (signed.ticket.sender, signed.ticket.sender_nonce);
            let seen = SeenNonce {
                rand_hash: parameters.recipient_rand_hash,
                nonce,
                expiration_block: parameters.expiration_block,
            };
            match nonces.take(seen) {
                Ok(()) => {
                    received.accepted.push(seen);
                    credited += u64::from(received.failure.is_none());
                }
                Err(NonceRefusal::Seen) => received.fail(TicketFailure::NonceSeen { sender, nonce }),
                Err(NonceRefusal::TooMany) => received.fail(TicketFailure::TooManyNonces { sender, nonce }),
                Err(NonceRefusal::Expired) => received.fail(TicketFailure::Expired),
            }
        }
        received.credit = parameters.expected_value().times(credited);
        received
    }

    async fn terms(&self, sender: Address, time: &ChainTime) -> Result<Terms, ParametersError> {
        let wishes = self.wishes();
        Ok(Terms {
            ticket_ev: wishes.ticket_ev,
            max_face_value: wishes.max_face_value.filter(|limit| *limit > Wei::ZERO),
            redeem_gas: self.0.redeem_gas,
            gas_price: time.gas_price,
            max_float: self.0.senders.max_float(sender).await?,
        })
    }

    /// The chain's clock, as it was last read.
    pub(crate) fn time(&self) -> Option<ChainTime> {
        *self.0.clock.borrow()
    }

    fn wishes(&self) -> Wishes {
        *self.0.wishes.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn nonces(&self) -> MutexGuard<'_, Nonces> {
        self.0.nonces.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
