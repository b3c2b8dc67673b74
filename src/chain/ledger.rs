//! An account's ledger from the chain: logs in ranges of blocks, receipts for gas, transactions that left no log, and
//! balances before and after, against which the entries are held.
//!
//! | module | holds |
//! |---|---|
//! | `events` | the events, and what each moves |
//! | `transactions` | what gas cost, and the transactions no event tells of |
//! | `balances` | each book's balance at a block |
//! | `checkpoint` | the logs read so far, on disk, so that a reading that ended early goes on |

mod balances;
pub(in crate::chain) mod checkpoint;
pub(in crate::chain) mod events;
mod transactions;

use std::{collections::BTreeMap, path::PathBuf};

use alloy::primitives::{Address, B256, Bytes, U64};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use self::{
    checkpoint::{Checkpoint, Mark},
    events::{Kept, filters, movements},
    transactions::OwnTransaction,
};
use super::{Chain, ChainError, errors::FailureKind, facts::Head};
use crate::view::ledger::{Book, BookTotal, EntryKind, Ledger, LedgerEntry, Signed};

/// Blocks asked for in one request at first, at least, and at most: endpoints differ in what they let pass.
const RANGE: u64 = 50_000;
const SHORTEST_RANGE: u64 = 10;
const LONGEST_RANGE: u64 = 4_000_000;
/// Blocks that can still be replaced by others: nothing of them is kept for later.
pub(in crate::chain) const UNSETTLED: u64 = 64;
/// Logs of one account at most.
pub(in crate::chain) const MOST_LOGS: usize = 500_000;
/// Questions in one HTTP request: endpoints refuse more than a hundred.
pub(in crate::chain) const AT_ONCE: usize = 40;
/// Halvings until a search over blocks ends, whatever the answers are.
const MOST_HALVINGS: u32 = 64;

/// One end of the time looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LedgerBound {
    /// A block.
    Block(u64),
    /// A moment: at its start the first block from then on, at its end the last one before.
    Time(Timestamp),
}

/// What is to be read.
#[derive(Debug, Clone)]
pub struct LedgerRequest {
    /// Whose ledger.
    pub account: Address,
    /// From where on.
    pub from: LedgerBound,
    /// Up to where; none for the newest block.
    pub to: Option<LedgerBound>,
    /// Where to keep what was read, to go on there another time. Removed when everything is read.
    pub checkpoint: Option<PathBuf>,
}

/// How far the reading is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LedgerProgress {
    /// What is being read.
    pub stage: LedgerStage,
    /// Of that, done.
    pub done: u64,
    /// Of that, in all.
    pub all: u64,
}

/// Told how far a reading is.
pub type Progress<'a> = &'a (dyn Fn(LedgerProgress) + Send + Sync);

/// The parts of a reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LedgerStage {
    /// Blocks searched for events.
    Logs,
    /// Transactions asked about.
    Transactions,
}

/// There is no ledger.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The chain could not be read.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The range has no block in it.
    #[error("there is no block from {from} to {to}")]
    Empty {
        /// The first.
        from: u64,
        /// The last.
        to: u64,
    },
    /// More events than one export holds.
    #[error("more than {MOST_LOGS} events up to block {block}")]
    TooMany {
        /// How far it came.
        block: u64,
    },
    /// What was read could not be kept.
    #[error("{}: {source}", .path.display())]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Log {
    address: Address,
    topics: Vec<B256>,
    data: Bytes,
    block_number: Option<U64>,
    log_index: Option<U64>,
    transaction_hash: Option<B256>,
    #[serde(default)]
    removed: bool,
}

impl Log {
    /// None for one that is in no block.
    fn kept(self) -> Option<Kept> {
        Some(Kept {
            block: self.block_number?.to(),
            index: self.log_index?.to(),
            transaction: self.transaction_hash?,
            address: self.address,
            topics: self.topics,
            data: self.data,
        })
        .filter(|_| !self.removed)
    }
}

/// A block, what is used of it.
#[derive(Debug, Clone, Deserialize)]
pub(in crate::chain) struct Block {
    pub(in crate::chain) hash: Option<B256>,
    pub(in crate::chain) timestamp: U64,
}

