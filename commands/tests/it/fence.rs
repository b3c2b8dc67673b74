//! The fence around ffmpeg, leaned on from inside: by a program of its own, by code that has taken over ffmpeg,
//! and by what ffmpeg itself can be asked to do. Each attempt also runs outside, where it must go through: else
//! it would prove nothing.

use std::{
    collections::BTreeMap,
    fs,
    io::ErrorKind,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use engine::{
    media::{
        ffmpeg::Ffmpeg,
        job::{SegmentJob, SegmentTranscoder as _},
        ladder::{Container, Profile, VideoCodec, preset},
        transcode::{FfmpegSettings, FfmpegTranscoder},
    },
    process::{
        FencePolicy, FenceSupport, Fencing, Landlock, Launcher, Limits, Spawner, Streams, fence, keep_log,
    },
};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, apply_filter};
use tempfile::TempDir;
use testbed::clip::{self, ClipSpec};
use tokio_util::sync::CancellationToken;

use crate::environment::Environment;

const LPCTL: &str = env!("CARGO_BIN_EXE_lpctl");

const PERM: i32 = 1;
const ACCES: i32 = 13;
const NOMEM: i32 = 12;
const NOSYS: i32 = 38;

/// What goes through behind the fence.
const GOES: [&str; 9] = [
    "threads",
    "job_file",
    "job_truncate",
    "job_rename",
    "job_remove",
    "loader_cache",
    "null",
    "read_limit",
    "memory",
];

/// What is refused, and how: files by landlock, all else by the filter of system calls.
const REFUSED: [(&str, i32); 38] = [
    ("passwd", ACCES),
    ("list_root", ACCES),
    ("init_environment", ACCES),
    ("read_outside", ACCES),
    ("write_outside", ACCES),
    ("list_outside", ACCES),
    ("cut_outside", PERM),
    ("make_outside", ACCES),
    ("remove_outside", ACCES),
    ("parent_memory", ACCES),
    ("parent_environment", ACCES),
    ("around_the_corner", ACCES),
    ("symlink", PERM),
    ("hard_link", PERM),
    ("folder", PERM),
    ("unnamed_file", PERM),
    ("tcp", PERM),
    ("tcp6", PERM),
    ("udp", PERM),
    ("unix", PERM),
    ("netlink", PERM),
    ("pair", PERM),
    ("connect", PERM),
    ("ring", PERM),
    ("fork", PERM),
    ("start_true", PERM),
    ("start_itself", PERM),
    ("start_opened", PERM),
    ("kill_parent", PERM),
    ("kill_parent_thread", PERM),
    ("trace_parent", PERM),
    ("read_parent", PERM),
    ("raise_limit", PERM),
    ("parent_limit", PERM),
    ("namespace", PERM),
    ("mount", PERM),
    ("key", PERM),
    ("clone3", NOSYS),
];

/// What any user may do outside of the fence, also in a container.
const ANYONE_MAY: [&str; 15] = [
    "passwd",
    "list_root",
    "read_outside",
    "write_outside",
    "list_outside",
    "make_outside",
    "remove_outside",
    "around_the_corner",
    "symlink",
    "folder",
    "tcp",
    "udp",
    "unix",
    "fork",
    "start_true",
];

fn launcher() -> Launcher {
    Launcher::Helper(LPCTL.into())
}

fn full() -> Fencing {
    let support = fence::support(&launcher()).unwrap();
    Fencing::decide(FencePolicy::Strict, &support)
        .expect("these tests need a kernel with landlock and seccomp")
}

/// The limits of a segment, with room for ffmpeg's libraries and threads.
fn limits() -> Limits {
    Limits {
        file_bytes: Some(1 << 28),
        cpu_seconds: Some(60),
        open_files: Some(128),
        address_space: Some(6 << 30),
        ..Limits::default()
    }
}

/// How a program ended, and what it said.
struct Ended {
    success: bool,
    said: String,
}

async fn run(command: Command, directory: &Path, limits: Limits) -> Ended {
    run_through(launcher(), command, directory, limits).await
}

