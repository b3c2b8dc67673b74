//! The decision. Facts and time in; what to try, what to tell and when to look again out. Nothing here reads a clock or a
//! chain, and with the same seed the same course of things gives the same decisions.

use std::time::{Duration, Instant};

use alloy::primitives::U256;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use super::policy::{ALL_IN_PERCENT, Policy};
use crate::{
    chain::RewardFacts,
    units::{Round, Wei},
    view::reward::{AlertKind, Waiting},
};

/// Looks for which the chain may stay dark until its owner is told: ten minutes at the usual interval.
const DARK: u32 = 40;
/// Looks for which somebody else's transaction of the account is waited for; then one is sent behind it.
const BEHIND: u32 = 4;
/// Looks between two tries at most, when one after the other fails.
const MOST_BACK_OFF: u32 = 16;
/// The same in the last part of the round.
const LATE_BACK_OFF: u32 = 2;
/// Looks until the next one at most, when there is nothing to do in this round.
const RESTING: u32 = 20;

/// What can be seen.
#[derive(Debug, Clone, Copy)]
pub enum Sight<'a> {
    /// The chain, as it is now.
    Facts(&'a RewardFacts),
    /// Nothing, and why.
    Dark(&'a str),
}

/// A transaction to be tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// Call reward, with gas at most so expensive.
    Reward {
        /// The limit; none: there is none.
        limit: Option<Wei>,
    },
    /// Open the round, with gas at most so expensive.
    Initialize {
        /// The limit; none: there is none.
        limit: Option<Wei>,
    },
}

/// What became of an [`Attempt`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was mined, and cost so much.
    Done(Wei),
    /// Somebody else was faster, with this or with the account's next transaction.
    Overtaken,
    /// Gas became too expensive before it was sent.
    Priced,
    /// It did not work.
    Failed,
}

/// Something to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// Why nothing is done, if that is another reason than before.
    Waiting(Option<Round>, Waiting),
    /// Somebody else called reward.
    CalledElsewhere(Round),
    /// An alert.
    Alert {
        /// What it is about.
        kind: AlertKind,
        /// Whether what an earlier one said is over.
        recovered: bool,
        /// The round it is about.
        round: Option<Round>,
        /// It in one line.
        message: String,
    },
}

/// What to do now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Act {
    /// What to try, if anything.
    pub attempt: Option<Attempt>,
    /// What to tell.
    pub notices: Vec<Notice>,
    /// When to look again, at the latest.
    pub again: Duration,
}

/// What is remembered of the round.
#[derive(Debug)]
struct InRound {
    round: Round,
    active: bool,
    called: bool,
    /// Called by this guardian.
    own: bool,
    /// When it is this host's turn, once everything is ready.
    turn: Option<Instant>,
    /// When to open the round, if nobody has.
    opening: Option<Instant>,
    /// Since when another transaction of the account waits.
    behind: Option<Instant>,
    /// The last part of the round its owner was alerted at.
    told: u8,
}

/// The last facts, as far as they are needed in the dark.
#[derive(Debug, Clone, Copy)]
struct Seen {
    when: Instant,
    elapsed: u64,
    length: u64,
    /// Milliseconds of a block, where blocks have a rhythm.
    block_ms: Option<u64>,
}

/// What the guardian remembers from one look to the next.
#[derive(Debug)]
pub struct Vigil {
    policy: Policy,
    random: StdRng,
    round: Option<InRound>,
    seen: Option<Seen>,
    waiting: Option<Waiting>,
    failures: u32,
    not_before: Option<Instant>,
    dark_since: Option<Instant>,
    dark_told: bool,
    balance_told: bool,
    /// What the last call cost.
    cost: Option<Wei>,
}

impl Vigil {
    /// Remembers nothing yet. Hosts need different seeds.
    #[must_use]
    pub fn new(policy: Policy, seed: u64) -> Self {
        Self {
            policy,
            random: StdRng::seed_from_u64(seed),
            round: None,
            seen: None,
            waiting: None,
            failures: 0,
            not_before: None,
            dark_since: None,
            dark_told: false,
            balance_told: false,
            cost: None,
        }
    }

    /// How it decides.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Decides.
    pub fn look(&mut self, sight: Sight<'_>, now: Instant) -> Act {
        let mut notices = Vec::new();
        match sight {
            Sight::Dark(message) => self.look_in_the_dark(message, now, &mut notices),
            Sight::Facts(facts) => self.look_at(facts, now, &mut notices),
        }
    }

