//! The chain, followed on a real devnet, over endpoints that lag, drop, lie and change.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use alloy::{
    network::TransactionBuilder,
    primitives::{Address, B256, Bytes, U64, U256, keccak256},
    providers::{Provider, ext::AnvilApi},
    rpc::types::{Log, TransactionRequest},
    signers::Signer,
    sol_types::{SolCall, SolEvent},
};
use engine::{
    chain::{At, ChainEvent, ChainSenders, Checkpoint, WatchSettings, Watcher},
    payments::{ChainTime, SenderFacts, Senders},
    units::{Round, Wei},
};
use testbed::Devnet;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use super::{
    activate, call, config, connect,
    proxy::{Fault, Proxy},
    send,
};

mod broker {
    alloy::sol! {
        struct SenderInfo { uint256 deposit; uint256 withdrawRound; }
        struct ReserveInfo { uint256 fundsRemaining; uint256 claimedInCurrentRound; }
        function getSenderInfo(address sender) external view returns (SenderInfo info, ReserveInfo reserve);
        function fundDepositAndReserve(uint256 depositAmount, uint256 reserveAmount) external payable;
        function fundDeposit() external payable;
        function unlock() external;
        function cancelUnlock() external;
        function unbond(uint256 amount) external;
        function setRoundLength(uint256 length) external;
        event DepositFunded(address indexed sender, uint256 amount);
    }
}

const BRISK: Duration = Duration::from_millis(100);
/// Longer than anything takes; nothing is waited for by time alone.
const LONG: Duration = Duration::from_secs(60);