impl Chain {
    /// Everything that moved in and out of an account in a range of blocks. Logs are asked for in ranges that are halved
    /// where an endpoint refuses; `progress` is told after each step.
    ///
    /// # Errors
    /// [`LedgerError`]. What was read of the logs until then is in the checkpoint.
    pub async fn ledger(
        &self,
        request: &LedgerRequest,
        progress: Progress<'_>,
    ) -> Result<Ledger, LedgerError> {
        let (now, _) = self.now(None).await?;
        let newest = now.head.number();
        let from = match request.from {
            LedgerBound::Block(block) => block,
            LedgerBound::Time(time) => self.block_from(newest, time).await?,
        };
        // Nothing happens in the first block of all; its balances are what there was before.
        let from = from.max(1);
        let to = match request.to {
            None => newest,
            Some(LedgerBound::Block(block)) => block.min(newest),
            Some(LedgerBound::Time(time)) => self.block_from(newest, time).await?.saturating_sub(1),
        };
        if from > to {
            return Err(LedgerError::Empty { from, to });
        }
        let account = request.account;
        let mut checkpoint = match &request.checkpoint {
            Some(path) => {
                let mark = Mark {
                    chain_id: self.chain_id,
                    controller: self.contracts.controller,
                    account,
                    from,
                };
                Some(self.resume(path.clone(), mark).await?)
            }
            None => None,
        };
        let settled = newest.saturating_sub(UNSETTLED);
        let logs = self
            .collect_logs(
                &filters(&self.contracts, account),
                (from, to),
                settled,
                checkpoint.as_mut(),
                progress,
            )
            .await?;
        let own = self.own_transactions(account, from, to, &logs, progress).await?;
        let entries = self.entries(account, &logs, &own.found).await?;
        let before = self.books_at(account, from - 1).await;
        let after = self.books_at(account, to).await;
        let books = Book::OWN.map(|book| total(book, &entries, before.as_ref(), after.as_ref()));
        let last = self.head_of(to).await?;
        if let Some(checkpoint) = checkpoint {
            checkpoint.remove();
        }
        Ok(Ledger {
            at: self.read_at(&last)?,
            account,
            from_block: from,
            to_block: to,
            transactions: own.count,
            transactions_found: own.found.values().filter(|one| one.is_own).count() as u64,
            books: books.to_vec(),
            entries,
        })
    }

    /// The checkpoint at a path if it is about this and of this chain, else one that is begun anew.
    pub(in crate::chain) async fn resume(
        &self,
        path: PathBuf,
        mark: Mark,
    ) -> Result<Checkpoint, LedgerError> {
        let failed = |source| LedgerError::Checkpoint {
            path: path.clone(),
            source,
        };
        let found = Checkpoint::find(&path, &mark);
        let is_this_chains = match found.as_ref().and_then(Checkpoint::last) {
            Some((block, hash)) => {
                self.blocks(&[block])
                    .await?
                    .get(&block)
                    .and_then(|found| found.hash)
                    == Some(hash)
            }
            None => false,
        };
        match found.filter(|_| is_this_chains) {
            Some(found) => found.rewritten().map_err(failed),
            None => Checkpoint::begin(path.clone(), mark).map_err(failed),
        }
    }

