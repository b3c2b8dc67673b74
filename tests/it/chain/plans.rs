//! Plans that succeed: what was foretold is what the chain says afterwards.

use alloy::primitives::Address;
use engine::{
    chain::{Activation, PlanOptions, SubmitEvent, SubmitOptions},
    devnet::Parameters,
    units::{Lpt, Round},
    view::transaction::{PlanSummary, Severity, TransactionReport},
};

use super::{
    activate, activation, bond, call, change, connect, nonce, options, percent, protocol, reward, submit,
    submit_observed,
};

/// Every figure the plan foretold, against what was read back.
fn assert_foretold(plan: &PlanSummary, report: &TransactionReport) {
    assert!(report.sent);
    assert!(!report.changes.is_empty());
    for (planned, done) in plan.changes.iter().zip(&report.changes) {
        assert_eq!(
            (planned.key, &planned.before, &planned.after),
            (done.key, &done.before, &done.after)
        );
    }
    let names = |steps: Vec<&str>| steps.join(", ");
    assert_eq!(
        names(plan.steps.iter().map(|step| step.name.as_str()).collect()),
        names(
            report
                .transactions
                .iter()
                .map(|step| step.name.as_str())
                .collect()
        )
    );
    for (step, mined) in plan.steps.iter().zip(&report.transactions) {
        assert!(
            mined.gas_used <= step.gas_limit,
            "{} took {} of {}",
            step.name,
            mined.gas_used,
            step.gas_limit
        );
    }
    assert!(
        report.cost_wei <= plan.max_cost_wei,
        "{} of {}",
        report.cost_wei,
        plan.max_cost_wei
    );
}

#[tokio::test]
async fn bonding_to_oneself_approves_and_registers() {
    let devnet = testbed::devnet().await;
    let chain = connect(&devnet).await;
    let me = &devnet.accounts.orchestrator;
    let plan = chain
        .plan_bond(me.address(), Lpt::whole(100), me.address(), options())
        .await
        .unwrap();
    let summary = plan.summary().clone();
    assert!(
        summary.title.starts_with("bond 100 LPT to yourself (0x"),
        "{}",
        summary.title
    );
    assert_eq!(summary.findings.len(), 1, "{:?}", summary.findings);
    assert_eq!(
        (summary.findings[0].code, summary.findings[0].severity),
        ("needs_approval", Severity::Note)
    );
    assert_eq!(nonce(&devnet, me.address()).await, 0, "a plan sends nothing");

    let mut events = Vec::new();
    let report = submit_observed(&chain, plan, me, SubmitOptions::default(), |event| {
        events.push(event);
        Ok(())
    })
    .await
    .unwrap();
    assert_foretold(&summary, &report);
    assert_eq!(change(&report, "stake_lpt"), ("0", "100"));
    assert_eq!(change(&report, "rank"), ("none", "1"));
    assert_eq!(nonce(&devnet, me.address()).await, 2);

    // Hash and bytes are known before they are sent, in order, for both steps.
    assert_eq!(events.len(), 6);
    for (place, mined) in report.transactions.iter().enumerate() {
        let [
            SubmitEvent::Signed { hash, raw, nonce, .. },
            SubmitEvent::Sent { hash: sent, .. },
            SubmitEvent::Mined(done),
        ] = &events[place * 3..place * 3 + 3]
        else {
            panic!("{events:?}");
        };
        assert_eq!((hash, sent, &done.hash), (&mined.hash, &mined.hash, &mined.hash));
        assert_eq!(alloy::primitives::keccak256(raw), *hash);
        assert_eq!(*nonce, place as u64);
    }

    let stake = call(
        &devnet,
        devnet.contracts.bonding_manager,
        protocol::getDelegatorCall {
            delegator: me.address(),
        },
    )
    .await;
    assert_eq!(Lpt(stake.bondedAmount), Lpt::whole(100));
    // The approval was exact: nothing is left of it.
    assert_eq!(
        chain.balances(me.address()).await.unwrap().approved_lpt,
        Lpt::ZERO
    );
}

