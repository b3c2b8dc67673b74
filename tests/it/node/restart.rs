//! A node that is started again, under load: the sessions gateways have go on.

use std::{collections::BTreeSet, path::Path};

use bytes::Bytes;
use engine::{
    node::{Listen, RunningNode},
    wire::{
        net::{self, transcode_result},
        segment::to_header,
        signature::Offchain,
    },
};
use prost::Message;
use tokio::{sync::watch, time::timeout};

use super::{
    harness::{Gate, PATIENCE, credentials, h1, h2, ladder, node_in, token_of},
    transcoder::clip,
};

/// What gateways and the one who starts nodes tell each other.
#[derive(Clone)]
struct Load {
    /// Whether there is a node to send to.
    is_up: watch::Sender<bool>,
    is_over: watch::Sender<bool>,
    /// Segments transcoded, by all gateways.
    done: watch::Sender<u32>,
}

impl Load {
    async fn reaches(&self, count: u32) {
        let mut done = self.done.subscribe();
        let reached = done.wait_for(|done| *done >= count);
        timeout(PATIENCE, reached)
            .await
            .expect("segments are done")
            .unwrap();
    }
}

/// Sends one segment after the other under one token until it is over, each until it is transcoded; tells which took
/// more than one attempt.
async fn send(
    load: Load,
    url: String,
    token: net::AuthToken,
    client: reqwest::Client,
    clip: Bytes,
) -> BTreeSet<u64> {
    let mut retried = BTreeSet::new();
    for seq in 0.. {
        if *load.is_over.borrow() {
            break;
        }
        let header = to_header(&credentials(&Offchain, &token, seq, &clip, &ladder()));
        while !is_transcoded(&client, &url, &header, &clip).await {
            retried.insert(seq);
            let mut is_up = load.is_up.subscribe();
            let up = timeout(PATIENCE, is_up.wait_for(|is_up| *is_up)).await;
            up.expect("the node is started again").unwrap();
        }
        load.done.send_modify(|done| *done += 1);
    }
    retried
}

async fn is_transcoded(client: &reqwest::Client, url: &str, header: &str, clip: &Bytes) -> bool {
    let posted = client
        .post(url)
        .header("Livepeer-Segment", header)
        .body(clip.clone());
    let Ok(answer) = posted.send().await else {
        return false;
    };
    let is_taken = answer.status() == 200;
    let Ok(body) = answer.bytes().await else {
        return false;
    };
    let result = net::TranscodeResult::decode(body)
        .ok()
        .and_then(|made| made.result);
    is_taken && matches!(result, Some(transcode_result::Result::Data(_)))
}

async fn begin(files: &Path, listen: Option<std::net::SocketAddr>) -> RunningNode {
    node_in(files, Offchain, Gate::new(true), |config| {
        if let Some(address) = listen {
            config.service = Listen::Address(address);
        }
    })
    .await
}

async fn restart_under_load(is_killed: bool) {
    let files = tempfile::tempdir().unwrap();
    let mut first = begin(files.path(), None).await;
    let address = first.service_addr();
    let load = Load {
        is_up: watch::Sender::new(true),
        is_over: watch::Sender::new(false),
        done: watch::Sender::new(0),
    };
    let url = format!("{}/segment", first.service_uri());
    let mut sessions = Vec::new();
    let mut gateways = Vec::new();
    for client in [h1(), h2()] {
        let token = token_of(first.service_uri()).await;
        sessions.push(token.session_id.clone());
        gateways.push(tokio::spawn(send(
            load.clone(),
            url.clone(),
            token,
            client,
            clip(),
        )));
    }
    load.reaches(4).await;
    load.is_up.send_replace(false);
    if is_killed {
        first.hard_stop().cancel();
        first.ended().await;
    } else {
        assert!(first.stop().await.finished);
    }

    let second = begin(files.path(), Some(address)).await;
    load.is_up.send_replace(true);
    let done = *load.done.borrow();
    load.reaches(done + 4).await;
    load.is_over.send_replace(true);
    for gateway in gateways {
        let retried = timeout(PATIENCE, gateway)
            .await
            .expect("the gateway ends")
            .unwrap();
        assert!(retried.len() <= 1, "one was in flight, retried were {retried:?}");
    }
    let mut again: Vec<_> = second
        .status()
        .sessions
        .into_iter()
        .map(|session| session.id)
        .collect();
    again.sort();
    sessions.sort();
    assert_eq!(again, sessions, "the tokens are the old ones");
    second.stop().await;
}

#[tokio::test]
async fn tokens_outlive_a_restart_under_load() {
    restart_under_load(false).await;
}

#[tokio::test]
async fn tokens_outlive_a_node_that_was_killed() {
    restart_under_load(true).await;
}
