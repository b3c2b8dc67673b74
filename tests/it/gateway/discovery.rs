//! Finding orchestrators: slow ones, dead ones, webhooks that fail, further addresses and lists of whom not to use.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use alloy::{primitives::Address, signers::local::PrivateKeySigner};
use axum::{Router, http::StatusCode, routing::get};
use engine::{
    gateway::{
        Discovery, Gateway,
        discovery::{Nobody, Registered, Registry, RegistryFuture},
        orchestrator::OrchestratorError,
        roster::Weights,
    },
    units::Lpt,
    wire::{
        net,
        signature::{LocalSigner, MessageSigner},
    },
};

use super::{
    scripted::{Deed, Scripted},
    stream::{gateway, open, over, segment},
};

async fn honest() -> Scripted {
    Scripted::start(|_, _| Deed::Honest).await
}

async fn hanging() -> Scripted {
    Scripted::with(|_, _| Deed::Honest, None, |info| info.transcoder = "hang".into()).await
}

async fn late(millis: u64) -> Scripted {
    Scripted::late(Duration::from_millis(millis), |_, _| Deed::Honest, None, |_| {}).await
}

/// Addresses with a session.
fn taken(gateway: &Gateway) -> Vec<String> {
    let views = gateway.orchestrators().into_iter();
    views
        .filter(|view| view.sessions > 0)
        .map(|view| view.url)
        .collect()
}

async fn nobody(gateway: &Gateway) -> Arc<Nobody> {
    open(gateway).prepare().await.unwrap_err()
}

#[tokio::test]
async fn the_slow_are_not_waited_for_when_somebody_answered() {
    let (quick, hanging) = (honest().await, hanging().await);
    let (gateway, _records) = gateway(&[&hanging, &quick], |_| {});
    let stream = open(&gateway);
    let start = Instant::now();
    stream.prepare().await.unwrap();
    assert!(
        start.elapsed() >= Duration::from_millis(490),
        "the other was given no time"
    );
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    assert_eq!(taken(&gateway), [quick.uri()]);
    let views = gateway.orchestrators();
    let late = views.iter().find(|view| view.url == hanging.uri()).unwrap();
    assert_eq!(
        late.refusal.as_deref(),
        Some("the orchestrator did not answer in time")
    );
}

#[tokio::test]
async fn one_that_is_slow_and_alone_is_waited_for() {
    let slow = late(1200).await;
    let (gateway, _records) = gateway(&[&slow], |_| {});
    let stream = open(&gateway);
    stream.prepare().await.unwrap();
    assert_eq!(taken(&gateway), [slow.uri()]);
}

#[tokio::test]
async fn nobody_is_waited_for_longer_than_six_seconds() {
    let (one, two) = (hanging().await, hanging().await);
    let (gateway, _records) = gateway(&[&one, &two], |_| {});
    let start = Instant::now();
    let nobody = nobody(&gateway).await;
    assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
    assert_eq!(nobody.refusals.len(), 2);
    assert!(nobody.is_unreachable());
}

#[tokio::test]
async fn the_dead_and_the_useless_are_passed_over() {
    let dead = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let useless = Scripted::with(|_, _| Deed::Honest, None, |info| info.auth_token = None).await;
    let weak = Scripted::with(
        |_, _| Deed::Honest,
        None,
        |info| {
            // Everything but what pushed streams need.
            info.capabilities.as_mut().unwrap().bitstring[0] &= !(1 << 26);
        },
    )
    .await;
    let good = honest().await;
    let uris = [dead.as_str(), useless.uri(), weak.uri(), good.uri()];
    let list = Discovery::list(uris.map(|uri| uri.parse().unwrap()));
    let (gateway, _records) = over(list, |_| {});
    let stream = open(&gateway);
    stream.prepare().await.unwrap();
    assert_eq!(taken(&gateway), [good.uri()]);
    assert!(stream.transcode(segment(0)).await.is_ok());

    let list = Discovery::list([dead.as_str(), weak.uri()].map(|uri| uri.parse().unwrap()));
    let (gateway, _records) = over(list, |_| {});
    let nobody = nobody(&gateway).await;
    assert!(!nobody.is_unreachable(), "one of them answered");
    assert!(
        nobody
            .to_string()
            .starts_with("none of 2 orchestrators gives a session; "),
        "{nobody}"
    );
}

