//! What was sent from here, as journal and chain tell it together.

use alloy::primitives::{Address, TxHash, map::HashMap};
use futures_util::future::try_join_all;

use super::{
    Ending, Entry, Journal, RecordError, State,
    standing::{attempt, is_for},
    waiting::Look,
};
use crate::{
    chain::{Chain, text::plain},
    units::Wei,
    view::sent::{SentDetail, SentList, SentState, SentTransaction},
};

/// Open transactions the chain is asked about, the newest. Older ones than these are shown as the journal has them.
const MOST_OPEN: usize = 20;

/// All lines of one transaction.
struct Story {
    first: Entry,
    last: Entry,
}

impl Story {
    fn told(&self, state: SentState) -> SentTransaction {
        SentTransaction {
            hash: self.first.hash,
            time: Some(self.first.time),
            title: plain(&self.first.title, 200),
            step: plain(&self.first.step, 80),
            from: self.first.from,
            nonce: self.first.nonce.or(self.last.nonce),
            state,
            block: self.last.block,
            cost_wei: self.last.cost_wei,
            replaces: self.first.replaces,
            cancels: self.first.cancels,
            error: self.last.error.as_deref().map(|error| plain(error, 300)),
        }
    }

    /// What the journal says; none for one without outcome.
    fn outcome(&self) -> Option<SentState> {
        match self.last.state {
            State::Sending => None,
            State::Mined => Some(SentState::Mined),
            State::Ended => Some(match self.last.ended {
                Some(Ending::NotSent) => SentState::NotSent,
                Some(Ending::Reverted) => SentState::Reverted,
                Some(Ending::Replaced) => SentState::Replaced,
                // Lines of earlier versions say it in words only.
                None => match self.last.error.as_deref().unwrap_or_default() {
                    error if error.contains("reverted") => SentState::Reverted,
                    error if error.contains("nonce") => SentState::Replaced,
                    _ => SentState::NotSent,
                },
            }),
        }
    }
}

/// The transactions of a history in the order they were first written down.
fn stories(history: Vec<Entry>, chosen: impl Fn(&Entry) -> bool) -> Vec<Story> {
    let mut stories: Vec<Story> = Vec::new();
    let mut places: HashMap<TxHash, usize> = HashMap::default();
    for entry in history.into_iter().filter(chosen) {
        match places.get(&entry.hash) {
            Some(place) => stories[*place].last = entry,
            None => {
                places.insert(entry.hash, stories.len());
                stories.push(Story {
                    first: entry.clone(),
                    last: entry,
                });
            }
        }
    }
    stories
}

impl Chain {
    /// An account's transactions that were sent from here, newest first, at most `limit`; `only_open`: those that can
    /// still be mined.
    ///
    /// # Errors
    /// Journal or chain cannot be read.
    pub async fn sent_list(
        &self,
        journal: &Journal,
        account: Address,
        limit: usize,
        only_open: bool,
    ) -> Result<SentList, RecordError> {
        let ours = |entry: &Entry| entry.from == account && entry.chain_id == self.chain_id;
        let mut stories = stories(journal.history()?, ours);
        if only_open {
            stories.retain(|story| story.outcome().is_none());
        }
        stories.reverse();
        let mut older = stories.len().saturating_sub(limit);
        stories.truncate(limit);
        let open: Vec<&Story> = stories
            .iter()
            .filter(|story| story.outcome().is_none())
            .take(MOST_OPEN)
            .collect();
        let asked = open.iter().map(|story| self.current(account, story));
        let mut current: HashMap<TxHash, SentTransaction> = try_join_all(asked)
            .await?
            .into_iter()
            .map(|told| (told.hash, told))
            .collect();
        let mut transactions: Vec<SentTransaction> = stories
            .iter()
            .map(|story| {
                let known = current.remove(&story.first.hash);
                known.unwrap_or_else(|| story.told(story.outcome().unwrap_or(SentState::Waiting)))
            })
            .collect();
        if only_open {
            let before = transactions.len();
            transactions.retain(|told| matches!(told.state, SentState::Waiting | SentState::Lost));
            older = older.saturating_sub(before - transactions.len());
        }
        Ok(SentList {
            network: self.network.name.clone(),
            chain_id: self.chain_id,
            account,
            transactions,
            older,
        })
    }

    /// One without outcome in the journal, as the chain tells it now.
    async fn current(&self, account: Address, story: &Story) -> Result<SentTransaction, RecordError> {
        let entry = &story.first;
        if entry.chain.is_some() && entry.chain != self.mark().await? {
            return Ok(story.told(SentState::OtherChain));
        }
        let look = self.look_for(account, &[entry.hash]).await?;
        Ok(place(story.told(SentState::Waiting), &look, entry))
    }

