//! Who is asked for how much: the usual price, prices of single gateways, what a webhook said, and what redeeming costs
//! on top.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use alloy::primitives::Address;
use jiff::Timestamp;
use num_rational::BigRational;
use num_traits::{One, Signed};
use tokio_util::sync::CancellationToken;

use super::{
    feed::{Feed, FeedError, Reading},
    tag::{Currency, PriceTag},
    wire::fitting,
};
use crate::payments::amount::Price;

/// How long a webhook's word holds (`go-livepeer server/rpc.go`).
const WORD_HOLDS: Duration = Duration::from_secs(30 * 60);
/// As many gateways are remembered with a webhook's word.
const MOST_WORDS: usize = 10_000;
/// How often a feed is read while a price needs it: sessions keep the price they began with.
const READ_AGAIN: Duration = Duration::from_secs(5 * 60);
/// How soon after a failure.
const TRY_AGAIN: Duration = Duration::from_secs(30);

/// What an operator asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceSettings {
    /// Of gateways without a price of their own.
    pub usual: PriceTag,
    /// Of single gateways.
    pub gateways: BTreeMap<Address, PriceTag>,
    /// Whether what redeeming tickets costs is added.
    pub auto_adjust: bool,
}

/// Why no price can be named.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PriceError {
    /// A price in a currency, and no feed.
    #[error("nothing tells what {0} is worth: there is no price feed")]
    NoFeed(Currency),
    /// The feed is for another currency.
    #[error("the price feed knows {known}, not {wanted}")]
    OtherCurrency {
        /// What is needed.
        wanted: String,
        /// What is there.
        known: String,
    },
    /// The feed is of no use.
    #[error(transparent)]
    Feed(#[from] FeedError),
}

/// All prices of a node. Cheap to clone.
#[derive(Clone)]
pub struct Prices(Arc<Inner>);

struct Inner {
    feed: Option<Box<dyn Feed>>,
    state: Mutex<State>,
}

struct State {
    settings: PriceSettings,
    reading: Option<Reading>,
    words: HashMap<Address, (Price, Instant)>,
}

impl std::fmt::Debug for Prices {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Prices").field(&self.settings()).finish()
    }
}

impl Prices {
    /// From what the operator asks for, and who reads the feed.
    #[must_use]
    pub fn new(settings: PriceSettings, feed: Option<Box<dyn Feed>>) -> Self {
        Self(Arc::new(Inner {
            feed,
            state: Mutex::new(State {
                settings,
                reading: None,
                words: HashMap::new(),
            }),
        }))
    }

    /// What the operator asks for now.
    #[must_use]
    pub fn settings(&self) -> PriceSettings {
        self.state().settings.clone()
    }

    /// Reads the feed, if a price needs it, and says whether every price can be named now.
    ///
    /// # Errors
    /// [`PriceError`] for the first price that cannot.
    pub async fn refresh(&self) -> Result<(), PriceError> {
        let settings = self.settings();
        self.name_all(&settings).await
    }

    /// Takes another usual price, or one for a gateway; none takes a gateway's own price away. Running sessions keep
    /// the price they began with.
    ///
    /// # Errors
    /// [`PriceError`] for a price that cannot be named; then nothing changes.
    pub async fn set(&self, gateway: Option<Address>, tag: Option<PriceTag>) -> Result<(), PriceError> {
        let change = |settings: &mut PriceSettings| match (gateway, &tag) {
            (None, Some(tag)) => settings.usual = tag.clone(),
            (None, None) => {}
            (Some(gateway), Some(tag)) => {
                settings.gateways.insert(gateway, tag.clone());
            }
            (Some(gateway), None) => {
                settings.gateways.remove(&gateway);
            }
        };
        let mut settings = self.settings();
        change(&mut settings);
        self.name_all(&settings).await?;
        change(&mut self.state().settings);
        Ok(())
    }

