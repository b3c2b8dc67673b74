//! An ffmpeg that misbehaves, and a machine that is short of something: every fault gets its text and its class, leaves
//! nothing, and does not reach the session's next segment.
//!
//! The programs that stand in for ffmpeg are real processes: shell scripts that do one thing wrong while a file beside
//! them is there, and are ffmpeg otherwise.

use std::{
    fs,
    os::unix::fs::symlink,
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

use engine::{
    media::{
        ffmpeg::Ffmpeg,
        job::{FailureClass, SegmentJob, SegmentTranscoder as _, TranscodeError},
        transcode::{FfmpegSettings, WarmSettings},
    },
    process::Launcher,
    view::node::FailureCounts,
};
use tempfile::TempDir;
use testbed::clip::{self, ClipSpec};
use tokio_util::sync::CancellationToken;

use super::{Bench, FFMPEG, job, lifetime::until, program::pretender};

fn segment() -> SegmentJob {
    let source = clip::segment(ClipSpec {
        seconds: 1,
        ..ClipSpec::default()
    });
    job(source, "256x144@200k,128x72@100k")
}

/// An ffmpeg that does something wrong for as long as it is told to.
struct Faulty {
    folder: TempDir,
    ffmpeg: Ffmpeg,
}

impl Faulty {
    /// `fault` is a shell command; `REAL` in it stands for ffmpeg itself. No single quotes.
    fn new(fault: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let real = FFMPEG.path().display().to_string();
        let script = format!(
            "case $* in *-version|*-encoders) exec {real} \"$@\";; esac\n\
             ill=; if [ -e {0}/ill ]; then ill=1; fi; : > {0}/decided.$$\n\
             if [ $ill ]; then {1}; fi\nexec {real} \"$@\"",
            folder.path().display(),
            fault.replace("REAL", &real),
        );
        let ffmpeg = Ffmpeg::locate(Some(&pretender(folder.path(), &script))).unwrap();
        Self { folder, ffmpeg }
    }

    fn ill(&self, ill: bool) {
        let path = self.folder.path().join("ill");
        match ill {
            true => fs::write(path, "").unwrap(),
            false => fs::remove_file(path).unwrap(),
        }
    }

    /// Waits until the processes that wait know whether they are ill.
    async fn decided(&self, bench: &Bench) {
        let has_decided = |id: &u32| self.folder.path().join(format!("decided.{id}")).exists();
        until("all have decided", || {
            let decided = bench.processes().iter().filter(|id| has_decided(id)).count();
            decided == bench.transcoder.view().warm.ready as usize
        })
        .await;
    }

    fn bench(&self, change: impl FnOnce(&mut FfmpegSettings)) -> Bench {
        Bench::with(|settings| {
            settings.ffmpeg = self.ffmpeg.clone();
            change(settings);
        })
    }
}

/// What a class of so many failed runs looks like in the counts.
fn counts(class: FailureClass, runs: u64) -> FailureCounts {
    let mut counts = FailureCounts::default();
    *match class {
        FailureClass::Input => &mut counts.input,
        FailureClass::Device => &mut counts.device,
        FailureClass::Resource => &mut counts.resource,
        FailureClass::Ours => &mut counts.ours,
    } = runs;
    counts
}

/// Faults of a whole run, in a process that is started for the segment.
async fn check(fault: &str, text: &str, class: FailureClass, runs: u64) {
    let faulty = Faulty::new(fault);
    faulty.ill(true);
    let bench = faulty.bench(|_| {});
    let error = bench.transcode(segment()).await.unwrap_err();
    assert_eq!(
        (error.to_string().as_str(), error.class()),
        (text, Some(class)),
        "{fault}"
    );
    assert_eq!(bench.transcoder.view().failures, counts(class, runs), "{fault}");
    faulty.ill(false);
    let made = bench.transcode(segment()).await.unwrap();
    assert_eq!(made.renditions[1].frames, 30, "{fault}");
}

#[tokio::test]
async fn a_crash_is_ours() {
    let text = "TranscoderFailed: ffmpeg was ended by signal 11";
    check("kill -SEGV $$", text, FailureClass::Ours, 1).await;
    let text = "TranscoderFailed: ffmpeg was ended by signal 6";
    check(
        "head -c 9000 >/dev/null; kill -ABRT $$",
        text,
        FailureClass::Ours,
        1,
    )
    .await;
}

#[tokio::test]
async fn a_kill_from_outside_is_tried_once_more() {
    let text = "TranscoderFailed: ffmpeg was ended by signal 9";
    check(
        "head -c 9000 >/dev/null; kill -KILL $$",
        text,
        FailureClass::Resource,
        2,
    )
    .await;
}

#[tokio::test]
async fn nothing_written_and_garbage_written_are_no_success() {
    let text = "TranscoderFailed: a rendition is missing: No such file or directory (os error 2)";
    check("cat >/dev/null; exit 0", text, FailureClass::Resource, 2).await;
    let text = "TranscoderFailed: a rendition has no frames";
    check(
        "cat >/dev/null; for n in 0 1; do cat $0 >$n.ts; done; exit 0",
        text,
        FailureClass::Ours,
        1,
    )
    .await;
    check(
        "cat >/dev/null; for n in 0 1; do : >$n.ts; done; exit 0",
        text,
        FailureClass::Ours,
        1,
    )
    .await;
}

#[tokio::test]
async fn a_full_disk_and_a_limit_on_files_are_the_machines() {
    let text = "TranscoderFailed: Error writing trailer of 0.ts: No space left on device";
    check(
        "ln -s /dev/full 0.ts; exec REAL \"$@\"",
        text,
        FailureClass::Resource,
        2,
    )
    .await;
    let text = "TranscoderFailed: ffmpeg was ended by signal 25";
    check("ulimit -f 4; exec REAL \"$@\"", text, FailureClass::Resource, 2).await;
}

#[tokio::test]
async fn a_rendition_is_a_file_of_its_own() {
    // What ffmpeg turned into would like the node to publish something else, or to read for ever.
    let text = "TranscoderFailed: a rendition is missing: Too many levels of symbolic links (os error 40)";
    check(
        "cat >/dev/null; ln -s /etc/passwd 0.ts; exit 0",
        text,
        FailureClass::Resource,
        2,
    )
    .await;
    let text = "TranscoderFailed: a rendition is missing: it is no file ffmpeg may write";
    check(
        "cat >/dev/null; mkfifo 0.ts; exit 0",
        text,
        FailureClass::Resource,
        2,
    )
    .await;
    check(
        "cat >/dev/null; mkdir 0.ts; exit 0",
        text,
        FailureClass::Resource,
        2,
    )
    .await;
}

#[tokio::test]
async fn what_nobody_can_explain_is_ours_however_much_is_said() {
    let text = "TranscoderFailed: it is over";
    let flood =
        "head -c 20000000 /dev/zero | tr \"\\\\0\" x >&2; echo >&2; echo \"[error] it is over\" >&2; exit 1";
    check(flood, text, FailureClass::Ours, 1).await;
    let text = "TranscoderFailed: ffmpeg ended with exit status: 3";
    check("exit 3", text, FailureClass::Ours, 1).await;
}

#[tokio::test]
async fn the_words_of_a_driver_blame_no_device_where_there_is_none() {
    let text = "TranscoderFailed: CUDA_ERROR_UNKNOWN";
    check(
        "echo \"[error] CUDA_ERROR_UNKNOWN\" >&2; exit 1",
        text,
        FailureClass::Ours,
        1,
    )
    .await;
}

#[tokio::test]
async fn one_that_hangs_is_ended_by_the_deadline() {
    for hang in [
        "exec sleep 1000",
        "cat >/dev/null; exec sleep 1000",
        "trap : TERM; exec sleep 1000 2>&-",
    ] {
        let faulty = Faulty::new(hang);
        faulty.ill(true);
        let bench = faulty.bench(|settings| {
            settings.deadline.least = Duration::ZERO;
            settings.deadline.most = Duration::from_millis(300);
        });
        let error = bench.transcode(segment()).await.unwrap_err();
        assert_eq!(
            (error.clone(), error.class()),
            (TranscodeError::TimedOut, Some(FailureClass::Resource))
        );
        assert_eq!(
            bench.transcoder.view().failures,
            counts(FailureClass::Resource, 1)
        );
    }
}

#[tokio::test]
async fn an_upload_that_never_ends_is_ended() {
    let bench = Bench::with(|settings| settings.deadline.arrival = Duration::from_millis(500));
    let (mut incoming, source) = engine::media::arrival::arrival(0);
    incoming.push(&clip::segment(ClipSpec::default())[..20_000]);
    let error = bench
        .transcode(SegmentJob { source, ..segment() })
        .await
        .unwrap_err();
    assert_eq!(error, TranscodeError::TimedOut);
    drop(incoming);
}

#[tokio::test]
async fn one_that_fell_ill_while_it_waited_costs_nothing() {
    // Dies when its first bytes come; the next one started is well.
    let faulty = Faulty::new("head -c 1000 >/dev/null; kill -SEGV $$");
    let bench = faulty.bench(|settings| settings.warm = WarmSettings::default());
    let transcode = || bench.transcoder.transcode(segment(), CancellationToken::new());
    faulty.ill(true);
    assert!(transcode().await.is_err());
    faulty.decided(&bench).await;
    faulty.ill(false);
    // It waits, ill.
    assert_eq!(bench.transcoder.view().warm.ready, 1);
    let made = transcode().await.unwrap();
    assert_eq!((made.warm, made.renditions[0].frames), (false, 30));
    assert_eq!(bench.transcoder.view().failures.ours, 2);
    bench.transcoder.close(&segment().session);
    until("all gone", || bench.processes().is_empty()).await;
}

#[tokio::test]
async fn one_sessions_misfortune_costs_no_other_session_its_process() {
    let faulty = Faulty::new("head -c 9000 >/dev/null; kill -KILL $$");
    let bench = faulty.bench(|settings| settings.warm = WarmSettings::default());
    let transcode = async |session: &str| {
        let job = SegmentJob {
            session: session.into(),
            ..segment()
        };
        bench.transcoder.transcode(job, CancellationToken::new()).await
    };
    assert!(transcode("well").await.is_ok());
    faulty.decided(&bench).await;
    faulty.ill(true);
    let error = transcode("ill").await.unwrap_err();
    assert_eq!(error.class(), Some(FailureClass::Resource));
    assert!(transcode("well").await.unwrap().warm);
    for session in ["well", "ill"] {
        bench.transcoder.close(session);
    }
    until("all gone", || bench.processes().is_empty()).await;
}

#[tokio::test]
async fn a_helper_that_is_missing_or_fails() {
    let folder = tempfile::tempdir().unwrap();
    let helper = folder.path().join("ffmpeg");
    let bench = Bench::with(|settings| settings.launcher = Launcher::Helper(helper.clone()));
    let error = bench.transcode(segment()).await.unwrap_err();
    let text = "TranscoderFailed: cannot start ffmpeg: No such file or directory (os error 2)";
    assert_eq!(
        (error.to_string().as_str(), error.class()),
        (text, Some(FailureClass::Ours))
    );
    pretender(
        folder.path(),
        "echo \"[fatal] cannot start it: no idea\" >&2; exit 125",
    );
    let error = bench.transcode(segment()).await.unwrap_err();
    let text = "TranscoderFailed: cannot start it: no idea";
    assert_eq!(
        (error.to_string().as_str(), error.class()),
        (text, Some(FailureClass::Ours))
    );
    pretender(
        folder.path(),
        "while [ $1 != -- ]; do shift; done; shift; exec \"$@\"",
    );
    assert_eq!(bench.transcode(segment()).await.unwrap().renditions[0].frames, 30);
    assert_eq!(bench.transcoder.view().failures, counts(FailureClass::Ours, 2));
}

#[tokio::test]
async fn a_work_directory_that_is_gone_is_made_again_and_one_that_cannot_be_written_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let (work, link) = (folder.path().join("work"), folder.path().join("link"));
    fs::create_dir(&work).unwrap();
    symlink(&work, &link).unwrap();
    let bench = Bench::with(|settings| {
        settings.work_dir = link.clone();
        settings.warm = WarmSettings::default();
    });
    let transcode = || bench.transcoder.transcode(segment(), CancellationToken::new());
    assert!(transcode().await.is_ok());
    // With what waits in it.
    fs::remove_dir_all(&work).unwrap();
    fs::create_dir(&work).unwrap();
    assert_eq!(transcode().await.unwrap().renditions[0].frames, 30);
    fs::remove_file(&link).unwrap();
    assert_eq!(transcode().await.unwrap().renditions[0].frames, 30);
    fs::remove_dir_all(&link).unwrap();
    bench.transcoder.close(&segment().session);
    // Nothing can be made there, whoever tries.
    symlink("/proc", &link).unwrap();
    let error = transcode().await.unwrap_err();
    assert_eq!(error.class(), Some(FailureClass::Resource));
    assert!(
        error
            .to_string()
            .starts_with("TranscoderFailed: no job directory: "),
        "{error}"
    );
    fs::remove_file(&link).unwrap();
    assert!(transcode().await.is_ok());
    bench.transcoder.close(&segment().session);
    until("nothing left", || fs::read_dir(&link).unwrap().next().is_none()).await;
}

