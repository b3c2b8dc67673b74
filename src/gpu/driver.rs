//! Nvidia's management library: opened, read, closed and opened again when the driver goes and comes back.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsStr,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use nvml_wrapper::{
    Device as Handle, Nvml,
    enum_wrappers::device::{
        Clock, EccCounter, MemoryError, PcieUtilCounter, TemperatureSensor, TemperatureThreshold,
    },
    error::NvmlError,
};
use tracing::{info, warn};

use super::events::{Errors, Listener};
use crate::view::node::{Device, DeviceState};

/// The library as the dynamic loader knows it.
const LIBRARY: &str = "libnvidia-ml.so.1";
/// First and longest pause between attempts to open the library.
const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// The library finds a GPU that comes back only when it is opened anew: first and longest time between such looks.
const LOOK: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(600));
/// More GPUs than any machine holds; a number beyond it is no answer.
const MOST: u32 = 256;
/// GPUs whose traffic is measured in one reading: it takes the driver 40 ms each.
const MEASURED_AT_ONCE: usize = 4;

/// What the driver says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DriverFacts {
    /// Its version, like `570.86.10`.
    pub version: Option<String>,
    /// The newest CUDA version it speaks, like `12.8`.
    pub cuda: Option<String>,
}

/// The driver through its library.
#[derive(Debug)]
pub(super) struct Driver {
    library: PathBuf,
    link: Link,
    /// GPUs that were there, without readings, by UUID or, without one, by place.
    known: BTreeMap<String, Device>,
    errors: BTreeMap<String, Errors>,
    traffic: BTreeMap<String, (Option<u32>, Option<u32>)>,
    turn: usize,
    look: Option<(Instant, Duration)>,
}

#[derive(Debug)]
enum Link {
    Up(Open),
    Down {
        problem: String,
        again: Instant,
        pause: Duration,
    },
}

/// An opened library. The listener has a share in it, so it must end before the library closes.
#[derive(Debug)]
struct Open {
    facts: DriverFacts,
    library: Arc<Nvml>,
    listener: Listener,
}

impl Driver {
    pub(super) fn open(library: Option<&Path>, now: Instant) -> Self {
        let library = library.map_or_else(|| PathBuf::from(LIBRARY), Path::to_owned);
        Self {
            link: open(&library, now, PAUSE.0),
            library,
            known: BTreeMap::new(),
            errors: BTreeMap::new(),
            traffic: BTreeMap::new(),
            turn: 0,
            look: None,
        }
    }

    pub(super) fn problem(&self) -> Option<&str> {
        match &self.link {
            Link::Up(_) => None,
            Link::Down { problem, .. } => Some(problem),
        }
    }

    pub(super) fn facts(&self) -> Option<&DriverFacts> {
        match &self.link {
            Link::Up(open) => Some(&open.facts),
            Link::Down { .. } => None,
        }
    }

    /// All GPUs there are or were.
    pub(super) fn read(&mut self, now: Instant) -> Vec<Device> {
        self.reopen_if_due(now);
        let found = match &self.link {
            Link::Up(open) => all(open),
            Link::Down { .. } => Ok(Vec::new()),
        };
        let found = found.unwrap_or_else(|error| {
            warn!("the GPU driver does not answer: {error}");
            self.close(error.to_string(), now);
            Vec::new()
        });
        self.note_events(&found);
        let mut devices = self.complete(found);
        devices.extend(self.lost(&devices));
        self.plan_a_look(&devices, now);
        self.turn = self.turn.wrapping_add(1);
        devices
    }

    fn reopen_if_due(&mut self, now: Instant) {
        match &self.link {
            Link::Down { again, pause, .. } if now >= *again => {
                let pause = (*pause * 2).min(PAUSE.1);
                self.link = open(&self.library, now, pause);
                if let Link::Up(open) = &self.link {
                    info!(version = open.facts.version, "the GPU driver answers");
                }
            }
            Link::Up(_) if self.look.is_some_and(|(at, _)| now >= at) => {
                self.close("looking for lost GPUs".into(), now);
                self.link = open(&self.library, now, PAUSE.0);
            }
            Link::Up(_) | Link::Down { .. } => {}
        }
    }

    /// Closes the library: the events first, they hold it.
    fn close(&mut self, problem: String, now: Instant) {
        let down = Link::Down {
            problem,
            again: now + PAUSE.0,
            pause: PAUSE.0,
        };
        if let Link::Up(open) = std::mem::replace(&mut self.link, down) {
            note(&mut self.errors, open.listener.take());
            open.listener.stop();
        }
    }

