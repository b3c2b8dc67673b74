//! The log of one of lpctl's nodes.

use futures_util::StreamExt;

use super::{
    ApiError, NodeApi,
    http::{ANSWER, garbled},
    stream::{self, Events},
};
use crate::node::{LogLine, LogPage, LogQuery};

impl NodeApi {
    /// A part of the log: the newest lines, or those after a position.
    ///
    /// # Errors
    /// As [`NodeApi::status`]; [`ApiError::NotANode`] for a node that is too old to tell its log.
    pub async fn log(&self, query: &LogQuery) -> Result<LogPage, ApiError> {
        let answer = self.http().get(&path("api/v1/log", query), ANSWER).await?;
        match answer.status {
            reqwest::StatusCode::OK if answer.is_json() => answer.json(),
            reqwest::StatusCode::OK | reqwest::StatusCode::NOT_FOUND => Err(ApiError::NotANode),
            _ => Err(answer.refusal()),
        }
    }

    /// The lines after `position` as they come, those that `query` asks for. Its `since` and `limit` count for nothing here.
    ///
    /// # Errors
    /// As [`NodeApi::events`]; [`ApiError::NotANode`] for a node that is too old to tell its lines as they come.
    pub async fn log_after(&self, query: &LogQuery, position: u64) -> Result<LogLines, ApiError> {
        let asked = LogQuery {
            since: None,
            limit: None,
            ..query.clone()
        };
        let path = path("api/v1/log/events", &asked);
        let events = stream::open(self.http(), &path, Some(&position.to_string())).await?;
        Ok(LogLines { events, position })
    }
}

/// What a node tells of its log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogEvent {
    /// A line.
    Line(LogLine),
    /// So many lines were gone before they could be told.
    Missed(u64),
}

/// Lines of a log as they come.
pub struct LogLines {
    events: Events,
    position: u64,
}

impl std::fmt::Debug for LogLines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LogLines(…)")
    }
}

impl LogLines {
    /// What the node tells next. Nothing is lost if the wait for it is given up.
    ///
    /// # Errors
    /// If the stream ends, breaks, is silent for too long, or holds something else.
    pub async fn next(&mut self) -> Result<LogEvent, ApiError> {
        loop {
            let event = self.events.next().await.unwrap_or(Err(ApiError::Closed))?;
            let told = match event.event.as_str() {
                "line" => {
                    let line: LogLine = serde_json::from_str(&event.data).map_err(|error| garbled(&error))?;
                    self.position = line.position;
                    Some(LogEvent::Line(line))
                }
                "missed" => {
                    let lines = event.data.trim().parse().map_err(|error| garbled(&error))?;
                    Some(LogEvent::Missed(lines))
                }
                // How far the log is, where none of its new lines was asked for.
                "position" => {
                    self.position = event.data.trim().parse().map_err(|error| garbled(&error))?;
                    None
                }
                // A later node may tell more.
                _ => None,
            };
            if let Some(told) = told {
                return Ok(told);
            }
        }
    }

    /// Up to where the log was told: from there it can be taken up again.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position
    }
}

fn path(route: &str, query: &LogQuery) -> String {
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
    format!("{route}?{}", pairs.finish())
}
