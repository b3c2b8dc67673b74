//! What moved in and out of an account, line by line: the answer of `lpctl ledger export`.
//!
//! Each entry moves one amount in one book, with its sign. The entries of a book add up to the change of its balance,
//! to the last wei; what they do not explain is told, never hidden.

use std::ops::{Add, Sub};

use alloy::primitives::{Address, B256, I256, U256};
use jiff::Timestamp;
use serde::{Serialize, Serializer};

use super::chain::ReadAt;
use crate::units::{Lpt, Wei};

/// What is counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Book {
    /// ETH of the account itself.
    WalletEth,
    /// LPT of the account itself.
    WalletLpt,
    /// LPT bonded, rewards included as far as they are settled.
    Stake,
    /// LPT on its way back.
    Unbonding,
    /// ETH from tickets that can be withdrawn, as far as it is settled.
    Fees,
    /// ETH behind a gateway's tickets.
    Deposit,
    /// ETH set aside for orchestrators behind a gateway's deposit.
    Reserve,
    /// What an orchestrator's reward minted for itself and its delegators together. Not the account's own.
    PoolRewards,
    /// What tickets paid an orchestrator and its delegators together. Not the account's own.
    PoolFees,
}

impl Book {
    /// The books of an account's own money.
    pub const OWN: [Self; 7] = [
        Self::WalletEth,
        Self::WalletLpt,
        Self::Stake,
        Self::Unbonding,
        Self::Fees,
        Self::Deposit,
        Self::Reserve,
    ];

    /// Its name in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::WalletEth => "wallet_eth",
            Self::WalletLpt => "wallet_lpt",
            Self::Stake => "stake",
            Self::Unbonding => "unbonding",
            Self::Fees => "fees",
            Self::Deposit => "deposit",
            Self::Reserve => "reserve",
            Self::PoolRewards => "pool_rewards",
            Self::PoolFees => "pool_fees",
        }
    }

    /// The unit it is counted in.
    #[must_use]
    pub fn unit(self) -> &'static str {
        match self {
            Self::WalletLpt | Self::Stake | Self::Unbonding | Self::PoolRewards => "LPT",
            Self::WalletEth | Self::Fees | Self::Deposit | Self::Reserve | Self::PoolFees => "ETH",
        }
    }

    /// Whether it is the account's own money.
    #[must_use]
    pub fn is_own(self) -> bool {
        !matches!(self, Self::PoolRewards | Self::PoolFees)
    }
}

/// Why an amount moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// Paid for a transaction of the account, failed ones too.
    Gas,
    /// ETH that left with a transaction of the account.
    EthSent,
    /// ETH the protocol paid out to the account.
    EthReceived,
    /// LPT that left the account.
    LptSent,
    /// LPT that came to the account.
    LptReceived,
    /// Bonded.
    Bonded,
    /// Unbonded, on its way back.
    Unbonded,
    /// Bonded again while on its way back.
    Rebonded,
    /// Stake on its way back, taken out.
    StakeWithdrawn,
    /// Stake given to another account, or got from one.
    StakeTransferred,
    /// Rewards of past rounds, settled into the stake.
    RewardsSettled,
    /// Fees of past rounds, settled.
    FeesSettled,
    /// Fees, taken out.
    FeesWithdrawn,
    /// Reward of a round, for an orchestrator and its delegators.
    RewardMinted,
    /// A winning ticket, for an orchestrator and its delegators.
    TicketPaid,
    /// Paid into a gateway's deposit or reserve.
    Funded,
    /// A gateway's ticket that won.
    TicketSpent,
    /// Claimed from a gateway's reserve.
    ReserveClaimed,
    /// A gateway's deposit or reserve, taken out.
    FundsWithdrawn,
}

impl EntryKind {
    /// Its name in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Gas => "gas",
            Self::EthSent => "eth_sent",
            Self::EthReceived => "eth_received",
            Self::LptSent => "lpt_sent",
            Self::LptReceived => "lpt_received",
            Self::Bonded => "bonded",
            Self::Unbonded => "unbonded",
            Self::Rebonded => "rebonded",
            Self::StakeWithdrawn => "stake_withdrawn",
            Self::StakeTransferred => "stake_transferred",
            Self::RewardsSettled => "rewards_settled",
            Self::FeesSettled => "fees_settled",
            Self::FeesWithdrawn => "fees_withdrawn",
            Self::RewardMinted => "reward_minted",
            Self::TicketPaid => "ticket_paid",
            Self::Funded => "funded",
            Self::TicketSpent => "ticket_spent",
            Self::ReserveClaimed => "reserve_claimed",
            Self::FundsWithdrawn => "funds_withdrawn",
        }
    }
}

