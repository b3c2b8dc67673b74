//! What became of redemptions: read from the chain, never guessed. Also after a restart, and after the chain has changed
//! its mind.

use std::collections::HashMap;

use alloy::primitives::{B256, TxHash};

use super::{
    driver::{Driver, RedeemFailure, Young},
    state::Moment,
};
use crate::{
    chain::{
        SubmitError, SubmitOptions,
        outbox::{Fate, Mined},
    },
    payments::{
        ChainTime,
        books::{Settlement, Winner, WinnerState},
    },
    units::Wei,
};

/// Blocks after which a redemption is not looked at again.
pub(super) const DEPTH: u64 = 12;

impl Driver {
    /// Settles the tickets of a mined transaction: paid are those with an event in it that the contract also calls used.
    /// A receipt alone is only what an endpoint says.
    pub(super) async fn settle_mined(
        &mut self,
        winners: &[&Winner],
        mined: &Mined,
        time: &ChainTime,
    ) -> Result<(), RedeemFailure> {
        let hashes: Vec<B256> = winners.iter().map(|winner| winner.hash).collect();
        let (head, used) = self.parts.chain.used_tickets(&hashes).await?;
        if head < mined.block {
            // An endpoint that lags knows nothing yet: the next look asks again.
            return Ok(());
        }
        let paid = self.is_paid_in(winners, mined);
        let count = u64::try_from(paid.iter().flatten().count().max(1)).unwrap_or(1);
        let cost = Wei(mined.cost_wei.0 / alloy::primitives::U256::from(count));
        let mut settled = Vec::new();
        for ((winner, paid), used) in winners.iter().zip(paid).zip(used) {
            match (paid, used) {
                (Some(paid), true) => {
                    let settlement = Settlement::Redeemed {
                        tx: mined.hash,
                        paid,
                        block: mined.block,
                        cost,
                    };
                    settled.push((winner.hash, settlement));
                    let young = Young {
                        transaction: mined.hash,
                        block: mined.block,
                    };
                    self.young.insert(winner.hash, young);
                    let value = paid.human();
                    tracing::info!(ticket = %winner.hash, %value, transaction = %mined.hash, "a ticket was redeemed");
                }
                // It failed inside the batch.
                (None, false) => {
                    self.parts.books.reopen(winner.hash).await?;
                    let message = "it was not paid inside its batch".to_string();
                    self.note(winner, "not_paid", message, time).await?;
                }
                (None, true) => self.settle_used(winner).await?,
                // The receipt says paid, the contract says not: one of them is not true yet, or any more. Past the
                // depth the contract is believed.
                (Some(_), false) if head >= mined.block.saturating_add(DEPTH) => {
                    self.parts.books.reopen(winner.hash).await?;
                }
                (Some(_), false) => {}
            }
        }
        self.book(settled).await
    }

    /// Settles a ticket that the contract calls used although nobody here redeemed it. As long as no event says how it was
    /// paid, it is left as it is: an endpoint that errs must not cost a ticket.
    pub(super) async fn settle_used(&mut self, winner: &Winner) -> Result<(), RedeemFailure> {
        match self.settlement_by_others(winner).await? {
            Settlement::UsedElsewhere => Ok(()),
            settlement => self.book(vec![(winner.hash, settlement)]).await,
        }
    }

    async fn book(&mut self, settled: Vec<(B256, Settlement)>) -> Result<(), RedeemFailure> {
        if settled.is_empty() {
            return Ok(());
        }
        self.parts.books.settle(&settled).await?;
        self.at(Moment::Settled);
        self.told.send_modify(|state| {
            for (_, settlement) in &settled {
                if let Settlement::Redeemed { paid, cost, .. } = settlement {
                    state.redeemed += 1;
                    state.paid = state.paid.saturating_add(*paid);
                    state.cost = state.cost.saturating_add(*cost);
                }
            }
        });
        Ok(())
    }

