//! Livepeer's protocol onto an empty chain: contracts, parameters, money and the first round.
//!
//! One account sends everything in one order, so that addresses follow from its nonces
//! ([`Contracts::standard`](super::Contracts::standard)). The order is that of the protocol's own deployment.

use alloy::{
    network::TransactionBuilder,
    primitives::{Address, Bytes, FixedBytes, TxKind, U256, hex, keccak256},
    providers::{MULTICALL3_ADDRESS, Provider, bindings::IMulticall3, ext::AnvilApi},
    rpc::types::TransactionRequest,
    sol,
    sol_types::SolValue,
};

use super::{
    accounts::Role,
    artifacts::{
        Artifact, Artifacts, BONDING_MANAGER, CONTROLLER, FAUCET, GOVERNOR, MANAGER_PROXY, MERKLE_SNAPSHOT,
        MINTER, POLL_CREATOR, ROUNDS_MANAGER, SERVICE_REGISTRY, SORTED_LIST, TICKET_BROKER, TOKEN,
    },
    chain::{Call, DevnetChain, Token, minter_role},
    error::DevnetError,
    parameters::{Contracts, Parameters, nonce},
};

sol! {
    // protocol contracts/Controller.sol
    interface ControllerOwner {
        function setContractInfo(bytes32 id, address contractAddress, bytes20 gitCommitHash) external;
        function unpause() external;
    }
    // protocol contracts/bonding/BondingManager.sol
    interface BondingParameters {
        function setUnbondingPeriod(uint64 unbondingPeriod) external;
        function setNumActiveTranscoders(uint256 numActiveTranscoders) external;
    }
    // protocol contracts/rounds/RoundsManager.sol
    interface RoundsParameters {
        function setRoundLength(uint256 roundLength) external;
        function setRoundLockAmount(uint256 roundLockAmount) external;
    }
    // protocol contracts/pm/TicketBroker.sol
    interface TicketParameters {
        function setUnlockPeriod(uint256 unlockPeriod) external;
        function setTicketValidityPeriod(uint256 ticketValidityPeriod) external;
    }
}

/// Creation code of a contract that answers every call with one zero word: it stands in for the cache of the
/// main network's LPT supply, of which a devnet has none.
const ZERO_SUPPLY: [u8; 22] = hex!("600a600c600039600a6000f3600060005260206000f3");
/// More than the largest contract needs.
const CREATION_GAS: u64 = 6_000_000;
/// Hours between two gifts of the faucet to one account.
const FAUCET_HOURS: u64 = 1;

/// Transactions in the order they are sent.
struct Deployment<'a> {
    artifacts: &'a Artifacts,
    deployer: Address,
    calls: Vec<Call>,
}

impl Deployment<'_> {
    fn create(
        &mut self,
        artifact: Artifact,
        arguments: &[u8],
        library: Option<Address>,
    ) -> Result<Address, DevnetError> {
        let code = self.artifacts.creation_code(artifact, library)?;
        Ok(self.create_raw(artifact.name, [&code[..], arguments].concat().into()))
    }

    fn create_raw(&mut self, name: &str, input: Bytes) -> Address {
        let address = self.deployer.create(self.calls.len() as u64);
        self.calls.push(Call {
            step: format!("creating {name}"),
            to: TxKind::Create,
            input,
            gas: CREATION_GAS,
        });
        address
    }

    fn call(&mut self, step: impl Into<String>, to: Address, call: &impl alloy::sol_types::SolCall) {
        self.calls.push(Call::new(step, to, call));
    }

    /// Tells the Controller where a contract is.
    fn register(&mut self, name: &str, address: Address) {
        let call = ControllerOwner::setContractInfoCall {
            id: keccak256(name),
            contractAddress: address,
            gitCommitHash: FixedBytes::ZERO,
        };
        let controller = self.deployer.create(nonce::CONTROLLER);
        self.call(format!("registering {name}"), controller, &call);
    }

    /// A contract behind a proxy: its code, the code's entry, the proxy, the proxy's entry.
    fn create_proxied(
        &mut self,
        artifact: Artifact,
        library: Option<Address>,
    ) -> Result<Address, DevnetError> {
        let controller = self.deployer.create(nonce::CONTROLLER);
        let target = self.create(artifact, &controller.abi_encode(), library)?;
        let target_name = format!("{}Target", artifact.name);
        self.register(&target_name, target);
        let arguments = (controller, keccak256(&target_name)).abi_encode_params();
        let proxy = self.create(MANAGER_PROXY, &arguments, None)?;
        self.register(artifact.name, proxy);
        Ok(proxy)
    }
}

