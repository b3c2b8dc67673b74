//! What has to hold at the end.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    money::{Kept, Nonce, Redeemed, Standing},
    say,
};
use alloy::primitives::B256;
use engine::{
    payments::{
        Exact,
        books::{Settlement, WinnerState},
    },
    units::Wei,
    view::{
        gateway::{PaymentFate, PaymentRecord},
        ingest::SegmentRecord,
    },
};

/// Everything that was found.
pub(super) struct Evidence<'a> {
    pub(super) records: &'a [SegmentRecord],
    pub(super) kept: &'a Kept,
    pub(super) before: &'a Standing,
    pub(super) after: &'a Standing,
    pub(super) redeemed: &'a Redeemed,
    pub(super) kills: u32,
}

/// A payment of the gateway, and whether the node has its tickets.
struct Payment<'a> {
    session: &'a str,
    record: &'a PaymentRecord,
    value: Exact,
    fee: Exact,
    nonces: Vec<Nonce>,
    accepted: usize,
}

impl Payment<'_> {
    /// Whether the node has all of its tickets, none of them, or some.
    fn verdict(&self) -> &'static str {
        match self.accepted {
            0 if !self.nonces.is_empty() => "never arrived",
            accepted if accepted == self.nonces.len() => "was credited",
            _ => "was credited in part",
        }
    }
}

/// Each rule that is broken, in a line.
pub(super) fn judge(evidence: &Evidence<'_>) -> eyre::Result<Vec<String>> {
    let mut broken = Vec::new();
    let payments = payments(evidence)?;
    credit(evidence, &payments, &mut broken)?;
    fees(evidence, &payments, &mut broken)?;
    winners(evidence, &payments, &mut broken)?;
    chain(evidence, &mut broken)?;
    Ok(broken)
}

fn payments<'a>(evidence: &Evidence<'a>) -> eyre::Result<Vec<Payment<'a>>> {
    let attempts = evidence.records.iter().flat_map(|record| &record.attempts);
    attempts
        .filter_map(|attempt| Some((attempt, attempt.payment.as_ref()?)))
        .filter(|(_, record)| record.fate != PaymentFate::Unsent)
        .map(|(attempt, record)| {
            let nonces: Vec<Nonce> = match (record.recipient_rand_hash, record.first_nonce) {
                (Some(made_for), Some(first)) => (first..first + record.tickets)
                    .map(|nonce| (made_for, nonce))
                    .collect(),
                _ => Vec::new(),
            };
            let has = |nonce: &&Nonce| evidence.kept.nonces.contains(*nonce);
            Ok(Payment {
                session: attempt.session.as_deref().unwrap_or("?"),
                record,
                value: record.value_wei.parse()?,
                fee: record.fee_wei.parse()?,
                accepted: nonces.iter().filter(has).count(),
                nonces,
            })
        })
        .collect()
}

/// What the gateway sent is what the node credited.
fn credit(evidence: &Evidence<'_>, payments: &[Payment<'_>], broken: &mut Vec<String>) -> eyre::Result<()> {
    let total = |fate: PaymentFate| -> (u64, Exact) {
        let of = payments.iter().filter(|payment| payment.record.fate == fate);
        of.fold((0, Exact::zero()), |(tickets, sum), payment| {
            (tickets + payment.nonces.len() as u64, sum + payment.value.clone())
        })
    };
    for (fate, name) in [
        (PaymentFate::Answered, "answered"),
        (PaymentFate::Refused, "refused"),
        (PaymentFate::Lost, "lost"),
    ] {
        let (tickets, value) = total(fate);
        say(&format!(
            "gateway    {name}: {tickets} tickets worth {} wei",
            shown(&value)
        ))?;
    }
    for payment in payments {
        let whole = payment.accepted == payment.nonces.len();
        match payment.record.fate {
            PaymentFate::Answered if !whole => broken.push(format!(
                "session {}: tickets {} were answered for and the node does not have them",
                payment.session,
                names(payment)
            )),
            PaymentFate::Lost | PaymentFate::Refused if !payment.nonces.is_empty() => say(&format!(
                "in doubt   session {}: {} {}",
                payment.session,
                names(payment),
                payment.verdict()
            ))?,
            _ => {}
        }
    }
    let sent: BTreeSet<Nonce> = payments
        .iter()
        .flat_map(|payment| payment.nonces.iter().copied())
        .collect();
    let strange = evidence.kept.nonces.difference(&sent).count();
    if strange > 0 {
        broken.push(format!(
            "the node accepted {strange} tickets the gateway did not send"
        ));
    }
    // Tickets of one payment are credited together, in one transaction of the books.
    let (mut tickets, mut value) = (0_u64, Exact::zero());
    for payment in payments.iter().filter(|payment| payment.accepted > 0) {
        if payment.accepted < payment.nonces.len() {
            broken.push(format!(
                "session {}: only {} of {} are with the node",
                payment.session,
                payment.accepted,
                names(payment)
            ));
        }
        tickets += payment.accepted as u64;
        value += payment.value.clone();
    }
    let kept = sum(evidence.kept.tallies.iter().map(|tally| tally.credited.clone()));
    let kept_tickets: u64 = evidence.kept.tallies.iter().map(|tally| tally.tickets).sum();
    say(&format!(
        "node       credited: {kept_tickets} tickets worth {} wei",
        shown(&kept)
    ))?;
    if tickets != kept_tickets || nearest(&value) != nearest(&kept) {
        broken.push(format!(
            "the node credited {kept_tickets} tickets worth {} wei; of what the gateway sent it has {tickets} worth {} wei",
            shown(&kept),
            shown(&value)
        ));
    }
    if evidence.kills == 0
        && payments
            .iter()
            .any(|payment| payment.record.fate == PaymentFate::Lost)
    {
        broken.push("payments were lost although nobody was killed".to_string());
    }
    Ok(())
}

