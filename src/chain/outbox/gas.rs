//! What is offered for gas: the operator's rules, the first offer, and the next one for what got stuck.

use std::time::Duration;

use alloy::primitives::U256;

use crate::{
    chain::{SubmitError, facts::Fees},
    units::Wei,
};

/// The operator's rules for paying gas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GasPolicy {
    /// The most to be paid for a unit of gas, also when a transaction is replaced. Above it nothing is sent.
    pub max_gas_price: Option<Wei>,
    /// Offered at least, where the network asks for less.
    pub min_gas_price: Wei,
    /// How often a stuck transaction is offered anew for more.
    pub replacements: u32,
    /// How long an endpoint must have had it, without any transaction of the account being mined, until it is stuck.
    pub replace_after: Duration,
}

impl Default for GasPolicy {
    /// No ceiling, no floor, two replacements a minute apart.
    fn default() -> Self {
        Self {
            max_gas_price: None,
            min_gas_price: Wei::ZERO,
            replacements: 2,
            replace_after: Duration::from_secs(60),
        }
    }
}

impl GasPolicy {
    /// These rules with a ceiling on top: the lower of both holds.
    #[must_use]
    pub fn below(self, ceiling: Option<Wei>) -> Self {
        Self {
            max_gas_price: match (self.max_gas_price, ceiling) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            },
            ..self
        }
    }

    /// The first offer at these prices.
    pub(super) fn offer(&self, fees: &Fees) -> Result<Offer, SubmitError> {
        if let Some(limit) = self.max_gas_price
            && fees.price > limit
        {
            return Err(SubmitError::GasPriceAboveLimit {
                price: fees.price.human_gwei(),
                limit: limit.human_gwei(),
            });
        }
        let ceiling = self.max_gas_price.map_or(U256::MAX, |limit| limit.0);
        let offer = match fees.base {
            // What is offered on top of the base fee makes up for a price below the floor.
            Some(base) => {
                let tip = fees.tip.max(self.min_gas_price.0.saturating_sub(base));
                let cap = base.saturating_mul(U256::from(2)).saturating_add(tip);
                Offer { cap, tip: Some(tip) }
            }
            None => Offer {
                cap: fees.price.max(self.min_gas_price).0,
                tip: None,
            },
        };
        Ok(offer.within(ceiling))
    }

    /// The next offer after `last`: both parts raised by 11 %, or to what would be offered now if that is more. None if
    /// that is above the ceiling: nodes take no smaller step.
    pub(super) fn raise(&self, last: Offer, fees: &Fees) -> Option<Offer> {
        let raised = last.raised();
        let ceiling = self.max_gas_price.map_or(U256::MAX, |limit| limit.0);
        if raised.cap > ceiling {
            return None;
        }
        let Ok(now) = self.offer(fees) else {
            return Some(raised);
        };
        let tip = raised.tip.map(|tip| tip.max(now.tip.unwrap_or_default()));
        let cap = raised.cap.max(now.cap);
        Some(Offer { cap, tip }.within(ceiling))
    }
}

/// What a transaction offers for a unit of gas, in wei.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Offer {
    /// The most it pays: cap of EIP-1559, or the price of an older transaction.
    pub(super) cap: U256,
    /// What of it is on top of the base fee; none for an older transaction.
    pub(super) tip: Option<U256>,
}

impl Offer {
    pub(super) fn within(self, ceiling: U256) -> Self {
        let cap = self.cap.min(ceiling);
        Self {
            cap,
            tip: self.tip.map(|tip| tip.min(cap)),
        }
    }

    /// Each part 11 % more, rounded up, and one wei at least: nodes replace from 10 % on.
    pub(super) fn raised(self) -> Self {
        let more = |part: U256| {
            let raised = part
                .saturating_mul(U256::from(111))
                .saturating_add(U256::from(99));
            (raised / U256::from(100)).max(part.saturating_add(U256::from(1)))
        };
        Self {
            cap: more(self.cap),
            tip: self.tip.map(more),
        }
    }

