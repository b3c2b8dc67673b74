//! The one way a transaction is sent: check again, simulate, sign, tell, send, watch, read back.
//!
//! Each error says what is true on the chain then. Hash and signed bytes are handed out before anything is sent, so
//! whoever keeps them can find the transaction again even if this process ends at that moment.

use std::{
    io,
    time::{Duration, Instant},
};

use alloy::{
    consensus::{SignableTransaction, TxEip1559, TxEnvelope, TxLegacy},
    eips::eip2718::Encodable2718,
    network::TxSignerSync,
    primitives::{Address, Bytes, TxHash, TxKind, U64, U256},
    signers::local::PrivateKeySigner,
};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::json;

use super::{
    Chain, ChainError, Plan, Revert, SubmitError,
    facts::{Now, Snapshot},
    network::is_public,
    plan::{Step, changes, revert_of, with_margin},
    provider::Broadcast,
};
use crate::{
    units::Wei,
    view::transaction::{Finding, MinedStep, PlanSummary, Severity, TransactionReport},
};

/// How patiently a plan is sent.
#[derive(Debug, Clone, Copy)]
pub struct SubmitOptions {
    /// How long to wait for each receipt; then the outcome is unknown.
    pub timeout: Duration,
}

impl Default for SubmitOptions {
    /// Two minutes: Arbitrum mines within seconds, Ethereum mostly within one.
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(120),
        }
    }
}

/// How far the sending of a plan is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubmitEvent {
    /// Signed, and about to be sent: the moment to write it down. It is not sent if the observer fails here.
    Signed {
        /// The step's name.
        step: String,
        /// The transaction's hash.
        hash: TxHash,
        /// The signed bytes, as sent.
        raw: Bytes,
        /// Its nonce.
        nonce: u64,
    },
    /// Handed to an endpoint, or perhaps: watched for from now on.
    Sent {
        /// The step's name.
        step: String,
        /// The transaction's hash.
        hash: TxHash,
    },
    /// In a block, and it worked.
    Mined(MinedStep),
}

/// A receipt, what we use of it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Receipt {
    block_number: U64,
    gas_used: U64,
    effective_gas_price: Option<U256>,
    status: Option<U64>,
}

/// What an endpoint knows of a transaction that was sent.
struct Outcome {
    receipt: Option<Receipt>,
    /// Whether it knows the transaction at all, mined or waiting.
    known: bool,
    /// Transactions of the sender in blocks.
    mined: u64,
}

/// A transaction ready to be sent.
struct Signed {
    hash: TxHash,
    raw: Bytes,
    nonce: u64,
    gas_limit: u64,
    price: Wei,
}

/// How many looks long a node may lag behind the block an earlier step is in: 15 s on public chains.
const CATCH_UP: u32 = 15;

/// How many looks long a nonce has to stay taken until it is believed: 20 s on public chains.
const PATIENCE: u32 = 20;