#[tokio::test]
async fn an_activation_makes_a_working_orchestrator_of_an_account() {
    let devnet = testbed::devnet().await;
    let chain = connect(&devnet).await;
    let me = &devnet.accounts.orchestrator;
    let plan = chain
        .plan_activate(me.address(), activation(500), options())
        .await
        .unwrap();
    let summary = plan.summary().clone();
    let report = submit(&chain, plan, me).await.unwrap();
    assert_foretold(&summary, &report);
    let names: Vec<_> = report
        .transactions
        .iter()
        .map(|step| step.name.as_str())
        .collect();
    assert_eq!(names, ["approve", "bond", "set commission", "publish address"]);

    let manager = devnet.contracts.bonding_manager;
    let facts = call(
        &devnet,
        manager,
        protocol::getTranscoderCall {
            transcoder: me.address(),
        },
    )
    .await;
    assert_eq!(
        (facts.rewardCut.to::<u64>(), facts.feeShare.to::<u64>()),
        (100_000, 400_000)
    );
    let uri = call(
        &devnet,
        devnet.contracts.service_registry,
        protocol::getServiceURICall {
            account: me.address(),
        },
    )
    .await;
    assert_eq!(uri, "https://127.0.0.1:8935");
    let round = devnet.next_round().await;
    assert!(
        call(
            &devnet,
            manager,
            protocol::isActiveTranscoderCall {
                transcoder: me.address()
            }
        )
        .await
    );
    let shown = chain.orchestrator(me.address()).await.unwrap().orchestrator;
    assert!(shown.active);
    assert_eq!(shown.activation_round, Some(Round(round)));

    // What is so already is not sent again.
    reward(&chain, me).await;
    let again = Activation {
        amount: None,
        ..activation(0)
    };
    let plan = chain.plan_activate(me.address(), again, options()).await.unwrap();
    assert!(plan.is_empty(), "{:?}", plan.summary().steps);
    let report = submit(&chain, plan, me).await.unwrap();
    assert!(!report.sent && report.transactions.is_empty());
}

#[tokio::test]
async fn reward_mints_and_commission_follows() {
    let devnet = testbed::devnet().await;
    let chain = connect(&devnet).await;
    let me = &devnet.accounts.orchestrator;
    activate(&chain, me, 500).await;
    devnet.next_round().await;

    let plan = chain.plan_reward(me.address(), options()).await.unwrap();
    let summary = plan.summary().clone();
    let report = submit(&chain, plan, me).await.unwrap();
    assert_foretold(&summary, &report);
    assert_eq!(change(&report, "reward"), ("not called", "called"));

    let plan = chain
        .plan_commission(me.address(), percent("12.5"), percent("40"), options())
        .await
        .unwrap();
    let summary = plan.summary().clone();
    let report = submit(&chain, plan, me).await.unwrap();
    assert_foretold(&summary, &report);
    assert_eq!(change(&report, "reward_cut_percent"), ("10", "12.5"));
}

#[tokio::test]
async fn anybody_can_open_a_round() {
    let devnet = testbed::devnet().await;
    let chain = connect(&devnet).await;
    let me = &devnet.accounts.gateway;
    let round = devnet.enter_next_round().await;
    let plan = chain
        .plan_initialize_round(me.address(), options())
        .await
        .unwrap();
    let summary = plan.summary().clone();
    let report = submit(&chain, plan, me).await.unwrap();
    assert_foretold(&summary, &report);
    let expected = ((round - 1).to_string(), round.to_string());
    assert_eq!(
        change(&report, "last_initialized_round"),
        (expected.0.as_str(), expected.1.as_str())
    );
    assert!(chain.round().await.unwrap().round.initialized);
}

#[tokio::test]
async fn publishing_an_address_is_a_step_of_its_own() {
    let devnet = testbed::devnet().await;
    let chain = connect(&devnet).await;
    let me = &devnet.accounts.orchestrator;
    let plan = chain
        .plan_set_service_uri(me.address(), "https://o1.example.org:8935", options())
        .await
        .unwrap();
    let summary = plan.summary().clone();
    let report = submit(&chain, plan, me).await.unwrap();
    assert_foretold(&summary, &report);
    assert_eq!(
        change(&report, "service_uri"),
        ("none", "https://o1.example.org:8935")
    );
}

#[tokio::test]
async fn a_switch_moves_all_stake_and_both_orchestrators() {
    let devnet = testbed::devnet().await;
    let chain = connect(&devnet).await;
    let (first, second) = (
        &devnet.accounts.orchestrator,
        &devnet.accounts.second_orchestrator,
    );
    let me = &devnet.accounts.delegator;
    activate(&chain, first, 100).await;
    activate(&chain, second, 90).await;
    bond(&chain, me, 30, first.address()).await;

    // Moving needs no new LPT.
    let plan = chain
        .plan_bond(me.address(), Lpt::ZERO, second.address(), options())
        .await
        .unwrap();
    let summary = plan.summary().clone();
    assert!(
        summary
            .findings
            .iter()
            .any(|finding| finding.code == "moves_all_stake"),
        "{:?}",
        summary.findings
    );
    let report = submit(&chain, plan, me).await.unwrap();
    assert_foretold(&summary, &report);
    let pool = chain.pool().await.unwrap();
    assert_eq!(
        pool.members,
        [
            (second.address(), Lpt::whole(120)),
            (first.address(), Lpt::whole(100))
        ]
    );
}

