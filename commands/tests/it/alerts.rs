//! Alerts: a node tells webhooks, programs and the desktop what needs attention, once, and when it is over.

use std::{
    collections::HashMap,
    fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::PermissionsExt as _,
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Bytes,
    http::{HeaderMap, StatusCode},
    response::Redirect,
    routing::post,
};
use serde_json::Value;
use zbus::zvariant::OwnedValue;

use crate::{environment::Environment, remote::Node};

/// A test that waits longer than this for anything hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// A web server with these routes; its address.
async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    url
}

/// Takes alerts; what came, and the header that let it in.
async fn hook() -> (String, mpsc::Receiver<(Option<String>, Value)>) {
    let (sender, alerts) = mpsc::channel();
    let take = move |headers: HeaderMap, body: Bytes| {
        let header = headers
            .get("x-token")
            .map(|value| value.to_str().unwrap().to_string());
        sender
            .send((header, serde_json::from_slice(&body).unwrap()))
            .unwrap();
        async {}
    };
    (serve(Router::new().route("/TOKEN", post(take))).await, alerts)
}

/// A program that appends what it is told to a file.
fn program(environment: &Environment, name: &str, script: &str) -> String {
    let path = environment.home().join(name);
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path.display().to_string()
}

fn orchestrator(environment: &Environment) -> Node {
    let path = environment.home().join("secret");
    fs::write(&path, "open sesame\n").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let mut command = environment.command(&["run", "--json", "--mode", "orchestrator", "--offchain"]);
    command.args(["--orch-secret-file", "secret", "--bind", "127.0.0.1:0"]);
    command.args(["--operator-addr", "127.0.0.1:0"]);
    Node::spawn(command)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_tells_once_also_over_a_restart_and_a_channel_that_hangs_delays_no_other() {
    let environment = Environment::new();
    let (url, alerts) = hook().await;
    let told = program(
        &environment,
        "tell",
        "echo \"$# $LPCTL_ALERT $LPCTL_ALERT_STATE\" >> told; cat >> told.json",
    );
    fs::write(environment.home().join("header"), "X-Token: s3cret\n").unwrap();
    environment.write_config(&format!(
        "[defaults.alerts]\nwebhook = \"{url}/TOKEN\"\nwebhook_header_file = \"{}\"\nprogram = \"{told}\"\n\
         [defaults.alerts.rules.no_transcoders]\nfor = 1\n",
        environment.home().join("header").display()
    ));
    let mut node = orchestrator(&environment);
    let (header, alert) = alerts.recv_timeout(PATIENCE).unwrap();
    assert_eq!(header.as_deref(), Some("s3cret"));
    assert_eq!(
        (&alert["alert"], &alert["state"]),
        (&Value::from("no_transcoders"), &Value::from("began"))
    );
    assert_eq!(alert["severity"], "critical");
    assert!(
        alert["text"]
            .as_str()
            .unwrap()
            .contains("no transcoder is connected")
    );
    let by_program = || fs::read_to_string(environment.home().join("told")).unwrap_or_default();
    let until = Instant::now() + PATIENCE;
    while by_program().is_empty() {
        assert!(Instant::now() < until, "the program is run");
        tokio::task::yield_now().await;
    }
    assert_eq!(
        by_program(),
        "0 no_transcoders began\n",
        "facts are not arguments"
    );
    let facts = || fs::read_to_string(environment.home().join("told.json")).unwrap_or_default();
    let json = loop {
        if let Ok(json) = serde_json::from_str::<Value>(&facts()) {
            break json;
        }
        assert!(Instant::now() < until, "the program is given the facts");
        tokio::task::yield_now().await;
    };
    assert_eq!(json["alert"], "no_transcoders");
    let lines = environment
        .lpctl(&[
            "--node",
            node.operator(),
            "logs",
            "--text",
            "no_transcoders",
            "--json",
            "--explain",
        ])
        .expect_code(0);
    let line: Value = serde_json::from_str(lines.stdout.lines().next().unwrap()).unwrap();
    assert_eq!(
        (&line["level"], &line["known"]["id"]),
        (&Value::from("error"), &Value::from("no_transcoders"))
    );
    assert!(!lines.stdout.contains("TOKEN") && !lines.stdout.contains("s3cret"));

    // It still holds after a restart, and is not told again.
    node.kill();
    let node = orchestrator(&environment);
    let again = alerts.recv_timeout(Duration::from_secs(15));
    assert!(again.is_err(), "{again:?}");
    drop(node);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_is_tried_and_says_why_it_does_not_work() {
    let environment = Environment::new();
    let none = environment.lpctl(&["alerts", "test", "--json"]).expect_code(3);
    assert_eq!(none.error()["code"], "no_alert_channel");

    let (url, alerts) = hook().await;
    let ends = program(&environment, "ends", "cat > got");
    environment.write_config(&format!(
        "[defaults.alerts]\nwebhook = \"{url}/TOKEN\"\nprogram = \"{ends}\"\n"
    ));
    environment.lpctl(&["alerts", "test"]).expect_code(0);
    let (_, alert) = alerts.recv_timeout(PATIENCE).unwrap();
    assert_eq!(
        (&alert["state"], &alert["alert"]),
        (&Value::from("test"), &Value::from("test"))
    );
    assert!(alert["message"].as_str().unwrap().contains("test"));
    let got: Value =
        serde_json::from_str(&fs::read_to_string(environment.home().join("got")).unwrap()).unwrap();
    assert_eq!(got["state"], "test");

    // Redirects are not followed: who is told is said by the operator alone.
    let (elsewhere, strayed) = hook().await;
    let goal = format!("{elsewhere}/TOKEN");
    let redirecting = Router::new().route("/", post(move || async move { Redirect::temporary(&goal) }));
    let rubbish = Router::new().route(
        "/",
        post(|| async { (StatusCode::BAD_GATEWAY, vec![0xff_u8; 1 << 20]) }),
    );
    for (router, status) in [(redirecting, "307"), (rubbish, "502")] {
        let url = serve(router).await;
        environment.write_config(&format!("[defaults.alerts]\nwebhook = \"{url}/?key=SECRET\"\n"));
        let failed = environment.lpctl(&["alerts", "test", "--json"]).expect_code(1);
        let error = failed.error();
        assert_eq!(error["code"], "alert_not_told");
        let message = error["message"].as_str().unwrap();
        assert!(
            message.contains(status) && !message.contains("SECRET"),
            "{message}"
        );
    }
    assert!(strayed.try_recv().is_err());

    let fails = program(&environment, "fails", "exit 3");
    environment.write_config(&format!("[defaults.alerts]\nprogram = \"{fails}\"\n"));
    let failed = environment.lpctl(&["alerts", "test", "--json"]).expect_code(1);
    assert!(
        failed.error()["message"]
            .as_str()
            .unwrap()
            .contains("exit status: 3")
    );
}

#[test]
fn the_rules_are_listed_as_the_config_changes_them() {
    let environment = Environment::new();
    let listed = |environment: &Environment| {
        environment
            .lpctl(&["alerts", "list", "--json"])
            .expect_code(0)
            .data()
    };
    let row = |data: &Value, code: &str| {
        let rows = data["rules"].as_array().unwrap();
        rows.iter().find(|row| row["code"] == code).unwrap().clone()
    };
    let usual = listed(&environment);
    assert_eq!(row(&usual, "low_gas")["severity"], "warning");
    assert_eq!(row(&usual, "low_gas")["prometheus"], "LpctlLowGas");
    assert_eq!(row(&usual, "sessions_full")["told"], false);
    environment.write_config(
        "[defaults.alerts]\ndesktop = true\nwebhook = \"http://127.0.0.1:1/\"\nrepeat_minutes = 30\n\
         [defaults.alerts.rules.low_gas]\nseverity = \"critical\"\nfor = 7\nchannels = [\"desktop\"]\n\
         [defaults.alerts.rules.sessions_full]\noff = false\n[defaults.alerts.rules.pool_tail]\noff = true\n",
    );
    let changed = listed(&environment);
    assert_eq!(changed["repeat_minutes"], 30);
    let low = row(&changed, "low_gas");
    assert_eq!(
        (&low["severity"], low["for_seconds"].as_u64()),
        (&Value::from("critical"), Some(7))
    );
    assert_eq!(low["channels"], serde_json::json!(["desktop"]));
    assert_eq!(row(&changed, "sessions_full")["told"], true);
    assert_eq!(row(&changed, "pool_tail")["told"], false);
    environment.write_config("[defaults.alerts.rules.loud]\noff = true\n");
    let refused = environment.lpctl(&["alerts", "list", "--json"]).expect_code(3);
    assert!(
        refused.error()["message"]
            .as_str()
            .unwrap()
            .contains("there is no alert `loud`")
    );
}

/// A bus of its own, which ends with the test.
struct Bus {
    daemon: Child,
    address: String,
}

impl Bus {
    fn start() -> Self {
        let mut daemon = Command::new("dbus-daemon")
            .args(["--session", "--nofork", "--print-address"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("a bus: `make setup` installs one");
        let mut address = String::new();
        BufReader::new(daemon.stdout.take().unwrap())
            .read_line(&mut address)
            .unwrap();
        Self {
            daemon,
            address: address.trim().to_string(),
        }
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

/// What a desktop does, as far as it is asked.
struct Desktop(mpsc::Sender<(String, String, String)>);

#[zbus::interface(name = "org.freedesktop.Notifications")]
impl Desktop {
    #[allow(clippy::too_many_arguments, reason = "the interface's own")]
    fn notify(
        &self,
        app: String,
        _replaces: u32,
        _icon: String,
        summary: String,
        body: String,
        _actions: Vec<String>,
        _hints: HashMap<String, OwnedValue>,
        _timeout: i32,
    ) -> u32 {
        self.0.send((app, summary, body)).unwrap();
        1
    }

    fn get_capabilities(&self) -> Vec<String> {
        vec!["body".to_string()]
    }

    fn get_server_information(&self) -> (String, String, String, String) {
        ("test".into(), "test".into(), "1".into(), "1.2".into())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_desktop_shows_alerts_and_one_that_is_not_there_is_named() {
    let environment = Environment::new();
    environment.write_config("[defaults.alerts]\ndesktop = true\n");
    let bus = Bus::start();
    let told = |environment: &Environment| {
        let mut command = environment.command(&["alerts", "test", "--channel", "desktop", "--json"]);
        command
            .env("DBUS_SESSION_BUS_ADDRESS", &bus.address)
            .stdin(Stdio::null());
        crate::environment::Outcome::from(command.output().unwrap())
    };
    let nobody = told(&environment).expect_code(1);
    assert_eq!(nobody.error()["code"], "alert_not_told");

    let (sender, shown) = mpsc::channel();
    let _desktop = zbus::connection::Builder::address(bus.address.as_str())
        .unwrap()
        .name("org.freedesktop.Notifications")
        .unwrap()
        .serve_at("/org/freedesktop/Notifications", Desktop(sender))
        .unwrap()
        .build()
        .await
        .unwrap();
    told(&environment).expect_code(0);
    let (app, summary, body) = shown.recv_timeout(PATIENCE).unwrap();
    assert_eq!((app.as_str(), summary.as_str()), ("lpctl", "lpctl: test"));
    assert!(body.contains("nothing is the matter"));
}
