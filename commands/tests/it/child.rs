//! lpctl as the helper that becomes ffmpeg: it dies with its parent and keeps to its limits.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use engine::{
    media::{
        ffmpeg::Ffmpeg,
        job::{SegmentJob, SegmentTranscoder as _},
        ladder::Ladder,
        pace::Pacer,
        transcode::{FfmpegSettings, FfmpegTranscoder},
    },
    process::{Launcher, Limits, Spawner, Streams},
};
use testbed::clip::{self, ClipSpec};
use tokio::io::AsyncReadExt as _;
use tokio_util::sync::CancellationToken;

const LPCTL: &str = env!("CARGO_BIN_EXE_lpctl");

/// Whether the process is there and is not just waiting to be collected.
fn is_alive(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ")
        .is_some_and(|(_, state)| !state.starts_with('Z'))
}

#[test]
fn ffmpeg_dies_with_a_killed_parent() {
    // The shell stands for the node. ffmpeg would go on for ten minutes.
    let script = format!(
        "{LPCTL} __child $$ -- ffmpeg -nostdin -loglevel quiet -re -f lavfi -i testsrc2=duration=600 -f null - & \
         echo $!; wait"
    );
    let mut node = Command::new("sh")
        .args(["-c", &script])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pid = String::new();
    BufReader::new(node.stdout.take().unwrap())
        .read_line(&mut pid)
        .unwrap();
    let pid = pid.trim();
    let name = || fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    let started = Instant::now();
    while name().trim() != "ffmpeg" {
        assert!(
            started.elapsed() < Duration::from_secs(20),
            "never became ffmpeg, is {}",
            name()
        );
        std::thread::yield_now();
    }
    node.kill().unwrap();
    node.wait().unwrap();
    let killed = Instant::now();
    while is_alive(pid) {
        assert!(
            killed.elapsed() < Duration::from_secs(2),
            "ffmpeg survived its parent"
        );
        std::thread::yield_now();
    }
}

#[test]
fn a_helper_that_cannot_start_says_so() {
    let run = |arguments: &[&str]| {
        let output = Command::new(LPCTL).args(arguments).output().unwrap();
        assert!(output.stdout.is_empty());
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let me = std::process::id().to_string();
    let (code, said) = run(&["__child", &me, "--", "/nowhere/ffmpeg"]);
    assert_eq!(
        (code, said.as_str()),
        (
            Some(125),
            "[fatal] cannot start /nowhere/ffmpeg: No such file or directory (os error 2)\n"
        )
    );
    let (code, said) = run(&["__child", "1", "--", "/bin/true"]);
    assert_eq!(code, Some(125));
    assert!(said.contains("the process that asked for it is gone"), "{said}");
    assert_eq!(run(&["__child"]).0, Some(125));
}

#[tokio::test]
async fn limits_and_an_empty_environment_reach_the_child() {
    let spawner = Spawner::start(Launcher::Helper(LPCTL.into())).unwrap();
    let mut command = Command::new("/bin/sh");
    command.env("LC_ALL", "C").args([
        "-c",
        "ulimit -c; ulimit -n; ulimit -t; ulimit -f; ulimit -v; nice; env | sort; pwd",
    ]);
    command.current_dir("/usr");
    let limits = Limits {
        file_bytes: Some(512 << 10),
        cpu_seconds: Some(7),
        open_files: Some(33),
        address_space: Some(2 << 30),
        niceness: Some(3),
        fence: None,
    };
    let streams = Streams {
        stdin: Stdio::null(),
        stdout: Stdio::piped(),
        stderr: Stdio::inherit(),
    };
    let mut job = spawner.spawn(&command, streams, &limits).await.unwrap();
    let mut said = String::new();
    job.take_stdout()
        .unwrap()
        .read_to_string(&mut said)
        .await
        .unwrap();
    assert!(job.wait().await.unwrap().success());
    let lines: Vec<_> = said.lines().filter(|line| !line.starts_with("_=")).collect();
    let nice = (rustix::process::getpriority_process(None).unwrap() + 3)
        .min(19)
        .to_string();
    assert_eq!(
        lines,
        [
            "0", "33", "7", "1024", "2097152", &nice, "LC_ALL=C", "PWD=/usr", "/usr"
        ]
    );
}

#[tokio::test]
async fn a_dropped_job_takes_its_whole_group_along() {
    let spawner = Spawner::start(Launcher::Helper(LPCTL.into())).unwrap();
    let mut command = Command::new("/bin/sh");
    command
        .env("PATH", "/usr/bin:/bin")
        .args(["-c", "sleep 600 & echo $!; wait"]);
    let streams = Streams {
        stdin: Stdio::null(),
        stdout: Stdio::piped(),
        stderr: Stdio::inherit(),
    };
    let mut job = spawner
        .spawn(&command, streams, &Limits::default())
        .await
        .unwrap();
    let mut pid = String::new();
    let mut stdout = tokio::io::BufReader::new(job.take_stdout().unwrap());
    tokio::io::AsyncBufReadExt::read_line(&mut stdout, &mut pid)
        .await
        .unwrap();
    assert!(is_alive(pid.trim()));
    drop(job);
    let dropped = Instant::now();
    while is_alive(pid.trim()) {
        assert!(
            dropped.elapsed() < Duration::from_secs(5),
            "the child's child survived"
        );
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_transcoder_works_through_the_helper() {
    let work = tempfile::tempdir().unwrap();
    let ffmpeg = Ffmpeg::locate(None).unwrap();
    let settings = FfmpegSettings::new(ffmpeg, Launcher::Helper(LPCTL.into()), work.path().into());
    let transcoder = FfmpegTranscoder::new(FfmpegSettings {
        pacer: Pacer::fixed("ultrafast"),
        ..settings
    })
    .unwrap();
    let job = SegmentJob {
        session: "5e551011".into(),
        seq: 1,
        source: clip::segment(ClipSpec::default()).into(),
        duration: Duration::from_secs(2),
        profiles: Ladder::default().into(),
        perceptual_hash: true,
        clip: None,
        orchestrator: "offchain".into(),
    };
    let made = transcoder.transcode(job, CancellationToken::new()).await.unwrap();
    let seen: Vec<_> = made
        .renditions
        .iter()
        .map(|made| (made.width, made.height, made.frames))
        .collect();
    assert_eq!(seen, [(426, 240, 60), (640, 360, 60)]);
}
