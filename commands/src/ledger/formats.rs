//! A ledger as other programs read it: CSV and Beancount. Amounts are exact decimals of ETH and LPT.

use std::{collections::BTreeMap, fmt::Write as _};

use engine::view::ledger::{Book, EntryKind, Ledger, LedgerEntry, Signed};
use jiff::{Timestamp, civil::Date, tz::TimeZone};

/// The column names.
const HEADER: &str = "time,block,transaction,log_index,kind,book,amount,unit,counterparty\n";

/// One line an entry. No field needs quotes: all are numbers, names of ours and hashes.
pub(super) fn csv(ledger: &Ledger) -> String {
    let mut text = HEADER.to_string();
    for entry in &ledger.entries {
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{},{},{},{},{},{},{},{},{}",
            entry.time,
            entry.block,
            entry.transaction,
            entry.log_index.map(|index| index.to_string()).unwrap_or_default(),
            entry.kind.name(),
            entry.book.name(),
            entry.amount.decimal(),
            entry.unit,
            entry
                .counterparty
                .map(|account| account.to_string())
                .unwrap_or_default(),
        );
    }
    text
}

/// Where what an entry moves in a book comes from or goes to, if it is no other book of the account.
fn other_side(kind: EntryKind) -> Option<&'static str> {
    match kind {
        EntryKind::Gas => Some("Expenses:Livepeer:Gas"),
        EntryKind::RewardsSettled => Some("Income:Livepeer:Rewards"),
        EntryKind::FeesSettled => Some("Income:Livepeer:Fees"),
        EntryKind::TicketSpent => Some("Expenses:Livepeer:Tickets"),
        _ => None,
    }
}

/// What a transaction moves that is in no book of the account on the other side.
const ELSEWHERE: &str = "Equity:Livepeer:Transfers";

fn account_of(book: Book) -> &'static str {
    match book {
        Book::WalletEth | Book::WalletLpt => "Assets:Livepeer:Wallet",
        Book::Stake => "Assets:Livepeer:Stake",
        Book::Unbonding => "Assets:Livepeer:Unbonding",
        Book::Fees => "Assets:Livepeer:Fees",
        Book::Deposit => "Assets:Livepeer:Deposit",
        Book::Reserve => "Assets:Livepeer:Reserve",
        Book::PoolRewards | Book::PoolFees => ELSEWHERE,
    }
}

fn day(time: Timestamp) -> Date {
    time.to_zoned(TimeZone::UTC).date()
}

/// One entry of Beancount for each transaction, balanced in each currency.
pub(super) fn beancount(ledger: &Ledger) -> String {
    let mut text = format!(
        "; {} on {}, blocks {} to {}\n",
        ledger.account, ledger.at.network, ledger.from_block, ledger.to_block
    );
    let own: Vec<&LedgerEntry> = ledger
        .entries
        .iter()
        .filter(|entry| entry.book.is_own())
        .collect();
    let Some(first) = own.first() else {
        return text;
    };
    let mut accounts: Vec<&str> = Book::OWN.into_iter().map(account_of).collect();
    accounts.extend([
        "Expenses:Livepeer:Gas",
        "Expenses:Livepeer:Tickets",
        "Income:Livepeer:Fees",
        "Income:Livepeer:Rewards",
        ELSEWHERE,
    ]);
    accounts.sort_unstable();
    accounts.dedup();
    for account in accounts {
        let _ = writeln!(text, "{} open {account}", day(first.time));
    }
    let mut begin = 0;
    while let Some(entry) = own.get(begin) {
        let count = own[begin..]
            .iter()
            .take_while(|other| other.transaction == entry.transaction)
            .count();
        transaction(&mut text, &own[begin..begin + count]);
        begin += count.max(1);
    }
    text
}

