//! Transcoders that die, stall, come back, or are cut off without a word.

use std::{convert::Infallible, time::Duration};

use bytes::Bytes;
use engine::wire::{segment::to_header, signature::Offchain, token::AuthTokens};
use jiff::{SignedDuration, Timestamp};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::{mpsc, watch},
    time::{Instant, timeout},
};
use tokio_stream::wrappers::ReceiverStream;

use super::raw::{
    BOUNDARY, Raw, finished, introduction, multipart, pool_node, rendition, source, submit, transcoders,
    until, usual_node,
};
use crate::node::harness::{PATIENCE, credentials, data, error, h2, ladder};

/// What a task of one second of playing time gets.
const DEADLINE: Duration = Duration::from_secs(8);

fn both() -> [Vec<u8>; 2] {
    [rendition(1), rendition(2)]
}

#[tokio::test]
async fn a_transcoder_that_takes_too_long_is_sent_away_and_may_come_back() {
    let rig = usual_node().await;
    let mut slow = Raw::join(&rig, 2).await;
    let token = rig.token().await;
    let begun = Instant::now();
    let submitted = submit(&rig, &token, 0);
    let task = slow.task().await;
    assert_eq!(
        error(finished(submitted).await),
        "Remote transcoder took too long"
    );
    assert!(begun.elapsed() >= DEADLINE, "{:?}", begun.elapsed());
    // The stream ends as if nothing were wrong: the transcoder comes again.
    assert!(slow.end().await.is_none());
    assert!(transcoders(&rig).is_empty());
    assert_eq!(slow.deliver(task.task_id, &both()).await, (200, "OK".into()));
    let mut again = Raw::join(&rig, 2).await;
    let submitted = submit(&rig, &token, 1);
    assert_eq!(again.work().await.task_id, 1);
    data(finished(submitted).await);
}

#[tokio::test]
async fn the_task_of_a_transcoder_that_died_goes_to_another_at_once() {
    let rig = usual_node().await;
    let mut first = Raw::join(&rig, 9).await;
    let mut second = Raw::join(&rig, 1).await;
    let begun = Instant::now();
    let submitted = submit(&rig, &rig.token().await, 0);
    let task = first.task().await;
    drop(first);
    let handed = second.work().await;
    assert_eq!((task.task_id, handed.task_id), (0, 1));
    assert_eq!((handed.url, handed.seg_data), (task.url, task.seg_data));
    data(finished(submitted).await);
    assert!(begun.elapsed() < DEADLINE, "{:?}", begun.elapsed());
    assert_eq!(transcoders(&rig).len(), 1);
}

#[tokio::test]
async fn a_result_of_one_that_has_left_still_counts() {
    let rig = usual_node().await;
    let mut leaving = Raw::join(&rig, 1).await;
    let submitted = submit(&rig, &rig.token().await, 0);
    let task = leaving.task().await;
    let post = leaving.post(task.task_id, &format!("multipart/mixed; boundary={BOUNDARY}"));
    drop(leaving);
    until(&rig, |status| status.transcoders.is_empty()).await;
    let (first, second) = (rendition(1), rendition(2));
    let body = multipart(&[("Pixels: 1\r\n", &first), ("Pixels: 1\r\n", &second)]);
    assert_eq!(Raw::answer(post.body(body)).await, (200, "OK".into()));
    data(finished(submitted).await);
}

#[tokio::test]
async fn a_task_without_a_transcoder_waits_for_the_next_one() {
    let rig = usual_node().await;
    let mut only = Raw::join(&rig, 1).await;
    let submitted = submit(&rig, &rig.token().await, 0);
    only.task().await;
    drop(only);
    until(&rig, |status| status.transcoders.is_empty()).await;
    let mut next = Raw::join(&rig, 1).await;
    next.work().await;
    data(finished(submitted).await);
}

#[tokio::test]
async fn a_session_from_before_a_restart_waits_for_the_transcoders_to_come_back() {
    let (tokens, new) = (AuthTokens::new([7; 32]), Timestamp::now());
    let rig = pool_node(|config, _| config.tokens = Some(AuthTokens::new([7; 32]))).await;
    let known = submit(&rig, &tokens.issue(new - SignedDuration::from_secs(60)), 0);
    // One that comes now is not let in, and by then the other one is there.
    let refused = h2()
        .post(rig.url("/segment"))
        .header(
            "Livepeer-Segment",
            to_header(&credentials(
                &Offchain,
                &tokens.issue(new + SignedDuration::from_secs(1)),
                0,
                &source(),
                &ladder(),
            )),
        )
        .body(source());
    assert_eq!(
        Raw::answer(refused).await,
        (403, "OrchestratorCapped\n".to_string())
    );
    let mut returned = Raw::join(&rig, 1).await;
    returned.work().await;
    data(finished(known).await);
}

