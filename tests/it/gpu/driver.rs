//! Readings, events and restarts of a driver, through the library as it is loaded in production.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use engine::{
    gpu::{Cost, DeviceReader, Fallback, Placement, Policy},
    media::target::Target,
    view::node::{Device, DeviceState},
};
use testbed::gpu::{Rig, readings};

/// Reads until it holds; what is waited for comes from another thread.
fn read_until(reader: &mut DeviceReader, now: Instant, holds: impl Fn(&[Device]) -> bool) -> Vec<Device> {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let devices = reader.gpus_at(now);
        if holds(&devices) {
            return devices;
        }
        assert!(Instant::now() < end, "it did not come: {devices:#?}");
        thread::yield_now();
    }
}

fn states(devices: &[Device]) -> Vec<DeviceState> {
    devices.iter().map(|device| device.state).collect()
}

/// Readings with some lines more, which are found first.
fn with(lines: &str, count: u32) -> String {
    format!("{lines}\n{}", readings(count))
}

#[test]
fn every_reading_arrives_with_its_unit() {
    let rig = Rig::new(&with("1.ecc1 12\n1.ecc2 1", 4));
    let mut reader = DeviceReader::new(Some(&rig.library()));
    assert_eq!(reader.driver_problem(), None);
    let driver = reader.driver().unwrap();
    assert_eq!(driver.version.as_deref(), Some("570.86.10"));
    assert_eq!(driver.cuda.as_deref(), Some("12.8"));
    let devices = reader.gpus();
    let ids: Vec<&str> = devices.iter().map(|device| device.id.as_str()).collect();
    assert_eq!(ids, ["gpu0", "gpu1", "gpu2", "gpu3"]);
    let expected = Device {
        id: "gpu1".into(),
        name: "NVIDIA L4".into(),
        uuid: Some("GPU-4f0f21c9-0000-4000-8000-000000000000".into()),
        pci_bus_id: Some("00000000:42:00.0".into()),
        driver: Some("570.86.10".into()),
        cuda: Some("12.8".into()),
        load_percent: Some(13),
        encoder_percent: Some(47),
        decoder_percent: Some(23),
        encoder_sessions: Some(3),
        memory_used: Some(1_300 << 20),
        memory_total: Some(23_034 << 20),
        temperature_celsius: Some(56),
        temperature_limit_celsius: Some(90),
        power_watts: Some(36),
        power_limit_watts: Some(72),
        clock_sm_mhz: Some(2_520),
        clock_video_mhz: Some(1_950),
        clock_memory_mhz: Some(10_501),
        pcie_generation: Some(4),
        pcie_width: Some(16),
        pcie_max_width: Some(16),
        pcie_rx_kib: Some(51_201),
        pcie_tx_kib: Some(20_481),
        ecc_corrected: Some(12),
        ecc_uncorrected: Some(1),
        ..Device::default()
    };
    assert_eq!(devices[1], expected);
    assert_eq!(devices[0].ecc_corrected, None, "a GPU without ECC has no count");
    rig.set(&with("1.enc 99", 4));
    assert_eq!(reader.gpus()[1].encoder_percent, Some(99));
}

#[test]
fn an_old_driver_gives_what_it_has() {
    let rig = Rig::with_old_driver(&with("0.xid 79", 2));
    let mut reader = DeviceReader::new(Some(&rig.library()));
    let devices = reader.gpus();
    assert_eq!(states(&devices), [DeviceState::Ready; 2]);
    let device = &devices[0];
    assert_eq!(
        (
            device.encoder_percent,
            device.temperature_celsius,
            device.power_watts
        ),
        (Some(40), Some(55), Some(225))
    );
    assert!(device.uuid.is_some());
    let missing = [device.encoder_sessions, device.pcie_width, device.clock_sm_mhz];
    assert_eq!(
        (missing, device.memory_total, device.ecc_corrected),
        ([None; 3], None, None)
    );
    // Sessions are placed by what there is.
    let placement = Placement::new(Policy {
        fallback: Fallback::Never,
        ..Policy::default()
    });
    placement.observe(&devices);
    assert_eq!(
        placement.place("a", Cost::default()),
        Ok(Target::Nvidia(0)),
        "the idler one"
    );
}

