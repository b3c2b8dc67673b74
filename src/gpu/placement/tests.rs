use super::*;
use crate::view::node::DeviceState;

/// A GPU that does nothing yet.
fn gpu(index: u32) -> Device {
    Device {
        id: format!("gpu{index}"),
        uuid: Some(format!("GPU-{index}")),
        name: "A".into(),
        load_percent: Some(0),
        encoder_percent: Some(0),
        decoder_percent: Some(0),
        temperature_celsius: Some(50),
        temperature_limit_celsius: Some(90),
        memory_used: Some(1 << 30),
        memory_total: Some(24 << 30),
        ..Device::default()
    }
}

const COST: Cost = Cost {
    pixels_per_second: 100_000_000,
    renditions: 3,
};

/// A rig of idle GPUs that was read once, and a clock.
struct Rig {
    placement: Placement,
    devices: Vec<Device>,
    now: Instant,
}

impl Rig {
    fn new(gpus: u32, policy: Policy) -> Self {
        let mut rig = Self {
            placement: Placement::new(policy),
            devices: (0..gpus).map(gpu).collect(),
            now: Instant::now(),
        };
        rig.pass(0);
        rig
    }

    fn with(gpus: u32, fallback: Fallback) -> Self {
        Self::new(
            gpus,
            Policy {
                fallback,
                ..Policy::default()
            },
        )
    }

    /// Time passes, then the devices are read.
    fn pass(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
        self.placement.observe_at(&self.devices, self.now);
    }

    fn place(&self, session: &str) -> Result<Target, NoDevice> {
        self.placement.place_at(session, COST, self.now)
    }

    fn on(&self, session: &str) -> u32 {
        match self.place(session) {
            Ok(Target::Nvidia(index)) => index,
            other => panic!("{session} is not on a GPU: {other:?}"),
        }
    }

    fn ended(&self, session: &str, index: u32, outcome: RunOutcome) {
        self.placement
            .outcome_at(session, Target::Nvidia(index), outcome, self.now);
    }

    fn described(&self) -> Vec<Device> {
        let mut devices = self.devices.clone();
        self.placement.describe_at(&mut devices, self.now);
        devices
    }

    fn state(&self, index: usize) -> DeviceState {
        self.described()[index].state
    }
}

#[test]
fn without_gpus_the_cpu_works_whatever_the_policy() {
    for fallback in [Fallback::Never, Fallback::OnFault, Fallback::Always] {
        assert_eq!(Rig::with(0, fallback).place("a"), Ok(Target::Cpu));
    }
    let none = Policy {
        gpus: Selection::None,
        ..Policy::default()
    };
    assert_eq!(Rig::new(2, none).place("a"), Ok(Target::Cpu));
    assert_eq!(Placement::cpu_only().place("a", COST), Ok(Target::Cpu));
}

#[test]
fn sessions_spread_before_readings_show_them_and_stick() {
    let mut rig = Rig::with(3, Fallback::Never);
    let mut first: Vec<u32> = ["a", "b", "c"].map(|session| rig.on(session)).to_vec();
    first.sort_unstable();
    assert_eq!(first, [0, 1, 2]);
    let home = rig.on("a");
    for _ in 0..20 {
        rig.pass(1);
        assert_eq!(rig.on("a"), home);
    }
    assert_eq!(rig.placement.sessions().len(), 3);
    rig.placement.close("a");
    assert_eq!(rig.placement.sessions().len(), 2);
    assert_eq!(rig.on("d"), home, "the room is free at once");
}

#[test]
fn measured_load_decides_whoever_makes_it() {
    for reading in [
        |device: &mut Device| device.encoder_percent = Some(60),
        |device: &mut Device| device.decoder_percent = Some(60),
        |device: &mut Device| device.load_percent = Some(60),
        |device: &mut Device| device.memory_used = Some(22 << 30),
        |device: &mut Device| device.temperature_celsius = Some(88),
    ] {
        let mut rig = Rig::with(2, Fallback::Never);
        reading(&mut rig.devices[0]);
        rig.pass(1);
        rig.pass(20);
        assert_eq!([rig.on("a"), rig.on("b")], [1, 1]);
    }
}

