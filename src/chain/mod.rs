//! Contracts, endpoints, reads, plans, and the one way a transaction is sent.
//!
//! [`Chain::connect`] checks endpoints and chain and looks the contracts up. Reads give the plain types of
//! [`crate::view::chain`], each at one block and in two HTTP requests. Whatever changes the chain is
//! first a [`Plan`]: described, checked against the preflight rows and simulated, but not sent. An [`Outbox`] sends it:
//! the one sender of an account.

pub mod contracts;
pub mod errors;
pub mod network;
pub mod outbox;
pub mod price_feed;
pub mod provider;
pub mod redemption;
pub mod reverts;
pub mod watch;

mod answers;
mod calls;
pub(crate) mod exported;
mod facts;
mod funds;
mod gov;
mod ledger;
mod particulars;
mod plan;
mod pool;
mod preflight;
mod registries;
mod rewards;
mod submit;
mod text;
mod verbatim;

use std::{sync::Arc, time::Duration};

use alloy::{
    primitives::{Address, Bytes},
    providers::MULTICALL3_ADDRESS,
    rpc::client::RpcClient,
    sol_types::SolCall,
};
use serde_json::json;

pub(crate) use self::verbatim::OrchestratorWords;
use self::{
    contracts::{ContractName, Controller},
    provider::Endpoints,
};
pub use self::{
    errors::{ChainError, Class, EndpointFailure, FailureKind, SubmitError},
    funds::redemption_gas,
    gov::Proposal,
    ledger::{LedgerBound, LedgerError, LedgerProgress, LedgerRequest, LedgerStage, Progress},
    network::Network,
    outbox::{Call, Fate, GasPolicy, Journal, Mined, Outbox, Prepared, Sent},
    plan::{
        Activation, DepositChange, OrchestratorUpdate, Plan, PlanOptions, Publication, StakeChange, Support,
        TokenChange,
    },
    pool::{Hint, Pool},
    price_feed::PriceFeed,
    redemption::{RedeemOutlook, RedeemRevert, RedemptionFound, TicketOutlook},
    reverts::Revert,
    rewards::{HistoryProgress, RewardFacts},
    submit::{SubmitEvent, SubmitOptions},
    watch::{
        At, ChainEvent, ChainSenders, Checkpoint, Held, Outage, OwnFacts, SenderChange, WatchSettings,
        Watcher,
    },
};
use crate::secret::RpcUrl;

/// What is needed to reach a protocol.
#[derive(Debug, Clone)]
pub struct ChainConfig {
    /// A known network's name, or any name for one described by `controller`.
    pub network: String,
    /// Where to ask, best first.
    pub endpoints: Vec<RpcUrl>,
    /// The protocol's Controller; needed for networks lpctl does not know.
    pub controller: Option<Address>,
    /// The chain id endpoints must have; none: the known network's, or the first endpoint's.
    pub chain_id: Option<u64>,
    /// How long one endpoint may take for one request.
    pub timeout: Duration,
}

impl ChainConfig {
    /// The usual configuration: Controller and chain id of the known network, ten seconds per request.
    #[must_use]
    pub fn new(network: impl Into<String>, endpoints: Vec<RpcUrl>) -> Self {
        Self {
            network: network.into(),
            endpoints,
            controller: None,
            chain_id: None,
            timeout: Duration::from_secs(10),
        }
    }
}

/// A connected protocol. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Chain {
    rpc: RpcClient,
    endpoints: Endpoints,
    network: Arc<Network>,
    chain_id: u64,
    contracts: Contracts,
    /// Whether Multicall3 is on the chain; otherwise its code is lent to each call.
    multicall_deployed: bool,
    /// Which chain of its id it is, once asked for.
    mark: Arc<tokio::sync::OnceCell<Option<String>>>,
}

/// Where the protocol's contracts are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contracts {
    /// Looks the others up.
    pub controller: Address,
    /// Stake, pool, rewards and fees.
    pub bonding_manager: Address,
    /// LPT.
    pub livepeer_token: Address,
    /// Mints rewards and holds all stake and deposits.
    pub minter: Address,
    /// The clock.
    pub rounds_manager: Address,
    /// Where orchestrators publish their address.
    pub service_registry: Address,
    /// Deposits and winning tickets.
    pub ticket_broker: Address,
}

