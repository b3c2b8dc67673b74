//! How hard the CPU tries: the slowest preset with which every session stays ahead of real time, found by measuring.
//!
//! Falling behind makes renditions cheaper one step at a time: faster presets, then renditions scaled from one another.
//! Where that is not enough new sessions are refused. Head-room that lasts takes the steps back. What a slower preset
//! would cost is worked out before it is tried, and a try that failed makes the next one wait longer.

mod children;
mod controller;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};

use self::{
    children::processor_time,
    controller::{Controller, Level},
};
use super::{target::Effort, transcode::PRESETS};
use crate::view::node::EffortView;

/// Presets that are chosen by load, fastest first, and what a ladder costs with each: measured on 1080p30 to 720p,
/// 480p, 360p and 240p, in units of which only the ratios count.
const COSTS: [(&str, u32); 6] = [
    ("ultrafast", 240),
    ("superfast", 300),
    ("veryfast", 420),
    ("faster", 580),
    ("fast", 740),
    ("medium", 890),
];
/// What cascaded scaling leaves of the cost, in percent.
const CASCADED_PERCENT: u32 = 87;
/// The preset to begin with: real time for a 1080p ladder on two cores.
const FIRST: &str = "veryfast";

/// How the pace is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PaceSettings {
    /// This preset whatever happens, one of [`PRESETS`]; none: chosen by load.
    pub preset: Option<&'static str>,
    /// The slowest preset to choose, one of [`automatic_presets`].
    pub slowest: &'static str,
    /// The fastest preset to choose, one of [`automatic_presets`].
    pub fastest: &'static str,
    /// Part of a segment's playing time that shall be left over when it is encoded, in percent, at most 90.
    pub headroom_percent: u32,
}

impl Default for PaceSettings {
    /// Chosen by load, from `medium`, the protocol's usual preset, to `ultrafast`, with a fifth left over.
    fn default() -> Self {
        Self {
            preset: None,
            slowest: "medium",
            fastest: "ultrafast",
            headroom_percent: 20,
        }
    }
}

impl PaceSettings {
    /// The most [`headroom_percent`](Self::headroom_percent) there may be.
    pub const MOST_HEADROOM: u32 = 90;

    /// Whether they can be followed.
    ///
    /// # Errors
    /// See [`PaceError`].
    pub fn check(&self) -> Result<(), PaceError> {
        if self.headroom_percent > Self::MOST_HEADROOM {
            return Err(PaceError::Headroom(self.headroom_percent));
        }
        self.range().map(|_| ())
    }

    /// What the slowest and the fastest preset cost.
    fn range(&self) -> Result<(u32, u32), PaceError> {
        let known = |preset| cost(preset).ok_or(PaceError::Unknown(preset));
        let (most, least) = (known(self.slowest)?, known(self.fastest)?);
        match most < least {
            true => Err(PaceError::Crossed {
                slowest: self.slowest,
                fastest: self.fastest,
            }),
            false => Ok((most, least)),
        }
    }
}

/// Settings nobody can follow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PaceError {
    /// Not a preset, or not one that can be chosen by load.
    #[error("`{0}` is no preset to choose from; there are {list}", list = automatic_presets().collect::<Vec<_>>().join(", "))]
    Unknown(&'static str),
    /// No preset lies between them.
    #[error("the slowest preset allowed, {slowest}, is faster than the fastest one, {fastest}")]
    Crossed {
        /// The slowest one allowed.
        slowest: &'static str,
        /// The fastest one allowed.
        fastest: &'static str,
    },
    /// Nothing would be left to encode in.
    #[error("a head-room of {0} % leaves no time to encode in; {most} % is the most", most = PaceSettings::MOST_HEADROOM)]
    Headroom(u32),
}

/// The presets that can be chosen by load, fastest first.
pub fn automatic_presets() -> impl Iterator<Item = &'static str> {
    COSTS.iter().map(|(name, _)| *name)
}

/// An encoder preset by its name.
#[must_use]
pub fn preset_named(name: &str) -> Option<&'static str> {
    PRESETS.into_iter().find(|preset| *preset == name)
}

/// Says how hard to try, and is told how it went. Cheap to clone; clones share what they know.
#[derive(Clone)]
pub struct Pacer {
    shared: Arc<Shared>,
}

struct Shared {
    began: Instant,
    began_at: Timestamp,
    is_automatic: bool,
    cores: u32,
    controller: Mutex<Controller>,
    /// What the children had used when it was last looked at; none if it is not looked at.
    used: Option<Mutex<Duration>>,
}

impl fmt::Debug for Pacer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pacer({:?})", self.effort())
    }
}

impl Pacer {
    /// A pacer that has measured nothing yet. `cores` bounds how many sessions may begin before any of their segments
    /// was measured. How much of the machine is used it sees from the processor time of this process's children, which
    /// must be its ffmpegs and little else.
    ///
    /// # Errors
    /// See [`PaceError`].
    pub fn new(settings: PaceSettings, cores: usize) -> Result<Self, PaceError> {
        settings.check()?;
        let levels = levels(&settings)?;
        let first = first_level(&levels, &settings);
        Ok(Self {
            shared: Arc::new(Shared {
                began: Instant::now(),
                began_at: Timestamp::now(),
                is_automatic: settings.preset.is_none(),
                cores: u32::try_from(cores.max(1)).unwrap_or(u32::MAX),
                used: processor_time().map(Mutex::new),
                controller: Mutex::new(Controller::new(levels, first, settings.headroom_percent, cores)),
            }),
        })
    }

