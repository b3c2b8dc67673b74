//! From the broadcast to the receipt, through replacements, lost transactions, lagging nodes and reorgs.

use std::time::{Duration, Instant};

use alloy::{
    primitives::{Address, Bytes, TxHash, U64, U256},
    rpc::types::Log,
};
use jiff::Timestamp;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::json;

use super::{
    Attempt, Ending, Entry, Fate, Mined, Outbox, Sent, State, ended,
    standing::{RecordError, attempt, is_for, may_be_out},
};
use crate::{
    chain::{Chain, ChainError, Revert, SubmitError, SubmitEvent, SubmitOptions, plan::revert_of},
    units::Wei,
};

/// How many looks long a nonce has to stay taken until it is believed: 20 s on public chains.
const PATIENCE: u32 = 20;
/// How many looks long no endpoint may know a transaction until it is sent again.
const LOST: u32 = 5;
/// Transactions followed for one nonce: replacements of this and other processes.
const MOST_ATTEMPTS: usize = 16;

/// A receipt, what we use of it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Receipt {
    pub(super) transaction_hash: TxHash,
    pub(super) block_number: U64,
    gas_used: U64,
    effective_gas_price: Option<U256>,
    status: Option<U64>,
    #[serde(default)]
    logs: Vec<Log>,
}

impl Receipt {
    pub(super) fn failed(&self) -> bool {
        self.status.is_some_and(|status| status.is_zero())
    }

    pub(super) fn gas_used(&self) -> u64 {
        self.gas_used.to()
    }

    pub(super) fn block(&self) -> u64 {
        self.block_number.to()
    }

    /// What the gas cost. An old node that does not tell the price is taken at what was offered.
    pub(super) fn cost(&self, offered: U256) -> Wei {
        let price = self.effective_gas_price.unwrap_or(offered);
        Wei(price.saturating_mul(U256::from(self.gas_used.to::<u64>())))
    }

    /// The line for it.
    pub(super) fn outcome(&self, line: Entry) -> Entry {
        let offered = attempt(&line).map_or(U256::ZERO, |sent| sent.body.offer.cap);
        let state = if self.failed() { State::Ended } else { State::Mined };
        Entry {
            time: Timestamp::now(),
            state,
            hash: self.transaction_hash,
            raw: None,
            owner: None,
            block: Some(self.block()),
            cost_wei: Some(self.cost(offered)),
            ended: self.failed().then_some(Ending::Reverted),
            error: self
                .failed()
                .then(|| format!("it was mined in block {} and reverted", self.block())),
            ..line
        }
    }

    pub(super) fn mined(self, nonce: u64, offered: U256, replaced: bool) -> Mined {
        Mined {
            hash: self.transaction_hash,
            nonce,
            block: self.block(),
            gas_used: self.gas_used.to(),
            cost_wei: self.cost(offered),
            logs: self.logs,
            replaced,
        }
    }
}

/// What an endpoint knows of the transactions for a nonce.
pub(super) struct Look {
    pub(super) receipts: Vec<Option<Receipt>>,
    /// Whether it knows any of them at all, mined or waiting.
    pub(super) known: bool,
    /// Transactions of the account in blocks.
    pub(super) mined: u64,
    head: u64,
}

/// What was mined for a nonce.
pub(super) struct Resolved {
    pub(super) receipt: Receipt,
    /// Which of the transactions for the nonce it is.
    pub(super) attempt: Attempt,
}

