//! What the operator should know now: worked out from the status, dated from when it began to hold.

use std::collections::HashMap;

use jiff::Timestamp;

use super::{
    reach::warning,
    transcoders::{Moved, Movements},
};
use crate::{
    units::Wei,
    view::{
        node::{EngineView, NodeChain, Notice, WorkTotals},
        reach::{Probe, ProbeRole, ProbeState},
    },
};

/// Below this many gwei the account may not pay for the next reward call and a few redemptions.
const LOW_GAS_GWEI: u64 = 5_000_000;
/// So many places from the end of the pool are its tail: small changes of stake push an orchestrator out.
const TAIL: u32 = 5;
/// Facts of the chain older than this many seconds are too old to act on.
const STALE_SECONDS: i64 = 180;
/// Fewer segments say nothing about speed.
const ENOUGH_SEGMENTS: u64 = 10;

/// A segment refused for lack of time is news for so many seconds.
const SHED_SECONDS: i64 = 60;

/// A remote transcoder that came or went is news for so many seconds.
const MOVED_SECONDS: i64 = 60;

/// Remembers since when each notice holds.
#[derive(Default)]
pub(super) struct Notices {
    since: HashMap<&'static str, Timestamp>,
    /// How many segments had been shed, and when it last became more.
    shed: (u64, Option<Timestamp>),
}

/// What there is to go by.
pub(super) struct Known<'a> {
    /// What was last read of the chain; none off-chain.
    pub chain: Option<&'a NodeChain>,
    /// Work done.
    pub work: &'a WorkTotals,
    /// How transcoding goes.
    pub engine: &'a EngineView,
    /// What came of asking addresses.
    pub probes: &'a [Probe],
    /// Whether all sessions are taken.
    pub is_full: bool,
    /// Whether the machine could not carry one more.
    pub is_at_capacity: bool,
    /// Comings and goings of remote transcoders; none for a node that takes none.
    pub transcoders: Option<&'a Movements>,
    /// Why payments are not taken or new sessions not offered: a code and a sentence.
    pub unpaid: Vec<(&'static str, String)>,
}

struct Finding {
    code: &'static str,
    urgent: bool,
    message: String,
}

