//! A gateway that pays: what orchestrators get for each segment, and what the gateway believes to have left.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use alloy::signers::local::PrivateKeySigner;
use engine::{
    gateway::{Discovery, Gateway, GatewaySettings, Stream, StreamError},
    payments::{Exact, Parameters, Payment, Price},
    units::Wei,
    view::gateway::{LedgerView, PaymentFate, SegmentRecord},
    wire::{net, signature::LocalSigner},
};
use futures_util::FutureExt as _;
use tokio::sync::mpsc;

use super::{
    scripted::{Deed, Scripted},
    stream::{open, over, segment},
};
use crate::tickets::parties::{Parties, wei};

/// What one segment of these tests costs: 60 frames of 320x180, at 1200 wei a pixel.
const FEE: u64 = 60 * 320 * 180 * 1200;
/// What a ticket is worth, rounded down.
const TICKET: u64 = 8_000_000_000;

/// An orchestrator that wants tickets of the parties' gateway at 1200 wei a pixel, unless `price` says otherwise.
async fn paid(
    parties: &Parties,
    price: Arc<AtomicI64>,
    script: impl Fn(i64, u32) -> Deed + Send + Sync + 'static,
) -> Scripted {
    let (recipient, account) = (parties.recipient.clone(), parties.account());
    let offer = move |info: &mut net::OrchestratorInfo| {
        let wei = price.load(Ordering::Relaxed);
        let exact = Price::new(u64::try_from(wei).unwrap(), 1).unwrap();
        let parameters = recipient.parameters(account, &exact).now_or_never().unwrap();
        info.ticket_params = Some(parameters.unwrap().to_wire());
        info.price_info = Some(net::PriceInfo {
            price_per_unit: wei,
            pixels_per_unit: 1,
            ..net::PriceInfo::default()
        });
    };
    Scripted::with(script, Some(LocalSigner(PrivateKeySigner::random())), offer).await
}

fn at_1200() -> Arc<AtomicI64> {
    Arc::new(AtomicI64::new(1200))
}

/// A gateway of the parties over these.
fn gateway(
    parties: &Parties,
    orchestrators: &[&Scripted],
    change: impl FnOnce(&mut GatewaySettings),
) -> (Gateway, mpsc::Receiver<SegmentRecord>) {
    let uris = orchestrators.iter().map(|one| one.uri().parse().unwrap());
    over(Discovery::list(uris), |settings| {
        settings.signer = Arc::new(parties.signer.clone());
        settings.payment = Some(parties.sender.clone());
        settings.patience = Duration::ZERO;
        change(settings);
    })
}

async fn sent(stream: &Stream, seq: u64) -> Result<engine::gateway::SegmentDone, StreamError> {
    let sent = tokio::time::timeout(Duration::from_secs(60), stream.transcode(segment(seq)));
    sent.await.expect("it did not end")
}

/// Takes the tickets as the orchestrator would, and tells what they are worth.
async fn credited(parties: &Parties, payments: &[net::Payment]) -> Exact {
    let mut credit = Exact::zero();
    for payment in payments {
        let price = payment.expected_price.as_ref().unwrap();
        let price = Price::new(price.price_per_unit as u64, price.pixels_per_unit as u64).unwrap();
        assert_eq!(payment.sender, parties.account().to_vec());
        let Some(parameters) = Parameters::from_payment(payment).unwrap() else {
            assert!(payment.ticket_sender_params.is_empty());
            continue;
        };
        let received = parties
            .recipient
            .receive(Payment {
                sender: parties.account(),
                price: &price,
                parameters: &parameters,
                tickets: &payment.ticket_sender_params,
            })
            .await;
        assert_eq!(received.failure, None);
        credit += received.credit;
    }
    credit
}

fn amount(text: &str) -> Exact {
    text.parse().unwrap()
}

fn only_session(gateway: &Gateway) -> LedgerView {
    let payments = gateway.payments().unwrap();
    assert_eq!(payments.sessions.len(), 1, "{payments:#?}");
    let session = payments.sessions.into_iter().next().unwrap();
    let whole = LedgerView {
        orchestrator: None,
        session: None,
        ..session.clone()
    };
    assert_eq!(payments.total, whole);
    session
}

