//! `lpctl ticket`: beside books and a real chain.

use alloy::{
    network::TransactionBuilder as _,
    primitives::{B256, U256, keccak256},
    providers::Provider as _,
    rpc::types::TransactionRequest,
    signers::SignerSync as _,
};
use engine::{
    devnet::Parameters,
    payments::{Books, WinningTicket},
    units::{Round, Wei},
    wire::ticket::Ticket,
};

use crate::{migrate, operator::Operator};

/// A thousandth of an ETH.
fn finney(count: u64) -> Wei {
    Wei::gwei(count * 1_000_000)
}

impl Operator {
    /// An orchestrator in its first active round.
    pub async fn active(&self) {
        self.active_with("50").await;
    }

    /// The same with so much LPT bonded. Which round it is.
    pub async fn active_with(&self, bond: &str) -> u64 {
        let activate = [
            "orch",
            "activate",
            "--bond",
            bond,
            "--reward-cut",
            "10",
            "--fee-share",
            "40",
            "--service-uri",
            "https://127.0.0.1:8935",
            "-y",
        ];
        self.lpctl(&activate).expect_code(0);
        self.devnet.next_round().await
    }

    /// Has the gateway pay in.
    pub async fn gateway_deposits(&self, deposit: Wei) {
        let selector = keccak256("fundDeposit()");
        let request = TransactionRequest::default()
            .with_from(self.devnet.accounts.gateway.address())
            .with_to(self.devnet.contracts.ticket_broker)
            .with_value(deposit.0)
            .with_input(selector[..4].to_vec())
            .with_gas_limit(500_000);
        let sent = self.devnet.provider().send_transaction(request).await.unwrap();
        assert!(sent.get_receipt().await.unwrap().status());
    }

    /// A ticket of this round that wins, with parameters that expire at `expires`.
    pub async fn winning_ticket(&self, nonce: u32, face_value: Wei, expires: u64) -> WinningTicket {
        let rounds = self.devnet.contracts.rounds_manager;
        let round = self.word(rounds, "currentRound()", None).await;
        let block_hash = self.word(rounds, "blockHashForRound(uint256)", Some(round)).await;
        let recipient_rand = U256::from(nonce);
        let ticket = Ticket {
            recipient: self.orchestrator(),
            sender: self.devnet.accounts.gateway.address(),
            face_value,
            win_prob: U256::MAX,
            sender_nonce: nonce,
            recipient_rand_hash: keccak256(recipient_rand.to_be_bytes::<32>()),
            creation_round: Round(round.to()),
            creation_round_block_hash: B256::from(block_hash),
        };
        let signature = self
            .devnet
            .accounts
            .gateway
            .sign_hash_sync(&ticket.digest())
            .unwrap();
        WinningTicket {
            ticket,
            signature: signature.as_bytes(),
            recipient_rand,
            params_expiration_block: expires,
        }
    }

    /// Asks a contract directly: the first word of its answer.
    pub async fn word(
        &self,
        contract: alloy::primitives::Address,
        signature: &str,
        argument: Option<U256>,
    ) -> U256 {
        let mut data = keccak256(signature)[..4].to_vec();
        if let Some(argument) = argument {
            data.extend_from_slice(&argument.to_be_bytes::<32>());
        }
        let call = TransactionRequest::default().to(contract).input(data.into());
        U256::from_be_slice(&self.devnet.provider().call(call).await.unwrap())
    }

