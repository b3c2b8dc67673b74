//! An orchestrator that does as it is told, right or wrong. It gives back each segment as its own rendition, which
//! is right for a ladder of one rung of the source's size.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use engine::{
    media::count,
    wire::{
        capability::{CapabilitySet, PROTOCOL_VERSION},
        net::{
            self,
            orchestrator_server::{Orchestrator, OrchestratorServer},
            transcode_result::Result as Outcome,
        },
        segment,
        signature::{LocalSigner, MessageSigner, renditions_message},
        token::AuthTokens,
    },
};
use futures_util::StreamExt;
use jiff::Timestamp;
use prost::Message;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::{Request, Status};

/// What it does with one segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// All as it should be.
    Honest,
    /// No word at all.
    Silence,
    /// A good head and then nothing.
    HeadOnly,
    /// Bytes that are no message.
    Garbage,
    /// An endless answer.
    Endless,
    /// A message with neither renditions nor error.
    Nothing,
    /// The result of another segment.
    WrongSegment,
    /// A frame too many in the pixels.
    WrongPixels,
    /// No rendition at all, and no error.
    TooFew,
    /// A rendition that is not there.
    NotThere,
    /// A rendition that never ends.
    EndlessRendition,
    /// A rendition that is no video.
    NotVideo,
    /// A rendition whose middle was overwritten.
    Damaged,
    /// Signed by someone else.
    ForeignSignature,
    /// A rendition of the right form that shows something else.
    OtherPictures,
    /// No perceptual hash, whatever was asked for.
    NoHash,
    /// Refused with this status and text.
    Refuse(u16, &'static str),
    /// Transcoding failed with this text.
    Fail(&'static str),
}

type Script = dyn Fn(i64, u32) -> Deed + Send + Sync;

#[derive(Clone)]
struct Shared {
    uri: Arc<str>,
    script: Arc<Script>,
    tokens: Arc<AuthTokens>,
    signer: Option<LocalSigner>,
    info: Arc<dyn Fn(&mut net::OrchestratorInfo) + Send + Sync>,
    delay: Duration,
    /// How many of its first tokens end soon.
    short_lived: Arc<AtomicU32>,
    asked: Arc<AtomicU32>,
    attempts: Arc<Mutex<HashMap<i64, u32>>>,
    renditions: Arc<Mutex<HashMap<i64, (Deed, Bytes)>>>,
    papers: Arc<Mutex<Vec<net::SegData>>>,
    payments: Arc<Mutex<Vec<net::Payment>>>,
    ended: Arc<Mutex<Vec<String>>>,
}

pub struct Scripted {
    shared: Shared,
    alive: DropGuard,
}

impl Scripted {
    /// Does for segment and attempt (from 1) what `script` says.
    pub async fn start(script: impl Fn(i64, u32) -> Deed + Send + Sync + 'static) -> Self {
        Self::with(script, None, |_| {}).await
    }

    /// As [`Scripted::start`], with an account, and an offer that is changed before it is made.
    pub async fn with(
        script: impl Fn(i64, u32) -> Deed + Send + Sync + 'static,
        signer: Option<LocalSigner>,
        info: impl Fn(&mut net::OrchestratorInfo) + Send + Sync + 'static,
    ) -> Self {
        Self::late(Duration::ZERO, script, signer, info).await
    }

    /// As [`Scripted::with`], taking so long for each offer.
    pub async fn late(
        delay: Duration,
        script: impl Fn(i64, u32) -> Deed + Send + Sync + 'static,
        signer: Option<LocalSigner>,
        info: impl Fn(&mut net::OrchestratorInfo) + Send + Sync + 'static,
    ) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address: SocketAddr = listener.local_addr().unwrap();
        let shared = Shared {
            uri: format!("http://{address}").into(),
            script: Arc::new(script),
            tokens: Arc::new(AuthTokens::generate()),
            signer,
            info: Arc::new(info),
            delay,
            short_lived: Arc::default(),
            asked: Arc::default(),
            attempts: Arc::default(),
            renditions: Arc::default(),
            papers: Arc::default(),
            payments: Arc::default(),
            ended: Arc::default(),
        };
        let http = Router::new()
            .route("/segment", post(take_segment))
            .route("/stream/{seq}", get(give_rendition))
            .route("/hash/{seq}", get(|| async { "a hash" }))
            .layer(axum::extract::DefaultBodyLimit::disable())
            .with_state(shared.clone());
        let grpc = tonic::service::Routes::new(OrchestratorServer::new(shared.clone()))
            .prepare()
            .into_axum_router();
        let stop = CancellationToken::new();
        let router = grpc.merge(http);
        tokio::spawn(stop.clone().run_until_cancelled_owned(async move {
            axum::serve(listener, router).await.unwrap();
        }));
        Self {
            shared,
            alive: stop.drop_guard(),
        }
    }

    pub fn uri(&self) -> &str {
        &self.shared.uri
    }

    /// How often a segment was sent.
    pub fn attempts(&self, seq: i64) -> u32 {
        self.shared
            .attempts
            .lock()
            .unwrap()
            .get(&seq)
            .copied()
            .unwrap_or(0)
    }

    /// So many tokens from now on end within the time in which gateways replace them.
    pub fn shorten(&self, tokens: u32) {
        self.shared.short_lived.store(tokens, Ordering::Relaxed);
    }

    /// What segments came with, in their order.
    pub fn papers(&self) -> Vec<net::SegData> {
        self.shared.papers.lock().unwrap().clone()
    }

    /// What segments were paid with, in their order.
    pub fn payments(&self) -> Vec<net::Payment> {
        self.shared.payments.lock().unwrap().clone()
    }

    /// Segments that were sent, however often.
    pub fn segments(&self) -> usize {
        self.shared.attempts.lock().unwrap().len()
    }

    /// How often it was asked for a session.
    pub fn asked(&self) -> u32 {
        self.shared.asked.load(Ordering::Relaxed)
    }

    /// Sessions the gateway gave back.
    pub fn ended(&self) -> Vec<String> {
        self.shared.ended.lock().unwrap().clone()
    }

    /// Takes no further connections.
    pub fn die(self) {
        drop(self.alive);
    }
}

