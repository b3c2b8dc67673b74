//! Sums over what happened. Pure: logs in, amounts out, integers all the way.

use std::collections::{BTreeMap, BTreeSet};

use alloy::primitives::{Address, B256, U256};

use crate::{
    chain::exported::{Delegated, Happened, OrchestratorLog, OrchestratorStanding, Receipt},
    reward::history::{Position, Records, classify},
    units::{Lpt, Percent, Round, Wei},
    view::{chain::RoundFacts, reward::RewardOutcome},
};

/// Finished rounds that the share of called rewards is about.
const ROUNDS: u64 = 30;

/// A transaction that earned something: a reward call, or a redemption of tickets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Earning {
    pub(super) transaction: B256,
    /// LPT or wei, all of the transaction's logs together.
    pub(super) amount: U256,
    pub(super) block: u64,
    /// The round it is in; none if it is older than the rounds that are known.
    pub(super) round: Option<Round>,
    pub(super) receipt: Receipt,
}

/// What happened to an orchestrator.
#[derive(Debug, Clone)]
pub(super) struct Past {
    /// Up to this block.
    pub(super) block: u64,
    /// The oldest first, as all of these.
    pub(super) rewards: Vec<Earning>,
    pub(super) tickets: Vec<Earning>,
    pub(super) withdrawn: Wei,
    /// Rewards called of the last rounds they could be called in; none if there was no such round.
    pub(super) called: Option<Percent>,
    /// By stake, the largest first.
    pub(super) delegators: Vec<Delegated>,
}

impl Past {
    /// Puts it together.
    pub(super) fn of(
        block: u64,
        logs: &[OrchestratorLog],
        opened: &[(Position, Round)],
        receipts: &BTreeMap<B256, Receipt>,
        called: Option<Percent>,
        delegators: Vec<Delegated>,
    ) -> Self {
        let reward = |happened: &Happened| match happened {
            Happened::Rewarded(Lpt(amount)) => Some(*amount),
            _ => None,
        };
        let ticket = |happened: &Happened| match happened {
            Happened::TicketPaid(Wei(amount)) => Some(*amount),
            _ => None,
        };
        let withdrawn = logs.iter().fold(Wei::ZERO, |sum, log| match log.happened {
            Happened::Withdrawn(amount) => sum.saturating_add(amount),
            _ => sum,
        });
        Self {
            block,
            rewards: earnings(logs, opened, receipts, reward),
            tickets: earnings(logs, opened, receipts, ticket),
            withdrawn,
            called,
            delegators,
        }
    }
}

/// The transactions that earned something, and their blocks.
pub(super) fn transactions(logs: &[OrchestratorLog]) -> BTreeMap<B256, u64> {
    let earned = logs
        .iter()
        .filter(|log| matches!(log.happened, Happened::Rewarded(_) | Happened::TicketPaid(_)));
    earned.map(|log| (log.transaction, log.position.block)).collect()
}

/// Everybody who ever had stake with the orchestrator.
pub(super) fn delegators(logs: &[OrchestratorLog]) -> Vec<Address> {
    let all: BTreeSet<Address> = logs
        .iter()
        .filter_map(|log| match log.happened {
            Happened::Delegated(delegator) => Some(delegator),
            _ => None,
        })
        .collect();
    all.into_iter().collect()
}

/// The share of the last finished rounds whose reward was called, of those in which it could be.
pub(super) fn called(
    logs: &[OrchestratorLog],
    opened: &[(Position, Round)],
    current: &RoundFacts,
    standing: &OrchestratorStanding,
) -> Option<Percent> {
    let mut records = Records {
        first: Round(current.round.0.saturating_sub(ROUNDS)),
        active_from: standing.facts.activation_round.unwrap_or(Round(u64::MAX)),
        active_until: standing.active_until,
        opened: opened.to_vec(),
        ..Records::default()
    };
    for log in logs {
        match log.happened {
            Happened::Rewarded(amount) => records.rewards.push((log.position, amount)),
            Happened::Active(from, is_active) => records.standing.push((log.position, from, is_active)),
            _ => {}
        }
    }
    let rounds = classify(&records, current);
    let finished = || rounds.iter().filter(|row| row.round != current.round);
    let count = |outcome| finished().filter(|row| row.outcome == outcome).count();
    let (called, missed) = (count(RewardOutcome::Called), count(RewardOutcome::Missed));
    let share = (called * 1_000_000).checked_div(called + missed)?;
    u32::try_from(share).ok().and_then(Percent::from_ppm)
}

