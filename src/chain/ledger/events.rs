//! The events that move an account's money, and what each of them moves.

use alloy::{
    primitives::{Address, B256, U256},
    sol,
    sol_types::SolEvent,
};
use serde::{Deserialize, Serialize};

use crate::{
    chain::{ChainError, Contracts, contracts::TicketRedemption},
    view::ledger::{Book, EntryKind, Signed},
};

sol! {
    /// `protocol contracts/bonding/BondingManager.sol`
    #[allow(missing_docs)]
    interface Stake {
        event Bond(address indexed newDelegate, address indexed oldDelegate, address indexed delegator, uint256 additionalAmount, uint256 bondedAmount);
        event Unbond(address indexed delegate, address indexed delegator, uint256 unbondingLockId, uint256 amount, uint256 withdrawRound);
        event Rebond(address indexed delegate, address indexed delegator, uint256 unbondingLockId, uint256 amount);
        event TransferBond(address indexed oldDelegator, address indexed newDelegator, uint256 oldUnbondingLockId, uint256 newUnbondingLockId, uint256 amount);
        event WithdrawStake(address indexed delegator, uint256 unbondingLockId, uint256 amount, uint256 withdrawRound);
        event WithdrawFees(address indexed delegator, address recipient, uint256 amount);
        event EarningsClaimed(address indexed delegate, address indexed delegator, uint256 rewards, uint256 fees, uint256 startRound, uint256 endRound);
        event Reward(address indexed transcoder, uint256 amount);
        event TranscoderUpdate(address indexed transcoder, uint256 rewardCut, uint256 feeShare);
    }
    /// `protocol contracts/pm/mixins/MixinReserve.sol`, `MixinTicketBrokerCore.sol`
    #[allow(missing_docs)]
    interface Funds {
        event DepositFunded(address indexed sender, uint256 amount);
        event ReserveFunded(address indexed reserveHolder, uint256 amount);
        event ReserveClaimed(address indexed reserveHolder, address claimant, uint256 amount);
        event Withdrawal(address indexed sender, uint256 deposit, uint256 reserve);
        event Unlock(address indexed sender, uint256 startRound, uint256 endRound);
        event UnlockCancelled(address indexed sender);
    }
    /// `protocol contracts/token/LivepeerToken.sol`, `ServiceRegistry.sol`
    #[allow(missing_docs)]
    interface Others {
        event Transfer(address indexed from, address indexed to, uint256 value);
        event Approval(address indexed owner, address indexed spender, uint256 value);
        event ServiceURIUpdate(address indexed addr, string serviceURI);
    }
}

/// A log as it is kept: what is needed to read it again, and no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::chain) struct Kept {
    pub(in crate::chain) address: Address,
    pub(in crate::chain) topics: Vec<B256>,
    pub(in crate::chain) data: alloy::primitives::Bytes,
    pub(in crate::chain) block: u64,
    pub(in crate::chain) index: u64,
    pub(in crate::chain) transaction: B256,
}

/// One amount of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Movement {
    pub(super) kind: EntryKind,
    pub(super) book: Book,
    pub(super) amount: Signed,
    pub(super) counterparty: Option<Address>,
}

