//! Machines of several speeds under several loads, simulated: sessions share one processor, each sends a segment every
//! two seconds and encodes one at a time.

use std::collections::VecDeque;

use super::*;

const STEP: Duration = Duration::from_millis(20);
const SEGMENT: Duration = Duration::from_secs(2);

struct Stream {
    id: String,
    /// When the next segment comes.
    next: Duration,
    /// When those that wait came.
    waiting: VecDeque<Duration>,
    encoding: Option<Encoding>,
    /// Time taken by the last segments over their playing time.
    ratios: VecDeque<f64>,
    /// How much more than the usual ladder it costs.
    weight: f64,
}

/// A segment being encoded, in seconds of this machine.
struct Encoding {
    total: f64,
    left: f64,
    begun: Duration,
    came: Duration,
}

/// A processor and what runs on it.
struct Machine {
    controller: Controller,
    now: Duration,
    /// Part of real time that one usual session takes at `veryfast`.
    veryfast: f64,
    /// What a preset really costs beyond what is believed.
    surprise: fn(&Effort) -> f64,
    /// Times this changes from segment to segment.
    noise: f64,
    /// How long segments take to arrive; they are encoded as far as they are here.
    upload: Duration,
    /// Time it was busy since somebody asked, if it can be asked.
    used: Option<f64>,
    seed: u32,
    streams: Vec<Stream>,
    changes: Vec<(Duration, String)>,
}

fn settings() -> PaceSettings {
    PaceSettings::default()
}

fn name(effort: Effort) -> String {
    Named(effort).to_string()
}

impl Machine {
    fn new(veryfast: f64, settings: PaceSettings) -> Self {
        let levels = levels(&settings).unwrap();
        let first = first_level(&levels, &settings);
        Self {
            controller: Controller::new(levels, first, settings.headroom_percent, 8),
            now: Duration::ZERO,
            veryfast,
            surprise: |_| 1.0,
            noise: 0.0,
            upload: Duration::ZERO,
            used: None,
            seed: 1,
            streams: Vec::new(),
            changes: Vec::new(),
        }
    }

    fn with_sessions(veryfast: f64, count: usize) -> Self {
        let mut machine = Self::new(veryfast, settings());
        (0..count).for_each(|_| machine.open());
        machine
    }

    fn open(&mut self) {
        let count = self.streams.len() as u32;
        self.streams.push(Stream {
            id: format!("{count}"),
            next: self.now + SEGMENT * (count * 7 % 10) / 10,
            waiting: VecDeque::new(),
            encoding: None,
            ratios: VecDeque::new(),
            weight: 1.0,
        });
    }

    fn close(&mut self) {
        let stream = self.streams.pop().unwrap();
        self.controller.close(&stream.id);
    }

