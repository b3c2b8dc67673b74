//! What the contracts answer, number by number: for those who want their words and not our reading of them.

use alloy::{
    primitives::{Address, U256, keccak256},
    sol,
};

use super::{
    Chain, ChainError,
    calls::{Answers, Calls, Slot, count},
    contracts::{BondingManager, Controller, LivepeerToken, Minter, RoundsManager, ServiceRegistry},
    facts::Beside,
};

sol! {
    /// `protocol contracts/pm/TicketBroker.sol`
    #[allow(missing_docs, reason = "the macro's items are the contract's own names")]
    interface Broker {
        struct Sender { uint256 deposit; uint256 withdrawRound; }
        struct Reserve { uint256 fundsRemaining; uint256 claimedInCurrentRound; }
        function getSenderInfo(address sender) external view returns (Sender sender, Reserve reserve);
        function unlockPeriod() external view returns (uint256);
    }

    /// `protocol contracts/bonding/BondingManager.sol`
    #[allow(missing_docs, reason = "the macro's items are the contract's own names")]
    interface Bonded {
        function getTotalBonded() external view returns (uint256);
    }
}

/// Accounts asked about in one request.
const AT_ONCE: usize = 100;
/// Unbonding locks read at most, the newest.
const MOST_LOCKS: u64 = 1000;

/// An account as an orchestrator.
#[derive(Debug, Clone)]
pub(crate) struct OrchestratorWords {
    pub(crate) address: Address,
    /// Text from outside, as it is.
    pub(crate) service_uri: String,
    pub(crate) last_reward_round: U256,
    pub(crate) reward_cut: U256,
    pub(crate) fee_share: U256,
    pub(crate) total_stake: U256,
    pub(crate) activation_round: U256,
    /// The largest number there is while there is no such round.
    pub(crate) deactivation_round: U256,
    pub(crate) last_stake_update: U256,
    pub(crate) active: bool,
    pub(crate) registered: bool,
}

/// An account as a delegator.
#[derive(Debug, Clone)]
pub(crate) struct DelegatorWords {
    pub(crate) bonded: U256,
    pub(crate) fees: U256,
    pub(crate) delegate: Address,
    pub(crate) delegated: U256,
    pub(crate) start_round: U256,
    pub(crate) last_claim_round: U256,
    pub(crate) next_lock: U256,
    pub(crate) pending_stake: U256,
    pub(crate) pending_fees: U256,
    /// 0 pending, 1 bonded, 2 unbonded.
    pub(crate) status: u8,
}

/// Stake on its way back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LockWords {
    pub(crate) id: u64,
    pub(crate) amount: U256,
    pub(crate) withdraw_round: U256,
}

/// An orchestrator's earnings of a round.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EarningsWords {
    pub(crate) total_stake: U256,
    pub(crate) reward_cut: U256,
    pub(crate) fee_share: U256,
    pub(crate) reward_factor: U256,
    pub(crate) fee_factor: U256,
}

/// What stands behind an account's tickets.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SenderWords {
    pub(crate) deposit: U256,
    pub(crate) withdraw_round: U256,
    pub(crate) reserve: U256,
    pub(crate) claimed: U256,
}

/// The protocol's parameters.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ParameterWords {
    pub(crate) pool_size: U256,
    pub(crate) round_length: U256,
    pub(crate) round_lock: U256,
    pub(crate) unbonding_period: u64,
    pub(crate) inflation: U256,
    pub(crate) inflation_change: U256,
    pub(crate) target_bonding: U256,
    pub(crate) total_bonded: U256,
    pub(crate) supply: U256,
    pub(crate) paused: bool,
}

struct OrchestratorSlots {
    address: Address,
    transcoder: Slot<BondingManager::getTranscoderCall>,
    registered: Slot<BondingManager::isRegisteredTranscoderCall>,
    active: Slot<BondingManager::isActiveTranscoderCall>,
    total: Slot<BondingManager::transcoderTotalStakeCall>,
    uri: Slot<ServiceRegistry::getServiceURICall>,
}

impl Chain {
    /// One account as an orchestrator.
    pub(crate) async fn orchestrator_words(&self, address: Address) -> Result<OrchestratorWords, ChainError> {
        let (now, _) = self.now(None).await?;
        let mut calls = Calls::default();
        let slots = self.ask_words(&mut calls, address);
        let reading = self.read(&now.head, calls, Beside::default()).await?;
        orchestrator_of(&reading.answers, &slots)
    }

    /// Everybody in the pool, by stake, largest first.
    pub(crate) async fn pool_words(&self) -> Result<Vec<OrchestratorWords>, ChainError> {
        let members = self.pool().await?.members;
        let (now, _) = self.now(None).await?;
        let mut all = Vec::with_capacity(members.len());
        for some in members.chunks(AT_ONCE) {
            let mut calls = Calls::default();
            let asked: Vec<_> = some
                .iter()
                .map(|(address, _)| self.ask_words(&mut calls, *address))
                .collect();
            let reading = self.read(&now.head, calls, Beside::default()).await?;
            for slots in &asked {
                all.push(orchestrator_of(&reading.answers, slots)?);
            }
        }
        Ok(all)
    }

