//! How much memory is left for processes that only wait.

use std::time::{Duration, Instant};

use sysinfo::{MemoryRefreshKind, System};

/// Memory one waiting ffmpeg takes: libraries it shares with the others are counted in full.
pub(super) const EACH: u64 = 64 << 20;

/// Part of the free memory that waiting processes may take: a quarter.
const PART: u64 = 4;

/// Free memory below which a run that failed for want of something may have failed for want of memory.
const SHORT: u64 = 2 << 30;

/// How long a reading holds.
const FRESH: Duration = Duration::from_secs(1);

/// Reads the machine's free memory, or what is left to this container.
#[derive(Debug, Default)]
pub(super) struct Memory {
    read: Option<(Instant, u64)>,
}

impl Memory {
    /// Bytes that are free, as of a moment ago. None where the system does not tell.
    pub(super) fn free(&mut self) -> u64 {
        if let Some((at, free)) = self.read
            && at.elapsed() < FRESH
        {
            return free;
        }
        let free = read().map_or(0, |(free, _)| free);
        self.read = Some((Instant::now(), free));
        free
    }

    /// Whether there is hardly enough for another run, as of now.
    pub(super) fn is_short(&mut self) -> bool {
        let Some((free, total)) = read() else {
            return true;
        };
        self.read = Some((Instant::now(), free));
        short(free, total)
    }
}

/// Whether so many bytes free of so many are too few for one more run.
fn short(free: u64, total: u64) -> bool {
    free < SHORT.min(total / PART)
}

/// Bytes that are free, and bytes in all.
pub(super) fn read() -> Option<(u64, u64)> {
    let mut system = System::new().ok()?;
    system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
    let (free, total) = (system.available_memory(), system.total_memory());
    let Some(here) = system.cgroup_limits() else {
        return Some((free, total));
    };
    // What a container has cached it gets back when it needs it; what its programs hold it does not.
    let free_here = here.total_memory.saturating_sub(here.rss);
    Some((free.min(free_here), total.min(here.total_memory)))
}

/// How many may wait where so many bytes are free while so many wait already.
pub(super) fn bound(free: u64, waiting: usize) -> usize {
    let if_all_went = free.saturating_add((waiting as u64).saturating_mul(EACH));
    usize::try_from(if_all_went / PART / EACH).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_of_what_would_be_free_without_them() {
        assert_eq!(bound(0, 0), 0);
        assert_eq!(bound(8 << 30, 0), 32);
        // Starting them changes nothing about how many there may be.
        assert_eq!(bound((8 << 30) - 20 * EACH, 20), 32);
        assert_eq!(bound(100 << 20, 6), 1);
    }

    #[test]
    fn little_is_little_on_small_machines_too() {
        assert!(short(1 << 30, 16 << 30) && !short(3 << 30, 16 << 30));
        assert!(short(200 << 20, 1 << 30) && !short(300 << 20, 1 << 30));
    }

    #[test]
    fn this_machine_has_memory() {
        let mut memory = Memory::default();
        assert!(memory.free() > 1 << 20);
        assert_eq!(memory.free(), memory.free());
    }
}
