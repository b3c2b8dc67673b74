//! Prices as orchestrators name them: an exact fraction of wei for a pixel.

use std::{cmp::Ordering, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{payments, wire::net};

/// Wei for a pixel, as a fraction. Never negative.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Price {
    wei: u64,
    pixels: u64,
}

impl Price {
    /// So many wei for so many pixels; none for no pixels.
    #[must_use]
    pub fn new(wei: u64, pixels: u64) -> Option<Self> {
        (pixels > 0).then_some(Self { wei, pixels })
    }

    /// The price in a message; none if it is negative or for no pixels.
    #[must_use]
    pub fn from_wire(info: &net::PriceInfo) -> Option<Self> {
        let wei = u64::try_from(info.price_per_unit).ok()?;
        let pixels = u64::try_from(info.pixels_per_unit).ok()?;
        Self::new(wei, pixels)
    }

    /// Whether this is more than twice the other.
    #[must_use]
    pub fn is_more_than_double(self, other: Self) -> bool {
        // Both products are below 2^129: compared as quotients of halves instead, twice on the smaller side.
        let (this, that) = self.cross(other);
        this / 2 > that || (this / 2 == that && this % 2 == 1)
    }

    /// The numerators over a common denominator. Each product is below 2^128.
    fn cross(self, other: Self) -> (u128, u128) {
        let product = |wei: u64, pixels: u64| u128::from(wei) * u128::from(pixels);
        (product(self.wei, other.pixels), product(other.wei, self.pixels))
    }

    /// The same price, as amounts are worked out with.
    #[must_use]
    pub fn exact(self) -> payments::Price {
        payments::Price::new(self.wei, self.pixels).unwrap_or_default()
    }

    /// As a number for probabilities; never for amounts.
    #[must_use]
    pub(super) fn approximate(self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a weight, not an amount")]
        let quotient = self.wei as f64 / self.pixels as f64;
        quotient
    }
}

impl Ord for Price {
    fn cmp(&self, other: &Self) -> Ordering {
        let (this, that) = self.cross(*other);
        this.cmp(&that)
    }
}

impl PartialOrd for Price {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// 1/2 and 2/4 are one price.
impl PartialEq for Price {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Price {}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.wei, self.pixels)
    }
}

/// Not a number of wei for a pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write a price in wei for a pixel, like `1200`, `0.5` or `1/3`")]
pub struct NoPrice;

impl FromStr for Price {
    type Err = NoPrice;

    /// Reads `1200`, `0.5` and `1/3`.
    fn from_str(text: &str) -> Result<Self, NoPrice> {
        let digits = |text: &str| {
            let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            is_number
                .then(|| text.parse::<u64>().ok())
                .flatten()
                .ok_or(NoPrice)
        };
        if let Some((wei, pixels)) = text.split_once('/') {
            return Self::new(digits(wei)?, digits(pixels)?).ok_or(NoPrice);
        }
        let Some((whole, fraction)) = text.split_once('.') else {
            return Self::new(digits(text)?, 1).ok_or(NoPrice);
        };
        digits(whole)?;
        let scale = u32::try_from(fraction.len()).map_err(|_| NoPrice)?;
        let pixels = 10_u64.checked_pow(scale).ok_or(NoPrice)?;
        Self::new(digits(&format!("{whole}{fraction}"))?, pixels)
            .filter(|_| !fraction.is_empty())
            .ok_or(NoPrice)
    }
}

impl TryFrom<String> for Price {
    type Error = NoPrice;

    fn try_from(text: String) -> Result<Self, NoPrice> {
        text.parse()
    }
}

impl From<Price> for String {
    fn from(price: Price) -> Self {
        price.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price(wei: u64, pixels: u64) -> Price {
        Price::new(wei, pixels).unwrap()
    }

    #[test]
    fn prices_are_compared_exactly() {
        assert!(price(1, 3) < price(2, 5));
        assert_eq!(price(1, 2), price(2, 4));
        // A float could not tell these apart.
        assert!(price(u64::MAX - 1, u64::MAX) < price(u64::MAX, u64::MAX));
        assert!(Price::new(1, 0).is_none());
        let wire = |price_per_unit, pixels_per_unit| net::PriceInfo {
            price_per_unit,
            pixels_per_unit,
            ..net::PriceInfo::default()
        };
        assert_eq!(Price::from_wire(&wire(6, 4)), Some(price(3, 2)));
        assert_eq!(Price::from_wire(&wire(-1, 4)), None);
        assert_eq!(Price::from_wire(&wire(1, 0)), None);
    }

    #[test]
    fn prices_are_read_as_people_write_them() {
        for (text, wei, pixels) in [
            ("1200", 1200, 1),
            ("0.5", 1, 2),
            ("1/3", 1, 3),
            ("12.250", 49, 4),
            ("0", 0, 1),
        ] {
            assert_eq!(text.parse(), Ok(price(wei, pixels)), "{text}");
        }
        for bad in [
            "",
            "-1",
            "1/0",
            "1.",
            ".5",
            "1e3",
            "1 wei",
            "1/",
            "99999999999999999999",
            "0.00000000000000000000001",
        ] {
            assert_eq!(bad.parse::<Price>(), Err(NoPrice), "{bad}");
        }
        assert_eq!(price(3, 2).to_string().parse(), Ok(price(3, 2)));
    }

    #[test]
    fn twice_the_price_is_not_more_than_double() {
        assert!(!price(2, 1).is_more_than_double(price(1, 1)));
        assert!(price(201, 100).is_more_than_double(price(1, 1)));
        assert!(price(1, 1).is_more_than_double(price(0, 1)));
        assert!(!price(0, 1).is_more_than_double(price(0, 1)));
        assert!(price(u64::MAX, 1).is_more_than_double(price(1, u64::MAX)));
    }
}
