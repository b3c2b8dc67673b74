//! Reads against the contracts themselves.

use alloy::primitives::Address;
use engine::{
    chain::Chain,
    units::{Lpt, Round},
    view::chain::StakeStatus,
};
use testbed::Devnet;

use super::{
    activate, bond, call, config, connect, percent,
    protocol::{self, getFirstTranscoderInPoolCall, getNextTranscoderInPoolCall, transcoderTotalStakeCall},
    proxy::{Fault, Proxy},
    reward, send,
};

/// The pool, as anybody would walk it.
async fn walk(devnet: &Devnet) -> Vec<(Address, Lpt)> {
    let manager = devnet.contracts.bonding_manager;
    let mut members = Vec::new();
    let mut next = call(devnet, manager, getFirstTranscoderInPoolCall {}).await;
    while !next.is_zero() {
        let stake = call(devnet, manager, transcoderTotalStakeCall { transcoder: next }).await;
        members.push((next, Lpt(stake)));
        next = call(devnet, manager, getNextTranscoderInPoolCall { transcoder: next }).await;
    }
    members
}

#[tokio::test]
async fn connecting_takes_one_request_and_status_two() {
    let devnet = testbed::devnet().await;
    let direct = connect(&devnet).await;
    let orchestrator = &devnet.accounts.orchestrator;
    activate(&direct, orchestrator, 1000).await;
    bond(&direct, &devnet.accounts.delegator, 50, orchestrator.address()).await;
    devnet.next_round().await;

    let proxy = Proxy::to(&devnet.rpc_url).await;
    let chain = Chain::connect(config(&devnet, &[&proxy.url])).await.unwrap();
    assert_eq!(proxy.take_requests(), 1, "requests to connect");

    let status = chain.status(orchestrator.address()).await.unwrap();
    assert_eq!(proxy.take_requests(), 2, "requests for an orchestrator's status");
    let with = status.orchestrator.unwrap();
    assert_eq!(with.address, orchestrator.address());
    assert!(with.registered && with.active && !with.reward_called);
    assert_eq!((with.rank, status.pool.size), (Some(1), 1));
    assert_eq!(
        (with.own_stake_lpt, with.total_stake_lpt),
        (Lpt::whole(1000), Lpt::whole(1050))
    );
    assert_eq!(
        (with.reward_cut_percent, with.fee_share_percent),
        (percent("10"), percent("40"))
    );
    assert_eq!(with.service_uri.as_deref(), Some("https://127.0.0.1:8935"));
    assert_eq!(with.deactivation_round, None);
    assert_eq!(
        status.round.seconds_left, None,
        "a devnet's blocks have no rhythm"
    );

    let status = chain.status(devnet.accounts.delegator.address()).await.unwrap();
    assert_eq!(proxy.take_requests(), 2, "requests for a delegator's status");
    assert_eq!(status.stake.stake_lpt, Lpt::whole(50));
    assert_eq!(status.stake.status, StakeStatus::Bonded);
    assert_eq!(status.orchestrator.unwrap().address, orchestrator.address());
}

#[tokio::test]
async fn the_walk_in_one_request_equals_the_slow_one() {
    let devnet = testbed::devnet().await;
    let chain = connect(&devnet).await;
    assert_eq!(
        chain.pool().await.unwrap().members,
        walk(&devnet).await,
        "an empty pool"
    );
    let accounts = &devnet.accounts;
    for (signer, lpt) in [
        (&accounts.orchestrator, 30),
        (&accounts.second_orchestrator, 50),
        (&accounts.gateway, 40),
        (&accounts.treasury, 40),
    ] {
        bond(&chain, signer, lpt, signer.address()).await;
    }
    let pool = chain.pool().await.unwrap();
    assert_eq!(pool.members.len(), 4);
    assert_eq!(pool.members, walk(&devnet).await);

    // Nodes that run no code without an address, or answer nothing where they should run it.
    for refusal in [
        r#""error":{"code":-32602,"message":"missing to"}"#,
        r#""result":"0x""#,
    ] {
        let proxy = Proxy::to(&devnet.rpc_url).await;
        let chain = Chain::connect(config(&devnet, &[&proxy.url])).await.unwrap();
        proxy.fault(Fault::NoCreation(refusal));
        assert_eq!(chain.pool().await.unwrap(), pool, "after {refusal}");
    }

    let list = chain.orchestrators().await.unwrap();
    let order: Vec<Address> = list.orchestrators.iter().map(|one| one.address).collect();
    assert_eq!(
        order,
        pool.members
            .iter()
            .map(|(account, _)| *account)
            .collect::<Vec<_>>()
    );
    assert_eq!(list.orchestrators[0].rank, Some(1));
    assert_eq!(
        list.orchestrators[0].address,
        accounts.second_orchestrator.address()
    );
    assert_eq!(
        (list.pool.size, list.pool.max_size, list.pool.cut_off_lpt),
        (4, 100, Lpt::whole(30))
    );
}