    /// Keeps the feed's word fresh as long as a price needs it.
    pub async fn follow(&self, stop: CancellationToken) {
        let mut has_failed = false;
        loop {
            let wait = if has_failed { TRY_AGAIN } else { READ_AGAIN };
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(wait) => {}
            }
            match self.refresh().await {
                Ok(()) if has_failed => {
                    has_failed = false;
                    tracing::info!("the price feed can be read again");
                }
                Ok(()) => {}
                Err(error) => {
                    if !has_failed {
                        tracing::warn!(%error, "a price cannot be told anew; the last one holds until it is too old");
                    }
                    has_failed = true;
                }
            }
        }
    }

    /// What a webhook says a gateway pays from now on; none: it says nothing, and an earlier word ends.
    pub fn hear(&self, gateway: Address, price: Option<Price>) {
        let mut state = self.state();
        match price {
            None => {
                state.words.remove(&gateway);
            }
            Some(price) => {
                if state.words.len() >= MOST_WORDS {
                    state.words.retain(|_, (_, heard)| heard.elapsed() < WORD_HOLDS);
                }
                if state.words.len() < MOST_WORDS {
                    state.words.insert(gateway, (price, Instant::now()));
                }
            }
        }
    }

    /// What a gateway pays before anything is added, and whether something may be: a webhook's word is the last one.
    ///
    /// # Errors
    /// [`PriceError`].
    pub fn base(&self, gateway: Address) -> Result<(Price, bool), PriceError> {
        let state = self.state();
        let word = state.words.get(&gateway);
        if let Some((price, _)) = word.filter(|(_, heard)| heard.elapsed() < WORD_HOLDS) {
            return Ok((fitting(price), false));
        }
        let settings = &state.settings;
        let tag = settings.gateways.get(&gateway).unwrap_or(&settings.usual);
        let price = tag.in_wei(fresh(tag, state.reading.as_ref())?)?;
        Ok((fitting(&price), settings.auto_adjust))
    }

    /// A price with what redeeming adds to it: one part in so many, as many as a ticket pays times what redeeming it
    /// costs. None: redeeming costs nothing.
    #[must_use]
    pub fn with_overhead(price: &Price, multiplier: Option<&BigRational>) -> Price {
        let Some(multiplier) = multiplier.filter(|multiplier| multiplier.is_positive()) else {
            return price.clone();
        };
        let whole = price.as_ratio() * (BigRational::one() + multiplier.recip());
        let whole = Price::from_ratio(whole.numer().clone(), whole.denom().clone());
        whole.map_or_else(|| price.clone(), |price| fitting(&price))
    }

    /// Reads the feed if one of these needs it, and names them all.
    async fn name_all(&self, settings: &PriceSettings) -> Result<(), PriceError> {
        let tags = || std::iter::once(&settings.usual).chain(settings.gateways.values());
        let reading = match tags().find(|tag| needs_feed(tag)) {
            None => None,
            Some(tag) => {
                let feed = self.0.feed.as_ref();
                let feed = feed.ok_or_else(|| PriceError::NoFeed(tag.currency().clone()))?;
                Some(Reading::new(&feed.read().await?)?)
            }
        };
        for tag in tags() {
            tag.in_wei(fresh(tag, reading.as_ref())?)?;
        }
        // Only what names them all takes the place of what did so far.
        if reading.is_some() {
            self.state().reading = reading;
        }
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn needs_feed(tag: &PriceTag) -> bool {
    matches!(tag.currency(), Currency::Other(_)) && !tag.is_free()
}

/// The reading, if a price needs one and it is young enough.
fn fresh<'a>(tag: &PriceTag, reading: Option<&'a Reading>) -> Result<Option<&'a Reading>, FeedError> {
    match reading.filter(|_| needs_feed(tag)) {
        None => Ok(None),
        Some(reading) => reading.check_age(Timestamp::now()).map(|()| Some(reading)),
    }
}

#[cfg(test)]
mod tests {
    use std::{future::Future, pin::Pin};

    use super::{super::feed::FeedReading, *};