    /// One preset for ever, with the usual head-room, measured by time alone. A name that is none of [`PRESETS`] is left to the transcoder to refuse.
    #[must_use]
    pub fn fixed(preset: &'static str) -> Self {
        let headroom = PaceSettings::default().headroom_percent;
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            shared: Arc::new(Shared {
                began: Instant::now(),
                began_at: Timestamp::now(),
                is_automatic: false,
                cores: 1,
                used: None,
                controller: Mutex::new(Controller::new(vec![fixed_level(preset)], 0, headroom, cores)),
            }),
        }
    }

    fn controller(&self) -> MutexGuard<'_, Controller> {
        self.shared
            .controller
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// How long the children have kept the whole machine busy since this was last asked.
    fn machine_time(&self) -> Option<Duration> {
        let mut used = self
            .shared
            .used
            .as_ref()?
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let now = processor_time()?;
        let since = now.saturating_sub(*used);
        *used = now;
        Some(since / self.shared.cores)
    }

    fn now(&self) -> Duration {
        self.shared.began.elapsed()
    }

    /// How hard to try with the next segment.
    #[must_use]
    pub fn effort(&self) -> Effort {
        self.controller().effort()
    }

    /// A segment of this session, playing so long, is being encoded with the [`effort`](Self::effort) of this moment.
    pub fn started(&self, session: &str, playing: Duration) {
        self.controller().started(session, playing, self.now());
    }

    /// It is done, or was given up because it took too long: `busy` from when its bytes were here, or from its start if
    /// encoding took longer than they did to arrive, `waited` before that for the machine to be free. Segments that
    /// failed otherwise say nothing about speed: they end with [`Self::failed`].
    pub fn finished(&self, session: &str, playing: Duration, busy: Duration, waited: Duration) {
        let now = self.now();
        let mut controller = self.controller();
        let before = (controller.effort(), controller.has_capacity(now));
        controller.finished(session, playing, busy + waited, self.machine_time(), now);
        let load_percent = controller.load_percent(now);
        let after = (controller.effort(), controller.has_capacity(now));
        drop(controller);
        if before.0 != after.0 {
            tracing::info!(from = %Named(before.0), to = %Named(after.0), load_percent, "changed how hard to encode");
        }
        match (before.1, after.1) {
            (true, false) => tracing::warn!(
                load_percent,
                "one more session would be too many: refusing new ones"
            ),
            (false, true) => tracing::info!(load_percent, "there is room for new sessions again"),
            _ => {}
        }
    }

    /// It came to nothing for a reason that has nothing to do with speed.
    pub fn failed(&self, session: &str) {
        self.controller().failed(session);
    }

    /// Nothing more comes of this session.
    pub fn close(&self, session: &str) {
        self.controller().close(session);
    }

    /// Whether one more session could be carried in real time, at the fastest preset allowed.
    #[must_use]
    pub fn has_capacity(&self) -> bool {
        self.controller().has_capacity(self.now())
    }

    /// How long a segment of this session takes once it is its turn, going by those before it; none before the
    /// first, and when the last was long ago.
    #[must_use]
    pub fn expected(&self, session: &str, playing: Duration) -> Option<Duration> {
        self.controller().expected(session, playing, self.now())
    }

    /// What is done and why, for the operator.
    #[must_use]
    pub fn view(&self) -> EffortView {
        let now = self.now();
        let controller = self.controller();
        let effort = controller.effort();
        let since = SignedDuration::try_from(controller.changed_at())
            .ok()
            .and_then(|since| self.shared.began_at.checked_add(since).ok());
        EffortView {
            preset: effort.preset.to_string(),
            automatic: self.shared.is_automatic,
            cascaded: effort.cascaded,
            refusing: !controller.has_capacity(now),
            since,
            real_time_permille: controller.real_time_permille(now),
        }
    }
}

/// An effort as the log names it.
struct Named(Effort);

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.preset)?;
        match self.0.cascaded {
            true => f.write_str(", cascaded"),
            false => Ok(()),
        }
    }
}

fn cost(preset: &str) -> Option<u32> {
    COSTS
        .iter()
        .find(|(name, _)| *name == preset)
        .map(|(_, cost)| *cost)
}

/// The one level there is: how it compares to others does not matter.
fn fixed_level(preset: &'static str) -> Level {
    Level {
        effort: Effort {
            preset,
            cascaded: false,
        },
        cost: 1,
    }
}

/// The steps, slowest first. Cascading comes after the fastest preset.
fn levels(settings: &PaceSettings) -> Result<Vec<Level>, PaceError> {
    if let Some(preset) = settings.preset {
        return Ok(vec![fixed_level(preset)]);
    }
    let (most, least) = settings.range()?;
    let mut levels: Vec<Level> = COSTS
        .iter()
        .rev()
        .filter(|(_, cost)| (least..=most).contains(cost))
        .map(|(preset, cost)| Level {
            effort: Effort {
                preset,
                cascaded: false,
            },
            cost: *cost,
        })
        .collect();
    levels.push(Level {
        effort: Effort {
            preset: settings.fastest,
            cascaded: true,
        },
        cost: least * CASCADED_PERCENT / 100,
    });
    Ok(levels)
}

/// Where to begin: at [`FIRST`] if it is allowed, else as near to it as may be.
fn first_level(levels: &[Level], settings: &PaceSettings) -> usize {
    let first = levels.iter().position(|level| level.effort.preset == FIRST);
    first.unwrap_or(match settings.preset {
        None if cost(settings.fastest) > cost(FIRST) => levels.len().saturating_sub(2),
        _ => 0,
    })
}

#[cfg(test)]
mod tests;
