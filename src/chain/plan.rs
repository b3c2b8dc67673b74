//! Plans: what is going to be done, what it changes, what stands in its way, what it costs. Nothing is sent here.

mod deposit;
mod fees;
mod gov;
mod orchestrator;
mod redeem;
mod stake;
mod token;

use alloy::{
    primitives::{Address, Bytes, U256},
    sol_types::SolCall,
    transports::{RpcError, TransportError},
};
use serde_json::json;

pub(crate) mod reward_for;

use self::reward_for::RewardFor;
use super::{
    Chain, ChainError, Hint, Pool, Revert,
    contracts::{BondingManager, LivepeerToken, RoundsManager, ServiceRegistry},
    facts::Snapshot,
    network::is_public,
    preflight::{self, Reach},
};
use crate::{
    units::{Lpt, Percent, Round, Wei},
    view::{
        chain::StakeStatus,
        transaction::{Change, Finding, PlanSummary, PlannedStep, Severity},
    },
};

pub use self::{
    deposit::DepositChange,
    gov::Support,
    orchestrator::{OrchestratorUpdate, Publication},
    stake::StakeChange,
    token::TokenChange,
};
pub(crate) use self::{
    deposit::{BrokerFacts, answer_broker},
    fees::FeesWithdrawal,
    gov::{Governance, short_id, state_word},
    orchestrator::Update,
    redeem::Redemption,
};

/// What the operator decided beforehand.
#[derive(Debug, Clone, Copy, Default)]
pub struct PlanOptions {
    /// The highest gas price to be paid; above it nothing is sent.
    pub max_gas_price: Option<Wei>,
    /// Go on although the round's reward is lost by it (`--give-up-reward`).
    pub give_up_reward: bool,
    /// Go on behind an unconfirmed transaction of the same account (`--queue`).
    pub queue: bool,
    /// Publish an address that only works inside the operator's own network (`--allow-private`).
    pub allow_private: bool,
    /// Go on although the account is no orchestrator afterwards (`--resign`).
    pub resign: bool,
    /// The account's own winning tickets that are not redeemed yet, how many and what they pay, where that is known.
    pub waiting_tickets: Option<(usize, Wei)>,
    /// What one ETH is worth to the operator in LPT: a reward that costs more than it brings is warned of.
    pub lpt_per_eth: Option<Lpt>,
}

/// What makes an account a working orchestrator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activation {
    /// LPT to add to its own stake; none or zero: what is bonded is enough.
    pub amount: Option<Lpt>,
    /// Part of newly minted LPT it keeps.
    pub reward_cut: Percent,
    /// Part of ticket income its delegators get.
    pub fee_share: Percent,
    /// The address gateways are told to use, like `https://host:8935`.
    pub service_uri: String,
}

/// What a plan is for. Kept, so that the plan can be made anew right before it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Intent {
    Bond { amount: Lpt, to: Address },
    Commission { reward_cut: Percent, fee_share: Percent },
    Reward,
    RewardFor(RewardFor),
    InitializeRound,
    Activate(Activation),
    SetServiceUri { uri: String },
    Redeem(Redemption),
    Deposit(DepositChange),
    WithdrawFees(FeesWithdrawal),
    Stake(StakeChange),
    Token(TokenChange),
    Update(Update),
    Publish(Publication),
    Governance(Governance),
}

/// A described transaction, or a short series of them, not sent. [`Outbox::submit`](super::Outbox::submit) sends it.
#[derive(Debug, Clone)]
pub struct Plan {
    pub(crate) intent: Intent,
    pub(crate) options: PlanOptions,
    pub(crate) summary: PlanSummary,
    pub(crate) steps: Vec<Step>,
    pub(crate) snapshot: Snapshot,
}

impl Plan {
    /// What it will do, for people and for `--dry-run`.
    #[must_use]
    pub fn summary(&self) -> &PlanSummary {
        &self.summary
    }

    /// The account that has to sign.
    #[must_use]
    pub fn from(&self) -> Address {
        self.summary.from
    }

