//! Reading: what is asked of the contracts in one go, and how the answers become facts.
//!
//! Two HTTP requests make a snapshot. The first finds the head of the chain and the price of gas, and guesses whom the
//! account delegates to; the second reads everything at that block. Only if the guess was overtaken is there a third.

use alloy::{
    primitives::{Address, Bytes, U64, U256},
    sol_types::SolCall,
};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use super::{
    Chain,
    calls::{Answers, Calls, Slot, count, multicall_params},
    contracts::{
        BondingManager, ContractName, Controller, LivepeerToken, Minter, RoundsManager, ServiceRegistry,
    },
    errors::ChainError,
    gov::facts::GovernanceFacts,
    network::seconds_per_block,
    plan::{BrokerFacts, answer_broker},
    pool::{LONGEST, Pool, read_walk, walk_program},
    rewards::answer_reward_caller,
    text::plain,
};
use crate::{
    units::{Lpt, Percent, Round, Wei},
    view::{
        chain::{DelegatorFacts, OrchestratorFacts, PoolFacts, ReadAt, RoundFacts, StakeStatus},
        reward::RewardCaller,
    },
};

/// A block's header, what we use of it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Head {
    number: U64,
    timestamp: U64,
    base_fee_per_gas: Option<U256>,
    /// Arbitrum: the block of Ethereum, by which rounds are counted.
    l1_block_number: Option<U64>,
}

impl Head {
    pub(crate) fn number(&self) -> u64 {
        self.number.to()
    }

    /// The block by which rounds are counted.
    pub(crate) fn clock(&self) -> u64 {
        self.l1_block_number.unwrap_or(self.number).to()
    }

    /// As a parameter of reads pinned to it.
    pub(crate) fn parameter(&self) -> String {
        format!("{:#x}", self.number)
    }
}

/// What gas costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fees {
    /// The block's base fee; none on a chain without.
    pub(crate) base: Option<U256>,
    /// The tip on top.
    pub(crate) tip: U256,
    /// What a transaction pays now.
    pub(crate) price: Wei,
}

impl Fees {
    /// The most a transaction offers: the base fee may double until it is mined. A limit lowers it, never raises it.
    pub(crate) fn cap(&self, limit: Option<Wei>) -> Wei {
        let offer = match self.base {
            Some(base) => base.saturating_mul(U256::from(2)).saturating_add(self.tip),
            None => self.price.0,
        };
        Wei(limit.map_or(offer, |limit| offer.min(limit.0)))
    }
}

/// The head of the chain and the price of gas there.
#[derive(Debug, Clone)]
pub(crate) struct Now {
    pub(crate) head: Head,
    pub(crate) fees: Fees,
}

/// Everything a plan or a status needs to know about an account, at one block.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    pub(crate) at: ReadAt,
    pub(crate) now: Now,
    pub(crate) account: Address,
    pub(crate) paused: bool,
    /// Where the Controller says the BondingManager is, at this block.
    pub(crate) bonding_manager: Address,
    pub(crate) eth: Wei,
    pub(crate) wallet: Lpt,
    /// LPT the BondingManager may take.
    pub(crate) approved: Lpt,
    pub(crate) round: RoundFacts,
    pub(crate) stake: DelegatorFacts,
    /// The account itself as an orchestrator.
    pub(crate) own: OrchestratorFacts,
    /// Whom it delegates to, if that is somebody else.
    pub(crate) delegate: Option<OrchestratorFacts>,
    /// Whom a plan is about, if that is somebody else again.
    pub(crate) target: Option<OrchestratorFacts>,
    /// Who else may call the reward of the plan's target, or of the account.
    pub(crate) reward_caller: RewardCaller,
    pub(crate) pool: Pool,
    pub(crate) mint: MintFacts,
    /// What stands behind its tickets, if it is a gateway.
    pub(crate) broker: BrokerFacts,
    /// Transactions mined.
    pub(crate) nonce: u64,
    /// Transactions mined or waiting.
    pub(crate) pending_nonce: u64,
    /// What is known of the tickets a plan redeems.
    pub(crate) tickets: Option<super::RedeemOutlook>,
    /// What is known of that which a plan votes on.
    pub(crate) governance: GovernanceFacts,
}

