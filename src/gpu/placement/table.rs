//! All devices and all sessions, and the choice between them. Time is passed in.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use tracing::{info, warn};

use super::{
    Cost, Fallback, NoDevice, Policy, RunOutcome,
    card::{Card, Standing},
    index_of,
};
use crate::{
    media::target::Target,
    view::node::{Device, DeviceState},
};

/// How long a session avoids a device it failed on, if there is another.
const AVOID: Duration = Duration::from_secs(60);
/// A session stays at least so long before it is moved for balance.
const STAY: Duration = Duration::from_secs(60);
/// Between two moves for balance.
const BETWEEN_MOVES: Duration = Duration::from_secs(3);
/// A session on the CPU because of a failure stays at least so long before it goes back to a GPU.
const HELPED: Duration = Duration::from_secs(20);
/// Balance is sought from this load on,
const MATTERS: f64 = 0.4;
/// on devices so much busier than all of them together,
const EXCESS: f64 = 0.015;
/// and a move must win so much.
const WIN: f64 = 0.01;
/// Sessions nobody asked about for so long have ended without a word.
const FORGOTTEN: Duration = Duration::from_secs(900);
/// Devices known at once; no machine holds more.
const MOST_CARDS: usize = 256;
/// Runs in a row that must fail for a device to rest.
const FAULTS: u32 = 2;

/// Place of a device in the table.
type Seat = usize;

#[derive(Debug)]
struct Session {
    seat: Seat,
    target: Target,
    cost: Cost,
    since: Instant,
    asked: Instant,
    /// Devices it failed on lately.
    failed_on: BTreeMap<Seat, Instant>,
}

impl Session {
    /// It failed on one device after the other: it may be the one to blame.
    fn is_suspect(&self, now: Instant) -> bool {
        self.failed_on
            .values()
            .filter(|at| is_within(**at, AVOID, now))
            .count()
            >= 2
    }
}

#[derive(Debug)]
pub(super) struct Table {
    policy: Policy,
    /// The CPU first.
    cards: Vec<Card>,
    sessions: BTreeMap<String, Session>,
    last_move: Option<Instant>,
}

/// The CPU's seat.
const CPU: Seat = 0;

impl Table {
    pub(super) fn new(policy: Policy) -> Self {
        Self {
            policy,
            cards: vec![Card::cpu()],
            sessions: BTreeMap::new(),
            last_move: None,
        }
    }

    pub(super) fn observe(&mut self, devices: &[Device], now: Instant) {
        let mut seen = BTreeSet::from([CPU]);
        for device in devices {
            let Some(seat) = self.seat_of(device) else {
                continue;
            };
            seen.insert(seat);
            if let Some(card) = self.cards.get_mut(seat) {
                // A lost device's number may be another's.
                card.index = match device.state {
                    DeviceState::Lost => card.index,
                    _ => index_of(device),
                };
                if let Some(reason) = card.read(device, now) {
                    warn!(device = device.id, name = card.name, "the device rests: {reason}");
                    card.rest(reason, &self.policy, now);
                }
            }
        }
        for (seat, card) in self.cards.iter_mut().enumerate() {
            if !seen.contains(&seat) && card.present {
                let gone = Device {
                    name: card.name.clone(),
                    state: DeviceState::Lost,
                    ..Device::default()
                };
                if let Some(reason) = card.read(&gone, now) {
                    warn!(name = card.name, "the device rests: {reason}");
                    card.rest(reason, &self.policy, now);
                }
            }
            card.wake(now);
        }
        self.share_what_was_learned();
        self.sessions
            .retain(|_, session| is_within(session.asked, FORGOTTEN, now));
        self.recount();
    }

    /// The seat of a device in use; a new one for a device never seen.
    fn seat_of(&mut self, device: &Device) -> Option<Seat> {
        if device.id == "cpu" {
            return Some(CPU);
        }
        let key = device.uuid.as_deref().unwrap_or(&device.id);
        if let Some(seat) = self.cards.iter().position(|card| card.key == key) {
            return Some(seat);
        }
        let is_new = self.policy.gpus.takes(device)
            && device.state != DeviceState::Lost
            && self.cards.len() < MOST_CARDS;
        is_new.then(|| {
            self.cards.push(Card::gpu(key.to_string()));
            self.cards.len() - 1
        })
    }

