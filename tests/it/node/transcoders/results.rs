//! Every row of what is checked of a posted result, and what then becomes of the task.

use std::convert::Infallible;

use bytes::Bytes;
use engine::wire::{net, signature::Offchain};
use tokio_stream::wrappers::ReceiverStream;

use super::raw::{
    BOUNDARY, Raw, finished, multipart, rendition, source, submit, submit_as, transcoders, usual_node,
};
use crate::node::harness::{Rig, credentials, data, error, h1, ladder};

const OK: (u16, &str) = (200, "OK");

fn is(answer: (u16, String), expected: (u16, &str)) {
    assert_eq!((answer.0, answer.1.as_str()), expected);
}

fn mixed() -> String {
    format!("multipart/mixed; boundary={BOUNDARY}")
}

/// A node, a transcoder, and a segment it works on.
async fn at_work() -> (
    Rig,
    Raw,
    net::NotifySegment,
    tokio::task::JoinHandle<net::TranscodeResult>,
) {
    let rig = usual_node().await;
    let mut transcoder = Raw::join(&rig, 1).await;
    let submitted = submit(&rig, &rig.token().await, 0);
    let task = transcoder.task().await;
    (rig, transcoder, task, submitted)
}

#[tokio::test]
async fn what_is_refused_leaves_the_task_alone() {
    let (rig, transcoder, task, submitted) = at_work().await;
    let good = multipart(&[("Pixels: 5\r\n", &rendition(1)), ("Pixels: 6\r\n", &rendition(2))]);
    let url = rig.url("/transcodeResults");
    // Each fails at the first check that does not hold; what comes after it is wrong too.
    type Headers = [(&'static str, &'static str)];
    let cases: [(&Headers, (u16, &str)); 8] = [
        (&[], (401, "Unauthorized\n")),
        (
            &[("Authorization", "Bearer Livepeer-Transcoder-1.0")],
            (401, "Unauthorized\n"),
        ),
        (
            &[
                ("Authorization", "Livepeer-Transcoder-1.0"),
                ("Credentials", "another"),
            ],
            (401, "Unauthorized\n"),
        ),
        (
            &[
                ("Authorization", "Livepeer-Transcoder-1.0"),
                ("Credentials", super::raw::SECRET),
            ],
            (415, "mime: no media type\n"),
        ),
        (
            &[
                ("Authorization", "Livepeer-Transcoder-1.0"),
                ("Credentials", super::raw::SECRET),
                ("Content-Type", "multipart/mixed; boundary"),
            ],
            (415, "mime: invalid media parameter\n"),
        ),
        (
            &[
                ("Authorization", "Livepeer-Transcoder-1.0"),
                ("Credentials", super::raw::SECRET),
                ("Content-Type", "multipart/mixed; boundary=x"),
            ],
            (400, "Invalid Task ID\n"),
        ),
        (
            &[
                ("Authorization", "Livepeer-Transcoder-1.0"),
                ("Credentials", super::raw::SECRET),
                ("Content-Type", "multipart/mixed; boundary=x"),
                ("TaskId", "0x0"),
            ],
            (400, "Invalid Task ID\n"),
        ),
        (
            &[
                ("Authorization", "Livepeer-Transcoder-1.0"),
                ("Credentials", super::raw::SECRET),
                ("Content-Type", "multipart/mixed; boundary=x"),
                ("TaskId", "0"),
                ("Pixels", "many"),
            ],
            (400, "Invalid Pixels\n"),
        ),
    ];
    for client in [h1(), crate::node::harness::h2()] {
        for (headers, expected) in cases {
            let mut request = client.post(&url).body(good.clone());
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            is(Raw::answer(request).await, expected);
        }
    }
    // Another media type is fine and nothing; the task goes on.
    is(
        Raw::answer(transcoder.post(task.task_id, "video/mp2t").body(good.clone())).await,
        OK,
    );
    // Neither is a number nobody has.
    is(transcoder.deliver(99, &[rendition(1)]).await, OK);
    is(transcoder.deliver(-1, &[rendition(1)]).await, OK);
    is(transcoder.fail(99, "not mine").await, OK);
    is(
        Raw::answer(transcoder.post(task.task_id, &mixed()).body(good.clone())).await,
        OK,
    );
    let segments = data(finished(submitted).await).segments;
    let pixels: Vec<_> = segments.iter().map(|segment| segment.pixels).collect();
    assert_eq!(pixels, [5, 6]);
    // Once more, and too late.
    is(
        Raw::answer(transcoder.post(task.task_id, &mixed()).body(good)).await,
        OK,
    );
    is(transcoder.fail(task.task_id, "too late").await, OK);
    assert_eq!(
        (transcoders(&rig)[0].tasks_done, transcoders(&rig)[0].tasks_failed),
        (1, 0)
    );
}

