//! Orchestrator and transcoders as programs: `lpctl run --mode …`, `lpctl node …`.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    os::unix::{fs::PermissionsExt, process::CommandExt},
    process::{Child, ChildStdout, Command, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use serde_json::Value;
use testbed::clip::{ClipSpec, file};

use crate::environment::{Environment, Outcome};

/// A test that waits longer than this for anything hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// A running `lpctl run --json`, in a process group of its own; killed with the test.
pub struct Node {
    child: Child,
    stdout: BufReader<ChildStdout>,
    ready: Value,
    said: Option<mpsc::Receiver<String>>,
}

impl Node {
    pub fn spawn(mut command: Command) -> Self {
        let mut child = command
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stderr = child.stderr.take().unwrap();
        let (sender, said) = mpsc::channel();
        // Read all the time: a full pipe would hold the node up.
        std::thread::spawn(move || {
            let mut text = String::new();
            let _ = stderr.read_to_string(&mut text);
            let _ = sender.send(text);
        });
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let ready = serde_json::from_str(&line)
            .unwrap_or_else(|_| panic!("no ready line but {line:?}: {}", said.recv().unwrap()));
        Self {
            child,
            stdout,
            ready,
            said: Some(said),
        }
    }

    fn field(&self, name: &str) -> &str {
        self.ready[name].as_str().unwrap()
    }

    pub fn operator(&self) -> &str {
        self.field("operator_url")
    }

    fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap()
    }

    /// What nothing can be done about: the node and all it started.
    pub fn kill(&mut self) {
        let _ = kill_process_group(self.pid(), Signal::KILL);
        let _ = self.child.wait();
    }

    /// Waits for the end: exit code, the rest of stdout, stderr.
    fn end(&mut self) -> (Option<i32>, String, String) {
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        let status = self.child.wait().unwrap();
        (status.code(), rest, self.said.take().unwrap().recv().unwrap())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}

/// An orchestrator with transcoders, on this machine.
pub struct Network {
    pub environment: Environment,
    orchestrator: Node,
}

impl Network {
    pub fn start(sessions: &str) -> Self {
        let environment = Environment::new();
        write_secret(&environment, "secret", "open sesame\n");
        let mut command = environment.command(&["run", "--json", "--mode", "orchestrator"]);
        command.args(["--orch-secret-file", "secret", "--max-sessions", sessions]);
        command.args(["--bind", "127.0.0.1:0", "--operator-addr", "127.0.0.1:0"]);
        let orchestrator = Node::spawn(command);
        assert_eq!(orchestrator.ready["mode"], "orchestrator");
        Self {
            environment,
            orchestrator,
        }
    }

    /// Where the orchestrator's operator API is.
    pub fn orchestrator_url(&self) -> &str {
        self.orchestrator.operator()
    }

    /// The address gateways are given.
    pub fn service_uri(&self) -> &str {
        self.orchestrator.field("service_uri")
    }

    /// The address transcoders are given.
    fn address(&self) -> String {
        let uri = self.orchestrator.field("service_uri");
        uri.strip_prefix("https://").unwrap().to_string()
    }

    fn transcoder_command(&self, name: &str, secret: &str) -> Command {
        let mut command = self
            .environment
            .command(&["run", "--json", "--mode", "transcoder"]);
        command
            .args(["--orch-addr", &self.address(), "--orch-secret-file", secret])
            .args(["--max-sessions", "4", "--gpus", "none", "--preset", "ultrafast"])
            .args(["--operator-addr", "127.0.0.1:0", "--data-dir", name])
            .args(["--work-dir", &format!("{name}-work")]);
        command
    }

    /// Starts one and waits until the orchestrator knows of it.
    pub fn transcoder(&self, name: &str) -> Node {
        let before = self.transcoders().len();
        let node = Node::spawn(self.transcoder_command(name, "secret"));
        assert_eq!(node.ready["orchestrator"], self.address());
        self.until(|network| network.transcoders().len() > before);
        node
    }

    /// How many segments a transcoder has made.
    pub fn segments_done(&self, node: &Node) -> u64 {
        let shown = self.node(node, &["show"]).expect_code(0).data();
        shown["work"]["segments_done"].as_u64().unwrap()
    }

    fn transcoders(&self) -> Vec<Value> {
        let told = self
            .node(&self.orchestrator, &["transcoders"])
            .expect_code(0)
            .data();
        told["transcoders"].as_array().unwrap().clone()
    }

    fn node(&self, node: &Node, arguments: &[&str]) -> Outcome {
        let head = ["--node", node.operator(), "--json", "node"];
        self.environment.lpctl(&[&head, arguments].concat())
    }

    pub fn until(&self, fits: impl Fn(&Self) -> bool) {
        let until = Instant::now() + PATIENCE;
        while !fits(self) {
            assert!(Instant::now() < until, "it does not come about");
        }
    }

    /// A push of so many segments, a multiple of three, on its way.
    pub fn push(&self, segments: u32) -> Child {
        let clip = file(ClipSpec {
            seconds: 6,
            ..ClipSpec::default()
        });
        let mut command = self.environment.command(&["gateway", "push", "--json"]);
        command
            .arg(&clip)
            .args(["--orch", self.orchestrator.field("service_uri")])
            .args([
                "--ladder",
                "P144p30fps16x9",
                "--repeat",
                &(segments / 3).to_string(),
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command.spawn().unwrap()
    }
}

fn write_secret(environment: &Environment, name: &str, text: &str) {
    let path = environment.home().join(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
}

fn finished(push: Child) -> Value {
    let outcome = Outcome::from(push.wait_with_output().unwrap());
    outcome.expect_code(0).data()
}

#[test]
fn a_transcoder_killed_in_the_middle_costs_no_segment() {
    let network = Network::start("auto");
    let mut first = network.transcoder("first");
    let mut second = network.transcoder("second");
    let push = network.push(30);
    // Whoever has the stream is killed while it works.
    let busy = |network: &Network, node: &Node| {
        let shown = network.node(node, &["show"]).expect_code(0).data();
        shown["work"]["segments_done"].as_u64().unwrap() >= 1
    };
    network.until(|network| busy(network, &first) || busy(network, &second));
    match busy(&network, &first) {
        true => first.kill(),
        false => second.kill(),
    }
    let told = finished(push);
    assert_eq!(told["segments"]["failed"], 0, "{told:#}");
    assert_eq!(told["segments"]["done"], 30, "{told:#}");
}

#[test]
fn a_drained_transcoder_costs_no_segment_and_ends_well() {
    let network = Network::start("auto");
    let first = network.transcoder("first");
    let second = network.transcoder("second");
    let push = network.push(30);
    let done = |node: &Node| {
        let shown = network.node(node, &["show"]).expect_code(0).data();
        shown["work"]["segments_done"].as_u64().unwrap()
    };
    network.until(|_| done(&first) + done(&second) >= 1);
    // The one that has the stream leaves, the other one stays till the end.
    let (mut leaves, _stays) = match done(&first) {
        0 => (second, first),
        _ => (first, second),
    };
    let drained = network
        .node(&leaves, &["drain", "--wait", "--timeout", "60"])
        .expect_code(0)
        .data();
    assert_eq!(
        (drained["done"].as_bool(), drained["left"].as_u64()),
        (Some(true), Some(0))
    );
    assert_eq!(network.transcoders().len(), 1);
    leaves.signal(Signal::TERM);
    let (code, rest, _) = leaves.end();
    assert_eq!(code, Some(0));
    let stopped: Value = serde_json::from_str(rest.lines().next().unwrap()).unwrap();
    assert_eq!(
        (&stopped["event"], &stopped["finished"]),
        (&Value::from("stopped"), &Value::from(true))
    );
    assert_eq!(stopped["segments_failed"], 0);
    let told = finished(push);
    assert_eq!(told["segments"]["failed"], 0, "{told:#}");
    assert_eq!(told["segments"]["done"], 30, "{told:#}");
}

#[test]
fn a_wrong_secret_ends_it_and_says_which_file() {
    let network = Network::start("3");
    write_secret(&network.environment, "wrong", "hunter2\n");
    let mut node = Node::spawn(network.transcoder_command("first", "wrong"));
    let (code, rest, said) = node.end();
    assert_eq!(code, Some(4), "{rest}{said}");
    let last: Value = serde_json::from_str(rest.lines().last().unwrap()).unwrap();
    assert_eq!(last["error"]["code"], "invalid_secret");
    let message = last["error"]["message"].as_str().unwrap();
    assert!(
        message.ends_with("refused the secret in wrong: `invalid secret`"),
        "{message}"
    );
    assert!(last["error"]["hint"].as_str().unwrap().contains("first line"));
    for secret in ["hunter2", "open sesame"] {
        assert!(!rest.contains(secret) && !said.contains(secret), "{rest}{said}");
    }
}

#[test]
fn what_is_missing_or_useless_is_said_before_anything_runs() {
    let environment = Environment::new();
    write_secret(&environment, "secret", "open sesame\n");
    write_secret(&environment, "empty", "\n");
    let cases: [(&[&str], i32, &str); 8] = [
        (&["--mode", "transcoder"], 2, "orch_addr_needed"),
        (&["--mode", "orchestrator"], 2, "orch_secret_needed"),
        (
            &["--mode", "transcoder", "--orch-addr", ":1"],
            2,
            "orch_secret_needed",
        ),
        (
            &[
                "--mode",
                "transcoder",
                "--orch-addr",
                "https://o.example",
                "--orch-secret-file",
                "secret",
            ],
            2,
            "bad_orch_addr",
        ),
        (
            &[
                "--mode",
                "transcoder",
                "--orch-addr",
                ":1",
                "--orch-secret-file",
                "empty",
            ],
            3,
            "orch_secret_file",
        ),
        (
            &[
                "--mode",
                "transcoder",
                "--orch-addr",
                ":1",
                "--orch-secret-file",
                "secret",
                "--max-sessions",
                "auto",
            ],
            2,
            "sessions_needed",
        ),
        (
            &["--mode", "transcoder", "--bind", "127.0.0.1:0"],
            2,
            "not_in_this_mode",
        ),
        (
            &["--mode", "orchestrator", "--preset", "fast"],
            2,
            "not_in_this_mode",
        ),
    ];
    for (arguments, code, name) in cases {
        let told = environment
            .lpctl(&[&["run", "--json"], arguments].concat())
            .expect_code(code);
        assert_eq!(told.error()["code"], name, "{arguments:?}");
    }
    // Settings come from the file too, and from variables.
    environment.write_config("[defaults]\nmode = \"transcoder\"\norch_addr = \":1\"\n");
    let told = environment.lpctl(&["run", "--json"]).expect_code(2);
    assert_eq!(told.error()["code"], "orch_secret_needed");
    environment.write_config("[defaults]\norch_addr = \"https://o.example\"\n");
    let told = environment.lpctl(&["config", "check", "--json"]).expect_code(3);
    assert!(
        told.error()["message"]
            .as_str()
            .unwrap()
            .contains("defaults: orch_addr")
    );
}

#[test]
fn a_secret_others_can_read_is_warned_about() {
    let network = Network::start("3");
    let path = network.environment.home().join("open");
    fs::write(&path, "open sesame\n").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let mut node = Node::spawn(network.transcoder_command("first", "open"));
    node.signal(Signal::TERM);
    let (code, _, said) = node.end();
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("others may read the secret file open: `chmod 600 open`"),
        "{said}"
    );
}

#[test]
fn what_was_changed_at_run_time_holds_after_a_restart() {
    let network = Network::start("3");
    let start = |arguments: &[&str]| {
        let mut command = network
            .environment
            .command(&["run", "--json", "--mode", "transcoder"]);
        command
            .args(["--orch-addr", &network.address(), "--orch-secret-file", "secret"])
            .args(["--gpus", "none", "--operator-addr", "127.0.0.1:0"])
            .args(arguments);
        Node::spawn(command)
    };
    let capacity = || {
        network
            .transcoders()
            .first()
            .map(|transcoder| transcoder["capacity"].clone())
    };
    let mut node = start(&[]);
    network.until(|_| capacity() == Some(Value::from(10)));
    network.node(&node, &["set-max-sessions", "6"]).expect_code(0);
    network.until(|_| capacity() == Some(Value::from(6)));
    network.node(&node, &["log-level", "debug"]).expect_code(0);
    let refused = network.node(&node, &["set-max-sessions", "auto"]).expect_code(4);
    assert_eq!(refused.error()["code"], "node_refused");
    node.signal(Signal::TERM);
    let (_, _, said) = node.end();
    assert!(said.contains("the log level was changed"), "{said}");

    let mut node = start(&[]);
    assert_eq!(node.ready["max_sessions"], 6);
    node.signal(Signal::TERM);
    let (_, _, said) = node.end();
    assert!(
        said.contains("sessions: 6, as set at run time, in place of 10"),
        "{said}"
    );
    assert!(said.contains("log level debug, as set at run time"), "{said}");
    assert!(said.contains("\"level\":\"DEBUG\""), "{said}");

    let mut node = start(&["--max-sessions", "2"]);
    assert_eq!(node.ready["max_sessions"], 2);
    node.signal(Signal::TERM);
    let (_, _, said) = node.end();
    assert!(
        said.contains("sessions: 2, as given; 6 was set at run time"),
        "{said}"
    );
}

#[test]
fn an_orchestrators_sessions_can_be_changed_and_follow_its_transcoders() {
    let network = Network::start("3");
    let most = || {
        network
            .node(&network.orchestrator, &["show"])
            .expect_code(0)
            .data()["max_sessions"]
            .clone()
    };
    assert_eq!(most(), 3);
    network
        .node(&network.orchestrator, &["set-max-sessions", "auto"])
        .expect_code(0);
    assert_eq!(most(), 0);
    let _transcoder = network.transcoder("first");
    assert_eq!(most(), 4);
    network
        .node(&network.orchestrator, &["set-max-sessions", "9"])
        .expect_code(0);
    assert_eq!(most(), 9);
    let text = network
        .environment
        .lpctl(&["--node", network.orchestrator.operator(), "node", "show"])
        .expect_code(0);
    assert!(
        text.stdout.contains("transcoders   1 · 0 of 4 sessions"),
        "{}",
        text.stdout
    );
    let text = network
        .environment
        .lpctl(&["--node", network.orchestrator.operator(), "node", "sessions"])
        .expect_code(0);
    assert_eq!(text.stdout, "no sessions; the node takes 9\n");
}

#[test]
fn no_node_is_said_to_be_none() {
    let environment = Environment::new();
    for arguments in [
        &["node", "show"][..],
        &["node", "sessions"],
        &["node", "transcoders"],
        &["node", "drain", "--wait"],
        &["node", "set-max-sessions", "4"],
        &["node", "log-level", "info"],
    ] {
        let told = environment
            .lpctl(&[&["--node", "http://127.0.0.1:9", "--json"], arguments].concat())
            .expect_code(7);
        assert_eq!(told.error()["code"], "node_unreachable", "{arguments:?}");
    }
}

#[test]
fn a_command_line_of_go_livepeer_becomes_a_config_that_is_understood() {
    let environment = Environment::new();
    write_secret(&environment, "secret", "open sesame\n");
    let script = "#!/bin/sh\nlivepeer -transcoder \\\n  -orchAddr o.example -orchSecret secret -maxSessions 5 -monitor\n";
    fs::write(environment.home().join("start.sh"), script).unwrap();
    let told = environment
        .lpctl(&["migrate", "flags", "--file", "start.sh"])
        .expect_code(0);
    assert!(told.stderr.starts_with("-monitor: "), "{}", told.stderr);
    environment.write_config(&told.stdout);
    environment.lpctl(&["config", "check"]).expect_code(0);
    let shown = environment.lpctl(&["config", "show"]).expect_code(0);
    assert!(shown.stdout.contains("o.example:8935"), "{}", shown.stdout);
    let line = [
        "migrate",
        "flags",
        "--json",
        "--",
        "-transcoder",
        "-orchSecret",
        "hunter2",
    ];
    let told = environment.lpctl(&line).expect_code(0);
    assert!(
        !told.stdout.contains("hunter2") && !told.stderr.contains("hunter2"),
        "{told:?}"
    );
    assert_eq!(told.data()["notes"][0]["flag"], "orchSecret");
    let told = environment.lpctl(&["migrate", "flags", "--json"]).expect_code(2);
    assert_eq!(told.error()["code"], "no_command_line");
}
