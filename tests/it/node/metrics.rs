//! What a node tells Prometheus: of real segments, to readers that read and to those that do not, whatever gateways call
//! their streams.

use std::{
    io::Write,
    process::{Command, Stdio},
    time::Duration,
};

use alloy::primitives::keccak256;
use bytes::Bytes;
use engine::{
    media::{
        job::{Rendition, SegmentJob, SegmentTranscoder, TranscodeError, Transcoded},
        ladder::Profile,
        target::Target,
    },
    wire::{
        capability::{Job, SourceCodec, job_capabilities, job_message},
        segment::Credentials,
        signature::Offchain,
        token::AuthTokens,
    },
};
use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use tokio::{io::AsyncWriteExt, net::TcpStream, time::timeout};
use tokio_util::sync::CancellationToken;

use super::{
    harness::{PATIENCE, Rig, credentials, data, h1, h2, ladder, node, node_with_transcoder, result},
    transcoder::clip,
};

async fn scrape(rig: &Rig) -> String {
    let answer = h1().get(rig.operator_url("/metrics")).send();
    let answer = timeout(PATIENCE, answer).await.expect("an answer").unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(
        answer.headers()["content-type"],
        "text/plain; version=0.0.4; charset=utf-8"
    );
    answer.text().await.unwrap()
}

/// The value of the one series whose line begins so.
fn value(text: &str, beginning: &str) -> f64 {
    let lines: Vec<&str> = text.lines().filter(|line| line.starts_with(beginning)).collect();
    assert_eq!(lines.len(), 1, "{beginning}: {lines:?}");
    lines[0].rsplit(' ').next().unwrap().parse().unwrap()
}

/// What Prometheus' own tool says of the text; names that go-livepeer chose are not ours to mend.
pub fn assert_promtool_is_content(text: &str) {
    let mut child = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool is installed: make prometheus");
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let said = child.wait_with_output().unwrap();
    let said_text = [said.stdout, said.stderr].concat();
    let said_text = String::from_utf8_lossy(&said_text);
    // 3: it found something to mend.
    assert!(matches!(said.status.code(), Some(0 | 3)), "{said_text}");
    let ours: Vec<&str> = said_text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with("livepeer_"))
        .collect();
    assert!(ours.is_empty(), "{ours:#?}");
}

#[tokio::test]
async fn a_segment_is_told_as_go_livepeer_tells_it() {
    let rig = node().await;
    let before = scrape(&rig).await;
    // From the first scrape on: `rate` needs a value before the first event.
    assert_eq!(value(&before, "lpctl_segments_total{outcome=\"done\""), 0.0);
    assert_eq!(
        value(&before, "lpctl_segment_failures_total{reason=\"input\""),
        0.0
    );
    let (clip, client) = (clip(), h2());
    let token = rig.token().await;
    let made = data(rig.transcode(&client, &token, 0, &clip).await);
    let broken = Bytes::from_static(b"no segment at all");
    rig.transcode(&client, &token, 1, &broken).await;
    let wrong = credentials(&Offchain, &token, 2, b"announced", &ladder());
    assert_eq!(rig.post(&client, &wrong, clip.clone()).await.status(), 403);
    let text = scrape(&rig).await;
    assert_promtool_is_content(&text);
    let labels = "profiles=\"P144p30fps16x9,P240p30fps16x9\",trusted=\"trusted\",verified=\"verified\"";
    let of = |name: &str| {
        let lines = text.lines().filter(|line| line.starts_with(name));
        lines.collect::<Vec<_>>().join("\n")
    };
    let transcoded = of("livepeer_segment_transcoded_total{");
    assert!(
        transcoded.contains(labels) && transcoded.ends_with(" 1"),
        "{transcoded}"
    );
    assert!(transcoded.contains("node_type=\"orch\""), "{transcoded}");
    let pixels: i64 = made.segments.iter().map(|segment| segment.pixels).sum();
    let told = value(&text, "livepeer_mil_pixels_processed");
    assert!(
        (told * 1e6 - f64::from(i32::try_from(pixels).unwrap())).abs() < 1.0,
        "{told}"
    );
    for (beginning, wanted) in [
        ("livepeer_segment_source_emerged_unprocessed_total", 3.0),
        ("livepeer_segment_transcoded_downloaded_total", 2.0),
        ("livepeer_source_segment_duration_seconds_count", 3.0),
        ("livepeer_transcode_time_seconds_count", 1.0),
        ("livepeer_current_sessions_total", 1.0),
        ("livepeer_max_sessions_total", 10.0),
        ("lpctl_segments_total{outcome=\"done\"", 1.0),
        ("lpctl_segments_total{outcome=\"failed\"", 1.0),
        ("lpctl_segment_failures_total{reason=\"input\"", 1.0),
        ("lpctl_segments_refused_total{reason=\"wrong_hash\"", 1.0),
        ("lpctl_draining", 0.0),
    ] {
        assert_eq!(value(&text, beginning), wanted, "{beginning}");
    }
    let refused = h1()
        .get(rig.operator_url("/metrics"))
        .header("Host", "evil.example")
        .send();
    assert_eq!(refused.await.unwrap().status(), 403);
}

