//! Work done: totals since the start, and the timings of the last segments.

use std::collections::VecDeque;

use crate::view::node::{Latency, SegmentTiming, WorkTotals};

/// Segments the percentiles are taken over.
const WINDOW: usize = 512;

/// What became of one segment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outcome {
    /// Where its time went, and whether renditions were made.
    pub timing: SegmentTiming,
    /// Renditions made.
    pub renditions: u64,
    /// Encoded pixels reported to the gateway.
    pub pixels: u64,
    /// Source bytes.
    pub bytes_in: u64,
}

/// Totals and recent timings over all sessions.
#[derive(Default)]
pub(super) struct Work {
    totals: WorkTotals,
    recent: VecDeque<SegmentTiming>,
    shed: u64,
}

impl Work {
    /// Counts a segment that was refused because it would have come out too late.
    pub(super) fn shed(&mut self) {
        self.shed += 1;
    }

    /// How many were.
    pub(super) fn segments_shed(&self) -> u64 {
        self.shed
    }

    /// Counts one segment.
    pub(super) fn record(&mut self, outcome: &Outcome) {
        let timing = outcome.timing;
        let totals = &mut self.totals;
        totals.bytes_in += outcome.bytes_in;
        totals.renditions += outcome.renditions;
        totals.pixels += outcome.pixels;
        if timing.ok {
            totals.segments_done += 1;
            totals.media_ms += u64::from(timing.duration_ms);
            push_bounded(&mut self.recent, timing, WINDOW);
        } else {
            totals.segments_failed += 1;
        }
    }

    /// Totals with the percentiles of the last segments that succeeded.
    pub(super) fn totals(&self, sessions_refused: u64) -> WorkTotals {
        let mut sorted: Vec<u32> = self.recent.iter().map(|timing| timing.total_ms).collect();
        sorted.sort_unstable();
        let played: u64 = self
            .recent
            .iter()
            .map(|timing| u64::from(timing.duration_ms))
            .sum();
        let worked: u64 = self
            .recent
            .iter()
            .map(|timing| u64::from(timing.transcode_ms))
            .sum();
        WorkTotals {
            latency: Latency::of_sorted(&sorted),
            real_time_permille: (!sorted.is_empty()).then(|| played * 1000 / worked.max(1)),
            sessions_refused,
            ..self.totals.clone()
        }
    }
}

/// Adds at the end; the oldest makes room.
pub(super) fn push_bounded<T>(queue: &mut VecDeque<T>, item: T, most: usize) {
    while queue.len() >= most {
        queue.pop_front();
    }
    queue.push_back(item);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(ok: bool, total_ms: u32) -> Outcome {
        Outcome {
            timing: SegmentTiming {
                seq: 0,
                duration_ms: 2000,
                upload_ms: 1,
                wait_ms: 0,
                transcode_ms: 500,
                total_ms,
                ok,
            },
            renditions: 2,
            pixels: 7,
            bytes_in: 11,
        }
    }

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        assert_eq!(Latency::of_sorted(&[]), None);
        let hundred: Vec<u32> = (1..=100).collect();
        assert_eq!(
            Latency::of_sorted(&hundred),
            Some(Latency {
                p50_ms: 50,
                p90_ms: 90,
                p99_ms: 99
            })
        );
        assert_eq!(
            Latency::of_sorted(&[7]),
            Some(Latency {
                p50_ms: 7,
                p90_ms: 7,
                p99_ms: 7
            })
        );
    }

    #[test]
    fn failures_count_and_leave_the_latency_alone() {
        let mut work = Work::default();
        assert_eq!(work.totals(0), WorkTotals::default());
        work.record(&outcome(true, 600));
        work.record(&outcome(false, 9));
        let totals = work.totals(3);
        assert_eq!((totals.segments_done, totals.segments_failed), (1, 1));
        assert_eq!(totals.latency.map(|latency| latency.p50_ms), Some(600));
        assert_eq!(totals.real_time_permille, Some(4000));
        assert_eq!(
            (totals.media_ms, totals.bytes_in, totals.sessions_refused),
            (2000, 22, 3)
        );
        for _ in 0..2 * WINDOW {
            work.record(&outcome(true, 1));
        }
        assert_eq!(work.recent.len(), WINDOW);
    }
}