impl Shared {
    fn offer(&self) -> net::OrchestratorInfo {
        let mut info = net::OrchestratorInfo {
            transcoder: self.uri.to_string(),
            address: self
                .signer
                .as_ref()
                .map(|signer| signer.address().to_vec())
                .unwrap_or_default(),
            capabilities: Some(CapabilitySet::default_set().to_message(PROTOCOL_VERSION)),
            auth_token: Some(self.tokens.issue(Timestamp::now())),
            ..net::OrchestratorInfo::default()
        };
        (self.info)(&mut info);
        info
    }
}

#[tonic::async_trait]
impl Orchestrator for Shared {
    async fn get_orchestrator(
        &self,
        _request: Request<net::OrchestratorRequest>,
    ) -> Result<tonic::Response<net::OrchestratorInfo>, Status> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(self.delay).await;
        let mut offer = self.offer();
        let less = |left: u32| left.checked_sub(1);
        if self
            .short_lived
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less)
            .is_ok()
        {
            let soon = Timestamp::now().as_second() + 170;
            offer.auth_token = offer
                .auth_token
                .map(|token| self.tokens.make(token.session_id, soon));
        }
        if offer.transcoder == "hang" {
            std::future::pending::<()>().await;
        }
        Ok(tonic::Response::new(offer))
    }

    async fn end_transcoding_session(
        &self,
        request: Request<net::EndTranscodingSessionRequest>,
    ) -> Result<tonic::Response<net::EndTranscodingSessionResponse>, Status> {
        let token = request.into_inner().auth_token.unwrap_or_default();
        self.ended.lock().unwrap().push(token.session_id);
        Ok(tonic::Response::new(net::EndTranscodingSessionResponse {}))
    }

    async fn ping(&self, request: Request<net::PingPong>) -> Result<tonic::Response<net::PingPong>, Status> {
        Ok(tonic::Response::new(request.into_inner()))
    }
}

fn endless() -> Body {
    let block = Bytes::from(vec![0x47; 1 << 20]);
    Body::from_stream(futures_util::stream::repeat(block).map(Ok::<_, std::io::Error>))
}

