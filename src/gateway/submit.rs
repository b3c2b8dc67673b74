//! One segment sent to an orchestrator and its answer read (`go-livepeer server/segment_rpc.go`).

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use prost::Message;
use reqwest::{Client, Response, header::CONTENT_TYPE};
use tokio::time::{timeout, timeout_at};

use super::orchestrator::bounded;
use crate::{
    media::job::is_final,
    wire::{client::innermost, net, segment},
};

/// Most of an answer that is read; real ones have a few kilobytes.
const ANSWER_BYTES: usize = 4 << 20;
/// Most of an error's text that is read.
const ERROR_BYTES: usize = 4096;

/// Why a segment has no renditions.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// No connection.
    #[error("the orchestrator cannot be reached: {0}")]
    Connect(String),
    /// The head of the answer did not come in time.
    #[error("no answer within {:.1} s of sending it", .0.as_secs_f32())]
    HeaderTimeout(Duration),
    /// The result did not come in time.
    #[error("no result within {:.1} s", .0.as_secs_f32())]
    BodyTimeout(Duration),
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Broken(String),
    /// It said no before it began. Text from outside.
    #[error("refused with {status}: {text}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// The body.
        text: String,
    },
    /// It tried and failed. Text from outside.
    #[error("{0}")]
    Transcode(String),
    /// What it answered is no result.
    #[error("the answer is not a transcode result: {0}")]
    Garbage(String),
}

/// What to do after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// Nothing: it would fail everywhere.
    GiveUp,
    /// Send it to another one; this one would say the same again.
    Elsewhere,
    /// Send it again, to another one if there is one.
    Resend,
    /// Send it again with a new session.
    NewSession,
}

impl SubmitError {
    /// Whether and how it makes sense to try again.
    #[must_use]
    pub fn remedy(&self) -> Remedy {
        match self {
            Self::Transcode(text) if is_final(text) => Remedy::GiveUp,
            Self::Refused { text, .. } => match text.as_str() {
                "invalid auth token"
                | "expired auth token"
                | "missing auth token"
                | "TicketParams expired"
                | "OrchestratorCapped" => Remedy::NewSession,
                // With too little credit it was sent without tickets, or with too few: the next time all of them go along.
                "OrchestratorBusy" | "Internal Server Error" | "BadRequest" | "Insufficient balance" => {
                    Remedy::Resend
                }
                // Signature, hash, profiles, encoding, payment: sent to the same one again they are the same.
                _ => Remedy::Elsewhere,
            },
            Self::Transcode(_)
            | Self::Connect(_)
            | Self::HeaderTimeout(_)
            | Self::BodyTimeout(_)
            | Self::Broken(_)
            | Self::Garbage(_) => Remedy::Resend,
        }
    }

    /// True if the segment cannot have left.
    #[must_use]
    pub fn is_unsent(&self) -> bool {
        matches!(self, Self::Connect(_))
    }

    /// True if no word came from the orchestrator.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::Connect(_) | Self::HeaderTimeout(_) | Self::Broken(_))
    }
}

/// A segment's answer.
#[derive(Debug)]
pub struct Answer {
    /// Where the renditions are and what they are said to hold, in the order of the profiles.
    pub segments: Vec<net::TranscodedSegmentData>,
    /// The orchestrator's signature over the renditions.
    pub signature: Vec<u8>,
    /// What the orchestrator offers for the next segment.
    pub info: Option<net::OrchestratorInfo>,
    /// From the departure of the segment to the head of the answer.
    pub upload: Duration,
    /// From the departure of the segment to the end of the answer.
    pub latency: Duration,
}

/// A segment and the papers it travels with.
#[derive(Debug)]
pub struct Submission<'a> {
    /// The orchestrator's address for segments.
    pub transcoder: &'a str,
    /// Signed description.
    pub credentials: &'a net::SegData,
    /// Payment; none off-chain.
    pub payment: Option<&'a net::Payment>,
    /// The media.
    pub data: Bytes,
    /// How long it plays.
    pub duration: Duration,
    /// How many times longer than usual it may take; 0 and 1 are the same.
    pub timeout_multiplier: u32,
}

/// How long the head of the answer may take: the upload and the checks, not the transcoding.
#[must_use]
pub fn header_limit(duration: Duration, multiplier: u32) -> Duration {
    Duration::from_secs(2)
        .max(duration / 2)
        .saturating_mul(multiplier.max(1))
}

/// How long all of it may take.
#[must_use]
pub fn body_limit(duration: Duration, multiplier: u32) -> Duration {
    Duration::from_secs(8)
        .max(duration * 4)
        .saturating_mul(multiplier.max(1))
}

