//! Reading treasury proposals.

use alloy::{
    hex,
    primitives::{Address, B256, Bytes, U256, keccak256},
    sol,
    sol_types::{SolCall, SolValue},
};
use jiff::Timestamp;

use super::{Governor, TreasuryContracts, logs::blocks_back, tally::share};
use crate::{
    chain::{
        Chain, ChainError, HistoryProgress,
        calls::{Answers, Calls, Slot},
        facts::{Beside, Head, round_number},
    },
    units::{Lpt, Round, Wei},
    view::{
        chain::RoundFacts,
        gov::{ProposalAnswer, ProposalList, ProposalState, ProposalView, ProposedCall},
    },
};

sol! {
    #[allow(missing_docs, reason = "the macro's items are the contract's own names")]
    interface Payment {
        function transfer(address to, uint256 amount) external returns (bool);
    }
}

/// Proposals in a list at most.
const MOST_PROPOSALS: usize = 200;
/// Of a description, characters kept.
const LONGEST_DESCRIPTION: usize = 16 * 1024;
/// Calls of a proposal that are kept.
const MOST_CALLS: usize = 100;

/// What a proposal would do, and the text it is known by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// Contracts called.
    pub targets: Vec<Address>,
    /// ETH sent along with each call, in wei.
    pub values: Vec<U256>,
    /// Input of each call.
    pub calldatas: Vec<Bytes>,
    /// What is said about it.
    pub description: String,
}

impl Proposal {
    /// keccak256 of the description: it stands for it when a proposal is queued or executed.
    #[must_use]
    pub fn description_hash(&self) -> B256 {
        keccak256(&self.description)
    }

    /// Its number, which follows from what it is (`OpenZeppelin Governor.hashProposal`).
    #[must_use]
    pub fn id(&self) -> U256 {
        let hash = self.description_hash();
        let encoded = (
            self.targets.clone(),
            self.values.clone(),
            self.calldatas.clone(),
            hash,
        )
            .abi_encode_params();
        keccak256(encoded).into()
    }

    /// The call that pays LPT out of the treasury.
    #[must_use]
    pub fn payment(to: Address, amount: Lpt) -> Bytes {
        Payment::transferCall { to, amount: amount.0 }.abi_encode().into()
    }
}

/// Where the figures of a proposal will be.
struct Slots {
    state: Slot<Governor::stateCall>,
    snapshot: Slot<Governor::proposalSnapshotCall>,
    deadline: Slot<Governor::proposalDeadlineCall>,
    votes: Slot<Governor::proposalVotesCall>,
    eta: Slot<Governor::proposalEtaCall>,
    quota: Slot<Governor::quotaCall>,
}

/// The figures of a proposal, as the governor gives them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Figures {
    pub(crate) state: ProposalState,
    pub(crate) vote_start: Round,
    pub(crate) vote_end: Round,
    pub(crate) against: Lpt,
    pub(crate) support: Lpt,
    pub(crate) abstain: Lpt,
    pub(crate) executable_from: Option<Timestamp>,
    quota: Option<U256>,
}

impl Chain {
    /// The treasury proposals of the last `rounds` rounds, newest first.
    ///
    /// # Errors
    /// [`ChainError`] if the chain cannot be read; [`ChainError::ContractMissing`] on a protocol without a treasury.
    pub async fn proposals(
        &self,
        rounds: u64,
        progress: &(dyn Fn(HistoryProgress) + Send + Sync),
    ) -> Result<ProposalList, ChainError> {
        let (head, round) = self.head_and_round().await?;
        let treasury = self.treasury(&head).await?;
        let begin = blocks_back(
            &head,
            rounds.saturating_mul(round.length).saturating_add(round.elapsed),
        );
        let mut made = self.proposals_made(&treasury, begin, &head, progress).await?;
        made.reverse();
        made.truncate(MOST_PROPOSALS);
        let mut proposals = Vec::new();
        for event in &made {
            if let Some(view) = self.view_proposal(&treasury, event, &head).await? {
                proposals.push(view);
            }
        }
        Ok(ProposalList {
            at: self.read_at(&head)?,
            round: round.round,
            rounds,
            proposals,
        })
    }

