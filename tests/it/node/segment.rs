//! Segments: from credentials to renditions, and every way to be refused.

use alloy::signers::local::PrivateKeySigner;
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use engine::{
    media::count::count,
    wire::{
        net,
        segment::to_header,
        signature::{self, LocalSigner, MessageSigner, Offchain},
        token::AuthTokens,
    },
};
use jiff::Timestamp;
use prost::Message;

use super::{
    harness::{
        Gate, Rig, credentials, data, error, h1, h2, held_node, ladder, node, node_of, node_with, refusal,
        result,
    },
    transcoder::clip,
};

/// The shape and size of each rendition, from the bytes that are downloaded.
async fn download(rig: &Rig, made: &net::TranscodeData) -> Vec<Bytes> {
    let client = h1();
    let mut files = Vec::new();
    for segment in &made.segments {
        let answer = client.get(&segment.url).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{}", segment.url);
        let headers = answer.headers().clone();
        let file = answer.bytes().await.unwrap();
        assert_eq!(headers["content-length"], file.len().to_string());
        assert_eq!(headers["access-control-allow-origin"], "*");
        assert_eq!(headers["cache-control"], "max-age=5");
        assert!(segment.url.starts_with(&rig.url("/stream/")), "{}", segment.url);
        files.push(file);
    }
    files
}

#[tokio::test]
async fn renditions_come_back_counted_and_downloadable() {
    let clip = clip();
    for tls in [true, false] {
        let rig = node_with(|config| config.tls = tls).await;
        for (seq, client) in [h1(), h2()].into_iter().enumerate() {
            let token = rig.token().await;
            let answer = rig.transcode(&client, &token, seq as u64, &clip).await;
            assert_eq!(answer.seq, seq as i64);
            assert_eq!(answer.info.as_ref().unwrap().auth_token, Some(token.clone()));
            let made = data(answer);
            assert!(made.sig.is_empty());
            let files = download(&rig, &made).await;
            assert_eq!(files.len(), 2);
            for (profile, (file, segment)) in ladder().iter().zip(files.iter().zip(&made.segments)) {
                let path = format!("/stream/{}/{}/{seq}.ts", token.session_id, profile.name);
                assert_eq!(segment.url, rig.url(&path));
                let frames = count(file).unwrap().frames;
                assert_eq!(frames, 30);
                let size = u64::from(profile.width) * u64::from(profile.height);
                assert_eq!(segment.pixels.unsigned_abs(), frames * size);
            }
        }
    }
}

#[tokio::test]
async fn a_node_with_an_account_vouches_for_what_it_made() {
    let account = LocalSigner(PrivateKeySigner::random());
    let gateway = LocalSigner(PrivateKeySigner::random());
    let tokens = AuthTokens::generate();
    let rig = node_of(account.clone(), Gate::new(true), |config| {
        config.tokens = Some(tokens.clone())
    })
    .await;
    let token = tokens.issue(Timestamp::now());
    let clip = clip();
    let payment = |sender: Vec<u8>| {
        let payment = net::Payment {
            sender,
            ..net::Payment::default()
        };
        STANDARD.encode(payment.encode_to_vec())
    };
    let post = |segment: net::SegData, payment: String| {
        h2().post(rig.url("/segment"))
            .header("Livepeer-Segment", to_header(&segment))
            .header("Livepeer-Payment", payment)
            .body(clip.clone())
            .send()
    };
    let signed = credentials(&gateway, &token, 0, &clip, &ladder());
    let unsigned = credentials(&Offchain, &token, 0, &clip, &ladder());
    let stranger = account.address().to_vec();
    for (segment, sender) in [(&unsigned, gateway.address().to_vec()), (&signed, stranger)] {
        let answer = post(segment.clone(), payment(sender)).await.unwrap();
        assert_eq!(refusal(answer).await, (403, "ErrSegSig".to_string()));
    }
    let answer = post(signed, payment(gateway.address().to_vec())).await.unwrap();
    let made = data(result(answer).await);
    let files = download(&rig, &made).await;
    let message = signature::renditions_message(&files);
    assert!(signature::verify(account.address(), &message, &made.sig));
    let status = rig.node.status();
    assert_eq!(status.sessions[0].gateway, Some(gateway.address()));
    assert_eq!(status.address, Some(account.address()));
}