/// Sends one segment and waits for its result.
///
/// # Errors
/// See [`SubmitError`].
pub async fn submit(client: &Client, submission: Submission<'_>) -> Result<Answer, SubmitError> {
    let departure = Instant::now();
    let header_limit = header_limit(submission.duration, submission.timeout_multiplier);
    let body_limit = body_limit(submission.duration, submission.timeout_multiplier);
    let deadline = tokio::time::Instant::now() + body_limit;
    let seq = submission.credentials.seq;
    let request = client
        .post(format!("{}/segment", submission.transcoder))
        .header("Livepeer-Segment", segment::to_header(submission.credentials))
        .header(
            "Livepeer-Payment",
            submission.payment.map(segment::to_header).unwrap_or_default(),
        )
        .header(CONTENT_TYPE, "video/MP2T")
        .body(submission.data);
    let response = match timeout(header_limit, request.send()).await {
        Ok(Ok(response)) => response,
        Ok(Err(error)) if error.is_connect() => return Err(SubmitError::Connect(innermost(&error))),
        Ok(Err(error)) => return Err(SubmitError::Broken(innermost(&error))),
        Err(_) => return Err(SubmitError::HeaderTimeout(header_limit)),
    };
    let upload = departure.elapsed();
    let status = response.status();
    let most = if status.is_success() {
        ANSWER_BYTES
    } else {
        ERROR_BYTES
    };
    let body = timeout_at(deadline, read_body(response, most)).await;
    let body = body.map_err(|_| SubmitError::BodyTimeout(body_limit))??;
    if !status.is_success() {
        return Err(SubmitError::Refused {
            status: status.as_u16(),
            text: bounded(&String::from_utf8_lossy(&body.bytes)),
        });
    }
    if body.is_cut {
        return Err(SubmitError::Garbage(format!("longer than {ANSWER_BYTES} bytes")));
    }
    let result =
        net::TranscodeResult::decode(body.bytes).map_err(|error| SubmitError::Garbage(error.to_string()))?;
    let data = read_result(result.result, result.seq, seq)?;
    Ok(Answer {
        segments: data.segments,
        signature: data.sig,
        info: result.info,
        upload,
        latency: departure.elapsed(),
    })
}

fn read_result(
    result: Option<net::transcode_result::Result>,
    found: i64,
    seq: i64,
) -> Result<net::TranscodeData, SubmitError> {
    match result {
        Some(net::transcode_result::Result::Error(text)) => Err(SubmitError::Transcode(bounded(&text))),
        Some(net::transcode_result::Result::Data(data)) if found == seq => Ok(data),
        Some(net::transcode_result::Result::Data(_)) => Err(SubmitError::Garbage(format!(
            "it is for segment {found}, not {seq}"
        ))),
        None => Err(SubmitError::Garbage(
            "it holds neither renditions nor an error".into(),
        )),
    }
}

/// A body, or its beginning.
#[derive(Debug)]
struct Body {
    bytes: Bytes,
    is_cut: bool,
}

async fn read_body(mut response: Response, most: usize) -> Result<Body, SubmitError> {
    let mut bytes = BytesMut::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if bytes.len() + chunk.len() > most => {
                bytes.extend_from_slice(&chunk[..most - bytes.len()]);
                return Ok(Body {
                    bytes: bytes.freeze(),
                    is_cut: true,
                });
            }
            Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
            Ok(None) => {
                return Ok(Body {
                    bytes: bytes.freeze(),
                    is_cut: false,
                });
            }
            Err(error) => return Err(SubmitError::Broken(innermost(&error))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_follow_the_segment_and_have_a_floor() {
        let seconds = Duration::from_secs;
        assert_eq!(header_limit(seconds(2), 1), seconds(2));
        assert_eq!(header_limit(seconds(10), 0), seconds(5));
        assert_eq!(body_limit(seconds(2), 1), seconds(8));
        assert_eq!(body_limit(seconds(10), 0), seconds(40));
        assert_eq!(header_limit(seconds(10), 3), seconds(15));
        assert_eq!(body_limit(seconds(2), 3), seconds(24));
    }

    #[test]
    fn only_what_can_change_is_tried_again() {
        let transcode = |text: &str| SubmitError::Transcode(text.into()).remedy();
        assert_eq!(transcode("TranscoderInvalidVideo"), Remedy::GiveUp);
        assert_eq!(transcode("OrchestratorBusy"), Remedy::Resend);
        assert_eq!(transcode("TranscoderInvalidVideo "), Remedy::Resend);
        let refused = |text: &str| {
            SubmitError::Refused {
                status: 403,
                text: text.into(),
            }
            .remedy()
        };
        assert_eq!(refused("expired auth token"), Remedy::NewSession);
        assert_eq!(refused("ErrSegSig"), Remedy::Elsewhere);
        assert_eq!(refused("Internal Server Error"), Remedy::Resend);
        assert_eq!(refused("Insufficient balance"), Remedy::Resend);
        assert_eq!(SubmitError::Connect("x".into()).remedy(), Remedy::Resend);
    }

    #[test]
    fn a_result_for_another_segment_or_without_content_is_none() {
        let data = net::transcode_result::Result::Data(net::TranscodeData::default());
        assert!(read_result(Some(data.clone()), 7, 7).is_ok());
        assert!(matches!(
            read_result(Some(data), 8, 7),
            Err(SubmitError::Garbage(_))
        ));
        assert!(matches!(read_result(None, 7, 7), Err(SubmitError::Garbage(_))));
    }
}
