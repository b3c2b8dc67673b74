//! A price as an operator writes it: `1200`, `0.5wei`, `0.02usd/1000000`.

use std::{fmt, str::FromStr};

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::Zero;
use serde::{Deserialize, Serialize};

use super::{feed::Reading, prices::PriceError};
use crate::payments::amount::Price;

/// As many digits before and after the point make a price.
const MOST_DIGITS: usize = 30;

/// What a price is counted in.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Currency {
    /// Wei.
    Wei,
    /// ETH.
    Eth,
    /// A currency whose price a feed knows, in capital letters.
    Other(String),
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wei => f.write_str("wei"),
            Self::Eth => f.write_str("eth"),
            Self::Other(name) => f.write_str(&name.to_ascii_lowercase()),
        }
    }
}

/// So much, in some currency, for so many pixels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PriceTag {
    /// The digits as they were written.
    amount: String,
    value: BigRational,
    currency: Currency,
    /// None: nobody has said it, and it is one.
    pixels: Option<u64>,
}

/// Why a text is no price.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PriceTagError {
    /// Not a number with a currency behind it.
    #[error("`{0}` is no price; write it like `1200`, `0.5wei` or `0.02usd/1000000`")]
    NotAPrice(String),
    /// For no pixels, or for too many.
    #[error("`{0}` is not a number of pixels; a price is for at least one")]
    Pixels(String),
}

impl PriceTag {
    /// The price of so many pixels, unless it says of how many itself.
    #[must_use]
    pub fn per(mut self, pixels: u64) -> Self {
        self.pixels = self.pixels.or(Some(pixels.max(1)));
        self
    }

    /// The digits as they were written, in its currency.
    #[must_use]
    pub fn amount(&self) -> &str {
        &self.amount
    }

    /// How many pixels it is for.
    #[must_use]
    pub fn pixels(&self) -> u64 {
        self.pixels.unwrap_or(1)
    }

    /// The price in wei for a pixel, where no feed is needed to tell it.
    #[must_use]
    pub fn wei_per_pixel(&self) -> Option<Price> {
        self.in_wei(None).ok()
    }

    /// What it is counted in.
    #[must_use]
    pub fn currency(&self) -> &Currency {
        &self.currency
    }

    /// Whether it is for nothing.
    #[must_use]
    pub fn is_free(&self) -> bool {
        self.value.is_zero()
    }

    /// The price in wei, with what a feed says where that is needed.
    ///
    /// # Errors
    /// [`PriceError`] for a currency nobody knows the price of.
    pub fn in_wei(&self, reading: Option<&Reading>) -> Result<Price, PriceError> {
        let ether = || BigRational::from_integer(BigInt::from(10_u64.pow(18)));
        let of_one = match &self.currency {
            Currency::Wei => BigRational::from_integer(1.into()),
            Currency::Eth => ether(),
            Currency::Other(_) if self.is_free() => BigRational::zero(),
            Currency::Other(name) => {
                let reading = reading.ok_or_else(|| PriceError::NoFeed(self.currency.clone()))?;
                reading.eth_of_one(name)? * ether()
            }
        };
        let price = &self.value * of_one / BigRational::from_integer(self.pixels.unwrap_or(1).into());
        Price::from_ratio(price.numer().clone(), price.denom().clone())
            .ok_or_else(|| PriceError::NoFeed(self.currency.clone()))
    }
}

/// Digits with at most one point between them, exactly.
fn decimal(text: &str) -> Option<BigRational> {
    let (whole, fraction) = match text.split_once('.') {
        None => (text, ""),
        Some((_, "")) => return None,
        Some(parts) => parts,
    };
    let is_number = |part: &str| part.len() <= MOST_DIGITS && part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_number(whole) || !is_number(fraction) {
        return None;
    }
    let digits: BigInt = format!("{whole}{fraction}").parse().ok()?;
    let places = u32::try_from(fraction.len()).ok()?;
    Some(BigRational::new(digits, BigInt::from(10).pow(places)))
}

