//! Every way a request can be wrong, provoked from outside: the answer is exactly the protocol's, over both versions of
//! HTTP, and the node goes on serving.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use alloy::signers::local::PrivateKeySigner;
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use engine::wire::{
    net::{self, orchestrator_client::OrchestratorClient},
    segment::to_header,
    signature::{LocalSigner, MessageSigner, Offchain},
    tls,
    token::AuthTokens,
};
use jiff::Timestamp;
use prost::Message;
use reqwest::{Body, Client, Response};
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_rustls::TlsConnector;

use super::{
    harness::{
        Gate, PATIENCE, Rig, Upload, credentials, data, h1, h2, ladder, node, node_of, node_with, offer_of,
        refusal, result,
    },
    transcoder::clip,
};

async fn post(
    rig: &Rig,
    client: &Client,
    (payment, segment): (&str, &str),
    body: impl Into<Body>,
) -> Response {
    let request = client
        .post(rig.url("/segment"))
        .header("Livepeer-Payment", payment)
        .header("Livepeer-Segment", segment)
        .body(body);
    let answer = timeout(PATIENCE, request.send()).await;
    answer.expect("an answer").unwrap()
}

/// A body of which no byte ever comes.
fn endless() -> Body {
    Body::wrap_stream(futures_util::stream::pending::<Result<Bytes, std::io::Error>>())
}

/// Resolves once the node has no session: what was refused or broke off left none behind.
async fn no_sessions(rig: &Rig) {
    let waiting = async {
        while !rig.node.status().sessions.is_empty() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, waiting).await.expect("no session is left");
}

#[tokio::test]
async fn of_several_faults_the_first_is_told() {
    let tokens = AuthTokens::generate();
    let gateway = LocalSigner(PrivateKeySigner::random());
    let rig = node_of(
        LocalSigner(PrivateKeySigner::random()),
        Gate::new(true),
        |config| {
            config.tokens = Some(tokens.clone());
            config.max_sessions = 1;
        },
    )
    .await;
    let clip = clip();
    let payment = STANDARD.encode(
        net::Payment {
            sender: gateway.address().to_vec(),
            ..net::Payment::default()
        }
        .encode_to_vec(),
    );
    // The only session is taken.
    let taken = tokens.make("11111111".into(), Timestamp::now().as_second() + 600);
    let segment = to_header(&credentials(&gateway, &taken, 0, &clip, &ladder()));
    data(result(post(&rig, &h2(), (&payment, &segment), clip.clone()).await).await);

    // Each row mends what the one before it was refused for, and nothing else.
    let expired = tokens.make("22222222".into(), Timestamp::now().as_second() - 1);
    let mut wrong = credentials(&Offchain, &expired, 0, &clip, &ladder());
    wrong.hash = vec![7; 32];
    wrong.duration = -1;
    wrong.full_profiles[0].encoder = 9;
    wrong.capabilities.as_mut().unwrap().bitstring = vec![1 << 16];
    let auth_token = wrong.auth_token.take();
    let foreign = AuthTokens::generate().issue(Timestamp::now());
    let good = tokens.issue(Timestamp::now());
    let signed = |segment: &net::SegData| {
        let profiles = engine::wire::segment::to_profiles(segment).unwrap();
        let hash = engine::wire::segment::hash_of(segment);
        let flat = engine::wire::segment::flatten(&segment.manifest_id, segment.seq, hash, &profiles);
        net::SegData {
            sig: gateway.sign(&flat),
            ..segment.clone()
        }
    };
    let mut rows: Vec<(String, String, u16, &str)> = vec![
        ("%".into(), "%".into(), 402, "base64 decode error: "),
        (
            STANDARD.encode([0xff; 9]),
            "%".into(),
            402,
            "protobuf unmarshal error: ",
        ),
        (payment.clone(), "%".into(), 403, "ErrorSegEncoding"),
    ];
    let mut row = |segment: &net::SegData, status, text| {
        rows.push((payment.clone(), to_header(segment), status, text));
    };
    row(&wrong, 403, "unrecognized video codec");
    wrong.full_profiles[0].encoder = 0;
    row(&wrong, 403, "invalid duration");
    wrong.duration = 1000;
    row(&wrong, 403, "ErrSegSig");
    wrong = signed(&wrong);
    row(&wrong, 403, "incompatible capabilities");
    wrong.capabilities = credentials(&Offchain, &good, 0, &clip, &ladder()).capabilities;
    row(&wrong, 403, "missing auth token");
    wrong.auth_token = Some(foreign);
    row(&wrong, 403, "invalid auth token");
    wrong.auth_token = auth_token;
    row(&wrong, 403, "expired auth token");
    wrong.auth_token = Some(good);
    row(&wrong, 403, "OrchestratorCapped");
    wrong.auth_token = Some(taken);
    row(&wrong, 403, "Forbidden");
    wrong.hash = alloy::primitives::keccak256(&clip).to_vec();
    wrong = signed(&wrong);
    let last = to_header(&wrong);

    for client in [h1(), h2()] {
        for (payment, segment, status, text) in &rows {
            let answer = post(&rig, &client, (payment, segment), clip.clone()).await;
            let (answered, said) = refusal(answer).await;
            let is_told = said == *text || text.ends_with(": ") && said.starts_with(text);
            assert!(
                answered == *status && is_told,
                "{answered} {said} instead of {status} {text}"
            );
        }
        data(result(post(&rig, &client, (&payment, &last), clip.clone()).await).await);
    }
}

