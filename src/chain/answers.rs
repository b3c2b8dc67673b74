//! The reads behind commands: each asks once, at one block, and gives a type of [`crate::view::chain`].

use alloy::primitives::{Address, U256};

use super::{
    Chain, ChainError, Pool,
    calls::{Calls, count},
    contracts::{BondingManager, ContractName, Controller, LivepeerToken, Minter, TicketBroker},
    facts::{Beside, Snapshot, answer_delegator, answer_mint, answer_orchestrator, pool_facts, round_number},
};
use crate::{
    units::{Lpt, Percent, Round, Wei},
    view::chain::{
        BalanceAnswer, ContractAddress, OrchestratorAnswer, OrchestratorFacts, OrchestratorList,
        ProtocolAnswer, RewardAnswer, RoundAnswer, StakeAnswer, StatusFacts, UnbondingLock,
    },
};

/// Unbonding locks read at most, the newest: a delegator has a handful.
const MOST_LOCKS: u64 = 1000;
/// Orchestrators asked about in one request.
const ORCHESTRATORS_AT_ONCE: usize = 100;

impl Chain {
    /// Account, stake, orchestrator, pool and round on one screen. Two HTTP requests.
    ///
    /// # Errors
    /// [`ChainError`] if the chain cannot be read.
    pub async fn status(&self, account: Address) -> Result<StatusFacts, ChainError> {
        let snapshot = self.snapshot(account, None).await?;
        Ok(StatusFacts {
            account,
            eth_wei: snapshot.eth,
            wallet_lpt: snapshot.wallet,
            gas_price_wei: snapshot.now.fees.price,
            paused: snapshot.paused,
            orchestrator: with(&snapshot),
            pool: snapshot.pool_facts(),
            at: snapshot.at,
            round: snapshot.round,
            stake: snapshot.stake,
        })
    }

    /// The round. Two HTTP requests.
    ///
    /// # Errors
    /// [`ChainError`] if the chain cannot be read.
    pub async fn round(&self) -> Result<RoundAnswer, ChainError> {
        let (now, _) = self.now(None).await?;
        let mut calls = Calls::default();
        let paused = calls.add(self.contracts.controller, &Controller::pausedCall {});
        let round = self.ask_round(&mut calls);
        let reading = self.read(&now.head, calls, Beside::default()).await?;
        Ok(RoundAnswer {
            at: self.read_at(&now.head)?,
            paused: reading.answers.get(paused)?,
            round: self.answer_round(&reading.answers, &now.head, &round)?,
        })
    }

    /// One orchestrator. Two HTTP requests.
    ///
    /// # Errors
    /// [`ChainError`] if the chain cannot be read.
    pub async fn orchestrator(&self, address: Address) -> Result<OrchestratorAnswer, ChainError> {
        let snapshot = self.snapshot(address, None).await?;
        Ok(OrchestratorAnswer {
            pool: snapshot.pool_facts(),
            at: snapshot.at,
            round: snapshot.round,
            orchestrator: snapshot.own,
            fees_wei: snapshot.stake.fees_wei,
            eth_wei: snapshot.eth,
        })
    }

