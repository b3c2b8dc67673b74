//! JSON-RPC as it comes in and goes out. Ids go back exactly as they came.

use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

/// Requests of one batch at most.
const LONGEST_BATCH: usize = 500;
/// An id is at most this long.
const LONGEST_ID: usize = 256;
/// So much of a method's name is repeated to whoever asked for it.
const LONGEST_NAME: usize = 64;

/// What a body holds.
#[derive(Debug)]
pub(super) enum Body {
    One(Result<Incoming, Fault>),
    Batch(Vec<Result<Incoming, Fault>>),
}

/// One request.
#[derive(Debug, Clone)]
pub(super) struct Incoming {
    /// None: no answer is wanted.
    pub(super) id: Option<Box<RawValue>>,
    pub(super) method: String,
    pub(super) params: Box<RawValue>,
}

/// An error as JSON-RPC has it.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Fault {
    pub(super) code: i64,
    pub(super) message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) data: Option<Box<RawValue>>,
}

impl Fault {
    pub(super) fn new(code: i64, message: &str) -> Self {
        Self {
            code,
            message: message.to_string(),
            data: None,
        }
    }

    pub(super) fn no_method(method: &str) -> Self {
        let name: String = method.chars().take(LONGEST_NAME).collect();
        Self::new(-32601, &format!("the method {name} is not passed on"))
    }
}

impl Incoming {
    /// The first parameter, if it is a text.
    pub(super) fn first_text(&self) -> Option<String> {
        let params: Vec<&RawValue> = serde_json::from_str(self.params.get()).ok()?;
        serde_json::from_str(params.first()?.get()).ok()
    }
}

/// Reads a body.
///
/// # Errors
/// It is no JSON, or a batch of nothing, or of too much.
pub(super) fn read(body: &[u8]) -> Result<Body, Fault> {
    let no_json = |_| Fault::new(-32700, "the body is no JSON");
    if body.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'[') {
        let one: Box<RawValue> = serde_json::from_slice(body).map_err(no_json)?;
        return Ok(Body::One(read_one(&one)));
    }
    let all: Vec<Box<RawValue>> = serde_json::from_slice(body).map_err(no_json)?;
    match all.len() {
        0 => Err(Fault::new(-32600, "a batch of no requests")),
        length if length > LONGEST_BATCH => Err(Fault::new(
            -32600,
            &format!("a batch of {length} requests: {LONGEST_BATCH} at most"),
        )),
        _ => Ok(Body::Batch(all.iter().map(|one| read_one(one)).collect())),
    }
}

fn read_one(one: &RawValue) -> Result<Incoming, Fault> {
    #[derive(Deserialize)]
    struct Parts {
        #[serde(default, deserialize_with = "even_null")]
        id: Option<Box<RawValue>>,
        method: String,
        params: Option<Box<RawValue>>,
    }
    /// An id of `null` is an id: the answer has it too.
    fn even_null<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Box<RawValue>>, D::Error> {
        Box::<RawValue>::deserialize(from).map(Some)
    }
    let none = || Fault::new(-32600, "no request of JSON-RPC");
    let parts: Parts = serde_json::from_str(one.get()).map_err(|_| none())?;
    if let Some(id) = &parts.id {
        let first = id.get().bytes().next().unwrap_or_default();
        let is_plain = matches!(first, b'"' | b'-' | b'0'..=b'9' | b'n');
        if !is_plain || id.get().len() > LONGEST_ID {
            return Err(none());
        }
    }
    let params = match parts.params {
        Some(params) if params.get().starts_with(['[', '{']) => params,
        None => to_raw_value(&[(); 0]).map_err(|_| none())?,
        Some(params) if params.get() == "null" => to_raw_value(&[(); 0]).map_err(|_| none())?,
        Some(_) => return Err(none()),
    };
    Ok(Incoming {
        id: parts.id,
        method: parts.method,
        params,
    })
}

/// An answer.
pub(super) fn answered(id: &str, result: &RawValue) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{}}}"#, result.get())
}

/// An error.
pub(super) fn failed(id: &str, fault: &Fault) -> String {
    let error = serde_json::to_string(fault)
        .unwrap_or_else(|_| r#"{"code":-32603,"message":"internal error"}"#.to_string());
    format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{error}}}"#)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(body: &str) -> Result<Incoming, Fault> {
        match read(body.as_bytes()).unwrap() {
            Body::One(one) => one,
            Body::Batch(_) => panic!("a batch"),
        }
    }

    #[test]
    fn ids_go_back_as_they_came() {
        for id in ["1", "-7", "\"a b\"", "null", "1e3", "18446744073709551616"] {
            let request = one(&format!(
                r#"{{"jsonrpc":"2.0","id":{id},"method":"eth_call","params":[]}}"#
            ))
            .unwrap();
            assert_eq!(request.id.as_ref().unwrap().get(), id);
            let result = RawValue::from_string("\"0x1\"".to_string()).unwrap();
            assert_eq!(
                answered(id, &result),
                format!(r#"{{"jsonrpc":"2.0","id":{id},"result":"0x1"}}"#)
            );
        }
        assert!(one(r#"{"method":"eth_call"}"#).unwrap().id.is_none());
    }

    #[test]
    fn what_is_no_request_is_said_to_be_none() {
        for bad in [
            r#""eth_call""#,
            "7",
            r#"{"id":1}"#,
            r#"{"id":{},"method":"eth_call"}"#,
            r#"{"id":[1],"method":"eth_call"}"#,
            r#"{"id":1,"method":7}"#,
            r#"{"id":1,"method":"eth_call","params":"0x"}"#,
        ] {
            assert_eq!(one(bad).unwrap_err().code, -32600, "{bad}");
        }
        let long = format!(r#"{{"id":"{}","method":"eth_call"}}"#, "x".repeat(300));
        assert_eq!(one(&long).unwrap_err().code, -32600);
        for (bad, code) in [("", -32700), ("{", -32700), ("[", -32700), ("[]", -32600)] {
            assert_eq!(read(bad.as_bytes()).unwrap_err().code, code, "{bad}");
        }
        let many = format!("[{}]", vec!["1"; 501].join(","));
        assert_eq!(read(many.as_bytes()).unwrap_err().code, -32600);
        let Body::Batch(mixed) = read(br#" [{"id":1,"method":"a"},7]"#).unwrap() else {
            panic!("no batch");
        };
        assert!(mixed[0].is_ok() && mixed[1].is_err());
    }

    #[test]
    fn parameters_are_passed_on_to_the_letter() {
        let request = one(r#"{"id":1,"method":"eth_call","params":[ {"to":"0xAb"} , "latest"]}"#).unwrap();
        assert_eq!(request.params.get(), r#"[ {"to":"0xAb"} , "latest"]"#);
        assert_eq!(
            one(r#"{"id":1,"method":"eth_chainId","params":null}"#)
                .unwrap()
                .params
                .get(),
            "[]"
        );
        let request = one(r#"{"id":1,"method":"eth_sendRawTransaction","params":["0x02"]}"#).unwrap();
        assert_eq!(request.first_text().as_deref(), Some("0x02"));
    }
}
