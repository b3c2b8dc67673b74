//! A machine's devices as text.

use std::fmt::Write as _;

use comfy_table::CellAlignment;
use engine::view::{
    gpu::GpuList,
    node::{Device, DeviceState},
};

use crate::{
    shell::{Report, Style, escape, table},
    wording,
};

impl Report for GpuList {
    fn text(&self, style: &Style) -> String {
        let mut rows = table();
        rows.set_header([
            "device", "model", "uuid", "state", "sessions", "enc", "dec", "load", "memory", "temp", "power",
            "pcie",
        ]);
        for device in &self.devices {
            rows.add_row(row(device, style));
        }
        for column in 4..=8 {
            if let Some(column) = rows.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        let mut text = rows.trim_fmt();
        for device in &self.devices {
            for line in remarks(device) {
                // Writing to a String cannot fail.
                let _ = write!(text, "\n{} {}: {line}", style.warn_mark(), escape(&device.id));
            }
        }
        let _ = write!(text, "\n{}", self.last_line());
        text
    }
}

/// What the last line says: whose readings these are, or why there are none.
trait LastLine {
    fn last_line(&self) -> String;
}

impl LastLine for GpuList {
    fn last_line(&self) -> String {
        let has_gpu = self.devices.iter().any(|device| device.id != "cpu");
        match (&self.node, &self.driver_problem, &self.driver) {
            (Some(node), _, _) if !has_gpu => {
                format!("the node at {node} has no GPU; its work runs on the CPU")
            }
            (Some(node), _, Some(driver)) => format!(
                "{} · as the node at {node} sees it",
                driver_line(driver, &self.cuda)
            ),
            (Some(node), _, None) => format!("as the node at {node} sees it"),
            (None, Some(problem), _) => {
                format!(
                    "no NVIDIA driver on this machine: {}; work runs on the CPU",
                    escape(problem)
                )
            }
            (None, None, _) if !has_gpu => "the NVIDIA driver finds no GPU; work runs on the CPU".to_string(),
            (None, None, Some(driver)) => format!("{} · no node answers", driver_line(driver, &self.cuda)),
            (None, None, None) => "no node answers".to_string(),
        }
    }
}

fn driver_line(driver: &str, cuda: &Option<String>) -> String {
    let cuda = cuda
        .as_deref()
        .map(|version| format!(", CUDA {}", escape(version)));
    format!("driver {}{}", escape(driver), cuda.unwrap_or_default())
}

fn row(device: &Device, style: &Style) -> [String; 12] {
    let percent = |value: Option<u32>| value.map_or_else(dash, |value| format!("{value} %"));
    let state = device.state.to_string();
    [
        escape(&device.id),
        escape(&device.name),
        device.uuid.as_deref().map_or_else(dash, |uuid| {
            // The first group tells cards apart; all of it is in `--json`.
            escape(&uuid.chars().take(12).collect::<String>())
        }),
        match device.state {
            DeviceState::Ready => style.good(&state),
            DeviceState::Trial | DeviceState::Unused => style.warning(&state),
            DeviceState::Resting | DeviceState::Lost => style.bad(&state),
        },
        device.sessions.to_string(),
        percent(device.encoder_percent),
        percent(device.decoder_percent),
        percent(device.load_percent),
        device
            .memory_used
            .zip(device.memory_total)
            .map_or_else(dash, |(used, total)| {
                format!("{}/{} GiB", tenths(used), tenths(total))
            }),
        device
            .temperature_celsius
            .map_or_else(dash, |degrees| format!("{degrees} °C")),
        match (device.power_watts, device.power_limit_watts) {
            (Some(watts), Some(limit)) => format!("{watts}/{limit} W"),
            (Some(watts), None) => format!("{watts} W"),
            (None, _) => dash(),
        },
        match (device.pcie_generation, device.pcie_width) {
            (Some(generation), Some(width)) => format!("{generation} x{width}"),
            _ => dash(),
        },
    ]
}

fn dash() -> String {
    "-".to_string()
}

/// Tenths of a gibibyte, without floats.
fn tenths(bytes: u64) -> String {
    const GIB: u64 = 1 << 30;
    format!("{}.{}", bytes / GIB, bytes % GIB * 10 / GIB)
}

/// What the columns do not tell and somebody should know.
fn remarks(device: &Device) -> Vec<String> {
    let mut lines = Vec::new();
    if device.state != DeviceState::Ready {
        let mut line = device.state.to_string();
        if let Some(reason) = &device.state_reason {
            let _ = write!(line, ": {}", escape(reason));
        }
        if let (DeviceState::Resting, Some(until)) = (device.state, device.resting_until) {
            let left = until.duration_since(jiff::Timestamp::now()).as_secs();
            let left = wording::duration(u64::try_from(left).unwrap_or(0));
            let _ = write!(line, "; tried again in {left}");
        }
        if device.trips > 1 {
            let _ = write!(line, " ({} rests in a row)", device.trips);
        }
        lines.push(line);
    }
    if let (Some(limit), Some(degrees)) = (device.temperature_limit_celsius, device.temperature_celsius)
        && degrees + 5 >= limit
    {
        lines.push(format!("{degrees} °C: it slows down from {limit} °C on"));
    }
    if let (Some(width), Some(most)) = (device.pcie_width, device.pcie_max_width)
        && width < most
        && device.load_percent.unwrap_or(0) > 0
    {
        lines.push(format!(
            "{width} of {most} PCIe lanes: check how it sits in its slot"
        ));
    }
    if let Some(count) = device.ecc_uncorrected.filter(|count| *count > 0) {
        lines.push(format!("{count} memory errors that could not be corrected"));
    }
    if !device.xids.is_empty() {
        let xids = device.xids.iter().take(8);
        let xids: Vec<String> = xids
            .map(|(number, count)| format!("{number} ({count}×)"))
            .collect();
        lines.push(format!("Xid errors: {}", xids.join(", ")));
    }
    lines
}
