//! The side that pays: it judges what an orchestrator wants tickets to look like, and signs them
//! (`go-livepeer pm/sender.go`).
//!
//! | module | holds |
//! |---|---|
//! | `failure` | why tickets are not made |
//! | `ledger` | one session's account: sent, come, worked off |

mod failure;
mod ledger;

pub use failure::SenderError;
pub use ledger::{Fate, Ledger, Staged, estimated_fee};

use std::{
    collections::HashMap,
    fmt,
    num::NonZeroU64,
    sync::{Arc, Mutex, PoisonError},
};

use alloy::primitives::{Address, B256, U256};
use tokio::sync::watch;

use super::{ChainTime, Parameters, SenderFacts, Senders, recipient::NONCES};
use crate::{
    units::{Round, Wei},
    wire::{net, signature::MessageSigner},
};

/// Parameters this close to their end are not used any more: what is sent arrives later.
const MARGIN_BLOCKS: u64 = 1;
/// Numbers are remembered for so many blocks at most, however long an orchestrator says its parameters last.
const LONGEST_BLOCKS: u64 = 1000;

/// How much a gateway pays at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SenderSettings {
    /// The most a ticket may be worth.
    pub max_ticket_ev: Wei,
    /// The most all tickets of a payment may be worth.
    pub max_total_ev: Wei,
    /// How many times the deposit must cover a winning ticket.
    pub deposit_multiplier: NonZeroU64,
}

/// As go-livepeer has them (`go-livepeer cmd/livepeer/starter/starter.go`).
impl Default for SenderSettings {
    fn default() -> Self {
        Self {
            max_ticket_ev: Wei(U256::from(3_000_000_000_000_u64)),
            max_total_ev: Wei(U256::from(20_000_000_000_000_u64)),
            deposit_multiplier: NonZeroU64::MIN,
        }
    }
}

/// Signed tickets, and what they were made by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The parameters, with the round the tickets name.
    pub parameters: Parameters,
    /// Numbers and signatures; none for work that costs nothing.
    pub tickets: Vec<net::TicketSenderParams>,
}

impl Batch {
    /// A payment at the price that goes with the parameters; without tickets it names the sender and the price alone.
    #[must_use]
    pub fn into_payment(self, sender: Address, price: net::PriceInfo) -> net::Payment {
        let is_empty = self.tickets.is_empty();
        net::Payment {
            ticket_params: (!is_empty).then(|| self.parameters.without_creation()),
            expiration_params: (!is_empty).then(|| self.parameters.creation()),
            ticket_sender_params: self.tickets,
            sender: sender.to_vec(),
            expected_price: Some(price),
        }
    }
}

/// The last number given to a ticket by some parameters.
#[derive(Debug, Clone, Copy)]
struct Issued {
    last: u32,
    expiration_block: u64,
}

/// The side that pays. Cheap to clone.
#[derive(Clone)]
pub struct TicketSender(Arc<Shared>);

struct Shared {
    settings: SenderSettings,
    signer: Arc<dyn MessageSigner>,
    clock: watch::Receiver<Option<ChainTime>>,
    senders: Arc<dyn Senders>,
    issued: Mutex<HashMap<B256, Issued>>,
}

impl fmt::Debug for TicketSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TicketSender")
            .field("account", &self.account())
            .field("settings", &self.0.settings)
            .finish_non_exhaustive()
    }
}

impl TicketSender {
    /// A sender that pays from `signer`'s deposit and knows the chain by `clock` and `senders`.
    #[must_use]
    pub fn new(
        settings: SenderSettings,
        signer: Arc<dyn MessageSigner>,
        clock: watch::Receiver<Option<ChainTime>>,
        senders: Arc<dyn Senders>,
    ) -> Self {
        Self(Arc::new(Shared {
            settings,
            signer,
            clock,
            senders,
            issued: Mutex::default(),
        }))
    }

    /// Who pays.
    #[must_use]
    pub fn account(&self) -> Address {
        self.0.signer.address()
    }

    /// What stands behind the tickets.
    ///
    /// # Errors
    /// [`SenderError::Unknown`].
    pub async fn funds(&self) -> Result<SenderFacts, SenderError> {
        let facts = self.0.senders.facts(self.account()).await;
        facts.map_err(|failure| SenderError::Unknown(failure.to_string()))
    }

    /// Whether the gateway's funds are there and stay there.
    ///
    /// # Errors
    /// [`SenderError::Unlocking`], [`SenderError::NoReserve`], [`SenderError::NoDeposit`], or
    /// [`SenderError::Unknown`] if the chain tells nothing.
    pub async fn check_funds(&self) -> Result<SenderFacts, SenderError> {
        let time = self.time()?;
        let facts = self.funds().await?;
        let nothing = Wei::ZERO;
        match &facts {
            facts if facts.is_unlocking(time.round) => Err(SenderError::Unlocking),
            facts if facts.reserve == nothing => Err(SenderError::NoReserve),
            facts if facts.deposit == nothing => Err(SenderError::NoDeposit),
            _ => Ok(facts),
        }
    }

