//! Paying orchestrators: each segment leaves with as many tickets as its session's credit lacks, and what comes back
//! says what became of them (`go-livepeer server/segment_rpc.go`).

use std::{
    collections::HashMap,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use alloy::primitives::B256;

use super::{
    orchestrator::Session,
    price,
    submit::{Answer, SubmitError},
};
use crate::{
    media::ladder::Profile,
    payments::{
        Exact, Price, SenderError, TicketSender,
        sender::{Fate, Ledger, Staged, estimated_fee},
    },
    view::gateway::{LedgerView, PaymentFate, PaymentRecord, PaymentsView},
    wire::net,
};

/// Frames a second that are counted where the rate is left as it is (`go-livepeer server/segment_rpc.go`).
const UNKNOWN_RATE: u32 = 60;
/// Sessions whose accounts are kept apart; those not used for longest are added up.
const SESSIONS: usize = 1000;
/// What an orchestrator says that has too little credit to begin.
const SHORT: &str = "Insufficient balance";

/// Why a segment does not leave with a payment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PaymentError {
    /// The orchestrator wants tickets and names no price.
    #[error("missing orchestrator price")]
    NoPrice,
    /// It asks more than twice what it asked first (`go-livepeer server/segment_rpc.go`).
    #[error(
        "Orchestrator price has more than doubled, Orchestrator price: {now}, Orchestrator initial price: {began}"
    )]
    PriceDoubled {
        /// At first.
        began: Price,
        /// Now.
        now: Price,
    },
    /// A segment would take more tickets than there are numbers for.
    #[error("a segment at {0} wei per pixel would take too many tickets")]
    TooMany(Price),
    /// Tickets are not made.
    #[error(transparent)]
    Tickets(#[from] SenderError),
}

impl PaymentError {
    /// Whether a new session with the same orchestrator would help.
    pub(super) fn wants_refresh(&self) -> bool {
        matches!(self, Self::Tickets(error) if error.wants_refresh())
    }

    /// Whether it would be the same with every orchestrator.
    #[must_use]
    pub fn is_own_fault(&self) -> bool {
        matches!(self, Self::Tickets(error) if error.is_own_fault())
    }
}

/// An orchestrator's address for segments and its session.
type Key = (String, String);

#[derive(Debug)]
struct Account {
    ledger: Ledger,
    on_its_way: u32,
    used: Instant,
}

#[derive(Debug, Default)]
struct Accounts {
    sessions: HashMap<Key, Account>,
    /// Sessions that are not kept apart any more.
    past: Ledger,
    past_sessions: u64,
}

/// What a gateway pays from, and its account with each session.
pub(super) struct Purse {
    sender: TicketSender,
    accounts: Mutex<Accounts>,
}

impl fmt::Debug for Purse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Purse")
            .field("sender", &self.sender)
            .finish_non_exhaustive()
    }
}

/// A payment on its way. Dropped before its fate is known, it counts as never sent until it departs, and as lost from
/// then on.
pub(super) struct Paid<'a> {
    purse: &'a Purse,
    key: Key,
    price: Price,
    staged: Option<Staged>,
    departed: bool,
    /// What the segment travels with.
    pub message: net::Payment,
}

impl Purse {
    pub fn new(sender: TicketSender) -> Self {
        Self {
            sender,
            accounts: Mutex::default(),
        }
    }

    /// Whether a session has to be replaced before a segment of so many pixels can be paid for: its parameters are over,
    /// and its credit does not suffice. With enough of it nothing is given up.
    pub fn is_ending(&self, session: &Session, pixels: u64) -> bool {
        let Some(parameters) = &session.parameters else {
            return false;
        };
        if !self.sender.is_ending(parameters) {
            return false;
        }
        let price = session
            .price_per_pixel()
            .map(price::Price::exact)
            .unwrap_or_default();
        let needed = estimated_fee(pixels, &price).max(parameters.expected_value());
        let key = (session.transcoder.clone(), session.token.session_id.clone());
        let accounts = self.accounts();
        let account = accounts.sessions.get(&key);
        account.is_none_or(|account| account.ledger.balance < needed)
    }

