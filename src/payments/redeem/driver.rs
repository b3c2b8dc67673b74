//! The redeemer: looks at every block what the schedule says, and does it.
//!
//! Nothing is remembered that the books or the chain do not know: a process that is killed at any moment is followed by
//! one that reads both. A ticket is marked as under way before anything is signed, with its transaction before that is
//! sent, and settled by what the chain says, never by what was meant to happen.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use alloy::primitives::{Address, B256, TxHash};
use futures_util::{StreamExt as _, stream};
use tokio::{
    sync::{Notify, watch},
    task::JoinHandle,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::{
    gas::GasPrices,
    reasons::Loss,
    review::pending_of,
    schedule::{Batch, Decision, Pending, Policy, Standing, View, Window, decide},
    state::{Moment, RedeemSettings, RedeemState},
};
use crate::{
    chain::{
        Chain, ChainError, ChainSenders, Held, Outbox, PlanOptions, SubmitError, SubmitOptions,
        outbox::RecordError,
    },
    payments::{
        Books, ChainTime, SenderFacts, Senders as _,
        books::{BooksError, Filter, Settlement, Winner, WinnerState},
    },
    units::{Round, Wei},
};

/// Tickets looked at together.
const MOST: usize = 10_000;
/// How long to wait for a new block before looking again.
const IDLE: Duration = Duration::from_secs(15);
/// How long a sender's funds may take to be read.
const PATIENCE: Duration = Duration::from_secs(10);
/// Senders asked for at once.
const ASKED: usize = 16;
/// Gas of opening a round, more than was ever measured.
const ROUND_GAS: u64 = 400_000;
/// Blocks of Ethereum between two times the gas prices are written down.
const KEEP_EVERY: u64 = 50;
/// Under this name the books keep the gas prices.
pub(super) const PRICES: &str = "redeem/gas_prices";

/// What the redeemer works with.
#[derive(Clone)]
pub struct RedeemParts {
    /// Where winners are.
    pub books: Books,
    /// What the chain says.
    pub chain: Chain,
    /// What sends.
    pub outbox: Outbox,
    /// What time it is.
    pub clock: watch::Receiver<Option<ChainTime>>,
    /// What stands behind the senders.
    pub senders: Arc<ChainSenders>,
}

/// A running redeemer. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Redeemer {
    wake: Arc<Notify>,
    state: watch::Receiver<RedeemState>,
}

impl Redeemer {
    /// Starts redeeming what the books hold, whoever put it there and whenever, until stopped. A transaction under way
    /// at the stop is left to the next start.
    #[must_use]
    pub fn start(
        parts: RedeemParts,
        settings: RedeemSettings,
        stop: CancellationToken,
    ) -> (Self, JoinHandle<()>) {
        let wake = Arc::new(Notify::new());
        let driver = Driver::new(parts, settings);
        let state = driver.told.subscribe();
        let task = tokio::spawn(driver.run(Arc::clone(&wake), stop));
        (Self { wake, state }, task)
    }

    /// Look now: something has changed.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// What waits and why, anew after each look.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<RedeemState> {
        self.state.clone()
    }
}

/// Redeems these tickets now, whatever gas costs and however much time is left. What the contract would not pay, or not pay
/// more than its gas for, still waits; the books say why. Another process may be redeeming from the same books.
///
/// # Errors
/// [`RedeemFailure`]; [`BooksError::NotPending`] for a ticket that is not waiting, and then nothing is sent.
pub async fn redeem_now(
    parts: RedeemParts,
    settings: RedeemSettings,
    time: ChainTime,
    hashes: &[B256],
) -> Result<(), RedeemFailure> {
    let mut winners = HashMap::new();
    for hash in hashes {
        let winner = parts
            .books
            .winner(*hash)
            .await?
            .ok_or(BooksError::Unknown(*hash))?;
        if winner.state != WinnerState::Pending {
            return Err(BooksError::NotPending(*hash).into());
        }
        winners.insert(*hash, winner);
    }
    let mut driver = Driver::new(parts, settings);
    driver.parts.outbox.recover().await?;
    for some in hashes.chunks(driver.settings.batch.max(1)) {
        let batch = Batch {
            // Whatever is paid: who asks has seen what it is.
            tickets: some.iter().map(|hash| (*hash, Wei::ZERO)).collect(),
        };
        Box::pin(driver.redeem(batch, &winners, &time)).await?;
    }
    Ok(())
}

