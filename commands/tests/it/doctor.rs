//! `lpctl doctor` on this machine: what it says of good parts, and of parts taken away.

use std::{
    collections::BTreeMap, fs, net::TcpListener, os::unix::fs::PermissionsExt, process::Stdio, time::Instant,
};

use serde_json::Value;
use testbed::gpu::{Rig, readings};

use crate::{
    environment::{Environment, Outcome},
    operator::Operator,
    run::Node,
};

/// Ports no node of this machine has.
const PORTS: [&str; 4] = ["--bind", "127.0.0.1:0", "--operator-addr", "127.0.0.1:0"];

/// Everything that was found, whether it is fit or not.
fn findings(outcome: &Outcome) -> Value {
    match outcome.code {
        Some(0) => outcome.data(),
        _ => outcome.error()["details"].clone(),
    }
}

/// The checks of one name.
fn named(findings: &Value, name: &str) -> Vec<Value> {
    let checks = findings["checks"].as_array().unwrap();
    checks
        .iter()
        .filter(|check| check["name"] == name)
        .cloned()
        .collect()
}

/// The one check of a name: its verdict and what was found.
#[track_caller]
fn only(findings: &Value, name: &str) -> (String, String) {
    let these = named(findings, name);
    assert_eq!(these.len(), 1, "{name}: {findings:#}");
    let text = |key: &str| these[0][key].as_str().unwrap().to_string();
    (text("verdict"), text("found"))
}

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
        "--bind",
        "127.0.0.1:0",
        "--operator-addr",
        "127.0.0.1:0",
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
        "private_files",
        "service_port",
        "operator_port",
        "chain",
    ] {
        assert_eq!(verdicts[name], "good", "{findings:#}");
    }
    for name in ["work_dir", "disk", "memory", "open_files", "gpu", "clock"] {
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
    let arguments = [&arguments[..], &PORTS].concat();
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
        .lpctl(&[&["doctor", "--json", "--ffmpeg", "./ffmpeg"][..], &PORTS].concat())
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
        command.arg("-c").arg(format!(
            "ulimit -n {limit}; exec \"$0\" doctor --json {}",
            PORTS.join(" ")
        ));
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

#[test]
fn what_others_can_read_is_told_and_fixed() {
    let environment = Environment::new();
    environment.write_config("[defaults]\npassword_file = \"password\"\n");
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let set = |path: &std::path::Path, mode: u32| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap()
    };
    set(&environment.config_file(), 0o644);
    let doctor =
        |arguments: &[&str]| environment.lpctl(&[&["doctor", "--json"][..], &PORTS, arguments].concat());

    // A password file that is named must be there.
    let found = findings(&doctor(&[]).expect_code(1));
    assert_eq!(only(&found, "password_file").0, "bad");
    let password = environment.home().join("password");
    fs::write(&password, "open sesame\n").unwrap();
    set(&password, 0o640);
    let found = findings(&doctor(&[]).expect_code(0));
    for name in ["config_file", "password_file"] {
        let (verdict, said) = only(&found, name);
        assert_eq!(verdict, "warning", "{found:#}");
        assert!(said.contains("others can get at"), "{said}");
    }
    assert!(!found.to_string().contains("open sesame"), "{found}");
    assert_eq!(found["fixed"].as_array().unwrap().len(), 0);

    // Nothing changes unless asked, nor in a dry run.
    findings(&doctor(&["--fix", "--dry-run"]).expect_code(0));
    assert_eq!(mode(&environment.config_file()), 0o644);
    let found = findings(&doctor(&["--fix"]).expect_code(0));
    let fixed = found["fixed"].to_string();
    for what in ["config.toml", "password", "lpctl/node", "lpctl/keystore"] {
        assert!(fixed.contains(what), "{what}: {fixed}");
    }
    assert_eq!(mode(&environment.config_file()), 0o600);
    assert_eq!(mode(&password), 0o600);
    let data = environment.home().join(".local/share/lpctl");
    assert_eq!(
        (mode(&data.join("node")), mode(&data.join("keystore"))),
        (0o700, 0o700)
    );
    assert_eq!(only(&found, "private_files").0, "good");
    let again = findings(&doctor(&["--fix"]).expect_code(0));
    assert_eq!(again["fixed"].as_array().unwrap().len(), 0, "{again:#}");
    let shown = environment.lpctl(&[&["doctor"][..], &PORTS].concat());
    assert!(!shown.stdout.contains("fixed:"), "{shown:?}");
}

#[test]
fn a_port_somebody_else_has_is_told() {
    let environment = Environment::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let doctor = |bind: &str, operator: &str| {
        findings(&environment.lpctl(&["doctor", "--json", "--bind", bind, "--operator-addr", operator]))
    };
    let found = doctor(&address, "127.0.0.1:0");
    assert_eq!(only(&found, "service_port").0, "bad", "{found:#}");
    assert_eq!(only(&found, "operator_port").0, "good", "{found:#}");
    let found = doctor("127.0.0.1:0", &address);
    assert_eq!(only(&found, "operator_port").0, "bad", "{found:#}");
    // An address of somebody else's machine.
    let found = doctor("203.0.113.7:8935", "127.0.0.1:0");
    assert_eq!(only(&found, "service_port").0, "bad", "{found:#}");
    drop(taken);
}

