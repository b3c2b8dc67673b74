//! Streams over several orchestrators: who gets a segment when one fails, lies or dies, and what is told of it.

use std::{sync::Arc, time::Duration};

use alloy::signers::local::PrivateKeySigner;
use bytes::Bytes;
use engine::{
    gateway::{
        Discovery, Gateway, GatewaySettings, SegmentDone, SourceSegment, Stream, StreamError, StreamSettings,
        stream::{SourceFacts, VerificationPolicy},
    },
    media::job::Clip,
    view::gateway::{OrchestratorView, SegmentOutcome, SegmentRecord, Verification},
    wire::signature::{LocalSigner, MessageSigner, Offchain},
};
use testbed::clip::{self, ClipSpec};
use tokio::sync::mpsc;

use super::{
    discovery::Hook,
    rung,
    scripted::{Deed, Scripted},
    tools,
};

/// A gateway over these orchestrators, and the records it keeps.
pub fn gateway(
    orchestrators: &[&Scripted],
    change: impl FnOnce(&mut GatewaySettings),
) -> (Gateway, mpsc::Receiver<SegmentRecord>) {
    let uris = orchestrators.iter().map(|one| one.uri().parse().unwrap());
    over(Discovery::list(uris), change)
}

pub fn over(
    discovery: Discovery,
    change: impl FnOnce(&mut GatewaySettings),
) -> (Gateway, mpsc::Receiver<SegmentRecord>) {
    let (records, kept) = mpsc::channel(1000);
    let mut settings = GatewaySettings::new(discovery, Arc::new(Offchain));
    settings.records = Some(records);
    change(&mut settings);
    (Gateway::new(settings).unwrap(), kept)
}

pub fn open(gateway: &Gateway) -> Stream {
    let settings = StreamSettings {
        manifest_id: "test".into(),
        profiles: vec![rung("same", 320, 180)],
        source: SourceFacts::default(),
        pushed: true,
        verification_frequency: 0,
        timeout_multiplier: 1,
    };
    gateway.open(settings).unwrap()
}

pub fn segment(seq: u64) -> SourceSegment {
    SourceSegment {
        seq,
        data: clip::segment(ClipSpec::default()),
        duration: Duration::from_secs(2),
        clip: None,
        force_reinit: false,
    }
}

async fn sent(stream: &Stream, seq: u64) -> Result<SegmentDone, StreamError> {
    let sent = tokio::time::timeout(Duration::from_secs(60), stream.transcode(segment(seq)));
    sent.await.expect("it did not end")
}

fn view(gateway: &Gateway, orchestrator: &Scripted) -> OrchestratorView {
    let views = gateway.orchestrators();
    let mut views = views.into_iter().filter(|view| view.url == orchestrator.uri());
    views.next().unwrap()
}

/// One that has to be chosen first, since the other takes longer to answer.
async fn first_and_second(
    first: impl Fn(i64, u32) -> Deed + Send + Sync + 'static,
    second: impl Fn(i64, u32) -> Deed + Send + Sync + 'static,
) -> (Scripted, Scripted) {
    let first = Scripted::start(first).await;
    let second = Scripted::late(Duration::from_millis(200), second, None, |_| {}).await;
    (first, second)
}

