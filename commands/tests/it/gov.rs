//! Polls and treasury proposals from the command line, with `cast` reading what became of them.

use alloy::{primitives::Address, providers::Provider};
use serde_json::Value;
use testbed::cast;

use crate::{environment::Outcome, operator::Operator};

/// The address of a text in IPFS.
const TEXT: &str = "QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG";

impl Operator {
    /// `lpctl gov …` with `--json`.
    fn gov(&self, arguments: &[&str]) -> Outcome {
        self.lpctl(&[&["gov"], arguments, &["--json"]].concat())
    }

    /// Asserts that it is refused with this code before anything is sent, and gives the finding's message and fix.
    #[track_caller]
    fn turned_down(&self, arguments: &[&str], code: &str) -> (String, String) {
        let error = self.gov(&[arguments, &["-y"]].concat()).expect_code(4).error();
        assert_eq!(error["code"], code, "{error}");
        let findings = error["details"]["findings"].as_array().unwrap();
        let row = findings.iter().find(|finding| finding["code"] == code).unwrap();
        let text = |key: &str| row[key].as_str().unwrap().to_string();
        assert!(!text("fix").is_empty());
        (text("message"), text("fix"))
    }

    /// Makes a poll end with a block: no one but a test's own chain can.
    async fn set_end(&self, poll: Address, block: u64) {
        let place = (poll, "0x0", format!("0x{block:064x}"));
        let set = self
            .devnet
            .provider()
            .raw_request("anvil_setStorageAt".into(), place);
        let set: bool = set.await.unwrap();
        assert!(set);
    }

    /// A contract's answer, asked by `cast`: the first word of it.
    fn ask(&self, contract: Address, signature: &str, arguments: &[&str]) -> String {
        let contract = contract.to_string();
        let call = ["call", "--rpc-url", &self.devnet.rpc_url, &contract, signature];
        let answer = cast(&[&call, arguments].concat());
        answer.split_whitespace().next().unwrap_or_default().to_string()
    }

    /// The receipt of a report's one transaction, from `cast`: it worked, and has so many logs.
    fn receipt(&self, report: &Value) -> Value {
        let hash = report["transactions"][0]["hash"].as_str().unwrap();
        let text = cast(&["receipt", "--rpc-url", &self.devnet.rpc_url, "--json", hash]);
        let receipt: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(receipt["status"], "0x1");
        receipt
    }
}