#[tokio::test]
async fn a_segment_larger_than_any_is_refused_by_its_length() {
    let rig = node().await;
    for client in [h1(), h2()] {
        let segment = to_header(&credentials(&Offchain, &rig.token().await, 0, b"", &ladder()));
        let request = client
            .post(rig.url("/segment"))
            .header("Livepeer-Segment", segment)
            .header("Content-Length", "300000001")
            .body(endless());
        let answer = timeout(PATIENCE, request.send())
            .await
            .expect("an answer")
            .unwrap();
        assert_eq!(refusal(answer).await, (500, "Internal Server Error".to_string()));
    }
    no_sessions(&rig).await;
}

#[tokio::test]
async fn a_sender_that_is_too_slow_is_given_up() {
    let rig = node_with(|config| config.limits.upload_time = Duration::from_millis(300)).await;
    for client in [h1(), h2()] {
        for kind in ["video/MP2T", "application/vnd+livepeer.uri"] {
            let segment = to_header(&credentials(&Offchain, &rig.token().await, 0, b"", &ladder()));
            let request = client
                .post(rig.url("/segment"))
                .header("Livepeer-Segment", segment)
                .header("Content-Type", kind)
                .body(endless());
            let answer = timeout(PATIENCE, request.send())
                .await
                .expect("an answer")
                .unwrap();
            assert_eq!(
                refusal(answer).await,
                (500, "Internal Server Error".to_string()),
                "{kind}"
            );
        }
    }
    no_sessions(&rig).await;
}

#[tokio::test]
async fn a_source_that_cannot_be_had_is_a_bad_request() {
    let rig = node_with(|config| config.max_sessions = 20).await;
    // One that takes connections and says nothing, and one that is not there.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gone = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let urls = [
        format!("http://{}/0.ts", silent.local_addr().unwrap()),
        format!("http://{gone}/0.ts"),
        rig.url("/stream/none/none/0.ts"),
        "gopher://127.0.0.1/".to_string(),
        String::new(),
        "x".repeat(70 << 10),
    ];
    let mut asked = Vec::new();
    for client in [h1(), h2()] {
        for url in &urls {
            let segment = to_header(&credentials(&Offchain, &rig.token().await, 0, b"", &ladder()));
            let request = client
                .post(rig.url("/segment"))
                .header("Livepeer-Segment", segment)
                .header("Content-Type", "application/vnd+livepeer.uri")
                .body(url.clone());
            asked.push(async move { refusal(request.send().await.unwrap()).await });
        }
    }
    let answers = timeout(PATIENCE, futures_util::future::join_all(asked)).await;
    for answer in answers.expect("answers") {
        assert_eq!(answer, (400, "BadRequest".to_string()));
    }
    no_sessions(&rig).await;
}

