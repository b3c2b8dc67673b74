//! What a segment costs: the payment that comes with it, the terms that go out with its result, and the charge for what
//! was made (`go-livepeer server/segment_rpc.go`). And the node's books at a glance.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use alloy::primitives::Address;
use axum::http::StatusCode;
use tokio_util::sync::CancellationToken;

use super::{Node, credentials::Credentials, http::Refusal, metrics, supervisor::TaskError};
use crate::{
    payments::{
        Cashier, Exact, Offer, PaymentRefusal, Price,
        books::{BooksError, Filter},
        redeem::schedule::first_block,
    },
    units::Round,
    view::payments::PaymentsView,
};

/// How often the books are looked at for the operator, if anything was written.
const LOOK: Duration = Duration::from_secs(2);

/// The cashier, and what the operator sees of the books.
#[derive(Debug)]
pub(super) struct Till {
    cashier: Cashier,
    /// What was last read of the books.
    seen: Mutex<PaymentsView>,
    /// Round of the winning ticket that has waited longest.
    oldest: Mutex<Option<Round>>,
}

impl Till {
    pub(super) fn new(cashier: Cashier) -> Self {
        Self {
            cashier,
            seen: Mutex::default(),
            oldest: Mutex::default(),
        }
    }

    pub(super) fn cashier(&self) -> &Cashier {
        &self.cashier
    }

    /// What the operator sees.
    pub(super) fn view(&self) -> PaymentsView {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let settings = self.cashier.prices().settings();
        PaymentsView {
            price: settings.usual.to_string(),
            price_wei_per_pixel: self
                .cashier
                .prices()
                .base(Address::ZERO)
                .ok()
                .map(|(price, _)| price.to_string()),
            gateway_prices: settings
                .gateways
                .iter()
                .map(|(gateway, tag)| (*gateway, tag.to_string()))
                .collect(),
            ticket_ev_wei: self.cashier.recipient().ticket_ev(),
            max_face_value_wei: self.cashier.recipient().max_face_value(),
            accounts: self.cashier.books().accounts() as u64,
            ..seen.clone()
        }
    }

    /// What keeps the node from being paid now, by code.
    pub(super) fn troubles(&self) -> Vec<(&'static str, String)> {
        let books = self.cashier.books().trouble().map(|error| {
            let message = format!("no payment is taken, and work for gateways stops: {error}");
            ("books_not_written", message)
        });
        let price = self.cashier.prices().base(Address::ZERO).err().map(|error| {
            let message = format!(
                "new sessions are offered nothing: {error}; `lpctl node set-price` can set one in wei"
            );
            ("price_unknown", message)
        });
        let window = self.closing().map(|(left, of)| {
            let message = format!(
                "a winning ticket can be redeemed for {left} more blocks of Ethereum, of the {of} a round has: `lpctl ticket list` tells what it waits for"
            );
            ("ticket_window", message)
        });
        books.into_iter().chain(price).chain(window).collect()
    }

    /// Blocks until the ticket that has waited longest can no longer be redeemed, if they are few, and those of a round.
    fn closing(&self) -> Option<(u64, u64)> {
        let left = self.window()?;
        let time = self.cashier.recipient().time()?;
        (left < time.round_length / 4).then_some((left, time.round_length))
    }

    /// Blocks of Ethereum until the ticket that has waited longest can no longer be redeemed; none if none waits.
    pub(super) fn window(&self) -> Option<u64> {
        let round = (*self.oldest.lock().unwrap_or_else(PoisonError::into_inner))?;
        let time = self.cashier.recipient().time()?;
        let last = Round(round.0.saturating_add(time.ticket_validity));
        Some(first_block(&time, last).saturating_sub(time.l1_block))
    }

    async fn look(&self) -> Result<(), BooksError> {
        let books = self.cashier.books();
        let (tally, winners) = (books.tally().await?, books.winner_totals().await?);
        let waiting = Filter {
            pending: true,
            limit: 1,
            ..Filter::default()
        };
        let oldest = books.winners(waiting).await?;
        let oldest = oldest.first().map(|winner| winner.ticket.ticket.creation_round);
        *self.oldest.lock().unwrap_or_else(PoisonError::into_inner) = oldest;
        let sum = |part: fn(&crate::payments::books::Tally) -> Exact| {
            tally.iter().map(part).sum::<Exact>().floor().unwrap_or_default()
        };
        let view = PaymentsView {
            gateways: tally.len() as u64,
            tickets: tally.iter().map(|tally| tally.tickets).sum(),
            credited_wei: sum(|tally| tally.credited.clone()),
            charged_wei: sum(|tally| tally.charged.clone()),
            winners_pending: winners.pending,
            winners_pending_wei: winners.pending_value,
            winners_redeemed: winners.redeemed,
            winners_redeemed_wei: winners.redeemed_value,
            winners_lost: winners.lost,
            winners_lost_wei: winners.lost_value,
            ..PaymentsView::default()
        };
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = view;
        Ok(())
    }
}

