//! What encodes, read at an interval off the async threads: drivers may take their time.

use std::{collections::HashMap, fmt, sync::Arc, time::Duration};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::supervisor::TaskError;
use crate::{view::node::Device, wire::net};

/// Reads all devices once. It is called from one thread at a time and may block.
pub struct DeviceReader(Box<dyn FnMut() -> Vec<Device> + Send>);

impl DeviceReader {
    /// From the function that reads.
    pub fn new(read: impl FnMut() -> Vec<Device> + Send + 'static) -> Self {
        Self(Box::new(read))
    }
}

impl fmt::Debug for DeviceReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeviceReader(…)")
    }
}

/// Reads the devices until told to stop.
pub(super) async fn watch(
    mut reader: DeviceReader,
    devices: Arc<watch::Sender<Vec<Device>>>,
    changed: watch::Sender<()>,
    interval: Duration,
    stop: CancellationToken,
) -> Result<(), TaskError> {
    loop {
        let reading = tokio::task::spawn_blocking(move || {
            let read = (reader.0)();
            (reader, read)
        });
        let read;
        (reader, read) = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            read = reading => read?,
        };
        if devices.send_if_modified(|known| {
            let is_new = *known != read;
            *known = read;
            is_new
        }) {
            changed.send_replace(());
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(interval) => {}
        }
    }
}

/// The GPUs as gateways are told of them; none on a machine that encodes on its CPU.
pub(super) fn hardware(devices: &[Device]) -> Vec<net::HardwareInformation> {
    let bytes = |size: Option<u64>| i64::try_from(size.unwrap_or(0)).unwrap_or(i64::MAX);
    let gpus: HashMap<String, net::GpuComputeInfo> = devices
        .iter()
        .filter(|device| device.id.starts_with("gpu"))
        .map(|device| {
            let total = bytes(device.memory_total);
            let info = net::GpuComputeInfo {
                id: device.id.clone(),
                name: device.name.clone(),
                memory_free: total - bytes(device.memory_used).min(total),
                memory_total: total,
                ..net::GpuComputeInfo::default()
            };
            (device.id.clone(), info)
        })
        .collect();
    match gpus.is_empty() {
        true => Vec::new(),
        false => vec![net::HardwareInformation {
            pipeline: "transcoding".to_string(),
            model_id: String::new(),
            gpu_info: gpus,
        }],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gateways_are_told_of_gpus_only() {
        let cpu = Device {
            id: "cpu".into(),
            ..Device::default()
        };
        assert!(hardware(std::slice::from_ref(&cpu)).is_empty());
        let gpu = Device {
            id: "gpu0".into(),
            memory_used: Some(3),
            memory_total: Some(10),
            ..Device::default()
        };
        let told = hardware(&[cpu, gpu]);
        assert_eq!(told[0].gpu_info.len(), 1);
        assert_eq!(told[0].gpu_info["gpu0"].memory_free, 7);
    }

    #[tokio::test]
    async fn readings_arrive_and_a_broken_reader_is_a_failure() {
        let devices = Arc::new(watch::Sender::new(Vec::new()));
        let mut seen = devices.subscribe();
        let mut load = 0;
        let reader = DeviceReader::new(move || {
            load += 1;
            assert!(load < 3, "on purpose");
            vec![Device {
                load_percent: Some(load),
                ..Device::default()
            }]
        });
        let watching = watch(
            reader,
            devices,
            watch::Sender::new(()),
            Duration::ZERO,
            CancellationToken::new(),
        );
        let (ended, ()) = tokio::join!(watching, async {
            seen.wait_for(|devices| {
                devices
                    .first()
                    .is_some_and(|device| device.load_percent == Some(2))
            })
            .await
            .unwrap();
        });
        assert!(ended.is_err());
    }
}
