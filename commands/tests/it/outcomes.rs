//! What is said when a transaction was sent and did not simply work, and what happens on a terminal.

use std::process::Stdio;

use alloy::{
    primitives::{B256, bytes},
    providers::{Provider, ext::AnvilApi},
};

use crate::{environment::Outcome, operator::Operator};

impl Operator {
    pub fn journal(&self) -> String {
        let journal = self
            .environment
            .home()
            .join(".local/state/lpctl/transactions.jsonl");
        std::fs::read_to_string(journal).unwrap_or_default()
    }

    /// Starts a command and waits until it has written a transaction down that nobody mines.
    pub async fn start_until_sending(&self, arguments: &[&str]) -> std::process::Child {
        let known = self.journal().len();
        self.devnet.provider().anvil_set_auto_mine(false).await.unwrap();
        let child = self
            .environment
            .command(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
        while self.journal().len() == known {
            assert!(tokio::time::Instant::now() < deadline, "nothing was sent");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        child
    }

    /// Waits until the transaction in the journal's only line is in the endpoint's pool; its hash.
    async fn until_sent(&self) -> B256 {
        let entry: serde_json::Value = serde_json::from_str(self.journal().trim()).unwrap();
        let hash: B256 = entry["hash"].as_str().unwrap().parse().unwrap();
        let provider = self.devnet.provider();
        let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
        while provider.get_transaction_by_hash(hash).await.unwrap().is_none() {
            assert!(tokio::time::Instant::now() < deadline, "it never came");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        hash
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sent_and_never_mined_is_exit_5_with_the_hash_in_the_journal() {
    let operator = Operator::new().await;
    operator
        .devnet
        .provider()
        .anvil_set_auto_mine(false)
        .await
        .unwrap();
    let silent = operator
        .lpctl(&["stake", "bond", "1", "-y", "--wait", "1"])
        .expect_code(5);
    operator.assert_snapshot("unconfirmed", &silent);
    let entry: serde_json::Value = serde_json::from_str(operator.journal().trim()).unwrap();
    assert_eq!(entry["state"], "sending");
    assert!(
        entry["raw"].as_str().unwrap().len() > 100,
        "the signed bytes are kept"
    );
    assert!(silent.stderr.contains(entry["hash"].as_str().unwrap()));
    // Doing it again at once would do it twice.
    let again = operator
        .lpctl(&["stake", "bond", "1", "-y", "--json"])
        .expect_code(4);
    assert_eq!(again.error()["code"], "unconfirmed_transaction");
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_after_sending_is_exit_5_and_names_the_transaction() {
    let operator = Operator::new().await;
    let child = operator
        .start_until_sending(&["stake", "bond", "1", "-y", "--json"])
        .await;
    // From the journal's line on it may be sent, by the next command too.
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let outcome = Outcome::from(child.wait_with_output().unwrap()).expect_code(5);
    let error = outcome.error();
    assert_eq!(error["code"], "interrupted_after_sending");
    assert!(
        operator
            .journal()
            .contains(error["details"]["hash"].as_str().unwrap())
    );
}

/// Killed outright after sending, and no endpoint remembers: only the journal does.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_run_may_have_sent_holds_back_the_next() {
    let operator = Operator::new().await;
    let mut child = operator.start_until_sending(&["stake", "bond", "1", "-y"]).await;
    let hash = operator.until_sent().await;
    let provider = operator.devnet.provider();
    child.kill().unwrap();
    child.wait().unwrap();
    provider.anvil_drop_transaction(hash).await.unwrap();
    provider.anvil_set_auto_mine(true).await.unwrap();

    let again = operator
        .lpctl(&["stake", "bond", "1", "-y", "--json"])
        .expect_code(4);
    assert_eq!(again.error()["code"], "unconfirmed_transaction");
    assert_eq!(again.error()["details"]["hashes"][0], hash.to_string());
    assert_eq!(operator.nonce().await, 0);
    operator
        .lpctl(&["stake", "bond", "1", "-y", "--queue"])
        .expect_code(0);
    // Its nonce is used now: it can never be mined.
    operator.lpctl(&["stake", "bond", "1", "-y"]).expect_code(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn mined_and_reverted_is_exit_6_and_says_why() {
    let operator = Operator::new().await;
    operator.lpctl(&["stake", "bond", "1", "-y"]).expect_code(0);
    let arguments = ["set-fees", "--reward-cut", "10", "--fee-share", "40", "-y"];
    let child = operator.start_until_sending(&arguments).await;
    // Between sending and mining the contract is exchanged for one that always reverts.
    let provider = operator.devnet.provider();
    provider
        .anvil_set_code(operator.devnet.contracts.bonding_manager, bytes!("5f5ffd"))
        .await
        .unwrap();
    provider.anvil_set_auto_mine(true).await.unwrap();
    operator.devnet.mine(1).await;
    let outcome = Outcome::from(child.wait_with_output().unwrap()).expect_code(6);
    operator.assert_snapshot("reverted", &outcome);
    assert!(
        operator.journal().contains("\"state\":\"ended\""),
        "{}",
        operator.journal()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_terminal_it_asks_for_confirmation_and_password() {
    let operator = Operator::new().await;
    let mut command = operator.environment.command(&["stake", "bond", "1"]);
    command.env("TERM", "xterm");
    let config = std::fs::read_to_string(operator.environment.config_file()).unwrap();
    let without: Vec<&str> = config
        .lines()
        .filter(|line| !line.starts_with("password_file"))
        .collect();
    operator.environment.write_config(&without.join("\n"));
    let mut terminal = rexpect::session::spawn_command(command, Some(30_000)).unwrap();
    terminal.exp_string("Send them?").unwrap();
    terminal.send_line("y").unwrap();
    terminal.exp_string("password of orchestrator").unwrap();
    terminal.send_line("wrong").unwrap();
    terminal.exp_string("wrong password").unwrap();
    terminal.exp_string("password of orchestrator").unwrap();
    terminal.send_line("open sesame").unwrap();
    terminal
        .exp_string("Your stake is 1 LPT, read back at block")
        .unwrap();
    terminal.exp_eof().unwrap();

    let mut command = operator.environment.command(&["stake", "bond", "1"]);
    command.env("TERM", "xterm");
    let nonce = operator.nonce().await;
    let mut terminal = rexpect::session::spawn_command(command, Some(30_000)).unwrap();
    terminal.exp_string("Send them?").unwrap();
    terminal.send_line("n").unwrap();
    terminal.exp_string("declined").unwrap();
    terminal.exp_eof().unwrap();
    assert_eq!(operator.nonce().await, nonce);
}
