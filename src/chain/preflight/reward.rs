//! What the reward call costs against what it brings (27 of the reference).

use alloy::primitives::U256;

use super::{Finding, warning};
use crate::{
    chain::facts::Snapshot,
    units::{Lpt, Wei},
};

/// Smallest units in one LPT.
const WHOLE: u64 = 1_000_000_000_000_000_000;

/// The call's cost is more than the account's own part of the reward is worth, at what the operator says an LPT is.
pub(super) fn costs_more(snapshot: &Snapshot, cost: Wei, lpt_price: Wei) -> Option<Finding> {
    let part = own_part(snapshot);
    let worth = Wei(part.0.saturating_mul(lpt_price.0) / U256::from(WHOLE));
    (cost > worth).then_some(())?;
    warning(
        "reward_costs_more",
        format!(
            "the call costs about {}, and your part of the reward, {}, is worth {} at {} for an LPT",
            cost.human(),
            part.human(),
            worth.human(),
            lpt_price.human()
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
        // At one ether for an LPT the part is worth as many wei as it has units.
        let (price, worth) = (Wei::ether(1), Wei(part.0));
        assert_eq!(costs_more(&snapshot, worth, price), None);
        let dear = costs_more(&snapshot, worth.saturating_add(Wei(U256::from(1))), price).unwrap();
        assert_eq!(dear.code, "reward_costs_more");
        assert!(costs_more(&snapshot, Wei(U256::from(1)), Wei::ZERO).is_some());
    }
}