/// What was worked off is what was charged; a killed node may have charged for what it never answered.
fn fees(evidence: &Evidence<'_>, payments: &[Payment<'_>], broken: &mut Vec<String>) -> eyre::Result<()> {
    let worked = sum(payments.iter().map(|payment| payment.fee.clone()));
    let charged = sum(evidence.kept.tallies.iter().map(|tally| tally.charged.clone()));
    say(&format!(
        "fees       gateway: {} wei, node: {} wei",
        shown(&worked),
        shown(&charged)
    ))?;
    let unanswered = payments
        .iter()
        .filter(|payment| payment.record.fate == PaymentFate::Lost)
        .count();
    // All segments are the same one.
    let each = payments
        .iter()
        .map(|payment| &payment.fee)
        .find(|fee| !fee.is_zero())
        .cloned()
        .unwrap_or_default();
    let fits = (0..=unanswered).find(|extra| {
        let more = sum(std::iter::repeat_n(each.clone(), *extra));
        nearest(&(worked.clone() + more)) == nearest(&charged)
    });
    match fits {
        Some(0) => {}
        Some(extra) => say(&format!(
            "in doubt   {extra} of {unanswered} segments nobody answered for were worked off by the node"
        ))?,
        None => broken.push(format!(
            "the node charged {} wei, the gateway worked off {} wei, and {unanswered} unanswered segments do not explain it",
            shown(&charged),
            shown(&worked)
        )),
    }
    Ok(())
}

/// Every winner is redeemed, each once, and no other ticket.
fn winners(evidence: &Evidence<'_>, payments: &[Payment<'_>], broken: &mut Vec<String>) -> eyre::Result<()> {
    let mut on_chain: BTreeMap<B256, u32> = BTreeMap::new();
    for (hash, _) in &evidence.redeemed.tickets {
        *on_chain.entry(*hash).or_default() += 1;
    }
    let winners = &evidence.kept.winners;
    say(&format!(
        "winners    node: {}, redeemed on the chain: {}",
        winners.len(),
        evidence.redeemed.tickets.len()
    ))?;
    if winners.is_empty() {
        broken.push("no ticket won: nothing was tried".to_string());
    }
    let sent: BTreeSet<Nonce> = payments
        .iter()
        .flat_map(|payment| payment.nonces.iter().copied())
        .collect();
    for winner in winners {
        let hash = winner.hash;
        let ticket = &winner.ticket.ticket;
        match on_chain.remove(&hash) {
            Some(1) => {}
            Some(times) => broken.push(format!("winner {hash} was redeemed {times} times")),
            None => broken.push(format!("winner {hash} was never redeemed")),
        }
        match &winner.state {
            WinnerState::Settled {
                settlement: Settlement::Redeemed { paid, .. },
                ..
            } if *paid == ticket.face_value => {}
            state => broken.push(format!("the books say of winner {hash}: {state:?}")),
        }
        if !sent.contains(&(ticket.recipient_rand_hash, ticket.sender_nonce)) {
            broken.push(format!("winner {hash} was not sent by the gateway"));
        }
    }
    for hash in on_chain.keys() {
        broken.push(format!("{hash} was redeemed and is not in the books"));
    }
    Ok(())
}

/// The chain moved the face values of the redeemed tickets, and nothing else.
fn chain(evidence: &Evidence<'_>, broken: &mut Vec<String>) -> eyre::Result<()> {
    let Evidence {
        before,
        after,
        redeemed,
        ..
    } = evidence;
    let face_values = redeemed
        .tickets
        .iter()
        .fold(Wei::ZERO, |sum, (_, face_value)| sum.saturating_add(*face_value));
    let spent = before
        .deposit
        .saturating_add(before.reserve)
        .saturating_sub(after.deposit.saturating_add(after.reserve));
    let earned = after.fees.saturating_sub(before.fees);
    say(&format!(
        "chain      face values {} wei, paid {} wei, deposit and reserve less by {} wei, fees more by {} wei",
        face_values.0, redeemed.paid.0, spent.0, earned.0
    ))?;
    for (what, amount) in [
        ("was paid for them", redeemed.paid),
        ("left deposit and reserve", spent),
        ("came to the orchestrator's fees", earned),
    ] {
        if amount != face_values {
            broken.push(format!(
                "the redeemed tickets have face values of {} wei, and {} wei {what}",
                face_values.0, amount.0
            ));
        }
    }
    Ok(())
}

fn names(payment: &Payment<'_>) -> String {
    let (Some((hash, first)), Some((_, last))) = (payment.nonces.first(), payment.nonces.last()) else {
        return "no tickets".to_string();
    };
    let short: String = hash.to_string().chars().take(10).collect();
    format!("{short}… numbers {first} to {last}")
}

fn sum(amounts: impl Iterator<Item = Exact>) -> Exact {
    amounts.fold(Exact::zero(), |sum, amount| sum + amount)
}

/// To the wei: books may round what is smaller.
fn nearest(amount: &Exact) -> Option<Wei> {
    let half = Exact::ratio(1.into(), 2.into())?;
    (amount.clone() + half).floor()
}

fn shown(amount: &Exact) -> String {
    nearest(amount).map_or_else(|| "less than nothing".to_string(), |wei| wei.0.to_string())
}