/// What the round mints.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct MintFacts {
    pub(crate) mintable: Lpt,
    pub(crate) minted: Lpt,
    pub(crate) active_stake: Lpt,
    /// The treasury's part in 10⁻²⁷; zero on a protocol without.
    pub(crate) treasury_cut: U256,
}

impl MintFacts {
    /// What a reward call mints for so much stake, the treasury's part taken off, in the contracts' own rounding
    /// (`protocol contracts/token/Minter.sol`, `createReward`; `BondingManager.sol`, `rewardWithHint`).
    pub(crate) fn reward(&self, stake: Lpt) -> Lpt {
        let billion = U256::from(1_000_000_000u64);
        let Some(share) = stake.0.saturating_mul(billion).checked_div(self.active_stake.0) else {
            return Lpt::ZERO;
        };
        let minted = self.mintable.0.saturating_mul(share) / billion;
        let treasury = minted.saturating_mul(self.treasury_cut) / U256::from(10u64).pow(U256::from(27));
        Lpt(minted.saturating_sub(treasury))
    }
}

impl Snapshot {
    /// The orchestrator the account's stake is with.
    pub(crate) fn chosen(&self) -> Option<&OrchestratorFacts> {
        match self.stake.delegate {
            Some(delegate) if delegate == self.account => Some(&self.own),
            Some(_) => self.delegate.as_ref(),
            None => None,
        }
    }

    /// An orchestrator of this snapshot.
    pub(crate) fn orchestrator(&self, address: Address) -> Option<&OrchestratorFacts> {
        [Some(&self.own), self.delegate.as_ref(), self.target.as_ref()]
            .into_iter()
            .flatten()
            .find(|orchestrator| orchestrator.address == address)
    }

    pub(crate) fn pool_facts(&self) -> PoolFacts {
        pool_facts(&self.pool)
    }
}

pub(crate) fn pool_facts(pool: &Pool) -> PoolFacts {
    PoolFacts {
        size: u32::try_from(pool.members.len()).unwrap_or(u32::MAX),
        max_size: u32::try_from(pool.max_size).unwrap_or(u32::MAX),
        cut_off_lpt: pool.cut_off(),
        full: pool.is_full(),
    }
}

/// What goes into the request beside contract reads.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Beside {
    /// Walk the pool.
    pub(crate) pool: bool,
    /// Count an account's transactions.
    pub(crate) nonces_of: Option<Address>,
}

/// The answers to one request.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) answers: Answers,
    /// Empty when it was not asked for.
    pub(crate) members: Vec<(Address, Lpt)>,
    /// Mined, and mined or waiting.
    pub(crate) nonces: (u64, u64),
}

impl Chain {
    /// Head, fees, and whom `account` delegates to: one request.
    pub(crate) async fn now(&self, account: Option<Address>) -> Result<(Now, DelegatorGuess), ChainError> {
        let (now, guess, _) = self.glance(account, false).await?;
        Ok((now, guess))
    }

    /// Head, fees, and who is likely in the pool at that head: one request. The endpoint may have moved on between the
    /// two, or not know: what is read at the head tells.
    pub(crate) async fn now_and_pool(&self) -> Result<(Now, Vec<(Address, Lpt)>), ChainError> {
        let (now, _, members) = self.glance(None, true).await?;
        Ok((now, members))
    }