    /// Counts the events that came. Those of a GPU that no longer says who it is belong to the one that fell silent.
    fn note_events(&mut self, found: &[Found]) {
        if let Link::Up(open) = &self.link {
            note(&mut self.errors, open.listener.take());
        }
        if self.errors.contains_key("") {
            let answering: BTreeSet<&str> = found.iter().map(|found| found.key.as_str()).collect();
            let mut silent = self.known.keys().filter(|key| !answering.contains(key.as_str()));
            if let (Some(key), None) = (silent.next().cloned(), silent.next())
                && let Some(errors) = self.errors.remove("")
            {
                self.errors.entry(key).or_default().add(&errors);
            }
        }
    }

    /// Adds what was counted and what is measured in turns, and remembers who is there.
    fn complete(&mut self, found: Vec<Found>) -> Vec<Device> {
        let Link::Up(open) = &self.link else {
            return Vec::new();
        };
        let turns = found.len().div_ceil(MEASURED_AT_ONCE).max(1);
        let complete = found.into_iter().enumerate().map(|(position, found)| {
            let Found {
                key,
                index,
                mut device,
            } = found;
            if !self.traffic.contains_key(&key) || position % turns == self.turn % turns {
                let measured = open.library.device_by_index(index).map(|handle| {
                    let measure = |counter| handle.pcie_throughput(counter).ok();
                    (measure(PcieUtilCounter::Receive), measure(PcieUtilCounter::Send))
                });
                self.traffic.insert(key.clone(), measured.unwrap_or_default());
            }
            (device.pcie_rx_kib, device.pcie_tx_kib) = self.traffic.get(&key).copied().unwrap_or_default();
            if let Some(errors) = self.errors.get(&key) {
                errors.fill(&mut device);
            }
            let remembered = Device {
                id: device.id.clone(),
                name: device.name.clone(),
                uuid: device.uuid.clone(),
                pci_bus_id: device.pci_bus_id.clone(),
                driver: device.driver.clone(),
                cuda: device.cuda.clone(),
                memory_total: device.memory_total,
                ..Device::default()
            };
            if self.known.len() < MOST as usize || self.known.contains_key(&key) {
                self.known.insert(key, remembered);
            }
            device
        });
        complete.collect()
    }

    /// Those that were there and do not answer.
    fn lost(&self, found: &[Device]) -> Vec<Device> {
        let answers = |key: &str| found.iter().any(|device| key_of(device) == key);
        let lost = self.known.iter().filter(|(key, _)| !answers(key));
        lost.map(|(key, known)| {
            let mut device = known.clone();
            device.state = DeviceState::Lost;
            device.state_reason = Some(match &self.link {
                Link::Up(_) => "the driver does not find it any more".into(),
                Link::Down { problem, .. } => format!("the driver does not answer: {problem}"),
            });
            if let Some(errors) = self.errors.get(key) {
                errors.fill(&mut device);
            }
            // Its number may be another's by now.
            if found.iter().any(|other| other.id == device.id) {
                device.id.clone_from(key);
            }
            device
        })
        .collect()
    }

    fn plan_a_look(&mut self, devices: &[Device], now: Instant) {
        let any_lost = devices.iter().any(|device| device.state == DeviceState::Lost);
        self.look = match (any_lost, &self.link, self.look) {
            (true, Link::Up(_), None) => Some((now + LOOK.0, LOOK.0)),
            (true, Link::Up(_), Some((at, pause))) if now >= at => {
                let pause = (pause * 2).min(LOOK.1);
                Some((now + pause, pause))
            }
            (true, _, planned) => planned,
            (false, ..) => None,
        };
    }
}

impl Errors {
    fn fill(&self, device: &mut Device) {
        device.xids.clone_from(&self.xids);
        device.last_xid = self.last_xid;
        if self.double_bit > 0 {
            device.ecc_uncorrected = device.ecc_uncorrected.max(Some(self.double_bit));
        }
    }
}

fn note(errors: &mut BTreeMap<String, Errors>, seen: BTreeMap<String, Errors>) {
    for (uuid, later) in seen {
        if errors.len() < MOST as usize || errors.contains_key(&uuid) {
            errors.entry(uuid).or_default().add(&later);
        }
    }
}

/// A GPU that answers.
struct Found {
    key: String,
    index: u32,
    device: Device,
}

fn key_of(device: &Device) -> &str {
    device.uuid.as_deref().unwrap_or(&device.id)
}

fn open(library: &Path, now: Instant, pause: Duration) -> Link {
    match Nvml::builder().lib_path(OsStr::new(library)).init() {
        Ok(opened) => {
            let facts = DriverFacts {
                version: opened.sys_driver_version().ok(),
                cuda: opened
                    .sys_cuda_driver_version()
                    .ok()
                    .map(|version| format!("{}.{}", version / 1000, version % 1000 / 10)),
            };
            let opened = Arc::new(opened);
            Link::Up(Open {
                facts,
                listener: Listener::start(Arc::clone(&opened)),
                library: opened,
            })
        }
        Err(error) => Link::Down {
            problem: problem(&error, library),
            again: now + pause,
            pause,
        },
    }
}

