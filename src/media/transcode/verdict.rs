//! What ffmpeg's messages tell once it has ended. Texts, never exit codes: those differ between versions.

use std::{os::unix::process::ExitStatusExt as _, process::ExitStatus};

use ffmpeg_sidecar::{
    event::{FfmpegEvent, LogLevel},
    log_parser::FfmpegLogParser,
};

use rustix::process::Signal;

use crate::{
    media::{
        job::{FailureClass, TranscodeError},
        target::Target,
    },
    process::{HELPER_FAILED, Log},
};

/// Longest reason passed on.
const REASON: usize = 200;

/// Counts from the lines at the end of a verbose log.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Summary {
    /// Video frames decoded.
    pub(super) decoded: Option<u64>,
}

impl Summary {
    pub(super) fn of(log: &Log) -> Self {
        // `Input stream #0:0 (video): 60 packets read (1498820 bytes); 60 frames decoded; 0 decode errors;`
        let decoded = log.lines().rev().find_map(|line| {
            let (_, line) = line.split_once("Input stream #0:")?;
            let (_, line) = line.split_once("(video): ")?;
            line.split("; ")
                .find_map(|part| part.strip_suffix(" frames decoded")?.parse().ok())
        });
        Self { decoded }
    }
}

/// The failure that a longer look at the source can cure: its sound starts after what was looked at.
pub(super) fn probe_was_too_small(log: &Log) -> bool {
    log.says("sample rate not set")
}

/// What a device that fails, or its driver, makes ffmpeg say.
const DEVICE: [&str; 12] = [
    "Cannot load libcuda",
    "Cannot load libnvcuvid",
    "Cannot load libnvidia-encode",
    "Cannot load nvEncodeAPI",
    "Could not dynamically load CUDA",
    "CUDA_ERROR",
    "Device creation failed",
    "Device setup failed",
    "No capable devices",
    "OpenEncodeSessionEx failed",
    "out of memory (10)",
    "no encode device",
];

/// What a machine that is short of something makes ffmpeg say.
const RESOURCE: [&str; 6] = [
    "No space left on device",
    "Cannot allocate memory",
    "Too many open files",
    "Resource temporarily unavailable",
    "Read-only file system",
    "Disk quota exceeded",
];

/// Why a run failed, and what was at fault. A stream's own texts reach the log too, but not as errors: only those are
/// looked at where a stranger must not be able to put the blame on the machine.
pub(super) fn failure(status: ExitStatus, log: &Log, target: Target) -> TranscodeError {
    let failed = |class| TranscodeError::Failed {
        class,
        reason: reason(status, log),
    };
    if let Some(signal) = status.signal() {
        return failed(signal_class(signal));
    }
    let errors = errors(log);
    let says = |words: &[&str]| {
        errors
            .iter()
            .any(|error| words.iter().any(|words| error.contains(words)))
    };
    if target != Target::Cpu && says(&DEVICE) {
        return failed(FailureClass::Device);
    }
    if says(&RESOURCE) {
        return failed(FailureClass::Resource);
    }
    if status.code() == Some(HELPER_FAILED.into()) {
        return failed(FailureClass::Ours);
    }
    input_fault(log).unwrap_or_else(|| failed(FailureClass::Ours))
}

/// Whoever kills from outside, or a limit, is short of something; a program that breaks off by itself is broken.
fn signal_class(signal: i32) -> FailureClass {
    let outside = [
        Signal::KILL,
        Signal::TERM,
        Signal::INT,
        Signal::HUP,
        Signal::XCPU,
        Signal::XFSZ,
    ];
    match outside.iter().any(|outside| outside.as_raw() == signal) {
        true => FailureClass::Resource,
        false => FailureClass::Ours,
    }
}

/// The protocol's text for what is wrong with the segment or the request, if that is what ffmpeg says.
fn input_fault(log: &Log) -> Option<TranscodeError> {
    let decoded_nothing = log.says("; 0 frames decoded") && !log.says("0 packets read");
    if log.says("exceeds specified max pixel count") || log.says("exceeds max pixel count") {
        Some(TranscodeError::INVALID_VIDEO)
    } else if log.says("not on whitelist") && log.says("Error while opening decoder") {
        Some(TranscodeError::UNSUPPORTED_CODEC)
    } else if log.says("non-existing PPS") || log.says("no frame!") || decoded_nothing {
        Some(TranscodeError::NO_KEY_FRAMES)
    } else if log.says("invalid width x height") || log.says("Invalid or incompatible profile") {
        Some(TranscodeError::INVALID_ARGUMENT)
    } else if [
        "could not find codec parameters",
        "Could not find codec parameters",
        "matches no streams",
        "Cannot determine format of input stream",
        " 0 packets read",
        "Invalid data found when processing input",
    ]
    .iter()
    .any(|words| log.says(words))
    {
        Some(TranscodeError::INVALID_VIDEO)
    } else {
        None
    }
}

