//! The guardian of rewards at work: endpoints that are down, gas that is too dear, several hosts, a purse that is empty.

use std::{
    os::unix::fs::PermissionsExt as _,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use alloy::{
    consensus::Transaction as _,
    eips::BlockId,
    network::TransactionResponse as _,
    primitives::{Address, U256},
    providers::{Provider, ext::AnvilApi},
    rpc::types::Filter,
    signers::local::PrivateKeySigner,
    sol,
    sol_types::SolEvent as _,
};
use axum::{Json, Router, extract::State, http::StatusCode, routing::post};
use engine::{
    chain::{Chain, Class, GasPolicy, Outbox, PlanOptions, SubmitError, SubmitOptions},
    devnet::Parameters,
    reward::{GasLimit, Guardian, GuardianSettings, Policy},
    units::Wei,
    view::reward::{AlertKind, GuardianEvent, RewardOutcome, Waiting},
};
use serde_json::Value;
use testbed::Devnet;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{
    activate, call, config, connect, protocol,
    proxy::{Proxy, dead},
    reward, rewards, send,
};

sol! {
    function initializeRound() external;
    event Reward(address indexed transcoder, uint256 amount);
}

const PATIENCE: Duration = Duration::from_secs(60);
/// Rounds both guardians watch.
const ROUNDS: u64 = 50;
const ROUND_LENGTH: u64 = 30;
const CEILING: u64 = 100;
const DEAR: u128 = 500_000_000_000;
const CHEAP: u128 = 1_000_000_000;

/// A host with a guardian, a state folder and a view of the chain of its own.
struct Host {
    guardian: Guardian,
    stop: CancellationToken,
    told: Arc<Mutex<Vec<GuardianEvent>>>,
    listening: JoinHandle<()>,
    _state: tempfile::TempDir,
}

impl Host {
    fn start(chain: Chain, signer: &PrivateKeySigner, settings: GuardianSettings) -> Self {
        Self::start_with(chain, signer, settings, GasPolicy::default())
    }

    fn start_with(
        chain: Chain,
        signer: &PrivateKeySigner,
        settings: GuardianSettings,
        gas: GasPolicy,
    ) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), chain, signer, settings, gas)
    }

    fn start_in(
        state: tempfile::TempDir,
        chain: Chain,
        signer: &PrivateKeySigner,
        settings: GuardianSettings,
        gas: GasPolicy,
    ) -> Self {
        let outbox = Outbox::open(chain.clone(), signer.clone(), state.path(), gas).unwrap();
        let stop = CancellationToken::new();
        let mut guardian = Guardian::start(chain, outbox, settings, None, stop.clone());
        let told: Arc<Mutex<Vec<GuardianEvent>>> = Arc::default();
        let (mut events, keep) = (guardian.events(), Arc::clone(&told));
        let listening = tokio::spawn(async move {
            while let Ok(event) = events.recv().await {
                let is_last = matches!(event, GuardianEvent::Stopped { .. });
                keep.lock().unwrap().push(event);
                if is_last {
                    return;
                }
            }
        });
        Self {
            guardian,
            stop,
            told,
            listening,
            _state: state,
        }
    }

    fn count(&self, is_it: impl Fn(&GuardianEvent) -> bool) -> usize {
        self.told
            .lock()
            .unwrap()
            .iter()
            .filter(|event| is_it(event))
            .count()
    }

    /// Waits until so many events have been told.
    async fn until(&self, count: usize, is_it: impl Fn(&GuardianEvent) -> bool) {
        let begun = Instant::now();
        while self.count(&is_it) < count {
            let told = || self.told.lock().unwrap().clone();
            assert!(begun.elapsed() < PATIENCE, "it was not told: {:#?}", told());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn stop(mut self) -> Vec<GuardianEvent> {
        self.stop.cancel();
        assert!(self.guardian.ended().await);
        self.listening.await.unwrap();
        std::mem::take(&mut *self.told.lock().unwrap())
    }
}

/// Looks often, and leaves the other host little time.
fn settings(orchestrator: Address, seed: u64) -> GuardianSettings {
    let usual = GuardianSettings::new(orchestrator, false);
    GuardianSettings {
        policy: Policy {
            interval: Duration::from_millis(40),
            jitter: Duration::from_millis(80),
            ..usual.policy
        },
        seed,
        ..usual
    }
}

async fn last_reward(devnet: &Devnet, orchestrator: Address) -> u64 {
    let asked = protocol::getTranscoderCall {
        transcoder: orchestrator,
    };
    let told = call(devnet, devnet.contracts.bonding_manager, asked).await;
    told.lastRewardRound.to()
}

async fn until_called(devnet: &Devnet, orchestrator: Address, round: u64) {
    let begun = Instant::now();
    while last_reward(devnet, orchestrator).await < round {
        assert!(
            begun.elapsed() < PATIENCE,
            "reward of round {round} is not called"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A block in which gas costs so much.
async fn block_at(devnet: &Devnet, price: u128) {
    let provider = devnet.provider();
    provider
        .anvil_set_next_block_base_fee_per_gas(price)
        .await
        .unwrap();
    provider.anvil_mine(Some(1), None).await.unwrap();
}

/// Enters a round, opens it while gas is dear, and keeps it dear for four fifths of the round.
async fn dear_round(devnet: &Devnet, orchestrator: Address, hosts: &[&Host], dear_rounds: usize) {
    let round = devnet.enter_next_round().await;
    block_at(devnet, DEAR).await;
    devnet
        .provider()
        .anvil_set_next_block_base_fee_per_gas(DEAR)
        .await
        .unwrap();
    let deployer = devnet.accounts.deployer.address();
    send(
        devnet,
        deployer,
        devnet.contracts.rounds_manager,
        initializeRoundCall {},
    )
    .await;
    let is_dear = |event: &GuardianEvent| {
        matches!(
            event,
            GuardianEvent::Waiting {
                waiting: Waiting::GasPrice { .. },
                ..
            }
        )
    };
    for host in hosts {
        host.until(dear_rounds, is_dear).await;
    }
    for _ in 0..ROUND_LENGTH * 4 / 5 - 2 {
        block_at(devnet, DEAR).await;
    }
    assert!(
        last_reward(devnet, orchestrator).await < round,
        "called above the ceiling"
    );
    for host in hosts {
        let is_late = |event: &GuardianEvent| {
            matches!(event, GuardianEvent::Alert(alert) if alert.alert == AlertKind::RewardLate
                && !alert.recovered && alert.round.map(|of| of.0) == Some(round))
        };
        host.until(1, is_late).await;
    }
    block_at(devnet, CHEAP).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_hosts_call_each_of_fifty_rewards_once_through_outages_and_dear_gas() {
    let devnet = testbed::devnet_with(Parameters::with_round_length(ROUND_LENGTH)).await;
    let direct = connect(&devnet).await;
    let signer = &devnet.accounts.orchestrator;
    let me = signer.address();
    activate(&direct, signer, 100).await;
    let (dead, shaky, good) = (
        dead().await,
        Proxy::to(&devnet.rpc_url).await,
        Proxy::to(&devnet.rpc_url).await,
    );
    let urls = [dead.as_str(), shaky.url.as_str(), good.url.as_str()];
    let start = async |seed| {
        let chain = Chain::connect(config(&devnet, &urls)).await.unwrap();
        let mut settings = settings(me, seed);
        settings.policy.gas = GasLimit {
            ceiling: Some(Wei::gwei(CEILING)),
            patient: None,
        };
        settings.policy.initialize = Some(Duration::from_millis(50));
        Host::start(chain, signer, settings)
    };
    let hosts = [start(1).await, start(2).await];
    let before = super::nonce(&devnet, me).await;
    let first = devnet.next_round().await;
    until_called(&devnet, me, first).await;
    let mut dear_rounds = 0;
    for index in 1..ROUNDS {
        if index == 10 {
            // From here on all endpoints but one are down.
            shaky.stop();
        }
        match index % 10 {
            3 | 8 => {
                dear_rounds += 1;
                dear_round(&devnet, me, &[&hosts[0], &hosts[1]], dear_rounds).await;
            }
            // Nobody opens it but the guardians.
            5 => {
                devnet.enter_next_round().await;
            }
            _ => {
                devnet.next_round().await;
            }
        }
        until_called(&devnet, me, first + index).await;
    }
    let sent = super::nonce(&devnet, me).await - before;
    let last = first + ROUNDS - 1;
    for host in &hosts {
        host.until(1, |event| match event {
            GuardianEvent::RewardCalled { round, .. } | GuardianEvent::CalledElsewhere { round, .. } => {
                round.0 == last
            }
            _ => false,
        })
        .await;
    }
    let [one, other] = hosts;
    let told = [one.stop().await, other.stop().await];

    let history = direct.reward_history(me, ROUNDS, &|_| {}).await.unwrap();
    assert_eq!(history.rounds.len() as u64, ROUNDS);
    let odd: Vec<_> = history
        .rounds
        .iter()
        .filter(|row| row.outcome != RewardOutcome::Called || !(first..=last).contains(&row.round.0))
        .collect();
    assert!(odd.is_empty(), "{odd:#?}");
    let filter = Filter::new()
        .address(devnet.contracts.bonding_manager)
        .event_signature(Reward::SIGNATURE_HASH)
        .topic1(me.into_word())
        .from_block(0);
    let minted = devnet.provider().get_logs(&filter).await.unwrap();
    assert_eq!(minted.len() as u64, ROUNDS, "one for each round and no more");
    // What both hosts signed alike is one transaction.
    let called: std::collections::BTreeSet<_> = told
        .iter()
        .flatten()
        .filter_map(|event| match event {
            GuardianEvent::RewardCalled {
                round, transaction, ..
            } => Some((*round, *transaction)),
            _ => None,
        })
        .collect();
    assert_eq!(called.len() as u64, ROUNDS, "{called:#?}");
    for events in &told {
        let alerts = |wanted: AlertKind| {
            events
                .iter()
                .filter(|event| matches!(event, GuardianEvent::Alert(alert) if alert.alert == wanted))
                .count()
        };
        assert_eq!(alerts(AlertKind::RewardMissed), 0);
        assert!(alerts(AlertKind::RewardLate) >= 2 * dear_rounds);
    }
    let [one, other] = told.each_ref().map(|events| {
        let is_own = |event: &&GuardianEvent| matches!(event, GuardianEvent::RewardCalled { .. });
        events.iter().filter(is_own).count()
    });
    println!("{ROUNDS} rounds: one host called {one}, the other {other}, with {sent} transactions in all");
}

/// Takes alerts; fails once.
async fn webhook() -> (String, Arc<Mutex<Vec<Value>>>) {
    type Taken = (Arc<Mutex<Vec<Value>>>, Arc<Mutex<bool>>);
    async fn take(State((taken, failed)): State<Taken>, Json(alert): Json<Value>) -> StatusCode {
        if !std::mem::replace(&mut *failed.lock().unwrap(), true) {
            return StatusCode::BAD_GATEWAY;
        }
        taken.lock().unwrap().push(alert);
        StatusCode::NO_CONTENT
    }
    let taken: Arc<Mutex<Vec<Value>>> = Arc::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook?token=SECRET", listener.local_addr().unwrap());
    let router = Router::new()
        .route("/hook", post(take))
        .with_state((Arc::clone(&taken), Arc::default()));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, taken)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_purse_is_told_and_so_is_its_end() {
    let devnet = testbed::devnet().await;
    let chain = connect(&devnet).await;
    let signer = &devnet.accounts.orchestrator;
    let me = signer.address();
    activate(&chain, signer, 100).await;
    let provider = devnet.provider();
    provider.anvil_set_balance(me, U256::from(1)).await.unwrap();
    let round = devnet.next_round().await;

    let (url, taken) = webhook().await;
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("alert");
    let kept = folder.path().join("kept");
    let script = format!(
        "#!/bin/sh\necho \"$LPCTL_ALERT $LPCTL_ALERT_RECOVERED $LPCTL_ALERT_ROUND\" >> {}\n",
        kept.display()
    );
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
    let mut settings = settings(me, 3);
    settings.alerts.webhook = Some(url.parse().unwrap());
    settings.alerts.program = Some(program);
    settings.alerts.environment = vec![("PATH".into(), std::env::var_os("PATH").unwrap())];
    let host = Host::start(chain.clone(), signer, settings);
    let is_blocked = |event: &GuardianEvent| {
        matches!(event, GuardianEvent::Waiting { waiting: Waiting::Obstacle { code, .. }, .. }
            if code == "insufficient_eth")
    };
    host.until(1, is_blocked).await;
    devnet.mine(8).await;
    let is_late = |event: &GuardianEvent| matches!(event, GuardianEvent::Alert(alert) if alert.alert == AlertKind::RewardLate && !alert.recovered);
    host.until(1, is_late).await;
    provider.anvil_set_balance(me, Wei::ether(1).0).await.unwrap();
    until_called(&devnet, me, round).await;

    let lines = || std::fs::read_to_string(&kept).unwrap_or_default();
    let begun = Instant::now();
    let all = [
        ("balance_low", false),
        ("reward_late", false),
        ("balance_low", true),
        ("reward_late", true),
    ];
    loop {
        let posted = taken.lock().unwrap().clone();
        let told = all.iter().all(|(kind, recovered)| {
            let line = format!("{kind} {recovered} {round}");
            posted
                .iter()
                .any(|alert| alert["alert"] == *kind && alert["recovered"] == *recovered)
                && lines().lines().any(|other| other == line)
        });
        if told {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "{posted:#?}\n{}", lines());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let posted = taken.lock().unwrap().clone();
    let late = posted
        .iter()
        .find(|alert| alert["alert"] == "reward_late")
        .unwrap();
    assert_eq!(late["orchestrator"], me.to_string());
    assert_eq!(late["round"], round);
    assert!(late["round_percent"].as_u64().unwrap() >= 25);
    assert!(late["text"].as_str().unwrap().contains("short for gas"), "{late}");
    let events = host.stop().await;
    let is_lost = |event: &&GuardianEvent| matches!(event, GuardianEvent::AlertNotDelivered { .. });
    assert_eq!(events.iter().find(is_lost), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alert_that_cannot_be_delivered_is_said_so_without_its_token() {
    let devnet = testbed::devnet().await;
    let chain = connect(&devnet).await;
    let signer = &devnet.accounts.orchestrator;
    activate(&chain, signer, 100).await;
    let provider = devnet.provider();
    provider
        .anvil_set_balance(signer.address(), U256::from(1))
        .await
        .unwrap();
    devnet.next_round().await;
    let mut settings = settings(signer.address(), 4);
    let url = format!("{}/hook?token=SECRET", dead().await);
    settings.alerts.webhook = Some(url.parse().unwrap());
    settings.alerts.program = Some("/bin/false".into());
    let host = Host::start(chain, signer, settings);
    let is_lost = |event: &GuardianEvent| matches!(event, GuardianEvent::AlertNotDelivered { .. });
    host.until(2, is_lost).await;
    let told = format!("{:?}", host.stop().await);
    assert!(told.contains("/bin/false: exit status: 1"), "{told}");
    assert!(!told.contains("SECRET"), "{told}");
}

/// A devnet that mines nothing from now on, an orchestrator's reward to be called in this round, and its nonce.
async fn due_and_not_mined() -> (Devnet, Chain, u64, u64) {
    let devnet = testbed::devnet().await;
    let chain = connect(&devnet).await;
    let me = &devnet.accounts.orchestrator;
    activate(&chain, me, 100).await;
    let round = devnet.next_round().await;
    devnet.provider().anvil_set_auto_mine(false).await.unwrap();
    let nonce = super::nonce(&devnet, me.address()).await;
    (devnet, chain, round, nonce)
}

/// What the account offers for a unit of gas, for each transaction of its own that waits.
async fn offers(devnet: &Devnet, account: Address) -> Vec<u128> {
    let pending = devnet.provider().get_block(BlockId::pending()).full().await;
    let waiting = pending.unwrap().unwrap().transactions.into_transactions();
    waiting
        .filter(|waiting| waiting.from() == account)
        .map(|waiting| waiting.as_recovered().max_fee_per_gas())
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_mined_is_offered_for_more_and_not_sent_twice() {
    let (devnet, chain, round, before) = due_and_not_mined().await;
    let (me, provider) = (&devnet.accounts.orchestrator, devnet.provider());
    let mut settings = settings(me.address(), 7);
    settings.timeout = Duration::from_millis(400);
    let gas = GasPolicy {
        replace_after: Duration::from_millis(100),
        ..GasPolicy::default()
    };
    let host = Host::start_with(chain, me, settings, gas);
    let begun = Instant::now();
    let mut seen = Vec::new();
    while seen.len() < 2 {
        assert!(begun.elapsed() < PATIENCE, "it was offered once: {seen:?}");
        for offer in offers(&devnet, me.address()).await {
            if seen.last() != Some(&offer) {
                seen.push(offer);
            }
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(seen[1] > seen[0], "{seen:?}");
    let is_unconfirmed = |event: &GuardianEvent| matches!(event, GuardianEvent::TryFailed { code, .. } if code == "unconfirmed");
    host.until(2, is_unconfirmed).await;
    provider.anvil_set_auto_mine(true).await.unwrap();
    devnet.mine(1).await;
    until_called(&devnet, me.address(), round).await;
    let is_resting = |event: &GuardianEvent| {
        matches!(
            event,
            GuardianEvent::Waiting {
                waiting: Waiting::Called,
                ..
            }
        )
    };
    host.until(1, is_resting).await;
    devnet.mine(2).await;
    assert_eq!(super::nonce(&devnet, me.address()).await, before + 1);
    host.stop().await;
}

/// Several may order the reward at once, and the guardian looks on: one transaction is enough, and hurried if need be.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reward_that_is_on_its_way_is_sent_by_nobody_else() {
    let (devnet, chain, round, before) = due_and_not_mined().await;
    let (me, provider) = (&devnet.accounts.orchestrator, devnet.provider());
    let state = tempfile::tempdir().unwrap();
    let outbox = Outbox::open(chain.clone(), me.clone(), state.path(), GasPolicy::default()).unwrap();
    // Each is planned before the other is sent.
    let order = || {
        let (chain, outbox) = (chain.clone(), outbox.clone());
        let options = PlanOptions {
            queue: true,
            ..PlanOptions::default()
        };
        async move {
            let plan = chain.plan_reward(outbox.account(), options).await.unwrap();
            outbox.submit(plan, SubmitOptions::default()).await
        }
    };
    let (mut one, mut other) = (tokio::spawn(order()), tokio::spawn(order()));
    let (refused, first) = tokio::select! {
        done = &mut one => (done, other),
        done = &mut other => (done, one),
    };
    let refused = refused.unwrap().unwrap_err();
    let SubmitError::OnItsWay { hash, .. } = refused else {
        panic!("{refused}");
    };
    assert_eq!((refused.class(), refused.code()), (Class::Refused, "on_its_way"));
    let waiting = provider.get_transaction_by_hash(hash).await.unwrap().unwrap();

    let settings = settings(me.address(), 7);
    let host = Host::start_in(state, chain, me, settings, GasPolicy::default());
    let begun = Instant::now();
    loop {
        assert!(
            begun.elapsed() < PATIENCE,
            "it was not hurried: {:#?}",
            host.told.lock().unwrap()
        );
        let pending = offers(&devnet, me.address()).await;
        assert_eq!(pending.len(), 1, "{pending:?}");
        if pending[0] > waiting.as_recovered().max_fee_per_gas() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    provider.anvil_set_auto_mine(true).await.unwrap();
    devnet.mine(1).await;
    until_called(&devnet, me.address(), round).await;
    // Who ordered it learns of the one that was mined.
    let report = first.await.unwrap().unwrap();
    assert_ne!(report.transactions[0].hash, hash);
    host.until(1, |event| matches!(event, GuardianEvent::RewardCalled { .. }))
        .await;
    assert_eq!(super::nonce(&devnet, me.address()).await, before + 1);
    assert_eq!(
        host.count(|event| matches!(event, GuardianEvent::TryFailed { .. })),
        0
    );
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reward_caller_watches_over_a_cold_key() {
    let devnet = testbed::devnet_with(Parameters::with_round_length(60)).await;
    let chain = connect(&devnet).await;
    let me = &devnet.accounts.orchestrator;
    let caller = &devnet.accounts.delegator;
    activate(&chain, me, 100).await;
    devnet.next_round().await;
    reward(&chain, me).await;
    rewards::name_reward_caller(&devnet, me.address(), caller.address()).await;
    let cold = super::nonce(&devnet, me.address()).await;
    let host = Host::start(chain, caller, settings(me.address(), 5));
    for _ in 0..3 {
        let round = devnet.next_round().await;
        until_called(&devnet, me.address(), round).await;
    }
    let is_called = |event: &GuardianEvent| matches!(event, GuardianEvent::RewardCalled { .. });
    host.until(3, is_called).await;
    assert_eq!(super::nonce(&devnet, me.address()).await, cold);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guardian_that_starts_late_catches_up_and_one_that_is_stopped_stops() {
    let devnet = testbed::devnet().await;
    let chain = connect(&devnet).await;
    let me = &devnet.accounts.orchestrator;
    activate(&chain, me, 100).await;
    let round = devnet.next_round().await;
    devnet.mine(16).await;
    let host = Host::start(chain.clone(), me, settings(me.address(), 6));
    until_called(&devnet, me.address(), round).await;
    let is_called = |event: &GuardianEvent| matches!(event, GuardianEvent::RewardCalled { .. });
    host.until(1, is_called).await;
    let events = host.stop().await;
    assert!(matches!(events.first(), Some(GuardianEvent::Started { .. })));
    assert!(matches!(
        events.last(),
        Some(GuardianEvent::Stopped { rewards: 1, .. })
    ));
    // Started again, it finds that there is nothing to do.
    let host = Host::start(chain, me, settings(me.address(), 6));
    let is_resting = |event: &GuardianEvent| {
        matches!(
            event,
            GuardianEvent::Waiting {
                waiting: Waiting::Called,
                ..
            }
        )
    };
    host.until(1, is_resting).await;
    assert_eq!(host.count(is_called), 0);
    host.stop().await;
}
