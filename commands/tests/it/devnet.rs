//! `lpctl devnet` as its users run it: real processes, a real chain.

use std::{
    fs,
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use alloy::signers::local::PrivateKeySigner;
use engine::devnet::Role;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use serde_json::Value;

use crate::environment::{Environment, Outcome};

/// A home whose devnet is taken down with the test.
struct Stage {
    environment: Environment,
    cache_dir: PathBuf,
}

impl Stage {
    async fn new() -> Self {
        let parts = testbed::devnet_parts().await;
        let cache_dir = parts.contracts.ancestors().nth(2).unwrap().to_path_buf();
        Self {
            environment: Environment::new(),
            cache_dir,
        }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.environment.command(arguments);
        command
            .env("LPCTL_CACHE_DIR", &self.cache_dir)
            .stdin(Stdio::null());
        command
    }

    fn lpctl(&self, arguments: &[&str]) -> Outcome {
        self.command(arguments).output().unwrap().into()
    }

    fn json(&self, arguments: &[&str]) -> Value {
        self.lpctl(&[arguments, &["--json"]].concat())
            .expect_code(0)
            .data()
    }

    fn folder(&self) -> PathBuf {
        self.environment.home().join(".local/share/lpctl/devnet")
    }

    /// Starts it in the foreground, in a process group of its own, and waits until it is ready.
    fn foreground(&self) -> (Child, Value) {
        let mut child = self
            .command(&["devnet", "up", "--port", "0"])
            .process_group(0)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let ready = wait_for("a ready devnet", || {
            assert_eq!(child.try_wait().unwrap(), None, "it ended");
            let status = self.json(&["devnet", "status"]);
            (status["running"] == true).then_some(status)
        });
        (child, ready)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = self.lpctl(&["devnet", "down"]);
    }
}

fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(started.elapsed() < Duration::from_secs(30), "waited for {what}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

fn pid(value: &Value) -> Pid {
    Pid::from_raw(i32::try_from(value.as_u64().unwrap()).unwrap()).unwrap()
}

/// Whether a process runs; one that ended and was not collected yet does not.
fn runs(value: &Value) -> bool {
    let stat = fs::read_to_string(format!("/proc/{value}/stat")).unwrap_or_default();
    stat.rsplit_once(") ")
        .is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

#[tokio::test]
async fn a_detached_devnet_lives_until_it_is_taken_down_and_goes_on_later() {
    let stage = Stage::new().await;
    assert_eq!(stage.json(&["devnet", "status"])["running"], false);
    let up = stage.json(&["devnet", "up", "--detach", "--port", "0"]);
    assert_eq!((&up["running"], &up["round_length"]), (&true.into(), &50.into()));
    assert_eq!(
        (&up["block"], &up["round_initialized"]),
        (&50.into(), &true.into())
    );
    assert!(runs(&up["pid"]) && runs(&up["anvil_pid"]));

    // A second one of the same kind is the same one; another kind is refused.
    let again = stage.json(&["devnet", "up", "--detach", "--port", "0"]);
    assert_eq!(again["pid"], up["pid"]);
    let refused = stage
        .lpctl(&["devnet", "up", "--detach", "--fresh", "--json"])
        .expect_code(4);
    assert_eq!(refused.error()["code"], "devnet_running");
    let refused = stage.lpctl(&["devnet", "up", "--json"]).expect_code(4);
    assert_eq!(refused.error()["code"], "devnet_running");

    let mined = stage.json(&["devnet", "mine", "--rounds", "2"]);
    assert_eq!(
        (&mined["after"]["block"], &mined["after"]["round"]),
        (&150.into(), &3.into())
    );
    let mined = stage.json(&["devnet", "mine", "--rounds", "1", "--no-initialize"]);
    assert_eq!(mined["after"]["round_initialized"], false);
    let mined = stage.json(&["devnet", "mine", "--initialize"]);
    assert_eq!(
        (&mined["after"]["block"], &mined["after"]["round_initialized"]),
        (&201.into(), &true.into())
    );
    let funded = stage.json(&["devnet", "fund", "delegator", "--eth", "10eth", "--lpt", "12.5"]);
    assert_eq!(funded["balance_lpt"], "100012.5");
    assert_eq!(funded["eth_wei"], "10010000000000000000000");

    let down = stage.json(&["devnet", "down"]);
    assert_eq!(
        (&down["was_running"], &down["saved"], &down["block"]),
        (&true.into(), &true.into(), &202.into())
    );
    assert!(!runs(&up["pid"]) && !runs(&up["anvil_pid"]));
    assert_eq!(stage.json(&["devnet", "down"])["was_running"], false);

    let up = stage.json(&["devnet", "up", "--detach", "--port", "0"]);
    assert_eq!(
        (&up["block"], &up["accounts"][3]["balance_lpt"]),
        (&202.into(), &"100012.5".into())
    );
    stage.json(&["devnet", "down"]);
    let refused = stage
        .lpctl(&["devnet", "up", "--detach", "--round-length", "20", "--json"])
        .expect_code(4);
    assert_eq!(refused.error()["code"], "other_devnet");
    let up = stage.json(&[
        "devnet",
        "up",
        "--detach",
        "--round-length",
        "20",
        "--fresh",
        "--port",
        "0",
    ]);
    assert_eq!(up["block"], 20);
}

#[tokio::test]
async fn the_profile_and_the_keystore_open_the_funded_accounts() {
    let stage = Stage::new().await;
    stage
        .environment
        .write_config("# mine\n[profiles.main]\nnetwork = \"arbitrum-one\"\n");
    let up = stage.json(&["--profile", "devnet", "devnet", "up", "--detach", "--port", "0"]);
    let config = fs::read_to_string(stage.environment.config_file()).unwrap();
    assert!(
        config.starts_with("# mine\n[profiles.main]\nnetwork = \"arbitrum-one\"\n"),
        "{config}"
    );
    assert!(
        config.contains(&format!("rpc_urls = [\"{}/\"]", up["rpc_url"].as_str().unwrap())),
        "{config}"
    );
    stage
        .lpctl(&["--profile", "devnet", "config", "show", "--json"])
        .expect_code(0);

    let password = fs::read_to_string(stage.folder().join("password")).unwrap();
    let password = password.lines().next().unwrap();
    let mut opened: Vec<_> = fs::read_dir(stage.folder().join("keystore"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("UTC--"))
        .map(|path| {
            PrivateKeySigner::decrypt_keystore(path, password)
                .unwrap()
                .address()
        })
        .collect();
    let mut expected = Role::ALL.map(Role::address).to_vec();
    opened.sort();
    expected.sort();
    assert_eq!(opened, expected);
    let names = fs::read_to_string(stage.folder().join("keystore/names.toml")).unwrap();
    assert!(
        Role::ALL.iter().all(|role| names.contains(role.name())),
        "{names}"
    );
}

#[tokio::test]
async fn ctrl_c_on_the_terminal_saves_the_chain_and_leaves_no_anvil() {
    let stage = Stage::new().await;
    let (mut child, up) = stage.foreground();
    stage.json(&["devnet", "mine", "7"]);
    // As a terminal does: to everybody in the group.
    kill_process_group(pid(&up["pid"]), Signal::INT).unwrap();
    let ended = child.wait().unwrap();
    assert!(ended.success(), "{ended}");
    assert!(!runs(&up["anvil_pid"]));
    let again = stage.json(&["devnet", "up", "--detach", "--port", "0"]);
    assert_eq!(again["block"], 57);
}

#[tokio::test]
async fn a_killed_devnet_takes_its_anvil_along_and_is_not_mistaken_for_a_running_one() {
    let stage = Stage::new().await;
    let (mut child, up) = stage.foreground();
    kill_process(pid(&up["pid"]), Signal::KILL).unwrap();
    child.wait().unwrap();
    wait_for("the end of its anvil", || (!runs(&up["anvil_pid"])).then_some(()));
    let status = stage.json(&["devnet", "status"]);
    assert_eq!(
        (&status["running"], &status["saved"]),
        (&false.into(), &true.into())
    );
    assert_eq!(stage.json(&["devnet", "down"])["was_running"], false);
    let up = stage.json(&["devnet", "up", "--detach", "--port", "0"]);
    assert_eq!(up["running"], true);
}

#[tokio::test]
async fn an_anvil_that_ends_by_itself_ends_the_devnet_with_a_failure() {
    let stage = Stage::new().await;
    let (mut child, up) = stage.foreground();
    kill_process(pid(&up["anvil_pid"]), Signal::KILL).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1));
    assert_eq!(stage.json(&["devnet", "status"])["running"], false);
}

#[tokio::test]
async fn a_devnet_that_keeps_its_rounds_opens_them() {
    let stage = Stage::new().await;
    stage.json(&[
        "devnet",
        "up",
        "--detach",
        "--port",
        "0",
        "--keep-rounds",
        "--round-length",
        "10",
    ]);
    stage.json(&["devnet", "mine", "--rounds", "3", "--no-initialize"]);
    wait_for("an open round", || {
        (stage.json(&["devnet", "status"])["round_initialized"] == true).then_some(())
    });
}

#[tokio::test]
async fn a_taken_port_is_a_failure_with_a_way_out() {
    let stage = Stage::new().await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    for detach in [&[][..], &["--detach"]] {
        let refused = stage
            .lpctl(&[&["devnet", "up", "--json", "--port", &port], detach].concat())
            .expect_code(1);
        assert_eq!(refused.error()["code"], "port_taken");
        assert!(refused.error()["hint"].as_str().unwrap().contains("--port 0"));
        assert_eq!(stage.json(&["devnet", "status"])["running"], false);
    }
}

#[tokio::test]
async fn a_damaged_chain_is_warned_of_and_replaced() {
    let stage = Stage::new().await;
    stage.json(&["devnet", "up", "--detach", "--port", "0"]);
    stage.json(&["devnet", "down"]);
    for entry in fs::read_dir(stage.folder().join("chain")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "json") {
            fs::write(path, "{}").unwrap();
        }
    }
    let up = stage
        .lpctl(&["devnet", "up", "--detach", "--port", "0", "--json"])
        .expect_code(0);
    assert_eq!(up.data()["running"], true);
    assert!(up.stdout.contains("is damaged"), "{up:?}");
}

#[test]
fn without_npm_and_without_a_devnet_the_next_step_is_told() {
    let environment = Environment::new();
    let mut command = environment.command(&["devnet", "up", "--detach", "--json"]);
    let outcome: Outcome = command.env("PATH", "/nonexistent").output().unwrap().into();
    let outcome = outcome.expect_code(1);
    assert_eq!(outcome.error()["code"], "npm_missing");
    assert!(
        outcome.error()["hint"]
            .as_str()
            .unwrap()
            .contains("apt install npm")
    );

    let outcome = environment.lpctl(&["devnet", "mine", "--json"]).expect_code(7);
    assert_eq!(outcome.error()["code"], "devnet_down");
    let outcome = environment
        .lpctl(&["devnet", "fund", "nobody", "--lpt", "1", "--json"])
        .expect_code(3);
    assert_eq!(outcome.error()["code"], "unknown_account");
    environment.lpctl(&["devnet", "fund", "gateway"]).expect_code(2);
    environment
        .lpctl(&["devnet", "mine", "3", "--rounds", "1"])
        .expect_code(2);
    let outcome = environment
        .lpctl(&["--dry-run", "devnet", "down", "--json"])
        .expect_code(2);
    assert_eq!(outcome.error()["code"], "no_dry_run");
    let outcome = environment
        .lpctl(&["devnet", "setup", "--anvil", "/bin/true", "--json"])
        .expect_code(3);
    assert_eq!(outcome.error()["code"], "bad_anvil");
}
