//! What the operator should know now: worked out from the status, dated from when it began to hold.

use std::collections::HashMap;

use jiff::Timestamp;

use crate::{
    units::Wei,
    view::node::{NodeChain, Notice, WorkTotals},
};

/// Below this many gwei the account may not pay for the next reward call and a few redemptions.
const LOW_GAS_GWEI: u64 = 5_000_000;
/// So many places from the end of the pool are its tail: small changes of stake push an orchestrator out.
const TAIL: u32 = 5;
/// Facts of the chain older than this many seconds are too old to act on.
const STALE_SECONDS: i64 = 180;
/// Fewer segments say nothing about speed.
const ENOUGH_SEGMENTS: u64 = 10;

/// Remembers since when each notice holds.
#[derive(Default)]
pub(super) struct Notices {
    since: HashMap<&'static str, Timestamp>,
}

struct Finding {
    code: &'static str,
    urgent: bool,
    message: String,
}

impl Notices {
    /// The notices that hold at `now`, urgent ones first.
    pub(super) fn update(
        &mut self,
        now: Timestamp,
        chain: Option<&NodeChain>,
        work: &WorkTotals,
        is_full: bool,
    ) -> Vec<Notice> {
        let mut findings = Vec::new();
        if let Some(chain) = chain {
            chain_findings(chain, &mut findings);
            let age = now.as_second() - chain.time.as_second();
            if age > STALE_SECONDS {
                findings.push(Finding {
                    code: "chain_stale",
                    urgent: true,
                    message: format!("the chain was last read {age} s ago: check the RPC endpoints"),
                });
            }
        }
        work_findings(work, is_full, &mut findings);
        self.since
            .retain(|code, _| findings.iter().any(|finding| finding.code == *code));
        findings.sort_by_key(|finding| !finding.urgent);
        findings
            .into_iter()
            .map(|finding| Notice {
                since: *self.since.entry(finding.code).or_insert(now),
                code: finding.code.to_string(),
                message: finding.message,
                urgent: finding.urgent,
            })
            .collect()
    }
}

fn chain_findings(chain: &NodeChain, findings: &mut Vec<Finding>) {
    let mut note = |code, urgent, message| {
        findings.push(Finding {
            code,
            urgent,
            message,
        });
    };
    if !chain.registered {
        note(
            "not_registered",
            true,
            "the account is no orchestrator yet: bond to yourself with `lpctl stake bond AMOUNT`".to_string(),
        );
    } else if !chain.active {
        note(
            "not_active",
            true,
            match chain.rank {
                Some(rank) => format!(
                    "not in round {}'s active set: rank {rank} of {} counts from the next round on",
                    chain.round, chain.pool_size
                ),
                None => "not in the active set: bond more with `lpctl stake bond AMOUNT`, then `lpctl orch activate`"
                    .to_string(),
            },
        );
    }
    if !chain.round_initialized {
        note(
            "round_not_initialized",
            chain.active,
            format!(
                "round {} is not initialised, so no reward can be called and no ticket redeemed: `lpctl round init`",
                chain.round
            ),
        );
    } else if chain.active && !chain.reward_called {
        let is_late = chain.round_elapsed * 2 >= chain.round_length;
        note(
            "reward_not_called",
            is_late,
            format!(
                "reward of round {} is not called, {} of {} blocks have passed: `lpctl reward call`",
                chain.round, chain.round_elapsed, chain.round_length
            ),
        );
    }
    if chain.eth_wei < Wei::gwei(LOW_GAS_GWEI) {
        note(
            "low_gas",
            chain.eth_wei < Wei::gwei(LOW_GAS_GWEI / 10),
            format!(
                "the account has {} for gas: send it at least {}",
                chain.eth_wei.human(),
                Wei::gwei(LOW_GAS_GWEI).human()
            ),
        );
    }
    if let Some(rank) = chain.rank
        && chain.pool_size > 2 * TAIL
        && rank + TAIL > chain.pool_size
    {
        note(
            "pool_tail",
            false,
            format!(
                "rank {rank} of {}: a little more stake elsewhere pushes this orchestrator out of the pool",
                chain.pool_size
            ),
        );
    }
}

