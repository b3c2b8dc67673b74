//! Each endpoint tested on its own: speed, head, and what it can do.

use std::time::{Duration, Instant};

use alloy::{
    primitives::{Address, U64},
    rpc::json_rpc::{Id, Request, RequestPacket, ResponsePacket, ResponsePayload},
};
use futures_util::future::join_all;
use jiff::Timestamp;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json, value::RawValue};

use super::{
    super::errors::FailureKind, Endpoints, Inner, endpoint::Endpoint, health::tolerance, milliseconds,
};
use crate::view::rpc::{RpcEndpoint, RpcTest};

/// Ranges of logs tried, widest first.
const RANGES: [u64; 7] = [10_000, 5_000, 2_000, 1_000, 500, 100, 10];
/// How old a block's state must be for an endpoint to count as one that keeps it.
const OLD: u64 = 1_000_000;
/// Timed reads at most.
pub const MOST_READS: u32 = 100;

#[derive(Debug, Clone, Copy, Deserialize)]
struct Header {
    number: U64,
    timestamp: U64,
}

impl Endpoints {
    /// Tests each endpoint: a few timed reads (at most [`MOST_READS`]), then all heads at the same moment, then what it
    /// can do. An endpoint that asks for a rest is not asked further.
    pub async fn test(&self, reads: u32) -> RpcTest {
        let reads = reads.clamp(1, MOST_READS);
        let inner = &self.0;
        let firsts = join_all(
            inner
                .list
                .iter()
                .map(|endpoint| inner.first_look(endpoint, reads)),
        )
        .await;
        let expected = inner
            .chain_id
            .get()
            .copied()
            .or_else(|| firsts.iter().find_map(|first| first.chain_id));
        // All at once, so that none looks slow for having been asked first.
        let heads = join_all(inner.list.iter().zip(&firsts).map(|(endpoint, first)| async {
            match first.failure {
                None => inner.latest(endpoint).await.ok(),
                Some(_) => None,
            }
        }))
        .await;
        let best_block = heads
            .iter()
            .zip(&firsts)
            .filter(|(_, first)| first.chain_id == expected)
            .filter_map(|(head, _)| head.map(|head| head.number.to::<u64>()))
            .max();
        let abilities = join_all(inner.list.iter().zip(&heads).map(|(endpoint, head)| async {
            match head {
                Some(head) => inner.abilities(endpoint, head.number.to()).await,
                None => Abilities::default(),
            }
        }))
        .await;
        let endpoints = inner.list.iter().zip(firsts).zip(heads).zip(abilities);
        let tested = endpoints.map(|(((endpoint, first), head), abilities)| {
            let block = head.map(|head| head.number.to::<u64>());
            let is_right = first.chain_id == expected;
            let lag_blocks = best_block
                .zip(block)
                .filter(|_| is_right)
                .map(|(best, block)| best.saturating_sub(block));
            let failure = match (&first.failure, first.chain_id) {
                (_, Some(found)) if !is_right => Some(format!(
                    "it is on chain {found}, but {} is chain {}",
                    inner.network,
                    expected.unwrap_or_default()
                )),
                (Some(failure), _) => Some(failure.to_string()),
                _ if block.is_none() => Some("it does not tell its latest block".to_string()),
                _ if abilities.batch == Some(false) => {
                    Some("it takes no batches of requests, which lpctl needs".to_string())
                }
                _ => None,
            };
            let quantile = |share: f64| first.quantile(share).map(milliseconds);
            RpcEndpoint {
                endpoint: endpoint.url.to_string(),
                usable: failure.is_none(),
                lagging: lag_blocks.is_some_and(|lag| lag > tolerance(expected)),
                chain_id: first.chain_id,
                latency_median_ms: quantile(0.5),
                latency_p95_ms: quantile(0.95),
                failed_reads: first.failed,
                block,
                head_age_seconds: head.map(|head| {
                    let now = u64::try_from(Timestamp::now().as_second()).unwrap_or_default();
                    now.saturating_sub(head.timestamp.to())
                }),
                lag_blocks,
                batch: abilities.batch,
                log_range_blocks: abilities.log_range,
                archive: abilities.archive,
                failure,
            }
        });
        RpcTest {
            network: inner.network.clone(),
            chain_id: expected,
            reads,
            best_block,
            endpoints: tested.collect(),
        }
    }
}

/// What the first questions to an endpoint found.
#[derive(Debug, Default)]
struct First {
    chain_id: Option<u64>,
    times: Vec<Duration>,
    failed: u32,
    failure: Option<FailureKind>,
}