    /// How many of the account's transactions were mined when the plan was made: the next one's nonce.
    #[must_use]
    pub fn mined_nonce(&self) -> u64 {
        self.snapshot.nonce
    }

    /// The rows that forbid sending, in the order of the summary.
    #[must_use]
    pub fn refusals(&self) -> Vec<Finding> {
        let refuses = |finding: &&Finding| finding.severity == Severity::Refusal;
        self.summary.findings.iter().filter(refuses).cloned().collect()
    }

    /// Whether there is anything to send.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }
}

/// One transaction to be.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) to: Address,
    pub(crate) data: Bytes,
    /// ETH sent along.
    pub(crate) value: Wei,
    /// Signed if the step can be simulated now, else the most it usually takes.
    pub(crate) gas_limit: u64,
    /// Gas it gets at least, where more is known than an estimate tells.
    pub(crate) min_gas: u64,
    /// It cannot be simulated before an earlier step is mined.
    pub(crate) depends: bool,
    /// It works once only, like a round's reward: not sent while one like it waits.
    pub(crate) once: bool,
}

impl Step {
    /// This step as one that works once only.
    fn only_once(self) -> Self {
        Self { once: true, ..self }
    }
}

/// A figure of a snapshot that a plan may change.
struct Figure {
    key: &'static str,
    label: &'static str,
    value: String,
}

impl Chain {
    /// Adds `amount` of the account's LPT to its stake and delegates all of it to `to`; to itself for orchestrators.
    ///
    /// # Errors
    /// [`ChainError`] if the chain cannot be read. What stands in the way is in the plan.
    pub async fn plan_bond(
        &self,
        from: Address,
        amount: Lpt,
        to: Address,
        options: PlanOptions,
    ) -> Result<Plan, ChainError> {
        self.plan(from, Intent::Bond { amount, to }, options).await
    }

    /// Sets what an orchestrator keeps of rewards and gives of ticket income.
    ///
    /// # Errors
    /// [`ChainError`] if the chain cannot be read. What stands in the way is in the plan.
    pub async fn plan_commission(
        &self,
        from: Address,
        reward_cut: Percent,
        fee_share: Percent,
        options: PlanOptions,
    ) -> Result<Plan, ChainError> {
        let intent = Intent::Commission {
            reward_cut,
            fee_share,
        };
        self.plan(from, intent, options).await
    }

    /// Mints this round's reward for an active orchestrator and its delegators.
    ///
    /// # Errors
    /// [`ChainError`] if the chain cannot be read. What stands in the way is in the plan.
    pub async fn plan_reward(&self, from: Address, options: PlanOptions) -> Result<Plan, ChainError> {
        self.plan(from, Intent::Reward, options).await
    }

    /// Initialises the current round. Anybody may.
    ///
    /// # Errors
    /// [`ChainError`] if the chain cannot be read. What stands in the way is in the plan.
    pub async fn plan_initialize_round(
        &self,
        from: Address,
        options: PlanOptions,
    ) -> Result<Plan, ChainError> {
        self.plan(from, Intent::InitializeRound, options).await
    }

    /// Makes an account an orchestrator: stake, commission, published address, whatever of it is not so yet.
    ///
    /// # Errors
    /// [`ChainError`] if the chain cannot be read. What stands in the way is in the plan.
    pub async fn plan_activate(
        &self,
        from: Address,
        activation: Activation,
        options: PlanOptions,
    ) -> Result<Plan, ChainError> {
        self.plan(from, Intent::Activate(activation), options).await
    }

    /// Publishes the address gateways are told to use.
    ///
    /// # Errors
    /// [`ChainError`] if the chain cannot be read. What stands in the way is in the plan.
    pub async fn plan_set_service_uri(
        &self,
        from: Address,
        uri: &str,
        options: PlanOptions,
    ) -> Result<Plan, ChainError> {
        let intent = Intent::SetServiceUri { uri: uri.to_string() };
        self.plan(from, intent, options).await
    }

