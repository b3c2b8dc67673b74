//! Publishers over RTMP: `rtmp://host:port/[live/|stream/]<manifest>[/<key>]` (`go-livepeer server/mediaserver.go`,
//! `lpms vidlistener/listener.go`).
//!
//! lpctl speaks RTMP's own side itself, so that any number of publishers share one port and each is admitted before its
//! first picture is looked at; ffmpeg gets what they send as FLV, behind its fence, and cuts it.

mod amf;
mod chunk;
mod cut;
mod flv;
mod session;

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream, tcp},
    process::ChildStdin,
    sync::Semaphore,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    Shared,
    admit::NotAdmitted,
    answer::{Answer, is_stream_name},
    body::Held,
    keys::Key,
    probe::probe,
    push::LONGEST_DURATION,
    stream::{CarryError, LiveStream, Segment},
    streams::Visit,
};
use crate::{gateway::tools::Tools, media::ladder::Container, process::Fencing, view::ingest::Origin};

use cut::{CutError, LiveCutter};
use flv::Found;
use session::{Media, Publisher};

/// Connections for each stream there may be: some come to nothing.
const CONNECTIONS_PER_STREAM: usize = 4;
/// Messages before the first picture that are kept until ffmpeg runs.
const PRELUDE_MESSAGES: usize = 500;
/// Their bytes.
const PRELUDE_BYTES: usize = 8 << 20;

type Peer = Publisher<tcp::OwnedReadHalf, tcp::OwnedWriteHalf>;

/// What publishers come through.
pub(super) struct Door {
    pub shared: Arc<Shared>,
    pub tools: Tools,
    pub fencing: Fencing,
}

/// Why a publisher was sent away, or its stream ended.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error("the connection broke: {0}")]
    Connection(#[from] io::Error),
    #[error("the address names no stream; publish to rtmp://HOST:PORT/live/STREAM")]
    Name,
    #[error(transparent)]
    NotAdmitted(#[from] NotAdmitted),
    #[error("the stream is being published already")]
    Twice,
    #[error("nothing but H.264 and HEVC can be taken")]
    Codec,
    #[error("no pictures came")]
    NoPictures,
    #[error("no segment for {} s", .0.as_secs())]
    Silence(Duration),
    #[error(transparent)]
    Cut(#[from] CutError),
    #[error("the gateway is stopping")]
    Stopping,
    #[error("another stream of the same name has begun")]
    Replaced,
}

/// How long a publisher may take to take an answer.
const ANSWER: Duration = Duration::from_secs(5);

/// Takes publishers until told to stop.
pub(super) async fn serve(listener: TcpListener, door: Door, stop: CancellationToken) {
    let door = Arc::new(door);
    let most = usize::try_from(door.shared.max_streams).unwrap_or(usize::MAX);
    let most = most.saturating_mul(CONNECTIONS_PER_STREAM).clamp(16, 4096);
    let places = Arc::new(Semaphore::new(most));
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "no RTMP connection was accepted");
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = sleep(Duration::from_millis(100)) => continue,
                }
            }
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            tracing::warn!(%peer, most, "closed an RTMP connection: there are as many as may be");
            continue;
        };
        let door = Arc::clone(&door);
        // Counted with the segments: when the gateway stops, what was already sent is cut and worked on.
        door.shared.running.clone().spawn(async move {
            let _place = place;
            if let Err(error) = Box::pin(door.publisher(stream, peer)).await {
                tracing::info!(%peer, %error, "a publisher is gone");
            }
        });
    }
}

impl Door {
    /// One connection, from its first byte to its last.
    async fn publisher(&self, stream: TcpStream, peer: SocketAddr) -> Result<(), Ended> {
        let shared = &self.shared;
        stream.set_nodelay(true)?;
        let (reader, writer) = stream.into_split();
        let mut publisher = tokio::select! {
            () = shared.intake.cancelled() => return Err(Ended::Stopping),
            publisher = Publisher::meet(reader, writer) => publisher?,
        };
        let Some(asked) = Asked::read(publisher.path()) else {
            let _ = timeout(ANSWER, publisher.refuse(&Ended::Name.to_string())).await;
            return Err(Ended::Name);
        };
        let (visit, answer, key) = match self.admit(&asked, &publisher.address()).await {
            Ok(admitted) => admitted,
            Err(error) => {
                // The webhook's reasons are the operator's business.
                let told = match &error {
                    Ended::NotAdmitted(NotAdmitted::Webhook(_)) => "the stream is not taken".to_string(),
                    error => error.to_string(),
                };
                let _ = timeout(ANSWER, publisher.refuse(&told)).await;
                return Err(error);
            }
        };
        tracing::info!(%peer, manifest = asked.external, "a publisher is admitted");
        let published = Publication {
            door: self,
            visit,
            answer,
            key,
        };
        let ended = async {
            let approved = timeout(ANSWER, publisher.approve()).await;
            approved.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
            published.run(&mut publisher).await
        };
        let ended = ended.await;
        let reason = match &ended {
            Ok(()) => "the publisher left".to_string(),
            Err(error) => error.to_string(),
        };
        // The stream behind the door may be one that was pushed meanwhile.
        let ours = published.visit.live.get();
        if let Some(live) = ours.filter(|live| live.origin() == Origin::Rtmp) {
            shared.end(live, &reason);
        }
        published.visit.is_published.store(false, Ordering::Release);
        ended
    }

