//! Reading polls.

use std::collections::BTreeMap;

use alloy::primitives::{Address, U64, U256};
use serde_json::json;

use super::{
    Poll, PollCreator,
    logs::blocks_back,
    tally::{Voter, part, share, weights},
};
use crate::{
    chain::{
        Chain, ChainError, HistoryProgress,
        calls::{Calls, count},
        contracts::BondingManager,
        facts::{Beside, Head},
        network::seconds_per_block,
        text::plain,
    },
    units::Lpt,
    view::{
        chain::RoundFacts,
        gov::{PollAnswer, PollList, PollState, PollView, PollVoteView, Tally},
    },
};

/// Polls in a list at most.
const MOST_POLLS: usize = 200;
/// Voters whose stake is read at most.
const MOST_VOTERS: usize = 2_000;
/// How long polls last, in blocks of the round's clock (`protocol contracts/polling/PollCreator.sol`), and some.
pub(super) const PERIOD: u64 = 60_000;

/// What a poll was made with.
#[derive(Debug, Clone)]
pub(super) struct Created {
    pub(super) poll: Address,
    pub(super) proposal: Vec<u8>,
    end_block: u64,
    quorum: U256,
    quota: U256,
}

impl Chain {
    /// The polls of the last `rounds` rounds, newest first. Those that are open are counted.
    ///
    /// # Errors
    /// [`ChainError`] if the chain cannot be read.
    pub async fn polls(
        &self,
        rounds: u64,
        progress: &(dyn Fn(HistoryProgress) + Send + Sync),
    ) -> Result<PollList, ChainError> {
        let (head, round) = self.head_and_round().await?;
        let begin = blocks_back(
            &head,
            rounds.saturating_mul(round.length).saturating_add(round.elapsed),
        );
        let mut created = self.polls_created(None, begin, &head, progress).await?;
        created.reverse();
        created.truncate(MOST_POLLS);
        self.read_ends(&mut created, &head).await?;
        let addresses: Vec<Address> = created.iter().map(|created| created.poll).collect();
        let mut said = self.votes(&addresses, begin, &head).await?;
        let mut polls = Vec::new();
        for created in &created {
            let votes = said.remove(&created.poll).unwrap_or_default();
            let mut view = view(created, &round, self.chain_id, votes.len());
            if view.state == PollState::Open {
                self.count_into(&mut view, &votes, &head).await?;
                view.votes.clear();
            }
            polls.push(view);
        }
        Ok(PollList {
            at: self.read_at(&head)?,
            rounds,
            polls,
        })
    }

    /// One poll, counted: by the stake there is, or there was when it ended. None if nobody made it there.
    ///
    /// # Errors
    /// [`ChainError`] if the chain cannot be read.
    pub async fn poll(
        &self,
        poll: Address,
        progress: &(dyn Fn(HistoryProgress) + Send + Sync),
    ) -> Result<Option<PollAnswer>, ChainError> {
        let (head, round) = self.head_and_round().await?;
        let Some(begin) = self.poll_begin(poll, &head, &round).await? else {
            return Ok(None);
        };
        let mut created = self.polls_created(Some(poll), begin, &head, progress).await?;
        self.read_ends(&mut created, &head).await?;
        let Some(created) = created.first() else {
            return Ok(None);
        };
        let votes = self
            .votes(&[poll], begin, &head)
            .await?
            .remove(&poll)
            .unwrap_or_default();
        let mut view = view(created, &round, self.chain_id, votes.len());
        if view.state == PollState::Open {
            self.count_into(&mut view, &votes, &head).await?;
        } else {
            let end = self.block_at(&head, created.end_block).await?;
            match self.counted_at(end, &mut view, &votes).await {
                Ok(()) => view.state = outcome(&view),
                Err(error @ ChainError::Unreachable(_)) => return Err(error),
                Err(error) => {
                    tracing::debug!(%error, end, "an old block's stake");
                    view.uncounted = Some(format!(
                        "the endpoint keeps no stake of block {end}, when it ended"
                    ));
                }
            }
        }
        Ok(Some(PollAnswer {
            at: self.read_at(&head)?,
            poll: view,
        }))
    }

    /// Head and round. Two HTTP requests.
    pub(super) async fn head_and_round(&self) -> Result<(Head, RoundFacts), ChainError> {
        let (now, _) = self.now(None).await?;
        let mut calls = Calls::default();
        let round = self.ask_round(&mut calls);
        let reading = self.read(&now.head, calls, Beside::default()).await?;
        let round = self.answer_round(&reading.answers, &now.head, &round)?;
        Ok((now.head, round))
    }

