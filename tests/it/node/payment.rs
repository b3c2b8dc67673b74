//! A node that is paid: what it asks for, what it takes, what it charges, and what of it outlives the node.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use alloy::{
    primitives::{Address, B256, U256},
    signers::local::PrivateKeySigner,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use engine::{
    node::{KeptSettings, NodeConfig, RunningNode},
    payments::{
        Books, Cashier, ChainTime, Exact, Parameters, Price, PriceSettings, Prices, Recipient,
        RecipientSecret, RecipientSettings, SenderFacts, Senders,
        books::Filter,
        price::{from_wire, to_wire},
        senders::Asking,
    },
    units::{Round, Wei},
    wire::{
        net,
        segment::to_header,
        signature::{LocalSigner, MessageSigner, orchestrator_request_message},
    },
};
use jiff::Timestamp;
use prost::Message;
use reqwest::Response;
use tempfile::TempDir;
use tokio::sync::watch;

use super::{
    harness::{Gate, PATIENCE, credentials, data, h2, ladder, node_in, refusal, result},
    transcoder::clip,
};

/// Gateways with much behind their tickets, until they have nothing.
#[derive(Clone, Default)]
struct Funds {
    are_gone: Arc<AtomicBool>,
}

impl Senders for Funds {
    fn facts(&self, _: Address) -> Asking<'_, SenderFacts> {
        Box::pin(async {
            Ok(SenderFacts {
                deposit: Wei::ether(10),
                reserve: Wei::ether(10),
                ..SenderFacts::default()
            })
        })
    }

    fn max_float(&self, _: Address) -> Asking<'_, Wei> {
        let are_gone = self.are_gone.load(Ordering::Acquire);
        Box::pin(async move { Ok(Wei::ether(u64::from(!are_gone))) })
    }
}

const TICKET_EV: u64 = 8_000_000_000;

fn time() -> ChainTime {
    ChainTime {
        l1_block: 1000,
        block: 1000,
        round: Round(10),
        round_hash: B256::repeat_byte(4),
        previous_round_hash: B256::repeat_byte(5),
        round_start: 990,
        round_length: 100,
        current_round: Round(10),
        ticket_validity: 2,
        pool_size: 1,
        gas_price: Wei::ZERO,
        read_at: Timestamp::now(),
    }
}

/// A node that is paid, its files, and a gateway's key.
struct Paid {
    files: TempDir,
    orchestrator: PrivateKeySigner,
    gateway: LocalSigner,
    clip: Bytes,
    /// Almost every ticket wins, or almost none.
    wins: bool,
    price: &'static str,
    is_active: bool,
    funds: Funds,
}

impl Paid {
    async fn new(wins: bool, price: &'static str) -> Self {
        Self {
            files: tempfile::tempdir().unwrap(),
            orchestrator: PrivateKeySigner::random(),
            gateway: LocalSigner(PrivateKeySigner::random()),
            clip: clip(),
            wins,
            price,
            is_active: true,
            funds: Funds::default(),
        }
    }

    fn data_dir(&self) -> std::path::PathBuf {
        self.files.path().join("node")
    }

    async fn cashier(&self) -> (Cashier, watch::Sender<Option<ChainTime>>) {
        std::fs::create_dir_all(self.data_dir()).unwrap();
        let books = Books::open(&Books::path(&self.data_dir())).unwrap();
        let secret = RecipientSecret::new(books.secret("recipient").await.unwrap());
        let (clock, told) = watch::channel(Some(time()));
        let face_value = match self.wins {
            true => U256::from(TICKET_EV + 1),
            false => U256::from(TICKET_EV) * U256::from(1_000_000_000u64),
        };
        let settings = RecipientSettings {
            address: self.orchestrator.address(),
            ticket_ev: Wei(U256::from(TICKET_EV)),
            max_face_value: Some(Wei(face_value)),
            redeem_gas: 350_000,
        };
        let recipient = Recipient::new(settings, secret, told.clone(), Arc::new(self.funds.clone())).unwrap();
        let prices = Prices::new(
            PriceSettings {
                usual: self.price.parse().unwrap(),
                gateways: std::iter::empty().collect(),
                auto_adjust: true,
            },
            None,
        );
        let is_active = self.is_active;
        let cashier = Cashier::open(recipient, books, prices, told, Arc::new(move || is_active)).await;
        (cashier.unwrap(), clock)
    }

