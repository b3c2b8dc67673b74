//! The HTTP half of the node's port: routes, downloads, and errors as Go's HTTP server words them.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{DefaultBodyLimit, State},
    http::{
        HeaderValue, Method, Request, Response, StatusCode, Version,
        header::{
            ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS,
        },
    },
    routing::any,
};
use bytes::Bytes;
use http_body_util::{BodyExt, Limited};

use super::{Node, segment, transcoders};
use crate::wire::segment::MAX_SEGMENT_BYTES;

/// How long the rest of a refused upload is read before the connection is given up.
pub(super) const DISCARD_TIME: Duration = Duration::from_secs(5);

/// A request answered with an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    status: StatusCode,
    text: String,
}

impl Refusal {
    /// The status and the text a gateway reads.
    pub(crate) fn new(status: StatusCode, text: impl Into<String>) -> Self {
        Self {
            status,
            text: text.into(),
        }
    }

    /// The answer for what is our own fault, which is not told.
    pub(crate) fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
    }

    /// The answer, while the request's body is still on its way.
    ///
    /// HTTP/1.1 clients that are still sending see a broken connection instead of an early answer, unless somebody
    /// reads what they send.
    pub(crate) fn while_sending(self, version: Version, rest: Body) -> Response<Body> {
        if version < Version::HTTP_2 {
            tokio::spawn(tokio::time::timeout(DISCARD_TIME, discard(rest)));
        }
        self.into_response()
    }

    /// The answer: text with a line end.
    pub(crate) fn into_response(self) -> Response<Body> {
        let mut response = Response::new(Body::from(format!("{}\n", self.text)));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("text/plain; charset=utf-8"),
        );
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        response
    }
}

/// Reads a body to its end, as far as one may go.
pub(super) async fn discard(rest: Body) {
    let most = usize::try_from(MAX_SEGMENT_BYTES).unwrap_or(usize::MAX);
    let mut rest = Limited::new(rest, most);
    while let Some(Ok(_)) = rest.frame().await {}
}

/// The routes of the node's port. Like go-livepeer they do not look at the method of the calls gateways make.
pub(super) fn routes(node: Arc<Node>) -> Router {
    Router::new()
        .route("/segment", any(segment::submit))
        .route("/payment", any(segment::pay))
        .route("/transcodeResults", any(transcoders::receive))
        .route("/stream/{*path}", any(download))
        .route("/healthz", any(|| async {}))
        .fallback(|| async { Refusal::new(StatusCode::NOT_FOUND, "404 page not found").into_response() })
        .layer(DefaultBodyLimit::disable())
        .with_state(node)
}

/// `GET /stream/<session>/<profile>/<file>`, or `/stream/<session>/<file>` for what a remote transcoder fetches.
async fn download(State(node): State<Arc<Node>>, request: Request<Body>) -> Response<Body> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed").into_response();
    }
    let path = request.uri().path().trim_start_matches("/stream/");
    let Some(data) = find(&node, path) else {
        return Refusal::new(StatusCode::NOT_FOUND, "ErrNotFound").into_response();
    };
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("max-age=5"));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(data.len()));
    if let Some(kind) = content_type(path) {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    if request.method() == Method::GET {
        *response.body_mut() = Body::from(data);
    }
    response
}

fn find(node: &Node, path: &str) -> Option<Bytes> {
    let mut parts = path.split('/');
    let (session, directory, file) = match (parts.next()?, parts.next()?, parts.next()) {
        (session, directory, Some(file)) => (session, directory, file),
        (session, file, None) => (session, "", file),
    };
    if parts.next().is_some() {
        return None;
    }
    let store = node.sessions().store();
    store.fetch(&unescape(session)?, &unescape(directory)?, &unescape(file)?)
}

fn content_type(path: &str) -> Option<&'static str> {
    match path.rsplit_once('.')?.1 {
        "ts" => Some("video/mp2t"),
        "mp4" => Some("video/mp4"),
        "phash" => Some("application/octet-stream"),
        _ => None,
    }
}

/// A text as one part of a URL's path: what is neither letter, digit nor `-._~` becomes `%XX`.
pub(crate) fn escape(text: &str) -> String {
    text.bytes()
        .fold(String::with_capacity(text.len()), |mut path, byte| {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => path.push(byte.into()),
                _ => path.push_str(&format!("%{byte:02X}")),
            }
            path
        })
}

/// The text [`escape`] was given; none if it was not made by something like it.
pub(crate) fn unescape(part: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if *first == b'%' {
            let mut value = [0];
            hex::decode_to_slice(after.get(..2)?, &mut value).ok()?;
            bytes.push(value[0]);
            rest = &after[2..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn usual_names_stay_as_they_are() {
        assert_eq!(escape("P720p30fps16x9"), "P720p30fps16x9");
        assert_eq!(escape("a/../b c"), "a%2F..%2Fb%20c");
        for broken in ["%", "%1", "%zz", "%ff"] {
            assert_eq!(unescape(broken), None, "{broken}");
        }
    }

    proptest! {
        #[test]
        fn any_name_survives_the_path(name: String) {
            prop_assert_eq!(unescape(&escape(&name)), Some(name));
        }
    }
}
