//! What samples come to.

use std::{collections::BTreeMap, time::Duration};

use super::load::{Sample, Turn};
use crate::view::bench::{Figures, Ratio, Spread};

/// Different failure texts that are told apart.
const FAILURES: usize = 16;

/// All turns of one side with one number of sessions.
#[derive(Debug, Default)]
pub struct Tally {
    /// Every segment.
    pub samples: Vec<Sample>,
    /// Time the turns took, without the rests between them.
    pub wall: Duration,
}

impl Tally {
    /// Takes one more turn.
    pub fn add(&mut self, turn: Turn) {
        self.samples.extend(turn.samples);
        self.wall += turn.wall;
    }

    /// Segments that were not transcoded.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.samples
            .iter()
            .filter(|sample| sample.failure.is_some())
            .count() as u64
    }

    /// Latencies of those that were, smallest first.
    #[must_use]
    pub fn latencies(&self) -> Vec<Duration> {
        let done = self.samples.iter().filter(|sample| sample.failure.is_none());
        let mut latencies: Vec<_> = done.map(|sample| sample.latency).collect();
        latencies.sort_unstable();
        latencies
    }

    /// Playing time transcoded in one second.
    #[must_use]
    pub fn real_time_factor(&self) -> f64 {
        let done = self.samples.iter().filter(|sample| sample.failure.is_none());
        self.rate(done.map(|sample| sample.playing.as_secs_f64()).sum())
    }

    /// Source frames transcoded in one second.
    #[must_use]
    pub fn frames_per_second(&self) -> f64 {
        let done = self.samples.iter().filter(|sample| sample.failure.is_none());
        self.rate(done.map(|sample| as_float(sample.frames)).sum())
    }

    fn rate(&self, amount: f64) -> f64 {
        match self.wall.is_zero() {
            true => 0.0,
            false => amount / self.wall.as_secs_f64(),
        }
    }

    /// The summary. Only the engine's segments can find an ffmpeg waiting.
    #[must_use]
    pub fn figures(&self, is_engine: bool) -> Figures {
        let mut failures: BTreeMap<String, u64> = BTreeMap::new();
        for failure in self.samples.iter().filter_map(|sample| sample.failure.as_ref()) {
            let is_known = failures.contains_key(failure) || failures.len() < FAILURES;
            let reason = if is_known {
                failure.as_str()
            } else {
                "other reasons"
            };
            *failures.entry(reason.to_string()).or_default() += 1;
        }
        let segments = self.samples.len() as u64;
        let warm = self.samples.iter().filter(|sample| sample.warm).count() as u64;
        Figures {
            segments,
            failed: self.failed(),
            failures,
            latency_ms: spread(&self.latencies()),
            frames_per_second: rounded(self.frames_per_second(), 10.0),
            real_time_factor: rounded(self.real_time_factor(), 1000.0),
            warm: (is_engine && segments > 0).then(|| rounded(as_float(warm) / as_float(segments), 1000.0)),
        }
    }
}

/// The engine's figures divided by the bare ffmpeg's.
#[must_use]
pub fn ratio(engine: &Tally, bare: &Tally) -> Ratio {
    let divided =
        |ours: f64, theirs: f64| (ours > 0.0 && theirs > 0.0).then(|| rounded(ours / theirs, 1000.0));
    let latency = |tally: &Tally| median(&tally.latencies()).map_or(0.0, |latency| latency.as_secs_f64());
    Ratio {
        latency: divided(latency(engine), latency(bare)),
        frames_per_second: divided(engine.frames_per_second(), bare.frames_per_second()),
    }
}

/// The distribution of durations, which are in order; none if there are none.
#[must_use]
pub fn spread(sorted: &[Duration]) -> Option<Spread> {
    let of = |percent| percentile(sorted, percent).map(milliseconds);
    Some(Spread {
        min: milliseconds(*sorted.first()?),
        median: milliseconds(median(sorted)?),
        p90: of(90)?,
        p99: of(99)?,
        max: milliseconds(*sorted.last()?),
    })
}

/// The middle of what is in order, or half-way between the middle two.
#[must_use]
pub fn median(sorted: &[Duration]) -> Option<Duration> {
    let (low, high) = (
        sorted.get((sorted.len().checked_sub(1)?) / 2)?,
        sorted.get(sorted.len() / 2)?,
    );
    Some((*low + *high) / 2)
}

/// The smallest value that so many percent are not above (nearest rank), of what is in order.
#[must_use]
pub fn percentile<V: Copy>(sorted: &[V], percent: usize) -> Option<V> {
    let rank = (sorted.len() * percent.min(100)).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

/// Milliseconds with one digit after the point.
#[must_use]
pub fn milliseconds(time: Duration) -> f64 {
    rounded(time.as_secs_f64() * 1000.0, 10.0)
}

fn rounded(value: f64, parts: f64) -> f64 {
    (value * parts).round() / parts
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of frames and segments are small"
)]
fn as_float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(millis: &[u64]) -> Vec<Duration> {
        millis.iter().copied().map(Duration::from_millis).collect()
    }

    #[test]
    fn percentiles_are_values_that_occurred() {
        let ten = of(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
        let spread = spread(&ten).unwrap();
        assert_eq!((spread.min, spread.median, spread.p90), (1.0, 5.5, 9.0));
        assert_eq!((spread.p99, spread.max), (10.0, 10.0));
        assert_eq!(median(&of(&[1, 2, 9])), Some(Duration::from_millis(2)));
        assert_eq!(percentile(&of(&[7]), 90), Some(Duration::from_millis(7)));
        assert_eq!(percentile(&[1, 2], 0), Some(1));
        assert!(super::spread(&[]).is_none() && median(&[]).is_none());
    }

    fn sample(latency: u64, failure: Option<String>) -> Sample {
        Sample {
            session: 0,
            segment: 0,
            piece: 0,
            playing: Duration::from_secs(2),
            latency: Duration::from_millis(latency),
            frames: 60,
            warm: latency < 600,
            failure,
            renditions: Vec::new(),
        }
    }

    fn tally(samples: Vec<Sample>, wall: u64) -> Tally {
        let mut tally = Tally::default();
        tally.add(Turn {
            samples,
            wall: Duration::from_millis(wall),
        });
        tally
    }

    #[test]
    fn only_what_was_transcoded_counts_for_speed() {
        let mut samples = vec![sample(500, None), sample(700, None)];
        samples.extend((0..40).map(|reason| sample(1, Some(format!("reason {reason}")))));
        let figures = tally(samples, 2000).figures(true);
        assert_eq!((figures.segments, figures.failed), (42, 40));
        assert_eq!(figures.failures.len(), FAILURES + 1);
        assert_eq!(figures.failures["other reasons"], 24);
        assert_eq!((figures.frames_per_second, figures.real_time_factor), (60.0, 2.0));
        assert_eq!(figures.latency_ms.unwrap().median, 600.0);
    }

    #[test]
    fn ratios_are_of_the_unrounded_figures() {
        let engine = tally(vec![sample(500, None)], 1000);
        let bare = tally(vec![sample(600, None)], 2000);
        let ratio = ratio(&engine, &bare);
        assert_eq!((ratio.latency, ratio.frames_per_second), (Some(0.833), Some(2.0)));
        let nothing = super::ratio(&engine, &Tally::default());
        assert_eq!((nothing.latency, nothing.frames_per_second), (None, None));
        assert_eq!(Tally::default().figures(false).warm, None);
    }
}
