//! Stake on its way out, back, and to somebody else.

use alloy::{
    primitives::{Address, U256},
    sol,
    sol_types::SolCall,
};

use super::{Figure, Intent, Plan, PlanOptions, Step, short};
use crate::{
    chain::{Chain, ChainError, Hint, Pool, facts::Snapshot},
    units::{Lpt, Round},
    view::chain::{StakeStatus, UnbondingLock},
};

sol! {
    /// `protocol contracts/bonding/BondingManager.sol`, what moves stake.
    #[allow(missing_docs, reason = "the macro's items are the contract's own names")]
    interface Staking {
        function unbondWithHint(uint256 amount, address newPosPrev, address newPosNext) external;
        function rebondWithHint(uint256 lockId, address newPosPrev, address newPosNext) external;
        function rebondFromUnbondedWithHint(address to, uint256 lockId, address newPosPrev, address newPosNext) external;
        function withdrawStake(uint256 lockId) external;
        function claimEarnings(uint256 endRound) external;
        function transferBond(
            address delegator,
            uint256 amount,
            address oldDelegateNewPosPrev,
            address oldDelegateNewPosNext,
            address newDelegateNewPosPrev,
            address newDelegateNewPosNext
        ) external;
    }
}

/// What is done with stake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StakeChange {
    /// Begins to take stake back; none: all of it.
    Unbond {
        /// How much.
        amount: Option<Lpt>,
    },
    /// Takes all of an orchestrator's own stake back: it resigns.
    Deactivate,
    /// Bonds what is in a lock again.
    Rebond {
        /// The lock's number.
        lock: u64,
        /// With whom, for an account that has nothing bonded.
        to: Option<Address>,
    },
    /// Takes what is in a lock into the wallet; none: of every lock that is ready.
    Withdraw {
        /// The lock's number.
        lock: Option<u64>,
    },
    /// Settles rewards and fees up to the current round.
    Claim,
    /// Gives stake to somebody else, at once and without unbonding.
    Transfer {
        /// Who gets it.
        to: Address,
        /// How much.
        amount: Lpt,
    },
}

impl Chain {
    /// Changes an account's stake.
    ///
    /// # Errors
    /// [`ChainError`] if the chain cannot be read. What stands in the way is in the plan.
    pub async fn plan_stake(
        &self,
        from: Address,
        change: StakeChange,
        options: PlanOptions,
    ) -> Result<Plan, ChainError> {
        self.plan(from, Intent::Stake(change), options).await
    }

    pub(super) fn stake_steps(&self, change: StakeChange, snapshot: &Snapshot) -> Vec<Step> {
        let shift = change.shift(snapshot);
        match change {
            StakeChange::Unbond { .. } | StakeChange::Deactivate => {
                let call = Staking::unbondWithHintCall {
                    amount: change.amount(snapshot).0,
                    newPosPrev: shift.old.previous,
                    newPosNext: shift.old.next,
                };
                vec![self.stake_step("unbond", &call)]
            }
            StakeChange::Rebond { lock, .. } => {
                let lock_id = U256::from(lock);
                let (previous, next) = (shift.new.previous, shift.new.next);
                let step = match change.destination(snapshot) {
                    Some(to) if snapshot.stake.status == StakeStatus::Unbonded => {
                        let call = Staking::rebondFromUnbondedWithHintCall {
                            to,
                            lockId: lock_id,
                            newPosPrev: previous,
                            newPosNext: next,
                        };
                        self.stake_step("rebond", &call)
                    }
                    _ => {
                        let call = Staking::rebondWithHintCall {
                            lockId: lock_id,
                            newPosPrev: previous,
                            newPosNext: next,
                        };
                        self.stake_step("rebond", &call)
                    }
                };
                vec![step]
            }
            StakeChange::Withdraw { .. } => {
                let calls = change.taken(snapshot).map(|lock| Staking::withdrawStakeCall {
                    lockId: U256::from(lock.id),
                });
                calls
                    .map(|call| self.stake_step("withdraw stake", &call))
                    .collect()
            }
            StakeChange::Claim => {
                // The contract ignores the round named: it always settles up to the current one.
                let call = Staking::claimEarningsCall {
                    endRound: U256::from(snapshot.round.round.0),
                };
                vec![self.stake_step("claim", &call)]
            }
            StakeChange::Transfer { to, amount } => {
                let call = Staking::transferBondCall {
                    delegator: to,
                    amount: amount.0,
                    oldDelegateNewPosPrev: shift.old.previous,
                    oldDelegateNewPosNext: shift.old.next,
                    newDelegateNewPosPrev: shift.new.previous,
                    newDelegateNewPosNext: shift.new.next,
                };
                vec![self.stake_step("transfer stake", &call)]
            }
        }
    }

    fn stake_step<C: SolCall>(&self, name: &'static str, call: &C) -> Step {
        self.step(name, self.contracts.bonding_manager, call, 900_000)
    }
}

