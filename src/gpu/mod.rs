//! The devices that encode, GPUs through Nvidia's management library (NVML) and the CPU: what they say of themselves,
//! and which of them a session is placed on. Every reading is optional; what a driver does not tell stays empty.
//!
//! | module | what |
//! |---|---|
//! | `driver` | the library: loaded, closed and opened again when the driver restarts; readings by UUID |
//! | `events` | Xid and ECC events, waited for on a thread of their own |
//! | `cpu` | the CPU and the machine's memory |
//! | [`placement`] | where sessions go, and what rests |

mod cpu;
mod driver;
mod events;
pub mod placement;

use std::{path::Path, time::Instant};

pub use driver::DriverFacts;
pub use placement::{Cost, Fallback, NoDevice, Placement, Policy, RunOutcome, Selection};

use self::{cpu::Cpu, driver::Driver};
use crate::view::node::Device;

/// Reads the devices. Its calls block for as long as the driver takes: not for a thread that serves others.
#[derive(Debug)]
pub struct DeviceReader {
    driver: Driver,
    cpu: Cpu,
}

impl DeviceReader {
    /// Loads the library at `library`, or the system's. If there is none, or it stops working, it is tried again from
    /// time to time when readings are asked for.
    #[must_use]
    pub fn new(library: Option<&Path>) -> Self {
        Self {
            driver: Driver::open(library, Instant::now()),
            cpu: Cpu::new(),
        }
    }

    /// Why there are no GPU readings now, if there are none.
    #[must_use]
    pub fn driver_problem(&self) -> Option<&str> {
        self.driver.problem()
    }

    /// What the driver says of itself; none without one.
    #[must_use]
    pub fn driver(&self) -> Option<&DriverFacts> {
        self.driver.facts()
    }

    /// The GPUs, in the driver's order, then those it had and does not find any more: they are still listed, without
    /// readings.
    pub fn gpus(&mut self) -> Vec<Device> {
        self.gpus_at(Instant::now())
    }

    /// The same at a time of one's own, by which pauses between attempts are measured; times only go forward.
    pub fn gpus_at(&mut self, now: Instant) -> Vec<Device> {
        self.driver.read(now)
    }

    /// The CPU and the machine's memory. The load is the average since the last call.
    pub fn cpu(&mut self) -> Device {
        self.cpu.read()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_driver_there_is_the_cpu_alone() {
        let mut reader = DeviceReader::new(Some(Path::new("/nowhere/libnvidia-ml.so.1")));
        assert!(reader.driver_problem().is_some());
        assert_eq!(reader.driver(), None);
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
}