impl Contracts {
    fn get(&self, name: ContractName) -> Address {
        match name {
            ContractName::BondingManager => self.bonding_manager,
            ContractName::LivepeerToken => self.livepeer_token,
            ContractName::Minter => self.minter,
            ContractName::RoundsManager => self.rounds_manager,
            ContractName::ServiceRegistry => self.service_registry,
            ContractName::TicketBroker => self.ticket_broker,
        }
    }
}

impl Chain {
    /// Checks the chain id and looks the contracts up, in one HTTP request.
    ///
    /// # Errors
    /// [`ChainError`]: a configuration that does not fit, or no usable endpoint.
    pub async fn connect(config: ChainConfig) -> Result<Self, ChainError> {
        let network = Network::resolve(&config.network, config.controller, config.chain_id)?;
        let endpoints = Endpoints::new(config.endpoints, &network.name, network.chain_id, config.timeout)?;
        let rpc = RpcClient::new(endpoints.clone(), false);
        let controller = network.controller;

        let mut batch = rpc.new_batch();
        let controller_code = batch.add_call::<_, Bytes>("eth_getCode", &json!([controller, "latest"]))?;
        let multicall_code =
            batch.add_call::<_, Bytes>("eth_getCode", &json!([MULTICALL3_ADDRESS, "latest"]))?;
        let mut found = Vec::new();
        for name in ContractName::ALL {
            let data = Bytes::from(Controller::getContractCall { id: name.id() }.abi_encode());
            let params = json!([{ "to": controller, "data": data }, "latest"]);
            found.push((name, batch.add_call::<_, Bytes>("eth_call", &params)?));
        }
        batch.send().await?;

        let chain_id = endpoints
            .chain_id()
            .ok_or_else(|| ChainError::Garbage("no chain id".to_string()))?;
        if controller_code.await?.is_empty() {
            return Err(ChainError::NoController { controller, chain_id });
        }
        let multicall_deployed = !multicall_code.await?.is_empty();
        let mut addresses = [Address::ZERO; ContractName::ALL.len()];
        for (place, (name, answer)) in addresses.iter_mut().zip(found) {
            // Whatever is there instead of a Controller reverts or answers something else.
            *place = match answer.await {
                Ok(output) => Controller::getContractCall::abi_decode_returns(&output).unwrap_or_default(),
                Err(error) if plan::revert_of(&error).is_some() => Address::ZERO,
                Err(error) => return Err(error.into()),
            };
            if place.is_zero() {
                return Err(ChainError::ContractMissing {
                    controller,
                    name: name.as_str(),
                });
            }
        }
        let [
            bonding_manager,
            livepeer_token,
            minter,
            rounds_manager,
            service_registry,
            ticket_broker,
        ] = addresses;
        Ok(Self {
            rpc,
            endpoints,
            network: Arc::new(network),
            chain_id,
            contracts: Contracts {
                controller,
                bonding_manager,
                livepeer_token,
                minter,
                rounds_manager,
                service_registry,
                ticket_broker,
            },
            multicall_deployed,
            mark: Arc::default(),
        })
    }

    /// The network connected to.
    #[must_use]
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The chain id, as the endpoints say.
    #[must_use]
    pub fn chain_id(&self) -> u64 {
        self.chain_id
    }

    /// The block its protocol begins with, as far as it is known: no event is in an earlier one.
    #[must_use]
    pub(crate) fn first_block(&self) -> u64 {
        network::first_block(self.chain_id, self.contracts.controller)
    }

    /// Whether strangers' money is on it, and its rounds take most of a day.
    #[must_use]
    pub fn is_public(&self) -> bool {
        network::is_public(self.chain_id)
    }

    /// Where the contracts are.
    #[must_use]
    pub fn contracts(&self) -> &Contracts {
        &self.contracts
    }

    /// HTTP requests sent so far, to all endpoints together.
    #[must_use]
    pub fn http_requests(&self) -> u64 {
        self.endpoints.http_requests()
    }

    /// How each endpoint has been doing.
    #[must_use]
    pub fn endpoints(&self) -> Vec<crate::view::rpc::RelayEndpoint> {
        self.endpoints.status()
    }

    /// How long a block of the round's clock lasts; none where blocks come as they like.
    #[must_use]
    pub fn seconds_per_block(&self) -> Option<u64> {
        network::seconds_per_block(self.chain_id)
    }

    /// Endpoints whose last request failed: worth a warning even when another one answered.
    #[must_use]
    pub fn failing_endpoints(&self) -> Vec<EndpointFailure> {
        self.endpoints.failing()
    }
}
