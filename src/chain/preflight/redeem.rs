//! What stands in the way of redeeming tickets: used, expired, too early, unpaid, not worth it.

use super::{finding, refusal, warning};
use crate::{
    chain::{RedeemRevert, TicketOutlook, facts::Snapshot, plan::Redemption},
    payments::{WinningTicket, redeem::gas::cost},
    units::{Round, Wei},
    view::transaction::{Finding, Severity},
};

/// Every row, for every ticket.
pub(super) fn rows(redemption: &Redemption, snapshot: &Snapshot) -> Vec<Finding> {
    let Some(outlook) = &snapshot.tickets else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    if redemption.tickets.is_empty() {
        findings.extend(refusal(
            "no_ticket",
            "there is no ticket to redeem".to_string(),
            "`lpctl ticket list` shows what waits, and why",
        ));
    }
    for (won, ticket) in redemption.tickets.iter().zip(&outlook.tickets) {
        let name = name(won);
        let rows = [
            used(&name, ticket),
            expired(&name, won, snapshot, outlook.validity),
            too_early(&name, won, snapshot),
            short(&name, won, ticket),
            unworthy(&name, snapshot, ticket),
        ];
        let refused = rows.iter().flatten().any(|row| row.severity == Severity::Refusal);
        findings.extend(rows.into_iter().flatten());
        if !refused {
            findings.extend(fails(&name, ticket, snapshot));
        }
    }
    findings
}

/// `ticket 0x1234…`
fn name(won: &WinningTicket) -> String {
    let hash = won.ticket.hash().to_string();
    format!("ticket {}…", hash.get(..10).unwrap_or(&hash))
}

fn used(name: &str, ticket: &TicketOutlook) -> Option<Finding> {
    ticket.used.then_some(())?;
    refusal(
        "ticket_used",
        format!("{name} has been redeemed"),
        "nothing to do: `lpctl ticket show` tells how",
    )
}

fn expired(name: &str, won: &WinningTicket, snapshot: &Snapshot, validity: u64) -> Option<Finding> {
    let end = Round(won.ticket.creation_round.0.saturating_add(validity));
    (end <= snapshot.round.round).then_some(())?;
    refusal(
        "ticket_expired",
        format!(
            "{name} was made in round {} and could be redeemed before round {end}; it is round {}",
            won.ticket.creation_round, snapshot.round.round
        ),
        "it is lost",
    )
}

fn too_early(name: &str, won: &WinningTicket, snapshot: &Snapshot) -> Option<Finding> {
    let (now, from) = (snapshot.round.clock_block, won.params_expiration_block);
    (now < from).then_some(())?;
    refusal(
        "parameters_live",
        format!(
            "{name} may be redeemed from block {from} on, in {} blocks",
            from - now
        ),
        "redeeming earlier would tell the gateway which of its tickets lose",
    )
}

/// The sender cannot pay all of it.
fn short(name: &str, won: &WinningTicket, ticket: &TicketOutlook) -> Option<Finding> {
    (!ticket.used && ticket.payable < won.ticket.face_value).then_some(())?;
    let message = format!(
        "the sender of {name} is short: it would pay {} of {}, and the rest is lost",
        ticket.payable.human(),
        won.ticket.face_value.human()
    );
    if ticket.payable == Wei::ZERO {
        return refusal(
            "sender_short",
            message,
            "wait until the gateway funds its deposit",
        );
    }
    warning("sender_short", message, "wait, as long as the ticket is valid")
}

/// It costs more than it brings.
fn unworthy(name: &str, snapshot: &Snapshot, ticket: &TicketOutlook) -> Option<Finding> {
    let gas = *ticket.attempt.as_ref().ok()?;
    let cost = cost(gas.saturating_add(gas / 10), snapshot.now.fees.price);
    (ticket.payable <= cost).then_some(())?;
    refusal(
        "not_worth_it",
        format!(
            "{name} pays {}, its gas costs about {}",
            ticket.payable.human(),
            cost.human()
        ),
        "wait for cheaper gas, as long as the ticket is valid",
    )
}

/// The simulation says no, for a reason no row above knows.
fn fails(name: &str, ticket: &TicketOutlook, snapshot: &Snapshot) -> Option<Finding> {
    let revert = ticket.attempt.as_ref().err()?;
    // That row stands by itself, once.
    (*revert != RedeemRevert::RoundNotInitialized || snapshot.round.initialized).then_some(())?;
    Some(finding(
        revert.code(),
        Severity::Refusal,
        format!("{name} would not be paid: {revert}"),
        revert.fix(),
    ))
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{Address, B256, U256};

    use super::*;
    use crate::{chain::RedeemOutlook, wire::ticket::Ticket};

    /// The sample's snapshot is in round 10, at block 1050 of the clock, with gas at a hundredth of a gwei.
    fn codes(change: impl FnOnce(&mut WinningTicket, &mut TicketOutlook)) -> Vec<(&'static str, Severity)> {
        let mut won = WinningTicket {
            ticket: Ticket {
                recipient: Address::repeat_byte(1),
                sender: Address::repeat_byte(2),
                face_value: Wei::gwei(1_000_000),
                win_prob: U256::MAX,
                sender_nonce: 1,
                recipient_rand_hash: B256::repeat_byte(3),
                creation_round: Round(9),
                creation_round_block_hash: B256::repeat_byte(4),
            },
            signature: [5; 65],
            recipient_rand: U256::from(6),
            params_expiration_block: 1050,
        };
        let mut ticket = TicketOutlook {
            used: false,
            payable: won.ticket.face_value,
            attempt: Ok(250_000),
        };
        change(&mut won, &mut ticket);
        let mut snapshot = Snapshot::sample();
        snapshot.tickets = Some(RedeemOutlook {
            block: 1,
            gas_price: Wei::gwei(1),
            validity: 2,
            round_initialized: true,
            tickets: vec![ticket],
        });
        rows(&Redemption { tickets: vec![won] }, &snapshot)
            .into_iter()
            .map(|row| (row.code, row.severity))
            .collect()
    }

    #[test]
    fn each_row_speaks_for_itself() {
        let refused = |code| vec![(code, Severity::Refusal)];
        assert_eq!(codes(|_, _| {}), []);
        assert_eq!(codes(|_, ticket| ticket.used = true), refused("ticket_used"));
        assert_eq!(
            codes(|won, _| won.ticket.creation_round = Round(8)),
            refused("ticket_expired")
        );
        assert_eq!(
            codes(|won, _| won.params_expiration_block = 1051),
            refused("parameters_live")
        );
        assert_eq!(
            codes(|_, ticket| ticket.payable = Wei::gwei(900_000)),
            [("sender_short", Severity::Warning)]
        );
        assert_eq!(
            codes(|won, _| won.ticket.face_value = Wei::ZERO),
            [],
            "what is payable decides"
        );
        assert_eq!(
            codes(|_, ticket| ticket.attempt = Err(RedeemRevert::Unknown("odd".to_string()))),
            refused("would_revert")
        );
        assert_eq!(
            codes(|won, ticket| {
                won.ticket.face_value = Wei::gwei(2_000);
                ticket.payable = Wei::gwei(2_000);
            }),
            refused("not_worth_it")
        );
    }
}