    /// The account's facts, with those only this intent needs.
    pub(crate) async fn snapshot_for(&self, from: Address, intent: &Intent) -> Result<Snapshot, ChainError> {
        let mut snapshot = self.snapshot(from, intent.target()).await?;
        if let Intent::Governance(act) = intent {
            snapshot.governance = Box::pin(self.governance_facts(act, &snapshot)).await?;
        }
        Box::pin(self.add_particulars(intent, &mut snapshot)).await?;
        Ok(snapshot)
    }

    /// Reads, checks, simulates, describes.
    pub(crate) async fn plan(
        &self,
        from: Address,
        intent: Intent,
        options: PlanOptions,
    ) -> Result<Plan, ChainError> {
        let (snapshot, reach) = tokio::join!(self.snapshot_for(from, &intent), self.reach(&intent));
        let mut snapshot = snapshot?;
        if let Intent::Redeem(redemption) = &intent {
            snapshot.tickets = Some(self.ticket_outlook(from, &redemption.tickets).await?);
        }
        let mut steps = self.steps(&intent, &snapshot);
        let mut findings = preflight::rows(
            &intent,
            &snapshot,
            self.contracts.bonding_manager,
            &options,
            &reach,
        );
        let refused = |findings: &[Finding]| {
            findings
                .iter()
                .any(|finding| finding.severity == Severity::Refusal)
        };
        let value = steps
            .iter()
            .fold(Wei::ZERO, |sum, step| sum.saturating_add(step.value));
        // What is refused anyway would only be refused again, less clearly; and so would what cannot be paid for.
        if !refused(&findings) && snapshot.eth >= value {
            for step in steps.iter_mut().filter(|step| !step.depends) {
                match self.simulate(from, step).await? {
                    Ok(gas) => step.gas_limit = with_margin(gas).max(step.min_gas),
                    Err(reason) => findings.push(preflight::would_revert(step.name, &reason)),
                }
            }
        }
        let cap = snapshot.now.fees.cap(options.max_gas_price);
        let cost = |step: &Step| Wei(U256::from(step.gas_limit).saturating_mul(cap.0));
        let max_cost = steps
            .iter()
            .fold(Wei::ZERO, |sum, step| sum.saturating_add(cost(step)));
        let price = snapshot.now.fees.price.0;
        let gas = steps.iter().fold(U256::ZERO, |sum, step| {
            sum.saturating_add(U256::from(step.gas_limit))
        });
        let spent = preflight::Cost {
            now: Wei(gas.saturating_mul(price)),
            most: max_cost,
            value,
        };
        findings.extend(preflight::cost_rows(&intent, &snapshot, spent, &options));
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        let summary = PlanSummary {
            title: intent.title(from),
            network: self.network.name.clone(),
            from,
            block: snapshot.at.block,
            changes: changes(&intent, &snapshot, &intent.predict(&snapshot), true),
            findings,
            steps: steps
                .iter()
                .map(|step| PlannedStep {
                    name: step.name.to_string(),
                    to: step.to,
                    gas_limit: step.gas_limit,
                    max_cost_wei: cost(step),
                })
                .collect(),
            max_cost_wei: max_cost,
        };
        Ok(Plan {
            intent,
            options,
            summary,
            steps,
            snapshot,
        })
    }

    /// Runs a step without sending it, at the state the next block builds on. Gas it takes, or why it reverts.
    pub(crate) async fn simulate(
        &self,
        from: Address,
        step: &Step,
    ) -> Result<Result<u64, Revert>, ChainError> {
        let call = json!({ "from": from, "to": step.to, "data": step.data, "value": step.value.0 });
        let mut batch = self.rpc.new_batch();
        let run = batch.add_call::<_, Bytes>("eth_call", &json!([call, "latest"]))?;
        let gas = batch.add_call::<_, U256>("eth_estimateGas", &json!([call]))?;
        batch.send().await?;
        // The estimate runs on the pending block, where the transaction will be: it decides. The call's answer
        // is asked for because some nodes give the revert data only there.
        let (run, gas) = (run.await, gas.await);
        match (gas, run) {
            (Ok(gas), _) => Ok(Ok(u64::try_from(gas).unwrap_or(u64::MAX))),
            (Err(error), run) => match (revert_of(&error), run.as_ref().err().and_then(revert_of)) {
                (Some(Revert::Silent), Some(reason)) | (Some(reason), _) | (None, Some(reason)) => {
                    Ok(Err(reason))
                }
                (None, None) => Err(error.into()),
            },
        }
    }