#[tokio::test]
async fn every_refusal_has_its_status_and_text() {
    let tokens = AuthTokens::generate();
    let rig = node_with(|config| config.tokens = Some(tokens.clone())).await;
    let clip = clip();
    let token = rig.token().await;
    let good = credentials(&Offchain, &token, 0, &clip, &ladder());
    let expired = tokens.make("deadbeef".into(), Timestamp::now().as_second() - 1);
    let foreign = AuthTokens::generate().issue(Timestamp::now());
    let with = |change: &dyn Fn(&mut net::SegData)| {
        let mut segment = good.clone();
        change(&mut segment);
        to_header(&segment)
    };
    let profile =
        |change: &dyn Fn(&mut net::VideoProfile)| with(&|segment| change(&mut segment.full_profiles[0]));
    let fine = to_header(&good);
    let rows: Vec<(&str, String, String, u16, &str)> = vec![
        (
            "payment",
            "%%%".into(),
            fine.clone(),
            402,
            "base64 decode error: ",
        ),
        (
            "payment message",
            STANDARD.encode([0xff; 9]),
            fine.clone(),
            402,
            "protobuf unmarshal error: ",
        ),
        ("encoding", String::new(), "%%%".into(), 403, "ErrorSegEncoding"),
        ("message", String::new(), STANDARD.encode([0xff; 9]), 403, ""),
        (
            "container",
            String::new(),
            profile(&|profile| profile.format = 9),
            403,
            "unrecognized profile output format",
        ),
        (
            "profile",
            String::new(),
            profile(&|profile| profile.profile = 9),
            403,
            "unrecognized encoder profile",
        ),
        (
            "codec",
            String::new(),
            profile(&|profile| profile.encoder = 9),
            403,
            "unrecognized video codec",
        ),
        (
            "negative",
            String::new(),
            with(&|segment| segment.duration = -1),
            403,
            "invalid duration",
        ),
        (
            "long",
            String::new(),
            with(&|segment| segment.duration = 300_001),
            403,
            "invalid duration",
        ),
        (
            "needs",
            String::new(),
            with(&|segment| segment.capabilities = None),
            403,
            "incompatible capabilities",
        ),
        (
            "hevc",
            String::new(),
            with(&|segment| segment.capabilities.as_mut().unwrap().bitstring = vec![1 << 16]),
            403,
            "incompatible capabilities",
        ),
        (
            "newer",
            String::new(),
            with(&|segment| {
                let capabilities = segment.capabilities.as_mut().unwrap();
                capabilities.constraints.as_mut().unwrap().min_version = "1.0.0".into();
            }),
            403,
            "incompatible capabilities",
        ),
        (
            "no token",
            String::new(),
            with(&|segment| segment.auth_token = None),
            403,
            "missing auth token",
        ),
        (
            "foreign",
            String::new(),
            with(&|segment| segment.auth_token = Some(foreign.clone())),
            403,
            "invalid auth token",
        ),
        (
            "expired",
            String::new(),
            with(&|segment| segment.auth_token = Some(expired.clone())),
            403,
            "expired auth token",
        ),
        (
            "hash",
            String::new(),
            with(&|segment| segment.hash = vec![7; 32]),
            403,
            "Forbidden",
        ),
    ];
    for client in [h1(), h2()] {
        for (name, payment, segment, status, text) in &rows {
            let post = |path: &str| {
                client
                    .post(rig.url(path))
                    .header("Livepeer-Segment", segment)
                    .header("Livepeer-Payment", payment)
                    .body(clip.clone())
                    .send()
            };
            let (answered, said) = refusal(post("/segment").await.unwrap()).await;
            assert_eq!(answered, *status, "{name}: {said}");
            assert!(
                said == *text || text.ends_with(": ") && said.starts_with(text) || text.is_empty(),
                "{name}: {said}"
            );
            if *name != "hash" {
                assert_eq!(
                    refusal(post("/payment").await.unwrap()).await,
                    (answered, said),
                    "{name}"
                );
            }
        }
    }
    assert!(rig.node.status().sessions.is_empty());
}

#[tokio::test]
async fn an_empty_payment_is_taken_and_answered() {
    let rig = node().await;
    let token = rig.token().await;
    let segment = credentials(&Offchain, &token, 0, b"", &ladder());
    let answer = h2()
        .post(rig.url("/payment"))
        .header("Livepeer-Segment", to_header(&segment))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    let info = net::PaymentResult::decode(answer.bytes().await.unwrap())
        .unwrap()
        .info
        .unwrap();
    assert_eq!(info.auth_token, Some(token));
    assert_eq!(info.transcoder, rig.node.service_uri());
}

#[tokio::test]
async fn the_status_comes_before_the_renditions() {
    let rig = held_node(|_| {}).await;
    let clip = clip();
    let mut answers = Vec::new();
    for client in [h1(), h2()] {
        let token = rig.token().await;
        let segment = credentials(&Offchain, &token, 0, &clip, &ladder());
        // Resolves with the head; nothing is transcoded as long as the gate is shut.
        let answer = rig.post(&client, &segment, clip.clone()).await;
        assert_eq!(answer.status(), 200);
        assert!(answer.headers().get("content-type").is_none());
        assert!(answer.headers().get("content-length").is_none());
        answers.push(answer);
    }
    assert_eq!(rig.node.status().work.segments_done, 0);
    rig.gate.open();
    for answer in answers {
        assert_eq!(data(result(answer).await).segments.len(), 2);
    }
}