    /// Makes the payment for a segment that may have so many pixels; none for an orchestrator that wants no tickets.
    pub async fn pay(&self, session: &Session, pixels: u64) -> Result<Option<Paid<'_>>, PaymentError> {
        if !session.wants_tickets {
            return Ok(None);
        }
        let named = session.price.clone().ok_or(PaymentError::NoPrice)?;
        let price = session.price_per_pixel().ok_or(PaymentError::NoPrice)?;
        if let Some(began) = session.first_price
            && price.is_more_than_double(began)
        {
            return Err(PaymentError::PriceDoubled {
                began: began.exact(),
                now: price.exact(),
            });
        }
        let price = price.exact();
        let parameters = session.parameters.as_ref().ok_or(SenderError::NoParameters)?;
        let key = (session.transcoder.clone(), session.token.session_id.clone());
        let staged = self.stage(&key, &estimated_fee(pixels, &price), &parameters.expected_value());
        let staged = staged.ok_or_else(|| PaymentError::TooMany(price.clone()))?;
        let tickets = staged.tickets;
        // From here on the credit is on its way: whatever happens, the drop of this books it.
        let mut paid = Paid {
            purse: self,
            key,
            price,
            staged: Some(staged),
            departed: false,
            message: net::Payment {
                sender: self.sender.account().to_vec(),
                expected_price: Some(named.clone()),
                ..net::Payment::default()
            },
        };
        if tickets > 0 {
            let batch = self.sender.make(parameters, tickets).await?;
            paid.message = batch.into_payment(self.sender.account(), named);
        }
        Ok(Some(paid))
    }

    fn stage(&self, key: &Key, estimate: &Exact, ticket_ev: &Exact) -> Option<Staged> {
        let mut accounts = self.accounts();
        accounts.make_room(key);
        let account = accounts.sessions.entry(key.clone()).or_insert_with(|| Account {
            ledger: Ledger::default(),
            on_its_way: 0,
            used: Instant::now(),
        });
        let staged = account.ledger.stage(estimate, ticket_ev)?;
        account.on_its_way += 1;
        account.used = Instant::now();
        Some(staged)
    }

    fn settle(&self, key: &Key, staged: Staged, fate: Fate) {
        let mut accounts = self.accounts();
        // It is on its way, so it was kept.
        if let Some(account) = accounts.sessions.get_mut(key) {
            account.on_its_way = account.on_its_way.saturating_sub(1);
            account.ledger.settle(staged, fate);
        }
    }

    /// All accounts, those used last first, and their sums.
    pub fn view(&self) -> PaymentsView {
        let accounts = self.accounts();
        let mut sessions: Vec<(&Key, &Account)> = accounts.sessions.iter().collect();
        sessions.sort_by_key(|(_, account)| std::cmp::Reverse(account.used));
        let mut all = accounts.past.clone();
        for (_, account) in &sessions {
            all.add(&account.ledger);
        }
        let view = |((orchestrator, session), account): (&Key, &Account)| LedgerView {
            orchestrator: Some(orchestrator.clone()),
            session: Some(session.clone()),
            on_its_way: account.on_its_way,
            ..ledger_view(&account.ledger)
        };
        PaymentsView {
            account: self.sender.account(),
            earlier_sessions: accounts.past_sessions,
            total: LedgerView {
                on_its_way: sessions.iter().map(|(_, account)| account.on_its_way).sum(),
                ..ledger_view(&all)
            },
            sessions: sessions.into_iter().map(view).collect(),
        }
    }

    fn accounts(&self) -> MutexGuard<'_, Accounts> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Accounts {
    /// Adds up the session that was not used for longest, if there are too many.
    fn make_room(&mut self, newcomer: &Key) {
        if self.sessions.len() < SESSIONS || self.sessions.contains_key(newcomer) {
            return;
        }
        let idle = self
            .sessions
            .iter()
            .filter(|(_, account)| account.on_its_way == 0);
        let oldest = idle
            .min_by_key(|(_, account)| account.used)
            .map(|(key, _)| key.clone());
        if let Some(account) = oldest.and_then(|key| self.sessions.remove(&key)) {
            self.past.add(&account.ledger);
            self.past_sessions += 1;
        }
    }
}

