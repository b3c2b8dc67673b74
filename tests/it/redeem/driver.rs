//! The redeemer at work: what is in the books ends on the chain, whatever happens in between.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use alloy::{
    consensus::Transaction as _,
    eips::BlockId,
    network::TransactionResponse as _,
    primitives::B256,
    providers::{Provider as _, ext::AnvilApi as _},
    rpc::types::{Transaction, TransactionRequest},
};
use engine::{
    chain::{Chain, GasPolicy, Outbox, WatchSettings, Watcher},
    payments::{
        Books,
        books::{Settlement, Winner, WinnerState},
        redeem::{Moment, RedeemParts, RedeemSettings, RedeemState, Redeemer},
    },
    units::Wei,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{Scene, finney};
use crate::chain::{
    config,
    proxy::{Fault, Proxy},
};

/// What is told of each moment.
pub type Observer = Arc<dyn Fn(Moment) + Send + Sync>;

/// A running redeemer; ends when dropped.
pub struct Running {
    pub books: Books,
    pub state: watch::Receiver<RedeemState>,
    pub redeemer: Redeemer,
    _ends: DropGuard,
}

/// Everything a redeemer needs, for an orchestrator whose key is at hand.
pub fn start(
    chain: &Chain,
    signer: &alloy::signers::local::PrivateKeySigner,
    folder: &Path,
    change: impl FnOnce(&mut RedeemSettings),
) -> Running {
    start_with(chain, signer, folder, GasPolicy::default(), change)
}

fn start_with(
    chain: &Chain,
    signer: &alloy::signers::local::PrivateKeySigner,
    folder: &Path,
    gas: GasPolicy,
    change: impl FnOnce(&mut RedeemSettings),
) -> Running {
    let books = Books::open(&Books::path(folder)).unwrap();
    let outbox = Outbox::open(chain.clone(), signer.clone(), &folder.join("state"), gas).unwrap();
    let stop = CancellationToken::new();
    let watching = WatchSettings {
        recipient: Some(signer.address()),
        interval: Duration::from_millis(100),
        ..WatchSettings::default()
    };
    let watcher = Watcher::start(chain.clone(), watching, stop.clone());
    let parts = RedeemParts {
        books: books.clone(),
        chain: chain.clone(),
        outbox,
        clock: watcher.clock(),
        senders: watcher.senders(),
    };
    let mut settings = RedeemSettings {
        timeout: Duration::from_secs(5),
        ..RedeemSettings::new(signer.address())
    };
    change(&mut settings);
    let (redeemer, _) = Redeemer::start(parts, settings, stop.clone());
    Running {
        books,
        state: redeemer.state(),
        redeemer,
        _ends: stop.drop_guard(),
    }
}

impl Running {
    /// Waits until a ticket's state is as it should be; mines a block now and then, as chains do.
    pub async fn until(&self, scene: &Scene, hash: B256, is_so: impl Fn(&Winner) -> bool) -> Winner {
        let begun = Instant::now();
        loop {
            let winner = self.books.winner(hash).await.unwrap().unwrap();
            if is_so(&winner) {
                return winner;
            }
            assert!(
                begun.elapsed() < Duration::from_secs(60),
                "still {winner:?}, {:?}",
                *self.state.borrow()
            );
            scene.devnet.mine(1).await;
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    }

    pub async fn until_paid(&self, scene: &Scene, hash: B256) -> (B256, Wei, u64, Wei) {
        let winner = self.until(scene, hash, |winner| paid(winner).is_some()).await;
        paid(&winner).unwrap()
    }

    /// Waits until the redeemer says so.
    async fn until_told(&mut self, is_so: impl FnMut(&RedeemState) -> bool) {
        let told = tokio::time::timeout(Duration::from_secs(60), self.state.wait_for(is_so)).await;
        drop(told.unwrap().unwrap());
    }
}

impl Scene {
    /// Waits until so many transactions wait to be mined.
    async fn pending(&self, count: usize) -> Vec<Transaction> {
        let begun = Instant::now();
        loop {
            let block = self.devnet.provider().get_block(BlockId::pending()).full().await;
            let waiting: Vec<_> = block.unwrap().unwrap().transactions.into_transactions().collect();
            if waiting.len() >= count {
                return waiting;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "only {waiting:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Transaction, payment, block, cost.
pub fn paid(winner: &Winner) -> Option<(B256, Wei, u64, Wei)> {
    match &winner.state {
        WinnerState::Settled {
            settlement:
                Settlement::Redeemed {
                    tx,
                    paid,
                    block,
                    cost,
                },
            ..
        } => Some((*tx, *paid, *block, *cost)),
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trap_6_what_is_in_the_books_is_redeemed_with_nobody_asking() {
    let mut scene = Scene::with_rounds(100).await;
    scene.fund(Wei::ether(10), Wei::ether(1)).await;
    let folder = tempfile::tempdir().unwrap();
    let block = scene.block().await;
    let ready = [scene.win(finney(300), 0).await, scene.win(finney(200), 0).await];
    let live = scene.win(finney(100), block + 40).await;
    {
        // An earlier process put them there.
        let books = Books::open(&Books::path(folder.path())).unwrap();
        for won in ready.iter().chain([&live]) {
            assert!(books.keep_winner(won.clone()).await.unwrap());
        }
    }
    let before = scene.fees().await;
    let mut running = start(&scene.chain, &scene.recipient, folder.path(), |_| {});
    let mut transactions = Vec::new();
    for won in &ready {
        let (transaction, amount, block, cost) = running.until_paid(&scene, won.ticket.hash()).await;
        assert_eq!(amount, won.ticket.face_value);
        assert!(cost > Wei::ZERO && block > 0);
        transactions.push(transaction);
    }
    assert_eq!(transactions[0], transactions[1], "two in one transaction");
    assert_eq!(scene.fees().await.saturating_sub(before), finney(500));
    // Trap 1: not before its parameters have expired.
    assert!(scene.block().await < block + 40 && !scene.is_used(&live).await);
    scene.devnet.mine(40).await;
    let (_, _, mined, _) = running.until_paid(&scene, live.ticket.hash()).await;
    assert!(mined > block + 40);
    // The books say so before it is told.
    running.until_told(|state| state.redeemed == 3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_short_sender_is_waited_for_and_does_not_hold_up_what_it_can_pay() {
    let mut scene = Scene::with_rounds(200).await;
    scene.fund(finney(250), Wei::ZERO).await;
    let folder = tempfile::tempdir().unwrap();
    let large = scene.win(finney(900), 0).await;
    let small = scene.win(finney(200), 0).await;
    let mut running = start(&scene.chain, &scene.recipient, folder.path(), |_| {});
    for won in [&large, &small] {
        running.books.keep_winner(won.clone()).await.unwrap();
    }
    running.until_paid(&scene, small.ticket.hash()).await;
    let hash = large.ticket.hash();
    running
        .until_told(|state| {
            let short = |(of, wait): &(B256, engine::payments::redeem::reasons::Wait)| {
                *of == hash && wait.code() == "sender_short"
            };
            state.waiting.iter().any(short)
        })
        .await;
    scene.fund(Wei::ether(1), Wei::ZERO).await;
    let (_, amount, _, _) = running.until_paid(&scene, hash).await;
    assert_eq!(amount, finney(900));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trap_16_a_round_nobody_opens_is_opened_for_what_waits() {
    let mut scene = Scene::with_rounds(60).await;
    scene.fund(Wei::ether(10), Wei::ether(1)).await;
    let won = scene.win(finney(500), 0).await;
    scene.devnet.enter_next_round().await;
    scene.devnet.mine(5).await;
    let folder = tempfile::tempdir().unwrap();
    let running = start(&scene.chain, &scene.recipient, folder.path(), |settings| {
        settings.open_rounds = true;
    });
    running.books.keep_winner(won.clone()).await.unwrap();
    let winner = running
        .until(&scene, won.ticket.hash(), |winner| paid(winner).is_some())
        .await;
    // Not a failure of the ticket.
    assert_eq!(winner.attempts, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_expired_ticket_is_given_up_with_its_reason_and_others_go_on() {
    let mut scene = Scene::with_rounds(40).await;
    scene.fund(Wei::ether(10), Wei::ether(1)).await;
    let late = scene.win(finney(500), 0).await;
    scene.devnet.next_round().await;
    scene.devnet.next_round().await;
    let good = scene.win(finney(400), 0).await;
    let folder = tempfile::tempdir().unwrap();
    let running = start(&scene.chain, &scene.recipient, folder.path(), |_| {});
    for won in [&late, &good] {
        running.books.keep_winner(won.clone()).await.unwrap();
    }
    running.until_paid(&scene, good.ticket.hash()).await;
    let lost = running
        .until(&scene, late.ticket.hash(), |winner| {
            matches!(
                &winner.state,
                WinnerState::Settled {
                    settlement: Settlement::Lost { .. },
                    ..
                }
            )
        })
        .await;
    assert!(format!("{:?}", lost.state).contains("expired"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_somebody_else_redeemed_is_settled_as_paid() {
    let mut scene = Scene::with_rounds(100).await;
    scene.fund(Wei::ether(10), Wei::ether(1)).await;
    let won = scene.win(finney(500), 0).await;
    let plan = scene
        .chain
        .plan_redeem(
            scene.recipient.address(),
            vec![won.clone()],
            engine::chain::PlanOptions::default(),
        )
        .await
        .unwrap();
    let report = scene
        .outbox
        .submit(plan, engine::chain::SubmitOptions::default())
        .await
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let running = start(&scene.chain, &scene.recipient, folder.path(), |_| {});
    running.books.keep_winner(won.clone()).await.unwrap();
    let (transaction, amount, _, cost) = running.until_paid(&scene, won.ticket.hash()).await;
    assert_eq!(
        (transaction, amount, cost),
        (report.transactions[0].hash, finney(500), Wei::ZERO)
    );
}

/// Somebody else's redemption of the same ticket is ahead in the block: ours fails, and nothing is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trap_5_a_transaction_that_failed_is_no_lost_ticket() {
    let mut scene = Scene::with_rounds(200).await;
    scene.fund(Wei::ether(10), Wei::ether(1)).await;
    let won = scene.win(finney(500), 0).await;
    let folder = tempfile::tempdir().unwrap();
    let provider = scene.devnet.provider();
    provider.anvil_set_auto_mine(false).await.unwrap();
    let running = start(&scene.chain, &scene.recipient, folder.path(), |_| {});
    running.books.keep_winner(won.clone()).await.unwrap();
    let ours = scene.pending(1).await.remove(0);
    let faster = TransactionRequest::default()
        .from(scene.devnet.accounts.deployer.address())
        .to(scene.devnet.contracts.ticket_broker)
        .input(ours.input().clone().into())
        .gas_limit(1_000_000)
        .max_fee_per_gas(1_000_000_000_000)
        .max_priority_fee_per_gas(500_000_000_000);
    let faster = *provider.send_transaction(faster).await.unwrap().tx_hash();
    scene.pending(2).await;
    provider.anvil_mine(Some(1), None).await.unwrap();
    provider.anvil_set_auto_mine(true).await.unwrap();
    let failed = provider.get_transaction_receipt(ours.tx_hash()).await.unwrap();
    assert!(!failed.expect("it is mined").status());
    let (transaction, amount, _, _) = running.until_paid(&scene, won.ticket.hash()).await;
    assert_eq!((transaction, amount), (faster, finney(500)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trap_18_the_hash_that_was_mined_is_written_down() {
    let mut scene = Scene::with_rounds(200).await;
    scene.fund(Wei::ether(10), Wei::ether(1)).await;
    let won = scene.win(finney(500), 0).await;
    let folder = tempfile::tempdir().unwrap();
    let provider = scene.devnet.provider();
    provider.anvil_set_auto_mine(false).await.unwrap();
    let eager = GasPolicy {
        replace_after: Duration::from_millis(200),
        ..GasPolicy::default()
    };
    let running = start_with(&scene.chain, &scene.recipient, folder.path(), eager, |_| {});
    running.books.keep_winner(won.clone()).await.unwrap();
    let first = scene.pending(1).await[0].tx_hash();
    let begun = Instant::now();
    while scene.pending(1).await[0].tx_hash() == first {
        assert!(begun.elapsed() < Duration::from_secs(60), "it was offered once");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    provider.anvil_mine(Some(1), None).await.unwrap();
    provider.anvil_set_auto_mine(true).await.unwrap();
    let (transaction, amount, _, _) = running.until_paid(&scene, won.ticket.hash()).await;
    let mined = provider.get_transaction_receipt(transaction).await.unwrap();
    assert!(mined.expect("it is mined").status());
    assert_ne!(transaction, first);
    assert_eq!(amount, finney(500));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reorganisation_that_drops_a_redemption_is_made_good() {
    let mut scene = Scene::with_rounds(100).await;
    scene.fund(Wei::ether(10), Wei::ether(1)).await;
    let won = scene.win(finney(500), 0).await;
    let folder = tempfile::tempdir().unwrap();
    let snapshot = scene.devnet.provider().anvil_snapshot().await.unwrap();
    let running = start(&scene.chain, &scene.recipient, folder.path(), |_| {});
    running.books.keep_winner(won.clone()).await.unwrap();
    running.until_paid(&scene, won.ticket.hash()).await;
    assert!(scene.devnet.provider().anvil_revert(snapshot).await.unwrap());
    assert!(!scene.is_used(&won).await);
    // The chain goes on without it.
    scene.devnet.mine(8).await;
    let begun = Instant::now();
    while !scene.is_used(&won).await {
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "{:?}",
            *running.state.borrow()
        );
        scene.devnet.mine(1).await;
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    let (transaction, amount, _, _) = running.until_paid(&scene, won.ticket.hash()).await;
    assert_eq!(amount, finney(500));
    let found = scene
        .chain
        .redemptions(std::slice::from_ref(&won), 0)
        .await
        .unwrap();
    assert_eq!(found[0].unwrap().transaction, transaction);
}

/// An endpoint that can be switched off: connections are cut and none are taken.
struct Switch {
    url: String,
    is_down: Arc<AtomicBool>,
    connections: Arc<AtomicUsize>,
}

impl Switch {
    async fn before(target: &str) -> Self {
        let target = target
            .trim_start_matches("http://")
            .trim_end_matches('/')
            .to_string();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let is_down = Arc::new(AtomicBool::new(false));
        let connections = Arc::new(AtomicUsize::new(0));
        let (down, open) = (Arc::clone(&is_down), Arc::clone(&connections));
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let (target, down, open) = (target.clone(), Arc::clone(&down), Arc::clone(&open));
                open.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(async move {
                    if down.load(Ordering::SeqCst) {
                        open.fetch_sub(1, Ordering::SeqCst);
                        return;
                    }
                    let mut server = TcpStream::connect(target).await.unwrap();
                    let copying = tokio::io::copy_bidirectional(&mut client, &mut server);
                    let cut = async {
                        while !down.load(Ordering::SeqCst) {
                            tokio::time::sleep(Duration::from_millis(5)).await;
                        }
                    };
                    tokio::select! {
                        _ = copying => {}
                        () = cut => {}
                    }
                    open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self {
            url,
            is_down,
            connections,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_lost_in_the_middle_costs_time_and_nothing_else() {
    for moment in [Moment::Begun, Moment::Sent, Moment::Mined] {
        let mut scene = Scene::with_rounds(200).await;
        scene.fund(Wei::ether(10), Wei::ether(1)).await;
        let won = scene.win(finney(500), 0).await;
        let folder = tempfile::tempdir().unwrap();
        let before = (scene.fees().await, scene.sent().await);
        let switch = Switch::before(&scene.devnet.rpc_url).await;
        let chain = Chain::connect(config(&scene.devnet, &[&switch.url]))
            .await
            .unwrap();
        let (down, once) = (Arc::clone(&switch.is_down), AtomicBool::new(true));
        let open = Arc::clone(&switch.connections);
        let mut running = start(&chain, &scene.recipient, folder.path(), |settings| {
            let observer: Observer = Arc::new(move |now| {
                if now == moment && once.swap(false, Ordering::SeqCst) {
                    down.store(true, Ordering::SeqCst);
                    // The connections are cut before the next request is made, if whoever cuts them gets a turn.
                    let since = std::time::Instant::now();
                    while open.load(Ordering::SeqCst) > 0 && since.elapsed() < Duration::from_secs(1) {
                        std::thread::yield_now();
                    }
                }
            });
            settings.observer = Some(observer);
            settings.timeout = Duration::from_secs(1);
        });
        running.books.keep_winner(won.clone()).await.unwrap();
        running.until_told(|state| state.trouble.is_some()).await;
        switch.is_down.store(false, Ordering::SeqCst);
        let (_, amount, _, _) = running.until_paid(&scene, won.ticket.hash()).await;
        assert_eq!(amount, finney(500), "{moment:?}");
        // Redeemed once, whenever that was.
        assert_eq!(
            scene.fees().await.saturating_sub(before.0),
            finney(500),
            "{moment:?}"
        );
        assert_eq!(scene.sent().await, before.1 + 1, "{moment:?}");
    }
}

/// Starts over a proxy; what happens at a moment is done once.
async fn start_over(
    scene: &Scene,
    proxy: &Proxy,
    folder: &Path,
    moment: Moment,
    once: impl Fn() + Send + Sync + 'static,
) -> (Running, Arc<tokio::sync::Notify>) {
    let chain = Chain::connect(config(&scene.devnet, &[&proxy.url]))
        .await
        .unwrap();
    let (first, reached) = (AtomicBool::new(true), Arc::new(tokio::sync::Notify::new()));
    let told = Arc::clone(&reached);
    let running = start(&chain, &scene.recipient, folder, |settings| {
        let observer: Observer = Arc::new(move |now| {
            if now == moment && first.swap(false, Ordering::SeqCst) {
                once();
                told.notify_one();
            }
        });
        settings.observer = Some(observer);
        settings.timeout = Duration::from_secs(2);
    });
    (running, reached)
}

async fn sent_by(scene: &Scene) -> u64 {
    let account = scene.recipient.address();
    scene
        .devnet
        .provider()
        .get_transaction_count(account)
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_whose_acceptance_nobody_confirmed_is_not_sent_twice() {
    let mut scene = Scene::with_rounds(200).await;
    scene.fund(Wei::ether(10), Wei::ether(1)).await;
    let won = scene.win(finney(500), 0).await;
    let folder = tempfile::tempdir().unwrap();
    let proxy = Proxy::to(&scene.devnet.rpc_url).await;
    proxy.fault(Fault::LoseAnswer("eth_sendRawTransaction"));
    let before = sent_by(&scene).await;
    let (running, _) = start_over(&scene, &proxy, folder.path(), Moment::Settled, || {}).await;
    running.books.keep_winner(won.clone()).await.unwrap();
    let (_, amount, _, _) = running.until_paid(&scene, won.ticket.hash()).await;
    assert_eq!((amount, sent_by(&scene).await - before), (finney(500), 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_that_shows_old_heads_settles_nothing_and_costs_nothing() {
    let mut scene = Scene::with_rounds(200).await;
    scene.fund(Wei::ether(10), Wei::ether(1)).await;
    let won = scene.win(finney(500), 0).await;
    let folder = tempfile::tempdir().unwrap();
    let proxy = Proxy::to(&scene.devnet.rpc_url).await;
    let (liar, old) = (proxy.clone(), scene.block().await);
    let before = sent_by(&scene).await;
    let lie = move || liar.fault(Fault::Behind(old));
    let (mut running, reached) = start_over(&scene, &proxy, folder.path(), Moment::Mined, lie).await;
    let hash = won.ticket.hash();
    running.books.keep_winner(won.clone()).await.unwrap();
    tokio::time::timeout(Duration::from_secs(60), reached.notified())
        .await
        .unwrap();
    // A look or two with the lie in force.
    running.state.mark_unchanged();
    running.redeemer.wake();
    tokio::time::timeout(Duration::from_secs(60), running.state.changed())
        .await
        .unwrap()
        .unwrap();
    let winner = running.books.winner(hash).await.unwrap().unwrap();
    assert!(
        matches!(winner.state, WinnerState::InFlight { tx: Some(_), .. }),
        "{winner:?}"
    );
    proxy.heal();
    let (_, amount, _, _) = running.until_paid(&scene, hash).await;
    assert_eq!((amount, sent_by(&scene).await - before), (finney(500), 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forged_receipt_settles_nothing() {
    let mut scene = Scene::with_rounds(200).await;
    scene.fund(Wei::ether(10), Wei::ether(1)).await;
    let won = scene.win(finney(500), 0).await;
    let folder = tempfile::tempdir().unwrap();
    let proxy = Proxy::to(&scene.devnet.rpc_url).await;
    proxy.fault(Fault::ForgeReceipts(scene.block().await));
    scene.devnet.provider().anvil_set_auto_mine(false).await.unwrap();
    let before = sent_by(&scene).await;
    let (mut running, reached) = start_over(&scene, &proxy, folder.path(), Moment::Mined, || {}).await;
    let hash = won.ticket.hash();
    running.books.keep_winner(won.clone()).await.unwrap();
    tokio::time::timeout(Duration::from_secs(60), reached.notified())
        .await
        .unwrap();
    running.state.mark_unchanged();
    running.redeemer.wake();
    tokio::time::timeout(Duration::from_secs(60), running.state.changed())
        .await
        .unwrap()
        .unwrap();
    let winner = running.books.winner(hash).await.unwrap().unwrap();
    assert!(!matches!(winner.state, WinnerState::Settled { .. }), "{winner:?}");
    proxy.heal();
    let (transaction, amount, _, _) = running.until_paid(&scene, hash).await;
    let found = scene
        .chain
        .redemptions(std::slice::from_ref(&won), 0)
        .await
        .unwrap();
    assert_eq!(found[0].unwrap().transaction, transaction);
    assert_eq!((amount, sent_by(&scene).await - before), (finney(500), 1));
}
