//! What an account's vote weighs.

use alloy::primitives::{Address, U256};

use super::{BondingVotes, Governor, PollCreator, facts::POLL_COST};
use crate::{
    chain::{Chain, ChainError, calls::Calls, facts::Beside},
    units::Lpt,
    view::gov::{PowerAnswer, PowerSource},
};

impl Chain {
    /// What an account's vote weighs in polls and on treasury proposals. Four HTTP requests at most.
    ///
    /// # Errors
    /// [`ChainError`] if the chain cannot be read.
    pub async fn voting_power(&self, account: Address) -> Result<PowerAnswer, ChainError> {
        let snapshot = self.snapshot(account, None).await?;
        let head = &snapshot.now.head;
        let treasury = match self.treasury(head).await {
            Ok(treasury) => Some(treasury),
            Err(ChainError::ContractMissing { .. }) => None,
            Err(error) => return Err(error),
        };
        let creator = match self.poll_creator(head).await {
            Ok(creator) => Some(creator),
            Err(ChainError::ContractMissing { .. }) => None,
            Err(error) => return Err(error),
        };
        let mut calls = Calls::default();
        let cost = creator.map(|creator| calls.add(creator, &PollCreator::POLL_CREATION_COSTCall {}));
        let asked = treasury.map(|treasury| {
            (
                calls.add(treasury.votes, &BondingVotes::getVotesCall { account }),
                calls.add(treasury.governor, &Governor::proposalThresholdCall {}),
            )
        });
        let reading = self.read(head, calls, Beside::default()).await?;
        let answers = &reading.answers;
        let delegate = snapshot
            .stake
            .delegate
            .filter(|_| snapshot.stake.stake_lpt > Lpt::ZERO);
        let stands_with_one = snapshot.chosen().is_some_and(|chosen| chosen.registered);
        let source = if snapshot.own.registered {
            PowerSource::Orchestrator
        } else if delegate.is_some() && stands_with_one {
            PowerSource::Delegator
        } else {
            PowerSource::None
        };
        let (treasury_power_lpt, treasury_threshold_lpt) = match asked {
            Some((votes, threshold)) => (Some(Lpt(answers.get(votes)?)), Some(Lpt(answers.get(threshold)?))),
            None => (None, None),
        };
        Ok(PowerAnswer {
            account,
            round: snapshot.round.round,
            source,
            delegate,
            stake_lpt: snapshot.stake.stake_lpt,
            poll_power_lpt: if snapshot.own.registered {
                snapshot.own.total_stake_lpt
            } else {
                snapshot.stake.stake_lpt
            },
            total_stake_lpt: snapshot.mint.active_stake,
            poll_threshold_lpt: cost
                .and_then(|cost| answers.find(cost))
                .filter(|cost: &U256| !cost.is_zero())
                .map_or(POLL_COST, Lpt),
            treasury_power_lpt,
            treasury_threshold_lpt,
            at: snapshot.at,
        })
    }
}