    async fn admit(
        &self,
        asked: &Asked,
        address: &str,
    ) -> Result<(Visit<'_>, Answer, Option<Arc<Key>>), Ended> {
        let shared = &self.shared;
        let key = shared
            .key(asked.key.as_deref(), &asked.external)
            .map_err(NotAdmitted::from)?;
        let visit = shared.streams.enter(&asked.external).map_err(NotAdmitted::from)?;
        if visit.live.get().is_some() || visit.is_published.swap(true, Ordering::AcqRel) {
            return Err(Ended::Twice);
        }
        match shared.admit(&visit, address, address, None).await {
            Ok(answer) => Ok((visit, answer, key)),
            Err(error) => {
                visit.is_published.store(false, Ordering::Release);
                Err(error.into())
            }
        }
    }
}

/// What an address asks for.
#[derive(Debug, PartialEq, Eq)]
struct Asked {
    external: String,
    key: Option<String>,
}

impl Asked {
    /// Reads `[live/|stream/]<manifest>[/<key…>][?…]`. A missing name is made up; none for one that cannot be a name.
    fn read(path: &str) -> Option<Self> {
        let path = path.split('?').next().unwrap_or_default();
        let mut parts = path.split('/').filter(|part| !part.is_empty()).peekable();
        parts.next_if(|first| matches!(*first, "live" | "stream"));
        let external = match parts.next() {
            Some(name) => Some(name.to_string()).filter(|name| is_stream_name(name))?,
            None => hex::encode(rand::random::<[u8; 4]>()),
        };
        Some(Self {
            external,
            key: parts.next().map(str::to_string),
        })
    }
}

/// One admitted publisher.
struct Publication<'a> {
    door: &'a Door,
    visit: Visit<'a>,
    answer: Answer,
    key: Option<Arc<Key>>,
}

impl Publication<'_> {
    async fn run(&self, publisher: &mut Peer) -> Result<(), Ended> {
        let idle = self.door.shared.limits.rtmp_idle;
        let first = timeout(idle, Box::pin(prelude(publisher))).await;
        let (found, first) = first.map_err(|_| Ended::Silence(idle))??;
        let (mut cutter, stdin) = LiveCutter::start(&self.door.tools, &self.door.fencing, found).await?;
        // The feeder ends when the publisher does and closes ffmpeg's input; what is in ffmpeg then still comes out.
        let halt = CancellationToken::new();
        let feeding = async {
            let stopped = async {
                tokio::select! {
                    () = halt.cancelled() => {}
                    () = self.door.shared.intake.cancelled() => {}
                }
            };
            tokio::select! {
                fed = feed(publisher, stdin, first, idle) => fed,
                () = stopped => Err(Ended::Stopping),
            }
        };
        let cutting = async {
            let cut = self.follow(&mut cutter, idle).await;
            halt.cancel();
            cut
        };
        let (fed, cut) = tokio::join!(Box::pin(feeding), Box::pin(cutting));
        cutter.stop().await;
        match (fed, cut) {
            // What went wrong with the cutting is also why nothing more was fed.
            (_, Err(error)) => Err(error),
            (fed, Ok(())) => fed,
        }
    }

    /// Sends each segment on as it is cut.
    async fn follow(&self, cutter: &mut LiveCutter, idle: Duration) -> Result<(), Ended> {
        let mut carried = Vec::new();
        let mut next: Option<(Arc<LiveStream>, u64)> = None;
        loop {
            let cut = timeout(idle, cutter.next()).await;
            let Some(cut) = cut.map_err(|_| Ended::Silence(idle))?? else {
                break;
            };
            let data = cut.data.clone();
            let probed = tokio::task::spawn_blocking(move || probe(&data, "a segment of an RTMP stream"));
            let probed = match probed.await {
                Ok(Ok(probed)) => probed,
                Ok(Err(error)) => {
                    tracing::warn!(manifest = self.visit.external(), %error, "a segment is left out");
                    continue;
                }
                Err(error) => return Err(io::Error::other(error).into()),
            };
            let (live, seq) = match next.take() {
                Some(next) => next,
                None => {
                    let live = self
                        .door
                        .shared
                        .stream(
                            &self.visit,
                            Origin::Rtmp,
                            self.answer.clone(),
                            self.key.as_ref(),
                            Container::MpegTs,
                            probed,
                        )
                        .await?;
                    // A stream that goes on where another one ended goes on counting.
                    let seq = live.playlists().next();
                    (live, seq)
                }
            };
            if let Some(key) = &self.key {
                key.has_pixels().map_err(NotAdmitted::from)?;
            }
            let mut held = Held::default();
            let has_room = self.door.shared.room.cover(&mut held, cut.data.len());
            if let Err(error) = has_room {
                tracing::warn!(manifest = live.manifest(), seq, %error, "a segment is left out");
            } else {
                let segment = Segment {
                    seq,
                    data: cut.data,
                    held,
                    duration: cut.duration.min(LONGEST_DURATION),
                    container: Container::MpegTs,
                    probed,
                    clip: None,
                    force_reinit: false,
                    arrived: Instant::now(),
                };
                match live.carry(segment) {
                    Ok(carrying) => carried.push(carrying),
                    // Live video does not wait: what cannot be taken now is lost, and recorded.
                    Err(CarryError::Busy) => {}
                    Err(_) => return Err(Ended::Replaced),
                }
                carried.retain(|carrying| !carrying.is_finished());
            }
            next = Some((live, seq.saturating_add(1)));
        }
        for carrying in carried {
            // What became of it is in the record.
            let _ = carrying.await;
        }
        Ok(())
    }
}

