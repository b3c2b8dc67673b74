//! How much room there is where the node keeps its books, looked at now and then: a file system that does not answer
//! must not hold up anybody else.

use std::{path::PathBuf, sync::Arc, time::Duration};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::supervisor::TaskError;

/// How often it is looked at.
const INTERVAL: Duration = Duration::from_secs(30);
/// Less than this is little, and less than this part of the whole if that is still less than [`ENOUGH`].
const LEAST: u64 = 1 << 30;
const LEAST_PERCENT: u64 = 5;
/// So much is enough, however large the disk.
const ENOUGH: u64 = 20 << 30;

/// Room on a disk, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DiskRoom {
    pub(super) free: u64,
    pub(super) total: u64,
}

impl DiskRoom {
    /// Whether it is about to be full.
    pub(super) fn is_low(self) -> bool {
        // A tiny disk is not low because it is tiny.
        let least = LEAST.min(self.total / 10);
        self.free < least || (self.free < ENOUGH && self.free < self.total / 100 * LEAST_PERCENT)
    }
}

/// What was last seen.
pub(super) type Seen = Arc<watch::Sender<Option<DiskRoom>>>;

/// Looks until told to stop.
pub(super) async fn watch(folder: PathBuf, seen: Seen, stop: CancellationToken) -> Result<(), TaskError> {
    loop {
        let folder = folder.clone();
        let looking = tokio::task::spawn_blocking(move || look(&folder));
        let room = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            room = looking => room?,
        };
        seen.send_replace(room);
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(INTERVAL) => {}
        }
    }
}

fn look(folder: &std::path::Path) -> Option<DiskRoom> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    Some(DiskRoom {
        free: disk.f_bavail.saturating_mul(disk.f_frsize),
        total: disk.f_blocks.saturating_mul(disk.f_frsize),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn low_is_little_in_itself_or_of_the_whole() {
        let is_low = |free, total| DiskRoom { free, total }.is_low();
        let gib = 1 << 30;
        assert!(is_low(gib / 2, 100 * gib));
        assert!(is_low(4 * gib, 100 * gib));
        assert!(!is_low(6 * gib, 100 * gib));
        assert!(!is_low(30 * gib, 4000 * gib));
        assert!(!is_low(gib / 4, gib));
        assert!(is_low(gib / 50, gib));
        let here = look(std::path::Path::new("/")).unwrap();
        assert!(here.total >= here.free && here.total > 0);
        assert_eq!(look(std::path::Path::new("/no/such/folder")), None);
    }
}
