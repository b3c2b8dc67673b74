use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::{
    reward::policy::{Floor, GasLimit},
    units::Lpt,
    view::chain::{ReadAt, RoundFacts},
};

const INTERVAL: Duration = Duration::from_secs(15);

fn policy() -> Policy {
    Policy {
        jitter: Duration::ZERO,
        ..Policy::new(true)
    }
}

/// `elapsed` of the 100 blocks of an open round, nothing called since the one before it.
fn facts(round: u64, elapsed: u64) -> RewardFacts {
    RewardFacts {
        at: ReadAt {
            network: "arbitrum-one".to_string(),
            chain_id: 42161,
            block: round * 100 + elapsed,
            time: Timestamp::UNIX_EPOCH,
        },
        round: RoundFacts {
            round: Round(round),
            initialized: true,
            locked: false,
            last_initialized: Round(round),
            clock_block: round * 100 + elapsed,
            start_block: round * 100,
            length: 100,
            elapsed,
            blocks_left: 100 - elapsed,
            lock_blocks: 10,
            blocks_until_lock: 0,
            seconds_left: Some((100 - elapsed) * 12),
            seconds_until_lock: Some(0),
        },
        paused: false,
        active: true,
        last_reward_round: Round(round - 1),
        reward: Some(Lpt::whole(10)),
        gas: Some(500_000),
        gas_price: Wei::gwei(1),
        balance: Wei::ether(1),
        waiting: 0,
        obstacle: None,
    }
}

struct Course {
    vigil: Vigil,
    now: Instant,
}

impl Course {
    fn new(policy: Policy) -> Self {
        Self {
            vigil: Vigil::new(policy, 7),
            now: Instant::now(),
        }
    }

    fn look(&mut self, facts: &RewardFacts) -> Act {
        self.vigil.look(Sight::Facts(facts), self.now)
    }

    fn after(&mut self, time: Duration) -> &mut Self {
        self.now += time;
        self
    }

    fn attempted(&mut self, outcome: Outcome) {
        let attempt = Attempt::Reward { limit: None };
        self.vigil.attempted(attempt, outcome, self.now);
    }

    /// The kinds of alerts of a look, with those that are over.
    fn alerts(&mut self, facts: &RewardFacts) -> Vec<(AlertKind, bool)> {
        alerts(&self.look(facts))
    }
}

fn alerts(act: &Act) -> Vec<(AlertKind, bool)> {
    let kinds = act.notices.iter().filter_map(|notice| match notice {
        Notice::Alert { kind, recovered, .. } => Some((*kind, *recovered)),
        _ => None,
    });
    kinds.collect()
}

fn waits(act: &Act) -> Option<&Waiting> {
    act.notices.iter().find_map(|notice| match notice {
        Notice::Waiting(_, waiting) => Some(waiting),
        _ => None,
    })
}

const CALL: Option<Attempt> = Some(Attempt::Reward { limit: None });

#[test]
fn an_open_reward_is_called_for_at_the_first_look_also_late_in_the_round() {
    for elapsed in [0, 50, 99] {
        let act = Course::new(policy()).look(&facts(7, elapsed));
        assert_eq!((act.attempt, alerts(&act)), (CALL, vec![]), "{elapsed}");
    }
}

#[test]
fn each_thing_in_the_way_is_waited_for_and_named() {
    let mut called = facts(7, 3);
    called.last_reward_round = Round(7);
    let mut paused = facts(7, 3);
    paused.paused = true;
    let mut closed = facts(7, 3);
    closed.round.initialized = false;
    let mut outside = facts(7, 3);
    outside.active = false;
    let mut blocked = facts(7, 3);
    blocked.obstacle = Some(("insufficient_eth".to_string(), "no ETH".to_string()));
    let mut behind = facts(7, 3);
    behind.waiting = 1;
    for (facts, waiting) in [
        (called, Waiting::Called),
        (paused, Waiting::Paused),
        (closed, Waiting::RoundNotInitialized),
        (outside, Waiting::NotActive),
        (
            blocked,
            Waiting::Obstacle {
                code: "insufficient_eth".to_string(),
                message: "no ETH".to_string(),
            },
        ),
        (behind, Waiting::OtherTransaction),
    ] {
        let mut course = Course::new(policy());
        let act = course.look(&facts);
        assert_eq!((act.attempt, waits(&act)), (None, Some(&waiting)));
        assert!(act.again >= INTERVAL);
        // Said once.
        assert_eq!(waits(&course.look(&facts)), None);
    }
}