    fn share_what_was_learned(&mut self) {
        let mut models: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
        for card in self.cards.iter().skip(1).filter(|card| card.learned) {
            let (sum, count) = models.entry(&card.name).or_default();
            *sum += card.pixels();
            *count += 1.0;
        }
        let models: BTreeMap<String, f64> = models
            .into_iter()
            .map(|(name, (sum, count))| (name.to_string(), sum / count))
            .collect();
        for card in self.cards.iter_mut().skip(1) {
            if let Some(pixels) = models.get(&card.name) {
                card.believe(*pixels);
            }
        }
    }

    pub(super) fn place(&mut self, session: &str, cost: Cost, now: Instant) -> Result<Target, NoDevice> {
        for card in &mut self.cards {
            card.wake(now);
        }
        let (seat, is_move) = match self.sessions.get(session) {
            Some(known) => {
                let here = known.seat;
                let seat = self.next_seat(session, cost, now)?;
                (seat, seat != here)
            }
            None => (self.choose(session, cost, now)?, false),
        };
        if is_move && let Some(known) = self.sessions.get(session) {
            let (from, to) = (known.target, self.target(seat));
            info!(session, %from, %to, "the session moves");
            if let Some(card) = self.cards.get_mut(known.seat) {
                card.moved += 1;
            }
        }
        let target = self.target(seat);
        match self.sessions.get_mut(session) {
            Some(known) => {
                known.asked = now;
                known.target = target;
                if !is_move && known.cost == cost {
                    return Ok(target);
                }
                if is_move {
                    known.since = now;
                }
                (known.seat, known.cost) = (seat, cost);
            }
            None => {
                let new = Session {
                    seat,
                    target,
                    cost,
                    since: now,
                    asked: now,
                    failed_on: BTreeMap::new(),
                };
                self.sessions.insert(session.to_string(), new);
            }
        }
        if let Some(card) = self.cards.get_mut(seat) {
            card.fresh.push(now);
        }
        self.recount();
        Ok(target)
    }

    /// Where a session that has a seat goes on: there, unless that failed or another is clearly better.
    fn next_seat(&mut self, session: &str, cost: Cost, now: Instant) -> Result<Seat, NoDevice> {
        let Some(known) = self.sessions.get(session) else {
            return self.choose(session, cost, now);
        };
        let (here, since) = (known.seat, known.since);
        let has_stayed = !is_within(since, STAY, now);
        if here == CPU {
            // From the CPU back to a GPU, unless the CPU is a device like any other.
            let stays = self.policy.fallback == Fallback::Always || is_within(since, HELPED, now);
            return match stays {
                true => Ok(CPU),
                false => Ok(self.best_gpu(session, cost, now).unwrap_or(CPU)),
            };
        }
        let failed_here = known
            .failed_on
            .get(&here)
            .is_some_and(|at| is_within(*at, AVOID, now) && *at >= since);
        let is_usable = self
            .cards
            .get(here)
            .is_some_and(|card| !card.is_resting() && !card.is_unfit());
        if !is_usable || known.is_suspect(now) {
            return self.choose(session, cost, now);
        }
        if failed_here {
            return Ok(self.best_gpu(session, cost, now).unwrap_or(here));
        }
        let may_move = has_stayed && self.last_move.is_none_or(|at| !is_within(at, BETWEEN_MOVES, now));
        if may_move && let Some(better) = self.better_seat(session, here, cost, now) {
            self.last_move = Some(now);
            return Ok(better);
        }
        Ok(here)
    }

    /// A device that would be clearly less busy with the session than this one is.
    fn better_seat(&self, session: &str, here: Seat, cost: Cost, now: Instant) -> Option<Seat> {
        let card = self.cards.get(here)?;
        let load = card.load_with(0.0);
        if !card.learned || load < MATTERS || load < self.mean_load() + EXCESS {
            return None;
        }
        let other = self.best_gpu(session, cost, now).filter(|other| *other != here)?;
        let other_card = self.cards.get(other)?;
        let wins = load - other_card.load_with(cost.pixels_per_second as f64) > WIN
            && other_card.strain_with(cost, now) < load;
        (other_card.learned && wins).then_some(other)
    }

