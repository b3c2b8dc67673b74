//! Making polls and proposals, voting, and carrying out what was voted for.

use alloy::primitives::{Address, Bytes, U256};

use super::{Figure, Intent, Plan, PlanOptions, Step, short};
use crate::{
    chain::{
        Chain, ChainError,
        facts::Snapshot,
        gov::{Governor, Poll, PollCreator, Proposal},
        text::plain,
    },
    view::gov::ProposalState,
};

/// How a treasury vote is cast (OpenZeppelin's `GovernorCountingSimple.VoteType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Support {
    /// Against the proposal.
    Against,
    /// For it.
    For,
    /// Neither; counts for the quorum.
    Abstain,
}

impl Support {
    fn number(self) -> u8 {
        match self {
            Self::Against => 0,
            Self::For => 1,
            Self::Abstain => 2,
        }
    }

    /// As people say it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Against => "against",
            Self::For => "for",
            Self::Abstain => "abstain",
        }
    }
}

/// An act of governance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Governance {
    CreatePoll {
        proposal: Bytes,
    },
    Vote {
        poll: Address,
        yes: bool,
    },
    Propose {
        proposal: Proposal,
    },
    CastVote {
        id: U256,
        support: Support,
        reason: String,
    },
    Queue {
        id: U256,
    },
    Execute {
        id: U256,
    },
}

impl Chain {
    /// Makes a poll about `proposal`, the IPFS address of a text.
    ///
    /// # Errors
    /// [`ChainError`] if the chain cannot be read. What stands in the way is in the plan.
    pub async fn plan_create_poll(
        &self,
        from: Address,
        proposal: &str,
        options: PlanOptions,
    ) -> Result<Plan, ChainError> {
        let proposal = Bytes::copy_from_slice(proposal.as_bytes());
        self.plan_governance(from, Governance::CreatePoll { proposal }, options)
            .await
    }

    /// Votes in a poll. The last vote counts.
    ///
    /// # Errors
    /// [`ChainError`] if the chain cannot be read. What stands in the way is in the plan.
    pub async fn plan_vote(
        &self,
        from: Address,
        poll: Address,
        yes: bool,
        options: PlanOptions,
    ) -> Result<Plan, ChainError> {
        self.plan_governance(from, Governance::Vote { poll, yes }, options)
            .await
    }

    /// Proposes something to the treasury.
    ///
    /// # Errors
    /// [`ChainError`] if the chain cannot be read. What stands in the way is in the plan.
    pub async fn plan_propose(
        &self,
        from: Address,
        proposal: Proposal,
        options: PlanOptions,
    ) -> Result<Plan, ChainError> {
        self.plan_governance(from, Governance::Propose { proposal }, options)
            .await
    }

    /// Votes on a treasury proposal, for good. An empty reason is none.
    ///
    /// # Errors
    /// [`ChainError`] if the chain cannot be read. What stands in the way is in the plan.
    pub async fn plan_cast_vote(
        &self,
        from: Address,
        id: U256,
        support: Support,
        reason: &str,
        options: PlanOptions,
    ) -> Result<Plan, ChainError> {
        let reason = reason.to_string();
        self.plan_governance(from, Governance::CastVote { id, support, reason }, options)
            .await
    }

    /// Puts a proposal that won into the treasury's queue. Anybody may.
    ///
    /// # Errors
    /// [`ChainError`] if the chain cannot be read. What stands in the way is in the plan.
    pub async fn plan_queue(
        &self,
        from: Address,
        id: U256,
        options: PlanOptions,
    ) -> Result<Plan, ChainError> {
        self.plan_governance(from, Governance::Queue { id }, options)
            .await
    }

    /// Does what a queued proposal says. Anybody may.
    ///
    /// # Errors
    /// [`ChainError`] if the chain cannot be read. What stands in the way is in the plan.
    pub async fn plan_execute(
        &self,
        from: Address,
        id: U256,
        options: PlanOptions,
    ) -> Result<Plan, ChainError> {
        self.plan_governance(from, Governance::Execute { id }, options)
            .await
    }

