//! Who is connected to a port, and who goes first when it is full: strangers can open connections faster than they are
//! timed out, and those who have work to do must still get in.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::time::sleep;
use tokio_util::sync::{CancellationToken, WaitForCancellationFuture};

use super::listener::ConnectionLimits;

/// So long a new connection may take to make its request before it is taken for a silent one.
const FRESH: Duration = Duration::from_secs(1);

/// The connections of a port.
pub(super) struct Guests {
    table: Arc<Mutex<Table>>,
    most: usize,
}

#[derive(Default)]
struct Table {
    next: u64,
    entries: HashMap<u64, Entry>,
}

struct Entry {
    activity: Arc<Activity>,
    leave: CancellationToken,
}

impl Guests {
    /// Nobody yet, and at most so many.
    pub(super) fn new(most: usize) -> Self {
        Self {
            table: Arc::default(),
            most,
        }
    }

    /// A place for a new connection. If all are taken, the one that has been without a request the longest leaves, and
    /// those that never made one before all others, unless they are new themselves; none if all have one.
    pub(super) fn admit(&self) -> Option<Guest> {
        let mut table = lock(&self.table);
        if table.entries.len() >= self.most {
            let idle = table.entries.iter().filter_map(|(id, entry)| {
                let rank = entry.activity.rank()?;
                Some((rank, *id))
            });
            let (_, id) = idle.min()?;
            if let Some(entry) = table.entries.remove(&id) {
                entry.leave.cancel();
            }
        }
        let id = table.next;
        table.next += 1;
        let (activity, leave) = (Arc::new(Activity::new()), CancellationToken::new());
        table.entries.insert(
            id,
            Entry {
                activity: Arc::clone(&activity),
                leave: leave.clone(),
            },
        );
        Some(Guest {
            id,
            activity,
            leave,
            table: Arc::clone(&self.table),
        })
    }
}

fn lock(table: &Mutex<Table>) -> MutexGuard<'_, Table> {
    table.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One connection's place, given back when dropped.
pub(super) struct Guest {
    id: u64,
    activity: Arc<Activity>,
    leave: CancellationToken,
    table: Arc<Mutex<Table>>,
}

impl Guest {
    /// What the connection does.
    pub(super) fn activity(&self) -> &Arc<Activity> {
        &self.activity
    }

    /// Resolves when its place was given to another.
    pub(super) fn displaced(&self) -> WaitForCancellationFuture<'_> {
        self.leave.cancelled()
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        lock(&self.table).entries.remove(&self.id);
    }
}

/// Whether a connection is being used.
pub(super) struct Activity {
    running: AtomicUsize,
    begun: AtomicUsize,
    last_end: Mutex<Instant>,
}

impl Activity {
    fn new() -> Self {
        Self {
            running: AtomicUsize::new(0),
            begun: AtomicUsize::new(0),
            last_end: Mutex::new(Instant::now()),
        }
    }

    /// A request runs until what this returns is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> RequestRuns {
        self.running.fetch_add(1, Ordering::AcqRel);
        self.begun.fetch_add(1, Ordering::AcqRel);
        RequestRuns(Arc::clone(self))
    }

    fn last_end(&self) -> Instant {
        *self.last_end.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who must leave first has the lowest; none while a request runs.
    fn rank(&self) -> Option<(bool, Instant)> {
        let is_idle = self.running.load(Ordering::Acquire) == 0;
        let (begun, last_end) = (self.begun.load(Ordering::Acquire), self.last_end());
        is_idle.then(|| (begun > 0 || last_end.elapsed() < FRESH, last_end))
    }

    /// Resolves once no request has run for as long as the limits allow.
    pub(super) fn unused(self: &Arc<Self>, limits: ConnectionLimits) -> impl Future<Output = ()> + use<> {
        let activity = Arc::clone(self);
        async move {
            loop {
                let limit = match activity.begun.load(Ordering::Acquire) {
                    0 => limits.first_request,
                    _ => limits.idle,
                };
                let left = match activity.running.load(Ordering::Acquire) {
                    0 => limit.saturating_sub(activity.last_end().elapsed()),
                    _ => limit,
                };
                if left == Duration::ZERO {
                    return;
                }
                sleep(left).await;
            }
        }
    }
}

/// Held while a request runs.
pub(super) struct RequestRuns(Arc<Activity>);

impl Drop for RequestRuns {
    fn drop(&mut self) {
        *self.0.last_end.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        self.0.running.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_without_a_request_make_room() {
        let guests = Guests::new(3);
        let busy = guests.admit().unwrap();
        let _request = busy.activity().begin();
        let kept = guests.admit().unwrap();
        drop(kept.activity().begin());
        let silent = guests.admit().unwrap();
        let left = |guest: &Guest| guest.leave.is_cancelled();
        let long_ago = Instant::now().checked_sub(FRESH).unwrap();
        *silent.activity.last_end.lock().unwrap() = long_ago;

        let fourth = guests.admit().unwrap();
        assert!(
            left(&silent) && !left(&kept) && !left(&busy),
            "the silent one goes first"
        );
        let _fourth_request = fourth.activity().begin();
        let fifth = guests.admit().unwrap();
        assert!(left(&kept) && !left(&fourth) && !left(&busy));
        let _fifth_request = fifth.activity().begin();
        assert!(guests.admit().is_none(), "all have a request");
        drop(fifth);
        assert!(guests.admit().is_some());
        // Those that left hold no place any more.
        drop((silent, kept));
        assert_eq!(lock(&guests.table).entries.len(), 2);
    }
}
