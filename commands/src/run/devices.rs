//! The devices a node works on: which GPUs, whether they can do it, and what the CPU may do for them.

use std::path::Path;

use clap::{Args, ValueEnum};
use engine::{
    gpu::{self, Fallback, Placement, Policy, Selection},
    media::{
        ffmpeg::Ffmpeg,
        probe::{Prober, capabilities},
        target::Target,
        transcode::FfmpegTranscoder,
    },
    node::DeviceReader,
    process::{Fencing, Launcher},
    view::{
        node::{Device, DeviceState},
        probe::{DeviceProbe, Trial, Verdict},
    },
    wire::capability::CapabilitySet,
};

use crate::{
    failure::{Failure, Kind},
    gpu::DriverArgs,
    shell::{Shell, escape},
};

/// Which devices, and when.
#[derive(Debug, Clone, Args)]
pub struct DeviceArgs {
    /// GPUs to use: all, none, or numbers and UUIDs like 0,1
    #[arg(
        long,
        value_name = "GPUS",
        default_value = "all",
        env = "LPCTL_GPUS",
        hide_env = true
    )]
    gpus: Selection,
    /// When the CPU may do the GPUs' work; without GPUs it always does
    #[arg(
        long,
        value_enum,
        value_name = "WHEN",
        default_value_t,
        env = "LPCTL_FALLBACK",
        hide_env = true
    )]
    fallback: FallbackChoice,
    #[command(flatten)]
    driver: DriverArgs,
}

impl DeviceArgs {
    /// Whether certain GPUs were asked for.
    pub fn is_chosen(&self) -> bool {
        self.gpus != Selection::All
    }
}

/// When the CPU may do the GPUs' work.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum FallbackChoice {
    /// Never: what fits on no GPU is refused.
    Never,
    /// When a GPU failed or rests, not when all are merely busy.
    #[default]
    OnFault,
    /// It is a device beside them.
    Always,
}

impl From<FallbackChoice> for Fallback {
    fn from(choice: FallbackChoice) -> Self {
        match choice {
            FallbackChoice::Never => Self::Never,
            FallbackChoice::OnFault => Self::OnFault,
            FallbackChoice::Always => Self::Always,
        }
    }
}

/// The devices, read once.
pub struct Devices {
    /// Who works on what.
    pub placement: Placement,
    reader: gpu::DeviceReader,
    gpus: Vec<Device>,
    fallback: Fallback,
}

/// Reads the driver and chooses.
///
/// # Errors
/// Config for a GPU that was named and is not there.
pub async fn find(args: &DeviceArgs, shell: &mut Shell) -> Result<Devices, Failure> {
    let library = args.driver.nvml.clone();
    let read = tokio::task::spawn_blocking(move || {
        let mut reader = gpu::DeviceReader::new(library.as_deref());
        let gpus = reader.gpus();
        (reader, gpus)
    });
    let (reader, gpus) = read
        .await
        .map_err(|error| Failure::new(Kind::Bug, "bug", format!("reading the driver: {error}")))?;
    let problem = reader.driver_problem().map(escape);
    if let Selection::These(names) = &args.gpus {
        for name in names {
            if !gpus.iter().any(|gpu| name.is(gpu)) {
                let there: Vec<String> = gpus.iter().map(|gpu| escape(&gpu.id)).collect();
                let there = match (there.is_empty(), &problem) {
                    (false, _) => format!("there are {}", there.join(", ")),
                    (true, Some(problem)) => format!("no NVIDIA driver: {problem}"),
                    (true, None) => "the driver finds none".to_string(),
                };
                let message = format!("--gpus names {name}, which is not there; {there}");
                return Err(Failure::new(Kind::Config, "no_such_gpu", message)
                    .hint("`lpctl gpu list` shows the GPUs; `--nvml` tells where the driver's library is"));
            }
        }
    }
    let fallback = Fallback::from(args.fallback);
    let placement = Placement::new(Policy {
        gpus: args.gpus.clone(),
        fallback,
        ..Policy::default()
    });
    placement.observe(&gpus);
    if args.gpus != Selection::None && !placement.has_gpus() {
        let reason = problem.unwrap_or_else(|| "the driver finds none".to_string());
        shell.status(format_args!(
            "no GPU ({reason}): segments are transcoded on the CPU"
        ));
    }
    Ok(Devices {
        placement,
        reader,
        gpus,
        fallback,
    })
}

