//! What the watcher asks an endpoint, and how the answers become facts.

use alloy::{
    primitives::{Address, B256, Bytes, U64, U256},
    rpc::json_rpc::RpcRecv,
};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use super::{
    super::{
        Chain, ChainError,
        calls::{Answers, Calls, Slot, count, multicall_params},
        contracts::{BondingManager, RoundsManager, ServiceRegistry, TicketBroker},
        facts::round_number,
        text::plain,
    },
    contracts::{Broker, Rounds},
    event::{RawLog, TOPICS},
};
use crate::{
    payments::{ChainTime, SenderFacts},
    units::{Lpt, Round, Wei},
    view::chain::UnbondingLock,
};

/// Unbonding locks read at most, the newest: a delegator has a handful.
const MOST_LOCKS: u64 = 1_000;

/// A block's header, what the watcher uses of it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Header {
    number: U64,
    pub(crate) hash: B256,
    timestamp: U64,
    /// Arbitrum: the block of Ethereum, by which rounds are counted (trap 41).
    l1_block_number: Option<U64>,
}

impl Header {
    pub(crate) fn number(&self) -> u64 {
        self.number.to()
    }

    pub(crate) fn timestamp(&self) -> u64 {
        self.timestamp.to()
    }

    /// The block rounds are counted by.
    pub(crate) fn l1_block(&self) -> u64 {
        self.l1_block_number.unwrap_or(self.number).to()
    }
}

/// The account that is watched, as an orchestrator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnFacts {
    /// Whose facts they are.
    pub account: Address,
    /// Whether it has stake behind itself.
    pub registered: bool,
    /// Whether it is active in the current round.
    pub active: bool,
    /// Round from which it is, or was, active.
    pub activation_round: Option<Round>,
    /// Round from which it is not active any more.
    pub deactivation_round: Option<Round>,
    /// The last round it called reward in.
    pub last_reward_round: Round,
    /// The address it has published.
    pub service_uri: Option<String>,
    /// Stake on its way back.
    pub locks: Vec<UnbondingLock>,
    /// Block they were read at.
    pub block: u64,
}

/// One look at the chain.
#[derive(Debug)]
pub(super) struct Look {
    pub(super) head: Header,
    pub(super) gas_price: Wei,
    /// The block known before, as it is now; none if it was not asked for or is not there.
    pub(super) known: Option<Header>,
    /// Logs from the block asked for to the latest one; an error if there were too many.
    pub(super) logs: Option<Result<Vec<RawLog>, ChainError>>,
}

/// Clock and own facts at one block.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) clock: ChainTime,
    pub(super) own: Option<OwnFacts>,
    /// Unbonding locks the account ever made.
    pub(super) locks_made: u64,
}

/// What a reading is guessed to need, by what the last one found.
#[derive(Debug, Clone, Copy)]
pub(super) struct Guess {
    pub(super) round: Round,
    pub(super) locks: u64,
}

impl Chain {
    /// A block's header.
    pub(crate) async fn header(&self, block: &str) -> Result<Header, ChainError> {
        self.ask::<Option<Header>>("eth_getBlockByNumber", json!([block, false]))
            .await?
            .ok_or_else(|| ChainError::Garbage(format!("no block {}", plain(block, 20))))
    }

    async fn ask<T: RpcRecv>(
        &self,
        method: &'static str,
        params: serde_json::Value,
    ) -> Result<T, ChainError> {
        Ok(self.rpc.request::<_, T>(method, params).await?)
    }

    async fn answers(&self, block: u64, calls: Calls) -> Result<Answers, ChainError> {
        let params = multicall_params(&calls.input(), &format!("{block:#x}"), self.multicall_deployed);
        let output: Bytes = self.ask("eth_call", params).await?;
        Answers::decode(&output)
    }

    /// Headers of blocks by number, in one request; none where there is no such block.
    pub(super) async fn headers(&self, blocks: &[u64]) -> Result<Vec<Option<Header>>, ChainError> {
        let mut batch = self.rpc.new_batch();
        let mut answers = Vec::with_capacity(blocks.len());
        for block in blocks {
            let params = json!([format!("{block:#x}"), false]);
            answers.push(batch.add_call::<_, Option<Header>>("eth_getBlockByNumber", &params)?);
        }
        batch.send().await?;
        let mut headers = Vec::with_capacity(blocks.len());
        for answer in answers {
            headers.push(answer.await?);
        }
        Ok(headers)
    }

