//! `lpctl gpu test`: what each device can really do.

use std::{fmt::Write as _, path::PathBuf};

use clap::{Args, ValueHint};
use clap_complete::engine::ArgValueCompleter;
use engine::{
    gpu::placement::Name,
    media::{ffmpeg::Ffmpeg, probe::Prober, target::Target},
    process::{FencePolicy, Fencing, Launcher},
    view::{
        gpu::GpuList,
        node::{Device, DeviceState},
        probe::{DeviceProbe, ProbeReport, Trial, TrialResult, Verdict},
    },
};
use serde::Serialize;

use super::{DriverArgs, rig::Rig};
use crate::{
    complete,
    context::Context,
    failure::{Failure, Kind},
    run::{failure, fence, places},
    shell::{Report, Style, escape},
};

/// Test what each device can do, by transcoding a small clip on it
///
/// Every codec and pixel format is tried with the command lines that transcode segments, four renditions at once, so
/// that a session limit shows. Takes some seconds a device. Sessions that run on a device meanwhile are not disturbed,
/// but feel the load.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl gpu test
  lpctl gpu test --device gpu1
  lpctl gpu test --device cpu --json | jq '.data.devices[].trials[] | {trial, verdict}'

Exit codes: 0 if H.264 works on every device tested, 1 if not, 3 for a device that is not there.")]
pub struct TestArgs {
    /// Device to test: an id, a number or the beginning of a UUID; repeatable [default: all]
    #[arg(long = "device", value_name = "DEVICE", value_delimiter = ',', add = ArgValueCompleter::new(complete::devices))]
    devices: Vec<String>,
    /// The ffmpeg to use, instead of the one on the search path
    #[arg(long, value_name = "PATH", env = "LPCTL_FFMPEG", hide_env = true, value_hint = ValueHint::FilePath)]
    ffmpeg: Option<PathBuf>,
    #[command(flatten)]
    driver: DriverArgs,
}

/// Trials with what the driver says about the devices they were made on.
#[derive(Debug, Serialize)]
struct Tested {
    /// Version of ffmpeg.
    ffmpeg: String,
    /// Version of the driver.
    driver: Option<String>,
    /// Why no GPU could be tested, where that is known.
    driver_problem: Option<String>,
    /// One for each device.
    devices: Vec<TestedDevice>,
}

#[derive(Debug, Serialize)]
struct TestedDevice {
    name: String,
    uuid: Option<String>,
    /// H.264 works.
    usable: bool,
    #[serde(flatten)]
    probe: DeviceProbe,
}

/// Tests them.
///
/// # Errors
/// Config for a device that is not there, failed without an ffmpeg or if a device does not do H.264.
pub async fn run(args: TestArgs, context: &mut Context) -> eyre::Result<()> {
    let list = Rig::new(&args.driver, context)?.of_driver().await?;
    let chosen = choose(&args.devices, &list)?;
    let path = args.ffmpeg.clone();
    let located = tokio::task::spawn_blocking(move || Ffmpeg::locate(path.as_deref())).await?;
    let ffmpeg = located.map_err(failure::of_ffmpeg)?;
    let work_dir = places::work_dir(&context.directories().data_dir.join("node"));
    let unwritable = |error: std::io::Error| {
        Failure::new(
            Kind::Failed,
            "work_dir",
            format!("cannot work in {}: {error}", work_dir.display()),
        )
        .hint("set LPCTL_DATA_DIR to a folder that can be written")
    };
    std::fs::create_dir_all(&work_dir).map_err(unwritable)?;
    // A folder of its own in it: a node that starts meanwhile clears away what it does not know.
    let folder = tempfile::tempdir_in(&work_dir).map_err(unwritable)?;
    let launcher = Launcher::through_this_program();
    // As a node does it that is not told otherwise.
    let fencing = Fencing::decide(FencePolicy::Auto, &fence::try_out(&launcher).await)?;
    let prober = Prober::new(ffmpeg, launcher, folder.path().to_path_buf())
        .map_err(unwritable)?
        .fenced(fencing);
    let targets: Vec<Target> = chosen.iter().map(|device| target(device)).collect();
    let names: Vec<&str> = chosen.iter().map(|device| device.id.as_str()).collect();
    let progress = context
        .shell
        .progress(None, &format!("testing {}", names.join(", ")));
    let report = prober.probe(&targets).await;
    progress.finish_and_clear();
    let tested = Tested::new(report, &chosen, &list);
    let broken: Vec<&str> = tested
        .devices
        .iter()
        .filter(|device| !device.usable)
        .map(|device| device.probe.device.as_str())
        .collect();
    if broken.is_empty() {
        return Ok(context.shell.report(&tested)?);
    }
    let message = format!("{} cannot transcode", broken.join(", "));
    let failure = Failure::new(Kind::Failed, "device_unfit", message)
        .hint("the reasons stand beside the trials; `lpctl run --gpus` can leave devices out");
    if context.shell.is_json() {
        return Err(failure.details(serde_json::to_value(&tested)?).into());
    }
    context.shell.report(&tested)?;
    Err(failure.into())
}