    /// Whether a service address resolves and answers, as far as this machine can tell.
    async fn reach(&self, intent: &Intent) -> Reach {
        match intent {
            Intent::SetServiceUri { uri }
            | Intent::Activate(Activation { service_uri: uri, .. })
            | Intent::Publish(Publication { uri, .. })
            | Intent::Update(Update {
                service_uri: Some(uri),
                ..
            }) if is_public(self.chain_id) => preflight::probe(uri).await,
            _ => Reach::NotTried,
        }
    }

    /// What has to be sent, in order. What is already so is left out.
    fn steps(&self, intent: &Intent, snapshot: &Snapshot) -> Vec<Step> {
        let account = snapshot.account;
        match intent {
            Intent::Bond { amount, to } => self.bond_steps(snapshot, *amount, *to),
            Intent::Commission {
                reward_cut,
                fee_share,
            } => vec![self.commission_step(snapshot, *reward_cut, *fee_share, false)],
            Intent::Reward => {
                let stake = snapshot
                    .own
                    .total_stake_lpt
                    .saturating_add(snapshot.mint.reward(snapshot.own.total_stake_lpt));
                let hint = match snapshot.pool.rank(account) {
                    Some(_) => snapshot.pool.place(account, stake).0,
                    None => Hint::default(),
                };
                let call = BondingManager::rewardWithHintCall {
                    newPosPrev: hint.previous,
                    newPosNext: hint.next,
                };
                let step = self.step("reward", self.contracts.bonding_manager, &call, 800_000);
                vec![step.only_once()]
            }
            Intent::RewardFor(reward) => reward.steps(self, snapshot),
            Intent::InitializeRound => {
                let call = RoundsManager::initializeRoundCall {};
                let step = self.step("initialize round", self.contracts.rounds_manager, &call, 400_000);
                vec![step.only_once()]
            }
            Intent::Activate(activation) => {
                let mut steps = match activation.amount {
                    Some(amount) if amount > Lpt::ZERO => self.bond_steps(snapshot, amount, account),
                    // Switching the stake one has elsewhere to oneself takes no new LPT.
                    _ if switches(snapshot, account) => self.bond_steps(snapshot, Lpt::ZERO, account),
                    _ => Vec::new(),
                };
                let own = &snapshot.own;
                let bonds = !steps.is_empty();
                if intent.sends_commission(snapshot) {
                    steps.push(self.commission_step(
                        snapshot,
                        activation.reward_cut,
                        activation.fee_share,
                        bonds,
                    ));
                }
                if own.service_uri.as_deref() != Some(activation.service_uri.as_str()) {
                    steps.push(self.uri_step(&activation.service_uri));
                }
                steps
            }
            Intent::SetServiceUri { uri } => vec![self.uri_step(uri)],
            Intent::Redeem(redemption) => redemption.steps(self, snapshot),
            Intent::Deposit(change) => self.deposit_steps(*change),
            Intent::WithdrawFees(withdrawal) => self.fees_steps(*withdrawal, snapshot),
            Intent::Stake(change) => self.stake_steps(*change, snapshot),
            Intent::Token(change) => self.token_steps(*change, snapshot),
            Intent::Update(update) => self.update_steps(update, intent, snapshot),
            Intent::Publish(publication) => self.publish_steps(publication, snapshot),
            Intent::Governance(act) => self.governance_steps(act, snapshot),
        }
    }

