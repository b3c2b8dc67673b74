//! What the reward call costs against what it brings (27 of the reference).

use alloy::primitives::U256;

use super::{Finding, warning};
use crate::{
    chain::facts::Snapshot,
    reward::Floor,
    units::{Lpt, Wei},
};

/// The call's cost is more than the account's own part of the reward, at the operator's price of an ETH.
pub(super) fn costs_more(snapshot: &Snapshot, cost: Wei, lpt_per_eth: Lpt) -> Option<Finding> {
    let part = own_part(snapshot);
    let floor = Floor {
        lpt_per_eth: Some(lpt_per_eth),
        ..Floor::default()
    };
    let least = floor.least(cost);
    (part < least).then_some(())?;
    warning(
        "reward_costs_more",
        format!(
            "the call costs about {}, which is worth {} at {} for an ETH, and your part of the reward is {}",
            cost.human(),
            least.human(),
            lpt_per_eth.human(),
            part.human()
        ),
        "`lpctl reward watch` waits for cheaper gas; delegators lose their part too if nobody calls in this round",
    )
}

/// What the account keeps, and its own stake's part of the rest.
fn own_part(snapshot: &Snapshot) -> Lpt {
    let own = &snapshot.own;
    let reward = snapshot.mint.reward(own.total_stake_lpt).0;
    let million = U256::from(1_000_000u64);
    let kept = reward.saturating_mul(U256::from(own.reward_cut_percent.ppm())) / million;
    let shared = reward
        .saturating_sub(kept)
        .saturating_mul(snapshot.stake.stake_lpt.0);
    let shared = shared.checked_div(own.total_stake_lpt.0).unwrap_or_default();
    Lpt(kept.saturating_add(shared))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reward_that_does_not_pay_for_its_gas_is_told() {
        let snapshot = Snapshot::sample();
        let part = own_part(&snapshot);
        assert!(part > Lpt::ZERO && part <= snapshot.mint.reward(snapshot.own.total_stake_lpt));
        // At one LPT for an ETH the part is worth as many wei as it has units.
        let (price, worth) = (Lpt::whole(1), Wei(part.0));
        assert_eq!(costs_more(&snapshot, worth, price), None);
        let dear = costs_more(&snapshot, worth.saturating_add(Wei(U256::from(1))), price).unwrap();
        assert_eq!(dear.code, "reward_costs_more");
        assert_eq!(costs_more(&snapshot, worth, Lpt::ZERO), None);
    }
}
