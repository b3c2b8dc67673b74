//! Prices, fees and credit, exact to the last fraction of a wei.
//!
//! A ticket is worth its face value times its chance to win, which is hardly ever a whole number of wei; so neither is
//! what a gateway has paid, nor what a segment costs. Nothing here is rounded until somebody asks for whole wei.

use std::{
    fmt,
    iter::Sum,
    ops::{Add, AddAssign, Neg, Sub, SubAssign},
};

use alloy::primitives::U256;
use num_bigint::{BigInt, Sign};
use num_rational::BigRational;
use num_traits::{Signed as _, Zero as _};

use crate::units::Wei;

/// An exact amount of wei, which may be a fraction, or below zero: what is owed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Exact(BigRational);

/// A whole number as the fractions' own integer.
pub(crate) fn integer(value: U256) -> BigInt {
    BigInt::from_bytes_be(Sign::Plus, &value.to_be_bytes::<32>())
}

impl Exact {
    /// Nothing.
    #[must_use]
    pub fn zero() -> Self {
        Self::default()
    }

    /// `numerator / denominator` wei; none with a denominator of zero.
    #[must_use]
    pub fn ratio(numerator: BigInt, denominator: BigInt) -> Option<Self> {
        (!denominator.is_zero()).then(|| Self(BigRational::new(numerator, denominator)))
    }

    /// What a ticket is worth: face value × chance to win, whose denominator is 2²⁵⁶ − 1 (`go-livepeer pm/ticket.go`).
    #[must_use]
    pub fn expected_value(face_value: Wei, win_prob: U256) -> Self {
        Self(BigRational::new(
            integer(face_value.0) * integer(win_prob),
            integer(U256::MAX),
        ))
    }

    /// The fraction itself, in lowest terms.
    #[must_use]
    pub fn as_ratio(&self) -> &BigRational {
        &self.0
    }

    /// So many times this.
    #[must_use]
    pub fn times(&self, count: u64) -> Self {
        Self(&self.0 * BigInt::from(count))
    }

    /// Whole wei, rounded down; none below zero or beyond 256 bits.
    #[must_use]
    pub fn floor(&self) -> Option<Wei> {
        let whole = self.0.floor().to_integer();
        let (sign, bytes) = whole.to_bytes_be();
        (sign != Sign::Minus && bytes.len() <= 32).then(|| Wei(U256::from_be_slice(&bytes)))
    }

    /// Whether it is below zero.
    #[must_use]
    pub fn is_negative(&self) -> bool {
        self.0.is_negative()
    }

    /// Whether it is exactly nothing.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.0.is_zero()
    }
}

impl From<Wei> for Exact {
    fn from(wei: Wei) -> Self {
        Self(BigRational::from_integer(integer(wei.0)))
    }
}

impl fmt::Display for Exact {
    /// As a fraction in lowest terms, `7` or `22/7`: how books keep it.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// No amount: neither a whole number nor a fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a whole number or a fraction")]
pub struct NoAmount;

impl std::str::FromStr for Exact {
    type Err = NoAmount;

    /// What `Display` writes.
    fn from_str(text: &str) -> Result<Self, NoAmount> {
        let (numerator, denominator) = text.split_once('/').unwrap_or((text, "1"));
        let part = |text: &str| text.parse::<BigInt>().map_err(|_| NoAmount);
        Self::ratio(part(numerator)?, part(denominator)?).ok_or(NoAmount)
    }
}

impl Add for Exact {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl Sub for Exact {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl AddAssign for Exact {
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

impl SubAssign for Exact {
    fn sub_assign(&mut self, other: Self) {
        self.0 -= other.0;
    }
}

impl Neg for Exact {
    type Output = Self;

    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl Sum for Exact {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::zero(), Add::add)
    }
}

/// Wei per pixel, never below zero.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Price(BigRational);

impl Price {
    /// For nothing.
    #[must_use]
    pub fn free() -> Self {
        Self::default()
    }

    /// `wei` for `pixels` pixels; none for no pixels.
    #[must_use]
    pub fn new(wei: u64, pixels: u64) -> Option<Self> {
        Self::from_ratio(BigInt::from(wei), BigInt::from(pixels))
    }

    /// `wei / pixels`; none below zero or with a denominator of zero.
    #[must_use]
    pub fn from_ratio(wei: BigInt, pixels: BigInt) -> Option<Self> {
        if pixels.is_zero() {
            return None;
        }
        let ratio = BigRational::new(wei, pixels);
        (!ratio.is_negative()).then_some(Self(ratio))
    }

    /// The fraction itself, in lowest terms.
    #[must_use]
    pub fn as_ratio(&self) -> &BigRational {
        &self.0
    }

    /// What so many pixels cost.
    #[must_use]
    pub fn fee(&self, pixels: u64) -> Exact {
        Exact(&self.0 * BigInt::from(pixels))
    }

    /// Whether it is for nothing.
    #[must_use]
    pub fn is_free(&self) -> bool {
        self.0.is_zero()
    }
}

impl fmt::Display for Price {
    /// As a fraction in lowest terms: how books keep it.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl std::str::FromStr for Price {
    type Err = NoAmount;

    /// What `Display` writes.
    fn from_str(text: &str) -> Result<Self, NoAmount> {
        let exact: Exact = text.parse()?;
        (!exact.is_negative()).then_some(Self(exact.0)).ok_or(NoAmount)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_worth_its_chance_and_no_more() {
        let certain = Exact::expected_value(Wei::gwei(8), U256::MAX);
        assert_eq!(certain, Wei::gwei(8).into());
        let half = Exact::expected_value(Wei(U256::from(3)), U256::MAX / U256::from(2));
        assert!(half < Wei(U256::from(2)).into());
        assert_eq!(half.floor(), Some(Wei(U256::from(1))));
    }

    #[test]
    fn amounts_come_back_as_they_were_written() {
        let third = Price::new(1, 3).unwrap().fee(1);
        assert_eq!(third.to_string(), "1/3");
        assert_eq!("1/3".parse(), Ok(third.clone()));
        assert_eq!(
            (third.clone() - Exact::from(Wei(U256::from(1)))).to_string(),
            "-2/3"
        );
        assert_eq!("1/0".parse::<Exact>(), Err(NoAmount));
        assert_eq!("-1/3".parse::<Price>(), Err(NoAmount));
        assert_eq!(
            [third.clone(), third.clone(), third].into_iter().sum::<Exact>(),
            Wei(U256::from(1)).into()
        );
    }

    #[test]
    fn what_is_owed_has_no_whole_wei() {
        assert_eq!((-Exact::from(Wei(U256::from(1)))).floor(), None);
    }
}
