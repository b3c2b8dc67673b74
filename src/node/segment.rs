//! `POST /segment` and `POST /payment`: from the request's head to the signed result
//! (`go-livepeer server/segment_rpc.go`).
//!
//! Credentials are checked before the body is read. While it is read the segment has its place in the session's queue
//! already, and if its turn comes it is worked on as far as it is here; all of that is void if it breaks off or turns out
//! to be another one. The status goes out as soon as the segment is here and its hash is right, long before it is
//! transcoded: gateways wait only briefly for it.

use std::{
    collections::HashSet,
    convert::Infallible,
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    body::{Body, HttpBody},
    extract::State,
    http::{Request, Response, StatusCode, header::CONTENT_TYPE, request::Parts},
};
use bytes::Bytes;
use futures_util::{FutureExt, future::try_join_all};
use prost::Message;
use tokio::sync::{mpsc, oneshot};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::{sync::CancellationToken, task::task_tracker::TaskTrackerToken};
use tracing::{Instrument as _, Span};

use super::{
    Node, TranscoderPool,
    credentials::Credentials,
    http::{Refusal, escape},
    metrics,
    outlet::{Outlet, OutletError},
    payment::Bill,
    session::{Made, NoPlace, Opener, Place, RungMade, shortened},
    sources,
    store::SessionEnded,
    upload::{self, Upload, UploadError},
    work::Outcome,
};
use crate::{
    media::{
        arrival::Source,
        job::{Rendition, SegmentJob, TranscodeError, Transcoded},
        ladder::{Container, Profile},
    },
    view::node::SegmentTiming,
    way,
    wire::{
        net::{self, transcode_result},
        segment::{MAX_SEGMENT_BYTES, ProfileError},
        signature, token,
    },
};

/// The body is not the segment but the URL it can be fetched from.
const URL_BODY: &[u8] = b"application/vnd+livepeer.uri";
/// A rendition shorter than this holds nothing (`go-livepeer core/orchestrator.go`).
const SHORTEST_RENDITION: usize = 25;
/// Gateways wait four times the playing time for a result, but not less than this (`go-livepeer server/broadcast.go`).
const LEAST_PATIENCE: Duration = Duration::from_secs(8);

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
    #[error(transparent)]
    Outlet(#[from] OutletError),
    #[error("TranscoderFailed: internal error")]
    Ours,
}

impl Failure {
    /// Stable name of what was at fault.
    fn reason(&self) -> &'static str {
        match self {
            Self::NoPlace(full) => full.reason(),
            Self::Profile(_) => "request",
            Self::Transcode(error) => metrics::of_transcode(error),
            Self::Mismatched | Self::Empty => "renditions",
            Self::Ended(_) => "ended",
            Self::Outlet(_) => "store",
            Self::Ours => "ours",
        }
    }
}

/// A segment whose credentials hold, while its bytes come.
struct Order {
    credentials: Credentials,
    /// None where nobody pays.
    bill: Option<Bill>,
    source: Source,
    /// None if the queue was full or the segment would be late when it was announced: that may have changed when it is
    /// here.
    place: Option<Place>,
    /// When the request came.
    since: Instant,
}

/// All of its bytes are here, and they are the right ones.
struct Arrived {
    upload: Upload,
    at: Instant,
    /// From now on the node waits for its work before it stops.
    _running: TaskTrackerToken,
}

/// A result's way to the gateway.
type Answer = mpsc::Sender<Result<Bytes, Infallible>>;

/// `POST /segment`.
pub(super) async fn submit(State(node): State<Arc<Node>>, request: Request<Body>) -> Response<Body> {
    let (head, mut body) = request.into_parts();
    let span = way::arriving();
    match Box::pin(receive(&node, &head, &mut body).instrument(span.clone())).await {
        Ok(result) => Response::new(Body::from_stream(ReceiverStream::new(result))),
        Err(refusal) => {
            span.in_scope(|| tracing::info!(?refusal, "refused a segment"));
            refusal.while_sending(head.version, body)
        }
    }
}

