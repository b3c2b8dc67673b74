//! `kill -9`, of any ffmpeg at any time and of the node: what it costs and what stays behind.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use engine::{
    media::{
        arrival::arrival,
        ffmpeg::Ffmpeg,
        job::{SegmentJob, SegmentTranscoder as _},
        ladder::Ladder,
        pace::Pacer,
        transcode::{FfmpegSettings, FfmpegTranscoder},
    },
    process::Launcher,
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use testbed::clip::{self, ClipSpec, file};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::environment::Environment;

const LPCTL: &str = env!("CARGO_BIN_EXE_lpctl");
/// Longest wait for what happens within moments.
const PATIENCE: Duration = Duration::from_secs(30);

/// Processes whose working directory is below `folder`.
fn processes(folder: &Path) -> Vec<i32> {
    let all = fs::read_dir("/proc").unwrap().flatten();
    all.filter(|entry| fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd.starts_with(folder)))
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}

fn kill(id: i32) -> bool {
    kill_process(Pid::from_raw(id).unwrap(), Signal::KILL).is_ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ffmpeg_killed_at_any_time_costs_no_other_segment() {
    let work = tempfile::tempdir().unwrap();
    let ffmpeg = Ffmpeg::locate(None).unwrap();
    let transcoder = FfmpegTranscoder::new(FfmpegSettings {
        pacer: Pacer::fixed("ultrafast"),
        ..FfmpegSettings::new(ffmpeg, Launcher::Helper(LPCTL.into()), work.path().into())
    })
    .unwrap();
    let data = clip::segment(ClipSpec::default());
    let (mut killed, mut failed) = (0, 0);
    for seq in 0..24_u64 {
        let (mut incoming, source) = arrival(data.len());
        let job = SegmentJob {
            session: "5e551011".into(),
            seq,
            source,
            duration: Duration::from_secs(2),
            profiles: Ladder::parse("256x144@200k").unwrap().into(),
            perceptual_hash: false,
            clip: None,
            orchestrator: "offchain".into(),
        };
        let arriving = async {
            for part in data.chunks(data.len().div_ceil(4)) {
                sleep(Duration::from_millis(10)).await;
                incoming.push(part);
            }
            let _ = incoming.finish();
        };
        // Every third segment is left alone. The others lose whatever runs: before the first byte, with it, at the
        // end, in the middle of encoding, and the one that waits for the next segment too.
        let killing = async {
            if seq % 3 != 2 {
                sleep(Duration::from_millis(seq * 7)).await;
                for id in processes(work.path()) {
                    killed += u32::from(kill(id));
                }
            }
        };
        let transcoding = transcoder.transcode(job, CancellationToken::new());
        let (made, (), ()) = tokio::join!(transcoding, arriving, killing);
        match made {
            Ok(made) => assert_eq!(made.renditions[0].frames, 60, "segment {seq}"),
            Err(error) => {
                assert_ne!(seq % 3, 2, "segment {seq}, which nobody touched: {error}");
                failed += 1;
            }
        }
    }
    assert!(killed > 8, "only {killed} were there to be killed");
    assert!(failed <= 16, "{failed} failed");
    transcoder.close("5e551011");
    let closed = Instant::now();
    while !processes(work.path()).is_empty() || fs::read_dir(work.path()).unwrap().count() > 0 {
        assert!(closed.elapsed() < PATIENCE, "something is left");
        sleep(Duration::from_millis(5)).await;
    }
}

/// A node with a work directory of its own; killed with the test.
struct Node(Child, String);

impl Node {
    fn start(environment: &Environment, work: &Path) -> Self {
        let mut node = environment.command(&["run", "--json", "--preset", "ultrafast"]);
        node.args(["--bind", "127.0.0.1:0", "--operator-addr", "127.0.0.1:0"]);
        node.arg("--work-dir").arg(work);
        let mut child = node
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("no ready line: {line:?}"));
        Self(child, ready["service_uri"].as_str().unwrap().to_string())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_killed_node_takes_what_waits_along_and_the_next_one_tidies_up() {
    let environment = Environment::new();
    let work = environment.home().join("segments");
    let node = Node::start(&environment, &work);
    let clip = file(ClipSpec {
        seconds: 20,
        ..ClipSpec::default()
    });
    let push = ["gateway", "push", clip.to_str().unwrap(), "--orch", &node.1];
    let more = [
        "--ladder",
        "256x144@200k",
        "--no-verify",
        "--concurrency",
        "1",
        "--repeat",
        "50",
    ];
    let mut pusher = environment
        .command(&[&push[..], &more].concat())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // One at work, and one that waits for the segment after it.
    let pushed = Instant::now();
    let running = loop {
        let found = processes(&work);
        if found.len() > 1 {
            break found;
        }
        assert!(
            pushed.elapsed() < PATIENCE,
            "no ffmpeg waits beside one at work: {found:?}"
        );
        std::thread::yield_now();
    };
    // Only the node itself, not its group.
    assert!(kill(i32::try_from(node.0.id()).unwrap()));
    let killed = Instant::now();
    while !processes(&work).is_empty() {
        assert!(killed.elapsed() < PATIENCE, "{running:?} outlived the node");
        std::thread::yield_now();
    }
    drop(node);
    pusher.kill().unwrap();
    pusher.wait().unwrap();
    assert!(
        fs::read_dir(&work).unwrap().count() > 0,
        "nobody was there to remove it"
    );
    let _next = Node::start(&environment, &work);
    let left: Vec<_> = fs::read_dir(&work)
        .unwrap()
        .flatten()
        .map(|entry| entry.file_name())
        .collect();
    assert!(left.is_empty(), "{left:?}");
}
