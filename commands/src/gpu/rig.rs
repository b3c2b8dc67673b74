//! The machine's devices: asked of the node that runs, or read from the driver.

use std::{path::PathBuf, time::Duration};

use engine::{
    gpu::DeviceReader,
    view::{
        gpu::{GpuList, PlacedSession},
        node::{Device, NodeStatus},
    },
};
use jiff::Timestamp;

use super::DriverArgs;
use crate::{
    context::Context,
    dashboard::feed::{FeedError, NodeApi, node_api},
    failure::{Failure, Kind},
};

/// How long a node beside us may take, if nobody named one.
const PATIENCE: Duration = Duration::from_millis(700);

/// A CPU's load is an average since the reading before: over less it says little.
const CPU_LOAD: Duration = Duration::from_millis(250);

/// Where readings come from.
pub(super) struct Rig {
    node: NodeApi,
    is_named: bool,
    library: Option<PathBuf>,
    /// None while a thread reads, and before the first reading.
    reader: Option<Box<DeviceReader>>,
}

impl Rig {
    pub(super) fn new(driver: &DriverArgs, context: &Context) -> Result<Self, Failure> {
        Ok(Self {
            node: node_api(&context.settings().node_url, context.settings())?,
            is_named: context.settings().from_command_line.node_url.is_some(),
            library: driver.nvml.clone(),
            reader: None,
        })
    }

    /// The devices now.
    pub(super) async fn read(&mut self) -> Result<GpuList, Failure> {
        match tokio::time::timeout(self.patience(), self.node.status()).await {
            Ok(Ok(status)) => Ok(self.of_node(status)),
            Ok(Err(error)) if self.is_named => Err(self.no_answer(&error)),
            Err(_) if self.is_named => Err(self.no_answer(&FeedError::NoAnswer(self.patience()))),
            Ok(Err(_)) | Err(_) => self.of_driver().await,
        }
    }

    fn patience(&self) -> Duration {
        if self.is_named { PATIENCE * 10 } else { PATIENCE }
    }

    fn no_answer(&self, error: &FeedError) -> Failure {
        let message = format!("no devices from the node at {}: {error}", self.node.shown());
        Failure::new(Kind::Unreachable, "node_unreachable", message)
            .hint("leave out `--node` to read the driver of this machine")
    }

    fn of_node(&self, status: NodeStatus) -> GpuList {
        let sessions = status.sessions.into_iter().map(|session| PlacedSession {
            id: session.id,
            device: session.device,
        });
        let sessions = sessions.collect();
        let gpu = status.devices.iter().find(|device| device.driver.is_some());
        GpuList {
            time: status.time,
            node: Some(self.node.shown()),
            driver: gpu.and_then(|gpu| gpu.driver.clone()),
            cuda: gpu.and_then(|gpu| gpu.cuda.clone()),
            driver_problem: None,
            devices: gpus_first(status.devices),
            sessions,
        }
    }

    pub(super) async fn of_driver(&mut self) -> Result<GpuList, Failure> {
        let bug = |error| Failure::new(Kind::Bug, "bug", format!("reading the driver: {error}"));
        let reader = match self.reader.take() {
            Some(reader) => reader,
            None => {
                let library = self.library.clone();
                let open = move || Box::new(DeviceReader::new(library.as_deref()));
                let reader = tokio::task::spawn_blocking(open).await.map_err(bug)?;
                tokio::time::sleep(CPU_LOAD).await;
                reader
            }
        };
        let read = tokio::task::spawn_blocking(move || read(reader));
        let (reader, list) = read.await.map_err(bug)?;
        self.reader = Some(reader);
        Ok(list)
    }
}

fn read(mut reader: Box<DeviceReader>) -> (Box<DeviceReader>, GpuList) {
    let mut devices = reader.gpus();
    devices.push(reader.cpu());
    let facts = reader.driver().cloned();
    let list = GpuList {
        time: Timestamp::now(),
        node: None,
        driver: facts.as_ref().and_then(|facts| facts.version.clone()),
        cuda: facts.and_then(|facts| facts.cuda),
        driver_problem: reader.driver_problem().map(str::to_owned),
        devices,
        sessions: Vec::new(),
    };
    (reader, list)
}

fn gpus_first(devices: Vec<Device>) -> Vec<Device> {
    let (mut gpus, others): (Vec<_>, Vec<_>) = devices.into_iter().partition(|device| device.id != "cpu");
    gpus.extend(others);
    gpus
}