    /// Finds out what became of tickets that are under way: sent by an earlier process, or by this one without an answer.
    pub(super) async fn resolve(&mut self, in_flight: Vec<Winner>) -> Result<(), RedeemFailure> {
        let mut by_transaction: HashMap<Option<TxHash>, Vec<Winner>> = HashMap::new();
        for winner in in_flight {
            if let WinnerState::InFlight { tx, .. } = winner.state {
                by_transaction.entry(tx).or_default().push(winner);
            }
        }
        let mut trouble = None;
        for (transaction, winners) in by_transaction {
            let winners: Vec<&Winner> = winners.iter().collect();
            let resolved = match transaction {
                // Never named, so never sent.
                None => self.unsent(&winners).await,
                Some(hash) => self.resolve_sent(hash, &winners).await,
            };
            // One transaction nobody knows anything of does not keep the others waiting.
            if let Err(error) = resolved {
                trouble = Some(error);
            }
        }
        trouble.map_or(Ok(()), Err)
    }

    /// Nothing of ours redeems these tickets any more: somebody else did, or they are free again.
    async fn unsent(&mut self, winners: &[&Winner]) -> Result<(), RedeemFailure> {
        let hashes: Vec<B256> = winners.iter().map(|winner| winner.hash).collect();
        let (_, used) = self.parts.chain.used_tickets(&hashes).await?;
        for (winner, used) in winners.iter().zip(used) {
            if used {
                self.settle_used(winner).await?;
            } else {
                self.parts.books.reopen(winner.hash).await?;
            }
        }
        Ok(())
    }

    async fn resolve_sent(&mut self, hash: TxHash, winners: &[&Winner]) -> Result<(), RedeemFailure> {
        let Some(time) = *self.parts.clock.borrow() else {
            return Ok(());
        };
        let mut fate = self.fate(hash).await?;
        if matches!(fate, Fate::Lost) {
            // Sent again if later transactions build on it; else its nonce is the next one's.
            self.outbox().recover().await?;
            fate = self.fate(hash).await?;
        }
        let fate = match fate {
            Fate::Waiting => self.wait_for(hash).await?,
            other => other,
        };
        match fate {
            Fate::Mined(mined) => {
                self.held.remove(&hash);
                self.settle_mined(winners, &mined, &time).await
            }
            Fate::Reverted { .. } => {
                self.held.remove(&hash);
                for winner in winners {
                    self.parts.books.reopen(winner.hash).await?;
                    let message = format!("transaction {hash} was mined and reverted");
                    self.note(winner, "reverted", message, &time).await?;
                }
                Ok(())
            }
            Fate::Replaced { .. } | Fate::Lost | Fate::Unknown => {
                self.held.remove(&hash);
                self.unsent(winners).await
            }
            Fate::Waiting => Ok(()),
        }
    }

    async fn fate(&self, hash: TxHash) -> Result<Fate, RedeemFailure> {
        Ok(self.outbox().fate(hash).await?)
    }

    /// Waits for a transaction that is out, replacing it when it is stuck.
    async fn wait_for(&self, hash: TxHash) -> Result<Fate, RedeemFailure> {
        let patience = SubmitOptions {
            timeout: self.settings.timeout,
            ..SubmitOptions::default()
        };
        match self.outbox().follow(hash, patience).await {
            Ok(mined) => Ok(Fate::Mined(mined)),
            Err(SubmitError::Unconfirmed { .. }) => Ok(Fate::Waiting),
            // What it ended as is asked for once more, so that there is one place that judges.
            Err(_) => self.fate(hash).await,
        }
    }

    /// Looks at what was settled in the last blocks: a reorganisation may have taken it back.
    pub(super) async fn watch_young(&mut self, time: &ChainTime) -> Result<(), RedeemFailure> {
        if self.young.is_empty() {
            return Ok(());
        }
        let young: Vec<(B256, Young)> = self.young.iter().map(|(hash, young)| (*hash, *young)).collect();
        let hashes: Vec<B256> = young.iter().map(|(hash, _)| *hash).collect();
        let (head, used) = self.parts.chain.used_tickets(&hashes).await?;
        for ((hash, Young { transaction, block }), used) in young.into_iter().zip(used) {
            if !used && head >= block {
                tracing::warn!(ticket = %hash, %transaction, "a redemption was taken back by the chain");
                // Under way again with the same transaction, which mostly is mined again.
                self.parts.books.reopen(hash).await?;
                self.parts.books.begin(&[hash], block.saturating_sub(1)).await?;
                self.parts.books.sent(&[hash], transaction).await?;
                self.young.remove(&hash);
            } else if used && head.min(time.block) >= block.saturating_add(DEPTH) {
                self.young.remove(&hash);
            }
        }
        Ok(())
    }
}
