//! How the protocol of a devnet is set up, and where its contracts are.

use alloy::primitives::Address;
use serde::{Deserialize, Serialize};

use super::accounts::Role;
use crate::units::{Lpt, Percent};

/// The protocol's parameters: short rounds, otherwise as on the live network where it matters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameters {
    /// Blocks in a round. At least 2.
    pub round_length: u64,
    /// Last part of a round in which commission cannot be changed.
    pub round_lock_percent: Percent,
    /// Rounds from unbonding to withdrawing.
    pub unbonding_rounds: u64,
    /// Rounds from unlocking a deposit to withdrawing it.
    pub unlock_rounds: u64,
    /// Rounds a ticket stays redeemable.
    pub ticket_validity_rounds: u64,
    /// Places in the pool.
    pub active_orchestrators: u64,
    /// Newly minted LPT a round, in parts per 10⁹ of the supply (the Minter's own precision).
    pub inflation: u64,
    /// How much inflation moves a round, in parts per 10⁹.
    pub inflation_change: u64,
    /// Bonded part of the supply at which inflation stops rising, in parts per 10⁹.
    pub target_bonding_rate: u64,
    /// LPT every role starts with, except the treasury.
    pub role_lpt: Lpt,
    /// LPT the treasury starts with.
    pub treasury_lpt: Lpt,
    /// LPT in the faucet.
    pub faucet_lpt: Lpt,
    /// LPT the faucet gives at a time.
    pub faucet_request_lpt: Lpt,
}

impl Parameters {
    /// For people: rounds of 50 blocks, long enough that a few transactions do not end one.
    #[must_use]
    pub fn interactive() -> Self {
        Self::with_round_length(50)
    }

    /// For tests: rounds of 20 blocks.
    #[must_use]
    pub fn brief() -> Self {
        Self::with_round_length(20)
    }

    /// Everything usual, rounds as long as asked.
    #[must_use]
    pub fn with_round_length(round_length: u64) -> Self {
        Self {
            round_length,
            round_lock_percent: Percent::from_ppm(100_000).unwrap_or_default(),
            unbonding_rounds: 2,
            unlock_rounds: 2,
            ticket_validity_rounds: 2,
            active_orchestrators: 100,
            inflation: 218_500,
            inflation_change: 500,
            target_bonding_rate: 500_000_000,
            role_lpt: Lpt::whole(100_000),
            treasury_lpt: Lpt::whole(1_000_000),
            faucet_lpt: Lpt::whole(1_000_000),
            faucet_request_lpt: Lpt::whole(10),
        }
    }

    /// LPT a role starts with.
    #[must_use]
    pub fn lpt_of(&self, role: Role) -> Lpt {
        match role {
            Role::Treasury => self.treasury_lpt,
            _ => self.role_lpt,
        }
    }
}

/// Where the contracts are: always the same addresses, since one account deploys them in one order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Contracts {
    /// Knows all others by name.
    pub controller: Address,
    /// Mints LPT and holds the ETH.
    pub minter: Address,
    /// LPT.
    pub token: Address,
    /// Proxy of the ticket contract.
    pub ticket_broker: Address,
    /// Proxy of the stake contract.
    pub bonding_manager: Address,
    /// Proxy of the rounds contract.
    pub rounds_manager: Address,
    /// Proxy of the contract of service addresses.
    pub service_registry: Address,
    /// Makes polls.
    pub poll_creator: Address,
    /// Gives LPT to whoever asks, once an hour.
    pub faucet: Address,
}

/// The deployer's nonces at which contracts are created.
pub(super) mod nonce {
    pub const CONTROLLER: u64 = 0;
    pub const MINTER: u64 = 1;
    pub const TOKEN: u64 = 3;
    pub const TICKET_BROKER: u64 = 5;
    pub const BONDING_MANAGER: u64 = 11;
    pub const ROUNDS_MANAGER: u64 = 15;
    pub const SERVICE_REGISTRY: u64 = 19;
    pub const POLL_CREATOR: u64 = 25;
    pub const FAUCET: u64 = 36;
    /// A proxy is created two transactions after its target.
    pub const PROXY: u64 = 2;
}

impl Contracts {
    /// The addresses on every devnet.
    #[must_use]
    pub fn standard() -> Self {
        let deployer = Role::Deployer.address();
        let proxy = |target: u64| deployer.create(target + nonce::PROXY);
        Self {
            controller: deployer.create(nonce::CONTROLLER),
            minter: deployer.create(nonce::MINTER),
            token: deployer.create(nonce::TOKEN),
            ticket_broker: proxy(nonce::TICKET_BROKER),
            bonding_manager: proxy(nonce::BONDING_MANAGER),
            rounds_manager: proxy(nonce::ROUNDS_MANAGER),
            service_registry: proxy(nonce::SERVICE_REGISTRY),
            poll_creator: deployer.create(nonce::POLL_CREATOR),
            faucet: deployer.create(nonce::FAUCET),
        }
    }
}