    fn bond_steps(&self, snapshot: &Snapshot, amount: Lpt, to: Address) -> Vec<Step> {
        let manager = self.contracts.bonding_manager;
        let mut steps = Vec::new();
        let approves = snapshot.approved < amount;
        if approves {
            let call = LivepeerToken::approveCall {
                spender: manager,
                amount: amount.0,
            };
            steps.push(self.step("approve", self.contracts.livepeer_token, &call, 80_000));
        }
        let Moves { old, new, .. } = Moves::of(snapshot, amount, to);
        let call = BondingManager::bondWithHintCall {
            amount: amount.0,
            to,
            oldDelegateNewPosPrev: old.previous,
            oldDelegateNewPosNext: old.next,
            currDelegateNewPosPrev: new.previous,
            currDelegateNewPosNext: new.next,
        };
        let mut bond = self.step("bond", manager, &call, 900_000);
        bond.depends = approves;
        steps.push(bond);
        steps
    }

    fn commission_step(
        &self,
        snapshot: &Snapshot,
        reward_cut: Percent,
        fee_share: Percent,
        depends: bool,
    ) -> Step {
        let manager = self.contracts.bonding_manager;
        let (reward_cut, fee_share) = (U256::from(reward_cut.ppm()), U256::from(fee_share.ppm()));
        // Whoever is outside the pool may join it by this call, and needs a place then.
        let joins = !depends && snapshot.own.registered && snapshot.own.rank.is_none();
        let (hint, after) = snapshot
            .pool
            .place(snapshot.account, snapshot.own.total_stake_lpt);
        let mut step = if joins && after.rank(snapshot.account).is_some() {
            let call = BondingManager::transcoderWithHintCall {
                rewardCut: reward_cut,
                feeShare: fee_share,
                newPosPrev: hint.previous,
                newPosNext: hint.next,
            };
            self.step("set commission", manager, &call, 600_000)
        } else {
            let call = BondingManager::transcoderCall {
                rewardCut: reward_cut,
                feeShare: fee_share,
            };
            self.step("set commission", manager, &call, 250_000)
        };
        step.depends = depends;
        step
    }

    fn uri_step(&self, uri: &str) -> Step {
        let call = ServiceRegistry::setServiceURICall {
            serviceURI: uri.to_string(),
        };
        self.step("publish address", self.contracts.service_registry, &call, 150_000)
    }

    /// `usual_gas` is what stands in the plan until the step can be simulated: more than any measured call took.
    fn step<C: SolCall>(&self, name: &'static str, to: Address, call: &C, usual_gas: u64) -> Step {
        Step {
            name,
            to,
            data: call.abi_encode().into(),
            value: Wei::ZERO,
            gas_limit: usual_gas,
            min_gas: 0,
            depends: false,
            once: false,
        }
    }
}

/// A quarter on top: an estimate moves until the transaction is mined, on Arbitrum with Ethereum's data price, and a
/// hint may have grown stale.
pub(crate) fn with_margin(gas: u64) -> u64 {
    gas.saturating_add(gas / 4)
}

/// The revert inside an error, if it is one.
pub(crate) fn revert_of(error: &TransportError) -> Option<Revert> {
    let RpcError::ErrorResp(payload) = error else {
        return None;
    };
    match payload.as_revert_data() {
        Some(data) => Some(Revert::decode(&data)),
        // Code 3 is a revert by definition, with or without data.
        None if payload.code == 3 || payload.message.starts_with("execution reverted") => {
            Some(Revert::Silent)
        }
        None => None,
    }
}

/// Whether bonding to `to` takes the stake away from somebody else.
pub(crate) fn switches(snapshot: &Snapshot, to: Address) -> bool {
    snapshot.stake.status != StakeStatus::Unbonded
        && snapshot.stake.delegate.is_some_and(|delegate| delegate != to)
}

/// What a bond does to the pool.
struct Moves {
    /// The old delegate's new place, when the stake leaves it.
    old: Hint,
    /// The new delegate's, found in the pool as the first move leaves it.
    new: Hint,
    /// The pool after both.
    pool: Pool,
}