    fn ask_words(&self, calls: &mut Calls, address: Address) -> OrchestratorSlots {
        let manager = self.contracts.bonding_manager;
        let transcoder = address;
        OrchestratorSlots {
            address,
            transcoder: calls.add(manager, &BondingManager::getTranscoderCall { transcoder }),
            registered: calls.add(
                manager,
                &BondingManager::isRegisteredTranscoderCall { transcoder },
            ),
            active: calls.add(manager, &BondingManager::isActiveTranscoderCall { transcoder }),
            total: calls.add(manager, &BondingManager::transcoderTotalStakeCall { transcoder }),
            uri: calls.add(
                self.contracts.service_registry,
                &ServiceRegistry::getServiceURICall { account: address },
            ),
        }
    }

    /// One account as a delegator.
    pub(crate) async fn delegator_words(&self, delegator: Address) -> Result<DelegatorWords, ChainError> {
        let manager = self.contracts.bonding_manager;
        let (now, _) = self.now(None).await?;
        let mut calls = Calls::default();
        let words = calls.add(manager, &BondingManager::getDelegatorCall { delegator });
        let status = calls.add(manager, &BondingManager::delegatorStatusCall { delegator });
        // Both go up to the current round, whatever the second argument says.
        let stake = calls.add(
            manager,
            &BondingManager::pendingStakeCall {
                delegator,
                endRound: U256::ZERO,
            },
        );
        let fees = calls.add(
            manager,
            &BondingManager::pendingFeesCall {
                delegator,
                endRound: U256::ZERO,
            },
        );
        let answers = self.read(&now.head, calls, Beside::default()).await?.answers;
        let words = answers.get(words)?;
        Ok(DelegatorWords {
            bonded: words.bondedAmount,
            fees: words.fees,
            delegate: words.delegateAddress,
            delegated: words.delegatedAmount,
            start_round: words.startRound,
            last_claim_round: words.lastClaimRound,
            next_lock: words.nextUnbondingLockId,
            pending_stake: answers.get(stake)?,
            pending_fees: answers.get(fees)?,
            status: answers.get(status)?,
        })
    }

    /// An account's unbonding locks that are not used up, by number, and the current round.
    pub(crate) async fn lock_words(&self, delegator: Address) -> Result<(Vec<LockWords>, U256), ChainError> {
        let manager = self.contracts.bonding_manager;
        let (now, guess) = self.now(Some(delegator)).await?;
        let mut calls = Calls::default();
        let round = calls.add(self.contracts.rounds_manager, &RoundsManager::currentRoundCall {});
        let asked: Vec<_> = (guess.locks.saturating_sub(MOST_LOCKS)..guess.locks)
            .map(|id| {
                let call = BondingManager::getDelegatorUnbondingLockCall {
                    delegator,
                    lockId: U256::from(id),
                };
                (id, calls.add(manager, &call))
            })
            .collect();
        let answers = self.read(&now.head, calls, Beside::default()).await?.answers;
        let mut locks = Vec::new();
        for (id, slot) in asked {
            let lock = answers.get(slot)?;
            // A lock that was used has no round.
            if !lock.withdrawRound.is_zero() {
                locks.push(LockWords {
                    id,
                    amount: lock.amount,
                    withdraw_round: lock.withdrawRound,
                });
            }
        }
        Ok((locks, answers.get(round)?))
    }

    /// An orchestrator's earnings of a round.
    pub(crate) async fn earnings_words(
        &self,
        transcoder: Address,
        round: U256,
    ) -> Result<EarningsWords, ChainError> {
        let (now, _) = self.now(None).await?;
        let mut calls = Calls::default();
        let call = BondingManager::getTranscoderEarningsPoolForRoundCall { transcoder, round };
        let slot = calls.add(self.contracts.bonding_manager, &call);
        let answers = self.read(&now.head, calls, Beside::default()).await?.answers;
        let words = answers.get(slot)?;
        Ok(EarningsWords {
            total_stake: words.totalStake,
            reward_cut: words.transcoderRewardCut,
            fee_share: words.transcoderFeeShare,
            reward_factor: words.cumulativeRewardFactor,
            fee_factor: words.cumulativeFeeFactor,
        })
    }