    /// The pool, with everybody in it. Two HTTP requests, one more for each hundred after the first.
    ///
    /// # Errors
    /// [`ChainError`] if the chain cannot be read.
    pub async fn orchestrators(&self) -> Result<OrchestratorList, ChainError> {
        let (now, likely) = self.now_and_pool().await?;
        let likely: Vec<Address> = likely.into_iter().map(|(address, _)| address).collect();
        let mut calls = Calls::default();
        let round = self.ask_round(&mut calls);
        let max_size = calls.add(
            self.contracts.bonding_manager,
            &BondingManager::getTranscoderPoolMaxSizeCall {},
        );
        let likely: Vec<_> = likely
            .into_iter()
            .take(ORCHESTRATORS_AT_ONCE)
            .map(|address| (address, self.ask_orchestrator(&mut calls, address)))
            .collect();
        let beside = Beside {
            pool: true,
            nonces_of: None,
        };
        let reading = self.read(&now.head, calls, beside).await?;
        let round = self.answer_round(&reading.answers, &now.head, &round)?;
        let max_size = count(reading.answers.get(max_size)?, "size of the pool")?;
        let pool = Pool {
            members: reading.members,
            max_size: usize::try_from(max_size).unwrap_or(usize::MAX),
        };
        let mut orchestrators = Vec::with_capacity(pool.members.len());
        for ((address, slots), (member, _)) in likely.iter().zip(&pool.members) {
            // Somebody came or went between the two requests: the rest is asked for anew.
            if address != member {
                break;
            }
            orchestrators.push(answer_orchestrator(&reading.answers, slots, &round, &pool)?);
        }
        for some in pool.members[orchestrators.len()..].chunks(ORCHESTRATORS_AT_ONCE) {
            let mut calls = Calls::default();
            let asked: Vec<_> = some
                .iter()
                .map(|(address, _)| self.ask_orchestrator(&mut calls, *address))
                .collect();
            let reading = self.read(&now.head, calls, Beside::default()).await?;
            for slots in &asked {
                orchestrators.push(answer_orchestrator(&reading.answers, slots, &round, &pool)?);
            }
        }
        Ok(OrchestratorList {
            at: self.read_at(&now.head)?,
            pool: pool_facts(&pool),
            round,
            orchestrators,
        })
    }

    /// The pool alone. Two HTTP requests.
    ///
    /// # Errors
    /// [`ChainError`] if the chain cannot be read.
    pub async fn pool(&self) -> Result<Pool, ChainError> {
        let (now, _) = self.now(None).await?;
        let mut calls = Calls::default();
        let max_size = calls.add(
            self.contracts.bonding_manager,
            &BondingManager::getTranscoderPoolMaxSizeCall {},
        );
        let beside = Beside {
            pool: true,
            nonces_of: None,
        };
        let reading = self.read(&now.head, calls, beside).await?;
        let max_size = count(reading.answers.get(max_size)?, "size of the pool")?;
        Ok(Pool {
            members: reading.members,
            max_size: usize::try_from(max_size).unwrap_or(usize::MAX),
        })
    }

    /// An account's stake and what is on its way back. Two HTTP requests.
    ///
    /// # Errors
    /// [`ChainError`] if the chain cannot be read.
    pub async fn stake(&self, account: Address) -> Result<StakeAnswer, ChainError> {
        let (now, guess) = self.now(Some(account)).await?;
        let mut calls = Calls::default();
        let eth = calls.add_eth_balance(account);
        let wallet = calls.add(
            self.contracts.livepeer_token,
            &LivepeerToken::balanceOfCall { account },
        );
        let round = self.ask_round(&mut calls);
        let stake = self.ask_delegator(&mut calls, account);
        let delegate = (!guess.delegate.is_zero()).then(|| self.ask_orchestrator(&mut calls, guess.delegate));
        let asked: Vec<_> = (guess.locks.saturating_sub(MOST_LOCKS)..guess.locks)
            .map(|id| {
                let call = BondingManager::getDelegatorUnbondingLockCall {
                    delegator: account,
                    lockId: U256::from(id),
                };
                (id, calls.add(self.contracts.bonding_manager, &call))
            })
            .collect();
        let beside = Beside {
            pool: true,
            nonces_of: None,
        };
        let reading = self.read(&now.head, calls, beside).await?;
        let answers = &reading.answers;
        let round = self.answer_round(answers, &now.head, &round)?;
        // Ranks need only the order.
        let pool = Pool {
            members: reading.members,
            max_size: 0,
        };
        let mut locks = Vec::new();
        for (id, slot) in asked {
            let lock = answers.get(slot)?;
            let withdraw_round = round_number(lock.withdrawRound)?;
            if withdraw_round > Round(0) {
                locks.push(UnbondingLock {
                    id,
                    amount_lpt: Lpt(lock.amount),
                    withdraw_round,
                    withdrawable: withdraw_round <= round.round,
                    rounds_left: withdraw_round.0.saturating_sub(round.round.0),
                });
            }
        }
        Ok(StakeAnswer {
            at: self.read_at(&now.head)?,
            account,
            eth_wei: Wei(answers.get(eth)?),
            wallet_lpt: Lpt(answers.get(wallet)?),
            stake: answer_delegator(answers, &stake)?,
            orchestrator: delegate
                .map(|slots| answer_orchestrator(answers, &slots, &round, &pool))
                .transpose()?,
            round,
            locks,
        })
    }

