//! A request's parameters, read as Go's `FormValue` reads them: from the query, from a body of URL-encoded pairs, and from one
//! of several parts. Where a name is there twice, a URL-encoded body comes before the query, and that before parts.

use std::borrow::Cow;

use axum::{
    body::Body,
    extract::{FromRequest, Multipart, Request},
    http::{HeaderMap, Method, header::CONTENT_TYPE},
};
use bytes::Bytes;

/// The largest body that is read, in bytes.
const MAX_BODY: usize = 64 << 10;

type Pair = (Vec<u8>, Vec<u8>);

/// What came with a request.
#[derive(Debug, Default)]
pub(super) struct Form {
    /// In the order in which a value is looked for.
    pairs: Vec<Pair>,
    query: Vec<Pair>,
    /// The first thing that is no form.
    pub(super) error: Option<String>,
}

/// A body that is larger than any form, or that broke off.
#[derive(Debug)]
pub(super) struct TooLarge;

impl Form {
    /// Reads a request to its end.
    pub(super) async fn read(request: Request) -> Result<(Self, HeaderMap), TooLarge> {
        let (head, body) = request.into_parts();
        let body = axum::body::to_bytes(body, MAX_BODY).await.map_err(|_| TooLarge)?;
        let mut form = Self::default();
        let kind = head
            .headers
            .get(CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok())
            .unwrap_or_default();
        let media = kind.split(';').next().unwrap_or_default().trim();
        let has_pairs = matches!(head.method, Method::POST | Method::PUT | Method::PATCH);
        if has_pairs && media.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            let pairs = form.decode(&body);
            form.pairs.extend(pairs);
        }
        let query = head.uri.query().unwrap_or_default().as_bytes().to_vec();
        form.query = form.decode(&query);
        form.pairs.extend(form.query.clone());
        if media.eq_ignore_ascii_case("multipart/form-data") {
            form.pairs.extend(parts(kind, body).await);
        }
        Ok((form, head.headers))
    }

    fn decode(&mut self, text: &[u8]) -> Vec<Pair> {
        let mut pairs = Vec::new();
        for pair in text.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            let mut halves = pair.splitn(2, |byte| *byte == b'=');
            let (name, value) = (
                halves.next().unwrap_or_default(),
                halves.next().unwrap_or_default(),
            );
            let decoded = match pair.contains(&b';') {
                true => Err("invalid semicolon separator in query".to_string()),
                false => unescape(name).and_then(|name| Ok((name, unescape(value)?))),
            };
            match decoded {
                Ok(pair) => pairs.push(pair),
                Err(error) => {
                    self.error.get_or_insert(error);
                }
            }
        }
        pairs
    }

    /// A parameter's bytes; none at all if it is not there.
    pub(super) fn bytes(&self, name: &str) -> &[u8] {
        find(&self.pairs, name)
    }

    /// A parameter; empty if it is not there.
    pub(super) fn value(&self, name: &str) -> Cow<'_, str> {
        String::from_utf8_lossy(self.bytes(name))
    }

    /// A parameter of the query alone.
    pub(super) fn query(&self, name: &str) -> Cow<'_, str> {
        String::from_utf8_lossy(find(&self.query, name))
    }

    /// Whether a parameter says yes.
    pub(super) fn truth(&self, name: &str) -> bool {
        // What Go's `strconv.ParseBool` takes for true.
        matches!(&*self.value(name), "1" | "t" | "T" | "true" | "TRUE" | "True")
    }
}

fn find<'a>(pairs: &'a [Pair], name: &str) -> &'a [u8] {
    let found = pairs.iter().find(|(known, _)| known == name.as_bytes());
    found.map_or(&[], |(_, value)| value)
}

/// The parts that are values; files are left out.
async fn parts(kind: &str, body: Bytes) -> Vec<Pair> {
    let mut pairs = Vec::new();
    let request = Request::builder()
        .header(CONTENT_TYPE, kind)
        .body(Body::from(body));
    let Ok(request) = request else { return pairs };
    let Ok(mut parts) = Multipart::from_request(request, &()).await else {
        return pairs;
    };
    while let Ok(Some(part)) = parts.next_field().await {
        let name = part.name().map(|name| name.as_bytes().to_vec());
        let is_file = part.file_name().is_some();
        let Ok(value) = part.bytes().await else { break };
        if let Some(name) = name.filter(|_| !is_file) {
            pairs.push((name, value.to_vec()));
        }
    }
    pairs
}

