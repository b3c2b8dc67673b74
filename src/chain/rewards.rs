//! What the chain says about rewards: all the guardian decides by, who may call, and what became of past rounds.

use alloy::{
    primitives::{Address, B256, Bytes, U64, U256},
    sol,
    sol_types::SolEvent,
};
use serde::Deserialize;
use serde_json::json;

use super::{
    Chain, ChainError, PlanOptions,
    calls::{Answers, Calls, Slot},
    contracts::BondingManager,
    facts::{Beside, Head, Snapshot, round_number},
    plan::reward_for::RewardCallers::transcoderToRewardCallerCall,
};
use crate::{
    reward::history::{Position, Records, classify},
    units::{Lpt, Round, Wei},
    view::{
        chain::{ReadAt, RoundFacts},
        reward::{RewardCaller, RewardHistory},
        transaction::Severity,
    },
};

sol! {
    /// `protocol contracts/bonding/BondingManager.sol`
    #[allow(missing_docs)]
    interface BondingEvents {
        event Reward(address indexed transcoder, uint256 amount);
        event TranscoderActivated(address indexed transcoder, uint256 activationRound);
        event TranscoderDeactivated(address indexed transcoder, uint256 deactivationRound);
    }
    /// `protocol contracts/rounds/RoundsManager.sol`
    #[allow(missing_docs)]
    interface RoundEvents {
        event NewRound(uint256 indexed round, bytes32 blockHash);
    }
}

/// Rounds of history asked for at most.
const MOST_ROUNDS: u64 = 1000;
/// Blocks asked for in one request at first, at least, and at most: endpoints differ in what they let pass.
const RANGE: u64 = 100_000;
const SHORTEST_RANGE: u64 = 500;
const LONGEST_RANGE: u64 = 4_000_000;
/// Logs in one answer at most; one orchestrator has a few a round.
const MOST_LOGS: usize = 100_000;
/// Halvings until a search over blocks ends, whatever the answers are.
const MOST_HALVINGS: u32 = 64;

/// Everything a decision about a reward is made of, at one block.
#[derive(Debug, Clone)]
pub struct RewardFacts {
    /// Where and when.
    pub at: ReadAt,
    /// The round.
    pub round: RoundFacts,
    /// Whether governance paused the protocol.
    pub paused: bool,
    /// Whether the orchestrator is in this round's active set.
    pub active: bool,
    /// The last round its reward was called in.
    pub last_reward_round: Round,
    /// What a call mints now, the treasury's part taken off; none where it was not asked for or nothing can be called.
    pub reward: Option<Lpt>,
    /// Gas the call took when it was tried just now; none where it cannot be called.
    pub gas: Option<u64>,
    /// What a unit of gas costs.
    pub gas_price: Wei,
    /// ETH of the account that calls.
    pub balance: Wei,
    /// Transactions of that account that are sent and not mined.
    pub waiting: u64,
    /// What else stands in the way: a code and a sentence.
    pub obstacle: Option<(String, String)>,
}

impl RewardFacts {
    /// Whether this round's reward is called.
    #[must_use]
    pub fn is_called(&self) -> bool {
        self.last_reward_round >= self.round.round
    }
}

/// How far the reading of history is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistoryProgress {
    /// Blocks searched.
    pub done: u64,
    /// Blocks to be searched.
    pub all: u64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Log {
    address: Address,
    topics: Vec<B256>,
    data: Bytes,
    block_number: Option<U64>,
    log_index: Option<U64>,
    #[serde(default)]
    removed: bool,
}

impl Log {
    /// Where it is; none for one that is in no block.
    fn position(&self) -> Option<Position> {
        (!self.removed).then_some(())?;
        Some(Position {
            block: self.block_number?.to(),
            index: self.log_index?.to(),
        })
    }

    fn decode<E: SolEvent>(&self) -> Result<E, ChainError> {
        E::decode_raw_log(self.topics.iter().copied(), &self.data)
            .map_err(|_| ChainError::Garbage(format!("a log that is no `{}`", E::SIGNATURE)))
    }
}

