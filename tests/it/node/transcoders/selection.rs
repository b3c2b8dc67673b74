//! Which transcoder gets what.

use std::collections::HashSet;

use engine::wire::net;
use futures_util::future::join_all;

use super::raw::{Raw, finished, pool_node, submit, transcoders, usual_node};
use crate::node::harness::{Rig, data, error};

async fn tokens(rig: &Rig, count: usize) -> Vec<net::AuthToken> {
    join_all((0..count).map(|_| rig.token())).await
}

#[tokio::test]
async fn sessions_are_spread_by_load_and_stay_where_they_are() {
    let rig = pool_node(|config, _| config.max_sessions = 100).await;
    let mut small = Raw::join(&rig, 2).await;
    let mut large = Raw::join(&rig, 4).await;
    let tokens = tokens(&rig, 6).await;
    let mut first_round = Vec::new();
    // One after the other: each finds the load the one before it left.
    for (index, token) in tokens.iter().enumerate() {
        let submitted = submit(&rig, token, 0);
        let (task, is_large) = tokio::select! {
            task = small.task() => (task, false),
            task = large.task() => (task, true),
        };
        let transcoder = if is_large { &large } else { &small };
        assert_eq!(task.task_id, i64::try_from(index).unwrap());
        let renditions = [super::raw::rendition(1), super::raw::rendition(2)];
        transcoder.deliver(task.task_id, &renditions).await;
        data(finished(submitted).await);
        first_round.push(is_large);
    }
    assert_eq!(first_round, [true, false, true, true, false, true]);
    // All are taken now: what is new is refused before it is sent.
    let full = rig
        .grpc()
        .await
        .get_orchestrator(net::OrchestratorRequest::default())
        .await;
    assert_eq!(
        full.unwrap_err().message(),
        "Invalid orchestrator request: OrchestratorCapped"
    );
    for (token, was_large) in tokens.iter().zip(first_round) {
        let submitted = submit(&rig, token, 1);
        match was_large {
            true => large.work().await,
            false => small.work().await,
        };
        data(finished(submitted).await);
    }
}

#[tokio::test]
async fn an_error_frees_the_session_from_its_transcoder() {
    let rig = usual_node().await;
    let mut first = Raw::join(&rig, 1).await;
    let token = rig.token().await;
    let submitted = submit(&rig, &token, 0);
    let task = first.task().await;
    assert_eq!(transcoders(&rig)[0].load, 1);
    first.fail(task.task_id, "No keyframes in input").await;
    assert_eq!(error(finished(submitted).await), "No keyframes in input");
    let view = transcoders(&rig);
    assert_eq!((view[0].load, view[0].tasks_failed), (0, 1));
    assert_eq!(view[0].last_error.as_deref(), Some("No keyframes in input"));
    // The session goes on elsewhere, in the middle.
    let mut second = Raw::join(&rig, 2).await;
    let submitted = submit(&rig, &token, 1);
    second.work().await;
    data(finished(submitted).await);
}

#[tokio::test]
async fn fifty_transcoders_differ_by_one_session_at_most() {
    let rig = pool_node(|config, _| config.max_sessions = 1000).await;
    let joined: Vec<Raw> = join_all((0..50).map(|_| Raw::join(&rig, 8))).await;
    let working = joined.into_iter().map(|mut transcoder| {
        tokio::spawn(async move {
            loop {
                let task = transcoder.message().await;
                if !task.url.is_empty() {
                    let renditions = [super::raw::rendition(1), super::raw::rendition(2)];
                    transcoder.deliver(task.task_id, &renditions).await;
                }
            }
        })
    });
    let working: Vec<_> = working.collect();
    let tokens = tokens(&rig, 120).await;
    let results = join_all(tokens.iter().map(|token| finished(submit(&rig, token, 0)))).await;
    for result in results {
        data(result);
    }
    let loads: HashSet<u32> = transcoders(&rig)
        .iter()
        .map(|transcoder| transcoder.load)
        .collect();
    assert_eq!(loads, HashSet::from([2, 3]));
    for task in working {
        task.abort();
    }
}
