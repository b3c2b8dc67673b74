//! The rows of stake on its way out, back and to somebody else (18 to 22 and 36 of the reference; 9 is shared).

use super::{
    Finding, PlanOptions, bad_delegate, lost_in_a_contract, outside_or_near_the_end, refusal, settling,
    waivable, warning,
};
use crate::{
    chain::{
        facts::Snapshot,
        plan::{StakeChange, short},
    },
    units::Lpt,
    view::chain::{StakeStatus, UnbondingLock},
};

/// What stands in the way of a change to an account's stake.
pub(super) fn rows(change: StakeChange, snapshot: &Snapshot, options: &PlanOptions) -> Vec<Option<Finding>> {
    let settles = |doing| settling::rows(snapshot, options, doing);
    match change {
        StakeChange::Unbond { .. } => {
            let mut rows = leaving(change, snapshot, "unbond");
            rows.extend(settles("unbonding"));
            rows.extend([
                resigns(change, snapshot, options),
                last_of_the_pool(change, snapshot),
            ]);
            rows
        }
        StakeChange::Deactivate => {
            if !snapshot.own.registered {
                return vec![no_orchestrator(snapshot)];
            }
            let mut rows = leaving(change, snapshot, "unbond");
            rows.extend(settles("unbonding"));
            rows.push(resigns(change, snapshot, options));
            rows
        }
        StakeChange::Rebond { lock, to } => {
            let mut rows = vec![
                no_such_lock(snapshot, lock),
                no_destination(snapshot, to),
                other_destination(snapshot, to),
            ];
            rows.extend(settles("bonding it again"));
            rows.extend(new_delegate(change, snapshot));
            rows
        }
        StakeChange::Withdraw { lock: Some(lock) } => {
            vec![no_such_lock(snapshot, lock), lock_not_ready(snapshot, lock)]
        }
        StakeChange::Withdraw { lock: None } => vec![nothing_ready(snapshot)],
        StakeChange::Claim => {
            let mut rows = vec![nothing_to_claim(snapshot)];
            rows.extend(settles("settling"));
            rows
        }
        StakeChange::Transfer { to, .. } => {
            let mut rows = leaving(change, snapshot, "transfer");
            rows.extend(settles("transferring"));
            rows.extend([
                bad_receiver(snapshot, to),
                lost_in_a_contract(snapshot, to),
                receiver_waits(snapshot, to),
                resigns(change, snapshot, options),
                last_of_the_pool(change, snapshot),
            ]);
            rows
        }
    }
}

/// Stake can be taken away: there is enough, and it counts.
fn leaving(change: StakeChange, snapshot: &Snapshot, verb: &str) -> Vec<Option<Finding>> {
    match snapshot.stake.status {
        StakeStatus::Unbonded => vec![nothing_bonded(snapshot, verb)],
        StakeStatus::Pending => vec![pending(snapshot, verb)],
        StakeStatus::Bonded => vec![
            no_amount(change, snapshot, verb),
            more_than_bonded(change, snapshot, verb),
        ],
    }
}

fn nothing_bonded(snapshot: &Snapshot, verb: &str) -> Option<Finding> {
    refusal(
        "not_bonded",
        format!("{} has nothing bonded to {verb}", short(snapshot.account)),
        "`lpctl stake show` tells what it has",
    )
}

/// What was bonded in this round cannot be unbonded in it.
fn pending(snapshot: &Snapshot, verb: &str) -> Option<Finding> {
    let start = snapshot.stake.start_round;
    let time = super::rounds_ahead(snapshot, start.0.saturating_sub(snapshot.round.round.0));
    refusal(
        "stake_pending",
        format!("this stake counts from round {start} on{time}; until then nobody can {verb} it"),
        format!("run it again in round {start}"),
    )
}

fn no_amount(change: StakeChange, snapshot: &Snapshot, verb: &str) -> Option<Finding> {
    (change.amount(snapshot) == Lpt::ZERO).then_some(())?;
    refusal(
        "nothing_to_unbond",
        format!("0 LPT is nothing to {verb}"),
        "give an amount above zero",
    )
}

fn more_than_bonded(change: StakeChange, snapshot: &Snapshot, verb: &str) -> Option<Finding> {
    let (amount, stake) = (change.amount(snapshot), snapshot.stake.stake_lpt);
    (amount > stake).then_some(())?;
    let all = if verb == "unbond" {
        "unbond less, or pass `--all`"
    } else {
        "transfer less"
    };
    refusal(
        "more_than_bonded",
        format!(
            "only {} is bonded, rewards included, not {}",
            stake.human(),
            amount.human()
        ),
        all,
    )
}

