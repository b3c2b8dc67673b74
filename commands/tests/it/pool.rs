//! A full pool of a hundred orchestrators: how much is asked for to show it, and how long that takes from far away.

use std::time::{Duration, Instant};

use alloy::{
    network::TransactionBuilder as _,
    primitives::{Address, U256},
    providers::{Provider as _, ext::AnvilApi as _},
    rpc::types::TransactionRequest,
    sol_types::SolCall,
};
use engine::{
    devnet::Parameters,
    units::{Lpt, Wei},
};
use testbed::Devnet;

use crate::{
    operator::Operator,
    proxy::{Answer, Proxy},
};

mod protocol {
    #![allow(missing_docs)]
    alloy::sol! {
        function approve(address spender, uint256 amount) external returns (bool);
        function bond(uint256 amount, address to) external;
        function transcoder(uint256 rewardCut, uint256 feeShare) external;
        function setServiceURI(string uri) external;
        function getTranscoderPoolSize() external view returns (uint256);
    }
}

/// Places in the pool, as on Arbitrum One.
const PLACES: u64 = 100;
/// Between the operator and the endpoint, there and back.
const ROUND_TRIP: Duration = Duration::from_millis(100);

async fn send<C: SolCall>(devnet: &Devnet, from: Address, to: Address, call: C) {
    let request = TransactionRequest::default()
        .with_from(from)
        .with_to(to)
        .with_input(call.abi_encode())
        .with_gas_limit(2_000_000);
    let sent = devnet.provider().send_transaction(request).await.unwrap();
    assert!(sent.get_receipt().await.unwrap().status());
}

/// Has an account of this devnet bond so much LPT to itself.
pub async fn bond(devnet: &Devnet, account: Address, stake: Lpt) {
    let provider = devnet.provider();
    provider.anvil_auto_impersonate_account(true).await.unwrap();
    devnet.chain().fund_eth(account, Wei::ether(1)).await.unwrap();
    devnet.chain().fund_lpt(account, stake).await.unwrap();
    let contracts = &devnet.contracts;
    let approve = protocol::approveCall {
        spender: contracts.bonding_manager,
        amount: stake.0,
    };
    send(devnet, account, contracts.token, approve).await;
    let bond = protocol::bondCall {
        amount: stake.0,
        to: account,
    };
    send(devnet, account, contracts.bonding_manager, bond).await;
}

/// Orchestrators with different stakes, prices and addresses, the operator's among them.
async fn fill(devnet: &Devnet, own: Address) {
    let provider = devnet.provider();
    let contracts = &devnet.contracts;
    for number in 0..PLACES {
        let account = match number {
            0 => own,
            _ => Address::left_padding_from(&(0x1000 + number).to_be_bytes()),
        };
        bond(devnet, account, Lpt::whole(1_000 + number)).await;
        let cuts = protocol::transcoderCall {
            rewardCut: U256::from(100_000),
            feeShare: U256::from(500_000),
        };
        send(devnet, account, contracts.bonding_manager, cuts).await;
        let uri = protocol::setServiceURICall {
            uri: format!("https://o{number}.example.org:8935"),
        };
        send(devnet, account, contracts.service_registry, uri).await;
    }
    let asked = TransactionRequest::default()
        .with_to(devnet.contracts.bonding_manager)
        .with_input(protocol::getTranscoderPoolSizeCall {}.abi_encode());
    let size = U256::from_be_slice(&provider.call(asked).await.unwrap());
    assert_eq!(size, U256::from(PLACES));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_orchestrators_take_three_round_trips() {
    let operator = Operator::on(testbed::devnet_with(Parameters::with_round_length(2_000)).await);
    fill(&operator.devnet, operator.orchestrator()).await;
    operator.devnet.next_round().await;
    let url = operator.devnet.rpc_url.clone();
    let far = Proxy::start(Answer::Far(url, ROUND_TRIP)).await;
    for command in [["orch", "list"].as_slice(), &["status"]] {
        let begun = Instant::now();
        let answer = operator
            .lpctl(&[&["--json", "--rpc-url", &far.url()], command].concat())
            .expect_code(0)
            .data();
        let took = begun.elapsed();
        let count = far.take_count();
        assert!(count <= 3, "{command:?} asked {count} times");
        println!("{command:?}: {count} round trips, {took:?}");
        if let Some(listed) = answer["orchestrators"].as_array() {
            assert_eq!(listed.len() as u64, PLACES);
            assert!(listed.iter().all(|one| one["active"] == true), "{answer}");
        } else {
            assert_eq!(answer["orchestrator"]["rank"], PLACES, "{answer}");
        }
    }
}
