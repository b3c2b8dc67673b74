//! Which numbers of sessions are tried, and when a machine carries them.

use std::time::Duration;

use super::{
    Run,
    figures::percentile,
    load::{Pace, Sample},
};
use crate::view::bench::{Capacity, CapacityBasis};

/// Most sessions that are tried.
pub const MOST_SESSIONS: u32 = 512;

/// Percent of the time there is for a segment that may be used: the rest is for what a benchmark does not see.
pub const USABLE_PERCENT: u32 = 80;

/// The numbers of sessions to be tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Counts {
    /// These.
    These(Vec<u32>),
    /// More and more until real time fails, then the numbers between.
    Auto,
}

impl Counts {
    /// The first step of trying them.
    #[must_use]
    pub fn search(&self) -> Search {
        match self {
            Self::These(counts) => Search::These(counts.clone().into_iter().rev().collect()),
            Self::Auto => Search::Auto {
                carried: 0,
                failed: None,
            },
        }
    }
}

/// What was tried and what is next.
#[derive(Debug)]
pub enum Search {
    /// What is left, last first.
    These(Vec<u32>),
    /// Doubling until one fails, then halving the distance.
    Auto {
        /// Largest number that was carried.
        carried: u32,
        /// Smallest number that was not.
        failed: Option<u32>,
    },
}

impl Search {
    /// The next number to try; none at the end.
    pub fn upcoming(&mut self) -> Option<u32> {
        match self {
            Self::These(left) => left.pop(),
            Self::Auto {
                carried,
                failed: None,
            } => (*carried < MOST_SESSIONS).then(|| (*carried * 2).clamp(1, MOST_SESSIONS)),
            Self::Auto {
                carried,
                failed: Some(failed),
            } => (*failed - *carried > 1).then_some(*carried + (*failed - *carried) / 2),
        }
    }

    /// Takes in whether so many sessions were carried.
    pub fn record(&mut self, sessions: u32, was_carried: bool) {
        if let Self::Auto { carried, failed } = self {
            if was_carried {
                *carried = sessions.max(*carried);
            } else {
                *failed = Some(failed.map_or(sessions, |failed| failed.min(sessions)));
            }
        }
    }
}

/// Whether live segments, each coming in over `arrive`, were served in real time: none failed, and nine in ten were
/// done before the next of their stream began, with a fifth of the time after their last byte to spare.
#[must_use]
pub fn is_real_time(samples: &[Sample], arrive: Duration) -> bool {
    if samples.is_empty() || samples.iter().any(|sample| sample.failure.is_some()) {
        return false;
    }
    let mut used: Vec<f64> = samples
        .iter()
        .map(|sample| {
            let there_is = sample.playing.saturating_sub(arrive).as_secs_f64();
            sample.latency.as_secs_f64() / there_is.max(f64::EPSILON)
        })
        .collect();
    used.sort_by(f64::total_cmp);
    percentile(&used, 90).is_some_and(|used| used * 100.0 <= f64::from(USABLE_PERCENT))
}

