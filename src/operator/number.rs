//! Numbers as go-livepeer writes them: bare ones of any length, and fractions as text. Never through a float.

use std::{fmt, str::FromStr};

use alloy::primitives::U256;
use num_bigint::BigInt;
use num_rational::BigRational;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::value::RawValue;

use crate::units::Wei;

/// The largest number of the contracts has 78 digits.
const MOST_DIGITS: usize = 100;
/// Numerator and denominator of a price.
const MOST_RATIO: usize = 400;

/// A whole number, as Go writes a `*big.Int`: bare, of any length. Written as text of digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Number(BigInt);

/// A text is no whole number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a whole number")]
pub struct NotANumber;

impl Number {
    /// As an amount of ETH; none below zero or beyond 256 bits.
    #[must_use]
    pub fn wei(&self) -> Option<Wei> {
        U256::from_str_radix(&self.0.to_string(), 10).ok().map(Wei)
    }
}

impl FromStr for Number {
    type Err = NotANumber;

    fn from_str(text: &str) -> Result<Self, NotANumber> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let is_number =
            (1..=MOST_DIGITS).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        match is_number {
            true => text.parse().map(Self).map_err(|_| NotANumber),
            false => Err(NotANumber),
        }
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The text of the number itself: it may be larger than any machine's.
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        raw.get().trim_matches('"').parse().map_err(de::Error::custom)
    }
}

/// A fraction in lowest terms, as Go writes a `*big.Rat`: `"1200"` or `"1/3"`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ratio(BigRational);

impl FromStr for Ratio {
    type Err = NotANumber;

    fn from_str(text: &str) -> Result<Self, NotANumber> {
        if text.len() > MOST_RATIO {
            return Err(NotANumber);
        }
        let (numerator, denominator) = text.split_once('/').unwrap_or((text, "1"));
        let part = |digits: &str| -> Option<BigInt> {
            let unsigned = digits.strip_prefix('-').unwrap_or(digits);
            let is_number = !unsigned.is_empty() && unsigned.bytes().all(|byte| byte.is_ascii_digit());
            is_number.then(|| digits.parse().ok()).flatten()
        };
        let (numerator, denominator) = part(numerator).zip(part(denominator)).ok_or(NotANumber)?;
        match denominator == BigInt::ZERO {
            true => Err(NotANumber),
            false => Ok(Self(BigRational::new(numerator, denominator))),
        }
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Ratio {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Ratio {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bare_numbers_of_any_length_are_exact() {
        let max = "115792089237316195423570985008687907853269984665640564039457584007913129639935";
        let read: Vec<Number> = serde_json::from_str(&format!("[{max},-1,9007199254740993]")).unwrap();
        assert_eq!(read[0].to_string(), max);
        assert_eq!(read[0].wei(), Some(Wei(U256::MAX)));
        assert_eq!((read[1].to_string(), read[1].wei()), ("-1".to_string(), None));
        assert_eq!(read[2].to_string(), "9007199254740993");
        assert_eq!(serde_json::to_string(&read[2]).unwrap(), "\"9007199254740993\"");
        for wrong in ["1.5", "1e3", "true", "[]", "\"\"", "\"x\""] {
            assert!(serde_json::from_str::<Number>(wrong).is_err(), "{wrong}");
        }
        assert!("9".repeat(101).parse::<Number>().is_err());
    }

    #[test]
    fn fractions_come_in_lowest_terms() {
        for (text, shown) in [("1200", "1200"), ("2/6", "1/3"), ("-1/2", "-1/2"), ("0", "0")] {
            assert_eq!(text.parse::<Ratio>().unwrap().to_string(), shown);
        }
        for wrong in ["", "/", "1/0", "1/", "/2", "0.5", "1/2/3", "x"] {
            assert!(wrong.parse::<Ratio>().is_err(), "{wrong}");
        }
    }
}
