//! `lpctl exporter` on a devnet: beside a node's own numbers, beside the contracts, and through what can go wrong.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use alloy::{
    primitives::{B256, U256},
    providers::Provider,
};
use engine::{
    metrics::{ALL, Role},
    wire::client,
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::{
    environment::Environment,
    operator::Operator,
    proxy::{Answer, Proxy},
    run::Node,
};

const PATIENCE: Duration = Duration::from_secs(60);

/// A running `lpctl exporter --json`; killed with the test.
struct Exporter {
    child: Child,
    stdout: BufReader<ChildStdout>,
    url: String,
}

impl Exporter {
    fn start(operator: &Operator, arguments: &[&str]) -> Self {
        let always = ["exporter", "--json", "--listen", "127.0.0.1:0", "--interval", "1"];
        let mut child = operator
            .environment
            .command(&[&always[..], arguments].concat())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(ready["event"], "ready");
        let url = ready["url"].as_str().unwrap().to_string();
        Self { child, stdout, url }
    }

    /// Scrapes until what is told is as wanted.
    async fn until(&self, what: &str, is_so: impl Fn(&Told) -> bool) -> Told {
        let begun = Instant::now();
        loop {
            let told = Told::of(&get(&self.url).await);
            if is_so(&told) {
                return told;
            }
            assert!(begun.elapsed() < PATIENCE, "{what}: {told:#?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Ends it as a service manager does: its last line.
    fn end(mut self) -> Value {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, Signal::TERM).unwrap();
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
        serde_json::from_str(rest.lines().last().unwrap()).unwrap()
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A scrape: values by name and labels, as they were written.
#[derive(Debug, Clone, PartialEq)]
struct Told {
    text: String,
    values: BTreeMap<String, String>,
}

impl Told {
    fn of(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let values = lines.map(|line| line.rsplit_once(' ').unwrap());
        Self {
            values: values
                .map(|(series, value)| (series.to_string(), value.to_string()))
                .collect(),
            text: text.to_string(),
        }
    }

    /// The values of a metric whose labels hold this.
    fn all(&self, name: &str, label: &str) -> Vec<&str> {
        let of_it = |series: &&String| {
            let (found, labels) = series.split_once('{').unwrap_or((series, ""));
            found == name && labels.contains(label)
        };
        let found = self.values.iter().filter(|(series, _)| of_it(series));
        found.map(|(_, value)| value.as_str()).collect()
    }

    /// The only one.
    #[track_caller]
    fn one(&self, name: &str, label: &str) -> &str {
        let found = self.all(name, label);
        assert_eq!(found.len(), 1, "{name} {label}: {}", self.text);
        found[0]
    }

    /// As a number.
    #[track_caller]
    fn number(&self, name: &str, label: &str) -> f64 {
        self.one(name, label).parse().unwrap()
    }

    fn names(&self) -> BTreeSet<&str> {
        let series = self.values.keys();
        series.map(|series| series.split('{').next().unwrap()).collect()
    }
}

async fn get(url: &str) -> String {
    let client = client::download_client(PATIENCE).unwrap();
    let answer = client.get(url).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    answer.text().await.unwrap()
}

/// A decimal number of a smaller unit.
fn decimal(value: U256, places: usize) -> String {
    let digits = value.to_string();
    let padded = format!("{digits:0>width$}", width = places + 1);
    let (whole, fraction) = padded.split_at(padded.len() - places);
    let text = format!("{whole}.{fraction}");
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

/// Complaints of promtool's linter, by what they are about.
fn complaints(text: &str) -> BTreeSet<String> {
    let mut child = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool is installed: make prometheus");
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8(said).unwrap();
    said.lines().map(ToString::to_string).collect()
}

/// What an orchestrator had happen to it: a delegator, a reward, a paid ticket, and fees taken out.
async fn a_life(operator: &Operator) -> u64 {
    let own = operator.orchestrator().to_string();
    let run = |arguments: &[&str]| operator.lpctl(arguments).expect_code(0);
    run(&[
        "stake",
        "bond",
        "7.5",
        "--to",
        &own,
        "-y",
        "--account",
        "delegator",
    ]);
    let round = operator.devnet.next_round().await;
    run(&["reward", "call", "-y"]);
    let fund = ["deposit", "fund", "--deposit", "2eth", "--reserve", "1eth", "-y"];
    run(&[&fund[..], &["--account", "delegator"]].concat());
    operator.win_once("1eth".parse().unwrap()).await;
    run(&["fees", "withdraw", "0.25eth", "-y"]);
    round
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_told_is_what_the_node_and_the_contracts_tell() {
    let operator = Operator::new().await;
    operator.active_with("100").await;
    let round = a_life(&operator).await;
    let own = format!("{:#x}", operator.orchestrator());
    let delegator = format!("{:#x}", operator.devnet.accounts.delegator.address());
    let node = Node::start(
        &operator.environment,
        &["--preset", "ultrafast", "--price", "0", "--no-reward"],
    );
    let exporter = Exporter::start(&operator, &["--secondary", "delegator"]);
    let told = exporter
        .until("the history is read", |told| {
            told.names().contains("lpctl_exporter_history_block")
        })
        .await;

    // Everything the table says, and nothing else.
    let wanted: BTreeSet<&str> = ALL
        .iter()
        .filter(|metric| metric.told_by.contains(&Role::Exporter))
        .map(|metric| metric.name)
        .collect();
    assert_eq!(told.names(), wanted);

    // The node's own numbers.
    let begun = Instant::now();
    let of_node = loop {
        let of_node = Told::of(&get(&format!("{}/metrics", node.operator_url())).await);
        if of_node.names().contains("lpctl_round") && of_node.names().contains("lpctl_gas_balance_gwei") {
            break of_node;
        }
        assert!(begun.elapsed() < PATIENCE, "{of_node:#?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let pairs = [
        ("livepeer_orch_current_round", "lpctl_round", ""),
        ("livepeer_orch_active", "lpctl_orchestrator_active", ""),
        ("livepeer_orch_total_stake", "lpctl_stake_lpt", "whose=\"total\""),
        ("lpctl_exporter_orchestrator_rank", "lpctl_orchestrator_rank", ""),
        ("lpctl_exporter_fees_gwei", "lpctl_fees_gwei", ""),
        ("lpctl_exporter_gas_balance_gwei", "lpctl_gas_balance_gwei", ""),
    ];
    for (here, there, label) in pairs {
        let (here, there) = (told.number(here, &own), of_node.number(there, label));
        assert!((here - there).abs() <= here.abs() * 1e-12, "{here} {there}");
    }
    assert_eq!(of_node.number("lpctl_reward_called", ""), 1.0);
    assert_eq!(
        told.one("livepeer_orch_last_reward_round", &own),
        round.to_string()
    );

    // The contracts, past everything lpctl has.
    let contracts = &operator.devnet.contracts;
    let kept = operator
        .words(
            contracts.bonding_manager,
            "getDelegator(address)",
            operator.orchestrator(),
        )
        .await;
    assert_eq!(
        told.one("livepeer_orch_bonded_amount", &own),
        decimal(kept[0], 18)
    );
    assert_eq!(told.one("livepeer_orch_start_round", &own), kept[4].to_string());
    assert_eq!(
        told.one("livepeer_orch_last_reward_claim_round", &own),
        kept[5].to_string()
    );
    let manager = contracts.bonding_manager.to_string();
    let mut stake = U256::ZERO;
    for account in [&own, &delegator] {
        let signature = "pendingStake(address,uint256)(uint256)";
        let answer = operator.cast_call(&manager, signature, &[account, "0"]).await;
        let number = answer.split_whitespace().next().unwrap();
        stake += number.parse::<U256>().unwrap();
        if account == &own {
            let own: f64 = decimal(stake, 18).parse().unwrap();
            assert!((own - of_node.number("lpctl_stake_lpt", "whose=\"own\"")).abs() < 1e-9);
        }
    }
    assert_eq!(told.one("livepeer_orch_stake", &own), decimal(stake, 18));
    assert_eq!(told.one("livepeer_orch_reward_cut", &own), "0.1");
    assert_eq!(told.one("livepeer_orch_fee_cut", &own), "0.6");
    assert_eq!(told.one("livepeer_orch_delegator_count", &own), "2");
    let bonds = told.all(
        "livepeer_orch_delegator_bonded_amount",
        &format!("id=\"{delegator}\""),
    );
    assert_eq!(bonds, ["7.5"]);

    // The history: what was paid and minted, and gas by the receipts.
    assert_eq!(told.one("livepeer_orch_total_fees", &own), "1");
    assert_eq!(told.one("livepeer_orch_day_fees", &own), "1");
    assert_eq!(told.one("livepeer_orch_total_volume_eth", &own), "1");
    assert_eq!(told.one("livepeer_orch_withdrawn_fees", &own), "0.25");
    for (kind, sum, gas) in [
        (
            "reward",
            "livepeer_orch_week_rewards",
            "livepeer_orch_rewards_year_gas_cost",
        ),
        (
            "winning_ticket",
            "livepeer_orch_total_fees",
            "livepeer_orch_tickets_total_gas_cost",
        ),
    ] {
        let of = |what: &str| told.one(&format!("livepeer_orch_{kind}_{what}"), &own);
        assert_eq!(of("amount"), told.one(sum, &own));
        assert_eq!(of("round"), round.to_string());
        let prefix = format!("livepeer_orch_{kind}_amount{{id=\"");
        let series = told
            .values
            .keys()
            .find_map(|series| series.strip_prefix(&prefix))
            .unwrap();
        let hash: B256 = series.split('"').next().unwrap().parse().unwrap();
        let receipt = operator
            .devnet
            .provider()
            .get_transaction_receipt(hash)
            .await
            .unwrap()
            .unwrap();
        let cost = U256::from(receipt.gas_used) * U256::from(receipt.effective_gas_price);
        assert_eq!(of("gas_used"), receipt.gas_used.to_string());
        assert_eq!(of("gas_cost"), decimal(cost, 9));
        assert_eq!(told.one(gas, &own), decimal(cost, 9));
        assert_eq!(of("block_number"), receipt.block_number.unwrap().to_string());
    }
    // Active from the round of `active_with` on, which ended without its reward.
    assert_eq!(told.one("livepeer_orch_thirty_day_reward_claim_ratio", &own), "0");

    // promtool reads it; what it finds are livepeer-exporter's own names.
    let complaints = complaints(&told.text);
    assert_eq!(complaints, known_complaints(), "{complaints:#?}");

    // Strangers: silent ones, one who never reads, another page's name, and what is not there.
    let address = exporter
        .url
        .strip_prefix("http://")
        .unwrap()
        .strip_suffix("/metrics")
        .unwrap();
    let silent: Vec<TcpStream> = (0..80).map(|_| TcpStream::connect(address).unwrap()).collect();
    let mut greedy = TcpStream::connect(address).unwrap();
    greedy.set_nonblocking(true).unwrap();
    let request = format!("GET /metrics HTTP/1.1\r\nhost: {address}\r\n\r\n");
    for _ in 0..2000 {
        if greedy.write_all(request.as_bytes()).is_err() {
            break;
        }
    }
    assert!(get(&exporter.url).await.contains("lpctl_exporter_up 1"));
    let said = |request: &str| {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut said = String::new();
        let _ = stream.read_to_string(&mut said);
        said.split(' ').nth(1).unwrap_or_default().to_string()
    };
    let close = "connection: close\r\n\r\n";
    assert_eq!(
        said(&format!("GET /metrics HTTP/1.1\r\nhost: evil.example\r\n{close}")),
        "403"
    );
    assert_eq!(
        said(&format!("POST /metrics HTTP/1.1\r\nhost: {address}\r\n{close}")),
        "405"
    );
    assert_eq!(
        said(&format!("GET /else HTTP/1.1\r\nhost: {address}\r\n{close}")),
        "404"
    );
    drop((silent, greedy));

    // The endpoint is gone: what is known is told on, and its age shows.
    let pid = Pid::from_raw(i32::try_from(operator.devnet.anvil_pid()).unwrap()).unwrap();
    kill_process(pid, Signal::KILL).unwrap();
    let gone = exporter
        .until("the endpoint is gone", |told| {
            told.one("lpctl_exporter_up", "") == "0"
        })
        .await;
    assert_eq!(
        gone.one("livepeer_orch_stake", &own),
        told.one("livepeer_orch_stake", &own)
    );
    assert_eq!(gone.one("lpctl_rpc_up", ""), "0");
    let age = gone.number("lpctl_exporter_reading_age_seconds", "");
    let failures = gone.number("lpctl_exporter_reading_failures_total", "");
    exporter
        .until("it grows older, and is tried again", |told| {
            told.number("lpctl_exporter_reading_age_seconds", "") > age
                && told.number("lpctl_exporter_reading_failures_total", "") > failures
        })
        .await;
    let last = exporter.end();
    assert_eq!(last["event"], "stopped");
    assert!(
        last["readings"].as_u64() > Some(0) && last["failures"].as_u64() > Some(1),
        "{last}"
    );
    // Gone at the start.
    let refused = operator.lpctl(&["exporter", "--json"]).expect_code(7).error();
    assert_eq!(refused["code"], "rpc_unreachable");
    assert!(
        refused["hint"].as_str().unwrap().contains("devnet up"),
        "{refused}"
    );
}

/// What promtool finds fault with: a name that is livepeer-exporter's.
fn known_complaints() -> BTreeSet<String> {
    let count = "livepeer_orch_delegator_count non-histogram and non-summary metrics should not have \"_count\" suffix";
    BTreeSet::from([count.to_string()])
}

#[tokio::test(flavor = "multi_thread")]
async fn history_is_read_once_and_survives_a_restart() {
    let operator = Operator::new().await;
    operator.active_with("100").await;
    let provider = operator.devnet.provider();
    let earlier: String = provider.raw_request("evm_snapshot".into(), ()).await.unwrap();
    a_life(&operator).await;
    // Everything so far is settled after that.
    operator.devnet.mine(100).await;
    let once = |url: &str| {
        let arguments = ["exporter", "--once", "--json", "--rpc-url", url];
        operator.lpctl(&arguments).expect_code(0).data()
    };
    let value = |told: &Value, name: &str| {
        let samples = told["samples"].as_array().unwrap();
        let found: Vec<&Value> = samples.iter().filter(|sample| sample["name"] == name).collect();
        assert_eq!(found.len(), 1, "{name}: {found:?}");
        found[0]["value"].as_str().unwrap().to_string()
    };
    let url = operator.devnet.rpc_url.clone();
    let first = once(&url);
    assert_eq!(value(&first, "livepeer_orch_total_fees"), "1");
    assert_eq!(value(&first, "lpctl_exporter_history_read_ratio"), "1.000");
    // What is kept is not asked for again: neither receipts nor the first blocks' logs.
    for never in ["eth_getTransactionReceipt", "\"fromBlock\":\"0x1\""] {
        let proxy = Proxy::start(Answer::Hang(url.clone(), never)).await;
        let again = once(&proxy.url());
        for name in [
            "livepeer_orch_total_fees",
            "livepeer_orch_rewards_total_gas_cost",
            "livepeer_orch_withdrawn_fees",
            "livepeer_orch_delegator_count",
        ] {
            assert_eq!(value(&again, name), value(&first, name), "{name}");
        }
    }
    let folder = operator.environment.home().join(".local/state/lpctl/exporter");
    let own = folder.join(format!("31337-{}.jsonl", operator.orchestrator()));
    let kept = fs::read_to_string(&own).unwrap();
    // Damaged, it is read anew.
    fs::write(&own, &kept[..kept.len() / 2]).unwrap();
    assert_eq!(value(&once(&url), "livepeer_orch_total_fees"), "1");
    // As text; a history that begins later; several orchestrators, one of whom is none.
    let text = operator.lpctl(&["exporter", "--once"]).expect_code(0).stdout;
    assert_eq!(Told::of(&text).all("livepeer_orch_total_fees", ""), ["1"]);
    let head = operator
        .devnet
        .provider()
        .get_block_number()
        .await
        .unwrap()
        .to_string();
    let stranger = "0x7777777777777777777777777777777777777777";
    let own = operator.orchestrator().to_string();
    let later = operator.lpctl(&[
        "exporter",
        "--once",
        "--from",
        &head,
        "--ids",
        "1",
        "--orchestrator",
        &own,
        "--orchestrator",
        stranger,
    ]);
    let later = Told::of(&later.expect_code(0).stdout);
    assert_eq!(later.all("livepeer_orch_total_fees", ""), ["0", "0"]);
    assert_eq!(later.one("livepeer_orch_active", stranger), "0");
    let exposed = operator.lpctl(&["exporter", "--json", "--listen", "0.0.0.0:0"]);
    assert_eq!(exposed.expect_code(4).error()["code"], "exposed");
    // What was kept of blocks that are gone is told no more, even where as many others came in their place.
    let reverted: bool = provider
        .raw_request("evm_revert".into(), (earlier,))
        .await
        .unwrap();
    assert!(reverted);
    operator.devnet.mine(400).await;
    let anew = once(&url);
    assert_eq!(value(&anew, "livepeer_orch_total_fees"), "0");
    assert_eq!(value(&anew, "livepeer_orch_rewards_total_gas_cost"), "0");
}

#[test]
fn what_cannot_be_told_of_is_refused_before_the_chain_is_asked() {
    let environment = Environment::new();
    environment.write_config("[defaults]\nnetwork = \"devnet\"\nrpc_urls = [\"http://127.0.0.1:9\"]\n");
    let refused = |arguments: &[&str], code: i32| {
        let outcome = environment.lpctl(&[&["exporter", "--json"][..], arguments].concat());
        outcome.expect_code(code).error()["code"]
            .as_str()
            .unwrap()
            .to_string()
    };
    let many: Vec<String> = (1..=17).map(|number| format!("0x{number:040x}")).collect();
    assert_eq!(
        refused(&["--orchestrator", &many.join(",")], 2),
        "too_many_accounts"
    );
    let one = ["--orchestrator", &many[0], "--secondary", &many.join(",")];
    assert_eq!(refused(&one, 2), "too_many_accounts");
    assert_eq!(refused(&["--orchestrator", "nobody"], 3), "unknown_account");
    refused(&["--orchestrator", "0x1234"], 3);
    refused(&[], 3);
    refused(&["--interval", "0"], 2);
    refused(&["--ids", "1001"], 2);
    refused(&["--dry-run"], 2);
}