    /// A block from before a poll was made; none if there is no poll.
    pub(super) async fn poll_begin(
        &self,
        poll: Address,
        head: &Head,
        round: &RoundFacts,
    ) -> Result<Option<u64>, ChainError> {
        let mut calls = Calls::default();
        let end = calls.add(poll, &Poll::endBlockCall {});
        let reading = self.read(head, calls, Beside::default()).await?;
        let Some(end) = reading.answers.find(end).and_then(|end| u64::try_from(end).ok()) else {
            return Ok(None);
        };
        let begun = end.saturating_sub(PERIOD);
        Ok(Some(blocks_back(head, round.clock_block.saturating_sub(begun))))
    }

    /// Polls made, oldest first; `only` narrows them to one.
    pub(super) async fn polls_created(
        &self,
        only: Option<Address>,
        begin: u64,
        head: &Head,
        progress: &(dyn Fn(HistoryProgress) + Send + Sync),
    ) -> Result<Vec<Created>, ChainError> {
        let creator = self.poll_creator(head).await?;
        let only = only.map(|poll| poll.into_word());
        let events = self
            .events::<PollCreator::PollCreated>(&[creator], only, begin, head, progress)
            .await?;
        events
            .into_iter()
            .map(|(_, event)| {
                Ok(Created {
                    poll: event.poll,
                    proposal: event.proposal.to_vec(),
                    end_block: count(event.endBlock, "a poll's last block")?,
                    quorum: event.quorum,
                    quota: event.quota,
                })
            })
            .collect()
    }

    /// Each voter's last word, by poll. Choices that are neither yes nor no are none.
    async fn votes(
        &self,
        polls: &[Address],
        begin: u64,
        head: &Head,
    ) -> Result<BTreeMap<Address, BTreeMap<Address, bool>>, ChainError> {
        let events = self
            .events::<Poll::Vote>(polls, None, begin, head, &|_| {})
            .await?;
        let mut said: BTreeMap<Address, BTreeMap<Address, bool>> = BTreeMap::new();
        for (log, vote) in events {
            let words = said.entry(log.address).or_default();
            match u8::try_from(vote.choiceID) {
                Ok(choice @ 0..=1) => {
                    words.insert(vote.voter, choice == 0);
                }
                _ => {
                    words.remove(&vote.voter);
                }
            }
        }
        Ok(said)
    }

    /// When polls end, from the contracts themselves: they decide which vote is taken.
    async fn read_ends(&self, created: &mut [Created], head: &Head) -> Result<(), ChainError> {
        let mut calls = Calls::default();
        let asked: Vec<_> = created
            .iter()
            .map(|created| calls.add(created.poll, &Poll::endBlockCall {}))
            .collect();
        if asked.is_empty() {
            return Ok(());
        }
        let reading = self.read(head, calls, Beside::default()).await?;
        for (created, end) in created.iter_mut().zip(asked) {
            created.end_block = count(reading.answers.get(end)?, "a poll's last block")?;
        }
        Ok(())
    }

    async fn counted_at(
        &self,
        block: u64,
        view: &mut PollView,
        votes: &BTreeMap<Address, bool>,
    ) -> Result<(), ChainError> {
        let mut batch = self.rpc.new_batch();
        let params = json!([U64::from(block), false]);
        let head = batch.add_call::<_, Option<Head>>("eth_getBlockByNumber", &params)?;
        batch.send().await?;
        let head = head
            .await?
            .ok_or_else(|| ChainError::Garbage(format!("no block {block}")))?;
        self.count_into(view, votes, &head).await
    }