#[tokio::test]
async fn whoever_fails_a_segment_loses_it_and_those_after_it_to_another() {
    let (bad, good) = first_and_second(|_, _| Deed::Fail("out of luck"), |_, _| Deed::Honest).await;
    let (gateway, mut records) = gateway(&[&bad, &good], |_| {});
    let stream = open(&gateway);
    for seq in 0..4 {
        let done = sent(&stream, seq).await.unwrap();
        assert_eq!(done.orchestrator.as_deref(), Some(good.uri()));
        assert_eq!(done.attempts, if seq == 0 { 2 } else { 1 });
        assert_eq!(done.renditions[0].1, segment(seq).data);
        assert_eq!(done.pixels, 60 * 320 * 180);
    }
    assert_eq!((bad.segments(), good.segments()), (1, 4));
    let (bad_view, good_view) = (view(&gateway, &bad), view(&gateway, &good));
    assert!(bad_view.suspended && !good_view.suspended);
    assert!(good_view.latency_ms.unwrap() >= 200);
    assert!(good_view.latency_score_permille.is_some() && bad_view.latency_score_permille.is_none());
    assert_eq!(
        (good_view.score, good_view.sessions, good_view.in_flight),
        (1, 1, 0)
    );

    let record = records.recv().await.unwrap();
    assert_eq!(
        (record.seq, record.outcome, record.duration_ms),
        (0, SegmentOutcome::Done, 2000)
    );
    assert_eq!(record.orchestrator.as_deref(), Some(good.uri()));
    let failures: Vec<_> = record
        .attempts
        .iter()
        .map(|attempt| {
            (
                attempt.orchestrator.as_deref().unwrap(),
                attempt.failure.as_deref(),
            )
        })
        .collect();
    assert_eq!(failures, [(bad.uri(), Some("out of luck")), (good.uri(), None)]);
    let last = &record.attempts[1];
    assert!(
        last.upload_ms <= last.transcode_ms && last.download_ms.is_some(),
        "{last:?}"
    );
    // It is one line of JSON.
    assert!(!serde_json::to_string(&record).unwrap().contains('\n'));

    // Both sessions were used, so both are given back.
    stream.close().await;
    assert_eq!((bad.ended().len(), good.ended().len()), (1, 1));
}

#[tokio::test]
async fn a_segment_is_tried_no_more_often_than_allowed() {
    let fail = |_, _| Deed::Fail("something else");
    let three = [
        Scripted::start(fail).await,
        Scripted::start(fail).await,
        Scripted::start(fail).await,
    ];
    let (gateway, mut records) = gateway(&[&three[0], &three[1], &three[2]], |settings| {
        settings.max_attempts = 2
    });
    let stream = open(&gateway);
    let error = sent(&stream, 0).await.unwrap_err();
    assert!(matches!(error, StreamError::Exhausted { .. }));
    assert_eq!(error.to_string(), "hit max transcode attempts: something else");
    let attempts: u32 = three.iter().map(|one| one.attempts(0)).sum();
    assert_eq!(attempts, 2);
    assert!(
        three.iter().all(|one| one.attempts(0) <= 1),
        "the same one twice, and others were there"
    );
    let record = records.recv().await.unwrap();
    assert_eq!(record.outcome, SegmentOutcome::Failed);
    assert_eq!(record.attempts.len(), 2);
    assert_eq!(record.error, Some(error.to_string()));
}

#[tokio::test]
async fn a_fault_of_the_segment_ends_at_once_and_is_held_against_nobody() {
    let fault = |_, _| Deed::Fail("No keyframes in input");
    let (first, second) = (Scripted::start(fault).await, Scripted::start(fault).await);
    let (gateway, _records) = gateway(&[&first, &second], |_| {});
    let stream = open(&gateway);
    let error = sent(&stream, 0).await.unwrap_err();
    assert!(matches!(&error, StreamError::Final(text) if text == "No keyframes in input"));
    assert_eq!(error.to_string(), "No keyframes in input");
    assert_eq!(first.attempts(0) + second.attempts(0), 1);
    assert!(gateway.orchestrators().iter().all(|view| !view.suspended));
}

#[tokio::test]
async fn without_anybody_there_are_no_sessions() {
    let (gateway, _records) = over(Discovery::list([]), |_| {});
    let error = sent(&open(&gateway), 0).await.unwrap_err();
    assert!(matches!(error, StreamError::NoSessions(_)), "{error}");
    assert_eq!(error.to_string(), "No sessions available");
}