impl Chain {
    /// What an endpoint knows of transactions of an account. One request.
    pub(super) async fn look_for(&self, account: Address, hashes: &[TxHash]) -> Result<Look, ChainError> {
        let mut batch = self.rpc.new_batch();
        let mined = batch.add_call::<_, U64>("eth_getTransactionCount", &json!([account, "latest"]))?;
        let head = batch.add_call::<_, U64>("eth_blockNumber", &json!([]))?;
        let mut asked = Vec::with_capacity(hashes.len());
        for hash in hashes {
            asked.push((
                *hash,
                batch.add_call::<_, Option<Receipt>>("eth_getTransactionReceipt", &json!([hash]))?,
                batch.add_call::<_, Option<IgnoredAny>>("eth_getTransactionByHash", &json!([hash]))?,
            ));
        }
        batch.send().await?;
        let (mined, head) = (mined.await?.to(), head.await?.to());
        let mut look = Look {
            receipts: Vec::with_capacity(asked.len()),
            known: false,
            mined,
            head,
        };
        for (hash, receipt, known) in asked {
            // A receipt of something else is no receipt.
            let receipt = receipt.await?.filter(|receipt| receipt.transaction_hash == hash);
            look.known |= known.await?.is_some();
            look.receipts.push(receipt);
        }
        Ok(look)
    }

    /// How often to look.
    pub(in crate::chain) fn pace(&self) -> Duration {
        let public = super::super::network::is_public(self.chain_id);
        Duration::from_millis(if public { 1000 } else { 100 })
    }

    /// Runs a failed transaction again, on the state before its block and after it: what came before it in the block
    /// may be what it stumbled over.
    pub(super) async fn why_reverted(&self, from: Address, sent: &Attempt, receipt: &Receipt) -> Revert {
        let body = &sent.body;
        let call = json!({
            "from": from, "to": body.to, "data": body.data, "value": body.value, "gas": U64::from(body.gas_limit),
        });
        let block = receipt.block();
        for at in [block.saturating_sub(1), block] {
            let mut batch = self.rpc.new_batch();
            let Ok(run) = batch.add_call::<_, Bytes>("eth_call", &json!([call, U64::from(at)])) else {
                continue;
            };
            if batch.send().await.is_ok()
                && let Err(error) = run.await
                && let Some(reason) = revert_of(&error)
            {
                return reason;
            }
        }
        if receipt.gas_used.to::<u64>() >= body.gas_limit {
            return Revert::Message(format!("out of gas at the limit of {}", body.gas_limit));
        }
        Revert::Silent
    }
}

impl Sent {
    /// The newest transaction for the nonce.
    #[must_use]
    pub fn hash(&self) -> TxHash {
        self.newest().hash
    }

    /// The nonce.
    #[must_use]
    pub fn nonce(&self) -> u64 {
        self.nonce
    }

    fn newest(&self) -> &Attempt {
        &self.attempts[self.attempts.len() - 1]
    }

    /// Waits until it is mined, or another transaction with its nonce is. What no endpoint has any more is sent again,
    /// what is stuck is offered for more, within the sender's rules.
    ///
    /// # Errors
    /// Not mined in time, mined and reverted, or something else took the nonce.
    pub async fn mined(self, options: SubmitOptions) -> Result<Mined, SubmitError> {
        self.mined_observed(options, &mut |_| {}).await
    }

    pub(in crate::chain) async fn mined_observed(
        mut self,
        options: SubmitOptions,
        observer: &mut (dyn FnMut(SubmitEvent) + Send),
    ) -> Result<Mined, SubmitError> {
        let Resolved { receipt, attempt } = Box::pin(self.resolve(options, observer)).await?;
        let asked = &self.attempts[0];
        let same = |one: &Attempt, other: &Attempt| {
            let (one, other) = (&one.body, &other.body);
            one.to == other.to && one.data == other.data && one.value == other.value
        };
        if attempt.cancels || !same(&attempt, asked) {
            return Err(SubmitError::Replaced {
                step: self.step.clone(),
                hash: asked.hash,
                by: attempt.hash,
                cancelled: attempt.cancels,
            });
        }
        if receipt.failed() {
            let outbox = &self.outbox;
            let chain = outbox.chain();
            let reason = chain.why_reverted(outbox.account(), &attempt, &receipt).await;
            return Err(SubmitError::Reverted {
                step: self.step.clone(),
                hash: attempt.hash,
                block: receipt.block(),
                reason,
            });
        }
        let replaced = attempt.hash != asked.hash;
        Ok(receipt.mined(self.nonce, attempt.body.offer.cap, replaced))
    }