/// What is asked for: the contracts, and events by the topic the account stands in.
pub(super) fn filters(contracts: &Contracts, account: Address) -> [serde_json::Value; 3] {
    let whose = account.into_word();
    let addresses = [
        contracts.bonding_manager,
        contracts.ticket_broker,
        contracts.livepeer_token,
        contracts.service_registry,
    ];
    let first = [
        Stake::WithdrawStake::SIGNATURE_HASH,
        Stake::WithdrawFees::SIGNATURE_HASH,
        Stake::TransferBond::SIGNATURE_HASH,
        Stake::Reward::SIGNATURE_HASH,
        Stake::TranscoderUpdate::SIGNATURE_HASH,
        Funds::DepositFunded::SIGNATURE_HASH,
        Funds::ReserveFunded::SIGNATURE_HASH,
        Funds::ReserveClaimed::SIGNATURE_HASH,
        Funds::Withdrawal::SIGNATURE_HASH,
        Funds::Unlock::SIGNATURE_HASH,
        Funds::UnlockCancelled::SIGNATURE_HASH,
        TicketRedemption::WinningTicketTransfer::SIGNATURE_HASH,
        Others::Transfer::SIGNATURE_HASH,
        Others::Approval::SIGNATURE_HASH,
        Others::ServiceURIUpdate::SIGNATURE_HASH,
    ];
    let second = [
        Stake::Unbond::SIGNATURE_HASH,
        Stake::Rebond::SIGNATURE_HASH,
        Stake::TransferBond::SIGNATURE_HASH,
        Stake::EarningsClaimed::SIGNATURE_HASH,
        TicketRedemption::WinningTicketTransfer::SIGNATURE_HASH,
        Others::Transfer::SIGNATURE_HASH,
    ];
    let third = [Stake::Bond::SIGNATURE_HASH];
    [
        serde_json::json!({ "address": addresses, "topics": [first, whose] }),
        serde_json::json!({ "address": addresses, "topics": [second, null, whose] }),
        serde_json::json!({ "address": addresses, "topics": [third, null, null, whose] }),
    ]
}

/// A log as this event.
pub(in crate::chain) fn decode<E: SolEvent>(log: &Kept) -> Result<E, ChainError> {
    E::decode_raw_log(log.topics.iter().copied(), &log.data)
        .map_err(|_| ChainError::Garbage(format!("a log that is no `{}`", E::SIGNATURE)))
}

/// What a log moves for an account. Logs of other contracts, and of other accounts, move nothing: filters of endpoints
/// have been wrong before.
pub(super) fn movements(
    log: &Kept,
    account: Address,
    contracts: &Contracts,
) -> Result<Vec<Movement>, ChainError> {
    let Some(topic) = log.topics.first().copied() else {
        return Ok(Vec::new());
    };
    match log.address {
        address if address == contracts.bonding_manager => of_stake(topic, log, account),
        address if address == contracts.ticket_broker => of_funds(topic, log, account),
        address if address == contracts.livepeer_token => of_token(topic, log, account),
        _ => Ok(Vec::new()),
    }
}

fn more(kind: EntryKind, book: Book, amount: U256, counterparty: Option<Address>) -> Movement {
    Movement {
        kind,
        book,
        amount: Signed::plus(amount),
        counterparty,
    }
}

fn fewer(kind: EntryKind, book: Book, amount: U256, counterparty: Option<Address>) -> Movement {
    Movement {
        amount: Signed::minus(amount),
        ..more(kind, book, amount, counterparty)
    }
}

