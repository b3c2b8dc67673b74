//! Endpoints that are slow, that ask for a rest, and that are tested one by one.

use std::time::{Duration, Instant};

use alloy::providers::Provider;
use engine::{
    chain::{Chain, provider::Endpoints},
    view::rpc::RpcEndpoint,
};

use super::{
    config,
    proxy::{Fault, Proxy, canned, dead, http},
};

/// A request that hangs is asked of another endpoint long before it times out.
#[tokio::test]
async fn a_second_endpoint_is_asked_when_the_first_is_slow() {
    let devnet = testbed::devnet().await;
    let proxy = Proxy::to(&devnet.rpc_url).await;
    let chain = Chain::connect(config(&devnet, &[&proxy.url, &devnet.rpc_url]))
        .await
        .unwrap();
    proxy.fault(Fault::Hang("eth_"));
    proxy.take_requests();
    let begun = Instant::now();
    chain.round().await.unwrap();
    // The time one request may take is 20 seconds.
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    assert_eq!(proxy.take_requests(), 1, "the slow one was asked again");
    // Slow is no failure, and the other one is asked first from then on.
    assert!(chain.failing_endpoints().is_empty());
    chain.round().await.unwrap();
    assert_eq!(proxy.take_requests(), 0);
}

#[tokio::test]
async fn an_endpoint_that_asks_for_a_rest_gets_it() {
    let devnet = testbed::devnet().await;
    let proxy = Proxy::to(&devnet.rpc_url).await;
    let chain = Chain::connect(config(&devnet, &[&proxy.url])).await.unwrap();
    proxy.fault(Fault::Rest(60));
    proxy.take_requests();
    let error = chain.round().await.unwrap_err();
    assert!(error.to_string().contains("asks not to be asked for"), "{error}");
    assert_eq!(proxy.take_requests(), 1);
    proxy.heal();
    let error = chain.round().await.unwrap_err();
    assert_eq!(error.code(), "rpc_unreachable");
    assert!(error.to_string().contains("asks not to be asked for"), "{error}");
    assert_eq!(proxy.take_requests(), 0, "it was asked during its rest");
    // With another endpoint nobody notices.
    proxy.fault(Fault::Rest(60));
    let chain = Chain::connect(config(&devnet, &[&proxy.url, &devnet.rpc_url]))
        .await
        .unwrap();
    chain.round().await.unwrap();
    assert_eq!(proxy.take_requests(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_short_rest_is_waited_for() {
    let devnet = testbed::devnet().await;
    let proxy = Proxy::to(&devnet.rpc_url).await;
    let chain = Chain::connect(config(&devnet, &[&proxy.url])).await.unwrap();
    proxy.fault(Fault::Rest(1));
    proxy.take_requests();
    let healing = {
        let proxy = proxy.clone();
        tokio::spawn(async move {
            // Faults are read with the request, before it is counted.
            while proxy.take_requests() == 0 {
                tokio::task::yield_now().await;
            }
            proxy.heal();
        })
    };
    let healing = tokio::time::timeout(Duration::from_secs(60), healing);
    let begun = Instant::now();
    chain.round().await.unwrap();
    assert!(begun.elapsed() >= Duration::from_secs(1));
    healing.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_test_of_endpoints_tells_what_is_wrong_with_each() {
    let devnet = testbed::devnet().await;
    devnet.mine(30).await;
    let old = devnet.provider().get_block_number().await.unwrap() - 20;
    let lagging = Proxy::to(&devnet.rpc_url).await;
    lagging.fault(Fault::Behind(old));
    let narrow = Proxy::to(&devnet.rpc_url).await;
    narrow.fault(Fault::MostBlocks(10));
    let dead = dead().await;
    let elsewhere = canned(
        http("200 OK", r#"{"jsonrpc":"2.0","id":0,"result":"0x1"}"#),
        false,
    )
    .await;
    let urls = [&devnet.rpc_url, &lagging.url, &narrow.url, &dead, &elsewhere];
    let urls = urls.map(|url| url.parse().unwrap()).to_vec();
    let endpoints = Endpoints::new(urls, "devnet", None, Duration::from_secs(10)).unwrap();
    let report = endpoints.test(5).await;
    assert_eq!(
        (report.chain_id, report.best_block),
        (Some(31337), Some(old + 20))
    );
    let [good, lagging, narrow, dead, elsewhere] = <[RpcEndpoint; 5]>::try_from(report.endpoints).unwrap();
    assert!(good.usable && !good.lagging && good.failure.is_none(), "{good:?}");
    assert_eq!((good.batch, good.lag_blocks), (Some(true), Some(0)));
    // This anvil was started from a saved state, which keeps no older one.
    assert_eq!(good.archive, Some(false));
    assert!(good.latency_median_ms <= good.latency_p95_ms && good.latency_median_ms.is_some());
    assert_eq!(good.log_range_blocks, Some(old + 21), "there are no more blocks");
    assert!(lagging.usable && lagging.lagging, "{lagging:?}");
    assert_eq!(lagging.lag_blocks, Some(20));
    assert_eq!(narrow.log_range_blocks, Some(10));
    assert!(!dead.usable && dead.failure.unwrap().contains("no connection"));
    assert_eq!((elsewhere.usable, elsewhere.chain_id), (false, Some(1)));
    assert!(elsewhere.failure.unwrap().contains("chain 1"));
}