#[test]
fn gas_may_cost_more_the_later_it_is_and_never_more_than_the_ceiling() {
    let limited = Policy {
        gas: GasLimit {
            ceiling: Some(Wei::gwei(4)),
            patient: None,
        },
        ..policy()
    };
    let at = |elapsed, gwei| {
        let mut facts = facts(7, elapsed);
        facts.gas_price = Wei::gwei(gwei);
        Course::new(limited.clone()).look(&facts).attempt
    };
    let with = |gwei| {
        Some(Attempt::Reward {
            limit: Some(Wei::gwei(gwei)),
        })
    };
    assert_eq!(at(0, 1), with(1));
    assert_eq!(at(0, 2), None);
    assert_eq!(at(25, 2), with(2));
    assert_eq!(at(74, 4), None);
    assert_eq!(at(75, 4), with(4));
    assert_eq!(at(99, 5), None);
}

#[test]
fn what_stands_in_the_way_in_another_round_is_told_again() {
    let mut course = Course::new(Policy {
        gas: GasLimit {
            ceiling: Some(Wei::gwei(4)),
            patient: None,
        },
        ..policy()
    });
    let dear = |round| {
        let mut facts = facts(round, 10);
        facts.gas_price = Wei::gwei(9);
        facts
    };
    let is_told = |act: &Act| matches!(waits(act), Some(Waiting::GasPrice { .. }));
    assert!(is_told(&course.look(&dear(7))));
    assert!(!is_told(&course.look(&dear(7))));
    // Called within a look of the round's end: nobody ever rested.
    let mut next = facts(8, 0);
    next.last_reward_round = Round(7);
    assert!(course.look(&next).attempt.is_some());
    assert!(is_told(&course.look(&dear(8))));
    let mut called = dear(9);
    called.last_reward_round = Round(9);
    assert!(!is_told(&course.look(&called)));
    assert!(is_told(&course.look(&dear(10))));
}

#[test]
fn what_brings_less_than_its_gas_is_left() {
    // 500,000 gas at 1 gwei are 0.0005 ETH.
    let worth = |lpt_per_eth: u64, min_reward: u64| {
        let policy = Policy {
            floor: Floor {
                lpt_per_eth: Some(Lpt::whole(lpt_per_eth)),
                min_reward: Some(Lpt::whole(min_reward)),
            },
            ..policy()
        };
        Course::new(policy).look(&facts(7, 3)).attempt.is_some()
    };
    assert!(worth(20_000, 0));
    assert!(!worth(20_001, 0));
    assert!(worth(1, 10));
    assert!(!worth(1, 11));
}

#[test]
fn a_failed_try_is_repeated_later_each_time_and_soon_at_the_end_of_the_round() {
    let mut course = Course::new(policy());
    let mut pauses = Vec::new();
    for _ in 0..8 {
        assert_eq!(course.look(&facts(7, 3)).attempt, CALL);
        course.attempted(Outcome::Failed);
        let act = course.look(&facts(7, 3));
        assert_eq!(act.attempt, None);
        pauses.push(act.again.as_secs());
        course.after(act.again);
    }
    assert_eq!(pauses, [15, 30, 60, 120, 240, 240, 240, 240]);
    assert_eq!(course.look(&facts(7, 80)).attempt, CALL);
    course.attempted(Outcome::Failed);
    assert_eq!(course.look(&facts(7, 80)).again, INTERVAL * 2);
    // A new round begins anew.
    let act = course.look(&facts(8, 0));
    assert_eq!(act.attempt, CALL);
}

#[test]
fn what_another_host_did_is_a_success_of_somebody_else() {
    let mut course = Course::new(policy());
    course.look(&facts(7, 3));
    course.attempted(Outcome::Overtaken);
    assert_eq!(course.look(&facts(7, 3)).attempt, None);
    let mut called = facts(7, 4);
    called.last_reward_round = Round(7);
    let act = course.after(INTERVAL).look(&called);
    assert!(act.notices.contains(&Notice::CalledElsewhere(Round(7))));
    assert_eq!(act.attempt, None);
    assert!(
        !course
            .look(&called)
            .notices
            .contains(&Notice::CalledElsewhere(Round(7)))
    );
}

#[test]
fn ones_own_call_is_nobody_elses_and_what_was_so_before_is_nobodys() {
    let mut called = facts(7, 4);
    called.last_reward_round = Round(7);
    let mut course = Course::new(policy());
    course.look(&facts(7, 3));
    course.attempted(Outcome::Done(Wei::gwei(1)));
    for act in [course.look(&called), Course::new(policy()).look(&called)] {
        assert!(
            !act.notices.contains(&Notice::CalledElsewhere(Round(7))),
            "{act:?}"
        );
    }
}

