//! The driver: reads, lets the vigil decide, sends through the account's one sender, and tells.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use alloy::primitives::{Address, TxHash};
use jiff::Timestamp;
use tokio::{
    sync::{broadcast, watch},
    task::JoinHandle,
    time::sleep,
};
use tokio_util::sync::CancellationToken;

use super::{
    alerts::{AlertSettings, Alerts, Lost},
    policy::Policy,
    vigil::{Attempt, Notice, Outcome, Sight, Vigil},
};
use crate::{
    chain::{Chain, Fate, GasPolicy, Outbox, PlanOptions, RewardFacts, SubmitError, SubmitOptions},
    payments::ChainTime,
    units::{Round, Wei},
    view::{
        node::RewardView,
        reward::{Alert, GuardianEvent},
    },
};

/// Events that may wait to be read; who is slower misses the oldest.
const EVENTS: usize = 256;

/// What a guardian is told to do.
#[derive(Debug, Clone)]
pub struct GuardianSettings {
    /// Whose rewards: the sender's own account, or one that has named it its reward caller.
    pub orchestrator: Address,
    /// How it decides.
    pub policy: Policy,
    /// How long to wait for a transaction to be mined; then its outcome is looked for on the chain.
    pub timeout: Duration,
    /// Who is told when something is wrong.
    pub alerts: AlertSettings,
    /// What random pauses follow from: another one on each host.
    pub seed: u64,
}

impl GuardianSettings {
    /// The usual for a public network, or for a chain of one's own; nobody is told of alerts but the log.
    #[must_use]
    pub fn new(orchestrator: Address, is_public: bool) -> Self {
        Self {
            orchestrator,
            policy: Policy::new(is_public),
            timeout: Duration::from_secs(if is_public { 120 } else { 20 }),
            alerts: AlertSettings::none(),
            seed: rand::random(),
        }
    }
}

/// A guardian at work. Dropping it does not end it; the token it was started with does.
pub struct Guardian {
    task: JoinHandle<()>,
    events: broadcast::Sender<GuardianEvent>,
    first: Option<broadcast::Receiver<GuardianEvent>>,
    state: watch::Receiver<RewardView>,
}

impl Guardian {
    /// Starts it. It never fails: what it cannot do it tells, and tries again.
    ///
    /// `clock` only wakes it when a round begins; it reads the chain itself. `stop` ends it between transactions: one
    /// that is under way is waited for.
    #[must_use]
    pub fn start(
        chain: Chain,
        outbox: Outbox,
        settings: GuardianSettings,
        clock: Option<watch::Receiver<Option<ChainTime>>>,
        stop: CancellationToken,
    ) -> Self {
        let (events, first) = broadcast::channel(EVENTS);
        let told = watch::Sender::new(RewardView::new(settings.orchestrator, outbox.account()));
        let state = told.subscribe();
        let teller = Teller {
            network: chain.network().name.clone(),
            account: outbox.account(),
            events: events.clone(),
            state: Arc::new(told),
        };
        let lost = teller.clone();
        let alerts = Alerts::start(settings.alerts, move |(way, message): Lost| {
            lost.tell(GuardianEvent::AlertNotDelivered {
                way,
                message,
                time: Timestamp::now(),
            });
        });
        let driver = Driver {
            chain,
            outbox,
            orchestrator: settings.orchestrator,
            timeout: settings.timeout,
            vigil: Vigil::new(settings.policy, settings.seed),
            teller,
            alerts,
            rewards: 0,
            stuck: None,
        };
        Self {
            task: tokio::spawn(driver.run(clock, stop)),
            events,
            first: Some(first),
            state,
        }
    }

    /// How it stands, anew with everything it tells.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<RewardView> {
        self.state.clone()
    }

    /// What it tells: from its first event on for the first who asks, from now on for others.
    pub fn events(&mut self) -> broadcast::Receiver<GuardianEvent> {
        self.first.take().unwrap_or_else(|| self.events.subscribe())
    }

    /// Resolves when it has ended; false if it broke.
    pub async fn ended(&mut self) -> bool {
        (&mut self.task).await.is_ok()
    }
}

/// Tells events to whoever listens, and to the log.
#[derive(Clone)]
struct Teller {
    network: String,
    account: Address,
    events: broadcast::Sender<GuardianEvent>,
    state: Arc<watch::Sender<RewardView>>,
}

impl Teller {
    fn tell(&self, event: GuardianEvent) {
        let is_trouble = match &event {
            GuardianEvent::TryFailed { .. } | GuardianEvent::AlertNotDelivered { .. } => true,
            GuardianEvent::Alert(alert) => !alert.recovered,
            _ => false,
        };
        match is_trouble {
            true => tracing::warn!("{event}"),
            false => tracing::info!("{event}"),
        }
        self.state.send_modify(|state| state.take(&event));
        // Nobody listens: the log has it.
        let _ = self.events.send(event);
    }
}

