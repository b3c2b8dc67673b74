//! Redeeming a few tickets in one transaction: simulate, write down, sign, write down, send, settle.

use std::collections::HashMap;

use alloy::primitives::B256;

use super::{
    driver::{Driver, RedeemFailure},
    gas::cost,
    schedule::{Batch, next_try},
    state::Moment,
};
use crate::{
    chain::{
        Outbox, RedeemOutlook, RedeemRevert, SubmitError, SubmitOptions, TicketOutlook,
        outbox::{Call, Mined, Prepared, Sent},
        redemption::gas_for_all,
    },
    payments::{
        ChainTime, WinningTicket,
        books::{BooksError, Waiting, Winner},
    },
    units::Wei,
};

/// Tickets that go together.
struct Going<'a> {
    winners: Vec<&'a Winner>,
    /// Gas the transaction gets at least.
    least_gas: u64,
}

impl Going<'_> {
    fn hashes(&self) -> Vec<B256> {
        self.winners.iter().map(|winner| winner.hash).collect()
    }

    fn tickets(&self) -> Vec<WinningTicket> {
        self.winners.iter().map(|winner| winner.ticket.clone()).collect()
    }
}

impl Driver {
    /// Redeems a batch, as far as the chain agrees with it. What fails for a ticket is noted with the ticket; an error
    /// says that nothing more can be done now.
    pub(super) async fn redeem(
        &mut self,
        batch: Batch,
        winners: &HashMap<B256, Winner>,
        time: &ChainTime,
    ) -> Result<(), RedeemFailure> {
        let (chosen, payable): (Vec<&Winner>, Vec<Wei>) = batch
            .tickets
            .iter()
            .filter_map(|(hash, payable)| Some((winners.get(hash)?, *payable)))
            .unzip();
        let tickets: Vec<WinningTicket> = chosen.iter().map(|winner| winner.ticket.clone()).collect();
        let account = self.parts.outbox.account();
        let outlook = self.parts.chain.ticket_outlook(account, &tickets).await?;
        if !outlook.round_initialized {
            return Ok(());
        }
        let Some(going) = self.sift(&chosen, &payable, &outlook, time).await? else {
            return Ok(());
        };
        self.at(Moment::Chosen);
        let hashes = going.hashes();
        match self.parts.books.begin(&hashes, outlook.block).await {
            Ok(()) => {}
            // Somebody else has it in hand: `lpctl ticket redeem`, in another process.
            Err(BooksError::NotPending(_)) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        self.at(Moment::Begun);
        let sent = match self.prepare(&going).await {
            Ok(prepared) => {
                self.at(Moment::Signed);
                self.send(prepared, &going).await
            }
            Err(error) => Err(error.into()),
        };
        match sent {
            Ok(sent) => {
                self.at(Moment::Sent);
                let holds = going.winners.iter().map(|winner| {
                    let ticket = &winner.ticket.ticket;
                    self.parts.senders.hold(ticket.sender, ticket.face_value)
                });
                let holds = holds.collect();
                self.held.insert(sent.hash(), holds);
                self.follow(sent, &going, time).await
            }
            Err(trouble) => self.take_back(&going, trouble, time).await,
        }
    }

    /// Leaves out what the chain would not pay now, each with its reason.
    async fn sift<'a>(
        &mut self,
        chosen: &[&'a Winner],
        payable: &[Wei],
        outlook: &RedeemOutlook,
        time: &ChainTime,
    ) -> Result<Option<Going<'a>>, RedeemFailure> {
        let mut going = Vec::new();
        let mut single_gas = Vec::new();
        for ((winner, payable), ticket) in chosen.iter().zip(payable).zip(&outlook.tickets) {
            let obstacle = match &ticket.attempt {
                _ if ticket.used => {
                    self.settle_used(winner).await?;
                    continue;
                }
                Err(revert @ (RedeemRevert::RoundNotInitialized | RedeemRevert::Paused)) => {
                    // Nobody's failure: it is looked at again with the next block.
                    tracing::debug!(ticket = %winner.hash, reason = %revert, "a ticket waits");
                    continue;
                }
                Err(revert) => Some((revert.code(), revert.to_string())),
                Ok(gas) => unpaid(ticket, *payable, *gas, outlook.gas_price, self.settings.batch),
            };
            match (obstacle, &ticket.attempt) {
                (None, Ok(gas)) => {
                    going.push(*winner);
                    single_gas.push(*gas);
                }
                (Some((reason, message)), _) => self.note(winner, reason, message, time).await?,
                (None, Err(_)) => {}
            }
        }
        Ok((!going.is_empty()).then_some(Going {
            winners: going,
            least_gas: gas_for_all(single_gas),
        }))
    }

    async fn prepare(&self, going: &Going<'_>) -> Result<Prepared, SubmitError> {
        let (to, data) = self.parts.chain.redeem_call(&going.tickets());
        let title = match going.winners.len() {
            1 => "redeem a ticket".to_string(),
            count => format!("redeem {count} tickets"),
        };
        let call = Call {
            title,
            step: "redeem".to_string(),
            to,
            data,
            value: Wei::ZERO,
            least_gas: going.least_gas,
        };
        self.parts.outbox.prepare(call).await
    }

