//! Winners as people and scripts see them: state, window, what they wait for.

use alloy::{hex, primitives::U256};

use super::{
    gas::GasUse,
    reasons::Wait,
    schedule::{Decision, Pending, Standing, Window},
};
use crate::{
    payments::{
        ChainTime, SenderFacts,
        books::{Settlement, Winner, WinnerState},
    },
    units::Wei,
    view::ticket::{TicketDetails, TicketFacts, TicketStatus, TicketWait, TicketWindow},
};

/// What a look at the chain adds to what the books know.
#[derive(Debug, Clone, Copy)]
pub struct Outlook<'a> {
    /// The chain's clock.
    pub time: &'a ChainTime,
    /// What would be done now.
    pub decision: &'a Decision,
    /// The recipient's standing.
    pub standing: Standing,
    /// What stands behind the sender, if it is known.
    pub sender: Option<&'a SenderFacts>,
    /// Seconds between two of Ethereum's blocks; none where they have no fixed rhythm.
    pub block_seconds: Option<u64>,
}

/// A winner as the schedule takes it.
#[must_use]
pub fn pending_of(winner: &Winner) -> Pending {
    let won = &winner.ticket;
    let not_before = winner.waiting.as_ref().and_then(|waiting| waiting.not_before);
    Pending {
        hash: winner.hash,
        sender: won.ticket.sender,
        face_value: won.ticket.face_value,
        creation_round: won.ticket.creation_round,
        params_expiration_block: won.params_expiration_block,
        not_before: not_before.unwrap_or_default(),
    }
}

/// What is told of a winner.
#[must_use]
pub fn facts(winner: &Winner, gas: GasUse, outlook: Option<Outlook<'_>>) -> TicketFacts {
    let ticket = &winner.ticket.ticket;
    let mut facts = TicketFacts {
        hash: winner.hash,
        sender: ticket.sender,
        recipient: ticket.recipient,
        face_value_wei: ticket.face_value,
        creation_round: ticket.creation_round,
        won_at: winner.recorded_at,
        status: TicketStatus::Waiting,
        attempts: winner.attempts,
        last_failure: winner.waiting.as_ref().map(|waiting| waiting.message.clone()),
        wait: None,
        window: None,
        break_even_gas_price_wei: Wei(ticket.face_value.0 / U256::from(gas.of(1).max(1))),
        transaction: None,
        block: None,
        paid_wei: None,
        cost_wei: None,
        settled_at: None,
        note: None,
    };
    match &winner.state {
        WinnerState::Pending => facts.wait = outlook.map(|outlook| wait_of(winner, &outlook)),
        WinnerState::InFlight { tx, .. } => {
            facts.status = TicketStatus::InFlight;
            facts.transaction = *tx;
        }
        WinnerState::Settled { at, settlement } => {
            facts.settled_at = Some(*at);
            match settlement {
                Settlement::Redeemed {
                    tx,
                    paid,
                    block,
                    cost,
                } => {
                    facts.status = TicketStatus::Redeemed;
                    facts.transaction = Some(*tx);
                    facts.block = Some(*block);
                    facts.paid_wei = Some(*paid);
                    facts.cost_wei = Some(*cost);
                }
                Settlement::Lost { reason } => {
                    facts.status = TicketStatus::Lost;
                    facts.note = Some(reason.clone());
                }
                Settlement::UsedElsewhere => facts.status = TicketStatus::UsedElsewhere,
                Settlement::HandedOver { to } => {
                    facts.status = TicketStatus::HandedOver;
                    facts.note = Some(to.clone());
                }
            }
            return facts;
        }
    }
    facts.window = outlook.map(|outlook| window_of(winner, &outlook));
    facts
}

/// What is told of one winner by itself.
#[must_use]
pub fn details(winner: &Winner, facts: TicketFacts) -> TicketDetails {
    let ticket = &winner.ticket.ticket;
    TicketDetails {
        facts,
        win_prob: ticket.win_prob.to_string(),
        sender_nonce: ticket.sender_nonce,
        recipient_rand_hash: ticket.recipient_rand_hash,
        creation_round_block_hash: ticket.creation_round_block_hash,
        signature: hex::encode_prefixed(winner.ticket.signature),
        params_expiration_block: winner.ticket.params_expiration_block,
    }
}

fn wait_of(winner: &Winner, outlook: &Outlook<'_>) -> TicketWait {
    let decision = outlook.decision;
    let told = |code: &str, message: String, until_block| TicketWait {
        code: code.to_string(),
        message,
        until_block,
    };
    if let Some((_, wait)) = decision.waiting.iter().find(|(hash, _)| *hash == winner.hash) {
        let message = match (wait, &winner.waiting) {
            (Wait::BackingOff { until }, Some(last)) => {
                format!("{}; the next attempt is at block {until}", last.message)
            }
            _ => wait.to_string(),
        };
        return told(wait.code(), message, wait.until());
    }
    if let Some((_, loss)) = decision.lost.iter().find(|(hash, _)| *hash == winner.hash) {
        return told("lost", loss.to_string(), None);
    }
    told("ready", "it goes with the next transaction".to_string(), None)
}

fn window_of(winner: &Winner, outlook: &Outlook<'_>) -> TicketWindow {
    let time = outlook.time;
    let window = Window::of(&pending_of(winner), time, outlook.sender, outlook.standing);
    told_window(window, time, outlook.block_seconds)
}

/// A window as people are told of it.
pub(crate) fn told_window(window: Window, time: &ChainTime, block_seconds: Option<u64>) -> TicketWindow {
    let blocks_left = window.closes.saturating_sub(time.l1_block);
    let seconds_left = block_seconds.map(|each| each.saturating_mul(blocks_left));
    let closes_at = seconds_left.and_then(|seconds| {
        let seconds = i64::try_from(seconds).ok()?;
        time.read_at
            .checked_add(jiff::SignedDuration::from_secs(seconds))
            .ok()
    });
    TicketWindow {
        opens_block: window.opens,
        last_call_block: window.last_call,
        closes_block: window.closes,
        blocks_left,
        seconds_left,
        closes_at,
    }
}
