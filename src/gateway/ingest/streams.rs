//! Which streams there are, and how a further one gets in: through a door under the name in its address, which is kept
//! for it while it is admitted. There are only so many doors.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::OnceCell,
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

use super::{
    Shared,
    answer::Answer,
    stream::{LiveStream, lock},
};
use crate::view::ingest::Origin;

/// How often streams are looked through.
const ROUND: Duration = Duration::from_millis(250);

/// Why a stream does not get in. The texts travel to whoever sends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoEntry {
    /// As many as may be are open.
    #[error("too many streams: this gateway takes {0} at once")]
    Full(usize),
    /// The gateway is stopping.
    #[error("the gateway is stopping")]
    Stopping,
}

/// The streams of a gateway.
pub(super) struct Streams {
    table: Mutex<Table>,
    most: usize,
}

#[derive(Default)]
struct Table {
    doors: HashMap<String, Arc<Door>>,
    /// Open streams, and those that ended a short while ago.
    by_manifest: HashMap<String, Arc<LiveStream>>,
    is_closed: bool,
}

/// A stream's place, from the first word about it to its end.
#[derive(Default)]
pub(super) struct Door {
    visitors: AtomicUsize,
    /// What the auth webhook said first, and of whom.
    pub admission: OnceCell<(String, Option<Answer>)>,
    pub live: OnceCell<Arc<LiveStream>>,
    /// Somebody publishes it over RTMP.
    pub is_published: AtomicBool,
}

/// Somebody at a door. The last one to leave closes it, unless a stream has come through.
pub(super) struct Visit<'a> {
    streams: &'a Streams,
    external: String,
    door: Arc<Door>,
}

impl Visit<'_> {
    /// The name in the stream's address.
    pub(super) fn external(&self) -> &str {
        &self.external
    }
}

impl std::ops::Deref for Visit<'_> {
    type Target = Door;

    fn deref(&self) -> &Door {
        &self.door
    }
}

impl Drop for Visit<'_> {
    fn drop(&mut self) {
        let mut table = lock(&self.streams.table);
        let is_last = self.door.visitors.fetch_sub(1, Ordering::AcqRel) == 1;
        if is_last && self.door.live.get().is_none() {
            table.close(&self.external, &self.door);
        }
    }
}

impl Table {
    fn close(&mut self, external: &str, door: &Arc<Door>) {
        if self
            .doors
            .get(external)
            .is_some_and(|known| Arc::ptr_eq(known, door))
        {
            self.doors.remove(external);
        }
    }
}

impl Streams {
    /// At most so many at once.
    pub(super) fn new(most: usize) -> Self {
        Self {
            table: Mutex::default(),
            most,
        }
    }

    /// Goes to the door of a stream under the name in its address.
    pub(super) fn enter(&self, external: &str) -> Result<Visit<'_>, NoEntry> {
        let mut table = lock(&self.table);
        if table.is_closed {
            return Err(NoEntry::Stopping);
        }
        // A stream that is ending has left its door.
        let ended = |door: &Arc<Door>| door.live.get().is_some_and(|live| live.has_ended());
        if let Some(door) = table.doors.get(external).filter(|door| ended(door)).cloned() {
            table.close(external, &door);
        }
        let door = match table.doors.get(external) {
            Some(door) => Arc::clone(door),
            None if table.doors.len() >= self.most => return Err(NoEntry::Full(self.most)),
            None => {
                let door = Arc::new(Door::default());
                table.doors.insert(external.to_string(), Arc::clone(&door));
                door
            }
        };
        door.visitors.fetch_add(1, Ordering::AcqRel);
        Ok(Visit {
            streams: self,
            external: external.to_string(),
            door,
        })
    }

    /// A stream by its own name, open or just ended.
    pub(super) fn find(&self, manifest: &str) -> Option<Arc<LiveStream>> {
        lock(&self.table).by_manifest.get(manifest).cloned()
    }

    /// Makes a stream known under its own name; gives back the one that had the name before.
    pub(super) fn add(&self, live: &Arc<LiveStream>) -> Option<Arc<LiveStream>> {
        lock(&self.table)
            .by_manifest
            .insert(live.manifest().to_string(), Arc::clone(live))
    }

    /// All that are open, by name.
    pub(super) fn open(&self) -> Vec<Arc<LiveStream>> {
        let table = lock(&self.table);
        let open = table.by_manifest.values().filter(|live| !live.has_ended());
        let mut open: Vec<_> = open.cloned().collect();
        open.sort_by(|one, other| one.manifest().cmp(other.manifest()));
        open
    }

    /// The names in addresses and the streams' own, where they differ.
    pub(super) fn aliases(&self) -> Vec<(String, String)> {
        self.open()
            .iter()
            .filter(|live| live.external() != live.manifest())
            .map(|live| (live.external().to_string(), live.manifest().to_string()))
            .collect()
    }

    /// Lets nobody in any more.
    pub(super) fn close(&self) {
        lock(&self.table).is_closed = true;
    }

    /// Opens the door to the next stream of that name.
    fn leave(&self, live: &Arc<LiveStream>) {
        let mut table = lock(&self.table);
        let door = table.doors.get(live.external()).cloned();
        if let Some(door) = door.filter(|door| door.live.get().is_some_and(|known| Arc::ptr_eq(known, live)))
        {
            table.close(live.external(), &door);
        }
    }

    fn forget(&self, live: &Arc<LiveStream>, shared: &Shared) {
        let mut table = lock(&self.table);
        let known = table.by_manifest.get(live.manifest());
        if known.is_some_and(|known| Arc::ptr_eq(known, live)) {
            table.by_manifest.remove(live.manifest());
            shared.store.close(live.manifest());
        }
    }
}

impl Shared {
    /// Ends a stream, in the background.
    pub(super) fn end(&self, live: &Arc<LiveStream>, reason: &str) {
        if let Some(ending) = live.end(reason) {
            self.streams.leave(live);
            self.endings.spawn(ending);
        }
    }

    /// Ends streams nobody sends to, and forgets those that ended a while ago.
    pub(super) async fn sweep(self: Arc<Self>, stop: CancellationToken) {
        let mut rounds = interval(ROUND);
        rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = rounds.tick() => {}
            }
            let all: Vec<_> = lock(&self.streams.table).by_manifest.values().cloned().collect();
            for live in all {
                if live.ended_for().is_some_and(|ended| ended > self.limits.linger) {
                    self.streams.forget(&live, &self);
                } else if live.origin() == Origin::Push && live.idle() > self.limits.push_idle {
                    let seconds = self.limits.push_idle.as_secs();
                    self.end(&live, &format!("nothing was pushed for {seconds} s"));
                }
            }
        }
    }
}
