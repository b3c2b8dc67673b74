//! A gateway and a node that charges: what both write down of the same work.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use alloy::signers::local::PrivateKeySigner;
use engine::{
    gateway::{Discovery, Gateway, Stream},
    media::{
        pace::Pacer,
        transcode::{FfmpegSettings, FfmpegTranscoder},
    },
    node::{Listen, NodeConfig, RunningNode, start},
    payments::{
        Books, Cashier, Exact, PriceSettings, Prices, Recipient, RecipientSecret, RecipientSettings, Senders,
        books::Filter,
    },
    process::Launcher,
    view::gateway::LedgerView,
    wire::signature::{LocalSigner, MessageSigner as _},
};
use tokio_util::sync::CancellationToken;

use super::parties::{Parties, wei};
use crate::gateway::{
    ffmpeg,
    stream::{open, over, segment},
};

/// A node of this account that charges 1200 wei a pixel and the cost of redeeming, with all it keeps in a folder.
async fn node(parties: &Parties, signer: &LocalSigner, folder: &Path, bind: &str) -> (RunningNode, Books) {
    let data = folder.join("node");
    std::fs::create_dir_all(&data).unwrap();
    let books = Books::open(&Books::path(&data)).unwrap();
    let settings = RecipientSettings {
        address: signer.address(),
        ticket_ev: wei(8_000_000_000),
        max_face_value: None,
        redeem_gas: 1_200_000,
    };
    let secret = RecipientSecret::new(books.secret("recipient").await.unwrap());
    let senders: Arc<dyn Senders> = Arc::clone(&parties.funds) as _;
    let recipient = Recipient::new(settings, secret, parties.clock.subscribe(), senders).unwrap();
    let prices = PriceSettings {
        usual: "1200".parse().unwrap(),
        gateways: BTreeMap::new(),
        auto_adjust: true,
    };
    let cashier = Cashier::open(
        recipient,
        books.clone(),
        Prices::new(prices, None),
        parties.clock.subscribe(),
        Arc::new(|| true),
    );
    let transcoder = FfmpegTranscoder::new(FfmpegSettings {
        pacer: Pacer::fixed("ultrafast"),
        ..FfmpegSettings::new(ffmpeg(), Launcher::Direct, folder.join("work"))
    });
    let config = NodeConfig {
        service: Listen::Address(bind.parse().unwrap()),
        payments: Some(cashier.await.unwrap()),
        ..NodeConfig::local(data)
    };
    let started = start(
        config,
        transcoder.unwrap(),
        signer.clone(),
        CancellationToken::new(),
    );
    (started.await.unwrap(), books)
}

fn gateway(parties: &Parties, node: &RunningNode) -> Gateway {
    let (gateway, _records) = over(
        Discovery::list([node.service_uri().parse().unwrap()]),
        |settings| {
            settings.signer = Arc::new(parties.signer.clone());
            settings.payment = Some(parties.sender.clone());
            settings.records = None;
        },
    );
    gateway
}

fn amount(text: &str) -> Exact {
    text.parse().unwrap()
}

/// Compares every account, and the sums of all of them.
async fn assert_agreed(parties: &Parties, gateway: &Gateway, books: &Books) -> LedgerView {
    let payments = gateway.payments().unwrap();
    for session in &payments.sessions {
        let account = books
            .account(parties.account(), session.session.as_deref().unwrap())
            .unwrap();
        assert_eq!(account.balance, amount(&session.balance_wei), "{session:#?}");
    }
    let tally = books.tally().await.unwrap().into_iter().next().unwrap();
    let total = payments.total;
    assert_eq!(tally.sender, parties.account());
    assert_eq!(tally.tickets, total.tickets);
    // Sums over all sessions are rounded down to 10^-18 wei at each entry.
    let is_close = |theirs: Exact, ours: &str| {
        let most = Exact::ratio(total.payments.into(), 10_u64.pow(18).into()).unwrap();
        let behind = amount(ours) - theirs;
        !behind.is_negative() && behind <= most
    };
    assert!(is_close(tally.credited, &total.confirmed_wei), "{total:#?}");
    assert!(is_close(tally.charged, &total.fees_wei), "{total:#?}");
    total
}

async fn send(stream: &Stream, seqs: std::ops::Range<u64>) {
    for seq in seqs {
        let done = stream.transcode(segment(seq)).await.unwrap();
        assert_eq!((done.attempts, done.pixels), (1, 60 * 320 * 180));
    }
}

#[tokio::test]
async fn a_gateways_and_a_nodes_books_agree() {
    let parties = Parties::new();
    let signer = LocalSigner(PrivateKeySigner::random());
    let folder = tempfile::tempdir().unwrap();
    let (node, books) = node(&parties, &signer, folder.path(), "127.0.0.1:0").await;
    let gateway = gateway(&parties, &node);
    let stream = open(&gateway);
    send(&stream, 0..6).await;
    let total = assert_agreed(&parties, &gateway, &books).await;
    // One part in a hundred more than the price: that is what redeeming costs.
    assert_eq!(amount(&total.fees_wei), wei(6 * 60 * 320 * 180 * 1212).into());
    assert!(amount(&total.in_doubt_wei).is_zero() && total.tickets > 0);
    stream.close().await;
    node.stop().await;
}

#[tokio::test]
async fn an_orchestrator_that_restarts_honours_a_gateways_credit() {
    let parties = Parties::new();
    let signer = LocalSigner(PrivateKeySigner::random());
    let folder = tempfile::tempdir().unwrap();
    let (before, books) = node(&parties, &signer, folder.path(), "127.0.0.1:0").await;
    let gateway = gateway(&parties, &before);
    let stream = open(&gateway);
    send(&stream, 0..1).await;
    let at_stop = assert_agreed(&parties, &gateway, &books).await;
    assert!(
        amount(&at_stop.balance_wei) > wei(60 * 320 * 180 * 2 * 1212).into(),
        "{at_stop:#?}"
    );
    let bind = before.service_addr().to_string();
    before.stop().await;
    drop(books);
    let (after, books) = node(&parties, &signer, folder.path(), &bind).await;
    // There is credit for another segment from before: not a ticket is sent for it, in the same session.
    send(&stream, 1..2).await;
    let total = assert_agreed(&parties, &gateway, &books).await;
    assert_eq!(total.tickets, at_stop.tickets);
    assert_eq!(stream.sessions().len(), 1);
    // Parameters from before the restart are good, and so are new ones.
    send(&stream, 2..5).await;
    let total = assert_agreed(&parties, &gateway, &books).await;
    assert!(total.tickets > at_stop.tickets && amount(&total.written_off_wei).is_zero());
    let winners = books.winners(Filter::default()).await.unwrap();
    assert!(winners.len() as u64 <= total.tickets);
    stream.close().await;
    after.stop().await;
}
