//! The operator's say in who is served: an HTTP endpoint asked before a gateway is offered anything
//! (`go-livepeer server/rpc.go`, `-authWebhookUrl`). Its price override belongs to payments, which are not here yet.

use std::{fmt, str::FromStr, time::Duration};

use alloy::primitives::Address;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value, json};
use url::Url;

use crate::wire::client::innermost;

/// How long it may take: gateways stop waiting for an offer after six seconds (`go-livepeer discovery`).
const ANSWER_TIME: Duration = Duration::from_secs(5);
/// As much of an answer is read.
const MOST_ANSWER: usize = 16 << 10;
/// As much of a refusal is passed on.
const MOST_TOLD: usize = 500;

/// The URL of a webhook. Its path and query often hold a key, so it is shown as scheme, host and port only.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookUrl(Url);

/// Why a text is no webhook; never repeats the text, which may hold a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the webhook's URL is none; write it like `https://host/path`")]
pub struct WebhookUrlError;

impl FromStr for WebhookUrl {
    type Err = WebhookUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let url: Url = text.trim().parse().map_err(|_| WebhookUrlError)?;
        match (url.scheme(), url.has_host()) {
            ("http" | "https", true) => Ok(Self(url)),
            _ => Err(WebhookUrlError),
        }
    }
}

impl fmt::Display for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.origin().ascii_serialization())
    }
}

impl fmt::Debug for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for WebhookUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for WebhookUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = zeroize::Zeroizing::new(String::deserialize(deserializer)?);
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Asks a webhook.
pub(super) struct Webhook {
    url: WebhookUrl,
    client: reqwest::Client,
}

impl Webhook {
    /// With a client that checks certificates and follows nobody elsewhere; none if it cannot be made.
    pub(super) fn new(url: WebhookUrl) -> Result<Self, String> {
        // Fails when one is installed already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            .timeout(ANSWER_TIME)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy();
        if url.0.scheme() == "http" {
            builder = builder.tls_certs_only(Vec::<reqwest::Certificate>::new());
        }
        let client = builder.build().map_err(|error| error.without_url().to_string())?;
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
            .post(self.url.0.clone())
            .header(reqwest::header::CONTENT_TYPE, "application/json")
            .body(question.to_string())
            .send()
            .await
            .map_err(failed)?;
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > MOST_ANSWER {
                return Err("the webhook's answer is too long".to_string());
            }
            body.extend_from_slice(&chunk);
        }
        if answer.status() != reqwest::StatusCode::OK {
            let told = String::from_utf8_lossy(&body);
            return Err(told.trim().chars().take(MOST_TOLD).collect());
        }
        serde_json::from_slice::<Map<String, Value>>(&body)
            .map(drop)
            .map_err(|_| "the webhook's answer is no JSON object".to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webhook_never_shows_its_key() {
        let url: WebhookUrl = "https://user:KEY@hook.example:8443/KEY?token=KEY"
            .parse()
            .unwrap();
        for shown in [
            url.to_string(),
            format!("{url:?}"),
            serde_json::to_string(&url).unwrap(),
        ] {
            assert_eq!(shown.trim_matches('"'), "https://hook.example:8443");
        }
        for wrong in ["", "hook.example", "ftp://KEY"] {
            let error = wrong.parse::<WebhookUrl>().unwrap_err().to_string();
            assert!(!error.contains("KEY"));
        }
    }
}
