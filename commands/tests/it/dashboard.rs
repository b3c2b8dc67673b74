//! The dashboard in a real pseudo-terminal, fed by a real HTTP server.

use std::{
    fs::{self, File},
    io::{Read, Write},
    net::SocketAddr,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};

use axum::{
    Json, Router,
    body::{Body, Bytes},
    http::{Uri, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use engine::view::node::{NodeStatus, StatusChange, StreamSession};
use futures_util::stream;
use jiff::Timestamp;
use rexpect::{
    process::PtyProcess,
    session::{PtySession, spawn_command},
};
use rustix::{
    process::{Pid, Signal, kill_process},
    termios::{Winsize, tcsetwinsize},
};
use serde_json::{Value, json};
use tokio::{runtime::Runtime, sync::watch};

use crate::{environment::Environment, operator::Operator, run};

/// A node as far as the dashboard sees one.
struct Node {
    address: SocketAddr,
    status: watch::Sender<Value>,
    was_drained: Arc<AtomicBool>,
    runtime: Runtime,
}

impl Node {
    fn start(port: u16, status: Value) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime
            .block_on(tokio::net::TcpListener::bind(("127.0.0.1", port)))
            .unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, receiver) = watch::channel(status);
        let was_drained = Arc::new(AtomicBool::new(false));
        let drained = Arc::clone(&was_drained);
        let (for_events, for_status, for_drain) = (receiver.clone(), receiver.clone(), receiver);
        let routes = Router::new()
            .route(
                "/api/v1/events",
                get(async move |uri: Uri| events(for_events.clone(), uri.query() == Some("changes=true"))),
            )
            .route(
                "/api/v1/status",
                get(async move || Json(for_status.borrow().clone())),
            )
            .route(
                "/api/v1/drain",
                post(async move || {
                    drained.store(true, Ordering::SeqCst);
                    Json(for_drain.borrow().clone())
                }),
            );
        runtime.spawn(async move { axum::serve(listener, routes).await });
        Self {
            address,
            status: sender,
            was_drained,
            runtime,
        }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Gone at once, its connections with it.
    fn kill(self) -> u16 {
        self.runtime.shutdown_timeout(Duration::from_secs(5));
        self.address.port()
    }
}

/// Statuses as a node tells them: after the first only what they became, if that is asked for and they are statuses.
fn events(receiver: watch::Receiver<Value>, tells_changes: bool) -> Response {
    let known: Option<Vec<StreamSession>> = None;
    let first = true;
    let events = stream::unfold(
        (receiver, tells_changes, known, first),
        async |(mut receiver, tells_changes, known, first)| {
            if !first {
                receiver.changed().await.ok()?;
            }
            let data = receiver.borrow_and_update().clone();
            let status = serde_json::from_value::<NodeStatus>(data.clone()).ok();
            let change = |status| StatusChange::since(known.as_deref().unwrap_or_default(), status);
            let change = status.filter(|_| tells_changes).map(change);
            let (event, sessions) = match change {
                Some((change, sessions)) if known.is_some() => {
                    let change = serde_json::to_string(&change).unwrap();
                    (format!("event: change\ndata: {change}\n\n"), Some(sessions))
                }
                other => (
                    format!("event: status\ndata: {data}\n\n"),
                    other.map(|(_, sessions)| sessions),
                ),
            };
            let event = Bytes::from(event);
            Some((
                Ok::<_, std::convert::Infallible>(event),
                (receiver, tells_changes, sessions, false),
            ))
        },
    );
    ([(CONTENT_TYPE, "text/event-stream")], Body::from_stream(events)).into_response()
}

fn status(sessions: &[&str]) -> Value {
    let sessions: Vec<Value> = sessions
        .iter()
        .enumerate()
        .map(|(index, name)| {
            json!({
                "id": format!("0000000{index}"), "manifest_id": name, "gateway": null,
                "started": "2026-03-14T12:00:00Z", "last_active": "2026-03-14T12:41:06Z", "source": "1920x1080",
                "rungs": [{ "name": "720p", "width": 1280, "height": 720, "fps": 30, "bitrate": 2_500_000 }],
                "segments_done": 5, "segments_failed": 0, "segments_in_flight": 1, "pixels": 1_000_000,
                "recent": [{
                    "seq": 4, "duration_ms": 2000, "upload_ms": 12, "wait_ms": 0, "transcode_ms": 600,
                    "total_ms": 640, "ok": true,
                }],
                "device": "cpu", "last_error": null,
            })
        })
        .collect();
    json!({
        "time": "2026-03-14T12:41:07Z", "version": "0.1.0", "started": "2026-03-14T10:00:00Z",
        "service_uri": "https://127.0.0.1:8935", "address": null, "network": "offchain", "draining": false,
        "max_sessions": 10, "sessions": sessions,
        "work": {
            "segments_done": 5, "segments_failed": 0, "renditions": 5, "pixels": 1_000_000, "bytes_in": 900_000,
            "media_ms": 10_000, "latency": { "p50_ms": 640, "p90_ms": 700, "p99_ms": 710 },
            "real_time_permille": 3300, "sessions_refused": 0,
        },
        "devices": [{
            "id": "cpu", "name": "test processor", "load_percent": 40, "encoder_percent": null,
            "decoder_percent": null, "memory_used": 1_000_000_000u64, "memory_total": 4_000_000_000u64,
            "temperature_celsius": null, "power_watts": null, "sessions": 1, "processes": 2,
        }],
        "chain": null, "notices": [],
    })
}

/// A dashboard of 80×24 in a pseudo-terminal, between two looks at the terminal's settings.
fn dashboard(environment: &Environment, url: &str) -> PtySession {
    let lpctl = environment.command(&["dashboard", "--node", url]);
    let mut shell = Command::new("bash");
    shell
        .args(["--norc", "--noprofile", "-c"])
        .arg(r#"stty rows 24 cols 80; stty -g > before; "$0" "$@"; echo "ended with $?"; stty -g > after"#)
        .arg(lpctl.get_program())
        .args(lpctl.get_args());
    in_environment(&mut shell, environment);
    spawn_command(shell, Some(20_000)).unwrap()
}

fn in_environment(shell: &mut Command, environment: &Environment) {
    let lpctl = environment.command(&[]);
    shell
        .env_clear()
        .current_dir(environment.home())
        .env("TERM", "xterm-256color");
    for (name, value) in lpctl.get_envs() {
        shell.env(name, value.unwrap_or_default());
    }
}

fn press(session: &mut PtySession, key: &str) {
    session.send(key).unwrap();
    session.flush().unwrap();
}

fn settings_are_as_before(environment: &Environment) {
    let settings = |name: &str| std::fs::read_to_string(environment.home().join(name)).unwrap();
    assert_eq!(settings("before"), settings("after"), "the terminal's settings");
}

#[test]
fn a_push_shows_within_a_second_and_a_node_may_go_and_come_back() {
    let environment = Environment::new();
    let node = Node::start(0, status(&[]));
    let url = node.url();
    let mut session = dashboard(&environment, &url);
    session.exp_string("\x1b[?1049h").expect("the alternate screen");
    session
        .exp_string("no gateway is sending")
        .expect("the first frame");

    node.status.send_replace(status(&["pushed-clip"]));
    let sent = Instant::now();
    session.exp_string("pushed-clip").expect("the new session");
    assert!(
        sent.elapsed() < Duration::from_secs(1),
        "it took {:?}",
        sent.elapsed()
    );

    let port = node.kill();
    session.exp_string("node lost").expect("the loss is told");
    let _back = Node::start(port, status(&["7777_again"]));
    session.exp_string("7777_again").expect("the node is back");

    press(&mut session, "q");
    session
        .exp_string("\x1b[?1049l")
        .expect("the alternate screen is left");
    session.exp_string("ended with 0").unwrap();
    session.exp_eof().unwrap();
    settings_are_as_before(&environment);
}

#[test]
fn draining_asks_first_and_then_asks_the_node() {
    let environment = Environment::new();
    let node = Node::start(0, status(&["pushed-clip"]));
    let mut session = dashboard(&environment, &node.url());
    session.exp_string("pushed-clip").unwrap();
    press(&mut session, "d");
    session.exp_string("drain this node?").unwrap();
    assert!(!node.was_drained.load(Ordering::SeqCst));
    press(&mut session, "y");
    session.exp_string("no new sessions are taken").unwrap();
    assert!(node.was_drained.load(Ordering::SeqCst));
    press(&mut session, "\x03");
    session.exp_string("ended with 0").expect("ctrl-c leaves too");
    session.exp_eof().unwrap();
    settings_are_as_before(&environment);
}

#[test]
fn control_z_gives_the_shell_a_usable_terminal_and_fg_returns() {
    let environment = Environment::new();
    let node = Node::start(0, status(&["pushed-clip"]));
    let lpctl = environment
        .command(&[])
        .get_program()
        .to_str()
        .unwrap()
        .to_string();
    let mut shell = Command::new("bash");
    shell.args(["--norc", "--noprofile", "-i"]);
    in_environment(&mut shell, &environment);
    shell.env("PS1", "prompt> ");
    let mut session = spawn_command(shell, Some(20_000)).unwrap();
    session.exp_string("prompt> ").unwrap();
    session.send_line("stty rows 24 cols 80").unwrap();
    session
        .send_line(&format!("'{lpctl}' dashboard --node {}", node.url()))
        .unwrap();
    session.exp_string("\x1b[?1049h").unwrap();
    session.exp_string("pushed-clip").unwrap();
    session.send_control('z').unwrap();
    session
        .exp_string("\x1b[?1049l")
        .expect("the screen is given back");
    session.exp_string("Stopped").expect("the job is stopped");
    session
        .send_line("stty -a | grep -q -- ' -icanon' && echo left r\"\"aw || echo usable a\"\"gain")
        .unwrap();
    session.exp_string("usable again").unwrap();
    session.send_line("fg").unwrap();
    session
        .exp_string("\x1b[?1049h")
        .expect("the screen is taken again");
    session.exp_string("pushed-clip").expect("and drawn anew");
    press(&mut session, "q");
    session.exp_string("\x1b[?1049l").unwrap();
    session.send_line("exit").unwrap();
    session.exp_eof().unwrap();
}

#[test]
fn a_signal_ends_it_and_gives_the_terminal_back() {
    let environment = Environment::new();
    let node = Node::start(0, status(&[]));
    let mut lpctl = environment.command(&["dashboard", "--node", &node.url()]);
    lpctl.env("TERM", "xterm-256color");
    let mut session = spawn_command(lpctl, Some(20_000)).unwrap();
    session.exp_string("\x1b[?1049h").unwrap();
    // Sends SIGTERM and waits for the end.
    let ended = format!("{:?}", session.process_mut().exit().unwrap());
    assert!(ended.contains("130"), "{ended}");
    session.exp_string("\x1b[?1049l").unwrap();
    session.exp_string("the node runs on").unwrap();
    session.exp_eof().unwrap();
}

#[test]
fn one_frame_for_scripts_and_documents() {
    let environment = Environment::new();
    let node = Node::start(0, status(&["pushed-clip", "<b>&"]));
    let url = node.url();
    let text = environment
        .lpctl(&["dashboard", "--once", "--node", &url])
        .expect_code(0);
    assert!(
        text.stdout.contains("pushed-clip") && !text.stdout.contains('\x1b'),
        "{}",
        text.stdout
    );
    assert!(text.stdout.lines().all(|line| line.chars().count() <= 80));
    let json = environment
        .lpctl(&["dashboard", "--once", "--json", "--node", &url])
        .expect_code(0);
    // What an older node does not tell of is there all the same, and empty.
    let known = |status: &Value| serde_json::from_value::<NodeStatus>(status.clone()).unwrap();
    assert_eq!(known(&json.data()), known(&status(&["pushed-clip", "<b>&"])));
    assert_eq!(json.data()["engine"]["segments_shed"], 0);
    let arguments = [
        "dashboard",
        "--once",
        "--watch",
        "1",
        "--width",
        "120",
        "--height",
        "36",
        "--svg",
        "frame.svg",
    ];
    let drawn = environment
        .lpctl(&[&arguments[..], &["--node", &url]].concat())
        .expect_code(0);
    assert!(drawn.stdout.contains("pushed-clip"));
    let svg = std::fs::read_to_string(environment.home().join("frame.svg")).unwrap();
    assert!(svg.contains("pushed-clip") && svg.contains("&lt;b&gt;&amp;") && !svg.contains("<b>&"));
}

#[test]
fn without_a_terminal_it_says_what_to_use_instead() {
    let environment = Environment::new();
    let refused = environment.lpctl(&["dashboard"]).expect_code(2);
    assert!(
        refused.stderr.contains("not a terminal") && refused.stderr.contains("--once"),
        "{refused:?}"
    );
    let live_json = environment.lpctl(&["dashboard", "--json"]).expect_code(2);
    assert_eq!(live_json.error()["code"], "no_live_json");
}

#[test]
fn a_node_that_is_not_there_is_exit_7_with_the_next_step() {
    let environment = Environment::new();
    let port = Node::start(0, status(&[])).kill();
    let url = format!("http://127.0.0.1:{port}");
    for extra in [&[][..], &["--watch", "1"]] {
        let arguments = [&["dashboard", "--once", "--json", "--node", &url], extra].concat();
        let error = environment.lpctl(&arguments).expect_code(7).error();
        assert_eq!(error["code"], "node_unreachable");
        assert!(
            error["message"].as_str().unwrap().contains("connection refused"),
            "{error}"
        );
        assert!(error["hint"].as_str().unwrap().contains("lpctl run"), "{error}");
    }
    let no_url = environment
        .lpctl(&["dashboard", "--once", "--node", "localhost"])
        .expect_code(2);
    assert!(no_url.stderr.contains("http://127.0.0.1:7935"), "{no_url:?}");
}

#[test]
fn what_is_no_node_is_told_apart_from_silence() {
    let runtime = Runtime::new().unwrap();
    let listener = runtime
        .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
        .unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let endless = || async {
        let lines =
            stream::repeat_with(|| Ok::<_, std::convert::Infallible>(Bytes::from(vec![b'x'; 1 << 20])));
        ([(CONTENT_TYPE, "text/event-stream")], Body::from_stream(lines))
    };
    let garbled = || async { ([(CONTENT_TYPE, "application/json")], "{\"time\":\"\\u001b[2J\"}") };
    let routes = Router::new()
        .route("/api/v1/events", get(endless))
        .route("/api/v1/status", get(async || Json(status(&[]))))
        .route("/garbled/api/v1/status", get(garbled));
    runtime.spawn(async move { axum::serve(listener, routes).await });

    let environment = Environment::new();
    let endless = environment
        .lpctl(&["dashboard", "--once", "--watch", "1", "--node", &url])
        .expect_code(7);
    assert!(endless.stderr.contains("is larger than"), "{endless:?}");
    let garbled = format!("{url}/garbled");
    let garbled = environment
        .lpctl(&["dashboard", "--once", "--node", &garbled])
        .expect_code(7);
    assert!(
        garbled.stderr.contains("cannot be read") && !garbled.stderr.contains('\x1b'),
        "{garbled:?}"
    );
    let elsewhere = format!("{url}/elsewhere");
    let no_node = environment
        .lpctl(&["dashboard", "--once", "--node", &elsewhere])
        .expect_code(7);
    assert!(
        no_node.stderr.contains("neither lpctl's `/api/v1` nor"),
        "{no_node:?}"
    );
}

/// lpctl in a pseudo-terminal of its own, with its screen as it looks.
struct Terminal {
    // Killed when dropped.
    process: PtyProcess,
    pid_file: std::path::PathBuf,
    keys: File,
    output: mpsc::Receiver<Vec<u8>>,
    screen: vt100::Parser,
}

fn cells(count: u16) -> std::num::NonZeroU16 {
    std::num::NonZeroU16::new(count).unwrap()
}

impl Terminal {
    fn open(environment: &Environment, arguments: &[&str]) -> Self {
        let lpctl = environment.command(arguments);
        let mut shell = Command::new("bash");
        shell
            .args(["--norc", "--noprofile", "-c"])
            .arg(r#"echo $$ > pid; exec "$0" "$@""#)
            .arg(lpctl.get_program())
            .args(lpctl.get_args());
        in_environment(&mut shell, environment);
        let mut process = PtyProcess::new(shell).unwrap();
        process.set_kill_timeout(Some(5_000));
        let mut reader = process.get_file_handle().unwrap();
        let keys = process.get_file_handle().unwrap();
        let (sender, output) = mpsc::channel();
        std::thread::spawn(move || {
            let mut chunk = vec![0; 1 << 16];
            while let Ok(length @ 1..) = reader.read(&mut chunk) {
                if sender.send(chunk[..length].to_vec()).is_err() {
                    return;
                }
            }
        });
        let terminal = Self {
            process,
            pid_file: environment.home().join("pid"),
            keys,
            output,
            screen: vt100::Parser::new(cells(24), cells(80), 0),
        };
        terminal.resize(80, 24);
        terminal
    }

    fn resize(&self, columns: u16, rows: u16) {
        let size = Winsize {
            ws_row: rows,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&self.keys, size).unwrap();
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    /// Reads until the screen holds `text`; how long that took.
    fn wait_for(&mut self, text: &str) -> Duration {
        let start = Instant::now();
        loop {
            if self.screen.screen().contents().contains(text) {
                return start.elapsed();
            }
            match self.output.recv_timeout(Duration::from_secs(20)) {
                Ok(chunk) => self.screen.process(&chunk),
                Err(_) => panic!("no {text:?} on the screen:\n{}", self.screen.screen().contents()),
            }
        }
    }

    fn pid(&self) -> i32 {
        fs::read_to_string(&self.pid_file)
            .unwrap()
            .trim()
            .parse()
            .unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_go_through_every_tab_and_one_confirms_a_price_on_a_devnet() {
    let operator = Operator::new().await;
    operator.active_with("100").await;
    let node = run::Node::start(
        &operator.environment,
        &["--preset", "ultrafast", "--price", "1200", "--no-reward"],
    );
    let url = node.operator_url();
    let shown = tokio::task::spawn_blocking({
        let arguments = ["dashboard".to_string(), "--node".to_string(), url];
        let mut terminal = Terminal::open(&operator.environment, &arguments.each_ref().map(String::as_str));
        move || {
            for (key, shown) in [
                ("2", "[2 Sessions"),
                ("3", "[3 Tickets"),
                ("4", "[4 "),
                ("5", "[5 Transcoders"),
                ("6", "[6 Chain"),
                ("7", "[7 Log"),
                ("1", "[1 Overview"),
            ] {
                terminal.press(key);
                terminal.wait_for(shown);
            }
            terminal.press("3");
            terminal.wait_for("winning tickets, most urgent first");
            terminal.press("7");
            terminal.wait_for("info");
            terminal.press("$");
            terminal.wait_for("another price");
            terminal.press("900\r");
            terminal.wait_for("1200wei  →  900wei");
            terminal.press("y");
            terminal.wait_for("gateways are asked for 900wei");
            terminal.screen.screen().contents()
        }
    })
    .await
    .unwrap();
    assert!(shown.contains("[7 Log"), "{shown}");
    assert_eq!(node.status().await.payments.unwrap().price, "900wei");
}

#[test]
fn a_terminal_may_become_tiny_and_large_again_and_may_hang_up() {
    let environment = Environment::new();
    let node = Node::start(0, status(&["pushed-clip"]));
    let mut terminal = Terminal::open(&environment, &["dashboard", "--node", &node.url()]);
    terminal.wait_for("pushed-clip");
    terminal.resize(20, 5);
    terminal.screen.screen_mut().set_size(cells(5), cells(20));
    terminal.wait_for("too small");
    terminal.resize(80, 24);
    terminal.screen.screen_mut().set_size(cells(24), cells(80));
    terminal.wait_for("pushed-clip");
    kill_process(Pid::from_raw(terminal.pid()).unwrap(), Signal::HUP).unwrap();
    let start = Instant::now();
    while terminal
        .process
        .status()
        .is_some_and(|status| format!("{status:?}").contains("StillAlive"))
    {
        assert!(start.elapsed() < Duration::from_secs(10), "it does not end");
        std::thread::yield_now();
    }
}

#[test]
fn several_nodes_have_a_line_each_and_a_dead_one_is_among_them() {
    let environment = Environment::new();
    let (one, other) = (
        Node::start(0, status(&["pushed-clip"])),
        Node::start(0, status(&["7777"])),
    );
    let dead = Node::start(0, status(&[])).kill();
    let dead = format!("http://127.0.0.1:{dead}");
    let (one, other) = (one.url(), other.url());
    let arguments = ["dashboard", "--node", &one, "--node", &other, "--node", &dead];
    let mut terminal = Terminal::open(&environment, &arguments);
    terminal.wait_for("3 nodes");
    terminal.wait_for("connection refused");
    terminal.press("G\r");
    terminal.wait_for("[1 Overview]");
    terminal.press("0");
    terminal.wait_for("3 nodes");
    let refused = environment
        .lpctl(&["dashboard", "--once", "--node", &one, "--node", &other])
        .expect_code(2);
    assert!(refused.stderr.contains("of one node"), "{refused:?}");
}

#[test]
fn a_go_livepeer_node_is_watched_by_its_routes_and_metrics() {
    let runtime = Runtime::new().unwrap();
    let listener = runtime
        .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
        .unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let told = r#"{"Version":"0.8.10","GolangRuntimeVersion":"go1.25","GOArch":"amd64","GOOS":"linux",
        "RegisteredTranscoders":[{"Address":"10.0.0.7:41822","Capacity":12}],"LocalTranscoding":false}"#;
    let metrics = "livepeer_current_sessions_total 7\nlivepeer_max_sessions_total 20\nlivepeer_segment_transcoded_total 42\n\
                   livepeer_ticket_value_recv 1.5e+09\nlivepeer_tickets_recv 3\n";
    let routes = Router::new()
        .route("/status", get(async move || told))
        .route("/metrics", get(async move || metrics))
        .route("/IsOrchestrator", get(async || "true"))
        .route("/IsRedeemer", get(async || "false"))
        .route("/EthChainID", get(async || "42161"))
        .fallback(async || (axum::http::StatusCode::NOT_FOUND, "404 page not found\n"));
    runtime.spawn(async move { axum::serve(listener, routes).await });
    let environment = Environment::new();
    let frame = |tab: &str| {
        let arguments = ["dashboard", "--once", "--tab", tab, "--node", &url];
        environment.lpctl(&arguments).expect_code(0).stdout
    };
    let overview = frame("overview");
    for shown in ["7 of 20 sessions", "42 done", "worth 1.5 ETH", "go-livepeer"] {
        assert!(overview.contains(shown), "{shown}:\n{overview}");
    }
    assert!(frame("transcoders").contains("10.0.0.7:41822"));
    assert!(frame("chain").contains("0.8.10"));
    assert!(frame("tickets").contains("does not list winning tickets"));
}

/// What a node of a later version might add to every object of its answers.
fn with_unknown_fields(answer: &mut Value) {
    match answer {
        Value::Object(fields) => {
            fields.values_mut().for_each(with_unknown_fields);
            fields.insert("from_a_newer_node".to_string(), json!({ "all": [1, "2"] }));
        }
        Value::Array(items) => items.iter_mut().for_each(with_unknown_fields),
        _ => {}
    }
}

#[test]
fn older_and_newer_nodes_are_shown_as_far_as_they_tell() {
    let environment = Environment::new();
    let mut older = status(&["pushed-clip"]);
    older["network"] = json!("arbitrum-one");
    older["payments"] = json!({ "price": "1200wei" });
    older["chain"] = json!({
        "time": "2026-03-14T12:41:00Z", "block": 18_993_201, "round": 3412, "round_initialized": true,
        "round_locked": false, "round_length": 5760, "round_elapsed": 3514, "active": true, "registered": true,
        "rank": null, "pool_size": 100, "own_stake_lpt": "1204.5", "total_stake_lpt": "20134.7",
        "reward_cut_percent": "10", "fee_share_percent": "40", "reward_called": false, "fees_wei": "0", "eth_wei": "0",
    });
    let mut newer = older.clone();
    newer["api_version"] = json!(99);
    newer["mode"] = json!("from_a_newer_node");
    newer["devices"][0]["state"] = json!("from_a_newer_node");
    with_unknown_fields(&mut newer);
    for (told, says, of_reward) in [
        (
            older,
            "older node (API 0",
            "does not tell whether it calls reward",
        ),
        (newer, "newer node (API 99", "this node calls none"),
    ] {
        let node = Node::start(0, told);
        for (tab, shown) in [
            ("overview", "pushed-clip"),
            ("sessions", "pushed-clip"),
            ("tickets", "this node does not tell its tickets"),
            ("gpus", "test processor"),
            ("transcoders", "transcoders"),
            ("chain", of_reward),
            ("log", "this node does not tell its log"),
        ] {
            let frame = environment
                .lpctl(&[
                    "dashboard",
                    "--once",
                    "--tab",
                    tab,
                    "--width",
                    "120",
                    "--node",
                    &node.url(),
                ])
                .expect_code(0)
                .stdout;
            assert!(
                frame.contains(says) && frame.contains(shown),
                "{tab} {shown}:\n{frame}"
            );
        }
    }
}

/// Processor time the threads of a process have used.
fn worked(pid: i32) -> Duration {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let nanoseconds = tasks
        .filter_map(|task| fs::read_to_string(task.unwrap().path().join("schedstat")).ok())
        .map(|stat| stat.split(' ').next().unwrap().parse::<u64>().unwrap())
        .sum();
    Duration::from_nanos(nanoseconds)
}

/// Times all threads of a process gave the processor away, and its memory in kB.
fn switches_and_memory(pid: i32) -> (u64, u64) {
    let of = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()
    };
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let switches = tasks
        .filter_map(|task| fs::read_to_string(task.unwrap().path().join("status")).ok())
        .map(|text| of(&text, "voluntary_ctxt_switches"))
        .sum();
    let own = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    (switches, of(&own, "VmRSS"))
}

/// Prints what the dashboard costs; with a release build also holds it to that.
#[test]
fn fifty_busy_sessions_at_four_updates_a_second_cost_little() {
    let environment = Environment::new();
    let names: Vec<String> = (0..50).map(|number| format!("stream-{number}")).collect();
    let mut busy = status(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let segment = |seq: u64| {
        json!({
            "seq": seq, "duration_ms": 2000, "upload_ms": 12, "wait_ms": 0, "transcode_ms": 600 + seq % 90,
            "total_ms": 640 + seq % 90, "ok": true,
        })
    };
    for session in busy["sessions"].as_array_mut().unwrap() {
        session["recent"] = (0..60).map(segment).collect();
        let rung = session["rungs"][0].clone();
        session["rungs"] = Value::Array(vec![rung; 4]);
        let rendition = json!({
            "name": "720p", "width": 1280, "height": 720, "segments": 60, "pixels": 1_000_000, "bytes": 40_000_000,
            "last_bytes": 620_000, "bitrate": 2_480_000, "latency_ms": 640, "real_time_permille": 3300,
        });
        session["renditions"] = Value::Array(vec![rendition; 4]);
    }
    let node = Node::start(0, busy.clone());
    let feed = node.status.clone();
    let (stop, stopped) = mpsc::channel::<()>();
    let feeder = std::thread::spawn(move || {
        let mut update = 0;
        let mut now: Timestamp = busy["time"].as_str().unwrap().parse().unwrap();
        while stopped.recv_timeout(Duration::from_millis(250)).is_err() {
            update += 1;
            now += Duration::from_millis(250);
            busy["time"] = json!(now);
            // Segments of two seconds: in each update one session of eight begins one and another one ends one.
            let sessions = busy["sessions"].as_array_mut().unwrap();
            for (index, session) in sessions.iter_mut().enumerate() {
                let phase = (update + index) % 8;
                if phase == 0 {
                    session["segments_in_flight"] = json!(1);
                    session["last_active"] = json!(now);
                } else if phase == 3 {
                    session["segments_in_flight"] = json!(0);
                    let done = session["segments_done"].as_u64().unwrap() + 1;
                    session["segments_done"] = json!(done);
                    for rendition in session["renditions"].as_array_mut().unwrap() {
                        rendition["segments"] = json!(done);
                    }
                    let recent = session["recent"].as_array_mut().unwrap();
                    recent.remove(0);
                    recent.push(segment(55 + done));
                }
            }
            // The newest activity first.
            sessions
                .sort_by_key(|session| std::cmp::Reverse(session["last_active"].as_str().map(String::from)));
            busy["work"]["segments_done"] = json!(update * 6);
            feed.send_replace(busy.clone());
        }
    });
    let mut terminal = Terminal::open(&environment, &["dashboard", "--node", &node.url()]);
    terminal.wait_for("stream-");
    let pid = terminal.pid();
    let span = Duration::from_secs(5);
    let rest = |terminal: &mut Terminal| {
        let end = Instant::now() + span;
        while let Some(left) = end.checked_duration_since(Instant::now()) {
            if let Ok(chunk) = terminal.output.recv_timeout(left) {
                terminal.screen.process(&chunk);
            }
        }
    };
    rest(&mut terminal);
    let before = worked(pid);
    rest(&mut terminal);
    let share =
        |before: Duration| 100.0 * worked(pid).saturating_sub(before).as_secs_f64() / span.as_secs_f64();
    let busy_percent = share(before);
    let mut slowest = Duration::ZERO;
    for _ in 0..10 {
        terminal.press("?");
        slowest = slowest.max(terminal.wait_for("draw everything anew"));
        terminal.press("q");
        terminal.wait_for("slowest first");
    }
    let (_, memory) = switches_and_memory(pid);
    stop.send(()).unwrap();
    feeder.join().unwrap();
    rest(&mut terminal);
    let (before, _) = switches_and_memory(pid);
    let worked_before = worked(pid);
    rest(&mut terminal);
    let wakes = (switches_and_memory(pid).0 - before) as f64 / span.as_secs_f64();
    let idle_percent = share(worked_before);
    let build = if cfg!(debug_assertions) {
        "debug"
    } else {
        "release"
    };
    #[allow(clippy::print_stderr, reason = "figures of a run by hand")]
    {
        eprintln!(
            "{build}: {busy_percent:.1} % of a core at 4 Hz with 50 sessions, {memory} kB, key to frame {slowest:?}; silent: \
             {idle_percent:.1} %, {wakes:.1} wake-ups a second"
        );
    }
    assert!(wakes < 6.0, "{wakes} wake-ups a second while nothing happens");
    if !cfg!(debug_assertions) {
        assert!(
            busy_percent < 1.5 && memory < 40_000,
            "{busy_percent} %, {memory} kB"
        );
        assert!(slowest < Duration::from_millis(20), "{slowest:?}");
    }
}