async fn run_through(launcher: Launcher, mut command: Command, directory: &Path, limits: Limits) -> Ended {
    let spawner = Spawner::start(launcher).unwrap();
    command.current_dir(directory);
    let streams = Streams {
        stdin: Stdio::null(),
        stdout: Stdio::null(),
        stderr: Stdio::piped(),
    };
    let mut job = spawner.spawn(&command, streams, &limits).await.unwrap();
    let stderr = job.take_stderr().unwrap();
    let (log, status) = tokio::time::timeout(Duration::from_secs(60), async {
        tokio::join!(keep_log(stderr), job.wait())
    })
    .await
    .expect("it hangs");
    let said: Vec<_> = log.lines().collect();
    Ended {
        success: status.unwrap().success(),
        said: said.join("\n"),
    }
}

/// Builds the probe.
fn build(directory: &Path, name: &str, options: &[&str]) -> PathBuf {
    let made = directory.join(name);
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/fence/probe.c");
    let built = Command::new("cc")
        .args(["-O1", "-Wno-stringop-overflow", "-pthread", "-o"])
        .arg(&made)
        .args(options)
        .arg(source)
        .output()
        .expect("these tests need a C compiler, as linking Rust programs does");
    assert!(
        built.status.success(),
        "{}",
        String::from_utf8_lossy(&built.stderr)
    );
    made
}

/// A folder that is none of ffmpeg's business.
fn outside() -> TempDir {
    let outside = tempfile::tempdir().unwrap();
    for file in ["secret", "spare"] {
        fs::write(outside.path().join(file), "kept from strangers").unwrap();
    }
    outside
}

fn attempts(directory: &Path) -> BTreeMap<String, i32> {
    let text = fs::read_to_string(directory.join("probe.txt")).unwrap();
    text.lines()
        .map(|line| {
            let (name, number) = line.split_once(' ').unwrap();
            (name.to_string(), number.parse().unwrap())
        })
        .collect()
}

#[track_caller]
fn assert_fenced(attempts: &BTreeMap<String, i32>, outside: &Path) {
    let expected = GOES.map(|name| (name, 0)).into_iter().chain(REFUSED);
    let expected = expected.chain([("memory_8_gib", NOMEM)]);
    let expected: BTreeMap<_, _> = expected
        .map(|(name, number)| (name.to_string(), number))
        .collect();
    assert_eq!(*attempts, expected);
    assert_eq!(
        fs::read_to_string(outside.join("secret")).unwrap(),
        "kept from strangers"
    );
    assert_eq!(fs::read_dir(outside).unwrap().count(), 2);
}

#[tokio::test]
async fn a_program_behind_the_fence_has_its_job_and_nothing_else() {
    let programs = tempfile::tempdir().unwrap();
    // The second brings no libraries, as builds of ffmpeg for every system do.
    for (name, options) in [
        ("dynamic", &["-DPROGRAM"][..]),
        ("static", &["-DPROGRAM", "-static"]),
    ] {
        let program = build(programs.path(), name, options);
        let (job, outside) = (tempfile::tempdir().unwrap(), outside());
        let mut command = Command::new(program);
        command.env("PROBE_OUTSIDE", outside.path());
        let ended = run(command, job.path(), full().around(limits(), false)).await;
        assert!(ended.success, "{name}: {}", ended.said);
        assert_fenced(&attempts(job.path()), outside.path());
    }
}

#[tokio::test]
async fn code_that_took_over_ffmpeg_has_its_job_and_nothing_else() {
    let ffmpeg = Ffmpeg::locate(None).unwrap();
    for fencing in [Fencing::default(), full()] {
        let (job, outside) = (tempfile::tempdir().unwrap(), outside());
        build(job.path(), "probe.so", &["-shared", "-fPIC"]);
        let mut command = ffmpeg.command(ffmpeg.path());
        command
            .env("LD_PRELOAD", "./probe.so")
            .env("PROBE_OUTSIDE", outside.path())
            .args(["-hide_banner", "-version"]);
        let limits = Limits {
            // Outside of the fence the probe may take what it asks for.
            address_space: limits().address_space.filter(|_| fencing.is_full()),
            ..limits()
        };
        let ended = run(command, job.path(), fencing.around(limits, false)).await;
        assert!(ended.success, "{}", ended.said);
        let attempts = attempts(job.path());
        if fencing.is_full() {
            assert_fenced(&attempts, outside.path());
        } else {
            let went = |name: &str| attempts[name] == 0;
            let stopped: Vec<_> = ANYONE_MAY.into_iter().filter(|name| !went(name)).collect();
            assert!(stopped.is_empty(), "these fail without a fence too: {stopped:?}");
            assert!(GOES.into_iter().all(went), "{attempts:?}");
        }
    }
}

