//! `kill -9` at every moment of a redemption that matters: each ticket is paid once, by one transaction, and the books say
//! so.

use std::{
    os::unix::process::ExitStatusExt as _,
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use alloy::providers::Provider as _;
use engine::{
    chain::Chain,
    devnet::Role,
    payments::{Books, redeem::Moment},
    units::Wei,
};

use super::{
    Scene,
    driver::{Observer, start},
    finney,
};

/// Tells the child what to do: the moment, the endpoint and the folder.
const ORDERS: &str = "LPCTL_TEST_REDEEM";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_winner_is_redeemed_once_whenever_the_process_is_killed() {
    let mut scene = Scene::with_rounds(1_000).await;
    scene.fund(Wei::ether(100), Wei::ether(1)).await;
    for moment in Moment::ALL {
        let folder = tempfile::tempdir().unwrap();
        let tickets = [scene.win(finney(300), 0).await, scene.win(finney(200), 0).await];
        {
            let books = Books::open(&Books::path(folder.path())).unwrap();
            for won in &tickets {
                books.keep_winner(won.clone()).await.unwrap();
            }
        }
        let account = scene.recipient.address();
        let provider = scene.devnet.provider();
        let (sent, fees) = (
            provider.get_transaction_count(account).await.unwrap(),
            scene.fees().await,
        );
        let died = killed_at(moment, &scene, folder.path()).await;
        assert_eq!(died.signal(), Some(9), "{moment:?}: {died:?}");

        let running = start(&scene.chain, &scene.recipient, folder.path(), |_| {});
        let mut transactions = Vec::new();
        for won in &tickets {
            let (transaction, paid, _, _) = running.until_paid(&scene, won.ticket.hash()).await;
            assert_eq!(paid, won.ticket.face_value, "{moment:?}");
            transactions.push(transaction);
        }
        assert_eq!(transactions[0], transactions[1]);
        let found = scene.chain.redemptions(&tickets, 0).await.unwrap();
        assert!(
            found
                .iter()
                .all(|found| found.unwrap().transaction == transactions[0])
        );
        let more = provider.get_transaction_count(account).await.unwrap() - sent;
        assert_eq!(more, 1, "{moment:?}: {more} transactions");
        assert_eq!(scene.fees().await.saturating_sub(fees), finney(500), "{moment:?}");
    }
}

/// Runs a redeemer in a process of its own, which kills itself at the moment.
async fn killed_at(moment: Moment, scene: &Scene, folder: &Path) -> std::process::ExitStatus {
    let orders = format!(
        "{} {} {}",
        moment_name(moment),
        scene.devnet.rpc_url,
        folder.display()
    );
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "redeem::faults::the_process_that_is_killed",
            "--ignored",
            "--nocapture",
        ])
        .env(ORDERS, orders)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    for _ in 0..600 {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    child.kill().unwrap();
    child.wait().unwrap();
    panic!("{moment:?} was never reached");
}

fn moment_name(moment: Moment) -> String {
    format!("{moment:?}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the test above starts it with orders"]
async fn the_process_that_is_killed() {
    let Ok(orders) = std::env::var(ORDERS) else { return };
    testbed::install_tls();
    let mut orders = orders.splitn(3, ' ');
    let name = orders.next().unwrap();
    let moment = Moment::ALL
        .into_iter()
        .find(|moment| moment_name(*moment) == name)
        .unwrap();
    let rpc_url = orders.next().unwrap();
    let folder = Path::new(orders.next().unwrap());
    let mut chain_config = engine::chain::ChainConfig::new("devnet", vec![rpc_url.parse().unwrap()]);
    chain_config.controller = Some(engine::devnet::Contracts::standard().controller);
    let chain = Chain::connect(chain_config).await.unwrap();
    let _running = start(&chain, &Role::Orchestrator.signer(), folder, |settings| {
        let observer: Observer = Arc::new(move |now| {
            if now == moment {
                let _ =
                    rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
            }
        });
        settings.observer = Some(observer);
    });
    tokio::time::sleep(Duration::from_secs(50)).await;
}
