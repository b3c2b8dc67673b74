//! The decisions: pure, told the time, so that tests can run hours of load in no time.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use super::PaceSettings;
use crate::media::target::Effort;

/// Weight of the newest segment in a session's load.
const NEWEST: f64 = 0.5;
/// Segments that must be measured after a step before the next one down.
const SEGMENTS_TO_FALL: u32 = 2;
/// So far beyond the limit one segment is enough.
const FAR_BEHIND: f64 = 1.3;
/// Segments that must be measured after a step before the next one up.
const SEGMENTS_TO_RISE: u32 = 5;
/// What a slower preset may cost beyond what is expected of it: content differs.
const DOUBT: f64 = 1.15;
/// How long there must be head-room before a slower preset is tried, at first.
const PATIENCE: Duration = Duration::from_secs(20);
/// The same after many tries that failed.
const MOST_PATIENCE: Duration = Duration::from_secs(15 * 60);
/// A step down so soon after a step up means that the step up was a mistake.
const REGRET: Duration = Duration::from_secs(60);
/// Refusing ends only when the load has fallen to this part of the limit.
const RELIEF: f64 = 0.9;
/// Segments measured before their speed is believed enough to refuse a session.
const ENOUGH: u64 = 4;
/// A session without a segment for so long, or for three segments, is no load.
const QUIET: Duration = Duration::from_secs(10);
/// A session with a segment that was started and not heard of again is one for so long.
const MOST_QUIET: Duration = Duration::from_secs(120);
/// Sessions remembered at most; those that were quiet longest are forgotten first.
const MOST_SESSIONS: usize = 16_384;
/// Shorter segments are measured as if they played so long: starting and ending cost the same for all.
const LEAST_PLAYING: Duration = Duration::from_millis(500);
/// Slower than this is as bad as can be told.
const WORST: f64 = 50.0;
/// Cores that encoding one segment keeps busy, if there are as many.
const CORES_A_SEGMENT: usize = 8;
/// What was done so long ago counts a third of what is done now.
const MEMORY: Duration = Duration::from_secs(15);
/// Stretches of work remembered to see which overlap.
const STRETCHES: usize = 32;

/// A way to encode and what it costs compared to the others.
#[derive(Debug, Clone, Copy)]
pub(super) struct Level {
    pub effort: Effort,
    pub cost: u32,
}

/// What is known of a session.
#[derive(Debug)]
struct Session {
    /// Time taken over playing time, averaged; none before its first segment.
    load: Option<f64>,
    /// What the level costs that its newest segment was started at.
    cost: u32,
    /// Segments started and not ended.
    running: u32,
    /// When it was last heard of.
    last: Duration,
    /// How long its segments play.
    playing: Duration,
}

impl Session {
    fn is_current(&self, now: Duration) -> bool {
        let quiet = match self.running {
            0 => QUIET.max(self.playing.saturating_mul(3)),
            _ => MOST_QUIET.max(self.playing.saturating_mul(3)),
        };
        now.saturating_sub(self.last) <= quiet
    }
}

/// How much of the machine encoding takes, whatever the order in which sessions come to it.
#[derive(Debug, Default)]
struct Machine {
    /// Segments that can be encoded at once without slowing each other down.
    places: f64,
    /// Seconds of work lately, and the playing time it made; old ones fade.
    worked: f64,
    played: f64,
    last: Duration,
    /// When it worked, merged, oldest first: what there is to go by if nobody says how much of it was used, and one
    /// segment fills it.
    stretches: VecDeque<(Duration, Duration)>,
}

impl Machine {
    fn finished(&mut self, playing: f64, took: Duration, used: Option<Duration>, now: Duration) {
        let fading = (-now.saturating_sub(self.last).as_secs_f64() / MEMORY.as_secs_f64()).exp();
        self.last = now;
        self.worked *= fading;
        self.played = self.played * fading + playing;
        if let Some(used) = used {
            self.worked += used.as_secs_f64();
            return;
        }
        if self.places > 1.0 {
            self.worked += took.as_secs_f64() / self.places;
            return;
        }
        let mut begun = now.saturating_sub(took);
        let mut known = Duration::ZERO;
        while let Some((start, end)) = self.stretches.pop_back_if(|(_, end)| *end >= begun) {
            begun = begun.min(start);
            known += end.saturating_sub(start);
        }
        self.worked += (now.saturating_sub(begun).saturating_sub(known)).as_secs_f64();
        self.stretches.push_back((begun, now));
        if self.stretches.len() > STRETCHES {
            self.stretches.pop_front();
        }
    }