    /// Head, price of gas, the block known before, and the logs since: one request.
    pub(super) async fn look(&self, known: Option<u64>, logs_from: Option<u64>) -> Result<Look, ChainError> {
        let mut batch = self.rpc.new_batch();
        let head = batch.add_call::<_, Option<Header>>("eth_getBlockByNumber", &json!(["latest", false]))?;
        let price = batch.add_call::<_, U256>("eth_gasPrice", &json!([]))?;
        let known = match known {
            Some(block) => {
                let params = json!([format!("{block:#x}"), false]);
                Some(batch.add_call::<_, Option<Header>>("eth_getBlockByNumber", &params)?)
            }
            None => None,
        };
        let logs = match logs_from {
            Some(from) => {
                Some(batch.add_call::<_, Vec<RawLog>>("eth_getLogs", &self.log_filter(from, "latest"))?)
            }
            None => None,
        };
        batch.send().await?;
        Ok(Look {
            head: head
                .await?
                .ok_or_else(|| ChainError::Garbage("no latest block".to_string()))?,
            gas_price: Wei(price.await?),
            known: match known {
                Some(known) => known.await?,
                None => None,
            },
            logs: match logs {
                Some(logs) => Some(logs.await.map_err(ChainError::from)),
                None => None,
            },
        })
    }

    fn log_filter(&self, from: u64, to: &str) -> serde_json::Value {
        let contracts = &self.contracts;
        json!([{
            "fromBlock": format!("{from:#x}"),
            "toBlock": to,
            "address": [
                contracts.rounds_manager,
                contracts.ticket_broker,
                contracts.bonding_manager,
                contracts.service_registry,
            ],
            "topics": [TOPICS],
        }])
    }

    /// The logs of some blocks, and the last one's header by the same endpoint: one request.
    pub(super) async fn logs(
        &self,
        from: u64,
        to: u64,
    ) -> Result<(Result<Vec<RawLog>, ChainError>, Option<Header>), ChainError> {
        let end = format!("{to:#x}");
        let mut batch = self.rpc.new_batch();
        let last = batch.add_call::<_, Option<Header>>("eth_getBlockByNumber", &json!([end, false]))?;
        let logs = batch.add_call::<_, Vec<RawLog>>("eth_getLogs", &self.log_filter(from, &end))?;
        batch.send().await?;
        Ok((logs.await.map_err(ChainError::from), last.await?))
    }

    /// Gateways' funds at a block, in one request.
    pub(super) async fn sender_facts(
        &self,
        block: u64,
        recipient: Option<Address>,
        senders: &[Address],
    ) -> Result<Vec<SenderFacts>, ChainError> {
        let broker = self.contracts.ticket_broker;
        let mut calls = Calls::default();
        let asked: Vec<_> = senders
            .iter()
            .map(|sender| {
                let info = calls.add(broker, &Broker::getSenderInfoCall { sender: *sender });
                let claimed = recipient.map(|claimant| {
                    let call = Broker::claimedReserveCall {
                        reserveHolder: *sender,
                        claimant,
                    };
                    calls.add(broker, &call)
                });
                (info, claimed)
            })
            .collect();
        let answers = self.answers(block, calls).await?;
        asked
            .into_iter()
            .map(|(info, claimed)| {
                let found = answers.get(info)?;
                Ok(SenderFacts {
                    deposit: Wei(found.info.deposit),
                    withdraw_round: round_number(found.info.withdrawRound)?,
                    reserve: Wei(found.reserve.fundsRemaining),
                    claimed: Wei(found.reserve.claimedInCurrentRound),
                    claimed_by_recipient: match claimed {
                        Some(claimed) => Wei(answers.get(claimed)?),
                        None => Wei::ZERO,
                    },
                })
            })
            .collect()
    }