/// Looks after accounts and prices, and at the books for the operator, until told to stop.
pub(super) async fn look_after(node: Arc<Node>, stop: CancellationToken) -> Result<(), TaskError> {
    let Some(till) = &node.payments else { return Ok(()) };
    let mut changes = till.cashier.books().changes();
    let looking = async {
        loop {
            changes.mark_unchanged();
            match till.look().await {
                Ok(()) => {
                    node.changed.send_replace(());
                }
                Err(error) => tracing::warn!(%error, "the books cannot be looked at"),
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
            tokio::select! {
                () = stop.cancelled() => return,
                // It fails only once the books are closed: then nothing changes any more.
                changed = changes.changed() => if changed.is_err() { return stop.cancelled().await },
            }
        }
    };
    tokio::join!(looking, till.cashier.clone().look_after(stop.clone()));
    Ok(())
}

/// What a segment will cost, and what its gateway is told.
#[derive(Debug)]
pub(super) struct Bill {
    gateway: Address,
    price: Price,
    pub(super) offer: Offer,
}

impl Bill {
    /// Takes the payment that came with a segment and checks that it suffices; none where nobody pays. The payment comes
    /// first: what is in it must not be lost because something else fails.
    pub(super) async fn open(node: &Node, credentials: &mut Credentials) -> Result<Option<Self>, Refusal> {
        let Some(cashier) = node.cashier() else {
            return Ok(None);
        };
        let session = credentials.token.session_id.clone();
        let gateway = take(node, cashier, credentials, &session).await?;
        let checked = cashier.check(gateway, &session).await;
        let price = checked.map_err(|refusal| refuse(node, refusal))?;
        let offer = offer(node, cashier, gateway, &session).await?;
        Ok(Some(Self {
            gateway,
            price,
            offer,
        }))
    }

    /// Takes a payment without a segment, for the stream it names, and says what holds from now on.
    pub(super) async fn advance(
        node: &Node,
        credentials: &mut Credentials,
    ) -> Result<Option<Offer>, Refusal> {
        let Some(cashier) = node.cashier() else {
            return Ok(None);
        };
        let stream = credentials.manifest_id.clone();
        let gateway = take(node, cashier, credentials, &stream).await?;
        offer(node, cashier, gateway, &stream).await.map(Some)
    }

    /// Charges for what was made.
    pub(super) async fn charge(&self, node: &Node, session: &str, pixels: u64) {
        if let Some(cashier) = node.cashier() {
            let fee = cashier.charge(self.gateway, session, &self.price, pixels).await;
            tracing::debug!(session, pixels, %fee, "charged for a segment");
        }
    }
}

async fn take(
    node: &Node,
    cashier: &Cashier,
    credentials: &mut Credentials,
    account: &str,
) -> Result<Address, Refusal> {
    let gateway = credentials.gateway.unwrap_or_default();
    let payment = std::mem::take(&mut credentials.payment);
    let taken = cashier.take(gateway, account, payment).await;
    taken.map_err(|refusal| refuse(node, refusal))?;
    Ok(gateway)
}

async fn offer(node: &Node, cashier: &Cashier, gateway: Address, account: &str) -> Result<Offer, Refusal> {
    let offer = cashier.offer(gateway, account).await;
    let offer = offer.map_err(|error| refuse(node, PaymentRefusal::Offer(error)))?;
    node.metrics.quoted(gateway, &offer.parameters.face_value);
    Ok(offer)
}

/// Status and text of a payment that is not taken.
fn refuse(node: &Node, refusal: PaymentRefusal) -> Refusal {
    node.metrics.payment_refused(metrics::of_payment(&refusal));
    let status = match &refusal {
        PaymentRefusal::Books(error) => {
            tracing::error!(%error, "a payment cannot be taken");
            StatusCode::INTERNAL_SERVER_ERROR
        }
        PaymentRefusal::Offer(error) => {
            tracing::warn!(%error, "a gateway cannot be told what to pay");
            StatusCode::INTERNAL_SERVER_ERROR
        }
        PaymentRefusal::NoRoom => StatusCode::SERVICE_UNAVAILABLE,
        PaymentRefusal::NoSender
        | PaymentRefusal::Inactive { .. }
        | PaymentRefusal::Price(_)
        | PaymentRefusal::Parameters(_)
        | PaymentRefusal::Ticket(_)
        | PaymentRefusal::Balance(_) => StatusCode::BAD_REQUEST,
    };
    Refusal::new(status, refusal.to_string())
}
