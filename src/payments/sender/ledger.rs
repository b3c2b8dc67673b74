//! A gateway's account with one session of an orchestrator: what was sent, what of it is known to have come, what was
//! worked off (`go-livepeer core/accounting.go`, `server/segment_rpc.go`).
//!
//! Of what is on its way the gateway never believes more to be there than an honest orchestrator has: work that was
//! paid for and never answered may have been done.

use num_traits::ToPrimitive as _;

use crate::payments::{Exact, Price};

/// One session's account. At every time `confirmed = fees + written off + balance + what is on its way of it`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Credit that is there and not on its way; below zero if more was worked off than was paid.
    pub balance: Exact,
    /// Payments that left, with tickets or without.
    pub payments: u64,
    /// Tickets in them.
    pub tickets: u64,
    /// What those are worth.
    pub sent: Exact,
    /// What of that is known to have come.
    pub confirmed: Exact,
    /// What of that nobody answered for: credited or not.
    pub in_doubt: Exact,
    /// What was worked off, as reported.
    pub fees: Exact,
    /// Credit that may have been worked off, or may not: it is counted on no more.
    pub written_off: Exact,
}

/// Credit on its way with one segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Staged {
    /// Tickets to go with it.
    pub tickets: u32,
    /// What those are worth.
    pub value: Exact,
    /// Credit from before.
    existing: Exact,
    /// What the segment may cost at most.
    estimate: Exact,
}

/// What became of a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It never left.
    Unsent,
    /// It was answered with a result, or with an error after it had been taken, which costs nothing.
    Answered {
        /// What was worked off.
        fee: Exact,
    },
    /// The segment was refused: nothing was worked off, and the tickets may have been credited.
    Refused,
    /// It was refused since too little is there: what was believed to be there is not.
    Short,
    /// Nobody answered. All may have happened.
    Lost,
}

impl Ledger {
    /// Adds another session's account.
    pub fn add(&mut self, other: &Self) {
        self.balance += other.balance.clone();
        self.payments += other.payments;
        self.tickets += other.tickets;
        self.sent += other.sent.clone();
        self.confirmed += other.confirmed.clone();
        self.in_doubt += other.in_doubt.clone();
        self.fees += other.fees.clone();
        self.written_off += other.written_off.clone();
    }

    /// Takes all credit for a segment that may cost so much, and says how many tickets are needed besides. Orchestrators
    /// want at least one ticket's worth to be there, whatever the segment costs. None if that is more than can be
    /// counted.
    pub fn stage(&mut self, estimate: &Exact, ticket_ev: &Exact) -> Option<Staged> {
        let needed = estimate.max(ticket_ev).clone();
        let missing = needed - self.balance.clone();
        let tickets = match missing.is_negative() || missing.is_zero() || ticket_ev.is_zero() {
            true => 0,
            false => {
                let quotient = missing.as_ratio() / ticket_ev.as_ratio();
                quotient.ceil().to_integer().to_u32()?
            }
        };
        Some(Staged {
            tickets,
            value: ticket_ev.times(tickets.into()),
            existing: std::mem::take(&mut self.balance),
            estimate: estimate.clone(),
        })
    }

    /// Books what became of it.
    pub fn settle(&mut self, staged: Staged, fate: Fate) {
        let Staged {
            tickets,
            value,
            existing,
            estimate,
        } = staged;
        if fate == Fate::Unsent {
            self.balance += existing;
            return;
        }
        self.payments += 1;
        self.tickets += u64::from(tickets);
        self.sent += value.clone();
        if let Fate::Answered { fee } = fate {
            self.confirmed += value.clone();
            self.fees += fee.clone();
            self.balance += existing + value - fee;
            return;
        }
        self.in_doubt += value.clone();
        let kept = match fate {
            Fate::Refused => existing.clone(),
            // A debt stays one.
            Fate::Short => existing.clone().min(Exact::zero()),
            // Whatever happened, so much is left of it.
            _ => existing.clone().min(existing.clone() + value - estimate),
        };
        self.written_off += existing - kept.clone();
        self.balance += kept;
    }
}