fn transaction(text: &mut String, entries: &[&LedgerEntry]) {
    let Some(first) = entries.first() else {
        return;
    };
    let mut kinds: Vec<&str> = entries
        .iter()
        .filter(|entry| entry.kind != EntryKind::Gas || entries.len() == 1)
        .map(|entry| entry.kind.name())
        .collect();
    kinds.dedup();
    let _ = writeln!(text, "\n{} * \"{}\"", day(first.time), kinds.join(", "));
    let _ = writeln!(text, "  time: \"{}\"", first.time);
    let _ = writeln!(text, "  transaction: \"{}\"", first.transaction);
    let mut left: BTreeMap<&str, Signed> = BTreeMap::new();
    let mut post = |account: &str, amount: Signed, unit: &'static str| {
        let _ = writeln!(text, "  {account}  {} {unit}", amount.decimal());
        let sum = left.entry(unit).or_default();
        *sum = *sum + amount;
    };
    for entry in entries {
        post(account_of(entry.book), entry.amount, entry.unit);
        if let Some(other) = other_side(entry.kind) {
            post(other, Signed::default() - entry.amount, entry.unit);
        }
    }
    for (unit, sum) in left.into_iter().filter(|(_, sum)| !sum.is_zero()) {
        let _ = writeln!(
            text,
            "  {ELSEWHERE}  {} {unit}",
            (Signed::default() - sum).decimal()
        );
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{Address, B256, U256};
    use engine::view::chain::ReadAt;

    use super::*;

    fn ledger() -> Ledger {
        let entry = |transaction: u8, kind, book: Book, amount: i64| {
            let size = U256::from(amount.unsigned_abs());
            LedgerEntry {
                time: Timestamp::from_second(1_800_000_000).unwrap(),
                block: 7,
                transaction: B256::repeat_byte(transaction),
                log_index: (kind != EntryKind::Gas).then_some(3),
                kind,
                book,
                amount: if amount < 0 {
                    Signed::minus(size)
                } else {
                    Signed::plus(size)
                },
                unit: book.unit(),
                counterparty: (kind == EntryKind::LptSent).then(|| Address::repeat_byte(9)),
            }
        };
        Ledger {
            at: ReadAt {
                network: "devnet".into(),
                chain_id: 31_337,
                block: 8,
                time: Timestamp::UNIX_EPOCH,
            },
            account: Address::repeat_byte(1),
            from_block: 1,
            to_block: 8,
            transactions: Some(2),
            transactions_found: 2,
            books: Vec::new(),
            entries: vec![
                entry(1, EntryKind::Gas, Book::WalletEth, -21),
                entry(1, EntryKind::RewardsSettled, Book::Stake, 5),
                entry(1, EntryKind::LptSent, Book::WalletLpt, -100),
                entry(1, EntryKind::Bonded, Book::Stake, 100),
                entry(1, EntryKind::RewardMinted, Book::PoolRewards, 50),
                entry(2, EntryKind::LptSent, Book::WalletLpt, -7),
            ],
        }
    }

    #[test]
    fn lines_are_exact() {
        insta::assert_snapshot!(csv(&ledger()), @r"
        time,block,transaction,log_index,kind,book,amount,unit,counterparty
        2027-01-15T08:00:00Z,7,0x0101010101010101010101010101010101010101010101010101010101010101,,gas,wallet_eth,-0.000000000000000021,ETH,
        2027-01-15T08:00:00Z,7,0x0101010101010101010101010101010101010101010101010101010101010101,3,rewards_settled,stake,0.000000000000000005,LPT,
        2027-01-15T08:00:00Z,7,0x0101010101010101010101010101010101010101010101010101010101010101,3,lpt_sent,wallet_lpt,-0.0000000000000001,LPT,0x0909090909090909090909090909090909090909
        2027-01-15T08:00:00Z,7,0x0101010101010101010101010101010101010101010101010101010101010101,3,bonded,stake,0.0000000000000001,LPT,
        2027-01-15T08:00:00Z,7,0x0101010101010101010101010101010101010101010101010101010101010101,3,reward_minted,pool_rewards,0.00000000000000005,LPT,
        2027-01-15T08:00:00Z,7,0x0202020202020202020202020202020202020202020202020202020202020202,3,lpt_sent,wallet_lpt,-0.000000000000000007,LPT,0x0909090909090909090909090909090909090909
        ");
    }

    #[test]
    fn every_transaction_balances() {
        let text = beancount(&ledger());
        insta::assert_snapshot!(text, @r#"
        ; 0x0101010101010101010101010101010101010101 on devnet, blocks 1 to 8
        2027-01-15 open Assets:Livepeer:Deposit
        2027-01-15 open Assets:Livepeer:Fees
        2027-01-15 open Assets:Livepeer:Reserve
        2027-01-15 open Assets:Livepeer:Stake
        2027-01-15 open Assets:Livepeer:Unbonding
        2027-01-15 open Assets:Livepeer:Wallet
        2027-01-15 open Equity:Livepeer:Transfers
        2027-01-15 open Expenses:Livepeer:Gas
        2027-01-15 open Expenses:Livepeer:Tickets
        2027-01-15 open Income:Livepeer:Fees
        2027-01-15 open Income:Livepeer:Rewards

        2027-01-15 * "rewards_settled, lpt_sent, bonded"
          time: "2027-01-15T08:00:00Z"
          transaction: "0x0101010101010101010101010101010101010101010101010101010101010101"
          Assets:Livepeer:Wallet  -0.000000000000000021 ETH
          Expenses:Livepeer:Gas  0.000000000000000021 ETH
          Assets:Livepeer:Stake  0.000000000000000005 LPT
          Income:Livepeer:Rewards  -0.000000000000000005 LPT
          Assets:Livepeer:Wallet  -0.0000000000000001 LPT
          Assets:Livepeer:Stake  0.0000000000000001 LPT

        2027-01-15 * "lpt_sent"
          time: "2027-01-15T08:00:00Z"
          transaction: "0x0202020202020202020202020202020202020202020202020202020202020202"
          Assets:Livepeer:Wallet  -0.000000000000000007 LPT
          Equity:Livepeer:Transfers  0.000000000000000007 LPT
        "#);
    }
}