/// `POST /payment`: takes a payment without a segment, and tells what holds.
pub(super) async fn pay(State(node): State<Arc<Node>>, request: Request<Body>) -> Response<Body> {
    let (head, body) = request.into_parts();
    match Box::pin(take_payment(&node, &head)).await {
        Ok(info) => {
            let result = net::PaymentResult { info: Some(info) };
            Response::new(Body::from(result.encode_to_vec()))
        }
        Err(refusal) => {
            tracing::info!(?refusal, "refused a payment");
            refusal.while_sending(head.version, body)
        }
    }
}

async fn take_payment(node: &Node, head: &Parts) -> Result<net::OrchestratorInfo, Refusal> {
    let mut credentials = Credentials::check(node, &head.headers)?;
    has_room(node, &credentials)?;
    let offer = Bill::advance(node, &mut credentials).await?;
    Ok(node.info(Some(credentials.token), true, offer))
}

fn has_room(node: &Node, credentials: &Credentials) -> Result<(), Refusal> {
    node.sessions()
        .has_room(Some(&credentials.token.session_id))
        .map_err(capped)
}

fn capped(full: NoPlace) -> Refusal {
    Refusal::new(StatusCode::FORBIDDEN, full.to_string())
}

/// Everything up to the status: credentials, room, bytes, hash. Dropped before that, or refused, all work is void.
async fn receive(
    node: &Arc<Node>,
    head: &Parts,
    body: &mut Body,
) -> Result<mpsc::Receiver<Result<Bytes, Infallible>>, Refusal> {
    let since = Instant::now();
    let refused = |reason: &'static str| move |_: &Refusal| node.metrics.segment_refused(reason);
    let span = Span::current();
    let checking = async {
        let mut credentials = Credentials::check(node, &head.headers).inspect_err(refused("credentials"))?;
        node.metrics.segment_arrived(credentials.duration);
        let seq = credentials.seq.unsigned_abs();
        way::name(
            &span,
            &credentials.token.session_id,
            seq,
            &credentials.manifest_id,
        );
        if gathering(node, &credentials).is_none() {
            has_room(node, &credentials).inspect_err(refused("capped"))?;
        }
        let bill = Bill::open(node, &mut credentials)
            .await
            .inspect_err(refused("payment"))?;
        Ok::<_, Refusal>((credentials, bill))
    };
    let (credentials, bill) = checking.instrument(way::checking()).await?;
    let place = match gathering(node, &credentials) {
        Some(_) if !node.transcoder().has_capacity() => None,
        _ => match take_place(node, &credentials, since) {
            Err(NoPlace::Capped) => {
                node.metrics.segment_refused("capped");
                return Err(capped(NoPlace::Capped));
            }
            place => place.ok(),
        },
    };
    let refuse = |error: UploadError| {
        tracing::warn!(%error, "a segment was not received");
        node.metrics.segment_refused(metrics::of_upload(&error));
        match error {
            UploadError::NoRoom => Refusal::new(StatusCode::SERVICE_UNAVAILABLE, NoPlace::Busy.to_string()),
            UploadError::NotAUrl | UploadError::Source(_) => {
                Refusal::new(StatusCode::BAD_REQUEST, "BadRequest")
            }
            UploadError::WrongHash => Refusal::new(StatusCode::FORBIDDEN, "Forbidden"),
            UploadError::TooLarge | UploadError::Broken(_) | UploadError::TooSlow(_) => Refusal::internal(),
        }
    };
    let content_type = head.headers.get(CONTENT_TYPE).map(|value| value.as_bytes());
    let is_url = content_type == Some(URL_BODY);
    let within = credentials.duration.max(node.upload_time());
    let hash = credentials.hash;
    let expected = body.size_hint().exact().filter(|_| !is_url);
    if expected.is_some_and(|length| length > MAX_SEGMENT_BYTES) {
        // None of it has to come to know that.
        if let Some(place) = place {
            node.sessions().withdraw(place);
        }
        return Err(refuse(UploadError::TooLarge));
    }

    let (mut collector, source) = node.room().collector(expected);
    let (here, arrival) = oneshot::channel();
    let (answer, result) = mpsc::channel(1);
    let order = Order {
        credentials,
        bill,
        source,
        place,
        since,
    };
    tokio::spawn(work(Arc::clone(node), order, arrival, answer).instrument(span));
    let receiving = way::receiving();
    if is_url {
        let url = upload::receive_text(body, sources::MAX_URL, within)
            .instrument(receiving.clone())
            .await
            .map_err(refuse)?;
        let is_ours = |url: &url::Url| node.object_store().is_some_and(|store| store.holds(url));
        sources::fetch(&url, &mut collector, |url| {
            node.may_fetch_privately() || is_ours(url)
        })
        .instrument(receiving)
        .await
        .map_err(refuse)?;
    } else {
        upload::receive(body, &mut collector, within)
            .instrument(receiving)
            .await
            .map_err(refuse)?;
    }
    let arrived = Arrived {
        at: Instant::now(),
        upload: collector.finish(hash).map_err(refuse)?,
        _running: node.running().token(),
    };
    node.metrics.segment_received(since.elapsed());
    // Whoever works on it waits for this.
    let _ = here.send(arrived);
    Ok(result)
}

