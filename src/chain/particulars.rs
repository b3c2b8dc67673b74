//! What only some plans ask for beside a snapshot: locks, a receiver, the faucet, the second registry.

use alloy::{
    primitives::{Address, U256, keccak256},
    sol,
};

use super::{
    Chain, ChainError,
    calls::{Calls, count},
    contracts::{BondingManager, Controller, ServiceRegistry},
    facts::{Beside, Snapshot},
    network::ai_registry,
    plan::{Intent, StakeChange, TokenChange},
    text::plain,
};
use crate::{
    units::Lpt,
    view::chain::{DelegatorFacts, OrchestratorFacts, UnbondingLock},
};

sol! {
    /// `protocol contracts/token/LivepeerTokenFaucet.sol`; on test networks only.
    #[allow(missing_docs, reason = "the macro's items are the contract's own names")]
    interface Faucet {
        function request() external;
        function requestAmount() external view returns (uint256);
        function nextValidRequest(address requester) external view returns (uint256);
    }
}

/// Facts beside a snapshot's; empty for plans that need none of them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Particulars {
    /// The account's stake on its way back, by number.
    pub(crate) locks: Vec<UnbondingLock>,
    /// Rounds unbonding takes.
    pub(crate) unbonding_period: u64,
    /// Who gets stake.
    pub(crate) receiver: Option<Receiver>,
    /// Whoever gets stake or LPT is one of the protocol's own contracts: it gives nothing back.
    pub(crate) to_protocol: bool,
    /// LPT in the wallet of whoever gets LPT.
    pub(crate) receiver_wallet: Lpt,
    /// Where test LPT comes from, on a network that has it.
    pub(crate) faucet: Option<FaucetFacts>,
    /// The registry of AI nodes, on a network that has it or where one is named.
    pub(crate) ai: Option<AiRegistry>,
}

/// Whoever stake is given to.
#[derive(Debug, Clone)]
pub(crate) struct Receiver {
    pub(crate) stake: DelegatorFacts,
    /// Whom its stake is with; none if it has no delegate.
    pub(crate) orchestrator: Option<OrchestratorFacts>,
}

/// Where test LPT comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FaucetFacts {
    pub(crate) address: Address,
    /// What it gives at a time.
    pub(crate) amount: Lpt,
    /// Unix time from which it gives the account something again.
    pub(crate) next: u64,
}

/// Where AI nodes publish their address.
#[derive(Debug, Clone)]
pub(crate) struct AiRegistry {
    pub(crate) address: Address,
    /// The account's entry.
    pub(crate) uri: Option<String>,
}

impl Chain {
    /// Fills in what `intent` needs beside the snapshot. No request for most intents.
    pub(crate) async fn add_particulars(
        &self,
        intent: &Intent,
        snapshot: &mut Snapshot,
    ) -> Result<(), ChainError> {
        let account = snapshot.account;
        let mut particulars = Particulars::default();
        match intent {
            Intent::Stake(change) => match change {
                StakeChange::Unbond { .. } | StakeChange::Deactivate => {
                    particulars.unbonding_period = self.unbonding_period(snapshot).await?;
                }
                StakeChange::Rebond { .. } | StakeChange::Withdraw { .. } => {
                    particulars.locks = self.stake(account).await?.locks;
                }
                StakeChange::Transfer { to, .. } => {
                    let answer = self.stake(*to).await?;
                    particulars.to_protocol = self.is_protocol_contract(*to);
                    particulars.receiver = Some(Receiver {
                        stake: answer.stake,
                        orchestrator: answer.orchestrator,
                    });
                }
                StakeChange::Claim => {}
            },
            Intent::Token(TokenChange::Transfer { to, .. }) => {
                particulars.to_protocol = self.is_protocol_contract(*to);
                particulars.receiver_wallet = self.balances(*to).await?.wallet_lpt;
            }
            Intent::Token(TokenChange::Faucet) => particulars.faucet = self.faucet(snapshot).await?,
            Intent::SetServiceUri { .. } | Intent::Update(_) if intent.service_uri().is_some() => {
                if let Some(address) = ai_registry(self.chain_id) {
                    particulars.ai = Some(self.ai_entry(address, snapshot).await?);
                }
            }
            Intent::Publish(publication) => {
                if let Some(address) = publication.ai {
                    particulars.ai = Some(self.ai_entry(address, snapshot).await?);
                }
            }
            _ => {}
        }
        snapshot.particulars = particulars;
        Ok(())
    }

    async fn unbonding_period(&self, snapshot: &Snapshot) -> Result<u64, ChainError> {
        let mut calls = Calls::default();
        let period = calls.add(
            self.contracts.bonding_manager,
            &BondingManager::unbondingPeriodCall {},
        );
        let reading = Box::pin(self.read(&snapshot.now.head, calls, Beside::default())).await?;
        reading.answers.get(period)
    }

    /// The faucet the Controller names, if it names one.
    async fn faucet(&self, snapshot: &Snapshot) -> Result<Option<FaucetFacts>, ChainError> {
        let mut calls = Calls::default();
        let id = keccak256("LivepeerTokenFaucet");
        let named = calls.add(self.contracts.controller, &Controller::getContractCall { id });
        let reading = Box::pin(self.read(&snapshot.now.head, calls, Beside::default())).await?;
        let address = reading.answers.get(named)?;
        if address.is_zero() {
            return Ok(None);
        }
        let mut calls = Calls::default();
        let requester = snapshot.account;
        let amount = calls.add(address, &Faucet::requestAmountCall {});
        let next = calls.add(address, &Faucet::nextValidRequestCall { requester });
        let reading = Box::pin(self.read(&snapshot.now.head, calls, Beside::default())).await?;
        Ok(Some(FaucetFacts {
            address,
            amount: Lpt(reading.answers.get(amount)?),
            next: count(reading.answers.get(next)?.min(U256::from(u64::MAX)), "a time")?,
        }))
    }

    async fn ai_entry(&self, registry: Address, snapshot: &Snapshot) -> Result<AiRegistry, ChainError> {
        let mut calls = Calls::default();
        let account = snapshot.account;
        let entry = calls.add(registry, &ServiceRegistry::getServiceURICall { account });
        let reading = Box::pin(self.read(&snapshot.now.head, calls, Beside::default())).await?;
        let uri = reading.answers.get(entry)?;
        Ok(AiRegistry {
            address: registry,
            uri: (!uri.is_empty()).then(|| plain(&uri, 300)),
        })
    }
}