impl Moves {
    fn of(snapshot: &Snapshot, amount: Lpt, to: Address) -> Self {
        let mut pool = snapshot.pool.clone();
        let mut moved = amount;
        let mut old_hint = Hint::default();
        if switches(snapshot, to) {
            moved = moved.saturating_add(snapshot.stake.stake_lpt);
            if let Some(old) = snapshot.chosen().filter(|old| old.rank.is_some()) {
                let left = old.total_stake_lpt.saturating_sub(snapshot.stake.stake_lpt);
                (old_hint, pool) = pool.place(old.address, left);
            }
        }
        // Only registered orchestrators are in the pool; whoever bonds to itself is one from then on.
        match snapshot.orchestrator(to) {
            Some(target) if target.registered || to == snapshot.account => {
                let (new, pool) = pool.place(to, target.total_stake_lpt.saturating_add(moved));
                Self {
                    old: old_hint,
                    new,
                    pool,
                }
            }
            _ => Self {
                old: old_hint,
                new: Hint::default(),
                pool,
            },
        }
    }
}

impl Intent {
    /// Whose facts are needed beside the account's own.
    pub(crate) fn target(&self) -> Option<Address> {
        match self {
            Self::Bond { to, .. } => Some(*to),
            Self::RewardFor(reward) => Some(reward.orchestrator),
            Self::Stake(change) => change.target(),
            _ => None,
        }
    }

    /// LPT it takes out of the wallet, and whom it bonds them to.
    pub(crate) fn bonds(&self, snapshot: &Snapshot) -> Option<(Lpt, Address)> {
        match self {
            Self::Bond { amount, to } => Some((*amount, *to)),
            Self::Activate(activation) => {
                let amount = activation.amount.unwrap_or_default();
                (amount > Lpt::ZERO || switches(snapshot, snapshot.account))
                    .then_some((amount, snapshot.account))
            }
            _ => None,
        }
    }

    /// The commission it sets.
    pub(crate) fn commission(&self) -> Option<(Percent, Percent)> {
        match self {
            Self::Commission {
                reward_cut,
                fee_share,
            } => Some((*reward_cut, *fee_share)),
            Self::Activate(activation) => Some((activation.reward_cut, activation.fee_share)),
            Self::Update(update) => update.commission,
            _ => None,
        }
    }

    /// Whether the commission has to be sent: not, if an activation finds it set and the account in the pool.
    pub(crate) fn sends_commission(&self, snapshot: &Snapshot) -> bool {
        let own = &snapshot.own;
        match self {
            Self::Commission { .. } => true,
            Self::Update(update) => update.commission.is_some_and(|(reward_cut, fee_share)| {
                own.reward_cut_percent != reward_cut || own.fee_share_percent != fee_share
            }),
            Self::Activate(activation) => {
                self.bonds(snapshot).is_some()
                    || own.rank.is_none()
                    || own.reward_cut_percent != activation.reward_cut
                    || own.fee_share_percent != activation.fee_share
            }
            _ => false,
        }
    }

    /// The address it publishes.
    pub(crate) fn service_uri(&self) -> Option<&str> {
        match self {
            Self::SetServiceUri { uri } => Some(uri),
            Self::Activate(activation) => Some(&activation.service_uri),
            Self::Update(update) => update.service_uri.as_deref(),
            _ => None,
        }
    }

    fn title(&self, from: Address) -> String {
        match self {
            Self::Bond { amount, to } if *to == from => {
                format!("bond {} to yourself ({})", amount.human(), short(from))
            }
            Self::Bond { amount, to } => format!("bond {} to {}", amount.human(), short(*to)),
            Self::Commission {
                reward_cut,
                fee_share,
            } => format!("keep {reward_cut} of rewards, give delegators {fee_share} of fees"),
            Self::Reward => "call reward".to_string(),
            Self::RewardFor(reward) => reward.title(),
            Self::InitializeRound => "initialise the round".to_string(),
            Self::Activate(activation) => match activation.amount {
                Some(amount) if amount > Lpt::ZERO => {
                    format!("activate {} with {} more", short(from), amount.human())
                }
                _ => format!("activate {}", short(from)),
            },
            Self::SetServiceUri { uri } => {
                format!("publish {} for {}", super::text::plain(uri, 200), short(from))
            }
            Self::Redeem(redemption) => redemption.title(),
            Self::Deposit(change) => change.title(),
            Self::WithdrawFees(withdrawal) => withdrawal.title(from),
            Self::Stake(change) => change.title(from),
            Self::Token(change) => change.title(),
            Self::Update(update) => update.title(from),
            Self::Publish(publication) => publication.title(from),
            Self::Governance(act) => act.title(),
        }
    }