    async fn glance(
        &self,
        account: Option<Address>,
        pool: bool,
    ) -> Result<(Now, DelegatorGuess, Vec<(Address, Lpt)>), ChainError> {
        let mut batch = self.rpc.new_batch();
        let walk = if pool {
            let program = walk_program(self.contracts.bonding_manager);
            Some(batch.add_call::<_, Bytes>("eth_call", &json!([{ "data": program }, "latest"]))?)
        } else {
            None
        };
        let head = batch.add_call::<_, Option<Head>>("eth_getBlockByNumber", &json!(["latest", false]))?;
        let price = batch.add_call::<_, U256>("eth_gasPrice", &json!([]))?;
        let tip = batch.add_call::<_, U256>("eth_maxPriorityFeePerGas", &json!([]))?;
        let guess = match account {
            Some(delegator) => {
                let data = Bytes::from(BondingManager::getDelegatorCall { delegator }.abi_encode());
                let params = json!([{ "to": self.contracts.bonding_manager, "data": data }, "latest"]);
                Some(batch.add_call::<_, Bytes>("eth_call", &params)?)
            }
            None => None,
        };
        batch.send().await?;
        let head = head
            .await?
            .ok_or_else(|| ChainError::Garbage("no latest block".to_string()))?;
        let price = price.await?;
        // Not every node knows this one.
        let tip = tip.await.unwrap_or_else(|_| {
            head.base_fee_per_gas
                .map_or(U256::ZERO, |base| price.saturating_sub(base))
        });
        let fees = Fees {
            base: head.base_fee_per_gas,
            tip,
            price: Wei(head
                .base_fee_per_gas
                .map_or(price, |base| base.saturating_add(tip))),
        };
        let guess = match guess {
            Some(guess) => BondingManager::getDelegatorCall::abi_decode_returns(&guess.await?)
                .map(|delegator| DelegatorGuess {
                    delegate: delegator.delegateAddress,
                    locks: u64::try_from(delegator.nextUnbondingLockId).unwrap_or_default(),
                })
                .unwrap_or_default(),
            None => DelegatorGuess::default(),
        };
        let members = match walk {
            Some(walk) => walk
                .await
                .ok()
                .and_then(|output| read_walk(&output).ok())
                .unwrap_or_default(),
            None => Vec::new(),
        };
        Ok((Now { head, fees }, guess, members))
    }

    /// All reads at one block: one request.
    pub(crate) async fn read(
        &self,
        head: &Head,
        calls: Calls,
        beside: Beside,
    ) -> Result<Reading, ChainError> {
        let block = head.parameter();
        let mut batch = self.rpc.new_batch();
        let params = multicall_params(&calls.input(), &block, self.multicall_deployed);
        let answers = batch.add_call::<_, Bytes>("eth_call", &params)?;
        let walk = if beside.pool {
            let program = walk_program(self.contracts.bonding_manager);
            Some(batch.add_call::<_, Bytes>("eth_call", &json!([{ "data": program }, block]))?)
        } else {
            None
        };
        let nonces = match beside.nonces_of {
            Some(account) => Some((
                batch.add_call::<_, U64>("eth_getTransactionCount", &json!([account, "latest"]))?,
                batch.add_call::<_, U64>("eth_getTransactionCount", &json!([account, "pending"]))?,
            )),
            None => None,
        };
        batch.send().await?;
        let answers = Answers::decode(&answers.await?)?;
        let members = match walk {
            // A node that runs no code without an address: step by step then.
            Some(walk) => match walk
                .await
                .map_err(ChainError::from)
                .and_then(|output| read_walk(&output))
            {
                Ok(members) => members,
                Err(error) => {
                    tracing::debug!(%error, "the pool is walked one by one");
                    self.walk_slowly(head).await?
                }
            },
            None => Vec::new(),
        };
        let nonces = match nonces {
            Some((mined, pending)) => (mined.await?.to(), pending.await?.to()),
            None => (0, 0),
        };
        Ok(Reading {
            answers,
            members,
            nonces,
        })
    }

