//! The Livepeer subgraph: questions in GraphQL to whoever serves it, answers read strictly and bounded.

mod http;
mod query;

use std::time::Duration;

use alloy::primitives::Address;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use self::{http::Http, query::Paged};
use crate::{
    secret::{Password, RpcUrl},
    view::explorer::{
        IndexedAt, IndexedDelegator, IndexedDelegators, IndexedEvent, IndexedEvents, IndexedHistory,
        IndexedOrchestrator, IndexedOrchestrators, IndexedRounds,
    },
};

/// Rows of a page, and the most a question without pages may ask for: the subgraph's own limit.
pub const PAGE: usize = 1000;
/// Pages read for one answer.
const MAX_PAGES: usize = 50;

/// Why the subgraph gave no answer that can be used. Texts of the server are bounded, harmless and without the key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExplorerError {
    /// The key would travel readable by others.
    #[error("the key is not sent over plain http to another machine")]
    PlainKey,
    /// The key cannot be a header.
    #[error("the key is not one line of printable ASCII")]
    BadKey,
    /// No connection, or it broke off.
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
    /// Another status.
    #[error("the server failed (HTTP {0})")]
    Status(u16),
    /// More than is read.
    #[error("the answer is larger than {} MiB", http::MAX_BYTES / 1024 / 1024)]
    TooLarge,
    /// A page for people, mostly.
    #[error("the answer is not JSON")]
    NotJson,
    /// JSON of another shape.
    #[error("the answer cannot be read: {0}")]
    Garbled(String),
    /// GraphQL's own errors.
    #[error("the subgraph refused the question: {0}")]
    Refused(String),
    /// Neither data nor errors.
    #[error("the answer holds no data")]
    NoData,
    /// More rows than are read.
    #[error("there are more than {} rows", MAX_PAGES * PAGE)]
    TooManyRows,
}

/// A client of one subgraph.
#[derive(Debug)]
pub struct Explorer {
    http: Http,
}

impl Explorer {
    /// Nothing is sent yet. `patience` is for each request.
    ///
    /// # Errors
    /// A key that cannot be a header, or would travel unencrypted.
    pub fn new(url: &RpcUrl, key: Option<&Password>, patience: Duration) -> Result<Self, ExplorerError> {
        Ok(Self {
            http: Http::new(url, key, patience)?,
        })
    }

    /// Orchestrators by stake, at most `limit`: the active ones, or all there ever were.
    ///
    /// # Errors
    /// As [`ExplorerError`] says.
    pub async fn orchestrators(
        &self,
        limit: usize,
        ever: bool,
    ) -> Result<IndexedOrchestrators, ExplorerError> {
        let question = if ever { query::EVER } else { query::ORCHESTRATORS };
        let (rows, at) = self.paged::<query::Transcoder>(question, json!({})).await?;
        let mut orchestrators: Vec<IndexedOrchestrator> = rows.into_iter().map(Into::into).collect();
        let total = orchestrators.len();
        orchestrators.sort_by_key(|row| (std::cmp::Reverse(row.total_stake_lpt), row.address));
        orchestrators.truncate(limit);
        Ok(IndexedOrchestrators {
            orchestrators,
            total,
            at,
        })
    }

    /// An orchestrator with at most `limit` of its last rounds; none if the subgraph does not know it.
    ///
    /// # Errors
    /// As [`ExplorerError`] says.
    pub async fn orchestrator(
        &self,
        of: Address,
        limit: usize,
    ) -> Result<Option<IndexedHistory>, ExplorerError> {
        let variables = json!({ "of": lower(of), "first": limit.min(PAGE) });
        let answer: query::Row<query::Transcoder> = self.ask(query::ORCHESTRATOR, &variables).await?;
        let Some(mut row) = answer.row else {
            return Ok(None);
        };
        let rounds = std::mem::take(&mut row.pools);
        Ok(Some(IndexedHistory {
            rounds: rounds.into_iter().take(limit).map(Into::into).collect(),
            orchestrator: row.into(),
            at: answer.meta.into(),
        }))
    }