struct Driver {
    chain: Chain,
    outbox: Outbox,
    orchestrator: Address,
    timeout: Duration,
    vigil: Vigil,
    teller: Teller,
    alerts: Alerts,
    rewards: u64,
    /// What was sent and not seen mined: to be offered for more, not sent twice.
    stuck: Option<(Attempt, TxHash)>,
}

impl Driver {
    async fn run(mut self, mut clock: Option<watch::Receiver<Option<ChainTime>>>, stop: CancellationToken) {
        self.teller.tell(GuardianEvent::Started {
            network: self.teller.network.clone(),
            orchestrator: self.orchestrator,
            account: self.teller.account,
            time: Timestamp::now(),
        });
        let mut seen = None;
        let mut again = Duration::ZERO;
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                () = sleep(again) => {}
                () = another_round(&mut clock, &mut seen) => {}
            }
            let facts = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                facts = self.read() => facts,
            };
            again = self.look(facts).await;
        }
        self.teller.tell(GuardianEvent::Stopped {
            rewards: self.rewards,
            time: Timestamp::now(),
        });
        self.alerts.finish().await;
    }

    async fn read(&self) -> Result<RewardFacts, String> {
        let with_reward = self.vigil.policy().floor.is_set();
        let facts = self
            .chain
            .reward_facts(self.orchestrator, self.teller.account, with_reward);
        facts.await.map_err(|error| error.to_string())
    }

    /// Decides, tells, tries. When to look again.
    async fn look(&mut self, facts: Result<RewardFacts, String>) -> Duration {
        let sight = match &facts {
            Ok(facts) => Sight::Facts(facts),
            Err(message) => Sight::Dark(message),
        };
        let act = self.vigil.look(sight, Instant::now());
        let facts = facts.ok();
        if facts
            .as_ref()
            .is_some_and(|facts| facts.last_reward_round == facts.round.round)
        {
            // What waited for this round was mined, or can only fail.
            self.stuck = None;
        }
        for notice in act.notices {
            self.tell(notice, facts.as_ref());
        }
        match (act.attempt, facts) {
            (Some(attempt), Some(facts)) => {
                let outcome = self.attempt(attempt, facts.round.round).await;
                self.vigil.attempted(attempt, outcome, Instant::now())
            }
            _ => act.again,
        }
    }

    fn tell(&self, notice: Notice, facts: Option<&RewardFacts>) {
        let time = Timestamp::now();
        let event = match notice {
            Notice::Waiting(round, waiting) => GuardianEvent::Waiting { round, waiting, time },
            Notice::CalledElsewhere(round) => GuardianEvent::CalledElsewhere { round, time },
            Notice::Alert {
                kind,
                recovered,
                round,
                message,
            } => {
                let same = facts.filter(|facts| Some(facts.round.round) == round);
                let of = same.map(|facts| &facts.round);
                let alert = Alert {
                    alert: kind,
                    recovered,
                    network: self.teller.network.clone(),
                    orchestrator: self.orchestrator,
                    account: self.teller.account,
                    round,
                    round_percent: of
                        .and_then(|round| round.elapsed.saturating_mul(100).checked_div(round.length)),
                    blocks_left: of.map(|round| round.blocks_left),
                    seconds_left: of.and_then(|round| round.seconds_left),
                    message,
                    time,
                };
                if !self.alerts.hand_over(alert.clone()) {
                    tracing::warn!("too many alerts wait to be delivered: this one only stands here");
                }
                GuardianEvent::Alert(alert)
            }
        };
        self.teller.tell(event);
    }

    async fn attempt(&mut self, attempt: Attempt, round: Round) -> Outcome {
        let (what, limit) = match attempt {
            Attempt::Reward { limit } => ("reward", limit),
            Attempt::Initialize { limit } => ("initialize_round", limit),
        };
        let (attempt, sent) = match self.stuck.take() {
            Some((attempt, hash)) => (attempt, self.take_up(attempt, hash, limit).await),
            None => (attempt, self.submit(attempt, limit).await),
        };
        let error = match sent {
            Ok(Some(mined)) => return self.done(attempt, round, &mined).await,
            Ok(None) => return Outcome::Overtaken,
            Err(error) => error,
        };
        // What somebody else sent from the account is this guardian's to hurry too.
        if let SubmitError::Unconfirmed { hash, .. } | SubmitError::OnItsWay { hash, .. } = &error {
            self.stuck = Some((attempt, *hash));
        }
        let outcome = judge(&error);
        if outcome == Outcome::Failed {
            self.teller.tell(GuardianEvent::TryFailed {
                round,
                what,
                code: error.code().to_string(),
                message: error.to_string(),
                time: Timestamp::now(),
            });
        } else {
            tracing::debug!(%error, what, "not sent, or in vain");
        }
        outcome
    }

    /// The account's sender with this moment's limit; what it may pay at most holds all the same.
    fn outbox(&self, limit: Option<Wei>) -> Outbox {
        let policy = self.outbox.policy();
        self.outbox.with_policy(GasPolicy {
            max_gas_price: [policy.max_gas_price, limit].into_iter().flatten().min(),
            ..policy
        })
    }

    fn patience(&self) -> SubmitOptions {
        SubmitOptions {
            timeout: self.timeout,
            ..SubmitOptions::default()
        }
    }

    /// Sends it. None: there was nothing to send any more.
    async fn submit(&self, attempt: Attempt, limit: Option<Wei>) -> Result<Option<Done>, SubmitError> {
        let account = self.teller.account;
        let options = PlanOptions {
            max_gas_price: limit,
            queue: true,
            ..PlanOptions::default()
        };
        let plan = match attempt {
            Attempt::Reward { .. } => {
                self.chain
                    .plan_reward_for(account, self.orchestrator, options)
                    .await
            }
            Attempt::Initialize { .. } => self.chain.plan_initialize_round(account, options).await,
        };
        let plan = plan.map_err(|source| SubmitError::Chain {
            step: "preflight".to_string(),
            source,
        })?;
        let outbox = self.outbox(limit);
        let report = Box::pin(outbox.submit(plan, self.patience())).await?;
        Ok(report.transactions.last().map(|mined| Done {
            hash: mined.hash,
            block: mined.block,
            cost: mined.cost_wei,
        }))
    }

    /// Offers what waits for more. None: it cannot be mined any more, or failed.
    async fn take_up(
        &mut self,
        attempt: Attempt,
        hash: TxHash,
        limit: Option<Wei>,
    ) -> Result<Option<Done>, SubmitError> {
        let outbox = self.outbox(limit);
        let mined = match outbox.fate(hash).await {
            Ok(Fate::Mined(mined)) => mined,
            Ok(Fate::Reverted { .. } | Fate::Replaced { .. } | Fate::Unknown) => return Ok(None),
            Ok(Fate::Waiting | Fate::Lost) => {
                // Until it is known to be settled, it is what waits.
                self.stuck = Some((attempt, hash));
                let sent = outbox.speed_up(hash).await?;
                self.stuck = Some((attempt, sent.hash()));
                let mined = sent.mined(self.patience()).await?;
                self.stuck = None;
                mined
            }
            Err(error) => {
                self.stuck = Some((attempt, hash));
                return Err(error.at("replacement"));
            }
        };
        Ok(Some(Done {
            hash: mined.hash,
            block: mined.block,
            cost: mined.cost_wei,
        }))
    }

    async fn done(&mut self, attempt: Attempt, round: Round, mined: &Done) -> Outcome {
        let time = Timestamp::now();
        let event = match attempt {
            Attempt::Reward { .. } => {
                self.rewards += 1;
                let minted = self.chain.reward_minted(self.orchestrator, mined.block).await;
                GuardianEvent::RewardCalled {
                    round,
                    transaction: mined.hash,
                    block: mined.block,
                    // It is called in any case; what it brought is on the chain.
                    amount_lpt: minted.ok().flatten(),
                    cost_wei: mined.cost,
                    time,
                }
            }
            Attempt::Initialize { .. } => GuardianEvent::RoundInitialized {
                round,
                transaction: mined.hash,
                cost_wei: mined.cost,
                time,
            },
        };
        self.teller.tell(event);
        Outcome::Done(mined.cost)
    }
}