    /// The snapshot as it should be afterwards.
    fn predict(&self, before: &Snapshot) -> Snapshot {
        let mut after = before.clone();
        if let Some((amount, to)) = self.bonds(before) {
            let switches = switches(before, to);
            after.wallet = before.wallet.saturating_sub(amount);
            after.stake.stake_lpt = before.stake.stake_lpt.saturating_add(amount);
            after.stake.delegate = Some(to);
            let moved = if switches { after.stake.stake_lpt } else { amount };
            let grow = |orchestrator: &mut crate::view::chain::OrchestratorFacts| {
                orchestrator.total_stake_lpt = orchestrator.total_stake_lpt.saturating_add(moved);
            };
            if to == before.account {
                grow(&mut after.own);
                after.own.registered = true;
                after.own.own_stake_lpt = after.stake.stake_lpt;
            }
            for other in [&mut after.delegate, &mut after.target].into_iter().flatten() {
                if other.address == to {
                    grow(other);
                }
            }
            after.pool = Moves::of(before, amount, to).pool;
            after.own.rank = after.pool.rank(after.account);
        }
        if let Some((reward_cut, fee_share)) = self.commission() {
            after.own.reward_cut_percent = reward_cut;
            after.own.fee_share_percent = fee_share;
        }
        if let Some(uri) = self.service_uri() {
            after.own.service_uri = Some(uri.to_string());
        }
        match self {
            Self::Reward => {
                let reward = before.mint.reward(before.own.total_stake_lpt);
                after.own.reward_called = true;
                after.own.last_reward_round = before.round.round;
                after.own.total_stake_lpt = before.own.total_stake_lpt.saturating_add(reward);
            }
            Self::RewardFor(reward) => reward.predict(before, &mut after),
            Self::InitializeRound => {
                after.round.initialized = true;
                after.round.last_initialized = before.round.round;
            }
            Self::Deposit(change) => change.predict(&mut after),
            Self::WithdrawFees(withdrawal) => withdrawal.predict(before, &mut after),
            Self::Stake(change) => change.predict(before, &mut after),
            Self::Token(change) => change.predict(&mut after),
            Self::Publish(publication) => publication.predict(&mut after),
            Self::Governance(act) => act.predict(before, &mut after),
            _ => {}
        }
        after
    }