#[tokio::test]
async fn versions_that_are_too_old_and_accounts_on_the_list_are_refused() {
    let old = Scripted::with(
        |_, _| Deed::Honest,
        None,
        |info| {
            info.capabilities.as_mut().unwrap().version = "0.7.9-dirty".into();
        },
    )
    .await;
    let account = LocalSigner(PrivateKeySigner::random());
    let address = account.address();
    let unwanted = Scripted::with(|_, _| Deed::Honest, Some(account), |_| {}).await;
    let (gateway, _records) = gateway(&[&old, &unwanted], |settings| {
        settings.minimum_version = "v0.8".into();
        settings.blocked = [address].into();
    });
    let nobody = nobody(&gateway).await;
    let mut texts: Vec<_> = nobody
        .refusals
        .iter()
        .map(|(_, error)| error.to_string())
        .collect();
    texts.sort();
    assert_eq!(
        texts,
        [
            format!("{address} is on the list of orchestrators not to use"),
            "the orchestrator cannot do this job: version v0.8 or later is needed, the node has `0.7.9-dirty`"
                .to_string(),
        ]
    );
}

#[tokio::test]
async fn further_addresses_are_asked_one_level_deep() {
    let third = honest().await;
    let third_uri = third.uri().to_string();
    let second = Scripted::with(
        |_, _| Deed::Honest,
        None,
        move |info| info.nodes = vec![third_uri.clone()],
    )
    .await;
    let second_uri = second.uri().to_string();
    let first = Scripted::with(
        |_, _| Deed::Honest,
        None,
        move |info| {
            info.nodes = vec![second_uri.clone(), "not an address".into(), second_uri.clone()];
        },
    )
    .await;
    // Another candidate that never answers keeps the question open for the half second.
    let hanging = hanging().await;
    let named = async |extra_nodes| {
        let (gateway, _records) = gateway(&[&first, &hanging], |settings| settings.extra_nodes = extra_nodes);
        let stream = open(&gateway);
        stream.prepare().await.unwrap();
        let mut taken = taken(&gateway);
        taken.sort();
        taken
    };
    assert_eq!(named(0).await, [first.uri()]);
    let mut both = [first.uri().to_string(), second.uri().to_string()];
    both.sort();
    assert_eq!(named(5).await, both);
    assert_eq!(third.asked(), 0);
}

#[tokio::test]
async fn two_addresses_of_one_orchestrator_are_one() {
    let one = honest().await;
    let uri = one.uri().to_string();
    let twin = Scripted::late(
        Duration::from_millis(100),
        |_, _| Deed::Honest,
        None,
        move |info| info.transcoder.clone_from(&uri),
    )
    .await;
    let (gateway, _records) = gateway(&[&one, &twin], |_| {});
    let stream = open(&gateway);
    stream.prepare().await.unwrap();
    assert_eq!(taken(&gateway), [one.uri()]);
}

/// A webhook that answers what it is told to, and counts.
#[derive(Clone, Default)]
pub struct Hook {
    answer: Arc<Mutex<(u16, String)>>,
    asked: Arc<AtomicU32>,
}

impl Hook {
    pub async fn start(&self) -> Discovery {
        let hook = self.clone();
        let answer = get(move || async move {
            hook.asked.fetch_add(1, Ordering::Relaxed);
            let (status, body) = hook.answer.lock().unwrap().clone();
            (StatusCode::from_u16(status).unwrap(), body)
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, Router::new().route("/list", answer)).await });
        Discovery::webhook(format!("http://{address}/list?key=SECRET").parse().unwrap()).unwrap()
    }

    pub fn set(&self, status: u16, body: impl Into<String>) {
        *self.answer.lock().unwrap() = (status, body.into());
    }
}

