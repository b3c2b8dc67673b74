//! Endpoints that are dead, wrong, slow or mad.

use std::time::{Duration, Instant};

use engine::{
    chain::{Chain, ChainConfig, ChainError, Class},
    secret::RpcUrl,
    units::Lpt,
};

use super::{
    config, connect,
    proxy::{Fault, Proxy, canned, dead, http},
};

const KEY: &str = "SECRETKEY0123456789";

fn with_key(url: &str) -> RpcUrl {
    format!("{url}/v2/{KEY}?token={KEY}").parse().unwrap()
}

/// Connects to endpoints that are no use and gives back the error.
async fn refused(urls: &[&str]) -> ChainError {
    let endpoints = urls.iter().map(|url| with_key(url)).collect();
    let config = ChainConfig {
        controller: Some(alloy::primitives::Address::repeat_byte(1)),
        timeout: Duration::from_millis(700),
        ..ChainConfig::new("devnet", endpoints)
    };
    let error = Chain::connect(config).await.unwrap_err();
    for shown in [error.to_string(), format!("{error:?}")] {
        assert!(!shown.contains(KEY), "a key is shown: {shown}");
    }
    error
}

#[tokio::test]
async fn a_dead_endpoint_is_passed_over_and_named() {
    let devnet = testbed::devnet().await;
    let dead = dead().await;
    let chain = Chain::connect(config(&devnet, &[&dead, &devnet.rpc_url]))
        .await
        .unwrap();
    let failing = chain.failing_endpoints();
    assert_eq!(failing.len(), 1);
    assert_eq!(failing[0].endpoint.to_string(), dead);
    // The good one is asked first from then on: no further request is wasted on the dead one.
    let before = chain.http_requests();
    chain.round().await.unwrap();
    assert_eq!(chain.http_requests() - before, 2);
}

#[tokio::test]
async fn every_endpoints_failure_is_told() {
    let dead = dead().await;
    let html = canned(
        http("502 Bad Gateway", &format!("<html>upstream {KEY}</html>")),
        false,
    )
    .await;
    let silent = canned(Vec::new(), true).await;
    let begun = Instant::now();
    let error = refused(&[&dead, &html, &silent]).await;
    assert_eq!(
        (error.class(), error.code()),
        (Class::Unreachable, "rpc_unreachable")
    );
    let text = error.to_string();
    for part in [
        &dead,
        &html,
        &silent,
        "no connection",
        "HTTP status 502",
        "no answer within",
    ] {
        assert!(text.contains(part), "{part:?} is missing in {text}");
    }
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "took {:?}",
        begun.elapsed()
    );
}