struct Watch {
    watcher: Watcher,
    events: broadcast::Receiver<ChainEvent>,
    stop: CancellationToken,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Watch {
    async fn over(devnet: &Devnet, urls: &[&str], settings: WatchSettings) -> Self {
        let chain = engine::chain::Chain::connect(config(devnet, urls)).await.unwrap();
        Self::start(chain, settings)
    }

    fn start(chain: engine::chain::Chain, settings: WatchSettings) -> Self {
        let stop = CancellationToken::new();
        let settings = WatchSettings {
            interval: BRISK,
            ..settings
        };
        let watcher = Watcher::start(chain, settings, stop.clone());
        let events = watcher.events();
        Self {
            watcher,
            events,
            stop,
        }
    }

    async fn ready(&self) -> ChainTime {
        tokio::time::timeout(LONG, self.watcher.ready()).await.unwrap()
    }

    /// Waits for a clock that is as wanted.
    async fn until(&self, wanted: impl Fn(&ChainTime) -> bool) -> ChainTime {
        let mut clock = self.watcher.clock();
        let found = clock.wait_for(|now| now.as_ref().is_some_and(&wanted));
        let found = tokio::time::timeout(LONG, found).await;
        let found =
            found.unwrap_or_else(|_| panic!("the clock never was as wanted: {:?}", self.watcher.outage()));
        found.unwrap().unwrap()
    }

    /// Waits until the watcher has seen the devnet's newest block.
    async fn caught_up(&self, devnet: &Devnet) -> ChainTime {
        let head = devnet.provider().get_block_number().await.unwrap();
        self.until(|now| now.block >= head).await
    }

    async fn next(&mut self) -> ChainEvent {
        let event = tokio::time::timeout(LONG, self.events.recv()).await;
        let event = event.unwrap_or_else(|_| {
            panic!(
                "nothing is told; {:?}, {:?}",
                self.watcher.outage(),
                *self.watcher.clock().borrow()
            )
        });
        event.unwrap()
    }

    /// All events up to one of this kind.
    async fn up_to(&mut self, is_last: impl Fn(&ChainEvent) -> bool) -> Vec<ChainEvent> {
        let mut events = Vec::new();
        loop {
            let event = self.next().await;
            let found = is_last(&event);
            events.push(event);
            if found {
                return events;
            }
        }
    }
}

fn wei(amount: u64) -> Wei {
    Wei(U256::from(amount))
}

async fn pay(devnet: &Devnet, from: Address, value: u64, call: impl SolCall) {
    let request = TransactionRequest::default()
        .with_from(from)
        .with_to(devnet.contracts.ticket_broker)
        .with_value(U256::from(value))
        .with_input(call.abi_encode())
        .with_gas_limit(1_000_000);
    let sent = devnet.provider().send_transaction(request).await.unwrap();
    assert!(sent.get_receipt().await.unwrap().status());
}

async fn fund(devnet: &Devnet, from: Address, deposit: u64, reserve: u64) {
    let call = broker::fundDepositAndReserveCall {
        depositAmount: U256::from(deposit),
        reserveAmount: U256::from(reserve),
    };
    pay(devnet, from, deposit + reserve, call).await;
}

/// What the contract says, without the engine.
async fn fresh(devnet: &Devnet, sender: Address) -> SenderFacts {
    let broker = devnet.contracts.ticket_broker;
    let found = call(devnet, broker, broker::getSenderInfoCall { sender }).await;
    SenderFacts {
        deposit: Wei(found.info.deposit),
        withdraw_round: Round(found.info.withdrawRound.to()),
        reserve: Wei(found.reserve.fundsRemaining),
        claimed: Wei(found.reserve.claimedInCurrentRound),
        claimed_by_recipient: Wei::ZERO,
    }
}

async fn agrees(senders: &Arc<ChainSenders>, devnet: &Devnet, sender: Address) -> SenderFacts {
    let kept = senders.facts(sender).await.unwrap();
    assert_eq!(kept, fresh(devnet, sender).await);
    kept
}

#[tokio::test]
async fn the_clock_says_what_the_contracts_say() {
    let devnet = testbed::devnet().await;
    let round = devnet.next_round().await;
    let me = &devnet.accounts.orchestrator;
    let chain = connect(&devnet).await;
    activate(&chain, me, 100).await;
    let settings = WatchSettings {
        recipient: Some(me.address()),
        ..WatchSettings::default()
    };
    let mut watch = Watch::start(chain.clone(), settings);
    let now = watch.ready().await;
    let facts = chain.round().await.unwrap().round;
    assert_eq!(now.round, Round(round));
    assert_eq!((now.current_round, now.is_initialized()), (facts.round, true));
    assert_eq!(
        (now.round_start, now.round_length),
        (facts.start_block, facts.length)
    );
    assert_eq!(now.l1_block, facts.clock_block);
    assert_eq!((now.ticket_validity, now.pool_size), (2, 1));
    assert!(now.gas_price > Wei::ZERO);
    assert_ne!(now.round_hash, B256::ZERO);
    assert_eq!(now.ticket_round(), (Round(round), now.round_hash));
    assert!(!watch.watcher.is_active(), "active only from the next round");

    // The round ends without anybody opening the next, then somebody does.
    devnet.enter_next_round().await;
    let between = watch.until(|now| now.current_round == Round(round + 1)).await;
    assert_eq!((between.round, between.is_initialized()), (Round(round), false));
    devnet.chain().initialize_round().await.unwrap();
    let next = watch.until(|now| now.round == Round(round + 1)).await;
    assert_eq!(next.previous_round_hash, now.round_hash);
    let events = watch
        .up_to(|event| matches!(event, ChainEvent::NewRound { .. }))
        .await;
    let Some(ChainEvent::NewRound { block_hash, .. }) = events.last() else {
        panic!("no round");
    };
    assert_eq!(*block_hash, next.round_hash);
    assert!(watch.watcher.is_active());
    let own = watch.watcher.own().borrow().clone().unwrap();
    assert_eq!(own.service_uri.as_deref(), Some("https://127.0.0.1:8935"));
    assert!(own.registered && own.locks.is_empty());
}

/// Trap 44: a block is seen without another one after it, as on a chain that makes one for each transaction.
#[tokio::test]
async fn trap_44_a_single_block_is_enough_to_be_seen() {
    let devnet = testbed::devnet().await;
    devnet.next_round().await;
    let me = &devnet.accounts.orchestrator;
    let chain = connect(&devnet).await;
    activate(&chain, me, 100).await;
    // Stake counts, and can be unbonded, from the next round.
    devnet.next_round().await;
    let settings = WatchSettings {
        recipient: Some(me.address()),
        ..WatchSettings::default()
    };
    let mut watch = Watch::start(chain, settings);
    watch.caught_up(&devnet).await;
    let amount = U256::from(5_000_000_000_000_000_000u64);
    send(
        &devnet,
        me.address(),
        devnet.contracts.bonding_manager,
        broker::unbondCall { amount },
    )
    .await;
    let event = watch.next().await;
    assert!(matches!(event, ChainEvent::Unbonded { amount: unbonded, .. } if unbonded.0 == amount));
    let mut own = watch.watcher.own();
    let found = own.wait_for(|own| own.as_ref().is_some_and(|own| own.locks.len() == 1));
    let found = tokio::time::timeout(LONG, found).await.unwrap().unwrap().clone();
    assert_eq!(found.unwrap().locks[0].amount_lpt.0, amount);
}

/// Trap 40: a price below the least is raised to it. One that was higher before does not stay.
#[tokio::test]
async fn trap_40_a_price_below_the_least_is_raised_not_ignored() {
    let devnet = testbed::devnet().await;
    devnet.next_round().await;
    let dear = 900_000_000_000;
    let provider = devnet.provider();
    provider
        .anvil_set_next_block_base_fee_per_gas(dear)
        .await
        .unwrap();
    devnet.mine(1).await;
    let settings = WatchSettings {
        min_gas_price: Wei::gwei(100),
        ..WatchSettings::default()
    };
    let watch = Watch::start(connect(&devnet).await, settings);
    let before = watch.caught_up(&devnet).await;
    assert!(before.gas_price >= Wei::gwei(700), "{:?}", before.gas_price);
    provider
        .anvil_set_next_block_base_fee_per_gas(1_000)
        .await
        .unwrap();
    devnet.mine(1).await;
    watch.until(|now| now.gas_price == Wei::gwei(100)).await;
}

/// Trap 42: the length of a round and what else governance can change is read, and read again.
#[tokio::test]
async fn trap_42_a_round_is_as_long_as_governance_says_now() {
    let devnet = testbed::devnet().await;
    devnet.next_round().await;
    let watch = Watch::start(connect(&devnet).await, WatchSettings::default());
    let before = watch.ready().await;
    let length = U256::from(before.round_length + 7);
    send(
        &devnet,
        devnet.accounts.deployer.address(),
        devnet.contracts.rounds_manager,
        broker::setRoundLengthCall { length },
    )
    .await;
    watch
        .until(|now| now.round_length == before.round_length + 7)
        .await;
}

#[tokio::test]
async fn senders_are_read_once_and_then_kept_by_events() {
    let devnet = testbed::devnet().await;
    devnet.next_round().await;
    let proxy = Proxy::to(&devnet.rpc_url).await;
    let gateway = devnet.accounts.gateway.address();
    fund(&devnet, gateway, 1_000, 500).await;
    let mut watch = Watch::over(&devnet, &[&proxy.url], WatchSettings::default()).await;
    watch.ready().await;
    let senders = watch.watcher.senders();
    let first = agrees(&senders, &devnet, gateway).await;
    assert_eq!((first.deposit, first.reserve), (wei(1_000), wei(500)));

    // From here on nobody may ask the contract: what the events say has to do.
    proxy.fault(Fault::Swallow("e1a589da"));
    fund(&devnet, gateway, 30, 20).await;
    pay(&devnet, gateway, 7, broker::fundDepositCall {}).await;
    send(
        &devnet,
        gateway,
        devnet.contracts.ticket_broker,
        broker::unlockCall {},
    )
    .await;
    watch
        .up_to(|event| matches!(event, ChainEvent::UnlockStarted { .. }))
        .await;
    let kept = agrees(&senders, &devnet, gateway).await;
    assert_eq!((kept.deposit, kept.reserve), (wei(1_037), wei(520)));
    assert!(kept.withdraw_round > Round(0));
    send(
        &devnet,
        gateway,
        devnet.contracts.ticket_broker,
        broker::cancelUnlockCall {},
    )
    .await;
    watch
        .up_to(|event| matches!(event, ChainEvent::UnlockCancelled { .. }))
        .await;
    agrees(&senders, &devnet, gateway).await;
    // A stranger is not known, and cannot be read now.
    let stranger = Address::repeat_byte(0x77);
    assert!(senders.facts(stranger).await.is_err());
}

#[tokio::test]
async fn what_is_being_redeemed_counts_until_it_is_let_go() {
    let devnet = testbed::devnet().await;
    let me = &devnet.accounts.orchestrator;
    devnet.next_round().await;
    let chain = connect(&devnet).await;
    activate(&chain, me, 100).await;
    let gateway = devnet.accounts.gateway.address();
    fund(&devnet, gateway, 250, 100).await;
    let settings = WatchSettings {
        recipient: Some(me.address()),
        ..WatchSettings::default()
    };
    let watch = Watch::start(chain, settings);
    watch.ready().await;
    let senders = watch.watcher.senders();
    let mut changes = senders.changes();
    assert_eq!(senders.max_float(gateway).await.unwrap(), wei(100));
    let first = senders.hold(gateway, wei(80));
    assert_eq!(
        changes.recv().await.unwrap(),
        engine::chain::SenderChange::One(gateway)
    );
    // The deposit covers it three times.
    assert_eq!(senders.max_float(gateway).await.unwrap(), wei(100));
    let second = senders.hold(gateway, wei(10));
    assert_eq!(senders.max_float(gateway).await.unwrap(), wei(10));
    assert_eq!(senders.available(gateway).await.unwrap(), wei(260));
    let third = senders.hold(gateway, wei(5_000));
    assert_eq!(senders.max_float(gateway).await.unwrap(), Wei::ZERO);
    drop(third);
    drop(first);
    assert_eq!(senders.pending(gateway), wei(10));
    drop(second);
    assert_eq!(senders.pending(gateway), Wei::ZERO);
}

/// The chain takes a deposit back, and later has another one in its place.
#[tokio::test]
async fn a_reorganisation_takes_back_what_was_told() {
    let devnet = testbed::devnet().await;
    devnet.next_round().await;
    let gateway = devnet.accounts.gateway.address();
    fund(&devnet, gateway, 100, 100).await;
    let mut watch = Watch::start(connect(&devnet).await, WatchSettings::default());
    watch.ready().await;
    let senders = watch.watcher.senders();
    agrees(&senders, &devnet, gateway).await;

    let snapshot = devnet.provider().anvil_snapshot().await.unwrap();
    pay(&devnet, gateway, 11, broker::fundDepositCall {}).await;
    devnet.mine(2).await;
    let told = watch
        .up_to(|event| matches!(event, ChainEvent::DepositFunded { .. }))
        .await;
    let Some(ChainEvent::DepositFunded { at: first, .. }) = told.last().cloned() else {
        panic!("no deposit");
    };
    let before = watch.caught_up(&devnet).await;
    assert_eq!(agrees(&senders, &devnet, gateway).await.deposit, wei(111));

    assert!(devnet.provider().anvil_revert(snapshot).await.unwrap());
    pay(&devnet, gateway, 13, broker::fundDepositCall {}).await;
    // One block more than before, so that the new chain is the longer one.
    devnet.mine(3).await;
    let told = watch
        .up_to(|event| matches!(event, ChainEvent::DepositFunded { .. }))
        .await;
    let Some(ChainEvent::Reorganised { from_block }) = told.first() else {
        panic!("nothing was taken back: {told:?}");
    };
    let Some(ChainEvent::DepositFunded {
        amount, at: second, ..
    }) = told.last()
    else {
        panic!("no deposit");
    };
    assert_eq!(*amount, wei(13));
    assert!(*from_block <= first.block && first.transaction != second.transaction);
    watch.until(|now| now.block > before.block).await;
    assert_eq!(agrees(&senders, &devnet, gateway).await.deposit, wei(113));
}

/// The same with a chain that is shorter afterwards, as one that was set back is.
#[tokio::test]
async fn a_chain_that_was_set_back_is_followed_once_it_goes_on() {
    let devnet = testbed::devnet().await;
    let first = devnet.next_round().await;
    let gateway = devnet.accounts.gateway.address();
    let mut watch = Watch::start(connect(&devnet).await, WatchSettings::default());
    watch.ready().await;
    let snapshot = devnet.provider().anvil_snapshot().await.unwrap();
    fund(&devnet, gateway, 5, 5).await;
    let round = devnet.next_round().await;
    watch.until(|now| now.round == Round(round)).await;
    let senders = watch.watcher.senders();
    agrees(&senders, &devnet, gateway).await;

    assert!(devnet.provider().anvil_revert(snapshot).await.unwrap());
    devnet.increase_time(3_600).await;
    fund(&devnet, gateway, 7, 7).await;
    let now = watch.until(|now| now.round == Round(first)).await;
    assert!(now.block < devnet.provider().get_block_number().await.unwrap() + 1);
    watch
        .up_to(|event| matches!(event, ChainEvent::DepositFunded { amount, .. } if *amount == wei(7)))
        .await;
    assert_eq!(agrees(&senders, &devnet, gateway).await.deposit, wei(7));
}

/// An endpoint that shows an old head does not turn the clock back.
#[tokio::test]
async fn an_endpoint_that_lags_behind_does_not_turn_the_clock_back() {
    let devnet = testbed::devnet().await;
    devnet.next_round().await;
    devnet.mine(3).await;
    let old = devnet.provider().get_block_number().await.unwrap();
    devnet.increase_time(100).await;
    devnet.mine(5).await;
    let proxy = Proxy::to(&devnet.rpc_url).await;
    let watch = Watch::over(&devnet, &[&proxy.url], WatchSettings::default()).await;
    let now = watch.ready().await;
    proxy.fault(Fault::Behind(old));
    let outage = tokio::time::timeout(LONG, async {
        loop {
            if let Some(outage) = watch.watcher.outage() {
                return outage;
            }
            tokio::task::yield_now().await;
        }
    });
    let outage = outage.await.unwrap();
    assert!(outage.reason.contains("is known"), "{}", outage.reason);
    assert_eq!(watch.watcher.clock().borrow().unwrap().block, now.block);
}

/// With two endpoints there is no outage: the one that has the later head is asked.
#[tokio::test]
async fn of_two_endpoints_the_one_that_lags_behind_is_left_alone() {
    let devnet = testbed::devnet().await;
    devnet.next_round().await;
    let old = devnet.provider().get_block_number().await.unwrap();
    devnet.mine(5).await;
    let proxy = Proxy::to(&devnet.rpc_url).await;
    let urls = [proxy.url.as_str(), devnet.rpc_url.as_str()];
    let watch = Watch::over(&devnet, &urls, WatchSettings::default()).await;
    watch.ready().await;
    proxy.fault(Fault::Behind(old));
    devnet.mine(5).await;
    watch.caught_up(&devnet).await;
    assert_eq!(watch.watcher.outage(), None);
    // Nor does one that lagged from the beginning keep the other one's head from being found out.
    let late = Watch::over(&devnet, &urls, WatchSettings::default()).await;
    late.caught_up(&devnet).await;
}

#[tokio::test]
async fn an_outage_is_told_and_made_up_for() {
    let devnet = testbed::devnet().await;
    devnet.next_round().await;
    let gateway = devnet.accounts.gateway.address();
    let proxy = Proxy::to(&devnet.rpc_url).await;
    let mut watch = Watch::over(&devnet, &[&proxy.url], WatchSettings::default()).await;
    watch.ready().await;
    let senders = watch.watcher.senders();
    agrees(&senders, &devnet, gateway).await;
    proxy.fault(Fault::Swallow("eth_"));
    fund(&devnet, gateway, 40, 2).await;
    let round = devnet.next_round().await;
    until(|| watch.watcher.outage().is_some()).await;
    proxy.heal();
    let told = watch
        .up_to(|event| matches!(event, ChainEvent::NewRound { .. }))
        .await;
    assert!(
        told.iter()
            .any(|event| matches!(event, ChainEvent::DepositFunded { .. })),
        "{told:?}"
    );
    watch.until(|now| now.round == Round(round)).await;
    assert_eq!(agrees(&senders, &devnet, gateway).await.deposit, wei(40));
    until(|| watch.watcher.outage().is_none()).await;
}

/// Waits until it is so.
async fn until(is_so: impl Fn() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LONG, waiting).await.expect("it is never so");
}