    /// The figures of a snapshot it may change.
    fn figures(&self, snapshot: &Snapshot) -> Vec<Figure> {
        let figure = |key, label, value: String| Figure { key, label, value };
        let mut figures = Vec::new();
        let own = &snapshot.own;
        if let Some((_, to)) = self.bonds(snapshot).or(match self {
            Self::Activate(_) => Some((Lpt::ZERO, snapshot.account)),
            _ => None,
        }) {
            figures.push(figure("wallet_lpt", "LPT in wallet", snapshot.wallet.decimal()));
            figures.push(figure(
                "stake_lpt",
                "your stake",
                snapshot.stake.stake_lpt.decimal(),
            ));
            let delegate = snapshot
                .stake
                .delegate
                .filter(|_| snapshot.stake.stake_lpt > Lpt::ZERO);
            figures.push(figure(
                "delegate",
                "delegated to",
                delegate.map_or_else(|| "nobody".to_string(), |delegate| delegate.to_string()),
            ));
            if to == snapshot.account {
                figures.push(figure(
                    "total_stake_lpt",
                    "stake with delegators",
                    own.total_stake_lpt.decimal(),
                ));
                figures.push(figure(
                    "rank",
                    "rank",
                    own.rank
                        .map_or_else(|| "none".to_string(), |rank| rank.to_string()),
                ));
            }
        }
        if self.commission().is_some() {
            figures.push(figure(
                "reward_cut_percent",
                "you keep of rewards",
                own.reward_cut_percent.decimal(),
            ));
            figures.push(figure(
                "fee_share_percent",
                "delegators get of fees",
                own.fee_share_percent.decimal(),
            ));
        }
        if self.service_uri().is_some() {
            figures.push(figure(
                "service_uri",
                "published address",
                own.service_uri.clone().unwrap_or_else(|| "none".to_string()),
            ));
        }
        match self {
            Self::Reward => {
                let called = if own.reward_called { "called" } else { "not called" };
                figures.push(figure("reward", "reward of this round", called.to_string()));
                figures.push(figure(
                    "total_stake_lpt",
                    "stake with delegators",
                    own.total_stake_lpt.decimal(),
                ));
            }
            Self::RewardFor(reward) => figures.extend(reward.figures(snapshot)),
            Self::InitializeRound => figures.push(figure(
                "last_initialized_round",
                "last initialised round",
                snapshot.round.last_initialized.to_string(),
            )),
            Self::Deposit(change) => figures.extend(change.figures(snapshot)),
            Self::WithdrawFees(withdrawal) => figures.extend(withdrawal.figures(snapshot)),
            Self::Stake(change) => figures.extend(change.figures(snapshot)),
            Self::Token(change) => figures.extend(change.figures(snapshot)),
            Self::Publish(publication) => figures.extend(publication.figures(snapshot)),
            Self::Governance(act) => figures.extend(act.figures(snapshot)),
            _ => {}
        }
        figures
    }

    /// When or under which condition a figure counts.
    fn note(&self, key: &str, before: &Snapshot) -> Option<String> {
        let next = Round(before.round.round.0 + 1);
        match (self, key) {
            (Self::Bond { to, .. }, "stake_lpt")
                if before.stake.status == StakeStatus::Unbonded || switches(before, *to) =>
            {
                Some(format!("counts from round {next}"))
            }
            (Self::Activate(_), "stake_lpt") if !before.own.registered => {
                Some(format!("counts from round {next}"))
            }
            (Self::Bond { .. } | Self::Activate(_), "rank") => {
                Some(format!("of {} in the pool of round {next}", before.pool.max_size))
            }
            (Self::Commission { .. }, "reward_cut_percent")
                if before.own.active && before.own.reward_called =>
            {
                Some(format!("from round {next}"))
            }
            (Self::Reward | Self::RewardFor(_), "total_stake_lpt") => {
                Some("with this round's reward, about".to_string())
            }
            (Self::Deposit(change), _) => change.note(key, before),
            (Self::WithdrawFees(withdrawal), _) => withdrawal.note(key),
            (Self::Stake(change), _) => change.note(key, before),
            (Self::Governance(act), _) => act.note(key, before),
            _ => None,
        }
    }
}

/// Figures before and after, side by side.
pub(crate) fn changes(intent: &Intent, before: &Snapshot, after: &Snapshot, predicted: bool) -> Vec<Change> {
    let after = intent.figures(after);
    intent
        .figures(before)
        .into_iter()
        .zip(after)
        .map(|(before_figure, after_figure)| Change {
            key: before_figure.key,
            label: before_figure.label.to_string(),
            note: intent
                .note(before_figure.key, before)
                .filter(|_| predicted || !matches!(before_figure.key, "total_stake_lpt" | "wallet_wei")),
            before: before_figure.value,
            after: after_figure.value,
        })
        .collect()
}

/// `0x7099…79C8`
pub(crate) fn short(address: Address) -> String {
    let whole = address.to_string();
    match (whole.get(..6), whole.get(38..)) {
        (Some(head), Some(tail)) => format!("{head}…{tail}"),
        _ => whole,
    }
}
