//! Sessions that send segments, each after the one before it, and what happened to every one.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use tokio::{sync::mpsc, task::JoinSet, time::sleep_until};
use tokio_util::sync::CancellationToken;

use super::{Plan, Progress, bare::Bare, clip::Piece};
use crate::media::{
    arrival::{Incoming, Source, arrival},
    job::{SegmentJob, SegmentTranscoder, TranscodeError, Transcoded},
    ladder::Profile,
};

/// How often bytes of a live segment come.
const CHUNK: Duration = Duration::from_millis(25);

/// How segments come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Each, whole, as soon as the one before it is done.
    FlatOut,
    /// At playing pace.
    Live {
        /// From a segment's first byte to its last.
        arrive: Duration,
    },
}

/// What happened to one segment.
#[derive(Debug, Clone)]
pub struct Sample {
    /// Which session, from 0.
    pub session: u32,
    /// Its number in the session, from 0.
    pub segment: u64,
    /// Which piece of the clip it was.
    pub piece: usize,
    /// How long it plays.
    pub playing: Duration,
    /// From its last byte, or when that was due, to its last rendition.
    pub latency: Duration,
    /// Source frames.
    pub frames: u64,
    /// Whether an ffmpeg was waiting for it.
    pub warm: bool,
    /// Why it was not transcoded; none if it was.
    pub failure: Option<String>,
    /// Its renditions, if they were to be kept.
    pub renditions: Vec<Bytes>,
}

/// What one side did in one turn.
#[derive(Debug)]
pub struct Turn {
    /// Every segment.
    pub samples: Vec<Sample>,
    /// From the turn's start to its last rendition.
    pub wall: Duration,
}

/// One session.
#[derive(Debug, Clone)]
pub struct Stream {
    id: String,
    index: u32,
    next: u64,
}

/// Sends segments of a clip.
pub struct Loader<T> {
    shared: Arc<Shared<T>>,
}

struct Shared<T> {
    transcoder: Arc<T>,
    pieces: Vec<Piece>,
    profiles: Vec<Profile>,
    progress: mpsc::UnboundedSender<Progress>,
}

/// A segment about to be sent.
struct Next {
    index: usize,
    piece: Piece,
    job: SegmentJob,
}

impl<T: SegmentTranscoder + 'static> Loader<T> {
    pub(super) fn new(plan: &Plan, transcoder: Arc<T>, progress: mpsc::UnboundedSender<Progress>) -> Self {
        Self {
            shared: Arc::new(Shared {
                transcoder,
                pieces: plan.pieces.clone(),
                profiles: plan.profiles.clone(),
                progress,
            }),
        }
    }

    /// New sessions. Their names are their own in this process.
    #[must_use]
    pub fn open(&self, sessions: u32) -> Vec<Stream> {
        (0..sessions)
            .map(|index| Stream {
                id: format!("{:08x}", rand::random::<u32>()),
                index,
                next: 0,
            })
            .collect()
    }

    /// Nothing more comes of them.
    pub fn close(&self, streams: &[Stream]) {
        for stream in streams {
            self.shared.transcoder.close(&stream.id);
        }
    }

    /// Every session sends so many segments to the engine.
    pub async fn turn(&self, streams: &mut [Stream], segments: u32, pace: Pace, keep: bool) -> Turn {
        let started = Instant::now();
        let count = u32::try_from(streams.len()).unwrap_or(u32::MAX).max(1);
        let mut sessions = JoinSet::new();
        for stream in streams.iter_mut() {
            let (shared, mine) = (Arc::clone(&self.shared), stream.clone());
            stream.next += u64::from(segments);
            sessions.spawn(async move {
                // Live streams do not all begin a segment at once.
                let offset = shared.at(&mine, mine.next).1.duration * mine.index / count;
                let mut begin = started + offset;
                let mut samples = Vec::new();
                for segment in mine.next..mine.next + u64::from(segments) {
                    let sample = shared.engine(&mine, segment, begin, pace, keep).await;
                    begin += sample.playing;
                    samples.push(sample);
                }
                samples
            });
        }
        gathered(sessions, started).await
    }

    /// Every session has the same segments transcoded by a bare ffmpeg.
    pub async fn bare_turn(&self, bare: &Bare, streams: &[Stream], segments: u32, keep: bool) -> Turn {
        let started = Instant::now();
        let mut sessions = JoinSet::new();
        for stream in streams {
            let (shared, mine, bare) = (Arc::clone(&self.shared), stream.clone(), bare.clone());
            sessions.spawn(async move {
                let mut samples = Vec::new();
                for segment in mine.next..mine.next + u64::from(segments) {
                    samples.push(shared.bare(&bare, &mine, segment, keep).await);
                }
                samples
            });
        }
        gathered(sessions, started).await
    }
}

/// Waits for all sessions. Dropped before that, it ends them.
async fn gathered(mut sessions: JoinSet<Vec<Sample>>, started: Instant) -> Turn {
    let mut samples = Vec::new();
    while let Some(ended) = sessions.join_next().await {
        // A session that panicked has no samples: they are missed in the counts.
        samples.extend(ended.unwrap_or_default());
    }
    let wall = started.elapsed();
    samples.sort_by_key(|sample| (sample.session, sample.segment));
    Turn { samples, wall }
}

