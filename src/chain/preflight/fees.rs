//! The rows of taking fees out (23 of the reference; 9 and 10 are shared with staking).

use super::{Finding, refusal, warning};
use crate::{
    chain::{
        facts::Snapshot,
        plan::{FeesWithdrawal, short},
    },
    units::Wei,
};

/// What stands in the way of a withdrawal.
pub(super) fn rows(withdrawal: FeesWithdrawal, snapshot: &Snapshot) -> Vec<Option<Finding>> {
    vec![
        nothing_to_withdraw(withdrawal, snapshot),
        short_of_fees(withdrawal, snapshot),
        bad_recipient(withdrawal),
        to_contract(withdrawal),
    ]
}

fn nothing_to_withdraw(withdrawal: FeesWithdrawal, snapshot: &Snapshot) -> Option<Finding> {
    (withdrawal.amount(snapshot) == Wei::ZERO).then_some(())?;
    let message = match withdrawal.amount {
        None => format!("{} has no fees to withdraw", short(snapshot.account)),
        Some(_) => "0 ETH is nothing to withdraw".to_string(),
    };
    refusal(
        "nothing_to_withdraw",
        message,
        "fees come from redeemed tickets: `lpctl fees show`",
    )
}

fn short_of_fees(withdrawal: FeesWithdrawal, snapshot: &Snapshot) -> Option<Finding> {
    let amount = withdrawal.amount(snapshot);
    (amount > snapshot.stake.fees_wei).then_some(())?;
    refusal(
        "insufficient_fees",
        format!(
            "only {} can be withdrawn, not {}",
            snapshot.stake.fees_wei.human(),
            amount.human()
        ),
        "withdraw less, or leave the amount out for all of it",
    )
}

fn bad_recipient(withdrawal: FeesWithdrawal) -> Option<Finding> {
    withdrawal.recipient.is_zero().then_some(())?;
    refusal(
        "bad_recipient",
        "the zero address is nobody's: what goes there is lost".to_string(),
        "give the address of an account of yours with `--to`",
    )
}

fn to_contract(withdrawal: FeesWithdrawal) -> Option<Finding> {
    withdrawal.to_contract.then_some(())?;
    warning(
        "recipient_is_contract",
        format!(
            "{} is a contract: it may not take a plain payment",
            withdrawal.recipient
        ),
        "confirm only if you know that it does",
    )
}

#[cfg(test)]
mod tests {
    use alloy::primitives::Address;

    use super::*;

    #[test]
    fn only_what_is_there_is_paid_out_and_only_to_somebody() {
        let mut snapshot = Snapshot::sample();
        snapshot.stake.fees_wei = Wei::gwei(5);
        let codes = |amount, recipient, to_contract, snapshot: &Snapshot| -> Vec<&'static str> {
            let withdrawal = FeesWithdrawal {
                amount,
                recipient,
                to_contract,
            };
            let rows = rows(withdrawal, snapshot);
            rows.into_iter().flatten().map(|finding| finding.code).collect()
        };
        let me = Address::repeat_byte(1);
        assert!(codes(None, me, false, &snapshot).is_empty());
        assert!(codes(Some(Wei::gwei(5)), me, false, &snapshot).is_empty());
        assert_eq!(
            codes(Some(Wei::gwei(6)), me, false, &snapshot),
            ["insufficient_fees"]
        );
        assert_eq!(
            codes(Some(Wei::ZERO), me, false, &snapshot),
            ["nothing_to_withdraw"]
        );
        assert_eq!(codes(None, Address::ZERO, false, &snapshot), ["bad_recipient"]);
        assert_eq!(codes(None, me, true, &snapshot), ["recipient_is_contract"]);
        snapshot.stake.fees_wei = Wei::ZERO;
        assert_eq!(codes(None, me, false, &snapshot), ["nothing_to_withdraw"]);
    }
}
