//! A plan all the way: check again, simulate, sign, write down, send, watch, read back.
//!
//! Each error says what is true on the chain then. Hash and signed bytes are in the journal before anything is sent, so
//! that the transaction can be found again even if this process ends at that moment.

use std::{
    io,
    time::{Duration, Instant},
};

use alloy::primitives::{Bytes, TxHash, U256};

use super::{
    Chain, ChainError, Outbox, Plan, SubmitError,
    facts::Snapshot,
    plan::{Step, changes},
};
use crate::{
    units::Wei,
    view::transaction::{Finding, MinedStep, PlanSummary, Severity, TransactionReport},
};

/// How patiently a transaction is followed.
#[derive(Debug, Clone, Copy)]
pub struct SubmitOptions {
    /// How long to wait for each receipt; then the outcome is unknown.
    pub timeout: Duration,
    /// Blocks that have to be on top of the one it is in until it counts as mined. What a reorg drops meanwhile is sent
    /// again.
    pub confirmations: u64,
}

impl Default for SubmitOptions {
    /// Two minutes: Arbitrum mines within seconds, Ethereum mostly within one.
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(120),
            confirmations: 0,
        }
    }
}

/// How far the sending of a plan is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubmitEvent {
    /// Signed, and about to be written down and sent. It is neither if the observer fails here.
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
    /// Stuck, and offered anew for more.
    Replaced {
        /// The step's name.
        step: String,
        /// The transaction that is stuck.
        old: TxHash,
        /// The one in its place; either can be mined, not both.
        new: TxHash,
    },
    /// In a block, and it worked.
    Mined(MinedStep),
}

/// How many looks long a node may lag behind the block an earlier step is in: 15 s on public chains.
const CATCH_UP: u32 = 15;

impl Outbox {
    /// Sends a plan, step by step, and reads the result back.
    ///
    /// The plan is made anew first, as minutes may have passed: what now stands in its way refuses it, and so does
    /// whatever its reader did not agree to: another step, a new warning, a much higher cost. Each step is simulated
    /// right before it is signed; one that builds on an earlier step, after that one is mined.
    ///
    /// # Errors
    /// [`SubmitError`], each variant saying what was sent and what is known of it.
    pub async fn submit(&self, plan: Plan, options: SubmitOptions) -> Result<TransactionReport, SubmitError> {
        self.submit_observed(plan, options, |_| Ok(())).await
    }

    /// Likewise; `observer` is told of every step. Nothing is sent if it fails when it is told of a signed one; later
    /// failures of it change nothing. It runs in this future: what it does takes milliseconds.
    ///
    /// # Errors
    /// As [`Outbox::submit`].
    pub async fn submit_observed(
        &self,
        plan: Plan,
        options: SubmitOptions,
        mut observer: impl FnMut(SubmitEvent) -> io::Result<()> + Send,
    ) -> Result<TransactionReport, SubmitError> {
        let from = plan.from();
        if self.account() != from {
            return Err(SubmitError::WrongSigner {
                from,
                signer: self.account(),
            });
        }
        let preflight = |source| SubmitError::Chain {
            step: "preflight".to_string(),
            source,
        };
        self.refuse_twice(&plan).await?;
        refuse(&plan)?;
        let agreed = plan.summary;
        let again = self.chain().plan(from, plan.intent, plan.options);
        let plan = Box::pin(again).await.map_err(preflight)?;
        refuse(&plan)?;
        if let Some(change) = beyond(&agreed, &plan.summary) {
            return Err(SubmitError::PlanChanged(change));
        }

        // The plan's own ceiling holds for its replacements too.
        let outbox = self.with_policy(self.policy().below(plan.options.max_gas_price));
        let mut mined: Vec<MinedStep> = Vec::new();
        let mut budget = most_payable(&agreed);
        for step in &plan.steps {
            let title = &plan.summary.title;
            let sent = Box::pin(outbox.send_step(title, step, options, budget, mined.last(), &mut observer));
            match sent.await {
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
        Box::pin(self.chain().read_back(plan, mined)).await
    }

    /// `budget` is the most this step may offer to pay for gas.
    async fn send_step(
        &self,
        title: &str,
        step: &Step,
        options: SubmitOptions,
        budget: Wei,
        earlier: Option<&MinedStep>,
        observer: &mut (impl FnMut(SubmitEvent) -> io::Result<()> + Send),
    ) -> Result<MinedStep, SubmitError> {
        let name = step.name.to_string();
        let caught_up = self.chain().catch_up(earlier.map(|done| done.block)).await;
        caught_up.map_err(|source| SubmitError::Chain {
            step: name.clone(),
            source,
        })?;
        let gas_limit = self.simulate(step, &name).await?;
        let prepared = self
            .sign_next(step, title, &name, gas_limit, Some(budget))
            .await?;
        let signed = SubmitEvent::Signed {
            step: name.clone(),
            hash: prepared.hash(),
            raw: prepared.raw().clone(),
            nonce: prepared.nonce(),
        };
        let sent = prepared.broadcast_after(|| observer(signed)).await?;
        let _ = observer(SubmitEvent::Sent {
            step: name.clone(),
            hash: sent.hash(),
        });
        let mut tell = |event| {
            let _ = observer(event);
        };
        let done = sent.mined_observed(options, &mut tell).await?;
        Ok(MinedStep {
            name,
            hash: done.hash,
            block: done.block,
            gas_used: done.gas_used,
            cost_wei: done.cost_wei,
        })
    }
}

impl Chain {
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

    /// Waits until the head has reached the block an earlier step is in: another endpoint may lag behind.
    async fn catch_up(&self, block: Option<u64>) -> Result<(), ChainError> {
        let Some(block) = block else { return Ok(()) };
        let begun = Instant::now();
        while self.now(None).await?.0.head.number() < block && begun.elapsed() <= self.pace() * CATCH_UP {
            tokio::time::sleep(self.pace()).await;
        }
        Ok(())
    }

    /// Everything about the plan's accounts, at the block of the last step or a later one. An endpoint that lags
    /// behind would show the figures of before as those of after.
    async fn snapshot_after(&self, plan: &Plan, block: Option<u64>) -> Result<Snapshot, ChainError> {
        let begun = Instant::now();
        loop {
            let after = self.snapshot_for(plan.from(), &plan.intent).await?;
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
    // That others of the account wait is a warning only to whoever said that this one shall queue behind them.
    let warns = |finding: &&Finding| {
        finding.severity == Severity::Warning && finding.code != "unconfirmed_transaction"
    };
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
    use alloy::primitives::Address;

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
            (summary(&["bond"], &["unconfirmed_transaction"], 15), true),
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
