//! Prices in messages: `pricePerUnit` over `pixelsPerUnit`, two signed 64-bit numbers.

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Zero};

use crate::{payments::amount::Price, wire::net};

/// Why a price in a message is none. The first two texts are go-livepeer's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PriceInfoError {
    /// There is no price.
    #[error("expected price is nil")]
    Missing,
    /// For no pixels.
    #[error("pixels per unit is 0")]
    NoPixels,
    /// Below zero, or for less than no pixels.
    #[error("price is negative")]
    Negative,
}

/// The price in a message.
///
/// # Errors
/// [`PriceInfoError`] for what is no price.
pub fn from_wire(info: Option<&net::PriceInfo>) -> Result<Price, PriceInfoError> {
    let info = info.ok_or(PriceInfoError::Missing)?;
    if info.pixels_per_unit == 0 {
        return Err(PriceInfoError::NoPixels);
    }
    let whole = |number: i64| u64::try_from(number).map_err(|_| PriceInfoError::Negative);
    let (wei, pixels) = (whole(info.price_per_unit)?, whole(info.pixels_per_unit)?);
    Price::new(wei, pixels).ok_or(PriceInfoError::NoPixels)
}

/// A price for a message, in lowest terms. One that does not fit goes out as the one next to it that does: [`fitting`].
#[must_use]
pub fn to_wire(price: &Price) -> net::PriceInfo {
    let price = fitting(price);
    let number = |number: &BigInt| i64::try_from(number).unwrap_or(i64::MAX);
    net::PriceInfo {
        price_per_unit: number(price.as_ratio().numer()),
        pixels_per_unit: number(price.as_ratio().denom()),
        ..net::PriceInfo::default()
    }
}

/// The highest price that fits a message and is not above this one. What costs something never costs nothing: the
/// smallest price there is stands for all below it.
#[must_use]
pub fn fitting(price: &Price) -> Price {
    let most = BigInt::from(i64::MAX);
    let ratio = price.as_ratio();
    if ratio.numer() <= &most && ratio.denom() <= &most {
        return price.clone();
    }
    let (wei, pixels) = match ratio.to_integer() >= most {
        true => (most, BigInt::one()),
        false => best_below(ratio, &most),
    };
    let (wei, pixels) = match wei.is_zero() {
        true => (BigInt::one(), BigInt::from(i64::MAX)),
        false => (wei, pixels),
    };
    Price::from_ratio(wei, pixels).unwrap_or_default()
}

