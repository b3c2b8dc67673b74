//! The operator's say in who is served: an HTTP endpoint asked before a gateway is offered anything
//! (`go-livepeer server/rpc.go`, `-authWebhookUrl`). Its price override belongs to payments, which are not here yet.

use std::time::Duration;

use alloy::primitives::Address;
use serde_json::{Map, Value, json};

use crate::{
    secret::WebhookUrl,
    wire::client::{innermost, read_at_most, verifying_client},
};

/// How long it may take: gateways stop waiting for an offer after six seconds (`go-livepeer discovery`).
const ANSWER_TIME: Duration = Duration::from_secs(5);
/// As much of an answer is read.
const MOST_ANSWER: usize = 16 << 10;
/// As much of a refusal is passed on.
const MOST_TOLD: usize = 500;

/// Asks a webhook.
pub(super) struct Webhook {
    url: WebhookUrl,
    client: reqwest::Client,
}

impl Webhook {
    /// With a client that checks certificates and follows nobody elsewhere; none if it cannot be made.
    pub(super) fn new(url: WebhookUrl) -> Result<Self, String> {
        let client = verifying_client(url.expose(), ANSWER_TIME, reqwest::redirect::Policy::none());
        let client = client.map_err(|error| error.to_string())?;
        Ok(Self { url, client })
    }

    /// Whether a gateway is served; if not, what it is told.
    pub(super) async fn admit(&self, gateway: Address) -> Result<(), String> {
        let question = json!({ "id": gateway.to_checksum(None) });
        let failed = |error: reqwest::Error| match error.is_timeout() {
            true => "the webhook took too long".to_string(),
            false => innermost(&error.without_url()),
        };
        let mut answer = self
            .client
            .post(self.url.expose().clone())
            .header(reqwest::header::CONTENT_TYPE, "application/json")
            .body(question.to_string())
            .send()
            .await
            .map_err(failed)?;
        let body = read_at_most(&mut answer, MOST_ANSWER).await.map_err(failed)?;
        let body = body.ok_or("the webhook's answer is too long")?;
        if answer.status() != reqwest::StatusCode::OK {
            let told = String::from_utf8_lossy(&body);
            return Err(told.trim().chars().take(MOST_TOLD).collect());
        }
        serde_json::from_slice::<Map<String, Value>>(&body)
            .map(drop)
            .map_err(|_| "the webhook's answer is no JSON object".to_string())
    }
}