    /// The logs of these filters from one block to another, in the order of the chain. What is settled goes into the
    /// checkpoint; what that holds already is not asked for again, and comes from it once.
    pub(in crate::chain) async fn collect_logs(
        &self,
        filters: &[Value],
        (from, to): (u64, u64),
        settled: u64,
        mut checkpoint: Option<&mut Checkpoint>,
        progress: Progress<'_>,
    ) -> Result<Vec<Kept>, LedgerError> {
        let mut logs: Vec<Kept> = Vec::new();
        let mut next = from;
        if let Some(checkpoint) = checkpoint.as_deref_mut() {
            let kept = checkpoint.take_logs();
            logs.extend(kept.into_iter().filter(|log| (from..=to).contains(&log.block)));
            next = checkpoint.last().map_or(from, |(block, _)| block + 1).max(from);
        }
        let all = to - from + 1;
        let (mut range, mut longest) = (RANGE, LONGEST_RANGE);
        while next <= to {
            let mut end = to.min(next.saturating_add(range - 1));
            if next <= settled {
                // What can be kept is asked for alone, so that it is.
                end = end.min(settled);
            }
            match self.filtered_logs(filters, next, end).await {
                Ok((some, last)) => {
                    if let (Some(checkpoint), Some(hash)) = (checkpoint.as_deref_mut(), last.hash)
                        && end <= settled
                    {
                        checkpoint
                            .add(end, hash, &some)
                            .map_err(|source| LedgerError::Checkpoint {
                                path: checkpoint.path().to_path_buf(),
                                source,
                            })?;
                    }
                    logs.extend(some);
                    if logs.len() > MOST_LOGS {
                        return Err(LedgerError::TooMany { block: end });
                    }
                    next = end + 1;
                    range = range.saturating_mul(2).min(longest);
                    progress(LedgerProgress {
                        stage: LedgerStage::Logs,
                        done: next - from,
                        all,
                    });
                }
                Err(error) if end - next < SHORTEST_RANGE || is_away(&error) => return Err(error.into()),
                // Too long, too much, or too slow for it: each endpoint says so in its own words.
                Err(error) => {
                    tracing::debug!(%error, next, range, "half the range of logs");
                    // What was asked for may be less than the range: the end was near.
                    range = (end - next).div_ceil(2).max(SHORTEST_RANGE);
                    longest = range;
                }
            }
        }
        logs.sort_unstable_by_key(|log| (log.block, log.index));
        logs.dedup_by_key(|log| (log.block, log.index));
        Ok(logs)
    }

    async fn filtered_logs(
        &self,
        filters: &[Value],
        from: u64,
        to: u64,
    ) -> Result<(Vec<Kept>, Block), ChainError> {
        let mut batch = self.rpc.new_batch();
        let mut asked = Vec::new();
        for mut filter in filters.iter().cloned() {
            filter["fromBlock"] = json!(U64::from(from));
            filter["toBlock"] = json!(U64::from(to));
            asked.push(batch.add_call::<_, Vec<Log>>("eth_getLogs", &json!([filter]))?);
        }
        let last =
            batch.add_call::<_, Option<Block>>("eth_getBlockByNumber", &json!([U64::from(to), false]))?;
        batch.send().await?;
        let mut logs = Vec::new();
        for some in asked {
            let some = some.await?.into_iter().filter_map(Log::kept);
            logs.extend(some.filter(|log| (from..=to).contains(&log.block)));
        }
        let last = last
            .await?
            .ok_or_else(|| ChainError::Garbage(format!("no block {to}")))?;
        logs.sort_unstable_by_key(|log| (log.block, log.index));
        logs.dedup_by_key(|log| (log.block, log.index));
        Ok((logs, last))
    }

    /// What the logs and the account's own transactions moved.
    async fn entries(
        &self,
        account: Address,
        logs: &[Kept],
        transactions: &BTreeMap<B256, OwnTransaction>,
    ) -> Result<Vec<LedgerEntry>, LedgerError> {
        let mut blocks: Vec<u64> = logs.iter().map(|log| log.block).collect();
        blocks.extend(transactions.values().map(|one| one.block));
        blocks.sort_unstable();
        blocks.dedup();
        let mut times = BTreeMap::new();
        for some in blocks.chunks(AT_ONCE) {
            for (number, block) in self.blocks(some).await? {
                times.insert(number, time_of(&block)?);
            }
        }
        let time = |block: u64| {
            let time = times.get(&block).copied();
            time.ok_or_else(|| ChainError::Garbage(format!("no block {block}")))
        };
        let mut entries = Vec::new();
        let mut add = |place: (u64, u64, u64), entry: LedgerEntry| {
            if !entry.amount.is_zero() {
                entries.push((place, entry));
            }
        };
        for log in logs {
            let position = transactions.get(&log.transaction).map_or(0, |one| one.position);
            for moved in movements(log, account, &self.contracts)? {
                let entry = LedgerEntry {
                    time: time(log.block)?,
                    block: log.block,
                    transaction: log.transaction,
                    log_index: Some(log.index),
                    kind: moved.kind,
                    book: moved.book,
                    amount: moved.amount,
                    unit: moved.book.unit(),
                    counterparty: moved.counterparty,
                };
                add((log.block, position, log.index + 1), entry);
            }
        }
        for (hash, one) in transactions.iter().filter(|(_, one)| one.is_own) {
            let entry = |kind, amount, counterparty| -> Result<LedgerEntry, ChainError> {
                Ok(LedgerEntry {
                    time: time(one.block)?,
                    block: one.block,
                    transaction: *hash,
                    log_index: None,
                    kind,
                    book: Book::WalletEth,
                    amount: Signed::minus(amount),
                    unit: Book::WalletEth.unit(),
                    counterparty,
                })
            };
            add(
                (one.block, one.position, 0),
                entry(EntryKind::Gas, one.cost, None)?,
            );
            if one.succeeded && one.to != Some(account) {
                add(
                    (one.block, one.position, 0),
                    entry(EntryKind::EthSent, one.value, one.to)?,
                );
            }
        }
        // A stable sort: what one log or transaction moves stays in its order.
        entries.sort_by_key(|(place, _)| *place);
        Ok(entries.into_iter().map(|(_, entry)| entry).collect())
    }

