//! Where sessions go. A session is placed on the device with the most head-room for what it costs, stays there while
//! that works, and moves when the device fails, vanishes, gets too hot or is overtaken by events.
//!
//! Head-room is what the driver measures (the busiest of encoder, decoder and SM; memory; encoder sessions;
//! temperature) with a correction for what the readings do not show yet: the difference between the load placed now and
//! the load placed on average over the time the readings were averaged. How much a device can do is learned from both.
//!
//! A device that fails rests, each time twice as long, and is tried again with one session.

mod card;
mod table;

use std::{
    fmt,
    str::FromStr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use self::table::Table;
use crate::{media::target::Target, view::node::Device};

/// What a session asks of a device.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cost {
    /// Pixels a second of the source and of all renditions together.
    pub pixels_per_second: u64,
    /// Renditions: each takes an encoder session, of which consumer cards allow few.
    pub renditions: u32,
}

impl Cost {
    /// The cost of pictures of these sizes at these rates, source first: `(width, height, frames per second)`.
    #[must_use]
    pub fn of(pictures: impl IntoIterator<Item = (u32, u32, u32)>) -> Self {
        let mut cost = Self::default();
        for (position, (width, height, fps)) in pictures.into_iter().enumerate() {
            let pixels = u64::from(width).saturating_mul(u64::from(height));
            cost.pixels_per_second = cost
                .pixels_per_second
                .saturating_add(pixels.saturating_mul(u64::from(fps)));
            cost.renditions += u32::from(position > 0);
        }
        cost
    }
}

/// When the CPU may do a GPU's work.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Fallback {
    /// Never: sessions that fit on no GPU are refused.
    Never,
    /// When a GPU failed or rests, not when all are merely full.
    #[default]
    OnFault,
    /// It counts as a device beside them.
    Always,
}

/// Which GPUs are used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Selection {
    /// All there are.
    #[default]
    All,
    /// None: the CPU works.
    None,
    /// These.
    These(Vec<Name>),
}

/// A GPU as operators name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Name {
    /// Its place in the driver's order.
    Index(u32),
    /// Its UUID, or how it begins.
    Uuid(String),
}

impl Name {
    /// Whether this is the one.
    #[must_use]
    pub fn is(&self, device: &Device) -> bool {
        match self {
            Self::Index(index) => index_of(device) == Some(*index),
            Self::Uuid(start) => device.uuid.as_deref().is_some_and(|uuid| {
                uuid.get(..start.len())
                    .is_some_and(|begin| begin.eq_ignore_ascii_case(start))
            }),
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Index(index) => write!(f, "gpu{index}"),
            Self::Uuid(start) => f.write_str(start),
        }
    }
}

impl FromStr for Name {
    type Err = BadSelection;

    /// `0`, `gpu0` or the beginning of a UUID like `GPU-4f0f`.
    fn from_str(text: &str) -> Result<Self, BadSelection> {
        let digits = text.strip_prefix("gpu").unwrap_or(text);
        match digits.parse() {
            Ok(index) if digits.bytes().all(|byte| byte.is_ascii_digit()) => Ok(Self::Index(index)),
            _ if text.len() > 4
                && text
                    .get(..4)
                    .is_some_and(|start| start.eq_ignore_ascii_case("GPU-")) =>
            {
                Ok(Self::Uuid(text.to_string()))
            }
            _ => Err(BadSelection(text.to_string())),
        }
    }
}

/// No GPU is named like this.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} names no GPU: write `all`, `none`, or numbers and UUIDs like `0,1` or `GPU-4f0f21c8`")]
pub struct BadSelection(String);

impl FromStr for Selection {
    type Err = BadSelection;

    fn from_str(text: &str) -> Result<Self, BadSelection> {
        match text {
            "all" => Ok(Self::All),
            "none" => Ok(Self::None),
            names => Ok(Self::These(
                names
                    .split(',')
                    .map(|name| name.trim().parse())
                    .collect::<Result<_, _>>()?,
            )),
        }
    }
}

impl Selection {
    /// Whether the device is one of them.
    #[must_use]
    pub fn takes(&self, device: &Device) -> bool {
        match self {
            Self::All => true,
            Self::None => false,
            Self::These(names) => names.iter().any(|name| name.is(device)),
        }
    }
}

/// How sessions are placed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The GPUs in use.
    pub gpus: Selection,
    /// When the CPU may do their work.
    pub fallback: Fallback,
    /// The first rest of a device that failed; each further one is twice as long.
    pub rest: Duration,
    /// The longest rest.
    pub longest_rest: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            gpus: Selection::default(),
            fallback: Fallback::default(),
            rest: Duration::from_secs(30),
            longest_rest: Duration::from_secs(1800),
        }
    }
}

