//! What can happen to a transaction once it is signed, and that the report is exact about it.

use std::{
    io,
    sync::{Arc, Condvar, Mutex},
    time::Duration,
};

use alloy::{
    network::TransactionBuilder,
    primitives::{B256, U256},
    providers::{Provider, ext::AnvilApi},
    rpc::types::TransactionRequest,
};
use engine::{
    chain::{Chain, Class, GasPolicy, Outbox, PlanOptions, SubmitError, SubmitEvent, SubmitOptions},
    units::{Lpt, Wei},
};
use testbed::Devnet;

use super::{
    blocking_rpc, codes, config, connect, nonce, options,
    proxy::{Fault, Proxy, dead},
    submit, submit_observed,
};

const SEND: &str = "eth_sendRawTransaction";

fn brief() -> SubmitOptions {
    SubmitOptions {
        timeout: Duration::from_millis(600),
        ..SubmitOptions::default()
    }
}

/// Collects the hash of what was signed.
fn signed(hashes: &Arc<Mutex<Vec<B256>>>) -> impl FnMut(SubmitEvent) -> io::Result<()> + Send + use<> {
    let hashes = Arc::clone(hashes);
    move |event| {
        if let SubmitEvent::Signed { hash, .. } = event {
            hashes.lock().unwrap().push(hash);
        }
        Ok(())
    }
}

async fn stop_mining(devnet: &Devnet) {
    devnet.provider().anvil_set_auto_mine(false).await.unwrap();
}

