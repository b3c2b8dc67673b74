//! One device: what it can do, what it does, and whether it may.

use std::time::{Duration, Instant};

use super::{Cost, Policy};
use crate::view::node::{Device, DeviceState};

/// How long readings are averaged: segments come in bursts, and sessions shall not move for noise.
const AVERAGE: Duration = Duration::from_secs(30);
/// The same for telling a device that can do no more.
const LATELY: Duration = Duration::from_secs(8);
/// Pixels a second of a GPU nothing is known of: a small one of recent years.
const GPU_PIXELS: f64 = 2.0e9;
/// Pixels a second of a CPU core, source and renditions, at the fastest presets.
const CORE_PIXELS: f64 = 60.0e6;
/// The load from which on it teaches something about what the device can do.
const TEACHES: f64 = 0.04;
/// Above this the device may be behind, and its load says nothing about what it could do.
const SATURATED: f64 = 0.97;
/// Memory for a session: an ffmpeg at work and one that waits, each with its CUDA context and pictures.
const MEMORY_PER_SESSION: f64 = 768.0 * 1024.0 * 1024.0;
/// How long after it was placed a session is in no reading of memory.
const UNSEEN: Duration = Duration::from_secs(6);
/// Too hot where the driver does not tell a limit, degrees.
const HOT: u32 = 95;
/// A rested device is tried again so many degrees below its limit, and counts as loaded from twice as many on.
const COOLED: u32 = 6;
/// Part of memory and of encoder sessions from which on they decide, not the load.
const SCARCE: f64 = 0.85;
/// Above this no new session comes.
const FULL: f64 = 1.0;
/// What an unlearned device may be given over what it is taken for.
const BENEFIT_OF_DOUBT: f64 = 2.0;
/// After so long without a failure a device has no past, and how often the longest rest it takes.
const FORGIVEN: Duration = Duration::from_secs(600);

/// Xids that a program causes, or that report what was repaired: the device still works. NVIDIA's own device plugin
/// for Kubernetes ignores the first line (`k8s-device-plugin internal/rm/health.go`). Streams come from strangers, and
/// must not rest a device by crashing its decoder once; runs that fail are counted apart.
const HARMLESS_XIDS: [u64; 9] = [
    13, 31, 43, 45, 68,
    109, // exception, page fault, stopped, cleaned up, video exception, context switch
    63, 92, 94, // memory row replaced, many corrected errors, contained error
];

/// Whether the device may be used.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Standing {
    Ready,
    /// One session tries it.
    Trial,
    Resting {
        until: Instant,
        reason: String,
    },
    /// It cannot do the work, for this reason, and will not learn it.
    Unfit(String),
}

/// One device.
#[derive(Debug)]
pub(super) struct Card {
    /// UUID, or place without one; `cpu`.
    pub(super) key: String,
    /// Place in the driver's order now; none for the CPU.
    pub(super) index: Option<u32>,
    pub(super) name: String,
    pub(super) standing: Standing,
    /// The driver finds it.
    pub(super) present: bool,
    pub(super) trips: u32,
    pub(super) moved: u64,
    /// Runs in a row that failed because of the device.
    pub(super) faults: u32,
    pub(super) limit: Option<u32>,
    /// What is placed on it now.
    pub(super) placed: f64,
    pub(super) sessions: u32,
    pub(super) renditions: u32,
    /// When sessions came lately: no reading of memory shows them yet.
    pub(super) fresh: Vec<Instant>,
    /// Averages of load (0 to 1) and of what was placed, over the same time.
    load: Option<f64>,
    /// Load over a shorter time.
    lately: f64,
    placed_then: f64,
    /// Load while nothing of ours was on it: other programs'.
    foreign: f64,
    pixels: f64,
    pub(super) learned: bool,
    memory: Option<(u64, u64)>,
    open_sessions: u32,
    temperature: Option<u32>,
    hot_from: u32,
    bad_xids: u64,
    /// None before the first reading: errors long past are none of ours.
    bad_memory: Option<u64>,
    read_at: Option<Instant>,
    tripped_at: Option<Instant>,
}

impl Card {
    pub(super) fn gpu(key: String) -> Self {
        Self::new(key, GPU_PIXELS)
    }

