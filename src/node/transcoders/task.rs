//! One segment on its way through a transcoder, and through another one if the first is lost.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{MemberId, Nobody, TranscoderPool, Waiting};
use crate::{
    media::{
        job::{Rendition, SegmentJob, TranscodeError, Transcoded, is_final},
        target::Target,
    },
    node::{Node, upload::Share},
    wire::{
        net,
        segment::{LEGACY_PROFILES, fill_profiles},
    },
};

/// The least time a transcoder gets for a task, however short the segment plays (`go-livepeer core/orchestrator.go`).
const LEAST_PATIENCE: Duration = Duration::from_secs(8);
/// How often a segment is handed out at most.
const MOST_ATTEMPTS: usize = 4;
/// After so many transcoders that failed with it, it is the segment.
const MOST_FAILURES: usize = 2;
/// News of one segment that may wait to be read.
const MOST_NEWS: usize = 4 * MOST_ATTEMPTS;
/// Parts of a result beside one rendition and one perceptual hash for each profile.
const SPARE_PARTS: usize = 8;
/// A rendition shorter than this holds nothing (`go-livepeer core/orchestrator.go`).
const SHORTEST_RENDITION: usize = 25;
/// What the gateway is told when a transcoder does not answer in time (`go-livepeer core/orchestrator.go`).
const TOOK_TOO_LONG: &str = "Remote transcoder took too long";

/// What became of a task.
pub(super) struct News {
    /// Its number.
    pub task: i64,
    /// What became of it.
    pub event: Event,
}

pub(super) enum Event {
    /// Renditions came.
    Done(Delivery),
    /// The transcoder says that it failed, in these words.
    Refused(String),
    /// What came was no result.
    Unusable(String),
    /// There was no memory for the renditions.
    NoRoom,
    /// The transcoder is gone, or its upload broke off. A result may come all the same.
    Lost,
}

/// Renditions as they were posted, with the memory they take.
pub(super) struct Delivery {
    /// In the order they came.
    pub renditions: Vec<Rendition>,
    /// Held until the renditions are where they belong.
    pub _share: Share,
}

/// A task handed out.
#[derive(Debug, Clone, Copy)]
struct Attempt {
    task: i64,
    member: MemberId,
    since: Instant,
}

/// How long a transcoder may take for a segment that plays so long, until its result is here whole.
fn patience(playing: Duration) -> Duration {
    playing.saturating_mul(4).max(LEAST_PATIENCE)
}

/// Transcodes one segment: source up for download, task out, result in.
pub(super) async fn transcode(
    pool: &TranscoderPool,
    job: &SegmentJob,
    request: &net::SegData,
    source: Bytes,
    stop: &CancellationToken,
) -> Result<Transcoded, TranscodeError> {
    let begun = Instant::now();
    let offer = Offer::make(pool, job, request, source)?;
    let (tell, news) = mpsc::channel(MOST_NEWS);
    let mut segment = Segment {
        pool,
        job,
        message: task_message(job, request, offer.url()),
        tell,
        stop,
        deadline: begun + patience(job.duration),
        attempts: Vec::new(),
    };
    let delivery = segment.run(news).await?;
    Ok(Transcoded {
        renditions: delivery.renditions,
        decoded_frames: 0,
        source_width: 0,
        source_height: 0,
        elapsed: begun.elapsed(),
        target: Target::default(),
        warm: false,
    })
}

/// A source where transcoders can fetch it, until the segment is done.
struct Offer {
    node: Arc<Node>,
    session: String,
    name: String,
    source: Bytes,
}

impl Offer {
    fn make(
        pool: &TranscoderPool,
        job: &SegmentJob,
        request: &net::SegData,
        source: Bytes,
    ) -> Result<Self, TranscodeError> {
        let node = pool.state().node.upgrade().ok_or(TranscodeError::Stopped)?;
        let (session, name) = (job.session.clone(), format!("{}.tempfile", request.seq));
        let store = node.sessions().store();
        let saved = store.save(&session, "", name.clone(), source.clone());
        saved.map_err(|ended| TranscodeError::Remote(ended.to_string()))?;
        Ok(Self {
            node,
            session,
            name,
            source,
        })
    }