/// A place in the session's queue, if the renditions can be there in time.
fn take_place(node: &Node, credentials: &Credentials, since: Instant) -> Result<Place, NoPlace> {
    let opener = Opener {
        manifest_id: credentials.manifest_id.clone(),
        gateway: credentials.gateway,
        rungs: credentials.rungs(),
        playing: credentials.duration,
        outlet: Outlet::choose(node, &credentials.token.session_id, credentials.storage.as_ref())
            .map(Arc::new),
    };
    let place = node.sessions().enter(&credentials.token.session_id, &opener)?;
    if is_late(node, credentials, place.ahead, since) {
        node.sessions().withdraw(place);
        return Err(NoPlace::Late);
    }
    Ok(place)
}

/// The pool of a node that was restarted, until when its transcoders may be on their way back: the segments of sessions
/// from before wait for them.
fn gathering<'a>(node: &'a Node, credentials: &Credentials) -> Option<(&'a TranscoderPool, Instant)> {
    let pool = node.transcoders()?;
    let until = pool.gathering_until()?;
    let is_from_before = token::issued(&credentials.token) < node.started.as_second();
    (is_from_before && !node.sessions().is_draining()).then_some((pool, until))
}

/// How long a gateway waits for a result, with something to spare.
fn patience(playing: Duration) -> Duration {
    playing.saturating_mul(4).max(LEAST_PATIENCE) * 9 / 10
}

/// Whether the gateway will have given up before the segment is transcoded, if what is ahead of it plays so long.
fn is_late(node: &Node, credentials: &Credentials, ahead: Duration, since: Instant) -> bool {
    let playing = credentials.duration;
    let patience = patience(playing);
    let session = &credentials.token.session_id;
    let expected = node.transcoder().expected(session, ahead.saturating_add(playing));
    expected.is_some_and(|expected| since.elapsed().saturating_add(expected) > patience)
}

/// Transcodes the segment while it arrives, and answers once it was right; what did not arrive leaves nothing behind.
async fn work(node: Arc<Node>, order: Order, mut arrival: oneshot::Receiver<Arrived>, answer: Answer) {
    let Order {
        credentials,
        bill,
        source,
        place,
        since,
    } = order;
    let mut here = None;
    let place = match place {
        Some(place) => Ok(place),
        None => {
            let Ok(arrived) = (&mut arrival).await else {
                return;
            };
            here = Some(arrived);
            if let Some((pool, until)) = gathering(&node, &credentials) {
                let patience = patience(credentials.duration) / 2;
                pool.room_until(until.min(since + patience)).await;
            }
            take_place(&node, &credentials, since)
        }
    };
    let place = match place {
        Ok(place) => place,
        Err(full) => {
            if full == NoPlace::Late {
                node.work().shed();
            }
            node.metrics.segment_refused(full.reason());
            tracing::info!("no place: {full}");
            return tell(&node, credentials, bill, Err(full.into()), &answer).await;
        }
    };
    let gone = CancellationToken::new();
    let encoding = encode(&node, &place, &credentials, source, &gone, since);
    let mut encoding = Box::pin(AssertUnwindSafe(encoding).catch_unwind());
    let mut ended = None;
    if here.is_none() {
        let arrived = tokio::select! {
            biased;
            early = &mut encoding => {
                ended = Some(early);
                arrival.await
            }
            arrived = &mut arrival => arrived,
        };
        here = arrived.ok();
    }
    let Some(Arrived { upload, at, _running }) = here else {
        gone.cancel();
        if ended.is_none() {
            let _ = encoding.as_mut().await;
        }
        drop(encoding);
        return node.sessions().withdraw(place);
    };
    place.confirm(credentials.rungs());
    let ended = match ended {
        Some(ended) => ended,
        None => tokio::select! {
            ended = &mut encoding => ended,
            // Nobody waits for the result any more: stop encoding, but let the transcoder clean up.
            () = answer.closed() => {
                gone.cancel();
                encoding.as_mut().await
            }
        },
    };
    drop(encoding);
    let encoded = ended.unwrap_or_else(|_| Encoded::failed(Failure::Ours));
    let arrived = Receipt {
        since,
        at,
        bytes: upload.length,
    };
    drop(upload);
    let answering = async {
        let delivering = AssertUnwindSafe(deliver(
            &node,
            &place,
            &credentials,
            bill.as_ref(),
            encoded,
            arrived,
        ))
        .catch_unwind();
        let made = Box::pin(delivering).await.unwrap_or(Err(Failure::Ours));
        drop(place);
        tell(&node, credentials, bill, made, &answer).await;
    };
    Box::pin(answering).instrument(way::answering()).await;
}

