//! Orchestrators that are active on the chain and publish an address there.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use alloy::primitives::Address;
use url::Url;

use super::{
    Candidate,
    source::{Fetch, Fetched},
};
use crate::{chain::Chain, units::Lpt, view::chain::OrchestratorList, wire::client::parse_node_address};

/// How long a list is used: stake and addresses change by the round, which is a day.
pub(super) const LIFETIME: Duration = Duration::from_secs(600);

/// An active orchestrator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// Its account.
    pub account: Address,
    /// The address it publishes.
    pub uri: Url,
    /// Own and delegated stake.
    pub stake: Lpt,
}

/// What reading the registry comes to; the error is a text for the operator.
pub type RegistryFuture<'a> = Pin<Box<dyn Future<Output = Result<Vec<Registered>, String>> + Send + 'a>>;

/// Someone who knows which orchestrators are active.
pub trait Registry: Send + Sync {
    /// All of them that publish an address.
    fn active(&self) -> RegistryFuture<'_>;
}

impl Registry for Chain {
    fn active(&self) -> RegistryFuture<'_> {
        Box::pin(async move {
            let list = self.orchestrators().await.map_err(|error| error.to_string())?;
            Ok(active(&list))
        })
    }
}

/// The active ones with an address that is one.
fn active(list: &OrchestratorList) -> Vec<Registered> {
    let active = list.orchestrators.iter().filter(|one| one.active);
    active
        .filter_map(|one| {
            Some(Registered {
                account: one.address,
                uri: parse_node_address(one.service_uri.as_deref()?).ok()?,
                stake: one.total_stake_lpt,
            })
        })
        .collect()
}

/// The registry as a source of candidates. Its orchestrators are strangers: none is trusted.
pub(super) struct Source(pub(super) Arc<dyn Registry>);

impl Fetch for Source {
    fn origin(&self) -> String {
        "the chain".into()
    }

    fn fetch(&self) -> Fetched<'_> {
        Box::pin(async move {
            let active = self.0.active().await?;
            let candidate = |one: Registered| Candidate {
                uri: one.uri,
                is_trusted: false,
                account: Some(one.account),
                stake: Some(one.stake),
            };
            Ok(active.into_iter().map(candidate).collect())
        })
    }
}
