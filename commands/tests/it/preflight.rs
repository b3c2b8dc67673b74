//! The preflight rows, provoked on a real chain: text, fix and exit code, and that nothing was sent.

use alloy::primitives::Address;
use engine::{
    devnet::Parameters,
    units::{Lpt, Wei},
};
use testbed::cast;

use crate::{operator::Operator, pool::bond};

impl Operator {
    /// Has a command refused by a row: its code, a part of its text and of its fix.
    #[track_caller]
    pub fn refused(&self, command: &str, code: &str, says: &str, fix: &str) {
        let arguments: Vec<&str> = command.split(' ').chain(["-y", "--json"]).collect();
        let error = self.lpctl(&arguments).expect_code(4).error();
        let findings = error["details"]["findings"].as_array().unwrap();
        let found = findings
            .iter()
            .find(|finding| finding["code"] == code)
            .unwrap_or_else(|| panic!("{command}: no {code} in {error}"));
        assert_eq!(found["severity"], "refusal", "{command}: {found}");
        assert!(
            found["message"].as_str().unwrap().contains(says),
            "{command}: {found}"
        );
        assert!(found["fix"].as_str().unwrap().contains(fix), "{command}: {found}");
    }

    /// Has a command warned of by a row, and refused where nobody confirms it.
    #[track_caller]
    pub fn warned(&self, command: &str, code: &str, says: &str, fix: &str) {
        let arguments: Vec<&str> = command.split(' ').chain(["--dry-run", "--json"]).collect();
        let data = self.lpctl(&arguments).expect_code(0).data();
        let findings = data["plan"]["findings"].as_array().unwrap();
        let found = findings
            .iter()
            .find(|finding| finding["code"] == code)
            .unwrap_or_else(|| panic!("{command}: no {code} in {data}"));
        assert_ne!(found["severity"], "refusal", "{command}: {found}");
        assert!(
            found["message"].as_str().unwrap().contains(says),
            "{command}: {found}"
        );
        assert!(found["fix"].as_str().unwrap().contains(fix), "{command}: {found}");
        let unasked: Vec<&str> = command.split(' ').chain(["--json"]).collect();
        assert_eq!(
            self.lpctl(&unasked).expect_code(4).error()["code"],
            "confirmation_needed"
        );
    }