impl Chain {
    /// Sends a plan, step by step, and reads the result back.
    ///
    /// The plan is made anew first, as minutes may have passed: what now stands in its way refuses it, and so does
    /// whatever its reader did not agree to: another step, a new warning, a much higher cost. Each step is simulated
    /// right before it is signed; one that builds on an earlier step, after that one is mined.
    ///
    /// `observer` is told of every step. It gets hash and bytes before they are sent, and nothing is sent if it fails
    /// then; later failures of it change nothing. It runs in this future: what it does takes milliseconds.
    ///
    /// # Errors
    /// [`SubmitError`], each variant saying what was sent and what is known of it.
    pub async fn submit(
        &self,
        plan: Plan,
        signer: &PrivateKeySigner,
        options: SubmitOptions,
        mut observer: impl FnMut(SubmitEvent) -> io::Result<()> + Send,
    ) -> Result<TransactionReport, SubmitError> {
        let from = plan.from();
        if signer.address() != from {
            return Err(SubmitError::WrongSigner {
                from,
                signer: signer.address(),
            });
        }
        let preflight = |source| SubmitError::Chain {
            step: "preflight".to_string(),
            source,
        };
        refuse(&plan)?;
        let agreed = plan.summary;
        let plan = self
            .plan(from, plan.intent, plan.options)
            .await
            .map_err(preflight)?;
        refuse(&plan)?;
        if let Some(change) = beyond(&agreed, &plan.summary) {
            return Err(SubmitError::PlanChanged(change));
        }

        let mut mined: Vec<MinedStep> = Vec::new();
        let mut budget = most_payable(&agreed);
        for step in &plan.steps {
            let sent = self
                .send_step(&plan, step, signer, &options, budget, mined.last(), &mut observer)
                .await;
            match sent {
                Ok(done) => {
                    budget = budget.saturating_sub(done.cost_wei);
                    let _ = observer(SubmitEvent::Mined(done.clone()));
                    mined.push(done);
                }
                Err(source) if mined.is_empty() => return Err(source),
                Err(source) => {
                    return Err(SubmitError::Partly {
                        mined: mined.into_iter().map(|done| (done.name, done.hash)).collect(),
                        source: Box::new(source),
                    });
                }
            }
        }
        self.read_back(plan, mined).await
    }

    /// What a plan would report without being sent: nothing but the plan.
    #[must_use]
    pub fn dry_run(plan: &Plan) -> TransactionReport {
        TransactionReport {
            title: plan.summary.title.clone(),
            network: plan.summary.network.clone(),
            from: plan.summary.from,
            sent: false,
            transactions: Vec::new(),
            cost_wei: Wei::ZERO,
            changes: plan.summary.changes.clone(),
            block: plan.summary.block,
            plan: Some(plan.summary.clone()),
        }
    }

