//! Prices from a feed on a chain.

use alloy::primitives::Address;
use engine::{
    chain::PriceFeed,
    payments::{
        Price, PriceSettings, Prices,
        price::{FeedError, PriceError},
    },
};
use testbed::{PRICE_FEED, price_feed};

use super::connect;

fn prices(chain: &engine::chain::Chain, usual: &str) -> Prices {
    let settings = PriceSettings {
        usual: usual.parse().unwrap(),
        gateways: std::iter::empty().collect(),
        auto_adjust: false,
    };
    Prices::new(
        settings,
        Some(Box::new(PriceFeed::new(chain.clone(), PRICE_FEED))),
    )
}

// Trap 23.
#[tokio::test]
async fn a_price_in_a_currency_is_as_good_as_its_feed() {
    let devnet = testbed::devnet().await;
    let chain = connect(&devnet).await;
    let dollars = prices(&chain, "0.0025usd/1000000");
    assert!(matches!(
        dollars.refresh().await,
        Err(PriceError::Feed(FeedError::Unreadable(_)))
    ));
    price_feed(&devnet, "ETH / USD", 250_000_000_000, 1).await;
    dollars.refresh().await.unwrap();
    let base = |prices: &Prices| prices.base(Address::ZERO).unwrap().0;
    assert_eq!(base(&dollars), Price::new(1_000_000, 1).unwrap());
    // Twice as dear an ETH: half as much of it.
    price_feed(&devnet, "ETH / USD", 500_000_000_000, 1).await;
    dollars.refresh().await.unwrap();
    assert_eq!(base(&dollars), Price::new(500_000, 1).unwrap());
    for (description, answer, hours_old) in [
        ("ETH / USD", 0, 1),
        ("ETH / USD", -1, 1),
        ("ETH / USD", 250_000_000_000, 26),
        ("BTC / USD", 250_000_000_000, 1),
        ("ETH / EUR", 250_000_000_000, 1),
    ] {
        price_feed(&devnet, description, answer, hours_old).await;
        assert!(
            dollars.refresh().await.is_err(),
            "{description} {answer} {hours_old}"
        );
        // The last good word holds until it is too old itself.
        assert_eq!(base(&dollars), Price::new(500_000, 1).unwrap());
        assert!(prices(&chain, "1usd").refresh().await.is_err());
    }
    // Prices in ETH need no feed.
    prices(&chain, "0.000001eth/1000000").refresh().await.unwrap();
}