impl Chain {
    /// Who beside the orchestrator may call its reward. Two HTTP requests.
    ///
    /// # Errors
    /// [`ChainError`] if the chain cannot be read.
    pub async fn reward_caller(&self, orchestrator: Address) -> Result<RewardCaller, ChainError> {
        let (now, _) = self.now(None).await?;
        let mut calls = Calls::default();
        let caller = self.ask_reward_caller(&mut calls, orchestrator);
        let reading = self.read(&now.head, calls, Beside::default()).await?;
        Ok(answer_reward_caller(&reading.answers, caller))
    }

    pub(crate) fn ask_reward_caller(
        &self,
        calls: &mut Calls,
        orchestrator: Address,
    ) -> Slot<transcoderToRewardCallerCall> {
        let call = transcoderToRewardCallerCall {
            transcoder: orchestrator,
        };
        calls.add(self.contracts.bonding_manager, &call)
    }

    /// What there is to decide about `orchestrator`'s reward by whoever calls it `from` an account, at the newest
    /// block. Two HTTP requests, a third one where it can be called, two more for what it brings.
    ///
    /// # Errors
    /// [`ChainError`] if the chain cannot be read.
    pub async fn reward_facts(
        &self,
        orchestrator: Address,
        from: Address,
        with_reward: bool,
    ) -> Result<RewardFacts, ChainError> {
        // What waits is a fact here, not a refusal.
        let options = PlanOptions {
            queue: true,
            ..PlanOptions::default()
        };
        let plan = self.plan_reward_for(from, orchestrator, options).await?;
        let snapshot = &plan.snapshot;
        let own = snapshot
            .orchestrator(orchestrator)
            .ok_or_else(|| ChainError::Garbage(format!("nothing about {orchestrator}")))?;
        let is_open = snapshot.round.initialized && own.active && !own.reward_called;
        let findings = &plan.summary.findings;
        let refusal = findings.iter().find(|finding| {
            let is_fact = matches!(
                finding.code,
                "protocol_paused" | "round_not_initialized" | "not_active" | "reward_already_called"
            );
            finding.severity == Severity::Refusal && !is_fact
        });
        let useless = findings.iter().find(|finding| finding.code == "nothing_to_mint");
        // What was refused was not tried, except for want of money.
        let was_tried = refusal.is_none_or(|refusal| refusal.code == "insufficient_eth");
        let reward = match is_open && with_reward && was_tried {
            true => Some(self.reward_now(snapshot, orchestrator).await?),
            false => None,
        };
        Ok(RewardFacts {
            at: snapshot.at.clone(),
            paused: snapshot.paused,
            active: own.active,
            last_reward_round: own.last_reward_round,
            reward,
            gas: plan
                .steps
                .first()
                .filter(|_| is_open && was_tried && !snapshot.paused)
                .map(|step| step.gas_limit / 5 * 4),
            gas_price: snapshot.now.fees.price,
            balance: snapshot.eth,
            waiting: snapshot.pending_nonce.saturating_sub(snapshot.nonce),
            obstacle: refusal
                .or(useless.filter(|_| is_open))
                .map(|finding| (finding.code.to_string(), finding.message.clone())),
            round: snapshot.round.clone(),
        })
    }

    /// What a call mints. The stake that counts is kept under the round it last changed in.
    async fn reward_now(&self, snapshot: &Snapshot, orchestrator: Address) -> Result<Lpt, ChainError> {
        let manager = self.contracts.bonding_manager;
        let head = &snapshot.now.head;
        let mut calls = Calls::default();
        let call = BondingManager::getTranscoderCall {
            transcoder: orchestrator,
        };
        let transcoder = calls.add(manager, &call);
        let reading = self.read(head, calls, Beside::default()).await?;
        let updated = round_number(reading.answers.get(transcoder)?.lastActiveStakeUpdateRound)?;
        let mut calls = Calls::default();
        let pool = self.ask_earnings(&mut calls, orchestrator, updated.min(snapshot.round.round));
        let reading = self.read(head, calls, Beside::default()).await?;
        Ok(snapshot.mint.reward(Lpt(reading.answers.get(pool)?.totalStake)))
    }

    /// What an orchestrator's reward in a block minted; none if there is none in it. One HTTP request.
    ///
    /// # Errors
    /// [`ChainError`] if the chain cannot be read.
    pub async fn reward_minted(&self, orchestrator: Address, block: u64) -> Result<Option<Lpt>, ChainError> {
        let mut records = Records::default();
        let logs = self.reward_logs(orchestrator, block, block).await?;
        self.take(&logs, orchestrator, &mut records)?;
        Ok(records.rewards.first().map(|(_, amount)| *amount))
    }