impl fmt::Display for PriceTag {
    /// As it is written: `0.02usd/1000000`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.amount, self.currency)?;
        match self.pixels {
            None | Some(1) => Ok(()),
            Some(pixels) => write!(f, "/{pixels}"),
        }
    }
}

impl FromStr for PriceTag {
    type Err = PriceTagError;

    fn from_str(text: &str) -> Result<Self, PriceTagError> {
        let shown = || {
            text.chars()
                .take(80)
                .collect::<String>()
                .escape_debug()
                .to_string()
        };
        let wrong = || PriceTagError::NotAPrice(shown());
        let (price, pixels) = match text.trim().split_once('/') {
            None => (text.trim(), None),
            Some((price, pixels)) => {
                let pixels = pixels.trim().parse::<u64>().ok();
                let pixels = pixels.filter(|pixels| (1..=i64::MAX.unsigned_abs()).contains(pixels));
                (
                    price.trim(),
                    Some(pixels.ok_or_else(|| PriceTagError::Pixels(shown()))?),
                )
            }
        };
        let end = price
            .find(|c: char| c.is_ascii_alphabetic())
            .unwrap_or(price.len());
        let (amount, currency) = (price[..end].trim_end(), &price[end..]);
        let value = decimal(amount).ok_or_else(wrong)?;
        let is_name = currency.bytes().all(|byte| byte.is_ascii_alphanumeric()) && currency.len() <= 16;
        let currency = match currency.to_ascii_lowercase().as_str() {
            _ if !is_name => return Err(wrong()),
            "" | "wei" => Currency::Wei,
            "eth" => Currency::Eth,
            other => Currency::Other(other.to_ascii_uppercase()),
        };
        Ok(Self {
            amount: amount.to_string(),
            value,
            currency,
            pixels,
        })
    }
}

impl TryFrom<String> for PriceTag {
    type Error = PriceTagError;

    fn try_from(text: String) -> Result<Self, PriceTagError> {
        text.parse()
    }
}

impl From<PriceTag> for String {
    fn from(tag: PriceTag) -> Self {
        tag.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_read_as_they_are_written() {
        for (text, pixels, shown, wei) in [
            ("1200", 1, "1200wei", "1200"),
            ("0.5wei", 1, "0.5wei", "1/2"),
            ("1", 3, "1wei/3", "1/3"),
            ("0.0000000000000012ETH", 1, "0.0000000000000012eth", "1200"),
            (" 3 wei / 7 ", 5, "3wei/7", "3/7"),
            ("0usd", 1, "0usd", "0"),
        ] {
            let tag = text.parse::<PriceTag>().unwrap().per(pixels);
            assert_eq!(tag.to_string(), shown);
            assert_eq!(tag.in_wei(None).unwrap().to_string(), wei, "{text}");
            assert_eq!(shown.parse::<PriceTag>().unwrap().per(1), tag);
        }
        let dollars = "0.02usd".parse::<PriceTag>().unwrap().per(1_000_000);
        assert_eq!(dollars.to_string(), "0.02usd/1000000");
        assert_eq!(dollars.currency(), &Currency::Other("USD".to_string()));
        assert!(matches!(dollars.in_wei(None), Err(PriceError::NoFeed(_))));
    }

    #[test]
    fn what_is_no_price_is_told() {
        for text in ["", "usd", "-1", "1,5", "1.", ".5", "1 2", "1usd!", "1__", "1 000"] {
            let read = text.parse::<PriceTag>();
            assert!(matches!(read, Err(PriceTagError::NotAPrice(_))), "{text}");
        }
        // Letters behind a number are a currency, which no feed will know.
        assert!("1e9".parse::<PriceTag>().unwrap().in_wei(None).is_err());
        for text in ["1/0", "1/-1", "1/x", "1/9223372036854775808"] {
            let read = text.parse::<PriceTag>();
            assert!(matches!(read, Err(PriceTagError::Pixels(_))), "{text}");
        }
        assert!("9".repeat(31).parse::<PriceTag>().is_err());
    }
}