    /// Weighs the votes by the stake at a block.
    async fn count_into(
        &self,
        view: &mut PollView,
        votes: &BTreeMap<Address, bool>,
        head: &Head,
    ) -> Result<(), ChainError> {
        if votes.len() > MOST_VOTERS {
            view.uncounted = Some(format!("more than {MOST_VOTERS} voted"));
            return Ok(());
        }
        let manager = self.contracts.bonding_manager;
        let mut calls = Calls::default();
        let all = calls.add(manager, &BondingManager::currentRoundTotalActiveStakeCall {});
        let asked: Vec<_> = votes
            .iter()
            .map(|(voter, yes)| {
                let own = BondingManager::pendingStakeCall {
                    delegator: *voter,
                    endRound: U256::ZERO,
                };
                let total = BondingManager::transcoderTotalStakeCall { transcoder: *voter };
                let registered = BondingManager::isRegisteredTranscoderCall { transcoder: *voter };
                let delegator = BondingManager::getDelegatorCall { delegator: *voter };
                (
                    (*voter, *yes),
                    calls.add(manager, &own),
                    calls.add(manager, &total),
                    calls.add(manager, &registered),
                    calls.add(manager, &delegator),
                )
            })
            .collect();
        let reading = self.read(head, calls, Beside::default()).await?;
        let answers = &reading.answers;
        let total_stake_lpt = Lpt(answers.get(all)?);
        let voters = asked
            .into_iter()
            .map(|((address, yes), own, total, registered, delegator)| {
                Ok(Voter {
                    address,
                    yes,
                    registered: answers.get(registered)?,
                    own: Lpt(answers.get(own)?),
                    total: Lpt(answers.get(total)?),
                    delegate: answers.get(delegator)?.delegateAddress,
                })
            })
            .collect::<Result<Vec<_>, ChainError>>()?;
        let weights = weights(&voters);
        let sum = |wanted: bool| {
            let said = voters
                .iter()
                .zip(&weights)
                .filter(|(voter, _)| voter.yes == wanted);
            said.fold(Lpt::ZERO, |sum, (_, weight)| sum.saturating_add(*weight))
        };
        let (yes_lpt, no_lpt) = (sum(true), sum(false));
        view.votes = voters
            .iter()
            .zip(&weights)
            .map(|(voter, weight)| PollVoteView {
                voter: voter.address,
                choice: if voter.yes { "yes" } else { "no" },
                weight_lpt: *weight,
            })
            .collect();
        view.votes.sort_by_key(|vote| std::cmp::Reverse(vote.weight_lpt));
        view.tally = Some(Tally {
            participation_percent: part(yes_lpt.saturating_add(no_lpt), total_stake_lpt),
            support_percent: part(yes_lpt, yes_lpt.saturating_add(no_lpt)),
            yes_lpt,
            no_lpt,
            total_stake_lpt,
            block: head.number(),
        });
        Ok(())
    }
}

fn view(created: &Created, round: &RoundFacts, chain_id: u64, voters: usize) -> PollView {
    let blocks_left = created.end_block.saturating_sub(round.clock_block);
    PollView {
        poll: created.poll,
        proposal: proposal_text(&created.proposal),
        // The contract takes votes up to the last block.
        state: if round.clock_block <= created.end_block {
            PollState::Open
        } else {
            PollState::Ended
        },
        end_block: created.end_block,
        blocks_left,
        seconds_left: seconds_per_block(chain_id).map(|each| each.saturating_mul(blocks_left)),
        quorum_percent: share(created.quorum),
        quota_percent: share(created.quota),
        voters: u64::try_from(voters).unwrap_or(u64::MAX),
        tally: None,
        uncounted: None,
        votes: Vec::new(),
    }
}

/// How a counted poll ended.
fn outcome(view: &PollView) -> PollState {
    match &view.tally {
        None => PollState::Ended,
        Some(tally) if tally.participation_percent.ppm() < view.quorum_percent.ppm() => {
            PollState::QuorumNotMet
        }
        Some(tally) if tally.support_percent.ppm() > view.quota_percent.ppm() => PollState::Passed,
        Some(_) => PollState::Rejected,
    }
}

/// What a poll is about, as text where it is one.
fn proposal_text(proposal: &[u8]) -> String {
    match std::str::from_utf8(proposal) {
        Ok(text) if !text.is_empty() => plain(text, 200),
        _ => format!("0x{}", hex::encode(&proposal[..proposal.len().min(100)])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_poll_passes_with_enough_stake_and_enough_of_it_for_it() {
        let created = Created {
            poll: Address::ZERO,
            proposal: b"Qm".to_vec(),
            end_block: 1,
            quorum: U256::from(333_300),
            quota: U256::from(500_000),
        };
        let round = crate::chain::facts::Snapshot::sample().round;
        let ended = |yes: u64, no: u64| {
            let mut view = view(&created, &round, 42161, 2);
            assert_eq!(outcome(&view), PollState::Ended, "not counted");
            let (yes_lpt, no_lpt) = (Lpt::whole(yes), Lpt::whole(no));
            let voted = yes_lpt.saturating_add(no_lpt);
            view.tally = Some(Tally {
                yes_lpt,
                no_lpt,
                total_stake_lpt: Lpt::whole(100),
                participation_percent: part(voted, Lpt::whole(100)),
                support_percent: part(yes_lpt, voted),
                block: 1,
            });
            outcome(&view)
        };
        assert_eq!(ended(33, 0), PollState::QuorumNotMet);
        assert_eq!(ended(34, 0), PollState::Passed);
        assert_eq!(ended(20, 20), PollState::Rejected, "half is not more than half");
        assert_eq!(ended(0, 0), PollState::QuorumNotMet);
    }

    #[test]
    fn what_a_poll_is_about_is_shown_safely() {
        assert_eq!(proposal_text(b"QmText"), "QmText");
        assert_eq!(proposal_text("a\u{1b}[2J".as_bytes()), "a\\u{1b}[2J");
        assert_eq!(proposal_text(&[0x12, 0x20, 0xff]), "0x1220ff");
        assert_eq!(proposal_text(&[]), "0x");
        assert!(proposal_text(&[0xff; 1000]).len() < 300);
    }
}