/// The result, whatever it is.
async fn tell(
    node: &Node,
    credentials: Credentials,
    bill: Option<Bill>,
    made: Result<net::TranscodeData, Failure>,
    answer: &Answer,
) {
    let offer = bill.map(|bill| bill.offer);
    let message = net::TranscodeResult {
        seq: credentials.seq,
        info: Some(node.info(Some(credentials.token), true, offer)),
        result: Some(match made {
            Ok(data) => transcode_result::Result::Data(data),
            Err(failure) => transcode_result::Result::Error(failure.to_string()),
        }),
    };
    // A gateway that has gone cannot be told.
    let _ = answer.send(Ok(message.encode_to_vec().into())).await;
}

/// What came of encoding.
struct Encoded {
    made: Result<Transcoded, Failure>,
    /// When its turn had come.
    begun: Option<Instant>,
    ended: Instant,
}

impl Encoded {
    fn failed(failure: Failure) -> Self {
        Self {
            made: Err(failure),
            begun: None,
            ended: Instant::now(),
        }
    }

    /// The time since the segment was here, as waiting and as transcoding. What was done while it arrived took none.
    fn times(&self, here: Instant) -> (Duration, Duration) {
        let after = self.ended.saturating_duration_since(here);
        let worked = match (&self.made, self.begun) {
            // The transcoder may have let other sessions go first: that was waiting.
            (Ok(made), _) => made.elapsed,
            (Err(_), Some(begun)) => self.ended.saturating_duration_since(begun),
            (Err(_), None) => Duration::ZERO,
        };
        let transcoded = worked.min(after);
        (after - transcoded, transcoded)
    }
}

/// When a segment came, and how large it was.
#[derive(Clone, Copy)]
struct Receipt {
    since: Instant,
    /// When its last byte was here.
    at: Instant,
    bytes: u64,
}

/// Waits for the segment's turn and transcodes it, both also while it still arrives.
async fn encode(
    node: &Node,
    place: &Place,
    credentials: &Credentials,
    source: Source,
    gone: &CancellationToken,
    since: Instant,
) -> Encoded {
    let _arriving = node.arriving().token();
    let profiles = match &credentials.profiles {
        Err(error) => return Encoded::failed((*error).into()),
        Ok(profiles) if profiles.is_empty() => {
            return Encoded::failed(TranscodeError::INVALID_ARGUMENT.into());
        }
        Ok(profiles) => profiles.clone(),
    };
    let turn = tokio::select! {
        turn = place.turn(&source).instrument(way::waiting()) => turn,
        () = gone.cancelled() => None,
    };
    let Some(turn) = turn else {
        return Encoded::failed(TranscodeError::Stopped.into());
    };
    if is_late(node, credentials, Duration::ZERO, since) {
        node.work().shed();
        return Encoded::failed(TranscodeError::Busy.into());
    }
    let job = SegmentJob {
        session: credentials.token.session_id.clone(),
        seq: credentials.seq.unsigned_abs(),
        source: source.clone(),
        duration: credentials.duration,
        profiles,
        perceptual_hash: credentials.perceptual_hash,
        clip: credentials.clip,
        orchestrator: node.metadata_name(),
    };
    let begun = Instant::now();
    let stop = place.stop().child_token();
    let transcoding = async {
        let mut transcoding = match node.transcoders() {
            Some(pool) => Box::pin(pool.transcode_for(job, credentials.request.clone(), stop.clone())),
            None => node.transcoder().transcode(job, stop.clone()),
        };
        tokio::select! {
            made = &mut transcoding => made,
            () = place.is_in_the_way(&source) => {
                drop(turn);
                transcoding.await
            }
        }
    };
    let made = tokio::select! {
        made = transcoding.instrument(way::transcoding()) => made,
        never = cancel_when(gone, &stop) => match never {},
    };
    Encoded {
        made: made.map_err(Failure::from),
        begun: Some(begun),
        ended: Instant::now(),
    }
}