    /// Between 1 - noise and 1 + noise.
    fn jitter(&mut self) -> f64 {
        self.seed = self.seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        1.0 + self.noise * (f64::from(self.seed >> 8) / f64::from(1 << 23) - 1.0)
    }

    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.now += STEP;
            let running = self
                .streams
                .iter()
                .filter(|stream| stream.encoding.is_some())
                .count();
            let share = STEP.as_secs_f64() / running.max(1) as f64;
            for index in 0..self.streams.len() {
                let jitter = self.jitter();
                let stream = &mut self.streams[index];
                if self.now >= stream.next {
                    stream.next += SEGMENT;
                    // As in the node: more than four waiting are refused.
                    if stream.waiting.len() < 4 {
                        stream.waiting.push_back(self.now);
                    }
                }
                if let Some(encoding) = &mut stream.encoding {
                    let here = match self.upload.as_secs_f64() {
                        0.0 => 1.0,
                        upload => ((self.now - encoding.came).as_secs_f64() / upload).min(1.0),
                    };
                    let possible = encoding.left - encoding.total * (1.0 - here);
                    let done = share.min(possible.max(0.0));
                    encoding.left -= done;
                    if let Some(used) = &mut self.used {
                        *used += done;
                    }
                    if encoding.left <= 0.0 && here == 1.0 {
                        let (begun, whole) = (encoding.begun, encoding.came + self.upload);
                        stream.encoding = None;
                        // As the transcoder measures it.
                        let after = self.now - whole.max(begun);
                        let busy = match after > whole.saturating_sub(begun) {
                            true => self.now - begun,
                            false => after,
                        };
                        let late = self.now - whole.max(begun);
                        stream
                            .ratios
                            .push_back(late.as_secs_f64() / SEGMENT.as_secs_f64());
                        stream.ratios.drain(..stream.ratios.len().saturating_sub(5));
                        let used = self
                            .used
                            .as_mut()
                            .map(std::mem::take)
                            .map(Duration::from_secs_f64);
                        let before = self.controller.effort();
                        self.controller
                            .finished(&stream.id, SEGMENT, busy, used, self.now);
                        let after = self.controller.effort();
                        if before != after {
                            self.changes.push((self.now, name(after)));
                        }
                    }
                }
                let stream = &mut self.streams[index];
                if stream.encoding.is_none()
                    && let Some(came) = stream.waiting.pop_front()
                {
                    let effort = self.controller.effort();
                    self.controller.started(&stream.id, SEGMENT, self.now);
                    let cascaded = if effort.cascaded { 0.87 } else { 1.0 };
                    let cost = f64::from(cost(effort.preset).unwrap()) / 420.0 * cascaded;
                    let cost = cost * (self.surprise)(&effort) * jitter * stream.weight;
                    let total = cost * self.veryfast * SEGMENT.as_secs_f64();
                    stream.encoding = Some(Encoding {
                        total,
                        left: total,
                        begun: self.now,
                        came,
                    });
                }
            }
        }
    }

    fn effort(&self) -> String {
        name(self.controller.effort())
    }

    /// The slowest session's last segments.
    fn worst(&self) -> f64 {
        self.streams
            .iter()
            .flat_map(|stream| &stream.ratios)
            .copied()
            .fold(0.0, f64::max)
    }

    fn has_capacity(&self) -> bool {
        self.controller.has_capacity(self.now)
    }

    fn changes_after(&self, time: Duration) -> usize {
        self.changes.iter().filter(|(at, _)| *at > time).count()
    }
}

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn each_machine_finds_its_preset_and_stays() {
    for (veryfast, found) in [
        (0.2, "medium"),
        (0.35, "fast"),
        (0.45, "faster"),
        (0.7, "veryfast"),
        (0.9, "superfast"),
        (1.2, "ultrafast"),
        (1.5, "ultrafast, cascaded"),
    ] {
        let mut machine = Machine::with_sessions(veryfast, 1);
        machine.run(5 * MINUTE);
        assert_eq!(machine.effort(), found, "{veryfast}");
        assert!(machine.worst() <= 0.8, "{veryfast}: {}", machine.worst());
        machine.run(60 * MINUTE);
        assert_eq!(machine.changes_after(5 * MINUTE), 0, "{:?}", machine.changes);
    }
}

#[test]
fn uploads_that_take_their_time_hide_nothing() {
    for (veryfast, found) in [
        (0.2, "medium"),
        (0.45, "faster"),
        (0.7, "veryfast"),
        (0.9, "superfast"),
        (1.2, "ultrafast"),
    ] {
        let mut machine = Machine::with_sessions(veryfast, 1);
        machine.upload = Duration::from_millis(1500);
        machine.used = Some(0.0);
        machine.run(5 * MINUTE);
        assert_eq!(machine.effort(), found, "{veryfast}: {:?}", machine.changes);
        machine.run(60 * MINUTE);
        assert_eq!(machine.changes_after(5 * MINUTE), 0, "{:?}", machine.changes);
    }
    let mut machine = Machine::new(0.3, settings());
    machine.upload = Duration::from_millis(1500);
    machine.used = Some(0.0);
    for _ in 0..60 {
        if machine.has_capacity() {
            machine.open();
        }
        machine.run(Duration::from_secs(10));
    }
    let count = machine.streams.len();
    assert!((4..=5).contains(&count), "{count} sessions");
    assert!(machine.worst() < 0.8, "{}", machine.worst());
}