    /// Learns what became of an attempt. When to look again.
    pub fn attempted(&mut self, attempt: Attempt, outcome: Outcome, now: Instant) -> Duration {
        let interval = self.policy.interval;
        match outcome {
            Outcome::Done(cost) => {
                self.failures = 0;
                self.not_before = None;
                if let (Attempt::Reward { .. }, Some(round)) = (attempt, &mut self.round) {
                    round.own = true;
                    self.cost = Some(cost);
                }
                Duration::ZERO
            }
            // Whoever was faster shows on the chain soon.
            Outcome::Overtaken => {
                self.not_before = Some(now + interval);
                interval / 4
            }
            Outcome::Priced => interval,
            Outcome::Failed => {
                self.failures = self.failures.saturating_add(1);
                let most = match self.is_late(now) {
                    true => LATE_BACK_OFF,
                    false => MOST_BACK_OFF,
                };
                let looks = 1_u32 << (self.failures - 1).min(16);
                self.not_before = Some(now + interval * looks.min(most));
                Duration::ZERO
            }
        }
    }

    fn look_at(&mut self, facts: &RewardFacts, now: Instant, notices: &mut Vec<Notice>) -> Act {
        self.dark_since = None;
        if std::mem::take(&mut self.dark_told) {
            notices.push(Notice::Alert {
                kind: AlertKind::ChainUnreachable,
                recovered: true,
                round: Some(facts.round.round),
                message: "the chain can be read again".to_string(),
            });
        }
        let round = &facts.round;
        self.seen = Some(Seen {
            when: now,
            elapsed: round.elapsed,
            length: round.length,
            block_ms: round
                .seconds_left
                .and_then(|seconds| seconds.saturating_mul(1000).checked_div(round.blocks_left)),
        });
        self.turn_the_page(facts, notices);
        self.see_whether_called(facts, notices);
        let (attempt, again) = match self.judge(facts, now) {
            Ok(attempt) => (Some(attempt), Duration::ZERO),
            Err((waiting, again)) => {
                self.tell_late(round.elapsed, round.length, &waiting, notices);
                self.tell_waiting(Some(round.round), waiting, notices);
                (None, again)
            }
        };
        self.tell_balance(facts, notices);
        Act {
            attempt,
            notices: std::mem::take(notices),
            again,
        }
    }

    /// A new round: what became of the old one.
    fn turn_the_page(&mut self, facts: &RewardFacts, notices: &mut Vec<Notice>) {
        let now = facts.round.round;
        match self.round.take() {
            Some(same) if same.round == now => {
                self.round = Some(InRound {
                    active: facts.active,
                    ..same
                });
                return;
            }
            Some(old) if old.round < now && old.active && !old.called => {
                let last = facts.last_reward_round;
                let first_lost = old.round.max(Round(last.0.saturating_add(1)));
                let last_lost = Round(now.0 - 1);
                if first_lost <= last_lost {
                    let what = match first_lost == last_lost {
                        true => format!("round {last_lost} ended without its reward, which is lost"),
                        false => {
                            format!("rounds {first_lost} to {last_lost} ended without reward, which is lost")
                        }
                    };
                    notices.push(Notice::Alert {
                        kind: AlertKind::RewardMissed,
                        recovered: false,
                        round: Some(last_lost),
                        message: what,
                    });
                }
                if last >= old.round && !old.own {
                    notices.push(Notice::CalledElsewhere(old.round));
                }
                if last >= old.round && old.told > 0 {
                    notices.push(recovered(old.round));
                }
            }
            _ => {}
        }
        self.failures = 0;
        self.not_before = None;
        // What stands in the way again in another round is news; that all is well is not.
        self.waiting = self.waiting.take().filter(|last| *last == Waiting::Called);
        self.round = Some(InRound {
            round: now,
            active: facts.active,
            // What was so before the first look is nobody's doing.
            called: facts.is_called(),
            own: facts.is_called(),
            turn: None,
            opening: None,
            behind: None,
            told: 0,
        });
    }

