//! Answers that cannot change any more: the chain's id, and what lies deep in it.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, PoisonError},
};

use alloy::primitives::U64;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::message::Incoming;

/// Blocks on top of one that make what is in it final enough to be remembered.
const DEEP: u64 = 256;
/// Answers remembered at most.
const MOST: usize = 2_048;
/// Bytes of them at most.
const MOST_BYTES: usize = 16 << 20;

/// Remembered answers, the oldest forgotten first.
#[derive(Debug, Default)]
pub(super) struct Memory(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    answers: HashMap<(String, String), Answer>,
    order: VecDeque<(String, String)>,
    bytes: usize,
}

#[derive(Debug)]
struct Answer {
    result: Box<RawValue>,
    /// The block it is of; none for what holds whatever happens.
    block: Option<u64>,
}

impl Memory {
    /// An answer that still holds, with the chain at `best`.
    pub(super) fn find(&self, request: &Incoming, best: u64) -> Option<Box<RawValue>> {
        if !may_be_kept(&request.method) {
            return None;
        }
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = kept.answers.get(&key(request))?;
        is_deep(answer.block, best).then(|| answer.result.clone())
    }

    /// Remembers an answer if it cannot change any more.
    pub(super) fn keep(&self, request: &Incoming, result: &RawValue, best: u64) {
        if !may_be_kept(&request.method) {
            return;
        }
        let block = match request.method.as_str() {
            "eth_chainId" | "net_version" => None,
            _ => match block_of(result) {
                Some(block) => Some(block),
                None => return,
            },
        };
        let key = key(request);
        let size = key.0.len() + key.1.len() + result.get().len();
        if !is_deep(block, best) || size > MOST_BYTES {
            return;
        }
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = Answer {
            result: result.to_owned(),
            block,
        };
        if kept.answers.insert(key.clone(), answer).is_none() {
            kept.order.push_back(key);
            kept.bytes += size;
        }
        while kept.order.len() > MOST || kept.bytes > MOST_BYTES {
            let Some(oldest) = kept.order.pop_front() else {
                break;
            };
            if let Some(answer) = kept.answers.remove(&oldest) {
                let size = oldest.0.len() + oldest.1.len() + answer.result.get().len();
                kept.bytes = kept.bytes.saturating_sub(size);
            }
        }
    }
}

fn key(request: &Incoming) -> (String, String) {
    (request.method.clone(), request.params.get().to_string())
}

fn may_be_kept(method: &str) -> bool {
    matches!(
        method,
        "eth_chainId" | "net_version" | "eth_getTransactionReceipt" | "eth_getTransactionByHash"
    )
}

fn is_deep(block: Option<u64>, best: u64) -> bool {
    block.is_none_or(|block| block.saturating_add(DEEP) <= best)
}

/// The block a receipt or a transaction is in; none for one that is not mined.
fn block_of(result: &RawValue) -> Option<u64> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Mined {
        block_number: Option<U64>,
    }
    let mined: Option<Mined> = serde_json::from_str(result.get()).ok()?;
    Some(mined?.block_number?.to())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, params: &str) -> Incoming {
        Incoming {
            id: None,
            method: method.to_string(),
            params: RawValue::from_string(params.to_string()).unwrap(),
        }
    }

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_string()).unwrap()
    }

    #[test]
    fn only_what_cannot_change_is_remembered() {
        let memory = Memory::default();
        let chain_id = request("eth_chainId", "[]");
        memory.keep(&chain_id, &raw("\"0x1\""), 0);
        assert_eq!(memory.find(&chain_id, 0).unwrap().get(), "\"0x1\"");

        let receipt = request("eth_getTransactionReceipt", "[\"0x01\"]");
        for (answer, best) in [
            ("null", 10_000),
            (r#"{"blockNumber":null}"#, 10_000),
            (r#"{"blockNumber":"0x3e8"}"#, 1_000 + DEEP - 1),
            ("\"garbage\"", 10_000),
        ] {
            memory.keep(&receipt, &raw(answer), best);
            assert!(memory.find(&receipt, 10_000).is_none(), "{answer}");
        }
        memory.keep(&receipt, &raw(r#"{"blockNumber":"0x3e8"}"#), 1_000 + DEEP);
        assert!(memory.find(&receipt, 1_000 + DEEP).is_some());
        // A chain that was set back is asked again.
        assert!(memory.find(&receipt, 1_000).is_none());
        let call = request("eth_call", "[]");
        memory.keep(&call, &raw(r#"{"blockNumber":"0x1"}"#), 10_000);
        assert!(memory.find(&call, 10_000).is_none());
    }

    #[test]
    fn the_memory_is_bounded() {
        let memory = Memory::default();
        let answer = |length: usize| {
            raw(&format!(
                r#"{{"blockNumber":"0x1","x":"{}"}}"#,
                "x".repeat(length)
            ))
        };
        let of = |number: usize| request("eth_getTransactionReceipt", &format!("[{number}]"));
        for number in 0..MOST + 10 {
            memory.keep(&of(number), &answer(1), 10_000);
        }
        assert!(memory.find(&of(9), 10_000).is_none());
        assert!(memory.find(&of(10), 10_000).is_some());
        for number in 0..3 {
            memory.keep(&of(100_000 + number), &answer(MOST_BYTES / 2), 10_000);
        }
        let kept = memory.0.lock().unwrap();
        assert!(kept.bytes <= MOST_BYTES && kept.order.len() == kept.answers.len());
    }
}
