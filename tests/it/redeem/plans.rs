//! Plans that redeem: what they refuse, what they pay, how it is found again.

use alloy::{
    consensus::Transaction as _,
    providers::{Provider as _, ext::AnvilApi as _},
    rpc::types::TransactionRequest,
};
use engine::{
    chain::{Plan, PlanOptions, RedeemRevert, SubmitOptions},
    payments::WinningTicket,
    units::Wei,
    view::transaction::{Severity, TransactionReport},
};

use super::{Scene, finney, protocol};

impl Scene {
    async fn plan(&self, tickets: &[WinningTicket]) -> Plan {
        let from = self.recipient.address();
        self.chain
            .plan_redeem(from, tickets.to_vec(), PlanOptions::default())
            .await
            .unwrap()
    }

    async fn submit(&self, plan: Plan) -> TransactionReport {
        self.outbox.submit(plan, SubmitOptions::default()).await.unwrap()
    }

    async fn refusals(&self, ticket: &WinningTicket) -> Vec<&'static str> {
        let plan = self.plan(std::slice::from_ref(ticket)).await;
        plan.refusals().iter().map(|finding| finding.code).collect()
    }
}

#[tokio::test]
async fn a_batch_pays_every_ticket_although_the_estimate_would_not_do() {
    let mut scene = Scene::with_rounds(60).await;
    scene.fund(Wei::ether(10), Wei::ether(1)).await;
    let mut tickets = Vec::new();
    for value in 1..=8 {
        tickets.push(scene.win(finney(100 * value), 0).await);
    }
    let from_block = scene.block().await;
    let before = scene.fees().await;
    let provider = scene.devnet.provider();
    let snapshot = provider.anvil_snapshot().await.unwrap();
    let plan = scene.plan(&tickets).await;
    let report = scene.submit(plan).await;
    let sent = provider
        .get_transaction_by_hash(report.transactions[0].hash)
        .await
        .unwrap()
        .unwrap();

    // What an endpoint estimates for the same call pays only some: what fails inside of a batch does not fail the batch.
    assert!(provider.anvil_revert(snapshot).await.unwrap());
    let snapshot = provider.anvil_snapshot().await.unwrap();
    let call = TransactionRequest::default()
        .to(scene.devnet.contracts.ticket_broker)
        .from(scene.recipient.address())
        .input(sent.input().clone().into());
    let estimate = provider.estimate_gas(call.clone()).await.unwrap();
    assert!(estimate < sent.gas_limit(), "{estimate}");
    let with_estimate = provider.send_transaction(call.gas_limit(estimate)).await.unwrap();
    assert!(with_estimate.get_receipt().await.unwrap().status());
    let hashes: Vec<_> = tickets.iter().map(|won| won.ticket.hash()).collect();
    let (_, used) = scene.chain.used_tickets(&hashes).await.unwrap();
    assert!(used.contains(&false), "the estimate does: {used:?}");
    assert!(provider.anvil_revert(snapshot).await.unwrap());

    let plan = scene.plan(&tickets).await;
    assert!(plan.refusals().is_empty(), "{:?}", plan.summary().findings);
    let report = scene.submit(plan).await;
    assert_eq!(report.transactions.len(), 1);

    let found = scene.chain.redemptions(&tickets, from_block).await.unwrap();
    for (won, found) in tickets.iter().zip(found) {
        let found = found.unwrap();
        assert_eq!(found.paid, won.ticket.face_value);
        assert_eq!(
            (found.transaction, found.block),
            (report.transactions[0].hash, report.transactions[0].block)
        );
        assert!(scene.is_used(won).await);
    }
    // The orchestrator keeps its part, and all of what its delegators get: it has none but itself.
    assert_eq!(scene.fees().await.saturating_sub(before), finney(3_600));
    // Once.
    assert_eq!(scene.refusals(&tickets[0]).await, ["ticket_used"]);
    assert_eq!(scene.chain.used_tickets(&hashes).await.unwrap().1, [true; 8]);
}

