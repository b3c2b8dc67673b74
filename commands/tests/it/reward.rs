//! `lpctl reward watch` and `lpctl reward history`, as a service runs them and as an operator reads them.

use std::{
    io::{BufRead, BufReader, Read as _},
    process::{Child, ChildStdout, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::operator::Operator;

const PATIENCE: Duration = Duration::from_secs(60);

/// A running `lpctl reward watch --json`; killed with the test.
struct Watch {
    child: Child,
    stdout: BufReader<ChildStdout>,
}

impl Watch {
    fn start(operator: &Operator, arguments: &[&str]) -> Self {
        let arguments = [&["reward", "watch", "--json"][..], arguments].concat();
        let mut child = operator
            .environment
            .command(&arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Self { child, stdout }
    }

    /// Reads lines up to the event.
    fn until(&mut self, event: &str) -> Value {
        let begun = Instant::now();
        loop {
            let mut line = String::new();
            let read = self.stdout.read_line(&mut line).unwrap();
            assert!(read > 0 && begun.elapsed() < PATIENCE, "no `{event}`");
            let told: Value = serde_json::from_str(&line).unwrap();
            if told["event"] == event {
                return told;
            }
        }
    }

    /// Asks it to end as a service manager does: exit code and last line.
    fn end(&mut self) -> (Option<i32>, Value) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, Signal::TERM).unwrap();
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        let last = rest.lines().last().unwrap_or("null");
        let code = self.child.wait().unwrap().code();
        (code, serde_json::from_str(last).unwrap())
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn become_orchestrator(operator: &Operator) {
    let arguments = [
        "orch",
        "activate",
        "--bond",
        "100",
        "--reward-cut",
        "10",
        "--fee-share",
        "40",
        "--service-uri",
        "https://127.0.0.1:8935",
        "-y",
    ];
    operator.lpctl(&arguments).expect_code(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn rewards_are_called_round_after_round_until_it_is_told_to_end() {
    let operator = Operator::new().await;
    become_orchestrator(&operator);
    let first = operator.devnet.next_round().await;
    let mut watch = Watch::start(&operator, &["--initialize-rounds", "--initialize-max-delay", "0"]);
    let started = watch.until("started");
    assert_eq!(started["orchestrator"], operator.orchestrator().to_string());
    assert_eq!(started["account"], operator.orchestrator().to_string());
    let called = watch.until("reward_called");
    assert_eq!(called["round"], first);
    assert!(
        called["amount_lpt"].is_string() && called["cost_wei"].is_string(),
        "{called}"
    );
    // Nobody opens the next round: it does.
    let second = operator.devnet.enter_next_round().await;
    assert_eq!(watch.until("round_initialized")["round"], second);
    assert_eq!(watch.until("reward_called")["round"], second);
    let (code, last) = watch.end();
    assert_eq!(code, Some(0));
    assert_eq!(last["event"], "stopped");
    assert_eq!(last["rewards"], 2);

    operator.devnet.next_round().await;
    operator.devnet.next_round().await;
    let shown = operator
        .lpctl(&["reward", "history", "--rounds", "5"])
        .expect_code(0);
    operator.assert_snapshot("reward_history", &shown);
    let told = operator
        .lpctl(&["reward", "history", "--rounds", "4", "--json"])
        .expect_code(0)
        .data();
    let outcomes: Vec<&str> = told["rounds"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["outcome"].as_str().unwrap())
        .collect();
    assert_eq!(outcomes, ["open", "missed", "called", "called"]);
    assert_eq!(told["missed"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_not_call_is_told_at_once() {
    let operator = Operator::new().await;
    let own = operator.orchestrator().to_string();
    let refused = operator
        .lpctl(&[
            "--account",
            "delegator",
            "reward",
            "watch",
            "--reward-orchestrator",
            &own,
            "--json",
        ])
        .expect_code(4);
    assert_eq!(refused.error()["code"], "not_reward_caller");
    let called = [
        "--account",
        "delegator",
        "reward",
        "call",
        "--orchestrator",
        &own,
        "-y",
        "--json",
    ];
    let called = operator.lpctl(&called).expect_code(4);
    assert_eq!(called.error()["code"], "not_reward_caller");
    for (arguments, code, name) in [
        (&["--patient-gas-price", "1gwei"][..], 2, "no_ceiling"),
        (&["--alert-program", "/no/such/program"], 3, "no_alert_program"),
    ] {
        let arguments = [&["reward", "watch", "--json"], arguments].concat();
        let refused = operator.lpctl(&arguments).expect_code(code);
        assert_eq!(refused.error()["code"], name);
    }
    let nonsense = operator.lpctl(&["reward", "watch", "--alert-at", "200", "--json"]);
    assert_eq!(nonsense.expect_code(2).error()["code"], "usage");
}