#[test]
fn a_call_the_chain_takes_back_is_made_again() {
    let mut course = Course::new(policy());
    course.look(&facts(7, 3));
    course.attempted(Outcome::Done(Wei::gwei(1)));
    let mut called = facts(7, 4);
    called.last_reward_round = Round(7);
    assert_eq!(course.look(&called).attempt, None);
    assert_eq!(course.look(&facts(7, 5)).attempt, CALL);
}

#[test]
fn hosts_wait_differently_long_but_not_at_the_end() {
    let waits = |seed, elapsed| {
        let policy = Policy {
            jitter: Duration::from_secs(30),
            ..policy()
        };
        let mut vigil = Vigil::new(policy, seed);
        let now = Instant::now();
        let act = vigil.look(Sight::Facts(&facts(7, elapsed)), now);
        // When it is its turn, it calls.
        let then = vigil.look(Sight::Facts(&facts(7, elapsed)), now + act.again);
        assert_eq!(then.attempt.or(act.attempt), CALL);
        act.again
    };
    let pauses: std::collections::BTreeSet<_> = (0..20).map(|seed| waits(seed, 3)).collect();
    assert!(pauses.len() > 10, "{pauses:?}");
    assert!(pauses.iter().all(|pause| *pause <= Duration::from_secs(30)));
    assert_eq!(waits(1, 80), Duration::ZERO);
}

#[test]
fn another_transaction_of_the_account_is_waited_for_but_not_for_ever() {
    let mut behind = facts(7, 3);
    behind.waiting = 1;
    let mut course = Course::new(policy());
    assert_eq!(course.look(&behind).attempt, None);
    assert_eq!(course.after(INTERVAL * 3).look(&behind).attempt, None);
    assert_eq!(course.after(INTERVAL).look(&behind).attempt, CALL);
}

#[test]
fn a_round_is_opened_on_request_after_a_random_pause() {
    let mut closed = facts(7, 0);
    closed.round.initialized = false;
    closed.active = false;
    assert_eq!(Course::new(policy()).look(&closed).attempt, None);
    let most = Duration::from_secs(30);
    let willing = Policy {
        initialize: Some(most),
        ..policy()
    };
    let mut pauses = std::collections::BTreeSet::new();
    for seed in 0..20 {
        let mut vigil = Vigil::new(willing.clone(), seed);
        let mut now = Instant::now();
        let begun = now;
        loop {
            let act = vigil.look(Sight::Facts(&closed), now);
            if act.attempt == Some(Attempt::Initialize { limit: None }) {
                break;
            }
            assert!(now - begun <= most);
            now += act.again;
        }
        pauses.insert(now - begun);
    }
    assert!(pauses.len() > 10, "{pauses:?}");
}

#[test]
fn the_owner_is_told_at_each_part_once_and_when_it_is_over() {
    use AlertKind::RewardLate;
    let mut course = Course::new(policy());
    let stuck = |elapsed| {
        let mut facts = facts(7, elapsed);
        facts.obstacle = Some(("insufficient_eth".to_string(), "no ETH".to_string()));
        facts
    };
    assert_eq!(course.alerts(&stuck(24)), []);
    assert_eq!(course.alerts(&stuck(25)), [(RewardLate, false)]);
    assert_eq!(course.alerts(&stuck(26)), []);
    // Two at once are one.
    assert_eq!(course.alerts(&stuck(80)), [(RewardLate, false)]);
    assert_eq!(course.alerts(&stuck(99)), []);
    let mut called = facts(7, 99);
    called.last_reward_round = Round(7);
    assert_eq!(course.alerts(&called), [(RewardLate, true)]);
    assert_eq!(course.alerts(&called), []);
}

#[test]
fn a_lost_reward_is_told() {
    use AlertKind::RewardMissed;
    let mut course = Course::new(policy());
    course.look(&facts(7, 3));
    let mut later = facts(8, 0);
    later.last_reward_round = Round(6);
    assert_eq!(course.alerts(&later), [(RewardMissed, false)]);
    // Called after the last look, by somebody: nothing is lost.
    let mut course = Course::new(policy());
    course.look(&facts(7, 3));
    let act = course.look(&facts(8, 0));
    assert_eq!(alerts(&act), []);
    assert!(act.notices.contains(&Notice::CalledElsewhere(Round(7))));
    // A week in the dark.
    let mut course = Course::new(policy());
    course.look(&facts(7, 3));
    let mut later = facts(14, 0);
    later.last_reward_round = Round(8);
    let act = course.look(&later);
    let told = act
        .notices
        .iter()
        .any(|notice| matches!(notice, Notice::Alert { message, .. } if message.contains("rounds 9 to 13 ")));
    assert!(told, "{act:?}");
}