/// What the library or the loader says; the loader's words name the file and repeat themselves.
fn problem(error: &NvmlError, library: &Path) -> String {
    match error {
        NvmlError::LibloadingError(_) if library == Path::new(LIBRARY) => {
            format!("no {LIBRARY} is installed")
        }
        NvmlError::LibloadingError(_) if !library.exists() => {
            format!("{}: there is no such file", library.display())
        }
        NvmlError::LibloadingError(_) => format!("{}: the file cannot be loaded", library.display()),
        NvmlError::FailedToLoadSymbol(_) => {
            format!("{}: the file is no NVML library", library.display())
        }
        other => other.to_string(),
    }
}

/// Every GPU that answers. An error means that the driver as a whole does not.
fn all(open: &Open) -> Result<Vec<Found>, NvmlError> {
    let count = open.library.device_count()?.min(MOST);
    let mut found = Vec::new();
    for index in 0..count {
        let handle = match open.library.device_by_index(index) {
            Ok(handle) => handle,
            Err(error) if is_of_the_driver(&error) => return Err(error),
            Err(_) => continue,
        };
        match one(&handle, index) {
            Ok(mut device) => {
                device.driver.clone_from(&open.facts.version);
                device.cuda.clone_from(&open.facts.cuda);
                found.push(Found {
                    key: key_of(&device).to_string(),
                    index,
                    device,
                });
            }
            Err(error) if is_of_the_driver(&error) => return Err(error),
            Err(_) => {}
        }
    }
    Ok(found)
}

/// Errors after which the library must be opened anew.
fn is_of_the_driver(error: &NvmlError) -> bool {
    matches!(
        error,
        NvmlError::Uninitialized | NvmlError::DriverNotLoaded | NvmlError::LibRmVersionMismatch
    )
}

/// The readings of one GPU. Whether it is there at all its UUID tells; a driver without that call still has a name.
fn one(handle: &Handle<'_>, index: u32) -> Result<Device, NvmlError> {
    let uuid = match handle.uuid() {
        Ok(uuid) => Some(uuid),
        Err(NvmlError::FailedToLoadSymbol(_) | NvmlError::NotSupported | NvmlError::Utf8Error(_)) => None,
        Err(error) => return Err(error),
    };
    let name = match handle.name() {
        Ok(name) => name,
        Err(NvmlError::GpuLost) => return Err(NvmlError::GpuLost),
        Err(_) => "GPU".into(),
    };
    let mut reading = Device {
        id: format!("gpu{index}"),
        name,
        uuid,
        ..Device::default()
    };
    reading.pci_bus_id = handle.pci_info().ok().map(|pci| pci.bus_id);
    reading.load_percent = handle.utilization_rates().ok().map(|rates| rates.gpu);
    reading.encoder_percent = handle.encoder_utilization().ok().map(|load| load.utilization);
    reading.decoder_percent = handle.decoder_utilization().ok().map(|load| load.utilization);
    reading.encoder_sessions = handle.encoder_stats().ok().map(|stats| stats.session_count);
    if let Ok(memory) = handle.memory_info() {
        reading.memory_used = Some(memory.used);
        reading.memory_total = Some(memory.total);
    }
    reading.temperature_celsius = handle.temperature(TemperatureSensor::Gpu).ok();
    reading.temperature_limit_celsius = handle
        .temperature_threshold(TemperatureThreshold::Slowdown)
        .ok()
        .filter(|limit| *limit > 0);
    let watts = |milliwatts: u32| milliwatts.saturating_add(500) / 1000;
    reading.power_watts = handle.power_usage().ok().map(watts);
    reading.power_limit_watts = handle.enforced_power_limit().ok().map(watts);
    reading.clock_sm_mhz = handle.clock_info(Clock::SM).ok();
    reading.clock_video_mhz = handle.clock_info(Clock::Video).ok();
    reading.clock_memory_mhz = handle.clock_info(Clock::Memory).ok();
    reading.pcie_generation = handle.current_pcie_link_gen().ok();
    reading.pcie_width = handle.current_pcie_link_width().ok();
    reading.pcie_max_width = handle.max_pcie_link_width().ok();
    let ecc = |error| handle.total_ecc_errors(error, EccCounter::Volatile).ok();
    reading.ecc_corrected = ecc(MemoryError::Corrected);
    reading.ecc_uncorrected = ecc(MemoryError::Uncorrected);
    Ok(reading)
}