    /// `budget` is the most this step may offer to pay.
    #[expect(
        clippy::too_many_arguments,
        reason = "what one step needs, called from one place"
    )]
    async fn send_step(
        &self,
        plan: &Plan,
        step: &Step,
        signer: &PrivateKeySigner,
        options: &SubmitOptions,
        budget: Wei,
        earlier: Option<&MinedStep>,
        observer: &mut (impl FnMut(SubmitEvent) -> io::Result<()> + Send),
    ) -> Result<MinedStep, SubmitError> {
        let name = step.name.to_string();
        let unread = |source| SubmitError::Chain {
            step: name.clone(),
            source,
        };
        let from = plan.from();
        let now = self
            .now_after(earlier.map(|done| done.block))
            .await
            .map_err(unread)?;
        let gas = match self.simulate(from, step).await.map_err(unread)? {
            Ok(gas) => gas,
            Err(reason) => return Err(SubmitError::WouldRevert { step: name, reason }),
        };
        if let Some(limit) = plan.options.max_gas_price
            && now.fees.price > limit
        {
            return Err(SubmitError::GasPriceAboveLimit {
                price: now.fees.price.human_gwei(),
                limit: limit.human_gwei(),
            });
        }
        let gas_limit = with_margin(gas).max(step.min_gas);
        let offer = Wei(now
            .fees
            .cap(plan.options.max_gas_price)
            .0
            .saturating_mul(U256::from(gas_limit)));
        if offer > budget {
            let most = budget.human();
            return Err(SubmitError::PlanChanged(format!(
                "`{name}` can cost {} now, more than the {most} that are left of what was agreed to",
                offer.human()
            )));
        }
        let nonce = self.next_nonce(from).await.map_err(unread)?;
        let signed = self
            .sign(plan, step, signer, &now, gas_limit, nonce)
            .map_err(|reason| SubmitError::Sign {
                step: name.clone(),
                reason,
            })?;
        observer(SubmitEvent::Signed {
            step: name.clone(),
            hash: signed.hash,
            raw: signed.raw.clone(),
            nonce,
        })
        .map_err(|error| SubmitError::NotRecorded {
            step: name.clone(),
            reason: error.to_string(),
        })?;
        match self.endpoints.broadcast(&signed.raw).await {
            Broadcast::Accepted | Broadcast::NonceTooLow | Broadcast::Unsure => {}
            Broadcast::Rejected(message) => {
                return Err(SubmitError::Rejected { step: name, message });
            }
            Broadcast::NotSent(failures) => return Err(unread(ChainError::from_failures(failures))),
        }
        let _ = observer(SubmitEvent::Sent {
            step: name.clone(),
            hash: signed.hash,
        });
        let receipt = self.watch(&name, from, &signed, options).await?;
        let block = receipt.block_number.to::<u64>();
        if receipt.status.is_some_and(|status| status.is_zero()) {
            let reason = self.why_reverted(from, step, &signed, &receipt).await;
            return Err(SubmitError::Reverted {
                step: name,
                hash: signed.hash,
                block,
                reason,
            });
        }
        let price = receipt.effective_gas_price.unwrap_or(signed.price.0);
        Ok(MinedStep {
            name,
            hash: signed.hash,
            block,
            gas_used: receipt.gas_used.to(),
            cost_wei: Wei(price.saturating_mul(U256::from(receipt.gas_used.to::<u64>()))),
        })
    }

    /// The head, once it has reached the block an earlier step is in: another endpoint may lag behind.
    async fn now_after(&self, block: Option<u64>) -> Result<Now, ChainError> {
        let begun = Instant::now();
        loop {
            let (now, _) = self.now(None).await?;
            if block.is_none_or(|block| now.head.number() >= block)
                || begun.elapsed() > self.pace() * CATCH_UP
            {
                return Ok(now);
            }
            tokio::time::sleep(self.pace()).await;
        }
    }

    async fn next_nonce(&self, from: Address) -> Result<u64, ChainError> {
        let mut batch = self.rpc.new_batch();
        let pending = batch.add_call::<_, U64>("eth_getTransactionCount", &json!([from, "pending"]))?;
        batch.send().await?;
        Ok(pending.await?.to())
    }

    fn sign(
        &self,
        plan: &Plan,
        step: &Step,
        signer: &PrivateKeySigner,
        now: &Now,
        gas_limit: u64,
        nonce: u64,
    ) -> Result<Signed, String> {
        let cap = now.fees.cap(plan.options.max_gas_price);
        let max_fee = u128::try_from(cap.0).map_err(|_| format!("a gas price of {}", cap.human_gwei()))?;
        let tip = u128::try_from(now.fees.tip).unwrap_or(u128::MAX).min(max_fee);
        let to = TxKind::Call(step.to);
        let envelope: TxEnvelope = if now.fees.base.is_some() {
            let mut transaction = TxEip1559 {
                chain_id: self.chain_id,
                nonce,
                gas_limit,
                max_fee_per_gas: max_fee,
                max_priority_fee_per_gas: tip,
                to,
                value: U256::ZERO,
                access_list: alloy::eips::eip2930::AccessList::default(),
                input: step.data.clone(),
            };
            let signature = signer
                .sign_transaction_sync(&mut transaction)
                .map_err(|error| error.to_string())?;
            transaction.into_signed(signature).into()
        } else {
            let mut transaction = TxLegacy {
                chain_id: Some(self.chain_id),
                nonce,
                gas_price: max_fee,
                gas_limit,
                to,
                value: U256::ZERO,
                input: step.data.clone(),
            };
            let signature = signer
                .sign_transaction_sync(&mut transaction)
                .map_err(|error| error.to_string())?;
            transaction.into_signed(signature).into()
        };
        Ok(Signed {
            hash: *envelope.tx_hash(),
            raw: envelope.encoded_2718().into(),
            nonce,
            gas_limit,
            price: now.fees.price,
        })
    }

    /// Asks for the receipt until it is there, the time is over, or another transaction took the nonce.
    async fn watch(
        &self,
        step: &str,
        from: Address,
        signed: &Signed,
        options: &SubmitOptions,
    ) -> Result<Receipt, SubmitError> {
        let begun = Instant::now();
        let mut overtaken: Option<Instant> = None;
        loop {
            match self.outcome(from, signed.hash).await {
                Ok(Outcome {
                    receipt: Some(receipt),
                    ..
                }) => return Ok(receipt),
                // The nonce is used, and nobody knows our transaction. Nodes behind one address may be seconds
                // apart, and receipts are written after the count: only what stays so is believed.
                Ok(Outcome {
                    known: false, mined, ..
                }) if mined > signed.nonce => {
                    let since = *overtaken.get_or_insert_with(Instant::now);
                    if since.elapsed() >= self.pace() * PATIENCE {
                        return Err(SubmitError::NonceTaken {
                            step: step.to_string(),
                            hash: signed.hash,
                            nonce: signed.nonce,
                        });
                    }
                }
                Ok(_) => overtaken = None,
                // Whatever fails here, the transaction is out: keep asking.
                Err(error) => tracing::debug!(%error, "asking for a receipt failed"),
            }
            let waited = begun.elapsed();
            if waited >= options.timeout {
                return Err(SubmitError::Unconfirmed {
                    step: step.to_string(),
                    hash: signed.hash,
                    waited,
                });
            }
            tokio::time::sleep(self.pace().min(options.timeout - waited)).await;
        }
    }

    async fn outcome(&self, from: Address, hash: TxHash) -> Result<Outcome, ChainError> {
        let mut batch = self.rpc.new_batch();
        let mined = batch.add_call::<_, U64>("eth_getTransactionCount", &json!([from, "latest"]))?;
        let receipt = batch.add_call::<_, Option<Receipt>>("eth_getTransactionReceipt", &json!([hash]))?;
        let known = batch.add_call::<_, Option<IgnoredAny>>("eth_getTransactionByHash", &json!([hash]))?;
        batch.send().await?;
        Ok(Outcome {
            receipt: receipt.await?,
            known: known.await?.is_some(),
            mined: mined.await?.to(),
        })
    }

    /// Runs a failed transaction again, on the state before its block and after it: what came before it in the block
    /// may be what it stumbled over.
    async fn why_reverted(&self, from: Address, step: &Step, signed: &Signed, receipt: &Receipt) -> Revert {
        let block = receipt.block_number.to::<u64>();
        let call = json!({
            "from": from, "to": step.to, "data": step.data, "gas": U64::from(signed.gas_limit),
        });
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
        if receipt.gas_used.to::<u64>() >= signed.gas_limit {
            return Revert::Message(format!("out of gas at the limit of {}", signed.gas_limit));
        }
        Revert::Silent
    }

    /// Everything about the plan's accounts, at the block of the last step or a later one. An endpoint that lags
    /// behind would show the figures of before as those of after.
    async fn snapshot_after(&self, plan: &Plan, block: Option<u64>) -> Result<Snapshot, ChainError> {
        let begun = Instant::now();
        loop {
            let after = self.snapshot(plan.from(), plan.intent.target()).await?;
            let Some(block) = block.filter(|block| after.at.block < *block) else {
                return Ok(after);
            };
            if begun.elapsed() > self.pace() * CATCH_UP {
                let behind = format!("it is at block {}, the transaction is in {block}", after.at.block);
                return Err(ChainError::Garbage(behind));
            }
            tokio::time::sleep(self.pace()).await;
        }
    }

    /// The figures after, from the chain.
    async fn read_back(&self, plan: Plan, mined: Vec<MinedStep>) -> Result<TransactionReport, SubmitError> {
        let block = mined.last().map(|done| done.block);
        let after = self.snapshot_after(&plan, block).await;
        let after = after.map_err(|source| match mined.last() {
            Some(done) => SubmitError::ReadBack {
                hash: done.hash,
                source,
            },
            None => SubmitError::Chain {
                step: "preflight".to_string(),
                source,
            },
        })?;
        Ok(TransactionReport {
            title: plan.summary.title.clone(),
            network: plan.summary.network.clone(),
            from: plan.from(),
            sent: !mined.is_empty(),
            cost_wei: mined
                .iter()
                .fold(Wei::ZERO, |sum, done| sum.saturating_add(done.cost_wei)),
            transactions: mined,
            changes: changes(&plan.intent, &plan.snapshot, &after, false),
            block: after.at.block,
            plan: None,
        })
    }

    /// How often to look.
    fn pace(&self) -> Duration {
        Duration::from_millis(if is_public(self.chain_id) { 1000 } else { 100 })
    }
}

