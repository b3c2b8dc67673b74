//! The second place where orchestrators publish an address: the registry for AI work, which the Controller does not know.

use alloy::primitives::{Address, address};

use super::{Chain, ChainError, calls::Calls, contracts::ServiceRegistry, facts::Beside, text::plain};

/// Where it is on Arbitrum One (`go-livepeer cmd/livepeer/starter/starter.go`, `-aiServiceRegistry`).
const AI_REGISTRY: Address = address!("0x04C0b249740175999E5BF5c9ac1dA92431EF34C5");
const ARBITRUM_ONE: u64 = 42_161;
/// Longest address that is kept, in characters.
const LONGEST: usize = 300;

impl Chain {
    /// The address an orchestrator publishes for AI work; none if it publishes none, or the chain has no such registry.
    /// Two HTTP requests. Text from outside, with control characters escaped.
    ///
    /// # Errors
    /// [`ChainError`] if the chain cannot be read.
    pub async fn ai_service_uri(&self, orchestrator: Address) -> Result<Option<String>, ChainError> {
        if self.chain_id != ARBITRUM_ONE {
            return Ok(None);
        }
        let (now, _) = self.now(None).await?;
        let mut calls = Calls::default();
        let call = ServiceRegistry::getServiceURICall {
            account: orchestrator,
        };
        let uri = calls.add(AI_REGISTRY, &call);
        let reading = self.read(&now.head, calls, Beside::default()).await?;
        let uri = reading.answers.get(uri)?;
        Ok((!uri.is_empty()).then(|| plain(&uri, LONGEST)))
    }
}
