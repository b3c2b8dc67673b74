//! Everything an operator can run into: refused, explained, nothing sent.

use alloy::primitives::Address;
use engine::{
    chain::{Activation, Chain, Class, Plan, PlanOptions, SubmitError},
    units::{Lpt, Wei},
};
use testbed::Devnet;

use super::{
    activate, activation, bond, codes, connect, nonce, options, percent, protocol, reward, send, stranger,
    submit,
};
use alloy::signers::local::PrivateKeySigner;

/// Submitting it is refused for this reason and the account's nonce stays what it was.
async fn assert_refused(devnet: &Devnet, chain: &Chain, plan: Plan, signer: &PrivateKeySigner, code: &str) {
    assert!(
        codes(&plan).contains(&code),
        "{code} is missing in {:?}",
        plan.summary().findings
    );
    let before = nonce(devnet, signer.address()).await;
    let error = submit(chain, plan, signer).await.unwrap_err();
    assert_eq!(error.class(), Class::Refused, "{error}");
    let SubmitError::Refused(findings) = &error else {
        panic!("{error}");
    };
    assert!(findings.iter().all(|finding| !finding.fix.is_empty()));
    assert!(!error.hint().is_empty());
    assert_eq!(
        nonce(devnet, signer.address()).await,
        before,
        "something was sent"
    );
}

#[tokio::test]
async fn more_lpt_than_there_are() {
    let devnet = testbed::devnet().await;
    let chain = connect(&devnet).await;
    let me = &devnet.accounts.orchestrator;
    let plan = chain
        .plan_bond(me.address(), Lpt::whole(1_000_000_000), me.address(), options())
        .await
        .unwrap();
    let finding = plan.refusals().remove(0);
    let wallet = chain.balances(me.address()).await.unwrap().wallet_lpt;
    let short = Lpt::whole(1_000_000_000).saturating_sub(wallet);
    assert!(finding.message.contains(&short.human()), "{}", finding.message);
    assert_refused(&devnet, &chain, plan, me, "insufficient_lpt").await;
}

#[tokio::test]
async fn all_that_is_wrong_is_said_at_once() {
    let devnet = testbed::devnet().await;
    let chain = connect(&devnet).await;
    let me = stranger();
    devnet.enter_next_round().await;
    let options = PlanOptions {
        max_gas_price: Some(Wei(alloy::primitives::U256::from(1))),
        ..options()
    };
    let plan = chain
        .plan_bond(me.address(), Lpt::whole(5), me.address(), options)
        .await
        .unwrap();
    let mut codes = codes(&plan);
    codes.sort_unstable();
    assert_eq!(
        codes,
        [
            "gas_price_above_limit",
            "insufficient_eth",
            "insufficient_lpt",
            "round_not_initialized"
        ]
    );
    let severities: Vec<_> = plan
        .summary()
        .findings
        .iter()
        .map(|finding| finding.severity)
        .collect();
    assert!(
        severities.is_sorted_by(|left, right| left >= right),
        "worst first: {severities:?}"
    );
}

#[tokio::test]
async fn no_eth_for_gas() {
    let devnet = testbed::devnet().await;
    let chain = connect(&devnet).await;
    let me = stranger();
    devnet
        .chain()
        .fund_lpt(me.address(), Lpt::whole(10))
        .await
        .unwrap();
    let plan = chain
        .plan_bond(me.address(), Lpt::whole(5), me.address(), options())
        .await
        .unwrap();
    assert_eq!(codes(&plan), ["insufficient_eth"]);
    assert_refused(&devnet, &chain, plan, &me, "insufficient_eth").await;
}

#[tokio::test]
async fn an_unopened_round_stops_stake_but_not_a_published_address() {
    let devnet = testbed::devnet().await;
    let chain = connect(&devnet).await;
    let me = &devnet.accounts.orchestrator;
    devnet.enter_next_round().await;
    let plan = chain
        .plan_bond(me.address(), Lpt::whole(5), me.address(), options())
        .await
        .unwrap();
    assert_refused(&devnet, &chain, plan, me, "round_not_initialized").await;
    let plan = chain
        .plan_set_service_uri(me.address(), "https://127.0.0.1:8935", options())
        .await
        .unwrap();
    submit(&chain, plan, me).await.unwrap();
}