#[tokio::test]
async fn ffmpeg_itself_reaches_no_file_but_its_job() {
    let ffmpeg = Ffmpeg::locate(None).unwrap();
    let outside = tempfile::tempdir().unwrap();
    let clip = outside.path().join("secret.ts");
    fs::write(&clip, clip::segment(ClipSpec::default())).unwrap();
    let clip = clip.display();
    let movie = format!("movie={clip}");
    let subfile = format!("subfile,,start,0,end,0,,:{clip}");
    let concat = format!("concat:{clip}");
    let copy = ["-c", "copy", "-y", "-f", "mpegts", "stolen.bin"];
    let tricks: [Vec<&str>; 7] = [
        [
            &["-f", "data", "-i", "/etc/passwd", "-map", "0", "-c", "copy"][..],
            &["-f", "data", "stolen.bin"],
        ]
        .concat(),
        [&["-f", "concat", "-safe", "0", "-i", "list.txt"][..], &copy].concat(),
        [&["-i", &subfile][..], &copy].concat(),
        [&["-i", &concat][..], &copy].concat(),
        [
            &["-f", "hls", "-allowed_extensions", "ALL", "-i", "list.m3u8"][..],
            &copy,
        ]
        .concat(),
        [
            &["-f", "lavfi", "-i", &movie, "-c:v", "rawvideo"][..],
            &["-frames:v", "1", "-f", "rawvideo", "stolen.bin"],
        ]
        .concat(),
        [
            &["-f", "mpegts", "-i", "source.ts"][..],
            &["-c", "copy", "-f", "mpegts", "OUTSIDE"],
        ]
        .concat(),
    ];
    for trick in tricks {
        for fencing in [Fencing::default(), full()] {
            let (job, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
            let write = |name: &str, text: String| fs::write(job.path().join(name), text).unwrap();
            write("list.txt", format!("ffconcat version 1.0\nfile '{clip}'\n"));
            write(
                "list.m3u8",
                format!("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{clip}\n#EXT-X-ENDLIST\n"),
            );
            fs::write(job.path().join("source.ts"), clip::segment(ClipSpec::default())).unwrap();
            let written_outside = elsewhere.path().join("stolen.bin");
            let mut command = ffmpeg.command(ffmpeg.path());
            command.args(["-hide_banner", "-nostdin", "-loglevel", "error"]);
            command.args(trick.iter().map(|word| match *word {
                "OUTSIDE" => written_outside.as_os_str(),
                word => word.as_ref(),
            }));
            let ended = run(command, job.path(), fencing.around(limits(), false)).await;
            let size = |path: &Path| fs::metadata(path).map_or(0, |file| file.len());
            let stolen = size(&job.path().join("stolen.bin")) + size(&written_outside);
            if fencing.is_full() {
                assert!(!ended.success && stolen == 0, "{trick:?} went through");
                // The playlist's reader keeps the reason to itself.
                let reasons = ["Permission denied", "Error when loading first segment"];
                assert!(
                    reasons.iter().any(|reason| ended.said.contains(reason)),
                    "{trick:?}: {}",
                    ended.said
                );
            } else {
                assert!(
                    ended.success && stolen > 0,
                    "{trick:?} proves nothing: {}",
                    ended.said
                );
            }
        }
    }
}

#[tokio::test]
async fn ffmpeg_itself_reaches_nobody() {
    let ffmpeg = Ffmpeg::locate(None).unwrap();
    for fencing in [Fencing::default(), full()] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = format!("tcp://{}?timeout=2000000", listener.local_addr().unwrap());
        let job = tempfile::tempdir().unwrap();
        fs::write(job.path().join("source.ts"), clip::segment(ClipSpec::default())).unwrap();
        let mut command = ffmpeg.command(ffmpeg.path());
        command
            .args([
                "-hide_banner",
                "-nostdin",
                "-loglevel",
                "error",
                "-i",
                "source.ts",
            ])
            .args(["-c", "copy", "-f", "mpegts", &address]);
        let ended = run(command, job.path(), fencing.around(limits(), false)).await;
        let reached = listener.accept();
        if fencing.is_full() {
            assert_eq!(reached.unwrap_err().kind(), ErrorKind::WouldBlock);
            assert!(!ended.success);
            assert!(ended.said.contains("Operation not permitted"), "{}", ended.said);
        } else {
            assert!(reached.is_ok() && ended.success, "proves nothing: {}", ended.said);
        }
    }
}