    /// The most so much gas can cost.
    pub(super) fn most(self, gas_limit: u64) -> Wei {
        Wei(self.cap.saturating_mul(U256::from(gas_limit)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fees(base: Option<u64>, tip: u64) -> Fees {
        Fees {
            base: base.map(U256::from),
            tip: U256::from(tip),
            price: Wei(U256::from(base.unwrap_or_default() + tip)),
        }
    }

    fn offer(cap: u64, tip: u64) -> Offer {
        Offer {
            cap: U256::from(cap),
            tip: Some(U256::from(tip)),
        }
    }

    fn up_to(limit: u64) -> GasPolicy {
        GasPolicy {
            max_gas_price: Some(Wei(U256::from(limit))),
            ..GasPolicy::default()
        }
    }

    #[test]
    fn the_cap_holds_the_tip_and_the_ceiling_holds_both() {
        let free = GasPolicy::default();
        assert_eq!(free.offer(&fees(Some(100), 7)).unwrap(), offer(207, 7));
        assert_eq!(up_to(150).offer(&fees(Some(100), 7)).unwrap(), offer(150, 7));
        assert_eq!(up_to(107).offer(&fees(Some(100), 7)).unwrap(), offer(107, 7));
        assert!(matches!(
            up_to(106).offer(&fees(Some(100), 7)),
            Err(SubmitError::GasPriceAboveLimit { .. })
        ));
        let legacy = free.offer(&fees(None, 30)).unwrap();
        assert_eq!((legacy.cap, legacy.tip), (U256::from(30), None));
    }

    #[test]
    fn a_price_below_the_floor_is_raised_to_it_and_never_kept_from_sending() {
        let floor = GasPolicy {
            min_gas_price: Wei(U256::from(500)),
            ..GasPolicy::default()
        };
        let made = floor.offer(&fees(Some(100), 7)).unwrap();
        assert_eq!(made, offer(600, 400), "base and tip together are the floor");
        assert_eq!(floor.offer(&fees(Some(900), 7)).unwrap(), offer(1807, 7));
        assert_eq!(floor.offer(&fees(None, 30)).unwrap().cap, U256::from(500));
    }

    #[test]
    fn a_replacement_raises_both_parts_by_eleven_percent_rounded_up_and_stays_below_the_ceiling() {
        assert_eq!(offer(100, 10).raised(), offer(111, 12));
        assert_eq!(offer(101, 0).raised(), offer(113, 1));
        let free = GasPolicy::default();
        assert_eq!(
            free.raise(offer(100, 10), &fees(Some(20), 1)),
            Some(offer(111, 12))
        );
        // The price rose meanwhile: the offer follows it.
        assert_eq!(
            free.raise(offer(100, 10), &fees(Some(200), 20)),
            Some(offer(420, 20))
        );
        assert_eq!(
            up_to(111).raise(offer(100, 10), &fees(Some(60), 1)),
            Some(offer(111, 12))
        );
        assert_eq!(up_to(110).raise(offer(100, 10), &fees(Some(60), 1)), None);
        // Above the ceiling now, but not when it was sent: still raised as far as the ceiling allows.
        assert_eq!(
            up_to(120).raise(offer(100, 10), &fees(Some(300), 1)),
            Some(offer(111, 12))
        );
    }

    #[test]
    fn of_two_ceilings_the_lower_holds() {
        let both = |one: Option<u64>, other: Option<u64>| {
            let wei = |limit: Option<u64>| limit.map(|limit| Wei(U256::from(limit)));
            let policy = GasPolicy {
                max_gas_price: wei(one),
                ..GasPolicy::default()
            };
            policy.below(wei(other)).max_gas_price
        };
        assert_eq!(both(Some(3), Some(2)), Some(Wei(U256::from(2))));
        assert_eq!(both(None, Some(2)), Some(Wei(U256::from(2))));
        assert_eq!(both(Some(3), None), Some(Wei(U256::from(3))));
        assert_eq!(both(None, None), None);
    }
}