    /// The pool, one request an orchestrator.
    async fn walk_slowly(&self, head: &Head) -> Result<Vec<(Address, Lpt)>, ChainError> {
        let manager = self.contracts.bonding_manager;
        let mut members = Vec::new();
        let mut calls = Calls::default();
        let first = calls.add(manager, &BondingManager::getFirstTranscoderInPoolCall {});
        let size = calls.add(manager, &BondingManager::getTranscoderPoolSizeCall {});
        let reading = Box::pin(self.read(head, calls, Beside::default())).await?;
        let mut account = reading.answers.get(first)?;
        let size = count(reading.answers.get(size)?, "size of the pool")?;
        if usize::try_from(size).map_or(true, |size| size > LONGEST) {
            return Err(ChainError::Garbage(format!("a pool of {size} orchestrators")));
        }
        for _ in 0..size {
            if account.is_zero() {
                break;
            }
            let mut calls = Calls::default();
            let stake = calls.add(
                manager,
                &BondingManager::transcoderTotalStakeCall { transcoder: account },
            );
            let next = calls.add(
                manager,
                &BondingManager::getNextTranscoderInPoolCall { transcoder: account },
            );
            let reading = Box::pin(self.read(head, calls, Beside::default())).await?;
            members.push((account, Lpt(reading.answers.get(stake)?)));
            account = reading.answers.get(next)?;
        }
        Ok(members)
    }

    /// Where and when.
    pub(crate) fn read_at(&self, head: &Head) -> Result<ReadAt, ChainError> {
        let seconds = i64::try_from(head.timestamp.to::<u64>()).unwrap_or(i64::MAX);
        Ok(ReadAt {
            network: self.network.name.clone(),
            chain_id: self.chain_id,
            block: head.number(),
            time: Timestamp::from_second(seconds)
                .map_err(|_| ChainError::Garbage(format!("{seconds} as a block's time")))?,
        })
    }

    /// Everything about an account, and about `target` if that is another one.
    pub(crate) async fn snapshot(
        &self,
        account: Address,
        target: Option<Address>,
    ) -> Result<Snapshot, ChainError> {
        let (now, guess) = self.now(Some(account)).await?;
        let mut delegate = guess.delegate;
        // The delegate can change between the two requests, but not often.
        for _ in 0..3 {
            let snapshot = self.snapshot_at(&now, account, delegate, target).await?;
            match snapshot.stake.delegate {
                Some(real) if real != account && real != delegate => delegate = real,
                _ => return Ok(snapshot),
            }
        }
        Err(ChainError::Garbage(format!("changing answers about {account}")))
    }