/// Gives back something for each profile without looking at the segment.
struct Quick;

impl SegmentTranscoder for Quick {
    async fn transcode(&self, job: SegmentJob, _: CancellationToken) -> Result<Transcoded, TranscodeError> {
        job.source.whole().await.map_err(|_| TranscodeError::Stopped)?;
        let rendition = |_: &Profile| Rendition {
            data: Bytes::from_static(&[0x47; 188]),
            frames: 30,
            width: 16,
            height: 16,
            perceptual_hash: None,
            reported_pixels: None,
        };
        Ok(Transcoded {
            renditions: job.profiles.iter().map(rendition).collect(),
            decoded_frames: 30,
            source_width: 16,
            source_height: 16,
            elapsed: Duration::from_millis(20),
            target: Target::Cpu,
            warm: false,
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_streams_make_no_more_series_than_a_few() {
    const STREAMS: u32 = 10_000;
    let rig = node_with_transcoder(|config| {
        // Not full: that would be a notice more.
        config.max_sessions = STREAMS + 10;
        config.tls = false;
        config.tokens = Some(AuthTokens::new([7; 32]));
        Quick
    })
    .await;
    let tokens = AuthTokens::new([7; 32]);
    let client = h1();
    let body = Bytes::from_static(b"a segment");
    let send = |number: u32| {
        let (rig, client, tokens, body) = (&rig, &client, &tokens, body.clone());
        async move {
            // What a gateway calls its stream and its renditions is the gateway's business.
            let stream = format!("stream \"{number}\"\n\u{202e}{{}}");
            let profiles = [Profile {
                name: format!("gateway's own {number}"),
                ..ladder()[0].clone()
            }];
            let capabilities = job_capabilities(&Job {
                source: SourceCodec::H264,
                pixel_format: "",
                profiles: &profiles,
                is_pushed: true,
                verifies_by_hash: false,
            });
            let papers = Credentials {
                manifest_id: &stream,
                seq: 0,
                hash: keccak256(&body),
                duration: Duration::from_secs(1),
                profiles: &profiles,
                auth_token: tokens.issue(Timestamp::now()),
                capabilities: job_message(&capabilities.unwrap(), "0.9.0"),
            };
            data(result(rig.post(client, &papers.build(&Offchain), body).await).await);
        }
    };
    stream::iter(0..100)
        .map(send)
        .buffer_unordered(16)
        .collect::<Vec<()>>()
        .await;
    let few = scrape(&rig).await;
    stream::iter(100..STREAMS)
        .map(send)
        .buffer_unordered(16)
        .collect::<Vec<()>>()
        .await;
    let many = scrape(&rig).await;
    assert_eq!(
        value(&many, "lpctl_segments_total{outcome=\"done\""),
        f64::from(STREAMS)
    );
    assert_eq!(
        value(&many, "livepeer_current_sessions_total"),
        f64::from(STREAMS)
    );
    assert_eq!(few.lines().count(), many.lines().count());
    assert!(
        many.len() < few.len() + 2000,
        "{} after {}",
        many.len(),
        few.len()
    );
    assert!(
        !many.contains("own 9999") && !many.contains("stream \\\""),
        "{many}"
    );
    assert_promtool_is_content(&many);
}

#[tokio::test]
async fn a_scraper_that_never_reads_its_answers_hurts_nobody() {
    let rig = node().await;
    let size = scrape(&rig).await.len();
    let mut deaf = Vec::new();
    for _ in 0..8 {
        let mut connection = TcpStream::connect(rig.node.operator_addr()).await.unwrap();
        // Far more answers than any socket holds.
        let asked = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat((16 << 20) / size);
        let asking = timeout(Duration::from_secs(2), connection.write_all(asked.as_bytes()));
        // It may stop reading, too.
        let _ = asking.await;
        deaf.push(connection);
    }
    let token = rig.token().await;
    data(rig.transcode(&h2(), &token, 0, &clip()).await);
    for _ in 0..20 {
        let text = scrape(&rig).await;
        assert_eq!(value(&text, "lpctl_segments_total{outcome=\"done\""), 1.0);
    }
    drop(deaf);
}