impl Devices {
    /// Tries the GPUs, leaves out those that cannot transcode, and says what gateways may be promised; none without
    /// GPUs.
    ///
    /// # Errors
    /// Failed if no GPU works and the CPU may not help.
    pub async fn probe(
        &self,
        ffmpeg: &Ffmpeg,
        work_dir: &Path,
        fencing: &Fencing,
        shell: &mut Shell,
    ) -> Result<Option<CapabilitySet>, Failure> {
        let mut described = self.gpus.clone();
        self.placement.describe(&mut described);
        let used = described.iter().filter(|gpu| gpu.state == DeviceState::Ready);
        let targets: Vec<Target> = used
            .filter_map(|gpu| Some(Target::Nvidia(gpu.id.strip_prefix("gpu")?.parse().ok()?)))
            .collect();
        if targets.is_empty() {
            return Ok(None);
        }
        let unwritable = |error: std::io::Error| {
            let message = format!("cannot test the GPUs in {}: {error}", work_dir.display());
            Failure::new(Kind::Failed, "work_dir", message).hint("name another folder with `--work-dir PATH`")
        };
        std::fs::create_dir_all(work_dir).map_err(unwritable)?;
        let folder = tempfile::tempdir_in(work_dir).map_err(unwritable)?;
        let prober = Prober::new(
            ffmpeg.clone(),
            Launcher::through_this_program(),
            folder.path().to_path_buf(),
        )
        .map_err(unwritable)?
        .fenced(fencing.clone());
        shell.status(format_args!("testing what {} can do", counted(targets.len())));
        let report = prober.probe(&targets).await;
        for (target, device) in targets.iter().zip(&report.devices) {
            self.judge(*target, device, shell);
        }
        if self.placement.has_gpus() {
            // Devices that were not tried, or failed for a while, say nothing of what the node can do.
            let is_telling = report.devices.iter().any(|device| device.can(Trial::H264));
            return Ok(is_telling.then(|| capabilities(&report)));
        }
        if self.fallback == Fallback::Never {
            let message = "no GPU can transcode, and `--fallback never` keeps the CPU from it";
            return Err(Failure::new(Kind::Failed, "no_gpu_works", message)
                .hint("`lpctl gpu test` tells what is wrong with each"));
        }
        shell.warn("no GPU can transcode: segments are transcoded on the CPU; `lpctl gpu test` tells more");
        Ok(None)
    }

    fn judge(&self, target: Target, device: &DeviceProbe, shell: &mut Shell) {
        let Target::Nvidia(index) = target else { return };
        let Some(result) = device.result(Trial::H264) else {
            return;
        };
        if result.verdict == Verdict::SessionLimit && result.renditions > 0 {
            self.placement.set_session_limit(index, Some(result.renditions));
            shell.warn(format_args!(
                "{target} makes only {} renditions at once: streams with more do not fit on it",
                result.renditions
            ));
        } else if result.verdict != Verdict::Works {
            let reason = result.reason.as_deref().unwrap_or("H.264 does not work");
            self.placement
                .exclude(index, &format!("it cannot transcode: {reason}"));
            shell.warn(format_args!(
                "{target} is not used, it cannot transcode: {}",
                escape(reason)
            ));
        }
    }

    /// Reads them for the node, and keeps the placement informed.
    pub fn into_reader(self, transcoder: &FfmpegTranscoder) -> DeviceReader {
        let transcoder = transcoder.clone();
        let Self {
            placement,
            mut reader,
            ..
        } = self;
        DeviceReader::new(move || {
            let mut cpu = reader.cpu();
            // Which device a process works on is not counted; without GPUs there is only one.
            if !placement.has_gpus() {
                cpu.processes = transcoder.running();
            }
            let mut devices = vec![cpu];
            devices.extend(reader.gpus());
            placement.observe(&devices);
            placement.describe(&mut devices);
            devices
        })
    }
}

fn counted(gpus: usize) -> String {
    crate::wording::counted(gpus, "GPU")
}