#[tokio::test]
async fn a_locked_round_closes_commission() {
    let devnet = testbed::devnet().await;
    let chain = connect(&devnet).await;
    let me = &devnet.accounts.orchestrator;
    bond(&chain, me, 100, me.address()).await;
    devnet
        .mine(chain.round().await.unwrap().round.blocks_until_lock)
        .await;
    let plan = chain
        .plan_commission(me.address(), percent("10"), percent("40"), options())
        .await
        .unwrap();
    let finding = plan.refusals().remove(0);
    assert!(finding.message.contains("2 blocks"), "{}", finding.message);
    assert_refused(&devnet, &chain, plan, me, "round_locked").await;
    let other = &devnet.accounts.second_orchestrator;
    let plan = chain
        .plan_activate(other.address(), activation(10), options())
        .await
        .unwrap();
    assert_refused(&devnet, &chain, plan, other, "round_locked").await;
}

#[tokio::test]
async fn commission_waits_for_the_reward() {
    let devnet = testbed::devnet().await;
    let chain = connect(&devnet).await;
    let me = &devnet.accounts.orchestrator;
    activate(&chain, me, 100).await;
    devnet.next_round().await;
    let plan = chain
        .plan_commission(me.address(), percent("11"), percent("40"), options())
        .await
        .unwrap();
    assert_eq!(codes(&plan), ["reward_not_called"]);
    assert_refused(&devnet, &chain, plan, me, "reward_not_called").await;
}

#[tokio::test]
async fn commission_needs_stake_of_ones_own() {
    let devnet = testbed::devnet().await;
    let chain = connect(&devnet).await;
    let me = &devnet.accounts.orchestrator;
    let plan = chain
        .plan_commission(me.address(), percent("11"), percent("40"), options())
        .await
        .unwrap();
    assert_refused(&devnet, &chain, plan, me, "not_registered").await;
    let nothing = Activation {
        amount: None,
        ..activation(0)
    };
    let plan = chain
        .plan_activate(me.address(), nothing, options())
        .await
        .unwrap();
    assert_refused(&devnet, &chain, plan, me, "not_registered").await;
}

#[tokio::test]
async fn reward_is_for_active_orchestrators_once_a_round() {
    let devnet = testbed::devnet().await;
    let chain = connect(&devnet).await;
    let me = &devnet.accounts.orchestrator;
    activate(&chain, me, 100).await;
    let plan = chain.plan_reward(me.address(), options()).await.unwrap();
    assert!(
        plan.refusals()[0].fix.contains("active from round"),
        "{:?}",
        plan.refusals()
    );
    assert_refused(&devnet, &chain, plan, me, "not_active").await;
    devnet.next_round().await;
    reward(&chain, me).await;
    let plan = chain.plan_reward(me.address(), options()).await.unwrap();
    assert_refused(&devnet, &chain, plan, me, "reward_already_called").await;
}

#[tokio::test]
async fn a_round_is_opened_once() {
    let devnet = testbed::devnet().await;
    let chain = connect(&devnet).await;
    let me = &devnet.accounts.gateway;
    let plan = chain
        .plan_initialize_round(me.address(), options())
        .await
        .unwrap();
    assert_refused(&devnet, &chain, plan, me, "round_already_initialized").await;
}

#[tokio::test]
async fn an_orchestrator_delegates_to_itself_only() {
    let devnet = testbed::devnet().await;
    let chain = connect(&devnet).await;
    let (me, other) = (
        &devnet.accounts.orchestrator,
        &devnet.accounts.second_orchestrator,
    );
    activate(&chain, me, 100).await;
    activate(&chain, other, 100).await;
    let plan = chain
        .plan_bond(me.address(), Lpt::whole(1), other.address(), options())
        .await
        .unwrap();
    assert_refused(&devnet, &chain, plan, me, "registered_elsewhere").await;
}

#[tokio::test]
async fn a_delegator_is_told_whose_reward_it_would_give_up() {
    let devnet = testbed::devnet().await;
    let chain = connect(&devnet).await;
    let (orchestrator, me) = (&devnet.accounts.orchestrator, &devnet.accounts.delegator);
    activate(&chain, orchestrator, 100).await;
    bond(&chain, me, 100, orchestrator.address()).await;
    devnet.next_round().await;
    let plan = chain
        .plan_bond(me.address(), Lpt::whole(1), orchestrator.address(), options())
        .await
        .unwrap();
    let finding = plan.refusals().remove(0);
    // Half of what delegators get: 90 % of the reward is shared, half of the stake is ours.
    let reward = chain
        .reward_status(orchestrator.address())
        .await
        .unwrap()
        .expected_reward_lpt;
    let lost = Lpt(reward.0 * alloy::primitives::U256::from(9) / alloy::primitives::U256::from(20));
    assert!(
        finding.message.contains(&lost.human()),
        "{} should name {}",
        finding.message,
        lost.human()
    );
    assert_refused(&devnet, &chain, plan, me, "reward_not_called").await;
    reward_then_bond(&chain, orchestrator, me).await;
}

