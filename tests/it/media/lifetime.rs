//! What runs, and that it ends: cancelled, dropped, too slow, too many.

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use engine::media::{
    job::{SegmentJob, SegmentTranscoder as _, TranscodeError},
    pace::Pacer,
    transcode::{FfmpegSettings, TranscoderError},
};
use testbed::clip::{self, ClipSpec};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::{Bench, FFMPEG, job};

/// A job that takes many seconds with the settings below, and is ended by every test before.
fn slow_job() -> SegmentJob {
    let spec = ClipSpec {
        width: 1280,
        height: 720,
        seconds: 4,
        ..ClipSpec::default()
    };
    job(clip::segment(spec), "1280x720@4m,1280x720@5m@30")
}

fn slow(settings: &mut FfmpegSettings) {
    settings.pacer = Pacer::fixed("placebo");
}

/// Waits for something that happens within moments.
pub(super) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let waiting = async {
        while !holds() {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(20), waiting)
        .await
        .unwrap_or_else(|_| panic!("never saw: {what}"));
}

#[tokio::test]
async fn a_cancelled_job_leaves_nothing() {
    let bench = Bench::with(slow);
    let stop = CancellationToken::new();
    let transcode = bench.transcoder.transcode(slow_job(), stop.clone());
    let cancel = async {
        until("ffmpeg at work", || {
            bench.transcoder.running() == 1 && bench.processes().len() == 1
        })
        .await;
        stop.cancel();
    };
    let (result, ()) = tokio::join!(transcode, cancel);
    assert_eq!(result.unwrap_err(), TranscodeError::Stopped);
    bench.assert_nothing_left();
}

#[tokio::test]
async fn a_dropped_job_leaves_nothing() {
    let bench = Bench::with(slow);
    let transcoder = bench.transcoder.clone();
    let task = tokio::spawn(async move { transcoder.transcode(slow_job(), CancellationToken::new()).await });
    until("ffmpeg at work", || bench.processes().len() == 1).await;
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    until("ffmpeg gone", || bench.processes().is_empty()).await;
    // The directory goes once ffmpeg is known to be gone, a moment later.
    until("its directory gone", || bench.entries() == 0).await;
    bench.assert_nothing_left();
}

#[tokio::test]
async fn a_job_past_its_deadline_is_ended() {
    let bench = Bench::with(|settings| {
        slow(settings);
        settings.deadline.least = Duration::ZERO;
        settings.deadline.most = Duration::from_millis(200);
    });
    assert_eq!(
        bench.transcode(slow_job()).await.unwrap_err(),
        TranscodeError::TimedOut
    );
}

#[tokio::test]
async fn no_more_jobs_run_than_set() {
    let bench = Arc::new(Bench::with(|settings| {
        slow(settings);
        settings.concurrency = NonZeroUsize::MIN;
    }));
    let stop = CancellationToken::new();
    let run = || {
        let (bench, stop) = (bench.clone(), stop.clone());
        tokio::spawn(async move { bench.transcoder.transcode(slow_job(), stop).await })
    };
    let (first, second) = (run(), run());
    until("one at work and one waiting", || {
        (bench.transcoder.running(), bench.transcoder.waiting()) == (1, 1) && bench.processes().len() == 1
    })
    .await;
    stop.cancel();
    for task in [first, second] {
        assert_eq!(task.await.unwrap().unwrap_err(), TranscodeError::Stopped);
    }
    bench.assert_nothing_left();
}

#[tokio::test]
async fn many_jobs_at_once_all_get_their_own_result() {
    let bench = Arc::new(Bench::new());
    let tasks: Vec<_> = (1..=4)
        .map(|seconds| {
            let bench = bench.clone();
            let source = clip::segment(ClipSpec {
                seconds,
                ..ClipSpec::default()
            });
            tokio::spawn(async move {
                bench
                    .transcoder
                    .transcode(job(source, "P144p30fps16x9"), CancellationToken::new())
                    .await
            })
        })
        .collect();
    for (task, seconds) in tasks.into_iter().zip(1..) {
        assert_eq!(task.await.unwrap().unwrap().renditions[0].frames, seconds * 30);
    }
    bench.assert_nothing_left();
}

#[tokio::test]
async fn settings_that_cannot_work_are_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let settings = |work: &str| {
        FfmpegSettings::new(
            FFMPEG.clone(),
            engine::process::Launcher::Direct,
            folder.path().join(work),
        )
    };
    let new = engine::media::transcode::FfmpegTranscoder::new;
    let mut unknown = settings("a");
    unknown.pacer = Pacer::fixed("warp");
    assert!(matches!(new(unknown), Err(TranscoderError::UnknownPreset(name)) if name == "warp"));
    std::fs::write(folder.path().join("file"), "").unwrap();
    assert!(matches!(
        new(settings("file/b")),
        Err(TranscoderError::WorkDir { .. })
    ));
    assert!(new(settings("made/on/the/way")).is_ok());
}
