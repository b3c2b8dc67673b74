//! `POST /transcodeResults`: what transcoders deliver (`go-livepeer server/ot_rpc.go`), checked in that order and answered
//! with those texts.

use std::{sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::State,
    http::{
        HeaderMap, HeaderValue, Request, Response, StatusCode,
        header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE},
    },
};
use http_body_util::BodyExt;
use tokio::time::{Instant, timeout, timeout_at};

use super::{
    TranscoderPool,
    media_type::MediaType,
    multipart::{MultipartError, Reader},
    task::{Delivery, Event},
};
use crate::{
    media::job::Rendition,
    node::{
        Node,
        http::{DISCARD_TIME, Refusal, discard},
        upload::{Room, Share, UploadError},
    },
    wire::segment::MAX_SEGMENT_BYTES,
};

/// What transcoders authorize themselves with, beside the secret.
const PROTOCOL: &[u8] = b"Livepeer-Transcoder-1.0";
/// The body is a text: why it failed.
const ERROR_TYPE: &str = "livepeer/transcoding-error";
/// The body is the renditions.
const RESULT_TYPE: &str = "multipart/mixed";
/// A part that is the perceptual hash of the rendition before it.
const HASH_TYPE: &[u8] = b"application/octet-stream";
/// Longest error text that is handed on.
const MOST_ERROR: usize = 4096;
/// How long a result is read that nobody waits for.
const UNKNOWN_TIME: Duration = Duration::from_secs(30);
/// How many parts of it are.
const UNKNOWN_PARTS: usize = 64;
/// No more is set aside on the word of a part's `Content-Length` alone.
const FIRST_CAPACITY: usize = 1 << 20;

/// What is posted, as far as the headers tell.
struct Post {
    task: i64,
    kind: Kind,
}

enum Kind {
    Error,
    Renditions { boundary: String },
    Other,
}

/// Why the parts are no result.
#[derive(Debug, thiserror::Error)]
enum Bad {
    #[error(transparent)]
    Multipart(#[from] MultipartError),
    #[error(transparent)]
    Memory(#[from] UploadError),
    #[error("strconv.ParseInt: parsing {0:?}: invalid syntax")]
    Pixels(String),
    #[error("Unknown perceptual hash")]
    Hash,
    #[error("multipart: message too large")]
    TooManyParts,
}

/// `POST /transcodeResults`; like go-livepeer it does not look at the method.
pub(in crate::node) async fn receive(
    State(node): State<Arc<Node>>,
    request: Request<Body>,
) -> Response<Body> {
    let (head, body) = request.into_parts();
    let Some(pool) = node.transcoders() else {
        return Refusal::new(StatusCode::NOT_FOUND, "404 page not found").while_sending(head.version, body);
    };
    let Post { task, kind } = match check(pool, &head.headers) {
        Ok(post) => post,
        Err(refusal) => {
            tracing::info!(?refusal, "refused a transcoder's result");
            return refusal.while_sending(head.version, body);
        }
    };
    match kind {
        Kind::Error => failure(pool, task, body).await,
        Kind::Renditions { boundary } => renditions(pool, task, body, &boundary, node.room()).await,
        Kind::Other => {
            let _ = timeout(DISCARD_TIME, discard(body)).await;
            ok()
        }
    }
}

fn check(pool: &TranscoderPool, headers: &HeaderMap) -> Result<Post, Refusal> {
    let bytes = |value: Option<&HeaderValue>| value.map_or(&[][..], HeaderValue::as_bytes).to_vec();
    let text = |name| String::from_utf8_lossy(&bytes(headers.get(name))).into_owned();
    let unauthorized = || Refusal::new(StatusCode::UNAUTHORIZED, "Unauthorized");
    if bytes(headers.get(AUTHORIZATION)) != PROTOCOL {
        return Err(unauthorized());
    }
    if !pool.settings().secret.matches(&bytes(headers.get("credentials"))) {
        return Err(unauthorized());
    }
    let media_type = MediaType::parse(&text(CONTENT_TYPE.as_str()))
        .map_err(|error| Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, error.to_string()))?;
    let bad = |text: &str| Refusal::new(StatusCode::BAD_REQUEST, text);
    let task = text("taskid").parse().map_err(|_| bad("Invalid Task ID"))?;
    let kind = match media_type.essence.as_str() {
        ERROR_TYPE => Kind::Error,
        essence => {
            let _decoded: i64 = text("pixels").parse().map_err(|_| bad("Invalid Pixels"))?;
            match essence {
                RESULT_TYPE => Kind::Renditions {
                    boundary: media_type.parameter("boundary").to_string(),
                },
                _ => Kind::Other,
            }
        }
    };
    Ok(Post { task, kind })
}

fn ok() -> Response<Body> {
    let mut response = Response::new(Body::from("OK"));
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

/// The transcoder says that it failed; its words go on as they are.
async fn failure(pool: &TranscoderPool, task: i64, mut body: Body) -> Response<Body> {
    let until = pool.awaited(task).map(|(until, _)| until);
    let reading = async {
        let mut text = Vec::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| ())?;
            let chunk = frame.data_ref().map(AsRef::as_ref).unwrap_or_default();
            let room = MOST_ERROR.saturating_sub(text.len());
            text.extend_from_slice(&chunk[..chunk.len().min(room)]);
        }
        Ok(text)
    };
    let until = until.unwrap_or_else(|| Instant::now() + DISCARD_TIME);
    match timeout_at(until, reading).await {
        Ok(Ok(text)) => {
            let text = String::from_utf8_lossy(&text).into_owned();
            tracing::warn!(task, error = ?text, "a transcoder failed");
            pool.deliver(task, Event::Refused(text)).await;
        }
        Ok(Err(())) => pool.upload_broke_off(task),
        Err(_) => {}
    }
    ok()
}

