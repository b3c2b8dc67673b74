//! Orchestrators that lie, stall and die: each time the push ends in bounds and names what was wrong.

use std::{
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use alloy::{primitives::Address, signers::local::PrivateKeySigner};
use engine::{
    gateway::{
        PushConfig,
        orchestrator::OrchestratorError,
        verify::{Promise, VerifyError, verify},
    },
    media::size::Size,
    view::push::{PushReport, PushStage},
    wire::{
        net,
        signature::{LocalSigner, MessageSigner},
    },
};

use super::{
    clip, config, pushed, refusal, rung,
    scripted::{Deed, PATIENCE, Scripted},
    tools,
};

fn one_rung(scripted: &Scripted, seconds: u32) -> PushConfig {
    config(&clip(seconds), scripted.uri(), vec![rung("same", 320, 180)])
}

async fn report(config: PushConfig) -> PushReport {
    let (report, _) = tokio::time::timeout(PATIENCE, pushed(config))
        .await
        .expect("it did not end");
    report.unwrap()
}

/// Pushes one segment once, with `deed` done to it, and gives what failed.
async fn failure(deed: Deed) -> (PushStage, String) {
    let scripted = Scripted::start(move |_, _| deed).await;
    let mut config = one_rung(&scripted, 2);
    config.attempts = 1;
    let report = report(config).await;
    assert!(!report.is_complete());
    assert_eq!(report.segments.failed, 1);
    assert_eq!(report.failures.len(), 1, "{:?}", report.failures);
    assert_eq!(scripted.ended().len(), 1, "the session was not given back");
    (report.failures[0].stage, report.failures[0].message.clone())
}

#[tokio::test]
async fn an_honest_one_is_believed() {
    let scripted = Scripted::start(|_, _| Deed::Honest).await;
    let report = report(one_rung(&scripted, 4)).await;
    assert!(report.is_complete(), "{report:#?}");
    assert_eq!(report.pixels_verified, 120 * 320 * 180);
}

#[tokio::test]
async fn answers_that_do_not_come_end_at_the_protocols_limits() {
    let start = Instant::now();
    let (stage, message) = failure(Deed::Silence).await;
    assert_eq!(
        (stage, message.as_str()),
        (PushStage::Submit, "no answer within 2.0 s of sending it")
    );
    assert!(start.elapsed() < Duration::from_secs(7));
    let (stage, message) = failure(Deed::HeadOnly).await;
    assert_eq!(
        (stage, message.as_str()),
        (PushStage::Submit, "no result within 8.0 s")
    );
}

#[tokio::test]
async fn answers_that_are_none_are_named() {
    for (deed, text) in [
        (Deed::Garbage, "not a transcode result"),
        (Deed::Endless, "longer than 4194304 bytes"),
        (Deed::Nothing, "neither renditions nor an error"),
        (Deed::WrongSegment, "for segment 1, not 0"),
    ] {
        let (stage, message) = failure(deed).await;
        assert_eq!(stage, PushStage::Submit);
        assert!(message.contains(text), "{deed:?}: {message}");
    }
}

#[tokio::test]
async fn renditions_that_are_not_as_promised_are_named() {
    for (deed, stage, text) in [
        (
            Deed::TooFew,
            PushStage::Answer,
            "0 renditions came for 1 profiles",
        ),
        (
            Deed::NotThere,
            PushStage::Download,
            "the server answered 404 Not Found",
        ),
        (Deed::NotVideo, PushStage::Verify, "does not decode"),
        (Deed::Damaged, PushStage::Verify, "it is damaged: "),
        (
            Deed::WrongPixels,
            PushStage::Verify,
            "3513600 pixels were reported, its 60 frames have 3456000",
        ),
    ] {
        let (found, message) = failure(deed).await;
        assert_eq!(found, stage, "{deed:?}: {message}");
        assert!(message.contains(text), "{deed:?}: {message}");
    }
}

#[tokio::test]
async fn a_rendition_without_end_is_given_up() {
    let (stage, message) = failure(Deed::EndlessRendition).await;
    assert_eq!(stage, PushStage::Download);
    // Whichever bound is met first: 300 MB or four seconds.
    assert!(
        message.contains("larger than") || message.contains("within 4 s"),
        "{message}"
    );
}

#[tokio::test]
async fn a_rendition_of_another_size_is_wrong() {
    let scripted = Scripted::start(|_, _| Deed::Honest).await;
    let report = report(config(&clip(2), scripted.uri(), vec![rung("small", 256, 144)])).await;
    assert_eq!(report.failures[0].stage, PushStage::Verify);
    assert_eq!(
        report.failures[0].message,
        "its picture is 320x180, it should be 256x144"
    );
}

#[tokio::test]
async fn without_verification_only_what_arrives_counts() {
    let scripted = Scripted::start(|_, _| Deed::WrongPixels).await;
    let mut config = one_rung(&scripted, 2);
    config.verifies = false;
    let report = report(config).await;
    assert!(report.is_complete());
    assert_eq!((report.renditions.received, report.renditions.verified), (1, 0));
}

#[tokio::test]
async fn a_result_must_be_signed_by_the_orchestrators_account() {
    let account = LocalSigner(PrivateKeySigner::random());
    let address = account.address();
    let scripted = Scripted::with(
        |seq, _| {
            if seq == 0 {
                Deed::ForeignSignature
            } else {
                Deed::Honest
            }
        },
        Some(account),
        |_| {},
    )
    .await;
    let report = report(one_rung(&scripted, 4)).await;
    assert_eq!((report.segments.failed, report.signatures_verified), (1, 1));
    assert_eq!(report.failures[0].stage, PushStage::Answer);
    assert_eq!(
        report.failures[0].message,
        format!("the result is not signed by {address}")
    );
}

/// Pushes two segments, one after the other, to an orchestrator whose account is `later` from its second word on.
async fn with_later_account(deed: Deed, later: Vec<u8>) -> (PushReport, Address) {
    let account = LocalSigner(PrivateKeySigner::random());
    let address = account.address();
    let words = AtomicU32::new(0);
    let info = move |info: &mut net::OrchestratorInfo| {
        if words.fetch_add(1, Ordering::Relaxed) > 0 {
            info.address.clone_from(&later);
        }
    };
    let scripted = Scripted::with(
        move |_, attempt| {
            if attempt == 1 {
                deed
            } else {
                Deed::ForeignSignature
            }
        },
        Some(account),
        info,
    )
    .await;
    let mut config = one_rung(&scripted, 4);
    config.in_flight = 1;
    config.attempts = 2;
    (report(config).await, address)
}

#[tokio::test]
async fn an_orchestrator_cannot_switch_the_check_of_its_signature_off() {
    let (report, address) = with_later_account(Deed::ForeignSignature, Vec::new()).await;
    let messages: Vec<_> = report.failures.iter().map(|failure| &failure.message).collect();
    let unsigned = format!("the result is not signed by {address}");
    assert_eq!(messages, [&unsigned, &unsigned]);

    // Nor with a new session.
    let (report, address) = with_later_account(Deed::Refuse(403, "invalid auth token"), Vec::new()).await;
    assert_eq!(report.segments.done, 0);
    assert_eq!(
        report.failures[0].message,
        format!("the orchestrator began as {address} and now names no account")
    );
}

#[tokio::test]
async fn an_orchestrator_keeps_the_account_it_began_with() {
    let other = Address::repeat_byte(7);
    let (report, address) = with_later_account(Deed::Honest, other.to_vec()).await;
    assert_eq!((report.segments.failed, report.failures.len()), (2, 2));
    assert_eq!(report.failures[0].stage, PushStage::Answer);
    assert_eq!(
        report.failures[0].message,
        format!("the orchestrator began as {address} and now names {other}")
    );
}

#[tokio::test]
async fn a_picture_larger_than_nodes_make_is_not_decoded() {
    let file = testbed::clip::drawn("gateway-huge.ts", |ffmpeg: &mut Command| {
        ffmpeg.args(["-f", "lavfi", "-i", "color=size=8256x4352:rate=1:duration=1"]);
        ffmpeg.args(["-c:v", "libx264", "-preset", "ultrafast", "-f", "mpegts"]);
    });
    let data = std::fs::read(file).unwrap().into();
    let profile = rung("huge", 8256, 4352);
    let promise = Promise {
        profile: &profile,
        source: Some(Size {
            width: 8256,
            height: 4352,
        }),
        pixels: 8256 * 4352,
    };
    let folder = tempfile::tempdir().unwrap();
    let refused = verify(&tools(), &folder.path().join("rendition"), &data, &promise).await;
    assert!(matches!(refused, Err(VerifyError::Undecodable(_))), "{refused:?}");
}

#[tokio::test]
async fn passing_errors_are_tried_again_and_final_ones_are_not() {
    let scripted = Scripted::start(|seq, attempt| match (seq, attempt) {
        (0, 1) => Deed::Fail("OrchestratorBusy"),
        (0, 2) => Deed::Refuse(500, "Internal Server Error"),
        (1, 1) => Deed::Refuse(403, "invalid auth token"),
        (2, _) => Deed::Fail("No keyframes in input"),
        (3, _) => Deed::Refuse(403, "ErrSegSig"),
        (4, _) => Deed::Fail("something else"),
        _ => Deed::Honest,
    })
    .await;
    let mut config = one_rung(&scripted, 10);
    config.in_flight = 1;
    let report = report(config).await;
    let attempts: Vec<u32> = (0..5).map(|seq| scripted.attempts(seq)).collect();
    assert_eq!(attempts, [3, 2, 1, 1, 3]);
    assert_eq!(
        (
            report.segments.done,
            report.segments.failed,
            report.segments.retried
        ),
        (2, 3, 3)
    );
    let messages: Vec<_> = report
        .failures
        .iter()
        .map(|failure| failure.message.as_str())
        .collect();
    assert_eq!(
        messages,
        [
            "No keyframes in input",
            "refused with 403: ErrSegSig",
            "something else"
        ]
    );
    // The refused token led to a second session, and both were given back.
    assert_eq!(report.sessions.len(), 2);
    assert_eq!(scripted.ended(), report.sessions);
}

#[tokio::test]
async fn a_token_about_to_end_is_replaced_before_it_is_used() {
    let scripted = Scripted::with(
        |_, _| Deed::Honest,
        None,
        |info| {
            // Shorter than the margin before its end: each segment needs a new one.
            let tokens = info.auth_token.as_mut().unwrap();
            tokens.expiration -= 1700;
        },
    )
    .await;
    let mut config = one_rung(&scripted, 2);
    config.attempts = 1;
    // The shortened token is no longer the orchestrator's own, so the push fails; what counts is that it asked anew.
    let (result, events) = pushed(config).await;
    drop(result);
    let renewed = events
        .iter()
        .any(|event| matches!(event, engine::gateway::PushEvent::Session { .. }));
    assert!(renewed, "{events:?}");
}

#[tokio::test]
async fn offers_that_are_none_are_named() {
    type Change = fn(&mut net::OrchestratorInfo);
    let offered = async |change: Change| {
        let scripted = Scripted::with(|_, _| Deed::Honest, None, change).await;
        let (result, _) = tokio::time::timeout(PATIENCE, pushed(one_rung(&scripted, 2)))
            .await
            .unwrap();
        result.unwrap_err()
    };
    type Check = fn(&OrchestratorError) -> bool;
    let offers: [(Change, Check); 7] = [
        (
            |info| info.transcoder.clear(),
            |error| matches!(error, OrchestratorError::NotTaking),
        ),
        (
            |info| info.transcoder = "file:///etc".into(),
            |error| matches!(error, OrchestratorError::Address(_)),
        ),
        (
            |info| info.auth_token = None,
            |error| matches!(error, OrchestratorError::NoToken),
        ),
        (
            |info| info.address = vec![1; 19],
            |error| matches!(error, OrchestratorError::Account(19)),
        ),
        (
            |info| info.capabilities = None,
            |error| matches!(error, OrchestratorError::Incompatible(_)),
        ),
        (
            |info| {
                info.price_info = Some(net::PriceInfo {
                    price_per_unit: -1,
                    pixels_per_unit: 1,
                    ..net::PriceInfo::default()
                });
            },
            |error| matches!(error, OrchestratorError::Price { .. }),
        ),
        (
            |info| info.transcoder = "hang".into(),
            OrchestratorError::is_unreachable,
        ),
    ];
    for (change, is_it) in offers {
        let error = offered(change).await;
        assert!(is_it(refusal(&error)), "{error}");
    }
}

#[tokio::test]
async fn an_orchestrator_that_dies_fails_the_rest_in_bounds() {
    let dying = std::sync::Arc::new(std::sync::Mutex::new(None::<Scripted>));
    let hand = std::sync::Arc::clone(&dying);
    let scripted = Scripted::start(move |seq, _| {
        if seq == 2
            && let Some(scripted) = hand.lock().unwrap().take()
        {
            scripted.die();
        }
        if seq >= 2 { Deed::Silence } else { Deed::Honest }
    })
    .await;
    let mut config = one_rung(&scripted, 20);
    config.in_flight = 1;
    config.attempts = 2;
    *dying.lock().unwrap() = Some(scripted);
    let report = report(config).await;
    assert_eq!(report.segments.done, 2);
    assert_eq!(report.failures.len() as u64, report.segments.failed);
    assert!(report.segments.failed > 0);
    // Either all of the file was tried or the rest was kept back, with the reason told.
    assert!(
        report.segments.cut == 10 || report.not_sent.is_some(),
        "{report:#?}"
    );
}