/// Undoes URL encoding, or says what is wrong as Go says it.
fn unescape(text: &[u8]) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match first {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digit = |at: usize| rest.get(at).and_then(|byte| char::from(*byte).to_digit(16));
                let (Some(high), Some(low)) = (digit(0), digit(1)) else {
                    let wrong = &rest[..rest.len().min(2)];
                    let wrong = String::from_utf8_lossy(wrong).escape_debug().to_string();
                    return Err(format!("invalid URL escape \"%{wrong}\""));
                };
                bytes.push(u8::try_from(high * 16 + low).unwrap_or_default());
                rest = &rest[2..];
            }
            byte => bytes.push(*byte),
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(method: Method, uri: &str, kind: &str, body: impl Into<Body>) -> Form {
        let request = Request::builder()
            .method(method)
            .uri(uri)
            .header(CONTENT_TYPE, kind)
            .body(body.into())
            .unwrap();
        Form::read(request).await.unwrap().0
    }

    const PAIRS: &str = "application/x-www-form-urlencoded";

    #[tokio::test]
    async fn parameters_come_from_query_and_body_in_gos_order() {
        let form = read(
            Method::POST,
            "/bond?amount=1&toAddr=0xab",
            PAIRS,
            "amount=2&x=a+b%21",
        )
        .await;
        assert_eq!(form.value("amount"), "2");
        assert_eq!(form.query("amount"), "1");
        assert_eq!((&*form.value("toAddr"), &*form.value("x")), ("0xab", "a b!"));
        assert_eq!(form.value("nothing"), "");
        // A body counts only where there is one by the method and by its type.
        assert_eq!(
            read(Method::GET, "/bond?amount=1", PAIRS, "amount=2")
                .await
                .value("amount"),
            "1"
        );
        assert_eq!(
            read(Method::POST, "/bond?amount=1", "text/plain", "amount=2")
                .await
                .value("amount"),
            "1"
        );
        let body = "--b\r\nContent-Disposition: form-data; name=\"amount\"\r\n\r\n7\r\n--b\r\n\
                    Content-Disposition: form-data; name=\"message\"\r\n\r\na\u{0}b\r\n--b--\r\n";
        let form = read(Method::POST, "/x?q=1", "multipart/form-data; boundary=b", body).await;
        assert_eq!(
            (&*form.value("amount"), form.bytes("message")),
            ("7", &b"a\0b"[..])
        );
        assert_eq!(form.error, None);
        let form = read(
            Method::POST,
            "/x?amount=8",
            "multipart/form-data; boundary=b",
            body,
        )
        .await;
        assert_eq!(form.value("amount"), "8");
        assert!(
            read(Method::GET, "/x?withdrawable=True", "", "")
                .await
                .truth("withdrawable")
        );
        assert!(
            !read(Method::GET, "/x?withdrawable=yes", "", "")
                .await
                .truth("withdrawable")
        );
    }

    #[tokio::test]
    async fn what_is_no_form_is_told_and_the_rest_is_read() {
        let form = read(Method::GET, "/x?a=%zz&b=2&c=1;d=2", "", "").await;
        assert_eq!(form.error.as_deref(), Some("invalid URL escape \"%zz\""));
        assert_eq!((&*form.value("b"), &*form.value("a")), ("2", ""));
        for broken in ["", "--b\r\nContent-Disposition", "garbage"] {
            let form = read(Method::POST, "/x", "multipart/form-data; boundary=b", broken).await;
            assert_eq!(form.value("a"), "");
        }
        let request = Request::builder()
            .method(Method::POST)
            .body(Body::from(vec![b'a'; MAX_BODY + 1]))
            .unwrap();
        assert!(Form::read(request).await.is_err());
    }
}
