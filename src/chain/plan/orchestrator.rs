//! An orchestrator's commission and its published addresses, changed together or alone.

use alloy::primitives::Address;

use super::{Figure, Intent, Plan, PlanOptions, Step, short};
use crate::{
    chain::{Chain, ChainError, contracts::ServiceRegistry, facts::Snapshot, text::plain},
    units::Percent,
};

/// What an orchestrator changes; what is none stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OrchestratorUpdate {
    /// Part of newly minted LPT it keeps.
    pub reward_cut: Option<Percent>,
    /// Part of ticket income its delegators get.
    pub fee_share: Option<Percent>,
    /// The address gateways are told to use.
    pub service_uri: Option<String>,
}

/// The same with what stays filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Update {
    pub(crate) commission: Option<(Percent, Percent)>,
    pub(crate) service_uri: Option<String>,
}

/// An address, and the registries it is published in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// The address gateways are told to use.
    pub uri: String,
    /// In the Controller's registry, for transcoding.
    pub main: bool,
    /// In the registry of AI nodes there.
    pub ai: Option<Address>,
}

impl Chain {
    /// Changes an orchestrator's commission and published address, whatever of it is not so yet.
    ///
    /// # Errors
    /// [`ChainError`] if the chain cannot be read. What stands in the way is in the plan.
    pub async fn plan_update(
        &self,
        from: Address,
        update: OrchestratorUpdate,
        options: PlanOptions,
    ) -> Result<Plan, ChainError> {
        let commission = match (update.reward_cut, update.fee_share) {
            (None, None) => None,
            (Some(reward_cut), Some(fee_share)) => Some((reward_cut, fee_share)),
            (reward_cut, fee_share) => {
                let own = self.snapshot(from, None).await?.own;
                Some((
                    reward_cut.unwrap_or(own.reward_cut_percent),
                    fee_share.unwrap_or(own.fee_share_percent),
                ))
            }
        };
        let update = Update {
            commission,
            service_uri: update.service_uri,
        };
        self.plan(from, Intent::Update(update), options).await
    }

    /// Publishes an address in one registry or both.
    ///
    /// # Errors
    /// [`ChainError`] if the chain cannot be read. What stands in the way is in the plan.
    pub async fn plan_publish(
        &self,
        from: Address,
        publication: Publication,
        options: PlanOptions,
    ) -> Result<Plan, ChainError> {
        self.plan(from, Intent::Publish(publication), options).await
    }

    /// The registry of AI nodes on this network, where there is one.
    #[must_use]
    pub fn ai_registry(&self) -> Option<Address> {
        crate::chain::network::ai_registry(self.chain_id)
    }

    pub(super) fn update_steps(&self, update: &Update, intent: &Intent, snapshot: &Snapshot) -> Vec<Step> {
        let mut steps = Vec::new();
        if let Some((reward_cut, fee_share)) = update.commission.filter(|_| intent.sends_commission(snapshot))
        {
            steps.push(self.commission_step(snapshot, reward_cut, fee_share, false));
        }
        if let Some(uri) = &update.service_uri
            && snapshot.own.service_uri.as_ref() != Some(uri)
        {
            steps.push(self.uri_step(uri));
        }
        steps
    }

    pub(super) fn publish_steps(&self, publication: &Publication, snapshot: &Snapshot) -> Vec<Step> {
        let uri = &publication.uri;
        let mut steps = Vec::new();
        if publication.main && snapshot.own.service_uri.as_ref() != Some(uri) {
            steps.push(self.uri_step(uri));
        }
        if let Some(ai) = &snapshot.particulars.ai
            && ai.uri.as_ref() != Some(uri)
        {
            let call = ServiceRegistry::setServiceURICall {
                serviceURI: uri.clone(),
            };
            steps.push(self.step("publish AI address", ai.address, &call, 150_000));
        }
        steps
    }
}

impl Update {
    pub(super) fn title(&self, from: Address) -> String {
        let mut parts = Vec::new();
        if let Some((reward_cut, fee_share)) = self.commission {
            parts.push(format!(
                "keep {reward_cut} of rewards, give delegators {fee_share} of fees"
            ));
        }
        if let Some(uri) = &self.service_uri {
            parts.push(format!("publish {} for {}", plain(uri, 200), short(from)));
        }
        parts.join(", ")
    }
}

impl Publication {
    pub(super) fn title(&self, from: Address) -> String {
        let place = match (self.main, self.ai) {
            (true, Some(_)) => " in both registries",
            (false, Some(_)) => " in the AI registry",
            _ => "",
        };
        format!("publish {} for {}{place}", plain(&self.uri, 200), short(from))
    }

    pub(super) fn predict(&self, after: &mut Snapshot) {
        if self.main {
            after.own.service_uri = Some(self.uri.clone());
        }
        if let Some(ai) = &mut after.particulars.ai {
            ai.uri = Some(self.uri.clone());
        }
    }

    pub(super) fn figures(&self, snapshot: &Snapshot) -> Vec<Figure> {
        let figure = |key, label, value: Option<&String>| Figure {
            key,
            label,
            value: value.map_or_else(|| "none".to_string(), String::clone),
        };
        let own = snapshot.own.service_uri.as_ref();
        let mut figures = Vec::new();
        if self.main {
            figures.push(figure("service_uri", "published address", own));
        }
        if self.ai.is_some() {
            let ai = snapshot.particulars.ai.as_ref();
            let entry = ai.and_then(|ai| ai.uri.as_ref());
            figures.push(figure("ai_service_uri", "published for AI", entry));
        }
        figures
    }
}