#[tokio::test]
async fn a_ticket_is_refused_before_its_time_and_after_it() {
    let mut scene = Scene::with_rounds(30).await;
    scene.fund(Wei::ether(10), Wei::ether(1)).await;
    let block = scene.block().await;
    let won = scene.win(finney(500), block + 5).await;
    assert_eq!(scene.refusals(&won).await, ["parameters_live"]);
    scene.devnet.mine(5).await;
    assert!(scene.refusals(&won).await.is_empty());
    // In the next round, as long as nobody has opened it, nothing is redeemed.
    scene.devnet.enter_next_round().await;
    assert_eq!(scene.refusals(&won).await, ["round_not_initialized"]);
    scene.devnet.chain().initialize_round().await.unwrap();
    assert!(scene.refusals(&won).await.is_empty());
    scene.devnet.next_round().await;
    assert_eq!(scene.refusals(&won).await, ["ticket_expired"]);
    let outlook = scene
        .chain
        .ticket_outlook(scene.recipient.address(), &[won])
        .await
        .unwrap();
    assert_eq!(outlook.tickets[0].attempt, Err(RedeemRevert::Expired));
}

#[tokio::test]
async fn a_short_sender_is_warned_of_and_an_empty_one_refused() {
    let mut scene = Scene::with_rounds(60).await;
    let won = scene.win(finney(900), 0).await;
    // Neither deposit nor reserve.
    assert_eq!(scene.refusals(&won).await, ["sender_short"]);
    scene.fund(finney(300), finney(200)).await;
    let plan = scene.plan(std::slice::from_ref(&won)).await;
    assert!(plan.refusals().is_empty(), "{:?}", plan.summary().findings);
    let warnings = plan.summary().findings.iter();
    assert!(warnings.into_iter().any(|finding| {
        finding.code == "sender_short"
            && finding.severity == Severity::Warning
            && finding.message.contains("0.5 ETH")
    }));
    let from_block = scene.block().await;
    scene.submit(plan).await;
    let found = scene
        .chain
        .redemptions(std::slice::from_ref(&won), from_block)
        .await
        .unwrap();
    assert_eq!(found[0].unwrap().paid, finney(500));
}

#[tokio::test]
async fn funds_that_are_unlocked_pay_nothing_until_the_sender_locks_them_again() {
    let mut scene = Scene::with_rounds(30).await;
    scene.fund(Wei::ether(10), Wei::ether(1)).await;
    scene.as_gateway(protocol::unlockCall {}, Wei::ZERO).await;
    scene.devnet.next_round().await;
    let won = scene.win(finney(500), 0).await;
    assert!(scene.refusals(&won).await.is_empty());
    scene.devnet.next_round().await;
    assert_eq!(scene.refusals(&won).await, ["sender_unlocked"]);
    scene.fund(finney(1), Wei::ZERO).await;
    assert!(scene.refusals(&won).await.is_empty());
}

#[tokio::test]
async fn tickets_the_contract_would_not_take_or_that_cost_more_than_they_bring_are_refused() {
    let mut scene = Scene::with_rounds(60).await;
    scene.fund(Wei::ether(10), Wei::ether(1)).await;
    let mut forged = scene.win(finney(100), 0).await;
    forged.ticket.face_value = finney(5_000);
    assert_eq!(scene.refusals(&forged).await, ["ticket_invalid"]);
    let tiny = scene.win(Wei::gwei(1), 0).await;
    assert_eq!(scene.refusals(&tiny).await, ["not_worth_it"]);
    // Paid to an account that is no orchestrator.
    let mut astray = scene.win(finney(100), 0).await;
    astray.ticket.recipient = scene.gateway.address();
    let signature =
        alloy::signers::SignerSync::sign_hash_sync(&scene.gateway, &astray.ticket.digest()).unwrap();
    astray.signature = signature.as_bytes();
    assert_eq!(scene.refusals(&astray).await, ["not_registered"]);
}
