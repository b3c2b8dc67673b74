//! The CPU and the machine's memory.

use sysinfo::{CpuRefreshKind, MemoryRefreshKind, System};

use crate::view::node::Device;

#[derive(Debug)]
pub(super) struct Cpu {
    system: Option<System>,
}

impl Cpu {
    pub(super) fn new() -> Self {
        let mut system = System::new().ok();
        if let Some(system) = &mut system {
            // A load is known from the second reading on.
            system.refresh_cpu_specifics(CpuRefreshKind::nothing().with_usage());
        }
        Self { system }
    }

    pub(super) fn read(&mut self) -> Device {
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

/// Whole percent; a load that is no number is no reading.
fn percent(load: f32) -> Option<u32> {
    // The cast is exact enough for what is shown, and saturates.
    load.is_finite().then(|| load.round().clamp(0.0, 100.0) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_is_a_whole_percentage_or_nothing() {
        assert_eq!(
            [f32::NAN, -1.0, 12.6, 250.0].map(percent),
            [None, Some(0), Some(13), Some(100)]
        );
    }
}