fn of_stake(topic: B256, log: &Kept, account: Address) -> Result<Vec<Movement>, ChainError> {
    use Book::{Fees, PoolRewards, Stake as Bonded, Unbonding, WalletEth};
    let moved = match topic {
        Stake::Bond::SIGNATURE_HASH => {
            let event: Stake::Bond = decode(log)?;
            let to = Some(event.newDelegate);
            match event.delegator == account {
                true => vec![more(EntryKind::Bonded, Bonded, event.additionalAmount, to)],
                false => Vec::new(),
            }
        }
        Stake::Unbond::SIGNATURE_HASH => {
            let event: Stake::Unbond = decode(log)?;
            let from = Some(event.delegate);
            match event.delegator == account {
                true => vec![
                    fewer(EntryKind::Unbonded, Bonded, event.amount, from),
                    more(EntryKind::Unbonded, Unbonding, event.amount, from),
                ],
                false => Vec::new(),
            }
        }
        Stake::Rebond::SIGNATURE_HASH => {
            let event: Stake::Rebond = decode(log)?;
            let to = Some(event.delegate);
            match event.delegator == account {
                true => vec![
                    fewer(EntryKind::Rebonded, Unbonding, event.amount, to),
                    more(EntryKind::Rebonded, Bonded, event.amount, to),
                ],
                false => Vec::new(),
            }
        }
        // A lock changes hands, between the Unbond of the one and the Rebond of the other.
        Stake::TransferBond::SIGNATURE_HASH => {
            let event: Stake::TransferBond = decode(log)?;
            let mut moved = Vec::new();
            if event.oldDelegator == account {
                let to = Some(event.newDelegator);
                moved.push(fewer(EntryKind::StakeTransferred, Unbonding, event.amount, to));
            }
            if event.newDelegator == account {
                let from = Some(event.oldDelegator);
                moved.push(more(EntryKind::StakeTransferred, Unbonding, event.amount, from));
            }
            moved
        }
        Stake::WithdrawStake::SIGNATURE_HASH => {
            let event: Stake::WithdrawStake = decode(log)?;
            match event.delegator == account {
                true => vec![fewer(EntryKind::StakeWithdrawn, Unbonding, event.amount, None)],
                false => Vec::new(),
            }
        }
        Stake::WithdrawFees::SIGNATURE_HASH => {
            let event: Stake::WithdrawFees = decode(log)?;
            let to = Some(event.recipient);
            let mut moved = Vec::new();
            if event.delegator == account {
                moved.push(fewer(EntryKind::FeesWithdrawn, Fees, event.amount, to));
                if event.recipient == account {
                    moved.push(more(
                        EntryKind::EthReceived,
                        WalletEth,
                        event.amount,
                        Some(log.address),
                    ));
                }
            }
            moved
        }
        Stake::EarningsClaimed::SIGNATURE_HASH => {
            let event: Stake::EarningsClaimed = decode(log)?;
            let from = Some(event.delegate);
            match event.delegator == account {
                true => vec![
                    more(EntryKind::RewardsSettled, Bonded, event.rewards, from),
                    more(EntryKind::FeesSettled, Fees, event.fees, from),
                ],
                false => Vec::new(),
            }
        }
        Stake::Reward::SIGNATURE_HASH => {
            let event: Stake::Reward = decode(log)?;
            match event.transcoder == account {
                true => vec![more(EntryKind::RewardMinted, PoolRewards, event.amount, None)],
                false => Vec::new(),
            }
        }
        _ => Vec::new(),
    };
    Ok(moved)
}

fn of_funds(topic: B256, log: &Kept, account: Address) -> Result<Vec<Movement>, ChainError> {
    use Book::{Deposit, PoolFees, Reserve, WalletEth};
    let moved = match topic {
        Funds::DepositFunded::SIGNATURE_HASH => {
            let event: Funds::DepositFunded = decode(log)?;
            match event.sender == account {
                true => vec![more(EntryKind::Funded, Deposit, event.amount, None)],
                false => Vec::new(),
            }
        }
        Funds::ReserveFunded::SIGNATURE_HASH => {
            let event: Funds::ReserveFunded = decode(log)?;
            match event.reserveHolder == account {
                true => vec![more(EntryKind::Funded, Reserve, event.amount, None)],
                false => Vec::new(),
            }
        }
        // What a ticket lacks in the deposit comes out of the reserve; the transfer below tells the whole.
        Funds::ReserveClaimed::SIGNATURE_HASH => {
            let event: Funds::ReserveClaimed = decode(log)?;
            let to = Some(event.claimant);
            match event.reserveHolder == account {
                true => vec![
                    fewer(EntryKind::ReserveClaimed, Reserve, event.amount, to),
                    more(EntryKind::ReserveClaimed, Deposit, event.amount, to),
                ],
                false => Vec::new(),
            }
        }
        Funds::Withdrawal::SIGNATURE_HASH => {
            let event: Funds::Withdrawal = decode(log)?;
            match event.sender == account {
                true => vec![
                    fewer(EntryKind::FundsWithdrawn, Deposit, event.deposit, None),
                    fewer(EntryKind::FundsWithdrawn, Reserve, event.reserve, None),
                    more(
                        EntryKind::EthReceived,
                        WalletEth,
                        event.deposit.saturating_add(event.reserve),
                        Some(log.address),
                    ),
                ],
                false => Vec::new(),
            }
        }
        TicketRedemption::WinningTicketTransfer::SIGNATURE_HASH => {
            let event: TicketRedemption::WinningTicketTransfer = decode(log)?;
            let mut moved = Vec::new();
            if event.sender == account {
                moved.push(fewer(
                    EntryKind::TicketSpent,
                    Deposit,
                    event.amount,
                    Some(event.recipient),
                ));
            }
            if event.recipient == account {
                moved.push(more(
                    EntryKind::TicketPaid,
                    PoolFees,
                    event.amount,
                    Some(event.sender),
                ));
            }
            moved
        }
        _ => Vec::new(),
    };
    Ok(moved)
}