/// The largest fraction not above a positive one whose parts are at most `most`: down the Stern-Brocot tree, as many
/// steps at once as lead the same way.
fn best_below(target: &BigRational, most: &BigInt) -> (BigInt, BigInt) {
    let (wei, pixels) = (target.numer(), target.denom());
    let (mut low, mut high) = ((BigInt::zero(), BigInt::one()), (BigInt::one(), BigInt::zero()));
    // How many times `step` can be added to `from` before a part is too large.
    let room = |from: &(BigInt, BigInt), step: &(BigInt, BigInt)| {
        let part = |from: &BigInt, step: &BigInt| (!step.is_zero()).then(|| (most - from) / step);
        let parts = [part(&from.0, &step.0), part(&from.1, &step.1)];
        parts.into_iter().flatten().min().unwrap_or_default()
    };
    // How far the target is from a fraction, times the denominators.
    let above = |low: &(BigInt, BigInt)| wei * &low.1 - &low.0 * pixels;
    let below = |high: &(BigInt, BigInt)| &high.0 * pixels - wei * &high.1;
    loop {
        let wanted = above(&low) / below(&high);
        let steps = room(&low, &high).min(wanted.clone());
        low = (&low.0 + &steps * &high.0, &low.1 + &steps * &high.1);
        if steps < wanted || above(&low).is_zero() {
            return low;
        }
        // One less if that would meet the target: the other bound stays above it.
        let wanted = (below(&high) - BigInt::one()) / above(&low);
        let steps = room(&high, &low).min(wanted.clone());
        high = (&high.0 + &steps * &low.0, &high.1 + &steps * &low.1);
        if steps < wanted || room(&low, &high).is_zero() {
            return low;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price(wei: &str, pixels: &str) -> Price {
        Price::from_ratio(wei.parse().unwrap(), pixels.parse().unwrap()).unwrap()
    }

    #[test]
    fn what_fits_goes_out_as_it_is() {
        let info = to_wire(&price("2400", "2"));
        assert_eq!((info.price_per_unit, info.pixels_per_unit), (1200, 1));
        let info = to_wire(&price("1", "3"));
        assert_eq!((info.price_per_unit, info.pixels_per_unit), (1, 3));
        assert_eq!(to_wire(&Price::free()).price_per_unit, 0);
        assert_eq!(from_wire(Some(&to_wire(&price("7", "9")))), Ok(price("7", "9")));
    }

    // Trap 22: a price is never rounded to nothing, and by no more than a fraction of two 64-bit numbers must be.
    #[test]
    fn what_does_not_fit_goes_out_as_the_next_lower_one() {
        let largest = i64::MAX.to_string();
        for (wei, pixels) in [
            ("1", "100000000000000000000000"),
            ("123456789012345678901", "7"),
            ("123456789012345678901234567891", "1000000000000000000000"),
            ("1", "9223372036854775809"),
            ("100000000000000000000001", "100000000000000000000000"),
            ("99999999999999999999999", "100000000000000000000000"),
            (
                "314159265358979323846264338327950288",
                "100000000000000000000000000000000000",
            ),
        ] {
            let exact = price(wei, pixels);
            let info = to_wire(&exact);
            let sent = from_wire(Some(&info)).unwrap();
            assert!(!sent.is_free(), "{wei}/{pixels}");
            if exact > price("1", &largest) && exact < price(&largest, "1") {
                assert!(sent <= exact, "{wei}/{pixels} became {sent}");
                let lost = (exact.as_ratio() - sent.as_ratio()) / exact.as_ratio();
                let tiny = BigRational::new(1.into(), 1_000_000_000_000_i64.into());
                assert!(lost < tiny, "{wei}/{pixels} lost {lost}");
            }
        }
        assert_eq!(
            fitting(&price("1", "100000000000000000000000")),
            price("1", &largest)
        );
        assert_eq!(
            fitting(&price("123456789012345678901", "7")),
            price(&largest, "1")
        );
    }

    // Nothing lies between what is sent and what was meant: tried out where all fractions can be.
    #[test]
    fn no_fraction_is_closer() {
        let most = 30;
        for (wei, pixels) in [(355, 113), (1, 31), (61, 62), (299, 31), (1001, 1000), (2, 61)] {
            let target = BigRational::new(wei.into(), pixels.into());
            let (mut best, mut parts) = (BigRational::zero(), (0, 1));
            for denominator in 1..=most {
                for numerator in 0..=most {
                    let tried = BigRational::new(numerator.into(), denominator.into());
                    if tried <= target && tried > best {
                        (best, parts) = (tried, (numerator, denominator));
                    }
                }
            }
            let (numerator, denominator) = best_below(&target, &BigInt::from(most));
            assert_eq!(
                BigRational::new(numerator, denominator),
                best,
                "{wei}/{pixels}: {parts:?}"
            );
        }
    }

    // Trap 19: what a gateway names as a price may be anything.
    #[test]
    fn what_is_no_price_is_refused() {
        let info = |price_per_unit, pixels_per_unit| net::PriceInfo {
            price_per_unit,
            pixels_per_unit,
            ..net::PriceInfo::default()
        };
        assert_eq!(from_wire(None), Err(PriceInfoError::Missing));
        assert_eq!(from_wire(Some(&info(1, 0))), Err(PriceInfoError::NoPixels));
        for negative in [info(-1, 1), info(1, -1), info(-1, -1), info(i64::MIN, i64::MIN)] {
            assert_eq!(from_wire(Some(&negative)), Err(PriceInfoError::Negative));
        }
    }
}