/// The devices asked for, all that answer if none was named.
fn choose<'a>(names: &[String], list: &'a GpuList) -> Result<Vec<&'a Device>, Failure> {
    let there = || {
        list.devices
            .iter()
            .filter(|device| device.state != DeviceState::Lost)
    };
    if names.is_empty() {
        return Ok(there().collect());
    }
    let mut chosen: Vec<&Device> = Vec::new();
    for name in names {
        let parsed = name.parse::<Name>();
        let found = there().find(|device| match &parsed {
            _ if device.id == *name => true,
            Ok(parsed) => parsed.is(device),
            Err(_) => false,
        });
        let Some(device) = found else {
            let known: Vec<String> = there().map(|device| escape(&device.id)).collect();
            let mut message = format!("there is no device {name:?}, only {}", known.join(", "));
            if let Some(problem) = &list.driver_problem {
                let _ = write!(message, "; no NVIDIA driver: {}", escape(problem));
            }
            return Err(Failure::new(Kind::Config, "no_such_device", message)
                .hint("`lpctl gpu list` shows the devices"));
        };
        if !chosen.iter().any(|other| other.id == device.id) {
            chosen.push(device);
        }
    }
    Ok(chosen)
}

fn target(device: &Device) -> Target {
    match device.id.strip_prefix("gpu").and_then(|index| index.parse().ok()) {
        Some(index) => Target::Nvidia(index),
        None => Target::Cpu,
    }
}

impl Tested {
    fn new(report: ProbeReport, chosen: &[&Device], list: &GpuList) -> Self {
        let devices = report.devices.into_iter().zip(chosen);
        let devices = devices.map(|(probe, device)| TestedDevice {
            name: device.name.clone(),
            uuid: device.uuid.clone(),
            usable: probe.can(Trial::H264),
            probe,
        });
        Self {
            ffmpeg: report.ffmpeg,
            driver: list.driver.clone(),
            driver_problem: list.driver_problem.clone(),
            devices: devices.collect(),
        }
    }
}

impl Report for Tested {
    fn text(&self, style: &Style) -> String {
        let mut text = String::new();
        for device in &self.devices {
            let works = device
                .probe
                .trials
                .iter()
                .filter(|trial| trial.verdict == Verdict::Works)
                .count();
            let verdict = match (device.usable, works == device.probe.trials.len()) {
                (true, true) => style.good("everything works"),
                (true, false) => style.warning("works, with limits"),
                (false, _) => style.bad("cannot transcode"),
            };
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "{}  {}  {verdict}",
                style.bold(&device.probe.device),
                escape(&device.name)
            );
            for trial in &device.probe.trials {
                let _ = writeln!(text, "  {}", line(trial, device.probe.device != "cpu", style));
            }
        }
        let _ = write!(text, "ffmpeg {}", escape(&self.ffmpeg));
        match (&self.driver, &self.driver_problem) {
            (Some(driver), _) => {
                let _ = write!(text, " · driver {}", escape(driver));
            }
            (None, Some(problem)) => {
                let _ = write!(
                    text,
                    " · no NVIDIA driver on this machine: {}; work runs on the CPU",
                    escape(problem)
                );
            }
            (None, None) => {}
        }
        text
    }
}

fn line(result: &TrialResult, is_gpu: bool, style: &Style) -> String {
    let what = match result.trial {
        Trial::H264 => "H.264 to H.264",
        Trial::HevcEncode => "H.264 to HEVC",
        Trial::HevcDecode => "HEVC to H.264",
        Trial::H264Decode444 => "H.264 4:4:4",
        Trial::H264Decode422 => "H.264 4:2:2",
        Trial::H264Decode444TenBit => "H.264 4:4:4 10 bit",
        Trial::H264Decode422TenBit => "H.264 4:2:2 10 bit",
        Trial::H264Decode420TenBit => "H.264 4:2:0 10 bit",
    };
    let (mark, mut said) = match result.verdict {
        Verdict::Works => (style.good_mark(), String::new()),
        Verdict::NotTried => (style.warn_mark(), "not tried".to_string()),
        Verdict::Driver => (
            style.bad_mark(),
            "the driver is missing or does not fit".to_string(),
        ),
        Verdict::NoDevice => (style.bad_mark(), "there is no such device".to_string()),
        Verdict::SessionLimit if result.renditions > 0 => (
            style.warn_mark(),
            format!("only {} at once, its encoder sessions ran out", result.renditions),
        ),
        Verdict::SessionLimit => (style.bad_mark(), "no encoder session left".to_string()),
        Verdict::Memory => (style.bad_mark(), "the device's memory is full".to_string()),
        Verdict::Unsupported => (style.bad_mark(), "the device has no such codec".to_string()),
        Verdict::Build => (style.bad_mark(), "this ffmpeg was built without it".to_string()),
        Verdict::Crash => (style.bad_mark(), "ffmpeg crashed".to_string()),
        Verdict::TimedOut => (style.bad_mark(), "it took too long".to_string()),
        Verdict::Failed => (style.bad_mark(), "it failed".to_string()),
    };
    if result.verdict == Verdict::Works {
        let renditions = match result.renditions {
            1 => "1 rendition".to_string(),
            many => format!("{many} renditions at once"),
        };
        said = format!("{renditions}, {} ms", result.milliseconds);
        if is_gpu && result.decoded_on_cpu {
            said += ", decoded on the CPU";
        }
    }
    if let Some(reason) = &result.reason {
        let _ = write!(said, ": {}", escape(reason));
    }
    format!("{mark} {what:<20}{said}")
}
