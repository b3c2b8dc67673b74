//! Counting a poll: what each vote weighs (LIP-16). The chain keeps the votes, not the count.

use alloy::primitives::{Address, U256};

use crate::units::{Lpt, Percent};

/// What a voter said last, and the stake behind it.
#[derive(Debug, Clone)]
pub(super) struct Voter {
    pub(super) address: Address,
    pub(super) yes: bool,
    pub(super) registered: bool,
    /// Own stake with its rewards.
    pub(super) own: Lpt,
    /// With that of delegators, for an orchestrator.
    pub(super) total: Lpt,
    pub(super) delegate: Address,
}

/// What each vote weighs: an orchestrator speaks for those of its delegators who do not speak themselves.
pub(super) fn weights(voters: &[Voter]) -> Vec<Lpt> {
    let weigh = |voter: &Voter| {
        if !voter.registered {
            return voter.own;
        }
        let spoke = |other: &&Voter| {
            other.address != voter.address && other.delegate == voter.address && !other.registered
        };
        let themselves = voters.iter().filter(spoke);
        themselves.fold(voter.total, |left, other| left.saturating_sub(other.own))
    };
    voters.iter().map(weigh).collect()
}

/// A part of a whole in millionths, rounded down; nothing of nothing is nothing.
pub(super) fn part(part: Lpt, whole: Lpt) -> Percent {
    let millionths = part
        .0
        .saturating_mul(U256::from(1_000_000u64))
        .checked_div(whole.0);
    let millionths = millionths.unwrap_or_default().min(U256::from(1_000_000u64));
    Percent::from_ppm(millionths.to::<u32>()).unwrap_or_default()
}

/// A share in millionths as a contract gives it.
pub(super) fn share(millionths: U256) -> Percent {
    let millionths = millionths.min(U256::from(1_000_000u64));
    Percent::from_ppm(millionths.to::<u32>()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_speaks_is_not_spoken_for() {
        let (orchestrator, delegator, quiet) = (
            Address::repeat_byte(1),
            Address::repeat_byte(2),
            Address::repeat_byte(3),
        );
        let voter = |address, registered, own, total, delegate| Voter {
            address,
            yes: true,
            registered,
            own: Lpt::whole(own),
            total: Lpt::whole(total),
            delegate,
        };
        let theirs = voter(orchestrator, true, 100, 160, orchestrator);
        assert_eq!(weights(std::slice::from_ref(&theirs)), [Lpt::whole(160)]);
        let own = voter(delegator, false, 20, 0, orchestrator);
        assert_eq!(
            weights(&[theirs.clone(), own.clone()]),
            [Lpt::whole(140), Lpt::whole(20)]
        );
        // A delegator of somebody else takes nothing away.
        let other = voter(quiet, false, 50, 0, delegator);
        assert_eq!(weights(&[theirs, own, other])[0], Lpt::whole(140));
    }

    #[test]
    fn parts_are_exact_and_never_above_the_whole() {
        assert_eq!(part(Lpt::whole(1), Lpt::whole(3)).ppm(), 333_333);
        assert_eq!(part(Lpt::whole(4), Lpt::whole(3)).ppm(), 1_000_000);
        assert_eq!(part(Lpt::whole(4), Lpt::ZERO).ppm(), 0);
    }
}