/// What is asked about whoever gets the stake of an account that has nothing bonded.
fn new_delegate(change: StakeChange, snapshot: &Snapshot) -> Vec<Option<Finding>> {
    let is_new = snapshot.stake.status == StakeStatus::Unbonded;
    match change.destination(snapshot).filter(|_| is_new) {
        Some(to) if to.is_zero() => vec![refusal(
            "bad_recipient",
            "the zero address is nobody's: it cannot be delegated to".to_string(),
            "`lpctl orch list` shows who there is",
        )],
        Some(to) if to == snapshot.account => {
            vec![outside_or_near_the_end(snapshot, change.amount(snapshot))]
        }
        Some(to) => bad_delegate(snapshot, to).into_iter().map(Some).collect(),
        None => Vec::new(),
    }
}

/// An orchestrator without stake of its own is none. What earlier transactions leave of it is not known before they are
/// mined.
fn resigns(change: StakeChange, snapshot: &Snapshot, options: &PlanOptions) -> Option<Finding> {
    let is_behind = options.queue && snapshot.pending_nonce > snapshot.nonce;
    let may_resign = is_behind && change.leaves() && snapshot.own.registered;
    (change.resigns(snapshot) || may_resign).then_some(())?;
    let when = if change.resigns(snapshot) {
        ""
    } else {
        "if an earlier transaction that is not mined yet takes stake too, "
    };
    let message = format!(
        "{when}nothing of your own stays bonded: {} is no orchestrator any more, delegators stop earning ({} with yours), \
         and its winning tickets can no longer be paid out",
        short(snapshot.account),
        snapshot.own.total_stake_lpt.human()
    );
    let fix = "redeem tickets first (`lpctl ticket redeem`); if you mean to stop, pass `--resign`";
    waivable("resigns", message, fix, "--resign", options.resign)
}

/// The last place of a full pool goes to whoever comes with more.
fn last_of_the_pool(change: StakeChange, snapshot: &Snapshot) -> Option<Finding> {
    let with = snapshot.chosen().filter(|with| with.rank.is_some())?;
    if let StakeChange::Transfer { .. } = change {
        let receiver = snapshot.particulars.receiver.as_ref()?;
        let stays = receiver
            .orchestrator
            .as_ref()
            .is_none_or(|other| other.address == with.address);
        (!stays).then_some(())?;
    }
    (snapshot.pool.is_full() && !change.resigns(snapshot)).then_some(())?;
    let left = with.total_stake_lpt.saturating_sub(change.amount(snapshot));
    let after = snapshot.pool.place(with.address, left).1;
    after
        .members
        .last()
        .is_some_and(|(last, _)| *last == with.address)
        .then_some(())?;
    let whose = if with.address == snapshot.account {
        "you keep".to_string()
    } else {
        format!("{} keeps", short(with.address))
    };
    warning(
        "last_of_the_pool",
        format!(
            "{whose} a place with {}, but the last of {}: whoever bonds more takes it",
            left.human(),
            snapshot.pool.max_size
        ),
        "confirm only if that place may be lost",
    )
}

fn no_orchestrator(snapshot: &Snapshot) -> Option<Finding> {
    refusal(
        "not_registered",
        format!(
            "{} is no orchestrator: it has no stake of its own",
            short(snapshot.account)
        ),
        "nothing to do; `lpctl stake unbond` takes stake back that is with somebody else",
    )
}

fn lock(snapshot: &Snapshot, id: u64) -> Option<&UnbondingLock> {
    snapshot.particulars.locks.iter().find(|lock| lock.id == id)
}

fn no_such_lock(snapshot: &Snapshot, id: u64) -> Option<Finding> {
    lock(snapshot, id).is_none().then_some(())?;
    let known: Vec<String> = snapshot
        .particulars
        .locks
        .iter()
        .map(|lock| lock.id.to_string())
        .collect();
    let known = match known.len() {
        0 => "there are none".to_string(),
        _ => format!("there are {}", known.join(", ")),
    };
    refusal(
        "no_such_lock",
        format!(
            "{} has no lock {id}, or it is used up; {known}",
            short(snapshot.account)
        ),
        "`lpctl stake locks` lists them",
    )
}

fn lock_not_ready(snapshot: &Snapshot, id: u64) -> Option<Finding> {
    let lock = lock(snapshot, id).filter(|lock| !lock.withdrawable)?;
    let rounds = if lock.rounds_left == 1 { "round" } else { "rounds" };
    let time = super::rounds_ahead(snapshot, lock.rounds_left);
    refusal(
        "lock_not_ready",
        format!(
            "lock {id} is ready in {} {rounds}{time}, in round {}",
            lock.rounds_left, lock.withdraw_round
        ),
        format!(
            "run it again in round {}, or bond it again now: `lpctl stake rebond {id}`",
            lock.withdraw_round
        ),
    )
}

