//! Rewards as the chain tells of them, and reward callers.

use alloy::{
    network::TransactionBuilder,
    primitives::{Address, B256, Bytes, FixedBytes, U256, hex, keccak256},
    providers::Provider,
    rpc::types::TransactionRequest,
    sol,
};
use engine::{
    devnet::Parameters,
    units::Lpt,
    view::{
        reward::{RewardCaller, RewardHistory, RewardOutcome},
        transaction::Severity,
    },
};
use testbed::Devnet;

use super::{activate, call, codes, connect, options, protocol, reward, send, submit};

sol! {
    function setContractInfo(bytes32 id, address contractAddress, bytes20 gitCommitHash) external;
    function getContract(bytes32 id) external view returns (address);
    function setRewardCaller(address caller) external;
}

fn outcomes(history: &RewardHistory) -> Vec<RewardOutcome> {
    history.rounds.iter().map(|row| row.outcome).collect()
}

#[tokio::test]
async fn each_round_is_told_as_it_went() {
    use RewardOutcome::{Called, Missed, NotActive, NotInitialized, Open};
    let devnet = testbed::devnet().await;
    let chain = connect(&devnet).await;
    let me = &devnet.accounts.orchestrator;
    let history = async |rounds| {
        let history = chain.reward_history(me.address(), rounds, &|_| {}).await;
        history.unwrap()
    };
    assert_eq!(outcomes(&history(1).await), [NotActive]);
    activate(&chain, me, 100).await;
    devnet.next_round().await;
    let before = chain.reward_status(me.address()).await.unwrap();
    reward(&chain, me).await;
    devnet.next_round().await;
    // One that ends without it, one that nobody opens, one in which it is called by hand, the last is open.
    devnet.next_round().await;
    devnet.enter_next_round().await;
    let called = devnet.next_round().await;
    reward(&chain, me).await;
    let last = devnet.next_round().await;
    assert_eq!(last, called + 1);

    let told = history(7).await;
    assert_eq!(
        outcomes(&told),
        [Open, Called, NotInitialized, Missed, Missed, Called, NotActive],
        "{told:#?}"
    );
    assert_eq!((told.called, told.missed), (2, 2));
    let first = &told.rounds[5];
    assert_eq!(first.amount_lpt, Some(before.expected_reward_lpt));
    assert_eq!(first.stake_lpt, Some(Lpt::whole(100)));
    let sum = told.rounds[1]
        .amount_lpt
        .unwrap()
        .saturating_add(before.expected_reward_lpt);
    assert_eq!(told.total_lpt, sum);
    // Only the newest, and no further back than the first round.
    assert_eq!(outcomes(&history(2).await), [Open, Called]);
    assert_eq!(history(1000).await.rounds.last().unwrap().round.0, 0);
    assert_eq!(
        chain
            .reward_minted(me.address(), first.block.unwrap())
            .await
            .unwrap(),
        first.amount_lpt
    );
    assert_eq!(chain.reward_minted(me.address(), 1).await.unwrap(), None);
}

#[tokio::test]
async fn leaving_the_active_set_is_no_missed_reward() {
    use RewardOutcome::{Missed, NotActive};
    let devnet = testbed::devnet().await;
    let chain = connect(&devnet).await;
    let me = &devnet.accounts.orchestrator;
    activate(&chain, me, 100).await;
    devnet.next_round().await;
    let unbond = protocol::unbondCall {
        amount: Lpt::whole(100).0,
    };
    send(&devnet, me.address(), devnet.contracts.bonding_manager, unbond).await;
    devnet.next_round().await;
    let history = chain.reward_history(me.address(), 3, &|_| {}).await.unwrap();
    assert_eq!(outcomes(&history), [NotActive, Missed, NotActive]);
}

#[tokio::test]
async fn the_facts_of_a_decision_are_the_chains() {
    let devnet = testbed::devnet().await;
    let chain = connect(&devnet).await;
    let me = &devnet.accounts.orchestrator;
    let facts = async || {
        chain
            .reward_facts(me.address(), me.address(), true)
            .await
            .unwrap()
    };
    let stranger = facts().await;
    assert!(!stranger.active && stranger.gas.is_none() && stranger.obstacle.is_none());
    activate(&chain, me, 100).await;
    let round = devnet.next_round().await;
    let open = facts().await;
    assert!(open.active && !open.is_called() && open.waiting == 0, "{open:?}");
    assert_eq!(open.round.round.0, round);
    let status = chain.reward_status(me.address()).await.unwrap();
    assert_eq!(open.reward, Some(status.expected_reward_lpt));
    // 315 to 344 thousand by measurement, up to 587 on newer contracts.
    assert!((200_000..700_000).contains(&open.gas.unwrap()), "{open:?}");
    reward(&chain, me).await;
    let called = facts().await;
    assert!(called.is_called() && called.gas.is_none() && called.reward.is_none());
    devnet.enter_next_round().await;
    let closed = facts().await;
    assert!(
        !closed.round.initialized && !closed.is_called() && closed.gas.is_none() && closed.obstacle.is_none()
    );
}

