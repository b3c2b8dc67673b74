//! The rows of whatever settles an account's earnings up to now (9 and 10 of the reference): what comes later in the round
//! is lost to it.

use alloy::primitives::U256;

use super::{Finding, PlanOptions, waivable, warning};
use crate::{
    chain::{facts::Snapshot, plan::short},
    units::Lpt,
    view::chain::OrchestratorFacts,
};

/// What settling now gives up.
pub(super) fn rows(snapshot: &Snapshot, options: &PlanOptions, doing: &str) -> [Option<Finding>; 2] {
    [
        claim_before_reward(snapshot, options, doing),
        tickets_wait(snapshot, options),
    ]
}

/// Whether anything is settled: once in a round there is.
fn settles(snapshot: &Snapshot) -> bool {
    snapshot.stake.last_claim_round < snapshot.round.round && snapshot.stake.stake_lpt > Lpt::ZERO
}

/// Claiming before the orchestrator has called reward gives this round's reward up.
fn claim_before_reward(snapshot: &Snapshot, options: &PlanOptions, doing: &str) -> Option<Finding> {
    let delegate = snapshot.chosen()?;
    let round = snapshot.round.round;
    (settles(snapshot) && delegate.active && !delegate.reward_called).then_some(())?;
    let lost = lost_reward(snapshot, delegate);
    let (whose, fix) = if delegate.address == snapshot.account {
        (
            "reward".to_string(),
            "run `lpctl reward call` first, or pass `--give-up-reward`".to_string(),
        )
    } else {
        (
            format!("{}'s reward", short(delegate.address)),
            format!(
                "wait until {} has called reward, or pass `--give-up-reward`",
                short(delegate.address)
            ),
        )
    };
    waivable(
        "reward_not_called",
        format!(
            "{whose} for round {round} is not called yet: {doing} now gives up about {}",
            lost.human()
        ),
        fix,
        "--give-up-reward",
        options.give_up_reward,
    )
}

/// What settling before the reward loses: the stake's share of what delegators get.
pub(super) fn lost_reward(snapshot: &Snapshot, delegate: &OrchestratorFacts) -> Lpt {
    let total = delegate.total_stake_lpt;
    let reward = snapshot.mint.reward(total).0;
    let shared =
        reward * U256::from(delegate.reward_cut_percent.complement().ppm()) / U256::from(1_000_000u64);
    let part = shared
        .saturating_mul(snapshot.stake.stake_lpt.0)
        .checked_div(total.0);
    Lpt(part.unwrap_or_default())
}

/// The account's own part of fees that come later in the round goes to nobody.
fn tickets_wait(snapshot: &Snapshot, options: &PlanOptions) -> Option<Finding> {
    let (count, value) = options.waiting_tickets.filter(|(count, _)| *count > 0)?;
    settles(snapshot).then_some(())?;
    let (noun, verb) = if count == 1 {
        ("ticket", "is")
    } else {
        ("tickets", "are")
    };
    warning(
        "tickets_wait",
        format!(
            "{count} winning {noun} of {} {verb} not redeemed yet: your own part of them is lost if that happens later in round {}",
            value.human(),
            snapshot.round.round
        ),
        "redeem first: `lpctl ticket list` tells when; or withdraw in the next round",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Wei;

    #[test]
    fn tickets_that_wait_are_told_of_by_whatever_settles() {
        let mut snapshot = Snapshot::sample();
        let codes = |snapshot: &Snapshot, waiting_tickets| -> Vec<&'static str> {
            let options = PlanOptions {
                waiting_tickets,
                ..PlanOptions::default()
            };
            let rows = rows(snapshot, &options, "bonding");
            rows.into_iter().flatten().map(|finding| finding.code).collect()
        };
        assert_eq!(codes(&snapshot, Some((2, Wei::gwei(3)))), ["tickets_wait"]);
        assert_eq!(codes(&snapshot, Some((0, Wei::ZERO))), [""; 0]);
        assert_eq!(codes(&snapshot, None), [""; 0]);
        snapshot.stake.last_claim_round = snapshot.round.round;
        assert_eq!(codes(&snapshot, Some((2, Wei::gwei(3)))), [""; 0]);
    }
}
