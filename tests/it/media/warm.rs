//! The ffmpeg that waits for a session's next segment, and segments that are fed to it while they arrive.

use std::time::{Duration, Instant};

use bytes::Bytes;
use engine::{
    media::{
        arrival::{Incoming, arrival},
        job::{SegmentJob, SegmentTranscoder as _, TranscodeError, Transcoded},
        ladder::Container,
        transcode::{FfmpegSettings, WarmSettings},
    },
    view::node::WarmView,
};
use rustix::process::{Pid, Signal, kill_process};
use testbed::clip::{self, ClipSpec};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::{Bench, drawn, job, lifetime::until, packets};

const LADDER: &str = "256x144@300k@30,128x72@100k@30";

fn warm(settings: &mut FfmpegSettings) {
    settings.warm = WarmSettings::default();
}

fn segment() -> Bytes {
    clip::segment(ClipSpec::default())
}

fn of_session(session: &str, source: Bytes) -> SegmentJob {
    SegmentJob {
        session: session.into(),
        ..job(source, LADDER)
    }
}

impl Bench {
    /// Transcodes and leaves what waits.
    async fn keep(&self, job: SegmentJob) -> Result<Transcoded, TranscodeError> {
        self.transcoder.transcode(job, CancellationToken::new()).await
    }

    fn warm(&self) -> WarmView {
        self.transcoder.view().warm
    }

    fn counts(&self) -> [u64; 3] {
        let WarmView {
            hits, misses, wasted, ..
        } = self.warm();
        [hits, misses, wasted]
    }

    async fn gone(&self) {
        until("everything gone", || self.is_empty()).await;
        self.assert_nothing_left();
    }

    fn is_empty(&self) -> bool {
        self.processes().is_empty()
            && std::fs::read_dir(self.work.path()).is_ok_and(|mut left| left.next().is_none())
    }
}

/// Pushes a segment in so many parts with pauses between them. The last part is given back unpushed.
async fn push_most(incoming: &mut Incoming, source: &Bytes, parts: usize) -> Bytes {
    let each = source.len().div_ceil(parts);
    for part in 0..parts - 1 {
        incoming.push(&source[part * each..(part + 1) * each]);
        sleep(Duration::from_millis(30)).await;
    }
    source.slice((parts - 1) * each..)
}

#[tokio::test]
async fn a_session_finds_its_next_ffmpeg_waiting() {
    let bench = Bench::with(|settings| {
        warm(settings);
        settings.encoder_threads = Some(1);
    });
    let cold = bench.keep(of_session("a", segment())).await.unwrap();
    assert!(!cold.warm);
    assert_eq!((bench.warm().ready, bench.counts()), (1, [0, 1, 0]));
    let waiting = bench.processes();
    assert_eq!(waiting.len(), 1);
    let made = bench.keep(of_session("a", segment())).await.unwrap();
    assert!(made.warm);
    assert_eq!(bench.counts(), [1, 1, 0]);
    assert_ne!(bench.processes(), waiting);
    // With one thread an encoder repeats itself: whether a process waited or was fed slowly changes no byte.
    for (cold, warm) in cold.renditions.iter().zip(&made.renditions) {
        assert_eq!(cold.frames, 60);
        assert!(cold.data == warm.data);
    }
    bench.transcoder.close("a");
    bench.gone().await;
    assert_eq!(bench.counts(), [1, 1, 1]);
}

#[tokio::test]
async fn an_ffmpeg_is_loaded_in_the_pause_after_a_segment_and_without_pauses_before_its_end() {
    let bench = Bench::with(warm);
    // What runs beside the segment's own ffmpeg, at any moment until it is done.
    let most = async || {
        let mut transcode = std::pin::pin!(bench.keep(of_session("a", segment())));
        let mut most = 0;
        loop {
            tokio::select! {
                made = &mut transcode => {
                    made.unwrap();
                    return most;
                }
                () = sleep(Duration::from_millis(2)) => most = most.max(bench.processes().len()),
            }
        }
    };
    assert_eq!(most().await, 1);
    assert_eq!(bench.processes().len(), 1);
    // The next one comes at once, and so may those after it.
    assert_eq!(most().await, 2);
    assert_eq!(most().await, 2);
    bench.transcoder.close("a");
    bench.gone().await;
}