    /// Clock and own facts at a block: one request where the guess is right, else two.
    pub(super) async fn reading(
        &self,
        head: &Header,
        gas_price: Wei,
        account: Option<Address>,
        guess: Option<Guess>,
    ) -> Result<Reading, ChainError> {
        let mut guess = guess.unwrap_or(Guess {
            round: Round(0),
            locks: 0,
        });
        // Round and locks can change between two requests, but not between two at the same block.
        for _ in 0..3 {
            let mut calls = Calls::default();
            let clock = self.ask_clock(&mut calls, guess.round);
            let own = account.map(|account| self.ask_own(&mut calls, account, guess.locks));
            let answers = self.answers(head.number(), calls).await?;
            let last_round = round_number(answers.get(clock.last)?)?;
            let locks = match &own {
                Some(own) => count(
                    answers.get(own.delegator)?.nextUnbondingLockId,
                    "a number of locks",
                )?,
                None => 0,
            };
            if last_round == guess.round && locks == guess.locks {
                let clock = answer_clock(&answers, &clock, head, gas_price)?;
                let own = own
                    .map(|own| answer_own(&answers, &own, head, clock.current_round))
                    .transpose()?;
                return Ok(Reading {
                    clock,
                    own,
                    locks_made: locks,
                });
            }
            guess = Guess {
                round: last_round,
                locks,
            };
        }
        Err(ChainError::Garbage(format!(
            "changing answers about block {}",
            head.number()
        )))
    }

    fn ask_clock(&self, calls: &mut Calls, round: Round) -> ClockSlots {
        let rounds = self.contracts.rounds_manager;
        let hash_of = |round: u64| Rounds::blockHashForRoundCall {
            round: U256::from(round),
        };
        ClockSlots {
            current: calls.add(rounds, &RoundsManager::currentRoundCall {}),
            last: calls.add(rounds, &RoundsManager::lastInitializedRoundCall {}),
            start: calls.add(rounds, &RoundsManager::currentRoundStartBlockCall {}),
            length: calls.add(rounds, &RoundsManager::roundLengthCall {}),
            hash: calls.add(rounds, &hash_of(round.0)),
            previous: calls.add(rounds, &hash_of(round.0.saturating_sub(1))),
            validity: calls.add(
                self.contracts.ticket_broker,
                &TicketBroker::ticketValidityPeriodCall {},
            ),
            pool_size: calls.add(
                self.contracts.bonding_manager,
                &BondingManager::getTranscoderPoolSizeCall {},
            ),
        }
    }

    fn ask_own(&self, calls: &mut Calls, account: Address, locks: u64) -> OwnSlots {
        let manager = self.contracts.bonding_manager;
        OwnSlots {
            account,
            delegator: calls.add(manager, &BondingManager::getDelegatorCall { delegator: account }),
            transcoder: calls.add(
                manager,
                &BondingManager::getTranscoderCall { transcoder: account },
            ),
            registered: calls.add(
                manager,
                &BondingManager::isRegisteredTranscoderCall { transcoder: account },
            ),
            active: calls.add(
                manager,
                &BondingManager::isActiveTranscoderCall { transcoder: account },
            ),
            uri: calls.add(
                self.contracts.service_registry,
                &ServiceRegistry::getServiceURICall { account },
            ),
            locks: (locks.saturating_sub(MOST_LOCKS)..locks)
                .map(|id| {
                    let call = BondingManager::getDelegatorUnbondingLockCall {
                        delegator: account,
                        lockId: U256::from(id),
                    };
                    (id, calls.add(manager, &call))
                })
                .collect(),
        }
    }
}

struct ClockSlots {
    current: Slot<RoundsManager::currentRoundCall>,
    last: Slot<RoundsManager::lastInitializedRoundCall>,
    start: Slot<RoundsManager::currentRoundStartBlockCall>,
    length: Slot<RoundsManager::roundLengthCall>,
    hash: Slot<Rounds::blockHashForRoundCall>,
    previous: Slot<Rounds::blockHashForRoundCall>,
    validity: Slot<TicketBroker::ticketValidityPeriodCall>,
    pool_size: Slot<BondingManager::getTranscoderPoolSizeCall>,
}

struct OwnSlots {
    account: Address,
    delegator: Slot<BondingManager::getDelegatorCall>,
    transcoder: Slot<BondingManager::getTranscoderCall>,
    registered: Slot<BondingManager::isRegisteredTranscoderCall>,
    active: Slot<BondingManager::isActiveTranscoderCall>,
    uri: Slot<ServiceRegistry::getServiceURICall>,
    locks: Vec<(u64, Slot<BondingManager::getDelegatorUnbondingLockCall>)>,
}

