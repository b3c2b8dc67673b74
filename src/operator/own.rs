//! `/api/v1` of lpctl's nodes.

use std::time::Duration;

use alloy::primitives::Address;
use futures_util::StreamExt;
use reqwest::{StatusCode, header::CONTENT_TYPE};

use serde::de::DeserializeOwned;

use super::{
    ApiError, NodeUrl,
    http::{ANSWER, Answer, Http, garbled},
    stream::{self, Events, accepted},
};
use crate::{
    node::SettingsChange,
    view::node::{
        ActionAnswer, AuditLines, ConfigView, NodeStatus, RedeemOrder, RewardOrder, SessionPage,
        StatusChange, TicketChoice, TicketPage,
    },
};

/// For what may wait for transactions: both the node and its patience.
const MINED: Duration = Duration::from_secs(300);
/// An event's id is shorter.
const LONGEST_ID: usize = 64;

/// Which winning tickets are asked for.
#[derive(Debug, Clone, Default)]
pub struct TicketQuery {
    /// How far they are.
    pub state: TicketChoice,
    /// Only those of one gateway.
    pub sender: Option<Address>,
    /// How many at most; the node gives 1000 at most.
    pub limit: usize,
    /// How many to leave out before that.
    pub offset: usize,
}

/// The operator API of one of lpctl's nodes.
#[derive(Debug, Clone)]
pub struct NodeApi(Http);

impl NodeApi {
    /// The API of the node at `url`. Nothing is sent yet.
    ///
    /// # Errors
    /// If this machine has no HTTP client to offer.
    pub fn new(url: &NodeUrl) -> Result<Self, ApiError> {
        Http::new(url).map(Self)
    }

    /// What carries its requests.
    pub(super) fn http(&self) -> &Http {
        &self.0
    }

    /// Scheme, host and port: what messages say.
    #[must_use]
    pub fn shown(&self) -> String {
        self.0.url().to_string()
    }

    /// The status now.
    ///
    /// # Errors
    /// If there is no connection, no answer in time, or no status in it.
    pub async fn status(&self) -> Result<NodeStatus, ApiError> {
        status_in(&self.0.get("api/v1/status", ANSWER).await?)
    }

    /// Asks the node to take no new sessions; returns its status after that.
    ///
    /// # Errors
    /// As [`NodeApi::status`]; the node may then drain or not.
    pub async fn drain(&self) -> Result<NodeStatus, ApiError> {
        status_in(&Answer::read(self.0.posting("api/v1/drain")?, ANSWER).await?)
    }

    /// Changes settings of the node; returns its status after that.
    ///
    /// # Errors
    /// As [`NodeApi::status`], and [`ApiError::Refused`]; if no answer came the change may be made or not.
    pub async fn change(&self, change: &SettingsChange) -> Result<NodeStatus, ApiError> {
        let body = serde_json::to_vec(change).map_err(|error| garbled(&error))?;
        let request = self.0.posting("api/v1/settings")?;
        let request = request.header(CONTENT_TYPE, "application/json").body(body);
        status_or_refusal(&Answer::read(request, ANSWER).await?)
    }

    /// Ends a session: its running work is stopped, its renditions are dropped. Returns the status after that.
    ///
    /// # Errors
    /// As [`NodeApi::change`]; [`ApiError::Refused`] if there is no such session.
    pub async fn end_session(&self, id: &str) -> Result<NodeStatus, ApiError> {
        let body = serde_json::to_vec(&serde_json::json!({ "session": id }));
        let body = body.map_err(|error| garbled(&error))?;
        let request = self.0.posting("api/v1/end-session")?;
        let request = request.header(CONTENT_TYPE, "application/json").body(body);
        status_or_refusal(&Answer::read(request, ANSWER).await?)
    }

    /// A page of its sessions, with what follows from their last segments.
    ///
    /// # Errors
    /// As [`NodeApi::change`].
    pub async fn sessions(&self, limit: usize, offset: usize, filter: &str) -> Result<SessionPage, ApiError> {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("limit", &limit.to_string());
        query.append_pair("offset", &offset.to_string());
        query.append_pair("filter", filter);
        self.look(&format!("api/v1/sessions?{}", query.finish())).await
    }

    /// A page of its winning tickets.
    ///
    /// # Errors
    /// As [`NodeApi::change`]; [`ApiError::Refused`] if it takes no payments.
    pub async fn tickets(&self, query: &TicketQuery) -> Result<TicketPage, ApiError> {
        let mut asked = format!(
            "api/v1/tickets?state={}&limit={}&offset={}",
            query.state.as_str(),
            query.limit,
            query.offset
        );
        if let Some(sender) = query.sender {
            asked.push_str(&format!("&sender={sender}"));
        }
        self.look(&asked).await
    }

    /// What it was started with, and what was changed since.
    ///
    /// # Errors
    /// As [`NodeApi::change`].
    pub async fn config(&self) -> Result<ConfigView, ApiError> {
        self.look("api/v1/config").await
    }