#[tokio::test]
async fn a_refusal_reaches_a_gateway_that_is_still_sending() {
    let rig = node().await;
    let foreign = AuthTokens::generate().issue(Timestamp::now());
    let large = Bytes::from(vec![0x47; 12 << 20]);
    let segment = credentials(&Offchain, &foreign, 0, &large, &ladder());
    for client in [h1(), h2()] {
        let answer = rig.post(&client, &segment, large.clone()).await;
        assert_eq!(refusal(answer).await, (403, "invalid auth token".to_string()));
    }
}

#[tokio::test]
async fn a_source_can_be_fetched_from_where_the_body_says() {
    let rig = node().await;
    let token = rig.token().await;
    let first = data(rig.transcode(&h2(), &token, 0, &clip()).await);
    // What the node made of the first segment is the source of the second one.
    let source = download(&rig, &first).await.swap_remove(0);
    let segment = credentials(&Offchain, &token, 1, &source, &ladder());
    let post = |body: String| {
        h2().post(rig.url("/segment"))
            .header("Livepeer-Segment", to_header(&segment))
            .header("Content-Type", "application/vnd+livepeer.uri")
            .body(body)
            .send()
    };
    let made = data(result(post(first.segments[0].url.clone()).await.unwrap()).await);
    assert_eq!(made.segments.len(), 2);
    let other = post(first.segments[1].url.clone()).await.unwrap();
    assert_eq!(refusal(other).await, (403, "Forbidden".to_string()));
    for wrong in [
        rig.url("/stream/none/none/0.ts"),
        "no url".into(),
        "file:///etc/passwd".into(),
    ] {
        let answer = post(wrong).await.unwrap();
        assert_eq!(refusal(answer).await, (400, "BadRequest".to_string()));
    }
}

#[tokio::test]
async fn strangers_cannot_make_a_public_node_ask_its_neighbours() {
    let rig = node_with(|config| config.private_sources = false).await;
    let token = rig.token().await;
    let made = data(rig.transcode(&h2(), &token, 0, &clip()).await);
    let source = download(&rig, &made).await.swap_remove(0);
    let segment = credentials(&Offchain, &token, 1, &source, &ladder());
    let answer = h2()
        .post(rig.url("/segment"))
        .header("Livepeer-Segment", to_header(&segment))
        .header("Content-Type", "application/vnd+livepeer.uri")
        .body(made.segments[0].url.clone())
        .send()
        .await
        .unwrap();
    assert_eq!(refusal(answer).await, (400, "BadRequest".to_string()));
}

#[tokio::test]
async fn a_session_queues_four_and_the_next_is_too_many() {
    let rig = held_node(|config| config.max_sessions = 1).await;
    let (clip, client) = (clip(), h2());
    let token = rig.token().await;
    let mut answers = Vec::new();
    for seq in 0..6 {
        let segment = credentials(&Offchain, &token, seq, &clip, &ladder());
        answers.push(rig.post(&client, &segment, clip.clone()).await);
        if seq == 0 {
            rig.gate.entered(1).await;
        }
    }
    assert_eq!(error(result(answers.pop().unwrap()).await), "OrchestratorBusy");

    // The only session is taken: the next one gets neither token nor place.
    let request = net::OrchestratorRequest::default();
    let capped = rig.grpc().await.get_orchestrator(request).await.unwrap_err();
    assert_eq!(
        capped.message(),
        "Invalid orchestrator request: OrchestratorCapped"
    );
    rig.gate.open();
    for (seq, answer) in answers.into_iter().enumerate() {
        let answer = result(answer).await;
        assert_eq!(answer.seq, seq as i64);
        data(answer);
    }
    let status = rig.node.status();
    assert_eq!(status.sessions[0].segments_done, 5);
    assert_eq!(status.work.sessions_refused, 1);
    assert_eq!(status.notices[0].code, "sessions_full");
}

#[tokio::test]
async fn a_full_node_refuses_segments_of_other_sessions() {
    let rig = node_with(|config| config.max_sessions = 1).await;
    let (clip, client) = (clip(), h2());
    let (first, second) = (rig.token().await, rig.token().await);
    data(rig.transcode(&client, &first, 0, &clip).await);
    let segment = credentials(&Offchain, &second, 0, &clip, &ladder());
    let answer = rig.post(&client, &segment, clip.clone()).await;
    assert_eq!(refusal(answer).await, (403, "OrchestratorCapped".to_string()));
    // Once the first one is ended there is room, and its renditions are gone.
    let url = rig.url(&format!("/stream/{}/{}/0.ts", first.session_id, ladder()[0].name));
    assert_eq!(h1().get(&url).send().await.unwrap().status(), 200);
    rig.end_session(first).await;
    let gone = h1().get(&url).send().await.unwrap();
    assert_eq!(refusal(gone).await, (404, "ErrNotFound".to_string()));
    data(rig.transcode(&client, &second, 0, &clip).await);
}