    async fn snapshot_at(
        &self,
        now: &Now,
        account: Address,
        delegate: Address,
        target: Option<Address>,
    ) -> Result<Snapshot, ChainError> {
        let contracts = &self.contracts;
        let mut calls = Calls::default();
        let paused = calls.add(contracts.controller, &Controller::pausedCall {});
        let manager = calls.add(
            contracts.controller,
            &Controller::getContractCall {
                id: ContractName::BondingManager.id(),
            },
        );
        let eth = calls.add_eth_balance(account);
        let wallet = calls.add(
            contracts.livepeer_token,
            &LivepeerToken::balanceOfCall { account },
        );
        let approved = calls.add(
            contracts.livepeer_token,
            &LivepeerToken::allowanceCall {
                owner: account,
                spender: contracts.bonding_manager,
            },
        );
        let round = self.ask_round(&mut calls);
        let stake = self.ask_delegator(&mut calls, account);
        let own = self.ask_orchestrator(&mut calls, account);
        let reward_caller = self.ask_reward_caller(&mut calls, target.unwrap_or(account));
        let other = |wanted: Address| (!wanted.is_zero() && wanted != account).then_some(wanted);
        let delegate = other(delegate).map(|address| self.ask_orchestrator(&mut calls, address));
        let target = target
            .and_then(other)
            .map(|address| self.ask_orchestrator(&mut calls, address));
        let max_size = calls.add(
            contracts.bonding_manager,
            &BondingManager::getTranscoderPoolMaxSizeCall {},
        );
        let mint = self.ask_mint(&mut calls);
        let broker = self.ask_broker(&mut calls, account);
        let beside = Beside {
            pool: true,
            nonces_of: Some(account),
        };
        let reading = self.read(&now.head, calls, beside).await?;
        let answers = &reading.answers;

        let round = self.answer_round(answers, &now.head, &round)?;
        let pool = Pool {
            members: reading.members,
            max_size: usize::try_from(count(answers.get(max_size)?, "size of the pool")?)
                .unwrap_or(usize::MAX),
        };
        let own = answer_orchestrator(answers, &own, &round, &pool)?;
        let stake = answer_delegator(answers, &stake)?;
        let delegate = delegate
            .map(|slots| answer_orchestrator(answers, &slots, &round, &pool))
            .transpose()?;
        let target = target
            .map(|slots| answer_orchestrator(answers, &slots, &round, &pool))
            .transpose()?;
        Ok(Snapshot {
            at: self.read_at(&now.head)?,
            now: now.clone(),
            account,
            paused: answers.get(paused)?,
            bonding_manager: answers.get(manager)?,
            eth: Wei(answers.get(eth)?),
            wallet: Lpt(answers.get(wallet)?),
            approved: Lpt(answers.get(approved)?),
            round,
            stake,
            own,
            delegate,
            target,
            reward_caller: answer_reward_caller(answers, reward_caller),
            pool,
            mint: answer_mint(answers, &mint)?,
            broker: answer_broker(answers, &broker)?,
            nonce: reading.nonces.0,
            pending_nonce: reading.nonces.1,
            tickets: None,
            governance: GovernanceFacts::default(),
        })
    }

    pub(crate) fn ask_round(&self, calls: &mut Calls) -> RoundSlots {
        let manager = self.contracts.rounds_manager;
        RoundSlots {
            clock: calls.add(manager, &RoundsManager::blockNumCall {}),
            round: calls.add(manager, &RoundsManager::currentRoundCall {}),
            initialized: calls.add(manager, &RoundsManager::currentRoundInitializedCall {}),
            locked: calls.add(manager, &RoundsManager::currentRoundLockedCall {}),
            start: calls.add(manager, &RoundsManager::currentRoundStartBlockCall {}),
            last: calls.add(manager, &RoundsManager::lastInitializedRoundCall {}),
            length: calls.add(manager, &RoundsManager::roundLengthCall {}),
            lock: calls.add(manager, &RoundsManager::roundLockAmountCall {}),
        }
    }

    pub(crate) fn answer_round(
        &self,
        answers: &Answers,
        head: &Head,
        slots: &RoundSlots,
    ) -> Result<RoundFacts, ChainError> {
        // What the contracts themselves see; the header's word for it where they do not tell.
        let clock_block = match answers.find(slots.clock) {
            Some(block) => count(block, "a block")?,
            None => head.l1_block_number.unwrap_or(head.number).to(),
        };
        let length = count(answers.get(slots.length)?, "the length of a round")?;
        let start_block = count(answers.get(slots.start)?, "a block")?;
        let lock_part = answers.get(slots.lock)?;
        let lock_blocks = count(
            U256::from(length).saturating_mul(lock_part) / U256::from(1_000_000u64),
            "the length of the lock",
        )?;
        let elapsed = clock_block.saturating_sub(start_block);
        let locked = answers.get(slots.locked)?;
        let blocks_left = length.saturating_sub(elapsed);
        let blocks_until_lock = if locked {
            0
        } else {
            blocks_left.saturating_sub(lock_blocks)
        };
        let seconds = |blocks: u64| seconds_per_block(self.chain_id).map(|each| each.saturating_mul(blocks));
        Ok(RoundFacts {
            round: round_number(answers.get(slots.round)?)?,
            initialized: answers.get(slots.initialized)?,
            locked,
            last_initialized: round_number(answers.get(slots.last)?)?,
            clock_block,
            start_block,
            length,
            elapsed,
            blocks_left,
            lock_blocks,
            blocks_until_lock,
            seconds_left: seconds(blocks_left),
            seconds_until_lock: seconds(blocks_until_lock),
        })
    }

