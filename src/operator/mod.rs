//! A running node from outside: its operator API, whoever made the node.
//!
//! | module | holds |
//! |---|---|
//! | `url` | where a node is, shown without what may be secret in it |
//! | `http` | requests that are bounded in time and size |
//! | `own` | `/api/v1` of lpctl's nodes: status, events, changes |
//! | `log` | the log of lpctl's nodes, and its lines as they come |
//! | `stream` | event streams, bounded and taken up again |
//! | `go` | the routes of go-livepeer's nodes, with their quirks |
//! | `access` | a token to show, and a certificate to know the node by |
//! | `board` | what a go-livepeer node tells as far as a dashboard shows it: its metrics, and its translation |
//! | `number` | numbers as Go writes them: of any length, never through a float |
//!
//! [`find`] tells which of them answers at an address.

mod access;
mod board;
mod go;
mod http;
mod log;
mod number;
mod own;
mod stream;
mod url;

use std::time::Duration;

use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::Value;

pub(crate) use self::http::legible;
pub use self::{
    access::{Access, AccessFileError},
    board::{GoMetrics, translated},
    go::{GoApi, GoCall},
    log::{LogEvent, LogLines},
    number::{Number, Ratio},
    own::{NodeApi, Statuses, TicketQuery},
    url::{NodeUrl, ParseNodeUrlError},
};
use crate::view::{ingest::GatewayStatus, node::NodeStatus};

/// An answer larger than this is not one.
///
/// The status of 5,000 sessions, each with its last segments, has 45 MB.
const MAX_BYTES: usize = 64 << 20;

/// Why a node did not answer, or not as it should.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// No connection, or it broke.
    #[error("{0}")]
    Connection(String),
    /// No answer in time.
    #[error("no answer within {} s", .0.as_secs())]
    NoAnswer(Duration),
    /// Connected, and nothing came.
    #[error("silent for {} s", .0.as_secs())]
    Silent(Duration),
    /// The node ended the stream.
    #[error("the node closed the connection")]
    Closed,
    /// An HTTP status that is no answer.
    #[error("it answers HTTP {}", .0.as_u16())]
    Status(StatusCode),
    /// The node does not do that, and says why. Text from outside, bounded and made harmless.
    #[error("{0}")]
    Refused(String),
    /// Something else listens there.
    #[error("it does not speak lpctl's `/api/v1`")]
    NotANode,
    /// Something else listens there, when either kind of node would do.
    #[error("it speaks neither lpctl's `/api/v1` nor the routes of go-livepeer")]
    Stranger,
    /// An answer that cannot be read.
    #[error("its status cannot be read: {0}")]
    Garbled(String),
    /// More than any answer can be.
    #[error("its status is larger than {} MiB", MAX_BYTES >> 20)]
    TooLarge,
    /// The node takes a token beyond loopback, and was shown none, or another node's.
    #[error("it asks for a token")]
    TokenNeeded,
    /// The token allows less than that. Text from outside, bounded and made harmless.
    #[error("{0}")]
    Scope(String),
    /// Something that cannot be sent as a token.
    #[error("the token holds characters no token has")]
    BadToken,
    /// A token is not sent where it can be read on the way.
    #[error("the token is not sent over plain HTTP to another machine")]
    TokenInClear,
    /// A go-livepeer node that has no account on a chain: off-chain, a transcoder, an AI worker.
    #[error("the node has no account on a chain")]
    NoEthClient,
}

/// What answers at an address.
#[derive(Debug)]
pub enum Found {
    /// A node of `lpctl run`, with its status.
    Own(Box<NodeStatus>),
    /// A gateway of `lpctl gateway run`, with its status.
    OwnGateway(Box<GatewayStatus>),
    /// A node of go-livepeer.
    Go(GoApi),
}

/// Asks which kind of node answers: lpctl's status first, then go-livepeer's.
///
/// # Errors
/// [`ApiError::Stranger`] if neither does; else as for any request.
pub async fn find(url: &NodeUrl) -> Result<Found, ApiError> {
    let http = http::Http::new(url)?;
    let answer = http.get("api/v1/status", http::ANSWER).await?;
    if answer.status == StatusCode::OK && answer.is_json() {
        let whole: Value = answer.json()?;
        return match whole.get("gateway") {
            Some(gateway) => match GatewayStatus::deserialize(gateway) {
                Ok(status) => Ok(Found::OwnGateway(Box::new(status))),
                Err(error) => Err(http::garbled(&error)),
            },
            None => Ok(Found::Own(Box::new(answer.json()?))),
        };
    }
    // Go's router knows no such path and says so in plain text; what guards lpctl's API answers in JSON.
    match answer.status {
        StatusCode::NOT_FOUND if !answer.is_json() => {}
        StatusCode::OK | StatusCode::NOT_FOUND => return Err(ApiError::Stranger),
        StatusCode::UNAUTHORIZED => return Err(ApiError::TokenNeeded),
        _ => return Err(answer.refusal()),
    }
    let go = GoApi::over(http);
    match go.status().await {
        Ok(_) => Ok(Found::Go(go)),
        Err(ApiError::Garbled(_) | ApiError::Status(_) | ApiError::Refused(_)) => Err(ApiError::Stranger),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use axum::{Router, http::header::CONTENT_TYPE, routing::get};

    use super::*;

    async fn serve(router: Router) -> NodeUrl {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        url.parse().unwrap()
    }

    #[tokio::test]
    async fn either_kind_is_told_from_strangers() {
        let go = r#"{"Version":"0.9.1","GolangRuntimeVersion":"go1.25","GOArch":"amd64","GOOS":"linux"}"#;
        let url = serve(Router::new().route("/status", get(move || async move { go }))).await;
        assert!(matches!(find(&url).await, Ok(Found::Go(_))));

        let page = Router::new().fallback(|| async { ([(CONTENT_TYPE, "text/html")], "<html>hello</html>") });
        assert!(matches!(find(&serve(page).await).await, Err(ApiError::Stranger)));
        assert!(matches!(
            find(&serve(Router::new()).await).await,
            Err(ApiError::Stranger)
        ));

        let other = Router::new().route("/status", get(|| async { "{\"ok\":true}" }));
        assert!(matches!(find(&serve(other).await).await, Err(ApiError::Stranger)));

        let closed = "http://127.0.0.1:9".parse().unwrap();
        assert!(matches!(find(&closed).await, Err(ApiError::Connection(_))));
    }

    #[tokio::test]
    async fn an_answer_without_end_is_cut() {
        let endless = Router::new().route(
            "/api/v1/status",
            get(|| async { ([(CONTENT_TYPE, "application/json")], vec![b' '; MAX_BYTES + 1]) }),
        );
        assert!(matches!(
            find(&serve(endless).await).await,
            Err(ApiError::TooLarge)
        ));
    }
}