    /// Waits until one of the transactions for the nonce is mined, whichever and whether it worked or not.
    pub(super) async fn resolve(
        &mut self,
        options: SubmitOptions,
        observer: &mut (dyn FnMut(SubmitEvent) + Send),
    ) -> Result<Resolved, SubmitError> {
        let outbox = self.outbox.clone();
        let chain = outbox.chain();
        let pace = chain.pace();
        let begun = Instant::now();
        let (mut overtaken, mut lost): (Option<Instant>, Option<Instant>) = (None, None);
        let mut offered = Instant::now();
        let mut replacements = 0;
        loop {
            let hashes: Vec<TxHash> = self.attempts.iter().map(|attempt| attempt.hash).collect();
            match chain.look_for(outbox.account(), &hashes).await {
                Ok(mut look) => {
                    let there = look.receipts.iter().position(Option::is_some);
                    if let Some(place) = there
                        && let Some(receipt) = look.receipts[place].take()
                    {
                        (overtaken, lost) = (None, None);
                        if look.head >= receipt.block().saturating_add(options.confirmations) {
                            let attempt = self.attempts[place].clone();
                            self.settle(&receipt, place).await;
                            return Ok(Resolved { receipt, attempt });
                        }
                    } else if look.known {
                        (overtaken, lost) = (None, None);
                        // Behind another one it waits for that, whatever it offers.
                        let stuck =
                            look.mined == self.nonce && offered.elapsed() >= outbox.policy().replace_after;
                        if stuck && replacements < outbox.policy().replacements {
                            replacements += 1;
                            offered = Instant::now();
                            self.offer_more(observer).await;
                        }
                    } else if look.mined > self.nonce {
                        // The nonce is used, and nobody knows our transaction. Another process may have replaced it.
                        // Nodes behind one address may be seconds apart, and receipts are written after the count: only
                        // what stays so is believed.
                        lost = None;
                        if self.adopt().await {
                            continue;
                        }
                        let since = *overtaken.get_or_insert_with(Instant::now);
                        if since.elapsed() >= pace * PATIENCE {
                            return Err(self.overtaken().await);
                        }
                    } else {
                        overtaken = None;
                        let since = *lost.get_or_insert_with(Instant::now);
                        if since.elapsed() >= pace * LOST {
                            lost = None;
                            self.adopt().await;
                            let outcome = chain.endpoints.broadcast(&self.newest().raw).await;
                            tracing::info!(hash = %self.hash(), ?outcome, "sent again: no endpoint had it");
                            // Dropped for what it offers: nobody takes it for that.
                            let refused = matches!(outcome, super::Broadcast::Rejected(_));
                            if refused && replacements < outbox.policy().replacements {
                                replacements += 1;
                                offered = Instant::now();
                                self.offer_more(observer).await;
                            }
                        }
                    }
                }
                // Whatever fails here, the transaction is out: keep asking.
                Err(error) => tracing::debug!(%error, "asking for a receipt failed"),
            }
            let waited = begun.elapsed();
            if waited >= options.timeout {
                return Err(SubmitError::Unconfirmed {
                    step: self.step.clone(),
                    hash: self.hash(),
                    waited,
                });
            }
            tokio::time::sleep(pace.min(options.timeout - waited)).await;
        }
    }

    /// Takes transactions for the nonce over that another process wrote down. Whether there were any.
    async fn adopt(&mut self) -> bool {
        let outbox = &self.outbox;
        let account = outbox.account();
        let Ok(open) = outbox.chain().open_entries(&outbox.shared.journal, account).await else {
            return false;
        };
        let before = self.attempts.len();
        for entry in open.iter().filter(|entry| entry.nonce == Some(self.nonce)) {
            let is_new = self.attempts.iter().all(|attempt| attempt.hash != entry.hash);
            if is_new && self.attempts.len() < MOST_ATTEMPTS {
                self.attempts.extend(attempt(entry));
            }
        }
        // Its waiter may have written the outcome down already: then the whole history tells.
        if self.attempts.len() == before {
            self.adopt_settled().await;
        }
        self.attempts.len() > before
    }