/// Puts the renditions up for download, charges for them, and keeps the books on what became of the segment.
async fn deliver(
    node: &Node,
    place: &Place,
    credentials: &Credentials,
    bill: Option<&Bill>,
    encoded: Encoded,
    receipt: Receipt,
) -> Result<net::TranscodeData, Failure> {
    let (waited, transcoded) = encoded.times(receipt.at);
    let session = &credentials.token.session_id;
    let seq = credentials.seq.unsigned_abs();
    let (made, seen) = match encoded.made {
        Ok(made) => {
            let size = (made.source_width, made.source_height);
            let remote = node.transcoders().and_then(|pool| pool.place_of(session));
            let profiles = credentials.profiles.as_deref().unwrap_or_default();
            let rungs = profiles.iter().zip(&made.renditions);
            let seen = Made {
                rungs: rungs
                    .map(|(profile, rendition)| rung_made(profile, rendition))
                    .collect(),
                source: (size != (0, 0)).then_some(size),
                device: remote.unwrap_or_else(|| made.target.to_string()),
            };
            (
                publish_and_sign(node, place, credentials, made.renditions).await,
                Some(seen),
            )
        }
        Err(failure) => (Err(failure), None),
    };
    let error = made.as_ref().err().map(ToString::to_string);
    let segments = made.as_ref().map_or(&[][..], |data| &data.segments);
    let outcome = Outcome {
        timing: SegmentTiming {
            seq,
            duration_ms: millis(credentials.duration),
            upload_ms: millis(receipt.at.saturating_duration_since(receipt.since)),
            wait_ms: millis(waited),
            transcode_ms: millis(transcoded),
            total_ms: millis(receipt.since.elapsed()),
            ok: made.is_ok(),
        },
        renditions: segments.len() as u64,
        pixels: segments.iter().map(|segment| segment.pixels.unsigned_abs()).sum(),
        bytes_in: receipt.bytes,
    };
    // Before the gateway hears of the renditions: what it owes outlives this process.
    if let Some(bill) = bill.filter(|_| made.is_ok()) {
        bill.charge(node, session, outcome.pixels).await;
    }
    match &error {
        None => tracing::info!(total_ms = outcome.timing.total_ms, "transcoded a segment"),
        Some(error) => tracing::warn!(error, "a segment failed"),
    }
    place.record(&outcome, seen.filter(|_| made.is_ok()), error.as_deref());
    let profiles = credentials.profiles.as_deref().unwrap_or_default();
    let reason = made.as_ref().err().map(Failure::reason);
    node.metrics.segment_ended(&outcome, profiles, reason);
    node.record(&outcome);
    made
}

/// What is counted of a rendition.
pub(super) fn rung_made(profile: &Profile, rendition: &Rendition) -> RungMade {
    RungMade {
        name: shortened(&profile.name),
        width: rendition.width,
        height: rendition.height,
        pixels: rendition.pixels(),
        bytes: rendition.data.len() as u64,
    }
}

