//! The operator's say in who is served: an HTTP endpoint asked before a gateway is offered anything
//! (`go-livepeer server/rpc.go`, `-authWebhookUrl`), and what that gateway pays.

use std::time::Duration;

use alloy::primitives::Address;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{
    payments::{
        Price,
        price::{PriceInfoError, from_wire},
    },
    secret::WebhookUrl,
    wire::{
        client::{innermost, read_at_most, verifying_client},
        net,
    },
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

    /// Whether a gateway is served; if not, what it is told. If it is, the price it shall pay, as far as the webhook names
    /// one.
    pub(super) async fn admit(&self, gateway: Address) -> Result<Option<Price>, String> {
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
        price_in(&body)
    }
}

/// A price as a webhook names it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Named {
    price_per_unit: i64,
    pixels_per_unit: i64,
}

/// The price in a webhook's answer, if there is one.
fn price_in(body: &[u8]) -> Result<Option<Price>, String> {
    let mut answer: Map<String, Value> =
        serde_json::from_slice(body).map_err(|_| "the webhook's answer is no JSON object".to_string())?;
    let Some(named) = answer.remove("priceInfo").filter(|named| !named.is_null()) else {
        return Ok(None);
    };
    let named: Named =
        serde_json::from_value(named).map_err(|_| "the webhook's price is no price".to_string())?;
    let info = net::PriceInfo {
        price_per_unit: named.price_per_unit,
        pixels_per_unit: named.pixels_per_unit,
        ..net::PriceInfo::default()
    };
    let wrong = |error: PriceInfoError| format!("the webhook's price is no price: {error}");
    from_wire(Some(&info)).map(Some).map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webhook_may_name_a_price() {
        let price = |text: &str| price_in(text.as_bytes());
        assert_eq!(
            price(r#"{"priceInfo":{"pricePerUnit":7,"pixelsPerUnit":2},"more":1}"#),
            Ok(Price::new(7, 2))
        );
        assert_eq!(price("{}"), Ok(None));
        assert_eq!(price(r#"{"priceInfo":null}"#), Ok(None));
        for wrong in [
            "[]",
            "",
            r#"{"priceInfo":{"pricePerUnit":7,"pixelsPerUnit":0}}"#,
            r#"{"priceInfo":{"pricePerUnit":-7,"pixelsPerUnit":1}}"#,
            r#"{"priceInfo":{"pricePerUnit":7}}"#,
            r#"{"priceInfo":7}"#,
        ] {
            assert!(price(wrong).is_err(), "{wrong}");
        }
    }
}
