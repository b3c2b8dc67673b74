//! Orders over `/api/v1` that send transactions: what they do on the chain, how often, and what is written down of them.

use std::time::Duration;

use alloy::{
    primitives::{Address, B256, U256},
    providers::Provider as _,
};
use engine::{payments::WinningTicket, wire::client::download_client};
use reqwest::Client;
use serde_json::{Value, json};

use crate::{described::Described, operator::Operator, run::Node};

/// A test that waits longer than this for anything hangs.
const PATIENCE: Duration = Duration::from_secs(60);
const REWARD: &str = "/api/v1/reward";
const REDEEM: &str = "/api/v1/redeem";

/// What came of an order.
struct Answer {
    status: u16,
    replayed: bool,
    body: Value,
}

impl Answer {
    fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_default()
    }
}

/// Whoever gives orders to a node, beside the chain it sends to.
pub struct Orders<'a> {
    operator: &'a Operator,
    described: Described,
    http: Client,
    base: String,
}

impl<'a> Orders<'a> {
    pub async fn new(operator: &'a Operator, node: &Node) -> Self {
        let base = node.operator_url();
        Self {
            operator,
            described: Described::by(&base).await,
            http: download_client(PATIENCE).unwrap(),
            base,
        }
    }

    async fn send(&self, path: &str, key: Option<&str>, order: &Value) -> Answer {
        let mut request = self.http.post(format!("{}{path}", self.base));
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let answer = request.body(order.to_string()).send().await.unwrap();
        let (status, replayed) = (
            answer.status().as_u16(),
            answer.headers().contains_key("idempotency-replayed"),
        );
        let body = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        Answer {
            status,
            replayed,
            body,
        }
    }

    /// Gives an order three times at once, twice of them with one key, and again when it is over; what was answered to
    /// whoever was served. It is one transaction of the account, to `contract`.
    async fn once(&self, path: &str, order: &Value, contract: Address) -> Value {
        let (key, before) = (format!("{path}-1"), self.operator.nonce().await);
        let elsewhere = format!("{path}-2");
        let given = tokio::join!(
            self.send(path, Some(&key), order),
            self.send(path, Some(&key), order),
            self.send(path, Some(&elsewhere), order),
        );
        let given = [(&key, given.0), (&key, given.1), (&elsewhere, given.2)];
        for (_, answer) in &given {
            assert!(
                matches!(answer.status, 200 | 409),
                "{path}: {} {}",
                answer.status,
                answer.body
            );
        }
        assert_eq!(
            self.operator.nonce().await,
            before + 1,
            "{path}: it was sent once"
        );
        let is_first = |answer: &Answer| answer.status == 200 && !answer.replayed;
        let first: Vec<_> = given.iter().filter(|(_, answer)| is_first(answer)).collect();
        assert_eq!(first.len(), 1, "{path}: it was carried out once");
        let (key, first) = (first[0].0, &first[0].1.body);
        let again = self.send(path, Some(key), order).await;
        assert!(again.replayed && again.body == *first, "{path}: {}", again.body);
        let key = Some(key.as_str());

        // What it tells is what the chain has.
        self.described.fits("post", path, 200, first);
        assert_eq!((&first["sent"], &first["dry_run"]), (&json!(true), &json!(false)));
        let mined = first["transactions"].as_array().unwrap();
        assert_eq!(mined.len(), 1, "{first:#}");
        let hash: B256 = mined[0]["hash"].as_str().unwrap().parse().unwrap();
        let receipt = self.operator.devnet.provider().get_transaction_receipt(hash);
        let receipt = receipt.await.unwrap().unwrap();
        assert!(receipt.status());
        assert_eq!(
            (receipt.from, receipt.to),
            (self.operator.orchestrator(), Some(contract))
        );
        assert_eq!(mined[0]["block"].as_u64(), receipt.block_number);
        let cost = U256::from(receipt.gas_used) * U256::from(receipt.effective_gas_price);
        assert_eq!(first["cost_wei"], cost.to_string());

        // Another order with this key is none, and the same one with no key has nothing left to do.
        let mut another = order.clone();
        another["dry_run"] = json!(true);
        let reused = self.send(path, key, &another).await;
        assert_eq!((reused.status, reused.code()), (422, "idempotency_key_reused"));
        let late = self.send(path, None, order).await;
        assert_eq!(late.status, 409, "{path}: {}", late.body);
        self.described.fits("post", path, 409, &late.body);
        assert_eq!(
            self.operator.nonce().await,
            before + 1,
            "{path}: nothing more was sent"
        );
        self.written_down(path, order).await;
        first.clone()
    }

    /// The audit log has the order as it was carried out, each time it was only answered again, and where it was
    /// refused; what never came so far is not in it.
    async fn written_down(&self, path: &str, order: &Value) {
        let asked = self.http.get(format!("{}/api/v1/audit", self.base));
        let told = asked.send().await.unwrap().bytes().await.unwrap();
        let told: Value = serde_json::from_slice(&told).unwrap();
        let lines: Vec<&Value> = told["lines"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|line| line["action"] == format!("POST {path}"))
            .collect();
        let count = |status: u16, replayed: bool| {
            let fits = |line: &&&Value| line["status"] == status && line["replayed"] == replayed;
            lines.iter().filter(fits).count()
        };
        assert_eq!(count(200, false), 1, "{lines:#?}");
        assert!(count(200, true) >= 1 && count(409, false) >= 2, "{lines:#?}");
        let known = count(200, false) + count(200, true) + count(409, false) + count(409, true);
        assert_eq!(known, lines.len(), "{lines:#?}");
        for line in lines {
            assert_eq!(line["what"], order.to_string());
            assert_eq!(
                (&line["who"], &line["scope"]),
                (&json!("loopback"), &json!("money"))
            );
        }
    }

