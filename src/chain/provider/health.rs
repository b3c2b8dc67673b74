//! How an endpoint has been doing: failures, rest it asked for, speed, and how far it has followed the chain.

use std::time::{Duration, Instant};

use alloy::{
    primitives::{U64, map::HashMap},
    rpc::json_rpc::{Id, RequestPacket, ResponsePacket, ResponsePayload},
};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::errors::FailureKind;

/// After a failure an endpoint comes last for so long, doubled with each further failure.
const AVOIDED: Duration = Duration::from_secs(5);
/// The longest it comes last for.
const MOST_AVOIDED: Duration = Duration::from_secs(60);
/// The longest rest an endpoint is given at its own word.
const LONGEST_REST: Duration = Duration::from_secs(300);
/// What was last heard of an endpoint's head counts for so long.
const HEARD: Duration = Duration::from_secs(120);
/// Another endpoint is asked when an answer takes longer than this, whatever is usual.
const LEAST_HEDGE: Duration = Duration::from_millis(300);
/// The same, before anything is known about its speed.
const FIRST_HEDGE: Duration = Duration::from_secs(1);

/// What is known about one endpoint.
#[derive(Debug, Default)]
pub(super) struct Health {
    /// How the last request failed; none if it did not.
    pub(super) failure: Option<FailureKind>,
    failures: u32,
    /// Answers that were used.
    pub(super) answered: u64,
    /// Requests that failed.
    pub(super) failed: u64,
    avoided_until: Option<Instant>,
    rests_until: Option<Instant>,
    /// Smoothed time of an answer, and how much it varies.
    latency: Option<(Duration, Duration)>,
    head: Option<(Head, Instant)>,
}

/// A head as an endpoint told it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) block: u64,
    /// Seconds of the Unix epoch; none where only the number was told.
    pub(super) time: Option<u64>,
}

impl Health {
    pub(super) fn worked(&mut self) {
        self.failure = None;
        self.failures = 0;
        self.answered += 1;
        self.avoided_until = None;
        self.rests_until = None;
    }

    pub(super) fn failed(&mut self, kind: &FailureKind, now: Instant) {
        if let FailureKind::Limited(rest) = kind {
            self.rests_until = Some(now + (*rest).min(LONGEST_REST));
        }
        self.failure = Some(kind.clone());
        self.failed += 1;
        let wait = AVOIDED.saturating_mul(1 << self.failures.min(8));
        self.avoided_until = Some(now + wait.min(MOST_AVOIDED));
        self.failures = self.failures.saturating_add(1);
    }

    /// What is left of the rest it asked for.
    pub(super) fn rest(&self, now: Instant) -> Option<Duration> {
        self.rests_until
            .and_then(|until| until.checked_duration_since(now))
            .filter(|rest| !rest.is_zero())
    }

    pub(super) fn is_avoided(&self, now: Instant) -> bool {
        self.avoided_until.is_some_and(|until| until > now)
    }

    pub(super) fn took(&mut self, elapsed: Duration) {
        self.latency = Some(match self.latency {
            None => (elapsed, elapsed / 2),
            Some((mean, deviation)) => {
                let apart = mean.abs_diff(elapsed);
                ((mean * 7 + elapsed) / 8, (deviation * 3 + apart) / 4)
            }
        });
    }

    /// Its usual time of an answer.
    pub(super) fn usual(&self) -> Option<Duration> {
        self.latency.map(|(mean, _)| mean)
    }

    /// When another endpoint is asked as well: the answer takes longer than is usual for this one.
    pub(super) fn hedge_after(&self, timeout: Duration) -> Duration {
        let usual = self
            .latency
            .map_or(FIRST_HEDGE, |(mean, deviation)| mean + deviation * 4);
        usual.max(LEAST_HEDGE).min(timeout / 2)
    }

    pub(super) fn heard(&mut self, head: Head, now: Instant) {
        self.head = Some((head, now));
    }

    /// Its head, if it was heard of lately.
    pub(super) fn head(&self, now: Instant) -> Option<Head> {
        self.head
            .filter(|(_, heard)| now.saturating_duration_since(*heard) < HEARD)
            .map(|(head, _)| head)
    }
}

/// What a request needs of an endpoint's head.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Needs {
    /// The latest block a read is pinned to.
    pub(super) block: Option<u64>,
    /// The request whose answer tells the head.
    head: Option<Id>,
}

impl Needs {
    pub(super) fn of(packet: &RequestPacket) -> Self {
        let mut needs = Self::default();
        for request in packet.requests() {
            let params = request.params().map_or("[]", RawValue::get);
            let place = match request.method() {
                "eth_blockNumber" => {
                    needs.head = Some(request.id().clone());
                    continue;
                }
                "eth_getBlockByNumber" if names_latest(params) => {
                    needs.head = Some(request.id().clone());
                    continue;
                }
                "eth_getLogs" => {
                    needs.block = needs.block.max(last_of_logs(params));
                    continue;
                }
                "eth_getBlockByNumber" => 0,
                "eth_call"
                | "eth_getBalance"
                | "eth_getCode"
                | "eth_getTransactionCount"
                | "eth_estimateGas" => 1,
                "eth_getStorageAt" => 2,
                _ => continue,
            };
            needs.block = needs.block.max(block_at(params, place));
        }
        needs
    }

    /// Whether the answer tells the head.
    pub(super) fn tells_head(&self) -> bool {
        self.head.is_some()
    }

    /// The head an answer tells.
    pub(super) fn head_in(&self, answer: &ResponsePacket) -> Option<Head> {
        let wanted = self.head.as_ref()?;
        let answers = match answer {
            ResponsePacket::Single(answer) => std::slice::from_ref(answer),
            ResponsePacket::Batch(answers) => answers,
        };
        let answer = answers.iter().find(|answer| answer.id == *wanted)?;
        let ResponsePayload::Success(value) = &answer.payload else {
            return None;
        };
        read_head(value.get())
    }
}