    /// The GPUs that can do the work, at times.
    fn gpus(&self) -> impl Iterator<Item = &Card> {
        self.cards.iter().skip(1).filter(|card| !card.is_unfit())
    }

    /// The load all GPUs would have if sessions could be split.
    fn mean_load(&self) -> f64 {
        let ready = self.cards.iter().skip(1).filter(|card| card.is_ready());
        let (work, pixels) = ready.fold((0.0, 0.0), |(work, pixels), card| {
            (work + card.load_with(0.0) * card.pixels(), pixels + card.pixels())
        });
        if pixels > 0.0 { work / pixels } else { 0.0 }
    }

    /// The device for a session that has none, or none any more.
    fn choose(&self, session: &str, cost: Cost, now: Instant) -> Result<Seat, NoDevice> {
        if self.gpus().next().is_none() {
            return Ok(CPU);
        }
        let is_suspect = self
            .sessions
            .get(session)
            .is_some_and(|known| known.is_suspect(now));
        let gpu = match is_suspect {
            true => None,
            false => self.best_gpu(session, cost, now),
        };
        let any_rests = self.gpus().any(|card| !card.is_ready());
        match (self.policy.fallback, gpu) {
            (Fallback::Always, Some(gpu)) => {
                let strain = |seat| self.strain(seat, cost, now);
                Ok(if strain(CPU) < strain(gpu) { CPU } else { gpu })
            }
            (_, Some(gpu)) => Ok(gpu),
            (Fallback::Always, None) => Ok(CPU),
            (Fallback::OnFault, None) if any_rests || is_suspect => Ok(CPU),
            (_, None) if is_suspect => Err(NoDevice::Suspect),
            (_, None) if self.gpus().all(Card::is_resting) => Err(NoDevice::Resting),
            (_, None) => Err(NoDevice::Full),
        }
    }

    /// The GPU with the most head-room that the session may use and did not fail on lately.
    fn best_gpu(&self, session: &str, cost: Cost, now: Instant) -> Option<Seat> {
        let known = self.sessions.get(session);
        let failed_on = |seat: Seat| {
            known.is_some_and(|known| {
                known
                    .failed_on
                    .get(&seat)
                    .is_some_and(|at| is_within(*at, AVOID, now))
            })
        };
        let seats = (1..self.cards.len()).filter(|seat| {
            let Some(card) = self.cards.get(*seat) else {
                return false;
            };
            let may = match card.standing {
                Standing::Ready => true,
                Standing::Trial => card.sessions == 0,
                Standing::Resting { .. } | Standing::Unfit(_) => false,
            };
            may && !failed_on(*seat) && card.has_room(cost, now)
        });
        seats.min_by(|a, b| self.strain(*a, cost, now).total_cmp(&self.strain(*b, cost, now)))
    }

    fn strain(&self, seat: Seat, cost: Cost, now: Instant) -> f64 {
        self.cards
            .get(seat)
            .map_or(f64::INFINITY, |card| card.strain_with(cost, now))
    }

    pub(super) fn outcome(&mut self, session: &str, target: Target, outcome: RunOutcome, now: Instant) {
        let known = self.sessions.get_mut(session);
        let seat = match &known {
            Some(known) if known.target == target => Some(known.seat),
            _ => match target {
                Target::Cpu => Some(CPU),
                Target::Nvidia(index) => self.cards.iter().position(|card| card.index == Some(index)),
            },
        };
        let Some(seat) = seat.filter(|seat| *seat != CPU) else {
            return;
        };
        let Some(card) = self.cards.get_mut(seat) else {
            return;
        };
        match outcome {
            RunOutcome::Done => {
                card.works(now);
                if let Some(known) = known {
                    known.failed_on.clear();
                }
            }
            RunOutcome::DeviceFault => {
                let was_suspect = known.as_ref().is_some_and(|known| known.is_suspect(now));
                if let Some(known) = known {
                    known.failed_on.insert(seat, now);
                }
                if was_suspect || card.is_resting() || card.is_unfit() {
                    return;
                }
                card.faults += 1;
                if card.faults >= FAULTS || card.standing == Standing::Trial {
                    let reason = match card.standing {
                        Standing::Trial => "it failed again".to_string(),
                        _ => format!("{} runs in a row failed", card.faults),
                    };
                    warn!(device = %target, name = card.name, "the device rests: {reason}");
                    card.rest(reason, &self.policy, now);
                }
            }
            RunOutcome::DeviceFull => {
                let cost = known.as_ref().map(|known| known.cost).unwrap_or_default();
                card.learn_limit(cost);
                warn!(device = %target, limit = card.limit, "the GPU takes no more encoder sessions");
                if let Some(known) = known {
                    known.failed_on.insert(seat, now);
                }
            }
            RunOutcome::Other => {}
        }
    }

