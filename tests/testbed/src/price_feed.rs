//! A price feed on a chain: a few bytes of code that answer what Chainlink's would.

use std::time::{SystemTime, UNIX_EPOCH};

use alloy::{
    primitives::{Address, Bytes, I256, U256},
    providers::{ProviderBuilder, ext::AnvilApi as _},
    sol,
    sol_types::{SolCall, SolValue},
};

use crate::Devnet;

sol! {
    function decimals() external view returns (uint8);
    function description() external view returns (string memory);
    function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80);
}

/// Where the feed is.
pub const PRICE_FEED: Address = Address::repeat_byte(0xfe);

/// Code that answers each of these calls with these bytes, and reverts for any other.
fn answering(answers: &[([u8; 4], Vec<u8>)]) -> Bytes {
    let short = |number: usize| u16::try_from(number).expect("little code").to_be_bytes();
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

/// Puts a feed there that answers so: what it prices, its answer with eight decimals, and how old that is.
///
/// # Panics
/// If the devnet does not answer.
pub async fn price_feed(devnet: &Devnet, description: &str, answer: i64, hours_old: u64) {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a clock past 1970");
    let written = now.as_secs() - hours_old * 3600;
    let round = (
        U256::from(1),
        I256::try_from(answer).expect("it fits"),
        U256::from(1),
        U256::from(written),
        U256::from(1),
    );
    let code = answering(&[
        (decimalsCall::SELECTOR, U256::from(8).abi_encode()),
        (descriptionCall::SELECTOR, description.to_string().abi_encode()),
        (latestRoundDataCall::SELECTOR, round.abi_encode()),
    ]);
    let provider = ProviderBuilder::new().connect_http(devnet.rpc_url.parse().expect("a URL"));
    provider
        .anvil_set_code(PRICE_FEED, code)
        .await
        .expect("the devnet answers");
}