#[tokio::test]
async fn both_sides_books_agree_to_the_fraction_of_a_wei() {
    let parties = Parties::new();
    let orchestrator = paid(&parties, at_1200(), |_, _| Deed::Honest).await;
    let (gateway, mut records) = gateway(&parties, &[&orchestrator], |_| {});
    let stream = open(&gateway);
    for seq in 0..6 {
        let done = sent(&stream, seq).await.unwrap();
        assert_eq!(done.pixels * 1200, FEE);
    }
    let payments = orchestrator.payments();
    assert_eq!(payments.len(), 6);
    let credit = credited(&parties, &payments).await;
    let fees = Exact::from(wei(6 * FEE));
    let ledger = only_session(&gateway);
    assert_eq!(amount(&ledger.confirmed_wei), credit);
    assert_eq!(amount(&ledger.sent_wei), credit);
    assert_eq!(amount(&ledger.fees_wei), fees);
    assert_eq!(amount(&ledger.balance_wei), credit - fees);
    assert!(amount(&ledger.in_doubt_wei).is_zero() && amount(&ledger.written_off_wei).is_zero());
    assert_eq!((ledger.payments, ledger.on_its_way), (6, 0));
    assert_eq!(ledger.orchestrator.as_deref(), Some(orchestrator.uri()));
    // The first segment may take 120 frames: two tickets, of which more than half is left. None was needed each time.
    let tickets: Vec<usize> = payments
        .iter()
        .map(|payment| payment.ticket_sender_params.len())
        .collect();
    assert_eq!(tickets[0], 2);
    assert!(
        tickets.iter().sum::<usize>() as u64 == ledger.tickets && tickets.contains(&0),
        "{tickets:?}"
    );
    let first = records.recv().await.unwrap().attempts.remove(0).payment.unwrap();
    assert_eq!((first.tickets, first.fate), (2, PaymentFate::Answered));
    assert_eq!(amount(&first.fee_wei), wei(FEE).into());
    assert!(amount(&first.value_wei) >= Exact::from(wei(2 * TICKET)));
}

#[tokio::test]
async fn each_answer_renews_the_parameters() {
    let parties = Parties::new();
    let orchestrator = paid(&parties, at_1200(), |_, _| Deed::Honest).await;
    let (gateway, _records) = gateway(&parties, &[&orchestrator], |_| {});
    let stream = open(&gateway);
    let mut hashes = std::collections::HashSet::new();
    for seq in 0..8 {
        // Parameters last 40 blocks: without new ones the third segment could not be paid for.
        parties.at(|time| time.l1_block += 30);
        sent(&stream, seq).await.unwrap();
    }
    for payment in orchestrator.payments() {
        if let Some(parameters) = payment.ticket_params {
            assert_eq!(payment.ticket_sender_params[0].sender_nonce, 1);
            assert!(hashes.insert(parameters.recipient_rand_hash));
        }
    }
    assert!(hashes.len() > 3);
    assert_eq!(orchestrator.asked(), 1);
}

#[tokio::test]
async fn parameters_that_ended_are_asked_for_anew() {
    let parties = Parties::new();
    let orchestrator = paid(&parties, at_1200(), |_, _| Deed::Honest).await;
    let (gateway, _records) = gateway(&parties, &[&orchestrator], |_| {});
    let stream = open(&gateway);
    sent(&stream, 0).await.unwrap();
    parties.at(|time| time.l1_block += 39);
    // As long as there is credit enough no ticket is needed, and nothing is given up.
    sent(&stream, 1).await.unwrap();
    assert_eq!(orchestrator.asked(), 1);
    parties.at(|time| time.l1_block += 39);
    let done = sent(&stream, 2).await.unwrap();
    assert_eq!((done.attempts, orchestrator.asked()), (1, 2));
    // A new session has an account of its own.
    assert_eq!(gateway.payments().unwrap().sessions.len(), 2);
    let last = orchestrator.payments().pop().unwrap();
    assert_eq!(last.ticket_sender_params.len(), 2);
    credited(&parties, &[last]).await;
}

#[tokio::test]
async fn an_orchestrator_that_says_its_parameters_ended_is_asked_for_others() {
    let parties = Parties::new();
    let late = |_: i64, attempt| match attempt {
        1 => Deed::Refuse(400, "TicketParams expired"),
        _ => Deed::Honest,
    };
    let orchestrator = paid(&parties, at_1200(), late).await;
    let (gateway, _records) = gateway(&parties, &[&orchestrator], |_| {});
    let done = sent(&open(&gateway), 0).await.unwrap();
    assert_eq!(done.attempts, 2);
    let payments = gateway.payments().unwrap();
    assert_eq!(payments.sessions.len(), 2);
    let total = payments.total;
    assert_eq!(amount(&total.in_doubt_wei), amount(&total.confirmed_wei));
}