    pub(super) fn close(&mut self, session: &str) {
        self.sessions.remove(session);
        self.recount();
    }

    pub(super) fn set_session_limit(&mut self, index: u32, limit: Option<u32>) {
        let card = self.cards.iter_mut().find(|card| card.index == Some(index));
        if let Some(card) = card {
            card.limit = limit;
        }
    }

    pub(super) fn exclude(&mut self, index: u32, reason: &str) {
        let card = self.cards.iter_mut().find(|card| card.index == Some(index));
        if let Some(card) = card {
            card.standing = Standing::Unfit(reason.to_string());
        }
    }

    pub(super) fn has_gpus(&self) -> bool {
        self.gpus().next().is_some()
    }

    pub(super) fn has_room(&self, cost: Cost, now: Instant) -> bool {
        self.choose("", cost, now).is_ok()
    }

    pub(super) fn free_memory(&self, target: Target) -> Option<u64> {
        let Target::Nvidia(index) = target else {
            return None;
        };
        let card = self.cards.iter().find(|card| card.index == Some(index))?;
        card.free_memory()
    }

    pub(super) fn sessions(&self) -> Vec<(String, Target)> {
        let placed = self.sessions.iter();
        placed
            .map(|(name, session)| (name.clone(), session.target))
            .collect()
    }

    pub(super) fn describe(&self, devices: &mut [Device], now: Instant) {
        for device in devices {
            let key = device.uuid.as_deref().unwrap_or(&device.id);
            let Some(card) = self.cards.iter().find(|card| card.key == key) else {
                if device.state == DeviceState::Ready {
                    device.state = DeviceState::Unused;
                }
                continue;
            };
            device.sessions = card.sessions;
            device.sessions_moved = card.moved;
            device.trips = card.trips;
            match &card.standing {
                Standing::Ready => {}
                Standing::Unfit(reason) => {
                    device.state = DeviceState::Unused;
                    device.state_reason = Some(reason.clone());
                }
                Standing::Trial => {
                    device.state = DeviceState::Trial;
                    device.state_reason = Some("it rested; one session tries it".into());
                }
                Standing::Resting { until, reason } => {
                    if device.state != DeviceState::Lost {
                        device.state = DeviceState::Resting;
                        device.state_reason = Some(reason.clone());
                    }
                    let wait = until.saturating_duration_since(now);
                    device.resting_until = Timestamp::now().checked_add(wait).ok();
                }
            }
        }
    }

    fn target(&self, seat: Seat) -> Target {
        match self.cards.get(seat).and_then(|card| card.index) {
            Some(index) => Target::Nvidia(index),
            None => Target::Cpu,
        }
    }

    /// What is placed where, counted anew: small, and never out of step.
    fn recount(&mut self) {
        for card in &mut self.cards {
            (card.placed, card.sessions, card.renditions) = (0.0, 0, 0);
        }
        for session in self.sessions.values() {
            if let Some(card) = self.cards.get_mut(session.seat) {
                card.placed += session.cost.pixels_per_second as f64;
                card.sessions += 1;
                card.renditions = card.renditions.saturating_add(session.cost.renditions);
            }
        }
    }
}

fn is_within(at: Instant, span: Duration, now: Instant) -> bool {
    now.saturating_duration_since(at) < span
}