async fn publish_and_sign(
    node: &Node,
    place: &Place,
    credentials: &Credentials,
    renditions: Vec<Rendition>,
) -> Result<net::TranscodeData, Failure> {
    let profiles = credentials.profiles.as_deref().unwrap_or_default();
    if renditions.len() != profiles.len() {
        return Err(Failure::Mismatched);
    }
    if renditions
        .iter()
        .any(|rendition| rendition.data.len() < SHORTEST_RENDITION)
    {
        return Err(Failure::Empty);
    }
    let session = &credentials.token.session_id;
    let files = name_files(credentials.seq, profiles, &renditions);
    let segments = match place.outlet() {
        Some(outlet) => send_away(outlet, &files).await?,
        None => publish(node, session, &files)?,
    };
    drop(files);
    let signer = Arc::clone(node.signer());
    let sig = tokio::task::spawn_blocking(move || {
        let data = renditions.iter().map(|rendition| &rendition.data);
        signer.sign(&signature::renditions_message(data))
    })
    .await
    .map_err(|_| Failure::Ours)?;
    Ok(net::TranscodeData { segments, sig })
}

/// Cancels `stop` once `gone` is cancelled; never resolves.
async fn cancel_when(gone: &CancellationToken, stop: &CancellationToken) -> Infallible {
    gone.cancelled().await;
    stop.cancel();
    std::future::pending().await
}

/// A rendition on its way to those who fetch it.
struct File<'a> {
    directory: String,
    name: String,
    rendition: &'a Rendition,
}

impl File<'_> {
    fn hash_name(&self) -> String {
        format!("{}.phash", self.name)
    }

    fn entry(&self, url: String, perceptual_hash_url: Option<String>) -> net::TranscodedSegmentData {
        net::TranscodedSegmentData {
            url,
            pixels: i64::try_from(self.rendition.pixels()).unwrap_or(i64::MAX),
            perceptual_hash_url: perceptual_hash_url.unwrap_or_default(),
        }
    }
}

/// One file for each profile, in order.
fn name_files<'a>(seq: i64, profiles: &[Profile], renditions: &'a [Rendition]) -> Vec<File<'a>> {
    let mut names = HashSet::new();
    let mut files = Vec::with_capacity(profiles.len());
    for (index, (profile, rendition)) in profiles.iter().zip(renditions).enumerate() {
        // Two rungs of one name would overwrite each other. A name made up here may be that of a later rung.
        let mut directory = profile.name.clone();
        while !names.insert(directory.clone()) {
            directory = format!("{directory}-{index}");
        }
        let name = match profile.format {
            Container::MpegTs => format!("{seq}.ts"),
            Container::Mp4 => format!("{seq}.mp4"),
        };
        files.push(File {
            directory,
            name,
            rendition,
        });
    }
    files
}

/// Puts the renditions up for download in the node's memory.
fn publish(
    node: &Node,
    session: &str,
    files: &[File<'_>],
) -> Result<Vec<net::TranscodedSegmentData>, SessionEnded> {
    let store = node.sessions().store();
    let publish_one = |file: &File<'_>| {
        let url = |name: &str| {
            let directory = escape(&file.directory);
            format!("{}/stream/{session}/{directory}/{name}", node.service_uri())
        };
        store.save(
            session,
            &file.directory,
            file.name.clone(),
            file.rendition.data.clone(),
        )?;
        let hash_url = match &file.rendition.perceptual_hash {
            Some(hash) => {
                store.save(session, &file.directory, file.hash_name(), hash.clone())?;
                Some(url(&file.hash_name()))
            }
            None => None,
        };
        Ok(file.entry(url(&file.name), hash_url))
    };
    files.iter().map(publish_one).collect()
}

/// Puts the renditions into an object store, all at once; none counts unless all are there.
async fn send_away(
    outlet: &Outlet,
    files: &[File<'_>],
) -> Result<Vec<net::TranscodedSegmentData>, OutletError> {
    let send_one = |file: &File<'_>| {
        let name = format!("{}/{}", file.directory, file.name);
        let hash_name = format!("{}/{}", file.directory, file.hash_name());
        let (data, hash) = (
            file.rendition.data.clone(),
            file.rendition.perceptual_hash.clone(),
        );
        async move {
            let url = outlet.put(&name, &data).await?;
            let hash_url = match hash {
                Some(hash) => Some(outlet.put(&hash_name, &hash).await?),
                None => None,
            };
            Ok::<_, OutletError>((url, hash_url))
        }
    };
    let urls: Vec<_> = try_join_all(files.iter().map(send_one)).await?;
    let entries = files.iter().zip(urls);
    Ok(entries
        .map(|(file, (url, hash_url))| file.entry(url, hash_url))
        .collect())
}

fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}