/// All transactions that make the protocol, in order.
fn transactions(artifacts: &Artifacts, parameters: &Parameters) -> Result<Vec<Call>, DevnetError> {
    let contracts = Contracts::standard();
    let deployer = Role::Deployer.address();
    let mut deployment = Deployment {
        artifacts,
        deployer,
        calls: Vec::with_capacity(49),
    };
    let d = &mut deployment;

    let controller = d.create(CONTROLLER, &[], None)?;
    let inflation = (
        controller,
        U256::from(parameters.inflation),
        U256::from(parameters.inflation_change),
        U256::from(parameters.target_bonding_rate),
    );
    let minter = d.create(MINTER, &inflation.abi_encode_params(), None)?;
    d.register("Minter", minter);
    let token = d.create(TOKEN, &[], None)?;
    d.register("LivepeerToken", token);
    let ticket_broker = d.create_proxied(TICKET_BROKER, None)?;
    // The Minter takes ETH from this name alone.
    d.register("JobsManager", ticket_broker);
    let list = d.create(SORTED_LIST, &[], None)?;
    let bonding_manager = d.create_proxied(BONDING_MANAGER, Some(list))?;
    let rounds_manager = d.create_proxied(ROUNDS_MANAGER, None)?;
    d.create_proxied(SERVICE_REGISTRY, None)?;
    let supply = d.create_raw("the supply cache", Bytes::from_static(&ZERO_SUPPLY));
    d.register("L2LPTDataCache", supply);
    // Not in the live network's Controller: there its address is known.
    let poll_creator = d.create(POLL_CREATOR, &bonding_manager.abi_encode(), None)?;
    d.register("PollCreator", poll_creator);
    let snapshot = d.create(MERKLE_SNAPSHOT, &controller.abi_encode(), None)?;
    d.register("MerkleSnapshot", snapshot);
    d.create(GOVERNOR, &[], None)?;

    set_parameters(d, parameters, bonding_manager, rounds_manager, ticket_broker);

    let gift = (token, parameters.faucet_request_lpt.0, U256::from(FAUCET_HOURS));
    let faucet = d.create(FAUCET, &gift.abi_encode_params(), None)?;
    d.register("LivepeerTokenFaucet", faucet);
    let role = minter_role();
    let grant = |account| Token::grantRoleCall { role, account };
    d.call("allowing the deployer to mint", token, &grant(deployer));
    let receivers = Role::ALL.map(|role| (role.address(), parameters.lpt_of(role)));
    for (to, amount) in receivers.into_iter().chain([(faucet, parameters.faucet_lpt)]) {
        let mint = Token::mintCall { to, amount: amount.0 };
        d.call("minting LPT", token, &mint);
    }
    let revoke = Token::revokeRoleCall {
        role,
        account: deployer,
    };
    d.call("forbidding the deployer to mint", token, &revoke);
    d.call("allowing the Minter to mint", token, &grant(minter));
    d.call(
        "starting the protocol",
        controller,
        &ControllerOwner::unpauseCall {},
    );

    debug_assert_eq!(contracts.faucet, faucet);
    Ok(deployment.calls)
}

fn set_parameters(
    d: &mut Deployment<'_>,
    parameters: &Parameters,
    bonding_manager: Address,
    rounds_manager: Address,
    ticket_broker: Address,
) {
    let unbonding = BondingParameters::setUnbondingPeriodCall {
        unbondingPeriod: parameters.unbonding_rounds,
    };
    d.call("setting the unbonding period", bonding_manager, &unbonding);
    let places = BondingParameters::setNumActiveTranscodersCall {
        numActiveTranscoders: U256::from(parameters.active_orchestrators),
    };
    d.call("setting the size of the pool", bonding_manager, &places);
    let length = RoundsParameters::setRoundLengthCall {
        roundLength: U256::from(parameters.round_length),
    };
    d.call("setting the round length", rounds_manager, &length);
    let lock = RoundsParameters::setRoundLockAmountCall {
        roundLockAmount: U256::from(parameters.round_lock_percent.ppm()),
    };
    d.call("setting the locked part of a round", rounds_manager, &lock);
    let unlock = TicketParameters::setUnlockPeriodCall {
        unlockPeriod: U256::from(parameters.unlock_rounds),
    };
    d.call("setting the unlock period", ticket_broker, &unlock);
    let validity = TicketParameters::setTicketValidityPeriodCall {
        ticketValidityPeriod: U256::from(parameters.ticket_validity_rounds),
    };
    d.call("setting the tickets' validity", ticket_broker, &validity);
}

/// Makes the protocol on a new chain: every transaction in one batch and one block, then the first round opened.
pub(super) async fn deploy(
    chain: &DevnetChain,
    artifacts: &Artifacts,
    parameters: &Parameters,
) -> Result<(), DevnetError> {
    check(parameters)?;
    let calls = transactions(artifacts, parameters)?;
    let failed = || DevnetError::rpc("to set it up");
    let provider = chain.provider();
    provider.anvil_set_auto_mine(false).await.map_err(failed())?;
    let receipts = chain.send(&Role::Deployer.signer(), calls).await?;
    provider.anvil_set_auto_mine(true).await.map_err(failed())?;
    tracing::debug!(transactions = receipts.len(), "contracts are deployed");

    // Batched reads need this contract, which live networks have and anvil has not: its creation code, run as a
    // call, answers the code to put there.
    let creation = TransactionRequest::default()
        .with_kind(TxKind::Create)
        .with_input(IMulticall3::BYTECODE.clone());
    let code = provider.call(creation).await.map_err(failed())?;
    provider
        .anvil_set_code(MULTICALL3_ADDRESS, code)
        .await
        .map_err(failed())?;
    chain.verify().await?;
    // Round 0 is never opened: it has no block before it.
    chain.next_round().await?;
    Ok(())
}

fn check(parameters: &Parameters) -> Result<(), DevnetError> {
    match parameters.round_length {
        2..=100_000 => Ok(()),
        length => Err(DevnetError::Parameters(format!(
            "a round of {length} blocks does not work on a devnet; it takes 2 to 100000"
        ))),
    }
}