/// An endpoint that has the block before it has the block's logs: they are told when they come.
#[tokio::test]
async fn logs_that_come_late_are_told_all_the_same() {
    let devnet = testbed::devnet().await;
    devnet.next_round().await;
    let gateway = devnet.accounts.gateway.address();
    let proxy = Proxy::to(&devnet.rpc_url).await;
    let mut watch = Watch::over(&devnet, &[&proxy.url], WatchSettings::default()).await;
    watch.ready().await;
    let senders = watch.watcher.senders();
    agrees(&senders, &devnet, gateway).await;
    proxy.fault(Fault::NoLogs(devnet.contracts.ticket_broker));
    fund(&devnet, gateway, 40, 2).await;
    devnet.mine(2).await;
    watch.caught_up(&devnet).await;
    let early = watch.events.try_recv();
    assert!(early.is_err(), "the fault does nothing: {early:?}");
    proxy.heal();
    // The contract tells of the reserve first.
    let told = watch
        .up_to(|event| matches!(event, ChainEvent::DepositFunded { .. }))
        .await;
    assert!(
        matches!(told[0], ChainEvent::ReserveFunded { amount, .. } if amount == wei(2)),
        "{told:?}"
    );
    assert_eq!(agrees(&senders, &devnet, gateway).await.deposit, wei(40));
}

