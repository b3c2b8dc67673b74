//! What the operator wants: how much gas may cost and when, what a reward has to bring, when to be told.

use std::time::Duration;

use alloy::primitives::U256;

use crate::units::{Lpt, Wei};

/// What may be paid for gas. The limit rises through the round, so that a cheap hour is waited for while there is time,
/// and the ceiling is all that counts when there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GasLimit {
    /// The most that is ever paid for a unit; none: whatever it costs.
    pub ceiling: Option<Wei>,
    /// The most that is paid at the beginning of a round; none: a quarter of the ceiling.
    pub patient: Option<Wei>,
}

/// Part of a round, in percent, from which on the whole ceiling may be paid.
pub const ALL_IN_PERCENT: u64 = 75;

impl GasLimit {
    /// The limit when `elapsed` of `length` blocks have passed; none: there is none.
    #[must_use]
    pub fn at(&self, elapsed: u64, length: u64) -> Option<Wei> {
        let ceiling = self.ceiling?;
        let quarter = || Wei(ceiling.0 / U256::from(4));
        let patient = self.patient.unwrap_or_else(quarter).min(ceiling);
        let rising = length.saturating_mul(ALL_IN_PERCENT) / 100;
        if elapsed >= rising {
            return Some(ceiling);
        }
        let way = ceiling.saturating_sub(patient);
        let risen = way.0.saturating_mul(U256::from(elapsed)) / U256::from(rising.max(1));
        Some(patient.saturating_add(Wei(risen)))
    }
}

/// What a reward has to bring to be called for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Floor {
    /// At least so much, whatever gas costs.
    pub min_reward: Option<Lpt>,
    /// At least what the gas costs, at so many LPT for one ETH: the operator's own price.
    pub lpt_per_eth: Option<Lpt>,
}

impl Floor {
    /// Whether there is any.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.min_reward.is_some() || self.lpt_per_eth.is_some()
    }

    /// The least a reward has to bring that costs so much gas.
    #[must_use]
    pub fn least(&self, cost: Wei) -> Lpt {
        let ether = Wei::ether(1).0;
        let priced = self.lpt_per_eth.map(|price| {
            let (whole, rest) = cost.0.saturating_mul(price.0).div_rem(ether);
            // What is not quite covered is not covered.
            Lpt(whole.saturating_add(U256::from(u8::from(!rest.is_zero()))))
        });
        priced.max(self.min_reward).unwrap_or_default()
    }
}

/// How the guardian decides.
#[derive(Debug, Clone)]
pub struct Policy {
    /// What may be paid for gas.
    pub gas: GasLimit,
    /// What a reward has to bring.
    pub floor: Floor,
    /// Open rounds that nobody has opened, after a random time up to this; none: leave it to others.
    pub initialize: Option<Duration>,
    /// A random time up to this passes before a reward is called, other hosts being there too.
    pub jitter: Duration,
    /// How often to look.
    pub interval: Duration,
    /// Parts of a round, in percent, at which to be told that reward is not called.
    pub parts: Vec<u8>,
    /// Rounds for which the account must be able to pay for gas; with less, its owner is told.
    pub runway_rounds: u32,
}

impl Policy {
    /// The usual: looking every 15 seconds where rounds take most of a day, four times a second on chains of one's own.
    #[must_use]
    pub fn new(is_public: bool) -> Self {
        let interval = Duration::from_millis(if is_public { 15_000 } else { 250 });
        Self {
            gas: GasLimit::default(),
            floor: Floor::default(),
            initialize: None,
            jitter: interval * 2,
            interval,
            parts: vec![25, 50, 75],
            runway_rounds: 20,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_rises_to_the_ceiling_and_never_beyond() {
        let gas = GasLimit {
            ceiling: Some(Wei::gwei(4)),
            patient: None,
        };
        assert_eq!(gas.at(0, 100), Some(Wei::gwei(1)));
        assert_eq!(gas.at(25, 100), Some(Wei::gwei(2)));
        assert_eq!(gas.at(75, 100), Some(Wei::gwei(4)));
        assert_eq!(gas.at(99, 100), Some(Wei::gwei(4)));
        let limits: Vec<_> = (0..=100).map(|elapsed| gas.at(elapsed, 100)).collect();
        assert!(limits.is_sorted());
        let patient = GasLimit {
            patient: Some(Wei::gwei(9)),
            ..gas
        };
        assert_eq!(patient.at(0, 100), Some(Wei::gwei(4)));
        assert_eq!(GasLimit::default().at(0, 100), None);
        assert_eq!(gas.at(0, 0), Some(Wei::gwei(4)), "a round without blocks");
    }

    #[test]
    fn a_floor_is_the_operators_own_price_or_amount() {
        let priced = Floor {
            lpt_per_eth: Some(Lpt::whole(500)),
            min_reward: None,
        };
        assert_eq!(priced.least(Wei::ether(1)), Lpt::whole(500));
        // 1 wei at half an LPT for one ETH is less than the smallest amount there is: rounded up.
        let half = Floor {
            lpt_per_eth: Some("0.5".parse().unwrap()),
            min_reward: None,
        };
        assert_eq!(half.least(Wei(U256::from(1))), Lpt(U256::from(1)));
        let both = Floor {
            min_reward: Some(Lpt::whole(600)),
            ..priced
        };
        assert_eq!(both.least(Wei::ether(1)), Lpt::whole(600));
        assert_eq!(both.least(Wei::ether(2)), Lpt::whole(1000));
        assert_eq!(Floor::default().least(Wei::ether(2)), Lpt::ZERO);
    }
}
