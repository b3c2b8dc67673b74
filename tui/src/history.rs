//! What the charts show: readings over time, kept in bounds, with gaps left as gaps.

use std::collections::VecDeque;

use engine::view::node::{Device, Latency, NodeStatus};
use jiff::Timestamp;

/// Milliseconds one chart column stands for.
pub const COLUMN_MS: i64 = 2_000;
/// A reading speaks for at most this long: beyond it there is a gap.
const HOLD_MS: i64 = 7_000;
/// Readings closer together than this are one.
const NEAREST_MS: i64 = 250;
/// Readings kept: a quarter of an hour and more at four a second.
const KEPT: usize = 4_096;
/// The window of the rate that is printed as a figure.
const RATE_WINDOW_MS: i64 = 10_000;

/// One reading, as much of it as charts need.
#[derive(Debug, Clone)]
pub struct Point {
    at: i64,
    started: Timestamp,
    segments: u64,
    /// Latency percentiles at that time.
    pub latency: Option<Latency>,
    /// Real-time factor in thousandths.
    pub real_time_permille: Option<u64>,
    devices: Vec<Device>,
}

/// The bounded past.
#[derive(Debug, Clone, Default)]
pub struct History {
    points: VecDeque<Point>,
}

impl History {
    /// Takes a reading in. A node whose clock went back starts a new history.
    pub fn record(&mut self, status: &NodeStatus) {
        let point = Point {
            at: status.time.as_millisecond(),
            started: status.started,
            segments: status
                .work
                .segments_done
                .saturating_add(status.work.segments_failed),
            latency: status.work.latency,
            real_time_permille: status.work.real_time_permille,
            devices: status.devices.clone(),
        };
        if let Some(last) = self.points.back() {
            if point.at < last.at {
                self.points.clear();
            } else if point.at - last.at < NEAREST_MS
                && self.points.len() > 1
                && last.started == point.started
            {
                self.points.pop_back();
            }
        }
        self.points.push_back(point);
        while self.points.len() > KEPT {
            self.points.pop_front();
        }
    }

    /// The last `count` columns of a reading, oldest first; none where nothing is known.
    pub fn columns(&self, count: usize, value: impl Fn(&Point) -> Option<f64>) -> Vec<Option<f64>> {
        let mut columns = vec![None; count];
        let Some(start) = self.start(count) else {
            return columns;
        };
        // A reading fills the columns up to the next one, or up to where it is too old.
        let first = self.points.partition_point(|point| point.at + HOLD_MS <= start);
        for (index, point) in self.points.iter().enumerate().skip(first) {
            let next = self.points.get(index + 1).map_or(point.at + 1, |next| next.at);
            let until = next.min(point.at + HOLD_MS);
            let (Some(value), true) = (value(point), until > start) else {
                continue;
            };
            let first = (point.at.max(start) - start) / COLUMN_MS;
            let last = (until - 1 - start).max(0) / COLUMN_MS;
            for column in first..=last.max(first) {
                if let Some(slot) = slot(&mut columns, column) {
                    *slot = Some(value);
                }
            }
        }
        columns
    }

    /// Segments answered per second in the last `count` columns, oldest first; none where nothing is known.
    #[must_use]
    pub fn throughput(&self, count: usize) -> Vec<Option<f64>> {
        let Some(start) = self.start(count) else {
            return vec![None; count];
        };
        // What was counted between two readings is spread evenly over the columns between them.
        let mut tallies = vec![Tally::default(); count];
        for stretch in self.stretches(start) {
            let first = (stretch.from.max(start) - start) / COLUMN_MS;
            let last = (stretch.to - 1 - start) / COLUMN_MS;
            for column in first..=last {
                let from = start + column * COLUMN_MS;
                if let Some(tally) = slot(&mut tallies, column) {
                    tally.add(&stretch, from, from + COLUMN_MS);
                }
            }
        }
        tallies.iter().map(Tally::rate).collect()
    }

    /// Segments answered per second lately.
    #[must_use]
    pub fn throughput_now(&self) -> Option<f64> {
        let last = self.points.back()?.at;
        let mut tally = Tally::default();
        for stretch in self.stretches(last - RATE_WINDOW_MS) {
            tally.add(&stretch, last - RATE_WINDOW_MS, last);
        }
        tally.rate()
    }

    /// Readings of one device; see [`History::columns`].
    pub fn device(&self, count: usize, id: &str, value: impl Fn(&Device) -> Option<u32>) -> Vec<Option<f64>> {
        self.columns(count, |point| {
            let device = point.devices.iter().find(|device| device.id == id)?;
            value(device).map(f64::from)
        })
    }

