//! Choosing among orchestrators of whose speed nothing is known (`go-livepeer server/selection_algorithm.go`).

use alloy::primitives::U256;
use rand::{Rng, RngExt};

use crate::gateway::{discovery::Offer, price::Price};

/// Parts of a probability: how much price, stake and chance count.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weights {
    price: f64,
    stake: f64,
    chance: f64,
    price_scale: f64,
}

impl Default for Weights {
    /// Stake 0.7, chance 0.3, price 0, which is what gateways have unless told otherwise.
    fn default() -> Self {
        Self {
            price: 0.0,
            stake: 0.7,
            chance: 0.3,
            price_scale: 100.0,
        }
    }
}

impl Weights {
    /// The three weights, and the difference of price (in wei for a pixel) that makes an orchestrator e times as
    /// likely. None unless the weights are not negative and sum to one, and the scale is above zero.
    #[must_use]
    pub fn new(price: f64, stake: f64, chance: f64, price_scale: f64) -> Option<Self> {
        let weights = [price, stake, chance];
        let are_parts = weights.iter().all(|weight| weight.is_finite() && *weight >= 0.0);
        let sums_to_one = (weights.iter().sum::<f64>() - 1.0).abs() < 1e-9;
        let has_scale = price_scale.is_finite() && price_scale > 0.0;
        (are_parts && sums_to_one && has_scale).then_some(Self {
            price,
            stake,
            chance,
            price_scale,
        })
    }
}

/// One of them, by its index. Strangers come first: the trusted are there to compare them with, and where there are no
/// strangers (`go-livepeer server/broadcast.go`). Without weights the one that answered first.
pub(super) fn choose(
    offers: &[(usize, &Offer)],
    weights: Option<&Weights>,
    chance: &mut impl Rng,
) -> Option<usize> {
    let has_strangers = offers.iter().any(|(_, offer)| !offer.is_trusted);
    let pool: Vec<&(usize, &Offer)> = offers
        .iter()
        .filter(|(_, offer)| offer.is_trusted != has_strangers)
        .collect();
    let Some(weights) = weights else {
        let quickest = pool.into_iter().min_by_key(|(_, offer)| offer.latency);
        return quickest.map(|(index, _)| *index);
    };
    let shares = shares(&pool, weights);
    let mut draw = chance.random::<f64>() * shares.iter().sum::<f64>();
    for ((index, _), share) in pool.iter().zip(&shares) {
        draw -= share;
        if draw < 0.0 {
            return Some(*index);
        }
    }
    pool.last().map(|(index, _)| *index)
}

/// How likely each of them is.
fn shares(pool: &[&(usize, &Offer)], weights: &Weights) -> Vec<f64> {
    let parts: Vec<U256> = pool
        .iter()
        .map(|(_, offer)| offer.stake.map_or(U256::ZERO, |stake| stake.0))
        .collect();
    let stakes = portions(&parts);
    let prices: Vec<f64> = pool
        .iter()
        .map(|(_, offer)| offer.session.price_per_pixel().map_or(0.0, Price::approximate))
        .collect();
    // Only differences count, and the exponents of large prices would all be zero.
    let lowest = prices.iter().copied().fold(f64::INFINITY, f64::min);
    let likely: Vec<f64> = prices
        .iter()
        .map(|price| (-(price - lowest) / weights.price_scale).exp())
        .collect();
    let sum: f64 = likely.iter().sum();
    #[expect(clippy::cast_precision_loss, reason = "a few orchestrators")]
    let even = 1.0 / pool.len() as f64;
    stakes
        .iter()
        .zip(&likely)
        .map(|(stake, likely)| {
            weights.stake * stake.unwrap_or(even) + weights.price * likely / sum + weights.chance * even
        })
        .collect()
}

/// Each one's part of the whole; none of nothing. Divided as integers, so that only the quotient is rounded.
fn portions(parts: &[U256]) -> Vec<Option<f64>> {
    const STEPS: u32 = 1_000_000_000;
    let whole = parts
        .iter()
        .fold(U256::ZERO, |sum, part| sum.saturating_add(*part));
    let portion = |part: &U256| {
        let steps = part.saturating_mul(U256::from(STEPS)).checked_div(whole)?;
        Some(f64::from(u32::try_from(steps).unwrap_or(STEPS)) / f64::from(STEPS))
    };
    parts.iter().map(portion).collect()
}
