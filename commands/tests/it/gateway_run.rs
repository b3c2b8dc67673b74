//! `lpctl gateway run`: a node and a gateway as programs, live streams from ffmpeg, players on the other side.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    time::Duration,
};

use engine::{
    gateway::ingest::KeyRing,
    view::ingest::{SegmentOutcome, SegmentRecord},
    wire::client,
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use testbed::clip::{ClipSpec, file};

use crate::{environment::Environment, operator::Operator, remote::Network, run::Node};

/// A test that waits longer than this for anything hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running `lpctl gateway run --json`; killed with the test.
struct Gateway {
    child: Child,
    stdout: BufReader<ChildStdout>,
    ready: Value,
}

impl Gateway {
    fn start(environment: &Environment, arguments: &[&str]) -> Self {
        let mut command = environment.command(&["gateway", "run", "--json"]);
        for port in ["--http-addr", "--rtmp-addr", "--cli-addr"] {
            command.args([port, "127.0.0.1:0"]);
        }
        let mut child = command
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap_or_else(|_| {
            let mut said = String::new();
            child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
            panic!("no ready line but {line:?}: {said}")
        });
        assert_eq!(ready["event"], "ready");
        Self { child, stdout, ready }
    }

    fn url(&self, of: &str, path: &str) -> String {
        format!("{}{path}", self.ready[of].as_str().unwrap())
    }

    /// The next event.
    fn event(&mut self) -> Value {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("no event but {line:?}"))
    }

    /// Asks it to end and waits: the exit code and the last event.
    fn stop(&mut self) -> (Option<i32>, Value) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, Signal::TERM).unwrap();
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        let status = self.child.wait().unwrap();
        let last = rest.lines().last().unwrap_or("null");
        (status.code(), serde_json::from_str(last).unwrap())
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A clip that is pushed live.
fn clip(seconds: u32) -> PathBuf {
    file(ClipSpec {
        seconds,
        ..ClipSpec::default()
    })
}