/// How a run on a device ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunOutcome {
    /// With renditions.
    Done,
    /// The device or its driver failed.
    DeviceFault,
    /// The device works, and takes no further encoder session.
    DeviceFull,
    /// It failed, or was stopped, and says nothing about the device.
    Other,
}

/// No device for a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoDevice {
    /// All are as busy as they may be.
    #[error("no GPU has room for the session")]
    Full,
    /// All rest, and the CPU may not help.
    #[error("all GPUs rest after failures, and the CPU may not take their work")]
    Resting,
    /// The session made one device fail after the other.
    #[error("the session failed on several GPUs, and the CPU may not take it")]
    Suspect,
}

/// Places sessions on devices. Cheap to clone; all clones share what they know.
#[derive(Debug, Clone)]
pub struct Placement {
    table: Arc<Mutex<Table>>,
}

impl Placement {
    /// Nothing is known yet: until [`Placement::observe`] is told of GPUs, the CPU works.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        Self {
            table: Arc::new(Mutex::new(Table::new(policy))),
        }
    }

    /// Everything on the CPU.
    #[must_use]
    pub fn cpu_only() -> Self {
        Self::new(Policy {
            gpus: Selection::None,
            ..Policy::default()
        })
    }

    /// Takes readings in. Wants to be called every second or so.
    pub fn observe(&self, devices: &[Device]) {
        self.observe_at(devices, Instant::now());
    }

    /// The device for the session's next segment: the same one until it is closed, rested or moved.
    ///
    /// # Errors
    /// See [`NoDevice`].
    pub fn place(&self, session: &str, cost: Cost) -> Result<Target, NoDevice> {
        self.place_at(session, cost, Instant::now())
    }

    /// How a run of the session on `target` ended.
    pub fn outcome(&self, session: &str, target: Target, outcome: RunOutcome) {
        self.outcome_at(session, target, outcome, Instant::now());
    }

    /// The session has ended.
    pub fn close(&self, session: &str) {
        self.table().close(session);
    }

    /// How many encoder sessions the GPU allows at once, if a trial found a limit.
    pub fn set_session_limit(&self, index: u32, limit: Option<u32>) {
        self.table().set_session_limit(index, limit);
    }

    /// Leaves the GPU out for good: a trial showed that it cannot do the work, for this reason.
    pub fn exclude(&self, index: u32, reason: &str) {
        self.table().exclude(index, reason);
    }

    /// Whether there is any GPU that can do the work, now or after a rest.
    #[must_use]
    pub fn has_gpus(&self) -> bool {
        self.table().has_gpus()
    }

    /// Whether a session of this cost would find a device.
    #[must_use]
    pub fn has_room(&self, cost: Cost) -> bool {
        self.table().has_room(cost, Instant::now())
    }

    /// Bytes free in a device's memory as last read, if it has one of its own and the driver tells.
    #[must_use]
    pub fn free_memory(&self, target: Target) -> Option<u64> {
        self.table().free_memory(target)
    }

    /// The sessions placed now and their devices, by name.
    #[must_use]
    pub fn sessions(&self) -> Vec<(String, Target)> {
        self.table().sessions()
    }

    /// Writes into the readings what is known of each device: state, reason, rests, sessions.
    pub fn describe(&self, devices: &mut [Device]) {
        self.describe_at(devices, Instant::now());
    }

    /// [`Placement::observe`] at a time of one's own; times only go forward.
    pub fn observe_at(&self, devices: &[Device], now: Instant) {
        self.table().observe(devices, now);
    }

    /// [`Placement::place`] at a time of one's own.
    ///
    /// # Errors
    /// See [`NoDevice`].
    pub fn place_at(&self, session: &str, cost: Cost, now: Instant) -> Result<Target, NoDevice> {
        self.table().place(session, cost, now)
    }

    /// [`Placement::outcome`] at a time of one's own.
    pub fn outcome_at(&self, session: &str, target: Target, outcome: RunOutcome, now: Instant) {
        self.table().outcome(session, target, outcome, now);
    }

    /// [`Placement::describe`] at a time of one's own.
    pub fn describe_at(&self, devices: &mut [Device], now: Instant) {
        self.table().describe(devices, now);
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Place of a GPU in the driver's order, from its id in views.
fn index_of(device: &Device) -> Option<u32> {
    device.id.strip_prefix("gpu")?.parse().ok()
}

impl fmt::Display for Fallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Never => "never",
            Self::OnFault => "on-fault",
            Self::Always => "always",
        })
    }
}

#[cfg(test)]
mod tests;
