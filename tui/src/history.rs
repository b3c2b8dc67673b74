//! What the charts show: readings over time, kept in bounds, with gaps left as gaps.
//!
//! Time is the viewer's own, as readings arrive: a node's clock may jump. The last quarter of an hour is kept by the second,
//! a day by ten seconds; what falls between is absorbed by the reading before it, worst values first.

use std::{collections::VecDeque, time::Instant};

use engine::view::node::{Device, Latency, NodeStatus};
use jiff::Timestamp;

/// A reading speaks for at most this long: beyond it there is a gap.
const HOLD_MS: i64 = 7_000;
/// Readings closer together than this are one.
const NEAREST_MS: i64 = 1_000;
/// Readings kept by the second.
const RECENT: usize = 900;
/// Older readings are so far apart.
const APART_MS: i64 = 10_000;
/// Older readings kept: a day.
const OLD: usize = 8_640;
/// Devices that are told apart.
const DEVICES: usize = 64;
/// Latency and speed are of the newest segments: without a new one they speak for this long.
const WORK_HOLD_MS: i64 = 15_000;
/// The window of the rate that is printed as a figure.
const RATE_WINDOW_MS: i64 = 10_000;
/// The window of the earnings that are printed as a figure.
const EARNED_WINDOW_MS: i64 = 600_000;
/// Less than this tells nothing of earnings.
const EARNED_LEAST_MS: i64 = 20_000;

/// How much of the past a chart shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Range {
    /// Five minutes.
    #[default]
    Minutes5,
    /// A quarter of an hour.
    Minutes15,
    /// An hour.
    Hour,
    /// Six hours.
    Hours6,
    /// A day.
    Day,
}

impl Range {
    /// The next longer one, around the end.
    #[must_use]
    pub fn next(self) -> Self {
        match self {
            Self::Minutes5 => Self::Minutes15,
            Self::Minutes15 => Self::Hour,
            Self::Hour => Self::Hours6,
            Self::Hours6 => Self::Day,
            Self::Day => Self::Minutes5,
        }
    }

    /// `5 min`, `1 d`.
    #[must_use]
    pub fn shown(self) -> &'static str {
        match self {
            Self::Minutes5 => "5 min",
            Self::Minutes15 => "15 min",
            Self::Hour => "1 h",
            Self::Hours6 => "6 h",
            Self::Day => "24 h",
        }
    }

    /// What one of `count` columns stands for, in milliseconds.
    fn column(self, count: usize) -> i64 {
        let minutes = match self {
            Self::Minutes5 => 5,
            Self::Minutes15 => 15,
            Self::Hour => 60,
            Self::Hours6 => 360,
            Self::Day => 1_440,
        };
        let count = i64::try_from(count.max(1)).unwrap_or(i64::MAX);
        (minutes * 60_000 / count).max(NEAREST_MS)
    }
}

/// Which value stands for a column that has several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// The highest: of latencies and loads.
    Highest,
    /// The lowest: of speeds.
    Lowest,
}

/// One reading, as much of it as charts need.
#[derive(Debug, Clone)]
pub struct Point {
    at: i64,
    /// It speaks until then.
    until: i64,
    started: Timestamp,
    segments: u64,
    /// Wei of tickets taken; none where nobody pays.
    earned: Option<u128>,
    /// Latency percentiles at that time.
    pub latency: Option<Latency>,
    /// Real-time factor in thousandths.
    pub real_time_permille: Option<u64>,
    devices: Box<[DevicePoint]>,
}

/// A device's readings.
#[derive(Debug, Clone, Copy, Default)]
pub struct DevicePoint {
    id: u16,
    /// Percent of the general-purpose part.
    pub load: Option<u16>,
    /// Percent of the encoder.
    pub encoder: Option<u16>,
    /// Percent of the decoder.
    pub decoder: Option<u16>,
    /// Percent of the memory.
    pub memory: Option<u16>,
    /// Degrees Celsius.
    pub temperature: Option<u16>,
    /// Watts.
    pub power: Option<u16>,
}

