//! `lpctl init` and the menu in a real pseudo-terminal: from an empty home to an orchestrator on a real chain.

use std::{fs, num::NonZeroU16, process::Command};

use alloy::primitives::U256;
use engine::units::Lpt;
use rexpect::session::{PtySession, spawn_command};
use testbed::Devnet;

use crate::environment::Environment;

const ESCAPE: &str = "\x1b";
const INTERRUPT: &str = "\x03";
const PASSWORD: &str = "open sesame";
const URI: &str = "https://127.0.0.1:8935";

/// `lpctl` in a pseudo-terminal of 80×40, and what its screen shows as far as it was looked at.
struct Terminal {
    session: PtySession,
    screen: vt100::Parser,
}

impl Terminal {
    fn open(environment: &Environment, arguments: &[&str]) -> Self {
        Self::open_with(environment, arguments, &[])
    }

    fn open_with(environment: &Environment, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let lpctl = environment.command(arguments);
        let mut shell = Command::new("bash");
        shell
            .args(["--norc", "--noprofile", "-c"])
            .arg(r#"stty rows 40 cols 80; "$0" "$@"; echo "ended with $?""#)
            .arg(lpctl.get_program())
            .args(lpctl.get_args())
            .env_clear()
            .current_dir(environment.home())
            .env("TERM", "xterm-256color")
            .envs(variables.iter().copied());
        for (name, value) in lpctl.get_envs() {
            shell.env(name, value.unwrap_or_default());
        }
        Self {
            session: spawn_command(shell, Some(60_000)).unwrap(),
            screen: vt100::Parser::new(NonZeroU16::new(40).unwrap(), NonZeroU16::new(80).unwrap(), 0),
        }
    }

    /// Waits until it is shown.
    #[track_caller]
    fn see(&mut self, text: &str) {
        match self.session.exp_string(text) {
            Ok(before) => self.screen.process(format!("{before}{text}").as_bytes()),
            Err(error) => panic!("{text}: {error}\n{}", self.screen.screen().contents()),
        }
    }

    fn press(&mut self, keys: &str) {
        self.session.send(keys).unwrap();
        self.session.flush().unwrap();
    }

    /// Waits for a question and answers it.
    #[track_caller]
    fn answer(&mut self, question: &str, keys: &str) {
        self.see(question);
        self.press(&format!("{keys}\r"));
    }

    /// The screen as it stands has lines with these words.
    #[track_caller]
    fn assert_shows(&self, words: &[&str]) {
        let contents = self.screen.screen().contents();
        for word in words {
            assert!(
                contents.lines().any(|line| line.contains(word)),
                "no {word}:\n{contents}"
            );
        }
    }
}

/// What is asked by `init` for an orchestrator, and what is answered.
fn questions(devnet: &Devnet) -> Vec<(&'static str, String)> {
    vec![
        ("What is this machine to be?", "orch".to_string()),
        ("Network?", "devnet".to_string()),
        ("RPC endpoints:", devnet.rpc_url.clone()),
        ("Account?", "bring".to_string()),
        ("File with the key:", "key".to_string()),
        ("Name of the key:", String::new()),
        ("password for the new key:", PASSWORD.to_string()),
        ("again:", PASSWORD.to_string()),
        ("Price of a pixel:", "1200".to_string()),
        ("Address for gateways:", URI.to_string()),
        ("All right?", String::new()),
    ]
}

fn write_key(environment: &Environment, devnet: &Devnet) {
    let key = alloy::hex::encode(devnet.accounts.orchestrator.to_bytes());
    fs::write(environment.home().join("key"), key).unwrap();
}

/// Asks a contract directly, past everything lpctl has.
async fn words(devnet: &Devnet, signature: &str) -> Vec<U256> {
    use alloy::providers::Provider as _;
    let selector = alloy::primitives::keccak256(signature);
    let mut data = selector[..4].to_vec();
    data.extend_from_slice(devnet.accounts.orchestrator.address().into_word().as_slice());
    let call = alloy::rpc::types::TransactionRequest::default()
        .to(devnet.contracts.bonding_manager)
        .input(data.into());
    let answer = devnet.provider().call(call).await.unwrap();
    answer.chunks(32).map(U256::from_be_slice).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn from_an_empty_home_to_an_orchestrator_by_keys_alone() {
    let devnet = testbed::devnet().await;
    let environment = Environment::new();
    write_key(&environment, &devnet);
    let mut session = Terminal::open(&environment, &["init"]);
    let mut questions = questions(&devnet);
    let (last, _) = questions.pop().unwrap();
    for (question, keys) in questions {
        session.answer(question, &keys);
    }
    session.see(last);
    session.see("Esc leaves");
    session.assert_shows(&[
        "Profile devnet of",
        "network            devnet",
        "service_addr       https://127.0.0.1:8935",
        "payments.price     1200wei",
        "> write it",
    ]);
    session.press("\r");
    session.see("orchestrator is set up in profile devnet");
    session.see("ended with 0");
    let config = fs::read_to_string(environment.config_file()).unwrap();
    for line in [
        "profile = \"devnet\"",
        "network = \"devnet\"",
        "account = \"orchestrator\"",
        "service_addr = \"https://127.0.0.1:8935\"",
        "price = \"1200wei\"",
    ] {
        assert!(config.contains(line), "{line}: {config}");
    }
    use std::os::unix::fs::PermissionsExt as _;
    let mode = fs::metadata(environment.config_file())
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);

    let mut session = Terminal::open(&environment, &[]);
    session.see("nothing bonded");
    session.see("What now?");
    session.see("Esc leaves");
    session.assert_shows(&[
        "next         `lpctl stake bond AMOUNT`",
        "> stake: add LPT",
        "lpctl stake bond AM",
    ]);
    session.press("become\r");
    session.answer("LPT to add:", "1000");
    session.answer("Part of rewards you keep", "10");
    session.answer("Part of fees delegators get", "40");
    // What is configured is kept.
    session.answer("Address for gateways:", "");
    session.see("$ lpctl orch activate --bond=1000 --reward-cut=10 --fee-share=40");
    session.answer("Send them? (y/N)", "y");
    session.answer("password of orchestrator:", PASSWORD);
    session.see("What now?");
    session.press(ESCAPE);
    session.see("ended with 130");
    session.session.exp_eof().unwrap();

    let delegator = words(&devnet, "getDelegator(address)").await;
    assert_eq!(delegator[0], Lpt::whole(1000).0, "bonded");
    let transcoder = words(&devnet, "getTranscoder(address)").await;
    assert_eq!(transcoder[1..3], [U256::from(100_000), U256::from(400_000)]);
    devnet.next_round().await;
    assert_eq!(
        words(&devnet, "isActiveTranscoder(address)").await[0],
        U256::from(1)
    );

    // The menu knows what is to be done, and its mark stands there.
    let mut session = Terminal::open(&environment, &[]);
    session.see("not called yet");
    session.see("What now?");
    session.see("Esc leaves");
    session.assert_shows(&["active, rank 1", "> reward: mint this round's reward"]);
    session.press("\r");
    session.see("$ lpctl reward call");
    session.answer("(y/N)", "y");
    session.answer("password of orchestrator:", PASSWORD);
    session.see("called");
    session.see("What now?");
    session.press("quit\r");
    session.see("ended with 0");
    let shown = environment
        .lpctl(&["orch", "show", "--json"])
        .expect_code(0)
        .data();
    assert_eq!(shown["reward_called"], true, "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn leaving_at_any_question_leaves_nothing_behind() {
    let devnet = testbed::devnet().await;
    let all = questions(&devnet);
    for last in 0..all.len() {
        let environment = Environment::new();
        write_key(&environment, &devnet);
        let mut session = Terminal::open(&environment, &["init"]);
        for (question, keys) in &all[..last] {
            session.answer(question, keys);
        }
        session.see(all[last].0);
        session.press(if last % 2 == 0 { INTERRUPT } else { ESCAPE });
        session.see("ended with 130");
        session.session.exp_eof().unwrap();
        let left: Vec<_> = fs::read_dir(environment.home())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .filter(|name| name != "key")
            .collect();
        assert!(!environment.config_file().exists(), "at {}", all[last].0);
        let keystore = environment.home().join(".local/share/lpctl/keystore");
        assert!(!keystore.exists(), "at {}: {left:?}", all[last].0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_set_it_up_without_a_question() {
    let devnet = testbed::devnet().await;
    let environment = Environment::new();
    write_key(&environment, &devnet);
    fs::write(environment.home().join("password"), PASSWORD).unwrap();

    let missing = environment
        .lpctl(&["init", "--role", "orchestrator", "--json"])
        .expect_code(2);
    assert_eq!(missing.error()["code"], "answer_needed");
    let flags = [
        "init",
        "--role",
        "orchestrator",
        "--network",
        "devnet",
        "--rpc-url",
        &devnet.rpc_url,
        "--import",
        "key",
        "--password-file",
        "password",
        "--price",
        "0.5usd/h",
        "--service-uri",
        URI,
        "--json",
    ];
    let unasked = environment.lpctl(&flags).expect_code(4);
    assert_eq!(unasked.error()["code"], "confirmation_needed");
    let tried = environment
        .lpctl(&[&flags[..], &["--dry-run"]].concat())
        .expect_code(0);
    assert_eq!(tried.data()["written"], false);
    assert!(!environment.config_file().exists(), "nothing is written unasked");
    let done = environment
        .lpctl(&[&flags[..], &["--yes"]].concat())
        .expect_code(0)
        .data();
    assert_eq!(
        done["account"]["address"],
        devnet.accounts.orchestrator.address().to_string()
    );
    assert_eq!(done["service_uri_found"], "nobody");
    assert_eq!(done["endpoints"]["endpoints"][0]["usable"], true);
    environment.lpctl(&["status", "--json"]).expect_code(0);

    // Again, with one answer that is another: the rest is kept.
    let before = fs::read_to_string(environment.config_file()).unwrap();
    let again = environment
        .lpctl(&["init", "--price", "7", "--yes", "--json"])
        .expect_code(0)
        .data();
    assert_eq!(
        (again["price"].as_str(), again["role"].as_str()),
        (Some("7wei"), Some("orchestrator"))
    );
    let after = fs::read_to_string(environment.config_file()).unwrap();
    assert_eq!(after.replace("7wei", "0.5usd/223948800000"), before);

    // What cannot be used is not written.
    let dead = environment
        .lpctl(&["init", "--rpc-url", "http://127.0.0.1:9", "--yes", "--json"])
        .expect_code(7);
    assert_eq!(dead.error()["code"], "rpc_unreachable");
    let wrong = environment
        .lpctl(&["init", "--price", "dear", "--yes", "--json"])
        .expect_code(2);
    assert_eq!(wrong.error()["code"], "bad_price");
    assert_eq!(fs::read_to_string(environment.config_file()).unwrap(), after);
}

#[test]
fn a_long_answer_goes_through_the_pager_on_a_terminal_alone() {
    let environment = Environment::new();
    let pager = "sed -n '1s/^/PAGED /p'";
    let mut command = environment.command(&["explain"]);
    command.env("LPCTL_PAGER", pager);
    let plain = command.output().unwrap();
    assert!(!String::from_utf8_lossy(&plain.stdout).contains("PAGED"));
    let mut session = Terminal::open_with(&environment, &["explain"], &[("LPCTL_PAGER", pager)]);
    session.see("PAGED ");
    session.see("codes");
    session.see("ended with 0");
    // Without one nothing is lost.
    let mut session = Terminal::open_with(&environment, &["explain"], &[("PAGER", "there-is-no-such-pager")]);
    session.see("zero_capacity");
    session.see("ended with 0");
}

#[test]
fn a_menu_without_a_chain_says_so_and_without_a_terminal_is_refused() {
    let environment = Environment::new();
    environment.write_config(
        "[defaults]\nnetwork = \"offchain\"\naccount = \"0x70997970C51812dc3A010C7d01b50e0d17dc79C8\"\n",
    );
    let mut session = Terminal::open(&environment, &[]);
    session.see("how things stand is not known");
    session.see("What now?");
    session.press(INTERRUPT);
    session.see("ended with 130");
    let refused = environment.lpctl(&["menu", "--json"]).expect_code(2);
    assert_eq!(refused.error()["code"], "no_terminal");
    environment.lpctl(&[]).expect_code(2);
}