#[test]
fn a_file_that_is_no_library_is_a_reason_and_not_a_failure() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("libnvidia-ml.so.1");
    fs::write(&file, "text").unwrap();
    let mut reader = DeviceReader::new(Some(&file));
    let problem = reader.driver_problem().unwrap();
    assert!(problem.ends_with("the file cannot be loaded"), "{problem}");
    assert_eq!(reader.gpus(), []);
    let reader = DeviceReader::new(Some(Path::new("/nowhere/nvml.so")));
    assert_eq!(
        reader.driver_problem(),
        Some("/nowhere/nvml.so: there is no such file")
    );
}

#[test]
fn a_lost_gpu_stays_on_the_list_and_comes_back() {
    let rig = Rig::new(&readings(3));
    let mut reader = DeviceReader::new(Some(&rig.library()));
    let now = Instant::now();
    let before = reader.gpus_at(now);
    rig.set(&with("1.err 15", 3));
    let devices = reader.gpus_at(now);
    use DeviceState::{Lost, Ready};
    assert_eq!(states(&devices), [Ready, Ready, Lost], "the lost one comes last");
    assert_eq!(
        (&devices[2].uuid, &devices[2].name),
        (&before[1].uuid, &before[1].name)
    );
    assert_eq!(devices[2].id, "gpu1");
    assert_eq!(devices[2].encoder_percent, None);
    rig.set(&readings(3));
    assert_eq!(states(&reader.gpus_at(now)), [Ready; 3]);

    // The last one is pulled out: the driver counts one less, and finds it again only after it was opened anew.
    rig.set(&readings(3).replace("count 3", "count 2"));
    assert_eq!(states(&reader.gpus_at(now)), [Ready, Ready, Lost]);
    rig.set(&readings(4));
    assert_eq!(
        states(&reader.gpus_at(now)),
        [Ready; 3],
        "it is back in its place"
    );
    rig.set(&readings(4).replace("count 4", "count 2"));
    assert_eq!(states(&reader.gpus_at(now)), [Ready, Ready, Lost]);
    let later = now + Duration::from_secs(11);
    assert_eq!(
        states(&reader.gpus_at(later)),
        [Ready, Ready, Lost],
        "looked, and not there"
    );
    rig.set(&readings(4));
    assert_eq!(states(&reader.gpus_at(later)), [Ready, Ready, Lost]);
    let latest = later + Duration::from_secs(21);
    assert_eq!(
        states(&reader.gpus_at(latest)),
        [Ready; 4],
        "one more than before, too"
    );
}

#[test]
fn a_driver_that_restarts_is_found_again_with_its_events() {
    let rig = Rig::new(&readings(2));
    let mut reader = DeviceReader::new(Some(&rig.library()));
    let mut now = Instant::now();
    assert_eq!(reader.gpus_at(now).len(), 2);
    // The driver is being replaced: what was open is void, and nothing can be opened yet.
    rig.set(&with("generation 2\ninit 9", 2));
    let devices = reader.gpus_at(now);
    assert_eq!(states(&devices), [DeviceState::Lost; 2]);
    assert!(reader.driver_problem().is_some());
    let mut attempts = 0;
    for _ in 0..120 {
        now += Duration::from_secs(1);
        reader.gpus_at(now);
        attempts += u32::from(reader.driver_problem() == Some("NVIDIA driver is not loaded"));
    }
    assert!(attempts > 100, "the reason is told");
    rig.set(&with("generation 2", 2));
    now += Duration::from_secs(61);
    let devices = reader.gpus_at(now);
    assert_eq!(states(&devices), [DeviceState::Ready; 2]);
    assert_eq!(reader.driver_problem(), None);
    rig.set(&with("generation 2\n1.xid 48", 2));
    let devices = read_until(&mut reader, now, |devices| devices[1].last_xid.is_some());
    assert_eq!(devices[1].xids, BTreeMap::from([(48, 1)]));
}

