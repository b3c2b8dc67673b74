//! The last blocks' logs, read again each time: what the chain took back, and what it put there instead.

use std::collections::BTreeMap;

use super::event::RawLog;

/// Logs of the last blocks as they were last read.
#[derive(Debug, Clone, Default)]
pub(super) struct Window {
    seen: BTreeMap<(u64, u64), RawLog>,
}

/// What a new reading of some blocks says against the last one.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Difference {
    /// Logs that are not there any more, or are in another block of the same number.
    pub(super) removed: Vec<RawLog>,
    /// Logs that were not there before, by block and place in it.
    pub(super) added: Vec<RawLog>,
}

impl Window {
    /// Takes a new reading of the blocks from `from` to `to`, whole and in any order.
    pub(super) fn merge(&mut self, from: u64, to: u64, logs: Vec<RawLog>) -> Difference {
        let mut read = BTreeMap::new();
        for log in logs {
            let block = log.block();
            if !log.removed && (from..=to).contains(&block) {
                read.insert(log.place(), log);
            }
        }
        let mut difference = Difference::default();
        let known: Vec<(u64, u64)> = self
            .seen
            .range((from, 0)..=(to, u64::MAX))
            .map(|(place, _)| *place)
            .collect();
        for place in known {
            let is_same = match (self.seen.get(&place), read.get(&place)) {
                (Some(before), Some(now)) => {
                    before.block_hash == now.block_hash && before.transaction_hash == now.transaction_hash
                }
                _ => false,
            };
            if is_same {
                read.remove(&place);
            } else if let Some(log) = self.seen.remove(&place) {
                difference.removed.push(log);
            }
        }
        for (place, log) in read {
            difference.added.push(log.clone());
            self.seen.insert(place, log);
        }
        difference
    }

    /// Everything from a block on, which the chain has taken back.
    pub(super) fn take_back(&mut self, from: u64) -> Vec<RawLog> {
        self.seen.split_off(&(from, 0)).into_values().collect()
    }

    /// Forgets blocks before this one.
    pub(super) fn forget_before(&mut self, block: u64) {
        self.seen = self.seen.split_off(&(block, 0));
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{Address, B256, Bytes, U64};
    use proptest::prelude::*;

    use super::*;

    fn log(block: u64, index: u64, fork: u8) -> RawLog {
        RawLog {
            address: Address::ZERO,
            topics: vec![],
            data: Bytes::new(),
            block_number: U64::from(block),
            block_hash: B256::repeat_byte(fork),
            transaction_hash: B256::repeat_byte(fork),
            log_index: U64::from(index),
            removed: false,
        }
    }

    #[test]
    fn logs_are_told_once_and_in_the_chains_order() {
        let mut window = Window::default();
        let first = window.merge(1, 3, vec![log(3, 1, 1), log(2, 7, 1), log(3, 0, 1)]);
        let places: Vec<_> = first.added.iter().map(RawLog::place).collect();
        assert_eq!(places, [(2, 7), (3, 0), (3, 1)]);
        assert_eq!(
            window.merge(2, 4, vec![log(3, 0, 1), log(3, 1, 1), log(2, 7, 1)]),
            Difference::default()
        );
    }

    #[test]
    fn a_log_in_another_block_of_the_same_number_is_another_log() {
        let mut window = Window::default();
        window.merge(1, 3, vec![log(2, 0, 1), log(3, 0, 1)]);
        let difference = window.merge(1, 4, vec![log(2, 0, 1), log(3, 0, 2)]);
        assert_eq!(difference.removed, [log(3, 0, 1)]);
        assert_eq!(difference.added, [log(3, 0, 2)]);
    }

    #[test]
    fn what_lies_outside_of_the_blocks_asked_for_is_left_alone() {
        let mut window = Window::default();
        window.merge(1, 9, vec![log(2, 0, 1), log(9, 0, 1)]);
        let mut taken_back = log(6, 0, 1);
        taken_back.removed = true;
        assert_eq!(
            window.merge(5, 8, vec![log(4, 0, 1), log(30, 0, 1), taken_back]),
            Difference::default()
        );
        assert_eq!(window.take_back(9), [log(9, 0, 1)]);
        window.forget_before(3);
        assert_eq!(window.merge(1, 2, vec![log(2, 0, 1)]).added.len(), 1);
    }

    proptest! {
        /// However often the chain changes its mind: all that was added less all that was removed is what is there.
        #[test]
        fn added_less_removed_is_the_chain(forks in proptest::collection::vec(
            (0u64..6, proptest::collection::btree_set((0u64..8, 0u64..3), 0..12)), 1..12)
        ) {
            let mut window = Window::default();
            let mut told: Vec<RawLog> = Vec::new();
            let mut chain: BTreeMap<(u64, u64), RawLog> = BTreeMap::new();
            for (fork, (from, logs)) in forks.into_iter().enumerate() {
                chain.retain(|place, _| place.0 < from);
                for place in logs.into_iter().filter(|place| place.0 >= from) {
                    chain.insert(place, log(place.0, place.1, u8::try_from(fork).unwrap()));
                }
                let difference = window.merge(0, 8, chain.values().rev().cloned().collect());
                for log in difference.removed {
                    let position = told.iter().position(|known| *known == log);
                    prop_assert!(position.is_some(), "removed what was never told");
                    told.remove(position.unwrap());
                }
                told.extend(difference.added);
                let mut now = told.clone();
                now.sort_by_key(RawLog::place);
                prop_assert_eq!(now, chain.values().cloned().collect::<Vec<_>>());
            }
        }
    }
}