#[tokio::test]
async fn a_failure_that_was_answered_costs_nothing() {
    let parties = Parties::new();
    let once = |_: i64, attempt| match attempt {
        1 => Deed::Fail("out of luck"),
        _ => Deed::Honest,
    };
    let orchestrator = paid(&parties, at_1200(), once).await;
    let (gateway, _records) = gateway(&parties, &[&orchestrator], |_| {});
    sent(&open(&gateway), 0).await.unwrap();
    let payments = orchestrator.payments();
    // The second time nothing had to be added.
    let tickets: Vec<usize> = payments
        .iter()
        .map(|payment| payment.ticket_sender_params.len())
        .collect();
    assert_eq!(tickets, [2, 0]);
    let ledger = only_session(&gateway);
    assert_eq!(amount(&ledger.confirmed_wei), credited(&parties, &payments).await);
    assert_eq!(amount(&ledger.fees_wei), wei(FEE).into());
}

#[tokio::test]
async fn what_nobody_answers_for_is_in_doubt_and_paid_again() {
    let parties = Parties::new();
    let broken = |_: i64, attempt| match attempt {
        1 => Deed::Garbage,
        _ => Deed::Honest,
    };
    let orchestrator = paid(&parties, at_1200(), broken).await;
    let (gateway, mut records) = gateway(&parties, &[&orchestrator], |_| {});
    sent(&open(&gateway), 0).await.unwrap();
    let payments = orchestrator.payments();
    let tickets: Vec<usize> = payments
        .iter()
        .map(|payment| payment.ticket_sender_params.len())
        .collect();
    assert_eq!(tickets, [2, 2]);
    // The same parameters, the next numbers.
    assert_eq!(payments[1].ticket_sender_params[0].sender_nonce, 3);
    let ledger = only_session(&gateway);
    assert_eq!(amount(&ledger.in_doubt_wei), amount(&ledger.confirmed_wei));
    let credit = credited(&parties, &payments).await;
    assert_eq!(
        amount(&ledger.in_doubt_wei) + amount(&ledger.confirmed_wei),
        credit
    );
    let record = records.recv().await.unwrap();
    let fates: Vec<_> = record
        .attempts
        .iter()
        .map(|attempt| attempt.payment.as_ref().unwrap().fate)
        .collect();
    assert_eq!(fates, [PaymentFate::Lost, PaymentFate::Answered]);
}

#[tokio::test]
async fn credit_the_orchestrator_does_not_have_is_not_counted_on() {
    let parties = Parties::new();
    let forgetful = |seq: i64, attempt| match (seq, attempt) {
        (1, 1) => Deed::Refuse(400, "Insufficient balance"),
        _ => Deed::Honest,
    };
    let orchestrator = paid(&parties, at_1200(), forgetful).await;
    let (gateway, _records) = gateway(&parties, &[&orchestrator], |_| {});
    let stream = open(&gateway);
    sent(&stream, 0).await.unwrap();
    let left = amount(&only_session(&gateway).balance_wei);
    assert!(!left.is_zero());
    let done = sent(&stream, 1).await.unwrap();
    assert_eq!(done.attempts, 2);
    let ledger = only_session(&gateway);
    assert_eq!(amount(&ledger.written_off_wei), left);
    let tickets = orchestrator.payments().pop().unwrap().ticket_sender_params.len();
    assert_eq!(tickets, 2, "as if there had never been any credit");
}

#[tokio::test]
async fn a_segment_that_never_left_costs_nothing() {
    let parties = Parties::new();
    let orchestrator = paid(&parties, at_1200(), |_, _| Deed::Honest).await;
    let (gateway, mut records) = gateway(&parties, &[&orchestrator], |settings| settings.max_attempts = 1);
    let stream = open(&gateway);
    stream.prepare().await.unwrap();
    orchestrator.die();
    sent(&stream, 0).await.unwrap_err();
    let record = records.recv().await.unwrap();
    let payment = record.attempts[0].payment.as_ref().unwrap();
    assert_eq!((payment.tickets, payment.fate), (2, PaymentFate::Unsent));
    let ledger = only_session(&gateway);
    assert_eq!((ledger.payments, ledger.tickets, ledger.on_its_way), (0, 0, 0));
    assert_eq!(
        (ledger.sent_wei.as_str(), ledger.balance_wei.as_str()),
        ("0", "0")
    );
}

