//! Prices from a feed on a chain: a few bytes of code that answer what a feed would.

use alloy::{
    primitives::{Address, Bytes, I256, U256},
    providers::ProviderBuilder,
    sol,
    sol_types::{SolCall, SolValue},
};
use engine::{
    chain::PriceFeed,
    payments::{
        Price, PriceSettings, Prices,
        price::{FeedError, PriceError},
    },
};
use testbed::Devnet;

use super::connect;

sol! {
    function decimals() external view returns (uint8);
    function description() external view returns (string memory);
    function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80);
}

const FEED: Address = Address::repeat_byte(0xfe);

/// Code that answers each of these calls with these bytes, and reverts for any other.
fn answering(answers: &[([u8; 4], Vec<u8>)]) -> Bytes {
    let short = |number: usize| u16::try_from(number).unwrap().to_be_bytes();
    let handlers = 6 + 11 * answers.len() + 4;
    let mut data = handlers + 16 * answers.len();
    // The selector: the first four bytes of the input.
    let mut code = vec![0x60, 0x00, 0x35, 0x60, 0xe0, 0x1c];
    for (index, (selector, _)) in answers.iter().enumerate() {
        code.extend([0x80, 0x63]);
        code.extend(selector);
        code.extend([0x14, 0x61]);
        code.extend(short(handlers + 16 * index));
        code.push(0x57);
    }
    code.extend([0x60, 0x00, 0x80, 0xfd]);
    for (_, answer) in answers {
        code.extend([0x5b, 0x61]);
        code.extend(short(answer.len()));
        code.push(0x61);
        code.extend(short(data));
        code.extend([0x60, 0x00, 0x39, 0x61]);
        code.extend(short(answer.len()));
        code.extend([0x60, 0x00, 0xf3]);
        data += answer.len();
    }
    code.extend(answers.iter().flat_map(|(_, answer)| answer));
    code.into()
}

async fn feed(devnet: &Devnet, description: &str, answer: i64, hours_old: i64) {
    let written = jiff::Timestamp::now().as_second() - hours_old * 3600;
    let round = (
        U256::from(1),
        I256::try_from(answer).unwrap(),
        U256::from(1),
        U256::from(written.unsigned_abs()),
        U256::from(1),
    );
    let code = answering(&[
        (decimalsCall::SELECTOR, U256::from(8).abi_encode()),
        (descriptionCall::SELECTOR, description.to_string().abi_encode()),
        (latestRoundDataCall::SELECTOR, round.abi_encode()),
    ]);
    let provider = ProviderBuilder::new().connect_http(devnet.rpc_url.parse().unwrap());
    alloy::providers::ext::AnvilApi::anvil_set_code(&provider, FEED, code)
        .await
        .unwrap();
}

fn prices(chain: &engine::chain::Chain, usual: &str) -> Prices {
    let settings = PriceSettings {
        usual: usual.parse().unwrap(),
        gateways: std::iter::empty().collect(),
        auto_adjust: false,
    };
    Prices::new(settings, Some(Box::new(PriceFeed::new(chain.clone(), FEED))))
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
    feed(&devnet, "ETH / USD", 250_000_000_000, 1).await;
    dollars.refresh().await.unwrap();
    let base = |prices: &Prices| prices.base(Address::ZERO).unwrap().0;
    assert_eq!(base(&dollars), Price::new(1_000_000, 1).unwrap());
    // Twice as dear an ETH: half as much of it.
    feed(&devnet, "ETH / USD", 500_000_000_000, 1).await;
    dollars.refresh().await.unwrap();
    assert_eq!(base(&dollars), Price::new(500_000, 1).unwrap());
    for (description, answer, hours_old) in [
        ("ETH / USD", 0, 1),
        ("ETH / USD", -1, 1),
        ("ETH / USD", 250_000_000_000, 26),
        ("BTC / USD", 250_000_000_000, 1),
        ("ETH / EUR", 250_000_000_000, 1),
    ] {
        feed(&devnet, description, answer, hours_old).await;
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
