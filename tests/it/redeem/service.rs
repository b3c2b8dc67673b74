//! The redeemer service and its clients, over real sockets and a real chain.

use std::{path::Path, time::Duration};

use alloy::{primitives::Address, signers::SignerSync as _};
use engine::{
    chain::{GasPolicy, WatchSettings, Watcher},
    payments::{
        Books, Senders as _,
        books::{Settlement, WinnerState},
        redeemer::{QueueLimits, RedeemerAddress, RedeemerConfig, RemoteRedeemer, RunningRedeemer},
    },
    secret::OrchestratorSecret,
    units::Wei,
    wire::{
        client::connect_grpc,
        net::{MaxFloatReq, ticket_redeemer_client::TicketRedeemerClient},
    },
};
use tokio_util::sync::CancellationToken;
use tonic::Code;

use super::{Scene, finney};

impl Scene {
    /// A redeemer with an account of its own: the treasury's, which is no orchestrator.
    async fn redeemer(&self, folder: &Path, port: u16, secret: Option<&str>) -> RunningRedeemer {
        let config = RedeemerConfig {
            bind: ([127, 0, 0, 1], port).into(),
            tls: true,
            recipient: self.recipient.address(),
            secret: secret.map(|secret| secret.parse::<OrchestratorSecret>().unwrap()),
            limits: QueueLimits {
                pending: 3,
                streams: 2,
            },
            data_dir: folder.join("redeemer"),
            state_dir: folder.join("state"),
            gas: GasPolicy::default(),
            open_rounds: false,
            interval: Duration::from_millis(100),
        };
        let account = self.devnet.accounts.treasury.clone();
        RunningRedeemer::start(config, self.chain.clone(), account)
            .await
            .unwrap()
    }

    fn watcher(&self, stop: &CancellationToken) -> Watcher {
        let settings = WatchSettings {
            recipient: Some(self.recipient.address()),
            interval: Duration::from_millis(100),
            ..WatchSettings::default()
        };
        Watcher::start(self.chain.clone(), settings, stop.clone())
    }

