//! Logs that are followed over days and restarts. What is old enough that no reorganisation changes it is kept on disk
//! and read once; the newest blocks are read each time.

use std::{collections::BTreeMap, path::PathBuf};

use alloy::primitives::{Address, B256};
use serde_json::Value;

use super::receipts::{Receipt, Receipts};
use crate::chain::{
    Chain, ChainError, LedgerError,
    ledger::{
        MOST_LOGS, Progress, UNSETTLED,
        checkpoint::{Checkpoint, Mark},
        events::Kept,
    },
};

/// Readings after which the file is written anew: each adds a line.
const RENEWED: u32 = 5_000;

/// What is followed, and what is known of it.
#[derive(Debug)]
pub(crate) struct Trail {
    path: PathBuf,
    mark: Mark,
    filters: Vec<Value>,
    open: Option<Open>,
    receipts: Receipts,
}

#[derive(Debug)]
struct Open {
    checkpoint: Checkpoint,
    settled: Vec<Kept>,
    readings: u32,
}

impl Chain {
    pub(super) fn trail(&self, account: Address, filters: Vec<Value>, from: u64, path: PathBuf) -> Trail {
        Trail {
            receipts: Receipts::beside(&path),
            path,
            mark: Mark {
                chain_id: self.chain_id(),
                controller: self.contracts().controller,
                account,
                // Nothing happens in the first block of all.
                from: from.max(1),
            },
            filters,
            open: None,
        }
    }
}

impl Trail {
    /// All logs up to a block, in the order of the chain. What was settled before is not asked for again; if the chain is
    /// another one now, everything is. `progress` is told of the blocks that were read.
    ///
    /// # Errors
    /// [`LedgerError`]. What was read until then is kept.
    pub(super) async fn follow(
        &mut self,
        chain: &Chain,
        to: u64,
        progress: Progress<'_>,
    ) -> Result<Vec<Kept>, LedgerError> {
        let outcome = self.go_on(chain, to, progress).await;
        if outcome.is_err() {
            // Memory and file may differ now: the file counts.
            self.open = None;
        }
        outcome
    }

    async fn go_on(
        &mut self,
        chain: &Chain,
        to: u64,
        progress: Progress<'_>,
    ) -> Result<Vec<Kept>, LedgerError> {
        if to < self.mark.from {
            return Ok(Vec::new());
        }
        let open = match self.open.take() {
            Some(open) if open.readings < RENEWED && is_there(chain, &open.checkpoint).await? => open,
            _ => {
                let checkpoint = chain.resume(self.path.clone(), self.mark.clone()).await?;
                if checkpoint.last().is_none() {
                    self.receipts.forget();
                }
                Open {
                    checkpoint,
                    settled: Vec::new(),
                    readings: 0,
                }
            }
        };
        let open = self.open.insert(open);
        open.readings += 1;
        let range = (self.mark.from, to);
        let settled = to.saturating_sub(UNSETTLED);
        let logs = chain
            .collect_logs(
                &self.filters,
                range,
                settled,
                Some(&mut open.checkpoint),
                progress,
            )
            .await?;
        let kept_to = open.checkpoint.last().map_or(0, |(block, _)| block);
        let (settled, newest): (Vec<Kept>, Vec<Kept>) =
            logs.into_iter().partition(|log| log.block <= kept_to);
        open.settled.extend(settled);
        if open.settled.len() > MOST_LOGS {
            return Err(LedgerError::TooMany { block: to });
        }
        Ok(open.settled.iter().cloned().chain(newest).collect())
    }

    /// When these transactions, each of a block, were mined and what their gas cost.
    ///
    /// # Errors
    /// [`LedgerError`]. What was read until then is kept.
    pub(crate) async fn receipts(
        &mut self,
        chain: &Chain,
        transactions: &BTreeMap<B256, u64>,
    ) -> Result<BTreeMap<B256, Receipt>, LedgerError> {
        let settled = self
            .open
            .as_ref()
            .and_then(|open| open.checkpoint.last())
            .map_or(0, |(block, _)| block);
        self.receipts.of(chain, transactions, settled).await
    }
}

/// Whether the chain still has the last block that was kept.
async fn is_there(chain: &Chain, checkpoint: &Checkpoint) -> Result<bool, ChainError> {
    let Some((block, hash)) = checkpoint.last() else {
        return Ok(true);
    };
    let found = chain.blocks(&[block]).await?;
    Ok(found.get(&block).and_then(|found| found.hash) == Some(hash))
}
