//! Which nonces of an account are used, waiting, lost or free, as the chain and the journal together tell.

use std::{collections::BTreeSet, io};

use alloy::primitives::{Address, B256, TxHash, U64};
use jiff::Timestamp;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::json;

use super::{Ending, Entry, Journal, Outbox, State, body::Attempt, ended, lock};
use crate::chain::{Chain, ChainError, Plan, SubmitError, network::is_public, provider::Broadcast};

/// Transactions asked about in one request.
const AT_ONCE: usize = 50;

/// Transactions without outcome looked at, the newest: a node has a handful under way.
const MOST: usize = 500;

/// What is known of sent transactions could not be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The journal.
    #[error("the journal cannot be read: {0}")]
    Journal(#[from] io::Error),
    /// The chain.
    #[error(transparent)]
    Chain(#[from] ChainError),
}

impl RecordError {
    pub(crate) fn at(self, step: &str) -> SubmitError {
        match self {
            Self::Journal(error) => SubmitError::NotRecorded {
                step: step.to_string(),
                reason: format!("the journal cannot be read: {error}"),
            },
            Self::Chain(source) => SubmitError::Chain {
                step: step.to_string(),
                source,
            },
        }
    }
}

/// A transaction that may still be mined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The transaction.
    pub hash: TxHash,
    /// Its nonce.
    pub nonce: u64,
    /// What it does.
    pub title: String,
    /// Its step of that.
    pub step: String,
    /// Since when.
    pub since: Timestamp,
    /// Whether an endpoint has it now.
    pub known: bool,
}

/// What a node of a chain that comes and goes says it is.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct NodeFacts {
    instance_id: B256,
}

#[derive(Debug, Deserialize)]
struct FirstBlock {
    hash: B256,
}

impl Chain {
    /// Which chain of its id this is; none where the id says it. A devnet is told by what its node calls itself, others
    /// by their first block.
    pub(crate) async fn mark(&self) -> Result<Option<String>, ChainError> {
        if is_public(self.chain_id) {
            return Ok(None);
        }
        let mark = self.mark.get_or_try_init(async || {
            let mut batch = self.rpc.new_batch();
            let node = batch.add_call::<_, NodeFacts>("anvil_metadata", &json!([]))?;
            let first =
                batch.add_call::<_, Option<FirstBlock>>("eth_getBlockByNumber", &json!(["0x0", false]))?;
            batch.send().await?;
            let (node, first) = (node.await, first.await);
            Ok::<_, ChainError>(match (node, first) {
                (Ok(node), _) => Some(node.instance_id.to_string()),
                (Err(_), Ok(first)) => first.map(|first| first.hash.to_string()),
                (Err(_), Err(error)) => return Err(error.into()),
            })
        });
        mark.await.cloned()
    }

    /// Transactions of an account that were written down as being sent, have no outcome yet and a nonce that was not
    /// used when `mined_nonce` transactions were mined: oldest first. What was sent on an earlier chain of the same id,
    /// as devnets have it, is none of them.
    ///
    /// # Errors
    /// Journal or chain cannot be read. The chain is asked only if there are any on one that comes and goes.
    pub async fn unsettled(
        &self,
        journal: &Journal,
        account: Address,
        mined_nonce: u64,
    ) -> Result<Vec<Entry>, RecordError> {
        let mut open = self.open_entries(journal, account).await?;
        open.retain(|entry| entry.nonce.is_none_or(|nonce| nonce >= mined_nonce));
        Ok(open)
    }

    /// All of them, whatever their nonce.
    pub(super) async fn open_entries(
        &self,
        journal: &Journal,
        account: Address,
    ) -> Result<Vec<Entry>, RecordError> {
        let mut open = journal.open_entries()?;
        open.retain(|entry| entry.chain_id == self.chain_id && entry.from == account);
        if open.iter().any(|entry| entry.chain.is_some()) {
            let mark = self.mark().await?;
            open.retain(|entry| entry.chain.is_none() || entry.chain == mark);
        }
        let surplus = open.len().saturating_sub(MOST);
        open.drain(..surplus);
        Ok(open)
    }

