//! What a plan of governance needs to know beside the account's own facts, read at the same block.

use alloy::primitives::{Address, U256};

use super::{
    BondingVotes, Governor, Poll, PollCreator,
    logs::blocks_back,
    polls::PERIOD,
    proposals::{Figures, Proposal},
};
use crate::{
    chain::{
        Chain, ChainError,
        calls::Calls,
        facts::{Beside, Snapshot},
        plan::Governance,
    },
    units::Lpt,
    view::gov::ProposalState,
};

/// Stake it takes to make a poll, where the contract does not say (`protocol contracts/polling/PollCreator.sol`).
pub(crate) const POLL_COST: Lpt = Lpt(U256::from_limbs([7_766_279_631_452_241_920, 5, 0, 0]));

/// What is known of that which is voted on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct GovernanceFacts {
    /// The contract a transaction goes to; zero where there is none.
    pub(crate) contract: Address,
    /// Stake or votes it takes to make a poll or a proposal.
    pub(crate) threshold: Lpt,
    /// The account's votes on a treasury proposal, or for making one.
    pub(crate) power: Lpt,
    /// The newest poll about what shall be polled.
    pub(crate) made: Option<Address>,
    pub(crate) poll: Option<PollFacts>,
    pub(crate) proposal: Option<ProposalFacts>,
    /// What the proposal in hand does, call by call.
    pub(crate) does: Vec<String>,
}

/// A poll.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PollFacts {
    pub(crate) end_block: u64,
    /// The account's last word: yes or no.
    pub(crate) own: Option<bool>,
}

/// A treasury proposal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ProposalFacts {
    pub(crate) figures: Figures,
    pub(crate) has_voted: bool,
    /// The orchestrator the stake was with, if that is another one and has voted.
    pub(crate) delegate_voted: Option<Address>,
    /// What it does; read where it is queued or executed.
    pub(crate) content: Option<Proposal>,
}

/// What a proposal's calls, which only the log has, are wanted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Content {
    /// They are known.
    Known,
    /// To tell what it does, where the log can be read.
    Told,
    /// They are sent again.
    Sent,
}

impl ProposalFacts {
    pub(crate) fn state(&self) -> ProposalState {
        self.figures.state
    }
}

impl Chain {
    /// Reads what a plan needs. Three to six HTTP requests, more where an endpoint gives logs of short ranges only.
    pub(crate) async fn governance_facts(
        &self,
        act: &Governance,
        snapshot: &Snapshot,
    ) -> Result<GovernanceFacts, ChainError> {
        match act {
            Governance::CreatePoll { proposal } => self.poll_making_facts(proposal, snapshot).await,
            Governance::Vote { poll, .. } => self.poll_facts(*poll, snapshot).await,
            Governance::Propose { proposal } => {
                let mut facts = self
                    .proposal_facts(proposal.id(), Content::Known, snapshot)
                    .await?;
                // Proposing asks for the votes of the round before.
                let before = U256::from(snapshot.round.round.0.saturating_sub(1));
                facts.power = self.votes_at(before, snapshot).await?;
                facts.does = self.does(proposal);
                Ok(facts)
            }
            Governance::CastVote { id, .. } => self.proposal_facts(*id, Content::Told, snapshot).await,
            Governance::Queue { id } | Governance::Execute { id } => {
                self.proposal_facts(*id, Content::Sent, snapshot).await
            }
        }
    }

    async fn poll_making_facts(
        &self,
        proposal: &[u8],
        snapshot: &Snapshot,
    ) -> Result<GovernanceFacts, ChainError> {
        let head = &snapshot.now.head;
        let creator = self.poll_creator(head).await?;
        let mut calls = Calls::default();
        let cost = calls.add(creator, &PollCreator::POLL_CREATION_COSTCall {});
        let reading = self.read(head, calls, Beside::default()).await?;
        let begin = blocks_back(head, PERIOD);
        let made = self.polls_created(None, begin, head, &|_| {}).await?;
        let same = made.iter().rfind(|made| made.proposal == proposal);
        Ok(GovernanceFacts {
            contract: creator,
            threshold: reading.answers.find(cost).map_or(POLL_COST, Lpt),
            power: snapshot.stake.stake_lpt.max(snapshot.stake.delegated_lpt),
            made: same.map(|made| made.poll),
            ..GovernanceFacts::default()
        })
    }