    /// What stands behind an account's tickets.
    pub(crate) async fn sender_words(&self, sender: Address) -> Result<SenderWords, ChainError> {
        let (now, _) = self.now(None).await?;
        let mut calls = Calls::default();
        let slot = calls.add(
            self.contracts.ticket_broker,
            &Broker::getSenderInfoCall { sender },
        );
        let answers = self.read(&now.head, calls, Beside::default()).await?.answers;
        let words = answers.get(slot)?;
        Ok(SenderWords {
            deposit: words.sender.deposit,
            withdraw_round: words.sender.withdrawRound,
            reserve: words.reserve.fundsRemaining,
            claimed: words.reserve.claimedInCurrentRound,
        })
    }

    /// Rounds until an unlocked deposit can be withdrawn.
    pub(crate) async fn unlock_period(&self) -> Result<U256, ChainError> {
        let (now, _) = self.now(None).await?;
        let mut calls = Calls::default();
        let slot = calls.add(self.contracts.ticket_broker, &Broker::unlockPeriodCall {});
        let answers = self.read(&now.head, calls, Beside::default()).await?.answers;
        answers.get(slot)
    }

    /// The protocol's parameters.
    pub(crate) async fn parameter_words(&self) -> Result<ParameterWords, ChainError> {
        let contracts = &self.contracts;
        let (bonding, rounds) = (contracts.bonding_manager, contracts.rounds_manager);
        let (now, _) = self.now(None).await?;
        let mut calls = Calls::default();
        let pool_size = calls.add(bonding, &BondingManager::getTranscoderPoolMaxSizeCall {});
        let unbonding = calls.add(bonding, &BondingManager::unbondingPeriodCall {});
        let bonded = calls.add(bonding, &Bonded::getTotalBondedCall {});
        let active = calls.add(bonding, &BondingManager::currentRoundTotalActiveStakeCall {});
        let length = calls.add(rounds, &RoundsManager::roundLengthCall {});
        let lock = calls.add(rounds, &RoundsManager::roundLockAmountCall {});
        let inflation = calls.add(contracts.minter, &Minter::inflationCall {});
        let change = calls.add(contracts.minter, &Minter::inflationChangeCall {});
        let target = calls.add(contracts.minter, &Minter::targetBondingRateCall {});
        let supply = calls.add(contracts.minter, &Minter::getGlobalTotalSupplyCall {});
        let local_supply = calls.add(contracts.livepeer_token, &LivepeerToken::totalSupplyCall {});
        let paused = calls.add(contracts.controller, &Controller::pausedCall {});
        let answers = self.read(&now.head, calls, Beside::default()).await?.answers;
        Ok(ParameterWords {
            pool_size: answers.get(pool_size)?,
            round_length: answers.get(length)?,
            round_lock: answers.get(lock)?,
            unbonding_period: answers.get(unbonding)?,
            inflation: answers.get(inflation)?,
            inflation_change: answers.get(change)?,
            target_bonding: answers.get(target)?,
            // Newer contracts count only what is active.
            total_bonded: match answers.find(bonded) {
                Some(bonded) => bonded,
                None => answers.get(active)?,
            },
            // Without Ethereum's part where that is not known.
            supply: match answers.find(supply) {
                Some(supply) => supply,
                None => answers.get(local_supply)?,
            },
            paused: answers.get(paused)?,
        })
    }

    /// The test network's faucet; the zero address where there is none.
    pub(crate) async fn faucet_address(&self) -> Result<Address, ChainError> {
        let (now, _) = self.now(None).await?;
        let mut calls = Calls::default();
        let id = keccak256("LivepeerTokenFaucet");
        let slot = calls.add(self.contracts.controller, &Controller::getContractCall { id });
        let answers = self.read(&now.head, calls, Beside::default()).await?.answers;
        answers.get(slot)
    }

    /// The current round, and whether it was initialised.
    pub(crate) async fn round_words(&self) -> Result<(u64, bool), ChainError> {
        let rounds = self.contracts.rounds_manager;
        let (now, _) = self.now(None).await?;
        let mut calls = Calls::default();
        let round = calls.add(rounds, &RoundsManager::currentRoundCall {});
        let initialized = calls.add(rounds, &RoundsManager::currentRoundInitializedCall {});
        let answers = self.read(&now.head, calls, Beside::default()).await?.answers;
        Ok((count(answers.get(round)?, "a round")?, answers.get(initialized)?))
    }
}

fn orchestrator_of(answers: &Answers, slots: &OrchestratorSlots) -> Result<OrchestratorWords, ChainError> {
    let words = answers.get(slots.transcoder)?;
    Ok(OrchestratorWords {
        address: slots.address,
        service_uri: answers.get(slots.uri)?,
        last_reward_round: words.lastRewardRound,
        reward_cut: words.rewardCut,
        fee_share: words.feeShare,
        total_stake: answers.get(slots.total)?,
        activation_round: words.activationRound,
        deactivation_round: words.deactivationRound,
        last_stake_update: words.lastActiveStakeUpdateRound,
        active: answers.get(slots.active)?,
        registered: answers.get(slots.registered)?,
    })
}