    fn url(&self) -> String {
        format!(
            "{}/stream/{}/{}",
            self.node.service_uri(),
            self.session,
            self.name
        )
    }
}

impl Drop for Offer {
    fn drop(&mut self) {
        let store = self.node.sessions().store();
        store.withdraw(&self.session, "", &self.name, &self.source);
    }
}

/// A segment while transcoders work on it. Dropped, nobody waits for their results any more.
struct Segment<'a> {
    pool: &'a TranscoderPool,
    job: &'a SegmentJob,
    message: net::NotifySegment,
    tell: mpsc::Sender<News>,
    stop: &'a CancellationToken,
    deadline: Instant,
    attempts: Vec<Attempt>,
}

impl Segment<'_> {
    async fn run(&mut self, mut news: mpsc::Receiver<News>) -> Result<Delivery, TranscodeError> {
        let mut room = self.pool.shared.room.subscribe();
        // Those that failed with it get it no more.
        let mut failed: Vec<MemberId> = Vec::new();
        let mut failure = None;
        let mut live = None;
        loop {
            room.mark_unchanged();
            if live.is_none() {
                match self.hand_out(&failed) {
                    Ok(attempt) => live = Some(attempt),
                    Err(TranscodeError::Stopped) => return Err(TranscodeError::Stopped),
                    Err(nobody) => match failure.take() {
                        Some(failure) => return Err(failure),
                        None if self.attempts.is_empty() => return Err(nobody),
                        // The one that was lost may still deliver, or another one come.
                        None => {}
                    },
                }
            }
            let News { task, event } = tokio::select! {
                biased;
                () = self.stop.cancelled() => return Err(TranscodeError::Stopped),
                // This end holds a sender too: there is always more to come.
                Some(news) = news.recv() => news,
                _ = room.changed(), if live.is_none() => continue,
                () = sleep_until(self.deadline) => return Err(self.give_up(live)),
            };
            let is_live = live.is_some_and(|live| live.task == task);
            let text = match event {
                Event::Done(delivery) => match self.judge(&delivery) {
                    Ok(()) => {
                        self.note(task, None);
                        return Ok(delivery);
                    }
                    Err(text) => text,
                },
                Event::Refused(text) => {
                    if is_final(&text) {
                        self.note(task, Some(&text));
                        self.release();
                        return Err(TranscodeError::Remote(text));
                    }
                    text
                }
                Event::Unusable(text) => text,
                Event::NoRoom => return Err(TranscodeError::Busy),
                Event::Lost => {
                    live = live.filter(|_| !is_live);
                    continue;
                }
            };
            self.note(task, Some(&text));
            if is_live {
                live = None;
                self.release();
                failed.extend(self.attempt(task).map(|attempt| attempt.member));
                let error = TranscodeError::Remote(text);
                if failed.len() >= MOST_FAILURES {
                    return Err(error);
                }
                failure = Some(error);
            }
        }
    }

    /// Gives it to a transcoder. One that takes no messages is sent away, and the next one asked.
    fn hand_out(&mut self, avoid: &[MemberId]) -> Result<Attempt, TranscodeError> {
        let nobody = |nobody: Nobody| TranscodeError::Remote(nobody.to_string());
        if self.attempts.len() >= MOST_ATTEMPTS {
            return Err(nobody(Nobody::Available));
        }
        let needs = self.message.seg_data.as_ref();
        let needs = needs.and_then(|segment| segment.capabilities.as_ref());
        let mut state = self.pool.state();
        // Under the lock: a session that ends is released after it was stopped.
        if self.stop.is_cancelled() {
            return Err(TranscodeError::Stopped);
        }
        loop {
            let session = &self.job.session;
            let id = state.registry.select(session, needs, avoid).map_err(nobody)?;
            let task = state.tasks.next;
            let message = net::NotifySegment {
                task_id: task,
                ..self.message.clone()
            };
            let member = state.registry.get_mut(id).ok_or(nobody(Nobody::Available))?;
            if member.queue.try_send(message).is_err() {
                state.leave(id, "it does not take its tasks");
                continue;
            }
            member.running.insert(task);
            state.tasks.next += 1;
            let waiting = Waiting {
                member: id,
                deadline: self.deadline,
                most_parts: 2 * self.job.profiles.len() + SPARE_PARTS,
                news: self.tell.clone(),
            };
            state.tasks.waiting.insert(task, waiting);
            drop(state);
            let attempt = Attempt {
                task,
                member: id,
                since: Instant::now(),
            };
            if let Some(last) = self.attempts.last() {
                tracing::warn!(
                    session,
                    seq = self.job.seq,
                    after = last.task,
                    task,
                    "handed a segment to a transcoder again"
                );
            }
            self.attempts.push(attempt);
            return Ok(attempt);
        }
    }

    /// Time is up. Who had all of it and did not answer is sent away.
    fn give_up(&self, live: Option<Attempt>) -> TranscodeError {
        if let Some(attempt) = live {
            self.note(attempt.task, Some(TOOK_TOO_LONG));
            // The first one has had it since a moment after the deadline was set.
            let had = attempt.since.elapsed() + Duration::from_millis(500);
            if had >= patience(self.job.duration) {
                self.pool.leave(attempt.member, "it took too long");
            }
        }
        self.release();
        TranscodeError::Remote(TOOK_TOO_LONG.to_string())
    }

    /// Whether these can be the renditions that were asked for; if not, what the gateway is told
    /// (`go-livepeer core/orchestrator.go`).
    fn judge(&self, delivery: &Delivery) -> Result<(), String> {
        if delivery.renditions.len() != self.job.profiles.len() {
            return Err("MismatchedSegments".to_string());
        }
        let is_empty = |rendition: &Rendition| rendition.data.len() < SHORTEST_RENDITION;
        match delivery.renditions.iter().any(is_empty) {
            true => Err("ZeroSegments".to_string()),
            false => Ok(()),
        }
    }

    fn attempt(&self, task: i64) -> Option<Attempt> {
        self.attempts.iter().copied().find(|attempt| attempt.task == task)
    }

    /// Keeps the books on the transcoder that had the task.
    fn note(&self, task: i64, failure: Option<&str>) {
        let mut state = self.pool.state();
        let member = self.attempt(task).map(|attempt| attempt.member);
        if let Some(member) = member.and_then(|member| state.registry.get_mut(member)) {
            member.note(failure);
        }
    }

    /// Any error ends a session's stay with its transcoder.
    fn release(&self) {
        self.pool.state().registry.release(&self.job.session);
        self.pool.made_room();
    }
}