    #[track_caller]
    pub fn works(&self, command: &str) {
        let arguments: Vec<&str> = command.split(' ').chain(["-y", "--json"]).collect();
        self.lpctl(&arguments).expect_code(0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_row_is_provoked_with_its_text_its_fix_and_exit_code_4() {
    let operator = Operator::new().await;
    let stranger = operator.devnet.accounts.treasury.address().to_string();

    // Nothing bonded, nothing funded.
    for (command, code, says, fix) in [
        (
            "deposit fund --deposit 1000000eth",
            "insufficient_eth",
            "short for",
            "send ETH",
        ),
        (
            "stake bond 1 --max-gas-price 1wei",
            "gas_price_above_limit",
            "your limit is",
            "--max-gas-price",
        ),
        (
            "stake bond 1000000000",
            "insufficient_lpt",
            "short on",
            "send LPT",
        ),
        ("stake bond 0", "nothing_to_bond", "0 LPT", "above zero"),
        (
            "stake unbond 1",
            "not_bonded",
            "nothing bonded",
            "lpctl stake show",
        ),
        (
            "stake withdraw 0",
            "no_such_lock",
            "no lock 0",
            "lpctl stake locks",
        ),
        (
            "stake withdraw --all",
            "nothing_to_withdraw",
            "no stake",
            "lpctl stake unbond",
        ),
        ("stake rebond 3", "no_such_lock", "no lock 3", "lpctl stake locks"),
        (
            "stake claim",
            "nothing_to_claim",
            "nothing is open",
            "lpctl stake show",
        ),
        (
            "orch deactivate",
            "not_registered",
            "no orchestrator",
            "nothing to do",
        ),
        (
            "set-fees --reward-cut 10 --fee-share 40",
            "not_registered",
            "no orchestrator",
            "lpctl stake bond",
        ),
        ("reward call", "not_active", "not in the active set", "lpctl"),
        (
            "fees withdraw",
            "nothing_to_withdraw",
            "no fees",
            "lpctl fees show",
        ),
        (
            "deposit fund --deposit 0eth",
            "nothing_to_fund",
            "0 ETH",
            "above zero",
        ),
        (
            "deposit unlock",
            "no_deposit",
            "neither deposit nor reserve",
            "lpctl deposit fund",
        ),
        (
            "orch set-uri http://127.0.0.1:8935",
            "bad_service_uri",
            "https://",
            "write it like",
        ),
        (
            "orch set-uri https://127.0.0.1",
            "bad_service_uri",
            "no port",
            "write it like",
        ),
        (
            "round init",
            "round_already_initialized",
            "initialised already",
            "nothing to do",
        ),
    ] {
        operator.refused(command, code, says, fix);
    }
    operator.warned(
        "stake bond 100",
        "needs_approval",
        "may take",
        "approval of exactly",
    );
    operator.warned(
        &format!("stake bond 1 --account delegator --to {stranger}"),
        "delegate_not_registered",
        "no orchestrator",
        "lpctl orch list",
    );
    assert_eq!(operator.nonce().await, 0, "nothing was sent");

    // Bonded in this round.
    operator.works("stake bond 100");
    operator.works("stake bond 50 --to orchestrator --account delegator");
    operator.works("orch set-uri https://127.0.0.1:8935");
    for (command, code, says, fix) in [
        (
            "stake unbond 1",
            "stake_pending",
            "counts from round",
            "run it again in round",
        ),
        (
            "stake transfer 1 --to delegator",
            "stake_pending",
            "counts from round",
            "run it again",
        ),
        (
            "stake bond 1 --to delegator",
            "registered_elsewhere",
            "cannot delegate",
            "unbond everything",
        ),
        (
            "orch set-uri https://127.0.0.1:8935",
            "unchanged_service_uri",
            "already",
            "nothing to do",
        ),
    ] {
        operator.refused(command, code, says, fix);
    }
    operator.warned(
        "set-fees --reward-cut 10 --fee-share 95",
        "fee_share_looks_like_fee_cut",
        "delegators get 95",
        "--fee-share 5",
    );
    operator.warned(
        &format!("stake bond 1 --account delegator --to {stranger}"),
        "moves_all_stake",
        "moves all your stake",
        "confirm",
    );

    // Active, the reward not called.
    operator.devnet.next_round().await;
    for command in [
        "stake bond 1",
        "stake unbond 1",
        "stake claim",
        "stake transfer 1 --to delegator",
    ] {
        operator.refused(command, "reward_not_called", "gives up about", "--give-up-reward");
    }
    operator.refused(
        "stake unbond 1 --account delegator",
        "reward_not_called",
        "gives up about",
        "wait until",
    );
    let commission = "set-fees --reward-cut 10 --fee-share 40";
    operator.refused(
        commission,
        "reward_not_called",
        "commission can change after",
        "lpctl reward call",
    );

    operator.works("reward call");
    operator.works("set-fees --reward-cut 10 --fee-share 40");
    for (command, code, says, fix) in [
        (
            "reward call",
            "reward_already_called",
            "called already",
            "next round",
        ),
        (
            "stake unbond 1000",
            "more_than_bonded",
            "is bonded, rewards included",
            "--all",
        ),
        ("stake unbond 0", "nothing_to_unbond", "0 LPT", "above zero"),
        (
            "stake unbond --all",
            "resigns",
            "no orchestrator any more",
            "--resign",
        ),
        (
            "stake transfer 1 --to orchestrator",
            "bad_recipient",
            "the same",
            "another account",
        ),
        (
            "stake transfer 1 --to 0x0000000000000000000000000000000000000000",
            "bad_recipient",
            "lost",
            "another account",
        ),
    ] {
        operator.refused(command, code, says, fix);
    }
    operator.warned(
        "orch deactivate",
        "resigns",
        "delegators stop earning",
        "lpctl ticket redeem",
    );
    operator.warned(
        "set-fees --reward-cut 60 --fee-share 40",
        "big_commission_change",
        "instead of",
        "confirm",
    );
    operator.works("stake unbond 10");
    operator.refused(
        "stake withdraw 0",
        "lock_not_ready",
        "is ready in",
        "lpctl stake rebond 0",
    );
    operator.refused(
        "stake withdraw --all",
        "nothing_to_withdraw",
        "the next one",
        "run it again",
    );
    operator.refused(
        "stake rebond 0 --to delegator",
        "delegated_elsewhere",
        "your stake is with",
        "leave `--to` out",
    );

    // The end of the round, and the next one before it is opened.
    let round = operator.lpctl(&["round", "show", "--json"]).expect_code(0).data();
    operator
        .devnet
        .mine(round["blocks_until_lock"].as_u64().unwrap())
        .await;
    operator.refused(
        commission,
        "round_locked",
        "closed for the rest",
        "try again in round",
    );
    operator.devnet.enter_next_round().await;
    for command in [
        "stake bond 1",
        "stake unbond 1",
        "stake rebond 0",
        "stake withdraw 0",
        "stake claim",
        "stake transfer 1 --to delegator",
        "fees withdraw",
        "reward call",
        commission,
    ] {
        operator.refused(
            command,
            "round_not_initialized",
            "not initialised",
            "lpctl round init",
        );
    }

    // Paused by governance.
    let url = operator.devnet.rpc_url.clone();
    let controller = operator.devnet.controller.to_string();
    let owner = operator.devnet.accounts.deployer.address().to_string();
    tokio::task::spawn_blocking(move || {
        cast(&[
            "send",
            "--rpc-url",
            &url,
            "--unlocked",
            "--from",
            &owner,
            &controller,
            "pause()",
        ])
    })
    .await
    .unwrap();
    for command in ["stake bond 1", "stake withdraw 0", "deposit fund --deposit 1gwei"] {
        operator.refused(command, "protocol_paused", "paused by governance", "wait");
    }
    // LPT itself is nobody's to pause.
    operator.works("token transfer 1 --to delegator");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_pool_tells_of_the_gap_the_margin_and_the_last_place() {
    let parameters = Parameters {
        active_orchestrators: 2,
        ..Parameters::with_round_length(20)
    };
    let operator = Operator::on(testbed::devnet_with(parameters).await);
    for (account, stake) in [(1, 100), (2, 200)] {
        bond(&operator.devnet, Address::repeat_byte(account), Lpt::whole(stake)).await;
    }
    operator.warned(
        "stake bond 60",
        "outside_the_pool",
        "60 LPT is not enough for one of the 2 places: it takes more than 100 LPT",
        "40 LPT and a margin",
    );
    // As much is not more.
    operator.warned("stake bond 100", "outside_the_pool", "more than 100 LPT", "0 LPT");
    operator.warned(
        "stake bond 103",
        "near_the_cut_off",
        "all 2 places are taken",
        "margin",
    );
    operator.works("stake bond 150");
    operator.devnet.next_round().await;
    let unbond = "stake unbond 45 --give-up-reward";
    operator.warned(
        unbond,
        "last_of_the_pool",
        "you keep a place with 105 LPT",
        "may be lost",
    );
    operator.works(unbond);
    // Stake that stays with the same orchestrator takes nothing from its place.
    let give = |to: &str| ["stake", "transfer", "1", "--to", to, "--dry-run", "--json"].map(str::to_string);
    for (to, is_told) in [
        ("delegator", false),
        ("0x0202020202020202020202020202020202020202", true),
    ] {
        let give = give(to);
        let plan = operator.lpctl(&give.each_ref().map(String::as_str));
        assert_eq!(
            plan.stdout.contains("last_of_the_pool"),
            is_told,
            "{}",
            plan.stdout
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_settles_tells_of_tickets_and_a_reward_of_its_cost() {
    let operator = Operator::new().await;
    operator.active().await;
    operator.warned(
        "reward call --lpt-per-eth 1000000000",
        "reward_costs_more",
        "is worth",
        "lpctl reward watch",
    );
    let dear = [
        "reward",
        "call",
        "--lpt-per-eth",
        "0.000001",
        "--dry-run",
        "--json",
    ];
    let plan = operator.lpctl(&dear).expect_code(0).data();
    assert!(!plan.to_string().contains("reward_costs_more"), "{plan}");
    // Fees from a redeemed ticket, so that there are some to withdraw, and another ticket that waits.
    operator.gateway_deposits(Wei::ether(5)).await;
    let ready = operator.winning_ticket(1, Wei::ether(1), 0).await;
    operator.works("reward call");
    assert!(operator.books().keep_winner(ready.clone()).await.unwrap());
    operator.works("ticket redeem --all");
    operator.devnet.next_round().await;
    operator.works("reward call");
    let waits = operator
        .winning_ticket(2, Wei::ether(1), u64::from(u32::MAX))
        .await;
    assert!(operator.books().keep_winner(waits).await.unwrap());
    for command in [
        "stake bond 1",
        "stake unbond 1",
        "stake claim",
        "stake transfer 1 --to delegator",
        "fees withdraw",
    ] {
        operator.warned(
            command,
            "tickets_wait",
            "1 winning ticket of 1 ETH is not redeemed yet",
            "lpctl ticket list",
        );
    }
    operator.warned(
        "orch deactivate",
        "tickets_wait",
        "is lost",
        "withdraw in the next round",
    );
}
