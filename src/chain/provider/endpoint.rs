//! One endpoint: its connection, its answers read with suspicion, and how it has been doing.

use std::{
    sync::{Mutex, MutexGuard, OnceLock, PoisonError, atomic::AtomicBool},
    time::Duration,
};

use alloy::{
    primitives::map::HashSet,
    rpc::json_rpc::{Id, RequestPacket, ResponsePacket, ResponsePayload},
};
use bytes::Bytes;
use jiff::{Timestamp, fmt::rfc2822};
use reqwest::header::{HeaderMap, RETRY_AFTER};

use super::{
    super::{errors::FailureKind, text::plain},
    health::Health,
};
use crate::{chain::watch::is_too_many, secret::RpcUrl};

/// More than any answer of ours: a batch of reads is well below a megabyte.
const LONGEST_ANSWER: usize = 16 << 20;

#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) url: RpcUrl,
    /// Built on first use: loading the system's certificates takes a while.
    client: OnceLock<reqwest::Client>,
    /// Whether it has shown to be on the right chain.
    pub(super) verified: AtomicBool,
    health: Mutex<Health>,
}

impl Endpoint {
    pub(super) fn new(url: RpcUrl) -> Self {
        Self {
            url,
            client: OnceLock::new(),
            verified: AtomicBool::new(false),
            health: Mutex::default(),
        }
    }

    pub(super) fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Built without redirects, which could lead a signed transaction elsewhere, and without proxies from the
    /// environment.
    fn client(&self) -> Result<&reqwest::Client, FailureKind> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        // Fails when one is installed already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .user_agent(concat!("lpctl/", env!("CARGO_PKG_VERSION")));
        if self.url.expose().scheme() == "http" {
            builder = builder.tls_certs_only(Vec::<reqwest::Certificate>::new());
        }
        let client = builder
            .build()
            .map_err(|error| FailureKind::NoConnection(error.without_url().to_string()))?;
        Ok(self.client.get_or_init(|| client))
    }

    /// One HTTP request.
    pub(super) async fn post(&self, body: Bytes) -> Result<ResponsePacket, FailureKind> {
        let sent = self
            .client()?
            .post(self.url.expose().clone())
            .header(reqwest::header::CONTENT_TYPE, "application/json")
            .body(body)
            .send()
            .await;
        let mut response = sent.map_err(|error| {
            let is_connect = error.is_connect();
            let cause = self.readable(&root_cause(&error.without_url()));
            if is_connect {
                FailureKind::NoConnection(cause)
            } else {
                FailureKind::Broken(cause)
            }
        })?;
        let status = response.status();
        if matches!(status.as_u16(), 429 | 503)
            && let Some(rest) = rest_asked_for(response.headers(), Timestamp::now())
        {
            return Err(FailureKind::Limited(rest));
        }
        let mut answer = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if answer.len() + chunk.len() > LONGEST_ANSWER => {
                    return Err(FailureKind::TooLong(LONGEST_ANSWER));
                }
                Ok(Some(chunk)) => answer.extend_from_slice(&chunk),
                Ok(None) => break,
                Err(error) => {
                    return Err(FailureKind::Broken(
                        self.readable(&root_cause(&error.without_url())),
                    ));
                }
            }
        }
        // Some services put a JSON-RPC error into the body of an HTTP error: the former says more.
        match serde_json::from_slice::<ResponsePacket>(&answer) {
            Ok(packet) if status.is_success() || packet.is_error() => Ok(packet),
            Ok(_) | Err(_) if !status.is_success() => Err(FailureKind::Status {
                status: status.as_u16(),
                excerpt: self.readable(&String::from_utf8_lossy(&answer)),
            }),
            Ok(_) | Err(_) => Err(FailureKind::NotJsonRpc(
                self.readable(&String::from_utf8_lossy(&answer)),
            )),
        }
    }

    /// Whether an answer answers; errors about the request itself (a revert) do.
    pub(super) fn accept(
        &self,
        asked: &RequestPacket,
        answer: ResponsePacket,
    ) -> Result<ResponsePacket, FailureKind> {
        let mut answers = match answer {
            ResponsePacket::Single(answer) => vec![answer],
            ResponsePacket::Batch(answers) => answers,
        };
        for answer in &mut answers {
            if let ResponsePayload::Failure(error) = &mut answer.payload {
                // Code 3 is a revert, whose text is the contract's. Too many logs are too many also when asked for again.
                if error.code != 3
                    && !is_too_many(&error.message)
                    && (error.is_retry_err() || is_missing_block(&error.message))
                {
                    return Err(FailureKind::Busy(self.readable(&error.message)));
                }
                error.message = self.without_secrets(&error.message).into();
            }
        }
        let answered: HashSet<&Id> = answers.iter().map(|answer| &answer.id).collect();
        let missing = asked
            .requests()
            .iter()
            .filter(|request| !answered.contains(request.id()))
            .count();
        if missing > 0 {
            let error = answers.iter().find_map(|answer| match &answer.payload {
                ResponsePayload::Failure(error) => Some(self.readable(&error.message)),
                ResponsePayload::Success(_) => None,
            });
            return Err(FailureKind::Incomplete {
                missing,
                asked: asked.len(),
                message: error.unwrap_or_default(),
            });
        }
        Ok(match asked {
            RequestPacket::Single(_) => answers.into(),
            RequestPacket::Batch(_) => ResponsePacket::Batch(answers),
        })
    }

    /// Text this endpoint sent, fit to be shown.
    pub(super) fn readable(&self, text: &str) -> String {
        plain(&self.without_secrets(text), 120)
    }

    /// Endpoints like to repeat the key in their complaints.
    fn without_secrets(&self, text: &str) -> String {
        let url = self.url.expose();
        let path = url.path_segments().into_iter().flatten().map(str::to_string);
        let query = url.query_pairs().map(|(_, value)| value.into_owned());
        let credentials = [url.username(), url.password().unwrap_or_default()].map(str::to_string);
        let mut clean = text.to_string();
        for secret in path.chain(query).chain(credentials) {
            // Shorter ones are version numbers and names of networks.
            if secret.len() >= 8 {
                clean = clean.replace(&secret, "…");
            }
        }
        clean
    }
}

/// How long an endpoint asks to be left alone: in seconds, or until a time.
fn rest_asked_for(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let until = rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    Duration::try_from(until.duration_since(now)).ok()
}

/// The innermost error: `Connection refused`, not `error sending request`.
fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// An endpoint behind the others: it has not seen, or no longer keeps, the block a read is pinned to.
fn is_missing_block(message: &str) -> bool {
    let message = message.to_lowercase();
    [
        "header not found",
        "header for hash not found",
        "block not found",
        "unknown block",
        "missing trie node",
        "blockoutofrange",
        "block out of range",
    ]
    .iter()
    .any(|text| message.contains(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rest_is_asked_for_in_seconds_or_until_a_time() {
        let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        let asked = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, text.parse().unwrap());
            rest_asked_for(&headers, now)
        };
        assert_eq!(asked("7"), Some(Duration::from_secs(7)));
        assert_eq!(
            asked("Sun, 01 Mar 2026 12:00:30 GMT"),
            Some(Duration::from_secs(30))
        );
        // Past, negative, or nothing at all.
        for none in ["Sun, 01 Mar 2026 11:00:00 GMT", "-5", "soon", ""] {
            assert_eq!(asked(none), None, "{none}");
        }
        assert_eq!(rest_asked_for(&HeaderMap::new(), now), None);
    }
}