    /// The books know the transaction before the network does.
    async fn send(&self, prepared: Prepared, going: &Going<'_>) -> Result<Sent, RedeemFailure> {
        self.parts.books.sent(&going.hashes(), prepared.hash()).await?;
        self.at(Moment::Named);
        Ok(prepared.broadcast().await?)
    }

    async fn follow(&mut self, sent: Sent, going: &Going<'_>, time: &ChainTime) -> Result<(), RedeemFailure> {
        let hash = sent.hash();
        let patience = SubmitOptions {
            timeout: self.settings.timeout,
            ..SubmitOptions::default()
        };
        match sent.mined(patience).await {
            Ok(mined) => {
                self.held.remove(&hash);
                self.at(Moment::Mined);
                self.gas.observe(going.winners.len(), mined.gas_used);
                self.settle_mined(&going.winners, &mined, time).await
            }
            // It is out: the next look asks what became of it.
            Err(error) => Err(error.into()),
        }
    }

    /// Something failed before the network had the transaction, or while it got it: only if it certainly has not are
    /// the tickets free again.
    async fn take_back(
        &mut self,
        going: &Going<'_>,
        trouble: RedeemFailure,
        time: &ChainTime,
    ) -> Result<(), RedeemFailure> {
        if let RedeemFailure::Submit(error) = &trouble
            && may_be_out(error)
        {
            return Err(trouble);
        }
        for winner in &going.winners {
            self.parts.books.reopen(winner.hash).await?;
        }
        match &trouble {
            RedeemFailure::Submit(SubmitError::WouldRevert { reason, .. }) => {
                let revert = RedeemRevert::of(reason);
                for winner in &going.winners {
                    self.note(winner, revert.code(), revert.to_string(), time).await?;
                }
                Ok(())
            }
            // The schedule waits for the price by itself.
            RedeemFailure::Submit(SubmitError::GasPriceAboveLimit { .. }) => Ok(()),
            _ => Err(trouble),
        }
    }

    /// Notes why an attempt failed, and when the next one is due.
    pub(super) async fn note(
        &self,
        winner: &Winner,
        reason: &str,
        message: String,
        time: &ChainTime,
    ) -> Result<(), RedeemFailure> {
        let last = winner
            .ticket
            .ticket
            .creation_round
            .0
            .saturating_add(time.ticket_validity);
        let closes = super::schedule::first_block(time, crate::units::Round(last));
        let not_before = next_try(winner.attempts, time.l1_block, closes);
        tracing::info!(ticket = %winner.hash, %reason, %message, not_before, "a ticket was not redeemed");
        let waiting = Waiting {
            reason: reason.to_string(),
            message,
            not_before: Some(not_before),
        };
        Ok(self.parts.books.note(winner.hash, waiting).await?)
    }
}

/// Whether a ticket would pay less than was thought, or not more than it costs.
fn unpaid(
    ticket: &TicketOutlook,
    expected: Wei,
    gas: u64,
    gas_price: Wei,
    batch: usize,
) -> Option<(&'static str, String)> {
    if ticket.payable < expected {
        let message = format!("the sender would pay {} now", ticket.payable.human());
        return Some(("sender_short", message));
    }
    // Alone it costs the most; in company about half.
    let gas = if batch > 1 { gas / 2 } else { gas };
    let cost = cost(gas, gas_price);
    (ticket.payable <= cost).then(|| {
        let message = format!(
            "it pays {}, its gas costs {}",
            ticket.payable.human(),
            cost.human()
        );
        ("not_worth_it", message)
    })
}

/// Whether the network may have a transaction although sending it failed.
fn may_be_out(error: &SubmitError) -> bool {
    !matches!(
        error,
        SubmitError::Refused(_)
            | SubmitError::PlanChanged(_)
            | SubmitError::NotRecorded { .. }
            | SubmitError::WrongSigner { .. }
            | SubmitError::WouldRevert { .. }
            | SubmitError::GasPriceAboveLimit { .. }
            | SubmitError::Sign { .. }
            | SubmitError::Rejected { .. }
            | SubmitError::Chain { .. }
            | SubmitError::AccountBusy { .. }
    )
}

impl Driver {
    /// The account's sender.
    pub(super) fn outbox(&self) -> &Outbox {
        &self.parts.outbox
    }

    pub(super) fn is_paid_in(&self, winners: &[&Winner], mined: &Mined) -> Vec<Option<Wei>> {
        let tickets: Vec<WinningTicket> = winners.iter().map(|winner| winner.ticket.clone()).collect();
        let broker = self.parts.chain.contracts().ticket_broker;
        crate::chain::redemption::found_in(broker, &mined.logs, &tickets)
            .into_iter()
            .map(|found| found.map(|found| found.paid))
            .collect()
    }
}
