//! Reading a price feed: Chainlink's `AggregatorV3Interface`, wherever it is.

use std::{future::Future, pin::Pin};

use alloy::{
    primitives::{Address, I256},
    sol,
};
use num_bigint::BigInt;

use super::{Chain, ChainError, calls::Calls, facts::Beside};
use crate::payments::price::{Feed, FeedError, FeedReading};

sol! {
    /// `smartcontractkit/chainlink contracts/src/v0.8/interfaces/AggregatorV3Interface.sol`
    interface AggregatorV3 {
        function decimals() external view returns (uint8);
        function description() external view returns (string memory);
        function latestRoundData() external view returns (
            uint80 roundId,
            int256 answer,
            uint256 startedAt,
            uint256 updatedAt,
            uint80 answeredInRound
        );
    }
}

/// A feed at an address of a chain.
#[derive(Debug, Clone)]
pub struct PriceFeed {
    chain: Chain,
    address: Address,
}

impl PriceFeed {
    /// The feed at that address. Nothing is asked yet.
    #[must_use]
    pub fn new(chain: Chain, address: Address) -> Self {
        Self { chain, address }
    }

    async fn ask(&self) -> Result<FeedReading, ChainError> {
        let (now, _) = self.chain.now(None).await?;
        let mut calls = Calls::default();
        let decimals = calls.add(self.address, &AggregatorV3::decimalsCall {});
        let description = calls.add(self.address, &AggregatorV3::descriptionCall {});
        let latest = calls.add(self.address, &AggregatorV3::latestRoundDataCall {});
        let answers = self
            .chain
            .read(&now.head, calls, Beside::default())
            .await?
            .answers;
        let latest = answers.get(latest)?;
        Ok(FeedReading {
            description: answers.get(description)?,
            decimals: answers.get(decimals)?,
            answer: signed(latest.answer),
            updated_at: latest.updatedAt.saturating_to(),
        })
    }
}

impl Feed for PriceFeed {
    fn read(&self) -> Pin<Box<dyn Future<Output = Result<FeedReading, FeedError>> + Send + '_>> {
        Box::pin(async move {
            self.ask()
                .await
                .map_err(|error| FeedError::Unreadable(error.to_string()))
        })
    }
}

/// The contracts' integer as ours.
fn signed(value: I256) -> BigInt {
    BigInt::from_signed_bytes_be(&value.to_be_bytes::<32>())
}