/// What a figure was and is.
fn change<'a>(report: &'a Value, key: &str) -> (&'a str, &'a str) {
    let changes = report["changes"].as_array().unwrap();
    let change = changes.iter().find(|change| change["key"] == key).unwrap();
    (
        change["before"].as_str().unwrap(),
        change["after"].as_str().unwrap(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poll_is_made_voted_on_and_counted() {
    let operator = Operator::new().await;
    let (message, fix) = operator.turned_down(&["create", TEXT], "insufficient_stake");
    assert!(
        message.contains("takes 100 LPT of stake") && fix.contains("lpctl stake bond"),
        "{message}: {fix}"
    );
    operator.lpctl(&["stake", "bond", "100", "-y"]).expect_code(0);
    let delegate = [
        "stake",
        "bond",
        "50",
        "--to",
        "orchestrator",
        "--account",
        "delegator",
        "-y",
    ];
    operator.lpctl(&delegate).expect_code(0);
    operator.devnet.next_round().await;

    let none = operator.gov(&["polls"]).expect_code(0).data();
    assert_eq!(none["polls"], serde_json::json!([]));
    let dry = operator.gov(&["create", TEXT, "--dry-run"]).expect_code(0).data();
    assert_eq!(dry["sent"], false);
    let made = operator.gov(&["create", TEXT, "-y"]).expect_code(0).data();
    let (before, poll) = change(&made, "poll");
    assert_eq!(before, "none");
    let contract: Address = poll.parse().unwrap();
    let receipt = operator.receipt(&made);
    assert_eq!(receipt["logs"].as_array().unwrap().len(), 1);
    let creator = operator.devnet.contracts.poll_creator.to_string();
    assert_eq!(
        receipt["to"].as_str().unwrap().to_lowercase(),
        creator.to_lowercase()
    );
    let end: u64 = operator
        .ask(contract, "endBlock()(uint256)", &[])
        .parse()
        .unwrap();
    assert_eq!(end, made["transactions"][0]["block"].as_u64().unwrap() + 57_600);
    // A second one about the same is asked about.
    let again = operator.gov(&["create", TEXT, "--dry-run"]).expect_code(0).data();
    assert_eq!(again["plan"]["findings"][0]["code"], "polled_already");

    let listed = operator.gov(&["polls"]).expect_code(0).data();
    assert_eq!(listed["polls"][0]["poll"], poll);
    assert_eq!(listed["polls"][0]["proposal"], TEXT);
    assert_eq!(listed["polls"][0]["state"], "open");
    assert_eq!(listed["polls"][0]["end_block"], end);
    assert_eq!(listed["polls"][0]["tally"]["participation_percent"], "0");

    let token = operator.devnet.contracts.token.to_string();
    let (message, _) = operator.turned_down(&["vote", &token, "yes"], "not_a_poll");
    assert!(message.contains("is not a poll of this protocol"), "{message}");
    let voted = operator.gov(&["vote", poll, "no", "-y"]).expect_code(0).data();
    assert_eq!(change(&voted, "vote"), ("none", "no"));
    let receipt = operator.receipt(&voted);
    assert_eq!(receipt["logs"][0]["data"], format!("0x{:064x}", 1));
    assert_eq!(
        receipt["logs"][0]["address"].as_str().unwrap().to_lowercase(),
        poll.to_lowercase()
    );
    let (message, _) = operator.turned_down(&["vote", poll, "no"], "voted_already");
    assert!(message.contains("is no already"), "{message}");
    // The last word counts, and a delegator's own word is taken out of the orchestrator's.
    let changed = operator.gov(&["vote", poll, "yes", "-y"]).expect_code(0).data();
    assert_eq!(change(&changed, "vote"), ("no", "yes"));
    let whole = operator.gov(&["poll", poll]).expect_code(0).data();
    assert_eq!(whole["tally"]["yes_lpt"], "150");
    operator
        .gov(&["vote", poll, "no", "-y", "--account", "delegator"])
        .expect_code(0);
    let split = operator.gov(&["poll", poll]).expect_code(0).data();
    assert_eq!(
        (&split["tally"]["yes_lpt"], &split["tally"]["no_lpt"]),
        (&"100".into(), &"50".into())
    );
    assert_eq!(split["tally"]["participation_percent"], "100");
    assert_eq!(split["tally"]["support_percent"], "66.6666");
    assert_eq!(split["votes"][0]["voter"], operator.orchestrator().to_string());
    let text = operator.lpctl(&["gov", "poll", poll]).expect_code(0).stdout;
    assert!(text.contains("yes      100 LPT (66.6666 %)"), "{text}");

    // Over: by the contract's own word, which only a test can change.
    operator.set_end(contract, 1).await;
    let (message, _) = operator.turned_down(&["vote", poll, "no"], "poll_over");
    assert!(message.contains("ended with block 1"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poll_that_ended_is_counted_by_the_stake_of_then() {
    let operator = Operator::new().await;
    operator.lpctl(&["stake", "bond", "100", "-y"]).expect_code(0);
    operator.devnet.next_round().await;
    let made = operator.gov(&["create", TEXT, "-y"]).expect_code(0).data();
    let poll = change(&made, "poll").1.to_string();
    operator.gov(&["vote", &poll, "yes", "-y"]).expect_code(0);
    // 57600 blocks take an anvil minutes: the contract is told to end now.
    let now = operator.devnet.provider().get_block_number().await.unwrap();
    operator.set_end(poll.parse().unwrap(), now).await;
    operator.devnet.mine(2).await;
    let ended = operator.gov(&["poll", &poll]).expect_code(0).data();
    assert_eq!(ended["state"], "passed", "{ended}");
    assert_eq!(ended["tally"]["block"], ended["end_block"]);
    assert_eq!(ended["end_block"], now);
    // Stake that comes later counts for nothing.
    operator
        .lpctl(&["stake", "bond", "100", "-y", "--give-up-reward"])
        .expect_code(0);
    let later = operator.gov(&["poll", &poll]).expect_code(0).data();
    assert_eq!(later["tally"]["yes_lpt"], "100", "{later}");
    let listed = operator.gov(&["polls"]).expect_code(0).data();
    assert_eq!(
        listed["polls"][0]["state"], "ended",
        "the list counts open ones only"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proposal_is_made_voted_on_queued_and_executed() {
    let operator = Operator::new().await;
    let missing = operator.gov(&["proposals"]).expect_code(3).error();
    assert_eq!(missing["code"], "contract_missing");
    assert!(
        missing["hint"].as_str().unwrap().contains("no treasury"),
        "{missing}"
    );
    let treasury = operator.devnet.add_governor().await;
    operator.lpctl(&["stake", "bond", "100", "-y"]).expect_code(0);
    let lpt = "500lpt".parse().unwrap();
    operator
        .devnet
        .chain()
        .fund_lpt(treasury.treasury, lpt)
        .await
        .unwrap();
    operator.devnet.next_round().await;
    operator.devnet.next_round().await;

    let power = operator.gov(&["power"]).expect_code(0).data();
    assert_eq!(
        (&power["source"], &power["poll_power_lpt"]),
        (&"orchestrator".into(), &"100".into())
    );
    assert_eq!(
        (&power["treasury_power_lpt"], &power["treasury_threshold_lpt"]),
        (&"100".into(), &"100".into())
    );
    let payee = operator.devnet.accounts.gateway.address();
    let to = payee.to_string();
    let propose = [
        "propose",
        "--pay",
        "5lpt",
        "--to",
        &to,
        "--description",
        "# Pay\nfor work",
    ];
    let (message, _) = operator.turned_down(
        &[&propose[..], &["--account", "delegator"]].concat(),
        "below_threshold",
    );
    assert!(message.contains("takes 100 LPT of voting power"), "{message}");
    operator.turned_down(&["propose", "--description", "nothing"], "nothing_proposed");
    // Whoever signs it sees what it pays to whom.
    let dry = operator
        .gov(&[&propose[..], &["--dry-run"]].concat())
        .expect_code(0)
        .data();
    assert_eq!(dry["plan"]["changes"][0]["note"], format!("pay 5 LPT to {to}"));
    let made = operator
        .gov(&[&propose[..], &["-y"]].concat())
        .expect_code(0)
        .data();
    let id = change(&made, "proposal").1.to_string();
    let state = || operator.ask(treasury.governor, "state(uint256)(uint8)", &[&id]);
    assert_eq!(state(), "0");
    operator.receipt(&made);
    let (message, _) = operator.turned_down(&propose, "proposal_exists");
    assert!(message.contains("pending"), "{message}");
    let listed = operator.gov(&["proposals"]).expect_code(0).data();
    assert_eq!(
        (&listed["proposals"][0]["id"], &listed["proposals"][0]["state"]),
        (&id.as_str().into(), &"pending".into())
    );
    assert_eq!(
        listed["proposals"][0]["calls"][0]["meaning"],
        format!("pay 5 LPT to {to}")
    );

    let vote = ["vote-proposal", &id, "for"];
    operator.turned_down(&["vote-proposal", "12345", "for"], "unknown_proposal");
    let (message, fix) = operator.turned_down(&vote, "proposal_not_active");
    assert!(
        message.contains("voting begins after round") && fix.contains("wait"),
        "{message}: {fix}"
    );
    operator.devnet.next_round().await;
    operator.devnet.next_round().await;
    assert_eq!(state(), "1");
    let (message, fix) = operator.turned_down(
        &[&vote[..], &["--account", "delegator"]].concat(),
        "no_voting_power",
    );
    assert!(
        message.contains("votes use the stake of then") && fix.contains("lpctl gov power"),
        "{message}: {fix}"
    );
    let dry = operator
        .gov(&[&vote[..], &["--dry-run"]].concat())
        .expect_code(0)
        .data();
    let note = dry["plan"]["changes"][0]["note"].as_str().unwrap();
    assert!(
        note.ends_with(&format!("; the proposal would pay 5 LPT to {to}")),
        "{note}"
    );
    let reasoned = [&vote[..], &["--reason", "worth it", "-y"]].concat();
    let voted = operator.gov(&reasoned).expect_code(0).data();
    assert_eq!(
        (change(&voted, "vote"), change(&voted, "for_lpt")),
        (("none", "cast"), ("0", "100"))
    );
    let receipt = operator.receipt(&voted);
    let reason = alloy::hex::encode("worth it");
    assert!(receipt["logs"][0]["data"].as_str().unwrap().contains(&reason));
    let count = operator.ask(
        treasury.governor,
        "hasVoted(uint256,address)(bool)",
        &[&id, &operator.orchestrator().to_string()],
    );
    assert_eq!(count, "true");
    let (message, _) = operator.turned_down(&vote, "voted_already");
    assert!(message.contains("cannot be changed"), "{message}");
    // A delegator whose orchestrator has voted is told what its own vote does.
    let delegate = [
        "stake",
        "bond",
        "50",
        "--to",
        "orchestrator",
        "--account",
        "delegator",
        "-y",
    ];
    operator.lpctl(&delegate).expect_code(0);
    let dry = [&vote[..], &["--account", "delegator", "--dry-run"]].concat();
    let dry = operator.gov(&dry).expect_code(0).data();
    let findings = dry["plan"]["findings"].as_array().unwrap();
    assert!(
        findings.iter().any(|row| row["code"] == "overrides_orchestrator"),
        "{findings:?}"
    );

    let (message, fix) = operator.turned_down(&["queue", &id], "wrong_state");
    assert!(
        message.contains("open for votes") && fix.contains("voting ends with round"),
        "{message}: {fix}"
    );
    operator.turned_down(&["execute", &id], "wrong_state");
    operator.devnet.next_round().await;
    operator.devnet.next_round().await;
    assert_eq!(state(), "4");
    let over = operator.turned_down(&vote, "proposal_not_active").0;
    assert!(over.contains("voting ended with round"), "{over}");
    let queued = operator.gov(&["queue", &id, "-y"]).expect_code(0).data();
    assert_eq!(change(&queued, "state"), ("won", "queued"));
    assert_eq!(state(), "5");
    let shown = operator.lpctl(&["gov", "proposal", &id]).expect_code(0).stdout;
    assert!(
        shown.starts_with("Pay\n") && shown.contains(&format!("`lpctl gov execute {id}`")),
        "{shown}"
    );
    let balance = || {
        operator.ask(
            operator.devnet.contracts.token,
            "balanceOf(address)(uint256)",
            &[&to],
        )
    };
    let before: u128 = balance().parse().unwrap();
    let dry = operator.gov(&["execute", &id, "--dry-run"]).expect_code(0).data();
    assert_eq!(dry["plan"]["changes"][0]["note"], format!("pay 5 LPT to {to}"));
    let executed = operator.gov(&["execute", &id, "-y"]).expect_code(0).data();
    assert_eq!(change(&executed, "state"), ("queued", "executed"));
    operator.receipt(&executed);
    assert_eq!(state(), "7");
    let after: u128 = balance().parse().unwrap();
    assert_eq!(after - before, 5_000_000_000_000_000_000);
    operator.turned_down(&["execute", &id], "wrong_state");
    let shown = operator.gov(&["proposal", &id]).expect_code(0).data();
    assert_eq!(
        (&shown["state"], &shown["for_lpt"]),
        (&"executed".into(), &"100".into())
    );
    assert_eq!(
        operator.gov(&["proposal", "7"]).expect_code(3).error()["code"],
        "unknown_proposal"
    );
}

#[test]
fn what_is_no_poll_proposal_or_text_is_a_usage_error() {
    let environment = crate::environment::Environment::new();
    for (arguments, says) in [
        (&["vote", "vitalik.eth", "yes"][..], "no address"),
        (
            &["vote", "0x0000000000000000000000000000000000000000", "yes"],
            "nobody",
        ),
        (
            &["vote", "0x70997970c51812dc3A010C7d01b50e0d17dc79C8", "yes"],
            "checksum",
        ),
        (
            &["vote", "0x70997970C51812dc3A010C7d01b50e0d17dc79C8", "perhaps"],
            "perhaps",
        ),
        (&["vote-proposal", "1e18", "for"], "number"),
        (&["create", "https://example.org"], "IPFS"),
        (
            &["propose", "--pay", "5eth", "--to", "x", "--description", "d"],
            "needs a unit",
        ),
        (&["propose", "--pay", "5lpt", "--description", "d"], "--to"),
        (
            &[
                "propose",
                "--call",
                "0x289ba1701C2F088cf0faf8B3705246331cB8A839",
                "--description",
                "d",
            ],
            "input",
        ),
    ] {
        let refused = environment.lpctl(&[&["gov"], arguments].concat()).expect_code(2);
        assert!(refused.stderr.contains(says), "{arguments:?}: {refused:?}");
    }
}
