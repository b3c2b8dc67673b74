//! What the operator should know now: worked out from the status, dated from when it began to hold.

use std::collections::{HashMap, VecDeque};

use jiff::Timestamp;

use super::{
    disk::DiskRoom,
    reach::warning,
    transcoders::{Moved, Movements},
};
use crate::{
    chain::EndpointFailure,
    units::Wei,
    view::{
        node::{Device, DeviceState, EngineView, NodeChain, Notice, WorkTotals},
        payments::PaymentsView,
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

/// Segments of so many seconds tell whether many fail.
const FAILING_SECONDS: i64 = 300;
/// Fewer failed ones are bad luck.
const FAILING_LEAST: u64 = 3;
/// One of so many is too many.
const FAILING_PART: u64 = 10;

/// A ticket that was lost is news for so many seconds.
const LOST_SECONDS: i64 = 3600;

/// A memory error or a driver's complaint is news for so many seconds.
const XID_SECONDS: i64 = 600;

/// So near to its limit a GPU is about to slow itself down, degrees Celsius.
const HOT_MARGIN: u32 = 3;

/// Remembers since when each notice holds.
#[derive(Default)]
pub(super) struct Notices {
    since: HashMap<&'static str, Timestamp>,
    /// How many segments had been shed, and when it last became more.
    shed: (u64, Option<Timestamp>),
    /// Segments done and failed, at times of the last minutes, oldest first.
    segments: VecDeque<(Timestamp, u64, u64)>,
    /// How many tickets had been lost when it was first looked at and at last, and when it last became more.
    lost: (Option<u64>, Option<Timestamp>),
    /// How many errors the drivers had told of, and when it last became more.
    xids: (Option<u64>, Option<Timestamp>),
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
    /// What else there is.
    pub besides: Besides<'a>,
}

/// Facts that not every node has.
#[derive(Default)]
pub(super) struct Besides<'a> {
    /// What encodes here.
    pub devices: &'a [Device],
    /// Room where the books are.
    pub disk: Option<DiskRoom>,
    /// RPC endpoints whose last request failed.
    pub failing_endpoints: &'a [EndpointFailure],
    /// What the books say.
    pub payments: Option<&'a PaymentsView>,
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
        device_findings(known.besides.devices, &mut findings);
        self.remembered(now, known, &mut findings);
        endpoint_findings(known.besides.failing_endpoints, &mut findings);
        if let Some(disk) = known.besides.disk.filter(|disk| disk.is_low()) {
            findings.push(Finding {
                code: "disk_low",
                urgent: true,
                message: format!(
                    "{} MiB of {} MiB are free where the node keeps its books: make room, without it no payment is taken",
                    disk.free >> 20,
                    disk.total >> 20
                ),
            });
        }
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

impl Notices {
    /// What is only seen by looking back.
    fn remembered(&mut self, now: Timestamp, known: &Known<'_>, findings: &mut Vec<Finding>) {
        let is_news = |at: Option<Timestamp>, seconds: i64| {
            at.is_some_and(|at| (0..seconds).contains(&(now.as_second() - at.as_second())))
        };
        let (done, failed) = (known.work.segments_done, known.work.segments_failed);
        // A clock that was set back begins anew.
        if self.segments.back().is_some_and(|(at, ..)| *at > now) {
            self.segments.clear();
        }
        if self
            .segments
            .back()
            .is_none_or(|(at, ..)| now.as_second() - at.as_second() >= 5)
        {
            self.segments.push_back((now, done, failed));
        }
        while self.segments.len() > 2 && self.segments[1].0.as_second() <= now.as_second() - FAILING_SECONDS {
            self.segments.pop_front();
        }
        if let Some((since, done_then, failed_then)) = self.segments.front() {
            let failed = failed.saturating_sub(*failed_then);
            let all = failed + done.saturating_sub(*done_then);
            if failed >= FAILING_LEAST && failed * FAILING_PART >= all {
                let minutes = ((now.as_second() - since.as_second()) / 60).max(1);
                findings.push(Finding {
                    code: "failing_segments",
                    urgent: true,
                    message: format!(
                        "{failed} of {all} segments failed in the last {minutes} min: `lpctl logs --level warn --explain` tells why"
                    ),
                });
            }
        }
        if let Some(payments) = known.besides.payments {
            let lost = payments.winners_lost;
            if self.lost.0.is_some_and(|before| lost > before) {
                self.lost.1 = Some(now);
            }
            self.lost.0 = Some(lost);
            if is_news(self.lost.1, LOST_SECONDS) {
                findings.push(Finding {
                    code: "tickets_lost",
                    urgent: true,
                    message: format!(
                        "winning tickets can never be redeemed, {lost} so far: `lpctl ticket list` tells why"
                    ),
                });
            }
        }
        let xids: u64 = known.besides.devices.iter().map(driver_errors).sum();
        if self.xids.0.is_some_and(|before| xids > before) {
            self.xids.1 = Some(now);
        }
        self.xids.0 = Some(xids);
        if is_news(self.xids.1, XID_SECONDS) && findings.iter().all(|finding| finding.code != "gpu_trouble") {
            findings.push(Finding {
                code: "gpu_trouble",
                urgent: true,
                message: format!(
                    "the driver reports errors of a GPU, {xids} since the node started: look into the kernel's log"
                ),
            });
        }
    }
}

/// Errors that a GPU's driver told of.
fn driver_errors(device: &Device) -> u64 {
    device.xids.values().sum::<u64>() + device.ecc_uncorrected.unwrap_or_default()
}

/// The first of each kind: one notice has one date.
fn device_findings(devices: &[Device], findings: &mut Vec<Finding>) {
    let failed = devices
        .iter()
        .find(|device| matches!(device.state, DeviceState::Resting | DeviceState::Lost));
    if let Some(device) = failed {
        let why = match &device.state_reason {
            Some(reason) => format!(": {reason}"),
            None => String::new(),
        };
        findings.push(Finding {
            code: "gpu_trouble",
            urgent: true,
            message: format!(
                "{} is {}, no sessions are placed on it{why}",
                device.id, device.state
            ),
        });
    }
    let hot = devices.iter().find_map(|device| {
        let (now, limit) = device.temperature_celsius.zip(device.temperature_limit_celsius)?;
        (now + HOT_MARGIN >= limit).then_some((device, now, limit))
    });
    if let Some((device, now, limit)) = hot {
        findings.push(Finding {
            code: "gpu_hot",
            urgent: false,
            message: format!(
                "{} has {now} °C and slows itself down from {limit} °C on: see to its air",
                device.id
            ),
        });
    }
}

fn endpoint_findings(failing: &[EndpointFailure], findings: &mut Vec<Finding>) {
    let Some(first) = failing.first() else { return };
    let others = match failing.len() - 1 {
        0 => String::new(),
        1 => ", and another one".to_string(),
        more => format!(", and {more} others"),
    };
    findings.push(Finding {
        code: "rpc_unhealthy",
        urgent: false,
        message: format!(
            "the RPC endpoint {} fails{others}: {}; `lpctl rpc test` tells more",
            first.endpoint, first.kind
        ),
    });
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
            match is_late {
                true => "reward_at_risk",
                false => "reward_not_called",
            },
            is_late,
            format!(
                "reward of round {} is not called, {} of {} blocks have passed: `lpctl reward call`",
                chain.round, chain.round_elapsed, chain.round_length
            ),
        );
    }
    if chain.eth_wei < Wei::gwei(LOW_GAS_GWEI) {
        let is_critical = chain.eth_wei < Wei::gwei(LOW_GAS_GWEI / 10);
        note(
            match is_critical {
                true => "gas_critical",
                false => "low_gas",
            },
            is_critical,
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
            besides: Besides::default(),
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
            besides: Besides::default(),
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
        assert_eq!(late, only("reward_at_risk", true));
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

    /// The codes at this second, of these facts.
    fn besides(
        notices: &mut Notices,
        second: i64,
        (done, failed): (u64, u64),
        besides: Besides<'_>,
    ) -> Vec<String> {
        let known = Known {
            chain: None,
            work: &WorkTotals {
                segments_done: done,
                segments_failed: failed,
                ..WorkTotals::default()
            },
            engine: &EngineView::default(),
            probes: &[],
            is_full: false,
            is_at_capacity: false,
            unpaid: Vec::new(),
            transcoders: None,
            besides,
        };
        let told = notices.update(Timestamp::from_second(second).unwrap(), &known);
        assert!(
            told.iter()
                .all(|notice| crate::node::alerts::rule(&notice.code).is_some()),
            "{told:?}"
        );
        told.into_iter().map(|notice| notice.code).collect()
    }

    #[test]
    fn many_failed_segments_are_news_for_minutes_and_few_are_not() {
        let mut notices = Notices::default();
        let mut at = |second, counts| besides(&mut notices, second, counts, Besides::default());
        assert!(at(1000, (500, 20)).is_empty());
        assert!(at(1010, (510, 22)).is_empty());
        assert_eq!(at(1020, (510, 23)), ["failing_segments"]);
        assert_eq!(at(1200, (525, 23)), ["failing_segments"]);
        assert!(at(1210, (560, 23)).is_empty());
        assert!(at(1400, (560, 25)).is_empty());
        // A clock set back, and counts that begin anew.
        assert!(at(10, (0, 0)).is_empty());
        assert_eq!(at(20, (0, 3)), ["failing_segments"]);
        for second in 21..2000 {
            let _ = at(second, (0, 3));
        }
        assert!(at(2000, (0, 3)).is_empty());
        assert!(notices.segments.len() < 100);
    }

    #[test]
    fn a_gpu_a_disk_a_ticket_and_an_endpoint_have_their_notices() {
        let mut notices = Notices::default();
        let lost = Device {
            id: "gpu0".into(),
            state: DeviceState::Lost,
            temperature_celsius: Some(85),
            temperature_limit_celsius: Some(87),
            ..Device::default()
        };
        let devices = [lost];
        fn of_devices(devices: &[Device]) -> Besides<'_> {
            Besides {
                devices,
                ..Besides::default()
            }
        }
        assert_eq!(
            besides(&mut notices, 1, (0, 0), of_devices(&devices)),
            ["gpu_trouble", "gpu_hot"]
        );
        let mut device = Device::default();
        assert!(besides(&mut notices, 2, (0, 0), of_devices(std::slice::from_ref(&device))).is_empty());
        device.xids.insert(79, 1);
        let devices = [device];
        assert_eq!(
            besides(&mut notices, 3, (0, 0), of_devices(&devices)),
            ["gpu_trouble"]
        );
        assert!(besides(&mut notices, 3 + XID_SECONDS, (0, 0), of_devices(&devices)).is_empty());

        let full = Besides {
            disk: Some(DiskRoom {
                free: 1 << 20,
                total: 1 << 40,
            }),
            ..Besides::default()
        };
        assert_eq!(besides(&mut notices, 4000, (0, 0), full), ["disk_low"]);

        let mut paid = |second, winners_lost| {
            let view = PaymentsView {
                winners_lost,
                ..PaymentsView::default()
            };
            let payments = Some(&view);
            besides(
                &mut notices,
                second,
                (0, 0),
                Besides {
                    payments,
                    ..Besides::default()
                },
            )
        };
        assert!(paid(5000, 2).is_empty(), "lost before this run");
        assert_eq!(paid(5001, 3), ["tickets_lost"]);
        assert!(paid(5001 + LOST_SECONDS, 3).is_empty());

        let failing = [EndpointFailure {
            endpoint: "https://rpc.example/SECRET".parse().unwrap(),
            kind: crate::chain::FailureKind::NoConnection("refused".into()),
        }];
        let besides = Besides {
            failing_endpoints: &failing,
            ..Besides::default()
        };
        let mut findings = Vec::new();
        endpoint_findings(besides.failing_endpoints, &mut findings);
        assert_eq!(findings[0].code, "rpc_unhealthy");
        assert!(!findings[0].message.contains("SECRET"));
    }
}