#[tokio::test]
async fn answers_that_are_none_are_reported_as_what_they_are() {
    let id = r#"{"jsonrpc":"2.0","id":0,"result":"0x7a69"}"#;
    let cases: [(Vec<u8>, &str); 8] = [
        (
            http("200 OK", "<!doctype html><p>log in</p>"),
            "not a JSON-RPC answer",
        ),
        (http("200 OK", ""), "not a JSON-RPC answer: empty"),
        (http("200 OK", "[]"), "not a JSON-RPC answer"),
        (
            http("200 OK", r#"{"jsonrpc":"2.0","id":0,"result":{"a":1}}"#),
            "not a JSON-RPC answer",
        ),
        (
            http("401 Unauthorized", &format!("no such key {KEY}")),
            "HTTP status 401",
        ),
        (
            b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{".to_vec(),
            "the connection broke",
        ),
        (b"\x00\x01\x02 what?\r\n\r\n".to_vec(), "the connection broke"),
        // The right chain id to every question, also to those of a batch.
        (http("200 OK", id), "were not answered"),
    ];
    for (answer, expected) in cases {
        let shown = String::from_utf8_lossy(&answer).into_owned();
        let server = canned(answer, false).await;
        let error = refused(&[&server]).await;
        assert_eq!(error.class(), Class::Unreachable, "{shown:?}");
        assert!(error.to_string().contains(expected), "{shown:?}: {error}");
    }
}

#[tokio::test]
async fn an_endless_answer_is_cut_off() {
    let mut answer = b"HTTP/1.1 200 OK\r\ncontent-length: 20000000\r\n\r\n[".to_vec();
    answer.resize(17 << 20, b' ');
    let server = canned(answer, true).await;
    let endpoints = vec![with_key(&server)];
    let config = ChainConfig {
        controller: Some(alloy::primitives::Address::repeat_byte(1)),
        ..ChainConfig::new("devnet", endpoints)
    };
    let error = Chain::connect(config).await.unwrap_err();
    assert!(error.to_string().contains("more than 16777216 bytes"), "{error}");
}

#[tokio::test]
async fn control_characters_of_an_endpoint_do_not_reach_the_screen() {
    let server = canned(http("200 OK", "\u{1b}[2J\u{1b}]0;owned\u{7}"), false).await;
    let text = refused(&[&server]).await.to_string();
    assert!(!text.contains(['\u{1b}', '\u{7}']), "{text:?}");
}

#[tokio::test]
async fn another_chain_is_a_mistake_in_the_configuration() {
    let devnet = testbed::devnet().await;
    let mut config = config(&devnet, &[&devnet.rpc_url]);
    config.chain_id = Some(42161);
    let error = Chain::connect(config).await.unwrap_err();
    assert_eq!((error.class(), error.code()), (Class::Config, "wrong_chain"));
    assert!(
        error.to_string().contains("31337") && error.to_string().contains("42161"),
        "{error}"
    );
}

#[tokio::test]
async fn falling_over_never_leads_to_another_chain() {
    let devnet = testbed::devnet().await;
    let good = Proxy::to(&devnet.rpc_url).await;
    let other = canned(
        http("200 OK", r#"{"jsonrpc":"2.0","id":0,"result":"0x1"}"#),
        false,
    )
    .await;
    let chain = Chain::connect(config(&devnet, &[&good.url, &other]))
        .await
        .unwrap();
    good.fault(Fault::Swallow("eth_"));
    let error = chain.round().await.unwrap_err();
    assert_eq!(error.code(), "wrong_chain", "{error}");
}

#[tokio::test]
async fn a_controller_without_code_or_without_contracts_is_refused() {
    let devnet = testbed::devnet().await;
    let mut nowhere = config(&devnet, &[&devnet.rpc_url]);
    nowhere.controller = Some(alloy::primitives::Address::repeat_byte(9));
    let error = Chain::connect(nowhere).await.unwrap_err();
    assert_eq!(
        (error.class(), error.code()),
        (Class::Config, "controller_missing")
    );

    let mut token = config(&devnet, &[&devnet.rpc_url]);
    token.controller = Some(devnet.contracts.token);
    let error = Chain::connect(token).await.unwrap_err();
    assert_eq!(
        (error.class(), error.code()),
        (Class::Config, "contract_missing"),
        "{error}"
    );

    let config = ChainConfig::new("no-such-network", vec![devnet.rpc_url.parse().unwrap()]);
    assert_eq!(
        Chain::connect(config).await.unwrap_err().code(),
        "network_unknown"
    );
    let config = ChainConfig::new("arbitrum-one", Vec::new());
    assert_eq!(Chain::connect(config).await.unwrap_err().code(), "rpc_missing");
}

#[tokio::test]
async fn a_busy_endpoint_is_passed_over_for_a_free_one() {
    let devnet = testbed::devnet().await;
    let busy = Proxy::to(&devnet.rpc_url).await;
    let chain = Chain::connect(config(&devnet, &[&busy.url, &devnet.rpc_url]))
        .await
        .unwrap();
    busy.fault(Fault::Answer(
        "eth_getBlockByNumber",
        r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32005,"message":"daily request count exceeded, request rate limited"}}"#,
    ));
    chain.round().await.unwrap();
    let failing = chain.failing_endpoints();
    assert!(
        failing[0].to_string().contains("request rate limited"),
        "{failing:?}"
    );
}

#[tokio::test]
async fn garbage_inside_good_answers_is_said_to_be_garbage() {
    let devnet = testbed::devnet().await;
    let chain = connect(&devnet).await;
    // An address that is no account of the protocol is no garbage: all zero.
    let nobody = chain
        .status(alloy::primitives::Address::repeat_byte(3))
        .await
        .unwrap();
    assert_eq!((nobody.wallet_lpt, nobody.orchestrator), (Lpt::ZERO, None));

    let proxy = Proxy::to(&devnet.rpc_url).await;
    let chain = Chain::connect(config(&devnet, &[&proxy.url])).await.unwrap();
    // One answer to a batch of several, and a number where a block belongs.
    proxy.fault(Fault::Answer(
        "eth_getBlockByNumber",
        r#"[{"jsonrpc":"2.0","id":1,"result":7}]"#,
    ));
    let error = chain.round().await.unwrap_err();
    assert_eq!(error.class(), Class::Unreachable, "{error}");
}