#[tokio::test]
async fn a_closed_stream_takes_nothing_on_and_lets_go_of_what_it_has() {
    let silent = Scripted::start(|_, _| Deed::HeadOnly).await;
    let (gateway, _records) = gateway(&[&silent], |_| {});
    let stream = open(&gateway);
    let waiting = tokio::spawn({
        let stream = stream.clone();
        async move { sent(&stream, 0).await }
    });
    while silent.attempts(0) == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(view(&gateway, &silent).in_flight, 1);
    stream.clone().close().await;
    assert!(matches!(waiting.await.unwrap(), Err(StreamError::Stopped)));
    assert!(matches!(sent(&stream, 1).await, Err(StreamError::Stopped)));
    assert_eq!(silent.segments(), 1);
    assert_eq!(silent.ended().len(), 1);
}

#[tokio::test]
async fn a_segment_that_is_given_up_frees_its_place() {
    let silent = Scripted::start(|_, _| Deed::HeadOnly).await;
    let (gateway, _records) = gateway(&[&silent], |_| {});
    let stream = open(&gateway);
    let given_up = tokio::time::timeout(Duration::from_secs(1), stream.transcode(segment(0))).await;
    assert!(given_up.is_err());
    assert_eq!(silent.attempts(0), 1);
    assert_eq!(view(&gateway, &silent).in_flight, 0);
}

#[tokio::test]
async fn whoever_reports_other_pixels_is_swapped_out() {
    let (liar, honest) = first_and_second(|_, _| Deed::WrongPixels, |_, _| Deed::Honest).await;
    let full = |settings: &mut GatewaySettings| settings.verification = VerificationPolicy::Full(tools());
    let (gateway, mut records) = gateway(&[&liar, &honest], full);
    let stream = open(&gateway);
    for seq in 0..2 {
        let done = sent(&stream, seq).await.unwrap();
        assert_eq!(done.orchestrator.as_deref(), Some(honest.uri()));
        assert_eq!(done.checked.verification(), Verification::Decoded);
        assert_eq!(done.checked.renditions[0].unwrap().frames, 60);
    }
    assert_eq!((liar.segments(), honest.segments()), (1, 2));
    assert!(view(&gateway, &liar).suspended);
    let record = records.recv().await.unwrap();
    let failure = record.attempts[0].failure.as_deref().unwrap();
    assert!(failure.contains("3513600 pixels were reported"), "{failure}");
    assert_eq!(record.verified, Verification::Decoded);
}

#[tokio::test]
async fn where_all_lie_the_best_of_it_is_taken_and_told() {
    // A frame too many is a smaller lie than a broken picture.
    let (broken, liar) = first_and_second(|_, _| Deed::Damaged, |_, _| Deed::WrongPixels).await;
    let full = |settings: &mut GatewaySettings| settings.verification = VerificationPolicy::Full(tools());
    let (gateway, mut records) = gateway(&[&broken, &liar], full);
    let done = sent(&open(&gateway), 0).await.unwrap();
    assert_eq!(done.orchestrator.as_deref(), Some(liar.uri()));
    assert_eq!(done.checked.verification(), Verification::Wrong);
    assert_eq!(done.checked.faults.len(), 1);
    assert_eq!(done.checked.faults[0].profile, "same");
    assert_eq!(done.attempts, 3);
    let record = records.recv().await.unwrap();
    assert_eq!(
        (record.outcome, record.verified),
        (SegmentOutcome::Done, Verification::Wrong)
    );
    assert!(record.error.unwrap().contains("pixels were reported"));
}

#[tokio::test]
async fn a_result_somebody_else_signed_is_worth_nothing() {
    let signer = || Some(LocalSigner(PrivateKeySigner::random()));
    let forger = Scripted::with(|_, _| Deed::ForeignSignature, signer(), |_| {}).await;
    let account = signer().unwrap();
    let address = account.address();
    let honest = Scripted::late(
        Duration::from_millis(200),
        |_, _| Deed::Honest,
        Some(account),
        |_| {},
    )
    .await;
    let (gateway, mut records) = gateway(&[&forger, &honest], |_| {});
    let stream = open(&gateway);
    let done = sent(&stream, 0).await.unwrap();
    assert_eq!(done.orchestrator.as_deref(), Some(honest.uri()));
    assert_eq!(done.checked.verification(), Verification::Signed);
    assert_eq!(stream.accounts().first(), Some(&address));
    let record = records.recv().await.unwrap();
    let failure = record.attempts[0].failure.as_deref().unwrap();
    assert!(failure.starts_with("the result is not signed by 0x"), "{failure}");
    assert!(view(&gateway, &forger).suspended);
}