#[test]
fn in_the_dark_time_goes_on() {
    use AlertKind::{ChainUnreachable, RewardLate};
    let mut course = Course::new(policy());
    course.look(&facts(7, 20));
    let mut told = Vec::new();
    // Five blocks a minute: from 20 % to 90 % in 14 minutes.
    for _ in 0..56 {
        course.after(INTERVAL);
        let act = course.vigil.look(Sight::Dark("no answer"), course.now);
        assert_eq!((act.attempt, act.again), (None, INTERVAL));
        told.extend(alerts(&act));
    }
    assert_eq!(
        told,
        [
            (RewardLate, false),
            (RewardLate, false),
            (ChainUnreachable, false),
            (RewardLate, false)
        ]
    );
    let act = course.look(&facts(7, 90));
    assert_eq!(
        (act.attempt, alerts(&act)),
        (CALL, vec![(ChainUnreachable, true)])
    );
}

#[test]
fn a_purse_that_runs_dry_is_told_once_and_when_it_is_filled() {
    use AlertKind::BalanceLow;
    let mut course = Course::new(policy());
    // 0.0005 ETH a call.
    let with = |milliether: u64| {
        let mut facts = facts(7, 3);
        facts.balance = Wei::gwei(milliether * 1_000_000);
        facts
    };
    assert_eq!(course.alerts(&with(10)), []);
    assert_eq!(course.alerts(&with(9)), [(BalanceLow, false)]);
    assert_eq!(course.alerts(&with(8)), []);
    assert_eq!(course.alerts(&with(11)), []);
    assert_eq!(course.alerts(&with(13)), [(BalanceLow, true)]);
    // What the last call cost counts when there is nothing to call.
    let mut course = Course::new(policy());
    course.look(&facts(7, 3));
    course.attempted(Outcome::Done(Wei::ether(1)));
    let mut called = facts(7, 4);
    (called.last_reward_round, called.gas) = (Round(7), None);
    assert_eq!(course.alerts(&called), [(BalanceLow, false)]);
}

proptest! {
    /// Whatever happens: never a call for what is called, closed, paused or too dear, and never a look without a pause.
    #[test]
    fn no_course_of_things_makes_it_call_wrongly_or_spin(
        steps in proptest::collection::vec((0_u64..4, 0_u64..100, any::<u8>(), 0_u64..8, 0_u64..3), 1..60),
        seed in any::<u64>(),
    ) {
        let policy = Policy {
            gas: GasLimit { ceiling: Some(Wei::gwei(4)), patient: None },
            initialize: Some(Duration::from_secs(30)),
            ..Policy::new(true)
        };
        let mut vigil = Vigil::new(policy, seed);
        let mut now = Instant::now();
        let mut round = 10;
        for (forward, elapsed, flags, gwei, outcome) in steps {
            round += forward / 3;
            let mut facts = facts(round, elapsed);
            facts.paused = flags & 1 > 0;
            facts.active = flags & 6 > 0;
            facts.round.initialized = flags & 24 > 0;
            facts.waiting = u64::from(flags & 32 > 0);
            facts.gas_price = Wei::gwei(gwei);
            if flags & 64 > 0 {
                facts.last_reward_round = Round(round);
            }
            let act = vigil.look(Sight::Facts(&facts), now);
            let Some(attempt) = act.attempt else {
                prop_assert!(act.again > Duration::ZERO);
                now += act.again;
                continue;
            };
            prop_assert!(!facts.paused && gwei <= 4);
            match attempt {
                Attempt::Reward { .. } => {
                    prop_assert!(facts.active && facts.round.initialized && !facts.is_called());
                }
                Attempt::Initialize { .. } => prop_assert!(!facts.round.initialized),
            }
            let outcome = match outcome {
                0 => Outcome::Done(Wei::gwei(1)),
                1 => Outcome::Overtaken,
                _ => Outcome::Failed,
            };
            now += vigil.attempted(attempt, outcome, now);
            if outcome == Outcome::Failed {
                let again = vigil.look(Sight::Facts(&facts), now);
                prop_assert_eq!(again.attempt, None);
            }
        }
    }
}