    pub(crate) fn ask_delegator(&self, calls: &mut Calls, delegator: Address) -> DelegatorSlots {
        let manager = self.contracts.bonding_manager;
        DelegatorSlots {
            delegator: calls.add(manager, &BondingManager::getDelegatorCall { delegator }),
            status: calls.add(manager, &BondingManager::delegatorStatusCall { delegator }),
            // The second argument is ignored: always up to the current round.
            stake: calls.add(
                manager,
                &BondingManager::pendingStakeCall {
                    delegator,
                    endRound: U256::ZERO,
                },
            ),
            fees: calls.add(
                manager,
                &BondingManager::pendingFeesCall {
                    delegator,
                    endRound: U256::ZERO,
                },
            ),
        }
    }

    pub(crate) fn ask_orchestrator(&self, calls: &mut Calls, address: Address) -> OrchestratorSlots {
        let manager = self.contracts.bonding_manager;
        OrchestratorSlots {
            address,
            transcoder: calls.add(
                manager,
                &BondingManager::getTranscoderCall { transcoder: address },
            ),
            registered: calls.add(
                manager,
                &BondingManager::isRegisteredTranscoderCall { transcoder: address },
            ),
            active: calls.add(
                manager,
                &BondingManager::isActiveTranscoderCall { transcoder: address },
            ),
            total: calls.add(
                manager,
                &BondingManager::transcoderTotalStakeCall { transcoder: address },
            ),
            own: calls.add(
                manager,
                &BondingManager::pendingStakeCall {
                    delegator: address,
                    endRound: U256::ZERO,
                },
            ),
            uri: calls.add(
                self.contracts.service_registry,
                &ServiceRegistry::getServiceURICall { account: address },
            ),
        }
    }

    pub(crate) fn ask_mint(&self, calls: &mut Calls) -> MintSlots {
        MintSlots {
            mintable: calls.add(self.contracts.minter, &Minter::currentMintableTokensCall {}),
            minted: calls.add(self.contracts.minter, &Minter::currentMintedTokensCall {}),
            active: calls.add(
                self.contracts.bonding_manager,
                &BondingManager::currentRoundTotalActiveStakeCall {},
            ),
            treasury: calls.add(
                self.contracts.bonding_manager,
                &BondingManager::treasuryRewardCutRateCall {},
            ),
        }
    }
}

/// What the first request found about an account; the second one is asked accordingly.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct DelegatorGuess {
    pub(crate) delegate: Address,
    pub(crate) locks: u64,
}

pub(crate) struct RoundSlots {
    clock: Slot<RoundsManager::blockNumCall>,
    round: Slot<RoundsManager::currentRoundCall>,
    initialized: Slot<RoundsManager::currentRoundInitializedCall>,
    locked: Slot<RoundsManager::currentRoundLockedCall>,
    start: Slot<RoundsManager::currentRoundStartBlockCall>,
    last: Slot<RoundsManager::lastInitializedRoundCall>,
    length: Slot<RoundsManager::roundLengthCall>,
    pub(crate) lock: Slot<RoundsManager::roundLockAmountCall>,
}

pub(crate) struct DelegatorSlots {
    delegator: Slot<BondingManager::getDelegatorCall>,
    status: Slot<BondingManager::delegatorStatusCall>,
    stake: Slot<BondingManager::pendingStakeCall>,
    fees: Slot<BondingManager::pendingFeesCall>,
}

pub(crate) struct OrchestratorSlots {
    address: Address,
    transcoder: Slot<BondingManager::getTranscoderCall>,
    registered: Slot<BondingManager::isRegisteredTranscoderCall>,
    active: Slot<BondingManager::isActiveTranscoderCall>,
    total: Slot<BondingManager::transcoderTotalStakeCall>,
    own: Slot<BondingManager::pendingStakeCall>,
    uri: Slot<ServiceRegistry::getServiceURICall>,
}

