//! ffmpeg: whether it is there, what it can encode, and whether it transcodes behind the fence.

use std::{
    path::{Path, PathBuf},
    time::Instant,
};

use engine::{
    media::{
        ffmpeg::Ffmpeg,
        ladder::VideoCodec,
        probe::Prober,
        target::Target,
        transcode::{FfmpegSettings, FfmpegTranscoder, TranscoderError},
    },
    process::{Fencing, Launcher},
    view::probe::{DeviceProbe, Trial, Verdict},
};

use super::Check;
use crate::{
    failure::{Failure, Kind},
    run::failure::{of_ffmpeg, of_transcoder},
    shell::escape,
};

/// GPUs tried at most: each takes a second or two.
const MOST_GPUS: u32 = 16;

const NAME: &str = "ffmpeg";
const TRIAL: &str = "trial";

/// The ffmpeg a node would use.
pub(super) async fn locate(path: Option<PathBuf>) -> Result<Ffmpeg, Check> {
    let located = tokio::task::spawn_blocking(move || Ffmpeg::locate(path.as_deref())).await;
    let failure = match located {
        Ok(Ok(ffmpeg)) => return Ok(ffmpeg),
        Ok(Err(error)) => of_ffmpeg(error),
        Err(error) => Failure::new(Kind::Bug, "bug", error.to_string()),
    };
    Err((NAME, failure).into())
}

/// Version and encoders.
pub(super) fn about(ffmpeg: &Ffmpeg) -> Check {
    let found = format!("{} at {}", ffmpeg.version(), ffmpeg.path().display());
    match ffmpeg.encoder(VideoCodec::H265) {
        Some(_) => Check::good(NAME, format!("{found}, encodes H.264 and H.265")),
        None => Check::warning(
            NAME,
            format!("{found}, encodes H.264 only"),
            "work that asks for H.265 is refused; a build with libx265 takes it",
        ),
    }
}

/// Whether this ffmpeg and the GPUs there are encode together: four renditions at once on each, as segments take.
pub(super) async fn encoders(
    ffmpeg: Ffmpeg,
    launcher: Launcher,
    fencing: Fencing,
    work_dir: &Path,
    gpus: u32,
) -> Vec<Check> {
    const NAME: &str = "nvenc";
    if ffmpeg.encoder_on(Target::Nvidia(0), VideoCodec::H264).is_none() {
        return vec![Check::warning(
            NAME,
            "there are GPUs, and this ffmpeg was built without h264_nvenc: the CPU encodes",
            "install an ffmpeg with NVENC (Debian's has it), or name one with `--ffmpeg`",
        )];
    }
    let prober = match Prober::new(ffmpeg, launcher, work_dir.to_path_buf()) {
        Ok(prober) => prober.fenced(fencing),
        Err(error) => {
            return vec![Check::warning(
                NAME,
                format!("not tried: {error}"),
                "`lpctl gpu test` tries each device",
            )];
        }
    };
    let targets: Vec<Target> = (0..gpus.min(MOST_GPUS)).map(Target::Nvidia).collect();
    let report = prober.probe_only(&targets, &[Trial::H264]).await;
    report.devices.iter().map(judge_encoder).collect()
}

fn judge_encoder(device: &DeviceProbe) -> Check {
    const NAME: &str = "nvenc";
    let next = "`lpctl gpu test` tells more; `lpctl run --gpus` leaves devices out";
    let Some(result) = device.result(Trial::H264) else {
        return Check::warning(NAME, format!("{}: not tried", device.device), next);
    };
    match result.verdict {
        Verdict::Works => Check::good(
            NAME,
            format!(
                "{}: {} encoder sessions at once",
                device.device, result.renditions
            ),
        ),
        Verdict::SessionLimit if result.renditions > 0 => Check::warning(
            NAME,
            format!(
                "{}: the driver gives {} encoder sessions at once",
                device.device, result.renditions
            ),
            "consumer cards are limited by their driver: give the node fewer sessions with `--max-sessions`",
        ),
        _ => {
            let why = result.reason.as_deref().unwrap_or("no reason given");
            Check::warning(
                NAME,
                format!("{}: does not encode H.264: {}", device.device, escape(why)),
                next,
            )
        }
    }
}

/// Transcodes as the node will, fence and all.
pub(super) async fn self_test(
    ffmpeg: Ffmpeg,
    launcher: Launcher,
    fencing: Fencing,
    work_dir: &Path,
) -> Check {
    let fence = fencing.to_string();
    let settings = FfmpegSettings {
        fencing,
        ..FfmpegSettings::new(ffmpeg, launcher, work_dir.to_path_buf())
    };
    let started = Instant::now();
    match trial(settings).await {
        Ok(()) => {
            let took = started.elapsed().as_millis();
            Check::good(
                TRIAL,
                format!("transcodes a picture of its own in {took} ms (fence: {fence})"),
            )
        }
        Err(error) => (TRIAL, of_transcoder(error)).into(),
    }
}

async fn trial(settings: FfmpegSettings) -> Result<(), TranscoderError> {
    FfmpegTranscoder::new(settings)?.self_test().await
}

#[cfg(test)]
mod tests {
    use engine::view::probe::TrialResult;

    use super::*;

    #[test]
    fn a_session_limit_is_told_and_a_failure_has_its_reason() {
        let device = |verdict, renditions| DeviceProbe {
            device: "gpu0".into(),
            trials: vec![TrialResult {
                trial: Trial::H264,
                verdict,
                renditions,
                decoded_on_cpu: false,
                milliseconds: 7,
                reason: Some("no CUDA \u{1b}[31m".into()),
            }],
        };
        let found = |verdict, renditions| {
            let check = judge_encoder(&device(verdict, renditions));
            (check.verdict == crate::doctor::Verdict::Good, check.found)
        };
        assert_eq!(
            found(Verdict::Works, 4),
            (true, "gpu0: 4 encoder sessions at once".into())
        );
        assert_eq!(
            found(Verdict::SessionLimit, 3),
            (false, "gpu0: the driver gives 3 encoder sessions at once".into())
        );
        let (is_good, said) = found(Verdict::Driver, 0);
        assert!(!is_good && said.ends_with("no CUDA \\u{1b}[31m"), "{said}");
    }
}
