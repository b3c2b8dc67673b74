//! Requests to a subgraph: no proxy, no redirect, bounded in time and size; the key in its header and nowhere else.

use std::{error::Error, fmt::Display, io, time::Duration};

use reqwest::{
    Client, StatusCode,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, RETRY_AFTER},
};
use serde_json::Value;
use url::Host;

use super::ExplorerError;
use crate::{
    operator::legible,
    secret::{Password, RpcUrl},
};

/// The largest answer that is read: a page of a thousand rows is less than one MiB.
pub(super) const MAX_BYTES: usize = 8 * 1024 * 1024;
/// Longest text of a server that is kept, in characters.
const MAX_TEXT: usize = 300;

/// A part of a path that is as long may be a key.
const LIKE_A_KEY: usize = 16;

/// A client of one URL.
#[derive(Debug)]
pub(super) struct Http {
    client: Client,
    url: RpcUrl,
    key: Option<Password>,
    patience: Duration,
}

impl From<reqwest::Error> for ExplorerError {
    /// Says the deepest cause, never the URL, which may hold a key.
    fn from(error: reqwest::Error) -> Self {
        let error = error.without_url();
        let mut cause: &(dyn Error + 'static) = &error;
        let mut plain = None;
        while let Some(source) = cause.source() {
            cause = source;
            if let Some(error) = cause.downcast_ref::<io::Error>() {
                plain = Some(error.kind().to_string());
            }
        }
        Self::Connection(plain.unwrap_or_else(|| cause.to_string()))
    }
}

impl Http {
    pub(super) fn new(
        url: &RpcUrl,
        key: Option<&Password>,
        patience: Duration,
    ) -> Result<Self, ExplorerError> {
        if let Some(key) = key {
            let is_here = match url.expose().host() {
                Some(Host::Domain(name)) => name == "localhost",
                Some(Host::Ipv4(address)) => address.is_loopback(),
                Some(Host::Ipv6(address)) => address.is_loopback(),
                None => false,
            };
            if url.expose().scheme() != "https" && !is_here {
                return Err(ExplorerError::PlainKey);
            }
            if key.expose().is_empty() || !key.expose().bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(ExplorerError::BadKey);
            }
        }
        // Harmless if the process has chosen one already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self {
            client,
            url: url.clone(),
            key: key.cloned(),
            patience,
        })
    }

    /// Sends a question and reads the whole answer.
    pub(super) async fn post(&self, question: &Value) -> Result<Vec<u8>, ExplorerError> {
        tokio::time::timeout(self.patience, self.exchange(question))
            .await
            .map_err(|_| ExplorerError::NoAnswer(self.patience))?
    }

    async fn exchange(&self, question: &Value) -> Result<Vec<u8>, ExplorerError> {
        let mut request = self
            .client
            .post(self.url.expose().clone())
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "application/json")
            .body(question.to_string());
        if let Some(key) = &self.key {
            let mut value = HeaderValue::from_str(&format!("Bearer {}", key.expose()))
                .map_err(|_| ExplorerError::BadKey)?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        let mut response = request.send().await?;
        match response.status() {
            StatusCode::OK => {}
            status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
                return Err(ExplorerError::Unauthorized(status.as_u16()));
            }
            StatusCode::NOT_FOUND => return Err(ExplorerError::NotFound),
            StatusCode::TOO_MANY_REQUESTS => {
                let wait = response.headers().get(RETRY_AFTER);
                let wait = wait.and_then(|value| value.to_str().ok()?.trim().parse().ok());
                return Err(ExplorerError::TooMany(wait));
            }
            status => return Err(ExplorerError::Status(status.as_u16())),
        }
        let is_page = response.headers().get(CONTENT_TYPE).is_some_and(|value| {
            let value = value.as_bytes();
            value.len() >= 9 && value[..9].eq_ignore_ascii_case(b"text/html")
        });
        if is_page {
            return Err(ExplorerError::NotJson);
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > MAX_BYTES {
                return Err(ExplorerError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// What cannot be read, in few words: they may repeat what came.
    pub(super) fn garbled(&self, error: &dyn Display) -> ExplorerError {
        ExplorerError::Garbled(self.plain(&error.to_string()))
    }

    /// The beginning of a text from outside, without the key and what could act on a terminal.
    pub(super) fn plain(&self, text: &str) -> String {
        let mut text = match &self.key {
            Some(key) => text.replace(key.expose(), "…"),
            None => text.to_string(),
        };
        // Some gateways take the key as a part of the path.
        let parts = self.url.expose().path_segments().into_iter().flatten();
        for part in parts.filter(|part| part.len() >= LIKE_A_KEY) {
            text = text.replace(part, "…");
        }
        legible(&text, MAX_TEXT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_in_the_path_is_not_repeated() {
        let url: RpcUrl = "https://gateway.example/api/0123456789abcdef0123/subgraphs/x"
            .parse()
            .unwrap();
        let http = Http::new(&url, None, Duration::from_secs(1)).unwrap();
        let said = http.plain("no such route: /api/0123456789abcdef0123/subgraphs/x\n");
        assert_eq!(said, "no such route: /api/…/subgraphs/x");
    }
}
