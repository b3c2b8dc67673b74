//! `lpctl gov`: polls about the protocol, proposals about the treasury, and votes in both.

mod create;
mod execute;
mod ipfs;
mod poll;
mod polls;
mod power;
mod proposal;
mod proposals;
mod propose;
mod queue;
mod vote;
mod vote_proposal;

use alloy::primitives::{Address, U256};
use clap::Subcommand;
use engine::{chain::ChainError, view::gov::ProposalState, wallet::keystore::parse_address};

use crate::{context::Context, failure::Failure};

/// Vote on the protocol and its treasury
#[derive(Debug, Subcommand)]
#[allow(
    missing_docs,
    reason = "the help of a command is the doc comment of its `Args`"
)]
pub enum GovCommand {
    Polls(polls::PollsArgs),
    Poll(poll::PollArgs),
    Create(create::CreateArgs),
    Vote(vote::VoteArgs),
    Proposals(proposals::ProposalsArgs),
    Proposal(proposal::ProposalArgs),
    VoteProposal(vote_proposal::VoteProposalArgs),
    Propose(propose::ProposeArgs),
    Queue(queue::QueueArgs),
    Execute(execute::ExecuteArgs),
    Power(power::PowerArgs),
}

/// Carries out one of them.
///
/// # Errors
/// As the command says.
pub async fn run(command: GovCommand, context: &mut Context) -> eyre::Result<()> {
    match command {
        GovCommand::Polls(args) => polls::run(args, context).await,
        GovCommand::Poll(args) => poll::run(args, context).await,
        GovCommand::Create(args) => create::run(args, context).await,
        GovCommand::Vote(args) => vote::run(args, context).await,
        GovCommand::Proposals(args) => proposals::run(args, context).await,
        GovCommand::Proposal(args) => proposal::run(args, context).await,
        GovCommand::VoteProposal(args) => vote_proposal::run(args, context).await,
        GovCommand::Propose(args) => propose::run(args, context).await,
        GovCommand::Queue(args) => queue::run(args, context).await,
        GovCommand::Execute(args) => execute::run(args, context).await,
        GovCommand::Power(args) => power::run(args, context).await,
    }
}

/// A chain's error, with what a protocol without polls or treasury means for whoever wants to vote there.
fn failure(error: ChainError) -> Failure {
    let hint = match &error {
        ChainError::ContractMissing {
            name: "LivepeerGovernor" | "BondingVotes",
            ..
        } => Some("this protocol has no treasury to vote on; Arbitrum One's has: `--network arbitrum-one`"),
        ChainError::ContractMissing {
            name: "PollCreator", ..
        } => Some("this protocol has no polls; Arbitrum One's has: `--network arbitrum-one`"),
        _ => None,
    };
    let failure = Failure::from(error);
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// A contract's address as typed.
fn contract(text: &str) -> Result<Address, String> {
    match parse_address(text) {
        Ok(Some(Address::ZERO)) => Err("the zero address is nobody's".to_string()),
        Ok(Some(address)) => Ok(address),
        Ok(None) => Err("that is no address: `0x` and 40 hexadecimal digits are expected".to_string()),
        Err(error) => Err(error.to_string()),
    }
}

/// A proposal's number as typed, in decimal or after `0x`.
fn number(text: &str) -> Result<U256, String> {
    let digits = text.strip_prefix("0x");
    let parsed = match digits {
        Some(digits) => U256::from_str_radix(digits, 16),
        None if text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty() => {
            U256::from_str_radix(text, 10)
        }
        None => return Err("a proposal has a number: `lpctl gov proposals` shows them".to_string()),
    };
    parsed.map_err(|_| "no proposal has that number: it does not fit 256 bits".to_string())
}

/// A proposal's state in words.
fn state(state: ProposalState) -> &'static str {
    match state {
        ProposalState::Pending => "voting has not begun",
        ProposalState::Active => "open for votes",
        ProposalState::Canceled => "cancelled",
        ProposalState::Defeated => "defeated",
        ProposalState::Succeeded => "won, to be queued",
        ProposalState::Queued => "queued, to be executed",
        ProposalState::Expired => "expired",
        ProposalState::Executed => "executed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_address_or_number_is_told_so() {
        assert!(contract("vitalik.eth").unwrap_err().contains("no address"));
        assert!(
            contract("0x0000000000000000000000000000000000000000")
                .unwrap_err()
                .contains("nobody")
        );
        assert!(
            contract("0x70997970c51812dc3A010C7d01b50e0d17dc79C8")
                .unwrap_err()
                .contains("checksum")
        );
        assert!(contract("0x70997970C51812dc3A010C7d01b50e0d17dc79C8").is_ok());
        assert_eq!(number("12"), Ok(U256::from(12)));
        assert_eq!(number("0x0c"), Ok(U256::from(12)));
        for wrong in ["", "-1", "1e18", "one", "0x", "0xzz", &"9".repeat(80)] {
            assert!(number(wrong).is_err() || wrong == "0x", "{wrong}");
        }
    }
}