    /// Whether reward was called, and what it brings. Three HTTP requests.
    ///
    /// # Errors
    /// [`ChainError`] if the chain cannot be read.
    pub async fn reward_status(&self, account: Address) -> Result<RewardAnswer, ChainError> {
        let manager = self.contracts.bonding_manager;
        let (now, _) = self.now(None).await?;
        let mut calls = Calls::default();
        let round = self.ask_round(&mut calls);
        let orchestrator = self.ask_orchestrator(&mut calls, account);
        let transcoder = calls.add(
            manager,
            &BondingManager::getTranscoderCall { transcoder: account },
        );
        let mint = self.ask_mint(&mut calls);
        let beside = Beside {
            pool: true,
            nonces_of: None,
        };
        let reading = self.read(&now.head, calls, beside).await?;
        let round = self.answer_round(&reading.answers, &now.head, &round)?;
        let mint = answer_mint(&reading.answers, &mint)?;
        let pool = Pool {
            members: reading.members,
            max_size: 0,
        };
        let orchestrator = answer_orchestrator(&reading.answers, &orchestrator, &round, &pool)?;
        let updated = round_number(reading.answers.get(transcoder)?.lastActiveStakeUpdateRound)?;
        let expected = if orchestrator.active && !orchestrator.reward_called && round.initialized {
            // The stake that counts this round is kept under the round it last changed in.
            let mut calls = Calls::default();
            let earnings = calls.add(
                manager,
                &BondingManager::getTranscoderEarningsPoolForRoundCall {
                    transcoder: account,
                    round: U256::from(updated.min(round.round).0),
                },
            );
            let reading = self.read(&now.head, calls, Beside::default()).await?;
            mint.reward(Lpt(reading.answers.get(earnings)?.totalStake))
        } else {
            Lpt::ZERO
        };
        Ok(RewardAnswer {
            at: self.read_at(&now.head)?,
            round,
            expected_reward_lpt: expected,
            expected_commission_lpt: part_of(expected, orchestrator.reward_cut_percent),
            orchestrator,
            mintable_lpt: mint.mintable,
            minted_lpt: mint.minted,
        })
    }

    /// What is in an account's wallet. Two HTTP requests.
    ///
    /// # Errors
    /// [`ChainError`] if the chain cannot be read.
    pub async fn balances(&self, account: Address) -> Result<BalanceAnswer, ChainError> {
        let token = self.contracts.livepeer_token;
        let (now, _) = self.now(None).await?;
        let mut calls = Calls::default();
        let eth = calls.add_eth_balance(account);
        let wallet = calls.add(token, &LivepeerToken::balanceOfCall { account });
        let approved = calls.add(
            token,
            &LivepeerToken::allowanceCall {
                owner: account,
                spender: self.contracts.bonding_manager,
            },
        );
        let answers = self.read(&now.head, calls, Beside::default()).await?.answers;
        Ok(BalanceAnswer {
            at: self.read_at(&now.head)?,
            account,
            wallet_lpt: Lpt(answers.get(wallet)?),
            approved_lpt: Lpt(answers.get(approved)?),
            eth_wei: Wei(answers.get(eth)?),
        })
    }