    /// Starts the node; the books stay with it alone, as in another process.
    async fn start(&self) -> Running<'_> {
        let (cashier, clock) = self.cashier().await;
        let signer = LocalSigner(self.orchestrator.clone());
        let node = node_in(
            self.files.path(),
            signer,
            Gate::new(true),
            |config: &mut NodeConfig| config.payments = Some(cashier),
        )
        .await;
        Running {
            paid: self,
            node,
            _clock: clock,
        }
    }
}

struct Running<'a> {
    paid: &'a Paid,
    node: RunningNode,
    _clock: watch::Sender<Option<ChainTime>>,
}

impl Running<'_> {
    async fn offer(&self) -> net::OrchestratorInfo {
        self.try_offer().await.unwrap()
    }

    async fn try_offer(&self) -> Result<net::OrchestratorInfo, tonic::Status> {
        let gateway = &self.paid.gateway;
        let message = orchestrator_request_message(gateway.address());
        let request = net::OrchestratorRequest {
            address: gateway.address().to_vec(),
            sig: gateway.sign(message.as_bytes()),
            ..net::OrchestratorRequest::default()
        };
        let uri = self.node.service_uri().parse().unwrap();
        let channel = engine::wire::client::connect_grpc(&uri, PATIENCE).await.unwrap();
        let mut grpc = net::orchestrator_client::OrchestratorClient::new(channel);
        Ok(grpc.get_orchestrator(request).await?.into_inner())
    }

    async fn post(&self, path: &str, token: &net::AuthToken, payment: &net::Payment) -> Response {
        let clip = &self.paid.clip;
        let segment = credentials(&self.paid.gateway, token, 1, clip, &ladder());
        let request = h2()
            .post(format!("{}{path}", self.node.service_uri()))
            .header("Livepeer-Segment", to_header(&segment))
            .header("Livepeer-Payment", STANDARD.encode(payment.encode_to_vec()))
            .body(clip.clone());
        tokio::time::timeout(PATIENCE, request.send())
            .await
            .expect("an answer")
            .unwrap()
    }

    async fn segment(&self, token: &net::AuthToken, payment: &net::Payment) -> Response {
        self.post("/segment", token, payment).await
    }

    fn unpaid(&self) -> net::Payment {
        net::Payment {
            sender: self.paid.gateway.address().to_vec(),
            ..net::Payment::default()
        }
    }

    /// Tickets with these numbers for what was offered.
    fn tickets(&self, info: &net::OrchestratorInfo, nonces: std::ops::Range<u32>) -> net::Payment {
        let parameters = Parameters::from_wire(info.ticket_params.as_ref().unwrap()).unwrap();
        let gateway = &self.paid.gateway;
        let ticket = |nonce| net::TicketSenderParams {
            sender_nonce: nonce,
            sig: gateway.sign(&parameters.ticket(gateway.address(), nonce).message()),
        };
        net::Payment {
            ticket_params: Some(parameters.without_creation()),
            expiration_params: Some(parameters.creation()),
            ticket_sender_params: nonces.map(ticket).collect(),
            expected_price: info.price_info.clone(),
            ..self.unpaid()
        }
    }

    async fn stop(self) {
        tokio::time::timeout(PATIENCE, self.node.stop())
            .await
            .expect("the node stops");
    }
}

fn token(info: &net::OrchestratorInfo) -> net::AuthToken {
    info.auth_token.clone().unwrap()
}

fn reader(data_dir: &Path) -> Books {
    Books::open_read_only(&Books::path(data_dir)).unwrap()
}

fn tickets_worth(count: u64) -> Exact {
    Exact::from(Wei(U256::from(TICKET_EV))).times(count)
}