    async fn adopt_settled(&mut self) {
        let outbox = &self.outbox;
        let (chain, account) = (outbox.chain(), outbox.account());
        let (Ok(mark), Ok(history)) = (chain.mark().await, outbox.shared.journal.history()) else {
            return;
        };
        for entry in history
            .iter()
            .filter(|entry| is_for(entry, chain.chain_id, mark.as_deref(), account, self.nonce))
        {
            let is_new = self.attempts.iter().all(|attempt| attempt.hash != entry.hash);
            if is_new && self.attempts.len() < MOST_ATTEMPTS {
                self.attempts.extend(attempt(entry));
            }
        }
    }

    /// Sends the newest transaction again for more, if the rules allow.
    async fn offer_more(&mut self, observer: &mut (dyn FnMut(SubmitEvent) + Send)) {
        let outbox = self.outbox.clone();
        let Ok(_held) = outbox.hold(&self.step).await else {
            return;
        };
        if self.adopt().await {
            // Somebody else did.
            return;
        }
        let Ok((now, _)) = outbox.chain().now(None).await else {
            return;
        };
        let last = self.newest().clone();
        let Some(offer) = outbox.policy().raise(last.body.offer, &now.fees) else {
            tracing::warn!(hash = %last.hash, "stuck, and a higher offer is above the ceiling");
            return;
        };
        let most = offer.most(last.body.gas_limit);
        if self.budget.is_some_and(|budget| most > budget) {
            tracing::warn!(hash = %last.hash, "stuck, and a higher offer costs more than was agreed to");
            return;
        }
        let body = super::Body { offer, ..last.body };
        match self.put_in_place(body, last.hash, last.cancels).await {
            Ok(()) => observer(SubmitEvent::Replaced {
                step: self.step.clone(),
                old: last.hash,
                new: self.hash(),
            }),
            Err(error) => tracing::warn!(%error, hash = %last.hash, "stuck, and could not be replaced"),
        }
    }

    /// Writes another transaction for the nonce down and sends it. The account is held.
    pub(super) async fn put_in_place(
        &mut self,
        body: super::Body,
        replaces: TxHash,
        cancels: bool,
    ) -> Result<(), SubmitError> {
        let outbox = self.outbox.clone();
        let signed = outbox.sign(body, &self.step, cancels)?;
        let line = outbox.line(&self.title, &self.step, &signed).await;
        let line = Entry {
            replaces: Some(replaces),
            ..line.map_err(|source| super::unread(&self.step, source))?
        };
        let written = outbox.shared.journal.record(line.clone()).await;
        written.map_err(|error| SubmitError::NotRecorded {
            step: self.step.clone(),
            reason: error.to_string(),
        })?;
        let outcome = outbox.chain().endpoints.broadcast(&signed.raw).await;
        if may_be_out(&outcome) {
            self.attempts.push(signed);
            return Ok(());
        }
        let message = match outcome {
            super::Broadcast::Rejected(message) => message,
            other => format!("{other:?}"),
        };
        let error = SubmitError::Rejected {
            step: self.step.clone(),
            message,
        };
        outbox
            .settle(ended(line, Ending::NotSent, error.to_string()))
            .await;
        Err(error)
    }

    /// Writes down how it ended: for the one that was mined, and for those that can never be.
    async fn settle(&self, receipt: &Receipt, place: usize) {
        for (position, attempt) in self.attempts.iter().enumerate() {
            let Ok(line) = self.outbox.line(&self.title, &self.step, attempt).await else {
                return;
            };
            let outcome = if position == place {
                receipt.outcome(line)
            } else {
                let by = receipt.transaction_hash;
                ended(line, Ending::Replaced, format!("its nonce was used by {by}"))
            };
            self.outbox.settle(outcome).await;
        }
    }

