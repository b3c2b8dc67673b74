//! The books against the real thing: processes that are killed, and files of every version.

use std::{
    collections::HashSet,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Stdio},
};

use alloy::primitives::{Address, B256, U256};
use engine::{
    payments::{
        Books, Exact, Price, SeenNonce, WinningTicket,
        books::{Entry, Filter, Settlement, WinnerState},
    },
    units::{Round, Wei},
    wire::ticket::Ticket,
};

/// Where the child of the kill test writes; it does nothing without.
const FOLDER: &str = "LPCTL_TEST_BOOKS";
const GATEWAY: Address = Address::repeat_byte(1);

fn winner(nonce: u32) -> WinningTicket {
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

fn entry(nonce: u32) -> Entry {
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
        winners: vec![winner(nonce)],
    }
}

/// The child: writes as fast as it can and tells each payment that was acknowledged, until it is killed.
#[test]
#[ignore = "a part of what_was_acknowledged_outlives_kill_9, which starts it"]
fn keeps_books_until_it_is_killed() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let books = Books::open(&Books::path(Path::new(&folder))).unwrap();
    runtime.block_on(async {
        let known = books.restore().await.unwrap();
        let first = known.iter().map(|seen| seen.nonce).max().unwrap_or(0) + 1;
        let clients = (0..8).map(|client| {
            let books = books.clone();
            tokio::spawn(async move {
                for nonce in (first + client..).step_by(8) {
                    books.record(entry(nonce)).await.unwrap();
                    let told = writeln!(std::io::stdout(), "acknowledged {nonce}");
                    told.unwrap();
                }
            })
        });
        for client in clients.collect::<Vec<_>>() {
            client.await.unwrap();
        }
    });
}

#[tokio::test]
async fn what_was_acknowledged_outlives_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged = HashSet::new();
    for run in 0..5_usize {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "books::keeps_books_until_it_is_killed",
                "--ignored",
                "--nocapture",
            ])
            .env(FOLDER, folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap())
            .lines()
            .map_while(Result::ok);
        let read = |line: String| Some(line.strip_prefix("acknowledged ")?.parse::<u32>().unwrap());
        // Killed in the middle of the work, after another part of it each time.
        let before = acknowledged.len();
        while acknowledged.len() < before + 50 + 97 * run {
            let line = lines.next().expect("the child works until it is killed");
            acknowledged.extend(read(line));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        acknowledged.extend(lines.filter_map(read));
    }

    let books = Books::open(&Books::path(folder.path())).unwrap();
    let kept: HashSet<u32> = books
        .restore()
        .await
        .unwrap()
        .iter()
        .map(|seen| seen.nonce)
        .collect();
    let lost: Vec<_> = acknowledged.difference(&kept).collect();
    assert!(lost.is_empty(), "{} of {} lost", lost.len(), acknowledged.len());
    // A payment is there whole or not at all.
    let all = Filter {
        limit: usize::MAX,
        ..Filter::default()
    };
    let winners = books.winners(all).await.unwrap();
    let won: HashSet<u32> = winners
        .iter()
        .map(|winner| winner.ticket.ticket.sender_nonce)
        .collect();
    assert_eq!(won, kept);
    let credit = Exact::ratio(kept.len().into(), 3.into()).unwrap();
    assert_eq!(books.account(GATEWAY, "session").unwrap().balance, credit);
}

/// Files of each version, as SQL with its origin: what a lpctl of that version had written, every kind of row once.
const VERSIONS: [&str; 1] = [include_str!("books/version-1.sql")];

#[tokio::test]
async fn books_of_every_version_are_read() {
    for (index, sql) in VERSIONS.iter().enumerate() {
        let version = i64::try_from(index + 1).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = Books::path(folder.path());
        let file = rusqlite::Connection::open(&path).unwrap();
        file.execute_batch(sql).unwrap();
        file.pragma_update(None, "user_version", version).unwrap();
        drop(file);

        let books = Books::open(&path).unwrap();
        let account = books.account(GATEWAY, "deadbeef").unwrap();
        assert_eq!(account.balance.to_string(), "22/7", "version {version}");
        assert_eq!(account.price, Price::new(7, 2));
        assert_eq!(books.restore().await.unwrap(), entry(9).nonces);
        assert_eq!(books.secret("recipient").await.unwrap(), [0x11; 32]);
        assert_eq!(
            books.kept("watch.checkpoint").await.unwrap().as_deref(),
            Some("77:0x00")
        );
        let tally = &books.tally().await.unwrap()[0];
        assert_eq!((tally.tickets, tally.winners, tally.pixels), (2, 1, 1_000_000));
        assert_eq!(tally.credited, Exact::ratio(5.into(), 2.into()).unwrap());
        let pending = books.winner(winner(9).ticket.hash()).await.unwrap().unwrap();
        assert_eq!((pending.ticket, pending.state), (winner(9), WinnerState::Pending));
        assert_eq!(pending.waiting.unwrap().reason, "gas_price");
        let redeemed = books.winner(winner(8).ticket.hash()).await.unwrap().unwrap();
        let paid = Settlement::Redeemed {
            tx: B256::repeat_byte(8),
            paid: Wei::gwei(900),
            block: 501,
            cost: Wei::gwei(3),
        };
        assert!(matches!(redeemed.state, WinnerState::Settled { settlement, .. } if settlement == paid));
        // And written.
        books.record(entry(10)).await.unwrap();
    }
}

/// The tables of the newest version, as SQLite tells them.
#[test]
fn the_newest_version_has_a_file() {
    let tables = |path: &Path| {
        let file = rusqlite::Connection::open(path).unwrap();
        let mut statement = file
            .prepare("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name")
            .unwrap();
        let read = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
        read.unwrap()
            .collect::<Result<Vec<(String, String)>, _>>()
            .unwrap()
    };
    let folder = tempfile::tempdir().unwrap();
    let new = Books::path(folder.path());
    drop(Books::open(&new).unwrap());
    let old = folder.path().join("old");
    let file = rusqlite::Connection::open(&old).unwrap();
    file.execute_batch(VERSIONS.last().unwrap()).unwrap();
    drop(file);
    let plain = |tables: Vec<(String, String)>| -> Vec<String> {
        let one_line = |sql: &str| sql.split_whitespace().collect::<Vec<_>>().join(" ");
        tables
            .iter()
            .map(|(name, sql)| format!("{name}: {}", one_line(sql)))
            .collect()
    };
    assert_eq!(plain(tables(&new)), plain(tables(&old)));
}