fn refuse(plan: &Plan) -> Result<(), SubmitError> {
    let refusals = plan.refusals();
    if refusals.is_empty() {
        Ok(())
    } else {
        Err(SubmitError::Refused(refusals))
    }
}

/// The most that may be paid for a plan: prices move while it is read, but not for any price.
fn most_payable(agreed: &PlanSummary) -> Wei {
    let agreed = agreed.max_cost_wei.0;
    Wei(agreed.saturating_add(agreed / U256::from(2)))
}

/// What a plan made anew holds that its reader did not agree to.
fn beyond(agreed: &PlanSummary, now: &PlanSummary) -> Option<String> {
    let mut seen = agreed.steps.iter();
    // In the same order; some may be done by now.
    if let Some(step) = now
        .steps
        .iter()
        .find(|step| !seen.any(|known| known.name == step.name && known.to == step.to))
    {
        return Some(format!("it now takes another transaction, `{}`", step.name));
    }
    let warns = |finding: &&Finding| finding.severity == Severity::Warning;
    let known = |code: &str| agreed.findings.iter().any(|finding| finding.code == code);
    if let Some(finding) = now
        .findings
        .iter()
        .filter(warns)
        .find(|finding| !known(finding.code))
    {
        return Some(finding.message.clone());
    }
    (now.max_cost_wei > most_payable(agreed)).then(|| {
        format!(
            "it can cost {} now, not {}",
            now.max_cost_wei.human(),
            agreed.max_cost_wei.human()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::transaction::PlannedStep;

    fn summary(steps: &[&str], warnings: &[&'static str], gwei: u64) -> PlanSummary {
        PlanSummary {
            title: "bond".to_string(),
            network: "devnet".to_string(),
            from: Address::repeat_byte(1),
            block: 1,
            changes: Vec::new(),
            findings: warnings
                .iter()
                .map(|&code| Finding {
                    code,
                    severity: Severity::Warning,
                    message: code.to_string(),
                    fix: String::new(),
                    waived_by: None,
                })
                .collect(),
            steps: steps
                .iter()
                .map(|name| PlannedStep {
                    name: (*name).to_string(),
                    to: Address::repeat_byte(2),
                    gas_limit: 1,
                    max_cost_wei: Wei::ZERO,
                })
                .collect(),
            max_cost_wei: Wei::gwei(gwei),
        }
    }

    #[test]
    fn only_what_was_agreed_to_is_sent() {
        let agreed = summary(&["approve", "bond"], &["near_the_end"], 10);
        for (now, allowed) in [
            (summary(&["approve", "bond"], &["near_the_end"], 10), true),
            (summary(&["bond"], &[], 15), true),
            (summary(&[], &[], 0), true),
            (summary(&["bond"], &[], 16), false),
            (summary(&["bond", "approve"], &[], 10), false),
            (summary(&["approve", "bond", "reward"], &[], 10), false),
            (summary(&["approve", "bond"], &["moves_all"], 10), false),
        ] {
            assert_eq!(beyond(&agreed, &now).is_none(), allowed, "{now:?}");
        }
        let mut elsewhere = agreed.clone();
        elsewhere.steps[1].to = Address::repeat_byte(9);
        assert!(beyond(&agreed, &elsewhere).is_some());
    }
}