/// What happened while nobody watched is told in order, in pieces as small as the endpoint wants them.
#[tokio::test]
async fn a_watcher_goes_on_where_an_earlier_one_stopped() {
    let devnet = testbed::devnet().await;
    devnet.next_round().await;
    let gateway = devnet.accounts.gateway.address();
    let first = Watch::start(connect(&devnet).await, WatchSettings::default());
    first.ready().await;
    until(|| first.watcher.checkpoint().is_some()).await;
    let kept: Checkpoint = first.watcher.checkpoint().unwrap().to_string().parse().unwrap();
    first.stop.cancel();
    tokio::time::timeout(LONG, first.watcher.ended()).await.unwrap();

    for amount in 1..=5 {
        pay(&devnet, gateway, amount, broker::fundDepositCall {}).await;
        devnet.mine(40).await;
    }
    let proxy = Proxy::to(&devnet.rpc_url).await;
    proxy.fault(Fault::MostBlocks(16));
    let settings = WatchSettings {
        resume: Some(kept),
        ..WatchSettings::default()
    };
    let mut second = Watch::over(&devnet, &[&proxy.url], settings).await;
    let mut amounts = Vec::new();
    let mut places: VecDeque<At> = VecDeque::new();
    while amounts.len() < 5 {
        match second.next().await {
            ChainEvent::DepositFunded { amount, at, .. } => {
                amounts.push(amount);
                places.push_back(at);
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(amounts, [wei(1), wei(2), wei(3), wei(4), wei(5)]);
    assert!(places.iter().is_sorted());
    // It goes on with such an endpoint, and tells nothing twice.
    pay(&devnet, gateway, 6, broker::fundDepositCall {}).await;
    assert!(matches!(second.next().await, ChainEvent::DepositFunded { amount, .. } if amount == wei(6)));

    // Another chain's checkpoint: nothing to go on from.
    let elsewhere = Checkpoint {
        hash: B256::repeat_byte(1),
        ..kept
    };
    let settings = WatchSettings {
        resume: Some(elsewhere),
        ..WatchSettings::default()
    };
    let mut third = Watch::start(connect(&devnet).await, settings);
    assert!(matches!(third.next().await, ChainEvent::Gap { .. }));
    third.caught_up(&devnet).await;
}

/// Where nothing has happened since the checkpoint, nothing is asked about the block to come.
#[tokio::test]
async fn a_watcher_goes_on_at_the_head_and_waits_for_the_next_block() {
    let devnet = testbed::devnet().await;
    devnet.next_round().await;
    let gateway = devnet.accounts.gateway.address();
    let first = Watch::start(connect(&devnet).await, WatchSettings::default());
    let now = first.caught_up(&devnet).await;
    let kept = tokio::time::timeout(LONG, async {
        loop {
            match first.watcher.checkpoint() {
                Some(kept) if kept.block == now.block => return kept,
                _ => tokio::task::yield_now().await,
            }
        }
    });
    let settings = WatchSettings {
        resume: Some(kept.await.unwrap()),
        ..WatchSettings::default()
    };
    let mut second = Watch::start(connect(&devnet).await, settings);
    let mut clock = second.watcher.clock();
    for _ in 0..4 {
        tokio::time::timeout(LONG, clock.changed())
            .await
            .unwrap()
            .unwrap();
        assert_eq!(second.watcher.outage(), None);
    }
    fund(&devnet, gateway, 40, 2).await;
    let event = second.next().await;
    assert!(
        matches!(event, ChainEvent::ReserveFunded { amount, .. } if amount == wei(2)),
        "{event:?}"
    );
}

/// An absence beyond what is gone through, as a week of Arbitrum is: the state is read, the blocks are not gone through.
#[tokio::test]
async fn an_absence_too_long_to_go_through_takes_a_few_requests() {
    let devnet = testbed::devnet().await;
    devnet.next_round().await;
    let gateway = devnet.accounts.gateway.address();
    let head = devnet.provider().get_block_number().await.unwrap();
    let hash = devnet
        .provider()
        .get_block_by_number(head.into())
        .await
        .unwrap()
        .unwrap()
        .header
        .hash;
    pay(&devnet, gateway, 9, broker::fundDepositCall {}).await;
    devnet.mine(300).await;
    let proxy = Proxy::to(&devnet.rpc_url).await;
    let settings = WatchSettings {
        resume: Some(Checkpoint { block: head, hash }),
        most_replayed: 200,
        ..WatchSettings::default()
    };
    let chain = engine::chain::Chain::connect(config(&devnet, &[&proxy.url]))
        .await
        .unwrap();
    proxy.take_requests();
    let mut watch = Watch::start(chain, settings);
    let event = watch.next().await;
    let requests = proxy.take_requests();
    assert!(requests <= 8, "{requests} requests");
    assert!(
        matches!(event, ChainEvent::Gap { from_block, to_block } if from_block == head + 1 && to_block > head + 300),
        "{event:?}"
    );
    let senders = watch.watcher.senders();
    assert_eq!(agrees(&senders, &devnet, gateway).await.deposit, wei(9));
}

/// Trap 43: a contract of anybody's that says a gateway was funded.
#[tokio::test]
async fn trap_43_strangers_logs_fund_nobody() {
    let devnet = testbed::devnet().await;
    devnet.next_round().await;
    let gateway = devnet.accounts.gateway.address();
    fund(&devnet, gateway, 5, 5).await;
    let mut watch = Watch::start(connect(&devnet).await, WatchSettings::default());
    watch.ready().await;
    let senders = watch.watcher.senders();
    agrees(&senders, &devnet, gateway).await;
    // LOG2 of the memory's first word with the event's topic and the sender.
    let event = broker::DepositFunded {
        sender: gateway,
        amount: U256::from(1_000_000u64),
    };
    let data = event.encode_log_data();
    let mut code = vec![0x7f];
    code.extend_from_slice(&data.data);
    code.extend_from_slice(&[0x60, 0, 0x52]);
    for topic in data.topics().iter().rev() {
        code.push(0x7f);
        code.extend_from_slice(topic.as_slice());
    }
    code.extend_from_slice(&[0x60, 32, 0x60, 0, 0xa2, 0]);
    let forger = Address::repeat_byte(0x66);
    devnet
        .provider()
        .anvil_set_code(forger, Bytes::from(code))
        .await
        .unwrap();
    let request = TransactionRequest::default()
        .with_from(gateway)
        .with_to(forger)
        .with_gas_limit(100_000);
    let sent = devnet.provider().send_transaction(request).await.unwrap();
    let receipt = sent.get_receipt().await.unwrap();
    let logs: &[Log] = receipt.inner.logs();
    assert_eq!(logs[0].topic0(), Some(&broker::DepositFunded::SIGNATURE_HASH));
    pay(&devnet, gateway, 1, broker::fundDepositCall {}).await;
    assert!(matches!(watch.next().await, ChainEvent::DepositFunded { amount, .. } if amount == wei(1)));
    assert_eq!(agrees(&senders, &devnet, gateway).await.deposit, wei(6));
}

/// Trap 41, end to end: where headers name a block of Ethereum, that is the round's clock.
#[tokio::test]
async fn trap_41_headers_that_name_a_block_of_ethereum_set_the_clock() {
    let devnet = testbed::devnet().await;
    let proxy = Proxy::to(&devnet.rpc_url).await;
    proxy.fault(Fault::L1Block(4_242));
    let watch = Watch::over(&devnet, &[&proxy.url], WatchSettings::default()).await;
    let now = watch.ready().await;
    assert_eq!(now.l1_block, 4_242);
    assert_eq!(
        U64::from(now.block),
        U64::from(devnet.provider().get_block_number().await.unwrap())
    );
}

#[tokio::test]
async fn following_a_quiet_chain_takes_one_request_a_look() {
    let devnet = testbed::devnet().await;
    devnet.next_round().await;
    let proxy = Proxy::to(&devnet.rpc_url).await;
    let watch = Watch::over(&devnet, &[&proxy.url], WatchSettings::default()).await;
    let mut clock = watch.watcher.clock();
    watch.ready().await;
    // The first look is over when a second one has been published.
    for _ in 0..2 {
        tokio::time::timeout(LONG, clock.changed())
            .await
            .unwrap()
            .unwrap();
    }
    proxy.take_requests();
    let looks = 10;
    for _ in 0..looks {
        tokio::time::timeout(LONG, clock.changed())
            .await
            .unwrap()
            .unwrap();
    }
    let requests = proxy.take_requests();
    assert!(requests <= looks + 1, "{requests} requests for {looks} looks");
}

mod redemption {
    alloy::sol! {
        struct Ticket {
            address recipient;
            address sender;
            uint256 faceValue;
            uint256 winProb;
            uint256 senderNonce;
            bytes32 recipientRandHash;
            bytes auxData;
        }
        function redeemWinningTicket(Ticket ticket, bytes sig, uint256 recipientRand) external;
        function getTicketHash(Ticket ticket) external view returns (bytes32);
        function claimedReserve(address reserveHolder, address claimant) external view returns (uint256);
    }
}

/// A ticket that wins for certain, redeemed by the recipient itself.
async fn redeem(devnet: &Devnet, recipient: Address, face_value: u64, nonce: u64, now: &ChainTime) {
    let gateway = &devnet.accounts.gateway;
    let (round, hash) = now.ticket_round();
    let rand = U256::from(nonce);
    let ticket = redemption::Ticket {
        recipient,
        sender: gateway.address(),
        faceValue: U256::from(face_value),
        winProb: U256::MAX,
        senderNonce: U256::from(nonce),
        recipientRandHash: keccak256(rand.to_be_bytes::<32>()),
        auxData: [U256::from(round.0).to_be_bytes::<32>(), hash.0].concat().into(),
    };
    let broker = devnet.contracts.ticket_broker;
    let ticket_hash = call(
        devnet,
        broker,
        redemption::getTicketHashCall {
            ticket: ticket.clone(),
        },
    )
    .await;
    let signature = gateway.sign_message(ticket_hash.as_slice()).await.unwrap();
    let redeem = redemption::redeemWinningTicketCall {
        ticket,
        sig: signature.as_bytes().to_vec().into(),
        recipientRand: rand,
    };
    send(devnet, recipient, broker, redeem).await;
}

/// The real contract through deposits, redemptions from deposit and reserve by two orchestrators, and rounds: what
/// events leave is what a fresh read gives, after every step.
#[tokio::test]
async fn senders_stay_true_through_redemptions_and_rounds() {
    let devnet = testbed::devnet().await;
    devnet.next_round().await;
    let chain = connect(&devnet).await;
    let (me, other) = (
        &devnet.accounts.orchestrator,
        &devnet.accounts.second_orchestrator,
    );
    activate(&chain, me, 100).await;
    activate(&chain, other, 90).await;
    devnet.next_round().await;
    let gateway = devnet.accounts.gateway.address();
    fund(&devnet, gateway, 1_000, 5_000).await;
    let settings = WatchSettings {
        recipient: Some(me.address()),
        ..WatchSettings::default()
    };
    let watch = Watch::start(chain, settings);
    let mut now = watch.caught_up(&devnet).await;
    let senders = watch.watcher.senders();
    let mut claimed = Vec::new();
    let steps = [
        (Some(me), 300),
        // 700 of the deposit, 600 of the reserve.
        (Some(me), 1_300),
        (Some(other), 400),
        // Beyond the part of one of two: all that is left of it.
        (Some(me), 3_900),
        (None, 0),
        (Some(other), 700),
        (Some(me), 50),
    ];
    for (nonce, (who, face_value)) in (1..).zip(steps) {
        match who {
            Some(who) => redeem(&devnet, who.address(), face_value, nonce, &now).await,
            None => {
                devnet.next_round().await;
            }
        }
        now = watch.caught_up(&devnet).await;
        let kept = senders.facts(gateway).await.unwrap();
        let holder = redemption::claimedReserveCall {
            reserveHolder: gateway,
            claimant: me.address(),
        };
        let own = call(&devnet, devnet.contracts.ticket_broker, holder).await;
        let expected = SenderFacts {
            claimed_by_recipient: Wei(own),
            ..fresh(&devnet, gateway).await
        };
        assert_eq!(kept, expected, "after step {nonce}");
        claimed.push(kept.claimed_by_recipient);
    }
    assert_eq!(now.pool_size, 2);
    let seen: Vec<Wei> = [0, 600, 600, 2_500, 0, 0, 50].map(wei).to_vec();
    assert_eq!(claimed, seen);
}
