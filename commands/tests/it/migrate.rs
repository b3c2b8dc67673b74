//! `lpctl migrate import` on a data folder as go-livepeer leaves it.

use std::{fs, path::Path};

use alloy::{
    primitives::{Address, B256, U256},
    signers::local::PrivateKeySigner,
};
use engine::{
    payments::WinningTicket,
    secret::Password,
    units::{Round, Wei},
    wallet::{KeystoreDir, v3::Strength},
    wire::{
        signature::{LocalSigner, MessageSigner},
        ticket::{Ticket, rand_hash},
    },
};
use rusqlite::{Connection, params};

use crate::{environment::Environment, run::Node};

/// The tables of `go-livepeer common/db.go`, version 1.
const TABLES: &str = "
CREATE TABLE kv (key STRING PRIMARY KEY, value STRING, updatedAt STRING DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE orchestrators (
    ethereumAddr STRING PRIMARY KEY, createdAt STRING DEFAULT CURRENT_TIMESTAMP NOT NULL,
    updatedAt STRING DEFAULT CURRENT_TIMESTAMP NOT NULL, serviceURI STRING, pricePerPixel int64, activationRound int64,
    deactivationRound int64, stake int64
);
CREATE TABLE unbondingLocks (
    createdAt STRING DEFAULT CURRENT_TIMESTAMP, id INTEGER NOT NULL, delegator STRING, amount TEXT, withdrawRound int64,
    usedBlock int64, PRIMARY KEY (id, delegator)
);
CREATE INDEX idx_unbondinglocks_usedblock ON unbondingLocks(usedBlock);
CREATE TABLE ticketQueue (
    createdAt DATETIME DEFAULT CURRENT_TIMESTAMP, sender STRING, recipient STRING, faceValue BLOB, winProb BLOB,
    senderNonce INTEGER, recipientRand BLOB, recipientRandHash STRING, sig BLOB PRIMARY KEY, creationRound int64,
    creationRoundBlockHash STRING, paramsExpirationBlock int64, redeemedAt DATETIME, txHash STRING
);
CREATE INDEX idx_ticketqueue_sender ON ticketQueue(sender);
CREATE TABLE blockheaders (number int64, parent STRING, hash STRING PRIMARY KEY, logs BLOB);
CREATE INDEX idx_blockheaders_number ON blockheaders(number);
INSERT INTO kv (key, value) VALUES ('dbVersion', '1'), ('chainID', '42161');
";

fn ticket(nonce: u32, sender: &LocalSigner, recipient: Address) -> WinningTicket {
    let recipient_rand = U256::from(77);
    let ticket = Ticket {
        recipient,
        sender: sender.address(),
        face_value: Wei::gwei(1000),
        win_prob: U256::MAX,
        sender_nonce: nonce,
        recipient_rand_hash: rand_hash(recipient_rand),
        creation_round: Round(3400),
        creation_round_block_hash: B256::repeat_byte(4),
    };
    WinningTicket {
        signature: sender.sign(&ticket.message()).try_into().unwrap(),
        ticket,
        recipient_rand,
        params_expiration_block: 19_000_040,
    }
}

/// A data folder of go-livepeer with a key and these tickets, the first of them redeemed.
pub fn data_folder(folder: &Path, key: &PrivateKeySigner, tickets: &[WinningTicket]) {
    let keystore = KeystoreDir::open(folder.join("keystore"));
    let password = Password::new("open sesame".to_string());
    keystore.add(key, &password, None, Strength::Light).unwrap();
    let database = Connection::open(folder.join("lpdb.sqlite3")).unwrap();
    database.execute_batch(TABLES).unwrap();
    for (index, winner) in tickets.iter().enumerate() {
        let ticket = &winner.ticket;
        let redeemed = (index == 0).then_some("2024-01-01 00:00:00");
        database
            .execute(
                "INSERT INTO ticketQueue (sender, recipient, faceValue, winProb, senderNonce, recipientRand,
                 recipientRandHash, sig, creationRound, creationRoundBlockHash, paramsExpirationBlock, redeemedAt, txHash)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
                params![
                    ticket.sender.to_checksum(None),
                    ticket.recipient.to_checksum(None),
                    ticket.face_value.0.to_be_bytes_trimmed_vec(),
                    ticket.win_prob.to_be_bytes_trimmed_vec(),
                    ticket.sender_nonce,
                    winner.recipient_rand.to_be_bytes_trimmed_vec(),
                    ticket.recipient_rand_hash.to_string(),
                    winner.signature,
                    i64::try_from(ticket.creation_round.0).unwrap(),
                    ticket.creation_round_block_hash.to_string(),
                    i64::try_from(winner.params_expiration_block).unwrap(),
                    redeemed,
                    redeemed.map(|_| B256::repeat_byte(8).to_string()),
                ],
            )
            .unwrap();
    }
}

