//! Tests of the engine's `devnet`: a real anvil with the real contracts. What stands in for npm is a script that
//! delivers packages made by the test; the real npm is what the testbed itself fetches its parts with.

mod parts;

use std::{
    fs,
    path::Path,
    sync::Mutex,
    time::{Duration, Instant},
};

use alloy::{
    primitives::{Address, U256, address, hex, keccak256},
    providers::{MULTICALL3_ADDRESS, Provider},
    sol,
};
use engine::{
    devnet::{
        Beginning, Contracts, Devnet, DevnetChain, DevnetError, Parameters, Progress, Role, SavedState,
    },
    units::{Lpt, Round, Wei},
};
use sha2::{Digest, Sha256};

sol! {
    #[sol(rpc)]
    interface Protocol {
        function getContract(bytes32 id) external view returns (address);
        function owner() external view returns (address);
        function paused() external view returns (bool);
        function unbondingPeriod() external view returns (uint64);
        function getTranscoderPoolMaxSize() external view returns (uint256);
        function roundLength() external view returns (uint256);
        function roundLockAmount() external view returns (uint256);
        function unlockPeriod() external view returns (uint256);
        function ticketValidityPeriod() external view returns (uint256);
        function inflation() external view returns (uint256);
        function inflationChange() external view returns (uint256);
        function targetBondingRate() external view returns (uint256);
        function hasRole(bytes32 role, address account) external view returns (bool);
        function totalSupply() external view returns (uint256);
        function bond(uint256 amount, address to) external;
    }
}

