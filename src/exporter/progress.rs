//! How far a reading is with the history: the first one goes through years of blocks.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::state::State;
use crate::chain::LedgerProgress;

/// Told how many thousandths of the history were read.
pub(super) type Shown = Box<dyn Fn(u16) + Send + Sync>;

/// From one log line about a long reading to the next.
const PAUSE: Duration = Duration::from_secs(10);
/// All of it.
const WHOLE: u16 = 1_000;

/// A line now and then; none for a reading that is over soon, as all but the first are.
pub(super) fn logged() -> Shown {
    let last = Mutex::new(Instant::now());
    Box::new(move |permille| {
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        if permille == 0 || permille == WHOLE {
            *last = Instant::now();
        } else if last.elapsed() >= PAUSE {
            *last = Instant::now();
            tracing::info!(percent = permille / 10, "reading the history");
        }
    })
}

/// The way through the history's parts: the rounds, and each orchestrator.
pub(super) struct Way {
    state: Arc<Mutex<State>>,
    shown: Shown,
    parts: usize,
}

impl Way {
    pub(super) fn new(state: Arc<Mutex<State>>, shown: Shown, parts: usize) -> Self {
        Self { state, shown, parts }
    }

    /// A reading begins.
    pub(super) fn begin(&self) {
        self.at(0);
    }

    /// All of it was read.
    pub(super) fn end(&self) {
        self.at(WHOLE);
    }

    /// What tells how far a part is, counted from 0.
    pub(super) fn of(&self, part: usize) -> impl Fn(LedgerProgress) + Send + Sync {
        move |progress| self.at(permille(part, self.parts, progress))
    }

    fn at(&self, permille: u16) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.history = Some(permille);
        drop(state);
        (self.shown)(permille);
    }
}

/// Thousandths of all parts, rounded down.
fn permille(part: usize, parts: usize, progress: LedgerProgress) -> u16 {
    let whole = u128::from(progress.all.max(1));
    let done = u128::from(progress.done).min(whole);
    let before = u128::try_from(part).unwrap_or(u128::MAX).saturating_mul(whole);
    let all = u128::try_from(parts.max(1))
        .unwrap_or(u128::MAX)
        .saturating_mul(whole);
    let permille = before.saturating_add(done).saturating_mul(u128::from(WHOLE)) / all;
    u16::try_from(permille).unwrap_or(WHOLE).min(WHOLE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::LedgerStage;

    #[test]
    fn parts_make_up_the_whole() {
        let progress = |done, all| LedgerProgress {
            stage: LedgerStage::Logs,
            done,
            all,
        };
        assert_eq!(permille(0, 3, progress(0, 100)), 0);
        assert_eq!(permille(0, 3, progress(100, 100)), 333);
        assert_eq!(permille(1, 3, progress(50, 100)), 500);
        assert_eq!(permille(2, 3, progress(99, 100)), 996);
        assert_eq!(permille(2, 3, progress(100, 100)), 1_000);
        // Nothing to read, and more than there was when it began.
        assert_eq!(permille(0, 1, progress(0, 0)), 0);
        assert_eq!(permille(0, 1, progress(9, 8)), 1_000);
        assert_eq!(permille(0, 1, progress(u64::MAX, u64::MAX)), 1_000);
    }
}