/// The signal, or the last error told, or the exit code.
pub(super) fn reason(status: ExitStatus, log: &Log) -> String {
    if let Some(signal) = status.signal() {
        return format!("ffmpeg was ended by signal {signal}");
    }
    match errors(log).pop() {
        Some(error) => error,
        None => format!("ffmpeg ended with {status}"),
    }
}

/// The errors among the lines, without the parts that differ from run to run.
fn errors(log: &Log) -> Vec<String> {
    let text: String = log.lines().flat_map(|line| [line, "\n"]).collect();
    let mut parser = FfmpegLogParser::new(text.as_bytes());
    let mut errors = Vec::new();
    // Every call takes a line or more.
    for _ in 0..=log.lines().count() {
        match parser.parse_next_event() {
            Ok(FfmpegEvent::LogEOF) => break,
            Ok(FfmpegEvent::Log(LogLevel::Error | LogLevel::Fatal, line)) => errors.push(plain(&line)),
            // Lines it cannot read are none of the errors.
            Ok(_) | Err(_) => {}
        }
    }
    errors
}

/// `[libx264 @ 0x5581] [error] it broke` becomes `it broke`.
fn plain(line: &str) -> String {
    let text = ["[error] ", "[fatal] "]
        .iter()
        .find_map(|level| Some(line.split_once(level)?.1));
    text.unwrap_or(line).chars().take(REASON).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(text: &str) -> Log {
        let mut log = Log::default();
        log.push(text.as_bytes());
        log.finish()
    }

    fn judged(text: &str) -> String {
        failure(ExitStatus::from_raw(1 << 8), &log(text), Target::Cpu).to_string()
    }

    #[test]
    fn decoded_frames_stand_in_the_summary_of_all_versions() {
        let of = |text| Summary::of(&log(text)).decoded;
        let old = "[verbose]   Input stream #0:0 (video): 60 packets read (1498820 bytes); 60 frames decoded; \n\
                   [verbose]   Input stream #0:1 (audio): 95 packets read (31 bytes); \n";
        let new = "[in#0/mpegts @ 0x55f] [verbose]   Input stream #0:0 (video): 59 packets read (9 bytes); \
                   58 frames decoded; 1 decode errors; \n";
        assert_eq!(of(old), Some(60));
        assert_eq!(of(new), Some(58));
        assert_eq!(of("[info] frame= 60 fps=0.0"), None);
    }

    #[test]
    fn known_messages_become_the_networks_words() {
        assert_eq!(
            judged("[mpegts @ 0x1] [error] could not find codec parameters"),
            "TranscoderInvalidVideo"
        );
        assert_eq!(
            judged("[fatal] Stream specifier ':v:0' in filtergraph matches no streams."),
            "TranscoderInvalidVideo"
        );
        assert_eq!(
            judged("[h264 @ 0x1] [error] non-existing PPS 0 referenced"),
            "No keyframes in input"
        );
        assert_eq!(
            judged("[libx264 @ 0x1] [error] invalid width x height (146x36500)"),
            "Invalid argument"
        );
        assert_eq!(
            judged(
                "[h264 @ 0x1] [error] Codec (mpeg2video) not on whitelist 'h264'\n[error] Error while opening decoder"
            ),
            "Unsupported input codec"
        );
    }

    #[test]
    fn an_unknown_failure_keeps_its_last_error() {
        assert_eq!(
            judged("[AVIO @ 0x5] [error] first\n[mp4 @ 0x7f] [fatal] disk full\n"),
            "TranscoderFailed: disk full"
        );
        assert_eq!(judged(""), "TranscoderFailed: ffmpeg ended with exit status: 1");
        let killed = failure(ExitStatus::from_raw(11), &log("[error] x"), Target::Cpu);
        assert_eq!(
            killed.to_string(),
            "TranscoderFailed: ffmpeg was ended by signal 11"
        );
    }

    #[test]
    fn a_hostile_stream_name_does_not_break_the_reading() {
        // The parser counts characters where it means bytes; the log it is given has only such as are both.
        let text = "[info]   Stream #0:0[0x100](\u{fc}\u{fc}\u{fc}): Video: h264, x\n[error] end\n";
        assert_eq!(judged(text), "TranscoderFailed: end");
    }
}