impl Notices {
    /// The notices that hold at `now`, urgent ones first.
    pub(super) fn update(&mut self, now: Timestamp, known: &Known<'_>) -> Vec<Notice> {
        let mut findings = Vec::new();
        let chain = known.chain;
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
        work_findings(known, &mut findings);
        if let Some(transcoders) = known.transcoders {
            transcoder_findings(now, transcoders, &mut findings);
        }
        reach_findings(known.probes, &mut findings);
        findings.extend(known.unpaid.iter().map(|(code, message)| Finding {
            code,
            urgent: true,
            message: message.clone(),
        }));
        let shed = known.engine.segments_shed;
        if shed > self.shed.0 {
            self.shed = (shed, Some(now));
        }
        if let (_, Some(last)) = self.shed
            && now.as_second() - last.as_second() < SHED_SECONDS
        {
            findings.push(Finding {
                code: "shedding",
                urgent: true,
                message: format!(
                    "segments are refused because they would come out too late, {shed} so far: lower --max-sessions"
                ),
            });
        }
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

fn transcoder_findings(now: Timestamp, transcoders: &Movements, findings: &mut Vec<Finding>) {
    let is_news = |moved: &&Moved| now.as_second() - moved.at.as_second() < MOVED_SECONDS;
    let count = transcoders.here;
    if count == 0 {
        findings.push(Finding {
            code: "no_transcoders",
            urgent: true,
            message: "no transcoder is connected, all work is refused: start one with the orchestrator's address and secret"
                .to_string(),
        });
    }
    if let Some(left) = transcoders.left.as_ref().filter(is_news) {
        findings.push(Finding {
            code: "transcoder_left",
            urgent: true,
            message: format!(
                "transcoder {} left ({}), {count} are connected",
                left.who, left.why
            ),
        });
    }
    if let Some(joined) = transcoders.joined.as_ref().filter(is_news) {
        findings.push(Finding {
            code: "transcoder_joined",
            urgent: false,
            message: format!(
                "transcoder {} joined ({}), {count} are connected",
                joined.who, joined.why
            ),
        });
    }
}

fn work_findings(known: &Known<'_>, findings: &mut Vec<Finding>) {
    let work = known.work;
    if let Some(permille) = work.real_time_permille
        && permille < 1000
        && work.segments_done >= ENOUGH_SEGMENTS
    {
        findings.push(Finding {
            code: "slower_than_real_time",
            urgent: true,
            message: format!(
                "transcoding runs at {}.{:02}× real time, gateways go elsewhere below 1×: lower --max-sessions, or use a faster preset",
                permille / 1000,
                permille % 1000 / 10
            ),
        });
    }
    if known.is_full {
        findings.push(Finding {
            code: "sessions_full",
            urgent: false,
            message:
                "all sessions are taken, new ones are refused: raise --max-sessions if the machine has room"
                    .to_string(),
        });
    } else if known.is_at_capacity && known.transcoders.is_none_or(|transcoders| transcoders.here > 0) {
        findings.push(Finding {
            code: "at_capacity",
            urgent: false,
            message:
                "one more session would not stay ahead of real time: new ones are refused until there is room"
                    .to_string(),
        });
    }
}

/// The first of each kind: one notice has one date.
fn reach_findings(probes: &[Probe], findings: &mut Vec<Finding>) {
    for probe in probes {
        let code = match (probe.role, probe.state) {
            (ProbeRole::Own, ProbeState::Stranger) => "not_this_node",
            (ProbeRole::Own, _) => "unreachable",
            _ => "node_unreachable",
        };
        if let Some(message) = warning(probe)
            && findings.iter().all(|finding| finding.code != code)
        {
            findings.push(Finding {
                code,
                urgent: probe.role == ProbeRole::Own,
                message,
            });
        }
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

    /// The notices at this second.
    fn at(
        notices: &mut Notices,
        second: i64,
        chain: Option<&NodeChain>,
        engine: &EngineView,
        (is_full, is_at_capacity): (bool, bool),
    ) -> Vec<Notice> {
        let known = Known {
            chain,
            work: &WorkTotals::default(),
            engine,
            probes: &[],
            is_full,
            is_at_capacity,
            unpaid: Vec::new(),
            transcoders: None,
        };
        notices.update(Timestamp::from_second(second).unwrap(), &known)
    }

    #[test]
    fn what_keeps_a_node_from_being_paid_is_urgent() {
        let known = Known {
            chain: None,
            work: &WorkTotals::default(),
            engine: &EngineView::default(),
            probes: &[],
            is_full: true,
            is_at_capacity: false,
            transcoders: None,
            unpaid: vec![("books_not_written", "the disk is full".to_string())],
        };
        let notices = Notices::default().update(Timestamp::UNIX_EPOCH, &known);
        let first = &notices[0];
        assert_eq!((first.code.as_str(), first.urgent), ("books_not_written", true));
        assert_eq!(first.message, "the disk is full");
    }

    fn codes(chain: &NodeChain) -> Vec<(String, bool)> {
        let engine = EngineView::default();
        let notices = at(&mut Notices::default(), 0, Some(chain), &engine, (false, false));
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
    fn an_address_that_does_not_work_has_its_notice() {
        let found = |role, state| {
            let probe = Probe {
                uri: "https://x.example:8935".into(),
                role,
                state,
                checked: None,
                connect_us: None,
                round_trip_us: None,
                error: Some("no route".into()),
            };
            let mut findings = Vec::new();
            reach_findings(&[probe.clone(), probe], &mut findings);
            let found: Vec<_> = findings
                .iter()
                .map(|finding| (finding.code, finding.urgent))
                .collect();
            assert!(
                findings
                    .iter()
                    .all(|finding| finding.message.contains("https://x.example:8935"))
            );
            found
        };
        use {ProbeRole as Role, ProbeState as State};
        assert_eq!(found(Role::Own, State::Unreachable), [("unreachable", true)]);
        assert_eq!(found(Role::Own, State::Stranger), [("not_this_node", true)]);
        assert_eq!(
            found(Role::Node, State::Unreachable),
            [("node_unreachable", false)]
        );
        for fine in [State::Waiting, State::Reachable] {
            assert_eq!(found(Role::Own, fine), []);
        }
        assert_eq!(found(Role::Peer, State::Unreachable), []);
    }

    #[test]
    fn old_facts_are_told_to_be_old() {
        let engine = EngineView::default();
        let late = STALE_SECONDS + 1;
        let notices = at(
            &mut Notices::default(),
            late,
            Some(&healthy()),
            &engine,
            (false, false),
        );
        assert_eq!(notices[0].code, "chain_stale");
    }

    #[test]
    fn a_notice_keeps_its_date_until_the_trouble_is_over() {
        let mut notices = Notices::default();
        let mut update = |second, is_full| {
            let told = at(
                &mut notices,
                second,
                None,
                &EngineView::default(),
                (is_full, true),
            );
            told.into_iter()
                .map(|notice| (notice.code, notice.since.as_second()))
                .collect::<Vec<_>>()
        };
        assert_eq!(update(1, true), [("sessions_full".to_string(), 1)]);
        assert_eq!(update(2, true), [("sessions_full".to_string(), 1)]);
        assert_eq!(update(3, false), [("at_capacity".to_string(), 3)]);
        assert_eq!(update(4, true), [("sessions_full".to_string(), 4)]);
    }

    #[test]
    fn shedding_is_news_for_a_while() {
        let mut notices = Notices::default();
        let mut codes = |second, segments_shed| {
            let engine = EngineView {
                segments_shed,
                ..EngineView::default()
            };
            let told = at(&mut notices, second, None, &engine, (false, false));
            told.into_iter().map(|notice| notice.code).collect::<Vec<_>>()
        };
        assert!(codes(1, 0).is_empty());
        assert_eq!(codes(2, 1), ["shedding"]);
        assert_eq!(codes(61, 1), ["shedding"]);
        assert!(codes(62, 1).is_empty());
        assert_eq!(codes(63, 2), ["shedding"]);
    }
}