impl First {
    /// The time this share of the reads stayed below.
    fn quantile(&self, share: f64) -> Option<Duration> {
        let mut times = self.times.clone();
        times.sort_unstable();
        let last = times.len().checked_sub(1)?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a place among at most a hundred"
        )]
        let place = (share * times.len() as f64).ceil() as usize;
        times.get(place.saturating_sub(1).min(last)).copied()
    }
}

#[derive(Debug, Default)]
struct Abilities {
    batch: Option<bool>,
    log_range: Option<u64>,
    archive: Option<bool>,
}

impl Inner {
    async fn first_look(&self, endpoint: &Endpoint, reads: u32) -> First {
        let mut first = First::default();
        // Also makes the connection, which is not timed.
        match self.chain_id_of(endpoint).await {
            Ok(chain_id) => first.chain_id = Some(chain_id),
            Err(failure) => {
                first.failure = Some(failure);
                return first;
            }
        }
        for _ in 0..reads {
            let asked = Instant::now();
            match self.latest(endpoint).await {
                Ok(_) => first.times.push(asked.elapsed()),
                Err(failure) => {
                    first.failed += 1;
                    // Asked again it would only be slower.
                    let is_over = matches!(failure, FailureKind::Limited(_) | FailureKind::Timeout(_));
                    if is_over || first.times.is_empty() {
                        first.failure = Some(failure);
                    }
                    if is_over {
                        return first;
                    }
                }
            }
        }
        if !first.times.is_empty() {
            first.failure = None;
        }
        first
    }

    async fn latest(&self, endpoint: &Endpoint) -> Result<Header, FailureKind> {
        self.one(endpoint, "eth_getBlockByNumber", json!(["latest", false]))
            .await
    }

    async fn abilities(&self, endpoint: &Endpoint, head: u64) -> Abilities {
        let mut log_range = None;
        for range in RANGES {
            let from = head.saturating_sub(range - 1);
            let filter = json!([{
                "fromBlock": format!("{from:#x}"),
                "toBlock": format!("{head:#x}"),
                "address": Address::ZERO,
            }]);
            if self
                .one::<Vec<Box<RawValue>>>(endpoint, "eth_getLogs", filter)
                .await
                .is_ok()
            {
                log_range = Some(head - from + 1);
                break;
            }
        }
        let old = head.saturating_sub(OLD).max(1).min(head);
        let params = json!([Address::ZERO, format!("{old:#x}")]);
        let archive = self
            .one::<Box<RawValue>>(endpoint, "eth_getBalance", params)
            .await
            .is_ok();
        Abilities {
            batch: Some(self.takes_batches(endpoint).await),
            log_range,
            archive: Some(archive),
        }
    }

    async fn takes_batches(&self, endpoint: &Endpoint) -> bool {
        let request = |id: u64, method: &'static str| Request::new(method, Id::Number(id), ()).serialize();
        let (Ok(first), Ok(second)) = (request(0, "eth_chainId"), request(1, "eth_blockNumber")) else {
            return false;
        };
        let packet = RequestPacket::Batch(vec![first, second]);
        let answer = self.ask(endpoint, &packet).await;
        answer.is_ok_and(|answer| endpoint.accept(&packet, answer).is_ok())
    }

    /// One question to one endpoint.
    async fn one<T: DeserializeOwned>(
        &self,
        endpoint: &Endpoint,
        method: &'static str,
        params: Value,
    ) -> Result<T, FailureKind> {
        let request = Request::new(method, Id::Number(0), params)
            .serialize()
            .map_err(|error| FailureKind::Broken(error.to_string()))?;
        let packet = RequestPacket::Single(request);
        let answer = self.ask(endpoint, &packet).await?;
        let ResponsePacket::Single(answer) = endpoint.accept(&packet, answer)? else {
            return Err(FailureKind::NotJsonRpc("an array".to_string()));
        };
        match &answer.payload {
            ResponsePayload::Success(value) => serde_json::from_str(value.get())
                .map_err(|_| FailureKind::NotJsonRpc(endpoint.readable(value.get()))),
            ResponsePayload::Failure(error) => Err(FailureKind::Busy(endpoint.readable(&error.message))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_times_that_were_measured() {
        let first = First {
            times: (1..=20).rev().map(Duration::from_millis).collect(),
            ..First::default()
        };
        assert_eq!(first.quantile(0.5), Some(Duration::from_millis(10)));
        assert_eq!(first.quantile(0.95), Some(Duration::from_millis(19)));
        assert_eq!(first.quantile(1.0), Some(Duration::from_millis(20)));
        assert_eq!(First::default().quantile(0.5), None);
    }
}