fn work_findings(work: &WorkTotals, is_full: bool, findings: &mut Vec<Finding>) {
    if let Some(permille) = work.real_time_permille
        && permille < 1000
        && work.segments_done >= ENOUGH_SEGMENTS
    {
        findings.push(Finding {
            code: "slower_than_real_time",
            urgent: true,
            message: format!(
                "transcoding runs at {}.{:02}× real time, gateways go elsewhere below 1×: lower --max-sessions or the preset",
                permille / 1000,
                permille % 1000 / 10
            ),
        });
    }
    if is_full {
        findings.push(Finding {
            code: "sessions_full",
            urgent: false,
            message:
                "all sessions are taken, new ones are refused: raise --max-sessions if the machine has room"
                    .to_string(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::{Lpt, Percent, Round};

    fn healthy() -> NodeChain {
        NodeChain {
            time: Timestamp::UNIX_EPOCH,
            block: 1,
            round: Round(7),
            round_initialized: true,
            round_locked: false,
            round_length: 100,
            round_elapsed: 10,
            active: true,
            registered: true,
            rank: Some(3),
            pool_size: 100,
            own_stake_lpt: Lpt::whole(1),
            total_stake_lpt: Lpt::whole(1),
            reward_cut_percent: Percent::ZERO,
            fee_share_percent: Percent::ZERO,
            reward_called: true,
            fees_wei: Wei::ZERO,
            eth_wei: Wei::ether(1),
        }
    }

    fn codes(chain: &NodeChain) -> Vec<(String, bool)> {
        let notices =
            Notices::default().update(Timestamp::UNIX_EPOCH, Some(chain), &WorkTotals::default(), false);
        notices
            .into_iter()
            .map(|notice| (notice.code, notice.urgent))
            .collect()
    }

    fn only(code: &str, urgent: bool) -> Vec<(String, bool)> {
        vec![(code.to_string(), urgent)]
    }

    #[test]
    fn each_trouble_has_its_notice() {
        assert_eq!(codes(&healthy()), []);
        let with = |change: fn(&mut NodeChain)| {
            let mut chain = healthy();
            change(&mut chain);
            codes(&chain)
        };
        assert_eq!(
            with(|chain| chain.reward_called = false),
            only("reward_not_called", false)
        );
        let late = with(|chain| {
            chain.reward_called = false;
            chain.round_elapsed = 50;
        });
        assert_eq!(late, only("reward_not_called", true));
        assert_eq!(
            with(|chain| chain.round_initialized = false),
            only("round_not_initialized", true)
        );
        assert_eq!(
            with(|chain| chain.eth_wei = Wei::gwei(4_000_000)),
            only("low_gas", false)
        );
        assert_eq!(with(|chain| chain.rank = Some(96)), only("pool_tail", false));
        assert_eq!(with(|chain| chain.active = false), only("not_active", true));
        assert_eq!(
            with(|chain| {
                chain.active = false;
                chain.registered = false;
            }),
            only("not_registered", true)
        );
    }

    #[test]
    fn old_facts_are_told_to_be_old() {
        let now = Timestamp::from_second(STALE_SECONDS + 1).unwrap();
        let notices = Notices::default().update(now, Some(&healthy()), &WorkTotals::default(), false);
        assert_eq!(notices[0].code, "chain_stale");
    }

    #[test]
    fn a_notice_keeps_its_date_until_the_trouble_is_over() {
        let mut notices = Notices::default();
        let at = |second| Timestamp::from_second(second).unwrap();
        let work = WorkTotals::default();
        assert_eq!(notices.update(at(1), None, &work, true)[0].since, at(1));
        assert_eq!(notices.update(at(2), None, &work, true)[0].since, at(1));
        assert!(notices.update(at(3), None, &work, false).is_empty());
        assert_eq!(notices.update(at(4), None, &work, true)[0].since, at(4));
    }
}