impl Point {
    /// Takes in a later reading that is not kept itself.
    fn absorb(&mut self, later: &Self) {
        self.until = self.until.max(later.until);
        self.latency = match (self.latency, later.latency) {
            (Some(one), Some(other)) => Some(Latency {
                p50_ms: one.p50_ms.max(other.p50_ms),
                p90_ms: one.p90_ms.max(other.p90_ms),
                p99_ms: one.p99_ms.max(other.p99_ms),
            }),
            (one, other) => one.or(other),
        };
        self.real_time_permille = match (self.real_time_permille, later.real_time_permille) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        for device in &mut self.devices {
            if let Some(other) = later.devices.iter().find(|other| other.id == device.id) {
                device.load = device.load.max(other.load);
                device.encoder = device.encoder.max(other.encoder);
                device.decoder = device.decoder.max(other.decoder);
                device.memory = device.memory.max(other.memory);
                device.temperature = device.temperature.max(other.temperature);
                device.power = device.power.max(other.power);
            }
        }
    }
}

/// The bounded past.
#[derive(Debug, Clone, Default)]
pub struct History {
    origin: Option<Instant>,
    old: VecDeque<Point>,
    recent: VecDeque<Point>,
    ids: Vec<String>,
    /// Segments answered, and since when; none where that is not known to be lately.
    worked: Option<(u64, Option<i64>)>,
}

impl History {
    /// Takes a reading in that arrived at `received`.
    pub fn record(&mut self, status: &NodeStatus, received: Instant) {
        let origin = *self.origin.get_or_insert(received);
        let at = received.saturating_duration_since(origin).as_millis();
        let at = i64::try_from(at).unwrap_or(i64::MAX / 2);
        let work = &status.work;
        let segments = work.segments_done.saturating_add(work.segments_failed);
        let worked_at = match self.worked {
            Some((known, since)) if known == segments => since,
            // Of a node without sessions nobody knows when it worked last.
            None if status.sessions.is_empty() => None,
            _ => Some(at),
        };
        self.worked = Some((segments, worked_at));
        let is_fresh = worked_at.is_some_and(|since| at - since <= WORK_HOLD_MS);
        let point = Point {
            at,
            until: at + HOLD_MS,
            started: status.started,
            segments,
            earned: status
                .payments
                .as_ref()
                .and_then(|payments| payments.credited_wei.0.try_into().ok()),
            latency: work.latency.filter(|_| is_fresh),
            real_time_permille: work.real_time_permille.filter(|_| is_fresh),
            devices: status
                .devices
                .iter()
                .take(DEVICES)
                .filter_map(|device| self.device_point(device))
                .collect(),
        };
        // The newest reading is kept whatever it is near to; the one before it only if it is a second from its own neighbour.
        let before = self
            .recent
            .len()
            .checked_sub(2)
            .and_then(|index| self.recent.get(index));
        if before.is_some_and(|before| point.at - before.at < NEAREST_MS && before.started == point.started) {
            self.recent.pop_back();
        }
        self.recent.push_back(point);
        while self.recent.len() > RECENT {
            let Some(oldest) = self.recent.pop_front() else {
                break;
            };
            match self.old.back_mut() {
                Some(last)
                    if oldest.at - last.at < APART_MS
                        && oldest.at <= last.until
                        && oldest.started == last.started =>
                {
                    last.absorb(&oldest);
                }
                _ => self.old.push_back(oldest),
            }
        }
        while self.old.len() > OLD {
            self.old.pop_front();
        }
    }

    fn device_point(&mut self, device: &Device) -> Option<DevicePoint> {
        let known = self.ids.iter().position(|id| *id == device.id);
        let id = match known {
            Some(id) => id,
            None if self.ids.len() < DEVICES => {
                self.ids.push(device.id.clone());
                self.ids.len() - 1
            }
            None => return None,
        };
        let small = |value: Option<u32>| value.map(|value| u16::try_from(value).unwrap_or(u16::MAX));
        let memory = device
            .memory_used
            .zip(device.memory_total)
            .and_then(|(used, total)| used.min(total).saturating_mul(100).checked_div(total))
            .and_then(|percent| u16::try_from(percent).ok());
        Some(DevicePoint {
            id: u16::try_from(id).ok()?,
            load: small(device.load_percent),
            encoder: small(device.encoder_percent),
            decoder: small(device.decoder_percent),
            memory,
            temperature: small(device.temperature_celsius),
            power: small(device.power_watts),
        })
    }