/// Why a look ended early. None of it is lost: the next one begins where this one began.
#[derive(Debug, thiserror::Error)]
pub enum RedeemFailure {
    /// The chain cannot be read.
    #[error("the chain: {0}")]
    Chain(#[from] ChainError),
    /// The books cannot be read or written.
    #[error("the books: {0}")]
    Books(#[from] BooksError),
    /// A transaction was not sent, or nothing is known of it.
    #[error("sending: {0}")]
    Submit(#[from] SubmitError),
    /// What became of a transaction cannot be told.
    #[error("looking a transaction up: {0}")]
    Record(#[from] RecordError),
}

/// The task's own state, which may be lost at any time.
pub(super) struct Driver {
    pub(super) parts: RedeemParts,
    pub(super) settings: RedeemSettings,
    prices: GasPrices,
    prices_kept: u64,
    pub(super) gas: super::gas::GasUse,
    /// The recipient's standing, and round and block it was read in.
    standing: Option<(Standing, Round, u64)>,
    /// Settled in blocks that a reorganisation may still take back.
    pub(super) young: HashMap<B256, Young>,
    /// What is spoken for by transactions that are out.
    pub(super) held: HashMap<TxHash, Vec<Held>>,
    /// Whether what an earlier process left has been looked at.
    recovered: bool,
    pub(super) told: watch::Sender<RedeemState>,
}

/// A settled ticket that is watched for some blocks more.
#[derive(Debug, Clone, Copy)]
pub(super) struct Young {
    pub(super) transaction: TxHash,
    pub(super) block: u64,
}

impl Driver {
    fn new(parts: RedeemParts, settings: RedeemSettings) -> Self {
        Self {
            gas: settings.gas,
            parts,
            settings,
            prices: GasPrices::default(),
            prices_kept: 0,
            standing: None,
            young: HashMap::new(),
            held: HashMap::new(),
            recovered: false,
            told: watch::Sender::new(RedeemState::default()),
        }
    }

    async fn run(mut self, wake: Arc<Notify>, stop: CancellationToken) {
        let mut winners = self.parts.books.new_winners();
        let mut clock = self.parts.clock.clone();
        match self.parts.books.kept(PRICES).await {
            Ok(kept) => self.prices = kept.map(|text| GasPrices::from_text(&text)).unwrap_or_default(),
            Err(error) => tracing::warn!(%error, "gas prices of earlier cannot be read"),
        }
        loop {
            let time = *clock.borrow_and_update();
            if let Some(time) = time {
                // A stop may cut a look short anywhere: what that leaves behind is what a killed process does.
                let trouble = tokio::select! {
                    looked = Box::pin(self.look(time)) => looked.err(),
                    () = stop.cancelled() => return,
                };
                if let Some(trouble) = &trouble {
                    tracing::warn!(%trouble, "redeeming tickets was interrupted; it is tried again");
                }
                self.told
                    .send_modify(|state| state.trouble = trouble.map(|trouble| trouble.to_string()));
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = wake.notified() => {}
                changed = winners.changed() => if changed.is_err() { return },
                changed = clock.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(IDLE) => {}
            }
        }
    }

    /// One look: what was under way, what is new, what can go.
    async fn look(&mut self, time: ChainTime) -> Result<(), RedeemFailure> {
        self.note_price(&time).await;
        if !self.recovered {
            self.take_over(&time).await?;
            self.recovered = true;
        }
        self.watch_young(&time).await?;
        let filter = Filter {
            pending: true,
            limit: MOST,
            ..Filter::default()
        };
        let winners = self.own(self.parts.books.winners(filter).await?);
        let (in_flight, pending): (Vec<Winner>, Vec<Winner>) = winners
            .into_iter()
            .partition(|winner| matches!(winner.state, WinnerState::InFlight { .. }));
        let under_way = in_flight.len();
        self.resolve(in_flight).await?;

        if pending.is_empty() {
            self.tell(&time, &pending, under_way, &Decision::default(), Vec::new());
            return Ok(());
        }
        let tickets: Vec<Pending> = pending.iter().map(pending_of).collect();
        let senders = self.senders_of(&tickets, &time).await;
        let standing = self.standing(&time).await?;
        let policy = self.policy();
        let decision = {
            let view = View {
                time: &time,
                prices: &self.prices,
                standing,
                senders: &senders,
            };
            decide(&view, &policy, &tickets)
        };
        let windows = tickets.iter().map(|ticket| {
            let window = Window::of(ticket, &time, senders.get(&ticket.sender), standing);
            (ticket.hash, ticket.face_value, window)
        });
        self.tell(&time, &pending, under_way, &decision, windows.collect());
        let winners: HashMap<B256, Winner> =
            pending.into_iter().map(|winner| (winner.hash, winner)).collect();
        self.give_up(&decision, &winners).await?;
        if let Some(at_stake) = decision.open_round {
            self.open_round(&time, at_stake).await;
        }
        for batch in decision.batches {
            self.redeem(batch, &winners, &time).await?;
        }
        Ok(())
    }

    /// Those of the recipient.
    fn own(&self, winners: Vec<Winner>) -> Vec<Winner> {
        let recipient = self.settings.recipient;
        winners
            .into_iter()
            .filter(|winner| winner.ticket.ticket.recipient == recipient)
            .collect()
    }

    fn policy(&self) -> Policy {
        Policy {
            max_gas_price: self.parts.outbox.policy().max_gas_price,
            batch: self.settings.batch.max(1),
            gas: self.gas,
            round_gas: self.settings.open_rounds.then_some(ROUND_GAS),
        }
    }

    /// What an earlier process left: its transactions, and what it settled in the last blocks.
    async fn take_over(&mut self, time: &ChainTime) -> Result<(), RedeemFailure> {
        self.parts.outbox.recover().await?;
        let filter = Filter {
            settled_since_block: Some(time.block.saturating_sub(super::outcome::DEPTH)),
            limit: MOST,
            ..Filter::default()
        };
        for winner in self.own(self.parts.books.winners(filter).await?) {
            if let WinnerState::Settled {
                settlement: Settlement::Redeemed { tx, block, .. },
                ..
            } = winner.state
            {
                let young = Young {
                    transaction: tx,
                    block,
                };
                self.young.insert(winner.hash, young);
            }
        }
        Ok(())
    }

    async fn note_price(&mut self, time: &ChainTime) {
        self.prices.observe(time.l1_block, time.gas_price);
        if time.l1_block < self.prices_kept.saturating_add(KEEP_EVERY) {
            return;
        }
        self.prices_kept = time.l1_block;
        if let Err(error) = self.parts.books.keep(PRICES, &self.prices.to_text()).await {
            tracing::debug!(%error, "gas prices were not written down");
        }
    }

    /// The funds of all senders with tickets whose time has come. Whoever cannot be read is left out.
    async fn senders_of(&self, tickets: &[Pending], time: &ChainTime) -> HashMap<Address, SenderFacts> {
        let ready = tickets
            .iter()
            .filter(|ticket| ticket.params_expiration_block <= time.l1_block);
        let wanted: HashSet<Address> = ready.map(|ticket| ticket.sender).collect();
        let known = Arc::clone(&self.parts.senders);
        let asked = stream::iter(wanted).map(move |sender| {
            let senders = Arc::clone(&known);
            async move {
                match timeout(PATIENCE, senders.facts(sender)).await {
                    Ok(Ok(facts)) => Some((sender, facts)),
                    Ok(Err(error)) => {
                        tracing::debug!(%sender, %error, "a sender's funds could not be read");
                        None
                    }
                    Err(_) => None,
                }
            }
        });
        asked
            .buffer_unordered(ASKED)
            .filter_map(|known| async move { known })
            .collect()
            .await
    }

    /// Read once a round and every now and then.
    async fn standing(&mut self, time: &ChainTime) -> Result<Standing, RedeemFailure> {
        if let Some((standing, round, block)) = self.standing
            && round == time.current_round
            && time.l1_block < block.saturating_add(25)
            && standing.registered
        {
            return Ok(standing);
        }
        let standing = self.parts.chain.standing(self.settings.recipient).await?;
        self.standing = Some((standing, time.current_round, time.l1_block));
        Ok(standing)
    }

    fn tell(
        &self,
        time: &ChainTime,
        pending: &[Winner],
        in_flight: usize,
        decision: &Decision,
        windows: Vec<(B256, Wei, Window)>,
    ) {
        let value = pending.iter().fold(Wei::ZERO, |sum, winner| {
            sum.saturating_add(winner.ticket.ticket.face_value)
        });
        self.told.send_modify(|state| {
            state.time = Some(*time);
            state.pending = pending.len() + in_flight;
            state.in_flight = in_flight;
            state.value = value;
            state.waiting.clone_from(&decision.waiting);
            state.windows = windows;
        });
    }

    /// Settles what is past its time, after a last look whether somebody redeemed it.
    async fn give_up(
        &mut self,
        decision: &Decision,
        winners: &HashMap<B256, Winner>,
    ) -> Result<(), RedeemFailure> {
        if decision.lost.is_empty() {
            return Ok(());
        }
        let lost: Vec<&Winner> = decision
            .lost
            .iter()
            .filter_map(|(hash, _)| winners.get(hash))
            .collect();
        for some in lost.chunks(self.settings.batch.max(1)) {
            let hashes: Vec<B256> = some.iter().map(|winner| winner.hash).collect();
            let (_, used) = self.parts.chain.used_tickets(&hashes).await?;
            let mut settled = Vec::new();
            for (winner, used) in some.iter().zip(used) {
                if used {
                    settled.push((winner.hash, self.settlement_by_others(winner).await?));
                    continue;
                }
                let loss = decision.lost.iter().find(|(hash, _)| *hash == winner.hash);
                let reason = lost_reason(winner, loss.map(|(_, loss)| loss));
                let value = winner.ticket.ticket.face_value.human();
                tracing::error!(ticket = %winner.hash, %value, %reason, "a winning ticket is lost");
                settled.push((winner.hash, Settlement::Lost { reason }));
            }
            self.parts.books.settle(&settled).await?;
        }
        Ok(())
    }

    /// How a ticket nobody here redeemed was paid.
    pub(super) async fn settlement_by_others(&self, winner: &Winner) -> Result<Settlement, RedeemFailure> {
        let found = self
            .parts
            .chain
            .redemptions(std::slice::from_ref(&winner.ticket), 0)
            .await?;
        Ok(match found.into_iter().next().flatten() {
            Some(found) => Settlement::Redeemed {
                tx: found.transaction,
                paid: found.paid,
                block: found.block,
                cost: Wei::ZERO,
            },
            None => Settlement::UsedElsewhere,
        })
    }

    /// Opens the round, for what waits is worth more. Whoever is faster is as welcome.
    async fn open_round(&self, time: &ChainTime, at_stake: Wei) {
        let outbox = &self.parts.outbox;
        let options = PlanOptions {
            max_gas_price: outbox.policy().max_gas_price,
            queue: true,
            ..PlanOptions::default()
        };
        let plan = match self
            .parts
            .chain
            .plan_initialize_round(outbox.account(), options)
            .await
        {
            Ok(plan) if plan.refusals().is_empty() => plan,
            Ok(_) => return,
            Err(error) => {
                tracing::debug!(%error, "the round could not be opened");
                return;
            }
        };
        tracing::info!(round = %time.current_round, at_stake = %at_stake.human(), "opening the round, as tickets wait for it");
        let patience = SubmitOptions {
            timeout: self.settings.timeout,
            ..SubmitOptions::default()
        };
        if let Err(error) = outbox.submit(plan, patience).await {
            tracing::info!(%error, "the round could not be opened");
        }
    }

    pub(super) fn at(&self, moment: Moment) {
        if let Some(observer) = &self.settings.observer {
            observer(moment);
        }
    }
}

/// Why it is lost, with what stood in its way last.
fn lost_reason(winner: &Winner, loss: Option<&Loss>) -> String {
    let last = winner.waiting.as_ref().map(|waiting| waiting.message.as_str());
    match (loss, last) {
        (Some(loss), Some(last)) => format!("{loss}; the last attempt failed: {last}"),
        (Some(loss), None) => loss.to_string(),
        (None, last) => last.unwrap_or("expired").to_string(),
    }
}
