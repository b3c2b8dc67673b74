//! LPT that is not bonded: sent, and asked of a test network's faucet.

use alloy::{primitives::Address, sol};

use super::{Figure, Intent, Plan, PlanOptions, Step};
use crate::{
    chain::{Chain, ChainError, facts::Snapshot, particulars::Faucet},
    units::Lpt,
};

sol! {
    /// `protocol contracts/token/LivepeerToken.sol`
    #[allow(missing_docs, reason = "the macro's items are the contract's own names")]
    interface Token {
        function transfer(address to, uint256 amount) external returns (bool);
    }
}

/// What is done with LPT in the wallet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenChange {
    /// Sends it to somebody.
    Transfer {
        /// Who gets it.
        to: Address,
        /// How much.
        amount: Lpt,
    },
    /// Asks a test network's faucet for some.
    Faucet,
}

impl Chain {
    /// Changes the LPT in an account's wallet.
    ///
    /// # Errors
    /// [`ChainError`] if the chain cannot be read. What stands in the way is in the plan.
    pub async fn plan_token(
        &self,
        from: Address,
        change: TokenChange,
        options: PlanOptions,
    ) -> Result<Plan, ChainError> {
        self.plan(from, Intent::Token(change), options).await
    }

    pub(super) fn token_steps(&self, change: TokenChange, snapshot: &Snapshot) -> Vec<Step> {
        match change {
            TokenChange::Transfer { to, amount } => {
                let call = Token::transferCall { to, amount: amount.0 };
                vec![self.step("transfer", self.contracts.livepeer_token, &call, 100_000)]
            }
            TokenChange::Faucet => {
                let faucet = snapshot.particulars.faucet.iter();
                faucet
                    .map(|faucet| self.step("request", faucet.address, &Faucet::requestCall {}, 150_000))
                    .collect()
            }
        }
    }

    /// Whether it is one of the protocol's own contracts, none of which gives LPT back that is just sent there.
    pub(crate) fn is_protocol_contract(&self, address: Address) -> bool {
        let contracts = &self.contracts;
        [
            contracts.controller,
            contracts.bonding_manager,
            contracts.livepeer_token,
            contracts.minter,
            contracts.rounds_manager,
            contracts.service_registry,
            contracts.ticket_broker,
        ]
        .contains(&address)
    }
}

impl TokenChange {
    pub(super) fn title(self) -> String {
        match self {
            Self::Transfer { to, amount } => format!("send {} to {to}", amount.human()),
            Self::Faucet => "ask the faucet for test LPT".to_string(),
        }
    }

    pub(super) fn predict(self, after: &mut Snapshot) {
        match self {
            Self::Transfer { amount, .. } => {
                after.wallet = after.wallet.saturating_sub(amount);
                let receiver = &mut after.particulars.receiver_wallet;
                *receiver = receiver.saturating_add(amount);
            }
            Self::Faucet => {
                let amount = after.particulars.faucet.map_or(Lpt::ZERO, |faucet| faucet.amount);
                after.wallet = after.wallet.saturating_add(amount);
            }
        }
    }

    pub(super) fn figures(self, snapshot: &Snapshot) -> Vec<Figure> {
        let mut figures = vec![Figure {
            key: "wallet_lpt",
            label: "LPT in wallet",
            value: snapshot.wallet.decimal(),
        }];
        if let Self::Transfer { .. } = self {
            figures.push(Figure {
                key: "receiver_lpt",
                label: "LPT of the receiver",
                value: snapshot.particulars.receiver_wallet.decimal(),
            });
        }
        figures
    }
}