fn nothing_ready(snapshot: &Snapshot) -> Option<Finding> {
    let locks = &snapshot.particulars.locks;
    locks.iter().all(|lock| !lock.withdrawable).then_some(())?;
    let next = locks.iter().min_by_key(|lock| lock.withdraw_round);
    let (message, fix) = match next {
        Some(next) => (
            format!(
                "no lock is ready; the next one is in round {}",
                next.withdraw_round
            ),
            format!("run it again in round {}", next.withdraw_round),
        ),
        None => (
            format!("{} has no stake on its way back", short(snapshot.account)),
            "`lpctl stake unbond` begins it".to_string(),
        ),
    };
    refusal("nothing_to_withdraw", message, fix)
}

fn no_destination(snapshot: &Snapshot, to: Option<alloy::primitives::Address>) -> Option<Finding> {
    (snapshot.stake.status == StakeStatus::Unbonded && to.is_none()).then_some(())?;
    refusal(
        "no_delegate",
        format!(
            "{} has nothing bonded, so it must be said with whom",
            short(snapshot.account)
        ),
        "name the orchestrator: `--to`",
    )
}

/// Stake that is bonded stays with whom it is.
fn other_destination(snapshot: &Snapshot, to: Option<alloy::primitives::Address>) -> Option<Finding> {
    let delegate = snapshot.stake.delegate?;
    let to = to.filter(|to| snapshot.stake.status != StakeStatus::Unbonded && *to != delegate)?;
    refusal(
        "delegated_elsewhere",
        format!(
            "your stake is with {}: a lock is bonded to it again, not to {}",
            short(delegate),
            short(to)
        ),
        "leave `--to` out; `lpctl stake bond --to` moves all stake afterwards",
    )
}

fn nothing_to_claim(snapshot: &Snapshot) -> Option<Finding> {
    let stake = &snapshot.stake;
    let settled = stake.last_claim_round >= snapshot.round.round;
    (settled || stake.status == StakeStatus::Unbonded).then_some(())?;
    refusal(
        "nothing_to_claim",
        format!("nothing is open to settle in round {}", snapshot.round.round),
        "nothing to do: `lpctl stake show` counts all rewards in",
    )
}

fn bad_receiver(snapshot: &Snapshot, to: alloy::primitives::Address) -> Option<Finding> {
    let bad = |what: &str| {
        refusal(
            "bad_recipient",
            what.to_string(),
            "give the address of another account",
        )
    };
    if to.is_zero() {
        return bad("the zero address is nobody's: what goes there is lost");
    }
    if to == snapshot.account {
        return bad("giver and receiver are the same");
    }
    let receiver = snapshot.particulars.receiver.as_ref()?;
    if receiver.stake.delegate.is_none() && snapshot.stake.delegate == Some(to) {
        return bad("the receiver is the orchestrator your stake is with, and has none of its own");
    }
    None
}

/// The receiver's earnings are settled too, which the contract refuses before its orchestrator's reward.
fn receiver_waits(snapshot: &Snapshot, to: alloy::primitives::Address) -> Option<Finding> {
    let receiver = snapshot.particulars.receiver.as_ref()?;
    let with = receiver.orchestrator.as_ref()?;
    let settles =
        receiver.stake.last_claim_round < snapshot.round.round && receiver.stake.stake_lpt > Lpt::ZERO;
    (settles && with.active && !with.reward_called && to != snapshot.account).then_some(())?;
    let name = short(with.address);
    refusal(
        "receiver_reward_not_called",
        format!(
            "{name}, with whom the receiver's stake is, has not called this round's reward, which the receiver would lose: \
             the contract refuses that"
        ),
        format!("wait until {name} has called reward"),
    )
}

#[cfg(test)]
mod tests {
    use alloy::primitives::Address;

    use super::*;
    use crate::units::Round;

    fn lock(id: u64, ready: u64) -> UnbondingLock {
        UnbondingLock {
            id,
            amount_lpt: Lpt::whole(3),
            withdraw_round: Round(ready),
            withdrawable: ready <= 10,
            rounds_left: ready.saturating_sub(10),
        }
    }

