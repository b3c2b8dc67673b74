//! Stake on its way out, back and to somebody else, and LPT in the wallet: each command non-interactively with `--json`,
//! its hash, its receipt and the changed state read by another program.

use alloy::primitives::keccak256;
use serde_json::Value;
use testbed::cast;

use crate::operator::Operator;

impl Operator {
    /// What a contract answers, asked by `cast`.
    pub async fn cast_call(&self, contract: &str, signature: &str, arguments: &[&str]) -> String {
        let url = self.devnet.rpc_url.clone();
        let mut words = vec!["call".to_string(), "--rpc-url".to_string(), url];
        words.extend([contract.to_string(), signature.to_string()]);
        words.extend(arguments.iter().map(|argument| (*argument).to_string()));
        tokio::task::spawn_blocking(move || cast(&words.iter().map(String::as_str).collect::<Vec<_>>()))
            .await
            .unwrap()
            .trim()
            .to_string()
    }

    /// The first number of such an answer.
    async fn cast_number(&self, contract: &str, signature: &str, arguments: &[&str]) -> u128 {
        let answer = self.cast_call(contract, signature, arguments).await;
        let first = answer.split_whitespace().next().unwrap();
        first.parse().unwrap_or_else(|_| panic!("{signature}: {answer}"))
    }

    /// Runs a command that has to work, and has each receipt confirmed.
    async fn done(&self, arguments: &[&str]) -> Value {
        let data = self
            .lpctl(&[arguments, &["--yes", "--json"]].concat())
            .expect_code(0)
            .data();
        let sent = data["transactions"].as_array().unwrap().clone();
        assert!(!sent.is_empty(), "{arguments:?}: {data}");
        for transaction in sent {
            let hash = transaction["hash"].as_str().unwrap().to_string();
            let url = self.devnet.rpc_url.clone();
            let status =
                tokio::task::spawn_blocking(move || cast(&["receipt", "--rpc-url", &url, &hash, "status"]))
                    .await
                    .unwrap();
            assert!(status.trim().starts_with(['1', 't']), "{arguments:?}: {status}");
        }
        data
    }
}

const LPT: u128 = 1_000_000_000_000_000_000;

#[tokio::test(flavor = "multi_thread")]
async fn stake_goes_out_comes_back_and_is_given_away() {
    let operator = Operator::new().await;
    let manager = operator.devnet.contracts.bonding_manager.to_string();
    let token = operator.devnet.contracts.token.to_string();
    let me = operator.orchestrator().to_string();
    let delegator = operator.devnet.accounts.delegator.address().to_string();
    let bonded = "getDelegator(address)(uint256,uint256,address,uint256,uint256,uint256,uint256)";
    let lock = "getDelegatorUnbondingLock(address,uint256)(uint256,uint256)";

    operator.done(&["stake", "bond", "100"]).await;
    let delegate = [
        "stake",
        "bond",
        "50",
        "--to",
        "orchestrator",
        "--account",
        "delegator",
    ];
    operator.done(&delegate).await;
    operator.devnet.next_round().await;
    operator.done(&["reward", "call"]).await;

    let unbonded = operator.done(&["stake", "unbond", "10"]).await;
    assert_eq!(operator.cast_number(&manager, lock, &[&me, "0"]).await, 10 * LPT);
    assert_eq!(unbonded["changes"][4]["key"], "locks_made");
    let locks = operator
        .lpctl(&["stake", "locks", "--json"])
        .expect_code(0)
        .data();
    assert_eq!(
        (&locks["total_lpt"], &locks["ready_lpt"]),
        (&"10".into(), &"0".into())
    );
    assert_eq!(locks["locks"][0]["withdrawable"], false);
    operator.lpctl(&["stake", "locks"]).expect_code(0);

    operator.done(&["stake", "rebond", "0"]).await;
    assert_eq!(
        operator.cast_number(&manager, lock, &[&me, "0"]).await,
        0,
        "used up"
    );

    operator.done(&["stake", "unbond", "5"]).await;
    operator.done(&["stake", "unbond", "6"]).await;
    loop {
        operator.devnet.next_round().await;
        let locks = operator
            .lpctl(&["stake", "locks", "--json"])
            .expect_code(0)
            .data();
        if locks["ready_lpt"] == "11" {
            break;
        }
    }
    let balance = "balanceOf(address)(uint256)";
    let before = operator.cast_number(&token, balance, &[&me]).await;
    operator.done(&["stake", "withdraw", "1"]).await;
    assert_eq!(
        operator.cast_number(&token, balance, &[&me]).await,
        before + 5 * LPT
    );
    operator.done(&["stake", "withdraw", "--all"]).await;
    assert_eq!(
        operator.cast_number(&token, balance, &[&me]).await,
        before + 11 * LPT
    );

    operator.done(&["reward", "call"]).await;
    let theirs = operator.cast_number(&manager, bonded, &[&delegator]).await;
    operator
        .done(&["stake", "transfer", "7", "--to", "delegator"])
        .await;
    let now = operator.cast_number(&manager, bonded, &[&delegator]).await;
    assert!(now >= theirs + 7 * LPT, "{theirs} {now}");

    operator.devnet.next_round().await;
    operator.done(&["reward", "call"]).await;
    let claimed = operator.done(&["stake", "claim"]).await;
    let answer = operator.cast_call(&manager, bonded, &[&me]).await;
    let settled = answer.lines().nth(5).unwrap().to_string();
    assert_eq!(claimed["changes"][2]["after"], settled.split(' ').next().unwrap());

    // All of it: the account is no orchestrator any more, and is one again afterwards.
    operator.devnet.next_round().await;
    operator.done(&["reward", "call"]).await;
    operator.done(&["orch", "deactivate"]).await;
    let registered = "isRegisteredTranscoder(address)(bool)";
    assert_eq!(operator.cast_call(&manager, registered, &[&me]).await, "false");
    let locks = operator
        .lpctl(&["stake", "locks", "--json"])
        .expect_code(0)
        .data();
    let id = locks["locks"][0]["lock"].clone();
    let id = if id.is_null() {
        locks["locks"][0]["id"].to_string()
    } else {
        id.to_string()
    };
    let lost = operator
        .lpctl(&["stake", "rebond", &id, "-y", "--json"])
        .expect_code(4);
    assert_eq!(lost.error()["code"], "no_delegate");
    operator
        .done(&["stake", "rebond", &id, "--to", "orchestrator"])
        .await;
    assert_eq!(operator.cast_call(&manager, registered, &[&me]).await, "true");
}

