//! Which tickets were paid with already. They are remembered for as long as their parameters are good, and no longer.

use std::collections::{HashMap, HashSet};

use alloy::primitives::B256;

/// Tickets by the same parameters that are taken at most (`go-livepeer pm/recipient.go`).
pub const NONCES: usize = 600;
/// Parameters of which tickets are remembered at most. At eight minutes each that is some two hundred new ones a second;
/// who floods the node with more is refused, not remembered.
const SERIES: usize = 100_000;

/// A ticket that was paid with: what must survive a restart together with the secret, or tickets could be paid with
/// twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SeenNonce {
    /// Hash of the recipient's number: which parameters it was made by.
    pub rand_hash: B256,
    /// Its number among their tickets.
    pub nonce: u32,
    /// Block of Ethereum at which the parameters are over, and this may be forgotten.
    pub expiration_block: u64,
}

/// Why a ticket's number is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NonceRefusal {
    Seen,
    TooMany,
    Expired,
}

#[derive(Debug, Default)]
struct Series {
    expiration_block: u64,
    seen: HashSet<u32>,
}

#[derive(Debug, Default)]
pub(super) struct Nonces {
    series: HashMap<B256, Series>,
    /// The latest block that was heard of. An endpoint that lags behind must not bring back what was forgotten.
    latest: u64,
}

impl Nonces {
    /// Takes note of the time, which never goes back, and forgets what is over.
    pub fn pass(&mut self, l1_block: u64) -> u64 {
        if l1_block > self.latest {
            self.latest = l1_block;
            self.series.retain(|_, series| series.expiration_block > l1_block);
        }
        self.latest
    }

    /// Takes a number that was not taken before, of parameters that are still good.
    pub fn take(&mut self, nonce: SeenNonce) -> Result<(), NonceRefusal> {
        let known = self.series.get(&nonce.rand_hash);
        if known.is_some_and(|series| series.seen.contains(&nonce.nonce)) {
            return Err(NonceRefusal::Seen);
        }
        let is_full = match known {
            Some(series) => series.seen.len() >= NONCES,
            None => self.series.len() >= SERIES,
        };
        if is_full {
            return Err(NonceRefusal::TooMany);
        }
        if nonce.expiration_block <= self.latest {
            return Err(NonceRefusal::Expired);
        }
        self.insert(nonce);
        Ok(())
    }

    fn insert(&mut self, nonce: SeenNonce) {
        let series = self.series.entry(nonce.rand_hash).or_default();
        series.expiration_block = nonce.expiration_block;
        series.seen.insert(nonce.nonce);
    }

    /// Puts back what was kept over a restart. Without limit: each of them was taken once.
    pub fn restore(&mut self, nonces: impl IntoIterator<Item = SeenNonce>) {
        for nonce in nonces {
            if nonce.expiration_block > self.latest {
                self.insert(nonce);
            }
        }
    }

    /// Forgets a number whose ticket was not paid with after all.
    pub fn forget(&mut self, nonce: &SeenNonce) {
        if let Some(series) = self.series.get_mut(&nonce.rand_hash) {
            series.seen.remove(&nonce.nonce);
            if series.seen.is_empty() {
                self.series.remove(&nonce.rand_hash);
            }
        }
    }

    /// How many are remembered.
    pub fn len(&self) -> usize {
        self.series.values().map(|series| series.seen.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nonce(series: u8, nonce: u32, expiration_block: u64) -> SeenNonce {
        SeenNonce {
            rand_hash: B256::repeat_byte(series),
            nonce,
            expiration_block,
        }
    }

    #[test]
    fn numbers_come_in_any_order_and_once() {
        let mut nonces = Nonces::default();
        for number in [7, 1, 600, u32::MAX, 0] {
            assert_eq!(nonces.take(nonce(1, number, 40)), Ok(()));
        }
        assert_eq!(nonces.take(nonce(1, 7, 40)), Err(NonceRefusal::Seen));
        // Those of other parameters have nothing to do with it.
        assert_eq!(nonces.take(nonce(2, 7, 40)), Ok(()));
    }

    #[test]
    fn the_six_hundred_and_first_is_one_too_many() {
        let mut nonces = Nonces::default();
        for number in 1..=600 {
            assert_eq!(nonces.take(nonce(1, number, 40)), Ok(()));
        }
        assert_eq!(nonces.take(nonce(1, 601, 40)), Err(NonceRefusal::TooMany));
        assert_eq!(nonces.take(nonce(1, 600, 40)), Err(NonceRefusal::Seen));
        assert_eq!(nonces.take(nonce(2, 601, 40)), Ok(()));
    }

    #[test]
    fn trap_9_numbers_are_forgotten_when_their_parameters_are_over_and_not_earlier() {
        let mut nonces = Nonces::default();
        nonces.pass(10);
        nonces.take(nonce(1, 1, 40)).unwrap();
        nonces.take(nonce(2, 1, 41)).unwrap();
        nonces.pass(39);
        assert_eq!(nonces.len(), 2);
        assert_eq!(nonces.take(nonce(1, 1, 40)), Err(NonceRefusal::Seen));
        nonces.pass(40);
        assert_eq!(nonces.len(), 1);
        assert_eq!(nonces.take(nonce(1, 1, 40)), Err(NonceRefusal::Expired));
        assert_eq!(nonces.take(nonce(2, 1, 41)), Err(NonceRefusal::Seen));
    }

    #[test]
    fn a_clock_that_goes_back_brings_nothing_back() {
        let mut nonces = Nonces::default();
        nonces.take(nonce(1, 1, 40)).unwrap();
        assert_eq!(nonces.pass(40), 40);
        assert_eq!(nonces.pass(5), 40);
        assert_eq!(nonces.take(nonce(1, 1, 40)), Err(NonceRefusal::Expired));
    }

    #[test]
    fn what_was_not_paid_with_may_come_again() {
        let mut nonces = Nonces::default();
        nonces.take(nonce(1, 1, 40)).unwrap();
        nonces.forget(&nonce(1, 1, 40));
        assert_eq!(nonces.len(), 0);
        assert_eq!(nonces.take(nonce(1, 1, 40)), Ok(()));
    }
}