#[test]
fn falling_behind_is_answered_within_a_few_segments() {
    let mut machine = Machine::with_sessions(0.3, 1);
    machine.run(5 * MINUTE);
    assert_eq!(machine.effort(), "medium");
    (0..3).for_each(|_| machine.open());
    // Five steps lie between, and each needs a segment or two of any session.
    machine.run(5 * SEGMENT);
    assert!(machine.worst() > 0.8);
    assert!(machine.effort().starts_with("ultrafast"), "{:?}", machine.changes);
    machine.run(MINUTE);
    assert!(machine.worst() <= 0.85, "{}", machine.worst());
}

#[test]
fn what_was_given_up_comes_back_when_the_load_goes() {
    let mut machine = Machine::with_sessions(0.3, 4);
    machine.run(2 * MINUTE);
    assert!(machine.effort().starts_with("ultrafast"), "{:?}", machine.changes);
    (0..3).for_each(|_| machine.close());
    machine.run(5 * MINUTE);
    assert_eq!(machine.effort(), "medium");
    let steps: Vec<_> = machine
        .changes
        .iter()
        .rev()
        .take(4)
        .map(|(_, to)| to.as_str())
        .collect();
    assert_eq!(steps, ["medium", "fast", "faster", "veryfast"]);
}

#[test]
fn content_that_varies_does_not_make_it_swing() {
    for veryfast in [0.25, 0.35, 0.5, 0.7, 0.85, 1.0, 1.3] {
        let mut machine = Machine::with_sessions(veryfast, 1);
        machine.noise = 0.25;
        machine.run(60 * MINUTE);
        let late = machine.changes_after(20 * MINUTE);
        assert!(late <= 8, "{veryfast}: {late} changes, {:?}", machine.changes);
    }
}

#[test]
fn a_preset_that_disappoints_is_tried_less_and_less() {
    let mut machine = Machine::with_sessions(0.5, 1);
    // Looks affordable from below, and is not.
    machine.surprise = |effort| if effort.preset == "faster" { 2.0 } else { 0.9 };
    machine.run(20 * MINUTE);
    let (early, begun) = (machine.changes.len(), machine.now);
    machine.run(60 * MINUTE);
    assert!(early >= 4, "{:?}", machine.changes);
    assert!(machine.changes_after(begun) <= 10, "{:?}", machine.changes);
    assert_eq!(machine.effort(), "veryfast");
}

#[test]
fn sessions_are_taken_as_long_as_all_of_them_stay_ahead() {
    for (veryfast, least, most) in [
        (0.02, 20, 100),
        (0.1, 6, 20),
        (0.3, 2, 6),
        (0.7, 1, 2),
        (1.2, 1, 1),
    ] {
        let mut machine = Machine::new(veryfast, settings());
        for _ in 0..200 {
            if machine.has_capacity() {
                machine.open();
            }
            machine.run(Duration::from_secs(10));
        }
        let count = machine.streams.len();
        assert!((least..=most).contains(&count), "{veryfast}: {count} sessions");
        assert!(
            machine.worst() < 1.0,
            "{veryfast}: {count} at {}",
            machine.worst()
        );
        assert!(!machine.has_capacity(), "{veryfast}");
    }
}

#[test]
fn a_rush_of_sessions_is_let_in_only_as_far_as_was_measured() {
    let mut machine = Machine::new(0.3, settings());
    let mut asked = 0;
    for _ in 0..100 {
        if machine.has_capacity() {
            machine.open();
            machine.streams.last_mut().unwrap().next = machine.now;
        }
        asked += 1;
        machine.run(Duration::from_millis(100));
    }
    assert_eq!(asked, 100);
    // Those that came before enough was known may be too many.
    assert!(machine.streams.len() <= 9, "{}", machine.streams.len());
    machine.run(MINUTE);
    assert!(!machine.has_capacity(), "{}", machine.effort());
    assert_eq!(machine.effort(), "ultrafast, cascaded");
    while machine.streams.len() > 1 {
        machine.close();
    }
    machine.run(MINUTE);
    assert!(machine.has_capacity());
}