    /// Transactions of an account in blocks, and with those that wait.
    pub(super) async fn nonces(&self, account: Address) -> Result<(u64, u64), ChainError> {
        let mut batch = self.rpc.new_batch();
        let mined = batch.add_call::<_, U64>("eth_getTransactionCount", &json!([account, "latest"]))?;
        let pending = batch.add_call::<_, U64>("eth_getTransactionCount", &json!([account, "pending"]))?;
        batch.send().await?;
        let (mined, pending) = (mined.await?.to::<u64>(), pending.await?.to::<u64>());
        Ok((mined, pending.max(mined)))
    }

    /// For each of these transactions, whether the endpoint has it.
    pub(super) async fn known(&self, hashes: &[TxHash]) -> Result<Vec<bool>, ChainError> {
        let mut known = Vec::with_capacity(hashes.len());
        for some in hashes.chunks(AT_ONCE) {
            let mut batch = self.rpc.new_batch();
            let mut asked = Vec::with_capacity(some.len());
            for hash in some {
                let call =
                    batch.add_call::<_, Option<IgnoredAny>>("eth_getTransactionByHash", &json!([hash]))?;
                asked.push(call);
            }
            batch.send().await?;
            for answer in asked {
                known.push(answer.await?.is_some());
            }
        }
        Ok(known)
    }
}

/// How an account stands.
#[derive(Debug)]
pub(super) struct Standing {
    pending: u64,
    open: Vec<Open>,
}

/// A transaction without outcome whose nonce is not used.
#[derive(Debug)]
struct Open {
    entry: Entry,
    nonce: u64,
    state: OpenState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OpenState {
    /// An endpoint has it.
    Known,
    /// None has it, but a process waits for it, and sends it again.
    Wanted,
    /// None has it, and nobody waits for it.
    Lost,
}

impl Standing {
    /// The lowest nonce that nothing has: the account's next, or one a killed process left behind.
    pub(super) fn next(&self) -> u64 {
        let taken: BTreeSet<u64> = self
            .open
            .iter()
            .filter(|open| open.state != OpenState::Lost)
            .map(|open| open.nonce)
            .collect();
        let mut next = self.pending;
        while taken.contains(&next) {
            next = next.saturating_add(1);
        }
        next
    }

    /// Refuses a step that works once only while a transaction for it may still be mined.
    pub(super) fn has_none_like(&self, title: &str, step: &str) -> Result<(), SubmitError> {
        let is_same = |open: &&Open| {
            open.state != OpenState::Lost
                && !open.entry.cancels
                && open.entry.title == title
                && open.entry.step == step
        };
        match self.open.iter().rev().find(is_same) {
            Some(open) => Err(SubmitError::OnItsWay {
                step: step.to_string(),
                hash: open.entry.hash,
            }),
            None => Ok(()),
        }
    }

    /// Gives the nonces of these transactions away: no endpoint takes them any more.
    pub(super) fn give_up(&mut self, refused: &[TxHash]) {
        for open in &mut self.open {
            if open.state == OpenState::Wanted && refused.contains(&open.entry.hash) {
                open.state = OpenState::Lost;
            }
        }
    }

    /// What a killed process signed for a nonce and the network does not have: the newest.
    pub(super) fn lost_at(&self, nonce: u64) -> Option<&Entry> {
        let lost = |open: &&Open| open.nonce == nonce && open.state == OpenState::Lost;
        self.open.iter().rev().find(lost).map(|open| &open.entry)
    }

    /// What has to be sent again so that nothing waits for ever: whatever a process still wants, and what got lost
    /// below a transaction that waits. `next` is about to be used.
    pub(super) fn sunk_below(&self, next: u64) -> Vec<Entry> {
        let waits = self.open.iter().filter(|open| open.state != OpenState::Lost);
        let highest = waits.map(|open| open.nonce).max().unwrap_or_default();
        let mut again: Vec<&Open> = Vec::new();
        for open in &self.open {
            let sunk = open.state == OpenState::Lost && open.nonce < highest && open.nonce != next;
            if open.state != OpenState::Wanted && !sunk {
                continue;
            }
            let has = |other: &Open| other.nonce == open.nonce && other.state == OpenState::Known;
            if open.nonce < self.pending || self.open.iter().any(has) {
                continue;
            }
            // The newest of those that share a nonce offers most.
            again.retain(|other| other.nonce != open.nonce);
            again.push(open);
        }
        again.into_iter().map(|open| open.entry.clone()).collect()
    }
}

impl Outbox {
    /// How the account stands now.
    pub(super) async fn standing(&self) -> Result<Standing, RecordError> {
        let open = self
            .chain()
            .open_entries(&self.shared.journal, self.account())
            .await?;
        self.standing_of(open).await
    }