    /// The chain decides whether reward is called, also when it takes back what it said before.
    fn see_whether_called(&mut self, facts: &RewardFacts, notices: &mut Vec<Notice>) {
        let Some(round) = &mut self.round else { return };
        match (round.called, facts.is_called()) {
            (false, true) => {
                round.called = true;
                if !round.own {
                    notices.push(Notice::CalledElsewhere(round.round));
                }
                if std::mem::take(&mut round.told) > 0 {
                    notices.push(recovered(round.round));
                }
            }
            (true, false) => {
                round.called = false;
                round.own = false;
                round.turn = None;
            }
            _ => {}
        }
    }

    /// What to try; or why nothing, and when to look again.
    fn judge(&mut self, facts: &RewardFacts, now: Instant) -> Result<Attempt, (Waiting, Duration)> {
        let Policy { interval, jitter, .. } = self.policy;
        let Some(memory) = &mut self.round else {
            return Err((Waiting::Called, interval));
        };
        let round = &facts.round;
        let limit = self.policy.gas.at(round.elapsed, round.length);
        let priced = limit
            .filter(|limit| facts.gas_price > *limit)
            .map(|limit_wei| Waiting::GasPrice {
                price_wei: facts.gas_price,
                limit_wei,
                ceiling_wei: self.policy.gas.ceiling.unwrap_or(limit_wei),
            });
        let back_off = self.not_before.filter(|then| now < *then).map(|then| {
            let waiting = match self.failures {
                0 => Waiting::Turn,
                failures => Waiting::BackOff { failures },
            };
            (waiting, then - now)
        });
        if facts.paused {
            return Err((Waiting::Paused, interval));
        }
        if !round.initialized {
            let Some(most) = self.policy.initialize else {
                return Err((Waiting::RoundNotInitialized, interval));
            };
            let opening = *memory
                .opening
                .get_or_insert_with(|| now + up_to(most, &mut self.random));
            if now < opening {
                return Err((Waiting::RoundNotInitialized, interval.min(opening - now)));
            }
            if let Some(back_off) = back_off {
                return Err(back_off);
            }
            return match priced {
                Some(waiting) => Err((waiting, interval)),
                None => Ok(Attempt::Initialize { limit }),
            };
        }
        let resting = || match round.seconds_left {
            // It may come a little earlier than the usual time of a block says.
            Some(seconds) => Duration::from_secs(seconds).clamp(interval, interval * RESTING),
            None => interval,
        };
        if !facts.active {
            return Err((Waiting::NotActive, resting()));
        }
        if memory.called {
            return Err((Waiting::Called, resting()));
        }
        if let Some((code, message)) = &facts.obstacle {
            let waiting = Waiting::Obstacle {
                code: code.clone(),
                message: message.clone(),
            };
            return Err((waiting, interval));
        }
        let cost = facts
            .gas
            .map(|gas| Wei(facts.gas_price.0.saturating_mul(U256::from(gas))));
        let floor = cost.map(|cost| self.policy.floor.least(cost)).unwrap_or_default();
        let not_worth = facts
            .reward
            .filter(|reward| self.policy.floor.is_set() && *reward < floor)
            .map(|reward_lpt| Waiting::NotWorth {
                reward_lpt,
                floor_lpt: floor,
            });
        if let Some(waiting) = priced.or(not_worth) {
            memory.turn = None;
            return Err((waiting, interval));
        }
        if let Some(back_off) = back_off {
            return Err(back_off);
        }
        if facts.waiting > 0 {
            let since = *memory.behind.get_or_insert(now);
            if now < since + interval * BEHIND {
                return Err((Waiting::OtherTransaction, interval));
            }
        } else {
            memory.behind = None;
        }
        let is_late = round.elapsed.saturating_mul(100) >= round.length.saturating_mul(ALL_IN_PERCENT);
        let turn = *memory
            .turn
            .get_or_insert_with(|| now + up_to(jitter, &mut self.random));
        if now < turn && !is_late {
            return Err((Waiting::Turn, turn - now));
        }
        Ok(Attempt::Reward { limit })
    }

    /// Alerts at the operator's parts of the round.
    fn tell_late(&mut self, elapsed: u64, length: u64, waiting: &Waiting, notices: &mut Vec<Notice>) {
        let Some(round) = &mut self.round else { return };
        if !round.active || round.called {
            return;
        }
        let percent = elapsed
            .saturating_mul(100)
            .checked_div(length)
            .unwrap_or(0)
            .min(100);
        let passed = self
            .policy
            .parts
            .iter()
            .copied()
            .filter(|part| u64::from(*part) <= percent);
        let Some(part) = passed.max().filter(|part| *part > round.told) else {
            return;
        };
        round.told = part;
        notices.push(Notice::Alert {
            kind: AlertKind::RewardLate,
            recovered: false,
            round: Some(round.round),
            message: format!(
                "{percent} % of round {} have passed and reward is not called: {waiting}",
                round.round
            ),
        });
    }