#[tokio::test]
async fn errors_of_the_transcoder_reach_the_gateway_word_by_word() {
    for text in [
        "TranscoderInvalidVideo",
        "Unknown: \u{2713} \"quoted\"\nline",
        "incompatible segment capabilities",
        "",
    ] {
        let (_rig, transcoder, task, submitted) = at_work().await;
        is(transcoder.fail(task.task_id, text).await, OK);
        assert_eq!(error(finished(submitted).await), text);
    }
    // What never ends is cut.
    let (_rig, transcoder, task, submitted) = at_work().await;
    is(transcoder.fail(task.task_id, &"x".repeat(1 << 20)).await, OK);
    assert_eq!(error(finished(submitted).await), "x".repeat(4096));
}

#[tokio::test]
async fn bad_parts_are_told_to_both_sides() {
    let good = rendition(1);
    let hash = "Content-Type: application/octet-stream\r\n";
    let cases: [(Vec<u8>, &str); 6] = [
        (
            multipart(&[("Pixels: a\"b\r\n", &good)]),
            "strconv.ParseInt: parsing \"a\\\"b\": invalid syntax",
        ),
        (
            multipart(&[(hash, b"hash"), ("Pixels: 1\r\n", &good)]),
            "Unknown perceptual hash",
        ),
        (b"garbage".to_vec(), "multipart: NextPart: EOF"),
        (Vec::new(), "multipart: NextPart: EOF"),
        (
            format!("--{BOUNDARY}\r\nPixels: 1\r\n\r\nno end").into_bytes(),
            "unexpected EOF",
        ),
        (
            multipart(&vec![("A: b\r\n", &b""[..]); 100]),
            "multipart: message too large",
        ),
    ];
    for (body, text) in cases {
        let (_rig, transcoder, task, submitted) = at_work().await;
        let answer = Raw::answer(transcoder.post(task.task_id, &mixed()).body(body)).await;
        is(answer, (500, &format!("{text}\n")));
        assert_eq!(error(finished(submitted).await), text);
    }
    let (_rig, transcoder, task, submitted) = at_work().await;
    let answer = Raw::answer(transcoder.post(task.task_id, "multipart/mixed").body("--\r\n")).await;
    is(answer, (500, "multipart: boundary is empty\n"));
    assert_eq!(error(finished(submitted).await), "multipart: boundary is empty");
}

#[tokio::test]
async fn what_cannot_be_the_renditions_is_none() {
    for (renditions, text) in [
        (vec![], "MismatchedSegments"),
        (vec![rendition(1)], "MismatchedSegments"),
        (vec![rendition(1); 3], "MismatchedSegments"),
        (vec![rendition(1), vec![0; 24]], "ZeroSegments"),
    ] {
        let (rig, transcoder, task, submitted) = at_work().await;
        let answer = match renditions.is_empty() {
            true => {
                let nothing = format!("--{BOUNDARY}--\r\n");
                Raw::answer(transcoder.post(task.task_id, &mixed()).body(nothing)).await
            }
            false => transcoder.deliver(task.task_id, &renditions).await,
        };
        is(answer, OK);
        assert_eq!(error(finished(submitted).await), text);
        let view = &transcoders(&rig)[0];
        assert_eq!((view.tasks_failed, view.load), (1, 0));
    }
}

#[tokio::test]
async fn perceptual_hashes_belong_to_the_rendition_before_them() {
    let rig = usual_node().await;
    let mut transcoder = Raw::join(&rig, 1).await;
    let token = rig.token().await;
    let mut request = credentials(&Offchain, &token, 3, &source(), &ladder());
    request.calc_perceptual_hash = true;
    let submitted = submit_as(&rig, &request);
    let task = transcoder.task().await;
    let (first, second) = (rendition(1), rendition(2));
    let hash = "Content-Type: application/octet-stream\r\n";
    let answer = transcoder
        .post_parts(
            task.task_id,
            &[
                ("Pixels: 11\r\n", &first),
                (hash, b"hash one"),
                ("Content-Type: text/plain\r\n", b"ignored"),
                ("Pixels: 12\r\n", &second),
                (hash, b"hash two"),
            ],
        )
        .await;
    is(answer, OK);
    let segments = data(finished(submitted).await).segments;
    for (segment, expected) in segments.iter().zip(["hash one", "hash two"]) {
        let hash = h1().get(&segment.perceptual_hash_url).send().await.unwrap();
        assert_eq!(hash.text().await.unwrap(), expected);
    }
    assert_eq!(segments[1].pixels, 12);
}

#[tokio::test]
async fn many_results_share_one_connection_and_a_slow_one_holds_up_none() {
    let (_rig, transcoder, task, submitted) = at_work().await;
    let (chunks, body) = tokio::sync::mpsc::channel::<Result<Bytes, Infallible>>(1);
    let slow = transcoder
        .post(77, &mixed())
        .body(reqwest::Body::wrap_stream(ReceiverStream::new(body)));
    let slow = tokio::spawn(Raw::answer(slow));
    let whole = Bytes::from(multipart(&[("Pixels: 5\r\n", &rendition(1))]));
    chunks.send(Ok(whole.slice(..50))).await.unwrap();
    is(
        transcoder
            .deliver(task.task_id, &[rendition(1), rendition(2)])
            .await,
        OK,
    );
    data(finished(submitted).await);
    chunks.send(Ok(whole.slice(50..))).await.unwrap();
    drop(chunks);
    is(slow.await.unwrap(), OK);
}