    fn codes(change: StakeChange, edit: impl FnOnce(&mut Snapshot)) -> Vec<&'static str> {
        let mut snapshot = Snapshot::sample();
        edit(&mut snapshot);
        let rows = rows(change, &snapshot, &PlanOptions::default());
        rows.into_iter().flatten().map(|finding| finding.code).collect()
    }

    #[test]
    fn what_leaves_must_be_there_and_count() {
        let unbond = |amount| StakeChange::Unbond {
            amount: Some(Lpt::whole(amount)),
        };
        assert_eq!(codes(unbond(10), |_| ()), [""; 0]);
        assert_eq!(codes(unbond(0), |_| ()), ["nothing_to_unbond"]);
        assert_eq!(codes(unbond(101), |_| ())[0], "more_than_bonded");
        assert_eq!(codes(unbond(100), |_| ()), ["resigns"]);
        assert_eq!(codes(StakeChange::Deactivate, |_| ()), ["resigns"]);
        // 200 less 150 is below the other one's 60.
        let last = codes(unbond(99), |snapshot| {
            snapshot.stake.stake_lpt = Lpt::whole(160);
            snapshot.own.total_stake_lpt = Lpt::whole(150);
        });
        assert_eq!(last, ["last_of_the_pool"]);
        let pending = codes(unbond(10), |snapshot| {
            snapshot.stake.status = StakeStatus::Pending
        });
        assert_eq!(pending, ["stake_pending"]);
        let nothing = codes(unbond(10), |snapshot| {
            snapshot.stake.status = StakeStatus::Unbonded;
        });
        assert_eq!(nothing, ["not_bonded"]);
        let early = codes(unbond(10), |snapshot| snapshot.own.reward_called = false);
        assert_eq!(early, ["reward_not_called"]);
    }

    #[test]
    fn stake_goes_to_nobody_who_cannot_give_it_back_and_seats_are_not_lost_in_a_queue() {
        let other = Address::repeat_byte(9);
        let give = StakeChange::Transfer {
            to: other,
            amount: Lpt::whole(1),
        };
        assert_eq!(codes(give, |_| ()), [""; 0]);
        let lost = codes(give, |snapshot| snapshot.particulars.to_protocol = true);
        assert_eq!(lost, ["bad_recipient"]);

        let mut waits = Snapshot::sample();
        waits.pending_nonce = waits.nonce + 1;
        let queued = PlanOptions {
            queue: true,
            ..PlanOptions::default()
        };
        let unbond = StakeChange::Unbond {
            amount: Some(Lpt::whole(10)),
        };
        let found: Vec<_> = rows(unbond, &waits, &queued).into_iter().flatten().collect();
        assert_eq!(found[0].code, "resigns");
        assert!(found[0].message.starts_with("if an earlier transaction"));
        assert_eq!(rows(give, &waits, &queued).into_iter().flatten().count(), 1);

        let rebond = |to| StakeChange::Rebond {
            lock: 1,
            to: Some(to),
        };
        let unbonded = |snapshot: &mut Snapshot| {
            snapshot.particulars.locks = vec![lock(1, 9)];
            snapshot.stake.status = StakeStatus::Unbonded;
            snapshot.stake.delegate = None;
            snapshot.stake.stake_lpt = Lpt::ZERO;
        };
        assert_eq!(codes(rebond(Address::ZERO), unbonded), ["bad_recipient"]);
        let nobody = codes(rebond(other), |snapshot| {
            unbonded(snapshot);
            let mut target = snapshot.own.clone();
            (target.address, target.registered) = (other, false);
            snapshot.target = Some(target);
        });
        assert_eq!(nobody, ["delegate_not_registered"]);
        let seatless = codes(rebond(Address::repeat_byte(0x11)), |snapshot| {
            unbonded(snapshot);
            snapshot.own.total_stake_lpt = Lpt::ZERO;
            snapshot
                .pool
                .members
                .retain(|(member, _)| *member != snapshot.account);
            snapshot.pool.max_size = snapshot.pool.members.len();
        });
        assert_eq!(seatless, ["outside_the_pool"]);
    }

    #[test]
    fn locks_are_named_and_their_time_is_told() {
        let withdraw = |lock| StakeChange::Withdraw { lock: Some(lock) };
        let with = |snapshot: &mut Snapshot| snapshot.particulars.locks = vec![lock(1, 9), lock(2, 12)];
        assert_eq!(codes(withdraw(1), with), [""; 0]);
        assert_eq!(codes(withdraw(0), with), ["no_such_lock"]);
        assert_eq!(codes(withdraw(2), with), ["lock_not_ready"]);
        assert_eq!(codes(StakeChange::Withdraw { lock: None }, with), [""; 0]);
        assert_eq!(
            codes(StakeChange::Withdraw { lock: None }, |_| ()),
            ["nothing_to_withdraw"]
        );
        let rebond = |to| StakeChange::Rebond { lock: 2, to };
        assert_eq!(codes(rebond(None), with), [""; 0]);
        assert_eq!(
            codes(rebond(Some(Address::repeat_byte(0x22))), with),
            ["delegated_elsewhere"]
        );
        let unbonded = codes(rebond(None), |snapshot| {
            with(snapshot);
            snapshot.stake.status = StakeStatus::Unbonded;
            snapshot.stake.delegate = None;
        });
        assert_eq!(unbonded, ["no_delegate"]);
        let mut snapshot = Snapshot::sample();
        with(&mut snapshot);
        // 50 blocks of this round and 100 of the next, 12 s each.
        assert_eq!(
            lock_not_ready(&snapshot, 2).unwrap().message,
            "lock 2 is ready in 2 rounds (about 30 min), in round 12"
        );
    }
}