/// How many sessions the machine carries by these runs; none if no run tells.
#[must_use]
pub fn capacity(runs: &[Run], pace: Pace) -> Option<Capacity> {
    if let Pace::Live { .. } = pace {
        let smallest_failed = runs
            .iter()
            .filter(|run| run.keeps_real_time == Some(false))
            .map(|run| run.sessions)
            .min();
        let carried = runs
            .iter()
            .filter(|run| run.keeps_real_time == Some(true))
            .map(|run| run.sessions)
            .filter(|sessions| smallest_failed.is_none_or(|failed| *sessions < failed))
            .max();
        return match (carried, smallest_failed) {
            (None, None) => None,
            (carried, Some(_)) => Some(Capacity {
                sessions: carried.unwrap_or(0),
                basis: CapacityBasis::Live,
            }),
            (Some(sessions), None) => Some(Capacity {
                sessions,
                basis: CapacityBasis::LiveAtLeast,
            }),
        };
    }
    let fastest = runs
        .iter()
        .filter(|run| run.engine.failed() == 0)
        .map(|run| run.engine.real_time_factor())
        .max_by(f64::total_cmp)?;
    let sessions = fastest * f64::from(USABLE_PERCENT) / 100.0;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a small positive number, rounded down on purpose"
    )]
    let sessions = sessions.clamp(0.0, f64::from(MOST_SESSIONS)) as u32;
    Some(Capacity {
        sessions,
        basis: CapacityBasis::Speed,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::figures::Tally;

    const TWO: Duration = Duration::from_secs(2);

    fn sample(latency_ms: u64, failure: Option<&str>) -> Sample {
        Sample {
            session: 0,
            segment: 0,
            piece: 0,
            playing: TWO,
            latency: Duration::from_millis(latency_ms),
            frames: 60,
            warm: false,
            failure: failure.map(String::from),
            renditions: Vec::new(),
        }
    }

    fn tried(carries: u32) -> (Vec<u32>, u32) {
        let mut search = Counts::Auto.search();
        let mut tried = Vec::new();
        while let Some(sessions) = search.upcoming() {
            tried.push(sessions);
            assert!(tried.len() < 40, "no end: {tried:?}");
            search.record(sessions, sessions <= carries);
        }
        let Search::Auto { carried, .. } = search else {
            panic!("another search")
        };
        (tried, carried)
    }

    #[test]
    fn the_search_finds_every_capacity_in_few_steps() {
        for carries in 0..=MOST_SESSIONS {
            let (tried, found) = tried(carries);
            assert_eq!(found, carries, "{tried:?}");
            assert!(tried.len() <= 20, "{tried:?}");
        }
        assert_eq!(tried(5).0, [1, 2, 4, 8, 6, 5]);
        assert_eq!(tried(0).0, [1]);
    }

    #[test]
    fn given_numbers_are_all_tried_in_their_order() {
        let mut search = Counts::These(vec![4, 1, 2]).search();
        let mut tried = Vec::new();
        while let Some(sessions) = search.upcoming() {
            tried.push(sessions);
            search.record(sessions, false);
        }
        assert_eq!(tried, [4, 1, 2]);
    }

    #[test]
    fn real_time_leaves_a_fifth_of_what_is_left_after_the_last_byte() {
        let half = Duration::from_millis(500);
        let all = |latency| vec![sample(latency, None); 10];
        assert!(is_real_time(&all(1200), half));
        assert!(!is_real_time(&all(1201), half));
        assert!(is_real_time(&all(1600), Duration::ZERO));
        // One in ten may be late, one failure may not be.
        let mut late = all(100);
        late[3] = sample(5000, None);
        assert!(is_real_time(&late, half));
        late[4] = sample(5000, None);
        assert!(!is_real_time(&late, half));
        let mut failed = all(100);
        failed[0] = sample(0, Some("OrchestratorBusy"));
        assert!(!is_real_time(&failed, half));
        assert!(!is_real_time(&[], half));
        assert!(!is_real_time(&all(1), TWO));
    }

    fn run(sessions: u32, keeps: Option<bool>, wall_ms: u64) -> Run {
        let engine = Tally {
            samples: vec![sample(100, None); 10],
            wall: Duration::from_millis(wall_ms),
        };
        Run {
            sessions,
            engine,
            bare: None,
            keeps_real_time: keeps,
        }
    }

    #[test]
    fn the_largest_number_below_the_first_failure_is_carried() {
        let live = |runs: &[Run]| {
            let pace = Pace::Live {
                arrive: Duration::ZERO,
            };
            capacity(runs, pace).map(|it| (it.sessions, it.basis))
        };
        let runs = [
            run(1, Some(true), 1),
            run(4, Some(false), 1),
            run(2, Some(true), 1),
            run(8, Some(true), 1),
        ];
        assert_eq!(live(&runs), Some((2, CapacityBasis::Live)));
        assert_eq!(live(&runs[..1]), Some((1, CapacityBasis::LiveAtLeast)));
        assert_eq!(live(&runs[1..2]), Some((0, CapacityBasis::Live)));
        assert_eq!(live(&[]), None);
    }

    #[test]
    fn the_speed_flat_out_is_rounded_down_with_room() {
        // Twenty seconds of video in eight: 2.5 times real time, four fifths of it are two.
        let runs = [run(1, None, 10_000), run(2, None, 8_000)];
        let found = capacity(&runs, Pace::FlatOut).unwrap();
        assert_eq!((found.sessions, found.basis), (2, CapacityBasis::Speed));
    }
}
