//! Governance: polls about the protocol, and proposals about the treasury.
//!
//! A poll is a contract of its own that only collects votes: what they weigh is counted here, from the stake. The
//! treasury's governor counts by itself, by the stake at the end of a round that its clock, the rounds, has passed.

pub(crate) mod facts;
mod logs;
mod polls;
mod power;
mod proposals;
mod tally;

pub use proposals::Proposal;
#[cfg(test)]
pub(crate) use proposals::sample_figures;

use alloy::{
    primitives::{Address, address, keccak256},
    sol,
};

use super::{
    Chain, ChainError,
    calls::Calls,
    contracts::Controller,
    facts::{Beside, Head},
};

sol! {
    /// `protocol contracts/polling/PollCreator.sol`
    #[allow(missing_docs, reason = "the macro's items are the contracts' own names")]
    interface PollCreator {
        event PollCreated(address indexed poll, bytes proposal, uint256 endBlock, uint256 quorum, uint256 quota);
        function POLL_CREATION_COST() external view returns (uint256);
        function createPoll(bytes proposal) external;
    }

    /// `protocol contracts/polling/Poll.sol`
    #[allow(missing_docs, reason = "the macro's items are the contracts' own names")]
    interface Poll {
        event Vote(address indexed voter, uint256 choiceID);
        function vote(uint256 choiceID) external;
        function endBlock() external view returns (uint256);
    }

    /// `protocol contracts/treasury/LivepeerGovernor.sol`, OpenZeppelin's `Governor` 4.9
    #[allow(
        missing_docs,
        clippy::too_many_arguments,
        reason = "the macro's items are the contracts' own names, and an event has as many fields as it has"
    )]
    interface Governor {
        event ProposalCreated(
            uint256 proposalId,
            address proposer,
            address[] targets,
            uint256[] values,
            string[] signatures,
            bytes[] calldatas,
            uint256 voteStart,
            uint256 voteEnd,
            string description
        );
        function propose(address[] targets, uint256[] values, bytes[] calldatas, string description) external returns (uint256);
        function castVote(uint256 proposalId, uint8 support) external returns (uint256);
        function castVoteWithReason(uint256 proposalId, uint8 support, string reason) external returns (uint256);
        function queue(address[] targets, uint256[] values, bytes[] calldatas, bytes32 descriptionHash) external returns (uint256);
        function execute(address[] targets, uint256[] values, bytes[] calldatas, bytes32 descriptionHash)
            external payable returns (uint256);
        function state(uint256 proposalId) external view returns (uint8);
        function proposalSnapshot(uint256 proposalId) external view returns (uint256);
        function proposalDeadline(uint256 proposalId) external view returns (uint256);
        function proposalEta(uint256 proposalId) external view returns (uint256);
        function proposalVotes(uint256 proposalId)
            external view returns (uint256 againstVotes, uint256 forVotes, uint256 abstainVotes);
        function hasVoted(uint256 proposalId, address account) external view returns (bool);
        function quorum(uint256 timepoint) external view returns (uint256);
        function quota() external view returns (uint256);
        function votingDelay() external view returns (uint256);
        function proposalThreshold() external view returns (uint256);
        function getVotes(address account, uint256 timepoint) external view returns (uint256);
    }

    /// `protocol contracts/bonding/BondingVotes.sol`
    #[allow(missing_docs, reason = "the macro's items are the contracts' own names")]
    interface BondingVotes {
        function getVotes(address account) external view returns (uint256);
        function getPastVotes(address account, uint256 timepoint) external view returns (uint256);
        function delegatedAt(address account, uint256 timepoint) external view returns (address);
    }
}

/// Where Arbitrum One's polls are made. The Controller there does not know it (`protocol deployments/arbitrumMainnet`).
const POLL_CREATOR: Address = address!("0x8bb50806D60c492c0004DAD5D9627DAA2d9732E6");
/// The Controller it belongs to.
const ARBITRUM_CONTROLLER: Address = address!("0xD8E8328501E9645d16Cf49539efC04f734606ee4");

/// The contracts of the treasury.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TreasuryContracts {
    pub(crate) governor: Address,
    pub(crate) votes: Address,
}

impl Chain {
    /// Where contracts are that only governance needs. One HTTP request.
    async fn locate<const COUNT: usize>(
        &self,
        head: &Head,
        names: [&'static str; COUNT],
    ) -> Result<[Address; COUNT], ChainError> {
        let controller = self.contracts.controller;
        let mut calls = Calls::default();
        let asked = names.map(|name| {
            let id = keccak256(name);
            (name, calls.add(controller, &Controller::getContractCall { id }))
        });
        let reading = self.read(head, calls, Beside::default()).await?;
        let mut found = [Address::ZERO; COUNT];
        for (place, (name, slot)) in found.iter_mut().zip(asked) {
            *place = reading.answers.get(slot)?;
            if place.is_zero() {
                return Err(ChainError::ContractMissing { controller, name });
            }
        }
        Ok(found)
    }

    async fn poll_creator(&self, head: &Head) -> Result<Address, ChainError> {
        if self.chain_id == 42161 && self.contracts.controller == ARBITRUM_CONTROLLER {
            return Ok(POLL_CREATOR);
        }
        let [creator] = self.locate(head, ["PollCreator"]).await?;
        Ok(creator)
    }

    async fn treasury(&self, head: &Head) -> Result<TreasuryContracts, ChainError> {
        let [governor, votes] = self.locate(head, ["LivepeerGovernor", "BondingVotes"]).await?;
        Ok(TreasuryContracts { governor, votes })
    }
}

#[cfg(test)]
mod tests {
    use alloy::{
        hex,
        sol_types::{SolCall, SolEvent},
    };

    use super::*;

    #[test]
    fn selectors_and_topics_are_those_of_the_deployed_contracts() {
        for (selector, expected) in [
            (PollCreator::createPollCall::SELECTOR, "4d2942ab"),
            (Poll::voteCall::SELECTOR, "0121b93f"),
            (Poll::endBlockCall::SELECTOR, "083c6323"),
            (Governor::proposeCall::SELECTOR, "7d5e81e2"),
            (Governor::castVoteCall::SELECTOR, "56781388"),
            (Governor::castVoteWithReasonCall::SELECTOR, "7b3c71d3"),
            (Governor::queueCall::SELECTOR, "160cbed7"),
            (Governor::executeCall::SELECTOR, "2656227d"),
            (Governor::stateCall::SELECTOR, "3e4f49e6"),
            (Governor::proposalVotesCall::SELECTOR, "544ffc9c"),
            (Governor::hasVotedCall::SELECTOR, "43859632"),
            (BondingVotes::getPastVotesCall::SELECTOR, "3a46b1a8"),
        ] {
            assert_eq!(hex::encode(selector), expected);
        }
        for (topic, expected) in [
            (
                PollCreator::PollCreated::SIGNATURE_HASH,
                "8afbc4e1826cefcfc1e64fd5ff7d8484e700867fdbe36e9b6db047c010a6229e",
            ),
            (
                Poll::Vote::SIGNATURE_HASH,
                "f668ead05c744b9178e571d2edb452e72baf6529c8d72160e64e59b50d865bd0",
            ),
            (
                Governor::ProposalCreated::SIGNATURE_HASH,
                "7d84a6263ae0d98d3329bd7b46bb4e8d6f98cd35a7adb45c274c8b7fd5ebd5e0",
            ),
        ] {
            assert_eq!(hex::encode(topic), expected);
        }
    }
}