    /// Its last writes, the newest first.
    ///
    /// # Errors
    /// As [`NodeApi::change`]; [`ApiError::Scope`] if the token only allows to look.
    pub async fn audit(&self, limit: usize) -> Result<AuditLines, ApiError> {
        self.look(&format!("api/v1/audit?limit={limit}")).await
    }

    /// Has this round's reward called, or tells what that would send. A repetition with the same key is answered the same
    /// and does nothing.
    ///
    /// # Errors
    /// As [`NodeApi::change`]: [`ApiError::Refused`] tells what stands in the way; the dry run tells all of it.
    pub async fn call_reward(&self, dry_run: bool, key: &str) -> Result<ActionAnswer, ApiError> {
        self.order("api/v1/reward", &RewardOrder { dry_run }, key).await
    }

    /// Has winning tickets redeemed, or tells what that would send.
    ///
    /// # Errors
    /// As [`NodeApi::call_reward`].
    pub async fn redeem(&self, order: &RedeemOrder, key: &str) -> Result<ActionAnswer, ApiError> {
        self.order("api/v1/redeem", order, key).await
    }

    async fn look<T: DeserializeOwned>(&self, path: &str) -> Result<T, ApiError> {
        answer_or_refusal(&self.0.get(path, ANSWER).await?)
    }

    /// An order that may wait for a transaction to be mined.
    async fn order<T: DeserializeOwned>(
        &self,
        path: &str,
        order: &impl serde::Serialize,
        key: &str,
    ) -> Result<T, ApiError> {
        let body = serde_json::to_vec(order).map_err(|error| garbled(&error))?;
        let request = self
            .0
            .posting(path)?
            .header(CONTENT_TYPE, "application/json")
            .header("idempotency-key", key)
            .body(body);
        answer_or_refusal(&Answer::read(request, MINED).await?)
    }

    /// Statuses as the node reports them.
    ///
    /// # Errors
    /// If there is no connection, no answer in time, or no event stream in it.
    pub async fn events(&self) -> Result<Statuses, ApiError> {
        self.events_after(None).await
    }

    /// Statuses as the node reports them, those after an event first, as far as it still has them.
    ///
    /// # Errors
    /// As [`NodeApi::events`].
    pub async fn events_after(&self, last: Option<&str>) -> Result<Statuses, ApiError> {
        // Older nodes tell each status as a whole, whatever is asked for.
        let stream = stream::open(&self.0, "api/v1/events?changes=true", last).await?;
        Ok(Statuses {
            stream,
            status: None,
            last: None,
        })
    }
}

/// A node's event stream.
pub struct Statuses {
    stream: Events,
    status: Option<NodeStatus>,
    last: Option<String>,
}

impl std::fmt::Debug for Statuses {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Statuses(…)")
    }
}

impl Statuses {
    /// The next status.
    ///
    /// # Errors
    /// If the stream ends, breaks, or holds something else.
    pub async fn next(&mut self) -> Result<NodeStatus, ApiError> {
        loop {
            let event = self.stream.next().await.unwrap_or(Err(ApiError::Closed))?;
            let data = event.data.as_bytes();
            let status = match event.event.as_str() {
                "status" => parse(data)?,
                "change" => self.changed(parse(data)?)?,
                _ => continue,
            };
            self.status = Some(status.clone());
            self.last = (!event.id.is_empty() && event.id.len() <= LONGEST_ID).then_some(event.id);
            return Ok(status);
        }
    }

    fn changed(&mut self, change: StatusChange) -> Result<NodeStatus, ApiError> {
        let before = self.status.take();
        let after = before.and_then(|before| change.apply(before));
        after.ok_or_else(|| garbled(&"a change of another status than the one before it"))
    }

    /// The id of the last event, with which the stream can be taken up again.
    #[must_use]
    pub fn last_id(&self) -> Option<&str> {
        self.last.as_deref()
    }
}

fn status_or_refusal(answer: &Answer) -> Result<NodeStatus, ApiError> {
    answer_or_refusal(answer)
}

/// What was asked for, or the node's own words for why not.
fn answer_or_refusal<T: DeserializeOwned>(answer: &Answer) -> Result<T, ApiError> {
    match answer.status {
        StatusCode::OK => answer_in(answer),
        StatusCode::FORBIDDEN => match answer.refusal() {
            ApiError::Refused(text) => Err(ApiError::Scope(text)),
            error => Err(error),
        },
        StatusCode::NOT_FOUND | StatusCode::UNAUTHORIZED => {
            accepted(answer.status).and_then(|()| answer_in(answer))
        }
        _ => Err(answer.refusal()),
    }
}

fn status_in(answer: &Answer) -> Result<NodeStatus, ApiError> {
    accepted(answer.status)?;
    answer_in(answer)
}

fn answer_in<T: DeserializeOwned>(answer: &Answer) -> Result<T, ApiError> {
    if !answer.is_json() {
        return Err(ApiError::NotANode);
    }
    serde_json::from_slice(&answer.body).map_err(|error| garbled(&error))
}

fn parse<T: DeserializeOwned>(json: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(json).map_err(|error| garbled(&error))
}