/// A transaction that worked.
struct Done {
    hash: TxHash,
    block: u64,
    cost: Wei,
}

/// What an error says about the attempt.
fn judge(error: &SubmitError) -> Outcome {
    match error {
        SubmitError::NonceTaken { .. } | SubmitError::OnItsWay { .. } => Outcome::Overtaken,
        SubmitError::GasPriceAboveLimit { .. } => Outcome::Priced,
        SubmitError::Partly { source, .. } => judge(source),
        SubmitError::Reverted { reason, .. } => {
            of_code(reason.explain().map(|known| known.code).unwrap_or_default())
        }
        other => of_code(other.code()),
    }
}

fn of_code(code: &str) -> Outcome {
    match code {
        // Somebody did it, or the round ended meanwhile: the next look tells.
        "reward_already_called" | "round_already_initialized" | "round_not_initialized" => Outcome::Overtaken,
        "gas_price_above_limit" => Outcome::Priced,
        _ => Outcome::Failed,
    }
}

/// Resolves when the clock shows another round than at the last time.
async fn another_round(
    clock: &mut Option<watch::Receiver<Option<ChainTime>>>,
    seen: &mut Option<(Round, Round)>,
) {
    let Some(clock) = clock else {
        return std::future::pending().await;
    };
    loop {
        let rounds = clock
            .borrow_and_update()
            .map(|time| (time.round, time.current_round));
        if rounds != *seen {
            *seen = rounds;
            return;
        }
        if clock.changed().await.is_err() {
            // Whoever kept the clock has ended: the own interval goes on.
            return std::future::pending().await;
        }
    }
}
