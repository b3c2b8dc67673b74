//! The log of one of lpctl's nodes.

use super::{ApiError, NodeApi, http::ANSWER};
use crate::node::{LogPage, LogQuery};

impl NodeApi {
    /// A part of the log: the newest lines, or those after a position.
    ///
    /// # Errors
    /// As [`NodeApi::status`]; [`ApiError::NotANode`] for a node that is too old to tell its log.
    pub async fn log(&self, query: &LogQuery) -> Result<LogPage, ApiError> {
        let mut pairs = ::url::form_urlencoded::Serializer::new(String::new());
        let texts = [
            ("since", query.since.map(|position| position.to_string())),
            ("level", query.level.map(|level| level.to_string())),
            ("session", query.session.clone()),
            ("segment", query.segment.clone()),
            ("manifest", query.manifest.clone()),
            ("text", query.text.clone()),
            ("limit", query.limit.map(|limit| limit.to_string())),
        ];
        for (name, text) in texts {
            if let Some(text) = text {
                pairs.append_pair(name, &text);
            }
        }
        let answer = self
            .http()
            .get(&format!("api/v1/log?{}", pairs.finish()), ANSWER)
            .await?;
        match answer.status {
            reqwest::StatusCode::OK if answer.is_json() => answer.json(),
            reqwest::StatusCode::OK | reqwest::StatusCode::NOT_FOUND => Err(ApiError::NotANode),
            _ => Err(answer.refusal()),
        }
    }
}