    /// The last `count` columns of a reading, oldest first; none where nothing is known.
    pub fn columns(
        &self,
        range: Range,
        count: usize,
        keep: Keep,
        value: impl Fn(&Point) -> Option<f64>,
    ) -> Vec<Option<f64>> {
        let mut columns = vec![None; count];
        let Some((start, width)) = self.start(range, count) else {
            return columns;
        };
        // A reading fills the columns up to the next one, or up to where it is too old.
        let mut points = self.since(start).peekable();
        while let Some(point) = points.next() {
            let next = points.peek().map_or(point.at + 1, |next| next.at);
            let until = next.min(point.until);
            let (Some(value), true) = (value(point), until > start) else {
                continue;
            };
            let first = (point.at.max(start) - start) / width;
            let last = (until - 1 - start).max(0) / width;
            for column in first..=last.max(first) {
                if let Some(slot) = slot(&mut columns, column) {
                    *slot = Some(match (*slot, keep) {
                        (Some(known), Keep::Highest) => value.max(known),
                        (Some(known), Keep::Lowest) => value.min(known),
                        (None, _) => value,
                    });
                }
            }
        }
        columns
    }

    /// Segments answered per second in the last `count` columns, oldest first; none where nothing is known.
    #[must_use]
    pub fn throughput(&self, range: Range, count: usize) -> Vec<Option<f64>> {
        let tallies = self.tallies(range, count);
        tallies.iter().map(Tally::rate).collect()
    }

    /// What tickets were worth per hour, in wei, in the last `count` columns.
    #[must_use]
    pub fn earned(&self, range: Range, count: usize) -> Vec<Option<u128>> {
        let tallies = self.tallies(range, count);
        tallies.iter().map(Tally::earned_an_hour).collect()
    }

    /// What was counted between two readings, spread evenly over the columns between them.
    fn tallies(&self, range: Range, count: usize) -> Vec<Tally> {
        let mut tallies = vec![Tally::default(); count];
        let Some((start, width)) = self.start(range, count) else {
            return tallies;
        };
        for stretch in self.stretches(start) {
            let first = (stretch.from.max(start) - start) / width;
            let last = (stretch.to - 1 - start).max(0) / width;
            for column in first..=last {
                let from = start + column * width;
                if let Some(tally) = slot(&mut tallies, column) {
                    tally.add(&stretch, from, from + width);
                }
            }
        }
        tallies
    }

    /// Segments answered per second lately.
    #[must_use]
    pub fn throughput_now(&self) -> Option<f64> {
        self.lately(RATE_WINDOW_MS)?.rate()
    }

    /// What tickets were worth lately, as wei an hour.
    #[must_use]
    pub fn earned_now(&self) -> Option<u128> {
        let tally = self.lately(EARNED_WINDOW_MS)?;
        (tally.covered >= EARNED_LEAST_MS).then(|| tally.earned_an_hour())?
    }

    fn lately(&self, window: i64) -> Option<Tally> {
        let last = self.recent.back()?.at;
        let mut tally = Tally::default();
        for stretch in self.stretches(last - window) {
            tally.add(&stretch, last - window, last);
        }
        Some(tally)
    }

    /// Readings of one device; see [`History::columns`].
    pub fn device(
        &self,
        range: Range,
        count: usize,
        id: &str,
        value: impl Fn(&DevicePoint) -> Option<u16>,
    ) -> Vec<Option<f64>> {
        let Some(id) = self.ids.iter().position(|known| known == id) else {
            return vec![None; count];
        };
        self.columns(range, count, Keep::Highest, |point| {
            let device = point.devices.iter().find(|device| usize::from(device.id) == id)?;
            value(device).map(f64::from)
        })
    }

    /// Where the first of `count` columns starts and how wide each is. Columns start at whole multiples, so that charts
    /// move by columns and do not shimmer.
    fn start(&self, range: Range, count: usize) -> Option<(i64, i64)> {
        let last = self.recent.back()?.at;
        let width = range.column(count);
        let columns = i64::try_from(count).ok()?;
        Some(((last.div_euclid(width) + 1 - columns) * width, width))
    }

    /// The readings that still speak at `start`, and all later ones.
    fn since(&self, start: i64) -> impl Iterator<Item = &Point> {
        let old = self.old.partition_point(|point| point.until <= start);
        let recent = self.recent.partition_point(|point| point.until <= start);
        self.old.iter().skip(old).chain(self.recent.iter().skip(recent))
    }

