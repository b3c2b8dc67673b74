//! JSON services of others: no proxy, no redirect, bounded in time and size; the key in its header and nowhere else.

use std::{error::Error, fmt::Display, io, time::Duration};

use reqwest::{
    Client, Method, Response, StatusCode,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, LINK, RETRY_AFTER},
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::{Host, Url};

use crate::{
    operator::legible,
    secret::{Password, RpcUrl},
};

/// The largest answer that is read: a page of a thousand rows is less than one MiB.
pub const MAX_BYTES: usize = 8 * 1024 * 1024;
/// What is read of an answer that says no.
const MAX_REFUSAL: usize = 64 * 1024;
/// Longest text of a server that is kept, in characters.
const MAX_TEXT: usize = 300;
/// A part of a path that is as long may be a key.
const LIKE_A_KEY: usize = 16;

/// Why a service gave no answer that can be used. Texts of the server are bounded, harmless and without the key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WebError {
    /// The key would travel readable by others.
    #[error("the key is not sent over plain http to another machine")]
    PlainKey,
    /// The key cannot be a header.
    #[error("the key is not one line of printable ASCII")]
    BadKey,
    /// No connection: nothing was sent.
    #[error("the connection failed: {0}")]
    NotConnected(String),
    /// It broke off.
    #[error("the connection failed: {0}")]
    Connection(String),
    /// Nothing came in time.
    #[error("no answer within {} s", .0.as_secs())]
    NoAnswer(Duration),
    /// 401 or 403.
    #[error("the server refused the key, or wants one (HTTP {0})")]
    Unauthorized(u16),
    /// 404.
    #[error("nothing is served at this URL (HTTP 404)")]
    NotFound,
    /// 429, with the seconds it asks to wait.
    #[error("the server takes no more requests for now (HTTP 429)")]
    TooMany(Option<u64>),
    /// Another status of those that blame the question, with the server's reason.
    #[error("the server refused it (HTTP {0}): {1}")]
    Refused(u16, String),
    /// Another status.
    #[error("the server failed (HTTP {0})")]
    Status(u16),
    /// More than is read.
    #[error("the answer is larger than {} MiB", MAX_BYTES / 1024 / 1024)]
    TooLarge,
    /// A page for people, mostly.
    #[error("the answer is not JSON")]
    NotJson,
    /// JSON of another shape.
    #[error("the answer cannot be read: {0}")]
    Garbled(String),
}

impl From<reqwest::Error> for WebError {
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
        let why = plain.unwrap_or_else(|| cause.to_string());
        match error.is_connect() {
            true => Self::NotConnected(why),
            false => Self::Connection(why),
        }
    }
}

/// What a service answered.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    /// JSON, or nothing.
    pub body: Vec<u8>,
    /// Where the next page begins: the `cursor` of its address, as the header `Link` gives it.
    pub next: Option<String>,
}

/// Rows of a list, each read by itself.
#[derive(Debug)]
pub(crate) struct Rows<T> {
    /// Those that can be read.
    pub good: Vec<T>,
    unreadable: usize,
    first: Option<WebError>,
}

impl<T> Rows<T> {
    pub(crate) fn new() -> Self {
        Self {
            good: Vec::new(),
            unreadable: 0,
            first: None,
        }
    }

    /// Reads more of them.
    pub(crate) fn take<R: DeserializeOwned + Into<T>>(&mut self, web: &Web, rows: Vec<Value>) {
        for row in rows {
            match serde_json::from_value::<R>(row) {
                Ok(row) => self.good.push(row.into()),
                Err(error) => {
                    self.unreadable += 1;
                    self.first.get_or_insert_with(|| web.garbled(&error));
                }
            }
        }
    }

    /// All that can be read, and how many cannot; an error if none of those there are can.
    pub(crate) fn judged(self) -> Result<(Vec<T>, usize), WebError> {
        match self.first {
            Some(error) if self.good.is_empty() => Err(error),
            _ => Ok((self.good, self.unreadable)),
        }
    }
}