    async fn remote(
        &self,
        redeemer: &RunningRedeemer,
        secret: Option<&str>,
        watcher: &Watcher,
        stop: &CancellationToken,
    ) -> RemoteRedeemer {
        let address: RedeemerAddress = redeemer.address().to_string().parse().unwrap();
        let secret = secret.map(|secret| secret.parse().unwrap());
        RemoteRedeemer::connect(address, secret, watcher.senders(), stop.clone())
            .await
            .unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_winner_left_with_a_redeemer_is_paid_to_the_orchestrator() {
    let mut scene = Scene::with_rounds(200).await;
    scene.fund(Wei::ether(10), Wei::ether(1)).await;
    let folder = tempfile::tempdir().unwrap();
    let redeemer = scene.redeemer(folder.path(), 0, Some("open sesame")).await;
    let stop = CancellationToken::new();
    let _ends = stop.clone().drop_guard();
    let watcher = scene.watcher(&stop);
    watcher.ready().await;
    let remote = scene
        .remote(&redeemer, Some("open sesame"), &watcher, &stop)
        .await;

    // The orchestrator's own books keep it until the redeemer has it.
    let books = Books::open(&Books::path(folder.path())).unwrap();
    let won = scene.win(finney(400), 0).await;
    let task = remote.hand_over(books.clone(), watcher.clock());
    books.keep_winner(won.clone()).await.unwrap();
    let before = scene.fees().await;
    let mut state = redeemer.state();
    let redeemed = async {
        while state.borrow().redeemed == 0 {
            scene.devnet.mine(1).await;
            let _ = tokio::time::timeout(Duration::from_millis(300), state.changed()).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), redeemed)
        .await
        .unwrap();
    assert_eq!(scene.fees().await.saturating_sub(before), finney(400));
    let kept = books.winner(won.ticket.hash()).await.unwrap().unwrap();
    let WinnerState::Settled {
        settlement: Settlement::HandedOver { to },
        ..
    } = kept.state
    else {
        panic!("{kept:?}");
    };
    assert_eq!(to, redeemer.address().to_string());
    // The same again changes nothing.
    remote.queue(&won).await.unwrap();
    stop.cancel();
    task.await.unwrap();
    assert_eq!(redeemer.stop().await.redeemed, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trap_47_only_what_the_contract_would_pay_is_taken_and_only_so_much() {
    let mut scene = Scene::with_rounds(200).await;
    let folder = tempfile::tempdir().unwrap();
    let redeemer = scene.redeemer(folder.path(), 0, Some("open sesame")).await;
    let stop = CancellationToken::new();
    let _ends = stop.clone().drop_guard();
    let watcher = scene.watcher(&stop);
    let remote = scene
        .remote(&redeemer, Some("open sesame"), &watcher, &stop)
        .await;
    let refused = |answer: Result<(), tonic::Status>| answer.unwrap_err();

    let won = scene.win(finney(100), 1_000_000).await;
    for secret in [None, Some("close sesame")] {
        let stranger = scene.remote(&redeemer, secret, &watcher, &stop).await;
        assert_eq!(refused(stranger.queue(&won).await).code(), Code::Unauthenticated);
    }
    let mut forged = won.clone();
    forged.ticket.face_value = Wei::ether(5);
    assert_eq!(refused(remote.queue(&forged).await).code(), Code::InvalidArgument);
    let mut foreign = won.clone();
    foreign.ticket.recipient = Address::repeat_byte(0xab);
    let signature = scene.gateway.sign_hash_sync(&foreign.ticket.digest()).unwrap();
    foreign.signature = signature.as_bytes();
    let answer = refused(remote.queue(&foreign).await);
    assert_eq!(answer.code(), Code::PermissionDenied);
    assert_eq!(
        answer.message(),
        format!(
            "invalid ticket recipient 0x{}, expected {}",
            "ab".repeat(20),
            scene.recipient.address()
        )
    );
    // Room for three.
    remote.queue(&won).await.unwrap();
    for _ in 0..2 {
        let more = scene.win(finney(100), 1_000_000).await;
        remote.queue(&more).await.unwrap();
    }
    let one_too_many = scene.win(finney(100), 1_000_000).await;
    assert_eq!(
        refused(remote.queue(&one_too_many).await).code(),
        Code::ResourceExhausted
    );
    redeemer.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_sender_can_pay_is_told_and_told_again_when_it_changes() {
    let scene = Scene::with_rounds(200).await;
    scene.fund(finney(10), finney(600)).await;
    let folder = tempfile::tempdir().unwrap();
    let redeemer = scene.redeemer(folder.path(), 0, None).await;
    let stop = CancellationToken::new();
    let _ends = stop.clone().drop_guard();
    let watcher = scene.watcher(&stop);
    watcher.ready().await;
    let remote = scene.remote(&redeemer, None, &watcher, &stop).await;
    let gateway = scene.gateway.address();
    // One orchestrator in the pool: all of the reserve is its share.
    assert_eq!(remote.max_float(gateway).await.unwrap(), finney(600));

    // As go-livepeer's client has it, on the wire.
    let url = format!("https://{}", redeemer.address()).parse().unwrap();
    let channel = connect_grpc(&url, Duration::from_secs(3)).await.unwrap();
    let mut client = TicketRedeemerClient::new(channel);
    let request = MaxFloatReq {
        sender: gateway.to_vec(),
    };
    let mut updates = client.monitor_max_float(request).await.unwrap().into_inner();
    scene.fund(finney(1), finney(400)).await;
    scene.devnet.mine(1).await;
    let told = async {
        loop {
            let update = updates.message().await.unwrap().unwrap();
            if update.max_float == finney(1_000).0.to_be_bytes_trimmed_vec() {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), told).await.unwrap();
    let changed = async {
        while remote.max_float(gateway).await.unwrap() != finney(1_000) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), changed)
        .await
        .unwrap();
    redeemer.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn winners_are_kept_while_the_redeemer_is_away() {
    let mut scene = Scene::with_rounds(200).await;
    scene.fund(Wei::ether(10), Wei::ether(1)).await;
    let folder = tempfile::tempdir().unwrap();
    let first = scene.redeemer(folder.path(), 0, None).await;
    let port = first.address().port();
    let stop = CancellationToken::new();
    let _ends = stop.clone().drop_guard();
    let watcher = scene.watcher(&stop);
    watcher.ready().await;
    let remote = scene.remote(&first, None, &watcher, &stop).await;
    first.stop().await;
    let books = Books::open(&Books::path(folder.path())).unwrap();
    let won = scene.win(finney(400), 0).await;
    books.keep_winner(won.clone()).await.unwrap();
    assert!(remote.queue(&won).await.is_err());
    let _task = remote.hand_over(books.clone(), watcher.clock());
    let second = scene.redeemer(folder.path(), port, None).await;
    let handed = async {
        loop {
            let kept = books.winner(won.ticket.hash()).await.unwrap().unwrap();
            if matches!(
                kept.state,
                WinnerState::Settled {
                    settlement: Settlement::HandedOver { .. },
                    ..
                }
            ) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), handed)
        .await
        .unwrap();
    second.stop().await;
}
