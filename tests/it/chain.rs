//! Tests of the engine's `chain`.

mod endpoints;
mod failover;
mod guardian;
mod outbox;
mod plans;
mod price_feed;
pub(crate) mod proxy;
mod reads;
mod refusals;
mod rewards;
mod sending;
mod watch;

use std::time::Duration;

use alloy::{
    network::TransactionBuilder,
    primitives::{Address, Bytes},
    providers::Provider,
    rpc::types::TransactionRequest,
    signers::local::PrivateKeySigner,
    sol_types::SolCall,
};
use engine::{
    chain::{
        Activation, Chain, ChainConfig, GasPolicy, Outbox, Plan, PlanOptions, SubmitError, SubmitEvent,
        SubmitOptions,
    },
    units::{Lpt, Percent},
    view::transaction::TransactionReport,
};
use testbed::Devnet;

/// The protocol's functions tests call behind the engine's back.
mod protocol {
    #![allow(missing_docs)]
    alloy::sol! {
        function getFirstTranscoderInPool() external view returns (address);
        function getNextTranscoderInPool(address transcoder) external view returns (address);
        function transcoderTotalStake(address transcoder) external view returns (uint256);
        function isActiveTranscoder(address transcoder) external view returns (bool);
        function getTranscoder(address transcoder) external view returns (
            uint256 lastRewardRound, uint256 rewardCut, uint256 feeShare, uint256 lastActiveStakeUpdateRound,
            uint256 activationRound, uint256 deactivationRound, uint256 activeCumulativeRewards,
            uint256 cumulativeRewards, uint256 cumulativeFees, uint256 lastFeeRound
        );
        function getDelegator(address delegator) external view returns (
            uint256 bondedAmount, uint256 fees, address delegateAddress, uint256 delegatedAmount,
            uint256 startRound, uint256 lastClaimRound, uint256 nextUnbondingLockId
        );
        function unbond(uint256 amount) external;
        function pause() external;
        function balanceOf(address account) external view returns (uint256);
        function getServiceURI(address account) external view returns (string);
        function inflation() external view returns (uint256);
    }
}

pub(crate) fn config(devnet: &Devnet, urls: &[&str]) -> ChainConfig {
    let endpoints = urls.iter().map(|url| url.parse().unwrap()).collect();
    ChainConfig {
        controller: Some(devnet.controller),
        timeout: Duration::from_secs(20),
        ..ChainConfig::new("devnet", endpoints)
    }
}

async fn connect(devnet: &Devnet) -> Chain {
    Chain::connect(config(devnet, &[&devnet.rpc_url])).await.unwrap()
}

/// Reads a contract without the engine.
async fn call<C: SolCall>(devnet: &Devnet, to: Address, call: C) -> C::Return {
    let request = TransactionRequest::default()
        .with_to(to)
        .with_input(call.abi_encode());
    let output = devnet.provider().call(request).await.unwrap();
    C::abi_decode_returns(&output).unwrap()
}

/// Sends to a contract without the engine, from an account anvil holds the key of.
async fn send<C: SolCall>(devnet: &Devnet, from: Address, to: Address, call: C) {
    let request = TransactionRequest::default()
        .with_from(from)
        .with_to(to)
        .with_input(call.abi_encode())
        .with_gas_limit(2_000_000);
    let sent = devnet.provider().send_transaction(request).await.unwrap();
    assert!(sent.get_receipt().await.unwrap().status());
}

async fn nonce(devnet: &Devnet, account: Address) -> u64 {
    devnet.provider().get_transaction_count(account).await.unwrap()
}

async fn submit(
    chain: &Chain,
    plan: Plan,
    signer: &PrivateKeySigner,
) -> Result<TransactionReport, SubmitError> {
    submit_observed(chain, plan, signer, SubmitOptions::default(), |_| Ok(())).await
}

/// Sends a plan from an outbox whose state folder nobody else has.
async fn submit_observed(
    chain: &Chain,
    plan: Plan,
    signer: &PrivateKeySigner,
    options: SubmitOptions,
    observer: impl FnMut(SubmitEvent) -> std::io::Result<()> + Send,
) -> Result<TransactionReport, SubmitError> {
    let folder = tempfile::tempdir().unwrap();
    let outbox = Outbox::open(chain.clone(), signer.clone(), folder.path(), GasPolicy::default()).unwrap();
    Box::pin(outbox.submit_observed(plan, options, observer)).await
}

fn options() -> PlanOptions {
    PlanOptions::default()
}

fn percent(text: &str) -> Percent {
    text.parse().unwrap()
}

async fn bond(chain: &Chain, signer: &PrivateKeySigner, lpt: u64, to: Address) -> TransactionReport {
    let plan = chain
        .plan_bond(signer.address(), Lpt::whole(lpt), to, options())
        .await
        .unwrap();
    submit(chain, plan, signer).await.unwrap()
}

fn activation(lpt: u64) -> Activation {
    Activation {
        amount: Some(Lpt::whole(lpt)),
        reward_cut: percent("10"),
        fee_share: percent("40"),
        service_uri: "https://127.0.0.1:8935".to_string(),
    }
}

pub(crate) async fn activate(chain: &Chain, signer: &PrivateKeySigner, lpt: u64) -> TransactionReport {
    let plan = chain
        .plan_activate(signer.address(), activation(lpt), options())
        .await
        .unwrap();
    submit(chain, plan, signer).await.unwrap()
}

async fn reward(chain: &Chain, signer: &PrivateKeySigner) -> TransactionReport {
    let plan = chain.plan_reward(signer.address(), options()).await.unwrap();
    submit(chain, plan, signer).await.unwrap()
}

/// A change's figures by key.
fn change<'a>(report: &'a TransactionReport, key: &str) -> (&'a str, &'a str) {
    let change = report.changes.iter().find(|change| change.key == key).unwrap();
    (&change.before, &change.after)
}

fn codes(plan: &Plan) -> Vec<&'static str> {
    plan.refusals().iter().map(|finding| finding.code).collect()
}

/// An account nobody knows.
fn stranger() -> PrivateKeySigner {
    PrivateKeySigner::random()
}

/// A call to anvil from code that cannot wait for a future.
fn blocking_rpc(rpc_url: &str, body: &str) -> Bytes {
    use std::io::{Read, Write};
    let address = rpc_url.trim_start_matches("http://").trim_end_matches('/');
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    write!(
        stream,
        "POST / HTTP/1.1\r\nhost: anvil\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    answer.into()
}
