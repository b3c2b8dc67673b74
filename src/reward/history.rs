//! What became of past rounds, worked out from the contracts' events.

use alloy::primitives::Address;

use crate::{
    units::{Lpt, Round},
    view::{
        chain::{ReadAt, RoundFacts},
        reward::{RewardHistory, RewardOutcome, RoundReward},
    },
};

/// Where an event is on the chain: events are in the order of this, whatever order they came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    pub(crate) block: u64,
    pub(crate) index: u64,
}

/// What was read about an orchestrator, from the round before `first` on.
#[derive(Debug, Default)]
pub(crate) struct Records {
    /// The first round that is asked about.
    pub(crate) first: Round,
    /// Rounds that were opened.
    pub(crate) opened: Vec<(Position, Round)>,
    /// Rewards that were minted.
    pub(crate) rewards: Vec<(Position, Lpt)>,
    /// From which round on the orchestrator was in the active set, or was not.
    pub(crate) standing: Vec<(Position, Round, bool)>,
    /// The stake kept for each round from `first` on; zero where nothing is kept.
    pub(crate) stakes: Vec<Lpt>,
    /// Where it stands now: active from this round on.
    pub(crate) active_from: Round,
    /// And until this one begins.
    pub(crate) active_until: Round,
}

impl Records {
    /// Whether it was in a round's active set.
    fn was_active(&self, round: Round) -> bool {
        let mut standing: Vec<_> = self.standing.iter().collect();
        standing.sort_unstable_by_key(|(position, from, _)| (*from, *position));
        let said = standing.iter().rev().find(|(_, from, _)| *from <= round);
        match (said, standing.first()) {
            (Some((_, _, is_active)), _) => *is_active,
            // The first change says what was before it.
            (None, Some((_, _, becomes_active))) => !becomes_active,
            (None, None) => self.active_from <= round && round < self.active_until,
        }
    }
}

/// One row a round, the newest first.
pub(crate) fn classify(records: &Records, current: &RoundFacts) -> Vec<RoundReward> {
    let mut opened = records.opened.clone();
    opened.sort_unstable();
    // A reward belongs to the round opened last before it: the contract mints for that one.
    let called_in = |wanted: Round| {
        records.rewards.iter().find(|(position, _)| {
            let before = opened.partition_point(|(opening, _)| opening <= position);
            let round = before.checked_sub(1).and_then(|index| opened.get(index));
            round.is_some_and(|(_, round)| *round == wanted)
        })
    };
    let rows = (records.first.0..=current.round.0)
        .map(Round)
        .enumerate()
        .map(|(index, round)| {
            let called = called_in(round);
            let is_current = round == current.round;
            let was_opened = opened.iter().any(|(_, opened)| *opened == round)
            // Round 0 is open from the start.
            || (is_current && current.initialized);
            let outcome = match called {
                Some(_) => RewardOutcome::Called,
                None if !records.was_active(round) => RewardOutcome::NotActive,
                None if is_current => RewardOutcome::Open,
                None if !was_opened => RewardOutcome::NotInitialized,
                None => RewardOutcome::Missed,
            };
            RoundReward {
                round,
                outcome,
                amount_lpt: called.map(|(_, amount)| *amount),
                stake_lpt: records
                    .stakes
                    .get(index)
                    .copied()
                    .filter(|stake| *stake > Lpt::ZERO),
                block: called.map(|(position, _)| position.block),
            }
        });
    let mut rows: Vec<_> = rows.collect();
    rows.reverse();
    rows
}

impl RewardHistory {
    /// Rows with their sums.
    pub(crate) fn of(
        at: ReadAt,
        orchestrator: Address,
        current: RoundFacts,
        rounds: Vec<RoundReward>,
    ) -> Self {
        let count = |outcome| rounds.iter().filter(|row| row.outcome == outcome).count() as u64;
        let amounts = rounds.iter().filter_map(|row| row.amount_lpt);
        Self {
            at,
            orchestrator,
            current,
            called: count(RewardOutcome::Called),
            missed: count(RewardOutcome::Missed),
            total_lpt: amounts.fold(Lpt::ZERO, Lpt::saturating_add),
            rounds,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(block: u64) -> Position {
        Position { block, index: 0 }
    }

    fn current(round: u64) -> RoundFacts {
        RoundFacts {
            round: Round(round),
            initialized: true,
            locked: false,
            last_initialized: Round(round),
            clock_block: 0,
            start_block: 0,
            length: 10,
            elapsed: 0,
            blocks_left: 10,
            lock_blocks: 1,
            blocks_until_lock: 9,
            seconds_left: None,
            seconds_until_lock: None,
        }
    }

    /// Rounds 3 to `last`, each opened at ten times its number.
    fn records(last: u64) -> Records {
        Records {
            first: Round(3),
            opened: (2..=last).map(|round| (at(round * 10), Round(round))).collect(),
            active_until: Round(u64::MAX),
            ..Records::default()
        }
    }

    fn outcomes(records: &Records, last: u64) -> Vec<(u64, RewardOutcome)> {
        let rows = classify(records, &current(last));
        rows.iter().map(|row| (row.round.0, row.outcome)).collect()
    }

    #[test]
    fn a_reward_belongs_to_the_round_opened_before_it() {
        let mut records = records(6);
        // Out of order, and one of a round nobody asked about.
        records.rewards = vec![
            (at(45), Lpt::whole(4)),
            (at(25), Lpt::whole(2)),
            (Position { block: 50, index: 1 }, Lpt::whole(5)),
        ];
        records.opened.reverse();
        use RewardOutcome::{Called, Missed, Open};
        assert_eq!(
            outcomes(&records, 6),
            [(6, Open), (5, Called), (4, Called), (3, Missed)]
        );
        let rows = classify(&records, &current(6));
        assert_eq!(rows[1].amount_lpt, Some(Lpt::whole(5)));
        assert_eq!(rows[1].block, Some(50));
    }

    #[test]
    fn a_round_nobody_opened_is_no_missed_one() {
        let mut records = records(5);
        records.opened.retain(|(_, round)| *round != Round(4));
        use RewardOutcome::{Missed, NotInitialized, Open};
        assert_eq!(
            outcomes(&records, 5),
            [(5, Open), (4, NotInitialized), (3, Missed)]
        );
    }

    #[test]
    fn the_active_set_is_followed_through_its_changes() {
        use RewardOutcome::{Missed, NotActive, Open};
        let mut left = records(6);
        left.standing = vec![(at(45), Round(5), false)];
        assert_eq!(
            outcomes(&left, 6),
            [(6, NotActive), (5, NotActive), (4, Missed), (3, Missed)]
        );
        // Pushed out and back again before the round began.
        left.standing.push((at(46), Round(5), true));
        assert_eq!(outcomes(&left, 6)[..2], [(6, Open), (5, Missed)]);
        let mut joined = records(6);
        joined.standing = vec![(at(35), Round(4), true)];
        assert_eq!(outcomes(&joined, 6)[2..], [(4, Missed), (3, NotActive)]);
        let never = Records {
            active_until: Round(0),
            ..records(4)
        };
        assert_eq!(outcomes(&never, 4), [(4, NotActive), (3, NotActive)]);
    }
}