/// Whether a process runs; one that ended and was not collected yet does not.
fn runs(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ")
        .is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

#[tokio::test]
async fn contracts_are_where_the_reference_has_them_and_the_controller_knows_them() {
    let devnet = testbed::devnet().await;
    let provider = devnet.provider();
    assert_eq!(
        devnet.controller,
        address!("5FbDB2315678afecb367f032d93F642f64180aa3")
    );
    assert_eq!(provider.get_chain_id().await.unwrap(), 31_337);
    let controller = Protocol::new(devnet.controller, provider);
    let expected = [
        ("Minter", address!("e7f1725E7734CE288F8367e1Bb143E90bb3F0512")),
        (
            "LivepeerToken",
            address!("Cf7Ed3AccA5a467e9e704C703E8D87F634fB0Fc9"),
        ),
        (
            "TicketBroker",
            address!("a513E6E4b8f2a923D98304ec87F64353C4D5C853"),
        ),
        (
            "JobsManager",
            address!("a513E6E4b8f2a923D98304ec87F64353C4D5C853"),
        ),
        (
            "BondingManager",
            address!("0DCd1Bf9A1b36cE34237eEaFef220932846BCD82"),
        ),
        (
            "RoundsManager",
            address!("9A9f2CCfdE556A7E9Ff0848998Aa4a0CFD8863AE"),
        ),
        (
            "ServiceRegistry",
            address!("59b670e9fA9D0A427751Af201D676719a970857b"),
        ),
        (
            "L2LPTDataCache",
            address!("322813Fd9A801c5507c9de605d63CEA4f2CE6c44"),
        ),
        (
            "PollCreator",
            address!("4A679253410272dd5232B3Ff7cF5dbB88f295319"),
        ),
        (
            "LivepeerTokenFaucet",
            address!("851356ae760d987E095750cCeb3bC6014560891C"),
        ),
    ];
    for (name, address) in expected {
        let found = controller.getContract(keccak256(name)).call().await.unwrap();
        assert_eq!(found, address, "{name}");
        assert!(!provider.get_code_at(address).await.unwrap().is_empty(), "{name}");
    }
    let contracts = Contracts::standard();
    assert_eq!(devnet.contracts, contracts);
    assert_eq!(contracts.bonding_manager, expected[4].1);
    assert_eq!(contracts.service_registry, expected[6].1);
    assert!(!controller.paused().call().await.unwrap());
    assert_eq!(controller.owner().call().await.unwrap(), Role::Deployer.address());
    assert!(!provider.get_code_at(MULTICALL3_ADDRESS).await.unwrap().is_empty());
}

#[tokio::test]
async fn the_chain_has_the_parameters_asked_for() {
    let parameters = Parameters {
        unbonding_rounds: 3,
        unlock_rounds: 4,
        ticket_validity_rounds: 5,
        active_orchestrators: 7,
        ..Parameters::with_round_length(12)
    };
    let devnet = testbed::devnet_with(parameters.clone()).await;
    let at = |address: Address| Protocol::new(address, devnet.provider());
    let (rounds, bonding) = (
        at(devnet.contracts.rounds_manager),
        at(devnet.contracts.bonding_manager),
    );
    let (tickets, minter) = (at(devnet.contracts.ticket_broker), at(devnet.contracts.minter));
    assert_eq!(rounds.roundLength().call().await.unwrap(), U256::from(12));
    assert_eq!(
        rounds.roundLockAmount().call().await.unwrap(),
        U256::from(100_000)
    );
    assert_eq!(bonding.unbondingPeriod().call().await.unwrap(), 3);
    assert_eq!(
        bonding.getTranscoderPoolMaxSize().call().await.unwrap(),
        U256::from(7)
    );
    assert_eq!(tickets.unlockPeriod().call().await.unwrap(), U256::from(4));
    assert_eq!(
        tickets.ticketValidityPeriod().call().await.unwrap(),
        U256::from(5)
    );
    assert_eq!(minter.inflationChange().call().await.unwrap(), U256::from(500));
    assert_eq!(
        minter.targetBondingRate().call().await.unwrap(),
        U256::from(500_000_000)
    );
    // The first round's opening has moved it once: nobody is bonded yet.
    let inflation = minter.inflation().call().await.unwrap();
    assert_eq!(
        inflation,
        U256::from(parameters.inflation + parameters.inflation_change)
    );
}

#[tokio::test]
async fn every_role_has_money_and_only_the_minter_may_mint() {
    let devnet = testbed::devnet().await;
    let addresses = Role::ALL.map(Role::address);
    let balances = devnet.chain().balances(&addresses).await.unwrap();
    for (role, balance) in Role::ALL.into_iter().zip(&balances) {
        assert_eq!(balance.lpt, Parameters::brief().lpt_of(role), "{role}");
        assert!(balance.eth >= Wei::ether(9_999), "{role}");
    }
    let token = Protocol::new(devnet.contracts.token, devnet.provider());
    let minter_role = keccak256("MINTER_ROLE");
    let may = async |account| token.hasRole(minter_role, account).call().await.unwrap();
    assert!(may(devnet.contracts.minter).await);
    assert!(!may(Role::Deployer.address()).await);

    let supply = token.totalSupply().call().await.unwrap();
    let stranger = Address::repeat_byte(0x77);
    devnet.chain().fund_lpt(stranger, Lpt::whole(5)).await.unwrap();
    devnet.chain().fund_eth(stranger, Wei::ether(3)).await.unwrap();
    devnet.chain().fund_eth(stranger, Wei::ether(1)).await.unwrap();
    let funded = devnet.chain().balances(&[stranger]).await.unwrap()[0];
    assert_eq!((funded.eth, funded.lpt), (Wei::ether(4), Lpt::whole(5)));
    assert_eq!(
        token.totalSupply().call().await.unwrap(),
        supply + Lpt::whole(5).0
    );
    assert!(!may(Role::Deployer.address()).await);
}

#[tokio::test]
async fn rounds_are_crossed_and_opened_exactly_at_their_first_block() {
    let devnet = testbed::devnet().await;
    let state = devnet.chain().state().await.unwrap();
    assert_eq!(
        (state.round, state.round_initialized, state.round_length),
        (Round(1), true, 20)
    );
    assert_eq!(devnet.next_round().await, 2);
    let state = devnet.chain().state().await.unwrap();
    assert_eq!(
        (state.block, state.round_start, state.round_initialized),
        (40, 40, true)
    );
    assert_eq!(devnet.enter_next_round().await, 3);
    let state = devnet.chain().state().await.unwrap();
    assert_eq!((state.block, state.round_initialized), (60, false));
    assert!(devnet.chain().initialize_round().await.unwrap());
    assert!(!devnet.chain().initialize_round().await.unwrap());
    devnet.mine(2_500).await;
    assert_eq!(devnet.chain().state().await.unwrap().block, 2_561);
    // From an unopened round, too.
    assert_eq!(devnet.next_round().await, 129);
}

#[tokio::test]
async fn a_chain_that_makes_blocks_by_the_clock_is_driven_the_same_way() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = testbed::devnet_config(folder.path()).await;
    config.block_time = Some(1);
    let devnet = Devnet::up(config, &|_| {}).await.unwrap();
    let account = Address::repeat_byte(0x77);
    devnet.chain().fund_lpt(account, Lpt::whole(1)).await.unwrap();
    assert_eq!(
        devnet.chain().balances(&[account]).await.unwrap()[0].lpt,
        Lpt::whole(1)
    );
    let before = devnet.chain().state().await.unwrap().block;
    let started = Instant::now();
    while devnet.chain().state().await.unwrap().block == before {
        assert!(started.elapsed() < Duration::from_secs(20), "no block by itself");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    devnet.down().await;
}

#[tokio::test]
async fn a_saved_chain_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let saved = folder.path().join("chain");
    let mut config = testbed::devnet_config(folder.path()).await;
    config.saved = Some(saved.clone());
    let account = Address::repeat_byte(0x77);
    let first = Devnet::up(config.clone(), &|_| {}).await.unwrap();
    assert_ne!(first.beginning(), Beginning::Saved);
    first.chain().fund_lpt(account, Lpt::whole(9)).await.unwrap();
    first.chain().next_round().await.unwrap();
    let stood = first.chain().state().await.unwrap();
    first.save(&saved).await.unwrap();
    let pid = first.anvil_pid();
    first.down().await;
    assert!(!runs(pid));

    let second = Devnet::up(config.clone(), &|_| {}).await.unwrap();
    assert_eq!(second.beginning(), Beginning::Saved);
    let stands = second.chain().state().await.unwrap();
    assert_eq!(
        (stands.block, stands.round, stands.round_initialized),
        (stood.block, stood.round, true)
    );
    assert_eq!(
        second.chain().balances(&[account]).await.unwrap()[0].lpt,
        Lpt::whole(9)
    );
    assert_eq!(
        second.chain().next_round().await.unwrap(),
        Round(stood.round.0 + 1)
    );
    drop(second);

    // With another round length it is not that chain any more.
    config.parameters = Parameters::with_round_length(30);
    let refused = Devnet::up(config, &|_| {}).await.unwrap_err();
    assert!(matches!(&refused, DevnetError::OtherDevnet { difference } if difference.contains("20 blocks")));
}