#[tokio::test]
async fn what_one_transcoder_cannot_do_another_may() {
    let rig = usual_node().await;
    let mut broken = Raw::join(&rig, 9).await;
    let mut sound = Raw::join(&rig, 1).await;
    let token = rig.token().await;
    let submitted = submit(&rig, &token, 0);
    let task = broken.task().await;
    let garbage = broken
        .post(task.task_id, "multipart/mixed; boundary=x")
        .body("garbage");
    assert_eq!(Raw::answer(garbage).await.0, 500);
    sound.work().await;
    data(finished(submitted).await);
    // The session stays with the one that could.
    let submitted = submit(&rig, &token, 1);
    let task = sound.task().await;
    // Two that fail are enough: then it is told.
    sound.fail(task.task_id, "device lost").await;
    let task = broken.task().await;
    broken.fail(task.task_id, "device lost too").await;
    assert_eq!(error(finished(submitted).await), "device lost too");
    // What is the segment's fault is told at once.
    let submitted = submit(&rig, &token, 2);
    let task = broken.task().await;
    broken.fail(task.task_id, "TranscoderInvalidVideo").await;
    assert_eq!(error(finished(submitted).await), "TranscoderInvalidVideo");
}

#[tokio::test]
async fn an_upload_that_breaks_off_is_made_again() {
    let rig = usual_node().await;
    let mut transcoder = Raw::join(&rig, 1).await;
    let submitted = submit(&rig, &rig.token().await, 0);
    let task = transcoder.task().await;
    let (chunks, body) = mpsc::channel::<Result<Bytes, std::io::Error>>(1);
    let post = transcoder
        .post(task.task_id, &format!("multipart/mixed; boundary={BOUNDARY}"))
        .body(reqwest::Body::wrap_stream(ReceiverStream::new(body)));
    let posting = tokio::spawn(post.send());
    let whole = Bytes::from(multipart(&[("Pixels: 5\r\n", &rendition(1))]));
    chunks.send(Ok(whole.slice(..60))).await.unwrap();
    let broken = std::io::Error::other("the test breaks off");
    chunks.send(Err(broken)).await.unwrap();
    assert!(posting.await.unwrap().is_err());
    // It is asked for again, and the first number still counts.
    let again = transcoder.task().await;
    assert_eq!(again.task_id, task.task_id + 1);
    assert_eq!(
        transcoder.deliver(task.task_id, &both()).await,
        (200, "OK".into())
    );
    data(finished(submitted).await);
}

#[tokio::test]
async fn results_without_memory_for_them_send_the_gateway_elsewhere() {
    // As much as the source takes.
    let rig = pool_node(|config, _| config.limits.upload_bytes = 64 << 10).await;
    let mut transcoder = Raw::join(&rig, 1).await;
    let submitted = submit(&rig, &rig.token().await, 0);
    let task = transcoder.task().await;
    let answer = transcoder.deliver(task.task_id, &both()).await;
    assert_eq!(answer, (500, "no memory left for uploads\n".into()));
    assert_eq!(error(finished(submitted).await), "OrchestratorBusy");
}

#[tokio::test]
async fn an_upload_that_stalls_ends_with_the_deadline() {
    let rig = usual_node().await;
    let mut stalling = Raw::join(&rig, 1).await;
    let submitted = submit(&rig, &rig.token().await, 0);
    let task = stalling.task().await;
    let (chunks, body) = mpsc::channel::<Result<Bytes, Infallible>>(1);
    let post = stalling
        .post(task.task_id, &format!("multipart/mixed; boundary={BOUNDARY}"))
        .body(reqwest::Body::wrap_stream(ReceiverStream::new(body)));
    let answer = tokio::spawn(Raw::answer(post));
    let whole = Bytes::from(multipart(&[("Pixels: 5\r\n", &rendition(1))]));
    chunks.send(Ok(whole.slice(..60))).await.unwrap();
    assert_eq!(
        error(finished(submitted).await),
        "Remote transcoder took too long"
    );
    assert_eq!(answer.await.unwrap(), (200, "OK".into()));
    assert!(stalling.end().await.is_none());
}

/// Forwards bytes to the node until it is told to stop; then it keeps its connections and forwards nothing.
async fn proxy(to: std::net::SocketAddr) -> (String, watch::Sender<bool>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("https://{}", listener.local_addr().unwrap());
    let is_silent = watch::Sender::new(false);
    let silence = is_silent.clone();
    tokio::spawn(async move {
        while let Ok((mut here, _)) = listener.accept().await {
            let mut silent = silence.subscribe();
            tokio::spawn(async move {
                let mut there = TcpStream::connect(to).await.unwrap();
                tokio::select! {
                    _ = copy_bidirectional(&mut here, &mut there) => return,
                    _ = silent.wait_for(|is_silent| *is_silent) => {}
                }
                std::future::pending().await
            });
        }
    });
    (address, is_silent)
}

#[tokio::test]
async fn a_connection_that_is_cut_without_a_word_is_noticed_and_its_task_moves() {
    let rig = pool_node(|_, settings| {
        settings.ping_interval = Duration::from_millis(300);
        settings.ping_timeout = Duration::from_millis(700);
    })
    .await;
    let (address, is_silent) = proxy(rig.node.service_addr()).await;
    let mut far = Raw::introduce_at(&rig, &address, introduction(9)).await.unwrap();
    let mut near = Raw::join(&rig, 1).await;
    let submitted = submit(&rig, &rig.token().await, 0);
    far.task().await;
    // It stays as long as it answers: more than all the time it is given to.
    let stays = until(&rig, |status| status.transcoders.len() < 2);
    assert!(timeout(Duration::from_secs(2), stays).await.is_err());
    is_silent.send_replace(true);
    timeout(PATIENCE, near.work()).await.expect("the task moves");
    data(finished(submitted).await);
    let left: Vec<_> = transcoders(&rig);
    assert_eq!((left.len(), left[0].capacity), (1, 1));
    drop(far);
}
