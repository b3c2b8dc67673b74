//! Renditions: what is in the files.

use std::{path::PathBuf, time::Duration};

use bytes::Bytes;
use engine::{
    media::{
        ffmpeg::Ffmpeg,
        job::{SegmentJob, SegmentTranscoder as _},
        ladder::Ladder,
        transcode::{FfmpegSettings, FfmpegTranscoder},
    },
    process::Launcher,
};
use testbed::clip::{self, ClipSpec};
use tokio_util::sync::CancellationToken;

fn transcoder(work: PathBuf) -> FfmpegTranscoder {
    let ffmpeg = Ffmpeg::locate(None).unwrap();
    let settings = FfmpegSettings {
        preset: "ultrafast".into(),
        ..FfmpegSettings::new(ffmpeg, Launcher::Direct, work)
    };
    FfmpegTranscoder::new(settings).unwrap()
}

fn job(source: Bytes, ladder: &str) -> SegmentJob {
    SegmentJob {
        session: "5e55".into(),
        seq: 1,
        source,
        duration: Duration::from_secs(2),
        profiles: Ladder::parse(ladder).unwrap().into(),
        perceptual_hash: false,
        clip: None,
        orchestrator: "offchain".into(),
    }
}

#[tokio::test]
async fn every_rung_has_all_frames() {
    let work = tempfile::tempdir().unwrap();
    let job = job(
        clip::segment(ClipSpec::default()),
        "P240p30fps16x9,P144p30fps16x9",
    );
    let made = transcoder(work.path().into())
        .transcode(job, CancellationToken::new())
        .await
        .unwrap();
    let seen: Vec<_> = made
        .renditions
        .iter()
        .map(|r| (r.width, r.height, r.frames))
        .collect();
    assert_eq!(seen, [(426, 240, 60), (256, 144, 60)]);
    assert_eq!(
        (made.decoded_frames, made.source_width, made.source_height),
        (60, 320, 180)
    );
    assert_eq!(work.path().read_dir().unwrap().count(), 0);
}
