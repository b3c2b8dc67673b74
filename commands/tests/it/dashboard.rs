//! The dashboard in a real pseudo-terminal, fed by a real HTTP server.

use std::{
    net::SocketAddr,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{
    Json, Router,
    body::{Body, Bytes},
    http::header::CONTENT_TYPE,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use engine::view::node::NodeStatus;
use futures_util::stream;
use rexpect::session::{PtySession, spawn_command};
use serde_json::{Value, json};
use tokio::{runtime::Runtime, sync::watch};

use crate::environment::Environment;

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
            .route("/api/v1/events", get(async move || events(for_events.clone())))
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

fn events(receiver: watch::Receiver<Value>) -> Response {
    let first = true;
    let events = stream::unfold((receiver, first), async |(mut receiver, first)| {
        if !first {
            receiver.changed().await.ok()?;
        }
        let data = receiver.borrow_and_update().to_string();
        let event = Bytes::from(format!("event: status\ndata: {data}\n\n"));
        Some((Ok::<_, std::convert::Infallible>(event), (receiver, false)))
    });
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
        .route("/api/v1/status", get(garbled));
    runtime.spawn(async move { axum::serve(listener, routes).await });

    let environment = Environment::new();
    let endless = environment
        .lpctl(&["dashboard", "--once", "--watch", "1", "--node", &url])
        .expect_code(7);
    assert!(endless.stderr.contains("larger than 8 MiB"), "{endless:?}");
    let garbled = environment
        .lpctl(&["dashboard", "--once", "--node", &url])
        .expect_code(7);
    assert!(
        garbled.stderr.contains("cannot be read") && !garbled.stderr.contains('\x1b'),
        "{garbled:?}"
    );
    let elsewhere = format!("{url}/elsewhere");
    let no_node = environment
        .lpctl(&["dashboard", "--once", "--node", &elsewhere])
        .expect_code(7);
    assert!(no_node.stderr.contains("does not speak lpctl's"), "{no_node:?}");
}
