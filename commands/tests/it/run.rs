//! `lpctl run`: a node as a program, from its ready line to its last segment.

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead, BufReader, Read},
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    process::{Child, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use alloy::{primitives::keccak256, providers::Provider as _};
use bytes::Bytes;
use engine::{
    media::ladder::Ladder,
    units::Wei,
    view::node::NodeStatus,
    wire::{
        capability::{Job, SourceCodec, job_capabilities, job_message},
        client,
        net::{self, orchestrator_client::OrchestratorClient, transcode_result},
        segment::{Credentials, to_header},
        signature::{self, LocalSigner, MessageSigner, Offchain},
    },
};
use prost::Message;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use testbed::clip::{ClipSpec, segment};

use crate::{environment::Environment, operator::Operator, orders::Orders};

/// A test that waits longer than this for anything hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running `lpctl run --json`; killed with the test.
pub struct Node {
    child: Child,
    stdout: BufReader<ChildStdout>,
    ready: Value,
}

impl Node {
    /// Starts it on free ports and waits for its ready line.
    pub fn start(environment: &Environment, arguments: &[&str]) -> Self {
        let ports = [
            "run",
            "--json",
            "--bind",
            "127.0.0.1:0",
            "--operator-addr",
            "127.0.0.1:0",
        ];
        Self::spawn(environment.command(&[&ports[..], arguments].concat()))
    }

    pub fn spawn(mut command: Command) -> Self {
        let mut child = command
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

    pub fn service_uri(&self) -> &str {
        self.ready["service_uri"].as_str().unwrap()
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Waits for the end: the exit code and the last line.
    fn end(&mut self) -> (Option<i32>, Value) {
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        let status = self.child.wait().unwrap();
        let last = rest.lines().next().unwrap_or("null");
        (status.code(), serde_json::from_str(last).unwrap())
    }

    pub fn operator_url(&self) -> String {
        self.ready["operator_url"].as_str().unwrap().to_string()
    }

    pub async fn status(&self) -> NodeStatus {
        let url = format!("{}/api/v1/status", self.ready["operator_url"].as_str().unwrap());
        let answer = client::download_client(PATIENCE)
            .unwrap()
            .get(url)
            .send()
            .await
            .unwrap();
        serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap()
    }

    /// Sends one segment as a gateway; resolves with the head of the answer.
    pub async fn push(&self, signer: &impl MessageSigner, data: &Bytes) -> reqwest::Response {
        let uri = self.service_uri().parse().unwrap();
        let channel = client::connect_grpc(&uri, PATIENCE).await.unwrap();
        let address = signer.address();
        let request = net::OrchestratorRequest {
            address: address.to_vec(),
            sig: signer.sign(signature::orchestrator_request_message(address).as_bytes()),
            ..net::OrchestratorRequest::default()
        };
        let mut grpc = OrchestratorClient::new(channel);
        let info = grpc.get_orchestrator(request).await.unwrap().into_inner();
        let profiles = Ladder::parse("P360p30fps16x9,P240p30fps16x9").unwrap();
        let job = Job {
            source: SourceCodec::H264,
            pixel_format: "",
            profiles: profiles.profiles(),
            is_pushed: true,
            verifies_by_hash: false,
        };
        let credentials = Credentials {
            manifest_id: "stream",
            seq: 0,
            hash: keccak256(data),
            duration: Duration::from_secs(10),
            profiles: profiles.profiles(),
            auth_token: info.auth_token.unwrap(),
            capabilities: job_message(&job_capabilities(&job).unwrap(), ""),
        };
        let payment = net::Payment {
            sender: address.to_vec(),
            ..net::Payment::default()
        };
        let answer = client::segment_client()
            .unwrap()
            .post(format!("{}/segment", info.transcoder))
            .header("Livepeer-Segment", to_header(&credentials.build(signer)))
            .header("Livepeer-Payment", to_header(&payment))
            .body(data.clone())
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200);
        answer
    }

    /// The processes it has started, with theirs.
    fn children(&self) -> BTreeSet<u32> {
        let mut parents = Vec::new();
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let name = entry.file_name();
            let Some(pid) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else {
                continue;
            };
            if let Some(parent) = parent_of(pid) {
                parents.push((pid, parent));
            }
        }
        let mut family = BTreeSet::from([self.child.id()]);
        loop {
            let before = family.len();
            let more = parents
                .iter()
                .filter(|(_, parent)| family.contains(parent))
                .map(|(pid, _)| *pid);
            family.extend(more.collect::<Vec<_>>());
            if family.len() == before {
                break;
            }
        }
        family.remove(&self.child.id());
        family
    }

    /// Waits until ffmpeg runs.
    async fn encoding(&self) -> BTreeSet<u32> {
        let waiting = async {
            loop {
                let children = self.children();
                if !children.is_empty() {
                    return children;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting)
            .await
            .expect("ffmpeg is started")
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // Ended already, in tests that got so far.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The parent of a process that lives; zombies do not.
fn parent_of(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    (state != "Z").then_some(parent)
}

fn all_gone(pids: &BTreeSet<u32>) -> bool {
    pids.iter().all(|pid| parent_of(*pid).is_none())
}

/// Ten seconds that take the slowest preset much longer than a test waits before it acts.
fn long_clip() -> Bytes {
    segment(ClipSpec {
        width: 1280,
        height: 720,
        seconds: 10,
        ..ClipSpec::default()
    })
}

async fn renditions(answer: reqwest::Response) -> net::TranscodeData {
    let body = tokio::time::timeout(PATIENCE, answer.bytes())
        .await
        .expect("a result")
        .unwrap();
    match net::TranscodeResult::decode(body).unwrap().result {
        Some(transcode_result::Result::Data(data)) => data,
        other => panic!("no renditions but {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_flag_stands_over_the_config_file_over_auto() {
    let environment = Environment::new();
    let effort = async |arguments: &[&str]| {
        let node = Node::start(&environment, arguments);
        let effort = node.status().await.engine.effort.unwrap();
        (effort.preset, effort.automatic)
    };
    assert_eq!(effort(&[]).await, ("veryfast".to_string(), true));
    environment.write_config("[defaults.transcode.cpu]\npreset = \"superfast\"\n");
    assert_eq!(effort(&[]).await, ("superfast".to_string(), false));
    assert_eq!(effort(&["--preset", "fast"]).await, ("fast".to_string(), false));
    environment.write_config("[defaults.transcode.cpu]\npreset = \"superfast\"\nfastest = \"faster\"\n");
    assert_eq!(effort(&["--preset", "auto"]).await, ("faster".to_string(), true));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_signal_finishes_what_runs_and_the_renditions_can_be_fetched() {
    let environment = Environment::new();
    let mut node = Node::start(&environment, &[]);
    assert_eq!(node.ready["network"], "offchain");
    let devices = async {
        loop {
            if let Some(device) = node.status().await.devices.first() {
                return device.id.clone();
            }
        }
    };
    let device = tokio::time::timeout(PATIENCE, devices).await;
    assert_eq!(device.expect("the devices are read"), "cpu");
    let answer = node.push(&Offchain, &long_clip()).await;
    node.encoding().await;
    node.signal(Signal::TERM);
    let made = renditions(answer).await;
    assert_eq!(made.segments.len(), 2);
    let download = client::download_client(PATIENCE).unwrap();
    for segment in &made.segments {
        let file = download
            .get(&segment.url)
            .send()
            .await
            .unwrap()
            .bytes()
            .await
            .unwrap();
        let counted = engine::media::count::count(&file).unwrap();
        assert_eq!(counted.pixels(), Some(segment.pixels.unsigned_abs()));
    }
    let (code, stopped) = node.end();
    assert_eq!(code, Some(0));
    assert_eq!(stopped["event"], "stopped");
    assert_eq!(
        (&stopped["finished"], &stopped["segments_done"]),
        (&Value::Bool(true), &Value::from(1))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_signal_ends_it_at_once_and_nothing_is_left() {
    let environment = Environment::new();
    let mut node = Node::start(&environment, &["--preset", "placebo"]);
    let _answer = node.push(&Offchain, &long_clip()).await;
    let encoders = node.encoding().await;
    node.signal(Signal::INT);
    let stopping = async { while !node.status().await.draining {} };
    tokio::time::timeout(PATIENCE, stopping)
        .await
        .expect("the node stops taking segments");
    node.signal(Signal::INT);
    let (code, stopped) = node.end();
    assert_eq!(code, Some(130));
    assert_eq!(stopped["finished"], false);
    assert!(all_gone(&encoders));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_works_on_when_its_program_is_replaced() {
    let environment = Environment::new();
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let program = folder.path().join("lpctl");
    fs::hard_link(env!("CARGO_BIN_EXE_lpctl"), &program).unwrap();
    let ports = ["--bind", "127.0.0.1:0", "--operator-addr", "127.0.0.1:0"];
    let like = environment.command(&[&["run", "--json", "--preset", "ultrafast"][..], &ports].concat());
    let mut command = Command::new(&program);
    command
        .args(like.get_args())
        .current_dir(environment.home())
        .env_clear();
    command.envs(like.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let node = Node::spawn(command);
    fs::remove_file(&program).unwrap();
    let made = renditions(node.push(&Offchain, &long_clip()).await).await;
    assert_eq!(made.segments.len(), 2);
}

#[test]
fn a_node_does_not_end_because_nobody_reads_its_events() {
    let environment = Environment::new();
    let ports = ["--bind", "127.0.0.1:0", "--operator-addr", "127.0.0.1:0"];
    let mut command = environment.command(&[&["run", "--json"][..], &ports].concat());
    let (reader, closed) = std::io::pipe().unwrap();
    drop(reader);
    command.stdin(Stdio::null()).stdout(closed).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let said = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut said = said.map(Result::unwrap);
    let mut lost = || said.any(|line| line.contains("an event is lost"));
    assert!(lost(), "it ended without a word");
    assert!(child.try_wait().unwrap().is_none());
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert!(lost(), "it did not end in order");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_ffmpeg_survives_a_killed_node() {
    let environment = Environment::new();
    let mut node = Node::start(&environment, &["--preset", "placebo"]);
    let _answer = node.push(&Offchain, &long_clip()).await;
    let encoders = node.encoding().await;
    node.child.kill().unwrap();
    let killed = Instant::now();
    while !all_gone(&encoders) {
        assert!(
            killed.elapsed() < Duration::from_secs(2),
            "ffmpeg outlived its node"
        );
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_chain_it_signs_and_shows_its_stake() {
    let operator = Operator::new().await;
    operator.active_with("100").await;
    // Somebody must say that it works for nothing.
    let unpriced = operator
        .environment
        .lpctl(&["--json", "run", "--bind", "127.0.0.1:0"])
        .expect_code(3);
    assert_eq!(unpriced.error()["code"], "no_price");
    // Terms that no gateway takes, or that pay for no redemption, and a currency nobody has priced since yesterday.
    testbed::price_feed(&operator.devnet, "ETH / USD", 250_000_000_000, 26).await;
    let feed = testbed::PRICE_FEED.to_string();
    for (terms, code, says, fix) in [
        (
            &["--price", "1", "--ticket-ev", "0wei"][..],
            "bad_ticket_ev",
            "worth something",
            "--ticket-ev",
        ),
        (
            &["--price", "1", "--max-face-value", "1gwei"],
            "bad_face_value",
            "gateways would refuse",
            "--max-face-value",
        ),
        (
            &["--price", "0.02usd/1000000", "--price-feed", &feed],
            "price_unknown",
            "no price can be told",
            "must not be stale",
        ),
    ] {
        let run = ["--json", "run", "--bind", "127.0.0.1:0"];
        let error = operator
            .environment
            .lpctl(&[&run[..], terms].concat())
            .expect_code(4)
            .error();
        assert_eq!(error["code"], code);
        assert!(error["message"].as_str().unwrap().contains(says), "{error}");
        assert!(error["hint"].as_str().unwrap().contains(fix), "{error}");
    }
    // An account that is no orchestrator, and a price that many take for none, are told before the node is ready.
    let mut stranger = Node::start(
        &operator.environment,
        &[
            "--account",
            "delegator",
            "--price",
            "1wei/10000",
            "--no-reward",
            "--data-dir",
            "stranger",
        ],
    );
    stranger.signal(Signal::TERM);
    let mut said = String::new();
    stranger
        .child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    assert!(said.contains("rounds to 0 where go-livepeer counts"), "{said}");
    assert!(said.contains("is no orchestrator: no payment is taken"), "{said}");
    // Tickets the node leaves alone: its sender has too little behind the one, the other's parameters are in use. And a
    // reward that is left to whoever orders it.
    operator.gateway_deposits(Wei::gwei(300_000_000)).await;
    let block = operator.devnet.provider().get_block_number().await.unwrap();
    let short = operator.winning_ticket(1, Wei::gwei(900_000_000), block).await;
    let waits = operator
        .winning_ticket(2, Wei::gwei(100_000_000), block + 1_000)
        .await;
    let books = operator.books();
    for won in [&short, &waits] {
        assert!(books.keep_winner(won.clone()).await.unwrap());
    }
    drop(books);
    let node = Node::start(
        &operator.environment,
        &["--preset", "ultrafast", "--price", "0", "--min-reward", "1000000"],
    );
    assert_eq!(node.ready["network"], "devnet");
    assert_eq!(node.ready["address"], operator.orchestrator().to_checksum(None));
    let gateway = LocalSigner(operator.devnet.accounts.gateway.clone());
    let made = renditions(node.push(&gateway, &long_clip()).await).await;
    let download = client::download_client(PATIENCE).unwrap();
    let mut files = Vec::new();
    for segment in &made.segments {
        files.push(
            download
                .get(&segment.url)
                .send()
                .await
                .unwrap()
                .bytes()
                .await
                .unwrap(),
        );
    }
    let message = signature::renditions_message(&files);
    assert!(signature::verify(operator.orchestrator(), &message, &made.sig));
    let reading = async {
        loop {
            let status = node.status().await;
            if let Some(chain) = status.chain {
                return (chain, status.notices);
            }
        }
    };
    let (chain, notices) = tokio::time::timeout(PATIENCE, reading)
        .await
        .expect("the chain is read");
    assert!(chain.active && chain.registered && !chain.reward_called);
    assert_eq!(chain.own_stake_lpt.decimal(), "100");
    assert_eq!(chain.reward_cut_percent.decimal(), "10");
    assert_eq!(notices[0].code, "reward_not_called");

    let session = node.status().await.sessions[0].id.clone();
    let orders = Orders::new(&operator, &node).await;
    orders.reward().await;
    orders.redeem(&short).await;
    orders.looked_at(&session).await;
    orders.window(&node, &waits).await;

    // The same settings, without the chain.
    let offchain = Node::start(&operator.environment, &["--offchain", "--data-dir", "other"]);
    assert_eq!(offchain.ready["address"], Value::Null);
}

#[test]
fn what_stands_in_the_way_is_named_with_the_next_step() {
    let environment = Environment::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let refused = |arguments: &[&str], code: i32, name: &str| {
        let outcome = environment
            .lpctl(&[&["--json", "run"], arguments].concat())
            .expect_code(code);
        let error = outcome.error();
        assert_eq!(error["code"], name, "{error}");
        error["hint"].as_str().unwrap().to_string()
    };
    let hint = refused(
        &["--bind", &address, "--operator-addr", "127.0.0.1:0"],
        1,
        "port_taken",
    );
    assert!(
        hint.contains(&taken.local_addr().unwrap().port().to_string()),
        "{hint}"
    );
    refused(
        &["--bind", "127.0.0.1:0", "--operator-addr", &address],
        1,
        "port_taken",
    );
    refused(
        &["--bind", "127.0.0.1:0", "--operator-addr", "0.0.0.0:0"],
        2,
        "operator_exposed",
    );
    refused(&["--bind", "0.0.0.0:0"], 2, "service_addr_needed");
    refused(&["--service-addr", "no host"], 2, "bad_service_addr");
    refused(&["--ffmpeg", "/nowhere/ffmpeg"], 1, "ffmpeg_missing");
    let on_devnet = ["--network", "devnet", "--bind", "127.0.0.1:0"];
    refused(&on_devnet, 3, "no_price");
    refused(&[&on_devnet[..], &["--price", "1"]].concat(), 3, "no_account");
    refused(&["--price", "1", "--bind", "127.0.0.1:0"], 2, "not_offchain");

    let old = environment.home().join("ffmpeg");
    fs::write(
        &old,
        "#!/bin/sh\necho 'ffmpeg version 4.3.1 Copyright (c) 2000-2020 the FFmpeg developers'\n",
    )
    .unwrap();
    fs::set_permissions(&old, fs::Permissions::from_mode(0o755)).unwrap();
    refused(&["--ffmpeg", old.to_str().unwrap()], 1, "ffmpeg_too_old");

    let first = Node::start(&environment, &[]);
    refused(
        &["--bind", "127.0.0.1:0", "--operator-addr", "127.0.0.1:0"],
        1,
        "data_dir_taken",
    );
    drop(first);
    // The directory is free again, whatever became of the node.
    drop(Node::start(&environment, &[]));
}