pub(crate) struct MintSlots {
    mintable: Slot<Minter::currentMintableTokensCall>,
    minted: Slot<Minter::currentMintedTokensCall>,
    active: Slot<BondingManager::currentRoundTotalActiveStakeCall>,
    treasury: Slot<BondingManager::treasuryRewardCutRateCall>,
}

pub(crate) fn answer_delegator(
    answers: &Answers,
    slots: &DelegatorSlots,
) -> Result<DelegatorFacts, ChainError> {
    let delegator = answers.get(slots.delegator)?;
    Ok(DelegatorFacts {
        status: match answers.get(slots.status)? {
            0 => StakeStatus::Pending,
            1 => StakeStatus::Bonded,
            2 => StakeStatus::Unbonded,
            other => return Err(ChainError::Garbage(format!("{other} as a delegator's status"))),
        },
        stake_lpt: Lpt(answers.get(slots.stake)?),
        fees_wei: Wei(answers.get(slots.fees)?),
        delegate: (!delegator.delegateAddress.is_zero()).then_some(delegator.delegateAddress),
        delegated_lpt: Lpt(delegator.delegatedAmount),
        start_round: round_number(delegator.startRound)?,
        last_claim_round: round_number(delegator.lastClaimRound)?,
        locks_made: count(delegator.nextUnbondingLockId, "a number of locks")?,
    })
}

pub(crate) fn answer_orchestrator(
    answers: &Answers,
    slots: &OrchestratorSlots,
    round: &RoundFacts,
    pool: &Pool,
) -> Result<OrchestratorFacts, ChainError> {
    let transcoder = answers.get(slots.transcoder)?;
    let registered = answers.get(slots.registered)?;
    let last_reward_round = round_number(transcoder.lastRewardRound)?;
    let percent = |value: U256| {
        u32::try_from(value)
            .ok()
            .and_then(Percent::from_ppm)
            .ok_or_else(|| ChainError::Garbage(format!("{value} millionths as a share")))
    };
    let uri = answers.get(slots.uri)?;
    Ok(OrchestratorFacts {
        address: slots.address,
        registered,
        active: answers.get(slots.active)?,
        rank: pool.rank(slots.address),
        own_stake_lpt: if registered {
            Lpt(answers.get(slots.own)?)
        } else {
            Lpt::ZERO
        },
        total_stake_lpt: Lpt(answers.get(slots.total)?),
        reward_cut_percent: percent(transcoder.rewardCut)?,
        fee_share_percent: percent(transcoder.feeShare)?,
        last_reward_round,
        reward_called: last_reward_round == round.round && round.round > Round(0),
        activation_round: match transcoder.activationRound {
            U256::ZERO => None,
            activation => Some(round_number(activation)?),
        },
        // The contract's "never" is the largest number there is; zero for whoever never was active.
        deactivation_round: u64::try_from(transcoder.deactivationRound)
            .ok()
            .filter(|round| *round > 0)
            .map(Round),
        service_uri: (!uri.is_empty()).then(|| plain(&uri, 300)),
    })
}

pub(crate) fn answer_mint(answers: &Answers, slots: &MintSlots) -> Result<MintFacts, ChainError> {
    Ok(MintFacts {
        mintable: Lpt(answers.get(slots.mintable)?),
        minted: Lpt(answers.get(slots.minted)?),
        active_stake: Lpt(answers.get(slots.active)?),
        treasury_cut: answers.find(slots.treasury).unwrap_or_default(),
    })
}

pub(crate) fn round_number(value: U256) -> Result<Round, ChainError> {
    count(value, "a round").map(Round)
}