/// A place foretold is the place taken, for a newcomer, a riser and someone pushing the last one out; and a good hint
/// costs less than none, which shows that the contract took it.
#[tokio::test]
async fn hints_lead_to_the_place_they_name() {
    let parameters = Parameters {
        active_orchestrators: 4,
        ..Parameters::with_round_length(100)
    };
    let devnet = testbed::devnet_with(parameters).await;
    let chain = connect(&devnet).await;
    let accounts = &devnet.accounts;
    let bonds = [
        (&accounts.orchestrator, 50),
        (&accounts.second_orchestrator, 30),
        (&accounts.gateway, 40),
        (&accounts.delegator, 20),
        (&accounts.second_orchestrator, 15),
        // The pool is full: pushes the last one out.
        (&accounts.treasury, 42),
    ];
    for (signer, lpt) in bonds {
        let before = chain.pool().await.unwrap();
        let stake = chain.stake(signer.address()).await.unwrap().stake.stake_lpt;
        let (_, foretold) = before.place(signer.address(), stake.saturating_add(Lpt::whole(lpt)));
        bond(&chain, signer, lpt, signer.address()).await;
        assert_eq!(chain.pool().await.unwrap(), foretold);
    }
    let order: Vec<Address> = chain
        .pool()
        .await
        .unwrap()
        .members
        .iter()
        .map(|one| one.0)
        .collect();
    let expected = [
        &accounts.orchestrator,
        &accounts.second_orchestrator,
        &accounts.treasury,
        &accounts.gateway,
    ];
    assert_eq!(order, expected.map(|signer| signer.address()));

    // The last one rises to the third place.
    let amount = Lpt::whole(3);
    let riser = accounts.gateway.address();
    let (hint, _) = chain.pool().await.unwrap().place(riser, Lpt::whole(43));
    assert_eq!(
        (hint.previous, hint.next),
        (
            accounts.second_orchestrator.address(),
            accounts.treasury.address()
        )
    );
    let approve = protocol_approve(&devnet, riser, amount).await;
    assert!(approve);
    let gas = |previous: Address, next: Address| {
        let devnet = &devnet;
        async move {
            use alloy::{network::TransactionBuilder, providers::Provider, sol_types::SolCall};
            let call = hinted::bondWithHintCall {
                amount: amount.0,
                to: riser,
                oldPrev: Address::ZERO,
                oldNext: Address::ZERO,
                prev: previous,
                next,
            };
            let request = alloy::rpc::types::TransactionRequest::default()
                .with_from(riser)
                .with_to(devnet.contracts.bonding_manager)
                .with_input(call.abi_encode());
            devnet.provider().estimate_gas(request).await.unwrap()
        }
    };
    let (with, without) = (
        gas(hint.previous, hint.next).await,
        gas(Address::ZERO, Address::ZERO).await,
    );
    assert!(with < without, "{with} gas with the hint, {without} without");
}

mod hinted {
    #![allow(missing_docs)]
    alloy::sol! {
        function bondWithHint(uint256 amount, address to, address oldPrev, address oldNext, address prev, address next) external;
        function approve(address spender, uint256 amount) external returns (bool);
    }
}

async fn protocol_approve(devnet: &testbed::Devnet, from: Address, amount: Lpt) -> bool {
    let call = hinted::approveCall {
        spender: devnet.contracts.bonding_manager,
        amount: amount.0,
    };
    super::send(devnet, from, devnet.contracts.token, call).await;
    true
}

#[tokio::test]
async fn giving_up_a_reward_takes_saying_so() {
    let devnet = testbed::devnet().await;
    let chain = connect(&devnet).await;
    let me = &devnet.accounts.orchestrator;
    activate(&chain, me, 500).await;
    devnet.next_round().await;
    let plan = chain
        .plan_bond(me.address(), Lpt::whole(1), me.address(), options())
        .await
        .unwrap();
    let refusal = &plan.refusals()[0];
    assert_eq!(
        (refusal.code, refusal.waived_by),
        ("reward_not_called", Some("--give-up-reward"))
    );
    let waived = PlanOptions {
        give_up_reward: true,
        ..options()
    };
    let plan = chain
        .plan_bond(me.address(), Lpt::whole(1), me.address(), waived)
        .await
        .unwrap();
    assert!(plan.refusals().is_empty());
    assert_eq!(plan.summary().findings[0].severity, Severity::Warning);
    let report = submit(&chain, plan, me).await.unwrap();
    assert_eq!(change(&report, "stake_lpt"), ("500", "501"));
}

#[tokio::test]
async fn a_dry_run_is_the_plan_and_sends_nothing() {
    let devnet = testbed::devnet().await;
    let chain = connect(&devnet).await;
    let me = &devnet.accounts.orchestrator;
    let plan = chain
        .plan_activate(me.address(), activation(5), options())
        .await
        .unwrap();
    let report = engine::chain::Chain::dry_run(&plan);
    assert!(!report.sent && report.transactions.is_empty());
    assert_eq!(report.plan.as_ref(), Some(plan.summary()));
    assert_eq!(nonce(&devnet, me.address()).await, 0);
}