#[tokio::test]
async fn pushed_segments_say_what_to_keep_and_those_of_rtmp_do_not() {
    let scripted = Scripted::start(|_, _| Deed::Honest).await;
    let (gateway, _records) = gateway(&[&scripted], |_| {});
    let stream = open(&gateway);
    sent(&stream, 0).await.unwrap();
    let clipped = SourceSegment {
        clip: Some(Clip {
            from: Duration::from_millis(500),
            to: Duration::from_millis(1500),
        }),
        force_reinit: true,
        ..segment(1)
    };
    stream.transcode(clipped).await.unwrap();
    let rtmp = StreamSettings {
        manifest_id: "rtmp".into(),
        profiles: vec![rung("same", 320, 180)],
        source: SourceFacts::default(),
        pushed: false,
        verification_frequency: 0,
        timeout_multiplier: 1,
    };
    let rtmp = gateway.open(rtmp).unwrap();
    sent(&rtmp, 0).await.unwrap();
    let papers = scripted.papers();
    let parameters: Vec<_> = papers
        .iter()
        .map(|papers| papers.segment_parameters.map(|part| (part.from, part.to)))
        .collect();
    assert_eq!(parameters, [Some((0, 0)), Some((500, 1500)), None]);
    let words: Vec<_> = papers
        .iter()
        .map(|papers| papers.capabilities.clone().unwrap().bitstring)
        .collect();
    assert_eq!(words, [vec![67_112_963], vec![67_112_963], vec![4099]]);
    let reinit: Vec<_> = papers.iter().map(|papers| papers.force_session_reinit).collect();
    assert_eq!(reinit, [false, true, false]);
    assert_eq!(papers[2].manifest_id, b"rtmp");
    assert!(papers.iter().all(|papers| papers.duration == 2000));
}

#[tokio::test]
async fn a_stream_may_be_given_more_time() {
    let silent = Scripted::start(|_, _| Deed::Silence).await;
    let (gateway, mut records) = gateway(&[&silent], |settings| settings.max_attempts = 1);
    let settings = StreamSettings {
        manifest_id: "slow".into(),
        profiles: vec![rung("same", 320, 180)],
        source: SourceFacts::default(),
        pushed: true,
        verification_frequency: 0,
        timeout_multiplier: 2,
    };
    let error = sent(&gateway.open(settings).unwrap(), 0).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "hit max transcode attempts: no answer within 4.0 s of sending it"
    );
    assert!(records.recv().await.unwrap().total_ms >= 4000);
}

/// A segment whose video track has no packets.
fn soundless_picture() -> Bytes {
    let whole = clip::segment(ClipSpec::default());
    let pid = |packet: &[u8]| u16::from(packet[1] & 0x1f) << 8 | u16::from(packet[2]);
    // ffmpeg's muxer gives the first stream, the video, this number.
    whole
        .chunks(188)
        .filter(|packet| pid(packet) != 0x100)
        .flatten()
        .copied()
        .collect()
}

#[tokio::test]
async fn a_segment_without_pictures_stands_for_its_renditions() {
    let never = Scripted::start(|_, _| Deed::Fail("it was sent")).await;
    let (gateway, mut records) = gateway(&[&never], |_| {});
    let data = soundless_picture();
    let source = SourceSegment {
        data: data.clone(),
        ..segment(0)
    };
    let done = open(&gateway).transcode(source).await.unwrap();
    assert_eq!(done.renditions.len(), 1);
    assert_eq!(done.renditions[0].1, data);
    assert_eq!((done.attempts, done.orchestrator), (0, None));
    assert_eq!(never.segments(), 0);
    assert_eq!(records.recv().await.unwrap().outcome, SegmentOutcome::NoVideo);
}