/// One of each transaction, in the order of the chain.
fn earnings(
    logs: &[OrchestratorLog],
    opened: &[(Position, Round)],
    receipts: &BTreeMap<B256, Receipt>,
    amount: impl Fn(&Happened) -> Option<U256>,
) -> Vec<Earning> {
    let mut found: Vec<Earning> = Vec::new();
    for log in logs {
        let (Some(amount), Some(receipt)) = (amount(&log.happened), receipts.get(&log.transaction)) else {
            continue;
        };
        match found.last_mut() {
            Some(last) if last.transaction == log.transaction => {
                last.amount = last.amount.saturating_add(amount);
            }
            _ => {
                let before = opened.partition_point(|(opening, _)| *opening <= log.position);
                found.push(Earning {
                    transaction: log.transaction,
                    amount,
                    block: log.position.block,
                    round: before.checked_sub(1).map(|index| opened[index].1),
                    receipt: *receipt,
                });
            }
        }
    }
    found
}

/// What was earned in so many days before a moment, and what its gas cost; of all time without days.
pub(super) fn window(earnings: &[Earning], now: u64, days: Option<u64>) -> (U256, Wei) {
    let from = days.map_or(0, |days| now.saturating_sub(days * 86_400));
    earnings
        .iter()
        // A second ago to the window's length ago: what is exactly as old as it is out.
        .filter(|earning| days.is_none() || earning.receipt.time > from)
        .fold((U256::ZERO, Wei::ZERO), |(amount, cost), earning| {
            (
                amount.saturating_add(earning.amount),
                cost.saturating_add(earning.receipt.cost()),
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(block: u64, index: u64, transaction: u8, happened: Happened) -> OrchestratorLog {
        OrchestratorLog {
            position: Position { block, index },
            transaction: B256::repeat_byte(transaction),
            happened,
        }
    }

    fn paid(wei: u64) -> Happened {
        Happened::TicketPaid(Wei(U256::from(wei)))
    }

    #[test]
    fn tickets_of_one_transaction_are_one_earning_with_one_gas() {
        let logs = [
            log(10, 0, 1, paid(5)),
            log(10, 1, 1, paid(7)),
            log(12, 0, 2, paid(1)),
            log(12, 1, 2, Happened::Withdrawn(Wei(U256::from(3)))),
        ];
        let receipts: BTreeMap<B256, Receipt> = [(1, 10), (2, 12)]
            .map(|(number, time)| (B256::repeat_byte(number), Receipt::of_test(time, 100, 3)))
            .into();
        let opened = [
            (Position { block: 9, index: 4 }, Round(7)),
            (Position { block: 12, index: 0 }, Round(8)),
        ];
        let past = Past::of(12, &logs, &opened, &receipts, None, Vec::new());
        let amounts: Vec<_> = past
            .tickets
            .iter()
            .map(|one| (one.amount, one.round.unwrap().0))
            .collect();
        assert_eq!(amounts, [(U256::from(12), 7), (U256::from(1), 8)]);
        assert!(past.rewards.is_empty());
        assert_eq!(past.withdrawn, Wei(U256::from(3)));
        assert_eq!(
            window(&past.tickets, 20, None),
            (U256::from(13), Wei(U256::from(600)))
        );
        // A day from the first one on: it is just out.
        assert_eq!(
            window(&past.tickets, 86_410, Some(1)),
            (U256::from(1), Wei(U256::from(300)))
        );
        assert_eq!(
            window(&past.tickets, 86_409, Some(1)),
            (U256::from(13), Wei(U256::from(600)))
        );
    }

    #[test]
    fn who_had_stake_is_named_once() {
        let (one, other) = (Address::repeat_byte(1), Address::repeat_byte(2));
        let logs = [
            log(1, 0, 1, Happened::Delegated(other)),
            log(2, 0, 2, Happened::Delegated(one)),
            log(3, 0, 3, Happened::Delegated(other)),
        ];
        assert_eq!(delegators(&logs), [one, other]);
        assert!(transactions(&logs).is_empty());
    }
}