#[test]
fn events_are_counted_for_their_gpu() {
    // One of the GPUs tells of no events; the others do.
    let rig = Rig::new(&with("0.no_events 1", 3));
    let mut reader = DeviceReader::new(Some(&rig.library()));
    let now = Instant::now();
    assert_eq!(reader.gpus_at(now)[1].xids, BTreeMap::new());
    rig.set(&with("0.no_events 1\n1.xid 31", 3));
    read_until(&mut reader, now, |devices| {
        devices[1].xids == BTreeMap::from([(31, 1)])
    });
    rig.set(&with("0.no_events 1\n1.xid 31#again\n2.dbe 1", 3));
    let devices = read_until(&mut reader, now, |devices| {
        devices[1].xids == BTreeMap::from([(31, 2)]) && devices[2].ecc_uncorrected == Some(1)
    });
    assert_eq!(
        (&devices[0].xids, &devices[2].xids),
        (&BTreeMap::new(), &BTreeMap::new())
    );
    // A GPU that falls off the bus no longer says who it is when its event is read.
    rig.set(&with("0.no_events 1\n1.xid 79\n1.err 15", 3));
    let devices = read_until(&mut reader, now, |devices| {
        devices.last().is_some_and(|device| device.last_xid == Some(79))
    });
    let lost = devices.last().unwrap();
    assert_eq!((lost.id.as_str(), lost.state), ("gpu1", DeviceState::Lost));
    assert_eq!(lost.xids, BTreeMap::from([(31, 2), (79, 1)]));
}

#[test]
fn nothing_stays_open_behind_a_reader() {
    let rig = Rig::new(&readings(1));
    let mut reader = DeviceReader::new(Some(&rig.library()));
    assert_eq!(reader.gpus().len(), 1);
    let library = rig.library().display().to_string();
    let is_loaded = || fs::read_to_string("/proc/self/maps").unwrap().contains(&library);
    assert!(is_loaded());
    drop(reader);
    // The thread that waits for events ends within its second, and the library goes with it.
    let end = Instant::now() + Duration::from_secs(20);
    while is_loaded() {
        assert!(Instant::now() < end, "the library is still open");
        thread::yield_now();
    }
}

#[test]
fn a_gpu_that_dies_under_its_sessions_costs_none_of_them() {
    let rig = Rig::new(&readings(4));
    let mut reader = DeviceReader::new(Some(&rig.library()));
    let placement = Placement::new(Policy {
        fallback: Fallback::Never,
        ..Policy::default()
    });
    let cost = Cost {
        pixels_per_second: 50_000_000,
        renditions: 2,
    };
    let now = Instant::now();
    // A GPU that is lost tells nobody new of events: who listens has to be there before. A program's fault harms no GPU.
    rig.set(&with("0.xid 13", 4));
    let heard = read_until(&mut reader, now, |devices| {
        devices.iter().any(|device| device.last_xid == Some(13))
    });
    placement.observe(&heard);
    let names: Vec<String> = (0..12).map(|number| format!("s{number}")).collect();
    let place_all = || -> Vec<Target> {
        let targets = names.iter().map(|name| placement.place(name, cost).unwrap());
        targets.collect()
    };
    let before = place_all();
    let Target::Nvidia(dies) = before[0] else {
        panic!("on a GPU")
    };
    rig.set(&with(&format!("{dies}.xid 79\n{dies}.err 15"), 4));
    let mut devices = read_until(&mut reader, now, |devices| {
        devices.iter().any(|device| device.last_xid == Some(79))
    });
    placement.observe(&devices);
    let after = place_all();
    for (before, after) in before.iter().zip(&after) {
        match *before == Target::Nvidia(dies) {
            true => assert_ne!(*after, Target::Nvidia(dies)),
            false => assert_eq!(before, after, "the others stay where they are"),
        }
    }
    placement.describe(&mut devices);
    let lost = devices.last().unwrap();
    let had = before
        .iter()
        .filter(|target| **target == Target::Nvidia(dies))
        .count();
    assert_eq!((lost.state, lost.sessions), (DeviceState::Lost, 0));
    assert_eq!(lost.sessions_moved, had as u64);
}
