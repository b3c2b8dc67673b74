//! `lpctl doctor` on this machine: what it says of good parts, and of parts taken away.

use std::{collections::BTreeMap, fs, process::Stdio, time::Instant};

use serde_json::Value;

use crate::environment::{Environment, Outcome};

/// Verdicts by name.
fn verdicts(findings: &Value) -> BTreeMap<String, String> {
    let checks = findings["checks"].as_array().unwrap();
    let text = |check: &Value, key: &str| check[key].as_str().unwrap().to_string();
    checks
        .iter()
        .map(|check| (text(check, "name"), text(check, "verdict")))
        .collect()
}

#[test]
fn a_machine_that_runs_these_tests_is_fit() {
    let environment = Environment::new();
    let work = environment.home().join("work");
    let started = Instant::now();
    let outcome = environment.lpctl(&[
        "doctor",
        "--json",
        "--fence",
        "strict",
        "--work-dir",
        work.to_str().unwrap(),
    ]);
    let took = started.elapsed();
    let findings = outcome.expect_code(0).data();
    assert_eq!(findings["ready"], true);
    let verdicts = verdicts(&findings);
    for name in [
        "data_dir",
        "ffmpeg",
        "trial",
        "landlock",
        "seccomp",
        "no_new_privs",
    ] {
        assert_eq!(verdicts[name], "good", "{findings:#}");
    }
    for name in ["work_dir", "memory", "open_files", "gpu", "clock"] {
        assert_ne!(verdicts[name], "bad", "{findings:#}");
    }
    // Nothing is left behind: neither the folder worked in nor the node's own.
    assert!(!work.exists() && !environment.home().join(".local/share/lpctl/node").exists());
    assert!(took.as_secs() < 20, "{took:?}");
}

#[test]
fn what_keeps_a_node_from_running_is_named_with_the_next_step() {
    let environment = Environment::new();
    fs::write(environment.home().join("file"), "").unwrap();
    let arguments = ["doctor", "--ffmpeg", "/nowhere/ffmpeg", "--work-dir", "file/work"];
    let outcome = environment.lpctl(&arguments).expect_code(1);
    assert!(outcome.stdout.contains("✗ ffmpeg"), "{}", outcome.stdout);
    assert!(outcome.stdout.contains("✗ work_dir"), "{}", outcome.stdout);
    assert!(!outcome.stdout.contains("trial"), "{}", outcome.stdout);
    assert!(
        outcome.stdout.contains("apt-get install ffmpeg"),
        "{}",
        outcome.stdout
    );
    assert!(
        outcome
            .stderr
            .contains("2 things keep a node from running: work_dir, ffmpeg"),
        "{}",
        outcome.stderr
    );

    let outcome = environment
        .lpctl(&[&arguments[..], &["--json"]].concat())
        .expect_code(1);
    let error = outcome.error();
    assert_eq!(error["code"], "not_ready");
    assert_eq!(verdicts(&error["details"])["ffmpeg"], "bad");
    assert!(
        error["details"]["checks"]
            .as_array()
            .unwrap()
            .iter()
            .all(|check| { check["verdict"] == "good" || check["next"].is_string() })
    );
}

#[test]
fn a_program_that_only_looks_like_ffmpeg_fails_the_trial() {
    use std::os::unix::fs::PermissionsExt;
    let environment = Environment::new();
    let fake = environment.home().join("ffmpeg");
    let script = "#!/bin/sh\ncase \"$2\" in\n-version) echo 'ffmpeg version 6.1 Copyright';;\n\
                  -encoders) echo ' ------'; echo ' V....D libx264 x';;\n*) exit 1;;\nesac\n";
    fs::write(&fake, script).unwrap();
    fs::set_permissions(&fake, fs::Permissions::from_mode(0o755)).unwrap();
    let outcome = environment
        .lpctl(&["doctor", "--json", "--ffmpeg", "./ffmpeg"])
        .expect_code(1);
    let error = outcome.error();
    let verdicts = verdicts(&error["details"]);
    assert_eq!(
        (verdicts["ffmpeg"].as_str(), verdicts["trial"].as_str()),
        ("warning", "bad")
    );
}

#[test]
fn few_open_files_are_told() {
    let environment = Environment::new();
    let limited = |limit: &str| -> Outcome {
        // The shell takes the limit upon itself and becomes lpctl.
        let lpctl = environment.command(&[]);
        let mut command = std::process::Command::new("sh");
        command
            .arg("-c")
            .arg(format!("ulimit -n {limit}; exec \"$0\" doctor --json"));
        command
            .arg(lpctl.get_program())
            .current_dir(environment.home())
            .env_clear();
        command.envs(lpctl.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.stdin(Stdio::null()).output().unwrap().into()
    };
    assert_eq!(
        verdicts(&limited("1024").expect_code(0).data())["open_files"],
        "warning"
    );
    let error = limited("200").expect_code(1).error();
    assert_eq!(verdicts(&error["details"])["open_files"], "bad");
}
