//! A webhook that names orchestrators: a JSON array of addresses and scores
//! (`go-livepeer discovery/wh_discovery.go`).

use std::{collections::HashSet, time::Duration};

use reqwest::{Client, StatusCode};
use serde_json::Value;
use url::Url;

use super::{
    Candidate,
    source::{Fetch, Fetched},
};
use crate::wire::client::{ConnectError, innermost, parse_node_address, read_at_most, verifying_client};

/// How long a list is used.
pub(super) const LIFETIME: Duration = Duration::from_secs(60);
/// How long an answer may take.
const LIMIT: Duration = Duration::from_secs(3);
/// Most of an answer that is read.
const ANSWER_BYTES: usize = 1 << 20;

/// The webhook. Its path and query may hold a key, so messages show only where it is.
pub(super) struct Webhook {
    url: Url,
    client: Client,
}

impl Webhook {
    pub(super) fn new(url: Url) -> Result<Self, ConnectError> {
        let client = verifying_client(&url, LIMIT, reqwest::redirect::Policy::limited(3))?;
        Ok(Self { url, client })
    }

    async fn ask(&self) -> Result<Vec<Candidate>, String> {
        let broken = |error: reqwest::Error| match error.is_timeout() {
            true => format!("no answer within {} s", LIMIT.as_secs()),
            false => innermost(&error.without_url()),
        };
        let mut response = self.client.get(self.url.clone()).send().await.map_err(broken)?;
        if response.status() != StatusCode::OK {
            return Err(format!("it answered {}", response.status()));
        }
        let body = read_at_most(&mut response, ANSWER_BYTES).await.map_err(broken)?;
        let too_long = || format!("its answer is longer than {ANSWER_BYTES} bytes");
        read(&body.ok_or_else(too_long)?)
    }
}

impl Fetch for Webhook {
    fn origin(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        match self.url.port() {
            Some(port) => format!("the webhook at {host}:{port}"),
            None => format!("the webhook at {host}"),
        }
    }

    fn fetch(&self) -> Fetched<'_> {
        Box::pin(self.ask())
    }
}

/// Reads `[{"address":"https://host:port","score":0.0}, …]`. Entries without an address, and those whose score is
/// neither 0 nor 1, belong to no one's pool and are left out.
fn read(body: &[u8]) -> Result<Vec<Candidate>, String> {
    let entries: Vec<Value> =
        serde_json::from_slice(body).map_err(|error| format!("its answer is no list: {error}"))?;
    let mut candidates = Vec::new();
    let mut seen = HashSet::new();
    for entry in &entries {
        let Some(address) = entry["address"].as_str().filter(|address| !address.is_empty()) else {
            continue;
        };
        let Ok(uri) = parse_node_address(address) else {
            tracing::warn!("the webhook names an orchestrator by something that is no address");
            continue;
        };
        let is_trusted = match entry["score"].as_f64() {
            None if entry["score"].is_null() => false,
            Some(0.0) => false,
            Some(1.0) => true,
            _ => {
                tracing::warn!(%uri, "the webhook gives it a score that is neither 0 nor 1: it is left out");
                continue;
            }
        };
        if seen.insert(uri.clone()) {
            candidates.push(Candidate {
                uri,
                is_trusted,
                account: None,
                stake: None,
            });
        }
    }
    Ok(candidates)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_read_one_by_one() {
        let body = br#"[
            {"address":"https://a:1","score":1,"more":[1]}, {"address":"b:2"}, {"address":"c","score":0.0},
            {"address":"https://a:1","score":0}, {"address":""}, {"score":1}, {"address":7}, 5, null,
            {"address":"https://d:1","score":0.5}, {"address":"https://e:1","score":2},
            {"address":"https://f:1","score":"1"}, {"address":"ftp://g"}, {"address":"https://h:1","score":null}
        ]"#;
        let read: Vec<_> = read(body)
            .unwrap()
            .into_iter()
            .map(|one| (one.uri.to_string(), one.is_trusted))
            .collect();
        let expected = [
            ("https://a:1/", true),
            ("https://b:2/", false),
            ("https://c:8935/", false),
            ("https://h:1/", false),
        ];
        assert_eq!(read, expected.map(|(uri, trusted)| (uri.to_string(), trusted)));
    }

    #[test]
    fn what_is_no_list_is_an_error() {
        for body in ["", "{}", "null", "[", "\"https://a\""] {
            assert!(read(body.as_bytes()).is_err(), "{body}");
        }
        assert_eq!(read(b"[]"), Ok(Vec::new()));
    }

    #[test]
    fn a_webhook_never_shows_its_key() {
        let webhook = Webhook::new("https://hook.example.org:8443/SECRET?key=SECRET".parse().unwrap());
        assert_eq!(webhook.unwrap().origin(), "the webhook at hook.example.org:8443");
    }
}