    async fn overtaken(&self) -> SubmitError {
        let hash = self.hash();
        let error = SubmitError::NonceTaken {
            step: self.step.clone(),
            hash,
            nonce: self.nonce,
        };
        for attempt in &self.attempts {
            if let Ok(line) = self.outbox.line(&self.title, &self.step, attempt).await {
                let line = ended(line, Ending::Replaced, error.to_string());
                self.outbox.settle(line).await;
            }
        }
        error
    }
}

impl Outbox {
    /// What became of a transaction, of this process or one before it.
    ///
    /// # Errors
    /// Journal or chain cannot be read.
    pub async fn fate(&self, hash: TxHash) -> Result<Fate, RecordError> {
        let chain = self.chain();
        let history = self.shared.journal.history()?;
        let entry = history
            .iter()
            .find(|entry| entry.hash == hash && entry.chain_id == chain.chain_id && entry.nonce.is_some());
        let look = chain.look_for(self.account(), &[hash]).await?;
        let sent = entry.and_then(attempt);
        let nonce = entry.and_then(|entry| entry.nonce);
        if let Some(receipt) = look.receipts.into_iter().flatten().next() {
            let block = receipt.block();
            if receipt.failed() {
                return Ok(Fate::Reverted { block });
            }
            let offered = sent.map_or(U256::ZERO, |sent| sent.body.offer.cap);
            return Ok(Fate::Mined(receipt.mined(
                nonce.unwrap_or_default(),
                offered,
                false,
            )));
        }
        if look.known {
            return Ok(Fate::Waiting);
        }
        let Some(nonce) = nonce else {
            return Ok(Fate::Unknown);
        };
        if look.mined <= nonce {
            return Ok(Fate::Lost);
        }
        let mark = chain.mark().await?;
        let rivals: Vec<TxHash> = history
            .iter()
            .filter(|entry| is_for(entry, chain.chain_id, mark.as_deref(), self.account(), nonce))
            .map(|entry| entry.hash)
            .filter(|rival| *rival != hash)
            .take(MOST_ATTEMPTS)
            .collect();
        let receipts = chain.look_for(self.account(), &rivals).await?.receipts;
        let by = receipts.into_iter().flatten().next();
        Ok(Fate::Replaced {
            by: by.map(|receipt| receipt.transaction_hash),
        })
    }

    /// Waits for a transaction that was sent before, like [`Sent::mined`].
    ///
    /// # Errors
    /// As there; the journal cannot be read or does not know it.
    pub async fn follow(&self, hash: TxHash, options: SubmitOptions) -> Result<Mined, SubmitError> {
        self.sent(hash)?.mined(options).await
    }

    /// A transaction of the journal as one that was just sent.
    fn sent(&self, hash: TxHash) -> Result<Sent, SubmitError> {
        let unreadable = |reason: String| SubmitError::NotRecorded {
            step: "follow".to_string(),
            reason,
        };
        let history = self.shared.journal.history();
        let history = history.map_err(|error| unreadable(format!("the journal cannot be read: {error}")))?;
        let ours = |entry: &Entry| {
            entry.hash == hash && entry.chain_id == self.chain().chain_id && entry.from == self.account()
        };
        let found = history
            .into_iter()
            .rev()
            .find(|entry| ours(entry) && entry.raw.is_some());
        let sent = found.and_then(|entry| Some((attempt(&entry)?, entry)));
        let (attempt, entry) = sent.ok_or_else(|| unreadable(format!("the journal does not know {hash}")))?;
        Ok(Sent {
            outbox: self.clone(),
            title: entry.title,
            step: entry.step,
            nonce: attempt.body.nonce,
            attempts: vec![attempt],
            budget: None,
        })
    }
}
