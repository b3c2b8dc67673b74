//! What a running node does on the chain for whoever asks over its API: the plans of the commands, sent through the
//! account's one sender beside the guardian of rewards and the redeemer. Orders are carried out one after the other, each
//! planned when the one before it is mined: neither a reward nor a ticket goes out twice for two of them.

use std::{collections::BTreeMap, fmt, sync::Arc};

use alloy::primitives::{Address, B256};
use tokio::sync::{Mutex, MutexGuard, watch};

use crate::{
    chain::{ChainError, Outbox, PlanOptions, SubmitError, SubmitOptions, network::seconds_per_block},
    payments::{
        Books, ChainTime,
        books::{BooksError, Ended, Filter, Winner, WinnerState},
        redeem::{RedeemFailure, RedeemParts, RedeemSettings, RedeemState, redeem_now, review},
    },
    units::Wei,
    view::{
        node::{
            ActionAnswer, ActionTransaction, Closing, RedeemOrder, RedeemView, RewardView, TicketChoice,
            TicketPage, TicketTotals,
        },
        ticket::{TicketFacts, TicketStatus, TicketWait},
    },
};

/// Tickets of one order: they are one transaction.
const MOST: usize = 20;

/// What a node may do on the chain. Cheap to clone.
#[derive(Clone)]
pub struct Treasury {
    /// The account's one sender.
    pub outbox: Outbox,
    /// Whose rewards the account calls; none: nobody's.
    pub orchestrator: Option<Address>,
    /// How it goes with that; none where no guardian runs beside the node.
    pub reward: Option<watch::Receiver<RewardView>>,
    /// Redeeming; none where tickets are left with a redeemer elsewhere.
    pub redeeming: Option<Redeeming>,
    /// How long a transaction is waited for.
    pub patience: SubmitOptions,
    /// Held by the order that is being carried out: a plan does not know of what is not mined yet.
    pub orders: Arc<Mutex<()>>,
}

/// What redeeming takes, beside the redeemer that runs.
#[derive(Clone)]
pub struct Redeeming {
    /// What it works with.
    pub parts: RedeemParts,
    /// How.
    pub settings: RedeemSettings,
    /// What the running redeemer tells.
    pub state: watch::Receiver<RedeemState>,
}

impl fmt::Debug for Treasury {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Treasury")
            .field("account", &self.outbox.account())
            .field("orchestrator", &self.orchestrator)
            .finish_non_exhaustive()
    }
}

