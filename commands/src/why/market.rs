//! What other orchestrators ask, beside what this one asks.

use alloy::primitives::Address;
use engine::{
    gateway::{orchestrator::OrchestratorError, price::Price, survey::Surveyed},
    view::chain::OrchestratorFacts,
    wire::{capability::satisfies, client::parse_node_address},
};
use serde::Serialize;
use url::Url;

use crate::shell::escape;

/// Whom to ask: `count` of the others, spread evenly over the ranks.
pub(super) fn spread(pool: &[OrchestratorFacts], without: Address, count: usize) -> Vec<(Address, Url)> {
    let others: Vec<(Address, Url)> = pool
        .iter()
        .filter(|other| other.address != without && other.active)
        .filter_map(|other| {
            let uri = parse_node_address(other.service_uri.as_deref()?).ok()?;
            Some((other.address, uri))
        })
        .collect();
    let count = count.min(others.len());
    (0..count)
        .filter_map(|place| others.get(place * others.len() / count).cloned())
        .collect()
}

/// What asking the others came to.
#[derive(Debug, Serialize)]
pub(super) struct Market {
    /// Others asked.
    asked: usize,
    /// Who answered, if only with a refusal.
    answered: usize,
    /// Who told a price.
    priced: usize,
    /// Who asks less than this one; none if this one's price is not known.
    cheaper: Option<usize>,
    /// What this one asks for a pixel, in wei, as a fraction.
    price_wei_per_pixel: Option<String>,
    /// The middle of what others ask.
    median_wei_per_pixel: Option<String>,
    /// Others that run something newer than this one.
    newer: usize,
    /// Others that tell their version.
    versioned: usize,
    /// Asked as an account with a deposit.
    as_gateway: bool,
    /// Each of them.
    orchestrators: Vec<Other>,
}

/// One of them.
#[derive(Debug, Serialize)]
struct Other {
    address: Address,
    uri: String,
    price_wei_per_pixel: Option<String>,
    version: Option<String>,
    took_ms: u64,
    error: Option<String>,
}

impl Market {
    pub(super) fn of(mine: Option<&Surveyed>, others: &[Surveyed], as_gateway: bool) -> Self {
        let own = mine.and_then(|mine| mine.answer.as_ref().ok());
        let offers = || others.iter().filter_map(|other| other.answer.as_ref().ok());
        let mut prices: Vec<Price> = offers().filter_map(|offer| offer.price).collect();
        prices.sort_unstable();
        let price = own.and_then(|own| own.price);
        let versions: Vec<&str> = offers()
            .map(|offer| offer.version.as_str())
            .filter(|text| !text.is_empty())
            .collect();
        let newer = own.map_or(0, |own| {
            versions
                .iter()
                .filter(|theirs| !satisfies(&own.version, theirs))
                .count()
        });
        let told = |price: Price| price.exact().to_string();
        Self {
            asked: others.len(),
            answered: others
                .iter()
                .filter(|other| {
                    other
                        .answer
                        .as_ref()
                        .err()
                        .is_none_or(|error| !error.is_unreachable())
                })
                .count(),
            priced: prices.len(),
            cheaper: price.map(|price| prices.iter().filter(|other| **other < price).count()),
            price_wei_per_pixel: price.map(told),
            median_wei_per_pixel: prices.get(prices.len() / 2).copied().map(told),
            newer,
            versioned: versions.len(),
            as_gateway,
            orchestrators: others.iter().map(other).collect(),
        }
    }

    pub(super) fn sentence(&self) -> String {
        if self.asked == 0 {
            return "no other orchestrator was asked".to_string();
        }
        let prices = match (self.priced, self.as_gateway) {
            (0, false) => "none told a price (`--as` names an account with a deposit to ask as)".to_string(),
            (priced, _) => format!("{priced} told a price"),
        };
        format!("{} of {} others answered, {prices}", self.answered, self.asked)
    }

    /// Most of those who told a price ask less, and how many of how many.
    pub(super) fn dearer_than(&self) -> Option<(usize, usize)> {
        let cheaper = self.cheaper?;
        (self.priced > 0).then_some((cheaper, self.priced))
    }

    pub(super) fn price(&self) -> Option<&str> {
        self.price_wei_per_pixel.as_deref()
    }

    pub(super) fn median(&self) -> Option<&str> {
        self.median_wei_per_pixel.as_deref()
    }

    pub(super) fn versions(&self) -> (usize, usize) {
        (self.newer, self.versioned)
    }
}

fn other(surveyed: &Surveyed) -> Other {
    let offer = surveyed.answer.as_ref().ok();
    Other {
        address: surveyed.account,
        uri: surveyed.uri.as_str().trim_end_matches('/').to_string(),
        price_wei_per_pixel: offer
            .and_then(|offer| offer.price)
            .map(|price| price.exact().to_string()),
        version: offer
            .map(|offer| escape(&offer.version))
            .filter(|version| !version.is_empty()),
        took_ms: u64::try_from(surveyed.took.as_millis()).unwrap_or(u64::MAX),
        error: surveyed
            .answer
            .as_ref()
            .err()
            .map(|error: &OrchestratorError| escape(&error.to_string())),
    }
}
