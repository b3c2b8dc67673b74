//! Who is who on a devnet: the accounts everybody's local chains have, by role.
//!
//! Their keys are public knowledge (the first ones of the mnemonic `test test … junk`): never send anything of
//! value to them on a real network.

use std::{fmt, str::FromStr};

use alloy::{
    primitives::{Address, B256, b256},
    signers::local::PrivateKeySigner,
};
use serde::{Deserialize, Serialize};

/// Well-known test keys, by place in the standard test mnemonic. Public knowledge, worth nothing anywhere else.
const WELL_KNOWN_TEST_KEYS: [B256; 6] = [
    b256!("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"),
    b256!("59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d"),
    b256!("5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a"),
    b256!("7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6"),
    b256!("47e179ec197488593b187f80a00eb0da91f1b9d0b13f8733639f19c30a34926a"),
    b256!("8b3a350cf5c34c9194ca85829a2df0ec3153be0318b5e2d3348e872092edffba"),
];

/// A part somebody plays on a devnet, each with its own funded account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Deployed the contracts, owns the Controller, opens rounds.
    Deployer,
    /// Runs a node. Has LPT and is not bonded yet.
    Orchestrator,
    /// A second one, for everything that takes two.
    SecondOrchestrator,
    /// Puts stake behind an orchestrator.
    Delegator,
    /// Sends streams and tickets.
    Gateway,
    /// Holds the largest part of the LPT.
    Treasury,
}

impl Role {
    /// Every role, in the order of their accounts.
    pub const ALL: [Self; 6] = [
        Self::Deployer,
        Self::Orchestrator,
        Self::SecondOrchestrator,
        Self::Delegator,
        Self::Gateway,
        Self::Treasury,
    ];

    /// The account's name, as typed: `orchestrator`, `second-orchestrator`, …
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Deployer => "deployer",
            Self::Orchestrator => "orchestrator",
            Self::SecondOrchestrator => "second-orchestrator",
            Self::Delegator => "delegator",
            Self::Gateway => "gateway",
            Self::Treasury => "treasury",
        }
    }

    /// The account's well-known test key.
    #[must_use]
    #[expect(clippy::expect_used, reason = "the keys are constants and read by a test")]
    pub fn signer(self) -> PrivateKeySigner {
        PrivateKeySigner::from_bytes(&WELL_KNOWN_TEST_KEYS[self as usize])
            .expect("the well-known test keys are valid")
    }

    /// The account.
    #[must_use]
    pub fn address(self) -> Address {
        self.signer().address()
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The text names no role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a role; the roles are deployer, orchestrator, second-orchestrator, delegator, gateway and treasury"
)]
pub struct UnknownRole;

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|role| role.name() == text)
            .ok_or(UnknownRole)
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::address;

    use super::*;

    #[test]
    fn roles_have_the_addresses_everybody_knows() {
        let known = [
            address!("f39Fd6e51aad88F6F4ce6aB8827279cffFb92266"),
            address!("70997970C51812dc3A010C7d01b50e0d17dc79C8"),
            address!("3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"),
            address!("90F79bf6EB2c4f870365E785982E1f101E93b906"),
            address!("15d34AAf54267DB7D7c367839AAf71A00a2C6A65"),
            address!("9965507D1a55bcC2695C58ba16FB37d819B0A4dc"),
        ];
        for (role, address) in Role::ALL.into_iter().zip(known) {
            assert_eq!(role.address(), address, "{role}");
            assert_eq!(role.name().parse(), Ok(role));
        }
        assert_eq!("nobody".parse::<Role>(), Err(UnknownRole));
    }
}