#[test]
fn gpus_without_an_encoder_are_told() {
    let rig = Rig::new(&readings(1));
    let environment = Environment::new();
    let mut command = environment.command(&[&["doctor", "--json"][..], &PORTS].concat());
    command.env("LPCTL_NVML", rig.library()).stdin(Stdio::null());
    let found = findings(&command.output().unwrap().into());
    // There is no driver behind the library, so no encoder works.
    assert_eq!(only(&found, "nvenc").0, "warning", "{found:#}");
    assert_ne!(
        only(&found, "gpu").1,
        "no Nvidia driver: the CPU encodes",
        "{found:#}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_chain_everything_gateways_and_contracts_see_is_checked() {
    let operator = Operator::new().await;
    let doctor = |arguments: &[&str]| {
        let outcome = operator.lpctl(&[&["doctor", "--json"][..], &PORTS, arguments].concat());
        findings(&outcome)
    };
    let found = doctor(&[]);
    for name in [
        "account",
        "rpc",
        "contracts",
        "chain_time",
        "gas_runway",
        "price",
        "ticket_terms",
    ] {
        assert_eq!(only(&found, name).0, "good", "{name}: {found:#}");
    }
    assert_eq!(only(&found, "registration").0, "warning", "{found:#}");
    assert!(named(&found, "service_uri").is_empty(), "{found:#}");
    assert!(named(&doctor(&["--offchain"]), "rpc").is_empty());

    // Endpoints: one of two is down, all are, and one of another chain's Controller.
    let two = format!("{},http://127.0.0.1:9/KEY", operator.devnet.rpc_url);
    let found = doctor(&["--rpc-url", &two]);
    let verdicts: Vec<_> = named(&found, "rpc")
        .iter()
        .map(|check| check["verdict"].clone())
        .collect();
    assert_eq!(verdicts, ["good", "warning"], "{found:#}");
    assert!(!found.to_string().contains("KEY"), "{found}");
    let found = doctor(&["--rpc-url", "http://127.0.0.1:9"]);
    assert_eq!(only(&found, "rpc").0, "bad");
    let found = doctor(&["--controller", "0x00000000000000000000000000000000000000aa"]);
    assert_eq!(only(&found, "contracts").0, "bad", "{found:#}");

    // An account without ETH.
    let found = doctor(&["--account", "0x00000000000000000000000000000000000000aa"]);
    assert_eq!(only(&found, "account").0, "bad", "{found:#}");

    // Terms nobody pays.
    let config = fs::read_to_string(operator.environment.config_file()).unwrap();
    let terms = "[defaults.payments]\nprice = \"0\"\nmax_face_value = \"1gwei\"\n";
    operator.environment.write_config(&format!("{config}{terms}"));
    let found = doctor(&[]);
    assert_eq!(only(&found, "price").0, "warning");
    assert_eq!(only(&found, "ticket_terms").0, "bad");
    operator.environment.write_config(&config);

    // The published address: nobody there, then a node, then another one than published.
    let activate = |uri: &str| {
        let usual = [
            "orch",
            "activate",
            "--bond",
            "50",
            "--reward-cut",
            "10",
            "--fee-share",
            "40",
            "-y",
        ];
        operator
            .lpctl(&[&usual[..], &["--service-uri", uri]].concat())
            .expect_code(0);
    };
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    activate(&format!("https://{gone}"));
    operator.devnet.next_round().await;
    let found = doctor(&[]);
    assert_eq!(only(&found, "registration").0, "good", "{found:#}");
    assert_eq!(only(&found, "registry").0, "good", "{found:#}");
    assert_eq!(only(&found, "service_uri").0, "warning", "{found:#}");
    let node = Node::start(&operator.environment, &["--price", "0", "--no-reward"]);
    operator
        .lpctl(&["orch", "set-uri", node.service_uri(), "-y"])
        .expect_code(0);
    let found = doctor(&[]);
    assert_eq!(only(&found, "service_uri").0, "good", "{found:#}");
    assert_eq!(only(&found, "certificate").0, "good", "{found:#}");
    let found = doctor(&["--service-addr", "127.0.0.1:1"]);
    assert_eq!(only(&found, "registry").0, "warning", "{found:#}");

    // Its ports are a node's, and that is fine.
    let service = node.service_uri().trim_start_matches("https://").to_string();
    let operated = node.operator_url().trim_start_matches("http://").to_string();
    let arguments = [
        "doctor",
        "--json",
        "--bind",
        &service,
        "--operator-addr",
        &operated,
    ];
    let found = findings(&operator.lpctl(&arguments));
    assert_eq!(only(&found, "service_port").0, "good", "{found:#}");
    assert_eq!(only(&found, "operator_port").0, "good", "{found:#}");

    // Another account than the one whose node answers.
    let stranger = operator.lpctl(&[&["doctor", "--json", "--account", "delegator"][..], &PORTS].concat());
    assert_eq!(only(&findings(&stranger), "registration").0, "warning");
}
