//! What shows only over time.

use jiff::Timestamp;

use crate::{
    metrics::{Sheet, count, names},
    units::{Round, Wei},
    view::node::NodeStatus,
};

/// A shorter time says nothing about how fast money goes.
const LEAST_SECONDS: i64 = 3600;

/// What was seen so far.
#[derive(Debug, Default)]
pub(super) struct Watched {
    /// The round seen last, and whether its reward was still to be called.
    round: Option<(Round, bool)>,
    missed: u64,
    /// Tries to call reward that failed, and when the last one did.
    failed: (u64, Option<Timestamp>),
    gas: Option<Gas>,
}

/// What became of the account's money.
#[derive(Debug, Clone, Copy)]
struct Gas {
    since: Timestamp,
    last: Wei,
    /// All that went away; what came is no part of it.
    spent: Wei,
}

impl Watched {
    /// Takes a status in.
    pub(super) fn see(&mut self, status: &NodeStatus) {
        let failure = status
            .reward
            .as_ref()
            .and_then(|reward| reward.last_failure.as_ref());
        if let Some(failure) = failure
            && self.failed.1 != Some(failure.time)
        {
            self.failed = (self.failed.0 + 1, Some(failure.time));
        }
        let Some(chain) = &status.chain else { return };
        let is_owed = chain.active && chain.round_initialized && !chain.reward_called;
        if let Some((round, was_owed)) = self.round
            && chain.round > round
            && was_owed
        {
            self.missed += 1;
        }
        self.round = Some((chain.round, is_owed));
        let gas = self.gas.get_or_insert(Gas {
            since: chain.time,
            last: chain.eth_wei,
            spent: Wei::ZERO,
        });
        gas.spent = gas.spent.saturating_add(gas.last.saturating_sub(chain.eth_wei));
        gas.last = chain.eth_wei;
    }

    /// Tells what was seen.
    pub(super) fn tell(&self, sheet: &mut Sheet, status: &NodeStatus) {
        if status.reward.is_some() {
            sheet.set(&names::REWARD_CALL_ERRORS, &[], count(self.failed.0));
        }
        if let Some(chain) = &status.chain {
            sheet.set(&names::REWARDS_MISSED, &[], count(self.missed));
            sheet.maybe(&names::GAS_RUNWAY, self.runway(chain.time));
        }
    }

    /// Seconds the money lasts at the rate so far.
    fn runway(&self, now: Timestamp) -> Option<f64> {
        let gas = self.gas?;
        let seconds = now.as_second() - gas.since.as_second();
        if seconds < LEAST_SECONDS || gas.spent == Wei::ZERO {
            return None;
        }
        let rate = f64::from(gas.spent.0) / count(seconds.unsigned_abs());
        Some(f64::from(gas.last.0) / rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::metrics::scrape::tests::{chain, status};

    fn at(second: i64, round: u64, called: bool, eth: u64) -> NodeStatus {
        let mut status = status();
        status.chain = Some(crate::view::node::NodeChain {
            time: Timestamp::from_second(second).unwrap(),
            round: Round(round),
            reward_called: called,
            eth_wei: Wei::gwei(eth),
            ..chain()
        });
        status
    }

    #[test]
    fn a_round_that_ends_without_its_reward_is_missed_and_only_once() {
        let mut watched = Watched::default();
        for (round, called) in [
            (7, false),
            (7, true),
            (8, false),
            (9, false),
            (9, false),
            (10, true),
            (11, true),
        ] {
            watched.see(&at(0, round, called, 1));
        }
        assert_eq!(watched.missed, 2, "rounds 8 and 9");
    }

    #[test]
    fn a_failed_try_counts_once_however_often_it_is_seen() {
        let mut watched = Watched::default();
        let mut seen = status();
        for second in [1, 1, 2] {
            let failure = seen
                .reward
                .as_mut()
                .and_then(|reward| reward.last_failure.as_mut());
            failure.unwrap().time = Timestamp::from_second(second).unwrap();
            watched.see(&seen);
        }
        assert_eq!(watched.failed.0, 2);
    }

    #[test]
    fn money_lasts_as_long_as_it_went_and_what_comes_in_does_not_hide_it() {
        let mut watched = Watched::default();
        watched.see(&at(0, 7, true, 1000));
        watched.see(&at(1800, 7, true, 900));
        let now = |second| Timestamp::from_second(second).unwrap();
        assert_eq!(watched.runway(now(1800)), None);
        watched.see(&at(3600, 7, true, 1900));
        watched.see(&at(7200, 7, true, 1800));
        // 200 in two hours: 1800 lasts 18.
        let runway = watched.runway(now(7200)).unwrap();
        assert!((runway - 64_800.0).abs() < 1.0, "{runway}");
    }
}