#[tokio::test]
async fn another_ladder_retires_what_waits_and_other_sessions_have_their_own() {
    let bench = Bench::with(warm);
    bench.keep(of_session("a", segment())).await.unwrap();
    bench.keep(of_session("b", segment())).await.unwrap();
    assert_eq!((bench.warm().ready, bench.counts()), (2, [0, 2, 0]));
    let other = SegmentJob {
        session: "a".into(),
        ..job(segment(), "128x72@100k@15")
    };
    assert!(!bench.keep(other.clone()).await.unwrap().warm);
    assert_eq!((bench.warm().ready, bench.counts()), (2, [0, 3, 1]));
    assert!(bench.keep(other).await.unwrap().warm);
    assert!(bench.keep(of_session("b", segment())).await.unwrap().warm);
    assert_eq!(bench.counts(), [2, 3, 1]);
    // All go with the transcoder.
    let Bench { work, transcoder } = bench;
    drop(transcoder);
    until("all gone", || {
        std::fs::read_dir(work.path()).unwrap().next().is_none()
    })
    .await;
}

#[tokio::test]
async fn what_waits_too_long_or_dies_goes() {
    let bench = Bench::with(|settings| {
        warm(settings);
        settings.warm.idle = Duration::from_millis(1500);
    });
    bench.keep(of_session("a", segment())).await.unwrap();
    bench.keep(of_session("b", segment())).await.unwrap();
    let [one, other] = bench.processes()[..] else {
        panic!("two wait")
    };
    kill(one);
    until("the dead one is noticed", || bench.warm().ready == 1).await;
    until("the other one is too old", || bench.warm().ready == 0).await;
    bench.gone().await;
    assert_eq!(bench.counts(), [0, 2, 2]);
    assert!(one != other);
}

fn kill(id: u32) {
    let id = Pid::from_raw(id.try_into().unwrap()).unwrap();
    kill_process(id, Signal::KILL).unwrap();
}

#[tokio::test]
async fn one_that_died_is_not_used() {
    let bench = Bench::with(warm);
    bench.keep(of_session("a", segment())).await.unwrap();
    kill(bench.processes()[0]);
    // Whether it is seen before or while it is used: the segment does not suffer.
    let made = bench.keep(of_session("a", segment())).await.unwrap();
    assert!(!made.warm);
    assert_eq!(made.renditions[0].frames, 60);
    assert!(bench.keep(of_session("a", segment())).await.unwrap().warm);
    bench.transcoder.close("a");
    bench.gone().await;
}

#[tokio::test]
async fn killed_in_the_middle_it_is_tried_again() {
    let bench = Bench::with(warm);
    for warm in [false, true] {
        let (mut incoming, source) = arrival(0);
        let all = segment();
        let transcode = bench.keep(SegmentJob {
            source,
            ..of_session("a", Bytes::new())
        });
        let killer = async {
            let rest = push_most(&mut incoming, &all, 3).await;
            until("it runs", || {
                bench.transcoder.running() == 1 && bench.processes().len() == 1
            })
            .await;
            let id = bench.processes()[0];
            kill(id);
            until("another one runs", || {
                bench.processes().iter().any(|now| *now != id)
            })
            .await;
            incoming.push(&rest);
            let _ = incoming.finish();
        };
        let (made, ()) = tokio::join!(transcode, killer);
        let made = made.unwrap();
        assert_eq!((made.renditions[0].frames, made.warm), (60, false), "warm {warm}");
        let failures = bench.transcoder.view().failures;
        assert_eq!(failures.resource, 1 + u64::from(warm));
        assert_eq!(failures.ours + failures.input, 0);
    }
    bench.transcoder.close("a");
    bench.gone().await;
}

