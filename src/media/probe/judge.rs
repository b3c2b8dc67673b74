//! Why a trial failed, from what ffmpeg said. The texts are those of ffmpeg's `libavutil/hwcontext_cuda.c`,
//! `libavcodec/{nvenc,nvdec}.c` and `fftools`, versions 5.1 to 9.0.

use std::{os::unix::process::ExitStatusExt as _, process::ExitStatus, time::Duration};

use crate::{process::Log, view::probe::Verdict};

/// Longest reason passed on.
const REASON: usize = 200;

/// Words and what they mean, the surest first.
const SIGNS: &[(&str, Verdict)] = &[
    ("Cannot load lib", Verdict::Driver),
    (
        "Driver does not support the required nvenc API version",
        Verdict::Driver,
    ),
    ("CUDA_ERROR_NO_DEVICE", Verdict::Driver),
    ("CUDA_ERROR_SYSTEM_DRIVER_MISMATCH", Verdict::Driver),
    ("CUDA_ERROR_INSUFFICIENT_DRIVER", Verdict::Driver),
    ("CUDA_ERROR_NOT_INITIALIZED", Verdict::Driver),
    ("cuInit(0) failed", Verdict::Driver),
    ("CUDA_ERROR_INVALID_DEVICE", Verdict::NoDevice),
    ("OpenEncodeSessionEx failed", Verdict::SessionLimit),
    ("CUDA_ERROR_OUT_OF_MEMORY", Verdict::Memory),
    ("unknown device type", Verdict::Build),
    ("Unknown encoder", Verdict::Build),
    ("No such filter", Verdict::Build),
    ("Unrecognized hwaccel", Verdict::Build),
    ("Unrecognized option", Verdict::Build),
    ("Option not found", Verdict::Build),
    ("Codec not supported", Verdict::Unsupported),
    ("No capable devices found", Verdict::Unsupported),
    ("No NVENC capable devices", Verdict::Unsupported),
    ("hwaccel initialisation returned error", Verdict::Unsupported),
    // The decoder gave pictures of the CPU to filters of the GPU.
    ("Impossible to convert between the formats", Verdict::Unsupported),
    ("not supported", Verdict::Unsupported),
    ("does not support", Verdict::Unsupported),
    ("doesn't support", Verdict::Unsupported),
];

/// A verdict and what it rests on.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) verdict: Verdict,
    pub(super) reason: Option<String>,
}

impl Judged {
    pub(super) fn works() -> Self {
        Self {
            verdict: Verdict::Works,
            reason: None,
        }
    }

    pub(super) fn failed(reason: String) -> Self {
        Self {
            verdict: Verdict::Failed,
            reason: Some(reason),
        }
    }

    pub(super) fn timed_out(after: Duration) -> Self {
        Self {
            verdict: Verdict::TimedOut,
            reason: Some(format!("not done after {} s", after.as_secs())),
        }
    }
}

/// Judges a run that failed.
pub(super) fn judge(status: ExitStatus, log: &Log) -> Judged {
    if let Some(signal) = status.signal() {
        return Judged {
            verdict: Verdict::Crash,
            reason: Some(format!("ffmpeg was ended by signal {signal}")),
        };
    }
    for &(words, verdict) in SIGNS {
        if let Some(line) = log.lines().find(|line| line.contains(words)) {
            return Judged {
                verdict,
                reason: Some(plain(line)),
            };
        }
    }
    let said = log
        .lines()
        .find(|line| line.contains("[error] ") || line.contains("[fatal] "));
    Judged::failed(said.map_or_else(|| format!("ffmpeg ended with {status}"), plain))
}

/// `[h264_nvenc @ 0x5581] [error] it broke` becomes `it broke`.
fn plain(line: &str) -> String {
    let levels = ["fatal", "error", "warning", "info", "verbose"];
    let text = levels
        .iter()
        .find_map(|level| Some(line.split_once(&format!("[{level}] "))?.1));
    text.unwrap_or(line).chars().take(REASON).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(text: &str) -> (Verdict, String) {
        let mut log = Log::default();
        log.push(text.as_bytes());
        let judged = judge(ExitStatus::from_raw(1 << 8), &log.finish());
        (judged.verdict, judged.reason.unwrap_or_default())
    }

    #[test]
    fn the_cause_is_told_apart_from_what_follows_it() {
        let no_driver = "[AVHWDeviceContext @ 0x5] [error] Cannot load libcuda.so.1\n\
                         [AVHWDeviceContext @ 0x5] [error] Could not dynamically load CUDA\n\
                         [fatal] Failed to set value 'cuda=gpu:0' for option 'init_hw_device': not supported";
        assert_eq!(
            judged(no_driver),
            (Verdict::Driver, "Cannot load libcuda.so.1".into())
        );
        let sessions = "[h264_nvenc @ 0x5] [error] OpenEncodeSessionEx failed: out of memory (10): (no details)\n\
                        [h264_nvenc @ 0x5] [error] No capable devices found";
        assert_eq!(judged(sessions).0, Verdict::SessionLimit);
        let unsupported = "[hevc_nvenc @ 0x5] [verbose] Codec not supported\n[error] x";
        assert_eq!(
            judged(unsupported),
            (Verdict::Unsupported, "Codec not supported".into())
        );
        assert_eq!(
            judged(
                "[error] cu->cuDeviceGet(&d, 7) failed -> CUDA_ERROR_INVALID_DEVICE: invalid device ordinal"
            )
            .0,
            Verdict::NoDevice
        );
        assert_eq!(
            judged("[fatal] Invalid device specification \"cuda=gpu:0\": unknown device type").0,
            Verdict::Build
        );
        assert_eq!(
            judged("[info] x\n[error] what now"),
            (Verdict::Failed, "what now".into())
        );
        assert_eq!(judged("").1, "ffmpeg ended with exit status: 1");
        let crash = judge(ExitStatus::from_raw(11), &Log::default());
        assert_eq!(crash.verdict, Verdict::Crash);
    }
}
