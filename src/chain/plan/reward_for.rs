//! Calling reward in an orchestrator's place (LIP-118): it has named the account its reward caller, and its own key,
//! which holds the stake, stays cold.

use alloy::{primitives::Address, sol};

use super::{Chain, ChainError, Figure, Hint, Intent, Plan, PlanOptions, Snapshot, Step, short};

sol! {
    /// LIP-118, `protocol contracts/bonding/BondingManager.sol`
    #[allow(missing_docs)]
    interface RewardCallers {
        function transcoderToRewardCaller(address transcoder) external view returns (address);
        function rewardForTranscoderWithHint(address transcoder, address newPosPrev, address newPosNext) external;
    }
}

/// Whose reward is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RewardFor {
    pub(crate) orchestrator: Address,
}

impl Chain {
    /// Mints this round's reward for an active orchestrator and its delegators, from its own account or from the one
    /// it has named its reward caller.
    ///
    /// # Errors
    /// [`ChainError`] if the chain cannot be read. What stands in the way is in the plan.
    pub async fn plan_reward_for(
        &self,
        from: Address,
        orchestrator: Address,
        options: PlanOptions,
    ) -> Result<Plan, ChainError> {
        let intent = match from == orchestrator {
            true => Intent::Reward,
            false => Intent::RewardFor(RewardFor { orchestrator }),
        };
        self.plan(from, intent, options).await
    }
}

impl RewardFor {
    pub(super) fn steps(self, chain: &Chain, snapshot: &Snapshot) -> Vec<Step> {
        // All accounting is the orchestrator's, so is the place in the pool.
        let total = snapshot
            .orchestrator(self.orchestrator)
            .map(|it| it.total_stake_lpt);
        let total = total.unwrap_or_default();
        let stake = total.saturating_add(snapshot.mint.reward(total));
        let hint = match snapshot.pool.rank(self.orchestrator) {
            Some(_) => snapshot.pool.place(self.orchestrator, stake).0,
            None => Hint::default(),
        };
        let call = RewardCallers::rewardForTranscoderWithHintCall {
            transcoder: self.orchestrator,
            newPosPrev: hint.previous,
            newPosNext: hint.next,
        };
        let step = chain.step("reward", chain.contracts.bonding_manager, &call, 850_000);
        vec![step.only_once()]
    }

    pub(super) fn title(self) -> String {
        format!("call reward for {}", short(self.orchestrator))
    }

    pub(super) fn predict(self, before: &Snapshot, after: &mut Snapshot) {
        for other in [&mut after.delegate, &mut after.target].into_iter().flatten() {
            if other.address == self.orchestrator {
                let reward = before.mint.reward(other.total_stake_lpt);
                other.reward_called = true;
                other.last_reward_round = before.round.round;
                other.total_stake_lpt = other.total_stake_lpt.saturating_add(reward);
            }
        }
    }

    pub(super) fn figures(self, snapshot: &Snapshot) -> Vec<Figure> {
        let Some(orchestrator) = snapshot.orchestrator(self.orchestrator) else {
            return Vec::new();
        };
        let called = match orchestrator.reward_called {
            true => "called",
            false => "not called",
        };
        vec![
            Figure {
                key: "reward",
                label: "reward of this round",
                value: called.to_string(),
            },
            Figure {
                key: "total_stake_lpt",
                label: "stake with delegators",
                value: orchestrator.total_stake_lpt.decimal(),
            },
        ]
    }
}