    /// An orchestrator's delegators by stake, at most `limit`.
    ///
    /// # Errors
    /// As [`ExplorerError`] says.
    pub async fn delegators(&self, of: Address, limit: usize) -> Result<IndexedDelegators, ExplorerError> {
        let variables = json!({ "of": lower(of) });
        let (rows, at) = self
            .paged::<query::Delegator>(query::DELEGATORS, variables)
            .await?;
        let mut delegators: Vec<IndexedDelegator> = rows.into_iter().map(Into::into).collect();
        let total = delegators.len();
        delegators.sort_by_key(|row| (std::cmp::Reverse(row.bonded_lpt), row.address));
        delegators.truncate(limit);
        Ok(IndexedDelegators {
            delegators,
            total,
            at,
        })
    }

    /// The newest rounds, at most `limit` and one page.
    ///
    /// # Errors
    /// As [`ExplorerError`] says.
    pub async fn rounds(&self, limit: usize) -> Result<IndexedRounds, ExplorerError> {
        let variables = json!({ "first": limit.min(PAGE) });
        let answer: query::Rows<query::RoundRow> = self.ask(query::ROUNDS, &variables).await?;
        Ok(IndexedRounds {
            rounds: answer.rows.into_iter().take(limit).map(Into::into).collect(),
            at: answer.meta.into(),
        })
    }

    /// What an orchestrator earned since a time (seconds since 1970), the newest at most `limit` and one page.
    ///
    /// # Errors
    /// As [`ExplorerError`] says.
    pub async fn events(
        &self,
        of: Address,
        since: i64,
        limit: usize,
    ) -> Result<IndexedEvents, ExplorerError> {
        let variables = json!({ "of": lower(of), "since": since, "first": limit.min(PAGE) });
        let answer: query::Events = self.ask(query::EVENTS, &variables).await?;
        let mut events: Vec<IndexedEvent> = answer.tickets.into_iter().map(Into::into).collect();
        events.extend(answer.rewards.into_iter().map(IndexedEvent::from));
        events.sort_by_key(|event| std::cmp::Reverse(event.timestamp));
        events.truncate(limit);
        Ok(IndexedEvents {
            events,
            at: answer.meta.into(),
        })
    }

    /// All rows of a question with `$after`, page by page.
    async fn paged<T: DeserializeOwned + Paged>(
        &self,
        question: &str,
        mut variables: Value,
    ) -> Result<(Vec<T>, IndexedAt), ExplorerError> {
        let mut all: Vec<T> = Vec::new();
        let mut after: Option<Address> = None;
        for _ in 0..MAX_PAGES {
            variables["after"] = json!(after.map(lower).unwrap_or_default());
            let page: query::Rows<T> = self.ask(question, &variables).await?;
            let is_last = page.rows.len() < PAGE;
            for row in page.rows {
                // Otherwise a server could have us read the same page again and again.
                if after.is_some_and(|after| row.id() <= after) {
                    return Err(ExplorerError::Garbled("the rows are not in order".to_string()));
                }
                after = Some(row.id());
                all.push(row);
            }
            if is_last {
                return Ok((all, page.meta.into()));
            }
        }
        Err(ExplorerError::TooManyRows)
    }

    async fn ask<T: DeserializeOwned>(&self, question: &str, variables: &Value) -> Result<T, ExplorerError> {
        let body = self
            .http
            .post(&json!({ "query": question, "variables": variables }))
            .await?;
        let mut answer: Value = serde_json::from_slice(&body).map_err(|error| self.http.garbled(&error))?;
        if let Some(errors) = answer["errors"].as_array().filter(|errors| !errors.is_empty()) {
            let said = errors[0]["message"].as_str().unwrap_or("without a reason");
            return Err(ExplorerError::Refused(self.http.plain(said)));
        }
        match answer.get_mut("data").map(Value::take) {
            None | Some(Value::Null) => Err(ExplorerError::NoData),
            Some(data) => serde_json::from_value(data).map_err(|error| self.http.garbled(&error)),
        }
    }
}

/// As the subgraph writes addresses: it finds no others.
fn lower(address: Address) -> String {
    format!("{address:#x}")
}
