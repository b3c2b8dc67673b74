//! The side of a node that is paid: what it asks for, what it takes, what it charges.
//!
//! A payment is taken in this order: its tickets are checked, then what came of them is written down, then anything is
//! answered. Whatever happens after that, a ticket that won is here (`go-livepeer core/orchestrator.go`).

use std::sync::Arc;

use alloy::primitives::Address;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{
    ChainTime, Parameters, ParametersFault,
    accounts::{Accounts, InsufficientBalance},
    amount::{Exact, Price},
    books::{Books, BooksError, WinnerTotals},
    price::{PriceError, PriceInfoError, Prices, fitting, from_wire, to_wire},
    recipient::{ParametersError, Payment, Recipient, TicketFailure},
};
use crate::wire::net;

/// Whether the recipient is in the active set, as far as that is known.
pub type IsActive = Arc<dyn Fn() -> bool + Send + Sync>;

/// What a gateway pays and how, for one message to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Offer {
    /// The price of a pixel.
    pub price: net::PriceInfo,
    /// What tickets must look like.
    pub parameters: net::TicketParams,
}

/// Why nothing can be offered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OfferError {
    /// No price.
    #[error(transparent)]
    Price(#[from] PriceError),
    /// No parameters. The text is go-livepeer's where it has one.
    #[error(transparent)]
    Parameters(#[from] ParametersError),
}

/// Why a payment is not taken, or does not suffice. The texts travel to the gateway, and are go-livepeer's where it has
/// them.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PaymentRefusal {
    /// Tickets of nobody.
    #[error("Could not find Sender for payment")]
    NoSender,
    /// An orchestrator that is not in the active set cannot redeem from reserves.
    #[error("orchestrator {recipient} is inactive in round {round}, cannot process payments")]
    Inactive {
        /// The orchestrator.
        recipient: Address,
        /// The round.
        round: u64,
    },
    /// A price that is none.
    #[error("invalid expected price sent with payment err={0}")]
    Price(#[from] PriceInfoError),
    /// Parameters that are none.
    #[error("invalid payment: {0}")]
    Parameters(#[from] ParametersFault),
    /// A ticket that is not taken; those before it are.
    #[error(transparent)]
    Ticket(#[from] TicketFailure),
    /// Too little is credited.
    #[error(transparent)]
    Balance(#[from] InsufficientBalance),
    /// There are as many accounts as there can be.
    #[error("OrchestratorBusy")]
    NoRoom,
    /// It cannot be written down: our fault.
    #[error("Internal Server Error")]
    Books(BooksError),
    /// The node cannot say what it wants: our fault.
    #[error("Internal Server Error")]
    Offer(OfferError),
}

/// Recipient, accounts and prices of a node. Cheap to clone.
#[derive(Clone)]
pub struct Cashier {
    recipient: Recipient,
    accounts: Accounts,
    prices: Prices,
    clock: watch::Receiver<Option<ChainTime>>,
    is_active: IsActive,
}

impl std::fmt::Debug for Cashier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cashier")
            .field("recipient", &self.recipient)
            .field("accounts", &self.accounts)
            .field("prices", &self.prices)
            .finish_non_exhaustive()
    }
}

impl Cashier {
    /// Takes up where the books end: nonces that were used up stay used up.
    ///
    /// # Errors
    /// [`BooksError`] if they cannot be read.
    pub async fn open(
        recipient: Recipient,
        books: Books,
        prices: Prices,
        clock: watch::Receiver<Option<ChainTime>>,
        is_active: IsActive,
    ) -> Result<Self, BooksError> {
        recipient.restore(books.restore().await?);
        Ok(Self {
            recipient,
            accounts: Accounts::new(books),
            prices,
            clock,
            is_active,
        })
    }

    /// What is asked for.
    #[must_use]
    pub fn prices(&self) -> &Prices {
        &self.prices
    }

    /// Who is paid.
    #[must_use]
    pub fn recipient(&self) -> &Recipient {
        &self.recipient
    }

    /// What was paid.
    #[must_use]
    pub fn books(&self) -> &Books {
        self.accounts.books()
    }

    /// Price and ticket parameters for a gateway, in a session or before one. A session that was paid for keeps its price.
    ///
    /// # Errors
    /// [`OfferError`].
    pub async fn offer(&self, gateway: Address, session: &str) -> Result<Offer, OfferError> {
        let price = match self.accounts.fixed_price(gateway, session) {
            Some(fixed) => fixed,
            None => self.own_price(gateway).await?,
        };
        let price = fitting(&price);
        let parameters = self.recipient.parameters(gateway, &price).await?;
        Ok(Offer {
            price: to_wire(&price),
            parameters: parameters.to_wire(),
        })
    }

    /// What a gateway without a running session pays now.
    async fn own_price(&self, gateway: Address) -> Result<Price, OfferError> {
        let (price, may_grow) = self.prices.base(gateway)?;
        if !may_grow || price.is_free() {
            return Ok(price);
        }
        let multiplier = self.recipient.tx_cost_multiplier(gateway).await?;
        Ok(Prices::with_overhead(&price, multiplier.as_ref()))
    }

    /// Takes a payment: when this returns it is on the disk. A payment without tickets says nothing.
    ///
    /// # Errors
    /// [`PaymentRefusal`]; what was good in it is kept all the same.
    pub async fn take(
        &self,
        sender: Address,
        session: &str,
        payment: net::Payment,
    ) -> Result<(), PaymentRefusal> {
        if payment.ticket_params.is_none() {
            return Ok(());
        }
        let (cashier, session) = (self.clone(), session.to_string());
        // A gateway that goes away in the middle must not take a winning ticket with it.
        let taking = tokio::spawn(async move { cashier.take_whole(sender, &session, &payment).await });
        taking
            .await
            .unwrap_or(Err(PaymentRefusal::Books(BooksError::Closed)))
    }

    async fn take_whole(
        &self,
        sender: Address,
        session: &str,
        payment: &net::Payment,
    ) -> Result<(), PaymentRefusal> {
        if payment.sender.is_empty() {
            return Err(PaymentRefusal::NoSender);
        }
        if !(self.is_active)() {
            return Err(PaymentRefusal::Inactive {
                recipient: self.recipient.address(),
                round: self.clock.borrow().map_or(0, |time| time.round.0),
            });
        }
        let price = from_wire(payment.expected_price.as_ref())?;
        let Some(parameters) = Parameters::from_payment(payment)? else {
            return Ok(());
        };
        if !self.accounts.has_room(sender, session) {
            return Err(PaymentRefusal::NoRoom);
        }
        let received = self
            .recipient
            .receive(Payment {
                sender,
                price: &price,
                parameters: &parameters,
                tickets: &payment.ticket_sender_params,
            })
            .await;
        let written = self.accounts.credit(sender, session, &price, &received).await;
        let written = written.map_err(|error| {
            tracing::error!(%error, session, "a payment is not taken: it cannot be written down");
            // The gateway is told no: it may pay with these again.
            self.recipient.forget(&received.accepted);
            PaymentRefusal::Books(error)
        })?;
        if let Some(written) = written.filter(|written| written.new_winners > 0) {
            tracing::info!(session, tickets = written.new_winners, "a ticket won");
        }
        match received.failure {
            Some(failure) => {
                tracing::info!(session, %sender, %failure, "a payment had a fault");
                Err(failure.into())
            }
            None => Ok(()),
        }
    }

    /// The price of the work a session wants now, if it is paid for.
    ///
    /// # Errors
    /// [`PaymentRefusal::Balance`], or [`PaymentRefusal::Offer`] where the node cannot name its price.
    pub async fn check(&self, sender: Address, session: &str) -> Result<Price, PaymentRefusal> {
        let own = match self.accounts.fixed_price(sender, session) {
            Some(fixed) => fixed,
            // With what redeeming adds it is free or not as without.
            None => self
                .prices
                .base(sender)
                .map(|(price, _)| price)
                .map_err(|error| PaymentRefusal::Offer(error.into()))?,
        };
        let least = self.recipient.ticket_ev();
        Ok(self.accounts.check(sender, session, &own, least)?)
    }

    /// Charges a session for encoded pixels, and says how much.
    pub async fn charge(&self, sender: Address, session: &str, price: &Price, pixels: u64) -> Exact {
        self.accounts.charge(sender, session, price, pixels).await
    }

    /// What won, in figures.
    ///
    /// # Errors
    /// [`BooksError`].
    pub async fn winner_totals(&self) -> Result<WinnerTotals, BooksError> {
        self.books().winner_totals().await
    }

    /// Looks after accounts and prices until told to stop.
    pub async fn look_after(self, stop: CancellationToken) {
        tokio::join!(
            self.accounts.look_after(self.clock.clone(), stop.clone()),
            self.prices.follow(stop.clone()),
        );
    }
}