/// Why an order was not carried out, or not known to be.
#[derive(Debug, thiserror::Error)]
pub enum ActionError {
    /// This node does not do that. Says why.
    #[error("{0}")]
    NotHere(&'static str),
    /// An order that says too much, too little, or of unknown tickets.
    #[error("{0}")]
    Order(String),
    /// Something stands in the way: it is in the plan, and nothing was sent.
    #[error("{}", refusal(.0))]
    Refused(Box<ActionAnswer>),
    /// The chain cannot be read. Nothing was sent.
    #[error("the chain cannot be read: {0}")]
    Chain(#[from] ChainError),
    /// What is known of a transaction.
    #[error(transparent)]
    Submit(#[from] SubmitError),
    /// The books cannot be used.
    #[error(transparent)]
    Books(#[from] BooksError),
    /// What is known of a redemption.
    #[error(transparent)]
    Redeem(#[from] RedeemFailure),
}

fn refusal(answer: &ActionAnswer) -> String {
    let first = answer
        .findings
        .iter()
        .find(|finding| finding.severity == "refusal");
    first.map_or_else(|| "it is refused".to_string(), |finding| finding.message.clone())
}

impl ActionError {
    /// Stable name for scripts.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::NotHere(_) => "not_here",
            Self::Order(_) => "bad_order",
            Self::Refused(answer) => answer
                .findings
                .iter()
                .find(|finding| finding.severity == "refusal")
                .map_or("refused", |finding| &finding.code),
            Self::Chain(error) => error.code(),
            Self::Submit(error) => error.code(),
            Self::Books(_) => "books",
            Self::Redeem(RedeemFailure::Submit(error)) => error.code(),
            Self::Redeem(RedeemFailure::Chain(error)) => error.code(),
            Self::Redeem(_) => "redeem",
        }
    }
}

impl Treasury {
    fn options(&self) -> PlanOptions {
        PlanOptions {
            max_gas_price: self.outbox.policy().max_gas_price,
            // The outbox gives out the nonces: another transaction under way is nothing to wait for.
            queue: true,
            ..PlanOptions::default()
        }
    }

    /// Waits until the order before this one is over; one that only looks waits for nobody.
    async fn alone(&self, dry_run: bool) -> Option<MutexGuard<'_, ()>> {
        match dry_run {
            true => None,
            false => Some(self.orders.lock().await),
        }
    }

    /// How it goes with calling reward; none where no guardian runs.
    #[must_use]
    pub fn reward_view(&self) -> Option<RewardView> {
        self.reward.as_ref().map(|state| state.borrow().clone())
    }

    /// How it goes with redeeming tickets; none where a redeemer elsewhere does it.
    #[must_use]
    pub fn redeem_view(&self) -> Option<RedeemView> {
        self.redeeming
            .as_ref()
            .map(|redeeming| redeem_view(&redeeming.state.borrow()))
    }

    /// Calls this round's reward, or tells what that would send.
    ///
    /// # Errors
    /// See [`ActionError`].
    pub async fn call_reward(&self, dry_run: bool) -> Result<ActionAnswer, ActionError> {
        let orchestrator = self.orchestrator.ok_or(ActionError::NotHere(
            "this account is no orchestrator and calls nobody's reward",
        ))?;
        let _alone = self.alone(dry_run).await;
        let plan = self
            .outbox
            .chain()
            .plan_reward_for(self.outbox.account(), orchestrator, self.options())
            .await?;
        if dry_run || !plan.refusals().is_empty() {
            let mut answer = ActionAnswer::from(plan.summary());
            answer.dry_run = dry_run;
            return match dry_run {
                true => Ok(answer),
                false => Err(ActionError::Refused(Box::new(answer))),
            };
        }
        let report = Box::pin(self.outbox.submit(plan, self.patience)).await?;
        Ok(ActionAnswer::from(&report))
    }

    /// Redeems winning tickets now, or tells what that would send.
    ///
    /// # Errors
    /// See [`ActionError`].
    pub async fn redeem(&self, order: &RedeemOrder) -> Result<ActionAnswer, ActionError> {
        let redeeming = self.redeeming.as_ref().ok_or(ActionError::NotHere(
            "this node redeems no tickets itself: it leaves them with a redeemer",
        ))?;
        let _alone = self.alone(order.dry_run).await;
        let chosen = redeeming.choose(order).await?;
        let tickets = chosen.iter().map(|winner| winner.ticket.clone()).collect();
        let plan = self
            .outbox
            .chain()
            .plan_redeem(self.outbox.account(), tickets, self.options())
            .await?;
        if order.dry_run || !plan.refusals().is_empty() {
            let mut answer = ActionAnswer::from(plan.summary());
            answer.dry_run = order.dry_run;
            answer.tickets = chosen.iter().map(|winner| redeeming.facts(winner)).collect();
            return match order.dry_run {
                true => Ok(answer),
                false => Err(ActionError::Refused(Box::new(answer))),
            };
        }
        let time = redeeming.time()?;
        let hashes: Vec<B256> = chosen.iter().map(|winner| winner.hash).collect();
        let settings = RedeemSettings {
            batch: MOST,
            ..redeeming.settings.clone()
        };
        Box::pin(redeem_now(redeeming.parts.clone(), settings, time, &hashes)).await?;
        let mut answer = ActionAnswer::from(plan.summary());
        answer.dry_run = false;
        answer.steps = Vec::new();
        answer.max_cost_wei = None;
        let mut mined: BTreeMap<B256, ActionTransaction> = BTreeMap::new();
        for hash in &hashes {
            let Some(winner) = redeeming.parts.books.winner(*hash).await? else {
                continue;
            };
            let facts = redeeming.facts(&winner);
            if let (TicketStatus::Redeemed, Some(transaction), Some(block)) =
                (facts.status, facts.transaction, facts.block)
            {
                let cost = facts.cost_wei.unwrap_or_default();
                answer.cost_wei = answer.cost_wei.saturating_add(cost);
                let entry = mined.entry(transaction).or_insert_with(|| ActionTransaction {
                    name: "redeem".to_string(),
                    hash: transaction,
                    block,
                    gas_used: 0,
                    cost_wei: Wei::ZERO,
                });
                entry.cost_wei = entry.cost_wei.saturating_add(cost);
            }
            answer.tickets.push(facts);
        }
        answer.sent = !mined.is_empty();
        answer.transactions = mined.into_values().collect();
        Ok(answer)
    }
}

impl Redeeming {
    fn time(&self) -> Result<ChainTime, ActionError> {
        let time = *self.parts.clock.borrow();
        time.ok_or(ActionError::NotHere("the chain has not been read yet"))
    }

    /// What is told of a winner, with what the running redeemer knows.
    #[must_use]
    pub fn facts(&self, winner: &Winner) -> TicketFacts {
        let state = self.state.borrow();
        let chain_id = self.parts.chain.chain_id();
        with_outlook(
            review::facts(winner, self.settings.gas, None),
            &state,
            seconds_per_block(chain_id),
        )
    }

    /// The tickets that were named, or those nothing but patience stands in the way of.
    async fn choose(&self, order: &RedeemOrder) -> Result<Vec<Winner>, ActionError> {
        let wrong = |text: &str| ActionError::Order(text.to_string());
        if order.all != order.tickets.is_empty() {
            return Err(wrong("name tickets, or say `all`"));
        }
        if order.tickets.len() > MOST {
            return Err(wrong("20 tickets at most are redeemed at once"));
        }
        if order.all {
            return self.ready().await;
        }
        let mut chosen: Vec<Winner> = Vec::new();
        for hash in &order.tickets {
            let found = self.parts.books.winner(*hash).await?;
            let winner =
                found.ok_or_else(|| ActionError::Order(format!("there is no winning ticket {hash}")))?;
            if winner.ticket.ticket.recipient != self.settings.recipient {
                return Err(ActionError::Order(format!("{hash} pays another recipient")));
            }
            if matches!(winner.state, WinnerState::InFlight { .. }) {
                return Err(BooksError::NotPending(*hash).into());
            }
            if !chosen.iter().any(|other| other.hash == winner.hash) {
                chosen.push(winner);
            }
        }
        Ok(chosen)
    }

    async fn ready(&self) -> Result<Vec<Winner>, ActionError> {
        let filter = Filter {
            pending: true,
            ..Filter::default()
        };
        let mut winners = self.parts.books.winners(filter).await?;
        {
            let state = self.state.borrow();
            winners.retain(|winner| {
                let waits = state.waiting.iter().find(|(hash, _)| *hash == winner.hash);
                let is_known = state.windows.iter().any(|(hash, ..)| *hash == winner.hash);
                winner.state == WinnerState::Pending
                    && winner.ticket.ticket.recipient == self.settings.recipient
                    && is_known
                    && waits
                        .is_none_or(|(_, wait)| matches!(wait.code(), "gas_dear" | "company" | "backing_off"))
            });
        }
        winners.sort_by_key(|winner| std::cmp::Reverse(winner.ticket.ticket.face_value));
        winners.truncate(MOST);
        match winners.is_empty() {
            true => Err(ActionError::Order("no ticket can be redeemed now".to_string())),
            false => Ok(winners),
        }
    }
}

/// A page of winning tickets, with what the running redeemer knows of those that wait.
pub(super) async fn page(
    books: &Books,
    treasury: Option<&Treasury>,
    choice: TicketChoice,
    sender: Option<Address>,
    limit: usize,
    offset: usize,
) -> Result<TicketPage, BooksError> {
    let filter = Filter {
        pending: choice == TicketChoice::Pending,
        ended: match choice {
            TicketChoice::All | TicketChoice::Pending => None,
            TicketChoice::Redeemed => Some(Ended::Redeemed),
            TicketChoice::Lost => Some(Ended::Lost),
        },
        sender,
        limit: limit + 1,
        offset,
        ..Filter::default()
    };
    let mut winners = books.winners(filter).await?;
    let has_more = winners.len() > limit;
    winners.truncate(limit);
    let totals = books.winner_totals().await?;
    let redeeming = treasury.and_then(|treasury| treasury.redeeming.as_ref());
    let facts = winners.iter().map(|winner| match redeeming {
        Some(redeeming) => redeeming.facts(winner),
        None => review::facts(winner, crate::payments::redeem::GasUse::ETHEREUM, None),
    });
    Ok(TicketPage {
        round: redeeming.and_then(|redeeming| Some(redeeming.parts.clock.borrow().as_ref()?.current_round)),
        totals: TicketTotals {
            pending: totals.pending,
            pending_wei: totals.pending_value,
            redeemed: totals.redeemed,
            redeemed_wei: totals.redeemed_value,
            lost: totals.lost,
            lost_wei: totals.lost_value,
        },
        tickets: facts.collect(),
        has_more,
    })
}

/// Adds why a ticket waits and how long it can, as of the redeemer's last look.
fn with_outlook(mut facts: TicketFacts, state: &RedeemState, block_seconds: Option<u64>) -> TicketFacts {
    if facts.status != TicketStatus::Waiting {
        return facts;
    }
    let Some(time) = state.time else { return facts };
    let known = state.windows.iter().find(|(hash, ..)| *hash == facts.hash);
    let Some((.., window)) = known else { return facts };
    facts.window = Some(review::told_window(*window, &time, block_seconds));
    let wait = state.waiting.iter().find(|(hash, _)| *hash == facts.hash);
    facts.wait = Some(match wait {
        Some((_, wait)) => TicketWait {
            code: wait.code().to_string(),
            message: wait.to_string(),
            until_block: wait.until(),
        },
        None => TicketWait {
            code: "ready".to_string(),
            message: "it goes with the next transaction".to_string(),
            until_block: None,
        },
    });
    facts
}

fn redeem_view(state: &RedeemState) -> RedeemView {
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let mut reasons = BTreeMap::new();
    for (_, wait) in &state.waiting {
        *reasons.entry(wait.code().to_string()).or_default() += 1;
    }
    let l1_block = state.time.map(|time| time.l1_block);
    let closing = state.windows.iter().min_by_key(|(.., window)| window.closes);
    RedeemView {
        time: state.time.map(|time| time.read_at),
        l1_block,
        gas_price_wei: state.time.map(|time| time.gas_price),
        pending: count(state.pending),
        in_flight: count(state.in_flight),
        value_wei: state.value,
        reasons,
        closing: closing.map(|(hash, value, window)| Closing {
            ticket: *hash,
            face_value_wei: *value,
            closes_block: window.closes,
            blocks_left: window.closes.saturating_sub(l1_block.unwrap_or_default()),
        }),
        redeemed: state.redeemed,
        paid_wei: state.paid,
        cost_wei: state.cost,
        trouble: state.trouble.clone(),
    }
}
