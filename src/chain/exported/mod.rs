//! What the exporter tells of orchestrators: how they stand at one block, and what happened to them, from logs that are
//! kept on disk.
//!
//! | module | holds |
//! |---|---|
//! | `events` | the events that count, and what each says |
//! | `trail` | logs that are followed: what is settled is read once |
//! | `receipts` | when a transaction was mined and what its gas cost, kept like the logs |

mod events;
mod receipts;
mod trail;

use std::path::Path;

use alloy::primitives::{Address, U256};

pub(crate) use self::{
    events::{Happened, OrchestratorLog},
    receipts::Receipt,
    trail::Trail,
};
use super::{
    Chain, ChainError, Pool,
    calls::Calls,
    contracts::BondingManager,
    facts::{Beside, answer_delegator, answer_orchestrator, round_number},
    ledger::{LedgerError, Progress, events::decode},
    rewards::RoundEvents,
};
use crate::{
    reward::history::Position,
    units::{Lpt, Round, Wei},
    view::chain::{DelegatorFacts, OrchestratorFacts, ReadAt, RoundFacts},
};

/// Delegators asked about in one request.
const DELEGATORS_AT_ONCE: usize = 200;

/// How orchestrators stand, all at one block.
#[derive(Debug, Clone)]
pub(crate) struct Standing {
    pub(crate) at: ReadAt,
    pub(crate) round: RoundFacts,
    /// In the order they were asked for.
    pub(crate) orchestrators: Vec<OrchestratorStanding>,
}

/// How one orchestrator stands.
#[derive(Debug, Clone)]
pub(crate) struct OrchestratorStanding {
    pub(crate) facts: OrchestratorFacts,
    pub(crate) stake: DelegatorFacts,
    /// Its own bond as the contract keeps it: without the rewards since it was settled last.
    pub(crate) bonded: Lpt,
    /// ETH in its account.
    pub(crate) eth: Wei,
    /// True stake of the operator's other accounts with it.
    pub(crate) beside: Lpt,
    /// Until which round it is active, as the contract has it.
    pub(crate) active_until: Round,
}

/// A delegator, as the contract keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Delegated {
    pub(crate) delegator: Address,
    pub(crate) bonded: Lpt,
    pub(crate) start_round: Round,
    /// Settled fees that were not withdrawn.
    pub(crate) fees: Wei,
}

impl Chain {
    /// How these orchestrators stand at the newest block. Two HTTP requests.
    pub(crate) async fn standings(
        &self,
        orchestrators: &[Address],
        secondaries: &[Address],
    ) -> Result<Standing, ChainError> {
        let (now, _) = self.now(None).await?;
        let manager = self.contracts.bonding_manager;
        let mut calls = Calls::default();
        let round = self.ask_round(&mut calls);
        let asked: Vec<_> = orchestrators
            .iter()
            .map(|address| {
                let delegator = *address;
                (
                    self.ask_orchestrator(&mut calls, *address),
                    self.ask_delegator(&mut calls, *address),
                    calls.add(manager, &BondingManager::getDelegatorCall { delegator }),
                    calls.add_eth_balance(*address),
                    calls.add(
                        manager,
                        &BondingManager::getTranscoderCall { transcoder: *address },
                    ),
                )
            })
            .collect();
        let beside: Vec<_> = secondaries
            .iter()
            .map(|address| self.ask_delegator(&mut calls, *address))
            .collect();
        let with_pool = Beside {
            pool: true,
            nonces_of: None,
        };
        let reading = self.read(&now.head, calls, with_pool).await?;
        let answers = &reading.answers;
        let round = self.answer_round(answers, &now.head, &round)?;
        // Ranks need only the order.
        let pool = Pool {
            members: reading.members,
            max_size: 0,
        };
        let mut elsewhere = Vec::with_capacity(beside.len());
        for slots in &beside {
            elsewhere.push(answer_delegator(answers, slots)?);
        }
        let mut standings = Vec::with_capacity(asked.len());
        for (orchestrator, delegator, kept, eth, transcoder) in &asked {
            let facts = answer_orchestrator(answers, orchestrator, &round, &pool)?;
            let others = elsewhere
                .iter()
                .filter(|one| one.delegate == Some(facts.address))
                .fold(Lpt::ZERO, |sum, one| sum.saturating_add(one.stake_lpt));
            let until = answers.get(*transcoder)?.deactivationRound;
            standings.push(OrchestratorStanding {
                stake: answer_delegator(answers, delegator)?,
                bonded: Lpt(answers.get(*kept)?.bondedAmount),
                eth: Wei(answers.get(*eth)?),
                beside: others,
                active_until: Round(u64::try_from(until).unwrap_or(u64::MAX)),
                facts,
            });
        }
        Ok(Standing {
            at: self.read_at(&now.head)?,
            round,
            orchestrators: standings,
        })
    }