#[tokio::test]
async fn silence_after_sending_is_an_unknown_outcome_and_holds_back_the_next() {
    let devnet = testbed::devnet().await;
    let chain = connect(&devnet).await;
    let me = &devnet.accounts.orchestrator;
    stop_mining(&devnet).await;
    let plan = chain
        .plan_set_service_uri(me.address(), "https://127.0.0.1:1", options())
        .await
        .unwrap();
    let hashes = Arc::default();
    let error = submit_observed(&chain, plan, me, brief(), signed(&hashes))
        .await
        .unwrap_err();
    let SubmitError::Unconfirmed { hash, waited, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!(error.class(), Class::Unknown);
    assert_eq!(*hashes.lock().unwrap(), [*hash]);
    assert!(*waited >= Duration::from_millis(600));
    assert!(error.hint().contains(&hash.to_string()), "{}", error.hint());

    // Sending again would do it twice.
    let again = chain
        .plan_set_service_uri(me.address(), "https://127.0.0.1:2", options())
        .await
        .unwrap();
    assert_eq!(codes(&again), ["unconfirmed_transaction"]);
    assert_eq!(again.refusals()[0].waived_by, Some("--queue"));
    assert_eq!(
        submit(&chain, again, me).await.unwrap_err().code(),
        "unconfirmed_transaction"
    );

    // Behind it, knowingly: both are mined, in order.
    let queue = PlanOptions {
        queue: true,
        ..options()
    };
    let plan = chain
        .plan_set_service_uri(me.address(), "https://127.0.0.1:3", queue)
        .await
        .unwrap();
    let error = submit_observed(&chain, plan, me, brief(), signed(&hashes))
        .await
        .unwrap_err();
    assert_eq!(error.class(), Class::Unknown, "{error}");
    devnet.mine(1).await;
    let both = hashes.lock().unwrap().clone();
    for hash in both {
        let receipt = devnet
            .provider()
            .get_transaction_receipt(hash)
            .await
            .unwrap()
            .unwrap();
        assert!(receipt.status());
    }
    let uri = chain
        .orchestrator(me.address())
        .await
        .unwrap()
        .orchestrator
        .service_uri;
    assert_eq!(uri.as_deref(), Some("https://127.0.0.1:3"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_mined_failure_is_told_with_its_reason() {
    let devnet = testbed::devnet().await;
    let chain = connect(&devnet).await;
    devnet.enter_next_round().await;
    stop_mining(&devnet).await;
    // Both are simulated before either is sent; only one of them can open the round.
    let barrier = Arc::new(Barrier::default());
    let mut running = Vec::new();
    for signer in [devnet.accounts.gateway.clone(), devnet.accounts.delegator.clone()] {
        let (chain, barrier) = (chain.clone(), Arc::clone(&barrier));
        running.push(tokio::spawn(async move {
            let plan = chain
                .plan_initialize_round(signer.address(), options())
                .await
                .unwrap();
            submit_observed(&chain, plan, &signer, SubmitOptions::default(), move |event| {
                if matches!(event, SubmitEvent::Signed { .. }) {
                    barrier.wait(2);
                }
                Ok(())
            })
            .await
        }));
    }
    wait_for_pending(&devnet, 2).await;
    devnet.mine(1).await;
    let mut results = Vec::new();
    for one in running {
        results.push(one.await.unwrap());
    }
    let failed: Vec<_> = results
        .iter()
        .filter_map(|result| result.as_ref().err())
        .collect();
    assert_eq!(failed.len(), 1, "{results:?}");
    let SubmitError::Reverted { reason, hash, .. } = failed[0] else {
        panic!("{}", failed[0]);
    };
    assert_eq!(failed[0].class(), Class::Reverted);
    assert_eq!(reason.to_string(), "round already initialized");
    let receipt = devnet
        .provider()
        .get_transaction_receipt(*hash)
        .await
        .unwrap()
        .unwrap();
    assert!(!receipt.status());
}

/// Lets threads go on together, or after half a minute at the latest.
#[derive(Default)]
struct Barrier {
    here: Mutex<usize>,
    come: Condvar,
}

impl Barrier {
    fn wait(&self, count: usize) {
        // Another thread takes over what this one would have run meanwhile.
        tokio::task::block_in_place(|| {
            let mut here = self.here.lock().unwrap();
            *here += 1;
            self.come.notify_all();
            let _ = self
                .come
                .wait_timeout_while(here, Duration::from_secs(30), |here| *here < count)
                .unwrap();
        });
    }
}

async fn wait_for_pending(devnet: &Devnet, count: u64) {
    for _ in 0..1600 {
        let status: serde_json::Value = devnet
            .provider()
            .raw_request("txpool_status".into(), ())
            .await
            .unwrap();
        let pending = status["pending"].as_str().unwrap_or("0x0");
        if u64::from_str_radix(pending.trim_start_matches("0x"), 16).unwrap() >= count {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("{count} transactions never came");
}

#[tokio::test]
async fn a_nonce_taken_by_another_transaction_is_told() {
    let devnet = testbed::devnet().await;
    let chain = connect(&devnet).await;
    let me = devnet.accounts.orchestrator.clone();
    stop_mining(&devnet).await;
    let plan = chain
        .plan_set_service_uri(me.address(), "https://127.0.0.1:1", options())
        .await
        .unwrap();
    let from = me.address();
    let sending = tokio::spawn(async move { submit(&chain, plan, &me).await });
    wait_for_pending(&devnet, 1).await;
    let rival = TransactionRequest::default()
        .with_from(from)
        .with_to(from)
        .with_value(U256::from(1))
        .with_nonce(0)
        .with_gas_limit(21_000)
        .with_max_fee_per_gas(900_000_000_000)
        .with_max_priority_fee_per_gas(800_000_000_000);
    let rival = *devnet.provider().send_transaction(rival).await.unwrap().tx_hash();
    devnet.mine(1).await;
    let error = sending.await.unwrap().unwrap_err();
    let SubmitError::NonceTaken { nonce, hash, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!((error.class(), *nonce), (Class::Refused, 0));
    assert!(
        devnet
            .provider()
            .get_transaction_receipt(*hash)
            .await
            .unwrap()
            .is_none()
    );
    assert!(
        devnet
            .provider()
            .get_transaction_receipt(rival)
            .await
            .unwrap()
            .is_some()
    );
}

#[tokio::test]
async fn a_lost_answer_to_sending_is_not_a_lost_transaction() {
    let devnet = testbed::devnet().await;
    let proxy = Proxy::to(&devnet.rpc_url).await;
    let chain = Chain::connect(config(&devnet, &[&proxy.url])).await.unwrap();
    let me = &devnet.accounts.orchestrator;
    proxy.fault(Fault::LoseAnswer(SEND));
    let plan = chain
        .plan_set_service_uri(me.address(), "https://127.0.0.1:1", options())
        .await
        .unwrap();
    let report = submit(&chain, plan, me).await.unwrap();
    assert!(report.sent);
    assert_eq!(nonce(&devnet, me.address()).await, 1);
}

#[tokio::test]
async fn the_second_endpoint_knowing_it_already_is_success() {
    let devnet = testbed::devnet().await;
    let proxy = Proxy::to(&devnet.rpc_url).await;
    let chain = Chain::connect(config(&devnet, &[&proxy.url, &devnet.rpc_url]))
        .await
        .unwrap();
    let me = &devnet.accounts.orchestrator;
    // The first takes it and says nothing; the second then sees a nonce that is used.
    proxy.fault(Fault::LoseAnswer(SEND));
    let plan = chain
        .plan_set_service_uri(me.address(), "https://127.0.0.1:1", options())
        .await
        .unwrap();
    assert!(submit(&chain, plan, me).await.unwrap().sent);
    assert_eq!(nonce(&devnet, me.address()).await, 1);
}

#[tokio::test]
async fn what_may_have_been_sent_is_never_called_not_sent() {
    let devnet = testbed::devnet().await;
    let proxy = Proxy::to(&devnet.rpc_url).await;
    let chain = Chain::connect(config(&devnet, &[&proxy.url])).await.unwrap();
    let me = &devnet.accounts.orchestrator;
    proxy.fault(Fault::Swallow(SEND));
    let plan = chain
        .plan_set_service_uri(me.address(), "https://127.0.0.1:1", options())
        .await
        .unwrap();
    let error = submit_observed(&chain, plan, me, brief(), |_| Ok(()))
        .await
        .unwrap_err();
    assert!(matches!(error, SubmitError::Unconfirmed { .. }), "{error}");
}

#[tokio::test]
async fn what_every_endpoint_turns_down_was_not_sent() {
    let devnet = testbed::devnet().await;
    let proxy = Proxy::to(&devnet.rpc_url).await;
    let chain = Chain::connect(config(&devnet, &[&proxy.url])).await.unwrap();
    let me = &devnet.accounts.orchestrator;
    proxy.fault(Fault::Answer(
        SEND,
        r#"{"jsonrpc":"2.0","id":0,"error":{"code":-32000,"message":"max fee per gas less than block base fee"}}"#,
    ));
    let plan = chain
        .plan_set_service_uri(me.address(), "https://127.0.0.1:1", options())
        .await
        .unwrap();
    let error = submit(&chain, plan, me).await.unwrap_err();
    assert_eq!(
        (error.class(), error.code()),
        (Class::Refused, "transaction_rejected")
    );
    assert!(error.to_string().contains("less than block base fee"), "{error}");
    assert_eq!(nonce(&devnet, me.address()).await, 0);
}

/// After the first step the round ends under the plan's feet: the second is simulated anew and not sent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_that_would_revert_after_an_earlier_one_is_not_sent() {
    let devnet = testbed::devnet().await;
    let chain = connect(&devnet).await;
    let me = &devnet.accounts.orchestrator;
    let plan = chain
        .plan_bond(me.address(), Lpt::whole(7), me.address(), options())
        .await
        .unwrap();
    let rpc_url = devnet.rpc_url.clone();
    let error = submit_observed(&chain, plan, me, SubmitOptions::default(), move |event| {
        if matches!(event, SubmitEvent::Mined(_)) {
            let mine = r#"{"jsonrpc":"2.0","id":1,"method":"anvil_mine","params":["0x14"]}"#;
            let answer = tokio::task::block_in_place(|| blocking_rpc(&rpc_url, mine));
            assert!(answer.starts_with(b"HTTP/1.1 200"));
        }
        Ok(())
    })
    .await
    .unwrap_err();
    let SubmitError::Partly { mined, source } = &error else {
        panic!("{error}");
    };
    assert_eq!(mined.len(), 1);
    assert_eq!(mined[0].0, "approve");
    assert!(matches!(**source, SubmitError::WouldRevert { .. }), "{source}");
    assert_eq!(
        (error.class(), error.code()),
        (Class::Refused, "round_not_initialized")
    );
    assert_eq!(nonce(&devnet, me.address()).await, 1);
    // The approval is not wasted: the next try begins with the bond.
    devnet.chain().initialize_round().await.unwrap();
    let plan = chain
        .plan_bond(me.address(), Lpt::whole(7), me.address(), options())
        .await
        .unwrap();
    assert_eq!(plan.summary().steps.len(), 1);
    submit(&chain, plan, me).await.unwrap();
}

#[tokio::test]
async fn the_gas_price_limit_is_kept_to_the_wei() {
    let devnet = testbed::devnet().await;
    let chain = connect(&devnet).await;
    let me = &devnet.accounts.orchestrator;
    let price = chain.status(me.address()).await.unwrap().gas_price_wei;
    let below = PlanOptions {
        max_gas_price: Some(Wei(price.0 / U256::from(2))),
        ..options()
    };
    let plan = chain
        .plan_set_service_uri(me.address(), "https://127.0.0.1:1", below)
        .await
        .unwrap();
    assert_eq!(codes(&plan), ["gas_price_above_limit"]);
    assert_eq!(
        submit(&chain, plan, me).await.unwrap_err().code(),
        "gas_price_above_limit"
    );
    assert_eq!(nonce(&devnet, me.address()).await, 0);

    let at_limit = PlanOptions {
        max_gas_price: Some(price),
        ..options()
    };
    let plan = chain
        .plan_set_service_uri(me.address(), "https://127.0.0.1:1", at_limit)
        .await
        .unwrap();
    let report = submit(&chain, plan, me).await.unwrap();
    let gas = U256::from(report.transactions[0].gas_used);
    assert!(report.cost_wei.0 <= price.0 * gas, "paid more than the limit");
    let sent = devnet
        .provider()
        .get_transaction_by_hash(report.transactions[0].hash)
        .await
        .unwrap()
        .unwrap();
    let offered = alloy::consensus::Transaction::max_fee_per_gas(&sent);
    assert!(U256::from(offered) <= price.0);
}

#[tokio::test]
async fn endpoints_that_die_before_sending_leave_nothing_sent() {
    let devnet = testbed::devnet().await;
    let dead = dead().await;
    let proxy = Proxy::to(&devnet.rpc_url).await;
    let chain = Chain::connect(config(&devnet, &[&proxy.url, &dead]))
        .await
        .unwrap();
    let me = &devnet.accounts.orchestrator;
    let plan = chain
        .plan_set_service_uri(me.address(), "https://127.0.0.1:1", options())
        .await
        .unwrap();
    proxy.fault(Fault::Swallow("eth_"));
    let error = submit(&chain, plan, me).await.unwrap_err();
    assert_eq!(
        (error.class(), error.code()),
        (Class::Unreachable, "rpc_unreachable"),
        "{error}"
    );
    assert_eq!(nonce(&devnet, me.address()).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn endpoints_that_die_between_signing_and_sending_leave_nothing_sent() {
    let devnet = testbed::devnet().await;
    let proxy = Proxy::to(&devnet.rpc_url).await;
    let chain = Chain::connect(config(&devnet, &[&proxy.url])).await.unwrap();
    let me = &devnet.accounts.orchestrator;
    let plan = chain
        .plan_set_service_uri(me.address(), "https://127.0.0.1:1", options())
        .await
        .unwrap();
    let error = submit_observed(&chain, plan, me, SubmitOptions::default(), move |event| {
        if matches!(event, SubmitEvent::Signed { .. }) {
            tokio::task::block_in_place(|| proxy.stop());
        }
        Ok(())
    })
    .await
    .unwrap_err();
    assert!(matches!(error, SubmitError::Chain { .. }), "{error}");
    assert_eq!(error.class(), Class::Unreachable);
    assert_eq!(nonce(&devnet, me.address()).await, 0);
}

#[tokio::test]
async fn what_cannot_be_written_down_is_not_sent() {
    let devnet = testbed::devnet().await;
    let chain = connect(&devnet).await;
    let me = &devnet.accounts.orchestrator;
    let plan = chain
        .plan_set_service_uri(me.address(), "https://127.0.0.1:1", options())
        .await
        .unwrap();
    let full = |event| match event {
        SubmitEvent::Signed { .. } => Err(io::Error::from(io::ErrorKind::StorageFull)),
        _ => Ok(()),
    };
    let error = submit_observed(&chain, plan, me, SubmitOptions::default(), full)
        .await
        .unwrap_err();
    assert_eq!((error.class(), error.code()), (Class::Refused, "not_recorded"));
    assert_eq!(nonce(&devnet, me.address()).await, 0);
}

/// Whoever is interrupted at any moment has been told of all that the journal holds.
#[tokio::test]
async fn a_transaction_is_told_before_it_is_written_down_and_written_down_before_it_is_sent() {
    let devnet = testbed::devnet().await;
    let chain = connect(&devnet).await;
    let me = &devnet.accounts.orchestrator;
    let state = tempfile::tempdir().unwrap();
    let outbox = Outbox::open(chain.clone(), me.clone(), state.path(), GasPolicy::default()).unwrap();
    let plan = chain
        .plan_set_service_uri(me.address(), "https://127.0.0.1:1", options())
        .await
        .unwrap();
    let open = || outbox.journal().open_entries().unwrap().len();
    let mut lines = Vec::new();
    let sent = outbox.submit_observed(plan, SubmitOptions::default(), |event| {
        lines.push((matches!(event, SubmitEvent::Signed { .. }), open()));
        Ok(())
    });
    sent.await.unwrap();
    assert_eq!(lines, [(true, 0), (false, 1), (false, 0)]);
}

/// The tip an endpoint names after the plan was agreed to must not be paid unasked.
#[tokio::test]
async fn a_price_far_above_the_one_agreed_to_is_not_paid() {
    let devnet = testbed::devnet().await;
    let chain = connect(&devnet).await;
    let me = &devnet.accounts.orchestrator;
    let plan = chain
        .plan_set_service_uri(me.address(), "https://127.0.0.1:1", options())
        .await
        .unwrap();
    devnet
        .provider()
        .anvil_set_next_block_base_fee_per_gas(900_000_000_000)
        .await
        .unwrap();
    devnet.mine(1).await;
    let error = submit(&chain, plan, me).await.unwrap_err();
    assert_eq!((error.class(), error.code()), (Class::Refused, "plan_changed"));
    assert_eq!(nonce(&devnet, me.address()).await, 0);
}

/// An error that says nothing about the transaction may have come after it was passed on.
#[tokio::test]
async fn an_error_behind_the_endpoint_is_no_refusal() {
    let devnet = testbed::devnet().await;
    let proxy = Proxy::to(&devnet.rpc_url).await;
    let chain = Chain::connect(config(&devnet, &[&proxy.url])).await.unwrap();
    let me = &devnet.accounts.orchestrator;
    proxy.fault(Fault::Answer(
        SEND,
        r#"{"jsonrpc":"2.0","id":0,"error":{"code":-32603,"message":"internal error: upstream timed out"}}"#,
    ));
    let plan = chain
        .plan_set_service_uri(me.address(), "https://127.0.0.1:1", options())
        .await
        .unwrap();
    let error = submit_observed(&chain, plan, me, brief(), |_| Ok(()))
        .await
        .unwrap_err();
    assert!(matches!(error, SubmitError::Unconfirmed { .. }), "{error}");
}

/// Figures of before the transaction are not shown as those of after it.
#[tokio::test]
async fn a_node_that_lags_behind_does_not_tell_old_figures() {
    let devnet = testbed::devnet().await;
    let proxy = Proxy::to(&devnet.rpc_url).await;
    let chain = Chain::connect(config(&devnet, &[&proxy.url])).await.unwrap();
    let me = &devnet.accounts.orchestrator;
    let plan = chain
        .plan_set_service_uri(me.address(), "https://127.0.0.1:1", options())
        .await
        .unwrap();
    let error = submit_observed(&chain, plan, me, SubmitOptions::default(), |event| {
        if let SubmitEvent::Mined(done) = event {
            proxy.fault(Fault::Behind(done.block - 1));
        }
        Ok(())
    })
    .await
    .unwrap_err();
    assert!(matches!(error, SubmitError::ReadBack { .. }), "{error}");
    // It was sent: neither a refusal nor an invitation to try again.
    assert_eq!(error.class(), Class::Unknown);
    assert!(error.hint().contains("do not send it again"), "{}", error.hint());
    assert_eq!(nonce(&devnet, me.address()).await, 1);
}