    /// A feed that says what it is told to.
    #[derive(Clone, Default)]
    struct Told(Arc<Mutex<Option<(i64, u64)>>>);

    impl Feed for Told {
        fn read(&self) -> Pin<Box<dyn Future<Output = Result<FeedReading, FeedError>> + Send + '_>> {
            let told = *self.0.lock().unwrap();
            Box::pin(async move {
                let (answer, updated_at) = told.ok_or(FeedError::Unreadable("no answer".to_string()))?;
                Ok(FeedReading {
                    description: "ETH / USD".to_string(),
                    decimals: 8,
                    answer: answer.into(),
                    updated_at,
                })
            })
        }
    }

    fn settings(usual: &str) -> PriceSettings {
        PriceSettings {
            usual: usual.parse().unwrap(),
            gateways: BTreeMap::new(),
            auto_adjust: true,
        }
    }

    fn seconds(before: u64) -> u64 {
        u64::try_from(Timestamp::now().as_second()).unwrap() - before
    }

    #[tokio::test]
    async fn a_price_in_dollars_follows_the_feed_and_ends_with_it() {
        let feed = Told::default();
        let prices = Prices::new(settings("0.0025usd/1000000"), Some(Box::new(feed.clone())));
        assert!(matches!(
            prices.refresh().await,
            Err(PriceError::Feed(FeedError::Unreadable(_)))
        ));
        assert!(matches!(prices.base(Address::ZERO), Err(PriceError::NoFeed(_))));
        *feed.0.lock().unwrap() = Some((250_000_000_000, seconds(0)));
        prices.refresh().await.unwrap();
        // 0.0025 dollars are 10⁻⁶ ETH, for a million pixels.
        assert_eq!(
            prices.base(Address::ZERO).unwrap(),
            (Price::new(1_000_000, 1).unwrap(), true)
        );
        *feed.0.lock().unwrap() = Some((250_000_000_000, seconds(26 * 3600)));
        assert!(matches!(
            prices.refresh().await,
            Err(PriceError::Feed(FeedError::Stale { .. }))
        ));
        // What was read before holds until it is too old itself.
        assert!(prices.base(Address::ZERO).is_ok());
    }

    #[tokio::test]
    async fn a_gateway_has_the_price_that_was_last_said() {
        let prices = Prices::new(settings("1000"), None);
        let (one, other) = (Address::repeat_byte(1), Address::repeat_byte(2));
        let of = |gateway| prices.base(gateway).unwrap().0.to_string();
        prices.set(Some(one), Some("7/2".parse().unwrap())).await.unwrap();
        assert_eq!([of(one), of(other)], ["7/2", "1000"]);
        prices.hear(one, Price::new(5, 1));
        assert_eq!(prices.base(one).unwrap(), (Price::new(5, 1).unwrap(), false));
        prices.hear(one, None);
        prices.set(Some(one), None).await.unwrap();
        prices.set(None, Some("2000".parse().unwrap())).await.unwrap();
        assert_eq!([of(one), of(other)], ["2000", "2000"]);
        let refused = prices.set(None, Some("1usd".parse().unwrap())).await;
        assert!(matches!(refused, Err(PriceError::NoFeed(_))));
        assert_eq!(of(one), "2000");
    }

    #[test]
    fn redeeming_is_paid_by_the_price() {
        let price = Price::new(1200, 1).unwrap();
        let hundred = BigRational::from_integer(100.into());
        assert_eq!(Prices::with_overhead(&price, Some(&hundred)).to_string(), "1212");
        assert_eq!(Prices::with_overhead(&price, None), price);
        // Trap 22: what go-livepeer's three decimals would make of nothing is still something.
        let tiny = Price::new(1, 10_000).unwrap();
        assert_eq!(
            Prices::with_overhead(&tiny, Some(&hundred)).to_string(),
            "101/1000000"
        );
        assert!(Prices::with_overhead(&Price::free(), Some(&hundred)).is_free());
    }
}
