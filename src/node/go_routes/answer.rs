//! What a route answers, and how it goes out (`go-livepeer server/handlers.go`).

use alloy::primitives::U256;
use axum::{
    body::Body,
    http::{HeaderValue, Response, StatusCode, header::CONTENT_TYPE},
};
use serde::{Serialize, Serializer, ser::Error as _};
use serde_json::value::RawValue;

use crate::node::http::Refusal;

/// An answer of a route, with status 200.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// No body, as most writes end.
    Nothing,
    /// Text without a line end.
    Text(String),
    /// Bytes as they are.
    Bytes(Vec<u8>),
    /// JSON in one line.
    Json(String),
}

/// Why a route did not do it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) status: StatusCode,
    pub(super) text: String,
}

pub(super) type Reply = Result<Answer, Refused>;

impl Refused {
    /// What was asked cannot be done as it was asked.
    pub(super) fn bad(text: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            text: text.into(),
        }
    }

    /// It did not work.
    pub(super) fn failed(text: impl Into<String>) -> Self {
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            text: text.into(),
        }
    }
}

impl Answer {
    /// A value as JSON.
    pub(super) fn json(value: &impl Serialize) -> Reply {
        match serde_json::to_string(value) {
            Ok(text) => Ok(Self::Json(text)),
            Err(error) => Err(Refused::failed(error.to_string())),
        }
    }

    pub(super) fn text(value: &impl ToString) -> Reply {
        Ok(Self::Text(value.to_string()))
    }
}

/// The response to a request.
pub(super) fn respond(reply: Reply) -> Response<Body> {
    let (kind, body) = match reply {
        Err(refused) => return Refusal::new(refused.status, refused.text).into_response(),
        Ok(Answer::Nothing) => return Response::new(Body::empty()),
        Ok(Answer::Text(text)) => (sniffed(text.as_bytes()), Body::from(text)),
        Ok(Answer::Bytes(bytes)) => (sniffed(&bytes), Body::from(bytes)),
        Ok(Answer::Json(text)) => ("application/json", Body::from(text)),
    };
    let mut response = Response::new(body);
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// What Go's server takes a body for: text, unless a byte in it is none of a text's
/// (`net/http` sniffs by <https://mimesniff.spec.whatwg.org/#binary-data-byte>).
fn sniffed(body: &[u8]) -> &'static str {
    let is_binary = |byte: &u8| matches!(byte, 0..=8 | 0x0b | 0x0e..=0x1a | 0x1c..=0x1f);
    match body.iter().any(is_binary) {
        true => "application/octet-stream",
        false => "text/plain; charset=utf-8",
    }
}

/// A number of any length, which JSON gets bare, as Go writes its `*big.Int`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Big(pub(super) U256);

impl Serialize for Big {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw = RawValue::from_string(self.0.to_string()).map_err(S::Error::custom)?;
        raw.serialize(serializer)
    }
}

/// Text from elsewhere that is part of an answer: short, and in one line.
pub(super) fn shown(text: &str) -> String {
    text.chars()
        .take(200)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn bodies_go_out_as_a_go_server_sends_them() {
        let empty = respond(Ok(Answer::Nothing));
        assert_eq!(empty.status(), 200);
        assert!(!empty.headers().contains_key(CONTENT_TYPE));
        let refused = respond(Err(Refused::bad("missing form param: amount")));
        assert_eq!(refused.status(), 400);
        assert_eq!(refused.headers()["x-content-type-options"], "nosniff");
        assert_eq!(refused.headers()[CONTENT_TYPE], "text/plain; charset=utf-8");
        let body = refused.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(&body[..], b"missing form param: amount\n");
        for (answer, kind) in [
            (Answer::Bytes(vec![0x12, 0x34]), "application/octet-stream"),
            (Answer::Bytes(vec![0x2a]), "text/plain; charset=utf-8"),
            (Answer::Text("true".into()), "text/plain; charset=utf-8"),
            (Answer::Json("null".into()), "application/json"),
        ] {
            assert_eq!(respond(Ok(answer)).headers()[CONTENT_TYPE], kind);
        }
        let big = Answer::json(&[Big(U256::MAX)]).unwrap();
        assert_eq!(big, Answer::Json(format!("[{}]", U256::MAX)));
        assert_eq!(shown("a\nb\u{1b}[31m"), "a b [31m");
    }
}