#[tokio::test]
async fn where_the_protocol_knows_no_reward_callers_nobody_else_calls() {
    let devnet = testbed::devnet().await;
    let chain = connect(&devnet).await;
    let me = &devnet.accounts.orchestrator;
    activate(&chain, me, 100).await;
    devnet.next_round().await;
    assert_eq!(
        chain.reward_caller(me.address()).await.unwrap(),
        RewardCaller::Unsupported
    );
    let caller = devnet.accounts.delegator.address();
    let plan = chain
        .plan_reward_for(caller, me.address(), options())
        .await
        .unwrap();
    assert_eq!(codes(&plan), ["not_reward_caller"]);
    let facts = chain.reward_facts(me.address(), caller, true).await.unwrap();
    assert_eq!(facts.obstacle.unwrap().0, "not_reward_caller");
}

/// Where the stand-in keeps reward callers: far from the contract's own variables.
const CALLERS: u8 = 0xf0;
/// What it mints, in name only.
const MINTED: u64 = 3_000_000_000_000_000_000;

/// Bytes of a program, with places to jump to.
#[derive(Default)]
struct Program {
    code: Vec<u8>,
    jumps: Vec<(usize, &'static str)>,
    labels: Vec<(&'static str, usize)>,
}

impl Program {
    fn raw(&mut self, code: &str) -> &mut Self {
        self.code.extend(hex::decode(code.replace(' ', "")).unwrap());
        self
    }

    fn push(&mut self, bytes: &[u8]) -> &mut Self {
        self.code.push(0x5f + u8::try_from(bytes.len()).unwrap());
        self.code.extend(bytes);
        self
    }

    fn jump_if(&mut self, label: &'static str) -> &mut Self {
        self.jumps.push((self.code.len() + 1, label));
        self.raw("61 0000 57")
    }

    fn label(&mut self, label: &'static str) -> &mut Self {
        self.labels.push((label, self.code.len()));
        self.raw("5b")
    }

    fn assemble(&mut self) -> Vec<u8> {
        for (place, label) in &self.jumps {
            let (_, target) = self.labels.iter().find(|(name, _)| name == label).unwrap();
            let target = u16::try_from(*target).unwrap().to_be_bytes();
            self.code[*place..*place + 2].copy_from_slice(&target);
        }
        std::mem::take(&mut self.code)
    }
}

/// The devnet's contracts are older than LIP-118. This stands in front of the BondingManager's code: it keeps reward
/// callers and lets them call, where a call only writes down the round and says that something was minted. Everything
/// else goes to the real code, with the same storage and the same sender.
fn stand_in(real: Address, rounds_manager: Address, transcoders: u8) -> Vec<u8> {
    let caller_of_argument = format!("60 04 35 60 00 52 60 {CALLERS:02x} 60 20 52 60 40 60 00 20 54");
    let round_of_argument = format!("60 04 35 60 00 52 60 {transcoders:02x} 60 20 52 60 40 60 00 20");
    let mut program = Program::default();
    program.raw("60 00 35 60 e0 1c");
    for (selector, label) in [
        ("47621410", "caller"),
        ("0103e60e", "set"),
        ("b556966a", "reward"),
    ] {
        program.raw("80 63").raw(selector).raw("14").jump_if(label);
    }
    program
        .raw("36 60 00 60 00 37  60 00 60 00 36 60 00")
        .push(real.as_slice());
    program.raw("5a f4  3d 60 00 60 00 3e").jump_if("worked");
    program.raw("3d 60 00 fd").label("worked").raw("3d 60 00 f3");
    program
        .label("caller")
        .raw(&caller_of_argument)
        .raw("60 00 52 60 20 60 00 f3");
    let by_sender = format!("33 60 00 52 60 {CALLERS:02x} 60 20 52 60 04 35 60 40 60 00 20 55 00");
    program.label("set").raw(&by_sender);
    program
        .label("reward")
        .raw(&caller_of_argument)
        .raw("33 14")
        .jump_if("may");
    program.label("twice").raw("60 00 60 00 fd").label("may");
    program.raw("63 8a19c8bc 60 e0 1b 60 00 52  60 20 60 40 60 04 60 00");
    program.push(rounds_manager.as_slice()).raw("5a fa 50");
    program
        .raw(&round_of_argument)
        .raw("80 54 60 40 51 14")
        .jump_if("twice");
    program
        .raw("60 40 51 90 55")
        .push(&MINTED.to_be_bytes())
        .raw("60 00 52  60 04 35");
    program.push(keccak256("Reward(address,uint256)").as_slice());
    program.raw("60 20 60 00 a2 00");
    program.assemble()
}

/// Puts the stand-in in place, and lets the orchestrator name its caller.
pub(super) async fn name_reward_caller(devnet: &Devnet, orchestrator: Address, caller: Address) {
    let (controller, deployer) = (devnet.controller, devnet.accounts.deployer.address());
    let manager = devnet.contracts.bonding_manager;
    let id = keccak256("BondingManagerTarget");
    let real = call(devnet, controller, getContractCall { id }).await;
    // The variable under which orchestrators are kept: where the round of the last reward is found again.
    let told = call(
        devnet,
        manager,
        protocol::getTranscoderCall {
            transcoder: orchestrator,
        },
    )
    .await;
    assert!(
        !told.lastRewardRound.is_zero(),
        "reward must have been called once"
    );
    let mut transcoders = None;
    for slot in 0..100_u8 {
        let place = keccak256([orchestrator.into_word(), B256::with_last_byte(slot)].concat());
        let value = devnet
            .provider()
            .get_storage_at(manager, place.into())
            .await
            .unwrap();
        if value == told.lastRewardRound {
            transcoders = Some(slot);
            break;
        }
    }
    let code = stand_in(real, devnet.contracts.rounds_manager, transcoders.unwrap());
    let length = u16::try_from(code.len()).unwrap();
    let creation = format!("61{length:04x}80600c6000396000f3{}", hex::encode(&code));
    let request = TransactionRequest::default()
        .with_from(deployer)
        .with_deploy_code(Bytes::from(hex::decode(creation).unwrap()))
        .with_gas_limit(2_000_000);
    let sent = devnet.provider().send_transaction(request).await.unwrap();
    let stand_in = sent.get_receipt().await.unwrap().contract_address.unwrap();
    let register = setContractInfoCall {
        id,
        contractAddress: stand_in,
        gitCommitHash: FixedBytes::ZERO,
    };
    send(devnet, deployer, controller, register).await;
    send(devnet, orchestrator, manager, setRewardCallerCall { caller }).await;
}

#[tokio::test]
async fn a_reward_caller_calls_in_the_orchestrators_place() {
    let devnet = testbed::devnet_with(Parameters::with_round_length(60)).await;
    let chain = connect(&devnet).await;
    let me = &devnet.accounts.orchestrator;
    let caller = &devnet.accounts.delegator;
    activate(&chain, me, 100).await;
    devnet.next_round().await;
    reward(&chain, me).await;
    name_reward_caller(&devnet, me.address(), caller.address()).await;
    assert_eq!(
        chain.reward_caller(me.address()).await.unwrap(),
        RewardCaller::Account(caller.address())
    );
    assert_eq!(
        chain.reward_caller(caller.address()).await.unwrap(),
        RewardCaller::Nobody
    );
    let plan = async |from| {
        chain
            .plan_reward_for(from, me.address(), options())
            .await
            .unwrap()
    };
    assert_eq!(codes(&plan(caller.address()).await), ["reward_already_called"]);
    let round = devnet.next_round().await;
    let stranger = devnet.accounts.gateway.address();
    assert_eq!(codes(&plan(stranger).await), ["not_reward_caller"]);

    let plan = plan(caller.address()).await;
    let findings = &plan.summary().findings;
    assert!(
        findings.iter().all(|finding| finding.severity == Severity::Note),
        "{findings:?}"
    );
    let report = submit(&chain, plan, caller).await.unwrap();
    assert_eq!(report.from, caller.address());
    let status = chain.reward_status(me.address()).await.unwrap();
    assert_eq!(status.orchestrator.last_reward_round.0, round);
    let history = chain.reward_history(me.address(), 1, &|_| {}).await.unwrap();
    assert_eq!(outcomes(&history), [RewardOutcome::Called]);
    assert_eq!(history.total_lpt, Lpt(U256::from(MINTED)));
}