#[tokio::test]
async fn a_webhook_names_orchestrators_once_a_minute() {
    let (good, stranger) = (honest().await, honest().await);
    let hook = Hook::default();
    hook.set(
        200,
        format!(
            r#"[{{"address":"{}","score":1}},{{"address":"{}","score":0,"region":"x"}},{{"address":"{}","score":0.5}}]"#,
            good.uri(),
            stranger.uri(),
            "http://127.0.0.1:1"
        ),
    );
    let (gateway, _records) = over(hook.start().await, |_| {});
    for _ in 0..3 {
        let stream = open(&gateway);
        stream.prepare().await.unwrap();
        stream.close().await;
    }
    assert_eq!(hook.asked.load(Ordering::Relaxed), 1);
    let views = gateway.orchestrators();
    let score = |uri: &str| views.iter().find(|view| view.url == uri).map(|view| view.score);
    assert_eq!((score(good.uri()), score(stranger.uri())), (Some(1), Some(0)));
    assert_eq!(views.len(), 2);
}

#[tokio::test]
async fn webhooks_that_fail_are_named_without_their_key() {
    for (status, body, text) in [
        (500, "[]".to_string(), "it answered 500"),
        (200, "<html>".to_string(), "its answer is no list"),
        (
            200,
            format!("[\"{}\"]", "x".repeat(2 << 20)),
            "longer than 1048576 bytes",
        ),
    ] {
        let hook = Hook::default();
        hook.set(status, body);
        let (gateway, _records) = over(hook.start().await, |_| {});
        let nobody = nobody(&gateway).await;
        let told = nobody.to_string();
        assert!(told.contains(text) && !told.contains("SECRET"), "{told}");
        assert!(nobody.no_list.is_some());
    }
}

#[tokio::test]
async fn a_webhooks_certificate_counts() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let config = engine::wire::tls::self_signed("127.0.0.1")
        .unwrap()
        .server_config()
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(config);
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let _ = acceptor.accept(tcp).await;
        }
    });
    let discovery = Discovery::webhook(format!("https://{address}/").parse().unwrap()).unwrap();
    let error = discovery.candidates().await.unwrap_err();
    assert!(error.to_string().contains("certificate"), "{error}");
}

/// A registry that knows these.
struct Known(Vec<Registered>);

impl Registry for Known {
    fn active(&self) -> RegistryFuture<'_> {
        Box::pin(async { Ok(self.0.clone()) })
    }
}

#[tokio::test]
async fn those_from_the_chain_must_name_account_price_and_tickets() {
    let account = || Some(LocalSigner(PrivateKeySigner::random()));
    let whole = |info: &mut net::OrchestratorInfo| {
        info.ticket_params = Some(net::TicketParams::default());
        info.price_info = Some(net::PriceInfo {
            price_per_unit: 1,
            pixels_per_unit: 2,
            ..net::PriceInfo::default()
        });
    };
    let good = Scripted::with(|_, _| Deed::Honest, account(), whole).await;
    let unpriced = Scripted::with(|_, _| Deed::Honest, account(), |_| {}).await;
    let nameless = Scripted::with(|_, _| Deed::Honest, None, whole).await;
    let registered = [&good, &unpriced, &nameless].map(|one| Registered {
        account: Address::repeat_byte(9),
        uri: one.uri().parse().unwrap(),
        stake: Lpt::whole(7),
    });
    let registry = Discovery::registry(Arc::new(Known(registered.to_vec())));
    let (gateway, _records) = over(registry, |settings| {
        assert_eq!(settings.selection.weights, Some(Weights::default()));
    });
    let stream = open(&gateway);
    stream.prepare().await.unwrap();
    assert_eq!(taken(&gateway), [good.uri()]);
    assert!(stream.transcode(segment(0)).await.is_ok());
    let views = gateway.orchestrators();
    let refusal = |one: &Scripted| {
        let view = views.iter().find(|view| view.url == one.uri()).unwrap();
        view.refusal.clone().unwrap()
    };
    assert_eq!(refusal(&unpriced), OrchestratorError::Lacks("price").to_string());
    assert_eq!(
        refusal(&nameless),
        OrchestratorError::Lacks("account").to_string()
    );
    let view = views.iter().find(|view| view.url == good.uri()).unwrap();
    assert_eq!(view.price_wei_per_pixel.as_deref(), Some("1/2"));
    assert_eq!(view.stake_lpt, Some(Lpt::whole(7)));
    assert_eq!(view.score, 0);
}
