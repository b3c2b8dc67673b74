//! `lpctl gateway push`: a node as a program, a pusher as a program, and what both say.

use std::{
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::Value;
use testbed::clip::{ClipSpec, drawn, file};

use crate::environment::Environment;

/// A running `lpctl run`; killed with the test, and all it started with it.
struct Node {
    child: Child,
    service_uri: String,
    operator_url: String,
}

impl Node {
    fn start(environment: &Environment) -> Self {
        use std::os::unix::process::CommandExt as _;
        let mut command = environment.command(&["run", "--json", "--preset", "ultrafast"]);
        command.args(["--bind", "127.0.0.1:0", "--operator-addr", "127.0.0.1:0"]);
        command
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let ready: Value =
            serde_json::from_str(&line).unwrap_or_else(|_| panic!("no ready line but {line:?}"));
        Self {
            child,
            service_uri: ready["service_uri"].as_str().unwrap().to_string(),
            operator_url: ready["operator_url"].as_str().unwrap().to_string(),
        }
    }

    /// Whether it made renditions.
    fn has_worked(&self) -> bool {
        let url = format!("{}/api/v1/status", self.operator_url);
        let client = engine::wire::client::download_client(Duration::from_secs(10)).unwrap();
        let ask = async { client.get(url).send().await.unwrap().bytes().await.unwrap() };
        let answer = tokio::runtime::Runtime::new().unwrap().block_on(ask);
        let status: Value = serde_json::from_slice(&answer).unwrap();
        status["work"]["pixels"].as_u64().unwrap() > 0
    }

    fn kill(&mut self) {
        let group = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        let _ = kill_process_group(group, Signal::KILL);
        let _ = self.child.wait();
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}

fn clip(seconds: u32) -> String {
    let spec = ClipSpec {
        seconds,
        ..ClipSpec::default()
    };
    file(spec).to_str().unwrap().to_string()
}

#[test]
fn a_push_through_a_running_node_comes_back_right() {
    let environment = Environment::new();
    let node = Node::start(&environment);
    let clip = clip(6);
    let out = environment.home().join("renditions");
    let push = [
        "gateway",
        "push",
        &clip,
        "--orch",
        &node.service_uri,
        "--ladder",
        "256x144@300k,P144p30fps16x9",
    ];

    let told = environment.lpctl(&push).expect_code(0);
    assert!(
        told.stdout
            .starts_with("✓ 3 segments sent, 6 renditions came back right\n"),
        "{}",
        told.stdout
    );
    assert!(
        told.stdout.contains("exactly as many found by decoding"),
        "{}",
        told.stdout
    );

    let json = [
        &push[..],
        &["--json", "--out", out.to_str().unwrap(), "--repeat", "2"],
    ]
    .concat();
    let data = environment.lpctl(&json).expect_code(0).data();
    assert_eq!(data["segments"]["done"], 6);
    assert_eq!(data["renditions"]["verified"], 12);
    assert_eq!(data["pixels_reported"], data["pixels_verified"]);
    assert_eq!(data["pixels_reported"], 2 * 360 * 256 * 144);
    assert!(out.join("master.m3u8").is_file());
}

#[test]
fn what_cannot_be_sent_is_told_with_its_class() {
    let environment = Environment::new();
    let nobody = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("https://{}", listener.local_addr().unwrap())
    };
    let error = |file: &str, more: &[&str], code| {
        let push = [&["gateway", "push", file, "--orch", &nobody, "--json"], more].concat();
        let error = environment.lpctl(&push).expect_code(code).error();
        assert!(error["hint"].is_string(), "no next step: {error}");
        error["code"].as_str().unwrap().to_string()
    };
    assert_eq!(error(&clip(2), &[], 7), "orchestrator_unreachable");
    assert_eq!(error("nothing.mp4", &[], 1), "input_missing");
    let sound = drawn("commands-sound.m4a", |command: &mut Command| {
        command.args(["-f", "lavfi", "-i", "sine=duration=1", "-c:a", "aac", "-f", "mp4"]);
    });
    assert_eq!(error(sound.to_str().unwrap(), &[], 1), "input_without_video");
    assert_eq!(error(&clip(2), &["--ladder", "P999p"], 2), "usage");
    assert_eq!(error(&clip(2), &["--segment-seconds", "0"], 2), "usage");
    assert_eq!(
        error(&clip(2), &["--ffmpeg", "/nonexistent/ffmpeg"], 1),
        "ffmpeg_missing"
    );
}

#[test]
fn a_node_killed_half_way_leaves_a_list_and_exit_1() {
    let environment = Environment::new();
    let mut node = Node::start(&environment);
    let out: PathBuf = environment.home().join("renditions");
    let clip = clip(20);
    let mut pusher = environment.command(&["gateway", "push", &clip, "--orch", &node.service_uri, "--json"]);
    pusher.args([
        "--ladder",
        "256x144@300k",
        "--concurrency",
        "1",
        "--out",
        out.to_str().unwrap(),
    ]);
    let pusher = pusher
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while !has_second(&out) {
        assert!(Instant::now() < deadline, "no rendition arrived");
        std::thread::yield_now();
    }
    node.kill();
    let outcome: crate::environment::Outcome = pusher.wait_with_output().unwrap().into();
    let error = outcome.expect_code(1).error();
    assert_eq!(error["code"], "push_incomplete");
    let hint = error["hint"].as_str().unwrap();
    assert!(hint.starts_with("is the node running (`lpctl run`)?"), "{hint}");
    let report = &error["details"];
    let failed = report["segments"]["failed"].as_u64().unwrap();
    assert!(
        failed > 0 && report["segments"]["done"].as_u64().unwrap() >= 1,
        "{report}"
    );
    assert_eq!(report["failures"].as_array().unwrap().len() as u64, failed);
}

#[test]
fn of_two_nodes_one_may_be_killed_and_no_segment_is_lost() {
    // Each node has its files to itself.
    let (environment, other) = (Environment::new(), Environment::new());
    let mut nodes = [Node::start(&environment), Node::start(&other)];
    let out: PathBuf = environment.home().join("renditions");
    let clip = clip(20);
    let [one, two] = &nodes;
    let mut pusher = environment.command(&["gateway", "push", &clip, "--json"]);
    pusher.args(["--orch", &one.service_uri, "--orch", &two.service_uri]);
    pusher.args(["--ladder", "256x144@300k", "--out", out.to_str().unwrap()]);
    let pusher = pusher
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while !has_second(&out) {
        assert!(Instant::now() < deadline, "no rendition arrived");
        std::thread::yield_now();
    }
    // One that works; the other may do so too.
    let at_work = nodes
        .iter()
        .position(Node::has_worked)
        .expect("somebody made the renditions");
    nodes[at_work].kill();
    let outcome: crate::environment::Outcome = pusher.wait_with_output().unwrap().into();
    let report = outcome.expect_code(0).data();
    assert_eq!(report["segments"]["done"], 10, "{report}");
    assert_eq!(report["segments"]["failed"], 0);
    assert_eq!(report["renditions"]["verified"], 10);
    let shares = report["orchestrators"].as_array().unwrap();
    let segments = |uri: &str| {
        let share = shares.iter().find(|share| share["url"] == uri);
        share.map_or(0, |share| share["segments"].as_u64().unwrap())
    };
    let [killed, other] = [at_work, 1 - at_work].map(|node| segments(&nodes[node].service_uri));
    assert!(other >= 1 && killed + other == 10, "{report}");
}

/// Whether a second rendition lies in the one folder there is.
fn has_second(out: &std::path::Path) -> bool {
    let Ok(mut folders) = std::fs::read_dir(out) else {
        return false;
    };
    folders.any(|folder| folder.is_ok_and(|folder| folder.path().join("1.ts").exists()))
}