/// What ffprobe makes of an address, as JSON. Counting reads to the end, which a live list does not have.
fn ffprobe(url: &str, counts: bool) -> Value {
    let mut command = Command::new("ffprobe");
    command.args(["-v", "error", "-print_format", "json"]);
    if counts {
        command.arg("-count_packets");
    }
    command.args(["-show_streams", "-show_programs", url]);
    let output = command.output().unwrap();
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ffprobe cannot read {url}: {complaints}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Cuts the clip in real time and pushes each segment as soon as it is there; how many renditions came back.
async fn push_live(input: &Path, url: String) -> usize {
    let folder = tempfile::tempdir().unwrap();
    let mut command = tokio::process::Command::new("ffmpeg");
    command.args(["-v", "error", "-nostdin", "-re", "-i"]).arg(input);
    command.args([
        "-c",
        "copy",
        "-f",
        "segment",
        "-segment_time",
        "2",
        "-segment_format",
        "mpegts",
    ]);
    command.args(["-segment_list", "pipe:1", "-segment_list_type", "csv", "%d.ts"]);
    let mut ffmpeg = command
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let list = ffmpeg.stdout.take().unwrap();
    let mut lines = tokio::io::AsyncBufReadExt::lines(tokio::io::BufReader::new(list));
    let http = client::download_client(PATIENCE).unwrap();
    let mut renditions = 0;
    while let Some(line) = lines.next_line().await.unwrap() {
        let name = line.split(',').next().unwrap();
        let response = http
            .put(format!("{url}/{name}"))
            .header("Accept", "multipart/mixed")
            .header("Content-Duration", "2000")
            .body(fs::read(folder.path().join(name)).unwrap())
            .send()
            .await
            .unwrap();
        let status = response.status();
        let body = response.bytes().await.unwrap();
        let text = String::from_utf8_lossy(&body);
        assert_eq!(status, 200, "{text}");
        renditions += text.matches("Rendition-Name: ").count();
    }
    assert!(ffmpeg.wait().await.unwrap().success());
    renditions
}

#[tokio::test]
async fn live_streams_over_http_and_rtmp_are_transcoded_and_play() {
    let environment = Environment::new();
    let mut node = environment.command(&["run", "--json", "--preset", "ultrafast", "--max-sessions", "4"]);
    node.args(["--bind", "127.0.0.1:0", "--operator-addr", "127.0.0.1:0"]);
    let node = Node::spawn(node);
    let log = environment.home().join("segments.jsonl");
    let mut gateway = Gateway::start(
        &environment,
        &[
            "--orch",
            node.service_uri(),
            "--ladder",
            "256x144@300k,P144p30fps16x9",
            "--log",
            log.to_str().unwrap(),
            "--verify",
            "full",
        ],
    );
    let clip = clip(10);
    let rtmp = gateway.url("rtmp_url", "/live/camera");
    let publishing = async {
        let mut ffmpeg = tokio::process::Command::new("ffmpeg");
        ffmpeg.args(["-v", "error", "-nostdin", "-re", "-i"]).arg(&clip);
        ffmpeg.args(["-c", "copy", "-f", "flv", &rtmp]);
        let ended = ffmpeg.stdin(Stdio::null()).kill_on_drop(true).status().await;
        assert!(ended.unwrap().success());
    };
    let pushing = push_live(&clip, gateway.url("http_url", "/live/studio"));
    let (renditions, ()) = tokio::time::timeout(PATIENCE, async { tokio::join!(pushing, publishing) })
        .await
        .expect("a live stream of ten seconds ends");
    assert_eq!(renditions, 2 * 5, "five segments of two renditions");

    let mut events = vec![gateway.event(), gateway.event(), gateway.event()];
    assert!(events[..2].iter().all(|event| event["event"] == "stream_started"));
    let ended = events.pop().unwrap();
    assert_eq!(
        (&ended["event"], &ended["manifest_id"], &ended["reason"]),
        (
            &"stream_ended".into(),
            &"camera".into(),
            &"the publisher left".into()
        )
    );
    assert_eq!(
        (&ended["segments_done"], &ended["segments_failed"]),
        (&5.into(), &0.into())
    );
    // The one has ended, the other could go on: both play.
    let camera = ffprobe(
        &gateway.url("http_url", "/stream/camera/P144p30fps16x9.m3u8"),
        true,
    );
    let video = camera["streams"].as_array().unwrap();
    let video = video
        .iter()
        .find(|stream| stream["codec_type"] == "video")
        .unwrap();
    assert_eq!(
        (&video["width"], &video["nb_read_packets"]),
        (&256.into(), &"300".into())
    );
    let status: Value = {
        let http = client::download_client(PATIENCE).unwrap();
        let answer = http
            .get(gateway.url("operator_url", "/status"))
            .send()
            .await
            .unwrap();
        serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap()
    };
    let variants = status["Manifests"]["studio"]["Variants"].as_array().unwrap();
    assert_eq!(variants.len(), 3, "{status}");

    let (code, stopped) = gateway.stop();
    assert_eq!(code, Some(0));
    assert_eq!(stopped["event"], "stopped");
    assert_eq!(
        (
            &stopped["finished"],
            &stopped["segments_done"],
            &stopped["segments_failed"]
        ),
        (&true.into(), &10.into(), &0.into())
    );
    let text = fs::read_to_string(&log).unwrap();
    let records: Vec<SegmentRecord> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(records.len(), 10);
    assert!(
        records
            .iter()
            .all(|record| record.outcome == SegmentOutcome::Done && record.renditions.len() == 2),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_stream_loses_no_segment_with_one_of_two_transcoders() {
    let network = Network::start("auto");
    let mut first = network.transcoder("first");
    let mut second = network.transcoder("second");
    let ladder = ["--ladder", "256x144@300k,P144p30fps16x9"];
    let orchestrator = ["--orch", network.service_uri()];
    let mut gateway = Gateway::start(&network.environment, &[&orchestrator[..], &ladder].concat());
    let url = gateway.url("http_url", "/live/studio");
    let pushing = tokio::spawn(async move { push_live(&clip(20), url).await });
    // Whoever has the stream is killed while it works.
    network.until(|network| network.segments_done(&first) + network.segments_done(&second) >= 2);
    match network.segments_done(&first) {
        0 => second.kill(),
        _ => first.kill(),
    }
    let renditions = tokio::time::timeout(PATIENCE, pushing)
        .await
        .expect("a live stream of twenty seconds ends")
        .unwrap();
    assert_eq!(renditions, 2 * 10, "ten segments of two renditions");
    let playlist = ffprobe(&gateway.url("http_url", "/stream/studio.m3u8"), false);
    assert_eq!(
        playlist["programs"].as_array().map(Vec::len),
        Some(3),
        "{playlist}"
    );
    let (code, stopped) = gateway.stop();
    assert_eq!(code, Some(0));
    assert_eq!(
        (&stopped["segments_done"], &stopped["segments_failed"]),
        (&10.into(), &0.into())
    );
}

#[test]
fn a_new_key_fits_into_the_file_and_is_shown_once() {
    let environment = Environment::new();
    let make = ["gateway", "key", "new", "--name", "studio", "--json"];
    let limits = [
        "--manifest-prefix",
        "studio-",
        "--max-streams",
        "2",
        "--max-pixels-per-day",
        "1000000",
    ];
    let made = environment
        .lpctl(&[&make[..], &limits].concat())
        .expect_code(0)
        .data();
    let (key, toml) = (made["key"].as_str().unwrap(), made["toml"].as_str().unwrap());
    assert!(key.starts_with("lpk_") && key.len() == 68, "{key}");
    assert!(!toml.contains(key));
    assert!(toml.contains("manifest_prefix = \"studio-\"\nmax_streams = 2\nmax_pixels_per_day = 1000000\n"));
    assert_eq!(KeyRing::parse(toml).unwrap().count(), 1);
    let again = environment.lpctl(&make).expect_code(0).data();
    assert_ne!(again["key"], made["key"]);
    let wrong = environment.lpctl(&[&make[..], &["--max-streams", "0"]].concat());
    assert_eq!(wrong.expect_code(2).error()["code"], "usage");
}

#[test]
fn what_stands_in_a_gateways_way_is_told_with_its_class() {
    let environment = Environment::new();
    let keys = environment.home().join("keys.toml");
    fs::write(&keys, "[[key]]\nname = \"a\"\nhash = \"plain\"\n").unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let error = |arguments: &[&str], code| {
        let free = ["gateway", "run", "--json", "--cli-addr", "127.0.0.1:0"];
        let error = environment
            .lpctl(&[&free[..], arguments].concat())
            .expect_code(code)
            .error();
        assert!(error["hint"].is_string(), "no next step: {error}");
        error["code"].as_str().unwrap().to_string()
    };
    let orch = ["--orch", "127.0.0.1:1"];
    assert_eq!(error(&[], 2), "no_orchestrators");
    let with = |more: &[&'static str]| [&orch[..], more].concat();
    assert_eq!(error(&with(&["--http-addr", "0.0.0.0:0"]), 4), "open_to_all");
    assert_eq!(
        error(
            &with(&["--http-addr", "127.0.0.1:0", "--rtmp-addr", "0.0.0.0:0"]),
            4
        ),
        "open_to_all"
    );
    assert_eq!(error(&with(&["--ladder", "P999p"]), 2), "bad_ladder");
    assert_eq!(error(&with(&["--auth-webhook", "nowhere"]), 2), "bad_webhook");
    assert_eq!(
        error(&[&orch[..], &["--http-addr", &taken]].concat(), 1),
        "port_taken"
    );
    let bad = [&orch[..], &["--keys", keys.to_str().unwrap()]].concat();
    assert_eq!(error(&bad, 3), "bad_keys");
    assert_eq!(error(&with(&["--keys", "/nonexistent"]), 3), "keys_unreadable");
    assert_eq!(error(&with(&["--verify", "some"]), 2), "usage");
}

#[test]
fn the_config_file_and_variables_say_what_flags_do_not() {
    let environment = Environment::new();
    let set = |key: &str, value: &str| {
        environment
            .lpctl(&["config", "set", "--defaults", key, value])
            .expect_code(0);
    };
    set("gateway.orchestrators", "127.0.0.1:1");
    set("gateway.auth_webhook", "https://auth.example/SECRET");
    set("gateway.http_addr", "0.0.0.0:1");
    set("gateway.verify", "off");
    let shown = environment.lpctl(&["config", "show", "--json"]).expect_code(0);
    assert!(!shown.stdout.contains("SECRET"), "{}", shown.stdout);
    assert!(shown.stdout.contains("https://auth.example"), "{}", shown.stdout);
    environment
        .lpctl(&["config", "set", "--defaults", "gateway.ladder", "P999p"])
        .expect_code(3);
    // The variable stands over the file.
    let mut command = environment.command(&["gateway", "run", "--json"]);
    command.env("LPCTL_AUTH_WEBHOOK", "nowhere");
    let outcome: crate::environment::Outcome = command.stdin(Stdio::null()).output().unwrap().into();
    assert_eq!(outcome.expect_code(2).error()["code"], "bad_webhook");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_without_a_deposit_says_so_before_it_starts() {
    let operator = Operator::new().await;
    let run = |arguments: &[&str]| {
        let usual = [
            "gateway",
            "run",
            "--orch",
            "http://127.0.0.1:9",
            "--http-addr",
            "127.0.0.1:0",
        ];
        operator.lpctl(&[&usual[..], &["--cli-addr", "127.0.0.1:0"], arguments].concat())
    };
    let refused = run(&[]).expect_code(4);
    assert!(
        refused.stderr.contains("cannot pay: no sender reserve"),
        "{}",
        refused.stderr
    );
    assert!(
        refused.stderr.contains("lpctl deposit fund"),
        "{}",
        refused.stderr
    );
    for (flag, bad) in [
        ("--max-price", "-1"),
        ("--max-price", "1 eth"),
        ("--max-ticket-ev", "3000"),
        ("--max-total-ev", "lots"),
        ("--deposit-multiplier", "0"),
    ] {
        run(&[&format!("{flag}={bad}")]).expect_code(2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_with_a_deposit_tells_what_it_paid() {
    let operator = Operator::new().await;
    let funded = [
        "deposit",
        "fund",
        "--deposit",
        "1eth",
        "--reserve",
        "1eth",
        "--yes",
    ];
    operator.lpctl(&funded).expect_code(0);
    let arguments = [
        "--orch",
        "http://127.0.0.1:9",
        "--max-price",
        "1200",
        "--deposit-multiplier",
        "2",
    ];
    let mut gateway = Gateway::start(&operator.environment, &arguments);
    let status = client::download_client(PATIENCE)
        .unwrap()
        .get(gateway.url("operator_url", "/api/v1/status"))
        .send()
        .await
        .unwrap();
    let status: Value = serde_json::from_slice(&status.bytes().await.unwrap()).unwrap();
    let payments = &status["payments"];
    let account: alloy::primitives::Address = payments["account"].as_str().unwrap().parse().unwrap();
    assert_eq!(account, operator.orchestrator());
    assert_eq!(payments["total"]["balance_wei"], "0");
    assert_eq!(payments["sessions"].as_array().unwrap().len(), 0);
    assert_eq!(gateway.stop().0, Some(0));
}