    pub(super) fn cpu() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
        Self::new(
            "cpu".into(),
            CORE_PIXELS * f64::from(u32::try_from(cores).unwrap_or(1)),
        )
    }

    fn new(key: String, pixels: f64) -> Self {
        Self {
            key,
            index: None,
            name: String::new(),
            standing: Standing::Ready,
            present: true,
            trips: 0,
            moved: 0,
            faults: 0,
            limit: None,
            placed: 0.0,
            sessions: 0,
            renditions: 0,
            fresh: Vec::new(),
            load: None,
            lately: 0.0,
            placed_then: 0.0,
            foreign: 0.0,
            pixels,
            learned: false,
            memory: None,
            open_sessions: 0,
            temperature: None,
            hot_from: HOT,
            bad_xids: 0,
            bad_memory: None,
            read_at: None,
            tripped_at: None,
        }
    }

    /// Takes a reading in; says why the device must rest, if it must.
    pub(super) fn read(&mut self, device: &Device, now: Instant) -> Option<String> {
        self.fresh
            .retain(|at| now.saturating_duration_since(*at) < UNSEEN);
        self.name.clone_from(&device.name);
        self.present = device.state != DeviceState::Lost;
        if let Standing::Unfit(_) = self.standing {
            return None;
        }
        if !self.present {
            (self.load, self.lately) = (None, 0.0);
            self.read_at = None;
            return (!matches!(self.standing, Standing::Resting { .. }))
                .then(|| device.state_reason.clone().unwrap_or_else(|| "it is gone".into()));
        }
        let busiest = [
            device.load_percent,
            device.encoder_percent,
            device.decoder_percent,
        ];
        let busiest = busiest.into_iter().flatten().max();
        self.average(busiest.map(|percent| f64::from(percent.min(100)) / 100.0), now);
        self.memory = device.memory_used.zip(device.memory_total);
        self.open_sessions = device.encoder_sessions.unwrap_or(0);
        self.temperature = device.temperature_celsius;
        self.hot_from = device.temperature_limit_celsius.unwrap_or(HOT);

        let is_bad = |number: &u64| !HARMLESS_XIDS.contains(number);
        let bad_xids = device.xids.iter().filter(|(number, _)| is_bad(number));
        let bad_xids = bad_xids.fold(0_u64, |sum, (_, count)| sum.saturating_add(*count));
        let bad_memory = device.ecc_uncorrected.unwrap_or(0);
        let new_xids = bad_xids > self.bad_xids;
        let new_memory = self.bad_memory.is_some_and(|known| bad_memory > known);
        (self.bad_xids, self.bad_memory) = (bad_xids, Some(bad_memory));
        if new_xids {
            let number = device.last_xid.filter(is_bad);
            let number = number.or_else(|| device.xids.keys().copied().find(|number| is_bad(number)));
            return Some(format!("Xid {}", number.unwrap_or_default()));
        }
        if new_memory {
            return Some("uncorrected memory errors".into());
        }
        let temperature = self.temperature.filter(|degrees| *degrees >= self.hot_from)?;
        match self.standing {
            Standing::Resting { .. } => None,
            _ => Some(format!("too hot: {temperature} °C")),
        }
    }

    fn average(&mut self, load: Option<f64>, now: Instant) {
        let passed = self.read_at.map(|at| now.saturating_duration_since(at));
        self.read_at = Some(now);
        let Some(load) = load else {
            (self.load, self.lately) = (None, 0.0);
            return;
        };
        let (Some(passed), Some(before)) = (passed, self.load) else {
            (self.load, self.lately) = (Some(load), load);
            // What was placed before there were readings shows in none yet.
            self.placed_then = 0.0;
            return;
        };
        let weight = |over: Duration| 1.0 - (-passed.as_secs_f64() / over.as_secs_f64()).exp();
        self.lately += weight(LATELY) * (load - self.lately);
        let weight = weight(AVERAGE);
        let average = before + weight * (load - before);
        self.load = Some(average);
        self.placed_then += weight * (self.placed - self.placed_then);
        self.learn(average, weight);
    }

    /// What the device can do is what was placed over the load that made, once the two stand still.
    fn learn(&mut self, load: f64, weight: f64) {
        if self.placed == 0.0 {
            if self.placed_then < 0.01 * self.pixels {
                self.foreign = load;
            }
            return;
        }
        let settled = (self.placed - self.placed_then).abs() < 0.3 * self.placed;
        let own = load - self.foreign;
        if !settled || own < TEACHES || load > SATURATED {
            return;
        }
        let shown = self.placed_then / own;
        if self.learned {
            self.pixels += weight * (shown - self.pixels);
        } else {
            self.pixels = shown;
            self.learned = true;
        }
    }

    /// Starts from what another device of the same name has shown.
    pub(super) fn believe(&mut self, pixels: f64) {
        if !self.learned {
            self.pixels = pixels;
        }
    }

    pub(super) fn pixels(&self) -> f64 {
        self.pixels
    }

    /// Load from 0 up, with what is placed now and `more` beside it.
    pub(super) fn load_with(&self, more: f64) -> f64 {
        let shown = self.load.unwrap_or(0.0);
        let known = self.load.map_or(0.0, |_| self.placed_then);
        (shown + (self.placed - known) / self.pixels).max(0.0) + more / self.pixels
    }

    /// How used up the device would be with this session: the scarcest of its resources decides, heat adds.
    pub(super) fn strain_with(&self, cost: Cost, now: Instant) -> f64 {
        // Exact below 2^53.
        let load = self.load_with(cost.pixels_per_second as f64);
        let scarce = |part: f64| if part > SCARCE { part } else { 0.0 };
        let memory = self.memory_with(now).map_or(0.0, scarce);
        let encoders = self.encoders_with(cost).map_or(0.0, scarce);
        load.max(memory).max(encoders) + self.heat()
    }

    /// Whether there is room for one more.
    pub(super) fn has_room(&self, cost: Cost, now: Instant) -> bool {
        let most = if self.learned {
            FULL
        } else {
            FULL * BENEFIT_OF_DOUBT
        };
        self.lately < SATURATED
            && self.load_with(cost.pixels_per_second as f64) <= most
            && self.memory_with(now).is_none_or(|part| part <= 1.0)
            && self.encoders_with(cost).is_none_or(|part| part <= 1.0)
    }

    /// Bytes of its memory that are free.
    pub(super) fn free_memory(&self) -> Option<u64> {
        let (used, total) = self.memory?;
        Some(total.saturating_sub(used))
    }

    fn memory_with(&self, now: Instant) -> Option<f64> {
        let (used, total) = self.memory?;
        let unseen = self
            .fresh
            .iter()
            .filter(|at| now.saturating_duration_since(**at) < UNSEEN);
        // Exact below 2^53.
        let wanted = MEMORY_PER_SESSION * (unseen.count() + 1) as f64;
        (total > 0).then(|| (used as f64 + wanted) / total as f64)
    }

    fn encoders_with(&self, cost: Cost) -> Option<f64> {
        let limit = self.limit?;
        let wanted = self.renditions.saturating_add(cost.renditions);
        Some(f64::from(wanted) / f64::from(limit.max(1)))
    }

    /// 0 while cool, up to half a device's load at the limit.
    fn heat(&self) -> f64 {
        let warm_from = self.hot_from.saturating_sub(2 * COOLED);
        self.temperature.map_or(0.0, |degrees| {
            let over = f64::from(degrees.saturating_sub(warm_from));
            0.5 * (over / f64::from(2 * COOLED)).min(1.0)
        })
    }

    /// No further encoder session was to be had: this many there are.
    pub(super) fn learn_limit(&mut self, refused: Cost) {
        let in_use = self
            .open_sessions
            .max(self.renditions.saturating_sub(refused.renditions));
        self.limit = Some(in_use.max(1));
    }

    pub(super) fn rest(&mut self, reason: String, policy: &Policy, now: Instant) {
        if self
            .tripped_at
            .is_some_and(|at| now.saturating_duration_since(at) > FORGIVEN.max(self.last_rest(policy) * 2))
        {
            self.trips = 0;
        }
        self.trips = self.trips.saturating_add(1);
        self.faults = 0;
        self.tripped_at = Some(now);
        let until = now + self.last_rest(policy);
        self.standing = Standing::Resting { until, reason };
    }

    fn last_rest(&self, policy: &Policy) -> Duration {
        let doublings = self.trips.saturating_sub(1).min(20);
        policy
            .rest
            .saturating_mul(1 << doublings)
            .min(policy.longest_rest)
    }

    /// Ends a rest whose time is over, if the device is there and has cooled down.
    pub(super) fn wake(&mut self, now: Instant) {
        if let Standing::Resting { until, .. } = self.standing
            && now >= until
            && self.present
            && self
                .temperature
                .is_none_or(|degrees| degrees + COOLED <= self.hot_from)
        {
            self.standing = Standing::Trial;
        }
    }

    /// A run went well.
    pub(super) fn works(&mut self, now: Instant) {
        self.faults = 0;
        if self.standing == Standing::Trial {
            self.standing = Standing::Ready;
        }
        if self.standing == Standing::Ready
            && self
                .tripped_at
                .is_some_and(|at| now.saturating_duration_since(at) > FORGIVEN)
        {
            (self.trips, self.tripped_at) = (0, None);
        }
    }

    pub(super) fn is_ready(&self) -> bool {
        self.standing == Standing::Ready
    }

    pub(super) fn is_resting(&self) -> bool {
        matches!(self.standing, Standing::Resting { .. })
    }

    pub(super) fn is_unfit(&self) -> bool {
        matches!(self.standing, Standing::Unfit(_))
    }
}
