//! What ffmpeg's messages tell once it has ended. Texts, never exit codes: those differ between versions.

use std::{os::unix::process::ExitStatusExt as _, process::ExitStatus};

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

/// How ffmpeg calls the source.
const SOURCES: [&str; 2] = ["pipe:0", "source.mp4"];

/// What it says of a source whose head makes no sense.
const UNREADABLE: [&str; 3] = [
    "Cannot allocate memory",
    "End of file",
    "Not yet implemented in FFmpeg",
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
    if errors.iter().any(|error| cannot_be_opened(error)) {
        return TranscodeError::INVALID_VIDEO;
    }
    if let Some(shortage) = shortage(log) {
        return shortage;
    }
    if status.code() == Some(HELPER_FAILED.into()) {
        return failed(FailureClass::Ours);
    }
    input_fault(log).unwrap_or_else(|| failed(FailureClass::Ours))
}

/// Whether the demuxer gave up on the source as a whole. Memory is no exception: it asked for more than any segment
/// needs, because the source said so; a machine that is short of memory kills instead.
fn cannot_be_opened(error: &str) -> bool {
    let told = SOURCES
        .iter()
        .find_map(|source| error.strip_prefix(source)?.strip_prefix(": "));
    told.is_some_and(|told| UNREADABLE.iter().any(|words| told.starts_with(words)))
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
    log.lines()
        .filter_map(error_text)
        .map(|text| text.chars().take(REASON).collect())
        .collect()
}

/// `[libx264 @ 0x5581] [error] it broke` becomes `it broke`. Only what ffmpeg itself puts before a line counts: its
/// parts with their addresses, and the level.
fn error_text(line: &str) -> Option<&str> {
    let mut rest = line;
    loop {
        let (tag, after) = rest.strip_prefix('[')?.split_once("] ")?;
        match tag {
            "error" | "fatal" | "panic" => return Some(after),
            part if part.contains(" @ 0x") => rest = after,
            _ => return None,
        }
    }
}

/// What was short, if ffmpeg says so: it ends with exit code zero too when the end of a file could not be written.
pub(super) fn shortage(log: &Log) -> Option<TranscodeError> {
    let mut errors = log.lines().filter_map(error_text);
    let told = errors.find(|error| RESOURCE.iter().any(|words| error.contains(words)))?;
    Some(TranscodeError::Failed {
        class: FailureClass::Resource,
        reason: told.chars().take(REASON).collect(),
    })
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
    fn a_source_that_cannot_be_opened_is_the_senders_fault() {
        for text in [
            "[error] pipe:0: Cannot allocate memory",
            "[error] pipe:0: End of file",
            "[error] source.mp4: Not yet implemented in FFmpeg, patches welcome",
        ] {
            assert_eq!(judged(text), "TranscoderInvalidVideo", "{text}");
        }
        for text in [
            "[error] pipe:0: Input/output error",
            "[error] source.mp4: Permission denied",
            "[error] 0.ts: Cannot allocate memory",
        ] {
            assert!(judged(text).starts_with("TranscoderFailed: "), "{text}");
        }
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
    fn a_stream_cannot_put_words_into_ffmpegs_mouth() {
        let text = "[info]   title : [error] CUDA_ERROR No space left on device\n\
                    [verbose] [fatal] out of memory (10)\n\
                    [x] [error] Cannot allocate memory\n[mpegts @ 0x1] [error] end\n";
        let told = failure(ExitStatus::from_raw(1 << 8), &log(text), Target::Nvidia(0));
        assert_eq!(told.to_string(), "TranscoderFailed: end");
        assert_eq!(told.class(), Some(FailureClass::Ours));
        assert_eq!(shortage(&log(text)), None);
    }

    #[test]
    fn each_class_has_its_signs() {
        let class = |text: &str, target| failure(ExitStatus::from_raw(1 << 8), &log(text), target).class();
        let gpu = Target::Nvidia(1);
        for text in [
            "[AVHWDeviceContext @ 0x1] [error] Cannot load libcuda.so.1",
            "[h264_nvenc @ 0x1] [error] OpenEncodeSessionEx failed: out of memory (10): (no details)",
            "[h264_nvenc @ 0x1] [error] No capable devices found",
            "[AVHWDeviceContext @ 0x1] [error] cu->cuInit(0) failed -> CUDA_ERROR_NO_DEVICE: no device",
        ] {
            assert_eq!(class(text, gpu), Some(FailureClass::Device), "{text}");
        }
        for text in [
            "[error] Error writing trailer of 0.ts: No space left on device",
            "[out#0/mpegts @ 0x1] [error] Could not open file : Too many open files",
            "[h264 @ 0x1] [error] get_buffer() failed: Cannot allocate memory",
        ] {
            assert_eq!(class(text, gpu), Some(FailureClass::Resource), "{text}");
            assert!(shortage(&log(text)).is_some());
        }
        let signal = |number| failure(ExitStatus::from_raw(number), &log(""), gpu).class();
        for (number, class) in [
            (9, FailureClass::Resource),
            (24, FailureClass::Resource),
            (25, FailureClass::Resource),
        ] {
            assert_eq!(signal(number), Some(class));
        }
        for number in [4, 6, 7, 8, 11] {
            assert_eq!(signal(number), Some(FailureClass::Ours));
        }
        assert_eq!(
            class("[error] matches no streams", gpu),
            Some(FailureClass::Input)
        );
    }
}