/// Every kind of output, from one thread each so that they can be compared byte by byte.
fn every_output(source: &str) -> Vec<&str> {
    let one = ["-threads", "1", "-preset", "ultrafast"];
    [
        &[
            "-hide_banner",
            "-nostdin",
            "-loglevel",
            "error",
            "-copyts",
            "-f",
            "mpegts",
            "-i",
            source,
        ][..],
        &[
            "-filter_complex",
            "[0:v:0]split=4[a][b][c][d];[a]scale=160:90,signature=filename=a.bin[a2];[b]scale=160:90[b2]",
        ],
        &["-map", "[a2]", "-map", "0:a:0", "-c:a", "copy", "-c:v", "libx264"],
        &one,
        &[
            "-f", "mpegts", "a.ts", "-map", "[b2]", "-map", "0:a:0", "-c:a", "copy", "-c:v", "libx264",
        ],
        &one,
        &[
            "-movflags",
            "+faststart",
            "-f",
            "mp4",
            "b.mp4",
            "-map",
            "[c]",
            "-c:v",
            "libx265",
        ],
        &one,
        &[
            "-x265-params",
            "pools=none:frame-threads=1:log-level=error",
            "-f",
            "mpegts",
            "c.ts",
        ],
        &[
            "-map", "[d]", "-map", "0:a:0", "-c:v", "mpeg4", "-c:a", "aac", "-threads", "1", "-f", "matroska",
        ],
        &["-fflags", "+bitexact", "d.mkv"],
    ]
    .concat()
}

/// The system's, with hundreds of libraries, and one that brings none.
fn every_ffmpeg() -> [Ffmpeg; 2] {
    [None, Some(testbed::ffmpeg_7())].map(|path| Ffmpeg::locate(path.as_deref()).unwrap())
}

#[tokio::test]
async fn transcodes_are_the_same_on_both_sides() {
    for ffmpeg in every_ffmpeg() {
        let mut made = Vec::new();
        for fencing in [Fencing::default(), full()] {
            let job = tempfile::tempdir().unwrap();
            fs::write(job.path().join("source.ts"), clip::segment(ClipSpec::default())).unwrap();
            let mut command = ffmpeg.command(ffmpeg.path());
            command.args(every_output("source.ts"));
            let ended = run(command, job.path(), fencing.around(limits(), false)).await;
            assert!(ended.success, "{} {fencing}: {}", ffmpeg.version(), ended.said);
            let read = |name| fs::read(job.path().join(name)).unwrap();
            made.push(["a.bin", "a.ts", "b.mp4", "c.ts", "d.mkv"].map(read));
        }
        for (outside, inside) in made[0].iter().zip(&made[1]) {
            assert!(!outside.is_empty());
            assert!(
                outside == inside,
                "{}: {} and {} bytes",
                ffmpeg.version(),
                outside.len(),
                inside.len()
            );
        }
    }
}

#[tokio::test]
async fn the_transcoder_works_behind_the_fence_with_all_its_threads() {
    for ffmpeg in every_ffmpeg() {
        the_transcoder_works_with(ffmpeg).await;
    }
}

