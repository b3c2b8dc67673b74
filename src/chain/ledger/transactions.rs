//! What the account's transactions cost, and those of them that left no event: what failed, and ETH that was sent on.
//!
//! An account's transactions are numbered without a gap, and the chain tells at every block how many there were. So the
//! missing ones can be searched for by halving blocks, wherever an endpoint keeps that count.

use std::collections::{BTreeMap, BTreeSet};

use alloy::primitives::{Address, B256, U64, U256};
use serde::Deserialize;
use serde_json::json;

use super::{AT_ONCE, LedgerProgress, LedgerStage, Progress, events::Kept};
use crate::chain::{Chain, ChainError};

/// Blocks looked at for missing transactions at most; what is not found by then is told as missing.
const MOST_LOOKS: usize = 4000;

/// A transaction that moved something of the account, or was sent by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OwnTransaction {
    pub(super) block: u64,
    /// Its place in the block.
    pub(super) position: u64,
    /// Whether the account sent it, and so paid for it.
    pub(super) is_own: bool,
    pub(super) succeeded: bool,
    /// What its gas cost.
    pub(super) cost: U256,
    /// ETH that went with it.
    pub(super) value: U256,
    pub(super) to: Option<Address>,
    nonce: u64,
}

/// What was found of them.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// How many the account sent in the range; none where nobody keeps that.
    pub(super) count: Option<u64>,
    pub(super) found: BTreeMap<B256, OwnTransaction>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Receipt {
    block_number: U64,
    transaction_index: U64,
    from: Address,
    #[serde(default)]
    status: Option<U64>,
    gas_used: U256,
    #[serde(default)]
    effective_gas_price: U256,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Transaction {
    hash: B256,
    from: Address,
    #[serde(default)]
    to: Option<Address>,
    #[serde(default)]
    value: U256,
    #[serde(default)]
    nonce: U64,
}

#[derive(Debug, Deserialize)]
struct FullBlock {
    transactions: Vec<Transaction>,
}

/// Blocks between which the count went from one number to another.
struct Gap {
    low: (u64, u64),
    high: (u64, u64),
}

impl Chain {
    /// The transactions of the logs, and the account's others.
    pub(super) async fn own_transactions(
        &self,
        account: Address,
        from: u64,
        to: u64,
        logs: &[Kept],
        progress: Progress<'_>,
    ) -> Result<Found, ChainError> {
        let hashes: BTreeSet<B256> = logs.iter().map(|log| log.transaction).collect();
        let hashes: Vec<B256> = hashes.into_iter().collect();
        let mut found = Found::default();
        self.look_up(account, &hashes, &mut found.found, progress).await?;
        let counts = self.counts(account, &[from - 1, to]).await;
        let Ok(counts) = counts else {
            tracing::debug!("nobody keeps the count of transactions");
            return Ok(found);
        };
        let (before, after) = (counts[0], counts[1]);
        found.count = Some(after.saturating_sub(before));
        let gap = Gap {
            low: (from - 1, before),
            high: (to, after),
        };
        let missing = match self.search(account, gap, &found.found).await {
            Ok(missing) => missing,
            // Counts of some blocks are kept, of others not: what is missing is told by its number.
            Err(error) => {
                tracing::debug!(%error, "the search for transactions without events ended");
                Vec::new()
            }
        };
        self.look_up(account, &missing, &mut found.found, progress)
            .await?;
        Ok(found)
    }

    /// Receipts and contents.
    async fn look_up(
        &self,
        account: Address,
        hashes: &[B256],
        found: &mut BTreeMap<B256, OwnTransaction>,
        progress: Progress<'_>,
    ) -> Result<(), ChainError> {
        let all = hashes.len() as u64;
        let mut done = 0;
        for some in hashes.chunks(AT_ONCE / 2) {
            let mut batch = self.rpc.new_batch();
            let mut asked = Vec::new();
            for hash in some {
                let receipt =
                    batch.add_call::<_, Option<Receipt>>("eth_getTransactionReceipt", &json!([hash]))?;
                let sent =
                    batch.add_call::<_, Option<Transaction>>("eth_getTransactionByHash", &json!([hash]))?;
                asked.push((*hash, receipt, sent));
            }
            batch.send().await?;
            for (hash, receipt, sent) in asked {
                let missing = || ChainError::Garbage(format!("no transaction {hash}, whose event there is"));
                let (receipt, sent) = (
                    receipt.await?.ok_or_else(missing)?,
                    sent.await?.ok_or_else(missing)?,
                );
                let one = OwnTransaction {
                    block: receipt.block_number.to(),
                    position: receipt.transaction_index.to(),
                    is_own: receipt.from == account,
                    // Before Byzantium there was no status; that is before everything here.
                    succeeded: receipt.status.is_none_or(|status| !status.is_zero()),
                    cost: receipt.gas_used.saturating_mul(receipt.effective_gas_price),
                    value: sent.value,
                    to: sent.to,
                    nonce: sent.nonce.to(),
                };
                found.insert(hash, one);
                done += 1;
            }
            progress(LedgerProgress {
                stage: LedgerStage::Transactions,
                done,
                all,
            });
        }
        Ok(())
    }

    /// How many transactions the account had sent after each of these blocks.
    async fn counts(&self, account: Address, blocks: &[u64]) -> Result<Vec<u64>, ChainError> {
        let mut batch = self.rpc.new_batch();
        let mut asked = Vec::new();
        for block in blocks {
            let params = json!([account, U64::from(*block)]);
            asked.push(batch.add_call::<_, U64>("eth_getTransactionCount", &params)?);
        }
        batch.send().await?;
        let mut counts = Vec::with_capacity(blocks.len());
        for count in asked {
            counts.push(count.await?.to());
        }
        Ok(counts)
    }

    /// The hashes of the account's transactions in a gap that are not known yet.
    async fn search(
        &self,
        account: Address,
        gap: Gap,
        known: &BTreeMap<B256, OwnTransaction>,
    ) -> Result<Vec<B256>, ChainError> {
        let numbers: BTreeSet<u64> = known
            .values()
            .filter(|one| one.is_own)
            .map(|one| one.nonce)
            .collect();
        let lacks = |gap: &Gap| (gap.low.1..gap.high.1).any(|nonce| !numbers.contains(&nonce));
        let mut gaps: Vec<Gap> = vec![gap];
        let mut single = Vec::new();
        let mut looks = 0;
        loop {
            gaps.retain(&lacks);
            let (narrow, wide): (Vec<Gap>, Vec<Gap>) =
                gaps.into_iter().partition(|gap| gap.high.0 <= gap.low.0 + 1);
            single.extend(narrow.into_iter().map(|gap| gap.high.0));
            if wide.is_empty() || looks >= MOST_LOOKS {
                break;
            }
            looks += wide.len();
            gaps = Vec::with_capacity(wide.len() * 2);
            for some in wide.chunks(AT_ONCE) {
                let middles: Vec<u64> = some
                    .iter()
                    .map(|gap| gap.low.0 + (gap.high.0 - gap.low.0) / 2)
                    .collect();
                let counts = self.counts(account, &middles).await?;
                for ((gap, middle), count) in some.iter().zip(middles).zip(counts) {
                    let between = (middle, count.clamp(gap.low.1, gap.high.1));
                    gaps.push(Gap {
                        low: gap.low,
                        high: between,
                    });
                    gaps.push(Gap {
                        low: between,
                        high: gap.high,
                    });
                }
            }
        }
        let mut hashes = Vec::new();
        for block in single {
            let mut batch = self.rpc.new_batch();
            let params = json!([U64::from(block), true]);
            let full = batch.add_call::<_, Option<FullBlock>>("eth_getBlockByNumber", &params)?;
            batch.send().await?;
            let full = full
                .await?
                .ok_or_else(|| ChainError::Garbage(format!("no block {block}")))?;
            let own = full.transactions.into_iter().filter(|one| one.from == account);
            hashes.extend(own.map(|one| one.hash).filter(|hash| !known.contains_key(hash)));
        }
        Ok(hashes)
    }
}