#[tokio::test]
async fn a_rounds_clock_counts_down_to_the_lock_and_the_end() {
    let devnet = testbed::devnet().await;
    let chain = connect(&devnet).await;
    devnet.next_round().await;
    let at_start = chain.round().await.unwrap().round;
    assert!(at_start.initialized && !at_start.locked);
    assert_eq!((at_start.length, at_start.lock_blocks), (20, 2));
    assert_eq!(at_start.clock_block, at_start.start_block + at_start.elapsed);
    assert_eq!(at_start.blocks_left, 20 - at_start.elapsed);

    devnet.mine(at_start.blocks_until_lock - 1).await;
    let before_lock = chain.round().await.unwrap().round;
    assert!(!before_lock.locked);
    assert_eq!(before_lock.blocks_until_lock, 1);
    devnet.mine(1).await;
    let locked = chain.round().await.unwrap().round;
    assert!(locked.locked, "{locked:?}");
    assert_eq!((locked.blocks_until_lock, locked.blocks_left), (0, 2));

    devnet.mine(2).await;
    let next = chain.round().await.unwrap().round;
    assert_eq!(next.round, Round(locked.round.0 + 1));
    assert!(!next.initialized);
    assert_eq!((next.elapsed, next.last_initialized), (0, locked.round));
}

#[tokio::test]
async fn what_a_reward_brings_is_known_before() {
    let devnet = testbed::devnet().await;
    let chain = connect(&devnet).await;
    let orchestrator = &devnet.accounts.orchestrator;
    activate(&chain, orchestrator, 1000).await;
    bond(
        &chain,
        &devnet.accounts.second_orchestrator,
        500,
        devnet.accounts.second_orchestrator.address(),
    )
    .await;
    devnet.next_round().await;
    // Stake added now counts from the next round on, also for the reward.
    reward(&chain, &devnet.accounts.second_orchestrator).await;
    bond(&chain, &devnet.accounts.delegator, 300, orchestrator.address()).await;

    let status = chain.reward_status(orchestrator.address()).await.unwrap();
    assert!(status.orchestrator.active && !status.orchestrator.reward_called);
    assert!(status.expected_reward_lpt > Lpt::ZERO);
    assert!(status.minted_lpt > Lpt::ZERO && status.minted_lpt < status.mintable_lpt);
    let before = status.orchestrator.total_stake_lpt;
    reward(&chain, orchestrator).await;
    let after = chain.reward_status(orchestrator.address()).await.unwrap();
    assert!(after.orchestrator.reward_called);
    assert_eq!(
        after.orchestrator.total_stake_lpt.saturating_sub(before),
        status.expected_reward_lpt
    );
    assert_eq!(after.expected_reward_lpt, Lpt::ZERO);
}

#[tokio::test]
async fn unbonding_locks_are_listed_with_their_round() {
    let devnet = testbed::devnet().await;
    let chain = connect(&devnet).await;
    let delegator = &devnet.accounts.delegator;
    activate(&chain, &devnet.accounts.orchestrator, 1000).await;
    bond(&chain, delegator, 50, devnet.accounts.orchestrator.address()).await;
    let round = devnet.next_round().await;
    reward(&chain, &devnet.accounts.orchestrator).await;
    for lpt in [20, 5] {
        let amount = Lpt::whole(lpt).0;
        send(
            &devnet,
            delegator.address(),
            devnet.contracts.bonding_manager,
            protocol::unbondCall { amount },
        )
        .await;
    }
    let stake = chain.stake(delegator.address()).await.unwrap();
    assert_eq!(stake.stake.delegate, Some(devnet.accounts.orchestrator.address()));
    let locks: Vec<_> = stake
        .locks
        .iter()
        .map(|lock| (lock.id, lock.amount_lpt, lock.withdraw_round))
        .collect();
    let due = Round(round + 2);
    assert_eq!(locks, [(0, Lpt::whole(20), due), (1, Lpt::whole(5), due)]);
    assert!(
        stake
            .locks
            .iter()
            .all(|lock| !lock.withdrawable && lock.rounds_left == 2)
    );
    devnet.next_round().await;
    devnet.next_round().await;
    let stake = chain.stake(delegator.address()).await.unwrap();
    assert!(
        stake
            .locks
            .iter()
            .all(|lock| lock.withdrawable && lock.rounds_left == 0)
    );
}

#[tokio::test]
async fn the_protocols_parameters_are_those_it_was_deployed_with() {
    let devnet = testbed::devnet().await;
    let chain = connect(&devnet).await;
    let protocol = chain.protocol().await.unwrap();
    assert!(!protocol.paused);
    assert_eq!(protocol.round.length, 20);
    assert_eq!(protocol.round_lock_percent, percent("10"));
    assert_eq!((protocol.unbonding_rounds, protocol.unlock_rounds), (2, 2));
    assert_eq!(protocol.ticket_validity_rounds, 2);
    assert_eq!(protocol.pool.max_size, 100);
    assert_eq!(protocol.target_bonding_percent, "50");
    let inflation = call(&devnet, devnet.contracts.minter, protocol::inflationCall {}).await;
    let shown: f64 = protocol.inflation_percent.parse().unwrap();
    assert!((shown * 1e7 - f64::from(u32::try_from(inflation).unwrap())).abs() < 0.5);
    assert_eq!(protocol.contracts[0].address, devnet.controller);
    let manager = protocol
        .contracts
        .iter()
        .find(|one| one.name == "BondingManager")
        .unwrap();
    assert_eq!(manager.address, devnet.contracts.bonding_manager);
}

#[tokio::test]
async fn balances_are_those_of_the_token() {
    let devnet = testbed::devnet().await;
    let chain = connect(&devnet).await;
    let account = devnet.accounts.treasury.address();
    let balances = chain.balances(account).await.unwrap();
    let token = call(
        &devnet,
        devnet.contracts.token,
        protocol::balanceOfCall { account },
    )
    .await;
    assert_eq!(balances.wallet_lpt, Lpt(token));
    assert_eq!(balances.approved_lpt, Lpt::ZERO);
}
