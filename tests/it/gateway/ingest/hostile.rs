//! What strangers can do to the gateway's ports.

use std::time::Duration;

use engine::gateway::ingest::IngestError;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::{io::AsyncWriteExt, net::TcpStream};

use super::harness::{clip, later_clip, parsed, raw, request, rig};
use crate::gateway::rung;

/// Both ends of each connection are this process's.
fn allow_files(wanted: u64) {
    let held = getrlimit(Resource::Nofile);
    if held.current.is_some_and(|current| current < wanted) {
        let current = Some(held.maximum.map_or(wanted, |most| most.min(wanted)));
        setrlimit(
            Resource::Nofile,
            Rlimit {
                current,
                maximum: held.maximum,
            },
        )
        .unwrap();
    }
}

#[tokio::test]
async fn a_thousand_connections_that_say_nothing_hold_nobody_up() {
    allow_files(4096);
    let rig = rig(|_| {}).await;
    let mut silent = Vec::new();
    for number in 0..1000 {
        let mut stream = TcpStream::connect(rig.address()).await.unwrap();
        // Some begin.
        if number % 3 == 0 {
            stream.write_all(b"PUT /live/x/0.ts HTTP/1.1\r\n").await.unwrap();
        }
        silent.push(stream);
    }
    assert_eq!(rig.push("/live/m/0.ts", &[], clip()).await.0, 200);
    assert_eq!(rig.get("/stream/m/same/0.ts").await.0, 200);
    drop(silent);
}

#[tokio::test]
async fn bodies_are_bounded_in_bytes_and_in_time() {
    let rig = rig(|config| config.limits.upload_time = Duration::from_millis(300)).await;
    let mut slow = request("PUT", "/live/m/0.ts", &[], &[]);
    let at = slow
        .windows(17)
        .position(|window| window == b"Content-Length: 0")
        .unwrap();
    slow.splice(at..at + 17, *b"Content-Length: 9");
    let (status, _, text) = parsed(&raw(rig.address(), &slow).await);
    assert_eq!(status, 500);
    assert_eq!(
        String::from_utf8(text).unwrap(),
        "Error reading http request body: the upload took longer than 300ms\n"
    );
    let large = String::from_utf8(slow)
        .unwrap()
        .replace("Content-Length: 9", "Content-Length: 300000001");
    let (status, _, text) = parsed(&raw(rig.address(), large.as_bytes()).await);
    assert_eq!(status, 500);
    assert_eq!(
        String::from_utf8(text).unwrap(),
        "Error reading http request body: input bigger than max buffer size\n"
    );
    assert!(rig.ingest.status().streams.is_empty());
    assert_eq!(rig.push("/live/m/0.ts", &[], clip()).await.0, 200);
}

#[tokio::test]
async fn all_segments_together_hold_no_more_than_they_may() {
    let data = clip();
    let room = data.len().next_multiple_of(64 << 10);
    let rig = rig(move |config| config.limits.upload_bytes = room).await;
    // One that never ends holds part of the room …
    let mut holding = TcpStream::connect(rig.address()).await.unwrap();
    let begin = format!(
        "PUT /live/a/0.ts HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n",
        data.len()
    );
    holding.write_all(begin.as_bytes()).await.unwrap();
    holding.write_all(&data[..data.len() / 2]).await.unwrap();
    let full = async {
        loop {
            let (status, text) = rig.push("/live/b/0.ts", &[], data.clone()).await;
            if status == 500 {
                return text;
            }
            assert_eq!(status, 200, "{text}");
        }
    };
    let text = tokio::time::timeout(super::harness::PATIENCE, full)
        .await
        .unwrap();
    assert_eq!(
        text,
        "Error reading http request body: no memory left for segments\n"
    );
    // … and gives it back when it goes.
    drop(holding);
    let free = async { while rig.push("/live/b/1.ts", &[], later_clip(1)).await.0 != 200 {} };
    tokio::time::timeout(super::harness::PATIENCE, free)
        .await
        .unwrap();
}

#[tokio::test]
async fn what_strangers_could_reach_opens_only_with_somebody_at_the_door() {
    use engine::gateway::{
        Discovery, GatewaySettings,
        ingest::{IngestConfig, start},
    };
    use engine::{node::Listen, wire::signature::Offchain};
    let begin = async |change: fn(&mut IngestConfig)| {
        let mut config = IngestConfig::local(vec![rung("same", 320, 180)]);
        config.http = Listen::Address(([0, 0, 0, 0], 0).into());
        change(&mut config);
        let settings = GatewaySettings::new(Discovery::list([]), std::sync::Arc::new(Offchain));
        start(config, settings).await.map(drop)
    };
    assert!(matches!(begin(|_| {}).await, Err(IngestError::OpenToAll { .. })));
    let exposed = begin(|config| {
        config.open_to_all = true;
        config.operator = Listen::Address(([0, 0, 0, 0], 0).into());
    });
    assert!(matches!(exposed.await, Err(IngestError::OperatorExposed { .. })));
    let named = begin(|config| {
        config.http = Listen::Address(([127, 0, 0, 1], 0).into());
        config.ladder[0].name = "hdlive".into();
    });
    assert!(matches!(named.await, Err(IngestError::ProfileName(_))));
}