/// An amount with its sign, in the smallest unit; in JSON the exact decimal number of LPT or ETH.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Signed(pub I256);

impl Signed {
    /// So much more. An amount beyond any supply counts as the largest there is.
    #[must_use]
    pub fn plus(amount: U256) -> Self {
        Self(I256::try_from(amount).unwrap_or(I256::MAX))
    }

    /// So much less.
    #[must_use]
    pub fn minus(amount: U256) -> Self {
        Self(-Self::plus(amount).0)
    }

    /// Whether it is nothing.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.0.is_zero()
    }

    /// The exact decimal number, of eighteen places.
    #[must_use]
    pub fn decimal(self) -> String {
        let sign = if self.0.is_negative() { "-" } else { "" };
        format!("{sign}{}", Lpt(self.0.unsigned_abs()).decimal())
    }

    /// For screens, with its unit and sign.
    #[must_use]
    pub fn human(self, unit: &str) -> String {
        let amount = self.0.unsigned_abs();
        let text = match unit {
            "LPT" => Lpt(amount).human(),
            _ => Wei(amount).human(),
        };
        let sign = if self.0.is_negative() { "-" } else { "" };
        format!("{sign}{text}")
    }
}

/// At most the largest there is.
impl Add for Signed {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Signed {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Serialize for Signed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.decimal())
    }
}

/// One amount that moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LedgerEntry {
    /// The block's time.
    pub time: Timestamp,
    /// The block.
    pub block: u64,
    /// The transaction it moved in.
    pub transaction: B256,
    /// The event's place in the block; none for gas and ETH that went with a transaction.
    pub log_index: Option<u64>,
    /// Why it moved.
    pub kind: EntryKind,
    /// Where.
    pub book: Book,
    /// How much, in the book's unit: more or less.
    pub amount: Signed,
    /// `ETH` or `LPT`.
    pub unit: &'static str,
    /// Where it came from or went to.
    pub counterparty: Option<Address>,
}

/// A book over the time of the export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BookTotal {
    /// Which.
    pub book: Book,
    /// `ETH` or `LPT`.
    pub unit: &'static str,
    /// The balance before the first block; none where no endpoint keeps it.
    pub before: Option<Signed>,
    /// The balance after the last block; none where no endpoint keeps it.
    pub after: Option<Signed>,
    /// What the entries add up to.
    pub entries: Signed,
    /// What they do not explain; none where a balance is not known.
    pub unexplained: Option<Signed>,
}

/// All entries of an account in a range of blocks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ledger {
    /// The last block.
    #[serde(flatten)]
    pub at: ReadAt,
    /// Whose.
    pub account: Address,
    /// The first block.
    pub from_block: u64,
    /// The last block.
    pub to_block: u64,
    /// Transactions of the account in these blocks; none where no endpoint keeps the count.
    pub transactions: Option<u64>,
    /// Those of them that are in the entries.
    pub transactions_found: u64,
    /// The books, with what the entries explain.
    pub books: Vec<BookTotal>,
    /// In the order of the chain.
    pub entries: Vec<LedgerEntry>,
}

impl Ledger {
    /// Whether the entries explain every balance and hold every transaction; none where that is not known.
    #[must_use]
    pub fn is_whole(&self) -> Option<bool> {
        let all = self.transactions?;
        let mut explained = all == self.transactions_found;
        for book in &self.books {
            explained &= book.unexplained?.is_zero();
        }
        Some(explained)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_keep_their_sign_and_every_place() {
        let one = U256::from(10u64).pow(U256::from(18));
        assert_eq!(
            Signed::minus(one + U256::from(1)).decimal(),
            "-1.000000000000000001"
        );
        assert_eq!(Signed::plus(U256::ZERO).decimal(), "0");
        assert_eq!(Signed::plus(one) + Signed::minus(one), Signed::default());
        assert_eq!(Signed::plus(U256::MAX).0, I256::MAX);
        assert_eq!(Signed::minus(one).human("LPT"), "-1 LPT");
    }
}
