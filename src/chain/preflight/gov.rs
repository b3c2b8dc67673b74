//! The rows of governance (39 to 41 of the reference, and what else would revert or be in vain).

use jiff::Timestamp;

use super::{Finding, Severity, finding, refusal, warning};
use crate::{
    chain::{
        facts::Snapshot,
        gov::facts::{GovernanceFacts, ProposalFacts},
        plan::{Governance, short, short_id, state_word},
    },
    units::Lpt,
    view::gov::ProposalState,
};

/// What stands in the way of an act of governance.
pub(super) fn rows(act: &Governance, snapshot: &Snapshot) -> Vec<Option<Finding>> {
    let facts = &snapshot.governance;
    match act {
        Governance::CreatePoll { .. } => vec![short_of_stake(facts), polled_already(facts)],
        Governance::Vote { yes, .. } => match &facts.poll {
            None => vec![not_a_poll(facts)],
            Some(poll) => vec![
                poll_over(snapshot, poll.end_block),
                said_already(poll.own, *yes),
                weightless(facts),
            ],
        },
        Governance::Propose { proposal } => vec![
            nothing_proposed(proposal.targets.is_empty()),
            proposed_already(facts),
            below_threshold(facts),
        ],
        Governance::CastVote { id, .. } => match &facts.proposal {
            None => vec![unknown_proposal(&short_id(*id))],
            Some(proposal) => vec![
                not_open(snapshot, proposal),
                voted_already(proposal),
                no_power(facts, proposal),
                overrides(proposal),
            ],
        },
        Governance::Queue { id } => match &facts.proposal {
            None => vec![unknown_proposal(&short_id(*id))],
            Some(proposal) => vec![
                wrong_state(proposal, ProposalState::Succeeded, "queued"),
                content_missing(proposal),
            ],
        },
        Governance::Execute { id } => match &facts.proposal {
            None => vec![unknown_proposal(&short_id(*id))],
            Some(proposal) => vec![
                wrong_state(proposal, ProposalState::Queued, "executed"),
                too_early(snapshot, proposal),
                content_missing(proposal),
            ],
        },
    }
}

/// Row 41: making a poll takes stake.
fn short_of_stake(facts: &GovernanceFacts) -> Option<Finding> {
    (facts.power < facts.threshold).then_some(())?;
    refusal(
        "insufficient_stake",
        format!(
            "making a poll takes {} of stake, own or delegated to you; there are {}",
            facts.threshold.human(),
            facts.power.human()
        ),
        "bond more with `lpctl stake bond`, or ask somebody with enough stake to make it",
    )
}

fn polled_already(facts: &GovernanceFacts) -> Option<Finding> {
    let poll = facts.made?;
    warning(
        "polled_already",
        format!("there is a poll about this already: {poll}"),
        "confirm only if it shall be asked twice",
    )
}

fn not_a_poll(facts: &GovernanceFacts) -> Option<Finding> {
    refusal(
        "not_a_poll",
        format!("{} is not a poll of this protocol", facts.contract),
        "`lpctl gov polls` lists those there are",
    )
}

fn poll_over(snapshot: &Snapshot, end_block: u64) -> Option<Finding> {
    (snapshot.round.clock_block > end_block).then_some(())?;
    refusal(
        "poll_over",
        format!(
            "the poll ended with block {end_block}, the clock is at {}",
            snapshot.round.clock_block
        ),
        "`lpctl gov poll` shows how it ended",
    )
}

fn said_already(own: Option<bool>, yes: bool) -> Option<Finding> {
    let word = |yes: bool| if yes { "yes" } else { "no" };
    let own = own?;
    if own == yes {
        refusal(
            "voted_already",
            format!("your vote in this poll is {} already", word(own)),
            "nothing to do",
        )
    } else {
        Some(finding(
            "changes_vote",
            Severity::Note,
            format!("your vote so far is {}", word(own)),
            "the last one counts",
        ))
    }
}

fn weightless(facts: &GovernanceFacts) -> Option<Finding> {
    (facts.power == Lpt::ZERO).then_some(())?;
    warning(
        "no_voting_power",
        "the account has no stake: its vote weighs nothing unless that changes before the poll ends"
            .to_string(),
        "`lpctl gov power` tells what a vote weighs",
    )
}

fn nothing_proposed(nothing: bool) -> Option<Finding> {
    nothing.then_some(())?;
    refusal(
        "nothing_proposed",
        "a proposal must do something".to_string(),
        "give `--pay` with `--to`, or `--call`",
    )
}

fn proposed_already(facts: &GovernanceFacts) -> Option<Finding> {
    let proposal = facts.proposal.as_ref()?;
    refusal(
        "proposal_exists",
        format!(
            "the same was proposed before and is {}",
            state_word(proposal.state())
        ),
        "change the description to propose it again",
    )
}