    /// Calls the round's reward.
    pub async fn reward(&self) {
        let devnet = &self.operator.devnet;
        let (manager, account) = (devnet.contracts.bonding_manager, self.operator.orchestrator());
        let rounds = devnet.contracts.rounds_manager;
        let round = self.operator.word(rounds, "currentRound()", None).await;
        let last = async || {
            let words = self
                .operator
                .words(manager, "getTranscoder(address)", account)
                .await;
            words[0]
        };
        assert_ne!(last().await, round);
        self.once(REWARD, &json!({ "dry_run": false }), manager).await;
        assert_eq!(last().await, round);
    }

    /// Redeems one ticket, and takes from its sender what stands behind it.
    pub async fn redeem(&self, won: &WinningTicket) {
        let (broker, hash) = (self.operator.devnet.contracts.ticket_broker, won.ticket.hash());
        let used = async || {
            let hash = U256::from_be_bytes(hash.0);
            self.operator
                .word(broker, "usedTickets(bytes32)", Some(hash))
                .await
        };
        let deposit = async || {
            let sender = won.ticket.sender;
            self.operator
                .words(broker, "getSenderInfo(address)", sender)
                .await[0]
        };
        assert_eq!(used().await, U256::ZERO);
        let before = deposit().await;
        let order = json!({ "tickets": [hash], "dry_run": false });
        let told = self.once(REDEEM, &order, broker).await;
        assert_eq!(told["tickets"][0]["status"], "redeemed");
        assert_eq!((used().await, deposit().await), (U256::ONE, U256::ZERO));
        assert_eq!(told["tickets"][0]["paid_wei"], before.to_string());
    }

    /// Every route that is only looked at answers as it is described, with something in each list there is.
    pub async fn looked_at(&self, session: &str) {
        let answers = self.described.answers(Some(session)).await;
        for (path, place) in [
            ("/api/v1/status", "/sessions/0/recent/0/seq"),
            ("/api/v1/status", "/reward/waiting/code"),
            ("/api/v1/sessions", "/sessions/0/latency/p50_ms"),
            ("/api/v1/sessions/{id}", "/rungs/0/name"),
            ("/api/v1/tickets", "/tickets/0/window/blocks_left"),
            ("/api/v1/money", "/payments/price"),
            ("/api/v1/devices", "/devices/0/id"),
            ("/api/v1/chain", "/chain/active"),
            ("/api/v1/reward", "/reward/orchestrator"),
            ("/api/v1/config", "/settings/0/key"),
            ("/api/v1/audit", "/lines/0/who"),
            ("/api/v1/log", "/lines/0/level"),
        ] {
            let answer = &answers[path];
            assert!(
                answer.pointer(place).is_some_and(|value| !value.is_null()),
                "{path}{place}: {answer:#}"
            );
        }
        assert_eq!(answers["/api/v1/transcoders"], json!({ "transcoders": [] }));
    }

    /// A ticket that waits is told of when its window nears its end, and no longer when it is lost.
    pub async fn window(&self, node: &Node, waits: &WinningTicket) {
        let devnet = &self.operator.devnet;
        let (rounds, broker) = (devnet.contracts.rounds_manager, devnet.contracts.ticket_broker);
        let word = async |contract, what| self.operator.word(contract, what, None).await.to::<u64>();
        let (start, length) = (
            word(rounds, "currentRoundStartBlock()").await,
            word(rounds, "roundLength()").await,
        );
        let created = waits.ticket.creation_round.0;
        assert_eq!(word(rounds, "currentRound()").await, created);
        let closes = start + word(broker, "ticketValidityPeriod()").await * length;
        let until = async |block: u64, fits: &dyn Fn(Option<&str>, u64) -> bool| {
            let now = devnet.provider().get_block_number().await.unwrap();
            devnet.mine(block - now).await;
            let waiting = async {
                loop {
                    let status = node.status().await;
                    let notice = status
                        .notices
                        .iter()
                        .find(|notice| notice.code == "ticket_window");
                    let lost = status.payments.as_ref().unwrap().winners_lost;
                    let seen = status.redeem.as_ref().unwrap().l1_block;
                    if seen == Some(block) && fits(notice.map(|notice| notice.message.as_str()), lost) {
                        return;
                    }
                }
            };
            let waited = tokio::time::timeout(PATIENCE, waiting).await;
            assert!(waited.is_ok(), "not told at block {block}");
        };
        // Not while there is more than a quarter of a round.
        until(closes - length / 4, &|notice, _| notice.is_none()).await;
        let left = length / 4 - 1;
        let message = format!("redeemed for {left} more blocks of Ethereum, of the {length} a round has");
        until(closes - left, &|notice, lost| {
            notice.is_some_and(|told| told.contains(&message)) && lost == 0
        })
        .await;
        let answers = self.described.answers(None).await;
        assert_eq!(answers["/api/v1/status"]["notices"][0]["urgent"], true);
        until(closes, &|notice, lost| notice.is_none() && lost == 1).await;
    }
}
