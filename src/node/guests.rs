//! Who is connected to a port, and who goes first when it is full: strangers can open connections faster than they are
//! timed out, and those who have work to do must still get in.

use std::{
    collections::HashMap,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use axum::body::HttpBody;
use hyper::body::{Frame, SizeHint};
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
    running: Mutex<Running>,
    begun: AtomicUsize,
    last_end: Mutex<Instant>,
}

/// The requests that run, by their number.
#[derive(Default)]
struct Running {
    next: u64,
    /// Since when a request's answer waits for its peer to take it; none while it is being made.
    waiting: HashMap<u64, Option<Instant>>,
}

impl Activity {
    fn new() -> Self {
        Self {
            running: Mutex::default(),
            begun: AtomicUsize::new(0),
            last_end: Mutex::new(Instant::now()),
        }
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request runs until what this returns is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> RequestRuns {
        self.begun.fetch_add(1, Ordering::AcqRel);
        let mut running = self.running();
        let id = running.next;
        running.next += 1;
        running.waiting.insert(id, None);
        RequestRuns {
            id,
            activity: Arc::clone(self),
        }
    }

    fn last_end(&self) -> Instant {
        *self.last_end.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Since when nothing is done here: no request runs, or all that is left is for the peer to take the answers. None
    /// while there is work.
    fn nothing_since(&self) -> Option<Nothing> {
        let running = self.running();
        if running.waiting.is_empty() {
            return Some(Nothing::Asked(self.last_end()));
        }
        let waiting: Option<Vec<_>> = running.waiting.values().copied().collect();
        Some(Nothing::Taken(waiting?.into_iter().max()?))
    }

    /// Who must leave first has the lowest; none while a request runs.
    fn rank(&self) -> Option<(bool, Instant)> {
        let Some(Nothing::Asked(since)) = self.nothing_since() else {
            return None;
        };
        let begun = self.begun.load(Ordering::Acquire);
        Some((begun > 0 || since.elapsed() < FRESH, since))
    }

    /// Resolves once no request has run, or no answer was taken, for as long as the limits allow.
    pub(super) fn unused(self: &Arc<Self>, limits: ConnectionLimits) -> impl Future<Output = ()> + use<> {
        let activity = Arc::clone(self);
        async move {
            loop {
                let idle = match activity.begun.load(Ordering::Acquire) {
                    0 => limits.first_request,
                    _ => limits.idle,
                };
                let left = match activity.nothing_since() {
                    Some(Nothing::Asked(since)) => idle.saturating_sub(since.elapsed()),
                    Some(Nothing::Taken(since)) => limits.write_stall.saturating_sub(since.elapsed()),
                    None => limits.write_stall,
                };
                if left == Duration::ZERO {
                    return;
                }
                // What is done here changes meanwhile.
                sleep(left.min(limits.write_stall)).await;
            }
        }
    }
}

/// Why nothing is done on a connection, and since when.
enum Nothing {
    /// Nothing is asked.
    Asked(Instant),
    /// No answer is taken.
    Taken(Instant),
}

/// Held while a request runs.
pub(super) struct RequestRuns {
    id: u64,
    activity: Arc<Activity>,
}

impl RequestRuns {
    /// The next part of its answer is being made, or, if not, waits for the peer to take it.
    fn is_made(&self, made: bool) {
        let since = (!made).then(Instant::now);
        if let Some(waiting) = self.activity.running().waiting.get_mut(&self.id) {
            *waiting = since;
        }
    }
}

impl Drop for RequestRuns {
    fn drop(&mut self) {
        *self
            .activity
            .last_end
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Instant::now();
        self.activity.running().waiting.remove(&self.id);
    }
}

/// An answer's body. The request runs until its last byte is on its way; while nobody asks for the next part, the peer
/// has not taken the one before.
pub(super) struct Answering<B> {
    body: B,
    runs: RequestRuns,
}

impl<B> Answering<B> {
    pub(super) fn new(body: B, runs: RequestRuns) -> Self {
        runs.is_made(false);
        Self { body, runs }
    }
}

impl<B: HttpBody + Unpin> HttpBody for Answering<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        self.runs.is_made(frame.is_pending());
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
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
