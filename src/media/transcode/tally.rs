//! What the engine counts.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::{
    media::job::{FailureClass, TranscodeError},
    view::node::FailureCounts,
};

/// Counts since the start, and what goes on now.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) running: AtomicU32,
    pub(super) waiting: AtomicU32,
    pub(super) speculative_discarded: AtomicU64,
    pub(super) segments_shed: AtomicU64,
    failures: [AtomicU64; 4],
}

impl Tally {
    /// Counts a run that failed by what was at fault. Being stopped or too busy is no failure.
    pub(super) fn failed(&self, error: &TranscodeError) {
        if let Some(class) = error.class() {
            count(&self.failures[class as usize]);
        }
    }

    pub(super) fn failures(&self) -> FailureCounts {
        let of = |class: FailureClass| self.failures[class as usize].load(Ordering::Relaxed);
        FailureCounts {
            input: of(FailureClass::Input),
            device: of(FailureClass::Device),
            resource: of(FailureClass::Resource),
            ours: of(FailureClass::Ours),
        }
    }
}

/// One more.
pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// One more for as long as it lives.
pub(super) struct Now<'a>(&'a AtomicU32);

impl<'a> Now<'a> {
    pub(super) fn raise(count: &'a AtomicU32) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Now<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
