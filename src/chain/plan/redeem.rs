//! Redeeming winning tickets: one by itself, several in one transaction.

use alloy::{
    primitives::{Address, Bytes},
    sol_types::SolCall,
};

use super::{Intent, Plan, PlanOptions, Step};
use crate::{
    chain::{Chain, ChainError, facts::Snapshot, redemption},
    payments::WinningTicket,
    units::Wei,
};

/// The tickets a plan redeems.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Redemption {
    pub(crate) tickets: Vec<WinningTicket>,
}

impl Chain {
    /// Redeems winning tickets at the cost of `from`; their recipients are paid. Several go in one transaction, which
    /// succeeds even if some of them are not paid: [`Chain::redemptions`] tells.
    ///
    /// # Errors
    /// [`ChainError`] if the chain cannot be read. What stands in the way is in the plan.
    pub async fn plan_redeem(
        &self,
        from: Address,
        tickets: Vec<WinningTicket>,
        options: PlanOptions,
    ) -> Result<Plan, ChainError> {
        self.plan(from, Intent::Redeem(Redemption { tickets }), options)
            .await
    }

    /// What is sent to redeem tickets: to which contract, and what.
    #[must_use]
    pub fn redeem_call(&self, tickets: &[WinningTicket]) -> (Address, Bytes) {
        let data = match tickets {
            [ticket] => redemption::single(ticket).abi_encode(),
            tickets => redemption::batch(tickets).abi_encode(),
        };
        (self.contracts.ticket_broker, data.into())
    }
}

impl Redemption {
    pub(crate) fn title(&self) -> String {
        let value = self
            .tickets
            .iter()
            .fold(Wei::ZERO, |sum, won| sum.saturating_add(won.ticket.face_value));
        match self.tickets.len() {
            1 => format!("redeem a ticket of {}", value.human()),
            count => format!("redeem {count} tickets of {} together", value.human()),
        }
    }

    pub(crate) fn steps(&self, chain: &Chain, snapshot: &Snapshot) -> Vec<Step> {
        if self.tickets.is_empty() {
            return Vec::new();
        }
        let (to, data) = chain.redeem_call(&self.tickets);
        let min_gas = snapshot.tickets.as_ref().map_or(0, |outlook| outlook.least_gas());
        vec![Step {
            name: "redeem",
            to,
            data,
            value: Wei::ZERO,
            gas_limit: min_gas.max(350_000),
            min_gas,
            depends: false,
            once: false,
        }]
    }
}
