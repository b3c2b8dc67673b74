//! Face value and chance to win: pure sums, in whole wei.

use alloy::primitives::U256;

use crate::units::Wei;

/// A ticket pays so many times what its redemption costs …
const COST_MULTIPLE: u64 = 100;
/// … and so many times what it is worth where redeeming costs next to nothing.
const VALUE_MULTIPLE: u64 = 100;
/// What gas costs on average: a ticket that would pay for its redemption at this price is taken while gas is dearer.
const AVERAGE_GAS_PRICE_GWEI: u64 = 3;

/// What a ticket's face value is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// What each ticket shall be worth.
    pub ticket_ev: Wei,
    /// The most one may pay, if the operator set a limit.
    pub max_face_value: Option<Wei>,
    /// Gas one redemption takes.
    pub redeem_gas: u64,
    /// What gas costs now.
    pub gas_price: Wei,
    /// The most a ticket of this gateway can pay now.
    pub max_float: Wei,
}

/// The gateway's funds do not carry tickets that are worth redeeming.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("insufficient sender reserve")]
pub struct InsufficientReserve;

impl Terms {
    /// What redeeming one ticket costs now.
    #[must_use]
    pub fn redemption_cost(&self) -> Wei {
        gas_cost(self.redeem_gas, self.gas_price)
    }

    /// What a winning ticket pays: enough that its redemption costs one part in a hundred, as far as the gateway's funds
    /// and the operator's limit allow.
    ///
    /// # Errors
    /// [`InsufficientReserve`] if a ticket would pay less than it is worth, or less than its redemption costs both now
    /// and on average.
    pub fn face_value(&self) -> Result<Wei, InsufficientReserve> {
        let cost = self.redemption_cost();
        let wished = times(cost, COST_MULTIPLE);
        let wished = match wished < self.ticket_ev {
            true => times(self.ticket_ev, VALUE_MULTIPLE),
            false => wished,
        };
        let face_value = wished
            .min(self.max_float)
            .min(self.max_face_value.unwrap_or(Wei(U256::MAX)));
        let average = gas_cost(self.redeem_gas, Wei::gwei(AVERAGE_GAS_PRICE_GWEI));
        let is_worth_redeeming = face_value >= cost || face_value >= average;
        match face_value >= self.ticket_ev && is_worth_redeeming {
            true => Ok(face_value),
            false => Err(InsufficientReserve),
        }
    }
}

/// The chance that makes a ticket of this face value worth `ticket_ev`, rounded up so that it is never worth less.
#[must_use]
pub fn win_prob(face_value: Wei, ticket_ev: Wei) -> U256 {
    if face_value == ticket_ev {
        return match face_value.0.is_zero() {
            true => U256::ZERO,
            false => U256::MAX,
        };
    }
    let Some(parts) = U256::MAX.checked_div(face_value.0) else {
        return U256::ZERO;
    };
    let is_exact = (U256::MAX % face_value.0).is_zero();
    let parts = parts.saturating_add(U256::from(u8::from(!is_exact)));
    ticket_ev.0.saturating_mul(parts)
}

fn gas_cost(gas: u64, price: Wei) -> Wei {
    times(price, gas)
}