    /// Refuses a plan of which a step works once only while a transaction for it may still be mined. To be asked before the
    /// plan is judged: on its pending block an endpoint may say that it is done already, which it is not.
    pub(in crate::chain) async fn refuse_twice(&self, plan: &Plan) -> Result<(), SubmitError> {
        for step in plan.steps.iter().filter(|step| step.once) {
            let standing = self.standing().await.map_err(|error| error.at(step.name))?;
            standing.has_none_like(&plan.summary.title, step.name)?;
        }
        Ok(())
    }

    async fn standing_of(&self, open: Vec<Entry>) -> Result<Standing, RecordError> {
        let chain = self.chain();
        let (mined, pending) = chain.nonces(self.account()).await?;
        let open: Vec<(u64, Entry)> = open
            .into_iter()
            .filter_map(|entry| Some((entry.nonce?, entry)))
            .filter(|(nonce, _)| *nonce >= mined)
            .collect();
        let hashes: Vec<TxHash> = open.iter().map(|(_, entry)| entry.hash).collect();
        let known = chain.known(&hashes).await?;
        let open = open.into_iter().zip(known).map(|((nonce, entry), known)| {
            let wanted = || entry.owner.as_deref().is_some_and(lock::runs);
            let state = match known {
                true => OpenState::Known,
                false if wanted() => OpenState::Wanted,
                false => OpenState::Lost,
            };
            Open { entry, nonce, state }
        });
        Ok(Standing {
            pending,
            open: open.collect(),
        })
    }

    /// Hands signed transactions out once more: the same bytes, so that each can be mined once at most. Gives back
    /// those that were turned down.
    pub(super) async fn send_again(&self, entries: Vec<Entry>) -> Vec<TxHash> {
        let mut refused = Vec::new();
        for entry in entries {
            let Some(raw) = &entry.raw else { continue };
            let outcome = self.chain().endpoints.broadcast(raw).await;
            tracing::info!(hash = %entry.hash, nonce = entry.nonce, ?outcome, "a lost transaction is sent again");
            if matches!(outcome, Broadcast::Rejected(_)) {
                refused.push(entry.hash);
            }
        }
        refused
    }

    /// Looks at what an earlier process left: what was mined or overtaken gets its line, what got lost below a
    /// transaction that waits is sent again. What got lost at the end is left: the next transaction takes its nonce.
    ///
    /// # Errors
    /// Journal or chain cannot be read, or the account is held elsewhere for too long.
    pub async fn recover(&self) -> Result<Vec<Waiting>, SubmitError> {
        const STEP: &str = "recovery";
        let _held = self.hold(STEP).await?;
        let open = self
            .chain()
            .open_entries(&self.shared.journal, self.account())
            .await
            .map_err(|error| error.at(STEP))?;
        for entry in &open {
            self.close(entry).await.map_err(|source| SubmitError::Chain {
                step: STEP.to_string(),
                source,
            })?;
        }
        let standing = self.standing().await.map_err(|error| error.at(STEP))?;
        // No nonce is about to be used.
        self.send_again(standing.sunk_below(u64::MAX)).await;
        Ok(standing
            .open
            .into_iter()
            .map(|open| Waiting {
                hash: open.entry.hash,
                nonce: open.nonce,
                title: open.entry.title,
                step: open.entry.step,
                since: open.entry.time,
                known: open.state == OpenState::Known,
            })
            .collect())
    }