/// Makes the folder's dump something else; with `consistent` the record agrees, so that only anvil can tell.
fn damage(folder: &Path, consistent: bool) {
    let saved = SavedState::load(folder).unwrap().unwrap();
    let sound = fs::read(&saved.file).unwrap();
    let broken = &sound[..sound.len() / 2];
    fs::write(&saved.file, broken).unwrap();
    if consistent {
        let record = folder.join("state.toml");
        let text = fs::read_to_string(&record).unwrap();
        let (was, is) = (
            hex::encode(Sha256::digest(&sound)),
            hex::encode(Sha256::digest(broken)),
        );
        fs::write(&record, text.replace(&was, &is)).unwrap();
        assert!(SavedState::load(folder).unwrap().is_some());
    }
}

#[tokio::test]
async fn a_damaged_chain_is_told_put_aside_and_made_anew() {
    for consistent in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let saved = folder.path().join("chain");
        let mut config = testbed::devnet_config(folder.path()).await;
        config.saved = Some(saved.clone());
        let first = Devnet::up(config.clone(), &|_| {}).await.unwrap();
        first.save(&saved).await.unwrap();
        first.down().await;
        damage(&saved, consistent);
        let told = Mutex::new(Vec::new());
        let second = Devnet::up(config, &|progress| told.lock().unwrap().push(progress))
            .await
            .unwrap();
        assert!(matches!(told.lock().unwrap()[0], Progress::Damaged { .. }));
        assert_ne!(second.beginning(), Beginning::Saved);
        assert!(second.chain().state().await.unwrap().round_initialized);
        assert!(saved.with_extension("damaged").is_dir());
    }
}

