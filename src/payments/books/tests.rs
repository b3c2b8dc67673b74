use std::{fs, os::unix::fs::PermissionsExt};

use alloy::primitives::{Address, B256, TxHash, U256};

use super::*;
use crate::{
    payments::{
        amount::{Exact, Price},
        recipient::SeenNonce,
        ticket::WinningTicket,
    },
    units::{Round, Wei},
    wire::ticket::Ticket,
};

const GATEWAY: Address = Address::repeat_byte(1);

/// A ticket of its own for each number.
pub(super) fn winner(nonce: u32) -> WinningTicket {
    WinningTicket {
        ticket: Ticket {
            recipient: Address::repeat_byte(2),
            sender: GATEWAY,
            face_value: Wei::gwei(1000),
            win_prob: U256::MAX / U256::from(7),
            sender_nonce: nonce,
            recipient_rand_hash: B256::repeat_byte(3),
            creation_round: Round(10),
            creation_round_block_hash: B256::repeat_byte(4),
        },
        signature: [5; 65],
        recipient_rand: U256::from(6),
        params_expiration_block: 140,
    }
}

fn entry(nonce: u32, winners: Vec<WinningTicket>) -> Entry {
    Entry {
        sender: GATEWAY,
        session: "session".to_string(),
        credit: Exact::ratio(1.into(), 3.into()).unwrap(),
        price: Price::new(7, 2),
        nonces: vec![SeenNonce {
            rand_hash: B256::repeat_byte(3),
            nonce,
            expiration_block: 140,
        }],
        winners,
    }
}

fn open() -> (tempfile::TempDir, Books) {
    let folder = tempfile::tempdir().unwrap();
    let books = Books::open(&Books::path(folder.path())).unwrap();
    (folder, books)
}

/// Opens what is there anew, as another process would: what only memory had is not there.
fn again(folder: &tempfile::TempDir) -> Books {
    Books::open(&Books::path(folder.path())).unwrap()
}