    /// The headers of some blocks, by number.
    pub(in crate::chain) async fn blocks(&self, numbers: &[u64]) -> Result<BTreeMap<u64, Block>, ChainError> {
        let mut batch = self.rpc.new_batch();
        let mut asked = Vec::new();
        for number in numbers {
            let params = json!([U64::from(*number), false]);
            let block = batch.add_call::<_, Option<Block>>("eth_getBlockByNumber", &params)?;
            asked.push((*number, block));
        }
        batch.send().await?;
        let mut found = BTreeMap::new();
        for (number, block) in asked {
            if let Some(block) = block.await? {
                found.insert(number, block);
            }
        }
        Ok(found)
    }

    async fn head_of(&self, block: u64) -> Result<Head, ChainError> {
        let mut batch = self.rpc.new_batch();
        let params: Value = json!([U64::from(block), false]);
        let head = batch.add_call::<_, Option<Head>>("eth_getBlockByNumber", &params)?;
        batch.send().await?;
        head.await?
            .ok_or_else(|| ChainError::Garbage(format!("no block {block}")))
    }

    /// The first block made at or after a moment; one more than the newest if there is none.
    async fn block_from(&self, newest: u64, wanted: Timestamp) -> Result<u64, ChainError> {
        let (mut low, mut high) = (0, newest + 1);
        for _ in 0..MOST_HALVINGS {
            if low >= high {
                break;
            }
            let middle = low + (high - low) / 2;
            let found = self.blocks(&[middle]).await?;
            let block = found
                .get(&middle)
                .ok_or_else(|| ChainError::Garbage(format!("no block {middle}")))?;
            match time_of(block)? < wanted {
                true => low = middle + 1,
                false => high = middle,
            }
        }
        Ok(low)
    }
}

fn time_of(block: &Block) -> Result<Timestamp, ChainError> {
    let seconds = i64::try_from(block.timestamp.to::<u64>()).unwrap_or(i64::MAX);
    Timestamp::from_second(seconds).map_err(|_| ChainError::Garbage(format!("{seconds} as a block's time")))
}

/// Whether nobody is there: a shorter range would not help.
fn is_away(error: &ChainError) -> bool {
    match error {
        ChainError::Unreachable(failures) => failures
            .0
            .iter()
            .all(|failure| matches!(failure.kind, FailureKind::NoConnection(_))),
        _ => false,
    }
}

fn total(
    book: Book,
    entries: &[LedgerEntry],
    before: Option<&balances::Balances>,
    after: Option<&balances::Balances>,
) -> BookTotal {
    let moved = entries
        .iter()
        .filter(|entry| entry.book == book)
        .fold(Signed::default(), |sum, entry| sum + entry.amount);
    let balance = |of: Option<&balances::Balances>| of.map(|balances| Signed::plus(balances.of(book)));
    let (before, after) = (balance(before), balance(after));
    BookTotal {
        book,
        unit: book.unit(),
        before,
        after,
        entries: moved,
        unexplained: before.zip(after).map(|(before, after)| after - before - moved),
    }
}