    /// Part of the machine that so many sessions take when each sends at the speed it plays.
    fn load(&self, sessions: usize) -> f64 {
        self.worked / self.played.max(0.001) * sessions as f64
    }
}

#[derive(Debug)]
pub(super) struct Controller {
    /// Slowest first; never empty.
    levels: Vec<Level>,
    level: usize,
    /// Load that leaves the head-room asked for.
    limit: f64,
    /// Sessions that may run without any measurement.
    most_unknown: usize,
    sessions: HashMap<String, Session>,
    machine: Machine,
    measured: u64,
    changed: Duration,
    /// Segments measured since the last step.
    fresh: u32,
    calm_since: Option<Duration>,
    patience: Duration,
    /// When a slower level was last tried.
    rose: Option<Duration>,
    is_overloaded: bool,
}

impl Controller {
    /// Begins at the level with this index.
    pub(super) fn new(levels: Vec<Level>, first: usize, headroom_percent: u32, cores: usize) -> Self {
        Self {
            level: first.min(levels.len().saturating_sub(1)),
            levels,
            limit: f64::from(100 - headroom_percent.min(PaceSettings::MOST_HEADROOM)) / 100.0,
            most_unknown: cores.max(4),
            sessions: HashMap::new(),
            machine: Machine {
                places: (cores as f64 / CORES_A_SEGMENT as f64).max(1.0),
                ..Machine::default()
            },
            measured: 0,
            changed: Duration::ZERO,
            fresh: 0,
            calm_since: None,
            patience: PATIENCE,
            rose: None,
            is_overloaded: false,
        }
    }

    pub(super) fn effort(&self) -> Effort {
        self.levels[self.level].effort
    }

    /// When the effort last changed.
    pub(super) fn changed_at(&self) -> Duration {
        self.changed
    }

    pub(super) fn started(&mut self, session: &str, playing: Duration, now: Duration) {
        self.forget_quiet(now);
        let cost = self.levels[self.level].cost;
        let known = self.session(session, now);
        known.playing = playing;
        known.last = now;
        known.cost = cost;
        known.running += 1;
    }

    pub(super) fn failed(&mut self, session: &str) {
        if let Some(known) = self.sessions.get_mut(session) {
            known.running = known.running.saturating_sub(1);
        }
    }

    /// `used`: how long the machine as a whole was kept busy since the last call, if that is known.
    pub(super) fn finished(
        &mut self,
        session: &str,
        playing: Duration,
        took: Duration,
        used: Option<Duration>,
        now: Duration,
    ) {
        let cost = self.levels[self.level].cost;
        let known = self.session(session, now);
        let played = playing.max(LEAST_PLAYING).as_secs_f64();
        // What was started before the last step would have taken this much now.
        let change = f64::from(cost) / f64::from(known.cost);
        let load = (took.as_secs_f64() / played * change).min(WORST);
        known.playing = playing;
        known.last = now;
        known.running = known.running.saturating_sub(1);
        known.load = Some(match known.load {
            Some(before) => before + (load - before) * NEWEST,
            None => load,
        });
        let used = used.map(|used| used.mul_f64(change));
        self.machine.finished(played, took.mul_f64(change), used, now);
        self.measured += 1;
        self.fresh += 1;
        self.decide(now);
    }

    pub(super) fn close(&mut self, session: &str) {
        if self.sessions.remove(session).is_some() {
            // With fewer sessions, what was too slow may be fast enough.
            self.patience = PATIENCE;
        }
        if self.sessions.is_empty() {
            self.is_overloaded = false;
        }
    }

    pub(super) fn expected(&self, session: &str, playing: Duration, now: Duration) -> Option<Duration> {
        // What was too slow a while ago may not be any more: somebody has to try.
        let known = self.sessions.get(session).filter(|known| known.is_current(now))?;
        let load = known.load?;
        Some(playing.max(LEAST_PLAYING).mul_f64(load))
    }

    pub(super) fn has_capacity(&self, now: Duration) -> bool {
        let (open, measured) = self.counts(now);
        if open - measured >= self.most_unknown {
            return false;
        }
        if self.measured < ENOUGH {
            return open < self.most_unknown;
        }
        let Some(slowest) = self.slowest(now) else {
            return true;
        };
        if self.is_overloaded {
            return false;
        }
        // All of them may want the machine in the same moment: then each gets its part of the speed.
        let slowest = slowest * (open + 1) as f64 / measured.max(1) as f64;
        let load = slowest.max(self.machine.load(open + 1));
        load * self.cost_of(self.levels.len() - 1) <= self.limit
    }

