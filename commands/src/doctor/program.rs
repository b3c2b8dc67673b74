//! ffmpeg: whether it is there, what it can encode, and whether it transcodes behind the fence.

use std::{
    path::{Path, PathBuf},
    time::Instant,
};

use engine::{
    media::{
        ffmpeg::Ffmpeg,
        ladder::VideoCodec,
        transcode::{FfmpegSettings, FfmpegTranscoder, TranscoderError},
    },
    process::{Fencing, Launcher},
};

use super::Check;
use crate::{
    failure::{Failure, Kind},
    run::failure::{of_ffmpeg, of_transcoder},
};

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
