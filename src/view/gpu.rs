//! The devices of a machine, as `lpctl gpu list` tells them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::node::Device;

/// All devices at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GpuList {
    /// When they were read.
    pub time: Timestamp,
    /// The node that was asked; none: the driver was read.
    pub node: Option<String>,
    /// Version of the driver.
    pub driver: Option<String>,
    /// Newest CUDA version it speaks.
    pub cuda: Option<String>,
    /// Why there are no GPU readings, where that is known.
    pub driver_problem: Option<String>,
    /// GPUs in the driver's order, then the CPU.
    pub devices: Vec<Device>,
    /// Sessions on them; empty where the driver was read, which knows none.
    pub sessions: Vec<PlacedSession>,
}

/// A session and its device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlacedSession {
    /// The session's id.
    pub id: String,
    /// The device's.
    pub device: String,
}