    fn ask_earnings(
        &self,
        calls: &mut Calls,
        transcoder: Address,
        round: Round,
    ) -> Slot<BondingManager::getTranscoderEarningsPoolForRoundCall> {
        let call = BondingManager::getTranscoderEarningsPoolForRoundCall {
            transcoder,
            round: U256::from(round.0),
        };
        calls.add(self.contracts.bonding_manager, &call)
    }

    /// What became of the rewards of the last `rounds` rounds, the current one included, from the contracts' events.
    /// Logs are asked for in ranges of blocks that shrink where an endpoint refuses; `progress` is told after each.
    ///
    /// # Errors
    /// [`ChainError`] if the chain cannot be read, or an endpoint gives no logs even of short ranges.
    pub async fn reward_history(
        &self,
        orchestrator: Address,
        rounds: u64,
        progress: &(dyn Fn(HistoryProgress) + Send + Sync),
    ) -> Result<RewardHistory, ChainError> {
        let (now, _) = self.now(None).await?;
        let mut calls = Calls::default();
        let round = self.ask_round(&mut calls);
        let call = BondingManager::getTranscoderCall {
            transcoder: orchestrator,
        };
        let transcoder = calls.add(self.contracts.bonding_manager, &call);
        let reading = self.read(&now.head, calls, Beside::default()).await?;
        let current = self.answer_round(&reading.answers, &now.head, &round)?;
        let transcoder = reading.answers.get(transcoder)?;
        let last = current.round;
        let first = Round(last.0.saturating_sub(rounds.clamp(1, MOST_ROUNDS) - 1));

        let mut calls = Calls::default();
        let asked: Vec<_> = (first.0..=last.0)
            .map(|round| self.ask_earnings(&mut calls, orchestrator, Round(round)))
            .collect();
        let reading = self.read(&now.head, calls, Beside::default()).await?;
        let stakes = asked
            .into_iter()
            .map(|slot| Ok(Lpt(reading.answers.get(slot)?.totalStake)))
            .collect::<Result<Vec<_>, ChainError>>()?;

        // One round more: who is active in the first one was said in the one before.
        let back = (last.0 - first.0 + 1).saturating_mul(current.length);
        let begin = self
            .block_at(&now.head, current.start_block.saturating_sub(back))
            .await?;
        let mut records = Records {
            first,
            stakes,
            active_from: round_number(transcoder.activationRound.min(U256::from(u64::MAX)))?,
            active_until: Round(u64::try_from(transcoder.deactivationRound).unwrap_or(u64::MAX)),
            ..Records::default()
        };
        self.collect(orchestrator, begin, now.head.number(), &mut records, progress)
            .await?;
        let rounds = classify(&records, &current);
        Ok(RewardHistory::of(
            self.read_at(&now.head)?,
            orchestrator,
            current,
            rounds,
        ))
    }

    /// The logs of the contracts from one block to another, in ranges as long as the endpoint lets pass.
    async fn collect(
        &self,
        orchestrator: Address,
        begin: u64,
        end: u64,
        records: &mut Records,
        progress: &(dyn Fn(HistoryProgress) + Send + Sync),
    ) -> Result<(), ChainError> {
        let all = end.saturating_sub(begin) + 1;
        let (mut next, mut range) = (begin, RANGE);
        while next <= end {
            let to = end.min(next.saturating_add(range - 1));
            match self.reward_logs(orchestrator, next, to).await {
                Ok(logs) => {
                    self.take(&logs, orchestrator, records)?;
                    next = to + 1;
                    range = range.saturating_mul(2).min(LONGEST_RANGE);
                    progress(HistoryProgress {
                        done: next - begin,
                        all,
                    });
                }
                // Too long, too much, or too slow for it: each endpoint says so in its own words.
                Err(error) if range <= SHORTEST_RANGE => return Err(error),
                Err(error) => {
                    tracing::debug!(%error, next, range, "a shorter range of logs");
                    range = (range / 4).max(SHORTEST_RANGE);
                }
            }
        }
        Ok(())
    }