    /// Whether parameters are about to end, as far as the chain is known.
    #[must_use]
    pub fn is_ending(&self, parameters: &Parameters) -> bool {
        let is_ending = |time| is_ending(&time, parameters.expiration_block);
        self.time().is_ok_and(is_ending)
    }

    /// Judges parameters for so many tickets. Those of tickets that are worth nothing are always good while they last.
    ///
    /// # Errors
    /// The first [`SenderError`] that applies, in the order other gateways have.
    pub async fn check(&self, parameters: &Parameters, tickets: u32) -> Result<(), SenderError> {
        if parameters.expiration_block == 0 {
            return Err(SenderError::NoExpiration);
        }
        if is_ending(&self.time()?, parameters.expiration_block) {
            return Err(SenderError::Expired);
        }
        let SenderSettings {
            max_ticket_ev,
            max_total_ev,
            deposit_multiplier,
        } = self.0.settings;
        let (ev, face_value) = (parameters.expected_value(), parameters.face_value);
        if ev.is_zero() {
            return Ok(());
        }
        if ev >= face_value.into() {
            return Err(SenderError::FaceValueTooLow(face_value));
        }
        if ev > max_ticket_ev.into() {
            return Err(SenderError::TicketValue {
                ev,
                max: max_ticket_ev,
            });
        }
        let funds = self.check_funds().await?;
        let total = ev.times(tickets.into());
        if total > max_total_ev.into() {
            return Err(SenderError::TotalValue {
                ev: total,
                tickets,
                max: max_total_ev,
            });
        }
        let max = failure::max_face_value(funds.deposit, deposit_multiplier.get());
        match face_value > max {
            true => Err(SenderError::FaceValue { face_value, max }),
            false => Ok(()),
        }
    }

    /// Makes so many tickets, off the runtime's threads. Their numbers are used up, whether the tickets are sent or not.
    ///
    /// # Errors
    /// As [`Self::check`], and [`SenderError::UsedUp`] if there are too many by these parameters.
    pub async fn make(&self, parameters: &Parameters, tickets: u32) -> Result<Batch, SenderError> {
        self.check(parameters, tickets).await?;
        let mut parameters = parameters.clone();
        if parameters.creation_round == Round(0) || parameters.creation_round_block_hash.is_zero() {
            // An orchestrator of old: it leaves the round to the gateway.
            (parameters.creation_round, parameters.creation_round_block_hash) = self.time()?.ticket_round();
        }
        let first = self.issue(&parameters, tickets)?;
        let signer = Arc::clone(&self.0.signer);
        let agreed = parameters.clone();
        let sign = move || -> Vec<net::TicketSenderParams> {
            let numbers = first..first.saturating_add(tickets);
            let ticket = |sender_nonce| net::TicketSenderParams {
                sender_nonce,
                sig: signer.sign(&agreed.ticket(signer.address(), sender_nonce).message()),
            };
            numbers.map(ticket).collect()
        };
        let tickets = match tickets {
            0 => Vec::new(),
            _ => tokio::task::spawn_blocking(sign)
                .await
                .map_err(|_| SenderError::NotSigned)?,
        };
        if tickets.iter().any(|ticket| ticket.sig.is_empty()) {
            return Err(SenderError::NotSigned);
        }
        Ok(Batch { parameters, tickets })
    }

    /// Reserves numbers and gives back the first: 1 for the first ticket.
    fn issue(&self, parameters: &Parameters, tickets: u32) -> Result<u32, SenderError> {
        let now = self.time()?.l1_block;
        let mut issued = self.0.issued.lock().unwrap_or_else(PoisonError::into_inner);
        issued.retain(|_, issued| issued.expiration_block > now);
        let last = issued
            .get(&parameters.recipient_rand_hash)
            .map_or(0, |issued| issued.last);
        let next = last.checked_add(tickets).filter(|next| *next as usize <= NONCES);
        let next = next.ok_or(SenderError::UsedUp { made: NONCES })?;
        issued.insert(
            parameters.recipient_rand_hash,
            Issued {
                last: next,
                expiration_block: parameters
                    .expiration_block
                    .min(now.saturating_add(LONGEST_BLOCKS)),
            },
        );
        Ok(last.saturating_add(1))
    }

    fn time(&self) -> Result<ChainTime, SenderError> {
        let unread = || SenderError::Unknown("the chain has not been read yet".into());
        self.0.clock.borrow().ok_or_else(unread)
    }
}

fn is_ending(time: &ChainTime, expiration_block: u64) -> bool {
    expiration_block.saturating_sub(time.l1_block) <= MARGIN_BLOCKS
}