impl<T: SegmentTranscoder> Shared<T> {
    /// The piece of the clip that is a session's segment. Sessions start at different pieces.
    fn at(&self, stream: &Stream, segment: u64) -> (usize, &Piece) {
        let place = (segment + u64::from(stream.index)) % self.pieces.len() as u64;
        let place = usize::try_from(place).unwrap_or(0);
        (place, &self.pieces[place])
    }

    fn next(&self, stream: &Stream, segment: u64) -> Next {
        let (index, piece) = self.at(stream, segment);
        Next {
            index,
            piece: piece.clone(),
            job: SegmentJob {
                session: stream.id.clone(),
                seq: segment,
                source: Source::from(piece.data.clone()),
                duration: piece.duration,
                profiles: self.profiles.clone(),
                perceptual_hash: false,
                clip: None,
                orchestrator: "offchain".into(),
            },
        }
    }

    async fn engine(&self, stream: &Stream, segment: u64, begin: Instant, pace: Pace, keep: bool) -> Sample {
        let Next {
            index,
            piece,
            mut job,
        } = self.next(stream, segment);
        let (outcome, ended, due) = match pace {
            Pace::FlatOut => {
                let due = Instant::now();
                let outcome = self.transcoder.transcode(job, CancellationToken::new()).await;
                (outcome, Instant::now(), due)
            }
            Pace::Live { arrive } => {
                sleep_until(begin.into()).await;
                let (incoming, source) = arrival(piece.data.len());
                job.source = source;
                let transcoding = async {
                    let outcome = self.transcoder.transcode(job, CancellationToken::new()).await;
                    (outcome, Instant::now())
                };
                let feeding = feed(incoming, piece.data.clone(), begin, arrive);
                let ((outcome, ended), ()) = tokio::join!(transcoding, feeding);
                (outcome, ended, begin + arrive)
            }
        };
        // Nobody listens any more: no reason to stop measuring.
        let _ = self.progress.send(Progress::Segment);
        sample(
            stream,
            segment,
            index,
            &piece,
            ended.saturating_duration_since(due),
            outcome,
            keep,
        )
    }

    async fn bare(&self, bare: &Bare, stream: &Stream, segment: u64, keep: bool) -> Sample {
        let Next { index, piece, job } = self.next(stream, segment);
        let made = bare.transcode(&piece, &job, keep).await;
        let _ = self.progress.send(Progress::Segment);
        let (latency, renditions, failure) = match made {
            Ok(made) => (made.elapsed, made.renditions, None),
            Err(error) => (Duration::ZERO, Vec::new(), Some(error.to_string())),
        };
        Sample {
            session: stream.index,
            segment,
            piece: index,
            playing: piece.duration,
            latency,
            frames: piece.frames,
            warm: false,
            failure,
            renditions,
        }
    }
}

fn sample(
    stream: &Stream,
    segment: u64,
    index: usize,
    piece: &Piece,
    latency: Duration,
    outcome: Result<Transcoded, TranscodeError>,
    keep: bool,
) -> Sample {
    let (warm, renditions, failure) = match outcome {
        Ok(made) => {
            let renditions = made.renditions.into_iter().map(|rendition| rendition.data);
            (
                made.warm,
                if keep { renditions.collect() } else { Vec::new() },
                None,
            )
        }
        Err(error) => (false, Vec::new(), Some(error.to_string())),
    };
    Sample {
        session: stream.index,
        segment,
        piece: index,
        playing: piece.duration,
        latency,
        frames: piece.frames,
        warm,
        failure,
        renditions,
    }
}

/// Lets a segment come in from `begin` on, evenly, its last byte after `over`. Parts that are due already come at once.
async fn feed(mut incoming: Incoming, data: Bytes, begin: Instant, over: Duration) {
    let parts = usize::try_from(over.as_millis() / CHUNK.as_millis())
        .unwrap_or(1)
        .max(1);
    let size = data.len().div_ceil(parts).max(1);
    let parts = u32::try_from(data.len().div_ceil(size)).unwrap_or(1).max(1);
    for (part, chunk) in (1..=parts).zip(data.chunks(size)) {
        sleep_until((begin + over * part / parts).into()).await;
        incoming.push(chunk);
    }
    let _ = incoming.finish();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_live_segment_comes_in_over_its_time() {
        let data = Bytes::from(vec![7_u8; 10_001]);
        let (incoming, source) = arrival(data.len());
        let begin = Instant::now();
        let over = Duration::from_millis(200);
        let reading = async {
            let first = source.read(0).await.unwrap().unwrap().len();
            let whole = source.whole().await.unwrap().len();
            (first, whole, begin.elapsed())
        };
        let ((first, whole, took), ()) = tokio::join!(reading, feed(incoming, data, begin, over));
        // An eighth each, and the last byte no sooner than it is due.
        assert_eq!((first, whole), (1251, 10_001));
        assert!(took >= over, "{took:?}");
    }

    #[tokio::test]
    async fn a_segment_that_is_late_comes_at_once() {
        let (incoming, source) = arrival(0);
        let begin = Instant::now().checked_sub(Duration::from_secs(5)).unwrap();
        feed(
            incoming,
            Bytes::from_static(b"abc"),
            begin,
            Duration::from_secs(4),
        )
        .await;
        assert_eq!(source.complete().unwrap(), "abc");
        let (incoming, source) = arrival(0);
        feed(incoming, Bytes::new(), begin, Duration::ZERO).await;
        assert_eq!(source.complete().unwrap(), "");
    }
}