/// What a change does to the pool.
struct Shift {
    /// The place of the orchestrator that loses stake.
    old: Hint,
    /// The place of the one that gains it, in the pool as the first move leaves it.
    new: Hint,
    /// The pool after both.
    pool: Pool,
}

impl StakeChange {
    /// LPT that is unbonded, bonded again or given away.
    pub(crate) fn amount(self, snapshot: &Snapshot) -> Lpt {
        match self {
            Self::Unbond { amount } => amount.unwrap_or(snapshot.stake.stake_lpt),
            Self::Deactivate => snapshot.stake.stake_lpt,
            Self::Transfer { amount, .. } => amount,
            Self::Rebond { .. } | Self::Withdraw { .. } => self
                .taken(snapshot)
                .fold(Lpt::ZERO, |sum, lock| sum.saturating_add(lock.amount_lpt)),
            Self::Claim => Lpt::ZERO,
        }
    }

    /// The locks it uses up.
    pub(crate) fn taken(self, snapshot: &Snapshot) -> impl Iterator<Item = &UnbondingLock> {
        let locks = snapshot.particulars.locks.iter();
        locks.filter(move |lock| match self {
            Self::Rebond { lock: id, .. } | Self::Withdraw { lock: Some(id) } => lock.id == id,
            Self::Withdraw { lock: None } => lock.withdrawable,
            _ => false,
        })
    }

    /// Whether it takes stake off whom it is with.
    pub(crate) fn leaves(self) -> bool {
        matches!(
            self,
            Self::Unbond { .. } | Self::Deactivate | Self::Transfer { .. }
        )
    }

    /// Whether an orchestrator has no stake of its own left afterwards.
    pub(crate) fn resigns(self, snapshot: &Snapshot) -> bool {
        self.leaves() && snapshot.own.registered && self.amount(snapshot) >= snapshot.stake.stake_lpt
    }

    /// Whom a lock is bonded to again.
    pub(crate) fn destination(self, snapshot: &Snapshot) -> Option<Address> {
        match self {
            Self::Rebond { to, .. } if snapshot.stake.status == StakeStatus::Unbonded => to,
            Self::Rebond { .. } => snapshot.stake.delegate,
            _ => None,
        }
    }

    /// Whose facts a plan needs beside the account's own.
    pub(super) fn target(self) -> Option<Address> {
        match self {
            Self::Rebond { to, .. } => to,
            _ => None,
        }
    }

    fn shift(self, snapshot: &Snapshot) -> Shift {
        let mut shift = Shift {
            old: Hint::default(),
            new: Hint::default(),
            pool: snapshot.pool.clone(),
        };
        let amount = self.amount(snapshot);
        let resigns = self.resigns(snapshot);
        let left = snapshot.chosen().filter(|_| self.leaves());
        if let Some(left) = left.filter(|left| left.rank.is_some()) {
            let stake = if resigns {
                Lpt::ZERO
            } else {
                left.total_stake_lpt.saturating_sub(amount)
            };
            (shift.old, shift.pool) = shift.pool.place(left.address, stake);
        }
        let gains = match self {
            Self::Rebond { .. } => {
                let target = self
                    .destination(snapshot)
                    .and_then(|to| snapshot.orchestrator(to));
                // Whoever bonds to itself is an orchestrator from then on.
                target
                    .filter(|target| target.registered || target.address == snapshot.account)
                    .map(|target| (target.address, target.total_stake_lpt.saturating_add(amount)))
            }
            Self::Transfer { .. } => {
                let receiver = snapshot.particulars.receiver.as_ref();
                // A receiver without a delegate gets the giver's.
                let with = receiver
                    .and_then(|receiver| receiver.orchestrator.as_ref())
                    .or(left)
                    .filter(|with| with.registered);
                with.and_then(|with| match left {
                    Some(left) if left.address == with.address => {
                        (!resigns).then_some((with.address, with.total_stake_lpt))
                    }
                    _ => Some((with.address, with.total_stake_lpt.saturating_add(amount))),
                })
            }
            _ => None,
        };
        if let Some((address, stake)) = gains {
            (shift.new, shift.pool) = shift.pool.place(address, stake);
        }
        shift
    }

    pub(super) fn title(self, from: Address) -> String {
        match self {
            Self::Unbond { amount: Some(amount) } => format!("unbond {}", amount.human()),
            Self::Unbond { amount: None } => "unbond all stake".to_string(),
            Self::Deactivate => format!("resign {} and unbond all its stake", short(from)),
            Self::Rebond { lock, to: Some(to) } => format!("bond lock {lock} again, to {}", short(to)),
            Self::Rebond { lock, to: None } => format!("bond lock {lock} again"),
            Self::Withdraw { lock: Some(lock) } => format!("withdraw lock {lock}"),
            Self::Withdraw { lock: None } => "withdraw every lock that is ready".to_string(),
            Self::Claim => "settle rewards and fees".to_string(),
            Self::Transfer { to, amount } => format!("give {} of stake to {to}", amount.human()),
        }
    }