#[tokio::test]
async fn decoding_goes_on_while_a_segment_arrives() {
    let bench = Bench::with(warm);
    // Far fewer bytes than ffmpeg would like to look at.
    let all = segment();
    assert!(all.len() < 300_000);
    let (mut incoming, source) = arrival(all.len());
    let transcode = bench.keep(SegmentJob {
        source,
        ..of_session("a", Bytes::new())
    });
    let arrive = async {
        let rest = push_most(&mut incoming, &all, 10).await;
        until("renditions before the end", || {
            let jobs = std::fs::read_dir(bench.work.path()).unwrap().flatten();
            jobs.into_iter().any(|job| job.path().join("0.ts").exists())
        })
        .await;
        incoming.push(&rest);
        let _ = incoming.finish();
        Instant::now()
    };
    let (made, finished) = tokio::join!(transcode, arrive);
    let made = made.unwrap();
    assert!(made.elapsed <= finished.elapsed());
    let whole = bench.keep(of_session("a", all)).await.unwrap();
    assert!(whole.warm);
    let times = |made: &Transcoded| {
        packets(&made.renditions[0].data, "v:0")
            .iter()
            .map(|packet| packet.pts)
            .collect::<Vec<_>>()
    };
    assert_eq!(times(&made), times(&whole));
    bench.transcoder.close("a");
    bench.gone().await;
}

#[tokio::test]
async fn what_does_not_arrive_is_thrown_away() {
    let bench = Bench::with(warm);
    let all = segment();
    for parts in [2, 5] {
        let (mut incoming, source) = arrival(0);
        let transcode = bench.keep(SegmentJob {
            source,
            ..of_session("a", Bytes::new())
        });
        let cut = async {
            push_most(&mut incoming, &all, parts).await;
            until("it runs", || bench.transcoder.running() == 1).await;
            drop(incoming);
        };
        let (made, ()) = tokio::join!(transcode, cut);
        assert_eq!(made.unwrap_err(), TranscodeError::Stopped);
        assert_eq!(bench.processes(), Vec::<u32>::new());
    }
    let view = bench.transcoder.view();
    assert_eq!(
        (view.speculative_discarded, view.failures),
        (2, Default::default())
    );
    // The next one of the session is none the worse.
    assert_eq!(
        bench.keep(of_session("a", all)).await.unwrap().renditions[0].frames,
        60
    );
    bench.transcoder.close("a");
    bench.gone().await;
}

#[tokio::test]
async fn what_is_no_segment_is_refused_before_it_is_here() {
    let bench = Bench::with(warm);
    let (mut incoming, source) = arrival(0);
    incoming.push("#EXTM3U\n".repeat(20_000).as_bytes());
    let refused = timeout(
        Duration::from_secs(20),
        bench.keep(SegmentJob {
            source,
            ..of_session("a", Bytes::new())
        }),
    );
    assert_eq!(refused.await.unwrap().unwrap_err(), TranscodeError::INVALID_VIDEO);
    drop(incoming);
    assert_eq!(bench.transcoder.view().failures.input, 1);
    bench.assert_nothing_left();
}

#[tokio::test]
async fn a_refusal_ends_ffmpeg_and_costs_no_other_segment() {
    let bench = Bench::with(warm);
    bench.keep(of_session("a", segment())).await.unwrap();
    // Sound for six minutes: ffmpeg would take it.
    let long = drawn(
        "long.ts",
        &[
            "-f",
            "lavfi",
            "-i",
            "testsrc2=s=128x72:r=1:d=360",
            "-c:v",
            "libx264",
            "-preset",
            "ultrafast",
            "-g",
            "30",
            "-f",
            "mpegts",
        ],
    );
    assert_eq!(
        bench.keep(of_session("a", long)).await.unwrap_err(),
        TranscodeError::INVALID_DURATION
    );
    assert!(bench.transcoder.running() == 0);
    let made = bench.keep(of_session("a", segment())).await.unwrap();
    assert_eq!(made.renditions[0].frames, 60);
    bench.transcoder.close("a");
    bench.gone().await;
}