fn below_threshold(facts: &GovernanceFacts) -> Option<Finding> {
    (facts.power < facts.threshold).then_some(())?;
    refusal(
        "below_threshold",
        format!(
            "proposing takes {} of voting power at the end of the last round; there were {}",
            facts.threshold.human(),
            facts.power.human()
        ),
        "`lpctl gov power` tells where votes come from",
    )
}

fn unknown_proposal(id: &str) -> Option<Finding> {
    refusal(
        "unknown_proposal",
        format!("the treasury's governor knows no proposal {id}"),
        "`lpctl gov proposals` lists those there are",
    )
}

/// Row 39: voting is open for some rounds only.
fn not_open(snapshot: &Snapshot, proposal: &ProposalFacts) -> Option<Finding> {
    let figures = &proposal.figures;
    let round = snapshot.round.round;
    match proposal.state() {
        ProposalState::Active => None,
        ProposalState::Pending => refusal(
            "proposal_not_active",
            format!(
                "voting begins after round {}, this is round {round}; votes will weigh what the stake is then",
                figures.vote_start
            ),
            "wait for that round to end",
        ),
        other => refusal(
            "proposal_not_active",
            format!(
                "voting ended with round {}: the proposal is {}",
                figures.vote_end,
                state_word(other)
            ),
            "nothing to do",
        ),
    }
}

/// Row 39: one vote an account.
fn voted_already(proposal: &ProposalFacts) -> Option<Finding> {
    proposal.has_voted.then_some(())?;
    refusal(
        "voted_already",
        "the account has voted on this proposal, and a vote cannot be changed".to_string(),
        "nothing to do",
    )
}

/// Row 39: votes weigh what the stake was at the snapshot.
fn no_power(facts: &GovernanceFacts, proposal: &ProposalFacts) -> Option<Finding> {
    (facts.power == Lpt::ZERO && proposal.state() == ProposalState::Active).then_some(())?;
    refusal(
        "no_voting_power",
        format!(
            "the account had no voting power at the end of round {}: votes use the stake of then, not of now",
            proposal.figures.vote_start
        ),
        "`lpctl gov power` tells where votes come from; stake bonded now counts for later proposals",
    )
}

/// Row 40: a delegator's own vote takes its stake out of its orchestrator's.
fn overrides(proposal: &ProposalFacts) -> Option<Finding> {
    let delegate = proposal.delegate_voted?;
    Some(finding(
        "overrides_orchestrator",
        Severity::Note,
        format!("your orchestrator {} has voted", short(delegate)),
        "your vote takes your stake, and no other, out of theirs",
    ))
}

fn wrong_state(proposal: &ProposalFacts, wanted: ProposalState, verb: &str) -> Option<Finding> {
    (proposal.state() != wanted).then_some(())?;
    let fix = match proposal.state() {
        ProposalState::Pending | ProposalState::Active => {
            format!("voting ends with round {}", proposal.figures.vote_end)
        }
        ProposalState::Succeeded => "run `lpctl gov queue` first".to_string(),
        ProposalState::Queued => "run `lpctl gov execute`".to_string(),
        _ => "nothing to do".to_string(),
    };
    refusal(
        "wrong_state",
        format!(
            "the proposal is {} and cannot be {verb}",
            state_word(proposal.state())
        ),
        fix,
    )
}

fn too_early(snapshot: &Snapshot, proposal: &ProposalFacts) -> Option<Finding> {
    let from: Timestamp = proposal.figures.executable_from?;
    (proposal.state() == ProposalState::Queued && from > snapshot.at.time).then_some(())?;
    refusal(
        "timelock",
        format!(
            "the treasury holds it back until {} UTC",
            from.strftime("%Y-%m-%d %H:%M:%S")
        ),
        "try again then",
    )
}