fn of_token(topic: B256, log: &Kept, account: Address) -> Result<Vec<Movement>, ChainError> {
    if topic != Others::Transfer::SIGNATURE_HASH {
        return Ok(Vec::new());
    }
    let event: Others::Transfer = decode(log)?;
    let mut moved = Vec::new();
    if event.from == account {
        moved.push(fewer(
            EntryKind::LptSent,
            Book::WalletLpt,
            event.value,
            Some(event.to),
        ));
    }
    if event.to == account {
        moved.push(more(
            EntryKind::LptReceived,
            Book::WalletLpt,
            event.value,
            Some(event.from),
        ));
    }
    Ok(moved)
}

#[cfg(test)]
mod tests {
    use alloy::hex;

    use super::*;

    #[test]
    fn topics_are_those_of_the_deployed_contracts() {
        let topics = [
            (
                Stake::Bond::SIGNATURE_HASH,
                "e5917769f276ddca9f2ee7c6b0b33e1d1e1b61008010ce622c632dd20d168a23",
            ),
            (
                Stake::Unbond::SIGNATURE_HASH,
                "2d5d98d189bee5496a08db2a5948cb7e5e786f09d17d0c3f228eb41776c24a06",
            ),
            (
                Stake::Rebond::SIGNATURE_HASH,
                "9f5b64cc71e1e26ff178caaa7877a04d8ce66fde989251870e80e6fbee690c17",
            ),
            (
                Stake::TransferBond::SIGNATURE_HASH,
                "f136b986590e86cf1abd7b6600186a7a1178ad3cbbdf0f3312e79f6214a2a567",
            ),
            (
                Stake::WithdrawStake::SIGNATURE_HASH,
                "1340f1a8f3d456a649e1a12071dfa15655e3d09252131d0f980c3b405cc8dd2e",
            ),
            (
                Stake::WithdrawFees::SIGNATURE_HASH,
                "4f1b51dd7a2fcb861aa2670f668be66835c4ee12b4bbbf037e4d0018f39819e4",
            ),
            (
                Stake::EarningsClaimed::SIGNATURE_HASH,
                "d7eab0765b772ea6ea859d5633baf737502198012e930f257f90013d9b211094",
            ),
            (
                Stake::Reward::SIGNATURE_HASH,
                "619caafabdd75649b302ba8419e48cccf64f37f1983ac4727cfb38b57703ffc9",
            ),
            (
                Funds::DepositFunded::SIGNATURE_HASH,
                "5159e237d952190e68d5215430f305831be7c9c8776d1377c76679ae4773413f",
            ),
            (
                Funds::ReserveFunded::SIGNATURE_HASH,
                "b52b99b9e83551fcbd069b559cc3e823e2a1a3bad8ece46561ea77524394c850",
            ),
            (
                Funds::ReserveClaimed::SIGNATURE_HASH,
                "5c2b394723f408a40a60335e24b71829642e35f350cebe2036a96a66e895ea98",
            ),
            (
                Funds::Withdrawal::SIGNATURE_HASH,
                "df273cb619d95419a9cd0ec88123a0538c85064229baa6363788f743fff90deb",
            ),
            (
                Funds::Unlock::SIGNATURE_HASH,
                "f7870c5b224cbc19873599e46ccfc7103934650509b1af0c3ce90138377c2004",
            ),
            (
                Funds::UnlockCancelled::SIGNATURE_HASH,
                "fa044b7b93a40365dc68049797c2eb06918523d694e5d56e406cac3eb35578e5",
            ),
            (
                Others::ServiceURIUpdate::SIGNATURE_HASH,
                "fbb63068732c85741c9f8e61caffaabe038d577bfafd2d2dcc0e352a4f653a4c",
            ),
        ];
        for (topic, expected) in topics {
            assert_eq!(hex::encode(topic), expected);
        }
    }
}
