//! Staking from the command line, on a real chain with Livepeer's contracts.

use alloy::primitives::U256;
use engine::units::Lpt;

use crate::operator::Operator;

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_bonds_sets_fees_activates_and_calls_reward() {
    let operator = Operator::new().await;
    let manager = operator.devnet.contracts.bonding_manager;

    let plan = operator
        .lpctl(&["stake", "bond", "100", "--dry-run"])
        .expect_code(0);
    operator.assert_snapshot("stake_bond_dry_run", &plan);
    assert_eq!(operator.nonce().await, 0, "a dry run sends nothing");

    let bonded = operator.lpctl(&["stake", "bond", "100", "--yes"]).expect_code(0);
    operator.assert_snapshot("stake_bond", &bonded);
    let delegator = operator
        .words(manager, "getDelegator(address)", operator.orchestrator())
        .await;
    assert_eq!(delegator[0], Lpt::whole(100).0, "the chain says so itself");

    let fees = operator
        .lpctl(&[
            "set-fees",
            "--reward-cut",
            "10",
            "--fee-cut",
            "60",
            "-y",
            "--json",
        ])
        .expect_code(0);
    operator.assert_snapshot("set_fees_json", &fees);
    let transcoder = operator
        .words(manager, "getTranscoder(address)", operator.orchestrator())
        .await;
    assert_eq!(
        transcoder[1..3],
        [U256::from(100_000), U256::from(400_000)],
        "reward cut and fee share"
    );

    let uri = "https://127.0.0.1:8935";
    let activate = [
        "orch",
        "activate",
        "--bond",
        "50",
        "--reward-cut",
        "10",
        "--fee-share",
        "40",
        "--service-uri",
        uri,
    ];
    let activated = operator.lpctl(&[&activate[..], &["-y"]].concat()).expect_code(0);
    operator.assert_snapshot("orch_activate", &activated);
    let again = [&activate[..2], &activate[4..], &["-y", "--json"]].concat();
    let again = operator.lpctl(&again).expect_code(0).data();
    assert_eq!(again["sent"], false, "activating again sends nothing");

    let early = operator.lpctl(&["reward", "call", "-y", "--json"]).expect_code(4);
    assert_eq!(early.error()["code"], "not_active");
    operator.devnet.next_round().await;
    let due = operator.lpctl(&["reward", "status"]).expect_code(0);
    operator.assert_snapshot("reward_status_due", &due);
    // Bonding before reward would give it up.
    let hasty = operator.lpctl(&["stake", "bond", "1", "-y"]).expect_code(4);
    operator.assert_snapshot("stake_bond_before_reward", &hasty);
    let called = operator.lpctl(&["reward", "call", "--yes"]).expect_code(0);
    operator.assert_snapshot("reward_call", &called);
    let twice = operator
        .lpctl(&["reward", "call", "--yes", "--json"])
        .expect_code(4);
    assert_eq!(twice.error()["code"], "reward_already_called");

    let shown = operator.lpctl(&["stake", "show", "--json"]).expect_code(0).data();
    let stake: Lpt = serde_json::from_value(shown["stake"]["stake_lpt"].clone()).unwrap();
    assert!(stake > Lpt::whole(150), "the reward is in it: {stake}");
    let shown = operator.lpctl(&["orch", "show"]).expect_code(0);
    assert!(
        shown.stdout.contains("active, rank 1 of") && shown.stdout.contains(uri),
        "{shown:?}"
    );
    let listed = operator.lpctl(&["orch", "list", "--json"]).expect_code(0).data();
    assert_eq!(
        listed["orchestrators"][0]["address"],
        operator.orchestrator().to_string()
    );
    operator.lpctl(&["orch", "list"]).expect_code(0);

    // Each transaction has its line before it was sent and one for its end.
    let journal = operator
        .environment
        .home()
        .join(".local/state/lpctl/transactions.jsonl");
    let journal = std::fs::read_to_string(journal).unwrap();
    let states: Vec<String> = journal
        .lines()
        .map(|line| {
            serde_json::from_str::<serde_json::Value>(line).unwrap()["state"]
                .as_str()
                .unwrap()
                .to_string()
        })
        .collect();
    assert_eq!(states.len() as u64, operator.nonce().await * 2);
    assert!(
        states.chunks(2).all(|pair| pair == ["sending", "mined"]),
        "{states:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_work_is_refused_with_everything_in_its_way_and_nothing_is_sent() {
    let operator = Operator::new().await;
    let short = operator
        .lpctl(&["stake", "bond", "1000000000", "-y"])
        .expect_code(4);
    operator.assert_snapshot("stake_bond_short", &short);
    let short = operator
        .lpctl(&["stake", "bond", "1000000000", "-y", "--json"])
        .expect_code(4)
        .error();
    assert_eq!(short["code"], "insufficient_lpt");
    assert_eq!(short["details"]["findings"][0]["severity"], "refusal");

    let unasked = operator.lpctl(&["stake", "bond", "1"]).expect_code(4);
    operator.assert_snapshot("stake_bond_unconfirmed", &unasked);

    let wrong = operator.environment.home().join("wrong");
    std::fs::write(&wrong, "open says me").unwrap();
    let wrong = wrong.to_str().unwrap();
    let locked = operator
        .lpctl(&["stake", "bond", "1", "-y", "--password-file", wrong, "--json"])
        .expect_code(4);
    assert_eq!(locked.error()["code"], "wrong_password");

    let unknown = operator
        .lpctl(&["stake", "bond", "1", "-y", "--account", "nobody", "--json"])
        .expect_code(3);
    assert_eq!(unknown.error()["code"], "unknown_account");
    // A dry run needs no key.
    let treasury = operator.devnet.accounts.treasury.address().to_string();
    operator
        .lpctl(&["stake", "bond", "1", "--account", &treasury, "--dry-run"])
        .expect_code(0);
    operator
        .lpctl(&["stake", "bond", "1", "--account", &treasury, "-y"])
        .expect_code(3);

    let capped = operator
        .lpctl(&["stake", "bond", "1", "-y", "--max-gas-price", "1wei", "--json"])
        .expect_code(4);
    assert_eq!(capped.error()["code"], "gas_price_above_limit");
    let bare = operator
        .lpctl(&[
            "set-fees",
            "--reward-cut",
            "10",
            "--fee-share",
            "40",
            "-y",
            "--json",
        ])
        .expect_code(4);
    assert_eq!(bare.error()["code"], "not_registered");
    let open = operator.lpctl(&["round", "init", "-y", "--json"]).expect_code(4);
    assert_eq!(open.error()["code"], "round_already_initialized");
    assert_eq!(operator.nonce().await, 0, "nothing was sent by any of them");

    // A journal that cannot be written refuses before anything is sent.
    let state = operator.environment.home().join(".local/state");
    std::fs::create_dir_all(state.parent().unwrap()).unwrap();
    std::fs::write(&state, "a file where a folder should be").unwrap();
    let blind = operator
        .lpctl(&["stake", "bond", "1", "-y", "--json"])
        .expect_code(4);
    assert_eq!(blind.error()["code"], "journal");
    assert_eq!(operator.nonce().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_round_and_an_unopened_one_are_named() {
    let operator = Operator::new().await;
    operator.lpctl(&["stake", "bond", "100", "-y"]).expect_code(0);
    operator.devnet.next_round().await;
    operator.lpctl(&["reward", "call", "-y"]).expect_code(0);
    let round = operator.lpctl(&["round", "show", "--json"]).expect_code(0).data();
    operator
        .devnet
        .mine(round["blocks_until_lock"].as_u64().unwrap())
        .await;
    let locked = operator
        .lpctl(&["set-fees", "--reward-cut", "10", "--fee-share", "40", "-y"])
        .expect_code(4);
    operator.assert_snapshot("set_fees_locked", &locked);

    operator.devnet.enter_next_round().await;
    let unopened = operator
        .lpctl(&["stake", "bond", "1", "-y", "--json"])
        .expect_code(4);
    assert_eq!(unopened.error()["code"], "round_not_initialized");
    let shown = operator.lpctl(&["round", "show"]).expect_code(0);
    operator.assert_snapshot("round_show_not_initialized", &shown);
    let opened = operator.lpctl(&["round", "init", "-y"]).expect_code(0);
    operator.assert_snapshot("round_init", &opened);
    operator
        .lpctl(&["stake", "bond", "1", "-y", "--give-up-reward"])
        .expect_code(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delegator_bonds_to_an_orchestrator_and_stays_with_it() {
    let operator = Operator::new().await;
    operator.lpctl(&["stake", "bond", "100", "-y"]).expect_code(0);
    let delegate = [
        "stake",
        "bond",
        "10.5lpt",
        "--to",
        "orchestrator",
        "--account",
        "delegator",
        "-y",
    ];
    let bonded = operator.lpctl(&delegate).expect_code(0);
    operator.assert_snapshot("stake_bond_to", &bonded);
    // Without --to the stake stays where it is.
    operator
        .lpctl(&["stake", "bond", "2", "--account", "delegator", "-y"])
        .expect_code(0);
    let shown = operator.lpctl(&["stake", "show", "delegator"]).expect_code(0);
    operator.assert_snapshot("stake_show_delegator", &shown);
    let shown = operator.lpctl(&["stake", "show", "--json"]).expect_code(0);
    operator.assert_snapshot("stake_show_json", &shown);
    for (name, arguments) in [
        ("orch_list", &["orch", "list"][..]),
        ("orch_show", &["orch", "show"]),
        ("token_balance", &["token", "balance", "delegator"]),
        ("protocol_show", &["protocol", "show"]),
        ("status_delegator", &["status", "delegator"]),
    ] {
        let shown = operator.lpctl(arguments).expect_code(0);
        operator.assert_snapshot(name, &shown);
        operator
            .lpctl(&[arguments, &["--json"]].concat())
            .expect_code(0)
            .data();
    }
    let elsewhere = operator
        .lpctl(&["stake", "bond", "1", "--to", "delegator", "-y", "--json"])
        .expect_code(4);
    assert_eq!(elsewhere.error()["code"], "registered_elsewhere");
}

#[test]
fn impossible_amounts_are_usage_errors() {
    let environment = crate::environment::Environment::new();
    for (arguments, says) in [
        (
            &["set-fees", "--reward-cut", "101", "--fee-share", "40"][..],
            "more than 100 %",
        ),
        (&["set-fees", "--reward-cut", "10"], "--fee-share"),
        (
            &[
                "set-fees",
                "--reward-cut",
                "10",
                "--fee-share",
                "40",
                "--fee-cut",
                "60",
            ],
            "cannot be used with",
        ),
        (&["stake", "bond", "5eth"], "needs a unit"),
        (&["stake", "bond", "-5"], "`-5` is not a number"),
        (&["stake", "bond", "1e18"], "`1e18` is not a number"),
        (
            &["token", "transfer", "-0.5", "--to", "x"],
            "`-0.5` is not a number",
        ),
        (
            &["stake", "bond", "1.0000000000000000001"],
            "digits after the point",
        ),
        (&["stake", "bond", "1", "--max-gas-price", "5"], "needs a unit"),
    ] {
        let refused = environment.lpctl(arguments).expect_code(2);
        assert!(refused.stderr.contains(says), "{arguments:?}: {refused:?}");
        let refused = environment
            .lpctl(&[arguments, &["--json"]].concat())
            .expect_code(2);
        assert_eq!(refused.error()["code"], "usage");
    }
}