#[tokio::test(flavor = "multi_thread")]
async fn work_is_paid_before_it_is_done_and_charged_when_it_was() {
    let paid = Paid::new(false, "1200/7").await;
    let node = paid.start().await;
    let info = node.offer().await;
    let price = from_wire(info.price_info.as_ref()).unwrap();
    assert_eq!(
        price,
        Price::new(1200, 7).unwrap(),
        "redeeming costs nothing here"
    );
    let session = token(&info);
    let account = || reader(&paid.data_dir()).account(paid.gateway.address(), &session.session_id);

    // Traps 19 and 20: nothing but tickets counts, whatever price is named.
    let named = |price_per_unit, pixels_per_unit| net::Payment {
        expected_price: Some(net::PriceInfo {
            price_per_unit,
            pixels_per_unit,
            ..net::PriceInfo::default()
        }),
        ..node.unpaid()
    };
    for unpaid in [
        node.unpaid(),
        named(0, 1),
        named(1, i64::MAX),
        named(-5, 1),
        named(5, 0),
        named(1200, 7),
    ] {
        let refused = refusal(node.segment(&session, &unpaid).await).await;
        assert_eq!(refused, (400, "Insufficient balance".to_string()), "{unpaid:?}");
        assert_eq!(account(), None);
    }

    let answer = node.segment(&session, &node.tickets(&info, 1..41)).await;
    let answer = result(answer).await;
    let next = answer.info.clone().unwrap();
    let pixels: u64 = data(answer)
        .segments
        .iter()
        .map(|segment| segment.pixels.unsigned_abs())
        .sum();
    let balance = account().unwrap().balance;
    assert_eq!(account().unwrap().price, Some(price.clone()));
    let expected = tickets_worth(40) - price.fee(pixels);
    let rounded = balance.clone() - expected;
    assert!(
        !rounded.is_negative() && rounded < Exact::from(Wei(U256::from(1))),
        "{rounded}"
    );

    // The result names the session's price and new parameters.
    assert_eq!(next.price_info, Some(to_wire(&price)));
    assert_ne!(
        next.ticket_params.as_ref().unwrap().recipient_rand_hash,
        info.ticket_params.as_ref().unwrap().recipient_rand_hash
    );
    assert_eq!(next.auth_token, Some(session.clone()));

    // The same tickets again, as they were and with others behind them: nothing is credited twice.
    let (status, text) = refusal(node.segment(&session, &node.tickets(&info, 1..41)).await).await;
    assert_eq!(status, 400);
    assert!(
        text.starts_with("invalid ticket senderNonce: already seen sender="),
        "{text}"
    );
    assert_eq!(account().unwrap().balance, balance);
    let mut changed = node.tickets(&next, 1..2);
    changed.expected_price = Some(to_wire(&Price::new(1, 1).unwrap()));
    let refused = refusal(node.segment(&session, &changed).await).await;
    assert_eq!(
        refused,
        (
            400,
            "invalid recipientRand for ticket recipientRandHash".to_string()
        )
    );
    // Trap 21.
    let mut undated = node.tickets(&next, 1..2);
    undated.expiration_params = None;
    assert_eq!(refusal(node.segment(&session, &undated).await).await.0, 400);
    node.stop().await;

    // Another run: the session's credit and price are there, and so are the tickets that were used.
    let node = paid.start().await;
    assert_eq!(account().unwrap().balance, balance);
    let (status, text) = refusal(node.segment(&session, &node.tickets(&info, 1..2)).await).await;
    assert_eq!(status, 400);
    assert!(
        text.starts_with("invalid ticket senderNonce: already seen"),
        "{text}"
    );
    // What was offered before it was restarted is good, and enough to pay with.
    let answer = node.segment(&session, &node.tickets(&next, 1..41)).await;
    let pixels: u64 = data(result(answer).await)
        .segments
        .iter()
        .map(|segment| segment.pixels.unsigned_abs())
        .sum();
    let after = account().unwrap().balance - (balance + tickets_worth(40) - price.fee(pixels));
    assert!(
        !after.is_negative() && after < Exact::from(Wei(U256::from(1))),
        "{after}"
    );
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_winning_ticket_is_on_the_disk_before_the_gateway_is_answered() {
    let paid = Paid::new(true, "1").await;
    let node = paid.start().await;
    let info = node.offer().await;
    // Trap 7: as soon as there is a status, and before anything was transcoded.
    let answer = node.segment(&token(&info), &node.tickets(&info, 1..4)).await;
    let winners = reader(&paid.data_dir()).winners(Filter::default()).await.unwrap();
    assert_eq!(winners.len(), 3);
    assert!(
        winners
            .iter()
            .all(|winner| winner.ticket.params_expiration_block == 1040)
    );
    data(result(answer).await);
    // One that was there before, and one that comes behind this fault: it is not credited, but it won.
    let again = node.tickets(&info, 3..5);
    assert_eq!(refusal(node.segment(&token(&info), &again).await).await.0, 400);
    let winners = reader(&paid.data_dir()).winners(Filter::default()).await.unwrap();
    let mut nonces: Vec<_> = winners
        .iter()
        .map(|winner| winner.ticket.ticket.sender_nonce)
        .collect();
    nonces.sort_unstable();
    assert_eq!(nonces, [1, 2, 3, 4]);
    let status = node.node.status().payments.unwrap();
    assert_eq!(status.price, "1wei");
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_without_a_segment_is_for_the_stream_it_names() {
    let paid = Paid::new(false, "1").await;
    let node = paid.start().await;
    let info = node.offer().await;
    let answer = node
        .post("/payment", &token(&info), &node.tickets(&info, 1..3))
        .await;
    assert_eq!(answer.status(), 200);
    let answer = net::PaymentResult::decode(answer.bytes().await.unwrap()).unwrap();
    assert_eq!(answer.info.unwrap().price_info, info.price_info);
    let books = reader(&paid.data_dir());
    assert!(books.account(paid.gateway.address(), "stream").is_some());
    assert_eq!(
        books.account(paid.gateway.address(), &token(&info).session_id),
        None
    );
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_active_takes_no_tickets() {
    let paid = Paid {
        is_active: false,
        ..Paid::new(false, "1").await
    };
    let node = paid.start().await;
    let info = node.offer().await;
    let refused = refusal(node.segment(&token(&info), &node.tickets(&info, 1..3)).await).await;
    let text = format!(
        "orchestrator {} is inactive in round 10, cannot process payments",
        paid.orchestrator.address()
    );
    assert_eq!(refused, (400, text));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_works_for_nothing_asks_for_nothing() {
    let paid = Paid::new(false, "0").await;
    let node = paid.start().await;
    let info = node.offer().await;
    assert_eq!(info.price_info, Some(to_wire(&Price::free())));
    data(result(node.segment(&token(&info), &node.unpaid()).await).await);
    let books = reader(&paid.data_dir());
    assert_eq!((books.accounts(), books.tally().await.unwrap().len()), (0, 0));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_price_is_changed_while_the_node_runs() {
    let paid = Paid::new(false, "1000").await;
    let node = paid.start().await;
    let before = node.offer().await;
    let change = async |body: String| {
        let url = format!("http://{}/api/v1/settings", node.node.operator_addr());
        let client = engine::wire::client::download_client(PATIENCE).unwrap();
        let answer = client.post(url).body(body).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let gateway = paid.gateway.address();
    data(
        result(
            node.segment(&token(&before), &node.tickets(&before, 1..101))
                .await,
        )
        .await,
    );
    assert_eq!(change(r#"{"price":{"price":"2000"}}"#.to_string()).await.0, 200);
    let price = |info: &net::OrchestratorInfo| from_wire(info.price_info.as_ref()).unwrap().to_string();
    assert_eq!(price(&node.offer().await), "2000");
    let own = format!(r#"{{"price":{{"gateway":"{gateway}","price":"7/2"}}}}"#);
    assert_eq!(change(own).await.0, 200);
    assert_eq!(price(&node.offer().await), "7/2");
    // A running session keeps its price.
    let answer = result(node.segment(&token(&before), &node.unpaid()).await).await;
    assert_eq!(price(&answer.info.unwrap()), "1000");
    // What cannot be told is not asked for.
    let (status, text) = change(r#"{"price":{"price":"1usd"}}"#.to_string()).await;
    assert_eq!(status, 409, "{text}");
    let usual = format!(r#"{{"price":{{"gateway":"{gateway}"}}}}"#);
    assert_eq!(change(usual).await.0, 200);
    assert_eq!(price(&node.offer().await), "2000");
    let kept = KeptSettings::read(&paid.data_dir()).unwrap();
    assert_eq!(kept.price.unwrap().to_string(), "2000wei");
    assert_eq!(kept.gateway_prices[&gateway], None);
    node.stop().await;
}

// Trap 10.
#[tokio::test(flavor = "multi_thread")]
async fn a_payment_is_kept_when_nothing_more_can_be_offered() {
    let paid = Paid::new(true, "1").await;
    let node = paid.start().await;
    let info = node.offer().await;
    paid.funds.are_gone.store(true, Ordering::Release);
    let refused = refusal(node.segment(&token(&info), &node.tickets(&info, 1..3)).await).await;
    assert_eq!(refused, (500, "Internal Server Error".to_string()));
    let books = reader(&paid.data_dir());
    assert_eq!(books.winners(Filter::default()).await.unwrap().len(), 2);
    let account = books
        .account(paid.gateway.address(), &token(&info).session_id)
        .unwrap();
    assert!(account.balance >= tickets_worth(2));
    let refused = node.try_offer().await.unwrap_err();
    assert_eq!(refused.message(), "insufficient sender reserve");
    node.stop().await;
}