    async fn plan_governance(
        &self,
        from: Address,
        act: Governance,
        options: PlanOptions,
    ) -> Result<Plan, ChainError> {
        Box::pin(self.plan(from, Intent::Governance(act), options)).await
    }

    pub(super) fn governance_steps(&self, act: &Governance, snapshot: &Snapshot) -> Vec<Step> {
        let facts = &snapshot.governance;
        let contract = facts.contract;
        let content = || {
            facts
                .proposal
                .as_ref()
                .and_then(|proposal| proposal.content.clone())
        };
        vec![match act {
            Governance::CreatePoll { proposal } => {
                let call = PollCreator::createPollCall {
                    proposal: proposal.clone(),
                };
                self.step("create poll", contract, &call, 400_000)
            }
            Governance::Vote { yes, .. } => {
                let call = Poll::voteCall {
                    choiceID: U256::from(u8::from(!yes)),
                };
                self.step("vote", contract, &call, 60_000)
            }
            Governance::Propose { proposal } => {
                let call = Governor::proposeCall {
                    targets: proposal.targets.clone(),
                    values: proposal.values.clone(),
                    calldatas: proposal.calldatas.clone(),
                    description: proposal.description.clone(),
                };
                self.step("propose", contract, &call, 1_000_000)
            }
            Governance::CastVote { id, support, reason } if reason.is_empty() => {
                let call = Governor::castVoteCall {
                    proposalId: *id,
                    support: support.number(),
                };
                self.step("vote", contract, &call, 400_000)
            }
            Governance::CastVote { id, support, reason } => {
                let call = Governor::castVoteWithReasonCall {
                    proposalId: *id,
                    support: support.number(),
                    reason: reason.clone(),
                };
                self.step("vote", contract, &call, 500_000)
            }
            Governance::Queue { .. } => {
                let Some(proposal) = content() else {
                    return Vec::new();
                };
                let call = Governor::queueCall {
                    descriptionHash: proposal.description_hash(),
                    targets: proposal.targets,
                    values: proposal.values,
                    calldatas: proposal.calldatas,
                };
                self.step("queue", contract, &call, 500_000)
            }
            Governance::Execute { .. } => {
                let Some(proposal) = content() else {
                    return Vec::new();
                };
                let call = Governor::executeCall {
                    descriptionHash: proposal.description_hash(),
                    targets: proposal.targets,
                    values: proposal.values,
                    calldatas: proposal.calldatas,
                };
                self.step("execute", contract, &call, 2_000_000)
            }
        }]
    }
}

impl Governance {
    pub(super) fn title(&self) -> String {
        match self {
            Self::CreatePoll { proposal } => {
                format!(
                    "make a poll about {}",
                    plain(&String::from_utf8_lossy(proposal), 100)
                )
            }
            Self::Vote { poll, yes } => {
                let word = if *yes { "yes" } else { "no" };
                format!("vote {word} in the poll {}", short(*poll))
            }
            Self::Propose { proposal } => {
                let first = proposal.description.lines().next().unwrap_or_default();
                format!("propose to the treasury: {}", plain(first, 100))
            }
            Self::CastVote { id, support, .. } => {
                format!("vote {} on the proposal {}", support.word(), short_id(*id))
            }
            Self::Queue { id } => format!("queue the proposal {}", short_id(*id)),
            Self::Execute { id } => format!("execute the proposal {}", short_id(*id)),
        }
    }