#[tokio::test]
async fn a_token_works_again_and_a_result_replaces_the_one_before() {
    let rig = node().await;
    let clip = clip();
    let token = rig.token().await;
    let segment = to_header(&credentials(&Offchain, &token, 7, &clip, &ladder()));
    for client in [h1(), h2()] {
        // Gateways that try again send the very same request: it is not theirs to be refused.
        let made = data(result(post(&rig, &client, ("", &segment), clip.clone()).await).await);
        assert_eq!(
            h1().get(&made.segments[0].url).send().await.unwrap().status(),
            200
        );
    }
    assert_eq!(rig.node.status().sessions.len(), 1);
    rig.end_session(token.clone()).await;
    assert!(rig.node.status().sessions.is_empty());
    data(result(post(&rig, &h2(), ("", &segment), clip.clone()).await).await);
    assert_eq!(rig.node.status().sessions[0].id, token.session_id);
}

/// Writes, closes the sending side, and reads what comes until the end.
async fn half_close(mut stream: TcpStream, bytes: &[u8]) -> Vec<u8> {
    let mut answer = Vec::new();
    let talk = async {
        stream.write_all(bytes).await.unwrap();
        stream.shutdown().await.unwrap();
        // It may be cut instead of closed.
        let _ = stream.read_to_end(&mut answer).await;
    };
    timeout(PATIENCE, talk)
        .await
        .expect("the node closes the connection");
    answer
}

#[tokio::test]
async fn half_closed_uploads_leave_nothing_behind() {
    let rig = node_with(|config| config.tls = false).await;
    let segment = credentials(&Offchain, &rig.token().await, 0, b"media", &ladder());
    let head = format!(
        "POST /segment HTTP/1.1\r\nHost: here\r\nLivepeer-Segment: {}\r\nContent-Length: 1000\r\n\r\nme",
        to_header(&segment)
    );
    let stream = TcpStream::connect(rig.node.service_addr()).await.unwrap();
    let answer = half_close(stream, head.as_bytes()).await;
    assert!(
        answer.is_empty() || answer.starts_with(b"HTTP/1.1 500 "),
        "{answer:?}"
    );
    // The same over HTTP/2: the stream is reset in the middle.
    let upload = Upload::begin(&rig, &h2(), &segment);
    upload.send(b"me").await;
    upload.break_off();
    no_sessions(&rig).await;
    data(rig.transcode(&h1(), &rig.token().await, 1, &clip()).await);
}

/// What the node says to these bytes before it closes.
async fn say(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let mut answer = Vec::new();
    let talk = async {
        stream.write_all(bytes).await.unwrap();
        let _ = stream.read_to_end(&mut answer).await;
    };
    timeout(PATIENCE, talk)
        .await
        .expect("the node closes the connection");
    String::from_utf8_lossy(&answer).into_owned()
}

/// A TLS connection that offers these protocols, and which one was agreed on.
async fn shake(
    address: SocketAddr,
    protocols: &[&[u8]],
) -> std::io::Result<(tokio_rustls::client::TlsStream<TcpStream>, Option<Vec<u8>>)> {
    let config = tls::accept_any_client_config(protocols).unwrap();
    let tcp = TcpStream::connect(address).await?;
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let stream = TlsConnector::from(Arc::new(config)).connect(name, tcp).await?;
    let agreed = stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
    Ok((stream, agreed))
}