async fn the_transcoder_works_with(ffmpeg: Ffmpeg) {
    let work = tempfile::tempdir().unwrap();
    let settings = FfmpegSettings {
        fencing: full(),
        ..FfmpegSettings::new(ffmpeg, launcher(), work.path().into())
    };
    let transcoder = FfmpegTranscoder::new(settings).unwrap();
    transcoder.self_test().await.unwrap();
    let small = preset("P144p30fps16x9").unwrap();
    let profiles = [
        (VideoCodec::H264, Container::MpegTs),
        (VideoCodec::H264, Container::Mp4),
        (VideoCodec::H265, Container::MpegTs),
    ]
    .map(|(codec, format)| Profile {
        codec,
        format,
        ..small.clone()
    });
    for container in [Container::MpegTs, Container::Mp4] {
        let spec = ClipSpec {
            container,
            ..ClipSpec::default()
        };
        let job = SegmentJob {
            session: "5e551011".into(),
            seq: 1,
            source: clip::segment(spec).into(),
            duration: Duration::from_secs(2),
            profiles: profiles.to_vec(),
            perceptual_hash: true,
            clip: None,
            orchestrator: "offchain".into(),
        };
        let made = transcoder.transcode(job, CancellationToken::new()).await.unwrap();
        for rendition in &made.renditions {
            assert_eq!(
                (rendition.width, rendition.height, rendition.frames),
                (256, 144, 60)
            );
            assert!(
                rendition
                    .perceptual_hash
                    .as_ref()
                    .is_some_and(|hash| !hash.is_empty())
            );
        }
    }
}

#[tokio::test]
async fn a_fence_that_cannot_be_put_up_starts_nothing() {
    let job = tempfile::tempdir().unwrap();
    let script = job.path().join("script");
    fs::write(
        &script,
        format!("#!/bin/sh\n{}exit 0\n", "# padding\n".repeat(10)),
    )
    .unwrap();
    let mut script = Command::new(script);
    script.env("PATH", "/bin");
    for (command, reason) in [
        (script, "scripts do not run behind the fence"),
        (Command::new("true"), "needs its whole path"),
        (Command::new("/nowhere/ffmpeg"), "No such file"),
    ] {
        let ended = run(command, job.path(), full().around(limits(), false)).await;
        assert!(
            !ended.success && ended.said.contains(reason),
            "{reason}: {}",
            ended.said
        );
    }
    let spawner = Spawner::start(launcher()).unwrap();
    let streams = Streams {
        stdin: Stdio::null(),
        stdout: Stdio::null(),
        stderr: Stdio::null(),
    };
    let nowhere = Command::new("/bin/true");
    let refused = spawner
        .spawn(&nowhere, streams, &full().around(limits(), false))
        .await;
    assert!(
        refused
            .unwrap_err()
            .to_string()
            .contains("a directory of its own")
    );
}

/// Runs something as on a kernel that answers a system call with an error, as containers do too.
fn without<T: Send>(call: i64, error: u32, what: impl FnOnce() -> T + Send) -> T {
    let filter: BpfProgram = SeccompFilter::new(
        [(call, Vec::new())].into(),
        SeccompAction::Allow,
        SeccompAction::Errno(error),
        std::env::consts::ARCH.try_into().unwrap(),
    )
    .and_then(TryInto::try_into)
    .unwrap();
    // It holds for one thread and what that starts.
    let filtered = || {
        apply_filter(&filter).unwrap();
        what()
    };
    std::thread::scope(|scope| scope.spawn(filtered).join().unwrap())
}

#[test]
fn what_the_kernel_lacks_is_found_by_trying() {
    let support = || fence::support(&launcher()).unwrap();
    let whole = support();
    assert!(
        whole.landlock.is_whole() && whole.seccomp && whole.no_new_privileges,
        "{whole:?}"
    );
    for (error, landlock) in [
        (libc::EOPNOTSUPP, Landlock::SwitchedOff),
        (libc::ENOSYS, Landlock::Missing),
        (libc::EPERM, Landlock::Missing),
    ] {
        let found = without(libc::SYS_landlock_create_ruleset, error.unsigned_abs(), support);
        assert_eq!(found, FenceSupport { landlock, ..whole });
    }
    // It answers what it can do and then refuses.
    let found = without(libc::SYS_landlock_restrict_self, 1, support);
    assert_eq!(found.landlock, Landlock::Missing);
    let found = without(libc::SYS_seccomp, 1, support);
    assert_eq!(
        found,
        FenceSupport {
            seccomp: false,
            ..whole
        }
    );
}