    /// One treasury proposal; none if there is none of that number.
    ///
    /// # Errors
    /// [`ChainError`] if the chain cannot be read; [`ChainError::ContractMissing`] on a protocol without a treasury.
    pub async fn proposal(
        &self,
        id: U256,
        progress: &(dyn Fn(HistoryProgress) + Send + Sync),
    ) -> Result<Option<ProposalAnswer>, ChainError> {
        let (head, round) = self.head_and_round().await?;
        let treasury = self.treasury(&head).await?;
        let Some(event) = self.proposal_made(&treasury, id, &head, &round, progress).await? else {
            return Ok(None);
        };
        let view = self.view_proposal(&treasury, &event, &head).await?;
        let at = self.read_at(&head)?;
        Ok(view.map(|proposal| ProposalAnswer {
            at,
            round: round.round,
            proposal,
        }))
    }

    /// The event that tells what a proposal does.
    pub(super) async fn proposal_made(
        &self,
        treasury: &TreasuryContracts,
        id: U256,
        head: &Head,
        round: &RoundFacts,
        progress: &(dyn Fn(HistoryProgress) + Send + Sync),
    ) -> Result<Option<Governor::ProposalCreated>, ChainError> {
        let Some(figures) = self.proposal_figures(treasury, id, head).await? else {
            return Ok(None);
        };
        // Voting begins a delay after it was made; more rounds back than any delay there has been.
        let ago = round
            .round
            .0
            .saturating_sub(figures.vote_start.0)
            .saturating_add(10);
        let begin = blocks_back(
            head,
            ago.saturating_mul(round.length).saturating_add(round.elapsed),
        );
        let made = self.proposals_made(treasury, begin, head, progress).await?;
        Ok(made.into_iter().find(|event| event.proposalId == id))
    }

    async fn proposals_made(
        &self,
        treasury: &TreasuryContracts,
        begin: u64,
        head: &Head,
        progress: &(dyn Fn(HistoryProgress) + Send + Sync),
    ) -> Result<Vec<Governor::ProposalCreated>, ChainError> {
        let events = self
            .events::<Governor::ProposalCreated>(&[treasury.governor], None, begin, head, progress)
            .await?;
        Ok(events.into_iter().map(|(_, event)| event).collect())
    }

    /// The figures of a proposal; none if the governor knows none of that number. One HTTP request.
    pub(super) async fn proposal_figures(
        &self,
        treasury: &TreasuryContracts,
        id: U256,
        head: &Head,
    ) -> Result<Option<Figures>, ChainError> {
        let mut calls = Calls::default();
        let slots = ask(&mut calls, treasury.governor, id);
        let reading = self.read(head, calls, Beside::default()).await?;
        answer(&reading.answers, &slots)
    }

    async fn view_proposal(
        &self,
        treasury: &TreasuryContracts,
        event: &Governor::ProposalCreated,
        head: &Head,
    ) -> Result<Option<ProposalView>, ChainError> {
        let governor = treasury.governor;
        let mut calls = Calls::default();
        let slots = ask(&mut calls, governor, event.proposalId);
        // Reverts until the snapshot has passed.
        let quorum = calls.add(
            governor,
            &Governor::quorumCall {
                timepoint: event.voteStart,
            },
        );
        let reading = self.read(head, calls, Beside::default()).await?;
        let Some(figures) = answer(&reading.answers, &slots)? else {
            return Ok(None);
        };
        let calls = event.targets.iter().zip(&event.values).zip(&event.calldatas);
        Ok(Some(ProposalView {
            id: event.proposalId.to_string(),
            state: figures.state,
            proposer: event.proposer,
            description: event.description.chars().take(LONGEST_DESCRIPTION).collect(),
            calls: calls
                .take(MOST_CALLS)
                .map(|((target, value), calldata)| ProposedCall {
                    target: *target,
                    value_wei: Wei(*value),
                    meaning: self.meaning(*target, calldata),
                    calldata: calldata.clone(),
                })
                .collect(),
            vote_start: figures.vote_start,
            vote_end: figures.vote_end,
            against_lpt: figures.against,
            for_lpt: figures.support,
            abstain_lpt: figures.abstain,
            quorum_lpt: reading.answers.find(quorum).map(Lpt),
            quota_percent: figures.quota.map(share),
            executable_from: figures.executable_from,
        }))
    }