#[tokio::test(flavor = "multi_thread")]
async fn lpt_is_sent_and_the_faucet_gives_some() {
    let operator = Operator::new().await;
    let token = operator.devnet.contracts.token.to_string();
    let delegator = operator.devnet.accounts.delegator.address().to_string();
    let balance = "balanceOf(address)(uint256)";
    let before = operator.cast_number(&token, balance, &[&delegator]).await;
    operator
        .done(&["token", "transfer", "3.5", "--to", "delegator"])
        .await;
    let sent = operator.cast_number(&token, balance, &[&delegator]).await;
    assert_eq!(sent, before + 3 * LPT + LPT / 2);
    for (to, amount, code) in [
        ("0x0000000000000000000000000000000000000000", "1", "bad_recipient"),
        ("orchestrator", "1", "bad_recipient"),
        (token.as_str(), "1", "bad_recipient"),
        ("delegator", "0", "nothing_to_send"),
        ("delegator", "1000000000", "insufficient_lpt"),
    ] {
        let refused = operator
            .lpctl(&["token", "transfer", amount, "--to", to, "-y", "--json"])
            .expect_code(4);
        assert_eq!(refused.error()["code"], code, "{to} {amount}");
    }
    operator
        .done(&["token", "faucet", "--account", "delegator"])
        .await;
    let given = operator.cast_number(&token, balance, &[&delegator]).await;
    assert!(given > sent);
    let again = operator
        .lpctl(&["token", "faucet", "--account", "delegator", "-y", "--json"])
        .expect_code(4);
    assert_eq!(again.error()["code"], "faucet_waits");
}

#[tokio::test(flavor = "multi_thread")]
async fn commission_and_both_registries_are_updated() {
    let operator = Operator::new().await;
    let manager = operator.devnet.contracts.bonding_manager.to_string();
    let registry = operator.devnet.contracts.service_registry.to_string();
    let me = operator.orchestrator().to_string();
    operator.done(&["stake", "bond", "100"]).await;
    let uri = "https://127.0.0.1:8935";
    let update = [
        "orch",
        "update",
        "--reward-cut",
        "15",
        "--fee-cut",
        "60",
        "--service-uri",
        uri,
    ];
    operator.done(&update).await;
    let commission = "getTranscoder(address)(uint256,uint256,uint256,uint256,uint256,uint256,uint256,uint256,uint256,uint256)";
    let answer = operator.cast_call(&manager, commission, &[&me]).await;
    let words: Vec<&str> = answer
        .lines()
        .map(|line| line.split(' ').next().unwrap())
        .collect();
    assert_eq!(words[1..3], ["150000", "400000"]);
    let entry = "getServiceURI(address)(string)";
    assert_eq!(
        operator.cast_call(&registry, entry, &[&me]).await,
        format!("\"{uri}\"")
    );
    let again = [&update[..], &["-y", "--json"]].concat();
    assert_eq!(operator.lpctl(&again).expect_code(0).data()["sent"], false);
    operator.lpctl(&["orch", "update"]).expect_code(2);

    // The code behind the registry's proxy is a registry of its own.
    let id = keccak256("ServiceRegistryTarget").to_string();
    let controller = operator.devnet.controller.to_string();
    let second = operator
        .cast_call(&controller, "getContract(bytes32)(address)", &[&id])
        .await;
    let other = "https://127.0.0.1:8936";
    let unknown = ["orch", "set-uri", other, "--registry", "ai", "-y", "--json"];
    assert_eq!(
        operator.lpctl(&unknown).expect_code(3).error()["code"],
        "no_ai_registry"
    );
    let both = [
        "orch",
        "set-uri",
        other,
        "--registry",
        "both",
        "--ai-registry",
        &second,
    ];
    operator.done(&both).await;
    for registry in [&registry, &second] {
        assert_eq!(
            operator.cast_call(registry, entry, &[&me]).await,
            format!("\"{other}\"")
        );
    }
    let unchanged = operator
        .lpctl(&[&both[..], &["-y", "--json"]].concat())
        .expect_code(4);
    assert_eq!(unchanged.error()["code"], "unchanged_service_uri");
    operator
        .done(&[
            "orch",
            "set-uri",
            uri,
            "--registry",
            "ai",
            "--ai-registry",
            &second,
        ])
        .await;
    assert_eq!(
        operator.cast_call(&registry, entry, &[&me]).await,
        format!("\"{other}\"")
    );
    assert_eq!(
        operator.cast_call(&second, entry, &[&me]).await,
        format!("\"{uri}\"")
    );
}