    async fn poll_facts(&self, poll: Address, snapshot: &Snapshot) -> Result<GovernanceFacts, ChainError> {
        let head = &snapshot.now.head;
        let facts = GovernanceFacts {
            contract: poll,
            ..GovernanceFacts::default()
        };
        let Some(begin) = self.poll_begin(poll, head, &snapshot.round).await? else {
            return Ok(facts);
        };
        if self
            .polls_created(Some(poll), begin, head, &|_| {})
            .await?
            .is_empty()
        {
            return Ok(facts);
        }
        let mut calls = Calls::default();
        let end = calls.add(poll, &Poll::endBlockCall {});
        let reading = self.read(head, calls, Beside::default()).await?;
        let voter = Some(snapshot.account.into_word());
        let votes = self
            .events::<Poll::Vote>(&[poll], voter, begin, head, &|_| {})
            .await?;
        Ok(GovernanceFacts {
            poll: Some(PollFacts {
                end_block: u64::try_from(reading.answers.get(end)?).unwrap_or(u64::MAX),
                own: votes
                    .last()
                    .filter(|(_, vote)| vote.choiceID <= U256::from(1))
                    .map(|(_, vote)| vote.choiceID.is_zero()),
            }),
            power: if snapshot.own.registered {
                snapshot.own.total_stake_lpt
            } else {
                snapshot.stake.stake_lpt
            },
            ..facts
        })
    }

    async fn proposal_facts(
        &self,
        id: U256,
        content: Content,
        snapshot: &Snapshot,
    ) -> Result<GovernanceFacts, ChainError> {
        let (head, account) = (&snapshot.now.head, snapshot.account);
        let treasury = self.treasury(head).await?;
        let governor = treasury.governor;
        let figures = self.proposal_figures(&treasury, id, head).await?;
        let mut calls = Calls::default();
        let threshold = calls.add(governor, &Governor::proposalThresholdCall {});
        let voted = calls.add(
            governor,
            &Governor::hasVotedCall {
                proposalId: id,
                account,
            },
        );
        let start = figures.as_ref().map(|figures| U256::from(figures.vote_start.0));
        let asked = start.map(|timepoint| {
            (
                calls.add(governor, &Governor::getVotesCall { account, timepoint }),
                calls.add(
                    treasury.votes,
                    &BondingVotes::delegatedAtCall { account, timepoint },
                ),
            )
        });
        let reading = self.read(head, calls, Beside::default()).await?;
        let answers = &reading.answers;
        let mut facts = GovernanceFacts {
            contract: governor,
            threshold: Lpt(answers.get(threshold)?),
            ..GovernanceFacts::default()
        };
        let (Some(figures), Some((votes, delegate))) = (figures, asked) else {
            return Ok(facts);
        };
        // Until the snapshot has passed there are no votes yet, and asking reverts.
        facts.power = answers.find(votes).map(Lpt).unwrap_or_default();
        let delegate = answers
            .find(delegate)
            .filter(|delegate| !delegate.is_zero() && *delegate != account);
        let delegate_voted = match delegate {
            Some(delegate) => self
                .has_voted(governor, id, delegate, snapshot)
                .await?
                .then_some(delegate),
            None => None,
        };
        let made = match content {
            Content::Known => Ok(None),
            Content::Told | Content::Sent => {
                self.proposal_made(&treasury, id, head, &snapshot.round, &|_| {})
                    .await
            }
        };
        let made = match made {
            // A vote needs the number alone.
            Err(_) if content == Content::Told => None,
            made => made?,
        };
        let content = made.map(|event| Proposal {
            targets: event.targets,
            values: event.values,
            calldatas: event.calldatas,
            description: event.description,
        });
        // What the log says must be what the number stands for.
        let content = content.filter(|content| content.id() == id);
        facts.does = content
            .as_ref()
            .map_or_else(Vec::new, |content| self.does(content));
        facts.proposal = Some(ProposalFacts {
            figures,
            has_voted: answers.get(voted)?,
            delegate_voted,
            content,
        });
        Ok(facts)
    }

    async fn has_voted(
        &self,
        governor: Address,
        id: U256,
        account: Address,
        snapshot: &Snapshot,
    ) -> Result<bool, ChainError> {
        let mut calls = Calls::default();
        let voted = calls.add(
            governor,
            &Governor::hasVotedCall {
                proposalId: id,
                account,
            },
        );
        let reading = self.read(&snapshot.now.head, calls, Beside::default()).await?;
        reading.answers.get(voted)
    }

    async fn votes_at(&self, round: U256, snapshot: &Snapshot) -> Result<Lpt, ChainError> {
        let head = &snapshot.now.head;
        let treasury = self.treasury(head).await?;
        let call = Governor::getVotesCall {
            account: snapshot.account,
            timepoint: round,
        };
        let mut calls = Calls::default();
        let votes = calls.add(treasury.governor, &call);
        let reading = self.read(head, calls, Beside::default()).await?;
        Ok(reading.answers.find(votes).map(Lpt).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_poll_takes_a_hundred_lpt() {
        assert_eq!(POLL_COST, Lpt::whole(100));
    }
}