fn content_missing(proposal: &ProposalFacts) -> Option<Finding> {
    proposal.content.is_none().then_some(())?;
    refusal(
        "content_missing",
        "no endpoint has the log that tells what the proposal does".to_string(),
        "use an endpoint that keeps logs of that time: `--rpc-url`",
    )
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{Address, Bytes, U256};

    use super::*;
    use crate::{
        chain::{gov::facts::PollFacts, gov::sample_figures, plan::Support},
        units::Round,
    };

    fn codes(act: &Governance, snapshot: &Snapshot) -> Vec<&'static str> {
        let found = rows(act, snapshot).into_iter().flatten();
        found.map(|finding| finding.code).collect()
    }

    fn proposal(state: ProposalState) -> ProposalFacts {
        ProposalFacts {
            figures: sample_figures(state),
            has_voted: false,
            delegate_voted: None,
            content: Some(crate::chain::Proposal {
                targets: vec![Address::ZERO],
                values: vec![U256::ZERO],
                calldatas: vec![Bytes::new()],
                description: "x".to_string(),
            }),
        }
    }

    #[test]
    fn a_poll_takes_stake_and_votes_until_it_ends() {
        let mut snapshot = Snapshot::sample();
        let create = Governance::CreatePoll {
            proposal: Bytes::new(),
        };
        snapshot.governance.threshold = Lpt::whole(100);
        snapshot.governance.power = Lpt::whole(99);
        assert_eq!(codes(&create, &snapshot), ["insufficient_stake"]);
        snapshot.governance.power = Lpt::whole(100);
        assert!(codes(&create, &snapshot).is_empty());
        snapshot.governance.made = Some(Address::ZERO);
        assert_eq!(codes(&create, &snapshot), ["polled_already"]);

        let vote = |yes| Governance::Vote {
            poll: Address::ZERO,
            yes,
        };
        assert_eq!(codes(&vote(true), &snapshot), ["not_a_poll"]);
        let poll = |end_block, own| Some(PollFacts { end_block, own });
        let last = snapshot.round.clock_block;
        snapshot.governance.poll = poll(last, None);
        assert!(codes(&vote(true), &snapshot).is_empty());
        snapshot.governance.poll = poll(last - 1, None);
        assert_eq!(codes(&vote(true), &snapshot), ["poll_over"]);
        snapshot.governance.poll = poll(last, Some(true));
        assert_eq!(codes(&vote(true), &snapshot), ["voted_already"]);
        assert_eq!(codes(&vote(false), &snapshot), ["changes_vote"]);
        snapshot.governance.power = Lpt::ZERO;
        assert_eq!(
            codes(&vote(false), &snapshot),
            ["changes_vote", "no_voting_power"]
        );
    }

    #[test]
    fn a_proposal_is_voted_on_queued_and_executed_in_its_time_only() {
        let mut snapshot = Snapshot::sample();
        snapshot.governance.power = Lpt::whole(1);
        let id = U256::from(1);
        let vote = Governance::CastVote {
            id,
            support: Support::For,
            reason: String::new(),
        };
        let (queue, execute) = (Governance::Queue { id }, Governance::Execute { id });
        for act in [&vote, &queue, &execute] {
            assert_eq!(codes(act, &snapshot), ["unknown_proposal"]);
        }
        for (state, vote_rows, queue_rows, execute_rows) in [
            (
                ProposalState::Pending,
                &["proposal_not_active"][..],
                &["wrong_state"][..],
                &["wrong_state"][..],
            ),
            (ProposalState::Active, &[], &["wrong_state"], &["wrong_state"]),
            (
                ProposalState::Succeeded,
                &["proposal_not_active"],
                &[],
                &["wrong_state"],
            ),
            (
                ProposalState::Queued,
                &["proposal_not_active"],
                &["wrong_state"],
                &[],
            ),
            (
                ProposalState::Executed,
                &["proposal_not_active"],
                &["wrong_state"],
                &["wrong_state"],
            ),
        ] {
            snapshot.governance.proposal = Some(proposal(state));
            assert_eq!(codes(&vote, &snapshot), vote_rows, "{state:?}");
            assert_eq!(codes(&queue, &snapshot), queue_rows, "{state:?}");
            assert_eq!(codes(&execute, &snapshot), execute_rows, "{state:?}");
        }
        let mut active = proposal(ProposalState::Active);
        active.has_voted = true;
        active.delegate_voted = Some(Address::ZERO);
        snapshot.governance.proposal = Some(active);
        snapshot.governance.power = Lpt::ZERO;
        assert_eq!(
            codes(&vote, &snapshot),
            ["voted_already", "no_voting_power", "overrides_orchestrator"]
        );
        let mut queued = proposal(ProposalState::Queued);
        queued.figures.executable_from = Some(snapshot.at.time + jiff::SignedDuration::from_secs(1));
        queued.content = None;
        snapshot.governance.proposal = Some(queued);
        assert_eq!(codes(&execute, &snapshot), ["timelock", "content_missing"]);
        assert_eq!(
            snapshot.governance.proposal.as_ref().unwrap().figures.vote_end,
            Round(12)
        );
    }

    #[test]
    fn proposing_takes_votes_and_something_new() {
        let mut snapshot = Snapshot::sample();
        let content = proposal(ProposalState::Active).content.unwrap();
        let propose = Governance::Propose {
            proposal: content.clone(),
        };
        snapshot.governance.threshold = Lpt::whole(1);
        assert_eq!(codes(&propose, &snapshot), ["below_threshold"]);
        snapshot.governance.power = Lpt::whole(1);
        assert!(codes(&propose, &snapshot).is_empty());
        snapshot.governance.proposal = Some(proposal(ProposalState::Defeated));
        assert_eq!(codes(&propose, &snapshot), ["proposal_exists"]);
        let nothing = Governance::Propose {
            proposal: crate::chain::Proposal {
                targets: Vec::new(),
                ..content
            },
        };
        snapshot.governance.proposal = None;
        assert_eq!(codes(&nothing, &snapshot), ["nothing_proposed"]);
    }
}