    /// The unbroken stretches between readings that reach beyond `start`.
    fn stretches(&self, start: i64) -> impl Iterator<Item = Stretch> {
        let later = self.since(start).skip(1);
        self.since(start).zip(later).filter_map(|(earlier, later)| {
            let unbroken =
                earlier.at < later.at && later.at <= earlier.until && earlier.started == later.started;
            let segments = later.segments.checked_sub(earlier.segments)?;
            let earned = earlier
                .earned
                .zip(later.earned)
                .and_then(|(earlier, later)| later.checked_sub(earlier));
            unbroken.then_some(Stretch {
                from: earlier.at,
                to: later.at,
                segments,
                earned,
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
    earned: Option<u128>,
}

/// A sum over parts of stretches.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    covered: i64,
    segments: f64,
    /// Milliseconds in which earnings are known, and the earnings.
    paid: (i64, u128),
}

impl Tally {
    /// Adds the part of a stretch that lies between `from` and `to`.
    fn add(&mut self, stretch: &Stretch, from: i64, to: i64) {
        let overlap = stretch.to.min(to) - stretch.from.max(from);
        let length = stretch.to - stretch.from;
        let Ok(part @ 1..) = u128::try_from(overlap) else {
            return;
        };
        self.covered += overlap;
        self.segments += stretch.segments as f64 * overlap as f64 / length as f64;
        if let (Some(earned), Ok(length)) = (stretch.earned, u128::try_from(length)) {
            let share = earned.saturating_mul(part).checked_div(length).unwrap_or(0);
            self.paid = (self.paid.0 + overlap, self.paid.1.saturating_add(share));
        }
    }

    /// A second's worth; none where too little is known to tell.
    fn rate(&self) -> Option<f64> {
        (self.covered >= NEAREST_MS / 4).then(|| self.segments * 1_000.0 / self.covered as f64)
    }

    /// An hour's worth of earnings, in wei.
    fn earned_an_hour(&self) -> Option<u128> {
        let covered = u128::try_from(self.paid.0).ok()?;
        self.paid.1.saturating_mul(3_600_000).checked_div(covered)
    }
}

fn slot<T>(columns: &mut [T], column: i64) -> Option<&mut T> {
    usize::try_from(column)
        .ok()
        .and_then(|column| columns.get_mut(column))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use engine::{units::Wei, view::payments::PaymentsView};

    use super::*;
    use crate::fixtures;

    struct Past {
        history: History,
        start: Instant,
    }

    impl Past {
        fn new() -> Self {
            Self {
                history: History::default(),
                start: Instant::now(),
            }
        }

        fn at(&mut self, seconds: u64, done: u64) {
            let mut status = fixtures::busy();
            status.work.segments_done = done;
            status.work.segments_failed = 0;
            self.record(seconds, &status);
        }

        fn record(&mut self, seconds: u64, status: &NodeStatus) {
            self.history
                .record(status, self.start + Duration::from_secs(seconds));
        }
    }

    #[test]
    fn throughput_is_what_was_done_between_readings() {
        let mut past = Past::new();
        for second in 0..=60 {
            past.at(second, second * 3);
        }
        assert_eq!(past.history.throughput_now(), Some(3.0));
        // Ten columns of half a minute: the last one has only begun.
        let columns = past.history.throughput(Range::Minutes5, 10);
        assert_eq!(columns[7..], [Some(3.0), Some(3.0), None]);
        assert_eq!(columns[..7], [None; 7]);
    }

    #[test]
    fn a_gap_stays_a_gap() {
        let mut past = Past::new();
        for (second, done) in [(0, 0), (2, 4), (20, 400), (22, 402)] {
            past.at(second, done);
        }
        let columns = past.history.throughput(Range::Minutes5, 300);
        assert_eq!(columns[277..279], [Some(2.0); 2]);
        assert!(columns[279..297].iter().all(Option::is_none), "{columns:?}");
        assert_eq!(columns[297..299], [Some(1.0); 2]);
        let held = past
            .history
            .columns(Range::Minutes5, 300, Keep::Highest, |_| Some(1.0));
        assert_eq!(
            held[277..286],
            [Some(1.0); 9],
            "a reading speaks for seven seconds"
        );
        assert_eq!(held[286..297], [None; 11]);
    }

    #[test]
    fn without_new_segments_latency_and_speed_become_a_gap() {
        let mut past = Past::new();
        for second in 0..=60 {
            past.at(second, if second < 40 { second.min(10) } else { 11 });
        }
        let latency = |point: &Point| point.latency.map(|latency| f64::from(latency.p99_ms));
        let speed = |point: &Point| point.real_time_permille.map(|permille| permille as f64);
        for columns in [
            past.history.columns(Range::Minutes5, 300, Keep::Highest, latency),
            past.history.columns(Range::Minutes5, 300, Keep::Lowest, speed),
        ] {
            let last = &columns[239..];
            let known: Vec<usize> = (0..=60).filter(|second| last[*second].is_some()).collect();
            let expected: Vec<usize> = (0..=25).chain(40..=55).collect();
            assert_eq!(known, expected);
        }
        let mut idle = fixtures::busy();
        idle.sessions.clear();
        let mut past = Past::new();
        past.record(0, &idle);
        let columns = past.history.columns(Range::Minutes5, 300, Keep::Highest, latency);
        assert_eq!(columns, [None; 300]);
    }

    #[test]
    fn a_restarted_node_does_not_look_like_negative_work() {
        let mut past = Past::new();
        past.at(0, 500);
        let mut restarted = fixtures::busy();
        restarted.started = restarted.time;
        past.record(2, &restarted);
        assert_eq!(past.history.throughput_now(), None);
    }

    #[test]
    fn a_clock_that_jumps_changes_no_chart() {
        let mut past = Past::new();
        for second in 0..=20u64 {
            let mut status = fixtures::busy();
            status.work.segments_done = second * 2;
            let jump = if second % 2 == 0 { 86_400 } else { -86_400 };
            status.time = fixtures::now() + jiff::SignedDuration::from_secs(jump);
            past.record(second, &status);
        }
        assert_eq!(past.history.throughput_now(), Some(2.0));
    }

    #[test]
    fn the_past_is_bounded_and_a_day_long() {
        let mut past = Past::new();
        for second in 0..100_000 {
            past.at(second, second);
        }
        assert!(past.history.recent.len() <= RECENT && past.history.old.len() <= OLD);
        let day = past.history.throughput(Range::Day, 24);
        assert!(day[1..23].iter().all(|rate| *rate == Some(1.0)), "{day:?}");
    }

    #[test]
    fn readings_that_come_fast_are_thinned_and_the_newest_is_there() {
        let mut past = Past::new();
        for quarter in 0..400u64 {
            let mut status = fixtures::busy();
            status.work.segments_done = quarter;
            let at = past.start + Duration::from_millis(quarter * 250);
            past.history.record(&status, at);
        }
        let kept = past.history.recent.len();
        assert!((99..=140).contains(&kept), "{kept}");
        assert_eq!(past.history.throughput_now(), Some(4.0));
    }

    #[test]
    fn older_readings_keep_the_worst_of_what_they_absorbed() {
        let mut past = Past::new();
        for second in 0..2_000u64 {
            let mut status = fixtures::busy();
            status.work.segments_done = second;
            let spike = if second == 33 { 9_000 } else { 100 };
            status.work.latency = Some(Latency {
                p50_ms: spike,
                p90_ms: spike,
                p99_ms: spike,
            });
            status.work.real_time_permille = Some(if second == 33 { 400 } else { 3_000 });
            past.record(second, &status);
        }
        let p99 = past.history.columns(Range::Hour, 60, Keep::Highest, |point| {
            point.latency.map(|latency| f64::from(latency.p99_ms))
        });
        assert_eq!(p99.iter().flatten().filter(|value| **value == 9_000.0).count(), 1);
        let slowest = past.history.columns(Range::Hour, 60, Keep::Lowest, |point| {
            point.real_time_permille.map(|permille| permille as f64)
        });
        assert!(slowest.contains(&Some(400.0)));
    }

    #[test]
    fn earnings_are_exact_to_the_wei() {
        let mut past = Past::new();
        for second in 0..=60u64 {
            let mut status = fixtures::busy();
            status.payments = Some(PaymentsView {
                credited_wei: Wei((u128::from(second) * 1_000_000_007).try_into().unwrap()),
                ..PaymentsView::default()
            });
            past.record(second, &status);
        }
        assert_eq!(past.history.earned_now(), Some(1_000_000_007 * 3_600));
        let columns = past.history.earned(Range::Minutes5, 10);
        assert_eq!(columns[8], Some(1_000_000_007 * 3_600));
    }

    #[test]
    fn an_empty_history_draws_nothing() {
        assert_eq!(History::default().throughput(Range::Day, 3), [None, None, None]);
        assert_eq!(History::default().throughput_now(), None);
        assert_eq!(History::default().earned_now(), None);
    }
}
