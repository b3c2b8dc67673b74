//! What gas costs, what it cost lately, and how much of it a redemption takes.

use std::collections::VecDeque;

use alloy::primitives::U256;

use crate::units::Wei;

/// Blocks of Ethereum between two remembered prices: two minutes.
const SAMPLE_EVERY: u64 = 10;
/// Blocks of Ethereum after which a price is forgotten: a day.
const MEMORY: u64 = 7_200;

/// Gas prices of the last day, one every two minutes.
#[derive(Debug, Clone, Default)]
pub struct GasPrices {
    samples: VecDeque<(u64, Wei)>,
    now: Wei,
    cheap: Wei,
}

impl GasPrices {
    /// Takes note of the price at a block of Ethereum. Blocks that went back are taken for the last one seen.
    pub fn observe(&mut self, l1_block: u64, price: Wei) {
        self.now = price;
        if let Some((last, _)) = self.samples.back()
            && l1_block < last.saturating_add(SAMPLE_EVERY)
        {
            self.cheap = self.cheap.min(price);
            return;
        }
        self.samples.push_back((l1_block, price));
        while let Some((oldest, _)) = self.samples.front()
            && oldest.saturating_add(MEMORY) < l1_block
        {
            self.samples.pop_front();
        }
        let mut prices: Vec<Wei> = self.samples.iter().map(|(_, price)| *price).collect();
        let quarter = prices.len() / 4;
        let (_, quartile, _) = prices.select_nth_unstable(quarter);
        self.cheap = (*quartile).min(price);
    }

    /// The price now; zero before the first.
    #[must_use]
    pub fn now(&self) -> Wei {
        self.now
    }

    /// What can be hoped for within a day: the lower quartile of the last one, never more than the price now.
    #[must_use]
    pub fn cheap(&self) -> Wei {
        self.cheap.min(self.now)
    }

    /// What is remembered, oldest first, as `block:wei` separated by spaces: how it is kept across a restart.
    #[must_use]
    pub fn to_text(&self) -> String {
        let line = |(block, price): &(u64, Wei)| format!("{block}:{}", price.0);
        self.samples.iter().map(line).collect::<Vec<_>>().join(" ")
    }

    /// Takes up what `to_text` wrote. What cannot be read is left out: the memory only saves gas.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        let mut prices = Self::default();
        let longest = usize::try_from(MEMORY / SAMPLE_EVERY).unwrap_or(usize::MAX);
        for entry in text.split_ascii_whitespace().take(longest + 1) {
            let sample = entry
                .split_once(':')
                .and_then(|(block, price)| Some((block.parse().ok()?, price.parse::<U256>().ok()?)));
            if let Some((block, price)) = sample {
                prices.observe(block, Wei(price));
            }
        }
        prices
    }
}

/// Gas of a redemption: so much for the transaction, so much for each ticket in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GasUse {
    /// The transaction's part.
    pub base: u64,
    /// Each ticket's.
    pub each: u64,
}

impl GasUse {
    /// As measured on Ethereum and on chains that count like it (`TicketBroker`, payment from the reserve).
    pub const ETHEREUM: Self = Self {
        base: 175_000,
        each: 85_000,
    };
    /// On Arbitrum the data's way to Ethereum comes on top.
    pub const ARBITRUM: Self = Self {
        base: 250_000,
        each: 170_000,
    };

    /// What is thought to hold on a chain.
    #[must_use]
    pub fn of_chain(chain_id: u64) -> Self {
        match chain_id {
            42_161 => Self::ARBITRUM,
            _ => Self::ETHEREUM,
        }
    }

    /// So many tickets in one transaction.
    #[must_use]
    pub fn of(self, tickets: usize) -> u64 {
        let tickets = u64::try_from(tickets).unwrap_or(u64::MAX);
        self.base.saturating_add(self.each.saturating_mul(tickets))
    }

    /// One ticket's part of a transaction with so many.
    #[must_use]
    pub fn share(self, tickets: usize) -> u64 {
        let tickets = u64::try_from(tickets.max(1)).unwrap_or(u64::MAX);
        (self.base / tickets).saturating_add(self.each)
    }

    /// Learns from a mined redemption: a quarter of the way to what it took, and never further than by half at once.
    pub fn observe(&mut self, tickets: usize, used: u64) {
        let expected = self.of(tickets).max(1);
        let used = used.clamp(expected / 2, expected.saturating_mul(2));
        let learn = |part: u64| {
            let seen = u128::from(part) * u128::from(used) / u128::from(expected);
            let seen = u64::try_from(seen).unwrap_or(u64::MAX);
            (part / 4 * 3).saturating_add(seen / 4)
        };
        self.base = learn(self.base).max(1);
        self.each = learn(self.each).max(1);
    }
}

/// What so much gas costs.
#[must_use]
pub fn cost(gas: u64, price: Wei) -> Wei {
    Wei(price.0.saturating_mul(U256::from(gas)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spike_does_not_become_the_measure_of_cheap() {
        let mut prices = GasPrices::default();
        for block in 0..3_000 {
            prices.observe(block, Wei::gwei(if block > 2_500 { 300 } else { 10 }));
        }
        assert_eq!((prices.now(), prices.cheap()), (Wei::gwei(300), Wei::gwei(10)));
        // What was cheap a day ago is forgotten.
        for block in 3_000..13_000 {
            prices.observe(block, Wei::gwei(300));
        }
        assert_eq!(prices.cheap(), Wei::gwei(300));
    }

    #[test]
    fn a_falling_price_is_cheap_at_once() {
        let mut prices = GasPrices::default();
        prices.observe(100, Wei::gwei(20));
        prices.observe(101, Wei::gwei(3));
        assert_eq!(prices.cheap(), Wei::gwei(3));
    }

    #[test]
    fn what_is_remembered_comes_back_after_a_restart() {
        let mut prices = GasPrices::default();
        for block in (0..200).step_by(10) {
            prices.observe(block, Wei::gwei(1 + block));
        }
        let again = GasPrices::from_text(&prices.to_text());
        assert_eq!((again.now(), again.cheap()), (prices.now(), prices.cheap()));
        assert_eq!(GasPrices::from_text("junk 5: :7 9:x").now(), Wei::ZERO);
    }

    #[test]
    fn gas_is_learnt_slowly_and_within_bounds() {
        let mut gas = GasUse::ETHEREUM;
        let before = gas.of(5);
        gas.observe(5, before * 100);
        assert!(gas.of(5) > before && gas.of(5) <= before * 5 / 4);
        for _ in 0..50 {
            gas.observe(1, 500_000);
        }
        assert!((450_000..=510_000).contains(&gas.of(1)), "{gas:?}");
    }
}
