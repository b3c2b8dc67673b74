//! The rows of LPT in the wallet.

use alloy::primitives::Address;

use super::{Finding, lost_in_a_contract, refusal};
use crate::{
    chain::{facts::Snapshot, plan::TokenChange},
    units::Lpt,
};

/// What stands in the way.
pub(super) fn rows(change: TokenChange, snapshot: &Snapshot) -> Vec<Option<Finding>> {
    match change {
        TokenChange::Transfer { to, amount } => vec![
            nothing_to_send(amount),
            bad_recipient(snapshot, to),
            lost_in_a_contract(snapshot, to),
            short_of_lpt(snapshot, amount),
        ],
        TokenChange::Faucet => vec![no_faucet(snapshot), faucet_waits(snapshot)],
    }
}

fn nothing_to_send(amount: Lpt) -> Option<Finding> {
    (amount == Lpt::ZERO).then_some(())?;
    refusal(
        "nothing_to_send",
        "0 LPT is nothing to send".to_string(),
        "give an amount above zero",
    )
}

fn bad_recipient(snapshot: &Snapshot, to: Address) -> Option<Finding> {
    let what = if to.is_zero() {
        "the zero address is nobody's: what goes there is lost".to_string()
    } else if to == snapshot.account {
        "sender and receiver are the same".to_string()
    } else {
        return None;
    };
    refusal(
        "bad_recipient",
        what,
        "give the address of another account; `lpctl stake bond` is what bonds LPT",
    )
}

fn short_of_lpt(snapshot: &Snapshot, amount: Lpt) -> Option<Finding> {
    (snapshot.wallet < amount).then_some(())?;
    refusal(
        "insufficient_lpt",
        format!(
            "{} short on {}: {} in the wallet",
            amount.saturating_sub(snapshot.wallet).human(),
            snapshot.at.network,
            snapshot.wallet.human()
        ),
        "send less; bonded LPT has to be unbonded and withdrawn first",
    )
}

fn no_faucet(snapshot: &Snapshot) -> Option<Finding> {
    snapshot.particulars.faucet.is_none().then_some(())?;
    refusal(
        "no_faucet",
        format!("{} has no faucet: its LPT is bought", snapshot.at.network),
        "test LPT is on networks like `lpctl devnet up`",
    )
}

fn faucet_waits(snapshot: &Snapshot) -> Option<Finding> {
    let faucet = snapshot.particulars.faucet?;
    let now = u64::try_from(snapshot.at.time.as_second()).unwrap_or_default();
    let left = faucet.next.checked_sub(now).filter(|left| *left > 0)?;
    let minutes = left.div_ceil(60);
    refusal(
        "faucet_waits",
        format!("the faucet gives this account something again in {minutes} min"),
        "run it again then",
    )
}
