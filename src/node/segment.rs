//! `POST /segment` and `POST /payment`: from the request's head to the signed result
//! (`go-livepeer server/segment_rpc.go`).
//!
//! Credentials are checked before the body is read. The status goes out as soon as the segment is here and its hash is
//! right, long before it is transcoded: gateways wait only briefly for it.

use std::{
    collections::HashSet,
    convert::Infallible,
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, Instant},
};

use alloy::primitives::keccak256;
use axum::{
    body::{Body, HttpBody},
    extract::State,
    http::{Request, Response, StatusCode, header::CONTENT_TYPE, request::Parts},
};
use bytes::Bytes;
use futures_util::FutureExt;
use prost::Message;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;

use super::{
    Node,
    credentials::Credentials,
    http::{Refusal, escape},
    session::{NoPlace, Opener, Place},
    sources,
    store::SessionEnded,
    upload::{self, Upload, UploadError},
    work::Outcome,
};
use crate::{
    media::{
        job::{Rendition, SegmentJob, TranscodeError, Transcoded},
        ladder::{Container, Profile},
    },
    view::node::SegmentTiming,
    wire::{
        net::{self, transcode_result},
        segment::ProfileError,
        signature,
    },
};

/// The body is not the segment but the URL it can be fetched from.
const URL_BODY: &[u8] = b"application/vnd+livepeer.uri";
/// A rendition shorter than this holds nothing (`go-livepeer core/orchestrator.go`).
const SHORTEST_RENDITION: usize = 25;
/// The least time an upload gets, however short the segment plays.
const LEAST_UPLOAD_TIME: Duration = Duration::from_secs(10);