fn answer_clock(
    answers: &Answers,
    slots: &ClockSlots,
    head: &Header,
    gas_price: Wei,
) -> Result<ChainTime, ChainError> {
    let round = round_number(answers.get(slots.last)?)?;
    let current_round = round_number(answers.get(slots.current)?)?;
    let round_length = count(answers.get(slots.length)?, "the length of a round")?;
    // The contract tells where the round began that the block is in, whether somebody has opened it or not.
    let behind = current_round.0.saturating_sub(round.0);
    let start = count(answers.get(slots.start)?, "a block")?;
    Ok(ChainTime {
        l1_block: head.l1_block(),
        block: head.number(),
        round,
        round_hash: answers.get(slots.hash)?,
        previous_round_hash: answers.get(slots.previous)?,
        round_start: start.saturating_sub(round_length.saturating_mul(behind)),
        round_length,
        current_round,
        ticket_validity: count(answers.get(slots.validity)?, "a number of rounds")?,
        pool_size: count(answers.get(slots.pool_size)?, "size of the pool")?,
        gas_price,
        read_at: Timestamp::now(),
    })
}

fn answer_own(
    answers: &Answers,
    slots: &OwnSlots,
    head: &Header,
    round: Round,
) -> Result<OwnFacts, ChainError> {
    let transcoder = answers.get(slots.transcoder)?;
    let uri = answers.get(slots.uri)?;
    let mut locks = Vec::new();
    for (id, slot) in &slots.locks {
        let lock = answers.get(*slot)?;
        let withdraw_round = round_number(lock.withdrawRound)?;
        // Zero: taken out, or bonded again.
        if withdraw_round > Round(0) {
            locks.push(UnbondingLock {
                id: *id,
                amount_lpt: Lpt(lock.amount),
                withdraw_round,
                withdrawable: withdraw_round <= round,
                rounds_left: withdraw_round.0.saturating_sub(round.0),
            });
        }
    }
    Ok(OwnFacts {
        account: slots.account,
        registered: answers.get(slots.registered)?,
        active: answers.get(slots.active)?,
        activation_round: match transcoder.activationRound {
            U256::ZERO => None,
            activation => Some(round_number(activation)?),
        },
        // The contract's "never" is the largest number there is; zero for whoever never was active.
        deactivation_round: u64::try_from(transcoder.deactivationRound)
            .ok()
            .filter(|round| *round > 0)
            .map(Round),
        last_reward_round: round_number(transcoder.lastRewardRound)?,
        service_uri: (!uri.is_empty()).then(|| plain(&uri, 300)),
        locks,
        block: head.number(),
    })
}

/// Whether an endpoint refuses to give so many logs at once: fewer blocks will do.
pub(crate) fn is_too_many(message: &str) -> bool {
    let message = message.to_lowercase();
    [
        "query returned more than",
        "more than 10000 results",
        "too many results",
        "too many logs",
        "logs matched by query exceeds",
        "response size exceeded",
        "response is too big",
        "response too large",
        "block range",
        "blocks range",
        "range is too",
        "range too",
        "limited to a",
        "ranges over",
        "query timeout exceeded",
    ]
    .iter()
    .any(|text| message.contains(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Infura, Alchemy, QuickNode, Nitro, Ankr and dRPC say it.
    #[test]
    fn endpoints_say_in_many_ways_that_there_are_too_many_logs() {
        for message in [
            "query returned more than 10000 results",
            "Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range",
            "Under the Free tier plan, you can make eth_getLogs requests with up to a 10 block range.",
            "eth_getLogs is limited to a 10,000 range",
            "logs matched by query exceeds limit of 10000",
            "block range is too wide",
            "ranges over 10000 blocks are not supported on freetier",
            "Block range limit exceeded",
        ] {
            assert!(is_too_many(message), "{message}");
        }
        for message in [
            "header not found",
            "daily request count exceeded, request rate limited",
        ] {
            assert!(!is_too_many(message), "{message}");
        }
    }

    /// Trap 41: rounds and expiry count Ethereum's blocks.
    #[test]
    fn trap_41_the_rounds_clock_is_ethereums_block() {
        let hash = B256::ZERO;
        let arbitrum: Header = serde_json::from_value(json!({
            "number": "0x1000", "hash": hash, "timestamp": "0x1", "l1BlockNumber": "0x20",
        }))
        .unwrap();
        assert_eq!((arbitrum.l1_block(), arbitrum.number()), (0x20, 0x1000));
        let other: Header =
            serde_json::from_value(json!({ "number": "0x1000", "hash": hash, "timestamp": "0x1" })).unwrap();
        assert_eq!(other.l1_block(), 0x1000);
    }
}