/// A gateway that believes the first of these and knows nothing of the others.
async fn over_strangers(
    trusted: &Scripted,
    strangers: &[&Scripted],
) -> (Gateway, mpsc::Receiver<SegmentRecord>) {
    let entry = |one: &Scripted, score: u8| format!(r#"{{"address":"{}","score":{score}}}"#, one.uri());
    let strangers = strangers.iter().map(|one| entry(one, 0));
    let list: Vec<String> = std::iter::once(entry(trusted, 1)).chain(strangers).collect();
    let hook = Hook::default();
    hook.set(200, format!("[{}]", list.join(",")));
    over(hook.start().await, |settings| {
        settings.verification = VerificationPolicy::Full(tools());
    })
}

fn open_verified(gateway: &Gateway, verification_frequency: u32) -> Stream {
    let settings = StreamSettings {
        manifest_id: "test".into(),
        profiles: vec![rung("same", 320, 180)],
        source: SourceFacts::default(),
        pushed: true,
        verification_frequency,
        timeout_multiplier: 1,
    };
    gateway.open(settings).unwrap()
}

#[tokio::test]
async fn a_stranger_is_believed_once_its_pictures_are_those_of_a_friend() {
    let trusted = Scripted::start(|_, _| Deed::Honest).await;
    let forger = Scripted::start(|_, _| Deed::OtherPictures).await;
    let honest = Scripted::start(|_, _| Deed::Honest).await;
    let (gateway, mut records) = over_strangers(&trusted, &[&forger, &honest]).await;
    // Rarely enough that no second comparison comes by chance.
    let stream = open_verified(&gateway, u32::MAX);
    for seq in 0..3 {
        let done = sent(&stream, seq).await.unwrap();
        assert_eq!(done.orchestrator.as_deref(), Some(honest.uri()), "segment {seq}");
    }
    // All three made the first, the one that is believed all of them.
    assert_eq!(
        (trusted.segments(), forger.segments(), honest.segments()),
        (1, 1, 3)
    );
    let record = records.recv().await.unwrap();
    let failure = |one: &Scripted| {
        let mut attempts = record.attempts.iter();
        let attempt = attempts.find(|attempt| attempt.orchestrator.as_deref() == Some(one.uri()));
        attempt.unwrap().failure.clone()
    };
    assert_eq!(failure(&trusted), None);
    // The forger was looked at only if it came before the honest one.
    if let Some(failure) = failure(&forger) {
        assert_eq!(failure, "its pictures are not those a trusted orchestrator makes");
        assert!(view(&gateway, &forger).suspended);
    }
}

#[tokio::test]
async fn strangers_that_show_something_else_are_not_believed() {
    let trusted = Scripted::start(|_, _| Deed::Honest).await;
    let forger = Scripted::start(|_, _| Deed::OtherPictures).await;
    let (gateway, _records) = over_strangers(&trusted, &[&forger]).await;
    let stream = open_verified(&gateway, 1);
    let done = sent(&stream, 0).await.unwrap();
    assert_eq!(done.orchestrator.as_deref(), Some(trusted.uri()));
    assert_eq!(forger.segments(), 1);
    assert!(view(&gateway, &forger).suspended);
}

#[tokio::test]
async fn a_hash_that_was_asked_for_must_be_there() {
    let (lazy, honest) = first_and_second(|_, _| Deed::NoHash, |_, _| Deed::Honest).await;
    let (gateway, mut records) = gateway(&[&lazy, &honest], |_| {});
    let done = sent(&open_verified(&gateway, 10), 0).await.unwrap();
    assert_eq!(done.orchestrator.as_deref(), Some(honest.uri()));
    let record = records.recv().await.unwrap();
    assert_eq!(
        record.attempts[0].failure.as_deref(),
        Some("its perceptual hash is not there: the orchestrator made none")
    );
}

#[tokio::test]
async fn a_price_that_more_than_doubles_takes_nothing_from_what_is_done() {
    let price = std::sync::atomic::AtomicI64::new(10);
    let rising = Scripted::with(
        |_, _| Deed::Honest,
        None,
        move |info| {
            info.price_info = Some(engine::wire::net::PriceInfo {
                price_per_unit: price.fetch_add(11, std::sync::atomic::Ordering::Relaxed),
                pixels_per_unit: 1,
                ..Default::default()
            });
        },
    )
    .await;
    let (gateway, mut records) = gateway(&[&rising], |settings| settings.max_attempts = 1);
    let stream = open(&gateway);
    let done = sent(&stream, 0).await.unwrap();
    assert_eq!(done.orchestrator.as_deref(), Some(rising.uri()));
    assert_eq!(records.recv().await.unwrap().outcome, SegmentOutcome::Done);
    // The next one goes to others, and the price that was agreed stays.
    assert!(view(&gateway, &rising).suspended);
    assert_eq!(
        view(&gateway, &rising).price_wei_per_pixel.as_deref(),
        Some("10/1")
    );
}

#[tokio::test]
async fn a_session_that_ends_soon_is_replaced_once_and_without_a_failure() {
    let scripted = Scripted::start(|_, _| Deed::Honest).await;
    scripted.shorten(1);
    let (gateway, _records) = gateway(&[&scripted], |_| {});
    let stream = open(&gateway);
    let all: Vec<_> = (0..4)
        .map(|seq| {
            let stream = stream.clone();
            tokio::spawn(async move { sent(&stream, seq).await })
        })
        .collect();
    for done in all {
        assert_eq!(done.await.unwrap().unwrap().attempts, 1);
    }
    assert_eq!(
        scripted.asked(),
        2,
        "one for the first session, one for the second"
    );
    assert_eq!(
        stream.sessions().len(),
        1,
        "the session that was about to end was used"
    );
    let sessions = stream.sessions();
    stream.close().await;
    assert!(scripted.ended().ends_with(&sessions));
}

#[tokio::test]
async fn an_orchestrator_that_forgot_its_sessions_is_asked_for_a_new_one() {
    let restarted = Scripted::start(|seq, attempt| {
        if seq == 1 && attempt == 1 {
            Deed::Refuse(403, "invalid auth token")
        } else {
            Deed::Honest
        }
    })
    .await;
    let (gateway, _records) = gateway(&[&restarted], |_| {});
    let stream = open(&gateway);
    assert_eq!(sent(&stream, 0).await.unwrap().attempts, 1);
    assert_eq!(sent(&stream, 1).await.unwrap().attempts, 2);
    assert_eq!(sent(&stream, 2).await.unwrap().attempts, 1);
    assert_eq!(stream.sessions().len(), 2);
    assert!(!view(&gateway, &restarted).suspended, "it was there all the time");
}

#[tokio::test]
async fn many_at_once_are_spread_and_none_is_lost() {
    let (one, two) = first_and_second(
        |seq, _| {
            if seq % 3 == 0 {
                Deed::Fail("OrchestratorBusy")
            } else {
                Deed::Honest
            }
        },
        |seq, _| {
            if seq % 5 == 0 {
                Deed::Refuse(500, "Internal Server Error")
            } else {
                Deed::Honest
            }
        },
    )
    .await;
    let (gateway, _records) = gateway(&[&one, &two], |_| {});
    let stream = open(&gateway);
    let all: Vec<_> = (0..16)
        .map(|seq| {
            let stream = stream.clone();
            tokio::spawn(async move { sent(&stream, seq).await })
        })
        .collect();
    for (seq, done) in all.into_iter().enumerate() {
        let done = done.await.unwrap();
        // Both refuse these, however often.
        if seq % 15 == 0 {
            assert!(done.is_err());
        } else {
            assert_eq!(done.unwrap().renditions.len(), 1, "segment {seq}");
        }
    }
    assert!(gateway.orchestrators().iter().all(|view| view.in_flight == 0));
}