async fn take_segment(State(shared): State<Shared>, headers: HeaderMap, data: Bytes) -> Response {
    let header = headers.get("livepeer-segment").unwrap();
    let sent = segment::from_header(header.as_bytes()).unwrap();
    // What a real orchestrator checks: the sender must get these right whatever happens next.
    shared
        .tokens
        .check(sent.auth_token.as_ref().unwrap(), Timestamp::now())
        .unwrap();
    assert_eq!(segment::hash_of(&sent), alloy::primitives::keccak256(&data));
    shared.papers.lock().unwrap().push(sent.clone());
    if let Some(header) = headers
        .get("livepeer-payment")
        .filter(|header| !header.is_empty())
    {
        let payment = STANDARD.decode(header.as_bytes()).unwrap();
        let payment = net::Payment::decode(payment.as_slice()).unwrap();
        shared.payments.lock().unwrap().push(payment);
    }
    let attempt = {
        let mut attempts = shared.attempts.lock().unwrap();
        let attempt = attempts.entry(sent.seq).or_default();
        *attempt += 1;
        *attempt
    };
    let deed = (shared.script)(sent.seq, attempt);
    let seq = sent.seq;
    shared
        .renditions
        .lock()
        .unwrap()
        .insert(seq, (deed, data.clone()));
    let pixels = i64::try_from(count::count(&data).unwrap().pixels().unwrap()).unwrap();
    let rendition = net::TranscodedSegmentData {
        url: format!("{}/stream/{seq}", shared.uri),
        pixels: if deed == Deed::WrongPixels {
            pixels + 320 * 180
        } else {
            pixels
        },
        perceptual_hash_url: match sent.calc_perceptual_hash && deed != Deed::NoHash {
            true => format!("{}/hash/{seq}", shared.uri),
            false => String::new(),
        },
    };
    let stranger = LocalSigner(alloy::signers::local::PrivateKeySigner::random());
    let signer = if deed == Deed::ForeignSignature {
        Some(&stranger)
    } else {
        shared.signer.as_ref()
    };
    let data = net::TranscodeData {
        segments: if deed == Deed::TooFew {
            Vec::new()
        } else {
            vec![rendition]
        },
        sig: signer
            .map(|signer| signer.sign(&renditions_message([&data])))
            .unwrap_or_default(),
    };
    let result = |seq, result| {
        let result = net::TranscodeResult {
            seq,
            info: Some(shared.offer()),
            result,
        };
        result.encode_to_vec().into_response()
    };
    match deed {
        Deed::Silence => std::future::pending().await,
        Deed::HeadOnly => Body::from_stream(futures_util::stream::pending::<Result<Bytes, std::io::Error>>())
            .into_response(),
        Deed::Garbage => "\u{ff}\u{ff} this is not protobuf".into_response(),
        Deed::Endless => endless().into_response(),
        Deed::Nothing => result(seq, None),
        Deed::WrongSegment => result(seq + 1, Some(Outcome::Data(data))),
        Deed::Refuse(status, text) => {
            (StatusCode::from_u16(status).unwrap(), format!("{text}\n")).into_response()
        }
        Deed::Fail(text) => result(seq, Some(Outcome::Error(text.into()))),
        _ => result(seq, Some(Outcome::Data(data))),
    }
}

async fn give_rendition(State(shared): State<Shared>, Path(seq): Path<i64>) -> Response {
    let kept = shared.renditions.lock().unwrap().get(&seq).cloned();
    let (deed, data) = kept.unwrap();
    match deed {
        Deed::NotThere => (StatusCode::NOT_FOUND, "ErrNotFound").into_response(),
        Deed::EndlessRendition => endless().into_response(),
        Deed::NotVideo => vec![b'x'; 5000].into_response(),
        Deed::Damaged => {
            let mut damaged = data.to_vec();
            // Past the tables, inside the first picture.
            for (index, byte) in damaged.iter_mut().enumerate().skip(2000).take(1200) {
                if index % 188 > 20 {
                    *byte = byte.wrapping_mul(31).wrapping_add(7);
                }
            }
            damaged.into_response()
        }
        Deed::OtherPictures => other_pictures().into_response(),
        _ => data.into_response(),
    }
}

/// As long and as large as the usual clip.
fn other_pictures() -> Bytes {
    let file = testbed::clip::drawn("gateway-other-pictures.ts", |ffmpeg| {
        ffmpeg.args(["-f", "lavfi", "-i", "mandelbrot=size=320x180:rate=30", "-t", "2"]);
        ffmpeg.args(["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"]);
        ffmpeg.args(["-f", "mpegts"]);
    });
    std::fs::read(file).unwrap().into()
}

/// Long enough for the timeouts of a two-second segment.
pub const PATIENCE: Duration = Duration::from_secs(40);