impl Paid<'_> {
    /// From now on it may have come, whatever is heard of it.
    pub fn depart(&mut self) {
        self.departed = true;
    }

    /// Books what the orchestrator made of it.
    pub fn settle(mut self, answered: &Result<Answer, SubmitError>) -> PaymentRecord {
        let fate = match answered {
            Ok(answer) => Fate::Answered {
                fee: self.price.fee(reported_pixels(answer)),
            },
            Err(SubmitError::Connect(_)) => Fate::Unsent,
            // It was paid, and then it failed: that costs nothing.
            Err(SubmitError::Transcode(_)) => Fate::Answered { fee: Exact::zero() },
            Err(SubmitError::Refused { text, .. }) if text == SHORT => Fate::Short,
            Err(SubmitError::Refused { .. }) => Fate::Refused,
            Err(
                SubmitError::HeaderTimeout(_)
                | SubmitError::BodyTimeout(_)
                | SubmitError::Broken(_)
                | SubmitError::Garbage(_),
            ) => Fate::Lost,
        };
        let staged = self.staged.take();
        let made_for = self.message.ticket_params.as_ref();
        let made_for = made_for.and_then(|made_for| B256::try_from(&made_for.recipient_rand_hash[..]).ok());
        let record = PaymentRecord {
            recipient_rand_hash: made_for,
            first_nonce: self
                .message
                .ticket_sender_params
                .first()
                .map(|first| first.sender_nonce),
            tickets: staged.as_ref().map_or(0, |staged| staged.tickets),
            value_wei: staged
                .as_ref()
                .map_or_else(Exact::zero, |staged| staged.value.clone())
                .to_string(),
            fee_wei: match &fate {
                Fate::Answered { fee } => fee.to_string(),
                _ => Exact::zero().to_string(),
            },
            fate: match fate {
                Fate::Unsent => PaymentFate::Unsent,
                Fate::Answered { .. } => PaymentFate::Answered,
                Fate::Refused | Fate::Short => PaymentFate::Refused,
                Fate::Lost => PaymentFate::Lost,
            },
        };
        if let Some(staged) = staged {
            self.purse.settle(&self.key, staged, fate);
        }
        record
    }
}

impl Drop for Paid<'_> {
    fn drop(&mut self) {
        let fate = match self.departed {
            true => Fate::Lost,
            false => Fate::Unsent,
        };
        if let Some(staged) = self.staged.take() {
            self.purse.settle(&self.key, staged, fate);
        }
    }
}

/// Pixels of all renditions, as the orchestrator reports them.
pub(super) fn reported_pixels(answer: &Answer) -> u64 {
    let pixels = answer.segments.iter();
    let pixels = pixels.map(|rendition| u64::try_from(rendition.pixels).unwrap_or(0));
    pixels.fold(0, u64::saturating_add)
}

/// How many pixels a segment's renditions may have: rates and seconds rounded up.
pub(super) fn expected_pixels(profiles: &[Profile], duration: Duration) -> u64 {
    let seconds = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    let pixels = profiles.iter().map(|profile| {
        let rate = match profile.fps {
            0 => UNKNOWN_RATE,
            rate => rate.div_ceil(profile.fps_den.max(1)),
        };
        let picture = u64::from(profile.width).saturating_mul(profile.height.into());
        picture.saturating_mul(rate.into()).saturating_mul(seconds)
    });
    pixels.fold(0, u64::saturating_add)
}

fn ledger_view(ledger: &Ledger) -> LedgerView {
    LedgerView {
        orchestrator: None,
        session: None,
        payments: ledger.payments,
        on_its_way: 0,
        tickets: ledger.tickets,
        sent_wei: ledger.sent.to_string(),
        confirmed_wei: ledger.confirmed.to_string(),
        in_doubt_wei: ledger.in_doubt.to_string(),
        fees_wei: ledger.fees.to_string(),
        written_off_wei: ledger.written_off.to_string(),
        balance_wei: ledger.balance.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::ladder::preset;

    #[test]
    fn pixels_are_expected_with_rates_and_seconds_rounded_up() {
        let named = |name: &str| preset(name).unwrap();
        let two = Duration::from_secs(2);
        let p240 = [named("P240p30fps16x9")];
        assert_eq!(expected_pixels(&p240, two), 426 * 240 * 30 * 2);
        assert_eq!(
            expected_pixels(&p240, two + Duration::from_nanos(1)),
            426 * 240 * 30 * 3
        );
        let with_rate = |fps, fps_den| {
            let profile = Profile {
                fps,
                fps_den,
                ..named("P240p30fps16x9")
            };
            expected_pixels(&[profile], Duration::from_secs(1))
        };
        assert_eq!(with_rate(0, 0), 426 * 240 * 60);
        assert_eq!(with_rate(30_000, 1001), 426 * 240 * 30);
        assert_eq!(with_rate(24, 1), 426 * 240 * 24);
        assert_eq!(expected_pixels(&[], two), 0);
    }
}
