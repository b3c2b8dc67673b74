//! Readings of the devices that encode: GPUs through Nvidia's management library, and the CPU. Every reading is
//! optional; what a driver does not tell stays empty.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
};

use nvml_wrapper::{Nvml, enum_wrappers::device::TemperatureSensor};
use sysinfo::{CpuRefreshKind, MemoryRefreshKind, System};

use crate::view::node::Device;

/// The library as the dynamic loader knows it.
const LIBRARY: &str = "libnvidia-ml.so.1";

/// Reads the devices. Its calls block for as long as the driver takes: not for a thread that serves others.
#[derive(Debug)]
pub struct DeviceReader {
    gpus: Result<Nvml, String>,
    system: Option<System>,
}

impl DeviceReader {
    /// Loads the library at `library`, or the system's. That it is missing is found out once and remembered:
    /// there are no GPUs then.
    #[must_use]
    pub fn new(library: Option<&Path>) -> Self {
        let library = library.map_or_else(|| PathBuf::from(LIBRARY), Path::to_owned);
        let gpus = Nvml::builder()
            .lib_path(OsStr::new(&library))
            .init()
            .map_err(|error| error.to_string());
        let mut system = System::new().ok();
        if let Some(system) = &mut system {
            // A load is known from the second reading on.
            system.refresh_cpu_specifics(CpuRefreshKind::nothing().with_usage());
        }
        Self { gpus, system }
    }

    /// Why there are no GPU readings, if there are none.
    #[must_use]
    pub fn driver_problem(&self) -> Option<&str> {
        self.gpus.as_ref().err().map(String::as_str)
    }

    /// The GPUs, in the driver's order. One that no longer answers is still listed, without readings.
    #[must_use]
    pub fn gpus(&self) -> Vec<Device> {
        let Ok(driver) = &self.gpus else { return Vec::new() };
        (0..driver.device_count().unwrap_or_default())
            .map(|index| gpu(driver, index))
            .collect()
    }

    /// The CPU and the machine's memory. The load is the average since the last call.
    pub fn cpu(&mut self) -> Device {
        let mut reading = Device {
            id: "cpu".into(),
            name: "CPU".into(),
            ..Device::default()
        };
        let Some(system) = &mut self.system else {
            return reading;
        };
        system.refresh_cpu_specifics(CpuRefreshKind::nothing().with_usage());
        system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
        if let Some(cpu) = system.cpus().first() {
            let brand = Some(cpu.brand().trim())
                .filter(|brand| !brand.is_empty())
                .unwrap_or("CPU");
            reading.name = format!("{brand} ({} cores)", system.cpus().len());
            reading.load_percent = percent(system.global_cpu_usage());
        }
        let total = system.total_memory();
        reading.memory_used = (total > 0).then(|| system.used_memory());
        reading.memory_total = (total > 0).then_some(total);
        reading
    }
}

fn gpu(driver: &Nvml, index: u32) -> Device {
    let mut reading = Device {
        id: format!("gpu{index}"),
        name: "GPU".into(),
        ..Device::default()
    };
    let Ok(device) = driver.device_by_index(index) else {
        return reading;
    };
    if let Ok(name) = device.name() {
        reading.name = name;
    }
    reading.load_percent = device.utilization_rates().ok().map(|rates| rates.gpu);
    reading.encoder_percent = device
        .encoder_utilization()
        .ok()
        .map(|encoder| encoder.utilization);
    reading.decoder_percent = device
        .decoder_utilization()
        .ok()
        .map(|decoder| decoder.utilization);
    if let Ok(memory) = device.memory_info() {
        reading.memory_used = Some(memory.used);
        reading.memory_total = Some(memory.total);
    }
    reading.temperature_celsius = device.temperature(TemperatureSensor::Gpu).ok();
    reading.power_watts = device
        .power_usage()
        .ok()
        .map(|milliwatts| (milliwatts + 500) / 1000);
    reading
}

/// Whole percent; a load that is no number is no reading.
fn percent(load: f32) -> Option<u32> {
    // The cast is exact enough for what is shown, and saturates.
    load.is_finite().then(|| load.round().clamp(0.0, 100.0) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_driver_there_is_the_cpu_alone() {
        let mut reader = DeviceReader::new(Some(Path::new("/nowhere/libnvidia-ml.so.1")));
        assert!(reader.driver_problem().is_some());
        assert_eq!(reader.gpus(), []);
        let cpu = reader.cpu();
        assert_eq!(cpu.id, "cpu");
        assert!(
            cpu.name.contains(" cores)") && !cpu.name.contains("(0 "),
            "{}",
            cpu.name
        );
        assert!(cpu.memory_total.unwrap() > cpu.memory_used.unwrap());
        assert!(cpu.load_percent.unwrap() <= 100);
        assert_eq!((cpu.encoder_percent, cpu.temperature_celsius), (None, None));
    }

    #[test]
    fn a_load_is_a_whole_percentage_or_nothing() {
        assert_eq!(
            [f32::NAN, -1.0, 12.6, 250.0].map(percent),
            [None, Some(0), Some(13), Some(100)]
        );
    }
}