#[test]
fn without_landlock_strict_refuses_auto_says_so_and_the_doctor_knows_why() {
    let environment = Environment::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let lacking = |arguments: &[&str]| {
        without(
            libc::SYS_landlock_create_ruleset,
            libc::EOPNOTSUPP.unsigned_abs(),
            || environment.lpctl(arguments),
        )
    };
    let run = [
        "run",
        "--bind",
        &taken,
        "--operator-addr",
        "127.0.0.1:0",
        "--fence",
    ];
    let error = lacking(&[&run[..], &["strict", "--json"]].concat())
        .expect_code(4)
        .error();
    assert_eq!(error["code"], "not_fenced");
    // Here it goes on until the port, through a trial behind what is left of the fence.
    let said = lacking(&[&run[..], &["auto"]].concat()).expect_code(1).stderr;
    assert!(
        said.contains("not fenced off fully: landlock is switched off"),
        "{said}"
    );
    assert!(said.contains("something listens on port"), "{said}");
    let text = lacking(&["doctor"]).expect_code(0).stdout;
    assert!(text.contains("! landlock") && text.contains("lsm="), "{text}");
    assert!(text.contains("fence: partial"), "{text}");
    lacking(&["doctor", "--fence", "strict"]).expect_code(1);
}

#[test]
fn a_node_tells_what_it_does_about_the_fence() {
    let environment = Environment::new();
    // The port is taken, so the node ends right after it has told.
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let start = |policy: &str| {
        let arguments = [
            "run",
            "--bind",
            &taken,
            "--operator-addr",
            "127.0.0.1:0",
            "--fence",
            policy,
        ];
        environment.lpctl(&arguments).expect_code(1).stderr
    };
    assert!(start("off").contains("the fence is off"));
    for policy in ["strict", "auto"] {
        let said = start(policy);
        assert!(
            said.contains("runs behind the fence") && !said.contains("fenced off"),
            "{said}"
        );
    }
    let said = environment
        .lpctl(&["run", "--fence", "maybe"])
        .expect_code(2)
        .stderr;
    assert!(said.contains("strict"), "{said}");
}

/// Not a proof but a figure: `cargo test --workspace --release --test it fence::cost -- --ignored --nocapture`.
#[tokio::test]
#[ignore = "measures, and needs the machine for itself"]
async fn cost() {
    const RUNS: usize = 40;
    let ffmpeg = Ffmpeg::locate(None).unwrap();
    let (job, full) = (tempfile::tempdir().unwrap(), full());
    fs::write(job.path().join("source.ts"), clip::segment(ClipSpec::default())).unwrap();
    let start = || ffmpeg.command("/bin/true".as_ref());
    let transcode = || {
        let mut command = ffmpeg.command(ffmpeg.path());
        command.args(every_output("source.ts")).arg("-y");
        command
    };
    let commands: [(&str, usize, &dyn Fn() -> Command); 2] = [
        ("start of /bin/true", RUNS, &start),
        ("transcode", RUNS / 4, &transcode),
    ];
    for (name, runs, command) in commands {
        let mut took = [const { Vec::new() }; 3];
        // In turn, so that a busy moment of the machine hits all.
        for _ in 0..runs {
            let ways = [
                (Launcher::Direct, Limits::default()),
                (launcher(), limits()),
                (launcher(), full.around(limits(), false)),
            ];
            for ((launcher, limits), took) in ways.into_iter().zip(&mut took) {
                let started = Instant::now();
                let ended = run_through(launcher, command(), job.path(), limits).await;
                took.push(started.elapsed());
                assert!(ended.success, "{}", ended.said);
            }
        }
        let [bare, limited, fenced] = took.map(|mut took| {
            took.sort();
            took[took.len() / 2]
        });
        let ratio = fenced.as_secs_f64() / bare.as_secs_f64();
        println!(
            "{name}: {bare:?} bare, {limited:?} with limits, {fenced:?} fenced too, ratio {ratio:.3} to bare"
        );
    }
}