#[tokio::test]
async fn a_deployment_is_cached_and_a_damaged_one_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = testbed::devnet_config(folder.path()).await;
    config.cache_dir = folder.path().join("cache");
    for (expected, harm) in [
        (Beginning::Deployed, None),
        (Beginning::Cached, Some(false)),
        (Beginning::Deployed, Some(true)),
        (Beginning::Deployed, None),
        (Beginning::Cached, None),
    ] {
        let devnet = Devnet::up(config.clone(), &|_| {}).await.unwrap();
        assert_eq!(devnet.beginning(), expected);
        assert_eq!(devnet.chain().state().await.unwrap().round, Round(1));
        devnet.down().await;
        if let Some(consistent) = harm {
            let states = config.cache_dir.join("devnet/states");
            let state = fs::read_dir(states).unwrap().next().unwrap().unwrap().path();
            damage(&state, consistent);
        }
    }
}

#[tokio::test]
async fn whoever_lets_go_of_a_devnet_leaves_no_anvil() {
    let devnet = testbed::devnet().await;
    let pid = devnet.anvil_pid();
    assert!(runs(pid));
    drop(devnet);
    assert!(!runs(pid));

    // Nor does one who gives up while it starts, at whatever point.
    let folder = tempfile::tempdir().unwrap();
    for wait in [1, 10, 30, 60, 100] {
        let config = testbed::devnet_config(folder.path()).await;
        let log_file = config.log_file.display().to_string();
        let starting = Devnet::up(config, &|_| {});
        drop(tokio::time::timeout(Duration::from_millis(wait), starting).await);
        let started = Instant::now();
        while any_works_in(Path::new(&log_file).parent().unwrap()) {
            assert!(
                started.elapsed() < Duration::from_secs(10),
                "an anvil stays after {wait} ms"
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// Whether any process has this working directory.
fn any_works_in(folder: &Path) -> bool {
    let folder = folder.canonicalize().unwrap();
    fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .any(|entry| fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd == folder))
}

#[tokio::test]
async fn a_taken_port_is_told_and_nothing_is_started() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = listener.local_addr().unwrap().port();
    let folder = tempfile::tempdir().unwrap();
    let mut config = testbed::devnet_config(folder.path()).await;
    config.port = taken;
    let refused = Devnet::up(config.clone(), &|_| {}).await.unwrap_err();
    assert!(
        matches!(refused, DevnetError::PortTaken { port } if port == taken),
        "{refused}"
    );
    drop(listener);
    let devnet = Devnet::up(config, &|_| {}).await.unwrap();
    assert_eq!(devnet.port(), taken);
}

#[tokio::test]
async fn what_is_no_anvil_and_what_is_no_devnet_is_told() {
    testbed::install_tls();
    let folder = tempfile::tempdir().unwrap();
    let mut config = testbed::devnet_config(folder.path()).await;
    config.parts.anvil = "/bin/false".into();
    let refused = Devnet::up(config.clone(), &|_| {}).await.unwrap_err();
    assert!(matches!(refused, DevnetError::Start { .. }), "{refused}");
    config.parts.anvil = folder.path().join("missing");
    config.launcher.clear();
    let refused = Devnet::up(config, &|_| {}).await.unwrap_err().to_string();
    assert!(
        refused.contains("missing") && refused.contains("No such file"),
        "{refused}"
    );

    let nobody = DevnetChain::connect("http://127.0.0.1:1".parse().unwrap())
        .await
        .unwrap_err();
    assert!(matches!(nobody, DevnetError::Rpc { .. }), "{nobody}");
}

#[tokio::test]
async fn anvil_goes_on_after_nobody_reads_its_output() {
    let devnet = testbed::devnet().await;
    for _ in 0..3_000 {
        devnet.provider().get_block_number().await.unwrap();
    }
    assert!(runs(devnet.anvil_pid()));
}
