//! What strangers can do to the node's port.

use std::{
    io::ErrorKind,
    net::SocketAddr,
    time::{Duration, Instant},
};

use bytes::Bytes;
use engine::{
    node::ConnectionLimits,
    wire::{segment::to_header, signature::Offchain},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::{
    harness::{PATIENCE, Rig, Upload, credentials, data, h1, h2, ladder, node, node_with, refusal, result},
    transcoder::clip,
};

fn impatient() -> ConnectionLimits {
    ConnectionLimits {
        handshake: Duration::from_millis(300),
        first_request: Duration::from_millis(300),
        next_request: Duration::from_millis(300),
        idle: Duration::from_millis(300),
        ..ConnectionLimits::default()
    }
}

/// Sends bytes and tells what comes back until the node closes the connection.
async fn say(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let mut answer = Vec::new();
    let talk = async {
        // The node may close before it has heard everything.
        let _ = stream.write_all(bytes).await;
        match stream.read_to_end(&mut answer).await {
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
        }
    };
    timeout(PATIENCE, talk)
        .await
        .expect("the node closes the connection");
    answer
}

async fn still_answers(rig: &Rig) {
    for client in [h1(), h2()] {
        assert_eq!(
            client.get(rig.url("/healthz")).send().await.unwrap().status(),
            200
        );
    }
}

#[tokio::test]
async fn silence_and_half_requests_end() {
    for tls in [true, false] {
        let rig = node_with(|config| {
            config.tls = tls;
            config.limits.service = impatient();
        })
        .await;
        let address = rig.node.service_addr();
        let half = b"GET /healthz HTTP/1.1\r\nHost: here\r\nX-Slow: ";
        let h2_preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
        for bytes in [&b""[..], b"PRI", half, h2_preface] {
            say(address, bytes).await;
        }
        still_answers(&rig).await;
    }
}

#[tokio::test]
async fn an_answer_nobody_takes_does_not_hold_a_connection() {
    let rig = node_with(|config| {
        config.tls = false;
        config.limits.service = ConnectionLimits {
            write_stall: Duration::from_millis(300),
            ..ConnectionLimits::default()
        };
    })
    .await;
    let mut stream = TcpStream::connect(rig.node.service_addr()).await.unwrap();
    let mut answer = Vec::new();
    let talk = async {
        // No stream may send anything until it is told so.
        let settings = [0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0];
        stream
            .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
            .await
            .unwrap();
        stream.write_all(&settings).await.unwrap();
        let agreed = [0, 0, 0, 4, 1, 0, 0, 0, 0];
        while !answer.windows(9).any(|frame| frame == agreed) {
            assert_ne!(stream.read_buf(&mut answer).await.unwrap(), 0);
        }
        // GET http://x/nothing, whose answer has a body, on the first stream.
        let fields = b"\x82\x86\x04\x08/nothing\x01\x01x";
        let head = [0, 0, u8::try_from(fields.len()).unwrap(), 1, 5, 0, 0, 0, 1];
        stream.write_all(&[&head[..], fields].concat()).await.unwrap();
        stream.read_to_end(&mut answer).await.unwrap();
    };
    let begun = Instant::now();
    timeout(PATIENCE, talk)
        .await
        .expect("the node closes the connection");
    // Long before the node asks whether it is still there, which others would answer.
    assert!(begun.elapsed() < ConnectionLimits::default().ping_interval / 2);
    let frames = |kind: u8| {
        answer
            .windows(9)
            .filter(|frame| frame[3] == kind && frame[5..] == [0, 0, 0, 1])
            .count()
    };
    assert_eq!(
        (frames(1), frames(0)),
        (1, 0),
        "its head came, and nothing else: {answer:?}"
    );
    assert_eq!(h1().get(rig.url("/healthz")).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_second_request_that_never_ends_is_cut_too() {
    let rig = node_with(|config| {
        config.tls = false;
        config.limits.service = impatient();
    })
    .await;
    let request = b"GET /healthz HTTP/1.1\r\nHost: here\r\n\r\nGET /healthz HTTP/1.1\r\nHost: he";
    let answer = say(rig.node.service_addr(), request).await;
    assert!(answer.starts_with(b"HTTP/1.1 200 OK"));
}

#[tokio::test]
async fn garbage_leaves_the_port_as_it_was() {
    for tls in [true, false] {
        let rig = node_with(|config| {
            config.tls = tls;
            config.limits.service = impatient();
        })
        .await;
        let mut noise: u32 = 1;
        for length in [1, 7, 64, 1000, 70_000] {
            let bytes: Vec<u8> = (0..length)
                .map(|_| {
                    noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    noise.to_be_bytes()[0]
                })
                .collect();
            say(rig.node.service_addr(), &bytes).await;
            say(rig.node.operator_addr(), &bytes[..length.min(200)]).await;
            let mut frames = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
            frames.extend_from_slice(&bytes);
            say(rig.node.service_addr(), &frames).await;
        }
        say(rig.node.service_addr(), b"\x16\x03\x01\xff\xff\x01\0\0\0").await;
        still_answers(&rig).await;
    }
}

#[tokio::test]
async fn connections_beyond_the_limit_are_closed() {
    let rig = node_with(|config| {
        config.tls = false;
        config.limits.service.connections = 2;
    })
    .await;
    let address = rig.node.service_addr();
    let tokens = [rig.token().await, rig.token().await];
    let mut held = Vec::new();
    for token in &tokens {
        let segment = credentials(&Offchain, token, 0, b"media", &ladder());
        let upload = Upload::begin(&rig, &h1(), &segment);
        upload.send(b"me").await;
        held.push(upload);
    }
    // Both are being read: that is what makes them worth more than a new one.
    let reading = async {
        while rig.node.status().sessions.len() < 2 {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, reading).await.expect("the uploads are read");
    assert!(
        say(address, b"GET /healthz HTTP/1.1\r\nHost: here\r\n\r\n")
            .await
            .is_empty()
    );
    held.into_iter().for_each(Upload::break_off);
    // Their places are free as soon as the node has seen them go.
    let again = async {
        while h1().get(rig.url("/healthz")).send().await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, again).await.expect("the places are given back");
}

#[tokio::test]
async fn headers_may_be_large_and_no_larger() {
    let rig = node().await;
    let (token, clip) = (rig.token().await, clip());
    let header = to_header(&credentials(&Offchain, &token, 0, &clip, &ladder()));
    for client in [h1(), h2()] {
        let post = |kib: usize| {
            client
                .post(rig.url("/segment"))
                .header("Livepeer-Segment", &header)
                .header("X-Padding", "x".repeat(kib << 10))
                .body(clip.clone())
                .send()
        };
        data(result(post(900).await.unwrap()).await);
        // HTTP/1.1 clients may see the connection closed before they have sent it all.
        if let Ok(answer) = post(2200).await {
            assert_eq!(answer.status(), 431);
        }
    }
    still_answers(&rig).await;
}

#[tokio::test]
async fn uploads_share_a_bounded_room() {
    let rig = node_with(|config| config.limits.upload_bytes = 1 << 20).await;
    let token = rig.token().await;
    let large = Bytes::from(vec![0x47; 2 << 20]);
    let segment = credentials(&Offchain, &token, 0, &large, &ladder());
    for client in [h1(), h2()] {
        let answer = rig.post(&client, &segment, large.clone()).await;
        assert_eq!(refusal(answer).await, (503, "OrchestratorBusy".to_string()));
    }
    // The room is free again.
    data(rig.transcode(&h2(), &token, 1, &clip()).await);
}
