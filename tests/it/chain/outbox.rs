//! One sender per account: nonces, replacements, what a killed process left, what other senders did meanwhile.

use std::{path::Path, time::Duration};

use alloy::{
    primitives::{Bytes, TxHash, U256},
    providers::{Provider, ext::AnvilApi},
    rpc::types::anvil::ReorgOptions,
    signers::local::PrivateKeySigner,
    sol_types::SolCall,
};
use engine::{
    chain::{
        Call, Chain, Class, Fate, GasPolicy, Journal, Mined, Outbox, SubmitError, SubmitOptions,
        outbox::{Entry, ReplacementError, ReplacementKind, ReplacementOutcome, State},
    },
    units::Wei,
    view::sent::SentState,
};
use testbed::Devnet;
use tokio::task::JoinHandle;

use super::{config, connect, nonce, proxy::Proxy};

alloy::sol! {
    function setServiceURI(string uri) external;
}

/// A harmless call anybody may make.
fn publish(devnet: &Devnet, number: usize) -> Call {
    let uri = format!("https://127.0.0.1:{}", 1 + number);
    Call {
        title: format!("publish {uri}"),
        step: "publish".to_string(),
        to: devnet.contracts.service_registry,
        data: setServiceURICall { uri }.abi_encode().into(),
        ..Call::default()
    }
}

fn outbox(chain: &Chain, signer: &PrivateKeySigner, folder: &Path, policy: GasPolicy) -> Outbox {
    Outbox::open(chain.clone(), signer.clone(), folder, policy).unwrap()
}

fn patient() -> SubmitOptions {
    SubmitOptions {
        timeout: Duration::from_secs(30),
        ..SubmitOptions::default()
    }
}

fn hasty() -> SubmitOptions {
    SubmitOptions {
        timeout: Duration::from_millis(400),
        ..SubmitOptions::default()
    }
}

/// Replaces what is not mined after a moment.
fn eager() -> GasPolicy {
    GasPolicy {
        replace_after: Duration::from_millis(300),
        ..GasPolicy::default()
    }
}

async fn stop_mining(devnet: &Devnet) {
    devnet.provider().anvil_set_auto_mine(false).await.unwrap();
}

