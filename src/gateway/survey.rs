//! What orchestrators offer a gateway that asks them, side by side: reachable or not, price, version, tickets. Nothing
//! is sent to them beyond the question.

use std::{sync::Arc, time::Duration};

use alloy::primitives::Address;
use futures_util::{StreamExt, stream};
use tokio::time::{Instant, timeout};
use url::Url;

use super::{
    orchestrator::{Orchestrator, OrchestratorError},
    price::Price,
};
use crate::{
    payments::{Exact, SenderSettings},
    units::Wei,
    wire::{
        capability::{
            CapabilitySet, Job, SourceCodec, UnsupportedPixelFormat, job_capabilities, job_message,
        },
        net,
        signature::MessageSigner,
    },
};

/// Orchestrators asked at the same time.
const AT_ONCE: usize = 16;
/// Longest version that is kept, in characters.
const LONGEST_VERSION: usize = 40;

/// One orchestrator's answer, or why there is none.
#[derive(Debug)]
pub struct Surveyed {
    /// Its account on the chain.
    pub account: Address,
    /// Where it was asked.
    pub uri: Url,
    /// How long it took.
    pub took: Duration,
    /// What it offers.
    pub answer: Result<Offered, OrchestratorError>,
}

/// What an orchestrator offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offered {
    /// What it asks for a pixel; none if it names no price.
    pub price: Option<Price>,
    /// What it says it runs. Text from outside: escape before showing.
    pub version: String,
    /// The account it answers for.
    pub account: Option<Address>,
    /// The tickets it wants.
    pub tickets: Option<TicketTerms>,
}

/// The tickets an orchestrator wants, as gateways look at them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicketTerms {
    /// What a winning one pays.
    pub face_value: Wei,
    /// What each is worth.
    pub value: Exact,
}

/// Why a gateway with the usual settings turns tickets down (`go-livepeer pm/sender.go`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TicketFault {
    /// Worth as much as they pay, or more.
    FaceValueTooLow,
    /// Worth more than gateways let a ticket be.
    ValueTooHigh,
}

impl TicketTerms {
    /// What is wrong with them; none for work that costs nothing.
    #[must_use]
    pub fn fault(&self) -> Option<TicketFault> {
        if self.value.is_zero() {
            return None;
        }
        if self.value >= Exact::from(self.face_value) {
            return Some(TicketFault::FaceValueTooLow);
        }
        let most = Exact::from(SenderSettings::default().max_ticket_ev);
        (self.value > most).then_some(TicketFault::ValueTooHigh)
    }
}

/// The job most gateways have: H.264, pushed, to H.264 in MPEG-TS.
///
/// # Errors
/// [`UnsupportedPixelFormat`]; a job without pixel format has none.
pub fn usual_job() -> Result<net::Capabilities, UnsupportedPixelFormat> {
    let job = Job {
        source: SourceCodec::H264,
        pixel_format: "",
        profiles: &[],
        is_pushed: true,
        verifies_by_hash: false,
    };
    let set: CapabilitySet = job_capabilities(&job)?;
    Ok(job_message(&set, ""))
}

/// Asks each of them once, sixteen at a time, each for at most `limit`. In the order given.
pub async fn survey(
    whom: Vec<(Address, Url)>,
    signer: Arc<dyn MessageSigner>,
    job: &net::Capabilities,
    limit: Duration,
) -> Vec<Surveyed> {
    let asking = whom.into_iter().map(|(account, uri)| {
        let signer = Arc::clone(&signer);
        async move {
            let begun = Instant::now();
            let orchestrator = Orchestrator::new(uri.clone(), signer);
            let answer = match timeout(limit, orchestrator.open(job)).await {
                Err(_) => Err(OrchestratorError::Late),
                Ok(opened) => opened.map(|session| Offered {
                    price: session.price_per_pixel(),
                    version: session
                        .capabilities
                        .version
                        .chars()
                        .take(LONGEST_VERSION)
                        .collect(),
                    account: session.account,
                    tickets: session.parameters.as_ref().map(|parameters| TicketTerms {
                        face_value: parameters.face_value,
                        value: parameters.expected_value(),
                    }),
                }),
            };
            Surveyed {
                account,
                uri,
                took: begun.elapsed(),
                answer,
            }
        }
    });
    stream::iter(asking).buffered(AT_ONCE).collect().await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::signature::Offchain;

    #[test]
    fn tickets_gateways_turn_down_have_their_reason() {
        let terms = |face_value: u64, value: u64| TicketTerms {
            face_value: Wei::gwei(face_value),
            value: Exact::from(Wei::gwei(value)),
        };
        assert_eq!(terms(0, 0).fault(), None);
        assert_eq!(terms(800, 8).fault(), None);
        assert_eq!(terms(8, 8).fault(), Some(TicketFault::FaceValueTooLow));
        assert_eq!(terms(90_000, 3000).fault(), None);
        assert_eq!(terms(90_000, 3001).fault(), Some(TicketFault::ValueTooHigh));
    }

    #[tokio::test]
    async fn whoever_is_not_there_or_silent_is_told_within_the_limit() {
        let gone = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = |address: std::net::SocketAddr| format!("https://{address}").parse().unwrap();
        let whom = vec![
            (Address::repeat_byte(1), uri(gone)),
            (Address::repeat_byte(2), uri(silent.local_addr().unwrap())),
        ];
        let limit = Duration::from_millis(300);
        let job = usual_job().unwrap();
        let found = survey(whom, Arc::new(Offchain), &job, limit).await;
        assert!(
            matches!(found[0].answer, Err(OrchestratorError::Unreachable(_))),
            "{found:?}"
        );
        assert!(
            matches!(found[1].answer, Err(OrchestratorError::Late)),
            "{found:?}"
        );
        assert_eq!(found[1].account, Address::repeat_byte(2));
    }
}