    /// Where the first of `count` columns starts. Columns start at whole multiples, so that charts move by columns and
    /// do not shimmer.
    fn start(&self, count: usize) -> Option<i64> {
        let last = self.points.back()?.at;
        let columns = i64::try_from(count).ok()?;
        Some((last.div_euclid(COLUMN_MS) + 1 - columns) * COLUMN_MS)
    }

    /// The unbroken stretches between readings that reach beyond `start`.
    fn stretches(&self, start: i64) -> impl Iterator<Item = Stretch> {
        let first = self
            .points
            .partition_point(|point| point.at <= start)
            .saturating_sub(1);
        let pairs = self
            .points
            .iter()
            .skip(first)
            .zip(self.points.iter().skip(first + 1));
        pairs.filter_map(|(earlier, later)| {
            let length = later.at - earlier.at;
            let unbroken = (1..=HOLD_MS).contains(&length) && earlier.started == later.started;
            let segments = later.segments.checked_sub(earlier.segments)?;
            unbroken.then_some(Stretch {
                from: earlier.at,
                to: later.at,
                segments,
            })
        })
    }
}

/// The time between two readings, and what was counted in it.
#[derive(Debug, Clone, Copy)]
struct Stretch {
    from: i64,
    to: i64,
    segments: u64,
}

/// A sum over parts of stretches.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    covered: i64,
    segments: f64,
}

impl Tally {
    /// Adds the part of a stretch that lies between `from` and `to`.
    fn add(&mut self, stretch: &Stretch, from: i64, to: i64) {
        let overlap = stretch.to.min(to) - stretch.from.max(from);
        if overlap > 0 {
            self.covered += overlap;
            self.segments += stretch.segments as f64 * overlap as f64 / (stretch.to - stretch.from) as f64;
        }
    }

    /// A second's worth; none where too little is known to tell.
    fn rate(&self) -> Option<f64> {
        (self.covered >= NEAREST_MS).then(|| self.segments * 1_000.0 / self.covered as f64)
    }
}

fn slot<T>(columns: &mut [T], column: i64) -> Option<&mut T> {
    usize::try_from(column)
        .ok()
        .and_then(|column| columns.get_mut(column))
}

#[cfg(test)]
mod tests {
    use engine::view::node::NodeStatus;

    use super::*;
    use crate::fixtures;

    fn at(seconds: i64, done: u64) -> NodeStatus {
        let mut status = fixtures::busy();
        status.time = Timestamp::from_second(1_800_000_000 + seconds).unwrap();
        status.work.segments_done = done;
        status.work.segments_failed = 0;
        status
    }

    #[test]
    fn throughput_is_what_was_done_between_readings() {
        let mut history = History::default();
        for second in 0..=8 {
            history.record(&at(second, u64::try_from(second).unwrap() * 3));
        }
        assert_eq!(history.throughput_now(), Some(3.0));
        assert_eq!(
            history.throughput(6),
            [None, Some(3.0), Some(3.0), Some(3.0), Some(3.0), None]
        );
    }

    #[test]
    fn a_gap_stays_a_gap() {
        let mut history = History::default();
        history.record(&at(0, 0));
        history.record(&at(2, 4));
        history.record(&at(20, 400));
        history.record(&at(22, 402));
        let columns = history.throughput(12);
        assert_eq!(columns[0], Some(2.0));
        assert!(columns[1..10].iter().all(Option::is_none), "{columns:?}");
        assert_eq!(columns[10], Some(1.0));
        let held = history.columns(12, |_| Some(1.0));
        assert_eq!(held[..5], [Some(1.0); 5], "a reading speaks for seven seconds");
        assert_eq!(held[5..10], [None; 5]);
    }

    #[test]
    fn a_restarted_node_does_not_look_like_negative_work() {
        let mut history = History::default();
        history.record(&at(0, 500));
        let mut restarted = at(2, 1);
        restarted.started = restarted.time;
        history.record(&restarted);
        assert_eq!(history.throughput_now(), None);
    }

    #[test]
    fn the_past_is_bounded() {
        let mut history = History::default();
        for second in 0..10_000 {
            history.record(&at(second, 1));
        }
        assert_eq!(history.points.len(), KEPT);
        history.record(&at(0, 1));
        assert_eq!(history.points.len(), 1, "a clock that went back starts anew");
    }

    #[test]
    fn an_empty_history_draws_nothing() {
        assert_eq!(History::default().throughput(3), [None, None, None]);
        assert_eq!(History::default().throughput_now(), None);
    }
}