#[tokio::test]
async fn everything_of_a_payment_is_there_after_a_restart() {
    let (folder, books) = open();
    let recorded = books.record(entry(1, vec![winner(1)])).await.unwrap();
    assert_eq!(recorded.new_winners, 1);
    let recorded = books.record(entry(2, vec![winner(1), winner(2)])).await.unwrap();
    assert_eq!(recorded.new_winners, 1, "the first one is known");
    let fee = Price::new(1, 9).unwrap().fee(1);
    let account = books.debit(GATEWAY, "session", fee, 1).await.unwrap();
    assert_eq!(account.balance.to_string(), "5/9");
    let secret = books.secret("recipient").await.unwrap();
    books.keep("a/2", "two").await.unwrap();
    books.keep("a/1", "one").await.unwrap();
    books.keep("b", "other").await.unwrap();
    drop(books);

    let books = again(&folder);
    assert_eq!(books.account(GATEWAY, "session"), Some(account));
    assert_eq!(books.account(GATEWAY, "session").unwrap().price, Price::new(7, 2));
    assert_eq!(books.account(GATEWAY, "another"), None);
    let nonces = books.restore().await.unwrap();
    assert_eq!(nonces.len(), 2);
    assert!(nonces.contains(&entry(2, Vec::new()).nonces[0]));
    assert_eq!(books.secret("recipient").await.unwrap(), secret);
    assert_ne!(books.secret("another").await.unwrap(), secret);
    let winners = books.winners(Filter::default()).await.unwrap();
    let tickets: Vec<_> = winners.iter().map(|winner| winner.ticket.clone()).collect();
    assert_eq!(tickets, [winner(2), winner(1)]);
    assert_eq!(winners[0].hash, winner(2).ticket.hash());
    let kept = books.kept_under("a/", 10).await.unwrap();
    let kept: Vec<_> = kept
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect();
    assert_eq!(kept, [("a/2", "two"), ("a/1", "one")]);
    assert_eq!(books.kept("b").await.unwrap().as_deref(), Some("other"));
    let tally = books.tally().await.unwrap();
    assert_eq!(tally.len(), 1);
    assert_eq!((tally[0].tickets, tally[0].winners, tally[0].pixels), (2, 2, 1));
    assert_eq!(tally[0].face_value, Wei::gwei(2000));
    let file = fs::metadata(Books::path(folder.path())).unwrap();
    assert_eq!(file.permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn many_at_once_lose_nothing() {
    let (folder, books) = open();
    let payments = (1..=500).map(|nonce| {
        let books = books.clone();
        tokio::spawn(async move { books.record(entry(nonce, vec![winner(nonce)])).await })
    });
    for payment in payments.collect::<Vec<_>>() {
        payment.await.unwrap().unwrap();
    }
    drop(books);
    let books = again(&folder);
    let account = books.account(GATEWAY, "session").unwrap();
    assert_eq!(account.balance.to_string(), "500/3");
    assert_eq!(books.restore().await.unwrap().len(), 500);
    assert_eq!(books.winner_totals().await.unwrap().pending, 500);
}

#[tokio::test]
async fn a_task_that_fails_takes_nobody_with_it() {
    let (_folder, books) = open();
    let unknown = B256::repeat_byte(9);
    let settled = [(unknown, Settlement::UsedElsewhere)];
    let (failed, recorded) = tokio::join!(books.settle(&settled), books.record(entry(1, vec![winner(1)])));
    assert_eq!(failed, Err(BooksError::Unknown(unknown)));
    assert!(recorded.is_ok());
    // All of a batch of tickets or none.
    let hash = winner(1).ticket.hash();
    let failed = books.begin(&[hash, unknown], 5).await;
    assert_eq!(failed, Err(BooksError::Unknown(unknown)));
    assert_eq!(
        books.winner(hash).await.unwrap().unwrap().state,
        WinnerState::Pending
    );
}

#[tokio::test]
async fn a_winner_is_redeemed_step_by_step() {
    let (folder, books) = open();
    let mut won = books.new_winners();
    assert!(books.keep_winner(winner(1)).await.unwrap());
    assert!(!books.keep_winner(winner(1)).await.unwrap());
    assert!(won.has_changed().unwrap());
    won.mark_unchanged();
    let hash = winner(1).ticket.hash();
    let state = async || books.winner(hash).await.unwrap().unwrap().state;
    let waiting = Waiting {
        reason: "gas_price".to_string(),
        message: "gas costs too much".to_string(),
        not_before: Some(77),
    };
    books.note(hash, waiting.clone()).await.unwrap();
    let noted = books.winner(hash).await.unwrap().unwrap();
    assert_eq!(
        (noted.state, noted.attempts, noted.waiting),
        (WinnerState::Pending, 1, Some(waiting))
    );

    books.begin(&[hash], 500).await.unwrap();
    assert_eq!(books.begin(&[hash], 500).await, Err(BooksError::NotPending(hash)));
    let tx = TxHash::repeat_byte(8);
    books.sent(&[hash], tx).await.unwrap();
    let in_flight = WinnerState::InFlight {
        tx: Some(tx),
        since_block: 500,
    };
    assert_eq!(state().await, in_flight);
    let pending = Filter {
        pending: true,
        ..Filter::default()
    };
    assert_eq!(books.winners(pending.clone()).await.unwrap().len(), 1);
    let paid = Settlement::Redeemed {
        tx,
        paid: Wei::gwei(900),
        block: 501,
        cost: Wei::gwei(3),
    };
    for _ in 0..2 {
        books.settle(&[(hash, paid.clone())]).await.unwrap();
    }
    assert!(matches!(state().await, WinnerState::Settled { settlement, .. } if settlement == paid));
    assert_eq!(books.winners(pending.clone()).await.unwrap(), []);
    let since = |block| Filter {
        settled_since_block: Some(block),
        ..Filter::default()
    };
    assert_eq!(books.winners(since(501)).await.unwrap().len(), 1);
    assert_eq!(books.winners(since(502)).await.unwrap().len(), 0);
    let totals = books.winner_totals().await.unwrap();
    assert_eq!((totals.redeemed, totals.redeemed_value), (1, Wei::gwei(900)));
    assert_eq!(books.sent(&[hash], tx).await, Err(BooksError::NotPending(hash)));

    // A reorganisation takes it back.
    books.reopen(hash).await.unwrap();
    assert_eq!(state().await, WinnerState::Pending);
    let lost = Settlement::Lost {
        reason: "too late".to_string(),
    };
    let over = Settlement::HandedOver {
        to: "redeemer.example".to_string(),
    };
    for settlement in [lost, over, Settlement::UsedElsewhere] {
        books.settle(&[(hash, settlement.clone())]).await.unwrap();
        let books = again(&folder);
        let found = books.winner(hash).await.unwrap().unwrap().state;
        assert!(matches!(found, WinnerState::Settled { settlement: found, .. } if found == settlement));
    }
    assert_eq!(books.winner_totals().await.unwrap().pending, 0);
}

/// Lets the file have so many pages more than it has; the disk is full after that.
async fn leave_pages(books: &Books, more: i64) {
    let left = books.write(move |batch| {
        let connection = batch.connection();
        let pages: i64 = connection.pragma_query_value(None, "page_count", |row| row.get(0))?;
        let most: i64 =
            connection.pragma_update_and_check(None, "max_page_count", pages + more, |row| row.get(0))?;
        assert_eq!(most, pages + more);
        Ok(())
    });
    left.await.unwrap();
}

#[tokio::test]
async fn on_a_full_disk_nothing_is_acknowledged_and_nothing_won_is_lost() {
    let (folder, books) = open();
    let third = entry(1, Vec::new()).credit;
    leave_pages(&books, 2).await;
    let mut written = 0;
    let mut refused = None;
    for nonce in 1..=2000 {
        match books.record(entry(nonce, vec![winner(nonce)])).await {
            Ok(_) => written += 1,
            Err(error) => {
                refused = Some((nonce, error));
                break;
            }
        }
    }
    let (nonce, error) = refused.expect("two pages are not enough for 2000 winners");
    assert_eq!(error, BooksError::Full);
    assert_eq!(books.trouble(), Some(BooksError::Full));
    let sum = |count: u32| (0..count).map(|_| third.clone()).sum::<Exact>();
    assert_eq!(books.account(GATEWAY, "session").unwrap().balance, sum(written));
    let known = |books: Books| async move {
        let hash = winner(nonce).ticket.hash();
        books.winner(hash).await.unwrap().is_some()
    };
    assert!(!known(books.clone()).await);
    // What was done is charged, written or not.
    let fee = Exact::from(Wei::gwei(5));
    for _ in 0..3 {
        let _ = books.debit(GATEWAY, "session", fee.clone(), 1).await;
    }
    let owed = books.account(GATEWAY, "session").unwrap().balance;
    assert_eq!(owed, sum(written) - Exact::from(Wei::gwei(15)));

    // There is room again: whatever is written next takes along what was left.
    leave_pages(&books, 1_000_000).await;
    books.keep("anything", "at all").await.unwrap();
    assert_eq!(books.trouble(), None);
    assert!(known(books.clone()).await);
    drop(books);
    let books = again(&folder);
    assert!(known(books.clone()).await);
    assert_eq!(books.account(GATEWAY, "session").unwrap().balance, owed);
    let tally = books.tally().await.unwrap();
    let balance = tally[0].credited.clone() - tally[0].charged.clone();
    let rounded = Exact::ratio(1.into(), 1_000_000.into()).unwrap();
    assert!(balance <= owed && owed < balance + rounded);
}

#[tokio::test]
async fn readers_see_what_is_written_and_write_nothing() {
    let (folder, books) = open();
    let path = Books::path(folder.path());
    let reader = Books::open_read_only(&path).unwrap();
    books.record(entry(1, vec![winner(1)])).await.unwrap();
    assert_eq!(reader.winner_totals().await.unwrap().pending, 1);
    assert_eq!(reader.keep("a", "b").await, Err(BooksError::ReadOnly));
    assert!(reader.is_read_only());
    let nowhere = folder.path().join("nothing");
    assert!(matches!(
        Books::open_read_only(&nowhere),
        Err(BooksError::Missing { .. })
    ));
    assert!(!nowhere.exists());
}

#[test]
fn what_is_not_ours_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = Books::path(folder.path());
    let text = "this is no database, but long enough to be taken for one at first sight ".repeat(50);
    fs::write(&path, &text).unwrap();
    assert!(matches!(Books::open(&path), Err(BooksError::Damaged { .. })));
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}

#[tokio::test]
async fn an_account_that_cannot_be_read_is_told() {
    let (folder, books) = open();
    books.record(entry(1, Vec::new())).await.unwrap();
    books
        .write(|batch| {
            let all = batch
                .connection()
                .execute("UPDATE accounts SET balance = 'lots'", []);
            Ok(all?)
        })
        .await
        .unwrap();
    drop(books);
    let opened = Books::open(&Books::path(folder.path()));
    assert!(matches!(opened, Err(BooksError::Damaged { .. })));
}