#[tokio::test]
async fn mp4_works_whatever_the_order_of_its_parts() {
    let bench = Bench::with(warm);
    let spec = ClipSpec {
        container: Container::Mp4,
        ..ClipSpec::default()
    };
    let index_last = clip::segment(spec);
    let file = clip::file(spec);
    let index_first = drawn(
        "index-first.mp4",
        &[
            "-i",
            file.to_str().unwrap(),
            "-c",
            "copy",
            "-movflags",
            "+faststart",
            "-f",
            "mp4",
        ],
    );
    for (source, warm_next) in [(index_last, 0), (index_first, 1)] {
        let (mut incoming, arriving) = arrival(0);
        let transcode = bench.keep(SegmentJob {
            source: arriving,
            ..of_session("a", Bytes::new())
        });
        let arrive = async {
            let rest = push_most(&mut incoming, &source, 4).await;
            incoming.push(&rest);
            let _ = incoming.finish();
        };
        let (made, ()) = tokio::join!(transcode, arrive);
        let made = made.unwrap();
        assert_eq!(made.renditions[0].frames, 60);
        assert_eq!(bench.warm().ready, warm_next);
    }
    bench.transcoder.close("a");
    bench.gone().await;
}

#[tokio::test]
async fn sound_that_starts_late_is_read_from_what_was_kept() {
    let bench = Bench::with(warm);
    let late = drawn(
        "late-sound-warm.ts",
        &[
            "-f",
            "lavfi",
            "-i",
            "testsrc2=s=320x180:r=30:d=2",
            "-itsoffset",
            "1.2",
            "-f",
            "lavfi",
            "-i",
            "sine=frequency=440:sample_rate=48000:duration=0.8",
            "-map",
            "0:v",
            "-map",
            "1:a",
            "-c:v",
            "libx264",
            "-preset",
            "ultrafast",
            "-g",
            "30",
            "-c:a",
            "aac",
            "-ac",
            "2",
            "-muxdelay",
            "0",
            "-f",
            "mpegts",
        ],
    );
    let made = bench.keep(of_session("a", late.clone())).await.unwrap();
    assert_eq!(made.renditions[0].frames, 60);
    assert_eq!(
        packets(&made.renditions[0].data, "a:0").len(),
        packets(&late, "a:0").len()
    );
    // What waits is for usual segments.
    assert!(bench.keep(of_session("a", segment())).await.unwrap().warm);
    assert_eq!(bench.counts(), [1, 1, 0]);
    bench.transcoder.close("a");
    bench.gone().await;
}

#[tokio::test]
async fn a_session_that_ends_while_it_works_leaves_nothing_waiting() {
    let bench = Bench::with(warm);
    let (mut incoming, source) = arrival(0);
    let all = segment();
    let transcode = bench.keep(SegmentJob {
        source,
        ..of_session("a", Bytes::new())
    });
    let end = async {
        let rest = push_most(&mut incoming, &all, 2).await;
        until("it runs", || bench.transcoder.running() == 1).await;
        bench.transcoder.close("a");
        incoming.push(&rest);
        let _ = incoming.finish();
    };
    let (made, ()) = tokio::join!(transcode, end);
    made.unwrap();
    assert_eq!(bench.warm().ready, 0);
    bench.gone().await;
}

#[tokio::test]
async fn no_more_wait_than_there_may() {
    let bench = Bench::with(|settings| {
        warm(settings);
        settings.warm.most = Some(1);
    });
    assert_eq!(bench.warm().bound, 1);
    bench.keep(of_session("a", segment())).await.unwrap();
    bench.keep(of_session("b", segment())).await.unwrap();
    assert_eq!((bench.warm().ready, bench.processes().len()), (1, 1));
    assert!(bench.keep(of_session("a", segment())).await.unwrap().warm);
    bench.transcoder.close("a");
    bench.transcoder.close("b");
    bench.gone().await;
}
