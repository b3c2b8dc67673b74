//! Logs of governance, in ranges as long as an endpoint lets pass.

use alloy::{
    primitives::{Address, B256, Bytes, U64},
    sol_types::SolEvent,
};
use serde::Deserialize;
use serde_json::json;

use crate::chain::{Chain, ChainError, HistoryProgress, facts::Head};

/// Blocks asked for in one request at first, at least, and at most.
const RANGE: u64 = 1_000_000;
const SHORTEST_RANGE: u64 = 500;
const LONGEST_RANGE: u64 = 8_000_000;
/// Logs at most; the busiest poll had some hundred votes.
const MOST_LOGS: usize = 20_000;
/// More blocks of Arbitrum than come with one of Ethereum: four a second, and some.
const BLOCKS_PER_CLOCK: u64 = 60;

/// One log in a block.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Log {
    pub(super) address: Address,
    pub(super) topics: Vec<B256>,
    data: Bytes,
    block_number: Option<U64>,
    log_index: Option<U64>,
    #[serde(default)]
    removed: bool,
}

impl Log {
    /// Block and place in it.
    pub(super) fn position(&self) -> (u64, u64) {
        let number = |value: Option<U64>| value.map(|value| value.to()).unwrap_or_default();
        (number(self.block_number), number(self.log_index))
    }

    /// The event, if it is one of that kind. Contracts anybody may make can log anything.
    pub(super) fn decode<E: SolEvent>(&self) -> Option<E> {
        (self.topics.first() == Some(&E::SIGNATURE_HASH)).then_some(())?;
        E::decode_raw_log(self.topics.iter().copied(), &self.data).ok()
    }
}

/// The block that is surely older than so many blocks of the round's clock.
pub(super) fn blocks_back(head: &Head, clock_blocks: u64) -> u64 {
    let each = if head.clock() == head.number() {
        1
    } else {
        BLOCKS_PER_CLOCK
    };
    head.number().saturating_sub(clock_blocks.saturating_mul(each))
}

impl Chain {
    /// Events of one kind of some contracts from block `begin` to the head, oldest first; `indexed` narrows them to one
    /// value of their first indexed argument.
    pub(super) async fn events<E: SolEvent>(
        &self,
        contracts: &[Address],
        indexed: Option<B256>,
        begin: u64,
        head: &Head,
        progress: &(dyn Fn(HistoryProgress) + Send + Sync),
    ) -> Result<Vec<(Log, E)>, ChainError> {
        let end = head.number();
        let mut found: Vec<(Log, E)> = Vec::new();
        if contracts.is_empty() {
            return Ok(found);
        }
        let mut topics = vec![json!(E::SIGNATURE_HASH)];
        topics.extend(indexed.map(|value| json!(value)));
        let all = end.saturating_sub(begin) + 1;
        let (mut next, mut range) = (begin, RANGE);
        while next <= end {
            let to = end.min(next.saturating_add(range - 1));
            let filter = json!([{
                "fromBlock": U64::from(next), "toBlock": U64::from(to), "address": contracts, "topics": topics,
            }]);
            match self.governance_logs(&filter).await {
                Ok(logs) => {
                    // Filters of endpoints have been wrong before.
                    let wanted = |log: &Log| {
                        !log.removed
                            && contracts.contains(&log.address)
                            && indexed.is_none_or(|value| log.topics.get(1) == Some(&value))
                    };
                    let logs = logs.into_iter().filter(wanted);
                    found.extend(logs.filter_map(|log| Some((log.clone(), log.decode::<E>()?))));
                    if found.len() > MOST_LOGS {
                        let count = found.len();
                        return Err(ChainError::Garbage(format!("{count} logs of `{}`", E::SIGNATURE)));
                    }
                    next = to + 1;
                    range = range.saturating_mul(2).min(LONGEST_RANGE);
                    let done = next.saturating_sub(begin);
                    progress(HistoryProgress { done, all });
                }
                // Too long, too much, or too slow for it: each endpoint says so in its own words.
                Err(error) if range <= SHORTEST_RANGE => return Err(error),
                Err(error) => {
                    tracing::debug!(%error, next, range, "a shorter range of logs");
                    range = (range / 4).max(SHORTEST_RANGE);
                }
            }
        }
        found.sort_by_key(|(log, _)| log.position());
        Ok(found)
    }

    async fn governance_logs(&self, filter: &serde_json::Value) -> Result<Vec<Log>, ChainError> {
        let mut batch = self.rpc.new_batch();
        let logs = batch.add_call::<_, Vec<Log>>("eth_getLogs", filter)?;
        batch.send().await?;
        Ok(logs.await?)
    }
}