    pub(super) fn predict(&self, before: &Snapshot, after: &mut Snapshot) {
        let facts = &mut after.governance;
        match self {
            Self::CreatePoll { .. } | Self::Propose { .. } => {}
            Self::Vote { yes, .. } => {
                if let Some(poll) = &mut facts.poll {
                    poll.own = Some(*yes);
                }
            }
            Self::CastVote { support, .. } => {
                if let Some(proposal) = &mut facts.proposal {
                    proposal.has_voted = true;
                    let power = before.governance.power;
                    let figures = &mut proposal.figures;
                    let sum = match support {
                        Support::Against => &mut figures.against,
                        Support::For => &mut figures.support,
                        Support::Abstain => &mut figures.abstain,
                    };
                    *sum = sum.saturating_add(power);
                }
            }
            Self::Queue { .. } => {
                if let Some(proposal) = &mut facts.proposal {
                    proposal.figures.state = ProposalState::Queued;
                }
            }
            Self::Execute { .. } => {
                if let Some(proposal) = &mut facts.proposal {
                    proposal.figures.state = ProposalState::Executed;
                }
            }
        }
    }

    pub(super) fn figures(&self, snapshot: &Snapshot) -> Vec<Figure> {
        let facts = &snapshot.governance;
        let figure = |key, label, value: String| Figure { key, label, value };
        let proposal = facts.proposal.as_ref();
        match self {
            Self::CreatePoll { .. } => vec![figure(
                "poll",
                "poll",
                facts
                    .made
                    .map_or_else(|| "none".to_string(), |poll| poll.to_string()),
            )],
            Self::Vote { .. } => {
                let own = facts.poll.as_ref().and_then(|poll| poll.own);
                let word = match own {
                    Some(true) => "yes",
                    Some(false) => "no",
                    None => "none",
                };
                vec![figure("vote", "your vote", word.to_string())]
            }
            // The number is known beforehand; that it is there is what changes.
            Self::Propose { proposal: made } => vec![figure(
                "proposal",
                "proposal",
                proposal.map_or_else(|| "none".to_string(), |_| made.id().to_string()),
            )],
            Self::CastVote { .. } => {
                let Some(proposal) = proposal else {
                    return Vec::new();
                };
                let voted = if proposal.has_voted { "cast" } else { "none" };
                vec![
                    figure("vote", "your vote", voted.to_string()),
                    figure("for_lpt", "for", proposal.figures.support.decimal()),
                    figure("against_lpt", "against", proposal.figures.against.decimal()),
                    figure("abstain_lpt", "abstain", proposal.figures.abstain.decimal()),
                ]
            }
            Self::Queue { .. } | Self::Execute { .. } => {
                let Some(proposal) = proposal else {
                    return Vec::new();
                };
                vec![figure(
                    "state",
                    "proposal",
                    state_word(proposal.state()).to_string(),
                )]
            }
        }
    }

    pub(super) fn note(&self, key: &str, before: &Snapshot) -> Option<String> {
        match (self, key) {
            (Self::Vote { .. }, "vote") => Some(format!(
                "weighs {} now; what counts is the stake when the poll ends",
                before.governance.power.human()
            )),
            (Self::Propose { .. }, "proposal") | (Self::Queue { .. } | Self::Execute { .. }, "state")
                if !before.governance.does.is_empty() =>
            {
                Some(before.governance.does.join("; "))
            }
            (Self::CastVote { .. }, "vote") => {
                let weight = format!("weighs {}, for good", before.governance.power.human());
                Some(match before.governance.does.join("; ") {
                    does if does.is_empty() => weight,
                    does => format!("{weight}; the proposal would {does}"),
                })
            }
            _ => None,
        }
    }
}

/// A state in a word.
pub(crate) fn state_word(state: ProposalState) -> &'static str {
    match state {
        ProposalState::Pending => "pending",
        ProposalState::Active => "open for votes",
        ProposalState::Canceled => "cancelled",
        ProposalState::Defeated => "defeated",
        ProposalState::Succeeded => "won",
        ProposalState::Queued => "queued",
        ProposalState::Expired => "expired",
        ProposalState::Executed => "executed",
    }
}

/// A proposal's number, which has up to 78 digits, so that it can be told from others.
pub(crate) fn short_id(id: U256) -> String {
    let whole = id.to_string();
    match (whole.get(..6), whole.get(whole.len().saturating_sub(4)..)) {
        (Some(head), Some(tail)) if whole.len() > 12 => format!("{head}…{tail}"),
        _ => whole,
    }
}
