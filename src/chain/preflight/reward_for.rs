//! The rows of a reward called in an orchestrator's place.

use super::{Finding, Snapshot, nothing_to_mint, refusal};
use crate::{
    chain::plan::{reward_for::RewardFor, short},
    view::reward::RewardCaller,
};

pub(super) fn rows(reward: RewardFor, snapshot: &Snapshot) -> Vec<Option<Finding>> {
    vec![
        not_its_caller(reward, snapshot),
        not_active(reward, snapshot),
        called(reward, snapshot),
        nothing_to_mint(snapshot),
    ]
}

/// Only the account the orchestrator has named may.
fn not_its_caller(reward: RewardFor, snapshot: &Snapshot) -> Option<Finding> {
    let orchestrator = short(reward.orchestrator);
    let account = short(snapshot.account);
    let (message, fix) = match snapshot.reward_caller {
        RewardCaller::Account(caller) if caller == snapshot.account => return None,
        RewardCaller::Unsupported => (
            format!("the protocol on {} knows no reward callers", snapshot.at.network),
            format!("use the account of {orchestrator} itself"),
        ),
        RewardCaller::Nobody => (
            format!("{orchestrator} has named no reward caller, so {account} may not call for it"),
            format!(
                "let {orchestrator} name {account} with the contract's `setRewardCaller`, or use its own account"
            ),
        ),
        RewardCaller::Account(caller) => (
            format!(
                "the reward caller of {orchestrator} is {}, not {account}",
                short(caller)
            ),
            "choose that account with `--account`".to_string(),
        ),
    };
    refusal("not_reward_caller", message, fix)
}

/// Only active orchestrators are rewarded.
fn not_active(reward: RewardFor, snapshot: &Snapshot) -> Option<Finding> {
    let active = snapshot
        .orchestrator(reward.orchestrator)
        .is_some_and(|orchestrator| orchestrator.active);
    (!active).then_some(())?;
    refusal(
        "not_active",
        format!(
            "{} is not in the active set of round {}",
            short(reward.orchestrator),
            snapshot.round.round
        ),
        "`lpctl orch show` tells when it becomes active",
    )
}

/// Reward is paid once a round.
fn called(reward: RewardFor, snapshot: &Snapshot) -> Option<Finding> {
    let called = snapshot
        .orchestrator(reward.orchestrator)
        .is_some_and(|orchestrator| orchestrator.reward_called);
    called.then_some(())?;
    refusal(
        "reward_already_called",
        format!("reward for round {} is called already", snapshot.round.round),
        "nothing to do until the next round",
    )
}

#[cfg(test)]
mod tests {
    use alloy::primitives::Address;

    use super::*;
    use crate::view::transaction::Severity;

    const ORCHESTRATOR: Address = Address::repeat_byte(0x33);

    fn codes(change: impl FnOnce(&mut Snapshot)) -> Vec<&'static str> {
        let mut snapshot = Snapshot::sample();
        let mut target = snapshot.own.clone();
        target.address = ORCHESTRATOR;
        target.reward_called = false;
        snapshot.target = Some(target);
        snapshot.reward_caller = RewardCaller::Account(snapshot.account);
        change(&mut snapshot);
        let reward = RewardFor {
            orchestrator: ORCHESTRATOR,
        };
        let found = rows(reward, &snapshot).into_iter().flatten();
        found
            .inspect(|finding| assert_eq!(finding.severity, Severity::Refusal, "{}", finding.code))
            .map(|finding| finding.code)
            .collect()
    }

    #[test]
    fn only_the_caller_the_orchestrator_has_named_may_call() {
        assert_eq!(codes(|_| {}), [""; 0]);
        for caller in [
            RewardCaller::Unsupported,
            RewardCaller::Nobody,
            RewardCaller::Account(ORCHESTRATOR),
        ] {
            assert_eq!(
                codes(|snapshot| snapshot.reward_caller = caller),
                ["not_reward_caller"]
            );
        }
    }

    #[test]
    fn it_is_the_orchestrators_standing_that_counts() {
        let change = |snapshot: &mut Snapshot, of: fn(&mut crate::view::chain::OrchestratorFacts)| {
            of(&mut snapshot.own);
            assert_eq!(snapshot.target.iter_mut().map(of).count(), 1);
        };
        assert_eq!(
            codes(|snapshot| change(snapshot, |it| it.active = false)),
            ["not_active"]
        );
        assert_eq!(
            codes(|snapshot| change(snapshot, |it| it.reward_called = true)),
            ["reward_already_called"]
        );
        // The caller itself need be nobody.
        assert_eq!(codes(|snapshot| snapshot.own.active = false), [""; 0]);
        assert_eq!(codes(|snapshot| snapshot.own.reward_called = true), [""; 0]);
    }
}