async fn reward_then_bond(chain: &Chain, orchestrator: &PrivateKeySigner, me: &PrivateKeySigner) {
    reward(chain, orchestrator).await;
    bond(chain, me, 1, orchestrator.address()).await;
}

#[tokio::test]
async fn a_paused_protocol_takes_nothing() {
    let devnet = testbed::devnet().await;
    let chain = connect(&devnet).await;
    send(
        &devnet,
        devnet.accounts.deployer.address(),
        devnet.controller,
        protocol::pauseCall {},
    )
    .await;
    let me = &devnet.accounts.orchestrator;
    let plan = chain
        .plan_bond(me.address(), Lpt::whole(1), me.address(), options())
        .await
        .unwrap();
    assert_refused(&devnet, &chain, plan, me, "protocol_paused").await;
    assert!(chain.status(me.address()).await.unwrap().paused);
}

#[tokio::test]
async fn nothing_is_nothing_to_bond() {
    let devnet = testbed::devnet().await;
    let chain = connect(&devnet).await;
    let me = &devnet.accounts.orchestrator;
    let plan = chain
        .plan_bond(me.address(), Lpt::ZERO, me.address(), options())
        .await
        .unwrap();
    assert_refused(&devnet, &chain, plan, me, "nothing_to_bond").await;
}

#[tokio::test]
async fn an_address_no_gateway_could_use() {
    let devnet = testbed::devnet().await;
    let chain = connect(&devnet).await;
    let me = &devnet.accounts.orchestrator;
    for uri in [
        "http://o1.example.org:8935",
        "o1.example.org:8935",
        "https://o1.example.org",
        "https://0.0.0.0:8935",
    ] {
        let plan = chain
            .plan_set_service_uri(me.address(), uri, options())
            .await
            .unwrap();
        assert_refused(&devnet, &chain, plan, me, "bad_service_uri").await;
    }
    let uri = "https://127.0.0.1:8935";
    let plan = chain
        .plan_set_service_uri(me.address(), uri, options())
        .await
        .unwrap();
    submit(&chain, plan, me).await.unwrap();
    let plan = chain
        .plan_set_service_uri(me.address(), uri, options())
        .await
        .unwrap();
    assert_refused(&devnet, &chain, plan, me, "unchanged_service_uri").await;
}

#[tokio::test]
async fn another_accounts_key() {
    let devnet = testbed::devnet().await;
    let chain = connect(&devnet).await;
    let me = devnet.accounts.orchestrator.address();
    let plan = chain.plan_bond(me, Lpt::whole(1), me, options()).await.unwrap();
    let error = submit(&chain, plan, &devnet.accounts.gateway).await.unwrap_err();
    assert_eq!((error.class(), error.code()), (Class::Refused, "wrong_signer"));
    assert_eq!(nonce(&devnet, me).await, 0);
    assert_eq!(nonce(&devnet, devnet.accounts.gateway.address()).await, 0);
}

#[tokio::test]
async fn a_delegate_that_brings_nothing_is_warned_of() {
    let devnet = testbed::devnet().await;
    let chain = connect(&devnet).await;
    let me = devnet.accounts.delegator.address();
    let plan = chain
        .plan_bond(me, Lpt::whole(1), Address::repeat_byte(5), options())
        .await
        .unwrap();
    let codes: Vec<_> = plan
        .summary()
        .findings
        .iter()
        .map(|finding| finding.code)
        .collect();
    assert!(codes.contains(&"delegate_not_registered"), "{codes:?}");
    assert!(
        plan.refusals().is_empty(),
        "the operator decides: {:?}",
        plan.refusals()
    );
}

/// Between plan and sending the world goes on: what was fine then is refused now.
#[tokio::test]
async fn a_plan_that_grew_stale_is_checked_again() {
    let devnet = testbed::devnet().await;
    let chain = connect(&devnet).await;
    let me = &devnet.accounts.orchestrator;
    let plan = chain
        .plan_bond(me.address(), Lpt::whole(5), me.address(), options())
        .await
        .unwrap();
    assert!(plan.refusals().is_empty());
    devnet.enter_next_round().await;
    let error = submit(&chain, plan, me).await.unwrap_err();
    assert_eq!(
        (error.class(), error.code()),
        (Class::Refused, "round_not_initialized")
    );
    assert_eq!(nonce(&devnet, me.address()).await, 0);
}
