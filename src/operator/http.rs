//! Requests to an operator API: no proxy, no redirect, bounded in time and size.

use std::{error::Error, io, time::Duration};

use reqwest::{
    Client, RequestBuilder, Response, StatusCode, Url,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue},
};
use serde::de::DeserializeOwned;

use super::{ApiError, MAX_BYTES, NodeUrl};

/// Longest text of a node that is kept, in characters.
const MAX_TEXT: usize = 500;
/// To connect.
const CONNECT: Duration = Duration::from_secs(2);
/// From the request to the answer's head, and again to its end.
pub(super) const ANSWER: Duration = Duration::from_secs(5);

impl From<reqwest::Error> for ApiError {
    /// Says the deepest cause in its plainest form; the address is known to who reads it.
    fn from(error: reqwest::Error) -> Self {
        if error.is_timeout() {
            return Self::NoAnswer(CONNECT);
        }
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

/// A client of one node.
#[derive(Debug, Clone)]
pub(super) struct Http {
    client: Client,
    url: NodeUrl,
}

/// A whole answer. What it means is for the route to say, not for its content type.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    content_type: String,
    pub(super) body: Vec<u8>,
}

impl Http {
    /// Nothing is sent yet.
    pub(super) fn new(url: &NodeUrl) -> Result<Self, ApiError> {
        // Harmless if the process has chosen one already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut headers = HeaderMap::new();
        if let Some(token) = url.access().token_for(url.expose())? {
            let value = HeaderValue::from_str(&format!("Bearer {token}"));
            let mut value = value.map_err(|_| ApiError::BadToken)?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let builder = Client::builder()
            .connect_timeout(CONNECT)
            .no_proxy()
            .default_headers(headers)
            .redirect(reqwest::redirect::Policy::none());
        let builder = match url.access().tls()? {
            Some(tls) => builder.tls_backend_preconfigured(tls),
            None => builder,
        };
        let client = builder.build()?;
        Ok(Self {
            client,
            url: url.clone(),
        })
    }

    pub(super) fn url(&self) -> &NodeUrl {
        &self.url
    }

    fn path(&self, path: &str) -> Result<Url, ApiError> {
        self.url.expose().join(path).map_err(|_| ApiError::NotANode)
    }

    pub(super) fn asking(&self, path: &str) -> Result<RequestBuilder, ApiError> {
        Ok(self.client.get(self.path(path)?))
    }

    pub(super) fn posting(&self, path: &str) -> Result<RequestBuilder, ApiError> {
        Ok(self.client.post(self.path(path)?))
    }

    pub(super) async fn get(&self, path: &str, patience: Duration) -> Result<Answer, ApiError> {
        Answer::read(self.asking(path)?, patience).await
    }
}

impl Answer {
    pub(super) async fn read(request: RequestBuilder, patience: Duration) -> Result<Self, ApiError> {
        let mut response = head(request, patience).await?;
        let status = response.status();
        let content_type = content_type(response.headers()).to_string();
        let mut body = Vec::new();
        let whole = async {
            while let Some(chunk) = response.chunk().await? {
                if body.len() + chunk.len() > MAX_BYTES {
                    return Err(ApiError::TooLarge);
                }
                body.extend_from_slice(&chunk);
            }
            Ok(())
        };
        tokio::time::timeout(patience, whole)
            .await
            .map_err(|_| ApiError::NoAnswer(patience))??;
        Ok(Self {
            status,
            content_type,
            body,
        })
    }

    pub(super) fn is_json(&self) -> bool {
        self.content_type.starts_with("application/json")
    }

    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        serde_json::from_slice(&self.body).map_err(|error| garbled(&error))
    }

    /// The body as one harmless, bounded line.
    pub(super) fn text(&self) -> String {
        plain(&String::from_utf8_lossy(&self.body))
    }

    /// The node's own words for what it does not do, in lpctl's JSON; else its status.
    pub(super) fn refusal(&self) -> ApiError {
        let answer: Option<serde_json::Value> = serde_json::from_slice(&self.body).ok();
        let text = answer
            .as_ref()
            .and_then(|answer| answer["error"]["message"].as_str());
        match text {
            Some(text) => ApiError::Refused(plain(text)),
            None => ApiError::Status(self.status),
        }
    }
}

/// The answer's head, in time.
pub(super) async fn head(request: RequestBuilder, patience: Duration) -> Result<Response, ApiError> {
    tokio::time::timeout(patience, request.send())
        .await
        .map_err(|_| ApiError::NoAnswer(patience))?
        .map_err(ApiError::from)
}

pub(super) fn content_type(headers: &HeaderMap) -> &str {
    headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

/// What cannot be read, in few words: they may repeat what came.
pub(super) fn garbled(error: &dyn std::fmt::Display) -> ApiError {
    ApiError::Garbled(plain(&error.to_string()))
}

/// The beginning of a text from outside, without what could act on a terminal.
pub(super) fn plain(text: &str) -> String {
    legible(text, MAX_TEXT)
}

/// The same, of so many characters.
pub(crate) fn legible(text: &str, most: usize) -> String {
    let harmless = |c: char| match c {
        '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        '\n' | '\r' | '\t' => ' ',
        c if c.is_control() => '\u{fffd}',
        c => c,
    };
    text.trim().chars().take(most).map(harmless).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_from_outside_are_bounded_and_harmless() {
        assert_eq!(
            plain("missing form param: amount\n"),
            "missing form param: amount"
        );
        assert_eq!(plain("a\u{1b}[2Jb\u{202e}c\nd"), "a\u{fffd}[2Jb\u{fffd}c d");
        assert_eq!(plain(&"x".repeat(9000)).chars().count(), MAX_TEXT);
    }
}
