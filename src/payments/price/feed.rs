//! What ETH costs in a currency, as a contract on the chain says it: Chainlink's `AggregatorV3Interface`.

use std::{future::Future, pin::Pin, time::Duration};

use jiff::Timestamp;
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::Signed;

use super::prices::PriceError;

/// A feed older than this is not believed: those for ETH are written at least once a day.
pub(super) const MOST_AGE: Duration = Duration::from_secs(25 * 3600);
/// A longer description is none.
const MOST_DESCRIPTION: usize = 64;

/// What a feed's contract answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedReading {
    /// What is priced in what, like `ETH / USD`.
    pub description: String,
    /// Digits of the answer behind the point.
    pub decimals: u8,
    /// The price.
    pub answer: BigInt,
    /// When it was written, in Unix seconds.
    pub updated_at: u64,
}

/// Why a feed is of no use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FeedError {
    /// It could not be asked.
    #[error("the price feed cannot be read: {0}")]
    Unreadable(String),
    /// It says of no two currencies that one of them is ETH.
    #[error("the price feed is for `{0}`, not for ETH in a currency")]
    NotOfEth(String),
    /// A price of nothing or less.
    #[error("the price feed says {0}, which is no price")]
    NoPrice(String),
    /// Nobody has written it for too long.
    #[error("the price feed was last written {hours} hours ago")]
    Stale {
        /// How long.
        hours: u64,
    },
}

/// Who reads the feed.
pub trait Feed: Send + Sync {
    /// What it says now.
    fn read(&self) -> Pin<Box<dyn Future<Output = Result<FeedReading, FeedError>> + Send + '_>>;
}

/// A reading that makes sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    currency: String,
    /// ETH for one of the currency.
    eth: BigRational,
    updated_at: Timestamp,
}

impl Reading {
    /// Checks a feed's answer: two currencies, one of them ETH, and a price above nothing. Its age is asked with its use.
    ///
    /// # Errors
    /// [`FeedError`].
    pub fn new(read: &FeedReading) -> Result<Self, FeedError> {
        let not_of_eth = || {
            let shown: String = read.description.chars().take(MOST_DESCRIPTION).collect();
            FeedError::NotOfEth(shown.escape_debug().to_string())
        };
        let (base, quote) = read.description.split_once('/').ok_or_else(not_of_eth)?;
        let (base, quote) = (
            base.trim().to_ascii_uppercase(),
            quote.trim().to_ascii_uppercase(),
        );
        if !read.answer.is_positive() {
            return Err(FeedError::NoPrice(read.answer.to_string()));
        }
        let quotes = BigRational::new(
            read.answer.clone(),
            BigInt::from(10).pow(u32::from(read.decimals)),
        );
        let (currency, eth) = match (base.as_str(), quote.as_str()) {
            ("ETH", "ETH") | ("", _) | (_, "") => return Err(not_of_eth()),
            ("ETH", _) => (quote, quotes.recip()),
            (_, "ETH") => (base, quotes),
            _ => return Err(not_of_eth()),
        };
        let seconds = i64::try_from(read.updated_at).unwrap_or(i64::MAX);
        let updated_at =
            Timestamp::from_second(seconds).map_err(|_| FeedError::NoPrice(seconds.to_string()))?;
        Ok(Self {
            currency,
            eth,
            updated_at,
        })
    }

    /// Whether it is too old to be believed.
    ///
    /// # Errors
    /// [`FeedError::Stale`].
    pub fn check_age(&self, now: Timestamp) -> Result<(), FeedError> {
        let age = now.as_second().saturating_sub(self.updated_at.as_second());
        let age = u64::try_from(age).unwrap_or(0);
        match age > MOST_AGE.as_secs() {
            true => Err(FeedError::Stale { hours: age / 3600 }),
            false => Ok(()),
        }
    }

    /// When it was written.
    #[must_use]
    pub fn updated_at(&self) -> Timestamp {
        self.updated_at
    }

    /// The currency it knows, in capital letters.
    #[must_use]
    pub fn currency(&self) -> &str {
        &self.currency
    }

    /// ETH for one of a currency.
    pub(super) fn eth_of_one(&self, currency: &str) -> Result<BigRational, PriceError> {
        match self.currency == currency {
            true => Ok(self.eth.clone()),
            false => Err(PriceError::OtherCurrency {
                wanted: currency.to_string(),
                known: self.currency.clone(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(description: &str, answer: i64, updated_at: u64) -> FeedReading {
        FeedReading {
            description: description.to_string(),
            decimals: 8,
            answer: answer.into(),
            updated_at,
        }
    }

    #[test]
    fn either_side_may_be_eth() {
        let dollars = Reading::new(&reading("ETH / USD", 250_000_000_000, 0)).unwrap();
        assert_eq!(
            dollars.eth_of_one("USD").unwrap(),
            BigRational::new(1.into(), 2500.into())
        );
        assert!(matches!(
            dollars.eth_of_one("EUR"),
            Err(PriceError::OtherCurrency { .. })
        ));
        let tokens = Reading::new(&reading("lpt/eth", 200_000, 0)).unwrap();
        assert_eq!(
            tokens.eth_of_one("LPT").unwrap(),
            BigRational::new(1.into(), 500.into())
        );
        for other in ["USD / EUR", "ETH", "", "ETH / ETH", "ETH /", "/ ETH"] {
            let refused = Reading::new(&reading(other, 1, 0));
            assert!(matches!(refused, Err(FeedError::NotOfEth(_))), "{other}");
        }
    }

    // Trap 23.
    #[test]
    fn a_feed_that_says_nothing_or_less_is_not_believed() {
        for answer in [0, -1, i64::MIN] {
            let refused = Reading::new(&reading("ETH / USD", answer, 0));
            assert!(matches!(refused, Err(FeedError::NoPrice(_))), "{answer}");
        }
    }

    // Trap 23.
    #[test]
    fn a_feed_nobody_writes_is_not_believed() {
        let written = Reading::new(&reading("ETH / USD", 1, 1_000_000)).unwrap();
        let after = |hours: i64| Timestamp::from_second(1_000_000 + hours * 3600).unwrap();
        assert_eq!(written.check_age(after(25)), Ok(()));
        assert_eq!(written.check_age(after(-5)), Ok(()));
        assert_eq!(written.check_age(after(26)), Err(FeedError::Stale { hours: 26 }));
    }
}