/// A client of one service.
#[derive(Debug)]
pub(crate) struct Web {
    client: Client,
    url: RpcUrl,
    key: Option<Password>,
    patience: Duration,
}

impl Web {
    /// Nothing is sent yet. `patience` is for each request.
    pub(crate) fn new(url: &RpcUrl, key: Option<&Password>, patience: Duration) -> Result<Self, WebError> {
        if let Some(key) = key {
            let is_here = match url.expose().host() {
                Some(Host::Domain(name)) => name == "localhost",
                Some(Host::Ipv4(address)) => address.is_loopback(),
                Some(Host::Ipv6(address)) => address.is_loopback(),
                None => false,
            };
            if url.expose().scheme() != "https" && !is_here {
                return Err(WebError::PlainKey);
            }
            if key.expose().is_empty() || !key.expose().bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(WebError::BadKey);
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

    /// Sends a question to the URL itself and reads the whole answer.
    pub(crate) async fn post(&self, question: &Value) -> Result<Vec<u8>, WebError> {
        let url = self.url.expose().clone();
        Ok(self.send(Method::POST, url, Some(question)).await?.body)
    }

    /// The address of something beneath the URL.
    pub(crate) fn beneath(&self, parts: &[&str]) -> Url {
        let mut url = self.url.expose().clone();
        // A URL with a host always has a path.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(parts);
        }
        url
    }

    /// Sends a request and reads the whole answer.
    pub(crate) async fn send(
        &self,
        method: Method,
        url: Url,
        body: Option<&Value>,
    ) -> Result<Reply, WebError> {
        self.send_secretly(method, url, body, &[]).await
    }

    /// The same; no error repeats what is in `secrets`.
    pub(crate) async fn send_secretly(
        &self,
        method: Method,
        url: Url,
        body: Option<&Value>,
        secrets: &[&str],
    ) -> Result<Reply, WebError> {
        tokio::time::timeout(self.patience, self.exchange(method, url, body, secrets))
            .await
            .map_err(|_| WebError::NoAnswer(self.patience))?
    }

    async fn exchange(
        &self,
        method: Method,
        url: Url,
        body: Option<&Value>,
        secrets: &[&str],
    ) -> Result<Reply, WebError> {
        let mut request = self
            .client
            .request(method, url)
            .header(ACCEPT, "application/json");
        if let Some(body) = body {
            request = request
                .header(CONTENT_TYPE, "application/json")
                .body(body.to_string());
        }
        if let Some(key) = &self.key {
            let mut value =
                HeaderValue::from_str(&format!("Bearer {}", key.expose())).map_err(|_| WebError::BadKey)?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        let mut response = request.send().await?;
        match response.status() {
            status if status.is_success() => {}
            status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
                return Err(WebError::Unauthorized(status.as_u16()));
            }
            StatusCode::NOT_FOUND => return Err(WebError::NotFound),
            StatusCode::TOO_MANY_REQUESTS => {
                let wait = response.headers().get(RETRY_AFTER);
                let wait = wait.and_then(|value| value.to_str().ok()?.trim().parse().ok());
                return Err(WebError::TooMany(wait));
            }
            status if status.is_client_error() && is_json(&response) => {
                // However it ends: that it was refused is known.
                let body = read(&mut response, MAX_REFUSAL).await.unwrap_or_default();
                let mut said = reason(&body);
                for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
                    said = said.replace(secret, "…");
                }
                return Err(WebError::Refused(status.as_u16(), self.plain(&said)));
            }
            status => return Err(WebError::Status(status.as_u16())),
        }
        let is_page = response.headers().get(CONTENT_TYPE).is_some_and(|value| {
            let value = value.as_bytes();
            value.len() >= 9 && value[..9].eq_ignore_ascii_case(b"text/html")
        });
        if is_page {
            return Err(WebError::NotJson);
        }
        Ok(Reply {
            next: next(response.headers()),
            body: read(&mut response, MAX_BYTES).await?,
        })
    }