#[test]
fn a_full_device_takes_no_session_and_the_cpu_does_not_help_the_healthy() {
    let mut rig = Rig::with(1, Fallback::OnFault);
    assert_eq!(rig.on("a"), 0);
    rig.devices[0].encoder_percent = Some(100);
    for _ in 0..30 {
        rig.pass(1);
    }
    assert_eq!(rig.place("b"), Err(NoDevice::Full));
    assert!(!rig.placement.has_room(COST));
    assert_eq!(rig.on("a"), 0, "who is there stays");
    // Memory alone fills a device too.
    let mut rig = Rig::with(1, Fallback::OnFault);
    rig.devices[0].memory_total = Some(2 << 30);
    rig.pass(1);
    assert_eq!(rig.on("a"), 0);
    assert_eq!(
        rig.place("b"),
        Err(NoDevice::Full),
        "the first is in no reading yet"
    );
}

#[test]
fn encoder_sessions_are_counted_where_they_are_limited() {
    let rig = Rig::with(2, Fallback::Never);
    rig.placement.set_session_limit(0, Some(3));
    rig.placement.set_session_limit(1, Some(6));
    let mut devices: Vec<u32> = ["a", "b", "c"].map(|session| rig.on(session)).to_vec();
    devices.sort_unstable();
    assert_eq!(devices, [0, 1, 1]);
    assert_eq!(rig.place("d"), Err(NoDevice::Full));

    // A limit nobody knew is learned from the refusal, and is no failure.
    let rig = Rig::with(2, Fallback::Never);
    let sessions = ["a", "b", "c"];
    let homes = sessions.map(|session| rig.on(session));
    let twice = homes.iter().filter(|home| **home == homes[0]).count() == 2;
    let (refused, full) = if twice { ("a", homes[0]) } else { ("b", homes[1]) };
    rig.ended(refused, full, RunOutcome::DeviceFull);
    assert_ne!(rig.on(refused), full);
    assert_eq!(rig.state(full as usize), DeviceState::Ready);
    assert_ne!(rig.on("d"), full);
}

#[test]
fn two_failures_in_a_row_rest_a_device_longer_each_time() {
    let mut rig = Rig::with(2, Fallback::Never);
    let (a, b) = (rig.on("a"), rig.on("b"));
    assert_ne!(a, b);
    rig.ended("a", a, RunOutcome::DeviceFault);
    assert_eq!(rig.state(a as usize), DeviceState::Ready);
    rig.ended("x", a, RunOutcome::Done);
    rig.ended("x", a, RunOutcome::DeviceFault);
    assert_eq!(rig.state(a as usize), DeviceState::Ready, "not in a row");
    rig.ended("y", a, RunOutcome::Other);
    rig.ended("y", a, RunOutcome::DeviceFault);
    assert_eq!(rig.state(a as usize), DeviceState::Resting);
    assert_eq!(rig.on("a"), b, "the session moves");
    let shown = &rig.described()[a as usize];
    assert_eq!((shown.trips, shown.sessions, shown.sessions_moved), (1, 0, 1));
    assert_eq!(shown.state_reason.as_deref(), Some("2 runs in a row failed"));
    assert!(shown.resting_until.is_some());

    let mut rests = Vec::new();
    for round in 0..9 {
        let mut rested = 0;
        while rig.state(a as usize) == DeviceState::Resting {
            rig.pass(1);
            rested += 1;
        }
        rests.push(rested);
        assert_eq!(rig.state(a as usize), DeviceState::Trial);
        // One session tries it, the next ones do not.
        let tries = format!("try{round}");
        assert_eq!(rig.on(&tries), a);
        assert_eq!(rig.on("other"), b);
        rig.ended(&tries, a, RunOutcome::DeviceFault);
        assert_eq!(
            rig.state(a as usize),
            DeviceState::Resting,
            "once is enough on trial"
        );
        rig.placement.close(&tries);
        rig.placement.close("other");
    }
    assert_eq!(rests, [30, 60, 120, 240, 480, 960, 1800, 1800, 1800]);
}