    /// A transaction, of the journal or of the chain. None: neither knows it.
    ///
    /// # Errors
    /// Journal or chain cannot be read.
    pub async fn sent_detail(
        &self,
        journal: &Journal,
        hash: TxHash,
    ) -> Result<Option<SentDetail>, RecordError> {
        let history = journal.history()?;
        let rows = stories(history.clone(), |entry| {
            entry.hash == hash && entry.chain_id == self.chain_id
        });
        let story = rows.first();
        // Whose it is decides whose nonces are counted.
        let sender = story.map_or(Address::ZERO, |story| story.first.from);
        let ((now, _), (told, _)) = tokio::try_join!(self.now(None), self.told(sender, hash))?;
        let Some(from) = story
            .map(|story| story.first.from)
            .or(told.as_ref().map(|told| told.from))
        else {
            return Ok(None);
        };
        let look = self.look_for(from, &[hash]).await?;
        let sent = story.and_then(|story| attempt(&story.first));
        let body = sent
            .as_ref()
            .map(|sent| sent.body.clone())
            .or_else(|| told.as_ref().and_then(super::body::Told::body));
        let mark = self.mark().await?;
        let nonce = body.as_ref().map(|body| body.nonce);
        let mut transaction = match story {
            Some(story) => story.told(SentState::Waiting),
            None => SentTransaction {
                hash,
                time: None,
                title: "a transaction of another program".to_string(),
                step: "call".to_string(),
                from,
                nonce,
                state: SentState::Waiting,
                block: None,
                cost_wei: None,
                replaces: None,
                cancels: false,
                error: None,
            },
        };
        let elsewhere = story.is_some_and(|story| story.first.chain.is_some() && story.first.chain != mark);
        let outcome = story.and_then(Story::outcome);
        let (gas_used, failed) = match look.receipts.first().and_then(Option::as_ref) {
            Some(receipt) => (Some(receipt.gas_used()), receipt.failed()),
            None => (None, false),
        };
        if elsewhere && !look.known {
            transaction.state = SentState::OtherChain;
        } else if let (Some(outcome), None, false) = (outcome, gas_used, look.known) {
            // The chain knows nothing of it any more: what was written down then stands.
            transaction.state = outcome;
        } else {
            let offered = body.as_ref().map(|body| body.offer.cap).unwrap_or_default();
            if let Some(receipt) = look.receipts.first().and_then(Option::as_ref) {
                transaction.cost_wei = Some(receipt.cost(offered));
                transaction.block = Some(receipt.block());
            }
            let entry_nonce = nonce.unwrap_or_default();
            transaction.state = state_of(&look, entry_nonce);
        }
        let revert = match (&sent, look.receipts.first().and_then(Option::as_ref)) {
            (Some(sent), Some(receipt)) if failed => {
                Some(self.why_reverted(from, sent, receipt).await.to_string())
            }
            _ => None,
        };
        let rivals = history
            .iter()
            .filter(|entry| {
                nonce.is_some_and(|nonce| is_for(entry, self.chain_id, mark.as_deref(), from, nonce))
            })
            .map(|entry| entry.hash)
            .filter(|rival| *rival != hash)
            .collect();
        let waits = matches!(transaction.state, SentState::Waiting | SentState::Lost);
        Ok(Some(SentDetail {
            at: self.read_at(&now.head)?,
            transaction,
            to: body.as_ref().map(|body| body.to),
            value_wei: body.as_ref().map(|body| Wei(body.value)),
            gas_limit: body.as_ref().map(|body| body.gas_limit),
            gas_used,
            gas_price_wei: body.as_ref().map(|body| Wei(body.offer.cap)),
            gas_price_now_wei: now.fees.price,
            behind: nonce
                .filter(|_| waits)
                .map(|nonce| nonce.saturating_sub(look.mined)),
            revert,
            rivals,
        }))
    }
}

fn place(mut told: SentTransaction, look: &Look, entry: &Entry) -> SentTransaction {
    told.state = state_of(look, entry.nonce.unwrap_or_default());
    if let Some(receipt) = look.receipts.first().and_then(Option::as_ref) {
        let line = receipt.outcome(entry.clone());
        told.block = line.block;
        told.cost_wei = line.cost_wei;
        told.error = line.error;
    }
    told
}

/// What the chain says of one transaction.
fn state_of(look: &Look, nonce: u64) -> SentState {
    match look.receipts.first().and_then(Option::as_ref) {
        Some(receipt) if receipt.failed() => SentState::Reverted,
        Some(_) => SentState::Mined,
        None if look.known => SentState::Waiting,
        None if look.mined > nonce => SentState::Replaced,
        None => SentState::Lost,
    }
}
