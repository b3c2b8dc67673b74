//! Xid and ECC events. The library only offers to wait for them, so a thread of its own does, a second at a time.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use nvml_wrapper::{EventSet, Nvml, bitmasks::event::EventTypes, enums::event::XidError, error::NvmlError};
use tracing::{debug, warn};

/// One wait for an event, in milliseconds: how long stopping can take.
const WAIT_MS: u32 = 1_000;
/// Between attempts to listen again after the library failed.
const PAUSE: Duration = Duration::from_secs(2);
/// Kinds of Xid kept for a GPU, and GPUs kept: there are fewer than 200 numbers, and more GPUs in no machine.
const MOST: usize = 256;

/// What was seen, by the GPU's UUID; the empty one is for events of a GPU that no longer says who it is.
pub(super) type Seen = BTreeMap<String, Errors>;

/// Errors of one GPU.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Errors {
    /// How many of each Xid number.
    pub(super) xids: BTreeMap<u64, u64>,
    /// The last number.
    pub(super) last_xid: Option<u64>,
    /// Uncorrected memory errors told as events.
    pub(super) double_bit: u64,
}

impl Errors {
    /// Adds what another one counted after this.
    pub(super) fn add(&mut self, later: &Self) {
        for (number, count) in &later.xids {
            if self.xids.len() < MOST || self.xids.contains_key(number) {
                let total = self.xids.entry(*number).or_default();
                *total = total.saturating_add(*count);
            }
        }
        self.last_xid = later.last_xid.or(self.last_xid);
        self.double_bit = self.double_bit.saturating_add(later.double_bit);
    }
}

/// The thread that waits.
#[derive(Debug)]
pub(super) struct Listener {
    /// Nothing is sent: that it is gone is the message.
    stop: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
    seen: Arc<Mutex<Seen>>,
}

impl Listener {
    /// Starts listening. Without a thread there are no events, and the readings go on.
    pub(super) fn start(library: Arc<Nvml>) -> Self {
        let (stop, stopped) = sync_channel(0);
        let seen = Arc::new(Mutex::new(Seen::new()));
        let for_thread = Arc::clone(&seen);
        let thread = thread::Builder::new()
            .name("gpu-events".into())
            .spawn(move || listen(&library, &stopped, &for_thread))
            .inspect_err(|error| warn!("no thread for GPU events: {error}"))
            .ok();
        Self {
            stop: Some(stop),
            thread,
            seen,
        }
    }

    /// What came since the last call.
    pub(super) fn take(&self) -> Seen {
        std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Ends the thread and waits for it, a second at most: the library can be closed then.
    pub(super) fn stop(mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // It ends without a result; a panic was reported where it happened.
            let _ = thread.join();
        }
    }
}

fn listen(library: &Nvml, stopped: &Receiver<()>, seen: &Mutex<Seen>) {
    while stopped.try_recv() == Err(TryRecvError::Empty) {
        match subscribe(library) {
            Ok(Some(set)) => match follow(&set, stopped, seen) {
                None => return,
                Some(error) => debug!("GPU events stopped: {error}"),
            },
            Ok(None) => debug!("no GPU tells of events"),
            // A driver that knows no events will not learn it.
            Err(error @ (NvmlError::FailedToLoadSymbol(_) | NvmlError::NotSupported)) => {
                debug!("the driver has no GPU events: {error}");
                return;
            }
            Err(error) => debug!("no GPU events: {error}"),
        }
        if stopped.recv_timeout(PAUSE) != Err(RecvTimeoutError::Timeout) {
            return;
        }
    }
}

/// A set with every GPU that takes part; none if no one does.
fn subscribe(library: &Nvml) -> Result<Option<EventSet<'_>>, NvmlError> {
    let wanted = EventTypes::CRITICAL_XID_ERROR | EventTypes::DOUBLE_BIT_ECC_ERROR;
    let count = library.device_count()?;
    let mut without = BTreeSet::new();
    // A refusal costs the set: begin again without the GPU that refused.
    'again: for _ in 0..=count {
        let mut set = library.create_event_set()?;
        let mut members = 0;
        for index in (0..count)
            .filter(|index| !without.contains(index))
            .collect::<Vec<_>>()
        {
            let Ok(device) = library.device_by_index(index) else {
                continue;
            };
            // Older drivers cannot say what they support; they know Xids.
            let supported = device
                .supported_event_types()
                .unwrap_or(EventTypes::CRITICAL_XID_ERROR);
            if (wanted & supported).is_empty() {
                continue;
            }
            match device.register_events(wanted & supported, set) {
                Ok(registered) => set = registered,
                Err(refused) => {
                    debug!(index, "the GPU refuses to tell of events: {}", refused.error);
                    without.insert(index);
                    continue 'again;
                }
            }
            members += 1;
        }
        return Ok((members > 0).then_some(set));
    }
    Ok(None)
}

/// Waits for events until told to stop (none) or until the library fails.
fn follow(set: &EventSet<'_>, stopped: &Receiver<()>, seen: &Mutex<Seen>) -> Option<NvmlError> {
    while stopped.try_recv() == Err(TryRecvError::Empty) {
        let event = match set.wait(WAIT_MS) {
            Ok(event) => event,
            Err(NvmlError::Timeout) => continue,
            Err(error) => return Some(error),
        };
        let uuid = event.device.uuid().unwrap_or_default();
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= MOST && !seen.contains_key(&uuid) {
            continue;
        }
        let errors = seen.entry(uuid.clone()).or_default();
        if event.event_type.contains(EventTypes::DOUBLE_BIT_ECC_ERROR) {
            errors.double_bit = errors.double_bit.saturating_add(1);
            warn!(uuid, "the GPU reports an uncorrected memory error");
        }
        if let Some(xid) = event.event_data {
            let number = match xid {
                XidError::Value(number) => number,
                XidError::Unknown => 999,
            };
            errors.add(&Errors {
                xids: BTreeMap::from([(number, 1)]),
                last_xid: Some(number),
                double_bit: 0,
            });
            warn!(uuid, xid = number, "the GPU reports an Xid error");
        }
    }
    None
}