/// Mines a block each moment until a waiter is done.
async fn mine_until_done<T>(devnet: &Devnet, waiter: JoinHandle<T>) -> T {
    for _ in 0..600 {
        if waiter.is_finished() {
            return waiter.await.unwrap();
        }
        devnet.mine(1).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it waits for ever");
}

/// Waits until a node has a transaction.
async fn arrival(devnet: &Devnet, hash: TxHash) {
    for _ in 0..600 {
        if devnet
            .provider()
            .get_transaction_by_hash(hash)
            .await
            .unwrap()
            .is_some()
        {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("{hash} never came");
}

fn lines(folder: &Path) -> Vec<Entry> {
    Journal::new(folder).history().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn calls_at_once_from_two_outboxes_leave_no_gap_and_share_no_nonce() {
    let devnet = testbed::devnet().await;
    let chain = connect(&devnet).await;
    let folder = tempfile::tempdir().unwrap();
    stop_mining(&devnet).await;
    let me = &devnet.accounts.orchestrator;
    // Two openings know as little of each other as two processes.
    let both = [0, 1].map(|_| outbox(&chain, me, folder.path(), GasPolicy::default()));
    let waiting: Vec<_> = (0..10)
        .map(|number| {
            let (outbox, call) = (both[number % 2].clone(), publish(&devnet, number));
            tokio::spawn(async move { outbox.send(call, patient()).await })
        })
        .collect();
    let mined: Vec<Mined> = mine_until_done(
        &devnet,
        tokio::spawn(async move {
            let mut mined = Vec::new();
            for one in waiting {
                mined.push(one.await.unwrap().unwrap());
            }
            mined
        }),
    )
    .await;
    let mut nonces: Vec<u64> = mined.iter().map(|one| one.nonce).collect();
    nonces.sort_unstable();
    assert_eq!(nonces, (0..10).collect::<Vec<_>>());
    assert_eq!(nonce(&devnet, me.address()).await, 10);
    for one in &mined {
        let receipt = devnet.provider().get_transaction_receipt(one.hash).await.unwrap();
        assert_eq!(receipt.unwrap().block_number, Some(one.block));
        assert!(!one.logs.is_empty() && !one.replaced);
    }
    assert!(Journal::new(folder.path()).open_entries().unwrap().is_empty());
}

/// Waits until the journal has so many lines of transactions that were sent.
async fn sent_lines(folder: &Path, count: usize) {
    for _ in 0..600 {
        let sent = lines(folder)
            .into_iter()
            .filter(|line| line.state == State::Sending);
        if sent.count() >= count {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("{count} were never sent");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_stuck_is_offered_for_more_and_the_mined_hash_is_told() {
    let devnet = testbed::devnet().await;
    let chain = connect(&devnet).await;
    let folder = tempfile::tempdir().unwrap();
    stop_mining(&devnet).await;
    let outbox = outbox(&chain, &devnet.accounts.orchestrator, folder.path(), eager());
    let sent = outbox
        .prepare(publish(&devnet, 0))
        .await
        .unwrap()
        .broadcast()
        .await
        .unwrap();
    let first = sent.hash();
    let waiter = tokio::spawn(async move { sent.mined(patient()).await });
    sent_lines(folder.path(), 3).await;
    tokio::time::sleep(eager().replace_after * 3).await;
    let offers = lines(folder.path()).len();
    assert_eq!(offers, 3, "twice, and not more often");
    let mined = mine_until_done(&devnet, waiter).await.unwrap();
    assert!(mined.replaced);
    assert_ne!(mined.hash, first);
    let receipt = devnet
        .provider()
        .get_transaction_receipt(mined.hash)
        .await
        .unwrap();
    assert!(receipt.unwrap().status());
    assert!(matches!(
        outbox.fate(first).await.unwrap(),
        Fate::Replaced { by: Some(by) } if by == mined.hash
    ));
    // All have their lines, and all have ended.
    assert!(outbox.journal().open_entries().unwrap().is_empty());
    let second = lines(folder.path()).remove(1);
    assert_eq!(second.replaces, Some(first));
}

/// The node drops what offers less than the base fee: nobody takes it again for that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_dropped_below_the_base_fee_is_offered_for_more() {
    let devnet = testbed::devnet().await;
    let chain = connect(&devnet).await;
    let folder = tempfile::tempdir().unwrap();
    stop_mining(&devnet).await;
    let outbox = outbox(
        &chain,
        &devnet.accounts.orchestrator,
        folder.path(),
        GasPolicy::default(),
    );
    let sent = outbox
        .prepare(publish(&devnet, 0))
        .await
        .unwrap()
        .broadcast()
        .await
        .unwrap();
    let first = sent.hash();
    let provider = devnet.provider();
    provider
        .anvil_set_next_block_base_fee_per_gas(900_000_000_000)
        .await
        .unwrap();
    devnet.mine(1).await;
    assert!(provider.get_transaction_receipt(first).await.unwrap().is_none());
    let waiter = tokio::spawn(async move { sent.mined(patient()).await });
    sent_lines(folder.path(), 2).await;
    let mined = mine_until_done(&devnet, waiter).await.unwrap();
    assert!(mined.replaced && mined.hash != first);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_replacement_goes_above_the_ceiling() {
    let devnet = testbed::devnet().await;
    let chain = connect(&devnet).await;
    let folder = tempfile::tempdir().unwrap();
    let price = chain
        .status(devnet.accounts.orchestrator.address())
        .await
        .unwrap()
        .gas_price_wei;
    stop_mining(&devnet).await;
    let capped = GasPolicy {
        max_gas_price: Some(price),
        replace_after: Duration::from_millis(100),
        ..GasPolicy::default()
    };
    let outbox = outbox(&chain, &devnet.accounts.orchestrator, folder.path(), capped);
    let error = outbox
        .send(
            publish(&devnet, 0),
            SubmitOptions {
                timeout: Duration::from_secs(1),
                ..SubmitOptions::default()
            },
        )
        .await
        .unwrap_err();
    let SubmitError::Unconfirmed { hash, .. } = error else {
        panic!("{error}");
    };
    assert_eq!(lines(folder.path()).len(), 1, "nothing was put in its place");
    let journal = Journal::new(folder.path());
    let refused = chain
        .plan_replacement(
            &journal,
            outbox.account(),
            hash,
            ReplacementKind::SpeedUp,
            capped,
            None,
        )
        .await
        .unwrap_err();
    assert!(
        matches!(refused, ReplacementError::AboveLimit { .. }),
        "{refused}"
    );
    assert_eq!(
        (refused.class(), refused.code()),
        (Class::Refused, "gas_price_above_limit")
    );
    // Above the ceiling nothing is sent at all.
    let half = Some(Wei(price.0 / U256::from(2)));
    let below = outbox.with_policy(GasPolicy {
        max_gas_price: half,
        ..capped
    });
    let error = below.send(publish(&devnet, 1), hasty()).await.unwrap_err();
    assert_eq!(error.code(), "gas_price_above_limit");
    assert_eq!(lines(folder.path()).len(), 1);
    // What is set for the account holds at once for every handle without rules of its own.
    let other = outbox.clone();
    outbox.set_gas_limits(half, Wei::ZERO);
    let error = other.send(publish(&devnet, 1), hasty()).await.unwrap_err();
    assert_eq!(error.code(), "gas_price_above_limit");
    assert_eq!(lines(folder.path()).len(), 1);
    outbox.set_gas_limits(None, Wei::ZERO);
    assert_eq!(
        (other.policy().max_gas_price, below.policy().max_gas_price),
        (None, half)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_network_dropped_is_sent_again_while_somebody_waits() {
    let devnet = testbed::devnet().await;
    let chain = connect(&devnet).await;
    let folder = tempfile::tempdir().unwrap();
    stop_mining(&devnet).await;
    let outbox = outbox(
        &chain,
        &devnet.accounts.orchestrator,
        folder.path(),
        GasPolicy::default(),
    );
    let sent = outbox
        .prepare(publish(&devnet, 0))
        .await
        .unwrap()
        .broadcast()
        .await
        .unwrap();
    let hash = sent.hash();
    devnet.provider().anvil_drop_transaction(hash).await.unwrap();
    assert!(matches!(outbox.fate(hash).await.unwrap(), Fate::Lost));
    let waiter = tokio::spawn(async move { sent.mined(patient()).await });
    arrival(&devnet, hash).await;
    assert_eq!(mine_until_done(&devnet, waiter).await.unwrap().hash, hash);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reorg_that_drops_it_before_it_is_confirmed_costs_nothing() {
    let devnet = testbed::devnet().await;
    let chain = connect(&devnet).await;
    let folder = tempfile::tempdir().unwrap();
    stop_mining(&devnet).await;
    devnet.mine(2).await;
    let outbox = outbox(
        &chain,
        &devnet.accounts.orchestrator,
        folder.path(),
        GasPolicy::default(),
    );
    let sent = outbox
        .prepare(publish(&devnet, 0))
        .await
        .unwrap()
        .broadcast()
        .await
        .unwrap();
    let hash = sent.hash();
    let options = SubmitOptions {
        confirmations: 2,
        ..patient()
    };
    let waiter = tokio::spawn(async move { sent.mined(options).await });
    devnet.mine(1).await;
    let before = devnet
        .provider()
        .get_transaction_receipt(hash)
        .await
        .unwrap()
        .unwrap();
    let reorg = ReorgOptions {
        depth: 1,
        tx_block_pairs: Vec::new(),
    };
    devnet.provider().anvil_reorg(reorg).await.unwrap();
    assert!(
        devnet
            .provider()
            .get_transaction_receipt(hash)
            .await
            .unwrap()
            .is_none(),
        "the reorg dropped it"
    );
    let mined = mine_until_done(&devnet, waiter).await.unwrap();
    assert_eq!(mined.hash, hash);
    assert!(Some(mined.block) >= before.block_number);
    let after = devnet
        .provider()
        .get_transaction_receipt(hash)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(Some(mined.block), after.block_number);
    let head = devnet.provider().get_block_number().await.unwrap();
    assert!(head >= mined.block + 2, "block {} at head {head}", mined.block);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_that_dies_after_the_broadcast_loses_nothing() {
    let devnet = testbed::devnet().await;
    let proxy = Proxy::to(&devnet.rpc_url).await;
    let chain = Chain::connect(config(&devnet, &[&proxy.url, &devnet.rpc_url]))
        .await
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    stop_mining(&devnet).await;
    let outbox = outbox(
        &chain,
        &devnet.accounts.orchestrator,
        folder.path(),
        GasPolicy::default(),
    );
    let sent = outbox
        .prepare(publish(&devnet, 0))
        .await
        .unwrap()
        .broadcast()
        .await
        .unwrap();
    proxy.stop();
    devnet.mine(1).await;
    let hash = sent.hash();
    assert_eq!(sent.mined(patient()).await.unwrap().hash, hash);
}

/// What a killed process wrote down without having sent it, from a process that is gone.
async fn leave_behind(outbox: &Outbox, call: Call, owner: &str) -> Entry {
    let prepared = outbox.prepare(call.clone()).await.unwrap();
    let line = Entry {
        time: jiff::Timestamp::now(),
        state: State::Sending,
        hash: prepared.hash(),
        chain_id: outbox.chain().chain_id(),
        chain: None,
        from: outbox.account(),
        title: call.title,
        step: call.step,
        nonce: Some(prepared.nonce()),
        raw: Some(prepared.raw().clone()),
        owner: Some(owner.to_string()),
        replaces: None,
        cancels: false,
        block: None,
        cost_wei: None,
        ended: None,
        error: None,
    };
    outbox.journal().write(&line).unwrap();
    line
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_nonce_a_killed_process_signed_and_did_not_send_goes_to_the_next_transaction() {
    let devnet = testbed::devnet().await;
    let chain = connect(&devnet).await;
    let folder = tempfile::tempdir().unwrap();
    let me = &devnet.accounts.orchestrator;
    let outbox = outbox(&chain, me, folder.path(), GasPolicy::default());
    let lost = leave_behind(&outbox, publish(&devnet, 0), "1.1").await;
    let waiting = outbox.recover().await.unwrap();
    assert_eq!(waiting.len(), 1);
    assert!(!waiting[0].known, "recovery alone sends nothing that was last");
    assert_eq!(nonce(&devnet, me.address()).await, 0);
    let mined = outbox.send(publish(&devnet, 1), patient()).await.unwrap();
    assert_eq!(mined.nonce, 0);
    // Whoever kept the lost one took this one for its replacement.
    let price = |raw: &Bytes| {
        use alloy::{consensus::Transaction as _, eips::eip2718::Decodable2718 as _};
        alloy::consensus::TxEnvelope::decode_2718(&mut raw.as_ref())
            .unwrap()
            .max_fee_per_gas()
    };
    let new = lines(folder.path())
        .into_iter()
        .find(|line| line.hash == mined.hash);
    let new = new.unwrap();
    assert!(price(new.raw.as_ref().unwrap()) * 100 >= price(lost.raw.as_ref().unwrap()) * 111);
    assert_eq!(new.replaces, Some(lost.hash));
    assert!(matches!(
        outbox.fate(lost.hash).await.unwrap(),
        Fate::Replaced { by: Some(by) } if by == mined.hash
    ));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gap_a_killed_process_left_below_others_is_closed_at_the_start() {
    let devnet = testbed::devnet().await;
    let chain = connect(&devnet).await;
    let folder = tempfile::tempdir().unwrap();
    stop_mining(&devnet).await;
    let me = &devnet.accounts.orchestrator;
    let outbox = outbox(&chain, me, folder.path(), GasPolicy::default());
    // It lives while the second one is sent, so that its nonce is kept.
    let own = std::fs::read_to_string("/proc/self/stat").unwrap();
    let started = own
        .rsplit_once(')')
        .unwrap()
        .1
        .split_whitespace()
        .nth(19)
        .unwrap();
    let owner = format!("{}.{started}", std::process::id());
    let first = leave_behind(&outbox, publish(&devnet, 0), &owner).await;
    let second = outbox
        .prepare(publish(&devnet, 1))
        .await
        .unwrap()
        .broadcast()
        .await
        .unwrap();
    assert_eq!(second.nonce(), 1);
    // Waiting for a nonce that nobody uses, and its process gone.
    devnet
        .provider()
        .anvil_drop_transaction(first.hash)
        .await
        .unwrap();
    let orphan = Entry {
        owner: Some("1.1".to_string()),
        ..first.clone()
    };
    outbox.journal().write(&orphan).unwrap();
    outbox.recover().await.unwrap();
    arrival(&devnet, first.hash).await;
    devnet.mine(1).await;
    second.mined(patient()).await.unwrap();
    assert_eq!(nonce(&devnet, me.address()).await, 2);
    assert!(matches!(outbox.fate(first.hash).await.unwrap(), Fate::Mined(_)));
    // The next start writes down what became of it.
    outbox.recover().await.unwrap();
    assert!(outbox.journal().open_entries().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_waiter_learns_what_another_sender_put_in_the_place_of_its_transaction() {
    let devnet = testbed::devnet().await;
    let chain = connect(&devnet).await;
    let folder = tempfile::tempdir().unwrap();
    stop_mining(&devnet).await;
    let me = &devnet.accounts.orchestrator;
    let node = outbox(&chain, me, folder.path(), GasPolicy::default());
    let operator = outbox(&chain, me, folder.path(), GasPolicy::default());

    let sent = node
        .prepare(publish(&devnet, 0))
        .await
        .unwrap()
        .broadcast()
        .await
        .unwrap();
    let first = sent.hash();
    let waiter = tokio::spawn(async move { sent.mined(patient()).await });
    let hurried = operator.speed_up(first).await.unwrap();
    let new = hurried.hash();
    let mined = mine_until_done(&devnet, waiter).await.unwrap();
    assert_eq!((mined.hash, mined.replaced), (new, true));
    let outcome = hurried
        .replaced(ReplacementKind::SpeedUp, patient())
        .await
        .unwrap();
    assert!(matches!(outcome, ReplacementOutcome::Done(mined) if mined.hash == new));

    let sent = node
        .prepare(publish(&devnet, 1))
        .await
        .unwrap()
        .broadcast()
        .await
        .unwrap();
    let second = sent.hash();
    let waiter = tokio::spawn(async move { sent.mined(patient()).await });
    let cancelled = operator.cancel(second).await.unwrap();
    let error = mine_until_done(&devnet, waiter).await.unwrap_err();
    let SubmitError::Replaced {
        by, cancelled: true, ..
    } = error
    else {
        panic!("{error}");
    };
    assert_eq!(by, cancelled.hash());
    let uri = chain
        .orchestrator(me.address())
        .await
        .unwrap()
        .orchestrator
        .service_uri;
    assert_eq!(
        uri.as_deref(),
        Some("https://127.0.0.1:1"),
        "the cancelled one changed nothing"
    );
    assert!(operator.cancel(second).await.is_err(), "it is over");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replacing_what_was_mined_meanwhile_finds_the_original() {
    let devnet = testbed::devnet().await;
    let chain = connect(&devnet).await;
    let folder = tempfile::tempdir().unwrap();
    stop_mining(&devnet).await;
    let me = &devnet.accounts.orchestrator;
    let outbox = outbox(&chain, me, folder.path(), GasPolicy::default());
    for (kind, number) in [(ReplacementKind::SpeedUp, 0), (ReplacementKind::Cancel, 1)] {
        let sent = outbox
            .prepare(publish(&devnet, number))
            .await
            .unwrap()
            .broadcast()
            .await
            .unwrap();
        let hash = sent.hash();
        let planned = chain
            .plan_replacement(
                outbox.journal(),
                me.address(),
                hash,
                kind,
                GasPolicy::default(),
                None,
            )
            .await
            .unwrap();
        devnet.mine(1).await;
        let replaced = outbox.replace(planned).await.unwrap();
        let outcome = replaced.replaced(kind, patient()).await.unwrap();
        match (kind, outcome) {
            (ReplacementKind::SpeedUp, ReplacementOutcome::Done(mined))
            | (ReplacementKind::Cancel, ReplacementOutcome::CallMined(mined)) => {
                assert_eq!(mined.hash, hash);
            }
            (_, other) => panic!("{other:?}"),
        }
        assert_eq!(nonce(&devnet, me.address()).await, number as u64 + 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_of_a_chain_that_is_gone_holds_nothing_back_on_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let lost = {
        let devnet = testbed::devnet().await;
        let chain = connect(&devnet).await;
        let me = &devnet.accounts.orchestrator;
        stop_mining(&devnet).await;
        let sender = outbox(&chain, me, folder.path(), GasPolicy::default());
        let error = sender.send(publish(&devnet, 0), hasty()).await.unwrap_err();
        assert!(matches!(error, SubmitError::Unconfirmed { .. }), "{error}");
        let journal = Journal::new(folder.path());
        let open = chain.unsettled(&journal, me.address(), 0).await.unwrap();
        assert_eq!(open.len(), 1, "here it can still be mined");
        open[0].hash
    };
    let devnet = testbed::devnet().await;
    let chain = connect(&devnet).await;
    let me = &devnet.accounts.orchestrator;
    let journal = Journal::new(folder.path());
    assert!(
        chain
            .unsettled(&journal, me.address(), 0)
            .await
            .unwrap()
            .is_empty()
    );
    let list = chain.sent_list(&journal, me.address(), 10, false).await.unwrap();
    assert_eq!(list.transactions[0].state, SentState::OtherChain);
    let sender = outbox(&chain, me, folder.path(), GasPolicy::default());
    let mined = sender.send(publish(&devnet, 1), patient()).await.unwrap();
    assert_eq!(mined.nonce, 0);
    assert_ne!(mined.hash, lost);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_is_followed_after_its_waiter_gave_up() {
    let devnet = testbed::devnet().await;
    let chain = connect(&devnet).await;
    let folder = tempfile::tempdir().unwrap();
    stop_mining(&devnet).await;
    let me = &devnet.accounts.orchestrator;
    let error = outbox(&chain, me, folder.path(), GasPolicy::default())
        .send(publish(&devnet, 0), hasty())
        .await
        .unwrap_err();
    let SubmitError::Unconfirmed { hash, .. } = error else {
        panic!("{error}");
    };
    let later = outbox(&chain, me, folder.path(), GasPolicy::default());
    assert!(matches!(later.fate(hash).await.unwrap(), Fate::Waiting));
    assert!(matches!(
        later.fate(TxHash::repeat_byte(9)).await.unwrap(),
        Fate::Unknown
    ));
    devnet.mine(1).await;
    let mined = later.follow(hash, patient()).await.unwrap();
    assert_eq!(mined.hash, hash);
    assert!(later.follow(TxHash::repeat_byte(9), hasty()).await.is_err());
    // What would revert is not sent and takes no nonce.
    let hopeless = Call {
        to: devnet.contracts.bonding_manager,
        data: Bytes::from_static(&[1, 2, 3, 4]),
        ..Call::default()
    };
    let error = later.send(hopeless, hasty()).await.unwrap_err();
    assert!(matches!(error, SubmitError::WouldRevert { .. }), "{error}");
    assert_eq!(lines(folder.path()).len(), 2);
}