fn read_head(text: &str) -> Option<Head> {
    #[derive(Deserialize)]
    struct Header {
        number: U64,
        timestamp: U64,
    }
    if let Ok(number) = serde_json::from_str::<U64>(text) {
        return Some(Head {
            block: number.to(),
            time: None,
        });
    }
    let header: Header = serde_json::from_str(text).ok()?;
    Some(Head {
        block: header.number.to(),
        time: Some(header.timestamp.to()),
    })
}

fn names_latest(params: &str) -> bool {
    let params: Vec<&RawValue> = serde_json::from_str(params).unwrap_or_default();
    params.first().is_some_and(|first| first.get() == "\"latest\"")
}

fn number(text: &str) -> Option<u64> {
    serde_json::from_str::<U64>(text).ok().map(|number| number.to())
}

fn block_at(params: &str, place: usize) -> Option<u64> {
    let params: Vec<&RawValue> = serde_json::from_str(params).ok()?;
    number(params.get(place)?.get())
}

fn last_of_logs(params: &str) -> Option<u64> {
    let params: Vec<HashMap<String, &RawValue>> = serde_json::from_str(params).ok()?;
    let filter = params.first()?;
    let named = |key: &str| filter.get(key).and_then(|value| number(value.get()));
    named("toBlock").max(named("fromBlock"))
}

/// By how many blocks endpoints of one chain differ at any time, without one of them lagging behind.
pub(super) fn tolerance(chain_id: Option<u64>) -> u64 {
    match chain_id {
        // Four blocks a second.
        Some(42161) => 40,
        _ => 2,
    }
}

/// The oldest a healthy head of a chain is. None where blocks come as they like.
pub(super) fn oldest_head(chain_id: Option<u64>) -> Option<Duration> {
    match chain_id {
        Some(42161) => Some(Duration::from_secs(30)),
        Some(1) => Some(Duration::from_secs(90)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use alloy::rpc::json_rpc::{Request, SerializedRequest};
    use serde_json::{Value, json};

    use super::*;

    fn request(id: u64, method: &'static str, params: Value) -> SerializedRequest {
        Request::new(method, Id::Number(id), params).serialize().unwrap()
    }

    #[test]
    fn what_a_request_needs_is_read_from_its_parameters() {
        let packet = RequestPacket::Batch(vec![
            request(1, "eth_getBlockByNumber", json!(["latest", false])),
            request(2, "eth_call", json!([{"to": "0x01"}, "0x10"])),
            request(3, "eth_getLogs", json!([{"fromBlock": "0x2", "toBlock": "0x20"}])),
            request(4, "eth_call", json!([{"to": "0x01"}, "latest"])),
        ]);
        let needs = Needs::of(&packet);
        assert_eq!(needs.block, Some(0x20));
        let answer: ResponsePacket = serde_json::from_value(json!([
            {"jsonrpc": "2.0", "id": 2, "result": "0x99"},
            {"jsonrpc": "2.0", "id": 1, "result": {"number": "0x30", "timestamp": "0x5", "hash": "0x00"}},
        ]))
        .unwrap();
        let expected = Head {
            block: 0x30,
            time: Some(5),
        };
        assert_eq!(needs.head_in(&answer), Some(expected));
        let plain = Needs::of(&RequestPacket::Single(request(1, "eth_gasPrice", json!([]))));
        assert_eq!(plain, Needs::default());
        assert_eq!(plain.head_in(&answer), None);
    }

    #[test]
    fn an_endpoint_that_fails_again_and_again_comes_last_for_longer_but_not_for_good() {
        let mut health = Health::default();
        let now = Instant::now();
        health.failed(&FailureKind::Busy("later".to_string()), now);
        assert!(health.is_avoided(now + AVOIDED - Duration::from_millis(1)));
        assert!(!health.is_avoided(now + AVOIDED));
        for _ in 0..40 {
            health.failed(&FailureKind::Busy("later".to_string()), now);
        }
        assert!(health.is_avoided(now + MOST_AVOIDED - Duration::from_millis(1)));
        assert!(!health.is_avoided(now + MOST_AVOIDED));
        health.worked();
        assert!(!health.is_avoided(now));
    }

    #[test]
    fn a_rest_is_given_at_the_endpoints_word_within_reason() {
        let mut health = Health::default();
        let now = Instant::now();
        assert_eq!(health.rest(now), None);
        health.failed(&FailureKind::Limited(Duration::from_secs(7)), now);
        assert_eq!(health.rest(now), Some(Duration::from_secs(7)));
        assert_eq!(health.rest(now + Duration::from_secs(7)), None);
        health.failed(&FailureKind::Limited(Duration::from_secs(1 << 40)), now);
        assert_eq!(health.rest(now), Some(LONGEST_REST));
    }

    #[test]
    fn slow_is_what_is_slower_than_usual() {
        let mut health = Health::default();
        let timeout = Duration::from_secs(10);
        assert_eq!(health.hedge_after(timeout), FIRST_HEDGE);
        for _ in 0..50 {
            health.took(Duration::from_millis(20));
        }
        assert_eq!(health.hedge_after(timeout), LEAST_HEDGE);
        for _ in 0..50 {
            health.took(Duration::from_millis(900));
        }
        let slow = health.hedge_after(timeout);
        assert!(
            slow > Duration::from_millis(880) && slow < Duration::from_secs(2),
            "{slow:?}"
        );
        assert_eq!(
            health.hedge_after(Duration::from_millis(700)),
            Duration::from_millis(350)
        );
    }
}
