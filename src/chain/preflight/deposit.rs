//! The rows of deposit and reserve (37 and 38 of the reference).

use super::{Finding, refusal, warning};
use crate::{
    chain::{facts::Snapshot, plan::DepositChange},
    units::Wei,
};

/// What stands in the way of a change to a gateway's funds.
pub(super) fn rows(change: DepositChange, snapshot: &Snapshot) -> Vec<Option<Finding>> {
    match change {
        DepositChange::Fund { deposit, reserve } => {
            vec![nothing_to_fund(deposit, reserve), ends_unlocking(snapshot)]
        }
        DepositChange::Unlock => vec![
            no_funds(snapshot),
            unlocking_already(snapshot),
            ends_service(snapshot),
        ],
        DepositChange::CancelUnlock => vec![not_unlocking(snapshot, "nothing to do")],
        DepositChange::Withdraw => {
            let first = "run `lpctl deposit unlock` first";
            match no_funds(snapshot) {
                Some(none) => vec![Some(none)],
                None => vec![not_unlocking(snapshot, first), still_locked(snapshot)],
            }
        }
    }
}

fn nothing_to_fund(deposit: Wei, reserve: Wei) -> Option<Finding> {
    (deposit == Wei::ZERO && reserve == Wei::ZERO).then_some(())?;
    refusal(
        "nothing_to_fund",
        "0 ETH is nothing to pay in".to_string(),
        "give an amount above zero: `--deposit 0.02eth`, `--reserve 0.1eth`",
    )
}

/// Paying in ends an unlocking.
fn ends_unlocking(snapshot: &Snapshot) -> Option<Finding> {
    let round = snapshot.broker.withdraw_round?;
    warning(
        "ends_unlocking",
        format!("deposit and reserve are being unlocked (from round {round} on): paying in ends that"),
        "confirm only if the gateway shall go on",
    )
}

fn no_funds(snapshot: &Snapshot) -> Option<Finding> {
    snapshot.broker.is_empty().then_some(())?;
    refusal(
        "no_deposit",
        format!("{} has neither deposit nor reserve", snapshot.account),
        "nothing to do; `lpctl deposit fund` pays in",
    )
}

fn unlocking_already(snapshot: &Snapshot) -> Option<Finding> {
    let round = snapshot.broker.withdraw_round?;
    refusal(
        "unlocking_already",
        format!("deposit and reserve are being unlocked already: ready in round {round}"),
        "run `lpctl deposit withdraw` then",
    )
}

/// Orchestrators refuse tickets from the round before on.
fn ends_service(snapshot: &Snapshot) -> Option<Finding> {
    (!snapshot.broker.is_empty() && snapshot.broker.withdraw_round.is_none()).then_some(())?;
    let ready = snapshot
        .round
        .round
        .0
        .saturating_add(snapshot.broker.unlock_period);
    warning(
        "gateway_stops",
        format!(
            "orchestrators take no more tickets of this gateway from round {} on",
            ready.saturating_sub(1)
        ),
        "confirm only if the gateway shall stop; `lpctl deposit cancel-unlock` undoes it",
    )
}

fn not_unlocking(snapshot: &Snapshot, fix: &'static str) -> Option<Finding> {
    snapshot.broker.withdraw_round.is_none().then_some(())?;
    refusal(
        "not_unlocking",
        "deposit and reserve are locked, and nothing is unlocking them".to_string(),
        fix,
    )
}

fn still_locked(snapshot: &Snapshot) -> Option<Finding> {
    let ready = snapshot.broker.withdraw_round?;
    let round = snapshot.round.round;
    (ready > round).then_some(())?;
    let left = ready.0 - round.0;
    let rounds = if left == 1 { "round" } else { "rounds" };
    let time = super::rounds_ahead(snapshot, left);
    refusal(
        "still_locked",
        format!("deposit and reserve are ready in {left} {rounds}{time}, in round {ready}"),
        format!("run it again in round {ready}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{chain::plan::BrokerFacts, units::Round};

    fn codes(change: DepositChange, broker: BrokerFacts) -> Vec<&'static str> {
        let snapshot = Snapshot {
            broker,
            ..Snapshot::sample()
        };
        let rows = rows(change, &snapshot);
        rows.into_iter().flatten().map(|finding| finding.code).collect()
    }

    #[test]
    fn each_change_is_refused_where_it_makes_no_sense() {
        let funded = BrokerFacts {
            deposit: Wei::ether(1),
            reserve: Wei::ether(2),
            unlock_period: 2,
            ..BrokerFacts::default()
        };
        // The sample is in round 10.
        let unlocking = |round| BrokerFacts {
            withdraw_round: Some(Round(round)),
            ..funded
        };
        let fund = |deposit, reserve| DepositChange::Fund { deposit, reserve };
        for (change, broker, expected) in [
            (fund(Wei::ZERO, Wei::ZERO), funded, &["nothing_to_fund"][..]),
            (fund(Wei::ether(1), Wei::ZERO), funded, &[]),
            (fund(Wei::ZERO, Wei::ether(1)), unlocking(11), &["ends_unlocking"]),
            (DepositChange::Unlock, BrokerFacts::default(), &["no_deposit"]),
            (DepositChange::Unlock, funded, &["gateway_stops"]),
            (DepositChange::Unlock, unlocking(12), &["unlocking_already"]),
            (DepositChange::CancelUnlock, funded, &["not_unlocking"]),
            (DepositChange::CancelUnlock, unlocking(12), &[]),
            (DepositChange::Withdraw, BrokerFacts::default(), &["no_deposit"]),
            (DepositChange::Withdraw, funded, &["not_unlocking"]),
            (DepositChange::Withdraw, unlocking(11), &["still_locked"]),
            (DepositChange::Withdraw, unlocking(10), &[]),
        ] {
            assert_eq!(codes(change, broker), expected, "{change:?} {broker:?}");
        }
    }

    #[test]
    fn a_locked_deposit_says_when_it_is_ready() {
        let broker = BrokerFacts {
            deposit: Wei::ether(1),
            withdraw_round: Some(Round(12)),
            ..BrokerFacts::default()
        };
        let snapshot = Snapshot {
            broker,
            ..Snapshot::sample()
        };
        // 50 blocks of this round and 100 of the next, 12 s each.
        let row = still_locked(&snapshot).unwrap();
        assert_eq!(
            row.message,
            "deposit and reserve are ready in 2 rounds (about 30 min), in round 12"
        );
    }
}
