//! The Livepeer subgraph: questions in GraphQL to whoever serves it, answers read strictly and bounded.

mod query;

use std::time::Duration;

use alloy::primitives::Address;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::{
    secret::{Password, RpcUrl},
    view::explorer::{
        IndexedAt, IndexedDelegator, IndexedDelegators, IndexedEvent, IndexedEvents, IndexedHistory,
        IndexedOrchestrator, IndexedOrchestrators, IndexedRound, IndexedRounds,
    },
    web::{Rows, Web, WebError},
};

/// Rows of a page, and the most a question without pages may ask for: the subgraph's own limit.
pub const PAGE: usize = 1000;
/// Pages read for one answer.
const MAX_PAGES: usize = 50;

/// Why the subgraph gave no answer that can be used. Texts of the server are bounded, harmless and without the key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExplorerError {
    /// The exchange itself.
    #[error(transparent)]
    Web(#[from] WebError),
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
    web: Web,
}

impl Explorer {
    /// Nothing is sent yet. `patience` is for each request.
    ///
    /// # Errors
    /// A key that cannot be a header, or would travel unencrypted.
    pub fn new(url: &RpcUrl, key: Option<&Password>, patience: Duration) -> Result<Self, ExplorerError> {
        Ok(Self {
            web: Web::new(url, key, patience)?,
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
        let (rows, unreadable, at) = self.paged::<query::Transcoder>(question, json!({})).await?;
        let mut orchestrators: Vec<IndexedOrchestrator> = rows.into_iter().map(Into::into).collect();
        let total = orchestrators.len();
        orchestrators.sort_by_key(|row| (std::cmp::Reverse(row.total_stake_lpt), row.address));
        orchestrators.truncate(limit);
        Ok(IndexedOrchestrators {
            orchestrators,
            total,
            unreadable,
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
        let (rows, unreadable, at) = self
            .paged::<query::Delegator>(query::DELEGATORS, variables)
            .await?;
        let mut delegators: Vec<IndexedDelegator> = rows.into_iter().map(Into::into).collect();
        let total = delegators.len();
        delegators.sort_by_key(|row| (std::cmp::Reverse(row.bonded_lpt), row.address));
        delegators.truncate(limit);
        Ok(IndexedDelegators {
            delegators,
            total,
            unreadable,
            at,
        })
    }

    /// The newest rounds, at most `limit` and one page.
    ///
    /// # Errors
    /// As [`ExplorerError`] says.
    pub async fn rounds(&self, limit: usize) -> Result<IndexedRounds, ExplorerError> {
        let variables = json!({ "first": limit.min(PAGE) });
        let answer: query::Rows = self.ask(query::ROUNDS, &variables).await?;
        let mut rows: Rows<IndexedRound> = Rows::new();
        rows.take::<query::RoundRow>(&self.web, answer.rows);
        let (rows, unreadable) = rows.judged()?;
        Ok(IndexedRounds {
            rounds: rows.into_iter().take(limit).collect(),
            unreadable,
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
        let first = (limit + 1).min(PAGE);
        let variables = json!({ "of": lower(of), "since": since, "first": first });
        let answer: query::Events = self.ask(query::EVENTS, &variables).await?;
        let is_cut = answer.tickets.len() >= first || answer.rewards.len() >= first;
        let mut rows: Rows<IndexedEvent> = Rows::new();
        rows.take::<query::Ticket>(&self.web, answer.tickets);
        rows.take::<query::Reward>(&self.web, answer.rewards);
        let (mut events, unreadable) = rows.judged()?;
        events.sort_by_key(|event| std::cmp::Reverse(event.timestamp));
        let has_more = is_cut || events.len() > limit;
        events.truncate(limit);
        Ok(IndexedEvents {
            events,
            has_more,
            unreadable,
            at: answer.meta.into(),
        })
    }

    /// All rows of a question with `$after`, page by page, and how many could not be read.
    async fn paged<T: DeserializeOwned>(
        &self,
        question: &str,
        mut variables: Value,
    ) -> Result<(Vec<T>, usize, IndexedAt), ExplorerError> {
        let mut all: Rows<T> = Rows::new();
        let mut after: Option<Address> = None;
        for _ in 0..MAX_PAGES {
            variables["after"] = json!(after.map(lower).unwrap_or_default());
            let page: query::Rows = self.ask(question, &variables).await?;
            let is_last = page.rows.len() < PAGE;
            for row in &page.rows {
                let id = row["id"].as_str().and_then(|id| id.parse::<Address>().ok());
                // Otherwise a server could have us read the same page again and again.
                if id.is_none() || id <= after {
                    return Err(WebError::Garbled("the rows are not in order".to_string()).into());
                }
                after = id;
            }
            all.take::<T>(&self.web, page.rows);
            if is_last {
                let (rows, unreadable) = all.judged()?;
                return Ok((rows, unreadable, page.meta.into()));
            }
        }
        Err(ExplorerError::TooManyRows)
    }

    async fn ask<T: DeserializeOwned>(&self, question: &str, variables: &Value) -> Result<T, ExplorerError> {
        let body = self
            .web
            .post(&json!({ "query": question, "variables": variables }))
            .await?;
        let mut answer: Value = serde_json::from_slice(&body).map_err(|error| self.web.garbled(&error))?;
        if let Some(errors) = answer["errors"].as_array().filter(|errors| !errors.is_empty()) {
            let said = errors[0]["message"].as_str().unwrap_or("without a reason");
            return Err(ExplorerError::Refused(self.web.plain(said)));
        }
        match answer.get_mut("data").map(Value::take) {
            None | Some(Value::Null) => Err(ExplorerError::NoData),
            Some(data) => Ok(serde_json::from_value(data).map_err(|error| self.web.garbled(&error))?),
        }
    }
}

/// As the subgraph writes addresses: it finds no others.
fn lower(address: Address) -> String {
    format!("{address:#x}")
}