    /// The books of this home's node.
    pub fn books(&self) -> Books {
        let folder = self.environment.home().join(".local/share/lpctl/node");
        std::fs::create_dir_all(&folder).unwrap();
        Books::open(&Books::path(&folder)).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tickets_are_listed_redeemed_and_counted_beside_open_books() {
    let operator = Operator::new().await;
    operator.active().await;
    operator.gateway_deposits(Wei::ether(5)).await;
    let block = operator.devnet.provider().get_block_number().await.unwrap();
    let books = operator.books();
    let (ready, live) = (
        operator.winning_ticket(1, finney(250), 0).await,
        operator.winning_ticket(2, finney(100), block + 1_000).await,
    );
    for won in [&ready, &live] {
        assert!(books.keep_winner(won.clone()).await.unwrap());
    }
    let hash = ready.ticket.hash().to_string();

    let list = operator
        .lpctl(&["ticket", "list", "--json"])
        .expect_code(0)
        .data();
    let tickets = list["tickets"].as_array().unwrap();
    assert_eq!(list["waiting_value_wei"], finney(350).0.to_string());
    let of = |hash: B256| {
        tickets
            .iter()
            .find(|ticket| ticket["hash"] == hash.to_string())
            .unwrap()
    };
    assert_eq!(of(ready.ticket.hash())["wait"]["code"], "ready");
    assert_eq!(of(live.ticket.hash())["wait"]["code"], "parameters_live");
    assert!(of(ready.ticket.hash())["window"]["blocks_left"].as_u64().unwrap() > 0);
    let text = operator.lpctl(&["ticket", "list"]).expect_code(0).stdout;
    assert!(
        text.contains("0.25 ETH") && text.contains("its parameters are in use"),
        "{text}"
    );

    let before = operator.nonce().await;
    let dry = operator
        .lpctl(&["ticket", "redeem", "--all", "--dry-run"])
        .expect_code(0);
    assert!(dry.stdout.contains("Dry run"), "{dry:?}");
    assert_eq!(operator.nonce().await, before);
    // Never before its parameters have expired.
    let early = operator
        .lpctl(&[
            "ticket",
            "redeem",
            &live.ticket.hash().to_string(),
            "-y",
            "--json",
        ])
        .expect_code(4);
    assert_eq!(early.error()["code"], "parameters_live");

    let paid = operator
        .lpctl(&["ticket", "redeem", "--all", "-y", "--json"])
        .expect_code(0)
        .data();
    assert_eq!(paid["paid_wei"], finney(250).0.to_string());
    assert_eq!(paid["tickets"][0]["status"], "redeemed");
    assert_eq!(operator.nonce().await, before + 1);

    let shown = operator
        .lpctl(&["ticket", "show", &hash, "--json"])
        .expect_code(0)
        .data();
    assert_eq!(shown["transaction"], paid["tickets"][0]["transaction"]);
    assert!(shown.get("recipient_rand").is_none());
    let stats = operator
        .lpctl(&["ticket", "stats", "--json"])
        .expect_code(0)
        .data();
    assert_eq!(
        (&stats["redeemed"]["count"], &stats["waiting"]["count"]),
        (&1.into(), &1.into())
    );
    assert_eq!(stats["paid_wei"], finney(250).0.to_string());
    let again = operator
        .lpctl(&["ticket", "redeem", &hash, "-y", "--json"])
        .expect_code(4);
    assert_eq!(again.error()["code"], "ticket_used");
    let none = operator
        .lpctl(&["ticket", "redeem", "--all", "-y", "--json"])
        .expect_code(4);
    assert_eq!(none.error()["code"], "no_ticket");
}

/// The rows about tickets, and the one about a round that mints nothing.
#[tokio::test(flavor = "multi_thread")]
async fn tickets_that_pay_nothing_now_are_refused_with_why_and_until_when() {
    let parameters = Parameters {
        inflation: 0,
        inflation_change: 0,
        ..Parameters::with_round_length(60)
    };
    let operator = Operator::on(testbed::devnet_with(parameters).await);
    operator.active().await;
    operator.warned(
        "reward call",
        "nothing_to_mint",
        "mints nothing",
        "costs gas and brings nothing",
    );
    let block = operator.devnet.provider().get_block_number().await.unwrap();
    let old = operator.winning_ticket(1, finney(900), 0).await;
    let live = operator.winning_ticket(2, finney(100), block + 1_000).await;
    let tiny = operator.winning_ticket(3, Wei::gwei(1), 0).await;
    let paid = operator.winning_ticket(4, finney(200), 0).await;
    // To an account that is no orchestrator.
    let mut astray = operator.winning_ticket(5, finney(100), 0).await;
    astray.ticket.recipient = operator.devnet.accounts.delegator.address();
    let digest = astray.ticket.digest();
    astray.signature = operator
        .devnet
        .accounts
        .gateway
        .sign_hash_sync(&digest)
        .unwrap()
        .as_bytes();
    let books = operator.books();
    for won in [&old, &live, &tiny, &paid, &astray] {
        assert!(books.keep_winner(won.clone()).await.unwrap());
    }
    let redeem = |won: &WinningTicket| format!("ticket redeem {}", won.ticket.hash());

    operator.refused(
        &redeem(&old),
        "sender_short",
        "it would pay 0 ETH of 0.9 ETH",
        "funds its deposit",
    );
    operator.gateway_deposits(finney(300)).await;
    operator.warned(
        &redeem(&old),
        "sender_short",
        "it would pay 0.3 ETH of 0.9 ETH",
        "as long as the ticket is valid",
    );
    operator.gateway_deposits(Wei::ether(5)).await;
    operator.refused(
        &redeem(&live),
        "parameters_live",
        &format!("from block {} on", block + 1_000),
        "which of its tickets lose",
    );
    operator.refused(
        &redeem(&tiny),
        "not_worth_it",
        "its gas costs about",
        "cheaper gas",
    );
    operator.refused(&redeem(&astray), "not_registered", "would not be paid", "");
    operator.works(&redeem(&paid));
    operator.refused(
        &redeem(&paid),
        "ticket_used",
        "has been redeemed",
        "nothing to do",
    );
    operator.devnet.next_round().await;
    operator.devnet.next_round().await;
    operator.refused(&redeem(&old), "ticket_expired", "it is round", "it is lost");
}

/// What a node of go-livepeer won and did not redeem pays here.
#[tokio::test(flavor = "multi_thread")]
async fn an_imported_ticket_is_redeemed() {
    let operator = Operator::new().await;
    operator.active().await;
    operator.gateway_deposits(Wei::ether(5)).await;
    let (gone, won) = (
        operator.winning_ticket(1, finney(100), 0).await,
        operator.winning_ticket(2, finney(250), 0).await,
    );
    let source = operator.environment.home().join("lpData");
    migrate::data_folder(
        &source,
        &operator.devnet.accounts.orchestrator,
        &[gone, won.clone()],
    );
    let chain_id = rusqlite::Connection::open(source.join("lpdb.sqlite3")).unwrap();
    chain_id
        .execute("UPDATE kv SET value = '31337' WHERE key = 'chainID'", [])
        .unwrap();
    drop(chain_id);
    let told = operator
        .lpctl(&["migrate", "import", "lpData", "--json"])
        .expect_code(0)
        .data();
    assert_eq!(told["tickets"][0]["hash"], won.ticket.hash().to_string());
    let broker = operator.devnet.contracts.ticket_broker;
    let used = "usedTickets(bytes32)";
    let hash = U256::from_be_bytes(won.ticket.hash().0);
    assert!(operator.word(broker, used, Some(hash)).await.is_zero());
    let paid = operator
        .lpctl(&["ticket", "redeem", "--all", "-y", "--json"])
        .expect_code(0)
        .data();
    assert_eq!(paid["paid_wei"], finney(250).0.to_string());
    assert_eq!(operator.word(broker, used, Some(hash)).await, U256::ONE);
    let stats = operator
        .lpctl(&["ticket", "stats", "--json"])
        .expect_code(0)
        .data();
    assert_eq!(stats["redeemed"]["count"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_said_with_what_to_do() {
    let operator = Operator::new().await;
    let missing = operator.lpctl(&["ticket", "list", "--json"]).expect_code(3);
    assert_eq!(missing.error()["code"], "no_books");
    drop(operator.books());
    let empty = operator.lpctl(&["ticket", "list"]).expect_code(0);
    assert_eq!(
        empty.stdout,
        "no winning tickets wait; `--all` shows those of before\n"
    );
    let nobody = B256::repeat_byte(7).to_string();
    let unknown = operator
        .lpctl(&["ticket", "show", &nobody, "--json"])
        .expect_code(1);
    assert_eq!(unknown.error()["code"], "unknown_ticket");
    operator.lpctl(&["ticket", "redeem"]).expect_code(2);
}