#[tokio::test]
async fn a_price_that_doubled_is_not_paid_and_the_work_before_it_kept() {
    let parties = Parties::new();
    let price = at_1200();
    let raised = Arc::clone(&price);
    let rising = move |seq: i64, _: u32| {
        if seq == 1 {
            raised.store(2401, Ordering::Relaxed);
        }
        Deed::Honest
    };
    let orchestrator = paid(&parties, price, rising).await;
    let (gateway, _records) = gateway(&parties, &[&orchestrator], |_| {});
    let stream = open(&gateway);
    sent(&stream, 0).await.unwrap();
    // The answer to this one doubles the price: its result counts all the same.
    sent(&stream, 1).await.unwrap();
    let views = gateway.orchestrators();
    assert!(views[0].suspended);
    assert_eq!(views[0].price_wei_per_pixel.as_deref(), Some("1200/1"));
    assert_eq!(amount(&only_session(&gateway).fees_wei), wei(2 * FEE).into());
}

#[tokio::test]
async fn a_new_session_does_not_begin_the_price_anew() {
    let parties = Parties::new();
    let price = at_1200();
    let orchestrator = paid(&parties, Arc::clone(&price), |_, _| Deed::Honest).await;
    let (gateway, _records) = gateway(&parties, &[&orchestrator], |settings| settings.max_attempts = 1);
    let stream = open(&gateway);
    sent(&stream, 0).await.unwrap();
    sent(&stream, 1).await.unwrap();
    price.store(2401, Ordering::Relaxed);
    parties.at(|time| time.l1_block += 39);
    let StreamError::NoSessions(nobody) = sent(&stream, 2).await.unwrap_err() else {
        panic!("it was used");
    };
    assert!(nobody.to_string().contains("more than doubled"), "{nobody}");
    assert_eq!(orchestrator.payments().len(), 2);
}

#[tokio::test]
async fn without_a_deposit_nobody_is_asked_for_work_or_blamed() {
    let parties = Parties::new();
    parties.gateway_has(|facts| facts.deposit = Wei::ZERO);
    let orchestrator = paid(&parties, at_1200(), |_, _| Deed::Honest).await;
    let (gateway, _records) = gateway(&parties, &[&orchestrator], |_| {});
    let stream = open(&gateway);
    let error = sent(&stream, 0).await.unwrap_err();
    let StreamError::NoSessions(nobody) = error else {
        panic!("{error}");
    };
    assert_eq!(nobody.to_string(), "no sender deposit");
    // Withdrawn in the middle of a stream it is no orchestrator's fault either.
    parties.gateway_has(|facts| facts.deposit = Wei::ether(1));
    sent(&stream, 1).await.unwrap();
    parties.gateway_has(|facts| facts.deposit = Wei::ZERO);
    // Until the credit that is left does not suffice.
    let mut refused = None;
    for _ in 0..100 {
        refused = sent(&stream, 2).await.err();
        if refused.is_some() {
            break;
        }
    }
    let error = refused.expect("credit does not last for ever");
    assert_eq!(error.to_string(), "hit max transcode attempts: no sender deposit");
    assert!(!gateway.orchestrators()[0].suspended);
}

#[tokio::test]
async fn an_orchestrator_whose_tickets_are_too_dear_is_left_out() {
    let parties = Parties::with_ticket_ev(wei(3_000_000_000_001));
    let orchestrator = paid(&parties, at_1200(), |_, _| Deed::Honest).await;
    let (gateway, _records) = gateway(&parties, &[&orchestrator], |_| {});
    let stream = open(&gateway);
    let StreamError::NoSessions(nobody) = sent(&stream, 0).await.unwrap_err() else {
        panic!("it was used");
    };
    assert!(
        nobody.to_string().contains("> max ticket EV 3000000000000.00000"),
        "{nobody}"
    );
    assert!(orchestrator.payments().is_empty());
}

#[tokio::test]
async fn segments_on_their_way_together_are_each_paid_for() {
    let parties = Parties::new();
    let orchestrator = paid(&parties, at_1200(), |_, _| Deed::Honest).await;
    let (gateway, _records) = gateway(&parties, &[&orchestrator], |_| {});
    let stream = open(&gateway);
    stream.prepare().await.unwrap();
    let all: Vec<_> = (0..8)
        .map(|seq| {
            let stream = stream.clone();
            tokio::spawn(async move { sent(&stream, seq).await.unwrap() })
        })
        .collect();
    for one in all {
        one.await.unwrap();
    }
    let ledger = only_session(&gateway);
    let credit = credited(&parties, &orchestrator.payments()).await;
    assert_eq!(amount(&ledger.confirmed_wei), credit);
    assert_eq!(amount(&ledger.balance_wei), credit - Exact::from(wei(8 * FEE)));
}