    /// What cannot be read, in few words: they may repeat what came.
    pub(crate) fn garbled(&self, error: &dyn Display) -> WebError {
        WebError::Garbled(self.plain(&error.to_string()))
    }

    /// The beginning of a text from outside, without the key and what could act on a terminal.
    pub(crate) fn plain(&self, text: &str) -> String {
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

fn is_json(response: &Response) -> bool {
    let kind = response.headers().get(CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"))
}

/// All of it, if it is not more than `most` bytes.
async fn read(response: &mut Response, most: usize) -> Result<Vec<u8>, WebError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > most {
            return Err(WebError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The first of the errors a service lists, as text or with a message in it.
fn reason(body: &[u8]) -> String {
    let said: Value = serde_json::from_slice(body).unwrap_or_default();
    let first = &said["errors"][0];
    let text = first.as_str().or_else(|| first["message"].as_str());
    text.unwrap_or("without a reason").to_string()
}

/// The cursor of the next page in a `Link` header; the address itself is never followed.
fn next(headers: &HeaderMap) -> Option<String> {
    let links = headers.get(LINK)?.to_str().ok()?;
    let link = links.split(',').find(|link| {
        let mut parts = link.split(';').skip(1);
        parts.any(|part| matches!(part.trim(), "rel=\"next\"" | "rel=next"))
    })?;
    let address = link.trim().strip_prefix('<')?.split_once('>')?.0;
    let (_, query) = address.split_once('?')?;
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    let (_, cursor) = pairs.find(|(name, _)| name == "cursor")?;
    (!cursor.is_empty()).then(|| cursor.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_in_the_path_is_not_repeated() {
        let url: RpcUrl = "https://gateway.example/api/0123456789abcdef0123/subgraphs/x"
            .parse()
            .unwrap();
        let web = Web::new(&url, None, Duration::from_secs(1)).unwrap();
        let said = web.plain("no such route: /api/0123456789abcdef0123/subgraphs/x\n");
        assert_eq!(said, "no such route: /api/…/subgraphs/x");
    }

    #[test]
    fn parts_of_a_path_stay_parts() {
        for base in ["https://studio.example/api", "https://studio.example/api/"] {
            let web = Web::new(&base.parse().unwrap(), None, Duration::from_secs(1)).unwrap();
            let url = web.beneath(&["stream", "a/b?c"]);
            assert_eq!(url.as_str(), "https://studio.example/api/stream/a%2Fb%3Fc");
        }
    }

    #[test]
    fn the_next_page_is_where_the_link_says_and_nowhere_else() {
        let of = |link: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(LINK, link.parse().unwrap());
            next(&headers)
        };
        let good = "<https://a.example/s?limit=2&cursor=a%20b>; rel=\"next\"";
        assert_eq!(of(good).as_deref(), Some("a b"));
        let second =
            "<https://a.example/s?cursor=1>; rel=\"prev\", <https://a.example/s?cursor=2>; rel=\"next\"";
        assert_eq!(of(second).as_deref(), Some("2"));
        for none in [
            "",
            "<https://a.example/s?cursor=1>; rel=\"prev\"",
            "<https://a.example/s>; rel=\"next\"",
            "<https://a.example/s?cursor=>; rel=\"next\"",
            "https://a.example/s?cursor=1; rel=\"next\"",
        ] {
            assert_eq!(of(none), None, "{none}");
        }
    }

    #[test]
    fn a_reason_is_the_first_error() {
        assert_eq!(reason(br#"{"errors":["name is taken","x"]}"#), "name is taken");
        assert_eq!(reason(br#"{"errors":[{"message":"no"}]}"#), "no");
        for odd in [&b""[..], b"[]", b"{\"errors\":{}}", b"\"x\""] {
            assert_eq!(reason(odd), "without a reason");
        }
    }
}