fn times(amount: Wei, factor: u64) -> Wei {
    Wei(amount.0.saturating_mul(U256::from(factor)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payments::Exact;

    fn wei(amount: u64) -> Wei {
        Wei(U256::from(amount))
    }

    /// Gas at 0.01 gwei on Arbitrum: the ideal ticket pays 0.0012 ETH.
    fn terms() -> Terms {
        Terms {
            ticket_ev: wei(8_000_000_000),
            max_face_value: None,
            redeem_gas: 1_200_000,
            gas_price: wei(10_000_000),
            max_float: Wei(U256::MAX),
        }
    }

    #[test]
    fn a_ticket_pays_a_hundred_times_its_redemption() {
        assert_eq!(terms().face_value(), Ok(wei(1_200_000_000_000_000)));
    }

    #[test]
    fn without_gas_to_pay_a_ticket_pays_a_hundred_times_what_it_is_worth() {
        let free = Terms {
            gas_price: Wei::ZERO,
            ..terms()
        };
        assert_eq!(free.face_value(), Ok(wei(800_000_000_000)));
        // Cheap gas is no different, until a hundred redemptions cost what a ticket is worth.
        let cheap = |gas_price| {
            Terms {
                gas_price: wei(gas_price),
                ..terms()
            }
            .face_value()
        };
        assert_eq!(cheap(66), Ok(wei(800_000_000_000)));
        assert_eq!(cheap(67), Ok(wei(8_040_000_000)));
    }

    #[test]
    fn a_ticket_pays_no_more_than_there_is_and_than_it_may() {
        let float = Terms {
            max_float: wei(500_000_000_000_000),
            ..terms()
        };
        assert_eq!(float.face_value(), Ok(wei(500_000_000_000_000)));
        let limited = Terms {
            max_face_value: Some(wei(400_000_000_000_000)),
            ..float
        };
        assert_eq!(limited.face_value(), Ok(wei(400_000_000_000_000)));
    }

    #[test]
    fn a_ticket_that_is_not_worth_redeeming_is_refused() {
        let with_float = |max_float| Terms { max_float, ..terms() }.face_value();
        let cost = wei(12_000_000_000_000);
        assert_eq!(with_float(cost), Ok(cost));
        assert_eq!(with_float(cost.saturating_sub(wei(1))), Err(InsufficientReserve));
        assert_eq!(with_float(Wei::ZERO), Err(InsufficientReserve));
        // Dear gas passes: what pays at 3 gwei will do.
        let dear = Terms {
            gas_price: Wei::gwei(50),
            max_float: times(Wei::gwei(3), 1_200_000),
            ..terms()
        };
        assert_eq!(dear.face_value(), Ok(dear.max_float));
        let less = Terms {
            max_float: dear.max_float.saturating_sub(wei(1)),
            ..dear
        };
        assert_eq!(less.face_value(), Err(InsufficientReserve));
        // And never less than it is worth.
        let small = Terms {
            gas_price: Wei::ZERO,
            max_float: wei(7_999_999_999),
            redeem_gas: 0,
            ..terms()
        };
        assert_eq!(small.face_value(), Err(InsufficientReserve));
    }

    #[test]
    fn a_chance_is_rounded_up_so_that_no_ticket_is_worth_less() {
        let ev = wei(8_000_000_000);
        for face_value in [1_200_000_000_000_000_u64, 800_000_000_001, 8_000_000_001] {
            let face_value = wei(face_value);
            let worth = Exact::expected_value(face_value, win_prob(face_value, ev));
            assert!(worth >= ev.into(), "{face_value:?}");
            assert!(worth < (ev.saturating_add(wei(1))).into(), "{face_value:?}");
        }
        // 3 divides 2^256 - 1: nothing to round.
        assert_eq!(
            Exact::expected_value(wei(3), win_prob(wei(3), wei(1))),
            wei(1).into()
        );
        assert_eq!(win_prob(ev, ev), U256::MAX);
        assert_eq!(win_prob(Wei::ZERO, Wei::ZERO), U256::ZERO);
        assert_eq!(win_prob(Wei::ZERO, ev), U256::ZERO);
        assert_eq!(win_prob(ev, Wei::ZERO), U256::ZERO);
    }

    #[test]
    fn trap_12_a_float_below_zero_is_none_and_refused() {
        // The border clamps: amounts of wei have no sign, and nothing is carried by nothing.
        let float = wei(5).saturating_sub(wei(9));
        assert_eq!(
            Terms {
                max_float: float,
                ..terms()
            }
            .face_value(),
            Err(InsufficientReserve)
        );
    }
}