/// The first messages, up to the first picture, and what they tell.
async fn prelude(publisher: &mut Peer) -> Result<(Found, Vec<Media>), Ended> {
    let mut found = Found::default();
    let mut first = Vec::new();
    let mut bytes = 0;
    // One more picture than the first: publishers that send sound have begun with it by then.
    let mut pictures = 0;
    while pictures < 3 {
        let media = publisher.next().await?.ok_or(Ended::NoPictures)?;
        found.note(&media);
        pictures += usize::from(media.kind == chunk::kind::VIDEO);
        bytes += media.body.len();
        first.push(media);
        if found.video == Some(false) {
            return Err(Ended::Codec);
        }
        if first.len() > PRELUDE_MESSAGES || bytes > PRELUDE_BYTES {
            break;
        }
    }
    match found.video {
        Some(_) => Ok((found, first)),
        None => Err(Ended::NoPictures),
    }
}

/// Hands all that comes to ffmpeg, until the publisher leaves. Dropping the pipe tells ffmpeg that this was all.
async fn feed(
    publisher: &mut Peer,
    mut stdin: ChildStdin,
    first: Vec<Media>,
    idle: Duration,
) -> Result<(), Ended> {
    let write = async |stdin: &mut ChildStdin, bytes: &[u8]| {
        let written = timeout(idle, stdin.write_all(bytes)).await;
        written.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    };
    write(&mut stdin, &flv::HEADER).await?;
    for media in &first {
        if let Some(tag) = flv::tag(media) {
            write(&mut stdin, &tag).await?;
        }
    }
    drop(first);
    loop {
        let next = timeout(idle, publisher.next()).await;
        let media = match next.map_err(|_| Ended::Silence(idle))? {
            Ok(Some(media)) => media,
            Ok(None) => return Ok(()),
            // Many publishers just hang up.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        if let Some(tag) = flv::tag(&media) {
            write(&mut stdin, &tag).await?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_stream_and_key() {
        let read = |path: &str| Asked::read(path).map(|asked| (asked.external, asked.key));
        let some = |name: &str, key: Option<&str>| Some((name.to_string(), key.map(str::to_string)));
        assert_eq!(read("live/movie"), some("movie", None));
        assert_eq!(read("live/movie/secret"), some("movie", Some("secret")));
        assert_eq!(
            read("stream/movie/secret/more?a=/b"),
            some("movie", Some("secret"))
        );
        assert_eq!(read("movie"), some("movie", None));
        assert_eq!(read("/movie/secret"), some("movie", Some("secret")));
        for nameless in ["", "/", "live", "live/", "stream/?token=1"] {
            let (name, key) = read(nameless).unwrap();
            assert_eq!((name.len(), key), (8, None), "{nameless}");
        }
        for bad in ["live/a b", "live/..", "live/a%2Fb"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