impl Drop for Segment<'_> {
    fn drop(&mut self) {
        let mut state = self.pool.state();
        for attempt in &self.attempts {
            state.tasks.waiting.remove(&attempt.task);
            if let Some(member) = state.registry.get_mut(attempt.member) {
                member.running.remove(&attempt.task);
            }
        }
    }
}

/// The task as transcoders are told of it, but for its number (`go-livepeer server/ot_rpc.go`). The hash is blank and
/// there is no signature: transcoders check neither.
fn task_message(job: &SegmentJob, request: &net::SegData, url: String) -> net::NotifySegment {
    let segment = net::SegData {
        manifest_id: request.manifest_id.clone(),
        seq: request.seq,
        hash: vec![0; 32],
        profiles: LEGACY_PROFILES.to_vec(),
        duration: i32::try_from(job.duration.as_millis()).unwrap_or(i32::MAX),
        capabilities: request.capabilities.clone(),
        auth_token: request.auth_token.clone(),
        calc_perceptual_hash: request.calc_perceptual_hash,
        full_profiles: request.full_profiles.clone(),
        full_profiles2: request.full_profiles2.clone(),
        full_profiles3: request.full_profiles3.clone(),
        segment_parameters: request.segment_parameters,
        force_session_reinit: request.force_session_reinit,
        sig: Vec::new(),
        storage: Vec::new(),
    };
    net::NotifySegment {
        url,
        seg_data: Some(segment),
        task_id: 0,
        profiles: LEGACY_PROFILES.to_vec(),
        orch_id: job.orchestrator.clone(),
    }
}

/// The end of a session as its transcoder is told of it: no URL, and the session's id.
pub(super) fn teardown(session: &str) -> net::NotifySegment {
    let token = net::AuthToken {
        session_id: session.to_string(),
        ..net::AuthToken::default()
    };
    net::NotifySegment {
        seg_data: Some(net::SegData {
            auth_token: Some(token),
            ..net::SegData::default()
        }),
        ..net::NotifySegment::default()
    }
}