#[test]
fn a_session_that_went_quiet_is_no_load() {
    let mut machine = Machine::with_sessions(2.0, 1);
    machine.run(MINUTE);
    assert!(!machine.has_capacity());
    machine.streams.clear();
    machine.run(3 * MINUTE);
    assert!(machine.has_capacity());
    assert_eq!(machine.controller.real_time_permille(machine.now), None);
}

#[test]
fn a_fixed_preset_stays_and_still_refuses() {
    let fixed = PaceSettings {
        preset: Some("veryfast"),
        ..settings()
    };
    let mut machine = Machine::new(0.3, fixed);
    machine.open();
    machine.run(MINUTE);
    assert!(machine.has_capacity());
    machine.open();
    machine.run(MINUTE);
    assert!(!machine.has_capacity());
    assert!(machine.changes.is_empty());
    let expected = |id, now| machine.controller.expected(id, SEGMENT, now);
    assert_eq!(expected("none", machine.now), None);
    assert_eq!(expected("0", machine.now + 10 * MINUTE), None);
    let expected = expected("0", machine.now).unwrap().as_secs_f64();
    assert!((0.3..=1.3).contains(&expected), "{expected}");
}

#[test]
fn the_range_allowed_is_kept() {
    let range = |slowest, fastest| PaceSettings {
        slowest,
        fastest,
        ..settings()
    };
    let mut slow = Machine::new(0.05, range("faster", "superfast"));
    slow.open();
    slow.run(10 * MINUTE);
    assert_eq!(slow.effort(), "faster");
    let mut fast = Machine::new(3.0, range("faster", "superfast"));
    fast.open();
    fast.run(10 * MINUTE);
    assert_eq!(fast.effort(), "superfast, cascaded");
    assert!(!fast.has_capacity());
    let first = |settings| Pacer::new(settings, 2).unwrap().effort().preset;
    assert_eq!(first(settings()), "veryfast");
    assert_eq!(first(range("medium", "faster")), "faster");
    assert_eq!(first(range("superfast", "ultrafast")), "superfast");
    assert_eq!(first(range("ultrafast", "ultrafast")), "ultrafast");
    let refused = |settings| Pacer::new(settings, 2).unwrap_err();
    assert!(matches!(
        refused(range("ultrafast", "medium")),
        PaceError::Crossed { .. }
    ));
    assert!(matches!(
        refused(range("placebo", "medium")),
        PaceError::Unknown("placebo")
    ));
    let greedy = PaceSettings {
        headroom_percent: 91,
        ..settings()
    };
    assert_eq!(refused(greedy), PaceError::Headroom(91));
}

#[test]
fn what_failed_counts_neither_as_fast_nor_as_waiting() {
    let mut controller = Controller::new(levels(&settings()).unwrap(), 3, 20, 2);
    for id in 0..20 {
        let id = id.to_string();
        controller.started(&id, SEGMENT, Duration::ZERO);
        controller.failed(&id);
    }
    assert!(controller.has_capacity(Duration::ZERO));
    for id in 0..4 {
        controller.started(&id.to_string(), SEGMENT, Duration::ZERO);
    }
    assert!(
        !controller.has_capacity(Duration::ZERO),
        "four of which nothing is known"
    );
    // A segment that never ends does not hold the door shut for ever.
    assert!(controller.has_capacity(10 * MINUTE));
}

#[test]
fn the_pacer_tells_what_it_does() {
    let pacer = Pacer::new(settings(), 2).unwrap();
    let clone = pacer.clone();
    assert_eq!(pacer.view().real_time_permille, None);
    for _ in 0..10 {
        pacer.started("a", SEGMENT);
        clone.finished("a", SEGMENT, 3 * SEGMENT, SEGMENT);
    }
    let view = pacer.view();
    assert_eq!(
        (view.preset.as_str(), view.cascaded, view.refusing),
        ("ultrafast", true, true)
    );
    assert!(view.automatic && view.since.is_some());
    assert!(view.real_time_permille.unwrap() < 500, "{view:?}");
    pacer.close("a");
    assert!(pacer.has_capacity());
    let fixed = Pacer::fixed("slow").view();
    assert_eq!((fixed.preset.as_str(), fixed.automatic), ("slow", false));
}