#[tokio::test]
async fn mixed_up_protocols_are_answered_or_refused() {
    let encrypted = node().await;
    let plain = node_with(|config| config.tls = false).await;
    let (secret, open) = (encrypted.node.service_addr(), plain.node.service_addr());

    // HTTP and HTTP/2 without TLS on the port with TLS.
    let told = say(secret, b"GET /healthz HTTP/1.1\r\nHost: here\r\n\r\n").await;
    assert!(
        told.starts_with("HTTP/1.0 400 ") && told.contains("HTTPS"),
        "{told}"
    );
    let told = say(secret, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    assert!(told.starts_with("HTTP/1.0 400 "), "{told}");
    // TLS on the port without.
    assert!(shake(open, &[tls::HTTP2]).await.is_err());
    // An old version of HTTP, and one that is none.
    let old = say(open, b"GET /healthz HTTP/1.0\r\n\r\n").await;
    assert!(
        old.starts_with("HTTP/1.0 200 ") || old.starts_with("HTTP/1.1 200 "),
        "{old}"
    );
    let none = say(open, b"GET /healthz HTTP/9.9\r\nHost: here\r\n\r\n").await;
    assert!(none.starts_with("HTTP/1.1 400 ") || none.is_empty(), "{none}");
    let clip = clip();
    let segment = to_header(&credentials(&Offchain, &plain.token().await, 0, &clip, &ladder()));
    let mut old_segment = format!(
        "POST /segment HTTP/1.0\r\nLivepeer-Segment: {segment}\r\nContent-Length: {}\r\n\r\n",
        clip.len()
    )
    .into_bytes();
    old_segment.extend_from_slice(&clip);
    let mut stream = TcpStream::connect(open).await.unwrap();
    stream.write_all(&old_segment).await.unwrap();
    let mut answer = Vec::new();
    let read = timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
    read.expect("the node closes the connection").unwrap();
    let body = answer
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .unwrap()
        + 4;
    data(net::TranscodeResult::decode(&answer[body..]).unwrap());

    // Without ALPN both versions are known by how they begin; a protocol nobody speaks is refused in the handshake.
    let (mut stream, agreed) = shake(secret, &[]).await.unwrap();
    assert_eq!(agreed, None);
    stream
        .write_all(b"GET /healthz HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert_eq!(
        shake(secret, &[tls::HTTP1, tls::HTTP2]).await.unwrap().1.unwrap(),
        tls::HTTP2
    );
    assert_eq!(shake(secret, &[tls::HTTP1]).await.unwrap().1.unwrap(), tls::HTTP1);
    assert!(shake(secret, &[b"spdy/1"]).await.is_err());

    // gRPC without TLS is for ports without TLS, and HTTP/1.1 is no gRPC.
    offer_of(plain.node.service_uri()).await;
    let grpc = h1()
        .post(encrypted.url("/net.Orchestrator/GetOrchestrator"))
        .header("Content-Type", "application/grpc")
        .body(vec![0; 5])
        .send()
        .await
        .unwrap();
    assert_eq!(grpc.status(), 404);
    for rig in [&encrypted, &plain] {
        data(rig.transcode(&h2(), &rig.token().await, 1, &clip).await);
    }
}

#[tokio::test]
async fn messages_larger_than_grpc_allows_cost_the_caller_only() {
    let rig = node().await;
    let mut grpc: OrchestratorClient<_> = rig.grpc().await;
    let large = net::OrchestratorRequest {
        sig: vec![7; 5 << 20],
        ..net::OrchestratorRequest::default()
    };
    grpc.get_orchestrator(large).await.unwrap_err();
    rig.offer().await;
}

/// This process holds both ends of all connections.
fn allow_many_files() {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let raised = rustix::process::Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, raised).unwrap();
}

#[tokio::test]
async fn a_thousand_silent_connections_keep_nobody_out() {
    allow_many_files();
    for tls in [true, false] {
        let rig = node_with(|config| {
            config.tls = tls;
            config.limits.service.connections = 200;
        })
        .await;
        let address = rig.node.service_addr();
        let beginnings: [&[u8]; 4] = [
            b"",
            b"\x16\x03\x01\x02",
            b"PRI * HTTP/2.0\r\n",
            b"POST /segment HTTP/1.1\r\nHo",
        ];
        let mut silent = Vec::new();
        let clip = clip();
        let token = rig.token().await;
        for (seq, client) in [h1(), h2(), h1(), h2()].into_iter().enumerate() {
            for beginning in beginnings.iter().cycle().take(250) {
                let mut stream = TcpStream::connect(address).await.unwrap();
                // It may have been closed already, to make room for the next ones.
                let _ = stream.write_all(beginning).await;
                silent.push(stream);
            }
            rig.offer().await;
            data(rig.transcode(&client, &token, seq as u64, &clip).await);
        }
        assert_eq!(silent.len(), 1000);
    }
}