#[test]
fn keys_and_every_unredeemed_ticket_come_over_once() {
    let environment = Environment::new();
    let source = environment.home().join("lpData");
    let (key, sender) = (
        PrivateKeySigner::random(),
        LocalSigner(PrivateKeySigner::random()),
    );
    let tickets: Vec<_> = (1..=4)
        .map(|nonce| ticket(nonce, &sender, key.address()))
        .collect();
    data_folder(&source, &key, &tickets);
    let before = fs::read(source.join("lpdb.sqlite3")).unwrap();
    let import = |more: &[&str]| {
        let arguments = [&["--json", "migrate", "import", "lpData"], more].concat();
        environment.lpctl(&arguments)
    };
    let fates = |of: &serde_json::Value| -> Vec<String> {
        let fate = |one: &serde_json::Value| one["fate"].as_str().unwrap().to_string();
        of.as_array().unwrap().iter().map(fate).collect()
    };

    let told = import(&["--dry-run"]).expect_code(0).data();
    assert_eq!(fates(&told["tickets"]), ["imported"; 3]);
    assert_eq!(fates(&told["keys"]), ["imported"]);
    let share = environment.home().join(".local/share/lpctl");
    assert!(!share.join("node").exists() && !share.join("keystore").exists());

    let told = import(&[]).expect_code(0).data();
    assert_eq!(fates(&told["tickets"]), ["imported"; 3]);
    assert_eq!(
        (&told["chain_id"], &told["tickets_redeemed"]),
        (&42161.into(), &1.into())
    );
    let hashes: Vec<serde_json::Value> = told["tickets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["hash"].clone())
        .collect();
    let expected: Vec<serde_json::Value> = tickets[1..]
        .iter()
        .map(|one| one.ticket.hash().to_string().into())
        .collect();
    assert_eq!(hashes, expected);
    let accounts = environment
        .lpctl(&["--json", "account", "list"])
        .expect_code(0)
        .data();
    assert!(
        accounts.to_string().contains(&key.address().to_checksum(None)),
        "{accounts}"
    );

    let told = import(&[]).expect_code(0).data();
    assert_eq!(fates(&told["tickets"]), ["known"; 3]);
    assert_eq!(fates(&told["keys"]), ["known"]);
    let shown = environment
        .lpctl(&["migrate", "import", "lpData"])
        .expect_code(0)
        .stdout;
    assert!(
        shown.contains("0 keys and 0 tickets taken over; 3 unredeemed tickets"),
        "{shown}"
    );
    assert_eq!(fs::read(source.join("lpdb.sqlite3")).unwrap(), before);
}

#[test]
fn what_does_not_fit_changes_nothing() {
    let environment = Environment::new();
    let refused = |arguments: &[&str], code: i32, name: &str| {
        let arguments = [&["--json", "migrate", "import", "lpData"], arguments].concat();
        let error = environment.lpctl(&arguments).expect_code(code).error();
        assert_eq!(error["code"], name, "{error}");
    };
    refused(&[], 3, "no_lpdb");
    let source = environment.home().join("lpData");
    data_folder(&source, &PrivateKeySigner::random(), &[]);
    environment.write_config(&format!(
        "[profiles.other]\nnetwork = \"devnet\"\nchain_id = 31337\ncontroller = \"{}\"\n",
        Address::repeat_byte(1)
    ));
    refused(&["--profile", "other"], 3, "other_network");
    // A node holds its books.
    let _node = Node::start(&environment, &["--offchain"]);
    refused(&[], 1, "data_dir_taken");
}
