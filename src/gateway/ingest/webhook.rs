//! The operator's webhook that decides which streams are taken (`go-livepeer server/auth.go`).

use std::time::Duration;

use tokio::time::timeout;

use super::answer::{Answer, AnswerError};
use crate::{
    secret::WebhookUrl,
    wire::client::{innermost, read_at_most, verifying_client},
};

/// How long the webhook may take, connecting included.
const ANSWER_TIME: Duration = Duration::from_secs(5);
/// Longest answer that is read.
const ANSWER_BYTES: usize = 1 << 20;

/// Why a stream is not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum WebhookError {
    /// Nobody answered, or not in time, or not whole.
    #[error("the auth webhook did not answer: {0}")]
    NoAnswer(String),
    /// It said no. Text from outside.
    #[error("the auth webhook refused with status {status}: {text}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// The beginning of what it said.
        text: String,
    },
    /// It said yes in a way that cannot be followed.
    #[error("the auth webhook's answer cannot be followed: {0}")]
    Answer(#[from] AnswerError),
}

/// Asks the webhook. Its certificate is verified, and where it leads on to is not followed.
#[derive(Clone)]
pub(super) struct Webhook {
    url: WebhookUrl,
    client: reqwest::Client,
}

impl Webhook {
    /// A client for this address.
    ///
    /// # Errors
    /// The system's certificates cannot be read.
    pub(super) fn new(url: WebhookUrl) -> Result<Self, String> {
        let client = verifying_client(url.expose(), ANSWER_TIME, reqwest::redirect::Policy::none());
        let client = client.map_err(|error| error.to_string())?;
        Ok(Self { url, client })
    }

    /// Asks about the stream at an address. None: taken, with nothing special about it.
    pub(super) async fn ask(&self, address: &str) -> Result<Option<Answer>, WebhookError> {
        let body = serde_json::json!({ "url": address }).to_string();
        let asking = async {
            let mut response = self
                .client
                .post(self.url.expose().clone())
                .header(reqwest::header::CONTENT_TYPE, "application/json")
                .header(
                    reqwest::header::USER_AGENT,
                    concat!("lpctl/", env!("CARGO_PKG_VERSION")),
                )
                .body(body)
                .send()
                .await?;
            let answer = read_at_most(&mut response, ANSWER_BYTES).await?;
            Ok((response.status(), answer))
        };
        let answered: Result<_, reqwest::Error> = timeout(ANSWER_TIME, asking)
            .await
            .map_err(|_| WebhookError::NoAnswer(format!("within {} s", ANSWER_TIME.as_secs())))?;
        let (status, answer) =
            answered.map_err(|error| WebhookError::NoAnswer(innermost(&error.without_url())))?;
        if status != reqwest::StatusCode::OK {
            let text = String::from_utf8_lossy(answer.as_deref().unwrap_or_default())
                .chars()
                .take(200)
                .flat_map(char::escape_debug)
                .collect();
            return Err(WebhookError::Refused {
                status: status.as_u16(),
                text,
            });
        }
        let answer =
            answer.ok_or_else(|| WebhookError::NoAnswer(format!("with at most {ANSWER_BYTES} bytes")))?;
        match answer.is_empty() {
            true => Ok(None),
            false => Ok(Some(Answer::of_webhook(&answer)?)),
        }
    }
}
