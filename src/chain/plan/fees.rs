//! Taking out what tickets earned.

use alloy::{
    primitives::{Address, Bytes},
    sol,
};
use serde_json::json;

use super::{Figure, Intent, Plan, PlanOptions, Step};
use crate::{
    chain::{Chain, ChainError, facts::Snapshot},
    units::Wei,
};

sol! {
    /// `protocol contracts/bonding/BondingManager.sol`; on Ethereum itself an older one took no arguments.
    #[allow(missing_docs, reason = "the macro's items are the contract's own names")]
    interface Fees {
        function withdrawFees(address recipient, uint256 amount) external;
    }
}

/// What is taken out, and where it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FeesWithdrawal {
    /// None: all there is.
    pub(crate) amount: Option<Wei>,
    pub(crate) recipient: Address,
    /// There is code at the recipient's address.
    pub(crate) to_contract: bool,
}

impl Chain {
    /// Sends an account's ticket income, or `amount` of it, to `recipient`; to itself without one.
    ///
    /// # Errors
    /// [`ChainError`] if the chain cannot be read. What stands in the way is in the plan.
    pub async fn plan_withdraw_fees(
        &self,
        from: Address,
        amount: Option<Wei>,
        recipient: Option<Address>,
        options: PlanOptions,
    ) -> Result<Plan, ChainError> {
        let recipient = recipient.unwrap_or(from);
        let to_contract = recipient != from && self.is_contract(recipient).await?;
        let withdrawal = FeesWithdrawal {
            amount,
            recipient,
            to_contract,
        };
        self.plan(from, Intent::WithdrawFees(withdrawal), options).await
    }

    async fn is_contract(&self, address: Address) -> Result<bool, ChainError> {
        let mut batch = self.rpc.new_batch();
        let code = batch.add_call::<_, Bytes>("eth_getCode", &json!([address, "latest"]))?;
        batch.send().await?;
        let code = code.await?;
        // An account that lends itself a contract's code (EIP-7702) takes plain payments like any other.
        Ok(!code.is_empty() && !code.starts_with(&[0xef, 0x01, 0x00]))
    }

    pub(super) fn fees_steps(&self, withdrawal: FeesWithdrawal, snapshot: &Snapshot) -> Vec<Step> {
        let call = Fees::withdrawFeesCall {
            recipient: withdrawal.recipient,
            amount: withdrawal.amount(snapshot).0,
        };
        vec![self.step("withdraw fees", self.contracts.bonding_manager, &call, 500_000)]
    }
}

impl FeesWithdrawal {
    pub(crate) fn amount(self, snapshot: &Snapshot) -> Wei {
        self.amount.unwrap_or(snapshot.stake.fees_wei)
    }

    pub(super) fn title(self, from: Address) -> String {
        let what = self.amount.map_or_else(
            || "all fees".to_string(),
            |amount| format!("{} of fees", amount.human()),
        );
        if self.recipient == from {
            format!("withdraw {what}")
        } else {
            format!("withdraw {what} to {}", self.recipient)
        }
    }

    pub(super) fn predict(self, before: &Snapshot, after: &mut Snapshot) {
        let amount = self.amount(before);
        after.stake.fees_wei = before.stake.fees_wei.saturating_sub(amount);
        if self.recipient == before.account {
            after.eth = before.eth.saturating_add(amount);
        }
    }

    pub(super) fn figures(self, snapshot: &Snapshot) -> Vec<Figure> {
        let mut figures = vec![Figure {
            key: "fees_wei",
            label: "fees to withdraw",
            value: snapshot.stake.fees_wei.0.to_string(),
        }];
        if self.recipient == snapshot.account {
            figures.push(Figure {
                key: "wallet_wei",
                label: "ETH in wallet",
                value: snapshot.eth.0.to_string(),
            });
        }
        figures
    }

    pub(super) fn note(self, key: &str) -> Option<String> {
        (key == "wallet_wei").then(|| "less gas".to_string())
    }
}