/// What a segment that may have so many pixels may cost at most: two in a hundred more than it should
/// (`go-livepeer server/segment_rpc.go`).
#[must_use]
pub fn estimated_fee(pixels: u64, price: &Price) -> Exact {
    let fee = price.fee(pixels);
    let ratio = fee.as_ratio();
    let (numerator, denominator) = (ratio.numer() * 102_u8, ratio.denom() * 100_u8);
    Exact::ratio(numerator, denominator).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use alloy::primitives::U256;
    use num_bigint::BigInt;
    use proptest::prelude::*;

    use super::*;
    use crate::units::Wei;

    fn wei(amount: i64) -> Exact {
        Exact::ratio(amount.into(), 1.into()).unwrap()
    }

    /// Stages for an estimate and tells how many tickets that takes.
    fn tickets(balance: i64, estimate: i64, ev: i64) -> u32 {
        let mut ledger = Ledger {
            balance: wei(balance),
            ..Ledger::default()
        };
        let staged = ledger.stage(&wei(estimate), &wei(ev)).unwrap();
        assert!(ledger.balance.is_zero());
        staged.tickets
    }

    #[test]
    fn as_many_tickets_are_sent_as_are_missing() {
        assert_eq!(tickets(0, 100, 8), 13);
        assert_eq!(tickets(100, 100, 8), 0);
        assert_eq!(tickets(99, 100, 8), 1);
        assert_eq!(tickets(-5, 100, 8), 14);
        // At least one ticket's worth must be there.
        assert_eq!(tickets(0, 1, 8), 1);
        assert_eq!(tickets(7, 1, 8), 1);
        assert_eq!(tickets(8, 1, 8), 0);
        // Work for nothing takes none.
        assert_eq!(tickets(0, 0, 0), 0);
    }

    #[test]
    fn more_tickets_than_can_be_counted_are_not_sent() {
        let mut ledger = Ledger::default();
        assert_eq!(ledger.stage(&Wei(U256::MAX).into(), &wei(1)), None);
        assert_eq!(ledger, Ledger::default());
    }

    #[test]
    fn an_estimate_is_two_in_a_hundred_over_the_fee() {
        let price = Price::new(1, 3).unwrap();
        assert_eq!(estimated_fee(300, &price), wei(102));
        assert_eq!(estimated_fee(1, &price).to_string(), "17/50");
        assert!(estimated_fee(300, &Price::free()).is_zero());
    }

    #[test]
    fn what_never_left_is_there_again() {
        let mut ledger = Ledger {
            balance: wei(5),
            ..Ledger::default()
        };
        let before = ledger.clone();
        let staged = ledger.stage(&wei(20), &wei(8)).unwrap();
        ledger.settle(staged, Fate::Unsent);
        assert_eq!(ledger, before);
    }

    #[test]
    fn an_answer_costs_what_it_reports_even_more_than_there_is() {
        let mut ledger = Ledger::default();
        let staged = ledger.stage(&wei(20), &wei(8)).unwrap();
        assert_eq!(staged.tickets, 3);
        ledger.settle(staged, Fate::Answered { fee: wei(30) });
        assert_eq!(ledger.balance, wei(-6));
        assert_eq!(
            (ledger.confirmed.clone(), ledger.fees.clone()),
            (wei(24), wei(30))
        );
        // The debt is paid with the next one.
        assert_eq!(ledger.stage(&wei(20), &wei(8)).unwrap().tickets, 4);
    }

    #[test]
    fn of_what_nobody_answered_for_only_the_certain_rest_is_counted_on() {
        let settled = |balance, fate| {
            let mut ledger = Ledger {
                balance: wei(balance),
                ..Ledger::default()
            };
            let staged = ledger.stage(&wei(20), &wei(8)).unwrap();
            ledger.settle(staged, fate);
            (ledger.balance, ledger.written_off)
        };
        // 5 and two tickets make 21, and the segment took 20 at most.
        assert_eq!(settled(5, Fate::Lost), (wei(1), wei(4)));
        // Enough was there without a ticket.
        assert_eq!(settled(50, Fate::Lost), (wei(30), wei(20)));
        assert_eq!(settled(-5, Fate::Lost), (wei(-5), wei(0)));
        // A refusal costs nothing of what was there …
        assert_eq!(settled(5, Fate::Refused), (wei(5), wei(0)));
        // … unless it says that it is not there.
        assert_eq!(settled(5, Fate::Short), (wei(0), wei(5)));
        assert_eq!(settled(-5, Fate::Short), (wei(-5), wei(0)));
    }

    fn fate() -> impl Strategy<Value = Fate> {
        prop_oneof![
            Just(Fate::Unsent),
            (0_i64..1000, 1_i64..7).prop_map(|(numerator, denominator)| Fate::Answered {
                fee: Exact::ratio(BigInt::from(numerator), BigInt::from(denominator)).unwrap()
            }),
            Just(Fate::Refused),
            Just(Fate::Short),
            Just(Fate::Lost),
        ]
    }

    proptest! {
        #[test]
        fn no_credit_is_made_or_lost(steps in proptest::collection::vec((0_i64..1000, 1_i64..50, fate()), 0..40)) {
            let mut ledger = Ledger::default();
            for (estimate, ev, fate) in steps {
                let staged = ledger.stage(&wei(estimate), &wei(ev)).unwrap();
                ledger.settle(staged, fate);
                let spent = ledger.fees.clone() + ledger.written_off.clone();
                prop_assert_eq!(ledger.confirmed.clone(), spent + ledger.balance.clone());
                prop_assert_eq!(ledger.sent.clone(), ledger.confirmed.clone() + ledger.in_doubt.clone());
            }
        }
    }
}
