//! The transcoder and the segments these tests use: the machine's own ffmpeg.

use std::path::Path;

use bytes::Bytes;
use engine::{
    media::{
        ffmpeg::Ffmpeg,
        job::SegmentTranscoder,
        pace::Pacer,
        transcode::{FfmpegSettings, FfmpegTranscoder},
    },
    process::Launcher,
};
use testbed::clip::{ClipSpec, segment};

/// ffmpeg on the CPU, as quick as it can be.
pub fn real(work_dir: &Path) -> impl SegmentTranscoder + use<> {
    let ffmpeg = Ffmpeg::locate(None).expect("ffmpeg is installed: apt-get install ffmpeg");
    FfmpegTranscoder::new(FfmpegSettings {
        pacer: Pacer::fixed("ultrafast"),
        ..FfmpegSettings::new(ffmpeg, Launcher::Direct, work_dir.to_path_buf())
    })
    .unwrap()
}

/// One second of 640x360 at 30 frames a second.
pub fn clip() -> Bytes {
    segment(ClipSpec {
        width: 640,
        height: 360,
        seconds: 1,
        ..ClipSpec::default()
    })
}