#[tokio::test]
async fn ending_a_session_stops_what_runs_in_it() {
    let rig = held_node(|_| {}).await;
    let clip = clip();
    let token = rig.token().await;
    let segment = credentials(&Offchain, &token, 0, &clip, &ladder());
    let answer = rig.post(&h2(), &segment, clip.clone()).await;
    rig.gate.entered(1).await;
    rig.end_session(token).await;
    assert_eq!(error(result(answer).await), "TranscoderStopped");
    assert!(rig.node.status().sessions.is_empty());
}

#[tokio::test]
async fn work_for_a_gateway_that_left_is_stopped() {
    for client in [h1(), h2()] {
        let rig = held_node(|_| {}).await;
        let clip = clip();
        let segment = credentials(&Offchain, &rig.token().await, 0, &clip, &ladder());
        let answer = rig.post(&client, &segment, clip.clone()).await;
        rig.gate.entered(1).await;
        drop((answer, client));
        let waiting = async {
            while rig.node.status().work.segments_failed == 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(super::harness::PATIENCE, waiting)
            .await
            .expect("the work ends");
        assert_eq!(
            rig.node.status().sessions[0].last_error.as_deref(),
            Some("TranscoderStopped")
        );
    }
}

#[tokio::test]
async fn twelve_renditions_of_a_rung_wait_for_download() {
    let rig = node().await;
    let (clip, client) = (clip(), h2());
    let token = rig.token().await;
    for seq in 0..13 {
        data(rig.transcode(&client, &token, seq, &clip).await);
    }
    let name = &ladder()[1].name;
    for (seq, status) in [(0, 404), (1, 200), (12, 200)] {
        let url = rig.url(&format!("/stream/{}/{name}/{seq}.ts", token.session_id));
        assert_eq!(h1().get(url).send().await.unwrap().status(), status, "{seq}");
    }
}

#[tokio::test]
async fn what_cannot_be_transcoded_is_told_in_the_result() {
    let rig = node().await;
    let client = h2();
    let token = rig.token().await;
    let garbage = Bytes::from_static(b"this is no video, whatever the gateway says about it");
    let told = rig.transcode(&client, &token, 0, &garbage).await;
    assert_eq!(told.info.as_ref().unwrap().auth_token, Some(token.clone()));
    assert!(!error(told).is_empty());

    let clip = clip();
    let mut no_rungs = credentials(&Offchain, &token, 1, &clip, &ladder());
    no_rungs.full_profiles.clear();
    let answer = rig.post(&client, &no_rungs, clip.clone()).await;
    assert_eq!(error(result(answer).await), "Invalid argument");

    let mut gop = credentials(&Offchain, &token, 2, &clip, &ladder());
    gop.full_profiles[0].gop = -2;
    let answer = rig.post(&client, &gop, clip.clone()).await;
    assert_eq!(error(result(answer).await), "TranscoderInvalidGOP");

    let status = rig.node.status();
    assert_eq!(status.sessions[0].segments_failed, 3);
    assert_eq!(
        status.sessions[0].last_error.as_deref(),
        Some("TranscoderInvalidGOP")
    );
}

#[tokio::test]
async fn odd_profile_names_are_downloadable_and_apart() {
    let rig = node().await;
    let clip = clip();
    let mut rungs = ladder();
    rungs[0].name = "../live/é?#%2F".into();
    rungs[1].name = rungs[0].name.clone();
    let token = rig.token().await;
    let segment = credentials(&Offchain, &token, 0, &clip, &rungs);
    let made = data(result(rig.post(&h2(), &segment, clip.clone()).await).await);
    let files = download(&rig, &made).await;
    assert_ne!(made.segments[0].url, made.segments[1].url);
    assert_ne!(files[0], files[1]);
}

#[tokio::test]
async fn a_name_made_up_for_one_rung_can_be_anothers() {
    let rig = node().await;
    let clip = clip();
    let mut rungs = ladder();
    rungs.push(rungs[0].clone());
    for (rung, name) in rungs.iter_mut().zip(["a", "a", "a-1"]) {
        rung.name = name.into();
    }
    let segment = credentials(&Offchain, &rig.token().await, 0, &clip, &rungs);
    let made = data(result(rig.post(&h2(), &segment, clip.clone()).await).await);
    let urls: std::collections::HashSet<_> = made.segments.iter().map(|segment| &segment.url).collect();
    assert_eq!(urls.len(), 3, "{urls:?}");
    assert_eq!(download(&rig, &made).await.len(), 3);
}