/// What this process holds: open files, threads, children.
fn held() -> (usize, usize, usize) {
    let count = |path: &str| fs::read_dir(path).unwrap().count();
    let tasks = fs::read_dir("/proc/self/task").unwrap().flatten();
    let children = tasks.map(|task| fs::read_to_string(task.path().join("children")).unwrap_or_default());
    let children = children.map(|ids| ids.split_whitespace().count()).sum();
    (count("/proc/self/fd"), count("/proc/self/task"), children)
}

/// In a process of its own: other tests open files too.
#[test]
fn two_hundred_segments_leave_what_two_left() {
    let this: PathBuf = std::env::current_exe().unwrap();
    let alone = Command::new(this)
        .args(["--exact", "--ignored", "media::faults::two_hundred_segments"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&alone.stdout);
    assert!(alone.status.success() && said.contains("1 passed"), "{said}");
}

#[tokio::test]
#[ignore = "run alone, by the test above"]
async fn two_hundred_segments() {
    let bench = Bench::with(|settings| settings.warm = WarmSettings::default());
    let source = clip::segment(ClipSpec {
        width: 128,
        height: 72,
        seconds: 1,
        audio: false,
        ..ClipSpec::default()
    });
    let transcode = async |session: usize, seq: u64| {
        let job = SegmentJob {
            session: format!("s{session}"),
            seq,
            ..job(source.clone(), "128x72@100k@10")
        };
        let made = bench
            .transcoder
            .transcode(job, CancellationToken::new())
            .await
            .unwrap();
        assert_eq!(made.renditions[0].frames, 10);
    };
    let mut before = None;
    for seq in 0..50 {
        tokio::join!(
            transcode(0, seq),
            transcode(1, seq),
            transcode(2, seq),
            transcode(3, seq)
        );
        if seq == 4 {
            before = Some(held());
        }
    }
    let since = Instant::now();
    let (files, threads, children) = before.unwrap();
    until("as much held as at the start", || {
        let now = held();
        now.0 <= files && now.1 <= threads && now.2 <= children
    })
    .await;
    assert!(since.elapsed() < Duration::from_secs(20));
    let warm = bench.transcoder.view().warm;
    assert_eq!((warm.ready, warm.hits, warm.misses, warm.wasted), (4, 196, 4, 0));
    for session in 0..4 {
        bench.transcoder.close(&format!("s{session}"));
    }
    until("all gone", || held().2 == 0 && bench.processes().is_empty()).await;
    until("no files", || {
        fs::read_dir(bench.work.path()).unwrap().next().is_none()
    })
    .await;
}