#[cfg(test)]
impl Snapshot {
    /// An active orchestrator of 100 LPT in the middle of round 10 of a public chain, all done that can be done.
    pub(crate) fn sample() -> Self {
        let account = Address::repeat_byte(0x11);
        let other = Address::repeat_byte(0x22);
        Self {
            at: ReadAt {
                network: "arbitrum-one".to_string(),
                chain_id: 42161,
                block: 1000,
                time: Timestamp::UNIX_EPOCH,
            },
            now: Now {
                head: Head {
                    number: U64::from(1000),
                    timestamp: U64::ZERO,
                    base_fee_per_gas: Some(U256::from(10_000_000)),
                    l1_block_number: None,
                },
                fees: Fees {
                    base: Some(U256::from(10_000_000)),
                    tip: U256::ZERO,
                    price: Wei(U256::from(10_000_000)),
                },
            },
            account,
            paused: false,
            bonding_manager: Address::repeat_byte(0xbb),
            eth: Wei::ether(1),
            wallet: Lpt::whole(50),
            approved: Lpt::whole(50),
            round: RoundFacts {
                round: Round(10),
                initialized: true,
                locked: false,
                last_initialized: Round(10),
                clock_block: 1050,
                start_block: 1000,
                length: 100,
                elapsed: 50,
                blocks_left: 50,
                lock_blocks: 10,
                blocks_until_lock: 40,
                seconds_left: Some(600),
                seconds_until_lock: Some(480),
            },
            stake: DelegatorFacts {
                status: StakeStatus::Bonded,
                stake_lpt: Lpt::whole(100),
                fees_wei: Wei::ZERO,
                delegate: Some(account),
                delegated_lpt: Lpt::whole(200),
                start_round: Round(5),
                last_claim_round: Round(9),
                locks_made: 0,
            },
            own: OrchestratorFacts {
                address: account,
                registered: true,
                active: true,
                rank: Some(1),
                own_stake_lpt: Lpt::whole(100),
                total_stake_lpt: Lpt::whole(200),
                reward_cut_percent: Percent::from_ppm(100_000).unwrap_or_default(),
                fee_share_percent: Percent::from_ppm(400_000).unwrap_or_default(),
                last_reward_round: Round(10),
                reward_called: true,
                activation_round: Some(Round(5)),
                deactivation_round: None,
                service_uri: Some("https://o1.example.org:8935".to_string()),
            },
            delegate: None,
            target: None,
            reward_caller: RewardCaller::Nobody,
            pool: Pool {
                members: vec![(account, Lpt::whole(200)), (other, Lpt::whole(60))],
                max_size: 2,
            },
            mint: MintFacts {
                mintable: Lpt::whole(10),
                minted: Lpt::ZERO,
                active_stake: Lpt::whole(260),
                treasury_cut: U256::ZERO,
            },
            broker: BrokerFacts::default(),
            nonce: 7,
            pending_nonce: 7,
            tickets: None,
            governance: GovernanceFacts::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_limit_lowers_the_offer_and_never_raises_it() {
        let fees = Fees {
            base: Some(U256::from(100)),
            tip: U256::from(7),
            price: Wei(U256::from(107)),
        };
        assert_eq!(fees.cap(None), Wei(U256::from(207)));
        assert_eq!(fees.cap(Some(Wei(U256::from(150)))), Wei(U256::from(150)));
        assert_eq!(fees.cap(Some(Wei(U256::from(900)))), Wei(U256::from(207)));
    }

    #[test]
    fn a_reward_is_the_share_of_stake_less_the_treasurys_part() {
        let mint = MintFacts {
            mintable: Lpt::whole(1000),
            minted: Lpt::ZERO,
            active_stake: Lpt::whole(3),
            treasury_cut: U256::from(10u64).pow(U256::from(26)),
        };
        // 1/3 in billionths, rounded down, of 1000 LPT, less 10 %.
        assert_eq!(mint.reward(Lpt::whole(1)).decimal(), "299.9999997");
        assert_eq!(MintFacts::default().reward(Lpt::whole(1)), Lpt::ZERO);
    }
}