/// What a gateway would have sent to ask for the job.
pub(super) fn request_of(job: &SegmentJob) -> net::SegData {
    let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let mut request = net::SegData {
        manifest_id: job.session.clone().into_bytes(),
        seq: i64::try_from(job.seq).unwrap_or(i64::MAX),
        auth_token: Some(net::AuthToken {
            session_id: job.session.clone(),
            ..net::AuthToken::default()
        }),
        calc_perceptual_hash: job.perceptual_hash,
        segment_parameters: job.clip.map(|clip| net::SegParameters {
            from: millis(clip.from),
            to: millis(clip.to),
        }),
        ..net::SegData::default()
    };
    fill_profiles(&mut request, &job.profiles);
    request
}

impl TranscoderPool {
    /// Until when a task's result is waited for, and how many parts it may have; none if nobody waits for it.
    pub(super) fn awaited(&self, task: i64) -> Option<(Instant, usize)> {
        let state = self.state();
        let waiting = state.tasks.waiting.get(&task)?;
        Some((waiting.deadline, waiting.most_parts))
    }

    /// What became of a task, once: whatever comes after it is ignored.
    pub(super) async fn deliver(&self, task: i64, event: Event) {
        let news = {
            let mut state = self.state();
            let Some(waiting) = state.tasks.waiting.remove(&task) else {
                tracing::info!(task, "a result nobody waits for");
                return;
            };
            if let Some(member) = state.registry.get_mut(waiting.member) {
                member.running.remove(&task);
            }
            waiting.news
        };
        // Who does not listen any more needs no news.
        let _ = news.send(News { task, event }).await;
    }

    /// A task's upload broke off: the transcoder may send it again, or another one be faster.
    pub(super) fn upload_broke_off(&self, task: i64) {
        if let Some(waiting) = self.state().tasks.waiting.get(&task) {
            waiting.tell(task, Event::Lost);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        media::arrival::Source,
        node::{PoolSettings, transcoders::Introduction},
        wire::capability::CapabilitySet,
    };

    fn job() -> SegmentJob {
        SegmentJob {
            session: "session".to_string(),
            seq: 3,
            source: Source::from(Bytes::new()),
            duration: Duration::from_secs(3),
            profiles: Vec::new(),
            perceptual_hash: false,
            clip: None,
            orchestrator: "offchain".to_string(),
        }
    }

    fn introduction() -> Introduction {
        Introduction {
            address: None,
            capacity: 9,
            capabilities: CapabilitySet::default_set().to_message("0.9.1"),
        }
    }

    #[test]
    fn patience_is_four_times_the_segment_and_never_little() {
        assert_eq!(patience(Duration::from_secs(1)), Duration::from_secs(8));
        assert_eq!(patience(Duration::from_secs(3)), Duration::from_secs(12));
    }

    #[test]
    fn who_takes_no_messages_is_sent_away_and_the_next_one_asked() {
        let pool = TranscoderPool::new(PoolSettings::new("secret".parse().unwrap()));
        let (full, _kept) = mpsc::channel(1);
        full.try_send(teardown("another")).unwrap();
        let (queue, mut messages) = mpsc::channel(1);
        let (_, gone) = pool.join(introduction(), full).unwrap();
        pool.join(introduction(), queue).unwrap();
        let (job, stop) = (job(), CancellationToken::new());
        let (tell, _news) = mpsc::channel(1);
        let mut segment = Segment {
            pool: &pool,
            job: &job,
            message: task_message(&job, &request_of(&job), "url".to_string()),
            tell,
            stop: &stop,
            deadline: Instant::now(),
            attempts: Vec::new(),
        };
        let attempt = segment.hand_out(&[]).unwrap();
        assert!(gone.is_cancelled());
        assert_eq!(messages.try_recv().unwrap().task_id, attempt.task);
        let here = |pool: &TranscoderPool| pool.movements().here;
        assert_eq!((here(&pool), pool.awaited(attempt.task).is_some()), (1, true));
        // A session that has ended gets nothing any more.
        stop.cancel();
        assert_eq!(segment.hand_out(&[]).unwrap_err(), TranscodeError::Stopped);
        drop(segment);
        assert!(pool.awaited(attempt.task).is_none());
    }
}