    /// Those of these accounts that have stake with an orchestrator now, the largest first.
    pub(crate) async fn delegators_of(
        &self,
        orchestrator: Address,
        likely: &[Address],
    ) -> Result<Vec<Delegated>, ChainError> {
        let (now, _) = self.now(None).await?;
        let mut found = Vec::new();
        for some in likely.chunks(DELEGATORS_AT_ONCE) {
            let mut calls = Calls::default();
            let asked: Vec<_> = some
                .iter()
                .map(|delegator| {
                    let call = BondingManager::getDelegatorCall {
                        delegator: *delegator,
                    };
                    (*delegator, calls.add(self.contracts.bonding_manager, &call))
                })
                .collect();
            let reading = self.read(&now.head, calls, Beside::default()).await?;
            for (delegator, slot) in asked {
                let kept = reading.answers.get(slot)?;
                if kept.delegateAddress == orchestrator && kept.bondedAmount > U256::ZERO {
                    found.push(Delegated {
                        delegator,
                        bonded: Lpt(kept.bondedAmount),
                        start_round: round_number(kept.startRound)?,
                        fees: Wei(kept.fees),
                    });
                }
            }
        }
        found.sort_by(|one, other| {
            other
                .bonded
                .cmp(&one.bonded)
                .then(one.delegator.cmp(&other.delegator))
        });
        Ok(found)
    }

    /// Follows what happens to an orchestrator, from a block on, with what is settled kept in this folder.
    pub(crate) fn orchestrator_trail(&self, orchestrator: Address, from: u64, folder: &Path) -> Trail {
        let filters = events::filters(&self.contracts, orchestrator);
        self.trail(
            orchestrator,
            filters,
            from,
            folder.join(format!("{}-{orchestrator}.jsonl", self.chain_id)),
        )
    }

    /// Follows the rounds that are opened.
    pub(crate) fn round_trail(&self, from: u64, folder: &Path) -> Trail {
        let filters = vec![events::rounds(&self.contracts)];
        self.trail(
            Address::ZERO,
            filters,
            from,
            folder.join(format!("{}-rounds.jsonl", self.chain_id)),
        )
    }

    /// The rounds that were opened, in the order of the chain.
    pub(crate) async fn opened_rounds(
        &self,
        trail: &mut Trail,
        to: u64,
        progress: Progress<'_>,
    ) -> Result<Vec<(Position, Round)>, LedgerError> {
        let mut opened = Vec::new();
        for log in trail.follow(self, to, progress).await? {
            if log.address != self.contracts.rounds_manager {
                continue;
            }
            let event: RoundEvents::NewRound = decode(&log)?;
            let position = Position {
                block: log.block,
                index: log.index,
            };
            opened.push((position, round_number(event.round)?));
        }
        Ok(opened)
    }

    /// What happened to an orchestrator, in the order of the chain.
    pub(crate) async fn orchestrator_logs(
        &self,
        orchestrator: Address,
        trail: &mut Trail,
        to: u64,
        progress: Progress<'_>,
    ) -> Result<Vec<OrchestratorLog>, LedgerError> {
        let mut logs = Vec::new();
        for log in trail.follow(self, to, progress).await? {
            logs.extend(events::read(&log, orchestrator, &self.contracts)?);
        }
        Ok(logs)
    }
}