    /// Playing time over the time taken by the slowest session, in thousandths.
    pub(super) fn real_time_permille(&self, now: Duration) -> Option<u64> {
        let load = self.slowest(now)?;
        Some((1000.0 / load.max(0.001)).round() as u64)
    }

    pub(super) fn load_percent(&self, now: Duration) -> u64 {
        self.load(now).map_or(0, |load| (load * 100.0).round() as u64)
    }

    fn session(&mut self, session: &str, now: Duration) -> &mut Session {
        let cost = self.levels[self.level].cost;
        self.sessions
            .entry(session.to_string())
            .or_insert_with(|| Session {
                load: None,
                cost,
                running: 0,
                last: now,
                playing: Duration::ZERO,
            })
    }

    /// Sessions that are sending.
    fn current(&self, now: Duration) -> impl Iterator<Item = &Session> {
        self.sessions
            .values()
            .filter(move |session| session.is_current(now))
    }

    /// Sessions with work, and how many of them were measured. What failed unmeasured takes no time.
    fn counts(&self, now: Duration) -> (usize, usize) {
        self.current(now).fold((0, 0), |(open, measured), session| {
            let is_measured = session.load.is_some();
            let is_open = is_measured || session.running > 0;
            (open + usize::from(is_open), measured + usize::from(is_measured))
        })
    }

    /// The load of the session that is worst off.
    fn slowest(&self, now: Duration) -> Option<f64> {
        self.current(now)
            .filter_map(|session| session.load)
            .max_by(f64::total_cmp)
    }

    /// The load of the session that is worst off, or of the machine as a whole, whichever is more.
    fn load(&self, now: Duration) -> Option<f64> {
        let slowest = self.slowest(now)?;
        match self.measured >= ENOUGH {
            true => Some(slowest.max(self.machine.load(self.counts(now).1))),
            false => Some(slowest),
        }
    }

    /// What another level costs, the one in use being 1.
    fn cost_of(&self, level: usize) -> f64 {
        f64::from(self.levels[level].cost) / f64::from(self.levels[self.level].cost)
    }

    fn decide(&mut self, now: Duration) {
        let Some(load) = self.load(now) else {
            return;
        };
        if load > self.limit {
            self.calm_since = None;
            let enough = if load > self.limit * FAR_BEHIND {
                1
            } else {
                SEGMENTS_TO_FALL
            };
            if self.fresh < enough {
                return;
            }
            if self.level + 1 == self.levels.len() {
                self.is_overloaded = true;
                return;
            }
            if self
                .rose
                .take()
                .is_some_and(|rose| now.saturating_sub(rose) < REGRET)
            {
                self.patience = (self.patience * 2).min(MOST_PATIENCE);
            }
            self.go_to(self.level + 1, now);
            return;
        }
        if load <= self.limit * RELIEF {
            self.is_overloaded = false;
        }
        if self.rose.is_some_and(|rose| now.saturating_sub(rose) >= REGRET) {
            // The last try was none too many.
            self.rose = None;
            self.patience = PATIENCE;
        }
        let Some(slower) = self.level.checked_sub(1) else {
            return;
        };
        if load * self.cost_of(slower) * DOUBT > self.limit {
            self.calm_since = None;
            return;
        }
        let since = *self.calm_since.get_or_insert(now);
        if now.saturating_sub(since) >= self.patience && self.fresh >= SEGMENTS_TO_RISE {
            self.rose = Some(now);
            self.go_to(slower, now);
        }
    }

    /// Until there are measurements, what was measured is taken to change as the cost does.
    fn go_to(&mut self, level: usize, now: Duration) {
        let change = self.cost_of(level);
        for session in self.sessions.values_mut() {
            session.load = session.load.map(|load| load * change);
        }
        self.machine.worked *= change;
        self.level = level;
        self.changed = now;
        self.fresh = 0;
        self.calm_since = None;
    }

    fn forget_quiet(&mut self, now: Duration) {
        if self.sessions.len() < MOST_SESSIONS {
            return;
        }
        self.sessions.retain(|_, session| session.is_current(now));
        if self.sessions.len() >= MOST_SESSIONS {
            let oldest = self.sessions.iter().min_by_key(|(_, session)| session.last);
            if let Some(id) = oldest.map(|(id, _)| id.clone()) {
                self.sessions.remove(&id);
            }
        }
    }
}