    /// What a proposal's calls do, for whoever is about to sign for them.
    pub(super) fn does(&self, proposal: &Proposal) -> Vec<String> {
        let calls = proposal
            .targets
            .iter()
            .zip(&proposal.values)
            .zip(&proposal.calldatas);
        let what = calls.map(|((target, value), calldata)| {
            let call = self.meaning(*target, calldata).unwrap_or_else(|| {
                let selector = calldata.get(..4).unwrap_or(calldata);
                let bytes = calldata.len();
                format!(
                    "call {} ({bytes} bytes) of {target}",
                    hex::encode_prefixed(selector)
                )
            });
            match value.is_zero() {
                true => call,
                false => format!("{call} with {}", Wei(*value).human()),
            }
        });
        what.collect()
    }

    /// A payment of LPT, said as one.
    fn meaning(&self, target: Address, calldata: &[u8]) -> Option<String> {
        (target == self.contracts.livepeer_token).then_some(())?;
        let payment = Payment::transferCall::abi_decode(calldata).ok()?;
        Some(format!("pay {} to {}", Lpt(payment.amount).human(), payment.to))
    }
}

fn ask(calls: &mut Calls, governor: Address, id: U256) -> Slots {
    Slots {
        state: calls.add(governor, &Governor::stateCall { proposalId: id }),
        snapshot: calls.add(governor, &Governor::proposalSnapshotCall { proposalId: id }),
        deadline: calls.add(governor, &Governor::proposalDeadlineCall { proposalId: id }),
        votes: calls.add(governor, &Governor::proposalVotesCall { proposalId: id }),
        eta: calls.add(governor, &Governor::proposalEtaCall { proposalId: id }),
        quota: calls.add(governor, &Governor::quotaCall {}),
    }
}

fn answer(answers: &Answers, slots: &Slots) -> Result<Option<Figures>, ChainError> {
    let state = match answers.get(slots.state) {
        Ok(state) => state,
        // A number nobody proposed.
        Err(ChainError::Reverted { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    let votes = answers.get(slots.votes)?;
    let eta = answers.find(slots.eta).unwrap_or_default();
    Ok(Some(Figures {
        state: match state {
            0 => ProposalState::Pending,
            1 => ProposalState::Active,
            2 => ProposalState::Canceled,
            3 => ProposalState::Defeated,
            4 => ProposalState::Succeeded,
            5 => ProposalState::Queued,
            6 => ProposalState::Expired,
            7 => ProposalState::Executed,
            other => return Err(ChainError::Garbage(format!("{other} as a proposal's state"))),
        },
        vote_start: round_number(answers.get(slots.snapshot)?)?,
        vote_end: round_number(answers.get(slots.deadline)?)?,
        against: Lpt(votes.againstVotes),
        support: Lpt(votes.forVotes),
        abstain: Lpt(votes.abstainVotes),
        // Zero where it is not queued, one where it is done.
        executable_from: i64::try_from(eta)
            .ok()
            .filter(|seconds| *seconds > 1)
            .and_then(|seconds| Timestamp::from_second(seconds).ok()),
        quota: answers.find(slots.quota),
    }))
}

/// A proposal that is or was voted on in rounds 11 and 12.
#[cfg(test)]
pub(crate) fn sample_figures(state: ProposalState) -> Figures {
    Figures {
        state,
        vote_start: Round(10),
        vote_end: Round(12),
        against: Lpt::ZERO,
        support: Lpt::ZERO,
        abstain: Lpt::ZERO,
        executable_from: None,
        quota: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_follows_from_what_is_proposed() {
        let proposal = Proposal {
            targets: vec![Address::repeat_byte(1)],
            values: vec![U256::ZERO],
            calldatas: vec![Proposal::payment(Address::repeat_byte(2), Lpt::whole(5))],
            description: "pay".to_string(),
        };
        let other = Proposal {
            description: "pay!".to_string(),
            ..proposal.clone()
        };
        assert_eq!(proposal.id(), proposal.clone().id());
        assert_ne!(proposal.id(), other.id());
        assert_eq!(proposal.calldatas[0][..4], [0xa9, 0x05, 0x9c, 0xbb]);
    }
}