async fn renditions(
    pool: &TranscoderPool,
    task: i64,
    body: Body,
    boundary: &str,
    room: &Room,
) -> Response<Body> {
    let awaited = pool.awaited(task);
    let unknown = || (Instant::now() + UNKNOWN_TIME, UNKNOWN_PARTS);
    let (until, most_parts) = awaited.unwrap_or_else(unknown);
    // What nobody waits for is read and thrown away.
    let share = awaited.map(|_| room.share());
    let collected = match timeout_at(until, collect(body, boundary, share, most_parts)).await {
        Ok(collected) => collected,
        Err(_) => {
            tracing::info!(task, "a result did not come whole in time");
            return ok();
        }
    };
    let error = match collected {
        Ok(delivery) => {
            if let Some(delivery) = delivery {
                pool.deliver(task, Event::Done(delivery)).await;
            }
            return ok();
        }
        Err(error) => error,
    };
    tracing::warn!(task, %error, ?error, "a result cannot be used");
    match &error {
        Bad::Multipart(MultipartError::Broken(_)) => pool.upload_broke_off(task),
        Bad::Memory(UploadError::NoRoom) => pool.deliver(task, Event::NoRoom).await,
        _ => pool.deliver(task, Event::Unusable(error.to_string())).await,
    }
    Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response()
}

/// Reads all parts. Without a share of the memory nothing is kept.
async fn collect(
    body: Body,
    boundary: &str,
    mut share: Option<Share>,
    most_parts: usize,
) -> Result<Option<Delivery>, Bad> {
    let most_bytes = usize::try_from(MAX_SEGMENT_BYTES).unwrap_or(usize::MAX);
    let mut reader = Reader::new(body.into_data_stream(), boundary)?;
    let mut renditions: Vec<Rendition> = Vec::new();
    let (mut parts, mut kept) = (0, 0);
    while let Some(headers) = reader.next_part().await? {
        parts += 1;
        if parts > most_parts {
            return Err(Bad::TooManyParts);
        }
        let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok());
        let announced: usize = announced.and_then(|text| text.parse().ok()).unwrap_or(0);
        let mut data = Vec::with_capacity(match share {
            Some(_) => announced.min(FIRST_CAPACITY),
            None => 0,
        });
        let mut length = 0;
        while let Some(chunk) = reader.chunk().await? {
            length += chunk.len();
            if length > most_bytes {
                return Err(UploadError::TooLarge.into());
            }
            if let Some(share) = &mut share {
                kept += chunk.len();
                share.hold(kept)?;
                data.extend_from_slice(&chunk);
            }
        }
        // What was set aside for a length that was a lie is given back.
        data.shrink_to_fit();
        let pixels = headers.get("pixels").map_or(&[][..], HeaderValue::as_bytes);
        let is_hash = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes) == Some(HASH_TYPE);
        if !pixels.is_empty() {
            let text = String::from_utf8_lossy(pixels);
            let pixels: i64 = text
                .parse()
                .map_err(|_| Bad::Pixels(text.chars().take(40).collect()))?;
            renditions.push(Rendition {
                data: data.into(),
                frames: 0,
                width: 0,
                height: 0,
                perceptual_hash: None,
                reported_pixels: Some(u64::try_from(pixels).unwrap_or(0)),
            });
        } else if is_hash {
            let rendition = renditions.last_mut().ok_or(Bad::Hash)?;
            rendition.perceptual_hash = Some(data.into());
        }
    }
    reader.finish().await;
    Ok(share.map(|share| Delivery {
        renditions,
        _share: share,
    }))
}