    fn tell_waiting(&mut self, round: Option<Round>, waiting: Waiting, notices: &mut Vec<Notice>) {
        // Whose turn it is, is settled within seconds.
        let is_news = self.waiting.as_ref().is_none_or(|last| !last.is_like(&waiting));
        if waiting == Waiting::Turn {
            return;
        }
        if is_news {
            notices.push(Notice::Waiting(round, waiting.clone()));
        }
        self.waiting = Some(waiting);
    }

    /// Whether the account can pay for some time to come.
    fn tell_balance(&mut self, facts: &RewardFacts, notices: &mut Vec<Notice>) {
        let now = facts
            .gas
            .map(|gas| facts.gas_price.0.saturating_mul(U256::from(gas)));
        let Some(cost) = now
            .or(self.cost.map(|cost| cost.0))
            .filter(|cost| !cost.is_zero())
        else {
            return;
        };
        let rounds = facts.balance.0 / cost;
        let runway = U256::from(self.policy.runway_rounds);
        let balance = facts.balance.human();
        // It is over only when there is something to spare: no alert each time gas moves a little.
        if !self.balance_told && rounds < runway {
            self.balance_told = true;
            notices.push(Notice::Alert {
                kind: AlertKind::BalanceLow,
                recovered: false,
                round: Some(facts.round.round),
                message: format!("{balance} pay for about {rounds} more rewards: send ETH to the account"),
            });
        } else if self.balance_told && rounds >= runway + runway / U256::from(4) {
            self.balance_told = false;
            notices.push(Notice::Alert {
                kind: AlertKind::BalanceLow,
                recovered: true,
                round: Some(facts.round.round),
                message: format!("{balance} pay for about {rounds} rewards"),
            });
        }
    }

    /// Time goes on in the dark: the round is as old as its blocks are long.
    fn look_in_the_dark(&mut self, message: &str, now: Instant, notices: &mut Vec<Notice>) -> Act {
        let interval = self.policy.interval;
        let since = *self.dark_since.get_or_insert(now);
        let waiting = Waiting::Unreachable {
            message: message.to_string(),
        };
        if let Some((seen, block_ms)) = self.seen.and_then(|seen| Some((seen, seen.block_ms?))) {
            let passed = u64::try_from((now - seen.when).as_millis()).unwrap_or(u64::MAX);
            let elapsed = seen
                .elapsed
                .saturating_add(passed.checked_div(block_ms).unwrap_or(0));
            // Beyond its end nobody knows which round it is.
            if elapsed <= seen.length {
                self.tell_late(elapsed, seen.length, &waiting, notices);
            }
        }
        let round = self.round.as_ref().map(|round| round.round);
        if !self.dark_told && now - since >= interval * DARK {
            self.dark_told = true;
            notices.push(Notice::Alert {
                kind: AlertKind::ChainUnreachable,
                recovered: false,
                round,
                message: format!(
                    "the chain could not be read for {} s: {message}",
                    (now - since).as_secs()
                ),
            });
        }
        self.tell_waiting(round, waiting, notices);
        Act {
            attempt: None,
            notices: std::mem::take(notices),
            again: interval,
        }
    }

    /// Whether the last part of the round has begun, by the last facts.
    fn is_late(&self, now: Instant) -> bool {
        self.seen.is_some_and(|seen| {
            let passed = u64::try_from((now - seen.when).as_millis()).unwrap_or(u64::MAX);
            let since = seen
                .block_ms
                .and_then(|each| passed.checked_div(each))
                .unwrap_or(0);
            let elapsed = seen.elapsed.saturating_add(since);
            elapsed.saturating_mul(100) >= seen.length.saturating_mul(ALL_IN_PERCENT)
        })
    }
}

fn recovered(round: Round) -> Notice {
    Notice::Alert {
        kind: AlertKind::RewardLate,
        recovered: true,
        round: Some(round),
        message: format!("reward of round {round} is called"),
    }
}

fn up_to(most: Duration, random: &mut StdRng) -> Duration {
    let most = u64::try_from(most.as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis(random.random_range(0..=most))
}

#[cfg(test)]
mod tests;