    pub(super) fn predict(self, before: &Snapshot, after: &mut Snapshot) {
        let amount = self.amount(before);
        let used: Vec<u64> = self.taken(before).map(|lock| lock.id).collect();
        after.particulars.locks.retain(|lock| !used.contains(&lock.id));
        let own = before.stake.delegate == Some(before.account);
        match self {
            Self::Unbond { .. } | Self::Deactivate | Self::Transfer { .. } => {
                after.stake.stake_lpt = before.stake.stake_lpt.saturating_sub(amount);
                after.stake.locks_made = before.stake.locks_made.saturating_add(1);
                if after.stake.stake_lpt == Lpt::ZERO {
                    after.stake.delegate = None;
                    after.stake.status = StakeStatus::Unbonded;
                }
                if own {
                    after.own.total_stake_lpt = before.own.total_stake_lpt.saturating_sub(amount);
                    after.own.registered = !self.resigns(before);
                }
                if let Some(receiver) = &mut after.particulars.receiver {
                    receiver.stake.stake_lpt = receiver.stake.stake_lpt.saturating_add(amount);
                }
            }
            Self::Rebond { .. } => {
                after.stake.stake_lpt = before.stake.stake_lpt.saturating_add(amount);
                after.stake.delegate = self.destination(before);
                if after.stake.delegate == Some(before.account) {
                    after.own.total_stake_lpt = before.own.total_stake_lpt.saturating_add(amount);
                    after.own.registered = true;
                }
            }
            Self::Withdraw { .. } => after.wallet = before.wallet.saturating_add(amount),
            Self::Claim => after.stake.last_claim_round = before.round.round,
        }
        if !matches!(self, Self::Withdraw { .. } | Self::Claim) {
            after.pool = self.shift(before).pool;
            after.own.rank = after.pool.rank(after.account);
        }
    }

    pub(super) fn figures(self, snapshot: &Snapshot) -> Vec<Figure> {
        let figure = |key, label, value: String| Figure { key, label, value };
        let stake = &snapshot.stake;
        let locks = &snapshot.particulars.locks;
        let waiting = locks
            .iter()
            .fold(Lpt::ZERO, |sum, lock| sum.saturating_add(lock.amount_lpt));
        let waiting = figure("locks_lpt", "on its way back", waiting.decimal());
        match self {
            Self::Withdraw { .. } => {
                return vec![
                    figure("wallet_lpt", "LPT in wallet", snapshot.wallet.decimal()),
                    waiting,
                ];
            }
            Self::Claim => {
                return vec![
                    figure("stake_lpt", "your stake", stake.stake_lpt.decimal()),
                    figure("fees_wei", "fees to withdraw", stake.fees_wei.0.to_string()),
                    figure(
                        "last_claim_round",
                        "settled up to round",
                        stake.last_claim_round.to_string(),
                    ),
                ];
            }
            _ => {}
        }
        let delegate = stake.delegate.filter(|_| stake.stake_lpt > Lpt::ZERO);
        let rank = snapshot.own.rank;
        let mut figures = vec![
            figure("stake_lpt", "your stake", stake.stake_lpt.decimal()),
            figure(
                "delegate",
                "delegated to",
                delegate.map_or_else(|| "nobody".to_string(), |delegate| delegate.to_string()),
            ),
            figure(
                "total_stake_lpt",
                "stake with delegators",
                snapshot.own.total_stake_lpt.decimal(),
            ),
            figure(
                "rank",
                "rank",
                rank.map_or_else(|| "none".to_string(), |rank| rank.to_string()),
            ),
        ];
        match self {
            Self::Transfer { .. } => {
                let receiver = snapshot.particulars.receiver.as_ref();
                let stake = receiver.map_or(Lpt::ZERO, |receiver| receiver.stake.stake_lpt);
                figures.push(figure("receiver_lpt", "the receiver's stake", stake.decimal()));
            }
            Self::Rebond { .. } => figures.push(waiting),
            _ => figures.push(figure("locks_made", "locks made", stake.locks_made.to_string())),
        }
        figures
    }

    pub(super) fn note(self, key: &str, before: &Snapshot) -> Option<String> {
        let round = before.round.round.0;
        match (self, key) {
            (Self::Unbond { .. } | Self::Deactivate, "locks_made") => {
                let ready = Round(round.saturating_add(before.particulars.unbonding_period));
                Some(format!(
                    "lock {} can be withdrawn from round {ready}",
                    before.stake.locks_made
                ))
            }
            (Self::Rebond { .. }, "stake_lpt") if before.stake.status == StakeStatus::Unbonded => {
                Some(format!("counts from round {}", round.saturating_add(1)))
            }
            (Self::Rebond { .. } | Self::Unbond { .. } | Self::Transfer { .. }, "rank") => Some(format!(
                "of {} in the pool of round {}",
                before.pool.max_size,
                round.saturating_add(1)
            )),
            _ => None,
        }
    }
}