    /// The protocol's parameters. Two HTTP requests.
    ///
    /// # Errors
    /// [`ChainError`] if the chain cannot be read.
    pub async fn protocol(&self) -> Result<ProtocolAnswer, ChainError> {
        let contracts = &self.contracts;
        let (now, _) = self.now(None).await?;
        let mut calls = Calls::default();
        let paused = calls.add(contracts.controller, &Controller::pausedCall {});
        let round = self.ask_round(&mut calls);
        let mint = self.ask_mint(&mut calls);
        let bonding = contracts.bonding_manager;
        let unbonding = calls.add(bonding, &BondingManager::unbondingPeriodCall {});
        let max_size = calls.add(bonding, &BondingManager::getTranscoderPoolMaxSizeCall {});
        let ceiling = calls.add(bonding, &BondingManager::treasuryBalanceCeilingCall {});
        let treasury = calls.add(bonding, &BondingManager::treasuryRewardCutRateCall {});
        let supply = calls.add(contracts.minter, &Minter::getGlobalTotalSupplyCall {});
        let local_supply = calls.add(contracts.livepeer_token, &LivepeerToken::totalSupplyCall {});
        let inflation = calls.add(contracts.minter, &Minter::inflationCall {});
        let change = calls.add(contracts.minter, &Minter::inflationChangeCall {});
        let target = calls.add(contracts.minter, &Minter::targetBondingRateCall {});
        let validity = calls.add(
            contracts.ticket_broker,
            &TicketBroker::ticketValidityPeriodCall {},
        );
        let unlock = calls.add(contracts.ticket_broker, &TicketBroker::unlockPeriodCall {});
        let beside = Beside {
            pool: true,
            nonces_of: None,
        };
        let reading = self.read(&now.head, calls, beside).await?;
        let answers = &reading.answers;
        let pool = Pool {
            members: reading.members,
            max_size: usize::try_from(count(answers.get(max_size)?, "size of the pool")?)
                .unwrap_or(usize::MAX),
        };
        let minted = answer_mint(answers, &mint)?;
        let lock = answers.get(round.lock)?;
        let billionths = |value: U256| fixed(value, 9);
        Ok(ProtocolAnswer {
            at: self.read_at(&now.head)?,
            paused: answers.get(paused)?,
            contracts: std::iter::once(ContractAddress {
                name: "Controller",
                address: contracts.controller,
            })
            .chain(ContractName::ALL.map(|name| ContractAddress {
                name: name.as_str(),
                address: contracts.get(name),
            }))
            .collect(),
            round: self.answer_round(answers, &now.head, &round)?,
            round_lock_percent: u32::try_from(lock)
                .ok()
                .and_then(Percent::from_ppm)
                .ok_or_else(|| ChainError::Garbage(format!("{lock} millionths as a share")))?,
            unbonding_rounds: answers.get(unbonding)?,
            pool: pool_facts(&pool),
            active_stake_lpt: minted.active_stake,
            // Without Ethereum's part where that is not known.
            supply_lpt: Lpt(match answers.find(supply) {
                Some(supply) => supply,
                None => answers.get(local_supply)?,
            }),
            inflation_percent: billionths(answers.get(inflation)?),
            inflation_change_percent: billionths(answers.get(change)?),
            target_bonding_percent: billionths(answers.get(target)?),
            mintable_lpt: minted.mintable,
            minted_lpt: minted.minted,
            treasury_cut_percent: answers.find(treasury).map(|cut| fixed(cut, 27)),
            treasury_ceiling_lpt: answers.find(ceiling).map(Lpt),
            ticket_validity_rounds: count(answers.get(validity)?, "a number of rounds")?,
            unlock_rounds: count(answers.get(unlock)?, "a number of rounds")?,
        })
    }
}

/// Whom the account's stake is with.
fn with(snapshot: &Snapshot) -> Option<OrchestratorFacts> {
    snapshot.chosen().cloned()
}

/// `part_of(x, 10 %)`, rounded down as the contracts do.
fn part_of(amount: Lpt, share: Percent) -> Lpt {
    Lpt(amount.0.saturating_mul(U256::from(share.ppm())) / U256::from(1_000_000u64))
}

/// A share in parts of 10^`places` as a decimal number of percent.
fn fixed(value: U256, places: usize) -> String {
    // A percent is a hundredth: two places fewer.
    let places = places.saturating_sub(2);
    let digits = format!("{:0>width$}", value.to_string(), width = places + 1);
    let (whole, fraction) = digits.split_at(digits.len() - places);
    match fraction.trim_end_matches('0') {
        "" => whole.to_string(),
        fraction => format!("{whole}.{fraction}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_any_precision_become_percent() {
        assert_eq!(fixed(U256::from(218_500), 9), "0.02185");
        assert_eq!(fixed(U256::from(500_000_000), 9), "50");
        assert_eq!(fixed(U256::from(10u64).pow(U256::from(26)), 27), "10");
        assert_eq!(fixed(U256::ZERO, 27), "0");
    }
}