    /// Writes the outcome of one transaction down if the chain tells it by now.
    async fn close(&self, entry: &Entry) -> Result<(), ChainError> {
        let Some(nonce) = entry.nonce else { return Ok(()) };
        let chain = self.chain();
        let look = chain.look_for(self.account(), &[entry.hash]).await?;
        if let Some(receipt) = look.receipts.into_iter().flatten().next() {
            self.settle(receipt.outcome(entry.clone())).await;
        } else if look.mined > nonce && !look.known {
            // Nodes write receipts after the count: what is young may have been mined a moment ago.
            let age = Timestamp::now().duration_since(entry.time);
            if age.as_secs() > 600 {
                let used = "another transaction with its nonce was mined".to_string();
                self.settle(ended(entry.clone(), Ending::Replaced, used)).await;
            }
        }
        Ok(())
    }
}

/// The transaction of a line.
pub(super) fn attempt(entry: &Entry) -> Option<Attempt> {
    Attempt::read(entry.raw.as_ref()?, entry.cancels)
}

/// Whether a line is about the sending of a nonce of an account on a chain.
pub(super) fn is_for(entry: &Entry, chain_id: u64, mark: Option<&str>, account: Address, nonce: u64) -> bool {
    entry.state == State::Sending
        && entry.chain_id == chain_id
        && (entry.chain.is_none() || entry.chain.as_deref() == mark)
        && entry.from == account
        && entry.nonce == Some(nonce)
}

/// Whether handing it out may have brought it to somebody.
pub(super) fn may_be_out(outcome: &Broadcast) -> bool {
    matches!(
        outcome,
        Broadcast::Accepted | Broadcast::NonceTooLow | Broadcast::Unsure
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(pending: u64, open: &[(u64, OpenState)]) -> Standing {
        let open = open.iter().zip(1..).map(|(&(nonce, state), number)| Open {
            entry: Entry {
                time: Timestamp::UNIX_EPOCH,
                state: State::Sending,
                hash: TxHash::repeat_byte(number),
                chain_id: 1,
                chain: None,
                from: Address::ZERO,
                title: String::new(),
                step: String::new(),
                nonce: Some(nonce),
                raw: None,
                owner: None,
                replaces: None,
                cancels: false,
                block: None,
                cost_wei: None,
                ended: None,
                error: None,
            },
            nonce,
            state,
        });
        Standing {
            pending,
            open: open.collect(),
        }
    }

    #[test]
    fn the_next_nonce_leaves_no_gap_and_takes_nothing_that_waits() {
        use OpenState::{Known, Lost, Wanted};
        for (pending, open, next, again) in [
            (5, &[][..], 5, &[][..]),
            // Waiting ones are passed over, seen by the count or not.
            (7, &[(5, Known), (6, Known)], 7, &[]),
            (5, &[(5, Known), (6, Known)], 7, &[]),
            // What a living process wants keeps its nonce and is sent again.
            (5, &[(5, Wanted)], 6, &[1]),
            (6, &[(5, Wanted)], 6, &[]),
            // What a dead one lost gives its nonce away.
            (5, &[(5, Lost)], 5, &[]),
            (5, &[(5, Lost), (6, Known)], 5, &[]),
            (5, &[(5, Lost), (6, Lost)], 5, &[]),
            (5, &[(5, Lost), (6, Lost), (7, Known)], 5, &[2]),
            // Somebody else's transaction below: the gap is filled.
            (5, &[(6, Known)], 5, &[]),
            // A replacement that got lost while the first is still there.
            (6, &[(5, Known), (5, Wanted)], 6, &[]),
            (5, &[(5, Lost), (5, Wanted)], 6, &[2]),
        ] {
            let standing = standing(pending, open);
            assert_eq!(standing.next(), next, "{open:?}");
            let sent: Vec<u8> = standing
                .sunk_below(next)
                .iter()
                .map(|entry| entry.hash[0])
                .collect();
            assert_eq!(sent, again, "{open:?}");
        }
    }

    #[test]
    fn what_every_endpoint_turns_down_gives_its_nonce_away() {
        let mut standing = standing(5, &[(5, OpenState::Wanted), (6, OpenState::Wanted)]);
        assert_eq!(standing.next(), 7);
        standing.give_up(&[TxHash::repeat_byte(1)]);
        assert_eq!(standing.next(), 5);
        assert!(standing.lost_at(5).is_some() && standing.lost_at(6).is_none());
    }
}
