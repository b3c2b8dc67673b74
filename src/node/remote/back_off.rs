//! How long to wait before the next attempt (`go-livepeer server/ot_rpc.go`).

use std::time::Duration;

/// The first wait, before it is spread.
const FIRST: Duration = Duration::from_millis(500);
/// The longest wait, before it is spread.
const MOST: Duration = Duration::from_secs(60);

/// Waits that grow by half from half a second to a minute, each spread by half of itself, so that the transcoders of
/// an orchestrator that restarts do not all come back at once.
#[derive(Debug)]
pub(super) struct BackOff {
    next: Duration,
}

impl BackOff {
    pub(super) fn new() -> Self {
        Self { next: FIRST }
    }

    /// Begins anew: it worked.
    pub(super) fn reset(&mut self) {
        self.next = FIRST;
    }

    /// The wait before the next attempt.
    pub(super) fn wait(&mut self) -> Duration {
        let unspread = self.next;
        self.next = (unspread * 3 / 2).min(MOST);
        let permille = rand::random_range(500..=1500_u32);
        unspread * permille / 1000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_minute_and_begin_anew() {
        let mut back_off = BackOff::new();
        let mut unspread = FIRST;
        for _ in 0..20 {
            let wait = back_off.wait();
            assert!(wait >= unspread / 2 && wait <= unspread * 3 / 2, "{wait:?}");
            unspread = (unspread * 3 / 2).min(MOST);
        }
        assert_eq!(unspread, MOST);
        back_off.reset();
        assert!(back_off.wait() <= FIRST * 3 / 2);
    }

    #[test]
    fn waits_are_spread() {
        let waits: std::collections::BTreeSet<_> = (0..20).map(|_| BackOff::new().wait()).collect();
        assert!(waits.len() > 1, "{waits:?}");
    }
}