#[test]
fn a_trial_that_works_makes_the_device_ready_and_time_heals() {
    let mut rig = Rig::with(1, Fallback::OnFault);
    for _ in 0..2 {
        rig.ended("a", 0, RunOutcome::DeviceFault);
    }
    assert_eq!(rig.place("a"), Ok(Target::Cpu), "the CPU helps while it rests");
    rig.pass(30);
    assert_eq!(rig.state(0), DeviceState::Trial);
    assert_eq!(rig.on("a"), 0, "and gives the session back");
    assert_eq!(rig.place("b"), Ok(Target::Cpu), "one at a time");
    rig.ended("a", 0, RunOutcome::Done);
    assert_eq!(rig.state(0), DeviceState::Ready);
    assert_eq!(rig.described()[0].trips, 1);
    rig.pass(601);
    assert_eq!(rig.on("b"), 0);
    rig.ended("b", 0, RunOutcome::Done);
    assert_eq!(rig.described()[0].trips, 0);
}

#[test]
fn the_policy_decides_what_the_cpu_may_do() {
    let rest_all = |fallback| {
        let rig = Rig::with(2, fallback);
        for index in 0..2 {
            rig.ended("x", index, RunOutcome::DeviceFault);
            rig.ended("y", index, RunOutcome::DeviceFault);
        }
        rig
    };
    assert_eq!(rest_all(Fallback::Never).place("a"), Err(NoDevice::Resting));
    assert_eq!(rest_all(Fallback::OnFault).place("a"), Ok(Target::Cpu));
    assert_eq!(rest_all(Fallback::Always).place("a"), Ok(Target::Cpu));

    // Always: the CPU takes sessions beside busy GPUs, and idle GPUs come first.
    let mut rig = Rig::with(1, Fallback::Always);
    rig.devices.push(Device {
        id: "cpu".into(),
        load_percent: Some(3),
        ..Device::default()
    });
    rig.pass(1);
    assert_eq!(rig.on("a"), 0);
    rig.devices[0].encoder_percent = Some(99);
    for _ in 0..90 {
        rig.pass(1);
    }
    assert_eq!(rig.place("b"), Ok(Target::Cpu));
}

#[test]
fn a_fatal_xid_rests_at_once_and_a_programs_own_does_not() {
    let mut rig = Rig::with(2, Fallback::Never);
    let home = rig.on("a");
    let at = home as usize;
    rig.devices[at].xids.insert(31, 4);
    rig.devices[at].last_xid = Some(31);
    rig.pass(1);
    assert_eq!(rig.on("a"), home, "a page fault is the program's");
    rig.devices[at].xids.insert(79, 1);
    rig.devices[at].last_xid = Some(79);
    rig.pass(1);
    assert_ne!(rig.on("a"), home);
    assert_eq!(rig.described()[at].state_reason.as_deref(), Some("Xid 79"));
    rig.pass(30);
    assert_eq!(rig.state(at), DeviceState::Trial, "the same one counts once");
    // Memory errors that were not put right count from the first reading on.
    let mut rig = Rig::with(1, Fallback::OnFault);
    rig.devices[0].ecc_uncorrected = Some(7);
    rig.placement = Placement::new(Policy::default());
    rig.pass(1);
    assert_eq!(rig.state(0), DeviceState::Ready, "old ones are history");
    rig.devices[0].ecc_uncorrected = Some(8);
    rig.pass(1);
    assert_eq!(rig.state(0), DeviceState::Resting);
}

#[test]
fn heat_rests_until_it_is_gone() {
    let mut rig = Rig::with(2, Fallback::Never);
    let home = rig.on("a");
    let at = home as usize;
    rig.devices[at].temperature_celsius = Some(90);
    rig.pass(1);
    assert_eq!(rig.state(at), DeviceState::Resting);
    assert_ne!(rig.on("a"), home);
    rig.devices[at].temperature_celsius = Some(87);
    rig.pass(60);
    assert_eq!(rig.state(at), DeviceState::Resting, "still warm");
    rig.devices[at].temperature_celsius = Some(70);
    rig.pass(1);
    assert_eq!(rig.state(at), DeviceState::Trial);
    assert_eq!(rig.described()[at].trips, 1);
}

#[test]
fn a_device_that_vanishes_loses_its_sessions_and_comes_back() {
    let mut rig = Rig::with(3, Fallback::Never);
    let homes: Vec<u32> = ["a", "b", "c"].map(|session| rig.on(session)).to_vec();
    let gone = rig.devices.remove(1);
    // The driver closes the gap: what was the third is the second now.
    rig.devices[1].id = "gpu1".into();
    rig.pass(1);
    for (session, home) in ["a", "b", "c"].iter().zip(&homes) {
        let now_on = rig.on(session);
        match home {
            0 => assert_eq!(now_on, 0),
            // Known by its UUID, it keeps its session under its new number.
            2 => assert_eq!(now_on, 1),
            _ => assert!(now_on < 2),
        }
    }
    rig.devices[1].id = "gpu2".into();
    rig.devices.insert(1, gone);
    rig.pass(29);
    assert_eq!(rig.state(1), DeviceState::Resting);
    rig.pass(1);
    assert_eq!(rig.state(1), DeviceState::Trial);
    rig.pass(1);
    assert_eq!(rig.on("d"), 1);
}

