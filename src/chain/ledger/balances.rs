//! What is in each book at a block, where an endpoint still knows.

use alloy::primitives::{Address, U256};

use crate::{
    chain::{
        Chain, ChainError,
        calls::Calls,
        contracts::{BondingManager, LivepeerToken, TicketRedemption},
        facts::Beside,
    },
    view::ledger::Book,
};

/// Unbonding locks read at most, the newest.
const MOST_LOCKS: u64 = 1000;

/// Balances at one block, stake and fees as far as they are settled.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Balances {
    wallet_eth: U256,
    wallet_lpt: U256,
    stake: U256,
    unbonding: U256,
    fees: U256,
    deposit: U256,
    reserve: U256,
}

impl Balances {
    /// The balance of one of the account's own books.
    pub(super) fn of(&self, book: Book) -> U256 {
        match book {
            Book::WalletEth => self.wallet_eth,
            Book::WalletLpt => self.wallet_lpt,
            Book::Stake => self.stake,
            Book::Unbonding => self.unbonding,
            Book::Fees => self.fees,
            Book::Deposit => self.deposit,
            Book::Reserve => self.reserve,
            Book::PoolRewards | Book::PoolFees => U256::ZERO,
        }
    }
}

impl Chain {
    /// Balances at a block; none if no endpoint keeps its state.
    pub(super) async fn books_at(&self, account: Address, block: u64) -> Option<Balances> {
        match self.read_balances(account, block).await {
            Ok(balances) => Some(balances),
            Err(error) => {
                tracing::debug!(%error, block, "no balances at that block");
                None
            }
        }
    }

    async fn read_balances(&self, account: Address, block: u64) -> Result<Balances, ChainError> {
        let head = self.head_of(block).await?;
        let contracts = &self.contracts;
        let mut calls = Calls::default();
        let eth = calls.add_eth_balance(account);
        let lpt = calls.add(
            contracts.livepeer_token,
            &LivepeerToken::balanceOfCall { account },
        );
        let delegator = calls.add(
            contracts.bonding_manager,
            &BondingManager::getDelegatorCall { delegator: account },
        );
        let sender = calls.add(
            contracts.ticket_broker,
            &TicketRedemption::getSenderInfoCall { sender: account },
        );
        let answers = self.read(&head, calls, Beside::default()).await?.answers;
        // A contract that does not answer was not there yet: nothing was in it.
        let delegator = answers.find(delegator);
        let sender = answers.find(sender);
        let mut balances = Balances {
            wallet_eth: answers.get(eth)?,
            wallet_lpt: answers.find(lpt).unwrap_or_default(),
            stake: delegator
                .as_ref()
                .map(|delegator| delegator.bondedAmount)
                .unwrap_or_default(),
            fees: delegator
                .as_ref()
                .map(|delegator| delegator.fees)
                .unwrap_or_default(),
            deposit: sender
                .as_ref()
                .map(|found| found.sender.deposit)
                .unwrap_or_default(),
            reserve: sender
                .as_ref()
                .map(|found| found.reserve.fundsRemaining)
                .unwrap_or_default(),
            unbonding: U256::ZERO,
        };
        let locks = delegator
            .and_then(|delegator| u64::try_from(delegator.nextUnbondingLockId).ok())
            .unwrap_or_default();
        if locks > 0 {
            let mut calls = Calls::default();
            let asked: Vec<_> = (locks.saturating_sub(MOST_LOCKS)..locks)
                .map(|id| {
                    let call = BondingManager::getDelegatorUnbondingLockCall {
                        delegator: account,
                        lockId: U256::from(id),
                    };
                    calls.add(contracts.bonding_manager, &call)
                })
                .collect();
            let answers = self.read(&head, calls, Beside::default()).await?.answers;
            for slot in asked {
                balances.unbonding = balances.unbonding.saturating_add(answers.get(slot)?.amount);
            }
        }
        Ok(balances)
    }
}
