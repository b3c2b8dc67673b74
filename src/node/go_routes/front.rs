//! What the routes need of whatever runs: an orchestrator, or the transcoder of one elsewhere.

use std::collections::BTreeMap;

use alloy::primitives::Address;

use crate::{
    chain::Outbox,
    config::LogLevel,
    node::{
        Node,
        operator::Operated,
        settings::{LogControl, SettingsChange, SettingsError},
    },
    payments::price::Prices,
    view::node::NodeStatus,
};

/// What runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Takes streams from gateways.
    Orchestrator,
    /// Works for an orchestrator elsewhere.
    Transcoder,
}

/// What answers behind the routes.
pub(crate) trait Front: Send + Sync + 'static {
    /// What it is.
    fn role(&self) -> Role;
    /// Everything on one screen.
    fn status(&self) -> NodeStatus;
    /// Changes what can be changed while it runs, and keeps it for the next start. May block.
    fn change(&self, change: &SettingsChange) -> Result<(), SettingsError>;
    /// Sends its transactions; none where there is no chain, or no account.
    fn outbox(&self) -> Option<&Outbox>;
    /// The last block it has seen.
    fn block(&self) -> Option<u64>;
    /// What gateways pay, in wei for a pixel as a fraction in lowest terms: by account in small letters, and `default`.
    fn prices(&self) -> BTreeMap<String, String>;
    /// How much it logs.
    fn log_level(&self) -> Option<LogLevel>;
}

impl Front for Node {
    fn role(&self) -> Role {
        Role::Orchestrator
    }

    fn status(&self) -> NodeStatus {
        Node::status(self)
    }

    fn change(&self, change: &SettingsChange) -> Result<(), SettingsError> {
        Operated::change(self, change)
    }

    fn outbox(&self) -> Option<&Outbox> {
        self.outbox.as_ref()
    }

    fn block(&self) -> Option<u64> {
        let chain = self.chain.as_ref()?.borrow();
        chain.as_ref().map(|chain| chain.block)
    }

    fn prices(&self) -> BTreeMap<String, String> {
        self.cashier()
            .map(|cashier| prices_of(cashier.prices()))
            .unwrap_or_default()
    }

    fn log_level(&self) -> Option<LogLevel> {
        self.settings.log().and_then(LogControl::level)
    }
}

/// Every price that can be named now.
fn prices_of(prices: &Prices) -> BTreeMap<String, String> {
    let gateways = prices.settings().gateways;
    let named = gateways.keys().map(|gateway| (format!("{gateway:#x}"), *gateway));
    let usual = std::iter::once(("default".to_string(), Address::ZERO));
    named
        .chain(usual)
        .filter_map(|(name, gateway)| Some((name, prices.base(gateway).ok()?.0.to_string())))
        .collect()
}