    async fn reward_logs(&self, orchestrator: Address, from: u64, to: u64) -> Result<Vec<Log>, ChainError> {
        let (from, to) = (U64::from(from), U64::from(to));
        let own = [
            BondingEvents::Reward::SIGNATURE_HASH,
            BondingEvents::TranscoderActivated::SIGNATURE_HASH,
            BondingEvents::TranscoderDeactivated::SIGNATURE_HASH,
        ];
        let mut batch = self.rpc.new_batch();
        let own = json!([{
            "fromBlock": from, "toBlock": to, "address": self.contracts.bonding_manager,
            "topics": [own, orchestrator.into_word()],
        }]);
        let own = batch.add_call::<_, Vec<Log>>("eth_getLogs", &own)?;
        let rounds = json!([{
            "fromBlock": from, "toBlock": to, "address": self.contracts.rounds_manager,
            "topics": [RoundEvents::NewRound::SIGNATURE_HASH],
        }]);
        let rounds = batch.add_call::<_, Vec<Log>>("eth_getLogs", &rounds)?;
        batch.send().await?;
        let mut logs = own.await?;
        logs.extend(rounds.await?);
        match logs.len() > MOST_LOGS {
            true => Err(ChainError::Garbage(format!(
                "{} logs of one orchestrator",
                logs.len()
            ))),
            false => Ok(logs),
        }
    }

    /// Sorts logs into the records. Whose they are is looked at again: filters of endpoints have been wrong before.
    fn take(&self, logs: &[Log], orchestrator: Address, records: &mut Records) -> Result<(), ChainError> {
        let contracts = &self.contracts;
        for log in logs {
            let (Some(position), Some(topic)) = (log.position(), log.topics.first().copied()) else {
                continue;
            };
            if log.address == contracts.rounds_manager && topic == RoundEvents::NewRound::SIGNATURE_HASH {
                let event: RoundEvents::NewRound = log.decode()?;
                records.opened.push((position, round_number(event.round)?));
            } else if log.address == contracts.bonding_manager
                && log.topics.get(1) == Some(&orchestrator.into_word())
            {
                match topic {
                    BondingEvents::Reward::SIGNATURE_HASH => {
                        let event: BondingEvents::Reward = log.decode()?;
                        records.rewards.push((position, Lpt(event.amount)));
                    }
                    BondingEvents::TranscoderActivated::SIGNATURE_HASH => {
                        let event: BondingEvents::TranscoderActivated = log.decode()?;
                        let from = round_number(event.activationRound)?;
                        records.standing.push((position, from, true));
                    }
                    BondingEvents::TranscoderDeactivated::SIGNATURE_HASH => {
                        let event: BondingEvents::TranscoderDeactivated = log.decode()?;
                        let from = round_number(event.deactivationRound)?;
                        records.standing.push((position, from, false));
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// The chain's first block at or after a block of the round's clock. They are the same but on Arbitrum, whose
    /// headers name the block of Ethereum they were made under.
    pub(super) async fn block_at(&self, head: &Head, clock_block: u64) -> Result<u64, ChainError> {
        if head.clock() == head.number() {
            return Ok(clock_block.min(head.number()));
        }
        let (mut low, mut high) = (0, head.number());
        for _ in 0..MOST_HALVINGS {
            if low >= high {
                break;
            }
            let middle = low + (high - low) / 2;
            let mut batch = self.rpc.new_batch();
            let params = json!([U64::from(middle), false]);
            let block = batch.add_call::<_, Option<Head>>("eth_getBlockByNumber", &params)?;
            batch.send().await?;
            let block = block
                .await?
                .ok_or_else(|| ChainError::Garbage(format!("no block {middle}")))?;
            match block.clock() < clock_block {
                true => low = middle + 1,
                false => high = middle,
            }
        }
        Ok(low)
    }
}

/// A protocol without the role reverts.
pub(crate) fn answer_reward_caller(
    answers: &Answers,
    slot: Slot<transcoderToRewardCallerCall>,
) -> RewardCaller {
    match answers.find(slot) {
        None => RewardCaller::Unsupported,
        Some(Address::ZERO) => RewardCaller::Nobody,
        Some(caller) => RewardCaller::Account(caller),
    }
}