/// Why a segment was not transcoded. The texts travel to the gateway, byte for byte.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    NoPlace(#[from] NoPlace),
    #[error(transparent)]
    Profile(#[from] ProfileError),
    #[error(transparent)]
    Transcode(#[from] TranscodeError),
    #[error("MismatchedSegments")]
    Mismatched,
    #[error("ZeroSegments")]
    Empty,
    #[error(transparent)]
    Ended(#[from] SessionEnded),
    #[error("TranscoderFailed: internal error")]
    Ours,
}

/// A segment that is here and wanted.
struct Received {
    credentials: Credentials,
    upload: Upload,
    arrived: Instant,
    upload_ms: u32,
}

/// `POST /segment`.
pub(super) async fn submit(State(node): State<Arc<Node>>, request: Request<Body>) -> Response<Body> {
    let (head, mut body) = request.into_parts();
    match receive(&node, &head, &mut body).await {
        Ok(received) => answer(node, received),
        Err(refusal) => {
            tracing::info!(?refusal, "refused a segment");
            refusal.while_sending(head.version, body)
        }
    }
}

/// `POST /payment`: no payment is asked for yet, so this checks the headers and tells what holds.
pub(super) async fn pay(State(node): State<Arc<Node>>, request: Request<Body>) -> Response<Body> {
    let (head, body) = request.into_parts();
    let checked = Credentials::check(&node, &head.headers).and_then(|credentials| {
        has_room(&node, &credentials)?;
        Ok(credentials)
    });
    match checked {
        Ok(credentials) => {
            let info = node.info(Some(credentials.token), true);
            let result = net::PaymentResult { info: Some(info) };
            Response::new(Body::from(result.encode_to_vec()))
        }
        Err(refusal) => refusal.while_sending(head.version, body),
    }
}

fn has_room(node: &Node, credentials: &Credentials) -> Result<(), Refusal> {
    node.sessions()
        .has_room(Some(&credentials.token.session_id))
        .map_err(|full| Refusal::new(StatusCode::FORBIDDEN, full.to_string()))
}

/// Everything up to the status: credentials, room, bytes, hash.
async fn receive(node: &Node, head: &Parts, body: &mut Body) -> Result<Received, Refusal> {
    let arrived = Instant::now();
    let credentials = Credentials::check(node, &head.headers)?;
    has_room(node, &credentials)?;

    let refuse = |error: UploadError| {
        tracing::warn!(%error, session = %credentials.token.session_id, "a segment was not received");
        match error {
            UploadError::NoRoom => Refusal::new(StatusCode::SERVICE_UNAVAILABLE, NoPlace::Busy.to_string()),
            UploadError::NotAUrl | UploadError::Source(_) => {
                Refusal::new(StatusCode::BAD_REQUEST, "BadRequest")
            }
            UploadError::TooLarge | UploadError::Broken(_) | UploadError::TooSlow(_) => Refusal::internal(),
        }
    };
    let within = credentials.duration.max(LEAST_UPLOAD_TIME);
    let expected = body.size_hint().exact();
    let mut upload = upload::receive(body, node.room(), expected, within)
        .await
        .map_err(refuse)?;
    let content_type = head.headers.get(CONTENT_TYPE).map(|value| value.as_bytes());
    if content_type == Some(URL_BODY) {
        upload = sources::fetch(&upload.data, node.room(), node.may_fetch_privately())
            .await
            .map_err(refuse)?;
    }
    let data = upload.data.clone();
    let hash = tokio::task::spawn_blocking(move || keccak256(&data)).await;
    if hash.ok() != Some(credentials.hash) {
        return Err(Refusal::new(StatusCode::FORBIDDEN, "Forbidden"));
    }
    Ok(Received {
        upload_ms: millis(arrived.elapsed()),
        credentials,
        upload,
        arrived,
    })
}

/// The status now, the result when it is there.
fn answer(node: Arc<Node>, received: Received) -> Response<Body> {
    let (sender, body) = mpsc::channel(1);
    let running = node.running().clone();
    running.spawn(work(node, received, sender));
    Response::new(Body::from_stream(ReceiverStream::new(body)))
}

async fn work(node: Arc<Node>, received: Received, answer: mpsc::Sender<Result<Bytes, Infallible>>) {
    let seq = received.credentials.seq;
    let token = received.credentials.token.clone();
    let gone = CancellationToken::new();
    let mut making = Box::pin(AssertUnwindSafe(make(&node, received, gone.clone())).catch_unwind());
    let made = tokio::select! {
        made = &mut making => made,
        // Nobody waits for the result any more: stop encoding, but let the transcoder clean up.
        () = answer.closed() => {
            gone.cancel();
            making.await
        }
    };
    let result = match made.unwrap_or(Err(Failure::Ours)) {
        Ok(data) => transcode_result::Result::Data(data),
        Err(failure) => transcode_result::Result::Error(failure.to_string()),
    };
    let message = net::TranscodeResult {
        seq,
        info: Some(node.info(Some(token), true)),
        result: Some(result),
    };
    // A gateway that has gone cannot be told.
    let _ = answer.send(Ok(message.encode_to_vec().into())).await;
}

/// Takes a place in the session's queue, and keeps the books on what becomes of the segment.
async fn make(
    node: &Node,
    received: Received,
    gone: CancellationToken,
) -> Result<net::TranscodeData, Failure> {
    let Received {
        credentials,
        upload,
        arrived,
        upload_ms,
    } = received;
    let session = credentials.token.session_id.clone();
    let opener = Opener {
        manifest_id: credentials.manifest_id.clone(),
        gateway: credentials.gateway,
        rungs: credentials.rungs(),
    };
    let place = node.sessions().enter(&session, opener)?;
    let seq = credentials.seq.unsigned_abs();
    let duration_ms = millis(credentials.duration);
    let bytes_in = upload.data.len() as u64;
    let mut times = Times::default();
    let made = transcode(node, &place, credentials, upload, &gone, &mut times).await;
    let (source, pixels, renditions, error) = match &made {
        Ok((data, source)) => {
            let pixels = data
                .segments
                .iter()
                .map(|segment| segment.pixels.unsigned_abs())
                .sum();
            (Some(*source), pixels, data.segments.len() as u64, None)
        }
        Err(failure) => (None, 0, 0, Some(failure.to_string())),
    };
    let outcome = Outcome {
        timing: SegmentTiming {
            seq,
            duration_ms,
            upload_ms,
            wait_ms: millis(times.waited),
            transcode_ms: millis(times.transcoded),
            total_ms: millis(arrived.elapsed()),
            ok: made.is_ok(),
        },
        renditions,
        pixels,
        bytes_in,
    };
    match &error {
        None => tracing::info!(
            session,
            seq,
            total_ms = outcome.timing.total_ms,
            "transcoded a segment"
        ),
        Some(error) => tracing::warn!(session, seq, error, "a segment failed"),
    }
    place.record(&outcome, source, error.as_deref());
    node.record(&outcome);
    made.map(|(data, _)| data)
}

#[derive(Default)]
struct Times {
    waited: Duration,
    transcoded: Duration,
}

/// Waits for the segment's turn, transcodes it, and puts the renditions up for download.
async fn transcode(
    node: &Node,
    place: &Place,
    credentials: Credentials,
    upload: Upload,
    gone: &CancellationToken,
    times: &mut Times,
) -> Result<(net::TranscodeData, (u32, u32)), Failure> {
    let profiles = credentials.profiles?;
    if profiles.is_empty() {
        return Err(TranscodeError::Input("Invalid argument").into());
    }
    let queued = Instant::now();
    let turn = tokio::select! {
        turn = place.turn() => turn,
        () = gone.cancelled() => None,
    };
    times.waited = queued.elapsed();
    let turn = turn.ok_or(TranscodeError::Stopped)?;

    let session = credentials.token.session_id;
    let seq = credentials.seq.unsigned_abs();
    let job = SegmentJob {
        session: session.clone(),
        seq,
        source: upload.data.clone().into(),
        duration: credentials.duration,
        profiles: profiles.clone(),
        perceptual_hash: credentials.perceptual_hash,
        clip: credentials.clip,
        orchestrator: node.metadata_name(),
    };
    let started = Instant::now();
    let stop = place.stop().child_token();
    let made = tokio::select! {
        made = node.transcoder().transcode(job, stop.clone()) => made,
        never = cancel_when(gone, &stop) => match never {},
    };
    times.transcoded = started.elapsed();
    drop(turn);
    drop(upload);
    let Transcoded {
        renditions,
        source_width,
        source_height,
        elapsed,
        ..
    } = made?;
    // The transcoder may have let other sessions go first: that was waiting too.
    times.waited += times.transcoded.saturating_sub(elapsed);
    times.transcoded = elapsed;
    if renditions.len() != profiles.len() {
        return Err(Failure::Mismatched);
    }
    if renditions
        .iter()
        .any(|rendition| rendition.data.len() < SHORTEST_RENDITION)
    {
        return Err(Failure::Empty);
    }
    let segments = publish(node, &session, credentials.seq, &profiles, &renditions)?;
    let signer = Arc::clone(node.signer());
    let sig = tokio::task::spawn_blocking(move || {
        let data = renditions.iter().map(|rendition| &rendition.data);
        signer.sign(&signature::renditions_message(data))
    })
    .await
    .map_err(|_| Failure::Ours)?;
    Ok((
        net::TranscodeData { segments, sig },
        (source_width, source_height),
    ))
}

/// Cancels `stop` once `gone` is cancelled; never resolves.
async fn cancel_when(gone: &CancellationToken, stop: &CancellationToken) -> Infallible {
    gone.cancelled().await;
    stop.cancel();
    std::future::pending().await
}

/// Puts the renditions up for download: one entry for each profile, in order.
fn publish(
    node: &Node,
    session: &str,
    seq: i64,
    profiles: &[Profile],
    renditions: &[Rendition],
) -> Result<Vec<net::TranscodedSegmentData>, SessionEnded> {
    let store = node.sessions().store();
    let mut names = HashSet::new();
    let mut segments = Vec::with_capacity(profiles.len());
    for (index, (profile, rendition)) in profiles.iter().zip(renditions).enumerate() {
        // Two rungs of one name would overwrite each other. A name made up here may be that of a later rung.
        let mut directory = profile.name.clone();
        while !names.insert(directory.clone()) {
            directory = format!("{directory}-{index}");
        }
        let file = match profile.format {
            Container::MpegTs => format!("{seq}.ts"),
            Container::Mp4 => format!("{seq}.mp4"),
        };
        let hash_file = format!("{file}.phash");
        let url = |file: &str| {
            let directory = escape(&directory);
            format!("{}/stream/{session}/{directory}/{file}", node.service_uri())
        };
        let perceptual_hash_url = rendition.perceptual_hash.is_some().then(|| url(&hash_file));
        segments.push(net::TranscodedSegmentData {
            url: url(&file),
            pixels: i64::try_from(rendition.pixels()).unwrap_or(i64::MAX),
            perceptual_hash_url: perceptual_hash_url.unwrap_or_default(),
        });
        store.save(session, &directory, file, rendition.data.clone())?;
        if let Some(hash) = &rendition.perceptual_hash {
            store.save(session, &directory, hash_file, hash.clone())?;
        }
    }
    Ok(segments)
}

fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}
