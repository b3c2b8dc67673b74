//! `lpctl ledger export` on a devnet: the lines of every book add up to what its balance changed, to the wei.

use alloy::{
    network::TransactionBuilder,
    primitives::{I256, U256},
    providers::{Provider, ext::AnvilApi},
    rpc::types::TransactionRequest,
};
use serde_json::Value;

use crate::{
    operator::Operator,
    proxy::{Answer, Proxy},
};

/// A decimal of eighteen places as the smallest unit, read by hand.
fn units(text: &str) -> I256 {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (I256::MINUS_ONE, digits),
        None => (I256::ONE, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let padded = format!("{whole}{fraction:0<18}");
    sign * I256::try_from(U256::from_str_radix(&padded, 10).unwrap()).unwrap()
}

fn signed(value: U256) -> I256 {
    I256::try_from(value).unwrap()
}

/// What the lines of a book add up to.
fn sum(ledger: &Value, book: &str) -> I256 {
    let entries = ledger["entries"].as_array().unwrap();
    let these = entries.iter().filter(|entry| entry["book"] == book);
    these.fold(I256::ZERO, |sum, entry| {
        sum + units(entry["amount"].as_str().unwrap())
    })
}

fn kinds(ledger: &Value) -> Vec<String> {
    let mut kinds: Vec<String> = ledger["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["kind"].as_str().unwrap().to_string())
        .collect();
    kinds.sort();
    kinds.dedup();
    kinds
}

impl Operator {
    /// ETH, LPT, stake, fees, deposit and reserve of an account, past everything lpctl has.
    async fn balances(&self, account: alloy::primitives::Address) -> [I256; 6] {
        let contracts = &self.devnet.contracts;
        let eth = self.devnet.provider().get_balance(account).await.unwrap();
        let lpt = self.words(contracts.token, "balanceOf(address)", account).await[0];
        let delegator = self
            .words(contracts.bonding_manager, "getDelegator(address)", account)
            .await;
        let sender = self
            .words(contracts.ticket_broker, "getSenderInfo(address)", account)
            .await;
        [eth, lpt, delegator[0], delegator[1], sender[0], sender[2]].map(signed)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lines_explain_every_balance_to_the_wei() {
    let operator = Operator::new().await;
    let provider = operator.devnet.provider();
    let account = operator.orchestrator();
    let begin = provider.get_block_number().await.unwrap() + 1;
    let from = begin.to_string();
    let before = operator.balances(account).await;
    let run = |arguments: &[&str]| operator.lpctl(arguments).expect_code(0);

    // A life: bonded, rewarded, paid, spent, sent on, and a transaction that failed.
    run(&["stake", "bond", "100", "-y"]);
    run(&["set-fees", "--reward-cut", "10", "--fee-share", "40", "-y"]);
    run(&["orch", "set-uri", "https://127.0.0.1:8935", "-y"]);
    run(&[
        "deposit",
        "fund",
        "--deposit",
        "2eth",
        "--reserve",
        "1eth",
        "-y",
        "--account",
        "delegator",
    ]);
    run(&[
        "deposit",
        "fund",
        "--deposit",
        "0.5eth",
        "--reserve",
        "0.25eth",
        "-y",
    ]);
    operator.devnet.next_round().await;
    run(&["reward", "call", "-y"]);
    operator.win_once("1eth".parse().unwrap()).await;
    run(&["fees", "withdraw", "0.25eth", "-y"]);
    run(&["fees", "withdraw", "0.1eth", "--to", "delegator", "-y"]);
    run(&["deposit", "unlock", "-y"]);
    run(&["stake", "bond", "7.000000000000000001", "-y"]);
    let own = |to, value: u64, gas| {
        TransactionRequest::default()
            .with_from(account)
            .with_to(to)
            .with_value(U256::from(value))
            .with_gas_limit(gas)
    };
    // Neither leaves an event: ETH to a stranger, and a call that reverts.
    provider.anvil_impersonate_account(account).await.unwrap();
    let stranger = alloy::primitives::Address::repeat_byte(0x77);
    let sent = provider
        .send_transaction(own(stranger, 12_345, 21_000))
        .await
        .unwrap();
    assert!(sent.get_receipt().await.unwrap().status());
    let failing =
        own(operator.devnet.contracts.bonding_manager, 0, 200_000).with_input(vec![0xde, 0xad, 0xbe, 0xef]);
    let failed = provider.send_transaction(failing).await.unwrap();
    assert!(!failed.get_receipt().await.unwrap().status());

    let export = |arguments: &[&str]| {
        run(&[&["ledger", "export", "--json", "--from", &from][..], arguments].concat()).data()
    };
    let ledger = export(&[]);
    let after = operator.balances(account).await;
    for (place, book) in ["wallet_eth", "wallet_lpt", "stake", "fees", "deposit", "reserve"]
        .iter()
        .enumerate()
    {
        assert_eq!(
            sum(&ledger, book),
            after[place] - before[place],
            "{book}: {ledger:#}"
        );
    }
    for book in ledger["books"].as_array().unwrap() {
        assert_eq!(book["unexplained"], "0", "{book}");
    }
    assert_eq!(ledger["transactions"], ledger["transactions_found"]);
    assert_eq!(ledger["transactions"], operator.nonce().await);
    for kind in [
        "bonded",
        "eth_received",
        "eth_sent",
        "fees_settled",
        "fees_withdrawn",
        "funded",
        "gas",
        "lpt_sent",
        "reward_minted",
        "rewards_settled",
        "ticket_paid",
    ] {
        assert!(
            kinds(&ledger).contains(&kind.to_string()),
            "{kind}: {:?}",
            kinds(&ledger)
        );
    }

    // The gateway whose ticket won, and the stranger, whose ETH no event tells of.
    let gateway = export(&["delegator"]);
    assert!(kinds(&gateway).contains(&"ticket_spent".to_string()));
    let book = |ledger: &Value, name: &str| {
        let books = ledger["books"].as_array().unwrap();
        books.iter().find(|book| book["book"] == name).unwrap().clone()
    };
    assert_eq!(book(&gateway, "deposit")["unexplained"], "0");
    let outcome = run(&[
        "ledger",
        "export",
        "--json",
        "--from",
        &from,
        &stranger.to_string(),
    ]);
    assert_eq!(
        book(&outcome.data(), "wallet_eth")["unexplained"],
        "0.000000000000012345"
    );
    assert!(outcome.stdout.contains("without an event"), "{outcome:?}");

    // The same lines as CSV, whose sum is the same, and as Beancount.
    let csv = run(&["ledger", "export", "--from", &from]).stdout;
    let lines: Vec<Vec<&str>> = csv
        .lines()
        .skip(1)
        .map(|line| line.split(',').collect())
        .collect();
    assert_eq!(lines.len(), ledger["entries"].as_array().unwrap().len());
    let wallet = lines.iter().filter(|line| line[5] == "wallet_eth");
    let total = wallet.fold(I256::ZERO, |sum, line| sum + units(line[6]));
    assert_eq!(total, after[0] - before[0]);
    let file = operator.environment.home().join("books.beancount");
    let path = file.to_str().unwrap();
    let shown = run(&[
        "ledger",
        "export",
        "--from",
        &from,
        "--format",
        "beancount",
        "-o",
        path,
    ])
    .stdout;
    assert!(
        shown.contains("the lines explain every balance to the wei"),
        "{shown}"
    );
    let written = std::fs::read_to_string(&file).unwrap();
    assert!(
        written.contains("open Assets:Livepeer:Stake") && written.contains("Expenses:Livepeer:Gas"),
        "{written}"
    );

    // A part of it is the part of it.
    let middle = begin + 4;
    let first = export(&["--to", &middle.to_string()]);
    let rest = run(&["ledger", "export", "--json", "--from", &(middle + 1).to_string()]).data();
    for book in ["wallet_eth", "wallet_lpt", "stake", "fees", "deposit", "reserve"] {
        assert_eq!(sum(&first, book) + sum(&rest, book), sum(&ledger, book), "{book}");
    }
    // Nothing is left of what was kept for going on.
    let kept = operator.environment.home().join(".cache/lpctl/ledger");
    assert_eq!(std::fs::read_dir(kept).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_broke_off_goes_on_where_it_was() {
    let operator = Operator::new().await;
    let run = |arguments: &[&str]| operator.lpctl(arguments).expect_code(0);
    run(&["stake", "bond", "100", "-y"]);
    // Enough blocks that some are settled.
    operator
        .devnet
        .provider()
        .anvil_mine(Some(300), None)
        .await
        .unwrap();
    let whole = run(&["ledger", "export", "--json", "--from", "1"]).data();
    // Blocks this deep are settled: their logs are kept.
    let last = operator.devnet.provider().get_block_number().await.unwrap() - 100;
    let to = last.to_string();

    // The logs come, and what follows them does not.
    let url = operator.devnet.rpc_url.clone();
    let broken = Proxy::start(Answer::Hang(url.clone(), "eth_getTransactionReceipt")).await;
    let file = operator.environment.home().join(".cache/lpctl/ledger");
    let mut command = operator.environment.command(&[
        "ledger",
        "export",
        "--from",
        "1",
        "--to",
        &to,
        "--rpc-url",
        &broken.url(),
    ]);
    let mut child = command
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let waiting = async {
        loop {
            let kept = std::fs::read_dir(&file).ok().and_then(|mut files| files.next());
            let text = kept.and_then(|file| std::fs::read_to_string(file.unwrap().path()).ok());
            if text.is_some_and(|text| text.lines().count() > 1) {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    let waited = tokio::time::timeout(std::time::Duration::from_secs(30), waiting).await;
    child.kill().unwrap();
    child.wait().unwrap();
    waited.expect("the logs are kept");

    // Going on asks for no log of those blocks again.
    let asked: &'static str = format!("\"toBlock\":\"{last:#x}\"").leak();
    let counting = Proxy::start(Answer::Hang(url, asked)).await;
    let resumed = run(&[
        "ledger",
        "export",
        "--json",
        "--from",
        "1",
        "--to",
        &to,
        "--rpc-url",
        &counting.url(),
    ])
    .data();
    let before: Vec<&Value> = whole["entries"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| entry["block"].as_u64() <= Some(last))
        .collect();
    assert!(!before.is_empty());
    assert_eq!(
        resumed["entries"].as_array().unwrap().iter().collect::<Vec<_>>(),
        before
    );
    assert_eq!(std::fs::read_dir(&file).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_exported_is_told_with_its_class() {
    let operator = Operator::new().await;
    let refused = |arguments: &[&str], code: i32| {
        let outcome = operator.lpctl(&[&["ledger", "export", "--json"][..], arguments].concat());
        outcome.expect_code(code).error()["code"]
            .as_str()
            .unwrap()
            .to_string()
    };
    assert_eq!(refused(&["--from", "9", "--to", "3"], 2), "empty_range");
    refused(&["--from", "yesterday"], 2);
    refused(&["nobody"], 3);
    assert_eq!(
        refused(&["--rpc-url", "http://127.0.0.1:9"], 7),
        "rpc_unreachable"
    );
    // By days: all of today.
    let today = jiff::Timestamp::now().to_string();
    let day = today.split('T').next().unwrap();
    operator.lpctl(&["stake", "bond", "1", "-y"]).expect_code(0);
    let ledger = operator
        .lpctl(&["ledger", "export", "--json", "--from", "2020-01-01", "--to", day])
        .expect_code(0);
    assert!(kinds(&ledger.data()).contains(&"bonded".to_string()));
}