#[test]
fn a_session_that_fails_everywhere_does_not_take_the_devices_with_it() {
    let rig = Rig::with(4, Fallback::OnFault);
    let mut failed = Vec::new();
    for _ in 0..20 {
        match rig.place("poison").unwrap() {
            Target::Nvidia(index) => {
                failed.push(index);
                rig.ended("poison", index, RunOutcome::DeviceFault);
            }
            Target::Cpu => break,
        }
    }
    assert_eq!(failed.len(), 2, "two devices are tried, then it is suspected");
    assert_ne!(failed[0], failed[1]);
    assert!((0..4).all(|index| rig.state(index) == DeviceState::Ready));
    let never = Rig::with(4, Fallback::Never);
    for _ in 0..2 {
        let on = never.on("poison");
        never.ended("poison", on, RunOutcome::DeviceFault);
    }
    assert_eq!(never.place("poison"), Err(NoDevice::Suspect));
}

#[test]
fn gpus_that_were_left_out_are_left_alone() {
    let policy = Policy {
        gpus: "1,GPU-2".parse().unwrap(),
        fallback: Fallback::Never,
        ..Policy::default()
    };
    let rig = Rig::new(4, policy);
    let mut used: Vec<u32> = ["a", "b"].map(|session| rig.on(session)).to_vec();
    used.sort_unstable();
    assert_eq!(used, [1, 2]);
    let states: Vec<DeviceState> = (0..4).map(|index| rig.state(index)).collect();
    use DeviceState::{Ready, Unused};
    assert_eq!(states, [Unused, Ready, Ready, Unused]);
}

#[test]
fn a_gpu_that_cannot_do_the_work_gets_none() {
    let mut rig = Rig::with(2, Fallback::Never);
    assert!(rig.placement.has_gpus());
    rig.placement.exclude(0, "it encodes nothing");
    assert_eq!([rig.on("a"), rig.on("b")], [1, 1]);
    rig.pass(3_600);
    let shown = &rig.described()[0];
    assert_eq!(
        (shown.state, shown.state_reason.as_deref()),
        (DeviceState::Unused, Some("it encodes nothing"))
    );
    rig.placement.exclude(1, "it neither");
    assert!(!rig.placement.has_gpus());
    assert_eq!(rig.place("a"), Ok(Target::Cpu), "as if there were none");
}

#[test]
fn gpus_are_named_in_three_ways() {
    let named = |text: &str| text.parse::<Selection>();
    assert_eq!(named("all"), Ok(Selection::All));
    assert_eq!(named("none"), Ok(Selection::None));
    assert_eq!(
        named("0, gpu12,GPU-4f0f"),
        Ok(Selection::These(vec![
            Name::Index(0),
            Name::Index(12),
            Name::Uuid("GPU-4f0f".into())
        ]))
    );
    for bad in ["", "0,,1", "-1", "+1", "gpu", "GPU-", "all,1", "99999999999"] {
        assert!(named(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_cost_is_all_pictures_and_the_renditions() {
    let cost = Cost::of([(1920, 1080, 30), (1280, 720, 30), (640, 360, 30)]);
    assert_eq!(
        cost.pixels_per_second,
        30 * (1920 * 1080 + 1280 * 720 + 640 * 360)
    );
    assert_eq!(cost.renditions, 2);
    assert_eq!(
        Cost::of([(u32::MAX, u32::MAX, u32::MAX)]).pixels_per_second,
        u64::MAX
    );
}

#[test]
fn sessions_nobody_closes_are_forgotten() {
    let mut rig = Rig::with(1, Fallback::Never);
    for number in 0..10 {
        rig.on(&format!("s{number}"));
    }
    rig.pass(899);
    assert_eq!(rig.placement.sessions().len(), 10);
    rig.on("s3");
    rig.pass(2);
    assert_eq!(rig.placement.sessions().len(), 1);
}
